"""The query `search`, which finds records of all kinds by words."""

from collections.abc import Mapping
from typing import Annotated

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
from resolvers.graph.asked import asked_for
from resolvers.graph.connections import After, Before, Connection, Filtered, First, Last, Ordered, window
from resolvers.graph.context import Info, asked_of
from resolvers.graph.filters import filter_of, make_input
from resolvers.graph.mutation import query
from resolvers.graph.orders import OrderDirection, ordered_by
from resolvers.graph.types import Node, Part


class NodeKind(Choice):
    """A kind of record that is found by words."""

    MODEL = "models", "Models."
    MODEL_VERSION = "model_versions", "Versions of models."
    DATASHEET = "datasheets", "Datasheets."
    POLICY = "policies", "Policies."
    STAKEHOLDER = "stakeholders", "People."
    CHANGE_REQUEST = "change_requests", "Changes."
    INCIDENT = "incidents", "Incidents."


KINDS: Mapping[NodeKind, type[Searchable]] = {
    NodeKind.MODEL: Model,
    NodeKind.MODEL_VERSION: ModelVersion,
    NodeKind.DATASHEET: Datasheet,
    NodeKind.POLICY: Policy,
    NodeKind.STAKEHOLDER: Stakeholder,
    NodeKind.CHANGE_REQUEST: ChangeRequest,
    NodeKind.INCIDENT: Incident,
}


class SearchFilter: ...


make_input(
    SearchFilter,
    "NodeFilter",
    "Conditions on records of several kinds, for each kind its own.",
    {
        "kinds": (list[NodeKind], "Which kinds are looked for; left out: all. Indexed: each has a collection to itself."),
        **{
            name.value: (filter_of(kind), f"What {name.description.rstrip('.').lower()} must meet.")
            for name, kind in KINDS.items()
        },
    },
)


class SearchOrder: ...


make_input(
    SearchOrder,
    "NodeOrder",
    "One thing that all kinds of records have.",
    {
        "kind": (
            OrderDirection,
            "Models, versions, datasheets, policies, people, changes, incidents; or the other way round. Indexed.",
        ),
        "id": (OrderDirection, "What was stored first, among all kinds unless `kind` comes before. Indexed."),
    },
)

Words = Annotated[
    str,
    strawberry.argument(
        description="Words, 200 characters at most; case and accents do not count, and the last may be only begun."
    ),
]


@query(name="search")
async def found(
    info: Info,
    query: Words,
    filter: Filtered[SearchFilter] = UNSET,
    order_by: Ordered[SearchOrder] = UNSET,
    first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET,
) -> Connection[Node]:  # fmt: skip
    """Models, versions, datasheets, policies, people, changes and incidents that hold every word, kind by kind, oldest first."""
    part, by = window(first, after, last, before), ordered_by(order_by, KIND_BY_KIND)
    asked = await asked_for(info.context, filter)
    kinds = [(name, kind) for name, kind in KINDS.items() if name in asked.get("kinds", KINDS)]
    among = [Sought(kind, to_query(asked.get(name, {})), asked_of(info, kind)) for name, kind in kinds]
    return await search(among, query, part, by)  # type: ignore[return-value]


PART = Part(types=[NodeKind], queries=[found])
