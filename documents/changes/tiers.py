"""Sets the tier of a version, where what runs may have that tier."""

from documents.access import Actor, Permission
from documents.changes.loading import bringing
from documents.changes.request import ChangeRequest
from documents.environments import DeploymentEnvironment
from documents.risk.scales import RiskTier
from documents.stages import Stage
from documents.store.fields import fields_at
from documents.versions.rules import scope
from documents.versions.version import ModelVersion


async def set_tier(version: ModelVersion, tier: RiskTier, rationale: str, by: Actor) -> None:
    """Sets a version's tier and stores it. Raises NotReady for tier 4 while the version runs, or is about to, in PRODUCTION."""
    scope.set_tier(version, tier, rationale, by)
    if tier is RiskTier.TIER_4_EXPERIMENTAL and (name := await _in_production(version)):
        problem = f"it runs in {name}, or is being deployed there, and no version of {tier.name} runs in PRODUCTION"
        raise version.not_ready(Permission.SET_RISK_TIER, problem)
    await version.store()


async def _in_production(version: ModelVersion) -> str | None:
    """The name of an environment of stage PRODUCTION where the version runs, or to which a change in progress brings it."""
    changes = await ChangeRequest.every(bringing([version]))
    names = sorted({*version.deployed_in, *(each.plan.environment for each in changes)})
    if not names:
        return None
    found = await DeploymentEnvironment.seek({"name": {"$in": names}, "stage": Stage.PRODUCTION}, fields_at("name"))
    return found.name if found else None
