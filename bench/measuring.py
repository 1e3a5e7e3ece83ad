"""Measures a case: its contenders take turns in each round, so that other load on the machine weighs on all of them."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Ask = Callable[[int], Awaitable[bytes]]
"""Sends a contender its request of that number, and returns the body of the answer."""
WARM = 5  # requests to each contender before it is measured
LEAST = 1e-5  # seconds that a request takes at least


class AnswersDiffer(AssertionError):
    """The contenders answer differently, so their costs cannot be compared."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that is measured. `clock` has the processor seconds that it and its database have used so far."""

    name: str
    ask: Ask
    clock: Callable[[], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request costs a contender's server and the database, in microseconds of processor time: medians of all rounds."""

    server: float
    database: float
    spread: float
    """The difference between the dearest round and the cheapest, as a share of the median."""
    times: float
    """The cost of a request to us as a multiple of this contender's: the median of the rounds' ratios."""
    to_first: float
    """The cost of a request to this contender as a multiple of the first one's: likewise."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The costs of a case, by contender."""

    case: str
    costs: Mapping[str, Cost]


async def measured(case: str, contenders: Sequence[Contender], rounds: int, seconds: float, warm: int = WARM) -> Measured:
    """Measures each contender for about `seconds` of processor time in each of `rounds`, after `warm` requests.

    The last contender is ours.

    Raises AnswersDiffer unless all give the same answers before they are measured.
    """
    number = 0
    took = {}
    for _ in range(warm):
        number += 1
        said = {}
        for each in contenders:
            before = sum(each.clock())
            said[each.name] = json.loads(await each.ask(number))
            took[each.name] = max(sum(each.clock()) - before, LEAST)
        agree(case, said)
    spent: dict[str, list[tuple[float, float]]] = {each.name: [] for each in contenders}
    for _ in range(rounds):
        for each in contenders:
            times = max(1, round(seconds / took[each.name]))
            then = each.clock()
            for _ in range(times):
                number += 1
                await each.ask(number)
            server, database = ((after - begun) / times for after, begun in zip(each.clock(), then, strict=True))
            spent[each.name].append((server, database))
    servers = {name: [server for server, _ in each] for name, each in spent.items()}
    first, ours = servers[contenders[0].name], servers[contenders[-1].name]
    return Measured(case, {name: _cost(each, first, ours) for name, each in spent.items()})


def agree(case: str, said: Mapping[str, Any]) -> None:
    """Raises AnswersDiffer unless the contenders' answers are equal and without errors."""
    first, *others = said
    for each in others:
        if said[each] != said[first] or "errors" in said[first]:
            raise AnswersDiffer(f"{case}: {first} says {said[first]}, and {each} {said[each]}")


def _cost(spent: Sequence[tuple[float, float]], first: Sequence[float], ours: Sequence[float]) -> Cost:
    servers, databases = zip(*spent, strict=True)
    middle = median(servers)
    spread = (max(servers) - min(servers)) / middle
    return Cost(middle * 1e6, median(databases) * 1e6, spread, _times(ours, servers), _times(servers, first))


def _times(these: Sequence[float], those: Sequence[float]) -> float:
    return median(each / other for each, other in zip(these, those, strict=True))
