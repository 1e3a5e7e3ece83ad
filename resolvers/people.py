"""Stakeholders in the graph, and the caller of the request."""

from typing import Annotated

import strawberry
from pydantic import BaseModel, Field
from strawberry import UNSET, Parent

from documents import enrolment
from documents.access import GovernanceRole, Permission, PlatformRole, reads_address
from documents.actions.others import OF_CALLER, of_caller
from documents.audit.event import AuditEventType
from documents.bindings import Binding
from documents.changes.request import ChangeRequest
from documents.departures.commands import depart
from documents.departures.erasing import erase, left
from documents.departures.loading import unanswered, uncovered, unowned
from documents.names import refuse_name_of_service
from documents.people import Stakeholder, doubles, keep_administered, keep_distinct
from documents.risk.scales import RiskTier
from documents.store.standins import whole
from documents.tasks import Task, TaskList, tasks_of
from documents.tokens import ApiToken
from documents.values import Email, Key, Name, Statement
from documents.versions.accountability import roles_of
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.actions import Action, Only, asked_about, asking_in
from resolvers.graph.aggregates import aggregates
from resolvers.graph.connections import connection, window
from resolvers.graph.context import Context, Info, Loader, asked_of
from resolvers.graph.edges import many, one, pages
from resolvers.graph.filters import filters
from resolvers.graph.inputs import graph_input
from resolvers.graph.mutation import Payload, mutation, query
from resolvers.graph.types import Node, Part, field, node, shape


@node(Stakeholder)
class StakeholderNode(Node):
    @field(
        "The e-mail address is for people of the same department, administrators and auditors; null for others.",
        reads=["user_id", "department", "email"],
        guarded=True,
    )
    @staticmethod
    def email(person: Parent[Stakeholder], info: Info) -> str | None:
        asking = info.context.person
        if asking is None:
            return None
        return person.email if reads_address(asking.platform_role, asking.department == person.department) else None

    @field(
        "The other active people with the same e-mail address, or a user id that differs by upper and lower case only. "
        "Administrators and auditors read them; null for others.",
        reads=["user_id", "active"],
        loads=[Stakeholder],
        guarded=True,
    )
    @staticmethod
    async def doubles(person: Parent[Stakeholder], info: Info) -> list[Stakeholder] | None:
        asking = info.context.person
        if asking is None or not reads_address(asking.platform_role, same_department=False):
            return None
        alike: tuple[str, ...] = await _alike(info.context).load(person.user_id)
        people = await info.context.one(Stakeholder, asked_of(info, Stakeholder)).load_many([(each,) for each in alike])
        return [each for each in people if each]

    models = pages(Model, "The models that the person owns, by their id.", ("model_id", 1), own={"owner_id": "user_id"})
    model_versions = pages(
        ModelVersion,
        "The versions that the person is accountable for, oldest first.",
        ("registered_at", 1),
        own={"standing.accountable_ids": "user_id"},
    )
    decisions = pages(
        ModelVersion,
        "The versions that the person decided on, in any round, oldest first.",
        ("registered_at", 1),
        own={"standing.decider_ids": "user_id"},
    )

    change_decisions = pages(
        ChangeRequest,
        "The changes that the person approved or refused in any role, oldest first.",
        ("created_at", 1),
        own={"approvals.reviewer_id": "user_id"},
    )

    @field("The tasks that wait for the person, oldest first.")
    @staticmethod
    async def tasks(
        person: Parent[Stakeholder],
        info: Info,
        first: Annotated[int, strawberry.argument(description="The number of tasks is 100 at most.")],
    ) -> TaskList:
        size = window(first, None, None, None).size
        found: TaskList = await _waiting(info.context).load(person)
        return found.first(size)


def _waiting(context: Context) -> Loader:
    """Loads the tasks of each person; the people of a request load together."""

    async def load(people: list[Stakeholder]) -> list[TaskList]:
        return await tasks_of([whole(each) for each in people], context.now)

    return context.loader("tasks", load, key=lambda person: person.user_id)


def _alike(context: Context) -> Loader:
    """Loads the user ids of the people who look like each person; the people of a request load together."""

    async def load(ids: list[str]) -> list[tuple[str, ...]]:
        found = await doubles()
        return [found.get(each, ()) for each in ids]

    return context.loader("doubles", load)


@shape(Task)
class TaskShape:
    model_version = one(ModelVersion, "The version that it is about.", model_id="model_id", version="version")
    change_request = one(ChangeRequest, "The change that it is about; null for any other task.", change_id="change_id")


@strawberry.type(description="A viewer is whoever the token says is asking.")
class Viewer:
    id: str = strawberry.field(description="The user id or service that asks.")
    stakeholder: Stakeholder | None = strawberry.field(description="The person who asks; null for a service.")
    mutations: list[Permission] = strawberry.field(description="The mutations that a service may use; empty for a person.")
    tokens = many(ApiToken, "The tokens that the viewer has or had.", holder="id")
    owned_tokens = many(ApiToken, "The tokens that the viewer answers or answered for, those of services too.", owner_id="id")

    @field("The mutations that need no record, each with whether the viewer may use it, and if not, why.")
    def actions(self, info: Info, only: Only = UNSET) -> list[Action]:
        return [Action.of(each) for each in of_caller(asked_about(only, OF_CALLER), asking_in(info.context))]


StakeholderFilter = filters(
    Stakeholder, "user_id", "name", "department", "platform_role", "roles", "authorized_tiers", "active", "registered_at"
)


@query()
async def viewer(info: Info) -> Viewer:
    """The viewer is whoever is asking."""
    actor = info.context.actor
    return Viewer(
        id=actor.id, stakeholder=info.context.person, mutations=[each for each in Permission if each in actor.mutations]
    )


@query()
async def stakeholder(info: Info, user_id: Key) -> Stakeholder | None:
    """The person who has the user id; null if none."""
    return await Stakeholder.seek({"user_id": user_id}, asked_of(info, Stakeholder))


stakeholders = connection(Stakeholder, "stakeholders", "The people are listed oldest first.", ("registered_at", 1))


stakeholder_aggregates = aggregates(
    Stakeholder, "stakeholder_aggregates", "Groups people, counts each group and computes its figures."
)


@graph_input("A person is to be registered.")
class RegisterStakeholderInput(BaseModel):
    user_id: Key = Field(description="The id that names the person everywhere.")
    name: Name = Field(description="The full name that the person has.")
    email: Email = Field(description="The e-mail address that the person has.")
    department: Name = Field(description="The department that the person works in.")
    platform_role: PlatformRole = Field(default=PlatformRole.MEMBER, description="The platform role that the person has.")
    roles: Annotated[tuple[GovernanceRole, ...], Field(max_length=20)] = Field(
        default=(), description="The governance roles that a member has, one or more; others have none."
    )
    authorized_tiers: Annotated[tuple[RiskTier, ...], Field(max_length=20)] = Field(
        default=(), description="The tiers that the person may decide about."
    )


@strawberry.type(description="The person is registered.")
class RegisterStakeholderPayload(Payload):
    stakeholder: Stakeholder = strawberry.field(description="The person who was registered.")


@mutation(event=AuditEventType.ACCESS_GRANTED, permit=Permission.REGISTER_STAKEHOLDER, resource=Stakeholder)
async def register_stakeholder(info: Info, input: RegisterStakeholderInput) -> RegisterStakeholderPayload:
    """Registers a person. `createApiToken` makes the token.

    A user id that is taken, or differs from one by upper and lower case only, is CONFLICT, and the name of a service is
    INVALID_INPUT. Among active people one e-mail address is one person's.
    """
    by = info.context.actor
    person = Stakeholder.register(**dict(input), at=info.context.now, by=(by.id, *enrolment.issuers_before(by)))
    await keep_distinct(person)
    await refuse_name_of_service(person.user_id, info.context.services)
    await person.store()
    return RegisterStakeholderPayload(stakeholder=person)


class _OfStakeholder(BaseModel):
    user_id: Key = Field(description="The user id that the person has.")
    expected_revision: int | None = Field(default=None, description="Another `revision` is CONFLICT.")

    async def load(self) -> Stakeholder:
        return await Stakeholder.require(self.user_id, revision=self.expected_revision)


@strawberry.type(description="An uncovered role has no person who may fill it.")
class Uncovered:
    role: GovernanceRole = strawberry.field(description="The role that is uncovered.")
    model_version: ModelVersion = strawberry.field(description="The version that is uncovered.")


@strawberry.type
class OfStakeholder(Payload):
    """The fields that payloads about a person have in common."""

    stakeholder: Stakeholder = strawberry.field(description="The person as the record is now.")

    @field("The roles that the person cannot fill today, of the first 200 versions; `stakeholder.modelVersions` lists all.")
    async def uncovered(self) -> list[Uncovered]:
        person = self.stakeholder
        return [
            Uncovered(role=role, model_version=version)
            for version in await uncovered(person)
            for role in roles_of(version.accountability, person.user_id)
            if not person.holds(role)
        ]

    @field("The models that the person owns and cannot own today, the first 200; `stakeholder.models` lists all.")
    async def uncovered_models(self) -> list[Model]:
        return [*await unowned(self.stakeholder)]


@graph_input("A person is to change; what is left out or null stays.")
class UpdateStakeholderInput(_OfStakeholder):
    name: Name | None = Field(default=None, description="The full name that the person has.")
    email: Email | None = Field(default=None, description="The e-mail address that the person has.")
    department: Name | None = Field(default=None, description="The department that the person works in.")
    platform_role: PlatformRole | None = Field(default=None, description="The platform role that the person has.")
    roles: Annotated[tuple[GovernanceRole, ...], Field(max_length=20)] | None = Field(
        default=None, description="The governance roles that a member has, one or more; others have none."
    )
    authorized_tiers: Annotated[tuple[RiskTier, ...], Field(max_length=20)] | None = Field(
        default=None, description="The tiers that the person may decide about."
    )
    active: bool | None = Field(default=None, description="Whether a deactivated person may act again; only true is taken.")


@strawberry.type(description="The person is changed.")
class UpdateStakeholderPayload(OfStakeholder): ...


@mutation(event=AuditEventType.ACCESS_GRANTED, permit=Permission.UPDATE_STAKEHOLDER, resource=Stakeholder)
async def update_stakeholder(info: Info, input: UpdateStakeholderInput) -> UpdateStakeholderPayload:
    """Changes what a person is and may do; one active administrator always stays."""
    person = await input.load()
    person.change(input.name, input.department, input.platform_role, input.roles, input.authorized_tiers, input.active)
    if input.email:
        by = info.context.actor
        person.set_email(input.email, (by.id, *enrolment.issuers_before(by)), info.context.now)
    await keep_distinct(person)
    await person.store()
    await keep_administered("updateStakeholder")
    return UpdateStakeholderPayload(stakeholder=person)


@graph_input("A person is to be deactivated.")
class DeactivateStakeholderInput(_OfStakeholder):
    hand_over_to: Key | None = Field(
        default=None, description="The user id of an active person who takes over every role, model and token of a service."
    )


@strawberry.type(description="The person is deactivated.")
class DeactivateStakeholderPayload(OfStakeholder):
    @field("The standing tokens of services that nobody answers for now, the first 200; `handOverTo` hands them over.")
    async def uncovered_tokens(self, info: Info) -> list[ApiToken]:
        return [*await unanswered(self.stakeholder, info.context.now)]


@mutation(event=AuditEventType.ACCESS_REVOKED, permit=Permission.DEACTIVATE_STAKEHOLDER, resource=Stakeholder)
async def deactivate_stakeholder(info: Info, input: DeactivateStakeholderInput) -> DeactivateStakeholderPayload:
    """Ends what a person may do, and the person's tokens at once; decisions of the person stay valid.

    Tokens of services that the person answers for go on: `uncoveredTokens` lists them.

    With `handOverTo` it can be sent again for a person who has left, to hand over what nobody took over before.
    """
    person = await input.load()
    await depart(person, input.hand_over_to, by=info.context.actor, at=info.context.now)
    await keep_administered("deactivateStakeholder")
    return DeactivateStakeholderPayload(stakeholder=person)


@graph_input("A person is no longer to sign in by an issuer.")
class EndBindingInput(_OfStakeholder):
    issuer: Key = Field(description="The name of the issuer, as the binding has it.")
    reason: Statement = Field(description="The reason why it ends; the trail tells it.")


@strawberry.type(description="The person no longer signs in by the issuer.")
class EndBindingPayload(OfStakeholder): ...


@mutation(event=AuditEventType.ACCESS_REVOKED, permit=Permission.END_BINDING, resource=Stakeholder)
async def end_binding(info: Info, input: EndBindingInput) -> EndBindingPayload:
    """Ends that a person signs in by an issuer, takes what its groups gave, and ends all tokens and sessions of the person.

    It is for an issuer that was renamed or removed, and for a person whom the issuer knows under another id now: the next
    sign-in binds anew, by the email. One active administrator always stays.
    """
    person = await input.load()
    await enrolment.end_binding(person, input.issuer, input.reason, by=info.context.actor, at=info.context.now)
    await keep_administered("endBinding")
    return EndBindingPayload(stakeholder=person)


@graph_input("The personal data of a person are to be erased.")
class ErasePersonalDataInput(_OfStakeholder):
    reason: Statement = Field(description="The reason why they are erased; the trail tells it, so it names nobody.")


@strawberry.type(description="The personal data are erased.")
class ErasePersonalDataPayload(OfStakeholder):
    @field("The number of versions and change requests that still name the person; the same call erases there.")
    async def left(self) -> int:
        return await left(self.stakeholder.user_id)


@mutation(event=AuditEventType.ACCESS_REVOKED, permit=Permission.ERASE_PERSONAL_DATA, resource=Stakeholder)
async def erase_personal_data(info: Info, input: ErasePersonalDataInput) -> ErasePersonalDataPayload:
    """Erases the name and e-mail address of a deactivated person for good, wherever a decision or an approval has the name.

    A call erases in up to 200 records; send it again until `left` is 0. The user id stays, and so does what the person decided.
    The trail has salted digests only, and stays provable. Rounds that were closed before release 0.3.0 keep the name.
    """
    person = await input.load()
    await erase(person, input.reason)
    return ErasePersonalDataPayload(stakeholder=person)


PART = Part(
    types=[StakeholderNode, TaskShape, TaskList, StakeholderFilter, shape(Binding, hidden=["subject"])],
    queries=[viewer, stakeholder, stakeholders, stakeholder_aggregates],
    mutations=[register_stakeholder, update_stakeholder, deactivate_stakeholder, end_binding, erase_personal_data],
)
