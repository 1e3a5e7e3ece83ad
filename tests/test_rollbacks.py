"""Taking changes back: what ran before runs again, whatever the change came to, and nothing else is taken along."""

from typing import Any

import pytest

from tests.operations import (
    BEA,
    DORA,
    IMPACT,
    PLAN,
    STAGED,
    TOM,
    approve,
    approved_change,
    ask_for,
    carry_out,
    declare,
    deployed,
    experiments,
    look_at,
    rollback_of,
    runs,
    step,
)
from tests.service import ALICE, CAROL, Service

FIRST, SECOND, THIRD = (STAGED | {"targetVersion": f"0.{each}.0"} for each in (1, 2, 3))


@pytest.fixture
async def staged(service: Service) -> Service:
    """Three versions of a model of which the first runs."""
    await service.enrol(DORA, TOM, BEA)
    await experiments(service, "0.1.0", "0.2.0", "0.3.0")
    await deployed(service, **FIRST)
    return service


async def taken_back(service: Service, change_id: str, success: bool = True) -> str:
    rollback = await rollback_of(service, change_id)
    await approve(service, rollback)
    await carry_out(service, rollback, success)
    return rollback


async def running(service: Service) -> str | None:
    return await runs(service, STAGED["environment"], STAGED["modelId"])


async def ends(service: Service, *changes: str) -> list[str]:
    return [(await look_at(service, each, "status"))["status"] for each in changes]


async def refusal(service: Service, mutation: str, change_id: str, **said: Any) -> dict[str, Any]:
    before = await service.state()
    refused = await service.refused(mutation, DORA, changeId=change_id, **said)
    assert await service.state() == before
    return refused


async def test_a_rollback_is_planned_approved_by_two_and_said_to_go_back(staged: Service) -> None:
    second = await deployed(staged, **SECOND)
    rollback = await rollback_of(staged, second)
    plan = "changeType currentVersion targetVersion rollbackPlan impact { estimatedDowntime affectedSystems testingRequired }"
    select = f"riskLevel requester rollsBack {{ changeId }} requiredApprovals {{ role }} plan {{ {plan} }}"
    found = await look_at(staged, rollback, select)
    assert found["plan"].pop("rollbackPlan")
    assert found == {
        "riskLevel": "MEDIUM", "requester": "dora", "rollsBack": {"changeId": second},
        "requiredApprovals": [{"role": "MODEL_OWNER"}, {"role": "TECH_LEAD"}],
        "plan": {
            "changeType": "ROLLBACK", "currentVersion": "0.2.0", "targetVersion": "0.1.0",
            "impact": {"estimatedDowntime": 5, "affectedSystems": ["support chat"], "testingRequired": []},
        },
    }  # fmt: skip
    await approve(staged, rollback)
    await carry_out(staged, rollback)
    gate = (await look_at(staged, rollback, "gate { basis lacks eligibilityContent { kind } }"))["gate"]
    assert gate == {"basis": "ELIGIBLE", "lacks": [], "eligibilityContent": {"kind": "ELIGIBILITY"}}
    assert await running(staged) == "0.1.0" and await ends(staged, second, rollback) == ["ROLLED_BACK", "COMPLETED"]


async def test_a_rollback_is_taken_back_like_any_change(staged: Service) -> None:
    second = await deployed(staged, **SECOND)
    back = await taken_back(staged, second)
    forth = await taken_back(staged, back)
    assert await running(staged) == "0.2.0"
    assert await ends(staged, second, back, forth) == ["ROLLED_BACK", "ROLLED_BACK", "COMPLETED"]
    await taken_back(staged, forth)
    assert await running(staged) == "0.1.0"
    assert (await refusal(staged, "rollbackChange", back, reason="Again."))["code"] == "INVALID_STATE"


async def test_a_failed_change_is_taken_back_though_nothing_else_ever_ran(staged: Service) -> None:
    await declare(staged, "canary")
    for place, left in ((SECOND, "0.1.0"), (FIRST | {"environment": "canary"}, None)):
        failed = await approved_change(staged, **place)
        await carry_out(staged, failed, success=False)
        back = await taken_back(staged, failed)
        assert await ends(staged, failed, back) == ["ROLLED_BACK", "COMPLETED"]
        assert (await look_at(staged, back, "gate { basis }"))["gate"] == {"basis": "ELIGIBLE" if left else "OUT"}
        assert await runs(staged, place["environment"], place["modelId"]) == left


async def test_a_rollback_that_fails_leaves_what_runs_and_can_be_tried_again(staged: Service) -> None:
    second = await deployed(staged, **SECOND)
    failed = await taken_back(staged, second, success=False)
    assert await running(staged) == "0.2.0" and await ends(staged, second, failed) == ["COMPLETED", "FAILED"]
    again = await taken_back(staged, second)
    assert await running(staged) == "0.1.0" and await ends(staged, second, again) == ["ROLLED_BACK", "COMPLETED"]


async def test_a_second_rollback_while_one_is_under_way_is_refused_and_names_it(staged: Service) -> None:
    second = await deployed(staged, **SECOND)
    forgotten, rollback = await rollback_of(staged, second), await rollback_of(staged, second)
    assert forgotten != rollback  # a draft stands in nobody's way
    for mutation, by, said in (
        ("submitChangeForReview", DORA, {}), ("addChangeApproval", ALICE, {"approved": True}),
        ("addChangeApproval", TOM, {"approved": True}), ("startDeployment", DORA, {}),
    ):  # fmt: skip
        await step(staged, mutation, by, rollback, **said)
        refused = await refusal(staged, "rollbackChange", second, reason="Again.")
        assert refused == {
            "code": "INVALID_STATE", "action": "rollbackChange", "from": "COMPLETED", "allowed": ["COMPLETED", "FAILED"],
            "problem": f"{rollback} is under way and takes it back",
        }  # fmt: skip


async def test_a_rollback_that_is_a_draft_again_or_was_cancelled_is_not_under_way(staged: Service) -> None:
    second = await deployed(staged, **SECOND)
    for mutation in ("reopenChange", "cancelChange"):
        rollback = await rollback_of(staged, second)
        await step(staged, "submitChangeForReview", DORA, rollback)
        assert (await refusal(staged, "rollbackChange", second, reason="Again."))["code"] == "INVALID_STATE"
        await step(staged, mutation, DORA, rollback, reason="The other one is better.")
    await taken_back(staged, second)


async def test_a_change_names_what_took_it_back_and_not_what_was_asked_for_later(staged: Service) -> None:
    second = await deployed(staged, **SECOND)
    revision = (await look_at(staged, second, "revision"))["revision"]
    first, later = await rollback_of(staged, second), await rollback_of(staged, second)
    asked = "status revision rolledBackById rolledBackBy { changeId }"
    untouched = {"status": "COMPLETED", "revision": revision, "rolledBackById": None, "rolledBackBy": None}
    assert await look_at(staged, second, asked) == untouched
    await approve(staged, first)
    await carry_out(staged, first, success=False)
    assert await look_at(staged, second, asked) == untouched
    again = await rollback_of(staged, second)
    await approve(staged, again)
    await carry_out(staged, again)
    taken = await look_at(staged, second, asked)
    assert (taken["status"], taken["rolledBackById"], taken["rolledBackBy"]) == ("ROLLED_BACK", again, {"changeId": again})
    for about in ({"rolledBackBy": {"changeId": {"eq": again}}}, {"rolledBackById": {"eq": again}}):
        listed = "query($filter: ChangeRequestFilter) { changeRequests(first: 9, filter: $filter) { nodes { changeId } } }"
        assert (await staged.ask(listed, filter=about))["changeRequests"]["nodes"] == [{"changeId": second}]
    refused = await refusal(staged, "submitChangeForReview", later)
    assert refused["problem"] == f"{second} is ROLLED_BACK"


@pytest.mark.tampers
async def test_what_an_earlier_release_stored_of_a_rollback_reads_as_what_took_it_back(staged: Service) -> None:
    """It stored the latest rollback that was requested, completed or not."""
    second = await deployed(staged, **SECOND)
    draft, asked = await rollback_of(staged, second), "rolledBackById rolledBackBy { changeId }"
    stored = staged.database.collections["change_requests"]
    earlier = {"$set": {"rolled_back_by_id": draft}, "$unset": {"about_version": ""}}
    await stored.update_one({"change_id": second}, earlier)
    assert await look_at(staged, second, asked) == {"rolledBackById": None, "rolledBackBy": None}
    back = await taken_back(staged, second)
    await stored.update_one({"change_id": second}, earlier)
    assert await look_at(staged, second, asked) == {"rolledBackById": back, "rolledBackBy": {"changeId": back}}


async def test_of_two_rollbacks_the_one_that_comes_too_late_cannot_start(staged: Service) -> None:
    second = await deployed(staged, **SECOND)
    refused = await rollback_of(staged, second)
    await step(staged, "submitChangeForReview", DORA, refused)
    await step(staged, "addChangeApproval", TOM, refused, approved=False)
    other = await rollback_of(staged, second)
    for each in (refused, other):
        if each == refused:
            await step(staged, "reopenChange", DORA, each, reason="After all.")
        await approve(staged, each)
    await carry_out(staged, other)
    late = await refusal(staged, "startDeployment", refused)
    assert (late["code"], late["from"]) == ("INVALID_STATE", "APPROVED")
    await step(staged, "reopenChange", DORA, refused, reason="What ran has changed.")
    late = await refusal(staged, "submitChangeForReview", refused)
    assert (late["code"], late["problem"]) == ("INVALID_STATE", f"{second} is ROLLED_BACK")


async def test_what_was_replaced_since_is_not_taken_back_under_it(staged: Service) -> None:
    failed = await approved_change(staged, **THIRD)
    await carry_out(staged, failed, success=False)
    planned = await rollback_of(staged, failed)
    second = await deployed(staged, **SECOND)
    assert (await refusal(staged, "submitChangeForReview", planned))["problem"] == "0.2.0 runs there since"
    behind = await rollback_of(staged, second)
    await deployed(staged, **THIRD)
    for each in (failed, second):
        assert (await refusal(staged, "rollbackChange", each, reason="Late."))["code"] in {"INVALID_STATE", "CONFLICT"}
    assert (await refusal(staged, "submitChangeForReview", behind))["problem"] == "0.3.0 runs there since"
    assert await running(staged) == "0.3.0"


async def test_a_rollback_is_planned_anew_but_takes_back_what_it_was_made_for(staged: Service) -> None:
    rollback = await rollback_of(staged, await deployed(staged, **SECOND))
    for said in (
        {"changeType": "MODEL_UPDATE"},
        {"environment": "production"},
        {"targetVersion": "0.3.0"},
        {"targetVersion": None},
    ):
        refused = await refusal(staged, "updateChangeRequest", rollback, **said)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"input.{next(iter(said))}")
    await step(staged, "updateChangeRequest", DORA, rollback, title="Back", impact=IMPACT | {"testingRequired": ["smoke"]})
    assert await look_at(staged, rollback, "missingTests") == {"missingTests": ["smoke"]}


async def test_what_was_retired_meanwhile_does_not_run_again(staged: Service) -> None:
    second = await deployed(staged, **SECOND)
    early, late = await rollback_of(staged, second), await ask_for(staged, **FIRST, changeType="ROLLBACK")
    await approve(staged, late)
    about = {"modelId": STAGED["modelId"], "version": "0.1.0"}
    await staged.do("retireModelVersion", ALICE, **about, reason="A leak.")
    refused = await refusal(staged, "startDeployment", late)
    assert (refused["code"], refused["problem"]) == ("POLICY_BLOCKED", "it is RETIRED")
    assert (await refusal(staged, "submitChangeForReview", early))["path"] == "input.targetVersion"
    refused = await staged.refused("createChangeRequest", DORA, **PLAN | FIRST | {"changeType": "ROLLBACK"})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.targetVersion")
    assert await running(staged) == "0.2.0"


async def test_what_is_held_does_not_come_back_by_any_change(staged: Service) -> None:
    await deployed(staged, **SECOND)
    await staged.do("placeHold", CAROL, modelId=STAGED["modelId"], version="0.1.0", reason="Complaints.")
    for kind in ("MODEL_UPDATE", "ROLLBACK", "CONFIG_CHANGE", "INFRASTRUCTURE"):
        change = await approved_change(staged, **FIRST, changeType=kind)
        assert (await refusal(staged, "startDeployment", change))["code"] == "POLICY_BLOCKED"
    never = await staged.refused("createChangeRequest", DORA, **PLAN | THIRD | {"changeType": "ROLLBACK"})
    assert (never["code"], never["path"]) == ("INVALID_INPUT", "input.targetVersion")
    assert await running(staged) == "0.2.0"


async def told(service: Service, change_id: str, success: bool = True) -> dict[tuple[str, str], str]:
    """What the completion of a change tells, by kind and key; all of it under one request."""
    await step(service, "startDeployment", DORA, change_id)
    seen = await service.size()
    await step(service, "completeDeployment", DORA, change_id, success=success)
    events = await service.trail(seen)
    assert len({each["request"]["id"] for each in events}) == 1
    found = {(each["resource"]["type"], each["resource"]["id"]): each["event_type"] for each in events}
    assert len(found) == len(events)
    return found


async def test_completing_tells_of_each_record_that_it_changed(staged: Service) -> None:
    first, second = await deployments(staged), await approved_change(staged, **SECOND)
    replaced = await told(staged, second)
    began = await deployments(staged)
    assert replaced == {
        ("Deployment", first[0]): "change_deployed",
        ("Deployment", began[0]): "model_deployed",
        ("ModelVersion", "summaries/0.1.0"): "model_updated",
        ("ModelVersion", "summaries/0.2.0"): "model_deployed",
        ("Model", "summaries"): "model_deployed",
        ("ChangeRequest", second): "change_deployed",
    }
    rollback = await rollback_of(staged, second)
    await approve(staged, rollback)
    back = await told(staged, rollback)
    assert back == {
        ("Deployment", began[0]): "change_deployed",
        ("Deployment", (await deployments(staged))[0]): "model_deployed",
        ("ModelVersion", "summaries/0.1.0"): "model_deployed",
        ("ModelVersion", "summaries/0.2.0"): "model_updated",
        ("Model", "summaries"): "model_deployed",
        ("ChangeRequest", rollback): "change_deployed",
        ("ChangeRequest", second): "change_rolled_back",
    }
    failing = await approved_change(staged, **SECOND)
    assert await told(staged, failing, success=False) == {("ChangeRequest", failing): "change_deployed"}
    away = await ask_for(staged, **STAGED, changeType="ROLLBACK", targetVersion=None)
    await approve(staged, away)
    assert await told(staged, away) == {
        ("Deployment", (await deployments(staged))[0]): "change_deployed",
        ("ModelVersion", "summaries/0.1.0"): "model_updated",
        ("Model", "summaries"): "model_updated",
        ("ChangeRequest", away): "change_deployed",
    }
    assert await running(staged) is None


async def deployments(service: Service) -> list[str]:
    """Ids of all there are, the latest first; the clock stands still, so by when they were stored."""
    stored = await service.database.collection("deployments").find().sort("_id", -1).to_list(None)
    return [each["deployment_id"] for each in stored]
