"""A wire between the workers and the database: it sees each command and each answer, and can let either go no further."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import bson

from tests.faults.plan import Point, Side, Step
from tests.wire import message

HOST = "127.0.0.1"
OP_MSG = 2013


class Trap:
    """Waits until a mutation comes to `point`, then calls `spring` with the port of that worker's connection."""

    def __init__(self, point: Point, spring: Callable[[int], object]) -> None:
        self.side, self.step = point
        self.spring, self.sprung = spring, asyncio.Event()

    def close(self, port: int) -> None:
        self.spring(port)
        self.sprung.set()


class Wire:
    """A port before the engine's. Where answers name the engine's port they name this one, so that drivers stay on the wire."""

    trap: Trap | None = None

    def __init__(self, port: int, engine_port: int) -> None:
        self.engine_port = engine_port
        self.names = f"{HOST}:{engine_port}".encode(), f"{HOST}:{port}".encode()
        self.port = port

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        async with await asyncio.start_server(self._carry, HOST, self.port):
            yield

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(OSError):  # while the engine is down nobody answers here either
            far, on = await asyncio.open_connection(HOST, self.engine_port)
            await Connection(self, near, back, far, on).carry()
            on.close()
        back.close()


class Connection:
    """One connection of a worker's, in both directions until either end is gone or a trap closed on it."""

    def __init__(
        self,
        wire: Wire,
        near: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        far: asyncio.StreamReader,
        on: asyncio.StreamWriter,
    ) -> None:
        self.wire, self.near, self.back, self.far, self.on = wire, near, back, far, on
        self.port: int = back.get_extra_info("peername")[1]
        self.caught: tuple[bytes, Trap] | None = None  # the id of a command whose answer closes a trap

    async def carry(self) -> None:
        pumps = [asyncio.create_task(each) for each in (self._there(), self._back())]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for each in pumps:
            each.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        if self.caught and self.wire.trap is None:  # the answer never came
            self.wire.trap = self.caught[1]

    async def _there(self) -> None:
        while True:
            asked = await message(self.near)
            trap = self.wire.trap
            if trap and step_of(asked) == trap.step:
                self.wire.trap = None
                match trap.side:
                    case Side.BEFORE:
                        return trap.close(self.port)
                    case Side.DURING:
                        self.on.write(asked)
                        return trap.close(self.port)
                    case Side.AFTER:
                        self.caught = asked[4:8], trap
            self.on.write(asked)

    async def _back(self) -> None:
        while True:
            answer = await message(self.far)
            if self.caught and answer[8:12] == self.caught[0]:
                (_, trap), self.caught = self.caught, None
                return trap.close(self.port)
            self.back.write(answer.replace(*self.wire.names))


def step_of(message: bytes) -> Step | None:
    """Which step of a mutation a message asks for, if it is a part of one (OP_MSG: header, flags, then first the command)."""
    if int.from_bytes(message[12:16], "little") != OP_MSG:
        return None
    length = int.from_bytes(message[21:25], "little")
    command: dict[str, Any] = bson.decode(message[21 : 21 + length])
    if command.get("autocommit") is not False:
        return None
    (name, about), *_ = command.items()
    match name, about:
        case "findAndModify", "audit_head":
            return Step.TOUCH
        case "update", "audit_head":
            return Step.MOVE
        case "insert", "audit_events":
            return Step.APPEND
        case "insert", "idempotency_keys":
            return Step.KEEP
        case "insert" | "update", _:
            return Step.WRITE
        case (("find" | "aggregate"), _):
            return Step.READ
        case "commitTransaction", _:
            return Step.COMMIT
    return None
