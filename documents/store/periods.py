"""Periods of moments and days: the expression for the first day of the period that holds one, in a time zone."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from documents.store.units import Raw
from documents.values import Choice

_DAY = "%Y-%m-%d"
# In another zone a moment within a day of these could be in a year of other than four digits, which no engine can write.
_SAFE = {"$gte": datetime(1000, 1, 2, tzinfo=UTC), "$lt": datetime(9999, 12, 30, tzinfo=UTC)}
_FIRST, _WEEKS_BEGIN = "1000-01-01", "1000-01-06"  # the week that holds the first day begins in the year 999
_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]{0,40}(/[A-Z0-9][A-Za-z0-9_+-]{0,40}){0,2}")
_NO_ZONES = frozenset({"Factory"})


class GroupPeriod(Choice):
    """A period is a stretch of the calendar."""

    DAY = "day", "The period is a day."
    WEEK = "week", "The period is a week that begins on Monday (ISO 8601)."
    MONTH = "month", "The period is a month."
    QUARTER = "quarter", "The period is a quarter of a year."
    YEAR = "year", "The period is a year."


@dataclass(frozen=True, slots=True)
class Period:
    """A period in a time zone; a stored day has no zone."""

    of_what: GroupPeriod
    zone: str | None

    def of(self, value: str) -> Raw:
        """The first day of the period as `YYYY-MM-DD`, for a moment, or without a zone for a day; null for null.

        It first asks which day it is in the zone and goes on without one, so that a day of 23 hours, or one without a midnight,
        is a day like any other.
        """
        day: Any = {"$ifNull": [value, None]}
        if self.zone is not None:
            held = {"$dateToString": {"date": value, "format": _DAY, "timezone": self.zone}}
            safe = {"$and": [{operator: [value, bound]} for operator, bound in _SAFE.items()]}
            day = {"$cond": [safe, held, {"$dateToString": {"date": value, "format": _DAY}}]}
        known: list[Raw] = [{"case": {"$eq": [{"$ifNull": ["$$day", None]}, None]}, "then": None}]
        if self.of_what is GroupPeriod.WEEK:
            known.append({"case": {"$lt": ["$$day", _WEEKS_BEGIN]}, "then": _FIRST})
        begun = {"$switch": {"branches": known, "default": self._begun()}}
        return {"$let": {"vars": {"day": day}, "in": begun}}

    def _begun(self) -> Any:
        """The first day of the period that holds `$$day`."""
        match self.of_what:
            case GroupPeriod.DAY:
                return "$$day"
            case GroupPeriod.MONTH:
                return {"$concat": [{"$substrCP": ["$$day", 0, 7]}, "-01"]}
            case GroupPeriod.YEAR:
                return {"$concat": [{"$substrCP": ["$$day", 0, 4]}, "-01-01"]}
        cut = {"date": {"$dateFromString": {"dateString": "$$day"}}, "unit": self.of_what.value, "startOfWeek": "monday"}
        return {"$dateToString": {"date": {"$dateTrunc": cut}, "format": _DAY}}


def is_zone(name: str) -> bool:
    """Whether the name is one of the time zone database, such as `Europe/Berlin`, and no other file beside its zones."""
    if not _ZONE.fullmatch(name) or name.split("/", maxsplit=1)[0] in _NO_ZONES:
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def month_after(at: datetime) -> datetime:
    """The moment when the UTC month after that of `at` begins."""
    month = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
