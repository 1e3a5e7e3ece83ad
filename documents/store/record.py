"""What is stored: a record named by its keys, written only inside a unit of work, never over somebody else's change."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, TypeVar, cast
from weakref import WeakKeyDictionary

import bson
from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field, PrivateAttr
from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, WriteError

from documents.canonical import UNSPEAKABLE, same
from documents.details import Disclosure
from documents.errors import AlreadyExists, InvalidInput, LimitExceeded, NotFound, StaleRevision
from documents.salts import FIELD as SALTS
from documents.salts import are_salts, renewed
from documents.seals import FIELD as SEAL
from documents.seals import seal
from documents.store import aggregates
from documents.store.fields import Fields, both, fields_at, projection
from documents.store.indexes import Index
from documents.store.pages import By, Order, Page, Spread, Window, ordering
from documents.store.pauses import pausing
from documents.store.session import AWARE, BATCH, Database, bound_database, database_if_bound, decoded
from documents.store.standins import VALUE_ERRORS, Found, at_path, unreadable
from documents.store.streams import Wanted
from documents.store.totals import ALL, BEGINNING, kept
from documents.store.units import Bearing, Counts, OutsideUnitOfWork, Raw, Unit, current_unit, open_unit

R = TypeVar("R", bound="Record")
Known: TypeAlias = WeakKeyDictionary[Database, tuple[list[bytes], list[R]]]
"""The records of a kind in each database as they were read last, with their bytes."""
Identity = PydanticObjectId
RECORD_BYTES = 4 * 1024 * 1024
UNKNOWN_ZONE, TYPE_MISMATCH, DUPLICATE_KEY = 40485, 14, 11000  # MongoDB's codes
WINDOW_BYTES = 16 * 1024 * 1024  # a document has at most as many
_BESIDE = "_beside"
_READS = {"aggregate", "count_documents", "distinct", "find", "find_one", "full_name", "name", "watch"}


class _ReadOnly:
    """A collection as Beanie sees it: read where a database is bound, never written past `store()`."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    def __getattr__(self, name: str) -> Any:
        if name not in _READS:
            raise OutsideUnitOfWork(f"{name} goes past store()")
        if self._collection is None:
            raise RuntimeError(f"{name}: no database is bound here")
        return getattr(self._collection, name)


class Record(Document):
    """What is stored: named by its keys, written only inside a unit of work, never over somebody else's change."""

    collection: ClassVar[str]  # the name of its collection
    keys: ClassVar[tuple[str, ...]]  # the fields that together name one record; an index keeps them unique
    unique: ClassVar[frozenset[str]] = frozenset()  # fields beside a single key that each tell any two records apart
    indexes: ClassVar[Sequence[Index]] = ()  # what it is looked up and listed by, beside its keys
    bears_on: ClassVar[Sequence[Bearing]] = ()  # the model versions that are judged anew when it changes
    grants_access: ClassVar[bool] = False  # whether somebody may sign in, or may do more, because of it
    written_last: ClassVar[bool] = False  # whether `store()` leaves the write to the end of the unit of work
    event: ClassVar[str]  # the audit event of a change for which neither mutation nor rule names one
    private: ClassVar[frozenset[str]] = frozenset()  # paths of whose values the trail gives a salted digest
    reviewed: ClassVar[frozenset[str]] = frozenset()  # paths of which the trail gives the digest of the content
    cites: ClassVar[frozenset[str]] = frozenset()  # paths whose value is the digest of a content
    derived: ClassVar[frozenset[str]] = frozenset()  # stored fields that follow from others: the trail leaves them out
    untold: ClassVar[frozenset[str]] = frozenset()  # bookkeeping that the trail leaves out
    following: ClassVar[frozenset[str]] = frozenset()  # told fields that nobody sets: their change leaves the revision as it is
    ordered: ClassVar[frozenset[str]] = frozenset()  # these five as `Value` has them
    grouped: ClassVar[frozenset[str]] = frozenset()
    summed: ClassVar[frozenset[str]] = frozenset()
    bounded: ClassVar[frozenset[str]] = frozenset()
    semantic: ClassVar[frozenset[str]] = frozenset()
    counted_by: ClassVar[Sequence[str]] = ()  # the stored fields that `counts_for` reads; none if no counts are kept
    keyed: ClassVar[Mapping[str, str]] = {}  # the fields that stand for others in an order, by the paths of these

    revision: int = Field(default=0, description="The number of times that it was stored.")
    _was: Raw | None = PrivateAttr(default=None)
    _named_event: str | None = PrivateAttr(default=None)
    _notes: list[tuple[str, Raw]] = PrivateAttr(default_factory=list)
    _facts: Raw = PrivateAttr(default_factory=dict)
    _partly: bool = PrivateAttr(default=False)
    _given_salts: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _sealed_row: Raw | None = PrivateAttr(default=None)

    # Beanie's own look for fields that are parsed late, at each access, and for its collection, at each record that is made.
    # Nothing here is parsed late, and every access to the collection goes through `_collection`.
    if not TYPE_CHECKING:  # which would take every attribute for anything
        __init__ = BaseModel.__init__
        __getattribute__ = object.__getattribute__

    def __init_subclass__(cls, **said: Any) -> None:
        super().__init_subclass__(**said)
        if name := vars(cls).get("collection"):
            cls.Settings = type("Settings", (), {"name": name})  # where Beanie looks for the name

    @property
    def was(self) -> Raw | None:
        """The document as it was last read or stored; None for a new record."""
        return self._was

    # The audit event of a change

    @classmethod
    def told(cls) -> bool:
        """Whether the trail tells of records of this kind."""
        return hasattr(cls, "event")

    @classmethod
    def disclosure(cls) -> Disclosure:
        """How an event shows the paths of a record of this kind."""
        return Disclosure(cls.private, cls.reviewed, cls.derived, cls.cites, cls.untold)

    @classmethod
    def recomputed(cls, raw: Raw) -> Raw:
        """The derived fields of a stored document as they follow from its other fields; not `standing`. Pure."""
        return {}

    @classmethod
    def counts_for(cls, raw: Raw) -> Iterable[Counts]:
        """What a stored document counts for in the figures that are kept (`documents.store.counts`). Pure."""
        return [Counts(ALL)]

    @classmethod
    def salts_of(cls, before: Raw | None, after: Raw, changed: Collection[str], given: Mapping[str, str]) -> Raw:
        """The field with the salts of a document, where it differs from what `before` has; empty otherwise.

        Unreadable if what `before` has are no salts, and somebody changes the record.
        """
        if not cls.told():
            return {}
        if before is not None and not are_salts(before.get(SALTS)):
            if set(changed) <= cls.derived | cls.following:  # a version is judged whatever its salts are
                return {}
            raise unreadable(cls, before, SALTS)
        salts = renewed(before, after, cls.private, changed, given)
        return {} if before is not None and salts == before.get(SALTS) else {SALTS: salts}

    def takes_salts(self, given: Mapping[str, str]) -> None:
        """Gives the salts of private values that are new, by path, where a content was made with them."""
        self._given_salts = {**self._given_salts, **given}

    @property
    def key(self) -> str:
        return "/".join(str(getattr(self, name)) for name in self.keys)

    @property
    def carried_out_in(self) -> str | None:
        """The environment that a change of the record is about; None for a record that is about none."""
        return None

    @property
    def filed_under(self) -> dict[str, str] | None:
        """The model and version that the record is about, as the trail files it; an empty version for the whole model."""
        return None

    @property
    def place(self) -> tuple[str | None, str | None]:
        """The model and the environment that it is about, which whoever changes it must reach."""
        return (self.filed_under or {}).get("model_id"), self.carried_out_in

    def event_of_change(self, default: str | None) -> str:
        """The audit event of its change: the one that a rule named, else `default`, else `event`."""
        return self._named_event or default or self.event

    def names_event(self, event: str) -> None:
        """Lets a rule name the audit event of its change, where the mutation alone does not decide it."""
        self._named_event = event

    @property
    def notes(self) -> Sequence[tuple[str, Raw]]:
        """Further audit events that come with the change, each with its facts."""
        return self._notes

    def note(self, event: str, facts: Raw) -> None:
        self._notes.append((event, facts))

    @property
    def facts(self) -> Raw:
        """The facts that the audit event of its change has beside the change."""
        return self._facts

    @property
    def partly(self) -> bool:
        """Whether the change is only a part of what the caller asked for."""
        return self._partly

    def adds_facts(self, facts: Raw, partly: bool) -> None:
        self._facts, self._partly = facts, partly

    # Whole records, for rules and changes

    @classmethod
    async def require(cls, *key: str, revision: int | None = None) -> Self:
        """The record of that key, whole and ready to be changed; NotFound without one, StaleRevision if `revision` is past."""
        found = await cls.wanted(*key)
        if found is None:
            raise NotFound(cls.__name__, "/".join(key))
        if unit := open_unit():
            unit.required.append(found)
        if revision is not None and revision != found.revision:
            raise StaleRevision(cls.__name__, found.key, revision, found.revision)
        return found

    @classmethod
    async def wanted(cls, *key: str) -> Self | None:
        return await cls.first(dict(zip(cls.keys, key, strict=True)))

    @classmethod
    async def first(cls, query: Raw, by: Sequence[Order] = ()) -> Self | None:
        """The first record, whole, that meets `query` in the order `by`; None without one."""
        raw = await cls.raw_first(query, by)
        return None if raw is None else cls._own(raw)

    @classmethod
    async def first_with(cls, query: Raw, other: type[R], own: str, there: str) -> tuple[Self | None, R | None]:
        """The record that meets `query`, and the one of another kind that has in `there` what this one has in `own`, both whole.

        One command reads both.
        """
        beside = {"from": other.collection, "localField": own, "foreignField": there, "as": _BESIDE}
        steps = [{"$match": query}, {"$limit": 1}, {"$lookup": beside}]
        found: list[Raw] = await cls._collection().aggregate(steps).to_list(None)
        if not found:
            return None, None
        others = found[0].pop(_BESIDE)
        return cls._own(found[0]), other._own(others[0]) if others else None

    @classmethod
    async def every(cls, query: Raw, by: Sequence[Order] = (), limit: int = 0) -> list[Self]:
        """Whole records, for a rule or a change; a question is answered by `read`."""
        return [cls._own(raw) async for raw in pausing(await cls.raws(query, by, limit))]

    @classmethod
    async def every_as_known(cls, known: Known[Self]) -> list[Self]:
        """All records, whole, for a rule: those of `known` again while the stored bytes are the same. Nobody may change them."""
        database = bound_database()
        stored = await database.undecoded(cls.collection).find({}, batch_size=BATCH).to_list(None)
        said = [each.raw for each in stored]
        before = known.get(database)
        if before is None or before[0] != said:
            known[database] = before = said, [cls._own(bson.decode(each, AWARE)) for each in said]
        return [*before[1]]

    @classmethod
    def _own(cls, raw: Raw) -> Self:
        """The record of a document: the one that waits in the open unit of work, if one does."""
        unit = open_unit()
        waiting = unit.waiting.get(raw["_id"]) if unit else None
        if waiting is not None:
            return cast("Self", waiting)
        try:
            return cls.hydrated(raw)
        except VALUE_ERRORS as error:
            raise unreadable(cls, raw, error) from error

    @classmethod
    def hydrated(cls, raw: Raw) -> Self:
        record = cast("Self", cls.model_validate(raw))
        record._was = raw
        return record

    # Stand-ins, for the graph: the documents as they lie, projected from the selection

    @classmethod
    async def read(cls, query: Raw, by: Sequence[Order] = (), limit: int = 0, fields: Fields = None) -> Sequence[Self]:
        """Stand-ins for the records that meet `query`, in the order `by`; each is hydrated once a caller asks for a rule."""
        cursor = cls._raws().find(query, projection(cls, fields), limit=limit, sort=list(by) or None, batch_size=BATCH)
        return cls.stand_ins(await cursor.to_list(None), fields)

    @classmethod
    async def seek(cls, query: Raw, fields: Fields = None) -> Self | None:
        raw = await cls._raws().find_one(query, projection(cls, fields))
        return None if raw is None else cls.stand_ins([raw], fields)[0]

    @classmethod
    def stand_ins(cls, raws: Sequence[Raw], fields: Fields = None) -> list[Self]:
        return cast("list[Self]", [Found(cls, raw, fields) for raw in raws])

    @classmethod
    async def identified(cls, identities: Sequence[str], fields: Fields = None) -> Sequence[Self]:
        """The records of those database ids, in any order; a text that is no id names no record."""
        ids = [Identity(each) for each in identities if Identity.is_valid(each)]
        return await cls.read({"_id": {"$in": ids}}, fields=fields) if ids else []

    @classmethod
    async def page(cls, query: Raw, by: By, window: Window, fields: Fields = None) -> Page[Self]:
        """One page of `read`, by keyset: as fast on the last page as on the first."""
        by = cls.settled(by)
        fields = both(fields, ordering(by))
        fetched: list[Self] = []
        for piece in window.queries(cls, query, by):
            fetched += await cls.read(piece, window.order(by), window.size + 1 - len(fetched), fields)
            if len(fetched) > window.size:
                break
        return Page.of(fetched, by, window, query, count=lambda: cls.total(query))

    @classmethod
    def settled(cls, by: By) -> By:
        """`by` up to the first field that tells any two records apart, else with the id after it."""
        for index, (path, _) in enumerate(by, 1):
            if path in cls.unique or (path,) == cls.keys:
                return by[:index]
        return (*by, ("_id", by[-1][1]))

    @classmethod
    async def partitions(
        cls, query: Raw, there: Sequence[str], keys: Sequence[tuple[Any, ...]], by: By, window: Window, fields: Fields = None
    ) -> dict[tuple[Any, ...], list[Self]]:
        """A page, in the settled order `by`, for each of the `keys`, the values in the fields `there`; one command for all."""
        spread = Spread.of(cls, there, keys)
        fields = both(fields, both(ordering(by), fields_at(*there)))
        pieces = {"$or": window.queries(cls, query, by)}
        if len(keys) == 1 and not spread.steps:  # a list like any other, which an index serves; none serves the pipeline
            return {keys[0]: [*await cls.read(pieces, window.order(by), window.size + 1, fields)]}
        found: dict[tuple[Any, ...], list[Self]] = {}
        for raw in await cls.aggregated(spread.pages(pieces, window.order(by), window.size + 1, projection(cls, fields))):
            key = tuple(at_path(raw, path) for path in spread.paths)
            found.setdefault(key, []).extend(cls.stand_ins([raw], fields))
        return found

    # Numbers

    @classmethod
    async def tally(cls, query: Raw) -> int:
        return cast("int", await cls._raws().count_documents(query))

    @classmethod
    async def total(cls, query: Raw) -> int:
        """What `tally` counts, from the counts that are kept where they have it."""
        if query or not cls.counted_by:
            return await cls.tally(query)
        return (await kept(cls.collection, [ALL], BEGINNING))[ALL]

    @classmethod
    async def counts(
        cls, query: Raw, of: Mapping[str, Raw], distinct: Mapping[str, str], elements: Mapping[str, tuple[str, Raw]]
    ) -> dict[str, int]:
        """How many of the records that meet `query` are of each kind, as `aggregates.counts` defines it; one command for all."""
        (found,) = await cls.aggregated(aggregates.counts(query, of, distinct, elements))
        return {name: sum(each["n"] for each in counted) for name, counted in found.items()}

    @classmethod
    async def tallies(cls, query: Raw, there: Sequence[str], keys: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
        """How many records there are for each of the `keys`, the values in the fields `there`; one command for all."""
        spread = Spread.of(cls, there, keys)
        found = await cls.aggregated(spread.counts(query))
        return {tuple(raw["_id"][name] for name in spread.names): raw["count"] for raw in found}

    @classmethod
    async def groups(cls, query: Raw, asked: aggregates.Question, limit: int) -> list[Raw]:
        """What the records that meet `query` come to, group by group, as `aggregates.steps` defines it."""
        try:
            return await cls.aggregated(aggregates.steps(query, asked, limit))
        except OperationFailure as failure:
            if failure.code == UNKNOWN_ZONE:
                raise InvalidInput("groupBy", "names a time zone that the database does not know") from failure
            raise

    # Documents exactly as they are stored: for the trail, which must read what no record could hold

    @classmethod
    async def raws(cls, query: Raw, by: Sequence[Order] = (), limit: int = 0, fields: Sequence[str] | None = None) -> list[Raw]:
        """The documents that meet `query`, moments aware; `fields` names those that are fetched, all if None."""
        shown = None if fields is None else dict.fromkeys(fields, 1)
        cursor = cls._collection().find(query, shown, limit=limit, sort=list(by) or None, batch_size=BATCH)
        return cast("list[Raw]", await cursor.to_list(None))

    @classmethod
    async def raw_first(cls, query: Raw, by: Sequence[Order] = ()) -> Raw | None:
        return cast("Raw | None", await cls._collection().find_one(query, sort=list(by) or None))

    @classmethod
    async def raw_stream(cls, query: Raw, by: Sequence[Order], fields: Sequence[str]) -> AsyncIterator[Raw]:
        """The documents that meet `query`, one after the other: memory stays flat, however many there are."""
        async for raw in cls._collection().find(query, dict.fromkeys(fields, 1), sort=list(by)):
            yield raw

    @classmethod
    async def raw_windows(
        cls, query: Raw, by: Sequence[Order], size: int, fields: Sequence[str] | None = None
    ) -> AsyncGenerator[list[Raw], None]:
        """The documents that meet `query`, moments aware, at most `size` at once and about 16 MiB; no value makes it raise."""
        shown = None if fields is None else dict.fromkeys(fields, 1)
        window: list[Raw] = []
        weight = 0
        cursor = bound_database().undecoded(cls.collection).find(query, shown, sort=list(by) or None, batch_size=size + 1)
        async for stored in cursor:
            window.append(decoded(stored))
            weight += len(stored.raw)
            if len(window) >= size or weight >= WINDOW_BYTES:
                yield window
                window, weight = [], 0
        if window:
            yield window

    @classmethod
    async def batches(cls, query: Raw, by: Sequence[Order], size: int) -> AsyncGenerator[bytes, None]:
        """The documents that meet `query`, at most `size` + 1 at once and 16 MB, as the server sends them.

        `decoded_batch` reads them, in another thread: that takes longer than to get them.
        """
        cursor = bound_database().collection(cls.collection).find_raw_batches(query, sort=list(by) or None, batch_size=size + 1)
        async for batch in cursor:
            yield batch

    @classmethod
    async def raw_window(cls, query: Raw, by: Sequence[Order], size: int, fields: Sequence[str] | None = None) -> list[Raw]:
        """The first of `raw_windows`; empty if no document meets `query`."""
        async with aclosing(cls.raw_windows(query, by, size, fields)) as windows:
            return await anext(windows, [])

    @classmethod
    async def aggregated(cls, steps: Sequence[Raw]) -> list[Raw]:
        """What an aggregation pipeline leaves; moments come without time zone, as BSON holds them."""
        return cast("list[Raw]", await cls._raws().aggregate(list(steps), batchSize=BATCH).to_list(None))

    @classmethod
    async def changes(cls, wanted: Wanted, patience: float) -> AsyncGenerator[Sequence[Self], None]:
        """The records that change from now on and are `wanted`, as they come; an empty list after `patience` idle seconds."""
        with bound_database().feed(cls.collection).heard(wanted) as listener:
            while True:
                yield cls.stand_ins(await listener.take(patience))

    # Writing

    async def store(self) -> None:
        """Inserts the record, or updates the one that is still at this revision; an unchanged record is not written.

        A record that is `written_last` is written when the unit of work is settled. Raises AlreadyExists, StaleRevision, and
        LimitExceeded beyond 4 MiB.
        """
        unit = current_unit(f"{type(self).__name__} {self.key} in bytes")
        self.id = self.id or Identity()
        if self.written_last:
            other = unit.waiting.get(self.id, self)
            if other is not self:  # two copies of one record: the second would undo the first
                raise StaleRevision(type(self).__name__, self.key, self.revision, other.revision + 1)
            unit.wait(self)
        else:
            await self.write(unit)

    def unwritten(self) -> Raw:
        """The fields that differ from what is stored, as they would be."""
        was = self._was or {}
        return {name: value for name, value in self._as_stored().items() if not same(value, was.get(name, _NOTHING))}

    async def write(self, unit: Unit) -> None:
        """Writes a stored record now. The revision counts changes that somebody made: what only follows leaves it as it is."""
        before, changed = self._was, self.unwritten()
        if not changed:
            return
        after = {**(before or {}), **changed}
        if changed.keys() - self.derived - self.following:
            if before is not None and not is_revision(before.get("revision")):
                raise unreadable(type(self), before, "revision")
            changed["revision"] = after["revision"] = self.revision + 1
        salts = self.salts_of(before, after, changed, self._given_salts)
        changed, after = changed | salts, after | salts
        if before is not None and (mac := self._sealed(after, unit)):
            changed[SEAL] = after[SEAL] = mac
        if before is None:
            await self._insert(after)
        else:
            await self._update(changed)
        self.revision, self._was = after["revision"], after
        self._sealed_row = after if SEAL in changed else None
        unit.remember(self, before, after)
        if self.grants_access:
            bound_database().grants(unit)

    def _sealed(self, after: Raw, unit: Unit) -> Raw | None:
        """The seal of a row that grants access as of the event that will probably tell of it; None where no seal is made.

        If it is another event in the end, the record is sealed once more. If not, that saves a write.
        """
        keyring = bound_database().keyring
        if not self.grants_access or unit.sealed_at is None or keyring is None:
            return None
        others = sum(each.record.id != self.id for each in unit.changes)
        try:
            return seal(type(self).__name__, self.key, after, unit.sealed_at + others, keyring.current)
        except UNSPEAKABLE:  # the row holds what nobody stored here, and whoever seals it later refuses it
            return None

    def sealed_with(self, row: Raw) -> bool:
        """Whether the record was sealed as it was written, with exactly this row."""
        return self._sealed_row is row

    async def _insert(self, after: Raw) -> None:
        try:
            await self._collection().insert_one(after)
        except DuplicateKeyError as error:  # the server has aborted the transaction, so nothing else can be done in it
            raise AlreadyExists(type(self).__name__, self.key) from error

    async def _update(self, changed: Raw) -> None:
        done = await self._collection().update_one({"_id": self.id, "revision": self.revision}, {"$set": changed})
        if done.modified_count != 1:
            stored = await self._collection().find_one({"_id": self.id}, {"revision": 1}) or {"revision": 0}
            raise StaleRevision(type(self).__name__, self.key, self.revision, stored["revision"])

    def _as_stored(self) -> Raw:
        """The record as it would come back: lists for tuples, texts for choices and days, so that two can be compared."""
        self.id = self.id or Identity()
        said = {"_id": self.id, **self.model_dump(exclude={"id"}, exclude_computed_fields=True, by_alias=True)}
        encoded = bson.encode(said, codec_options=AWARE)
        if len(encoded) > RECORD_BYTES:
            raise LimitExceeded(f"{type(self).__name__} {self.key}", len(encoded), RECORD_BYTES)
        return bson.decode(encoded, AWARE)

    @classmethod
    def restored(cls, raw: Raw) -> Raw:
        """The document as it would come back if the record that it holds were stored again; raises what reading it raises."""
        return cls.hydrated(raw)._as_stored()

    @classmethod
    def key_of(cls, raw: Raw) -> str:
        """The key of the record that a document holds; of any document, so that a text stands for whatever is there."""
        return "/".join(str(raw.get(name, "")) for name in cls.keys)

    # Writing without an event: the trail itself, and records that govern nothing

    async def insert_unrecorded(self) -> None:
        """Inserts a record without an audit event; AlreadyExists if there is one with its keys."""
        self._within_unit("insert")
        await self._insert(self._as_stored())

    @classmethod
    async def insert_raws(cls, documents: Sequence[Raw]) -> None:
        """Inserts documents as they are; AlreadyExists if a unique index holds a value of theirs."""
        cls._within_unit("insert")
        try:
            await cls._collection().insert_many(documents)
        except BulkWriteError as error:
            if all(each.get("code") != DUPLICATE_KEY for each in (error.details or {}).get("writeErrors", ())):
                raise
            raise AlreadyExists(cls.__name__, "") from error

    @classmethod
    async def insert_once(cls, query: Raw, document: Raw) -> None:
        """Inserts a document unless one meets `query`."""
        cls._within_unit("insert")
        new = {"_id": Identity(), "revision": 1, **document}
        await cls._collection().update_one(query, {"$setOnInsert": new}, upsert=True)

    @classmethod
    async def alter(cls, query: Raw, change: Raw) -> int:
        """Applies the update operators of `change` to the one document that meets `query`; how many met it, 0 or 1.

        A document of which a field is no number, and so cannot be counted up, does not meet it.
        """
        cls._within_unit("alter")
        try:
            return cast("int", (await cls._collection().update_one(query, change)).matched_count)
        except WriteError as error:
            if error.code == TYPE_MISMATCH:
                return 0
            raise

    @classmethod
    async def alter_and_read(cls, query: Raw, change: Raw) -> Raw | None:
        """Applies the update operators of `change` to the one document that meets `query`, and returns it as it is then.

        None if none meets it. A document of which a field is no number, and so cannot be counted up, does not meet it.
        """
        cls._within_unit("alter")
        try:
            found = await cls._collection().find_one_and_update(query, change, return_document=ReturnDocument.AFTER)
        except OperationFailure as error:
            if error.code == TYPE_MISMATCH:
                return None
            raise
        return cast("Raw | None", found)

    @classmethod
    async def increase(cls, key: str, changes: Mapping[str, tuple[Mapping[str, int], Raw, Raw]]) -> None:
        """Counts up fields of several documents in one command, none if there are none; makes those that are not there.

        `changes` has for each value of `key` what is added at which paths, what is set in a new document, and what is set.
        """
        cls._within_unit("increase")
        updates = [
            UpdateOne(
                {key: of},
                {"$inc": added, "$setOnInsert": {"revision": 1, **new}, **({"$set": said} if said else {})},
                upsert=True,
            )
            for of, (added, new, said) in changes.items()
        ]
        if updates:
            await cls._collection().bulk_write(updates, ordered=False)

    @classmethod
    async def delete_unrecorded(cls, query: Raw) -> None:
        cls._within_unit("delete")
        await cls._collection().delete_many(query)

    @classmethod
    def _within_unit(cls, what: str) -> None:
        current_unit(f"{what} {cls.__name__}")

    # Its collection and indexes

    @classmethod
    def get_motor_collection(cls) -> Any:
        """Beanie's way to its collection: it follows the bound database and refuses Beanie's own writes."""
        database = database_if_bound()
        return _ReadOnly(database.collection(cls.collection) if database else None)

    @classmethod
    def _collection(cls) -> Any:
        """The collection, whose moments come aware."""
        return bound_database().collection(cls.collection)

    @classmethod
    def _raws(cls) -> Any:
        """The collection, whose moments come without time zone, which decodes a third faster."""
        return bound_database().raw(cls.collection)

    @classmethod
    def all_indexes(cls) -> list[Index]:
        """The unique index over its keys, and those that it declares."""
        return [Index(cls.keys, unique=True), *cls.indexes]

    @classmethod
    def indexed(cls) -> frozenset[str]:
        """The paths that an index begins with: what can be looked up, and listed in order, without reading everything."""
        return frozenset(each.fields[0] for each in cls.all_indexes())

    @classmethod
    async def create_indexes(cls) -> None:
        await cls._collection().create_indexes([each.model for each in cls.all_indexes()])


_NOTHING = object()


def is_revision(stored: Any) -> bool:
    """Whether a stored value is a revision that can be counted up within what GraphQL has as an Int."""
    return isinstance(stored, int) and not isinstance(stored, bool) and 0 <= stored < 2**31 - 1
