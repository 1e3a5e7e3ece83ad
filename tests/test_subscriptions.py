"""Subscriptions over real sockets: who hears what of what other processes commit, and how each of them ends."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import monitoring
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from documents.access import GovernanceRole
from documents.people import Stakeholder
from documents.store import streams
from documents.store.record import Record
from documents.tokens import ApiToken
from documents.versions.version import ModelVersion
from gql import subscriptions
from gql.app import create_app
from gql.embedded import Engine
from gql.subscriptions import OPERATIONS
from resolvers.graph import live
from tests.examples import BOT, attach, on_record, register, save_card
from tests.operated import Operated
from tests.service import ADA, ADMIN_TOKEN, ALICE, AUDREY, RITA, Service
from tests.sockets import Socket, dial, listening, served

EVENTS = "subscription { auditEvents { seq action } }"
REFUSED = 'subscription { auditEvents(filter: {outcome: {eq: FAILURE}, action: {startsWith: "revoke"}}) { action outcome } }'
VERSIONS = """
    subscription ($of: String!) { modelVersionChanged(modelId: $of) { modelId card { license } owner { userId } status } }
"""


class Commands(monitoring.CommandListener):
    """The change streams that a database was asked for, and those that ended."""

    opened = closed = 0

    def started(self, event: Any) -> None:
        self.opened += "$changeStream" in str(event.command.get("pipeline", ""))
        self.closed += event.command_name == "killCursors"

    def succeeded(self, event: Any) -> None: ...
    def failed(self, event: Any) -> None: ...


@pytest.fixture
async def address(service: Service) -> AsyncIterator[str]:
    async with served(service) as where:
        yield where


async def told(service: Service, times: int = 1) -> None:
    """Something that is on record and changes nothing: a refused revocation."""
    for _ in range(times):
        assert (await service.refused("revokeApiToken", ADA, tokenId="nobody"))["code"] == "NOT_FOUND"


async def next_data(lines: AsyncIterator[str]) -> str:
    """What the next event of a stream carries."""
    while not (line := await anext(lines)).startswith("data: "):
        pass
    return line.removeprefix("data: ")


async def eventually(holds: Any) -> bool:
    for _ in range(100):
        if holds():
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.exhaustive
async def test_what_another_process_commits_is_heard_through_a_filter_until_it_says_that_it_ends(
    service: Service, server: str, tmp_path: Path
) -> None:
    chosen = {"MONGODB_URI": server, "DATABASE": service.settings.database, "ADMIN_TOKEN": ADMIN_TOKEN}
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {ADMIN_TOKEN}"}
    shown = {"modelVersionChanged": {"modelId": "y", "card": None, "owner": {"userId": "alice"}, "status": "DRAFT"}}
    refused = {"auditEvents": {"action": "revokeApiToken", "outcome": "FAILURE"}}
    for model in ("x", "y"):
        await register(service, modelId=model)
    service.written_elsewhere = True
    with Operated(tmp_path, **chosen) as other:
        async with dial(other.url.removeprefix("http://")) as connection:
            listener = await Socket(connection).sign_in(AUDREY)
            await listener.subscribe(REFUSED)
            await listener.subscribe(VERSIONS, "2", of="y")
            heard: dict[str, Any] = {}
            while heard.keys() < {"1", "2"}:  # nothing says here when they begin there
                await told(service)
                for model in ("x", "y"):
                    await attach(service, modelId=model)
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        said = await listener.heard()
                        heard.setdefault(said["id"], said["payload"]["data"])
        assert heard == {"1": refused, "2": shown}
        async with httpx.AsyncClient(headers=headers) as http, http.stream("POST", other.url, json={"query": REFUSED}) as answer:
            lines = answer.aiter_lines()
            hearing = asyncio.create_task(next_data(lines))
            while not hearing.done():
                await told(service)
                await asyncio.wait([hearing], timeout=0.2)
            assert json.loads(await hearing) == {"data": refused}
            other.process.terminate()
            left = [line async for line in lines if ": " in line]
    assert left[-2:] == ["event: complete", "data: "]
    (error,) = json.loads(left[-3].removeprefix("data: "))["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"


async def test_a_version_is_shown_as_it_is_with_its_edges(service: Service, address: str) -> None:
    await register(service)
    async with dial(address) as connection:
        listener = await Socket(connection).sign_in(ALICE)
        await listener.subscribe(VERSIONS, of=BOT["modelId"])
        await listening(service, ModelVersion.collection)
        await save_card(service)
        shown = (await listener.data())["modelVersionChanged"]
        assert (shown["card"], shown["owner"]) == ({"license": "Proprietary"}, {"userId": "alice"})


async def test_queries_and_mutations_go_over_the_socket_too_each_a_request_of_its_own(service: Service, address: str) -> None:
    async with dial(address) as connection:
        caller = await Socket(connection).sign_in(ADA)
        for each in ("1", "2"):
            await caller.subscribe('mutation { revokeApiToken(input: {tokenId: "nobody"}) { receipt { seq } } }', each)
        await caller.subscribe("{ viewer { id } }", "3")
        heard = [await caller.heard() for _ in range(6)]
    answers = {each["id"]: each["payload"] for each in heard if each["type"] == "next"}
    assert answers["3"] == {"data": {"viewer": {"id": "admin"}}}
    assert answers["1"]["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    first, second = (await service.trail())[-2:]
    assert first["request"]["id"] != second["request"]["id"]


async def test_nobody_is_let_in_without_a_token_and_not_every_page(service: Service, address: str) -> None:
    for payload in ({}, {"payload": {"authorization": "Bearer mag_x_" + "x" * 43}}, {"payload": {"authorization": 1}}):
        async with dial(address) as connection:
            caller = Socket(connection)
            await caller.send("connection_init", **payload)
            assert await caller.closed() == 4403
    async with dial(address) as connection:
        caller = Socket(connection)
        await caller.subscribe(EVENTS)
        assert await caller.closed() == 4401
    async with dial(address, additional_headers={"authorization": f"Bearer {AUDREY.token}"}) as connection:
        caller = Socket(connection)
        await caller.send("connection_init")
        assert await caller.heard() == {"type": "connection_ack"}
    with pytest.raises(InvalidStatus):
        async with dial(address, origin=Origin("https://example.org")):
            pass
    async with connect(f"ws://{address}", subprotocols=[Subprotocol("graphql-ws")]) as connection:
        assert await Socket(connection).closed() == 4406


async def test_pages_of_an_allowed_origin_are_let_in(service: Service) -> None:
    allowing = service.settings.model_copy(update={"allowed_origins": ("https://example.org",)})
    service.app = create_app(allowing, lambda: service.now, service.database)
    async with served(service) as address, dial(address, origin=Origin("https://example.org")) as connection:
        await Socket(connection).sign_in(ALICE)


@pytest.mark.parametrize(
    "said",
    [
        *("{", "[]", "{}", '{"type": "complete"}', '{"type": "subscribe", "id": "1"}'),
        '{"type": "subscribe", "id": [], "payload": {"query": "{ viewer { id } }"}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { id } }", "variables": []}}',
    ],
)
async def test_a_message_that_is_none_ends_the_conversation(service: Service, address: str, said: str) -> None:
    async with dial(address) as connection:
        caller = await Socket(connection).sign_in(ALICE)
        await connection.send(said)
        assert await caller.closed() == 4400


async def test_an_operation_that_cannot_be_told_is_refused_and_the_socket_stays(service: Service, address: str) -> None:
    async with dial(address) as connection:
        caller = await Socket(connection).sign_in(ALICE)
        for wrong in (
            {"query": "{"},
            {"query": "{ nothing }"},
            {"query": "query A { viewer { id } }", "operationName": "B"},
            {"query": "query A { viewer { id } } query B { viewer { id } }"},
        ):
            await caller.send("subscribe", id="1", payload=wrong)
            assert await caller.code() == "INVALID_INPUT"
        for _ in range(2):
            await caller.subscribe(VERSIONS, "x" * 300, of="none")
        assert await caller.closed() == 4409


async def test_what_goes_wrong_before_an_operation_begins_is_hidden_and_ends_it(
    service: Service, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("/secret/path")

    monkeypatch.setattr(subscriptions, "get_operation_ast", fail)
    async with dial(address) as connection:
        caller = await Socket(connection).sign_in(ALICE)
        for _ in range(2):
            await caller.subscribe(EVENTS)
            said = await caller.heard()
            assert (said["type"], said["payload"][0]["extensions"]["code"]) == ("error", "INTERNAL")
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {ALICE.token}"}
    async with httpx.AsyncClient(headers=headers) as http:
        answer = await http.post(f"http://{address}", json={"query": EVENTS})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (500, "INTERNAL")
    assert "secret" not in answer.text + str(said)


async def test_whoever_may_not_read_the_trail_may_not_watch_it_which_is_on_record(service: Service, address: str) -> None:
    async with dial(address) as connection:
        caller = await Socket(connection).sign_in(ALICE)
        await caller.subscribe("subscription { mine: auditEvents { seq } }")
        assert await caller.code() == "FORBIDDEN"
        event = await service.last()
        assert (event["outcome"], event["action"], event["actor"]["id"]) == ("denied", "auditEvents", "alice")


async def test_a_revoked_token_hears_nothing_of_its_end_and_of_what_comes_after(service: Service, address: str) -> None:
    async with dial(address) as connection:
        listener = await Socket(connection).sign_in(RITA)
        await listener.subscribe(EVENTS)
        await listening(service)
        await service.do("revokeApiToken", ADA, tokenId=RITA.id)
        assert await listener.code() == "UNAUTHENTICATED"
        await listener.subscribe("{ viewer { id } }")
        assert await listener.code() == "UNAUTHENTICATED"


async def test_a_role_that_is_taken_away_takes_the_trail_with_it(service: Service, address: str) -> None:
    async with dial(address) as connection:
        listener = await Socket(connection).sign_in(RITA)
        await listener.subscribe(EVENTS)
        await listening(service)
        await changed(service, Stakeholder, RITA.id, roles=(GovernanceRole.DEPLOYER,))
        assert await listener.code() == "FORBIDDEN"


async def test_a_token_that_expires_ends_its_subscription_though_nothing_happens(
    service: Service, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.1)
    async with dial(address) as connection:
        listener = await Socket(connection).sign_in(RITA)
        await listener.subscribe(VERSIONS, of="none")
        await changed(service, ApiToken, RITA.id, expires_at=service.now)
        assert await listener.code() == "UNAUTHENTICATED"


async def test_all_who_listen_share_one_stream_which_is_closed_after_the_last(service: Service, server: str) -> None:
    commands = Commands()
    watched = Service(server, service.database.name, event_listeners=[commands])
    async with served(watched) as address, dial(address) as one, dial(address) as other:
        listeners = [await Socket(each).sign_in(AUDREY) for each in (one, other)]
        for each in listeners:
            await each.subscribe(EVENTS)
        await listeners[0].subscribe(EVENTS, "2")
        await listening(watched, listeners=3)
        await told(service)
        heard = [await each.heard() for each in (listeners[0], listeners[0], listeners[1])]
        assert [each["payload"]["data"]["auditEvents"]["action"] for each in heard] == ["revokeApiToken"] * 3
        assert (commands.opened, commands.closed) == (1, 0)
        await listeners[0].send("complete", id="1")
        await listeners[0].send("complete", id="2")
        await listeners[1].send("complete", id="1")
        assert await eventually(lambda: (commands.opened, commands.closed) == (1, 1))
    await watched.close()


async def test_a_dropped_connection_leaves_nothing_behind(service: Service, address: str) -> None:
    before = len(asyncio.all_tasks())
    async with dial(address) as connection:
        listener = await Socket(connection).sign_in(AUDREY)
        for each in range(OPERATIONS):
            await listener.subscribe(EVENTS, str(each))
        await listener.subscribe(EVENTS, "one more")
        assert await listener.code() == "LIMIT_EXCEEDED"
        assert len(asyncio.all_tasks()) > before + OPERATIONS
        connection.transport.abort()
    assert await eventually(lambda: len(asyncio.all_tasks()) == before)


async def test_server_sent_events_are_for_who_accepts_them(service: Service, address: str) -> None:
    before = len(asyncio.all_tasks())
    url, headers = f"http://{address}", {"accept": "text/event-stream"}
    async with httpx.AsyncClient(headers=headers) as http:
        assert (await http.post(url, json={"query": EVENTS})).status_code == 401
        http.headers["authorization"] = f"Bearer {AUDREY.token}"
        either = await http.post(
            url, json={"query": "{ viewer { id } }"}, headers={"accept": "application/json, text/event-stream"}
        )
        assert either.json() == {"data": {"viewer": {"id": "audrey"}}}
        once = await http.post(url, json={"query": "{ viewer { id } }"})
        assert [line for line in once.text.split("\r\n") if line and line != ": ping"] == [
            "event: next", 'data: {"data":{"viewer":{"id":"audrey"}}}', "event: complete", "data: ",
        ]  # fmt: skip
        async with http.stream("POST", url, json={"query": REFUSED}) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            knocking = asyncio.create_task(told(service, 20))
            said = json.loads(await next_data(answer.aiter_lines()))
            assert said == {"data": {"auditEvents": {"action": "revokeApiToken", "outcome": "FAILURE"}}}
            await knocking
    assert await eventually(lambda: len(asyncio.all_tasks()) <= before)


@pytest.mark.tampers
async def test_who_is_too_slow_is_cut_off_with_the_limit(service: Service, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "WAITING", 50)
    with socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        host, port = address.removesuffix("/graphql").split(":")
        narrow.connect((host, int(port)))
        narrow.setblocking(False)
        async with dial(address, sock=narrow, max_queue=1, compression=None) as connection:
            listener = await Socket(connection).sign_in(AUDREY)
            await listener.subscribe("subscription { auditEvents { seq details } }")
            await listening(service)
            await flood(service, 1_200)
            feed = service.database.feed("audit_events")
            async with asyncio.timeout(20):  # read earlier it could keep up: how fast the stream is depends on the engine
                while feed._listeners and not any(each._ended for each in feed._listeners):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            heard = []
            while (said := await listener.heard())["type"] == "next" and "errors" not in said["payload"]:
                heard.append(said["payload"]["data"]["auditEvents"]["seq"])
            error = said["payload"]["errors"][0]["extensions"]
            assert (await listener.heard())["type"] == "complete"
            assert (error["code"], error["limit"]) == ("LIMIT_EXCEEDED", 50)
            assert heard == list(range(heard[0], heard[-1] + 1)) and len(heard) < 1_200


@pytest.mark.exhaustive
async def test_a_killed_database_comes_back_and_nothing_is_missed(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        service = await Service.started(engine.uri)
        async with served(service) as address, dial(address) as connection:
            listener = await Socket(connection).sign_in(AUDREY)
            await listener.subscribe(EVENTS)
            await listening(service)
            await told(service)
            last = (await listener.data())["auditEvents"]["seq"]
            os.kill(engine.pid, signal.SIGKILL)
            engine.process.wait()
            await asyncio.sleep(0.5)
            engine.launch()
            engine.listen()
            await told(service, 3)
            heard = [(await listener.data())["auditEvents"]["seq"] for _ in range(3)]
            assert heard == [last + 1, last + 2, last + 3]
        await service.close()


@pytest.mark.tampers
async def test_whoever_would_miss_something_is_told_so(service: Service, address: str) -> None:
    async with dial(address) as connection:
        listener = await Socket(connection).sign_in(AUDREY)
        await listener.subscribe(EVENTS)
        await listening(service)
        await service.database.collections["audit_events"].drop()  # no stream goes on after that
        assert await listener.code() == "UNAVAILABLE"


async def test_whoever_comes_back_at_once_does_not_hold_up_the_end(service: Service, address: str) -> None:
    async with dial(address) as connection:
        listener = await Socket(connection).sign_in(AUDREY)
        await listener.subscribe(EVENTS)
        await listening(service)
        ending = asyncio.create_task(service.database.end_feeds())
        assert await listener.code() == "UNAVAILABLE"
        await listener.subscribe(EVENTS, "2")
        await asyncio.wait_for(ending, 5)


async def changed(service: Service, kind: type[Record], key: str, **to: Any) -> None:
    """Changes a record as no mutation can."""

    async def change() -> None:
        record = await kind.require(key)
        for name, value in to.items():
            setattr(record, name, value)
        await record.store()

    await on_record(service, change)


async def flood(service: Service, size: int) -> None:
    """Wide events, past the product: they are many, and their hashes are of nothing."""
    events = service.database.collections["audit_events"]
    (last,) = await events.find().sort("seq", -1).limit(1).to_list(None)
    wide = {"facts": {"text": "x" * 30_000}}
    for start in range(1, size, 100):
        await events.insert_many(
            {**last, "_id": f"{at}", "seq": last["seq"] + at, "event_id": f"{at}", "previous_hash": f"{at}", "details": wide}
            for at in range(start, start + 100)
        )
