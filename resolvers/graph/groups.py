"""What records are grouped by: the fields that they, the values in them and the records over an edge name in `grouped`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from documents.store.aggregates import Grouping
from documents.store.record import Record
from documents.values import camel
from resolvers.graph.asked import Across
from resolvers.graph.filters import edges_of, make_input, single
from resolvers.graph.orders import OrderDirection, offered
from resolvers.graph.registry import Registry, pending


def group_of(document: type[Record], over: Sequence[str]) -> Any:
    """The input that groups `document`, over these of its edges too, for an annotation."""

    def made(registry: Registry) -> Any:
        return _group(registry, document, {name: _edge_group(registry, edge) for name, edge in _edges(registry, document, over)})

    return pending(made)


def _edges(registry: Registry, document: type[Record], over: Sequence[str]) -> Iterator[tuple[str, Across]]:
    declared = edges_of(registry, document)
    for name in over:
        yield name, declared[name]


def _edge_group(registry: Registry, edge: Across) -> Any:
    fields = dict.fromkeys(_ends(registry, edge), OrderDirection)
    return registry.once(f"{edge.kind.__name__}EdgeGroupBy", lambda made: _make(made, edge.kind, fields))


def _ends(registry: Registry, edge: Across) -> list[str]:
    """The fields that an edge groups by: those that the record at its end names itself, without its keys, which are at hand."""
    return [name for name, of in offered(registry, edge.kind, "grouped") if of is None and name not in edge.keys]


def _group(registry: Registry, model: type[BaseModel], edges: Mapping[str, Any]) -> Any:
    def make(made: Any) -> None:
        own = {
            name: OrderDirection if of is None else _group(registry, of, {}) for name, of in offered(registry, model, "grouped")
        }
        _make(made, model, own | dict(edges))

    return registry.once(f"{model.__name__}GroupBy", make)


def _make(made: Any, model: type[BaseModel], fields: Mapping[str, Any]) -> None:
    described = {name: (kind, f"The groups share one `{camel(name)}`.") for name, kind in fields.items()}
    make_input(made, made.__name__, f"A grouping names one field of the `{model.__name__}`.", described)


def keys_of(registry: Registry, document: type[Record], over: Sequence[str]) -> dict[str, Any]:
    """The path of everything that `document` can be grouped by, and the type of the value at the path."""
    found = dict(_leaves(registry, document))
    for name, edge in _edges(registry, document, over):
        found |= {f"{name}.{end}": _type_at(edge.kind, end) for end in _ends(registry, edge)}
    return found


def _leaves(registry: Registry, model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, of in offered(registry, model, "grouped"):
        if of is None:
            yield f"{path}{name}", _type_at(model, name)
        else:
            yield from _leaves(registry, of, f"{path}{name}.")


def _type_at(model: type[BaseModel], name: str) -> Any:
    of, _ = single(model.model_fields[name].annotation)
    return of


def grouping(registry: Registry, kind: type[Record], path: str, direction: int) -> Grouping:
    """How the database groups by a path that may lead over an edge."""
    first, _, rest = path.partition(".")
    edges = edges_of(registry, kind)
    if first not in edges:
        return Grouping(path, direction)
    edge = edges[first]
    return Grouping(rest, direction, edge.kind.collection, edge.keys, edge.own)
