"""Stakeholders in the graph, and the caller of the request."""

from typing import Annotated

import strawberry
from pydantic import BaseModel, Field
from strawberry import Parent

from documents.access import GovernanceRole, Permission, PlatformRole, reads_address
from documents.audit.event import AuditEventType
from documents.departures.commands import depart
from documents.departures.loading import uncovered
from documents.people import Stakeholder, keep_administered
from documents.risk.scales import RiskTier
from documents.store.standins import whole
from documents.tasks import Task, TaskList, tasks_of
from documents.tokens import ApiToken
from documents.values import Email, Key, Name
from documents.versions.accountability import roles_of
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.connections import connection, window
from resolvers.graph.context import Context, Info, Loader, asked_of
from resolvers.graph.edges import many, one, pages
from resolvers.graph.filters import filters
from resolvers.graph.inputs import graph_input
from resolvers.graph.mutation import Payload, mutation, query
from resolvers.graph.types import Node, Part, field, node, shape


@node(Stakeholder)
class StakeholderNode(Node):
    @field("Where to write to; null for members outside the person's department.", reads=["user_id", "department", "email"])
    @staticmethod
    def email(person: Parent[Stakeholder], info: Info) -> str | None:
        asking = info.context.person
        if asking is None:
            return None
        return person.email if reads_address(asking.platform_role, asking.department == person.department) else None

    models = pages(Model, "The models that the person owns, by their id.", ("model_id", 1), own={"owner_id": "user_id"})
    model_versions = pages(
        ModelVersion,
        "The versions for which the person is accountable, in whichever role, in the order in which they were registered.",
        ("registered_at", 1),
        own={"standing.accountable_ids": "user_id"},
    )
    decisions = pages(
        ModelVersion,
        "The versions about which the person decided, in whichever round, in the order in which they were registered.",
        ("registered_at", 1),
        own={"standing.decider_ids": "user_id"},
    )

    @field("What waits for the person to do, the longest waiting first.")
    @staticmethod
    async def tasks(
        person: Parent[Stakeholder],
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many at most; 100 at most.")],
    ) -> TaskList:
        size = window(first, None, None, None).size
        found: TaskList = await _waiting(info.context).load(person)
        return found.first(size)


def _waiting(context: Context) -> Loader:
    """Loads the tasks of each person; the people of a request load together."""

    async def load(people: list[Stakeholder]) -> list[TaskList]:
        return await tasks_of([whole(each) for each in people], context.now)

    return context.loader("tasks", load, key=lambda person: person.user_id)


@shape(Task)
class TaskShape:
    model_version = one(ModelVersion, "The version that it is about.", model_id="model_id", version="version")


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


class _OfStakeholder(BaseModel):
    user_id: Key = Field(description="Who.")
    expected_revision: int | None = Field(
        default=None, description="The person's `revision` as the client read it; CONFLICT if somebody has stored it since."
    )

    async def load(self) -> Stakeholder:
        return await Stakeholder.require(self.user_id, revision=self.expected_revision)


@strawberry.type(description="A version, and a role in which nobody answers for it who still may.")
class Uncovered:
    role: GovernanceRole = strawberry.field(description="The role.")
    model_version: ModelVersion = strawberry.field(description="The version.")


@strawberry.type
class OfStakeholder(Payload):
    """The fields that payloads about a person have in common."""

    stakeholder: Stakeholder = strawberry.field(description="The person.")

    @field(
        "What nobody answers for any more: where the person is accountable, in roles that the person cannot fill today. Of "
        "200 versions at most, those registered first; `stakeholder.modelVersions` lists all that the person is accountable for."
    )
    async def uncovered(self) -> list[Uncovered]:
        person = self.stakeholder
        return [
            Uncovered(role=role, model_version=version)
            for version in await uncovered(person)
            for role in roles_of(version.accountability, person.user_id)
            if not person.holds(role)
        ]


@graph_input("What is to change about a person; what is left out or null stays.")
class UpdateStakeholderInput(_OfStakeholder):
    name: Name | None = Field(default=None, description="Full name.")
    email: Email | None = Field(default=None, description="Where to write to.")
    department: Name | None = Field(default=None, description="Where the person works.")
    platform_role: PlatformRole | None = Field(default=None, description="What the person may use the service for.")
    roles: Annotated[tuple[GovernanceRole, ...], Field(max_length=20)] | None = Field(
        default=None, description="Every governance role held: one or more for a member, none for others."
    )
    authorized_tiers: Annotated[tuple[RiskTier, ...], Field(max_length=20)] | None = Field(
        default=None, description="The tiers that the person may decide about."
    )
    active: bool | None = Field(default=None, description="True lets somebody act again who was deactivated.")


@strawberry.type(description="The person as changed.")
class UpdateStakeholderPayload(OfStakeholder): ...


@mutation(event=AuditEventType.ACCESS_GRANTED, permit=Permission.UPDATE_STAKEHOLDER, resource=Stakeholder)
async def update_stakeholder(info: Info, input: UpdateStakeholderInput) -> UpdateStakeholderPayload:
    """Changes what is known of a person and what the person may do; the last active administrator stays one."""
    person = await input.load()
    person.change(
        input.name, input.email, input.department, input.platform_role, input.roles, input.authorized_tiers, input.active
    )
    await person.store()
    await keep_administered("updateStakeholder")
    return UpdateStakeholderPayload(stakeholder=person)


@graph_input("Who is to act no more.")
class DeactivateStakeholderInput(_OfStakeholder):
    hand_over_to: Key | None = Field(
        default=None, description="Who takes over all that the person answers for: active, and a holder of each role in question."
    )


@strawberry.type(description="The person as deactivated.")
class DeactivateStakeholderPayload(OfStakeholder): ...


@mutation(event=AuditEventType.ACCESS_REVOKED, permit=Permission.DEACTIVATE_STAKEHOLDER, resource=Stakeholder)
async def deactivate_stakeholder(info: Info, input: DeactivateStakeholderInput) -> DeactivateStakeholderPayload:
    """Ends what a person may do, and the person's tokens at once; decisions that the person gave stay valid."""
    person = await input.load()
    await depart(person, input.hand_over_to, by=info.context.actor, at=info.context.now)
    await keep_administered("deactivateStakeholder")
    return DeactivateStakeholderPayload(stakeholder=person)


PART = Part(
    types=[StakeholderNode, TaskShape, TaskList],
    queries=[viewer, stakeholder, stakeholders],
    mutations=[register_stakeholder, update_stakeholder, deactivate_stakeholder],
)
