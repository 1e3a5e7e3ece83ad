"""A port before the database's, where commits meet the fates that a network has for them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import bson
import pytest
from pymongo import common

from tests.service import Service

DONE, LOST, FORGOTTEN, REFUSED = "done", "lost", "forgotten", "refused"
"""What can become of a commit: done; done, but the connection breaks before the answer; done, but the server says that it knows
no such transaction, begin again; not done, and it says so."""

ABORT: dict[str, Any] = {"abortTransaction": 1}
ANSWERS: dict[str, dict[str, Any]] = {
    FORGOTTEN: {"ok": 0.0, "code": 251, "errmsg": "no such transaction", "errorLabels": ["TransientTransactionError"]},
    REFUSED: {"ok": 0.0, "code": 14031, "errmsg": "the disk is full"},
}


class Wire:
    """A port before a server's, where commits meet their fates, one after the other; whatever comes later passes."""

    def __init__(self, uri: str, *fates: str, meanwhile: Callable[[], Awaitable[Any]] | None = None) -> None:
        self.server, self.fates, self.meanwhile = urlsplit(uri), [*fates], meanwhile

    async def carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, on = await asyncio.open_connection(self.server.hostname, self.server.port)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                asked = await message(near)
                fate = self.fates.pop(0) if b"commitTransaction" in asked and self.fates else None
                on.write(rewritten(asked, ABORT) if fate == REFUSED else asked)
                answer = await message(far)
                if fate and self.meanwhile:
                    await self.meanwhile()
                if fate == LOST:
                    break
                back.write(rewritten(answer, ANSWERS[fate]) if fate in ANSWERS else answer)
        on.close()
        back.close()

    @asynccontextmanager
    async def service(self, database: str) -> AsyncIterator[Service]:
        """A service over that database beyond the wire; after a lost connection its driver looks again at once."""
        async with await asyncio.start_server(self.carry, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            service = Service(f"mongodb://127.0.0.1:{port}/?directConnection=true&serverMonitoringMode=poll", database)
            try:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(common, "MIN_HEARTBEAT_INTERVAL", 0.02)  # seconds; it reads this when it first connects
                    yield service
            finally:
                await asyncio.to_thread(service.database.close)  # it says goodbye over the wire, which must go on carrying


async def message(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(int.from_bytes(length, "little") - 4)


def rewritten(message: bytes, said: dict[str, Any]) -> bytes:
    """A command or an answer (OP_MSG: a header of 16 bytes, flags, one document) that says something else instead."""
    rest = {name: value for name, value in bson.decode(message[21:]).items() if name not in {*said, "commitTransaction"}}
    document = bson.encode(said | rest)
    return (21 + len(document)).to_bytes(4, "little") + message[4:21] + document
