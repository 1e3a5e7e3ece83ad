"""The trail in the database: what it holds, who may read it, and what its verification finds when somebody was there."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from documents.access import GovernanceRole
from documents.audit import tree, verify
from documents.audit.notes import SigningKey
from documents.audit.schema import cited
from documents.audit.verification import GENESIS
from documents.migrations import SCHEMA
from documents.tokens import parted
from gql.checkpoints import checkpoint
from tests.examples import BOT, attach, read, register
from tests.journey import every_mutation
from tests.operations import DORA, TOM
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, NOW, RITA, STAFF, Person, Service, mutating, person
from tests.trails import Raw, Stored, exported, forged

EVE = person("eve", GovernanceRole.MODEL_OWNER)
REPORT = "valid first last eventsVerified treeSize root faultCount caveats faults { kind seq }"
VERIFICATION = f"query($from: BigInt! = 0, $to: BigInt) {{ auditVerification(from: $from, to: $to) {{ {REPORT} }} }}"


async def verified(service: Service, **range: int) -> Any:
    return (await service.ask(VERIFICATION, AUDREY, **range))["auditVerification"]


@pytest.fixture(scope="module")
def issued() -> list[str]:
    """The tokens that mutations of the busy trail were answered with."""
    return []


@pytest.fixture(scope="module")
async def busy(server: str, issued: list[str]) -> AsyncIterator[Service]:
    """A trail of every kind of event, with refusals between, a second apart."""
    service = await Service.started(server)
    await service.enrol(EVE, DORA, TOM)
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
        ("access_granted", "Stakeholder", "admin"), ("system_started", "Migration", str(SCHEMA)),
        ("policy_changed", "RulesInForce", "rules"), ("access_granted", "ApiToken", "first"),
    ]  # fmt: skip
    assert [event["seq"] for event in begun] == list(range(8)) and begun[0]["previous_hash"] == GENESIS
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
    growing = asyncio.gather(*(attach(service, title=str(each)) for each in range(15)))
    reports = []
    while not growing.done():
        reports.append(await verified(service))
    assert all(report["valid"] for report in reports)
    assert len({report["treeSize"] for report in reports}) > 2


async def test_a_range_is_verified_by_itself_and_says_what_it_believes(busy: Service) -> None:
    size = len(await busy.trail())
    whole, middle, end = await verified(busy), await verified(busy, **{"from": 9, "to": 20}), await verified(busy, **{"from": 21})
    assert (middle["valid"], middle["first"], middle["last"], middle["treeSize"]) == (True, 9, 20, 21)
    assert middle["caveats"] == ["UNANCHORED", "BEGINNING_BELIEVED", "HEAD_NOT_COMPARED"]
    assert (end["valid"], end["eventsVerified"], end["root"]) == (True, size - 21, whole["root"])
    assert end["caveats"] == ["UNANCHORED", "BEGINNING_BELIEVED"]


@pytest.mark.parametrize("range", [{"from": -1}, {"from": 10**9}, {"from": 5, "to": 4}])
async def test_a_range_outside_the_trail_is_invalid(busy: Service, range: dict[str, int]) -> None:
    refused = await busy.refusal(VERIFICATION, AUDREY, **range)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "from")


async def test_a_range_too_long_for_one_call_is_refused(busy: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = verify.verify.__kwdefaults__ or {}
    assert at_once["limit"] == 50_000
    monkeypatch.setitem(at_once, "limit", 20)
    refused = await busy.refusal(VERIFICATION, AUDREY)
    assert refused == {
        "code": "LIMIT_EXCEEDED",
        "what": "the number of events in a verification",
        "size": len(await busy.trail()),
        "limit": 20,
    }
    assert (await verified(busy, **{"from": 5, "to": 24}))["valid"]


FAR = 1_000_000  # a number far behind the end


@pytest.fixture(scope="module")
async def unguarded(busy: Service) -> Service:
    """The busy trail without indexes: whoever writes to a database can drop what would be in the way."""
    await busy.database.collection("audit_events").drop_indexes()
    return busy


@asynccontextmanager
async def tampered(service: Service, tamper: "Tamper", at: int) -> AsyncIterator[None]:
    """Inside, what is stored is as `tamper` leaves it."""
    honest, altered = await Stored.of(service), await Stored.of(service)
    tamper(altered, at)
    try:
        await altered.written(service)
        yield
    finally:
        await honest.written(service)


Tamper = Callable[[Stored, int], Any]
HEAD = ("HEAD_DIFFERS", None)
TAMPERS: dict[str, tuple[Tamper, set[tuple[str, str | None]]]] = {}


def finds(*faults: tuple[str, str | None]) -> Callable[[Tamper], Tamper]:
    """Declares a way to tamper with a trail at one event, and the faults that a verification must find then, and where."""

    def declare(tamper: Tamper) -> Tamper:
        TAMPERS[tamper.__name__] = tamper, set(faults)
        return tamper

    return declare


@finds(("FIELD_DIFFERS", "there"))
def a_field_edited(stored: Stored, at: int) -> None:
    stored.events[at]["outcome"] = "failure"


@finds(("FIELD_DIFFERS", "there"))
def details_edited(stored: Stored, at: int) -> None:
    stored.events[at]["details"]["changes"].pop()


@finds(("UNKNOWN_FIELD", "there"))
def a_field_added(stored: Stored, at: int) -> None:
    stored.events[at]["note"] = "approved by telephone"


@finds(("MISSING_FIELD", "there"))
def a_field_removed(stored: Stored, at: int) -> None:
    del stored.events[at]["subject"]


@finds(("INVALID_FIELD", "there"))
def a_time_stored_as_text(stored: Stored, at: int) -> None:
    stored.events[at]["occurred_at"] = json.loads(stored.events[at]["canonical"])["occurred_at"]


@finds(("FIELD_DIFFERS", "there"), ("HASH_DIFFERS", "there"))
def the_bytes_edited(stored: Stored, at: int) -> None:
    stored.events[at]["canonical"] = stored.events[at]["canonical"].replace(b'"success"', b'"failure"')


@finds(("NOT_CANONICAL", "there"))
def the_bytes_removed(stored: Stored, at: int) -> None:
    stored.events[at]["canonical"] = None


@finds(("BROKEN_LINK", "after"), HEAD)
def an_event_edited_and_hashed(stored: Stored, at: int) -> None:
    stored.events[at]["outcome"] = "failure"
    Stored([stored.events[at]], [], []).chained(stored.events[at]["previous_hash"])


@finds(HEAD)
def an_event_edited_and_everything_hashed_under_the_same_head(stored: Stored, at: int) -> None:
    stored.events[at]["outcome"] = "failure"
    stored.chained()


@finds(("MISSING_EVENTS", "after"))
def an_event_deleted(stored: Stored, at: int) -> None:
    del stored.events[at]


@finds(("MISSING_EVENTS", "after"))
def an_event_deleted_and_the_rest_chained(stored: Stored, at: int) -> None:
    del stored.events[at]
    stored.headed()


@finds(("MISSING_EVENTS", "end"))
def an_event_deleted_and_the_rest_numbered_and_chained_under_the_same_head(stored: Stored, at: int) -> None:
    del stored.events[at]
    stored.numbered()
    stored.chained()


@finds(("MISSING_EVENTS", "end"), HEAD)
def the_tail_cut(stored: Stored, at: int) -> None:
    del stored.events[-3:]


@finds(("FIELD_DIFFERS", "there"), ("FIELD_DIFFERS", "after"), ("BROKEN_LINK", "there"))
def two_events_in_each_others_place(stored: Stored, at: int) -> None:
    stored.events[at : at + 2] = stored.events[at + 1], stored.events[at]
    stored.numbered()


@finds(("TIME_REVERSED", "after"))
def two_events_in_each_others_place_and_everything_hashed(stored: Stored, at: int) -> None:
    two_events_in_each_others_place(stored, at)
    stored.headed()


@finds(HEAD)
def an_event_inserted_and_everything_hashed_under_the_same_head(stored: Stored, at: int) -> None:
    stored.events.insert(at, forged(stored.events[at]))
    stored.numbered()
    stored.chained()


@finds(("DUPLICATE_ID", "after"))
def an_id_used_twice(stored: Stored, at: int) -> None:
    stored.events[at + 1]["event_id"] = stored.events[at]["event_id"]
    stored.headed()


@finds(("ORIGIN_DIFFERS", "there"))
def an_event_of_another_trail(stored: Stored, at: int) -> None:
    stored.events[at]["origin"] = "elsewhere.example"
    stored.headed()


@finds(("REPEATED_SEQ", "there"))
def an_event_there_twice(stored: Stored, at: int) -> None:
    stored.events.insert(at, forged(stored.events[at]))


@finds(("TIME_REVERSED", "end"))
def an_event_appended_with_an_earlier_time(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[at], seq=len(stored.events)))
    stored.headed()


@finds(("MISSING_EVENTS", "end"))
def a_number_left_out(stored: Stored, at: int) -> None:
    stored.events[-1]["seq"] += 1
    stored.headed()


@finds(HEAD)
def an_event_behind_the_head(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1], seq=len(stored.events)))


@finds(("MISSING_EVENTS", "far"))
def an_event_far_behind_the_head(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1], seq=FAR))


@finds(("INVALID_FIELD", "end"))
def an_event_with_a_negative_number(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1], seq=-1))


@finds(("INVALID_FIELD", "end"))
def an_event_with_a_fraction_for_a_number(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1], seq=len(stored.events) + 0.5))


@finds(("INVALID_FIELD", "end"))
def an_event_with_a_text_for_a_number(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1], seq="1"))


@finds(("INVALID_FIELD", "end"))
def an_event_without_a_number(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1]))
    del stored.events[-1]["seq"]


@finds(HEAD)
def the_head_rolled_back(stored: Stored, at: int) -> None:
    tail = stored.events[-3:]
    del stored.events[-3:]
    stored.headed()
    stored.events += tail


@finds(("HEAD_MISSING", None))
def the_head_removed(stored: Stored, at: int) -> None:
    stored.heads.clear()


@finds(("NODES_DIFFER", "odd"))
def nodes_altered(stored: Stored, at: int) -> None:
    stored.events[at | 1]["nodes"][0] = GENESIS


@finds(("CONTENT_ALTERED", "there"))
def a_content_altered(stored: Stored, at: int) -> None:
    content = stored.content(next(iter(cited(stored.events[at]))))
    content["canonical"] = content["canonical"].replace("Closed", "Open")


@finds(("CONTENT_MISSING", "there"))
def a_content_removed(stored: Stored, at: int) -> None:
    stored.contents.remove(stored.content(next(iter(cited(stored.events[at])))))


@finds(("CONTENT_ALTERED", "closing"))
def a_closed_round_of_approvals_altered(stored: Stored, at: int) -> None:
    (content,) = [each for each in stored.contents if each["kind"] == "approval_round"]
    content["canonical"] = content["canonical"].replace('"rejected"', '"approved"')


@pytest.mark.parametrize("name", TAMPERS)
async def test_whoever_writes_to_the_database_is_found_out(unguarded: Service, name: str, tmp_path: Path) -> None:
    tamper, expected = TAMPERS[name]
    honest = await Stored.of(unguarded)
    at = seq_of(honest.events, "saveDatasheet")  # with a content, and before the clock went on
    (closed,) = [each for each in honest.contents if each["kind"] == "approval_round"]
    closing = next(event["seq"] for event in honest.events if closed["digest"] in cited(event))
    places = {"there": at, "after": at + 1, "odd": at | 1, "closing": closing, "end": len(honest.events), "far": FAR, None: None}
    async with tampered(unguarded, tamper, at):
        report = await verified(unguarded)
        assert await exported(unguarded, tmp_path) == report["faults"]
    assert not report["valid"]
    assert {(fault["kind"], fault["seq"]) for fault in report["faults"]} >= {(kind, places[place]) for kind, place in expected}
    assert (await verified(unguarded))["valid"]


def seq_of(trail: Sequence[Raw], action: str) -> int:
    """The last event of the first mutation of that name."""
    first = next(event for event in trail if event["action"] == action and event["outcome"] == "success")
    return int(max(event["seq"] for event in trail if event["request"] == first["request"]))


def pretend(stored: Stored, at: int) -> None:
    """Swaps what two events of one version seem to be, and not what their bytes say."""
    other = seq_of(stored.events, "saveModelCard")
    stored.events[at]["event_type"], stored.events[other]["event_type"] = "model_updated", "model_registered"


PROOFS: dict[str, Tamper] = {
    "its bytes are edited": lambda stored, at: stored.events[at].update(canonical=b"{}"),
    "its bytes are another version's": lambda stored, at: stored.events[at].update(canonical=stored.events[at + 2]["canonical"]),
    "its bytes are gone": lambda stored, at: stored.events[at].pop("canonical"),
    "another event of the version pretends to be it": pretend,
    "its number is another": lambda stored, at: stored.events[at].update(seq=FAR),
    "its number is a text": lambda stored, at: stored.events[at].update(seq=str(at)),
    "its number is gone": lambda stored, at: stored.events[at].pop("seq"),
    "it is removed": lambda stored, at: stored.events.pop(at),
    "the hash beside it is altered": lambda stored, at: stored.events[at ^ 1].update(event_hash=GENESIS),
    "the hash beside it is garbage": lambda stored, at: stored.events[at ^ 1].update(event_hash=7),
    "nodes beside its way to the root are altered": lambda stored, at: beside(stored, at).update(nodes=[GENESIS] * 9),
    "nodes beside its way to the root are gone": lambda stored, at: beside(stored, at).pop("nodes"),
    "the head has another root": lambda stored, at: stored.heads[0].update(edge=stored.heads[0]["edge"][::-1]),
    "there is no head": lambda stored, at: stored.heads.clear(),
}


def beside(stored: Stored, at: int) -> Raw:
    """An event that stores nodes which the proof of another needs."""
    needed = tree.subtrees_for_inclusion(at, len(stored.events))
    return stored.events[min(each.completed_by for each in needed if each.level)]


async def unmet(service: Service, version: str = "1.0.0") -> set[str]:
    found = await read(service, "eligibility { violations { requirementId } }", version=version)
    return {each["requirementId"] for each in found["eligibility"]["violations"]}


@pytest.mark.parametrize("name", PROOFS)
async def test_a_registration_that_the_trail_does_not_prove_is_none(unguarded: Service, name: str) -> None:
    assert "POL-003.audit-logging" not in await unmet(unguarded)
    async with tampered(unguarded, PROOFS[name], seq_of((await Stored.of(unguarded)).events, "registerModel")):
        assert "POL-003.audit-logging" in await unmet(unguarded)


async def test_a_version_that_was_never_registered_borrows_no_registration(unguarded: Service) -> None:
    versions = unguarded.database.collection("model_versions")
    (registered,) = await versions.find({"version": "1.0.0"}).to_list(None)
    await versions.insert_one(registered | {"_id": ObjectId(), "version": "1.0.1"})
    assert "POL-003.audit-logging" in await unmet(unguarded, "1.0.1")
    await versions.delete_one({"version": "1.0.1"})


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


async def test_nobody_else_does_not_and_that_is_told(service: Service) -> None:
    await register(service)
    version = (
        '{ bot: modelVersion(modelId: "support-assistant", version: "1.0.0") { its: auditEvents(first: 1) { totalCount } } }'
    )
    answer = (await service.post(version, by=CAROL)).json()
    assert answer["data"] == {"bot": {"its": None}} and answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    event = await service.last()
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
    assert len(issued) == 4 and "rotateAuditKey" in said["database"] and "idempotency_keys" in stored
    assert [(place, each) for place, text in said.items() for each in secrets if each in text] == []
    digests = [sha256(each.encode()).hexdigest() for each in secrets]
    assert [each for each in digests if each in repr(stored["audit_events"])] == []
