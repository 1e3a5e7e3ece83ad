"""A trail as it lies in the database, to be altered past the product, and one that was signed on its way."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import bson
import pytest
from bson import ObjectId
from bson.raw_bson import RawBSONDocument

from documents.audit import tree
from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.audit.notes import SigningKey
from documents.audit.runs import VerificationRun
from documents.audit.sealing import seal_of_head
from documents.audit.trail import AuditHead, _agreeing
from documents.audit.verification import GENESIS
from documents.canonical import UNSPEAKABLE, canonical
from documents.seals import FIELD, Keyring
from documents.store.session import AWARE, Database
from gql.checkpoints import checkpoint
from gql.verifications import verification
from tests.examples import attach, register
from tests.service import AUDREY, SECRET_KEY, Service

Raw = dict[str, Any]


COLLECTIONS = ("audit_events", "audit_head", "contents")


@dataclass
class Stored:
    """What a trail consists of, as it lies in the database."""

    events: list[Raw]
    heads: list[Raw]
    contents: list[Raw]

    @classmethod
    async def of(cls, service: Service) -> Self:
        held = service.holdings.now()
        events, heads, contents = ([bson.decode(raw, AWARE) for raw in held.get(name, ())] for name in COLLECTIONS)
        return cls(sorted(events, key=itemgetter("seq")), heads, contents)

    async def written(self, service: Service, *, sealed: bool = True, seen: bool = False) -> None:
        """Puts it into the database. Who is to be found out by the trail alone has the secret key, and seals the head, too.

        A server has not seen another end that was there, unless it has `seen`.
        """
        known = _agreeing.get(service.database)
        if known and sealed and not seen and any(each.get("last_hash") != known.last_hash for each in self.heads):
            del _agreeing[service.database]
        for head in self.heads if sealed else ():
            with service.database.bound(), suppress(*UNSPEAKABLE, LookupError):
                head[FIELD] = seal_of_head(head)
        parts = zip(COLLECTIONS, (self.events, self.heads, self.contents), strict=True)
        raws = {name: [bson.encode(each, codec_options=AWARE) for each in documents] for name, documents in parts}
        trail = {name: {each: RawBSONDocument(each) for each in all_} for name, all_ in raws.items()}
        service.holdings.become(service.holdings.now() | trail)
        service.holdings.settle()  # for programs that read it next

    def content(self, digest: str) -> Raw:
        return next(each for each in self.contents if each["digest"] == digest)

    def chained(self, last: str = GENESIS) -> None:
        """Links and hashes every event anew, as somebody would who knows how."""
        edge = list[str]()
        for size, event in enumerate(self.events):
            said = {name: value for name, value in event.items() if name not in {"_id", "event_hash", "nodes", "canonical"}}
            text = canonical(said | {"previous_hash": last})
            edge, nodes = tree.grow(edge, size, tree.leaf_hash(text))
            event |= {"previous_hash": last, "canonical": text, "event_hash": tree.leaf_hash(text), "nodes": nodes}
            last = event["event_hash"]

    def headed(self) -> None:
        """Moves the head to where the events end."""
        self.chained()
        edge = list[str]()
        for size, event in enumerate(self.events):
            edge, _ = tree.grow(edge, size, event["event_hash"])
        last = self.events[-1]
        self.heads[0].update(size=last["seq"] + 1, last_hash=last["event_hash"], last_at=last["occurred_at"], edge=edge)

    def numbered(self) -> None:
        for seq, event in enumerate(self.events):
            event["seq"] = seq


def forged(event: Raw, **fields: Any) -> Raw:
    return event | {"_id": ObjectId(), "event_id": f"AUD-{'0' * 32}"} | fields


async def exported(service: Service, folder: Path, checkpoint: str | None = None, *keys: str) -> list[Raw]:
    """The faults that are found in an export of the trail, where there is no database."""
    with service.database.bound():
        await export(folder)
    return [{"kind": each.kind.name, "seq": each.seq} for each in verify_export(folder, checkpoint, keys).faults]


REPORT = "valid treeSize caveats faults { kind seq detail }"
VERIFICATION = f"""query($from: BigInt! = 0, $to: BigInt, $checkpoint: String, $keys: [String!]) {{
    auditVerification(from: $from, to: $to, checkpoint: $checkpoint, keys: $keys) {{ {REPORT} }} }}"""


def of_the_trail(report: Raw) -> Raw:
    """A report without faults of records: an altered trail no longer tells what is stored."""
    faults = [each for each in report["faults"] if not each["kind"].startswith("RECORD_")]
    return report | {"faults": faults} | ({"valid": not faults} if "valid" in report else {})


@dataclass
class Anchored:
    """A trail that was signed several times on its way, and grew a little since."""

    service: Service
    key: SigningKey
    sizes: list[int]
    texts: list[str]

    async def verified(self, at: int = -1, **asked: Any) -> Any:
        """What a verification with one of the checkpoints says."""
        given = {"checkpoint": self.texts[at], "keys": [str(self.key.verifier)]} | asked
        return of_the_trail((await self.service.ask(VERIFICATION, AUDREY, **given))["auditVerification"])


@pytest.fixture(scope="module")
async def anchored(server: str) -> AsyncIterator[Anchored]:
    service = await Service.started(server)
    sizes, texts = [], []
    with service.database.bound():
        key = SigningKey((await AuditHead.require("head")).origin, bytes(range(32)))
        await register(service)
        for turn in range(4):
            for each in range(3):
                await attach(service, title=f"{turn} {each}")
            if signed := await checkpoint(key, service.now):
                sizes.append(signed.size)
                texts.append(signed.text)
        await attach(service)
        await attach(service)
    await service.database.collection("audit_events").drop_indexes()
    yield Anchored(service, key, sizes, texts)
    await service.close()


EVERY = 300


@pytest.fixture
async def grown(begun: Service) -> AsyncIterator[Service]:
    """What the module's `begun` made, as it was then, under the first secret key."""
    async with begun.put_back() as service:
        yield service
        service.database.keyring = Keyring(SECRET_KEY)


async def turn(service: Service, key: SigningKey | None = None, takes: float = 0) -> VerificationRun | None:
    """What a turn five minutes later finds, on a clock that goes on while it is at it."""
    service.later(seconds=EVERY)
    times = iter([service.now])
    return await verification(key.verifier if key else None, lambda: next(times, service.now + timedelta(seconds=takes)), EVERY)


async def turned(service: Service) -> VerificationRun:
    """The run of a turn five minutes later, which is due."""
    run = await turn(service)
    assert run
    return run


FOUND = "valid first last eventsVerified treeSize root faultCount caveats faults { kind seq }"
OF_A_RANGE = f"query($from: BigInt! = 0, $to: BigInt) {{ auditVerification(from: $from, to: $to) {{ {FOUND} }} }}"


async def verified(service: Service, **range: int) -> Any:
    return of_the_trail((await service.ask(OF_A_RANGE, AUDREY, **range))["auditVerification"])


def seq_of(trail: Sequence[Raw], action: str) -> int:
    """The last event of the first mutation of that name."""
    first = next(event for event in trail if event["action"] == action and event["outcome"] == "success")
    return int(max(event["seq"] for event in trail if event["request"] == first["request"]))


@contextmanager
def without_key(database: Database) -> Iterator[None]:
    """What is done inside is done by somebody who has no secret key, and so cannot tell a seal."""
    key, database.keyring = database.keyring, None
    try:
        yield
    finally:
        database.keyring = key
