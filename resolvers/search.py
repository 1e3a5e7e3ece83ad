"""The query `search`, which finds records of all kinds by words."""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from documents.changes.request import ChangeRequest
from documents.datasheets import Datasheet
from documents.incidents import Incident
from documents.people import Stakeholder
from documents.policies import Policy
from documents.search import KIND_BY_KIND, Searchable, Sought, search
from documents.store.filters import to_query
from documents.values import Choice
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.asked import SCOPE, asked_for
from resolvers.graph.connections import After, Before, Connection, Filtered, First, Last, Ordered, window
from resolvers.graph.context import Info, asked_of
from resolvers.graph.filters import make_input, record_filter
from resolvers.graph.mutation import query
from resolvers.graph.orders import OrderDirection, ordered_by
from resolvers.graph.registry import Registry, pending
from resolvers.graph.types import Node, Part


class NodeKind(Choice):
    """A kind of record is found by words."""

    MODEL = "models", "The records are models."
    MODEL_VERSION = "model_versions", "The records are model versions."
    DATASHEET = "datasheets", "The records are datasheets."
    POLICY = "policies", "The records are policies."
    STAKEHOLDER = "stakeholders", "The records are people."
    CHANGE_REQUEST = "change_requests", "The records are changes."
    INCIDENT = "incidents", "The records are incidents."


KINDS: Mapping[NodeKind, type[Searchable]] = {
    NodeKind.MODEL: Model,
    NodeKind.MODEL_VERSION: ModelVersion,
    NodeKind.DATASHEET: Datasheet,
    NodeKind.POLICY: Policy,
    NodeKind.STAKEHOLDER: Stakeholder,
    NodeKind.CHANGE_REQUEST: ChangeRequest,
    NodeKind.INCIDENT: Incident,
}


def _filter(registry: Registry) -> Any:
    fields: dict[str, Any] = {
        "kinds": (list[NodeKind], "The kinds that are looked for; all if left out."),
        **{
            name.value: (record_filter(registry, kind), f"The `{kind.__name__}` must match.", {SCOPE: True})
            for name, kind in KINDS.items()
        },
    }
    about = "The `Node` meets the filter on its kind. Only `kinds` has an index."
    return registry.once("NodeFilter", lambda made: make_input(made, "NodeFilter", about, fields))


def _order(registry: Registry) -> Any:
    kinds = "The kind orders as: models, versions, datasheets, policies, people, changes, incidents."
    fields = {
        "kind": (OrderDirection, kinds),
        "id": (OrderDirection, "The record that was stored first comes first, within its kind after `kind`."),
    }
    about = "An order names one thing that every `Node` has. Both have an index."
    return registry.once("NodeOrder", lambda made: make_input(made, "NodeOrder", about, fields))


SearchFilter, SearchOrder = pending(_filter), pending(_order)
Words = Annotated[
    str,
    strawberry.argument(description="The words have 200 characters at most; the last may be only begun."),
]


@query(name="search")
async def found(
    info: Info,
    query: Words,
    filter: Filtered[SearchFilter] = UNSET,  # type: ignore[valid-type]
    order_by: Ordered[SearchOrder] = UNSET,  # type: ignore[valid-type]
    first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET,
) -> Connection[Node]:  # fmt: skip
    """The records that hold every word, kind by kind, oldest first."""
    part, by = window(first, after, last, before), ordered_by(order_by, KIND_BY_KIND)
    asked = await asked_for(info.context, filter)
    kinds = [(name, kind) for name, kind in KINDS.items() if name in asked.get("kinds", KINDS)]
    among = [Sought(kind, to_query(asked.get(name, {})), asked_of(info, kind)) for name, kind in kinds]
    return await search(among, query, part, by)  # type: ignore[return-value]


PART = Part(types=[NodeKind], queries=[found])
