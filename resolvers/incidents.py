"""Incidents in the graph: an incident reports harm or failure of a version."""

import strawberry
from pydantic import BaseModel, Field

from documents.access import Permission
from documents.actions.others import OF_INCIDENT, of_incidents
from documents.audit.event import AuditEventType
from documents.eligibility.answer import BlockingIncident
from documents.incidents import Escalation, Incident, IncidentSeverity
from documents.people import Stakeholder
from documents.values import Environment, Key, Name, Statement, Text
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.actions import actions_of
from resolvers.graph.aggregates import aggregates
from resolvers.graph.connections import connection
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one
from resolvers.graph.filters import filters
from resolvers.graph.inputs import OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation, query
from resolvers.graph.types import Node, Part, node, shape


@node(Incident, hidden=["version_key"])
class IncidentNode(Node):
    model = one(Model, "The model that it happened to.", model_id="model_id")
    model_version = one(ModelVersion, "The version that it happened to.", model_id="model_id", version="version")
    actions = actions_of(Incident, OF_INCIDENT, of_incidents, "incident")
    reporter = one(Stakeholder, "The person who reported it; null for a service.", user_id="opened_by")


@shape(Escalation)
class EscalationShape:
    escalated_by = one(Stakeholder, "The person who raised it; null for a service.", user_id="by")


@shape(BlockingIncident)
class BlockingIncidentShape:
    incident = one(Incident, "The incident that blocks.", incident_id="incident_id")


IncidentFilter = filters(
    Incident, "incident_id", "model_id", "version", "environment", "severity", "status", "title", "opened_by", "opened_at",
    "resolution",
)  # fmt: skip


@query()
async def incident(info: Info, incident_id: Key) -> Incident | None:
    """The incident that has the id; null if none."""
    return await Incident.seek({"incident_id": incident_id}, asked_of(info, Incident))


incidents = connection(Incident, "incidents", "The incidents are listed latest first.", ("opened_at", -1))


incident_aggregates = aggregates(
    Incident,
    "incident_aggregates",
    "Groups incidents, counts each group and computes its figures.",
)


@strawberry.type
class OfIncident(Payload):
    """The fields that payloads about an incident have in common."""

    incident: Incident = strawberry.field(description="The incident as it is now.")
    model_version: ModelVersion = strawberry.field(description="The version that it happened to.")


@graph_input("An incident is to be reported.")
class OpenIncidentInput(OfVersion):
    environment: Environment | None = Field(default=None, description="The environment where it happened.")
    severity: IncidentSeverity = Field(description="The severity says how bad it is; CRITICAL blocks deployment while open.")
    title: Name = Field(description="The title says in a line what happened.")
    description: Text = Field(default="", description="The text says what is known of it.")


@strawberry.type(description="The incident is reported.")
class OpenIncidentPayload(OfIncident): ...


@mutation(event=AuditEventType.INCIDENT_CREATED, permit=Permission.OPEN_INCIDENT, resource=Incident)
async def open_incident(info: Info, input: OpenIncidentInput) -> OpenIncidentPayload:
    """Reports that something went wrong with a version; a critical incident blocks its deployment while open."""
    version = await input.load()
    incident = Incident.open(
        version, input.environment, input.severity, input.title, input.description, by=info.context.actor, at=info.context.now
    )
    await incident.store()
    await version.store()
    return OpenIncidentPayload(incident=incident, model_version=version)


@graph_input("The severity of an incident is to be raised.")
class EscalateIncidentInput(BaseModel):
    incident_id: Key = Field(description="The id of an incident that is open.")
    severity: IncidentSeverity = Field(description="The severity must be graver than the incident's; CRITICAL blocks deployment.")
    reason: Statement = Field(description="The reason why it is graver than it seemed.")


@strawberry.type(description="The severity of the incident is raised.")
class EscalateIncidentPayload(OfIncident): ...


@mutation(event=AuditEventType.INCIDENT_ESCALATED, permit=Permission.ESCALATE_INCIDENT, resource=Incident)
async def escalate_incident(info: Info, input: EscalateIncidentInput) -> EscalateIncidentPayload:
    """Raises the severity of an open incident, by anybody who may open one; a critical one blocks deployment from then on."""
    incident = await Incident.require(input.incident_id)
    version = await ModelVersion.require(incident.model_id, incident.version)
    incident.escalate(version, input.severity, input.reason, by=info.context.actor, at=info.context.now)
    await incident.store()
    await version.store()
    return EscalateIncidentPayload(incident=incident, model_version=version)


@graph_input("An incident is to be resolved.")
class ResolveIncidentInput(BaseModel):
    incident_id: Key = Field(description="The id of the incident that is over.")
    text: Statement = Field(description="The text says how it ended, and what was done.")


@strawberry.type(description="The incident is resolved.")
class ResolveIncidentPayload(OfIncident): ...


@mutation(event=AuditEventType.INCIDENT_RESOLVED, permit=Permission.RESOLVE_INCIDENT, resource=Incident)
async def resolve_incident(info: Info, input: ResolveIncidentInput) -> ResolveIncidentPayload:
    """Resolves an incident, by the version's owner or a risk manager; a critical one by a risk manager."""
    incident = await Incident.require(input.incident_id)
    version = await ModelVersion.require(incident.model_id, incident.version)
    incident.resolve(version, input.text, by=info.context.actor, at=info.context.now)
    await incident.store()
    await version.store()
    return ResolveIncidentPayload(incident=incident, model_version=version)


PART = Part(
    types=[IncidentNode, EscalationShape, BlockingIncidentShape, IncidentFilter],
    queries=[incident, incidents, incident_aggregates],
    mutations=[open_incident, escalate_incident, resolve_incident],
)
