"""Policies: which requirements a tier must meet and whose approval it needs; revised, never changed in place."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Self

from beanie import Indexed
from pydantic import Field

from documents.access import GovernanceRole
from documents.audit.event import AuditEventType
from documents.contents import Content, ContentKind, Revision, revised
from documents.risk.scales import RiskTier
from documents.search import BY_TOKENS, Searchable
from documents.values import LIST_LENGTH, Choice, Digest, Key, Moment, Name, Statement, Value

REVIEW_INTERVAL = {
    RiskTier.TIER_1_CRITICAL: timedelta(days=90),
    RiskTier.TIER_2_IMPORTANT: timedelta(days=180),
    RiskTier.TIER_3_STANDARD: timedelta(days=365),
}  # tier 4 is not reviewed periodically


class Enforcement(Choice):
    """What an unmet requirement does."""

    BLOCKING = "blocking", "Nothing is deployed before it is met."
    ADVISORY = "advisory", "It is reported and stops nothing."


class RequirementCheck(Choice):
    """How a requirement is decided, from the records themselves."""

    INTENDED_USE = "intended_use", "The card names primary intended uses."
    TRAINING_DATA = "training_data", "A datasheet is linked, or the card describes the training data and names their sources."
    EVALUATION = "evaluation", "The card has at least one metric with its dataset."
    LIMITATIONS = "limitations", "The card lists limitations and at least one risk."
    BIAS_ASSESSED = "bias_assessed", "FAIR-001 is assessed: answered, not defaulted."
    FAIRNESS_METRIC = "fairness_metric", "Some metric of the card is broken down by group."
    HARMS_STATED = "harms_stated", "The card states ethical considerations."
    RISKS_MITIGATED = "risks_mitigated", "The card lists risks, and every one of them has a mitigation."
    INJECTION_CONTROLLED = "injection_controlled", "SEC-001 is assessed with at least one control."
    LEAKAGE_CONTROLLED = "leakage_controlled", "SEC-002 is assessed with at least one control."
    EVIDENCE = "evidence", "Evidence attached for the requirement stands."
    REGISTRATION_AUDITED = "registration_audited", "The version's registration is proven to be in the audit trail."
    METRICS_REVIEWED = "metrics_reviewed", "A metrics review is recorded within the tier's review interval."
    DRIFT_REVIEWED = "drift_reviewed", "A drift analysis is recorded within the tier's review interval."
    INCIDENTS_REVIEWED = "incidents_reviewed", "An incident review is recorded within the tier's review interval."
    COMPLIANCE_REVIEWED = "compliance_reviewed", "A compliance check is recorded within the tier's review interval."


class Requirement(Value):
    """One thing that must hold."""

    requirement_id: Key = Field(description="The policy's id and a name within it: `POL-003.access-control`.")
    title: Name = Field(description="What is required.")
    check: RequirementCheck = Field(description="How it is decided.")


class PolicyContent(Value):
    """What a revision of a policy says."""

    name: Name = Field(description="What the policy is called.")
    description: Statement = Field(description="What it is for.")
    applicable_tiers: tuple[RiskTier, ...] = Field(description="The tiers that it applies to.")
    required_roles: tuple[GovernanceRole, ...] = Field(description="Whose approval it requires; asked for if it is blocking.")
    requirements: Annotated[tuple[Requirement, ...], Field(max_length=LIST_LENGTH)] = Field(description="What must hold.")
    enforcement: Enforcement = Field(description="What an unmet requirement does.")
    effective_from: Moment = Field(description="From when on it is in force.")
    effective_until: Moment | None = Field(default=None, description="Until when it is in force; nothing: without end.")

    def in_force(self, tier: RiskTier, at: datetime) -> bool:
        begun = self.effective_from <= at and (self.effective_until is None or at < self.effective_until)
        return begun and tier in self.applicable_tiers


class BoundPolicy(Value):
    """A revision of a policy that a version is bound to."""

    policy_id: Key = Field(description="Which policy.")
    revision: int = Field(description="Which revision of it.")
    digest: Digest = Field(description="The digest of what that revision says.")


class PolicyInForce(BoundPolicy):
    """A revision of a policy together with what it says."""

    says: PolicyContent = Field(description="What it says.")

    @property
    def blocking(self) -> bool:
        return self.says.enforcement is Enforcement.BLOCKING

    @property
    def bound(self) -> BoundPolicy:
        return BoundPolicy(policy_id=self.policy_id, revision=self.revision, digest=self.digest)


class Policy(Searchable):
    """A policy, as its newest revision has it."""

    keys: ClassVar = ("policy_id",)
    event: ClassVar = AuditEventType.POLICY_CHANGED
    reviewed: ClassVar = frozenset({"content"})
    searched: ClassVar = ("policy_id", "content.name", "content.requirements.title", "content.description")

    policy_id: Annotated[Key, Indexed(unique=True)] = Field(description="POL- and a number.")
    content: PolicyContent = Field(description="What the newest revision says.")
    revisions: tuple[Revision, ...] = Field(description="Every revision, first one first.")

    class Settings:
        name = "policies"
        indexes: ClassVar = [BY_TOKENS]

    @classmethod
    async def written(cls, policy_id: str, content: PolicyContent, author: str, at: datetime) -> Self:
        revisions = await revised((), ContentKind.POLICY, content, author, at)
        return cls(policy_id=policy_id, content=content, revisions=revisions)

    @property
    def newest(self) -> PolicyInForce:
        last = self.revisions[-1]
        return PolicyInForce(policy_id=self.policy_id, revision=last.revision, digest=last.digest, says=self.content)


def in_force(policies: Iterable[Policy], tier: RiskTier, at: datetime) -> list[PolicyInForce]:
    """What of `policies` applies to a tier at `at`, by id."""
    applied = [each.newest for each in policies if each.content.in_force(tier, at)]
    return sorted(applied, key=lambda each: each.policy_id)


def edges(policies: Iterable[Policy], tier: RiskTier, at: datetime) -> list[datetime]:
    """The moments after `at` at which what applies to a tier changes by itself, first one first."""
    applying = (each.content for each in policies if tier in each.content.applicable_tiers)
    moments = {moment for each in applying for moment in (each.effective_from, each.effective_until)}
    return sorted(each for each in moments if each and each > at)


async def contents_of(bound: set[BoundPolicy], policies: list[Policy]) -> dict[str, PolicyContent]:
    """What each bound revision says, by digest: from the policies where it is the newest, else as it was kept."""
    known = {policy.newest.digest: policy.content for policy in policies}
    if older := [each.digest for each in bound if each.digest not in known]:
        for kept in await Content.read({"digest": {"$in": older}}):
            known[kept.digest] = PolicyContent.model_validate_json(kept.canonical)
    return known


_ALL_BUT_EXPERIMENTAL = (RiskTier.TIER_1_CRITICAL, RiskTier.TIER_2_IMPORTANT, RiskTier.TIER_3_STANDARD)


def defaults(at: datetime) -> dict[str, PolicyContent]:
    """The four policies that a new database begins with, in force from `at`."""

    def policy(
        policy_id: str, name: str, description: str, tiers: tuple[RiskTier, ...], roles: tuple[GovernanceRole, ...],
        enforcement: Enforcement, **requirements: tuple[str, RequirementCheck],
    ) -> tuple[str, PolicyContent]:  # fmt: skip
        asked = tuple(
            Requirement(requirement_id=f"{policy_id}.{name.replace('_', '-')}", title=title, check=check)
            for name, (title, check) in requirements.items()
        )
        return policy_id, PolicyContent(
            name=name, description=description, applicable_tiers=tiers, required_roles=roles, requirements=asked,
            enforcement=enforcement, effective_from=at,
        )  # fmt: skip

    return dict(
        [
            policy(
                "POL-001", "Model documentation", "It can be read what the model is for, what it learned, where it fails.",
                _ALL_BUT_EXPERIMENTAL, (GovernanceRole.MODEL_OWNER,), Enforcement.BLOCKING,
                intended_use=("A model card that says what the model is for", RequirementCheck.INTENDED_USE),
                training_data=("The training data are documented", RequirementCheck.TRAINING_DATA),
                evaluation=("Evaluation results", RequirementCheck.EVALUATION),
                limitations=("Known limitations and risks", RequirementCheck.LIMITATIONS),
            ),
            policy(
                "POL-002", "Ethics review", "Critical and customer-facing models are judged for fairness and harm.",
                (RiskTier.TIER_1_CRITICAL, RiskTier.TIER_2_IMPORTANT), (GovernanceRole.ETHICS_REVIEWER,), Enforcement.BLOCKING,
                bias_assessment=("Bias has been assessed", RequirementCheck.BIAS_ASSESSED),
                fairness_metrics=("Fairness is measured group by group", RequirementCheck.FAIRNESS_METRIC),
                potential_harms=("Possible harms are named", RequirementCheck.HARMS_STATED),
                mitigations=("Every named risk has a mitigation", RequirementCheck.RISKS_MITIGATED),
            ),
            policy(
                "POL-003", "Security review", "Whatever runs in production has been tested against attack and leakage.",
                _ALL_BUT_EXPERIMENTAL, (GovernanceRole.SECURITY_REVIEWER,), Enforcement.BLOCKING,
                prompt_injection=("Tested against prompt injection", RequirementCheck.INJECTION_CONTROLLED),
                data_leakage=("Assessed for leaks of data", RequirementCheck.LEAKAGE_CONTROLLED),
                access_control=("Access control verified", RequirementCheck.EVIDENCE),
                audit_logging=("Registration proven in the audit trail", RequirementCheck.REGISTRATION_AUDITED),
            ),
            policy(
                "POL-004", "Periodic review", "A model in use is looked at again, the sooner the more critical it is.",
                _ALL_BUT_EXPERIMENTAL, (GovernanceRole.MODEL_OWNER, GovernanceRole.RISK_MANAGER), Enforcement.ADVISORY,
                metrics=("Performance metrics reviewed", RequirementCheck.METRICS_REVIEWED),
                drift=("Drift analysed", RequirementCheck.DRIFT_REVIEWED),
                incidents=("Incidents reviewed", RequirementCheck.INCIDENTS_REVIEWED),
                compliance=("Compliance checked", RequirementCheck.COMPLIANCE_REVIEWED),
            ),
        ]
    )  # fmt: skip
