"""Connections that keep the server waiting for a request end; those that wait for the server do not. Over real sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from gql import http, watchdog
from gql.serving import configured
from tests.service import ALICE, Service
from tests.sockets import Socket, dial, listening
from tests.stored import SENT

WITHIN = 0.3  # seconds, in the place of 15
PATIENCE = 10  # seconds for the test
SUBSCRIPTION = 'subscription { modelVersionChanged(modelId: "x") { version } }'


@pytest.fixture
async def address(service: Service, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, int]]:
    monkeypatch.setattr(watchdog, "WITHIN", WITHIN)
    config = configured(service.app, service.settings)
    config.lifespan = "off"
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        yield listener.getsockname()
        server.should_exit = server.force_exit = True
        await serving
        await service.database.end_feeds()
    SENT.streams -= {each for each in SENT.streams if each[0] == service.database.name}


def request(body: bytes, *headers: str, length: int | None = None, token: str = ALICE.token) -> bytes:
    said = [
        "POST /graphql HTTP/1.1", "Host: test", f"Authorization: Bearer {token}", "Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}", *headers,
    ]  # fmt: skip
    return "\r\n".join([*said, "", ""]).encode() + body


VIEWER = json.dumps({"query": "{ viewer { id } }"}).encode()
HEADERS = b"POST /graphql HTTP/1.1\r\nHost: test\r\n"
WHOLE = request(VIEWER)
# What is sent at first, what is sent again and again, and the statuses of the answers before the connection ends.
WAITING: dict[str, tuple[bytes, bytes, list[int]]] = {
    "nothing": (b"", b"", []),
    "empty lines": (b"\r\n", b"\r\n", []),
    "half a line": (b"POST /gra", b"", []),
    "headers without end": (HEADERS, b"X: y\r\n", []),
    "half a request after a whole one": (WHOLE + HEADERS, b"", [200]),
    "empty lines after a whole one": (WHOLE + b"\r\n", b"\r\n", [200]),
    "headers without end after a whole one": (WHOLE + HEADERS, b"X: y\r\n", [200]),
    "a body that nobody reads": (request(b"{", length=1_000_000, token="none"), b" ", [401]),  # noqa: S106
    "a body that does not arrive": (request(b"{", length=1_000_000), b"", [408]),
    "a body in drops": (request(b"{", length=1_000_000), b" ", [408]),
}


@pytest.mark.parametrize(("first", "again", "statuses"), WAITING.values(), ids=WAITING)
async def test_who_keeps_it_waiting_is_hung_up_on(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, first: bytes, again: bytes, statuses: list[int]
) -> None:
    monkeypatch.setattr(http, "PATIENCE", WITHIN)
    reader, writer = await asyncio.open_connection(*address)

    async def send() -> None:
        writer.write(first)
        while again:
            await asyncio.sleep(0.05)
            writer.write(again)

    sending = asyncio.create_task(send())
    async with asyncio.timeout(PATIENCE):
        answered = await _everything(reader)
    sending.cancel()
    writer.close()
    assert [int(each[:3]) for each in answered.split(b"HTTP/1.1 ")[1:]] == statuses


async def _everything(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server hangs up, which may be a reset while something is being sent."""
    heard = b""
    try:
        while part := await reader.read(10_000):
            heard += part
    except ConnectionError:
        pass
    return heard


async def test_between_requests_a_connection_is_kept(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(2):
        writer.write(WHOLE)
        async with asyncio.timeout(PATIENCE):
            assert (await reader.readuntil(b'{"data":{"viewer":{"id":"alice"}}}')).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(3 * WITHIN)
    writer.close()


async def test_who_waits_for_events_is_kept(address: tuple[str, int], service: Service) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request(json.dumps({"query": SUBSCRIPTION}).encode(), "Accept: text/event-stream"))
    async with asyncio.timeout(PATIENCE):
        await reader.readuntil(b"200 OK")
        await asyncio.sleep(3 * WITHIN)
        await listening(service, "model_versions")
        await _change(service)
        await reader.readuntil(b'"version":"1.0.0"')
    writer.close()


async def test_who_holds_a_websocket_is_kept(address: tuple[str, int], service: Service) -> None:
    async with dial(f"{address[0]}:{address[1]}/graphql") as connection:
        caller = await Socket(connection).sign_in(ALICE)
        await caller.subscribe(SUBSCRIPTION)
        await asyncio.sleep(3 * WITHIN)
        await listening(service, "model_versions")
        await _change(service)
        assert await caller.data() == {"modelVersionChanged": {"version": "1.0.0"}}


async def test_who_waits_for_a_long_answer_is_kept(address: tuple[str, int], service: Service) -> None:
    reader, writer = await asyncio.open_connection(*address)
    mutation = "mutation($input: RegisterModelInput!) { registerModel(input: $input) { model { name } } }"
    async with service.database.transactions.turn:  # a mutation waits for it
        writer.write(request(json.dumps({"query": mutation, "variables": {"input": _registration("late")}}).encode()))
        await asyncio.sleep(3 * WITHIN)
    async with asyncio.timeout(PATIENCE):
        await reader.readuntil(b'{"data":{"registerModel":{"model":{"name":"X"}}}}')
    writer.close()


def _registration(model_id: str) -> dict[str, Any]:
    return {
        "modelId": model_id, "version": "1.0.0", "name": "X", "purpose": "Y", "ownerId": "alice", "dataStewardId": "bob",
    }  # fmt: skip


async def _change(service: Service) -> None:
    await service.do("registerModel", **_registration("x"))
