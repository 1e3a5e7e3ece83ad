"""The source of subscriptions: records as they change."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from documents.store.record import Record
from documents.store.units import Raw
from resolvers.graph.context import Info

PATIENCE = 60.0  # seconds after which the caller is authenticated again, even if nothing has changed

R = TypeVar("R", bound=Record)


async def live(info: Info, kind: type[R], wanted: Callable[[Raw], bool]) -> AsyncGenerator[R, None]:
    """The `wanted` records of `kind` that change from now on, until the token of the caller ends (Unauthenticated).

    The token is checked after each batch of changes was taken, so no change is sent that was committed after its end.
    """
    async with aclosing(kind.changes(wanted, PATIENCE)) as batches:
        async for batch in batches:
            await info.context.renew()
            for record in batch:
                info.context.forget()
                yield record
