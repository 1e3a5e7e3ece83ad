"""Counts what the filters of an operation ask, before anything of them is read.

A value to compare with counts one, and so does each element of a list. A filter below a page is read once for each record of the
page, so it counts as often. A filter in the text is counted once and kept with it; one in the variables at each request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DirectiveNode,
    GraphQLArgument,
    GraphQLSkipDirective,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_input_object_type,
    is_leaf_type,
    value_from_ast_untyped,
)

from documents.errors import InvalidInput
from resolvers.graph.asked import DEPTH, DERIVED, JOINING, OPERATING

ENDINGS = ("Filter", "Having", "GroupBy", "GroupOrder")
"""How the input types are named that say conditions."""

Pages = Callable[[Mapping[str, Any]], int]


def asks(argument: GraphQLArgument) -> bool:
    """Whether an argument is a filter."""
    return bool(get_named_type(argument.type).name.endswith(ENDINGS))


@dataclass(frozen=True, slots=True)
class Weight:
    """How much a filter asks: its values, and the deepest of its objects within objects."""

    values: int
    depth: int

    @classmethod
    def of(cls, given: Any, most: int) -> Weight:
        """The weight of a filter in the variables, or as much of it as is above `most` or `DEPTH`."""
        values, depth = 0, 0
        waiting = [(given, 0)]
        while waiting and values <= most and depth <= DEPTH:
            value, above = waiting.pop()
            if isinstance(value, dict):
                depth = max(depth, above + 1)
                values += not value
                waiting += [(each, above + 1) for each in value.values()]
            elif isinstance(value, list):
                values += not value
                if len(value) > most:
                    return cls(len(value), depth)
                waiting += [(each, above) for each in value]
            else:
                values += 1
        return cls(values, depth)


@dataclass(slots=True)
class Written:
    """A filter in the text: its own weight, and the variables in it, each with the objects around it."""

    weight: Weight
    variables: list[tuple[str, int]]
    operands: list[tuple[str, str, str]]
    """The variables that stand for operands, each with the argument and the place in it."""

    @classmethod
    def of(cls, said: ValueNode, name: str, argument: GraphQLArgument) -> Written:
        values, depth, variables = 0, 0, []
        for each, above in _nodes(said):
            depth = max(depth, above)
            match each:
                case VariableNode():
                    variables.append((each.name.value, above))
                case ObjectValueNode() | ListValueNode():
                    pass
                case _:
                    values += 1
        operands = [(variable, name, place) for variable, place in _operands(said, argument.type)] if variables else []
        return cls(Weight(values, depth), variables, operands)


def _operands(said: ValueNode, kind: Any) -> Iterator[tuple[str, str]]:
    """The variables in a literal of an input type that stand for operands, each with its place."""
    waiting: list[tuple[ValueNode, Any, str]] = [(said, get_named_type(kind), "")]
    while waiting:
        each, of, at = waiting.pop()
        match each:
            case ObjectValueNode(fields=fields) if is_input_object_type(of):
                for one in fields:
                    name, inside = one.name.value, get_named_type(of.fields[one.name.value].type)
                    place = f"{at}.{name}".lstrip(".")
                    if not isinstance(one.value, VariableNode):
                        waiting.append((one.value, inside, place))
                    elif _is_operand(of.fields[name], inside):
                        yield one.value.name.value, place
            case ListValueNode(values=values):
                waiting += [(one, of, f"{at}.{index}".lstrip(".")) for index, one in enumerate(values)]


def _is_operand(field: Any, kind: Any) -> bool:
    """Whether a field of an input type holds an operand; a field for a filter, or for what is only asked for, holds none."""
    declared = field.extensions.get("strawberry-definition")
    if declared is None:
        return False
    return declared.python_name.rstrip("_") in OPERATING | JOINING or (is_leaf_type(kind) and DERIVED in declared.metadata)


def _nodes(said: ValueNode) -> Iterator[tuple[ValueNode, int]]:
    """Every value in a literal with the number of objects around it, its own included."""
    waiting = [(said, 0)]
    while waiting:
        each, above = waiting.pop()
        match each:
            case ObjectValueNode(fields=fields):
                yield each, above + 1
                waiting += [(one.value, above + 1) for one in fields]
            case ListValueNode(values=values):
                yield each, above
                waiting += [(one, above) for one in values]
            case NullValueNode() if above == 0:
                pass
            case _:
                yield each, above


@dataclass(slots=True, eq=False)
class Conditions:
    """The filters of a selection, with those of the selections in it."""

    own: list[Written] = field(default_factory=list)
    parts: list[tuple[Pages | None, Conditions, list[DirectiveNode]]] = field(default_factory=list)

    def include(self, part: Conditions, pages: Pages | None = None, directives: Iterable[DirectiveNode] = ()) -> None:
        """Adds the conditions of a part, which `directives` may leave out."""
        if part.own or part.parts:
            self.parts.append((pages, part, [*directives]))

    def sent(self, variables: Mapping[str, Any]) -> None:
        """Raises InvalidInput if a variable that stands for an operand was left out.

        GraphQL reads such an operator as one that nobody wrote, and the filter would ask for more than was meant.
        """
        seen, waiting = {self}, [self]
        while waiting:
            one = waiting.pop()
            for variable, argument, place in (operand for each in one.own for operand in each.operands):
                if variable not in variables:
                    problem = f"must have a value: the variable ${variable} was left out, and `isNull` asks for null"
                    raise InvalidInput(f"{argument}.{place}", problem)
            inner = [part for _, part, directives in one.parts if part not in seen and not _left_out(directives, variables)]
            seen.update(inner)
            waiting += inner


def _left_out(directives: Iterable[DirectiveNode], variables: Mapping[str, Any]) -> bool:
    """Whether `@skip` or `@include` leaves a selection out."""
    for each in directives:
        given = {one.name.value: one.value for one in each.arguments or ()}
        if each.name.value in {"skip", "include"} and "if" in given:
            said = given["if"]
            meant = variables.get(said.name.value) if isinstance(said, VariableNode) else value_from_ast_untyped(said)
            if bool(meant) is (each.name.value == GraphQLSkipDirective.name):
                return True
    return False


@dataclass(slots=True)
class Weighing:
    """Weighs the filters of one request."""

    variables: Mapping[str, Any]
    most: int
    depth: int = 0
    """The deepest filter that was met."""
    _weights: dict[str, Weight] = field(default_factory=dict)
    _counted: dict[Conditions, int] = field(default_factory=dict)

    def values(self, conditions: Conditions) -> int:
        """How many values the filters compare with."""
        if conditions not in self._counted:
            own = sum(self._written(each) for each in conditions.own)
            inner = ((1 if pages is None else pages(self.variables)) * self.values(part) for pages, part, _ in conditions.parts)
            self._counted[conditions] = own + sum(inner)
        return self._counted[conditions]

    def _written(self, written: Written) -> int:
        values = written.weight.values
        self.depth = max(self.depth, written.weight.depth)
        for name, above in written.variables:
            if name not in self._weights:
                given = self.variables.get(name)
                self._weights[name] = Weight(0, 0) if given is None else Weight.of(given, self.most)
            values += self._weights[name].values
            self.depth = max(self.depth, above + self._weights[name].depth)
        return values
