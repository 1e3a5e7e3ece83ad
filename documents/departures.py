"""Departures: what becomes of all that somebody answered for, and what nobody answers for then."""

from collections.abc import Sequence
from datetime import datetime

from documents.access import Actor, GovernanceRole
from documents.errors import InvalidInput, LimitExceeded
from documents.people import Stakeholder
from documents.store.units import Raw
from documents.tokens import ApiToken, TokenKind
from documents.values import LIST_LENGTH
from documents.versions.accountability import roles_of
from documents.versions.lifecycle import VersionStatus
from documents.versions.model import Model
from documents.versions.rules import accountability
from documents.versions.version import ModelVersion

HANDED_OVER = 500  # records that one transaction can change in good time


async def depart(person: Stakeholder, successor_id: str | None, by: Actor, at: datetime) -> None:
    """Ends what a person may do and the person's tokens; a successor takes over all that the person answers for."""
    person.deactivate()
    await person.store()
    for token in await ApiToken.every({"holder": person.user_id, "kind": {"$ne": TokenKind.SERVICE}, "revoked_at": None}):
        token.end("deactivateStakeholder", at)
        await token.store()
    if successor_id is not None:
        await _hand_over(person.user_id, successor_id, by, at)


async def _hand_over(leaver: str, successor_id: str, by: Actor, at: datetime) -> None:
    owned, answered_for = {"owner_id": leaver}, _answered_for(leaver)
    size = await Model.tally(owned) + await ModelVersion.tally(answered_for)
    if size > HANDED_OVER:
        raise LimitExceeded("what is handed over at once", size, HANDED_OVER)
    models, versions = await Model.every(owned), await ModelVersion.every(answered_for)
    roles = {role for version in versions for role in roles_of(version.accountability, leaver)}
    await _can_take_over(successor_id, roles | ({GovernanceRole.MODEL_OWNER} if models else set()))
    for model in models:
        model.hand_over(successor_id)
        await model.store()
    for version in versions:
        for role in roles_of(version.accountability, leaver):
            accountability.assign(version, role, successor_id, by, at)
        await version.store()


def _answered_for(user_id: str) -> Raw:
    """The query for the versions that somebody is accountable for; what was retired needs nobody any more."""
    return {"standing.accountable_ids": user_id, "standing.status": {"$ne": VersionStatus.RETIRED}}


async def _can_take_over(successor_id: str, roles: set[GovernanceRole]) -> None:
    person = await Stakeholder.wanted(successor_id)
    if person is None or not person.active:
        raise InvalidInput("hand_over_to", "must be another active stakeholder")
    if lacking := [role.name for role in GovernanceRole if role in roles and not person.holds(role)]:
        raise InvalidInput("hand_over_to", f"must hold {', '.join(lacking)} to take over; {successor_id} does not")


async def uncovered(person: Stakeholder) -> Sequence[ModelVersion]:
    """The versions for which a person is accountable in a role that the person cannot fill today, the first 200 registered."""
    filled = [role for role in GovernanceRole if person.holds(role)]
    lapsed = {"user_id": person.user_id, "role": {"$nin": filled}, "ended_at": None}
    asked = _answered_for(person.user_id) | {"accountability": {"$elemMatch": lapsed}}
    return await ModelVersion.read(asked, [("registered_at", 1), ("_id", 1)], LIST_LENGTH)
