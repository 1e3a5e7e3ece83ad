"""Changes of what is stored, from one form of the data to the next: batch by batch over raw documents, resumable.

A step says which documents are still in the old form, so it can be interrupted anywhere: what was committed is not done again.

What a step changes in a record that the trail follows, it hands back, so that an event tells of it. The trail follows a record
from its baseline on, or from its making: then the record has the field `salts`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from inspect import isawaitable
from itertools import islice
from typing import Any

import bson

from documents.canonical import UNSPEAKABLE
from documents.details import Details, details_of
from documents.salts import FIELD as SALTS
from documents.store.counts import FigureCount, missing
from documents.store.record import Identity, Record
from documents.store.session import AWARE, bound_database
from documents.store.units import Raw, current_unit

FROZEN = frozenset({"audit_events", "audit_head", "audit_checkpoints", "contents"})
"""Collections whose documents the trail's hashes cover: no step rewrites them."""

UNPROVEN = 1_000  # records that the end of a baseline names
BASELINES = 50  # records that a transaction tells anew
COUNTS = 20  # counts that a transaction writes, for each document that another step would change
BASELINE_BYTES = 8 * 1024 * 1024  # of documents, for a transaction that tells records anew
Kinds = Mapping[str, type[Record]]
"""The kinds of record of which the trail tells, by collection."""


@dataclass(frozen=True, slots=True)
class Told:
    """A document that a step changed and of which an event has to tell: as it is now, and how the event tells the change."""

    kind: type[Record]
    before: Raw | None
    document: Raw
    details: Details

    @classmethod
    def of(cls, kind: type[Record], before: Raw | None, after: Raw) -> "Told":
        return cls(kind, before, after, details_of(before, after, kind.disclosure()))


@dataclass(slots=True)
class Batch:
    """What a batch of a step did: how many documents, and what the trail has to tell of them."""

    done: int = 0
    told: list[Told] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step: it brings the documents of a collection that meet `left` into form `number`."""

    number: int
    name: str
    does: str
    """What the step does, in a sentence for operators and auditors."""
    oldest_writer: str
    """The oldest release that may write to the data after this step."""
    collection: str
    left: Raw
    """The query for the documents in the old form; `change` must make each of them no longer meet it."""
    change: Callable[[Raw], Raw | Awaitable[Raw]]
    """The fields of a document that change, as they become; pure, or it reads what other collections hold about the document."""

    def __post_init__(self) -> None:
        _refuse_frozen(self.number, self.collection)

    async def added(self) -> Sequence[str]:
        """The keys of the documents that it adds: none."""
        return ()

    async def unproven(self, kinds: Kinds) -> Sequence[str]:
        """The records that it found to differ from the trail: none, for it looks at no event."""
        return ()

    async def remaining(self, kinds: Kinds) -> int:
        """How many documents are still in the old form."""
        counted: int = await bound_database().collection(self.collection).count_documents(self.left)
        return counted

    async def batch(self, size: int, kinds: Kinds) -> Batch:
        """Changes up to `size` documents inside the open unit of work; none when none is left."""
        current_unit(f"migration {self.number}")
        collection, kind = bound_database().collection(self.collection), kinds.get(self.collection)
        found: list[Raw] = await collection.find(self.left, limit=size).to_list(None)
        batch = Batch(len(found))
        for document in found:
            changed = self.change(document)
            changed = await changed if isawaitable(changed) else changed
            if kind and document.get(SALTS) is not None:
                after = _with(document, changed)
                salts = kind.salts_of(document, after, {path.split(".")[0] for path in changed}, {})
                batch.told.append(Told.of(kind, document, after | salts))
                changed = changed | salts
            await collection.update_one({"_id": document["_id"]}, {"$set": changed})
        return batch


@dataclass(frozen=True, slots=True)
class Addition:
    """One numbered step that adds documents to a collection, so that the data have form `number`."""

    number: int
    name: str
    does: str
    """What the step does, in a sentence for operators and auditors."""
    oldest_writer: str
    """The oldest release that may write to the data after this step."""
    collection: str
    key: str
    """The field that names a document: one whose key is in the collection is not added again."""
    wanted: Callable[[], Awaitable[Sequence[Raw]]]
    """Reads what there is, and makes the documents that there must be, in the order of their keys."""
    stamped: Callable[[Raw, datetime], Raw]
    """A wanted document as it is stored at that moment; pure."""
    told: bool = True
    """Whether an event tells of each document that it adds; not before the baseline, which tells of them."""

    def __post_init__(self) -> None:
        _refuse_frozen(self.number, self.collection)

    async def added(self) -> Sequence[str]:
        """The keys of the documents that it adds, those included that it has added already."""
        return [str(each[self.key]) for each in await self.wanted()]

    async def unproven(self, kinds: Kinds) -> Sequence[str]:
        """The records that it found to differ from the trail: none, for it looks at no event."""
        return ()

    async def remaining(self, kinds: Kinds) -> int:
        """How many documents are still to be added."""
        return len(await self._missing())

    async def batch(self, size: int, kinds: Kinds) -> Batch:
        """Adds up to `size` documents inside the open unit of work; none when none is left."""
        unit, kind = current_unit(f"migration {self.number}"), kinds.get(self.collection)
        missing = (await self._missing())[:size]
        new: list[Raw] = [{"_id": Identity(), "revision": 1, **self.stamped(each, unit.at)} for each in missing]
        if kind and self.told:
            new = [each | kind.salts_of(None, each, each.keys(), {}) for each in new]
        if new:
            await bound_database().collection(self.collection).insert_many(new)
        return Batch(len(new), [Told.of(kind, None, each) for each in new] if kind and self.told else [])

    async def _missing(self) -> Sequence[Raw]:
        found = await bound_database().collection(self.collection).find({}, {self.key: 1}).to_list(None)
        there = {each[self.key] for each in found}
        return [each for each in await self.wanted() if each[self.key] not in there]


@dataclass(frozen=True, slots=True)
class Baseline:
    """One numbered step: it gives each record salts, and hands the whole record back, so that one event tells of it anew.

    A record that has the field `salts` was told so, or was made by a release that tells everything. A record that differs from
    what the trail tells of it, that the trail proves already, or that no event can tell, gets none: its `salts` are null.
    """

    number: int
    name: str
    does: str
    """What the step does, in a sentence for operators and auditors."""
    oldest_writer: str
    """The oldest release that may write to the data after this step."""
    differing: Callable[[type[Record], Raw], Awaitable[Sequence[str]]]
    """The paths at which a document that grants access differs from what the trail tells of it."""
    proven: Callable[[type[Record], Sequence[Raw]], Awaitable[Collection[str]]]
    """The keys of those documents that the trail proves already: a baseline would tell whatever was altered in them as true."""

    async def added(self) -> Sequence[str]:
        """The keys of the documents that it adds: none."""
        return ()

    async def remaining(self, kinds: Kinds) -> int:
        """How many records still have no baseline."""
        counted = [await bound_database().collection(each).count_documents({SALTS: {"$exists": False}}) for each in kinds]
        return sum(counted)

    async def batch(self, size: int, kinds: Kinds) -> Batch:
        """Gives salts to some records of one kind inside the open unit of work; none when none is left."""
        current_unit(f"migration {self.number}")
        for name, kind in kinds.items():
            found = [each async for each in _some(name, {SALTS: {"$exists": False}}, min(size, BASELINES))]
            proven = await self.proven(kind, found) if found else ()
            told = [None if kind.key_of(each) in proven else await self._told(kind, each) for each in found]
            for document, one in zip(found, told, strict=True):
                salts = one.document[SALTS] if one else None
                await bound_database().collection(name).update_one({"_id": document["_id"]}, {"$set": {SALTS: salts}})
            if found:
                return Batch(len(found), [each for each in told if each])
        return Batch()

    async def _told(self, kind: type[Record], document: Raw) -> Told | None:
        if kind.grants_access and await self.differing(kind, document):
            return None
        try:
            told = Told.of(kind, None, document | kind.salts_of(None, document, document.keys(), {}))
        except UNSPEAKABLE:
            return None
        told.details.baseline = True
        return told

    async def unproven(self, kinds: Kinds) -> Sequence[str]:
        """The records that differ from what the trail tells of them, each with the paths."""
        found = []
        for name, kind in kinds.items():
            without = [each async for each in _some(name, {SALTS: {"$exists": True, "$eq": None}}, UNPROVEN)]
            proven = await self.proven(kind, without) if without else ()
            for each in without:
                if (key := kind.key_of(each)) in proven:
                    why = "the trail proves it, and its salts are gone"
                else:
                    paths = await self.differing(kind, each) if kind.grants_access else ()
                    why = ", ".join(paths) or "a value that no event can tell"
                found.append(f"{kind.__name__} {key}: {why}")
        return sorted(found)[:UNPROVEN]


@dataclass(frozen=True, slots=True)
class Counting:
    """One numbered step: it fills the counts that are kept of records (`documents.store.counts`), of which no event tells.

    A batch counts anew, and writes what is missing. So it can be interrupted anywhere, and done again.
    """

    number: int
    name: str
    does: str
    """What the step does, in a sentence for operators and auditors."""
    oldest_writer: str
    """The oldest release that may write to the data after this step."""

    async def added(self) -> Sequence[str]:
        """The keys of the documents that it adds: none that the trail follows."""
        return ()

    async def unproven(self, kinds: Kinds) -> Sequence[str]:
        """The records that it found to differ from the trail: none, for it looks at no event."""
        return ()

    async def remaining(self, kinds: Kinds) -> int:
        """How many counts are still to be written."""
        return len((await missing(kinds.values(), datetime.now(UTC))).sums)

    async def batch(self, size: int, kinds: Kinds) -> Batch:
        """Writes some missing counts inside the open unit of work; none when none is missing."""
        unit = current_unit(f"migration {self.number}")
        left = (await missing(kinds.values(), unit.at)).sums
        some = dict(islice(left.items(), COUNTS * size))
        await FigureCount.add(some)
        return Batch(len(some))


async def _some(collection: str, query: Raw, limit: int) -> AsyncIterator[Raw]:
    """Up to `limit` documents of about 8 MiB together, the oldest first."""
    weight = 0
    async for each in bound_database().collection(collection).find(query, limit=limit, sort=[("_id", 1)], batch_size=limit):
        yield each
        weight += len(bson.encode(each, codec_options=AWARE))
        if weight >= BASELINE_BYTES:
            return


def _with(document: Raw, changed: Raw) -> Raw:
    """The document after `$set` of `changed`, whose names may be dotted paths."""
    after = dict(document)
    for path, value in changed.items():
        *steps, last = path.split(".")
        inside: Any = after
        for step in steps:
            inside[step] = dict(inside.get(step) or {})
            inside = inside[step]
        inside[last] = value
    return after


def _refuse_frozen(number: int, collection: str) -> None:
    if collection in FROZEN:
        raise ValueError(f"step {number} would rewrite {collection}, which the audit trail covers")
