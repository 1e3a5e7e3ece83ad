"""What clients read of a judgement: each obstacle to a deployment, the reason, and the mutation that would remove it."""

from pydantic import Field

from documents.access import GovernanceRole
from documents.policies import BoundPolicy, RequirementCheck
from documents.risk.scales import RiskTier
from documents.stages import GOVERNED, Stage
from documents.values import Choice, FreeJson, Moment, Value
from documents.versions.approvals import Approval, ApprovalStatus
from documents.versions.conditions import Condition
from documents.versions.holds import Hold
from documents.versions.lifecycle import VersionStatus
from documents.versions.waivers import Waiver


class Remedy(Value):
    """A remedy is the mutation that would mend a refusal."""

    mutation: str = Field(description="The name that the mutation has.")
    arguments: FreeJson = Field(description="The arguments that are known of the mutation's input.")
    fill: tuple[str, ...] = Field(default=(), description="The paths of the input that only the caller can fill.")
    permitted: tuple[str, ...] = Field(description="The roles and people that may use the mutation.")


class Finding(Value):
    """A finding is a requirement that is not met."""

    policy_id: str = Field(description="The id of the policy that asks for it.")
    policy_name: str = Field(description="The name that the policy has.")
    requirement_id: str = Field(description="The id of the requirement that is not met.")
    title: str = Field(description="The title says what is required.")
    reason: str = Field(description="The reason why it is not met.")
    remedy: Remedy | None = Field(description="The remedy that would meet it; null where no mutation can.")


class RequirementOutcome(Choice):
    """A requirement stands in one of these ways."""

    MET = "met", "The requirement is met."
    WAIVED = "waived", "The requirement is not met, and a waiver excepts the version from it."
    UNMET = "unmet", "The requirement is not met."


class RequirementResult(Value):
    """A result says how a requirement stands."""

    policy_id: str = Field(description="The id of the policy that asks for it.")
    requirement_id: str = Field(description="The id that the requirement has.")
    title: str = Field(description="The title says what is required.")
    check: RequirementCheck = Field(description="The check that decides it.")
    outcome: RequirementOutcome = Field(description="The outcome says how it stands.")
    met_by: str | None = Field(default=None, description="The paper that meets it, where another could too; null otherwise.")
    reason: str | None = Field(default=None, description="The reason why it is not met; null if it is.")
    remedy: Remedy | None = Field(default=None, description="The remedy that would meet it; null where no mutation can.")
    waiver_id: str | None = Field(default=None, description="The id of the waiver that excepts the version; null if none.")


class WaivedFinding(Value):
    """A waived finding is a blocking requirement that is not met and stops nothing."""

    finding: Finding = Field(description="The finding says what is not met, and why.")
    waiver: Waiver = Field(description="The waiver that ends last of those that stand.")


class OpenCondition(Value):
    """An open condition is not confirmed yet."""

    role: GovernanceRole = Field(description="The role that set the condition.")
    decision_id: str = Field(description="The id of the decision that it belongs to.")
    withholds: bool = Field(description="Whether the approval does not count before it is confirmed.")
    condition: Condition = Field(description="The condition that is open.")
    remedy: Remedy = Field(description="The remedy that is next: to satisfy it, or to confirm it.")


class StandingHold(Value):
    """A standing hold stops the version now."""

    hold: Hold = Field(description="The hold that stands.")
    remedy: Remedy | None = Field(description="The remedy that would lift it; null for a retired version.")


class RequiredApproval(Value):
    """A required approval says how the approval of a role stands."""

    role: GovernanceRole = Field(description="The role that must approve.")
    policies: tuple[str, ...] = Field(description="The ids of the policies that require it.")
    status: ApprovalStatus = Field(description="The status that its approval has now.")
    decision: Approval | None = Field(description="The decision that stands for the role; null before there is one.")
    candidate_ids: tuple[str, ...] = Field(description="The user ids of the people who could give it.")
    remedy: Remedy | None = Field(description="The remedy that brings the approval; null if not needed.")


class BlockingIncident(Value):
    """A blocking incident is critical and open."""

    incident_id: str = Field(description="The id of the incident that blocks.")
    remedy: Remedy = Field(description="The remedy that would resolve it.")


class NextRound(Value):
    """A next round is open while the approvals of the previous one count."""

    number: int = Field(description="The round's number counts from 1.")
    submitted_by: str = Field(description="The user id of whoever submitted.")
    submitted_at: Moment = Field(description="The time it was submitted.")
    required_approvals: tuple[RequiredApproval, ...] = Field(description="The roles whose approval it requires.")
    missing_approvals: tuple[RequiredApproval, ...] = Field(
        description="The roles whose approval it still waits for; once none is left, it takes the place of the previous round."
    )


class UpcomingPolicy(Value):
    """An upcoming policy will bind a version that was submitted before, and the version would fail it."""

    policy_id: str = Field(description="The id that names the policy.")
    policy_name: str = Field(description="The name that the policy has.")
    revision: int = Field(description="The number of the revision that will bind.")
    binds_from: Moment = Field(description="The time from which it binds the version.")
    violations: tuple[Finding, ...] = Field(description="The requirements that the version would not meet then.")
    missing_roles: tuple[GovernanceRole, ...] = Field(description="The roles whose approval would not count then.")
    remedy: Remedy | None = Field(
        description="The remedy that brings the approvals before that time; null if none is missing, or before the version is "
        "approved."
    )

    @property
    def says(self) -> str:
        """The notice: when it binds, what is wanting, and what mends it."""
        wanting = [f"{each.requirement_id}: {each.reason}{_by(each.remedy)}" for each in self.violations]
        if self.missing_roles:
            roles = ", ".join(each.name for each in self.missing_roles)
            wanting.append(f"an approval as {roles} is wanting{_by(self.remedy)}")
        return f"{self.policy_id} binds from {self.binds_from:%Y-%m-%d %H:%M} UTC on; {'; '.join(wanting)}"


def _by(remedy: Remedy | None) -> str:
    return f" (remedy: {remedy.mutation})" if remedy else ""


class Eligibility(Value):
    """An eligibility says whether a version may be deployed, and what stands in the way."""

    eligible: bool = Field(
        description="Whether the version has every approval required now, and no unwaived violation, hold or critical incident."
    )
    stages: tuple[Stage, ...] = Field(
        default=GOVERNED, description="The stages of environments that it is about; policies that bind none are left out."
    )
    tier: RiskTier = Field(description="The risk tier that the version has.")
    status: VersionStatus = Field(description="The status says what the decisions come to.")
    policies: tuple[BoundPolicy, ...] = Field(default=(), description="The policy revisions that it is judged by.")
    required_approvals: tuple[RequiredApproval, ...] = Field(description="The roles whose approval is required.")
    missing_approvals: tuple[RequiredApproval, ...] = Field(
        description="The roles whose approval is required and does not count."
    )
    next_round: NextRound | None = Field(
        default=None, description="The next round of approvals, while the previous one counts; null if none is open."
    )
    upcoming_policies: tuple[UpcomingPolicy, ...] = Field(
        default=(), description="The policies that will bind the version and that it would fail, the first to bind first."
    )
    violations: tuple[Finding, ...] = Field(description="The blocking requirements that are neither met nor waived.")
    waived: tuple[WaivedFinding, ...] = Field(description="The blocking requirements that are not met, and waived.")
    holds: tuple[StandingHold, ...] = Field(description="The holds that stand.")
    blocking_incidents: tuple[BlockingIncident, ...] = Field(description="The critical incidents that are open.")
    open_conditions: tuple[OpenCondition, ...] = Field(description="The conditions that are not confirmed.")
    advisories: tuple[Finding, ...] = Field(description="The advisory requirements that are not met.")
    notices: tuple[str, ...] = Field(description="The notices say what else is known; they stop nothing.")
