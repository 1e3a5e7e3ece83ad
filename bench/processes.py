"""Server processes on loopback, the processor time that they use, and a client that uses next to none itself."""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from socket import create_server
from typing import Any, Self

from gql import children
from gql.settings import PREFIX, Settings

GRACE, NEVER = 5.0, 86_400  # seconds until a server is killed; between background verifications, of which there shall be none
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class Process:
    """A server process on a port of its own. It is a context manager: the process runs while the context is open."""

    def __init__(self, settings: Settings, contender: str) -> None:
        said = {
            "WORKERS": settings.workers,
            "DATA_DIR": settings.data_dir,
            "MONGODB_URI": settings.mongodb_uri,
            "DATABASE": settings.database,
            "SECRET_KEY": settings.secret_key.get_secret_value() if settings.secret_key else "",
            "VERIFICATION_SECONDS": NEVER,
            "JUDGEMENT_SECONDS": NEVER,
        }
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self.environment |= {PREFIX + name: str(value) for name, value in said.items()}
        self.contender = contender

    def __enter__(self) -> Self:
        with create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
            descriptor = listener.fileno()
            self.process = children.start(self.command(descriptor), pass_fds=[descriptor], env=self.environment)
        return self

    def command(self, descriptor: int) -> list[str]:
        """The command of the server, which listens on the socket with that file descriptor."""
        return [sys.executable, "-m", "bench.contenders", self.contender, str(descriptor)]

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        children.see_off(self.process, GRACE)

    @property
    def pid(self) -> int:
        return self.process.pid


class Caller:
    """A client with one kept-alive connection, which sends one request after the other."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    async def ask(self, request: bytes) -> bytes:
        """Sends a request and returns the body of the answer. Raises RuntimeError unless the status is 200."""
        if self.reader.at_eof():  # the server closed a connection that was idle for long
            await self.again()
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(head)
        body = await self.reader.readexactly(int(found[1])) if found else b""
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{head.decode()}{body.decode()}")
        return body

    async def again(self) -> None:
        """Leaves the connection, and whatever was asked for on it, for a new one."""
        self.writer.close()
        await self._connect()

    async def _connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)


def post(path: str, said: Mapping[str, Any], token: str = "") -> bytes:
    """The bytes of a POST request with `said` as JSON, signed in by `token` if it is given."""
    body = json.dumps(said).encode()
    headers = ["Host: bench", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    headers += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([f"POST {path} HTTP/1.1", *headers, "", ""]).encode() + body


def get(path: str) -> bytes:
    """The bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def processor_seconds(pids: Sequence[int]) -> float:
    """The processor time that these processes have used so far, in seconds, all their threads together. Linux only."""
    # The clock id of another process, as glibc's clock_getcpuclockid(3) makes it: ~pid << 3 | CPUCLOCK_SCHED.
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)


def megabytes(pid: int | str, of: str) -> float:
    """A figure of memory in /proc/PID/status: VmRSS is what the process holds, VmHWM the most that it ever held. Linux only."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status[of].split()[0]) / 1024
