"""Reads a connection to its end, one page after another, so that no more than one page is held."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gql.client.documents import PAGE_INFO, Connection, Document, spelled
from gql.client.exits import Ended, Exit
from gql.client.rows import Path
from gql.client.transport import Graph

if TYPE_CHECKING:
    from graphql import FieldNode, Node

PAGE = 100  # records of a page: the most that a server gives
INFO, CURSOR = "magistratePage", "magistrateAfter"  # names of our own, which no document has


class Pages:
    """A document that asks for one connection, changed so that it asks for any page of it."""

    def __init__(self, document: Document, at: str | None = None, page: int = PAGE) -> None:
        """`at` names the connection where there are several, `page` is the size of a page where the document says none."""
        self._document, self.connection, self._size = document, _chosen(document, at), page
        self._after, self._start, self.text = self._ask_for_pages(self.connection, page)

    @property
    def columns(self) -> tuple[Path, ...]:
        return self.connection.columns

    def records(self, graph: Graph, variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """All records of the connection, as they come; Ended if a page is refused, or the connection is null."""
        after = variables.get(self._after, self._start)
        while True:
            found = at(self._page(graph, {**variables, self._after: after}), self.connection.path)
            if found is None:
                raise Ended(Exit.UNKNOWN, f"there is nothing at {spelled(self.connection.path)}")
            yield from items(found, self.connection.items)
            if not found[INFO]["hasNextPage"]:
                return
            before, after = after, found[INFO]["endCursor"]
            if after in (None, before):  # by `first: 0`: no page of that kind comes any further
                says = f"a page of {spelled(self.connection.path)} has no records: its `first` must be 1 or more"
                raise Ended(Exit.USAGE, says)

    def _page(self, graph: Graph, variables: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return graph.ask(self.text, variables)
        except Ended as ended:
            if ended.facts.get("code") != "LIMIT_EXCEEDED" or self._size == 1:
                raise
            says = f"{ended.says}; smaller pages cost less: --page {max(1, self._size // 5)}"
            raise Ended(ended.status, says, ended.remedy, ended.facts) from ended

    def _ask_for_pages(self, connection: Connection, page: int) -> tuple[str, str | None, str]:
        """The variable that takes the cursor, what it begins with, and the text with all that was missing."""
        import graphql
        from graphql import ArgumentNode, IntValueNode, NameNode, StringValueNode, VariableNode

        field = connection.field
        said = {each.name.value: each.value for each in field.arguments or ()}
        if backwards := {"last", "before"} & said.keys():
            says = f"{spelled(connection.path)} has `{backwards.pop()}`, and pages are read forwards: by `first` and `after`"
            raise Ended(Exit.USAGE, says)
        variable, start = CURSOR, None
        match said.get("after"):
            case VariableNode() as named:
                variable = named.name.value
            case StringValueNode() as literal:
                start = literal.value
        if "first" not in said:
            said["first"] = IntValueNode(value=str(page))
        said["after"] = VariableNode(name=NameNode(value=variable))
        arguments = tuple(ArgumentNode(name=NameNode(value=name), value=value) for name, value in said.items())
        instead: dict[Node, Node] = {field: replace(saying_more(field), arguments=arguments)}
        if variable == CURSOR:
            of = graphql.NamedTypeNode(name=NameNode(value="String"))
            own = graphql.VariableDefinitionNode(variable=VariableNode(name=NameNode(value=CURSOR)), type=of)
            before = self._document.operation
            instead[before] = replace(before, variable_definitions=(*(before.variable_definitions or ()), own))
        return variable, start, self._document.with_instead(instead)


def saying_more(field: "FieldNode") -> "FieldNode":
    """A connection that says, under a key of our own, whether there is more of it and where."""
    from graphql import FieldNode, NameNode, SelectionSetNode

    wanted = SelectionSetNode(selections=tuple(FieldNode(name=NameNode(value=each)) for each in ("hasNextPage", "endCursor")))
    info = FieldNode(alias=NameNode(value=INFO), name=NameNode(value=PAGE_INFO), selection_set=wanted)
    asked = field.selection_set.selections if field.selection_set else ()
    return replace(field, selection_set=SelectionSetNode(selections=(*asked, info)))


def _chosen(document: Document, named: str | None) -> Connection:
    found = document.connections()
    if named is not None:
        found = [each for each in found if spelled(each.path) == named]
    if not found:
        says = (
            f"there is no connection at {named}" if named else "this asks for no connection: for nothing with `nodes` or `edges`"
        )
        raise Ended(Exit.USAGE, says)
    if len(found) > 1:
        several = ", ".join(spelled(each.path) for each in found)
        raise Ended(Exit.USAGE, f"this asks for several connections: {several}; name one by --at")
    return found[0]


def at(data: Any, path: Path) -> Any:
    """What stands at a path of an answer; None if something on the way is null."""
    for name in path:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def items(connection: Mapping[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    name, *rest = path
    for each in connection.get(name) or ():  # a directive may have left it out
        yield at(each, tuple(rest))
