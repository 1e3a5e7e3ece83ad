"""The query for the versions whose standing must be computed anew, and the marks that it goes by."""

import json
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from re import fullmatch
from typing import ClassVar, Self
from uuid import uuid4

from pydantic import Field, ValidationError

from documents.eligibility.rules import RULES
from documents.store.record import Identity, Record
from documents.store.units import Raw
from documents.values import Moment

_PATH = r"[a-z_]{1,40}(\.[a-z_]{1,40}){0,9}"
_LONGEST = 10_000  # characters of a mark's query; those that a server stores name a few values
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
    found: list[JudgementDue] = []
    async with aclosing(JudgementDue.raw_windows({}, (), 1_000)) as windows:
        async for window in windows:
            found += [mark for raw in window if (mark := _read(raw))]
    return found


def _read(raw: Raw) -> JudgementDue | None:
    try:
        mark = JudgementDue.hydrated(raw)
        begun = mark.after is None or Identity.is_valid(mark.after)
        return mark if begun and len(mark.versions) <= _LONGEST and _asks_for_values(json.loads(mark.versions)) else None
    except (ValidationError, ValueError, TypeError, OverflowError, RecursionError):
        return None


def _asks_for_values(query: object) -> bool:
    """Whether a query has the form of what `Bearing.query` makes: fields and values that any database can be asked for."""
    if not isinstance(query, dict) or not all(fullmatch(_PATH, path) for path in query):
        return False
    return all(_is_value(each) or (_is_choice(each) and all(map(_is_value, each["$in"]))) for each in query.values())


def _is_choice(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"$in"} and isinstance(value["$in"], list)


def _is_value(value: object) -> bool:
    """Whether it is null, true, false, a number of 64 bits or a text as BSON holds one."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return value is None or (isinstance(value, str) and fullmatch(r"[^\0\ud800-\udfff]*", value) is not None)


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
