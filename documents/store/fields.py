"""Projections: which stored fields a read fetches, as a tree of their names."""

from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel

Fields: TypeAlias = "Mapping[str, Fields] | None"
"""The stored fields that a read fetches, each with the fields that it fetches inside.

`None` fetches the whole value. An empty mapping fetches nothing of the value, only whether the value exists.
"""

NOTHING: Fields = {}
_AROUND = {Union, UnionType, list, tuple}


def fields_at(*paths: str) -> Fields:
    """The tree that fetches the whole values at these dotted paths: `fields_at("tier", "standing.status")`."""
    found = NOTHING
    for each in paths:
        found = both(found, within(each))
    return found


def within(path: str, inside: Fields = None) -> Fields:
    """The tree that fetches `inside` of the value at a dotted path."""
    for step in reversed(path.split(".")):
        inside = {step: inside}
    return inside


def both(one: Fields, other: Fields) -> Fields:
    """The tree that fetches what either of two trees fetches."""
    if one is None or other is None:
        return None
    return {**one, **other, **{name: both(one[name], other[name]) for name in one.keys() & other.keys()}}


def projection(kind: type[BaseModel], wanted: Fields) -> dict[str, int] | None:
    """The MongoDB projection that fetches `wanted` of a record of `kind`; `None` fetches the whole document."""
    if wanted is None:
        return None
    found = {"_id": 1}
    _project(kind, wanted, "", found)
    return found


def _project(kind: type[BaseModel], wanted: Mapping[str, Fields], above: str, found: dict[str, int]) -> None:
    for name, inside in wanted.items():
        key, nested = _stored(kind, name)
        if inside is None or nested is None:
            found[above + key] = 1
        else:
            _project(nested, inside, f"{above}{key}.", found)
    if above and not wanted:
        found[f"{above}_"] = 1  # no record has this field, so MongoDB sends an empty document: an empty projection would send all


@cache
def _stored(kind: type[BaseModel], name: str) -> tuple[str, type[BaseModel] | None]:
    """The key that a field is stored under, and the class of the values nested in it."""
    field = kind.model_fields[name]
    return field.alias or name, nests(field.annotation)


def nests(annotation: Any) -> type[BaseModel] | None:
    """The model class whose values a stored field holds, alone or in a list; `None` for a field of plain values."""
    inside = [each for each in get_args(annotation) if each not in {NoneType, Ellipsis}]
    if get_origin(annotation) is Annotated or (get_origin(annotation) in _AROUND and len(inside) == 1):
        return nests(inside[0])
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
