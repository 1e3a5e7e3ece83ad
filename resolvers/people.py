"""Stakeholders in the graph, and whoever is asking."""

from typing import Annotated

import strawberry
from pydantic import BaseModel, Field
from strawberry import Parent

from documents.access import GovernanceRole, Permission, PlatformRole
from documents.audit.event import AuditEventType
from documents.people import Email, Stakeholder
from documents.risk.scales import RiskTier
from documents.tokens import ApiToken
from documents.values import Key, Name
from resolvers.graph.connections import connection
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import many
from resolvers.graph.filters import filters
from resolvers.graph.inputs import graph_input
from resolvers.graph.mutation import Payload, mutation, query
from resolvers.graph.types import Node, Part, field, node


@node(Stakeholder)
class StakeholderNode(Node):
    @field("Where to write to; null for members outside the person's department.", reads=["user_id", "department", "email"])
    @staticmethod
    def email(person: Parent[Stakeholder], info: Info) -> str | None:
        asking = info.context.person
        if asking is None:
            return None
        sees_all = asking.platform_role in {PlatformRole.ADMIN, PlatformRole.AUDITOR}
        return person.email if sees_all or asking.department == person.department else None


@strawberry.type(description="Whoever the token says is asking.")
class Viewer:
    id: str = strawberry.field(description="A user id, or a service's name.")
    stakeholder: Stakeholder | None = strawberry.field(description="The person; nothing for a service.")
    mutations: list[Permission] = strawberry.field(description="What a service's token lists; empty for a person.")
    tokens = many(ApiToken, "The tokens of one's own, ended ones too.", holder="id")


@filters(Stakeholder, "user_id", "name", "department", "platform_role", "roles", "authorized_tiers", "active", "registered_at")
class StakeholderFilter: ...


@query()
async def viewer(info: Info) -> Viewer:
    """Whoever is asking."""
    actor = info.context.actor
    return Viewer(
        id=actor.id, stakeholder=info.context.person, mutations=[each for each in Permission if each in actor.mutations]
    )


@query()
async def stakeholder(info: Info, user_id: Key) -> Stakeholder | None:
    """The person of that user id."""
    return await Stakeholder.seek({"user_id": user_id}, asked_of(info, Stakeholder))


stakeholders = connection(
    Stakeholder, "stakeholders", "People, in the order in which they were registered.", ("registered_at", 1)
)


@graph_input("A person to register.")
class RegisterStakeholderInput(BaseModel):
    user_id: Key = Field(description="The name that everything else will know the person by.")
    name: Name = Field(description="Full name.")
    email: Email = Field(description="Where to write to.")
    department: Name = Field(description="Where the person works.")
    platform_role: PlatformRole = Field(default=PlatformRole.MEMBER, description="What the person may use the service for.")
    roles: Annotated[tuple[GovernanceRole, ...], Field(max_length=20)] = Field(
        default=(), description="Every governance role held: one or more for a member, none for others."
    )
    authorized_tiers: Annotated[tuple[RiskTier, ...], Field(max_length=20)] = Field(
        default=(), description="The tiers that the person may decide about."
    )


@strawberry.type(description="The person as registered.")
class RegisterStakeholderPayload(Payload):
    stakeholder: Stakeholder = strawberry.field(description="The person.")


@mutation(event=AuditEventType.ACCESS_GRANTED, permit=Permission.REGISTER_STAKEHOLDER, resource=Stakeholder)
async def register_stakeholder(info: Info, input: RegisterStakeholderInput) -> RegisterStakeholderPayload:
    """Registers a person; one who is registered already is CONFLICT. A token comes from `createApiToken`."""
    person = Stakeholder.register(**dict(input), at=info.context.now)
    await person.store()
    return RegisterStakeholderPayload(stakeholder=person)


PART = Part(queries=[viewer, stakeholder, stakeholders], mutations=[register_stakeholder])
