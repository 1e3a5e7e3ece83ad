"""Readers of the trail, one a process: `python -m bench.trails READER EXPORT` prints the root, the seconds and the memory."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from time import process_time
from typing import Any

from bench.processes import megabytes
from documents.audit import tree
from documents.audit.exported import EVENTS, Manifest, feed, verify_export
from documents.audit.findings import Report
from documents.audit.pins import Kept
from documents.audit.verification import Verifier
from documents.audit.verify import WINDOW, verify_on
from documents.books import BOOKS
from documents.kinds import RECORDS, open_database
from documents.store.session import Database
from gql.settings import read_settings

Reader = Callable[[Database, Path], Awaitable[str]]


async def hashed(database: Database, _: Path) -> str:
    """The root of the events in the database, which are read and hashed without any verification."""
    events, edge, size = database.collections["audit_events"], list[str](), 0
    while found := await events.find({"seq": {"$gte": size, "$lt": size + WINDOW}}).sort("seq", 1).to_list(None):
        for each in found:
            edge = tree.grow(edge, size, tree.leaf_hash(each["canonical"]))[0]
            size += 1
    return tree.root(edge)


async def chained(_: Database, __: Path) -> str:
    """The root of the events in the database, verified without the records. Raises RuntimeError for a fault."""
    return _sound(await verify_on(0, None, Kept(), reached))


async def verified(_: Database, __: Path) -> str:
    """The root of the events in the database, verified as in the server's own runs, with the records.

    Raises RuntimeError if anything is faulty.
    """
    return _sound(await verify_on(0, None, Kept(), reached, BOOKS))


def _sound(report: Report) -> str:
    if not report.valid:
        raise RuntimeError(f"{report.faults[0]}")
    return report.root or ""


async def reached(_: int) -> None:
    """Does nothing after a window: a server's own run would sleep here."""


async def hashed_export(_: Database, folder: Path) -> str:
    """The root of the events in an export, whose lines are hashed without any verification."""
    edge = list[str]()
    with (folder / EVENTS).open("rb") as lines:
        for seq, line in enumerate(lines):
            edge = tree.grow(edge, seq, tree.leaf_hash(line.removesuffix(b"\n")))[0]
    return tree.root(edge)


async def chained_export(_: Database, folder: Path) -> str:
    """The root of the events in an export, verified without the records. Raises RuntimeError for a fault."""
    verifier = Verifier()
    feed(verifier, folder, Manifest.read(folder))
    return _sound(verifier.report())


async def verified_export(_: Database, folder: Path) -> str:
    """The root of the events in an export, verified with the records. Raises RuntimeError for a fault."""
    return _sound(verify_export(folder))


READERS: Mapping[str, tuple[Reader, Reader, Reader]] = {
    "database": (hashed, chained, verified), "export": (hashed_export, chained_export, verified_export),
}  # fmt: skip
"""For each place of a trail, the readers that only hash it, that verify its events, and that compare the records too."""


async def _read(what: str, folder: Path) -> dict[str, Any]:
    settings, readers = read_settings(), {each.__name__: each for of in READERS.values() for each in of}
    database = open_database(str(settings.mongodb_uri), settings.database)
    await database.prepare(RECORDS)
    with database.bound():
        began = process_time()
        root = await readers[what](database, folder)
        return {"root": root, "seconds": process_time() - began, "megabytes": megabytes("self", "VmHWM")}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_read(sys.argv[1], Path(sys.argv[2])))))  # noqa: T201
