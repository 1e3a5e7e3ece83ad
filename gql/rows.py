"""Reads the tokens and people that sign in, and refuses one that is not as it was stored here last."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from documents.audit.sealing import NOT_LAST, LastSeqs
from documents.errors import NotAsTold, Unauthenticated, Unreadable
from documents.people import Stakeholder
from documents.seals import Keyring, problem_of, seq_of
from documents.store.server import UnreadableDocument
from documents.store.session import bound_database
from documents.store.units import Raw
from documents.tokens import ApiToken, TokenKind

R = TypeVar("R", ApiToken, Stakeholder)
KNOWN = 10_000


@dataclass
class Rows:
    """What one process knows of the rows that grant access."""

    _last: LastSeqs = field(default_factory=LastSeqs)
    _right: dict[tuple[str, str], tuple[Keyring, Raw]] = field(default_factory=dict)
    """The rows whose seals were right, by kind and key, with the keys."""

    async def signed_in(self, token_id: str, secret: str | None, now: datetime) -> tuple[ApiToken, Stakeholder | None]:
        """The token and its holder, None for a service. No `secret` is given for a token that was accepted before.

        Raises Unauthenticated for what lets nobody in, and NotAsTold if the token or the holder is not as it was stored here
        last. A change that is committed between the reads looks like an old row that was put back, so another look decides.
        """
        for look, last_look in enumerate((False, False, True)):
            try:
                return await self._looked_up(token_id, secret, now, again=look > 0)
            except NotAsTold:
                if last_look:
                    raise
        raise AssertionError("unreachable")

    async def _looked_up(
        self, token_id: str, secret: str | None, now: datetime, *, again: bool
    ) -> tuple[ApiToken, Stakeholder | None]:
        token, person = await self._read_both(token_id)
        if token is None or not (token.stands(now) if secret is None else token.accepts(secret, now)):
            raise Unauthenticated("the token is unknown, expired or revoked")
        await self._last.follow(now=again)
        await self._refuse(token)
        if token.kind is TokenKind.SERVICE:
            return token, None
        if person is None:
            raise Unauthenticated("the holder of the token is not active")
        await self._refuse(person)
        if not person.active:
            raise Unauthenticated("the holder of the token is not active")
        return token, person

    async def refuse_altered(self, person: Stakeholder) -> None:
        """NotAsTold for a person who was read just now and is not as stored here last."""
        await self._last.follow()
        try:
            await self._refuse(person)
        except NotAsTold:  # another process may have changed the row within the second that nothing was followed
            await self._last.follow(now=True)
            await self._refuse(person)

    async def _refuse(self, record: ApiToken | Stakeholder) -> None:
        kind, row, keyring = type(record).__name__, record.was or {}, bound_database().keyring
        if keyring is None:
            raise NotAsTold(kind, record.key, "there is no secret key here")
        place, found = (kind, record.key), None
        if self._right.get(place) != (keyring, row):  # most rows are as they were when their seal was last computed
            found = problem_of(kind, record.key, row, keyring)
            if len(self._right) >= KNOWN:
                self._right.clear()
            self._right |= {place: (keyring, row)} if found is None else {}
        if found is None and seq_of(row) != await self._last.of(kind, record.key):
            found = NOT_LAST
        if found:
            raise NotAsTold(kind, record.key, found)

    async def _read_both(self, token_id: str) -> tuple[ApiToken | None, Stakeholder | None]:
        """The token of that public name and its holder, by one command; NotAsTold as `read` raises it."""
        try:
            return await ApiToken.first_with({"token_id": token_id}, Stakeholder, "holder", "user_id")
        except (UnreadableDocument, Unreadable):  # of the two, the one that cannot be read is to be named
            token = await self.read(ApiToken, token_id)
            return token, token and await self.read(Stakeholder, token.holder)

    @staticmethod
    async def read(kind: type[R], key: str) -> R | None:
        """The record of that key; None without one, NotAsTold for one that no record of its kind can be read from."""
        try:
            return await kind.wanted(key)
        except (UnreadableDocument, Unreadable) as error:
            raise NotAsTold(kind.__name__, key, "it cannot be read") from error
