"""What is done when a person leaves: the person can no longer act, and a successor takes over."""

from datetime import datetime

from documents.access import REQUESTERS, Actor, GovernanceRole
from documents.changes.life import ChangeStatus
from documents.changes.request import ChangeRequest
from documents.departures.loading import answered_for, services_of
from documents.errors import InvalidInput, LimitExceeded
from documents.people import Stakeholder
from documents.tokens import ApiToken, TokenKind
from documents.versions.accountability import roles_of
from documents.versions.model import Model
from documents.versions.rules import accountability
from documents.versions.version import ModelVersion

HANDED_OVER = 500  # records that one transaction can change in good time
_REQUESTERS = [each for each in REQUESTERS if isinstance(each, GovernanceRole)]


async def depart(person: Stakeholder, successor_id: str | None, by: Actor, at: datetime) -> None:
    """Ends what a person may do and the person's tokens; a successor takes over what the person answers for.

    A person who has left already can still be given a successor, for what the person answers for until then.
    """
    if person.active or successor_id is None:
        person.deactivate()
        await person.store()
    for token in await ApiToken.every({"holder": person.user_id, "kind": {"$ne": TokenKind.SERVICE}, "revoked_at": None}):
        token.end("deactivateStakeholder", at)
        await token.store()
    if successor_id is not None:
        await _hand_over(person.user_id, successor_id, by, at)


async def _hand_over(leaver: str, successor_id: str, by: Actor, at: datetime) -> None:
    owned, accountable, services = {"owner_id": leaver}, answered_for(leaver), services_of(leaver, at)
    drafted = {"requester": leaver, "status": ChangeStatus.DRAFT}
    size = await Model.tally(owned) + await ModelVersion.tally(accountable) + await ChangeRequest.tally(drafted)
    size += await ApiToken.tally(services)
    if size > HANDED_OVER:
        raise LimitExceeded("the number of models, versions, draft changes and tokens handed over at once", size, HANDED_OVER)
    models, versions = await Model.every(owned), await ModelVersion.every(accountable)
    drafts = await ChangeRequest.every(drafted)
    roles = {role for version in versions for role in roles_of(version.accountability, leaver)}
    successor = await _can_take_over(successor_id, roles | ({GovernanceRole.MODEL_OWNER} if models else set()))
    if drafts and not any(successor.holds(role) for role in _REQUESTERS):
        named = ", ".join(each.name for each in _REQUESTERS)
        raise InvalidInput("hand_over_to", f"must hold one of {named} to take over draft changes; {successor_id} holds none")
    for draft in drafts:
        draft.hand_over(successor)
        await draft.store()
    for token in await ApiToken.every(services):
        token.hand_over(successor_id)
        await token.store()
    for model in models:
        model.hand_over(successor_id)
        await model.store()
    for version in versions:
        for role in roles_of(version.accountability, leaver):
            accountability.assign(version, role, successor_id, by, at)
        await version.store()


async def _can_take_over(successor_id: str, roles: set[GovernanceRole]) -> Stakeholder:
    person = await Stakeholder.wanted(successor_id)
    if person is None or not person.active:
        raise InvalidInput("hand_over_to", "must be another active stakeholder")
    if lacking := [role.name for role in GovernanceRole if role in roles and not person.holds(role)]:
        raise InvalidInput("hand_over_to", f"must hold {', '.join(lacking)} to take over; {successor_id} does not")
    return person
