"""Questions about the schema: they take up to a second, so they are asked alone, a few at once, and answered in a thread."""

from collections.abc import Mapping

from documents.errors import InvalidInput
from gql.limits import within

WHOLE, ONE = "__schema", "__type"
MOST: Mapping[str, int] = {WHOLE: 1, ONE: 5}
"""How often an operation may ask for each, under names of its own."""


def asks_about_schema(root_fields: Mapping[str, str]) -> bool:
    """Whether an operation, given the keys of its answer with the names of their fields, asks about the schema.

    InvalidInput if it asks for anything else too, and LimitExceeded if it asks too often.
    """
    names = [*root_fields.values()]
    if MOST.keys().isdisjoint(names):
        return False
    if not all(each.startswith("__") for each in names):
        raise InvalidInput("query", f"must ask for `{WHOLE}` and `{ONE}` in an operation that asks for nothing else")
    for name, most in MOST.items():
        within(f"the number of times that the operation asks for {name}", names.count(name), most)
    return True
