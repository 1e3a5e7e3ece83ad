"""Nothing that a client sends holds the event loop: others are answered meanwhile."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from graphql import get_introspection_query, parse, specified_rules

from gql.settings import Limits
from gql.texts import ERRORS, Text
from tests.long_texts import HOSTILE, chained
from tests.schema import SCHEMA
from tests.service import Service, mutating
from tests.turns import HELD, TRIES, answer, held

MEGABYTE = 1024 * 1024 - 1_000


@pytest.fixture(scope="module")
async def lagging(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    await service.ask("{ viewer { id } }")
    gc.collect()
    gc.freeze()  # as a worker does before it serves
    yield service
    await service.close()


def text(said: str) -> Callable[[int], bytes]:
    """A body with that text, another one at each try: the server keeps what it has read."""
    return lambda attempt: json.dumps({"query": said[: MEGABYTE - 100] + " #" + "x" * attempt}).encode()


def asked(query: str, **given: Any) -> Callable[[int], bytes]:
    """A body with these variables."""
    body = json.dumps({"query": query, "variables": given}).encode()
    return lambda attempt: body


def raw(body: bytes) -> Callable[[int], bytes]:
    return lambda attempt: body


def given(part: bytes, times: int) -> Callable[[int], bytes]:
    """A body with an array in a variable that nobody declares."""
    return raw(b'{"query": "{ viewer { id } }", "variables": {"a": [' + part * times + b"1]}}")


def each(times: int, said: str) -> str:
    return " ".join(said.replace("NEXT", str(number + 1)).replace("N", str(number)) for number in range(times))


IDS = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
FILTERED = "query($f: ModelVersionFilter) { modelVersions(first: 1, filter: $f) { totalCount } }"
GROUPED = "query($o: ModelVersionKeysOrder!) { modelVersionAggregates(orderBy: [{keys: $o}]) { count } }"
LONG = "ModelVersionAggregateFilter"  # which many types are called much like
CARD, IMPORT = mutating("saveModelCard", ""), mutating("importModels", "")
ON_VIEWER = "fragment FN on Viewer { id }"
CHAIN = "fragment FN on Query { models(first: $v) { totalCount } ...FNEXT }"
LEAF = {"modelId": {"eq": "x"}}
CORPUS: dict[str, Callable[[int], bytes]] = {
    **{name: text(said) for name, (said, _) in HOSTILE.items()},
    "a megabyte of lines before a hundred mistakes": text("\n" * 450_000 + "{ " + each(900, "aN") + " }"),
    "a thousand lines before a hundred mistakes": text("\n" * 999 + "{ " + each(900, "aN") + " }"),
    "a megabyte of escapes": text('{ model(modelId: "' + "\\u00e9" * 140_000 + '") { name } }'),
    "a megabyte as a name": text("query " + "x" * 1_000_000 + " { viewer { id } }"),
    "many variables": text(f"query({each(480, '$vN: Int')}) {{ viewer {{ id }} }}"),
    "many variables that are used": text(
        f"query({each(100, '$vN: Int')}) {{ {each(100, 'models(first: $vN) { totalCount }')} }}"
    ),
    "many operations over many fragments": text(f"{each(65, 'query QN($v: Int) { ...FN }')} {each(65, CHAIN)}"),
    "many operations over one chain": text(f"{each(100, 'query QN { viewer { ...F0 } }')} {chained(100, 'NEXT', 'id')}"),
    "fragments that nobody spreads": text(f"{{ viewer {{ id }} }} {each(240, ON_VIEWER)}"),
    "a list of numbers": text("{ models(filter: {name: {in: [" + "1 " * 1_950 + "]}}) { totalCount } }"),
    "a list of texts": text("{ models(filter: {name: {in: [" + '"x" ' * 1_950 + "]}}) { totalCount } }"),
    "the whole schema": text(get_introspection_query(input_value_deprecation=True)),
    "some types": text("{ " + each(5, 'aN: __type(name: "Query") { fields { args { type { inputFields { name } } } } }') + " }"),
    "directives": text("{ viewer { id " + "@skip(if: false) " * 240 + "} }"),
    "inline fragments in one another": text("{ viewer { " + "... { " * 150 + "id" + " }" * 150 + "} }"),
    "objects in one another": text("{ models(filter: " + "{and: [" * 90 + "]}" * 90 + ") { totalCount } }"),
    "unknown arguments": text(f"{{ models({each(600, 'filtrN: 1')}) {{ totalCount }} }}"),
    "unknown types": text(f"query({each(400, '$vN: Modl')}) {{ viewer {{ id }} }}"),
    "unknown types with long names": text(f"{{ nodes(ids: []) {{ {each(9, f'... on {LONG}N {{ id }}')} }} }}"),
    "many unknown types with long names": text(f"{{ nodes(ids: []) {{ {each(250, f'... on {LONG}N {{ id }}')} }} }}"),
    "unknown fields with long names in a variable": asked(
        GROUPED, o={f"approvalsRequiredRole{number}": 1 for number in range(1_000)}
    ),
    "unknown values": text(f"{{ modelVersions(filter: {{status: {{in: [{each(1_900, 'DRAFN')}]}}}}) {{ totalCount }} }}"),
    "unknown input fields": text(f"{{ models(filter: {{{each(600, 'namN: 1')}}}) {{ totalCount }} }}"),
    "every kind of node": text("{ nodes(ids: []) { " + "... on Model { id } ... on ModelVersion { id } " * 150 + "} }"),
    "a leaf again and again": text("{ nodes(ids: []) { " + "id " * 1_900 + "} }"),
    "an interface again and again": text("{ " + 'node(id: "TW9kZWw6eA==") { id } ' * 180 + "}"),
    "ids": asked(IDS, ids=["TW9kZWw6eA=="] * 65_000),
    "ids within the limit": asked(IDS, ids=["TW9kZWw6eA=="] * 2_390),
    "ids that are none": asked(IDS, ids=["x"] * 2_390),
    "nulls for ids": asked(IDS, ids=[None] * 170_000),
    "objects for ids": asked(IDS, ids=[{}] * 250_000),
    "an id of a megabyte": asked(IDS, ids=["x" * 1_000_000]),
    "objects in objects": given(b'{"a":{}},', 110_000),
    "objects within the limit": given(b'{"a":{}},', 3_900),
    "brackets": raw(b"[" * 1_000_000),
    "digits": raw(b"[" + b"1" * 1_000_000 + b"]"),
    "numbers": given(b"1.5,", 250_000),
    "numbers within the limit": given(b"1.5,", 11_900),
    "escapes": given(b'"' + b"\\ud83d\\ude00" * 85_000 + b'",', 1),
    "variables": asked("{ viewer { id } }", **{f"v{number}": 1 for number in range(70_000)}),
    "texts in an input": asked(CARD, input={"card": {"intendedUse": {"primaryUses": ["x"] * 200_000}}}),
    "unknown fields of an input": asked(CARD, input={f"f{number}": 1 for number in range(11_900)}),
    "an import": asked(IMPORT, input={"ownerId": "[]," * 300_000}),
    "lists for a text": asked(IMPORT, input={"ownerId": [[{}] * 5_900]}),
    "a filter": asked(FILTERED, f={"and": [LEAF] * 40_000}),
    "a filter beyond the limit": asked(FILTERED, f={"and": [LEAF] * 600}),
    "a filter within the limit": asked(FILTERED, f={"and": [LEAF] * 200}),
    "a long list in a filter": asked(FILTERED, f={"modelId": {"in": ["x"] * 200_000}}),
    "a list within the limit": asked(FILTERED, f={"modelId": {"in": ["x"] * 11_700}}),
    "a search": asked("query($q: String!) { search(query: $q, first: 1) { totalCount } }", q="x " * 500_000),
    "a cursor": asked("query($q: String!) { models(first: 1, after: $q) { totalCount } }", q="x" * 1_000_000),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("body", CORPUS.values(), ids=CORPUS)
async def test_no_request_holds_the_loop(lagging: Service, body: Callable[[int], bytes]) -> None:
    taken = []
    for attempt in range(TRIES):
        taken.append(await held(lagging, body(attempt)))
        if taken[-1] < HELD:
            return
    raise AssertionError(f"it was held for {min(taken) * 1_000:.0f} ms")


async def test_others_are_answered_while_texts_are_read(lagging: Service) -> None:
    """Eight hostile texts at once: each takes a while in the thread, and /healthz waits for none of them."""
    bodies = [CORPUS["one record again and again"](TRIES + number) for number in range(8)]
    waiting = [asyncio.create_task(answer(lagging, body)) for body in bodies]
    answered = 0
    while not all(each.done() for each in waiting):
        answered += (await lagging.http.get("/healthz")).status_code == 200
        await asyncio.sleep(0.001)
    assert answered > len(waiting)


def test_names_that_nobody_knows_are_compared_with_others_in_bounded_time() -> None:
    """A thread reads one text after the other, so that a text that takes seconds keeps others waiting."""
    document = parse(json.loads(CORPUS["many unknown types with long names"](0))["query"])
    taken = []
    for _ in range(TRIES):
        text, begun = Text(document, 0), time.thread_time()
        text.judge(SCHEMA, specified_rules, Limits())
        taken.append(time.thread_time() - begun)
    assert min(taken) < 1.5
    errors = text.errors or []
    assert "Did you mean" in errors[0].message and "Did you mean" not in errors[-2].message
    assert len(errors) == ERRORS + 1  # the last says that there are more


@pytest.mark.parametrize(
    ("text", "given", "meant"),
    [
        ("{ modls { totalCount } }", {}, "'models'"),
        ("{ nodes(ids: []) { ... on Modle { id } } }", {}, "'Model'"),
        ("query($f: ModelFilter) { models(filter: $f) { totalCount } }", {"f": {"modleId": {"eq": "x"}}}, "'modelId'"),
    ],
)
async def test_one_wrong_name_is_told_which_was_meant(lagging: Service, text: str, given: dict[str, Any], meant: str) -> None:
    (error,) = (await lagging.post(text, given)).json()["errors"]
    assert f"Did you mean {meant}" in error["message"]
