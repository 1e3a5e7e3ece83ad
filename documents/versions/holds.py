"""Holds: the authority of ethics, security and compliance to stop a deployment."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import uuid4

from pydantic import Field

from documents.access import Actor, GovernanceRole
from documents.errors import InvalidState
from documents.identities import IdentityMark
from documents.values import Key, Moment, Statement, Value
from documents.versions.parts import Ending


class Hold(Value):
    """A hold stops a version until its role lifts it."""

    bounded: ClassVar = frozenset({"placed_at"})

    hold_id: str = Field(description="The id is HLD- and 32 hexadecimal digits.")
    role: GovernanceRole = Field(description="The role that placed it, and that alone lifts it.")
    reason: Statement = Field(description="The reason why it was placed.")
    placed_by: Key = Field(description="The user id of whoever placed it.")
    placed_at: Moment = Field(description="The time it was placed.")
    lifted: Ending | None = Field(default=None, description="The ending, if it was lifted.")
    identity: IdentityMark | None = Field(
        default=None, description="The mark of the person's identity at that time; null if it was not kept."
    )

    @classmethod
    def place(cls, role: GovernanceRole, reason: str, by: Actor, at: datetime) -> Self:
        hold_id = f"HLD-{uuid4().hex}"
        return cls(hold_id=hold_id, role=role, reason=reason, placed_by=by.id, placed_at=at, identity=by.identity)

    @property
    def stands(self) -> bool:
        return self.lifted is None

    def may_lift(self, by: Actor) -> None:
        """Forbidden unless the caller holds the role that placed it, InvalidState once it is lifted."""
        by.must_hold(self.role, f"{by.id} cannot lift what {self.role.name} placed")
        if not self.stands:
            raise InvalidState("liftHold", "LIFTED", ["STANDING"])

    def lift(self, reason: str, by: Actor, at: datetime) -> Self:
        self.may_lift(by)
        return self.model_copy(update={"lifted": Ending(at=at, by=by.id, reason=reason, identity=by.identity)})
