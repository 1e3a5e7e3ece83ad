"""Verifies exports and proofs from files and keys alone, without database, network or settings."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from documents.audit.exported import Unreadable, verify_export
from documents.audit.findings import Report
from documents.audit.notes import BadNote, Checkpoint
from documents.audit.pins import trusted
from documents.audit.tlogproof import BadProof, Proof
from documents.errors import InvalidInput
from gql.faults import FileUnusable, TrailFaulty

LENGTH, CHECKPOINTS_LENGTH = 1 << 25, 1 << 28  # the most bytes of a proof, and of a file of checkpoints


def verify(folder: Path, checkpoint: str | None, keys: Sequence[str], progress: Callable[[int, int], None]) -> Report:
    try:
        return verify_export(folder, checkpoint, keys, progress)
    except InvalidInput as refusal:
        raise misused(refusal) from refusal
    except (Unreadable, OSError) as error:
        raise FileUnusable(folder, _reason(error)) from error


def prove(file: Path, keys: Sequence[str], entry: Path | None = None) -> tuple[Checkpoint, dict[str, Any]]:
    """The checkpoint of a proof, and the event that it proves; TrailFaulty if the proof fails.

    `entry` is a file with the bytes of the event, for a proof that leaves them out.
    """
    text, event = _text(file), None
    if entry is not None:
        event = _text(entry).removesuffix("\n").encode()  # canonical JSON ends in no newline, and a line of an export does
    try:
        proof, allowed = Proof.read(text), trusted(text, keys)
    except InvalidInput as refusal:
        raise misused(refusal) from refusal
    except BadProof as bad:
        raise FileUnusable(file, f"it {bad}") from bad
    if proof.entry is None and not event:
        raise FileUnusable(file, "it does not hold the event: name a file with the bytes of the event by --entry")
    try:
        return proof.proven(allowed, event)
    except (BadNote, BadProof) as bad:
        what = "its checkpoint" if isinstance(bad, BadNote) else "it"
        raise TrailFaulty(f"{file} proves nothing: {what} {bad}") from bad


def kept_in(file: Path) -> str:
    """The text of a file of checkpoints."""
    return _text(file, CHECKPOINTS_LENGTH)


def misused(refusal: InvalidInput) -> typer.BadParameter:
    """The refusal of an argument, as the refusal of a command's option."""
    name, _, place = refusal.path.partition(".")
    option = {"keys": "--key", "seq": "RECEIPT", "user": "USER"}.get(name, f"--{name.replace('_', '-')}")
    return typer.BadParameter(f"{option}{f' number {int(place) + 1}' if place else ''} {refusal.problem}", param_hint=option)


def _text(file: Path, most: int = LENGTH) -> str:
    try:
        with file.open("rb") as opened:
            text = opened.read(most + 1)
        if len(text) > most:
            raise FileUnusable(file, f"it has more than {most:,} bytes")
        return text.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnusable(file, _reason(error)) from error


def _reason(error: Exception) -> str:
    return str(error.strerror).lower() if isinstance(error, OSError) else str(error)
