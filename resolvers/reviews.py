"""Periodic reviews in the graph: a review records four findings about a version."""

import strawberry
from pydantic import Field

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.people import Stakeholder
from documents.values import Statement
from documents.versions.parts import Review
from documents.versions.rules import reviews
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.edges import one
from resolvers.graph.inputs import OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, shape


@shape(Review)
class ReviewShape:
    reviewer = one(Stakeholder, "The person who completed it.", user_id="by")


@graph_input("A review is to be recorded.")
class CompleteReviewInput(OfVersion):
    metrics: Statement = Field(description="The text says what the review of metrics found.")
    drift: Statement = Field(description="The text says what the analysis of drift found.")
    incidents: Statement = Field(description="The text says what the review of incidents found.")
    compliance: Statement = Field(description="The text says what the check of compliance found.")


@strawberry.type(description="The review is recorded.")
class CompleteReviewPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version that was reviewed.")


@mutation(event=AuditEventType.COMPLIANCE_CHECK, permit=Permission.COMPLETE_REVIEW, resource=ModelVersion)
async def complete_review(info: Info, input: CompleteReviewInput) -> CompleteReviewPayload:
    """Records a periodic review; the next is due 90, 180 or 365 days later in tier 1, 2 or 3."""
    by, at = info.context.actor, info.context.now
    version = await input.load()
    reviews.complete(version, input.metrics, input.drift, input.incidents, input.compliance, by=by, at=at)
    await version.store()
    return CompleteReviewPayload(model_version=version)


PART = Part(types=[ReviewShape], mutations=[complete_review])
