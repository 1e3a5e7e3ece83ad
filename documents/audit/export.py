"""Writes the trail to files that anyone can verify without this server.

Events are read and verified window by window, so memory does not grow with the trail. `exported.py` says what the files hold.
"""

import json
import os
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from documents.audit.books import Books, take_all
from documents.audit.checkpoints import endorsements
from documents.audit.exported import (
    CHECKPOINT,
    CHECKPOINTS,
    CONTENTS,
    DIFFERING,
    EVENTS,
    MANIFEST,
    RECORDS,
    Consistency,
    Manifest,
    as_json,
    in_short,
    is_json,
    origin_of,
)  # fmt: skip
from documents.audit.findings import Report
from documents.audit.forks import restored
from documents.audit.forms import checkpoint_problem, is_altered
from documents.audit.ledger import Ledger
from documents.audit.proofs import proofs_to
from documents.audit.records import Balance, Row, not_compared
from documents.audit.verification import Verifier
from documents.audit.verify import KEPT, WINDOW, Progress, TrailPart, Window, earlier, sound_checkpoints, unheard
from documents.contents import Content
from documents.store.units import Raw

BESIDE = ("seq", "event_hash", "nodes", "occurred_at", "origin")  # the fields that an export takes of events before its first
TELLING = ("seq", "origin", "action", "actor", "outcome", "resource", "details")  # and of events that tell of a restoration


async def export(
    folder: Path,
    first: int = 0,
    last: int | None = None,
    progress: Progress = unheard,
    books: Books | None = None,
    *,
    sealed: bool = True,
) -> Report:
    """Writes the events from `first` to `last`, both included, with their proofs to `folder`, and returns their verification.

    `last` is the end of the trail if it is None. An export of the whole trail has the records of `books` too. After each window
    `progress` gets the number of its events and of all events. Without `sealed` the head needs no seal. Raises InvalidInput for
    numbers outside the trail, FileExistsError if `folder` is not empty, and OSError if writing fails.
    """
    part = await TrailPart.of(first, last, sealed=sealed)
    with Ledger() as ledger:
        return await _exported(folder, part, progress, ledger, None if part.partial else books)


async def _exported(folder: Path, part: TrailPart, progress: Progress, ledger: Ledger, books: Books | None) -> Report:
    first = part.first
    before = await earlier(first)
    told = await restored(first, part.stop) if part.partial else []
    _make(folder)
    with _written(folder / EVENTS) as events, _written(folder / CONTENTS) as contents, _written(folder / DIFFERING) as differing:
        sheet = _Sheet(Verifier(first, before, restored=[each for _, each in told]), events, contents, differing)
        async for window in part.windows(WINDOW):
            sheet.take(window)
            if books:
                take_all(ledger, window.events)
            progress(len(window.events), part.length)
        sheet.verifier.expect(part.stop)
        counted = sheet.lines  # the strays that follow are beyond the head's size
        if part.to_the_end:
            async for window in part.strays(WINDOW):
                sheet.take(window)
                progress(len(window.events), part.length)
            sheet.verifier.expect_counted(part.head)
            sheet.verifier.compare_head(part.head, len(part.beside), part.unsealed)
            for head in part.beside:
                sheet.differs({"head": _in_short(head)})
        async for checkpoints in part.checkpoints(WINDOW):
            sheet.compare(checkpoints)
        async for content in _contents(sheet.cited if part.partial else None):
            sheet.keep(content)
    found = await _records(folder, books, ledger, part.end) if books else None
    newest = await _checkpoints(folder, part.end if part.partial else part.stop)
    hashes = (await proofs_to([newest], first, part.stop, part.end)).get(newest)
    manifest = Manifest(
        origin=origin_of(part.head or {}) if sheet.origin is None else sheet.origin,
        first=first,
        last=part.stop - 1 if part.stop > first else None,
        size=part.end,
        partial=part.partial,
        counted=counted,
        head=_in_short(part.head) if part.head and not part.partial else None,
        before=tuple(_in_short({name: event[name] for name in BESIDE if name in event}) for event in before),
        consistency=Consistency(size=newest, hashes=tuple(hashes)) if hashes else None,
        records=found is not None,
        endorsements=tuple(await endorsements()),
        restored=tuple(_some_as_json(event, TELLING) for event, _ in told),
    )
    with _written(folder / MANIFEST) as file:  # written last: an export that was interrupted has no manifest, and is refused
        file.write(json.dumps(manifest.model_dump(mode="json", by_alias=True), indent=2).encode() + b"\n")
    report = sheet.verifier.report()
    return found.added_to(report, whole=True) if found else not_compared(report)


async def _records(folder: Path, books: Books, ledger: Ledger, size: int) -> Balance:
    """Writes the stored records, and compares them with the trail of the first `size` events."""

    async def rest() -> None:
        """An export runs alone."""

    with _written(folder / RECORDS) as file:

        def written(row: Row) -> None:
            file.write(json.dumps(row.as_json()).encode() + b"\n")

        return await books.balance(ledger, size, rest, written)


class _Sheet:
    """The open files of an export, and the verifier that reads each event before it is written."""

    def __init__(self, verifier: Verifier, events: BinaryIO, contents: BinaryIO, differing: BinaryIO) -> None:
        self.verifier, self.lines, self.cited = verifier, 0, set[str]()
        self.origin: str | None = None
        self._events, self._contents, self._differing = events, contents, differing
        self._last_digest = ""

    def take(self, window: Window) -> None:
        """Verifies the events of a window and writes them; an event with a fault is also written with its stored fields."""
        self.cited |= window.contents.kept | window.contents.altered
        for event, read in window.events:
            found = self.verifier.fault_count
            self.verifier.take(event, read, *window.contents)
            text = event.get("canonical")
            # Canonical JSON escapes line breaks (RFC 8785 section 3.2.2.2), so bytes that hold one are no canonical form.
            line = text if type(text) is bytes and b"\n" not in text else b""
            self._events.write(line + b"\n")
            if self.verifier.fault_count > found:
                self.differs({"line": self.lines, "event": _fields_as_json(event, {"canonical"} if line else ())})
            self.origin = origin_of(event) if self.origin is None else self.origin
            self.lines += 1

    def keep(self, content: Raw) -> None:
        """Writes a content, as a line of its text or, if it is not what its digest says, as a row of the differing ones."""
        digest, text = content.get("digest"), content.get("canonical")
        if type(digest) is not str:  # no event can cite it
            return
        line = b"" if is_altered(content) else str(text).encode()
        if b"\n" in line or not is_json(line):
            self.differs({"digest": as_json(digest), "content": as_json(text)})
        elif digest != self._last_digest:  # the contents come in the order of their digests, so equal digests are neighbours
            self._last_digest = digest
            self._contents.write(line + b"\n")

    def compare(self, checkpoints: Sequence[Raw]) -> None:
        """Verifies stored checkpoints, and writes those that were altered."""
        self.verifier.deny_stored(checkpoints)
        for each in checkpoints:
            if checkpoint_problem(each):
                self.differs({"checkpoint": _in_short(each)})

    def differs(self, row: Raw) -> None:
        self._differing.write(json.dumps(row).encode() + b"\n")


def _fields_as_json(stored: Raw, without: Collection[str] = ()) -> Any:
    return as_json({name: value for name, value in stored.items() if name != "_id" and name not in without})


def _in_short(stored: Raw) -> Raw:
    """The fields of a document that an honest trail keeps short, as JSON."""
    return {name: in_short(value) for name, value in stored.items() if name != "_id"}


def _some_as_json(stored: Raw, names: Collection[str]) -> Any:
    return as_json({name: stored[name] for name in names if name in stored})


async def _contents(digests: set[str] | None) -> AsyncIterator[Raw]:
    """The stored contents with these digests, or all contents if `digests` is None, in the order of their digests."""
    ordered = sorted(digests or ())
    queries = [{"digest": {"$in": ordered[at : at + WINDOW]}} for at in range(0, len(ordered), WINDOW)]
    for query in [{}] if digests is None else queries:
        async for contents in Content.raw_windows(query, [("digest", 1)], WINDOW):
            for content in contents:
                yield content


async def _checkpoints(folder: Path, size: int) -> int:
    """Writes the newest checkpoints of at most `size` events, oldest first; returns the size of the newest, or 0."""
    signed = (await sound_checkpoints(size, KEPT))[::-1]
    with _written(folder / CHECKPOINTS) as file:
        file.writelines(f"{each['text']}\n".encode() for each in signed)
    if not signed:
        return 0
    with _written(folder / CHECKPOINT) as file:
        file.write(signed[-1]["text"].encode())
    return int(signed[-1]["size"])


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if next(folder.iterdir(), None) is not None:
        raise FileExistsError(None, "there is something in it already", str(folder))


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """Creates a file, and flushes it to disk before it is closed. Raises FileExistsError if the file exists."""
    with path.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
