"""The server verifies the trail by itself: in turns, what came since, and in good time everything; each run is kept."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from documents.audit import runs, verify
from documents.audit.notes import SigningKey
from documents.audit.runs import VerificationRun, VerificationTurn
from documents.audit.trail import AuditHead
from documents.kinds import open_database
from gql.app import create_app
from gql.checkpoints import checkpoint
from gql.firststart import utc_now
from gql.verifications import verification
from tests.examples import attach, register
from tests.service import AUDREY, Service
from tests.trails import EVERY, Stored, turn
from tests.trails import grown as grown  # noqa: PLC0414

Raw = dict[str, Any]
RUNS = """query($filter: VerificationRunFilter, $orderBy: [VerificationRunOrder!]) {
    auditVerifications(first: 100, filter: $filter, orderBy: $orderBy) { totalCount nodes {
        number beganAt endedAt isWhole isNews checkpointSize
        found { valid first last eventsVerified treeSize root faultCount caveats faults { kind seq detail } } } } }"""


@pytest.fixture(scope="module")
async def begun(server: str) -> AsyncIterator[Service]:
    """Without indexes: whoever writes to a database can drop what would be in the way."""
    service = await Service.started(server)
    with service.database.bound():
        await register(service)
    await service.database.collection("audit_events").drop_indexes()
    yield service
    await service.close()


async def kept(service: Service, **asked: Any) -> list[Raw]:
    found: list[Raw] = (await service.ask(RUNS, AUDREY, **asked))["auditVerifications"]["nodes"]
    return found


async def told(service: Service) -> list[Raw]:
    return [each for each in await service.trail() if each["action"] == "verifyTrail"]


async def key_of(service: Service) -> SigningKey:
    return SigningKey((await AuditHead.require("head")).origin, bytes(range(32)))


def faults(run: VerificationRun | Raw | None) -> list[tuple[str, int | None]]:
    assert run
    found: Any = run.found.faults if isinstance(run, VerificationRun) else run["found"]["faults"]
    all_ = [(each["kind"], each["seq"]) if isinstance(each, dict) else (each.kind.name, each.seq) for each in found]
    return [each for each in all_ if not each[0].startswith("RECORD_")]  # an altered trail no longer tells what is stored


async def test_a_run_verifies_what_came_since_the_last_and_says_what_it_found(grown: Service) -> None:
    key = await key_of(grown)
    signed = await checkpoint(key, grown.now)
    first = await turn(grown, key, takes=30)
    await attach(grown)
    second, third = await turn(grown, key, takes=2), await turn(grown, key, takes=2)
    assert signed and first and second and third
    size = signed.size
    assert (first.found.first, first.found.tree_size, first.is_whole) == (0, size, True)
    assert (second.found.first, second.found.tree_size, second.is_whole) == (size, size + 1, False)
    assert (third.found.first, third.found.events_verified) == (size + 1, 0)
    latest, middle, oldest = await kept(grown)
    assert [each["number"] for each in (latest, middle, oldest)] == [3, 2, 1]
    assert oldest["found"] == {
        "valid": True, "first": 0, "last": size - 1, "eventsVerified": size, "treeSize": size, "root": signed.root,
        "faultCount": 0, "caveats": [], "faults": [],
    }  # fmt: skip
    assert middle["found"]["caveats"] == ["AFTER_CHECKPOINT", "BEGINNING_BELIEVED", "RECORDS_NOT_COMPARED"]
    assert middle["checkpointSize"] == size
    assert latest["found"]["last"] is None and latest["found"]["root"] == middle["found"]["root"]
    assert (oldest["endedAt"] > oldest["beganAt"]) and not any(each["isNews"] for each in (latest, middle, oldest))
    assert await told(grown) == []


async def test_a_trail_is_verified_before_it_is_signed(grown: Service) -> None:
    run = await turn(grown)
    assert run and run.found.valid and run.checkpoint_size is None and "UNANCHORED" in [each.name for each in run.found.caveats]


async def test_an_empty_trail_is_verified_too(grown: Service) -> None:
    empty = {"size": 0, "edge": [], "last_hash": "0" * 64, "last_at": None}
    await Stored([], [(await Stored.of(grown)).heads[0] | empty], []).written(grown)
    for _ in range(2):
        run = await turn(grown)
        assert run and run.found.valid and run.found.tree_size == 0


async def test_everything_is_verified_again_as_often_as_that_is_cheap_and_once_a_day(grown: Service) -> None:
    assert await whole(grown, takes=2) and await whole(grown, takes=3.1)  # a hundred times two seconds are not five minutes
    assert not await whole(grown, takes=1)
    assert await whole(grown, takes=3000)
    grown.later(hours=23)
    assert not await whole(grown)
    grown.later(hours=1)
    assert await whole(grown)


async def whole(service: Service, takes: float = 0) -> bool:
    run = await turn(service, takes=takes)
    assert run and run.found.valid
    return run.is_whole


async def test_a_run_waits_ten_times_as_long_as_the_one_before_took(grown: Service) -> None:
    assert await turn(grown, takes=60)
    assert await turn(grown) is None  # ten minutes are not over
    assert await turn(grown)


async def test_one_process_verifies_however_many_are_due(grown: Service) -> None:
    others = [Service(str(grown.settings.mongodb_uri), grown.database.name) for _ in range(3)]

    async def takes_part(other: Service) -> VerificationRun | None:
        with other.database.bound():
            return await verification(None, lambda: grown.now, EVERY)

    for number in (1, 2):
        found = await asyncio.gather(*map(takes_part, others))
        assert [each.number for each in found if each] == [number]
        assert not any(await asyncio.gather(*map(takes_part, others)))
        grown.later(seconds=EVERY)
    for each in others:
        await each.close()


async def test_who_is_killed_at_it_keeps_nobody_waiting_for_long(grown: Service) -> None:
    assert await VerificationTurn.taken(grown.now)
    assert await verification(None, lambda: grown.now, EVERY) is None
    grown.later(seconds=59)
    assert await verification(None, lambda: grown.now, EVERY) is None
    grown.later(seconds=1)
    run = await verification(None, lambda: grown.now, EVERY)
    assert run and [each["number"] for each in await kept(grown)] == [run.number] == [2]


async def test_who_is_at_it_for_long_keeps_the_turn_and_who_lost_it_keeps_nothing(
    grown: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "WINDOW", 4)
    turns, takers = grown.database.collection("audit_verification_turns"), list[Awaitable[Any]]()

    async def lost(after: int) -> VerificationRun | None:
        """A run of whom the clock takes half a minute a window, and from whom somebody takes the turn after some."""
        grown.later(days=1)
        at, asked = grown.now, 0

        def clock() -> Any:
            nonlocal asked
            asked += 1
            if asked == after:
                takers.append(turns.update_one({}, {"$inc": {"revision": 1}}))
            return at + timedelta(seconds=30 * asked)

        return await verification(None, clock, EVERY)

    assert (run := await lost(after=-1)) and run.found.valid and run.took > timedelta(minutes=1)
    assert (await turns.find_one({}) or {})["revision"] > 3  # taken, held again and again, and given back
    assert await lost(after=2) is None and len(takers) == 1 and len(await kept(grown)) == 1
    assert await turn(grown)


async def test_a_trail_that_grows_while_it_is_verified_is_sound(grown: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "WINDOW", 3)
    key = await key_of(grown)
    await checkpoint(key, grown.now)
    other = Service(str(grown.settings.mongodb_uri), grown.database.name)
    growing = asyncio.gather(*(attach(other, title=str(each)) for each in range(20)))
    sizes = set()
    while not growing.done():
        run = await turn(grown, key)
        assert run and run.found.valid
        sizes.add(run.found.tree_size)
    await other.close()
    assert len(sizes) > 1


def an_old_event_edited(stored: Stored) -> None:
    stored.events[2]["action"] = "nothing"


def everything_hashed_again(stored: Stored) -> None:
    an_old_event_edited(stored)
    stored.headed()


def the_tail_cut(stored: Stored) -> None:
    del stored.events[-2:]
    stored.headed()


def a_content_altered(stored: Stored) -> None:
    stored.contents[0]["canonical"] += " "


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("tamper", "found", "takes", "signed"),
    [
        (an_old_event_edited, ("FIELD_DIFFERS", 2), 0, True),
        (everything_hashed_again, ("REWRITTEN", 0), 0, True),
        (everything_hashed_again, ("REWRITTEN", 0), 0, False),
        (everything_hashed_again, ("REWRITTEN", 0), 20, False),  # by a run over what came since
        (the_tail_cut, ("TAIL_CUT", -2), 0, True),
        (the_tail_cut, ("TAIL_CUT", -2), 20, False),
    ],
)
async def test_what_was_altered_between_two_runs_is_found_by_the_next_and_told_and_logged_once(
    grown: Service, caplog: pytest.LogCaptureFixture, tamper: Callable[[Stored], None], found: tuple[str, int], takes: float,
    signed: bool,
) -> None:  # fmt: skip
    key = await key_of(grown) if signed else None
    if key:
        await checkpoint(key, grown.now)
    assert (sound := await turn(grown, key, takes)) and sound.found.valid
    await attach(grown)
    honest, altered = await Stored.of(grown), await Stored.of(grown)
    tamper(altered)
    await altered.written(grown)
    kind, seq = found
    place = len(honest.events) + seq if kind == "TAIL_CUT" else seq
    with caplog.at_level(logging.ERROR):
        first = await turn(grown, key)
        assert first and faults(first) == [(kind, place)] and first.is_news
        assert first.is_whole is (takes == 0 or kind == "TAIL_CUT")
        for _ in range(3):
            again = await turn(grown, key)
            kinds = {kind for kind, _ in faults(again)}  # a trail that was cut grows by the event that tells of it
            assert again and kinds <= {kind, "REWRITTEN"} and kinds and again.is_whole and not again.is_news
    assert len(caplog.records) == 1 and f"{kind.lower()} at {place}" in caplog.text
    (event,) = await told(grown)
    assert (event["event_type"], event["outcome"], event["actor"]["id"]) == ("compliance_check", "failure", "system")
    assert event["resource"] == {"type": "VerificationRun", "id": "2"}
    of_the_trail = [each for each in event["details"]["facts"]["faults"] if "resource" not in each]
    assert of_the_trail == [{"kind": kind.lower(), "seq": place}]
    await honest.written(grown)
    assert (mended := await turn(grown, key)) and mended.found.valid and mended.is_whole
    assert [each["isNews"] for each in await kept(grown)] == [False, False, False, False, True, False]


async def test_another_fault_is_told_beside_the_one_that_is_known(grown: Service) -> None:
    stored = await Stored.of(grown)
    for tamper in (an_old_event_edited, a_content_altered):
        tamper(stored)
        await stored.written(grown)
        assert (run := await turn(grown)) and run.is_news
        stored = await Stored.of(grown)
    first, second = (each["details"]["facts"]["faults"] for each in await told(grown))
    assert first == second[:1] or first == second[-1:]
    assert {each["kind"] for each in second} == {"field_differs", "content_altered"}


async def test_a_fault_that_keeps_the_trail_from_telling_is_kept_and_logged(
    grown: Service, caplog: pytest.LogCaptureFixture
) -> None:
    stored = await Stored.of(grown)
    stored.heads.clear()
    await stored.written(grown)
    with caplog.at_level(logging.ERROR):
        await turn(grown)
    (run,) = await kept(grown)
    assert run["isNews"] and "head_missing" in caplog.text and await told(grown) == []


@pytest.mark.exhaustive
async def test_the_last_runs_are_kept_and_those_that_found_something_new_and_the_last_sound_one(
    grown: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "KEPT", 3)
    for _ in range(4):
        await turn(grown)
    assert [each["number"] for each in await kept(grown)] == [4, 3, 2]
    honest, altered = await Stored.of(grown), await Stored.of(grown)
    everything_hashed_again(altered)
    await altered.written(grown)
    for _ in range(5):
        await turn(grown)
    assert [each["number"] for each in await kept(grown)] == [9, 8, 7, 5, 4]
    await honest.written(grown)
    for _ in range(4):
        await turn(grown)
    assert [each["number"] for each in await kept(grown)] == [13, 12, 11, 5]


async def test_runs_are_listed_by_what_they_found_and_looked_up_by_their_number(grown: Service) -> None:
    await turn(grown)
    stored = await Stored.of(grown)
    an_old_event_edited(stored)
    await stored.written(grown)
    await turn(grown)
    wrong: Raw = {"found": {"faultCount": {"gt": 0}}}
    edited: Raw = {"found": {"faults": {"some": {"kind": {"eq": "FIELD_DIFFERS"}, "seq": {"lt": 3}}}}}
    for asked, numbers in (({}, [1, 2]), (wrong, [2]), (edited, [2]), ({"not": wrong}, [1]), ({"isNews": {"eq": True}}, [2])):
        listed = await kept(grown, filter=asked, orderBy=[{"beganAt": "ASC"}])
        assert [each["number"] for each in listed] == numbers, asked
    one = "query($number: BigInt!) { auditVerificationRun(number: $number) { number found { valid } } }"
    assert await grown.ask(one, AUDREY, number=2) == {"auditVerificationRun": {"number": 2, "found": {"valid": False}}}
    assert await grown.ask(one, AUDREY, number=3) == {"auditVerificationRun": None}


CHAIN = """{ dashboard { audit { chainIntegrity { valid verifiedAt lastRun { number found { faults { kind } } }
    auditVerifications(first: 100) { totalCount nodes { number } } } } } }"""


async def shown(service: Service) -> tuple[Raw, str]:
    """What the dashboard says of the trail, and `/readyz`."""
    ready = await service.http.get("/readyz")
    assert ready.status_code == 200 and ready.text.startswith("ready\naudit trail: ")
    told: Raw = (await service.ask(CHAIN, AUDREY))["dashboard"]["audit"]["chainIntegrity"]
    return told, ready.text.split("audit trail: ")[1].strip()


async def test_the_dashboard_and_readiness_say_what_the_last_run_found_and_when(grown: Service) -> None:
    chain, ready = await shown(grown)
    nothing: Raw = {"totalCount": 0, "nodes": []}
    assert chain == {"valid": None, "verifiedAt": None, "lastRun": None, "auditVerifications": nothing}
    assert ready == "not verified yet"
    run = await turn(grown)
    assert run
    chain, ready = await shown(grown)
    at = run.ended_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (chain["valid"], chain["lastRun"]) == (True, {"number": 1, "found": {"faults": []}})
    assert ready == f"no fault in {run.found.tree_size} events at {at}" and chain["verifiedAt"][:19] == at[:19]
    stored = await Stored.of(grown)
    an_old_event_edited(stored)
    await stored.written(grown)
    assert (await shown(grown))[0]["valid"]  # a question verifies nothing
    await turn(grown)
    chain, ready = await shown(grown)
    assert not chain["valid"] and chain["lastRun"]["found"] == {"faults": [{"kind": "FIELD_DIFFERS"}]}
    assert chain["auditVerifications"] == {"totalCount": 2, "nodes": [{"number": 2}, {"number": 1}]}
    assert ready.startswith(f"NOT SOUND, faults: 1 in {run.found.tree_size} events at ")
    await grown.database.collection("audit_verifications").update_one({"number": 2}, {"$set": {"found": "nothing"}})
    ready = (await grown.http.get("/readyz")).text
    assert "NOT SOUND" in ready and "altered" in ready


async def test_whatever_serves_verifies_by_itself_in_turns(grown: Service) -> None:
    """On the clock of every day, every second."""
    grown.written_elsewhere = True
    uri, named, key = str(grown.settings.mongodb_uri), grown.database.name, await key_of(grown)
    often = grown.settings.model_copy(update={"verification_seconds": 1, "checkpoint_seconds": 1})
    found = grown.database.collection("audit_verifications")
    async with AsyncExitStack() as serving:
        for _ in range(2):
            app = create_app(often, utc_now, open_database(uri, named), key)
            await serving.enter_async_context(app.router.lifespan_context(app))
        await eventually(lambda: found.count_documents({"number": {"$gt": 1}, "checkpoint_size": {"$gt": 0}}))
        grown.now = utc_now()  # a run of the future is one that no server made
        assert (await shown(grown))[1].startswith("no fault in ")
        await grown.database.collection("audit_events").update_many({}, {"$set": {"nodes": ["0" * 64] * 9}})
        await eventually(lambda: told(grown))
        assert (await shown(grown))[1].startswith("NOT SOUND")
    numbers = [each["number"] for each in await kept(grown)]
    assert numbers == sorted(set(numbers), reverse=True) and len(await told(grown)) == 1


async def eventually(holds: Callable[[], Awaitable[object]]) -> None:
    for _ in range(300):
        if await holds():
            return
        await asyncio.sleep(0.1)
    raise TimeoutError
