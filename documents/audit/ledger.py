"""What events tell of each record, in a temporary file, so that memory does not grow with the trail. Pure.

What an event tells is kept as it comes, and the state of a record is computed when somebody asks for it. So each state is
computed once, and not written and read again for each event.
"""

import marshal
import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from documents.audit.fold import TELLS_ALL, Telling, Told, puts

FEW = 100  # events of a record that are replayed whenever it is asked for; of more, the state is kept
TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8000;
CREATE TABLE told (at INTEGER PRIMARY KEY, name BLOB, said BLOB);
CREATE TABLE met (name BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE wanted (name BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE places (digest BLOB PRIMARY KEY, at INTEGER) WITHOUT ROWID;
BEGIN;
"""
UNMET = "SELECT name FROM told WHERE name > ? AND name NOT IN (SELECT name FROM met) ORDER BY name LIMIT 1"


class Ledger:
    """The state of each record as the trail tells it. It may be used in any thread, but in one at a time."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", check_same_thread=False, isolation_level=None)  # deleted when it is closed
        self._file.executescript(TABLES)
        self._ordered = False
        self.proves = False
        """Whether an event told a record whole: before that, nothing is known of records that no event told."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def take(self, telling: Telling | None) -> None:
        """Keeps what the next event tells, to be replayed when its record is asked for; None for an event that tells nothing."""
        if telling is None:
            return
        self.proves = self.proves or telling.schema >= TELLS_ALL
        kind, key, seq, schema, baseline, changes = telling
        # Nobody else can reach the file, so what `_told` reads is what was written here.
        said = marshal.dumps((seq, schema, baseline, puts(changes)))
        self._file.execute("INSERT INTO told (name, said) VALUES (?, ?)", (_name(kind, key), said))

    def told(self, kind: str, key: str) -> Told | None:
        """The state of a record; None if no event tells of it."""
        return self._told(_name(kind, key))

    def meets(self, kind: str, key: str) -> bool:
        """Marks a record as stored; whether it was not before."""
        return self._file.execute("INSERT OR IGNORE INTO met VALUES (?)", (_name(kind, key),)).rowcount == 1

    def unmet(self) -> Iterator[tuple[str, str, Told]]:
        """The records that are told and were not marked as stored, in the order of kind and key."""
        self._order()
        after = b""
        while found := self._file.execute(UNMET, (after,)).fetchone():
            (after,) = found
            if told := self._told(after):
                yield *_parted(after), told

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

    def _told(self, name: bytes) -> Told | None:
        self._order()
        told, events = Told(), 0
        for (said,) in self._file.execute("SELECT said FROM told WHERE name = ? ORDER BY at", (name,)):
            events += 1
            match marshal.loads(said):  # noqa: S302  `take` wrote it
                case list(state):
                    told = Told.of_json(state)
                case put:
                    told.put(*put)
        if events > FEW:  # else many stored records of one key could make a verification last for ever
            self._file.execute("DELETE FROM told WHERE name = ?", (name,))
            self._file.execute("INSERT INTO told (name, said) VALUES (?, ?)", (name, marshal.dumps(told.as_json())))
        return told if events else None

    def _order(self) -> None:
        """Lets records be found by name. An index costs least if it is made once all events have come."""
        if not self._ordered:
            self._file.execute("CREATE INDEX names ON told (name)")
            self._ordered = True


def _name(kind: str, key: str) -> bytes:
    return f"{kind}\0{key}".encode(errors="surrogatepass")


def _parted(name: bytes) -> tuple[str, str]:
    kind, _, key = name.decode(errors="surrogatepass").partition("\0")
    return kind, key
