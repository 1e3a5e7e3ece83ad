"""The versions and models that a person answers for, and those that nobody answers for once the person has left."""

from collections.abc import Sequence

from documents.access import GovernanceRole
from documents.people import Stakeholder
from documents.store.units import Raw
from documents.values import LIST_LENGTH
from documents.versions.lifecycle import VersionStatus
from documents.versions.model import Model
from documents.versions.version import ModelVersion


def answered_for(user_id: str) -> Raw:
    """The query for the versions that a person is accountable for; a retired version needs nobody."""
    return {"standing.accountable_ids": user_id, "standing.status": {"$ne": VersionStatus.RETIRED}}


async def uncovered(person: Stakeholder) -> Sequence[ModelVersion]:
    """The versions for which a person is accountable in a role that the person cannot fill today, the first 200 registered."""
    filled = [role for role in GovernanceRole if person.holds(role)]
    lapsed = {"user_id": person.user_id, "role": {"$nin": filled}, "ended_at": None}
    asked = answered_for(person.user_id) | {"accountability": {"$elemMatch": lapsed}}
    return await ModelVersion.read(asked, [("registered_at", 1), ("_id", 1)], LIST_LENGTH)


async def unowned(person: Stakeholder) -> Sequence[Model]:
    """The models that a person owns and cannot own today, the first 200 by their id."""
    if person.holds(GovernanceRole.MODEL_OWNER):
        return []
    return await Model.read({"owner_id": person.user_id}, [("model_id", 1)], LIST_LENGTH)
