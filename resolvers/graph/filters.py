"""What a noun can be asked by: filter and order inputs read off its annotations and a short list of its fields."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from keyword import iskeyword
from types import NoneType
from typing import Any, get_args, get_origin

import strawberry
from pydantic import BaseModel, TypeAdapter, ValidationError
from strawberry import UNSET
from strawberry.types.base import has_object_definition

from documents.database import Record
from documents.errors import InvalidInput, LimitExceeded
from documents.filters import Filter, to_query
from documents.records import By, Order
from documents.values import LIST_LENGTH, BigInt, Choice, FreeObject, Hash, Moment, Phrase, camel
from resolvers.graph.context import Context
from resolvers.graph.types import bare, expose

ACROSS = "across"
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
KEYS, EDGES = 10_000, 10  # how many records an edge of a filter may lead to, and how many edges a filter may follow
ORDERS = 8  # MongoDB sorts by 32 fields
_PHRASE, _MOMENT = TypeAdapter(Phrase), TypeAdapter(Moment)
_made: dict[str, Any] = {}
_described: dict[type[BaseModel], tuple[str, ...]] = {}


def filters(document: type[Record], *names: str) -> Callable[[type], Any]:
    """Describes a noun: by which fields, and all that is nested in them, it is filtered, ordered and summed up.

    The decorated class stands for its filter input. Edges that `one` declares on it lead on to nouns that are described too.
    """
    _described[document] = names
    return lambda cls: filter_of(document)


def filter_of(document: type[Record]) -> Any:
    """The filter input over `document`; it has its fields once `describe` was called."""
    return _class(f"{document.__name__}Filter")


def order_of(document: type[Record]) -> Any:
    """The order input over `document`, likewise."""
    return _class(f"{document.__name__}Order")


def group_of(document: type[Record]) -> Any:
    """The input that groups `document`, likewise."""
    return _class(f"{document.__name__}GroupBy")


def names_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields that `model` is asked by: all of them, unless it is described."""
    return _described.get(model) or tuple(model.model_fields)


def describe() -> None:
    """Gives the inputs of every described noun their fields, once all types are assembled: edges are read off these."""
    for document in _described:
        _record_filter(document)
        _record_order(document)
    for document in _described:
        _record_group(document)


@dataclass(frozen=True)
class Across:
    """An edge that a filter can follow: to the record of `kind` whose `key` is the value of the field `own`."""

    kind: type[Record]
    key: str
    own: str

    async def keys(self, wanted: Sequence[Filter]) -> Sequence[list[Any]]:
        """The keys of those that meet each filter; one that too many meet is LIMIT_EXCEEDED."""
        return [await self._keys(each) for each in wanted]

    async def _keys(self, wanted: Filter) -> list[Any]:
        found = await self.kind.read(to_query(wanted), limit=KEYS + 1, fields=frozenset({self.key}))
        if len(found) > KEYS:
            raise LimitExceeded(f"what the filter asks of {self.kind.__name__}", len(found), KEYS)
        return [getattr(each, self.key) for each in found]


def edges_of(model: type[BaseModel]) -> dict[str, tuple[Across, str]]:
    """The edges from `model` that a filter can follow, and what they are."""
    declared = vars(model).get("__strawberry_definition__")
    return {
        each.python_name: (each.metadata[ACROSS], each.description)
        for each in (declared.fields if declared else ())
        if ACROSS in each.metadata and each.metadata[ACROSS].kind in _described
    }


async def asked_for(context: Context, given: Any) -> Filter:
    """A filter input as `documents.filters` reads it, for a query or for a record in memory; everything meets none.

    Edges are followed first, once a request: what stands for them is the keys of the records that they may lead to.
    """
    return await _Reading(context).said(given) if given else {}


class _Reading:
    """One filter input as it is read; null says nothing, as if left out."""

    def __init__(self, context: Context) -> None:
        self.context, self.edges = context, 0

    async def said(self, given: Any, depth: int = 0) -> Any:
        if depth > DEPTH:
            raise InvalidInput("filter", f"is nested more than {DEPTH} deep")
        if has_object_definition(given):
            return await self._record(given, depth + 1)
        if isinstance(given, list):
            if len(given) > LIST_LENGTH:
                raise InvalidInput("filter", f"holds a list of more than {LIST_LENGTH}")
            return [await self.said(each, depth) for each in given]
        return _as_stored(given)

    async def _record(self, given: Any, depth: int) -> dict[str, Any]:
        said: dict[str, Any] = {}
        across: list[Filter] = []
        for each in given.__strawberry_definition__.fields:
            value = getattr(given, each.python_name)
            if value is UNSET or value is None:
                continue
            inside = await self.said(value, depth)
            if edge := each.metadata.get(ACROSS):
                across += [{edge.own: {"in": await self._keys(edge, inside)}}] if inside else []
            else:
                said[each.python_name.rstrip("_")] = inside
        return said | {"and": [*said.get("and", ()), *across]} if across else said

    async def _keys(self, edge: Across, wanted: Filter) -> list[Any]:
        self.edges += 1
        if self.edges > EDGES:
            raise LimitExceeded("the edges of the filter", self.edges, EDGES)
        found: list[Any] = await self.context.loader(edge, edge.keys, key=repr).load(wanted)
        return found


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


def _class(name: str) -> Any:
    return _made.setdefault(name, type(name, (), {}))


def _record_filter(model: type[BaseModel]) -> Any:
    name = f"{model.__name__}Filter"
    made = _class(name)
    if not has_object_definition(made):
        named = names_of(model)
        stored = [(each, bare(model.model_fields[each].annotation), model.model_fields[each].description) for each in named]
        fields = {each: (_filter_for(kind), text) for each, kind, text in stored if kind is not FreeObject}
        if issubclass(model, Record):
            fields = {each: (kind, f"{text} {_index(model, each)}") for each, (kind, text) in fields.items()}
        across = {each: (filter_of(edge.kind), text, {ACROSS: edge}) for each, (edge, text) in edges_of(model).items()}
        whole = {
            "and": (list[made], "All of these hold."),  # type: ignore[valid-type]
            "or": (list[made], "Any of these holds."),  # type: ignore[valid-type]
            "not": (made, "This does not hold."),
        }
        _input(made, name, f"Conditions on: {model.__doc__}", fields | across | whole)
    return made


def _filter_for(kind: Any) -> Any:
    inside = [each for each in get_args(kind) if each is not NoneType]
    if get_origin(kind) is list:
        inner = _filter_for(inside[0])
        return _operators(f"{inner.__name__}List", {"some": (inner, "Some element is so."), "none": (inner, "No element is so.")})
    if inside:  # an optional
        return _filter_for(inside[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _record_filter(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        expose(kind)
        name, offered = kind.__name__, SAME
    else:
        name, offered = OFFERED[kind]
    takes = {"in": list[kind], "not_in": list[kind], "is_null": bool}
    return _operators(f"{name}Filter", {each: (takes.get(each, kind), text) for each, text in offered.items()})


def _index(document: type[Record], name: str) -> str:
    """Whether a lookup by the field is fast, for its description."""
    begun = sorted(each for each in document.indexed() if each.split(".")[0] == name)
    inside = ", ".join("`" + ".".join(map(camel, each.split(".")[1:])) + "`" for each in begun)
    return "Not indexed." if not begun else "Indexed." if begun == [name] else f"Indexed by {inside}."


def _operators(name: str, fields: dict[str, tuple[Any, str | None]]) -> Any:
    made = _class(name)
    if not has_object_definition(made):
        _input(made, name, "Conditions that must all hold.", fields)
    return made


def _input(cls: Any, name: str, about: str, fields: Mapping[str, tuple[Any, str | None] | tuple[Any, str, Any]]) -> None:
    cls.__annotations__ = {}
    for each, (kind, description, *metadata) in fields.items():
        safe = f"{each}_" if iskeyword(each) else each
        cls.__annotations__[safe] = kind | None
        graphql_name = each if iskeyword(each) else None
        given = strawberry.field(default=UNSET, name=graphql_name, description=description, metadata=dict(*metadata))
        setattr(cls, safe, given)
    strawberry.input(cls, name=name, description=about)


class OrderDirection(Choice):
    """Which way a list is ordered."""

    ASC = "asc", "The least first; what is empty before everything."
    DESC = "desc", "The greatest first; what is empty after everything."


expose(OrderDirection)


def _record_order(model: type[BaseModel]) -> Any:
    """The order input over the single values in `model`; nothing where it has none."""
    name = f"{model.__name__}Order"
    made = _class(name)
    if not has_object_definition(made):
        named = names_of(model)
        fields: dict[str, tuple[Any, str | None]] = {}
        for each in named:
            stored = model.model_fields[each]
            if (kind := _order_for(bare(stored.annotation))) is not None:
                index = f" {_index(model, each)}" if issubclass(model, Record) else ""
                fields[each] = kind, f"{stored.description}{index}"
        if not fields:
            return None
        _input(made, name, f"One field of: {model.__doc__} Enumerations go by the text of their values.", fields)
    return made


def _record_group(document: Any) -> None:
    made = group_of(document)
    if not has_object_definition(made):
        ordered = order_of(document).__strawberry_definition__.fields
        own = {each.python_name: (each.type_annotation.raw_annotation, each.description) for each in ordered}
        across = {each: (order_of(edge.kind), text) for each, (edge, text) in edges_of(document).items()}
        _input(made, made.__name__, f"One field of, or one edge away from: {document.__doc__}", own | across)


def _order_for(kind: Any) -> Any:
    inside = [each for each in get_args(kind) if each is not NoneType]
    if kind is FreeObject or get_origin(kind) is list:
        return None
    if inside:
        return _order_for(inside[0])
    return _record_order(kind) if isinstance(kind, type) and issubclass(kind, BaseModel) else OrderDirection


def ordered_by(given: Any, default: By, argument: str = "orderBy") -> By:
    """A list of order inputs as the order that they mean; what they leave open goes by `default`, the way of the last."""
    if not given:
        return default
    if len(given) > ORDERS:
        raise LimitExceeded("an order", len(given), ORDERS)
    by = tuple(_order(each, f"{argument}.{at}") for at, each in enumerate(given))
    if len({path for path, _ in by}) < len(by):
        raise InvalidInput(argument, "names a field twice")
    return by + tuple((path, by[-1][1]) for path, _ in default if path not in dict(by))


def _order(given: Any, argument: str) -> Order:
    chosen = [each.python_name for each in given.__strawberry_definition__.fields]
    chosen = [each for each in chosen if getattr(given, each) not in (UNSET, None)]
    if len(chosen) != 1:
        raise InvalidInput(argument, "must name one field; a further one is a further element")
    (name,) = chosen
    value = getattr(given, name)
    if isinstance(value, OrderDirection):
        return name, 1 if value is OrderDirection.ASC else -1
    path, direction = _order(value, argument)
    return f"{name}.{path}", direction
