"""Authentication: the token alone says who the caller is, and it is checked before the body of the request is read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from documents.access import Actor, ActorType
from documents.audit.event import AuditEventType, AuditOutcome
from documents.audit.trail import Occurrence, Request, record
from documents.errors import LimitExceeded, Unauthenticated
from documents.people import Stakeholder
from documents.store.session import bound_database
from documents.tokens import ApiToken, TokenKind, parted
from gql.unrecorded import logged_if_unsound

WINDOW, FAILURES = timedelta(minutes=1), 30
NOBODY = Actor("anonymous", ActorType.USER)


@dataclass(frozen=True, slots=True)
class Identity:
    """The actor that a token stands for; `person` is None for a service."""

    actor: Actor
    person: Stakeholder | None


@dataclass(slots=True)
class _Failures:
    """The failed sign-ins from one address, or with one token, in the minute that began at `since`.

    `told` of them are in the trail; `token` is the public name in the latest.
    """

    since: datetime
    count: int = 0
    told: int = 0
    token: str = ""


@dataclass
class Doorkeeper:
    """Signs callers in.

    The trail has one event for the first failure from an address, and one a minute with the number of those that followed.
    """

    clock: Callable[[], datetime]
    _failures: dict[str, _Failures] = field(default_factory=dict)
    _guesses: dict[str, _Failures] = field(default_factory=dict)
    """Failures by the public name of the token, from any address."""

    async def identify(self, authorization: str | None, address: str) -> Identity:
        """The identity of the caller; Unauthenticated unless the token is valid and its holder active.

        After 30 failures in a minute from the address or with the token, a further failure is LimitExceeded. A valid token signs
        in even then, because its holder cannot help what others send through the same proxy or guess about the same token.
        """
        now = self.clock()
        await self.tell_ended(now)
        try:
            return await self._signed_in(authorization, now)
        except Unauthenticated:
            token_id = _token_id(authorization)
            if (failures := await self._failed(address, token_id, now)) > FAILURES:
                raise LimitExceeded("the number of failed sign-ins from one address in a minute", failures, FAILURES) from None
            if token_id and (guesses := self._guessed(token_id, now)) > FAILURES:
                raise LimitExceeded("the number of failed sign-ins with one token in a minute", guesses, FAILURES) from None
            raise

    async def again(self, authorization: str | None) -> Identity:
        """The identity of a caller who signed in before, as of now; Unauthenticated once the token has ended."""
        return await self._signed_in(authorization, self.clock())

    async def _signed_in(self, authorization: str | None, now: datetime) -> Identity:
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("send a token: `Authorization: Bearer mag_...`")
        try:
            token_id, secret = parted(text.strip())
        except ValueError as error:
            raise Unauthenticated("what was sent is not a token: a token is written mag_<id>_<secret>") from error
        token = await ApiToken.wanted(token_id)
        if token is None or not token.accepts(secret, now):
            raise Unauthenticated("the token is unknown, expired or revoked")
        person = None if token.kind is TokenKind.SERVICE else await Stakeholder.wanted(token.holder)
        if token.kind is not TokenKind.SERVICE and (person is None or not person.active):
            raise Unauthenticated("the holder of the token is not active")
        if token.unused_since(now):
            await bound_database().transact(lambda unit: token.use(now), now)
        return Identity(token.actor(person), person)

    async def _failed(self, address: str, token_id: str, now: datetime) -> int:
        failed = self._failures.setdefault(address, _Failures(now))
        failed.count, failed.token = failed.count + 1, token_id
        if failed.count == 1:
            await self._tell(address, failed, now)
        return failed.count

    def _guessed(self, token_id: str, now: datetime) -> int:
        self._guesses = {each: made for each, made in self._guesses.items() if now - made.since < WINDOW}
        guesses = self._guesses.setdefault(token_id, _Failures(now))
        guesses.count += 1
        return guesses.count

    async def tell_ended(self, now: datetime, *, everything: bool = False) -> None:
        """Records the failures whose minute is over in the trail; with `everything`, those of this minute too."""
        over = [each for each, failed in self._failures.items() if everything or now - failed.since >= WINDOW]
        for address in over:
            failed = self._failures.pop(address, None)  # another task may have told it
            if failed and failed.count > failed.told:
                await self._tell(address, failed, now)

    async def _tell(self, address: str, failed: _Failures, now: datetime) -> None:
        facts = {"code": Unauthenticated.code, "attempts": failed.count - failed.told}
        request, resource = Request(uuid4().hex, address), ("ApiToken", failed.token)
        what = Occurrence(
            AuditEventType.ACCESS_ATTEMPT, "signIn", NOBODY, request, resource, outcome=AuditOutcome.DENIED, facts=facts
        )
        failed.told = failed.count
        with logged_if_unsound():
            await record(what, now)


def _token_id(authorization: str | None) -> str:
    """The public name of the token in the header, for the trail; empty for what is not a token. It never holds the secret."""
    try:
        return parted((authorization or "").partition(" ")[2].strip())[0]
    except ValueError:
        return ""
