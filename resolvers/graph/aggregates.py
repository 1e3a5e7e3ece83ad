"""What the records of a noun come to, group by group: counted, bounded, added up and averaged as records and values name it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import SimpleNamespace
from typing import Annotated, Any

import strawberry
from pydantic import BaseModel, TypeAdapter
from strawberry import UNSET
from strawberry.types.base import has_object_definition
from strawberry.types.field import StrawberryField

from documents.access import Permission
from documents.errors import LimitExceeded
from documents.store.aggregates import Measure
from documents.store.filters import to_query
from documents.store.record import Record
from documents.store.standins import aware
from documents.values import BigInt, Value, camel
from resolvers.graph import filters, orders
from resolvers.graph.asked import asked_for
from resolvers.graph.connections import Filtered
from resolvers.graph.context import Info
from resolvers.graph.filters import dotted, filter_of, named, names_of, single
from resolvers.graph.groups import describe_groups, group_of, grouping, keys_of
from resolvers.graph.mutation import query
from resolvers.graph.orders import ordered_by
from resolvers.graph.types import bare, expose

GROUPS = 1_000
NUMBERS: tuple[Any, ...] = (int, float, BigInt)
BOUNDED: tuple[Any, ...] = (*NUMBERS, datetime, date)


@dataclass(frozen=True)
class Aggregated:
    """The types of a noun's aggregates, and the edges over which it is grouped."""

    types: Mapping[str, Any]
    over: Sequence[str]


_aggregated: dict[type[Record], Aggregated] = {}


def aggregates(
    kind: type[Record], name: str, description: str, over: Sequence[str] = (), permit: Permission = Permission.READ
) -> StrawberryField:
    """Declares what the records of a noun come to: `aggregates(ModelVersion, "model_version_aggregates", "…", over=["owner"])`.

    It offers what the record and the values in it name in `grouped`, `summed` and `bounded`, and groups over the edges `over`
    by what the record at their end names.
    """
    made = {each: type(f"{kind.__name__}{each}", (), {}) for each in ("Aggregate", "Keys", "Bounds", "Numbers")}
    _aggregated[kind], aggregate = Aggregated(made, over), made["Aggregate"]

    async def resolve(
        info: Info,
        filter: Filtered[filter_of(kind)] = UNSET,  # type: ignore[valid-type]
        group_by: Annotated[
            list[group_of(kind)] | None,  # type: ignore[valid-type]
            strawberry.argument(description="The groups share these fields, and are ordered by them."),
        ] = UNSET,
    ) -> list[aggregate]:  # type: ignore[valid-type]
        by = ordered_by(group_by, (), "groupBy")
        selected = {each.name for each in _selected(info.selected_fields)}
        measured = {name: each for name, each in _measures(kind).items() if camel(name) in selected}
        asked = to_query(await asked_for(info.context, filter))
        groups = await kind.groups(
            asked, [grouping(kind, *each) for each in by], [each.of for each in measured.values()], GROUPS + 1
        )
        if len(groups) > GROUPS:
            raise LimitExceeded("the groups", len(groups), GROUPS)
        return [_told(keys_of(kind, over), raw, [path for path, _ in by], measured) for raw in groups]

    resolve.__name__, resolve.__doc__ = name, description
    return query(permit)(resolve)


def describe(assembled: list[type]) -> list[type]:
    """Gives every described noun the fields of its inputs and aggregates, once all types are assembled."""
    filters.describe()
    orders.describe()
    for kind, made in _aggregated.items():
        describe_groups(kind, made.over)
        if not has_object_definition(made.types["Aggregate"]):
            _make(kind, made.types, made.over)
    return assembled


def _make(kind: type[Record], made: Mapping[str, Any], over: Sequence[str]) -> None:
    measures, of = _measures(kind), f"a group of `{kind.__name__}` records"
    keys = {_flat(path): (value | None, f"The group has this `{dotted(path)}`.") for path, value in keys_of(kind, over).items()}
    bounds = {name: (each.type | None, f"`{each.path}` has this bound.") for name, each in measures.items()}
    _output(made["Keys"], f"The keys are what {of} shares.", keys)
    _output(made["Bounds"], f"The bounds are the least or greatest values of {of}.", bounds)
    groups = {
        "keys": (made["Keys"], "The keys are what the group shares; null if not grouped by."),
        "count": (int, "The number of records that the group has."),
        "min": (made["Bounds"], "The least values that the group has."),
        "max": (made["Bounds"], "The greatest values that the group has."),
    }
    if added := {name: each for name, each in measures.items() if each.added}:
        numbers = {name: (float | None, f"`{each.path}` has this number.") for name, each in added.items()}
        _output(made["Numbers"], f"The numbers are counts, means or sums of {of}.", numbers)
        groups |= {
            "values": (made["Numbers"], "The counts of the values that `avg` and `sum` are over."),
            "avg": (made["Numbers"], "The means are null where there are no values."),
            "sum": (made["Numbers"], "The sums are 0 where there are no values."),
        }
    _output(made["Aggregate"], f"An aggregate is what {of} comes to.", groups)


def _output(cls: Any, about: str, fields: Mapping[str, tuple[Any, str]]) -> None:
    cls.__annotations__ = {}
    for name, (of, text) in fields.items():
        expose(of)
        cls.__annotations__[name] = of
        setattr(cls, name, strawberry.field(description=text))
    strawberry.type(cls, description=about)


@dataclass(frozen=True, slots=True)
class Measured:
    """What is bounded, and added up if it is a number that can be: stored or computed, at a path as clients spell it."""

    of: Measure
    type: Any
    path: str
    added: bool


def _measures(model: type[BaseModel], lists: tuple[str, ...] = (), path: str = "", above: str = "") -> dict[str, Measured]:
    """What `model` and the values in it and in its lists name, by the names that clients know them by."""
    found: dict[str, Measured] = {}
    here = "$$this." if lists else "$"
    summed, bounded = named(model, "summed"), named(model, "bounded")
    for name in names_of(model):
        of, listed = single(model.model_fields[name].annotation)
        if isinstance(of, type) and issubclass(of, BaseModel):
            inside = ((*lists, f"{path}{name}"), "") if listed else (lists, f"{path}{name}.")
            found |= _measures(of, *inside, f"{above}{name}.")
        elif name in summed | bounded:
            value = f"{here}{path}{name}"
            found[_flat(above + name)] = Measured(Measure(lists, value), of, dotted(above + name), name in summed)
    for name, computed in model.measured.items() if issubclass(model, Value) else ():
        of, value = bare(model.model_computed_fields[name].return_type), computed(f"{here}{path}".rstrip("."))
        found[_flat(above + name)] = Measured(Measure(lists, value), of, dotted(above + name), True)
    return found


def _flat(path: str) -> str:
    return path.replace(".", "_")


def _told(keys: Mapping[str, Any], raw: Mapping[str, Any], by: list[str], measured: Mapping[str, Measured]) -> SimpleNamespace:
    """A group as its type reads it."""
    told = SimpleNamespace(
        count=raw["count"],
        keys=SimpleNamespace(**{_flat(path): None for path in keys}),
        **{each: SimpleNamespace() for each in ("values", "min", "max", "avg", "sum")},
    )
    for at, path in enumerate(by):
        setattr(told.keys, _flat(path), _believed(keys[path], raw["_id"][f"k{at}"]))
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
