"""Policies: which requirements a tier must meet and whose approval it needs; revised, never changed in place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Self, TypeVar
from weakref import WeakKeyDictionary

from pydantic import AfterValidator, Field, PrivateAttr

from documents.access import GovernanceRole
from documents.audit.event import AuditEventType
from documents.canonical import digest
from documents.contents import Content, ContentKind, Revision, keep_text, next_revision
from documents.errors import InvalidInput, InvalidState
from documents.risk.scales import RiskTier
from documents.search import BY_TOKENS, Searchable
from documents.stages import GOVERNED, Stages
from documents.store.record import Known
from documents.store.shared import once
from documents.store.units import Bearing, open_unit
from documents.values import LIST_LENGTH, Choice, Digest, Key, Moment, Name, Statement, Value, each_once

_SCOPE = ("applicable_tiers", "effective_from", "effective_until", "binds_approved_from")
"""The parts of a content that its revision repeats, so that it is known without the text when the revision binds what."""

C = TypeVar("C", RiskTier, GovernanceRole)


class Enforcement(Choice):
    """A policy's enforcement says what an unmet requirement does."""

    BLOCKING = "blocking", "The requirement blocks deployment until it is met."
    ADVISORY = "advisory", "The unmet requirement is reported and stops nothing."


class RequirementCheck(Choice):
    """A check decides a requirement from the records."""

    INTENDED_USE = "intended_use", "The card names primary intended uses."
    TRAINING_DATA = "training_data", "A datasheet is linked, or the card describes the training data and names their sources."
    EVALUATION = "evaluation", "The card has at least one metric with its dataset."
    LIMITATIONS = "limitations", "The card lists limitations and at least one risk."
    BIAS_ASSESSED = "bias_assessed", "The risk FAIR-001 is assessed: answered, not defaulted."
    FAIRNESS_METRIC = "fairness_metric", "Some metric of the card is broken down by group."
    HARMS_STATED = "harms_stated", "The card states ethical considerations."
    RISKS_MITIGATED = "risks_mitigated", "The card lists risks, and every one of them has a mitigation."
    INJECTION_CONTROLLED = "injection_controlled", "The risk SEC-001 is assessed with at least one control."
    LEAKAGE_CONTROLLED = "leakage_controlled", "The risk SEC-002 is assessed with at least one control."
    EVIDENCE = "evidence", "Evidence that is attached for the requirement stands."
    REGISTRATION_AUDITED = "registration_audited", "The version's registration is proven to be in the audit trail."
    METRICS_REVIEWED = "metrics_reviewed", "A metrics review is recorded within the tier's review interval."
    DRIFT_REVIEWED = "drift_reviewed", "A drift analysis is recorded within the tier's review interval."
    INCIDENTS_REVIEWED = "incidents_reviewed", "An incident review is recorded within the tier's review interval."
    COMPLIANCE_REVIEWED = "compliance_reviewed", "A compliance check is recorded within the tier's review interval."


RATED_RISKS: Mapping[RequirementCheck, str] = {
    RequirementCheck.BIAS_ASSESSED: "FAIR-001",
    RequirementCheck.INJECTION_CONTROLLED: "SEC-001",
    RequirementCheck.LEAKAGE_CONTROLLED: "SEC-002",
}
"""The risk that a check looks for in the latest assessment."""


class Requirement(Value):
    """A requirement is one thing that must hold."""

    grouped: ClassVar = frozenset({"check"})

    requirement_id: Key = Field(description="The id is the policy's and a name within it: `POL-003.access-control`.")
    title: Name = Field(description="The title says what is required.")
    check: RequirementCheck = Field(description="The check that decides it.")

    def belongs_to(self, policy_id: str) -> bool:
        """Whether its id is the policy's and a name within it; as the name has no dot, no two policies share a requirement."""
        before, dot, name = self.requirement_id.rpartition(".")
        return before == policy_id and bool(dot and name)


def each_requirement_once(requirements: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
    each_once((each.requirement_id,) for each in requirements)
    return requirements


def _each_choice_once(choices: tuple[C, ...]) -> tuple[C, ...]:
    each_once((each.name,) for each in choices)
    return choices


Tiers = Annotated[tuple[RiskTier, ...], Field(min_length=1, max_length=LIST_LENGTH), AfterValidator(_each_choice_once)]
"""One tier or more, each once."""

Roles = Annotated[tuple[GovernanceRole, ...], Field(max_length=LIST_LENGTH), AfterValidator(_each_choice_once)]
"""Governance roles, each once."""


class PolicyTerms(Value):
    """A policy's terms say what it asks, and of which tiers."""

    name: Name = Field(description="The name that the policy has.")
    description: Statement = Field(description="The text says what the policy is for.")
    applicable_tiers: Tiers = Field(description="The tiers that it applies to, each once.")
    stages: Stages = Field(
        default=GOVERNED,
        description="The stages of environments that it binds, each once: elsewhere it stands in no deployment's way.",
    )
    required_roles: Roles = Field(default=(), description="The roles whose approval it requires.")
    requirements: Annotated[tuple[Requirement, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_requirement_once)] = (
        Field(default=(), description="The requirements that must be met, each once.")
    )
    enforcement: Enforcement = Field(description="The enforcement says what an unmet requirement does.")
    demands_confirmed: bool = Field(
        default=False,
        description="Whether the policy demands confirmed identities: an approval that it requires, and a waiver of its "
        "requirements, then count only from a person whose identity was confirmed at that time.",
    )


class PolicyContent(PolicyTerms):
    """A policy's content is what a revision of it says."""

    ordered: ClassVar = frozenset({"name", "enforcement", "effective_from", "effective_until"})
    grouped: ClassVar = frozenset({"enforcement", "applicable_tiers", "required_roles"})
    bounded: ClassVar = frozenset({"effective_from", "effective_until"})
    unasked: ClassVar = frozenset({"stages", "demands_confirmed"})  # older documents have none, and read with the default

    effective_from: Moment = Field(description="The time it comes into force.")
    effective_until: Moment | None = Field(default=None, description="The time it ends; null for no end.")
    binds_approved_from: Moment | None = Field(
        default=None, description="The time it also binds versions that were submitted before; null for new submissions only."
    )

    @property
    def blocking(self) -> bool:
        return self.enforcement is Enforcement.BLOCKING


class PolicyRevision(Revision):
    """A policy revision is in force until a later one replaces it."""

    grouped: ClassVar = frozenset({"author"})
    bounded: ClassVar = frozenset({"at"})

    applicable_tiers: Tiers = Field(description="The tiers that it applies to.")
    effective_from: Moment = Field(description="The time it replaces those before it.")
    effective_until: Moment | None = Field(description="The time it ends; null for no end.")
    binds_approved_from: Moment | None = Field(
        default=None, description="The time it also binds versions that were submitted before; null for new submissions only."
    )


class BoundPolicy(Value):
    """A bound policy is a revision that binds a version."""

    grouped: ClassVar = frozenset({"policy_id"})

    policy_id: Key = Field(description="The id that names the policy.")
    revision: int = Field(description="The number of the revision that binds.")
    digest: Digest = Field(description="The digest of what the revision says.")


class PolicyInForce(BoundPolicy):
    """A revision of a policy together with what it says."""

    says: PolicyContent = Field(description="The content that the revision has.")

    @property
    def blocking(self) -> bool:
        return self.says.blocking

    @property
    def bound(self) -> BoundPolicy:
        return BoundPolicy(policy_id=self.policy_id, revision=self.revision, digest=self.digest)


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a policy asks of a role: a requirement, or the approval as such where `requirement` is None."""

    policy_id: str
    requirement: Requirement | None


def asked_of(policies: Iterable[PolicyInForce], role: GovernanceRole) -> frozenset[Asked]:
    """What the blocking ones of `policies` ask of a role that they require."""
    asking = [each for each in policies if each.blocking and role in each.says.required_roles]
    return frozenset(Asked(each.policy_id, asked) for each in asking for asked in (None, *each.says.requirements))


class PolicyStatus(Choice):
    """A policy's status says whether it is in force."""

    UPCOMING = "upcoming", "No revision is in force, and one will be."
    IN_FORCE = "in_force", "One of the policy's revisions is in force."
    RETIRED = "retired", "No revision is in force, and none will be unless it is revised."


@dataclass(frozen=True, slots=True)
class PolicyPeriod:
    """When a revision is in force: from `begins` to before `ends`, or without end where that is None."""

    revision: PolicyRevision
    begins: datetime
    ends: datetime | None

    def holds(self, at: datetime) -> bool:
        return self.begins <= at and not self.over(at)

    def over(self, at: datetime) -> bool:
        return self.ends is not None and self.ends <= at


class Policy(Searchable):
    """A policy reads as its newest revision, in force or not."""

    keys: ClassVar = ("policy_id",)
    event: ClassVar = AuditEventType.POLICY_CHANGED
    reviewed: ClassVar = frozenset({"content"})
    cites: ClassVar = frozenset({"revisions.*.digest"})
    bears_on: ClassVar = (
        Bearing({"tier": "revisions.applicable_tiers"}, among={"standing.status": "draft"}),
        Bearing(
            {"tier": "revisions.applicable_tiers"},
            among={"standing.status": {"$in": ["approved", "pending_approval", "rejected"]}},
            having="revisions.binds_approved_from",
        ),
    )
    searched: ClassVar = ("policy_id", "content.name", "content.requirements.title", "content.description")
    ordered: ClassVar = frozenset({"policy_id"})

    policy_id: Key = Field(description="The id that names the policy, such as `POL-005`.")
    content: PolicyContent = Field(description="The content that the newest revision has.")
    revisions: tuple[PolicyRevision, ...] = Field(description="The revisions are listed oldest first.")

    _texts: list[tuple[str, bytes]] = PrivateAttr(default_factory=list)
    """The digests and texts of the revisions that are not stored yet."""

    collection: ClassVar = "policies"
    indexes: ClassVar = [BY_TOKENS]

    @classmethod
    def written(cls, policy_id: str, content: PolicyContent, author: str, at: datetime) -> Self:
        """A policy with its first revision, which `store` keeps."""
        policy = cls(policy_id=policy_id, content=content, revisions=())
        policy._add(content, author, at)
        return policy

    def revise(self, said: Mapping[str, Any], author: str, at: datetime) -> None:
        """Makes the next revision: the newest one, with the fields in `said` replaced.

        Without `effective_from` in `said` it is in force at once, or from when the newest one would be if that is later. Without
        `binds_approved_from` it binds new submissions only, whatever the newest one says.
        """
        if digest(dict(self.content) | dict(said)) == digest(self.content):
            raise InvalidInput("", "changes nothing")
        begins = {"effective_from": max(self.content.effective_from, at), "binds_approved_from": None}
        self._add(PolicyContent(**dict(self.content) | begins | dict(said)), author, at)

    def retire(self, since: datetime, author: str, at: datetime) -> None:
        """Makes a revision that begins and ends at `since`; from then on no revision is in force."""
        _not_past(since, at)
        self.may_retire(since)
        period = {"effective_from": since, "effective_until": since, "binds_approved_from": None}
        self._enter(PolicyContent(**dict(self.content) | period), author, at)

    def may_retire(self, since: datetime) -> None:
        """InvalidState if no revision is in force at `since`, and none will be."""
        if (status := self.status_at(since)) is PolicyStatus.RETIRED:
            raise InvalidState("retirePolicy", status, [PolicyStatus.UPCOMING, PolicyStatus.IN_FORCE])

    async def store(self) -> None:
        """Stores the policy, and the texts of its new revisions."""
        for kept, text in self._texts:
            await keep_text(ContentKind.POLICY, kept, text)
        self._texts.clear()
        await super().store()

    def _add(self, content: PolicyContent, author: str, at: datetime) -> None:
        _not_past(content.effective_from, at)
        if content.effective_until is not None and content.effective_until <= content.effective_from:
            raise InvalidInput("effective_until", "must be after the revision begins to be in force")
        _binds_in_force(content, at)
        if not content.required_roles and not content.requirements:
            raise InvalidInput("requirements", "must name a requirement, or `required_roles` a role: it asks nothing")
        if content.required_roles and not set(content.stages) & set(GOVERNED):
            governed = " or ".join(each.name for each in GOVERNED)
            raise InvalidInput("required_roles", f"must be none, or `stages` name {governed}: a round of approvals is for those")
        for index, each in enumerate(content.requirements):
            if not each.belongs_to(self.policy_id):
                path = f"requirements.{index}.requirement_id"
                raise InvalidInput(path, f"must be {self.policy_id}. and a name within the policy, without a dot")
        self._enter(content, author, at)

    def _enter(self, content: PolicyContent, author: str, at: datetime) -> None:
        kept, text = next_revision(self.revisions, ContentKind.POLICY, content, author, at)
        self._texts.append((kept.digest, text))
        scope = {each: getattr(content, each) for each in _SCOPE}
        self.content, self.revisions = content, (*self.revisions, PolicyRevision(**dict(kept), **scope))

    @property
    def periods(self) -> tuple[PolicyPeriod, ...]:
        """The periods in which revisions are in force, in order; one that was replaced before it began has none."""
        found: list[PolicyPeriod] = []
        replaced: datetime | None = None
        for each in reversed(self.revisions):
            period = PolicyPeriod(each, each.effective_from, _first(each.effective_until, replaced))
            if not period.over(period.begins):
                found.append(period)
            replaced = _first(each.effective_from, replaced)
        return tuple(reversed(found))

    @property
    def reaches(self) -> tuple[tuple[datetime, PolicyRevision], ...]:
        """The moments at which a revision binds what was submitted before, in order.

        A revision that is not in force at the moment that it names reaches nothing: a later one has replaced it.
        """
        named = ((each.revision.binds_approved_from, each) for each in self.periods)
        return tuple((moment, each.revision) for moment, each in named if moment and each.holds(moment))

    def in_force(self, at: datetime) -> PolicyRevision | None:
        return next((each.revision for each in self.periods if each.holds(at)), None)

    def status_at(self, at: datetime) -> PolicyStatus:
        if self.in_force(at):
            return PolicyStatus.IN_FORCE
        return PolicyStatus.UPCOMING if any(at < each.begins for each in self.periods) else PolicyStatus.RETIRED

    def newer_than(self, revision: int, at: datetime) -> PolicyRevision | None:
        """The revision in force at `at`, unless it is this one."""
        found = self.in_force(at)
        return found if found and found.revision != revision else None


_known: Known[Policy] = WeakKeyDictionary()


async def all_policies() -> list[Policy]:
    """Every policy, to judge by.

    A question reads them once, and a unit of work keeps what it read until one of its records changes.
    """
    unit = open_unit()
    if unit is None:
        return await once(Policy.collection, lambda: Policy.every_as_known(_known))
    if Policy.collection not in unit.memory:
        unit.memory[Policy.collection] = await Policy.every_as_known(_known)
    found: list[Policy] = unit.memory[Policy.collection]
    return found


def _not_past(begins: datetime, at: datetime) -> None:
    if at - begins >= timedelta(milliseconds=1):  # moments are kept to the millisecond, and now is not
        raise InvalidInput("effective_from", "must not be in the past; what was in force then stays on record")


def _binds_in_force(content: PolicyContent, at: datetime) -> None:
    """InvalidInput if the revision is to bind submitted versions at a moment that is past, or at which it is not in force."""
    if (binds := content.binds_approved_from) is None:
        return
    if at - binds >= timedelta(milliseconds=1):
        raise InvalidInput("binds_approved_from", "must not be in the past")
    if binds < content.effective_from:
        raise InvalidInput("binds_approved_from", "must not be before `effective_from`")
    if content.effective_until is not None and content.effective_until <= binds:
        raise InvalidInput("binds_approved_from", "must be before `effective_until`")


def _first(*moments: datetime | None) -> datetime | None:
    return min((each for each in moments if each is not None), default=None)


def in_force(policies: Iterable[Policy], tier: RiskTier, at: datetime) -> tuple[BoundPolicy, ...]:
    """The revisions of `policies` that apply to a tier at `at`, by the policy's id."""
    return _holding(_periods(policies, tier), at)


def from_then_on(policies: Iterable[Policy], tier: RiskTier, at: datetime) -> dict[datetime, tuple[BoundPolicy, ...]]:
    """The revisions that apply to a tier from `at` on, and from each later moment at which they change, in order."""
    periods = _periods(policies, tier)
    edges = {moment for _, each in periods for moment in (each.begins, each.ends) if moment and moment > at}
    return {moment: _holding(periods, moment) for moment in (at, *sorted(edges))}


def binding(
    policies: Iterable[Policy], bound: Iterable[BoundPolicy], since: datetime, tier: RiskTier
) -> dict[datetime, tuple[BoundPolicy, ...]]:
    """The revisions that a round is judged by from `since` on, and from each later moment at which they change, in order.

    The round was bound to `bound` at `since`, perhaps before a policy of the same moment was written. A revision that binds
    submitted versions takes the place of the bound one from the moment that it names, or ends it where the revision is not for
    the tier. Otherwise what bound the round stays.
    """
    reaches = sorted(
        ((moment, policy.policy_id, revision) for policy in policies for moment, revision in policy.reaches if since <= moment),
        key=lambda each: each[0],
    )
    held = {each.policy_id: each for each in bound}
    found = {since: dict(held)}
    for moment, policy_id, revision in reaches:
        before = held.pop(policy_id, None)
        if tier in revision.applicable_tiers:
            held[policy_id] = BoundPolicy(policy_id=policy_id, revision=revision.revision, digest=revision.digest)
        if held.get(policy_id) != before:
            found[moment] = dict(held)
    return {moment: tuple(each[name] for name in sorted(each)) for moment, each in found.items()}


def _periods(policies: Iterable[Policy], tier: RiskTier) -> list[tuple[str, PolicyPeriod]]:
    """The periods of the revisions that apply to a tier, each with the policy's id, in the order of the ids."""
    periods = ((policy.policy_id, each) for policy in policies for each in policy.periods)
    return sorted((each for each in periods if tier in each[1].revision.applicable_tiers), key=lambda each: each[0])


def _holding(periods: Iterable[tuple[str, PolicyPeriod]], at: datetime) -> tuple[BoundPolicy, ...]:
    held = ((policy_id, each.revision) for policy_id, each in periods if each.holds(at))
    return tuple(BoundPolicy(policy_id=policy_id, revision=each.revision, digest=each.digest) for policy_id, each in held)


async def contents_of(policies: Iterable[Policy], bound: Iterable[BoundPolicy]) -> dict[str, PolicyContent]:
    """The content of each bound revision, by digest: the newest from the policy itself, an older one from the contents."""
    wanted, newest = {each.digest for each in bound}, {each.revisions[-1].digest: each.content for each in policies}
    says = {digest: newest[digest] for digest in wanted & newest.keys()}
    if older := wanted - says.keys():
        for kept in await Content.read({"digest": {"$in": sorted(older)}}):
            says[kept.digest] = PolicyContent.model_validate_json(kept.canonical)
    return says


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
