"""What the README shows is what happens: its commands and queries, run word by word on a server that was just started."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx

from gql.settings import PREFIX, Settings
from tests.operated import Operated

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
HASH = re.compile(r"[0-9a-f]{64}")
BOB = {"userId": "bob", "name": "Bob", "email": "bob@example.org", "department": "Data", "roles": ["DATA_STEWARD"]}


def of_kind(kind: str) -> list[str]:
    return [text for each, text in BLOCKS if each == kind]


def alike(value: Any) -> Any:
    """`value` with one hash for all: they differ from start to start."""
    return json.loads(HASH.sub("0" * 64, json.dumps(value)))


def done(command: str, running: Operated, home: Path) -> str:
    """What a command of the README prints when it is run where the server was started."""
    command = command.replace("http://127.0.0.1:8000/graphql", running.url)
    return subprocess.run(["/bin/bash", "-c", command], cwd=home, capture_output=True, text=True, check=True, timeout=30).stdout


def test_its_commands_answer_what_it_says_and_its_queries_work(tmp_path: Path) -> None:
    with Operated(tmp_path / "var") as running:
        *commands, save = [text for text in of_kind("sh") if text.startswith("curl")]
        answers = [json.loads(text) for text in of_kind("json")]
        assert [alike(json.loads(done(each, running, tmp_path))) for each in commands] == [alike(each) for each in answers]
        admin = (tmp_path / "var" / "admin-token").read_text().strip()

        def asked(query: str, token: str, variables: dict[str, Any] | None = None) -> Any:
            headers = {"authorization": f"Bearer {token}"}
            answer = httpx.post(running.url, json={"query": query, "variables": variables}, headers=headers, timeout=10).json()
            assert "errors" not in answer, (query, answer["errors"])
            return answer["data"]

        enrol, make_own, register, eligibility, fill, fill_sheet, bring, bring_out, what_runs = of_kind("graphql")
        enrolment = asked(enrol, admin)["createApiToken"]
        assert enrolment["apiToken"]["kind"] == "ENROLMENT"
        own = asked(make_own, enrolment["token"])["createApiToken"]
        assert own["apiToken"] == {"kind": "PERSONAL", "holder": "alice"}
        add = "mutation($bob: RegisterStakeholderInput!) { registerStakeholder(input: $bob) { receipt { seq } } }"
        asked(add, admin, {"bob": BOB})
        version = asked(register, own["token"])["registerModel"]["modelVersion"]
        assert (version["tier"], version["status"]) == ("TIER_2_IMPORTANT", "DRAFT")
        found = asked(eligibility, admin)["modelVersion"]["eligibility"]
        filled = asked(fill, own["token"])
        assert [filled[each]["filled"] for each in ("card", "results")] == [
            ["license", "trainingDataSources", "additionalInfo", "knownLimitations"], ["metrics"],
        ]  # fmt: skip
        bobs = asked(make_own, asked(enrol.replace("alice", "bob"), admin)["createApiToken"]["token"])["createApiToken"]
        assert asked(fill_sheet, bobs["token"])["importDatasheet"]["filled"] == ["datasetName", "purpose"]
        brought = asked(bring, own["token"])
        assert [[each["modelVersion"]["modelId"] for each in brought[source]["models"]] for source in ("cards", "bill")] == [
            ["support-assistant"],
            ["router"],
        ]
        assert [each["path"] for each in brought["cards"]["leftOut"]] == ["huggingFace.1"]
        out = asked(bring_out, admin)
        assert out["modelVersion"]["card"]["cycloneDx"]["leftOut"] == []
        assert out["datasheet"]["content"]["huggingFace"]["text"].startswith("---\npretty_name: Closed support tickets\n---\n")
        assert asked(what_runs, admin)["model"] == {"running": [], "deployments": {"nodes": []}, "incidents": {"nodes": []}}
        done(save, running, tmp_path)
        assert (tmp_path / "report.md").read_text().startswith("# Governance report: Support Assistant 1.0.0\n")
        assert not found["eligible"] and len(found["violations"]) == 11 and len(found["missingApprovals"]) == 3


def test_the_commands_that_it_names_exist() -> None:
    made = set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test", "demo", "check"} <= made <= targets


def test_the_settings_that_it_names_are_those_that_exist() -> None:
    named = {each.removeprefix(PREFIX).lower() for each in re.findall(r"`(MAGISTRATE_[A-Z_]+)`", README)}
    assert named == set(Settings.model_fields)


def test_the_folders_and_files_that_it_names_exist() -> None:
    assert all((ROOT / each).exists() for each in re.findall(r"\]\(([^)#:]+)\)", README))
    assert all((ROOT / each.strip("/")).is_dir() for each in re.findall(r"^(\w+/)  ", README, re.MULTILINE))
    assert os.access(ROOT / ".ci" / "run", os.R_OK)
