"""The queries `node` and `nodes`, which find a record of any kind by its global id."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, Self

import strawberry

from documents.errors import InvalidInput, LimitExceeded
from resolvers.graph.connections import PAGE_SIZE
from resolvers.graph.context import Info, asked_of
from resolvers.graph.mutation import query
from resolvers.graph.registry import registry_of
from resolvers.graph.types import Node, Part


class GlobalId(NamedTuple):
    """What `Node.id` says: the kind of a record, and its id in the database."""

    kind: str
    id: str

    @classmethod
    def read(cls, text: str, argument: str) -> Self:
        """The id of that text; InvalidInput at `argument` if it is none."""
        try:
            kind, identity = b64decode(text, validate=True).decode().split(":", 1)
        except ValueError as error:
            raise InvalidInput(argument, "is no id of a node: send it as `id` of a node says it") from error
        return cls(kind, identity)


@query(name="node")
async def any_node(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The `id` that the node has.")]
) -> Node | None:
    """The node that has the id; null if none."""
    (found,) = await _found(info, [GlobalId.read(id, "id")])
    return found  # type: ignore[no-any-return]


@query(name="nodes")
async def any_nodes(
    info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="The ids, of which 100 are taken at most.")]
) -> list[Node | None]:
    """The nodes that have the ids, in their order; null for what does not exist, and for a text that is no id, with an error."""
    if len(ids) > PAGE_SIZE:
        raise LimitExceeded("the number of `ids`", len(ids), PAGE_SIZE)
    read = [_read_or_refused(each, f"ids.{at}") for at, each in enumerate(ids)]
    found = iter(await _found(info, [each for each in read if isinstance(each, GlobalId)]))
    # GraphQL raises an error that stands in a list at the place where it stands.
    return [next(found) if isinstance(each, GlobalId) else each for each in read]  # type: ignore[misc]


def _read_or_refused(text: str, argument: str) -> GlobalId | InvalidInput:
    try:
        return GlobalId.read(text, argument)
    except InvalidInput as refusal:
        return refusal


async def _found(info: Info, ids: Sequence[GlobalId]) -> list[Any]:
    """The records of the ids in their order, None for what does not exist; one query for each kind of record."""
    nodes = registry_of(info).nodes
    known = [each for each in ids if each.kind in nodes]
    for kind in {each.kind for each in known}:
        info.context.actor.needs(nodes[kind].permit)
    found: dict[tuple[str, str], Any] = {}
    for kind in {each.kind for each in known}:
        record = nodes[kind].record
        wanted = [each.id for each in known if each.kind == kind]
        found |= {(kind, str(each.id)): each for each in await record.identified(wanted, asked_of(info, record))}
    return [found.get((each.kind, each.id)) for each in ids]


PART = Part(queries=[any_node, any_nodes])
