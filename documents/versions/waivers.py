"""Waivers: time-limited exceptions to one requirement of one version."""

from datetime import datetime, timedelta
from typing import ClassVar, Self
from uuid import uuid4

from pydantic import Field

from documents.access import Actor
from documents.errors import InvalidInput, InvalidState
from documents.identities import IdentityMark
from documents.values import Key, Moment, Statement, Value
from documents.versions.parts import Ending

WAIVER_DAYS = 180
"""For how many days a waiver may be granted at most, unless a server is set otherwise."""


class Waiver(Value):
    """A waiver excepts a version from one requirement for a time."""

    bounded: ClassVar = frozenset({"expires_at"})

    waiver_id: str = Field(description="The waiver's id is WVR- and 32 hexadecimal digits.")
    requirement_id: Key = Field(description="The requirement that is waived: `POL-003.access-control`.")
    rationale: Statement = Field(description="The rationale says why it may be deployed all the same.")
    granted_by: Key = Field(description="The user id of whoever granted it.")
    granted_at: Moment = Field(description="The time it was granted.")
    expires_at: Moment = Field(description="The time it expires.")
    revoked: Ending | None = Field(default=None, description="The ending, if it was revoked.")
    identity: IdentityMark | None = Field(
        default=None, description="The mark of the person's identity at that time; null if it was not kept."
    )

    @classmethod
    def grant(
        cls, requirement_id: str, rationale: str, expires_at: datetime, longest: timedelta, by: Actor, at: datetime
    ) -> Self:
        if expires_at <= at:
            raise InvalidInput("expires_at", "must be in the future")
        if expires_at > at + longest:
            latest = (at + longest).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            raise InvalidInput("expires_at", f"must be {latest} at the latest: a waiver lasts {longest.days} days at most")
        return cls(
            waiver_id=f"WVR-{uuid4().hex}", requirement_id=requirement_id, rationale=rationale, granted_by=by.id, granted_at=at,
            expires_at=expires_at, identity=by.identity,
        )  # fmt: skip

    def stands(self, at: datetime) -> bool:
        return self.revoked is None and at < self.expires_at

    def may_revoke(self, at: datetime) -> None:
        """InvalidState unless it stands."""
        if not self.stands(at):
            raise InvalidState("revokeWaiver", "REVOKED" if self.revoked else "EXPIRED", ["STANDING"])

    def revoke(self, reason: str, by: Actor, at: datetime) -> Self:
        self.may_revoke(at)
        return self.model_copy(update={"revoked": Ending(at=at, by=by.id, reason=reason, identity=by.identity)})
