"""What one question reads once, however many of its parts ask for it: the policies, the calendar of reviews."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from documents.store.units import open_unit

T = TypeVar("T")
_shared: ContextVar[dict[str, asyncio.Future[Any]] | None] = ContextVar("shared", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Inside, `once` reads once. Only for what changes nothing: what was read is not read again after a change."""
    token = _shared.set({})
    try:
        yield
    finally:
        _shared.reset(token)


async def once(name: str, read: Callable[[], Awaitable[T]]) -> T:
    """What `read` gives: from the first who asked for it inside `sharing`, and else read now, as in a unit of work.

    A reading survives the cancellation of whoever began it, because others may wait for it. One that failed is done again.
    """
    shared = _shared.get()
    if shared is None or open_unit() is not None:
        return await read()
    known = shared.get(name)
    if known is None or (known.done() and (known.cancelled() or known.exception() is not None)):
        known = shared[name] = asyncio.ensure_future(read())
    return cast("T", await asyncio.shield(known))
