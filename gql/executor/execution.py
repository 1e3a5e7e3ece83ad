"""The execution that tries a plan first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql.executor.compiler import Compiler
from gql.executor.plans import Plan, plan_of
from gql.executor.reading import Reading


def planned(base: type[StrawberryGraphQLCoreExecutionContext]) -> type[StrawberryGraphQLCoreExecutionContext]:
    """The execution `base`, which answers a query by a plan where there is one.

    Without an error the plan's answer is the answer. With one, what the plan read is put aside, and `base` executes what it did.
    """

    class Planned(base):  # type: ignore[valid-type, misc]
        def execute_collected_root_fields(self, root_type: Any, root_value: Any, fields: Any, *further: Any) -> Any:
            said = root_type, root_value, fields, *further
            stock: Callable[..., Any] = super().execute_collected_root_fields
            wrapped = self.middleware_manager and self.middleware_manager.middlewares
            plan = None if wrapped or self.abort_signal else plan_of(self)
            if plan is None:
                return stock(*said)
            if len(fields) > 1:  # an error of one has its place among those of the others, so all are executed again
                return _tried(plan, self, lambda reading: reading.execute_collected_root_fields(*said), lambda: stock(*said))

            def complete_value(*value: Any) -> Any:
                del self.complete_value  # the root field's value is the first that is completed
                return _tried(plan, self, lambda reading: reading.complete_value(*value), lambda: self.complete_value(*value))

            self.complete_value = complete_value
            return stock(*said)

    return Planned


def _tried(plan: Plan, execution: Any, by_plan: Callable[[Reading], Any], stock: Callable[[], Any]) -> Any:
    """What the plan answers; what the execution does, if the plan goes astray."""
    compiler = plan.compiler = plan.compiler or Compiler(execution)
    forget = execution.context_value.remembered()

    def astray() -> Any:
        plan.went_astray(for_good=compiler.refused)
        forget()
        return stock()

    try:
        answer = by_plan(Reading.beside(execution, compiler))
    except Exception:  # noqa: BLE001  graphql-core meets it again, and says what it is
        return astray()
    if optimized_is_awaitable(answer):
        return _awaited(plan, answer, astray)
    plan.went_well()
    return answer


async def _awaited(plan: Plan, waiting: Awaitable[Any], astray: Callable[[], Any]) -> Any:
    try:
        answer = await waiting
    except Exception:  # noqa: BLE001  as above
        answer = astray()
        return await answer if optimized_is_awaitable(answer) else answer
    plan.went_well()
    return answer
