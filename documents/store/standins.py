"""What a read answers with: records as they lie in the database, believed field by field, whole only for a rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from beanie import PydanticObjectId
from bson import ObjectId
from pydantic import BaseModel, TypeAdapter

from documents.store.fields import Fields, nests
from documents.store.units import Raw

M = TypeVar("M", bound=BaseModel)


class NotRead(AttributeError):
    """More was asked of a record than its read had been told to fetch: a fault of the program."""


class Found:
    """Stands in for a record that was read. A stored field is checked when asked for; the rest asks the record itself."""

    __slots__ = ("_fields", "_kind", "_raw", "_record")

    def __init__(self, kind: type[BaseModel], raw: Raw, fields: Fields = None) -> None:
        self._kind, self._raw, self._fields = kind, raw, fields
        self._record: BaseModel | None = None

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self._kind  # so `isinstance`, `match` and GraphQL's type checks see what it stands for

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            return getattr(self._kind, name)
        if (read := stored(self._kind, name)) is None:
            return getattr(self._whole(), name)
        return read(self)

    def _whole(self) -> Any:
        if self._record is None:
            if self._fields is not None:
                raise NotRead(f"{self._kind.__name__}, all of it")
            self._record = self._kind.model_validate(aware(self._raw))
        return self._record

    def __eq__(self, other: object) -> bool:
        return bool(self._whole() == (other._whole() if type(other) is Found else other))

    def __hash__(self) -> int:
        return hash(self._whole())

    def __repr__(self) -> str:
        return f"Found({self._kind.__name__}, {self._raw!r})"


def whole(record: Any) -> Any:
    """The record itself behind a stand-in: what a rule judges."""
    return record._whole() if type(record) is Found else record


@cache
def stored(kind: type[BaseModel], name: str) -> Callable[[Found], Any] | None:
    """How to read the stored field `name` of a stand-in; nothing if no such field is stored."""
    field = kind.model_fields.get(name)
    if field is None:
        return None
    key = field.alias or name

    def fetched(found: Found) -> Fields:
        if found._fields is None:
            return None
        if name not in found._fields:
            raise NotRead(f"{kind.__name__}.{name}")
        return found._fields[name]

    def absent(found: Found) -> Any:
        if fetched(found) is not None and NoneType in get_args(field.annotation):
            return None  # a part of nothing is not sent
        if field.is_required():
            raise NotRead(f"{kind.__name__}.{name}")
        return field.get_default(call_default_factory=True)

    if nests(field.annotation):
        stand_in = _stand_in(field.annotation)
        return lambda found: stand_in(found._raw[key], fetched(found)) if key in found._raw else absent(found)
    believe = _believe(field.annotation)
    return lambda found: believe(found._raw[key]) if key in found._raw else absent(found)


def _stand_in(annotation: Any) -> Callable[[Any, Fields], Any]:
    """A stored value as its annotation means it, where that nests records: these are stand-ins again, of what was fetched."""
    if get_origin(annotation) is Annotated:
        return _stand_in(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        one = _stand_in(_alone(annotation))
        return lambda value, fields: None if value is None else one(value, fields)
    check = TypeAdapter(annotation).validate_python  # says what is wrong with no list and no record
    if get_origin(annotation) in {list, tuple}:
        each = _stand_in(_alone(annotation))
        return lambda value, fields: tuple([each(one, fields) for one in value]) if type(value) is list else check(value)
    return lambda value, fields: Found(annotation, value, fields) if type(value) is dict else check(value)


def _believe(annotation: Any) -> Callable[[Any], Any]:
    """A stored value as its annotation means it, where that nests no record. Bounds were checked when it was written."""
    if get_origin(annotation) is Annotated:
        return _believe(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType} and (alone := _alone(annotation)) is not None:
        one = _believe(alone)
        return lambda value: None if value is None else one(value)
    check = TypeAdapter(annotation).validate_python
    exact = annotation if annotation in (str, int, bool) else ObjectId if annotation is PydanticObjectId else Found
    return lambda value: value if type(value) is exact else check(aware(value))


def _alone(annotation: Any) -> Any:
    """What an annotation is about beside nothing, or holds any number of; nothing if that is several things."""
    inside = [each for each in get_args(annotation) if each not in {NoneType, Ellipsis}]
    return inside[0] if len(inside) == 1 else None


def at_path(raw: Raw, path: str) -> Any:
    """The value at a dotted path of a raw document."""
    value: Any = raw
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def aware(value: Any) -> Any:
    """`value` with its moments in UTC: BSON says no zone, and decoding 100 wide documents takes 0.41 ms without, 0.68 with."""
    kind = type(value)
    if kind is datetime:
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if kind is dict:
        return {key: aware(each) for key, each in value.items()}
    return [aware(each) for each in value] if kind is list else value
