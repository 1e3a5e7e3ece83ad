"""Conditions: what an approval demands, and how it is known to be done."""

from datetime import datetime
from typing import Self
from uuid import uuid4

from pydantic import Field, computed_field

from documents.access import Actor
from documents.errors import InvalidState
from documents.identities import IdentityMark
from documents.values import Choice, Key, Moment, Statement, Text, Value


class ConditionStatus(Choice):
    """A condition's status says how far it is."""

    OPEN = "open", "Nobody has said that it is met."
    SATISFIED = "satisfied", "The model owner says that it is met."
    CONFIRMED = "confirmed", "Somebody of the role that set it agrees."
    SUPERSEDED = "superseded", "A later decision for the same role replaces the one that set it."


class Satisfaction(Value):
    """A satisfaction is the owner's word that it is met."""

    at: Moment = Field(description="The time the owner said so.")
    by: Key = Field(description="The user id of whoever said so.")
    note: Statement | None = Field(default=None, description="The note says how it is met.")
    evidence_id: Key | None = Field(default=None, description="The id of the version's evidence that shows it.")


class Confirmation(Value):
    """A confirmation is the role's word that it is met."""

    at: Moment = Field(description="The time it was confirmed.")
    by: Key = Field(description="The user id of whoever confirmed it.")
    comments: Text = Field(default="", description="The comments that the person made.")
    identity: IdentityMark | None = Field(
        default=None, description="The mark of the person's identity at that time; null if it was not kept."
    )


class Condition(Value):
    """A condition is what an approval demands."""

    condition_id: str = Field(description="The id is CON- and 32 hexadecimal digits.")
    text: Statement = Field(description="The text says what must be done.")
    satisfied: Satisfaction | None = Field(default=None, description="The satisfaction, once the owner says that it is met.")
    confirmed: Confirmation | None = Field(default=None, description="The confirmation, once somebody has agreed.")

    @classmethod
    def set(cls, text: str) -> Self:
        return cls(condition_id=f"CON-{uuid4().hex}", text=text)

    @computed_field(description="The status says how far it is.")  # type: ignore[prop-decorator]
    @property
    def status(self) -> ConditionStatus:
        if self.confirmed:
            return ConditionStatus.CONFIRMED
        return ConditionStatus.SATISFIED if self.satisfied else ConditionStatus.OPEN

    def may_satisfy(self) -> None:
        """InvalidState once it is confirmed."""
        if self.confirmed:
            raise InvalidState("satisfyCondition", self.status, [ConditionStatus.OPEN, ConditionStatus.SATISFIED])

    def satisfy(self, note: str | None, evidence_id: str | None, by: str, at: datetime) -> Self:
        """Says how it is met; said again before it is confirmed, the later word stands."""
        self.may_satisfy()
        said = Satisfaction(at=at, by=by, note=note, evidence_id=evidence_id)
        return self.model_copy(update={"satisfied": said})

    def may_confirm(self) -> None:
        """InvalidState unless the owner says that it is met, and nobody has agreed yet."""
        if self.status is not ConditionStatus.SATISFIED:
            raise InvalidState("confirmCondition", self.status, [ConditionStatus.SATISFIED])

    def confirm(self, comments: str, by: Actor, at: datetime) -> Self:
        self.may_confirm()
        done = Confirmation(at=at, by=by.id, comments=comments, identity=by.identity)
        return self.model_copy(update={"confirmed": done})


class SupersededCondition(Condition):
    """A condition as it reads once a later decision for the same role replaces the one that set it."""

    @computed_field(description="The status says how far it is.")  # type: ignore[prop-decorator]
    @property
    def status(self) -> ConditionStatus:
        return ConditionStatus.SUPERSEDED
