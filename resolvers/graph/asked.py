"""Reads a filter input: values as they are stored, derived conditions as conditions on stored fields, edges as keys."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache, partial
from typing import Any

from pydantic import TypeAdapter, ValidationError
from strawberry import UNSET
from strawberry.types.base import StrawberryOptional, has_object_definition

from documents.errors import InvalidInput, LimitExceeded
from documents.numbers import LONGEST, is_semantic
from documents.store.fields import fields_at
from documents.store.filters import Filter, among, to_query
from documents.store.operators import COMPARING, EACH, OPERATORS, ORDERING
from documents.store.record import Record
from documents.store.standins import at_path
from documents.values import LIST_LENGTH, URI_LENGTH, Choice, Moment, Number, Phrase, camel, problem_in
from resolvers.graph.context import Context

ACROSS, DERIVED = "across", "derived"
SCOPE = "scope"  # marks a field whose filter is about a record of its own, where the paths in it begin
DEPTH = 16  # MongoDB takes a query of 100 levels, of which `some` and `not` need several
KEYS, EDGES = 10_000, 10  # the most records that an edge of a filter may lead to, and the most edges of a filter
ANY_CASE = 140  # the characters of a text in any case: a pattern spells each as up to six, and the embedded database takes 1,000
VALUES = 200  # the most values of a field over an edge that a filter compares with
SPELLED = 1_000  # the most values of a filter that is spelled out for each value of such a field
OPERATING, JOINING = OPERATORS.keys() | COMPARING.keys() | ORDERING.keys() | EACH, {"and", "or", "not"}
_PHRASE, _MOMENT, _NUMBER = TypeAdapter(Phrase), TypeAdapter(Moment), TypeAdapter(Number)


@dataclass(frozen=True)
class Across:
    """An edge that a filter can follow. It leads to the record of `kind` whose `keys` equal the fields `own` of the parent."""

    kind: type[Record]
    keys: tuple[str, ...]
    own: tuple[str, ...]

    async def lead(self, wanted: Sequence[Filter]) -> Sequence[Filter]:
        """For each filter on `kind`, a filter on the parent; LimitExceeded if more than 10,000 records meet it."""
        return [await self._lead(each) for each in wanted]

    async def _lead(self, wanted: Filter) -> Filter:
        found = await self.kind.read(to_query(wanted), limit=KEYS + 1, fields=fields_at(*self.keys))
        if len(found) > KEYS:
            raise LimitExceeded(
                f"the number of {self.kind.__name__} records that an edge of the filter leads to", len(found), KEYS
            )
        return among(self.own, [tuple([getattr(each, key) for key in self.keys]) for each in found])


@dataclass(frozen=True)
class Leading:
    """A condition on other records that are found by more than the keys of one edge.

    `leads` takes a filter on `kind`, and returns the filter for the records that have such records.
    """

    kind: type[Record]
    leads: Callable[[Filter], Awaitable[Filter]]
    description: str

    async def lead(self, wanted: Sequence[Filter]) -> Sequence[Filter]:
        return [await self.leads(each) for each in wanted]


@dataclass(frozen=True)
class Derived:
    """A condition on a value that is computed from stored fields and the time.

    `says` takes a value of `kind`, which is a choice or a boolean, and a time. It returns the filter for the records that have
    the value at that time. `by` is the path of the stored field that an index may serve.
    """

    kind: type[Choice] | type[bool]
    says: Callable[[Any, datetime], Filter]
    description: str
    by: str

    def at(self, asked: Any, moment: datetime) -> Filter:
        """The filter for `asked` at that time, which is a boolean, or choices by operator."""
        conditions = asked if isinstance(asked, dict) else {"eq": asked}
        return {"and": [self._meant(operator, value, moment) for operator, value in conditions.items()]}

    def _meant(self, operator: str, value: Any, moment: datetime) -> Filter:
        match operator:
            case "eq":
                return self.says(value, moment)
            case "in":
                return {"or": [self.says(each, moment) for each in value]}
            case "ne":
                return {"not": self.says(value, moment)}
            case "not_in":
                return {"not": {"or": [self.says(each, moment) for each in value]}}
            case "is_null":  # it never is
                return {"or": []} if value else {}
        raise AssertionError(operator)


ACROSS_TIME: Mapping[str, str] = {"lt": "gt", "lte": "gte", "gt": "lt", "gte": "lte"}
"""How a moment compares with another, for how the time since it compares with the time since the other."""
DAYS = 1_000_000  # the most days that a filter compares with: further back no calendar goes


@dataclass(frozen=True)
class Days:
    """A condition on the days since a stored moment, for which something has waited; null if it does not wait.

    `waits` takes the time, and returns the filter for what waits. `since` takes an operator and a moment, and returns the filter
    for what has waited since a moment that compares so with it. `by` is the path of the stored moment.
    """

    waits: Callable[[datetime], Filter]
    since: Callable[[str, datetime], Filter]
    description: str
    by: str

    def at(self, asked: Mapping[str, Any], moment: datetime) -> Filter:
        return {"and": [self._meant(operator, value, moment) for operator, value in asked.items()]}

    def _meant(self, operator: str, value: Any, moment: datetime) -> Filter:
        waits = self.waits(moment)
        if operator == "is_null":
            return {"not": waits} if value else waits
        if abs(value) > DAYS:
            raise InvalidInput(operator, f"must be from -{DAYS} to {DAYS} days")
        return {"and": [waits, self.since(ACROSS_TIME[operator], _MOMENT.validate_python(moment) - timedelta(days=value))]}


def days_between(earlier: datetime, later: datetime) -> float:
    """The days from a stored moment to another time, which counts by the millisecond as stored moments do."""
    return (_MOMENT.validate_python(later) - earlier) / timedelta(days=1)


async def asked_for(context: Context, given: Any, argument: str = "filter") -> Filter:
    """A filter input as `documents.store.filters` reads it, for a query or for a record in memory; no input gives `{}`.

    Edges are followed first, each once in a request, and become conditions on keys. A refusal names its place below `argument`.
    """
    return await _Reading(context).of_record(given, argument) if given else {}


@dataclass(slots=True)
class _Scope:
    """The record that a filter is about, where the paths of its fields begin."""

    kind: Any
    """The filter input over the record."""
    over: tuple[Across, str] | None = None
    """The edge, and the field at its end, that the filter compares with; a filter compares with one at most."""


@dataclass(frozen=True, slots=True)
class _Given:
    """A field of a filter input, read off its class once."""

    attribute: str
    name: str
    spelled: str
    kind: Any
    edge: Any
    derived: Any
    begins: bool
    """Whether the filter in it is about a record of its own."""

    @property
    def needed(self) -> bool:
        return self.name in OPERATING | JOINING or self.derived is not None


@cache
def _fields(kind: Any) -> tuple[_Given, ...]:
    return tuple(
        _Given(
            each.python_name, each.python_name.rstrip("_"), each.graphql_name or camel(each.python_name.rstrip("_")),
            _inside(each.type), each.metadata.get(ACROSS), each.metadata.get(DERIVED),
            each.metadata.get(SCOPE, False),
        )
        for each in kind.__strawberry_definition__.fields
    )  # fmt: skip


def _inside(kind: Any) -> Any:
    return _inside(kind.of_type) if isinstance(kind, StrawberryOptional) else kind


@cache
def _operates(kind: Any) -> bool:
    """Whether a filter input is about a single value or a list, and not about a record."""
    return {each.name for each in _fields(kind)} <= OPERATING


class _Reading:
    """Reads one filter input.

    An operator with null, an empty list of conditions and an operator object without an operator are refused: a variable that
    somebody forgot to send would otherwise ask for everything, or inside `not` for nothing. A field without a condition, null or
    left out, asks for nothing.
    """

    def __init__(self, context: Context) -> None:
        self.context, self.edges = context, 0

    async def of_record(self, given: Any, path: str, depth: int = 0) -> Any:
        """What is said of the record of a list, or of one at the end of an edge."""
        scope = _Scope(type(given))
        said = await self.said(given, scope, path, depth)
        if scope.over:
            self._follows()
            name = ("spelled out", *scope.over)  # once in a request, though the filter may be below each record of a page
            said = await self.context.loader(name, partial(_spelled_out, *scope.over), key=repr).load(said)
        return said

    async def said(self, given: Any, scope: _Scope, path: str, depth: int = 0) -> Any:
        if depth > DEPTH:
            raise InvalidInput(path, f"is nested more than {DEPTH} levels deep")
        if has_object_definition(given):
            return await self._record(given, scope, path, depth + 1)
        if isinstance(given, list):
            if len(given) > LIST_LENGTH:
                raise InvalidInput(path, f"must have {LIST_LENGTH} elements at most")
            return [await self.said(each, scope, f"{path}.{at}", depth) for at, each in enumerate(given)]
        return _as_stored(given, path)

    async def _record(self, given: Any, scope: _Scope, path: str, depth: int) -> dict[str, Any]:
        said: dict[str, Any] = {}
        further: list[Filter] = []
        for each in _fields(type(given)):  # type: ignore[arg-type]
            value = getattr(given, each.attribute)
            if value is UNSET:
                continue
            name = each.name
            place = f"{path}.{each.spelled}"
            if value is None:
                if each.needed:
                    raise InvalidInput(place, "must not be null; to find what has no value, use `is_null`")
                continue
            if value == [] and name in JOINING:
                raise InvalidInput(place, "must have a condition; leave it out to restrict nothing")
            if each.edge:
                inside = await self.of_record(value, place, depth)
                further += [await self._led(each.edge, inside)] if inside else []
            elif each.begins:
                said[name] = await self.of_record(value, place, depth)
            elif name in COMPARING:
                said[name] = _field_at(value, scope, type(given), place)
            else:
                inside = await self.said(value, scope, place, depth)
                if name in {"not", "or"} and _is_blank(value):
                    raise InvalidInput(place, "must not hold a condition that asks for nothing")
                if each.derived:
                    further.append(_derived(each.derived, inside, self.context.now, place))
                else:
                    said[name] = _checked(name, inside, place)
        if not said and _operates(type(given)):  # type: ignore[arg-type]
            raise InvalidInput(path, "must have an operator with a value; a variable that was not sent counts as left out")
        return said | {"and": [*said.get("and", ()), *further]} if further else said

    def _follows(self) -> None:
        self.edges += 1
        if self.edges > EDGES:
            raise LimitExceeded("the number of edges in the filter", self.edges, EDGES)

    async def _led(self, edge: Across, wanted: Filter) -> Filter:
        self._follows()
        leads: Filter = await self.context.loader(edge, edge.lead, key=repr).load(wanted)
        return leads


def _derived(derived: Derived, asked: Any, moment: datetime, place: str) -> Filter:
    """What a condition on a derived field means of stored fields; a refusal is about its place in the filter."""
    try:
        return derived.at(asked, moment)
    except InvalidInput as refused:
        raise InvalidInput(f"{place}.{refused.path}", refused.problem) from refused


def _is_blank(given: Any) -> bool:
    """Whether a filter input, or one in a list of them, asks for nothing: it holds of every record, and its opposite of none."""
    if isinstance(given, list):
        return any(map(_is_blank, given))
    asked = {each.name: getattr(given, each.attribute) for each in _fields(type(given))}  # type: ignore[arg-type]
    return all(_asks_nothing(name, value) for name, value in asked.items())


def _asks_nothing(name: str, value: Any) -> bool:
    if value is UNSET or value is None:
        return True
    if isinstance(value, list) and name in JOINING:
        return all(map(_is_blank, value))
    return name not in OPERATING and has_object_definition(value) and _is_blank(value)


def _field_at(path: str, scope: _Scope, kind: Any, place: str) -> str | tuple[Across, str]:
    """The stored path of a field that a value of `kind` is compared with; the edge too, if it is over one."""
    steps, at, edge = path.split(".") if len(path) <= URI_LENGTH else [], scope.kind, None
    stored: list[str] = []
    for step in steps:
        found = next((each for each in _fields(at) if each.spelled == step), None) if has_object_definition(at) else None
        if found is None or found.derived or found.name in OPERATING | JOINING:
            break
        if found.edge:
            if stored or edge or not isinstance(found.edge, Across):
                break
            edge = found.edge
        else:
            stored.append(found.name)
        at = found.kind
    else:
        if at is kind and stored:
            there = ".".join(stored)
            if edge is None:
                return there
            if scope.over not in (None, (edge, there)):
                raise InvalidInput(place, "must not name a second field over an edge: a filter compares with one")
            scope.over = edge, there
            return edge, there
    of = kind.__strawberry_definition__.name.removesuffix("Filter")
    raise InvalidInput(place, f"must be the path of a single `{of}` field, from the record or over one of its edges")


async def _spelled_out(edge: Across, path: str, wanted: Sequence[Filter]) -> Sequence[Filter]:
    """Filters that compare with a field over an edge, spelled out for each value that the field has.

    Both readers of filters can then judge them, wherever in the record they compare.
    """
    found = await edge.kind.read({}, limit=KEYS + 1, fields=fields_at(*edge.keys, path))
    if len(found) > KEYS:
        raise LimitExceeded(f"the number of {edge.kind.__name__} records that a filter compares with", len(found), KEYS)
    having: dict[Any, list[tuple[Any, ...]]] = defaultdict(list)
    for each in found:
        raw = each._raw
        if (value := at_path(raw, path)) is not None:
            having[value].append(tuple(at_path(raw, key) for key in edge.keys))
    if len(having) > VALUES:
        raise LimitExceeded(f"the number of values of `{path}` that the filter compares with", len(having), VALUES)
    spelled = max(map(_size, wanted)) * (len(having) + 1)
    if spelled > SPELLED:
        raise LimitExceeded(f"the number of values of a filter, for each value of `{path}`", spelled, SPELLED)
    alone = {value: among(edge.own, keys) for value, keys in having.items()}
    return [_for_each(alone, each) for each in wanted]


def _for_each(alone: Mapping[Any, Filter], wanted: Filter) -> Filter:
    """A filter that compares with a field over an edge, given for each value of it the filter for the records that lead there."""
    either = [{"and": [those, _compared(wanted, value)]} for value, those in alone.items()]
    return {"or": [*either, {"and": [{"not": {"or": [*alone.values()]}}, _compared(wanted, None)]}]}


def _size(wanted: Any) -> int:
    """How many values a filter compares with."""
    inside = wanted.values() if isinstance(wanted, dict) else wanted if isinstance(wanted, list) else ()
    return sum(map(_size, inside)) if isinstance(wanted, dict | list) else 1


def _compared(wanted: Any, value: Any) -> Any:
    """A filter with a value in the place of the field over an edge."""
    match wanted:
        case dict():
            return dict(_with(name, each, value) for name, each in wanted.items())
        case list():
            return [_compared(each, value) for each in wanted]
    return wanted


def _with(name: str, wanted: Any, value: Any) -> tuple[str, Any]:
    if name not in COMPARING or not isinstance(wanted, tuple):
        return name, _compared(wanted, value)
    operator = name.removesuffix("_field")
    if value is None:  # equal to nothing
        return ("other_not_in" if operator == "ne" else "other_in"), []
    return f"other_{operator}", value


def _checked(operator: str, value: Any, place: str) -> Any:
    """The operand of an operator that does not take every text; InvalidInput if it does not take this one."""
    if operator in ORDERING and (len(value) > LONGEST or not is_semantic(value)):
        raise InvalidInput(place, f"must be a semantic version of up to {LONGEST} characters, such as 1.4.0-rc.1")
    if operator == "icontains" and len(value) > ANY_CASE:
        raise InvalidInput(place, f"must have {ANY_CASE} characters at most")
    return value


def _as_stored(value: Any, place: str) -> Any:
    """The value of a filter in the form in which records store it."""
    try:
        match value:
            case Enum():
                return value
            case str():
                return _PHRASE.validate_python(value)
            case float():
                return _NUMBER.validate_python(value)
            case datetime():
                return _MOMENT.validate_python(value)
            case date():
                return value.isoformat()
    except ValidationError as wrong:
        raise InvalidInput(place, problem_in(wrong.errors()[0]["msg"])) from wrong
    return value
