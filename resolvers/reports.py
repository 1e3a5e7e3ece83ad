"""Reports in the graph."""

from typing import Annotated

import strawberry
from strawberry import Parent

from documents.audit.canonical import canonical
from documents.formats.graph import spelled
from documents.reports.governance import GovernanceReport
from documents.reports.load import governance_report, risk_report
from documents.reports.page import governance_page
from documents.reports.risk import RiskReport
from documents.reports.risk_page import risk_page
from documents.values import Key, Value
from resolvers.graph.context import Info
from resolvers.graph.mutation import query
from resolvers.graph.types import Part, field, shape

MARKDOWN = "The whole of it to read, as Markdown: CommonMark with the tables of GitHub Flavored Markdown; every value is text."
JSON = (
    "The whole of it as JSON, under the names of the graph, people as their user ids; canonical (RFC 8785), so that its "
    "SHA-256 can be cited."
)


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


def _json(report: Value) -> str:
    return canonical(spelled(report)).decode()


@query(name="governanceReport")
async def report_of_governance(
    info: Info,
    model_id: Annotated[Key, strawberry.argument(description="The model.")],
    version: Annotated[Key, strawberry.argument(description="The version.")],
) -> GovernanceReport | None:
    """Everything about the governance of one version, as data."""
    return await governance_report(model_id, version, info.context.now)


@query(name="riskReport")
async def report_of_risk(
    info: Info,
    model_id: Annotated[Key, strawberry.argument(description="The model.")],
    version: Annotated[Key, strawberry.argument(description="The version.")],
) -> RiskReport | None:
    """What may go wrong with one version, as last assessed, and what was decided about it; null before it is assessed."""
    return await risk_report(model_id, version, info.context.now)


PART = Part(queries=[report_of_governance, report_of_risk])
