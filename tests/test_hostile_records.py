"""Values that no server stores, written past the product: a question about such a record gets an answer or a coded refusal."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from itertools import cycle
from typing import Any

import pytest
from bson import Code
from graphql import get_named_type

from documents.audit.verify import verify
from documents.books import BOOKS
from documents.eligibility.turns import judge_batch
from documents.store.record import Record
from tests.examples import BOT, register
from tests.hostile_values import MISSING, VALUES, altered, replace
from tests.journey import through_everything
from tests.nouns import NOUNS
from tests.schema import QUERIES, leaves
from tests.service import ADA, AUDREY, Service

pytestmark = pytest.mark.tampers
RECORD_OF = {each.__name__: each for each in NOUNS}


@pytest.fixture(scope="module")
async def travelled(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    await through_everything(service)
    yield service
    await service.close()


@pytest.fixture(scope="module")
async def begun(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    await register(service)
    yield service
    await service.close()


@pytest.fixture
async def registered(begun: Service) -> AsyncIterator[Service]:
    async with begun.put_back() as service:
        yield service


def place(document: Any, path: str) -> str:
    """The place in a document of a stored path, in the first element of each list; empty if nothing is stored there."""
    steps: list[str] = []
    for step in path.split("."):
        if isinstance(document, list) and document:
            steps, document = [*steps, "0"], document[0]
        if not isinstance(document, dict) or step not in document:
            return ""
        steps, document = [*steps, step], document[step]
    return ".".join(steps)


Ask = Callable[[str, object], Awaitable[set[str | None]]]
"""Asks about the value at a path of a record, given its database id; returns the codes of the answers, None for no refusal."""


async def tried(service: Service, kind: type[Record], ask: Ask, among: Container[str] | None = None) -> None:
    """Asks about each stored value of a kind, or those at the paths `among`, in turn, where another value stands in its place.

    A place gets one of the hostile values, the next place the next one.
    """
    stored = await service.database.collection(kind.collection).find().to_list(None)
    values, codes = cycle(VALUES.values()), set[str | None]()
    for said, path in leaves(kind.__name__):
        if among is not None and said not in among:
            continue
        there = [(document, at) for document in stored if (at := place(document, path))]
        for document, at in there[-1:]:
            if await replace(service, kind.collection, altered(document, at, next(values))):
                codes |= await ask(said, document["_id"])
                await replace(service, kind.collection, document)
    assert codes <= {None, "RECORD_UNREADABLE"}


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", NOUNS)
async def test_a_record_that_nobody_stored_so_is_told_or_refused(travelled: Service, kind: type[Record]) -> None:
    async def ask(path: str, identity: object) -> set[str | None]:
        selected = " { ".join(path.split(".")) + " }" * path.count(".")
        named = urlsafe_b64encode(f"{kind.__name__}:{identity}".encode()).decode()
        answer = await travelled.post(f'{{ node(id: "{named}") {{ ...on {kind.__name__} {{ {selected} }} }} }}', {}, AUDREY)
        return {code_in(answer.json())}

    await tried(travelled, kind, ask)


async def test_what_cannot_be_read_is_named_and_nothing_is_built_on_it(service: Service) -> None:
    await register(service)
    versions = service.database.collection("model_versions")
    await versions.update_one({}, {"$set": {"registered_at": "long ago"}})
    asked = await service.refusal(
        '{ modelVersion(modelId: "support-assistant", version: "1.0.0") { version modelId registeredAt } }'
    )
    named = {"code": "RECORD_UNREADABLE", "kind": "ModelVersion", "key": "support-assistant/1.0.0", "path": "registered_at"}
    assert asked == named
    before = await versions.find_one({})
    assert await service.refused("updateModelVersion", **BOT, purpose="To answer.") == named
    assert await versions.find_one({}) == before


NO_SALTS: dict[str, Any] = {
    "a number": 7, "a text": "x", "an object": {}, "numbers": [7], "without a path": [{"salt": "0" * 32}],
    "of a path that is code": [{"path": Code("x"), "salt": "0" * 32}], "that is no salt": [{"path": "name", "salt": "zz"}],
    "with more": [{"path": "name", "salt": "0" * 32, "more": 1}],
}  # fmt: skip


async def test_what_stands_in_the_place_of_salts_is_named_and_nothing_is_built_on_it(service: Service) -> None:
    await register(service)
    people, versions = service.database.collection("stakeholders"), service.database.collection("model_versions")
    for value in NO_SALTS.values():
        for collection, which in ((people, {"user_id": "alice"}), (versions, {})):
            await collection.update_one(which, {"$set": {"salts": value}})
        before = await people.find_one({"user_id": "alice"}), await versions.find_one({})
        named = {"code": "RECORD_UNREADABLE", "kind": "Stakeholder", "key": "alice", "path": "salts"}
        assert await service.refused("updateStakeholder", ADA, userId="alice", department="Law") == named
        named = {"code": "RECORD_UNREADABLE", "kind": "ModelVersion", "key": "support-assistant/1.0.0", "path": "salts"}
        assert await service.refused("updateModelVersion", **BOT, purpose="To answer.") == named
        assert before == (await people.find_one({"user_id": "alice"}), await versions.find_one({}))


async def test_a_version_is_judged_whatever_stands_in_the_place_of_its_salts(service: Service) -> None:
    await register(service)
    versions = service.database.collection("model_versions")
    await versions.update_one({}, {"$set": {"salts": 7, "standing.rules": 0}})
    with service.database.bound():
        assert await judge_batch(service.now) == 1 and await judge_batch(service.now) == 0
    assert await versions.count_documents({"salts": 7}) == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", VALUES)
async def test_what_stands_in_the_place_of_a_revision_is_named_and_nothing_is_built_on_it(registered: Service, name: str) -> None:
    versions = registered.database.collection("model_versions")
    (stored,) = await versions.find().to_list(None)
    if await replace(registered, "model_versions", altered(stored, "revision", VALUES[name])):
        named = {"code": "RECORD_UNREADABLE", "kind": "ModelVersion", "key": "support-assistant/1.0.0", "path": "revision"}
        for _ in range(2):
            assert await registered.refused("updateModelVersion", **BOT, purpose="To answer.") == named
        answer = await registered.post(
            '{ modelVersion(modelId: "support-assistant", version: "1.0.0") { revision } }', {}, AUDREY
        )
        assert {code_in(answer.json())} <= {None, "RECORD_UNREADABLE"}
        found = (await verify(limit=None, books=BOOKS)).faults
        assert [(each.kind.name, each.path) for each in found] == [("RECORD_DIFFERS", "revision")]


OF_JSON = {"null", "true", "double", "minus five", "10**12", "2**62", "largest", "smallest", "text", "empty text"}
OF_JSON |= {"text with a null", "empty list", "list", "empty object", "object", "nested deep"}
"""The names of the values that JSON has a form for."""


@pytest.mark.parametrize(
    ("collection", "path", "asked"),
    [
        ("model_versions", "card.additional_info", "{ modelVersions(first: 100) { nodes { card { additionalInfo } } } }"),
        ("audit_events", "details.facts", "{ auditEvents(last: 1) { nodes { seq details } } }"),
    ],
)
async def test_free_json_with_what_json_has_no_form_for_is_refused(
    travelled: Service, collection: str, path: str, asked: str
) -> None:
    documents = travelled.database.collection(collection)
    (document,) = await documents.find({path: {"$type": "object"}}).sort("_id", -1).limit(1).to_list(None)
    field, _, last = path.partition(".")
    for name, value in VALUES.items():
        for hidden in ({"a": value}, {"a": [{"b": value}]}):
            if value is MISSING:
                continue
            if await replace(travelled, collection, document | {field: document[field] | {last: hidden}}):
                answer = await travelled.post(asked, {}, AUDREY)
                codes = {None} if name in OF_JSON else {"RECORD_UNREADABLE"}
                assert {code_in(json.loads(answer.text, parse_constant=float))} == codes, (name, answer.text[:200])
    await replace(travelled, collection, document)
    assert code_in((await travelled.post(asked, {}, AUDREY)).json()) is None


def roots(ending: str) -> dict[str, Any]:
    """The root fields with a type of such a name, about a noun."""
    types = {name: get_named_type(field.type).name for name, field in QUERIES.items()}
    of_nouns = {name for name, each in types.items() if each.endswith(ending) and each.removesuffix(ending) in RECORD_OF}
    return {name: field for name, field in QUERIES.items() if name in of_nouns}


LISTS, AGGREGATES = roots("Connection"), roots("Aggregate")
STATS = ("min", "max", "avg", "sum", "distinct")


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_in_the_order_of_a_value_that_nobody_stored_is_answered_or_refused(travelled: Service, name: str) -> None:
    order = get_named_type(LISTS[name].args["orderBy"].type).fields if "orderBy" in LISTS[name].args else {}

    async def ask(path: str, _: object) -> set[str | None]:
        return {await listed(travelled, name, path, to) for to in ("ASC", "DESC")}

    await tried(travelled, RECORD_OF[get_named_type(LISTS[name].type).name.removesuffix("Connection")], ask, order)


async def listed(service: Service, name: str, by: str, direction: str) -> str | None:
    """The code of the refusal of one of the pages of a list; None if all are told."""
    after: str | None = None
    size = 50 if name == "auditEvents" else 3  # which are many more
    while True:
        text = f"query($after: String) {{ {name}(first: {size}, after: $after, orderBy: [{{{by}: {direction}}}]) {{"
        answer = (await service.post(f"{text} pageInfo {{ hasNextPage endCursor }} }} }}", {"after": after}, AUDREY)).json()
        if "errors" in answer:
            return code_in(answer)
        page = answer["data"][name]["pageInfo"]
        if not page["hasNextPage"]:
            return None
        after = page["endCursor"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", AGGREGATES)
async def test_figures_of_values_that_nobody_stored_are_told_or_refused(travelled: Service, name: str) -> None:
    group = get_named_type(AGGREGATES[name].args["groupBy"].type).fields
    figures = get_named_type(AGGREGATES[name].type).fields
    keys = get_named_type(figures["keys"].type).fields
    stats = {each: get_named_type(figures[each].type).fields for each in STATS if each in figures}
    numbers = [f"{each} {{ {' '.join(of)} }}" for each, of in stats.items()]
    measured = {each for of in stats.values() for each in of}
    grouped = {each for each in keys if each in group and get_named_type(group[each].type).name == "OrderDirection"}

    async def ask(path: str, _: object) -> set[str | None]:
        asked = [f"{name} {{ {' '.join(numbers)} }}"] if path in measured else []
        if path in grouped:
            asked.append(f"{name}(groupBy: [{{{path}: ASC}}]) {{ keys {{ {path} }} count }}")
        answers = [(await travelled.post(f"{{ {each} }}", {}, AUDREY)).json() for each in asked]
        return set(map(code_in, answers))

    kind = RECORD_OF[get_named_type(AGGREGATES[name].type).name.removesuffix("Aggregate")]
    await tried(travelled, kind, ask, measured | grouped)


def code_in(answer: Any) -> str | None:
    """The code of the first error of an answer; None if it has none."""
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None
