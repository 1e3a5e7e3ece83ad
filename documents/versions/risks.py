"""What is decided about the risks of a version: which are accepted, until when, and whose assessment is approved."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Self
from uuid import uuid4

from pydantic import Field

from documents.access import Actor
from documents.errors import InvalidInput
from documents.identities import IdentityMark
from documents.risk.assessment import RiskAssessment
from documents.risk.factors import RiskFactor
from documents.store.filters import Filter
from documents.values import Digest, Key, Moment, Statement, Value
from documents.versions.entries import longer
from documents.versions.parts import Ending

ACCEPTANCES = "the acceptances of a version"


class RiskAcceptance(Value):
    """A risk acceptance is a residual risk that somebody took on for a time.

    It is not revoked: it ends when it expires, when the risk is accepted anew, or when a later assessment finds more of it left.
    """

    summed: ClassVar = frozenset({"residual_score"})
    bounded: ClassVar = frozenset({"expires_at"})

    acceptance_id: str = Field(description="The acceptance's id is ACC- and 32 hexadecimal digits.")
    risk_id: Key = Field(description="The id of the risk that was accepted.")
    assessment_id: str = Field(description="The id of the assessment that it was accepted by.")
    residual_score: float = Field(description="The residual score that was accepted, from 0 to 25.")
    rationale: Statement = Field(description="The rationale says why it can be borne.")
    accepted_by: Key = Field(description="The user id of whoever accepted it.")
    accepted_at: Moment = Field(description="The time it was accepted.")
    expires_at: Moment = Field(description="The time it expires.")
    ended: Ending | None = Field(default=None, description="The ending, if it was ended before it expired.")
    identity: IdentityMark | None = Field(
        default=None, description="The mark of the person's identity at that time; null if it was not kept."
    )

    @classmethod
    def of(cls, factor: RiskFactor, assessment_id: str, rationale: str, expires_at: datetime, by: Actor, at: datetime) -> Self:
        if expires_at <= at:
            raise InvalidInput("expires_at", "must be in the future")
        return cls(
            acceptance_id=f"ACC-{uuid4().hex}", risk_id=factor.risk_id, assessment_id=assessment_id,
            residual_score=factor.residual_score, rationale=rationale, accepted_by=by.id, accepted_at=at, expires_at=expires_at,
            identity=by.identity,
        )  # fmt: skip

    def stands(self, at: datetime) -> bool:
        return self.ended is None and at < self.expires_at

    @staticmethod
    def standing_at(at: datetime) -> Filter:
        """The stored ones that stand at that moment."""
        return {"ended": {"is_null": True}, "expires_at": {"gt": at}}

    def covers(self, factor: RiskFactor) -> bool:
        return self.risk_id == factor.risk_id and factor.residual_score <= self.residual_score

    def end(self, reason: str, by: str, at: datetime) -> Self:
        return self.model_copy(update={"ended": Ending(at=at, by=by, reason=reason)})


class AssessmentApproval(Value):
    """A risk manager approved the assessment as it was made."""

    assessment_id: str = Field(description="The id of the assessment that was approved.")
    digest: Digest = Field(description="The digest that `content` takes for the assessment.")
    approved_by: Key = Field(description="The user id of whoever approved it, not its assessor.")
    approved_at: Moment = Field(description="The time it was approved.")
    identity: IdentityMark | None = Field(
        default=None, description="The mark of the person's identity at that time; null if it was not kept."
    )


class HighRisk(Value):
    """A high risk scores 10 or more and has no control."""

    risk_id: Key = Field(description="The id that the risk has.")
    residual_score: float = Field(description="The residual score that it has, from 10 to 25.")
    accepted_until: Moment | None = Field(description="The time its acceptance expires, if accepted.")

    def is_open(self, at: datetime) -> bool:
        return self.accepted_until is None or self.accepted_until <= at

    @staticmethod
    def open_at(at: datetime) -> Filter:
        """The stored ones that are open at that moment."""
        return {"or": [{"accepted_until": {"is_null": True}}, {"accepted_until": {"lte": at}}]}


def accepted_anew(acceptances: tuple[RiskAcceptance, ...], one: RiskAcceptance) -> tuple[RiskAcceptance, ...]:
    """The acceptances with one more, which takes the place of the one that stood for its risk."""

    def replaced(each: RiskAcceptance) -> RiskAcceptance:
        stood = each.risk_id == one.risk_id and each.stands(one.accepted_at)
        return each.end("The risk was accepted anew.", one.accepted_by, one.accepted_at) if stood else each

    return longer(ACCEPTANCES, tuple(map(replaced, acceptances)), one)


def still_covering(acceptances: Iterable[RiskAcceptance], by: RiskAssessment) -> tuple[RiskAcceptance, ...]:
    """The acceptances after an assessment, which ends those that stood for less than it finds."""

    def held(each: RiskAcceptance) -> RiskAcceptance:
        factor = by.factor(each.risk_id)
        if not each.stands(by.assessed_at) or (factor and each.covers(factor)):
            return each
        closed = any(one.risk_id == each.risk_id for one in by.closed_risks)
        gone = "A later assessment closes the risk." if closed else "A later assessment does not name the risk."
        reason = "A later assessment finds more of the risk left." if factor else gone
        return each.end(reason, by.assessor, by.assessed_at)

    return tuple(map(held, acceptances))


def high_risks(assessment: RiskAssessment | None, acceptances: Iterable[RiskAcceptance], at: datetime) -> tuple[HighRisk, ...]:
    """Every high risk without control, and until when it is accepted."""
    until = {each.risk_id: each.expires_at for each in acceptances if each.stands(at)}
    return tuple(
        HighRisk(risk_id=each.risk_id, residual_score=each.residual_score, accepted_until=until.get(each.risk_id))
        for each in (assessment.factors if assessment else ())
        if each.is_high and not each.controls
    )
