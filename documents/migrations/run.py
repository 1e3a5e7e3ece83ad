"""Brings data of an older form into that of this release, step by step, and refuses data that this release would misread."""

from collections.abc import Callable, Sequence
from datetime import datetime

from semver import Version

from documents.access import SYSTEM
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of
from documents.errors import NewerSchema, OlderSchema, PreviewSchema
from documents.migrations.record import Migration
from documents.migrations.steps import STEPS
from documents.store.migrations import Addition, Step
from documents.store.session import Database
from documents.store.units import Raw, Unit

SCHEMA = STEPS[-1].number
FIRST = 2  # the form of release 0.1.0; what earlier previews stored has no way here
BATCH = 100
Clock = Callable[[], datetime]


async def form(database: Database) -> int | None:
    """The number of the newest form that the data have; None where there are none."""
    newest = await _newest(database)
    return int(newest["number"]) if newest else None


async def _newest(database: Database) -> Raw | None:
    with database.bound():  # raw, for a later release may keep what this one cannot read
        return await Migration.raw_first({}, [("number", -1)])


async def check(database: Database, release: str) -> int:
    """The number of the data's form, 0 where there are none; changes nothing.

    Raises OlderSchema where steps are pending, PreviewSchema for data of an unreleased preview, and NewerSchema where a later
    release made a form that this one may not write.
    """
    newest = await _newest(database)
    found = int(newest["number"]) if newest else 0
    if newest is None:
        return 0
    if found < FIRST:
        raise PreviewSchema(found, FIRST)
    if found < SCHEMA:
        raise OlderSchema(found, SCHEMA)
    if found > SCHEMA and Version.parse(release) < Version.parse(newest.get("oldest_writer", "999.0.0")):
        raise NewerSchema(found, SCHEMA)
    return found


async def pending(database: Database) -> Sequence[Step | Addition]:
    """The steps that are still to be done, in order; none for data that are not there."""
    found = await form(database)
    return [each for each in STEPS if found is not None and each.number > found]


async def migrate(database: Database, clock: Clock, release: str) -> Sequence[Migration]:
    """Does every pending step, batch by batch, each in a transaction of its own; the trail tells of each step that it ends.

    May be killed anywhere and run again, and several processes may run it at once: each batch reads what is left.
    """
    with database.bound():
        return [await _do(database, step, clock, release) for step in await pending(database)]


async def _do(database: Database, step: Step | Addition, clock: Clock, release: str) -> Migration:
    changed = 0

    async def batch(unit: Unit) -> int:
        await AuditHead.touch()
        return await step.batch(BATCH)

    while done := await database.transact(batch, clock()):
        changed += done
    ids = EventIds()

    async def end(unit: Unit) -> Migration:
        head = await AuditHead.touch()
        if before := await Migration.first({"number": step.number}):
            return before  # another process was first, or only the answer to the commit was lost
        ended = Migration(
            number=step.number, at=clock(), name=step.name, added=tuple(await step.added()), documents=changed, release=release,
            oldest_writer=step.oldest_writer,
        )  # fmt: skip
        await ended.store()
        await head.append(await occurrences_of(unit, "migrate", SYSTEM, Request(ids[0])), clock(), ids)
        return ended

    return await database.transact(end, clock())
