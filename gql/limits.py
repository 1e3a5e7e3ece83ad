"""Limits of an operation, checked before anything is read.

A text is counted once and its counts are kept; the page sizes in its variables are applied at each request. A fragment is counted
once and its counts are added wherever it is spread, so that counting takes time in proportion to the length of the text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from time import monotonic
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    type_from_ast,
    value_from_ast_untyped,
)
from strawberry.extensions import FieldExtension

from documents.errors import LimitExceeded
from documents.store.session import answered_within, bound_database
from documents.store.shared import sharing
from documents.values import MAX_SAFE_INTEGER
from gql.conditions import Conditions, Weighing, Written, asks
from gql.settings import Limits
from resolvers.graph.aggregates import GROUPS
from resolvers.graph.asked import DEPTH
from resolvers.graph.connections import PAGE
from resolvers.graph.context import Info
from resolvers.graph.mutation import COST

MOMENT = 1.0  # seconds that the database has beyond the time of a query: if it gave up first, that would read like an outage
INT = 2**31  # an Int of GraphQL is below this


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that sizes a page: its name, and the function from its value to a number of records."""

    name: str
    amount: Callable[[Any], int]

    def at(self, variables: Mapping[str, Any]) -> int:
        return self.amount(variables.get(self.name))


@dataclass(frozen=True, slots=True)
class PageSize:
    """The size of a page that variables decide: `first` or `last`, each a value or the variable that gives it."""

    ends: tuple[Any, Any]

    def at(self, variables: Mapping[str, Any]) -> int:
        return _of_page(*(variables.get(each.name) if isinstance(each, Variable) else each for each in self.ends))


Size = int | Variable | PageSize


@dataclass(slots=True, eq=False)
class Extent:
    """The counts of a selection, with those of the fragments in it."""

    depth: int = 0
    """The longest chain of nested fields; fields of introspection do not count."""
    aliases: int = 0
    directives: int = 0
    records: int = 0
    """The records that the selection can answer with, without those whose number depends on a variable."""
    parts: list[tuple[list[Size] | None, Extent]] = field(default_factory=list)
    """The selections whose records depend on a variable: each with the sizes of the pages around it, None for no page."""
    weighed: list[Callable[[Mapping[str, Any]], int]] = field(default_factory=list)
    """The costs of fields that cost more than they answer with, in records, given the variables."""

    conditions: Conditions = field(default_factory=Conditions)

    def include(self, part: Extent, sizes: list[Size] | None = None) -> None:
        """Adds the counts of a part; its conditions are added by who knows how often they are read."""
        self.depth = max(self.depth, part.depth)
        self.aliases += part.aliases
        self.directives += part.directives
        if part.parts or part.weighed or any(not isinstance(each, int) for each in sizes or ()):
            self.parts.append((sizes, part))
        else:
            self.records += _in_pages(part.records, sizes, {})

    def records_at(self, variables: Mapping[str, Any], counted: dict[Extent, int]) -> int:
        """The number of records that the selection can answer with, given the variables; `counted` keeps sums of parts."""
        if self not in counted:
            inner = (_in_pages(part.records_at(variables, counted), sizes, variables) for sizes, part in self.parts)
            counted[self] = self.records + sum(inner) + sum(each(variables) for each in self.weighed)
        return counted[self]


def _in_pages(records: int, sizes: list[Size] | None, variables: Mapping[str, Any]) -> int:
    if sizes is None:
        return records
    return _held(sizes, variables) * (1 + records)


def _held(sizes: list[Size], variables: Mapping[str, Any]) -> int:
    return sum(each if isinstance(each, int) else each.at(variables) for each in sizes)


def _amount(given: Any) -> int:
    """The records that a page size or a list of ids asks for; 0 for a value that GraphQL or the field refuses."""
    match given:
        case list():
            return len(given)
        case int() | float() if 0 < given < INT and given == int(given):
            return int(given)
        case str():
            return 1
        case _:
            return 0


def _of_page(first: Any, last: Any) -> int:
    return PAGE if first is None and last is None else _amount(first) + _amount(last)


def _groups(given: Any) -> int:
    """The greatest number of groups that an aggregate answers with."""
    return GROUPS if given else 1


# The arguments that say how many records or groups a field answers with, and how each is read.
PAGED = {"first", "last"}  # one of them sizes a page, or `PAGE` does
SIZES: Mapping[str, Callable[[Any], int]] = {"first": _amount, "last": _amount, "ids": _amount, "groupBy": _groups}


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of an operation: the number of records that it can answer with."""

    extent: Extent
    defaults: Mapping[str, Any]
    kinds: Mapping[str, Any]
    """The types of the variables."""
    root_fields: Mapping[str, str]
    """The keys of the answer, each with the name of its field."""

    def conditions(self, variables: Mapping[str, Any] | None, most: int) -> None:
        """Raises LimitExceeded if the filters compare with more than `most` values, or one is nested too deep.

        It raises InvalidInput if a variable that one compares with was left out.
        """
        given = {**self.defaults, **(variables or {})}
        self.extent.conditions.sent(given)
        weighing = Weighing(given, most)
        values = weighing.values(self.extent.conditions)
        within("the depth of a filter", weighing.depth, DEPTH)
        within("the number of values that the filters of the operation compare with", values, most)

    def at(self, variables: Mapping[str, Any] | None) -> int:
        return min(self.extent.records_at({**self.defaults, **(variables or {})}, {}), MAX_SAFE_INTEGER)


class Count:
    """The counts of a valid document. Fragments must form no cycle, which validation has made sure of."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self.schema = schema
        self.operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        self.fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        self._counted: dict[str, Extent] = {}

    def operation(self, operation: OperationDefinitionNode) -> Extent:
        extent = self._selection(self.schema.get_root_type(operation.operation), operation.selection_set)
        extent.directives += len(operation.directives or ())
        return extent

    def root_fields(self, selected: SelectionSetNode) -> dict[str, str]:
        """The keys of `data` in the answer, those from fragments too, each with the name of its field."""
        fields, seen, waiting = dict[str, str](), set[str](), [selected]
        while waiting:
            for node in waiting.pop().selections:
                match node:
                    case FieldNode():
                        fields[(node.alias or node.name).value] = node.name.value
                    case FragmentSpreadNode() if node.name.value not in seen:
                        seen.add(node.name.value)
                        waiting.append(self.fragments[node.name.value].selection_set)
                    case InlineFragmentNode():
                        waiting.append(node.selection_set)
        return fields

    def _selection(self, kind: Any, selected: SelectionSetNode | None) -> Extent:
        extent = Extent()
        for node in selected.selections if selected else ():
            extent.directives += len(node.directives or ())
            match node:
                case FieldNode():
                    self._field(extent, kind, node)
                case FragmentSpreadNode():
                    self._part(extent, self._fragment(node.name.value), node)
                case InlineFragmentNode(type_condition=on, selection_set=inner):
                    self._part(extent, self._selection(self._type(on) if on else kind, inner), node)
        return extent

    def _part(self, extent: Extent, part: Extent, node: FragmentSpreadNode | InlineFragmentNode) -> None:
        extent.include(part)
        extent.conditions.include(part.conditions, directives=node.directives or ())

    def _field(self, extent: Extent, kind: Any, node: FieldNode) -> None:
        declared: Any = self.schema.get_field(kind, node.name.value)
        answered: Any = get_named_type(declared.type)
        inner = self._selection(answered, node.selection_set)
        given = {each.name.value: each.value for each in node.arguments or ()}
        sizes = [each for each in SIZES if each in declared.args] if node.selection_set else []
        if "groupBy" in sizes:  # `first` only cuts the groups
            sizes = ["first"] if isinstance(given.get("first"), IntValueNode) and given.get("groupBy") else ["groupBy"]
        extent.aliases += node.alias is not None
        extent.records += not sizes and _is_record(answered) and not _is_page(kind)
        inner.depth = 0 if node.name.value.startswith("__") else inner.depth + 1
        if {*sizes} >= PAGED:
            sized: list[Size] = [_page(given), *(_size(SIZES[each], given.get(each)) for each in sizes if each not in PAGED)]
        else:
            sized = [_size(SIZES[each], given.get(each)) for each in sizes]
        extent.include(inner, sized or None)
        if cost := _cost(declared):
            extent.weighed.append(lambda variables: cost(_sent(given, variables)))
        taken = {name: declared.args[name] for name in given if name in declared.args}
        asked = Conditions([Written.of(given[name], name, each) for name, each in taken.items() if asks(each)])
        once = "groupBy" in declared.args  # what an aggregate asks of elements is read once, and not for each group
        asked.include(inner.conditions, partial(_held, sized) if sized and not once else None)
        extent.conditions.include(asked, directives=node.directives or ())

    def _fragment(self, name: str) -> Extent:
        if name not in self._counted:
            fragment = self.fragments[name]
            self._counted[name] = self._selection(self._type(fragment.type_condition), fragment.selection_set)
        return self._counted[name]

    def _type(self, named: NamedTypeNode) -> Any:
        return self.schema.get_type(named.name.value)


def _is_record(kind: Any) -> bool:
    return kind.name == "Node" or any(each.name == "Node" for each in getattr(kind, "interfaces", ()))


def _is_page(kind: Any) -> bool:
    """Whether a type is a connection or an edge: their records are counted by the size of the page."""
    return "pageInfo" in kind.fields or "cursor" in kind.fields


def _page(given: Mapping[str, ValueNode]) -> Size:
    ends = tuple(_end(given.get(each)) for each in ("first", "last"))
    return PageSize((ends[0], ends[1])) if any(isinstance(each, Variable) for each in ends) else _of_page(*ends)


def _end(said: ValueNode | None) -> Any:
    if isinstance(said, VariableNode):
        return Variable(said.name.value, _amount)
    return said and value_from_ast_untyped(said)


def _cost(declared: Any) -> Callable[[Mapping[str, Any]], int] | None:
    """What a field declares beside the records that it answers with; None for most."""
    field = declared.extensions.get("strawberry-definition")
    cost: Callable[[Mapping[str, Any]], int] | None = field.metadata.get(COST) if field else None
    return cost


def _sent(given: Mapping[str, ValueNode], variables: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as they were sent, without those whose variables were left out."""
    named = {name: each.name.value for name, each in given.items() if isinstance(each, VariableNode)}
    said = {name: value_from_ast_untyped(each) for name, each in given.items() if name not in named}
    return said | {name: variables[variable] for name, variable in named.items() if variable in variables}


def _size(amount: Callable[[Any], int], said: ValueNode | None) -> Size:
    if isinstance(said, VariableNode):
        return Variable(said.name.value, amount)
    return amount(said and value_from_ast_untyped(said))


def costs(schema: GraphQLSchema, document: DocumentNode, limits: Limits) -> dict[str | None, Cost]:
    """The cost of each operation of a valid document, by its name; LimitExceeded if one is too large whatever its variables."""
    count, found = Count(schema, document), {}
    for operation in count.operations:
        extent = count.operation(operation)
        within("the depth of the operation", extent.depth, limits.depth)
        within("the number of aliases in the operation", extent.aliases, limits.aliases)
        root_fields = count.root_fields(operation.selection_set)
        within("the number of root fields in the operation", len(root_fields), limits.root_fields)
        within("the number of directives in the operation", extent.directives, limits.directives)
        defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in operation.variable_definitions or ()
            if each.default_value
        }
        kinds = {each.variable.name.value: type_from_ast(schema, each.type) for each in operation.variable_definitions or ()}
        found[operation.name.value if operation.name else None] = Cost(extent, defaults, kinds, root_fields)
    return found


def within(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise LimitExceeded(what, min(size, MAX_SAFE_INTEGER), limit)


class OutOfTime(LimitExceeded):
    """An operation ran out of time during its execution, so sending it again would not help."""


@asynccontextmanager
async def in_time(seconds: int) -> AsyncIterator[None]:
    """Raises OutOfTime in a query after `seconds`; the database gives up its commands a moment later.

    What the parts of the query share is read once.
    """
    begun = monotonic()
    try:
        async with asyncio.timeout(seconds):
            with answered_within(seconds + MOMENT), sharing():
                async with bound_database().precedence.question():
                    yield
    except TimeoutError as error:
        raise _late(monotonic() - begun, seconds) from error


class BegunInTime(FieldExtension):
    """Refuses a mutation that would begin after the time of its request. A mutation that has begun may commit, and goes on."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Any:
        late = monotonic() - info.context.deadline
        if late > 0:
            raise _late(self.seconds + late, self.seconds)
        return await next_(source, info, **arguments)


def _late(taken: float, seconds: int) -> OutOfTime:
    return OutOfTime("the time of the operation in seconds", ceil(taken), seconds)
