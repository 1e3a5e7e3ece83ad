"""The operators of the filter language: how a MongoDB query spells each, and what it means in memory."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from documents.numbers import above, below, version_key
from documents.store.cases import any_case, folded

Query = dict[str, Any]


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """A comparison as MongoDB makes it, within one type: no value is below or above null."""
    return lambda value, bound: value is not None and compare(value, bound)


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, part: isinstance(value, str) and test(value, part)


def _versions(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    """A comparison of semantic versions; a value that is none is neither above nor below one."""

    def holds(value: Any, than: str) -> bool:
        key = version_key(value) if isinstance(value, str) else ""
        return key.startswith("0") and compare(key, version_key(than))

    return holds


# Each operator: how a MongoDB query spells it, and what it means in memory.
OPERATORS: dict[str, tuple[Callable[[Any], Query], Callable[[Any, Any], bool]]] = {
    "eq": (lambda to: {"$eq": to}, lambda value, to: value == to),
    "ne": (lambda to: {"$ne": to}, lambda value, to: value != to),
    "in": (lambda those: {"$in": those}, lambda value, those: value in those),
    "not_in": (lambda those: {"$nin": those}, lambda value, those: value not in those),
    "lt": (lambda than: {"$lt": than}, _ordered(lambda value, than: value < than)),
    "lte": (lambda than: {"$lte": than}, _ordered(lambda value, than: value <= than)),
    "gt": (lambda than: {"$gt": than}, _ordered(lambda value, than: value > than)),
    "gte": (lambda than: {"$gte": than}, _ordered(lambda value, than: value >= than)),
    "contains": (lambda part: {"$regex": re.escape(part)}, _text(lambda value, part: part in value)),
    "starts_with": (lambda part: {"$regex": "^" + re.escape(part)}, _text(str.startswith)),
    "icontains": (lambda part: {"$regex": any_case(part)}, _text(lambda value, part: folded(part) in folded(value))),
    "is_null": (lambda yes: {"$eq" if yes else "$ne": None}, lambda value, yes: (value is None) is yes),
}

# The same operators for a value that stands for a field over an edge, so that a field can be compared with both.
OTHER: Mapping[str, str] = {f"other_{each}": each for each in ("eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte")}
OPERATORS |= {name: OPERATORS[each] for name, each in OTHER.items()}

# The operators on versions: the expressions of which a version meets one, and what they mean in memory. No list holds versions.
ORDERING: Mapping[str, tuple[Callable[[str], list[str]], Callable[[Any, Any], bool]]] = {
    "version_lt": (below, _versions(lambda value, than: value < than)),
    "version_lte": (partial(below, or_equal=True), _versions(lambda value, than: value <= than)),
    "version_gt": (above, _versions(lambda value, than: value > than)),
    "version_gte": (partial(above, or_equal=True), _versions(lambda value, than: value >= than)),
}

# The operators that compare with another field of the same record, named by its path from the record. A null equals nothing, and
# is neither above nor below anything; `ne_field` is the opposite of `eq_field`.
COMPARING: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "eq_field": ("$eq", lambda value, other: value == other),
    "ne_field": ("$eq", lambda value, other: value == other),
    "lt_field": ("$lt", lambda value, other: value < other),
    "lte_field": ("$lte", lambda value, other: value <= other),
    "gt_field": ("$gt", lambda value, other: value > other),
    "gte_field": ("$gte", lambda value, other: value >= other),
}
EACH = frozenset({"some", "none", "every"})  # what is said of the elements of a list
