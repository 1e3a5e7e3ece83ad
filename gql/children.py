"""Child processes: they do not outlive this one, and what ends by itself is started again."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any, Never, Protocol

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1  # prctl(2)
TICK, FIRST_PAUSE, LONGEST_PAUSE, SETTLED = 0.2, 0.2, 10.0, 30.0  # seconds


class Child(Protocol):
    process: subprocess.Popen[bytes]

    @property
    def name(self) -> str: ...
    def launch(self) -> None: ...
    def ended(self) -> None:
        """Clears away what it left, as soon as it has ended by itself."""


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Starts `command` in a process group of its own, so that Ctrl+C reaches it through its parent and in order.

    On Linux the kernel kills it when the thread that called this ends, in whatever way; elsewhere nothing does.
    """
    tie = _tied_to(os.getpid())
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=tie, **options)  # noqa: PLW1509


def see_off(child: subprocess.Popen[bytes], patience: float) -> None:
    """Waits for a child that was asked to end, and kills it after `patience` seconds."""
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def keep(children: Sequence[Child]) -> Never:
    """Starts again whatever ends."""
    watches = [Watch(each) for each in children]
    while True:
        sleep(TICK)
        for each in watches:
            each.look()


class Watch:
    """One child and when it is due again: soon, then after pauses that double for as long as it does not settle."""

    def __init__(self, child: Child) -> None:
        self.child, self.started, self.pause = child, monotonic(), 0.0
        self.due: float | None = None

    def look(self) -> None:
        if self.due is None:
            if (code := self.child.process.poll()) is not None:
                self.child.ended()
                self.wait(f"ended with {code}")
        elif monotonic() >= self.due:
            try:
                self.child.launch()
            except OSError as error:  # a full disk, say: it may pass
                self.wait(f"did not start: {error}")
            else:
                self.started, self.due = monotonic(), None
                log.warning("%s started", self.child.name)

    def wait(self, why: str) -> None:
        settled = monotonic() - self.started > SETTLED
        self.pause = FIRST_PAUSE if settled or not self.pause else min(2 * self.pause, LONGEST_PAUSE)
        self.due = monotonic() + self.pause
        log.error("%s %s; starting it again in %.1f s", self.child.name, why, self.pause)


def _tied_to(parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: after it only the call is left to do

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the tie held
            os._exit(1)

    return tie
