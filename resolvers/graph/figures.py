"""What groups of records come to: which numbers there are, of a record and of the elements of its lists, and which are asked for.

Records and the values in them name the fields in `summed`, `bounded`, `measured`, and in `mixed` those of several kinds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from documents.errors import InvalidInput, LimitExceeded
from documents.store.aggregates import STATS, Listed, Measure, Question
from documents.store.filters import Filter
from documents.store.record import Record
from documents.values import Value, camel
from resolvers.graph.filters import dotted, single
from resolvers.graph.groups import Groups, keys_of
from resolvers.graph.registry import Registry
from resolvers.graph.types import bare, named

SOURCES = 10
"""The most lists, each under one filter, whose elements an aggregate counts or sums up."""
LEAVES = 200
"""The most conditions in the filters for elements and for groups of an aggregate."""
BOUNDS, SUMS = ("min", "max"), ("values", "avg", "sum")


@dataclass(frozen=True, slots=True)
class Measured:
    """What is bounded, and added up if it is a number that can be: stored or computed, at a path as clients spell it."""

    value: Any
    """The expression for the value."""
    type: Any
    path: str
    added: bool
    told_by: str | None
    """The field that tells the kinds of such values apart, which must not be mixed; None if all are of one kind."""


@dataclass(frozen=True, slots=True)
class Inside:
    """A list of values in a record, or in an element of another list."""

    path: str
    of: type[BaseModel]
    told_by: str | None
    """The field of the value with the list that tells the kinds of numbers in its elements apart."""


def measures_of(registry: Registry, model: type[BaseModel]) -> dict[str, Measured]:
    """What a record, or an element of a list, and the single values in it name, by the names that clients know them by."""
    known = f"measures of {model.__qualname__}"
    if known not in registry.memory:
        registry.memory[known] = dict(_measures(registry, model, "$" if issubclass(model, Record) else "$$this."))
    found: dict[str, Measured] = registry.memory[known]
    return found


def _measures(registry: Registry, model: type[BaseModel], at: str, above: str = "") -> Iterator[tuple[str, Measured]]:
    summed, bounded, mixed = named(model, "summed"), named(model, "bounded"), _mixed(model)
    for name in registry.names_of(model):
        of, listed = single(model.model_fields[name].annotation)
        if listed:
            continue
        if isinstance(of, type) and issubclass(of, BaseModel):
            yield from _measures(registry, of, f"{at}{name}.", f"{above}{name}.")
        elif name in summed | bounded:
            yield flat(above + name), Measured(f"{at}{name}", of, dotted(above + name), name in summed, mixed.get(name))
    for name, computed in model.measured.items() if issubclass(model, Value) else ():
        of = bare(model.model_computed_fields[name].return_type)
        yield flat(above + name), Measured(computed(at.rstrip(".")), of, dotted(above + name), True, mixed.get(name))


def lists_of(registry: Registry, model: type[BaseModel]) -> dict[str, Inside]:
    """The lists in `model` and the single values in it whose values offer anything, by the names that clients know them by."""
    known = f"lists of {model.__qualname__}"
    if known not in registry.memory:
        registry.memory[known] = dict(_lists(registry, model))
    found: dict[str, Inside] = registry.memory[known]
    return found


def _lists(registry: Registry, model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Inside]]:
    for name in registry.names_of(model):
        of, listed = single(model.model_fields[name].annotation)
        if not (isinstance(of, type) and issubclass(of, BaseModel)):
            continue
        here = f"{path}{name}"
        if not listed:
            yield from _lists(registry, of, f"{here}.")
        elif named(of, "grouped") or measures_of(registry, of) or lists_of(registry, of):
            yield flat(here), Inside(here, of, _mixed(model).get(name))


def distinct_of(registry: Registry, document: type[Record]) -> dict[str, str]:
    """The paths of which different values are counted: what the record itself and its single values are grouped by."""
    keys = keys_of(registry, document).values()
    return {flat(each.path): each.path for each in keys if not each.lists and not each.edge and not each.is_period}


def _mixed(model: type[BaseModel]) -> Mapping[str, str]:
    found: Mapping[str, str] = getattr(model, "mixed", {})
    return found


def flat(path: str) -> str:
    return path.replace(".", "_")


@dataclass(frozen=True, slots=True)
class Place:
    """Where figures are asked for: the record, or the elements of a list that meet the filters on the way to them."""

    model: type[BaseModel]
    ways: tuple[tuple[Inside, Filter], ...] = ()

    @property
    def name(self) -> str:
        """Where it stands in the selection, as clients spell it."""
        return ".".join(camel(flat(inside.path)) for inside, _ in self.ways)

    def into(self, inside: Inside, where: Filter) -> "Place":
        return Place(inside.of, (*self.ways, (inside, where)))


@dataclass
class Figures:
    """The figures that an aggregate is asked for, each of which is computed once, wherever it is asked for."""

    registry: Registry
    groups: Groups
    question: Question = field(init=False)
    leaves: int = 0
    _known: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.question = Question(by=self.groups.by, lists=self.groups.lists)
        for each in self.groups.lists:
            self.counted(each.where)

    def counted(self, wanted: Any) -> None:
        """Counts the conditions of a filter for elements or for groups; LimitExceeded if there are too many of them."""
        self.leaves += _leaves(wanted)
        if self.leaves > LEAVES:
            raise LimitExceeded("the number of conditions on elements and groups", self.leaves, LEAVES)

    def count(self, place: Place) -> str:
        """The name, in the answer of the database, of how many records or elements there are."""
        return f"n{self._source(place)}" if place.ways else "count"

    def distinct(self, path: str) -> str:
        return f"d{self._once(self.question.distinct, path)}"

    def figure(self, place: Place, stat: str, name: str) -> str:
        """The name, in the answer of the database, of a figure such as the `avg` of the `value`s there."""
        measured = measures_of(self.registry, place.model)[name]
        if place.ways:
            self._of_one_kind(place, measured)
        source = self._source(place) if place.ways else None
        at = self._once(self.question.measures, Measure(source, measured.value))
        self._once(self.question.figures, (at, stat))
        return f"{stat}{at}"

    def _source(self, place: Place) -> int:
        at = self._once(self.question.sources, tuple(Listed(inside.path, where) for inside, where in place.ways))
        if at == SOURCES:
            raise LimitExceeded("the number of lists of which an aggregate sums up elements", at + 1, SOURCES)
        return at

    def _once(self, known: list[Any], one: Any) -> int:
        said = f"{id(known)} {one!r}"
        if said not in self._known:
            known.append(one)
            self._known[said] = len(known) - 1
        return self._known[said]

    def _of_one_kind(self, place: Place, measured: Measured) -> None:
        """Raises InvalidInput if elements are about to be mixed whose numbers are of several kinds."""
        tellers = [inside.told_by for inside, _ in place.ways[1:]] + [measured.told_by]
        path = ""
        for (inside, where), told_by in zip(place.ways, tellers, strict=True):
            path = f"{path}.{inside.path}".lstrip(".")
            if told_by and not _pins(where, told_by) and not self._grouped_by(path, told_by):
                wanted = f'{camel(flat(inside.path))}(where: {{{camel(told_by)}: {{eq: ".."}}}})'
                problem = f"must name the `{camel(told_by)}` of the numbers by `eq` or `in`, as in {wanted}"
                raise InvalidInput(f"{place.name}.{WHERE}", problem)

    def _grouped_by(self, path: str, told_by: str) -> bool:
        """Whether all elements of a group agree in that field, because it is grouped by or filtered by."""
        lists = self.groups.lists
        chain = [".".join(each.path for each in lists[: at + 1]) for at in range(len(lists))]
        filtered = path in chain and _pins(lists[chain.index(path)].where, told_by)
        return filtered or any(key.path == f"{path}.{told_by}" and key.lists for key in self.groups.keys)


WHERE = "where"


def _pins(where: Filter, name: str) -> bool:
    """Whether a filter names the values of that field one by one."""
    said = where.get(name) or {}
    return bool({"eq", "in"} & said.keys()) or any(_pins(each, name) for each in where.get("and", ()))


def _leaves(wanted: Any) -> int:
    match wanted:
        case Mapping():
            return sum(map(_leaves, wanted.values()))
        case list() | tuple():
            return sum(map(_leaves, wanted)) if wanted and isinstance(wanted[0], Mapping) else 1
    return 1


def stats_of(registry: Registry, model: type[BaseModel]) -> dict[str, dict[str, Measured]]:
    """What each of `STATS` is told of, without those that are told of nothing."""
    every = measures_of(registry, model)
    added = {name: each for name, each in every.items() if each.added}
    return {stat: found for stat in STATS if (found := every if stat in BOUNDS else added)}
