"""The unit of work: what one transaction changed. Knows no driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from documents.store.record import Record

Raw = dict[str, Any]


class OutsideUnitOfWork(RuntimeError):
    """A write was tried where no transaction is open: a fault of the program, never of the caller."""


@dataclass(frozen=True, slots=True)
class Change:
    """One record as it was (nothing, if new) and as it is, both as stored."""

    record: Record
    before: Raw | None
    after: Raw


@dataclass(slots=True)
class Unit:
    """One open transaction and what it changed, first touched first."""

    changes: dict[Any, Change] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    """Digests of the contents that this transaction holds already."""
    closed: bool = False

    def remember(self, record: Record, before: Raw | None, after: Raw) -> None:
        earlier = self.changes.get(record.id)
        self.changes[record.id] = Change(record, earlier.before if earlier else before, after)

    @contextmanager
    def opened(self) -> Iterator[Unit]:
        token = _current.set(self)
        try:
            yield self
        finally:
            self.closed = True  # a task that outlives the transaction must not find it open
            _current.reset(token)


_current: ContextVar[Unit | None] = ContextVar("unit", default=None)


def open_unit() -> Unit | None:
    unit = _current.get()
    return None if unit is None or unit.closed else unit


def current_unit(for_what: str) -> Unit:
    unit = open_unit()
    if unit is None:
        raise OutsideUnitOfWork(for_what)
    return unit
