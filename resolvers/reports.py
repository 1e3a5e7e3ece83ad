"""Reports in the graph."""

from typing import Annotated

import strawberry

from documents.records import whole
from documents.reports import GovernanceReport, governance_report
from documents.values import Key
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.mutation import query
from resolvers.graph.types import Part, shape


@shape(GovernanceReport)
class GovernanceReportShape: ...


@query(name="governanceReport")
async def report_of_governance(
    info: Info,
    model_id: Annotated[Key, strawberry.argument(description="The model.")],
    version: Annotated[Key, strawberry.argument(description="The version.")],
) -> GovernanceReport | None:
    """Everything about the governance of one version, as data."""
    found = await ModelVersion.seek({"model_id": model_id, "version": version})
    return await governance_report(whole(found), info.context.now) if found else None


PART = Part(queries=[report_of_governance])
