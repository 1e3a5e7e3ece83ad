"""Scope: what a version is for, what it is made of and how critical it is."""

from collections.abc import Mapping
from typing import Any

from documents.access import Actor, Permission, may_amend
from documents.canonical import digest
from documents.classification import classify
from documents.errors import InvalidInput
from documents.risk.scales import RiskTier
from documents.versions.accountability import relations
from documents.versions.dependencies import origins, refuse_doubled
from documents.versions.version import ModelVersion


def amend(version: ModelVersion, said: Mapping[str, Any], was_deployed: bool, reason: str | None, by: Actor) -> None:
    """Changes scope, artefacts and dependencies as `said`; words that call for a more critical tier than before raise it.

    Only `set_tier`, by a risk manager, sets a lighter tier. The artefacts and origins of a version that was deployed are fixed;
    what it calls and what it is evaluated by may be added, with a `reason`.
    """
    version.permits(by, Permission.UPDATE_MODEL_VERSION)
    may_amend(by, relations(version.accountability, by), said)
    refuse_doubled(said.get("depends_on", ()))
    if was_deployed:
        _refuse_swap(version, said, reason)
    for name, value in said.items():
        setattr(version, name, value)
    before, version.classification = version.classification, classify(version.purpose, version.use_cases)
    suggested = version.classification.tier
    if before.tier.is_lighter_than(suggested) and version.tier.is_lighter_than(suggested):
        version.tier, version.tier_rationale = suggested, None


def _refuse_swap(version: ModelVersion, said: Mapping[str, Any], reason: str | None) -> None:
    """Raises NotReady if `said` changes what was deployed, InvalidInput if it adds a dependency without a reason."""
    depends_on = said.get("depends_on", version.depends_on)
    kept = set(version.depends_on) <= set(depends_on) and origins(depends_on) == origins(version.depends_on)
    if digest(said.get("artifacts", version.artifacts)) != digest(version.artifacts) or not kept:
        fixed = "it was deployed, so its artefacts and what it was made from are fixed: registerModelVersion registers another"
        raise version.not_ready(Permission.UPDATE_MODEL_VERSION, fixed)
    if depends_on != version.depends_on:
        if reason is None:
            raise InvalidInput("reason", "must say why a version that was deployed depends on more")
        version.adds_facts({"reason": reason}, partly=False)


def set_tier(version: ModelVersion, tier: RiskTier, rationale: str, by: Actor) -> None:
    """Sets the tier, more critical or lighter than the version's words suggest; the policies of the new tier apply."""
    version.permits(by, Permission.SET_RISK_TIER)
    version.tier, version.tier_rationale = tier, rationale
