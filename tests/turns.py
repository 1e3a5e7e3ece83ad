"""How long a request holds the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.types import Message

from tests.service import ALICE, Person, Service

HELD = 0.05  # seconds of processor time that one turn of the loop may take
NOMINAL = 0.005  # seconds that `_standard` takes on the machine for which HELD is meant
TRIES = 5  # of which the best counts: what a text costs it costs each time, and what else the process does it does not


def _standard() -> float:
    """The processor time of a fixed piece of work: a machine that is slower, or shares its core, is given as much more."""
    begun = time.thread_time()
    sum(each * each for each in range(65_000))
    return time.thread_time() - begun


class Turns:
    """How long the steps of the loop held it, as processor time of its thread: what else runs on the machine does not count."""

    def __init__(self) -> None:
        self.longest = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            begun = time.thread_time()
            run(handle)
            self.longest = max(self.longest, time.thread_time() - begun)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.Handle, "_run", timed)
            yield


async def answer(service: Service, body: bytes, by: Person = ALICE) -> None:
    headers = [(b"authorization", f"Bearer {by.token}".encode()), (b"content-type", b"application/json")]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    scope["client"] = ("192.0.2.1", 9)
    answers: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        answers.append(message)

    await service.app(scope, receive, send)
    assert answers[0]["status"] < 500


async def held(service: Service, body: bytes, by: Person = ALICE) -> float:
    """How long answering that body held the loop at most, in seconds of the nominal machine."""
    return await held_by(answer(service, body, by))


async def held_by(work: Coroutine[Any, Any, Any]) -> float:
    """How long some work held the loop at most, in seconds of the nominal machine."""
    turns = Turns()
    slower = max(1.0, sorted(_standard() for _ in range(5))[2] / NOMINAL)
    with turns.watched():
        await asyncio.create_task(work)
    return turns.longest / slower
