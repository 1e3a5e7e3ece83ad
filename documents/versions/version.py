"""Model versions: what is governed, and the rules by which it changes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field
from pymongo import IndexModel

from documents.access import Actor, GovernanceRole, Permission, PlatformRole, Relation, Role
from documents.audit.canonical import canonical
from documents.audit.event import AuditEventType
from documents.cards import CardContent, ModelCard
from documents.classification import Classification, classify
from documents.contents import ContentKind, Revision, keep, revised
from documents.errors import Forbidden, InvalidInput, InvalidState, NotFound, NotReady
from documents.people import Stakeholder
from documents.policies import BoundPolicy
from documents.reviews import ReviewCalendar
from documents.risk.assessment import RiskAssessment
from documents.risk.factors import OwnRisk, Response, Template
from documents.risk.scales import RiskTier, RiskTrend
from documents.search import BY_TOKENS, Searchable
from documents.training import TrainingRun
from documents.values import LIST_LENGTH, Key, Moment, Place, Statement, Statements, camel
from documents.versions.accountability import Assignment, assigned, relations
from documents.versions.approvals import (
    Approval,
    ApprovalRound,
    ClosedRound,
    Decider,
    Decision,
    Verdict,
    deciders,
    refuse_inseparable,
)
from documents.versions.dependencies import Dependency, refuse_doubled
from documents.versions.dossier import Dossier, DossierPart
from documents.versions.entries import changed, longer
from documents.versions.evidence import Evidence
from documents.versions.holds import Hold
from documents.versions.lifecycle import VersionStatus, possible
from documents.versions.numbers import version_key
from documents.versions.parts import Artifact, DatasheetLink, Ending, Review
from documents.versions.risks import AssessmentApproval, RiskAcceptance, accepted_anew, still_covering
from documents.versions.standing import Standing
from documents.versions.waivers import Waiver

HOLDING = (GovernanceRole.ETHICS_REVIEWER, GovernanceRole.SECURITY_REVIEWER, GovernanceRole.COMPLIANCE_OFFICER)
CHANGES: Mapping[Role, frozenset[str]] = {
    GovernanceRole.BUSINESS_OWNER: frozenset({"use_cases", "restrictions"}),
    PlatformRole.SERVICE: frozenset({"artifacts"}),
}
"""What those may change of a version who do not own it."""


class ModelVersion(Searchable):
    """A version of a model: what is governed."""

    keys: ClassVar = ("model_id", "version")
    event: ClassVar = AuditEventType.MODEL_UPDATED
    private: ClassVar = frozenset(
        {
            "round.decisions.*.comments",
            "round.decisions.*.reviewer_name",
            "tier_rationale",
            "round.decisions.*.conditions.*.text",
            "round.decisions.*.conditions.*.satisfied.note",
            "round.decisions.*.conditions.*.confirmed.comments",
            "round.decisions.*.withdrawn.reason",
            "evidence.*.note",
            "evidence.*.withdrawn.reason",
            *(f"reviews.*.{finding}" for finding in ("metrics", "drift", "incidents", "compliance")),
            "acceptances.*.rationale",
            "acceptances.*.ended.reason",
            "waivers.*.rationale",
            "waivers.*.revoked.reason",
            "holds.*.reason",
            "holds.*.lifted.reason",
            "retired.reason",
        }
    )
    reviewed: ClassVar = frozenset({"card", "latest_assessment", "earlier_assessments.*"})
    derived: ClassVar = frozenset({"standing", "version_key"})
    searched: ClassVar = (
        "model_id", "version", "card.model_name", "card.model_type", "purpose", "use_cases", "restrictions",
        "card.primary_intended_uses", "card.out_of_scope_uses", "card.known_limitations",
    )  # fmt: skip

    model_id: Key = Field(description="The model that it is a version of.")
    version: Key = Field(description="Which version; a semantic version orders as such.")
    version_key: str = Field(description="What versions order by.")
    purpose: Statement = Field(description="What the version is for.")
    use_cases: Statements = Field(default=(), description="What it is used for, one by one.")
    restrictions: Statements = Field(default=(), description="What it must not be used for, or only how.")
    tier: RiskTier = Field(description="How critical it is; policies go by it.")
    tier_rationale: Statement | None = Field(
        default=None,
        description="Why it is in that tier, as a risk manager or whoever registered it said; nothing if nobody did.",
    )
    classification: Classification = Field(description="What its words suggest, and which words.")
    owner_id: Key = Field(description="The user id of the accountable model owner.")
    data_steward_id: Key = Field(description="The user id of the accountable data steward.")
    accountability: Annotated[tuple[Assignment, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="Everybody who is or was accountable for it, in which role and when; first one first."
    )
    artifacts: Annotated[tuple[Artifact, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="What it is made of."
    )
    depends_on: Annotated[tuple[Dependency, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="What it was made from, and what it needs to run."
    )
    card: ModelCard | None = Field(default=None, description="Its model card, as last saved.")
    card_revisions: tuple[Revision, ...] = Field(default=(), description="Every revision of the card, first one first.")
    latest_assessment: RiskAssessment | None = Field(default=None, description="Its latest risk assessment.")
    earlier_assessments: tuple[RiskAssessment, ...] = Field(default=(), description="The assessments before, first one first.")
    assessment_revisions: tuple[Revision, ...] = Field(default=(), description="Every assessment's digest, first one first.")
    assessment_approvals: Annotated[tuple[AssessmentApproval, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The assessments that were approved, by whom and when; first one first."
    )
    acceptances: Annotated[tuple[RiskAcceptance, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="Every risk that was accepted, for how long; standing or not, first one first."
    )
    datasheets: Annotated[tuple[DatasheetLink, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The datasheets that it rests on."
    )
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="Everything attached as evidence, withdrawn or not."
    )
    round: ApprovalRound | None = Field(default=None, description="The current round of approvals.")
    closed_rounds: tuple[ClosedRound, ...] = Field(default=(), description="The rounds before.")
    reviews: tuple[Review, ...] = Field(default=(), description="The periodic reviews, first one first.")
    waivers: Annotated[tuple[Waiver, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="Every exception that was granted, standing or not."
    )
    holds: Annotated[tuple[Hold, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="Every hold that was placed, lifted or not."
    )
    critical_incidents: tuple[str, ...] = Field(default=(), description="Ids of its critical incidents that are open.")
    deployed_in: tuple[Place, ...] = Field(default=(), description="The environments in which it runs.")
    retired: Ending | None = Field(default=None, description="Why it was taken out of use, if it was.")
    registered_by: Key = Field(description="Who registered it: a user id or a service.")
    registered_at: Moment = Field(description="When.")
    standing: Standing | None = Field(default=None, description="What follows from all this, as of the last change.")

    class Settings:
        name = "model_versions"
        indexes: ClassVar = [
            IndexModel(["model_id", "version"], unique=True),
            IndexModel(["model_id", "version_key"]),
            IndexModel(["registered_at", "_id"]),
            IndexModel(["round.policies.policy_id", "registered_at", "_id"]),
            BY_TOKENS,
            *(
                IndexModel([each, "registered_at", "_id"])  # found by it or in its order, and among equals in the list's own
                for each in (
                    "model_id",
                    "artifacts.sha256",
                    "depends_on.governed.model_id",
                    "owner_id",
                    "data_steward_id",
                    "deployed_in",
                    "tier",
                    "standing.status",
                    "standing.risk_score",
                    "standing.next_review",
                    "standing.missing_roles",
                    "standing.approved_until",
                    "standing.open_conditions",
                    "standing.accountable_ids",
                    "standing.decider_ids",
                )
            ),
        ]

    @classmethod
    def register(
        cls, model_id: str, version: str, purpose: str, use_cases: tuple[str, ...], restrictions: tuple[str, ...],
        tier: RiskTier | None, tier_rationale: str | None, owner_id: str, data_steward_id: str, artifacts: tuple[Artifact, ...],
        depends_on: tuple[Dependency, ...], by: Actor, at: datetime,
    ) -> Self:  # fmt: skip
        """A version as of now, in the tier that its words suggest or a more critical one; a lighter one needs a risk manager."""
        suggested = classify(purpose, use_cases)
        answering = assigned((), GovernanceRole.MODEL_OWNER, owner_id, by, at)
        answering = assigned(answering, GovernanceRole.DATA_STEWARD, data_steward_id, by, at)
        if tier is not None and tier.is_lighter_than(suggested.tier):
            _may_lighten(tier_rationale, suggested.tier, by)
        refuse_doubled(depends_on)
        return cls(
            model_id=model_id, version=version, version_key=version_key(version), purpose=purpose, use_cases=use_cases,
            restrictions=restrictions, tier=tier or suggested.tier, tier_rationale=tier_rationale, classification=suggested,
            owner_id=owner_id, data_steward_id=data_steward_id, accountability=answering, artifacts=artifacts,
            depends_on=depends_on, registered_by=by.id, registered_at=at,
        )  # fmt: skip

    @property
    def filed_under(self) -> dict[str, str]:
        return {"model_id": self.model_id, "version": self.version}

    def permits(self, by: Actor, permission: Permission) -> None:
        """Forbidden unless `by` may do it here; InvalidState unless it can be done to what the version is now."""
        self.needs(by, permission)
        self._can(permission)

    def needs(self, by: Actor, permission: Permission) -> None:
        """Forbidden unless `by` may do it here, going by roles and by what `by` answers for."""
        by.needs(permission, relations(self.accountability, by))

    def _can(self, permission: Permission) -> None:
        if self.status not in possible(permission):
            raise InvalidState(permission.value, self.status, possible(permission))

    def assign(self, role: GovernanceRole, user_id: str, by: Actor, at: datetime) -> None:
        """Makes somebody accountable in a role, in the place of whoever was."""
        self.permits(by, Permission.ASSIGN_ACCOUNTABILITY)
        self.accountability = assigned(self.accountability, role, user_id, by, at)
        match role:
            case GovernanceRole.MODEL_OWNER:
                self.owner_id = user_id
            case GovernanceRole.DATA_STEWARD:
                self.data_steward_id = user_id

    def not_ready(self, permission: Permission, problem: str) -> NotReady:
        return NotReady(permission.value, self.status, possible(permission), problem)

    @property
    def status(self) -> VersionStatus:
        return self.standing.status if self.standing else VersionStatus.DRAFT

    @property
    def dossier(self) -> Dossier:
        """What there is to decide about, as it is now."""
        card, assessment = (each[-1].digest if each else None for each in (self.card_revisions, self.assessment_revisions))
        return Dossier.of(self._dossier_parts, card, assessment)

    @property
    def _dossier_parts(self) -> dict[DossierPart, Any]:
        """The parts of the dossier that are no revisions of something else."""
        return {
            DossierPart.SCOPE: [self.purpose, self.use_cases, self.restrictions],
            DossierPart.TIER: self.tier,
            DossierPart.ARTIFACTS: self.artifacts,
            DossierPart.DEPENDENCIES: self.depends_on,
            DossierPart.DATASHEETS: sorted([each.dataset_id, each.revision, each.digest] for each in self.datasheets),
        }

    def standing_evidence(self, at: datetime) -> list[Evidence]:
        return [each for each in self.evidence if each.stands(at)]

    def next_review(self, calendar: ReviewCalendar) -> datetime | None:
        """When it is to be looked at again: an interval of its tier after it last was, or was registered."""
        return calendar.next_after(self.reviews[-1].at if self.reviews else self.registered_at, self.tier)

    def amend(self, said: Mapping[str, Any], by: Actor) -> None:
        """Changes scope, artefacts and dependencies as `said`; words that call for a more critical tier than before raise it.

        A lighter tier takes a risk manager: `set_tier`.
        """
        self.permits(by, Permission.UPDATE_MODEL_VERSION)
        self._may_change(said, by)
        refuse_doubled(said.get("depends_on", ()))
        for name, value in said.items():
            setattr(self, name, value)
        before, self.classification = self.classification, classify(self.purpose, self.use_cases)
        suggested = self.classification.tier
        if before.tier.is_lighter_than(suggested) and self.tier.is_lighter_than(suggested):
            self.tier, self.tier_rationale = suggested, None

    def _may_change(self, said: Mapping[str, Any], by: Actor) -> None:
        if Relation.OWNER in relations(self.accountability, by):
            return
        permitted = {each for role in by.roles for each in CHANGES.get(role, ())}
        if barred := said.keys() - permitted:
            raise Forbidden(f"{by.id} may not change {', '.join(map(camel, sorted(barred)))}", ["MODEL_OWNER (owner)"])

    def set_tier(self, tier: RiskTier, rationale: str, by: Actor) -> None:
        """Sets the tier, more critical or lighter than its words suggest; the policies of the new tier apply."""
        self.permits(by, Permission.SET_RISK_TIER)
        self.tier, self.tier_rationale = tier, rationale

    def follow(self, policies: tuple[BoundPolicy, ...]) -> None:
        """Binds the round to the policies in force now, if it was bound for another tier."""
        if self.round and self.round.tier is not self.tier:
            self.round = self.round.model_copy(update={"tier": self.tier, "policies": policies})

    def retire(self, reason: str, by: Actor, at: datetime) -> None:
        """Takes the version out of use, for good; not while it runs somewhere."""
        self.permits(by, Permission.RETIRE_MODEL_VERSION)
        if self.deployed_in:
            raise self.not_ready(Permission.RETIRE_MODEL_VERSION, f"it runs in {', '.join(self.deployed_in)}")
        self.retired = Ending(at=at, by=by.id, reason=reason)

    def suffer(self, incident_id: str) -> None:
        """A critical incident was opened."""
        self.critical_incidents = longer("the open critical incidents of a version", self.critical_incidents, incident_id)

    def recover(self, incident_id: str) -> None:
        self.critical_incidents = tuple(each for each in self.critical_incidents if each != incident_id)

    def run_in(self, environment: str) -> None:
        """It was deployed there."""
        self.deployed_in = tuple(sorted({*self.deployed_in, environment}))
        self.tells(AuditEventType.MODEL_DEPLOYED)

    def stop_in(self, environment: str) -> None:
        """Something else runs there, or nothing."""
        self.deployed_in = tuple(each for each in self.deployed_in if each != environment)

    async def save_card(
        self,
        said: Mapping[str, Any],
        model_name: str,
        by: Actor,
        at: datetime,
        permission: Permission = Permission.SAVE_MODEL_CARD,
    ) -> None:
        """Makes the next revision of the card: the one before, with the fields in `said` as they are there."""
        self.permits(by, permission)
        await self._revise_card(said, model_name, by, at)

    async def generate_card(self, run: TrainingRun, model_name: str, by: Actor, at: datetime) -> tuple[str, ...]:
        """Makes the next revision of the card from what a training run tells; the names of the fields that differ."""
        self.permits(by, Permission.GENERATE_MODEL_CARD)
        before = self.card or CardContent()
        said = run.fills(before)
        await self._revise_card(said, model_name, by, at)
        return tuple(name for name, value in said.items() if canonical(value) != canonical(getattr(before, name)))

    async def _revise_card(self, said: Mapping[str, Any], model_name: str, by: Actor, at: datetime) -> None:
        about = {"model_id": self.model_id, "model_name": model_name, "version": self.version}
        self.card = ModelCard(**(dict(self.card or {}) | dict(said) | about))
        self.card_revisions = await revised(self.card_revisions, ContentKind.MODEL_CARD, self.card, by.id, at)

    async def assess(
        self, responses: Sequence[Response], own: Sequence[OwnRisk], carry_over: bool, templates: Sequence[Template],
        by: Actor, at: datetime,
    ) -> RiskAssessment:  # fmt: skip
        """Makes the next assessment from answers to the questionnaire and risks of its own; the one before stays on record.

        With `carry_over`, what the one before rated and nobody speaks of now stands as it was.
        """
        self.permits(by, Permission.CREATE_RISK_ASSESSMENT)
        before = self.latest_assessment
        if carry_over and before and before.tier is not self.tier:
            raise InvalidInput("input.carryOver", f"is not possible: the latest assessment was made for {before.tier.name}")
        assessment = RiskAssessment.from_responses(
            self.model_id, self.version, self.tier, responses, before if carry_over else None, own,
            by=by.id, at=at, templates=templates,
        )  # fmt: skip
        await self._reassess(assessment)
        return assessment

    async def mitigate(self, risk_id: str, said: Mapping[str, Any], by: Actor, at: datetime) -> RiskAssessment:
        """Makes the next assessment: the latest, with what `said` changes of one risk's controls, owner or review date."""
        self.permits(by, Permission.MITIGATE_RISK)
        latest = self._assessed(Permission.MITIGATE_RISK)
        if latest.tier is not self.tier:
            raise self.not_ready(Permission.MITIGATE_RISK, f"the latest assessment was made for {latest.tier.name}: assess anew")
        assessment = latest.mitigated(risk_id, said, by.id, at)
        await self._reassess(assessment)
        return assessment

    async def _reassess(self, now: RiskAssessment) -> None:
        before, kept = self.latest_assessment, self.assessment_revisions
        self.earlier_assessments = (*self.earlier_assessments, *([before] if before else []))
        self.latest_assessment = now
        self.assessment_revisions = await revised(kept, ContentKind.RISK_ASSESSMENT, now, now.assessor, now.assessed_at)
        self.acceptances = still_covering(self.acceptances, now)

    def _assessed(self, permission: Permission) -> RiskAssessment:
        if self.latest_assessment is None:
            raise self.not_ready(permission, "its risks were never assessed")
        return self.latest_assessment

    def accept_risk(self, risk_id: str, rationale: str, expires_at: datetime, by: Actor, at: datetime) -> RiskAcceptance:
        """Takes on what the latest assessment leaves of a risk, for a time; no part of the dossier changes."""
        self.permits(by, Permission.ACCEPT_RISK)
        latest = self._assessed(Permission.ACCEPT_RISK)
        factor = latest.known_factor(risk_id)
        acceptance = RiskAcceptance.of(factor, latest.assessment_id, rationale, expires_at, by.id, at)
        self.acceptances = accepted_anew(self.acceptances, acceptance)
        return acceptance

    def approve_assessment(self, assessment_id: str, by: Actor, at: datetime) -> AssessmentApproval:
        """Approves the latest assessment, by somebody who did not make it; no part of the dossier changes."""
        self.permits(by, Permission.APPROVE_RISK_ASSESSMENT)
        latest = self._assessed(Permission.APPROVE_RISK_ASSESSMENT)
        if latest.assessment_id != assessment_id:
            raise InvalidInput("input.assessmentId", f"must be the latest assessment: {latest.assessment_id}")
        if latest.assessor == by.id:
            raise Forbidden(f"{by.id} made this assessment", ["a RISK_MANAGER who did not make it"])
        if self.assessment_approval:
            raise InvalidState(Permission.APPROVE_RISK_ASSESSMENT.value, "APPROVED", ["UNAPPROVED"])
        digest = self.assessment_revisions[-1].digest
        approval = AssessmentApproval(assessment_id=assessment_id, digest=digest, approved_by=by.id, approved_at=at)
        self.assessment_approvals = longer("the approved assessments of a version", self.assessment_approvals, approval)
        return approval

    @property
    def assessment_approval(self) -> AssessmentApproval | None:
        """The approval of the latest assessment."""
        latest = self.latest_assessment and self.latest_assessment.assessment_id
        return next((each for each in self.assessment_approvals if each.assessment_id == latest), None)

    @property
    def risk_trend(self) -> RiskTrend:
        before = self.earlier_assessments[-1] if self.earlier_assessments else None
        return self.latest_assessment.trend_since(before) if self.latest_assessment else RiskTrend.NONE

    @property
    def assessments(self) -> tuple[RiskAssessment, ...]:
        return (*self.earlier_assessments, *([self.latest_assessment] if self.latest_assessment else []))

    def link(self, dataset_id: str, revision: Revision, by: Actor, at: datetime) -> None:
        """Pins a revision of a datasheet; linking it again pins the one that is given now."""
        self.permits(by, Permission.LINK_DATASHEET)
        link = DatasheetLink(
            dataset_id=dataset_id, revision=revision.revision, digest=revision.digest, linked_by=by.id, linked_at=at
        )
        others = tuple(each for each in self.datasheets if each.dataset_id != dataset_id)
        self.datasheets = longer("the datasheets of a version", others, link)

    def unlink(self, dataset_id: str, by: Actor) -> None:
        self.permits(by, Permission.UNLINK_DATASHEET)
        left = tuple(each for each in self.datasheets if each.dataset_id != dataset_id)
        if len(left) == len(self.datasheets):
            raise NotFound("DatasheetLink", f"{self.key}/{dataset_id}")
        self.datasheets = left

    def attach(self, evidence: Evidence, by: Actor) -> None:
        self.permits(by, Permission.ATTACH_EVIDENCE)
        self.evidence = longer("the evidence of a version", self.evidence, evidence)

    def withdraw_evidence(self, evidence_id: str, reason: str, by: Actor, at: datetime) -> None:
        self.evidence = changed(self.evidence, "evidence_id", evidence_id, lambda each: each.withdraw(reason, by, at))
        self._can(Permission.WITHDRAW_EVIDENCE)

    async def submit(self, policies: tuple[BoundPolicy, ...], by: Actor, at: datetime) -> None:
        """Opens a round of approvals under the policies in force; a rejected round is closed and kept."""
        self.permits(by, Permission.SUBMIT_FOR_APPROVAL)
        if self.round:
            kept = await keep(ContentKind.APPROVAL_ROUND, self.round)
            decided = deciders(self.round.decisions)
            closed = ClosedRound(
                number=self.round.number, digest=kept, closed_at=at, submitted_by=self.round.submitted_by, deciders=decided
            )
            self.closed_rounds = (*self.closed_rounds, closed)
        number = len(self.closed_rounds) + 1
        self.round = ApprovalRound(number=number, submitted_by=by.id, submitted_at=at, tier=self.tier, policies=policies)

    async def decide(
        self, role: GovernanceRole | None, verdict: Verdict, comments: str, conditions: tuple[str, ...],
        expires_at: datetime | None, reviewer: Stakeholder, by: Actor, at: datetime,
    ) -> Decision:  # fmt: skip
        """Records a decision for a required role, bound to what there is to decide about now, all of which is kept."""
        decided_as, submitted = self._acting(role, reviewer, by, Permission.SUBMIT_APPROVAL)
        evidence = tuple(each.evidence_id for each in self.standing_evidence(at))
        decision = Decision.made(decided_as, verdict, comments, conditions, expires_at, reviewer, self.dossier, evidence, at)
        for part in self._dossier_parts.values():
            await keep(ContentKind.DOSSIER_PART, part)
        self.round = submitted.with_decision(decision)
        self.tells(AuditEventType.APPROVAL_DENIED if verdict is Verdict.REJECTED else AuditEventType.APPROVAL_GRANTED)
        return decision

    def withdraw_approval(
        self, role: GovernanceRole | None, reason: str, reviewer: Stakeholder, by: Actor, at: datetime
    ) -> Decision:
        """Takes back the approval that stands for a role: by whoever gave it, or somebody else who could."""
        decided_as, submitted = self._acting(role, reviewer, by, Permission.WITHDRAW_APPROVAL)
        withdrawn = submitted.approval_of(decided_as).taken_back(reason, by.id, at)
        self.round = submitted.with_decision(withdrawn)
        return withdrawn

    def satisfy_condition(
        self, condition_id: str, note: str | None, evidence_id: str | None, by: Actor, at: datetime
    ) -> Decision:
        """Says how a condition is met: by a note, by evidence that stands, or by both."""
        self.permits(by, Permission.SATISFY_CONDITION)
        if note is None and evidence_id is None:
            raise InvalidInput("input.note", "or `evidenceId` must show how the condition is met")
        if evidence_id is not None and evidence_id not in {each.evidence_id for each in self.standing_evidence(at)}:
            raise InvalidInput("input.evidenceId", "must be evidence of this version that stands")
        submitted = self._submitted
        decision, condition = submitted.condition(condition_id, Permission.SATISFY_CONDITION.value)
        decision = decision.satisfied(condition, note, evidence_id, by.id, at)
        self.round = submitted.with_decision(decision)
        return decision

    def confirm_condition(self, condition_id: str, comments: str, reviewer: Stakeholder, by: Actor, at: datetime) -> Decision:
        """Agrees that a condition is met: by somebody who could decide for the role that set it."""
        self.permits(by, Permission.CONFIRM_CONDITION)
        decision, condition = self._submitted.condition(condition_id, Permission.CONFIRM_CONDITION.value)
        _, submitted = self._acting(decision.role, reviewer, by, Permission.CONFIRM_CONDITION)
        decision = decision.confirmed(condition, comments, by.id, at)
        self.round = submitted.with_decision(decision)
        return decision

    def _acting(
        self, role: GovernanceRole | None, reviewer: Stakeholder, by: Actor, permission: Permission
    ) -> tuple[GovernanceRole, ApprovalRound]:
        """The required role in which `reviewer` may act, the only one held if none is said, and the round to act in."""
        self.permits(by, permission)
        required, submitted = self.standing.required_roles if self.standing else (), self._submitted
        role = role or _only(required, reviewer.holds, "input.role", f"{reviewer.user_id} holds no role that must decide here")
        refuse_inseparable(role, required, self.tier, self.submitters, self.deciders, reviewer)
        return role, submitted

    @property
    def _submitted(self) -> ApprovalRound:
        """The round of a version whose status says that it has one."""
        if self.round is None:
            raise AssertionError(f"{self.key} is {self.status} without a round")
        return self.round

    @property
    def submitters(self) -> frozenset[str]:
        return submitters_of(self)

    @property
    def deciders(self) -> tuple[Decider, ...]:
        return deciders_of(self)

    def grant_waiver(self, requirement_id: str, rationale: str, expires_at: datetime, by: Actor, at: datetime) -> Waiver:
        """Excepts the version from one requirement for a time: by somebody who neither owns nor submitted it."""
        self._separate(by, Permission.GRANT_WAIVER)
        waiver = Waiver.grant(requirement_id, rationale, expires_at, by.id, at)
        self.waivers = longer("the waivers of a version", self.waivers, waiver)
        return waiver

    def revoke_waiver(self, waiver_id: str, reason: str, by: Actor, at: datetime) -> None:
        self._separate(by, Permission.REVOKE_WAIVER)
        self.waivers = changed(self.waivers, "waiver_id", waiver_id, lambda each: each.revoke(reason, by.id, at))

    def _separate(self, by: Actor, permission: Permission) -> None:
        self.permits(by, permission)
        if by.id in {self.owner_id, *self.submitters}:
            raise Forbidden(f"{by.id} owns or submitted this version", ["somebody else"])

    def place_hold(self, role: GovernanceRole | None, reason: str, by: Actor, at: datetime) -> Hold:
        """Stops the deployment of the version until the same role lifts the hold."""
        self.permits(by, Permission.PLACE_HOLD)
        role = role or _only(HOLDING, by.roles.__contains__, "input.role", f"{by.id} holds no role that may place a hold")
        if role not in HOLDING or role not in by.roles:
            raise Forbidden(f"{by.id} cannot place a hold as {role.name}", HOLDING)
        hold = Hold.place(role, reason, by.id, at)
        self.holds = longer("the holds of a version", self.holds, hold)
        return hold

    def lift_hold(self, hold_id: str, reason: str, by: Actor, at: datetime) -> None:
        self.permits(by, Permission.LIFT_HOLD)
        self.holds = changed(self.holds, "hold_id", hold_id, lambda each: each.lift(reason, by, at))

    def complete_review(self, metrics: str, drift: str, incidents: str, compliance: str, by: Actor, at: datetime) -> None:
        """Records a periodic review; the next one is due an interval of the tier later."""
        self.permits(by, Permission.COMPLETE_REVIEW)
        review = Review(at=at, by=by.id, metrics=metrics, drift=drift, incidents=incidents, compliance=compliance)
        self.reviews = (*self.reviews, review)


def submitters_of(version: ModelVersion) -> frozenset[str]:
    """Everybody who ever submitted a version; from its rounds alone."""
    earlier = {each.submitted_by for each in version.closed_rounds}
    return frozenset(earlier | {version.round.submitted_by} if version.round else earlier)


def deciders_of(version: ModelVersion) -> tuple[Decider, ...]:
    """Everybody who ever decided about a version, and in which role; from its rounds alone."""
    earlier = tuple(each for closed in version.closed_rounds for each in closed.deciders)
    return earlier + (deciders(version.round.decisions) if version.round else ())


def approvals(version: ModelVersion, at: datetime) -> tuple[Approval, ...]:
    """Every decision of the current round as it reads at `at`, first one first; from round, standing and evidence alone."""
    if version.round is None or version.standing is None:
        return ()
    return version.round.as_read(version.standing.dossier, version.evidence, at)


def _may_lighten(rationale: str | None, suggested: RiskTier, by: Actor) -> None:
    if GovernanceRole.RISK_MANAGER not in by.roles:
        raise Forbidden(
            f"its words put the version into {suggested.name}, and only a risk manager may say less",
            [GovernanceRole.RISK_MANAGER],
        )
    if rationale is None:
        raise InvalidInput("input.tierRationale", f"must say why the version is in a lighter tier than {suggested.name}")


def _only(roles: Sequence[GovernanceRole], holds: Callable[[GovernanceRole], bool], path: str, none: str) -> GovernanceRole:
    """The one of `roles` that somebody holds."""
    held = [role for role in roles if holds(role)]
    if len(held) > 1:
        raise InvalidInput(path, f"must say which of {', '.join(each.name for each in held)} is acting")
    if not held:
        raise Forbidden(none, roles)
    return held[0]
