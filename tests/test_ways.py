"""A query takes a short way or the long one; whoever sent it cannot tell by any byte which one it was."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from gql.app import create_app
from gql.encoding import encoded
from gql.http import GRAPHQL, JSON, URL_BYTES
from gql.settings import Settings
from gql.shortway import ShortWay
from tests.bodies import ACCEPTED, ASKED, FAULTY, VIEWER
from tests.example_files import EXAMPLES, example, happened, variables_of
from tests.examples import BOT
from tests.service import ADA, ALICE, AUDREY, SETTINGS, Person, Service

ORIGIN = "https://desk.example.org"
HARDENED = {"hardened": True, "security_headers": True, "allowed_origins": ORIGIN}
MODELS = "query Models($first: Int = 3) { models(first: $first) { totalCount nodes { modelId name owner { name } } } }"
ONE = "query($id: String!) { model(modelId: $id) { name } }"
FREE = "query($input: ModelVersionFilter!) { modelVersions(filter: $input) { totalCount } }"


@dataclass
class Ways:
    """Two clients of one database: requests of the one take the short way wherever they can, those of the other never do."""

    short: httpx.AsyncClient
    long: httpx.AsyncClient
    shortly: list[str] = field(default_factory=list)
    """The texts that took the short way."""

    async def same(self, method: str, url: str, **sent: Any) -> httpx.Response:
        """The answer by both ways, each asked twice, so that the text is known."""
        answers = [await each.request(method, url, **sent) for each in (self.long, self.short) * 2]
        first = said(answers[0])
        for each in answers[1:]:
            assert said(each) == first
        return answers[-1]

    async def post(self, content: Any, by: Person | None = ALICE, **headers: str) -> httpx.Response:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        own = {"authorization": f"Bearer {by.token}"} if by else {}
        return await self.same("POST", "/graphql", content=body, headers={"content-type": JSON} | own | headers)


def said(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """Everything that a client sees but for the number of the request."""
    return answer.status_code, [each for each in answer.headers.multi_items() if each[0] != "x-request-id"], answer.content


@pytest.fixture(scope="module")
async def served(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    with service.database.bound():
        await happened(service)
        yield service
    await service.close()


@pytest.fixture(params=["open", "hardened"])
async def ways(served: Service, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ways]:
    changed = HARDENED if request.param == "hardened" else {"allowed_origins": ORIGIN}
    given = {name: getattr(served.settings, name) for name in SETTINGS.model_fields_set} | changed
    async with AsyncExitStack() as stack:
        clients = list[httpx.AsyncClient]()
        for short in (True, False):
            app = create_app(Settings(**given), lambda: served.now, served.database, short=short)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.1", 9))
            clients.append(await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="https://test")))
        found = Ways(clients[0], clients[1])
        result = ShortWay.result

        async def noted(self: ShortWay, text: str, *said: Any) -> Any:
            answer = await result(self, text, *said)
            found.shortly += [text] * (answer is not None)
            return answer

        monkeypatch.setattr(ShortWay, "result", noted)
        yield found


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.graphql")))
async def test_every_example_is_answered_alike(ways: Ways, name: str) -> None:
    text, variables = example(name), variables_of(EXAMPLES / f"{name}.graphql")
    for accept in (JSON, GRAPHQL):
        answer = await ways.post({"query": text, "variables": variables}, accept=accept)
        assert answer.status_code == 200 and "errors" not in answer.json()
    assert ways.shortly.count(text) == 4, "it was known, since the long way had asked it first"


@pytest.mark.parametrize("content", [each for each, _, _ in ASKED.values()], ids=ASKED)
async def test_whatever_is_asked_is_answered_alike(ways: Ways, content: Any) -> None:
    for accept in (JSON, GRAPHQL):
        await ways.post(content, accept=accept)


@pytest.mark.parametrize("accept", [*ACCEPTED, "text/event-stream", "text/event-stream, application/json", "*/*;q=0, text/html"])
async def test_whatever_is_accepted_is_answered_alike(ways: Ways, accept: str) -> None:
    if accept != "text/event-stream":  # which does not end
        await ways.post({"query": VIEWER}, accept=accept)
    await ways.post({"query": FAULTY}, accept=accept if "event" not in accept else JSON)


OTHERWISE: Mapping[str, Any] = {
    "a wrong token": {"headers": {"authorization": f"Bearer mag_alice_{'t' * 43}"}},
    "no token": {"headers": {}},
    "another scheme": {"headers": {"authorization": "Basic eDp5"}},
    "two headers of one name": {
        "headers": [("authorization", f"Bearer {ALICE.token}"), ("authorization", "x"), ("accept", GRAPHQL), ("accept", JSON)]
    },
    "a cookie that is no session": {"headers": {"cookie": "__Host-magistrate=mag_x_" + "y" * 43, "origin": "https://test"}},
    "a cookie from another site": {"headers": {"cookie": f"__Host-magistrate={ALICE.token}", "origin": "https://evil.example"}},
    "a page of a listed origin": {"headers": {"authorization": f"Bearer {ALICE.token}", "origin": ORIGIN}},
    "a page of another origin": {"headers": {"authorization": f"Bearer {ALICE.token}", "origin": "https://evil.example"}},
    "its cost": {"headers": {"authorization": f"Bearer {ALICE.token}", "x-magistrate-cost": "true"}},
    "the type of another body": {"headers": {"authorization": f"Bearer {ALICE.token}", "content-type": "text/plain"}},
    "its encoding": {
        "headers": {"authorization": f"Bearer {ALICE.token}", "content-type": 'Application/JSON; Charset="UTF-8"'}
    },
    "another encoding": {
        "headers": {"authorization": f"Bearer {ALICE.token}", "content-type": "application/json; charset=latin-1"}
    },
    "too large a header": {"headers": {"authorization": f"Bearer {ALICE.token}", "x-large": "x" * 20_000}},
}  # fmt: skip


@pytest.mark.parametrize("sent", OTHERWISE.values(), ids=OTHERWISE)
async def test_whoever_asks_and_by_whatever_headers_is_answered_alike(ways: Ways, sent: Any) -> None:
    headers = sent["headers"]
    named = {name for name, _ in (headers.items() if isinstance(headers, dict) else headers)}
    own = [*(headers.items() if isinstance(headers, dict) else headers)]
    own += [] if "content-type" in named else [("content-type", JSON)]
    for query in (MODELS, VIEWER, FAULTY):
        await ways.same("POST", "/graphql", content=json.dumps({"query": query}).encode(), headers=own)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method_is_answered_alike(ways: Ways, method: str) -> None:
    for query in (MODELS, FAULTY, "mutation { __typename }", "{"):
        await ways.same(method, "/graphql", params={"query": query}, headers={"authorization": f"Bearer {ALICE.token}"})
    await ways.same(method, "/graphql", headers={"origin": ORIGIN, "access-control-request-method": "POST"})


URLS = ["/graphql/", "/graphql?query=x", "/Graphql", "//graphql", "/graphql%2f", "/graphql?" + "x" * URL_BYTES]


@pytest.mark.parametrize("url", URLS, ids=[each[:20] for each in URLS])
async def test_another_url_is_answered_alike(ways: Ways, url: str) -> None:
    await ways.same("POST", url, json={"query": VIEWER}, headers={"authorization": f"Bearer {ALICE.token}"})


BODIES: Mapping[str, Any] = {
    "a batch": [{"query": VIEWER}, {"query": VIEWER}],
    "nothing": b"",
    "no UTF-8": b'{"query": "{ viewer { id } } #\xff"}',
    "a mark of the order of bytes": b"\xef\xbb\xbf" + json.dumps({"query": VIEWER}).encode(),
    "not a number": b'{"query": "query($first: Int) { models(first: $first) { totalCount } }", "variables": {"first": NaN}}',
    "an unpaired surrogate": b'{"query": "{ model(modelId: \\"\\ud800\\") { name } }"}',
    "an unpaired surrogate in a variable": (
        b'{"query": "query($id: String!) { model(modelId: $id) { name } }", "variables": {"id": "\\udc00"}}'
    ),
    "a name twice": b'{"query": "{", "query": "{ viewer { id } }"}',
    "a huge number": {"query": MODELS, "variables": {"first": 10**40}},
    "a huge float": b'{"query": "query($first: Int) { models(first: $first) { totalCount } }", "variables": {"first": 1e400}}',
    "beyond ASCII": {"query": f"{ONE} # \u00e9\U0001f600", "variables": {"id": "\u00fc"}},
    "a page that is too large": {"query": MODELS, "variables": {"first": 1_000}},
    "too many records": {
        "query": "query($n: Int) { models(first: $n) { nodes { versions(first: $n) { nodes { version } } } } }",
        "variables": {"n": 100},
    },
    "too many conditions": {"query": FREE, "variables": {"input": {"modelId": {"in": ["x"] * 900}}}},
    "a variable of another kind": {"query": FREE, "variables": {"input": {"modelId": 1}}},
    "an unknown operator": {"query": FREE, "variables": {"input": {"modelId": {"$gt": ""}}}},
    "what the caller may not read": {"query": "{ auditEvents { totalCount } viewer { id } }"},
    "what the caller may not read, by two names": {"query": "{ a: auditEvents { totalCount } apiTokens { totalCount } }"},
    "the schema": {"query": "{ __schema { queryType { name } } }"},
    "the name of a type": {"query": "{ __typename viewer { __typename } }"},
    "directives": {
        "query": "query($y: Boolean!) { viewer { id @skip(if: $y) mutations @include(if: $y) } }",
        "variables": {"y": True},
    },
    "a default": {"query": MODELS},
    "a variable that nobody asks for": {"query": MODELS, "variables": {"first": None, "other": {"x": [1, None]}}},
    "a large text": {"query": VIEWER + " " * 500_000},
    "too large a text": {"query": VIEWER + " " * 1_100_000},
    "too many values": {"query": VIEWER, "variables": {"x": [0] * 20_000}},
    "extensions": {"query": VIEWER, "extensions": {"persistedQuery": {"version": 1}}},
    "a named one of two": {"query": "query a { __typename } query b { viewer { id } }", "operationName": "b"},
    "an empty name": {"query": "query a { __typename }", "operationName": ""},
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_body_is_answered_alike(ways: Ways, body: Any) -> None:
    for accept in (JSON, GRAPHQL):
        for by in (ALICE, AUDREY):
            await ways.post(body, by, accept=accept)


async def test_a_body_in_parts_is_answered_alike(ways: Ways) -> None:
    body = json.dumps({"query": MODELS}).encode()

    async def parts() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 10):
            yield body[at : at + 10]

    headers = {"authorization": f"Bearer {ALICE.token}", "content-type": JSON}
    answers = [await each.post("/graphql", content=parts(), headers=headers) for each in (ways.long, ways.short) * 2]
    assert len({str(said(each)) for each in answers}) == 1 and answers[0].status_code == 200


async def test_a_file_is_answered_alike(ways: Ways) -> None:
    sent = {"operations": json.dumps({"query": VIEWER}), "map": "{}"}
    answer = await ways.same("POST", "/graphql", data=sent, headers={"authorization": f"Bearer {ALICE.token}"})
    assert answer.status_code == 415


async def test_a_denied_field_is_told_by_either_way(ways: Ways, served: Service) -> None:
    query = "{ first: auditEvents { totalCount } again: auditEvents { totalCount } }"
    await ways.post({"query": query})
    for client in (ways.long, ways.short):
        seen = await served.size()
        await client.post("/graphql", json={"query": query}, headers={"authorization": f"Bearer {ALICE.token}"})
        (event,) = await served.trail(seen)
        assert (event["action"], event["outcome"], event["actor"]["id"]) == ("auditEvents", "denied", ALICE.id)
    assert query in ways.shortly


async def test_nobody_asks_by_the_short_way_what_is_another_operation(ways: Ways) -> None:
    """Mutations, subscriptions and what is asked of the schema are left to the schema, and so is what is not valid."""
    for query in ("mutation { __typename }", "{ __schema { queryType { name } } }", "{ nothing }", "{", "subscription { a }"):
        await ways.post({"query": query}, ADA)
        assert query not in ways.shortly


ANSWERS: Mapping[str, tuple[Any, bytes]] = {
    "beyond ASCII": ("\u00e9\U0001f600\u2028", '"\u00e9\U0001f600\u2028"'.encode()),
    "control characters": ("\x00\x1f\x7f\n", b'"\\u0000\\u001f\x7f\\n"'),
    "floats": ([0.1, 1.0, 1e-7, 123456789.123], b"[0.1,1.0,1e-7,123456789.123]"),
    "an unpaired surrogate": (["\ud800", "\u00e9"], b'["\\ud800","\\u00e9"]'),
    "an integer beyond 64 bits": ([2**64, 1], b"[18446744073709551616,1]"),
    "what is nested deeply": ([[]], b"[[]]"),
}


def test_an_answer_is_spelled_so() -> None:
    for value, spelled in ANSWERS.values():
        assert encoded(value) == spelled and json.loads(spelled) == value
    nested: Any = 1
    for _ in range(400):
        nested = [nested]
    assert json.loads(encoded(nested)) == nested


def test_a_moment_is_a_text_or_a_fault() -> None:
    for each in (datetime.now(UTC), date(2026, 3, 1), {1, 2}, BOT.items()):
        with pytest.raises(TypeError):
            encoded({"at": each})
