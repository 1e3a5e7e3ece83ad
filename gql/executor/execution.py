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
    """The execution `base`, which completes the value of a query's root field by a plan where there is one.

    Without an error the plan's answer is the answer. With one, what the plan read is put aside, and `base` completes the value.
    """

    class Planned(base):  # type: ignore[valid-type, misc]
        def execute_collected_root_fields(self, root_type: Any, root_value: Any, fields: Any, *further: Any) -> Any:
            # With several roots, which of them reports its errors first depends on what each waits for.
            wrapped = self.middleware_manager and self.middleware_manager.middlewares
            if len(fields) == 1 and not wrapped and self.abort_signal is None and (plan := plan_of(self)):

                def complete_value(*said: Any) -> Any:
                    del self.complete_value  # the root field's value is the first that is completed
                    return _completed(self, plan, said)

                self.complete_value = complete_value
            return super().execute_collected_root_fields(root_type, root_value, fields, *further)

    return Planned


def _completed(execution: Any, plan: Plan, said: tuple[Any, ...]) -> Any:
    """The value of the root field, completed by the plan, or by the execution if the plan goes astray."""
    forget = execution.context_value.remembered()

    def stock() -> Any:
        plan.went_astray()
        forget()
        return execution.complete_value(*said)

    plan.compiler = plan.compiler or Compiler(execution)
    try:
        completed = Reading.beside(execution, plan.compiler).complete_value(*said)
    except Exception:  # noqa: BLE001  graphql-core meets it again, and says what it is
        return stock()
    if optimized_is_awaitable(completed):
        return _awaited(plan, completed, stock)
    plan.went_well()
    return completed


async def _awaited(plan: Plan, completing: Awaitable[Any], stock: Callable[[], Any]) -> Any:
    try:
        completed = await completing
    except Exception:  # noqa: BLE001  as above
        completed = stock()
        return await completed if optimized_is_awaitable(completed) else completed
    plan.went_well()
    return completed
