"""The questions in examples/, each sent by GET with the variables beside it, about data that was made for all of them."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from graphql import NonNullTypeNode, OperationDefinitionNode, parse

from tests.example_files import DORA_SHOWN, EXAMPLES, REVIEWERS, happened, variables_of
from tests.journey import WEIGHTS
from tests.service import ALICE, Service


@pytest.fixture(scope="module")
async def answers(server: str) -> AsyncIterator[dict[str, Any]]:
    """What each example is answered, by its name."""
    service = await Service.started(server)
    with service.database.bound():
        await happened(service)
        yield {path.stem: await asked(service, path.read_text(), variables_of(path)) for path in EXAMPLES.glob("*.graphql")}
    await service.close()


async def asked(service: Service, text: str, variables: dict[str, Any]) -> Any:
    """The answer to an example, sent as `curl` does by the files alone: the text and the variables in the URL."""
    said = {"query": text, "variables": json.dumps(variables)}
    answer = await service.http.get("/graphql", params=said, headers={"authorization": f"Bearer {ALICE.token}"})
    assert answer.status_code == 200 and "errors" not in answer.json(), (text, answer.text)
    (found,) = answer.json()["data"].values()
    return found


def named(nodes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["modelId"], each["version"]) for each in nodes]


def test_what_she_decided(answers: dict[str, Any]) -> None:
    (version,) = answers["decided-by"]["decisions"]["nodes"]
    hers = [each["status"] for each in version["approvals"] if each["reviewerId"] == "carol"]
    assert version["version"] == "1.0.0" and hers == ["SUPERSEDED", "APPROVED"]


def test_what_exactly_was_approved(answers: dict[str, Any]) -> None:
    (before, now) = [
        {part["part"]: part["content"]["canonical"] for part in each["dossier"]["contents"]}
        for each in answers["what-exactly-was-approved"]["approvals"]
        if each["reviewerName"] == "Carol"
    ]
    assert before["ARTIFACTS"] == "[]" and WEIGHTS["sha256"] in now["ARTIFACTS"] and before["CARD"] == now["CARD"]


def test_whether_an_artifact_may_be_deployed(answers: dict[str, Any]) -> None:
    answer = answers["may-this-artifact-be-deployed"]
    assert answer["eligible"] and [each["modelVersion"]["version"] for each in answer["holders"]] == ["1.0.0"]


def test_which_versions_wait_for_whom(answers: dict[str, Any]) -> None:
    (waiting,) = answers["who-is-awaited"]["nodes"]
    missing = {each["role"]: [one["userId"] for one in each["candidates"]] for each in waiting["eligibility"]["missingApprovals"]}
    assert waiting["version"] == "2.0.0" and missing == {role: [reviewer.id] for reviewer, role in REVIEWERS}


def test_which_reviews_are_overdue(answers: dict[str, Any]) -> None:
    overdue = answers["overdue-reviews"]["nodes"]
    assert named(overdue) == [("support-assistant", "1.0.0"), ("support-assistant", "2.0.0")]
    assert all(each["owner"]["name"] == "Alice" and each["standing"]["nextReview"] for each in overdue)


def test_which_waivers_and_holds_stand(answers: dict[str, Any]) -> None:
    (found,) = answers["waivers-and-holds"]["nodes"]
    assert found["version"] == "2.0.0" and found["waivers"][0]["grantor"] == {"name": "Rita"} and found["waivers"][0]["stands"]
    assert [(each["role"], each["lifted"]) for each in found["holds"]] == [("ETHICS_REVIEWER", None)]


def test_which_high_risks_are_neither_controlled_nor_accepted(answers: dict[str, Any]) -> None:
    (found,) = answers["open-high-risks"]["nodes"]
    assert found["version"] == "2.0.0" and found["owner"] == {"name": "Alice"}
    # two risks of 16, and six that nobody rated, of 9: 2 x 16 x 4 + 6 x 9 x 3 = 290, by 2 x 4 + 6 x 3 = 26
    assert found["standing"] == {"riskScore": 11.153846154, "riskBand": "HIGH", "riskTrend": "NONE", "assessmentApproved": False}
    open_now = {"residualScore": 16, "acceptedUntil": None}, {"residualScore": 16, "acceptedUntil": "2026-08-01T00:00:00.000Z"}
    assert found["openHighRisks"] == [{"riskId": "SEC-001"} | open_now[0], {"riskId": "SEC-002"} | open_now[1]]


def test_what_is_built_on_a_retired_version(answers: dict[str, Any]) -> None:
    (base,) = answers["built-on-retired"]["nodes"]
    (built,) = base["dependents"]
    assert named([base]) == [("base", "1.0.0")] and named([built["dependent"]]) == [("support-assistant", "2.0.0")]
    assert built["dependent"]["modelVersion"] == {"status": "PENDING_APPROVAL", "owner": {"name": "Alice"}}


def test_what_is_different_between_two_versions(answers: dict[str, Any]) -> None:
    parts = {each["part"]: each["paths"] for each in answers["what-changed"]["changesSince"]}
    assert parts["SCOPE"] == ["scope.useCases.0", "scope.useCases.1", "scope.useCases.2"]
    assert parts.keys() == {"SCOPE", "ARTIFACTS", "DEPENDENCIES", "CARD", "ASSESSMENT", "DATASHEETS"}


def test_how_versions_stand_side_by_side(answers: dict[str, Any]) -> None:
    nodes = answers["versions-side-by-side"]["versions"]["nodes"]
    assert [(each["version"], each["eligibility"]["eligible"]) for each in nodes] == [("1.0.0", True), ("2.0.0", False)]


def test_who_allowed_what_ran_on_a_day(answers: dict[str, Any]) -> None:
    (ran,) = answers["who-allowed-what-ran"]["nodes"]
    change = ran["change"]
    assert (ran["version"], ran["endedAt"], ran["deployer"], change["requestedBy"]) == ("1.0.0", None, DORA_SHOWN, DORA_SHOWN)
    approved = {each["role"]: each["approval"]["reviewerName"] for each in change["requiredApprovals"]}
    assert approved == {"MODEL_OWNER": "Alice", "TECH_LEAD": "Tom", "SECURITY_REVIEWER": "David"}
    plans = {each["approval"]["planContent"]["canonical"] for each in change["requiredApprovals"]}
    assert [json.loads(each)["title"] for each in plans] == [change["plan"]["title"]]
    assert (change["gate"]["basis"], change["gate"]["starter"]) == ("ELIGIBLE", DORA_SHOWN)
    then = json.loads(change["gate"]["eligibilityContent"]["canonical"])
    assert then["eligible"] and {each["role"] for each in then["required_approvals"]} == {
        "ethics_reviewer",
        "security_reviewer",
        "model_owner",
    }
    decided = {each["role"]: each["reviewerName"] for each in ran["modelVersion"]["approvals"] if each["status"] == "APPROVED"}
    assert decided == {"ETHICS_REVIEWER": "Carol", "SECURITY_REVIEWER": "David", "MODEL_OWNER": "Alice"}


def test_each_example_says_what_it_asks_and_is_tried_here() -> None:
    tried = set(re.findall(r'answers\["([a-z-]+)"\]', Path(__file__).read_text()))
    asks = {path.stem: asks_of(path) for path in EXAMPLES.glob("*.graphql")}
    listed = re.findall(
        r"^\| \[([a-z-]+)\]\(([a-z-]+)\.graphql\) \| (.*) \|$", (EXAMPLES / "README.md").read_text(), re.MULTILINE
    )
    assert tried == asks.keys()
    assert sorted(listed) == sorted((name, name, question) for name, question in asks.items())


def asks_of(path: Path) -> str:
    """The question in the first lines of an example."""
    said = re.findall(r"^# (.*)$", path.read_text(), re.MULTILINE)
    return " ".join(said).partition("?")[0] + "?"


def test_the_variables_of_an_example_are_in_a_file_beside_it_if_it_takes_any() -> None:
    taking = set()
    for path in EXAMPLES.glob("*.graphql"):
        (operation,) = [each for each in parse(path.read_text()).definitions if isinstance(each, OperationDefinitionNode)]
        declared = {each.variable.name.value: each for each in operation.variable_definitions or ()}
        required = {name for name, each in declared.items() if isinstance(each.type, NonNullTypeNode) and not each.default_value}
        assert required <= variables_of(path).keys() <= declared.keys(), path.name
        taking |= {path.with_suffix(".variables.json")} if declared else set()
    assert taking == set(EXAMPLES.glob("*.json"))


def test_where_governance_stands(answers: dict[str, Any]) -> None:
    told = answers["where-governance-stands"]
    overdue = told["inventory"]["overdueReview"]
    assert overdue["count"] == 2 and named(overdue["modelVersions"]["nodes"]) == named(answers["overdue-reviews"]["nodes"])
    assert told["compliance"]["withModelCard"] == {"share": 0.5}
    unmitigated = told["risk"]["unmitigatedRisks"]["versions"]["modelVersions"]["nodes"]
    assert named(unmitigated) == named(answers["open-high-risks"]["nodes"]) == [("support-assistant", "2.0.0")]
