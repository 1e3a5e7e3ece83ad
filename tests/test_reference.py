"""The tables of docs/reference.md hold what the code holds: settings with their defaults, refusals, limits and exit codes."""

import json
from collections.abc import Iterator
from typing import Any

from documents import contents, idempotency, lineage, numbers, tokens, values
from documents.departures import erasing
from documents.departures.commands import HANDED_OVER
from documents.errors import FormNotAsTold, Inconsistent, NewerSchema, OlderSchema, PreviewSchema, Refusal
from documents.imports.commands import MODELS
from documents.store import record, streams
from documents.values import camel
from gql import attempts, faults, http, introspection, subscriptions
from gql.client import credentials, exits
from gql.settings import PREFIX, Settings
from resolvers.graph import aggregates, asked, connections, figures, orders
from tests.documented import REFERENCE, table

FOR_OPERATORS = (FormNotAsTold, Inconsistent, NewerSchema, OlderSchema, PreviewSchema)
"""Refusals that end a command or a start, and that no client is answered with."""
BESIDE_REFUSALS = {
    ("INTERNAL", ("id",)),
    ("INVALID_INPUT", ("path",)),  # GraphQL's own, of a variable
    ("INVALID_INPUT", ("path", "problems")),  # pydantic's
}


def test_the_settings_and_their_defaults_are_those_that_exist() -> None:
    listed = {name.strip("`"): default for name, default, _ in table("Settings")}
    assert listed.keys() == {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default = listed[f"{PREFIX}{name}".upper()]
        if field.default_factory:
            plain, hardened = (spelled(getattr(Settings(hardened=each), name)) for each in (False, True))
            assert default == f"`{plain}`, `{hardened}` if `{PREFIX}HARDENED`", name
        elif field.default in (None, ()):
            assert not default.startswith("`") or " and " in default, name  # words, not a value
        else:
            assert default == f"`{spelled(field.default)}`", name


def spelled(value: Any) -> str:
    """A setting's value as an environment variable has it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def descendants(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for each in kind.__subclasses__():
        if each.__module__ == Refusal.__module__:  # tests have refusals of their own
            yield each
            yield from descendants(each)


def test_every_refusal_that_a_client_meets_is_listed_with_the_facts_that_it_carries() -> None:
    listed = set()
    for code, _, example in table("Errors"):
        facts = json.loads(example.strip("`"))
        assert facts.pop("code") == code.strip("`")
        listed.add((code.strip("`"), tuple(sorted(facts))))
    refusals = {
        (each.code, tuple(sorted(camel(name.rstrip("_")) for name in each.__dataclass_fields__)))  # type: ignore[attr-defined]
        for each in descendants(Refusal)
        if each not in FOR_OPERATORS
    }
    assert listed == {(code, tuple(sorted(facts))) for code, facts in {*refusals, *BESIDE_REFUSALS}}


def test_each_code_has_a_section_with_an_answer_or_says_where_there_is_one() -> None:
    codes = {each.code for each in descendants(Refusal)} | {"INTERNAL"}
    below = REFERENCE.partition("\n## Errors\n")[2].partition("\n## ")[0]
    sections = dict(each.split("\n", 1) for each in below.split("\n### ")[1:])
    assert {code for heading in sections for code in heading.split(" and ")} == codes
    for heading, text in sections.items():
        assert "](" in text or f'"code": "{heading}"' in text


def test_the_limits_are_those_that_the_code_keeps() -> None:
    listed = [int(most.replace(",", "")) for _, most in table("Limits")]
    assert listed == [
        connections.PAGE_SIZE,
        connections.PAGE,
        *introspection.MOST.values(),
        aggregates.GROUPS,
        figures.SOURCES,
        figures.LEAVES,
        orders.ORDERS,
        asked.DEPTH,
        asked.EDGES,
        asked.VALUES,
        asked.SPELLED,
        asked.ANY_CASE,
        numbers.LONGEST,
        values.NAME_LENGTH,
        values.TEXT_LENGTH,
        values.URI_LENGTH,
        values.LIST_LENGTH,
        values.JSON_DEPTH,
        values.JSON_VALUES,
        values.FILE_LENGTH,
        MODELS,
        contents.DOCUMENT_BYTES,
        record.RECORD_BYTES,
        lineage.DEPTH,
        HANDED_OVER,
        erasing.AT_ONCE,
        http.URL_BYTES,
        http.PATIENCE,
        attempts.FAILURES,
        attempts.COUNTED,
        subscriptions.OPERATIONS,
        streams.WAITING,
        idempotency.KEPT_FOR.days,
        tokens.ENROLMENT_LIFETIME.days,
        tokens.LIFETIME.days,
        tokens.LONGEST.days,
        tokens.SOON.days,
    ]
    assert http.HEADER_BYTES == http.URL_BYTES


def test_the_exit_codes_are_those_that_the_commands_end_with() -> None:
    assert [int(code) for code, _ in table("Exit codes")] == [0, 1, *sorted(faults.STATUSES)]


def test_the_exit_codes_of_client_commands_are_those_that_exist() -> None:
    expected = [
        [str(int(each)), each.says, ", ".join(f"`{code}`" for code, exit_ in exits.OF_CODE.items() if exit_ is each)]
        for each in exits.Exit
    ]
    expected[exits.Exit.OUT_OF_REACH][2] += ", and `LIMIT_EXCEEDED` of HTTP status 429"
    assert table("Exit codes of client commands") == expected


def test_the_variables_of_clients_are_those_that_exist() -> None:
    expected = [[f"`{name}`", f"{says[0].upper()}{says[1:]}"] for name, says in credentials.VARIABLES.items()]
    assert table("Variables of clients") == expected
