"""Edges said as data: which noun, by which stored fields. One query a request answers all edges of a kind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import strawberry
from strawberry import UNSET, Parent

from documents.database import Record
from documents.records import Order, Page, Window
from resolvers.graph.connections import After, Before, Connection, First, Last, window
from resolvers.graph.context import Context, Info, Loader, carrying
from resolvers.graph.types import READS


def one(kind: type[Record], description: str, **own: str) -> Any:
    """The record of `kind` whose keys are the values of these fields: `one(Model, "…", model_id="model_id")`."""

    async def resolve(root: Parent[Any], info: Info) -> Any:
        return await info.context.one(kind).load(tuple([getattr(root, own[key]) for key in kind.keys]))

    return _edge(resolve, own, description, kind | None)


def many(kind: type[Record], description: str, **own: str) -> Any:
    """Every record of `kind` that carries these values; only where there are few by nature."""

    async def resolve(root: Parent[Any], info: Info) -> Any:
        return await info.context.many(kind, *own).load(tuple([getattr(root, name) for name in own.values()]))

    return _edge(resolve, own, description, list[kind])  # type: ignore[valid-type]


def pages(kind: type[Record], description: str, by: Order, **own: str) -> Any:
    """The records of `kind` that carry these values, in pages; one query for the pages of all parents."""

    async def resolve(
        root: Parent[Any], info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Any:
        loader = paged(info.context, kind, tuple(own), by, window(first, after, last, before))
        return await loader.load(tuple([getattr(root, name) for name in own.values()]))

    return _edge(resolve, own, description, Connection[kind])  # type: ignore[valid-type]


def paged(context: Context, kind: type[Record], there: tuple[str, ...], by: Order, part: Window) -> Loader:
    """Loads, for each tuple of values in the stored fields `there`, the page `part` of the records that carry them."""

    async def load(keys: list[tuple[Any, ...]]) -> Sequence[Page[Any]]:
        found = await kind.partitions(carrying(there, keys), there, by, part)
        return [Page.of(found.get(key, []), by, part, count=partial(counts.load, key)) for key in keys]

    async def count(keys: list[tuple[Any, ...]]) -> Sequence[int]:
        found = await kind.tallies(carrying(there, keys), there)
        return [found.get(key, 0) for key in keys]

    counts = context.loader(("count", kind, there), count)
    return context.loader((kind, there, by, part), load)


def _edge(resolve: Any, own: dict[str, str], description: str, graphql_type: Any) -> Any:
    metadata = {READS: frozenset(own.values())}
    return strawberry.field(resolver=resolve, description=description, graphql_type=graphql_type, metadata=metadata)
