"""The record that an event, or a fault of the trail, is about. Pure: imports no database."""

from typing import ClassVar

from pydantic import Field

from documents.values import Value


class EventResource(Value):
    """The resource is the record that the event is about."""

    ordered: ClassVar = frozenset({"type", "id"})
    grouped: ClassVar = frozenset({"type", "id"})

    type: str = Field(description="The kind of record that was changed.")
    id: str = Field(description="The record's human key; empty where it is not known.")
