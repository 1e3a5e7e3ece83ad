"""Changes: planned, approved, tested, let through the gate, carried out, taken back."""

from typing import Any

from tests.examples import BOT, eligible, read, register
from tests.operations import DORA, IMPACT, PLAN, TOM, approved_change, ask_for, deployed, runs, step
from tests.service import ALICE, AUDREY, CAROL, DAVID, Service


async def test_the_worked_example_ends_in_production(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await eligible(service)
    change_id = await ask_for(service)
    submitted = await step(service, "submitChangeForReview", DORA, change_id)
    assert (submitted["status"], submitted["riskLevel"]) == ("SUBMITTED", "HIGH")
    assert submitted["allowedTransitions"] == ["DRAFT", "UNDER_REVIEW", "APPROVED", "REJECTED", "CANCELLED"]
    await step(service, "recordTestResult", TOM, change_id, name="load", passed=True)
    select = "received required changeRequest { status }"
    said: dict[str, Any] = {"changeId": change_id, "approved": True}
    for number, (who, status) in enumerate([(ALICE, "UNDER_REVIEW"), (TOM, "UNDER_REVIEW"), (DAVID, "APPROVED")], 1):
        given = await service.do("addChangeApproval", who, select, **said)
        assert (given["received"], given["required"], given["changeRequest"]["status"]) == (number, 3, status)
    assert (await step(service, "startDeployment", DORA, change_id))["status"] == "IN_PROGRESS"
    assert await runs(service) is None
    before = await service.size()
    assert (await step(service, "completeDeployment", DORA, change_id, success=True, notes="Fine."))["status"] == "COMPLETED"
    assert await runs(service) == "1.0.0"
    told = await service.trail(before)
    assert {each["resource"]["type"]: each["event_type"] for each in told} == {
        "Deployment": "model_deployed", "ModelVersion": "model_deployed", "Model": "model_deployed",
        "ChangeRequest": "change_deployed",
    }  # fmt: skip
    assert len({each["request"]["id"] for each in told}) == 1
    found = await read(service, "deployedIn deployments(first: 9) { nodes { environment active change { gate { basis } } } }")
    assert found["deployedIn"] == ["production"]
    assert found["deployments"]["nodes"] == [
        {"environment": "production", "active": True, "change": {"gate": {"basis": "ELIGIBLE"}}}
    ]  # fmt: skip
    verified = await service.ask("{ auditVerification { valid } }", AUDREY)
    assert verified["auditVerification"]["valid"]


async def test_the_gate_stops_what_is_not_eligible_and_tells_everything_that_stands_in_the_way(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await eligible(service)
    change_id = await approved_change(service)
    await service.do("placeHold", CAROL, **BOT, reason="Complaints.")
    refused = await service.refused("startDeployment", DORA, changeId=change_id)
    assert (refused["code"], refused["eligibility"]["eligible"]) == ("POLICY_BLOCKED", False)
    assert refused["eligibility"]["holds"][0]["remedy"]["mutation"] == "liftHold"
    assert (await service.last())["event_type"] == "policy_violation"
    (hold,) = (await read(service, "holds { holdId }"))["holds"]
    await service.do("liftHold", CAROL, **BOT, **hold, reason="Looked at.")
    assert (await step(service, "startDeployment", DORA, change_id))["status"] == "IN_PROGRESS"


async def test_a_rollback_to_nothing_takes_out_what_runs_whatever_stands_against_it(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await eligible(service)
    first = await deployed(service)
    await service.do("openIncident", CAROL, **BOT, severity="CRITICAL", title="It insults people.")
    rollback = (
        await service.do(
            "rollbackChange", DORA, "rollback { changeId plan { targetVersion } }", changeId=first, reason="It insults."
        )
    )["rollback"]
    assert rollback["plan"] == {"targetVersion": None}
    await step(service, "submitChangeForReview", DORA, rollback["changeId"])
    for who in (ALICE, TOM):
        await step(service, "addChangeApproval", who, rollback["changeId"], approved=True)
    await step(service, "startDeployment", DORA, rollback["changeId"])
    await step(service, "completeDeployment", DORA, rollback["changeId"], success=True)
    assert await runs(service) is None
    asked = "query($id: String!) { changeRequest(changeId: $id) { status rolledBackBy { gate { basis } } } }"
    assert (await service.ask(asked, id=first))["changeRequest"] == {
        "status": "ROLLED_BACK", "rolledBackBy": {"gate": {"basis": "OUT"}}
    }  # fmt: skip


async def test_a_required_test_must_have_passed_since_the_plan_was_frozen(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await eligible(service)
    change_id = await approved_change(service)
    await step(service, "recordTestResult", TOM, change_id, name="load", passed=False)
    refused = await service.refused("startDeployment", DORA, changeId=change_id)
    assert (refused["code"], "load" in refused["problem"]) == ("INVALID_STATE", True)
    await step(service, "recordTestResult", TOM, change_id, name="load", passed=True)
    await step(service, "reopenChange", DORA, change_id, reason="Another window.")
    await step(service, "submitChangeForReview", DORA, change_id)
    asked = "query($id: String!) { changeRequest(changeId: $id) { missingTests requiredApprovals { approval { role } } } }"
    found = (await service.ask(asked, id=change_id))["changeRequest"]
    assert found == {"missingTests": ["load"], "requiredApprovals": [{"approval": None}] * 3}


async def test_a_version_that_runs_is_not_retired(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await eligible(service)
    await deployed(service)
    refused = await service.refused("retireModelVersion", ALICE, **BOT, reason="Old.")
    assert (refused["code"], refused["from"], "production" in refused["problem"]) == ("INVALID_STATE", "APPROVED", True)


async def test_the_requester_approves_nothing_and_one_person_approves_in_one_role(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await register(service)
    change_id = await ask_for(service, TOM)
    await step(service, "submitChangeForReview", TOM, change_id)
    assert (await service.refused("addChangeApproval", TOM, changeId=change_id, approved=True))["code"] == "FORBIDDEN"
    assert (await step(service, "addChangeApproval", ALICE, change_id, approved=False))["status"] == "REJECTED"


async def test_a_plan_says_what_is_wrong_with_it(service: Service) -> None:
    await service.enrol(DORA)
    await register(service)
    window = {"begins": "2026-04-01T00:00:00Z", "ends": "2026-04-02T00:00:00Z"}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"targetVersion": "9.9.9"}, "input.targetVersion"),
        ({"targetVersion": None}, "input.targetVersion"),
        ({"changeType": "DECOMMISSION"}, "input.targetVersion"),
        ({"changeType": "DECOMMISSION", "targetVersion": None}, "input.targetVersion"),
        ({"mitigates": [{"holdId": "HLD-1"}]}, "input.mitigates"),
        ({"changeType": "ROLLBACK"}, "input.targetVersion"),
        ({"currentVersion": "0.9.0"}, "input.currentVersion"),
        ({"preferredWindow": window | {"ends": window["begins"]}}, "input.preferredWindow.ends"),
        ({"preferredWindow": window, "blackoutDates": ["2026-04-01"]}, "input.blackoutDates"),
        ({"impact": IMPACT | {"estimatedDowntime": -1}}, "input.impact.estimatedDowntime"),
    ]
    await service.refused("createChangeRequest", DORA)  # the first use of a token in an hour is noted
    before = await service.state()
    for said, path in wrong:
        refused = await service.refused("createChangeRequest", DORA, **PLAN | said)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", path)
    assert await service.state() == before
