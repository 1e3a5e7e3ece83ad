"""Scope: what a version is for, what it is made of and how critical it is."""

from collections.abc import Mapping
from typing import Any

from documents.access import Actor, GovernanceRole, Permission, PlatformRole, Relation, Role
from documents.classification import classify
from documents.errors import Forbidden
from documents.risk.scales import RiskTier
from documents.values import camel
from documents.versions.accountability import relations
from documents.versions.dependencies import refuse_doubled
from documents.versions.version import ModelVersion

CHANGES: Mapping[Role, frozenset[str]] = {
    GovernanceRole.BUSINESS_OWNER: frozenset({"use_cases", "restrictions"}),
    PlatformRole.SERVICE: frozenset({"artifacts"}),
}
"""What those may change of a version who do not own it."""


def amend(version: ModelVersion, said: Mapping[str, Any], by: Actor) -> None:
    """Changes scope, artefacts and dependencies as `said`; words that call for a more critical tier than before raise it.

    Only `set_tier`, by a risk manager, sets a lighter tier.
    """
    version.permits(by, Permission.UPDATE_MODEL_VERSION)
    _may_change(version, said, by)
    refuse_doubled(said.get("depends_on", ()))
    for name, value in said.items():
        setattr(version, name, value)
    before, version.classification = version.classification, classify(version.purpose, version.use_cases)
    suggested = version.classification.tier
    if before.tier.is_lighter_than(suggested) and version.tier.is_lighter_than(suggested):
        version.tier, version.tier_rationale = suggested, None


def _may_change(version: ModelVersion, said: Mapping[str, Any], by: Actor) -> None:
    if Relation.OWNER in relations(version.accountability, by):
        return
    permitted = {each for role in by.roles for each in CHANGES.get(role, ())}
    if barred := said.keys() - permitted:
        raise Forbidden(f"{by.id} may not change {', '.join(map(camel, sorted(barred)))}", ["MODEL_OWNER (owner)"])


def set_tier(version: ModelVersion, tier: RiskTier, rationale: str, by: Actor) -> None:
    """Sets the tier, more critical or lighter than the version's words suggest; the policies of the new tier apply."""
    version.permits(by, Permission.SET_RISK_TIER)
    version.tier, version.tier_rationale = tier, rationale
