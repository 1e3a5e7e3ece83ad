"""Who signs in, with what, until when; and what becomes of whoever cannot."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from documents.access import GovernanceRole
from tests.examples import BOT, CARD, deactivate, register
from tests.service import ADA, ADMIN_TOKEN, ALICE, AUDREY, BOB, CAROL, Person, Service, person

VIEWER = "{ viewer { id mutations stakeholder { userId } tokens { tokenId kind lastUsedAt } } }"
MADE = "token apiToken { tokenId kind holder issuedBy expiresAt revokedAt }"


async def make(service: Service, by: Person, **said: Any) -> tuple[Person, Any]:
    """Whoever signs in with a token that was made just now, and what is said of it."""
    payload = await service.do("createApiToken", by, MADE, **{"name": "laptop"} | said)
    return Person(payload["apiToken"]["holder"], payload["token"]), payload["apiToken"]


async def enrolment(service: Service) -> Person:
    """Alice, with a token that an administrator made for her."""
    return (await make(service, ADA, holder={"userId": ALICE.id}))[0]


async def knocked(service: Service, authorization: str | None, at: str = "192.0.2.1") -> httpx.Response:
    """The answer to a question from an address, under any header."""
    transport = httpx.ASGITransport(service.app, client=(at, 9))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        headers = {} if authorization is None else {b"authorization": authorization.encode("latin-1")}
        return await http.post("/graphql", json={"query": VIEWER}, headers=headers)


async def signs_in(service: Service, who: Person) -> bool:
    status = (await service.post(VIEWER, by=who)).status_code
    assert status in {200, 401}
    return status == 200


async def attempts(service: Service) -> list[int]:
    """How many failed sign-ins each of their events tells of."""
    return [each["details"]["facts"]["attempts"] for each in await service.trail() if each["action"] == "signIn"]


async def test_a_token_is_shown_once_and_only_its_digest_is_kept(service: Service) -> None:
    who, token = await make(service, ALICE)
    secret = who.token.split("_", 2)[2]
    again = await service.ask(VIEWER, who)
    assert secret not in str(again) and token["tokenId"] in str(again)
    everything = f"{await service.state()}{await service.trail()}"
    assert secret not in everything and token["tokenId"] in everything


async def test_an_enrolment_token_makes_the_persons_own_token_and_nothing_else(service: Service) -> None:
    await register(service)
    alice = await enrolment(service)
    for query in (VIEWER, "{ riskTemplates { riskId } }", '{ model(modelId: "support-assistant") { name } }'):
        assert (await service.refusal(query, alice))["code"] == "FORBIDDEN"
    for mutation, said in {
        "submitForApproval": BOT,
        "revokeApiToken": {"tokenId": "alice"},
        "createApiToken": {"name": "for somebody else", "holder": {"userId": BOB.id}},
    }.items():
        assert (await service.refused(mutation, alice, **said))["code"] == "FORBIDDEN"
    program = {"service": {"name": "pipeline", "mutations": []}}
    assert (await service.refused("createApiToken", alice, name="for a program", holder=program))["code"] == "FORBIDDEN"
    own, token = await make(service, alice)
    assert token["kind"] == "PERSONAL" and token["holder"] == ALICE.id
    assert not await signs_in(service, alice) and await signs_in(service, own)
    await service.do("submitForApproval", own, **BOT)


async def test_an_enrolment_token_is_used_once_even_by_two_at_once(service: Service) -> None:
    async def personal() -> int:
        return len([each for each in (await service.state())["ApiToken"] if each["kind"] == "personal"])

    create = 'createApiToken(input: {name: "mine"}) { token }'
    had = await personal()
    for asked in (["{ a: %s }"] * 2, ["{ a: %s b: %s }"]):
        alice = await enrolment(service)
        questions = [f"mutation {each.replace('%s', create)}" for each in asked]
        answers = await asyncio.gather(*(service.post(each, by=alice) for each in questions))
        codes = [error["extensions"]["code"] for each in answers for error in each.json().get("errors", ())]
        assert codes in (["INVALID_STATE"], ["UNAUTHENTICATED"])  # the latter where one had ended it before the other signed in
        had += 1
        assert await personal() == had


async def test_events_name_the_token_that_signed_in_and_whoever_issued_it(service: Service) -> None:
    enrolled = await enrolment(service)
    own, token = await make(service, enrolled)
    await make(service, own, name="another")
    events = [each for each in (await service.trail())[-4:] if each["event_type"] == "access_granted"]
    assert [(each["request"]["token"], each["request"]["token_issuer"]) for each in events] == [
        ("first", "system"), (enrolled.token.split("_")[1], "admin"), (token["tokenId"], ALICE.id),
    ]  # fmt: skip


async def test_a_service_does_what_its_token_lists_and_reads(service: Service) -> None:
    await register(service)
    listed = {"service": {"name": "pipeline", "mutations": ["SAVE_MODEL_CARD"]}}
    pipeline, token = await make(service, ADA, holder=listed)
    assert token["kind"] == "SERVICE" and token["holder"] == "pipeline"
    viewer = (await service.ask(VIEWER, pipeline))["viewer"]
    assert (viewer["id"], viewer["mutations"], viewer["stakeholder"]) == ("pipeline", ["SAVE_MODEL_CARD"], None)
    await service.do("saveModelCard", pipeline, **BOT, card=CARD)
    assert (await service.last())["actor"] == {"id": "pipeline", "type": "automated"}
    for mutation, said in {"withdrawEvidence": {"evidenceId": "x", "reason": "x"}, "submitForApproval": {}}.items():
        assert (await service.refused(mutation, pipeline, **BOT, **said))["problem"] == f"the token does not list {mutation}"


async def test_only_an_administrator_makes_tokens_for_others_and_none_that_no_service_may_have(service: Service) -> None:
    program = {"service": {"name": "pipeline", "mutations": ["SAVE_MODEL_CARD", "SUBMIT_APPROVAL", "READ_TRAIL"]}}
    refused = await service.refused("createApiToken", ADA, name="x", holder=program)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.holder.service.mutations")
    assert "submitApproval, readTrail" in refused["problem"] and "saveModelCard" not in refused["problem"]
    for by in (ALICE, AUDREY):
        for holder in ({"userId": BOB.id}, {"service": {"name": "pipeline", "mutations": []}}):
            assert (await service.refused("createApiToken", by, name="x", holder=holder))["code"] == "FORBIDDEN"


async def test_a_token_serves_until_it_expires_and_not_at_that_moment(service: Service) -> None:
    who, token = await make(service, ALICE, expiresAt="2026-03-01T13:00:00Z")
    assert token["expiresAt"] == "2026-03-01T13:00:00.000Z"
    service.now = service.now.replace(minute=59, second=59, microsecond=999_999)
    assert await signs_in(service, who)
    service.now = service.now.replace(hour=13, minute=0, second=0, microsecond=0)
    assert not await signs_in(service, who)


async def test_tokens_end_by_themselves_after_a_year_and_those_that_enrol_after_a_week(service: Service) -> None:
    own, _ = await make(service, ALICE)
    enrolled = await enrolment(service)
    service.later(days=7, seconds=-1)
    assert (await service.refusal(VIEWER, enrolled))["code"] == "FORBIDDEN"
    service.later(seconds=1)
    assert (await service.refusal(VIEWER, enrolled))["code"] == "UNAUTHENTICATED"
    service.later(days=358, seconds=-1)
    assert await signs_in(service, own)
    service.later(seconds=1)
    assert not await signs_in(service, own)


async def test_a_revoked_token_is_refused_at_once_and_cannot_be_revoked_again(service: Service) -> None:
    who, token = await make(service, ALICE)
    service.later(minutes=1)
    gone = await service.do("revokeApiToken", who, MADE.removeprefix("token "), tokenId=token["tokenId"])
    assert gone["apiToken"]["revokedAt"] == "2026-03-01T12:01:00.123Z"
    assert not await signs_in(service, who) and await signs_in(service, ALICE)
    refused = await service.refused("revokeApiToken", ALICE, tokenId=token["tokenId"])
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "REVOKED", ["STANDING"])


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


async def test_the_last_use_of_a_token_is_kept_to_the_hour_and_not_in_the_trail(service: Service) -> None:
    async def last_used() -> str:
        return str((await service.ask(VIEWER))["viewer"]["tokens"][0]["lastUsedAt"])

    seen = await service.size()
    assert await last_used() == "2026-03-01T12:00:00.000Z"
    service.later(minutes=59)
    assert await last_used() == "2026-03-01T12:00:00.000Z"
    service.later(minutes=1)
    assert await last_used() == "2026-03-01T13:00:00.000Z"
    assert await service.trail(seen) == []


EMAILS = "query($filter: StakeholderFilter) { stakeholders(first: 100, filter: $filter) { nodes { userId email } } }"


async def test_addresses_are_shown_inside_a_department_and_to_administrators_and_auditors(service: Service) -> None:
    near = person("cleo", GovernanceRole.ETHICS_REVIEWER, department="AI Ethics")
    await service.enrol(near)
    program, _ = await make(service, ADA, holder={"service": {"name": "pipeline", "mutations": []}})

    async def shown(to: Person) -> set[str]:
        people = (await service.ask(EMAILS, to))["stakeholders"]["nodes"]
        assert all(each["email"] in (None, f"{each['userId']}@example.org", "admin@localhost") for each in people)
        return {each["userId"] for each in people if each["email"]}

    assert await shown(CAROL) == {"carol", "cleo"} and await shown(ALICE) == {"alice", "audrey"}
    assert await shown(program) == set()
    for each in (ADA, AUDREY):
        assert await shown(each) == {"admin", "audrey", "alice", "bob", "carol", "cleo", "david", "rita"}


async def test_addresses_cannot_be_guessed_by_a_filter(service: Service) -> None:
    for guess in ({"email": {"startsWith": "b"}}, {"not": {"email": {"eq": "bob@example.org"}}}):
        assert (await service.refusal(EMAILS, filter=guess))["code"] == "INVALID_INPUT"


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
