"""`magistrate call`: no mutation is out of reach of a shell, and what the options say is what is sent."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    build_schema,
    get_named_type,
    get_variable_values,
    parse,
    validate,
)

from gql.client import inputs
from gql.client.commands import COMMON
from gql.client.remedies import command
from gql.client.spelling import kebab, option
from gql.mutations import in_json
from tests.commanding import Desk, Elsewhere, Office, answering
from tests.documented import ROOT
from tests.operated import Operated

SCHEMA: GraphQLSchema = build_schema((ROOT / "schema.graphql").read_text())
assert SCHEMA.mutation_type
MUTATIONS = sorted(SCHEMA.mutation_type.fields)
SCALARS: dict[str, list[Any]] = {
    "Int": [7, -1], "BigInt": [2**53 - 1, 0], "Float": [0.5, 1e-7], "Boolean": [True, False],
    "String": ["--help", "two words, 'quoted' \"twice\"\nand a line\u00e9"], "Hash": ["0f" * 32, "10" * 32],
    "DateTime": ["2026-03-01T12:00:00Z", "2027-03-01T12:00:00.123Z"], "Date": ["2026-03-01", "2027-12-31"],
    "JSON": [{"seed": 7, "nested": {"list": [1, "a", None]}}, {"text": "[]"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Operated(tmp_path_factory.mktemp("office")) as running:
        yield Office(running, tmp_path_factory.mktemp("homes"))


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    with answering((200, {"data": {each: {"receipt": {"seq": 1}} for each in MUTATIONS}}, {}), many=True) as server:
        yield server


def examples(of: Any, turn: int, *, least: bool = False, above: tuple[str, ...] = ()) -> Any:
    """An example of a type: all that it may hold, or the least that it must; `turn` chooses among values and alternatives."""
    if isinstance(of, GraphQLNonNull):
        return examples(of.of_type, turn, least=least, above=above)
    if isinstance(of, GraphQLList):
        return [examples(of.of_type, turn + each, least=least, above=above) for each in range(2 - turn % 2)]
    if isinstance(of, GraphQLEnumType):
        return list(of.values)[turn % len(of.values)]
    if not isinstance(of, GraphQLInputObjectType):
        return SCALARS[of.name][turn % 2]
    fields = {name: each.type for name, each in of.fields.items() if get_named_type(each.type).name not in above}
    if of.is_one_of:
        names = sorted(fields)
        fields = {names[turn % len(names)]: fields[names[turn % len(names)]]}
    elif least:
        fields = {name: each for name, each in fields.items() if isinstance(each, GraphQLNonNull)}
    return {name: examples(each, turn, least=least, above=(*above, of.name)) for name, each in fields.items()}


def input_of(mutation: str) -> Any:
    assert SCHEMA.mutation_type
    return SCHEMA.mutation_type.fields[mutation].args["input"].type


def test_the_file_of_mutations_is_the_one_of_the_schema() -> None:
    """Otherwise: `magistrate schema --mutations > gql/client/mutations.json`."""
    assert inputs.FILE.read_text() == in_json(SCHEMA) + "\n"


@pytest.mark.exhaustive
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_mutation_is_within_reach_of_a_shell(elsewhere: Elsewhere, tmp_path: Path, mutation: str) -> None:
    desk, known = Desk(tmp_path, elsewhere.url, "mag_a_b"), inputs.mutation(mutation)
    assert known
    for turn, least in ((0, False), (1, False), (2, True)):
        example = examples(input_of(mutation), turn, least=least)
        words = list(known.words(example))
        assert _has_json(input_of(mutation)) or not any(each.startswith("{") for each in words)
        elsewhere.heard.clear()
        desk.succeeds("call", mutation, *words)
        ((_, headers, sent),) = elsewhere.heard
        assert sent["variables"] == {"input": example}
        assert headers["Idempotency-Key"].startswith("magistrate-")
        document = parse(sent["query"])
        assert validate(SCHEMA, document) == []
        (operation,) = document.definitions
        coerced = get_variable_values(SCHEMA, operation.variable_definitions, sent["variables"])  # type: ignore[attr-defined]
        assert not isinstance(coerced, list), coerced


def _has_json(of: Any, above: tuple[str, ...] = ()) -> bool:
    """Whether an input has something that only JSON says: free JSON, or objects in a list."""
    named = get_named_type(of)
    if not isinstance(named, GraphQLInputObjectType):
        return bool(named.name == "JSON")
    for each in named.fields.values():
        inner = get_named_type(each.type)
        if inner.name not in above and (_has_json(each.type, (*above, named.name)) or _lists_objects(each.type)):
            return True
    return False


def _lists_objects(of: Any) -> bool:
    bare = of.of_type if isinstance(of, GraphQLNonNull) else of
    return isinstance(bare, GraphQLList) and isinstance(get_named_type(bare), GraphQLInputObjectType)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_no_field_has_the_option_of_something_else(mutation: str) -> None:
    known = inputs.mutation(mutation)
    assert known
    options = [each.option for each in known.leaves]
    ours = {option([each.name]) for each in COMMON} | {"--input", "--select", "--key", "--help", "--json", "--token-file"}
    assert len(options) == len(set(options)) and not ours & set(options)


@pytest.fixture(scope="module")
def rita(office: Office) -> Desk:
    return office.hires("rita", "RISK_MANAGER")


def test_a_mutation_is_done_and_answers_with_its_record(rita: Desk) -> None:
    done = rita.runs("call", "declareEnvironment", "--name", "laboratory", "--stage", "test", "--description", "Ideas")
    assert done.code == 0 and done.err == ""
    assert done.json["environment"]["stage"] == "TEST" and done.json["receipt"]["seq"] > 0
    again = rita.fails(7, "call", "declare-environment", "--name", "laboratory", "--stage", "TEST")
    assert "laboratory" in again.err


def test_under_a_key_it_takes_effect_once(rita: Desk) -> None:
    words = ["call", "declareEnvironment", "--name", "once", "--stage", "TEST", "--key", "k-1", "--select", "receipt.seq"]
    first, second = rita.succeeds(*words), rita.succeeds(*words)
    assert first.json == second.json and list(first.json["receipt"]) == ["seq"]
    assert "k-1" in rita.fails(7, *words, "--description", "another").err


def test_a_mutation_whose_answer_is_lost_says_how_it_is_sent_again(tmp_path: Path) -> None:
    away = {"errors": [{"message": "later", "extensions": {"code": "UNAVAILABLE", "retryAfter": 99}}]}
    words = ["call", "placeHold", "--model-id", "a", "--version", "1", "--reason", "b", "--key", "k-7"]
    with answering((503, away, {}), (504, "", {}), many=True) as server:
        assert "under --key k-7" in Desk(tmp_path, server.url, "mag_a_b").fails(6, *words, "--timeout", "1").err
    assert "--key" not in Desk(tmp_path, "http://127.0.0.1:1", "mag_a_b").fails(6, *words).err


def test_a_selection_is_of_paths_or_graphql(elsewhere: Elsewhere, tmp_path: Path) -> None:
    desk = Desk(tmp_path, elsewhere.url, "mag_a_b")
    for said, sent in (
        ("receipt.seq, environment.name", "receipt { seq } environment { name }"),
        ("a.b.c", "a { b { c } }"),
        ("environment { name }", "environment { name }"),
    ):
        elsewhere.heard.clear()
        desk.succeeds("call", "retireEnvironment", "--name", "x", "--reason", "y", "--select", said)
        assert elsewhere.heard[0][2]["query"].endswith(f"{{ retireEnvironment(input: $input) {{ {sent} }} }}")
    desk.fails(2, "call", "retireEnvironment", "--name", "x", "--reason", "y", "--select", "a b-c")


def test_options_come_over_the_file_of_the_input(elsewhere: Elsewhere, tmp_path: Path) -> None:
    desk = Desk(tmp_path, elsewhere.url, "mag_a_b")
    (tmp_path / "a.yaml").write_text("modelId: 'no'\nversion: no\nreason: 2026-03-01\nexpectedRevision: 3\n")
    (tmp_path / "a.json").write_text('{"modelId": "bot", "version": "1", "card": {"license": "mit", "developers": ["a"]}}')
    elsewhere.heard.clear()
    desk.succeeds("call", "retireModelVersion", "--input", "a.yaml", "--model-id", "bot")
    desk.succeeds("call", "saveModelCard", "--input", "a.json", "--card.license", "apache-2.0", "--card.developers", "[]")
    desk.succeeds("call", "retireModelVersion", "--input", "-", stdin="{modelId: a, version: b, reason: '1'}")
    yaml, merged, piped = (sent["variables"]["input"] for _, _, sent in elsewhere.heard)
    assert yaml == {"modelId": "bot", "version": "no", "reason": "2026-03-01", "expectedRevision": 3}
    assert merged["card"] == {"license": "apache-2.0", "developers": []}
    assert piped == {"modelId": "a", "version": "b", "reason": "1"}


@pytest.mark.parametrize("text", ["[1]", "a: [", "'text'", "{1: 2}", "a: !!python/object:os.system x", ""])
def test_what_is_no_input_is_refused(elsewhere: Elsewhere, tmp_path: Path, text: str) -> None:
    elsewhere.heard.clear()
    Desk(tmp_path, elsewhere.url, "mag_a_b").fails(2, "call", "retireModelVersion", "--input", "-", stdin=text)
    assert elsewhere.heard == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--name", "x"], "--stage must be given; try: magistrate call declareEnvironment --help"),
        (["--name", "x", "--stage", "MOON"], "--stage must be one of DEVELOPMENT, TEST, STAGING, PRODUCTION"),
        (["--name", "x", "--stage", "TEST", "--input", "none.json"], "none.json cannot be read"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(tmp_path: Path, words: list[str], says: str) -> None:
    desk = Desk(tmp_path, "http://127.0.0.1:1", "mag_a_b")
    assert says in desk.fails(2, "call", "declareEnvironment", *words).err
    assert "whole number" in desk.fails(2, "call", "submitForApproval", "--expected-revision", "x").err
    assert desk.does("call", "declareEnvironments").code == 2 and desk.does("call", "declareEnvironment", "--nam", "x").code == 2


def test_a_refusal_of_the_graph_comes_with_the_command_that_mends_it(tmp_path: Path) -> None:
    remedy = {"mutation": "liftHold", "arguments": {"modelId": "a b", "version": "1"}, "fill": ["reason"], "permitted": []}
    facts = {"code": "POLICY_BLOCKED", "eligibility": {"eligible": False, "holds": [{"remedy": remedy}], "violations": []}}
    with answering((294, {"data": None, "errors": [{"message": "no", "extensions": facts}]}, {}), many=True) as server:
        desk = Desk(tmp_path, server.url, "mag_a_b")
        told = desk.fails(3, "call", "startDeployment", "--change-id", "CR-1").err
    assert told == "magistrate: no; try: magistrate call liftHold --model-id 'a b' --version 1 --reason REASON\n"
    assert (
        command({"mutation": "ofTomorrow", "arguments": {"aField": [1, True]}})
        == "magistrate call ofTomorrow --a-field 1 --a-field true"
    )


def test_what_a_remedy_leaves_open_stands_in_capitals_where_it_is_to_be_filled_in() -> None:
    fill = ["responses.0.likelihood", "responses.0.impact"]
    known = {"modelId": "m", "version": "1", "responses": [{"factor": "A_FACTOR"}]}
    words = shlex.split(command({"mutation": "createRiskAssessment", "arguments": known, "fill": fill}))
    assert words[:-1] == ["magistrate", "call", "createRiskAssessment", "--model-id", "m", "--version", "1", "--responses"]
    assert json.loads(words[-1]) == {"factor": "A_FACTOR", "likelihood": "LIKELIHOOD", "impact": "IMPACT"}
    open_list = command({"mutation": "registerModel", "arguments": {}, "fill": ["tags", "owner.id", "links.1.uri"]})
    filled = """--tags TAGS --owner '{"id": "ID"}' --links '{}' --links '{"uri": "URI"}'"""
    assert open_list == f"magistrate call registerModel {filled}"


def test_help_says_what_each_field_is(tmp_path: Path) -> None:
    done = Desk(tmp_path).succeeds("call", "placeHold", "--help")
    assert "--model-id TEXT" in done.out and "[required]" in done.out
    listed = Desk(tmp_path).succeeds("call", "--help").out
    assert all(each in listed for each in MUTATIONS)


def test_names_values_and_options_are_completed(tmp_path: Path) -> None:
    def completes(line: str) -> list[str]:
        asked = {"_MAGISTRATE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        return Desk(tmp_path).runs(**asked).out.split()

    assert completes("magistrate call place") == ["placeHold"]
    assert completes("magistrate call declareEnvironment --stage S") == ["STAGING"]
    assert "--impact.rollback-time" in completes("magistrate call createChangeRequest --impact.r")


def test_names_are_spelled_as_a_shell_has_them() -> None:
    assert [kebab(each) for each in ("modelId", "sha256", "cycloneDx", "MODEL")] == ["model-id", "sha256", "cyclone-dx", "model"]
    assert json.loads(inputs.FILE.read_text())["mutations"].keys() == set(MUTATIONS)
