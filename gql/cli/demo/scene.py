"""Asks over HTTP as somebody, compares each answer with what it should be, and tells the telling part of it."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import httpx
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gql.cli.demo.example import Person

LABEL = 8  # columns


class Differs(Exception):
    """An answer that is not what it should be."""

    def __init__(self, asked: str, expected: str, came: str) -> None:
        super().__init__(asked, expected, came)
        self.asked, self.expected, self.came = asked, expected, came


class Scene:
    """An endpoint, the tokens of those who speak to it, and the terminal in which it is told."""

    def __init__(self, http: httpx.Client, url: str, console: Console) -> None:
        self.http, self.url, self.console = http, url, console
        self.tokens: dict[Person, str] = {}
        self.steps = self.requests = 0

    def ask(
        self, who: Person, document: str, expected: Any, what: str = "", token: str | None = None, **variables: Any
    ) -> Any:  # fmt: skip
        """The one root field of an answer in which all that `expected` names is as it says, else Differs.

        It is told if there is a `what`, and asked as the holder of `token` if there is one.
        """
        if what:
            self.act(who, what, document)
        answer = self._post(who, document, token, variables)
        if "errors" in answer:
            raise Differs(_asked(who, document), "an answer without errors", _said(answer["errors"][0]))
        (found,) = answer["data"].values()
        if difference := _difference(expected, found):
            raise Differs(_asked(who, document), *difference)
        return found

    def refusal(self, who: Person, document: str, code: str, what: str, token: str, **variables: Any) -> str:
        """The code and the message of a refusal that must come, else Differs."""
        self.act(who, what, document)
        error = self._post(who, document, token, variables).get("errors", [{"message": "an answer without errors"}])[0]
        if error.get("extensions", {}).get("code") != code:
            raise Differs(_asked(who, document), f"a refusal, {code}", _said(error))
        return _said(error)

    def _post(self, who: Person, document: str, token: str | None, variables: dict[str, Any]) -> dict[str, Any]:
        self.requests += 1
        headers = {"authorization": f"Bearer {token or self.tokens[who]}"}
        try:
            response = self.http.post(self.url, json={"query": document, "variables": variables}, headers=headers)
            answer = response.json() if "json" in response.headers.get("content-type", "") else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Differs(_asked(who, document), f"an answer from {self.url}", str(error)) from error
        if isinstance(answer, dict) and (answer.get("data") or answer.get("errors")):
            return answer
        raise Differs(_asked(who, document), f"GraphQL from {self.url}", f"{response.status_code} {response.reason_phrase}")

    def step(self, title: str) -> None:
        self.steps += 1
        self.console.print()
        self.console.print(f"{self.steps:2}  {title}", style="bold")

    def act(self, who: Person | str, what: str, document: str) -> None:
        line = Table.grid(expand=True, padding=(0, 2, 0, 0))
        line.add_column()
        line.add_column(justify="right", no_wrap=True, style="dim")
        line.add_row(Text.assemble((f"{who}", "cyan"), f" {what}"), _operation(document))
        self.console.print(Padding(line, (0, 0, 0, 4)))

    def fact(self, label: str, text: str, style: str = "") -> None:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=LABEL, style="dim")
        grid.add_column()
        grid.add_row(label, Text(text, style))
        self._indented(grid)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for each in columns:
            table.add_column(each)
        for row in rows:
            table.add_row(*map(Text, row))
        self._indented(table)

    def _indented(self, what: RenderableType) -> None:
        self.console.print(Padding(what, (0, 0, 0, 6), expand=False))


def _asked(who: Person, document: str) -> str:
    return f"{_operation(document)}, by {who}"


def _operation(document: str) -> str:
    """`mutation RegisterModel`, say: what the document begins with."""
    return " ".join(re.findall(r"\w+", document)[:2])


def _said(error: dict[str, Any]) -> str:
    code = error.get("extensions", {}).get("code")
    return f"{code}: {error['message']}" if code else str(error["message"])


def _difference(expected: Any, came: Any, path: str = "") -> tuple[str, str] | None:
    """The first place where `came` is not as `expected` says; fields that it does not name may be anything."""
    pairs: Iterable[tuple[str, Any, Any]]
    match expected, came:
        case dict(), dict():
            pairs = ((f"{path}.{name}" if path else name, each, came.get(name)) for name, each in expected.items())
        case list(), list() if len(expected) == len(came):
            pairs = ((f"{path}.{place}", each, came[place]) for place, each in enumerate(expected))
        case _:
            return None if expected == came else (f"{path} = {json.dumps(expected)}", f"{path} = {json.dumps(came)}")
    return next((found for where, one, other in pairs if (found := _difference(one, other, where))), None)
