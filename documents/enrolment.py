"""The commands by which people come to tokens of their own, and by which their identities are confirmed."""

from datetime import datetime, timedelta

from documents.access import Actor, Permission, may_make_tokens
from documents.audit.event import AuditEvent, AuditOutcome
from documents.errors import LimitExceeded
from documents.identities import issuers_behind
from documents.people import Stakeholder
from documents.store.units import Raw
from documents.tokens import ApiToken, TokenKind

WRONG_EMAILS, WITHIN = 5, timedelta(days=1)
"""How often somebody may name another e-mail address than a person has, when they confirm the person."""


async def invite(
    person: Stakeholder, name: str, expires_at: datetime | None, by: Actor, at: datetime, purpose: str | None = None
) -> tuple[ApiToken, str]:
    """Makes and stores an enrolment token for a person, and ends the one that stood unused; the text signs in."""
    may_make_tokens(by)
    issuers = issuers_before(by)
    token, text = ApiToken.enrolment(person, name, expires_at, issuers, by, at, purpose)
    await _end({"holder": person.user_id, "kind": TokenKind.ENROLMENT}, Permission.CREATE_API_TOKEN, at)
    await token.store()
    return token, text


def issuers_before(by: Actor) -> tuple[str, ...]:
    """The unconfirmed chain behind a person who acts.

    It is what it was at sign-in and what it is now: an earlier mutation of the request may have reset it.
    """
    return issuers_behind(by.id, *(each for each in (by.entered, by.identity) if each))


async def enrol(
    name: str, expires_at: datetime | None, by: Actor, at: datetime, purpose: str | None = None
) -> tuple[ApiToken, str]:
    """Makes and stores the personal token of somebody who signed in by an enrolment token, which ends."""
    used = await ApiToken.require(by.token or "")
    used.end(Permission.CREATE_API_TOKEN.value, at)
    await used.store()
    person = await Stakeholder.require(by.id)
    issuers = used.issuers
    if not issuers and (issuer := await Stakeholder.wanted(used.issued_by)):  # made by a release that kept no chain
        issuers = issuers_behind(issuer.user_id, issuer.mark)
    person.enrol(used.issued_by, issuers, at)
    await person.store()
    token, text = ApiToken.personal(name, expires_at, by, at, purpose)
    await token.store()
    return token, text


async def confirm(person: Stakeholder, reason: str, email: str | None, by: Stakeholder, at: datetime) -> None:
    """Confirms the identity of a person, by somebody who checked the `email` unless it is None; stores the person.

    LimitExceeded after so many wrong addresses: an answer tells whether one is right, also to those who may not read it.
    """
    if email is not None:
        wrong = await AuditEvent.tally({
            "resource.id": person.user_id, "resource.type": Stakeholder.__name__, "action": Permission.CONFIRM_IDENTITY,
            "outcome": AuditOutcome.FAILURE, "actor.id": by.user_id, "details.facts.path": "input.email",
            "occurred_at": {"$gt": at - WITHIN},
        })  # fmt: skip
        if wrong >= WRONG_EMAILS:
            what = f"the number of wrong e-mail addresses of {person.user_id} that you named within a day"
            raise LimitExceeded(what, wrong + 1, WRONG_EMAILS)
    person.confirm_identity(reason, email, by, at)
    await person.store()


async def reset(person: Stakeholder, reason: str, by: Actor, at: datetime) -> None:
    """Ends all tokens of a person and the enrolment, so that the person can enrol again; stores the person and the tokens."""
    person.reset_enrolment(reason, by.id, at)
    await end_tokens(person, Permission.RESET_ENROLMENT, at)
    await person.store()


async def end_binding(person: Stakeholder, issuer: str, reason: str, by: Actor, at: datetime) -> None:
    """Ends that a person signs in by an issuer, what the issuer gave and all tokens; stores the person and the tokens."""
    person.end_binding(issuer, by.id)
    person.adds_facts({"issuer": issuer, "reason": reason}, partly=False)
    await end_tokens(person, Permission.END_BINDING, at)
    await person.store()


async def end_tokens(person: Stakeholder, action: str, at: datetime) -> None:
    """Ends all tokens by which a person signs in; needs an open transaction.

    It is due whenever it changes who may sign in as the person: what somebody else holds must not go on.
    """
    await _end({"holder": person.user_id, "kind": {"$ne": TokenKind.SERVICE}}, action, at)


async def _end(which: Raw, action: str, at: datetime) -> None:
    for each in await ApiToken.every(which | {"revoked_at": None}):
        each.end(action, at)
        await each.store()
