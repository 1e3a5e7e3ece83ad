"""Which stored fields a read fetches: a tree of their names, and the projection that it is for MongoDB."""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel

Fields: TypeAlias = "Mapping[str, Fields] | None"
"""Each stored field that is fetched, and what of it; None is all there is, and without any field only that it is there."""

NOTHING: Fields = {}
_AROUND = {Union, UnionType, list, tuple}


def fields_at(*paths: str) -> Fields:
    """All that is at these paths: `fields_at("tier", "standing.status")`."""
    found = NOTHING
    for each in paths:
        found = both(found, within(each))
    return found


def within(path: str, inside: Fields = None) -> Fields:
    """`inside` of what is at a path."""
    for step in reversed(path.split(".")):
        inside = {step: inside}
    return inside


def both(one: Fields, other: Fields) -> Fields:
    if one is None or other is None:
        return None
    return {**one, **other, **{name: both(one[name], other[name]) for name in one.keys() & other.keys()}}


def projection(kind: type[BaseModel], wanted: Fields) -> dict[str, int] | None:
    """What MongoDB is to send; nothing stands for all of it."""
    return None if wanted is None else dict.fromkeys(["_id", *_paths(kind, wanted)], 1)


def _paths(kind: type[BaseModel], wanted: Mapping[str, Fields], above: str = "") -> Iterator[str]:
    for name, inside in wanted.items():
        field = kind.model_fields[name]
        path, nested = f"{above}{field.alias or name}", nests(field.annotation)
        if inside is None or nested is None:
            yield path
        else:
            yield from _paths(nested, inside, f"{path}.")
    if above and not wanted:
        yield f"{above}_"  # a field that no record has: records then come without any


def nests(annotation: Any) -> type[BaseModel] | None:
    """The kind of record that a stored field holds one or several of, if it does."""
    inside = [each for each in get_args(annotation) if each not in {NoneType, Ellipsis}]
    if get_origin(annotation) is Annotated or (get_origin(annotation) in _AROUND and len(inside) == 1):
        return nests(inside[0])
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
