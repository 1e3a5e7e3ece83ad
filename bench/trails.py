"""Verification of the trail against the bare cost of reading and hashing it: `python -m bench.trails WHAT`, a process each."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import process_time
from typing import Any

from documents.audit import tree
from documents.audit.verify import WINDOW, verify_on
from documents.database import Database
from documents.kinds import RECORDS
from gql.settings import read_settings


async def hashed(database: Database) -> str:
    """The root over what is read and hashed, and nothing else."""
    events, edge, size = database.collections["audit_events"], list[str](), 0
    while found := await events.find({"seq": {"$gte": size, "$lt": size + WINDOW}}).sort("seq", 1).to_list(None):
        for each in found:
            edge, _ = tree.grow(edge, size, tree.leaf_hash(each["canonical"]))
            size += 1
    return tree.root(edge)


async def verified(_: Database) -> str:
    """The root over what was verified, as the server does it by itself; RuntimeError if there is a fault."""
    report = await verify_on(0, None, None, (), reached)
    if not report.valid:
        raise RuntimeError(f"{report.faults[0]}")
    return report.root or ""


async def reached(_: int) -> None: ...


READERS: dict[str, Callable[[Database], Awaitable[str]]] = {"hashed": hashed, "verified": verified}


async def _read(what: str) -> dict[str, Any]:
    settings = read_settings()
    database = Database(str(settings.mongodb_uri), settings.database)
    await database.prepare(RECORDS)
    with database.bound():
        began = process_time()
        root = await READERS[what](database)
        return {"root": root, "seconds": process_time() - began, "megabytes": _peak()}


def _peak() -> float:
    """The most memory that this process ever held, in megabytes."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_read(sys.argv[1]))))  # noqa: T201
