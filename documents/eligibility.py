"""May it be deployed? One case file a version, loaded in bulk, judged by pure checks; standing is the same judgement, stored."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import Field

from documents.access import Actor, GovernanceRole, Permission, needs
from documents.audit.event import EventType, Outcome
from documents.audit.proofs import proven_events
from documents.cards import ModelCard
from documents.datasheets import Datasheet
from documents.people import Stakeholder
from documents.policies import Check, Policy, PolicyInForce, Requirement, contents_of, in_force
from documents.risk import RiskTier
from documents.values import FreeJson, Value
from documents.versions.approvals import Approval, ApprovalStatus, Condition, Dossier
from documents.versions.evidence import Evidence
from documents.versions.standing import Standing, VersionStatus
from documents.versions.version import SUBMITTABLE, ModelVersion


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
    remedy: Remedy = Field(description="What would mend it.")


class RequiredApproval(Value):
    """A role whose approval is required, and how it stands."""

    role: GovernanceRole = Field(description="The role.")
    policies: tuple[str, ...] = Field(description="Ids of every policy that requires it.")
    status: ApprovalStatus = Field(description="How its approval reads now.")
    decision: Approval | None = Field(description="The decision that stands for it; nothing before somebody decides.")
    candidate_ids: tuple[str, ...] = Field(description="User ids of those who could give it.")
    remedy: Remedy | None = Field(description="What would bring the approval; nothing if it counts.")


class Eligibility(Value):
    """Whether a version may be deployed, and if not, everything that stands in the way."""

    eligible: bool = Field(description="Approved, every blocking requirement met, all of it now.")
    tier: RiskTier = Field(description="Its risk tier.")
    status: VersionStatus = Field(description="What the decisions say.")
    required_approvals: tuple[RequiredApproval, ...] = Field(description="Every role whose approval is required.")
    missing_approvals: tuple[RequiredApproval, ...] = Field(description="Those whose approval does not count.")
    violations: tuple[Finding, ...] = Field(description="Blocking requirements that are not met.")
    advisories: tuple[Finding, ...] = Field(description="Advisory requirements that are not met; they stop nothing.")
    notices: tuple[str, ...] = Field(description="What else there is to know; stops nothing.")
    conditions: tuple[Condition, ...] = Field(description="What the approvals that count oblige to.")


@dataclass(frozen=True)
class CaseFile:
    """All that there is to judge a version by, at one moment."""

    version: ModelVersion
    policies: tuple[PolicyInForce, ...]
    registration_proven: bool
    newer_datasheets: tuple[str, ...]
    people: tuple[Stakeholder, ...]
    """Whoever holds a required role; none where only the standing is asked for."""
    at: datetime

    @cached_property
    def dossier(self) -> Dossier:
        return self.version.dossier

    @cached_property
    def evidence(self) -> list[Evidence]:
        return self.version.standing_evidence(self.at)

    @cached_property
    def approvals(self) -> dict[GovernanceRole, Approval]:
        """The decision that stands for each role that decided, as it reads now."""
        standing = frozenset(each.evidence_id for each in self.evidence)
        latest = self.version.round.latest() if self.version.round else {}
        return {role: decision.as_read(self.dossier, standing, self.at) for role, decision in latest.items()}

    @cached_property
    def required(self) -> dict[GovernanceRole, tuple[str, ...]]:
        """Each role whose approval is required, and the blocking policies that require it."""
        roles: dict[GovernanceRole, tuple[str, ...]] = {}
        for policy in self.policies:
            for role in policy.says.required_roles if policy.blocking else ():
                roles[role] = (*roles.get(role, ()), policy.policy_id)
        return roles

    @cached_property
    def counting(self) -> list[Approval]:
        return [each for role in self.required if (each := self.approvals.get(role)) and each.counts]

    @property
    def status(self) -> VersionStatus:
        if self.version.round is None:
            return VersionStatus.DRAFT
        if self.version.round.rejected:
            return VersionStatus.REJECTED
        return VersionStatus.APPROVED if len(self.counting) == len(self.required) else VersionStatus.PENDING_APPROVAL

    @property
    def card(self) -> ModelCard | None:
        return self.version.card

    @property
    def names(self) -> dict[str, str]:
        return {"modelId": self.version.model_id, "version": self.version.version}


@dataclass(frozen=True, slots=True)
class Met:
    """A requirement that holds."""

    until: datetime | None = None
    """When it lapses by itself."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """A requirement that does not hold."""

    reason: str
    remedy: Remedy


def _remedy(mutation: Permission, known: Mapping[str, Any], *fill: str) -> Remedy:
    return Remedy(mutation=mutation, arguments=dict(known), fill=fill, permitted=tuple(needs(mutation)))


def _card(holds: Callable[[ModelCard], bool], lacking: str, *fill: str) -> Callable[[CaseFile, Requirement], Met | Unmet]:
    def check(case: CaseFile, _: Requirement) -> Met | Unmet:
        if case.card and holds(case.card):
            return Met()
        reason = lacking if case.card else f"there is no model card; {lacking}"
        return Unmet(reason, _remedy(Permission.SAVE_MODEL_CARD, case.names, *(f"card.{each}" for each in fill)))

    return check


def _training_data(case: CaseFile, _: Requirement) -> Met | Unmet:
    if case.version.datasheets or (case.card and case.card.documents_training_data):
        return Met()
    reason = "no datasheet is linked, and no card describes the training data and names their sources"
    return Unmet(reason, _remedy(Permission.LINK_DATASHEET, case.names, "datasetId"))


def _assessed(risk_id: str, controlled: bool) -> Callable[[CaseFile, Requirement], Met | Unmet]:
    def check(case: CaseFile, _: Requirement) -> Met | Unmet:
        factor = case.version.latest_assessment.factor(risk_id) if case.version.latest_assessment else None
        if factor and factor.assessed and (factor.controls or not controlled):
            return Met()
        reason = f"{risk_id} is not assessed" if not factor or not factor.assessed else f"{risk_id} has no control"
        known = {**case.names, "carryOver": True, "responses": [{"riskId": risk_id}]}
        fill = ("responses.0.likelihood", "responses.0.impact", *(("responses.0.controls",) if controlled else ()))
        return Unmet(reason, _remedy(Permission.CREATE_RISK_ASSESSMENT, known, *fill))

    return check


def _evidence(case: CaseFile, requirement: Requirement) -> Met | Unmet:
    proofs = [each for each in case.evidence if each.requirement_id == requirement.requirement_id]
    if proofs:
        return Met(until=_last(each.valid_until for each in proofs))
    known = {**case.names, "requirementId": requirement.requirement_id}
    return Unmet("no evidence for it stands", _remedy(Permission.ATTACH_EVIDENCE, known, "title", "uri"))


def _registration(case: CaseFile, _: Requirement) -> Met | Unmet:
    if case.registration_proven:
        return Met()
    reason = "the audit trail does not prove the registration: it was altered, and an auditor must look"
    return Unmet(reason, Remedy(mutation="", arguments={}, permitted=()))


def _reviewed(case: CaseFile, _: Requirement) -> Met | Unmet:
    due = case.version.next_review if case.version.reviews else None
    if due and case.at < due:
        return Met(until=due)
    reason = "the last review is older than the tier's interval" if case.version.reviews else "no review is recorded"
    return Unmet(reason, _remedy(Permission.COMPLETE_REVIEW, case.names, "metrics", "drift", "incidents", "compliance"))


CHECKS: Mapping[Check, Callable[[CaseFile, Requirement], Met | Unmet]] = {
    Check.INTENDED_USE: _card(lambda card: card.names_intended_uses, "no intended use is named", "primaryIntendedUses"),
    Check.TRAINING_DATA: _training_data,
    Check.EVALUATION: _card(lambda card: card.reports_metrics, "no metric with its dataset is reported", "metrics"),
    Check.LIMITATIONS: _card(
        lambda card: card.states_limitations_and_risks, "limitations or risks are not listed", "knownLimitations", "risks"
    ),
    Check.BIAS_ASSESSED: _assessed("FAIR-001", controlled=False),
    Check.FAIRNESS_METRIC: _card(
        lambda card: card.has_disaggregated_metric, "no metric is broken down by group", "metrics.0.disaggregated"
    ),
    Check.HARMS_STATED: _card(
        lambda card: card.states_ethical_considerations, "no ethical consideration is stated", "ethicalConsiderations"
    ),
    Check.RISKS_MITIGATED: _card(
        lambda card: card.mitigates_every_risk, "some risk has no mitigation, or none is listed", "risks.0.mitigation"
    ),
    Check.INJECTION_CONTROLLED: _assessed("SEC-001", controlled=True),
    Check.LEAKAGE_CONTROLLED: _assessed("SEC-002", controlled=True),
    Check.EVIDENCE: _evidence,
    Check.REGISTRATION_AUDITED: _registration,
    Check.METRICS_REVIEWED: _reviewed,
    Check.DRIFT_REVIEWED: _reviewed,
    Check.INCIDENTS_REVIEWED: _reviewed,
    Check.COMPLIANCE_REVIEWED: _reviewed,
}


@dataclass(frozen=True)
class Judgement:
    """A case file, judged once: what clients read of it, and what is stored of it."""

    case: CaseFile

    @cached_property
    def results(self) -> list[tuple[PolicyInForce, Requirement, Met | Unmet]]:
        return [
            (policy, asked, CHECKS[asked.check](self.case, asked))
            for policy in self.case.policies
            for asked in policy.says.requirements
        ]

    def findings(self, blocking: bool) -> tuple[Finding, ...]:
        return tuple(
            Finding(
                policy_id=policy.policy_id, policy_name=policy.says.name, requirement_id=asked.requirement_id,
                title=asked.title, reason=result.reason, remedy=result.remedy,
            )
            for policy, asked, result in self.results
            if isinstance(result, Unmet) and policy.blocking is blocking
        )  # fmt: skip

    @property
    def checked(self) -> dict[str, str]:
        """Each requirement and whether it is met, for the event of a submission."""
        return {asked.requirement_id: "met" if isinstance(result, Met) else "unmet" for _, asked, result in self.results}

    @property
    def eligibility(self) -> Eligibility:
        case, violations = self.case, self.findings(blocking=True)
        required = tuple(self._required(role, policies) for role, policies in case.required.items())
        return Eligibility(
            eligible=case.status is VersionStatus.APPROVED and not violations,
            tier=case.version.tier,
            status=case.status,
            required_approvals=required,
            missing_approvals=tuple(each for each in required if each.status is not ApprovalStatus.APPROVED),
            violations=violations,
            advisories=self.findings(blocking=False),
            notices=self._notices(),
            conditions=tuple(Condition(role=each.role, text=text) for each in case.counting for text in each.conditions),
        )

    def _required(self, role: GovernanceRole, policies: tuple[str, ...]) -> RequiredApproval:
        decision = self.case.approvals.get(role)
        status = decision.status if decision else ApprovalStatus.PENDING
        missing = status is not ApprovalStatus.APPROVED
        return RequiredApproval(
            role=role, policies=policies, status=status, decision=decision,
            candidate_ids=tuple(self._could_give(role)) if missing else (),
            remedy=self._approval_remedy(role) if missing else None,
        )  # fmt: skip

    def _could_give(self, role: GovernanceRole) -> Iterable[str]:
        """Who could approve for `role`: authorised for the tier, decided in no other, not the submitter unless as owner."""
        version = self.case.version
        barred = {each.user_id for each in version.deciders if each.role is not role}
        if version.round and role is not GovernanceRole.MODEL_OWNER:
            barred.add(version.round.submitted_by)
        return (each.user_id for each in self.case.people if each.may_decide(role, version.tier) and each.user_id not in barred)

    def _approval_remedy(self, role: GovernanceRole) -> Remedy:
        if self.case.status in SUBMITTABLE:
            return _remedy(Permission.SUBMIT_FOR_APPROVAL, self.case.names)
        known = {**self.case.names, "role": role.name, "verdict": "APPROVED"}
        return Remedy(mutation=Permission.SUBMIT_APPROVAL, arguments=known, fill=("comments",), permitted=(role,))

    def _notices(self) -> tuple[str, ...]:
        newer = [f"datasheet {each} has a newer revision than the one linked" for each in self.case.newer_datasheets]
        tier_4 = self.case.version.tier is RiskTier.TIER_4_EXPERIMENTAL
        return (*newer, *(("a version in tier 4 may not be deployed to production",) if tier_4 else ()))

    @property
    def standing(self) -> Standing:
        case, assessment = self.case, self.case.version.latest_assessment
        counts = {each.role for each in case.counting}
        stale = [role for role in case.required if role in case.approvals and case.approvals[role].status is ApprovalStatus.STALE]
        met = [result.until for policy, _, result in self.results if isinstance(result, Met) and policy.blocking]
        stood = {identity for each in case.counting for identity in each.evidence}
        evidence = [each.valid_until for each in case.evidence if each.evidence_id in stood]
        return Standing(
            as_of=case.at,
            status=case.status,
            required_roles=tuple(case.required),
            missing_roles=tuple(role for role in case.required if role not in counts),
            stale_roles=tuple(stale),
            violations=tuple(each.requirement_id for each in self.findings(blocking=True)),
            dossier=case.dossier,
            approved_until=_first([*(each.expires_at for each in case.counting), *evidence]),
            compliant_until=_first(met),
            next_review=case.version.next_review,
            risk_score=assessment.overall_score if assessment else None,
            risk_band=assessment.band if assessment else None,
        )


def _first(moments: Iterable[datetime | None]) -> datetime | None:
    return min((each for each in moments if each is not None), default=None)


def _last(moments: Iterable[datetime | None]) -> datetime | None:
    """The last of the moments, where nothing is without end."""
    known = list(moments)
    return None if None in known else max(each for each in known if each is not None)


async def case_files(versions: Sequence[ModelVersion], at: datetime, with_people: bool = True) -> list[CaseFile]:
    """A case file for each version: as many database commands for a hundred as for one."""
    policies = await Policy.every({})
    bound = {each for version in versions if version.round for each in version.round.policies}
    says = await contents_of(bound, policies)
    proven = await _registrations([each for each in versions if each.revision])
    newest = await _newest_datasheets({link.dataset_id for version in versions for link in version.datasheets})
    roles = {role for content in says.values() for role in content.required_roles}
    people = await Stakeholder.every({"active": True, "roles": {"$in": sorted(roles)}}) if with_people else []

    def case(version: ModelVersion) -> CaseFile:
        if version.round:
            applied = [PolicyInForce(**dict(each), says=says[each.digest]) for each in version.round.policies]
        else:
            applied = [each.newest for each in policies if each.content.in_force(version.tier, at)]
        newer = tuple(link.dataset_id for link in version.datasheets if newest.get(link.dataset_id, 0) > link.revision)
        # A version that is being registered: its event commits with it or not at all.
        registered = not version.revision or version.key in proven
        return CaseFile(version, tuple(sorted(applied, key=lambda each: each.policy_id)), registered, newer, tuple(people), at)

    return [case(version) for version in versions]


async def _registrations(versions: Sequence[ModelVersion]) -> set[str]:
    """Keys of the versions whose registration the trail proves."""
    if not versions:
        return set()
    about = {"resource.type": ModelVersion.__name__, "resource.id": {"$in": [each.key for each in versions]}}
    registered = {"event_type": EventType.MODEL_REGISTERED, "outcome": Outcome.SUCCESS}
    return {each["resource"]["id"] for each in await proven_events(about | registered) if registered.items() <= each.items()}


async def _newest_datasheets(dataset_ids: set[str]) -> dict[str, int]:
    if not dataset_ids:
        return {}
    found = await Datasheet.read({"dataset_id": {"$in": list(dataset_ids)}}, fields=frozenset({"dataset_id", "revisions"}))
    return {each.dataset_id: len(each.revisions) for each in found}


async def submit(version: ModelVersion, by: Actor, at: datetime) -> None:
    """Opens a round under the policies in force now; what their requirements said goes on record."""
    await version.submit(tuple(each.bound for each in await in_force(version.tier, at)), by, at)
    judgement = await keep_standing(version, at)
    version.note(EventType.COMPLIANCE_CHECK, {"requirements": judgement.checked})


async def keep_standing(version: ModelVersion, at: datetime) -> Judgement:
    """Stores a version that was changed, with the standing that follows from the change."""
    (case,) = await case_files([version], at, with_people=False)
    judgement = Judgement(case)
    version.standing = judgement.standing
    await version.store()
    return judgement
