"""`python -m bench`: makes its own data on a database of its own, measures, prints the figures, and deletes the data."""

import asyncio
import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console

from bench.parts import PARTS, Part
from bench.stand import Size, Stand
from gql.embedded import Engine
from gql.settings import read_settings

CACHE = "2G"  # events are loaded in bulk, which fills the 256 MB that a server has faster than its checkpoints empty them
PACKAGES = ("magistrate", "strawberry-graphql", "graphql-core", "starlette", "uvicorn", "motor", "pymongo", "orjson")


def _known(parts: list[str] | None) -> list[str] | None:
    if unknown := set(parts or ()) - PARTS.keys():
        raise typer.BadParameter(f"{unknown.pop()} is none of: {', '.join(PARTS)}")
    return parts


def main(
    size: Annotated[Size, typer.Option(help="How much: short takes minutes, full the Rust engine and an hour.")] = Size.SHORT,
    part: Annotated[
        list[str] | None,
        typer.Option(callback=_known, help="What of it: all but the optional if not said; several can be named."),
    ] = None,
    to: Annotated[Path | None, typer.Option("--json", help="A file for the figures, to compare runs by.")] = None,
) -> None:
    """Measure what requests cost the server, as ratios to what they could cost."""
    parts = {name: each for name, each in PARTS.items() if (name in part if part else not each.optional)}
    found, console = asyncio.run(run(size, parts, Console(stderr=True))), Console()
    on = found["on"]
    console.print(f"{on['at']} on {on['machine']}, Python {on['python']}, {on['engine']}", highlight=False)
    console.print(", ".join(f"{name} {number}" for name, number in on["packages"].items()), highlight=False)
    for name, each in parts.items():
        console.print(*each.tables(found[name]))
    if to:
        to.write_text(json.dumps(found, indent=1) + "\n")


async def run(size: Size, parts: Mapping[str, Part], progress: Console) -> dict[str, Any]:
    """Measures the parts; returns the figures by part, and under `on` the machine and packages that they were measured with."""
    folders = TemporaryDirectory(prefix="magistrate-bench-")
    with folders as folder, Engine(Path(folder), read_settings().engine, CACHE) as engine:
        stand = Stand(engine, size, progress.print)
        return {"on": _machine(engine)} | {name: await each.measure(stand) for name, each in parts.items()}


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
