"""Reports in the graph: the governance of a version, its risks, and the trail."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import Parent

from documents.access import Permission
from documents.audit.event import AuditEvent, AuditEventType, AuditOutcome
from documents.canonical import canonical
from documents.formats.graph import in_graph_terms
from documents.reports.audit import AuditReport, AuditScope
from documents.reports.audit_page import audit_page
from documents.reports.governance import GovernanceReport
from documents.reports.loading import audit_report, governance_report, risk_report
from documents.reports.page import governance_page
from documents.reports.risk import RiskReport
from documents.reports.risk_page import risk_page
from documents.values import Key, Value
from resolvers.graph.connections import subset
from resolvers.graph.context import Info
from resolvers.graph.mutation import query
from resolvers.graph.types import Part, field, shape

MARKDOWN = "The whole report is CommonMark with GitHub's tables."
JSON = "The whole report is canonical JSON (RFC 8785), with user ids for people."


@shape(GovernanceReport)
class GovernanceReportShape:
    @field(MARKDOWN)
    @staticmethod
    def markdown(report: Parent[GovernanceReport]) -> str:
        return governance_page(report)

    @field(JSON)
    @staticmethod
    def json(report: Parent[GovernanceReport]) -> str:
        return _json(report)


@shape(RiskReport)
class RiskReportShape:
    @field(MARKDOWN)
    @staticmethod
    def markdown(report: Parent[RiskReport]) -> str:
        return risk_page(report)

    @field(JSON)
    @staticmethod
    def json(report: Parent[RiskReport]) -> str:
        return _json(report)


@shape(AuditReport)
class AuditReportShape:
    audit_events = subset(AuditEvent, "The events that it is about, oldest first.", ("seq", 1), own=lambda report: report.query)

    @field(MARKDOWN)
    @staticmethod
    def markdown(report: Parent[AuditReport]) -> str:
        return audit_page(report)

    @field(JSON)
    @staticmethod
    def json(report: Parent[AuditReport]) -> str:
        return _json(report)


def _json(report: Value) -> str:
    return canonical(in_graph_terms(report)).decode()


@query(name="governanceReport")
async def report_of_governance(
    info: Info,
    model_id: Annotated[Key, strawberry.argument(description="The model has this id.")],
    version: Annotated[Key, strawberry.argument(description="The version has this name.")],
) -> GovernanceReport | None:
    """The report tells everything about the governance of one version; null if none."""
    return await governance_report(model_id, version, info.context.now)


@query(name="riskReport")
async def report_of_risk(
    info: Info,
    model_id: Annotated[Key, strawberry.argument(description="The model has this id.")],
    version: Annotated[Key, strawberry.argument(description="The version has this name.")],
) -> RiskReport | None:
    """The report says what may go wrong with a version, as last assessed; null before it is assessed."""
    return await risk_report(model_id, version, info.context.now)


def _about(name: str) -> Any:
    """The description of an argument: that of the field with its name in the scope of a report."""
    return strawberry.argument(description=AuditScope.model_fields[name].description)


@query(name="auditReport", permit=Permission.READ_TRAIL)
async def report_of_events(
    info: Info,
    resource_type: Annotated[str | None, _about("resource_type")] = None,
    resource_id: Annotated[str | None, _about("resource_id")] = None,
    model_id: Annotated[str | None, _about("model_id")] = None,
    version: Annotated[str | None, _about("version")] = None,
    actor_id: Annotated[str | None, _about("actor_id")] = None,
    event_types: Annotated[list[AuditEventType] | None, _about("event_types")] = None,
    outcomes: Annotated[list[AuditOutcome] | None, _about("outcomes")] = None,
    since: Annotated[datetime | None, _about("since")] = None,
    until: Annotated[datetime | None, _about("until")] = None,
) -> AuditReport:
    """The report counts and lists all events of a resource, model or version, and tells the last ones."""
    scope = AuditScope(
        resource_type=resource_type, resource_id=resource_id, model_id=model_id, version=version, actor_id=actor_id,
        event_types=tuple(event_types or ()), outcomes=tuple(outcomes or ()), since=since, until=until,
    )  # fmt: skip
    return await audit_report(scope, info.context.now)


PART = Part(
    types=[GovernanceReportShape, RiskReportShape, AuditReportShape],
    queries=[report_of_governance, report_of_risk, report_of_events],
)
