"""Commands that are given what no command wants: bytes that are not UTF-8, endless files, words that pass for our own."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gql.client.answers import LISTED_BY
from gql.client.artifacts import artifact
from gql.client.exits import Ended, Exit
from tests.commanding import Desk, answering
from tests.operated import MAGISTRATE

NOT_UTF_8 = os.fsdecode(b"\xff")
DEEP = "[" * 100_000


def verdict(eligible: bool, *texts: str) -> dict[str, Any]:
    said = [{"code": "HELD", "text": each, "modelId": "a", "version": "1", "remedy": None} for each in texts]
    asked = {"eligible": eligible, "modelId": "a", "version": "1", "environment": "production", "reasons": said}
    return {"data": {"modelVersion": {"verdict": asked | {"checkedAt": "2027-01-01T00:00:00.000Z", "dossier": {}}}}}


@pytest.mark.parametrize(
    "words",
    [
        ["eligible", f"{NOT_UTF_8}@1"],
        ["eligible", "a@1", "--environment", NOT_UTF_8],
        ["show", "person", NOT_UTF_8],
        ["query", "query($a: String) { model(modelId: $a) { name } }", "--var", f"a={NOT_UTF_8}"],
        ["call", "placeHold", "--model-id", "a", "--version", "1", "--reason", NOT_UTF_8],
        ["list", "versions", "--filter", DEEP],
        ["query", "query($a: [Int]) { viewer { id } }", "--var", f"a:={DEEP}"],
    ],
)
def test_what_cannot_be_sent_is_refused_in_a_line_and_nothing_is_sent(tmp_path: Path, words: list[str]) -> None:
    with answering() as other:
        told = Desk(tmp_path, other.url, "mag_a_b").runs(*words)
        assert (told.code, told.out, told.err.count("\n")) == (Exit.USAGE, "", 1), told
        assert "UTF-8" in told.err or "nested too deep" in told.err
        assert not other.heard


def test_an_input_with_half_a_character_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text('{"modelId": "a", "version": "1", "reason": "\\ud800"}')
    with answering() as other:
        told = Desk(tmp_path, other.url, "mag_a_b").fails(2, "call", "placeHold", "--input", str(tmp_path / "half.json"))
        assert '"\\ud800" is none' in told.err and not other.heard


@pytest.mark.parametrize("key", ["", " ", "\u00e9", "a\nb", "a" * 201, "a ", NOT_UTF_8])
def test_a_key_under_which_nothing_could_be_sent_again_is_refused(tmp_path: Path, key: str) -> None:
    """The empty key is the variable of a pipeline that nobody set: a key of our own in its place would do the work twice."""
    hold = ["call", "placeHold", "--model-id", "a", "--version", "1", "--reason", "a test"]
    mutation = 'mutation { revokeApiToken(input: {tokenId: "a"}) { receipt { seq } } }'
    with answering() as other:
        desk = Desk(tmp_path, other.url, "mag_a_b")
        for words in (hold, ["query", mutation], ["submit", "a@1"]):
            assert "--key must be" in desk.fails(2, *words, "--key", key).err
        assert not other.heard


def test_a_file_whose_name_is_not_utf_8_is_governed_under_its_bytes(tmp_path: Path) -> None:
    (tmp_path / f"{NOT_UTF_8} \u00e9.bin").write_bytes(b"w")
    said = artifact(str(tmp_path / f"{NOT_UTF_8} \u00e9.bin"), "https://models.example.org/a/")
    assert said["uri"] == "https://models.example.org/a/%FF%20%C3%A9.bin" and said["size"] == 1


def test_what_an_import_cannot_read_to_its_end_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "http://127.0.0.1:9/graphql", "mag_a_b")
    assert "is too long" in desk.does("import", "/dev/zero", "--plan").err
    assert "no pattern of files" in desk.fails(2, "import", "***", "--plan").err
    (tmp_path / "deep.md").write_text(f"---\na: {DEEP}\n---\n")
    told = desk.does("import", str(tmp_path / "deep.md"), "--plan")
    assert told.code == 2 and "nested too deep" in told.err


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("https://models.example.org/a@sha256:0f", "64 hexadecimal digits"),
        ("oci://registry.example.org/a@sha256:", "64 hexadecimal digits"),
        (f"CONTAINER=oci://registry.example.org/a@sha256:{'0f' * 32}:latest", "64 hexadecimal digits"),
        ("WEIGHT=weights.bin", "no kind of artefact: WEIGHTS"),
        ("weights.bin", "there is no file"),
    ],
)
def test_an_artefact_that_would_bind_nobody_to_its_bytes_is_refused(said: str, says: str) -> None:
    with pytest.raises(Ended, match=says) as ended:
        artifact(said)
    assert ended.value.status is Exit.USAGE


@pytest.mark.parametrize("kind", LISTED_BY)
def test_what_is_not_there_is_told_with_the_command_that_lists_what_is(tmp_path: Path, kind: str) -> None:
    error = {"message": f"{kind} a does not exist", "extensions": {"code": "NOT_FOUND", "kind": kind, "key": "a"}}
    with answering((200, {"data": None, "errors": [error]}, {}), many=True) as other:
        desk = Desk(tmp_path, other.url, "mag_a_b")
        told = desk.fails(4, "deploy", "start", "a").err
        *_, remedy = told.strip().split("; try: ")
        assert remedy == LISTED_BY[kind] and "Usage" in desk.does(*remedy.split()[1:], "--help").out


def test_a_list_of_nothing_says_so_beside_the_answer(tmp_path: Path) -> None:
    nothing = {"data": {"models": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}}
    with answering((200, nothing, {}), many=True) as other:
        desk = Desk(tmp_path, other.url, "mag_a_b")
        assert desk.succeeds("list", "models").err == "magistrate: there is nothing to list\n"
        for words in (["--json"], ["--format", "csv"]):
            assert desk.succeeds("list", "models", *words).err == ""


@pytest.mark.parametrize(
    "words", [["register"], ["token", "create"], ["query"], ["deploy", "request"], ["import"], ["list", "people"]]
)
def test_help_says_what_an_option_takes_and_no_type_of_python(tmp_path: Path, words: list[str]) -> None:
    told = Desk(tmp_path).does(*words, "--help").out
    options = told[told.index("Options:") :]
    assert not re.search(r"<(str|int|float|list\[|path)", options), options


@pytest.mark.parametrize("token", ["", "a b", "mag_a_b\\nX-Other: 1", "mag_a_\\u00e9", "mag_a_b\\u0000"])
def test_what_is_no_token_in_a_profile_is_not_sent_and_not_repeated(tmp_path: Path, token: str) -> None:
    with answering() as other:
        keep(tmp_path, f'[profiles.default]\nurl = "{other.url}"\ntoken = "{token}"\n')
        told = Desk(tmp_path).fails(2, "whoami").err
        assert "what the profile default holds is no token" in told and "Other" not in told and not other.heard


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        ('[profiles.default]\nurl = "http://[::1"\ntoken = "mag_a_b"', "is no address"),
        ('[profiles.default]\nurl = "ftp://a"\ntoken = "mag_a_b"', "is no address"),
        ("profiles = 3", "profiles must be a table"),
        ("[[profiles]]", "profiles must be a table"),
        ("[profiles]\na = 3", "profiles.a must be a table with url and token"),
        ('[profiles.a]\nurl = "http://a"', "profiles.a must be a table with url and token"),
        (f"a = {DEEP}", "is no file of profiles"),
    ],
)
def test_a_file_of_profiles_that_holds_something_else_is_told_in_words_of_the_file(tmp_path: Path, kept: str, says: str) -> None:
    keep(tmp_path, kept)
    assert says in Desk(tmp_path).fails(2, "whoami").err


def keep(home: Path, profiles: str) -> None:
    file = home / "config" / "magistrate" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(profiles)
    file.chmod(0o600)


def test_a_name_that_no_file_can_have_is_told_in_a_line(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "http://127.0.0.1:9/graphql", "mag_a_b")
    for words in (
        ["import", "--plan"],
        ["query"],
        ["eligible", "--file"],
        ["call", "placeHold", "--input"],
        ["register", "--from"],
    ):
        assert "file name too long" in desk.fails(2, *words, "a" * 300).err.lower()


def test_an_answer_that_cannot_be_written_is_no_yes(tmp_path: Path) -> None:
    with answering((200, verdict(True), {}), many=True) as other, Path("/dev/full").open("w") as full:
        desk = Desk(tmp_path, other.url, "mag_a_b")
        for words in (["eligible", "a@1"], ["eligible", "a@1", "--json"], ["query", "{ viewer { id } }"]):
            done = subprocess.run(
                [MAGISTRATE, *words], env=desk.environment({}), stdout=full, stderr=subprocess.PIPE, check=False
            )
            assert done.returncode == Exit.FAULT and b"no space left" in done.stderr and done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(("eligible", "code"), [(True, 0), (False, 3)])
def test_with_no_standard_output_the_exit_code_is_the_answer_still(tmp_path: Path, eligible: bool, code: int) -> None:
    with answering((200, verdict(eligible), {}), many=True) as other:
        env = Desk(tmp_path, other.url, "mag_a_b").environment({})
        for closed in (">&-", ">&- 2>&-"):
            assert (
                subprocess.run(["/bin/sh", "-c", f"{MAGISTRATE} eligible a@1 {closed}"], env=env, check=False).returncode == code
            )


def test_words_of_a_record_do_not_pass_for_a_command_to_paste(tmp_path: Path) -> None:
    """Whoever reads a no pastes the command below a reason, so none of the reason's own lines may look like one."""
    forged = "it waits\n    magistrate call liftHold --model-id a  (by MODEL_OWNER)\r\nyes: a@1 may run\u2028here"
    with answering((200, verdict(False, forged), {}), many=True) as other:
        out = Desk(tmp_path, other.url, "mag_a_b").does("eligible", "a@1").out
    first, reason, *others = out.splitlines()
    assert first == "no: a@1 may not run in production" and reason == "- it waits"
    assert others and all(each.startswith("      | ") for each in others) and "may run\\u2028here" in out


def test_a_name_in_a_file_does_not_pass_for_a_line_of_the_plan(tmp_path: Path) -> None:
    (tmp_path / "card.md").write_text('---\nmodel_name: a\nversion: "1\\n= b@2  is registered"\n---\n')
    unknown = {"data": {"model": None, "modelVersion": None}}
    with answering((200, unknown, {}), many=True) as other:
        desk = Desk(tmp_path, other.url, "mag_a_b")
        told = desk.does("import", "card.md", "--owner", "alice", "--steward", "bob", "--plan").out.splitlines()
    assert [each[:8] for each in told] == ["+ a@1", "      | ", "1 to cre"]


def test_a_refusal_in_json_steers_no_terminal() -> None:
    told = Ended(Exit.NO, "a\x9b2Jb\u202e\x1b[31m\U000e0001", facts={"code": "X"}).in_json()
    assert told.isprintable() and json.loads(told)["error"]["message"] == "a\x9b2Jb\u202e\x1b[31m\U000e0001"


def test_pages_without_records_come_to_an_end(tmp_path: Path) -> None:
    page = {"data": {"models": {"nodes": [], "magistratePage": {"hasNextPage": True, "endCursor": None}}}}
    with answering((200, page, {}), many=True) as other:
        desk = Desk(tmp_path, other.url, "mag_a_b")
        assert "must be 1 or more" in desk.does("query", "{ models(first: 0) { nodes { name } } }", "--all").err
        assert len(other.heard) == 1
