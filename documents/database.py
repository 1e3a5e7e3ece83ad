"""Where records live. The only module that knows the driver, the session and the transaction."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import date
from functools import cache, partial
from itertools import count
from time import monotonic
from typing import Any, ClassVar, Self, TypeVar, cast

import bson
import pymongo
from beanie import Document, PydanticObjectId, init_beanie
from beanie.odm.fields import IndexedAnnotation
from bson.codec_options import CodecOptions, TypeEncoder, TypeRegistry
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import Field, PrivateAttr
from pymongo import IndexModel, WriteConcern
from pymongo.errors import ConnectionFailure, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern

from documents import aggregates, records
from documents.audit.canonical import same
from documents.errors import AlreadyExists, ChangesMissed, LimitExceeded, NotFound, StaleRevision, Unavailable
from documents.fields import Fields, both, fields_at, projection
from documents.streams import Feed, Wanted
from documents.units import OutsideUnitOfWork, Raw, Unit, current_unit, open_unit

T = TypeVar("T")
_database: ContextVar[Database | None] = ContextVar("database", default=None)

RECORD_BYTES = 4 * 1024 * 1024
BATCH = 5_000  # whatever a request reads comes in one command, as far as 16 MB go
AGAIN = ("TransientTransactionError", "UnknownTransactionCommitResult")
READS = {"aggregate", "count_documents", "distinct", "find", "find_one", "full_name", "name", "watch"}
ROUND, PAUSE = 1_000, 1.0  # milliseconds that a change stream waits at the server; seconds until it is tried again


def bound_database() -> Database:
    database = _database.get()
    if database is None:
        raise RuntimeError("no database is bound here")
    return database


def is_outage(error: BaseException) -> bool:
    """Whether the database is away, rather than anything wrong with what was asked of it."""
    return isinstance(error, ConnectionFailure) or (isinstance(error, PyMongoError) and any(map(error.has_error_label, AGAIN)))


def answered_within(seconds: float) -> AbstractContextManager[None]:
    """Has the server give up what is asked of it inside, after what is then left of `seconds` (MongoDB's maxTimeMS)."""
    return pymongo.timeout(seconds)


class _DayEncoder(TypeEncoder):
    """BSON knows moments but no days: a day is its RFC 3339 text, which sorts as it should."""

    python_type = date

    def transform_python(self, value: date) -> str:
        return value.isoformat()


DAYS = TypeRegistry([_DayEncoder()])
AWARE: CodecOptions[Raw] = CodecOptions(tz_aware=True, type_registry=DAYS)
NAIVE: CodecOptions[Raw] = CodecOptions(tz_aware=False, type_registry=DAYS)


class Readable:
    """A collection as records see it: read where a database is bound, written by `store()` and nothing else."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    def __getattr__(self, name: str) -> Any:
        if name not in READS:
            raise OutsideUnitOfWork(f"{name} goes past store()")
        if self._collection is None:
            raise RuntimeError(f"{name}: no database is bound here")
        return getattr(self._collection, name)


class Database:
    """One named database; its units of work take turns, so a process never conflicts with itself."""

    def __init__(self, uri: str, name: str, *, patience: float = 10, **options: Any) -> None:
        self.name, self.patience = name, patience
        # No write concern here: the driver would send it with each command of a bound transaction, which has its own.
        settings: dict[str, Any] = {"serverSelectionTimeoutMS": 5_000} | options
        self.client: Any = AsyncIOMotorClient(uri, tz_aware=True, **settings)
        self.close, self.collections = self.client.close, self.client[name]
        self.collection = cache(lambda each: self.collections[each].with_options(AWARE))
        self.raw = cache(lambda each: self.collections[each].with_options(NAIVE))
        self._turn = asyncio.Lock()
        self._feeds: dict[str, Feed] = {}

    async def prepare(self, kinds: Sequence[type[Record]]) -> None:
        """Makes `kinds` records of this database, and their indexes."""
        await self.know(kinds)
        with self.bound():
            await asyncio.gather(*(each._collection().create_indexes(each.indexes()) for each in kinds))

    async def know(self, kinds: Sequence[type[Record]]) -> None:
        """Makes `kinds` records that can be read, and writes nothing."""
        # Beanie is told of a kind once: each time it asks the server's version twice a kind, and for the indexes that are there.
        new = [each for each in kinds if "_document_settings" not in vars(each)]
        await init_beanie(database=self.collections, document_models=new, skip_indexes=True)

    async def check(self) -> Mapping[str, Any]:
        """What the server says of itself; raises Unavailable where none answers."""
        try:
            return cast("Mapping[str, Any]", await self.client.admin.command("hello"))
        except ConnectionFailure as error:
            raise Unavailable from error

    def feed(self, collection: str) -> Feed:
        """The one stream of changes of a collection that all of this process share."""
        return self._feeds.setdefault(collection, Feed(partial(self._changes, collection)))

    async def end_feeds(self) -> None:
        """Sends away who listens, and waits until their streams are closed; for who comes back at once there is another."""
        ended, self._feeds = self._feeds, {}
        await asyncio.gather(*(each.end() for each in ended.values()))

    async def _changes(self, collection: str) -> AsyncGenerator[Raw | None, None]:
        """Each document as its committed change left it, from now on; None after each second without one.

        Goes on from its resume token when the database comes back; ChangesMissed when that is too old by then.
        """
        token = None
        while True:
            begun_at = token
            try:
                async with self.collection(collection).watch(
                    full_document="updateLookup", resume_after=token, max_await_time_ms=ROUND
                ) as stream:
                    while stream.alive:
                        change = await stream.try_next()
                        token = stream.resume_token
                        yield change and change.get("fullDocument")
            except PyMongoError as error:
                if token is None:
                    raise
                if token == begun_at and not is_outage(error):
                    raise ChangesMissed from error
            await asyncio.sleep(PAUSE)
            yield None

    @contextmanager
    def bound(self) -> Iterator[Database]:
        """Inside, every record reads and writes here: several databases can share a process."""
        token = _database.set(self)
        try:
            yield self
        finally:
            _database.reset(token)

    async def transact(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Do `work` in one transaction, and again while `patience` lasts: when another process got in its way, and when
        the answer to the commit was lost. So `work` must know its own traces again: see `AuditHead.touch`.

        Whoever waits for it may be cancelled, the transaction is not: the driver would abort it while it commits.
        """
        if open_unit():
            raise RuntimeError("a unit of work inside a unit of work")
        return await asyncio.shield(self._in_turn(work))

    async def _in_turn(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        async with self._turn:
            give_up = monotonic() + self.patience
            for attempt in count(1):
                try:
                    return await self._once(work)
                except PyMongoError as error:
                    if monotonic() > give_up or not any(map(error.has_error_label, AGAIN)):
                        raise
                    await asyncio.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))
            raise AssertionError("unreachable")

    async def _once(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        async with await self.client.start_session() as session:
            # Bound, the session serves every read and write below, Beanie's own included.
            with session.delegate.bind(end_session=False), Unit().opened() as unit:
                async with session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority", j=True)):
                    return await work(unit)


class Record(Document):
    """What is stored: named by its keys, written only inside a unit of work, never over somebody else's change."""

    keys: ClassVar[tuple[str, ...]]
    unique: ClassVar[frozenset[str]] = frozenset()  # fields beside a single key that each tell any two records apart
    event: ClassVar[str]  # the audit event when it changes and nothing says otherwise
    private: ClassVar[frozenset[str]] = frozenset()  # paths that the trail says have changed, not from what to what
    reviewed: ClassVar[frozenset[str]] = frozenset()  # paths that the trail tells by their content's digest
    derived: ClassVar[frozenset[str]] = frozenset()  # stored fields that follow from others: the trail leaves them out

    revision: int = Field(default=0, description="How often this was stored; optimistic updates compare it.")
    _was: Raw | None = PrivateAttr(default=None)
    _told_as: str | None = PrivateAttr(default=None)
    _notes: list[tuple[str, Raw]] = PrivateAttr(default_factory=list)
    _facts: Raw = PrivateAttr(default_factory=dict)
    _partly: bool = PrivateAttr(default=False)

    @classmethod
    def _collection(cls) -> Any:
        database = _database.get()
        return database.collection(cls.get_collection_name()) if database else None

    @classmethod
    def _writable(cls, for_what: str = "") -> Any:
        """The collection itself, for the few records that are not written by `store()`; only in a unit of work."""
        current_unit(f"{cls.__name__} {for_what}")
        return cls._collection()

    @classmethod
    def get_motor_collection(cls) -> Any:
        """Beanie's way to its collection, made to follow the bound database and to refuse Beanie's own writes."""
        return Readable(cls._collection())

    @property
    def key(self) -> str:
        return "/".join(str(getattr(self, name)) for name in self.keys)

    @property
    def filed_under(self) -> dict[str, str] | None:
        """The model version that the record is about, as the trail files it."""
        return None

    def told_as(self, event: str | None) -> str:
        """The audit event of its change: as a rule named it, else `event`, else its kind's own."""
        return self._told_as or event or self.event

    def tells(self, event: str) -> None:
        """Lets a rule name the audit event of its change, where the mutation alone does not decide it."""
        self._told_as = event

    @property
    def notes(self) -> Sequence[tuple[str, Raw]]:
        """Further audit events that come with the change, and the facts that they tell."""
        return self._notes

    def note(self, event: str, facts: Raw) -> None:
        self._notes.append((event, facts))

    @property
    def facts(self) -> Raw:
        """What the audit event of its change tells beside the change."""
        return self._facts

    @property
    def partly(self) -> bool:
        """Whether the change is a part only of what somebody asked for."""
        return self._partly

    def tells_of(self, facts: Raw, partly: bool) -> None:
        self._facts, self._partly = facts, partly

    @classmethod
    async def require(cls, *key: str, revision: int | None = None) -> Self:
        """The record of that key, whole and ready to be changed; NotFound without one, StaleRevision if `revision` is past."""
        found = await cls.wanted(*key)
        if found is None:
            raise NotFound(cls.__name__, "/".join(key))
        if revision is not None and revision != found.revision:
            raise StaleRevision(cls.__name__, found.key, revision)
        return found

    @classmethod
    async def wanted(cls, *key: str) -> Self | None:
        raw = await cls._collection().find_one(dict(zip(cls.keys, key, strict=True)))
        return None if raw is None else cls.hydrated(raw)

    @classmethod
    async def every(cls, query: Raw) -> list[Self]:
        """Whole records for a rule or a change; what only answers a question is `read`."""
        return [cls.hydrated(raw) for raw in await cls._collection().find(query, batch_size=BATCH).to_list(None)]

    @classmethod
    def hydrated(cls, raw: Raw) -> Self:
        record = cast("Self", cls.model_validate(raw))
        record._was = raw
        return record

    @classmethod
    async def identified(cls, identities: Sequence[str], fields: Fields = None) -> Sequence[Self]:
        """The records of those database ids, in any order; what is no id is nobody's."""
        ids = [PydanticObjectId(each) for each in identities if PydanticObjectId.is_valid(each)]
        return await cls.read({"_id": {"$in": ids}}, fields=fields) if ids else []

    @classmethod
    async def read(cls, query: Raw, by: Sequence[records.Order] = (), limit: int = 0, fields: Fields = None) -> Sequence[Self]:
        """What meets `query`, in the order `by`; hydrated as far as somebody asks. The door for the graph."""
        cursor = cls._raws().find(query, projection(cls, fields), limit=limit, sort=list(by) or None, batch_size=BATCH)
        return cast("list[Self]", [records.Found(cls, raw, fields) for raw in await cursor.to_list(None)])

    @classmethod
    async def seek(cls, query: Raw, fields: Fields = None) -> Self | None:
        raw = await cls._raws().find_one(query, projection(cls, fields))
        return None if raw is None else cast("Self", records.Found(cls, raw, fields))

    @classmethod
    async def page(cls, query: Raw, by: records.By, window: records.Window, fields: Fields = None) -> records.Page[Self]:
        """One page of `read`, by keyset: as fast on the last page as on the first."""
        by = cls.settled(by)
        fields = both(fields, cls._ordering(by))
        fetched: list[Self] = []
        for piece in window.queries(cls, query, by):
            fetched += await cls.read(piece, window.order(by), window.size + 1 - len(fetched), fields)
            if len(fetched) > window.size:
                break
        return records.Page.of(fetched, by, window, count=lambda: cls.tally(query))

    @classmethod
    def settled(cls, by: records.By) -> records.By:
        """`by` as far as it takes to tell any two records apart: to the first field that does, else with the id."""
        for place, (path, _) in enumerate(by, 1):
            if path in cls.unique or (path,) == cls.keys:
                return by[:place]
        return (*by, ("_id", by[-1][1]))

    @classmethod
    def _ordering(cls, by: records.By) -> Fields:
        """What a cursor says of a record."""
        return fields_at(*(path for path, _ in by if path != "_id"))

    @classmethod
    def indexes(cls) -> list[IndexModel]:
        """What it is looked up and listed by: of single fields as their annotations say, and of several as `Settings` does."""
        annotated = [
            IndexModel([(name, each._indexed[0])], **each._indexed[1])
            for name, field in cls.model_fields.items()
            for each in field.metadata
            if isinstance(each, IndexedAnnotation)
        ]
        return [*annotated, *getattr(cls.Settings, "indexes", ())]

    @classmethod
    def indexed(cls) -> frozenset[str]:
        """The paths that an index begins with: what can be looked up, and listed in order, without reading everything."""
        return frozenset(next(iter(each.document["key"])) for each in cls.indexes())

    @classmethod
    async def tally(cls, query: Raw) -> int:
        return cast("int", await cls._raws().count_documents(query))

    @classmethod
    async def counts(
        cls, query: Raw, of: Mapping[str, Raw], distinct: Mapping[str, str], elements: Mapping[str, tuple[str, Raw]]
    ) -> dict[str, int]:
        """How many of the records that meet `query` are of each kind, as `aggregates.counts` says it; in one command for all."""
        (found,) = await cls._raws().aggregate(aggregates.counts(query, of, distinct, elements)).to_list(None)
        return {name: sum(each["n"] for each in counted) for name, counted in found.items()}

    @classmethod
    async def tallies(cls, query: Raw, there: Sequence[str], keys: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
        """How many there are for each of the `keys`, the values in the fields `there`, in one command for all."""
        own, spread = cls._spread(there, keys)
        names = {str(at): f"${path}" for at, path in enumerate(own)}
        grouped = {"_id": names, "count": {"$sum": 1}}
        found = cls._raws().aggregate([{"$match": query}, *spread, {"$group": grouped}], batchSize=BATCH)
        return {tuple(map(raw["_id"].get, names)): raw["count"] async for raw in found}

    @classmethod
    async def groups(
        cls, query: Raw, by: Sequence[aggregates.Grouping], measured: Sequence[aggregates.Measure], limit: int
    ) -> list[Raw]:
        """What the records that meet `query` come to, group by group, as `aggregates.steps` says it."""
        steps = aggregates.steps(query, by, measured, limit)
        return cast("list[Raw]", await cls._raws().aggregate(steps, batchSize=BATCH).to_list(None))

    @classmethod
    async def partitions(
        cls, query: Raw, there: Sequence[str], keys: Sequence[tuple[Any, ...]], by: records.By, window: records.Window,
        fields: Fields = None,
    ) -> dict[tuple[Any, ...], list[Self]]:  # fmt: skip
        """A page, in the settled order `by`, for each of the `keys`, the values in the fields `there`; in one command for all."""
        own, spread = cls._spread(there, keys)
        order, fields = dict(window.order(by)), both(fields, both(cls._ordering(by), fields_at(*there)))
        shown = projection(cls, fields)
        ranked = {
            "partitionBy": {str(at): f"${path}" for at, path in enumerate(own)},
            "sortBy": order,
            "output": {"_rank": {"$documentNumber": {}}},
        }
        steps: list[Raw] = [
            {"$match": {"$or": window.queries(cls, query, by)}},
            *spread,
            {"$setWindowFields": ranked},
            {"$match": {"_rank": {"$lte": window.size + 1}}},
            {"$unset": "_rank"} if shown is None else {"$project": shown | dict.fromkeys(own if spread else (), 1)},
            {"$sort": order},
        ]
        found: dict[tuple[Any, ...], list[Self]] = {}
        async for raw in cls._raws().aggregate(steps, batchSize=BATCH):
            key = tuple(records.at_path(raw, path) for path in own)
            found.setdefault(key, []).append(cast("Self", records.Found(cls, raw, fields)))
        return found

    @classmethod
    def _spread(cls, there: Sequence[str], keys: Sequence[tuple[Any, ...]]) -> tuple[Sequence[str], list[Raw]]:
        """Where the values of `there` stand after the steps by which a record that lists several of the keys counts for each."""
        if (whole := records.list_on(cls, there[0])) is None:
            return there, []
        (path,) = there
        own = f"_own{path.removeprefix(whole)}"  # the embedded server follows no path through a list
        wanted = {"$match": {own: {"$in": [key for (key,) in keys]}}}
        return [own], [{"$set": {"_own": f"${whole}"}}, {"$unwind": "$_own"}, wanted]

    @classmethod
    async def changes(cls, wanted: Wanted, patience: float) -> AsyncGenerator[Sequence[Self], None]:
        """The records that change from now on and are `wanted`, as they come; none whenever `patience` seconds brought none."""
        with bound_database().feed(cls.get_collection_name()).heard(wanted) as listener:
            while True:
                yield cast("list[Self]", [records.Found(cls, raw) for raw in await listener.take(patience)])

    @classmethod
    def _raws(cls) -> Any:
        return bound_database().raw(cls.get_collection_name())

    async def store(self) -> None:
        """Inserts, or updates what is still at this revision; what did not change is not written."""
        unit = current_unit(f"{type(self).__name__} {self.key}")
        before, after = self._was, self._as_stored()
        was = before or {}
        changed = {name: value for name, value in after.items() if not same(value, was.get(name, _NOTHING))}
        if not changed:
            return
        changed["revision"] = after["revision"] = self.revision + 1
        if before is None:
            await self._insert(after)
        else:
            await self._update(changed)
        self.revision, self._was = after["revision"], after
        unit.remember(self, before, after)

    async def _insert(self, after: Raw) -> None:
        try:
            await self._collection().insert_one(after)
        except DuplicateKeyError as error:  # the server has aborted the transaction: only refusing is left
            raise AlreadyExists(type(self).__name__, self.key) from error

    async def _update(self, changed: Raw) -> None:
        done = await self._collection().update_one({"_id": self.id, "revision": self.revision}, {"$set": changed})
        if done.modified_count != 1:
            raise StaleRevision(type(self).__name__, self.key, self.revision)

    def _as_stored(self) -> Raw:
        """The record as it would come back: lists for tuples, texts for choices and days, so that two can be compared."""
        self.id = self.id or PydanticObjectId()
        said = {"_id": self.id, **self.model_dump(exclude={"id"}, exclude_computed_fields=True, by_alias=True)}
        encoded = bson.encode(said, codec_options=AWARE)
        if len(encoded) > RECORD_BYTES:
            raise LimitExceeded(f"{type(self).__name__} {self.key}", len(encoded), RECORD_BYTES)
        return bson.decode(encoded, AWARE)


_NOTHING = object()
