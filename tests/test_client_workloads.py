"""Pipelines at the command line: the token of a run signs in on a real server, wherever the platform puts it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.commanding import Desk, answering
from tests.operated import Operated
from tests.pipelines import CLAIMS
from tests.providers import ISSUER, Provider

IDENTITY = f"""
[[issuer]]
name = "ci"
issuer = "{ISSUER}"
audience = "https://models.example.org"
jwks = "file://KEYS"
kind = "workloads"
[[issuer.rule]]
claims = {{ repository = "acme/*", ref = "refs/heads/main" }}
service = "release-pipeline"
mutations = ["registerModel"]
"""


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider()


@pytest.fixture(scope="module")
def operated(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    folder = tmp_path_factory.mktemp("issuers")
    (folder / "keys.json").write_text(json.dumps(provider.published))
    (folder / "identity.toml").write_text(IDENTITY.replace("KEYS", str(folder / "keys.json")))
    with Operated(tmp_path_factory.mktemp("operated"), IDENTITY=folder / "identity.toml") as running:
        yield running


def token(provider: Provider, **claims: object) -> str:
    return provider.signs(None, {}, datetime.now(UTC), **CLAIMS | claims)


@pytest.mark.exhaustive
def test_a_job_of_gitlab_is_let_in_by_its_variable(operated: Operated, provider: Provider, tmp_path: Path) -> None:
    found = Desk(tmp_path, operated.url).succeeds("whoami", "--json", MAGISTRATE_ID_TOKEN=token(provider)).json
    assert (found["id"], found["name"], found["mutations"]) == ("release-pipeline", None, ["REGISTER_MODEL"])


def test_a_job_of_github_is_let_in_by_what_github_answers(operated: Operated, provider: Provider, tmp_path: Path) -> None:
    with answering((200, {"value": token(provider)}, {})) as github:
        job = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{github.url}?api=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "job"}
        told = {"MAGISTRATE_AUDIENCE": "https://models.example.org"}
        done = Desk(tmp_path, operated.url).succeeds("query", "{ viewer { id } }", **job, **told)
    assert done.json == {"viewer": {"id": "release-pipeline"}}
    assert github.heard[0][0].endswith("&audience=https%3A%2F%2Fmodels.example.org")


def test_the_token_of_a_pod_is_read_anew_for_each_request(operated: Operated, provider: Provider, tmp_path: Path) -> None:
    desk, file = Desk(tmp_path, operated.url), tmp_path / "token"
    file.write_text(token(provider) + "\n")
    desk.succeeds("whoami", MAGISTRATE_TOKEN_FILE=str(file))
    file.write_text(token(provider, ref="refs/pull/1/merge"))
    refused = desk.fails(5, "whoami", MAGISTRATE_TOKEN_FILE=str(file)).err
    assert refused.endswith(f"(the token of the file {file})\n")
    file.unlink()
    assert "no token can be read" in desk.fails(2, "whoami", MAGISTRATE_TOKEN_FILE=str(file)).err


def test_a_token_of_a_run_does_what_its_rule_says_and_no_more(operated: Operated, provider: Provider, tmp_path: Path) -> None:
    desk = Desk(tmp_path, operated.url)
    done = desk.fails(5, "call", "openIncident", "--model-id", "a", "--version", "1", "--severity", "LOW", "--title", "b",
                      MAGISTRATE_ID_TOKEN=token(provider))  # fmt: skip
    assert "does not list openIncident" in done.err
