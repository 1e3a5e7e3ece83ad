"""Accountability in the graph: the people who answer for a version, role by role."""

import strawberry
from pydantic import Field

from documents.access import GovernanceRole, Permission
from documents.audit.event import AuditEventType
from documents.people import Stakeholder, holder_of
from documents.values import Key
from documents.versions.accountability import Assignment, Cover, Coverage
from documents.versions.rules import accountability
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.edges import one
from resolvers.graph.inputs import OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, shape


@shape(Assignment)
class AssignmentShape:
    person = one(Stakeholder, "Whoever is or was accountable, as that person is today.", user_id="user_id")
    assigner = one(Stakeholder, "Whoever assigned it, if a person did.", user_id="assigned_by")


@shape(Cover)
class CoverShape:
    person = one(Stakeholder, "Whoever is accountable.", user_id="user_id")


@graph_input("Who is to be accountable.")
class AssignAccountabilityInput(OfVersion):
    role: GovernanceRole = Field(description="In which role.")
    user_id: Key = Field(description="Who: an active holder of that role.")


@strawberry.type(description="The version as assigned.")
class AssignAccountabilityPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version; its accountability says who and since when.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.ASSIGN_ACCOUNTABILITY, resource=ModelVersion)
async def assign_accountability(info: Info, input: AssignAccountabilityInput) -> AssignAccountabilityPayload:
    """Makes somebody accountable for a version in a role, in the place of whoever was; what was stays on record."""
    by, at = info.context.actor, info.context.now
    version = await input.load()
    person = await holder_of(input.user_id, input.role, "user_id")
    accountability.assign(version, input.role, person.user_id, by=by, at=at)
    await version.store()
    return AssignAccountabilityPayload(model_version=version)


PART = Part(types=[AssignmentShape, CoverShape, Coverage], mutations=[assign_accountability])
