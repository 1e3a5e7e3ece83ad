"""The number of the rules by which this release judges versions, and the record of the number in force in a database.

Whoever changes what a check answers, or what a standing holds, must raise RULES. Servers then judge anew every version that was
judged under an older number (`documents/eligibility/turns.py`). A test compares the answers with those kept for the number in
`tests/data/answers`.
"""

from datetime import datetime
from typing import ClassVar, Self

from pydantic import Field

from documents.audit.event import AuditEventType
from documents.store.record import Record
from documents.store.shared import once
from documents.values import Moment, Value

RULES = 2


class RaisedRules(Value):
    """One raise of the rules number: from when on its stricter checks bind versions that were submitted before."""

    number: int = Field(description="The rules number that came into force.")
    raised_at: Moment = Field(description="The moment at which a server of a release with these rules first started.")
    binding_from: Moment = Field(
        description="The moment from which a check that these rules made stricter blocks versions that were submitted before the "
        "raise; until then the check is advisory for them."
    )


class RulesInForce(Record):
    """The rules number that holds in this database, and every raise of it. There is one such record."""

    collection: ClassVar = "rules"
    keys: ClassVar = ("name",)
    event: ClassVar = AuditEventType.POLICY_CHANGED

    name: str = Field(default="rules", description="The name of the one record.")
    number: int = Field(default=0, description="The rules number; no server lowers it.")
    raised: tuple[RaisedRules, ...] = Field(default=(), description="Every raise, the first one first.")

    @classmethod
    async def kept(cls) -> Self:
        """The stored record, or a new one with the number 0."""
        return await once(cls.collection, lambda: cls.wanted("rules")) or cls()

    def rise(self, number: int, at: datetime, binding_from: datetime) -> bool:
        """Raises the number; False, without a change, if it is as high already."""
        if number <= self.number:
            return False
        self.number = number
        self.raised = (*self.raised, RaisedRules(number=number, raised_at=at, binding_from=binding_from))
        return True

    def announces(self, number: int, submitted_at: datetime | None, at: datetime) -> datetime | None:
        """The moment from which rules of `number` bind a version submitted at `submitted_at`; None if they bind it at `at`.

        A draft (`submitted_at` is None) and a version submitted after the raise are bound at once.
        """
        raise_ = next((each for each in self.raised if each.number >= number), None)
        if raise_ is None or submitted_at is None or submitted_at >= raise_.raised_at or raise_.binding_from <= at:
            return None
        return raise_.binding_from
