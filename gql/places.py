"""Where a value stands in the arguments of a text, as a path: `input.artifacts.0.sha256`.

graphql-core says the line and the column only. The path is read backwards from the first token of the value.
"""

from collections import defaultdict
from collections.abc import Sequence

from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLError,
    ListValueNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    Token,
    TokenKind,
    ValueNode,
    VariableNode,
    Visitor,
    visit,
)

_OPENING = {TokenKind.PAREN_L, TokenKind.BRACKET_L, TokenKind.BRACE_L}
_CLOSING = {TokenKind.PAREN_R, TokenKind.BRACKET_R, TokenKind.BRACE_R}


def place_of(node: Node) -> str:
    """The path to a value, an argument or a field of an input in a text; empty for any other node."""
    value = node.value if isinstance(node, ArgumentNode | ObjectFieldNode) else node
    if not isinstance(value, ValueNode) or value.loc is None:
        return ""
    steps: list[str] = []
    start: Token | None = value.loc.start_token
    while start and start.kind is not TokenKind.PAREN_L:
        before, named = start.prev, False
        if before and before.kind is TokenKind.COLON and before.prev:
            before, named = before.prev, True
        opening, siblings = _around(before)
        if named and before:
            steps.append(before.value or "")
        elif opening and opening.kind is TokenKind.BRACKET_L:
            steps.append(str(siblings))
        else:  # the default of a variable
            return ""
        start = opening
    return ".".join(reversed(steps))


def _around(token: Token | None) -> tuple[Token | None, int]:
    """The bracket that is open at a token, and how many values stand between the two, if it is a list."""
    depth = values = 0
    while token:
        if token.kind in _CLOSING:
            values += depth == 0
            depth += 1
        elif token.kind in _OPENING:
            if depth == 0:
                break
            depth -= 1
        elif depth == 0 and token.kind is not TokenKind.DOLLAR:  # the name of a variable is counted
            values += 1
        token = token.prev
    return token, values


LOCATED = 10  # errors of one text


def located(errors: Sequence[GraphQLError], document: DocumentNode) -> list[GraphQLError]:
    """The errors, of which the first get back the locations that graphql-core loses for lists and objects.

    An error stays as it is where the document has two values that are equal to its own.
    """
    if not any(map(_lost, errors)):
        return list(errors)
    values = _Values()
    visit(document, values)
    rest = LOCATED
    found = []
    for each in errors:
        places = values.equal_to(lost) if rest and (lost := _lost(each)) else []
        rest -= bool(places)
        found.append(GraphQLError(each.message, places, original_error=each.original_error) if len(places) == 1 else each)
    return found


def _lost(error: GraphQLError) -> ValueNode | None:
    node = error.nodes[0] if error.nodes and len(error.nodes) == 1 else None
    return node if isinstance(node, ListValueNode | ObjectValueNode) and node.loc is None else None


class _Values(Visitor):
    """The lists and objects in the arguments of a document, by what they hold; each value gets a number, equal ones the same."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers, self.places = dict[tuple[object, ...], int](), defaultdict[int, list[Node]](list)

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        self._number(node.value)

    def equal_to(self, value: ValueNode) -> list[Node]:
        return [each for each in self.places[self._number(value)] if each.loc]

    def _number(self, value: ValueNode) -> int:
        held: tuple[object, ...]
        match value:
            case ListValueNode(values=values):
                held = ("[", *[self._number(each) for each in values])
            case ObjectValueNode(fields=fields):
                held = ("{", *[(each.name.value, self._number(each.value)) for each in fields])
            case VariableNode(name=name):
                held = ("$", name.value)
            case _:
                held = (value.kind, getattr(value, "value", None))
        number = self.numbers.setdefault(held, len(self.numbers))
        if value.loc:
            self.places[number].append(value)
        return number
