"""A small trail that the product makes, the same at every run: with fixed ids, salts, keys and times."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from unittest.mock import patch
from uuid import UUID

from documents.access import SYSTEM, Actor, ActorType, GovernanceRole, PlatformRole
from documents.audit import trail
from documents.audit.checkpoints import sign
from documents.audit.event import AuditEventType, AuditOutcome
from documents.audit.notes import SigningKey, unverified
from documents.audit.restorations import ACTION, RESOURCE, facts_of
from documents.audit.trail import AuditHead, EventIds, Occurrence, Request, occurrences_of, record
from documents.canonical import canonical
from documents.datasheets import Datasheet
from documents.details import Details
from documents.environments import DeploymentEnvironment
from documents.kinds import RECORDS
from documents.people import Stakeholder
from documents.questionnaire import RiskTemplate
from documents.risk.factors import Template
from documents.risk.scales import RiskCategory, RiskTier
from documents.seals import SecretKey
from documents.stages import Stage
from documents.store.record import Record
from documents.store.session import Database, bound_database
from documents.store.units import Raw, Unit
from documents.tokens import ApiToken, TokenKind

ORIGIN = "vectors.example/trail"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RESTORED = "vectors.example/restored"
KEY, NEXT_KEY = SigningKey(ORIGIN, bytes(range(32))), SigningKey(ORIGIN, bytes(range(32, 64)))
RESTORED_KEY = SigningKey(RESTORED, bytes(range(64, 96)))
SECRET_KEY = SecretKey("vectors", bytes(range(96, 128)))
ADA = Actor("ada", ActorType.USER, frozenset({PlatformRole.ADMIN}), "first", "ada")
RITA = Actor("rita", ActorType.USER, frozenset({PlatformRole.MEMBER, GovernanceRole.RISK_MANAGER}), "second", "ada")
TICKETS = {"dataset_name": "Closed support tickets", "purpose": "To answer questions.", "creators": ("Data engineering",)}
OUTAGE = Template(
    risk_id="OPS-900",
    category=RiskCategory.OPERATIONAL,
    description="The provider is out of reach. " * 80,  # above 2 KiB, so its event tells of a content that is a text
    questions=("Who is called?", "What runs meanwhile?"),
)
NUMBER = canonical(0.5)


@contextmanager
def determined() -> Iterator[None]:
    """Has the product take ids and salts from counters instead of the system's randomness."""
    numbers = count(1)

    def uuid4() -> UUID:
        return UUID(bytes=sha256(f"id {next(numbers)}".encode()).digest()[:16])

    def token_hex(size: int) -> str:
        return sha256(f"hex {next(numbers)}".encode()).hexdigest()[: 2 * size]

    users = [each for name, each in sys.modules.items() if name.startswith("documents.")]
    made = {"uuid4": uuid4, "token_hex": token_hex}
    patches = [patch.object(each, name, by) for each in users for name, by in made.items() if hasattr(each, name)]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


class Story:
    """Changes one after another, a minute apart, in the bound database."""

    def __init__(self) -> None:
        self.now, self.requests = AT, count(1)

    async def change(self, action: str, by: Actor, make: Callable[[], Awaitable[list[Record]]]) -> None:
        """Stores the records that `make` returns, in one transaction with their events."""
        self.now += timedelta(minutes=1)
        request = Request(f"REQ-{next(self.requests)}", "192.0.2.1", "Vectors")

        async def work(unit: Unit) -> None:
            head, ids = await AuditHead.touch(), EventIds()
            for each in await make():
                await each.store()
            await head.append(await occurrences_of(unit, action, by, request), self.now, ids)

        await bound_database().transact(work, self.now)

    async def attempt(self, action: str, by: Actor, outcome: AuditOutcome, details: Details, **facts: object) -> None:
        self.now += timedelta(minutes=1)
        request, resource = Request(f"REQ-{next(self.requests)}"), ("Datasheet", "tickets")
        await record(Occurrence("access_attempt", action, by, request, resource, None, outcome, details, dict(facts)), self.now)

    async def restore(self, last: str) -> None:
        """Lets the trail go on under another name, as after a backup that lost what the checkpoint `last` covers."""
        trail._agreeing.clear()  # a server that starts now has seen nothing of what is lost
        self.now += timedelta(minutes=1)
        ids = EventIds()

        async def work(unit: Unit) -> None:
            head = await AuditHead.touch()
            facts = facts_of(unverified(last), last, head.size, 9, "The disk was lost.")
            what = Occurrence(AuditEventType.SYSTEM_STARTED, ACTION, SYSTEM, Request(ids[0]), RESOURCE, facts=facts)
            head.origin = RESTORED
            await head.append([what], self.now, ids)

        await bound_database().transact(work, self.now)

    async def sign(self, key: SigningKey = KEY) -> str:
        """The text of a checkpoint of the trail as it is now; a key that follows another is endorsed by it."""
        signed = await sign(key, self.now, [KEY])
        assert signed
        return signed.text


async def told(database: Database, rotated: bool = False, restored: bool = False) -> list[str]:
    """Tells the story in a database that holds nothing, and returns the checkpoints that were signed on the way."""
    story, notes = Story(), list[str]()
    with determined(), database.bound():

        async def begin(unit: Unit) -> None:
            await AuditHead.begin(ORIGIN)

        await database.transact(begin, AT)
        await story.change("registerStakeholder", ADA, _people)
        await story.change("declareEnvironment", RITA, _environment)
        await story.change("saveDatasheet", RITA, lambda: _sheet(story.now))
        notes.append(await story.sign())
        await story.change("saveDatasheet", RITA, lambda: _sheet(story.now, purpose="To train on: naïve, 平, 🙂\u2028"))
        await story.change("createRiskTemplate", RITA, lambda: _template(story.now))
        await story.attempt("saveDatasheet", ADA, AuditOutcome.DENIED, Details())
        cited = {"content": sha256(NUMBER).hexdigest()}
        details = Details(contents={cited["content"]: NUMBER})
        await story.attempt("saveDatasheet", RITA, AuditOutcome.FAILURE, details, share=cited, code="INVALID_INPUT", ratio=1e21)
        notes.append(await story.sign())
        await story.change("updateStakeholder", ADA, _renamed)
        kept = await everything(database)
        await story.change("retireRiskTemplate", RITA, lambda: _retired(story.now))
        notes.append(await story.sign(NEXT_KEY if rotated else KEY))
        if restored:
            await _put_back(database, kept)
            await story.restore(notes[-1])
            notes.append(await story.sign(RESTORED_KEY))
        await story.change("retireEnvironment", RITA, lambda: _environment_retired(story.now))
    return notes


async def everything(database: Database) -> dict[str, list[Raw]]:
    """All documents of all collections, the oldest first."""
    return {each.collection: await database.collection(each.collection).find().sort("_id").to_list(None) for each in RECORDS}


async def _put_back(database: Database, kept: dict[str, list[Raw]]) -> None:
    for name, documents in kept.items():
        await database.collection(name).delete_many({})
        if documents:
            await database.collection(name).insert_many(documents)


async def _people() -> list[Record]:
    ada = Stakeholder.register("ada", "Ada Example", "ada@example.org", "Administration", PlatformRole.ADMIN, (), (), AT)
    roles, tiers = (GovernanceRole.RISK_MANAGER, GovernanceRole.DATA_STEWARD), (RiskTier.TIER_1_CRITICAL,)
    rita = Stakeholder.register("rita", "Rita Example", "rita@example.org", "Risk", PlatformRole.MEMBER, roles, tiers, AT)
    token, _ = ApiToken.of(f"mag_first_{'a' * 43}", TokenKind.PERSONAL, "ada", "the first", None, "system", AT)
    return [ada, rita, token]


async def _environment() -> list[Record]:
    return [DeploymentEnvironment.declare("laboratory", Stage.TEST, "Where new ideas are tried.", RITA, AT)]


async def _sheet(at: datetime, **said: object) -> list[Record]:
    return [await Datasheet.saved("tickets", TICKETS | said, RITA, at)]


async def _template(at: datetime) -> list[Record]:
    return [await RiskTemplate.added(OUTAGE, "rita", at)]


async def _renamed() -> list[Record]:
    rita = await Stakeholder.require("rita")
    rita.change("Rita Renamed", "Risk and compliance", None, (GovernanceRole.RISK_MANAGER,), None, None)
    return [rita]


async def _retired(at: datetime) -> list[Record]:
    template = await RiskTemplate.require(OUTAGE.risk_id)
    template.retire("Somebody else answers for it.", (), RITA, at)
    return [template]


async def _environment_retired(at: datetime) -> list[Record]:
    environment = await DeploymentEnvironment.require("laboratory")
    environment.retire(None, None, "It moved.", RITA, at)
    return [environment]
