"""The audit report of one resource or model, as data: counts of all that the trail tells of it, and the last of the events."""

from typing import Any

from pydantic import Field

from documents.access import ActorType
from documents.audit.event import AuditEvent, AuditEventType, AuditOutcome
from documents.reports.governance import ReportedEvent
from documents.store.filters import Filter, to_query
from documents.store.units import Raw
from documents.values import Count, Digest, Moment, Value


class AuditScope(Value):
    """What a report is about: events that are all of this."""

    resource_type: str | None = Field(description="The kind of record that it was done to.")
    resource_id: str | None = Field(description="Its key.")
    model_id: str | None = Field(description="The model that it is about.")
    version: str | None = Field(description="The version of it.")
    actor_id: str | None = Field(description="Who did it: a user id, a service's name, or `system`.")
    event_types: tuple[AuditEventType, ...] = Field(description="One of these; none: of every type.")
    outcomes: tuple[AuditOutcome, ...] = Field(description="One of these; none: however it ended.")
    since: Moment | None = Field(description="At that moment or later; nothing: since the trail began.")
    until: Moment | None = Field(description="Before that moment; nothing: until the report was made.")

    def query(self, size: int) -> Raw:
        """The query for them, among the first `size` events of the trail."""
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
    """The events that ended in one way."""

    outcome: AuditOutcome = Field(description="How they ended.")
    count: Count = Field(description="How many.")


class EventTypeCount(Value):
    """The events of one type."""

    event_type: AuditEventType = Field(description="The type.")
    count: Count = Field(description="How many.")


class ActorCount(Value):
    """The events of one actor."""

    actor_id: str = Field(description="A user id, a service's name, or `system`.")
    actor_type: ActorType = Field(description="A person, a program, or Magistrate itself.")
    count: Count = Field(description="How many.")


class AuditSummary(Value):
    """All the events in a few numbers."""

    total_events: Count = Field(description="How many there are.")
    unique_actors: Count = Field(description="By how many actors.")
    outcomes: tuple[OutcomeCount, ...] = Field(description="How many ended how.")


class ToldEvent(ReportedEvent):
    """An event as the report tells it; `auditEvent` has the whole of it."""

    event_type: AuditEventType = Field(description="What kind of thing happened.")
    outcome: AuditOutcome = Field(description="How it ended.")
    action: str = Field(description="The mutation's name.")
    actor_id: str = Field(description="Who did it: a user id, a service's name, or `system`.")
    resource_type: str = Field(description="The kind of record that it was done to.")
    resource_id: str = Field(description="Its key; empty where it is not known.")

    @classmethod
    def of(cls, event: AuditEvent) -> "ToldEvent":
        return cls(
            seq=event.seq, event_id=event.event_id, event_hash=event.event_hash, occurred_at=event.occurred_at,
            event_type=event.event_type, outcome=event.outcome, action=event.action, actor_id=event.actor.id,
            resource_type=event.resource.type, resource_id=event.resource.id,
        )  # fmt: skip


class TrailIntegrity(Value):
    """Where the audit trail stood when the report was made, and what its last verification had found."""

    origin: str = Field(description="The trail's name.")
    size: Count = Field(description="How many events it held: those the report is made of are among them.")
    root: Digest = Field(description="Root of the Merkle tree of that size, hexadecimal.")
    valid: bool | None = Field(
        description="Whether the server's last verification found nothing wrong; nothing before the first."
    )
    verified_at: Moment | None = Field(description="When that ended.")
    verified_size: Count | None = Field(description="How many events the trail had then.")
    fault_count: Count | None = Field(description="How many faults it found.")


class AuditReport(Value):
    """What the audit trail tells of one resource, model or version: all of it counted, and the last events one by one."""

    generated_at: Moment = Field(description="When the report was made.")
    scope: AuditScope = Field(description="What it is about.")
    summary: AuditSummary = Field(description="All the events in a few numbers.")
    event_breakdown: tuple[EventTypeCount, ...] = Field(description="All the events type by type, the most frequent first.")
    actors: tuple[ActorCount, ...] = Field(description="Who did it, a thousand at most, by id.")
    actors_left_out: Count = Field(description="How many actors are not among them.")
    events: tuple[ToldEvent, ...] = Field(description="The last 500 events, oldest first.")
    events_left_out: Count = Field(description="How many came before them: `auditEvents` lists all, and `summary` counts all.")
    integrity: TrailIntegrity = Field(description="Whether the trail is to be believed.")

    @property
    def query(self) -> Raw:
        """The query for all of its events."""
        return self.scope.query(self.integrity.size)
