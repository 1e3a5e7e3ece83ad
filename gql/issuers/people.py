"""Signs in people by what their issuer asserts, and writes what changed because of it."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from uuid import uuid4

from documents.access import Actor, ActorType, Role
from documents.arrivals import SIGN_IN, arrive, bound_to, foreseen, is_settled
from documents.audit.event import AuditEvent, AuditEventType
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of
from documents.claims import claimed
from documents.errors import Altered, NotAsTold, Unauthenticated
from documents.issuers import Issuer
from documents.people import Stakeholder
from documents.store.session import bound_database
from documents.store.units import Unit
from gql.issuers.tokens import Assertion

Check = Callable[[Stakeholder], Awaitable[None]]
"""Raises NotAsTold for a person who is not as stored here."""
Note = Callable[[Stakeholder, str], None]
"""Notes that somebody stays the last administrator though an issuer, by its name, no longer says so."""


async def person_of(
    assertion: Assertion, check: Check, note: Note, services: Collection[str], address: str, at: datetime
) -> Stakeholder:
    """The person whom an issuer asserts; bound, made or given other roles first, if that is due.

    What is refused, or changes nothing, opens no transaction: whoever has a valid token could claim the trail by each request.
    Raises Unauthenticated, which says why, for whoever may not come in, and NotAsTold for a record that was altered.
    """
    issuer, subject = assertion.issuer, assertion.subject
    said = claimed(issuer, assertion.claims)
    person = await Stakeholder.first(bound_to(issuer, subject))
    if person is not None:
        await check(person)
        person.must_be_bound_to(issuer.name, issuer.issuer)
    if person is None or (person.active and not is_settled(person, issuer, said)):
        try:
            arrival = await foreseen(issuer, subject, said, services, at)
        except Unauthenticated:
            if person is not None or await Stakeholder.first(bound_to(issuer, subject)) is None:
                raise  # else the same person came by another request meanwhile
        else:
            if arrival.stays:
                await check(arrival.person)  # it was read anew, and nothing that is stored checks it
                note(arrival.person, issuer.name)
                return arrival.person
        ids = EventIds()

        async def work(unit: Unit) -> Stakeholder:
            head = await AuditHead.touch()
            if ids.made and await AuditEvent.wanted(ids[0]):  # an earlier attempt committed, and only the answer was lost
                return await Stakeholder.require(arrived[-1])
            found = await arrive(issuer, subject, said, services, at)
            arrived.append(found.user_id)
            found.adds_facts({"issuer": issuer.name}, partly=False)
            told = await occurrences_of(
                unit, SIGN_IN, _actor(found, issuer.name), Request(uuid4().hex, address or None), Stakeholder,
                AuditEventType.ACCESS_GRANTED,
            )  # fmt: skip
            if told:
                await head.append(told, at, ids)
            return found

        arrived: list[str] = []
        try:
            person = await bound_database().transact(work, at)
        except Altered as altered:
            raise NotAsTold(altered.kind, altered.key, altered.why) from altered
    must_come_in(person, issuer)
    return person


def must_come_in(person: Stakeholder, issuer: Issuer) -> None:
    """Unauthenticated unless the person is active, signs in by that issuer and holds something here."""
    person.must_be_bound_to(issuer.name, issuer.issuer)
    if not person.active:
        raise Unauthenticated(f"{person.user_id} is not active")
    if person.holds_nothing:
        raise Unauthenticated(f"no group that {issuer.name} names for {person.user_id} gives a role here")


def actor_of(person: Stakeholder, issuer: str) -> Actor:
    """The actor who signed in by an issuer."""
    roles: frozenset[Role] = frozenset({person.platform_role, *person.roles})
    return Actor(person.user_id, ActorType.USER, roles, token_issuer=issuer, identity=person.mark)


def _actor(person: Stakeholder, issuer: str) -> Actor:
    return Actor(person.user_id, ActorType.USER, token_issuer=issuer)
