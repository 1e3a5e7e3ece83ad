"""`magistrate serve` as an operator meets it: how it starts, what it says when it cannot, what a kill leaves behind."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import httpx
import pytest
from pymongo import MongoClient

from gql.embedded import Engine, find_program

MAGISTRATE = Path(sys.executable).with_name("magistrate")
READY_WITHIN, END_WITHIN = 5.0, 10.0


class Operated:
    """A server that was started from a shell; its settings are `MAGISTRATE_` variables."""

    def __init__(self, folder: Path, **settings: object) -> None:
        chosen = {"MAGISTRATE_DATA_DIR": folder, "MAGISTRATE_PORT": 0} | settings
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAGISTRATE_")}
        environment = inherited | {name: str(value) for name, value in chosen.items()}
        self.folder, self.began, self.said = folder, monotonic(), ""
        self.process = subprocess.Popen([MAGISTRATE, "serve"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self) -> Self:
        """Waits until it says that it is ready."""
        assert self.process.stdout
        while not self.said.endswith("Ctrl+C\n") and (line := self.process.stdout.readline()):
            self.said += line.decode()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=END_WITHIN)

    @property
    def url(self) -> str:
        return re.findall(r"http://\S+/graphql", self.said)[0]

    @property
    def children(self) -> dict[str, int]:
        """The process ids of the engine and of a worker, by name."""
        return {name: pid for pid, name in _children_of(self.process.pid)}

    def ask(self, query: str) -> Any:
        token = (self.folder / "admin-token").read_text().strip()
        return httpx.post(self.url, json={"query": query}, headers={"authorization": f"Bearer {token}"}, timeout=10).json()
