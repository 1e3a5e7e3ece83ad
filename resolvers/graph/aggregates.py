"""What the records of a noun come to, group by group: counted, bounded, added up and averaged as records and values name it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from types import SimpleNamespace
from typing import Annotated, Any

import strawberry
from pydantic import BaseModel, TypeAdapter
from strawberry import UNSET
from strawberry.types.field import StrawberryField

from documents.access import Permission
from documents.errors import LimitExceeded
from documents.store.aggregates import Measure
from documents.store.filters import to_query
from documents.store.record import Record
from documents.store.standins import aware
from documents.values import Value, camel
from resolvers.graph.asked import asked_for
from resolvers.graph.connections import Filtered
from resolvers.graph.context import Info
from resolvers.graph.filters import dotted, filter_of, single
from resolvers.graph.groups import group_of, grouping, keys_of
from resolvers.graph.mutation import query
from resolvers.graph.orders import ordered_by
from resolvers.graph.registry import Registry, pending, registry_of
from resolvers.graph.types import bare, expose, named

GROUPS = 1_000


def aggregates(
    kind: type[Record], name: str, description: str, over: Sequence[str] = (), permit: Permission = Permission.READ
) -> StrawberryField:
    """Declares what the records of a noun come to: `aggregates(ModelVersion, "model_version_aggregates", "…", over=["owner"])`.

    It offers what the record and the values in it name in `grouped`, `summed` and `bounded`, and groups over the edges `over`
    by what the record at their end names.
    """
    aggregate = pending(lambda registry: _aggregate(registry, kind, over))

    async def resolve(
        info: Info,
        filter: Filtered[filter_of(kind)] = UNSET,  # type: ignore[valid-type]
        group_by: Annotated[
            list[group_of(kind, over)] | None,  # type: ignore[valid-type]
            strawberry.argument(description="The groups share these fields, and are ordered by them."),
        ] = UNSET,
    ) -> list[aggregate]:  # type: ignore[valid-type]
        by = ordered_by(group_by, (), "groupBy")
        registry, selected = registry_of(info), {each.name for each in _selected(info.selected_fields)}
        measured = {name: each for name, each in _measures(registry, kind).items() if camel(name) in selected}
        asked = to_query(await asked_for(info.context, filter))
        groups = await kind.groups(
            asked, [grouping(registry, kind, *each) for each in by], [each.of for each in measured.values()], GROUPS + 1
        )
        if len(groups) > GROUPS:
            raise LimitExceeded("the number of groups", len(groups), GROUPS)
        return [_told(keys_of(registry, kind, over), raw, [path for path, _ in by], measured) for raw in groups]

    resolve.__name__, resolve.__doc__ = name, description
    return query(permit)(resolve)


def _aggregate(registry: Registry, kind: type[Record], over: Sequence[str]) -> Any:
    """The type of a group of records, which is made with the types in it."""
    of = f"a group of `{kind.__name__}` records"

    def output(name: str, about: str, fields: Mapping[str, tuple[Any, str]]) -> Any:
        return registry.once(f"{kind.__name__}{name}", lambda made: _output(made, about, fields))

    measures = _measures(registry, kind)
    shared = keys_of(registry, kind, over).items()
    keys = {_flat(path): (value | None, f"The group has this `{dotted(path)}`.") for path, value in shared}
    bounds = {name: (each.type | None, f"`{each.path}` has this bound.") for name, each in measures.items()}
    bounded = output("Bounds", f"The bounds are the least or greatest values of {of}.", bounds)
    groups = {
        "keys": (
            output("Keys", f"The keys are what {of} shares.", keys),
            "The keys are what the group shares; null if not grouped by.",
        ),
        "count": (int, "The number of records that the group has."),
        "min": (bounded, "The least values that the group has."),
        "max": (bounded, "The greatest values that the group has."),
    }
    if added := {name: each for name, each in measures.items() if each.added}:
        numbers = {name: (float | None, f"`{each.path}` has this number.") for name, each in added.items()}
        summed = output("Numbers", f"The numbers are counts, means or sums of {of}.", numbers)
        groups |= {
            "values": (summed, "The counts of the values that `avg` and `sum` are over."),
            "avg": (summed, "The means are null where there are no values."),
            "sum": (summed, "The sums are 0 where there are no values."),
        }
    return output("Aggregate", f"An aggregate is what {of} comes to.", groups)


def _output(cls: Any, about: str, fields: Mapping[str, tuple[Any, str]]) -> None:
    cls.__annotations__ = {}
    for name, (of, text) in fields.items():
        expose(of)
        cls.__annotations__[name] = of
        setattr(cls, name, strawberry.field(description=text))
    strawberry.type(cls, description=cleandoc(about))


@dataclass(frozen=True, slots=True)
class Measured:
    """What is bounded, and added up if it is a number that can be: stored or computed, at a path as clients spell it."""

    of: Measure
    type: Any
    path: str
    added: bool


def _measures(
    registry: Registry, model: type[BaseModel], lists: tuple[str, ...] = (), path: str = "", above: str = ""
) -> dict[str, Measured]:
    """What `model` and the values in it and in its lists name, by the names that clients know them by."""
    found: dict[str, Measured] = {}
    here = "$$this." if lists else "$"
    summed, bounded = named(model, "summed"), named(model, "bounded")
    for name in registry.names_of(model):
        of, listed = single(model.model_fields[name].annotation)
        if isinstance(of, type) and issubclass(of, BaseModel):
            inside = ((*lists, f"{path}{name}"), "") if listed else (lists, f"{path}{name}.")
            found |= _measures(registry, of, *inside, f"{above}{name}.")
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
