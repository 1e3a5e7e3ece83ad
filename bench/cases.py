"""The cases that are measured on servers over one database: questions, mutations, and several processes that write at once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import count, pairwise
from statistics import median
from time import monotonic
from typing import Any

from bench import data
from bench.measuring import WARM, Ask, Contender, Measured, measured
from bench.processes import Caller, Process, get, post, processor_seconds
from bench.questions import QUESTIONS, Question
from bench.report import Row, Table, costs
from bench.stand import ADMIN_TOKEN, Effort, Size, Stand
from documents.store.session import Database

VERSIONS = {Size.TINY: (20,), Size.SHORT: (100, 1_000), Size.FULL: (100, 1_000, 10_000, 100_000)}
CLERKS = 8  # clients that write at once
PROCESSES = 4  # that serve our app and write at once
PATIENCE, TICK = 60.0, 0.1  # seconds
_databases = count()
PERSON = "mutation Person($input: UpdateStakeholderInput!) { updateStakeholder(input: $input) { stakeholder { department } } }"
PURPOSE = """mutation Purpose($input: UpdateModelVersionInput!) {
updateModelVersion(input: $input) { modelVersion { purpose tier status } } }"""


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

    async def reads(self, of: Sequence[Question] = QUESTIONS, warm: int = WARM) -> list[Measured]:
        """Measures each question."""
        names = [*self.contenders]
        return [await self._measured(each.name, names, _asking(each, names), warm) for each in of]

    async def writes(self, of: Collection[str] = MUTATIONS) -> list[Measured]:
        """Measures mutations. Each contender changes a record of its own, so that none waits for another's transaction."""
        found = []
        for case in of:
            those, request = MUTATIONS[case]
            names = [each for each in those if each in self.contenders]
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

    async def _measured(
        self, case: str, names: Sequence[str], request: Callable[[str, int], bytes], warm: int = WARM
    ) -> Measured:
        async with AsyncExitStack() as stack:
            callers = {name: await stack.enter_async_context(Caller(self.contenders[name].port)) for name in names}

            def contender(name: str) -> Contender:
                ask: Ask = lambda number: callers[name].ask(request(name, number))  # noqa: E731
                pid = self.contenders[name].pid
                return Contender(name, ask, lambda: (processor_seconds([pid]), processor_seconds([self.engine])))

            return await measured(case, [contender(name) for name in names], self.effort.rounds, self.effort.seconds, warm)


def _asking(of: Question, names: Sequence[str]) -> Callable[[str, int], bytes]:
    said = {name: question(of, name) for name in names}
    return lambda name, _: said[name]


@asynccontextmanager
async def serving(stand: Stand, *contenders: str, versions: int = 0, ours: int = 1) -> AsyncIterator[tuple[Servers, Database]]:
    """Servers over a database of their own with people and `versions`, the least number of the size if none is given."""
    async with stand.database(f"bench_{next(_databases)}") as (settings, database):
        await data.people(database, CLERKS)
        await data.versions(database, 0, versions or VERSIONS[stand.size][0])
        with ExitStack() as stack:
            our = [stack.enter_context(Process(settings, "ours")) for _ in range(ours)]
            others = {name: stack.enter_context(Process(settings, name)) for name in contenders}
            await verified(our[0].port)
            yield Servers({**others, "ours": our[0]}, our, stand.engine.pid, stand.effort), database


async def verified(port: int) -> None:
    """Waits for the first verification of the trail, which would be counted as a cost of the first requests."""
    async with Caller(port) as caller:
        for _ in range(round(PATIENCE / TICK)):
            if b"not verified yet" not in await caller.ask(get("/readyz")):
                return
            await asyncio.sleep(TICK)
    raise TimeoutError(f"the trail is not verified after {PATIENCE:.0f} s")


async def mutations(stand: Stand) -> list[dict[str, Any]]:
    """Measures each mutation on our server, on a bare one and without the trail."""
    async with serving(stand, "bare", "unaudited") as (servers, _):
        stand.tell("mutations")
        return [asdict(each) for each in await servers.writes()]


async def rates(stand: Stand) -> list[dict[str, Any]]:
    """Measures one process of ours and several, to which clients write at once."""
    async with serving(stand, ours=PROCESSES) as (servers, _):
        stand.tell(f"{PROCESSES} processes that write at once")
        return [asdict(await servers.rates())]


async def questions(stand: Stand) -> list[dict[str, Any]]:
    """Measures each question on our server, on a bare one and on stock Strawberry, over growing numbers of versions."""
    found = []
    async with serving(stand, "bare", "stock") as (servers, database):
        for before, versions in pairwise((VERSIONS[stand.size][0], *VERSIONS[stand.size])):
            await data.versions(database, before, versions)
            stand.tell(f"questions over {versions:,} versions")
            found += [{"versions": versions} | asdict(each) for each in await servers.reads()]
    return found


def mutation_tables(rows: Sequence[Row]) -> Sequence[Table]:
    return [costs("Mutations: microseconds of processor time a request", "mutation", ("bare", "unaudited"), rows)]


def question_tables(rows: Sequence[Row]) -> Sequence[Table]:
    return [costs("Questions: microseconds of processor time a request", "question", ("bare", "stock"), rows)]


def rate_tables(rows: Sequence[Row]) -> Sequence[Table]:
    columns = ("clients that write to", "mutations a second", "share of one's rate", "µs of servers and database each")
    told = []
    for each in rows:
        told.append(("one process", f"{each['one']:.0f}", "", f"{each['one_costs']:,.0f}"))
        told.append(
            (f"{each['processes']} processes", f"{each['several']:.0f}", f"{each['share']:.0%}", f"{each['several_cost']:,.0f}")
        )
    return [Table(f"{rows[0]['clients']} clients that write at once", columns, told)]
