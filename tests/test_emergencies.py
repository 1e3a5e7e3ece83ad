"""Taking out at once: an emergency starts with one approval, the others follow within a day, and until then it stands out."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from documents.access import GovernanceRole
from documents.risk.scales import RiskTier
from tests.examples import BOT, deactivate, eligible
from tests.operations import (
    BEA,
    DORA,
    TOM,
    WHO,
    approve,
    approved_change,
    ask_for,
    carry_out,
    deployed,
    look_at,
    rollback_of,
    runs,
    step,
)
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, DAVID, RITA, Person, Service, mutating, person

LOST = {"CONFLICT", "INVALID_STATE"}
OUT: dict[str, Any] = {"changeType": "EMERGENCY", "targetVersion": None}
CRITICAL = ("MODEL_OWNER", "TECH_LEAD", "SECURITY_REVIEWER", "BUSINESS_OWNER", "RISK_MANAGER")
R = GovernanceRole
TESS = person("tess", R.TECH_LEAD, R.BUSINESS_OWNER)
SAM = person("sam", R.SECURITY_REVIEWER)
TIM = person("tim", R.SECURITY_REVIEWER, tiers=(RiskTier.TIER_3_STANDARD,))
GONE = person("gone", R.DEPLOYER)
DUE = "status approvalsDue { roles until overdue } requiredApprovals { role approval { approved reviewerId } }"


@pytest.fixture
async def running(service: Service) -> Service:
    """A service of which the first version runs in production."""
    await service.enrol(DORA, TOM, BEA)
    await eligible(service)
    await deployed(service)
    await service.enrol(TESS, SAM, TIM, GONE)
    return service


async def submitted(service: Service, *approving: str, by: Person = DORA, **said: Any) -> str:
    """The id of an emergency that was submitted, and approved by those who hold these roles."""
    change_id = await ask_for(service, by, **OUT | said)
    await step(service, "submitChangeForReview", by, change_id)
    for role in approving:
        await say(service, WHO[role], change_id, role=role)
    return change_id


async def say(service: Service, who: Person, change_id: str, approved: bool = True, **said: Any) -> Any:
    return await step(service, "addChangeApproval", who, change_id, approved=approved, **said)


async def refused(service: Service, mutation: str, who: Person, change_id: str, **said: Any) -> dict[str, Any]:
    """The refusal of a mutation that changed nothing."""
    await service.ask("{ viewer { id } }", who)  # the first use of a token in an hour is noted
    before = await service.state()
    found = await service.refused(mutation, who, changeId=change_id, **said)
    assert await service.state() == before
    return found


async def tasks(service: Service, who: Person) -> list[tuple[str, str, bool]]:
    """Kind, role and whether it is overdue, of each task about a change."""
    asked = "query($id: String!) { stakeholder(userId: $id) { tasks(first: 50) { items { kind role overdue changeId } } } }"
    found = (await service.ask(asked, ADA, id=who.id))["stakeholder"]["tasks"]["items"]
    return [(each["kind"], each["role"], each["overdue"]) for each in found if each["changeId"]]


async def test_an_emergency_takes_out_with_one_approval_and_the_others_follow(running: Service) -> None:
    change_id = await submitted(running, "RISK_MANAGER")
    found = await look_at(running, change_id, "status allowedTransitions approvalsDue { until }")
    assert found["status"] == "UNDER_REVIEW" and "IN_PROGRESS" in found["allowedTransitions"]
    assert found["approvalsDue"] is None
    started = await step(running, "startDeployment", DORA, change_id)
    assert (started["status"], started["allowedTransitions"]) == ("IN_PROGRESS", ["COMPLETED", "FAILED"])
    missing = [each for each in CRITICAL if each != "RISK_MANAGER"]
    due = {"roles": missing, "until": "2026-03-02T12:00:00.123Z", "overdue": False}
    found = await look_at(running, change_id, DUE + " gate { basis }")
    assert (found["approvalsDue"], found["gate"]) == (due, {"basis": "OUT"})
    running.later(hours=1)
    await say(running, DAVID, change_id)
    await step(running, "completeDeployment", DORA, change_id, success=True)
    assert await runs(running) is None
    assert (await look_at(running, change_id, DUE))["approvalsDue"] == due | {
        "roles": ["MODEL_OWNER", "TECH_LEAD", "BUSINESS_OWNER"]
    }
    for role in ("TECH_LEAD", "MODEL_OWNER", "BUSINESS_OWNER"):
        left = await say(running, WHO[role], change_id, role=role)
        assert left["status"] == "COMPLETED"
    found = await look_at(running, change_id, DUE)
    assert found["approvalsDue"] is None
    said = {each["role"]: each["approval"] for each in found["requiredApprovals"]}
    assert said == {role: {"approved": True, "reviewerId": WHO[role].id} for role in CRITICAL}
    for who in (ALICE, TOM, DAVID, BEA, RITA, TESS, SAM):
        assert await tasks(running, who) == []
    late = await refused(running, "addChangeApproval", SAM, change_id, approved=True)
    assert late["code"] == "INVALID_STATE" and "has approved" in late["problem"]


async def test_no_approval_starts_nothing_nor_does_one_of_a_plan_that_was_reopened(running: Service) -> None:
    change_id = await submitted(running)
    found = await refused(running, "startDeployment", DORA, change_id)
    assert found == {
        "code": "INVALID_STATE", "action": "startDeployment", "from": "SUBMITTED",
        "allowed": ["UNDER_REVIEW", "APPROVED", "SCHEDULED"],
    }  # fmt: skip
    await say(running, RITA, change_id)
    await step(running, "reopenChange", DORA, change_id, reason="A typo.")
    assert (await refused(running, "startDeployment", DORA, change_id))["from"] == "DRAFT"
    await step(running, "submitChangeForReview", DORA, change_id)
    assert (await refused(running, "startDeployment", DORA, change_id))["from"] == "SUBMITTED"
    await say(running, RITA, change_id)
    assert (await step(running, "startDeployment", DORA, change_id))["status"] == "IN_PROGRESS"
    assert "RISK_MANAGER" not in (await look_at(running, change_id, DUE))["approvalsDue"]["roles"]


@pytest.mark.parametrize(
    "plan",
    [
        {"changeType": "DECOMMISSION", "targetVersion": None},
        {"changeType": "EMERGENCY", "targetVersion": BOT["version"]},
        {"changeType": "INFRASTRUCTURE", "targetVersion": None},
    ],
    ids=["decommission", "emergency that brings", "other type"],
)
async def test_every_other_change_needs_all_its_approvals_before_it_starts(running: Service, plan: dict[str, Any]) -> None:
    change_id = await submitted(running, "MODEL_OWNER", **plan)
    found = await look_at(running, change_id, "status allowedTransitions requiredApprovals { role } missingTests")
    assert found["status"] == "UNDER_REVIEW" and "IN_PROGRESS" not in found["allowedTransitions"]
    early = await refused(running, "startDeployment", DORA, change_id)
    assert (early["code"], early["from"], early["allowed"]) == ("INVALID_STATE", "UNDER_REVIEW", ["APPROVED", "SCHEDULED"])
    for role in (each["role"] for each in found["requiredApprovals"][1:]):
        await say(running, WHO[role], change_id, role=role)
    for name in found["missingTests"]:
        await step(running, "recordTestResult", TOM, change_id, name=name, passed=True)
    await step(running, "startDeployment", DORA, change_id)
    assert (await look_at(running, change_id, DUE))["approvalsDue"] is None
    late = await refused(running, "addChangeApproval", TESS, change_id, role="TECH_LEAD", approved=False)
    assert (late["code"], late["from"], late["allowed"]) == ("INVALID_STATE", "IN_PROGRESS", ["SUBMITTED", "UNDER_REVIEW"])


async def test_an_emergency_that_had_every_approval_waits_for_none(running: Service) -> None:
    change_id = await submitted(running, *CRITICAL)
    assert (await look_at(running, change_id, "status"))["status"] == "APPROVED"
    await step(running, "startDeployment", DORA, change_id)
    assert (await look_at(running, change_id, DUE))["approvalsDue"] is None
    late = await refused(running, "addChangeApproval", SAM, change_id, approved=False)
    assert late["code"] == "INVALID_STATE" and "SECURITY_REVIEWER has approved" in late["problem"]


async def test_after_the_start_only_those_approve_who_could_before_it(running: Service) -> None:
    change_id = await submitted(running, "RISK_MANAGER", by=TOM)
    await step(running, "startDeployment", DORA, change_id)
    wrong: list[tuple[Person, dict[str, Any]]] = [
        (CAROL, {}), (BOB, {}), (AUDREY, {}), (ADA, {}), (DORA, {}),  # no required role
        (CAROL, {"role": "ETHICS_REVIEWER"}), (ALICE, {"role": "TECH_LEAD"}),  # not required, not held
        (TIM, {}),  # not authorised for the tier
        (TOM, {"role": "TECH_LEAD"}),  # asked for it
    ]  # fmt: skip
    for approved in (True, False):
        for who, said in wrong:
            found = await refused(running, "addChangeApproval", who, change_id, approved=approved, **said)
            assert found["code"] == "FORBIDDEN", (who.id, found)
    await say(running, TESS, change_id, role="TECH_LEAD")
    again = await refused(running, "addChangeApproval", TESS, change_id, approved=True, role="BUSINESS_OWNER")
    assert (again["code"], again["needs"]) == ("FORBIDDEN", ["somebody else"])
    for who, role in ((TESS, "TECH_LEAD"), (RITA, "RISK_MANAGER")):
        found = await refused(running, "addChangeApproval", who, change_id, approved=False, role=role)
        assert found["code"] == "INVALID_STATE" and f"{role} has approved" in found["problem"]
    stale = await refused(running, "addChangeApproval", DAVID, change_id, approved=True, expectedRevision=1)
    assert stale["code"] == "CONFLICT"


async def test_whoever_planned_or_submitted_it_in_the_place_of_a_leaver_does_not_follow_up(running: Service) -> None:
    change_id = await ask_for(running, GONE, **OUT)
    await deactivate(running, GONE)
    await step(running, "updateChangeRequest", ALICE, change_id, title="At once")
    await step(running, "submitChangeForReview", TOM, change_id)
    await say(running, RITA, change_id)
    await step(running, "startDeployment", DORA, change_id)
    for who in (ALICE, TOM):
        assert (await refused(running, "addChangeApproval", who, change_id, approved=True))["needs"] == ["somebody else"]
        assert await tasks(running, who) == []
    assert await tasks(running, DAVID) == [("FOLLOW_UP_CHANGE", "SECURITY_REVIEWER", False)]


async def test_a_refusal_after_the_start_is_kept_and_undoes_nothing(running: Service) -> None:
    change_id = await submitted(running, "RISK_MANAGER")
    await step(running, "startDeployment", DORA, change_id)
    left = await say(running, DAVID, change_id, False, comments="It was not needed.")
    assert left["status"] == "IN_PROGRESS"
    told = await running.last()
    assert (told["event_type"], told["outcome"]) == ("change_approved", "success")
    assert b'"path":"approvals.1.approved","to":false' in told["canonical"] and b"not needed" not in told["canonical"]
    await step(running, "completeDeployment", DORA, change_id, success=True)
    assert await runs(running) is None
    for role in ("MODEL_OWNER", "TECH_LEAD", "BUSINESS_OWNER"):
        await say(running, WHO[role], change_id, role=role)
    running.later(days=2)
    found = await look_at(running, change_id, DUE)
    assert found["status"] == "COMPLETED"
    assert found["approvalsDue"] == {"roles": ["SECURITY_REVIEWER"], "until": "2026-03-02T12:00:00.123Z", "overdue": True}
    (said,) = (each["approval"] for each in found["requiredApprovals"] if each["role"] == "SECURITY_REVIEWER")
    assert said == {"approved": False, "reviewerId": DAVID.id}
    # Who refused has answered; somebody else of the role can still approve.
    assert await tasks(running, DAVID) == []
    assert await tasks(running, SAM) == [("FOLLOW_UP_CHANGE", "SECURITY_REVIEWER", True)]
    await say(running, SAM, change_id)
    found = await look_at(running, change_id, "approvalsDue { until } approvals { reviewerId approved }")
    assert found["approvalsDue"] is None
    assert {"reviewerId": DAVID.id, "approved": False} in found["approvals"]


async def test_whoever_refused_after_the_start_can_still_approve_in_that_role_alone(running: Service) -> None:
    change_id = await submitted(running, "RISK_MANAGER")
    await step(running, "startDeployment", DORA, change_id)
    await say(running, TESS, change_id, False, role="TECH_LEAD")
    other = await refused(running, "addChangeApproval", TESS, change_id, approved=True, role="BUSINESS_OWNER")
    assert (other["code"], other["needs"]) == ("FORBIDDEN", ["somebody else"])
    assert await tasks(running, TESS) == []
    assert await tasks(running, TOM) == [("FOLLOW_UP_CHANGE", "TECH_LEAD", False)]
    await say(running, TESS, change_id, role="TECH_LEAD")
    assert await tasks(running, TOM) == []
    assert "TECH_LEAD" not in (await look_at(running, change_id, DUE))["approvalsDue"]["roles"]


async def test_a_refusal_before_the_start_ends_it(running: Service) -> None:
    change_id = await submitted(running, "RISK_MANAGER")
    assert (await say(running, DAVID, change_id, False))["status"] == "REJECTED"
    assert (await refused(running, "startDeployment", DORA, change_id))["from"] == "REJECTED"
    assert await tasks(running, SAM) == await tasks(running, ALICE) == []


@pytest.mark.parametrize("success", [True, False])
async def test_what_failed_or_was_taken_back_still_waits_for_its_approvals(running: Service, success: bool) -> None:
    change_id = await submitted(running, "RISK_MANAGER")
    await carry_out(running, change_id, success)
    if success:
        back = await rollback_of(running, change_id)
        await approve(running, back)
        await carry_out(running, back)
    found = await look_at(running, change_id, DUE)
    assert found["status"] == ("ROLLED_BACK" if success else "FAILED")
    assert await tasks(running, DAVID) == [("FOLLOW_UP_CHANGE", "SECURITY_REVIEWER", False)]
    assert (await say(running, DAVID, change_id))["status"] == found["status"]
    assert "SECURITY_REVIEWER" not in (await look_at(running, change_id, DUE))["approvalsDue"]["roles"]


async def test_what_is_not_there_after_a_day_is_overdue(running: Service) -> None:
    change_id = await submitted(running, "RISK_MANAGER")
    assert await tasks(running, ALICE) == [("APPROVE_CHANGE", "MODEL_OWNER", False)]
    running.later(minutes=5)
    await step(running, "startDeployment", DORA, change_id)
    until = running.now + timedelta(days=1)
    asked = """query($now: DateTime!) { changeRequests(first: 9, filter: {approvalsDue: {until: {lte: $now}}}) {
        nodes { changeId approvalsDue { overdue } } } }"""
    for moment, overdue in ((until - timedelta(milliseconds=1), False), (until, True), (until + timedelta(days=40), True)):
        running.now = moment
        for who in (ALICE, TOM, DAVID, SAM, BEA):
            assert await tasks(running, who) == [("FOLLOW_UP_CHANGE", who.roles[0].name, overdue)]
        assert await tasks(running, TESS) == [("FOLLOW_UP_CHANGE", each, overdue) for each in ("TECH_LEAD", "BUSINESS_OWNER")]
        for who in (RITA, TIM, DORA, CAROL, BOB):
            assert await tasks(running, who) == []
        found = (await running.ask(asked, now=moment.isoformat()))["changeRequests"]["nodes"]
        assert found == ([{"changeId": change_id, "approvalsDue": {"overdue": True}}] if overdue else [])
    listed = "{ changeRequests(first: 9, filter: {approvalsDue: {roles: {some: {eq: TECH_LEAD}}}}) { nodes { changeId } } }"
    assert (await running.ask(listed))["changeRequests"]["nodes"] == [{"changeId": change_id}]
    await say(running, TOM, change_id)
    assert (await running.ask(listed))["changeRequests"]["nodes"] == []
    assert await tasks(running, TESS) == [("FOLLOW_UP_CHANGE", "BUSINESS_OWNER", True)]


async def race(service: Service, *tries: tuple[str, Person, dict[str, Any]]) -> list[str]:
    """What became of each mutation that was sent at once: `done`, or the code that it was refused with."""
    for _, who, _ in tries:
        await service.ask("{ viewer { id } }", who)
    sent = [service.post(mutating(name, ""), {"input": said}, who) for name, who, said in tries]
    answers = [each.json() for each in await asyncio.gather(*sent)]
    return [str(each["errors"][0]["extensions"]["code"]) if "errors" in each else "done" for each in answers]


async def test_of_many_starts_at_once_one_takes_out(running: Service) -> None:
    this, other = await submitted(running, "RISK_MANAGER"), await submitted(running, "MODEL_OWNER")
    ended = await race(running, *[("startDeployment", DORA, {"changeId": each}) for each in (this, other) * 4])
    assert ended.count("done") == 1 and {*ended} - {"done"} <= LOST
    statuses = [(await look_at(running, each, "status"))["status"] for each in (this, other)]
    assert sorted(statuses) == ["IN_PROGRESS", "UNDER_REVIEW"]
    started = (this, other)[statuses.index("IN_PROGRESS")]
    await step(running, "completeDeployment", DORA, started, success=True)
    (left,) = {this, other} - {started}
    assert (await refused(running, "startDeployment", DORA, left))["code"] == "INVALID_STATE"  # nothing runs there any more
    assert sorted(await tasks(running, SAM)) == [
        ("APPROVE_CHANGE", "SECURITY_REVIEWER", False),
        ("FOLLOW_UP_CHANGE", "SECURITY_REVIEWER", False),
    ]


async def test_a_refusal_at_the_moment_of_the_start_stops_it_or_is_kept(running: Service) -> None:
    change_id = await submitted(running, "RISK_MANAGER")
    about = {"changeId": change_id}
    started, said = await race(
        running, ("startDeployment", DORA, about), ("addChangeApproval", DAVID, about | {"approved": False})
    )
    found = await look_at(running, change_id, DUE)
    assert said == "done"
    assert found["status"] == ("IN_PROGRESS" if started == "done" else "REJECTED")
    assert started in {"done"} | LOST and (found["approvalsDue"] is not None) is (started == "done")


async def test_of_two_of_a_role_who_follow_up_at_once_one_is_heard(running: Service) -> None:
    change_id = await submitted(running, "MODEL_OWNER", "TECH_LEAD", "BUSINESS_OWNER", "RISK_MANAGER")
    await step(running, "startDeployment", DORA, change_id)
    about = {"changeId": change_id, "approved": True}
    ended = await race(running, *[("addChangeApproval", who, about) for who in (DAVID, SAM)])
    assert ended.count("done") == 1 and {*ended} - {"done"} <= LOST
    assert (await look_at(running, change_id, DUE))["approvalsDue"] is None


async def test_an_approved_change_of_another_kind_is_no_task(running: Service) -> None:
    await approved_change(running, changeType="DECOMMISSION", targetVersion=None)
    for who in (ALICE, TOM, TESS):
        assert await tasks(running, who) == []
