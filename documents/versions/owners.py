"""Who owns a model: whom `updateModel` set, else whoever becomes the accountable owner of its latest version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from documents.access import Actor, GovernanceRole, Permission
from documents.errors import InvalidInput
from documents.people import holder_of
from documents.store.fields import fields_at
from documents.versions.model import Model
from documents.versions.rules import accountability
from documents.versions.version import ModelVersion


async def amend(model: Model, said: Mapping[str, Any], by: Actor) -> None:
    """Changes a model's name, description, tags or owner as `said`, and stores it.

    An owner of None is the owner of the latest version, whom the model's owner follows from then on. Raises InvalidInput for an
    owner who is no active model owner.
    """
    model.permits(by, Permission.UPDATE_MODEL)
    changes = dict(said)
    if changes.get("name", "") is None:
        raise InvalidInput("name", "must say what people call the model")
    if "owner_id" in changes:
        owner_id = changes["owner_id"] or (await _latest(model.model_id)).owner_id
        await holder_of(owner_id, GovernanceRole.MODEL_OWNER, "owner_id")
        if changes["owner_id"] is None:
            del changes["owner_id"]
            model.follow(owner_id)
    model.amend(changes, by)
    await model.store()


async def assign(version: ModelVersion, role: GovernanceRole, user_id: str, by: Actor, at: datetime) -> None:
    """Makes a person accountable for a version in a role, and stores it.

    The owner of the latest version becomes the owner of its model too, unless somebody set the model's owner.
    """
    accountability.assign(version, role, user_id, by, at)
    if role is GovernanceRole.MODEL_OWNER and (await _latest(version.model_id)).version == version.version:
        model = await Model.require(version.model_id)
        if model.owner_set_by is None:
            model.follow(user_id)
            await model.store()
    await version.store()


async def _latest(model_id: str) -> ModelVersion:
    """The version that has the highest number, of those in use if there are any; a model has one at least."""
    by, fields = [("version_key", -1), ("_id", -1)], fields_at("version", "owner_id")
    in_use = await ModelVersion.read({"model_id": model_id, "retired": None}, by, 1, fields)
    return (in_use or await ModelVersion.read({"model_id": model_id}, by, 1, fields))[0]
