"""`python -m bench`: makes its own data on a database of its own, measures, prints the figures, and deletes the data."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console

from bench import gate, page
from bench.parts import PARTS, Part
from bench.stand import Size, Stand
from gql.embedded import Engine
from gql.settings import read_settings

CACHE = "2G"  # events are loaded in bulk, which fills the 256 MB that a server has faster than its checkpoints empty them


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
    write: Annotated[bool, typer.Option("--write", help="Write the figures into docs/speed.md and bench/figures.json.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Compare the main ratios with the committed ones, and do nothing else.")
    ] = False,
) -> None:
    """Measure what requests cost the server, as ratios to what they could cost."""
    if check:
        _check()
        return
    if write and size is Size.TINY:
        raise typer.BadParameter("a tiny run only shows that it works", param_hint="--write")
    parts = {name: each for name, each in PARTS.items() if (name in part if part else not each.optional)}
    found, console = asyncio.run(_run(size, parts)), Console()
    console.print(page.measured_on(found["on"]).strip("*"), highlight=False)
    for name, each in parts.items():
        console.print(*each.tables(found[name]))
    if to:
        to.write_text(json.dumps(found, indent=1) + "\n")
    if write:
        page.write(found)


def _check() -> None:
    with _stand(Size.SHORT) as stand:
        found = asyncio.run(gate.run(stand, page.committed()))
    Console().print(gate.table(found))
    if worse := [each for each in found if each.is_worse]:
        for each in worse:
            typer.echo(f"{each}: more than {gate.MOST - 1:.0%}", err=True)
        raise typer.Exit(1)


async def _run(size: Size, parts: Mapping[str, Part]) -> dict[str, Any]:
    """Measures the parts; returns the figures by part, and under `on` the machine and versions that they were measured with."""
    with _stand(size) as stand:
        return {"on": page.machine(stand.engine)} | {name: await each.measure(stand) for name, each in parts.items()}


@contextmanager
def _stand(size: Size) -> Iterator[Stand]:
    with TemporaryDirectory(prefix="magistrate-bench-") as folder, Engine(Path(folder), read_settings().engine, CACHE) as engine:
        yield Stand(engine, size, Console(stderr=True).print)


if __name__ == "__main__":
    typer.run(main)
