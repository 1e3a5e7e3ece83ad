"""What a noun can be asked by: filter inputs read off its annotations and a short list of its fields."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from inspect import cleandoc
from keyword import iskeyword
from types import NoneType
from typing import Any, get_args, get_origin

import strawberry
from pydantic import BaseModel
from strawberry import UNSET
from strawberry.types.base import has_object_definition

from documents.store.record import Record
from documents.values import BigInt, FreeObject, Hash, camel
from resolvers.graph.asked import ACROSS, DERIVED, Across, Derived
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

_made: dict[str, Any] = {}
_described: dict[type[BaseModel], tuple[str, ...]] = {}
_derived: dict[type[BaseModel], Mapping[str, Derived]] = {}


def filters(document: type[Record], *names: str) -> Callable[[type], Any]:
    """Describes a noun: by which fields, and all that is nested in them, it is filtered, ordered and summed up.

    The decorated class stands for its filter input, and holds the conditions that are `Derived` from stored fields. Edges that
    `one` declares on the noun, and on what is nested in it, lead on to nouns that are described too.
    """
    _described[document] = names

    def declare(cls: type) -> Any:
        _derived[document] = {name: each for name, each in vars(cls).items() if isinstance(each, Derived)}
        return filter_of(document)

    return declare


def filter_of(document: type[Record]) -> Any:
    """The filter input over `document`; it has its fields once `describe` was called."""
    return input_named(f"{document.__name__}Filter")


def names_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields that `model` is asked by: all of them, unless it is described."""
    return _described.get(model) or tuple(model.model_fields)


def described() -> Iterable[type[BaseModel]]:
    """The nouns that are."""
    return _described


def describe() -> None:
    """Gives the filters of every described noun their fields, once all types are assembled: edges are read off these."""
    for document in _described:
        _record_filter(document)


def edges_of(model: type[BaseModel]) -> dict[str, tuple[Across, str]]:
    """The edges from `model` that a filter can follow, and what they are."""
    declared = vars(model).get("__strawberry_definition__")
    return {
        each.python_name: (each.metadata[ACROSS], each.description)
        for each in (declared.fields if declared else ())
        if ACROSS in each.metadata and each.metadata[ACROSS].kind in _described
    }


def input_named(name: str) -> Any:
    """The class of that name, which is an input once it was made one."""
    return _made.setdefault(name, type(name, (), {}))


def _record_filter(model: type[BaseModel]) -> Any:
    name = f"{model.__name__}Filter"
    made = input_named(name)
    if not has_object_definition(made):
        named = names_of(model)
        stored = [(each, bare(model.model_fields[each].annotation), model.model_fields[each].description) for each in named]
        fields = {each: (_filter_for(kind), text) for each, kind, text in stored if kind is not FreeObject}
        if issubclass(model, Record):
            fields = {each: (kind, f"{text} {index_of(model, each)}") for each, (kind, text) in fields.items()}
        derived = {each: _derived_filter(model, each, condition) for each, condition in _derived.get(model, {}).items()}
        across = {each: (filter_of(edge.kind), text, {ACROSS: edge}) for each, (edge, text) in edges_of(model).items()}
        whole = {
            "and": (list[made], "All of these hold."),  # type: ignore[valid-type]
            "or": (list[made], "Any of these holds."),  # type: ignore[valid-type]
            "not": (made, "This does not hold."),
        }
        make_input(made, name, f"Conditions on: {model.__doc__}", fields | derived | across | whole)
    return made


def _derived_filter(document: Any, name: str, condition: Derived) -> tuple[Any, str, Any]:
    kind: Any = condition.kind
    if kind is not bool:
        expose(kind)
        takes = {"in": list[kind], "not_in": list[kind]}
        offered = {each: (takes.get(each, kind), text) for each, text in SAME.items() if each != "is_null"}
        kind = _operators(f"{document.__name__}{camel(f'_{name}')}Filter", offered)
    by = ".".join(map(camel, condition.by.split(".")))
    index = f"Indexed by `{by}`." if condition.by in document.indexed() else "Not indexed."
    return kind, f"{condition.description} {index}", {DERIVED: condition}


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


def index_of(document: type[Record], name: str) -> str:
    """Whether a lookup by the field is fast, for its description."""
    begun = sorted(each for each in document.indexed() if each.split(".")[0] == name)
    inside = ", ".join("`" + ".".join(map(camel, each.split(".")[1:])) + "`" for each in begun)
    return "Not indexed." if not begun else "Indexed." if begun == [name] else f"Indexed by {inside}."


def _operators(name: str, fields: Mapping[str, tuple[Any, str | None]]) -> Any:
    made = input_named(name)
    if not has_object_definition(made):
        make_input(made, name, "Conditions that must all hold.", fields)
    return made


def make_input(cls: Any, name: str, about: str, fields: Mapping[str, tuple[Any, str | None] | tuple[Any, str, Any]]) -> None:
    cls.__annotations__ = {}
    for each, (kind, description, *metadata) in fields.items():
        safe = f"{each}_" if iskeyword(each) else each
        cls.__annotations__[safe] = kind | None
        graphql_name = each if iskeyword(each) else None
        given = strawberry.field(default=UNSET, name=graphql_name, description=description, metadata=dict(*metadata))
        setattr(cls, safe, given)
    strawberry.input(cls, name=name, description=cleandoc(about))
