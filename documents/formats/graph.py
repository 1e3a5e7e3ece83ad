"""Values as GraphQL clients read them: field names in camel case, choices by their names."""

from enum import Enum
from typing import Any

from pydantic import BaseModel

from documents.values import camel


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
