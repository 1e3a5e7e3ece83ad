"""Turns: work that any server process may do and one does at a time, whichever is first when it is due."""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from pydantic import Field

from documents.errors import AlreadyExists, StaleRevision
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.units import Unit
from documents.values import Count, Moment

LEASE = timedelta(minutes=1)


class Turn(Record):
    """Whose turn it is to do one kind of work. It governs nothing, so no event tells of it."""

    keys: ClassVar = ("name",)

    name: str = Field(default="turn", description="The name of the one record of this kind.")
    number: Count = Field(default=0, description="How many turns were begun.")
    due_at: Moment = Field(
        description="The moment from which any process may begin; a working process moves it on, so that the others wait for a "
        "killed one for a minute at most."
    )

    @classmethod
    async def taken(cls, at: datetime, *, at_once: bool = False) -> Self | None:
        """Takes the turn for a minute, if it is due or asked for at once; None if it is not, or another process was faster."""

        async def work(unit: Unit) -> Self | None:
            turn = await cls.wanted("turn") or cls(due_at=at)
            if turn.due_at > at and not at_once:
                return None
            turn.number, turn.due_at = turn.number + 1, at + LEASE
            await turn.store()
            return turn

        try:
            return await bound_database().transact(work, at)
        except (AlreadyExists, StaleRevision):
            return None

    async def hold(self, at: datetime) -> Self:
        """Keeps the turn for another minute, once half of one is over; StaleRevision if another process has it by now."""
        if self.due_at - at > LEASE / 2:
            return self

        async def work(unit: Unit) -> Self:
            return await self.moved(at + LEASE)

        return await bound_database().transact(work, at)

    async def moved(self, due_at: datetime) -> Self:
        """The turn, due again from that moment; inside a unit of work. StaleRevision if another process has it by now."""
        turn = await type(self).require("turn", revision=self.revision)
        turn.due_at = due_at
        await turn.store()
        return turn
