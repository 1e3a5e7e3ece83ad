"""Which form the stored data have: written by the first start, moved on by later releases."""

from typing import ClassVar

from pydantic import Field

from documents.audit.event import AuditEventType
from documents.errors import NewerSchema, OlderSchema
from documents.store.record import Record
from documents.store.session import Database
from documents.values import Moment

SCHEMA = 2  # what the first previews stored, form 1, has no way here: none of it was released


class Migration(Record):
    """A step that brought the data into a form."""

    keys: ClassVar = ("number",)
    event: ClassVar = AuditEventType.SYSTEM_STARTED

    number: int = Field(description="The number of the form that the data were brought into.")
    at: Moment = Field(description="The time the step was taken.")

    collection: ClassVar = "migrations"


async def check(database: Database) -> int:
    """The form of the data, 0 where there are none; NewerSchema or OlderSchema where it is not this one. Changes nothing."""
    newest = await database.collections[Migration.collection].find_one(sort=[("number", -1)])
    found = int(newest["number"]) if newest else 0
    if found > SCHEMA:
        raise NewerSchema(found, SCHEMA)
    if 0 < found < SCHEMA:
        raise OlderSchema(found, SCHEMA)
    return found
