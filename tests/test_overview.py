"""`magistrate dashboard`, `report`, `tasks` and `token`, on a running server."""

from collections.abc import Iterator

import pytest

from gql.client import subjects
from gql.client.exits import Ended
from tests.commanding import Desk, Office
from tests.examples import REGISTRATION
from tests.operated import Operated

VERSION = f"{REGISTRATION['modelId']}@{REGISTRATION['version']}"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Operated(tmp_path_factory.mktemp("office")) as running:
        yield Office(running, tmp_path_factory.mktemp("homes"))


@pytest.fixture(scope="module")
def alice(office: Office) -> Desk:
    office.invites("bob", "DATA_STEWARD")
    alice = office.hires("alice", "MODEL_OWNER")
    text = "mutation($input: RegisterModelInput!) { registerModel(input: $input) { receipt { seq } } }"
    office.asks(alice.token or "", text, {"input": REGISTRATION})
    return alice


def test_the_dashboard_says_figures(alice: Desk, office: Office) -> None:
    lines = dict(each.rsplit(maxsplit=1) for each in alice.succeeds("dashboard").out.splitlines())
    assert lines["inventory.versions"] == "1" and lines["compliance.withModelCard.share"] == "0%"
    assert not any(each.startswith("audit.") for each in lines) and lines.keys() >= {"risk.highRisk", "changes.open"}
    assert alice.succeeds("dashboard", "--json").json["inventory"]["versions"] == {"count": 1}
    assert "audit.chainIntegrity.valid" in office.admin.succeeds("dashboard").out


def test_a_report_is_markdown_to_read_and_data_under_json(alice: Desk) -> None:
    assert alice.succeeds("report", VERSION).out.startswith("# Governance report: ")
    assert alice.succeeds("report", VERSION, "--json").json["modelInfo"]["version"] == REGISTRATION["version"]
    assert alice.succeeds("report", VERSION, "-o", "report.md").out == ""
    assert (alice.home / "report.md").read_text().startswith("# Governance report: ")
    assert alice.runs("report", VERSION.replace("@", "/")).out.startswith("# Governance report: ")
    assert "cannot be written" in alice.fails(2, "report", VERSION, "-o", "none/report.md").err


def test_a_report_of_nothing_is_unknown(alice: Desk, office: Office) -> None:
    assert "nobody@1.0.0 does not exist" in alice.fails(4, "report", "nobody@1.0.0").err
    assert "nobody@1.0.0 does not exist" in alice.fails(4, "report", "nobody@1.0.0", "--kind", "risk").err
    assert "has no risk assessment" in alice.fails(4, "report", VERSION, "--kind", "risk").err
    alice.fails(5, "report", VERSION, "--kind", "audit")
    assert office.admin.succeeds("report", VERSION, "--kind", "audit", "--json").json["events"]
    assert alice.does("report", VERSION, "--kind", "other").code == 2


@pytest.mark.parametrize(
    ("text", "model", "version"),
    [("a@1.0.0", "a", "1.0.0"), ("a/1", "a", "1"), ("a@b@1.0.0+x", "a@b", "1.0.0+x"), ("a:b@1", "a:b", "1")],
)
def test_a_version_has_a_name(text: str, model: str, version: str) -> None:
    assert subjects.version(text) == {"modelId": model, "version": version}


@pytest.mark.parametrize("text", ["a", "a@", "@1", "", "/", "a@b/"])
def test_what_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(Ended):
        subjects.version(text)


def test_tasks_come_with_the_commands_that_do_them(alice: Desk, office: Office) -> None:
    (task,) = alice.succeeds("tasks", "--json").json
    assert task["kind"] == "SUBMIT" and task["command"] == "magistrate submit support-assistant@1.0.0"
    assert task["command"] in alice.succeeds("tasks").out
    assert "nothing waits" in office.admin.succeeds("tasks").err and office.admin.succeeds("tasks", "--json").json == []
    alice.succeeds(*task["command"].split()[1:])
    assert [each["kind"] for each in alice.succeeds("tasks", "--json").json] == ["APPROVE"]


def test_a_token_is_made_listed_and_ended(office: Office, alice: Desk) -> None:
    admin = office.admin
    made = admin.succeeds(
        "token", "create", "pipeline", "--service", "ci", "--mutation", "saveModelCard", "--mutation", "REGISTER_MODEL",
        "--model", "acme-*", "--environment", "test", "--scope", "graph", "--days", "3", "--purpose", "builds",
    )  # fmt: skip
    token, token_id = made.out.strip(), made.out.split("_")[1]
    assert f"the token {token_id} is good until " in made.err and token not in made.err
    program = office.desk(token)
    assert program.succeeds("whoami", "--json").json["mutations"] == ["REGISTER_MODEL", "SAVE_MODEL_CARD"]
    assert "no tasks" in program.fails(4, "tasks").err
    (listed,) = [each for each in admin.succeeds("token", "list", "--json").json if each["tokenId"] == token_id]
    assert (listed["models"], listed["environments"], listed["scopes"]) == (["acme-*"], ["test"], ["GRAPH"])
    assert token_id in admin.succeeds("token", "list", "--everybody").out
    admin.succeeds("token", "revoke", token_id)
    program.fails(5, "whoami")
    assert token_id not in admin.succeeds("token", "list").out and token_id in admin.succeeds("token", "list", "--ended").out
    admin.fails(3, "token", "revoke", token_id)
    admin.fails(4, "token", "revoke", "nobody")
    alice.fails(5, "token", "create", "x", "--service", "mine")
    assert "alice" in alice.succeeds("token", "list").out


def test_a_token_for_oneself_and_one_that_enrols(office: Office) -> None:
    office.invites("erin", "TECH_LEAD")
    enrolment = office.admin.succeeds("token", "create", "for Erin", "--enrols", "erin", "--json").json["token"]
    desk = office.desk()
    desk.succeeds("login", stdin=enrolment)
    own = desk.succeeds("token", "create", "laptop", "--key", "k").out.strip()
    assert office.desk(own).succeeds("whoami", "--json").json["id"] == "erin"
    assert "a secret is shown once" in desk.fails(7, "token", "create", "laptop", "--key", "k").err.splitlines()[-1]


def test_what_is_for_programs_needs_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    desk = Desk(tmp_path_factory.mktemp("home"), "http://127.0.0.1:1", "mag_a_b")
    assert desk.does("token", "create", "x", "--model", "*").code == 2
    assert desk.does("token", "create", "x", "--service", "a", "--enrols", "b").code == 2
    assert desk.does("token", "create", "x", "--days", "401").code == 2
