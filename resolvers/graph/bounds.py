"""Bounds the arguments of fields by their types, as the fields of an input are bounded.

The registry gives every field with arguments these bounds, so no resolver sees a text, a time or a number that no record could
hold. A filter is read and bounded by `resolvers.graph.asked`, and an input that is a pydantic model by itself.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from strawberry import UNSET
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryContainer, StrawberryList

from documents.errors import InvalidInput
from documents.values import LIST_LENGTH, Day, FreeJson, FreeObject, Moment, Number, Phrase, camel, problem_in

PLAIN: Mapping[Any, Any] = {str: Phrase, datetime: Moment, date: Day, float: Number, FreeObject: FreeJson}
"""What bounds a value of each type whose annotation says no bounds of its own."""


def bounded(annotation: Any) -> Any:
    """The bounded form of the annotation of an argument; None if its values need no bounds, or are bounded elsewhere."""
    if isinstance(annotation, StrawberryContainer):
        return _listed(annotation.of_type) if isinstance(annotation, StrawberryList) else bounded(annotation.of_type)
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        bounds = [each for each in inside[1:] if isinstance(each, FieldInfo) or type(each).__module__.startswith("pydantic")]
        return annotation if bounds else bounded(inside[0])
    if origin in {Union, UnionType}:
        return next((bounded(each) for each in inside if each is not NoneType), None)
    if origin is list:
        return _listed(inside[0])
    return PLAIN.get(annotation) if isinstance(annotation, type) or annotation is FreeObject else None


def _listed(of: Any) -> Any:
    """A list of values, or of choices, is as short as one in a record. Lists of inputs are bounded by what they are for."""
    element = bounded(of)
    if element is None and not (isinstance(of, type) and issubclass(of, Enum)):
        return None
    return Annotated[list[element or of], Field(max_length=LIST_LENGTH)]  # type: ignore[misc]


@cache
def _adapter(bounds: Any) -> TypeAdapter[Any]:
    return TypeAdapter(bounds)


class Bounded(FieldExtension):
    """Reads the arguments of a field in their bounds; InvalidInput, which names the argument, for what is beyond them."""

    def __init__(self, arguments: Iterable[StrawberryArgument]) -> None:
        self.bounds = {
            each.python_name: (each.graphql_name or camel(each.python_name), _adapter(bounds))
            for each in arguments
            if (bounds := bounded(each.type_annotation.raw_annotation if each.type_annotation else None)) is not None
        }

    def map_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {name: self._read(name, value) for name, value in kwargs.items()}

    def _read(self, name: str, value: Any) -> Any:
        if name not in self.bounds or value is None or value is UNSET:
            return value
        argument, adapter = self.bounds[name]
        try:
            return adapter.validate_python(value)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            raise InvalidInput(".".join(map(str, (argument, *first["loc"]))), problem_in(first["msg"])) from wrong
