"""The audit report of one resource or model as data: counts of all its events, and the last of them."""

from typing import Any

from pydantic import Field

from documents.access import ActorType
from documents.audit.event import AuditEvent, AuditEventType, AuditOutcome
from documents.reports.governance import ReportedEvent
from documents.store.filters import Filter, to_query
from documents.store.units import Raw
from documents.values import Count, Digest, Moment, Value


class AuditScope(Value):
    """The scope selects events that meet all of it."""

    resource_type: str | None = Field(description="The kind of record that the events are about.")
    resource_id: str | None = Field(description="The key of the record that they are about.")
    model_id: str | None = Field(description="The id of the model that they are about.")
    version: str | None = Field(description="The version of the model that they are about.")
    actor_id: str | None = Field(description="The actor is a user id, a service's name, or `system`.")
    event_types: tuple[AuditEventType, ...] = Field(description="The event types that are reported; null for all.")
    outcomes: tuple[AuditOutcome, ...] = Field(description="The outcomes that are reported; null for all.")
    since: Moment | None = Field(description="The events happened at this moment or later.")
    until: Moment | None = Field(description="The events happened before this moment.")

    def query(self, size: int) -> Raw:
        """The query for the events in scope, among the first `size` events of the trail."""
        same = {
            ("resource", "type"): self.resource_type, ("resource", "id"): self.resource_id,
            ("subject", "model_id"): self.model_id, ("subject", "version"): self.version, ("actor", "id"): self.actor_id,
        }  # fmt: skip
        asked: list[Filter] = [{"seq": {"lt": size}}]
        asked += [{of: {name: {"eq": value}}} for (of, name), value in same.items() if value is not None]
        among: dict[str, Any] = {"event_type": self.event_types, "outcome": self.outcomes}
        asked += [{name: {"in": list(values)}} for name, values in among.items() if values]
        if self.since:
            asked.append({"occurred_at": {"gte": self.since}})
        if self.until:
            asked.append({"occurred_at": {"lt": self.until}})
        return to_query({"and": asked})


class OutcomeCount(Value):
    """A count says how many events had one outcome."""

    outcome: AuditOutcome = Field(description="The outcome that they had.")
    count: Count = Field(description="The number of events that had it.")


class EventTypeCount(Value):
    """A count says how many events are of one type."""

    event_type: AuditEventType = Field(description="The type that they are of.")
    count: Count = Field(description="The number of events that are of it.")


class ActorCount(Value):
    """A count says how many events one actor caused."""

    actor_id: str = Field(description="The actor is a user id, a service's name, or `system`.")
    actor_type: ActorType = Field(description="The actor is a person, a program, or Magistrate itself.")
    count: Count = Field(description="The number of events that the actor caused.")


class AuditSummary(Value):
    """A summary counts all the events."""

    total_events: Count = Field(description="The number of events that there are.")
    unique_actors: Count = Field(description="The number of actors that caused them.")
    outcomes: tuple[OutcomeCount, ...] = Field(description="The number of events that had each outcome.")


class ToldEvent(ReportedEvent):
    """A reported event is told in short."""

    event_type: AuditEventType = Field(description="The type says what happened.")
    outcome: AuditOutcome = Field(description="The outcome says how the attempt ended.")
    action: str = Field(description="The name that the mutation has.")
    actor_id: str = Field(description="The actor is a user id, a service's name, or `system`.")
    resource_type: str = Field(description="The kind of record that it was done to.")
    resource_id: str = Field(description="The key of the record; empty where it is not known.")

    @classmethod
    def of(cls, event: AuditEvent) -> "ToldEvent":
        return cls(
            seq=event.seq, event_id=event.event_id, event_hash=event.event_hash, occurred_at=event.occurred_at,
            event_type=event.event_type, outcome=event.outcome, action=event.action, actor_id=event.actor.id,
            resource_type=event.resource.type, resource_id=event.resource.id,
        )  # fmt: skip


class TrailIntegrity(Value):
    """The integrity says where the trail stood, and what was verified last."""

    origin: str = Field(description="The name that the trail bears.")
    size: Count = Field(description="The number of events that it held, those reported among them.")
    root: Digest = Field(description="The root that the tree of that size has.")
    valid: bool | None = Field(description="Whether the last verification found no fault; null for none, and if it is overdue.")
    verified_at: Moment | None = Field(description="The time that verification ended.")
    verified_size: Count | None = Field(description="The number of events that the trail then had.")
    fault_count: Count | None = Field(description="The number of faults that were found.")


class AuditReport(Value):
    """The report counts a scope's events and tells the last ones."""

    generated_at: Moment = Field(description="The time the report was made.")
    scope: AuditScope = Field(description="The scope says what it is about.")
    summary: AuditSummary = Field(description="The summary counts all the events.")
    event_breakdown: tuple[EventTypeCount, ...] = Field(description="The counts by type, which the most frequent leads.")
    actors: tuple[ActorCount, ...] = Field(description="The actors that caused them, by id, 1,000 at most.")
    actors_left_out: Count = Field(description="The number of actors that are not listed.")
    events: tuple[ToldEvent, ...] = Field(description="The last 500 events are listed oldest first.")
    events_left_out: Count = Field(description="The number of earlier events that only `auditEvents` lists.")
    integrity: TrailIntegrity = Field(description="The integrity says whether the trail can be believed.")

    @property
    def query(self) -> Raw:
        """The query for all events that the report counts."""
        return self.scope.query(self.integrity.size)
