"""The server's own verifications of the trail. One process at a time verifies, and each run is stored.

A run verifies the events since the last run. It believes the earlier events if their tree still has the root that the last run
computed. A run over all events comes at least once a day, and more often if such runs take less than a hundredth of the time.
It compares all records with the trail; a run over new events compares the records of which these events tell.
While the trail has a fault, every run reads all events: a run over new events alone would not see the fault again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import ClassVar, Self

from pydantic import Field, computed_field

from documents.access import SYSTEM
from documents.audit.books import Books
from documents.audit.checkpoints import AuditCheckpoint
from documents.audit.event import AuditEventType, AuditOutcome
from documents.audit.findings import AuditFaultKind, Fault, Report
from documents.audit.notes import VerifierKey
from documents.audit.pins import Kept
from documents.audit.resource import EventResource
from documents.audit.trail import EventIds, Occurrence, Request, record
from documents.audit.verify import verify_on
from documents.errors import StaleRevision
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.units import Raw, Unit
from documents.turns import Turn
from documents.values import Count, Moment

LISTED, KEPT = 20, 1_000  # faults that a stored run lists; runs that are stored
NEWEST = 16  # stored checkpoints that a run compares, where the server keeps no file of them
Keeping = Callable[[bool], Awaitable[Kept]]
"""Reads the file in which a server keeps its checkpoints: the whole, or the last one in it."""
DAY = timedelta(days=1)
ANOTHER_PAST = frozenset({AuditFaultKind.TAIL_CUT, AuditFaultKind.REWRITTEN})
LOAD, LOAD_OF_WHOLE = 10, 100  # a run waits ten times as long as the one before took, one over everything a hundred times


class VerificationRun(Record):
    """A run is a verification of the trail by the server."""

    keys: ClassVar = ("number",)
    ordered: ClassVar = frozenset(
        {
            "number",
            "began_at",
            "ended_at",
        }
    )
    grouped: ClassVar = frozenset({"is_news"})
    bounded: ClassVar = frozenset({"began_at", "ended_at"})

    number: Count = Field(description="The run's number counts from 1, with gaps.")
    began_at: Moment = Field(description="The time the run began.")
    ended_at: Moment = Field(description="The time the run ended.")
    found: Report = Field(description=f"The report says what was verified and found; it keeps the first {LISTED} faults.")
    checkpoint_size: Count | None = Field(description="The size that the compared checkpoint has; null for none.")
    is_news: bool = Field(description="Whether the run found a fault that is new.")

    collection: ClassVar = "audit_verifications"

    @computed_field(description="Whether the run verified the trail from its first event on.")  # type: ignore[prop-decorator]
    @property
    def is_whole(self) -> bool:
        return self.found.first == 0

    @property
    def took(self) -> timedelta:
        return max(self.ended_at - self.began_at, timedelta(0))

    @classmethod
    async def last(cls, query: Raw | None = None) -> Self | None:
        """The newest run, or the newest that meets `query`; None if there is none."""
        return await cls.first(query or {}, [("number", -1)])


class VerificationTurn(Turn):
    """The record that says which process may verify the trail now, and until when."""

    collection: ClassVar = "audit_verification_turns"

    async def end(self, run: VerificationRun, spare: Count | None, due_at: datetime) -> None:
        """Stores the run, ends the turn until `due_at`, and deletes old runs, except `spare` and those that found a new fault."""

        async def work(unit: Unit) -> None:
            if await VerificationRun.seek({"number": run.number}):
                return  # an earlier attempt committed, and only its answer was lost
            await self.moved(due_at)
            await run.model_copy().store()
            old = {"$lte": run.number - KEPT, "$ne": spare}
            await VerificationRun.delete_unrecorded({"number": old, "is_news": False})

        await bound_database().transact(work, run.ended_at)


async def verify_in_turn(
    key: VerifierKey | None,
    clock: Callable[[], datetime],
    every: timedelta,
    keeping: Keeping | None = None,
    books: Books | None = None,
    *,
    at_once: bool = False,
) -> VerificationRun | None:
    """Verifies the trail if a run is due, and stores the run; None if none is due or another process has the turn.

    With `at_once` it is due now. Compares with the file of checkpoints that `keeping` reads, a run over everything with all of
    them; without a file with the newest ones that `key` signed. Compares the records of `books` with the trail. After each window
    it sleeps as long as the window took, which leaves at least half of the processor to requests.
    """
    taken = await VerificationTurn.taken(began := clock(), at_once=at_once)
    if taken is None:
        return None
    turn = taken
    last, sound = await VerificationRun.last(), await VerificationRun.last({"found.fault_count": 0})
    first = sound.found.tree_size if sound and not await _whole_is_due(last, began) else 0
    # The file counts where there is one: whoever rewrote the trail may have had the stored checkpoints signed anew.
    kept = await keeping(first == 0) if keeping else Kept()
    if key and not kept.signed and not kept.denied:
        kept = await _stored(key)
    earlier = (sound.found.tree_size, sound.found.root) if sound and sound.found.root else None
    since = monotonic()

    async def rest(read: int) -> None:
        """Prolongs the turn after a window, and sleeps as long as the window took."""
        nonlocal turn, since
        turn = await turn.hold(clock())
        await asyncio.sleep(monotonic() - since)
        since = monotonic()

    try:
        report = await verify_on(first, earlier, kept, rest, books)
        run = VerificationRun(
            number=turn.number,
            began_at=began,
            ended_at=max(clock(), began),
            found=report.model_copy(update={"faults": report.faults[:LISTED]}),
            checkpoint_size=kept.signed[-1].size if kept.signed else None,
            is_news=not _faults(report) <= (_faults(last.found) if last else set()),
        )
        await turn.end(run, sound and sound.number, began + max(every, LOAD * run.took))
    except StaleRevision:  # a window took so long that the turn ran out, and another process took it
        return None
    return run


async def _stored(key: VerifierKey) -> Kept:
    return Kept.of(await AuditCheckpoint.newest_notes(key, NEWEST), [key])


async def _whole_is_due(last: VerificationRun | None, at: datetime) -> bool:
    whole = await VerificationRun.last({"found.first": 0})
    if last is None or whole is None or not last.found.valid:
        return True
    return at - whole.began_at >= min(DAY, LOAD_OF_WHOLE * whole.took)


Identity = tuple[AuditFaultKind, int | None, EventResource | None, str | None]


def _faults(found: Report) -> set[Identity]:
    """The identities of the first faults, by which a run sees whether it found a new one.

    TAIL_CUT and REWRITTEN are one identity: a trail whose end was cut off reads as rewritten once it has grown again.
    """
    return {
        (AuditFaultKind.REWRITTEN, None, None, None)
        if each.kind in ANOTHER_PAST
        else (each.kind, each.seq, each.resource, each.path)
        for each in found.faults[:LISTED]
    }


async def tell(run: VerificationRun) -> None:
    """Appends a failure event that lists the faults of a run."""
    found = run.found
    facts = {
        "first": found.first, "tree_size": found.tree_size, "fault_count": found.fault_count,
        "faults": [_told(each) for each in found.faults],
    }  # fmt: skip
    told = Occurrence(
        AuditEventType.COMPLIANCE_CHECK, "verifyTrail", SYSTEM, Request(EventIds()[0]), (VerificationRun.__name__, run.key),
        outcome=AuditOutcome.FAILURE, facts=facts,
    )  # fmt: skip
    await record(told, run.ended_at)


def _told(fault: Fault) -> Raw:
    of = fault.resource
    record = {"resource": {"type": of.type, "id": of.id}, "path": fault.path} if of else {}
    return {"kind": str(fault.kind), "seq": fault.seq, **record}
