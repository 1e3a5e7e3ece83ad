"""How a case is measured: its contenders in turns, round by round, so that whatever else runs here weighs on all of them."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import monotonic
from typing import Any

Ask = Callable[[int], Awaitable[bytes]]
"""Sends a contender's request of that number, and answers with the body of what comes back."""
WARM = 5  # requests before anything is measured


class AnswersDiffer(AssertionError):
    """Contenders that say different things: whatever they cost, it says nothing."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Who is measured: how it is asked, and the clock of the processor time that its server has used, and its database's."""

    name: str
    ask: Ask
    clock: Callable[[], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request of a contender costs: medians of all rounds, in microseconds of processor time."""

    server: float
    database: float
    spread: float
    """From the cheapest round to the dearest, as a share of the median."""
    times: float
    """What a request of ours costs, of this: the median of the ratios in each round."""


@dataclass(frozen=True, slots=True)
class Measured:
    case: str
    costs: Mapping[str, Cost]


async def measured(case: str, contenders: Sequence[Contender], rounds: int, seconds: float) -> Measured:
    """Asks each contender, ours the last, for about `seconds` in each of `rounds`; AnswersDiffer unless they answer alike."""
    number = 0
    took = {}
    for _ in range(WARM):
        number += 1
        said = {}
        for each in contenders:
            began = monotonic()
            said[each.name] = json.loads(await each.ask(number))
            took[each.name] = monotonic() - began
        agree(case, said)
    spent: dict[str, list[tuple[float, float]]] = {each.name: [] for each in contenders}
    for _ in range(rounds):
        for each in contenders:
            times = max(1, round(seconds / took[each.name]))
            before = each.clock()
            for _ in range(times):
                number += 1
                await each.ask(number)
            server, database = ((now - then) / times for now, then in zip(each.clock(), before, strict=True))
            spent[each.name].append((server, database))
    ours = [server for server, _ in spent[contenders[-1].name]]
    return Measured(case, {name: _cost(each, ours) for name, each in spent.items()})


def agree(case: str, said: Mapping[str, Any]) -> None:
    first, *others = said
    for each in others:
        if said[each] != said[first] or "errors" in said[first]:
            raise AnswersDiffer(f"{case}: {first} says {said[first]}, and {each} {said[each]}")


def _cost(spent: Sequence[tuple[float, float]], ours: Sequence[float]) -> Cost:
    servers, databases = zip(*spent, strict=True)
    middle = median(servers)
    times = median(mine / theirs for mine, theirs in zip(ours, servers, strict=True))
    return Cost(middle * 1e6, median(databases) * 1e6, (max(servers) - min(servers)) / middle, times)
