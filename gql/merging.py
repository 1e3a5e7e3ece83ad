"""Refuses fields of one response key that cannot be merged (GraphQL, September 2025, section 5.3.2), at a bounded cost.

graphql-core compares every pair of fields of a key, which takes time in the square of their number. Here the fields that meet at
one place of the answer are one set, and a set is looked at once (S. Adameit, "Overlapping fields can be merged, fast"): whatever
meets must have one shape, and what can meet in one object must be one field with the same arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValidationContext,
    ValidationRule,
    get_named_type,
    is_interface_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    type_from_ast,
)

from documents.errors import LimitExceeded

WORK = 20_000
"""How often fields may be looked at. A text of 2,000 tokens has at most 2,000 fields, so it is over only if its fragments meet in
ever other company."""
SHOWN = 20  # errors, and places of one error

Set = frozenset["Selection"]


@dataclass(slots=True, eq=False)
class Selected:
    """A field of the text, with the type that it is selected on and its definition; None for what the schema does not know."""

    node: FieldNode
    on: Any
    type: Any
    inner: Selection | None = None
    _call: Any = None

    @property
    def key(self) -> str:
        return (self.node.alias or self.node.name).value

    @property
    def call(self) -> Any:
        """What two fields have in common that are the same field with the same arguments."""
        if self._call is None:
            self._call = self.node.name.value, _named(self.node.arguments or ())
        return self._call

    @property
    def shape(self) -> Any:
        """What two types have in common whose values look alike: lists, nulls and the leaf, or that it is an object."""
        kind, around = self.type, ""
        while is_list_type(kind) or is_non_null_type(kind):
            around += "[" if is_list_type(kind) else "!"
            kind = kind.of_type
        return around, kind.name if is_leaf_type(kind) else None


Fields = list[Selected]


@dataclass(slots=True, eq=False)
class Selection:
    """A selection set or a fragment: its own fields, those of inline fragments too, and the fragments spread beside them."""

    fields: Fields = field(default_factory=list)
    spreads: dict[str, None] = field(default_factory=dict)


class FieldsCanBeMerged(ValidationRule):
    """Refuses what graphql-core's OverlappingFieldsCanBeMergedRule refuses, and what would take too much work to compare."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.work, self.told = WORK, set[int]()
        self.fragments: dict[str, Selection] = {}
        self.checks = (
            (self._check_calls, _by_key_and_type, set[Set]()),
            (self._check_shapes, _by_key, set[Set]()),
        )
        self.met = set[Selection]()
        self._closed: dict[Selection, Set] = {}

    def enter_document(self, *_: Any) -> None:
        document = self.context.document
        for each in document.definitions:
            if isinstance(each, FragmentDefinitionNode):
                on = type_from_ast(self.context.schema, each.type_condition)
                self.fragments[each.name.value] = self._selection(on, each.selection_set)
        operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        roots = [self._selection(self.context.schema.get_root_type(each.operation), each.selection_set) for each in operations]
        try:
            for selection in roots:
                self._compare(self._closure(selection))
            for selection in self.fragments.values():
                if selection not in self.met:  # no operation reaches it
                    self._compare(self._closure(selection))
        except LimitExceeded as refusal:
            self.report_error(GraphQLError(str(refusal), original_error=refusal))

    def _selection(self, on: Any, node: SelectionSetNode) -> Selection:
        selection = Selection()
        self._read(selection, on, node)
        return selection

    def _read(self, selection: Selection, on: Any, node: SelectionSetNode) -> None:
        for each in node.selections:
            match each:
                case FieldNode():
                    known = is_object_type(on) or is_interface_type(on)
                    definition = on.fields.get(each.name.value) if known else None
                    kind = definition and definition.type
                    inner = self._selection(get_named_type(kind), each.selection_set) if each.selection_set else None
                    selection.fields.append(Selected(each, on, kind, inner))
                case FragmentSpreadNode():
                    selection.spreads[each.name.value] = None
                case InlineFragmentNode(type_condition=condition):
                    self._read(selection, type_from_ast(self.context.schema, condition) if condition else on, each.selection_set)

    def _closure(self, selection: Selection) -> Set:
        """The selection and all fragments that are spread in it, without those that have no fields of their own."""
        if selection not in self._closed:
            seen, waiting = {selection: None}, [selection]
            while waiting:
                spread = [self.fragments[name] for name in waiting.pop().spreads if name in self.fragments]
                waiting += [each for each in spread if each not in seen]
                seen.update(dict.fromkeys(spread))
            self._worked(len(seen))
            self.met.update(seen)
            self._closed[selection] = frozenset(each for each in seen if each.fields)
        return self._closed[selection]

    def _compare(self, first: Set) -> None:
        for check, parts, seen in self.checks:
            waiting = [first]
            while waiting:
                fields = [each for selection in waiting.pop() for each in selection.fields]
                for part in parts(fields):
                    self._worked(len(part))
                    if len(part) > 1:
                        check(part)
                    below = frozenset[Selection]().union(*(self._closure(each.inner) for each in part if each.inner))
                    if below and below not in seen:
                        seen.add(below)
                        waiting.append(below)

    def _check_shapes(self, fields: Fields) -> None:
        known = [each for each in fields if each.type]
        for other in known[1:]:
            if other.type is not known[0].type and other.shape != known[0].shape:
                kinds = f"'{known[0].type}' and '{other.type}'"
                self._tell(known[0], other, f"they return conflicting types {kinds}")
                return

    def _check_calls(self, fields: Fields) -> None:
        for other in fields[1:]:
            names = fields[0].node.name.value, other.node.name.value
            if names[0] != names[1]:
                self._tell(fields[0], other, f"'{names[0]}' and '{names[1]}' are different fields")
                return
            if (fields[0].node.arguments or other.node.arguments) and fields[0].call != other.call:
                self._tell(fields[0], other, "they have differing arguments")
                return

    def _tell(self, one: Selected, other: Selected, reason: str) -> None:
        if id(other) not in self.told and len(self.told) < SHOWN:
            self.told.add(id(other))
            advice = "Use different aliases on the fields to fetch both if this was intentional."
            self.report_error(GraphQLError(f"Fields '{one.key}' conflict because {reason}. {advice}", [one.node, other.node]))

    def _worked(self, fields: int) -> None:
        self.work -= fields
        if self.work < 0:
            raise LimitExceeded("the number of comparisons of fields with the same key", WORK - self.work, WORK)


def _by_key(fields: Fields) -> Iterator[Fields]:
    groups = dict[str, Fields]()
    for each in fields:
        groups.setdefault(each.key, []).append(each)
    return iter(groups.values())


def _by_key_and_type(fields: Fields) -> Iterator[Fields]:
    """The fields of one key that can meet in one object: those on each object type, with those on interfaces and unions."""
    for group in _by_key(fields):
        objects = dict[Any, Fields]()
        for each in group:
            if is_object_type(each.on):
                objects.setdefault(each.on, []).append(each)
        if len(objects) < 2:
            yield group
            continue
        anywhere = [each for each in group if not is_object_type(each.on)]
        yield from (anywhere + each for each in objects.values())


def _named(parts: Any) -> Any:
    return tuple(sorted(((each.name.value, _said(each.value)) for each in parts), key=itemgetter(0)))


def _said(value: Any) -> Any:
    """What two values have in common that say the same: the order of an object's fields does not matter."""
    match value:
        case ObjectValueNode():
            return "object", _named(value.fields)
        case ListValueNode():
            return "list", tuple(_said(each) for each in value.values)
        case StringValueNode():
            return value.kind, value.value, bool(value.block)
    name = getattr(value, "name", None)
    return value.kind, name.value if name else getattr(value, "value", None)
