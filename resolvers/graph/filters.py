"""What a noun can be asked by: filter inputs read off its annotations and a short list of its fields."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from enum import Enum
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
TEXT = {"contains": "The text contains this, case included.", "starts_with": "The text begins with this, case included."}
OFFERED: dict[Any, tuple[str, dict[str, str]]] = {
    str: ("String", SAME | ORDER | TEXT),
    int: ("Int", SAME | ORDER),
    float: ("Float", SAME | ORDER),
    bool: ("Boolean", {name: SAME[name] for name in ("eq", "is_null")}),
    datetime: ("DateTime", SAME | ORDER),
    date: ("Date", SAME | ORDER),
    BigInt: ("BigInt", SAME | ORDER),
    Hash: ("Hash", SAME),
}

_made: dict[str, Any] = {}
_described: dict[type[BaseModel], tuple[str, ...]] = {}
_derived: dict[type[BaseModel], Mapping[str, Derived]] = {}
_elements: set[Any] = set()  # what lies in lists
_optional: set[Any] = set()  # what can be null, or lies in a value that can be


def filters(document: type[Record], *names: str) -> Callable[[type], Any]:
    """Describes a noun: by which fields, and all that is nested in them, it is filtered.

    The decorated class stands for its filter input, and holds the conditions that are `Derived` from stored fields. Edges that
    `one` declares on the noun, and on what is nested in it, lead on to nouns that are described too. Lists and aggregates offer
    of these fields what the record and the values in it name in `ordered`, `grouped`, `summed` and `bounded`.
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
    """The fields that `model` is asked by: those that describe a noun, and of a value all but the `unasked`."""
    unasked = named(model, "unasked")
    return _described.get(model) or tuple(name for name in model.model_fields if name not in unasked)


def named(model: type[BaseModel], what: str) -> frozenset[str]:
    """The fields that a record or a value names in this class variable of its own, such as `ordered`."""
    found: frozenset[str] = getattr(model, what, frozenset())
    return found


def described() -> Iterable[type[BaseModel]]:
    """The nouns that are."""
    return _described


def describe() -> None:
    """Gives the filters of every described noun their fields, once all types are assembled: edges are read off these."""
    for document in _described:
        for kind, listed, optional in _places(document, False):
            _elements.update([kind] if listed else [])
            _optional.update([kind] if optional else [])
    for document in _described:
        _record_filter(document)


def _places(model: type[BaseModel], optional: bool) -> Iterator[tuple[Any, bool, bool]]:
    """Each kind of value in `model` and what is nested in it, whether it is an element of a list, and whether it can be null."""
    for name in names_of(model):
        annotation = bare(model.model_fields[name].annotation)
        of, listed = single(annotation)
        can_be_null = not listed and (optional or NoneType in get_args(annotation))
        yield of, listed, can_be_null
        if isinstance(of, type) and issubclass(of, BaseModel):
            yield from _places(of, can_be_null)


def single(annotation: Any) -> tuple[Any, bool]:
    """What is single in an annotation, and whether there is a list of it."""
    of = bare(annotation)
    of = next((each for each in get_args(of) if each is not NoneType), of) if get_origin(of) is not list else of
    return (get_args(of)[0], True) if get_origin(of) is list else (of, False)


def edges_of(model: type[BaseModel]) -> dict[str, Across]:
    """The edges from `model` that a filter can follow."""
    declared = vars(model).get("__strawberry_definition__")
    return {
        each.python_name: each.metadata[ACROSS]
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
        stored = [(each, bare(model.model_fields[each].annotation)) for each in names_of(model)]
        fields: dict[str, Any] = {each: (_filter_for(kind), _matching(each)) for each, kind in stored if kind is not FreeObject}
        derived = {each: _derived_filter(model, condition) for each, condition in _derived.get(model, {}).items()}
        across = {each: (filter_of(edge.kind), _matching(each), {ACROSS: edge}) for each, edge in edges_of(model).items()}
        about = f"The `{model.__name__}` meets every condition."
        about += f" {indexes_of(model)}" if issubclass(model, Record) else ""
        whole = _of_whole(made) if issubclass(model, Record) or model in _elements else {}
        make_input(made, name, about, fields | derived | across | whole)
    return made


def _matching(name: str) -> str:
    return f"The `{camel(name)}` must match."


def _of_whole(made: Any) -> dict[str, Any]:
    """The conditions on a whole record or element. A value by itself has none: they say the same about what it lies in."""
    return {
        "and": (list[made], "All of these hold."),
        "or": (list[made], "Any of these holds."),
        "not": (made, "None of this holds."),
    }


def _derived_filter(document: Any, condition: Derived) -> tuple[Any, str, Any]:
    kind: Any = condition.kind
    index = f"An index serves `{dotted(condition.by)}`." if condition.by in document.indexed() else "No index serves it."
    return kind if kind is bool else _filter_for(kind), f"{condition.description} {index}", {DERIVED: condition}


def _filter_for(kind: Any) -> Any:
    inside = [each for each in get_args(kind) if each is not NoneType]
    if get_origin(kind) is list:
        inner = _filter_for(inside[0])
        either = {"some": (inner, "Some element meets this."), "none": (inner, "No element meets this.")}
        return _operators(f"{inner.__name__}List", f"A list of `{_named(inside[0])}` is tested.", either)
    if inside:  # an optional
        return _filter_for(inside[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _record_filter(kind)
    offered = OFFERED[kind][1] if kind in OFFERED else SAME
    if kind not in OFFERED and kind not in _optional:
        offered = {each: text for each, text in offered.items() if each != "is_null"}
    takes = {"in": list[kind], "not_in": list[kind], "is_null": bool}
    fields = {each: (takes.get(each, kind), text) for each, text in offered.items()}
    return _operators(f"{_named(kind)}Filter", f"The `{_named(kind)}` meets every condition.", fields)


def _named(kind: Any) -> str:
    """What clients call the kind of a single value; an enumeration becomes one of the graph's types here."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        expose(kind)
    name: str = OFFERED[kind][0] if kind in OFFERED else kind.__name__
    return name


def indexes_of(document: type[Record]) -> str:
    """Which fields are looked up and listed fast, for the descriptions of a noun's filter and order."""
    served = sorted(dotted(each) for each in document.indexed() if each.split(".")[0] in names_of(document))
    return f"An index serves {', '.join(f'`{each}`' for each in served)}, and no other field."


def dotted(path: str) -> str:
    """A path as clients spell it: `standing.riskScore`."""
    return ".".join(map(camel, path.split(".")))


def _operators(name: str, about: str, fields: Mapping[str, tuple[Any, str | None]]) -> Any:
    made = input_named(name)
    if not has_object_definition(made):
        make_input(made, name, about, fields)
    return made


def make_input(cls: Any, name: str, about: str, fields: Mapping[str, tuple[Any, str | None] | tuple[Any, str, Any]]) -> None:
    cls.__annotations__ = {}
    for each, (kind, description, *metadata) in fields.items():
        safe = f"{each}_" if iskeyword(each) else each
        cls.__annotations__[safe] = kind | None
        graphql_name = each if iskeyword(each) else None
        given = strawberry.field(default=UNSET, name=graphql_name, description=description, metadata=dict(*metadata))
        setattr(cls, safe, given)
    strawberry.input(cls, name=name, description=about)
