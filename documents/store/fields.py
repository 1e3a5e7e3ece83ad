"""Projections: which stored fields a read fetches, as a tree of their names."""

from collections.abc import Iterator, Mapping
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
    return None if wanted is None else dict.fromkeys(["_id", *_paths(kind, wanted)], 1)


def _paths(kind: type[BaseModel], wanted: Mapping[str, Fields], above: str = "") -> Iterator[str]:
    for name, inside in wanted.items():
        field = kind.model_fields[name]
        path, nested = f"{above}{field.alias or name}", _nested_in(kind, name)
        if inside is None or nested is None:
            yield path
        else:
            yield from _paths(nested, inside, f"{path}.")
    if above and not wanted:
        yield f"{above}_"  # no record has this field, so MongoDB sends an empty document: an empty projection would send all


@cache
def _nested_in(kind: type[BaseModel], name: str) -> type[BaseModel] | None:
    return nests(kind.model_fields[name].annotation)


def nests(annotation: Any) -> type[BaseModel] | None:
    """The model class whose values a stored field holds, alone or in a list; `None` for a field of plain values."""
    inside = [each for each in get_args(annotation) if each not in {NoneType, Ellipsis}]
    if get_origin(annotation) is Annotated or (get_origin(annotation) in _AROUND and len(inside) == 1):
        return nests(inside[0])
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
