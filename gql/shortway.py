"""The short way: a query whose text is known to be valid is executed without Strawberry's round of extensions.

It gives what the schema's `execute` gives: the same limits, errors and facts beside the data. What it is not sure of, it leaves.
"""

from collections.abc import Mapping
from inspect import isawaitable
from typing import Any

from graphql import GraphQLError
from strawberry.execution import optimized_is_awaitable
from strawberry.types import ExecutionResult

from gql.errors import coded
from gql.limits import OutOfTime, in_time
from gql.schema import Schema, answer_errors
from resolvers.graph.context import Context


class ShortWay:
    def __init__(self, schema: Schema) -> None:
        self.schema, self.texts = schema, schema.texts
        self._execute: Any = schema._get_execute_function()

    async def result(self, text: str, name: str | None, variables: Any, context: Context) -> ExecutionResult | None:
        """The result of the query of that name; None for a text that was not validated yet, or that is left to the schema.

        `name` is that of the operation itself, whether or not the request says it.
        """
        known, texts = self.texts.valid(text), self.texts
        if known is None or name in known.about_schema:
            return None
        requested = texts.permitted(known, name, variables)
        if requested is None:
            return None
        context.selected = await texts.selected(text, known, self.schema._schema, name)
        result: Any
        try:
            async with in_time(texts.limits.seconds):
                result = self._execute(
                    self.schema._schema,
                    known.document,
                    root_value=None,
                    context_value=context,
                    variable_values=variables,
                    operation_name=name,
                    is_awaitable=optimized_is_awaitable,
                    executor_class=self.schema.execution_context_class,
                    operation_extensions=None,
                )
                if isawaitable(result):
                    result = await result
        except OutOfTime as refusal:
            result = ExecutionResult(None, [coded(GraphQLError(str(refusal), original_error=refusal))])
        else:
            if result.errors:
                await answer_errors(result, self.schema, context, text, variables)
        beside: Mapping[str, Any] = texts.told(requested, context)
        return ExecutionResult(result.data, result.errors, dict(beside))
