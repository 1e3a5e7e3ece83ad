"""How the example's version comes to production: a change, its approvals, the gate, and what runs afterwards."""

from typing import Any

from gql.cli.demo.example import IMPACT, PLAN, TEST, Example, Person
from gql.cli.demo.scene import Scene

CREATE_CHANGE_REQUEST = """
mutation CreateChangeRequest($input: CreateChangeRequestInput!) {
  createChangeRequest(input: $input) { changeRequest { changeId status riskLevel requiredApprovals { role } } }
}
"""

SUBMIT_CHANGE_FOR_REVIEW = """
mutation SubmitChangeForReview($input: SubmitChangeForReviewInput!) {
  submitChangeForReview(input: $input) { changeRequest { status frozenPlan } }
}
"""

RECORD_TEST_RESULT = """
mutation RecordTestResult($input: RecordTestResultInput!) {
  recordTestResult(input: $input) { changeRequest { missingTests } }
}
"""

ADD_CHANGE_APPROVAL = """
mutation AddChangeApproval($input: AddChangeApprovalInput!) {
  addChangeApproval(input: $input) { received required changeRequest { status } }
}
"""

START_DEPLOYMENT = """
mutation StartDeployment($input: StartDeploymentInput!) {
  startDeployment(input: $input) { changeRequest { status gate { basis eligibility } } }
}
"""

COMPLETE_DEPLOYMENT = """
mutation CompleteDeployment($input: CompleteDeploymentInput!) {
  completeDeployment(input: $input) { changeRequest { status } }
}
"""

WHAT_RUNS = """
query WhatRuns($modelId: String!) {
  model(modelId: $modelId) {
    deployedVersion(environment: "production") { version status tier }
    running { environment version since deployment { change { plan { title } requestedBy { name } } } }
  }
}
"""


def roll_out(scene: Scene, example: Example) -> None:
    """Carries the change to COMPLETED, and tells what runs in production then."""
    change = request(scene, example)
    approve(scene, example, change)
    carry_out(scene, example, change)
    ask_what_runs(scene, example)


def request(scene: Scene, example: Example) -> dict[str, str]:
    """The change, by its id."""
    scene.step("It is to run in production: the deployer asks for the change")
    required = [{"role": each.role} for each in example.approvers]
    expected = {"changeRequest": {"status": "DRAFT", "riskLevel": "HIGH", "requiredApprovals": required}}
    plan = PLAN | {"modelId": example.version["modelId"], "targetVersion": example.version["version"], "impact": IMPACT}
    asked = scene.ask(example.george, CREATE_CHANGE_REQUEST, expected, "asks for a change", input=plan)["changeRequest"]
    scene.fact("change", f"{PLAN['title']}, in production")
    scene.fact("risk", f"{asked['riskLevel']}: approved by {', '.join(each['role'] for each in asked['requiredApprovals'])}")
    change = {"changeId": str(asked["changeId"])}
    submitted = {"changeRequest": {"status": "SUBMITTED"}}
    frozen = scene.ask(example.george, SUBMIT_CHANGE_FOR_REVIEW, submitted, "submits its plan", input=change)["changeRequest"]
    scene.fact("frozen", f"plan {frozen['frozenPlan'][:16]}...: the approvals bind to it")
    return change


def approve(scene: Scene, example: Example, change: dict[str, str]) -> None:
    scene.step("It is tested and approved")
    tested = change | {"name": TEST, "passed": True, "notes": "As fast as before"}
    scene.ask(example.fiona, RECORD_TEST_RESULT, {"changeRequest": {"missingTests": []}}, "records a test", input=tested)
    scene.fact("passed", TEST)
    for number, each in enumerate(example.approvers, 1):
        status = "APPROVED" if number == len(example.approvers) else "UNDER_REVIEW"
        expected = {"received": number, "required": len(example.approvers), "changeRequest": {"status": status}}
        _say_yes(scene, each, expected, change)


def _say_yes(scene: Scene, by: Person, expected: Any, change: dict[str, str]) -> None:
    given = scene.ask(by, ADD_CHANGE_APPROVAL, expected, "approves the change", input=change | {"approved": True})
    scene.fact("reads", f"{given['changeRequest']['status']}, {given['received']} of {given['required']}")


def carry_out(scene: Scene, example: Example, change: dict[str, str]) -> None:
    scene.step("It goes through the gate: the version is eligible at this moment")
    through = {"changeRequest": {"status": "IN_PROGRESS", "gate": {"basis": "ELIGIBLE"}}}
    started = scene.ask(example.george, START_DEPLOYMENT, through, "starts it", input=change)["changeRequest"]
    scene.fact("gate", f"{started['gate']['basis']}, kept as {started['gate']['eligibility'][:16]}...")
    done = {"changeRequest": {"status": "COMPLETED"}}
    went = change | {"success": True, "notes": "Answers since noon"}
    scene.ask(example.george, COMPLETE_DEPLOYMENT, done, "completes it", input=went)
    scene.fact("status", "COMPLETED")


def ask_what_runs(scene: Scene, example: Example) -> None:
    scene.step("What runs in production")
    version = example.version["version"]
    expected = {
        "deployedVersion": {"version": version, "status": "APPROVED", "tier": "TIER_2_IMPORTANT"},
        "running": [{"environment": "production", "version": version}],
    }
    what = "asks what runs"
    found = scene.ask(example.erin, WHAT_RUNS, expected, what, modelId=example.version["modelId"])
    (running,) = found["running"]
    change = running["deployment"]["change"]
    scene.fact("runs", f"{example.version['modelId']} {running['version']}, since {running['since'][:19]}Z", "bold green")
    scene.fact("because", f"of the change '{change['plan']['title']}', asked for by {change['requestedBy']['name']}")
