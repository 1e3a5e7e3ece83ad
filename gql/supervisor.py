"""Starts what serves, keeps it running, and ends it in order: first the workers, then the database under them."""

import asyncio
import http.client
import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Never

from documents.errors import Refusal
from gql import children
from gql.embedded import Engine
from gql.faults import NotPrepared, WorkerFailed
from gql.preflight import alone_in, listen
from gql.settings import LOG_FORMAT, PREFIX, Settings

if TYPE_CHECKING:
    from documents.audit.notes import SigningKey
    from gql.firststart import Prepared

VIEWER = "{ viewer { id stakeholder { name } } }"
READY = "200 OK"
READY_PATIENCE, DRAIN, TICK = 30.0, 5.0, 0.2


def serve(settings: Settings) -> Never:
    """Serves until SIGINT or SIGTERM (SystemExit), or says why it cannot (CannotServe); killed, it leaves no process."""
    began = monotonic()
    logging.basicConfig(level=settings.log_level, format=LOG_FORMAT)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    with (
        alone_in(settings.data_dir.resolve()) as folder,
        listen(settings.host, settings.port) as listener,
        _database(settings, folder) as engine,
    ):
        prepared, key, uri = _prepared(settings, engine)
        with _workers(settings.workers, listener, uri, key, on_engine=engine is not None) as workers:
            _await_ready(workers, listener)
            _announce(settings, prepared, key, listener, monotonic() - began)
            children.keep([engine, *workers] if engine else workers)


class Worker:
    """One process that answers requests, on the socket that all workers share."""

    process: subprocess.Popen[bytes]

    def __init__(self, listener: socket.socket, uri: str, key: "SigningKey | None", on_engine: bool) -> None:
        self.descriptor, self.uri, self.on_engine = listener.fileno(), uri, on_engine
        self.key = {f"{PREFIX}AUDIT_KEY": key.text} if key else {}

    @property
    def name(self) -> str:
        return f"worker {self.process.pid}"

    def launch(self) -> None:
        if hasattr(self, "process") and self.on_engine:  # the second time; others may work on a database of somebody else's
            from gql import reach  # noqa: PLC0415

            reach.end_transactions(self.uri)
        self.process = children.start(
            # -P: a folder called gql where the command was given must not be taken for ours
            [sys.executable, "-P", "-m", "gql.worker", str(self.descriptor)],
            pass_fds=[self.descriptor],
            env=os.environ | {f"{PREFIX}MONGODB_URI": self.uri} | self.key,
        )


def _leave(number: int, frame: object) -> Never:
    """Unwinds `serve`, once: the way out is bounded, and a second signal must not cut it short."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(0)


@contextmanager
def _database(settings: Settings, folder: Path) -> Iterator[Engine | None]:
    """The embedded database, launched and not waited for, unless there is another."""
    if settings.mongodb_uri:
        yield None
        return
    engine = Engine(folder, settings.engine, settings.engine_cache)
    engine.launch()
    try:
        yield engine
    finally:
        engine.stop()


def _prepared(settings: Settings, engine: Engine | None) -> tuple["Prepared", "SigningKey | None", str]:
    # Imported here, because the drivers take as long as the engine takes to start.
    from pymongo.errors import PyMongoError  # noqa: PLC0415

    from gql import checkpoints, firststart, reach  # noqa: PLC0415

    uri = engine.listen() if engine else str(settings.mongodb_uri)
    reach.check(uri)
    try:
        prepared = asyncio.run(firststart.prepare(settings, uri))
    except Refusal as refusal:
        raise NotPrepared(str(refusal)) from refusal
    except PyMongoError as error:
        raise reach.unusable(error) from error
    return prepared, checkpoints.signing_key(settings, prepared.origin, on_engine=engine is not None), uri


@contextmanager
def _workers(
    count: int, listener: socket.socket, uri: str, key: "SigningKey | None", *, on_engine: bool
) -> Iterator[list[Worker]]:
    workers: list[Worker] = []
    try:
        for _ in range(count):
            worker = Worker(listener, uri, key, on_engine)
            worker.launch()
            workers.append(worker)
        yield workers
    finally:
        listener.close()  # who comes now is turned away, not left waiting
        for each in workers:
            each.process.terminate()
        for each in workers:
            children.see_off(each.process, DRAIN)


def _await_ready(workers: Sequence[Worker], listener: socket.socket) -> None:
    """Asks /readyz until it is 200; a connection made early waits in the socket's queue and is answered first."""
    give_up = monotonic() + READY_PATIENCE
    while (answer := _readyz(listener)) != READY:
        if ended := [each for each in workers if each.process.poll() is not None]:
            raise WorkerFailed(f"{ended[0].name} ended with {ended[0].process.returncode}; what it said stands above")
        if monotonic() > give_up:
            raise WorkerFailed(f"GET /readyz answered {answer} for {READY_PATIENCE:.0f} s")
        sleep(TICK)


def _readyz(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return f"{answer.status} {answer.reason}"
    except OSError as error:
        return str(error)
    finally:
        connection.close()


def _announce(
    settings: Settings, prepared: "Prepared", key: "SigningKey | None", listener: socket.socket, seconds: float
) -> None:
    from rich.console import Console  # noqa: PLC0415

    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/graphql"
    folder = settings.data_dir
    token = "$MAGISTRATE_ADMIN_TOKEN" if settings.admin_token else f"$(cat {shlex.quote(str(folder / 'admin-token'))})"
    ask = f"""curl -s {url} -H "Authorization: Bearer {token}" -H 'Content-Type: application/json' -d '{{"query": "{VIEWER}"}}'"""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(f"Magistrate serves {url}, ready in {seconds:.1f} s", style="bold")
    console.print(f"  data    {folder.resolve()}" + ("" if settings.mongodb_uri else ", embedded database"))
    console.print(f"  trail   {prepared.origin}")
    console.print(f"  signed  {f'by {key.verifier}' if key else 'by nobody: there is no MAGISTRATE_AUDIT_KEY'}")
    if prepared.admin_token:
        console.print(f"  token   {prepared.admin_token} (the administrator's, shown once; kept in {folder / 'admin-token'})")
    console.print(f"  try     {ask}")
    console.print("  end     Ctrl+C")
