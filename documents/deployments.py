"""Deployments: which version ran in which environment, from when to when."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import uuid4

from pydantic import Field

from documents.access import Actor
from documents.audit.event import AuditEventType
from documents.store.indexes import index
from documents.store.record import Record
from documents.values import Key, Moment, Place


class Deployment(Record):
    """A version that runs, or ran, in an environment; of a model one at a time."""

    keys: ClassVar = ("deployment_id",)
    event: ClassVar = AuditEventType.MODEL_DEPLOYED

    deployment_id: str = Field(description="DEP- and 32 hexadecimal digits.")
    model_id: Key = Field(description="The model.")
    version: Key = Field(description="The version.")
    environment: Place = Field(description="Where it runs.")
    number: int = Field(description="Which of the model's deployments there it is, from 1.")
    active: bool = Field(default=True, description="Whether it runs now.")
    deployed_at: Moment = Field(description="From when on it ran.")
    deployed_by: Key = Field(description="Who completed its deployment: a user id or a service.")
    change_id: Key = Field(description="The change that brought it.")
    by_rollback: bool = Field(default=False, description="Whether that change took another back.")
    ended_at: Moment | None = Field(default=None, description="Until when it ran; nothing while it does.")
    ended_by_change_id: Key | None = Field(default=None, description="The change that took its place, or took it away.")

    collection: ClassVar = "deployments"
    indexes: ClassVar = [
        # No two begin at once. That what ran there has ended no index can say: secantusd-rs checks a unique one against what
        # is committed, so the place that a transaction frees is still taken in it.
        index("model_id", "environment", "number", unique=True),
        index("model_id", "environment", "deployed_at", "_id"),
        index("environment", "deployed_at", "_id"),
        index("model_id", "deployed_at", "_id"),
        index("change_id", "deployed_at", "_id"),
        index("deployed_at", "_id"),
    ]

    @classmethod
    def begin(
        cls,
        model_id: str,
        version: str,
        environment: str,
        number: int,
        change_id: str,
        by_rollback: bool,
        by: Actor,
        at: datetime,
    ) -> Self:
        return cls(
            deployment_id=f"DEP-{uuid4().hex}", model_id=model_id, version=version, environment=environment, number=number,
            change_id=change_id, by_rollback=by_rollback, deployed_at=at, deployed_by=by.id,
        )  # fmt: skip

    @property
    def filed_under(self) -> dict[str, str]:
        return {"model_id": self.model_id, "version": self.version}

    def end(self, change_id: str, at: datetime) -> None:
        self.active, self.ended_at, self.ended_by_change_id = False, at, change_id
        self.tells(AuditEventType.CHANGE_DEPLOYED)
