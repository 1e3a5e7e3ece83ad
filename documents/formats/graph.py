"""Values as the graph spells them: names in camel case, choices by their names."""

from enum import Enum
from typing import Any

from pydantic import BaseModel

from documents.values import camel


def spelled(value: Any) -> Any:
    """What a client would read of `value` that asked for every field, computed ones too; people stand as their user ids."""
    match value:
        case BaseModel():
            kind = type(value)
            return {camel(name): spelled(getattr(value, name)) for name in (*kind.model_fields, *kind.model_computed_fields)}
        case Enum():
            return value.name
        case tuple() | list():
            return [spelled(each) for each in value]
    return value
