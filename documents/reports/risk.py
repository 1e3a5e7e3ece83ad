"""The risk report of one version, as data: what its latest assessment found, and what was decided about that. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from pydantic import Field

from documents.reports.governance import ReportedPerson
from documents.risk.assessment import RiskAssessment
from documents.risk.factors import RiskFactor
from documents.risk.scales import Rating, RiskBand, RiskCategory, RiskImpact, RiskLikelihood, RiskTier, RiskTrend
from documents.values import Digest, Key, Moment, Value
from documents.versions.risks import AssessmentApproval, RiskAcceptance, high_risks
from documents.versions.version import ModelVersion


class RiskSummary(Value):
    """An assessment in a few numbers."""

    overall_score: float = Field(description="The mean of the residual scores, each weighted by its impact, 0 to 25.")
    band: RiskBand = Field(description="The band of that score.")
    previous_score: float | None = Field(description="The overall score of the assessment before; nothing for the first.")
    trend: RiskTrend = Field(description="How the two compare.")
    total_risks: int = Field(description="How many risks were looked at.")
    high_risks: int = Field(description="How many have a residual score of 10 or more.")
    medium_risks: int = Field(description="How many have a residual score from 5 to below 10.")
    low_risks: int = Field(description="How many have a residual score below 5.")
    open_high_risks: tuple[Key, ...] = Field(
        description="Those with a residual score of 10 or more and neither control nor an acceptance that stands."
    )


class BandCount(Value):
    """The risks whose residual score lies in one band."""

    band: RiskBand = Field(description="The band.")
    count: int = Field(description="How many.")
    risk_ids: tuple[Key, ...] = Field(description="Which, highest first.")


class CategoryCount(Value):
    """The risks of one category."""

    category: RiskCategory = Field(description="The category.")
    count: int = Field(description="How many.")
    risk_ids: tuple[Key, ...] = Field(description="Which, highest first.")


class MatrixCell(Value):
    """A cell of the risk matrix: the risks of one likelihood and one impact, before their controls."""

    likelihood: Rating = Field(description="From 1, rare, to 5, almost certain.")
    likelihood_level: RiskLikelihood = Field(description="What that likelihood means.")
    impact: Rating = Field(description="From 1, negligible, to 5, catastrophic.")
    impact_level: RiskImpact = Field(description="What that impact means.")
    count: int = Field(description="How many.")
    risk_ids: tuple[Key, ...] = Field(description="Which, highest residual score first.")


class ReportedAcceptance(Value):
    """An acceptance, and whether it counted when the report was made."""

    acceptance: RiskAcceptance = Field(description="The acceptance.")
    stands: bool = Field(description="Whether it counted then.")


class RiskReport(Value):
    """What may go wrong with one version, as last assessed, and what was decided about it."""

    generated_at: Moment = Field(description="When the report was made.")
    model_id: Key = Field(description="The model.")
    version: Key = Field(description="The version.")
    assessment_id: str = Field(description="The latest assessment, which it is about.")
    digest: Digest = Field(description="`content(digest)` is that assessment.")
    assessor: Key = Field(description="The user id of whoever made it.")
    assessed_at: Moment = Field(description="When it was made.")
    tier: RiskTier = Field(description="The version's tier at that time.")
    summary: RiskSummary = Field(description="The whole in a few numbers.")
    by_band: tuple[BandCount, ...] = Field(description="The risks band by band, most severe first.")
    by_category: tuple[CategoryCount, ...] = Field(description="The risks category by category, all nine.")
    factors: tuple[RiskFactor, ...] = Field(description="Every risk, highest residual score first.")
    matrix: tuple[MatrixCell, ...] = Field(description="25 cells, by likelihood and then by impact, both from 1 to 5.")
    recommendations: tuple[str, ...] = Field(description="What to do next, most urgent first.")
    acceptances: tuple[ReportedAcceptance, ...] = Field(description="Every risk that was accepted, standing or not.")
    approval: AssessmentApproval | None = Field(description="Who approved the assessment; nothing if nobody did.")
    people: tuple[ReportedPerson, ...] = Field(description="Everybody whom the report names, by user id.")

    @classmethod
    def of(cls, version: ModelVersion, latest: RiskAssessment, people: Iterable[ReportedPerson], at: datetime) -> Self:
        factors = tuple(sorted(latest.factors, key=lambda each: -each.residual_score))
        return cls(
            generated_at=at, model_id=version.model_id, version=version.version,
            assessment_id=latest.assessment_id, digest=version.assessment_revisions[-1].digest,
            assessor=latest.assessor, assessed_at=latest.assessed_at, tier=latest.tier,
            summary=_summary(version, latest, at),
            by_band=tuple(_in_band(each, factors) for each in reversed(RiskBand)),
            by_category=tuple(_in_category(each, factors) for each in RiskCategory),
            factors=factors,
            matrix=tuple(_cell(likelihood, impact, factors) for likelihood in RiskLikelihood for impact in RiskImpact),
            recommendations=latest.recommendations,
            acceptances=tuple(ReportedAcceptance(acceptance=each, stands=each.stands(at)) for each in version.acceptances),
            approval=version.assessment_approval, people=tuple(people),
        )  # fmt: skip


def _summary(version: ModelVersion, latest: RiskAssessment, at: datetime) -> RiskSummary:
    bands = [each.band for each in latest.factors]
    before = version.earlier_assessments[-1] if version.earlier_assessments else None
    uncontrolled = high_risks(latest, version.acceptances, at)
    return RiskSummary(
        overall_score=latest.overall_score, band=latest.band,
        previous_score=before.overall_score if before else None, trend=version.risk_trend, total_risks=len(bands),
        high_risks=sum(each.is_high for each in latest.factors), medium_risks=bands.count(RiskBand.MEDIUM),
        low_risks=bands.count(RiskBand.LOW), open_high_risks=tuple(each.risk_id for each in uncontrolled if each.is_open(at)),
    )  # fmt: skip


def _in_band(band: RiskBand, factors: Iterable[RiskFactor]) -> BandCount:
    found = tuple(each.risk_id for each in factors if each.band is band)
    return BandCount(band=band, count=len(found), risk_ids=found)


def _in_category(category: RiskCategory, factors: Iterable[RiskFactor]) -> CategoryCount:
    found = tuple(each.risk_id for each in factors if each.category is category)
    return CategoryCount(category=category, count=len(found), risk_ids=found)


def _cell(likelihood: RiskLikelihood, impact: RiskImpact, factors: Iterable[RiskFactor]) -> MatrixCell:
    found = tuple(each.risk_id for each in factors if (each.likelihood, each.impact) == (likelihood, impact))
    return MatrixCell(
        likelihood=likelihood.value, likelihood_level=likelihood, impact=impact.value, impact_level=impact, count=len(found),
        risk_ids=found,
    )  # fmt: skip
