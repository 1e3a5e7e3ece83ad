"""Reports in the graph."""

from typing import Annotated

import strawberry
from strawberry import Parent

from documents.audit.canonical import canonical
from documents.formats.graph import spelled
from documents.reports.governance import GovernanceReport
from documents.reports.load import governance_report
from documents.reports.page import governance_page
from documents.values import Key
from resolvers.graph.context import Info
from resolvers.graph.mutation import query
from resolvers.graph.types import Part, field, shape


@shape(GovernanceReport)
class GovernanceReportShape:
    @field("The whole of it to read, as Markdown: CommonMark with the tables of GitHub Flavored Markdown; every value is text.")
    @staticmethod
    def markdown(report: Parent[GovernanceReport]) -> str:
        return governance_page(report)

    @field(
        "The whole of it as JSON, under the names of the graph, people as their user ids; canonical (RFC 8785), so that its "
        "SHA-256 can be cited."
    )
    @staticmethod
    def json(report: Parent[GovernanceReport]) -> str:
        return canonical(spelled(report)).decode()


@query(name="governanceReport")
async def report_of_governance(
    info: Info,
    model_id: Annotated[Key, strawberry.argument(description="The model.")],
    version: Annotated[Key, strawberry.argument(description="The version.")],
) -> GovernanceReport | None:
    """Everything about the governance of one version, as data."""
    return await governance_report(model_id, version, info.context.now)


PART = Part(queries=[report_of_governance])
