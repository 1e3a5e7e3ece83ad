"""What records are grouped by: fields, periods, elements of one list, and the records over an edge.

Records, the values in them and the records over an edge name the fields in `grouped`, and the moments and days in `bounded`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import strawberry
from pydantic import BaseModel
from strawberry import UNSET

from documents.errors import InvalidInput, LimitExceeded
from documents.store.aggregates import Grouping, Listed
from documents.store.filters import Filter
from documents.store.periods import GroupPeriod, Period, is_zone
from documents.store.record import Record
from documents.values import camel
from resolvers.graph.asked import Across, asked_for
from resolvers.graph.context import Context
from resolvers.graph.filters import edges_of, make_input, record_filter, single
from resolvers.graph.orders import ORDERS, OrderDirection
from resolvers.graph.registry import Registry, pending
from resolvers.graph.types import expose, named

WHERE, UTC = "where", "UTC"


@strawberry.input(description="A grouping by period puts records together whose moment or day lies in the same period.")
class ByPeriod:
    period: GroupPeriod = strawberry.field(description="The period that each group is about.")
    zone: str | None = strawberry.field(
        default=UNSET,
        description="The time zone in which periods begin, such as `Europe/Berlin`; it is `UTC` if left out. Days take none.",
    )
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="The direction in which the groups are ordered by the first day of their period."
    )


@dataclass(frozen=True, slots=True)
class Key:
    """What a group can share: the value at a path from the record, which may lead through lists or over an edge."""

    path: str
    stored: Any
    """The kind of value that is stored there."""
    lists: tuple[str, ...] = ()
    """The paths of the lists, each after the first from an element of the one before."""
    inner: str = ""
    """The path from the element of the last list, else from the record; over an edge from the record at its end."""
    edge: Across | None = None
    own: tuple[str, ...] = ()
    """The paths of the fields that hold the keys of the record at the end of the edge."""
    before: str = ""
    """The path of the stored value that orders the groups in place of their own; empty if there is none."""

    @property
    def is_period(self) -> bool:
        return self.stored in {date, datetime}

    @property
    def type(self) -> Any:
        """The kind of value that clients read; of a period, the first day."""
        return date if self.is_period else self.stored

    def grouping(self, direction: int, period: Period | None) -> Grouping:
        if self.edge:
            return Grouping(self.inner, direction, collection=self.edge.kind.collection, keys=self.edge.keys, own=self.own)
        return Grouping(self.inner, direction, len(self.lists), period, before=self.before)


def keys_of(registry: Registry, document: type[Record]) -> dict[str, Key]:
    """Everything that `document` can be grouped by, by its path."""
    name = f"keys of {document.__name__}"
    if name not in registry.memory:
        keys = {each.path: each for each in _keys(registry, document)}
        registry.memory[name] = {path: replace(each, before=document.keyed.get(path, "")) for path, each in keys.items()}
    found: dict[str, Key] = registry.memory[name]
    return found


def _keys(
    registry: Registry, model: type[BaseModel], path: str = "", lists: tuple[str, ...] = (), since: str = ""
) -> Iterator[Key]:
    """`path` leads from the record to `model`, and `since` from the element of the last list, else from the record too."""
    for name, of, listed in _fields(registry, model, not lists):
        here, inner = f"{path}{name}", f"{since}{name}"
        through, begun = ((*lists, inner), "") if listed else (lists, f"{inner}.")
        if nested := _model(of):
            yield from _keys(registry, nested, f"{here}.", through, begun)
        else:
            yield Key(here, of, through, begun.rstrip("."))
    for name, edge in [] if lists else _edges(registry, model):
        for end in _ends(registry, edge):
            kind, _ = single(edge.kind.model_fields[end].annotation)
            yield Key(f"{path}{name}.{end}", kind, inner=end, edge=edge, own=tuple(f"{path}{each}" for each in edge.own))


def _fields(registry: Registry, model: type[BaseModel], edges: bool) -> Iterator[tuple[str, Any, bool]]:
    """The fields that are grouped by, or in whose values there are such or `edges`: name, kind of value, whether it is listed."""
    for name in registry.names_of(model):
        of, listed = single(model.model_fields[name].annotation)
        if nested := _model(of):
            if any(_fields(registry, nested, edges and not listed)) or (edges and not listed and _edges(registry, nested)):
                yield name, of, listed
        elif name in named(model, "grouped") or (name in named(model, "bounded") and of in {date, datetime}):
            yield name, of, listed


def _model(of: Any) -> type[BaseModel] | None:
    return of if isinstance(of, type) and issubclass(of, BaseModel) else None


def _edges(registry: Registry, model: type[BaseModel]) -> list[tuple[str, Across]]:
    return [(name, edge) for name, edge in edges_of(registry, model).items() if _ends(registry, edge)]


def _leads(registry: Registry, model: type[BaseModel]) -> bool:
    """Whether `model`, or a single value in it, has edges that are grouped over."""
    inside = [single(model.model_fields[name].annotation) for name in registry.names_of(model)]
    nested = [each for of, listed in inside if not listed and (each := _model(of))]
    return bool(_edges(registry, model)) or any(_leads(registry, each) for each in nested)


def _ends(registry: Registry, edge: Across) -> list[str]:
    """The fields that an edge groups by: single ones that the record at its end names, without its keys, which are at hand."""
    offered = [each for each in registry.names_of(edge.kind) if each in named(edge.kind, "grouped") and each not in edge.keys]
    return [each for each in offered if not single(edge.kind.model_fields[each].annotation)[1]]


# The inputs


def group_of(document: type[Record]) -> Any:
    """The input that groups `document`, for an annotation."""
    return pending(lambda registry: _group(registry, document))


def _group(registry: Registry, model: type[BaseModel], edges: bool = True, element: bool = False) -> Any:
    """The input that groups by `model`; one inside an element of a list has no `edges`."""
    led = _edges(registry, model)
    kind = "Element" if element else "Inner" if not edges and _leads(registry, model) else ""

    def make(made: Any) -> None:
        offered = _fields(registry, model, edges)
        fields = {name: _taken(registry, name, of, listed, edges) for name, of, listed in offered}
        fields |= {
            name: (_edge_group(registry, edge), f"The records of a group share one field of their `{camel(name)}`.")
            for name, edge in (led if edges else ())
        }
        about = f"A grouping names one field of the `{model.__name__}`."
        if element:
            fields |= {
                WHERE: (record_filter(registry, model), "The filter that an element has to meet for a group to be made by it.")
            }
            about += " Several groupings by one list are about the same element, which has to meet the `where` of each."
        make_input(made, made.__name__, about, fields)

    return registry.once(f"{model.__name__}{kind}GroupBy", make)


def _taken(registry: Registry, name: str, of: Any, listed: bool, edges: bool) -> tuple[Any, str]:
    nested, said = _model(of), f"`{camel(name)}`"
    about = f"The records of a group share one {f'field of {said}' if nested else said}."
    if listed:
        about = f"The groups are made by the elements of {said}: a record counts once in each group whose key one of them has."
    elif of in {date, datetime}:
        about = f"The records of a group have their {said} in one period."
    if nested:
        return _group(registry, nested, edges and not listed, listed), about
    expose(GroupPeriod)
    return (ByPeriod if of in {date, datetime} else OrderDirection), about


def _edge_group(registry: Registry, edge: Across) -> Any:
    fields = {name: (OrderDirection, f"The records of a group share one `{camel(name)}`.") for name in _ends(registry, edge)}
    about = f"A grouping names one field of the `{edge.kind.__name__}`."
    return registry.once(f"{edge.kind.__name__}EdgeGroupBy", lambda made: make_input(made, made.__name__, about, fields))


# What is asked


@dataclass
class Groups:
    """What `groupBy` asks for."""

    keys: list[Key] = field(default_factory=list)
    by: list[Grouping] = field(default_factory=list)
    lists: list[Listed] = field(default_factory=list)


async def groups_asked(registry: Registry, context: Context, document: type[Record], given: Any) -> Groups:
    """What a list of grouping inputs asks for; InvalidInput or LimitExceeded if that cannot be answered."""
    if len(given or ()) > ORDERS:
        raise LimitExceeded("the number of fields in `groupBy`", len(given), ORDERS)
    asked, offers, wheres = Groups(), keys_of(registry, document), dict[str, list[Filter]]()
    chain: tuple[str, ...] = ()
    for at, each in enumerate(given or ()):
        argument = f"groupBy.{at}"
        path, way, filters = await _picked(context, each, argument)
        key = offers[path]
        if key in asked.keys:
            raise InvalidInput("groupBy", "must not name a field twice")
        if key.lists[: len(chain)] != chain[: len(key.lists)]:
            raise InvalidInput(
                argument, "must be about the same list as those before it: groups are made by the elements of one list"
            )
        chain = max(chain, key.lists, key=len)
        for place, where in filters.items():
            wheres.setdefault(place, []).append(where)
        asked.keys.append(key)
        asked.by.append(key.grouping(*_way(key, way, f"{argument}.{path}.zone")))
    asked.lists = [Listed(path, _both(wheres.get(".".join(chain[: at + 1]), []))) for at, path in enumerate(chain)]
    return asked


def _both(wheres: Sequence[Filter]) -> Filter:
    return {"and": wheres} if len(wheres) > 1 else wheres[0] if wheres else {}


async def _picked(context: Context, given: Any, argument: str) -> tuple[str, Any, dict[str, Filter]]:
    """The path that a grouping input names, its direction or period, and the filters for elements by the paths of their lists."""
    path, wheres = "", dict[str, Filter]()
    while not isinstance(given, OrderDirection | ByPeriod):
        names = [each.python_name for each in given.__strawberry_definition__.fields]
        chosen = [name for name in names if name != WHERE and getattr(given, name) not in (UNSET, None)]
        place = f"{argument}.{path}".rstrip(".")
        if len(chosen) != 1:
            raise InvalidInput(place, "must name one field; each further field is a further element of `groupBy`")
        if where := getattr(given, WHERE, None):
            wheres[path] = await asked_for(context, where, f"{place}.{WHERE}")
        (name,) = chosen
        path, given = f"{path}.{name}".lstrip("."), getattr(given, name)
    return path, given, wheres


def _way(key: Key, way: Any, argument: str) -> tuple[int, Period | None]:
    if isinstance(way, OrderDirection):
        return way.sign, None
    zone = None if way.zone is UNSET else way.zone
    if key.stored is date and zone is not None:
        raise InvalidInput(argument, "must be left out: days are not moments, and lie in no time zone")
    if zone is not None and not is_zone(zone):
        raise InvalidInput(argument, "must be a time zone of the IANA time zone database, such as `Europe/Berlin`")
    return way.direction.sign, Period(way.period, None if key.stored is date else zone or UTC)
