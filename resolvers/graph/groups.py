"""What records are grouped by: the fields that they, the values in them and the records over an edge name in `grouped`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from strawberry.types.base import has_object_definition

from documents.store.aggregates import Grouping
from documents.store.record import Record
from documents.values import camel
from resolvers.graph.asked import Across
from resolvers.graph.filters import edges_of, input_named, make_input, single
from resolvers.graph.orders import OrderDirection, offered


def group_of(document: type[Record]) -> Any:
    """The input that groups `document`; it has its fields once `describe_groups` was called."""
    return input_named(f"{document.__name__}GroupBy")


def describe_groups(document: type[Record], over: Sequence[str]) -> None:
    """Gives the input that groups `document`, over these of its edges too, its fields."""
    _group(document, {name: _edge_group(edge) for name, edge in _edges(document, over)})


def _edges(document: type[Record], over: Sequence[str]) -> Iterator[tuple[str, Across]]:
    declared = edges_of(document)
    for name in over:
        yield name, declared[name]


def _edge_group(edge: Across) -> Any:
    made = input_named(f"{edge.kind.__name__}EdgeGroupBy")
    if not has_object_definition(made):
        _make(made, edge.kind, dict.fromkeys(_ends(edge), OrderDirection))
    return made


def _ends(edge: Across) -> list[str]:
    """What an edge groups by: the fields that the record at its end names itself, but for its keys, which are at hand."""
    return [name for name, of in offered(edge.kind, "grouped") if of is None and name not in edge.keys]


def _group(model: type[BaseModel], edges: dict[str, Any]) -> Any:
    made = input_named(f"{model.__name__}GroupBy")
    if not has_object_definition(made):
        own = {name: OrderDirection if of is None else _group(of, {}) for name, of in offered(model, "grouped")}
        _make(made, model, own | edges)
    return made


def _make(made: Any, model: type[BaseModel], fields: Mapping[str, Any]) -> None:
    described = {name: (kind, f"The groups share one `{camel(name)}`.") for name, kind in fields.items()}
    make_input(made, made.__name__, f"A grouping names one field of the `{model.__name__}`.", described)


def keys_of(document: type[Record], over: Sequence[str]) -> dict[str, Any]:
    """The path of everything that `document` can be grouped by, and the type of what stands there."""
    found = dict(_leaves(document))
    for name, edge in _edges(document, over):
        found |= {f"{name}.{end}": _type_at(edge.kind, end) for end in _ends(edge)}
    return found


def _leaves(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, of in offered(model, "grouped"):
        if of is None:
            yield f"{path}{name}", _type_at(model, name)
        else:
            yield from _leaves(of, f"{path}{name}.")


def _type_at(model: type[BaseModel], name: str) -> Any:
    of, _ = single(model.model_fields[name].annotation)
    return of


def grouping(kind: type[Record], path: str, direction: int) -> Grouping:
    """How the database groups by a path that may lead over an edge."""
    first, _, rest = path.partition(".")
    if first not in edges_of(kind):
        return Grouping(path, direction)
    edge = edges_of(kind)[first]
    return Grouping(rest, direction, edge.kind.collection, edge.keys, edge.own)
