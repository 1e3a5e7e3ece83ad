"""What a noun can be asked by: filter inputs read off its annotations and a short list of its fields."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from inspect import cleandoc
from keyword import iskeyword
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin

import strawberry
from pydantic import BaseModel
from strawberry import UNSET
from strawberry.types.arguments import InputContext

from documents.store.operators import COMPARING
from documents.store.record import Record
from documents.values import BigInt, FreeObject, Hash, camel
from resolvers.graph.asked import ACROSS, DERIVED, Across, Days, Derived, Leading
from resolvers.graph.registry import Registry, pending
from resolvers.graph.types import Filters, bare, expose, named

T = TypeVar("T")
SAME = {
    "eq": "The value equals this.",
    "ne": "The value differs from this.",
    "in": "The value is one of these.",
    "not_in": "The value is none of these.",
    "is_null": "Whether the value is null.",
}
ORDER = {
    "lt": "The value is below this.",
    "lte": "The value is at most this.",
    "gt": "The value is above this.",
    "gte": "The value is at least this.",
}
SEMANTIC = {
    "version_lt": "The version is below this semantic version.",
    "version_lte": "The version is below this semantic version or equal to it, build metadata ignored.",
    "version_gt": "The version is above this semantic version.",
    "version_gte": "The version is above this semantic version or equal to it, build metadata ignored.",
}
TEXT = {
    "contains": "The text contains this; upper and lower case differ.",
    "icontains": "The text contains this, whatever the case of the letters. Accents count, and `ß` does not equal `ss`.",
    "starts_with": "The text begins with this; upper and lower case differ.",
}
FIELD = {
    "eq_field": "The value equals that of the field at this path, and neither is null.",
    "ne_field": "The value differs from that of the field at this path, or one of them is null.",
}
FIELD_ORDER = {
    "lt_field": "The value is below that of the field at this path.",
    "lte_field": "The value is at most that of the field at this path.",
    "gt_field": "The value is above that of the field at this path.",
    "gte_field": "The value is at least that of the field at this path.",
}
OFFERED: dict[Any, tuple[str, dict[str, str]]] = {
    str: ("String", SAME | ORDER | TEXT | FIELD | FIELD_ORDER),
    int: ("Int", SAME | ORDER | FIELD | FIELD_ORDER),
    float: ("Float", SAME | ORDER | FIELD | FIELD_ORDER),
    bool: ("Boolean", {name: SAME[name] for name in ("eq", "is_null")} | FIELD),
    datetime: ("DateTime", SAME | ORDER | FIELD | FIELD_ORDER),
    date: ("Date", SAME | ORDER | FIELD | FIELD_ORDER),
    BigInt: ("BigInt", SAME | ORDER | FIELD | FIELD_ORDER),
    Hash: ("Hash", SAME | FIELD),
}
ABOUT_FIELDS = (
    "An operator whose name ends in `Field` takes the path of another single field of the same kind: `ownerId` is a field of the "
    "record that is listed, and `owner.department` one over an edge of it. Inside the filter of an edge, the path begins at the "
    "record at the end of the edge."
)
ABOUT_VERSIONS = (
    "Versions are compared as SemVer 2.0.0 orders them (section 11). A stored version that is not semantic is neither above nor "
    "below any."
)


def filters(document: type[Record], *names: str) -> Filters:
    """Declares by which fields, and all that is nested in them, a noun is filtered.

    Of these fields, lists and aggregates offer what the record and the values in it name in `ordered`, `grouped`, `summed` and
    `bounded`. As a decorator it takes a class of conditions that are `Derived` from stored fields. A filter can also follow the
    edges that `one` declares on the noun, and on what is nested in it, to nouns that have filters too.
    """
    return Filters(document, names)


def filter_of(document: type[Record]) -> Any:
    """The filter input over `document`, for an annotation."""
    return pending(lambda registry: record_filter(registry, document))


def optional_in(registry: Registry) -> frozenset[Any]:
    """The kinds of value that can be null in some record that has a filter; read off the records once a registry."""
    if "optional" not in registry.memory:
        kinds = (kind for document in registry.filters for kind in _optional_in(registry, document, False))
        registry.memory["optional"] = frozenset(kinds)
    found: frozenset[Any] = registry.memory["optional"]
    return found


def _optional_in(registry: Registry, model: type[BaseModel], optional: bool) -> Iterator[Any]:
    """The kinds of value in `model`, which is `optional` itself or not, and in what is nested in it, that can be null."""
    for name in registry.names_of(model):
        annotation = bare(model.model_fields[name].annotation)
        of, listed = single(annotation)
        can_be_null = not listed and (optional or NoneType in get_args(annotation))
        yield from [of] if can_be_null else []
        if isinstance(of, type) and issubclass(of, BaseModel):
            yield from _optional_in(registry, of, can_be_null)


def single(annotation: Any) -> tuple[Any, bool]:
    """The single kind of value in an annotation, and whether the annotation is a list of it."""
    of = bare(annotation)
    of = next((each for each in get_args(of) if each is not NoneType), of) if get_origin(of) is not list else of
    return (get_args(of)[0], True) if get_origin(of) is list else (of, False)


def edges_of(registry: Registry, model: type[BaseModel]) -> dict[str, Across]:
    """The edges from `model` that a filter can follow."""
    declared = registry.definitions.get(model)
    return {
        each.python_name: each.metadata[ACROSS]
        for each in (declared.fields if declared else ())
        if ACROSS in each.metadata and each.metadata[ACROSS].kind in registry.filters
    }


def record_filter(registry: Registry, model: type[BaseModel]) -> Any:
    """The filter input over a record, or over a value that is nested in one."""
    name = f"{model.__name__}Filter"

    def make(made: Any) -> None:
        stored = [(each, bare(model.model_fields[each].annotation)) for each in registry.names_of(model)]
        semantic = named(model, "semantic")
        fields: dict[str, Any] = {
            each: (_filter_for(registry, kind, each in semantic), _matching(each))
            for each, kind in stored
            if kind is not FreeObject
        }
        conditions = registry.filters[model].derived if model in registry.filters else {}
        derived = {each: _condition(registry, model, condition) for each, condition in conditions.items()}
        across = {
            each: (record_filter(registry, edge.kind), _matching(each), {ACROSS: edge})
            for each, edge in edges_of(registry, model).items()
        }
        about = f"The `{model.__name__}` meets every condition."
        about += f" {indexes_of(registry, model)}" if issubclass(model, Record) else ""
        both = {"and": (list[made], "All of these hold.")} if issubclass(model, Record) else {}
        either = {"or": (list[made], "Any of these holds."), "not": (made, "None of this holds.")}
        make_input(made, name, about, fields | derived | across | both | either)

    return registry.once(name, make)


def value_filter(registry: Registry, kind: Any) -> Any:
    """The operators for a single value of that kind."""
    return _filter_for(registry, kind)


def _matching(name: str) -> str:
    return f"The `{camel(name)}` must match."


def _condition(registry: Registry, model: Any, condition: Derived | Leading | Days) -> tuple[Any, str, Any]:
    if isinstance(condition, Days):
        described = f"{condition.description} {_served(model, condition.by)}"
        return _days_filter(registry), described, {DERIVED: condition}
    if isinstance(condition, Leading):
        return record_filter(registry, condition.kind), condition.description, {ACROSS: condition}
    return _derived_filter(registry, model, condition)


def _derived_filter(registry: Registry, document: Any, condition: Derived) -> tuple[Any, str, Any]:
    kind: Any = condition.kind
    index = _served(document, condition.by)
    taken = kind if kind is bool else _filter_for(registry, kind)
    return taken, f"{condition.description} {index}", {DERIVED: condition}


def _served(document: Any, path: str) -> str:
    return f"An index serves `{dotted(path)}`." if path in document.indexed() else "No index serves it."


def _days_filter(registry: Registry) -> Any:
    bounds: dict[str, tuple[Any, str]] = {name: (float, text.replace("value is", "days are")) for name, text in ORDER.items()}
    null = {"is_null": (bool, "Whether the record does not wait.")}
    return _operators(registry, "DaysFilter", "The `Days` that it has waited meet every condition.", bounds | null)


def _filter_for(registry: Registry, kind: Any, semantic: bool = False) -> Any:
    if semantic:
        return _version_filter(registry)
    inside = [each for each in get_args(kind) if each is not NoneType]
    if get_origin(kind) is list:
        inner = _filter_for(registry, inside[0])
        either = {
            "some": (inner, "Some element meets this."),
            "none": (inner, "No element meets this."),
            "every": (inner, "Every element meets this, which an empty list does too."),
        }
        return _operators(registry, f"{inner.__name__}List", f"A list of `{_name_of(inside[0])}` is tested.", either)
    if inside:  # an optional
        return _filter_for(registry, inside[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return record_filter(registry, kind)
    offered = OFFERED[kind][1] if kind in OFFERED else SAME | FIELD
    if kind not in OFFERED and kind not in optional_in(registry):
        offered = {each: text for each, text in offered.items() if each != "is_null"}
    return _operators(registry, f"{_name_of(kind)}Filter", f"The `{_name_of(kind)}` meets every condition. {ABOUT_FIELDS}",
                      _taking(kind, offered))  # fmt: skip


def _version_filter(registry: Registry) -> Any:
    about = f"The `Version` meets every condition. {ABOUT_VERSIONS} {ABOUT_FIELDS}"
    return _operators(registry, "VersionFilter", about, _taking(str, SAME | SEMANTIC | TEXT | FIELD))


def _taking(kind: Any, offered: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """The operators of a filter over values of that kind, each with what it takes."""
    takes = {"in": list[kind], "not_in": list[kind], "is_null": bool} | dict.fromkeys(COMPARING, str)
    return {each: (takes.get(each, kind), text) for each, text in offered.items()}


def _name_of(kind: Any) -> str:
    """The name that clients have for the kind of a single value."""
    name: str = OFFERED[kind][0] if kind in OFFERED else kind.__name__
    return name


def indexes_of(registry: Registry, document: type[Record]) -> str:
    """Which fields are looked up and listed fast, for the descriptions of a noun's filter and order."""
    served = sorted(f"`{dotted(each)}`" for each in document.indexed() if each.split(".")[0] in registry.names_of(document))
    return f"Only {', '.join(served)} {'have' if len(served) > 1 else 'has'} an index."


def dotted(path: str) -> str:
    """A path as clients spell it: `standing.riskScore`."""
    return ".".join(map(camel, path.split(".")))


def spelled(name: str) -> str:
    """A field of a filter as clients spell it: the operators on versions have the names of those on other values."""
    return camel(name.removeprefix("version_") if name in SEMANTIC else name)


def _operators(registry: Registry, name: str, about: str, fields: Mapping[str, tuple[Any, str | None]]) -> Any:
    return registry.once(name, lambda made: make_input(made, name, about, fields))


def make_input(cls: Any, name: str, about: str, fields: Mapping[str, tuple[Any, str | None] | tuple[Any, str, Any]]) -> None:
    """Makes a class a GraphQL input of these fields, each with its type and description; a keyword as a name gets a `_`.

    Each field says its name in the schema: Strawberry would make it anew for each value that it reads.
    """
    cls.__annotations__ = {}
    for each, (kind, description, *metadata) in fields.items():
        expose(kind)
        safe = f"{each}_" if iskeyword(each) else each
        cls.__annotations__[safe] = kind | None
        given = strawberry.field(default=UNSET, name=spelled(each), description=description, metadata=dict(*metadata))
        setattr(cls, safe, given)
    strawberry.input(cls, name=name, description=cleandoc(about))
    cls.__strawberry_definition__.from_input = _from_input


def _from_input(cls: type[T], sent: Mapping[str, Any], context: InputContext) -> T:
    """Makes an input of what a client sent. Strawberry itself would look at each of the hundred fields that a filter may have."""
    fields = _fields_sent(cls)  # type: ignore[arg-type]
    return cls(**{fields[name][0]: context.convert(value, fields[name][1], name) for name, value in sent.items()})


@cache
def _fields_sent(cls: Any) -> dict[str, tuple[str, Any]]:
    """The attribute and the type of each field of an input, by the name that clients have for it."""
    declared = cls.__strawberry_definition__
    return {each.graphql_name: (each.python_name, each.resolve_type(type_definition=declared)) for each in declared.fields}
