"""Aggregation pipelines: groups of records with counts, minima, maxima and sums, and counts of several kinds at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from documents.store.units import Raw


@dataclass(frozen=True, slots=True)
class Grouping:
    """The value that records are grouped by: the one at `path`, or over an edge the one at `path` in a record of `collection`.

    Over an edge, `keys` are the fields of that record whose values stand in the fields `own`.
    """

    path: str
    direction: int
    collection: str | None = None
    keys: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def said(self) -> Raw:
        """The expression for the value, null where it is missing; over an edge, for the values of the keys."""
        if self.collection is None:
            return {"$ifNull": [f"${self.path}", None]}
        return {key: {"$ifNull": [f"${own}", None]} for key, own in zip(self.keys, self.own, strict=True)}

    def looked_up(self, there: str, into: str) -> Raw:
        """The `$lookup` that puts the record with the keys at the path `there` into the list `into`."""
        first, *others = self.keys
        said = {f"k{at}": f"${there}.{key}" for at, key in enumerate(others)}
        same = [{"$eq": [f"${key}", f"$$k{at}"]} for at, key in enumerate(others)]
        pipeline = {"let": said, "pipeline": [{"$match": {"$expr": {"$and": same}}}]} if others else {}
        look = {"from": self.collection, "localField": f"{there}.{first}", "foreignField": first, "as": into}
        return {"$lookup": look | pipeline}


@dataclass(frozen=True, slots=True)
class Measure:
    """The values that are summed up: one `value` of a record, or one of each element of a list, which is `$$this` in the value.

    `lists` are the path of that list, and before it those of the lists in whose elements it lies.
    """

    lists: tuple[str, ...]
    value: Any

    @property
    def values(self) -> Any:
        """The expression for the list of all values. It maps over lists: the embedded engine follows no path through one."""
        if not self.lists:
            return [self.value]
        elements: Any = f"${self.lists[0]}"
        for inner in self.lists[1:]:
            lists = {"$map": {"input": elements, "in": {"$ifNull": [f"$$this.{inner}", []]}}}
            elements = {"$reduce": {"input": lists, "initialValue": [], "in": {"$concatArrays": ["$$value", "$$this"]}}}
        return {"$map": {"input": elements, "in": self.value}}


def steps(query: Raw, by: Sequence[Grouping], measured: Sequence[Measure], limit: int) -> list[Raw]:
    """The pipeline that answers with `limit` groups, in the order of what they are grouped by.

    A group is `_id: {k0, ..}`, `count` of its records, and for the place n of each measure `min`n, `max`n, `sum`n and, of how
    many numbers, `of`n. Over an edge, records are grouped by its keys first, so that each is looked up once.
    """
    shown = {f"k{at}": each.said for at, each in enumerate(by)} | {f"v{at}": each.values for at, each in enumerate(measured)}
    sums: Raw = {"count": {"$sum": 1}}
    for at in range(len(measured)):
        numbers = {"$filter": {"input": {"$ifNull": [f"$v{at}", []]}, "cond": {"$isNumber": "$$this"}}}
        sums |= {f"{name}{at}": {f"${name}": {f"${name}": f"$v{at}"}} for name in ("min", "max", "sum")}
        sums |= {f"of{at}": {"$sum": {"$size": numbers}}}
    keys = {f"k{at}": f"$k{at}" for at in range(len(by))}
    done: list[Raw] = [{"$match": query}, {"$project": {"_id": 1, **shown}}, {"$group": {"_id": keys, **sums}}]
    if any(each.collection for each in by):
        done += _across(by, sums)
    order = {f"_id.k{at}": each.direction for at, each in enumerate(by)}
    return [*done, *([{"$sort": order}] if order else []), {"$limit": limit}]


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


def _across(by: Sequence[Grouping], sums: Raw) -> list[Raw]:
    done: list[Raw] = []
    keys: Raw = {}
    for at, each in enumerate(by):
        here, there = f"_id.k{at}", f"e{at}"
        keys[f"k{at}"] = f"${here}"
        if each.collection:
            done += [each.looked_up(here, there), {"$unwind": {"path": f"${there}", "preserveNullAndEmptyArrays": True}}]
            keys[f"k{at}"] = {"$ifNull": [f"${there}.{each.path}", None]}
    merged = {name: {"$" + name.rstrip("0123456789"): f"${name}"} for name in sums}
    merged |= {name: {"$sum": f"${name}"} for name in sums if name.startswith(("of", "count"))}
    return [*done, {"$group": {"_id": keys, **merged}}]
