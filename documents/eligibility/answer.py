"""What clients read of a judgement: what stands in the way, why, and what would mend it."""

from pydantic import Field

from documents.access import GovernanceRole
from documents.policies import RequirementCheck
from documents.risk.scales import RiskTier
from documents.values import Choice, FreeJson, Value
from documents.versions.approvals import Approval, ApprovalStatus
from documents.versions.conditions import Condition
from documents.versions.holds import Hold
from documents.versions.lifecycle import VersionStatus
from documents.versions.waivers import Waiver


class Remedy(Value):
    """The mutation that would mend a refusal."""

    mutation: str = Field(description="Which mutation.")
    arguments: FreeJson = Field(description="What is known of its input.")
    fill: tuple[str, ...] = Field(default=(), description="What only the caller can add to the input, by path.")
    permitted: tuple[str, ...] = Field(description="Who may.")


class Finding(Value):
    """A requirement that is not met, why, and what would mend it."""

    policy_id: str = Field(description="The policy that asks for it.")
    policy_name: str = Field(description="What that policy is called.")
    requirement_id: str = Field(description="Which requirement of it.")
    title: str = Field(description="What is required.")
    reason: str = Field(description="Why it is not met.")
    remedy: Remedy | None = Field(description="What would mend it; nothing where no mutation can.")


class RequirementOutcome(Choice):
    """How a requirement stands."""

    MET = "met", "It holds."
    WAIVED = "waived", "It does not hold, and a waiver excepts the version from it."
    UNMET = "unmet", "It does not hold."


class RequirementResult(Value):
    """A requirement that a version is held to, and how it stands."""

    policy_id: str = Field(description="The policy that asks for it.")
    requirement_id: str = Field(description="Which requirement of it.")
    title: str = Field(description="What is required.")
    check: RequirementCheck = Field(description="How it is decided.")
    outcome: RequirementOutcome = Field(description="How it stands.")
    reason: str | None = Field(default=None, description="Why it is not met.")
    remedy: Remedy | None = Field(default=None, description="What would mend it; nothing where no mutation can.")
    waiver_id: str | None = Field(default=None, description="The waiver that excepts the version from it.")


class WaivedFinding(Value):
    """A blocking requirement that is not met, and the waiver because of which it stops nothing."""

    finding: Finding = Field(description="What is not met, why, and what would mend it.")
    waiver: Waiver = Field(description="The waiver that ends last of those that stand.")


class OpenCondition(Value):
    """A condition of an approval that stands, as long as it is not confirmed."""

    role: GovernanceRole = Field(description="The role that set it.")
    decision_id: str = Field(description="The decision that it belongs to.")
    withholds: bool = Field(description="Whether the approval does not count before it is confirmed.")
    condition: Condition = Field(description="The condition.")
    remedy: Remedy = Field(description="What would bring it on: to satisfy it, or to confirm it.")


class StandingHold(Value):
    """A hold that stops the version now."""

    hold: Hold = Field(description="The hold.")
    remedy: Remedy | None = Field(description="What would lift it; nothing for a version that was retired.")


class RequiredApproval(Value):
    """A role whose approval is required, and how it stands."""

    role: GovernanceRole = Field(description="The role.")
    policies: tuple[str, ...] = Field(description="Ids of every policy that requires it.")
    status: ApprovalStatus = Field(description="How its approval reads now.")
    decision: Approval | None = Field(description="The decision that stands for it; nothing before somebody decides.")
    candidate_ids: tuple[str, ...] = Field(description="User ids of those who could give it.")
    remedy: Remedy | None = Field(description="What would bring the approval; nothing if it counts or the version was retired.")


class BlockingIncident(Value):
    """A critical incident of the version that is open."""

    incident_id: str = Field(description="Which incident.")
    remedy: Remedy = Field(description="What would end it.")


class Eligibility(Value):
    """Whether a version may be deployed, and if not, everything that stands in the way."""

    eligible: bool = Field(
        description="Approved, every blocking requirement met or waived, no hold, no critical incident open: now."
    )
    tier: RiskTier = Field(description="Its risk tier.")
    status: VersionStatus = Field(description="What the decisions say.")
    required_approvals: tuple[RequiredApproval, ...] = Field(description="Every role whose approval is required.")
    missing_approvals: tuple[RequiredApproval, ...] = Field(description="Those whose approval does not count.")
    violations: tuple[Finding, ...] = Field(description="Blocking requirements that are neither met nor waived.")
    waived: tuple[WaivedFinding, ...] = Field(description="Blocking requirements that are not met, and waived.")
    holds: tuple[StandingHold, ...] = Field(description="The holds that stand.")
    blocking_incidents: tuple[BlockingIncident, ...] = Field(description="Critical incidents that are open.")
    open_conditions: tuple[OpenCondition, ...] = Field(
        description="Conditions of the approvals that stand in an open round, as long as they are not confirmed."
    )
    advisories: tuple[Finding, ...] = Field(description="Advisory requirements that are not met; they stop nothing.")
    notices: tuple[str, ...] = Field(description="What else there is to know; stops nothing.")
