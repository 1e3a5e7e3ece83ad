"""Models: the named things whose versions are governed."""

from datetime import datetime
from typing import ClassVar, Self

from pydantic import Field

from documents.access import Actor
from documents.audit.event import AuditEventType
from documents.search import BY_TOKENS, Searchable
from documents.store.indexes import index
from documents.values import Key, Moment, Name, Names, Place, Text, Value


class Running(Value):
    """The version of a model that runs in an environment."""

    environment: Place = Field(description="Where it runs.")
    version: Key = Field(description="Which version.")
    since: Moment = Field(description="Since when.")
    deployment_id: str = Field(description="Its deployment.")


class Model(Searchable):
    """A model under governance: a name, and the versions that bear it."""

    keys: ClassVar = ("model_id",)
    event: ClassVar = AuditEventType.MODEL_REGISTERED
    searched: ClassVar = ("model_id", "name", "tags", "description")

    model_id: Key = Field(description="The model's own name for itself.")
    name: Name = Field(description="What people call it.")
    description: Text = Field(default="", description="What it is, in a sentence or two.")
    tags: Names = Field(default=(), description="Words to find it by.")
    owner_id: Key = Field(description="The user id of the model owner; a version can have another.")
    running: tuple[Running, ...] = Field(default=(), description="What runs where, one version an environment.")
    registered_by: Key = Field(description="Who registered it: a user id or a service.")
    registered_at: Moment = Field(description="When.")

    collection: ClassVar = "models"
    indexes: ClassVar = [
        index("owner_id", "model_id"),
        index("name", "model_id"),
        index("registered_at", "model_id"),
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

    def runs_in(self, environment: str) -> Running | None:
        return next((each for each in self.running if each.environment == environment), None)

    def run(self, environment: str, running: Running | None) -> None:
        """From now on that runs there, or nothing."""
        others = [each for each in self.running if each.environment != environment]
        self.running = tuple(sorted([*others, *([running] if running else [])], key=lambda each: each.environment))
        self.tells(AuditEventType.MODEL_DEPLOYED if running else AuditEventType.MODEL_UPDATED)
