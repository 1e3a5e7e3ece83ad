"""Lists in pages, after the GraphQL Cursor Connections Specification: their types and the fields that answer with them.

The value of a connection is a `documents.store.pages.Page`, whose attributes Strawberry reads by name.
"""

from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry import UNSET, Parent
from strawberry.types.field import StrawberryField

from documents.access import Permission
from documents.errors import InvalidInput, LimitExceeded
from documents.store.filters import to_query
from documents.store.pages import Order, Page, Window
from documents.store.record import Record
from documents.store.units import Raw
from resolvers.graph.asked import asked_for
from resolvers.graph.context import Info, asked_of
from resolvers.graph.filters import filter_of
from resolvers.graph.mutation import query
from resolvers.graph.orders import order_of, ordered_by
from resolvers.graph.registry import pending
from resolvers.graph.types import field

PAGE_SIZE = 100
T = TypeVar("T")

First = Annotated[int | None, strawberry.argument(description="How many from the beginning, or after `after`; 100 at most.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, or before `before`; 100 at most.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to go on behind.")]
Filtered = Annotated[T | None, strawberry.argument(description="What they must meet; left out: all are listed.")]
Ordered = Annotated[
    list[T] | None,
    strawberry.argument(description="What they are ordered by, the first field first; left out: as this list says of itself."),
]
Before = Annotated[str | None, strawberry.argument(description="The cursor to end before.")]


@strawberry.type(description="Where a page ends, and whether there is more.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is more after it.")
    has_previous_page: bool = strawberry.field(description="Whether there is more before it.")
    start_cursor: str | None = strawberry.field(description="The cursor of its first record.")
    end_cursor: str | None = strawberry.field(description="The cursor of its last record; what `after` takes to go on.")


@strawberry.type(description="A record and its place.")
class Edge(Generic[T]):
    node: T = strawberry.field(description="The record.")
    cursor: str = strawberry.field(description="Its place in the order.")


@strawberry.type(description="A page of records.")
class Connection(Generic[T]):
    edges: Sequence[Edge[T]] = strawberry.field(description="The records and their places.")
    nodes: Sequence[T] = strawberry.field(description="The records alone.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")

    @field("How many there are in all; counted only when asked.", reads=())
    @staticmethod
    async def total_count(page: Parent[Any]) -> int:
        counted: Page[Any] = page
        return await counted.total_count()


def listed(kind: type[Record]) -> Any:
    """The connection of a noun: the class that its node declares, else `Connection`."""
    return pending(lambda registry: registry.shapes[kind].connection or Connection[kind])  # type: ignore[valid-type]


def window(first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
    """The part of a list that the arguments of a connection ask for; InvalidInput or LimitExceeded if they cannot be met."""
    first, last = (None if each is UNSET else each for each in (first, last))
    after, before = after or None, before or None  # an empty text counts as no cursor, and so does UNSET
    if (first is None) is (last is None):
        raise InvalidInput("first", "or `last` must be given, and not both")
    if (after and last is not None) or (before and first is not None):
        raise InvalidInput("after", "must come with `first`, and `before` with `last`")
    name, size = ("first", first) if first is not None else ("last", last or 0)
    if size < 0:
        raise InvalidInput(name, "must not be negative")
    if size > PAGE_SIZE:
        raise LimitExceeded("the size of the page", size, PAGE_SIZE)
    return Window(size, backward=last is not None, cursor=after or before)


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
        page: Any = await kind.page(asked, ordered_by(order_by, by), part, asked_of(info, kind))
        return page

    resolve.__name__, resolve.__doc__ = name, description
    return query(permit)(resolve)


def subset(kind: type[Record], description: str, *by: Order, own: Callable[[Any], Raw | Awaitable[Raw]]) -> Any:
    """A list like `connection`, of the records that meet the query which `own` makes of the parent.

    Each parent costs a query, so it belongs on types of which an answer holds few.
    """

    async def resolve(
        root: Parent[Any], info: Info,
        filter: Filtered[filter_of(kind)] = UNSET,  # type: ignore[valid-type]
        order_by: Ordered[order_of(kind)] = UNSET,  # type: ignore[valid-type]
        first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET,
    ) -> listed(kind):  # type: ignore[valid-type]  # fmt: skip
        asked = to_query(await asked_for(info.context, filter))
        part, mine = window(first, after, last, before), own(root)
        mine = await mine if isawaitable(mine) else mine
        page: Any = await kind.page({"$and": [mine, asked]}, ordered_by(order_by, by), part, asked_of(info, kind))
        return page

    return strawberry.field(resolver=resolve, description=description)
