"""Weighs the variables of an operation before GraphQL reads them: that takes time for each field that an object could have."""

from collections.abc import Mapping
from typing import Any

from graphql import is_enum_type, is_input_object_type, is_list_type, is_non_null_type

PLAIN = {"String", "Int", "Float", "Boolean"}
PARSED = 5  # times as long as a plain scalar takes one that is parsed: an id, a date
UNKNOWN = 10  # times as long as a plain scalar takes a field that is not of the type: GraphQL looks for one with a similar name
FREE: Any = None  # the type of what is in a value that only its scalar understands


def weight(kinds: Mapping[str, Any], variables: Mapping[str, Any], most: int) -> int:
    """How many values GraphQL reads for variables of these types, in the time that a plain one takes.

    An object counts as one more than its type has fields, given or not. It stops once it is over `most`, so that weighing costs
    no more than what is permitted.
    """
    counted, waiting = 0, [(kind, variables[name]) for name, kind in kinds.items() if name in variables]
    while waiting and counted <= most:
        kind, value = waiting.pop()
        named = _innermost(kind)
        match value:
            case list():
                kind = kind.of_type if is_non_null_type(kind) else kind
                of = kind.of_type if is_list_type(kind) else kind
                waiting += [(of, each) for each in value[: most + 1]]
            case dict() if is_input_object_type(named):
                counted += len(named.fields) + UNKNOWN * len(value.keys() - named.fields.keys())
                waiting += [(named.fields[name].type, each) for name, each in value.items() if name in named.fields]
            case dict():
                counted += len(value)
                waiting += [(FREE, each) for each in value.values()]
            case _ if named is not FREE and not is_enum_type(named) and named.name not in PLAIN:
                counted += PARSED - 1
        counted += 1
    return counted


def _innermost(kind: Any) -> Any:
    """The type in a list, because one object may stand for a list of one."""
    while is_list_type(kind) or is_non_null_type(kind):
        kind = kind.of_type
    return kind
