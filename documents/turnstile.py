"""Work that callers share: one run at a time, and one answer for all who wait for the same."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Run(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0
    """How many callers wait for it."""


class Turnstile(Generic[T]):
    """Lets one run through at a time.

    A caller shares the next run of the same work that has not begun, never one that is under way: that one may have read the
    database before the caller asked. A run ends early once nobody waits for it.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._next = dict[Hashable, Run[T]]()

    async def through(self, what: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """The result of `work`, which callers of the same `what` share."""
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

    async def _begun(self, what: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        async with self._turn:
            del self._next[what]
            return await work()
