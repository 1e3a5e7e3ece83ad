"""Child processes: on Linux they end with this process, and those that fail are started again."""

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
        """Cleans up after the process; called as soon as it has ended by itself."""


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Starts `command` in a process group of its own, so that Ctrl+C reaches the parent alone, which ends its children in order.

    On Linux the kernel kills the child when the thread that called this ends, for whatever reason; on other systems it stays.
    """
    tie = _tied_to(os.getpid())
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=tie, **options)  # noqa: PLW1509


def see_off(child: subprocess.Popen[bytes], patience: float) -> None:
    """Waits for a child that was told to end, and kills it after `patience` seconds."""
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def keep(children: Sequence[Child]) -> Never:
    """Watches the children and starts those again that end."""
    watches = [Watch(each) for each in children]
    while True:
        sleep(TICK)
        for each in watches:
            each.look()


class Watch:
    """A child and the time of its next start: 0.2 seconds after it ends, then after pauses that double up to 10 seconds.

    A child that ran for 30 seconds begins with the short pause again.
    """

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
            except OSError as error:  # such as a full disk, which may pass
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
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork, after which little is safe to call

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before prctl took effect
            os._exit(1)

    return tie
