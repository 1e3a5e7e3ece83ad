"""What a checkpoint that was kept outside shows of a trail that somebody hashed again from end to end."""

from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from documents.audit import verify
from documents.audit.notes import Checkpoint, SigningKey, opened
from tests.service import AUDREY
from tests.trails import VERIFICATION, Anchored, Stored, exported, forged
from tests.trails import anchored as anchored  # noqa: PLC0414
from tests.watching import Watched, watching, where


async def test_an_honest_trail_is_anchored_by_any_of_its_checkpoints(anchored: Anchored) -> None:
    end = len(await anchored.service.trail())
    for at in range(4):
        report = await anchored.verified(at)
        assert (report["valid"], report["caveats"], report["faults"]) == (True, ["AFTER_CHECKPOINT"], [])
        for first, last in pairwise([0, 5, *anchored.sizes, end]):
            report = await anchored.verified(at, **{"from": first, "to": last - 1})
            assert report["valid"] and "UNANCHORED" not in report["caveats"], (at, first, last)
            assert ("AFTER_CHECKPOINT" in report["caveats"]) == (last > anchored.sizes[at])
    report = await anchored.verified(to=anchored.sizes[-1] - 1)
    assert report["caveats"] == ["HEAD_NOT_COMPARED", "RECORDS_NOT_COMPARED"]


async def test_empty_lines_around_a_checkpoint_and_other_keys_beside_its_own_do_not_matter(anchored: Anchored) -> None:
    keys = [str(SigningKey.made(anchored.key.name).verifier), str(anchored.key.verifier)]
    for text in (anchored.texts[0], f"\n{anchored.texts[0]}\n\n"):
        assert (await anchored.verified(checkpoint=text, keys=keys))["valid"]
    cut = await anchored.verified(checkpoint=anchored.texts[0].removesuffix("\n"), keys=keys)
    assert [each["kind"] for each in cut["faults"]] == ["CHECKPOINT_FORGED"]  # C2SP signed-note: a signature ends with a newline


Tamper = Callable[[Stored, list[int]], None]
Place = int | str | None
ATTACKS: dict[str, tuple[Tamper, set[tuple[str, Place]], bool]] = {}


def finds(*faults: tuple[str, Place], without_checkpoints: bool = False) -> Callable[[Tamper], Tamper]:
    """Declares an attack, and what a verification with all checkpoints must find then: at the end, or at which checkpoint."""

    def declare(tamper: Tamper) -> Tamper:
        ATTACKS[tamper.__name__] = tamper, set(faults), without_checkpoints
        return tamper

    return declare


@finds(("TAIL_CUT", "end"))
def the_tail_cut(stored: Stored, sizes: list[int]) -> None:
    del stored.events[sizes[-1] - 1 :]
    stored.headed()


@finds(("TAIL_CUT", "end"), without_checkpoints=True)
def the_tail_and_the_checkpoints_cut(stored: Stored, sizes: list[int]) -> None:
    the_tail_cut(stored, sizes)


@finds(("HEAD_DIFFERS", None))
def the_head_rolled_back(stored: Stored, sizes: list[int]) -> None:
    tail = stored.events[sizes[1] - 1 :]
    the_tail_cut(stored, sizes[:2])
    stored.events += tail


@finds(("REWRITTEN", 0))
def an_event_edited_and_everything_after_hashed(stored: Stored, sizes: list[int]) -> None:
    stored.events[sizes[0] + 1]["outcome"] = "failure"
    stored.headed()


@finds(("REWRITTEN", 2))
def the_last_signed_event_edited_and_everything_after_hashed(stored: Stored, sizes: list[int]) -> None:
    stored.events[sizes[-1] - 1]["outcome"] = "failure"
    stored.headed()


@finds(("REWRITTEN", 0), without_checkpoints=True)
def an_event_edited_everything_after_hashed_and_the_checkpoints_removed(stored: Stored, sizes: list[int]) -> None:
    an_event_edited_and_everything_after_hashed(stored, sizes)


@finds(("REWRITTEN", 0))
def an_event_deleted_and_the_rest_numbered_and_hashed(stored: Stored, sizes: list[int]) -> None:
    del stored.events[sizes[0]]
    stored.numbered()
    stored.headed()


@finds(("TAIL_CUT", "end"), ("REWRITTEN", 1))
def events_deleted_until_there_are_fewer_than_were_signed(stored: Stored, sizes: list[int]) -> None:
    del stored.events[sizes[1] : sizes[1] + 3]
    stored.numbered()
    stored.headed()


@finds(("REWRITTEN", 1))
def an_event_inserted_and_the_rest_numbered_and_hashed(stored: Stored, sizes: list[int]) -> None:
    stored.events.insert(sizes[1], forged(stored.events[sizes[1]]))
    stored.numbered()
    stored.headed()


@finds(("REWRITTEN", 1))
def two_events_in_each_others_place_and_everything_hashed(stored: Stored, sizes: list[int]) -> None:
    at = sizes[1]
    stored.events[at : at + 2] = stored.events[at + 1], stored.events[at]
    stored.numbered()
    stored.headed()


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ATTACKS)
async def test_whoever_hashes_everything_again_is_found_out_by_a_checkpoint_kept_outside(
    anchored: Anchored, name: str, tmp_path: Path
) -> None:
    tamper, expected, without_checkpoints = ATTACKS[name]
    service, sizes = anchored.service, anchored.sizes
    checkpoints = service.database.collection("audit_checkpoints")
    honest, altered, kept = await Stored.of(service), await Stored.of(service), await checkpoints.find().to_list(None)
    tamper(altered, sizes)
    try:
        await altered.written(service)
        if without_checkpoints:
            await checkpoints.delete_many({})
        report = await anchored.verified(checkpoint="\n".join(anchored.texts))
        offline = await exported(service, tmp_path, "\n".join(anchored.texts), str(anchored.key.verifier))
        alone = await anchored.verified()
        before = await anchored.verified(to=4)
        unanchored = await anchored.verified(checkpoint=None, keys=None)
    finally:
        await honest.written(service)
        await checkpoints.delete_many({})
        await checkpoints.insert_many(kept)
    places = {"end": altered.heads[0]["size"], None: None} | dict(enumerate(sizes))
    found = {(each["kind"], each["seq"]) for each in report["faults"]}
    assert found == {(kind, places[place]) for kind, place in expected} == {(each["kind"], each["seq"]) for each in offline}
    # The last one alone finds as much, and says less of where: whatever is stored in the database proves nothing of that.
    told = {(each["kind"], each["seq"]) for each in alone["faults"]}
    assert told == {(kind, place if kind != "REWRITTEN" else 0) for kind, place in found} - (
        {("REWRITTEN", 0)} if "TAIL_CUT" in {kind for kind, _ in found} else set()
    )
    assert unanchored["valid"] != (None in {place for _, place in expected})  # without it only what the head says shows
    assert "UNANCHORED" in unanchored["caveats"]
    assert not report["valid"] and "UNANCHORED" not in report["caveats"]
    # Whichever part is verified, a checkpoint of the whole tells; it says nothing of a head that was altered alone.
    assert before["valid"] == (expected == {("HEAD_DIFFERS", None)})
    assert (await anchored.verified())["valid"]


async def test_a_rewrite_is_told_as_what_lies_between_the_checkpoints_around_it(anchored: Anchored) -> None:
    honest, altered = await Stored.of(anchored.service), await Stored.of(anchored.service)
    an_event_edited_and_everything_after_hashed(altered, anchored.sizes)
    try:
        await altered.written(anchored.service)
        (fault,) = (await anchored.verified(checkpoint="\n".join(anchored.texts)))["faults"]
        earlier = await anchored.verified(0)
    finally:
        await honest.written(anchored.service)
    first, second, *_ = anchored.sizes
    assert fault["detail"].startswith(f"From {first} to {second - 1} something is not what it was")
    assert earlier["valid"] and earlier["caveats"] == ["AFTER_CHECKPOINT"]  # what was signed before still holds


async def test_what_came_after_the_checkpoint_may_be_rewritten_and_that_is_said(anchored: Anchored) -> None:
    honest, altered = await Stored.of(anchored.service), await Stored.of(anchored.service)
    altered.events[-1]["outcome"] = "failure"
    altered.headed()
    try:
        await altered.written(anchored.service)
        report = await anchored.verified()
    finally:
        await honest.written(anchored.service)
    assert (report["valid"], report["caveats"]) == (True, ["AFTER_CHECKPOINT"])


FORGERIES: dict[str, Callable[[Checkpoint, SigningKey], str]] = {
    "another key": lambda signed, key: signed.signed(SigningKey(key.name, bytes(32))),
    "another name": lambda signed, key: signed.signed(SigningKey("elsewhere.example", key.secret)),
    "another size": lambda signed, key: signed.signed(key).replace(f"\n{signed.size}\n", f"\n{signed.size - 1}\n"),
    "no signature": lambda signed, key: signed.text,
    "no text": lambda signed, key: "",
    "no events": lambda signed, key: Checkpoint(signed.origin, 0, signed.root).signed(key),
}


@pytest.mark.parametrize("how", FORGERIES)
async def test_a_forged_checkpoint_is_named_and_anchors_nothing(anchored: Anchored, how: str) -> None:
    signed = opened(anchored.texts[-1], [anchored.key.verifier])
    report = await anchored.verified(checkpoint=FORGERIES[how](signed, anchored.key))
    assert [(each["kind"], each["seq"]) for each in report["faults"]] == [("CHECKPOINT_FORGED", None)]
    assert not report["valid"] and report["caveats"] == ["UNANCHORED"]


async def test_a_checkpoint_of_another_trail_anchors_nothing_though_its_key_is_trusted(anchored: Anchored) -> None:
    signed, other = opened(anchored.texts[-1], [anchored.key.verifier]), SigningKey("elsewhere.example", bytes(32))
    text = Checkpoint(other.name, signed.size, signed.root).signed(other)
    report = await anchored.verified(checkpoint=text, keys=[str(other.verifier)])
    assert [(each["kind"], each["seq"]) for each in report["faults"]] == [("CHECKPOINT_OF_ANOTHER_TRAIL", None)]
    assert report["caveats"] == ["UNANCHORED"]


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"keys": None}, "keys"), ({"keys": []}, "keys"), ({"keys": ["x"] * 17}, "keys"), ({"keys": ["nonsense"]}, "keys.0"),
        ({"checkpoint": None}, "checkpoint"),
    ],
)  # fmt: skip
async def test_a_checkpoint_needs_whom_to_trust(anchored: Anchored, asked: dict[str, Any], path: str) -> None:
    given = deepcopy({"checkpoint": anchored.texts[0], "keys": [str(anchored.key.verifier)]} | asked)
    refused = await anchored.service.refusal(VERIFICATION, AUDREY, **given)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", path)


async def test_a_checkpoint_costs_two_commands_more_however_many_there_are(anchored: Anchored, server: str) -> None:
    watched: Watched
    async for watched in watching(server, anchored.service):
        given = {"checkpoint": anchored.texts[0], "keys": [str(anchored.key.verifier)], "from": 30}
        _, plain = await watched.costs(VERIFICATION, AUDREY, **{"from": 30})
        _, compared = await watched.costs(VERIFICATION, AUDREY, **given)
        more = where(compared).count("audit_checkpoints") - where(plain).count("audit_checkpoints")
        assert len(compared) == len(plain) + 2 and more == 1
    assert verify.KEPT == 1_000
