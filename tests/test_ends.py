"""Whoever writes to the database, without the secret key, puts no event at the end of the trail and takes none away.

Up to the last checkpoint the trail proves itself. What came since is a server's own by the seal of the head.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from documents.audit.notes import Checkpoint, SigningKey, unverified
from documents.audit.runs import VerificationRun
from documents.audit.trail import AuditHead
from documents.audit.verify import verify
from documents.canonical import canonical, loosely_parsed
from documents.errors import TrailNotSound
from documents.seals import Keyring, SecretKey
from gql import resealing
from gql.checkpoints import Signer
from gql.cli.recovery import recovering
from gql.faults import FileUnusable
from gql.firststart import prepare
from gql.verifications import standing
from tests.examples import attach, register
from tests.service import ALICE, AUDREY, SECRET_KEY, Service
from tests.stores.store import load
from tests.trails import Raw, Stored, forged, turned
from tests.trails import grown as grown  # noqa: PLC0414

TOKEN = {"name": "laptop"}
WHY = re.compile("no server left it so|its seal names a secret key that is not here")
CHAIN = "{ dashboard { audit { chainIntegrity { valid } } } }"
LISTED = "{ auditVerifications(first: 5) { nodes { number found { valid } } } }"
VERIFICATION = "{ auditVerification { valid faults { kind seq detail } } }"

pytestmark = pytest.mark.tampers


@pytest.fixture(scope="module")
async def begun(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    with service.database.bound():
        await register(service)
        await Signer(await key_of(service)).sign(service.now)
        await attach(service)
    yield service
    await service.close()


async def key_of(service: Service) -> SigningKey:
    return SigningKey((await AuditHead.require("head")).origin, bytes(range(32)))


def appends(stored: Stored) -> None:
    last = stored.events[-1]
    stored.events.append(forged(last, seq=last["seq"] + 1, action="approveModel"))
    stored.headed()


def alters_the_last(stored: Stored) -> None:
    stored.events[-1]["action"] = "approveModel"
    stored.headed()


def takes_the_last_away(stored: Stored) -> None:
    del stored.events[-1]
    stored.headed()


def takes_the_seal_away(stored: Stored) -> None:
    del stored.heads[0]["mac"]


def seals_by_another_key(stored: Stored) -> None:
    stored.heads[0]["mac"] |= {"key_id": "k9"}


def seals_by_nonsense(stored: Stored) -> None:
    stored.heads[0]["mac"] = [7]


def renames(stored: Stored) -> None:
    for each in (*stored.events, *stored.heads):
        each["origin"] = "elsewhere.example"
    stored.headed()


ATTACKS = [
    appends, alters_the_last, takes_the_last_away, takes_the_seal_away, seals_by_another_key, seals_by_nonsense, renames,
]  # fmt: skip


async def tampered(service: Service, attack: Callable[[Stored], None]) -> Stored:
    stored = await Stored.of(service)
    attack(stored)
    await stored.written(service, sealed=False)
    return stored


@pytest.mark.exhaustive
@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_end_that_no_server_left_is_neither_built_on_nor_signed(
    grown: Service, attack: Callable[[Stored], None], caplog: pytest.LogCaptureFixture
) -> None:
    stored = await tampered(grown, attack)
    other = Service(grown.uri, grown.database.name)  # a server that starts now
    for service in (grown, other):
        refusal = await service.refused("createApiToken", ALICE, **TOKEN)
        assert refusal["code"] == "TRAIL_NOT_SOUND" and WHY.search(refusal["problem"]), refusal
        assert "NOT SOUND, its end was altered: " in (await service.http.get("/readyz")).text
    signer = Signer(await key_of(grown))
    before = await grown.database.collection("audit_checkpoints").count_documents({})
    for _ in range(3):
        assert await signer.sign(grown.now) is None and signer.refused
    assert await grown.database.collection("audit_checkpoints").count_documents({}) == before
    assert "NOT SOUND" in await standing(grown.now, signer.refused)
    assert len([each for each in caplog.records if "is not signed" in each.message]) == 1
    assert len((await Stored.of(grown)).events) == len(stored.events)
    await other.close()


@pytest.mark.exhaustive
@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_end_that_no_server_left_is_found_by_the_verification(grown: Service, attack: Callable[[Stored], None]) -> None:
    await tampered(grown, attack)
    asked = (await grown.ask(VERIFICATION, AUDREY))["auditVerification"]
    said = [each["detail"] for each in asked["faults"] if each["kind"] == "HEAD_DIFFERS"]
    assert not asked["valid"] and len(said) == 1 and said[0].startswith("No server left it so: it")
    assert "HEAD_DIFFERS" in {each.kind.name for each in (await turned(grown)).found.faults}
    assert "NOT SOUND" in await standing(grown.now)


async def test_an_earlier_end_put_back_with_its_seal_is_refused_by_servers_that_saw_the_later_one(grown: Service) -> None:
    before = await Stored.of(grown)
    await grown.do("createApiToken", ALICE, "token", **TOKEN)
    events, heads = (grown.database.collection(each) for each in ("audit_events", "audit_head"))
    await events.delete_many({"seq": {"$gte": len(before.events)}})
    await heads.replace_one({"name": "head"}, before.heads[0])
    refusal = await grown.refused("createApiToken", ALICE, **TOKEN)
    assert refusal["code"] == "TRAIL_NOT_SOUND"
    assert f"it leaves out event {len(before.events)} as this server saw it" in refusal["problem"]
    assert await Signer(await key_of(grown)).sign(grown.now) is None


async def test_another_branch_of_the_trail_is_refused_however_long_and_under_whatever_name(grown: Service) -> None:
    before, size = await Stored.of(grown), await grown.size()
    await grown.do("createApiToken", ALICE, "token", **TOKEN)
    for origin in (before.heads[0]["origin"], "elsewhere.example"):
        branch = await Stored.of(grown)
        del branch.events[size:]
        branch.events += [forged(branch.events[-1], seq=size + each, event_id=f"AUD-{each:032}") for each in range(3)]
        for each in (*branch.events, *branch.heads):
            each["origin"] = origin
        branch.headed()
        await branch.written(grown, seen=True)  # sealed, as by a copy of the server elsewhere
        refusal = await grown.refused("createApiToken", ALICE, **TOKEN)
        assert refusal["code"] == "TRAIL_NOT_SOUND" and "as this server saw it" in refusal["problem"], refusal


async def test_an_honest_server_is_called_sound_while_it_writes(grown: Service) -> None:
    async def asks() -> set[str]:
        said = set[str]()
        while not done.is_set():
            said.add((await grown.http.get("/readyz")).text.partition("NOT SOUND")[1])
            await asyncio.sleep(0)
        return said

    done = asyncio.Event()
    askers = [asyncio.create_task(asks()) for _ in range(3)]
    for each in range(20):
        await grown.do("createApiToken", ALICE, "token", name=f"laptop {each}")
    done.set()
    assert await asyncio.gather(*askers) == [{""}] * 3


@pytest.mark.parametrize("count", [2**53 - 3, 2**53 - 2, 2**53 - 1])
async def test_a_count_of_units_of_work_near_its_end_refuses_no_mutation(grown: Service, count: int) -> None:
    """No seal covers the count, and verification finds nothing wrong with it: it begins anew."""
    heads = grown.database.collection("audit_head")
    await heads.update_one({}, {"$set": {"turn": count}})
    for _ in range(4):
        await grown.do("createApiToken", ALICE, "token", **TOKEN)
        assert (await grown.ask(VERIFICATION, AUDREY))["auditVerification"]["valid"]
    (head,) = await heads.find().to_list(None)
    assert 0 <= head["turn"] < 5


async def test_what_is_rolled_back_is_not_what_a_server_has_seen(grown: Service) -> None:
    """A transaction that ends in a refusal leaves the end where it was, however far it had moved it."""
    for _ in range(2):
        await grown.refused("registerModel", ALICE, modelId="", name="", purpose="")
        await grown.do("createApiToken", ALICE, "token", **TOKEN)
    assert (await grown.ask(VERIFICATION, AUDREY))["auditVerification"] == {"valid": True, "faults": []}


async def test_a_changed_key_seals_the_end_anew_and_believes_no_forged_one(grown: Service) -> None:
    new = SecretKey("k2", b"n" * 32)
    stored = await Stored.of(grown)
    grown.database.keyring = Keyring(new, SECRET_KEY)
    await resealing.rotate(grown.database.keyring, grown.now)
    grown.database.keyring = Keyring(new)
    assert (await Stored.of(grown)).heads[0]["mac"]["key_id"] == "k2"
    assert (await grown.ask(VERIFICATION, AUDREY))["auditVerification"]["valid"]
    await stored.written(grown, sealed=False)
    appends(stored)
    await stored.written(grown, sealed=False)
    grown.database.keyring = Keyring(new, SECRET_KEY)
    await resealing.rotate(grown.database.keyring, grown.now)
    assert (await grown.refused("createApiToken", ALICE, **TOKEN))["code"] == "TRAIL_NOT_SOUND"


async def test_without_the_key_nothing_is_said_of_a_seal(grown: Service) -> None:
    """An auditor has no secret key: the trail, the checkpoints and the records are compared all the same."""
    await tampered(grown, appends)
    grown.database.keyring = None
    assert {each.kind.name for each in (await verify()).faults} == set()


def says_no_fault(run: Raw) -> Raw:
    return {"found": run["found"] | {"faults": [], "fault_count": 0}}


def says_less(run: Raw) -> Raw:
    return {"is_news": not run["is_news"]}


@pytest.mark.parametrize("alters", [says_no_fault, says_less])
async def test_a_stored_run_that_was_altered_is_not_believed(grown: Service, alters: Callable[[Raw], Raw]) -> None:
    events, runs = (grown.database.collection(each) for each in ("audit_events", "audit_verifications"))
    await turned(grown)
    await events.update_one({"seq": 3}, {"$set": {"action": "nothing"}})
    grown.later(days=1)
    assert not (await turned(grown)).found.valid
    (run,) = await runs.find({"number": 2}).to_list(None)
    await runs.update_one({"number": 2}, {"$set": alters(run)})
    assert "what the last verification left was altered" in await standing(grown.now)
    found = await turned(grown)
    assert found.is_whole and {"RUN_ALTERED", "FIELD_DIFFERS"} <= {each.kind.name for each in found.found.faults}


async def test_a_run_without_a_seal_beside_sealed_ones_was_put_there(grown: Service) -> None:
    runs = grown.database.collection("audit_verifications")
    await turned(grown)
    (run,) = await runs.find().to_list(None)
    await runs.insert_one({name: each for name, each in run.items() if name not in {"_id", "mac"}} | {"number": 2})
    assert "RUN_ALTERED" in {each.kind.name for each in (await turned(grown)).found.faults}


async def test_a_run_that_names_a_key_which_is_not_here_hides_nothing(grown: Service) -> None:
    events, runs = (grown.database.collection(each) for each in ("audit_events", "audit_verifications"))
    await turned(grown)
    await events.update_one({"seq": 3}, {"$set": {"action": "nothing"}})
    grown.later(days=1)
    assert not (await turned(grown)).found.valid
    await runs.update_one({"number": 2}, {"$set": {"mac.key_id": "k9", "found.fault_count": 0, "found.faults": []}})
    assert await standing(grown.now) == "audit trail: not verified yet"
    found = await turned(grown)
    assert found.is_whole and "FIELD_DIFFERS" in {each.kind.name for each in found.found.faults}


@pytest.mark.parametrize("change", [{"$unset": {"mac": ""}}, {"$set": {"mac.key_id": "k9"}}])
async def test_runs_of_an_earlier_release_or_key_count_for_nothing(grown: Service, change: Any) -> None:
    """What they found is found again, by a run over everything."""
    await turned(grown)
    await grown.database.collection("audit_verifications").update_many({}, change)
    assert await standing(grown.now) == "audit trail: not verified yet"
    run = await turned(grown)
    assert run.is_whole and run.found.valid and run.number == 2


@pytest.mark.exhaustive
@pytest.mark.parametrize("mac", [{"key_id": "k9", "seq": 1, "value": "x"}, None])
@pytest.mark.parametrize("number", [2, 10**6, 2**32 - 1])
async def test_a_planted_run_of_another_key_is_not_the_newest_for_longer_than_until_the_next_run(
    grown: Service, number: int, mac: Any
) -> None:
    events, runs = (grown.database.collection(each) for each in ("audit_events", "audit_verifications"))
    await turned(grown)
    (run,) = await runs.find().to_list(None)
    await runs.insert_one(run | {"_id": ObjectId(), "number": number, "mac": mac})
    await events.update_one({"seq": 3}, {"$set": {"action": "nothing"}})
    found = await turned(grown)
    assert found.is_whole and "FIELD_DIFFERS" in {each.kind.name for each in found.found.faults}
    assert (await standing(grown.now)).startswith("audit trail: NOT SOUND, faults: ")
    assert (await grown.ask(CHAIN, AUDREY))["dashboard"]["audit"]["chainIntegrity"]["valid"] is False
    listed = (await grown.ask(LISTED, AUDREY))["auditVerifications"]["nodes"]
    assert [each["found"]["valid"] for each in listed] == [False, True]


async def test_the_first_run_after_an_upgrade_outnumbers_what_was_planted_among_the_unsealed(grown: Service) -> None:
    runs = grown.database.collection("audit_verifications")
    await turned(grown)
    (run,) = await runs.find().to_list(None)
    await runs.update_many({}, {"$unset": {"mac": ""}})
    await runs.insert_one({name: each for name, each in run.items() if name not in {"_id", "mac"}} | {"number": 10**6})
    assert (await turned(grown)).found.valid and "no fault" in await standing(grown.now)
    assert [each["number"] for each in await runs.find().sort("number").to_list(None)] == [1, 2]


@pytest.mark.exhaustive
@pytest.mark.parametrize("number", [2**32 - 3, 2**32 - 2, 2**32 - 1, 2**32])
async def test_a_turn_of_a_number_that_no_server_reaches_ends_no_verification(grown: Service, number: int) -> None:
    """It may be called altered at first, and numbers begin anew."""
    await turned(grown)
    await grown.database.collection("audit_verification_turns").update_many({}, {"$set": {"number": number}})
    for _ in range(4):
        found = await turned(grown)
        assert {each.kind.name for each in found.found.faults} <= {"RUN_ALTERED"}
        assert (last := await VerificationRun.last(grown.now)) and last.number == found.number
    for _ in range(2):
        assert (await turned(grown)).found.valid and "no fault" in await standing(grown.now)


@pytest.mark.parametrize("release", ["0.2.0"])
async def test_a_migration_seals_no_end_of_a_trail_that_has_a_fault(server: str, release: str) -> None:
    """Else whoever makes the trail look like one of an earlier release would have a forged end sealed."""
    service = Service(server)
    store = await load(service.database.collections, release)
    events = service.database.collection("audit_events")
    await events.update_one({"seq": 3}, {"$set": {"resource.id": "9"}})
    settings = service.settings.model_copy(update={"review_days": tuple(store.review_days), "migrate": True})
    with pytest.raises(TrailNotSound, match="the trail, which has faults: FIELD_DIFFERS at 3"):
        await prepare(settings, service.database, clock=lambda: store.moment)
    (head,) = await service.database.collection("audit_head").find().to_list(None)
    assert "mac" not in head
    await service.close()


@pytest.mark.exhaustive(together=True)  # each migrates a whole store
@pytest.mark.parametrize("release", ["0.2.0"])
async def test_a_migration_seals_no_end_that_contradicts_the_checkpoints_that_were_kept(
    server: str, tmp_path: Path, release: str
) -> None:
    """A database in the form of an earlier release has no seals, so somebody may have made all of it, without a fault."""
    service, file = Service(server), tmp_path / "kept"
    store = await load(service.database.collections, release)
    settings = service.settings.model_copy(
        update={"review_days": tuple(store.review_days), "migrate": True, "checkpoint_file": file}
    )
    signed, key = unverified(store.checkpoint), SigningKey(unverified(store.checkpoint).origin, bytes(32))
    others = {
        "REWRITTEN at 0": Checkpoint(signed.origin, signed.size, "0" * 64),
        f"TAIL_CUT at {signed.size}": Checkpoint(signed.origin, signed.size + 1, "0" * 64),
    }
    for kind, other in others.items():
        file.write_text(f"{other.signed(key)}\n")
        with pytest.raises(TrailNotSound, match=f"contradicts the checkpoints that were kept: {kind}"):
            await prepare(settings, service.database, clock=lambda: store.moment)
    file.unlink()
    file.mkdir()
    with pytest.raises(FileUnusable, match="its checkpoints cannot be read"):
        await prepare(settings, service.database, clock=lambda: store.moment)
    (head,) = await service.database.collection("audit_head").find().to_list(None)
    assert "mac" not in head and await service.database.collection("environments").count_documents({}) == 0
    file.rmdir()
    file.write_text(f"{store.checkpoint}\n")
    assert await prepare(settings, service.database, clock=lambda: store.moment) == (signed.origin, None)
    await service.close()


LOOKS: dict[tuple[str, str], dict[str, Any]] = {
    ("Migration", "10"): {"number": 9},  # the form that a first start made, as the one before the baseline
    ("Stakeholder", "alice"): {"platform_role": "admin"},
}


@pytest.mark.parametrize("hashes", [False, True], ids=["hashes stay", "hashed anew"])
async def test_a_start_gives_no_baseline_by_a_trail_that_was_made_to_look_as_if_one_were_due(
    grown: Service, hashes: bool
) -> None:
    """The baseline tells a record as true, and seals it: a member whom altered bytes call an administrator would be one."""
    stored, people = await Stored.of(grown), grown.database.collection("stakeholders")
    for event in stored.events:
        said = loosely_parsed(bytes(event["canonical"]))
        place = said["resource"]["type"], said["resource"]["id"]
        for each in said["details"]["changes"] if place in LOOKS else ():
            each["to"] = LOOKS[place].get(each["path"], each.get("to"))
        if place[0] == "Migration":
            said["resource"]["id"] = "9"
        if place == ("Stakeholder", "alice"):
            said["schema"] = 1  # which proves nothing, so that a baseline is due
        event.update({"canonical": canonical(said), "resource": said["resource"]})
        if hashes:
            event.update({"details": said["details"], "schema": said["schema"]})
    if hashes:
        stored.headed()
    await stored.written(grown, sealed=False)
    await grown.database.collection("migrations").update_many({}, {"$set": {"number": 9}})
    await people.update_one({"user_id": "alice"}, {"$set": {"platform_role": "admin"}, "$unset": {"mac": "", "salts": ""}})
    other = Service(grown.uri, grown.database.name)  # a server that starts now
    settings = other.settings.model_copy(update={"migrate": True})
    with pytest.raises(TrailNotSound, match=WHY if hashes else "the trail, which has faults: [A-Z_]+ at [0-9]+"):
        await prepare(settings, other.database, clock=lambda: grown.now)
    alice = await people.find_one({"user_id": "alice"})
    assert alice and "mac" not in alice and "salts" not in alice
    await other.close()


async def test_a_recovery_seals_no_end_under_a_key_that_is_none_while_others_are_sealed(grown: Service) -> None:
    stored = await Stored.of(grown)
    appends(stored)
    seals_by_another_key(stored)
    await stored.written(grown, sealed=False)
    with pytest.raises(TrailNotSound):
        await recovering(None, "The key is lost.", reseal=True, in_file=False, clock=lambda: grown.now)(grown.settings)
    assert (await Stored.of(grown)).heads == stored.heads
