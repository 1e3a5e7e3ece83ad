"""The embedded database: SecantusDB, a MongoDB server over files in the data folder, as a child process."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from gql import children
from gql.faults import EngineFailed, EngineMissing

HOST = "127.0.0.1"  # the database asks for no password, so it must not be reached from other machines
LISTENING = re.compile(rf"listening on {re.escape(HOST)}:(\d+)")
PATIENCE, GRACE, TICK = 60.0, 5.0, 0.02  # seconds


class Engine:
    """The server over `folder`, which the caller must have locked; as a context manager it runs for the time of the block.

    The program is `secantusd-rs` (Rust) or `secantusd-py` (Python); both take the same flags and read the same files.
    """

    process: subprocess.Popen[bytes]

    def __init__(self, folder: Path, program: Path | None = None, cache: str = "256M") -> None:
        self.program, self.folder, self.cache = find_program(program), folder.resolve(), cache
        self.port = 0  # the system chooses it at the first start; a restart keeps it, so that clients find the database again
        self.log, self._pid_file = self.folder / "engine.log", self.folder / "engine.pid"

    @property
    def name(self) -> str:
        return f"{self.program.name} {self.pid}"

    @property
    def uri(self) -> str:
        return f"mongodb://{HOST}:{self.port}/"

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
        """The URI of the server that runs over `folder`; None while its log does not say that it listens."""
        log = folder / "engine.log"
        found = LISTENING.search(log.read_text(errors="replace")) if log.exists() else None
        return f"mongodb://{HOST}:{found[1]}/" if found else None

    def launch(self) -> None:
        """Starts the process; `listen` waits until it accepts connections."""
        self._end_orphan()
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("wb") as log:
            self.process = children.start(self._command(), stdout=log, stderr=log, env=_environment())
        self._pid_file.write_text(str(self.pid))

    def listen(self) -> str:
        """Waits until the server listens and returns its URI; EngineFailed if it ends first or needs more than a minute."""
        give_up = monotonic() + PATIENCE
        while not (found := LISTENING.search(self.log.read_text(errors="replace"))):
            if self.process.poll() is not None:
                raise EngineFailed(self._last_words(), self.log)
            if monotonic() > give_up:
                raise EngineFailed(f"it does not listen after {PATIENCE:.0f} s", self.log)
            sleep(TICK)
        self.port = int(found[1])
        return self.uri

    def stop(self) -> None:
        self.process.terminate()
        sleep(TICK)
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=GRACE):
            pass  # secantusd-py ends at its next connection, or after two seconds
        children.see_off(self.process, GRACE)
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
        nothing.touch()
        return [
            *(str(self.program), "--config", str(nothing), "--host", HOST, "--port", str(self.port)),
            *("--storage-path", str(self.folder / "database"), "--cache-size", self.cache),
            *("--sync-on-commit", "--log-level", "INFO"),
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
