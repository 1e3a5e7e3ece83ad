"""Whether stored documents show all that can be stored: each field filled, each that may be null left so, each choice made."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Documents = Mapping[str, Sequence[Mapping[str, Any]]]


def untried(kinds: Iterable[Any], documents: Documents, states: Collection[str]) -> Iterator[str]:
    """What no document shows of the kinds of records.

    `models.tags filled` where no document has a value, `models.tags null` where none has null that may,
    `RiskTier.TIER_1_CRITICAL` for a choice that is made nowhere, `incidents.status resolved` for one that is not made at a
    path of `states`.
    """
    values: dict[str, list[Any]] = defaultdict(list)
    for name, found in documents.items():
        for path, value in _values(found, name):
            values[path] += value if isinstance(value, list) else [value]
    made: dict[type[Enum], set[Any]] = defaultdict(set)
    for path, field in (each for kind in kinds for each in _fields(kind, kind.get_collection_name())):
        if all(each in (None, "", {}) for each in values[path]):
            yield f"{path} filled"
        if NoneType in get_args(field.annotation) and None not in values[path]:
            yield f"{path} null"
        for choice in (each for each in _types(field.annotation) if issubclass(each, Enum)):
            made[choice] |= {each for each in values[path] if each is not None}
            if path in states:
                yield from (f"{path} {each.value}" for each in choice if each.value not in values[path])
    for choice, said in made.items():
        yield from (f"{choice.__name__}.{each.name}" for each in choice if each.value not in said)


def _values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Everything inside a document, or inside each of a list of them, by path."""
    for each in value if isinstance(value, list) else [value]:
        for name, inside in each.items() if isinstance(each, Mapping) else ():
            yield f"{path}.{name}", inside
            yield from _values(inside, f"{path}.{name}")


def _fields(kind: type[BaseModel], path: str) -> Iterator[tuple[str, FieldInfo]]:
    """Every stored field of a kind but its `_id`, and of the values inside it, by path."""
    for name, field in kind.model_fields.items():
        if field.exclude or name == "id":
            continue
        below = f"{path}.{field.alias or name}"
        yield below, field
        for inside in _types(field.annotation):
            if issubclass(inside, BaseModel):
                yield from _fields(inside, below)


def _types(annotation: Any) -> Iterator[type]:
    """The classes that an annotation is made of, inside whatever holds them."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for each in get_args(annotation):
        yield from _types(each)
