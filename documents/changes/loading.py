"""What a change is judged by: what runs in its environment, what ran there before, and which other changes are under way."""

from dataclasses import dataclass

from documents.changes.life import UNDER_WAY, ChangeStatus
from documents.changes.plan import ChangePlan, ChangeType
from documents.changes.request import ChangeRequest
from documents.deployments import Deployment
from documents.store.fields import fields_at
from documents.versions.model import Model
from documents.versions.version import ModelVersion

_ID = fields_at("change_id")


@dataclass(frozen=True, slots=True)
class Site:
    """A model and an environment, and what runs there."""

    model: Model
    environment: str

    @property
    def running(self) -> str | None:
        found = self.model.runs_in(self.environment)
        return found.version if found else None


async def site(plan: ChangePlan) -> Site:
    return Site(await Model.require(plan.model_id), plan.environment)


async def ran_before(plan: ChangePlan) -> bool:
    """Whether the target of a rollback ran there before; true for a rollback to nothing, and for any other change."""
    if plan.change_type is not ChangeType.ROLLBACK or plan.target_version is None:
        return True
    there = {"model_id": plan.model_id, "environment": plan.environment, "version": plan.target_version}
    return await Deployment.seek(there) is not None


async def concerned(plan: ChangePlan) -> ModelVersion | None:
    """The version that a plan is about: its target, or what it removes; None when a failed first deployment is rolled back."""
    version = plan.target_version or plan.current_version
    return await ModelVersion.require(plan.model_id, version) if version else None


async def in_progress_with(plan: ChangePlan) -> str | None:
    """The id of a change of the same model and environment that is in progress."""
    there = {"plan.model_id": plan.model_id, "plan.environment": plan.environment, "status": ChangeStatus.IN_PROGRESS}
    found = await ChangeRequest.seek(there, _ID)
    return found.change_id if found else None


async def in_progress_to(version: ModelVersion) -> str | None:
    """The id of a change in progress that is to bring the version."""
    bringing = {"plan.model_id": version.model_id, "plan.target_version": version.version, "status": ChangeStatus.IN_PROGRESS}
    found = await ChangeRequest.seek(bringing, _ID)
    return found.change_id if found else None


async def rollback_under_way(change: ChangeRequest) -> str | None:
    """The id of a submitted change that takes `change` back; a draft is none, for only its requester can go on with it."""
    found = await ChangeRequest.seek({"rolls_back_id": change.change_id, "status": {"$in": UNDER_WAY}}, _ID)
    return found.change_id if found else None
