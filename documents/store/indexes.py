"""What records are looked up and listed by, declared on the record without the driver's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pymongo import IndexModel


@dataclass(frozen=True, slots=True)
class Index:
    """An ascending index over stored fields, in this order; `where` restricts it to the documents that meet a query."""

    fields: tuple[str, ...]
    unique: bool = False
    where: Mapping[str, Any] | None = field(default=None, hash=False)
    expires_after: timedelta | None = None
    """How long after the moment in its one field the server deletes a document by itself."""

    @property
    def model(self) -> IndexModel:
        """The index as the driver takes it."""
        options: dict[str, Any] = {}
        if self.unique:
            options["unique"] = True
        if self.where is not None:
            options["partialFilterExpression"] = dict(self.where)
        if self.expires_after is not None:
            options["expireAfterSeconds"] = int(self.expires_after.total_seconds())
        return IndexModel([*self.fields], **options)


def index(*fields: str, unique: bool = False, where: Mapping[str, Any] | None = None) -> Index:
    """An index over several fields: `index("model_id", "version", unique=True)`."""
    return Index(fields, unique, where)


@dataclass(frozen=True, slots=True)
class Unique:
    """Marks a single field that no two documents share: `Annotated[Key, UNIQUE]`."""


UNIQUE = Unique()
