"""Waivers in the graph: time-limited exceptions to a requirement."""

from datetime import timedelta

import strawberry
from pydantic import Field
from strawberry import Parent

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.eligibility.waiving import waive
from documents.people import Stakeholder
from documents.values import Key, Moment, Statement
from documents.versions.rules import waivers
from documents.versions.version import ModelVersion
from documents.versions.waivers import Waiver
from resolvers.graph.context import Info
from resolvers.graph.edges import one
from resolvers.graph.inputs import OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, field, shape


@shape(Waiver)
class WaiverShape:
    grantor = one(Stakeholder, "The person who granted it.", user_id="granted_by")

    @field("Whether the waiver is neither expired nor revoked now.", reads=["expires_at", "revoked"])
    @staticmethod
    def stands(waiver: Parent[Waiver], info: Info) -> bool:
        return waiver.expires_at > info.context.now and waiver.revoked is None


@strawberry.type
class OfWaiver(Payload):
    """The fields that payloads about a waiver have in common."""

    waiver_id: strawberry.Private[str]
    model_version: ModelVersion = strawberry.field(description="The version that it is about.")

    @field("The waiver as it is now.")
    def waiver(self) -> Waiver:
        return next(each for each in self.model_version.waivers if each.waiver_id == self.waiver_id)


@graph_input("A waiver is to be granted.")
class GrantWaiverInput(OfVersion):
    requirement_id: Key = Field(description="The requirement that is waived: `POL-003.access-control`.")
    rationale: Statement = Field(description="The rationale says why it may be deployed all the same.")
    expires_at: Moment = Field(
        description="The time it expires; `MAGISTRATE_WAIVER_DAYS` from now at the latest, 180 if not set."
    )


@strawberry.type(description="The waiver is granted.")
class GrantWaiverPayload(OfWaiver): ...


@mutation(event=AuditEventType.WAIVER_GRANTED, permit=Permission.GRANT_WAIVER, resource=ModelVersion)
async def grant_waiver(info: Info, input: GrantWaiverInput) -> GrantWaiverPayload:
    """Excepts a version from one requirement for a time; it shows as waived, not as met.

    A risk manager or compliance officer grants it who neither owns nor submitted the version.
    """
    version = await input.load()
    by, at = info.context.actor, info.context.now
    longest = timedelta(days=info.context.waiver_days)
    waiver = await waive(version, input.requirement_id, input.rationale, input.expires_at, longest, by=by, at=at)
    return GrantWaiverPayload(waiver_id=waiver.waiver_id, model_version=version)


@graph_input("A waiver is to be revoked.")
class RevokeWaiverInput(OfVersion):
    waiver_id: Key = Field(description="The id of the waiver that is revoked.")
    reason: Statement = Field(description="The reason why it is revoked.")


@strawberry.type(description="The waiver is revoked.")
class RevokeWaiverPayload(OfWaiver): ...


@mutation(event=AuditEventType.WAIVER_REVOKED, permit=Permission.REVOKE_WAIVER, resource=ModelVersion)
async def revoke_waiver(info: Info, input: RevokeWaiverInput) -> RevokeWaiverPayload:
    """Revokes a waiver before it expires; the requirement must be met again."""
    version = await input.load()
    waivers.revoke(version, input.waiver_id, input.reason, by=info.context.actor, at=info.context.now)
    await version.store()
    return RevokeWaiverPayload(waiver_id=input.waiver_id, model_version=version)


PART = Part(types=[WaiverShape], mutations=[grant_waiver, revoke_waiver])
