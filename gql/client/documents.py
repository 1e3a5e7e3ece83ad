"""What a GraphQL document says without its schema: its operation, its variables, its columns, and where it asks for a connection.

A connection is known by what is asked of it: `nodes` or `edges` (GraphQL Cursor Connections Specification).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from gql.client.exits import Ended, Exit
from gql.client.rows import Path, dotted

if TYPE_CHECKING:
    from graphql import (
        DocumentNode,
        FieldNode,
        FragmentDefinitionNode,
        Node,
        OperationDefinitionNode,
        SelectionSetNode,
        TypeNode,
    )

NODES, EDGES, NODE, PAGE_INFO = "nodes", "edges", "node", "pageInfo"
TEXTS = ("String", "ID")


@dataclass(frozen=True)
class Connection:
    """A field that is a connection. `path` leads to it in an answer, `items` from there to its records."""

    path: Path
    field: "FieldNode"
    items: Path
    columns: tuple[Path, ...]


class Document:
    """A parsed document, and the one operation of it that is meant; Ended if it is none, or holds several and none is named."""

    def __init__(self, text: str, operation: str | None = None) -> None:
        import graphql

        try:
            self.ast: DocumentNode = graphql.parse(text, no_location=True)
        except graphql.GraphQLError as error:
            raise Ended(Exit.USAGE, f"this is no GraphQL: {error.message}") from error
        found = [each for each in self.ast.definitions if isinstance(each, graphql.OperationDefinitionNode)]
        if operation is not None:
            found = [each for each in found if each.name and each.name.value == operation]
        if len(found) != 1:
            says = f"there is no operation {operation}" if operation else f"there are {len(found)} operations: name one"
            raise Ended(Exit.USAGE, says, None if operation else "magistrate query ... --operation NAME")
        self.operation: OperationDefinitionNode = found[0]
        self.name = self.operation.name.value if self.operation.name else None
        self.fragments: dict[str, FragmentDefinitionNode] = {
            each.name.value: each for each in self.ast.definitions if isinstance(each, graphql.FragmentDefinitionNode)
        }

    @property
    def kind(self) -> str:
        """`query`, `mutation` or `subscription`."""
        return self.operation.operation.value

    @property
    def variables(self) -> dict[str, "TypeNode"]:
        return {each.variable.name.value: each.type for each in self.operation.variable_definitions or ()}

    @property
    def needed(self) -> list[str]:
        """The variables that must have a value."""
        import graphql

        defined = self.operation.variable_definitions or ()
        wanted = [each for each in defined if isinstance(each.type, graphql.NonNullTypeNode) and each.default_value is None]
        return [each.variable.name.value for each in wanted]

    def connections(self) -> list[Connection]:
        """The connections that no list is above, so that an answer has each of them once."""
        return list(self._below(self.operation.selection_set, ()))

    def _below(self, selection: "SelectionSetNode", path: Path) -> Iterator[Connection]:
        for key, field in self._fields(selection):
            if not field.selection_set:
                continue
            within = {each.name.value: (name, each) for name, each in self._fields(field.selection_set)}
            if NODES in within:
                name, nodes = within[NODES]
                yield self._connection((*path, key), field, (name,), nodes)
            elif EDGES in within:
                name, edges = within[EDGES]
                inner = list(self._fields(edges.selection_set)) if edges.selection_set else []
                if len(inner) == 1 and inner[0][1].name.value == NODE:
                    yield self._connection((*path, key), field, (name, inner[0][0]), inner[0][1])
                else:
                    yield self._connection((*path, key), field, (name,), edges)
            else:
                yield from self._below(field.selection_set, (*path, key))

    def _connection(self, path: Path, field: "FieldNode", items: Path, record: "FieldNode") -> Connection:
        return Connection(path, field, items, tuple(self.columns(record.selection_set)))

    def columns(self, selection: "SelectionSetNode | None" = None, path: Path = ()) -> list[Path]:
        """The paths of all leaves below a selection; without one, of the whole operation."""
        found: dict[Path, None] = {}
        for key, field in self._fields(selection or self.operation.selection_set):
            if field.selection_set:
                found |= dict.fromkeys(self.columns(field.selection_set, (*path, key)))
            else:
                found[*path, key] = None
        return list(found)

    def roots(self) -> list[str]:
        """The keys of the answer's root."""
        return [key for key, _ in self._fields(self.operation.selection_set)]

    def _fields(self, selection: "SelectionSetNode", spread: tuple[str, ...] = ()) -> Iterator[tuple[str, "FieldNode"]]:
        """The fields of a selection under their keys in the answer, those of fragments too."""
        import graphql

        for each in selection.selections:
            if isinstance(each, graphql.FieldNode):
                yield (each.alias or each.name).value, each
            elif isinstance(each, graphql.InlineFragmentNode):
                yield from self._fields(each.selection_set, spread)
            elif isinstance(each, graphql.FragmentSpreadNode):
                name = each.name.value
                if name in self.fragments and name not in spread:
                    yield from self._fields(self.fragments[name].selection_set, (*spread, name))

    def with_instead(self, instead: Mapping["Node", "Node"]) -> str:
        """The text of the document with other nodes in the places of some; a node is known by being the same object."""
        import graphql

        others = {id(old): new for old, new in instead.items()}

        class Swap(graphql.Visitor):
            def enter(self, node: graphql.Node, *_: Any) -> graphql.Node | None:
                return others.get(id(node))

        return graphql.print_ast(graphql.visit(self.ast, Swap()))

    def given(self, words: Sequence[str], others: Mapping[str, Any]) -> dict[str, Any]:
        """The variables: `name=value` by the type that the document declares, `name:=value` as JSON; `others` count less.

        Ended for a name that is not declared, and for a value that is not of its type.
        """
        values, lists = dict(others), dict[str, list[Any]]()
        for word in words:
            name, equals, text = word.partition("=")
            in_json, name = name.endswith(":"), name.removesuffix(":").removeprefix("$")
            if not equals:
                raise Ended(Exit.USAGE, f"{word!r} is no variable: say name=value, or name:=value in JSON")
            if in_json:
                values[self._known(name)] = _json(name, text)
            elif (of := _element(self.variables[self._known(name)])) is not None:
                values[name] = lists.setdefault(name, [])
                lists[name].append(_value(name, text, of))
            else:
                values[name] = _value(name, text, _named(self.variables[name]))
        for name in values:
            self._known(name)
        return values

    def _known(self, name: str) -> str:
        if name not in self.variables:
            meant = get_close_matches(name, self.variables, 1)
            has = (
                f"; {meant[0]} is one" if meant else f", only {', '.join(self.variables)}" if self.variables else ", and no other"
            )
            raise Ended(Exit.USAGE, f"the document has no variable {name}{has}")
        return name


def _element(of: "TypeNode") -> str | None:
    """The name of the type of a list's elements; None of what is no list."""
    import graphql

    inner = of.type if isinstance(of, graphql.NonNullTypeNode) else of
    return _named(inner.type) if isinstance(inner, graphql.ListTypeNode) else None


def _named(of: "TypeNode") -> str:
    import graphql

    while not isinstance(of, graphql.NamedTypeNode):
        of = of.type  # type: ignore[attr-defined]  # of lists, and of what must not be null
    return of.name.value


def _value(name: str, text: str, of: str) -> Any:
    """A value of a named type. What the schema alone knows (enumerations, moments) is a text, and objects are JSON."""
    try:
        if of in ("Int", "BigInt"):
            return int(text)
        if of == "Float":
            return float(text)
    except ValueError:
        raise Ended(Exit.USAGE, f"the variable {name} is of type {of}, and {text!r} is not") from None
    if of == "Boolean":
        if text not in ("true", "false"):
            raise Ended(Exit.USAGE, f"the variable {name} is true or false, and not {text!r}")
        return text == "true"
    return _json(name, text) if of not in TEXTS and text.lstrip().startswith(("{", "[")) else text


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Ended(Exit.USAGE, f"the variable {name} is no JSON: {error}") from error


def spelled(path: Path) -> str:
    return dotted(path) or "the root"
