"""A trail with everything that a database holds beside it, attacked by direct writes and verified online and offline."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, Self

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure

from documents.audit.books import Books
from documents.audit.checkpoints import sign
from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.audit.findings import Fault, Report
from documents.audit.notes import SigningKey
from documents.audit.runs import verify_in_turn
from documents.audit.trail import AuditHead
from documents.audit.verify import verify
from documents.books import BOOKS
from documents.eligibility.turns import judge_in_turn
from documents.kinds import RECORDS
from documents.store.record import Record
from documents.store.session import AWARE
from gql.firststart import prepare
from tests.journey import every_mutation, sign_in
from tests.service import ADA, Service, mutating
from tests.stored import Documents
from tests.trails import Raw, Stored, without_key

TOLD: tuple[type[Record], ...] = tuple(each for each in RECORDS if hasattr(each, "event"))
"""The kinds of record whose changes the trail tells."""

EARLIER = ("stakeholders", "api_tokens", "policies", "models", "model_versions", "change_requests", "incidents", "deployments")
"""The collections of which old documents are kept, to be put back."""

SIGNED_AT = (12, 50, 90)
"""The numbers of mutations of the journey after which the trail is signed."""


class Found(NamedTuple):
    """A fault as a test expects it: for one of a record its kind, the record's kind and key, and the path."""

    kind: str
    seq: int | None = None
    of: str | None = None
    path: str | None = None


@dataclass
class Held(Stored):
    """All that the database holds, to be altered by an attack."""

    others: dict[str, list[Raw]]
    """What the collections hold that are no part of a `Stored`."""
    sizes: list[int]
    """The sizes that were signed."""
    earlier: Mapping[str, set[bytes]]
    """All that some collections ever held."""
    backup: Documents
    """All that the database held before the trail was last signed."""

    def __post_init__(self) -> None:
        # Odd ones, which complete subtrees, between the first two checkpoints.
        between = range(self.sizes[0] + 1 | 1, self.sizes[1] - 1, 2)
        self.fit = [seq for seq in between if _is_of_a_change(self.events[seq])]
        """The numbers of events that somebody's change of a version made."""

    def at(self, collection: str) -> list[Raw]:
        own = {"audit_events": self.events, "audit_head": self.heads, "contents": self.contents}
        return own[collection] if collection in own else self.others.setdefault(collection, [])

    def records(self, kind: type[Record]) -> list[Raw]:
        return self.at(kind.collection)

    @property
    def head(self) -> Raw:
        return self.heads[0]

    @property
    def end(self) -> int:
        return len(self.events)

    def hashed(self, seq: int) -> None:
        """Hashes one event anew, and nothing after it."""
        Stored([self.events[seq]], [], []).chained(self.events[seq]["previous_hash"])


def _is_of_a_change(event: Raw) -> bool:
    return bool(event["subject"] and event["request"]["token"] and event["details"]["changes"])


def decoded(documents: Documents) -> dict[str, list[Raw]]:
    return {name: [bson.decode(raw, AWARE) for raw in held] for name, held in documents.items()}


Tamper = Callable[[Held], Iterable[Found]]
"""Alters what is held, and returns what must be found then."""


@dataclass(frozen=True)
class Attacked:
    """What a verification says of an attacked database: online, and of an export of it offline."""

    online: Report
    offline: Report

    @property
    def faults(self) -> tuple[list[Found], list[Found]]:
        return found(self.online), found(self.offline)


def found(report: Report) -> list[Found]:
    return [_found(each) for each in report.faults]


def _found(fault: Fault) -> Found:
    of = getattr(fault, "resource", None)
    return Found(fault.kind.name, fault.seq, of and f"{of.type}/{of.id}", getattr(fault, "path", None))


@dataclass
class Journey:
    """A database after the whole journey, signed on the way and without indexes: whoever writes can drop what is in the way."""

    service: Service
    key: SigningKey
    next_key: SigningKey
    """The key that signed last; `key` endorsed it."""
    sizes: list[int]
    texts: list[str]
    earlier: Mapping[str, set[bytes]]
    backup: Documents
    honest: Documents

    @classmethod
    async def made(cls, server: str) -> Self:
        service = await Service.started(server)
        with service.database.bound():
            key = SigningKey((await AuditHead.require("head")).origin, bytes(range(32)))
            days = service.settings.model_copy(update={"review_days": (30, 60, 90)})
            await prepare(days, service.database, clock=lambda: service.now)
            await sign_in(service)
            next_key = SigningKey(key.name, bytes(range(32, 64)))
            signed, number, earlier = [], 0, dict[str, set[bytes]]()
            backup = service.holdings.now()
            async for _ in every_mutation(service):
                number += 1
                service.later(seconds=1)
                if number == SIGNED_AT[-1]:
                    backup = service.holdings.now()
                if number in SIGNED_AT:
                    signed.append(await sign(next_key if number == SIGNED_AT[-1] else key, service.now, [key]))
                for name in EARLIER:
                    earlier.setdefault(name, set()).update(service.holdings.of([name])[name])
            asked = {"query": mutating("updateStakeholder", ""), "variables": {"input": {"userId": "ben", "department": "Law"}}}
            headers = {"Idempotency-Key": "once", "authorization": f"Bearer {ADA.token}"}
            assert "errors" not in (await service.http.post("/graphql", json=asked, headers=headers)).json()
            await judge_in_turn(lambda: service.now, timedelta(0))
            await verify_in_turn(next_key.verifier, lambda: service.now, timedelta(0), books=BOOKS)
            checkpoints = [each for each in signed if each]
            for each in RECORDS:
                await service.database.collection(each.collection).drop_indexes()
            sizes, texts = [each.size for each in checkpoints], [each.text for each in checkpoints]
            return cls(service, key, next_key, sizes, texts, earlier, backup, service.holdings.now())

    def held(self) -> Held:
        """A copy of all that an honest database holds."""
        others = decoded(self.honest)
        events, heads, contents = (others.pop(name) for name in ("audit_events", "audit_head", "contents"))
        return Held(sorted(events, key=itemgetter("seq")), heads, contents, others, self.sizes, self.earlier, self.backup)

    def write(self, held: Held) -> None:
        parts = {**held.others, "audit_events": held.events, "audit_head": held.heads, "contents": held.contents}
        raws = {name: [bson.encode(each, codec_options=AWARE) for each in all_] for name, all_ in parts.items()}
        self.service.holdings.become({name: {each: RawBSONDocument(each) for each in all_} for name, all_ in raws.items()})
        self.service.holdings.settle()

    def restore(self) -> None:
        self.service.holdings.become(self.honest)
        self.service.holdings.settle()

    async def attacked(
        self, held: Held, folder: Path, checkpoint: str | None = None, keys: Iterable[str] = (), *, books: Books | None = BOOKS
    ) -> Attacked:
        """What is found when the database holds that; then the honest one is put back."""
        kept = "".join(f"{each}\n" for each in self.texts)
        given = (checkpoint, list(keys)) if checkpoint is not None else (kept, [str(self.key.verifier)])
        try:
            try:
                self.write(held)
            except OperationFailure:
                pytest.skip("this engine does not hold such a value")
            with self.service.database.bound(), without_key(self.service.database):
                online = await verify(checkpoint=given[0], keys=given[1], books=books)
                await export(folder, books=books)
        finally:
            self.restore()
        return Attacked(online, verify_export(folder, *given))


async def journey(server: str) -> AsyncIterator[Journey]:
    """The body of a fixture."""
    made = await Journey.made(server)
    yield made
    await made.service.close()


# Places in a document, and what can be done to what stands there


def place(document: Any, path: str) -> tuple[Any, Any]:
    """The list or object that holds the value at a dotted path, and the index or name by which it does."""
    *steps, last = path.split(".")
    for step in steps:
        document = document[int(step) if isinstance(document, list) else step]
    return document, int(last) if isinstance(document, list) else last


def value_at(document: Raw, path: str) -> Any:
    holder, name = place(document, path)
    return holder[name]


def put(document: Raw, path: str, value: Any) -> None:
    holder, name = place(document, path)
    holder[name] = value


def change(document: Raw, path: str, value: Any) -> None:
    """Puts a value, or what a function makes of the value that is there."""
    put(document, path, value(value_at(document, path)) if callable(value) else value)


def resolved(document: Raw, shape: str) -> str | None:
    """The first path of a shape, which has `*` for any index of a list, at which the document has a value; None without one."""
    found = [path for path, value in _of_shape(document, shape.split("."), ()) if value not in (None, [], {})]
    return found[0] if found else None


def _of_shape(value: Any, shape: Sequence[str], path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if not shape:
        yield ".".join(path), value
        return
    step, *rest = shape
    if step == "*":
        for at, each in enumerate(value if isinstance(value, list) else ()):
            yield from _of_shape(each, rest, (*path, str(at)))
    elif isinstance(value, dict) and step in value:
        yield from _of_shape(value[step], rest, (*path, step))


def other(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case datetime():
            return value + timedelta(seconds=1)
        case str() if len(value) == 64 and set(value) <= set("0123456789abcdef"):
            return "0" * 64
        case str():
            return f"{value}?"
        case list():
            return value[:-1]
        case dict():
            return dict(list(value.items())[1:])
    return "something"
