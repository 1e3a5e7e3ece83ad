"""`magistrate serve` as a real process, with what belongs to it."""

import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import httpx

MAGISTRATE = Path(sys.executable).with_name("magistrate")
READY = "  end       Ctrl+C\n"  # the last line that it says once it serves
SECRET_KEY = "k1+" + b64encode(b"s" * 32).decode()  # as in `tests.service`, which need not be imported for it
READY_WITHIN, END_WITHIN = 5.0, 12.0


def started(settings: dict[str, object], **output: Any) -> subprocess.Popen[str]:
    """`magistrate serve` with these settings and no others, on a port that the system chooses; what it says can be read."""
    sealed = {"SECRET_KEY": SECRET_KEY} if "MONGODB_URI" in settings else {}  # with the engine of its own it makes one
    chosen = {"PORT": 0} | sealed | settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAGISTRATE_")}
    environment |= {f"MAGISTRATE_{name}": str(value) for name, value in chosen.items()}
    to = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | output
    return subprocess.Popen([MAGISTRATE, "serve"], env=environment, text=True, **to)


class Operated:
    """A running server; as a context, from when it says that it is ready until it was told to end."""

    complained = ""  # what it said on standard error until it ended

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder, self.settings = folder, settings

    def __enter__(self) -> Self:
        self.process = started({"DATA_DIR": self.folder} | self.settings)
        assert self.process.stdout
        self.said = ""
        while not self.said.endswith(READY):
            if not (line := self.process.stdout.readline()):
                raise RuntimeError(f"it ended: {self.process.communicate()[1]}")
            self.said += line
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            _, self.complained = self.process.communicate(timeout=END_WITHIN)

    @property
    def url(self) -> str:
        return str(re.findall(r"serves (\S+),", self.said)[0])

    @property
    def trail(self) -> str:
        return str(re.findall(r"trail +(\S+)", self.said)[0])

    @property
    def signed_by(self) -> str:
        return str(re.findall(r"signed by (.+)", self.said)[0])

    @property
    def children(self) -> set[int]:
        return {pid for pid, parent in parents() if parent == self.process.pid}

    @property
    def workers(self) -> set[int]:
        engine = (self.folder / "engine.pid").read_text() if (self.folder / "engine.pid").exists() else None
        return {each for each in self.children if str(each) != engine}

    def ask_readyz(self) -> str:
        """What anybody is told of whether it can serve."""
        return httpx.get(self.url.replace("/graphql", "/readyz"), timeout=30).text

    def viewer(self) -> Any:
        """Who the administrator's token in the data folder signs in."""
        headers = {"authorization": f"Bearer {(self.folder / 'admin-token').read_text().strip()}"}
        return httpx.post(self.url, json={"query": "{ viewer { id } }"}, headers=headers, timeout=30).json()


def parents() -> Iterator[tuple[int, int]]:
    """Every living process with its parent, from /proc/PID/stat: pid (name) state parent."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, parent = stat.read_text().rpartition(") ")[2].split()[:2]
            if state != "Z":
                yield int(stat.parent.name), int(parent)


def eventually(holds: Callable[[], object], within: float = 10) -> bool:
    give_up = monotonic() + within
    while not (held := bool(holds())) and monotonic() < give_up:
        sleep(0.05)
    return held


def refused(**settings: object) -> tuple[int, str]:
    """The exit code, and the one line on standard error."""
    said, complaint = (process := started(settings)).communicate(timeout=20)
    assert said == "" and complaint.count("\n") == 1 and "Traceback" not in complaint
    return process.returncode, complaint
