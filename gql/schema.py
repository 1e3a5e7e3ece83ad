"""Assembly: every noun's part, its root fields behind the middleware."""

from collections.abc import AsyncIterator, Sequence
from functools import cache
from typing import Any

import strawberry
from strawberry.extensions import DisableIntrospection, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from documents.errors import Forbidden
from gql.errors import coded
from gql.middleware import permitted, recorded, tell_denied
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
        yield
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
def build_schema(parts: Sequence[Part] = PARTS, *, introspection: bool = True) -> Schema:
    queries = [permitted(each) for part in parts for each in part.queries]
    mutations = [recorded(each) for part in parts for each in part.mutations]
    texts = Texts()
    schema = Schema(
        query=create_type("Query", queries, description="What can be asked."),
        mutation=create_type("Mutation", mutations, description=MUTATION),
        types=assemble(),
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[Answered, *([] if introspection else [DisableIntrospection]), texts.extension()],
    )
    schema.texts = texts
    return schema
