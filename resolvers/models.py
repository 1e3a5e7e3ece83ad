"""Models in the graph: the named things whose versions are governed."""

from collections.abc import Sequence

from strawberry import Parent

from documents.people import Stakeholder
from documents.values import Key
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.connections import connection, window
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one, paged, pages
from resolvers.graph.filters import filters
from resolvers.graph.mutation import query
from resolvers.graph.types import Node, Part, field, node


@node(Model)
class ModelNode(Node):
    owner = one(Stakeholder, "The model owner.", user_id="owner_id")
    versions = pages(
        ModelVersion, "Its versions, in the order of their numbers.", ("version_key", 1), own={"model_id": "model_id"}
    )

    @field("The version with the highest number.", reads=["model_id"])
    @staticmethod
    async def latest_version(model: Parent[Model], info: Info) -> ModelVersion | None:
        newest = paged(info, ModelVersion, ("model_id",), (("version_key", 1),), window(None, None, 1, None))
        found: Sequence[ModelVersion] = (await newest.load((model.model_id,))).nodes
        return found[0] if found else None


@filters(Model, "model_id", "name", "description", "tags", "owner_id", "registered_at")
class ModelFilter: ...


@query()
async def model(info: Info, model_id: Key) -> Model | None:
    """The model of that id."""
    return await Model.seek({"model_id": model_id}, asked_of(info, Model))


models = connection(Model, "models", "Models, by their id.", ("model_id", 1))


PART = Part(queries=[model, models])
