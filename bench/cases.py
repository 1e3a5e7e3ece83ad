"""The cases that are measured: questions, mutations, several processes that write at once, and verification."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from bench import data
from bench.measuring import AnswersDiffer, Ask, Contender, Measured, measured
from bench.processes import Caller, Process, get, post, processor_seconds
from bench.questions import QUESTIONS, Question
from bench.trails import READERS

ADMIN_TOKEN = "mag_bench_" + "b" * 43
SECRET_KEY = f"bench+{'b' * 42}A="
CLERKS = 8  # clients that write at once
PERSON = "mutation Person($input: UpdateStakeholderInput!) { updateStakeholder(input: $input) { stakeholder { department } } }"
PURPOSE = """mutation Purpose($input: UpdateModelVersionInput!) {
updateModelVersion(input: $input) { modelVersion { purpose tier status } } }"""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a case is measured: the number of rounds, and about how many seconds each contender gets in a round."""

    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Rates:
    """Mutations a second that `clients` together get from one process, and from several; medians of the rounds."""

    clients: int
    processes: int
    one: float
    several: float
    share: float
    """The rate of several processes as a share of the rate of one: the median of the rounds' shares."""
    one_costs: float
    several_cost: float
    """Microseconds of processor time of servers and database per mutation; more with several, whose transactions collide."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What an event costs to read and hash, and to verify, in microseconds of the reader's processor time; and peak memory.

    `chained` and `chained_times` are without the records. Each ratio, to read and hash, is the median of the rounds' ratios.
    """

    of: str
    events: int
    hashed: float
    chained: float
    chained_times: float
    verified: float
    times: float
    megabytes_hashed: float
    megabytes: float


def question(of: Question, name: str) -> bytes:
    """The bytes of the request that asks a contender a question."""
    said = {"query": of.text, "variables": of.variables}
    return get(f"/{of.name}") if name == "bare" else post("/graphql", said, ADMIN_TOKEN)


def person(name: str, clerk: int, number: int) -> bytes:
    """The bytes of the request that changes the department of a clerk to one with that number."""
    said = {"query": PERSON, "variables": {"input": {"userId": f"clerk-{clerk}", "department": f"Department {number}"}}}
    return post("/person" if name == "bare" else "/graphql", said, ADMIN_TOKEN)


def purpose(of: int, number: int) -> bytes:
    """The bytes of the request that changes the purpose of version number `of`."""
    named = {"modelId": data.model_id(of), "version": data.version(of)}
    said = {"query": PURPOSE, "variables": {"input": named | {"purpose": f"{data.PURPOSES[number % 3]}, the {number}th"}}}
    return post("/graphql", said, data.OWNER_TOKEN)


MUTATIONS: Mapping[str, tuple[Sequence[str], Callable[[str, int, int], bytes]]] = {
    "a person's department": (("bare", "unaudited", "ours"), person),
    "a version's purpose": (("unaudited", "ours"), lambda _, of, number: purpose(of, number)),
}
"""For each mutation the contenders, and a function from contender, record number and counter to the request."""


class Servers:
    """The running servers: one for each contender, several for ours, and the process id of their database."""

    def __init__(self, contenders: Mapping[str, Process], ours: Sequence[Process], engine: int, effort: Effort) -> None:
        self.contenders, self.ours, self.engine, self.effort = contenders, ours, engine, effort
        self.numbers = count()

    async def reads(self) -> list[Measured]:
        """Measures each question."""
        return [await self._measured(each.name, ("bare", "stock", "ours"), _asking(each)) for each in QUESTIONS]

    async def writes(self) -> list[Measured]:
        """Measures each mutation. Each contender changes a record of its own, so that none waits for another's transaction."""
        found = []
        for case, (names, request) in MUTATIONS.items():
            places = {name: place for place, name in enumerate(names)}

            def asked(name: str, number: int, request: Any = request, places: Any = places) -> bytes:
                made: bytes = request(name, places[name], number)
                return made

            found.append(await self._measured(case, names, asked))
        return found

    async def rates(self) -> Rates:
        """Measures all clients writing at once: in each round first to one process, then spread over all processes."""
        async with AsyncExitStack() as stack:
            alone = [await stack.enter_async_context(Caller(self.ours[0].port)) for _ in range(CLERKS)]
            spread = [await stack.enter_async_context(Caller(self.ours[clerk % len(self.ours)].port)) for clerk in range(CLERKS)]
            turns = [(await self._rate(alone), await self._rate(spread)) for _ in range(self.effort.rounds + 1)]
        one, several = zip(*turns[1:], strict=True)  # the first is for warming up
        return Rates(
            CLERKS,
            len(self.ours),
            one=median(rate for rate, _ in one),
            several=median(rate for rate, _ in several),
            share=median(many / few for (few, _), (many, _) in turns[1:]),
            one_costs=median(cost for _, cost in one),
            several_cost=median(cost for _, cost in several),
        )

    async def _rate(self, callers: Sequence[Caller]) -> tuple[float, float]:
        """Mutations a second, and the microseconds of processor time that one takes of servers and database."""
        pids = [self.engine, *(each.pid for each in self.ours)]
        spent, began = processor_seconds(pids), monotonic()

        async def write(caller: Caller, clerk: int) -> int:
            done = 0
            while monotonic() < began + 3 * self.effort.seconds:
                if b'"errors"' in (said := await caller.ask(person("ours", clerk, next(self.numbers)))):
                    raise RuntimeError(said.decode())
                done += 1
            return done

        done = sum(await asyncio.gather(*(write(caller, clerk) for clerk, caller in enumerate(callers))))
        return done / (monotonic() - began), (processor_seconds(pids) - spent) / done * 1e6

    async def _measured(self, case: str, names: Sequence[str], request: Callable[[str, int], bytes]) -> Measured:
        async with AsyncExitStack() as stack:
            callers = {name: await stack.enter_async_context(Caller(self.contenders[name].port)) for name in names}

            def contender(name: str) -> Contender:
                ask: Ask = lambda number: callers[name].ask(request(name, number))  # noqa: E731
                pid = self.contenders[name].pid
                return Contender(name, ask, lambda: (processor_seconds([pid]), processor_seconds([self.engine])))

            return await measured(case, [contender(name) for name in names], self.effort.rounds, self.effort.seconds)


def _asking(of: Question) -> Callable[[str, int], bytes]:
    said = {name: question(of, name) for name in ("bare", "stock", "ours")}
    return lambda name, _: said[name]


def verification(of: str, environment: Mapping[str, str], folder: Path, events: int, rounds: int) -> Verified:
    """Reads the trail in turns by the readers of `of`, each in a process of its own.

    Raises AnswersDiffer unless all compute the same root.
    """
    readers = [each.__name__ for each in READERS[of]]
    turns = [[_read(environment, each, folder) for each in readers] for _ in range(rounds)]
    if len({each["root"] for turn in turns for each in turn}) != 1:
        raise AnswersDiffer(f"verification: {turns}")
    hashed, chained, verified = ([each["seconds"] / events * 1e6 for each in those] for those in zip(*turns, strict=True))
    bare, _, ours = (max(each["megabytes"] for each in those) for those in zip(*turns, strict=True))
    costs = [(median(those), _ratio(those, hashed)) for those in (chained, verified)]
    return Verified(of, events, median(hashed), *costs[0], *costs[1], bare, ours)


def _ratio(ours: Sequence[float], bare: Sequence[float]) -> float:
    return median(one / other for one, other in zip(ours, bare, strict=True))


def _read(environment: Mapping[str, str], what: str, folder: Path) -> Any:
    command = [sys.executable, "-m", "bench.trails", what, str(folder)]
    read = subprocess.run(command, env=environment, capture_output=True, check=False)
    if read.returncode:
        raise RuntimeError(read.stderr.decode())
    return json.loads(read.stdout)
