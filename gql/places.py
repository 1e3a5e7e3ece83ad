"""Where a value stands in the arguments of a text, as a path: `input.artifacts.0.sha256`.

graphql-core says the line and the column only. The path is read backwards from the first token of the value.
"""

from graphql import ArgumentNode, Node, ObjectFieldNode, Token, TokenKind, ValueNode

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
