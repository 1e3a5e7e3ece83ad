"""Ends the work for a caller who has left."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive

SOON = 0.5  # seconds; most answers are given before, without a look at whether the caller is still there


@contextmanager
def unless_left(receive: Receive) -> Iterator[None]:
    """Cancels the work inside, and raises ClientDisconnect, once the caller of a request whose body was read has left.

    A mutation that has begun goes on, for it is shielded. A command that the database is at has the time that was left to the
    request (`limits.in_time`); no other is sent.
    """
    working, watching, left = asyncio.current_task(), list[asyncio.Task[None]](), False

    async def watch() -> None:
        nonlocal left
        if (await receive())["type"] != "http.disconnect":
            return  # once the body was read no other message is due, and a server that repeats one would hold the loop
        left = True
        if working:
            working.cancel()

    begin = asyncio.get_running_loop().call_later(SOON, lambda: watching.append(asyncio.create_task(watch())))
    try:
        yield
    except asyncio.CancelledError:
        if left and working and not working.uncancel():
            raise ClientDisconnect from None
        raise
    finally:
        begin.cancel()
        for each in watching:
            each.cancel()
