"""Accountability in the graph: the people who answer for a version, role by role."""

import strawberry
from pydantic import Field

from documents.access import GovernanceRole, Permission
from documents.audit.event import AuditEventType
from documents.people import Stakeholder, holder_of
from documents.values import Key
from documents.versions.accountability import Assignment, Cover, Coverage
from documents.versions.owners import assign
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.edges import one
from resolvers.graph.inputs import OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, shape


@shape(Assignment)
class AssignmentShape:
    person = one(Stakeholder, "The person who is or was accountable.", user_id="user_id")
    assigner = one(Stakeholder, "The person who assigned it; null for a service.", user_id="assigned_by")


@shape(Cover)
class CoverShape:
    person = one(Stakeholder, "The person who is accountable.", user_id="user_id")


@graph_input("A role is to be assigned.")
class AssignAccountabilityInput(OfVersion):
    role: GovernanceRole = Field(description="The role that is assigned.")
    user_id: Key = Field(description="The user id must be of an active holder of the role.")


@strawberry.type(description="The role is assigned.")
class AssignAccountabilityPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version that now has the assignment.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.ASSIGN_ACCOUNTABILITY, resource=ModelVersion)
async def assign_accountability(info: Info, input: AssignAccountabilityInput) -> AssignAccountabilityPayload:
    """Makes a person accountable for a version in a role, in the place of the one before, who stays on record.

    The owner of the latest version becomes the owner of the model too, unless `updateModel` set that one.
    """
    by, at = info.context.actor, info.context.now
    version = await input.load()
    person = await holder_of(input.user_id, input.role, "user_id")
    await assign(version, input.role, person.user_id, by=by, at=at)
    return AssignAccountabilityPayload(model_version=version)


PART = Part(types=[AssignmentShape, CoverShape, Coverage], mutations=[assign_accountability])
