"""What a server that is exposed leaves out, by one setting or one by one; and whose word it takes about who is asking."""

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gql import app as app_module
from gql.app import create_app
from gql.faults import SettingRefused
from gql.headers import HEADERS, HSTS
from gql.preflight import listen
from gql.proxies import Forwarded
from gql.settings import Settings, read_settings
from gql.supervisor import _warn_if_exposed
from tests.operated import END_WITHIN, Operated
from tests.service import ALICE, SETTINGS, Service
from tests.sockets import Socket, dial, served

PAGE, DESK = "https://models.example.org", "https://desk.example.org"
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
SIGNED_IN = {"authorization": f"Bearer {ALICE.token}"}
VIEWER = {"query": "{ viewer { id } }"}
NO_STORE = "no-store"


@asynccontextmanager
async def asking(
    service: Service, base: str = "http://test", peer: str = "192.0.2.1", **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service as it is with these settings, which are read as the environment is."""
    given = {name: getattr(service.settings, name) for name in SETTINGS.model_fields_set} | settings
    app = create_app(Settings(**given), lambda: service.now, service.database)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(peer, 9))
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=SIGNED_IN) as client:
        yield client


async def by_get(client: httpx.AsyncClient) -> bool:
    return (await client.get("/graphql", params=VIEWER)).status_code == 200


async def by_introspection(client: httpx.AsyncClient) -> bool:
    return "data" in (await client.post("/graphql", json={"query": "{ __schema { queryType { name } } }"})).json()


async def by_page(client: httpx.AsyncClient) -> bool:
    found = [await client.get(path, headers={"accept": BROWSER}) for path in ("/graphql", "/graphql/page.js")]
    return [each.status_code for each in found] == [200, 200]


async def by_suggestion(client: httpx.AsyncClient) -> bool:
    return "viewer" in (await client.post("/graphql", json={"query": "{ viewr { id } }"})).text


async def without_headers(client: httpx.AsyncClient) -> bool:
    return "cross-origin-opener-policy" not in (await client.post("/graphql", json=VIEWER)).headers


OPEN: dict[str, tuple[Callable[[httpx.AsyncClient], Any], bool]] = {
    "allow_get": (by_get, True),
    "allow_introspection": (by_introspection, True),
    "ide": (by_page, True),
    "suggestions": (by_suggestion, True),
    "security_headers": (without_headers, False),
}
"""What a server is open to, and how each setting has to be for it."""


async def opened(client: httpx.AsyncClient) -> set[str]:
    return {name for name, (does, _) in OPEN.items() if await does(client)}


async def test_hardened_closes_everything_and_nothing_is_closed_without_it(service: Service) -> None:
    async with asking(service) as client:
        assert await opened(client) == {*OPEN}
    async with asking(service, hardened=True) as client:
        assert await opened(client) == set()
        assert (await client.post("/graphql", json=VIEWER)).json() == {"data": {"viewer": {"id": "alice"}}}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", OPEN)
async def test_each_can_be_closed_alone_and_opened_in_a_hardened_server(service: Service, name: str) -> None:
    closed: dict[str, Any] = {name: not OPEN[name][1]}
    kept_open: dict[str, Any] = {name: OPEN[name][1]}
    async with asking(service, **closed) as client:
        assert await opened(client) == {*OPEN} - {name}
    async with asking(service, hardened=True, **kept_open) as client:
        assert await opened(client) == {name}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({}, (True, True, False, False)),
        ({"HARDENED": "true"}, (False, False, True, True)),
        ({"HARDENED": "true", "ALLOW_GET": "1", "SECURE_COOKIES": "false"}, (True, False, True, False)),
        ({"HARDENED": "false", "SUGGESTIONS": "false", "SECURE_COOKIES": "true"}, (True, False, False, True)),
        ({"HARDENED": "true", "SUGGESTIONS": ""}, (False, False, True, True)),
    ],
)
def test_a_setting_of_the_environment_wins_over_hardened(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], kept: tuple[bool, ...]
) -> None:
    for name, value in said.items():
        monkeypatch.setenv(f"MAGISTRATE_{name}", value)
    read = read_settings()
    assert (read.allow_get, read.suggestions, read.security_headers, read.secure_cookies) == kept


def test_a_wrong_value_of_hardened_is_told_as_that_of_hardened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGISTRATE_HARDENED", "perhaps")
    with pytest.raises(SettingRefused) as refused:
        read_settings()
    assert refused.value.variable == "MAGISTRATE_HARDENED"


REGISTER = "mutation($input: RegisterModelInput!) { registerModel(input: $input) { receipt { seq } } }"
GIVEN = dict.fromkeys(("modelId", "name", "version", "purpose", "ownerId", "dataStewardId"), "x")
FILTERED = "query($x: ModelFilter) { models(filter: $x) { totalCount } }"
WRONG: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "a field": ("{ models { nodes { nam } } }", {}, {"name", "Model"}),
    "a field of the root": ("{ modl(modelId: 1) { name } }", {}, {"model", "Query"}),
    "a field of another type": ("{ node(id: 1) { modelId } }", {}, {"Node", "ModelVersion"}),
    "an argument": ('{ model(modelID: "x") { name } }', {}, {"modelId"}),
    "no argument": ("{ model { name } }", {}, {"modelId"}),
    "no fields": ('{ model(modelId: "x") }', {}, {"Model"}),
    "fields of a moment": ("{ modelVersions { nodes { registeredAt { x } } } }", {}, {"DateTime"}),
    "a type": ("query($x: ModelFiltr) { models(filter: $x) { totalCount } }", {}, {"ModelFilter"}),
    "another type": ("query($x: DateTime) { models(filter: $x) { totalCount } }", {}, {"ModelFilter"}),
    "a type of a fragment": ("{ viewer { ... on Modell { id } } }", {}, {"Model"}),
    "a fragment of another type": ("{ viewer { ... on Model { name } } }", {}, {"Viewer"}),
    "a field of an input object": ('{ models(filter: {modelIdd: {eq: "x"}}) { totalCount } }', {}, {"modelId", "ModelFilter"}),
    "no input object": ("{ models(filter: 1) { totalCount } }", {}, {"ModelFilter"}),
    "no field of an input object": ('mutation { registerModel(input: {name: "x"}) { receipt { seq } } }', {}, {"dataStewardId"}),
    "a choice": ("{ models(orderBy: [{modelId: ASCC}]) { totalCount } }", {}, {"ASC"}),
    "a text for a choice": ('{ models(orderBy: [{modelId: "DESC"}]) { totalCount } }', {}, {"OrderDirection"}),
    "one of two": ('mutation { createChangeRequest(input: {mitigates: [{}]}) { receipt { seq } } }', {}, {"MitigatedInput"}),
    "a field of a variable": (REGISTER, {"input": {"modelid": "x"}}, {"modelId", "ownerId"}),
    "no field of a variable": (REGISTER, {"input": {"modelId": "x", "name": "x"}}, {"version", "purpose"}),
    "a choice of a variable": (REGISTER, {"input": GIVEN | {"tier": "TIER_1_CRITIC"}}, {"TIER_1_CRITICAL", "RiskTier"}),
    "a value of a variable": (FILTERED, {"x": {"modelId": 1}}, {"StringFilter"}),
    "a rule that proposes": ("{ modelVersions(filter: {ownerId: {eq: null}}) { totalCount } }", {}, {"isNull"}),
}  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize(("query", "variables", "names"), WRONG.values(), ids=WRONG)
async def test_without_suggestions_no_name_is_told_that_the_client_did_not_send(
    service: Service, query: str, variables: dict[str, Any], names: set[str]
) -> None:
    asked = {"query": query, "variables": variables}
    async with asking(service) as client:
        said = (await client.post("/graphql", json=asked)).json()["errors"]
        assert all(f"{name}" in str(said) for name in names), said
    async with asking(service, suggestions=False) as client:
        for text in (query, query + " " * 500):  # what is long is read in a thread
            found = (await client.post("/graphql", json=asked | {"query": text})).json()["errors"]
            words = {word for each in found for word in words_of(f"{each['message']} {each['extensions'].get('problem')}")}
            assert not words & names and "Did you mean" not in str(found), found
            assert [each["extensions"]["code"] for each in found] == ["INVALID_INPUT"] * len(said)
            assert [each.get("locations") for each in found] == [each.get("locations") for each in said]


def words_of(text: str) -> set[str]:
    return {*"".join(each if each.isalnum() or each == "_" else " " for each in text).split()}


async def test_what_the_client_sent_is_told_back(service: Service) -> None:
    async with asking(service, suggestions=False) as client:
        answer = await client.post("/graphql", json={"query": "{ models { nodes { nam } } }"})
        assert answer.json()["errors"][0]["message"] == "Cannot query field 'nam' on type '?'."
        answer = await client.post("/graphql", json={"query": "{ model { name } }"})
        assert answer.json()["errors"][0]["message"].startswith("Argument '?.model(?:)' of type 'String!' is required")


async def test_nor_over_a_websocket_or_by_events(service: Service) -> None:
    wrong = "subscription { modelVersionChange { version } }"
    for suggestions in (True, False):
        async with asking(service, suggestions=suggestions) as client:
            answer = await client.post("/graphql", json={"query": wrong}, headers={"accept": "text/event-stream"})
            assert "modelVersionChange'" in answer.text and ("modelVersionChanged" in answer.text) == suggestions
            service.app = client._transport.app  # type: ignore[attr-defined]
    async with served(service) as address, dial(address) as connection:
        socket = await Socket(connection).sign_in(ALICE)
        await socket.subscribe(wrong)
        said = json.dumps(await socket.heard())
        assert "modelVersionChange'" in said and "modelVersionChanged" not in said


async def sent(client: httpx.AsyncClient, name: str, **headers: str) -> httpx.Response:
    match name:
        case "401":
            return await client.post("/graphql", json=VIEWER, headers=headers | {"authorization": "Bearer x"})
        case "404":
            return await client.get("/nothing", headers=headers)
        case "405":
            return await client.put("/graphql", json=VIEWER, headers=headers)
        case "413":
            return await client.post("/graphql", json=VIEWER | {"more": "x" * 2_000}, headers=headers)
        case "415":
            return await client.post("/graphql", content=b"x", headers=headers)
        case "500":
            return await client.get("/readyz", headers=headers)
        case "403 preflight":
            return await client.options("/graphql", headers=headers | {"origin": PAGE, "access-control-request-method": "POST"})
        case "200 events":
            events = {"accept": "text/event-stream"}
            return await client.post("/graphql", json={"query": "subscription { x }"}, headers=headers | events)
        case "200 health":
            return await client.get("/healthz", headers=headers)
    return await client.post("/graphql", json=VIEWER, headers=headers)


ANSWERS = ["200", "200 events", "200 health", "401", "403 preflight", "404", "405", "413", "415", "500"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ANSWERS)
async def test_every_answer_has_the_headers_and_over_tls_that_of_tls(
    service: Service, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(app_module, "standing", fail)
    for base, hsts in (("http://test", None), ("https://test", HSTS)):
        async with asking(service, base, security_headers=True, limit_body=2_000, allowed_origins=DESK) as client:
            answer = await sent(client, name)
            assert answer.status_code == int(name[:3])
            assert {each: answer.headers.get(each) for each in HEADERS} == HEADERS
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert answer.headers["cache-control"] == NO_STORE
            assert answer.headers.get("strict-transport-security") == hsts


@pytest.mark.parametrize("name", ["200", "401", "404"])
async def test_the_page_of_a_listed_origin_may_have_the_answer(service: Service, name: str) -> None:
    async with asking(service, hardened=True, allowed_origins=DESK) as client:
        answer = await sent(client, name, origin=DESK)
        assert answer.headers["access-control-allow-origin"] == DESK
        assert "cross-origin-resource-policy" not in answer.headers and answer.headers["cache-control"] == NO_STORE


async def test_the_page_for_browsers_keeps_a_policy_under_which_it_works(service: Service) -> None:
    async with asking(service, hardened=True, ide=True) as client, asking(service) as plain:
        for path in ("/graphql", "/graphql/page.js"):
            page, before = [await each.get(path, headers={"accept": BROWSER}) for each in (client, plain)]
            for name in ("content-security-policy", "cache-control", "referrer-policy"):
                assert page.headers[name] == before.headers[name]
            assert "script-src 'self'" in page.headers["content-security-policy"]
            assert page.headers["cross-origin-opener-policy"] == "same-origin"


PROXY, INNER, CLIENT = "10.0.0.1", "10.0.0.2", "203.0.113.7"
PROXIES = "10.0.0.0/8, 2001:db8:ffff::1"
CHAINS: dict[str, tuple[list[str], str]] = {
    "nothing": ([], PROXY),
    "an empty header": ([""], PROXY),
    "one address": ([CLIENT], CLIENT),
    "two proxies": ([f"{CLIENT}, {INNER}"], CLIENT),
    "what the client made up": ([f"198.51.100.1, 127.0.0.1, {CLIENT}, {INNER}"], CLIENT),
    "a proxy that the client made up": ([f"10.9.9.9, {CLIENT}"], CLIENT),
    "several headers": (["198.51.100.1", CLIENT, INNER], CLIENT),
    "several headers, made up": ([f"{CLIENT}, 198.51.100.1", f"{INNER}"], "198.51.100.1"),
    "proxies alone": ([f"10.0.0.9, {INNER}"], "10.0.0.9"),
    "a port": ([f"{CLIENT}:4711"], CLIENT),
    "a port of a proxy": ([f"{CLIENT}:4711, {INNER}:80"], CLIENT),
    "IPv6": (["2001:DB8:0:0::7"], "2001:db8::7"),
    "IPv6 in brackets": (["[2001:db8::7]"], "2001:db8::7"),
    "IPv6 with a port": (["[2001:db8::7]:4711, 2001:db8:ffff::1"], "2001:db8::7"),
    "IPv6 with a zone": (["fe80::1%eth0"], "fe80::1"),
    "IPv4 as IPv6": ([f"::ffff:{CLIENT}, ::ffff:10.0.0.3"], CLIENT),
    "unknown": (["unknown"], PROXY),
    "unknown, and what is beyond": ([f"{CLIENT}, unknown"], PROXY),
    "garbage behind a proxy": ([f"<script>, {INNER}"], INNER),
    "a name": ([f"{CLIENT}, proxy.example.org"], PROXY),
    "a port that is none": ([f"{CLIENT}:http"], PROXY),
    "an empty element": ([f"{CLIENT}, , {INNER},"], CLIENT),
    "bytes beyond ASCII": (["\xff\xfe"], PROXY),
    "many": ([", ".join(["198.51.100.1"] * 500 + [CLIENT])], CLIENT),
}  # fmt: skip


async def told_address(service: Service, client: httpx.AsyncClient, headers: list[tuple[str, str]]) -> str:
    """The address that the trail tells of somebody who is refused."""
    seen = await service.size()
    raw = [(name.encode(), value.encode("latin-1")) for name, value in [*headers, ("authorization", "Bearer x")]]
    assert (await client.post("/graphql", json=VIEWER, headers=raw)).status_code == 401
    (event,) = await service.trail(seen)
    return str(event["request"]["ip"])


@pytest.fixture(scope="module")
async def door(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    with service.database.bound():
        yield service
    await service.close()


@pytest.mark.parametrize(("chain", "address"), CHAINS.values(), ids=CHAINS)
async def test_a_trusted_proxy_is_believed_about_whom_it_forwards(door: Service, chain: list[str], address: str) -> None:
    headers = [("x-forwarded-for", each) for each in chain]
    async with asking(door, peer=PROXY, trusted_proxies=PROXIES) as client:
        assert await told_address(door, client, headers) == address


async def test_nobody_else_is(door: Service) -> None:
    headers = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-proto", "https"), ("forwarded", "for=198.51.100.1")]
    for peer, trusted in ((CLIENT, PROXIES), ("2001:db8:ffff::2", PROXIES), (PROXY, ""), ("127.0.0.1", PROXIES)):
        async with asking(door, peer=peer, trusted_proxies=trusted or (), security_headers=True) as client:
            assert await told_address(door, client, headers) == peer
            answer = await client.post("/graphql", json=VIEWER, headers=headers)
            assert "strict-transport-security" not in answer.headers


async def test_the_trail_tells_the_clients_address_of_what_is_done_through_a_proxy(service: Service) -> None:
    mutation = "mutation($input: RetireModelVersionInput!) { retireModelVersion(input: $input) { receipt { seq } } }"
    asked = {"query": mutation, "variables": {"input": {"modelId": "none", "version": "1.0.0", "reason": "x"}}}
    async with asking(service, peer=PROXY, trusted_proxies=PROXIES) as client:
        await client.post("/graphql", json=asked, headers={"x-forwarded-for": CLIENT})
    assert (await service.last())["request"]["ip"] == CLIENT


async def test_failures_through_a_proxy_are_limited_for_their_client_alone(service: Service) -> None:
    async with asking(service, peer=PROXY, trusted_proxies=PROXIES) as client:

        async def status(address: str) -> int:
            headers = {"x-forwarded-for": f"192.0.2.66, {address}", "authorization": "Bearer x"}
            return (await client.post("/graphql", json=VIEWER, headers=headers)).status_code

        assert [await status(CLIENT) for _ in range(31)] == [401] * 30 + [429]
        assert await status("203.0.113.8") == 401


SCHEMES = {
    ("http", "https"): "https",
    ("http", "http"): "http",
    ("http", "HTTPS"): "https",
    ("http", "wss"): "https",
    ("http", "http, https"): "https",
    ("http", "https, http"): "http",
    ("http", "ftp"): "http",
    ("http", "ftp, https"): "https",
    ("http", "https, ftp"): "http",
    ("websocket", "https"): "wss",
    ("websocket", "wss"): "wss",
    ("websocket", "http"): "ws",
    ("websocket", ""): "ws",
}


@pytest.mark.parametrize(("kind", "said"), SCHEMES)
async def test_the_scheme_is_what_the_nearest_proxy_says(kind: str, said: str) -> None:
    found = list[str]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(scope["scheme"])

    async def never() -> Any:
        raise AssertionError

    for peer in (PROXY, CLIENT):
        plain = "ws" if kind == "websocket" else "http"
        scope = {"type": kind, "scheme": plain, "client": (peer, 9), "headers": [(b"x-forwarded-proto", said.encode())]}
        await Forwarded(app, Settings(trusted_proxies=PROXIES).trusted_proxies)(scope, never, never)  # type: ignore[arg-type]
    assert found == [SCHEMES[kind, said], "ws" if kind == "websocket" else "http"]


async def test_behind_a_proxy_that_ends_tls_browsers_are_told_to_keep_to_tls(service: Service) -> None:
    async with asking(service, peer=PROXY, hardened=True, trusted_proxies=PROXIES) as client:
        for said, hsts in (("https", HSTS), ("http", None)):
            answer = await client.post("/graphql", json=VIEWER, headers={"x-forwarded-proto": said})
            assert answer.headers.get("strict-transport-security") == hsts


async def test_a_websocket_through_a_proxy_is_known_by_its_clients_address(service: Service) -> None:
    async with asking(service, trusted_proxies="127.0.0.1") as client:
        service.app = client._transport.app  # type: ignore[attr-defined]
    seen = await service.size()
    async with served(service) as address, dial(address, additional_headers={"x-forwarded-for": CLIENT}) as connection:
        socket = Socket(connection)
        await socket.send("connection_init", payload={"authorization": "Bearer x"})
        assert await socket.closed() == 4403
    (event,) = await service.trail(seen)
    assert event["request"]["ip"] == CLIENT


@pytest.mark.parametrize("said", ["*", "proxy.example.org", "10.0.0.1/8", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.1,", "1"])
def test_what_names_no_proxies_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("MAGISTRATE_TRUSTED_PROXIES", said)
    with pytest.raises(SettingRefused) as refused:
        read_settings()
    assert refused.value.variable == "MAGISTRATE_TRUSTED_PROXIES"


@pytest.mark.parametrize(
    ("settings", "warns"),
    [
        ({"hardened": True, "host": "0.0.0.0"}, True),  # noqa: S104
        ({"hardened": True, "host": "127.0.0.1"}, False),
        ({"hardened": True, "host": "localhost"}, False),
        ({"hardened": True, "host": "0.0.0.0", "trusted_proxies": PROXIES}, False),  # noqa: S104
        ({"host": "0.0.0.0"}, False),  # noqa: S104
    ],
)
def test_a_hardened_start_on_the_network_without_a_proxy_is_warned_of(
    caplog: pytest.LogCaptureFixture, settings: dict[str, Any], warns: bool
) -> None:
    chosen = Settings(**settings)
    with listen(chosen.host, 0) as listener:
        _warn_if_exposed(chosen, listener)
    assert [each.levelno for each in caplog.records] == [logging.WARNING] * warns


@pytest.mark.exhaustive
def test_it_starts_all_the_same_and_says_so_in_one_line(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Operated(tmp_path_factory.mktemp("hardened"), HARDENED="true", HOST="0.0.0.0", WORKERS=2) as running:  # noqa: S104
        assert running.viewer() == {"data": {"viewer": {"id": "admin"}}}
        running.process.terminate()
        _, said = running.process.communicate(timeout=END_WITHIN)
    assert [each for each in said.splitlines() if "MAGISTRATE_TRUSTED_PROXIES" in each and "WARNING" in each] and said.count(
        "MAGISTRATE_TRUSTED_PROXIES"
    ) == 1
