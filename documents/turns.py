"""Turns: work that any server process may do and one does at a time, whichever is first when it is due."""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from pydantic import Field, ValidationError

from documents.errors import AlreadyExists, StaleRevision
from documents.store.record import Record, is_revision
from documents.store.session import bound_database
from documents.store.units import Raw, Unit
from documents.values import Count, Moment, is_count

LEASE = timedelta(minutes=1)
NUMBERS = 2**32  # of turns; with one a second they last for 136 years


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
    async def cleared(cls, at: datetime, longest: timedelta) -> bool:
        """Deletes the record if no server can have stored it, such as one that is due in a thousand years; whether it did.

        `longest` is the longest wait for a turn that a server stores.
        """
        stored = await cls.raw_window({}, (), 2)
        if not stored or (len(stored) == 1 and cls._is_made(stored[0], at + longest + LEASE)):
            return False

        async def work(unit: Unit) -> None:
            await cls.delete_unrecorded({})

        await bound_database().transact(work, at)
        return True

    @classmethod
    def _is_made(cls, raw: Raw, latest: datetime) -> bool:
        try:
            turn = cls.hydrated(raw)
        except (ValidationError, ValueError, TypeError, OverflowError):
            return False
        counted = is_count(raw.get("number")) and is_revision(raw.get("revision"))
        named = counted and turn.name == "turn" and isinstance(raw.get("due_at"), datetime)
        return named and turn.due_at <= latest and turn.number < NUMBERS - 1

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
