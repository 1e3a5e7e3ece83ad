"""Processes that serve on loopback, what processor time they have used, and a client that costs next to nothing."""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from socket import create_server
from typing import Any, Self

from gql import children
from gql.settings import PREFIX, Settings

GRACE, NEVER = 5.0, 1_000_000  # seconds
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class Process:
    """A server on a port of its own; as a context, it runs inside and not beyond."""

    def __init__(self, settings: Settings, contender: str) -> None:
        said = {"MONGODB_URI": settings.mongodb_uri, "DATABASE": settings.database, "VERIFICATION_SECONDS": NEVER}
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self.environment |= {PREFIX + name: str(value) for name, value in said.items()}
        self.contender = contender

    def __enter__(self) -> Self:
        with create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
            descriptor = listener.fileno()
            command = [sys.executable, "-m", "bench.contenders", self.contender, str(descriptor)]
            self.process = children.start(command, pass_fds=[descriptor], env=self.environment)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        children.see_off(self.process, GRACE)

    @property
    def pid(self) -> int:
        return self.process.pid


class Caller:
    """One connection that is kept, and asks one thing after the other."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer; RuntimeError unless its status is 200."""
        if self.reader.at_eof():  # a server ends what was idle for long
            self.writer.close()
            await self._connect()
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(head)
        body = await self.reader.readexactly(int(found[1])) if found else b""
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{head.decode()}{body.decode()}")
        return body

    async def _connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)


def post(path: str, said: Mapping[str, Any], token: str = "") -> bytes:
    """The bytes of a request."""
    body = json.dumps(said).encode()
    headers = ["Host: bench", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    headers += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([f"POST {path} HTTP/1.1", *headers, "", ""]).encode() + body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def processor_seconds(pids: Sequence[int]) -> float:
    """What these processes have used so far, all their threads together: Linux's clock_getcpuclockid(3), in nanoseconds."""
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)
