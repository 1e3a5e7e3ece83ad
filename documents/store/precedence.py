"""Mutations and questions share the time of a process: while a mutation is under way, few questions are worked on at once.

Each of some ten steps of a mutation comes back to an event loop that works on everything that is ready first. Among many
questions at once a mutation would take many times as long as alone, and those behind it would wait as often. So the place of a
question stays empty for half as long again after it, so that mutations have their share of the time, however many questions come.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

BESIDE = 1  # questions that are worked on at once while a mutation is under way
REST = 0.5  # times what a question took: for so long its place stays empty
SHORTLY = 0.1  # seconds after which a question counts no longer: it waits for the database, and others need not wait for it


class Precedence:
    """Questions wait here in order while a mutation is under way, which `busy` says, and enough others are worked on."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._busy = busy
        self._begun = 0
        """How many questions are worked on, without those that take long."""
        self._waiting = deque[asyncio.Future[None]]()

    @asynccontextmanager
    async def question(self) -> AsyncIterator[None]:
        """Inside, a question is worked on."""
        if self._waiting or (self._begun >= BESIDE and self._busy()):
            await self._admitted()
        else:
            self._begun += 1
        loop, counted = asyncio.get_running_loop(), True
        begun = loop.time()

        def leave(rest: float = 0.0) -> None:
            nonlocal counted
            if counted:
                counted = False
                late.cancel()
                if rest and self._busy():
                    loop.call_later(rest, self._leave)
                else:
                    self._leave()

        late = loop.call_later(SHORTLY, leave)
        try:
            yield
        finally:
            leave(REST * (loop.time() - begun))

    def _leave(self) -> None:
        self._begun -= 1
        self._admit()

    async def _admitted(self) -> None:
        admitted = asyncio.get_running_loop().create_future()
        self._waiting.append(admitted)
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled():  # it was admitted in the moment in which its caller left
                self._begun -= 1
            else:
                self._waiting.remove(admitted)
            self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting and (self._begun < BESIDE or not self._busy()):
            self._begun += 1
            self._waiting.popleft().set_result(None)
