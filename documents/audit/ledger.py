"""The states that a fold comes to, in a temporary file, so that memory does not grow with the records. Pure."""

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from documents.audit.fold import TELLS_ALL, Telling, Told

DECODED = 512  # states that are kept in memory
TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8000;
CREATE TABLE told (name BLOB PRIMARY KEY, state TEXT) WITHOUT ROWID;
CREATE TABLE met (name BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE wanted (name BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE places (digest BLOB PRIMARY KEY, at INTEGER) WITHOUT ROWID;
BEGIN;
"""


class Ledger:
    """The state of each record as the trail tells it. It may be used in any thread, but in one at a time."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", check_same_thread=False, isolation_level=None)  # deleted when it is closed
        self._file.executescript(TABLES)
        self._decoded: OrderedDict[bytes, Told] = OrderedDict()
        self._changed: set[bytes] = set()
        self.proves = False
        """Whether an event told a record whole: before that, nothing is known of records that no event told."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def take(self, telling: Telling | None) -> None:
        """Applies what the next event tells; None for an event that tells nothing."""
        if telling is None:
            return
        self.proves = self.proves or telling.schema >= TELLS_ALL
        name = _name(telling.kind, telling.key)
        told = self._state(name)
        if told is None:
            told = Told()
            self._keep(name, told)
        told.take(telling)
        self._changed.add(name)

    def told(self, kind: str, key: str) -> Told | None:
        """The state of a record; None if no event tells of it."""
        return self._state(_name(kind, key))

    def meets(self, kind: str, key: str) -> bool:
        """Marks a record as stored; whether it was not before."""
        return self._file.execute("INSERT OR IGNORE INTO met VALUES (?)", (_name(kind, key),)).rowcount == 1

    def unmet(self) -> Iterator[tuple[str, str, Told]]:
        """The records that are told and were not marked as stored, in the order of kind and key."""
        self._flush()
        found = "SELECT name, state FROM told WHERE name NOT IN (SELECT name FROM met) ORDER BY name"
        for name, state in self._file.execute(found):
            yield *_parted(name), Told.of_json(json.loads(state))

    def want(self, telling: Telling) -> None:
        """Remembers that an event tells of a record, whose whole history is to be read."""
        self._file.execute("INSERT OR IGNORE INTO wanted VALUES (?)", (_name(telling.kind, telling.key),))

    def wanted(self, size: int) -> Iterator[list[tuple[str, str]]]:
        """The remembered records in the order of kind and key, at most `size` at once."""
        after = b""
        while found := self._file.execute(
            "SELECT name FROM wanted WHERE name > ? ORDER BY name LIMIT ?", (after, size)
        ).fetchall():
            yield [_parted(name) for (name,) in found]
            after = found[-1][0]

    def place(self, digest: str, at: int) -> None:
        """Remembers where the content of that digest stands in a file."""
        self._file.execute("INSERT OR IGNORE INTO places VALUES (?, ?)", (bytes.fromhex(digest), at))

    def place_of(self, digest: str) -> int | None:
        """Where the content of that digest stands; None if no place was remembered."""
        found = self._file.execute("SELECT at FROM places WHERE digest = ?", (bytes.fromhex(digest),)).fetchone()
        return None if found is None else int(found[0])

    def _state(self, name: bytes) -> Told | None:
        if told := self._decoded.get(name):
            self._decoded.move_to_end(name)
            return told
        found = self._file.execute("SELECT state FROM told WHERE name = ?", (name,)).fetchone()
        if found is None:
            return None
        told = Told.of_json(json.loads(found[0]))
        self._keep(name, told)
        return told

    def _keep(self, name: bytes, told: Told) -> None:
        self._decoded[name] = told
        if len(self._decoded) > DECODED:
            oldest, state = self._decoded.popitem(last=False)
            if oldest in self._changed:
                self._write(oldest, state)

    def _flush(self) -> None:
        for name in [*self._changed]:
            self._write(name, self._decoded[name])

    def _write(self, name: bytes, told: Told) -> None:
        self._file.execute("INSERT OR REPLACE INTO told VALUES (?, ?)", (name, json.dumps(told.as_json())))
        self._changed.discard(name)


def _name(kind: str, key: str) -> bytes:
    return f"{kind}\0{key}".encode(errors="surrogatepass")


def _parted(name: bytes) -> tuple[str, str]:
    kind, _, key = name.decode(errors="surrogatepass").partition("\0")
    return kind, key
