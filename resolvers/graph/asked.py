"""Reads a filter input: values as they are stored, derived conditions as conditions on stored fields, edges as keys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from pydantic import TypeAdapter, ValidationError
from strawberry import UNSET
from strawberry.types.base import has_object_definition

from documents.errors import InvalidInput, LimitExceeded
from documents.store.fields import fields_at
from documents.store.filters import OPERATORS, Filter, among, to_query
from documents.store.record import Record
from documents.values import LIST_LENGTH, Choice, Moment, Number, Phrase, camel, problem_in
from resolvers.graph.context import Context

ACROSS, DERIVED = "across", "derived"
DEPTH = 16  # MongoDB takes a query of 100 levels, of which `some` and `not` need several
KEYS, EDGES = 10_000, 10  # the most records that an edge of a filter may lead to, and the most edges of a filter
OPERATING, JOINING = OPERATORS.keys() | {"some", "none"}, {"and", "or", "not"}
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


async def asked_for(context: Context, given: Any) -> Filter:
    """A filter input as `documents.store.filters` reads it, for a query or for a record in memory; no input gives `{}`.

    Edges are followed first, each once in a request, and become conditions on keys.
    """
    return await _Reading(context).said(given) if given else {}


class _Reading:
    """Reads one filter input.

    An operator with null, an empty list of conditions and an operator object without an operator are refused: a variable that
    somebody forgot to send would otherwise ask for everything, or inside `not` for nothing. A field without a condition, null or
    left out, asks for nothing.
    """

    def __init__(self, context: Context) -> None:
        self.context, self.edges = context, 0

    async def said(self, given: Any, path: str = "", depth: int = 0) -> Any:
        if depth > DEPTH:
            raise InvalidInput("filter", f"is nested more than {DEPTH} levels deep")
        if has_object_definition(given):
            return await self._record(given, path, depth + 1)
        if isinstance(given, list):
            if len(given) > LIST_LENGTH:
                raise InvalidInput("filter", f"holds a list of more than {LIST_LENGTH} elements")
            return [await self.said(each, path, depth) for each in given]
        return _as_stored(given)

    async def _record(self, given: Any, path: str, depth: int) -> dict[str, Any]:
        said: dict[str, Any] = {}
        further: list[Filter] = []
        fields = given.__strawberry_definition__.fields
        for each in fields:
            value = getattr(given, each.python_name)
            if value is UNSET:
                continue
            name = each.python_name.rstrip("_")
            place = f"{path}.{camel(name)}".lstrip(".")
            if value is None:
                if name in OPERATING | JOINING or DERIVED in each.metadata:
                    raise InvalidInput("filter", f"holds null at {place}: `is_null` asks for null, or leave it out")
                continue
            if value == [] and name in JOINING:
                raise InvalidInput("filter", f"holds no condition at {place}: give it one, or leave it out")
            inside = await self.said(value, place, depth)
            if edge := each.metadata.get(ACROSS):
                further += [await self._led(edge, inside)] if inside else []
            elif derived := each.metadata.get(DERIVED):
                further.append(derived.at(inside, self.context.now))
            else:
                said[name] = inside
        if not said and {each.python_name.rstrip("_") for each in fields} <= OPERATING:
            raise InvalidInput("filter", f"holds no operator at {path}: `is_null` asks for null, and `eq` for a value")
        return said | {"and": [*said.get("and", ()), *further]} if further else said

    async def _led(self, edge: Across, wanted: Filter) -> Filter:
        self.edges += 1
        if self.edges > EDGES:
            raise LimitExceeded("the number of edges in the filter", self.edges, EDGES)
        leads: Filter = await self.context.loader(edge, edge.lead, key=repr).load(wanted)
        return leads


def _as_stored(value: Any) -> Any:
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
        problem = problem_in(wrong.errors()[0]["msg"])
        raise InvalidInput("filter", f"holds a value that {problem}") from wrong
    return value
