"""A file of kept checkpoints: each of them counts, in whatever order, and a server compares its own before it signs."""

import logging
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest

from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.audit.notes import Checkpoint, SigningKey, opened
from documents.audit.pins import Kept, kept_in
from documents.audit.trail import AuditHead
from documents.audit.verification import Verifier
from documents.audit.verify import verify
from gql.app import create_app
from gql.checkpoints import Signer, kept_in_file
from gql.verifications import standing, verification
from tests.chains import chained, headed, said
from tests.examples import attach, register
from tests.service import AUDREY, Service
from tests.trails import Anchored, Stored
from tests.trails import anchored as anchored  # noqa: PLC0414

Raw = dict[str, Any]
KEY = SigningKey("magistrate.local/0a1b2c3d", bytes(range(32)))
OTHER = SigningKey(KEY.name, bytes(32))


def trail(size: int, forked_at: int | None = None) -> list[Raw]:
    """A trail, or one that says something else from an event on."""
    return chained(
        said(seq, outcome="failure" if forked_at is not None and seq >= forked_at else "success") for seq in range(size)
    )


def signed(events: list[Raw], size: int, key: SigningKey = KEY) -> str:
    verifier = Verifier(marks={size})
    verifier.feed(events[:size], {})
    root = verifier.report().root
    assert root
    return Checkpoint(key.name, size, root).signed(key)


def found(events: list[Raw], *notes: str, key: SigningKey = KEY) -> list[tuple[str, int | None]]:
    """What a verification of the whole trail says of a file of these notes, but for contents, which these trails do not have."""
    kept = Kept.read("\n".join(notes), [key.verifier])
    verifier = Verifier(marks=kept.sizes)
    verifier.feed(events, {})
    verifier.compare_head(headed(events))
    verifier.compare_checkpoints(kept, len(events), {})
    faults = [(each.kind.name, each.seq) for each in verifier.report().faults]
    return [each for each in faults if each[0] != "CONTENT_MISSING"]


HONEST, FORK = trail(20), trail(20, forked_at=8)
GOOD = [signed(HONEST, size) for size in (5, 10, 15)]


def test_a_file_that_proves_a_fork_never_verifies_as_clean_whatever_its_last_line_says() -> None:
    assert found(HONEST, *GOOD) == [] and found(FORK, *GOOD) == [("REWRITTEN", 5)]
    later = [signed(FORK, 16), signed(FORK, 20)]  # the fork went on, and was signed
    assert found(FORK, *GOOD, *later) == found(FORK, *later, *GOOD) == found(FORK, *later[:1], *GOOD[::-1], *later[1:])
    assert found(FORK, *GOOD, *later) == [("REWRITTEN", 5)] and found(FORK, *later) == []


def test_the_interval_is_that_between_the_last_that_agrees_and_the_first_that_does_not() -> None:
    verifier = Verifier(marks={5, 10, 15})
    verifier.feed(FORK, {})
    verifier.compare_checkpoints(Kept.read("\n".join(GOOD), [KEY.verifier]), 20, {})
    (fault,) = [each for each in verifier.report().faults if each.kind.name == "REWRITTEN"]
    assert fault.detail == "From 5 to 9 something is not what it was: another root of 10 events was signed."
    assert found(trail(20, forked_at=2), *GOOD) == [("REWRITTEN", 0)] and found(trail(20, forked_at=12), *GOOD) == [
        ("REWRITTEN", 10)
    ]


def test_two_checkpoints_that_contradict_each_other_are_a_fault_of_whichever_trail_there_is() -> None:
    both = [signed(HONEST, 10), signed(FORK, 10)]
    for events in (HONEST, FORK):
        assert found(events, *both) == found(events, *both[::-1]) == [("REWRITTEN", 0)]
        assert found(events, GOOD[0], *both) == [("REWRITTEN", 5)]
    assert found(HONEST, signed(FORK, 10), GOOD[2]) == [("REWRITTEN", 0)]  # not of one size, and not consistent
    assert found(HONEST[:9], *both) == [("TAIL_CUT", 9)]


def test_checkpoints_larger_than_the_trail_say_that_its_tail_was_cut_beside_what_else_is_wrong() -> None:
    assert found(HONEST[:12], *GOOD) == [("TAIL_CUT", 12)]
    assert set(found(FORK[:12], *GOOD)) == {("TAIL_CUT", 12), ("REWRITTEN", 5)}


@pytest.mark.parametrize("at", range(4))
def test_a_forged_one_anywhere_in_the_file_is_named_and_hides_none_of_the_others(at: int) -> None:
    forged = {
        "by another key": signed(HONEST, 7, OTHER),
        "altered": GOOD[1].replace("\n10\n", "\n11\n"),
        "no note": "Remember to call Alice.\n",
        "no signature": GOOD[0].split("\n\n")[0] + "\n",
        "only a signature": GOOD[0].split("\n\n")[1],
    }
    for how, bad in forged.items():
        notes = [*GOOD[:at], bad, *GOOD[at:]]
        kept = Kept.read("\n".join(notes), [KEY.verifier])
        assert len(kept.signed) == 3 and len(kept.denied) == 1, how
        assert kept.denied[0].startswith(f"Number {at + 1} of 4 "), how
        assert found(HONEST, *notes) == [("CHECKPOINT_FORGED", None)]
        assert set(found(FORK, *notes)) == {("CHECKPOINT_FORGED", None), ("REWRITTEN", 5)}


def test_a_file_is_read_to_its_last_character() -> None:
    text = "\n".join(GOOD)
    assert kept_in(text) == GOOD and kept_in(f"\n\n{text}\n\n\n") == GOOD and kept_in("") == kept_in("\n\n") == []
    cut = Kept.read(text[:-1], [KEY.verifier])  # a signature without its newline is none
    assert len(cut.signed) == 2 and "newline" in cut.denied[0]
    for nothing in ("", "\n", "\n\n\n"):
        assert [*Kept.read(nothing, [KEY.verifier]).denied] == [
            "It is no signed note: text, an empty line, and signatures, each of which ends with a newline."
        ]
    assert Kept.read(text.replace("\n", "\r\n"), [KEY.verifier]).signed == ()


@pytest.mark.exhaustive
def test_tens_of_thousands_of_checkpoints_take_one_pass() -> None:
    many = 20_000
    notes = [Checkpoint(KEY.name, size, "0" * 64).signed(KEY) for size in range(1, many + 1)]
    began = perf_counter()
    kept = Kept.read("\n".join([*notes, "x\n" * many]), [KEY.verifier])
    verifier = Verifier(marks=kept.sizes)
    verifier.feed(HONEST, {})
    verifier.compare_checkpoints(kept, 20, {})
    assert perf_counter() - began < 30 and len(kept.signed) == many and len(kept.denied) == 1
    kinds = {each.kind.name for each in verifier.report().faults} - {"CONTENT_MISSING"}
    assert kinds == {"CHECKPOINT_FORGED", "TAIL_CUT", "REWRITTEN"}


async def test_every_checkpoint_given_to_a_question_or_an_export_counts(anchored: Anchored, tmp_path: Path) -> None:
    honest, altered = await Stored.of(anchored.service), await Stored.of(anchored.service)
    altered.events[anchored.sizes[1]]["outcome"] = "failure"
    altered.headed()
    keys = [str(anchored.key.verifier)]
    try:
        await altered.written(anchored.service)
        head = altered.heads[0]
        root = AuditHead.model_validate(head).root
        fork = Checkpoint(anchored.key.name, head["size"], root).signed(anchored.key)
        collection = anchored.service.database.collection("audit_checkpoints")
        signed = await collection.find_one({"size": anchored.sizes[2]}) or {}
        await collection.replace_one({"_id": signed["_id"]}, signed | {"text": fork, "size": head["size"], "root": root})
        text = "\n".join([*anchored.texts, fork])
        online = await anchored.verified(checkpoint=text)
        part = await anchored.verified(checkpoint=text, to=anchored.sizes[0])
        late = await anchored.verified(checkpoint=text, **{"from": anchored.sizes[2]})
        with anchored.service.database.bound():
            await export(tmp_path / "export")
        offline = verify_export(tmp_path / "export", text, keys)
    finally:
        await honest.written(anchored.service)
        await collection.replace_one({"_id": signed["_id"]}, signed)
    place = [("REWRITTEN", anchored.sizes[1])]
    assert [(each["kind"], each["seq"]) for each in online["faults"]] == place
    assert [(each.kind.name, each.seq) for each in offline.faults] == place
    assert [(each["kind"], each["seq"]) for each in part["faults"]] == place  # by proofs that lead out of the part
    assert [(each["kind"], each["seq"]) for each in late["faults"]] == place
    assert (await anchored.verified(checkpoint="\n".join(anchored.texts)))["valid"]


async def test_a_part_says_which_checkpoints_it_does_not_reach(anchored: Anchored, tmp_path: Path) -> None:
    keys, text = [str(anchored.key.verifier)], "\n".join(anchored.texts)
    with anchored.service.database.bound():
        await export(tmp_path, 0, anchored.sizes[1])
    report = verify_export(tmp_path, text, keys)
    assert report.valid and "CHECKPOINTS_NOT_COMPARED" in [each.name for each in report.caveats]
    whole = await anchored.verified(checkpoint=text, to=anchored.sizes[1])
    assert whole["valid"] and "CHECKPOINTS_NOT_COMPARED" not in whole["caveats"]  # a server has the hashes that lead there


async def key_of(service: Service) -> SigningKey:
    return SigningKey((await AuditHead.require("head")).origin, bytes(range(32)))


def an_event_edited(stored: Stored) -> None:
    stored.events[3]["outcome"] = "failure"
    stored.headed()


def rolled_back(stored: Stored) -> None:
    del stored.events[-3:]
    stored.headed()


@pytest.mark.tampers
@pytest.mark.parametrize(("tamper", "kind"), [(an_event_edited, "REWRITTEN"), (rolled_back, "TAIL_CUT")])
async def test_a_server_whose_file_its_trail_contradicts_signs_nothing_and_says_that_it_is_not_sound(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture, tamper: Callable[[Stored], None], kind: str
) -> None:
    file, key = tmp_path / "kept", await key_of(service)
    await register(service)
    signer = Signer(key, file)
    for _ in range(3):
        assert await signer.sign(service.now)
        await attach(service)
    assert await signer.sign(service.now) and file.read_text().count("\n\n—") == 4
    written, checkpoints = file.read_text(), service.database.collection("audit_checkpoints")
    stored = await Stored.of(service)
    tamper(stored)
    await stored.written(service)
    await checkpoints.delete_many({})  # whoever holds the database leaves nothing there that would give it away
    size = stored.heads[0]["size"]
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert await signer.sign(service.now) is None and kind in str(signer.refused)
            service.later(minutes=1)
    assert [each.message.startswith("the audit trail is not signed: it contradicts") for each in caplog.records] == [True]
    assert file.read_text() == written and await checkpoints.count_documents({}) == 0
    assert (await AuditHead.require("head")).size == size  # no event either: a restored trail stays a beginning of the signed one

    async def keeping(whole: bool) -> Kept:
        return await kept_in_file(file, whole=whole)

    for _ in range(2):
        service.later(minutes=5)
        run = await verification(key.verifier, lambda: service.now, 300, keeping)
        assert run and kind in [each.kind.name for each in run.found.faults] and not run.found.valid
    app = create_app(service.settings.model_copy(update={"checkpoint_file": file}), lambda: service.now, service.database, signer)
    headers = {"authorization": f"Bearer {AUDREY.token}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers) as client:
        assert "NOT SOUND, it is not signed" in (await client.get("/readyz")).text
        asked = {"query": "{ dashboard { audit { chainIntegrity { valid } } } }"}
        assert (await client.post("/graphql", json=asked)).json()["data"]["dashboard"]["audit"]["chainIntegrity"] == {
            "valid": False
        }
    assert await Signer(key, file).sign(service.now) is None  # a server that starts


@pytest.mark.tampers
async def test_a_server_that_starts_compares_the_whole_of_its_file_and_then_the_last_line(
    service: Service, tmp_path: Path
) -> None:
    file, key = tmp_path / "kept", await key_of(service)
    await register(service)
    signer = Signer(key, file)
    assert await signer.sign(service.now)
    await attach(service)
    first = opened(kept_in(file.read_text())[0], [key.verifier])
    fork = Checkpoint(first.origin, first.size - 1, "0" * 64).signed(key)
    file.write_text(f"{fork}\n{file.read_text()}")
    assert await signer.sign(service.now)  # it has compared the whole today
    refused = Signer(key, file)
    for _ in range(2):
        assert await refused.sign(service.now) is None and "REWRITTEN" in str(refused.refused)
    service.later(days=1)
    assert await signer.sign(service.now) is None  # the whole again once a day
    file.write_text("\n".join(kept_in(file.read_text())[1:]) + "\n")
    await attach(service)
    assert await refused.sign(service.now) and refused.refused is None


async def test_a_file_of_another_trail_stops_the_signing(service: Service, tmp_path: Path) -> None:
    file, other = tmp_path / "kept", SigningKey("elsewhere.example", bytes(32))
    file.write_text(Checkpoint(other.name, 1, "0" * 64).signed(other) + "\n")
    signer = Signer(await key_of(service), file)
    assert await signer.sign(service.now) is None and "CHECKPOINT_OF_ANOTHER_TRAIL" in str(signer.refused)


NOTES: dict[str, str] = {
    "larger": Checkpoint("{name}", 10**6, "0" * 64).signed(SigningKey("{name}", bytes(32))),
    "of another trail": Checkpoint("elsewhere.example", 5, "0" * 64).signed(SigningKey("elsewhere.example", bytes(32))),
    "no note": "x",
}


@pytest.mark.tampers
@pytest.mark.parametrize("what", NOTES)
async def test_a_note_that_somebody_put_beside_the_newest_checkpoint_never_comes_into_the_file(
    service: Service, tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Else a note that stood in the database for a minute would end the signing for good, and nothing there would show why."""
    file, key, checkpoints = tmp_path / "kept", await key_of(service), service.database.collection("audit_checkpoints")
    await register(service)
    signer = Signer(key, file)
    signed = await signer.sign(service.now)
    written = file.read_text()
    assert signed
    await checkpoints.update_one({"size": signed.size}, {"$set": {"text": NOTES[what].replace("{name}", key.name)}})
    for _ in range(3):  # nothing happens meanwhile
        service.later(minutes=1)
        assert await signer.sign(service.now) is None and "checkpoint" in str(signer.refused)
        assert file.read_text() == written
    assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == 1
    assert "NOT SOUND" in await standing(service.now, signer.refused)
    await checkpoints.update_one({"size": signed.size}, {"$set": {"text": signed.text}})
    for each in (signer, Signer(key, file)):
        await attach(service, title=str(id(each)))
        assert await each.sign(service.now) and each.refused is None
    assert len(kept_in(file.read_text())) == 3 and file.read_text().startswith(written)


async def test_a_foreign_note_is_found_in_the_file_by_the_key_and_signing_goes_on_without_it(
    service: Service, tmp_path: Path
) -> None:
    file, key, stranger = tmp_path / "kept", await key_of(service), SigningKey((await key_of(service)).name, bytes(32))
    await register(service)
    signer = Signer(key, file)
    assert await signer.sign(service.now)
    written = file.read_text()
    file.write_text(f"{written}{Checkpoint(key.name, 10**6, '0' * 64).signed(stranger)}\n")
    assert await signer.sign(service.now) is None and "TAIL_CUT" in str(signer.refused)
    report = await verify(checkpoint=file.read_text(), keys=[str(key.verifier)])
    (fault,) = report.faults
    assert fault.kind.name == "CHECKPOINT_FORGED" and fault.detail.startswith("Number 2 of 2 ")
    file.write_text(written)
    assert await signer.sign(service.now) and signer.refused is None


@pytest.mark.tampers
async def test_a_head_that_cannot_be_read_is_not_signed(service: Service, tmp_path: Path) -> None:
    signer = Signer(await key_of(service), tmp_path / "kept")
    await service.database.collection("audit_head").update_one({}, {"$set": {"size": -5}})
    assert await signer.sign(service.now) is None and "head" in str(signer.refused)


async def test_a_checkpoint_that_was_cut_off_is_written_anew_and_what_else_is_in_the_file_stays(
    service: Service, tmp_path: Path
) -> None:
    file, key = tmp_path / "kept", await key_of(service)
    await register(service)
    assert await Signer(key, file).sign(service.now)
    whole = file.read_text()
    (note,) = kept_in(whole)
    for cut in (note[:20], note[:-5], note[:-1], note.split("\n\n")[0], note.split("\n\n")[0] + "\n\n"):
        file.write_text(whole + cut)
        await attach(service, title=str(len(cut)))
        assert (signed := await Signer(key, file).sign(service.now)), cut
        assert file.read_text() == f"{whole}{signed.text}\n", cut
    for before in ("A line of mine.\n", "A line of mine.\n\n", whole.rstrip("\n") + "\n"):
        file.write_text(before)
        await attach(service, title=str(len(before)))
        assert (signed := await Signer(key, file).sign(service.now))
        text = file.read_text()
        assert text.startswith(before) and kept_in(text)[-1] == signed.text
