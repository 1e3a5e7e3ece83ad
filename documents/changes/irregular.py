"""Irregular changes: those that let something run which was not eligible, as long as it runs by them and still is not."""

from collections.abc import Collection, Mapping
from datetime import datetime

from documents.changes.life import ChangeStatus
from documents.changes.parts import GateBasis
from documents.changes.request import ChangeRequest
from documents.deployments import Deployment
from documents.eligibility.loading import case_files
from documents.eligibility.running import eligibility_at, obstacle
from documents.environments import DeploymentEnvironment
from documents.errors import LimitExceeded
from documents.store.fields import fields_at
from documents.store.filters import among, to_query
from documents.versions.version import ModelVersion

LOOKED_AT = 10_000  # changes that ever were of one irregular basis, and that one request reads

_READ = fields_at("change_id", "status", "plan", "gate", "completed_time")
_LASTING: Mapping[GateBasis, Collection[ChangeStatus]] = {
    GateBasis.MITIGATION: (ChangeStatus.IN_PROGRESS, ChangeStatus.COMPLETED),
    GateBasis.FORMER: (ChangeStatus.COMPLETED,),
}
"""The statuses in which a change of each basis lets its target run."""


async def running_mitigations() -> list[str]:
    """The ids of the changes of basis MITIGATION whose target runs, while a hold or critical incident that they name stands."""
    return [change.change_id for change, target in await _running_by(GateBasis.MITIGATION) if _mitigates(change, target)]


async def lacking_returns(at: datetime) -> list[str]:
    """The ids of the rollbacks of basis FORMER whose target runs, and may not run there as it is judged at that moment.

    The number of database commands does not grow with the number of rollbacks.
    """
    found = await _running_by(GateBasis.FORMER)
    names = {change.plan.environment for change, _ in found}
    there = await DeploymentEnvironment.read({"name": {"$in": sorted(names)}}, fields=fields_at("name", "stage")) if names else []
    stages = {each.name: each.stage for each in there}
    cases = {each.version.key: each for each in await case_files([*{each.key: each for _, each in found}.values()], at)}

    def lacks(change: ChangeRequest, target: ModelVersion) -> bool:
        stage = stages[change.plan.environment]
        return obstacle(eligibility_at(cases[target.key], stage), stage) is not None

    return [change.change_id for change, target in found if lacks(change, target)]


def _mitigates(change: ChangeRequest, target: ModelVersion) -> bool:
    """Whether a hold or an incident that the change mitigates stands in the way of its target."""
    holds = {each.hold_id for each in target.holds if each.stands}
    return not {each.id for each in change.plan.mitigates}.isdisjoint(holds | {*target.critical_incidents})


async def _running_by(basis: GateBasis) -> list[tuple[ChangeRequest, ModelVersion]]:
    """The changes of that basis by which their target runs now, each with its target.

    Raises LimitExceeded for more than 10,000 changes that ever were of that basis.
    """
    found = await ChangeRequest.read(
        {"gate.basis": basis, "status": {"$in": [*_LASTING[basis]]}}, limit=LOOKED_AT + 1, fields=_READ
    )
    if len(found) > LOOKED_AT:
        raise LimitExceeded(f"the number of changes of basis {basis.name}", len(found), LOOKED_AT)
    running = await _running({each.plan.model_id for each in found})
    lasting = [each for each in found if _lasts(each, running.get((each.plan.model_id, each.plan.environment)))]
    targets = await _versions({(each.plan.model_id, each.plan.target_version or "") for each in lasting})
    return [(each, targets[each.plan.model_id, each.plan.target_version or ""]) for each in lasting]


def _lasts(change: ChangeRequest, there: Deployment | None) -> bool:
    """Whether the target has run there, without a break, since the change put it or kept it there; `there` is what runs."""
    if there is None or there.version != change.plan.target_version:
        return False
    if change.plan.moves_version:
        return there.change_id == change.change_id
    since = change.completed_time or (change.gate.at if change.gate else None)
    return since is not None and there.deployed_at <= since


async def _running(ids: Collection[str]) -> Mapping[tuple[str, str], Deployment]:
    """What runs of these models, by model and environment."""
    query = {"model_id": {"$in": sorted(ids)}, "active": True}
    fields = fields_at("model_id", "environment", "version", "deployed_at", "change_id")
    found = await Deployment.read(query, fields=fields) if ids else []
    return {(each.model_id, each.environment): each for each in found}


async def _versions(keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], ModelVersion]:
    found = await ModelVersion.every(to_query(among(("model_id", "version"), sorted(keys)))) if keys else []
    return {(each.model_id, each.version): each for each in found}
