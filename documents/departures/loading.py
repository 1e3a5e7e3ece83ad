"""What a person answers for: versions, models and tokens of services, and what nobody answers for once the person has left."""

from collections.abc import Sequence
from datetime import datetime

from documents.access import GovernanceRole
from documents.people import Stakeholder
from documents.store.units import Raw
from documents.tokens import ApiToken, TokenKind
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


def services_of(user_id: str, at: datetime) -> Raw:
    """The query for the standing tokens of services that a person answers for."""
    stands = {"revoked_at": None, "$or": [{"expires_at": None}, {"expires_at": {"$gt": at}}]}
    return {"owner_id": user_id, "kind": TokenKind.SERVICE, **stands}


async def unanswered(person: Stakeholder, at: datetime) -> Sequence[ApiToken]:
    """The standing tokens of services that nobody answers for because the person has left, the first 200 made."""
    if person.active:
        return []
    return await ApiToken.read(services_of(person.user_id, at), [("created_at", 1), ("_id", 1)], LIST_LENGTH)
