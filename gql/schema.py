"""Builds the schema from the parts of the nouns, with every root field behind the middleware."""

from collections.abc import AsyncIterator, Sequence
from functools import cache
from typing import Any

from graphql import GraphQLError
from strawberry.extensions import DisableIntrospection, SchemaExtension
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.tools import create_type
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from documents.errors import Forbidden
from gql.errors import coded
from gql.executor import planned
from gql.limits import BegunInTime, OutOfTime
from gql.middleware import permitted, recorded, tell_denied, through, watched
from gql.settings import Limits
from gql.texts import Texts
from gql.unsent import names_of, without
from resolvers import (
    accountability,
    approvals,
    artifacts,
    audit,
    cards,
    changes,
    contents,
    dashboard,
    datasheets,
    deployments,
    environments,
    evidence,
    holds,
    identities,
    imports,
    incidents,
    models,
    nodes,
    people,
    policies,
    registration,
    reports,
    reviews,
    risk,
    roles,
    search,
    tokens,
    versions,
    waivers,
)
from resolvers.graph.connections import tell_nouns
from resolvers.graph.context import Context
from resolvers.graph.registry import Assembled, Registry
from resolvers.graph.types import Part

PARTS: Sequence[Part] = tuple(
    each.PART
    for each in (
        nodes, people, identities, roles, tokens, models, versions, registration, accountability, artifacts, approvals, evidence,
        waivers, holds, reviews, cards, datasheets, risk, changes, deployments, environments, incidents, policies, contents,
        reports, audit, dashboard, imports, search,
    )
)  # fmt: skip
DEFAULTS = Limits()
SIMILAR = 2  # wrong variables at most whose unknown names are compared, on the event loop: each takes some 10 ms

MUTATION = (
    "The mutations are what a caller can do. Under an `Idempotency-Key` header, 1 to 200 printable ASCII characters, a mutation "
    "takes effect once: sent again within 7 days it answers with its first receipt and its records as they are then, and with "
    "another input it is CONFLICT."
)


class Schema(Assembled):
    texts: Texts
    untold: frozenset[str]
    """The names that errors do not tell to a client that did not send them."""

    def process_errors(self, errors: list[Any], execution_context: ExecutionContext | None = None) -> None:
        """Logs nothing: Strawberry would log a traceback for each refusal, and `gql.errors` logs what nobody foresaw."""


class Execution(StrawberryGraphQLCoreExecutionContext):
    """An execution that refuses variables in bounded time: of many unknown names none is compared with those that are known."""

    similar = SIMILAR

    @classmethod
    def build(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().build(*args, **kwargs | {"hide_suggestions": True})
        if isinstance(made, list) and len(made) <= cls.similar:
            return super().build(*args, **kwargs)
        return made


class WithoutSuggestions(Execution):
    similar = 0


class Answered(SchemaExtension):
    """Gives every error of an operation its code, and records denied queries in the trail."""

    streamed = False

    async def on_operation(self) -> AsyncIterator[None]:
        try:
            yield
        except OutOfTime as refusal:
            raise coded(GraphQLError(str(refusal), original_error=refusal)) from refusal
        if not self.streamed:
            await self._answer(self.execution_context.result)

    async def on_stream_result(self, result: Any) -> AsyncIterator[None]:
        self.streamed = True
        await self._answer(result)
        yield

    async def _answer(self, result: Any) -> None:
        asked: Any = self.execution_context
        if getattr(result, "errors", None):
            told = asked.operation_type is not OperationType.MUTATION  # `Recorded` records a denied mutation
            await answer_errors(result, asked.schema, asked.context, asked.query, asked.variables, told=told)


async def answer_errors(
    result: Any, schema: Schema, context: Context, text: str | None, variables: Any, *, told: bool = True
) -> None:
    """Gives each error of a result its code. Where that is to be told, the trail tells of the fields that were denied."""
    if told:
        for action in {each.nodes[0].name.value for each in result.errors if _is_denied(each)}:  # the field's name, no alias
            await tell_denied(context, action)
    worded = without(schema.untold, text, variables)
    result.errors = [coded(error, worded) for error in result.errors]


def _is_denied(error: Any) -> bool:
    """Whether the caller was denied a field of the root; what lies below and may not be read is null, and no error."""
    return isinstance(error.original_error, Forbidden) and len(error.path) == 1


def build_schema(
    parts: Sequence[Part] = PARTS, *, introspection: bool = True, suggestions: bool = True, planning: bool = True,
    limits: Limits = DEFAULTS,
) -> Schema:  # fmt: skip
    """The schema of these parts; who asks for the same one again gets the same."""
    return _built(parts, introspection, suggestions, planning, limits)


@cache  # by position: a cache tells an argument that was left out from the same one that was given
def _built(parts: Sequence[Part], introspection: bool, suggestions: bool, planning: bool, limits: Limits) -> Schema:
    registry = Registry(parts)
    queries = [permitted(each) for part in parts for each in part.queries]
    in_time = BegunInTime(limits.seconds)
    mutations = [recorded(through(each, in_time), limits.wait) for part in parts for each in part.mutations]
    subscriptions = [watched(each) for part in parts for each in part.subscriptions]
    texts = Texts(limits, suggestions=suggestions)
    execution = Execution if suggestions else WithoutSuggestions
    schema = Schema(
        registry,
        query=create_type("Query", queries, description="The queries are what a caller can ask."),
        mutation=create_type("Mutation", mutations, description=MUTATION),
        subscription=create_type("Subscription", subscriptions, description="The subscriptions are what a caller can watch."),
        execution_context_class=planned(execution) if planning else execution,
        extensions=[Answered, *([] if introspection else [DisableIntrospection]), texts.extension()],
    )
    tell_nouns(schema._schema.type_map)
    schema.texts = texts
    schema.untold = frozenset() if suggestions else names_of(schema._schema)
    return schema
