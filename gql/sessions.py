"""Stores tokens that are made or ended outside of the graph, each in a transaction of its own with its event."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import uuid4

from documents.access import Actor, ActorType
from documents.audit.event import AuditEvent, AuditEventType
from documents.audit.trail import AuditHead, EventIds, occurrences_of
from documents.audit.trail import Request as AuditedRequest
from documents.store.session import bound_database
from documents.store.units import Unit
from documents.tokens import ApiToken

SIGN_OUT = "signOut"


async def keep(token: ApiToken, action: str, by: Actor, address: str, at: datetime) -> None:
    """Stores a token that was just made."""

    async def store() -> None:
        await token.model_copy(deep=True).store()

    await _told(store, action, by, AuditEventType.ACCESS_GRANTED, address, at)


async def end_session(token: ApiToken, address: str, at: datetime) -> None:
    """Ends the session of a browser, unless it has ended; the trail names its issuer."""
    by = Actor(token.holder, ActorType.USER, token=token.token_id, token_issuer=token.issued_by)

    async def end() -> None:
        found = await ApiToken.require(token.token_id)
        if found.stands(at):
            found.end(SIGN_OUT, at)
            await found.store()

    await _told(end, SIGN_OUT, by, AuditEventType.ACCESS_REVOKED, address, at)


async def _told(
    work: Callable[[], Awaitable[None]], action: str, by: Actor, event: AuditEventType, address: str, at: datetime
) -> None:
    ids = EventIds()

    async def told(unit: Unit) -> None:
        head = await AuditHead.touch()
        if ids.made and await AuditEvent.wanted(ids[0]):  # an earlier attempt committed, and only the answer was lost
            return
        await work()
        request = AuditedRequest(uuid4().hex, address or None)
        if found := await occurrences_of(unit, action, by, request, ApiToken, event):
            await head.append(found, at, ids)

    await bound_database().transact(told, at)
