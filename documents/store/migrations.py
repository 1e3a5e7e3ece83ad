"""Changes of what is stored, from one form of the data to the next: batch by batch over raw documents, resumable.

A step says which documents are still in the old form, so it can be interrupted anywhere: what was committed is not done again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from inspect import isawaitable

from documents.store.record import Identity
from documents.store.session import bound_database
from documents.store.units import Raw, current_unit

FROZEN = frozenset({"audit_events", "audit_head", "audit_checkpoints", "contents"})
"""Collections whose documents the trail's hashes cover: no step rewrites them."""


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

    async def remaining(self) -> int:
        """How many documents are still in the old form."""
        counted: int = await bound_database().collection(self.collection).count_documents(self.left)
        return counted

    async def batch(self, size: int) -> int:
        """Changes up to `size` documents inside the open unit of work; how many, 0 when none is left."""
        current_unit(f"migration {self.number}")
        collection = bound_database().collection(self.collection)
        found: list[Raw] = await collection.find(self.left, limit=size).to_list(None)
        for document in found:
            changed = self.change(document)
            changed = await changed if isawaitable(changed) else changed
            await collection.update_one({"_id": document["_id"]}, {"$set": changed})
        return len(found)


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

    def __post_init__(self) -> None:
        _refuse_frozen(self.number, self.collection)

    async def added(self) -> Sequence[str]:
        """The keys of the documents that it adds, those included that it has added already."""
        return [str(each[self.key]) for each in await self.wanted()]

    async def remaining(self) -> int:
        """How many documents are still to be added."""
        return len(await self._missing())

    async def batch(self, size: int) -> int:
        """Adds up to `size` documents inside the open unit of work; how many, 0 when none is left."""
        unit = current_unit(f"migration {self.number}")
        if missing := (await self._missing())[:size]:
            new = [{"_id": Identity(), "revision": 1, **self.stamped(each, unit.at)} for each in missing]
            await bound_database().collection(self.collection).insert_many(new)
        return len(missing)

    async def _missing(self) -> Sequence[Raw]:
        found = await bound_database().collection(self.collection).find({}, {self.key: 1}).to_list(None)
        there = {each[self.key] for each in found}
        return [each for each in await self.wanted() if each[self.key] not in there]


def _refuse_frozen(number: int, collection: str) -> None:
    if collection in FROZEN:
        raise ValueError(f"step {number} would rewrite {collection}, which the audit trail covers")
