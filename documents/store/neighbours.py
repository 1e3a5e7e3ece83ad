"""Lets the processes of one machine take turns at one database, so that their transactions do not collide."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

LOOK = 0.001  # seconds between two looks whether it is this process's turn
FILES = ("queue", "turn")


class Neighbours:
    """The processes that share a folder. A process that ends, however it ends, gives up its locks.

    Who is in its turn has locked the one file. Who waits for it locks the other one first, so a process that comes back at once
    waits behind a process that waits already.
    """

    def __init__(self, folder: Path, patience: float = 2.0) -> None:
        self._files = [os.open(folder / each, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for each in FILES]
        self._patience = patience
        self.held = False
        """Whether it is this process's turn."""

    @asynccontextmanager
    async def in_turn(self) -> AsyncIterator[None]:
        """Inside, no other process is inside.

        After a few seconds it goes on all the same, for the other one may hang: then their transactions collide, which is safe.
        """
        queue, turn = self._files
        until = monotonic() + self._patience
        self.held = await _locked(queue, until) and await _locked(turn, until)
        fcntl.flock(queue, fcntl.LOCK_UN)
        try:
            yield
        finally:
            self.held = False
            fcntl.flock(turn, fcntl.LOCK_UN)

    def close(self) -> None:
        for each in self._files:
            os.close(each)


async def _locked(file: int, until: float) -> bool:
    """Whether the file could be locked by then."""
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if monotonic() > until:
            return False
        await asyncio.sleep(LOOK)
