"""The embedded database: SecantusDB, a MongoDB server over files in the data folder, as a child process."""

import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe
from time import monotonic, sleep
from typing import ClassVar, Self

from gql import children
from gql.faults import EngineFailed, EngineMissing
from gql.private import open_private, write_private

HOST = "127.0.0.1"
USER, PASSWORD_FILE, URI_FILE, UMASK = "magistrate", "password", "database-uri", 0o077
LISTENING = re.compile(rf"listening on {re.escape(HOST)}:(\d+)")
PATIENCE, GRACE, TICK = 60.0, 5.0, 0.02  # seconds
log = logging.getLogger(__name__)


class Engine:
    """The server over `folder`, which the caller must have locked; as a context manager it runs for the time of the block.

    The program is `secantusd-rs` (Rust) or `secantusd-py` (Python); both take the same flags and read the same files.
    """

    process: subprocess.Popen[bytes]
    asks: ClassVar[bool] = True  # whether the database is to ask for a password

    def __init__(self, folder: Path, program: Path | None = None, cache: str = "256M") -> None:
        self.program, self.folder, self.cache = find_program(program), folder.resolve(), cache
        self.port = 0  # the system chooses it at the first start; a restart keeps it, so that clients find the database again
        self.log, self._pid_file = self.folder / "engine.log", self.folder / "engine.pid"
        # Beside the files that know the password: whoever puts a copy of these files back puts back its password with them.
        self._files, self._uri_file = self.folder / "database", self.folder / URI_FILE
        self.password = self._kept_password()

    @property
    def name(self) -> str:
        return f"{self.program.name} {self.pid}"

    @property
    def uri(self) -> str:
        """The URI by which the database is reached, with the password if it asks for one."""
        who = f"{USER}:{self.password}@" if self.password else ""
        return f"mongodb://{who}{HOST}:{self.port}/{'?authSource=admin' if who else ''}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self) -> None:
        self.launch()
        try:
            self.listen()
        except BaseException:
            self.stop()
            raise

    @staticmethod
    def running_in(folder: Path) -> str | None:
        """The URI of the server that runs over `folder`; None while it does not say that it listens."""
        found = folder / URI_FILE
        return found.read_text().strip() if found.exists() else None

    def launch(self) -> None:
        """Starts the process; `listen` waits until it accepts connections."""
        self._end_orphan()
        if not self.port:  # else its clients and the file with its URI know it already
            self._uri_file.unlink(missing_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with open(self.log, "wb", opener=open_private) as log:
            self.process = children.start(self._command(), stdout=log, stderr=log, env=_environment(), umask=UMASK)
        write_private(self._pid_file, str(self.pid))

    def listen(self) -> str:
        """Waits until the server listens and returns its URI; EngineFailed if it ends first or needs more than a minute.

        A database that has no password yet gets one: it is started again and then asks for it.
        """
        self._await_listening()
        if self.asks and not self.password:
            self._protect()
        write_private(self._uri_file, f"{self.uri}\n")
        return self.uri

    def _await_listening(self) -> None:
        give_up = monotonic() + PATIENCE
        while not (found := LISTENING.search(self.log.read_text(errors="replace"))):
            if self.process.poll() is not None:
                raise EngineFailed(self._last_words(), self.log)
            if monotonic() > give_up:
                raise EngineFailed(f"it does not listen after {PATIENCE:.0f} s", self.log)
            sleep(TICK)
        self.port = int(found[1])

    def _protect(self) -> None:
        """Gives the database a password, which it asks for from now on; warns if this server cannot."""
        from documents.store import server  # noqa: PLC0415  it loads the driver, which most starts do without

        password, free = token_urlsafe(32), self.uri
        if server.make_user(free, USER, password):
            self._again(password)
        if self.password and server.asks_for_password(free):
            if not server.keep_user(self.uri, USER):
                raise EngineFailed("it does not take the password that it was given", self.log)
            write_private(self._files / PASSWORD_FILE, f"{password}\n")
        else:
            self.password = None
            log.warning(
                "%s asks for no password: every program on this machine can reach the database; only that it listens on %s keeps "
                "other machines away",
                self.program.name,
                HOST,
            )

    def _again(self, password: str) -> None:
        """Starts the process again, which is to ask for the password; without it, if it cannot."""
        for each in (password, None):
            self.stop()
            self.password = each
            self.launch()
            with suppress(*(EngineFailed,) if each else ()):
                self._await_listening()
                return

    def _kept_password(self) -> str | None:
        kept = self._files / PASSWORD_FILE
        return kept.read_text().strip() if self.asks and kept.exists() else None

    def stop(self) -> None:
        self.process.terminate()
        sleep(TICK)
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=GRACE):
            pass  # secantusd-py ends at its next connection, or after two seconds
        children.see_off(self.process, GRACE)
        self._uri_file.unlink(missing_ok=True)
        self.ended()

    def ended(self) -> None:
        self._pid_file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _command(self) -> list[str]:
        # An empty file, because without --config the server would read ./secantusd.toml, or one in the home directory or /etc.
        nothing = self.folder / "engine.toml"
        write_private(nothing, "")
        return [
            *(str(self.program), "--config", str(nothing), "--host", HOST, "--port", str(self.port)),
            *("--storage-path", str(self._files), "--cache-size", self.cache),
            *("--sync-on-commit", "--log-level", "INFO", *(["--auth"] if self.password else [])),
        ]

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), f"it ended with {self.process.returncode}")

    def _end_orphan(self) -> None:
        """Ends a server that a killed parent left behind, as happens outside Linux, because it keeps the files locked."""
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            orphan = int(self._pid_file.read_text())
            for number in (signal.SIGTERM, signal.SIGKILL):
                if self._serves_this_folder(orphan):
                    os.kill(orphan, number)
                give_up = monotonic() + GRACE
                while self._serves_this_folder(orphan) and monotonic() < give_up:
                    sleep(TICK)

    def _serves_this_folder(self, pid: int) -> bool:
        return f"--storage-path {self.folder / 'database'}" in _command_line(pid)


def find_program(named: Path | None) -> Path:
    """The path of the named program, else of `secantusd-rs` in the PATH, else of `secantusd-py` beside this Python."""
    if named:
        found = shutil.which(named)
    else:
        found = shutil.which("secantusd-rs") or shutil.which("secantusd-py", path=str(Path(sys.executable).parent))
    if not found:
        raise EngineMissing(str(named or "secantusd-py"))
    return Path(found).absolute()


def _environment() -> dict[str, str]:
    """The environment without the variables that would switch off the journal of the server or change its log level."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SECANTUS_", "RUST_LOG"))}


def _command_line(pid: int) -> str:
    """The command line of a process; empty if there is no such process."""
    if Path("/proc/self").exists():
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    ps = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout
