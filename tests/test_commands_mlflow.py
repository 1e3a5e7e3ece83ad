"""Registered models of MLflow at a shell: from exported JSON, and from a tracking server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gql.client import tracking
from gql.client.exits import Ended, Exit
from gql.client.sources import Kind, read
from tests.commanding import Desk, Office
from tests.operated import Operated

OWNED = ("--owner", "alice", "--steward", "bob")
SECOND = {
    "name": "wine quality", "version": "2", "description": "", "run_id": "ab12", "source": "/opt/mlruns/1/ab12/artifacts/model",
    "current_stage": "Production", "status": "READY", "tags": {"mlflow.kind": "sklearn"}, "creation_timestamp": 1672601487749,
}  # fmt: skip
THIRD = {"name": "wine quality", "version": 3, "description": "Grades sparkling wine too", "tags": [], "run_id": ""}
WINE: dict[str, Any] = {
    "name": "wine quality", "description": "Grades wine", "tags": [{"key": "team.name", "value": "cellar"}],
    "latest_versions": [SECOND, THIRD],
}  # fmt: skip


class Registry(ThreadingHTTPServer):
    """Answers as the REST API of a tracking server does, two records a page."""

    def __init__(self, models: list[dict[str, Any]], token: str | None) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.models, self.token, self.asked = models, token, list[str]()

    def found(self, path: str, asked: dict[str, list[str]]) -> list[dict[str, Any]]:
        if path.endswith("registered-models/search"):
            return [{key: value for key, value in each.items() if key != "latest_versions"} for each in self.models]
        name = asked["filter"][0].removeprefix("name='").removesuffix("'").replace("''", "'")
        return [version for each in self.models if each["name"] == name for version in each["latest_versions"]]


class Answering(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.token and self.headers.get("authorization") != f"Bearer {self.server.token}":
            self.send_error(401)
            return
        parts = urlsplit(self.path)
        asked = parse_qs(parts.query)
        of = "registered_models" if "registered-models" in parts.path else "model_versions"
        found, begin = self.server.found(parts.path, asked), int(asked.get("page_token", ["0"])[0])
        said: dict[str, Any] = {of: found[begin : begin + 2]} | (
            {"next_page_token": str(begin + 2)} if begin + 2 < len(found) else {}
        )
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(models: list[dict[str, Any]], token: str | None = None) -> Iterator[tuple[Registry, str]]:
    with Registry(models, token) as registry:
        thread = threading.Thread(target=registry.serve_forever, args=(0.01,))
        thread.start()
        yield registry, f"mlflow:http://127.0.0.1:{registry.server_port}"
        registry.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    with Operated(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture(scope="module")
def alice(running: Operated, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    office = Office(running, tmp_path_factory.mktemp("office"))
    office.hires("bob", "DATA_STEWARD")
    return office.hires("alice", "MODEL_OWNER")


def test_an_exported_model_is_registered_with_its_versions_and_what_mlflow_says_of_them(alice: Desk) -> None:
    (alice.home / "wine.json").write_text(json.dumps({"system": {}, "mlflow": {"registered_model": WINE}}))
    plan = alice.succeeds("import", "wine.json", *OWNED)
    assert [line.split()[1] for line in plan.out.splitlines()[:2]] == ["wine-quality@2", "wine-quality@3"]
    assert alice.does("show", "model", "wine-quality").code == Exit.UNKNOWN
    alice.succeeds("import", "wine.json", *OWNED, "--apply")
    second, third = (alice.succeeds("show", "version", f"wine-quality@{each}", "--json").json for each in (2, 3))
    assert [second["purpose"], third["purpose"]] == ["Grades wine", "Grades sparkling wine too"]
    assert [each["uri"] for each in second["artifacts"]] == ["models:/wine%20quality/2"]
    card = json.loads(alice.succeeds("export", "card", "wine-quality@2", "--format", "json").out)["additional_info"]["mlflow"]
    assert card["tags"] == [{"key": "mlflow.kind", "value": "sklearn"}] and card["run_id"] == "ab12" and card["version"] == "2"
    assert alice.succeeds("import", "wine.json", *OWNED, "--apply").out.endswith("0 to create, 0 to fill, 2 as they are\n")


def test_all_models_of_a_tracking_server_come_page_by_page(alice: Desk) -> None:
    models = [WINE | {"name": f"o'tracked {each}"} for each in range(5)]
    for each in models:
        each["latest_versions"] = [version | {"name": each["name"]} for version in WINE["latest_versions"]]
    with serving(models, "secret") as (registry, url):
        refused = alice.does("import", url, *OWNED)
        assert refused.code == Exit.NOT_PERMITTED and "MLFLOW_TRACKING_TOKEN" in refused.err and "secret" not in refused.err
        done = alice.does("import", url, *OWNED, "--apply", "--json", **{tracking.TOKEN: "secret"})
        assert done.code == Exit.DONE and len(done.json["steps"]) == 10
        assert "secret" not in done.out + done.err and sum("registered-models" in each for each in registry.asked) == 4
    held = alice.succeeds("list", "versions", "--filter", '{"modelId": {"startsWith": "o-tracked"}}', "--all", "--json").json
    assert len(held) == 10


def test_a_registered_model_is_imported_as_another_if_it_has_one_version(alice: Desk) -> None:
    one = {"registered_model": WINE | {"latest_versions": WINE["latest_versions"][:1]}}
    (alice.home / "one.json").write_text(json.dumps(one))
    alice.succeeds("import", "one.json", *OWNED, "--as", "wine@2026.1", "--apply")
    assert alice.succeeds("show", "version", "wine@2026.1", "--json").json["artifacts"][0]["uri"] == "models:/wine%20quality/2"
    (alice.home / "two.json").write_text(json.dumps({"registered_model": WINE}))
    assert "has 2 versions" in alice.does("import", "two.json", *OWNED, "--as", "wine@9").err


def test_a_model_that_does_not_say_what_it_is_for_needs_a_purpose(alice: Desk) -> None:
    mute = WINE | {"name": "mute wine", "description": None, "latest_versions": WINE["latest_versions"][:1]}
    (alice.home / "mute.json").write_text(json.dumps({"registered_model": mute}))
    assert "say --purpose" in alice.fails(Exit.USAGE, "import", "mute.json", *OWNED, "--apply").err
    alice.succeeds("import", "mute.json", *OWNED, "--purpose", "Grades wine", "--apply")


@pytest.mark.parametrize(
    "said",
    [
        {"registered_model": []}, {"registered_model": {"name": 1}}, {"mlflow": {"registered_model": None}}, {"mlflow": []},
        {"registered_models": []},
    ],
)  # fmt: skip
def test_json_that_names_no_registered_model_is_none(tmp_path: Path, said: Any) -> None:
    (tmp_path / "x.json").write_text(json.dumps(said))
    assert read(tmp_path / "x.json") is None


@pytest.mark.parametrize("listed", [None, "x", [], [1, {}, {"version": ""}, {"version": None}]])
def test_a_registered_model_without_versions_names_none(tmp_path: Path, listed: Any) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"registered_model": {"name": "x", "versions": listed}}))
    source = read(tmp_path / "x.json")
    assert source and source.kind is Kind.REGISTERED and source.names == ()


@pytest.mark.parametrize("url", ["mlflow:", "mlflow:ftp://x", "mlflow:x"])
def test_what_names_no_tracking_server_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(Ended) as refused:
        next(tracking.read(url))
    assert refused.value.status is Exit.USAGE


def test_a_server_that_is_away_or_another_is_out_of_reach(running: Operated) -> None:
    for url in ("mlflow:http://127.0.0.1:1", f"mlflow:{running.url.removesuffix('/graphql')}"):
        with pytest.raises(Ended) as refused:
            next(tracking.read(url))
        assert refused.value.status is Exit.OUT_OF_REACH
