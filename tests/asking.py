"""What a client could send: valid texts over the whole schema, and variables for their arguments, drawn by Hypothesis."""

from functools import cache
from itertools import count
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)
from hypothesis import strategies as st

from tests.examples import BOT, TICKETS
from tests.schema import SCHEMA
from tests.service import ALICE, STAFF

DEPTH = 4
NODE = "a version's own id"
ODD = st.text("a.\0\n$é\U0001f600 %", max_size=5)
TEXTS = st.one_of(*[st.sampled_from([*BOT.values(), *TICKETS.values(), "2.0.0", NODE])] * 7, ODD)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "Int": st.integers(-2, 110) | st.sampled_from([2**31 - 1, -(2**31)]),
    "Float": st.integers(-2, 2) | st.floats(allow_nan=False, allow_infinity=False),
    "Boolean": st.booleans(),
    "BigInt": st.integers(-2, 60) | st.sampled_from([2**53 - 1, 1 - 2**53]),
    "DateTime": st.datetimes().map(lambda at: at.isoformat() + "Z") | st.just("2026-03-01T12:00:00+14:00"),
    "Date": st.dates().map(str),
    "Hash": st.text("0123456789abcdef", min_size=64, max_size=64),
    "JSON": st.dictionaries(st.text("a.$\0", max_size=3), st.integers() | st.text(max_size=3), max_size=3),
    "ID": st.just(NODE) | TEXTS,
}


def mostly(value: Any) -> st.SearchStrategy[Any]:
    return st.integers(0, 7).flatmap(lambda drawn: st.just(value) if drawn < 7 else TEXTS)


NAMED: dict[str, st.SearchStrategy[Any]] = {
    "first": st.integers(0, 5) | st.integers(-2, 110), "last": st.integers(0, 5), "after": st.none(), "before": st.none(),
    "modelId": mostly(BOT["modelId"]), "version": mostly(BOT["version"]), "datasetId": mostly(TICKETS["datasetId"]),
    "expectedRevision": st.integers(0, 3), "email": mostly("a@example.org"), "uri": mostly("https://example.org"),
    **{name: st.sampled_from([each.id for each in STAFF]) for name in ("ownerId", "dataStewardId")},
    "userId": st.sampled_from([each.id for each in STAFF if each is not ALICE]),  # she is to ask to the end
}  # fmt: skip
JUNK = st.sampled_from([None, True, -1, 1.5, 2**53, "", "x", [], {}, [[None]], {"$gt": ""}])


@cache
def values(name: str, kind: Any, depth: int = DEPTH) -> st.SearchStrategy[Any]:
    """What a client could send as `name` of `kind`."""
    match kind:
        case GraphQLNonNull():
            return values(name, kind.of_type, depth)
        case GraphQLList():
            return st.lists(values(name, kind.of_type, depth), max_size=3 if depth > 0 else 0)
        case GraphQLEnumType():
            return st.sampled_from([*kind.values])
        case GraphQLInputObjectType():
            return st.deferred(lambda: _objects(kind, depth - 1))
        case _:
            return NAMED.get(name, SCALARS.get(kind.name, TEXTS))


def _objects(kind: GraphQLInputObjectType, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: values(name, field.type, depth) for name, field in kind.fields.items()}
    if kind.is_one_of:
        return st.sampled_from(sorted(fields)).flatmap(lambda name: st.fixed_dictionaries({name: fields[name]}))
    required = {name for name, field in kind.fields.items() if is_required_input_field(field)}
    optional = {name: each for name, each in fields.items() if name not in required and depth > 0}
    return st.fixed_dictionaries({name: fields[name] for name in required}, optional=optional)


@st.composite
def operations(draw: st.DrawFn, root: str, among: tuple[str, ...] = ()) -> tuple[str, dict[str, Any]]:
    """A valid text over the whole schema, or below some root fields alone, and variables for all its arguments."""
    declared: list[str] = []
    variables: dict[str, Any] = {}
    spoiled = draw(st.integers(0, 20))  # the variable that holds something else; mostly there is none of that number
    aliases = count()

    def selection(kind: Any, depth: int, aliased: bool = False) -> str:
        if isinstance(kind, GraphQLInterfaceType):
            kinds = draw(st.lists(st.sampled_from(SCHEMA.get_possible_types(kind)), min_size=1, max_size=2, unique=True))
            return (
                "{ __typename " + " ".join(f"... on {each.name} {selection(each, depth, aliased=True)}" for each in kinds) + " }"
            )
        leaves = [name for name, field in kind.fields.items() if depth > 1 or not is_composite_type(get_named_type(field.type))]
        leaves = [*among] if among and kind.name == root else leaves
        chosen = draw(st.lists(st.sampled_from(leaves), min_size=1, max_size=4, unique=True)) if leaves else []
        return "{ __typename " + " ".join(alias(aliased) + field(kind, name, depth) for name in chosen) + " }"

    def alias(needed: bool) -> str:
        return f"a{next(aliases)}: " if needed or draw(st.integers(0, 9)) == 0 else ""

    def field(kind: Any, name: str, depth: int) -> str:
        found = kind.fields[name]
        said = " ".join(f"{each}: {variable(each, argument)}" for each, argument in arguments(found.args))
        inner = get_named_type(found.type)
        return name + (f"({said})" if said else "") + (selection(inner, depth - 1) if is_composite_type(inner) else "")

    def arguments(all_: dict[str, Any]) -> list[tuple[str, Any]]:
        end = draw(st.sampled_from(["first", "first", "first", "last", ""]))
        chosen = {name for name, each in all_.items() if name == end or is_required_argument(each)}
        chosen |= {name for name in all_ if name not in {"first", "last"} and draw(st.booleans())}
        return [(name, all_[name]) for name in sorted(chosen)]

    def variable(name: str, argument: Any) -> str:
        value = JUNK if len(declared) == spoiled else values(name, argument.type)
        variables[f"v{len(declared)}"] = draw(value)
        declared.append(f"$v{len(declared)}: {argument.type}")
        return f"$v{len(declared) - 1}"

    text = selection(SCHEMA.get_type(root), DEPTH)
    return f"{root.lower()}{'(' + ', '.join(declared) + ')' if declared else ''} {text}", variables
