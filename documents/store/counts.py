"""Counts that are kept: figures that cost the same however many records there are.

Each kind of record says what one of its records counts for (`Record.counts_for`). The unit of work writes the differences that
its changes make, in the same transaction. What time alone changes is a difference that counts from a moment on. So there is a
document for each moment, and a figure is the sum over those that have passed.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple
from uuid import uuid4

from pydantic import Field

from documents.store.indexes import index
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.standins import VALUE_ERRORS
from documents.store.totals import BEGINNING, FIGURE_COUNTS, name_of
from documents.store.units import Raw, RecordChange, Unit

MARGIN = timedelta(days=1)  # how long what has passed keeps a document of its own: clocks of servers differ
AT_ONCE = 500  # records that are counted, and documents that are written, at once
MANY = 2**31
HELD = ""  # the figure in a document that counts how many records have one value
_FIGURE = re.compile(r"[a-z0-9_]{1,60}")
_ERRORS = (*VALUE_ERRORS, AttributeError, KeyError)  # what reading a document raises that no server stored
Sums = dict[str, Counter[str]]
"""What is added to the figures, by the name of the document that keeps it."""


class Difference(NamedTuple):
    """A figure that is not what the records come to: the name of its document, and how much is missing there."""

    name: str
    figure: str
    missing: int


class FigureCount(Record):
    """What the records of a kind add to its figures from a moment on, or how many have one value. No event tells of it."""

    collection: ClassVar = FIGURE_COUNTS
    keys: ClassVar = ("name",)
    indexes: ClassVar = [index("of", "held")]

    name: str = Field(description="The collection and the moment; or the collection, the figure and the value.")
    of: str | None = Field(default=None, description="The collection and the figure that counts different values.")
    value: str | None = Field(default=None, description="The value that is counted.")
    held: int = Field(default=0, description="How many records have the value.")
    sums: dict[str, int] = Field(default={}, description="What is added to each figure.")
    correction: str | None = Field(default=None, description="The last correction that was written here.")

    @classmethod
    async def add(cls, sums: Sums, correction: str | None = None) -> None:
        """Adds to the stored counts, in one command; none if there is nothing to add."""
        told = {"correction": correction} if correction else {}
        changes: dict[str, tuple[Raw, Raw, Raw]] = {}
        for name, all_added in sums.items():
            if added := {figure: n for figure, n in all_added.items() if n}:
                of, _, value = name.partition(" ")
                if "." in of:
                    changes[name] = ({"held": added[HELD]}, {"of": of, "value": value}, told)
                else:
                    changes[name] = ({f"sums.{figure}": n for figure, n in added.items()}, {}, told)
        await cls.increase("name", changes)


async def keep(unit: Unit) -> None:
    """Writes what the changes of the unit of work add to the counts, in one database command; in none if nothing changes.

    Where records come to have a value, or no longer have it, another command reads how many have it.
    """
    sums = sums_of(each for each in unit.uncounted() if each.record.counted_by)
    if held := [name for name, added in sums.items() if added[HELD]]:
        found = await FigureCount.raws({"name": {"$in": held}}, fields=["name", "held"])
        before = {each["name"]: each.get("held", 0) for each in found}
        for name in held:
            had = before.get(name, 0)
            _add(sums, *_different(name), (had + sums[name][HELD] > 0) - (had > 0))
    await FigureCount.add(sums)


def _add(sums: Sums, name: str, figure: str, n: int) -> None:
    sums.setdefault(name, Counter())[figure] += n


def _different(name: str) -> tuple[str, str]:
    """Where the values are counted of which the document `name` keeps one: the name of that document, and the figure."""
    collection, _, figure = name.partition(" ")[0].partition(".")
    return name_of(collection, BEGINNING), figure


def sums_of(changes: Iterable[RecordChange]) -> Sums:
    """What changes of records add to the counts."""
    sums: Sums = {}
    for change in changes:
        for side, sign in ((change.before, -1), (change.after, 1)):
            for name, figure, n in _counted(type(change.record), () if side is None else (side,)):
                _add(sums, name, figure, sign * n)
    return sums


def _counted(kind: type[Record], raws: Iterable[Raw]) -> Iterator[tuple[str, str, int]]:
    """What documents count for: the name of the document that keeps it, the figure in it, and how much."""
    for raw in raws:
        try:
            found = list(kind.counts_for(raw))
        except _ERRORS:  # somebody altered it in the database; it counts for nothing until it is put right
            continue
        for each in found:
            if not _FIGURE.fullmatch(each.figure):  # named by a tier that somebody altered
                continue
            if each.value is None:
                yield name_of(kind.collection, each.since or BEGINNING), each.figure, each.n
            else:
                yield f"{kind.collection}.{each.figure} {each.value}", HELD, each.n


async def values(kind: type[Record], figure: str, limit: int) -> list[str]:
    """The first values that a figure counts, in no order."""
    held = {"of": f"{kind.collection}.{figure}", "held": {"$gte": 1, "$lte": MANY}}
    return [each["value"] for each in await FigureCount.raws(held, limit=limit, fields=["value"])]


# Counted anew


@dataclass(slots=True)
class Missing:
    """What is missing in the stored counts, and the documents among them that no server stores."""

    sums: Sums = field(default_factory=dict)
    odd: list[Raw] = field(default_factory=list)

    @property
    def differences(self) -> list[Difference]:
        differing = [Difference(each, figure, n) for each, added in self.sums.items() for figure, n in added.items()]
        return sorted([*differing, *(Difference(str(each.get("name")), "", 0) for each in self.odd)])


async def recount(kinds: Iterable[type[Record]], at: datetime) -> list[Difference]:
    """Counts all records anew, as of one moment of the database, and puts right what differs; returns what did.

    What passed more than a day before `at` is merged into the documents of the beginning.
    """
    of = [each for each in kinds if each.counted_by]

    async def look(_: Unit) -> Missing:
        return await missing(of, at)

    found = await bound_database().look(look, at)
    await _delete(found.odd, at)
    names = [*found.sums]
    for start in range(0, len(names), AT_ONCE):
        await _correct({each: found.sums[each] for each in names[start : start + AT_ONCE]}, at)
    for kind in of:
        while await _merge(kind, at):
            pass
    return found.differences


async def missing(kinds: Iterable[type[Record]], at: datetime) -> Missing:
    """What is missing in the stored counts; what had passed a day before `at` is taken together."""
    of = [each for each in kinds if each.counted_by]
    bounds = {each.collection: (name_of(each.collection, BEGINNING), name_of(each.collection, at - MARGIN)) for each in of}
    found = Missing()

    def add(name: str, figure: str, n: int) -> None:
        first, last = bounds.get(name.partition(" ")[0], ("", ""))
        _add(found.sums, first if first <= name <= last else name, figure, n)

    held = set[str]()
    for kind in of:
        async with aclosing(kind.raw_windows({}, (), AT_ONCE, kind.counted_by)) as windows:
            async for window in windows:
                for each in _counted(kind, window):
                    add(*each)
                    if each[1] == HELD:
                        held.add(each[0])
    for name in held:
        add(*_different(name), 1)
    async with aclosing(FigureCount.raw_windows({}, (), AT_ONCE)) as windows:
        async for window in windows:
            for raw in window:
                if _is_made(raw, bounds):
                    for figure, n in _sums(raw).items():
                        add(raw["name"], figure, -n)
                else:
                    found.odd.append(raw)
    differing = {each: Counter({figure: n for figure, n in added.items() if n}) for each, added in found.sums.items()}
    found.sums = {each: added for each, added in differing.items() if added}
    return found


def _is_made(raw: Raw, collections: Collection[str]) -> bool:
    """Whether a server can have stored the document."""
    name, sums, held = raw.get("name"), raw.get("sums", {}), raw.get("held", 0)
    if not isinstance(name, str) or not isinstance(sums, dict) or not isinstance(held, int):
        return False
    of = name.partition(" ")[0]
    formed = all(_FIGURE.fullmatch(each) and isinstance(n, int) and abs(n) < MANY for each, n in sums.items())
    return formed and of.partition(".")[0] in collections and not (sums if "." in of else held) and abs(held) < MANY


def _sums(raw: Raw) -> dict[str, int]:
    return raw["sums"] if "sums" in raw else {HELD: raw.get("held", 0)}


async def _delete(odd: Sequence[Raw], at: datetime) -> None:
    async def work(_: Unit) -> None:
        await FigureCount.delete_unrecorded({"_id": {"$in": [each["_id"] for each in odd]}})

    if odd:
        await bound_database().transact(work, at)


async def _correct(sums: Sums, at: datetime) -> None:
    correction, first = uuid4().hex, next(iter(sums))

    async def work(_: Unit) -> None:
        if await FigureCount.raw_first({"name": first, "correction": correction}):
            return  # an earlier attempt committed, and only its answer was lost
        await FigureCount.add(sums, correction)

    await bound_database().transact(work, at)


async def _merge(kind: type[Record], at: datetime) -> int:
    """Moves some of what passed more than a day ago into the document of the beginning; returns how many documents."""
    beginning = name_of(kind.collection, BEGINNING)

    async def work(_: Unit) -> int:
        passed = await FigureCount.raws(
            {"name": {"$gt": beginning, "$lte": name_of(kind.collection, at - MARGIN)}}, limit=AT_ONCE
        )
        sums = Counter[str]()
        for each in passed:
            sums.update(_sums(each))
        await FigureCount.add({beginning: sums})
        if passed:
            await FigureCount.delete_unrecorded({"name": {"$in": [each["name"] for each in passed]}})
        return len(passed)

    return await bound_database().transact(work, at)
