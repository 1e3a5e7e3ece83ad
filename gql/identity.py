"""Who is asking: from the token alone, and before anything else is read of the request."""

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

WINDOW, FAILURES = timedelta(minutes=1), 30
NOBODY = Actor("anonymous", ActorType.USER)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whoever the token says, and the person if it is one."""

    actor: Actor
    person: Stakeholder | None


@dataclass(slots=True)
class _Failures:
    """The failed sign-ins from one address in the minute that began at `since`."""

    since: datetime
    count: int = 0
    told: int = 0
    token: str = ""


@dataclass
class Doorkeeper:
    """Signs callers in; of a burst of failures from one address it tells the trail once a minute, with their number."""

    clock: Callable[[], datetime]
    _failures: dict[str, _Failures] = field(default_factory=dict)
    _guesses: dict[str, _Failures] = field(default_factory=dict)
    """Failures by the token that was guessed at, whatever the address."""

    async def identify(self, authorization: str | None, address: str) -> Identity:
        """Unauthenticated unless a standing token of an active holder signs in.

        LimitExceeded after 30 failures in a minute from the address or with the token; but the holder of a token is let in even
        then: behind a proxy, or guessed at by others, nobody could help it.
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
        """Whoever was let in before, as of now; Unauthenticated once the token has ended, which counts as no attempt."""
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
            raise Unauthenticated("the token's holder may not act any more")
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
        """Tells of the failures whose minute is over."""
        over = [each for each, failed in self._failures.items() if everything or now - failed.since >= WINDOW]
        for address in over:
            failed = self._failures.pop(address, None)  # whoever else tells of what is over may have been first
            if failed and failed.count > failed.told:
                await self._tell(address, failed, now)

    async def _tell(self, address: str, failed: _Failures, now: datetime) -> None:
        facts = {"code": Unauthenticated.code, "attempts": failed.count - failed.told}
        request, resource = Request(uuid4().hex, address), ("ApiToken", failed.token)
        what = Occurrence(
            AuditEventType.ACCESS_ATTEMPT, "signIn", NOBODY, request, resource, outcome=AuditOutcome.DENIED, facts=facts
        )
        failed.told = failed.count
        await record(what, now)


def _token_id(authorization: str | None) -> str:
    """The public name in what was sent, for the trail; never the secret."""
    try:
        return parted((authorization or "").partition(" ")[2].strip())[0]
    except ValueError:
        return ""
