"""Change streams: what is committed to a collection, as it happens; one stream a process serves all of its listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any

from pymongo.errors import PyMongoError

from documents.errors import ChangesMissed, LimitExceeded, ServerEnds
from documents.store.transaction import is_outage
from documents.store.units import Raw

WAITING = 1_000  # documents that a listener may leave untaken
ROUND, PAUSE = 1_000, 1.0  # milliseconds that a change stream waits at the server; seconds until it is opened again

Wanted = Callable[[Raw], bool]


class Listener:
    """One subscriber: the changed documents that it wants wait here until it takes them."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._waiting: list[Raw] = []
        self._ended: Exception | None = None
        self._stirred = asyncio.Event()

    def offer(self, document: Raw) -> None:
        if self._ended or not self._wanted(document):
            return
        self._waiting.append(document)
        self._stirred.set()
        if len(self._waiting) > WAITING:
            self._waiting.clear()
            self.end(LimitExceeded("the number of changes that wait for a slow subscriber", WAITING + 1, WAITING))

    def end(self, reason: Exception) -> None:
        self._ended = self._ended or reason
        self._stirred.set()

    async def take(self, patience: float) -> list[Raw]:
        """The documents that wait, as soon as there is one; an empty list after `patience` seconds.

        Raises the reason for which the listener was ended, after the last document was taken.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._stirred.wait()
        if self._ended and not self._waiting:
            raise self._ended
        taken, self._waiting = self._waiting, []
        if not self._ended:
            self._stirred.clear()
        return taken


class Feed:
    """The change stream of one collection, shared by its listeners: open while there is at least one."""

    def __init__(self, changes: Callable[[], AsyncGenerator[Raw | None, None]]) -> None:
        self._changes = changes
        self._listeners: set[Listener] = set()
        self._reading: asyncio.Task[None] | None = None

    @contextmanager
    def heard(self, wanted: Wanted) -> Iterator[Listener]:
        listener = Listener(wanted)
        self._listeners.add(listener)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def end(self) -> None:
        """Ends every listener with ServerEnds and waits until the stream is closed."""
        self._send_away(ServerEnds())
        if self._reading:
            await self._reading

    async def _read(self) -> None:
        while self._listeners:
            try:
                async with aclosing(self._changes()) as changes:
                    async for document in changes:
                        if not self._listeners:
                            break
                        if document is not None:
                            self._notify(document)
            except Exception as error:  # noqa: BLE001  listeners must hear of every failure: nothing comes after it
                self._send_away(error)
        self._reading = None

    def _notify(self, document: Raw) -> None:
        for each in self._listeners:
            try:
                each.offer(document)
            except Exception as error:  # noqa: BLE001  one listener's filter failed, and the others go on
                each.end(error)

    def _send_away(self, reason: Exception) -> None:
        for each in self._listeners:
            each.end(reason)
        self._listeners = set()


async def changes_of(collection: Any) -> AsyncGenerator[Raw | None, None]:
    """Each document as its committed change left it, from now on; None after each second without a change.

    Goes on from its resume token when the database comes back; raises ChangesMissed when the token is too old by then.
    """
    token = None
    while True:
        begun_at = token
        try:
            async with collection.watch(full_document="updateLookup", resume_after=token, max_await_time_ms=ROUND) as stream:
                while stream.alive:
                    change = await stream.try_next()
                    token = stream.resume_token
                    yield change and change.get("fullDocument")
        except PyMongoError as error:
            if token is None:
                raise
            if token == begun_at and not is_outage(error):
                raise ChangesMissed from error
        await asyncio.sleep(PAUSE)
        yield None
