"""One transaction: begun, repeated while another process is in its way, and committed or rolled back as a whole."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import count
from time import monotonic
from typing import Any, TypeVar

from pymongo import WriteConcern
from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from documents.store.units import Unit, open_unit

T = TypeVar("T")
Settling = Callable[[Unit], Awaitable[None]]
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
        self._client, self._settling = client, settling

    async def run(self, work: Callable[[Unit], Awaitable[T]], at: datetime) -> T:
        """Does `work` in one transaction as of the moment `at`, and repeats it while `patience` lasts.

        It is repeated when another process wrote the same documents, and when the answer to the commit was lost. So `work` must
        recognise its own traces: see `AuditHead.touch`. The caller may be cancelled, the transaction is not: the driver would
        abort it during the commit. Raises RuntimeError inside another unit of work.
        """
        if open_unit():
            raise RuntimeError("a unit of work inside a unit of work")
        return await asyncio.shield(self._in_turn(work, at))

    async def look(self, work: Callable[[Unit], Awaitable[T]], at: datetime) -> T:
        """Does `work`, which only reads, in a transaction that sees everything as it is at one moment.

        It conflicts with no other transaction, so it waits for none.
        """
        return await self._repeated(work, at)

    async def _in_turn(self, work: Callable[[Unit], Awaitable[T]], at: datetime) -> T:
        async with self.turn:
            return await self._repeated(work, at)

    async def _repeated(self, work: Callable[[Unit], Awaitable[T]], at: datetime) -> T:
        give_up = monotonic() + self.patience
        for attempt in count(1):
            try:
                return await self._once(work, at)
            except PyMongoError as error:
                if monotonic() > give_up or not _is_repeatable(error):
                    raise
                await asyncio.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))
        raise AssertionError("unreachable")

    async def _once(self, work: Callable[[Unit], Awaitable[T]], at: datetime) -> T:
        async with await self._client.start_session() as session:
            # A bound session serves every read and write below, Beanie's own included.
            with session.delegate.bind(end_session=False), Unit(at, self._settling).opened() as unit:
                async with session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority", j=True)):
                    done = await work(unit)
                    await unit.settle()
                for each in unit.once_committed:
                    each()
                return done
