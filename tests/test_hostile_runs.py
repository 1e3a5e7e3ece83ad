"""What is stored of the server's own verifications stops none and makes none be left out; and what the server says meanwhile."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from annotated_types import Le
from bson import ObjectId
from pydantic import SecretStr

from documents.audit.notes import SigningKey
from documents.audit.trail import AuditHead
from documents.seals import Keyring, SecretKey
from gql import firststart, unrecorded
from gql.checkpoints import checkpoint
from gql.faults import SettingRefused
from gql.settings import Settings, read_settings
from gql.verifications import verification
from tests.examples import attach, register
from tests.hostile_values import VALUES, altered, at, is_same, replace
from tests.operators import Operator
from tests.service import AUDREY, SECRET_KEY, Person, Service
from tests.trails import EVERY, turn
from tests.trails import grown as grown  # noqa: PLC0414

pytestmark = pytest.mark.tampers
Raw = dict[str, Any]
RUNS, TURNS, HEAD, SIGNED = "audit_verifications", "audit_verification_turns", "audit_head", "audit_checkpoints"


@pytest.fixture(scope="module")
async def begun(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    with service.database.bound():
        await register(service)
        key = SigningKey((await AuditHead.require("head")).origin, bytes(range(32)))
        for each in range(2):
            await attach(service, title=str(each))
            await checkpoint(key, service.now)
    for collection in (RUNS, TURNS, HEAD, SIGNED):
        await service.database.collection(collection).drop_indexes()
    yield service
    await service.close()


async def only(service: Service, collection: str, by: str = "_id") -> Raw:
    """The last document of a collection."""
    (found,) = await service.database.collection(collection).find().sort(by, -1).limit(1).to_list(None)
    return dict(found)


async def ready(service: Service) -> str:
    return (await service.http.get("/readyz")).text.split("audit trail: ")[1].strip()


SOME = (
    "missing", "null", "not a number", "10**12", "2**62", "text", "far date", "decimal not a number", "list", "object", "max key",
)  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "field",
    ["number", "began_at", "ended_at", "found", "found.fault_count", "found.tree_size", "found.faults", "due_at", "is_news"],
)
async def test_no_value_in_the_last_run_stops_the_next(grown: Service, field: str) -> None:
    for name in SOME:
        value = VALUES[name]
        sound = await turn(grown)
        assert sound and sound.found.valid, name
        last = await only(grown, RUNS, "number")
        hostile = altered(last, field, value)
        if is_same(at(hostile, field), at(last, field)) or not await replace(grown, RUNS, hostile):
            continue
        said, told = await ready(grown), await grown.ask("{ dashboard { audit { chainIntegrity { valid } } } }", AUDREY)
        assert said and told
        run = await turn(grown)
        assert run and await grown.database.collection(RUNS).count_documents({"number": run.number}) == 1, name
        # What has the form of a run is one, such as one of a trail of another size, which is then found to be shorter.
        kinds = {each.kind.name for each in run.found.faults}
        assert kinds <= {"RUN_ALTERED", "TAIL_CUT", "REWRITTEN"}, name
        honest = (field, name) in {("due_at", "missing"), ("due_at", "null"), ("found.fault_count", "10**12")}
        assert kinds or honest, name
        if kinds - {"RUN_ALTERED"}:
            await grown.database.collection(RUNS).delete_many({})


@pytest.mark.exhaustive
@pytest.mark.parametrize("field", ["name", "number", "due_at", "revision"])
async def test_no_value_in_the_turn_stops_the_next_run(grown: Service, field: str) -> None:
    for name in SOME:
        value = VALUES[name]
        assert await turn(grown), name
        taken = await only(grown, TURNS)
        hostile = altered(taken, field, value)
        if is_same(at(hostile, field), at(taken, field)) or not await replace(grown, TURNS, hostile):
            continue
        before = (await only(grown, RUNS, "number"))["number"]
        run = await turn(grown)
        assert run and run.number > before, name
        assert {each.kind.name for each in run.found.faults} <= {"RUN_ALTERED"}, name


async def test_a_turn_that_is_due_in_a_thousand_years_and_a_second_one_are_no_turns(grown: Service) -> None:
    assert await turn(grown)
    taken, turns = await only(grown, TURNS), grown.database.collection(TURNS)
    await turns.update_one({}, {"$set": {"due_at": grown.now + timedelta(days=365_000)}})
    run = await turn(grown)
    assert run and [each.kind.name for each in run.found.faults] == ["RUN_ALTERED"] and run.is_news
    await turns.insert_one(taken | {"_id": ObjectId(), "due_at": grown.now + timedelta(hours=20)})
    run = await turn(grown)
    assert run and [each.kind.name for each in run.found.faults] == ["RUN_ALTERED"]
    assert (run := await turn(grown)) and run.found.valid


@pytest.mark.parametrize("seconds", ["86401", "604800"])
def test_a_wait_of_more_than_a_day_between_runs_is_refused(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    """A server that is started again with a shorter one would call the turn that is due then altered."""
    monkeypatch.setenv("MAGISTRATE_VERIFICATION_SECONDS", seconds)
    with pytest.raises(SettingRefused, match="1 to 86400"):
        read_settings()


async def test_a_restart_with_a_shorter_wait_is_sound(grown: Service) -> None:
    longest = next(each.le for each in Settings.model_fields["verification_seconds"].metadata if isinstance(each, Le))
    assert await verification(None, lambda: grown.now, float(str(longest)))
    grown.later(minutes=1)
    assert await faults(grown) in ([], None)
    grown.later(days=1)
    assert await faults(grown) == []


async def test_the_first_run_after_an_upgrade_believes_the_turn_of_an_earlier_release(grown: Service) -> None:
    """Its operator may have set a wait of a week. Its runs have no seal."""
    assert await turn(grown)
    await grown.database.collection(RUNS).update_many({}, {"$unset": {"mac": "", "due_at": ""}})
    await grown.database.collection(TURNS).update_many({}, {"$set": {"due_at": grown.now + timedelta(days=7)}})
    grown.later(minutes=1)
    assert await faults(grown) == [] and (await ready(grown)).startswith("no fault in ")


async def test_a_run_of_the_future_is_none(grown: Service) -> None:
    assert await turn(grown)
    last = await only(grown, RUNS, "number")
    future = {"began_at": grown.now + timedelta(days=9_999), "ended_at": grown.now + timedelta(days=10_000), "number": 10**6}
    await grown.database.collection(RUNS).insert_one(last | {"_id": ObjectId()} | future)
    assert "altered" in await ready(grown)
    run = await turn(grown)
    assert run and [each.kind.name for each in run.found.faults] == ["RUN_ALTERED"] and run.number < 10**6
    assert (await ready(grown)).startswith("NOT SOUND")
    assert await turn(grown) and (await ready(grown)).startswith("no fault in ")


async def faults(service: Service) -> list[str] | None:
    run = await verification(None, lambda: service.now, EVERY)
    return None if run is None else [each.kind.name for each in run.found.faults]


@pytest.mark.exhaustive
@pytest.mark.parametrize("fast", [{"minutes": 5}, {"minutes": 60}, {"hours": 23}, {"days": 9}])
async def test_a_clock_that_was_fast_and_was_set_right_is_no_alteration(grown: Service, fast: dict[str, float]) -> None:
    assert await turn(grown)
    right = grown.now
    for number in range(2):
        grown.now = right + timedelta(**fast) + timedelta(seconds=number * 2 * EVERY)
        if "days" in fast:  # the trail tells of such a clock
            await grown.do("updateModelVersion", **(TOUCHED | {"restrictions": [str(grown.now)]}))
        assert await turn(grown)
    grown.now = right + timedelta(seconds=1)
    seen = await grown.size()
    for _ in range(2):
        assert "altered" not in await ready(grown)
        grown.later(minutes=1)
        found = await faults(grown)
        assert found == [] or (found is None and _), fast
    assert (await ready(grown)).startswith("no fault in ") and await grown.size() == seen
    grown.later(seconds=EVERY)
    assert await faults(grown) == []
    grown.later(**fast)  # the time of the fast clock has come
    grown.later(minutes=10)
    assert await faults(grown) == [] and (await ready(grown)).startswith("no fault in ")


@pytest.mark.parametrize("planted", [{"number": 10**6}, {"ended_at": timedelta(days=2)}, {"found": 7}])
async def test_a_run_that_no_fast_clock_explains_was_altered(grown: Service, planted: Raw) -> None:
    assert await turn(grown)
    last = await only(grown, RUNS, "number")
    later = {"began_at": grown.now + timedelta(hours=1), "ended_at": grown.now + timedelta(hours=1)}
    planted = {name: grown.now + each if isinstance(each, timedelta) else each for name, each in planted.items()}
    await grown.database.collection(RUNS).insert_one(last | {"_id": ObjectId(), "number": last["number"] + 1} | later | planted)
    assert "altered" in await ready(grown)
    run = await turn(grown)
    assert run and [each.kind.name for each in run.found.faults] == ["RUN_ALTERED"]


CHAIN = "{ dashboard { audit { chainIntegrity { valid unverifiedSince } } } }"


async def test_what_was_not_verified_for_long_is_not_called_sound(grown: Service) -> None:
    run = await turn(grown)
    assert run and (await ready(grown)).startswith("no fault in ")
    since = run.ended_at.strftime("%Y-%m-%dT%H:%M:%S")
    grown.later(minutes=14)
    assert (await ready(grown)).startswith("no fault in ")
    grown.later(minutes=2)
    assert (await ready(grown)).startswith(f"NOT VERIFIED since {since}Z, when ")
    chain = (await grown.ask(CHAIN, AUDREY))["dashboard"]["audit"]["chainIntegrity"]
    assert chain["valid"] is None and chain["unverifiedSince"].startswith(since)
    assert await turn(grown) and (await ready(grown)).startswith("no fault in ")
    assert (await grown.ask(CHAIN, AUDREY))["dashboard"]["audit"]["chainIntegrity"] == {"valid": True, "unverifiedSince": None}


async def test_faults_that_are_known_stay_said_when_nothing_is_verified_any_more(grown: Service) -> None:
    events = grown.database.collection("audit_events")
    await events.update_one({"seq": 3}, {"$set": {"outcome": "failure"}})
    assert await turn(grown)
    grown.later(hours=1)
    assert (await ready(grown)).startswith("NOT SOUND, faults: 1 in ") and (await ready(grown)).endswith(
        ", and not verified since"
    )
    assert (await grown.ask(CHAIN, AUDREY))["dashboard"]["audit"]["chainIntegrity"]["valid"] is False


TOUCHED: Raw = {"modelId": "support-assistant", "version": "1.0.0", "restrictions": ["None"]}
RESTRICTIONS = '{ modelVersion(modelId: "support-assistant", version: "1.0.0") { restrictions } }'
NOBODY = Person("nobody", f"mag_nobody_{'x' * 43}")


async def test_an_event_beyond_the_head_refuses_mutations_and_reads_go_on(
    grown: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unrecorded, "_quiet", unrecorded.Quiet(unrecorded.SECONDS))
    events, last = grown.database.collection("audit_events"), await only(grown, "audit_events", "seq")
    beyond = {"_id": ObjectId(), "seq": last["seq"] + 1, "event_id": "AUD-1", "previous_hash": "1" * 64}
    await events.insert_one(last | beyond)
    size = await events.count_documents({})
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            refused = await grown.refused("updateModelVersion", **TOUCHED)
            assert refused == {"code": "TRAIL_NOT_SOUND", "problem": f"it counts {last['seq'] + 1} events, and there are more"}
        assert (await grown.refusal(RESTRICTIONS, NOBODY))["code"] == "UNAUTHENTICATED"
    assert len([each for each in caplog.records if "the end of the audit trail was altered" in each.getMessage()]) == 1
    assert await events.count_documents({}) == size
    assert (await grown.ask(RESTRICTIONS))["modelVersion"]


CHANGES: list[Raw] = [{"size": 3}, {"last_hash": "0" * 64}, {"edge": ["0" * 64]}, {"size": "many"}, {"origin": "other"}]


@pytest.mark.exhaustive
@pytest.mark.parametrize("change", CHANGES)
async def test_a_head_that_contradicts_the_events_is_met_by_every_process(grown: Service, change: Raw) -> None:
    other = Service(str(grown.settings.mongodb_uri), grown.database.name)
    head = await only(grown, HEAD)
    await grown.database.collection(HEAD).update_one({}, {"$set": change})
    for service in (grown, other):
        assert (await service.refused("updateModelVersion", **TOUCHED))["code"] == "TRAIL_NOT_SOUND"
    assert "NOT SOUND" in await ready(grown) or change["size"] != "many" if "size" in change else True
    await grown.database.collection(HEAD).replace_one({}, head)
    await other.do("updateModelVersion", **TOUCHED)
    await grown.do("updateModelVersion", **(TOUCHED | {"restrictions": ["Two"]}))  # whose head another process moved
    await other.close()


async def test_a_server_starts_over_a_head_that_was_altered_and_says_why_it_cannot(grown: Service) -> None:
    heads = grown.database.collection(HEAD)
    await heads.update_one({}, {"$set": {"size": "many"}})
    origin, _ = await firststart.prepare(grown.settings, grown.database, lambda: grown.now)
    assert origin == (await only(grown, HEAD))["origin"]
    for name in (5, "elsewhere.example"):
        await heads.update_one({}, {"$set": {"origin": name}})
        assert await firststart.prepare(grown.settings, grown.database, lambda: grown.now) == (origin, None)
    await heads.update_one({}, {"$set": {"origin": 5}})
    await grown.database.collection("audit_events").update_many({}, {"$set": {"origin": 5}})
    with pytest.raises(Exception, match="magistrate audit verify"):
        await firststart.prepare(grown.settings, grown.database, lambda: grown.now)


async def test_an_event_beyond_the_end_gives_the_trail_no_other_name(grown: Service) -> None:
    last, head = await only(grown, "audit_events", "seq"), await only(grown, HEAD)
    beyond = {
        "_id": ObjectId(),
        "seq": last["seq"] + 1,
        "event_id": "AUD-1",
        "previous_hash": "1" * 64,
        "origin": "elsewhere.example",
    }
    await grown.database.collection("audit_events").insert_one(last | beyond)
    assert (await firststart.prepare(grown.settings, grown.database, lambda: grown.now))[0] == head["origin"]


@pytest.mark.parametrize("change", [{"$unset": {"mac": ""}}, {"$set": {"size": "many"}}, {"$set": {"last_hash": "0" * 64}}])
async def test_a_server_that_has_something_to_write_starts_over_a_head_that_was_altered(
    grown: Service, change: Raw, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another secret key, other review days, newer rules and the token of the settings wait for the next start."""
    monkeypatch.setattr(unrecorded, "_quiet", unrecorded.Quiet(0))
    await grown.database.collection(HEAD).update_one({}, change)
    await grown.database.collection("rules").update_many({}, {"$inc": {"number": -1}})
    other = Service(grown.uri, grown.database.name)
    other.now = grown.now
    other.database.keyring = Keyring(SecretKey("k2", b"n" * 32), SECRET_KEY)
    days = tuple(each + 1 for each in grown.settings.review_days)
    token = SecretStr(f"mag_fresh_{'x' * 43}")
    settings = grown.settings.model_copy(update={"review_days": days, "admin_token": token})
    size = len(await grown.trail())
    origin, _ = await firststart.prepare(settings, other.database, lambda: grown.now)
    assert origin == (await only(grown, "audit_events", "seq"))["origin"]
    said = [each for each in caplog.records if "the end of the audit trail was altered" in each.getMessage()]
    assert len(said) == 4
    assert len(await grown.trail()) == size and await other.ask(RESTRICTIONS)
    assert "NOT SOUND" in (await other.http.get("/readyz")).text
    await other.close()


async def test_commands_over_a_hostile_head_end_with_a_status_of_their_own(grown: Service, tmp_path: Path) -> None:
    grown.written_elsewhere = True
    operator = Operator({"MONGODB_URI": str(grown.settings.mongodb_uri), "DATABASE": grown.database.name})
    heads, signed = grown.database.collection(HEAD), grown.database.collection(SIGNED)
    await signed.drop_indexes()
    for number, size in enumerate(("many", -5, 10**12, 2.5)):
        await heads.update_one({}, {"$set": {"size": size}})
        assert (await operator.does("verify", "--json")).status == 13
        assert (await operator.does("export", tmp_path / str(number))).status == 13
        assert (await operator.does("verify", tmp_path / str(number))).status == 13
        assert (await operator.does("prove", 3)).status in {0, 13}
        assert (await operator.does("checkpoint")).status in {12, 13}
    await signed.update_many({}, {"$set": {"size": "many"}})
    await signed.insert_one({"text": None})
    assert (await operator.does("verify")).status == 13
