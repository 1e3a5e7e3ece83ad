"""A whole life by the command line alone: from a registration to production and back, by several people."""

from collections.abc import Iterator

import pytest

from tests.commanding import Desk, Office
from tests.governing import BOT, PEOPLE, REQUEST, documents, registers, weights
from tests.operated import Operated


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Operated(tmp_path_factory.mktemp("office")) as running:
        yield Office(running, tmp_path_factory.mktemp("homes"))


@pytest.fixture(scope="module")
def staff(office: Office) -> dict[str, Desk]:
    return {name: office.hires(name, *roles) for name, roles in PEOPLE.items()}


def test_a_version_lives_from_its_registration_to_production_and_back(staff: dict[str, Desk]) -> None:
    alice, george = staff["alice"], staff["george"]
    registers(alice, BOT)
    no = george.does("eligible", BOT)
    assert no.code == 3 and "magistrate call createRiskAssessment --model-id support-bot" in no.out and no.err == ""
    documents(alice, BOT)
    assert "PENDING_APPROVAL, awaiting MODEL_OWNER (PENDING)" in alice.succeeds("submit", BOT).out
    assert "awaiting" in staff["carol"].succeeds("approve", BOT, "--comment", "Even over the groups").out
    given = staff["david"].succeeds("approve", BOT, "--condition", "Watch it for 30 days", "--role", "security", "--json").json
    assert [each["text"] for each in given["approval"]["conditions"]] == ["Watch it for 30 days"]
    assert alice.succeeds("approve", BOT).out == f"APPROVED by MODEL_OWNER: {BOT} is APPROVED\n"
    assert george.succeeds("eligible", BOT).out == f"yes: {BOT} may run in production\n"
    assert george.succeeds("eligible", "--file", weights(alice)).out.endswith(f"may run in production as {BOT}\n")

    asked = george.succeeds("deploy", "request", BOT, *REQUEST)
    change = asked.out.strip()
    assert asked.err == (
        f"{change} is SUBMITTED (risk HIGH); it needs approval by MODEL_OWNER, TECH_LEAD, SECURITY_REVIEWER; "
        "tests to pass: load test\n"
    )
    assert "passed" in staff["fiona"].succeeds("deploy", "test", change, "load test", "--notes", "Ten times the load").out
    for name in ("alice", "fiona", "david"):
        staff[name].succeeds("approve", change)
    assert "(3 of 3 approvals)" in alice.does("approve", change).out or alice.does("approve", change).code == 3

    hold = staff["carol"].succeeds(
        "call",
        "placeHold",
        "--model-id",
        "support-bot",
        "--version",
        "1.0.0",
        "--reason",
        "A complaint",
        "--select",
        "hold.holdId",
    )
    refused = george.fails(3, "deploy", "start", change)
    assert "magistrate call liftHold --model-id support-bot --version 1.0.0 --hold-id" in refused.err
    assert "the hold" in george.does("eligible", BOT).out or "hold" in george.does("eligible", BOT).out
    lifting = ("--model-id", "support-bot", "--version", "1.0.0", "--hold-id", hold.json["hold"]["holdId"], "--reason", "Settled")
    staff["carol"].succeeds("call", "liftHold", *lifting)

    assert george.succeeds("deploy", "start", change).out == f"{change} is IN_PROGRESS (ELIGIBLE)\n"
    assert george.succeeds("deploy", "complete", change).out == f"{change} is COMPLETED: 1.0.0 runs in production\n"
    assert "runs in         production" in alice.succeeds("show", "version", BOT).out
    assert [each["changeId"] for each in alice.succeeds("list", "deployments", "--active", "--json").json] == [change]

    back = george.succeeds("deploy", "rollback", change, "--reason", "Too curt").out.strip()
    george.succeeds("submit", back)
    for name in ("alice", "fiona", "david"):
        if staff[name].does("approve", back).code:
            break
    george.succeeds("deploy", "start", back)
    assert george.succeeds("deploy", "complete", back).out == f"{back} is COMPLETED: nothing runs in production\n"
    assert "ROLLED_BACK" in george.succeeds("show", "change", change).out
