"""Groups of records and what they come to, as MongoDB computes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Grouping:
    """What records are grouped by: the value at `path`, or what stands at `beyond` in the record of which that is the `key`."""

    path: str
    direction: int
    collection: str | None = None
    key: str = ""
    beyond: str = ""


def steps(query: Raw, by: Sequence[Grouping], measured: Sequence[str], limit: int) -> list[Raw]:
    """The pipeline that answers with `limit` groups, in the order of what they are grouped by.

    A group is `_id: {k0, ..}`, `count`, and for the place n of each measured path `min`n, `max`n, `sum`n and, of how many, `of`n.
    Over an edge, records are grouped by their key first, so that each key is looked up once.
    """
    keys = {f"k{at}": {"$ifNull": [f"${each.path}", None]} for at, each in enumerate(by)}
    sums: Raw = {"count": {"$sum": 1}}
    for at, path in enumerate(measured):
        is_number = {"$cond": [{"$isNumber": f"${path}"}, 1, 0]}
        sums |= {f"{name}{at}": {f"${name}": f"${path}"} for name in ("min", "max", "sum")} | {f"of{at}": {"$sum": is_number}}
    done: list[Raw] = [{"$match": query}, {"$group": {"_id": keys, **sums}}]
    if any(each.collection for each in by):
        done += _across(by, sums)
    order = {f"_id.k{at}": each.direction for at, each in enumerate(by)}
    return [*done, *([{"$sort": order}] if order else []), {"$limit": limit}]


def _across(by: Sequence[Grouping], sums: Raw) -> list[Raw]:
    done: list[Raw] = []
    keys: Raw = {}
    for at, each in enumerate(by):
        here, there = f"_id.k{at}", f"e{at}"
        keys[f"k{at}"] = f"${here}"
        if each.collection:
            look = {"from": each.collection, "localField": here, "foreignField": each.key, "as": there}
            done += [{"$lookup": look}, {"$unwind": {"path": f"${there}", "preserveNullAndEmptyArrays": True}}]
            keys[f"k{at}"] = {"$ifNull": [f"${there}.{each.beyond}", None]}
    merged = {name: {"$" + name.rstrip("0123456789"): f"${name}"} for name in sums}
    merged |= {name: {"$sum": f"${name}"} for name in sums if name.startswith(("of", "count"))}
    return [*done, {"$group": {"_id": keys, **merged}}]
