"""Deployments in the graph: which version runs in which environment, and which ran there on a day."""

from documents.changes.request import ChangeRequest
from documents.deployments import Deployment
from documents.people import Stakeholder
from documents.values import Key
from documents.versions.model import Model, Running
from documents.versions.version import ModelVersion
from resolvers.graph.aggregates import aggregates
from resolvers.graph.connections import connection
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one
from resolvers.graph.filters import filters
from resolvers.graph.mutation import query
from resolvers.graph.types import Node, Part, node, shape


@node(Deployment, hidden=["version_key"])
class DeploymentNode(Node):
    model = one(Model, "The model that was deployed.", model_id="model_id")
    model_version = one(ModelVersion, "The version that was deployed.", model_id="model_id", version="version")
    deployer = one(Stakeholder, "The person who completed it; null for a service.", user_id="deployed_by")
    change = one(ChangeRequest, "The change that brought it.", change_id="change_id")
    ended_by_change = one(ChangeRequest, "The change that replaced or removed it.", change_id="ended_by_change_id")


@shape(Running)
class RunningShape:
    deployment = one(Deployment, "The deployment that brought it.", deployment_id="deployment_id")


DeploymentFilter = filters(
    Deployment, "deployment_id", "model_id", "version", "environment", "number", "active", "deployed_at", "deployed_by",
    "change_id", "by_rollback", "ended_at", "ended_by_change_id",
)  # fmt: skip


@query()
async def deployment(info: Info, deployment_id: Key) -> Deployment | None:
    """The deployment that has the id; null if none."""
    return await Deployment.seek({"deployment_id": deployment_id}, asked_of(info, Deployment))


deployments = connection(Deployment, "deployments", "The deployments are listed latest first.", ("deployed_at", -1))


deployment_aggregates = aggregates(
    Deployment, "deployment_aggregates", "Groups deployments, counts each group and computes its figures."
)


PART = Part(types=[DeploymentNode, RunningShape, DeploymentFilter], queries=[deployment, deployments, deployment_aggregates])
