"""A server under test: kept running whatever of it is killed, as an operator's service manager would."""

import asyncio
import os
import random
import re
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from gql.embedded import find_program
from tests.faults.plan import Victim
from tests.faults.wire import HOST, Wire
from tests.operated import READY, SECRET_KEY, parents, started
from tests.service import ADMIN_TOKEN

WIRED = """#!/bin/sh
echo "listening on {host}:{wire}"
exec {program} "$@" --port {engine}
"""
"""An engine whose clients are told to come by way of the wire."""
TICK = 0.02


class Stand:
    """`magistrate serve` over a folder, started again whenever it ends, with a wire between its workers and its database."""

    def __init__(self, folder: Path, workers: int, program: Path | None = None) -> None:
        self.folder, self.data, self.log, self.over = folder, folder / "data", folder / "serve.log", False
        self.checkpoints = folder / "checkpoints"
        self.ends = Counter[int]()  # exit codes of the supervisor
        port, wire_port, engine_port = free_ports(3)
        self.wire, self.url = Wire(wire_port, engine_port), f"http://{HOST}:{port}/graphql"
        self._ports = wire_port, engine_port
        engine = folder / "engine"
        engine.write_text(WIRED.format(host=HOST, wire=wire_port, program=find_program(program), engine=engine_port))
        engine.chmod(0o755)
        self.settings: dict[str, Any] = {
            "DATA_DIR": self.data, "PORT": port, "WORKERS": workers, "ENGINE": engine, "ADMIN_TOKEN": ADMIN_TOKEN,
            "SECRET_KEY": SECRET_KEY,
            "CHECKPOINT_SECONDS": 1, "CHECKPOINT_FILE": self.checkpoints, "LIMIT_SECONDS": 120,
        }  # fmt: skip

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Inside, it serves; what is killed comes back."""
        async with self.wire.up():
            self._start()
            keeping = asyncio.create_task(self._keep())
            try:
                await until(lambda: READY in self.log.read_text())
                yield
            finally:
                self.over = True
                self.process.terminate()
                await keeping

    def _start(self) -> None:
        with self.log.open("a") as log:
            self.process = started(self.settings, stdout=log, stderr=log)

    async def _keep(self) -> None:
        while True:
            self.ends[await asyncio.to_thread(self.process.wait)] += 1
            if self.over:
                return
            self._start()

    @property
    def uri(self) -> str:
        """The database itself, past the wire, with the password that it asks for; it must run."""
        told = (self.data / "database-uri").read_text().strip()
        wire, engine = self._ports
        return told.replace(f":{wire}/", f":{engine}/")

    @property
    def verifier_key(self) -> str:
        return str(re.findall(r"signed +by (.+)", self.log.read_text())[0])

    def kill(self, victim: Victim, port: int | None = None) -> bool:
        """Kills one, the worker whose connection has that port or else any; False if there is none at the moment."""
        there = self._pids(victim)
        if victim is Victim.WORKER and port:
            there = [each for each in there if has_connection(each, port)] or there
        with suppress(ProcessLookupError):
            if there:
                os.kill(random.choice(there), signal.SIGKILL)
                return True
        return False

    def _pids(self, victim: Victim) -> list[int]:
        children = {pid for pid, parent in parents() if parent == self.process.pid}
        with suppress(FileNotFoundError, ValueError):
            engine = {int((self.data / "engine.pid").read_text())}
            match victim:
                case Victim.ENGINE:
                    return [*children & engine]
                case Victim.WORKER:
                    return [*children - engine]
        return [self.process.pid] if victim is Victim.SUPERVISOR and self.process.poll() is None else []


async def until(holds: Callable[[], object]) -> None:
    while not holds():  # noqa: ASYNC110  what other processes do sets no event
        await asyncio.sleep(TICK)


def has_connection(pid: int, port: int) -> bool:
    """Whether a process has a connection from that port of this machine, by /proc/net/tcp and its open files."""
    mine = f":{port:04X}"
    lines = (each.split() for each in Path("/proc/net/tcp").read_text().splitlines()[1:])
    sockets = {f"socket:[{each[9]}]" for each in lines if each[1].endswith(mine)}
    with suppress(FileNotFoundError, ProcessLookupError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if str(each.readlink()) in sockets:
                    return True
    return False


def free_ports(number: int) -> list[int]:
    """Ports that nobody uses now; all of five digits, as those that the system chooses are."""
    with ExitStack() as held:
        return [held.enter_context(socket.create_server((HOST, 0))).getsockname()[1] for _ in range(number)]
