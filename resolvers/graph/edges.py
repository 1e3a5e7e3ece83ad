"""Edges between nouns, declared by the stored fields that join them. The edges of a request load together, one query a kind."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import strawberry
from strawberry import UNSET, Parent

from documents.store.filters import to_query
from documents.store.pages import By, Order, Page, Window
from documents.store.record import Record
from resolvers.graph.asked import ACROSS, Across, asked_for
from resolvers.graph.connections import After, Before, Filtered, First, Last, Ordered, listed, window
from resolvers.graph.context import Context, Info, Loader, asked_of, carrying
from resolvers.graph.filters import filter_of
from resolvers.graph.orders import order_of, ordered_by
from resolvers.graph.types import GUARDED, READS, TOGETHER, Parents


def one(kind: type[Record], description: str, **own: str) -> Any:
    """An edge to the record of `kind` whose keys equal these fields of the parent: `one(Model, "…", model_id="model_id")`.

    It is null if there is no such record. Filters on the parent can follow it.
    """

    async def resolve(root: Parent[Any], info: Info) -> Any:
        return await _followed(root, names, info.context.one(kind, asked_of(info, kind)), lambda _, key: None not in key)

    names = tuple([own[key] for key in kind.keys])
    across = Across(kind, kind.keys, names)
    return _edge(resolve, own.values(), description, kind | None, across)


def many(kind: type[Record], description: str, **own: str) -> Any:
    """An edge to all records of `kind` with these values, in one list without pages, for edges that lead to few records."""

    async def resolve(root: Parent[Any], info: Info) -> Any:
        return await _followed(root, names, info.context.many(kind, *own, fields=asked_of(info, kind)))

    names = tuple(own.values())

    return _edge(resolve, own.values(), description, list[kind])  # type: ignore[valid-type]


def pages(
    kind: type[Record],
    description: str,
    *by: Order,
    own: Mapping[str, str],
    may: Callable[[Any, Context], bool] | None = None,
    reads: Iterable[str] = (),
) -> Any:
    """An edge to the records of `kind` that have these values, or have them in a list; one query loads the pages of all parents.

    `own` gives for each field of `kind` the field of the parent. `may` says whether the caller may see the records: for
    others the edge is null. `reads` are the fields of the parent that it needs.
    """

    async def resolve(
        root: Parent[Any], info: Info,
        filter: Filtered[filter_of(kind)] = UNSET,  # type: ignore[valid-type]
        order_by: Ordered[order_of(kind)] = UNSET,  # type: ignore[valid-type]
        first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET,
    ) -> Any:  # fmt: skip
        if may and not any(may(each, info.context) for each in (root if type(root) is Parents else (root,))):
            return [None] * len(root) if type(root) is Parents else None
        part = window(first, after, last, before)
        loader = paged(info, kind, tuple(own), ordered_by(order_by, by, keyed=kind.keyed), part, *await _filter(info, filter))
        return await _followed(root, names, loader, lambda each, _: not may or may(each, info.context))

    names, page = tuple(own.values()), listed(kind)
    return _edge(resolve, [*own.values(), *reads], description, page | None if may else page, guarded=may is not None)


async def _followed(
    root: Any, names: tuple[str, ...], loader: Loader, leads: Callable[[Any, tuple[Any, ...]], bool] = lambda *_: True
) -> Any:
    """What an edge leads to: of a parent, or of each of several; None where the parent and its key lead nowhere."""
    if type(root) is not Parents:
        key = tuple([getattr(root, name) for name in names])
        return await loader.load(key) if leads(root, key) else None
    keys = [key if leads(each, key := tuple([getattr(each, name) for name in names])) else None for each in root]
    found = await loader.load_all([key for key in keys if key is not None])
    return [None if key is None else found[key] for key in keys]


async def _filter(info: Info, given: Any) -> tuple[Mapping[str, Any], str]:
    """The query that a filter asks for, and a name for it; it is read once for all parents whose field it is an argument of."""
    if given is UNSET:
        return {}, ""

    async def read(_: Any) -> Sequence[tuple[Mapping[str, Any], str]]:
        asked = to_query(await asked_for(info.context, given))
        return [(asked, repr(asked))]

    found: tuple[Mapping[str, Any], str] = await info.context.loader(("filter", id(info._raw_info.field_nodes[0])), read).load(
        None
    )
    return found


def paged(
    info: Info,
    kind: type[Record],
    there: tuple[str, ...],
    by: By,
    part: Window,
    asked: Mapping[str, Any] | None = None,
    name: str = "",
) -> Loader:
    """The loader of pages, from a tuple of values in the fields `there` to the page `part` of the records that have them.

    `name` tells the queries apart that the records meet beside.
    """
    by, fields = kind.settled(by), asked_of(info, kind)

    def query(keys: list[tuple[Any, ...]]) -> dict[str, Any]:
        return {"$and": [carrying(there, keys), asked]} if asked else carrying(there, keys)

    async def load(keys: list[tuple[Any, ...]]) -> Sequence[Page[Any]]:
        found = await kind.partitions(query(keys), there, keys, by, part, fields)
        return [Page.of(found.get(key, []), by, part, query([key]), count=partial(counts.load, key)) for key in keys]

    async def count(keys: list[tuple[Any, ...]]) -> Sequence[int]:
        found = await kind.tallies(query(keys), there, keys)
        return [found.get(key, 0) for key in keys]

    counts = info.context.loader(("count", kind, there, name), count)
    return info.context.loader((kind, there, by, part, name, id(fields)), load)


def _edge(
    resolve: Any, reads: Iterable[str], description: str, graphql_type: Any, across: Across | None = None, guarded: bool = False
) -> Any:
    said = {READS: frozenset(reads), GUARDED: guarded, TOGETHER: True, **({ACROSS: across} if across else {})}
    return strawberry.field(resolver=resolve, description=description, graphql_type=graphql_type, metadata=said)
