"""Aggregation pipelines: groups of records with counts, minima, maxima and sums, and counts of several kinds at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from documents.store.expressions import to_expression
from documents.store.filters import Filter, to_query
from documents.store.units import Raw

STATS = ("values", "min", "max", "avg", "sum")
_PARTS: Mapping[str, tuple[str, ...]] = {"avg": ("values", "sum")}  # a mean is made of these at the end
_KEPT = {"values": "$sum", "sum": "$sum", "min": "$min", "max": "$max", "n": "$sum", "count": "$sum"}


@dataclass(frozen=True, slots=True)
class Grouping:
    """The value that records are grouped by: the one at `path`, or over an edge the one at `path` in a record of `collection`.

    The path begins at the record, or at the element of the list of that `level` in `Question.lists`; it is empty for an element
    that is a plain value. Over an edge, `keys` are the fields of the other record whose values stand in the fields `own`. With a
    `period`, the key is the first day of the period that holds the moment or day. With `before`, the path of a stored value that
    orders the groups in place of their own, the key is `{before, value}`.
    """

    path: str
    direction: int
    level: int = 0
    period: Any = None
    collection: str | None = None
    keys: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    before: str = ""

    @property
    def said(self) -> Raw:
        """The expression for the value, null where it is missing; over an edge, for the values of the keys."""
        if self.before:  # MongoDB compares objects field by field, in the order that they have
            return {"before": {"$ifNull": [f"${self.before}", None]}, "value": {"$ifNull": [f"${self.path}", None]}}
        if self.collection is not None:
            return {key: {"$ifNull": [f"${own}", None]} for key, own in zip(self.keys, self.own, strict=True)}
        value = f"$e{self.level}.{self.path}".rstrip(".") if self.level else f"${self.path}"
        said: Raw = self.period.of(value) if self.period else {"$ifNull": [value, None]}
        return said

    def value(self, key: Any) -> Any:
        """The value that a group shares, given its key."""
        return key["value"] if self.before else key

    def looked_up(self, there: str, into: str) -> Raw:
        """The `$lookup` that puts the record with the keys at the path `there` into the list `into`."""
        first, *others = self.keys
        said = {f"k{at}": f"${there}.{key}" for at, key in enumerate(others)}
        same = [{"$eq": [f"${key}", f"$$k{at}"]} for at, key in enumerate(others)]
        pipeline = {"let": said, "pipeline": [{"$match": {"$expr": {"$and": same}}}]} if others else {}
        look = {"from": self.collection, "localField": f"{there}.{first}", "foreignField": first, "as": into}
        return {"$lookup": look | pipeline}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list at a path, which begins at the record or at an element of the list before it, and the filter for its elements."""

    path: str
    where: Filter


@dataclass(frozen=True, slots=True)
class Measure:
    """The values that are summed up: a `value` of a record, or of each element of a list, which is `$$this` in the value.

    `source` is the place in `Question.sources` of the lists that lead to the elements; None for the record itself.
    """

    source: int | None
    value: Any


@dataclass
class Question:
    """What is asked of groups of records."""

    by: list[Grouping] = field(default_factory=list)
    lists: list[Listed] = field(default_factory=list)
    """The lists whose elements groupings are about: each after the first lies in the elements of the one before it."""
    sources: list[tuple[Listed, ...]] = field(default_factory=list)
    """The lists whose elements are counted and summed up."""
    measures: list[Measure] = field(default_factory=list)
    figures: list[tuple[int, str]] = field(default_factory=list)
    """The figures that are told, each the place of a measure and one of `STATS`."""
    distinct: list[str] = field(default_factory=list)
    """The paths of which different values are counted."""
    having: Filter = field(default_factory=dict)
    """The filter for groups, whose fields are named as in the answer."""
    order: list[tuple[str, int]] = field(default_factory=list)
    """The figures and keys that groups are ordered by, named as in the answer; after them the groupings decide."""


def steps(query: Raw, asked: Question, limit: int) -> list[Raw]:
    """The pipeline that answers with `limit` groups.

    A group is `_id: {k0, ..}`, `count` of its records, `n`i of the elements of source i, `d`i of the different values at path i,
    and for the figures of measure i `values`i, `min`i, `max`i, `sum`i and `avg`i. A record counts once in each group whose keys
    it, or some element of it that meets the filters of `lists`, has. Numbers of the elements that are grouped by are those of
    the elements that have the keys of the group.
    """
    return _Steps(asked).all(query, limit)


class _Steps:
    def __init__(self, asked: Question) -> None:
        self.asked = asked
        self.levels = [_level(asked.lists, each) for each in asked.sources]
        parts = sorted({(at, part) for at, stat in asked.figures for part in _PARTS.get(stat, (stat,))})
        self.parts = {f"{part}{at}": (at, part) for at, part in parts}
        self.keys = [f"k{at}" for at in range(len(asked.by))]
        self.sets = [f"d{at}" for at in range(len(asked.distinct))]

    def all(self, query: Raw, limit: int) -> list[Raw]:
        done = [{"$match": query}, {"$project": {"_id": 1, **self._of_record()}}, *self._unwound(), *self._rows()]
        done += self._groups()
        if any(each.collection for each in self.asked.by):
            done += self._across()
        if last := self._last():
            done.append({"$addFields": last})
        if self.asked.having:
            done.append({"$match": to_query(self.asked.having)})
        order = dict(self.asked.order)
        order |= {path: each.direction for at, each in enumerate(self.asked.by) if (path := f"_id.k{at}") not in order}
        return [*done, *([{"$sort": order}] if order else []), {"$limit": limit}]

    def _of_record(self) -> Raw:
        """What is read of the record itself, and the elements of its lists."""
        asked = self.asked
        found: Raw = {f"k{at}": each.said for at, each in enumerate(asked.by) if not each.level}
        found |= {f"d{at}": {"$ifNull": [f"${path}", None]} for at, path in enumerate(asked.distinct)}
        found |= {f"s{at}": _elements(0, asked.sources[at]) for at, level in enumerate(self.levels) if not level}
        found |= {f"v{at}": [each.value] for at, each in enumerate(asked.measures) if each.source is None}
        for each in asked.lists[:1]:
            found["e1"] = _filtered({"$ifNull": [f"${each.path}", []]}, each.where)
        return found

    def _unwound(self) -> Iterator[Raw]:
        """Makes a row of each element of the lists that are grouped by: `e`i with its place `i`i."""
        asked = self.asked
        for at, _ in enumerate(asked.lists, 1):
            yield {"$unwind": {"path": f"$e{at}", "includeArrayIndex": f"i{at}"}}
            if at < len(asked.lists):
                inner = asked.lists[at]
                yield {"$addFields": {f"e{at + 1}": _filtered({"$ifNull": [f"$e{at}.{inner.path}", []]}, inner.where)}}
        if asked.lists:
            found: Raw = {f"k{at}": each.said for at, each in enumerate(asked.by) if each.level}
            found |= {f"s{at}": _elements(level, asked.sources[at]) for at, level in enumerate(self.levels) if level}
            yield {"$addFields": found}

    def _rows(self) -> Iterator[Raw]:
        """Brings each row down to its keys and what it adds to the figures."""
        asked = self.asked
        kept: Raw = dict.fromkeys(["_id", *(f"i{at}" for at in range(1, len(asked.lists) + 1)), *self.keys, *self.sets], 1)
        counts: Raw = {f"n{at}": {"$size": f"$s{at}"} for at in range(len(asked.sources))}
        if asked.sources:
            values: Raw = {
                f"v{at}": 1 if each.source is None else {"$map": {"input": f"$s{each.source}", "in": each.value}}
                for at, each in enumerate(asked.measures)
            }
            yield {"$project": kept | values | counts}
        if self.parts:
            said = {name: _part(part, f"$v{at}") for name, (at, part) in self.parts.items()}
            yield {"$project": kept | dict.fromkeys(counts, 1) | said}

    def _groups(self) -> Iterator[Raw]:
        """Merges rows: those of an element with the same keys, then those of a record, then those of all records."""
        row, inside = "$_id", "$"
        for level in range(len(self.asked.lists), 0, -1):
            same = {"r": row} | {f"i{at}": f"{inside}i{at}" for at in range(1, level)}
            same |= {key: f"{inside}{key}" for key in self.keys}
            merged = {name: {_KEPT[part] if of >= level else "$first": f"${name}"} for name, part, of in self._named()}
            yield {"$group": {"_id": same, **merged, **{each: {"$first": f"${each}"} for each in self.sets}}}
            row, inside = "$_id.r", "$_id."
        sums: Raw = {"count": {"$sum": 1}} | {name: {_KEPT[part]: f"${name}"} for name, part, _ in self._named()}
        sums |= {each: {"$addToSet": f"${each}"} for each in self.sets}
        yield {"$group": {"_id": {key: f"{inside}{key}" for key in self.keys}, **sums}}

    def _named(self) -> Iterator[tuple[str, str, int]]:
        """Each figure of a row, with its kind and the level of the list that it is about."""
        yield from ((f"n{at}", "n", level) for at, level in enumerate(self.levels))
        for name, (at, part) in self.parts.items():
            source = self.asked.measures[at].source
            yield name, part, 0 if source is None else self.levels[source]

    def _across(self) -> Iterator[Raw]:
        """Records were grouped by the keys of an edge, so that each is looked up once; now groups with the same value merge."""
        keys: Raw = {}
        for at, each in enumerate(self.asked.by):
            here, there = f"_id.k{at}", f"e{at}"
            keys[f"k{at}"] = f"${here}"
            if each.collection:
                yield each.looked_up(here, there)
                yield {"$unwind": {"path": f"${there}", "preserveNullAndEmptyArrays": True}}
                keys[f"k{at}"] = {"$ifNull": [f"${there}.{each.path}", None]}
        merged = {"count": {"$sum": "$count"}} | {name: {_KEPT[part]: f"${name}"} for name, part, _ in self._named()}
        yield {"$group": {"_id": keys, **merged, **{each: {"$push": f"${each}"} for each in self.sets}}}
        if self.sets:
            yield {"$addFields": {each: {"$reduce": _UNION | {"input": f"${each}"}} for each in self.sets}}

    def _last(self) -> Raw:
        """The numbers of different values, null not among them, and the means, null where there are no values."""
        said: Raw = {each: {"$size": {"$filter": {"input": f"${each}", "cond": {"$ne": ["$$this", None]}}}} for each in self.sets}
        for at, stat in self.asked.figures:
            if stat == "avg":
                mean = {"$divide": [f"$sum{at}", f"$values{at}"]}
                said[f"avg{at}"] = {"$cond": [{"$gt": [f"$values{at}", 0]}, mean, None]}
        return said


_UNION: Raw = {"initialValue": [], "in": {"$setUnion": ["$$value", "$$this"]}}


def _level(lists: Sequence[Listed], source: Sequence[Listed]) -> int:
    """How many of the lists that are grouped by lead to the elements of `source`."""
    level = 0
    for grouped, each in zip(lists, source, strict=False):
        if grouped.path != each.path:
            break
        level += 1
    return level


def _elements(level: int, source: Sequence[Listed]) -> Any:
    """The expression for the elements of `source`. It maps over lists: the embedded engine follows no path through one."""
    if level:
        held = [to_expression(each.where, f"$e{at}") for at, each in enumerate(source[:level], 1) if each.where]
        one: Any = [f"$e{level}"]
        elements = {"$filter": {"input": one, "as": "w", "cond": {"$and": held}}} if held else one
    else:
        elements = _filtered({"$ifNull": [f"${source[0].path}", []]}, source[0].where)
    for each in source[level or 1 :]:
        inner = {"$map": {"input": elements, "in": {"$ifNull": [f"$$this.{each.path}", []]}}}
        joined = {"$reduce": {"input": inner, "initialValue": [], "in": {"$concatArrays": ["$$value", "$$this"]}}}
        elements = _filtered(joined, each.where)
    return elements


def _filtered(elements: Any, where: Filter) -> Any:
    return {"$filter": {"input": elements, "as": "w", "cond": to_expression(where, "$$w")}} if where else elements


def _part(part: str, values: str) -> Raw:
    """The expression for what a row adds to a figure, given its list of values."""
    if part == "values":
        return {"$size": {"$filter": {"input": values, "cond": {"$isNumber": "$$this"}}}}
    return {f"${part}": values}


def counts(query: Raw, of: Mapping[str, Raw], distinct: Mapping[str, str], elements: Mapping[str, tuple[str, Raw]]) -> list[Raw]:
    """The pipeline that answers with one document: under each name how many there are, as `{n: ..}` in a list that may be empty.

    Of the records that meet `query`, these are those that meet each query in `of`, the different values at each path in
    `distinct`, and of the lists at the paths in `elements` what meets the query beside it.
    """
    parts: dict[str, list[Raw]] = {name: [{"$match": each}] for name, each in of.items()}
    parts |= {name: [{"$group": {"_id": f"${path}"}}] for name, path in distinct.items()}
    parts |= {name: [{"$unwind": f"${path}"}, {"$match": each}] for name, (path, each) in elements.items()}
    paths = [*distinct.values(), *(path for path, _ in elements.values())]
    read = {field: 1 for each in of.values() for field in _fields(each)} | {path.partition(".")[0]: 1 for path in paths}
    counted = {name: [*each, {"$count": "n"}] for name, each in parts.items()}
    return [{"$match": query}, {"$project": {"_id": 1, **read}}, {"$facet": counted}]


def _fields(query: Raw) -> Iterator[str]:
    """The top-level fields that a query reads."""
    for name, each in query.items():
        if name.startswith("$"):
            yield from (field for part in each for field in _fields(part))
        else:
            yield name.partition(".")[0]
