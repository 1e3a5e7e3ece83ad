"""How a client command ends: one table of exit codes, and one exception that carries a code, a line and a remedy."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, Self, TextIO


class Exit(IntEnum):
    """The exit codes of all client commands. Those of the server (`gql/faults.py`) share 0, 1 and 2 with them."""

    DONE = 0, "it did what was asked, or the answer is yes"
    FAULT = 1, "a fault of ours, of the server or of its data"
    USAGE = 2, "an option, an argument, a variable or an input is wrong"
    NO = 3, "the answer is no: not eligible, a failed check, or not possible from the state that the record is in"
    UNKNOWN = 4, "there is no such thing"
    NOT_PERMITTED = 5, "not permitted, or not signed in"
    OUT_OF_REACH = 6, "the server is out of reach, or has asked to come again later"
    CONFLICT = 7, "it exists already, or was changed by somebody else"

    says: str

    def __new__(cls, value: int, says: str) -> Self:
        made = int.__new__(cls, value)
        made._value_ = value
        made.says = says
        return made


OF_CODE: Mapping[str, Exit] = {
    "UNAUTHENTICATED": Exit.NOT_PERMITTED,
    "FORBIDDEN": Exit.NOT_PERMITTED,
    "NOT_FOUND": Exit.UNKNOWN,
    "CONFLICT": Exit.CONFLICT,
    "INVALID_INPUT": Exit.USAGE,
    "INVALID_STATE": Exit.NO,
    "POLICY_BLOCKED": Exit.NO,
    "LIMIT_EXCEEDED": Exit.USAGE,
    "UNAVAILABLE": Exit.OUT_OF_REACH,
    "TRAIL_NOT_SOUND": Exit.FAULT,
    "RECORD_UNREADABLE": Exit.FAULT,
    "INTERNAL": Exit.FAULT,
}
"""The exit code for each error code of the graph. A code that is not listed, of a later release, is a fault.

Whoever is told to come again later by HTTP status 429 is out of reach, whatever the code (`gql/client/answers.py`).
"""


class Ended(Exception):
    """Ends a client command with `status`, after one line on standard error.

    `remedy` is a command that can be pasted. `facts` are what the graph's error carries, for `--json`.
    """

    def __init__(self, status: Exit, says: str, remedy: str | None = None, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(says)
        self.status, self.says, self.remedy, self.facts = status, says, remedy, dict(facts or {})

    @property
    def line(self) -> str:
        """What is told, on one line whatever the server sent."""
        told = " ".join(self.says.split())
        return shown(f"magistrate: {told}" + (f"; try: {self.remedy}" if self.remedy else ""))

    def in_json(self) -> str:
        told = {"message": self.says, "exitCode": int(self.status), "remedy": self.remedy, "extensions": self.facts or None}
        dumped = json.dumps({"error": told}, ensure_ascii=False)
        return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in dumped)


def shown(text: str) -> str:
    """A text without the control characters by which whoever wrote it could steer a terminal; they are spelled out."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def tell(text: str) -> None:
    """Says something that is not the answer: on standard error."""
    sys.stderr.write(f"{shown(text)}\n")


@contextmanager
def ending(in_json: bool = False) -> Iterator[None]:
    """Ends the process as an `Ended` that is raised inside says.

    Any reader of a text may find bytes that are not UTF-8, or more levels than the stack has: what was given is wrong then. An
    answer that cannot be written is told at once: left to the end of the process it would change the exit code.
    """
    for each in ("stdout", "stderr"):
        if getattr(sys, each) is None:  # it was closed before Python began
            setattr(sys, each, _nowhere())
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough; typer ends by that
        raise
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        if error.filename is not None:
            failed = Ended(Exit.USAGE, f"{error.filename} cannot be used: {why}")
        else:
            failed = Ended(Exit.FAULT, f"the answer cannot be written: {why}")
            sys.stdout = _nowhere()  # what is left would fail again when Python ends
        sys.stderr.write(f"{failed.in_json() if in_json else failed.line}\n")
        sys.exit(failed.status)
    except (Ended, UnicodeError, RecursionError) as error:
        ended = error if isinstance(error, Ended) else Ended(Exit.USAGE, _unreadable(error))
        sys.stderr.write(f"{ended.in_json() if in_json else ended.line}\n")
        sys.exit(ended.status)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _unreadable(error: UnicodeError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "what was given is nested too deep"
    return f"a text that was given cannot be read or written: {error}"
