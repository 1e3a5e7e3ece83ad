"""The query for the versions whose standing must be computed anew, and the marks that it goes by."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar, Self
from uuid import uuid4

from pydantic import Field, ValidationError

from documents.eligibility.rules import RULES
from documents.store.record import Identity, Record
from documents.store.units import Raw
from documents.values import Moment

_COMPARING = {"$in", "$gt"}  # the operators in the queries of marks
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class JudgementDue(Record):
    """A mark names the versions that a change bears on and that its transaction did not judge. No event tells of it."""

    collection: ClassVar = "judgements_due"
    keys: ClassVar = ("due_id",)

    due_id: str = Field(description="DUE- and 32 hexadecimal digits.")
    cause: str = Field(description="The record that changed: its kind and its key.")
    versions: str = Field(description="The query for the versions that the change bears on, as JSON.")
    marked_at: Moment = Field(description="The moment of the change.")
    after: str | None = Field(
        default=None, description="The database id of the last version judged for it; null before the first."
    )

    @classmethod
    def of(cls, query: Raw, cause: str, at: datetime) -> Self:
        return cls(due_id=f"DUE-{uuid4().hex}", cause=cause, versions=json.dumps(query), marked_at=at)

    @property
    def left(self) -> Raw:
        """The query for the versions that are still to be judged for this mark."""
        query: Raw = json.loads(self.versions)
        return query if self.after is None else {**query, "_id": {"$gt": Identity(self.after)}}


async def marks() -> Sequence[JudgementDue]:
    """Every mark, the oldest first; a document that no transaction can have stored is none."""
    return [mark for raw in await JudgementDue.raws({}) if (mark := _read(raw))]


def _read(raw: Raw) -> JudgementDue | None:
    try:
        mark = JudgementDue.hydrated(raw)
        begun = mark.after is None or Identity.is_valid(mark.after)
        return mark if begun and _asks_for_values(mark.left) else None
    except (ValidationError, ValueError, TypeError, OverflowError):
        return None


def _asks_for_values(query: object) -> bool:
    """Whether a query compares fields with values alone, as that of a mark does: it can neither fail nor run code."""
    if not isinstance(query, dict) or any(not path or path.startswith("$") for path in query):
        return False
    return all(not isinstance(each, dict) or each.keys() <= _COMPARING for each in query.values())


def due(marks: Sequence[JudgementDue], at: datetime) -> Raw:
    """The query for the versions whose standing must be computed anew at `at`.

    These are the versions that were judged by older rules, those whose standing changes with time alone and did so by `at`, and
    those that a mark names.
    """
    # The ranges are closed on both sides, because the embedded database uses an index for no others.
    outdated: list[Raw] = [
        {"standing.rules": {"$gte": 0, "$lt": RULES}},
        {"standing.changes_at": {"$gte": _EARLIEST, "$lte": at}},
        *(each.left for each in marks),
    ]
    return {"$or": outdated}
