"""Values and refusals as GraphQL clients read them: field names in camel case, choices by their names."""

import re
from dataclasses import replace
from enum import Enum
from typing import Any

from pydantic import BaseModel

from documents.errors import InvalidHeader, InvalidInput, Refusal
from documents.values import camel

_NAME = re.compile(r"`([a-z_]+)`")


def for_client(refusal: Refusal) -> Refusal:
    """The refusal with its path and names as the client wrote them: `use_cases.0` of a mutation's input is `input.useCases.0`."""
    if not isinstance(refusal, InvalidInput) or isinstance(refusal, InvalidHeader):
        return refusal
    path = [refusal.argument, *map(camel, refusal.path.split("."))]
    problem = _NAME.sub(lambda name: f"`{camel(name[1])}`", refusal.problem)
    return replace(refusal, path=".".join(filter(None, path)), problem=problem)


def in_graph_terms(value: Any) -> Any:
    """`value` as a client reads it that selects every field, computed ones too; people stay user ids."""
    match value:
        case BaseModel():
            kind = type(value)
            return {
                camel(name): in_graph_terms(getattr(value, name)) for name in (*kind.model_fields, *kind.model_computed_fields)
            }
        case Enum():
            return value.name
        case tuple() | list():
            return [in_graph_terms(each) for each in value]
    return value
