"""Periodic reviews: how long after the last one the next is due."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Self

from pydantic import Field

from documents.audit.event import AuditEventType
from documents.risk.scales import RiskTier
from documents.store.record import Record
from documents.store.shared import once
from documents.store.units import Bearing

Days = Annotated[int, Field(ge=1, le=3650)]


class ReviewCalendar(Record):
    """After how many days versions are looked at again, tier by tier; those of tier 4 are not. There is one."""

    keys: ClassVar = ("name",)
    bears_on: ClassVar = (Bearing(),)
    event: ClassVar = AuditEventType.POLICY_CHANGED

    name: str = Field(default="calendar", description="The name of the only calendar that exists.")
    tier_1_critical: Days = Field(default=90, description="The number of days that pass between reviews in tier 1.")
    tier_2_important: Days = Field(default=180, description="The number of days that pass between reviews in tier 2.")
    tier_3_standard: Days = Field(default=365, description="The number of days that pass between reviews in tier 3.")

    collection: ClassVar = "review_calendar"

    @classmethod
    async def kept(cls) -> Self:
        return await once(cls.collection, lambda: cls.wanted("calendar")) or cls()

    @property
    def days(self) -> tuple[int, int, int]:
        return self.tier_1_critical, self.tier_2_important, self.tier_3_standard

    def keep(self, days: Sequence[int]) -> None:
        self.tier_1_critical, self.tier_2_important, self.tier_3_standard = days

    def next_after(self, last: datetime, tier: RiskTier) -> datetime | None:
        """When the next review is due after one at `last`; nothing in tier 4."""
        days = getattr(self, tier.value, None)
        return None if days is None else last + timedelta(days=days)
