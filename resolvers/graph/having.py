"""Which groups an aggregate answers with, and in which order: by their keys and by what they come to."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel
from strawberry import UNSET

from documents.errors import InvalidInput, LimitExceeded
from documents.store.filters import Filter
from documents.store.operators import COMPARING
from documents.store.record import Record
from documents.values import camel
from resolvers.graph.asked import JOINING, SCOPE, asked_for
from resolvers.graph.context import Context
from resolvers.graph.figures import WHERE, Figures, Inside, Place, distinct_of, flat, lists_of, stats_of
from resolvers.graph.filters import make_input, record_filter, value_filter
from resolvers.graph.groups import keys_of
from resolvers.graph.orders import ORDERS, OrderDirection
from resolvers.graph.registry import Registry, pending

COUNT, KEYS, DISTINCT = "count", "keys", "distinct"
_SAID = {
    "values": "numbers of values from which `avg` and `sum` are computed",
    "min": "least values that the group has",
    "max": "greatest values that the group has",
    "avg": "means of the values that the group has",
    "sum": "sums of the values that the group has",
}
WHICH = "The filter that an element has to meet to be counted and summed up; without it every element is."
Fields = dict[str, tuple[Any, str]]


def having_of(document: type[Record]) -> Any:
    """The input of conditions on groups of `document`, for an annotation."""
    return pending(lambda registry: _having(registry, document))


def group_order_of(document: type[Record]) -> Any:
    """The input that orders groups of `document`, for an annotation."""
    return pending(lambda registry: _order(registry, document))


def _having(registry: Registry, model: type[BaseModel]) -> Any:
    def filtered(of: Any) -> tuple[Any, str]:
        return value_filter(registry, of), "The figure must meet this condition."

    def make(made: Any) -> None:
        of = "records" if issubclass(model, Record) else "elements"
        about = f"The group of `{model.__name__}` {of} meets every condition."
        fields = _fields(registry, model, filtered, "Filter", "The figures meet every condition.")
        fields |= {name: (_having(registry, inside.of), _elements(inside)) for name, inside in lists_of(registry, model).items()}
        if issubclass(model, Record):
            both = {"and": (list[made], "All of these hold."), "or": (list[made], "Any of these holds.")}
            fields |= both | {"not": (made, "None of this holds.")}
        make_input(made, made.__name__, about, _where(registry, model) | fields)

    return registry.once(f"{model.__name__}Having", make)


def _order(registry: Registry, model: type[BaseModel]) -> Any:
    def directed(of: Any) -> tuple[Any, str]:
        return OrderDirection, "The groups are ordered by this figure."

    def make(made: Any) -> None:
        about = f"An order of groups names one figure of the `{model.__name__}`."
        fields = _fields(registry, model, directed, "Order", "One of the figures orders the groups.")
        fields |= {name: (_order(registry, inside.of), _elements(inside)) for name, inside in lists_of(registry, model).items()}
        if issubclass(model, Record) and (keys := keys_of(registry, model)):
            named = {
                flat(path): (OrderDirection, "The groups are ordered by this key, which `groupBy` has to name.") for path in keys
            }
            fields |= {
                KEYS: (
                    _input(registry, model, "KeysOrder", "One of the keys orders the groups.", named),
                    "The key that orders the groups.",
                )
            }
        make_input(made, made.__name__, about, _where(registry, model) | fields)

    return registry.once(f"{model.__name__}GroupOrder", make)


def _fields(
    registry: Registry, model: type[BaseModel], taken: Callable[[Any], tuple[Any, str]], ending: str, about: str
) -> Fields:
    """What there is of a figure of each kind."""
    of, _ = taken(int)
    fields: Fields = {COUNT: (of, f"The number of {'records' if issubclass(model, Record) else 'elements'} that the group has.")}
    for stat, told in stats_of(registry, model).items():
        kind = "Bounds" if stat in {"min", "max"} else "Numbers"
        inside = {name: taken(each.type if kind == "Bounds" else float) for name, each in told.items()}
        fields[stat] = (_input(registry, model, f"{kind}{ending}", about, inside), f"The {_SAID[stat]}.")
    if issubclass(model, Record) and (different := distinct_of(registry, model)):
        made = _input(registry, model, f"Distinct{ending}", about, {name: taken(int) for name in different})
        fields[DISTINCT] = (made, "The numbers of different values that the group has.")
    return fields


def _input(registry: Registry, model: type[BaseModel], ending: str, about: str, fields: Fields) -> Any:
    kind = ending.removesuffix("Filter").removesuffix("Order")
    told = f"{about} `{model.__name__}{kind}` describes them."
    return registry.once(f"{model.__name__}{ending}", lambda made: make_input(made, made.__name__, told, fields))


def _where(registry: Registry, model: type[BaseModel]) -> dict[str, Any]:
    if issubclass(model, Record):
        return {}
    return {WHERE: (record_filter(registry, model), WHICH, {SCOPE: True})}


def _elements(inside: Inside) -> str:
    return f"The figures that the elements of `{camel(flat(inside.path))}` come to."


# What is asked


async def having_asked(context: Context, figures: Figures, document: type[Record], given: Any) -> Filter:
    """The filter for groups, as they come from the database, that an input asks for."""
    said = await asked_for(context, given, "having")
    figures.counted(said)
    return _conditions(figures, Place(document), said)


def _conditions(figures: Figures, place: Place, said: Filter) -> Filter:
    return {"and": [_condition(figures, place, name, each) for name, each in said.items()]} if said else {}


def _condition(figures: Figures, place: Place, name: str, said: Any) -> Filter:
    if name in JOINING:
        parts = [_conditions(figures, place, each) for each in said] if name != "not" else _conditions(figures, place, said)
        return {name: parts}
    if name == COUNT:
        return {figures.count(place): _alone(said)}
    if name == DISTINCT:
        paths = distinct_of(figures.registry, place.model)  # type: ignore[arg-type]
        return {"and": [{figures.distinct(paths[each]): _alone(wanted)} for each, wanted in said.items()]}
    lists = lists_of(figures.registry, place.model)
    if name in lists:
        inside = {each: wanted for each, wanted in said.items() if each != WHERE}
        return _conditions(figures, place.into(lists[name], said.get(WHERE, {})), inside)
    return {"and": [{figures.figure(place, name, each): _alone(wanted)} for each, wanted in said.items()]}


def _alone(wanted: Any) -> Any:
    """A condition on a figure; InvalidInput if it compares with a field, which groups do not have."""
    if not COMPARING.keys().isdisjoint(wanted):
        raise InvalidInput("having", "must not compare with another field: groups have none")
    return wanted


async def order_asked(context: Context, figures: Figures, document: type[Record], given: Any) -> list[tuple[str, int]]:
    """What groups are ordered by, by its name in the answer of the database."""
    if len(given or ()) > ORDERS:
        raise LimitExceeded("the number of fields in `orderBy`", len(given), ORDERS)
    order = [await _ordered(context, figures, Place(document), each, f"orderBy.{at}") for at, each in enumerate(given or ())]
    if len(dict(order)) < len(order):
        raise InvalidInput("orderBy", "must not name a figure twice")
    return order


async def _ordered(context: Context, figures: Figures, place: Place, given: Any, argument: str) -> tuple[str, int]:
    name, value = _only(given, argument)
    if name == COUNT:
        return figures.count(place), value.sign
    if (inside := lists_of(figures.registry, place.model).get(name)) is not None:
        where = getattr(value, WHERE, None)
        filtered = await asked_for(context, where, f"{argument}.{name}.{WHERE}") if where else {}
        figures.counted(filtered)
        return await _ordered(context, figures, place.into(inside, filtered), value, f"{argument}.{name}")
    field, direction = _only(value, argument)
    if name == DISTINCT:
        return figures.distinct(distinct_of(figures.registry, place.model)[field]), direction.sign  # type: ignore[arg-type]
    if name == KEYS:
        return f"_id.k{_place_of_key(figures, field, argument)}", direction.sign
    return figures.figure(place, name, field), direction.sign


def _place_of_key(figures: Figures, name: str, argument: str) -> int:
    for at, key in enumerate(figures.groups.keys):
        if flat(key.path) == name:
            return at
    raise InvalidInput(argument, f"must name a key that `groupBy` names, and it does not name `{camel(name)}`")


def _only(given: Any, argument: str) -> tuple[str, Any]:
    names = [each.python_name for each in given.__strawberry_definition__.fields if each.python_name != WHERE]
    chosen: Mapping[str, Any] = {name: value for name in names if (value := getattr(given, name)) not in (UNSET, None)}
    if len(chosen) != 1:
        raise InvalidInput(argument, "must name one figure; each further figure is a further element of `orderBy`")
    return next(iter(chosen.items()))
