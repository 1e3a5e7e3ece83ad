"""What many clients get at once, who read and write: in turns with a lone writer, at one worker and at two."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import count
from math import ceil
from statistics import median
from time import monotonic
from typing import Any, Protocol

from bench.cases import VERSIONS, purpose, question, serving
from bench.measuring import WARM
from bench.processes import Caller
from bench.questions import QUESTIONS
from bench.report import Row, Table
from bench.stand import Stand

CLIENTS = 64
ROUNDS = 25  # times what a contender gets in a round: that many seconds' worth of answers have a 99th percentile
LEAST = 0.5  # seconds
WRITES_EVERY = 4  # each client's every fourth request is a write
PRESSURE = 1.5  # of the requests that clients get answered who wait for each answer: as many more arrive in the open loop
CONNECTIONS = 512  # at most: beyond them an arrival waits for a free one, and its time counts


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients got: acknowledged writes and reads a second, times in milliseconds; medians and 99th percentiles."""

    loop: str
    """`closed`, where each client waits for its answer, or `open`, where requests arrive at a steady rate."""
    workers: int
    seconds: float
    lone: float
    """Writes a second of one client alone, measured just before."""
    lone_median: float
    writes: float
    write_median: float
    write_99th: float
    reads: float
    read_median: float
    read_99th: float
    refused: int
    refusal_longest: float


class Asks(Protocol):
    async def ask(self, request: bytes) -> bytes: ...


@dataclass
class Seen:
    """The times of the answers, in seconds."""

    writes: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    async def ask(self, caller: Asks, request: bytes, writes: bool, begun: float) -> None:
        """Sends a request that was due at `begun`. Raises RuntimeError for a refusal that is not about the load."""
        answer = await caller.ask(request)
        took = monotonic() - begun
        if b'"errors"' not in answer:
            (self.writes if writes else self.reads).append(took)
            return
        (error,) = json.loads(answer)["errors"]
        if error["extensions"]["code"] not in {"UNAVAILABLE", "LIMIT_EXCEEDED"}:
            raise RuntimeError(answer.decode())
        self.refused.append(took)


class Mixed:
    """The clients' requests, one after the other: questions in turn, and every fourth request a change of a version."""

    def __init__(self, versions: int) -> None:
        self._versions, self._numbers = versions, count(1)
        self._questions = [question(each, "ours") for each in QUESTIONS if each.name != "dashboard"]

    def write(self) -> bytes:
        number = next(self._numbers)
        return purpose(number % self._versions, number)

    def next(self) -> tuple[bytes, bool]:
        """A request, and whether it writes."""
        number = next(self._numbers)
        if number % WRITES_EVERY == 0:
            return purpose(number // WRITES_EVERY % self._versions, number), True
        return self._questions[number % len(self._questions)], False


Run = Callable[[Mixed, Sequence[Caller], AsyncExitStack, Sequence[int], float, Seen], Awaitable[float]]
"""Sends requests for so many seconds, and returns how long it took until all were answered."""


async def measure(stand: Stand) -> list[dict[str, Any]]:
    """Measures clients who read and write at once, at one worker and at two."""
    async with serving(stand, ours=2) as (servers, _):
        stand.tell(f"{CLIENTS} clients who read and write, at one worker and at two")
        seconds = max(ROUNDS * stand.effort.seconds, LEAST)
        return [asdict(each) for each in await loads([each.port for each in servers.ours], VERSIONS[stand.size][0], seconds)]


def tables(rows: Sequence[Row]) -> Sequence[Table]:
    columns = (
        "requests come", "workers", "lone writes a second", "writes a second", "share of lone", "ms, median and 99th",
        "reads a second", "ms, median and 99th", "refused, in ms at most",
    )  # fmt: skip
    told = [
        (
            each["loop"], str(each["workers"]), f"{each['lone']:.0f}", f"{each['writes']:.0f}",
            f"{each['writes'] / each['lone']:.2f}",            f"{each['write_median']:.0f}, {each['write_99th']:.0f}",
            f"{each['reads']:.0f}",
            f"{each['read_median']:.0f}, {each['read_99th']:.0f}", f"{each['refused']}, {each['refusal_longest']:.0f}",
        )
        for each in rows
    ]  # fmt: skip
    return [Table(f"{CLIENTS} clients, every fourth request a write", columns, told)]


async def loads(ports: Sequence[int], versions: int, seconds: float) -> list[Load]:
    """Measures the closed and the open loop at the first worker, and at the first two."""
    mixed, found = Mixed(versions), list[Load]()
    for workers in (1, 2):
        at = ports[:workers]
        closed, took = await _measured(mixed, at, seconds, _closed)
        found.append(_load("closed", workers, closed, took))
        rate = PRESSURE * (len(took.writes) + len(took.reads)) / seconds
        opened, took = await _measured(mixed, at, seconds, partial(_open, rate))
        found.append(_load("open", workers, opened, took))
    return found


async def _measured(mixed: Mixed, ports: Sequence[int], seconds: float, run: Run) -> tuple[Mapping[str, float], Seen]:
    async with AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(Caller(ports[each % len(ports)])) for each in range(CLIENTS)]
        for each in callers[: len(ports) * WARM]:
            await each.ask(mixed.write())
        alone, until = Seen(), monotonic() + seconds / 4
        while monotonic() < until:
            await alone.ask(callers[0], mixed.write(), True, monotonic())
        seen = Seen()
        spent = await run(mixed, callers, stack, ports, seconds, seen)
        return {"lone": len(alone.writes) / (seconds / 4), "lone_median": median(alone.writes) * 1e3, "seconds": spent}, seen


async def _closed(
    mixed: Mixed, callers: Sequence[Caller], _: AsyncExitStack, __: Sequence[int], seconds: float, seen: Seen
) -> float:
    """Each client sends its next request once it has the answer; one that is refused waits a moment first."""
    begun = monotonic()

    async def client(caller: Caller) -> None:
        while monotonic() < begun + seconds:
            refused = len(seen.refused)
            await seen.ask(caller, *mixed.next(), monotonic())
            if len(seen.refused) > refused:
                await asyncio.sleep(0.1)

    await asyncio.gather(*map(client, callers))
    return monotonic() - begun


async def _open(
    rate: float, mixed: Mixed, callers: Sequence[Caller], stack: AsyncExitStack, ports: Sequence[int], seconds: float, seen: Seen
) -> float:
    """Requests arrive at a steady rate, whether earlier ones are answered or not."""
    free, made, begun = [*callers], len(callers), monotonic()
    back = asyncio.Condition()

    async def arrive(due: float) -> None:
        nonlocal made
        async with back:
            if not free and made < CONNECTIONS:
                made += 1
                free.append(await stack.enter_async_context(Caller(ports[made % len(ports)])))
            await back.wait_for(lambda: free)
            caller = free.pop()
        await seen.ask(caller, *mixed.next(), due)
        async with back:
            free.append(caller)
            back.notify()

    async with asyncio.TaskGroup() as group:
        for number in range(ceil(seconds * rate)):
            due = begun + number / rate
            await asyncio.sleep(due - monotonic())
            group.create_task(arrive(due))
    return monotonic() - begun


def _load(loop: str, workers: int, alone: Mapping[str, float], seen: Seen) -> Load:
    seconds = alone["seconds"]
    return Load(
        loop, workers, seconds, alone["lone"], alone["lone_median"],
        len(seen.writes) / seconds, _at(seen.writes, 0.5), _at(seen.writes, 0.99),
        len(seen.reads) / seconds, _at(seen.reads, 0.5), _at(seen.reads, 0.99),
        len(seen.refused), _at(seen.refused, 1.0),
    )  # fmt: skip


def _at(times: Sequence[float], share: float) -> float:
    """The time in milliseconds within which that share of the answers came; 0 without answers."""
    return sorted(times)[max(ceil(len(times) * share) - 1, 0)] * 1e3 if times else 0.0
