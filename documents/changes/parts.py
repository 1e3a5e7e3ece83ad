"""The nested records of a change request: approvals, test results, comments, moves and the gate's pass."""

from typing import ClassVar

from pydantic import Field

from documents.access import GovernanceRole
from documents.changes.life import ChangeStatus
from documents.identities import IdentityMark
from documents.values import Choice, Digest, Key, Moment, Name, Statement, Text, Uri, Value


class ChangeApproval(Value):
    """A change approval is what a reviewer said of a plan."""

    grouped: ClassVar = frozenset({"role", "approved", "reviewer_id", "reviewer_department"})
    bounded: ClassVar = frozenset({"at"})

    role: GovernanceRole = Field(description="The role that the reviewer spoke for.")
    approved: bool = Field(description="Whether the reviewer lets the change go on.")
    reviewer_id: Key = Field(description="The user id of whoever reviewed.")
    reviewer_name: Name = Field(description="The name that the reviewer then had.")
    reviewer_department: Name = Field(description="The department that the reviewer was then in.")
    at: Moment = Field(description="The time the reviewer spoke.")
    comments: Text = Field(default="", description="The comments that the reviewer made.")
    plan: Digest = Field(description="The digest that `content` takes for the reviewed plan.")
    submission: int = Field(description="The submission that was reviewed, from 1.")
    identity: IdentityMark | None = Field(
        default=None, description="The mark of the reviewer's identity at that time; null if it was not kept."
    )


class RequiredChangeApproval(Value):
    """A required approval names a role that a change needs, and what it said."""

    role: GovernanceRole = Field(description="The role that must approve.")
    approval: ChangeApproval | None = Field(description="The approval that it gave or refused; null before that.")


class ApprovalsDue(Value):
    """The approvals due are those that an emergency decommission started without."""

    ordered: ClassVar = frozenset({"until"})
    bounded: ClassVar = frozenset({"until"})

    roles: tuple[GovernanceRole, ...] = Field(description="The required roles that have not approved, or that refused.")
    until: Moment = Field(description="The time by which they are due, which is 24 hours after the start.")


class TestResult(Value):
    """A test result says how a required test ended."""

    grouped: ClassVar = frozenset({"name", "passed"})
    bounded: ClassVar = frozenset({"recorded_at"})

    __test__: ClassVar = False  # pytest would collect it by its name

    name: Name = Field(description="The name that the test has.")
    passed: bool = Field(description="Whether the test has passed.")
    uri: Uri | None = Field(default=None, description="The URI where the evidence is.")
    sha256: Digest | None = Field(default=None, description="The SHA-256 that the evidence has.")
    notes: Text = Field(default="", description="The notes that whoever recorded it made.")
    recorded_by: Key = Field(description="The user id or service that recorded the result.")
    recorded_at: Moment = Field(description="The time the result was recorded.")
    submission: int = Field(description="The submission that was tested, from 1.")


class Comment(Value):
    """A comment is something said about a change."""

    at: Moment = Field(description="The time the comment was made.")
    by: Key = Field(description="The user id or service that made the comment.")
    text: Statement = Field(description="The text that the comment has.")


class Move(Value):
    """A move is a step from one status to the next."""

    grouped: ClassVar = frozenset({"to_status", "by"})
    bounded: ClassVar = frozenset({"at"})

    at: Moment = Field(description="The time the step was made.")
    by: Key = Field(description="The user id or service that made the step.")
    from_status: ChangeStatus = Field(description="The status that it led from.")
    to_status: ChangeStatus = Field(description="The status that it led to.")
    reason: Statement | None = Field(default=None, description="The reason that was given; null if none.")


class GateBasis(Choice):
    """A change is allowed to start on one of these grounds."""

    ELIGIBLE = "eligible", "The change's target was eligible."
    FORMER = "former", "The change rolls back to what ran there, though it is not eligible any more."
    MITIGATION = "mitigation", "The change mitigates the holds and incidents that stand in the way of what runs."
    OUT = "out", "The change takes a version out, and brings none."
    SAME_VERSION = "same_version", "The change's target ran there already, which was enough before release 0.3.0."
    FORMERLY_DEPLOYED = "formerly_deployed", "The change rolled back to what ran there, which was enough before release 0.3.0."


class GatePass(Value):
    """A gate pass says that a change could start, and why."""

    ordered: ClassVar = frozenset({"at", "basis"})
    grouped: ClassVar = frozenset({"basis"})
    bounded: ClassVar = frozenset({"at"})

    at: Moment = Field(description="The time the change started.")
    by: Key = Field(description="The user id or service that started the change.")
    basis: GateBasis = Field(description="The basis says why it was let through.")
    eligibility: Digest | None = Field(
        default=None,
        description="The digest that `content` takes for the eligibility of the target, or of what is taken out; null if none.",
    )
    lacks: tuple[str, ...] = Field(
        default=(), description="The roles, requirements, holds and incidents that kept the target from being eligible."
    )
