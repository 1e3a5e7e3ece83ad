"""The connection to one database, and which database the code that runs now is bound to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache, partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, cast

import bson
import pymongo
from beanie import init_beanie
from bson.codec_options import CodecOptions, DatetimeConversion, TypeEncoder, TypeRegistry
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import ConnectionFailure

from documents.errors import Unavailable
from documents.store.precedence import Precedence
from documents.store.streams import Feed, changes_of
from documents.store.transaction import Settling, Transactions
from documents.store.units import Raw, Unit

if TYPE_CHECKING:
    from documents.seals import Keyring
    from documents.store.record import Record

T = TypeVar("T")
_database: ContextVar[Database | None] = ContextVar("database", default=None)
_until: ContextVar[float] = ContextVar("until", default=inf)
"""The time by which the server is to have answered, in seconds of the monotonic clock."""

IN_DOUBT = 30.0  # seconds: longer than a transaction is repeated
AT_ONCE = 1 << 20  # bytes of documents that are decoded in one piece, in which no other thread runs
UNDECODABLE = (BSONError, ValueError, TypeError, OverflowError, RecursionError)
BATCH = 5_000  # documents of one answer of the server: whatever a request reads comes in one command, up to 16 MB


class _DayEncoder(TypeEncoder):
    """Stores a day as its RFC 3339 text, which sorts as days do: BSON has moments but no days."""

    python_type = date

    def transform_python(self, value: date) -> str:
        return value.isoformat()


_DAYS = TypeRegistry([_DayEncoder()])
# Whoever writes to the database can store a moment beyond the years that Python knows, or a text that is no UTF-8. By default the
# driver raises for the whole answer. So a moment comes as DatetimeMS then, and a text with unpaired surrogates.
_TOLERANT: Any = {"datetime_conversion": DatetimeConversion.DATETIME_AUTO, "unicode_decode_error_handler": "surrogateescape"}
AWARE: CodecOptions[Raw] = CodecOptions(tz_aware=True, type_registry=_DAYS, **_TOLERANT)
NAIVE: CodecOptions[Raw] = CodecOptions(tz_aware=False, type_registry=_DAYS, **_TOLERANT)
UNDECODED: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)


def decoded(stored: RawBSONDocument) -> Raw:
    """A stored document, moments aware; an empty one if its bytes are no BSON that the driver can decode."""
    try:
        return bson.decode(stored.raw, AWARE)
    except UNDECODABLE:
        return {}


def decoded_batch(stored: bytes) -> list[Raw]:
    """The documents in a batch, as `decoded` decodes each."""
    if len(stored) <= AT_ONCE:
        with suppress(*UNDECODABLE):
            return bson.decode_all(stored, AWARE)
    return [decoded(each) for each in bson.decode_all(stored, UNDECODED)]


def bound_database() -> Database:
    """The database that this context is bound to; RuntimeError outside `Database.bound`."""
    database = _database.get()
    if database is None:
        raise RuntimeError("no database is bound here")
    return database


def database_if_bound() -> Database | None:
    return _database.get()


@contextmanager
def answered_within(seconds: float) -> Iterator[None]:
    """Has the server give up each command inside after what is left of `seconds` (MongoDB's maxTimeMS)."""
    token = _until.set(min(monotonic() + seconds, _until.get()))
    try:
        with pymongo.timeout(seconds):
            yield
    finally:
        _until.reset(token)


def time_left() -> float:
    """The seconds that `answered_within` leaves to the commands here; infinite if nobody set them a time."""
    return _until.get() - monotonic()


class Database:
    """One named database on one server; its transactions take turns, so that one process never conflicts with itself."""

    def __init__(self, uri: str, name: str, settling: Settling, *, patience: float = 10, **options: Any) -> None:
        self.name = name
        # No write concern here: the driver would send it with each command of a bound transaction, which has its own.
        settings: dict[str, Any] = {"serverSelectionTimeoutMS": 5_000} | options
        self.client: Any = AsyncIOMotorClient(uri, tz_aware=True, **settings)
        self.close, self.collections = self.client.close, self.client[name]
        self.collection = cache(lambda each: self.collections[each].with_options(AWARE))
        self.raw = cache(lambda each: self.collections[each].with_options(NAIVE))
        self.undecoded = cache(lambda each: self.collections[each].with_options(UNDECODED))
        self.transactions = Transactions(self.client, settling, patience)
        self.precedence = Precedence(lambda: self.transactions.busy)
        """Lets mutations go before questions."""
        self.alone = asyncio.Lock()
        """Held by a mutation of which this process does one at a time."""
        self._feeds: dict[str, Feed] = {}
        self.keyring: Keyring | None = None
        """The keys that seal the records that grant access; whoever opens the database sets them."""
        self.sealed = 0
        """How many records this process has sealed here."""
        self.granted = 0
        """How often this process has written or committed a change of a record that grants access here."""
        self._granting = 0.0
        self.latest: dict[tuple[str, str], int] = {}
        """The highest places that this process has seen events of records that grant access in, by kind and key of the record."""

    async def prepare(self, kinds: Sequence[type[Record]]) -> None:
        """Makes `kinds` the records of this database, and creates their indexes."""
        await self.know(kinds)
        with self.bound():
            await asyncio.gather(*(each.create_indexes() for each in kinds))

    async def know(self, kinds: Sequence[type[Record]]) -> None:
        """Makes `kinds` readable as records of this database, and writes nothing."""
        # Beanie initialises a class once a process. Repeating it costs two commands a class.
        new = [each for each in kinds if "_document_settings" not in vars(each)]
        await init_beanie(database=self.collections, document_models=new, skip_indexes=True)

    async def check(self) -> Mapping[str, Any]:
        """What the server says of itself (`hello`); raises Unavailable where no server answers."""
        try:
            return cast("Mapping[str, Any]", await self.client.admin.command("hello"))
        except ConnectionFailure as error:
            raise Unavailable from error

    @property
    def granting(self) -> bool:
        """Whether a record that grants access was written here and is perhaps not committed yet, so that a read may miss it.

        For a change that is rolled back, and for one whose commit was answered by nobody, that is so for half a minute.
        """
        return monotonic() < self._granting

    def grants(self, unit: Unit) -> None:
        """Notes that a record that grants access was written, and once it is committed, for those who remember such records."""
        self.granted, self._granting = self.granted + 1, monotonic() + IN_DOUBT
        unit.once_committed.append(self._has_granted)

    def _has_granted(self) -> None:
        self.granted, self._granting = self.granted + 1, 0.0

    def feed(self, collection: str) -> Feed:
        """The one change stream of a collection, which all listeners of this process share."""
        return self._feeds.setdefault(collection, Feed(partial(changes_of, self.collection(collection))))

    async def end_feeds(self) -> None:
        """Ends every listener's subscription and waits until the streams are closed; a new listener opens a new stream."""
        ended, self._feeds = self._feeds, {}
        await asyncio.gather(*(each.end() for each in ended.values()))

    @contextmanager
    def bound(self) -> Iterator[Database]:
        """Inside, every record reads and writes here: several databases can share a process."""
        token = _database.set(self)
        try:
            yield self
        finally:
            _database.reset(token)

    async def transact(self, work: Callable[[Unit], Awaitable[T]], at: datetime, within: float = inf, soon: float = inf) -> T:
        """Does `work` in one transaction as of the moment `at`, begun `within` so many seconds: `Transactions.run`."""
        return await self.transactions.run(work, at, within, soon)

    async def look(self, work: Callable[[Unit], Awaitable[T]], at: datetime) -> T:
        """Does `work`, which only reads, as of one moment: `Transactions.look`."""
        return await self.transactions.look(work, at)
