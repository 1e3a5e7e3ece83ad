"""The audit trail in the graph: what it holds, who reads it, and that an honest one is found to be valid."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from documents.access import GovernanceRole
from documents.audit import tree, verify
from documents.audit.notes import SigningKey
from documents.audit.verification import GENESIS
from documents.migrations import SCHEMA
from documents.tokens import parted
from gql.checkpoints import checkpoint
from tests.examples import BOT, attach, read, register
from tests.journey import COLIN, every_mutation
from tests.operations import DORA, TOM
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, NOW, RITA, STAFF, Person, Service, mutating, person
from tests.trails import OF_A_RANGE, Raw, Stored, seq_of, verified

EVE = person("eve", GovernanceRole.MODEL_OWNER)


@pytest.fixture(scope="module")
def issued() -> list[str]:
    """The tokens that mutations of the busy trail were answered with."""
    return []


@pytest.fixture(scope="module")
async def busy(server: str, issued: list[str]) -> AsyncIterator[Service]:
    """A trail of every kind of event, with refusals between, a second apart."""
    service = await Service.started(server)
    await service.enrol(EVE, DORA, TOM, COLIN)
    await service.confirm(COLIN)
    async for _, payload in every_mutation(service):
        issued += [payload["token"]] if "token" in payload else []
        service.later(seconds=1)
        await service.refused("submitForApproval", EVE, **BOT)
    yield service
    await service.close()


async def test_a_new_trail_begins_with_what_the_system_did(service: Service) -> None:
    begun = [event for event in await service.trail() if event["action"] in {"firstStart", "grantAdministrator"}]
    assert [(event["event_type"], event["resource"]["type"], event["resource"]["id"]) for event in begun] == [
        *(("policy_changed", "Policy", f"POL-00{number}") for number in range(1, 5)),
        *(("environment_changed", "DeploymentEnvironment", name) for name in ("production", "staging")),
        ("access_granted", "Stakeholder", "admin"), ("system_started", "Migration", str(SCHEMA)),
        ("policy_changed", "RulesInForce", "rules"), ("access_granted", "ApiToken", "first"),
    ]  # fmt: skip
    assert [event["seq"] for event in begun] == list(range(10)) and begun[0]["previous_hash"] == GENESIS
    assert all(event["actor"] == {"id": "system", "type": "system"} and event["request"]["ip"] is None for event in begun)
    assert len({event["request"]["id"] for event in begun}) == 2


async def test_an_honest_trail_is_valid_up_to_its_head(busy: Service) -> None:
    report, trail = await verified(busy), await busy.trail()
    assert report == {
        "valid": True, "first": 0, "last": len(trail) - 1, "eventsVerified": len(trail), "treeSize": len(trail),
        "root": report["root"], "faultCount": 0, "faults": [], "caveats": ["UNANCHORED"],
    }  # fmt: skip


async def test_time_stands_still_in_the_trail_while_the_clock_runs_backwards(service: Service) -> None:
    await register(service)
    service.later(hours=-1)
    await attach(service)
    service.later(hours=2)
    await attach(service)
    first, second, third = [event["occurred_at"] for event in await service.trail()][-3:]
    assert (second - first, third - first) == (timedelta(0), timedelta(hours=1))
    assert (await verified(service))["valid"]


async def test_a_trail_that_grows_while_it_is_verified_is_not_called_faulty(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "WINDOW", 5)
    await register(service)
    reports = list[Any]()

    async def grow() -> None:
        """Attaches until the trail was verified at several sizes; a verification may take as long as many mutations."""
        for each in range(1_000):
            await attach(service, title=str(each))
            if len({report["treeSize"] for report in reports}) > 2:
                return

    growing = asyncio.create_task(grow())
    while not growing.done():
        reports.append(await verified(service))
    await growing
    assert all(report["valid"] for report in reports)
    assert len({report["treeSize"] for report in reports}) > 2


async def test_a_range_is_verified_by_itself_and_says_what_it_believes(busy: Service) -> None:
    size = len(await busy.trail())
    whole, middle, end = await verified(busy), await verified(busy, **{"from": 9, "to": 20}), await verified(busy, **{"from": 21})
    assert (middle["valid"], middle["first"], middle["last"], middle["treeSize"]) == (True, 9, 20, 21)
    assert middle["caveats"] == ["UNANCHORED", "BEGINNING_BELIEVED", "HEAD_NOT_COMPARED", "RECORDS_NOT_COMPARED"]
    assert (end["valid"], end["eventsVerified"], end["root"]) == (True, size - 21, whole["root"])
    assert end["caveats"] == ["UNANCHORED", "BEGINNING_BELIEVED", "RECORDS_NOT_COMPARED"]


@pytest.mark.parametrize("range", [{"from": -1}, {"from": 10**9}, {"from": 5, "to": 4}])
async def test_a_range_outside_the_trail_is_invalid(busy: Service, range: dict[str, int]) -> None:
    refused = await busy.refusal(OF_A_RANGE, AUDREY, **range)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "from")


async def test_a_range_too_long_for_one_call_is_refused(busy: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = verify.verify.__kwdefaults__ or {}
    assert at_once["limit"] == 50_000
    monkeypatch.setitem(at_once, "limit", 20)
    refused = await busy.refusal(OF_A_RANGE, AUDREY)
    assert refused == {
        "code": "LIMIT_EXCEEDED",
        "what": "the number of events in a verification",
        "size": len(await busy.trail()),
        "limit": 20,
    }
    assert (await verified(busy, **{"from": 5, "to": 24}))["valid"]


BEGUN = NOW.replace(microsecond=123_000)
EVENTS = "query($filter: AuditEventFilter) { auditEvents(first: 100, filter: $filter) { totalCount nodes { seq } } }"
FILTERS: dict[str, tuple[Raw, Callable[[Raw], bool]]] = {
    "type": ({"eventType": {"eq": "MODEL_UPDATED"}}, lambda event: event["event_type"] == "model_updated"),
    "actor": ({"actor": {"id": {"eq": "bob"}, "type": {"eq": "USER"}}}, lambda event: event["actor"]["id"] == "bob"),
    "resource": (
        {"resource": {"type": {"eq": "Datasheet"}, "id": {"startsWith": "support"}}},
        lambda event: event["resource"]["type"] == "Datasheet",
    ),
    "subject": (
        {"subject": {"modelId": {"eq": "support-assistant"}, "version": {"eq": "1.1.0"}}},
        lambda event: event["subject"] == {"model_id": "support-assistant", "version": "1.1.0"},
    ),
    "no subject": ({"subject": {"modelId": {"isNull": True}}}, lambda event: event["subject"] is None),
    "outcome": (
        {"outcome": {"in": ["DENIED", "FAILURE"]}, "actor": {"id": {"ne": "admin"}}},
        lambda event: event["outcome"] in {"denied", "failure"},
    ),
    "time": (
        {"occurredAt": {"gte": "2026-03-01T13:00:05.123+01:00", "lt": "2026-03-01T12:00:09.123Z"}},
        lambda event: timedelta(seconds=5) <= event["occurred_at"] - BEGUN < timedelta(seconds=9),
    ),
    "action and request": (
        {"action": {"eq": "submitForApproval"}, "request": {"ip": {"eq": "192.0.2.1"}, "token": {"eq": "alice"}}},
        lambda event: event["action"] == "submitForApproval" and event["actor"]["id"] == "alice",
    ),
    "seq": ({"seq": {"gte": 3, "lt": 7}}, lambda event: 3 <= event["seq"] < 7),
}  # fmt: skip


@pytest.mark.parametrize(("filter", "meant"), FILTERS.values(), ids=FILTERS)
async def test_events_are_found_by_what_they_say(busy: Service, filter: Raw, meant: Callable[[Raw], bool]) -> None:
    found = (await busy.ask(EVENTS, AUDREY, filter=filter))["auditEvents"]
    expected = [{"seq": event["seq"]} for event in await busy.trail() if meant(event)]
    assert found == {"totalCount": len(expected), "nodes": expected} and expected


async def test_the_trail_is_read_from_either_end(busy: Service) -> None:
    size = len(await busy.trail())
    page = "nodes { seq } pageInfo { hasNextPage hasPreviousPage endCursor }"
    first = (await busy.ask(f"{{ auditEvents(first: 2) {{ {page} }} }}", AUDREY))["auditEvents"]
    cursor = first["pageInfo"]["endCursor"]
    next_ = (await busy.ask(f'{{ auditEvents(first: 2, after: "{cursor}") {{ {page} }} }}', AUDREY))["auditEvents"]
    last = (await busy.ask(f"{{ auditEvents(last: 2) {{ {page} }} }}", AUDREY))["auditEvents"]
    assert [[each["seq"] for each in part["nodes"]] for part in (first, next_, last)] == [[0, 1], [2, 3], [size - 2, size - 1]]


EVENT = """query($seq: BigInt, $eventId: String) { auditEvent(seq: $seq, eventId: $eventId) {
  seq schemaVersion origin eventId eventType outcome occurredAt actor { id type } resource { type id }
  subject { modelId version } action details request { id ip token tokenIssuer operation }
  previousHash eventHash nodes canonical
} }"""


async def test_an_event_is_found_by_its_place_or_its_name_and_reads_as_it_was_hashed(busy: Service) -> None:
    event = (await busy.ask(EVENT, AUDREY, seq=seq_of(await busy.trail(), "saveDatasheet")))["auditEvent"]
    assert event == (await busy.ask(EVENT, AUDREY, eventId=event["eventId"]))["auditEvent"]
    said = json.loads(event["canonical"])
    assert tree.leaf_hash(event["canonical"].encode()) == event["eventHash"]
    assert event["occurredAt"] == said["occurred_at"] and event["details"] == said["details"]
    assert (event["eventType"], event["outcome"], event["actor"]["type"]) == ("DATASHEET_SAVED", "SUCCESS", "USER")
    names = {"origin": "origin", "eventId": "event_id", "previousHash": "previous_hash", "action": "action", "seq": "seq"}
    assert {event[ours] == said[theirs] for ours, theirs in names.items()} == {True}
    assert (await busy.ask(EVENT, AUDREY, seq=10**6))["auditEvent"] is None
    assert (await busy.ask(EVENT, AUDREY, eventId="AUD-0"))["auditEvent"] is None


@pytest.mark.parametrize("asked", [{}, {"seq": 1, "eventId": "AUD-1"}])
async def test_an_event_is_asked_for_in_one_way(busy: Service, asked: Raw) -> None:
    assert (await busy.refusal(EVENT, AUDREY, **asked))["code"] == "INVALID_INPUT"


QUESTIONS = {
    "auditEvents": "{ mine: auditEvents(first: 1) { nodes { seq } } yours: auditEvents(last: 1) { nodes { seq } } }",
    "auditEvent": "{ auditEvent(seq: 0) { seq } }",
    "auditVerification": "{ auditVerification { valid } }",
}


@pytest.mark.parametrize("action", QUESTIONS)
async def test_members_may_not_read_the_trail_and_that_they_tried_is_told_once(service: Service, action: str) -> None:
    for reader in (AUDREY, ADA, RITA):
        await service.ask(QUESTIONS[action], reader)
    seen = await service.size()
    for member in (ALICE, CAROL):
        refused = await service.refusal(QUESTIONS[action], member)
        assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["AUDITOR", "ADMIN", "RISK_MANAGER", "COMPLIANCE_OFFICER"])
    events = await service.trail(seen)
    assert [(event["event_type"], event["outcome"], event["action"], event["actor"]["id"]) for event in events] == [
        ("access_attempt", "denied", action, "alice"), ("access_attempt", "denied", action, "carol"),
    ]  # fmt: skip


async def test_whoever_is_accountable_for_a_version_reads_its_events(busy: Service) -> None:
    asked = "auditEvents(first: 100) { nodes { seq } }"
    own = [{"seq": event["seq"]} for event in await busy.trail() if (event["subject"] or {}).get("version") == "1.0.0"]
    for reader in (ALICE, BOB, AUDREY):
        assert (await read(busy, asked, reader))["auditEvents"]["nodes"] == own[:100]


async def test_for_anybody_else_they_are_null_and_at_the_root_denied_which_is_told(service: Service) -> None:
    await register(service)
    version = (
        '{ bot: modelVersion(modelId: "support-assistant", version: "1.0.0") { its: auditEvents(first: 1) { totalCount } } }'
    )
    seen = await service.size()
    assert await service.ask(version, CAROL) == {"bot": {"its": None}}
    assert await service.size() == seen
    assert (await service.refusal("{ all: auditEvents(first: 1) { totalCount } }", CAROL))["code"] == "FORBIDDEN"
    (event,) = await service.trail(seen)
    assert (event["outcome"], event["action"], event["actor"]["id"]) == ("denied", "auditEvents", "carol")


async def test_no_secret_is_in_the_database_or_in_the_log(
    busy: Service, server: str, issued: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = [f"mag_{whose}_{letter * 43}" for whose, letter in (("alice", "w"), ("nobody", "n"))]
    keys = [SigningKey((await Stored.of(busy)).heads[0]["origin"], bytes([each]) * 32) for each in (1, 2)]
    mistaken = {"name": "laptop", "holder": {"userId": "nobody"}}
    for each in wrong:
        await busy.refused("revokeApiToken", Person("alice", each), tokenId="alice")
        await busy.refused("revokeApiToken", Person("alice", f"{each} {each}"), tokenId="alice")
        await busy.refused("revokeApiToken", ALICE, tokenId=each)
    headers = {"authorization": f"Bearer {ADA.token}", "idempotency-key": ALICE.token}
    for said in (mistaken, {"name": "laptop"}):
        asked = {"query": mutating("createApiToken", "token"), "variables": {"input": said}}
        made = (await busy.http.post("/graphql", json=asked, headers=headers)).json()["data"]["createApiToken"]
        issued += [made["token"]] if made else []
    with busy.database.bound():
        for key in keys:
            await checkpoint(key, busy.now)
    away = Service("mongodb://somebody:to-the-database@127.0.0.1:9/", serverSelectionTimeoutMS=50)
    assert (await away.refusal("{ viewer { id } }"))["code"] == "UNAVAILABLE"
    await away.close()
    tokens = [*issued, *wrong, *(each.token for each in (ADA, *STAFF, EVE, DORA, TOM))]
    secrets = [*(parted(each)[1] for each in tokens), *(key.text.rpartition("+")[2] for key in keys), "to-the-database"]
    collections = busy.database.collections
    stored = {each: await collections[each].find().to_list(None) for each in await collections.list_collection_names()}
    said = {"database": repr(stored), "log": caplog.text}
    assert len(issued) == 5 and "rotateAuditKey" in said["database"] and "idempotency_keys" in stored
    assert [(place, each) for place, text in said.items() for each in secrets if each in text] == []
    digests = [sha256(each.encode()).hexdigest() for each in secrets]
    assert [each for each in digests if each in repr(stored["audit_events"])] == []
