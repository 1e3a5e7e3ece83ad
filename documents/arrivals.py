"""People who sign in by an issuer: found, bound, made, and given what the issuer's groups give.

Everything that a sign-in writes is written in one transaction, whose event names the issuer.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from documents.access import PlatformRole
from documents.claims import Claimed
from documents.enrolment import end_tokens
from documents.errors import AlreadyExists, InvalidInput, Unauthenticated
from documents.issuers import Issuer
from documents.names import refuse_name_of_service
from documents.people import Stakeholder, folded, keep_distinct, same_address
from documents.store.fields import fields_at
from documents.store.units import Raw

SIGN_IN = "signIn"
NOBODYS = ".invalid"  # RFC 2606 section 2; what stands here in the place of an address that is not known or was erased ends so


def bound_to(issuer: Issuer, subject: str) -> Raw:
    """The query for whoever signs in by an issuer under that id."""
    return {"bindings": {"$elemMatch": {"issuer": issuer.name, "subject": subject}}}


def is_settled(person: Stakeholder, issuer: Issuer, said: Claimed) -> bool:
    """Whether a bound person is what the issuer says now, so that a sign-in has nothing to write."""
    binding = person.bound_by(issuer.name)
    return binding is not None and binding == binding.giving(said.grants) and not _moves(person, said)


class Arrival(NamedTuple):
    """A sign-in as it would be stored: the person, whether the issuer binds them anew, and whether they stay as they are."""

    person: Stakeholder
    binds: bool
    stays: bool


async def foreseen(issuer: Issuer, subject: str, said: Claimed, services: Collection[str], at: datetime) -> Arrival:
    """What a sign-in changes, not stored; nobody joins under a name of the `services`.

    Raises Unauthenticated for somebody unknown whom the issuer may not let join, for an email that the issuer does not call
    verified, for somebody who is not active, and for roles that nobody holds together. The last administrator stays one.
    """
    person = await Stakeholder.first(bound_to(issuer, subject))
    binds = person is None
    if person is None:
        person = await _registered(issuer, said) or await _joining(issuer, said, services, at)
        person.bind(issuer.name, issuer.issuer, subject, at)
    person.must_be_bound_to(issuer.name, issuer.issuer)
    if not person.active:
        raise Unauthenticated(f"{person.user_id} is not active")
    if await _would_leave_nobody(person, issuer, said):
        return Arrival(person, binds, stays=not binds)
    person.take(issuer.name, said.grants)
    if person.was is None and person.holds_nothing:
        raise Unauthenticated(f"no group that {issuer.name} names for {person.user_id} gives a role here")
    if _moves(person, said):
        person.department = said.department
    return Arrival(person, binds, stays=False)


async def arrive(issuer: Issuer, subject: str, said: Claimed, services: Collection[str], at: datetime) -> Stakeholder:
    """The person as of this sign-in, stored; needs an open transaction. Raises Unauthenticated for what is `foreseen` so."""
    arrival = await foreseen(issuer, subject, said, services, at)
    if arrival.binds:
        await end_tokens(arrival.person, SIGN_IN, at)
    if not arrival.stays:
        await arrival.person.store()
    return arrival.person


async def _would_leave_nobody(person: Stakeholder, issuer: Issuer, said: Claimed) -> bool:
    """Whether the last active administrator would no longer be one."""
    if person.platform_role is not PlatformRole.ADMIN:
        return False
    if person.holding(issuer.name, said.grants).platform_role is PlatformRole.ADMIN:
        return False
    others = {"platform_role": PlatformRole.ADMIN, "active": True, "user_id": {"$ne": person.user_id}}
    return not await Stakeholder.tally(others)


async def _registered(issuer: Issuer, said: Claimed) -> Stakeholder | None:
    """The active person of the email; None if it is nobody's.

    Raises Unauthenticated if the email is not verified, only looks like somebody's, or is that of somebody who is not active.
    """
    if not said.email:
        raise Unauthenticated(f"the token has no claim `{issuer.claims.email}`, by which {issuer.name} is first known here")
    if not said.email_verified:
        raise Unauthenticated(f"{issuer.name} does not say that the email is verified")
    if folded(said.email).endswith(NOBODYS):
        raise Unauthenticated(f"the email ends in {NOBODYS}, and so is nobody's")
    alike = [each for each in await Stakeholder.read({}, fields=_KNOWN_BY) if folded(each.email) == folded(said.email)]
    named = [each for each in alike if each.active] or alike
    if len(named) > 1:
        raise Unauthenticated(
            f"the email is that of {' and '.join(each.user_id for each in named[:2])}: an administrator mends that"
        )
    if not named:
        return None
    (found,) = named
    if not same_address(found.email, said.email):
        raise Unauthenticated(f"the email looks like that of {found.user_id}, and is another: an administrator mends that")
    if not found.active:
        raise Unauthenticated(f"{found.user_id} is not active")
    return await Stakeholder.require(found.user_id)


async def _joining(issuer: Issuer, said: Claimed, services: Collection[str], at: datetime) -> Stakeholder:
    """A new person, by the issuer's claims; Unauthenticated unless the issuer may let people join."""
    if not issuer.join:
        raise Unauthenticated("nobody with the email of the token is registered: an administrator registers the person first")
    names = {"user_id": issuer.claims.user_id, "name": issuer.claims.name, "department": issuer.claims.department}
    if missing := [claim for field, claim in names.items() if not getattr(said, field)]:
        raise Unauthenticated(f"the token has no claim `{missing[0]}`, which a new person needs")
    try:
        if await Stakeholder.wanted(said.user_id):
            raise AlreadyExists(Stakeholder.__name__, said.user_id)
        person = Stakeholder.joining(said.user_id, said.name, said.email, said.department, at)
        await keep_distinct(person)
        await refuse_name_of_service(person.user_id, services)
    except (ValidationError, InvalidInput) as error:
        raise Unauthenticated(f"nobody can be made of the token: {_problem(error, names)}") from None
    except AlreadyExists:
        raise Unauthenticated(
            f"the user id {said.user_id} is somebody else's, with another email: an administrator registers the person first"
        ) from None
    return person


def _problem(error: ValidationError | InvalidInput, names: Mapping[str, str]) -> str:
    if isinstance(error, InvalidInput):
        return f"its {error.path} {error.problem}"
    field = str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
    return f"the claim `{names.get(field, field)}` is not one that a person can have"


def _moves(person: Stakeholder, said: Claimed) -> bool:
    """Whether the issuer says another department; one that it does not say stays."""
    return bool(said.department) and person.department != said.department


_KNOWN_BY = fields_at("user_id", "email", "active")
