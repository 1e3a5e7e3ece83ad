"""What a growing estate costs: the same questions over more and more versions, and the memory that dashboards take."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from random import Random
from statistics import median
from time import monotonic
from typing import Any

from bench import data
from bench.cases import CLERKS
from bench.processes import NEVER, Caller, Process, megabytes, post, processor_seconds
from bench.questions import FIGURES
from bench.report import Row, Table
from bench.stand import ADMIN_TOKEN, Effort, Size, Stand
from documents.kinds import RECORDS
from documents.risk.scales import RiskBand, RiskTier
from documents.search import TOKENS, words
from documents.store.counts import recount
from documents.store.record import Identity
from documents.store.session import Database
from documents.store.units import Raw, Unit
from documents.versions.lifecycle import LIVE, VersionStatus
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from gql.firststart import utc_now
from gql.settings import PREFIX
from gql.verifications import verification

VERSIONS = {Size.TINY: (60, 120), Size.SHORT: (1_000, 10_000, 30_000), Size.FULL: (1_000, 10_000, 100_000)}
PATIENCE = 600  # seconds for a question over a large estate, on a machine that others use too
MADE, AT_ONCE = 50, 500  # versions that are made by the rules, of which the others are copies; copies of a transaction
DASHBOARDS = 16  # that are asked for at once, to see what memory they take
TICK = 0.01  # seconds between two looks at the memory
DIRECTLY = "the engine alone: any 20 versions"
"""What the database takes for a `find` without filter and order, of which MongoDB reads 20 documents."""

ASKED: Mapping[str, str] = {
    "dashboard": f"{{ dashboard {{ {FIGURES} }} }}",
    "one version by key": '{ modelVersion(modelId: "model-000000", version: "2.0.0") { modelId version tier status } }',
    "first page": "{ modelVersions(first: 20) { nodes { modelId version tier status } } }",
    "first page by risk": "{ modelVersions(first: 20, orderBy: [{standing: {riskScore: DESC}}]) { nodes { modelId version } } }",
    "total": "{ modelVersions(first: 0) { totalCount } }",
    "total of a tier": "{ modelVersions(first: 0, filter: {tier: {eq: TIER_1_CRITICAL}}) { totalCount } }",
    "by tier": "{ modelVersionAggregates(groupBy: [{tier: ASC}]) { count keys { tier } } }",
    "search by a rare word": '{ search(query: "order sold r57 law") { totalCount nodes { id } } }',
}


@dataclass(frozen=True, slots=True)
class Growth:
    """What a request takes of our server and of the database with so many versions, in microseconds of processor time.

    `times` is the cost to the database as a multiple of that with the fewest versions. Medians of the rounds.
    """

    case: str
    versions: int
    server: float
    database: float
    times: float = 1.0


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of the database in MB: before, and at most while sixteen callers ask for the dashboard, again and again."""

    versions: int
    quiet: float
    peak: float


async def measure(stand: Stand) -> list[dict[str, Any]]:
    """Measures each question over more and more versions, and the memory that dashboards take."""
    costs, memory = list[Growth](), dict[int, Memory]()
    async with stand.database("growth") as (settings, database):
        await data.people(database, CLERKS)
        await data.versions(database, 0, MADE)
        with database.bound():
            await verification(None, utc_now, NEVER)  # else the server would take it, and find copies that no event tells of
        process = Process(settings, "ours")
        process.environment[f"{PREFIX}LIMIT_SECONDS"] = str(PATIENCE)
        with process:
            for before, versions in pairwise((0, *VERSIONS[stand.size])):
                await copies(database, before, versions)
                stand.tell(f"growth: {versions:,} versions")
                measured, memory[versions] = await grown(database, process, stand.engine.pid, stand.effort, versions)
                costs += measured
    return [asdict(each) | {"megabytes": asdict(memory[each.versions])} for each in ratios(costs)]


def tables(rows: Sequence[Row]) -> Sequence[Table]:
    """The costs of each question by the number of versions, and the memory of the database."""
    sizes = sorted({row["versions"] for row in rows})
    found = {(row["case"], row["versions"]): row for row in rows}
    shown = [
        (case, *(f"{each['server']:,.0f} + {each['database']:,.0f}, 1:{each['times']:.1f}" for each in those))
        for case in dict.fromkeys(row["case"] for row in rows)
        if (those := [found[case, size] for size in sizes])
    ]
    columns = ("µs of the server + of the database", *(f"{size:,} versions" for size in sizes))
    of = {row["versions"]: row["megabytes"] for row in rows}
    memory = [(f"{size:,}", f"{of[size]['quiet']:,.0f}", f"{of[size]['peak']:,.0f}") for size in sizes]
    return [
        Table("Growth: processor time of a request, and the database's as a multiple of the first", columns, shown),
        Table("Memory of the database, in MB", ("versions", "quiet", f"under {DASHBOARDS} dashboards at once"), memory),
    ]


async def copies(database: Database, first: int, last: int) -> None:
    """Puts the versions numbered from `first` to before `last` there: copies of those that are there, which stand in many ways.

    They are written past the trail. The counts are computed anew.
    """
    with database.bound():
        versions, models = await ModelVersion.raws({}, limit=MADE), await Model.raws({}, limit=MADE // data.VERSIONS_A_MODEL)
        for start in range(max(first, MADE), last, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, last))
            of_models = [each for each in numbers if not each % data.VERSIONS_A_MODEL]
            made = [_copy(versions[each % MADE], each) for each in numbers]
            named = [models[0] | {"_id": Identity(), "model_id": data.model_id(each)} for each in of_models]

            async def work(_: Unit, made: Sequence[Raw] = made, named: Sequence[Raw] = named) -> None:
                await ModelVersion.insert_raws(made)
                if named:
                    await Model.insert_raws(named)

            await database.transact(work, data.AT)
        await recount(RECORDS, data.AT)


def _copy(version: Raw, number: int) -> Raw:
    dice = Random(number)
    status = dice.choice([*LIVE, VersionStatus.RETIRED])
    score = dice.choice([None, round(25 * dice.random(), 2)])
    ends = data.AT.replace(year=data.AT.year + 2)
    standing = deepcopy(version["standing"]) | {
        "status": status,
        "approved_until": ends.replace(month=dice.randrange(1, 13)) if status == VersionStatus.APPROVED else None,
        "next_review": ends.replace(month=dice.randrange(1, 13), minute=number % 60),
        "risk_score": score,
        "risk_band": None if score is None else RiskBand.of(score),
    }
    said = {"_id": Identity(), "model_id": data.model_id(number), "version": data.version(number), "standing": standing}
    at = {"registered_at": version["registered_at"].replace(microsecond=1000 * (number % 1000)), "tier": dice.choice([*RiskTier])}
    return version | said | at | {TOKENS: [*version[TOKENS], *words([f"r{number}"])]}


async def grown(database: Database, process: Process, engine: int, effort: Effort, versions: int) -> tuple[list[Growth], Memory]:
    """Measures each question, and the memory that dashboards at once take."""
    async with AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(Caller(process.port)) for _ in range(DASHBOARDS)]
        clocks = (process.pid, engine)
        found = [await _measured(name, versions, _asking(callers[0], text), clocks, effort) for name, text in ASKED.items()]
        found.append(await _measured(DIRECTLY, versions, lambda: _directly(database), clocks, effort))
        return found, await _memory(callers, engine, versions, effort)


def ratios(those: Sequence[Growth]) -> list[Growth]:
    """The costs with `times`, the multiple of what the first of the same case takes."""
    first: dict[str, float] = {}
    return [replace(each, times=each.database / first.setdefault(each.case, each.database)) for each in those]


def _asking(caller: Caller, text: str) -> Any:
    request = post("/graphql", {"query": text}, ADMIN_TOKEN)

    async def ask() -> None:
        if b'"errors"' in (said := await caller.ask(request)):
            raise RuntimeError(said.decode())

    return ask


async def _directly(database: Database) -> None:
    found = database.collection("model_versions").find({}, {"model_id": 1, "version": 1}, limit=20)
    await found.to_list(None)


async def _measured(case: str, versions: int, ask: Any, clocks: tuple[int, int], effort: Effort) -> Growth:
    took: list[tuple[float, float]] = []
    await ask()
    for _ in range(effort.rounds):
        began, times, before = monotonic(), 0, [processor_seconds([each]) for each in clocks]
        while not times or monotonic() < began + effort.seconds:
            await ask()
            times += 1
        server, database = ((processor_seconds([each]) - then) / times for each, then in zip(clocks, before, strict=True))
        took.append((server, database))
    server, database = (median(each) * 1e6 for each in zip(*took, strict=True))
    return Growth(case, versions, server, database)


async def _memory(callers: Sequence[Caller], engine: int, versions: int, effort: Effort) -> Memory:
    quiet = peak = megabytes(engine, "VmRSS")
    ends = monotonic() + effort.rounds * effort.seconds

    async def looks() -> None:
        nonlocal peak
        while True:
            peak = max(peak, megabytes(engine, "VmRSS"))
            await asyncio.sleep(TICK)

    async def asks(caller: Caller) -> None:
        ask = _asking(caller, ASKED["dashboard"])
        await ask()
        while monotonic() < ends:
            await ask()

    looking = asyncio.create_task(looks())
    await asyncio.gather(*map(asks, callers))
    looking.cancel()
    return Memory(versions, quiet, peak)
