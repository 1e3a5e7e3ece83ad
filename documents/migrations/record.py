"""The record of a step that brought the data into a form."""

from typing import ClassVar

from pydantic import Field

from documents.audit.event import AuditEventType
from documents.store.record import Record
from documents.values import Count, Moment


class Migration(Record):
    """A step that brought the data into a form, or the form that the first start made."""

    collection: ClassVar = "migrations"
    keys: ClassVar = ("number",)
    event: ClassVar = AuditEventType.SYSTEM_STARTED

    number: int = Field(description="The number of the form, counted up by releases that change it.")
    at: Moment = Field(description="The moment at which the data had this form throughout.")
    name: str = Field(default="", description="The name of the step; empty for the form that the first start made.")
    added: tuple[str, ...] = Field(default=(), description="The keys of the documents that the step added, in order.")
    documents: Count = Field(default=0, description="How many documents the run that finished the step changed.")
    unproven: tuple[str, ...] = Field(
        default=(), description="The records that got no baseline, for they differ from what the trail tells, with the paths."
    )
    release: str = Field(default="0.1.0", description="The release that made the form.")
    oldest_writer: str = Field(default="0.1.0", description="The oldest release that may write to data of this form.")
