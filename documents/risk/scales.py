"""What risk is measured by: tiers, categories, bands, and the two scales from 1 to 5."""

from enum import IntEnum
from typing import Annotated, Self

from pydantic import Field

from documents.values import Choice, Share

DIGITS = 9  # to which scores are rounded


class RiskTier(Choice):
    """A risk tier decides which policies apply to a version."""

    TIER_1_CRITICAL = "tier_1_critical", "The version decides on health, money, rights or safety, or is regulated."
    TIER_2_IMPORTANT = "tier_2_important", "The version meets customers or the public."
    TIER_3_STANDARD = "tier_3_standard", "The version does ordinary work within a narrow scope."
    TIER_4_EXPERIMENTAL = "tier_4_experimental", "The version is tried out, and not for production."

    def is_lighter_than(self, other: "RiskTier") -> bool:
        order = list(RiskTier)
        return order.index(self) > order.index(other)


class RiskCategory(Choice):
    """A risk is in one of these categories."""

    MODEL_QUALITY = "model_quality", "The model is wrong, or gets worse."
    DATA_QUALITY = "data_quality", "The data are wrong, incomplete or out of date."
    SECURITY = "security", "Somebody makes the model do or say what it must not."
    PRIVACY = "privacy", "Personal data are used or shown against the rules."
    FAIRNESS = "fairness", "Some groups fare worse than others."
    OPERATIONAL = "operational", "The model is away when it is needed."
    REGULATORY = "regulatory", "Using the model breaks a law or a rule."
    REPUTATIONAL = "reputational", "The model costs the organisation its good name."
    FINANCIAL = "financial", "The model costs the organisation money."


class RiskBand(Choice):
    """A score from 0 to 25 lies in one of these bands."""

    LOW = "LOW", "The score is below 5."
    MEDIUM = "MEDIUM", "The score is from 5 to below 10."
    HIGH = "HIGH", "The score is from 10 to below 15."
    CRITICAL = "CRITICAL", "The score is 15 or more."

    @classmethod
    def of(cls, score: float) -> Self:
        if score >= 15:
            return cls.CRITICAL
        if score >= 10:
            return cls.HIGH
        return cls.MEDIUM if score >= 5 else cls.LOW


class RiskTrend(Choice):
    """A trend compares an overall score with that of the assessment before."""

    UP = "up", "The score has risen."
    DOWN = "down", "The score has fallen."
    SAME = "same", "The score is the same."
    NONE = "none", "No assessment before exists to compare with."

    @classmethod
    def of(cls, before: float | None, now: float) -> Self:
        if before is None:
            return cls.NONE
        return cls.SAME if now == before else cls.UP if now > before else cls.DOWN


class Grade(IntEnum):
    """A step on a scale from 1 to 5 that says what it means."""

    description: str

    def __new__(cls, value: int, description: str) -> Self:
        member = int.__new__(cls, value)
        member._value_, member.description = value, description
        return member


class RiskLikelihood(Grade):
    """A likelihood is from 1 to 5."""

    RARE = 1, "The risk happens with a probability below 10%."
    UNLIKELY = 2, "The risk happens with a probability from 10% to 25%."
    POSSIBLE = 3, "The risk happens with a probability from 25% to 50%."
    LIKELY = 4, "The risk happens with a probability from 50% to 75%."
    ALMOST_CERTAIN = 5, "The risk happens with a probability above 75%."


class RiskImpact(Grade):
    """An impact is from 1 to 5."""

    NEGLIGIBLE = 1, "The harm is a nuisance."
    MINOR = 2, "The harm is little and soon made good."
    MODERATE = 3, "The harm is real and takes effort to make good."
    MAJOR = 4, "The harm is severe and hard to make good."
    CATASTROPHIC = 5, "The harm may never be made good."


Rating = Annotated[int, Field(ge=1, le=5, strict=True)]
"""A likelihood or an impact, 1 to 5."""

Effectiveness = Annotated[Share, Field(strict=True)]
"""The share of a risk that its controls take away, 0 to 1; a boolean is none."""


def rounded(score: float) -> float:
    """Without the dust of binary fractions: 25 x (1 - 0.8) is 5, and so MEDIUM, not 4.999999999999999."""
    return round(score, DIGITS)
