"""The turns in which servers compute standings anew: after a raise of the rules, at moments that came, and for marked changes.

One process at a time works, batch by batch, each batch in a transaction of its own that waits for the head of the trail like a
mutation. A killed process leaves the batches that it committed; the next turn goes on with what is left.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import ClassVar

from documents.audit.trail import AuditHead
from documents.eligibility.due import JudgementDue, due, marks
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.errors import StaleRevision
from documents.store.session import bound_database
from documents.store.units import Raw, Unit
from documents.turns import Turn
from documents.versions.version import ModelVersion

AT_ONCE = 25  # versions of a batch: while they are judged, every mutation waits


class JudgementTurn(Turn):
    """Whose turn it is to compute standings anew."""

    collection: ClassVar = "judgement_turns"

    async def end(self, due_at: datetime, at: datetime) -> None:
        async def work(unit: Unit) -> None:
            await self.moved(due_at)

        await bound_database().transact(work, at)


async def judge_in_turn(clock: Callable[[], datetime], every: timedelta) -> int:
    """Computes every standing anew that is due; how many were, 0 where the turn is not due or another process has it.

    After each batch it rests as long as the batch took, and so leaves at least half of a processor to requests.
    """
    if not await _anything_due(clock()):
        return 0
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
    except StaleRevision:  # it took so long that another process has the turn by now
        pass
    return judged


async def _anything_due(at: datetime) -> bool:
    marked = await marks()
    return bool(marked) or await ModelVersion.seek(due(marked, at)) is not None


async def judge_batch(at: datetime, size: int = AT_ONCE) -> int:
    """Judges up to `size` versions that are due, in one transaction; how many, 0 when none is left."""

    async def work(unit: Unit) -> int:
        await AuditHead.touch()  # so that no mutation changes meanwhile what is judged by
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
        case.version.standing = Judgement(case).standing
        await case.version.write(unit)


async def still_due(at: datetime) -> Raw:
    """The query for the versions whose standing is to be computed anew at `at`."""
    return due(await marks(), at)
