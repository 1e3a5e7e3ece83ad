"""Incidents: what went wrong with a version, and how it ended."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import uuid4

from pydantic import Field

from documents.access import RESOLVING_CRITICAL, Actor, Permission
from documents.audit.event import AuditEventType
from documents.errors import InvalidInput, InvalidState, NotReady
from documents.numbers import version_key
from documents.search import BY_TOKENS, Searchable
from documents.store.indexes import index
from documents.store.units import Bearing, Raw
from documents.values import Choice, Environment, Key, Moment, Name, Statement, Text, Value
from documents.versions.parts import Ending
from documents.versions.rules import operation
from documents.versions.version import ModelVersion


class IncidentSeverity(Choice):
    """An incident's severity says how bad it is."""

    LOW = "low", "A nuisance arose: nobody was harmed or hindered."
    MEDIUM = "medium", "Somebody was hindered, or would have been."
    HIGH = "high", "Somebody was harmed, or much of the service was away."
    CRITICAL = "critical", "Grave harm or a breach of law arose; it blocks deployment."

    def is_graver_than(self, other: "IncidentSeverity") -> bool:
        order = list(IncidentSeverity)
        return order.index(self) > order.index(other)


class IncidentStatus(Choice):
    """An incident's status says how far it is."""

    OPEN = "open", "The incident still goes on."
    RESOLVED = "resolved", "The incident is over."


class Escalation(Value):
    """An escalation raised the severity of an incident."""

    before: IncidentSeverity = Field(description="The severity that the incident had before.")
    after: IncidentSeverity = Field(description="The severity that it has since.")
    reason: Statement = Field(description="The reason why it is graver than it seemed.")
    by: Key = Field(description="The user id or service that raised it.")
    at: Moment = Field(description="The time it was raised.")


class Incident(Searchable):
    """An incident is something that went wrong with a version."""

    keys: ClassVar = ("incident_id",)
    bears_on: ClassVar = (Bearing({"model_id": "model_id", "version": "version"}, when=frozenset({"severity", "status"})),)
    event: ClassVar = AuditEventType.INCIDENT_CREATED
    private: ClassVar = frozenset({"title", "description", "escalations.*.reason", "resolution.reason"})
    searched: ClassVar = ("incident_id", "model_id", "title", "description")
    ordered: ClassVar = frozenset({
        "incident_id", "model_id", "version", "environment", "severity", "status", "opened_by", "opened_at",
    })  # fmt: skip
    grouped: ClassVar = frozenset({"model_id", "version", "environment", "severity", "status", "opened_by"})
    bounded: ClassVar = frozenset({"opened_at"})
    semantic: ClassVar = frozenset({"version"})
    keyed: ClassVar = {"version": "version_key"}
    derived: ClassVar = frozenset({"version_key"})

    incident_id: str = Field(description="The id is INC- and 32 hexadecimal digits.")
    model_id: Key = Field(description="The id of the model that it happened to.")
    version: Key = Field(description="The version that it happened to.")
    version_key: str = Field(default="", description="The key that its version is ordered by.")
    environment: Environment | None = Field(default=None, description="The environment where it happened, if stated.")
    severity: IncidentSeverity = Field(description="The severity says how bad it is.")
    escalations: tuple[Escalation, ...] = Field(default=(), description="The times its severity was raised, oldest first.")
    status: IncidentStatus = Field(description="The status says how far it is.")
    title: Name = Field(description="The title says in a line what happened.")
    description: Text = Field(default="", description="The text says what is known of it.")
    opened_by: Key = Field(description="The user id or service that reported it.")
    opened_at: Moment = Field(description="The time it was reported.")
    resolution: Ending | None = Field(default=None, description="The resolution, once it is resolved.")

    collection: ClassVar = "incidents"
    counted_by: ClassVar = ("incident_id",)
    indexes: ClassVar = [
        index("model_id", "version", "opened_at", "_id"),
        index("model_id", "opened_at", "_id"),
        index("status", "opened_at", "_id"),
        index("severity", "opened_at", "_id"),
        index("opened_at", "_id"),
        BY_TOKENS,
    ]

    @classmethod
    def open(
        cls, version: ModelVersion, environment: str | None, severity: IncidentSeverity, title: str, description: str,
        by: Actor, at: datetime,
    ) -> Self:  # fmt: skip
        """A new incident; a critical one blocks the version's deployment."""
        incident = cls(
            incident_id=f"INC-{uuid4().hex}", model_id=version.model_id, version=version.version,
            version_key=version.version_key, environment=environment, severity=severity, status=IncidentStatus.OPEN,
            title=title, description=description, opened_by=by.id, opened_at=at,
        )  # fmt: skip
        if incident.blocks_deployment:
            operation.suffer(version, incident.incident_id)
        return incident

    @classmethod
    def recomputed(cls, raw: Raw) -> Raw:
        return super().recomputed(raw) | {"version_key": version_key(raw["version"])}

    @property
    def filed_under(self) -> dict[str, str]:
        return {"model_id": self.model_id, "version": self.version}

    @property
    def blocks_deployment(self) -> bool:
        return self.status is IncidentStatus.OPEN and self.severity is IncidentSeverity.CRITICAL

    def may_escalate(self) -> None:
        """Raises what stands in the way of every graver severity: NotReady once it is CRITICAL."""
        self._is_open(Permission.ESCALATE_INCIDENT)
        if not self.graver:
            problem = f"it is {self.severity.name}, and no severity is graver"
            raise NotReady(Permission.ESCALATE_INCIDENT.value, self.status, [IncidentStatus.OPEN], problem)

    @property
    def graver(self) -> tuple[IncidentSeverity, ...]:
        """The severities that it can be raised to."""
        return tuple(each for each in IncidentSeverity if each.is_graver_than(self.severity))

    def may_resolve(self, version: ModelVersion, by: Actor) -> None:
        """Raises what stands in the way of its resolution; a critical one is resolved by a risk manager."""
        version.needs(by, Permission.RESOLVE_INCIDENT)
        if self.severity is IncidentSeverity.CRITICAL:
            by.must_hold(RESOLVING_CRITICAL, f"{by.id} may not resolve a critical incident")
        self._is_open(Permission.RESOLVE_INCIDENT)

    def escalate(self, version: ModelVersion, severity: IncidentSeverity, reason: str, by: Actor, at: datetime) -> None:
        """Raises the severity while the incident is open; one that is critical from now on blocks the version's deployment."""
        self.may_escalate()
        if not severity.is_graver_than(self.severity):
            raise InvalidInput("severity", f"must be graver than {self.severity.name}")
        raised = Escalation(before=self.severity, after=severity, reason=reason, by=by.id, at=at)
        self.severity, self.escalations = severity, (*self.escalations, raised)
        if self.blocks_deployment:
            operation.suffer(version, self.incident_id)

    def resolve(self, version: ModelVersion, text: str, by: Actor, at: datetime) -> None:
        """Declares the incident over; a critical one by a risk manager."""
        self.may_resolve(version, by)
        if self.blocks_deployment:
            operation.recover(version, self.incident_id)
        self.status, self.resolution = IncidentStatus.RESOLVED, Ending(at=at, by=by.id, reason=text)

    def _is_open(self, permission: Permission) -> None:
        if self.status is not IncidentStatus.OPEN:
            raise InvalidState(permission.value, self.status, [IncidentStatus.OPEN])
