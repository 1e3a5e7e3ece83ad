"""Values that nobody should send, for every type of the schema, and the places where each argument can be sent."""

import json
import os
from base64 import b64encode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import bson
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)

from tests.schema import SCHEMA

ALMOST_A_BODY = 2**20 - 5_000
# JSON that Python's own writer does not write, each under the text that stands for it until the body is sent.
AS_IT_IS = {f"{{{{{each}}}}}": each for each in ("1e400", "-1e400", "NaN", "Infinity", "-0.0", "9" * 400)}
NUMBERS: list[Any] = [
    *AS_IT_IS, -1, 0, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 - 1, 2**53, 2**63, 2**64, 1.5, 5e-324, 1e308, True, "1", None, [], {},
]  # fmt: skip
CONTROLS = ["\0", "a\0b", "\x1b[31m", "\u0085", "a\u2028b", "\u202ea\u2066", "\ufeff", "\ud83d", "a\udc00b"]
TEXTS: list[Any] = [
    "", " ", "\n", *CONTROLS, "a/b", "../../etc/passwd", "support-assistant/1.0.0", "$where", '{"$gt": ""}', "(a+)+$", "\\",
    "'; --", "-0.0", "NaN", "1e400", "null", "\U0001f600" * 300, "x" * 201, "x" * 20_001, "x" * ALMOST_A_BODY, 1, 1.5, True, None,
    [], {}, ["x"], "{{1e400}}",
]  # fmt: skip
MOMENTS = [
    "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "0502-01-01T00:00:00Z", "0999-12-31T23:59:59Z", "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999-14:00", "9999-12-31T23:59:59+23:59", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T23:59:60Z", "2026-03-01T12:00:00+99:99", "2026-03-01T12:00:00",
    "2026-W09-7T12:00:00Z", "2026-03-01T12:00:00." + "9" * 10_000 + "Z", "\u0662\u0660\u0662\u0666-03-01T12:00:00Z",
    "2026-03-01", "now", *TEXTS, *NUMBERS,
]  # fmt: skip
DAYS = [
    "0001-01-01", "0502-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "2026-W09-7", "20260301", *MOMENTS[:6], *TEXTS,
    *NUMBERS,
]  # fmt: skip


def deep(levels: int) -> Any:
    return {"a": deep(levels - 1)} if levels else {}


JSONS = [
    {"": 1}, {"$gt": ""}, {"a.b": 1}, {"a\0": 1}, {"a": "\0"}, {"a": "\ud83d"}, {"a": "{{1e400}}"}, {"a": "{{NaN}}"},
    {"a": "{{-0.0}}"}, {"a": "{{" + "9" * 400 + "}}"}, {"a": 2**53}, {"a": [None] * 10_000},
    {f"a{each}": 1 for each in range(10_000)}, {"a": [[0] * 100] * 100}, deep(11), deep(400), {"a": "x" * ALMOST_A_BODY},
    {"\u202e": "\u2066"}, {"x" * 10_000: 1}, {}, [], [{}], "x", 1, None, True, "{{1e400}}",
]  # fmt: skip


def encoded(kind: str, identity: str = "0" * 24) -> str:
    return b64encode(f"{kind}:{identity}".encode(errors="surrogatepass")).decode()


def cursor(**said: Any) -> str:
    return urlsafe_b64encode(bson.encode(said)).decode()


IDS = [
    encoded("Model"), encoded("Nothing"), encoded("Model", "x"), encoded("Model", ""), encoded("Model", "a/b"), encoded("\0"),
    encoded("ModelVersion", '{"$gt": ""}'), encoded("AuditEvent"), encoded("ApiToken"), encoded("AuditHead"), "TW9kZWw6eA",
    "TW9kZWw6eA===", "\u00e9", *TEXTS, *NUMBERS,
]  # fmt: skip
CURSORS = [
    cursor(), cursor(by=[["model_id", 1]], at=["x"]), cursor(by=[["model_id", 1]], at=[{"$gt": ""}]), cursor(by="x", at="x"),
    cursor(by=[["seq", 1]], at=[-1]), cursor(by=[["seq", 1]], at=[float("nan")]), cursor(by=[], at=[]), cursor(by=None, at=1),
    cursor(by=[["registered_at", 1], ["_id", 1]], at=[None, None]), cursor(by=[["model_id", 1]], at=["\0" * 5_000]),
    cursor(by=[["registered_at", 1]], at=[bson.Regex("(a+)+$")]), encoded("Model"), urlsafe_b64encode(b"\xff" * 9_000).decode(),
    *TEXTS,
]  # fmt: skip
OF_SCALARS: dict[str, list[Any]] = {
    "String": TEXTS, "ID": IDS, "Int": NUMBERS, "BigInt": NUMBERS, "Float": NUMBERS, "DateTime": MOMENTS, "Date": DAYS,
    "JSON": JSONS, "Boolean": [True, False, None, 0, 1, "true", "{{1e400}}", [], {}],
    "Hash": ["0" * 64, "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n", "\0" * 64, "\u0660" * 64, *TEXTS],
}  # fmt: skip
PROPER: dict[str, Any] = {
    "String": "x", "ID": encoded("Model"), "Int": 1, "BigInt": 1, "Float": 0.5, "Boolean": True, "JSON": {}, "Hash": "0" * 64,
    "DateTime": "2027-01-01T00:00:00Z", "Date": "2027-01-01",
}  # fmt: skip


def hostile(name: str, kind: Any) -> Iterator[Any]:
    """What could be sent in bad faith as an argument, or a field of an input, of that name and type."""
    match kind:
        case GraphQLNonNull():
            yield from hostile(name, kind.of_type)
        case GraphQLList():
            inner = get_named_type(kind)
            one = proper(name, kind.of_type, {})
            yield from ([one] * 10_000, [one] * 201, [None], [[[one]]], None, [], {}, "x", 1, "{{1e400}}")
            if inner.name in OF_SCALARS:
                yield from ([each] for each in OF_SCALARS[inner.name] if each is None or not isinstance(each, list | dict))
        case GraphQLEnumType():
            yield from ("NOPE", "", "\0", 1, True, None, [], {}, "{{1e400}}", "x" * 10_000)
        case GraphQLInputObjectType():
            yield from ({}, None, [], "x", 1, {"nope": 1}, {"__typename": "x"}, {"\0": 1}, "{{1e400}}", deep(300), [{}] * 10_000)
        case _:
            yield from CURSORS if name in ("after", "before") else OF_SCALARS[kind.name]


SHARES = 1 if os.environ.get("WALK") == "whole" else 12


class Shares:
    """All hostile values go to the first place of each type, and to each further one every twelfth, in turn; see `SHARES`."""

    def __init__(self) -> None:
        self.given = Counter[str]()

    def share(self, name: str, kind: Any) -> tuple[Sequence[Any], bool]:
        """The values for the next place, and whether it gets all."""
        inner = get_named_type(kind)
        what = name if name in ("after", "before") else inner.name if inner.name in OF_SCALARS else type(inner).__name__
        what += "[]" if isinstance(getattr(kind, "of_type", kind), GraphQLList) or isinstance(kind, GraphQLList) else ""
        values, times = [*hostile(name, kind)], self.given[what]
        self.given[what] += 1
        return (values, True) if times == 0 or SHARES == 1 else (values[times % SHARES :: SHARES], False)


def proper(name: str, kind: Any, known: dict[str, Any]) -> Any:
    """What is taken as an argument or a field of that name and type: what is `known` by that name, else the least."""
    match kind:
        case GraphQLNonNull():
            return proper(name, kind.of_type, known)
        case _ if name in known:
            return known[name]
        case GraphQLList():
            return []
        case GraphQLEnumType():
            return next(iter(kind.values))
        case GraphQLInputObjectType():
            return proper_input(kind, known)
        case _:
            return PROPER[kind.name]


def proper_input(kind: GraphQLInputObjectType, known: dict[str, Any]) -> dict[str, Any]:
    wanted = {name: field for name, field in kind.fields.items() if is_required_input_field(field)}
    if kind.is_one_of:
        wanted = dict([next(iter(kind.fields.items()))])
    return {name: proper(name, field.type, known) for name, field in wanted.items()}


NEEDED = {"auditReport": {"modelId"}}
TOGETHER = {"keys": "checkpoint", "checkpoint": "keys"}
"""Arguments that the type of a field leaves optional and its resolver does not."""


@dataclass(frozen=True)
class Place:
    """A field with arguments, and the fields that lead to it from the root, as a text writes them."""

    way: tuple[str, ...]
    parent: Any
    field: str
    operation: str = "query"

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.parent.fields[self.field].args)

    def asking(self, argument: str, known: dict[str, Any], literal: str | None = None) -> tuple[str, dict[str, Any]]:
        """The text that asks with this argument in a variable of its name, or as a literal, and the variables that go with it."""
        needed = {argument, TOGETHER.get(argument)} | NEEDED.get(self.field, set())
        given = {name: each for name, each in self.arguments.items() if name in needed or is_required_argument(each)}
        if argument == "last" or (argument == "before" and "last" in self.arguments):
            given["last"] = self.arguments["last"]
        elif "first" in self.arguments:
            given["first"] = self.arguments["first"]
        said = {name: proper(name, each.type, known) for name, each in given.items()}
        declared = ", ".join(f"${name}: {each.type}" for name, each in given.items() if literal is None or name != argument)
        passed = ", ".join(f"{name}: {literal if literal and name == argument else f'${name}'}" for name in given)
        kind = get_named_type(self.parent.fields[self.field].type)
        inside = f"{self.field}({passed}) {'{ __typename }' if is_composite_type(kind) else ''}"
        text = " ".join(f"{step} {{" for step in self.way) + f" {inside} " + "}" * len(self.way)
        variables = said if literal is None else {name: each for name, each in said.items() if name != argument}
        return f"{self.operation} {f'({declared})' if declared else ''} {{ {text} }}", variables


def step(name: str, field: Any, known: dict[str, Any]) -> str | None:
    """A field on the way to another, with what it needs; None where nobody knows what it needs."""
    given = {each for each, argument in field.args.items() if is_required_argument(argument)} | NEEDED.get(name, set())
    if any(each not in known for each in given):
        return None
    said = {each: known[each] for each in given} | ({"first": 5} if "first" in field.args else {})
    return name + (f"({', '.join(f'{each}: {written(value)}' for each, value in said.items())})" if said else "")


def written(value: Any) -> str:
    """A value as a text of GraphQL writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {written(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return AS_IT_IS.get(value) or json.dumps(value) if isinstance(value, str) else json.dumps(value)


def sent(text: str, variables: dict[str, Any]) -> bytes:
    """The body of a request, with numbers that JSON has and Python does not write."""
    body = json.dumps({"query": text, "variables": variables})
    for stand_in, meant in AS_IT_IS.items():
        body = body.replace(json.dumps(stand_in), meant)
    return body.encode()


@dataclass(frozen=True)
class Leaf:
    """A field of an input, at the first place where it can be sent, and the names that lead to it."""

    kind: Any
    name: str
    way: tuple[tuple[Any, str], ...]

    def holding(self, value: Any, known: dict[str, Any]) -> Any:
        """The argument with `value` in this field, and the least in the others."""
        for kind, name in reversed([*self.way, (self.kind, self.name)]):
            field = kind.fields[name].type
            bare = field.of_type if isinstance(field, GraphQLNonNull) else field
            if (kind, name) in self.way and isinstance(bare, GraphQLList):
                value = [value]
            value = {name: value} if kind.is_one_of else proper_input(kind, known) | {name: value}
        return value


def leaves(kind: Any, seen: set[tuple[str, str]], way: tuple[tuple[Any, str], ...] = ()) -> Iterator[Leaf]:
    """The fields of an input and of the inputs in it that were not `seen` before, the nearest first."""
    waiting = [(kind, way)]
    while waiting:
        of, led = waiting.pop(0)
        for name, field in of.fields.items():
            if (of.name, name) not in seen:
                seen.add((of.name, name))
                yield Leaf(of, name, led)
                if isinstance(inner := get_named_type(field.type), GraphQLInputObjectType):
                    waiting.append((inner, (*led, (of, name))))


def root(of: str) -> Any:
    return SCHEMA.get_type(of)
