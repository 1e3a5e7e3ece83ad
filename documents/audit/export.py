"""Writes the trail to files that anyone can verify without this server.

Events are read and verified window by window, so memory does not grow with the trail. `exported.py` says what the files hold.
"""

import json
import os
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from documents.audit.checkpoints import AuditCheckpoint, endorsements
from documents.audit.exported import (
    CHECKPOINT,
    CHECKPOINTS,
    CONTENTS,
    DIFFERING,
    EVENTS,
    MANIFEST,
    Consistency,
    Manifest,
    as_json,
    is_json,
    origin_of,
)  # fmt: skip
from documents.audit.findings import Report
from documents.audit.forks import restored
from documents.audit.proofs import proofs_to
from documents.audit.schema import is_content
from documents.audit.verification import Verifier
from documents.audit.verify import KEPT, WINDOW, Progress, TrailPart, Window, earlier, unheard
from documents.contents import Content
from documents.store.units import Raw

BESIDE = ("seq", "event_hash", "nodes", "occurred_at", "origin")  # the fields that an export takes of events before its first
TELLING = ("seq", "origin", "action", "actor", "outcome", "resource", "details")  # and of events that tell of a restoration


async def export(folder: Path, first: int = 0, last: int | None = None, progress: Progress = unheard) -> Report:
    """Writes the events from `first` to `last`, both included, with their proofs to `folder`, and returns their verification.

    `last` is the end of the trail if it is None. After each window `progress` gets the number of its events and of all events.
    Raises InvalidInput for numbers outside the trail, FileExistsError if `folder` is not empty, and OSError if writing fails.
    """
    part = await TrailPart.of(first, last)
    before = await earlier(first)
    told = await restored(first, part.stop) if part.partial else []
    _make(folder)
    with _written(folder / EVENTS) as events, _written(folder / CONTENTS) as contents, _written(folder / DIFFERING) as differing:
        sheet = _Sheet(Verifier(first, before, restored=[each for _, each in told]), events, contents, differing)
        async for window in part.windows(WINDOW):
            sheet.take(window)
            progress(len(window[0]), part.length)
        sheet.verifier.expect(part.stop)
        counted = sheet.lines  # the strays that follow are beyond the head's size
        if part.to_the_end:
            sheet.take(await part.strays())
            sheet.verifier.compare_head(part.head)
        async for content in _contents(sheet.cited if part.partial else None):
            sheet.keep(content)
    newest = await _checkpoints(folder, part.end if part.partial else part.stop)
    hashes = (await proofs_to([newest], first, part.stop, part.end)).get(newest)
    manifest = Manifest(
        origin=origin_of(part.head or {}) if sheet.origin is None else sheet.origin,
        first=first,
        last=part.stop - 1 if part.stop > first else None,
        size=part.end,
        partial=part.partial,
        counted=counted,
        head=_fields_as_json(part.head) if part.head and not part.partial else None,
        before=tuple(_some_as_json(event, BESIDE) for event in before),
        consistency=Consistency(size=newest, hashes=tuple(hashes)) if hashes else None,
        endorsements=tuple(await endorsements()),
        restored=tuple(_some_as_json(event, TELLING) for event, _ in told),
    )
    with _written(folder / MANIFEST) as file:  # written last: an export that was interrupted has no manifest, and is refused
        file.write(json.dumps(manifest.model_dump(mode="json", by_alias=True), indent=2).encode() + b"\n")
    return sheet.verifier.report()


class _Sheet:
    """The open files of an export, and the verifier that reads each event before it is written."""

    def __init__(self, verifier: Verifier, events: BinaryIO, contents: BinaryIO, differing: BinaryIO) -> None:
        self.verifier, self.lines, self.cited = verifier, 0, set[str]()
        self.origin: str | None = None
        self._events, self._contents, self._differing = events, contents, differing
        self._last_digest = ""

    def take(self, window: Window) -> None:
        """Verifies the events of a window and writes them; an event with a fault is also written with its stored fields."""
        events, contents = window
        kept = {digest for digest, text in contents.items() if is_content(digest, text)}
        self.cited |= contents.keys()
        for event in events:
            found = self.verifier.fault_count
            self.verifier.take(event, kept, contents)
            text = event.get("canonical")
            # Canonical JSON escapes line breaks (RFC 8785 section 3.2.2.2), so bytes that hold one are no canonical form.
            line = text if isinstance(text, bytes) and b"\n" not in text else b""
            self._events.write(line + b"\n")
            if self.verifier.fault_count > found:
                self._differs({"line": self.lines, "event": _fields_as_json(event, {"canonical"} if line else ())})
            self.origin = origin_of(event) if self.origin is None else self.origin
            self.lines += 1

    def keep(self, content: Raw) -> None:
        """Writes a content, as a line of its text or, if it does not hash to its digest, as a row of the differing ones."""
        digest, text = content.get("digest"), content.get("canonical")
        # The contents come in the order of their digests, so equal digests are neighbours.
        if not isinstance(digest, str) or digest == self._last_digest:
            return
        self._last_digest = digest
        line = text.encode() if isinstance(text, str) and is_content(digest, text) else b""
        if b"\n" not in line and is_json(line):
            self._contents.write(line + b"\n")
        else:
            self._differs({"digest": digest, "content": as_json(text)})

    def _differs(self, row: Raw) -> None:
        self._differing.write(json.dumps(row).encode() + b"\n")


def _fields_as_json(stored: Raw, without: Collection[str] = ()) -> Any:
    return as_json({name: value for name, value in stored.items() if name != "_id" and name not in without})


def _some_as_json(stored: Raw, names: Collection[str]) -> Any:
    return as_json({name: stored[name] for name in names if name in stored})


async def _contents(digests: set[str] | None) -> AsyncIterator[Raw]:
    """The stored contents with these digests, or all contents if `digests` is None, in the order of their digests."""
    ordered = sorted(digests or ())
    queries = [{"digest": {"$in": ordered[at : at + WINDOW]}} for at in range(0, len(ordered), WINDOW)]
    for query in [{}] if digests is None else queries:
        async for content in Content.raw_stream(query, [("digest", 1)], ["digest", "canonical"]):
            yield content


async def _checkpoints(folder: Path, size: int) -> int:
    """Writes the newest checkpoints of at most `size` events, oldest first; returns the size of the newest, or 0."""
    found = await AuditCheckpoint.raws({"size": {"$gte": 1, "$lte": size}}, [("size", -1)], KEPT)
    signed = [each for each in reversed(found) if isinstance(each.get("text"), str)]
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
