"""The dashboard: the filter that each figure counts by at a moment.

The figures of versions, changes and deployments are counts that each transaction keeps, so their cost does not grow.

Some figures depend on records of several kinds. What they count is found first, and listed by its keys.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypedDict, TypeVar
from weakref import WeakKeyDictionary

from pydantic import Field

from documents.audit.event import AuditEvent, AuditEventType, AuditOutcome
from documents.changes.irregular import lacking_returns, running_mitigations
from documents.changes.life import OPEN, ChangeStatus
from documents.changes.plan import ChangeType
from documents.changes.request import ChangeRequest
from documents.deployments import Deployment
from documents.eligibility.turns import still_due
from documents.errors import LimitExceeded
from documents.risk.scales import RiskBand, RiskTier, RiskTrend
from documents.store.counts import values
from documents.store.filters import Filter, to_query
from documents.store.record import Record
from documents.store.session import Database, answered_within, bound_database, time_left
from documents.store.totals import kept
from documents.store.units import Raw
from documents.tokens import ApiToken
from documents.turnstile import Turnstile
from documents.values import Value
from documents.versions.counting import MODELS
from documents.versions.lifecycle import LIVE, VersionStatus
from documents.versions.risks import HighRisk, RiskAcceptance
from documents.versions.standing import Standing
from documents.versions.version import ModelVersion

T = TypeVar("T")
MOST_MODELS, ANOMALIES = 10_000, 1_000  # models in use, and anomalies, that one request handles
PATIENCE = 60  # seconds that the database has for what several requests may share, if none of them has a limit
IN_USE: Filter = {"standing": {"status": {"in": LIVE}}}
RETURN: Filter = {"plan": {"change_type": {"eq": ChangeType.ROLLBACK}, "target_version": {"is_null": False}}}
"""The changes that take another one back, after which a version runs."""
DECOMMISSION: Filter = {"plan": {"target_version": {"is_null": True}}}
"""The changes after which no version runs."""


class Counted(TypedDict):
    """The number that a figure shows, and the query for the records that it counts, or that hold the elements it counts."""

    count: int
    query: Raw


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one kind of record: `of` has a filter for each figure, applied to the records that meet `among`."""

    kind: type[Record]
    among: Filter
    of: Mapping[str, Filter]
    distinct: Mapping[str, str] = field(default_factory=dict)
    """Figures that count the different values at a path, rather than records."""
    elements: Mapping[str, tuple[str, Filter]] = field(default_factory=dict)
    """Figures that count the elements of a list, at a path, that meet a filter."""
    kept_at: datetime | None = None
    """The moment as of which the counts are read that each transaction keeps; None if the database counts."""

    def query(self) -> tuple[Raw, Mapping[str, Raw], Mapping[str, str], Mapping[str, tuple[str, Raw]]]:
        """What counts the figures by their filters: the arguments of `Record.counts`."""
        of = {name: to_query(each) for name, each in self.of.items()}
        elements = {name: (path, to_query(each, path)) for name, (path, each) in self.elements.items()}
        return to_query(self.among), of, self.distinct, elements

    async def counted(self) -> Mapping[str, Counted]:
        """The figures by name, each the same as if its filter was counted."""
        if self.kept_at is None:
            found = await self.kind.counts(*self.query())
        else:
            found = await kept(self.kind.collection, [*self.of, *self.distinct, *self.elements], self.kept_at)
        # A figure of distinct values or elements lists the records among which it counts.
        whole = {name: to_query({"and": [self.among, self.of.get(name, {})]}) for name in found}
        return {name: Counted(count=found[name], query=whole[name]) for name in found}


@dataclass(slots=True)
class _Wish:
    """The latest moment as of which somebody waits for a thing, and the longest time that somebody has for it, in seconds."""

    at: datetime
    seconds: float


class _Shared:
    """What callers of one database wait for: one thing is read at a time, for all who asked before it began."""

    def __init__(self) -> None:
        self.turnstile = Turnstile[Any]()
        self.wishes = dict[Hashable, _Wish]()

    async def found(self, read: Callable[..., Awaitable[T]], at: datetime, how: tuple[Any, ...], database: Database) -> T:
        what, seconds = (read, how), min(time_left(), PATIENCE)
        wish = self.wishes.setdefault(what, _Wish(at, seconds))
        wish.at, wish.seconds = max(at, wish.at), max(seconds, wish.seconds)

        async def work() -> T:
            wished = self.wishes.pop(what)
            with database.bound(), answered_within(wished.seconds):
                return await read(wished.at, *how)

        found: T = await self.turnstile.through(what, work)
        return found


_shared: WeakKeyDictionary[Database, _Shared] = WeakKeyDictionary()


async def shared(read: Callable[..., Awaitable[T]], at: datetime, *how: Any) -> T:
    """What `read` finds as of `at`, or of a moment between `at` and now; it begins after the call.

    The dashboard is the same for every caller, so those who ask at once share what is read.
    """
    database = bound_database()
    return await _shared.setdefault(database, _Shared()).found(read, at, how, database)


Wanted = Callable[[datetime], Figures]
"""The figures of one kind of record as of a moment."""


async def counted(at: datetime, wanted: Wanted) -> Mapping[str, Counted]:
    """The figures of one kind of record, by name."""
    return await wanted(at).counted()


def versions(at: datetime) -> Figures:
    """The figures of the versions in use, and of those in each tier."""
    of: dict[str, Filter] = {
        "versions": {},
        "pending_approval": Standing.says(VersionStatus.PENDING_APPROVAL, at),
        "overdue_review": Standing.is_overdue(True, at),
        "with_model_card": {"standing": {"card_completeness": {"eq": 1}}},
        "with_risk_assessment": {"standing": {"risk_score": {"is_null": False}}},
        "submitted": Standing.was_submitted(),
        "with_all_approvals": Standing.lacks_none(at),
        "policy_violations": Standing.is_compliant(False, at),
        "with_unmitigated_risk": Standing.has_open_high_risk(True, at),
        "with_accepted_risk": {"acceptances": {"some": RiskAcceptance.standing_at(at)}},
        "trending_up": {"standing": {"risk_trend": {"eq": RiskTrend.UP}}},
        "high_risk": {"standing": {"risk_band": {"in": [RiskBand.HIGH, RiskBand.CRITICAL]}}},
    }
    of |= {each: {"tier": {"eq": each}} for each in RiskTier}
    elements = {
        "unmitigated_risks": ("standing.high_risks", HighRisk.open_at(at)),
        "accepted_risks": ("acceptances", RiskAcceptance.standing_at(at)),
    }
    return Figures(ModelVersion, IN_USE, of, distinct={MODELS: "model_id"}, elements=elements, kept_at=at)


def changes(at: datetime) -> Figures:
    """The figures of the changes that are not over, and of those that took something back since the UTC month began."""
    open_: Filter = {"status": {"in": OPEN}}
    taken_back = {"and": [completed_since(month(at)), {"or": [RETURN, DECOMMISSION]}]}
    of: dict[str, Filter] = {
        "open": open_,
        "pending_approval": {"status": {"in": [ChangeStatus.SUBMITTED, ChangeStatus.UNDER_REVIEW]}},
        "rollbacks": taken_back,
        "returns": {"and": [taken_back, RETURN]},
        "decommissions": {"and": [taken_back, DECOMMISSION]},
    }
    return Figures(ChangeRequest, {"or": [open_, taken_back]}, of, kept_at=at)


def completed_since(moment: datetime) -> Filter:
    """The changes that were carried out since that moment, whatever became of them afterwards."""
    ended = {"completed_time": {"gte": moment}, "status": {"in": [ChangeStatus.COMPLETED, ChangeStatus.ROLLED_BACK]}}
    return {**ended, "moves": {"some": {"to_status": {"eq": ChangeStatus.COMPLETED}}}}


def deployments(at: datetime) -> Figures:
    """The figures of the deployments since the UTC month began."""
    return Figures(Deployment, {"deployed_at": {"gte": month(at)}}, {"deployed": {}}, kept_at=at)


def events(at: datetime) -> Figures:
    """The figures of the events since the UTC month began."""
    of: dict[str, Filter] = {
        "today": {"occurred_at": {"gte": day(at)}},
        "policy_violations": {"event_type": {"eq": AuditEventType.POLICY_VIOLATION}},
    }
    return Figures(AuditEvent, {"occurred_at": {"gte": month(at)}}, of)


def tokens(at: datetime) -> Figures:
    """The figure of the tokens that expire soon."""
    return Figures(ApiToken, ApiToken.expiring(at), {"expiring": {}})


async def to_be_judged(at: datetime) -> Counted:
    """The versions whose standing must be computed anew."""
    due = await still_due(at)
    return Counted(count=await ModelVersion.tally(due), query=due)


async def running(at: datetime) -> Counted:
    """The changes by which something runs that a hold or critical incident stops."""
    return _of_changes(await running_mitigations())


async def lacking(at: datetime) -> Counted:
    """The rollbacks by which something runs that is not eligible."""
    return _of_changes(await lacking_returns(at))


def _of_changes(ids: Sequence[str]) -> Counted:
    return Counted(count=len(ids), query=to_query({"change_id": {"in": list(ids)}}))


async def models_in_use() -> Raw:
    """The query for the models that have a version in use. Raises LimitExceeded for more than 10,000 models."""
    found = await values(ModelVersion, MODELS, MOST_MODELS + 1)
    if len(found) > MOST_MODELS:
        raise LimitExceeded("the number of models in use", len(found), MOST_MODELS)
    return {"model_id": {"$in": found}}


class AccessAnomaly(Value):
    """An anomaly is an actor who was denied too often on a day."""

    actor_id: str = Field(description="The user id or service that was denied, or `anonymous`.")
    day: date = Field(description="The UTC day it happened.")
    attempts: int = Field(description="The number of attempts that were denied, of which an event can tell several.")
    events: int = Field(description="The number of events that tell of them.")

    @property
    def told_by(self) -> Filter:
        """The filter that finds the events of the anomaly among denied events."""
        begins = _midnight(self.day)
        return {"actor": {"id": {"eq": self.actor_id}}, "occurred_at": {"gte": begins, "lt": begins + timedelta(days=1)}}


async def anomalies(at: datetime, threshold: int) -> list[AccessAnomaly]:
    """The anomalies since the UTC month began, most attempts first. Raises LimitExceeded beyond a thousand."""
    found = await AuditEvent.denials(month(at), threshold, ANOMALIES + 1)
    if len(found) > ANOMALIES:
        raise LimitExceeded("the number of access anomalies above the threshold", len(found), ANOMALIES)
    return [AccessAnomaly(**each.pop("_id"), **each) for each in found]


def denied(those: list[AccessAnomaly]) -> Counted:
    """The number of events that record the anomalies, and the query for them."""
    told: Filter = {"outcome": {"eq": AuditOutcome.DENIED}, "or": [each.told_by for each in those]}
    return Counted(count=sum(each.events for each in those), query=to_query(told))


def day(at: datetime) -> datetime:
    """The moment when the UTC day of `at` began."""
    return _midnight(at.astimezone(UTC).date())


def month(at: datetime) -> datetime:
    """The moment when the UTC month of `at` began."""
    return day(at).replace(day=1)


def _midnight(on: date) -> datetime:
    return datetime.combine(on, time(), UTC)
