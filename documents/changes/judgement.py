"""Decides whether a version may be deployed to an environment, by its eligibility. Pure."""

from documents.changes.plan import PRODUCTION
from documents.eligibility.answer import Eligibility
from documents.risk.scales import RiskTier


def closed_to(eligibility: Eligibility, environment: str) -> str | None:
    """The reason why a version with that eligibility never runs in `environment`; None if it may."""
    if eligibility.tier is RiskTier.TIER_4_EXPERIMENTAL and environment == PRODUCTION:
        return "it is in TIER_4_EXPERIMENTAL"
    return None


def obstacle(eligibility: Eligibility, environment: str) -> str | None:
    """The reason why a version with that eligibility may not be deployed to `environment`; None if it may."""
    return closed_to(eligibility, environment) or (None if eligibility.eligible else "it is not eligible")
