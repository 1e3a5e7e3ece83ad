"""The execution that tries a plan first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql.executor.plans import Plan, plan_of
from gql.executor.reading import Reading


def planned(base: type[StrawberryGraphQLCoreExecutionContext]) -> type[StrawberryGraphQLCoreExecutionContext]:
    """The execution `base`, which completes the value of a query's root field by a plan where there is one.

    Without an error the plan's answer is the answer. With one, whatever the plan read is put aside, and `base` completes the value.
    """

    class Planned(base):  # type: ignore[valid-type, misc]
        plan: Plan | None = None

        def execute_collected_root_fields(self, root_type: Any, root_value: Any, fields: Any, *further: Any) -> Any:
            # With several roots, which of them reports its errors first depends on what each waits for.
            unwrapped = not (self.middleware_manager and self.middleware_manager.middlewares)
            if len(fields) == 1 and unwrapped and self.abort_signal is None:
                self.plan = plan_of(self)
            return super().execute_collected_root_fields(root_type, root_value, fields, *further)

        def complete_value(self, return_type: Any, fields: Any, info: Any, path: Any, result: Any, position: Any) -> Any:
            plan, self.plan = self.plan, None
            if plan is None or plan.compiler is None:
                return super().complete_value(return_type, fields, info, path, result, position)
            forget = self.context_value.remembered()

            def stock() -> Any:
                plan.went_astray()
                forget()
                return base.complete_value(self, return_type, fields, info, path, result, position)

            try:
                reading = Reading.beside(self, plan.compiler)
                completed = reading.complete_value(return_type, fields, info, path, result, position)
            except Exception:  # noqa: BLE001  graphql-core meets it again, and says what it is
                return stock()
            if optimized_is_awaitable(completed):
                return _awaited(plan, completed, stock)
            plan.went_well()
            return completed

    return Planned


async def _awaited(plan: Plan, completing: Awaitable[Any], stock: Callable[[], Any]) -> Any:
    try:
        completed = await completing
    except Exception:  # noqa: BLE001  as above
        completed = stock()
        return await completed if optimized_is_awaitable(completed) else completed
    plan.went_well()
    return completed
