"""GraphQL over HTTP: who is served what, under which status, in which media type."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Message

from gql import http
from gql.app import create_app
from gql.http import GRAPHQL, JSON, accepted
from tests.bodies import ACCEPTED, ASKED, FAULTY, VIEWER
from tests.examples import BOT, REGISTRATION, register
from tests.service import ALICE, CAROL, Service, mutating

SIGNED_IN = {"authorization": f"Bearer {ALICE.token}"}


@pytest.fixture(scope="module")
async def web(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    with service.database.bound():
        await register(service)
        yield service
    await service.close()


async def sent(web: Service, content: Any, accept: str = GRAPHQL, **headers: str) -> httpx.Response:
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return await web.http.post(
        "/graphql", content=content, headers=SIGNED_IN | {"content-type": JSON, "accept": accept} | headers
    )


def said(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of a request that did not come to execution."""
    assert "data" not in answer.json()
    (error,) = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"]


@pytest.mark.parametrize(("content", "status", "legacy"), ASKED.values(), ids=ASKED)
async def test_the_status_tells_how_far_a_request_came(web: Service, content: Any, status: int, legacy: int) -> None:
    for accept, expected in ((GRAPHQL, status), (JSON, legacy)):
        answer = await sent(web, content, accept)
        assert answer.status_code == expected, answer.text
        assert answer.headers["content-type"] == f"{accept}; charset=utf-8"
        executed = status in {200, 294}
        assert ("data" in answer.json()) == executed and ("errors" in answer.json()) == (status != 200)
        assert all(each["extensions"]["code"] for each in answer.json().get("errors", ()))


@pytest.mark.parametrize(("ranges", "media"), ACCEPTED.items())
def test_the_media_type_is_the_one_preferred_of_ours(ranges: str, media: str | None) -> None:
    assert accepted(ranges) == media


async def test_whoever_takes_neither_media_type_is_told_in_json(web: Service) -> None:
    answer = await sent(web, {"query": VIEWER}, "text/html")
    assert said(answer) == (406, "INVALID_INPUT") and answer.headers["content-type"].startswith(JSON)


@pytest.mark.parametrize("media", ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"])
async def test_a_body_of_another_media_type_is_not_read(web: Service, media: str) -> None:
    assert said(await sent(web, {"query": VIEWER}, **{"content-type": media})) == (415, "INVALID_INPUT")


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"'])
async def test_the_media_type_of_a_body_may_say_utf_8(web: Service, media: str) -> None:
    assert (await sent(web, {"query": VIEWER}, **{"content-type": media})).status_code == 200


async def got(web: Service, **parameters: str) -> httpx.Response:
    return await web.http.get("/graphql", params=parameters, headers=SIGNED_IN | {"accept": GRAPHQL})


async def test_a_query_may_come_by_get(web: Service) -> None:
    query = "query a($first: Int) { models(first: $first) { totalCount } } query b { viewer { id } }"
    answer = await got(web, query=query, operationName="a", variables='{"first": 1}', extensions="")
    assert (answer.status_code, answer.json()) == (200, {"data": {"models": {"totalCount": 1}}})
    assert said(await got(web, query=query, operationName="a", variables="{")) == (400, "INVALID_INPUT")
    assert said(await got(web, query=query, operationName="a", variables="[]")) == (422, "INVALID_INPUT")
    assert said(await got(web, operationName="a")) == (422, "INVALID_INPUT")


async def test_a_mutation_may_not_nor_may_another_method(web: Service) -> None:
    stored = await web.state()
    answer = await got(web, query=f'mutation {{ retireModelVersion(input: {{modelId: "{BOT["modelId"]}"}}) {{ __typename }} }}')
    assert (*said(answer), answer.headers["allow"]) == (405, "INVALID_INPUT", "POST")
    for method in ("PUT", "DELETE", "OPTIONS"):
        answer = await web.http.request(method, "/graphql", json={"query": VIEWER}, headers=SIGNED_IN)
        assert (*said(answer), answer.headers["allow"]) == (405, "INVALID_INPUT", "GET, POST")
    assert await web.state() == stored


async def test_an_operator_can_turn_get_and_introspection_off(web: Service) -> None:
    settings = web.settings.model_copy(update={"allow_get": False, "allow_introspection": False})
    app = create_app(settings, lambda: web.now, web.database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=SIGNED_IN) as shut:
        answer = await shut.get("/graphql", params={"query": VIEWER})
        assert (*said(answer), answer.headers["allow"]) == (405, "INVALID_INPUT", "POST")
        answer = await shut.post("/graphql", json={"query": "{ __schema { __typename } }"}, headers={"accept": GRAPHQL})
        assert said(answer) == (422, "INVALID_INPUT")
        assert (await shut.post("/graphql", json={"query": "{ __typename }"})).json() == {"data": {"__typename": "Query"}}


async def test_what_is_too_large_is_not_read(web: Service) -> None:
    assert said(await sent(web, b" " * (web.settings.limit_body + 1))) == (413, "LIMIT_EXCEEDED")
    assert said(await got(web, query=VIEWER + " " * http.URL_BYTES)) == (414, "LIMIT_EXCEEDED")
    assert said(await sent(web, {"query": VIEWER}, **{"x-long": "x" * http.HEADER_BYTES})) == (431, "LIMIT_EXCEEDED")


async def test_a_body_that_does_not_arrive_is_not_waited_for(web: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PATIENCE", 0.01)

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"query": '
        await asyncio.sleep(60)

    answer = await web.http.post("/graphql", content=slowly(), headers=SIGNED_IN | {"content-type": JSON})
    assert said(answer) == (408, "LIMIT_EXCEEDED")


async def test_whoever_hangs_up_before_the_end_of_the_body_is_not_answered(web: Service) -> None:
    answers: list[Message] = []
    arriving = iter([{"type": "http.request", "body": b'{"query": "{ viewer { id } }"}', "more_body": True}])

    async def receive() -> Message:
        return next(arriving, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        answers.append(message)

    headers = [(name.encode(), value.encode()) for name, value in (SIGNED_IN | {"content-type": JSON}).items()]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    await web.app(scope, receive, send)
    assert answers == []


async def test_who_is_not_signed_in_hears_nothing_else(web: Service) -> None:
    answer = await web.http.request("PUT", "/graphql", content=b"{", headers={"accept": GRAPHQL})
    assert (*said(answer), answer.headers["www-authenticate"]) == (401, "UNAUTHENTICATED", "Bearer")


async def test_what_goes_wrong_before_execution_is_hidden_and_named(web: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("/secret/path")

    monkeypatch.setattr(http, "get_operation_ast", fail)
    answer = await sent(web, {"query": VIEWER})
    assert said(answer) == (500, "INTERNAL") and "secret" not in answer.text


async def test_what_is_wrong_in_one_place_is_an_error_beside_the_data(web: Service) -> None:
    answer = await web.http.post(
        "/graphql", json={"query": FAULTY}, headers={"authorization": f"Bearer {CAROL.token}", "accept": GRAPHQL}
    )
    assert answer.status_code == 294 and answer.json()["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    assert answer.json()["data"] == {"viewer": {"id": "carol"}, "nodes": [None]}


async def test_what_a_server_has_no_time_to_answer_is_told_so_and_done(web: Service) -> None:
    asked = {"query": mutating("registerModel", ""), "variables": {"input": REGISTRATION | {"modelId": "late"}}}
    body: list[Message] = [{"type": "http.request", "body": json.dumps(asked).encode()}]
    headers = [(name.encode(), text.encode()) for name, text in (SIGNED_IN | {"content-type": JSON}).items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": headers,
        "client": ("192.0.2.1", 9),
    }
    sent = list[Message]()

    async def receive() -> Message:
        return body.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    async with web.database.transactions.turn:
        answering = asyncio.create_task(web.app(scope, receive, send))
        while not web.database.transactions.turn._waiters:  # noqa: ASYNC110  a lock tells nobody that somebody waits
            await asyncio.sleep(0)
        answering.cancel()
        await asyncio.wait([answering])
    start, answer = sent
    assert start["status"] == 503 and (b"retry-after", b"2") in start["headers"]
    (error,) = json.loads(answer["body"])["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    async with web.database.transactions.turn:  # after whoever waited
        assert (await web.ask('{ model(modelId: "late") { name } }'))["model"]
