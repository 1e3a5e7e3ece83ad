"""What is killed, and when: the same plan for the same seed."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product


class Victim(StrEnum):
    WORKER = "worker"
    ENGINE = "engine"
    SUPERVISOR = "supervisor"


class Step(StrEnum):
    """The commands of a mutation, in the order in which the database gets them."""

    TOUCH = "touching the head"
    READ = "reading"
    WRITE = "writing"
    APPEND = "appending"
    MOVE = "moving the head"
    KEEP = "keeping the key"
    COMMIT = "committing"


class Side(StrEnum):
    BEFORE = "before"  # the database does not get the command
    DURING = "while"  # it does, and whether it answers is not waited for
    AFTER = "after"  # it has answered, and the worker does not get the answer


Point = tuple[Side, Step]
POINTS: Sequence[Point] = tuple(product(Side, Step))
AT_ANY_MOMENT, HASTY = 0.3, 0.2  # shares of the kills


@dataclass(frozen=True)
class Kill:
    """One kill: `delay` seconds after what was before it, or at a point of whichever mutation comes there first after that."""

    victim: Victim
    point: Point | None
    delay: float
    hasty: bool  # the next one does not wait until the service recovers from this one

    @property
    def when(self) -> str:
        return " ".join(self.point) if self.point else "at any moment"


def plan(seed: int, of: Mapping[Victim, int]) -> list[Kill]:
    """As many kills of each victim, in any order; every point is used before one is used again."""
    dice = random.Random(seed)
    victims = [victim for victim, kills in of.items() for _ in range(kills)]
    dice.shuffle(victims)
    left: list[Point] = []
    kills = []
    for victim in victims:
        point = None
        if dice.random() >= AT_ANY_MOMENT:
            left = left or dice.sample(POINTS, len(POINTS))
            point = left.pop()
        kills.append(Kill(victim, point, dice.uniform(0, 0.5), dice.random() < HASTY))
    return kills
