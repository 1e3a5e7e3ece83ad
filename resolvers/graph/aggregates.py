"""What the records of a noun come to, group by group: counted, bounded, added up and averaged as records and values name it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from inspect import cleandoc
from types import SimpleNamespace
from typing import Annotated, Any

import strawberry
from pydantic import BaseModel, TypeAdapter
from strawberry import UNSET, Parent
from strawberry.types.field import StrawberryField

from documents.access import Permission
from documents.errors import InvalidInput, LimitExceeded, Unreadable
from documents.store.filters import to_query
from documents.store.record import Record
from documents.store.standins import VALUE_ERRORS, aware
from documents.values import camel
from resolvers.graph.asked import asked_for
from resolvers.graph.connections import Filtered
from resolvers.graph.context import Context, Info
from resolvers.graph.figures import BOUNDS, WHERE, Figures, Inside, Measured, Place, distinct_of, flat, lists_of, stats_of
from resolvers.graph.filters import dotted, filter_of, record_filter
from resolvers.graph.groups import Groups, Key, group_of, groups_asked, keys_of
from resolvers.graph.having import COUNT, DISTINCT, KEYS, WHICH, group_order_of, having_asked, having_of, order_asked
from resolvers.graph.mutation import query
from resolvers.graph.registry import Registry, pending, registry_of
from resolvers.graph.selection import Chosen, chosen_below
from resolvers.graph.types import expose

GROUPS = 1_000


def aggregates(kind: type[Record], name: str, description: str, permit: Permission = Permission.READ) -> StrawberryField:
    """Declares what the records of a noun come to: `aggregates(ModelVersion, "model_version_aggregates", "…")`.

    It offers what the record and the values in it name in `grouped`, `summed` and `bounded`, sums up the elements of its lists,
    and groups over its edges by what the records at their ends name.
    """
    aggregate = pending(lambda registry: _aggregate(registry, kind))

    async def resolve(
        info: Info,
        filter: Filtered[filter_of(kind)] = UNSET,  # type: ignore[valid-type]
        group_by: Annotated[
            list[group_of(kind)] | None,  # type: ignore[valid-type]
            strawberry.argument(
                description="The fields that the records of a group share. Without it all records are one group."
            ),
        ] = UNSET,
        having: Annotated[
            having_of(kind) | None,  # type: ignore[valid-type]
            strawberry.argument(description="The conditions that a group has to meet to be in the answer."),
        ] = UNSET,
        order_by: Annotated[
            list[group_order_of(kind)] | None,  # type: ignore[valid-type]
            strawberry.argument(
                description="The groups are ordered by these figures and keys, and where those are equal by `groupBy`."
            ),
        ] = UNSET,
        first: Annotated[
            int | None,
            strawberry.argument(
                description="The number of groups that are taken from the start. Without it all are; more than 1,000 are refused."
            ),
        ] = UNSET,
    ) -> list[aggregate]:  # type: ignore[valid-type]
        wanted = _size(first)
        groups = await groups_asked(registry_of(info), info.context, kind, group_by)
        figures = Figures(registry_of(info), groups)
        plan = await _planned(info.context, figures, Place(kind), chosen_below(info))
        figures.question.having = await having_asked(info.context, figures, kind, having)
        figures.question.order = await order_asked(info.context, figures, kind, order_by)
        asked = to_query(await asked_for(info.context, filter))
        found = await kind.groups(asked, figures.question, wanted) if wanted else []
        if len(found) > GROUPS:
            raise LimitExceeded("the number of groups", len(found), GROUPS)
        return [_group(plan, groups, keys_of(figures.registry, kind), raw) for raw in found]

    resolve.__name__, resolve.__doc__ = name, description
    return query(permit)(resolve)


def _size(first: int | None) -> int:
    """How many groups the database is asked for: one more than may be, if the client does not say how many."""
    if first is None or first is UNSET:
        return GROUPS + 1
    if first < 0:
        raise InvalidInput("first", "must not be negative")
    if first > GROUPS:
        raise LimitExceeded("the number of groups", first, GROUPS)
    return first


# The types


def _aggregate(registry: Registry, model: type[BaseModel]) -> Any:
    """The type of a group of records, or of elements, which is made with the types in it."""
    is_record = issubclass(model, Record)
    of = f"a group of `{model.__name__}` {'records' if is_record else 'elements'}"

    def output(name: str, about: str, fields: Mapping[str, tuple[Any, str]]) -> Any:
        return registry.once(f"{model.__name__}{name}", lambda made: _output(made, about, fields))

    def make(made: Any) -> None:
        groups: dict[str, tuple[Any, str]] = {COUNT: (int, "The number of records that the group has.")}
        if not is_record:
            groups = {COUNT: (int, "The number of elements that the figures are about.")}
        told = stats_of(registry, model)
        if every := told.get("min"):
            bounded = output(
                "Bounds",
                f"The bounds are the least or greatest values of {of}.",
                _figures(every, "The least or greatest `{}` that the group has.", bounds=True),
            )
            groups |= {
                "min": (bounded, "The least values that the group has; null where it has none."),
                "max": (bounded, "The greatest values that the group has; null where it has none."),
            }
        if added := told.get("sum"):
            summed = output(
                "Numbers",
                f"The numbers are counts, means or sums of {of}.",
                _figures(added, "The count, mean or sum of the values that `{}` has in the group."),
            )
            groups |= {
                "values": (summed, "The numbers of values from which `avg` and `sum` are computed; null is no value."),
                "avg": (summed, "The means of the values that the group has; null where it has none."),
                "sum": (summed, "The sums of the values that the group has; 0 where it has none."),
            }
        if is_record:
            groups |= _of_records(registry, model, of, output)
        made.__annotations__ = {}
        _describe(made, groups)
        for name, inside in lists_of(registry, model).items():
            setattr(made, name, _listed(registry, name, inside))
        strawberry.type(made, description=cleandoc(f"An aggregate is what {of} comes to."))

    return registry.once(f"{model.__name__}Aggregate", make)


def _figures(told: Mapping[str, Measured], about: str, bounds: bool = False) -> dict[str, tuple[Any, str]]:
    return {
        name: ((each.type if bounds else float) | None, about.format(each.path) + _one_kind(each.told_by))
        for name, each in told.items()
    }


def _of_records(registry: Registry, model: Any, of: str, output: Any) -> dict[str, tuple[Any, str]]:
    found: dict[str, tuple[Any, str]] = {}
    if keys := keys_of(registry, model):
        shared = {flat(path): (each.type | None, _about_key(each)) for path, each in keys.items()}
        made = output("Keys", f"The keys are what {of} shares.", shared)
        found[KEYS] = (made, "The keys that the records of the group share; a key that `groupBy` does not name is null.")
    if different := distinct_of(registry, model):
        about = "The number of different values that `{}` has in the group; null is not counted."
        numbers = {name: (int | None, about.format(dotted(path))) for name, path in different.items()}
        made = output("Distinct", f"The numbers say how many different values {of} has.", numbers)
        found[DISTINCT] = (made, "The numbers of different values that the group has; null is not counted.")
    return found


def _about_key(key: Key) -> str:
    if key.is_period:
        return f"The first day of the period in which the group has its `{dotted(key.path)}`."
    whose = "an element of each record" if key.lists else "each record"
    return f"The `{dotted(key.path)}` that {whose} of the group has."


def _one_kind(told_by: str | None) -> str:
    return (
        f" A `where` has to name their `{camel(told_by)}` by `eq` or `in`, unless the groups are made by it." if told_by else ""
    )


def _listed(registry: Registry, name: str, inside: Inside) -> StrawberryField:
    """The field with what the elements of a list come to. The root has planned and computed it, by its key in the answer."""
    kind = _aggregate(registry, inside.of)

    def resolve(
        root: Parent[Any],
        info: Info,
        where: Annotated[record_filter(registry, inside.of) | None, strawberry.argument(description=WHICH)] = UNSET,  # type: ignore[valid-type]
    ) -> Any:
        return root.lists[info.path.key]

    resolve.__name__ = name
    more = _one_kind(inside.told_by)
    about = f"The figures that the elements of `{dotted(inside.path)}` come to, over all records of the group."
    about += f" Where the groups are made by this list, only elements that have the keys of the group count.{more}"
    declared: StrawberryField = strawberry.field(resolver=resolve, description=about, graphql_type=kind)
    return declared


def _output(cls: Any, about: str, fields: Mapping[str, tuple[Any, str]]) -> None:
    cls.__annotations__ = {}
    _describe(cls, fields)
    strawberry.type(cls, description=cleandoc(about))


def _describe(cls: Any, fields: Mapping[str, tuple[Any, str]]) -> None:
    for name, (of, text) in fields.items():
        expose(of)
        cls.__annotations__[name] = of
        setattr(cls, name, strawberry.field(description=text))


# The answer


@dataclass
class Plan:
    """The figures that are asked for at one place: their names in the answer of the database, and their types."""

    count: str | None = None
    stats: dict[str, dict[str, tuple[str, Any]]] = field(default_factory=dict)
    distinct: dict[str, str] = field(default_factory=dict)
    lists: "dict[str, Plan]" = field(default_factory=dict)
    """By the keys that they have in the answer to the client."""

    def told(self, raw: Mapping[str, Any]) -> SimpleNamespace:
        told = {
            stat: SimpleNamespace(**{name: _believed(of, raw[at], name) for name, (at, of) in each.items()})
            for stat, each in self.stats.items()
        }
        different = SimpleNamespace(**{name: raw[at] for name, at in self.distinct.items()})
        lists = {key: each.told(raw) for key, each in self.lists.items()}
        return SimpleNamespace(count=self.count and raw[self.count], distinct=different, lists=lists, **told)


async def _planned(context: Context, figures: Figures, place: Place, chosen: Chosen) -> Plan:
    plan, registry = Plan(), figures.registry
    told, lists = stats_of(registry, place.model), lists_of(registry, place.model)
    for key, one in chosen.items():
        if one.name == COUNT:
            plan.count = figures.count(place)
        elif one.name in told:
            measured = told[one.name]
            types = {name: each.type if one.name in BOUNDS else float for name, each in measured.items()}
            plan.stats.setdefault(one.name, {}).update(
                {each.name: (figures.figure(place, one.name, each.name), types[each.name]) for each in one.below().values()}
            )
        elif one.name in lists:
            where = one.arguments().get(WHERE)
            filtered = await asked_for(context, where, f"{place.name}.{camel(one.name)}.{WHERE}".lstrip(".")) if where else {}
            figures.counted(filtered)
            plan.lists[key] = await _planned(context, figures, place.into(lists[one.name], filtered), one.below())
        elif one.name == DISTINCT:
            paths = distinct_of(registry, place.model)  # type: ignore[arg-type]
            plan.distinct |= {each.name: figures.distinct(paths[each.name]) for each in one.below().values()}
    return plan


def _group(plan: Plan, groups: Groups, offered: Mapping[str, Key], raw: Mapping[str, Any]) -> SimpleNamespace:
    told = plan.told(raw)
    keys = {flat(path): None for path in offered}
    for at, (key, by) in enumerate(zip(groups.keys, groups.by, strict=True)):
        keys[flat(key.path)] = _believed(key.type, by.value(raw["_id"][f"k{at}"]), key.path)
    told.keys = SimpleNamespace(**keys)
    return told


def _believed(of: Any, value: Any, path: str) -> Any:
    try:
        return _adapter(of).validate_python(aware(value))
    except VALUE_ERRORS as error:  # a group is of many records, and does not say which of them holds it
        raise Unreadable(path=path) from error


@cache
def _adapter(of: Any) -> TypeAdapter[Any]:
    return TypeAdapter(of | None)
