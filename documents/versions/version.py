"""Model versions: what is governed, and the rules by which it changes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar
from uuid import uuid4

from pydantic import Field
from pymongo import IndexModel

from documents.access import Actor, GovernanceRole, Permission
from documents.audit.canonical import digest
from documents.audit.event import AuditEventType
from documents.cards import ModelCard
from documents.classification import Classification, classify
from documents.contents import ContentKind, Revision, keep, revised
from documents.errors import Forbidden, InvalidInput, InvalidState, LimitExceeded, NotFound
from documents.people import Stakeholder
from documents.policies import REVIEW_INTERVAL, BoundPolicy
from documents.risk.assessment import RiskAssessment
from documents.risk.factors import Response
from documents.risk.scales import RiskTier
from documents.search import BY_TOKENS, Searchable
from documents.values import LIST_LENGTH, Key, Moment, Statement, Statements
from documents.versions.accountability import Assignment, assigned, relations
from documents.versions.approvals import (
    Approval,
    ApprovalRound,
    ClosedRound,
    Decider,
    Decision,
    Dossier,
    Verdict,
    deciders,
)
from documents.versions.evidence import Evidence
from documents.versions.numbers import version_key
from documents.versions.parts import Artifact, DatasheetLink, Review
from documents.versions.standing import Standing, VersionStatus

T = TypeVar("T")

SUBMITTABLE = (VersionStatus.DRAFT, VersionStatus.REJECTED)
DECIDABLE = (VersionStatus.PENDING_APPROVAL, VersionStatus.APPROVED)


class ModelVersion(Searchable):
    """A version of a model: what is governed."""

    keys: ClassVar = ("model_id", "version")
    event: ClassVar = AuditEventType.MODEL_UPDATED
    private: ClassVar = frozenset(
        {"round.decisions.*.comments", "round.decisions.*.reviewer_name", "evidence.*.note", "evidence.*.withdrawn.reason"}
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
    tier_rationale: Statement | None = Field(default=None, description="Why it is in a lighter tier than its words suggest.")
    classification: Classification = Field(description="What its words suggest, and which words.")
    owner_id: Key = Field(description="The user id of the accountable model owner.")
    data_steward_id: Key = Field(description="The user id of the accountable data steward.")
    accountability: Annotated[tuple[Assignment, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="Everybody who is or was accountable for it, in which role and when; first one first."
    )
    artifacts: Annotated[tuple[Artifact, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="What it is made of."
    )
    card: ModelCard | None = Field(default=None, description="Its model card, as last saved.")
    card_revisions: tuple[Revision, ...] = Field(default=(), description="Every revision of the card, first one first.")
    latest_assessment: RiskAssessment | None = Field(default=None, description="Its latest risk assessment.")
    earlier_assessments: tuple[RiskAssessment, ...] = Field(default=(), description="The assessments before, first one first.")
    assessment_revisions: tuple[Revision, ...] = Field(default=(), description="Every assessment's digest, first one first.")
    datasheets: Annotated[tuple[DatasheetLink, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The datasheets that it rests on."
    )
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="Everything attached as evidence, withdrawn or not."
    )
    round: ApprovalRound | None = Field(default=None, description="The current round of approvals.")
    closed_rounds: tuple[ClosedRound, ...] = Field(default=(), description="The rounds before.")
    reviews: tuple[Review, ...] = Field(default=(), description="The periodic reviews, first one first.")
    registered_by: Key = Field(description="Who registered it: a user id or a service.")
    registered_at: Moment = Field(description="When.")
    standing: Standing | None = Field(default=None, description="What follows from all this, as of the last change.")

    class Settings:
        name = "model_versions"
        indexes: ClassVar = [
            IndexModel(["model_id", "version"], unique=True),
            IndexModel(["model_id", "version_key"]),
            IndexModel(["registered_at", "_id"]),
            BY_TOKENS,
            *(
                IndexModel([each, "registered_at", "_id"])  # found by it or in its order, and among equals in the list's own
                for each in (
                    "owner_id",
                    "data_steward_id",
                    "tier",
                    "standing.status",
                    "standing.risk_score",
                    "standing.next_review",
                    "standing.accountable_ids",
                    "standing.decider_ids",
                )
            ),
        ]

    @classmethod
    def register(
        cls, model_id: str, version: str, purpose: str, use_cases: tuple[str, ...], restrictions: tuple[str, ...],
        tier: RiskTier | None, tier_rationale: str | None, owner_id: str, data_steward_id: str, artifacts: tuple[Artifact, ...],
        by: Actor, at: datetime,
    ) -> Self:  # fmt: skip
        """A version as of now, in the tier that its words suggest or a more critical one; a lighter one needs a risk manager."""
        suggested = classify(purpose, use_cases)
        answering = assigned((), GovernanceRole.MODEL_OWNER, owner_id, by, at)
        answering = assigned(answering, GovernanceRole.DATA_STEWARD, data_steward_id, by, at)
        if tier is not None and lighter(tier, suggested.tier):
            _may_lighten(tier_rationale, suggested.tier, by)
        return cls(
            model_id=model_id, version=version, version_key=version_key(version), purpose=purpose, use_cases=use_cases,
            restrictions=restrictions, tier=tier or suggested.tier, tier_rationale=tier_rationale, classification=suggested,
            owner_id=owner_id, data_steward_id=data_steward_id, accountability=answering, artifacts=artifacts,
            registered_by=by.id, registered_at=at,
        )  # fmt: skip

    @property
    def filed_under(self) -> dict[str, str]:
        return {"model_id": self.model_id, "version": self.version}

    def permits(self, by: Actor, permission: Permission) -> None:
        by.needs(permission, relations(self.accountability, by))

    def assign(self, role: GovernanceRole, user_id: str, by: Actor, at: datetime) -> None:
        """Makes somebody accountable in a role, in the place of whoever was."""
        self.permits(by, Permission.ASSIGN_ACCOUNTABILITY)
        self.accountability = assigned(self.accountability, role, user_id, by, at)
        match role:
            case GovernanceRole.MODEL_OWNER:
                self.owner_id = user_id
            case GovernanceRole.DATA_STEWARD:
                self.data_steward_id = user_id

    @property
    def status(self) -> VersionStatus:
        return self.standing.status if self.standing else VersionStatus.DRAFT

    @property
    def dossier(self) -> Dossier:
        """What there is to decide about, as it is now."""
        pins = sorted([each.dataset_id, each.revision, each.digest] for each in self.datasheets)
        return Dossier(
            scope=digest([self.purpose, self.use_cases, self.restrictions]),
            tier=digest(self.tier),
            artifacts=digest(self.artifacts),
            card=self.card_revisions[-1].digest if self.card_revisions else None,
            assessment=self.assessment_revisions[-1].digest if self.assessment_revisions else None,
            datasheets=digest(pins),
        )

    def standing_evidence(self, at: datetime) -> list[Evidence]:
        return [each for each in self.evidence if each.stands(at)]

    @property
    def next_review(self) -> datetime | None:
        interval = REVIEW_INTERVAL.get(self.tier)
        return None if interval is None else (self.reviews[-1].at if self.reviews else self.registered_at) + interval

    async def save_card(self, said: Mapping[str, Any], model_name: str, by: Actor, at: datetime) -> None:
        """Makes the next revision of the card: the one before, with the fields in `said` as they are there."""
        self.permits(by, Permission.SAVE_MODEL_CARD)
        about = {"model_id": self.model_id, "model_name": model_name, "version": self.version}
        self.card = ModelCard(**(dict(self.card or {}) | dict(said) | about))
        self.card_revisions = await revised(self.card_revisions, ContentKind.MODEL_CARD, self.card, by.id, at)

    async def assess(self, responses: Sequence[Response], carry_over: bool, by: Actor, at: datetime) -> RiskAssessment:
        """Makes the next assessment from answers to the questionnaire; the one before stays on record.

        With `carry_over`, what the one before rated and nobody responds to now stands as it was.
        """
        self.permits(by, Permission.CREATE_RISK_ASSESSMENT)
        before = self.latest_assessment
        if carry_over and before and before.tier is not self.tier:
            raise InvalidInput("input.carryOver", f"is not possible: the latest assessment was made for {before.tier.name}")
        assessment = RiskAssessment.from_responses(
            self.model_id, self.version, self.tier, responses, before if carry_over else None, by=by.id, at=at
        )
        self.earlier_assessments = (*self.earlier_assessments, *([before] if before else []))
        self.latest_assessment = assessment
        self.assessment_revisions = await revised(self.assessment_revisions, ContentKind.RISK_ASSESSMENT, assessment, by.id, at)
        return assessment

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
        self.datasheets = _longer("the datasheets of a version", others, link)

    def unlink(self, dataset_id: str, by: Actor) -> None:
        self.permits(by, Permission.UNLINK_DATASHEET)
        left = tuple(each for each in self.datasheets if each.dataset_id != dataset_id)
        if len(left) == len(self.datasheets):
            raise NotFound("DatasheetLink", f"{self.key}/{dataset_id}")
        self.datasheets = left

    def attach(self, evidence: Evidence, by: Actor) -> None:
        self.permits(by, Permission.ATTACH_EVIDENCE)
        self.evidence = _longer("the evidence of a version", self.evidence, evidence)

    def withdraw_evidence(self, evidence_id: str, reason: str, by: Actor, at: datetime) -> None:
        for place, each in enumerate(self.evidence):
            if each.evidence_id == evidence_id:
                withdrawn = each.withdraw(reason, by, at)
                self.evidence = (*self.evidence[:place], withdrawn, *self.evidence[place + 1 :])
                return
        raise NotFound("Evidence", evidence_id)

    async def submit(self, policies: tuple[BoundPolicy, ...], by: Actor, at: datetime) -> None:
        """Opens a round of approvals under the policies in force; a rejected round is closed and kept."""
        self.permits(by, Permission.SUBMIT_FOR_APPROVAL)
        if self.status not in SUBMITTABLE:
            raise InvalidState("submitForApproval", self.status, SUBMITTABLE)
        if self.round:
            kept = await keep(ContentKind.APPROVAL_ROUND, self.round)
            decided = deciders(self.round.decisions)
            closed = ClosedRound(number=self.round.number, digest=kept, closed_at=at, deciders=decided)
            self.closed_rounds = (*self.closed_rounds, closed)
        self.round = ApprovalRound(number=len(self.closed_rounds) + 1, submitted_by=by.id, submitted_at=at, policies=policies)

    def decide(
        self, role: GovernanceRole | None, verdict: Verdict, comments: str, conditions: tuple[str, ...],
        expires_at: datetime | None, reviewer: Stakeholder, by: Actor, at: datetime,
    ) -> Decision:  # fmt: skip
        """Records a decision for a required role, bound to what there is to decide about now."""
        self.permits(by, Permission.SUBMIT_APPROVAL)
        if self.round is None or self.standing is None or self.status not in DECIDABLE:
            raise InvalidState("submitApproval", self.status, DECIDABLE)
        role = role or self._only_role(self.standing.required_roles, reviewer)
        self._may_decide(role, self.standing.required_roles, self.round.submitted_by, reviewer)
        if expires_at is not None and expires_at <= at:
            raise InvalidInput("input.expiresAt", "must be in the future")
        decision = Decision(
            decision_id=f"APR-{uuid4().hex}", role=role, verdict=verdict, reviewer_id=reviewer.user_id,
            reviewer_name=reviewer.name, reviewer_department=reviewer.department, decided_at=at, comments=comments,
            conditions=conditions, expires_at=expires_at, dossier=self.dossier,
            evidence=tuple(each.evidence_id for each in self.standing_evidence(at)),
        )  # fmt: skip
        self.round = self.round.with_decision(decision)
        self.tells(AuditEventType.APPROVAL_DENIED if verdict is Verdict.REJECTED else AuditEventType.APPROVAL_GRANTED)
        return decision

    @staticmethod
    def _only_role(required: tuple[GovernanceRole, ...], reviewer: Stakeholder) -> GovernanceRole:
        held = [role for role in required if reviewer.holds(role)]
        if len(held) > 1:
            raise InvalidInput("input.role", f"must say for which of {', '.join(each.name for each in held)} the decision is")
        if not held:
            raise Forbidden(f"{reviewer.user_id} holds no role that must decide here", required)
        return held[0]

    def _may_decide(
        self, role: GovernanceRole, required: tuple[GovernanceRole, ...], submitter: str, reviewer: Stakeholder
    ) -> None:
        """A required role, held, authorised for the tier; one person in one role; the submitter as model owner only."""
        who = reviewer.user_id
        if role not in required or not reviewer.holds(role):
            raise Forbidden(f"{who} cannot decide as {role.name}", [each for each in required if reviewer.holds(each)])
        if not reviewer.may_decide(role, self.tier):
            raise Forbidden(f"{who} is not authorised for {self.tier.name}", [f"authorised for {self.tier.name}"])
        if others := {each.role for each in self.deciders if each.user_id == who} - {role}:
            raise Forbidden(
                f"{who} has decided as {', '.join(sorted(each.name for each in others))} on this version", ["somebody else"]
            )
        if who == submitter and role is not GovernanceRole.MODEL_OWNER:
            raise Forbidden(f"{who} submitted this version and decides as MODEL_OWNER only", ["somebody else"])

    @property
    def deciders(self) -> tuple[Decider, ...]:
        """Everybody who ever decided about the version, and in which role."""
        earlier = tuple(each for closed in self.closed_rounds for each in closed.deciders)
        return earlier + (deciders(self.round.decisions) if self.round else ())

    def complete_review(self, metrics: str, drift: str, incidents: str, compliance: str, by: Actor, at: datetime) -> None:
        """Records a periodic review; the next one is due an interval of the tier later."""
        self.permits(by, Permission.COMPLETE_REVIEW)
        review = Review(at=at, by=by.id, metrics=metrics, drift=drift, incidents=incidents, compliance=compliance)
        self.reviews = (*self.reviews, review)


def approvals(version: ModelVersion, at: datetime) -> tuple[Approval, ...]:
    """Every decision of the current round as it reads at `at`, first one first; from round, standing and evidence alone."""
    if version.round is None or version.standing is None:
        return ()
    standing = frozenset(each.evidence_id for each in version.evidence if each.stands(at))
    return version.round.as_read(version.standing.dossier, standing, at)


def lighter(tier: RiskTier, than: RiskTier) -> bool:
    """Whether `tier` is less critical than `than`."""
    order = list(RiskTier)
    return order.index(tier) > order.index(than)


def _may_lighten(rationale: str | None, suggested: RiskTier, by: Actor) -> None:
    if GovernanceRole.RISK_MANAGER not in by.roles:
        raise Forbidden(
            f"its words put the version into {suggested.name}, and only a risk manager may say less",
            [GovernanceRole.RISK_MANAGER],
        )
    if rationale is None:
        raise InvalidInput("input.tierRationale", f"must say why the version is in a lighter tier than {suggested.name}")


def _longer(what: str, items: tuple[T, ...], one: T) -> tuple[T, ...]:
    """A list with one more; LimitExceeded where the record could not be read again for it."""
    if len(items) == LIST_LENGTH:
        raise LimitExceeded(what, len(items) + 1, LIST_LENGTH)
    return (*items, one)
