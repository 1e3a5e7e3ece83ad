"""Conditions: what an approval demands, and how it is known to be done."""

from datetime import datetime
from typing import Self
from uuid import uuid4

from pydantic import Field, computed_field

from documents.errors import InvalidState
from documents.values import Choice, Key, Moment, Statement, Text, Value


class ConditionStatus(Choice):
    """How far a condition is."""

    OPEN = "open", "Nobody has said that it is met."
    SATISFIED = "satisfied", "The model owner says that it is met."
    CONFIRMED = "confirmed", "Somebody of the role that set it agrees."


class Satisfaction(Value):
    """That a condition is met, as the model owner has it."""

    at: Moment = Field(description="When it was said.")
    by: Key = Field(description="The user id of whoever said it.")
    note: Statement | None = Field(default=None, description="How it is met.")
    evidence_id: Key | None = Field(default=None, description="The version's evidence that shows it.")


class Confirmation(Value):
    """That a condition is met, as the role that set it has it."""

    at: Moment = Field(description="When it was confirmed.")
    by: Key = Field(description="The user id of whoever confirmed it.")
    comments: Text = Field(default="", description="What there was to say.")


class Condition(Value):
    """What an approval demands."""

    condition_id: str = Field(description="CON- and 32 hexadecimal digits.")
    text: Statement = Field(description="What must be done.")
    satisfied: Satisfaction | None = Field(default=None, description="How it is met, once somebody said so.")
    confirmed: Confirmation | None = Field(default=None, description="Who agreed, once somebody did.")

    @classmethod
    def set(cls, text: str) -> Self:
        return cls(condition_id=f"CON-{uuid4().hex}", text=text)

    @computed_field(description="How far it is.")  # type: ignore[prop-decorator]
    @property
    def status(self) -> ConditionStatus:
        if self.confirmed:
            return ConditionStatus.CONFIRMED
        return ConditionStatus.SATISFIED if self.satisfied else ConditionStatus.OPEN

    def satisfy(self, note: str | None, evidence_id: str | None, by: str, at: datetime) -> Self:
        """Says how it is met; said again before it is confirmed, the later word stands."""
        if self.confirmed:
            raise InvalidState("satisfyCondition", self.status, [ConditionStatus.OPEN, ConditionStatus.SATISFIED])
        said = Satisfaction(at=at, by=by, note=note, evidence_id=evidence_id)
        return self.model_copy(update={"satisfied": said})

    def confirm(self, comments: str, by: str, at: datetime) -> Self:
        if self.status is not ConditionStatus.SATISFIED:
            raise InvalidState("confirmCondition", self.status, [ConditionStatus.SATISFIED])
        return self.model_copy(update={"confirmed": Confirmation(at=at, by=by, comments=comments)})
