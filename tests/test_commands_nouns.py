"""The commands about models, versions and changes: what they answer, in which forms, and how they end."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commanding import LOADED_BY, NOT_LOADED, Desk, Office
from tests.examples import DATASHEET
from tests.governing import PEOPLE, PURPOSE, REQUEST, approves, documents, registers, weights
from tests.operated import MAGISTRATE, Operated

NEW = ("--purpose", PURPOSE, "--steward", "bob")
GROUPS = ["list", "show", "export", "deploy"]
SINGLE = ["register", "import", "submit", "approve", "reject", "eligible"]
VERDICT = "query($m: String!, $v: String!, $e: String!) { modelVersion(modelId: $m, version: $v) { verdict(environment: $e) "
VERDICT += "{ eligible reasons { code text } } eligibility { eligible } } }"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Operated(tmp_path_factory.mktemp("office")) as running:
        yield Office(running, tmp_path_factory.mktemp("homes"))


@pytest.fixture(scope="module")
def staff(office: Office) -> dict[str, Desk]:
    return {name: office.hires(name, *roles) for name, roles in PEOPLE.items()}


@pytest.fixture(scope="module")
def alice(staff: dict[str, Desk]) -> Desk:
    return staff["alice"]


def loaded(desk: Desk, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED_BY, *words], capture_output=True, text=True, check=True, env=desk.environment({})
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [[each, "--help"] for each in SINGLE + GROUPS] + [["deploy", "request", "--help"]])
def test_help_of_each_command_is_lean_and_names_its_options(words: list[str], tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert not {"httpx", "rich", "graphql", "strawberry", "beanie", "motor", "pymongo", "yaml", "documents"} & loaded(
        desk, *words
    )
    said = desk.succeeds(*words).out
    assert (words[0] in GROUPS and len(words) == 2) or "--json" in said


def test_help_of_all_loads_nothing_more_than_before(tmp_path: Path) -> None:
    assert not NOT_LOADED & loaded(Desk(tmp_path), "--help")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("magistrate register --tier TIER_2", ["TIER_2_IMPORTANT"]), ("magistrate approve --role ET", ["ETHICS_REVIEWER"]),
        ("magistrate list versions --status pend", ["pending-approval"]),
        ("magistrate deploy request --type dec", ["decommission"]),
        ("magistrate list changes --status R", ["REJECTED", "ROLLED_BACK"]),
        ("magistrate export card --format cy", ["cyclonedx"]),
    ],
)  # fmt: skip
def test_enumerations_are_completed(tmp_path: Path, words: str, completed: list[str]) -> None:
    number = str(len(words.split()) - 1)
    asked = {"_MAGISTRATE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": number}
    done = subprocess.run([MAGISTRATE], capture_output=True, text=True, check=True, env=Desk(tmp_path).environment(asked))
    assert done.stdout.split() == completed


EVERYWHERE = [
    ["register", "m@1", *NEW, "--owner", "alice", "--artifact", "https://a.example.org/x"], ["eligible", "m@1"],
    ["show", "version", "m@1"], ["show", "model", "m"], ["show", "change", "CR-1"], ["list", "models"], ["list", "policies"],
    ["submit", "m@1"], ["approve", "m@1"], ["reject", "m@1", "--comment", "No"], ["export", "card", "m@1"],
    ["export", "dossier", "m@1"], ["deploy", "start", "CR-1"], ["deploy", "rollback", "CR-1", "--reason", "x"],
]  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("words", EVERYWHERE)
def test_no_server_is_out_of_reach_for_each(tmp_path: Path, words: list[str]) -> None:
    desk = Desk(tmp_path, "http://127.0.0.1:1", "mag_a_b")
    assert desk.fails(6, *words).err.endswith("try: magistrate serve\n")


@pytest.mark.parametrize("words", EVERYWHERE)
def test_nobody_signed_in_is_not_permitted_for_each(office: Office, words: list[str]) -> None:
    assert "try: magistrate login" in office.desk().fails(5, *words).err


@pytest.mark.parametrize(
    "words",
    [
        ["eligible", "none@1"], ["eligible", "--sha256", "0" * 64], ["show", "version", "none@1"], ["show", "model", "none"],
        ["show", "change", "CR-0"], ["show", "incident", "INC-0"], ["show", "person", "none"], ["show", "policy", "none"],
        ["submit", "none@1"], ["submit", "CR-0"], ["approve", "none@1"], ["approve", "CR-0"],
        ["reject", "none@1", "--comment", "x"],
        ["export", "card", "none@1"], ["export", "dossier", "none@1"], ["export", "report", "none@1"],
        ["export", "risk-report", "none@1"], ["export", "datasheet", "none"], ["deploy", "rollback", "CR-0", "--reason", "x"],
        ["deploy", "start", "CR-0"],
        ["deploy", "complete", "CR-0"], ["deploy", "cancel", "CR-0", "--reason", "x"], ["import", "none*.md"],
    ],
)  # fmt: skip
def test_what_is_unknown_ends_with_4(staff: dict[str, Desk], words: list[str]) -> None:
    desk = staff["george" if words[0] == "deploy" else "alice"]
    desk.fails(4, *words)
    said = json.loads(desk.does(*words, "--json").err)["error"]
    assert said["exitCode"] == 4


@pytest.mark.parametrize(
    "words",
    [
        ["eligible"], ["eligible", "m"], ["eligible", "m@1", "--sha256", "0" * 64], ["eligible", "--sha256", "xyz"],
        ["eligible", "--file", "none"], ["eligible", "--file", "."], ["show", "version", "m"], ["show", "version", "@1"],
        ["register"], ["register", "m@1"], ["register", "m@1", "--tier", "9"], ["register", "--from", "none.yaml"],
        ["register", "m@1", *NEW, "--artifact", "none.bin"], ["register", "m@1", *NEW, "--artifact", "."],
        ["register", "m@1", *NEW, "--depends-on", "LIKES=x@1"], ["register", "m@1", *NEW, "--depends-on", "CALLS="],
        ["list", "versions", "--tier", "heavy"], ["list", "versions", "--filter", "{"], ["list", "versions", "--filter", "[]"],
        ["list", "versions", "--filter", '{"none": 1}'], ["approve", "m@1", "--conditional"],
        ["approve", "m@1", "--role", "owner"],
        ["approve", "CR-1", "--condition", "x"], ["deploy", "request"], ["deploy", "request", "m@1"],
        ["deploy", "request", "m@1", *REQUEST, "--window", "now"], ["export", "card", "m"], ["import", "none.md"],
    ],
)  # fmt: skip
def test_what_is_said_wrong_ends_with_2_and_one_line(alice: Desk, words: list[str]) -> None:
    alice.fails(2, *words)


def test_the_same_registration_again_is_0_and_another_is_7(alice: Desk) -> None:
    said = (*NEW, "--use-case", "Sort mail", "--artifact", weights(alice, "one"), "--at", "https://models.example.org/sorter")
    first = alice.succeeds("register", "sorter@1.0.0", "--name", "Sorter", "--tag", "mail", *said, "--json").json
    assert first["registered"] and first["modelVersion"]["status"] == "DRAFT" and first["receipt"]["seq"]
    again = alice.succeeds("register", "sorter@1.0.0", "--name", "Sorter", "--tag", "mail", *said)
    assert again.out == "sorter@1.0.0 is registered already, with all that was said\n"
    assert alice.succeeds("register", "sorter@1.0.0", *said, "--json").json["registered"] is False
    weights(alice, "two")
    assert (
        "with another artifacts; try: magistrate show version sorter@1.0.0"
        in alice.fails(7, "register", "sorter@1.0.0", *said).err
    )
    both = alice.fails(7, "register", "sorter@1.0.0", "--purpose", "x", "--name", "y").err
    assert "another purpose" in both and "another name" in both
    assert "another name" in alice.fails(7, "register", "sorter@1.1.0", *said, "--name", "Other").err
    alice.succeeds("register", "sorter@1.1.0", *said)


def test_a_registration_is_read_from_a_file_with_its_artefacts_beside_it(alice: Desk) -> None:
    folder = alice.home / "built"
    folder.mkdir()
    (folder / "prompt.txt").write_text("Be kind.")
    said = {
        "modelId": "kind", "version": "1.0", "purpose": "Writes greetings", "dataStewardId": "bob",
        "artifacts": [{"path": "prompt.txt", "kind": "PROMPT"}, "oci://registry.example.org/kind@sha256:" + "a" * 64],
        "dependsOn": [{"relation": "CALLS", "on": {"external": {"name": "base"}}}],
    }  # fmt: skip
    (folder / "kind.yaml").write_text(yaml.safe_dump(said))
    alice.succeeds("register", "--from", "built/kind.yaml")
    assert (
        "registered already" in alice.succeeds("register", "--from", "built/kind.yaml", "--depends-on", "CALLS=external:base").out
    )
    assert (
        "another dependsOn" in alice.fails(7, "register", "--from", "built/kind.yaml", "--depends-on", "CALLS=external:other").err
    )
    found = alice.succeeds("show", "version", "kind@1.0", "--json").json["artifacts"]
    assert found[0] == {
        "kind": "PROMPT", "uri": "file:prompt.txt", "sha256": hashlib.sha256(b"Be kind.").hexdigest(), "size": 8,
    }  # fmt: skip
    assert found[1]["sha256"] == "a" * 64 and found[1]["uri"].endswith("@sha256:" + "a" * 64)
    alice.fails(2, "register", "--from", "-", stdin="- no\n- object")


def at_once(desk: Desk, *commands: list[str]) -> list[tuple[int, str]]:
    environment = desk.environment({})
    running = [
        subprocess.Popen(
            [MAGISTRATE, *each], env=environment, cwd=desk.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for each in commands
    ]
    said = [each.communicate(timeout=60) for each in running]
    return [(each.returncode, out + err) for each, (out, err) in zip(running, said, strict=True)]


def test_registrations_at_once_register_once(alice: Desk) -> None:
    words = ["register", "race@1", *NEW, "--artifact", "https://a.example.org/x@sha256:" + "b" * 64]
    said = at_once(alice, words, words, words)
    assert [code for code, _ in said] == [0, 0, 0], said
    assert sorted("already" in told for _, told in said) == [False, True, True]


def test_versions_of_a_new_model_are_registered_at_once(alice: Desk) -> None:
    said = at_once(alice, *(["register", f"twins@{each}", *NEW, "--artifact", f"https://a.example.org/{each}"] for each in "123"))
    assert [code for code, _ in said] == [0, 0, 0], said
    assert len(alice.succeeds("list", "versions", "--model", "twins", "--json").json) == 3


def test_the_same_artefacts_in_another_order_are_the_same(alice: Desk) -> None:
    named = ["--artifact", "https://a.example.org/x@sha256:" + "c" * 64, "--artifact", "CONFIG=https://a.example.org/y"]
    alice.succeeds("register", "ordered@1", *NEW, *named)
    alice.succeeds("register", "ordered@1", *NEW, *named[2:], *named[:2])
    alice.fails(7, "register", "ordered@1", *NEW, *named[:2])
    alice.fails(7, "register", "ordered@1", *NEW, *named[:2], *named[:2])


def test_a_file_larger_than_memory_allows_is_read_in_chunks(tmp_path: Path) -> None:
    from gql.client.digests import CHUNK, digest_of  # noqa: PLC0415

    file = tmp_path / "large"
    with file.open("wb") as opened:
        opened.truncate(64 * CHUNK + 7)
    import tracemalloc  # noqa: PLC0415

    tracemalloc.start()
    found = digest_of(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.size == 64 * CHUNK + 7 and peak < 4 * CHUNK
    assert found.sha256 == hashlib.sha256(bytes(found.size)).hexdigest()


def test_wrong_roles_end_with_5(staff: dict[str, Desk], alice: Desk) -> None:
    registers(alice, "roles@1", text="roles")
    assert "whoami" in staff["george"].fails(5, "register", "roles@2", *NEW, "--owner", "alice", "--artifact", "oci://a").err
    staff["george"].fails(5, "submit", "roles@1")
    documents(alice, "roles@1")
    alice.succeeds("submit", "roles@1")
    staff["george"].fails(5, "approve", "roles@1")
    staff["george"].fails(5, "reject", "roles@1", "--comment", "no")
    alice.fails(5, "approve", "roles@1", "--role", "ethics")
    alice.fails(3, "submit", "roles@1")


def test_a_rejection_and_a_condition_are_told(staff: dict[str, Desk], alice: Desk) -> None:
    registers(alice, "judged@1", text="judged")
    documents(alice, "judged@1")
    alice.succeeds("submit", "judged@1")
    assert (
        "REJECTED by ETHICS_REVIEWER: judged@1 is REJECTED"
        in staff["carol"].succeeds("reject", "judged@1", "--comment", "Uneven over the groups").out
    )
    assert "REJECTED" in {each["code"] for each in staff["george"].does("eligible", "judged@1", "--json").json["reasons"]}
    alice.succeeds("submit", "judged@1")
    revision = alice.succeeds("show", "version", "judged@1", "--json").json["revision"]
    staff["david"].fails(7, "approve", "judged@1", "--expected-revision", str(revision - 1))
    said = (
        staff["david"]
        .succeeds("approve", "judged@1", "--conditional", "--condition", "Add a filter", "--expires", "2099-01-01T00:00:00Z")
        .out
    )
    assert "CONDITIONAL by SECURITY_REVIEWER" in said and "- Add a filter  (" in said
    shown = alice.succeeds("show", "version", "judged@1").out
    assert "Add a filter" in shown and "stands in the way:" in shown and "magistrate call" in shown and "to do:" in shown


def test_eligible_agrees_with_the_graph_over_varied_versions(office: Office, staff: dict[str, Desk], alice: Desk) -> None:
    subjects = ["v-draft@1", "v-sent@1", "v-good@1", "v-held@1", "v-out@1", "v-tried@1"]
    for each in subjects:
        purpose = ("--purpose", "An experimental prototype for research") if each == "v-tried@1" else ()
        registers(alice, each, *purpose, text=each)
        if each not in ("v-draft@1", "v-tried@1"):
            documents(alice, each)
    alice.succeeds("submit", "v-sent@1")
    for each in ("v-good@1", "v-held@1", "v-out@1"):
        approves(staff, each)
    held, out = ("--model-id", "v-held", "--version", "1"), ("--model-id", "v-out", "--version", "1")
    staff["carol"].succeeds("call", "placeHold", *held, "--reason", "A complaint")
    alice.succeeds("call", "retireModelVersion", *out, "--reason", "It is over")
    staff["rita"].succeeds("call", "declareEnvironment", "--name", "lab", "--stage", "DEVELOPMENT", "--description", "For trials")
    answers = set()
    for subject in subjects:
        model, version = subject.split("@")
        (alice.home / "weights.bin").write_text(subject)
        for environment in ("production", "staging", "lab"):
            said = office.asks(alice.token or "", VERDICT, {"m": model, "v": version, "e": environment})["modelVersion"]
            done = staff["george"].does("eligible", subject, "--environment", environment, "--json")
            assert done.code == (0 if said["verdict"]["eligible"] else 3), (subject, environment, done)
            assert [each["code"] for each in done.json["reasons"]] == [each["code"] for each in said["verdict"]["reasons"]]
            if environment == "production":
                assert said["verdict"]["eligible"] == said["eligibility"]["eligible"]
            by_file = alice.does("eligible", "--file", "weights.bin", "--environment", environment, "--json")
            if subject == "v-out@1":
                assert by_file.code in (3, 4)
            else:
                assert (by_file.code == 0) == said["verdict"]["eligible"]
            answers.add(done.code)
    assert answers == {0, 3}
    alice.fails(2, "eligible", "v-good@1", "--environment", "nowhere")


def test_every_remedy_of_a_no_is_a_command_that_is_understood(alice: Desk) -> None:
    registers(alice, "remedied@1", text="remedied")
    said = alice.does("eligible", "remedied@1", "--json").json["reasons"]
    commands = [each["command"].split() for each in said if each["command"]]
    assert ["magistrate", "submit", "remedied@1"] in commands
    for _, first, *rest in commands:
        alice.succeeds(*((first, rest[0]) if first == "call" else (first,)), "--help")


def test_lists_filter_by_their_options_in_each_form(staff: dict[str, Desk], alice: Desk) -> None:
    registers(alice, "listed@1", "--tag", "of-lists", text="l1")
    registers(alice, "listed@2", text="l2")
    listed = alice.succeeds("list", "versions", "--model", "listed", "--json").json
    assert [each["version"] for each in listed] == ["1", "2"] and listed[0]["tier"] == "TIER_2_IMPORTANT"
    rows = alice.succeeds("list", "versions", "--model", "listed", "--format", "csv").out.splitlines()
    assert rows[0].startswith("modelId,version,status") and rows[1].startswith("listed,1,DRAFT") and len(rows) == 3
    assert len(alice.succeeds("list", "versions", "--model", "listed", "--format", "ndjson").lines) == 2
    assert alice.succeeds("list", "versions", "--model", "listed").out.splitlines()[0].split()[:2] == ["modelId", "version"]
    one = alice.succeeds("list", "versions", "--model", "listed", "--limit", "1", "--json")
    assert len(one.json) == 1 and "there are more than 1; --all lists them" in one.err
    assert len(alice.succeeds("list", "versions", "--model", "listed", "--limit", "1", "--all", "--json").json) == 2
    none: list[list[str]] = [
        ["versions", "--model", "listed", "--status", "retired"], ["versions", "--model", "listed", "--tier", "1"],
        ["versions", "--model", "listed", "--eligible"], ["versions", "--model", "listed", "--owner", "bob"],
        ["versions", "--model", "listed", "--environment", "production"], ["models", "--tag", "nothing"],
        ["models", "--environment", "nowhere"], ["changes", "--model", "listed@1"], ["incidents", "--model", "listed"],
        ["people", "--role", "business-owner"], ["deployments", "--model", "listed"],
        ["versions", "--model", "listed", "--filter", '{"version": {"eq": "3"}}'], ["datasheets"],
    ]  # fmt: skip
    for each in none:
        assert alice.succeeds("list", *each, "--json").json == [], each
    some: list[list[str]] = [
        ["models", "--tag", "of-lists", "--owner", "alice", "--status", "draft", "--tier", "important"],
        ["people", "--role", "ethics", "--tier", "2", "--active", "--department", "ML"], ["policies", "--tier", "1"],
        ["environments", "--stage", "production"], ["versions", "--model", "listed", "--not-eligible", "--status", "draft"],
        ["versions", "--model", "listed", "--awaits", "ethics"],
    ]  # fmt: skip
    for each in some:
        assert alice.succeeds("list", *each, "--json").json, each
        assert alice.succeeds("list", *each).out


def test_records_are_shown_to_whoever_reviews_them(staff: dict[str, Desk], alice: Desk) -> None:
    registers(alice, "shown@1", text="shown")
    documents(alice, "shown@1")
    approves(staff, "shown@1")
    change = staff["george"].succeeds("deploy", "request", "shown@1", *REQUEST, "--environment", "production", "--json").json
    change_id = change["changeRequest"]["changeId"]
    opened = alice.succeeds(
        "call", "openIncident", "--model-id", "shown", "--version", "1", "--severity", "HIGH", "--title", "Rude", "--description",
        "It was rude", "--select", "incident.incidentId",
    ).json["incident"]["incidentId"]  # fmt: skip
    for words, says in (
        (["change", change_id], "Deploy shown@1, production"), (["model", "shown"], "TIER_2_IMPORTANT"),
        (["version", "shown@1"], "APPROVED by carol"), (["incident", opened], "OPEN, HIGH: Rude"),
        (["person", "carol"], "ETHICS_REVIEWER"), (["policy", "POL-001"], "POL-001.intended-use"),
    ):  # fmt: skip
        assert says in alice.succeeds("show", *words).out, words
        assert isinstance(alice.succeeds("show", *words, "--json").json, dict)
    assert "APPROVE_CHANGE" in alice.succeeds("show", "model", "shown").out
    staff["fiona"].succeeds("reject", change_id, "--comment", "Not on a Friday")
    assert "REFUSED by fiona: Not on a Friday" in alice.succeeds("show", "change", change_id).out
    staff["george"].fails(3, "deploy", "start", change_id)


def test_a_deployment_can_fail_be_cancelled_and_be_scheduled(staff: dict[str, Desk], alice: Desk) -> None:
    george = staff["george"]
    registers(alice, "tried@1", text="tried")
    documents(alice, "tried@1")
    approves(staff, "tried@1")
    draft = george.succeeds("deploy", "request", "tried@1", "--justification", "To see", "--draft").out.strip()
    assert "DRAFT" in george.succeeds("show", "change", draft).out
    assert "CANCELLED" in george.succeeds("deploy", "cancel", draft, "--reason", "Second thoughts").out
    change = george.succeeds(
        "deploy", "request", "tried@1", *REQUEST, "--key", "tried-1", "--window", "2099-01-01T00:00:00Z/2099-01-02T00:00:00Z"
    ).out
    assert (
        george.succeeds(
            "deploy", "request", "tried@1", *REQUEST, "--key", "tried-1", "--window", "2099-01-01T00:00:00Z/2099-01-02T00:00:00Z"
        ).out
        == change
    )
    change = change.strip()
    assert "failed" in george.succeeds("deploy", "test", change, "load test", "--failed").out
    for name in ("alice", "fiona", "david"):
        staff[name].succeeds("approve", change)
    assert "SCHEDULED" in george.succeeds("deploy", "schedule", change, "2099-01-01T12:00:00Z").out
    george.fails(3, "deploy", "start", change)
    george.succeeds("deploy", "cancel", change, "--reason", "Too far away")
    change = george.succeeds("deploy", "request", "tried@1", *REQUEST).out.strip()
    for name in ("alice", "fiona", "david"):
        staff[name].succeeds("approve", change)
    assert "load test" in george.fails(3, "deploy", "start", change).err
    staff["fiona"].succeeds("deploy", "test", change, "load test", "--uri", "https://ci.example.org/1")
    george.succeeds("deploy", "start", change)
    assert "FAILED" in george.succeeds("deploy", "fail", change, "--notes", "It did not answer").out
    alice.fails(5, "deploy", "complete", change)


def test_exports_say_what_they_leave_out_and_write_files(staff: dict[str, Desk], alice: Desk) -> None:
    registers(alice, "exported@1", text="exported")
    assert "has no card; try: magistrate call saveModelCard" in alice.fails(4, "export", "card", "exported@1").err
    documents(alice, "exported@1")
    for form in ("markdown", "json", "hugging-face", "cyclonedx"):
        assert alice.succeeds("export", "card", "exported@1", "--format", form).out.strip(), form
    done = alice.succeeds("export", "card", "exported@1", "--format", "hugging-face", "-o", "card.md", "--json")
    assert done.json["file"] == "card.md" and (alice.home / "card.md").read_text().startswith("---\n")
    assert done.json["leftOut"] and done.err.startswith("left out: ")
    json.loads(alice.succeeds("export", "card", "exported@1", "--format", "json").out)
    alice.fails(2, "export", "report", "exported@1", "-o", "no/such/folder")
    for what in ("report", "risk-report"):
        assert alice.succeeds("export", what, "exported@1").out.startswith("# ")
        json.loads(alice.succeeds("export", what, "exported@1", "--format", "json").out)
    dossier = alice.succeeds("export", "dossier", "exported@1").json
    assert dossier["modelId"] == "exported" and dossier["dossier"]["card"] in {
        hashlib.sha256(each["content"]["canonical"].encode()).hexdigest()
        for each in dossier["dossier"]["contents"]
        if each["content"]
    }
    assert staff["rita"].succeeds("export", "audit-report", "--model", "exported@1").out.startswith("# ")
    sheet = {"datasetId": "tickets", "datasheet": DATASHEET}
    staff["bob"].succeeds("call", "saveDatasheet", "--input", "-", stdin=json.dumps(sheet))
    assert "Closed support tickets" in alice.succeeds("export", "datasheet", "tickets", "--format", "hugging-face").out


HUB = "---\nlicense: apache-2.0\nversion: '2'\n---\n# Model card for Leaf Sorter\n\n## Direct use\n\nSorts leaves.\n"
BILL: dict[str, Any] = {
    "bomFormat": "CycloneDX", "specVersion": "1.6",
    "components": [
        {"type": "machine-learning-model", "name": "router", "version": "1", "description": "Sorts questions"},
        {"type": "machine-learning-model", "group": "acme", "name": "ranker", "version": "7", "description": "Ranks answers"},
        {"type": "machine-learning-model", "name": "mute", "version": "1"}, {"type": "library", "name": "x", "version": "1"},
    ],
}  # fmt: skip
OWNED = ("--owner", "alice", "--steward", "bob")


def models_in(folder: Path) -> None:
    folder.mkdir()
    (folder / "README.md").write_text(HUB)
    (folder / "notes.md").write_text("# Nothing\n")
    (folder / "bill.cdx.json").write_text(json.dumps(BILL))
    (folder / "package.json").write_text("{}")
    (folder / "broken.md").write_text("---\nlicense: [\n---\n")
    model = folder / "run" / "model"
    model.mkdir(parents=True)
    (model / "MLmodel").write_text(
        yaml.safe_dump({
            "artifact_path": "churn", "run_id": "e13d", "mlflow_version": "2.19.0", "metadata": {"description": "Foresees churn"},
            "flavors": {"sklearn": {"pickled_model": "model.pkl"}, "python_function": {"loader_module": "mlflow.sklearn"}},
        })
    )  # fmt: skip
    (model / "model.pkl").write_bytes(b"\x80")
    (model / "requirements.txt").write_text("scikit-learn")


def test_an_import_shows_its_plan_then_does_it_and_one_bad_file_stops_no_other(alice: Desk) -> None:
    folder = alice.home / "models"
    models_in(folder)
    plan = alice.does("import", "models", *OWNED, "--version", "3")
    assert plan.code == 2 and "models/broken.md: " in plan.err and "--apply does it" in plan.err
    assert "+ Leaf-Sorter@2  a new model, with its card, from models/README.md" in plan.out
    assert (
        "+ acme:ranker@7" in plan.out and "+ churn@3" in plan.out and plan.out.endswith("5 to create, 0 to fill, 0 as they are\n")
    )
    assert not {"router", "churn"} & {each["modelId"] for each in alice.succeeds("list", "models", "--all", "--json").json}

    done = alice.does("import", "models", *OWNED, "--version", "3", "--apply", "--json")
    assert done.code == 2 and done.json["applied"]
    assert {each["file"].rpartition("/")[2] for each in done.json["failures"]} == {"broken.md", "bill.cdx.json"}
    made = {each["modelId"]: each["result"] for each in done.json["steps"]}
    assert made["Leaf-Sorter"] and made["router"] and made["acme:ranker"] and made["churn"] and made["mute"] is None
    churn = alice.succeeds("show", "version", "churn@3", "--json").json
    assert {each["uri"]: each["kind"] for each in churn["artifacts"]} == {
        "runs:/e13d/churn/MLmodel": "CONFIG", "runs:/e13d/churn/model.pkl": "WEIGHTS",
        "runs:/e13d/churn/requirements.txt": "CONFIG",
    }  # fmt: skip
    assert churn["purpose"] == "Foresees churn"
    card = json.loads(alice.succeeds("export", "card", "churn@3", "--format", "json").out)
    assert card["model_type"] == "sklearn" and card["additional_info"]["mlflow"]["run_id"] == "e13d"

    (folder / "broken.md").unlink()
    (folder / "bill.cdx.json").unlink()
    again = alice.succeeds("import", "models", *OWNED, "--version", "3", "--apply")
    assert again.out.endswith("0 to create, 0 to fill, 2 as they are\n")


def test_an_import_fills_what_a_card_does_not_say_yet(alice: Desk) -> None:
    registers(alice, "filled@1", text="filled")
    (alice.home / "filled.md").write_text(HUB)
    done = alice.succeeds("import", "filled.md", "--as", "filled@1", "--apply")
    assert "~ filled@1  the empty fields of its card" in done.out and "done: filled@1" in done.out
    assert "nothing new: filled@1" in alice.succeeds("import", "filled.md", "--as", "filled@1", "--apply").out
    (alice.home / "filled.md").write_text(HUB.replace("apache-2.0", "mit"))
    told = alice.succeeds("import", "filled.md", "--as", "filled@1", "--apply", "--json")
    assert told.json["steps"][0]["action"] in ("fill", "same")
    results = alice.home / ".eval_results"
    results.mkdir()
    (results / "r.yaml").write_text("- dataset: {id: example/tickets, task_id: accuracy}\n  value: 0.91\n")
    assert "done" in alice.succeeds("import", ".eval_results/r.yaml", "--as", "filled@1", "--apply").out
    assert "not registered" in alice.does("import", ".eval_results/r.yaml", "--as", "filled@9", "--apply").err
    assert alice.does("import", "filled.md", "--as", "other@1").code == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("laughs.md", "---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\n"), ("deep.md", f"---\na: {'[' * 3000}\n---\n"),
        ("deep.json", "[" * 100_000), ("long.md", "---\na: b\n---\n" + "x" * 262_144), ("two.json", '{"bomFormat": "SPDX"}'),
        ("latin.md", "---\n\udce9\n---\n"), ("empty.md", ""), ("run/MLmodel", "flavors: none\n"), ("run/MLmodel", "- 1\n"),
        ("nameless.md", "---\nlicense: mit\n---\n"), ("bill.json", '{"bomFormat": "CycloneDX", "components": [1, {"type": 2}]}'),
        ("bill.json", '{"bomFormat": "CycloneDX", "metadata": [], "components": {}}'),
    ],
)  # fmt: skip
def test_what_a_stranger_wrote_is_refused_in_one_line(alice: Desk, tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    done = alice.does("import", str(file), *OWNED, "--apply")
    assert done.code == 2 and done.err.startswith(f"{file}: ") and done.err.count("\n") == 1 and done.out == "", done


def test_numbers_in_the_place_of_texts_are_said_to_be_wrong(alice: Desk) -> None:
    (alice.home / "odd.yaml").write_text("modelId: odd\nversion: 1.0\npurpose: x\ndataStewardId: bob\nartifacts: [1]\n")
    alice.fails(2, "register", "--from", "odd.yaml")
    alice.fails(2, "deploy", "request", "odd@1", "--from", "-", stdin="impact: [1]\njustification: x")
    alice.fails(2, "register", "odd@1", "--from", "-", stdin="artifacts: {a: b}\npurpose: x\ndataStewardId: bob")


def test_an_exported_text_is_what_the_server_says_to_the_last_character(alice: Desk) -> None:
    registers(alice, "exact@1", text="exact")
    odd = "A tab\there, a joiner \u200d, \u202e and \u00e9"
    card = {"card": {"knownLimitations": [odd]}}
    alice.succeeds("call", "saveModelCard", "--model-id", "exact", "--version", "1", "--input", "-", stdin=json.dumps(card))
    text = alice.succeeds("export", "card", "exact@1").out
    alice.succeeds("export", "card", "exact@1", "-o", "exact.md")
    assert (alice.home / "exact.md").read_text().rstrip("\n") == text.rstrip("\n")
    assert json.loads(alice.succeeds("export", "card", "exact@1", "--format", "json").out)["known_limitations"] == [odd]


def test_an_import_of_somebody_elses_model_is_5_and_no_server_is_6(
    staff: dict[str, Desk], office: Office, tmp_path: Path
) -> None:
    (staff["george"].home / "card.md").write_text(HUB)
    assert staff["george"].does("import", "card.md", *OWNED, "--as", "georges@1", "--apply").code == 5
    desk = Desk(tmp_path, "http://127.0.0.1:1", "mag_a_b")
    (tmp_path / "card.md").write_text(HUB)
    desk.fails(6, "import", "card.md", *OWNED)
