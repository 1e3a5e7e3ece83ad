"""The filter language as an aggregation expression: for elements inside a pipeline, and for what no query operator says.

It is the third reader of the language beside the two in `documents.store.filters`; tests hold all three equal.
"""

from collections.abc import Mapping
from typing import Any

from documents.numbers import SEMANTIC
from documents.store.cases import any_case
from documents.store.operators import COMPARING, ORDERING, OTHER, Query


def to_expression(wanted: Mapping[str, Any], value: str, record: str | None = None, depth: int = 0) -> Any:
    """The expression that says whether the value of the expression `value`, such as `$$this`, meets `wanted`.

    The paths of fields that values are compared with begin at `record`: `$` is the document, and None is `value` itself. Its
    variables are named by `depth`, so that they hide no other.
    """
    root = value if record is None else record
    return {"$and": [_clause(name, each, value, root, depth) for name, each in wanted.items()]}


def _clause(name: str, wanted: Any, value: str, record: str, depth: int) -> Any:
    there = {"$ifNull": [value, None]}  # a field that is missing reads as null, as in a query
    match name := OTHER.get(name, name):
        case "and":
            return {"$and": [to_expression(each, value, record, depth) for each in wanted]}
        case "or":
            return {"$or": [to_expression(each, value, record, depth) for each in wanted]}
        case "not":
            return {"$not": [to_expression(wanted, value, record, depth)]}
        case "some" | "none" | "every":
            asked = {"not": wanted} if name == "every" else wanted
            inside = to_expression(asked, f"$$e{depth}", record, depth + 1)
            found: Query = {"$map": {"input": {"$ifNull": [value, []]}, "as": f"e{depth}", "in": inside}}
            return {"$anyElementTrue": [found]} if name == "some" else {"$not": [{"$anyElementTrue": [found]}]}
        case "eq" | "ne" | "lt" | "lte" | "gt" | "gte":
            compared = {f"${name}": [there, {"$literal": wanted}]}
            return compared if name in {"eq", "ne"} else {"$and": [{"$gt": [there, None]}, compared]}
        case "in" | "not_in":
            found = {"$in": [there, {"$literal": list(wanted)}]}
            return found if name == "in" else {"$not": [found]}
        case "is_null":
            return {"$eq" if wanted else "$ne": [there, None]}
        case _ if name in COMPARING:
            other = {"$ifNull": [f"${wanted}" if record == "$" else f"{record}.{wanted}", None]}
            both = [{"$gt": [there, None]}, {"$gt": [other, None]}, {COMPARING[name][0]: [there, other]}]
            return {"$not": [{"$and": both}]} if name == "ne_field" else {"$and": both}
        case _ if name in ORDERING:
            either = [_matching(there, each) for each in ORDERING[name][0](wanted)]
            return {"$and": [_matching(there, SEMANTIC), {"$or": either}]}
        case "contains" | "starts_with":
            return {"$gte" if name == "contains" else "$eq": [{"$indexOfCP": [there, {"$literal": wanted}]}, 0]}
        case "icontains":
            return _matching(there, any_case(wanted))
    return to_expression(wanted, f"{value}.{name}", record, depth)


def _matching(text: Any, pattern: str) -> Query:
    return {"$regexMatch": {"input": text, "regex": {"$literal": pattern}}}
