"""Holds: the authority of ethics, security and compliance to stop a deployment."""

from datetime import datetime
from typing import Self
from uuid import uuid4

from pydantic import Field

from documents.access import Actor, GovernanceRole
from documents.errors import InvalidState
from documents.values import Key, Moment, Statement, Value
from documents.versions.parts import Ending


class Hold(Value):
    """A hold stops a version until the role that placed it lifts it."""

    hold_id: str = Field(description="The hold's id is HLD- and 32 hexadecimal digits.")
    role: GovernanceRole = Field(description="The role that placed it, and that alone lifts it.")
    reason: Statement = Field(description="The reason why it was placed.")
    placed_by: Key = Field(description="The user id of the person who placed it.")
    placed_at: Moment = Field(description="The moment when it was placed.")
    lifted: Ending | None = Field(default=None, description="The ending says why it was lifted; null while it stands.")

    @classmethod
    def place(cls, role: GovernanceRole, reason: str, by: str, at: datetime) -> Self:
        return cls(hold_id=f"HLD-{uuid4().hex}", role=role, reason=reason, placed_by=by, placed_at=at)

    @property
    def stands(self) -> bool:
        return self.lifted is None

    def lift(self, reason: str, by: Actor, at: datetime) -> Self:
        by.must_hold(self.role, f"{by.id} cannot lift what {self.role.name} placed")
        if not self.stands:
            raise InvalidState("liftHold", "LIFTED", ["STANDING"])
        return self.model_copy(update={"lifted": Ending(at=at, by=by.id, reason=reason)})
