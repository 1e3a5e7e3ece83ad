"""An app over a database of its own, spoken to over HTTP as somebody, on a stopped clock."""

from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import count
from typing import Any, Self, TypeVar, cast

import httpx
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pydantic import SecretStr
from starlette.applications import Starlette

from documents.access import SYSTEM, GovernanceRole, PlatformRole
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of
from documents.kinds import RECORDS, open_database
from documents.people import Stakeholder
from documents.risk.scales import RiskTier
from documents.store.session import Database
from documents.store.units import Unit
from documents.tokens import ApiToken, TokenKind
from gql.app import create_app
from gql.firststart import prepare
from gql.settings import Settings

Step = TypeVar("Step", bound=Callable[..., Awaitable[Any]])
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ADMIN_TOKEN = "mag_first_" + "a" * 43
ALL_TIERS = tuple(RiskTier)
_names = (f"test{each}" for each in count())
_spare: dict[str, list[Database]] = {}
_first: dict[str, "Stored"] = {}
_stages: dict[tuple[Any, ...], tuple["Stored", Any]] = {}
AS_IT_IS: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)


@dataclass(frozen=True)
class Person:
    """Somebody who can be spoken as."""

    id: str
    token: str
    roles: tuple[GovernanceRole, ...] = ()
    platform: PlatformRole = PlatformRole.MEMBER
    department: str = "ML Engineering"
    tiers: tuple[RiskTier, ...] = ALL_TIERS


def person(user_id: str, *roles: GovernanceRole, **other: Any) -> Person:
    return Person(user_id, f"mag_{user_id}_{'s' * 43}", roles, **other)


ADA = Person("admin", ADMIN_TOKEN, platform=PlatformRole.ADMIN)
AUDREY = person("audrey", platform=PlatformRole.AUDITOR)
ALICE = person("alice", GovernanceRole.MODEL_OWNER)
BOB = person("bob", GovernanceRole.DATA_STEWARD, department="Data Engineering")
CAROL = person("carol", GovernanceRole.ETHICS_REVIEWER, department="AI Ethics")
DAVID = person("david", GovernanceRole.SECURITY_REVIEWER, department="Security")
RITA = person("rita", GovernanceRole.RISK_MANAGER, department="Risk")
STAFF = (AUDREY, ALICE, BOB, CAROL, DAVID, RITA)


@dataclass(frozen=True)
class Stored:
    """All that a database holds, byte for byte, and what the clock said then."""

    now: datetime
    documents: dict[str, list[RawBSONDocument]]


class Refused(AssertionError):
    """A mutation or a query that was answered with errors, where the test expected none."""


class Service:
    """An app over its own database."""

    def __init__(self, uri: str, name: str | None = None, database: Database | None = None, **options: Any) -> None:
        self.uri, self.now = uri, NOW
        self.database = database or open_database(uri, name or next(_names), **options)
        self.settings = Settings(mongodb_uri=uri, database=self.database.name, admin_token=SecretStr(ADMIN_TOKEN))
        self.app: Starlette = create_app(self.settings, lambda: self.now, self.database)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app, client=("192.0.2.1", 9)), base_url="http://test")

    @classmethod
    async def started(cls, uri: str) -> Self:
        """As after first start, with the staff enrolled; in a database that another test is done with, if there is one."""
        if spare := _spare.get(uri):
            service = cls(uri, database=spare.pop())
            await service.restore(_first[uri])
            return service
        service = cls(uri)
        await prepare(service.settings, service.database, clock=lambda: service.now)
        await service.enrol(*STAFF)
        _first.setdefault(uri, await service.stored())
        return service

    async def stored(self) -> Stored:
        collections = self.database.collections
        documents = {name: collections[name].with_options(AS_IT_IS).find() for name in await collections.list_collection_names()}
        return Stored(self.now, {name: await found.to_list(None) for name, found in documents.items()})

    async def restore(self, stored: Stored) -> None:
        """Puts back what is not as it was stored, in a transaction, and the clock too."""
        collections = self.database.collections

        async def put_back(session: Any) -> None:
            for name in names:
                collection = collections[name].with_options(AS_IT_IS)
                there = {each.raw: each for each in await collection.find(session=session).to_list(None)}
                wanted = {each.raw: each for each in stored.documents.get(name, ())}
                if gone := [each["_id"] for raw, each in there.items() if raw not in wanted]:
                    await collection.delete_many({"_id": {"$in": gone}}, session=session)
                if missing := [each for raw, each in wanted.items() if raw not in there]:
                    await collection.insert_many(missing, session=session)

        names = await collections.list_collection_names()
        async with await self.database.client.start_session() as session:
            await session.with_transaction(put_back)
        self.now = stored.now

    async def enrol(self, *people: Person) -> None:
        """Registers people with tokens of their own, in one transaction."""

        async def work(unit: Unit) -> None:
            head, ids = await AuditHead.touch(), EventIds()
            for each in people:
                await Stakeholder.register(
                    each.id, each.id.title(), f"{each.id}@example.org", each.department, each.platform, each.roles, each.tiers,
                    self.now,
                ).store()  # fmt: skip
                token, _ = ApiToken.of(each.token, TokenKind.PERSONAL, each.id, "test", None, each.id, self.now)
                await token.store()
            await head.append(await occurrences_of(unit, "enrol", SYSTEM, Request(ids[0])), self.now, ids)

        with self.database.bound():
            await self.database.transact(work, self.now)

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    async def post(self, query: str, variables: Mapping[str, Any] | None = None, by: Person | None = ALICE) -> httpx.Response:
        headers = {"authorization": f"Bearer {by.token}"} if by else {}
        return await self.http.post("/graphql", json={"query": query, "variables": dict(variables or {})}, headers=headers)

    async def ask(self, query: str, by: Person | None = ALICE, **variables: Any) -> Any:
        """The data of an answer without errors."""
        answer = (await self.post(query, variables, by)).json()
        if "errors" in answer:
            raise Refused(answer["errors"])
        return answer["data"]

    async def refusal(self, query: str, by: Person | None = ALICE, **variables: Any) -> dict[str, Any]:
        """The extensions of the first error of an answer."""
        answer = (await self.post(query, variables, by)).json()
        extensions: dict[str, Any] = answer["errors"][0]["extensions"]
        return extensions

    async def do(self, mutation: str, by: Person = ALICE, select: str = "", **fields: Any) -> Any:
        """The payload of a mutation that succeeded."""
        return (await self.ask(mutating(mutation, select), by, input=fields))[mutation]

    async def refused(self, mutation: str, by: Person | None = ALICE, **fields: Any) -> dict[str, Any]:
        """The extensions of the error that a mutation was refused with."""
        return await self.refusal(mutating(mutation, ""), by, input=fields)

    async def trail(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = await self.database.collection("audit_events").find().sort("seq").to_list(None)
        return events

    async def state(self) -> dict[str, Any]:
        """Everything stored but the trail: what a refusal must not change."""
        kinds = [each for each in RECORDS if each.__name__ not in {"AuditEvent", "AuditHead", "AuditCheckpoint"}]
        return {each.__name__: await self.database.collection(each.collection).find().to_list(None) for each in kinds}

    async def close(self, spare: bool = False) -> None:
        """Hangs up; a `spare` database serves another test, with its client: the engine is slower for each that it ever had."""
        await self.http.aclose()
        if spare:
            async with self.database.transactions.turn:  # a transaction goes on though its caller was cancelled
                await self.database.end_feeds()
            _spare.setdefault(self.uri, []).append(self.database)
        else:
            self.database.close()


def close_spares(uri: str) -> None:
    for each in _spare.pop(uri, ()):
        each.close()


def stage(do: Step) -> Step:
    """Has what many tests begin with done once: what it left is put back for whoever comes to it with the same trail and time."""

    @wraps(do)
    async def done(service: Service, *args: Any, **said: Any) -> Any:
        (head,) = await service.database.collection("audit_head").find().to_list(None)
        at = head["last_hash"], service.now, do.__name__, repr(args), repr(said)
        if at in _stages:
            stored, answer = _stages[at]
            await service.restore(stored)
        else:
            answer = await do(service, *args, **said)
            _stages[at] = await service.stored(), answer
        return deepcopy(answer)

    return cast("Step", done)


def mutating(mutation: str, select: str) -> str:
    kind = mutation[0].upper() + mutation[1:]
    receipt = "receipt { seq eventId eventHash treeSize root }"
    return f"mutation Test($input: {kind}Input!) {{ {mutation}(input: $input) {{ {select} {receipt} }} }}"
