"""What the records of a noun come to, group by group: types and queries read off the same description as its filters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from inspect import cleandoc
from types import NoneType, SimpleNamespace
from typing import Annotated, Any, get_args, get_origin

import strawberry
from pydantic import BaseModel, TypeAdapter
from strawberry import UNSET
from strawberry.types.field import StrawberryField

from documents.access import Permission
from documents.errors import LimitExceeded
from documents.store.aggregates import Grouping, Measure
from documents.store.filters import to_query
from documents.store.record import Record
from documents.store.standins import aware
from documents.values import BigInt, FreeObject, Value, camel
from resolvers.graph.asked import asked_for
from resolvers.graph.connections import Filtered
from resolvers.graph.context import Info
from resolvers.graph.filters import edges_of, filter_of
from resolvers.graph.mutation import query
from resolvers.graph.orders import group_of, ordered_by
from resolvers.graph.registry import Registry, pending, registry_of
from resolvers.graph.types import bare, expose

GROUPS = 1_000
NUMBERS: tuple[Any, ...] = (int, float, BigInt)
MEASURED: tuple[Any, ...] = (*NUMBERS, datetime, date)


def aggregates(kind: type[Record], name: str, description: str, permit: Permission = Permission.READ) -> StrawberryField:
    """Declares what the records of a noun come to: `aggregates(ModelVersion, "model_version_aggregates", "…")`."""
    aggregate = pending(lambda registry: _aggregate(registry, kind))

    async def resolve(
        info: Info,
        filter: Filtered[filter_of(kind)] = UNSET,  # type: ignore[valid-type]
        group_by: Annotated[
            list[group_of(kind)] | None,  # type: ignore[valid-type]
            strawberry.argument(description="What a group has in common, and the order of the groups; left out: all are one."),
        ] = UNSET,
    ) -> list[aggregate]:  # type: ignore[valid-type]
        by = ordered_by(group_by, (), "groupBy")
        registry, selected = registry_of(info), {each.name for each in _selected(info.selected_fields)}
        measured = {name: each for name, each in _measures(registry, kind).items() if camel(name) in selected}
        asked = to_query(await asked_for(info.context, filter))
        groups = await kind.groups(
            asked, [_grouping(registry, kind, *each) for each in by], [each.of for each in measured.values()], GROUPS + 1
        )
        if len(groups) > GROUPS:
            raise LimitExceeded("the number of groups", len(groups), GROUPS)
        return [_told(_keys(registry, kind), raw, [path for path, _ in by], measured) for raw in groups]

    resolve.__name__, resolve.__doc__ = name, description
    return query(permit)(resolve)


def _aggregate(registry: Registry, kind: type[Record]) -> Any:
    """The type of a group of records, which is made with the types in it."""

    def output(name: str, about: str, fields: Mapping[str, tuple[Any, str]]) -> Any:
        return registry.once(f"{kind.__name__}{name}", lambda made: _output(made, f"{about} {kind.__doc__}", fields))

    measures = _measures(registry, kind)
    keys = output("Keys", "What a group has in common; null where it was not grouped by.", _keys(registry, kind))
    values = {name: (each.type | None, each.description) for name, each in measures.items()}
    bounds = output("Bounds", "The least or the greatest in a group; what is empty does not count.", values)
    groups = {
        "keys": (keys, "What it has in common."),
        "count": (int, "How many records it holds."),
        "min": (bounds, "The least."),
        "max": (bounds, "The greatest."),
    }
    if numbers := {name: (float | None, each.description) for name, each in measures.items() if each.type in NUMBERS}:
        totals = output("Numbers", "What the numbers of a group come to; what is empty does not count.", numbers)
        each_counted = {name: (int | None, text) for name, (_, text) in numbers.items()}
        counts = output("Counts", "How many numbers a group has, in lists one an element.", each_counted)
        groups |= {
            "values": (
                counts,
                "Of how many values `avg` and `sum` are: several of a record, where they lie in lists.",
            ),
            "avg": (totals, "The mean; null where there is nothing to take it of."),
            "sum": (totals, "The sum; 0 where there is nothing to add."),
        }
    return output("Aggregate", "A group of records.", groups)


def _output(cls: Any, about: str, fields: Mapping[str, tuple[Any, str]]) -> None:
    cls.__annotations__ = {}
    for name, (of, text) in fields.items():
        expose(of)
        cls.__annotations__[name] = of
        setattr(cls, name, strawberry.field(description=text))
    strawberry.type(cls, description=cleandoc(about))


@dataclass(frozen=True, slots=True)
class Measured:
    """A number or a moment that is summed up, stored or computed."""

    of: Measure
    type: Any
    description: str


def _measures(
    registry: Registry, model: type[BaseModel], lists: tuple[str, ...] = (), path: str = "", named: str = ""
) -> dict[str, Measured]:
    """Whatever numbers and moments lie in `model`, those in its lists too, by the names that clients know them by."""
    found: dict[str, Measured] = {}
    here = "$$this." if lists else "$"
    for name in registry.names_of(model):
        field = model.model_fields[name]
        of, listed = _single(field.annotation)
        if isinstance(of, type) and issubclass(of, BaseModel):
            inside = ((*lists, f"{path}{name}"), "") if listed else (lists, f"{path}{name}.")
            found |= _measures(registry, of, *inside, f"{named}{name}_")
        elif of in MEASURED and not listed:
            found[named + name] = Measured(Measure(lists, f"{here}{path}{name}"), of, field.description or "")
    for name, computed in model.measured.items() if issubclass(model, Value) else ():
        said, value = model.model_computed_fields[name], computed(f"{here}{path}".rstrip("."))
        found[named + name] = Measured(Measure(lists, value), bare(said.return_type), said.description or "")
    return found


def _single(annotation: Any) -> tuple[Any, bool]:
    """What is single in an annotation, and whether there is a list of it."""
    of = bare(annotation)
    of = next((each for each in get_args(of) if each is not NoneType), of) if get_origin(of) is not list else of
    return (get_args(of)[0], True) if get_origin(of) is list else (of, False)


def _leaves(registry: Registry, model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any, str]]:
    """Path, type and description of every single value in `model`."""
    for name in registry.names_of(model):
        of, listed = _single(model.model_fields[name].annotation)
        if isinstance(of, type) and issubclass(of, BaseModel) and not listed:
            yield from _leaves(registry, of, f"{path}{name}.")
        elif of is not FreeObject and not listed:
            yield f"{path}{name}", of, model.model_fields[name].description or ""


def _keys(registry: Registry, kind: type[Record]) -> dict[str, tuple[Any, str]]:
    """Everything that `kind` can be grouped by: its own values, and those of the records that its edges lead to."""
    found = {_flat(path): (of | None, text) for path, of, text in _leaves(registry, kind)}
    for name, (edge, about) in edges_of(registry, kind).items():
        further = _leaves(registry, edge.kind)
        found |= {_flat(f"{name}.{path}"): (of | None, f"{about} {text}") for path, of, text in further}
    return found


def _flat(path: str) -> str:
    return path.replace(".", "_")


def _grouping(registry: Registry, kind: type[Record], path: str, direction: int) -> Grouping:
    first, _, rest = path.partition(".")
    edges = edges_of(registry, kind)
    if first not in edges:
        return Grouping(path, direction)
    edge, _ = edges[first]
    return Grouping(rest, direction, edge.kind.collection, edge.keys, edge.own)


def _told(
    keys: Mapping[str, tuple[Any, str]], raw: Mapping[str, Any], by: list[str], measured: Mapping[str, Measured]
) -> SimpleNamespace:
    """A group as its type reads it."""
    told = SimpleNamespace(
        count=raw["count"],
        keys=SimpleNamespace(**dict.fromkeys(keys)),
        **{each: SimpleNamespace() for each in ("values", "min", "max", "avg", "sum")},
    )
    for at, path in enumerate(by):
        of, _ = keys[_flat(path)]
        setattr(told.keys, _flat(path), _believed(of, raw["_id"][f"k{at}"]))
    for at, (name, each) in enumerate(measured.items()):
        many = raw[f"of{at}"]
        setattr(told.values, name, many)
        setattr(told.min, name, _believed(each.type, raw[f"min{at}"]))
        setattr(told.max, name, _believed(each.type, raw[f"max{at}"]))
        setattr(told.sum, name, raw[f"sum{at}"])
        setattr(told.avg, name, raw[f"sum{at}"] / many if many else None)
    return told


def _believed(of: Any, value: Any) -> Any:
    return TypeAdapter(of | None).validate_python(aware(value))


def _selected(fields: Any) -> Iterator[Any]:
    """Everything selected, at any depth."""
    for each in fields:
        if hasattr(each, "name"):
            yield each
        yield from _selected(each.selections)
