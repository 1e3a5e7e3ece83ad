"""Lists in pages, after the GraphQL Cursor Connections Specification: their types and the fields that answer with them.

The value of a connection is a `documents.store.pages.Page`, whose attributes Strawberry reads by name.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry import UNSET, Parent
from strawberry.types.field import StrawberryField

from documents.access import Permission
from documents.errors import InvalidInput, LimitExceeded
from documents.store.filters import to_query
from documents.store.pages import By, Order, Page, Window
from documents.store.record import Record
from documents.store.units import Raw
from documents.values import Text
from resolvers.graph.asked import asked_for
from resolvers.graph.context import Info, asked_of
from resolvers.graph.filters import filter_of
from resolvers.graph.mutation import query
from resolvers.graph.orders import order_of, ordered_by
from resolvers.graph.registry import pending
from resolvers.graph.selection import chosen_below
from resolvers.graph.types import GUARDED, field

TOTAL = "total_count"
PAGE_SIZE, PAGE = 100, 20  # the most records of a page, and those of one whose size was not said
T = TypeVar("T")

First = Annotated[
    int | None, strawberry.argument(description="Up to 100 are taken from the start. A page has 20 without `first` and `last`.")
]
Last = Annotated[int | None, strawberry.argument(description="Up to 100 are taken from the end.")]
After = Annotated[Text | None, strawberry.argument(description="The page follows this cursor.")]
Filtered = Annotated[T | None, strawberry.argument(description="The records meet this filter.")]
Ordered = Annotated[
    list[T] | None,
    strawberry.argument(description="The order that the list has."),
]
Before = Annotated[Text | None, strawberry.argument(description="The page precedes this cursor.")]


@strawberry.type(description="Page information says where a page ends.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more records follow the page.")
    has_previous_page: bool = strawberry.field(description="Whether more records precede the page.")
    start_cursor: str | None = strawberry.field(description="The cursor that its first record has.")
    end_cursor: str | None = strawberry.field(description="The cursor that its last record has; `after` takes it.")


@strawberry.type(description="An edge holds one record and its place in a list.")
class Edge(Generic[T]):
    node: T = strawberry.field(description="The record that stands there.")
    cursor: str = strawberry.field(description="The cursor says where it stands.")


@strawberry.type(description="A connection is a page of record nodes.")
class Connection(Generic[T]):
    edges: Sequence[Edge[T]] = strawberry.field(description="The edges that the page has.")
    nodes: Sequence[T] = strawberry.field(description="The records that the page has.")
    page_info: PageInfo = strawberry.field(description="The place where the page ends.")

    @field("The number of records that the list has.", reads=())
    @staticmethod
    async def total_count(page: Parent[Any]) -> int:
        counted: Page[Any] = page
        return await counted.total_count()


def listed(kind: type[Record]) -> Any:
    """The connection of a noun: the class that its node declares, else `Connection`."""
    return pending(lambda registry: registry.shapes[kind].connection or Connection[kind])  # type: ignore[valid-type]


def tell_nouns(types: Mapping[str, Any]) -> None:
    """Lets the connections and edges among the GraphQL types of a schema say of which noun they are: generics cannot."""
    generic: Any
    for generic in (Connection, Edge):
        told, ending = generic.__strawberry_definition__.description, generic.__name__
        for name, made in types.items():
            if name.endswith(ending):
                made.description = told.replace("record", f"`{name.removesuffix(ending)}`")


def window(first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
    """The part of a list that the arguments of a connection ask for; InvalidInput or LimitExceeded if they cannot be met."""
    first, last = (None if each is UNSET else each for each in (first, last))
    after, before = after or None, before or None  # an empty text counts as no cursor, and so does UNSET
    if first is not None and last is not None:
        raise InvalidInput("first", "and `last` must not both be given")
    if first is None and last is None:
        first, last = (None, PAGE) if before and not after else (PAGE, None)
    if (after and last is not None) or (before and first is not None):
        raise InvalidInput("after", "must come with `first`, and `before` with `last`")
    name, size = ("first", first) if first is not None else ("last", last or 0)
    if size < 0:
        raise InvalidInput(name, "must not be negative")
    if size > PAGE_SIZE:
        raise LimitExceeded("the size of the page", size, PAGE_SIZE)
    return Window(size, backward=last is not None, cursor=after or before)


async def _paged(kind: type[Record], asked: Raw, order: By, part: Window, info: Info) -> Page[Any]:
    """The page of a list; of none but its total, nothing is read."""
    if not part.size and {each.name for each in chosen_below(info).values()} <= {TOTAL}:
        return Page.of([], order, part, asked, count=lambda: kind.total(asked))
    return await kind.page(asked, order, part, asked_of(info, kind))


def connection(
    kind: type[Record], name: str, description: str, *by: Order, permit: Permission = Permission.READ
) -> StrawberryField:
    """Declares the root list of a noun: `connection(Model, "models", "Models, by their id.", ("model_id", 1))`."""

    async def resolve(
        info: Info,
        filter: Filtered[filter_of(kind)] = UNSET,  # type: ignore[valid-type]
        order_by: Ordered[order_of(kind)] = UNSET,  # type: ignore[valid-type]
        first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET,
    ) -> listed(kind):  # type: ignore[valid-type]  # fmt: skip
        asked = to_query(await asked_for(info.context, filter))
        part = window(first, after, last, before)
        page: Any = await _paged(kind, asked, ordered_by(order_by, by, keyed=kind.keyed), part, info)
        return page

    resolve.__name__, resolve.__doc__ = name, description
    return query(permit)(resolve)


def subset(
    kind: type[Record],
    description: str,
    *by: Order,
    own: Callable[[Any], Raw | Awaitable[Raw]],
    permit: Permission = Permission.READ,
) -> Any:
    """A list like `connection`, of the records that meet the query which `own` makes of the parent.

    Each parent costs a query, so it belongs on types of which an answer holds few. For who lacks the permission it is null.
    """
    guarded, page_type = permit is not Permission.READ, listed(kind)

    async def resolve(
        root: Parent[Any], info: Info,
        filter: Filtered[filter_of(kind)] = UNSET,  # type: ignore[valid-type]
        order_by: Ordered[order_of(kind)] = UNSET,  # type: ignore[valid-type]
        first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET,
    ) -> Any:  # fmt: skip
        if guarded and not info.context.actor.may(permit):
            return None
        asked = to_query(await asked_for(info.context, filter))
        part, mine = window(first, after, last, before), own(root)
        mine = await mine if isawaitable(mine) else mine
        order = ordered_by(order_by, by, keyed=kind.keyed)
        page: Any = await _paged(kind, {"$and": [mine, asked]}, order, part, info)
        return page

    shown = page_type | None if guarded else page_type
    return strawberry.field(resolver=resolve, description=description, graphql_type=shown, metadata={GUARDED: guarded})
