"""Loads what a change is judged by: what runs in its environment, what ran there before, and other changes under way."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from documents.access import Actor, GovernanceRole, Relation, authorship
from documents.changes.life import UNDER_WAY, ChangeStatus
from documents.changes.plan import ChangePlan, ChangeType, Mitigated
from documents.changes.request import ChangeRequest
from documents.contents import Content
from documents.deployments import Deployment, ever_deployed
from documents.environments import in_use
from documents.errors import InvalidInput
from documents.incidents import Incident, IncidentStatus
from documents.people import Stakeholder
from documents.stages import GOVERNED, Stage
from documents.store.fields import fields_at
from documents.store.filters import among, to_query
from documents.store.units import Raw
from documents.versions.accountability import relations
from documents.versions.approvals import ApprovalRound, Verdict
from documents.versions.model import Model
from documents.versions.version import ModelVersion

LOOKED_BACK = 100  # deployments of one version in one environment, latest first, that a rollback can return to

_ID, _ACTIVE, _ACCOUNTABILITY = (fields_at(each) for each in ("change_id", "active", "accountability"))
_GATE = fields_at("change_id", "gate")
_BRINGS = fields_at("change_id", "plan.model_id", "plan.target_version")


@dataclass(frozen=True, slots=True)
class Site:
    """A model in an environment, and the version of it that runs there."""

    model: Model
    environment: str

    @property
    def running(self) -> str | None:
        """The version that runs; None if none does."""
        found = self.model.runs_in(self.environment)
        return found.version if found else None


async def site(plan: ChangePlan) -> Site:
    """The plan's model and environment. Raises NotFound for an unknown model."""
    return Site(await Model.require(plan.model_id), plan.environment)


async def ran_before(plan: ChangePlan) -> bool:
    """Whether the target of a rollback ran in the environment before; True for a rollback to no version, and for other types."""
    if plan.change_type is not ChangeType.ROLLBACK or plan.target_version is None:
        return True
    return await Deployment.seek(_there(plan), _ID) is not None


async def former(plan: ChangePlan) -> Deployment | None:
    """The latest deployment of the plan's target in the environment that was judged for its present stage, or a higher one.

    None if there is none: what was let in while the stage was lower was held to less.
    """
    environment = await in_use(plan.environment)
    there = await Deployment.every(_there(plan), [("deployed_at", -1), ("_id", -1)], LOOKED_BACK)
    if environment is None or not there:
        return None
    stages, enough = await _judged_for(there), {each for each in Stage if each.order >= environment.stage.order}
    return next((each for each in there if not enough.isdisjoint(stages[each.change_id])), None)


async def refusing(version: ModelVersion) -> tuple[GovernanceRole, ...]:
    """The roles whose latest decision about the version, in any of its rounds, rejected it or was withdrawn."""
    digests = [each.digest for each in version.closed_rounds]
    texts = await Content.read({"digest": {"$in": digests}}) if digests else []
    known = {each.digest: ApprovalRound.model_validate_json(each.canonical) for each in texts}
    closed = [known[each] for each in digests if each in known]
    latest = {each.role: each for opened in (*closed, *version.open_rounds) for each in opened.decisions}
    return tuple(role for role, each in latest.items() if each.withdrawn or each.verdict is Verdict.REJECTED)


def _there(plan: ChangePlan) -> Raw:
    return {"model_id": plan.model_id, "environment": plan.environment, "version": plan.target_version}


async def _judged_for(deployments: Sequence[Deployment]) -> Mapping[str, Collection[str]]:
    """The stages that the gate let deployments in for, by their change; before release 0.3.0 it judged for all of GOVERNED."""
    ids = [each.change_id for each in deployments]
    changes = await ChangeRequest.read({"change_id": {"$in": ids}}, fields=_GATE)
    digests = {each.change_id: each.gate.eligibility for each in changes if each.gate and each.gate.eligibility}
    texts = await Content.read({"digest": {"$in": sorted(set(digests.values()))}}) if digests else []
    told = {each.digest: json.loads(each.canonical).get("stages", GOVERNED) for each in texts}
    return {each: told.get(digests.get(each, ""), GOVERNED) for each in ids}


async def obstacles(plan: ChangePlan, version: ModelVersion) -> tuple[Mitigated, ...]:
    """What the plan mitigates, each hold with the role that placed it.

    Raises InvalidInput for a hold or an incident that is not one of the version's, or that is over.
    """
    ids = sorted(each.incident_id for each in plan.mitigates if each.incident_id)
    about = {"model_id": version.model_id, "version": version.version, "status": IncidentStatus.OPEN}
    incidents = await Incident.every({"incident_id": {"$in": ids}, **about}) if ids else []
    holds = {each.hold_id: each.role for each in version.holds if each.stands}
    known = {each.incident_id for each in incidents}
    for index, each in enumerate(plan.mitigates):
        if each.id not in holds.keys() | known:
            raise InvalidInput(f"mitigates.{index}", f"must be a hold that stands, or an open incident, of {version.key}")
    return tuple(each.model_copy(update={"role": holds.get(each.id)}) for each in plan.mitigates)


async def concerned(plan: ChangePlan) -> ModelVersion | None:
    """The version that a plan is about: its target, else its current version; None if the plan has neither.

    A plan has neither if it rolls back a first deployment that failed.
    """
    version = plan.target_version or plan.current_version
    return await ModelVersion.require(plan.model_id, version) if version else None


async def standing_to(change: ChangeRequest, by: Actor) -> frozenset[Relation]:
    """AUTHOR for whoever requested a change; once that person has left, for the owner of its version and for tech leads too."""
    if by.id == change.requester:
        return authorship(True)
    requester = await Stakeholder.seek({"user_id": change.requester}, _ACTIVE)
    if requester is None or requester.active:
        return authorship(False)
    return authorship(GovernanceRole.TECH_LEAD in by.roles or Relation.OWNER in await _of_version(change, by))


async def relations_to(change: ChangeRequest, by: Actor) -> frozenset[Relation]:
    """The relations of an actor to a change, by `standing_to`, and to its version."""
    return await standing_to(change, by) | await _of_version(change, by)


async def _of_version(change: ChangeRequest, by: Actor) -> frozenset[Relation]:
    found = await ModelVersion.seek(change.filed_under, _ACCOUNTABILITY)
    return relations(found.accountability, by) if found else frozenset()


async def in_progress_with(plan: ChangePlan) -> str | None:
    """The id of a change in progress for the same model and environment; None if there is none."""
    there = {"plan.model_id": plan.model_id, "plan.environment": plan.environment, "status": ChangeStatus.IN_PROGRESS}
    found = await ChangeRequest.seek(there, _ID)
    return found.change_id if found else None


async def in_progress_in(environment: str) -> str | None:
    """The id of a change in progress in an environment, of any model; None if there is none."""
    found = await ChangeRequest.seek({"plan.environment": environment, "status": ChangeStatus.IN_PROGRESS}, _ID)
    return found.change_id if found else None


async def running_in(environment: str, limit: int = 0) -> list[ModelVersion]:
    """The versions that run in an environment, all of them unless a `limit` is given."""
    return await ModelVersion.every({"deployed_in": environment}, (("registered_at", 1), ("_id", 1)), limit)


async def in_progress_to(versions: Sequence[ModelVersion]) -> Mapping[str, str]:
    """The id of a change in progress whose target is a version, by the version's key; one command for all."""
    found = await ChangeRequest.read(bringing(versions), fields=_BRINGS) if versions else []
    return {f"{each.plan.model_id}/{each.plan.target_version}": each.change_id for each in found}


def bringing(versions: Sequence[ModelVersion]) -> Raw:
    """The query for the changes in progress whose target is one of the versions."""
    names = [(each.model_id, each.version) for each in versions]
    return to_query(among(("plan.model_id", "plan.target_version"), names)) | {"status": ChangeStatus.IN_PROGRESS}


async def composition_fixed(versions: Sequence[ModelVersion]) -> frozenset[str]:
    """The keys of the versions that run or ran anywhere, or that a change which the gate let through is about to bring."""
    return await ever_deployed(versions) | (await in_progress_to(versions)).keys()


async def rollback_under_way(change: ChangeRequest) -> str | None:
    """The id of a submitted rollback of `change` that is not over; None if there is none.

    A draft does not count: only its requester could submit it, so a forgotten draft would bar every other rollback.
    """
    found = await ChangeRequest.seek({"rolls_back_id": change.change_id, "status": {"$in": UNDER_WAY}}, _ID)
    return found.change_id if found else None
