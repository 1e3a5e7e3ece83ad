"""Verifications that callers ask for: one at a time in a process, and one answer for all who wait for the same."""

from collections.abc import Sequence
from functools import partial
from weakref import WeakKeyDictionary

from documents.audit.books import Books
from documents.audit.findings import Report
from documents.audit.verify import verify
from documents.store.session import Database, bound_database
from documents.turnstile import Turnstile

_turnstiles: WeakKeyDictionary[Database, Turnstile[Report]] = WeakKeyDictionary()


async def shared_verification(
    first: int, last: int | None, checkpoint: str | None, keys: Sequence[str], books: Books | None = None
) -> Report:
    """What `verify` reports of these arguments, in a run that begins after the call and that others may share."""
    database, asked = bound_database(), (first, last, checkpoint, tuple(keys), books)
    turnstile = _turnstiles.setdefault(database, Turnstile())
    return await turnstile.through(asked, partial(_verified, database, *asked))


async def _verified(
    database: Database, first: int, last: int | None, checkpoint: str | None, keys: Sequence[str], books: Books | None
) -> Report:
    with database.bound():
        return await verify(first, last, checkpoint, keys, books=books)
