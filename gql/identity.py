"""Authentication: the credential alone says who the caller is, and it is checked before the body of the request is read."""

import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from documents.access import Actor, ActorType
from documents.audit.event import AuditEventType, AuditOutcome
from documents.audit.trail import Occurrence, Request, record
from documents.errors import Forbidden, LimitExceeded, NotAsTold, Overloaded, Unauthenticated
from documents.issuers import IssuerKind
from documents.people import Stakeholder
from documents.store.session import bound_database
from documents.store.units import open_unit
from documents.tokens import USUAL, ApiToken, TokenKind, TokenScope, parted
from gql.attempts import COUNTED, FAILURES, WINDOW, Counts, Failures, network_of
from gql.credentials import Credential
from gql.grace import Grace
from gql.issuers.people import actor_of, must_come_in, person_of
from gql.issuers.programs import service_of
from gql.issuers.renewals import renewed
from gql.issuers.tokens import Assertion, TokenVerifier, is_jwt
from gql.rows import Rows
from gql.sessions import end_session
from gql.unrecorded import logged_if_unsound

SOON = 0.05  # seconds that a request waits at most so that the use of its token can be noted
NOTED_EVERY = timedelta(hours=1)
NOBODY = Actor("anonymous", ActorType.USER)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """The actor that a credential stands for; `person` is None for a service. `by` is what signed in."""

    actor: Actor
    person: Stakeholder | None
    by: ApiToken | Assertion
    scopes: tuple[TokenScope, ...] = USUAL

    @property
    def ends(self) -> datetime | None:
        """The moment from which what signed in does so no longer; None if there is none."""
        return self.by.expires_at if isinstance(self.by, ApiToken) else self.by.ends


@dataclass
class Doorkeeper:
    """Signs callers in.

    The trail has one event for the first failure from an address, and one a minute with the number of those that followed.
    """

    clock: Callable[[], datetime]
    issued: TokenVerifier | None = None
    """Verifies the tokens of the configured issuers; None where there are none."""
    seconds: float = 0
    """For how long a query trusts who a credential was found to stand for."""
    _failures: Counts = field(default_factory=Counts)
    """Failures by the network of the address."""
    _guesses: Counts = field(default_factory=Counts)
    """Failures by the public name of the token, from any address."""
    _forgeries: Counts = field(default_factory=Counts)
    """Failures by the issuer that the token names, from any address."""
    _altered: dict[tuple[str, str], Failures] = field(default_factory=dict)
    """Sign-ins by records that were altered, by kind and key of the record."""
    _noted: dict[str, datetime] = field(default_factory=dict)
    """When the log was told last of somebody who stays the last administrator."""
    _rows: Rows = field(default_factory=Rows)
    _grace: Grace[Identity] = field(init=False)

    def __post_init__(self) -> None:
        self._grace = Grace(self.seconds)

    @property
    def services(self) -> Collection[str]:
        """The services as which programs act by the file of issuers."""
        return self.issued.services if self.issued else ()

    async def identify(
        self,
        credential: Credential,
        address: str,
        *,
        programs_alone: bool = False,
        scope: TokenScope = TokenScope.GRAPH,
        alone: bool = False,
        anew: bool = False,
    ) -> Identity:
        """The identity of the caller; Unauthenticated unless the credential is valid and its holder active.

        Forbidden, with an event, for a token that does not open the door `scope`; with `alone`, for one that opens another too.

        After 30 failures in a minute from the address, with the token or by its issuer, a further one is LimitExceeded. A valid
        token signs in even then, because its holder cannot help what others send through the same proxy or guess.
        With `programs_alone` only a program's token of an issuer is valid. Within its grace a credential costs no command,
        unless `anew`; what is refused is never remembered.
        """
        now = self.clock()
        key, turn = b"" if programs_alone else self._grace.key(credential), self._grace.turn()
        if anew:
            self._grace.forget(key)
        identity = self._grace.find(key, now)
        if identity is None:
            async with self.counting(address, now, token_id=_token_id(credential), issuer=self._issuer(credential)):
                identity = await self._signed_in(credential, now, address, programs_alone=programs_alone)
            self._grace.keep(key, identity, turn, now, identity.ends)
        elif self._failures.found or self._altered:
            await self.tell_ended(now)
        return await self._within(scope, identity, now, address, alone=alone)

    async def as_now(self, who: Identity, credential: Credential, address: str) -> tuple[Actor, Stakeholder | None]:
        """Who a caller is that signed in as `who`: by the open transaction, and else anew at the door."""
        found = await (self._reread(who) if open_unit() else self.identify(credential, address, anew=True))
        return found.actor, found.person

    async def _reread(self, identity: Identity) -> Identity:
        """The identity as the open transaction has it, which is only read; Unauthenticated if it signs in no longer."""
        now, by = self.clock(), identity.by
        if isinstance(by, ApiToken):
            token, person = await self._rows.signed_in(by.token_id, None, now)
            if token.kind is TokenKind.SESSION and person:
                self._must_be_bound(person, token.issued_by)
            return Identity(token.actor(person), person, token, token.scopes)
        if now >= by.ends:
            raise Unauthenticated("the token has expired")
        if identity.person is None:
            return Identity(await service_of(by), None, by)
        person = await self._rows.read(Stakeholder, identity.person.user_id)
        if person is None:
            raise Unauthenticated(f"{identity.person.user_id} is not active")
        await self._rows.refuse_altered(person)
        must_come_in(person, by.issuer)
        return Identity(actor_of(person, by.issuer.name), person, by)

    @asynccontextmanager
    async def counting(self, address: str, now: datetime, *, token_id: str = "", issuer: str = "") -> AsyncIterator[None]:
        """Counts and tells what is refused inside as Unauthenticated; raises LimitExceeded in its place once it is too often."""
        await self.tell_ended(now)
        try:
            yield
        except Unauthenticated:
            failed = await self._failed(address, token_id, now)
            _limit("from one address" if failed.key else f"from all addresses beyond {COUNTED:,}", failed)
            if token_id:
                _limit("with one token", self._guesses.add(token_id, now))
            if issuer:
                _limit("with tokens of one issuer", self._forgeries.add(issuer, now))
            raise

    def refuse_beyond(self, address: str) -> None:
        """LimitExceeded after 30 failures in a minute from the address, before somebody else is asked about a sign-in."""
        if failed := self._failures.found.get(network_of(address)):
            _limit("from one address", failed, FAILURES - 1)

    async def again(self, credential: Credential, scope: TokenScope = TokenScope.GRAPH) -> Identity:
        """The identity of a caller who signed in before, as of now; Unauthenticated once the token has ended."""
        now = self.clock()
        return await self._within(scope, await self._signed_in(credential, now), now)

    async def _within(
        self, scope: TokenScope, identity: Identity, now: datetime, address: str = "", *, alone: bool = False
    ) -> Identity:
        """The identity, if its token opens the door; Forbidden otherwise, which the trail tells."""
        if identity.scopes == (scope,) if alone else scope.opened_by(identity.scopes):
            return identity
        facts = {"code": Forbidden.code, "scope": scope.name}
        await _tell_denied(identity.actor, ("ApiToken", identity.actor.token or ""), facts, now, address)
        has = ", ".join(each.name for each in identity.scopes)
        if alone:
            problem = f"the token is for {has}, and has stood in a path, which others log: revoke it"
            raise Forbidden(problem, [f"a token with the scope {scope.name} alone (createApiToken)"])
        raise Forbidden(f"the token is for {has} alone", [f"a token with the scope {scope.name}"])

    async def _signed_in(
        self, credential: Credential, now: datetime, address: str = "", *, programs_alone: bool = False
    ) -> Identity:
        if credential.problem:
            raise Unauthenticated(credential.problem)
        if credential.session is not None:
            return await self._in_session(credential.session, now, address)
        scheme, _, text = (credential.authorization or "").partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer":
            raise Unauthenticated("send a token: `Authorization: Bearer mag_...`")
        if self.issued and is_jwt(text):
            assertion = await self.issued.verified(text, now)
            if programs_alone and assertion.issuer.kind is not IssuerKind.WORKLOADS:
                raise _not_of_program()
            return await self.asserted(assertion, address, now)
        if programs_alone:
            raise _not_of_program()
        token, person = await self._found(text, now)
        if token.kind is TokenKind.SESSION:
            raise Unauthenticated("what was sent is the session of a browser, which counts as its cookie alone")
        return Identity(token.actor(person), person, token, token.scopes)

    async def _found(self, text: str, now: datetime) -> tuple[ApiToken, Stakeholder | None]:
        try:
            token_id, secret = parted(text)
        except ValueError as error:
            raise Unauthenticated("what was sent is not a token: a token is written mag_<id>_<secret>") from error
        try:
            token, person = await self._rows.signed_in(token_id, secret, now)
        except NotAsTold as altered:
            await self._found_altered(altered, now)
            raise
        if token.unused_since(now):
            with suppress(Overloaded):  # then a later use is noted
                await bound_database().transact(lambda unit: token.use(now), now, within=SOON)
        return token, person

    async def session(self, text: str, now: datetime) -> ApiToken | None:
        """The session of a browser's cookie; None if it is none that stands."""
        try:
            token, _ = await self._found(text, now)
        except Unauthenticated:
            return None
        return token if token.kind is TokenKind.SESSION else None

    async def _in_session(self, text: str, now: datetime, address: str) -> Identity:
        """The identity of whoever a browser's cookie signs in. The session ends once its issuer no longer stands by it."""
        token, person = await self._found(text, now)
        keyring = bound_database().keyring
        if token.kind is not TokenKind.SESSION or person is None or self.issued is None or keyring is None:
            raise Unauthenticated("the cookie is not that of a session")
        try:
            self._must_be_bound(person, token.issued_by)  # before the issuer is asked, for it is sent the refresh token
            assertion = await renewed(token, self.issued, keyring, now)
            if assertion:
                person = await self._asserted_person(assertion, address, now)
            if person.user_id != token.holder:
                raise Unauthenticated(f"{token.issued_by} says another person than the one who signed in")
        except Unauthenticated as refusal:
            await end_session(token, address, now)
            raise Unauthenticated(f"the session has ended: {refusal}") from refusal
        return Identity(token.actor(person), person, token)

    def _must_be_bound(self, person: Stakeholder, issuer: str) -> None:
        """Unauthenticated unless browsers sign in by that issuer, and the person is bound to it."""
        provider = self.issued.providers.get(issuer) if self.issued else None
        if provider is None:
            raise Unauthenticated(f"nobody signs in by {issuer} any more")
        person.must_be_bound_to(issuer, provider.issuer.issuer)

    async def asserted(self, assertion: Assertion, address: str, now: datetime) -> Identity:
        """The identity of whom an issuer asserts."""
        if assertion.issuer.kind is IssuerKind.WORKLOADS:
            return Identity(await service_of(assertion), None, assertion)
        person = await self._asserted_person(assertion, address, now)
        return Identity(actor_of(person, assertion.issuer.name), person, assertion)

    async def _asserted_person(self, assertion: Assertion, address: str, now: datetime) -> Stakeholder:
        try:
            return await person_of(assertion, self._rows.refuse_altered, self._note_last, self.services, address, now)
        except NotAsTold as altered:
            await self._found_altered(altered, now)
            raise

    def _note_last(self, person: Stakeholder, issuer: str) -> None:
        """Tells the log once an hour of an administrator who stays one, for there is no other."""
        now, noted = self.clock(), self._noted.get(person.user_id)
        if noted is None or now - noted >= NOTED_EVERY:
            self._noted[person.user_id] = now
            log.error("%s stays an administrator, though %s no longer says so: there is no other", person.user_id, issuer)

    async def _found_altered(self, altered: NotAsTold, now: datetime) -> None:
        """Tells the log and the trail which record was altered, at once and then once a minute with the number of attempts."""
        place = altered.kind, altered.key
        found = self._altered.setdefault(place, Failures(altered.key, now))
        found.count, found.token = found.count + 1, altered.why
        if found.count == 1:
            log.error("nobody is signed in by %s %s, which is not what it was: %s", *place, altered.why)
            await self._tell_altered(place, found, now)

    async def _failed(self, address: str, token_id: str, now: datetime) -> Failures:
        failed = self._failures.add(network_of(address), now)
        failed.token, failed.address = token_id, address if failed.key else ""
        if failed.count == 1:
            await self._tell(failed, now)
        return failed

    def _issuer(self, credential: Credential) -> str:
        """The name of the issuer that the token in the header names; empty if that is none of ours."""
        text = (credential.authorization or "").partition(" ")[2].strip()
        return self.issued.issuer_of(text) if self.issued and is_jwt(text) else ""

    async def tell_ended(self, now: datetime, *, everything: bool = False) -> None:
        """Records the failures whose minute is over in the trail; with `everything`, those of this minute too."""
        for place in [each for each, found in self._altered.items() if everything or now - found.since >= WINDOW]:
            found = self._altered.pop(place, None)
            if found and found.count > found.told:
                await self._tell_altered(place, found, now)
        self._guesses.forget_ended(now)
        self._forgeries.forget_ended(now)
        for failed in self._failures.ended(now, everything=everything):
            if failed.count > failed.told:
                await self._tell(failed, now)

    async def _tell(self, failed: Failures, now: datetime) -> None:
        facts = {"code": Unauthenticated.code, "attempts": failed.count - failed.told}
        failed.told = failed.count
        await _tell_denied(NOBODY, ("ApiToken", failed.token), facts, now, failed.address)

    async def _tell_altered(self, place: tuple[str, str], found: Failures, now: datetime) -> None:
        facts = {"code": Unauthenticated.code, "altered": True, "why": found.token, "attempts": found.count - found.told}
        found.told = found.count
        await _tell_denied(NOBODY, place, facts, now)


async def _tell_denied(by: Actor, resource: tuple[str, str], facts: dict[str, Any], now: datetime, address: str = "") -> None:
    """Records a denied sign-in in the trail."""
    what = Occurrence(
        AuditEventType.ACCESS_ATTEMPT, "signIn", by, Request(uuid4().hex, address or None), resource,
        outcome=AuditOutcome.DENIED, facts=facts,
    )  # fmt: skip
    with logged_if_unsound():
        await record(what, now)


def _not_of_program() -> Unauthenticated:
    return Unauthenticated("what was sent is not a program's token of an issuer")


def _limit(whence: str, failed: Failures, most: int = FAILURES) -> None:
    if failed.count > most:
        raise LimitExceeded(f"the number of failed sign-ins {whence} in a minute", failed.count, FAILURES) from None


def _token_id(credential: Credential) -> str:
    """The public name of the token that was sent, for the trail; empty for what is not a token. It never holds the secret."""
    try:
        return parted(credential.session or (credential.authorization or "").partition(" ")[2].strip())[0]
    except ValueError:
        return ""
