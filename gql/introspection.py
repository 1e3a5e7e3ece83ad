"""Questions about the schema: they take up to a second, so they are asked alone, a few at once, and answered in a thread."""

from collections.abc import Iterator, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
)

from documents.errors import InvalidInput
from gql.limits import within

WHOLE, ONE = "__schema", "__type"
MOST: Mapping[str, int] = {WHOLE: 1, ONE: 5}
"""How often an operation may ask for each, under names of its own."""


def asks_about_schema(document: DocumentNode, operation: OperationDefinitionNode) -> bool:
    """Whether an operation asks about the schema.

    InvalidInput if it asks for anything else too, and LimitExceeded if it asks too often. The document must be valid.
    """
    asked = dict(_root_fields(document, operation))
    if not MOST.keys() & set(asked.values()):
        return False
    if not all(each.startswith("__") for each in asked.values()):
        raise InvalidInput("query", f"must ask for `{WHOLE}` and `{ONE}` in an operation that asks for nothing else")
    for name, most in MOST.items():
        within(f"the number of times that the operation asks for {name}", list(asked.values()).count(name), most)
    return True


def _root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> Iterator[tuple[str, str]]:
    """The keys of the answer, each with the name of its field."""
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    waiting, seen = [operation.selection_set], set[str]()
    while waiting:
        for node in waiting.pop().selections:
            match node:
                case FieldNode():
                    yield (node.alias or node.name).value, node.name.value
                case InlineFragmentNode():
                    waiting.append(node.selection_set)
                case FragmentSpreadNode() if node.name.value not in seen:
                    seen.add(node.name.value)
                    waiting.append(fragments[node.name.value].selection_set)
