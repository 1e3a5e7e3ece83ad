"""Models in the graph: a model is a name under which versions are governed."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
from strawberry import Parent

from documents.access import may_read_events
from documents.actions.others import OF_MODEL, of_models
from documents.audit.event import AuditEvent
from documents.changes.plan import PRODUCTION
from documents.changes.request import ChangeRequest
from documents.deployments import Deployment
from documents.incidents import Incident
from documents.people import Stakeholder
from documents.values import Key
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.actions import actions_of
from resolvers.graph.connections import connection, window
from resolvers.graph.context import Context, Info, asked_of
from resolvers.graph.edges import one, paged, pages
from resolvers.graph.filters import filters
from resolvers.graph.mutation import query
from resolvers.graph.types import Node, Part, field, node

Environment = Annotated[Key, strawberry.argument(description="The environment that is asked about, such as `production`.")]


def _reads_trail(model: Model, context: Context) -> None:
    may_read_events(context.actor, context.actor.id == model.owner_id)


@node(Model)
class ModelNode(Node):
    owner = one(Stakeholder, "The person who owns the model.", user_id="owner_id")
    actions = actions_of(Model, OF_MODEL, of_models, "model")
    versions = pages(
        ModelVersion, "The versions that it has, in the order of their numbers.", ("version_key", 1), own={"model_id": "model_id"}
    )

    deployments = pages(
        Deployment, "The deployments that it had, latest first.", ("deployed_at", -1), own={"model_id": "model_id"}
    )
    change_requests = pages(
        ChangeRequest, "The changes that are about it, latest first.", ("created_at", -1), own={"plan.model_id": "model_id"}
    )
    incidents = pages(Incident, "The incidents that it had, latest first.", ("opened_at", -1), own={"model_id": "model_id"})
    audit_events = pages(
        AuditEvent,
        "The events that are about it and its versions, refusals too, for its owner and readers of the trail.",
        ("seq", 1),
        own={"subject.model_id": "model_id"},
        may=_reads_trail,
        reads=["owner_id"],
    )

    @field("The version that runs in an environment now; null if none.", reads=["model_id", "running"], loads=[ModelVersion])
    @staticmethod
    async def deployed_version(model: Parent[Model], info: Info, environment: Environment = PRODUCTION) -> ModelVersion | None:
        found = next((each for each in model.running if each.environment == environment), None)
        loader = info.context.one(ModelVersion, asked_of(info, ModelVersion))
        return await loader.load((model.model_id, found.version)) if found else None

    @field("The version that has the highest number.", reads=["model_id"])
    @staticmethod
    async def latest_version(model: Parent[Model], info: Info) -> ModelVersion | None:
        newest = paged(info, ModelVersion, ("model_id",), (("version_key", 1),), window(None, None, 1, None))
        found: Sequence[ModelVersion] = (await newest.load((model.model_id,))).nodes
        return found[0] if found else None


ModelFilter = filters(Model, "model_id", "name", "description", "tags", "owner_id", "running", "registered_at")


@query()
async def model(info: Info, model_id: Key) -> Model | None:
    """The model that has the id; null if none."""
    return await Model.seek({"model_id": model_id}, asked_of(info, Model))


models = connection(Model, "models", "The models are listed by their id.", ("model_id", 1))


PART = Part(types=[ModelNode, ModelFilter], queries=[model, models])
