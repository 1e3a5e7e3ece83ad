"""A version's papers: its card, its assessments, its datasheets, its evidence and its reviews."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from documents.access import Actor, Permission
from documents.canonical import canonical
from documents.cards import CardContent, ModelCard
from documents.contents import ContentKind, Revision, revised
from documents.errors import Forbidden, InvalidInput, InvalidState, NotFound
from documents.risk.assessment import RiskAssessment
from documents.risk.factors import OwnRisk, Response, Template
from documents.risk.scales import RiskTrend
from documents.training import TrainingRun
from documents.versions.entries import changed, longer
from documents.versions.evidence import Evidence
from documents.versions.parts import DatasheetLink, Review
from documents.versions.record import VersionRecord
from documents.versions.risks import AssessmentApproval, RiskAcceptance, accepted_anew, still_covering


class DocumentedVersion(VersionRecord):
    """A version, as far as it is documented, assessed and looked at again."""

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
            raise InvalidInput("carry_over", f"is not possible: the latest assessment was made for {before.tier.name}")
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
            raise InvalidInput("assessment_id", f"must be the latest assessment: {latest.assessment_id}")
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

    def attach(self, evidence: Evidence, known: Collection[str], by: Actor) -> None:
        """Attaches evidence for one of the `known` requirements."""
        self.permits(by, Permission.ATTACH_EVIDENCE)
        if evidence.requirement_id not in known:
            raise InvalidInput("requirement_id", f"must be one of: {', '.join(sorted(known))}")
        self.evidence = longer("the evidence of a version", self.evidence, evidence)

    def withdraw_evidence(self, evidence_id: str, reason: str, by: Actor, at: datetime) -> None:
        self.evidence = changed(self.evidence, "evidence_id", evidence_id, lambda each: each.withdraw(reason, by, at))
        self._can(Permission.WITHDRAW_EVIDENCE)

    def complete_review(self, metrics: str, drift: str, incidents: str, compliance: str, by: Actor, at: datetime) -> None:
        """Records a periodic review; the next one is due an interval of the tier later."""
        self.permits(by, Permission.COMPLETE_REVIEW)
        review = Review(at=at, by=by.id, metrics=metrics, drift=drift, incidents=incidents, compliance=compliance)
        self.reviews = (*self.reviews, review)
