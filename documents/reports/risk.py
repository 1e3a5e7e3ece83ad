"""The risk report of one version as data: what its latest assessment found, and what was decided about it. Pure."""

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
    """A risk summary is an assessment in a few numbers."""

    overall_score: float = Field(description="The mean residual score is weighted by impact, 0 to 25.")
    band: RiskBand = Field(description="The band that the score is in.")
    previous_score: float | None = Field(description="The overall score that the assessment before had; null for the first.")
    trend: RiskTrend = Field(description="The trend says how the two compare.")
    total_risks: int = Field(description="The number of risks that were looked at.")
    high_risks: int = Field(description="The number of risks that score 10 or more.")
    medium_risks: int = Field(description="The number of risks that score from 5 to below 10.")
    low_risks: int = Field(description="The number of risks that score below 5.")
    open_high_risks: tuple[Key, ...] = Field(description="The number of high risks that have no control or acceptance.")


class BandCount(Value):
    """A count says which risks are in one band."""

    band: RiskBand = Field(description="The band that they are in.")
    count: int = Field(description="The number of risks that are in it.")
    risk_ids: tuple[Key, ...] = Field(description="The ids of the risks, of which the highest is first.")


class CategoryCount(Value):
    """A count says which risks are in one category."""

    category: RiskCategory = Field(description="The category that they are in.")
    count: int = Field(description="The number of risks that are in it.")
    risk_ids: tuple[Key, ...] = Field(description="The ids of the risks, of which the highest is first.")


class MatrixCell(Value):
    """A cell holds risks by likelihood and impact, before controls."""

    likelihood: Rating = Field(description="The likelihood is from 1, rare, to 5, certain.")
    likelihood_level: RiskLikelihood = Field(description="The level says what the likelihood means.")
    impact: Rating = Field(description="The impact is from 1, negligible, to 5, catastrophic, as raised in tier 1.")
    impact_level: RiskImpact = Field(description="The level says what the impact means.")
    count: int = Field(description="The number of risks that are in it.")
    risk_ids: tuple[Key, ...] = Field(description="The ids of the risks, of which the highest is first.")


class ReportedAcceptance(Value):
    """A reported acceptance says whether it counted when the report was made."""

    acceptance: RiskAcceptance = Field(description="The acceptance that is reported.")
    stands: bool = Field(description="Whether the acceptance then counted.")


class RiskReport(Value):
    """A risk report says what may go wrong with a version, as last assessed."""

    generated_at: Moment = Field(description="The time the report was made.")
    model_id: Key = Field(description="The id that the model has.")
    version: Key = Field(description="The name that the version has.")
    assessment_id: str = Field(description="The id of the latest assessment, which is reported.")
    digest: Digest = Field(description="The digest that `content` takes for the assessment.")
    assessor: Key = Field(description="The user id of whoever made it.")
    assessed_at: Moment = Field(description="The time it was made.")
    tier: RiskTier = Field(description="The tier that the version then had.")
    summary: RiskSummary = Field(description="The summary is the whole in a few numbers.")
    by_band: tuple[BandCount, ...] = Field(description="The risks are counted by band, the most severe first.")
    by_category: tuple[CategoryCount, ...] = Field(description="The risks are counted in each of the nine categories.")
    factors: tuple[RiskFactor, ...] = Field(description="The risks are listed, the highest residual score first.")
    matrix: tuple[MatrixCell, ...] = Field(description="The 25 cells are ordered by likelihood, then impact, both from 1 to 5.")
    recommendations: tuple[str, ...] = Field(description="The steps that are recommended, the most urgent first.")
    acceptances: tuple[ReportedAcceptance, ...] = Field(description="The risks that were accepted, standing or not.")
    approval: AssessmentApproval | None = Field(description="The approval that the assessment got; null if none.")
    people: tuple[ReportedPerson, ...] = Field(description="The people whom the report names, by user id.")

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
