"""Lists in pages: one generic connection, by keyset. Its values are `documents.records.Page`, read by name."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry import UNSET, Parent

from documents.database import Record
from documents.errors import InvalidInput, LimitExceeded
from documents.records import Order, Page, Window
from resolvers.graph.context import Info
from resolvers.graph.filters import asked_for
from resolvers.graph.selection import asked_of
from resolvers.graph.types import field

PAGE_SIZE = 100
T = TypeVar("T")

First = Annotated[int | None, strawberry.argument(description="How many from the beginning, or after `after`; 100 at most.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, or before `before`; 100 at most.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to go on behind.")]
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


def window(first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
    """The part of a list that the arguments of a connection ask for."""
    first, last = (None if each is UNSET else each for each in (first, last))
    after, before = after or None, before or None  # UNSET, like an empty text, is no cursor
    if (first is None) is (last is None):
        raise InvalidInput("first", "or `last` must say how many, and not both")
    if (after and last is not None) or (before and first is not None):
        raise InvalidInput("after", "goes with `first`, and `before` with `last`")
    name, size = ("first", first) if first is not None else ("last", last or 0)
    if size < 0:
        raise InvalidInput(name, "must not be negative")
    if size > PAGE_SIZE:
        raise LimitExceeded("a page", size, PAGE_SIZE)
    return Window(size, backward=last is not None, cursor=after or before)


async def listed(
    info: Info,
    kind: type[Record],
    by: Order,
    filter: Any,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Any:
    """What a root connection answers: the records of `kind` that meet the filter, as far as the selection asks of them."""
    return await kind.page(asked_for(filter), by, window(first, after, last, before), asked_of(info, kind))
