"""`magistrate query`: any question of the graph, page by page, in the form that the reader wants."""

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gql.client import examples, printing
from gql.client.answers import refusal
from gql.client.commands import Session, command
from gql.client.exits import Ended, Exit
from gql.client.printing import Form
from gql.client.rows import Lists
from gql.client.rows import Path as Column

if TYPE_CHECKING:
    from gql.client.documents import Document
    from gql.client.paging import Pages

EVERY = 1000  # rows after which a terminal is told how many there are


def add_to(app: typer.Typer) -> None:
    command(app)(query)


def _named(incomplete: str) -> list[tuple[str, str]]:
    """Completes the names of examples; a shell completes files by itself."""
    return [(each, examples.asks(each)) for each in examples.names() if each.startswith(incomplete)]


def query(
    session: Session,
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[WHAT]",
            autocompletion=_named,
            help="A file, the text itself, the name of an example, or - for standard input.",
        ),
    ] = None,
    var: Annotated[
        list[str] | None,
        typer.Option("--var", metavar="NAME=VALUE", help="A variable; NAME:=VALUE gives it as JSON. Any number."),
    ] = None,
    variables: Annotated[
        Path | None, typer.Option("--variables", metavar="FILE", exists=True, dir_okay=False, help="Variables as a JSON object.")
    ] = None,
    operation: Annotated[str | None, typer.Option("--operation", metavar="NAME", help="Which operation of several.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Read the connection to its end, page by page.")] = False,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="PATH", help="The connection that is meant, where there are several: model.versions."),
    ] = None,
    page: Annotated[int, typer.Option("--page", min=1, max=100, help="Records of a page, where the text does not say.")] = 100,
    form: Annotated[Form | None, typer.Option("--format", help="Without it a table on a terminal, and JSON elsewhere.")] = None,
    lists: Annotated[
        Lists, typer.Option("--lists", help="Lists in a table or in CSV: joined in a cell, or as further rows.")
    ] = Lists.JOIN,
    raw: Annotated[
        bool, typer.Option("--raw", help="Leave texts in CSV as they are that a spreadsheet would take for formulas.")
    ] = False,
    key: Annotated[str | None, typer.Option("--key", help="The idempotency key of a mutation; without it one is made.")] = None,
    list_: Annotated[bool, typer.Option("--examples", help="List the examples and what they ask.")] = False,
) -> None:
    """Ask the graph anything: a file, a text, or one of the examples.

    Nested objects become dotted columns. With --all the page information is added to the text, and rows are written as they come.
    """  # fmt: skip
    if list_:
        session.records(({"name": each, "asks": examples.asks(each)} for each in examples.names()), ["name", "asks"])
        return
    from gql.client.documents import Document

    text = _text(what)
    document = Document(text, operation)
    if document.kind == "subscription":
        raise Ended(Exit.USAGE, "a subscription does not end, and this command waits for an answer")
    values = document.given(var or (), _from_file(variables))
    if missing := [each for each in document.needed if each not in values]:
        raise Ended(Exit.USAGE, f"the variable {missing[0]} has no value", _with_variables(what, missing))
    chosen = Form.JSON if session.in_json else form or (Form.TABLE if sys.stdout.isatty() else Form.JSON)
    if all_:
        _write_all(session, document, values, at, page, chosen, lists=lists, raw=raw)
    else:
        _write_answer(session, document, text, values, at, chosen, lists=lists, raw=raw, key=key)


def _write_all(
    session: Session,
    document: "Document",
    values: dict[str, Any],
    at: str | None,
    page: int,
    form: Form,
    *,
    lists: Lists,
    raw: bool,
) -> None:
    from gql.client.paging import Pages

    if document.kind == "mutation":
        raise Ended(Exit.USAGE, "a mutation has no pages: leave out --all")
    pages = Pages(document, at, page)
    printing.write(_counted(pages, session, values), form, pages.columns, lists=lists, raw=raw)


def _counted(pages: "Pages", session: Session, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The records, of whose number a terminal is told while they are written elsewhere."""
    shown = sys.stderr.isatty() and not sys.stdout.isatty()
    number = 0
    for each in pages.records(session.graph, values):
        yield each
        number += 1
        if shown and number % EVERY == 0:
            sys.stderr.write(f"\r{number:,} rows")
    if shown and number >= EVERY:
        sys.stderr.write(f"\r{number:,} rows\n")


def _write_answer(
    session: Session, document: "Document", text: str, values: dict[str, Any], at: str | None, form: Form, *,
    lists: Lists, raw: bool, key: str | None,
) -> None:  # fmt: skip
    """One answer, as it comes; as a table or CSV its one connection or its one root, and as JSON all of it."""
    from gql.client import paging
    from gql.client.transport import key_of

    found = document.connections() if form is not Form.JSON else []
    connection = next((each for each in found if at in (None, ".".join(each.path))), None) if at or len(found) == 1 else None
    if at and form is not Form.JSON and connection is None:
        raise Ended(Exit.USAGE, f"there is no connection at {at}")
    sent = document.with_instead({connection.field: paging.saying_more(connection.field)}) if connection else text
    if document.kind == "mutation":
        key = key_of(key)
        with session.graph.repeatable(key):
            answer = session.graph.send(sent, values, operation=document.name, key=key)
    else:
        answer = session.graph.send(sent, values, operation=document.name)
    data = answer.data
    if data is not None and form is Form.JSON:
        printing.write_json(data)
    elif data is not None and connection:
        held = paging.at(data, connection.path)
        if held is not None:
            printing.write(paging.items(held, connection.items), form, connection.columns, lists=lists, raw=raw)
            if held[paging.INFO]["hasNextPage"]:
                session.tell(f"magistrate: there are more; try: magistrate query {shlex.quote(_short(text))} --all")
    elif data is not None:
        records, columns = _rooted(document, data)
        printing.write(records, form, columns, lists=lists, raw=raw)
    if answer.errors:
        raise refusal(answer, session.place)


def _short(text: str) -> str:
    return text if len(text) <= 60 and "\n" not in text else "..."


def _rooted(document: "Document", data: dict[str, Any]) -> tuple[list[dict[str, Any]], list[Column]]:
    """What is asked of one root as rows, and what is asked of several as one row."""
    columns, roots = document.columns(), document.roots()
    if len(set(roots)) > 1:
        return [data], columns
    value = data.get(roots[0])
    below = [each[1:] for each in columns]
    if () in below:  # the root is a leaf
        return [data], columns
    return ([] if value is None else value if isinstance(value, list) else [value]), below


def _text(what: str | None) -> str:
    """The document that an argument stands for."""
    if what == "-" or (what is None and not sys.stdin.isatty()):
        return sys.stdin.read()
    if what is None:
        raise Ended(Exit.USAGE, "say what to ask: a file, a text or the name of an example", "magistrate query --examples")
    if "{" in what:
        return what
    try:
        if Path(what).is_file():
            return Path(what).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Ended(Exit.USAGE, f"{what} cannot be read: {error}") from error
    if what in examples.names():
        return examples.text(what)
    meant = examples.alike(what)
    raise Ended(Exit.UNKNOWN, f"{what} is no file and no example", f"magistrate query {meant or '--examples'}")


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Ended(Exit.USAGE, f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise Ended(Exit.USAGE, f"{file} holds no JSON object")
    return found


def _with_variables(what: str | None, missing: list[str]) -> str:
    """The command with the variables that it lacks; those of an example have the values that stand beside it."""
    known = examples.variables(what) if what in examples.names() else {}
    words = [
        f"{name}={known[name]}" if isinstance(known.get(name), str) else f"{name}:={json.dumps(known[name])}" if name in known
        else f"{name}=..." for name in missing
    ]  # fmt: skip
    return shlex.join(["magistrate", "query", _short(what or "-"), *(word for each in words for word in ("--var", each))])
