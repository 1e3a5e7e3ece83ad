"""Pauses in long work, in which the event loop answers other requests."""

from asyncio import sleep
from collections.abc import AsyncIterator, Iterable
from time import monotonic
from typing import TypeVar

T = TypeVar("T")
HELD = 0.01  # seconds after which work pauses: it ends its present item first, so one item decides how long the loop is held


async def pausing(items: Iterable[T]) -> AsyncIterator[T]:
    """The items, one after the other; between two of them the event loop goes on with others, if it has waited for long."""
    since = monotonic()
    for each in items:
        yield each
        if monotonic() - since > HELD:
            await sleep(0)
            since = monotonic()
