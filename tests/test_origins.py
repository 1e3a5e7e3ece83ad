"""Pages of listed origins may ask from a browser, read every answer whoever gave it, and are signed in by their token alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gql import app as app_module
from gql.app import create_app
from gql.faults import SettingRefused
from gql.http import HEADER_BYTES
from gql.settings import read_settings
from tests.chromium import PATIENCE, browsing, with_chromium
from tests.service import ALICE, Service
from tests.sockets import listening, served

LISTED, OTHER = "https://desk.example.org", "https://evil.example.org"
SIGNED_IN = {"authorization": f"Bearer {ALICE.token}"}
VIEWER = {"query": "{ viewer { id } }"}
EXPOSED = "Retry-After, X-Request-Id, WWW-Authenticate, Allow"
# What Apollo Client, urql, Relay, graphql-sse and tracing send along.
SENT = (
    "authorization, content-type, accept, idempotency-key, x-magistrate-cost, last-event-id, traceparent, tracestate, baggage, "
    "apollo-require-preflight, apollographql-client-name, apollographql-client-version, x-apollo-operation-name, "
    "x-graphql-event-stream-token, cache-control"
)
ASKING = {"access-control-request-method": "POST", "access-control-request-headers": SENT}


@pytest.fixture
async def web(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    settings = service.settings.model_copy(update={"allowed_origins": (LISTED,), "limit_body": 2_000})
    app = create_app(settings, lambda: service.now, service.database)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as web:
        yield web


def readable(answer: httpx.Response) -> bool:
    """Whether the page of the listed origin may read the answer, and what it needs of its headers."""
    headers = answer.headers
    told = (headers["access-control-allow-origin"], headers["access-control-expose-headers"]) == (LISTED, EXPOSED)
    return told and "origin" in headers["vary"].lower() and "access-control-allow-credentials" not in headers


def closed(answer: httpx.Response) -> bool:
    return not any(each.startswith("access-control") for each in answer.headers) and "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_preflight_is_answered_without_a_token_and_leaves_no_event(
    service: Service, web: httpx.AsyncClient, method: str
) -> None:
    size = await service.size()
    headers = ASKING | {
        "origin": LISTED,
        "access-control-request-method": method,
        "access-control-request-private-network": "true",
    }
    answer = await web.options("/graphql", headers=headers)
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == LISTED
    assert answer.headers["access-control-allow-headers"] == SENT
    assert method in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-max-age"] == "7200" and "Origin" in answer.headers["vary"]
    assert answer.headers["access-control-allow-private-network"] == "true"
    refused = await web.options("/graphql", headers=headers | {"origin": OTHER})
    assert refused.status_code == 403 and closed(refused)
    assert await service.size() == size


async def sent(web: httpx.AsyncClient, name: str, origin: str) -> httpx.Response:
    to, headers = "/graphql", SIGNED_IN | {"origin": origin}
    match name:
        case "200 POST":
            return await web.post(to, json=VIEWER, headers=headers)
        case "200 GET":
            return await web.get(to, params=VIEWER, headers=headers)
        case "401":
            return await web.post(to, json=VIEWER, headers={"origin": origin})
        case "404":
            return await web.get("/nothing", headers=headers)
        case "405":
            return await web.put(to, json=VIEWER, headers=headers)
        case "406":
            return await web.post(to, json=VIEWER, headers=headers | {"accept": "text/plain"})
        case "413":
            return await web.post(to, json=VIEWER | {"more": "x" * 2_000}, headers=headers)
        case "415":
            return await web.post(to, content=b"x", headers=headers)
        case "431":
            return await web.post(to, json=VIEWER, headers=headers | {"x-long": "x" * HEADER_BYTES})
    return await web.get("/healthz", headers=headers)


ANSWERS = ["200 POST", "200 GET", "401", "404", "405", "406", "413", "415", "431", "200 /healthz"]


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_answer_can_be_read_from_there_and_from_nowhere_else(web: httpx.AsyncClient, name: str) -> None:
    answer = await sent(web, name, LISTED)
    assert answer.status_code == int(name[:3]) and readable(answer)
    assert closed(await sent(web, name, OTHER))


async def test_so_can_what_nobody_foresaw(web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(app_module, "standing", fail)
    answer = await web.get("/readyz", headers={"origin": LISTED})
    assert answer.status_code == 500 and readable(answer)


async def test_each_answer_has_an_id_and_the_trail_tells_it(service: Service, web: httpx.AsyncClient) -> None:
    mutation = "mutation($input: RetireModelVersionInput!) { retireModelVersion(input: $input) { receipt { seq } } }"
    variables = {"input": {"modelId": "none", "version": "1.0.0", "reason": "x"}}
    answers = [await web.post("/graphql", json={"query": mutation, "variables": variables}, headers=SIGNED_IN) for _ in range(2)]
    names = [each.headers["x-request-id"] for each in answers]
    assert len({*names}) == 2
    assert [each["request"]["id"] for each in await service.trail(await service.size() - 2)] == names


async def test_without_the_setting_no_page_may(service: Service) -> None:
    assert (await service.http.options("/graphql", headers=ASKING | {"origin": LISTED})).status_code == 403
    assert closed(await service.http.post("/graphql", json=VIEWER, headers=SIGNED_IN | {"origin": LISTED}))


TOLD: dict[str, Any] = {
    "modelId": "told",
    "version": "1.0.0",
    "name": "X",
    "purpose": "Y",
    "ownerId": "alice",
    "dataStewardId": "bob",
}
PAGE = """<!doctype html><script type="module">
const url = URL, authorization = 'Bearer TOKEN', type = { 'content-type': 'application/json' }
const query = '{ viewer { id } }', said = {}

async function tried(name, work) {
  try { said[name] = await work() } catch (error) { said[name] = String(error) }
}
const read = async (answer) => [answer.status, (await answer.json()).data ?? 'refused', !!answer.headers.get('x-request-id')]

await tried('post', async () => read(await fetch(url, {
  method: 'POST', body: JSON.stringify({ query }),
  headers: { ...type, authorization, 'idempotency-key': 'k', 'x-magistrate-cost': 'true', traceparent: 't', 'apollographql-client-name': 'c' },
})))
await tried('get', async () => read(await fetch(`${url}?query=${encodeURIComponent(query)}`, { headers: { authorization } })))
await tried('refused', async () => {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify({ query }), headers: { ...type, authorization: 'Bearer x' } })
  return [...await read(answer), answer.headers.get('www-authenticate')]
})
await tried('too large', async () => read(await fetch(url, {
  method: 'POST', body: JSON.stringify({ query, more: 'x'.repeat(2000) }), headers: { ...type, authorization },
})))
await tried('limited', async () => {
  for (let each = 0; each < 40; each++) {
    const answer = await fetch(url, { method: 'POST', body: '{}', headers: { ...type, authorization: 'Bearer y' } })
    if (answer.status === 429) return [429, answer.headers.get('retry-after')]
  }
})
await tried('events', async () => {
  const subscription = 'subscription { modelVersionChanged(modelId: "told") { version } }'
  const answer = await fetch(url, {
    method: 'POST', body: JSON.stringify({ query: subscription }), headers: { ...type, authorization, accept: 'text/event-stream' },
  })
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  let heard = ''
  for (;;) {
    const { value, done } = await reader.read()
    heard += value ?? ''
    await fetch('/heard', { method: 'POST' })
    const found = heard.match(/data: (\\{"data".*)/)
    if (found || done) return [answer.status, answer.headers.get('content-type'), found && JSON.parse(found[1]).data]
  }
})
await fetch('/said', { method: 'POST', body: JSON.stringify(said) })
</script>"""  # noqa: E501  the page is JavaScript


class Desk:
    """A page of another origin, and what it reports."""

    def __init__(self) -> None:
        self.page, self.said = "", asyncio.Queue[Any]()
        self.heard = asyncio.Event()

    def app(self) -> Starlette:
        async def page(request: Request) -> Response:
            return HTMLResponse(self.page)

        async def heard(request: Request) -> Response:
            self.heard.set()
            return Response()

        async def said(request: Request) -> Response:
            self.said.put_nowait(json.loads(await request.body()))
            return Response()

        return Starlette(
            routes=[Route("/", page), Route("/heard", heard, methods=["POST"]), Route("/said", said, methods=["POST"])]
        )


@asynccontextmanager
async def desk() -> AsyncIterator[tuple[Desk, str]]:
    opened = Desk()
    server = uvicorn.Server(uvicorn.Config(opened.app(), port=0, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  nothing tells when it has
        await asyncio.sleep(0.01)
    yield opened, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = server.force_exit = True
    await serving


@with_chromium
async def test_chromium_lets_a_page_of_a_listed_origin_ask(service: Service, tmp_path: Path) -> None:
    async with desk() as (opened, origin):
        settings = service.settings.model_copy(update={"allowed_origins": (origin,), "limit_body": 2_000})
        service.app = create_app(settings, lambda: service.now, service.database)
        async with served(service) as address:
            opened.page = PAGE.replace("URL", json.dumps(f"http://{address}"), 1).replace("TOKEN", ALICE.token)
            async with browsing(origin, tmp_path), asyncio.timeout(PATIENCE):
                await opened.heard.wait()  # the heartbeat with which the events begin
                await listening(service, "model_versions")
                await service.do("registerModel", **TOLD)
                said = await opened.said.get()
    viewer = {"viewer": {"id": "alice"}}
    assert said.pop("events") == [200, "text/event-stream", {"modelVersionChanged": {"version": "1.0.0"}}]
    assert said == {
        "post": [200, viewer, True],
        "get": [200, viewer, True],
        "refused": [401, "refused", True, "Bearer"],
        "too large": [413, "refused", True],
        "limited": [429, "60"],
    }


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("HTTPS://Desk.Example.org:443", (LISTED,)),
        ("http://desk.example.org:80, https://[::1]:8443", ("http://desk.example.org", "https://[::1]:8443")),
        ("https://desk.example.org:80", ("https://desk.example.org:80",)),
        ("HTTP://[::1]:3000", ("http://[::1]:3000",)),
    ],
)
def test_an_origin_is_listed_as_browsers_send_it(monkeypatch: pytest.MonkeyPatch, said: str, kept: tuple[str, ...]) -> None:
    monkeypatch.setenv("MAGISTRATE_ALLOWED_ORIGINS", said)
    assert read_settings().allowed_origins == kept


@pytest.mark.parametrize(
    "said",
    [
        "null",
        "*",
        "https://desk.example.org/",
        "https://*.example.org",
        "https://büro.example.org",
        "https://a b",
        "https://desk:",
        "//desk",
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("MAGISTRATE_ALLOWED_ORIGINS", said)
    with pytest.raises(SettingRefused):
        read_settings()
