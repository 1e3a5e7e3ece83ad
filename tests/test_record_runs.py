"""The comparison of records with the trail while others write, and in the server's own runs."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.audit.findings import AuditCaveat
from documents.audit.pins import Kept
from documents.audit.runs import VerificationRun
from documents.audit.verify import verify
from documents.books import BOOKS
from documents.eligibility.turns import judge_batch, judge_in_turn
from documents.seals import seal
from gql.verifications import standing, verification
from tests.examples import BOT, attach, register
from tests.service import ADA, AUDREY, BOB, SECRET_KEY, Service
from tests.trails import EVERY, turned
from tests.trails import grown as grown  # noqa: PLC0414
from tests.turns import HELD, Turns

RECORDS = """{ auditVerification { valid recordsCompared recordsUnproven caveats
    faults { kind seq path resource { type id } detail } } }"""


@pytest.fixture(scope="module")
async def begun(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    with service.database.bound():
        await register(service)
    yield service
    await service.close()


def paths(run: VerificationRun) -> set[tuple[str, str | None, str | None]]:
    return {(each.kind.name, each.resource.id if each.resource else None, each.path) for each in run.found.faults}


async def late(service: Service) -> None:
    """Lets a run be one over new events: one over all comes as often as it is cheap."""
    runs = service.database.collection("audit_verifications")
    took = service.now - timedelta(hours=2)
    await runs.update_many({}, {"$set": {"began_at": took, "ended_at": took + timedelta(minutes=30)}})
    for each in await runs.find().to_list(None):
        mac = seal("VerificationRun", str(each["number"]), each, each["number"], SECRET_KEY)
        await runs.update_one({"_id": each["_id"]}, {"$set": {"mac": mac}})


async def test_the_answer_of_a_verification_names_the_record_and_its_path(grown: Service) -> None:
    await grown.database.collection("stakeholders").update_one({"user_id": "bob"}, {"$set": {"platform_role": "admin"}})
    found = (await grown.ask(RECORDS, AUDREY))["auditVerification"]
    (fault,) = found["faults"]
    told = next(each for each in await grown.trail() if each["resource"] == {"type": "Stakeholder", "id": "bob"})
    assert (fault["kind"], fault["resource"], fault["path"]) == (
        "RECORD_DIFFERS", {"type": "Stakeholder", "id": "bob"}, "platform_role",
    )  # fmt: skip
    assert fault["seq"] == told["seq"] and fault["detail"] == f'It stores "admin"; event {told["seq"]} told "member".'
    assert not found["valid"] and found["recordsCompared"] > 20 and found["recordsUnproven"] == 0


async def test_a_part_of_the_trail_compares_no_record(grown: Service, tmp_path: Path) -> None:
    await grown.database.collection("stakeholders").update_one({"user_id": "bob"}, {"$set": {"platform_role": "admin"}})
    for first, last in ((1, None), (0, 3)):
        report = await verify(first, last, books=BOOKS)
        assert report.valid and AuditCaveat.RECORDS_NOT_COMPARED in report.caveats and report.records_compared == 0
        folder = tmp_path / str(first)
        assert (await export(folder, first, last, books=BOOKS)).valid and not (folder / "records.ndjson").exists()
        offline = verify_export(folder)
        assert offline.valid and AuditCaveat.RECORDS_NOT_COMPARED in offline.caveats


async def test_a_run_over_new_events_compares_the_records_of_which_they_tell(grown: Service) -> None:
    whole = await turned(grown)
    assert whole.found.valid and whole.is_whole and AuditCaveat.RECORDS_NOT_COMPARED not in whole.found.caveats
    await late(grown)
    await attach(grown)
    run = await turned(grown)
    assert run.found.valid and not run.is_whole and run.found.records_compared == 1
    assert AuditCaveat.RECORDS_NOT_COMPARED in run.found.caveats
    await late(grown)
    await grown.database.collection("stakeholders").update_one({"user_id": "carol"}, {"$set": {"platform_role": "admin"}})
    await attach(grown)
    await grown.database.collection("model_versions").update_one({"version": "1.0.0"}, {"$set": {"owner_id": "bob"}})
    run = await turned(grown)
    assert not run.is_whole and ("RECORD_DIFFERS", "support-assistant/1.0.0", "owner_id") in paths(run)
    assert {key for _, key, _ in paths(run)} == {"support-assistant/1.0.0"}


async def test_the_run_after_a_sign_in_by_a_record_that_was_altered_is_whole(grown: Service) -> None:
    await turned(grown)
    await late(grown)
    people = grown.database.collection("stakeholders")
    (row,) = await people.find({"user_id": "bob"}).to_list(None)
    await people.update_one({"user_id": "bob"}, {"$set": {"platform_role": "admin"}})
    assert (await turned(grown)).found.valid
    await late(grown)
    assert (await grown.post("{ viewer { id } }", by=BOB)).json()["errors"]
    run = await turned(grown)
    assert run.is_whole and ("RECORD_DIFFERS", "bob", "platform_role") in paths(run)
    await people.replace_one({"_id": row["_id"]}, row)
    assert (await turned(grown)).found.valid
    await late(grown)
    assert not (await turned(grown)).is_whole


async def test_while_a_record_is_altered_every_run_is_whole_and_nobody_is_told_that_all_is_well(grown: Service) -> None:
    await turned(grown)
    people = grown.database.collection("stakeholders")
    await people.update_one({"user_id": "bob"}, {"$set": {"platform_role": "admin"}})
    grown.later(days=1)
    first, second = await turned(grown), await turned(grown)
    for run in (first, second):
        assert run.is_whole and paths(run) == {("RECORD_DIFFERS", "bob", "platform_role")}
    assert first.is_news and not second.is_news
    assert "NOT SOUND" in await standing(grown.now)
    (told,) = [each for each in await grown.trail() if each["action"] == "verifyTrail"]
    (fault,) = told["details"]["facts"]["faults"]
    assert fault["resource"] == {"type": "Stakeholder", "id": "bob"} and fault["path"] == "platform_role"
    await people.update_one({"user_id": "bob"}, {"$set": {"platform_role": "auditor"}})
    await people.update_one({"user_id": "carol"}, {"$set": {"active": False}})
    assert (await turned(grown)).is_news
    await people.update_one({"user_id": "bob"}, {"$set": {"platform_role": "member"}})
    await people.update_one({"user_id": "carol"}, {"$set": {"active": True}})
    assert (await turned(grown)).found.valid and "no fault" in await standing(grown.now)


@pytest.mark.exhaustive
async def test_four_who_write_at_once_make_no_false_fault(grown: Service, tmp_path: Path) -> None:
    others = [Service(str(grown.settings.mongodb_uri), grown.database.name) for _ in range(4)]

    async def write(other: Service, number: int) -> None:
        for at in range(12):
            await attach(other, title=f"{number} {at}")
            tags = [f"{number}", f"{at}"]
            await other.do("updateModel", ADA, modelId=BOT["modelId"], tags=tags)
            await other.do("updateStakeholder", ADA, userId="carol" if at % 2 else "bob", department=f"{number} {at}")

    writing = asyncio.gather(*(write(each, number) for number, each in enumerate(others)), return_exceptions=True)
    rounds = 0
    while not writing.done():
        rounds += 1
        report = await verify(books=BOOKS)
        assert report.faults == () and report.records_compared > 10  # but for those that changed meanwhile
        assert (await export(tmp_path / str(rounds), books=BOOKS)).faults == ()
        assert verify_export(tmp_path / str(rounds)).faults == ()
        assert (await turned(grown)).found.valid
    assert [each for each in await writing if each is not None] == []
    for each in others:
        await each.close()
    assert rounds > 1 and (await verify(books=BOOKS)).faults == ()


async def test_a_comparison_does_not_hold_the_event_loop(grown: Service) -> None:
    for number in range(5):
        await register(grown, modelId=f"second-{number}")
    best = 1.0
    for _ in range(5):
        turns = Turns()
        with turns.watched():
            await asyncio.create_task(verify(books=BOOKS))
        best = min(best, turns.longest)
    assert best < HELD


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "altered",
    [
        {"versions": 7},
        {"versions": "no JSON"},
        {"versions": '["model_id"]'},
        {"versions": '{"$where": "while (true) {}"}'},
        {"versions": '{"tier": {"$regex": "("}}'},
        {"versions": '{"tier": "tier_4"}', "after": "no id"},
        {"marked_at": "yesterday"},
    ],
)
async def test_a_mark_that_nobody_stored_stops_neither_comparison_nor_turn(grown: Service, altered: dict[str, Any]) -> None:
    mark = {"due_id": "DUE-1", "cause": "somebody", "versions": "{}", "marked_at": grown.now, "after": None, "revision": 1}
    await grown.database.collection("judgements_due").insert_one(mark | altered)
    await grown.database.collection("model_versions").update_one(
        {"model_id": BOT["modelId"]}, {"$set": {"standing.status": "retired"}}
    )
    report = await verify(books=BOOKS)
    assert [(each.kind.name, each.path) for each in report.faults] == [("RECORD_DIFFERS", "standing")]
    assert await judge_batch(grown.now) == 0


HOSTILE = {
    "a choice of no list": '{"version": {"$in": 7}}', "a choice of a pattern": '{"version": {"$in": [{"$regex": "("}]}}',
    "a choice of an operator": '{"version": {"$in": [{"$x": 1}]}}', "a choice of lists": '{"version": {"$in": [["$x"]]}}',
    "a choice beside something": '{"version": {"$in": [], "$gt": 1}}', "more than an object": '{"version": {"$gt": {"$x": 1}}}',
    "more than a long number": '{"version": {"$gt": 99999999999999999999}}', "a name with a null": '{"a\\u0000b": 1}',
    "a text with a null": '{"version": "\\u0000"}', "a long number": '{"version": 99999999999999999999999}',
    "a small number": '{"version": -9223372036854775809}', "a number of many digits": f'{{"version": {"9" * 5_000}}}',
    "an unpaired surrogate": '{"version": "\\ud800"}', "a name of one": '{"\\ud800": 1}', "not a number": '{"version": NaN}',
    "an infinity": '{"version": {"$in": [Infinity]}}', "an operator in a list": '{"version": [{"$where": "1"}]}',
    "an object": '{"version": {"a": 1}}', "dots": '{"..": 1}', "a name with an operator": '{"a.$b": 1}', "no name": '{"": 1}',
    "deep names": f'{{"{".".join("a" * 300)}": 1}}', "many lists": f'{{"version": {"[" * 30_000}{"]" * 30_000}}}',
    "many objects": '{"a": ' * 30_000 + "1" + "}" * 30_000, "many values": f'{{"version": {{"$in": [{"1," * 30_000}1]}}}}',
    "an operator": '{"$or": [{}]}', "an operator of all": '{"$expr": true}',
}  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("called", HOSTILE)
async def test_a_mark_with_a_query_that_no_server_stores_is_passed_over_everywhere(
    grown: Service, tmp_path: Path, called: str
) -> None:
    mark = {"due_id": "DUE-1", "cause": "somebody", "marked_at": grown.now, "after": None, "revision": 1}
    await grown.database.collection("judgements_due").insert_one(mark | {"versions": HOSTILE[called]})
    assert await judge_in_turn(lambda: grown.now, timedelta(0)) == 0
    assert (await verify(books=BOOKS)).valid and (await export(tmp_path / "whole", books=BOOKS)).valid
    assert (await turned(grown)).found.valid
    assert (await grown.ask(RECORDS, AUDREY))["auditVerification"]["valid"]
    assert (await grown.ask("{ modelVersions { totalCount toBeJudged } }"))["modelVersions"]["toBeJudged"] == 0
    assert await grown.ask("{ dashboard { inventory { toBeJudged { count } } } }", AUDREY)
    await grown.do("updateModelVersion", **BOT, purpose="To answer.")
    assert "no fault in" in (await grown.http.get("/readyz")).text


async def test_a_run_that_fails_again_and_again_is_not_called_sound(grown: Service) -> None:
    """Whatever makes it fail: here the file of checkpoints cannot be read."""

    async def fails(whole: bool) -> Kept:
        raise OSError("no such disk")

    since = (await turned(grown)).ended_at
    for _ in range(3):
        assert (await standing(grown.now)).startswith("audit trail: no fault in ")
        grown.later(seconds=EVERY)
        with pytest.raises(OSError, match="no such disk"):
            await verification(None, lambda: grown.now, EVERY, fails)
    assert (await standing(grown.now)).startswith(f"audit trail: NOT VERIFIED since {since:%Y-%m-%dT%H:%M:%S}Z, when ")
    grown.later(seconds=EVERY)
    assert await turned(grown) and (await standing(grown.now)).startswith("audit trail: no fault in ")
