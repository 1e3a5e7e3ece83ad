"""Asks the same operations with the planning executor and without it: `python -m tests.differential`, or `make fuzz`."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import random
import re
from base64 import b64encode
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import bson
from bson.codec_options import CodecOptions
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from graphql import FragmentDefinitionNode, OperationDefinitionNode
from pymongo.errors import OperationFailure

import gql.schema
from documents.audit.trail import Request
from documents.kinds import RECORDS
from documents.store.session import AWARE, NAIVE
from gql.credentials import Credential
from gql.executor import planned
from gql.executor.plans import plan_of
from gql.identity import Doorkeeper
from gql.schema import Execution, Schema, build_schema
from gql.settings import Limits
from resolvers.graph.context import Context
from tests.conftest import Volatile
from tests.drawing import Drawer, Drawn
from tests.journey import through_everything
from tests.operations import DORA
from tests.schema import BUILT
from tests.service import ADA, ALICE, AUDREY, CAROL, RITA, Person, Service

LIMITS = Limits(tokens=100_000, depth=50, aliases=10_000, root_fields=50, directives=1_000, nodes=10**9, seconds=60)
CALLERS = (ADA, ADA, ALICE, AUDREY, CAROL, RITA, DORA)
NO_TEXT, BROKEN = b"QQQQQQQQ", b"\xed\xa0\xbd\xffQQQQ"
"""A text, and what is read in its place: a MongoDB may hold bytes that are no text."""
ODD: tuple[Any, ...] = (
    None, "", "x", "\N{SNOWMAN}", NO_TEXT.decode(), 0, -1, 7, True, False, 2**31, 2**40, 2**62, -(2**31) - 1, 1.5, -0.0, 1e308,
    5e-324, math.nan, math.inf, [], [None], ["x", 1], [[]], {}, {"a": 1}, [{}], bson.ObjectId(), b"x",
    datetime(2026, 3, 1, tzinfo=UTC), DatetimeMS(2**60), bson.Int64(3), bson.Decimal128("1.5"),
)  # fmt: skip
PLANNED = planned(Execution)
AGAIN = 200  # operations of which some are asked again over another state
STABLE = 6  # times that an operation is executed without a plan, to see whether its answer is the same each time


@dataclass
class Outcome:
    compared: int = 0
    seconds: float = 0
    errors: int = 0
    planned: int = 0
    unstable: int = 0
    """How many operations have answers without a plan that differ between themselves."""
    codes: Counter[str] = field(default_factory=Counter)


KINDS = [each.record for each in BUILT.registry.nodes.values()]


class Different(AssertionError):
    """An operation that is answered otherwise with a plan than without."""


@dataclass
class Pair:
    """The execution of a schema by plans, and the one without, over one service."""

    service: Service
    schema: Schema = field(default_factory=lambda: build_schema(limits=LIMITS))
    outcome: Outcome = field(default_factory=Outcome)
    _identities: dict[str, Any] = field(default_factory=dict)

    async def signs_in(self, *people: Person) -> None:
        doorkeeper = Doorkeeper(lambda: self.service.now)
        for each in people:
            self._identities[each.id] = await doorkeeper.identify(Credential(f"Bearer {each.token}"), "192.0.2.1")

    async def compare(self, drawn: Drawn, by: Person) -> None:
        """Different unless both answer the operation in the same way: the same text, and the same errors in the same order."""
        plan = await self._seen(drawn)
        one, other = await self.answer(Execution, drawn, by), await self.answer(PLANNED, drawn, by)
        self.outcome.compared += 1
        self.outcome.errors += '"errors": []' not in one
        self.outcome.codes.update(re.findall(r'"code": "([A-Z_]+)"', one))
        self.outcome.planned += plan is not None and plan.rests == 0
        if one != other:
            others = {one} | {await self.answer(Execution, drawn, by) for _ in range(STABLE)}
            if len(others) == 1:
                raise Different("\n".join([drawn.text, json.dumps(drawn.variables), by.id, one, other]))
            self.outcome.unstable += 1

    async def _seen(self, drawn: Drawn) -> Any:
        """Lets the schema take the text for one that it was asked before."""
        try:
            document: Any = (await self.schema.texts.read(drawn.text)).document
        except Exception:  # noqa: BLE001  both will say what is wrong with it
            return None
        (operation,) = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        execution = SimpleNamespace(operation=operation, schema=self.schema._schema, fragment_definitions=fragments, fragments={})
        if "plan" not in vars(operation):
            plan_of(execution)
        plan = vars(operation)["plan"]
        plan.rests = 0
        return plan if plan.fixed else None

    async def answer(self, execution: Any, drawn: Drawn, by: Person) -> str:
        """The answer that an execution gives as a text, with the denied queries that it would record."""
        who, denied = self._identities[by.id], []

        async def tell(_: Context, action: str) -> None:
            denied.append(action)

        context = Context(who.actor, who.person, self.service.now, Request("r"), wants_cost=True)
        with patch.object(gql.schema, "tell_denied", tell):
            self.schema.execution_context_class = execution
            result = await self.schema.execute(drawn.text, drawn.variables, context, operation_name="Drawn")
        errors: list[Any] = [each.formatted | {"of": type(each.original_error).__name__} for each in result.errors or ()]
        for each in errors:
            if each.get("extensions", {}).get("code") == "INTERNAL":
                del each["extensions"]["id"]
        return json.dumps({"data": result.data, "errors": errors, "extensions": result.extensions, "denied": denied})


@dataclass
class Remembering:
    """A collection that answers a command for the second time with the same bytes, so that the database has less to do."""

    collection: Any
    codec: Any
    memory: dict[str, list[bytes]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.collection, name)

    def find(self, *said: Any, **options: Any) -> Remembered:
        return Remembered(self, repr((self.collection.name, "find", said, options)), lambda of: of.find(*said, **options))

    def aggregate(self, *said: Any, **options: Any) -> Remembered:
        return Remembered(self, repr((self.collection.name, "aggregate", said)), lambda of: of.aggregate(*said, **options))

    async def find_one(self, *said: Any, **options: Any) -> Any:
        found = await self.find(*said, **options, limit=1).to_list(None)
        return found[0] if found else None


@dataclass
class Remembered:
    of: Remembering
    name: str
    ask: Callable[[Any], Any]

    async def to_list(self, _: None) -> list[Any]:
        if self.name not in self.of.memory:
            raw = self.of.collection.with_options(CodecOptions(document_class=RawBSONDocument))
            self.of.memory[self.name] = [each.raw.replace(NO_TEXT, BROKEN) for each in await self.ask(raw).to_list(None)]
        else:
            await asyncio.sleep(0)
        return [bson.decode(each, self.of.codec) for each in self.of.memory[self.name]]

    async def __aiter__(self) -> AsyncIterator[Any]:
        for each in await self.to_list(None):
            yield each


@contextmanager
def remembering(service: Service) -> Iterator[None]:
    """Reads what was read before from memory: so an operation and its repetitions cost the database one reading."""
    memory: dict[str, list[bytes]] = {}
    database: Any = service.database
    before = database.collection, database.raw
    database.collection = lambda name: Remembering(before[0](name), AWARE, memory)
    database.raw = lambda name: Remembering(before[1](name), NAIVE, memory)
    try:
        yield
    finally:
        database.collection, database.raw = before


@asynccontextmanager
async def damaged(service: Service, by: random.Random, most: int) -> AsyncIterator[None]:
    """A few stored documents hold something else meanwhile."""
    before: list[tuple[Any, Any]] = []
    try:
        for _ in range(by.randint(0, most)):
            collection = service.database.collection(by.choice(KINDS).collection)
            documents = await collection.find().limit(20).to_list(None)
            done = {document["_id"] for _, document in before}
            if documents := [each for each in documents if each["_id"] not in done]:
                chosen = by.choice(documents)
                before.append((collection, chosen))
                spoiled = bson.decode(bson.encode(chosen))
                _spoil(spoiled, by)
                with suppress(OperationFailure):  # a unique index refuses it, or an embedded database
                    await collection.replace_one({"_id": chosen["_id"]}, spoiled)
        yield
    finally:
        for collection, document in reversed(before):
            await collection.replace_one({"_id": document["_id"]}, document)


def _spoil(document: dict[str, Any], by: random.Random) -> None:
    places = [(into, name) for into, name in _places(document) if name != "_id"]
    into, name = by.choice(places)
    if isinstance(name, str) and by.random() < 0.2:
        del into[name]
    else:
        into[name] = by.choice(ODD)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for name, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, name
        if isinstance(each, dict | list):
            yield from _places(each)


async def compare_many(service: Service, seed: int, seconds: float, most: int = 10**9, a_state: int = 60) -> Outcome:
    """Compares operations until the time is over, over states that differ by a few damaged documents."""
    by, pair = random.Random(seed), Pair(service)
    await pair.signs_in(*{each.id: each for each in CALLERS}.values())
    drawer = Drawer(by)
    for kind in RECORDS:
        documents = await service.database.collection(kind.collection).find().limit(20).to_list(None)
        drawer.knows(documents)
        drawer.known.setdefault("id", []).extend(service_id(kind.__name__, each["_id"]) for each in documents[:3])
    drawer.known["ids"] = drawer.known["id"]
    end, state, asked = monotonic() + seconds, 0, deque[Drawn](maxlen=AGAIN)
    while monotonic() < end and pair.outcome.compared < most:
        state += 1
        async with damaged(service, by, 0 if state % 8 == 1 else 15):
            with remembering(service) if state % 4 else nullcontext():
                for _ in range(a_state):
                    drawn = by.choice(asked) if len(asked) > 50 and by.random() < 0.6 else drawer.operation()
                    asked.append(drawn)
                    try:
                        for who in {each.id: each for each in by.choices(CALLERS, k=3)}.values():
                            await pair.compare(drawn, who)
                    except Different as found:
                        raise Different(f"SEED={seed}, state {state}\n{found}") from None
                    if monotonic() > end or pair.outcome.compared >= most:
                        break
    pair.outcome.seconds = monotonic() - end + seconds
    return pair.outcome


def service_id(kind: str, identity: Any) -> str:
    return b64encode(f"{kind}:{identity}".encode()).decode()


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", default=random.randrange(10**6), help="of operations to draw again")
    parser.add_argument("--seconds", type=float, default=600)
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    say(f"seed {chosen.seed}")
    with TemporaryDirectory() as folder, Volatile(Path(folder), cache="1G") as engine:
        service = await Service.started(engine.uri)
        await through_everything(service)
        with service.database.bound():
            outcome = await compare_many(service, chosen.seed, chosen.seconds)
        await service.close()
    say(f"{outcome.compared} operations compared in {outcome.seconds:.0f} s, and none is answered otherwise with a plan")
    say(f"{outcome.planned} of them had a plan, and {outcome.errors} errors: {dict(outcome.codes)}")
    say(f"{outcome.unstable} are answered in more than one way without a plan too")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
