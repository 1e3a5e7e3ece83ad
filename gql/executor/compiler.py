"""Compiles how the values of a type are read under a selection.

A reader gives an object with the fields that need no resolver. What remains of it are steps: each calls a resolver for all the
objects of a list, and completes what it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLList, GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type
from graphql.execution.collect_fields import collect_subfields
from graphql.execution.values import VariableValues

from gql.executor.kinds import DEFINITION, Finish, Surprise, finishing, nullable
from gql.executor.writing import Read, reading
from resolvers.graph.types import TOGETHER

Details = list[Any]  # graphql-core's FieldDetailsList
NO_VARIABLES = VariableValues({}, {})  # none has a say in which fields are selected
MOST_FIELDS = 1_000  # that are compiled for an operation: some 20 ms of the event loop, once


@dataclass(slots=True)
class Value:
    """How a value is completed: by `finish`, by the `reader` of its objects, or by graphql-core if both are None."""

    kind: Any
    details: Details
    finish: Finish | None = None
    reader: Reader | None = None
    is_list: bool = False
    may_be_null: bool = True
    item_may_be_null: bool = True


@dataclass(slots=True)
class Step:
    """A field whose resolver is called."""

    key: str
    field: GraphQLField
    details: Details
    nodes: list[FieldNode]
    value: Value
    call: Callable[[Any, Any], Any] | None
    """Calls the resolver with the parent and Strawberry's info; None if it has arguments or extensions."""
    awaits: bool
    together: bool
    """Whether the resolver takes all parents at once."""

    @property
    def declared(self) -> Any:
        return self.field.extensions[DEFINITION]


@dataclass(slots=True)
class Reader:
    kind: GraphQLObjectType
    selected: Mapping[str, Details]
    plain: dict[str, Plain]
    """The fields that are read without a resolver that waits or asks for the request."""
    steps: list[Step]
    _read: Read | None = field(default=None)

    @property
    def read(self) -> Read:
        """Gives the object of a source, in which the keys of the steps are null; it is compiled at its first use."""
        if self._read is None:
            self._read = reading(self)
        return self._read

    def read_one(self, source: Any) -> dict[str, Any]:
        return self.read(source)


@dataclass(slots=True)
class Plain:
    """A field that is read off its parent: by its name, or by a function of the parent alone."""

    field: GraphQLField
    derive: Callable[[Any], Any] | None
    finish: Finish
    inside: Reader | None
    """The reader of the object, or of the objects in the list, that it holds; None for a leaf."""

    @property
    def name(self) -> str:
        name: str = self.field.extensions[DEFINITION].python_name
        return name


class Compiler:
    """Makes the readers of one operation, each once for the same type and fields."""

    def __init__(self, execution: Any) -> None:
        self.schema: GraphQLSchema = execution.schema
        self._fragments, self._operation = execution.fragments, execution.operation
        self._readers: dict[tuple[str, tuple[int, ...]], Reader] = {}
        self._values: dict[tuple[int, tuple[int, ...]], Value] = {}
        self._fields = 0
        self.refused = False
        """Whether the operation is none that is compiled."""

    def value(self, kind: Any, details: Details) -> Value:
        """How a value of the type is completed under these fields."""
        key = id(kind), tuple([id(each.node) for each in details])
        if key not in self._values:
            self._values[key] = self._value(kind, details)
        return self._values[key]

    def reader(self, kind: GraphQLObjectType, details: Details) -> Reader:
        key = kind.name, tuple([id(each.node) for each in details])
        if key not in self._readers:
            self._readers[key] = self._reader(kind, details)
        return self._readers[key]

    def _value(self, kind: Any, details: Details) -> Value:
        inner = get_named_type(kind)
        if is_leaf_type(inner):
            return Value(kind, details, finish=finishing(kind))
        bare, may_be_null = nullable(kind)
        is_list = isinstance(bare, GraphQLList)
        item, item_may_be_null = nullable(bare.of_type) if is_list else (bare, True)
        if not isinstance(item, GraphQLObjectType):
            return Value(kind, details)
        return Value(kind, details, None, self.reader(item, details), is_list, may_be_null, item_may_be_null)

    def _reader(self, kind: GraphQLObjectType, details: Details) -> Reader:
        collected = collect_subfields(self.schema, self._fragments, NO_VARIABLES, self._operation, kind, details)
        selected: dict[str, Details] = dict(collected.grouped_field_set)
        self._fields += len(selected)
        if collected.new_defer_usages or self._fields > MOST_FIELDS or kind.name.startswith("__"):
            self.refused = True
            raise Surprise
        plain: dict[str, Plain] = {}
        steps = []
        for key, each in selected.items():
            if each[0].node.name.value != "__typename":
                if read := self._plain(kind, each):
                    plain[key] = read
                else:
                    steps.append(self._step(kind, key, each))
        return Reader(kind, selected, plain, steps)

    def _plain(self, parent: GraphQLObjectType, details: Details) -> Plain | None:
        field = self._field(parent, details)
        declared = field.extensions[DEFINITION]
        derive = None if declared.is_basic_field else _derived(declared)
        if field.args or not (declared.is_basic_field or derive):
            return None
        value = self.value(field.type, details)
        if value.finish:
            return Plain(field, derive, value.finish, None)
        if value.reader is None or value.reader.steps:
            return None
        return Plain(field, derive, finishing(field.type, value.reader.read_one), value.reader)

    def _step(self, parent: GraphQLObjectType, key: str, details: Details) -> Step:
        field = self._field(parent, details)
        declared = field.extensions[DEFINITION]
        nodes = [each.node for each in details]
        together = bool(declared.metadata.get(TOGETHER))
        call = None if field.args or declared.extensions or together else _called(declared)
        return Step(key, field, details, nodes, self.value(field.type, details), call, declared.is_async, together)

    def _field(self, parent: GraphQLObjectType, details: Details) -> GraphQLField:
        found = self.schema.get_field(parent, details[0].node.name.value)
        if found is None or DEFINITION not in found.extensions:
            raise Surprise
        return found


def _called(declared: Any) -> Callable[[Any, Any], Any]:
    """How a field without arguments is resolved."""
    if declared.is_basic_field:
        name = declared.python_name
        return lambda source, _: getattr(source, name)
    resolver = declared.base_resolver
    function = getattr(resolver.wrapped_func, "__func__", resolver.wrapped_func)
    parents = {each.name for each in (resolver.parent_parameter, resolver.root_parameter) if each}
    informed = resolver.info_parameter and resolver.info_parameter.name

    def call(source: Any, info: Any) -> Any:
        named = dict.fromkeys(parents, source)
        if informed:
            named[informed] = info
        return function(source, **named) if resolver.self_parameter else function(**named)

    return call


def _derived(declared: Any) -> Callable[[Any], Any] | None:
    """A resolver that is a function of its parent alone; None for any other."""
    resolver = declared.base_resolver
    if resolver.is_async or resolver.info_parameter or declared.extensions or resolver.arguments:
        return None
    call = _called(declared)
    return lambda source: call(source, None)
