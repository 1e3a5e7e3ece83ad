"""Brings data of an older form into that of this release, step by step, and refuses data that this release would misread."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from semver import Version

from documents.access import SYSTEM
from documents.audit.event import AuditEvent
from documents.audit.findings import AuditFaultKind
from documents.audit.forks import parting
from documents.audit.pins import Kept
from documents.audit.runs import Keeping
from documents.audit.trail import AuditHead, EventIds, Occurrence, Request, occurrences_of
from documents.audit.verify import verify
from documents.errors import NewerSchema, OlderSchema, PreviewSchema, TrailNotSound
from documents.migrations.forms import told_forms
from documents.migrations.record import Migration
from documents.migrations.steps import STEPS
from documents.seals import FIELD
from documents.store.migrations import Addition, Baseline, Batch, Counting, Kinds, Step
from documents.store.record import Record
from documents.store.session import Database
from documents.store.transaction import is_conflict
from documents.store.units import Unit

SCHEMA = STEPS[-1].number
SEALED = next(each.number for each in STEPS if isinstance(each, Baseline))  # in data of an older form nothing has a seal
FIRST = 2  # the form of release 0.1.0; what earlier previews stored has no way here
BATCH = 100
ATTEMPTS = 30  # at a transaction, each as long as the database repeats it
Clock = Callable[[], datetime]
T = TypeVar("T")
log = logging.getLogger(__name__)


async def form(database: Database) -> int | None:
    """The number of the newest form that the data have; None where there are none.

    Raises FormNotAsTold unless the stored migrations are those of which the trail tells.
    """
    with database.bound():
        forms = await told_forms()
    forms.must_agree()
    return forms.newest


async def check(database: Database, release: str, *, as_told: bool = False) -> int:
    """The number of the data's form, 0 where there are none; changes nothing.

    Raises OlderSchema where steps are pending, PreviewSchema for data of an unreleased preview, and NewerSchema where a later
    release made a form that this one may not write. Raises FormNotAsTold where the trail tells of other forms than are stored;
    if `as_told`, what the trail tells counts.
    """
    with database.bound():
        forms = await told_forms()
    if not as_told:
        forms.must_agree()
    found = forms.newest or 0
    if forms.newest is None:
        return 0
    if found < FIRST:
        raise PreviewSchema(found, FIRST)
    if found < SCHEMA:
        raise OlderSchema(found, SCHEMA)
    if found > SCHEMA and Version.parse(release) < forms.oldest_writer:
        raise NewerSchema(found, SCHEMA)
    return found


async def pending(database: Database) -> Sequence[Step | Addition | Baseline | Counting]:
    """The steps that are still to be done, in order; none for data that are not there. Raises what `form` raises."""
    found = await form(database)
    return [each for each in STEPS if found is not None and each.number > found]


async def migrate(
    database: Database, clock: Clock, release: str, kinds: Iterable[type[Record]], keeping: Keeping | None = None
) -> Sequence[Migration]:
    """Does every pending step, batch by batch, each in a transaction of its own; the trail tells of each step that it ends.

    It also tells of each record that a step changed and that it follows. `kinds` are the kinds of record of the database;
    `keeping` reads the checkpoints that were kept outside of it. May be killed anywhere and run again, and several processes may
    run it at once: each batch reads what is left. Raises TrailNotSound if people are to be sealed by a trail that has a fault or
    contradicts a checkpoint.
    """
    told = told_by_collection(kinds)
    with database.bound():
        steps = await pending(database)
        if any(isinstance(each, Baseline) for each in steps):  # releases before it had no seals
            await _seal_end(clock(), keeping)  # and a baseline believes what the events say
        return [await _do(database, step, clock, release, told) for step in steps]


async def _seal_end(at: datetime, keeping: Keeping | None) -> None:
    """Seals the trail's end if no release has yet.

    Raises TrailNotSound if the trail has a fault or contradicts a checkpoint: its form may be forged, too. A run that goes on
    after a kill finds a sealed end, and so does one that altered events make look due: both go on only by a trail that verifies.
    """
    kept = await keeping(True) if keeping else Kept()  # read before the head: whatever is in it was committed by then
    head = await AuditHead.raw_first({"name": "head"})
    if head is None:
        return
    if FIELD in head:
        await AuditHead.seen()  # says which key it needs
    before = "the data are to be migrated by the trail, which"
    if found := (await verify(limit=None, sealed=FIELD in head)).faults:
        raise TrailNotSound(f"{before} has faults: {_at(found[0].kind, found[0].seq)}")
    if differs := await parting(kept, AuditHead.hydrated(head)):
        kind, seq, says = differs[0]
        if kind is AuditFaultKind.TAIL_CUT:
            says += " If a backup was put back, declare that first, by `magistrate audit restored`."
        raise TrailNotSound(f"{before} contradicts the checkpoints that were kept: {_at(kind, seq)}. {says.rstrip('.')}")
    await AuditHead.seal_anew(lambda head: FIELD not in head, at)


def _at(kind: AuditFaultKind, seq: int | None) -> str:
    return kind.name if seq is None else f"{kind.name} at {seq}"


def told_by_collection(kinds: Iterable[type[Record]]) -> Kinds:
    """The kinds of record of which the trail tells, by collection."""
    return {each.collection: each for each in kinds if each.told()}


async def _do(
    database: Database, step: Step | Addition | Baseline | Counting, clock: Clock, release: str, kinds: Kinds
) -> Migration:
    changed = 0
    while done := await _batch(database, step, clock(), kinds):
        changed += done
    ids = EventIds()

    async def end(unit: Unit) -> Migration:
        head = await AuditHead.touch()
        if before := await Migration.first({"number": step.number}):
            return before  # another process was first, or only the answer to the commit was lost
        ended = Migration(
            number=step.number, at=clock(), name=step.name, added=tuple(await step.added()), documents=changed, release=release,
            oldest_writer=step.oldest_writer, unproven=tuple(await step.unproven(kinds)),
        )  # fmt: skip
        await ended.store()
        await head.append(await occurrences_of(unit, "migrate", SYSTEM, Request(ids[0])), clock(), ids)
        return ended

    ended = await _alone(database, end, clock())
    for each in ended.unproven:
        log.warning("step %d (%s): no baseline, for it differs from what the trail tells: %s", step.number, step.name, each)
    return ended


async def _batch(database: Database, step: Step | Addition | Baseline | Counting, at: datetime, kinds: Kinds) -> int:
    """Does one batch of a step, with an event for each record that the trail follows; how many documents it changed."""
    ids, batch = EventIds(), Batch()

    async def work(unit: Unit) -> int:
        nonlocal batch
        head = await AuditHead.touch()
        if ids.made and await AuditEvent.wanted(ids[0]):
            return batch.done  # the commit of the attempt before took effect; only the reply of the database was lost
        batch = await step.batch(BATCH, kinds)
        told = [each for each in batch.told if each.details.changes or each.details.baseline]
        request = Request(ids[0])
        occurrences = [
            Occurrence.of_document(
                each.kind, each.before, each.document, each.details, "baseline" if each.details.baseline else "migrate", request
            )
            for each in told
        ]
        if occurrences:
            await head.append(occurrences, at, ids)
        return batch.done

    return await _alone(database, work, at)


async def _alone(database: Database, work: Callable[[Unit], Awaitable[T]], at: datetime) -> T:
    """Does `work` in one transaction, and waits for another process that migrates the same data, whose batches take long."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await database.transact(work, at)
        except Exception as error:
            if attempt == ATTEMPTS or not is_conflict(error):
                raise
    raise AssertionError("unreachable")
