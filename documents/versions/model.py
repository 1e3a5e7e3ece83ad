"""Models: the named things whose versions are governed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic import Field, PrivateAttr

from documents.access import Actor, Permission, needs, ownership
from documents.audit.event import AuditEventType
from documents.errors import Forbidden
from documents.search import BY_TOKENS, Searchable
from documents.store.indexes import index
from documents.values import Environment, Key, Moment, Name, Names, Text, Value


class Running(Value):
    """A running version is what runs somewhere."""

    grouped: ClassVar = frozenset({"environment", "version"})
    bounded: ClassVar = frozenset({"since"})
    semantic: ClassVar = frozenset({"version"})

    environment: Environment = Field(description="The environment that it runs in.")
    version: Key = Field(description="The version that runs.")
    since: Moment = Field(description="The time since which it runs.")
    deployment_id: str = Field(description="The id of the deployment that brought it.")


class Model(Searchable):
    """A model has versions under governance."""

    keys: ClassVar = ("model_id",)
    event: ClassVar = AuditEventType.MODEL_REGISTERED
    searched: ClassVar = ("model_id", "name", "tags", "description")
    ordered: ClassVar = frozenset({"model_id", "name", "owner_id", "registered_at"})
    grouped: ClassVar = frozenset({"name", "owner_id", "tags"})
    bounded: ClassVar = frozenset({"registered_at"})

    model_id: Key = Field(description="The id that names the model.")
    name: Name = Field(description="The name that people call it by.")
    description: Text = Field(default="", description="The text says in a sentence or two what it is.")
    tags: Names = Field(default=(), description="The words that it is found by.")
    owner_id: Key = Field(description="The user id of whoever owns the model.")
    owner_set_by: Key | None = Field(
        default=None,
        description="The user id of whoever set the owner by `updateModel`; null while it follows the latest version's owner.",
    )
    running: tuple[Running, ...] = Field(default=(), description="The versions that run, one in each environment.")
    registered_by: Key = Field(description="The user id or service that registered it.")
    registered_at: Moment = Field(description="The time it was registered.")
    _moved: str = PrivateAttr(default="")

    collection: ClassVar = "models"
    counted_by: ClassVar = ("model_id",)
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

    @property
    def filed_under(self) -> dict[str, str]:
        """The model, with the version that began or stopped to run in this change, if one did."""
        return {"model_id": self.model_id, "version": self._moved}

    def permits(self, by: Actor, permission: Permission) -> None:
        """Forbidden unless the roles of `by`, and whether `by` owns the model, suffice."""
        if not by.may(permission, ownership(by.id == self.owner_id)):
            raise Forbidden(f"{by.id} may not {permission} of {self.model_id}, which {self.owner_id} owns", needs(permission))

    def amend(self, said: Mapping[str, Any], by: Actor) -> None:
        """Changes the fields that `said` names; an owner that it names no longer follows the latest version's."""
        for name, value in said.items():
            setattr(self, name, tuple(dict.fromkeys(value)) if name == "tags" else value)
        if "owner_id" in said:
            self.owner_set_by = by.id

    def follow(self, owner_id: str) -> None:
        """Makes the owner of the latest version the owner of the model, from now on too."""
        self.owner_id, self.owner_set_by = owner_id, None
        self.names_event(AuditEventType.MODEL_UPDATED)

    def hand_over(self, owner_id: str) -> None:
        """Makes another person the model's owner; the owners of its versions stay."""
        self.owner_id = owner_id
        self.names_event(AuditEventType.MODEL_UPDATED)

    def runs_in(self, environment: str) -> Running | None:
        return next((each for each in self.running if each.environment == environment), None)

    def run(self, environment: str, running: Running | None) -> None:
        """Sets what runs in an environment from now on; None for nothing."""
        others, ended = [each for each in self.running if each.environment != environment], self.runs_in(environment)
        self._moved = next((each.version for each in (running, ended) if each), "")
        self.running = tuple(sorted([*others, *([running] if running else [])], key=lambda each: each.environment))
        self.names_event(AuditEventType.MODEL_DEPLOYED if running else AuditEventType.MODEL_UPDATED)
