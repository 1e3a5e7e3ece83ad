"""Filter inputs read off a document's annotations and a short list of its fields."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from enum import Enum
from functools import partial
from keyword import iskeyword
from types import NoneType
from typing import Any, get_args, get_origin

import strawberry
from pydantic import BaseModel, TypeAdapter, ValidationError
from strawberry.types.base import has_object_definition

from documents.errors import InvalidInput
from documents.filters import matches, to_query
from documents.units import Raw
from documents.values import LIST_LENGTH, BigInt, FreeObject, Hash, Moment, Phrase
from resolvers.graph.types import bare, expose

SAME = {"eq": "Equal to.", "ne": "Not equal to.", "in": "One of.", "not_in": "None of.", "is_null": "Whether it is empty."}
ORDER = {"lt": "Below.", "lte": "At most.", "gt": "Above.", "gte": "At least."}
TEXT = {"contains": "Holds this text, letter for letter.", "starts_with": "Begins with this text."}
OFFERED: dict[Any, tuple[str, dict[str, str]]] = {
    str: ("String", SAME | ORDER | TEXT),
    int: ("Int", SAME | ORDER),
    float: ("Float", SAME | ORDER),
    bool: ("Boolean", SAME),
    datetime: ("DateTime", SAME | ORDER),
    date: ("Date", SAME | ORDER),
    BigInt: ("BigInt", SAME | ORDER),
    Hash: ("Hash", SAME),
}

DEPTH = 16  # MongoDB takes a query of 100 levels, of which `some` and `not` need several
_PHRASE, _MOMENT = TypeAdapter(Phrase), TypeAdapter(Moment)
_made: dict[str, Any] = {}


def filters(document: type[BaseModel], *names: str) -> Callable[[type], Any]:
    """Makes the decorated class the filter input over `names` of `document` and all that is nested in them."""
    return lambda cls: _record_filter(document, names, cls)


def asked_for(given: Any) -> Raw:
    """A filter input as a MongoDB query; everything meets none."""
    return to_query(_said(given)) if given else {}


def meets(given: Any) -> Callable[[Raw], bool]:
    """A filter input as a test of one document as it is stored; everything meets none."""
    return partial(matches, _said(given) if given else {})


def _said(given: Any, depth: int = 0) -> Any:
    """A filter input as the plain mapping that `documents.filters` reads; null says nothing, as if left out."""
    if depth > DEPTH:
        raise InvalidInput("filter", f"is nested more than {DEPTH} deep")
    if has_object_definition(given):
        said = {each.python_name: getattr(given, each.python_name) for each in given.__strawberry_definition__.fields}
        return {name.rstrip("_"): _said(each, depth + 1) for name, each in said.items() if each not in (strawberry.UNSET, None)}
    if isinstance(given, list):
        if len(given) > LIST_LENGTH:
            raise InvalidInput("filter", f"holds a list of more than {LIST_LENGTH}")
        return [_said(each, depth) for each in given]
    return _as_stored(given)


def _as_stored(value: Any) -> Any:
    """What a filter compares with, as records hold it."""
    try:
        match value:
            case Enum():
                return value
            case str():
                return _PHRASE.validate_python(value)
            case datetime():
                return _MOMENT.validate_python(value)
            case date():
                return value.isoformat()
    except ValidationError as wrong:
        problem = wrong.errors()[0]["msg"].removeprefix("Value error, ")
        raise InvalidInput("filter", f"holds a value out of bounds: {problem}") from wrong
    return value


def _record_filter(model: type[BaseModel], names: Iterable[str], cls: Any = None) -> Any:
    name = f"{model.__name__}Filter"
    if name not in _made:
        _made[name] = made = cls or type(name, (), {})
        stored = [(each, bare(model.model_fields[each].annotation), model.model_fields[each].description) for each in names]
        fields = {each: (_filter_for(kind), description) for each, kind, description in stored if kind is not FreeObject}
        whole = {
            "and": (list[made], "All of these hold."),  # type: ignore[valid-type]
            "or": (list[made], "Any of these holds."),  # type: ignore[valid-type]
            "not": (made, "This does not hold."),
        }
        _input(made, name, f"Conditions on: {model.__doc__}", fields | whole)
    return _made[name]


def _filter_for(kind: Any) -> Any:
    inside = [each for each in get_args(kind) if each is not NoneType]
    if get_origin(kind) is list:
        inner = _filter_for(inside[0])
        return _operators(f"{inner.__name__}List", {"some": (inner, "Some element is so."), "none": (inner, "No element is so.")})
    if inside:  # an optional
        return _filter_for(inside[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _record_filter(kind, kind.model_fields)
    if isinstance(kind, type) and issubclass(kind, Enum):
        expose(kind)
        name, offered = kind.__name__, SAME
    else:
        name, offered = OFFERED[kind]
    takes = {"in": list[kind], "not_in": list[kind], "is_null": bool}
    return _operators(f"{name}Filter", {each: (takes.get(each, kind), text) for each, text in offered.items()})


def _operators(name: str, fields: dict[str, tuple[Any, str | None]]) -> Any:
    if name not in _made:
        _made[name] = type(name, (), {})
        _input(_made[name], name, "Conditions that must all hold.", fields)
    return _made[name]


def _input(cls: Any, name: str, about: str, fields: dict[str, tuple[Any, str | None]]) -> None:
    cls.__annotations__ = {}
    for each, (kind, description) in fields.items():
        safe = f"{each}_" if iskeyword(each) else each
        cls.__annotations__[safe] = kind | None
        graphql_name = each if iskeyword(each) else None
        setattr(cls, safe, strawberry.field(default=strawberry.UNSET, name=graphql_name, description=description))
    strawberry.input(cls, name=name, description=about)
