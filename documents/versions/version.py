"""Model versions: what is stored of them, and the questions that every rule asks first. The rules are in `rules/`."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field

from documents.access import Actor, Permission
from documents.audit.event import AuditEventType
from documents.cards import ModelCard
from documents.classification import Classification, KeywordJudgement, KeywordMatch, Word
from documents.contents import Revision
from documents.errors import InvalidState, NotReady
from documents.numbers import version_key
from documents.reviews import ReviewCalendar
from documents.risk.assessment import RiskAssessment
from documents.risk.scales import RiskTier, RiskTrend
from documents.search import BY_TOKENS, Searchable
from documents.store.aggregates import Question
from documents.store.fields import fields_at
from documents.store.filters import Filter
from documents.store.indexes import index
from documents.store.units import Bearing, Counts, Raw
from documents.values import LIST_LENGTH, Environment, Key, Moment, Statement, Statements
from documents.versions.accountability import Assignment, relations
from documents.versions.approvals import ApprovalRound, ClosedRound, Decider, deciders_of, submitters_of, those_open
from documents.versions.counting import COUNTED_BY, counts_for
from documents.versions.dependencies import Dependency
from documents.versions.dossier import Dossier, DossierPart
from documents.versions.evidence import Evidence
from documents.versions.holds import Hold
from documents.versions.lifecycle import VersionStatus, possible
from documents.versions.parts import Artifact, DatasheetLink, Ending, Review
from documents.versions.risks import AssessmentApproval, RiskAcceptance
from documents.versions.standing import Standing
from documents.versions.totals import Cells
from documents.versions.waivers import Waiver


class ModelVersion(Searchable):
    """A model version is what is governed."""

    keys: ClassVar = ("model_id", "version")
    written_last: ClassVar = True  # with the standing that follows from all changes of the unit of work
    bears_on: ClassVar = (
        Bearing(
            {"depends_on.governed.model_id": "model_id", "depends_on.governed.version": "version"}, when=frozenset({"retired"})
        ),
    )
    event: ClassVar = AuditEventType.MODEL_UPDATED
    private: ClassVar = frozenset(
        {
            "tier_rationale",
            "keyword_judgements.*.rationale",
            *(f"{opened}.{path}" for opened in ("round", "previous_round") for path in ApprovalRound.private),
            "closed_rounds.*.withheld.*.text",
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
    cites: ClassVar = frozenset(
        {
            "card_revisions.*.digest",
            "assessment_revisions.*.digest",
            "assessment_approvals.*.digest",
            "datasheets.*.digest",
            "closed_rounds.*.digest",
            *(f"{opened}.{path}" for opened in ("round", "previous_round") for path in ApprovalRound.cites),
        }
    )
    derived: ClassVar = frozenset({"standing", "version_key", "days_to_approval"})
    following: ClassVar = frozenset({"approved_at"})
    searched: ClassVar = (
        "model_id", "version", "card.model_name", "card.model_type", "purpose", "use_cases", "restrictions",
        "card.primary_intended_uses", "card.out_of_scope_uses", "card.known_limitations",
    )  # fmt: skip

    ordered: ClassVar = frozenset({
        "model_id", "version", "tier", "owner_id", "data_steward_id", "registered_at",
        "approved_at", "days_to_approval",
    })  # fmt: skip
    grouped: ClassVar = frozenset({"model_id", "version", "tier", "owner_id", "data_steward_id", "deployed_in"})
    summed: ClassVar = frozenset({"days_to_approval"})
    bounded: ClassVar = frozenset({"registered_at", "approved_at"})
    semantic: ClassVar = frozenset({"version"})
    keyed: ClassVar = {"version": "version_key"}

    model_id: Key = Field(description="The id of the model that it belongs to.")
    version: Key = Field(description="The name that the version has, which orders by SemVer.")
    version_key: str = Field(description="The key that versions are ordered by.")
    purpose: Statement = Field(description="The text says what the version is for.")
    use_cases: Statements = Field(default=(), description="The uses that it is put to, one by one.")
    restrictions: Statements = Field(default=(), description="The uses that are forbidden or restricted.")
    tier: RiskTier = Field(description="The risk tier that decides which policies apply.")
    tier_rationale: Statement | None = Field(
        default=None,
        description="The text says why it is in that tier; null if not stated.",
    )
    classification: Classification = Field(description="The classification says which tier its words suggest.")
    keyword_judgements: Annotated[tuple[KeywordJudgement, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The judgements of longer words that contain a keyword, one a word."
    )
    owner_id: Key = Field(description="The accountable model owner has this user id.")
    data_steward_id: Key = Field(description="The accountable data steward has this user id.")
    accountability: Annotated[tuple[Assignment, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The assignments that are or were made, oldest first."
    )
    artifacts: Annotated[tuple[Artifact, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The artefacts that it is made of."
    )
    depends_on: Annotated[tuple[Dependency, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The things that it needs or was made from."
    )
    card: ModelCard | None = Field(default=None, description="The model card as it was last saved; null before that.")
    card_revisions: tuple[Revision, ...] = Field(default=(), description="The revisions of the card are listed oldest first.")
    latest_assessment: RiskAssessment | None = Field(
        default=None, description="The latest risk assessment that was made; null before the first."
    )
    earlier_assessments: tuple[RiskAssessment, ...] = Field(
        default=(), description="The assessments that came before, oldest first."
    )
    assessment_revisions: tuple[Revision, ...] = Field(
        default=(), description="The digests of all assessments are listed oldest first."
    )
    assessment_approvals: Annotated[tuple[AssessmentApproval, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The approvals that assessments got, oldest first."
    )
    acceptances: Annotated[tuple[RiskAcceptance, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The risks that were accepted, standing or not, oldest first."
    )
    datasheets: Annotated[tuple[DatasheetLink, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The datasheets that it rests on."
    )
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The evidence that was attached, withdrawn or not."
    )
    round: ApprovalRound | None = Field(default=None, description="The current round of approvals, which is null for a draft.")
    previous_round: ApprovalRound | None = Field(
        default=None,
        description="The round before the current one, while it counts: until the current one is complete or rejected, or its "
        "own approvals no longer suffice.",
    )
    closed_rounds: tuple[ClosedRound, ...] = Field(default=(), description="The rounds that came before.")
    reviews: tuple[Review, ...] = Field(default=(), description="The periodic reviews are listed oldest first.")
    waivers: Annotated[tuple[Waiver, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The waivers that were granted, standing or not."
    )
    holds: Annotated[tuple[Hold, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The holds that were placed, lifted or not."
    )
    critical_incidents: tuple[str, ...] = Field(default=(), description="The ids of critical incidents that are open.")
    deployed_in: tuple[Environment, ...] = Field(default=(), description="The environments that it runs in.")
    retired: Ending | None = Field(default=None, description="The ending says why it was taken out of use; null if it was not.")
    registered_by: Key = Field(description="The user id or service that registered it.")
    registered_at: Moment = Field(description="The time it was registered.")
    approved_at: Moment | None = Field(
        default=None,
        description="The time at which it first was APPROVED; null if it never was, or was so last before release 0.3.0.",
    )
    days_to_approval: float | None = Field(
        default=None, description="The days from its registration to its first approval; null if `approvedAt` is null."
    )
    standing: Standing | None = Field(default=None, description="The standing as it was computed after the last change.")

    collection: ClassVar = "model_versions"
    counted_by: ClassVar = COUNTED_BY
    indexes: ClassVar = [
        index("model_id", "version_key"),
        index("registered_at", "_id"),
        BY_TOKENS,
        *(
            index(each, "registered_at", "_id")  # found by it or in its order, and among equals in the list's own
            for each in (
                "model_id",
                "artifacts.sha256",
                "depends_on.governed.model_id",
                "datasheets.dataset_id",
                "owner_id",
                "data_steward_id",
                "deployed_in",
                "tier",
                "standing.status",
                "standing.risk_score",
                "standing.next_review",
                "standing.policies",
                "standing.missing_roles",
                "standing.next_missing_roles",
                "standing.approved_until",
                "standing.open_conditions",
                "standing.accountable_ids",
                "standing.decider_ids",
                "standing.rules",
                "standing.changes_at",
            )
        ),
    ]

    @property
    def filed_under(self) -> dict[str, str]:
        return {"model_id": self.model_id, "version": self.version}

    @classmethod
    async def latest_of(cls, models: Collection[str]) -> dict[str, str]:
        """The version that has the highest number, of each of the models that has any."""
        numbered = [("model_id", 1), ("version_key", 1), ("_id", 1)]
        fields = fields_at("model_id", "version")
        found = await cls.read({"model_id": {"$in": sorted(models)}}, numbered, fields=fields) if models else []
        return {each.model_id: each.version for each in found}

    # Whether something may be done to it

    def permits(self, by: Actor, permission: Permission) -> None:
        """Forbidden unless `by` may do it here; InvalidState unless the version's status allows it."""
        self.needs(by, permission)
        self.can(permission)

    def needs(self, by: Actor, permission: Permission) -> None:
        """Forbidden unless the roles of `by`, and the relation of `by` to the version, suffice."""
        by.needs(permission, relations(self.accountability, by))

    def can(self, permission: Permission) -> None:
        """InvalidState unless the version's status allows it."""
        if self.status not in possible(permission):
            raise InvalidState(permission.value, self.status, possible(permission))

    def not_ready(self, permission: Permission, problem: str) -> NotReady:
        """The refusal of what the status allows and a `problem` prevents."""
        return NotReady(permission.value, self.status, possible(permission), problem)

    # What it is now

    def judged(self, standing: Standing) -> None:
        """Takes the standing as it was computed now; the first that is APPROVED says when it was approved."""
        self.standing = standing
        if standing.status is VersionStatus.APPROVED and self.approved_at is None:
            self.approved_at = standing.as_of
            self.days_to_approval = _days(self.registered_at, standing.as_of)

    @classmethod
    def counts_for(cls, raw: Raw) -> Iterator[Counts]:
        return counts_for(raw)

    @classmethod
    async def total(cls, query: Raw) -> int:
        cells = Cells.of(query) if query else None
        return await cells.total() if cells else await super().total(query)

    @classmethod
    async def groups(cls, query: Raw, asked: Question, limit: int) -> list[Raw]:
        cells = Cells.of(query)
        found = await cells.groups(asked, limit) if cells else None
        return await super().groups(query, asked, limit) if found is None else found

    @classmethod
    def recomputed(cls, raw: Raw) -> Raw:
        days = _days(raw["registered_at"], raw["approved_at"]) if raw.get("approved_at") else None
        return super().recomputed(raw) | {"version_key": version_key(raw["version"]), "days_to_approval": days}

    @staticmethod
    def waits(at: datetime) -> Filter:
        """The stored versions that wait for approvals at that moment."""
        return Standing.says(VersionStatus.PENDING_APPROVAL, at)

    @staticmethod
    def waits_since(operator: str, moment: datetime) -> Filter:
        """The stored versions that were submitted at a moment that compares so with this one."""
        return {"round": {"submitted_at": {operator: moment}}}

    @property
    def counting_words(self) -> frozenset[Word]:
        """The longer words that were judged to count as the keyword in them."""
        return frozenset(each.word for each in self.keyword_judgements if each.counts)

    @property
    def unjudged_keywords(self) -> tuple[KeywordMatch, ...]:
        """The longer words that nobody judged and that would call for a more critical tier than the version has, each once."""
        judged = {each.word for each in self.keyword_judgements}
        first: dict[Word, KeywordMatch] = {}
        for each in self.classification.possible_keywords:
            first.setdefault(each.word, each)
        return tuple(each for word, each in first.items() if word not in judged and self.tier.is_lighter_than(each.tier))

    @property
    def status(self) -> VersionStatus:
        return self.standing.status if self.standing else VersionStatus.DRAFT

    @property
    def dossier(self) -> Dossier:
        """The digests of what there is to decide about now."""
        card, assessment = (each[-1].digest if each else None for each in (self.card_revisions, self.assessment_revisions))
        return Dossier.of(self.dossier_parts, card, assessment)

    @property
    def dossier_parts(self) -> dict[DossierPart, Any]:
        """The parts of the dossier that are read off the version itself; card and assessment have revisions of their own."""
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
        """When the next periodic review is due: an interval of its tier after the last one, or after its registration."""
        return calendar.next_after(self.reviews[-1].at if self.reviews else self.registered_at, self.tier)

    @property
    def assessments(self) -> tuple[RiskAssessment, ...]:
        """Every assessment, oldest first."""
        return (*self.earlier_assessments, *([self.latest_assessment] if self.latest_assessment else []))

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
    def was_submitted(self) -> bool:
        """Whether its round was opened since it was last stored."""
        before = (self.was or {}).get("round")
        return self.round is not None and (before is None or before["number"] != self.round.number)

    @property
    def open_rounds(self) -> tuple[ApprovalRound, ...]:
        """The current round, after the previous one while that counts."""
        return those_open(self.previous_round, self.round)

    @property
    def submitters(self) -> frozenset[str]:
        return submitters_of(self.open_rounds, self.closed_rounds)

    @property
    def deciders(self) -> tuple[Decider, ...]:
        return deciders_of(self.open_rounds, self.closed_rounds)


def _days(since: datetime, until: datetime) -> float:
    return (until - since) / timedelta(days=1)
