"""An export of the trail, and its verification without a database or a network. Pure: imports neither.

A folder of six files, of which the last is written last:

- `events.ndjson`: the canonical bytes of each event, in the order of `seq`, a newline after each. A line is empty where what is
  stored for bytes is no line.
- `contents.ndjson`: the canonical text of each content, in the order of its digest, each once.
- `differing.ndjson`: what is stored otherwise than it must be: `{"line", "event"}` for an event that does not follow from its
  bytes, with the fields that stand beside them, and `{"digest", "content"}` for a content that is not what its digest says.
  Nothing, if nobody altered the database.
- `checkpoints`: the newest that are kept, an empty line after each; and `checkpoint`, the last of them, if there is one.
- `manifest.json`: a `Manifest`.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError

from documents.audit.findings import AuditCaveat, Report
from documents.audit.notes import Checkpoint, VerifierKey
from documents.audit.pins import kept_in, pinned, those_pinned, trusted
from documents.audit.verification import Verifier
from documents.canonical import UNSPEAKABLE, loosely_parsed, plain
from documents.store.units import Raw
from documents.values import Count, Digest, Value

EVENTS, CONTENTS, DIFFERING = "events.ndjson", "contents.ndjson", "differing.ndjson"
CHECKPOINT, CHECKPOINTS, MANIFEST = "checkpoint", "checkpoints", "manifest.json"
ALWAYS = frozenset({EVENTS, CONTENTS, DIFFERING, CHECKPOINTS, MANIFEST})
LINE, WHOLE = 1 << 27, 1 << 25  # bytes: more than any line that MongoDB's 16 MB can make; and a file that is read at once
Progress = Callable[[int, int], None]


class Unreadable(ValueError):
    """What is no export, or not a whole one."""


class Consistency(Value):
    """That the tree of the exported events and that of a checkpoint go on from each other (RFC 9162 section 2.1.4)."""

    size: Count
    hashes: tuple[Digest, ...]


class Manifest(Value):
    """What an export holds, and what proves a part of a trail by itself."""

    model_config = ConfigDict(validate_by_name=True)

    origin: str
    schema_version: Annotated[Literal[1], Field(alias="schema")] = 1
    first: Annotated[Count, Field(alias="from")]
    last: Annotated[Count | None, Field(alias="to")]
    size: Count
    """How many events the trail had."""
    partial: bool
    """Whether it is not the whole trail."""
    counted: Count
    """How many lines of `events.ndjson` are of events from `from` to `to`; what comes after, the head does not count."""
    head: Any
    """The end of the trail as it is stored, if the export goes there."""
    before: tuple[Any, ...]
    """What is stored of the events that hold the right edge of the tree before `from`."""
    consistency: Consistency | None
    """How a part is anchored in a checkpoint of fewer events than come before it, or of more than it ends with."""

    @property
    def stop(self) -> int:
        return self.first if self.last is None else self.last + 1

    @classmethod
    def read(cls, folder: Path) -> Self:
        if not (folder / MANIFEST).is_file():
            raise Unreadable(f"{MANIFEST} is not there: this is no export, or one that was never finished")
        found = {each.name for each in folder.iterdir()}
        if strange := ", ".join(sorted((ALWAYS - found) | (found - ALWAYS - {CHECKPOINT}))):
            raise Unreadable(f"it has not exactly the files of an export: see {strange[:200]!r}")
        try:
            manifest = cls.model_validate(loosely_parsed(_whole(folder / MANIFEST)))
        except (ValidationError, ValueError) as error:
            raise Unreadable(f"{MANIFEST} is not as an export has it") from error
        if manifest.stop > manifest.size or manifest.partial != (manifest.first > 0 or manifest.stop < manifest.size):
            raise Unreadable(f"{MANIFEST} contradicts itself: from, to, size and partial")
        return manifest


def verify_export(
    folder: Path, checkpoint: str | None = None, keys: Sequence[str] = (), progress: Progress = lambda read, of: None
) -> Report:
    """What `documents.audit.verify` says of the database, said of an export of it; raises Unreadable, InvalidInput and OSError.

    Its memory does not grow with the events, and by about a hundred bytes with each content.
    """
    allowed = trusted(checkpoint, keys)
    pin = pinned(checkpoint, allowed) if checkpoint is not None else None
    manifest = Manifest.read(folder)
    signed = pin if isinstance(pin, Checkpoint) else None
    others = _kept(folder, allowed) if signed else []
    kept = [each for each in others if signed and manifest.first <= each.size <= min(manifest.stop, signed.size)]
    before = [each for each in map(as_stored, manifest.before) if isinstance(each, dict)]
    verifier = Verifier(manifest.first, before, {each.size for each in (*kept, *([signed] if signed else ()))})
    try:
        _read(folder, manifest, verifier, progress)
    except RecursionError as error:
        raise Unreadable("something in it is nested too deep") from error
    if not manifest.partial:
        head = as_stored(manifest.head)
        verifier.compare_head(head if isinstance(head, dict | None) else {})
    if signed:
        verifier.compare_checkpoint(signed, manifest.size, _proof(manifest, signed), kept)
    elif pin:
        verifier.deny_checkpoint(str(pin))
    report = verifier.report()
    return report.model_copy(update={"caveats": (*report.caveats, AuditCaveat.EXPORT_BELIEVED)})


def _read(folder: Path, manifest: Manifest, verifier: Verifier, progress: Progress) -> None:
    contents, altered = _digests(folder / CONTENTS), _altered(folder / DIFFERING)
    differing = _differing(folder / DIFFERING)
    at, stored = next(differing, (None, {}))
    for number, line in enumerate(_lines(folder / EVENTS)):
        if number == manifest.counted:
            verifier.expect(manifest.stop)
        event = verifier.derived(line)
        if number == at:
            event = stored | ({"canonical": line} if line else {})
            at, stored = next(differing, (None, {}))
        if number == 0 and origin_of(event) != manifest.origin:
            raise Unreadable(f"{MANIFEST} names another trail than the first event")
        verifier.take(event, contents, altered)
        progress(1, manifest.counted)
    verifier.expect(manifest.stop)
    if at is not None:
        raise Unreadable(f"{DIFFERING} tells of line {at} of {EVENTS}, which is not there, or out of turn")


def _proof(manifest: Manifest, signed: Checkpoint) -> Sequence[str]:
    if manifest.first <= signed.size <= manifest.stop or not manifest.partial or signed.size > manifest.size:
        return ()
    if manifest.consistency is None or manifest.consistency.size != signed.size:
        raise Unreadable(f"a part of a trail proves itself by its own {CHECKPOINT}, and not by one of {signed.size} events")
    return manifest.consistency.hashes


def _kept(folder: Path, keys: Sequence[VerifierKey]) -> list[Checkpoint]:
    text = _whole(folder / CHECKPOINTS).decode(errors="replace")
    return those_pinned(kept_in(text), keys)


def _digests(path: Path) -> set[str]:
    """Of the contents that are kept as they were."""
    digests = set()
    for number, line in enumerate(_lines(path), 1):
        if not is_json(line):
            raise Unreadable(f"{path.name}, line {number}, is no JSON")
        digests.add(sha256(line).hexdigest())
    return digests


def _altered(path: Path) -> set[str]:
    return {row["digest"] for row in _rows(path) if isinstance(row.get("digest"), str)}


def _differing(path: Path) -> Iterator[tuple[int, Raw]]:
    for row in _rows(path):
        match row:
            case {"line": int(line), "event": dict(event)}:
                stored = as_stored(event)
                yield line, stored if isinstance(stored, dict) else {}
            case {"digest": str()}:
                pass
            case _:
                raise Unreadable(f"{path.name} tells of something else than events and contents")


def _rows(path: Path) -> Iterator[Raw]:
    for number, line in enumerate(_lines(path), 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise Unreadable(f"{path.name}, line {number}, is no JSON object")
        yield row


def _whole(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(WHOLE + 1)
    if len(text) > WHOLE:
        raise Unreadable(f"{path.name} has more than {WHOLE:,} bytes")
    return text


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(LINE):
            if not line.endswith(b"\n"):
                raise Unreadable(f"{path.name} is cut off in the middle of a line, or has one of more than {LINE:,} bytes")
            yield line[:-1]


def is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def origin_of(event: Raw) -> str:
    origin = event.get("origin")
    return origin if isinstance(origin, str) else ""


class _Other:
    """Something that JSON cannot say: which it is does not matter, it is never what it must be."""


def as_json(value: Any) -> Any:
    """A stored value as JSON: `$date` for times, `$bytes` for bytes, `$other` for what no event holds."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return {"$bytes": b64encode(value).decode()}
        case datetime():
            with suppress(*UNSPEAKABLE):
                return {"$date": plain(value)}
        case dict() if not any(str(name).startswith("$") for name in value):
            return {str(name): as_json(each) for name, each in value.items()}
        case list():
            return [as_json(each) for each in value]
    return {"$other": type(value).__name__}


def as_stored(said: Any) -> Any:
    """The stored value that `as_json` was given."""
    with suppress(ValueError):
        match said:
            case {"$date": str(at)}:
                return datetime.fromisoformat(at)
            case {"$bytes": str(text)}:
                return b64decode(text, validate=True)
            case dict() if not any(name.startswith("$") for name in said):
                return {name: as_stored(each) for name, each in said.items()}
            case list():
                return [as_stored(each) for each in said]
            case None | bool() | int() | float() | str():
                return said
    return _Other()
