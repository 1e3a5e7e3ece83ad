"""Policies in the graph."""

from documents.policies import BoundPolicy, Policy
from documents.values import Key
from resolvers.graph.connections import connection
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one
from resolvers.graph.filters import filters
from resolvers.graph.mutation import query
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


policies = connection(Policy, "policies", "Policies, by their id.", ("policy_id", 1))


PART = Part(queries=[policy, policies])
