"""Records as they change, for whoever subscribes."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from documents.store.record import Record
from documents.store.units import Raw
from resolvers.graph.context import Info

PATIENCE = 60.0  # seconds after which it is asked again who listens, though nothing happens

R = TypeVar("R", bound=Record)


async def live(info: Info, kind: type[R], wanted: Callable[[Raw], bool]) -> AsyncGenerator[R, None]:
    """The records of `kind` that change from now on and are `wanted`, for as long as the token signs in.

    It is asked after each taking, so nothing is shown that was committed after a token's end.
    """
    async with aclosing(kind.changes(wanted, PATIENCE)) as batches:
        async for batch in batches:
            await info.context.renew()
            for record in batch:
                info.context.forget()
                yield record
