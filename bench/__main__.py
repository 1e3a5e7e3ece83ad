"""`python -m bench`: makes its own data on a database of its own, measures, prints the figures, and deletes the data."""

import asyncio
import json
import os
import platform
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from rich.console import Console

from bench import data, histories, report
from bench.cases import ADMIN_TOKEN, CLERKS, SECRET_KEY, Effort, Servers, verification
from bench.load import loads
from bench.processes import Process
from bench.trails import READERS
from documents.audit.export import export
from documents.audit.trail import AuditHead
from documents.books import BOOKS
from documents.kinds import open_database
from documents.store.session import Database
from gql.embedded import Engine
from gql.firststart import prepare
from gql.settings import PREFIX, Settings, read_settings

MOST_LOAD = 25  # times what a contender gets in a round: that many seconds' worth of answers have a 99th percentile
PROCESSES = 4  # that serve our app and write at once
CACHE = "2G"  # events are loaded in bulk, which fills the 256 MB that a server has faster than its checkpoints empty them
LONG = 100_000  # a longer trail is verified in one round
PACKAGES = ("magistrate", "strawberry-graphql", "graphql-core", "starlette", "uvicorn", "motor", "pymongo", "orjson")


class Size(StrEnum):
    """How much is measured."""

    TINY = "tiny"
    SHORT = "short"
    FULL = "full"


class Part(StrEnum):
    """What is measured."""

    MUTATIONS = "mutations"
    RATES = "rates"
    LOAD = "load"
    QUESTIONS = "questions"
    VERIFICATION = "verification"


@dataclass(frozen=True, slots=True)
class Plan:
    """The numbers of versions at which reads are measured, and the numbers of events at which verification is."""

    versions: tuple[int, ...]
    events: tuple[int, ...]
    effort: Effort


PLANS = {
    Size.TINY: Plan((20,), (60,), Effort(1, 0.05)),
    Size.SHORT: Plan((100, 1_000), (1_000, 10_000), Effort(5, 0.4)),
    Size.FULL: Plan((1_000, 10_000, 100_000), (10_000, 100_000, 1_000_000), Effort(5, 1.0)),
}


def main(
    size: Annotated[Size, typer.Option(help="How much: short takes minutes, full the Rust engine and an hour.")] = Size.SHORT,
    part: Annotated[list[Part] | None, typer.Option(help="What of it, everything if not said; several can be named.")] = None,
    to: Annotated[Path | None, typer.Option("--json", help="A file for the figures, to compare runs by.")] = None,
) -> None:
    """Measure what requests cost the server, as ratios to what they could cost."""
    found = asyncio.run(run(PLANS[size], part or [*Part], Console(stderr=True)))
    report.show(found, Console())
    if to:
        to.write_text(json.dumps(found, indent=1) + "\n")


async def run(plan: Plan, parts: Sequence[Part], progress: Console) -> dict[str, Any]:
    """Measures the parts; returns the figures by part, and under `on` the machine and packages that they were measured with."""
    folders = TemporaryDirectory(prefix="magistrate-bench-")
    with folders as folder, Engine(Path(folder), read_settings().engine, CACHE) as engine:
        found: dict[str, Any] = {"on": _machine(engine)} | {each: [] for each in Part}
        if set(parts) - {Part.VERIFICATION}:
            async with _prepared(engine, "bench") as (settings, database):
                await _requests(plan, parts, settings, database, engine, found, progress)
        if Part.VERIFICATION in parts:
            async with _prepared(engine, "trail") as (_, database):
                await _verification(plan, database, engine, found, progress)
        return found


async def _requests(
    plan: Plan, parts: Sequence[Part], settings: Settings, database: Database, engine: Engine, found: Any, progress: Console
) -> None:
    await data.people(database, CLERKS)
    await data.versions(database, 0, plan.versions[0])
    with ExitStack() as stack:
        number = PROCESSES if Part.RATES in parts else 2 if Part.LOAD in parts else 1
        compared = ("bare", "stock", "unaudited") if {Part.MUTATIONS, Part.QUESTIONS} & {*parts} else ()
        ours = [stack.enter_context(Process(settings, "ours")) for _ in range(number)]
        others = {name: stack.enter_context(Process(settings, name)) for name in compared}
        servers = Servers({**others, "ours": ours[0]}, ours, engine.pid, plan.effort)
        if Part.MUTATIONS in parts:
            progress.print("mutations")
            found[Part.MUTATIONS] = [asdict(each) for each in await servers.writes()]
        if Part.RATES in parts:
            progress.print(f"{PROCESSES} processes that write at once")
            found[Part.RATES] = [asdict(await servers.rates())]
        if Part.LOAD in parts:
            progress.print("clients who read and write, at one worker and at two")
            seconds = max(MOST_LOAD * plan.effort.seconds, 0.5)
            found[Part.LOAD] = [asdict(each) for each in await loads([each.port for each in ours], plan.versions[0], seconds)]
        for before, count in pairwise((0, *plan.versions)) if Part.QUESTIONS in parts else ():
            # The first versions are there already: mutations were measured on them.
            await data.versions(database, max(before, plan.versions[0]), count)
            progress.print(f"questions over {count:,} versions")
            found[Part.QUESTIONS] += [{"versions": count} | asdict(each) for each in await servers.reads()]


async def _verification(plan: Plan, database: Database, engine: Engine, found: Any, progress: Console) -> None:
    environment = os.environ | {PREFIX + "MONGODB_URI": engine.uri, PREFIX + "DATABASE": database.name}
    for count in plan.events:
        with database.bound():
            head = await AuditHead.require("head")
        await histories.load(database, head.size, count)
        folder = engine.folder / f"export-{count}"
        with database.bound():
            await export(folder, books=BOOKS)
        progress.print(f"verification of {count:,} events")
        rounds = 1 if count > LONG else plan.effort.rounds
        found[Part.VERIFICATION] += [asdict(verification(of, environment, folder, count, rounds)) for of in READERS]


@asynccontextmanager
async def _prepared(engine: Engine, name: str) -> AsyncIterator[tuple[Settings, Database]]:
    """A prepared database without models, and the settings to serve it."""
    settings = Settings(
        mongodb_uri=engine.uri, database=name, admin_token=SecretStr(ADMIN_TOKEN), secret_key=SecretStr(SECRET_KEY),
        data_dir=engine.folder, workers=PROCESSES,
    )  # fmt: skip
    database = open_database(engine.uri, name)
    await prepare(settings, database, lambda: data.AT)  # the policies are in force when the versions are registered
    yield settings, database
    database.close()


def _machine(engine: Engine) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} processors, {platform.machine()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "engine": engine.program.name,
        "packages": {each: version(each) for each in PACKAGES},
    }


if __name__ == "__main__":
    typer.run(main)
