"""The client half of the command line: who is signed in where, what is sent again, and how commands end."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gql import faults
from gql.client import credentials, profiles
from gql.client.exits import OF_CODE, Ended, Exit
from gql.client.profiles import Profile
from tests.commanding import LOADED_BY, NOT_LOADED, Desk, Office, answering
from tests.documented import table
from tests.operated import MAGISTRATE, Operated

BY_TYPER = {"pydantic"}  # by which it reads the options of a command


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Operated(tmp_path_factory.mktemp("office")) as running:
        yield Office(running, tmp_path_factory.mktemp("homes"))


@pytest.fixture(scope="module")
def alice(office: Office) -> Desk:
    return office.hires("alice", "MODEL_OWNER")


def config(desk: Desk) -> Path:
    return desk.home / "config" / "magistrate" / "config.toml"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["login", "--help"], ["audit", "--help"]])
def test_help_loads_nothing_that_takes_long(words: list[str], tmp_path: Path) -> None:
    """What is not loaded costs nothing, on any machine: so modules are asserted, and no seconds."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED_BY, *words], capture_output=True, text=True, check=True, env=Desk(tmp_path).environment({})
    )
    unused = NOT_LOADED if words[0].startswith("-") else NOT_LOADED - BY_TYPER
    assert done.stdout and not unused & set(done.stderr.split())


def test_completion_loads_nothing_that_takes_long(tmp_path: Path) -> None:
    asked = {"_MAGISTRATE_COMPLETE": "complete_bash", "COMP_WORDS": "magistrate lo", "COMP_CWORD": "1"}
    desk = Desk(tmp_path)
    done = subprocess.run([MAGISTRATE], capture_output=True, text=True, check=True, env=desk.environment(asked))
    assert done.stdout.split() == ["login", "logout"]
    done = subprocess.run(
        [sys.executable, "-c", LOADED_BY], capture_output=True, text=True, check=True, env=desk.environment(asked)
    )
    assert not (NOT_LOADED - BY_TYPER) & set(done.stderr.split())


def test_the_shell_is_told_how_to_complete(tmp_path: Path) -> None:
    done = Desk(tmp_path).runs("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert "_MAGISTRATE_COMPLETE" in done.out


def test_the_version_is_said_both_ways(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.succeeds("--version").out == desk.succeeds("version").out


def test_client_and_server_commands_share_three_exit_codes_and_no_more() -> None:
    assert {each for each in Exit if each not in (0, 1, 2)} == {3, 4, 5, 6, 7}
    assert {0, 1, 2} <= set(Exit) and 2 in faults.STATUSES


def test_whoever_signs_in_is_kept_in_a_file_that_nobody_else_reads(office: Office) -> None:
    desk, token = office.desk(), office.admin.token or ""
    done = desk.runs("login", stdin=f"{token}\n")
    assert done.out == f"admin at {office.operated.url} (profile default)\n"
    assert config(desk).stat().st_mode & 0o777 == 0o600 and config(desk).parent.stat().st_mode & 0o777 == 0o700
    found = desk.succeeds("whoami", "--json").json
    assert (found["id"], found["profile"], found["source"]) == ("admin", "default", "the profile default")
    assert token not in desk.succeeds("whoami").out


def test_an_enrolment_token_makes_a_token_of_ones_own_which_is_kept(office: Office) -> None:
    desk, enrolment = office.desk(), office.invites("bob", "DATA_STEWARD")
    assert desk.succeeds("login", "--profile", "work", "--name", "the desk", stdin=enrolment).out.startswith("bob at ")
    kept = profiles.read(config(desk))["work"]
    assert kept.user == "bob" and kept.token != enrolment
    assert "spent" not in desk.succeeds("whoami", "--profile", "work").err
    assert desk.fails(5, "login", stdin=enrolment).err.startswith("magistrate: the token is unknown, expired or revoked")


def test_what_is_no_token_is_not_kept(office: Office) -> None:
    desk = office.desk()
    assert "is no token" in desk.fails(2, "login", stdin="two words").err
    assert "is no token" in desk.fails(2, "login", stdin="").err
    assert not config(desk).exists()


def test_a_profile_is_forgotten_and_its_token_ends(office: Office) -> None:
    desk = office.desk()
    desk.succeeds("login", stdin=office.invites("carol", "ETHICS_REVIEWER"))
    token = profiles.read(config(desk))["default"].token
    assert desk.succeeds("logout", "--revoke", "--json").json == ["default"]
    assert profiles.read(config(desk)) == {}
    office.desk(token).fails(5, "whoami")
    assert "login" in desk.fails(4, "logout").err


def test_the_token_of_a_profile_goes_to_its_own_server_alone(office: Office) -> None:
    desk = office.desk()
    desk.succeeds("login", stdin=office.admin.token)
    with answering((200, {"data": {"viewer": {}}}, {})) as other:
        assert "is not signed in" in desk.fails(5, "whoami", "--url", other.url).err.replace(
            "nobody is signed in", "is not signed in"
        )
        assert "its token is not sent" in desk.fails(2, "whoami", "--url", other.url, "--profile", "default").err
        assert "its token is not sent" in desk.fails(2, "whoami", "--url", other.url, MAGISTRATE_PROFILE="default").err
        assert other.heard == []


def test_what_counts_first_is_the_option_then_the_variable_then_the_profile(office: Office, alice: Desk) -> None:
    desk = office.desk()
    desk.succeeds("login", stdin=office.admin.token)
    file = desk.home / "token"
    file.write_text(f"{alice.token}\n")
    other = {"MAGISTRATE_TOKEN": "mag_no_token"}
    assert desk.succeeds("whoami", "--json").json["id"] == "admin"
    assert desk.succeeds("whoami", "--json", MAGISTRATE_TOKEN=alice.token or "").json["source"] == "the variable MAGISTRATE_TOKEN"
    said = desk.succeeds("whoami", "--json", "--token-file", str(file), **other).json
    assert said["id"] == "alice" and said["source"] == f"the file {file}"
    assert desk.succeeds("whoami", "--json", "--profile", "default", MAGISTRATE_TOKEN=alice.token or "").json["id"] == "admin"
    assert desk.succeeds("whoami", "--json", MAGISTRATE_TOKEN_FILE=str(file)).json["id"] == "admin"
    desk.succeeds("logout")
    assert desk.succeeds("whoami", "--json", MAGISTRATE_TOKEN_FILE=str(file)).json["id"] == "alice"
    assert desk.succeeds("whoami", "--json", MAGISTRATE_ID_TOKEN=alice.token or "").json["id"] == "alice"


def test_a_job_of_github_gets_its_token_for_the_audience(office: Office, alice: Desk) -> None:
    desk = office.desk()
    with answering((200, {"value": alice.token}, {}), many=True) as github:
        job = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{github.url}/token?api=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "job"}
        assert desk.succeeds("whoami", "--json", **job).json["source"] == "GitHub Actions"
        desk.succeeds("whoami", **job, MAGISTRATE_AUDIENCE="magistrate at work")
    (path, headers, _), (other, *_) = github.heard[0], github.heard[-1]
    host = office.operated.url.removesuffix("/graphql").removeprefix("http://").replace(":", "%3A")
    assert headers["Authorization"] == "Bearer job" and path == f"/graphql/token?api=2&audience=http%3A%2F%2F{host}"
    assert other.endswith("audience=magistrate+at+work")
    done = desk.fails(6, "whoami", **job | {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/"})
    assert "GitHub gave no token" in done.err


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_of_profiles_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    real, link = tmp_path / "kept.toml", tmp_path / "config" / "magistrate" / "config.toml"
    real.write_text('[profiles.default]\nurl = "http://127.0.0.1:1/graphql"\ntoken = "mag_a_b"\n')
    real.chmod(mode)
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    assert f"try: chmod 600 {real}" in Desk(tmp_path).fails(2, "whoami").err
    assert f"try: chmod 600 {real}" in Desk(tmp_path).fails(2, "logout").err
    real.chmod(0o600)
    Desk(tmp_path).succeeds("logout")
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o600 and "mag_a_b" not in real.read_text()


@pytest.mark.parametrize(
    "text", ["profiles = 1", "[profiles.a]\nurl = 1\ntoken = 'x'", "[profiles.a]", "[", "\0", "[profiles.'a b']"]
)
def test_a_file_that_holds_something_else_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config" / "magistrate" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    file.chmod(0o600)
    Desk(tmp_path).fails(2, "whoami")


def test_profiles_that_are_kept_at_once_are_all_kept(tmp_path: Path) -> None:
    file = tmp_path / "magistrate" / "config.toml"

    def keep(number: int) -> None:
        with profiles.changing(file) as kept:
            kept[f"p{number}"] = Profile(
                "http://127.0.0.1:8000/graphql", f"mag_{number}_\x7f'\"\\", f"ann-{number}-\u00e9\U0001f600"
            )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(40)))
    kept = profiles.read(file)
    assert len(kept) == 40 and kept["p7"] == Profile("http://127.0.0.1:8000/graphql", "mag_7_\x7f'\"\\", "ann-7-\u00e9\U0001f600")
    assert [each.name for each in file.parent.iterdir()] == ["config.toml"]


def test_a_change_of_profiles_that_fails_leaves_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    with profiles.changing(file) as kept:
        kept["a"] = Profile("http://127.0.0.1/graphql", "mag_a_b")
    before = file.read_bytes()
    with pytest.raises(KeyError), profiles.changing(file) as kept:
        del kept["a"], kept["b"]
    with pytest.raises(UnicodeEncodeError), profiles.changing(file) as kept:
        kept["a"] = Profile("http://127.0.0.1/graphql", "\ud800")
    assert file.read_bytes() == before and [each.name for each in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    "url",
    ["models.example.org", "ftp://a", "http://", "http://a:b", "http://u:p@a", "http://a/?q=1", "http://a:99999", "http://[::1"],
)
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    assert "is no address" in Desk(tmp_path).fails(2, "whoami", "--url", url).err


@pytest.mark.parametrize("code", OF_CODE)
def test_each_code_of_the_graph_has_its_exit_code(tmp_path: Path, code: str) -> None:
    refusal = {"message": "no\nway\x1b[2J", "extensions": {"code": code, "retryAfter": 99}}
    with answering((294, {"data": None, "errors": [refusal]}, {}), many=True) as other:
        desk = Desk(tmp_path, other.url, "mag_a_b")
        told = desk.fails(OF_CODE[code], "whoami", "--timeout", "1").err
        assert told.startswith("magistrate: no way\\x1b[2J")
        (said,) = desk.fails(OF_CODE[code], "whoami", "--json", "--timeout", "1").err.splitlines()
        assert json.loads(said)["error"]["extensions"] == refusal["extensions"]


def test_every_code_of_the_graph_is_in_the_table() -> None:
    assert {code.strip("`") for code, *_ in table("Errors")} == OF_CODE.keys()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["whoami", "--ulr", "x"],
            "magistrate: No such option: --ulr (Possible options: --url); try: magistrate whoami --help\n",
        ),
        (["whoam"], "magistrate: No such command 'whoam'. Did you mean 'whoami'?; try: magistrate --help\n"),
        (["audit", "prove"], "magistrate: Missing argument 'receipt'.; try: magistrate audit prove --help\n"),
        (["whoami", "--timeout", "x"], None),
    ],
)
def test_what_is_misused_is_told_in_one_line(tmp_path: Path, words: list[str], says: str | None) -> None:
    told = Desk(tmp_path).fails(2, *words).err
    assert told.endswith(" --help\n") and says in (told, None)


def test_without_words_help_is_printed(tmp_path: Path) -> None:
    done = Desk(tmp_path).runs()
    assert done.code == 2 and "Usage: magistrate" in done.err + done.out


def test_whoever_is_asked_to_come_again_later_does_so_or_is_told(tmp_path: Path) -> None:
    often = {"errors": [{"message": "too often", "extensions": {"code": "LIMIT_EXCEEDED"}}]}
    with answering((429, often, {"retry-after": "60"}), many=True) as other:
        assert "too often" in Desk(tmp_path, other.url, "mag_a_b").fails(6, "whoami").err
        assert len(other.heard) == 1


def test_what_is_unavailable_is_sent_again_under_the_same_key(tmp_path: Path) -> None:
    away = {"errors": [{"message": "later", "extensions": {"code": "UNAVAILABLE", "retryAfter": 0.1}}]}
    done = {"data": {"revokeApiToken": {"receipt": {"seq": 1}}}}
    file = tmp_path / "config" / "magistrate" / "config.toml"
    with answering((503, away, {}), (502, "<html>", {}), (503, away, {"retry-after": "9"}), (200, done, {})) as other:
        with profiles.changing(file) as kept:
            kept["default"] = Profile(other.url, "mag_abc_d")
        assert Desk(tmp_path).succeeds("logout", "--revoke").err.count("trying again") == 3
    keys = {headers["Idempotency-Key"] for _, headers, _ in other.heard}
    assert len(other.heard) == 4 and len(keys) == 1 and other.heard[0][2]["variables"] == {"id": "abc"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((301, "", {"location": "https://elsewhere.example.org/graphql"}), "a token is not sent on"),
        ((200, "<html>hello</html>", {}), "no Magistrate"),
        ((404, "not found", {}), "404"),
        ((200, [1], {}), "no Magistrate"),
    ],
)
def test_what_is_no_magistrate_is_out_of_reach(tmp_path: Path, answer: Any, says: str) -> None:
    with answering(answer, many=True) as other:
        assert says in Desk(tmp_path, other.url, "mag_a_b").fails(6, "whoami").err
        assert len(other.heard) == 1


def test_no_server_is_out_of_reach_and_says_how_to_start_one(tmp_path: Path) -> None:
    done = Desk(tmp_path, "http://127.0.0.1:1", "mag_a_b").runs("whoami")
    assert done.code == 6 and done.out == "" and done.err.endswith("try: magistrate serve\n") and done.err.count("\n") == 1


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(alice: Desk) -> None:
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:1")
    alice.succeeds("whoami", **proxies)


def test_a_program_in_kubernetes_reads_its_token_where_it_is_mounted(
    office: Office, alice: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = office.desk()
    monkeypatch.setattr(credentials, "KUBERNETES", desk.home / "token")
    desk.fails(5, "whoami")
    (desk.home / "token").write_text(alice.token or "")
    assert desk.succeeds("whoami", "--json").json["source"] == f"the file {desk.home / 'token'}"


def test_whoever_asks_without_tls_is_warned(tmp_path: Path) -> None:
    done = Desk(tmp_path, "http://magistrate.invalid", "mag_a_b").does("whoami", "--timeout", "5")
    assert done.code == 6 and "without TLS" in done.err.splitlines()[0]


def test_nobody_is_signed_in_without_a_token(office: Office) -> None:
    assert f"try: magistrate login --url {office.operated.url}" in office.desk().fails(5, "whoami").err


def test_a_refusal_is_one_line_whatever_the_server_says() -> None:
    ended = Ended(Exit.NO, "a\n\nb\x07\u202e", "magistrate whoami")
    assert ended.line == "magistrate: a b\\x07\\u202e; try: magistrate whoami"
