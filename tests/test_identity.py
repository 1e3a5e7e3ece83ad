"""Who signs in, with what, until when; and what becomes of whoever cannot."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from gql.attempts import COUNTED, WINDOW, Counts
from tests.examples import deactivate
from tests.service import ADA, ADMIN_TOKEN, ALICE, BOB, CAROL, NOW, Service
from tests.tokens import VIEWER, enrolment


async def knocked(service: Service, authorization: str | None, at: str = "192.0.2.1") -> httpx.Response:
    """The answer to a question from an address, under any header."""
    transport = httpx.ASGITransport(service.app, client=(at, 9))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        headers = {} if authorization is None else {b"authorization": authorization.encode("latin-1")}
        return await http.post("/graphql", json={"query": VIEWER}, headers=headers)


async def attempts(service: Service) -> list[int]:
    """How many failed sign-ins each of their events tells of."""
    return [each["details"]["facts"]["attempts"] for each in await service.trail() if each["action"] == "signIn"]


async def test_whoever_was_deactivated_does_not_sign_in(service: Service) -> None:
    enrolled = await enrolment(service)
    await deactivate(service, ALICE)
    for each in (ALICE, enrolled):
        assert (await service.refusal(VIEWER, each))["code"] == "UNAUTHENTICATED"
    refused = await service.refused("createApiToken", ADA, name="x", holder={"userId": ALICE.id})
    assert (refused["code"], refused["from"]) == ("INVALID_STATE", "INACTIVE")


REFUSED = {
    "nothing": None,
    "an empty header": "",
    "a scheme alone": "Bearer",
    "another scheme": "Basic YWxpY2U6cGFzc3dvcmQ=",
    "no scheme": ALICE.token,
    "another secret": f"Bearer mag_alice_{'t' * 43}",
    "a secret that goes on": f"Bearer {ALICE.token}x",
    "a secret cut short": f"Bearer {ALICE.token[:-1]}",
    "an unknown token": f"Bearer mag_nobody_{'s' * 43}",
    "a secret of somebody else's token": f"Bearer {ADMIN_TOKEN.replace('first', 'alice')}",
    "no token": "Bearer letmein",
    "a token of another shape": "Bearer mag_alice",
    "two tokens": f"Bearer {ALICE.token} {ALICE.token}",
    "an operator": 'Bearer {"$gt": ""}',
    "bytes beyond ASCII": "Bearer mag_\xe9_" + "s" * 43,
}


@pytest.fixture(scope="module")
async def door(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    yield service
    await service.close()


@pytest.mark.parametrize("authorization", REFUSED.values(), ids=REFUSED)
async def test_whoever_does_not_sign_in_is_refused_and_on_record(door: Service, authorization: str | None) -> None:
    door.later(minutes=1)  # the failures of a minute ago are another burst
    before, seen = await door.state(), await door.size()
    answer = await knocked(door, authorization)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED" and "data" not in answer.json()
    assert await door.state() == before
    (event,) = await door.trail(seen)
    assert (event["event_type"], event["outcome"], event["actor"]["id"]) == ("access_attempt", "denied", "anonymous")
    assert (event["resource"]["type"], event["request"]["ip"], event["request"]["token"]) == ("ApiToken", "192.0.2.1", None)
    assert event["details"]["facts"] == {"code": "UNAUTHENTICATED", "attempts": 1}
    assert "ssss" not in str(event) and "tttt" not in str(event)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_name_of_the_scheme_is_read_in_any_case(door: Service, scheme: str) -> None:
    assert (await knocked(door, f"{scheme} {ALICE.token}")).status_code == 200


async def test_a_burst_of_failures_is_one_event_a_minute_with_their_number(service: Service) -> None:
    for _ in range(5):
        await knocked(service, None)
    assert await attempts(service) == [1]
    service.later(seconds=59)
    await knocked(service, None)
    assert await attempts(service) == [1]
    service.later(seconds=1)
    await knocked(service, None)
    assert await attempts(service) == [1, 5, 1]
    service.later(minutes=1)
    await service.ask(VIEWER)
    assert await attempts(service) == [1, 5, 1]


async def test_two_who_tell_of_a_burst_at_once_tell_of_it_once(service: Service) -> None:
    for address in ("192.0.2.7", "192.0.2.8", "192.0.2.7", "192.0.2.8"):
        await knocked(service, None, address)
    service.later(minutes=1)
    answers = await asyncio.gather(*(service.post(VIEWER, by=each) for each in (ALICE, BOB, CAROL)))
    assert [each.status_code for each in answers] == [200] * 3
    assert await attempts(service) == [1, 1, 1, 1]


async def test_after_thirty_failures_in_a_minute_an_address_is_told_to_wait_and_whoever_has_a_token_is_not(
    service: Service,
) -> None:
    for _ in range(30):
        assert (await knocked(service, None)).status_code == 401
    for authorization in (None, f"Bearer mag_alice_{'t' * 43}"):
        answer = await knocked(service, authorization)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
        extensions = answer.json()["errors"][0]["extensions"]
        assert (extensions["code"], extensions["limit"]) == ("LIMIT_EXCEEDED", 30)
    assert (await knocked(service, None, "192.0.2.2")).status_code == 401
    assert (await knocked(service, f"Bearer {ALICE.token}")).status_code == 200
    service.later(minutes=1)
    assert (await knocked(service, None)).status_code == 401
    assert await attempts(service) == [1, 1, 31, 1]


async def test_a_token_is_guessed_at_thirty_times_a_minute_from_wherever_and_still_lets_its_holder_in(service: Service) -> None:
    wrong = f"Bearer mag_alice_{'t' * 43}"
    statuses = [(await knocked(service, wrong, f"192.0.2.{at % 8}")).status_code for at in range(32)]
    assert statuses == [401] * 30 + [429] * 2
    assert (await knocked(service, f"Bearer {ALICE.token}")).status_code == 200
    service.later(minutes=1)
    assert (await knocked(service, wrong)).status_code == 401


async def test_the_addresses_of_one_ipv6_network_count_as_one(service: Service) -> None:
    for last in range(30):
        assert (await knocked(service, None, f"2001:db8:1:2:{last:x}::1")).status_code == 401
    assert (await knocked(service, None, "2001:db8:1:2::99")).status_code == 429
    assert (await knocked(service, None, "2001:db8:1:3::1")).status_code == 401
    service.later(minutes=1)
    await service.ask(VIEWER)
    told = [each for each in await service.trail() if each["action"] == "signIn"]
    assert [(each["request"]["ip"], each["details"]["facts"]["attempts"]) for each in told] == [
        ("2001:db8:1:2:0::1", 1),
        ("2001:db8:1:3::1", 1),
        ("2001:db8:1:2::99", 30),
    ]


async def test_of_very_many_addresses_and_tokens_the_last_ones_count_together(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gql.attempts.COUNTED", 5)
    for last in range(5):
        await knocked(service, f"Bearer mag_a{last}_{'t' * 43}", f"192.0.2.{last}")
    before = await service.size()
    statuses = [(await knocked(service, None, f"198.51.100.{each}")).status_code for each in range(40)]
    assert statuses == [401] * 30 + [429] * 10
    assert await service.size() == before + 1
    assert (await knocked(service, None, "192.0.2.1")).status_code == 401  # one that is counted by itself
    assert (await knocked(service, f"Bearer {ALICE.token}", "198.51.100.99")).status_code == 200
    service.later(minutes=1)
    assert (await knocked(service, None, "198.51.100.1")).status_code == 401
    told = [each for each in await service.trail(before) if each["action"] == "signIn"]
    assert [(each["request"]["ip"], each["details"]["facts"]["attempts"]) for each in told] == [
        (None, 1),
        ("192.0.2.1", 1),
        (None, 39),
        ("198.51.100.1", 1),
    ]


async def test_guesses_at_very_many_tokens_are_limited_together(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gql.attempts.COUNTED", 50)
    wrong = [f"Bearer mag_a{each}_{'t' * 43}" for each in range(85)]
    statuses = [(await knocked(service, each, f"192.0.2.{at % 4}")).status_code for at, each in enumerate(wrong)]
    assert statuses == [401] * 80 + [429] * 5
    assert (await knocked(service, f"Bearer {ALICE.token}")).status_code == 200


def test_what_is_counted_stays_bounded_and_is_forgotten() -> None:
    counts = Counts()
    for each in range(20 * COUNTED):
        counts.add(f"192.0.{each}", NOW)
    assert len(counts.found) == COUNTED + 1
    assert sum(each.count for each in counts.found.values()) == 20 * COUNTED
    counts.forget_ended(NOW + WINDOW)
    assert counts.found == {}


async def test_health_and_readiness_are_told_to_anybody(service: Service) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await service.http.get(path)).status_code == 200


async def test_without_its_database_a_service_is_healthy_and_not_ready() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    alone = Service(f"mongodb://127.0.0.1:{port}/", serverSelectionTimeoutMS=50)
    assert (await alone.http.get("/healthz")).status_code == 200
    assert (await alone.http.get("/readyz")).status_code == 503
    answer = await alone.post(VIEWER)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 2}
    assert "127.0.0.1" not in answer.text and "127.0.0.1" not in (await alone.http.get("/readyz")).text
    await alone.close()
