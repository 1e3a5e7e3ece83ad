"""The tamper matrix: whoever writes to the database directly is found out, online with a checkpoint and offline from an export.

Each attack alters a copy of what the database holds after the whole journey, and returns the faults that must be found: these and
no others, the same online and offline. What no verification can find is listed in `CANNOT_BE_FOUND` with the reason.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from documents.audit.findings import AuditCaveat
from documents.audit.notes import Checkpoint, SigningKey, opened
from documents.books import BOOKS
from documents.kinds import RECORDS
from tests.tampers import contents, events, head, hostile, order, records, seals, signed
from tests.tampers.attacks import ATTACKS, Attack
from tests.tampers.held import TOLD, Found, Journey, journey
from tests.tampers.records import EDITS
from tests.tampers.unfound import CANNOT_BE_FOUND, WAITING

GROUPS = events, order, head, signed, contents, records, seals, hostile  # each puts its attacks into `ATTACKS`


@pytest.fixture(scope="module")
async def journeyed(server: str) -> AsyncIterator[Journey]:
    async for each in journey(server):
        yield each


def batches() -> dict[str, list[Attack]]:
    found: dict[str, list[Attack]] = {}
    for each in ATTACKS.values():
        found.setdefault(each.batch, []).append(each)
    return found


BATCHES = batches()
FIRST = {
    next(name for name, attacks in BATCHES.items() if attacks[0].group == group)
    for group in {each.group for each in ATTACKS.values()}
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("batch", BATCHES)
async def test_an_attack_is_found_online_and_offline_and_nothing_else_is(journeyed: Journey, batch: str, tmp_path: Path) -> None:
    held, attacks = journeyed.held(), BATCHES[batch]
    expected = {fault for each in attacks for fault in each.tamper(held)}
    # An event that says something else tells records otherwise: then they differ from the trail too.
    exact = attacks[0].group == "what cannot be found" or any(each.of for each in expected)
    # To compare the records takes by far the most time, so of other attacks one of each group has it done.
    compared = exact or not expected or batch in FIRST
    seen = await journeyed.attacked(held, tmp_path / "export", books=BOOKS if compared else None)
    online, offline = seen.faults
    found = {within(each, expected) for each in online if exact or each.of is None}
    assert {each for each in found if each in expected or not follows(each)} == expected
    assert sorted(map(str, offline)) == sorted(map(str, online))
    assert online or attacks[0].group == "what cannot be found"
    waits = {AuditCaveat.STANDINGS_WAIT in each.caveats for each in (seen.online, seen.offline)}
    hidden = any(CANNOT_BE_FOUND.get(f"{each.group}: {each.name}") == WAITING for each in attacks)
    assert waits == {True} if hidden else len(waits) == 1


DERIVED = frozenset[str]().union(*(each.derived for each in TOLD))


def follows(fault: Found) -> bool:
    """Whether a fault is that of a field which follows from what was altered, maybe in another record."""
    return fault.kind == "RECORD_DIFFERS" and fault.path in DERIVED


def within(fault: Found, expected: Iterable[Found]) -> Found:
    """The expected fault that a fault of a record is a part of: that of the field in which the leaf at its path lies."""
    if fault.of is None:
        return fault
    fields = [each for each in expected if (each.kind, each.of) == (fault.kind, fault.of)]
    fields.sort(key=lambda each: len(each.path or ""), reverse=True)  # the innermost first
    return next((each for each in fields if not each.path or f"{fault.path}.".startswith(f"{each.path}.")), fault)


def test_each_attack_is_found_or_it_is_said_why_not() -> None:
    assert len(ATTACKS) - len(CANNOT_BE_FOUND) >= 120 and all(CANNOT_BE_FOUND.values())
    assert {name for name, each in ATTACKS.items() if each.group == "what cannot be found"} == CANNOT_BE_FOUND.keys()


def test_every_collection_is_attacked() -> None:
    assert {each.__name__ for each in TOLD} == EDITS.keys()
    attacked = {name.partition(": ")[2].partition(",")[0] for name in CANNOT_BE_FOUND}
    attacked |= {each.collection for each in TOLD} | {"audit_events", "audit_head", "contents"}
    assert attacked >= {each.collection for each in RECORDS}


def elsewhere(signed: Checkpoint, key: SigningKey) -> str:
    return signed.signed(SigningKey("elsewhere.example", key.secret))


def another_size(signed: Checkpoint, key: SigningKey) -> str:
    return signed.signed(key).replace(f"\n{signed.size}\n", f"\n{signed.size - 1}\n")


FORGERIES: dict[str, tuple[Callable[[Checkpoint, SigningKey], str], str]] = {
    "by another key": (lambda signed, key: signed.signed(SigningKey(key.name, bytes(32))), "CHECKPOINT_FORGED"),
    "by a key of another name": (elsewhere, "CHECKPOINT_FORGED"),
    "of another size": (another_size, "CHECKPOINT_FORGED"),
    "without a signature": (lambda signed, key: signed.text, "CHECKPOINT_FORGED"),
    "of no events": (lambda signed, key: replace(signed, size=0).signed(key), "CHECKPOINT_FORGED"),
    "of another trail": (
        lambda signed, key: replace(signed, origin="elsewhere.example").signed(key),
        "CHECKPOINT_OF_ANOTHER_TRAIL",
    ),
    "of another root": (lambda signed, key: replace(signed, root="0" * 64).signed(key), "REWRITTEN"),
    "of a longer trail": (lambda signed, key: replace(signed, size=1000).signed(key), "TAIL_CUT"),
}
"""Forgeries of the checkpoint that was kept, and what is found then."""


@pytest.mark.exhaustive
@pytest.mark.parametrize("how", FORGERIES)
async def test_a_forged_checkpoint_is_found_out(journeyed: Journey, how: str, tmp_path: Path) -> None:
    signed = opened(journeyed.texts[-1], [journeyed.next_key.verifier])
    forge, kind = FORGERIES[how]
    keys = [str(journeyed.key.verifier)]
    seen = await journeyed.attacked(journeyed.held(), tmp_path / "export", forge(signed, journeyed.key), keys, books=None)
    online, offline = seen.faults
    assert [each.kind for each in online] == [kind] and online == offline
