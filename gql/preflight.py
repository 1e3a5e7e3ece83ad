"""What a server needs before it serves: a locked data folder, a listening socket and a prepared database."""

import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gql.faults import CannotListen, FolderInUse, FolderNotWritable
from gql.private import make_private, open_private

BACKLOG = 2048
log = logging.getLogger(__name__)


class Prepared(NamedTuple):
    """A database that is ready to serve."""

    origin: str
    verifier: str | None
    """The verifier key of the trail; None if this server does not sign."""
    admin_token: str | None
    """The token of the administrator, if this start made it."""


@contextmanager
def alone_in(folder: Path) -> Iterator[Path]:
    """Makes and locks the data folder; the kernel releases the lock when the process ends, however it ends."""
    try:
        opened = make_private(folder)
        lock = open(folder / "lock", "a+", opener=open_private)  # noqa: SIM115
    except OSError as error:
        raise FolderNotWritable(folder, _reason(error)) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise FolderInUse(folder, lock.read().strip()) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        if opened and (folder.stat().st_mode & 0o077):
            log.warning(
                "other users of this machine can look into the data folder %s; give Magistrate a folder of its own", folder
            )
        elif others := [each for each in opened if each != folder or (folder / "database").exists()]:
            log.warning(
                "other users of this machine could look into %s; only its owner can now: modes narrowed: %d", folder, len(others)
            )
        yield folder


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; from now on a client that connects waits and is not refused."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(host, port, _reason(error)) from error


def _reason(error: OSError) -> str:
    return str(error.strerror).partition(" (")[0].lower()
