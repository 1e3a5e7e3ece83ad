"""What the records of a noun come to, group by group: types and queries read off the same description as its filters."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from types import NoneType, SimpleNamespace
from typing import Annotated, Any, get_args, get_origin

import strawberry
from pydantic import BaseModel, TypeAdapter
from strawberry import UNSET
from strawberry.types.base import has_object_definition
from strawberry.types.field import StrawberryField

from documents.access import Permission
from documents.aggregates import Grouping
from documents.database import Record
from documents.errors import LimitExceeded
from documents.filters import to_query
from documents.records import aware
from documents.values import BigInt, FreeObject, camel
from resolvers.graph import filters, orders
from resolvers.graph.asked import asked_for
from resolvers.graph.connections import Filtered
from resolvers.graph.context import Info
from resolvers.graph.filters import edges_of, filter_of, names_of
from resolvers.graph.mutation import query
from resolvers.graph.orders import group_of, ordered_by
from resolvers.graph.types import bare, expose

GROUPS = 1_000
NUMBERS: tuple[Any, ...] = (int, float, BigInt)
MEASURED: tuple[Any, ...] = (*NUMBERS, datetime, date)
_aggregated: dict[type[Record], Mapping[str, Any]] = {}


def aggregates(kind: type[Record], name: str, description: str, permit: Permission = Permission.READ) -> StrawberryField:
    """Declares what the records of a noun come to: `aggregates(ModelVersion, "model_version_aggregates", "…")`."""
    made = {each: type(f"{kind.__name__}{each}", (), {}) for each in ("Aggregate", "Keys", "Bounds", "Numbers")}
    _aggregated[kind], aggregate = made, made["Aggregate"]

    async def resolve(
        info: Info,
        filter: Filtered[filter_of(kind)] = UNSET,  # type: ignore[valid-type]
        group_by: Annotated[
            list[group_of(kind)] | None,  # type: ignore[valid-type]
            strawberry.argument(description="What a group has in common, and the order of the groups; left out: all are one."),
        ] = UNSET,
    ) -> list[aggregate]:  # type: ignore[valid-type]
        by = ordered_by(group_by, (), "groupBy")
        selected = {each.name for each in _selected(info.selected_fields)}
        measured = {path: of for path, of, _ in _leaves(kind) if of in MEASURED and camel(_flat(path)) in selected}
        asked = to_query(await asked_for(info.context, filter))
        groups = await kind.groups(asked, [_grouping(kind, *each) for each in by], list(measured), GROUPS + 1)
        if len(groups) > GROUPS:
            raise LimitExceeded("the groups", len(groups), GROUPS)
        return [_told(kind, raw, [path for path, _ in by], measured) for raw in groups]

    resolve.__name__, resolve.__doc__ = name, description
    return query(permit)(resolve)


def describe(assembled: list[type]) -> list[type]:
    """Gives every described noun the fields of its inputs and aggregates, once all types are assembled."""
    filters.describe()
    orders.describe()
    for kind, made in _aggregated.items():
        if not has_object_definition(made["Aggregate"]):
            _make(kind, made)
    return assembled


def _make(kind: type[Record], made: Mapping[str, Any]) -> None:
    leaves, about = list(_leaves(kind)), kind.__doc__
    _output(made["Keys"], f"What a group has in common; null where it was not grouped by. {about}", _keys(kind))
    bounds = {_flat(path): (of, text) for path, of, text in leaves if of in MEASURED}
    _output(made["Bounds"], f"The least or the greatest in a group; what is empty does not count. {about}", bounds)
    numbers = {_flat(path): (float, text) for path, of, text in leaves if of in NUMBERS}
    _output(made["Numbers"], f"What the numbers of a group come to; what is empty does not count. {about}", numbers)
    aggregate = made["Aggregate"]
    aggregate.__annotations__ = {}
    for name, of, text in (
        ("keys", made["Keys"], "What it has in common."),
        ("count", int, "How many records it holds."),
        ("min", made["Bounds"], "The least."),
        ("max", made["Bounds"], "The greatest."),
        ("avg", made["Numbers"], "The mean; null where there is nothing to take it of."),
        ("sum", made["Numbers"], "The sum; 0 where there is nothing to add."),
    ):
        aggregate.__annotations__[name] = of
        setattr(aggregate, name, strawberry.field(description=text))
    strawberry.type(aggregate, description=f"A group of records. {about}")


def _output(cls: Any, about: str, fields: Mapping[str, tuple[Any, str]]) -> None:
    cls.__annotations__ = {}
    for name, (of, text) in fields.items():
        expose(of)
        cls.__annotations__[name] = of | None
        setattr(cls, name, strawberry.field(description=text))
    strawberry.type(cls, description=about)


def _leaves(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any, str]]:
    """Path, type and description of every single value in `model`."""
    for name in names_of(model):
        of = bare(model.model_fields[name].annotation)
        of = next((each for each in get_args(of) if each is not NoneType), of) if get_origin(of) is not list else None
        if isinstance(of, type) and issubclass(of, BaseModel):
            yield from _leaves(of, f"{path}{name}.")
        elif of not in (None, FreeObject):
            yield f"{path}{name}", of, model.model_fields[name].description or ""


def _keys(kind: type[Record]) -> dict[str, tuple[Any, str]]:
    """Everything that `kind` can be grouped by: its own values, and those of the records that its edges lead to."""
    found = {_flat(path): (of, text) for path, of, text in _leaves(kind)}
    for name, (edge, about) in edges_of(kind).items():
        found |= {_flat(f"{name}.{path}"): (of, f"{about} {text}") for path, of, text in _leaves(edge.kind)}
    return found


def _flat(path: str) -> str:
    return path.replace(".", "_")


def _grouping(kind: type[Record], path: str, direction: int) -> Grouping:
    first, _, rest = path.partition(".")
    if first not in edges_of(kind):
        return Grouping(path, direction)
    edge, _ = edges_of(kind)[first]
    return Grouping(edge.own, direction, edge.kind.get_collection_name(), edge.key, rest)


def _told(kind: type[Record], raw: Mapping[str, Any], by: list[str], measured: Mapping[str, Any]) -> SimpleNamespace:
    """A group as its type reads it."""
    keys = _keys(kind)
    bounds = dict.fromkeys(_flat(path) for path, of, _ in _leaves(kind) if of in MEASURED)
    told = SimpleNamespace(
        count=raw["count"],
        keys=SimpleNamespace(**dict.fromkeys(keys)),
        **{each: SimpleNamespace(**bounds) for each in ("min", "max", "avg", "sum")},
    )
    for at, path in enumerate(by):
        of, _ = keys[_flat(path)]
        setattr(told.keys, _flat(path), _believed(of, raw["_id"][f"k{at}"]))
    for at, (path, of) in enumerate(measured.items()):
        name, many = _flat(path), raw[f"of{at}"]
        setattr(told.min, name, _believed(of, raw[f"min{at}"]))
        setattr(told.max, name, _believed(of, raw[f"max{at}"]))
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
