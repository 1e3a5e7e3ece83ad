"""Loads what a change is judged by: what runs in its environment, what ran there before, and other changes under way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from documents.changes.life import ChangeStatus
from documents.changes.plan import ChangePlan
from documents.changes.request import ChangeRequest
from documents.deployments import ever_deployed
from documents.store.fields import fields_at
from documents.store.filters import among, to_query
from documents.store.units import Raw
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


async def concerned(plan: ChangePlan) -> ModelVersion | None:
    """The version that a plan is about: its target, else its current version; None if the plan has neither.

    A plan has neither if it rolls back a first deployment that failed.
    """
    version = plan.target_version or plan.current_version
    return await ModelVersion.require(plan.model_id, version) if version else None


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


async def composition_fixed(versions: Sequence[ModelVersion], brought: Mapping[str, str] | None = None) -> frozenset[str]:
    """The keys of the versions that run or ran anywhere, or that a change which the gate let through is about to bring.

    `brought` is what `in_progress_to` answers for them, if that was asked before.
    """
    coming = await in_progress_to(versions) if brought is None else brought
    return await ever_deployed(versions) | coming.keys()
