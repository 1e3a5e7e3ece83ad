"""Models: the named things whose versions are governed."""

from datetime import datetime
from typing import Annotated, ClassVar, Self

from beanie import Indexed
from pydantic import Field
from pymongo import IndexModel

from documents.access import Actor
from documents.audit.event import AuditEventType
from documents.search import BY_TOKENS, Searchable
from documents.values import Key, Moment, Name, Names, Text


class Model(Searchable):
    """A model under governance: a name, and the versions that bear it."""

    keys: ClassVar = ("model_id",)
    event: ClassVar = AuditEventType.MODEL_REGISTERED
    searched: ClassVar = ("model_id", "name", "tags", "description")

    model_id: Annotated[Key, Indexed(unique=True)] = Field(description="The model's own name for itself.")
    name: Name = Field(description="What people call it.")
    description: Text = Field(default="", description="What it is, in a sentence or two.")
    tags: Names = Field(default=(), description="Words to find it by.")
    owner_id: Key = Field(description="The user id of the model owner; a version can have another.")
    registered_by: Key = Field(description="Who registered it: a user id or a service.")
    registered_at: Moment = Field(description="When.")

    class Settings:
        name = "models"
        indexes: ClassVar = [
            IndexModel(["owner_id", "model_id"]),
            IndexModel(["name", "model_id"]),
            IndexModel(["registered_at", "model_id"]),
            BY_TOKENS,
        ]

    @classmethod
    def register(
        cls, model_id: str, name: str, description: str, tags: tuple[str, ...], owner_id: str, by: Actor, at: datetime
    ) -> Self:
        return cls(
            model_id=model_id, name=name, description=description, tags=tuple(dict.fromkeys(tags)), owner_id=owner_id,
            registered_by=by.id, registered_at=at,
        )  # fmt: skip

    def hand_over(self, owner_id: str) -> None:
        """Makes somebody else the model's owner; each version has an owner of its own."""
        self.owner_id = owner_id
        self.tells(AuditEventType.MODEL_UPDATED)
