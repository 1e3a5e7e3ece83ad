"""The form of an export of the trail, and its verification. Pure: imports no database and no network.

An export is a folder of six or seven files. The manifest is written last.

- `events.ndjson` has the canonical bytes of each event, in the order of `seq`, with a newline after each. A line is empty if the
  stored bytes are missing or hold a newline.
- `contents.ndjson` has the canonical text of each content once, in the order of the digests.
- `differing.ndjson` has what the other two files cannot say: `{"line", "event"}` for an event whose stored fields do not follow
  from its bytes, `{"digest", "content"}` for a content that is not what its digest says, `{"head"}` for a document that stands
  beside the head, and `{"checkpoint"}` for a stored checkpoint that was altered. It is empty if nobody altered the database.
- `records.ndjson` has each stored record of which the trail tells, or of whose kind it tells, in the order of the kinds' names
  and then of creation: `{"kind", "key", "leaves"}`, the leaves by path in the forms that `documents.audit.fold` lists, so that no
  private value is in clear. `"wrong"` has, by path, what only the database can show. `{"kind", "key", "later": true}` is a record
  that events after the exported ones changed. An export of a part of the trail has no such file.
- `checkpoints` has the newest stored checkpoints with an empty line after each; `checkpoint` has the newest, if there is one.
- `manifest.json` has a `Manifest`.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError

from documents.audit.endorsements import followed
from documents.audit.findings import AuditCaveat, Report
from documents.audit.fold import MISSING, Telling
from documents.audit.forms import is_text
from documents.audit.ledger import Ledger
from documents.audit.pins import Kept, trusted
from documents.audit.records import Balance, Row, not_compared
from documents.audit.restorations import Restoration, restoration_in
from documents.audit.verification import Verifier
from documents.canonical import UNSPEAKABLE, loosely_parsed, plain
from documents.store.units import Raw
from documents.values import Count, Digest, Value

EVENTS, CONTENTS, DIFFERING, RECORDS = "events.ndjson", "contents.ndjson", "differing.ndjson", "records.ndjson"
CHECKPOINT, CHECKPOINTS, MANIFEST = "checkpoint", "checkpoints", "manifest.json"
ALWAYS = frozenset({EVENTS, CONTENTS, DIFFERING, CHECKPOINTS, MANIFEST})
# In bytes. A document of MongoDB has at most 16 MB, and base64 with JSON escapes makes no line of more than 128 MiB from it.
LINE = 1 << 27
WITH_RECORDS = 2  # the schema of the manifest from which on an export has records
WHOLE = 1 << 25  # bytes of a file that is read at once
SHORT = 10_000  # bytes of a value of the manifest; the right edge of the longest trail has less than 4,000
Progress = Callable[[int, int], None]


def unheard(read: int, of: int) -> None:
    """A `Progress` that does nothing."""


class Unreadable(ValueError):
    """The folder holds no export, or an incomplete or contradictory one."""


class Consistency(Value):
    """A proof that of the exported events' tree and a checkpoint's tree one begins the other (RFC 9162 section 2.1.4)."""

    size: Count
    hashes: tuple[Digest, ...]


class Manifest(Value):
    """The manifest says which events an export holds, and has the proof that anchors a part of a trail in a checkpoint."""

    model_config = ConfigDict(validate_by_name=True)

    origin: str
    schema_version: Annotated[Literal[1, 2], Field(alias="schema")] = 2
    first: Annotated[Count, Field(alias="from")]
    last: Annotated[Count | None, Field(alias="to")]
    size: Count
    """How many events the trail had."""
    partial: bool
    """Whether it is not the whole trail."""
    counted: Count
    """The number of lines in `events.ndjson` for the events from `from` to `to`; later lines are events that no head counts."""
    head: Any
    """The stored head of the trail; None for a part of a trail."""
    before: tuple[Any, ...]
    """The stored fields of the earlier events that hold the right edge of the tree before `from`."""
    consistency: Consistency | None
    """The proof for a checkpoint that is smaller than `from` or larger than the end of the export; else None."""
    records: bool = False
    """Whether there is a `records.ndjson`. Exports of schema 1, before release 0.3.0, have none."""
    endorsements: tuple[str, ...] = ()
    """The statements by which a key that signed the trail endorsed the next, the oldest first."""
    restored: tuple[Any, ...] = ()
    """The stored fields of events outside of the export after which the trail goes on under another name."""

    @property
    def stop(self) -> int:
        """The number after the last event; `first` if the export holds no event."""
        return self.first if self.last is None else self.last + 1

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Reads the manifest of an export. Raises Unreadable if it or another file is missing, or if it contradicts itself."""
        if not (folder / MANIFEST).is_file():
            raise Unreadable(f"{MANIFEST} is not there: this is no export, or one that was never finished")
        try:
            manifest = cls.model_validate(json.loads(_whole(folder / MANIFEST)))
        except (ValidationError, ValueError, RecursionError) as error:
            raise Unreadable(f"{MANIFEST} is not the manifest of an export") from error
        # A further file is refused too: a reader could take it for a part of what was verified.
        found, due = {each.name for each in folder.iterdir()}, ALWAYS | ({RECORDS} if manifest.records else set())
        if strange := ", ".join(sorted((due - found) | (found - due - {CHECKPOINT}))):
            raise Unreadable(f"it has not exactly the files of an export: see {strange[:200]!r}")
        if manifest.records and (manifest.partial or manifest.schema_version < WITH_RECORDS):
            raise Unreadable(f"{MANIFEST} contradicts itself: schema, partial and records")
        if manifest.stop > manifest.size or manifest.partial != (manifest.first > 0 or manifest.stop < manifest.size):
            raise Unreadable(f"{MANIFEST} contradicts itself: from, to, size and partial")
        return manifest


def verify_export(folder: Path, checkpoint: str | None = None, keys: Sequence[str] = (), progress: Progress = unheard) -> Report:
    """Verifies an export by the same checks as `documents.audit.verify` applies to the database.

    `checkpoint` has the signed notes that were kept elsewhere, and `keys` are the keys that may have signed them, or endorsed
    those that did. `progress` gets 1 and the number of events after each event. Memory grows by about a hundred bytes a content,
    and not with the events. Raises Unreadable for a broken export, InvalidInput for keys or a checkpoint that cannot be used, and
    OSError.
    """
    named = trusted(checkpoint, keys)
    manifest = Manifest.read(folder)
    allowed, wrong = followed(named, manifest.endorsements)
    kept = Kept() if checkpoint is None else Kept.read(checkpoint, allowed)
    before = [each for each in map(as_stored, manifest.before) if isinstance(each, dict)]
    verifier = Verifier(manifest.first, before, kept.sizes, _restored(manifest))
    proofs = _proofs(manifest, kept)
    ledger = Ledger() if manifest.records else None
    try:
        feed(verifier, folder, manifest, progress, ledger)
    except RecursionError as error:
        raise Unreadable("something in it is nested too deep") from error
    if not manifest.partial:
        head = as_stored(manifest.head)
        head = head if isinstance(head, dict | None) else {}
        verifier.expect_counted(head)
        verifier.compare_head(head, sum("head" in row for row in _rows(folder / DIFFERING)))
    verifier.deny_stored(_stored_in(row["checkpoint"]) for row in _rows(folder / DIFFERING) if "checkpoint" in row)
    verifier.compare_checkpoints(kept, manifest.size, proofs)
    verifier.deny_endorsements(wrong)
    report = verifier.report()
    report = _with_records(report, folder, ledger) if ledger else not_compared(report)
    return report.model_copy(update={"caveats": (*report.caveats, AuditCaveat.EXPORT_BELIEVED)})


def _with_records(report: Report, folder: Path, ledger: Ledger) -> Report:
    """The report with a comparison of an export's records with the states in `ledger`, to which all of its events came."""
    with ledger:
        found, contents = Balance(ledger), Contents(folder / CONTENTS, ledger)
        for said in _rows(folder / RECORDS):
            row = Row.of_json(said)
            if row is None:
                raise Unreadable(f"{RECORDS} has a row that is no record")
            told = ledger.told(row.kind, row.key)
            found.count(row, told, found.judged(row, told, contents.look))
        found.miss()
        return found.added_to(report, whole=True)


class Contents:
    """The file with the contents of an export, in which they are looked up by digest. It is indexed at the first look-up."""

    def __init__(self, path: Path, ledger: Ledger) -> None:
        self._path, self._ledger, self._indexed = path, ledger, False

    def look(self, digest: str) -> Any:
        """The value of a content; MISSING if there is none."""
        if not self._indexed:
            self._index()
        at = self._ledger.place_of(digest)
        if at is None:
            return MISSING
        with self._path.open("rb") as file:
            file.seek(at)
            try:
                return loosely_parsed(file.readline(LINE))
            except ValueError:
                return MISSING

    def _index(self) -> None:
        self._indexed, at = True, 0
        for line in _lines(self._path):
            self._ledger.place(sha256(line).hexdigest(), at)
            at += len(line) + 1


def feed(
    verifier: Verifier, folder: Path, manifest: Manifest, progress: Progress = unheard, ledger: Ledger | None = None
) -> None:
    """Feeds the events of an export to a verifier, and what they tell to a ledger. Raises Unreadable, RecursionError, OSError."""
    altered = _altered(folder / DIFFERING)
    contents = _digests(folder / CONTENTS) - altered  # a reader of the database may get either of two
    differing = _differing(folder / DIFFERING)
    at, stored = next(differing, (None, {}))
    for number, line in enumerate(_lines(folder / EVENTS)):
        if number == manifest.counted:
            verifier.expect(manifest.stop)
        differs = number == at  # the database stored other fields with these bytes, and they are what is to be verified
        event = stored | ({"canonical": line} if line else {}) if differs else {}
        if number == 0 and origin_of(event if differs else verifier.derived(line)) != manifest.origin:
            raise Unreadable(f"{MANIFEST} names another trail than the first event")
        if differs:
            verifier.take(event, None, contents, altered)
            read = None
            at, stored = next(differing, (None, {}))
        else:
            read = verifier.take_bytes(line, contents, altered)
        if ledger and number < manifest.counted:
            ledger.take(Telling.of(read.said) if read else Telling.in_bytes(line))
        progress(1, manifest.counted)
    verifier.expect(manifest.stop)
    if at is not None:
        raise Unreadable(f"{DIFFERING} names line {at} of {EVENTS}, which is missing, or is not in ascending order")


def _proofs(manifest: Manifest, kept: Kept) -> Mapping[int, Sequence[str]]:
    """The hashes that lead from the exported part to a checkpoint outside of it, by its size."""
    proof = manifest.consistency
    outside = {each for each in kept.sizes if not manifest.first <= each <= manifest.stop and each <= manifest.size}
    proven = {proof.size: proof.hashes} if proof and proof.size in outside else {}
    if kept.signed and outside == kept.sizes and not proven:
        unreached = max(outside)
        raise Unreadable(f"a part of a trail is anchored by its own {CHECKPOINT} only, and not by one of {unreached} events")
    return proven


def _restored(manifest: Manifest) -> list[Restoration]:
    """What the manifest says of restorations outside of the exported part."""
    found = [restoration_in(each) for each in map(as_stored, manifest.restored) if isinstance(each, dict)]
    return [each for each in found if each and not manifest.first <= each.seq < manifest.stop]


def _digests(path: Path) -> set[str]:
    """The digests of the contents in the file, computed from their texts."""
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
                yield line, _stored_in(event)
            case {"digest": str()} | {"head": _} | {"checkpoint": _}:
                pass
            case _:
                raise Unreadable(f"{path.name} has a row that is about no event, content, head or checkpoint")


def _stored_in(said: Any) -> Raw:
    stored = as_stored(said)
    return stored if isinstance(stored, dict) else {}


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
    """Whether the bytes are JSON of any form."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def origin_of(event: Raw) -> str:
    """The name of the trail that a stored event or head bears; empty if it bears none."""
    origin = event.get("origin")
    return str(origin) if is_text(origin) and len(json.dumps(origin)) <= SHORT else ""


class _Other:
    """Stands for a stored value that no event has. It equals no value, so the verifier reports it as a fault."""


def as_json(value: Any) -> Any:
    """A stored value as JSON: `{"$date"}` for a moment, `{"$bytes"}` for bytes, `{"$other"}` for a value that no event has.

    `$other` has the name of the value's type and the beginning of the value in ASCII, for a reader.
    """
    match value:
        case None | bool() | int():
            return value
        case float() if isfinite(value):
            return value
        case str() if type(value) is str:  # the driver has a subclass for JavaScript code
            return value
        case bytes() if type(value) is bytes:  # and one for binary values of other subtypes
            return {"$bytes": b64encode(value).decode()}
        case datetime():
            with suppress(*UNSPEAKABLE):
                return {"$date": plain(value)}
        case dict() if not any(str(name).startswith("$") for name in value):  # else it could pass for a `$date`
            return {str(name): as_json(each) for name, each in value.items()}
        case list():
            return [as_json(each) for each in value]
    return _other(value)


def _other(value: Any) -> Raw:
    return {"$other": {"type": type(value).__name__, "value": ascii(value)[:100]}}


def in_short(value: Any) -> Any:
    """A stored value as JSON, and as `$other` if it takes more than 10,000 bytes."""
    said = as_json(value)
    return said if len(json.dumps(said)) <= SHORT else _other(value)


def as_stored(said: Any) -> Any:
    """The stored value that `as_json` made `said` of; an `_Other` for `{"$other"}` and for text that `as_json` does not write."""
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
