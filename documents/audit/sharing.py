"""Verifications that callers ask for: one at a time in a process, and one answer for all who wait for the same."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

from documents.audit.books import Books
from documents.audit.findings import Report
from documents.audit.verify import verify
from documents.store.session import Database, bound_database

Work = Callable[[], Awaitable[Report]]


@dataclass(slots=True, eq=False)
class Run:
    task: asyncio.Task[Report]
    waiting: int = 0
    """How many callers wait for it."""


class Turnstile:
    """Lets one run through at a time.

    A caller shares the next run of the same work that has not begun, never one that is under way: that one may have read the head
    of the trail before the caller asked. A run ends early once nobody waits for it.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._next = dict[Hashable, Run]()

    async def through(self, what: Hashable, work: Work) -> Report:
        """The report of `work`, which callers of the same `what` share."""
        run = self._next.get(what)
        if run is None:
            # In a context of its own: the time that the database has belongs to one of the callers, and the run to all.
            run = self._next[what] = Run(asyncio.create_task(self._begun(what, work), context=Context()))
        run.waiting += 1
        try:
            return await asyncio.shield(run.task)
        finally:
            run.waiting -= 1
            if not run.waiting:
                run.task.cancel()
                if self._next.get(what) is run:
                    del self._next[what]

    async def _begun(self, what: Hashable, work: Work) -> Report:
        async with self._turn:
            del self._next[what]
            return await work()


_turnstiles: WeakKeyDictionary[Database, Turnstile] = WeakKeyDictionary()


async def shared_verification(
    first: int, last: int | None, checkpoint: str | None, keys: Sequence[str], books: Books | None = None
) -> Report:
    """What `verify` reports of these arguments, in a run that begins after the call and that others may share."""
    database, asked = bound_database(), (first, last, checkpoint, tuple(keys), books)
    turnstile = _turnstiles.setdefault(database, Turnstile())
    return await turnstile.through(asked, partial(_verified, database, *asked))


async def _verified(
    database: Database, first: int, last: int | None, checkpoint: str | None, keys: Sequence[str], books: Books | None
) -> Report:
    with database.bound():
        return await verify(first, last, checkpoint, keys, books=books)
