"""One transaction: begun, repeated while another process is in its way, and committed or rolled back as a whole."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime
from itertools import count
from math import ceil, inf
from statistics import fmean
from time import monotonic
from typing import Any, TypeVar

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import WriteConcern
from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from documents.errors import Overloaded
from documents.store.units import Unit, open_unit

T = TypeVar("T")
Settling = Callable[[Unit], Awaitable[None]]
LAST = 15  # transactions by whose times the wait is estimated
SLOWEST = 2  # of them, which do not count
USUAL = 0.03  # seconds that a transaction takes, as long as a process has made none
SERVED = 16  # callers who wait and are served, however long it takes
LATEST_RETRY = 30  # seconds after which a client is asked to try again at the latest
LONGEST_PAUSE = 0.008  # seconds: a transaction of another process takes about as long
REPEATABLE = ("TransientTransactionError", "UnknownTransactionCommitResult")  # the driver's labels


def is_outage(error: BaseException) -> bool:
    """Whether the database is out of reach, rather than anything wrong with what was asked of it."""
    return isinstance(error, ConnectionFailure) or (isinstance(error, PyMongoError) and _is_repeatable(error))


def is_conflict(error: BaseException) -> bool:
    """Whether another process was in the way for as long as a transaction is repeated."""
    return isinstance(error, PyMongoError) and not isinstance(error, ConnectionFailure) and _is_repeatable(error)


def _is_repeatable(error: PyMongoError) -> bool:
    return any(map(error.has_error_label, REPEATABLE))


class Transactions:
    """The transactions of one process on one database, one at a time; `patience` is how many seconds one is repeated.

    `settling` computes what follows from the changes of each unit of work, before it commits.
    """

    def __init__(self, client: Any, settling: Settling, patience: float) -> None:
        self.patience = patience
        self.turn = asyncio.Lock()
        self.neighbours: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
        """Waits until no other process of this machine is in its turn."""
        self.took = deque[float](maxlen=LAST)
        """The seconds that the last transactions took, from their turns to their ends."""
        self._waiting = 0
        self._client, self._settling = client, settling

    @property
    def wait(self) -> float:
        """About how many seconds a transaction that comes now waits for its turn."""
        # One that judged many versions, or met a pause of the database, says nothing of the next.
        quick = sorted(self.took)[: max(len(self.took) - SLOWEST, 1)]
        return (self._waiting + self.turn.locked()) * (fmean(quick) if quick else USUAL)

    @property
    def busy(self) -> bool:
        """Whether a transaction is under way that waits for its turn or has it."""
        return self.turn.locked() or self._waiting > 0

    def admit(self, within: float, soon: float = inf) -> None:
        """Raises Overloaded if it can be foreseen that a turn does not come `within` so many seconds.

        Beyond the first callers who wait, it has to come `soon`.
        """
        # A short queue is never refused: what a few clients send is made, however slow the database is.
        most = min(within, soon) if self._waiting >= SERVED else within
        if self.wait > most:
            raise self._overloaded(most)

    async def run(self, work: Callable[[Unit], Awaitable[T]], at: datetime, within: float = inf, soon: float = inf) -> T:
        """Does `work` in one transaction as of the moment `at`, and repeats it while `patience` lasts.

        Raises Overloaded if its turn does not come `within` so many seconds: at once, where `admit` foresees it.

        It is repeated when another process wrote the same documents, and when the answer to the commit was lost. So `work` must
        recognise its own traces: see `AuditHead.touch`. The caller may be cancelled, the transaction is not: the driver would
        abort it during the commit. Raises RuntimeError inside another unit of work.
        """
        if open_unit():
            raise RuntimeError("a unit of work inside a unit of work")
        self.admit(within, soon)
        self._waiting += 1  # now, and not when the task begins: many may come before it does
        return await asyncio.shield(self._in_turn(work, at, within))

    async def look(self, work: Callable[[Unit], Awaitable[T]], at: datetime) -> T:
        """Does `work`, which only reads, in a transaction that sees everything as it is at one moment.

        It conflicts with no other transaction, so it waits for none.
        """
        return await self._repeated(lambda: self._once(work, at))

    async def _in_turn(self, work: Callable[[Unit], Awaitable[T]], at: datetime, within: float) -> T:
        await self._take_turn(within)
        begun = monotonic()
        try:
            return await self._repeated(lambda: self._beside_neighbours(work, at))
        finally:
            self.turn.release()
            self.took.append(monotonic() - begun)

    async def _take_turn(self, within: float) -> None:
        try:
            async with asyncio.timeout(None if within == inf else within):
                await self.turn.acquire()
        except TimeoutError as error:
            raise self._overloaded(within) from error
        finally:
            self._waiting -= 1

    def _overloaded(self, within: float) -> Overloaded:
        return Overloaded(min(max(ceil(self.wait - within), 1), LATEST_RETRY))

    async def _beside_neighbours(self, work: Callable[[Unit], Awaitable[T]], at: datetime) -> T:
        async with self.neighbours():
            return await self._once(work, at)

    async def _repeated(self, once: Callable[[], Awaitable[T]]) -> T:
        give_up = monotonic() + self.patience
        for attempt in count(1):
            try:
                return await once()
            except PyMongoError as error:
                if monotonic() > give_up or not _is_repeatable(error):
                    raise
                # The turn of this process is kept, for whoever came next would meet the same transaction of another process. That
                # of the machine is not, so that no process waits for one that sleeps. And shortly: a process that sleeps for
                # longer than the others' transactions take sleeps through every moment between two of them.
                await asyncio.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.001 * 2**attempt)))
        raise AssertionError("unreachable")

    async def _once(self, work: Callable[[Unit], Awaitable[T]], at: datetime) -> T:
        # Made here, for the driver's own way hands it to a thread, though it asks the server for nothing.
        async with AsyncIOMotorClientSession(self._client.delegate.start_session(), self._client) as session:
            # A bound session serves every read and write below, Beanie's own included.
            with session.delegate.bind(end_session=False), Unit(at, self._settling).opened() as unit:
                async with session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority", j=True)):
                    done = await work(unit)
                    await unit.settle()
                for each in unit.once_committed:
                    each()
                return done
