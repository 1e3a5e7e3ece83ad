"""The queries `node` and `nodes`, which find a record of any kind by its global id."""

from typing import Annotated, Any

import strawberry
from strawberry import relay

from documents.errors import LimitExceeded
from resolvers.graph.connections import PAGE_SIZE
from resolvers.graph.context import Info, asked_of
from resolvers.graph.mutation import query
from resolvers.graph.registry import registry_of
from resolvers.graph.types import Node, Part


@query(name="node")
async def any_node(
    info: Info, id: Annotated[relay.GlobalID, strawberry.argument(description="The `id` that the node has.")]
) -> Node | None:
    """The node that has the id; null if none."""
    (found,) = await _found(info, [id])
    return found  # type: ignore[no-any-return]


@query(name="nodes")
async def any_nodes(
    info: Info, ids: Annotated[list[relay.GlobalID], strawberry.argument(description="The ids, of which 100 are taken at most.")]
) -> list[Node | None]:
    """The nodes that have the ids, in their order; null for what does not exist."""
    if len(ids) > PAGE_SIZE:
        raise LimitExceeded("the number of `ids`", len(ids), PAGE_SIZE)
    return await _found(info, ids)


async def _found(info: Info, ids: list[relay.GlobalID]) -> list[Any]:
    """The records of the ids in their order, None for what does not exist; one query for each kind of record."""
    nodes = registry_of(info).nodes
    known = [each for each in ids if each.type_name in nodes]
    for kind in {each.type_name for each in known}:
        info.context.actor.needs(nodes[kind].permit)
    found: dict[tuple[str, str], Any] = {}
    for kind in {each.type_name for each in known}:
        record = nodes[kind].record
        wanted = [each.node_id for each in known if each.type_name == kind]
        found |= {(kind, str(each.id)): each for each in await record.identified(wanted, asked_of(info, record))}
    return [found.get((each.type_name, each.node_id)) for each in ids]


PART = Part(queries=[any_node, any_nodes])
