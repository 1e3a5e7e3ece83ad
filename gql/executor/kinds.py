"""Completes values of GraphQL types exactly as graphql-core does, where no resolver is called below them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from types import GeneratorType, NoneType
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
    Undefined,
)
from graphql.execution import Executor
from pydantic import BaseModel
from strawberry.execution import optimized_is_awaitable

Finish = Callable[[Any], Any]
DEFINITION = "strawberry-definition"
LARGEST = "1.7976931348623157e308"  # the greatest finite float


class Surprise(Exception):
    """A value that a plan does not complete; graphql-core completes it, or says what is wrong with it."""


EXACT = {
    GraphQLString: "type({v}) is str",
    GraphQLID: "type({v}) is str",
    GraphQLBoolean: "type({v}) is bool",
    GraphQLInt: "type({v}) is int and -2147483648 <= {v} <= 2147483647",
    GraphQLFloat: f"type({{v}}) is float and -{LARGEST} <= {{v}} <= {LARGEST}",
}
"""For each built-in scalar the check that a value is answered as it is. A value that fails it may still be answered."""

_PLAINEST = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""For some scalars the Python type of which every value is answered as it is."""

_NO_OBJECTS = (NoneType, Exception, GeneratorType, str, bytes, bool, int, float, list, tuple, dict, set, frozenset)
_objects: set[type] = set()


def nullable(kind: Any) -> tuple[Any, bool]:
    """A type without its non-null wrapper, and whether it had none."""
    return (kind.of_type, False) if isinstance(kind, GraphQLNonNull) else (kind, True)


def model_of(kind: Any) -> type[BaseModel] | None:
    """The record or value that an object type shows; None for a type of its own."""
    origin = kind.extensions[DEFINITION].origin
    return origin if issubclass(origin, BaseModel) else None


def admit(value: Any) -> None:
    """Raises Surprise for a value whose fields graphql-core would not read as it is."""
    kind = type(value)
    if kind not in _objects:
        if value is Undefined or issubclass(kind, _NO_OBJECTS) or hasattr(kind, "__await__") or optimized_is_awaitable(value):
            raise Surprise
        _objects.add(kind)


def choices(kind: GraphQLEnumType) -> dict[Any, str]:
    """The name of each member of an enumeration."""
    definition = kind.extensions[DEFINITION]
    return {member: kind.coerce_output_value(member) for member in definition.wrapped_cls}


def finishing(kind: Any, inner: Finish | None = None) -> Finish:
    """The function that completes a value of a type: a scalar, an enumeration, what `inner` completes, or lists of these."""
    kind, may_be_null = nullable(kind)
    plainest = _PLAINEST.get(kind)
    if isinstance(kind, GraphQLList):
        finish = _finishing_list(finishing(kind.of_type, inner), _PLAINEST.get(nullable(kind.of_type)[0]))
    elif inner is not None:
        finish = inner
    elif isinstance(kind, GraphQLEnumType):
        finish = _finishing_choice(kind)
    else:
        finish = _finishing_leaf(kind)

    def finished(value: Any) -> Any:
        if type(value) is plainest:
            return value
        if value is None or value is Undefined:
            if may_be_null:
                return None
            raise Surprise
        return finish(value)

    return finished


def _finishing_list(each: Finish, plainest: type | None) -> Finish:
    def finish(value: Any) -> Any:
        if type(value) is not list and type(value) is not tuple:
            raise Surprise
        return [one if type(one) is plainest else each(one) for one in value]

    return finish


def _finishing_choice(kind: GraphQLEnumType) -> Finish:
    names, cls, leaf = choices(kind), kind.extensions[DEFINITION].wrapped_cls, _finishing_leaf(kind)
    return lambda value: names[value] if type(value) is cls else leaf(value)


def _finishing_leaf(kind: Any) -> Finish:
    complete = Executor.complete_leaf_value

    def finish(value: Any) -> Any:
        if isinstance(value, Exception) or optimized_is_awaitable(value):
            raise Surprise
        return complete(kind, value)

    return finish


@lru_cache(4_096)
def moment(at: datetime) -> str:
    """A moment that was stored, which comes without a zone, as the scalar DateTime says it.

    Some are remembered: the records of a page share many, and saying one takes as long as reading ten other fields.
    """
    if type(at) is not datetime or at.tzinfo is not None:
        raise Surprise
    return at.isoformat(timespec="milliseconds") + "Z"
