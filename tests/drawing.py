"""Draws operations over the whole schema: what a client could ask, and what no client would."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)

from documents.values import camel
from tests.schema import SCHEMA

MOST_FIELDS, DEEPEST = 40, 7
ODD = ["", "x", "é\U0001f600", "0" * 64, "2026-03-01T12:00:00Z", "2026-03-01"]
SCALARS: Mapping[str, Sequence[Any]] = {
    "Int": [-1, 0, 1, 2, 3, 5, 101, 2**31 - 1], "Float": [0, -0.5, 1.5, 1e308, 3], "Boolean": [True, False],
    "BigInt": [0, 1, 5, 2**53 - 1], "DateTime": ["2026-03-01T12:00:00Z", "2026-02-01T00:00:00+14:00"], "Date": ["2026-03-01"],
    "Hash": ["0f" * 32, "a" * 64], "JSON": [{}, {"a": [1, None, {"b": 1.5}]}],
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """An operation, and variables to ask it with."""

    text: str
    variables: dict[str, Any]


@dataclass
class Drawer:
    random: Random
    known: dict[str, list[Any]] = field(default_factory=dict)
    """Values that occur, by the names that clients have for them."""

    def knows(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Learns the values of stored documents."""
        for name, value in (found for each in documents for found in _leaves(each)):
            values = self.known.setdefault(name, [])
            if value not in values and len(values) < 12:
                values.append(value)

    def operation(self) -> Drawn:
        return _Drawing(self.random, self.known).operation()


def _leaves(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Mapping):
                yield from _leaves(each)
            elif isinstance(each, str | int | float):
                yield camel(name), each


@dataclass
class _Drawing:
    random: Random
    known: Mapping[str, Sequence[Any]]
    declared: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    fields: int = 0

    def operation(self) -> Drawn:
        roots = self.random.choices([1, 2, 3], [17, 2, 1])[0]
        depth = self.random.choices(range(1, DEEPEST + 1), [1, 3, 5, 5, 4, 2, 1])[0]
        said = self.selection(SCHEMA.query_type, depth, roots)
        declared = f"({', '.join(self.declared)})" if self.declared else ""
        return Drawn("\n".join([f"query Drawn{declared} {said}", *self.fragments]), self.variables)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def selection(self, kind: Any, depth: int, count: int = 0) -> str:
        if is_abstract_type(kind):
            kinds = self.random.sample(SCHEMA.get_possible_types(kind), self.random.randint(1, 3))
            inside = [f"... on {each.name} {self.selection(each, depth)}" for each in kinds]
            return "{ " + " ".join([self.typename(80), *inside]) + " }"
        leaves = [name for name, each in kind.fields.items() if not is_composite_type(get_named_type(each.type))]
        deeper = [name for name in kind.fields if name not in set(leaves)] if depth > 0 and self.fields < MOST_FIELDS else []
        chosen = (
            self.random.choices([*kind.fields] if count else deeper, k=count or min(len(deeper), self.random.randint(1, 3)))
            if deeper
            else []
        )
        if not count and leaves:
            chosen += self.random.choices(leaves, k=self.random.randint(0 if chosen else 1, 5))
        used: set[str] = set()
        parts = [self.around(kind, self.field(kind, name, depth, used)) for name in chosen]
        self.random.shuffle(parts)
        return "{ " + " ".join([*parts, self.typename(0 if count else 100 if not parts else 25)]) + " }"

    def typename(self, percent: int) -> str:
        return self.random.choice(["__typename", "__typename", "kind: __typename"]) if self.chance(percent) else ""

    def field(self, kind: Any, name: str, depth: int, used: set[str]) -> str:
        self.fields += 1
        found = kind.fields[name]
        arguments = [f"{each}: {self.argument(each, argument)}" for each, argument in self.arguments(found.args)]
        alias = "" if name not in used and self.chance(90) else f"a{self.fields}: "
        used.add(name)
        inner = get_named_type(found.type)
        below = " " + self.selection(inner, depth - 1) if is_composite_type(inner) else ""
        return f"{alias}{name}{f'({chr(44).join(arguments)})' if arguments else ''}{self.directive()}{below}"

    def directive(self) -> str:
        if not self.chance(1):
            return ""
        condition = (
            self.variable("Boolean!", self.random.random() < 0.5) if self.chance(50) else self.random.choice(["true", "false"])
        )
        return f" @{self.random.choice(['include', 'skip'])}(if: {condition})"

    def around(self, kind: Any, said: str) -> str:
        """The field as it is, in an inline fragment, or in one of a name."""
        draw = self.random.randrange(100)
        if draw < 6:
            return f"... on {kind.name} {{ {said} }}"
        if draw < 8:
            return f"...{self.directive()} {{ {said} }}"
        if draw < 13:
            name = f"F{len(self.fragments)}"
            self.fragments.append(f"fragment {name} on {kind.name} {{ {said} {self.typename(20)} }}")
            return f"...{name} " * self.random.choice([1, 1, 2])
        return said

    def arguments(self, all_: Mapping[str, Any]) -> list[tuple[str, Any]]:
        end = self.random.choice(["first", "first", "first", "last", ""])
        chosen = {name for name, each in all_.items() if name == end or is_required_argument(each)}
        chosen |= {name for name in all_ if name not in {"first", "last", "after", "before"} and self.chance(6)}
        return [(name, all_[name]) for name in sorted(chosen)]

    def argument(self, name: str, argument: Any) -> str:
        value = self.value(name, argument.type)
        return self.variable(str(argument.type), value) if self.chance(50) else _literal(value, argument.type)

    def variable(self, kind: str, value: Any) -> str:
        name = f"v{len(self.declared)}"
        self.declared.append(f"${name}: {kind}")
        self.variables[name] = value
        return f"${name}"

    def value(self, name: str, kind: Any, depth: int = 3) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self.value(name, kind.of_type, depth)
        if name in {"first", "last"}:
            return self.random.choice([0, 1, 3, 5, -1, 101]) if self.chance(8) else self.random.choice([1, 2, 2, 3])
        if isinstance(kind, GraphQLList):
            return [self.value(name, kind.of_type, depth - 1) for _ in range(self.random.randint(0, 2))]
        if isinstance(kind, GraphQLEnumType):
            return self.random.choice([*kind.values])
        if isinstance(kind, GraphQLInputObjectType):
            return self.given(name, kind, depth)
        if (known := self.known.get(name)) and self.chance(85):
            return self.random.choice(known)
        return self.random.choice(SCALARS.get(kind.name) or [*ODD, *self.known.get(self.random.choice([*self.known, "x"]), ())])

    def given(self, name: str, kind: GraphQLInputObjectType, depth: int) -> dict[str, Any]:
        required = [each for each, one in kind.fields.items() if is_required_input_field(one)]
        optional = [each for each in kind.fields if each not in required]
        more = (
            self.random.sample(optional, min(len(optional), 1 if kind.is_one_of else self.random.randint(1, 2)))
            if depth > 0
            else []
        )
        operators = {"eq", "ne", "in", "notIn", "gt", "gte", "lt", "lte"}
        chosen = more[:1] if kind.is_one_of else [*required, *more]
        return {each: self.value(name if each in operators else each, kind.fields[each].type, depth - 1) for each in chosen}


def _literal(value: Any, kind: Any) -> str:
    if isinstance(kind, GraphQLNonNull):
        return _literal(value, kind.of_type)
    if isinstance(kind, GraphQLList) and isinstance(value, list):
        return f"[{', '.join(_literal(each, kind.of_type) for each in value)}]"
    if isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_literal(each, kind.fields[name].type)}' for name, each in value.items())}}}"
    if isinstance(kind, GraphQLEnumType):
        return str(value)
    return _free(value)


def _free(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_free(each)}' for name, each in value.items())}}}"
    return f"[{', '.join(map(_free, value))}]" if isinstance(value, list) else json.dumps(value, ensure_ascii=False)
