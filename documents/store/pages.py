"""Lists in pages, by keyset: as fast on the last page as on the first, and stable while others insert and delete."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import NoneType
from typing import Any, Generic, TypeVar, get_args, get_origin

import bson
from bson import ObjectId
from bson.codec_options import CodecOptions
from pydantic import BaseModel

from documents.errors import InvalidInput
from documents.store.fields import Fields, fields_at
from documents.store.standins import at_path
from documents.store.units import Raw

T = TypeVar("T")
Order = tuple[str, int]  # the path of a stored field, and 1 for ascending or -1 for descending
By = tuple[Order, ...]


def ordering(by: By) -> Fields:
    """The fields of a record that its cursor in this order holds."""
    return fields_at(*(path for path, _ in by if path != "_id"))


class Edge(Generic[T]):
    """A record of a page, and its cursor, which is made when somebody asks for it."""

    __slots__ = ("_by", "node")

    def __init__(self, node: T, by: By) -> None:
        self.node, self._by = node, by

    @property
    def cursor(self) -> str:
        node: Any = self.node
        said = {"by": [list(each) for each in self._by], "at": [at_path(node._raw, path) for path, _ in self._by]}
        return urlsafe_b64encode(bson.encode(said)).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Window:
    """The part of an ordered list that a page shows: `size` records from one end, or next to a cursor."""

    size: int
    backward: bool = False
    cursor: str | None = None

    def queries(self, kind: type[BaseModel], query: Raw, by: By) -> list[Raw]:
        """The queries for the records that meet `query` beyond the cursor, in their order.

        They compare with the values in the cursor (keyset pagination), so insertions and deletions move no page. There are
        several because an index can serve each of them, but no index serves their union.
        """
        if self.cursor is None:
            return [query]
        at = _position(self.cursor, by, "before" if self.backward else "after")
        pieces = _beyond(kind, list(zip(self.order(by), at, strict=True)))
        return [{"$and": [query, each]} if query else each for each in pieces]

    def order(self, by: By) -> list[Order]:
        return [(path, -direction if self.backward else direction) for path, direction in by]


def _beyond(kind: type[BaseModel], ordered: Sequence[tuple[Order, Any]]) -> list[Raw]:
    """The queries for what comes after a record in an order, nearest first; MongoDB sorts null before every other value."""
    found = []
    for index, ((path, direction), value) in reversed([*enumerate(ordered)]):
        equal = {each: {"$eq": there} for (each, _), there in ordered[:index]}
        if direction > 0:
            found.append(equal | {path: {"$ne": None} if value is None else {"$gt": value}})
        elif value is not None:
            found.append(equal | {path: {"$lt": value}})
            found += [equal | {path: {"$eq": None}}] if optional(kind, path) else []
    return found


def optional(kind: Any, path: str) -> bool:
    """Whether the value at a dotted path of stored fields can be null."""
    for step in path.split(".") if path != "_id" else ():
        annotation = kind.model_fields[step].annotation
        if NoneType in get_args(annotation):
            return True
        kind = annotation
    return False


def list_on(kind: Any, path: str) -> str | None:
    """The beginning of a dotted path that ends at the first list on it; `None` if no list is on the path."""
    steps = path.split(".")
    for index, step in enumerate(steps, 1):
        annotation = kind.model_fields[step].annotation
        if get_origin(annotation) is tuple:
            return ".".join(steps[:index])
        kind = next((each for each in get_args(annotation) if each is not NoneType), annotation)
    return None


def _position(cursor: str, by: By, argument: str) -> list[Any]:
    try:
        said: Raw = bson.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), CodecOptions(tz_aware=True))
        at = said["at"]
        if said["by"] != [list(each) for each in by] or len(at) != len(by):
            raise ValueError
        for (path, _), value in zip(by, at, strict=True):
            if not isinstance(value, ObjectId if path == "_id" else str | int | float | datetime | None):
                raise ValueError
    except (ValueError, KeyError, TypeError, bson.errors.BSONError) as error:
        raise InvalidInput(argument, "is no cursor of this list and order") from error
    return list(at)


class Page(Generic[T]):
    """One page of an ordered list: its records, whether there are more, and how many there are in all, counted when asked."""

    __slots__ = ("_by", "_count", "has_next_page", "has_previous_page", "nodes", "query")

    def __init__(
        self, nodes: Sequence[T], by: By, query: Raw, more: tuple[bool, bool], count: Callable[[], Awaitable[int]]
    ) -> None:
        self.nodes, self._by, self._count = nodes, by, count
        self.query = query
        """What every record of the list meets, on this page or another."""
        self.has_previous_page, self.has_next_page = more

    @classmethod
    def of(cls, fetched: Sequence[T], by: By, window: Window, query: Raw, count: Callable[[], Awaitable[int]]) -> Page[T]:
        """The page of `fetched`, which holds one record more than the page where there are more."""
        nodes, more, entered = fetched[: window.size], len(fetched) > window.size, window.cursor is not None
        if window.backward:
            return cls(nodes[::-1], by, query, (more, entered), count)
        return cls(nodes, by, query, (entered, more), count)

    @property
    def edges(self) -> list[Edge[T]]:
        return [Edge(node, self._by) for node in self.nodes]

    @property
    def page_info(self) -> Page[T]:
        return self

    @property
    def start_cursor(self) -> str | None:
        return Edge(self.nodes[0], self._by).cursor if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        return Edge(self.nodes[-1], self._by).cursor if self.nodes else None

    async def total_count(self) -> int:
        return await self._count()


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the values of some fields stand in each record, after the steps by which a record counts for each key in its list.

    A record that lists several of the wanted keys in one field is repeated, once for each.
    """

    paths: Sequence[str]
    steps: Sequence[Raw]

    @classmethod
    def of(cls, kind: type[BaseModel], there: Sequence[str], keys: Sequence[tuple[Any, ...]]) -> Spread:
        """`there` are the fields whose values are one of the `keys`; a field inside a list must be the only one."""
        if (whole := list_on(kind, there[0])) is None:
            return cls(there, [])
        (path,) = there
        own = f"_own{path.removeprefix(whole)}"  # the embedded server follows no path through a list
        wanted = {"$match": {own: {"$in": [key for (key,) in keys]}}}
        return cls([own], [{"$set": {"_own": f"${whole}"}}, {"$unwind": "$_own"}, wanted])

    @property
    def names(self) -> dict[str, str]:
        """The expression for each value, under the number of its field."""
        return {str(at): f"${path}" for at, path in enumerate(self.paths)}

    def counts(self, query: Raw) -> list[Raw]:
        """The pipeline that counts the records for each key."""
        return [{"$match": query}, *self.steps, {"$group": {"_id": self.names, "count": {"$sum": 1}}}]

    def pages(self, query: Raw, order: Sequence[Order], size: int, shown: Mapping[str, int] | None) -> list[Raw]:
        """The pipeline that answers with the first `size` records of each key in `order`, projected to `shown`."""
        sort = dict(order)
        ranked = {"partitionBy": self.names, "sortBy": sort, "output": {"_rank": {"$documentNumber": {}}}}
        own = dict.fromkeys(self.paths if self.steps else (), 1)
        return [
            {"$match": query},
            *self.steps,
            {"$setWindowFields": ranked},
            {"$match": {"_rank": {"$lte": size}}},
            {"$unset": "_rank"} if shown is None else {"$project": {**shown, **own}},
            {"$sort": sort},
        ]
