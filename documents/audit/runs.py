"""The server's own verifications of the trail: in turns, so that processes do not do the same work, and each kept.

A run verifies what came since the last one, and believes what stood before as far as its root is the one that was computed
then. Everything is verified again once a day at least, and as often as that takes no more than a hundredth of the time; and as
long as something is wrong, each run is one over everything, so that no later one hides it.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import ClassVar, Self

from pydantic import Field, computed_field

from documents.access import SYSTEM
from documents.audit.checkpoints import AuditCheckpoint
from documents.audit.event import AuditEventType, AuditOutcome
from documents.audit.findings import AuditFaultKind, Report
from documents.audit.notes import VerifierKey
from documents.audit.trail import EventIds, Occurrence, Request, record
from documents.audit.verify import verify_on
from documents.errors import StaleRevision
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.units import Raw, Unit
from documents.turns import Turn
from documents.values import Count, Moment

LISTED, KEPT = 20, 1_000
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
        """The last run, of those that meet `query`."""
        return await cls.first(query or {}, [("number", -1)])


class VerificationTurn(Turn):
    """Whose turn it is to verify the trail."""

    collection: ClassVar = "audit_verification_turns"

    async def end(self, run: VerificationRun, spare: Count | None, due_at: datetime) -> None:
        """Keeps what was found, gives the turn back, and forgets what was too long ago; but not what was found wrong."""

        async def work(unit: Unit) -> None:
            if await VerificationRun.seek({"number": run.number}):
                return  # only the answer to the commit was lost
            await self.moved(due_at)
            await run.model_copy().store()
            old = {"$lte": run.number - KEPT, "$ne": spare}
            await VerificationRun.delete_unrecorded({"number": old, "is_news": False})

        await bound_database().transact(work, run.ended_at)


async def verify_in_turn(key: VerifierKey | None, clock: Callable[[], datetime], every: timedelta) -> VerificationRun | None:
    """The run that was due, against the last checkpoint that `key` signed; nothing where it is not, or somebody else is at it.

    It rests as long as it works, window by window, and so leaves at least half of a processor to whoever else is served here.
    """
    taken = await VerificationTurn.taken(began := clock())
    if taken is None:
        return None
    turn = taken
    last, sound = await VerificationRun.last(), await VerificationRun.last({"found.fault_count": 0})
    first = sound.found.tree_size if sound and not await _whole_is_due(last, began) else 0
    checkpoint = await AuditCheckpoint.newest(key) if key else None
    earlier = (sound.found.tree_size, sound.found.root) if sound and sound.found.root else None
    since = monotonic()

    async def rest(read: int) -> None:
        nonlocal turn, since
        turn = await turn.hold(clock())
        await asyncio.sleep(monotonic() - since)
        since = monotonic()

    try:
        report = await verify_on(first, earlier, checkpoint and checkpoint.text, [key] if key else [], rest)
        run = VerificationRun(
            number=turn.number,
            began_at=began,
            ended_at=max(clock(), began),
            found=report.model_copy(update={"faults": report.faults[:LISTED]}),
            checkpoint_size=checkpoint and checkpoint.size,
            is_news=not _faults(report) <= (_faults(last.found) if last else set()),
        )
        await turn.end(run, sound and sound.number, began + max(every, LOAD * run.took))
    except StaleRevision:  # it took so long to come this far that somebody else took the turn
        return None
    return run


async def _whole_is_due(last: VerificationRun | None, at: datetime) -> bool:
    whole = await VerificationRun.last({"found.first": 0})
    if last is None or whole is None or not last.found.valid:
        return True
    return at - whole.began_at >= min(DAY, LOAD_OF_WHOLE * whole.took)


def _faults(found: Report) -> set[tuple[AuditFaultKind, int | None]]:
    """What tells the first faults apart from others; a trail that was cut reads as a rewritten one when it has grown again."""
    return {
        (each.kind, each.seq) if each.kind not in ANOTHER_PAST else (AuditFaultKind.REWRITTEN, None)
        for each in found.faults[:LISTED]
    }


async def tell(run: VerificationRun) -> None:
    """Has the trail say what a run found wrong with it."""
    found = run.found
    facts = {
        "first": found.first, "tree_size": found.tree_size, "fault_count": found.fault_count,
        "faults": [{"kind": str(each.kind), "seq": each.seq} for each in found.faults],
    }  # fmt: skip
    told = Occurrence(
        AuditEventType.COMPLIANCE_CHECK, "verifyTrail", SYSTEM, Request(EventIds()[0]), (VerificationRun.__name__, run.key),
        outcome=AuditOutcome.FAILURE, facts=facts,
    )  # fmt: skip
    await record(told, run.ended_at)
