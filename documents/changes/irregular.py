"""Irregular changes: those that let something run which was not eligible, as long as it runs by them and still is not."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from documents.changes.judgement import eligibility_at, obstacle
from documents.changes.life import ChangeStatus
from documents.changes.parts import GateBasis
from documents.changes.request import ChangeRequest
from documents.eligibility.loading import case_files
from documents.environments import DeploymentEnvironment
from documents.errors import LimitExceeded
from documents.store.fields import fields_at
from documents.store.filters import among, to_query
from documents.versions.model import Model
from documents.versions.version import ModelVersion

LOOKED_AT = 10_000  # changes that ever were irregular, and that one request reads

_READ = fields_at("change_id", "status", "plan", "gate", "completed_time")
_LASTING: Mapping[GateBasis, Collection[ChangeStatus]] = {
    GateBasis.MITIGATION: (ChangeStatus.IN_PROGRESS, ChangeStatus.COMPLETED),
    GateBasis.FORMER: (ChangeStatus.COMPLETED,),
}
"""The statuses in which a change of each basis lets its target run."""


@dataclass(frozen=True, slots=True)
class Irregular:
    """The ids of the changes that let something run now which was not eligible."""

    mitigations: tuple[str, ...]
    """Of the basis MITIGATION, while a hold or a critical incident that they name stands."""
    returns: tuple[str, ...]
    """Rollbacks of the basis FORMER, while their target is not eligible."""


async def irregular(at: datetime) -> Irregular:
    """The irregular changes at that moment. The number of database commands does not grow with their number.

    Raises LimitExceeded for more than 10,000 changes that ever were irregular.
    """
    query = {"gate.basis": {"$in": [*_LASTING]}, "status": {"$in": [ChangeStatus.IN_PROGRESS, ChangeStatus.COMPLETED]}}
    found = await ChangeRequest.read(query, limit=LOOKED_AT + 1, fields=_READ)
    if len(found) > LOOKED_AT:
        raise LimitExceeded("the number of irregular changes", len(found), LOOKED_AT)
    running = await _running(found)
    lasting = [each for each in found if _lasts(each, running.get(each.plan.model_id))]
    versions = await _targets(lasting)
    returns = [each for each in lasting if _basis(each) is GateBasis.FORMER]
    barred = await _barred(returns, versions, at)
    return Irregular(
        mitigations=tuple(
            each.change_id
            for each in lasting
            if _basis(each) is GateBasis.MITIGATION and _mitigates(each, versions[_target(each)])
        ),
        returns=tuple(each.change_id for each in returns if (*_target(each), each.plan.environment) in barred),
    )


def _basis(change: ChangeRequest) -> GateBasis | None:
    return change.gate.basis if change.gate else None


def _target(change: ChangeRequest) -> tuple[str, str]:
    return change.plan.model_id, change.plan.target_version or ""


def _lasts(change: ChangeRequest, model: Model | None) -> bool:
    """Whether the target runs since the change put it there or kept it there, and was in no other place meanwhile."""
    if change.gate is None or change.status not in _LASTING[change.gate.basis]:
        return False
    there = model.runs_in(change.plan.environment) if model else None
    until = change.completed_time or change.gate.at
    return there is not None and there.version == change.plan.target_version and there.since <= until


def _mitigates(change: ChangeRequest, target: ModelVersion) -> bool:
    """Whether a hold or an incident that the change mitigates stands in the way of its target."""
    holds = {each.hold_id for each in target.holds if each.stands}
    return not {each.id for each in change.plan.mitigates}.isdisjoint(holds | {*target.critical_incidents})


async def _running(changes: Sequence[ChangeRequest]) -> Mapping[str, Model]:
    """The models of the changes, by id."""
    ids = {each.plan.model_id for each in changes}
    found = await Model.every({"model_id": {"$in": sorted(ids)}}) if ids else []
    return {each.model_id: each for each in found}


async def _targets(changes: Sequence[ChangeRequest]) -> Mapping[tuple[str, str], ModelVersion]:
    """The targets of the changes, by model and version."""
    keys = {_target(each) for each in changes}
    found = await ModelVersion.every(to_query(among(("model_id", "version"), sorted(keys)))) if keys else []
    return {(each.model_id, each.version): each for each in found}


async def _barred(
    changes: Sequence[ChangeRequest], versions: Mapping[tuple[str, str], ModelVersion], at: datetime
) -> Collection[tuple[str, str, str]]:
    """The model, version and environment of each change whose target may not run in its environment, as it is judged now."""
    if not changes:
        return ()
    names = {each.plan.environment for each in changes}
    there = await DeploymentEnvironment.read({"name": {"$in": sorted(names)}}, fields=fields_at("name", "stage"))
    stages = {each.name: each.stage for each in there}
    judged = [versions[key] for key in {_target(each): None for each in changes}]
    cases = {(each.version.model_id, each.version.version): each for each in await case_files(judged, at)}
    places = {(*_target(each), each.plan.environment) for each in changes}
    return {
        (model_id, version, name)
        for model_id, version, name in places
        if obstacle(eligibility_at(cases[model_id, version], stages[name]), stages[name])
    }
