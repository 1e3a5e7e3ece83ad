"""Scope: what a version is for, what it is made of and how critical it is."""

from collections.abc import Mapping
from typing import Any

from documents.access import Actor, Permission, may_amend
from documents.classification import classify
from documents.risk.scales import RiskTier
from documents.versions.accountability import relations
from documents.versions.dependencies import refuse_doubled
from documents.versions.version import ModelVersion


def amend(version: ModelVersion, said: Mapping[str, Any], by: Actor) -> None:
    """Changes scope, artefacts and dependencies as `said`; words that call for a more critical tier than before raise it.

    Only `set_tier`, by a risk manager, sets a lighter tier.
    """
    version.permits(by, Permission.UPDATE_MODEL_VERSION)
    may_amend(by, relations(version.accountability, by), said)
    refuse_doubled(said.get("depends_on", ()))
    for name, value in said.items():
        setattr(version, name, value)
    before, version.classification = version.classification, classify(version.purpose, version.use_cases)
    suggested = version.classification.tier
    if before.tier.is_lighter_than(suggested) and version.tier.is_lighter_than(suggested):
        version.tier, version.tier_rationale = suggested, None


def set_tier(version: ModelVersion, tier: RiskTier, rationale: str, by: Actor) -> None:
    """Sets the tier, more critical or lighter than the version's words suggest; the policies of the new tier apply."""
    version.permits(by, Permission.SET_RISK_TIER)
    version.tier, version.tier_rationale = tier, rationale
