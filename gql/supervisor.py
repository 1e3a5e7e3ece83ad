"""Starts the embedded database and the workers, restarts what fails, and ends the workers before the database."""

import http.client
import ipaddress
import logging
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from time import monotonic, sleep
from typing import Never

from gql import children
from gql.embedded import Engine
from gql.faults import STATUSES, WorkerFailed
from gql.noted import is_due, note_release
from gql.preflight import Prepared, alone_in, listen
from gql.secretkey import keyring
from gql.settings import LOG_FORMAT, Settings

VIEWER = "{ viewer { id stakeholder { name } } }"
READY = "200 OK"
log = logging.getLogger(__name__)
READY_PATIENCE, DRAIN, TICK = 30.0, 5.0, 0.2


def serve(settings: Settings) -> Never:
    """Serves until SIGINT or SIGTERM (SystemExit); CannotServe if it cannot start.

    On Linux a killed supervisor leaves no process behind.
    """
    began = monotonic()
    logging.basicConfig(level=settings.log_level, format=LOG_FORMAT)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    with (
        alone_in(settings.data_dir.resolve()) as folder,
        _keyed(settings),
        _issuers_read(settings),
        listen(settings.host, settings.port) as listener,
        _upgraded(settings, folder),
        _database(settings, folder) as engine,
        _workers(settings.workers, listener, on_engine=engine is not None) as workers,
    ):
        _warn_if_exposed(settings, listener)
        uri = engine.listen() if engine else _reached(str(settings.mongodb_uri))
        prepared, *_ = [each.begin(uri) for each in workers]  # one by one: the first prepares the database if need be
        _await_ready(workers, listener)
        _announce(settings, prepared, listener, monotonic() - began)
        if engine:
            note_release(folder)
        children.keep([engine, *workers] if engine else workers)


class Worker:
    """A process that answers requests on the socket that all workers share; it is launched while the database starts."""

    process: subprocess.Popen[bytes]
    line: Connection
    uri = ""

    def __init__(self, listener: socket.socket, on_engine: bool) -> None:
        self.listener, self.on_engine = listener.fileno(), on_engine

    @property
    def name(self) -> str:
        return f"worker {self.process.pid}"

    def launch(self) -> None:
        self.ended()  # again: a command that it sent at its end may have arrived only now
        self.line, theirs = Pipe()
        with theirs:
            handed = [self.listener, theirs.fileno()]
            # -P: a folder of such a name in the working directory must not be imported in place of this package
            command = [sys.executable, "-P", "-m", "magistrate.worker", *map(str, handed)]
            self.process = children.start(command, pass_fds=handed)
        if self.uri:
            self.line.send(self.uri)

    def ended(self) -> None:
        if self.uri and self.on_engine:  # in a MongoDB of the operator's there may be transactions of other programs
            from documents.store import server  # noqa: PLC0415  it loads the driver, which a start does without

            server.end_transactions(self.uri)

    def begin(self, uri: str) -> Prepared:
        """Sends the worker the URI of the database, and waits until the worker has prepared the database."""
        self.uri = uri
        try:
            self.line.send(uri)
            prepared: Prepared = self.line.recv()
        except (EOFError, OSError) as error:
            if (code := self.process.wait()) in STATUSES:
                sys.exit(code)  # the worker has told the reason
            raise _failed(self) from error
        return prepared


def _leave(number: int, frame: object) -> Never:
    """Ends `serve` in order. Further signals are ignored, because the end has time limits and must not be cut short."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(0)


@contextmanager
def _keyed(settings: Settings) -> Iterator[None]:
    """Makes the secret key of an embedded database, or says that there is none, before any worker needs it."""
    keyring(settings)
    yield


def _warn_if_exposed(settings: Settings, listener: socket.socket) -> None:
    """Warns of plain HTTP on the network in a server that is to be hardened: without a proxy it is read on the way."""
    host = listener.getsockname()[0]
    if settings.hardened and not settings.trusted_proxies and not ipaddress.ip_address(host).is_loopback:
        log.warning(
            "MAGISTRATE_HARDENED serves plain HTTP on %s, and MAGISTRATE_TRUSTED_PROXIES names no proxy that ends TLS", host
        )


@contextmanager
def _issuers_read(settings: Settings) -> Iterator[None]:
    """Refuses a wrong file of issuers before anything is started."""
    if settings.identity:
        from gql.issuers.file import read_issuers  # noqa: PLC0415  starts without such a file do without what it loads

        read_issuers(settings.identity)
    yield


@contextmanager
def _upgraded(settings: Settings, folder: Path) -> Iterator[None]:
    """Migrates the embedded database first, if another release served it last."""
    if not settings.mongodb_uri and is_due(folder):
        from gql.upgrade import upgrade_embedded  # noqa: PLC0415  it loads records and driver, which other starts do without

        for each in upgrade_embedded(folder, settings, lambda: datetime.now(UTC)):
            log.warning("the data were migrated: step %d (%s), %d documents", each.number, each.name, each.documents)
    yield


@contextmanager
def _database(settings: Settings, folder: Path) -> Iterator[Engine | None]:
    """The embedded database, launched but not yet listening; None if the settings name a MongoDB."""
    if settings.mongodb_uri:
        yield None
        return
    engine = Engine(folder, settings.engine, settings.engine_cache)
    engine.launch()
    try:
        yield engine
    finally:
        engine.stop()


def _reached(uri: str) -> str:
    from gql import reach  # noqa: PLC0415  it loads the driver, which a start with the embedded database does without

    reach.check(uri)
    return uri


@contextmanager
def _workers(count: int, listener: socket.socket, *, on_engine: bool) -> Iterator[list[Worker]]:
    workers: list[Worker] = []
    try:
        for _ in range(count):
            worker = Worker(listener, on_engine)
            worker.launch()
            workers.append(worker)
        yield workers
    finally:
        listener.close()  # a client that connects now is refused rather than left waiting
        for each in workers:
            each.process.terminate()
        for each in workers:
            children.see_off(each.process, DRAIN)


def _await_ready(workers: Sequence[Worker], listener: socket.socket) -> None:
    """Polls /readyz until it is 200. An early connection waits in the queue of the socket."""
    give_up = monotonic() + READY_PATIENCE
    while (answer := _readyz(listener)) != READY:
        if ended := [each for each in workers if each.process.poll() is not None]:
            raise _failed(ended[0])
        if monotonic() > give_up:
            raise WorkerFailed(f"GET /readyz answered {answer} for {READY_PATIENCE:.0f} s")
        sleep(TICK)


def _failed(worker: Worker) -> WorkerFailed:
    return WorkerFailed(f"{worker.name} ended with {worker.process.returncode}; its output stands above")


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


def _announce(settings: Settings, prepared: Prepared, listener: socket.socket, seconds: float) -> None:
    from rich.console import Console  # noqa: PLC0415

    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/graphql"
    folder = settings.data_dir
    token = "$MAGISTRATE_ADMIN_TOKEN" if settings.admin_token else f"$(cat {shlex.quote(str(folder / 'admin-token'))})"
    ask = f"""curl -s {url} -H "Authorization: Bearer {token}" -H 'Content-Type: application/json' -d '{{"query": "{VIEWER}"}}'"""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(f"Magistrate serves {url}, ready in {seconds:.1f} s", style="bold")
    console.print(f"  data      {folder.resolve()}" + ("" if settings.mongodb_uri else ", embedded database"))
    console.print(f"  trail     {prepared.origin}")
    console.print(f"  signed by {prepared.verifier or 'nobody: there is no MAGISTRATE_AUDIT_KEY'}")
    if prepared.admin_token:
        console.print(f"  token     {prepared.admin_token} (the administrator's, shown once; kept in {folder / 'admin-token'})")
    console.print(f"  try       {ask}")
    console.print("  end       Ctrl+C")
