"""How much one request may ask: refused before the database hears of it, on one side of each edge and not on the other."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query
from pymongo import monitoring
from pymongo.errors import ExecutionTimeout
from starlette.types import ASGIApp, Message

from documents.errors import LimitExceeded
from gql.app import create_app
from gql.http import GRAPHQL, JSON
from gql.schema import build_schema
from gql.settings import Limits
from gql.texts import Texts
from tests.examples import register
from tests.long_texts import HOSTILE
from tests.service import ADA, ALICE, AUDREY, Person, Service
from tests.watching import Commands, where


@dataclass
class Watched:
    """A service, and the commands that its requests cost the database."""

    service: Service
    commands: Commands = field(default_factory=Commands)

    async def said(self, query: str, variables: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """The answer; an error comes before any command, for the caller is known since a moment ago."""
        await self.service.ask("{ __typename }")
        self.commands.seen.clear()
        headers |= {"authorization": f"Bearer {ALICE.token}"}
        sent = {"query": query, "variables": variables}
        answer: dict[str, Any] = (await self.service.http.post("/graphql", json=sent, headers=headers)).json()
        if "errors" in answer:
            assert self.commands.seen == []
        return answer

    async def refusal(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self.said(query, variables)
        assert "data" not in answer
        extensions: dict[str, Any] = answer["errors"][0]["extensions"]
        return extensions


@pytest.fixture(scope="module")
async def watched(server: str) -> AsyncIterator[Watched]:
    first, commands = await Service.started(server), Commands()
    service = Service(server, first.database.name, event_listeners=[commands])
    await service.database.prepare(())
    await first.ask("{ viewer { id } }")  # whoever comes first has it noted that the token was used
    yield Watched(service, commands)
    await first.close()
    await service.close()


def text_of(tokens: int) -> str:
    return "{ viewer { id } }" + "# a comment is a token\n" * (tokens - 6)


def nested(depth: int, leaf: str = "__typename modelId") -> str:
    """`depth` fields below one another; what is asked of introspection counts nothing."""
    inner = "".join(("latestVersion {", "model {")[each % 2] for each in range(depth - 2))
    last = leaf if depth % 2 == 0 else leaf.replace("modelId", "version")
    return f'{{ model(modelId: "x") {{ {inner} {last} {"}" * depth}'


def aliased(times: int) -> str:
    return f"{{ viewer {{ {' '.join(f'a{each}: id' for each in range(times))} }} }}"


def rooted(times: int) -> str:
    return f"{{ viewer {{ id }} {' '.join(f'a{each}: viewer {{ id }}' for each in range(times - 1))} }}"


def directed(times: int) -> str:
    return f"{{ viewer {{ id {'... @include(if: true) { id }' * times} }} }}"


def paged(versions: int) -> str:
    return f"{{ models(first: 100) {{ nodes {{ versions(last: {versions}) {{ edges {{ node {{ version }} }} }} }} }} }}"


def grouped(times: int, by: str = "[{tier: ASC}]") -> str:
    """That many aggregates, of up to 1,000 groups each."""
    return "{" + " ".join(f"a{each}: modelVersionAggregates(groupBy: {by}) {{ count }}" for each in range(times)) + "}"


EDGES = {
    "tokens": (text_of(2_000), text_of(2_001), 2_000, 2_001),
    "depth": (nested(12), nested(13), 12, 13),
    "aliases": (aliased(30), aliased(31), 30, 31),
    "root fields": (rooted(20), rooted(21), 20, 21),
    "directives": (directed(50), directed(51), 50, 51),
    "nodes": (paged(99), paged(100), 10_000, 10_100),
    "groups": (grouped(10), grouped(11), 10_000, 11_000),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize(("within", "beyond", "limit", "size"), EDGES.values(), ids=EDGES)
async def test_a_limit_is_kept_on_both_sides_of_its_edge(
    watched: Watched, within: str, beyond: str, limit: int, size: int
) -> None:
    assert "errors" not in await watched.said(within)
    for _ in range(2):  # a text that is known is refused as well
        refused = await watched.refusal(beyond)
        assert (refused["code"], refused["limit"], refused["size"]) == ("LIMIT_EXCEEDED", limit, size)


SPREAD = {
    "in a fragment": ("{ viewer { ...A } } fragment A on Viewer { %s }", 1),
    "in a fragment of a fragment": (
        "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ... on Viewer { %s } }", 1,
    ),
    "in a fragment that is spread twice": ("{ viewer { ...A } two: viewer { ...A } } fragment A on Viewer { %s }", 2),
    "in another operation": ("query Asked { viewer { id } } query Other { viewer { %s } }", 1),
}  # fmt: skip


@pytest.mark.parametrize(("text", "times"), SPREAD.values(), ids=SPREAD)
async def test_what_a_fragment_asks_counts_wherever_it_is_spread(watched: Watched, text: str, times: int) -> None:
    aliases = " ".join(f"a{each}: id" for each in range(31))
    sent = {"query": text % aliases, "operationName": "Asked" if "Asked" in text else None}
    answer = await watched.service.http.post("/graphql", json=sent, headers={"authorization": f"Bearer {ALICE.token}"})
    refused = answer.json()["errors"][0]["extensions"]
    assert (refused["code"], refused["size"]) == ("LIMIT_EXCEEDED", 31 * times + times - 1)


LISTED = """query($first: Int, $last: Int = 99, $ids: [ID!] = []) {
    models(first: $first) { nodes { versions(last: $last) { nodes { version owner { name } } } } }
    nodes(ids: $ids) { ... on Model { versions(first: 100) { totalCount } } } }"""
COSTS: dict[str, tuple[dict[str, Any], int]] = {
    "a default": ({"first": 50}, 50 + 50 * 99 * 2),
    "both given": ({"first": 100, "last": 49}, 100 + 100 * 49 * 2),
    "a float that is whole": ({"first": 10.0, "last": 1}, 10 + 10 * 2),
    "ids": ({"first": 0, "ids": ["TW9kZWw6eA=="] * 98}, 98 * 101),
    "one id": ({"first": 1, "last": 1, "ids": "TW9kZWw6eA=="}, 3 + 101),
}


@pytest.mark.parametrize(("variables", "cost"), COSTS.values(), ids=COSTS)
async def test_the_cost_is_told_to_who_asks_for_it(watched: Watched, variables: dict[str, Any], cost: int) -> None:
    answer = await watched.said(LISTED, variables, **{"x-magistrate-cost": "true"})
    assert answer["extensions"] == {"cost": {"requested": cost, "limit": 10_000}}
    assert "extensions" not in await watched.said(LISTED, variables)


@pytest.mark.parametrize(
    ("variables", "size"),
    [
        ({"first": 100}, 100 + 100 * 99 * 2),
        ({"first": 100, "last": 2**31 - 1}, 100 + 100 * (2**31 - 1) * 2),
        ({"first": 1, "last": 1, "ids": ["TW9kZWw6eA=="] * 100}, 3 + 100 * 101),
    ],
)
async def test_page_sizes_in_variables_multiply_too(watched: Watched, variables: dict[str, Any], size: int) -> None:
    refused = await watched.refusal(LISTED, variables)
    assert (refused["code"], refused["limit"], refused["size"]) == ("LIMIT_EXCEEDED", 10_000, size)
    told = await watched.said(LISTED, variables, **{"x-magistrate-cost": "true"})
    assert told["extensions"] == {"cost": {"requested": size, "limit": 10_000}}


GROUPS = """query($by: [ModelVersionGroupBy!]) { viewer { id }
    modelVersionAggregates(groupBy: $by) { count } ...A } fragment A on Query { auditEventAggregates { count } }"""


@pytest.mark.parametrize(
    ("by", "cost"),
    [(None, 2), ([], 2), ([{"tier": "ASC"}], 1_001), ([{"owner": {"department": "DESC"}}, {"tier": "ASC"}], 1_001)],
)
async def test_groups_count_as_records_and_everything_as_one(watched: Watched, by: Any, cost: int) -> None:
    sent = {"query": GROUPS, "variables": {"by": by}}
    headers = {"authorization": f"Bearer {AUDREY.token}", "x-magistrate-cost": "true"}
    answer = (await watched.service.http.post("/graphql", json=sent, headers=headers)).json()
    assert answer["extensions"]["cost"]["requested"] == cost
    assert "errors" not in await watched.said(grouped(20, "[]"))


@pytest.mark.parametrize("wrong", [-1, 2**31, 1.5, "x", True, [], {}])
async def test_a_page_size_that_is_none_is_no_matter_of_cost(watched: Watched, wrong: Any) -> None:
    answer = (await watched.service.post(LISTED, {"first": wrong})).json()
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_the_standard_introspection_passes(watched: Watched) -> None:
    everything = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    answer = await watched.said(everything)
    assert len(answer["data"]["__schema"]["types"]) > 100


ASKED_AS_WELL = {
    "another field": ("{ __schema { types { name } } viewer { id } }", "INVALID_INPUT"),
    "another field in a fragment": (
        '{ __type(name: "Model") { name } ...A } fragment A on Query { viewer { id } }',
        "INVALID_INPUT",
    ),
    "the schema twice": ("{ a: __schema { description } b: __schema { description } }", "LIMIT_EXCEEDED"),
    "six types": ("{ " + " ".join(f't{each}: __type(name: "Model") {{ name }}' for each in range(6)) + " }", "LIMIT_EXCEEDED"),
}


@pytest.mark.parametrize(("query", "code"), ASKED_AS_WELL.values(), ids=ASKED_AS_WELL)
async def test_the_schema_is_asked_for_alone_and_once(watched: Watched, query: str, code: str) -> None:
    assert (await watched.refusal(query))["code"] == code


async def test_a_question_about_types_is_answered_with_its_variables(watched: Watched) -> None:
    query = "query($name: String!) { __typename one: __type(name: $name) { name } __schema { queryType { name } } }"
    for name in ("Model", "Policy"):
        answer = await watched.said(query, {"name": name})
        assert answer["data"] == {"__typename": "Query", "one": {"name": name}, "__schema": {"queryType": {"name": "Query"}}}
    for _ in range(2):
        assert (await watched.said("{ __schema { queryType { name } } }"))["data"]["__schema"] == {"queryType": {"name": "Query"}}


@pytest.mark.exhaustive
@pytest.mark.parametrize(("text", "code"), HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_text_is_answered_at_once(watched: Watched, text: str, code: str | None) -> None:
    begun = time.process_time()
    answer = await watched.said(text[: 1024 * 1024 - 200])
    assert time.process_time() - begun < 5
    assert code == (answer["errors"][0]["extensions"]["code"] if "errors" in answer else None)


@pytest.mark.parametrize("batch", [[], [{"query": "{ viewer { id } }"}] * 2])
async def test_a_batch_is_none(watched: Watched, batch: list[Any]) -> None:
    headers = {"authorization": f"Bearer {ALICE.token}"}
    answer = await watched.service.http.post("/graphql", json=batch, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "INVALID_INPUT")


def test_the_texts_asked_longest_ago_are_forgotten_first() -> None:
    texts = Texts(Limits(), entries=2)
    first, second = texts.known("{ a }"), texts.known("{ b }")
    assert texts.known("{ a }") is first
    texts.known("{ c }")
    assert texts.known("{ a }") is first and texts.known("{ b }") is not second


def test_the_texts_kept_are_bounded_in_bytes() -> None:
    texts = Texts(Limits(), size=10_000)
    small, large = texts.known("{ a }"), "{ " + "a " * 100 + "}"
    assert texts.known("{ a }") is small
    assert texts.known(large) is texts.known(large)  # one is kept however large it is
    assert texts.known("{ a }") is not small


class Slow(Commands):
    """A database that takes its time over one command, the first of its kind."""

    slow = ""

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        super().started(event)
        if self.slow in (event.command_name, event.command.get(event.command_name)):
            self.slow = ""
            time.sleep(1.5)  # in the driver's thread


@dataclass
class Limited:
    """A service with limits of its own."""

    service: Service
    database: Slow
    http: httpx.AsyncClient
    app: ASGIApp
    hurried: Service

    async def asked(self, query: str, by: Person, accept: str = JSON, **variables: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {by.token}", "accept": accept}
        return await self.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)

    async def said(self, query: str, by: Person, **variables: Any) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.asked(query, by, **variables)).json()
        return answer

    async def left(self, query: str, by: Person, after: float = 0, **variables: Any) -> list[Message]:
        """What is sent to a caller who asks and leaves."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        arriving = iter([{"type": "http.request", "body": body}])
        sent: list[Message] = []

        async def receive() -> Message:
            if message := next(arriving, None):
                return message
            await asyncio.sleep(after)
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"authorization", f"Bearer {by.token}".encode()), (b"content-type", JSON.encode())]
        scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
        await self.app(scope, receive, send)
        return sent


@asynccontextmanager
async def limiting(server: str, service: Service, **limits: int) -> AsyncIterator[Limited]:
    slow = Slow()
    other = Service(server, service.database.name, event_listeners=[slow])
    app = create_app(other.settings.model_copy(update=limits), lambda: other.now, other.database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web:
        yield Limited(service, slow, web, app, other)
    await other.close()


@pytest.fixture
async def limited(server: str, service: Service) -> AsyncIterator[Limited]:
    async with limiting(server, service, limit_seconds=1) as limited:
        yield limited


@pytest.fixture
async def bounded(server: str, service: Service) -> AsyncIterator[Limited]:
    async with limiting(server, service, limit_nodes=5, limit_body=2_000, limit_conditions=3) as bounded:
        yield bounded


async def test_limits_are_settings(bounded: Limited) -> None:
    refused = await bounded.said("{ models(first: 6) { nodes { name } } }", ALICE)
    assert refused["errors"][0]["extensions"].items() >= {"code": "LIMIT_EXCEEDED", "size": 6, "limit": 5}.items()
    refused = await bounded.said("{ viewer { id } }" + " " * 2_000, ALICE)
    assert refused["errors"][0]["extensions"].items() >= {"code": "LIMIT_EXCEEDED", "limit": 2_000}.items()


@pytest.mark.parametrize(("accept", "status"), [(GRAPHQL, 294), (JSON, 200)])
async def test_a_question_that_takes_too_long_is_cut_off(limited: Limited, accept: str, status: int) -> None:
    limited.database.slow = "models"
    answer = await limited.asked("{ viewer { id } models(first: 1) { nodes { name } } }", ALICE, accept)
    (error,) = answer.json()["errors"]
    assert error["extensions"].items() >= {"code": "LIMIT_EXCEEDED", "size": 2, "limit": 1}.items()
    assert (answer.status_code, answer.json()["data"]) == (status, None)  # it had begun
    limited.database.slow = ""
    assert (await limited.said("{ models(first: 1) { nodes { name } } }", ALICE))["data"]


NESTED = "{ models(first: 1) { nodes { name versions(first: 1) { nodes { version } } } } }"


async def test_a_caller_who_left_is_not_answered_and_nothing_more_is_asked_of_the_database(limited: Limited) -> None:
    await register(limited.service)
    assert (await limited.said(NESTED, ALICE))["data"]["models"]["nodes"][0]["versions"]["nodes"]
    assert "model_versions" in where(limited.database.seen)
    limited.database.seen.clear()
    limited.database.slow = "models"
    assert await limited.left(NESTED, ALICE) == []
    assert where(limited.database.seen).count("models") == 1
    await asyncio.sleep(1.5)  # until the slow command has ended
    assert "model_versions" not in where(limited.database.seen)


async def test_a_mutation_goes_on_though_its_caller_left(limited: Limited) -> None:
    await limited.said("{ viewer { id } }", ADA)  # the first use of a token is noted, in a transaction of its own
    limited.database.slow = "insert"
    one = "mutation($one: RegisterStakeholderInput!) { registerStakeholder(input: $one) { receipt { seq } } }"
    assert await limited.left(one, ADA, one=newcomer("xena")) == []
    async with limited.hurried.database.transactions.turn:
        assert (await limited.service.last())["resource"]["id"] == "xena"


async def test_a_caller_who_waits_is_answered(limited: Limited) -> None:
    limited.database.slow = "models"
    begun, *_ = await limited.left("{ models(first: 1) { nodes { name } } }", ALICE, after=60)
    assert begun["status"] == 200


async def test_the_database_gives_up_a_command_that_is_past_its_time(service: Service) -> None:
    """The server itself does, by the `maxTimeMS` that comes with each command, so that it works no longer for nobody."""
    numbers: list[Any] = [{"$project": {"n": {"$range": [0, 100_000]}}}, {"$unwind": "$n"}, {"$group": {"_id": "$n"}}]
    people = service.database.collection("stakeholders")
    with pytest.raises(ExecutionTimeout):
        await people.aggregate(numbers[:2] * 2 + numbers[2:], maxTimeMS=200).to_list(1)


async def test_the_database_has_no_longer_for_a_question_than_there_is(watched: Watched) -> None:
    await watched.said("{ models(first: 1) { totalCount nodes { name } } modelVersionAggregates { count } }")
    times = [each.get("maxTimeMS", 0) for each in watched.commands.seen]
    assert len(times) == 3 and all(50_000 < each <= 61_000 for each in times)
    watched.commands.seen.clear()
    await watched.service.do("registerStakeholder", ADA, **newcomer("zoe"))
    assert not any("maxTimeMS" in each for each in watched.commands.seen)  # what changes something is never cut off


ENROL_TWO = """mutation($one: RegisterStakeholderInput!, $two: RegisterStakeholderInput!) {
    one: registerStakeholder(input: $one) { receipt { seq } }
    two: registerStakeholder(input: $two) { receipt { seq } } }"""


def newcomer(user_id: str) -> dict[str, Any]:
    return {
        "userId": user_id, "name": user_id, "email": f"{user_id}@example.org", "department": "X", "roles": ["DEPLOYER"],
    }  # fmt: skip


@pytest.mark.parametrize("slow", ["insert", "commitTransaction"])
async def test_a_mutation_is_never_cut_off_but_none_begins_too_late(limited: Limited, slow: str) -> None:
    await limited.said("{ viewer { id } }", ADA)  # the first use of a token is noted, in a transaction of its own
    limited.database.slow = slow
    answer = await limited.said(ENROL_TWO, ADA, one=newcomer("xena"), two=newcomer("yuri"))
    (late,) = answer["errors"]
    assert (late["path"], late["extensions"]["code"], late["extensions"]["limit"]) == (["two"], "LIMIT_EXCEEDED", 1)
    *_, registered, refused = await limited.service.trail()
    assert answer["data"] == {"one": {"receipt": {"seq": registered["seq"]}}, "two": None}
    assert (registered["outcome"], refused["outcome"]) == ("success", "failure")
    facts = refused["details"]["facts"]
    assert (facts["code"], facts["limit"]) == ("LIMIT_EXCEEDED", 1)
    found = await limited.service.ask('{ one: stakeholder(userId: "xena") { name } two: stakeholder(userId: "yuri") { name } }')
    assert found == {"one": {"name": "xena"}, "two": None}


FILTERED = "query($f: ModelVersionFilter) { modelVersions(filter: $f) { totalCount } }"
LEAF: dict[str, Any] = {"ownerId": {"eq": "alice"}}


def leaves(times: int) -> dict[str, Any]:
    return {"or": [LEAF] * times}


def within_models(values: int, models: int = 50) -> str:
    ids = ", ".join('"x"' for _ in range(values))
    inner = f"versions(first: 1, filter: {{ownerId: {{in: [{ids}]}}}}) {{ totalCount }}"
    return f"{{ models(first: {models}) {{ nodes {{ {inner} }} }} }}"


CONDITIONS: dict[str, tuple[str, Any, str, Any, int]] = {
    "in a variable": (FILTERED, {"or": [leaves(150), leaves(30)]}, FILTERED, {"or": [leaves(200)] * 3}, 501),
    "in the elements of lists": (
        FILTERED, {"or": [{"ownerId": {"in": ["x"] * 125}}] * 4}, FILTERED, {"or": [{"ownerId": {"in": ["x"] * 167}}] * 3}, 501,
    ),
    "below a page": (within_models(10), None, within_models(11), None, 550),
    "below a page of 20": (
        "{ models { nodes { versions(filter: {ownerId: {eq: \"x\"}}) { totalCount } } } }", None,
        within_models(26).replace("(first: 50)", ""), None, 520,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fits", "filter", "beyond", "heavier", "size"), CONDITIONS.values(), ids=CONDITIONS)
async def test_the_values_that_filters_compare_with_are_counted(
    watched: Watched, fits: str, filter: Any, beyond: str, heavier: Any, size: int
) -> None:
    assert "errors" not in await watched.said(fits.replace("(first: 1,", "(first: 0,"), {"f": filter})
    for _ in range(2):
        refused = await watched.refusal(beyond, {"f": heavier})
        assert (refused["code"], refused["limit"], refused["size"]) == ("LIMIT_EXCEEDED", 500, size)


async def test_a_variable_counts_wherever_a_filter_has_it(watched: Watched) -> None:
    twice = """query($f: ModelVersionFilter!) { one: modelVersions(filter: {and: [$f]}) { totalCount } ...A }
        fragment A on Query { two: modelVersions(filter: {not: {or: [$f, $f]}}) { totalCount } }"""
    assert "errors" not in await watched.said(twice, {"f": leaves(166)})
    assert (await watched.refusal(twice, {"f": leaves(167)}))["size"] == 501


async def test_a_filter_that_is_nested_too_deep_is_refused_by_its_depth(watched: Watched) -> None:
    deep = LEAF
    for _ in range(14):
        deep = {"not": deep}
    assert "errors" not in await watched.said(FILTERED, {"f": deep})
    refused = await watched.refusal(FILTERED, {"f": {"not": deep}})
    assert (refused["code"], refused["limit"], refused["size"]) == ("LIMIT_EXCEEDED", 16, 17)
    within = "query($f: ModelVersionFilter!) { modelVersions(filter: {not: $f}) { totalCount } }"
    assert (await watched.refusal(within, {"f": deep}))["size"] == 17


HEAVY = {
    "6,000 conditions": {"or": [leaves(200)] * 30},
    "one list of 100,000": {"or": [LEAF] * 100_000},
    "lists in lists": {"or": [{"or": [{"or": [LEAF] * 20}] * 20}] * 20},
    "objects in objects": {"and": [{"not": {"not": {"not": {"not": LEAF}}}}] * 5_000},
    "empty objects": {"or": [{"ownerId": {}}] * 10_000},
}


@pytest.mark.parametrize("filter", HEAVY.values(), ids=HEAVY)
async def test_a_heavy_filter_is_refused_before_anything_of_it_is_read(watched: Watched, filter: dict[str, Any]) -> None:
    known = build_schema().texts.known(FILTERED)
    known.judge(build_schema()._schema, (), Limits())
    begun = time.process_time()
    with pytest.raises(LimitExceeded):
        known.costs[None].conditions({"f": filter}, 500)
    assert time.process_time() - begun < 0.02
    assert (await watched.refusal(FILTERED, {"f": filter}))["code"] == "LIMIT_EXCEEDED"


async def test_what_a_filter_may_ask_is_a_setting(bounded: Limited) -> None:
    refused = await bounded.said(FILTERED, ALICE, f=leaves(4))
    assert refused["errors"][0]["extensions"].items() >= {"code": "LIMIT_EXCEEDED", "size": 4, "limit": 3}.items()
    assert "errors" not in await bounded.said(FILTERED.replace("filter: $f", "first: 1, filter: $f"), ALICE, f=leaves(3))


async def test_the_filter_of_a_subscription_is_counted_too(watched: Watched) -> None:
    told = "subscription($f: AuditEventFilter) { auditEvents(filter: $f) { seq } }"
    heavy = {"or": [{"or": [{"action": {"eq": "x"}}] * 200}] * 3}
    headers = {"authorization": f"Bearer {AUDREY.token}", "accept": "text/event-stream"}
    sent = {"query": told, "variables": {"f": heavy}}
    answer = await watched.service.http.post("/graphql", json=sent, headers=headers)
    assert '"code":"LIMIT_EXCEEDED"' in answer.text.replace(" ", "") and '"limit":500' in answer.text.replace(" ", "")
