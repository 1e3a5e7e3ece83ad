"""Changes of what is stored, from one form of the data to the next: batch by batch over raw documents, resumable.

A step says which documents are still in the old form, so it can be interrupted anywhere: what was committed is not done again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable

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
        if self.collection in FROZEN:
            raise ValueError(f"step {self.number} would rewrite {self.collection}, which the audit trail covers")

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
