"""What a given filter means for stored records: its values as they are stored, its edges followed."""

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
from documents.store.filters import Filter, among, to_query
from documents.store.record import Record
from documents.values import LIST_LENGTH, Choice, Moment, Phrase
from resolvers.graph.context import Context

ACROSS, DERIVED = "across", "derived"
DEPTH = 16  # MongoDB takes a query of 100 levels, of which `some` and `not` need several
KEYS, EDGES = 10_000, 10  # how many records an edge of a filter may lead to, and how many edges a filter may follow
_PHRASE, _MOMENT = TypeAdapter(Phrase), TypeAdapter(Moment)


@dataclass(frozen=True)
class Across:
    """An edge that a filter can follow: to the record of `kind` whose `keys` are the values of the fields `own`."""

    kind: type[Record]
    keys: tuple[str, ...]
    own: tuple[str, ...]

    async def lead(self, wanted: Sequence[Filter]) -> Sequence[Filter]:
        """What leads to those that meet each filter; one that too many meet is LIMIT_EXCEEDED."""
        return [await self._lead(each) for each in wanted]

    async def _lead(self, wanted: Filter) -> Filter:
        found = await self.kind.read(to_query(wanted), limit=KEYS + 1, fields=fields_at(*self.keys))
        if len(found) > KEYS:
            raise LimitExceeded(f"what the filter asks of {self.kind.__name__}", len(found), KEYS)
        return among(self.own, [tuple([getattr(each, key) for key in self.keys]) for each in found])


@dataclass(frozen=True)
class Derived:
    """A condition that no stored field answers alone: `says`, given a value and the moment, is the filter for what has it then.

    Values are of `kind`, a choice or a boolean; `by` is the path of the stored field that is looked up.
    """

    kind: type[Choice] | type[bool]
    says: Callable[[Any, datetime], Filter]
    description: str
    by: str

    def at(self, asked: Any, moment: datetime) -> Filter:
        """The filter for what is `asked`: a boolean, or choices under operators."""
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
    """A filter input as `documents.filters` reads it, for a query or for a record in memory; everything meets none.

    Edges are followed first, once a request: what stands for them is the keys of the records that they may lead to.
    """
    return await _Reading(context).said(given) if given else {}


class _Reading:
    """One filter input as it is read; null says nothing, as if left out."""

    def __init__(self, context: Context) -> None:
        self.context, self.edges = context, 0

    async def said(self, given: Any, depth: int = 0) -> Any:
        if depth > DEPTH:
            raise InvalidInput("filter", f"is nested more than {DEPTH} deep")
        if has_object_definition(given):
            return await self._record(given, depth + 1)
        if isinstance(given, list):
            if len(given) > LIST_LENGTH:
                raise InvalidInput("filter", f"holds a list of more than {LIST_LENGTH}")
            return [await self.said(each, depth) for each in given]
        return _as_stored(given)

    async def _record(self, given: Any, depth: int) -> dict[str, Any]:
        said: dict[str, Any] = {}
        further: list[Filter] = []
        for each in given.__strawberry_definition__.fields:
            value = getattr(given, each.python_name)
            if value is UNSET or value is None:
                continue
            inside = await self.said(value, depth)
            if edge := each.metadata.get(ACROSS):
                further += [await self._led(edge, inside)] if inside else []
            elif derived := each.metadata.get(DERIVED):
                further.append(derived.at(inside, self.context.now))
            else:
                said[each.python_name.rstrip("_")] = inside
        return said | {"and": [*said.get("and", ()), *further]} if further else said

    async def _led(self, edge: Across, wanted: Filter) -> Filter:
        self.edges += 1
        if self.edges > EDGES:
            raise LimitExceeded("the edges of the filter", self.edges, EDGES)
        leads: Filter = await self.context.loader(edge, edge.lead, key=repr).load(wanted)
        return leads


def _as_stored(value: Any) -> Any:
    """What a filter compares with, as records hold it."""
    try:
        match value:
            case Enum():
                return value
            case str():
                return _PHRASE.validate_python(value)
            case datetime():
                return _MOMENT.validate_python(value)
            case date():
                return value.isoformat()
    except ValidationError as wrong:
        problem = wrong.errors()[0]["msg"].removeprefix("Value error, ")
        raise InvalidInput("filter", f"holds a value out of bounds: {problem}") from wrong
    return value
