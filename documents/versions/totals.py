"""How many versions meet a query about tier and status, alone or group by group, by the counts that are kept."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Self

from documents.risk.scales import RiskTier
from documents.store.aggregates import Question
from documents.store.filters import to_query
from documents.store.totals import BEGINNING, kept
from documents.store.units import Raw
from documents.versions.counting import LAPSED, cell
from documents.versions.lifecycle import VersionStatus
from documents.versions.standing import Standing

COLLECTION, TIER, STATUS = "model_versions", "tier", "standing.status"
TIERS, STATUSES = frozenset[Any](RiskTier), frozenset[Any]({*VersionStatus, None})


@dataclass(slots=True)
class Cells:
    """The versions of some tiers that have some stored statuses, and those that lapsed to another status meanwhile."""

    tiers: frozenset[Any] = TIERS
    statuses: frozenset[Any] = STATUSES
    pending_at: datetime | None = None
    """The moment at which they are to be PENDING_APPROVAL, lapsed or not."""
    standing_at: datetime | None = None
    """The moment at which the approval of those that are APPROVED is not to have lapsed."""

    @classmethod
    def of(cls, query: Raw) -> Self | None:
        """The cells that a stored query asks for; None if it asks for anything else."""
        found = cls()
        return found if all(map(found._take, _conjuncts(query))) and found._is_known else None

    async def total(self) -> int:
        """The number of the versions, in one command."""
        at = self.pending_at or self.standing_at
        statuses = [VersionStatus.PENDING_APPROVAL] if self.pending_at else self.statuses
        sums = await kept(COLLECTION, [cell(tier, each) for tier in self.tiers for each in (*statuses, LAPSED)], at or BEGINNING)
        lapsed = sum(sums[cell(tier, LAPSED)] for tier in self.tiers)
        counted = sum(sums[cell(tier, each)] for tier in self.tiers for each in statuses)
        return counted + lapsed if self.pending_at else counted - lapsed if self.standing_at else counted

    async def groups(self, asked: Question, limit: int) -> list[Raw] | None:
        """What `Record.groups` answers, in one command; None if more is asked than counts by tier and stored status."""
        paths = _grouped(asked)
        if paths is None or self.pending_at or self.standing_at:
            return None
        cells = [(tier, status) for tier in self.tiers for status in self.statuses]
        sums = await kept(COLLECTION, [cell(*each) for each in cells], BEGINNING)
        groups = Counter[tuple[Any, ...]]()
        for each in cells:
            groups[tuple(dict(zip((TIER, STATUS), each, strict=True))[path] for path in paths)] += sums[cell(*each)]
        found = [
            {"_id": {f"k{at}": key and str(key) for at, key in enumerate(keys)}, "count": n} for keys, n in groups.items() if n
        ]
        by = [(f"k{at}", each.direction) for at, each in enumerate(asked.by)]
        for path, direction in reversed([*((path.removeprefix("_id."), each) for path, each in asked.order), *by]):
            found.sort(key=partial(_sorting, path), reverse=direction < 0)
        return found[:limit]

    def _take(self, condition: Raw) -> bool:
        """Narrows the cells by a condition; False if it is about something else."""
        match condition:
            case {"tier": {"$eq": _} | {"$in": list()} as wanted} if len(wanted) == 1:
                self.tiers &= _values(wanted)
            case {"standing.status": {"$eq": _} | {"$in": list()} as wanted} if len(wanted) == 1:
                self.statuses &= _values(wanted)
            case {"$or": [*parts]} if (at := next(_moments(parts), None)) and self.pending_at is self.standing_at is None:
                if condition == to_query(Standing.says(VersionStatus.PENDING_APPROVAL, at)):
                    self.pending_at = at
                elif condition in to_query(Standing.says(VersionStatus.APPROVED, at))["$and"]:
                    self.standing_at = at
                else:
                    return False
            case _:
                return False
        return True

    @property
    def _is_known(self) -> bool:
        """Whether what lapses is asked for in a way that the counts tell."""
        if self.pending_at:
            return self.statuses == STATUSES
        return not self.standing_at or self.statuses == {VersionStatus.APPROVED}


def _conjuncts(query: Raw) -> Iterator[Raw]:
    for name, each in query.items():
        if name == "$and":
            for part in each:
                yield from _conjuncts(part)
        else:
            yield {name: each}


def _values(condition: Raw) -> frozenset[Any]:
    (said,) = condition.values()
    return frozenset(said if isinstance(said, list) else [said])


def _moments(said: Any) -> Iterator[datetime]:
    """The moments in a query."""
    match said:
        case datetime():
            yield said
        case dict():
            for each in said.values():
                yield from _moments(each)
        case list():
            for each in said:
                yield from _moments(each)


def _grouped(asked: Question) -> Sequence[str] | None:
    """The paths that groups are made by; None unless these are tier and stored status, and nothing but counts is asked."""
    if asked.lists or asked.sources or asked.measures or asked.figures or asked.distinct or asked.having:
        return None
    plain = all(not (each.level or each.period or each.collection or each.before) for each in asked.by)
    ordered = all(path == "count" or path.startswith("_id.k") for path, _ in asked.order)
    return [each.path for each in asked.by] if plain and ordered and {each.path for each in asked.by} <= {TIER, STATUS} else None


def _sorting(at: str, group: Raw) -> Any:
    if at == "count":
        return group["count"]
    value = group["_id"][at]
    return value is not None, value or ""
