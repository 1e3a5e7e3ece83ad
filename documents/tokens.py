"""API tokens: who may sign in, as whom, until when. Only digests of the secrets are stored."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from re import fullmatch
from secrets import token_hex, token_urlsafe
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field

from documents.access import WHO_MAY, Actor, ActorType, Permission, PlatformRole, Role, authorship, may_make_tokens
from documents.audit.event import AuditEventType
from documents.errors import InvalidInput, InvalidState
from documents.people import Stakeholder
from documents.reach import ALL, EVERYWHERE, Reach
from documents.store.filters import Filter
from documents.store.indexes import index
from documents.store.record import Record
from documents.values import Choice, Key, Moment, Name, Names, Statement, each_once

LIFETIME, ENROLMENT_LIFETIME, LONGEST = timedelta(days=365), timedelta(days=7), timedelta(days=400)
SESSION_LIFETIME, UNRENEWED_LIFETIME = timedelta(hours=12), timedelta(hours=1)
"""How long the session of a browser lasts: where its issuer is asked anew meanwhile, and where the issuer cannot be."""
EXCHANGED_LIFETIME, EXCHANGED = timedelta(hours=1), "exchanged"
"""The longest that a token lives which a program got for a token of its issuer, and the name of each."""
SOON = timedelta(days=30)
"""How long before its end a token counts among those that expire soon."""


class TokenKind(Choice):
    """A token opens one of these things."""

    PERSONAL = "personal", "The token opens everything that the person may do."
    ENROLMENT = "enrolment", "The token opens `createApiToken` once, to enrol."
    SERVICE = "service", "The token opens reading, and the mutations that it lists."
    SESSION = "session", "The token is the cookie of a browser, which opens everything that the person may do."


class TokenScope(Choice):
    """A scope is a door of the server that a token opens."""

    GRAPH = "graph", "The token opens `/graphql`, and the gate."
    GATE = "gate", "The token opens the gate at `/gate`, which programs ask whether a version may run."
    METRICS = "metrics", "The token opens the metrics of the server."

    def opened_by(self, scopes: Collection["TokenScope"]) -> bool:
        """Whether one of the scopes opens this door. Whoever may ask anything of the graph may ask at the gate."""
        return self in scopes or (self is TokenScope.GATE and TokenScope.GRAPH in scopes)


def _each_scope_once(scopes: Iterable[TokenScope]) -> tuple[TokenScope, ...]:
    """The scopes in their own order."""
    listed = tuple(scopes)
    each_once((each.name,) for each in listed)
    return tuple(each for each in TokenScope if each in listed)


Scopes = Annotated[tuple[TokenScope, ...], Field(min_length=1, max_length=len(TokenScope)), AfterValidator(_each_scope_once)]
"""One scope or more, each once, in their own order."""

USUAL = (TokenScope.GRAPH, TokenScope.GATE)
"""The scopes of people, and of programs unless their tokens say otherwise."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is to sign in: its name in events, who answers for it, and what its token opens."""

    name: str
    owner_id: str
    mutations: tuple[Permission, ...] = ()
    reach: Reach = EVERYWHERE
    scopes: tuple[TokenScope, ...] = USUAL


class ApiToken(Record):
    """An API token has a name, can expire and can be revoked."""

    keys: ClassVar = ("token_id",)
    event: ClassVar = AuditEventType.ACCESS_GRANTED
    grants_access: ClassVar = True
    private: ClassVar = frozenset({"secret_hash"})
    untold: ClassVar = frozenset({"last_used_at", "renewal"})
    ordered: ClassVar = frozenset({
        "token_id", "name", "kind", "holder", "owner_id", "created_at", "expires_at", "revoked_at", "last_used_at",
    })  # fmt: skip
    grouped: ClassVar = frozenset({"kind", "holder", "owner_id", "issued_by"})
    bounded: ClassVar = frozenset({"created_at", "expires_at", "revoked_at", "last_used_at"})

    token_id: str = Field(description="The public name that events and `revokeApiToken` use.")
    name: Name = Field(description="The name says what it is for.")
    kind: TokenKind = Field(description="The kind says what it opens.")
    holder: Key = Field(description="The user id or the service that holds it.")
    owner_id: Key | None = Field(
        default=None,
        description="The user id of the person who answers for it; null for an exchanged token, and for one of release 0.2.0.",
    )
    purpose: Statement | None = Field(default=None, description="The purpose that it was made for; null if none was said.")
    scopes: Scopes = Field(default=USUAL, description="The scopes are the doors that it opens.")  # older rows have none
    mutations: tuple[Permission, ...] = Field(default=(), description="The mutations that a service's token may use.")
    models: Names = Field(default=ALL, description="The models that a service may change something about, by id or with `*`.")
    environments: Names = Field(default=ALL, description="The environments that its changes may be about, by name or with `*`.")
    secret_hash: str = Field(description="The SHA-256 that the secret has.")
    issued_by: str = Field(description="The user id of whoever made it, the run that exchanged it, or the issuer of a session.")
    issuers: tuple[Key, ...] = Field(
        default=(), description="The unconfirmed people who enrolled one another before the issuer of an enrolment token."
    )
    created_at: Moment = Field(description="The time it was made.")
    expires_at: Moment | None = Field(description="The time it expires; null for never.")
    revoked_at: Moment | None = Field(default=None, description="The time it was revoked, if it was.")
    renews: bool = Field(default=False, description="Whether the issuer of a session is asked while it lasts if it still stands.")
    renewal: str | None = Field(default=None, description="What the server keeps to ask the issuer anew, encrypted.")
    last_used_at: Moment | None = Field(default=None, description="The time it was last used, to the hour.")

    collection: ClassVar = "api_tokens"
    indexes: ClassVar = [
        index("holder", "created_at", "_id"),
        index("owner_id", "created_at", "_id"),
        index("created_at", "_id"),
        index("expires_at", "created_at", "_id"),
    ]

    @classmethod
    def personal(
        cls, name: str, expires_at: datetime | None, by: Actor, at: datetime, purpose: str | None = None
    ) -> tuple[Self, str]:
        """A token for the caller, and the text that signs in with it."""
        return cls._made(TokenKind.PERSONAL, by.id, name, expires_at or at + LIFETIME, by, at, purpose)

    @classmethod
    def enrolment(
        cls, person: Stakeholder, name: str, expires_at: datetime | None, issuers: tuple[str, ...], by: Actor, at: datetime,
        purpose: str | None = None,
    ) -> tuple[Self, str]:  # fmt: skip
        """A token that an administrator makes for somebody who has not enrolled, who makes a personal token with it."""
        may_make_tokens(by)
        person.may_enrol()
        ends = expires_at or at + ENROLMENT_LIFETIME
        token, text = cls._made(TokenKind.ENROLMENT, person.user_id, name, ends, by, at, purpose)
        token.issuers = issuers
        return token, text

    @classmethod
    def service(
        cls, program: Program, name: str, expires_at: datetime | None, by: Actor, at: datetime, purpose: str | None = None
    ) -> tuple[Self, str]:
        """A token for a program, which may use the listed mutations within its reach."""
        may_make_tokens(by)
        if barred := [each for each in program.mutations if PlatformRole.SERVICE not in WHO_MAY[each]]:
            raise InvalidInput("holder.service.mutations", f"lists what no service may do: {', '.join(barred)}")
        token, text = cls._made(TokenKind.SERVICE, program.name, name, expires_at or at + LIFETIME, by, at, purpose)
        token.mutations, token.scopes, token.owner_id = program.mutations, program.scopes, program.owner_id
        token.models, token.environments = tuple(program.reach.models), tuple(program.reach.environments)
        return token, text

    @classmethod
    def session(cls, person: Stakeholder, issuer: str, *, renews: bool, at: datetime) -> tuple[Self, str]:
        """The session of a browser in which a person signed in by an issuer, and the text of its cookie."""
        ends = at + (SESSION_LIFETIME if renews else UNRENEWED_LIFETIME)
        token, text = cls.of(_fresh(), TokenKind.SESSION, person.user_id, "session of a browser", ends, issuer, at)
        token.renews = renews
        return token, text

    @classmethod
    def exchanged(cls, by: Actor, run: str, at: datetime) -> tuple[Self, str]:
        """A token of an hour for a program that signed in by its issuer, with what its rule lists; `run` is whose it is."""
        ends = at + EXCHANGED_LIFETIME
        token, text = cls.of(_fresh(), TokenKind.SERVICE, by.id, EXCHANGED, ends, run, at)
        token.mutations = tuple(each for each in Permission if each in by.mutations)
        token.models, token.environments = tuple(by.reach.models), tuple(by.reach.environments)
        return token, text

    @classmethod
    def _made(
        cls, kind: TokenKind, holder: str, name: str, expires_at: datetime, by: Actor, at: datetime, purpose: str | None = None
    ) -> tuple[Self, str]:
        if expires_at <= at:
            raise InvalidInput("expires_at", "must be in the future")
        if expires_at > at + LONGEST:
            raise InvalidInput("expires_at", f"must be within {LONGEST.days} days")
        token, text = cls.of(_fresh(), kind, holder, name, expires_at, by.id, at)
        token.purpose = purpose
        return token, text

    @classmethod
    def of(
        cls, text: str, kind: TokenKind, holder: str, name: str, expires_at: datetime | None, issued_by: str, at: datetime
    ) -> tuple[Self, str]:
        """The token that `text` signs in with. Its holder answers for it; for that of a service, nobody yet."""
        token_id, secret = parted(text)
        return cls(
            token_id=token_id, name=name, kind=kind, holder=holder, secret_hash=_hashed(secret), issued_by=issued_by,
            created_at=at, expires_at=expires_at, owner_id=None if kind is TokenKind.SERVICE else holder,
        ), text  # fmt: skip

    def accepts(self, secret: str, at: datetime) -> bool:
        """Whether `secret` signs in now; compared in constant time."""
        return compare_digest(self.secret_hash, _hashed(secret)) and self.stands(at)

    def stands(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    @staticmethod
    def expiring(at: datetime) -> Filter:
        """The personal and service tokens that stand and end within 30 days. An exchanged one is not renewed: its hour is all."""
        exchanged: Filter = {"owner_id": {"is_null": True}, "name": {"eq": EXCHANGED}}
        return {
            "kind": {"in": [TokenKind.PERSONAL, TokenKind.SERVICE]}, "revoked_at": {"is_null": True},
            "expires_at": {"gt": at, "lte": at + SOON}, "not": exchanged,
        }  # fmt: skip

    def actor(self, person: Stakeholder | None) -> Actor:
        """The actor who signs in with the token; `person` is its holder, or None for a service."""
        roles: frozenset[Role] = frozenset({person.platform_role, *person.roles} if person else {PlatformRole.SERVICE})
        kind = ActorType.AUTOMATED if person is None else ActorType.USER
        enrolling = self.kind is TokenKind.ENROLMENT
        known = person.mark if person else None
        return Actor(
            self.holder, kind, roles, self.token_id, self.issued_by, frozenset(self.mutations), enrolling, known,
            EVERYWHERE if person else Reach(self.models, self.environments),
        )  # fmt: skip

    def revoke(self, by: Actor, at: datetime) -> None:
        """Ends the token; only an administrator may end one that somebody else holds and answers for."""
        own = by.id == self.owner_id or (by.id == self.holder and self.kind is not TokenKind.SERVICE)
        by.needs(Permission.REVOKE_API_TOKEN, authorship(own))
        self.end("revokeApiToken", at)

    def hand_over(self, successor: str) -> None:
        """Lets somebody else answer for the token."""
        self.owner_id = successor

    def end(self, action: str, at: datetime) -> None:
        if self.revoked_at:
            raise InvalidState(action, "REVOKED", ["STANDING"])
        self.revoked_at = at
        self.names_event(AuditEventType.ACCESS_REVOKED)

    def unused_since(self, at: datetime) -> bool:
        """Whether no use is noted yet for the hour of `at`."""
        return self.last_used_at is None or self.last_used_at < _hour(at)

    async def use(self, at: datetime) -> None:
        """Notes the hour of the use, without an audit event; needs an open transaction, like every write."""
        await self.alter({"_id": self.id}, {"$max": {"last_used_at": _hour(at)}})

    async def renew(self, before: str | None, renewal: str) -> bool:
        """Keeps a renewal in the place of the one `before`, without an event; False if that is no longer there.

        Needs an open transaction, which may be repeated.
        """
        return bool(await self.alter({"_id": self.id, "renewal": before}, {"$set": {"renewal": renewal}}))


def _fresh() -> str:
    return f"mag_{token_hex(8)}_{token_urlsafe(32)}"


def parted(text: str) -> tuple[str, str]:
    """The id and the secret in `mag_<id>_<secret>`; ValueError for any other text."""
    found = fullmatch(r"mag_([A-Za-z0-9]{1,40})_([A-Za-z0-9_-]{32,200})", text)
    if found is None:
        raise ValueError("a token is written mag_<id>_<secret>, the secret 32 characters or more")
    return found[1], found[2]


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _hashed(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
