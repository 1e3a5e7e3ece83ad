"""The register of attacks, and what several of them share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.tampers.held import Found, Held, Tamper


@dataclass(frozen=True)
class Attack:
    """An attack, by its group and name. Those of one batch alter different places, and are verified together."""

    group: str
    name: str
    tamper: Tamper
    batch: str


ATTACKS: dict[str, Attack] = {}


def add(group: str, name: str, tamper: Tamper, batch: str = "") -> None:
    named = f"{group}: {name}"
    assert named not in ATTACKS, named
    ATTACKS[named] = Attack(group, name, tamper, f"{group}: {batch}" if batch else named)


def attack(group: str) -> Callable[[Tamper], Tamper]:
    def declare(tamper: Tamper) -> Tamper:
        add(group, tamper.__name__.replace("_", " "), tamper)
        return tamper

    return declare


HEAD = Found("HEAD_DIFFERS")


def seq_of(held: Held, number: int = 0) -> int:
    """The number of the first event that attacks alter, or of a later one for another attack of the same batch."""
    return held.fit[number]


def rewritten(held: Held) -> Found:
    """What a checkpoint finds of events from the one of `seq_of` on that were all hashed again."""
    return Found("REWRITTEN", held.sizes[0])


def completing(seq: int, end: int) -> Iterator[int]:
    """The events that complete a subtree with event `seq` in it."""
    for level in range(1, end.bit_length()):
        if (last := (((seq >> level) + 1) << level) - 1) < end:
            yield last


def grown_otherwise(held: Held, seq: int) -> set[Found]:
    """What is found where the leaf of event `seq` is another, and nothing after it was hashed again."""
    nodes = {Found("NODES_DIFFER", each) for each in completing(seq, held.end)}
    return {Found("BROKEN_LINK", seq + 1), *nodes, HEAD, rewritten(held)}
