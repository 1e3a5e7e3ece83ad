"""What a change nests: what was said of it, how its tests ended, its steps, and why it was allowed to start."""

from typing import ClassVar

from pydantic import Field

from documents.access import GovernanceRole
from documents.changes.life import ChangeStatus
from documents.values import Choice, Digest, Key, Moment, Name, Statement, Text, Uri, Value


class ChangeApproval(Value):
    """What one reviewer said of a plan, for one of the roles that its risk demands."""

    role: GovernanceRole = Field(description="The role that it was said for.")
    approved: bool = Field(description="Whether the change may go on.")
    reviewer_id: Key = Field(description="The user id of whoever said it.")
    reviewer_name: Name = Field(description="That person's name, as it was.")
    reviewer_department: Name = Field(description="That person's department, as it was.")
    at: Moment = Field(description="When.")
    comments: Text = Field(default="", description="What there was to say.")
    plan: Digest = Field(description="The plan that it is about: `content(digest)`.")
    submission: int = Field(description="Which submission of the change it is about, 1 for the first.")


class RequiredChangeApproval(Value):
    """A role whose approval a change needs, and what it said."""

    role: GovernanceRole = Field(description="The role.")
    approval: ChangeApproval | None = Field(description="What it said of the plan as it is frozen; nothing so far.")


class TestResult(Value):
    """How a required test of a frozen plan ended."""

    __test__: ClassVar = False  # pytest would collect it by its name

    name: Name = Field(description="Which test.")
    passed: bool = Field(description="Whether it passed.")
    uri: Uri | None = Field(default=None, description="Where its evidence is.")
    sha256: Digest | None = Field(default=None, description="The digest of that evidence.")
    notes: Text = Field(default="", description="What there was to say.")
    recorded_by: Key = Field(description="Who recorded it: a user id or a service.")
    recorded_at: Moment = Field(description="When.")
    submission: int = Field(description="Which submission of the change it is of, 1 for the first.")


class Comment(Value):
    """Something said about a change."""

    at: Moment = Field(description="When.")
    by: Key = Field(description="Who said it: a user id or a service.")
    text: Statement = Field(description="What.")


class Move(Value):
    """A step from one status to the next."""

    at: Moment = Field(description="When.")
    by: Key = Field(description="Who made it: a user id or a service.")
    from_status: ChangeStatus = Field(description="From which status.")
    to_status: ChangeStatus = Field(description="To which.")
    reason: Statement | None = Field(default=None, description="Why, where somebody said so.")


class GateBasis(Choice):
    """Why a change was allowed to start."""

    ELIGIBLE = "eligible", "Its target was eligible."
    SAME_VERSION = "same_version", "Its target ran there already."
    FORMERLY_DEPLOYED = "formerly_deployed", "It is a rollback to what ran there before, or to nothing."


class GatePass(Value):
    """That the gate let a change start, and why."""

    at: Moment = Field(description="When it started.")
    by: Key = Field(description="Who started it: a user id or a service.")
    basis: GateBasis = Field(description="Why it was let through.")
    eligibility: Digest | None = Field(
        default=None, description="`content(digest)` is the target's whole eligibility then; nothing where none was asked for."
    )
