"""Computes standings anew in the background: after a raise of the rules number, when a moment comes, and for marked changes.

One process at a time works. Each batch is a transaction of its own, which waits for the head of the trail like a mutation. If
the process is killed, its committed batches stay, and the next turn continues with the versions that are left.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import ClassVar

from documents.access import SYSTEM
from documents.audit.event import AuditEvent
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of
from documents.eligibility.due import JudgementDue, due, marks
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.errors import StaleRevision
from documents.store.session import bound_database
from documents.store.units import Raw, Unit
from documents.turns import Turn
from documents.versions.version import ModelVersion

AT_ONCE = 25  # versions in a batch; while a batch is judged, every mutation waits for the head


class JudgementTurn(Turn):
    """The record that says which process may compute standings anew now, and until when."""

    collection: ClassVar = "judgement_turns"

    async def end(self, due_at: datetime, at: datetime) -> None:
        """Ends the turn; the next one is due at `due_at`."""

        async def work(unit: Unit) -> None:
            await self.moved(due_at)

        await bound_database().transact(work, at)


async def judge_in_turn(clock: Callable[[], datetime], every: timedelta) -> int:
    """Computes every due standing anew, and returns their number; 0 if no turn is due or another process has it.

    After each batch it sleeps as long as the batch took, which leaves at least half of the processor to requests.
    """
    if not await _anything_due(clock()):
        return 0
    await JudgementTurn.cleared(clock(), every)
    turn = await JudgementTurn.taken(clock())
    if turn is None:
        return 0
    judged = 0
    try:
        while True:
            began = monotonic()
            if (done := await judge_batch(clock())) == 0:
                break
            judged += done
            turn = await turn.hold(clock())
            await asyncio.sleep(monotonic() - began)
        await turn.end(clock() + every, clock())
    except StaleRevision:  # a batch took so long that the turn ran out, and another process took it
        pass
    return judged


async def _anything_due(at: datetime) -> bool:
    marked = await marks()
    return bool(marked) or await ModelVersion.seek(due(marked, at)) is not None


async def judge_batch(at: datetime, size: int = AT_ONCE) -> int:
    """Judges up to `size` due versions in one transaction, and returns their number; 0 if none is left.

    A version that came to be approved has an event that tells when; the standing itself has none.
    """
    ids, judged = EventIds(), 0

    async def work(unit: Unit) -> int:
        nonlocal judged
        head = await AuditHead.touch()  # so no mutation can change a policy or a version while it is judged
        if ids.made and await AuditEvent.wanted(ids[0]):
            return judged  # the commit of the attempt before took effect; only the reply of the database was lost
        judged = await judge(unit)
        if told := await occurrences_of(unit, "judge", SYSTEM, Request(ids[0])):
            await head.append(told, at, ids)
        return judged

    async def judge(unit: Unit) -> int:
        for mark in await marks():
            if versions := await ModelVersion.every(mark.left, [("_id", 1)], size):
                await _judge(versions, unit)
                await JudgementDue.alter({"due_id": mark.due_id}, {"$set": {"after": str(versions[-1].id)}})
                return len(versions)
            await JudgementDue.delete_unrecorded({"due_id": mark.due_id})
        versions = await ModelVersion.every(due((), at), limit=size)
        await _judge(versions, unit)
        return len(versions)

    return await bound_database().transact(work, at)


async def _judge(versions: list[ModelVersion], unit: Unit) -> None:
    for case in await case_files(versions, unit.at, for_standing=True):
        case.version.judged(Judgement(case).standing)
        await case.version.write(unit)


async def still_due(at: datetime) -> Raw:
    """The query for the versions whose standing must be computed anew at `at`, by the marks that are stored now."""
    return due(await marks(), at)
