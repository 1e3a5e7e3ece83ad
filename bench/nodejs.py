"""Servers of other makers, in Node: what the same answers from memory cost them, beside ours and a bare endpoint."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import data, static
from bench.cases import Servers, verified
from bench.processes import Process
from bench.report import Row, Table
from bench.stand import Stand
from gql.settings import Settings

FOLDER = Path(__file__).parent / "peers"
PEERS = {"yoga": "graphql-js, graphql-yoga", "mercurius": "mercurius with graphql-jit"}
NAMES = {"bare": "bare Starlette and orjson", **PEERS, "ours": "Magistrate"}
WARM = 300  # requests: V8 compiles in several steps what is called often


class Peer(Process):
    """A server in Node, which serves the schema and the answers in a folder."""

    def __init__(self, settings: Settings, name: str, folder: Path) -> None:
        super().__init__(settings, name)
        self.folder = folder
        self.environment["NODE_ENV"] = "production"

    def command(self, descriptor: int) -> list[str]:
        return [_program("node"), str(FOLDER / self.contender / "server.mjs"), str(descriptor), str(self.folder)]


async def measure(stand: Stand) -> list[dict[str, Any]]:
    """Measures the static questions on bare Starlette, on servers in Node and on ours, all without a database."""
    for name in PEERS:
        install(FOLDER / name)
    async with stand.database("static") as (settings, database):
        await data.people(database, 0)
        await data.versions(database, 0, static.LISTED)
        folder = stand.engine.folder
        (folder / "schema.graphql").write_text(static.schema().as_str())
        (folder / "answers.json").write_text(json.dumps(await static.answers(database)))
        with ExitStack() as stack:
            bare, ours = (stack.enter_context(Process(settings, name)) for name in ("static_bare", "static"))
            peers = {name: stack.enter_context(Peer(settings, name, folder)) for name in PEERS}
            await verified(ours.port)
            servers = Servers({"bare": bare, **peers, "ours": ours}, [ours], stand.engine.pid, stand.effort)
            stand.tell("answers from memory")
            return [asdict(each) for each in await servers.reads(static.QUESTIONS, WARM)]


def tables(rows: Sequence[Row]) -> Sequence[Table]:
    columns = ["server", *(f"{each['case']}{of}" for each in rows for of in (", µs", " to bare"))]
    told = []
    for name, said in NAMES.items():
        costs = [each["costs"][name] for each in rows]
        told.append([said, *(of for each in costs for of in (f"{each['server']:,.0f}", f"{each['to_first']:.2f}"))])
    return [Table("Answers from memory: microseconds of processor time a request", columns, told)]


def versions() -> Mapping[str, str]:
    """The versions of Node and of the packages that the folders name."""
    node = subprocess.run([_program("node"), "--version"], capture_output=True, text=True, check=True).stdout
    found = {"Node": node.strip().removeprefix("v")}
    for name in PEERS:
        packages = json.loads((FOLDER / name / "package.json").read_text())["dependencies"]
        found |= {f"{each} ({name})" if each == "graphql" else each: number for each, number in packages.items()}
    return found


def install(folder: Path) -> None:
    """Installs what the lock file of a folder names, unless that is there."""
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run([_program("npm"), "ci", "--ignore-scripts", "--loglevel=error"], cwd=folder, check=True)
        installed.touch()


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"the part peers needs Node and npm: there is no {name}")
    return found
