"""The unit of work: what one transaction changed, and which model versions must be judged anew for it. Knows no driver."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from documents.store.record import Record

Raw = dict[str, Any]


class OutsideUnitOfWork(RuntimeError):
    """A write was tried where no transaction is open: a fault of the program, never of the caller."""


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One record as it was (None, if new) and as it is, both as stored."""

    record: Record
    before: Raw | None
    after: Raw

    @property
    def records(self) -> Sequence[Record]:
        """The record as it was, unless it is new, and as it is."""
        return [self.record] if self.before is None else [type(self.record).hydrated(self.before), self.record]

    def differs_in(self, fields: frozenset[str]) -> bool:
        """Whether the change is in one of these fields; any change is, where none is named."""
        before = self.before or {}
        return not fields or any(before.get(each) != self.after.get(each) for each in fields)


class Counts(NamedTuple):
    """What a record counts for in a figure: `n`, from the moment `since` on, or always where that is None.

    With a `value`, the figure is the number of different values that records have.
    """

    figure: str
    n: int = 1
    since: datetime | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Bearing:
    """Which model versions a change of a record bears on, as data.

    Those whose field at a path in `versions` holds a value that the record holds, or held, at the path beside it; all of them
    where `versions` is empty. `when` names the record's fields whose change matters (any, if empty), `among` is a query that
    narrows the versions. Where `having` is a path, only a record that holds, or held, a value there bears on any.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    when: frozenset[str] = frozenset()
    among: Mapping[str, Any] = field(default_factory=dict)
    having: str = ""

    def query(self, change: RecordChange) -> Raw | None:
        """The query for the versions that a change bears on; None where it bears on none."""
        if not change.differs_in(self.when):
            return None
        sides = [side for side in (change.before, change.after) if side is not None]
        if self.having and not any(each is not None for side in sides for each in _values(side, self.having.split("."))):
            return None
        wanted: Raw = {}
        for there, own in self.versions.items():
            values = {each for side in sides for each in _values(side, own.split("."))}
            wanted[there] = {"$in": sorted(values)} if len(values) > 1 else next(iter(values), None)
        return {**self.among, **wanted}


def _values(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """The values at a path, those in lists one by one."""
    match value:
        case list():
            for each in value:
                yield from _values(each, steps)
        case dict() if steps:
            yield from _values(value.get(steps[0]), steps[1:])
        case _ if not steps:
            yield value


@dataclass(slots=True)
class Unit:
    """One open transaction: what it changed, first touched first, and what it still has to write.

    A record that waits (`Record.written_last`) is written when the unit is settled, after whatever follows from all changes
    was computed. `settling` does that; it must leave nothing waiting.
    """

    at: datetime
    settling: Callable[[Unit], Awaitable[None]]
    kept: set[str] = field(default_factory=set)
    """Digests of the contents that this transaction holds already."""
    waiting: dict[Any, Record] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    """What was read once and serves the whole unit; forgotten with each change."""
    claimed: dict[str, Any] = field(default_factory=dict)
    """The records that no other transaction can change before this one ends, by their collections: it wrote them first of all."""
    sealed_at: int | None = None
    """The place at which the next event will be; None where the transaction tells none."""
    closed: bool = False
    required: list[Record] = field(default_factory=list)
    """The records that were loaded by their keys to be changed or judged by, in order."""
    once_committed: list[Callable[[], None]] = field(default_factory=list)
    """What is to be noted in this process when the transaction has committed."""
    _changes: dict[Any, RecordChange | None] = field(default_factory=dict)
    _followed: dict[Any, RecordChange] = field(default_factory=dict)
    _uncounted: dict[Any, RecordChange] = field(default_factory=dict)
    _recorded: bool = False

    @property
    def changes(self) -> list[RecordChange]:
        return [each for each in self._changes.values() if each]

    def wait(self, record: Record) -> None:
        """Keeps the record's place among the changes until it is written."""
        self.waiting[record.id] = record
        self._changes.setdefault(record.id, None)

    def remember(self, record: Record, before: Raw | None, after: Raw) -> None:
        if self._recorded:
            raise OutsideUnitOfWork(f"{type(record).__name__} {record.key} changed after its events were made")
        earlier, uncounted = self._changes.get(record.id), self._uncounted.get(record.id)
        self._changes[record.id] = RecordChange(record, earlier.before if earlier else before, after)
        self._uncounted[record.id] = RecordChange(record, uncounted.before if uncounted else before, after)
        self.memory.clear()

    def unfollowed(self) -> list[RecordChange]:
        """The changes that were not asked for yet: what `settling` has still to follow."""
        fresh = [each for each in self.changes if self._followed.get(each.record.id) is not each]
        self._followed |= {each.record.id: each for each in fresh}
        return fresh

    def uncounted(self) -> list[RecordChange]:
        """The changes since it was asked last, which the kept counts do not have yet."""
        fresh, self._uncounted = [*self._uncounted.values()], {}
        return fresh

    async def settle(self) -> None:
        """Computes what follows from the changes, and writes what waits; again whenever something waits again."""
        await self.settling(self)
        if self.waiting:
            raise AssertionError(f"{len(self.waiting)} records still wait to be written")

    async def settled(self) -> list[RecordChange]:
        """All changes, to make events of; the unit of work refuses later ones."""
        await self.settle()
        self._recorded = True
        return self.changes

    @contextmanager
    def opened(self) -> Iterator[Unit]:
        token = _current.set(self)
        try:
            yield self
        finally:
            self.closed = True  # a task that outlives the transaction must not find it open
            _current.reset(token)


async def settles_nothing(unit: Unit) -> None:
    """For a process that stores no record which waits: `Unit.settle` refuses one that does."""


_current: ContextVar[Unit | None] = ContextVar("unit", default=None)


def open_unit() -> Unit | None:
    unit = _current.get()
    return None if unit is None or unit.closed else unit


def current_unit(for_what: str) -> Unit:
    """The open unit of work; OutsideUnitOfWork where there is none."""
    unit = open_unit()
    if unit is None:
        raise OutsideUnitOfWork(for_what)
    return unit
