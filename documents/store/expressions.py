"""The filter language as an aggregation expression, for elements of lists that are tested inside a pipeline.

It is the third reader of the language beside the two in `documents.store.filters`; tests hold all three equal.
"""

from collections.abc import Callable, Mapping
from typing import Any

from documents.store.filters import Filter

_Test = Callable[[Any, Any], Any]


def _same(value: Any, to: Any) -> Any:
    return {"$eq": [value, {"$literal": to}]}


def _among(value: Any, those: Any) -> Any:
    return {"$in": [value, {"$literal": list(those)}]}


def _ordered(operator: str) -> _Test:
    """A comparison within one type, as a query makes it: no value is below or above null."""
    return lambda value, than: {"$and": [{"$ne": [value, None]}, {operator: [value, {"$literal": than}]}]}


def _found(operator: str) -> _Test:
    """Where the text begins, compared with 0. The place of a text in null is null, which is neither 0 nor above it."""
    return lambda value, part: {operator: [{"$indexOfCP": [value, {"$literal": part}]}, 0]}


# Each operator of `documents.store.filters.OPERATORS`, given the expression for the value and the operand.
EXPRESSIONS: Mapping[str, _Test] = {
    "eq": _same,
    "ne": lambda value, to: {"$not": [_same(value, to)]},
    "in": _among,
    "not_in": lambda value, those: {"$not": [_among(value, those)]},
    "lt": _ordered("$lt"),
    "lte": _ordered("$lte"),
    "gt": _ordered("$gt"),
    "gte": _ordered("$gte"),
    "contains": _found("$gte"),
    "starts_with": _found("$eq"),
    "is_null": lambda value, yes: {"$eq" if yes else "$ne": [value, None]},
}


def to_expression(wanted: Filter, value: str, depth: int = 0) -> Any:
    """The expression that says whether the value of the expression `value`, such as `$$this`, meets `wanted`.

    Its variables are named by `depth`, so that they hide no other.
    """
    return {"$and": [_clause(name, each, value, depth) for name, each in wanted.items()]}


def _clause(name: str, asked: Any, value: str, depth: int) -> Any:
    match name:
        case "and":
            return {"$and": [to_expression(part, value, depth) for part in asked]}
        case "or":
            return {"$or": [to_expression(part, value, depth) for part in asked]}
        case "not":
            return {"$not": [to_expression(asked, value, depth)]}
        case "some":
            return _some(to_expression(asked, f"$$x{depth}", depth + 1), value, depth)
        case "none":
            return {"$not": [_some(to_expression(asked, f"$$x{depth}", depth + 1), value, depth)]}
        case _ if name in EXPRESSIONS:
            return EXPRESSIONS[name]({"$ifNull": [value, None]}, asked)
    return to_expression(asked, f"{value}.{name}", depth)


def _some(holds: Any, value: str, depth: int) -> Any:
    return {"$anyElementTrue": [{"$map": {"input": {"$ifNull": [value, []]}, "as": f"x{depth}", "in": holds}}]}
