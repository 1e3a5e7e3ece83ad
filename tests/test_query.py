"""`magistrate query`: what it takes, how it pages, and how answers are written."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse, validate

from gql.client import examples
from gql.client.documents import Document
from gql.client.exits import Ended
from gql.client.paging import Pages
from gql.client.printing import fitted, guarded, wide
from gql.client.rows import Lists, columns_of, rows_of
from tests.commanding import Desk, Office, answering
from tests.documented import ROOT
from tests.example_files import EXAMPLES
from tests.operated import MAGISTRATE, Operated

SCHEMA = build_schema((ROOT / "schema.graphql").read_text())
PEOPLE = ("alice", "bob", "carol", "david")
LIST = "{ stakeholders(orderBy: [{userId: ASC}]) { nodes { userId name roles } } }"
MEASURED = """
import resource, sys
from gql.cli import main
sys.argv = ["magistrate", *sys.argv[1:]]
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Operated(tmp_path_factory.mktemp("office")) as running:
        office = Office(running, tmp_path_factory.mktemp("homes"))
        for each in PEOPLE:
            office.invites(each, "MODEL_OWNER", "TECH_LEAD")
        yield office


@pytest.fixture(scope="module")
def desk(office: Office) -> Desk:
    return office.admin


def test_a_text_a_file_and_standard_input_are_asked_alike(desk: Desk) -> None:
    text = "{ viewer { id } }"
    (desk.home / "who.graphql").write_text(text)
    asked = [desk.succeeds("query", text), desk.succeeds("query", "who.graphql"), desk.succeeds("query", "-", stdin=text)]
    asked.append(desk.succeeds("query", stdin=text))
    assert {each.out for each in asked} == {'{"viewer": {"id": "admin"}}\n'}


@pytest.mark.parametrize("name", examples.names())
def test_every_example_is_asked_by_its_name(desk: Desk, name: str) -> None:
    words = [f"{each}:={json.dumps(value)}" for each, value in examples.variables(name).items()]
    done = desk.succeeds("query", name, *(word for each in words for word in ("--var", each)))
    assert isinstance(done.json, dict)
    desk.succeeds("query", name, *(word for each in words for word in ("--var", each)), "--format", "table")


def test_the_examples_are_listed_with_their_questions(desk: Desk) -> None:
    listed = desk.succeeds("query", "--examples", "--json").json
    assert [each["name"] for each in listed] == sorted(each.stem for each in EXAMPLES.glob("*.graphql"))
    assert all(each["asks"].endswith("?") for each in listed)


def test_a_variable_that_is_missing_is_named_with_an_example(desk: Desk) -> None:
    assert "try: magistrate query decided-by --var userId=carol" in desk.fails(2, "query", "decided-by").err
    assert "try: magistrate query who-is-awaited" in desk.fails(4, "query", "who-is-waited").err


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (["n=5", "t=5", "f=1.5", "b=true", "s=[1]"], {"n": 5, "t": "5", "f": 1.5, "b": True, "s": "[1]"}),
        (["l=a", "l=b", "i={\"a\": 1}", "e=DRAFT"], {"l": ["a", "b"], "i": {"a": 1}, "e": "DRAFT"}),
        (["n:=null", "l:=[]", "t:=\"x=y\"", "$s=x=y"], {"n": None, "l": [], "t": "x=y", "s": "x=y"}),
        (["m=3", "m=4"], {"m": [3, 4]}),
    ],
)  # fmt: skip
def test_variables_are_read_by_their_types(words: list[str], sent: dict[str, Any]) -> None:
    declared = "$n: Int, $t: String!, $f: Float, $b: Boolean, $s: ID, $l: [String!]!, $i: XInput, $e: [XEnum], $m: [Int!]"
    document = Document(f"query({declared.replace('[XEnum]', 'XEnum')}) {{ a }}")
    assert document.given(words, {}) == sent


@pytest.mark.parametrize("word", ["n=x", "b=yes", "n", "n:=", "q=1", "f=one", "i={"])
def test_a_variable_that_is_not_of_its_type_is_refused(word: str) -> None:
    with pytest.raises(Ended):
        Document("query($n: Int, $b: Boolean, $f: Float, $i: XInput) { a }").given([word], {})


@pytest.mark.parametrize(
    "text", ["{", "{ a } { b }", "query a { a } query b { b }", "fragment f on A { a }", "", "type A { a: Int }"]
)
def test_what_is_no_single_operation_is_refused_before_it_is_sent(tmp_path: Path, text: str) -> None:
    Desk(tmp_path, "http://127.0.0.1:1", "mag_a_b").fails(2, "query", "-", stdin=text)


def test_one_operation_of_several_is_chosen(desk: Desk) -> None:
    done = desk.succeeds("query", "query a { viewer { id } } query b { __typename }", "--operation", "b")
    assert done.json == {"__typename": "Query"}


def test_a_connection_is_read_to_its_end_whatever_the_size_of_a_page(desk: Desk) -> None:
    whole = desk.succeeds("query", LIST, "--format", "ndjson").lines
    assert [each["userId"] for each in whole] == ["admin", *PEOPLE]
    for size in ("1", "2", "5", "100"):
        assert desk.succeeds("query", LIST, "--all", "--page", size, "--format", "ndjson").lines == whole
    assert desk.succeeds("query", LIST, "--all", "--page", "2").json == whole


@pytest.mark.parametrize(
    "text",
    [
        "{ stakeholders(first: 2) { edges { node { userId } } } }",
        "{ stakeholders(first: 2) { edges { cursor node { userId } } } }",
        "query($after: String, $n: Int = 2) { all: stakeholders(after: $after, first: $n) { rows: nodes { userId } } }",
        "{ stakeholders(first: 2) { ...page } } fragment page on StakeholderConnection { nodes { ...on Stakeholder {userId} } }",
        "query Q { ...root } fragment root on Query { stakeholders { pageInfo { hasNextPage } nodes { userId } } viewer { id } }",
    ],
)
def test_a_text_needs_nothing_for_its_pages(desk: Desk, text: str) -> None:
    found = desk.succeeds("query", text, "--all", "--page", "2", "--format", "csv").out
    assert found.count("\n") == 6 and all(each in found for each in ("admin", *PEOPLE))
    assert validate(SCHEMA, parse(Pages(Document(text)).text)) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{ viewer { id } }", "no connection"),
        ("{ a: models { nodes { modelId } } b: models { nodes { modelId } } }", "several connections: a, b"),
        ("{ models(last: 3) { nodes { modelId } } }", "`last`"),
        ('mutation { revokeApiToken(input: {tokenId: "x"}) { receipt { seq } } }', "no pages"),
        ("subscription { auditEvents { seq } }", "does not end"),
    ],
)
def test_what_has_no_pages_is_refused(desk: Desk, text: str, says: str) -> None:
    assert says in desk.fails(2, "query", text, "--all").err


def test_one_of_several_connections_is_named(desk: Desk) -> None:
    text = "{ models { nodes { modelId } } people: stakeholders { nodes { userId } } }"
    assert len(desk.succeeds("query", text, "--all", "--at", "people", "--page", "3").json) == 5
    desk.fails(2, "query", text, "--all", "--at", "nobody")


def test_a_connection_of_nothing_is_unknown(desk: Desk) -> None:
    text = '{ model(modelId: "none") { versions { nodes { version } } } }'
    desk.fails(4, "query", text, "--all")
    assert desk.succeeds("query", text).json == {"model": None}


def test_a_page_says_that_there_are_more(desk: Desk) -> None:
    text = "{ stakeholders(first: 2) { nodes { userId } } }"
    done = desk.succeeds("query", text, "--format", "table")
    assert done.out.split() == ["userId", "admin", "alice"] and "--all" in done.err
    assert desk.succeeds("query", text).err == ""


def test_the_forms_say_the_same(desk: Desk) -> None:
    words = ["query", LIST, "--all", "--format"]
    whole = desk.succeeds(*words, "json").json
    assert desk.succeeds(*words, "ndjson").lines == whole
    read = list(csv.DictReader(io.StringIO(desk.succeeds(*words, "csv").out)))
    assert [each["roles"] for each in read] == ["; ".join(each["roles"]) for each in whole]
    spread = list(csv.DictReader(io.StringIO(desk.succeeds(*words, "csv", "--lists", "rows").out)))
    assert [(each["userId"], each["roles"]) for each in spread] == [
        (each["userId"], role) for each in whole for role in each["roles"] or [""]
    ]
    table = desk.succeeds(*words, "table").out.splitlines()
    assert table[0].split() == ["userId", "name", "roles"] and len(table) == 6 and "\x1b" not in "".join(table)


def test_an_error_ends_the_command_and_what_came_is_printed(desk: Desk) -> None:
    done = desk.does("query", '{ viewer { id } node(id: "x") { id } }')
    assert done.code != 0 and done.err.startswith("magistrate: ") and done.json == {"viewer": {"id": "admin"}, "node": None}
    assert "Did you mean" in desk.fails(2, "query", "{ viewer { idd } }").err


def test_a_mutation_is_sent_under_a_key(desk: Desk) -> None:
    text = "mutation($name: String!) { createApiToken(input: {name: $name}) { apiToken { tokenId } } }"
    words = ["query", text, "--var", "name=laptop", "--key", "once"]
    assert desk.succeeds(*words).json == desk.succeeds(*words).json


RECORD: dict[str, Any] = {
    "id": "a", "owner": {"name": "Ann", "tags": ["x", "y", "z"]},
    "found": [{"reason": "r1", "roles": ["A", "B"]}, {"reason": "r2", "roles": []}], "none": None, "empty": [],
    "free": {"k": [1]},
}  # fmt: skip
COLUMNS = [("id",), ("owner", "name"), ("owner", "tags"), ("found", "reason"), ("found", "roles"), ("none",), ("empty",)]


def test_lists_become_rows_side_by_side_and_never_mix() -> None:
    rows = list(rows_of(RECORD, COLUMNS, Lists.ROWS))
    assert rows == [
        ["a", "Ann", "x", "r1", "A", None, None],
        ["a", "Ann", "y", "r1", "B", None, None],
        ["a", "Ann", "z", "r2", None, None, None],
    ]  # fmt: skip


def test_lists_are_joined_in_a_cell() -> None:
    assert list(rows_of(RECORD, COLUMNS, Lists.JOIN)) == [["a", "Ann", "x; y; z", "r1; r2", "A; B", None, None]]
    assert list(rows_of(RECORD, [("free",)], Lists.JOIN)) == [[{"k": [1]}]]
    assert columns_of([{"a": 1}, {"b": {"c": 2, "d": {}}}]) == [("a",), ("b", "c"), ("b", "d")]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
def test_no_text_is_a_formula_in_a_spreadsheet(text: str) -> None:
    assert guarded(text) == f"'{text}"


def test_numbers_and_texts_stay_as_they_are(tmp_path: Path) -> None:
    rows = [{"n": -1.5, "t": "=cmd()", "q": 'a "b",\nc', "b": False, "z": None}]
    with answering((200, {"data": {"a": {"nodes": rows, "magistratePage": LAST}}}, {}), many=True) as server:
        desk, words = Desk(tmp_path, server.url, "mag_a_b"), ["query", "{ a { nodes { n t q b z } } }", "--format", "csv"]
        assert desk.succeeds(*words).out == 'n,t,q,b,z\n-1.5,\'=cmd(),"a ""b"",\nc",false,\n'
        assert "\n-1.5,=cmd()," in desk.succeeds(*words, "--raw").out
        table = desk.succeeds(*words[:2], "--format", "table").out
        assert table.splitlines()[1].split() == ["-1.5", "=cmd()", "a", '"b",\\nc', "false"]


LAST = {"hasNextPage": False, "endCursor": None}


def test_a_text_of_a_record_steers_no_terminal(tmp_path: Path) -> None:
    rows = [{"t": "\x1b]0;owned\x07\u202e"}]
    with answering((200, {"data": {"a": {"nodes": rows, "magistratePage": LAST}}}, {}), many=True) as server:
        told = Desk(tmp_path, server.url, "mag_a_b").succeeds("query", "{ a { nodes { t } } }", "--format", "table").out
    assert told == "t\n\\x1b]0;owned\\x07\\u202e\n"


def test_a_table_fits_into_a_terminal() -> None:
    assert fitted([10, 50, 5], 40) == [10, 21, 5] and fitted([4, 4], 3) == [4, 4]
    assert wide("abc") == 3 and wide("\u6f22\u5b57") == 4 and wide("e\u0301") == 1


def test_a_terminal_gets_a_table_with_colour_unless_it_wants_none(desk: Desk) -> None:
    words = [str(MAGISTRATE), "query", LIST]
    told = on_terminal(words, desk.environment({"NO_COLOR": "", "TERM": "xterm"}))
    assert "\x1b[1muserId" in told and told.count("\n") == 6
    assert "\x1b" not in on_terminal(words, desk.environment({"TERM": "xterm"}))
    assert on_terminal([*words, "--json"], desk.environment({})).startswith("{\r\n")


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
def test_no_form_steers_a_terminal(tmp_path: Path, form: str) -> None:
    rows = [{"t": "a\x9b2J\u202e\u00e9"}]
    with answering((200, {"data": {"a": {"nodes": rows, "magistratePage": LAST}}}, {}), many=True) as server:
        words = [str(MAGISTRATE), "query", "{ a { nodes { t } } }", "--format", form]
        told = on_terminal(words, Desk(tmp_path, server.url, "mag_a_b").environment({}))
    assert "\x9b" not in told and "\u202e" not in told and "\u00e9" in told


def test_a_page_that_costs_too_much_says_what_costs_less(desk: Desk) -> None:
    versions = "modelVersions(first: 100) { nodes { changeRequests(first: 100) { totalCount } } }"
    text = f"{{ stakeholders {{ nodes {{ {versions} }} }} }}"
    told = desk.fails(2, "query", text, "--all").err
    assert "--page 20" in told


def on_terminal(words: Sequence[str], environment: dict[str, str]) -> str:
    """What a command prints on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(words, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        told = b""
        with suppress(OSError):  # which is how the end of a terminal looks
            while part := os.read(ours, 65_536):
                told += part
        os.close(ours)
        assert running.wait() == 0
    return told.decode()


def paged(rows: int) -> Callable[[Any], Any]:
    """A server's connection of so many rows of a kilobyte, a hundred a page."""

    def page(body: Any) -> Any:
        begins = int(body["variables"]["magistrateAfter"] or 0)
        nodes = [{"number": each, "text": f"{each:09}" * 110} for each in range(begins, min(begins + 100, rows))]
        info = {"hasNextPage": begins + 100 < rows, "endCursor": str(begins + 100)}
        return {"data": {"things": {"nodes": nodes, "magistratePage": info}}}

    return page


@pytest.mark.exhaustive
@pytest.mark.parametrize("form", ["csv", "ndjson", "json", "table"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, form: str) -> None:
    """Twenty thousand rows of a kilobyte would be twenty megabytes."""
    peaks = []
    for rows in (2_000, 22_000):
        with answering((200, paged(rows), {}), many=True) as server:
            desk, out = Desk(tmp_path, server.url, "mag_a_b"), tmp_path / "out"
            words = ["query", "{ things { nodes { number text } } }", "--all", "--format", form]
            with out.open("w") as opened:
                done = subprocess.run(
                    [sys.executable, "-c", MEASURED, *words], env=desk.environment({}), stdout=opened, stderr=subprocess.PIPE,
                    text=True, check=True,
                )  # fmt: skip
            peaks.append(int(done.stderr.split()[-1]))
            assert out.read_text().count(f"{rows - 1:09}" * 2) and len(server.heard) == rows // 100
    assert peaks[1] - peaks[0] < 5_000, peaks  # kilobytes
