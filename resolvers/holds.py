"""Holds in the graph: a hold stops the deployment of a version until the role that placed it lifts it."""

import strawberry
from pydantic import Field

from documents.access import GovernanceRole, Permission
from documents.audit.event import AuditEventType
from documents.people import Stakeholder
from documents.values import Key, Statement
from documents.versions.holds import Hold
from documents.versions.rules import holds
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.edges import one
from resolvers.graph.inputs import OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, field, shape


@shape(Hold)
class HoldShape:
    placer = one(Stakeholder, "The person who placed it.", user_id="placed_by")


@strawberry.type
class OfHold(Payload):
    """The fields that payloads about a hold have in common."""

    hold_id: strawberry.Private[str]
    model_version: ModelVersion = strawberry.field(description="The version that it is about.")

    @field("The hold as it is now.")
    def hold(self) -> Hold:
        return next(each for each in self.model_version.holds if each.hold_id == self.hold_id)


@graph_input("A hold is to be placed.")
class PlaceHoldInput(OfVersion):
    role: GovernanceRole | None = Field(default=None, description="The role that places it; may be left out if only one is held.")
    reason: Statement = Field(description="The reason why it is placed.")


@strawberry.type(description="The hold is placed.")
class PlaceHoldPayload(OfHold): ...


@mutation(event=AuditEventType.HOLD_PLACED, permit=Permission.PLACE_HOLD, resource=ModelVersion)
async def place_hold(info: Info, input: PlaceHoldInput) -> PlaceHoldPayload:
    """Stops a version: it is not eligible until the same role lifts the hold."""
    version = await input.load()
    hold = holds.place(version, input.role, input.reason, by=info.context.actor, at=info.context.now)
    await version.store()
    return PlaceHoldPayload(hold_id=hold.hold_id, model_version=version)


@graph_input("A hold is to be lifted.")
class LiftHoldInput(OfVersion):
    hold_id: Key = Field(description="The id of the hold that is lifted.")
    reason: Statement = Field(description="The reason why it is lifted.")


@strawberry.type(description="The hold is lifted.")
class LiftHoldPayload(OfHold): ...


@mutation(event=AuditEventType.HOLD_LIFTED, permit=Permission.LIFT_HOLD, resource=ModelVersion)
async def lift_hold(info: Info, input: LiftHoldInput) -> LiftHoldPayload:
    """Lifts a hold, in the role that placed it."""
    version = await input.load()
    holds.lift(version, input.hold_id, input.reason, by=info.context.actor, at=info.context.now)
    await version.store()
    return LiftHoldPayload(hold_id=input.hold_id, model_version=version)


PART = Part(types=[HoldShape], mutations=[place_hold, lift_hold])
