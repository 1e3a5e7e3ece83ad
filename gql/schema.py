"""Assembly: every noun's part, its root fields behind the middleware."""

from collections.abc import AsyncIterator, Sequence
from functools import cache
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import DisableIntrospection, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from documents.errors import Forbidden, LimitExceeded
from gql.errors import coded
from gql.limits import BegunInTime
from gql.middleware import permitted, recorded, tell_denied, through
from gql.settings import Limits
from gql.texts import Texts
from resolvers import approvals, audit, cards, contents, datasheets, models, nodes, people, policies, reports, risk, tokens
from resolvers.graph.scalars import SCALARS
from resolvers.graph.types import Part, assemble

PARTS: Sequence[Part] = tuple(
    each.PART
    for each in (
        nodes, people, tokens, models, approvals, cards, datasheets, risk, policies, contents, reports, audit
    )
)  # fmt: skip
DEFAULTS = Limits()

MUTATION = (
    "What can be done. Under an `Idempotency-Key` header, 1 to 200 printable ASCII characters, a mutation takes effect once: "
    "sent again within 7 days it answers with its first receipt and its records as they are then, and with another input it is "
    "CONFLICT."
)


class Schema(strawberry.Schema):
    texts: Texts

    def process_errors(self, errors: list[Any], execution_context: ExecutionContext | None = None) -> None:
        """Strawberry would log a traceback for every refusal; `gql.errors` logs what deserves it."""


class Answered(SchemaExtension):
    """Gives every error of an operation its code, and puts what was denied to a question on record."""

    async def on_operation(self) -> AsyncIterator[None]:
        try:
            yield
        except LimitExceeded as refusal:  # its time is over
            raise coded(GraphQLError(str(refusal), original_error=refusal)) from refusal
        asked: Any = self.execution_context
        if errors := getattr(asked.result, "errors", None):
            for action, nested in {_refused(each) for each in errors if isinstance(each.original_error, Forbidden)}:
                if nested or asked.operation_type is OperationType.QUERY:  # what a mutation was denied is told there
                    await tell_denied(asked.context, action)
            asked.result.errors = [coded(error) for error in errors]


def _refused(error: Any) -> tuple[str, bool]:
    """The field that was refused, by its own name rather than the client's for it, and whether it is below the root."""
    return error.nodes[0].name.value, len(error.path) > 1


@cache
def build_schema(parts: Sequence[Part] = PARTS, *, introspection: bool = True, limits: Limits = DEFAULTS) -> Schema:
    queries = [permitted(each) for part in parts for each in part.queries]
    in_time = BegunInTime(limits.seconds)
    mutations = [recorded(through(each, in_time)) for part in parts for each in part.mutations]
    texts = Texts(limits)
    schema = Schema(
        query=create_type("Query", queries, description="What can be asked."),
        mutation=create_type("Mutation", mutations, description=MUTATION),
        types=assemble(),
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[Answered, *([] if introspection else [DisableIntrospection]), texts.extension()],
    )
    schema.texts = texts
    return schema
