"""Environments in the graph: an environment is where versions run, and its stage says which rules hold there."""

import strawberry
from pydantic import BaseModel, Field

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.changes import commands
from documents.changes.request import ChangeRequest
from documents.deployments import Deployment
from documents.environments import DeploymentEnvironment, EnvironmentStatus
from documents.people import Stakeholder
from documents.stages import Stage
from documents.values import Environment, Key, Statement, Text
from documents.versions.version import ModelVersion
from resolvers.graph.aggregates import aggregates
from resolvers.graph.connections import connection
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one, pages
from resolvers.graph.filters import filters
from resolvers.graph.inputs import graph_input
from resolvers.graph.mutation import Payload, mutation, query
from resolvers.graph.types import Node, Part, node


@node(DeploymentEnvironment)
class DeploymentEnvironmentNode(Node):
    declarer = one(Stakeholder, "The person who declared it; null for Magistrate.", user_id="declared_by")
    running = pages(
        ModelVersion, "The versions that run there now, oldest first.", ("registered_at", 1), own={"deployed_in": "name"}
    )
    deployments = pages(
        Deployment, "The deployments that it had, latest first.", ("deployed_at", -1), own={"environment": "name"}
    )
    change_requests = pages(
        ChangeRequest, "The changes that are about it, latest first.", ("created_at", -1), own={"plan.environment": "name"}
    )


DeploymentEnvironmentFilter = filters(
    DeploymentEnvironment, "name", "stage", "description", "status", "declared_by", "declared_at", "retirement"
)


@query()
async def environment(info: Info, name: Key) -> DeploymentEnvironment | None:
    """The environment that has the name; null if none."""
    return await DeploymentEnvironment.seek({"name": name}, asked_of(info, DeploymentEnvironment))


environments = connection(
    DeploymentEnvironment, "environments", "The environments are listed by their name, retired ones too.", ("name", 1)
)


environment_aggregates = aggregates(
    DeploymentEnvironment, "environment_aggregates", "Groups environments, counts each group and computes its figures."
)


@strawberry.type
class OfEnvironment(Payload):
    """The fields that payloads about an environment have in common."""

    environment: DeploymentEnvironment = strawberry.field(description="The environment as it is now.")


@graph_input("An environment is to be declared.")
class DeclareEnvironmentInput(BaseModel):
    name: Environment = Field(description="The name by which changes will tell it, such as `test-eu`.")
    stage: Stage = Field(description="The stage says what the environment is for; rules go by it.")
    description: Text = Field(default="", description="The text says what the environment is.")


@strawberry.type(description="The environment is declared.")
class DeclareEnvironmentPayload(OfEnvironment): ...


@mutation(event=AuditEventType.ENVIRONMENT_CHANGED, permit=Permission.DECLARE_ENVIRONMENT, resource=DeploymentEnvironment)
async def declare_environment(info: Info, input: DeclareEnvironmentInput) -> DeclareEnvironmentPayload:
    """Declares an environment for changes to name; PRODUCTION by an administrator, a lower stage by risk or compliance."""
    environment = DeploymentEnvironment.declare(
        input.name, input.stage, input.description, by=info.context.actor, at=info.context.now
    )
    await environment.store()
    return DeclareEnvironmentPayload(environment=environment)


class _OfEnvironment(BaseModel):
    name: Environment = Field(description="The name that the environment has.")
    expected_revision: int | None = Field(default=None, description="Another `revision` is CONFLICT.")

    async def load(self) -> DeploymentEnvironment:
        return await DeploymentEnvironment.require(self.name, revision=self.expected_revision)


@graph_input("An environment is to be updated; what is left out stays.")
class UpdateEnvironmentInput(_OfEnvironment):
    stage: Stage | None = Field(default=None, description="The stage that it is to have.")
    description: Text | None = Field(default=None, description="The text says what the environment is.")


@strawberry.type(description="The environment is updated.")
class UpdateEnvironmentPayload(OfEnvironment): ...


@mutation(event=AuditEventType.ENVIRONMENT_CHANGED, permit=Permission.UPDATE_ENVIRONMENT, resource=DeploymentEnvironment)
async def update_environment(info: Info, input: UpdateEnvironmentInput) -> UpdateEnvironmentPayload:
    """Updates an environment; to PRODUCTION by an administrator, to a lower stage by risk or compliance.

    What runs there must be permitted in a higher stage, and no change may be in progress there while the stage changes.
    """
    environment = await input.load()
    await commands.update_environment(environment, input.stage, input.description, by=info.context.actor, at=info.context.now)
    return UpdateEnvironmentPayload(environment=environment)


@graph_input("An environment is to be retired.")
class RetireEnvironmentInput(_OfEnvironment):
    reason: Statement = Field(description="The reason why it is no longer used.")


@strawberry.type(description="The environment is retired.")
class RetireEnvironmentPayload(OfEnvironment): ...


@mutation(event=AuditEventType.ENVIRONMENT_CHANGED, permit=Permission.RETIRE_ENVIRONMENT, resource=DeploymentEnvironment)
async def retire_environment(info: Info, input: RetireEnvironmentInput) -> RetireEnvironmentPayload:
    """Retires an environment, for good; not while something runs there, or while a change is in progress there."""
    environment = await input.load()
    await commands.retire_environment(environment, input.reason, by=info.context.actor, at=info.context.now)
    return RetireEnvironmentPayload(environment=environment)


PART = Part(
    types=[DeploymentEnvironmentNode, DeploymentEnvironmentFilter, EnvironmentStatus, Stage],
    queries=[environment, environments, environment_aggregates],
    mutations=[declare_environment, update_environment, retire_environment],
)
