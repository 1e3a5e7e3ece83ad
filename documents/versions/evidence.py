"""Evidence: what shows that a requirement is met which no check can decide, and for how long."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import uuid4

from pydantic import Field

from documents.access import Actor, Permission, authorship
from documents.errors import InvalidInput, InvalidState
from documents.values import Digest, Key, Moment, Name, Statement, Uri, Value
from documents.versions.parts import Ending


class Evidence(Value):
    """Evidence is a document that shows something."""

    bounded: ClassVar = frozenset({"valid_until"})

    evidence_id: str = Field(description="The id is EVD- and 32 hexadecimal digits.")
    requirement_id: Key = Field(description="The requirement that it is for: `POL-003.access-control`.")
    title: Name = Field(description="The title says what it is.")
    uri: Uri = Field(description="The URI where it is.")
    sha256: Digest | None = Field(default=None, description="The SHA-256 that the document has.")
    note: Statement | None = Field(default=None, description="The note says what to know about it.")
    attached_by: Key = Field(description="The user id or service that attached it.")
    attached_at: Moment = Field(description="The time it was attached.")
    effective_from: Moment = Field(description="The time it begins to count.")
    valid_until: Moment | None = Field(default=None, description="The time it ceases to count; null for never.")
    withdrawn: Ending | None = Field(default=None, description="The ending, if it was withdrawn.")

    @classmethod
    def attach(
        cls, requirement_id: str, title: str, uri: str, sha256: str | None, note: str | None,
        effective_from: datetime | None, valid_until: datetime | None, by: Actor, at: datetime,
    ) -> Self:  # fmt: skip
        begins = effective_from or at
        if valid_until is not None and valid_until <= begins:
            raise InvalidInput("valid_until", "must be after the evidence begins to count")
        return cls(
            evidence_id=f"EVD-{uuid4().hex}", requirement_id=requirement_id, title=title, uri=uri, sha256=sha256, note=note,
            attached_by=by.id, attached_at=at, effective_from=begins, valid_until=valid_until,
        )  # fmt: skip

    def stands(self, at: datetime) -> bool:
        begun = self.effective_from <= at and (self.valid_until is None or at < self.valid_until)
        return begun and self.withdrawn is None

    def may_withdraw(self, by: Actor) -> None:
        """Forbidden unless the caller attached it, InvalidState once it is withdrawn."""
        by.needs(Permission.WITHDRAW_EVIDENCE, authorship(by.id == self.attached_by))
        if self.withdrawn:
            raise InvalidState("withdrawEvidence", "WITHDRAWN", ["ATTACHED"])

    def withdraw(self, reason: str, by: Actor, at: datetime) -> Self:
        self.may_withdraw(by)
        return self.model_copy(update={"withdrawn": Ending(at=at, by=by.id, reason=reason)})
