"""Policies in the graph."""

from strawberry import UNSET

from documents.policies import BoundPolicy, Policy
from documents.values import Key
from resolvers.graph.connections import After, Before, Connection, First, Last, listed
from resolvers.graph.context import Info
from resolvers.graph.edges import one
from resolvers.graph.filters import filters
from resolvers.graph.mutation import query
from resolvers.graph.selection import asked_of
from resolvers.graph.types import Node, Part, node, shape


@node(Policy)
class PolicyNode(Node): ...


@shape(BoundPolicy)
class BoundPolicyShape:
    policy = one(Policy, "The policy, as its newest revision has it.", policy_id="policy_id")


@filters(Policy, "policy_id", "content")
class PolicyFilter: ...


@query()
async def policy(info: Info, policy_id: Key) -> Policy | None:
    """The policy of that id."""
    return await Policy.seek({"policy_id": policy_id}, asked_of(info, Policy))


@query()
async def policies(
    info: Info,
    filter: PolicyFilter | None = UNSET,
    first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET,
) -> Connection[Policy]:  # fmt: skip
    """Policies, by their id."""
    return await listed(info, Policy, ("policy_id", 1), filter, first, after, last, before)  # type: ignore[no-any-return]


PART = Part(queries=[policy, policies])
