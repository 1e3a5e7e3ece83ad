"""An app over a database of its own, spoken to over HTTP as somebody, on a stopped clock."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from operator import itemgetter
from typing import Any, Self

import bson
import httpx
from pydantic import SecretStr
from starlette.applications import Starlette

from documents.access import SYSTEM, GovernanceRole, PlatformRole
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of
from documents.kinds import RECORDS, open_database
from documents.people import Stakeholder
from documents.risk.scales import RiskTier
from documents.seals import SecretKey, seal
from documents.store.session import AWARE
from documents.store.units import Unit
from documents.tokens import ApiToken, TokenKind
from gql.app import create_app
from gql.cli.confirmation import confirming
from gql.firststart import prepare
from gql.settings import Settings
from tests.stored import SENT, Holdings, Stored, hang_up
from tests.stored import stage as stage  # noqa: PLC0414

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ADMIN_TOKEN = "mag_first_" + "a" * 43
ALL_TIERS = tuple(RiskTier)
# An operation may take a minute: the machine of a test can be slow, and the test that is about the time has a limit of its own.
SECRET_KEY = SecretKey("k1", b"s" * 32)
SETTINGS = Settings(admin_token=SecretStr(ADMIN_TOKEN), secret_key=SecretStr(SECRET_KEY.text), limit_seconds=60)
FAR = 1_000_000  # more events than any test makes
_names = (f"test{each}" for each in count())
_spare: dict[str, list[Holdings]] = {}
_first: dict[str, Stored] = {}


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


class Refused(AssertionError):
    """A mutation or a query that was answered with errors, where the test expected none."""


class Service:
    """An app over its own database."""

    patched = False  # whether the test changes how the product works, so that it does not end where others do

    def __init__(self, uri: str, name: str | None = None, holdings: Holdings | None = None, **options: Any) -> None:
        self.uri, self.now = uri, NOW
        # Whether another process may write there, or a client that does not tell `SENT`.
        self.written_elsewhere = name is not None
        options["event_listeners"] = [SENT, *options.get("event_listeners", ())]
        self.holdings = holdings or Holdings(open_database(uri, name or next(_names), **options), uri)
        self.database = self.holdings.database
        self.settings = SETTINGS.model_copy(update={"mongodb_uri": uri, "database": self.database.name})
        self.app: Starlette = create_app(self.settings, lambda: self.now, self.database)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app, client=("192.0.2.1", 9)), base_url="http://test")

    @classmethod
    async def started(cls, uri: str) -> Self:
        """As after first start, with the staff enrolled; in a database that another test is done with, if there is one."""
        if spare := _spare.get(uri):
            service = cls(uri, holdings=spare.pop())
            service._become(_first[uri])
            return service
        service = cls(uri)
        if uri in _first:
            await service.database.prepare(RECORDS)
            service._become(_first[uri])
        else:
            await prepare(service.settings, service.database, clock=lambda: service.now)
            await service.enrol(*STAFF)
            _first[uri] = await service.stored()
        return service

    @property
    def is_staged(self) -> bool:
        """Whether what `stage` has kept may stand for doing it again."""
        return type(self) is Service and not self.written_elsewhere and not self.patched and not self.database._feeds

    async def stored(self) -> Stored:
        return self.holdings.keep(self.now)

    async def restore(self, stored: Stored) -> None:
        """Puts back what is not as it was stored, whoever wrote since, and the clock too."""
        self.holdings = Holdings(self.database, self.uri)
        self._become(stored)

    @asynccontextmanager
    async def put_back(self) -> AsyncIterator[Self]:
        """The service on its bound database, which holds afterwards what it held before."""
        stored = await self.stored()
        with self.database.bound():
            yield self
        await self.restore(stored)

    def _become(self, stored: Stored) -> None:
        self.holdings.becomes(stored)
        self.database.latest.clear()  # what a process saw is for as long as its trail goes on
        self.now = stored.now

    @stage
    async def enrol(self, *people: Person) -> None:
        """Registers people with tokens of their own, in one transaction."""

        async def work(unit: Unit) -> None:
            head, ids = await AuditHead.touch(), EventIds()
            for each in people:
                record = Stakeholder.register(
                    each.id, each.id.title(), f"{each.id}@example.org", each.department, each.platform, each.roles, each.tiers,
                    self.now, (ADA.id, SYSTEM.id),
                )  # fmt: skip
                record.enrol(ADA.id, (SYSTEM.id,), self.now)
                await record.store()
                token, _ = ApiToken.of(each.token, TokenKind.PERSONAL, each.id, "test", None, each.id, self.now)
                await token.store()
            await head.append(await occurrences_of(unit, "enrol", SYSTEM, Request(ids[0])), self.now, ids)

        with self.database.bound():
            await self.database.transact(work, self.now)

    @stage
    async def confirm(self, *people: Person) -> None:
        """Confirms who they are, as on the host."""
        with self.database.bound():
            for each in people:
                await confirming(each.id, "Seen at the office.", lambda: self.now)(self.settings)

    async def reseal(self, *user_ids: str) -> None:
        """Seals people anew as they are stored: for rows that a test altered as an earlier release could have left them."""
        people = self.database.collection("stakeholders")
        for each in user_ids:
            row: Any = await people.find_one({"user_id": each})
            mac = seal("Stakeholder", each, row, row["mac"]["seq"], SECRET_KEY)
            await people.update_one({"user_id": each}, {"$set": {"mac": mac}})

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

    async def trail(self, since: int = 0) -> list[dict[str, Any]]:
        """The events from that place on."""
        events = self.database.collection("audit_events")
        if not since:
            whole: list[dict[str, Any]] = await events.find().sort("seq").to_list(None)
            return whole
        # A range that is closed and not sorted: of any other the engine reads the whole trail.
        return sorted(await events.find({"seq": {"$gte": since, "$lt": since + FAR}}).to_list(None), key=itemgetter("seq"))

    async def size(self) -> int:
        """How many events the trail has, as its head says."""
        (head,) = await self.database.collection("audit_head").find().to_list(None)
        return int(head["size"])

    async def last(self) -> dict[str, Any]:
        """The latest event."""
        return (await self.trail(await self.size() - 1))[-1]

    async def state(self) -> dict[str, Any]:
        """Everything stored but the trail: what a refusal must not change."""
        kinds = [each for each in RECORDS if each.__name__ not in {"AuditEvent", "AuditHead", "AuditCheckpoint"}]
        holdings = Holdings(self.database, self.uri) if self.written_elsewhere else self.holdings
        held = holdings.of([each.collection for each in kinds])
        read = {each.__name__: [bson.decode(raw, AWARE) for raw in held[each.collection]] for each in kinds}
        # By age, for what was put back lies in the database in another order than in what it was put back from.
        return {name: sorted(documents, key=lambda each: str(each["_id"])) for name, documents in read.items()}

    async def close(self, spare: bool = False) -> None:
        """Hangs up; a `spare` database serves another test, with its client: the engine is slower for each that it ever had.

        One that another process wrote to serves none, for nobody knows what is to be put back.
        """
        await self.http.aclose()
        if spare and not self.written_elsewhere:
            async with self.database.transactions.turn:  # a transaction goes on though its caller was cancelled
                await self.database.end_feeds()
            _spare.setdefault(self.uri, []).append(self.holdings)
        else:
            SENT.waiting.pop(self.database.name, None)
            self.database.close()
            hang_up(self.uri)  # its engine may end before anybody else asks for it


def close_spares(uri: str) -> None:
    for each in _spare.pop(uri, ()):
        each.database.close()
    hang_up(uri)


def mutating(mutation: str, select: str) -> str:
    kind = mutation[0].upper() + mutation[1:]
    receipt = "receipt { seq eventId eventHash treeSize root }"
    return f"mutation Test($input: {kind}Input!) {{ {mutation}(input: $input) {{ {select} {receipt} }} }}"
