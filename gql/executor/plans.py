"""What is kept for an operation: the readers of its selections, compiled once the same text is asked again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphql import FragmentSpreadNode, GraphQLSchema, OperationDefinitionNode, OperationType, SelectionSetNode

from gql.executor.compiler import Compiler

MOST_RESTS = 64


@dataclass(slots=True)
class Plan:
    """The plan of one operation. It hangs on the parsed operation, so `gql.texts` bounds how many there are."""

    schema: GraphQLSchema
    fixed: bool
    """Whether it can be compiled, since the same fields are selected whatever the variables are."""
    compiler: Compiler | None = None
    rests: int = 0
    """How many executions the plan sits out, because it went astray in the last ones."""
    _next_rests: int = 1

    def went_well(self) -> None:
        self._next_rests = 1

    def went_astray(self, *, for_good: bool) -> None:
        """Lets the plan rest longer each time: what it meets on these records costs graphql-core's execution and its own."""
        self.fixed = self.fixed and not for_good
        self.rests, self._next_rests = self._next_rests, min(2 * self._next_rests, MOST_RESTS)


def plan_of(execution: Any) -> Plan | None:
    """The plan for an execution, from the second time that its text is executed; None if there is none."""
    operation: OperationDefinitionNode = execution.operation
    plan: Plan | None = getattr(operation, "plan", None)
    if plan is None or plan.schema is not execution.schema:
        fixed = operation.operation is OperationType.QUERY and is_fixed(operation, execution.fragment_definitions)
        vars(operation)["plan"] = Plan(execution.schema, fixed)  # graphql-core lets nobody set an attribute
        return None
    if not plan.fixed:
        return None
    if plan.rests:
        plan.rests -= 1
        return None
    return plan


def is_fixed(operation: OperationDefinitionNode, fragments: Any) -> bool:
    """Whether neither a directive nor a variable of a fragment has a say in which fields are selected."""

    def fixed(selected: SelectionSetNode | None) -> bool:
        return selected is None or all(
            not each.directives
            and not (isinstance(each, FragmentSpreadNode) and getattr(each, "arguments", None))
            and fixed(getattr(each, "selection_set", None))
            for each in selected.selections
        )

    return (
        not operation.directives
        and fixed(operation.selection_set)
        and all(
            not each.directives and not getattr(each, "variable_definitions", None) and fixed(each.selection_set)
            for each in fragments.values()
        )
    )
