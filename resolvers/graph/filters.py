"""What a noun can be asked by: filter inputs read off its annotations and a short list of its fields."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from inspect import cleandoc
from keyword import iskeyword
from types import NoneType
from typing import Any, get_args, get_origin

import strawberry
from pydantic import BaseModel
from strawberry import UNSET

from documents.store.record import Record
from documents.values import BigInt, FreeObject, Hash, camel
from resolvers.graph.asked import ACROSS, DERIVED, Across, Derived
from resolvers.graph.registry import Registry, pending
from resolvers.graph.types import Filters, bare, expose

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


def filters(document: type[Record], *names: str) -> Filters:
    """Declares by which fields, and all that is nested in them, a noun is filtered, ordered and summed up.

    As a decorator it takes a class of conditions that are `Derived` from stored fields. A filter can also follow the edges that
    `one` declares on the noun, and on what is nested in it, to nouns that have filters too.
    """
    return Filters(document, names)


def filter_of(document: type[Record]) -> Any:
    """The filter input over `document`, for an annotation."""
    return pending(lambda registry: record_filter(registry, document))


def edges_of(registry: Registry, model: type[BaseModel]) -> dict[str, tuple[Across, str]]:
    """The edges from `model` that a filter can follow, and their descriptions."""
    declared = registry.definitions.get(model)
    return {
        each.python_name: (each.metadata[ACROSS], each.description or "")
        for each in (declared.fields if declared else ())
        if ACROSS in each.metadata and each.metadata[ACROSS].kind in registry.filters
    }


def record_filter(registry: Registry, model: type[BaseModel]) -> Any:
    """The filter input over a record, or over a value that is nested in one."""
    name = f"{model.__name__}Filter"

    def make(made: Any) -> None:
        named = registry.names_of(model)
        stored = [(each, bare(model.model_fields[each].annotation), model.model_fields[each].description) for each in named]
        fields = {each: (_filter_for(registry, kind), text) for each, kind, text in stored if kind is not FreeObject}
        if issubclass(model, Record):
            fields = {each: (kind, f"{text} {index_of(model, each)}") for each, (kind, text) in fields.items()}
        conditions = registry.filters[model].derived if model in registry.filters else {}
        derived = {each: _derived_filter(registry, model, each, condition) for each, condition in conditions.items()}
        across = {
            each: (record_filter(registry, edge.kind), text, {ACROSS: edge})
            for each, (edge, text) in edges_of(registry, model).items()
        }
        whole = {
            "and": (list[made], "All of these hold."),
            "or": (list[made], "Any of these holds."),
            "not": (made, "This does not hold."),
        }
        make_input(made, name, f"Conditions on: {model.__doc__}", fields | derived | across | whole)

    return registry.once(name, make)


def _derived_filter(registry: Registry, document: Any, name: str, condition: Derived) -> tuple[Any, str, Any]:
    kind: Any = condition.kind
    if kind is not bool:
        takes = {"in": list[kind], "not_in": list[kind]}
        offered = {each: (takes.get(each, kind), text) for each, text in SAME.items() if each != "is_null"}
        kind = _operators(registry, f"{document.__name__}{camel(f'_{name}')}Filter", offered)
    by = ".".join(map(camel, condition.by.split(".")))
    index = f"Indexed by `{by}`." if condition.by in document.indexed() else "Not indexed."
    return kind, f"{condition.description} {index}", {DERIVED: condition}


def _filter_for(registry: Registry, kind: Any) -> Any:
    inside = [each for each in get_args(kind) if each is not NoneType]
    if get_origin(kind) is list:
        inner = _filter_for(registry, inside[0])
        return _operators(
            registry, f"{inner.__name__}List", {"some": (inner, "Some element is so."), "none": (inner, "No element is so.")}
        )
    if inside:  # an optional
        return _filter_for(registry, inside[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return record_filter(registry, kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        name, offered = kind.__name__, SAME
    else:
        name, offered = OFFERED[kind]
    takes = {"in": list[kind], "not_in": list[kind], "is_null": bool}
    return _operators(registry, f"{name}Filter", {each: (takes.get(each, kind), text) for each, text in offered.items()})


def index_of(document: type[Record], name: str) -> str:
    """Whether a lookup by the field is fast, for its description."""
    begun = sorted(each for each in document.indexed() if each.split(".")[0] == name)
    inside = ", ".join("`" + ".".join(map(camel, each.split(".")[1:])) + "`" for each in begun)
    return "Not indexed." if not begun else "Indexed." if begun == [name] else f"Indexed by {inside}."


def _operators(registry: Registry, name: str, fields: Mapping[str, tuple[Any, str | None]]) -> Any:
    return registry.once(name, lambda made: make_input(made, name, "Conditions that must all hold.", fields))


def make_input(cls: Any, name: str, about: str, fields: Mapping[str, tuple[Any, str | None] | tuple[Any, str, Any]]) -> None:
    """Makes a class a GraphQL input of these fields, each with its type and description; a keyword as a name gets a `_`."""
    cls.__annotations__ = {}
    for each, (kind, description, *metadata) in fields.items():
        expose(kind)
        safe = f"{each}_" if iskeyword(each) else each
        cls.__annotations__[safe] = kind | None
        graphql_name = each if iskeyword(each) else None
        given = strawberry.field(default=UNSET, name=graphql_name, description=description, metadata=dict(*metadata))
        setattr(cls, safe, given)
    strawberry.input(cls, name=name, description=cleandoc(about))
