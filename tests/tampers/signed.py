"""Endorsements of keys, altered, and restorations of the trail, forged."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import partial
from typing import Any

from documents.audit.endorsements import endorsement_of
from documents.audit.notes import Checkpoint, SigningKey, unverified
from documents.audit.restorations import ACTION, RESOURCE, facts_of
from tests.tampers.attacks import HEAD, add, attack
from tests.tampers.held import Found, Held
from tests.trails import Raw, forged

MALLORY = SigningKey("elsewhere.example", bytes(range(64, 96)))
SIGNED = Checkpoint("elsewhere.example", 9, "0" * 64)
UNTRUSTED = Found("CHECKPOINT_FORGED")  # said of the kept checkpoint of a key that nothing endorses any more
WRONG = Found("ENDORSEMENT_FORGED")

ENDORSEMENTS: dict[str, Callable[[str], str]] = {
    "of another key of before": lambda note: note.replace("+AQ", "+AR", 1),
    "without its last signature": lambda note: "".join(note.splitlines(keepends=True)[:-1]),
    "without signatures": lambda note: note.partition("\n\n")[0] + "\n\n",
    "with another heading": lambda note: note.replace("v1", "v2", 1),
    "with a line more": lambda note: note.replace("\n\n", "\nand more\n\n", 1),
    "by another key, of itself": lambda note: endorsement_of(MALLORY, MALLORY).replace(str(MALLORY.verifier), "no key", 1),
    "that is empty": lambda note: "",
    "that is a checkpoint": lambda note: SIGNED.signed(MALLORY),
}  # fmt: skip


def endorsing(held: Held) -> Raw:
    """The stored checkpoint with the endorsement of the key that signed last."""
    return next(each for each in held.at("audit_checkpoints") if each["endorsement"])


def endorsed_otherwise(alter: Callable[[str], str], held: Held) -> Iterable[Found]:
    stored = endorsing(held)
    stored["endorsement"] = alter(stored["endorsement"])
    return [WRONG, UNTRUSTED]


for name, alter in ENDORSEMENTS.items():
    add("endorsements", name, partial(endorsed_otherwise, alter))


@attack("endorsements")
def removed(held: Held) -> Iterable[Found]:
    endorsing(held)["endorsement"] = None
    return [UNTRUSTED]


@attack("endorsements")
def removed_with_its_checkpoint(held: Held) -> Iterable[Found]:
    held.at("audit_checkpoints").remove(endorsing(held))
    return [UNTRUSTED]


@attack("endorsements")
def removed_with_all_checkpoints(held: Held) -> Iterable[Found]:
    held.at("audit_checkpoints").clear()
    return [UNTRUSTED]


@attack("endorsements")
def by_keys_that_nobody_trusts(held: Held) -> Iterable[Found]:
    after = SigningKey(MALLORY.name, bytes(range(96, 128)))
    endorsing(held)["endorsement"] = endorsement_of(MALLORY, after)
    return [UNTRUSTED]


@attack("endorsements")
def that_is_a_number(held: Held) -> Iterable[Found]:
    (stored := endorsing(held))["endorsement"] = 7
    return [Found("CHECKPOINT_FORGED", stored["size"]), UNTRUSTED]


@attack("endorsements")
def of_a_checkpoint_with_a_field_more(held: Held) -> Iterable[Found]:
    (stored := endorsing(held))["endorsed_by"] = "the board"
    return [Found("CHECKPOINT_FORGED", stored["size"])]


# Restorations, told by whoever has no key of the name under which the trail goes on


def restored(held: Held, behind: int = 3, **facts: Any) -> None:
    """Cuts the last events that the last checkpoint covers, and goes on under another name, as `admin restore` would."""
    note = held.at("audit_checkpoints")[-1]["text"]
    del held.events[held.sizes[-1] - behind :]
    seq, kind = held.end, dict(zip(("type", "id"), RESOURCE, strict=True))
    told = facts_of(unverified(note), note, seq, held.sizes[-2], "The disk was lost.") | facts
    event = forged(deepcopy(held.events[-1]), seq=seq, origin="elsewhere.example", action=ACTION, resource=kind, subject=None)
    event |= {"actor": {"id": "system", "type": "system"}, "event_type": "system_started", "outcome": "success"}
    event["details"] = {"changes": [], "facts": told}
    held.events.append(event)
    held.headed()
    held.head["origin"] = "elsewhere.example"


FACTS: dict[str, Any] = {
    "that cites no checkpoint": {"checkpoint": "none"},
    "that cites another trail": {"origin": "another.example"},
    "that says that nothing is lost": {"lost": {"from": 1, "to": 0}},
    "that agrees with more than there is": {"kept_to": 10**6},
    "without a reason": {"reason": None},
}


def restored_otherwise(facts: Raw, held: Held) -> Iterable[Found]:
    """What contradicts itself tells of no restoration: the event bears a foreign name, and the checkpoints are of others."""
    restored(held, **facts)
    return [Found("ORIGIN_DIFFERS", held.end - 1), Found("CHECKPOINT_OF_ANOTHER_TRAIL")]


for name, facts in FACTS.items():
    add("restorations", name, partial(restored_otherwise, facts))


@attack("restorations")
def under_the_head_of_before(held: Held) -> Iterable[Found]:
    origin = held.head["origin"]
    restored(held)
    held.head["origin"] = origin
    return [HEAD]


@attack("restorations")
def by_a_person(held: Held) -> Iterable[Found]:
    restored(held)
    held.events[-1]["actor"] = {"id": "mallory", "type": "user"}
    held.headed()
    return [Found("ORIGIN_DIFFERS", held.end - 1), Found("CHECKPOINT_OF_ANOTHER_TRAIL")]


@attack("restorations")
def of_what_is_behind_an_earlier_checkpoint(held: Held) -> Iterable[Found]:
    """The events before it are altered, which the checkpoint below still shows."""
    held.events[held.sizes[0] - 1]["action"] = "nothing"
    restored(held)
    return [Found("REWRITTEN", 0)]
