"""Models in the graph: a model is a name under which versions are governed."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import strawberry
from strawberry import Parent

from documents.access import reads_events
from documents.actions.others import OF_MODEL, of_models
from documents.audit.event import AuditEvent
from documents.changes.plan import PRODUCTION
from documents.changes.request import ChangeRequest
from documents.deployments import Deployment
from documents.environments import DeploymentEnvironment
from documents.errors import LimitExceeded
from documents.incidents import Incident
from documents.people import Stakeholder
from documents.store.fields import fields_at
from documents.store.filters import Filter, to_query
from documents.tasks import TaskList, tasks_in
from documents.values import Key
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.actions import actions_of
from resolvers.graph.aggregates import aggregates
from resolvers.graph.asked import KEYS, Leading
from resolvers.graph.connections import connection, window
from resolvers.graph.context import Context, Info, asked_of
from resolvers.graph.edges import one, paged, pages
from resolvers.graph.filters import filters
from resolvers.graph.mutation import query
from resolvers.graph.types import Node, Part, field, node

Environment = Annotated[Key, strawberry.argument(description="The environment that is asked about, such as `production`.")]


def _reads_events(model: Model, context: Context) -> bool:
    return reads_events(context.actor, context.actor.id == model.owner_id)


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
        "The events that are about it and its versions, refusals too, for its owner and readers of the trail; null for others.",
        ("seq", 1),
        own={"subject.model_id": "model_id"},
        may=_reads_events,
        reads=["owner_id"],
    )

    @field(
        "The tasks that wait in its versions and changes, oldest first, each once for the role that is asked.", reads=["model_id"]
    )
    @staticmethod
    async def open_tasks(
        model: Parent[Model],
        info: Info,
        first: Annotated[int, strawberry.argument(description="The number of tasks is 100 at most.")],
    ) -> TaskList:
        size = window(first, None, None, None).size
        found: TaskList = await info.context.loader("open tasks", partial(tasks_in, at=info.context.now)).load(model.model_id)
        return found.first(size)

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


async def _by_latest_version(wanted: Filter) -> Filter:
    """The filter for the models whose latest version meets another; LimitExceeded if more than 10,000 versions meet that."""
    found = await ModelVersion.read(to_query(wanted), limit=KEYS + 1, fields=fields_at("model_id", "version"))
    if len(found) > KEYS:
        raise LimitExceeded("the number of ModelVersion records that a filter leads to", len(found), KEYS)
    meeting = {(each.model_id, each.version) for each in found}
    latest = await ModelVersion.latest_of({each.model_id for each in found})
    return {"model_id": {"in": [each for each, version in latest.items() if (each, version) in meeting]}}


async def _by_environment(wanted: Filter) -> Filter:
    """The filter for the models of which a version runs in an environment that meets another."""
    found = await DeploymentEnvironment.read(to_query(wanted), fields=fields_at("name"))
    return {"running": {"some": {"environment": {"in": [each.name for each in found]}}}}


@filters(Model, "model_id", "name", "description", "tags", "owner_id", "running", "registered_at")
class ModelFilter:
    latest_version = Leading(ModelVersion, _by_latest_version, "The version that has the highest number must match.")
    running_in = Leading(
        DeploymentEnvironment,
        _by_environment,
        "An environment where a version of it runs now must match, such as by its `stage`.",
    )


@query()
async def model(info: Info, model_id: Key) -> Model | None:
    """The model that has the id; null if none."""
    return await Model.seek({"model_id": model_id}, asked_of(info, Model))


models = connection(Model, "models", "The models are listed by their id.", ("model_id", 1))


model_aggregates = aggregates(Model, "model_aggregates", "Groups models, counts each group and computes its figures.")


PART = Part(types=[ModelNode, ModelFilter], queries=[model, models, model_aggregates])
