"""Planning changes: how risky they are, who must approve them, when they may start, and what is wrong with a plan."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from documents.access import GovernanceRole
from documents.values import LIST_LENGTH
from tests.operations import (
    BEA,
    DORA,
    IMPACT,
    PLAN,
    STAGED,
    TOM,
    approved_change,
    ask_for,
    carry_out,
    declare,
    deployed,
    experiments,
    look_at,
    runs,
    step,
)
from tests.service import ALICE, DAVID, RITA, Service, mutating, person

PLACE: dict[str, Any] = STAGED | {"targetVersion": "0.1.0"}
OLGA = person("olga", GovernanceRole.MODEL_OWNER, GovernanceRole.TECH_LEAD)


@pytest.fixture(scope="module")
async def planning(server: str) -> AsyncIterator[Service]:
    """Two versions of which the first runs, a draft with everything in it, and people who have signed in."""
    service = await Service.started(server)
    with service.database.bound():
        await service.enrol(DORA, TOM, BEA, OLGA)
    for each in (DORA, TOM, BEA, OLGA, ALICE, DAVID, RITA):
        await service.ask("{ viewer { id } }", each)  # the first use of a token in an hour is noted
    await experiments(service, "0.1.0", "0.2.0")
    await deployed(service, **PLACE)
    await declare(service, "nowhere")
    yield service
    await service.close()


# The level of each type by itself, with an hour's downtime or a system of production, and when everybody is reached.
LEVELS = {
    "MODEL_UPDATE": ("HIGH", "HIGH", "HIGH"),
    "INFRASTRUCTURE": ("HIGH", "HIGH", "HIGH"),
    "CONFIG_CHANGE": ("MEDIUM", "HIGH", "MEDIUM"),
    "PROMPT_UPDATE": ("MEDIUM", "HIGH", "MEDIUM"),
    "ROLLBACK": ("MEDIUM", "MEDIUM", "MEDIUM"),
    "EMERGENCY": ("CRITICAL", "CRITICAL", "CRITICAL"),
}
APPROVE = {
    "MEDIUM": ["MODEL_OWNER", "TECH_LEAD"],
    "HIGH": ["MODEL_OWNER", "TECH_LEAD", "SECURITY_REVIEWER"],
    "CRITICAL": ["MODEL_OWNER", "TECH_LEAD", "SECURITY_REVIEWER", "BUSINESS_OWNER", "RISK_MANAGER"],
}
NOTHING: dict[str, Any] = {"affectedUsers": "NONE", "estimatedDowntime": 0, "rollbackTime": 0}
INDICATORS: list[tuple[int, dict[str, Any]]] = [
    (0, {}), (0, {"affectedUsers": "INTERNAL_ONLY"}), (0, {"affectedUsers": "SPECIFIC_TEAMS"}), (0, {"rollbackTime": 600}),
    (0, {"affectedSystems": ["staging"]}), (2, {"affectedUsers": "ALL_USERS"}), (1, {"estimatedDowntime": 1}),
    (1, {"affectedSystems": ["staging", "The Production cluster"]}), (1, {"affectedUsers": "ALL_USERS", "estimatedDowntime": 60}),
]  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", LEVELS)
async def test_the_risk_is_the_highest_of_the_types_own_and_the_impacts(planning: Service, kind: str) -> None:
    target = {"MODEL_UPDATE": "0.2.0", "ROLLBACK": None}.get(kind, "0.1.0")
    change_id = await ask_for(planning, **PLACE | {"changeType": kind, "targetVersion": target, "impact": None})
    select = "changeRequest { riskLevel requiredApprovals { role approval { role } } }"
    for column, impact in [(0, None), *INDICATORS]:
        said = {"impact": impact if impact is None else NOTHING | impact, "title": f"With {impact}"}
        found = (await planning.do("updateChangeRequest", DORA, select, changeId=change_id, **said))["changeRequest"]
        level = LEVELS[kind][column]
        assert found["riskLevel"] == level, impact
        assert found["requiredApprovals"] == [{"role": each, "approval": None} for each in APPROVE[level]]


async def test_each_level_takes_all_of_its_roles_and_no_other(service: Service) -> None:
    await service.enrol(DORA, TOM, BEA)
    await experiments(service, "0.1.0")
    await deployed(service, **PLACE)
    who = {"MODEL_OWNER": ALICE, "TECH_LEAD": TOM, "SECURITY_REVIEWER": DAVID, "BUSINESS_OWNER": BEA, "RISK_MANAGER": RITA}
    for kind, level in (("PROMPT_UPDATE", "MEDIUM"), ("INFRASTRUCTURE", "HIGH"), ("EMERGENCY", "CRITICAL")):
        change_id = await ask_for(service, **PLACE, changeType=kind)
        await step(service, "submitChangeForReview", DORA, change_id)
        for role in who.keys() - {*APPROVE[level]}:
            refused = await service.refused("addChangeApproval", who[role], changeId=change_id, approved=True, role=role)
            assert refused["code"] == "FORBIDDEN"
        *some, last = APPROVE[level]
        for role in some:
            left = await step(service, "addChangeApproval", who[role], change_id, approved=True)
            assert left["status"] == "UNDER_REVIEW"
        assert (await service.refused("startDeployment", DORA, changeId=change_id))["code"] == "INVALID_STATE"
        assert (await step(service, "addChangeApproval", who[last], change_id, approved=True))["status"] == "APPROVED"


WINDOW = {"begins": "2026-04-01T12:00:00Z", "ends": "2026-04-03T00:00:00Z"}
LONG = ["x"] * (LIST_LENGTH + 1)
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"preferredWindow": {"begins": WINDOW["ends"], "ends": WINDOW["begins"]}}, "preferredWindow.ends"),
    ({"preferredWindow": WINDOW | {"ends": WINDOW["begins"]}}, "preferredWindow.ends"),
    ({"preferredWindow": {"begins": "2026-04-01T00:00:00Z", "ends": "2027-04-02T00:00:00.001Z"}}, "preferredWindow.ends"),
    ({"preferredWindow": WINDOW, "blackoutDates": ["2026-04-02", "2026-04-01"]}, "blackoutDates"),
    ({"blackoutDates": ["2026-04-01"] * (LIST_LENGTH + 1)}, "blackoutDates"),
    ({"impact": IMPACT | {"estimatedDowntime": -1}}, "impact.estimatedDowntime"),
    ({"impact": IMPACT | {"rollbackTime": -1}}, "impact.rollbackTime"),
    ({"impact": IMPACT | {"estimatedDowntime": 60 * 24 * 30 + 1}}, "impact.estimatedDowntime"),
    ({"impact": IMPACT | {"testingRequired": LONG}}, "impact.testingRequired"),
    ({"impact": IMPACT | {"affectedSystems": LONG}}, "impact.affectedSystems"),
    ({"impact": IMPACT | {"dependencies": [""]}}, "impact.dependencies.0"),
    ({"impact": IMPACT | {"affectedUsersNote": "x" * 20_001}}, "impact.affectedUsersNote"),
    ({"title": ""}, "title"),
    ({"title": "x" * 201}, "title"),
    ({"title": "two\nlines"}, "title"),
    ({"description": " "}, "description"),
    ({"justification": ""}, "justification"),
    ({"rollbackPlan": ""}, "rollbackPlan"),
    ({"rollbackTrigger": " \n "}, "rollbackTrigger"),
    ({"environment": ""}, "environment"),
    ({"environment": "pro duction"}, "environment"),
    ({"environment": "Production"}, "environment"),
    ({"environment": "undeclared"}, "environment"),
    ({"targetVersion": "9.9.9"}, "targetVersion"),
    ({"targetVersion": None}, "targetVersion"),
    ({"targetVersion": "0.1.0"}, "targetVersion"),  # it runs there
    ({"changeType": "DECOMMISSION"}, "targetVersion"),  # it brings nothing
    ({"changeType": "DECOMMISSION", "environment": "nowhere", "targetVersion": None}, "targetVersion"),
    ({"changeType": "PROMPT_UPDATE", "environment": "nowhere", "targetVersion": None}, "targetVersion"),
    ({"changeType": "CONFIG_CHANGE", "mitigates": [{"holdId": "HLD-1"}]}, "mitigates"),  # it brings another version
    ({"changeType": "CONFIG_CHANGE", "targetVersion": "0.1.0", "mitigates": [{"incidentId": "INC-1"}]}, "mitigates.0"),
    ({"changeType": "ROLLBACK"}, "targetVersion"),  # it never ran there
    ({"changeType": "ROLLBACK", "targetVersion": "0.1.0"}, "targetVersion"),  # it runs there
    ({"changeType": "ROLLBACK", "environment": "nowhere", "targetVersion": "0.1.0"}, "targetVersion"),
    ({"changeType": "ROLLBACK", "environment": "nowhere", "targetVersion": None}, "targetVersion"),
    ({"changeType": "EMERGENCY", "environment": "nowhere", "targetVersion": None}, "targetVersion"),
]
ONLY_WHEN_ASKED: list[tuple[dict[str, Any], str]] = [
    ({"modelId": "nobody"}, ""), ({"currentVersion": "0.2.0"}, "currentVersion"),
    ({"currentVersion": "0.1.0", "environment": "nowhere"}, "currentVersion"),
]  # fmt: skip


async def refusals(service: Service, mutation: str, about: dict[str, Any], wrong: list[tuple[dict[str, Any], str]]) -> None:
    before = await service.state()
    for said, path in wrong:
        refused = await service.refused(mutation, DORA, **about | said)
        expected = ("INVALID_INPUT", f"input.{path}") if path else ("NOT_FOUND", None)
        assert (refused["code"], refused.get("path")) == expected, said
    assert await service.state() == before


async def test_a_wrong_plan_is_refused_when_it_is_asked_for_and_when_it_is_changed(planning: Service) -> None:
    asked = PLAN | STAGED | {"targetVersion": "0.2.0"}
    change_id = await ask_for(planning, **asked)
    await refusals(planning, "createChangeRequest", asked, WRONG + ONLY_WHEN_ASKED)
    await refusals(planning, "updateChangeRequest", {"changeId": change_id}, WRONG)


async def test_minutes_are_whole_and_days_are_days(planning: Service) -> None:
    change_id = await ask_for(planning, **STAGED, targetVersion="0.2.0")
    before = await planning.state()
    for said in (
        {"impact": IMPACT | {"estimatedDowntime": 0.5}}, {"impact": IMPACT | {"estimatedDowntime": True}},
        {"impact": IMPACT | {"affectedUsers": "MOST"}}, {"blackoutDates": ["2026-02-30"]}, {"blackoutDates": ["soon"]},
        {"preferredWindow": {"begins": "2026-04-01T00:00:00", "ends": "2026-04-02T00:00:00Z"}}, {"changeType": "OTHER"},
    ):  # fmt: skip
        for mutation, about in (("createChangeRequest", PLAN), ("updateChangeRequest", {"changeId": change_id})):
            answer = (await planning.post(mutating(mutation, ""), {"input": about | said}, DORA)).json()
            assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT" and not answer.get("data"), said
    assert await planning.state() == before


async def test_null_empties_what_can_be_empty_and_is_refused_elsewhere(planning: Service) -> None:
    whole: dict[str, Any] = {"rollbackTrigger": "Complaints.", "preferredWindow": WINDOW, "blackoutDates": ["2026-04-01"]}
    change_id = await ask_for(planning, **STAGED, targetVersion="0.2.0", **whole)
    fixed = ("changeType", "title", "description", "justification", "environment")
    await refusals(planning, "updateChangeRequest", {"changeId": change_id}, [({each: None}, each) for each in fixed])
    await step(planning, "updateChangeRequest", DORA, change_id, **dict.fromkeys([*whole, "impact", "rollbackPlan"]))
    plan = "title rollbackTrigger blackoutDates rollbackPlan preferredWindow { ends } impact { rollbackTime }"
    found = await look_at(planning, change_id, f"plan {{ {plan} }}")
    assert found["plan"] == {
        "title": PLAN["title"], "rollbackTrigger": None, "blackoutDates": [], "rollbackPlan": None, "preferredWindow": None,
        "impact": None,
    }  # fmt: skip
    for missing in ("impact", "rollbackPlan"):
        refused = await planning.refused("submitChangeForReview", DORA, changeId=change_id)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"input.{missing}")
        await step(planning, "updateChangeRequest", DORA, change_id, **{missing: PLAN[missing]})
    await step(planning, "submitChangeForReview", DORA, change_id)


async def test_a_change_is_not_made_another_by_somebody_who_read_it_before(planning: Service) -> None:
    change_id = await ask_for(planning, **STAGED, targetVersion="0.2.0")
    read = (await look_at(planning, change_id, "revision"))["revision"]
    await step(planning, "commentOnChange", TOM, change_id, text="Wait.")
    before = await planning.state()
    late: dict[str, dict[str, Any]] = {
        "updateChangeRequest": {"title": "Late"}, "submitChangeForReview": {}, "commentOnChange": {"text": "Late."},
        "reopenChange": {"reason": "Late."}, "startDeployment": {}, "completeDeployment": {"success": True},
    }  # fmt: skip
    for mutation, said in late.items():
        refused = await planning.refused(mutation, DORA, changeId=change_id, expectedRevision=read, **said)
        assert (refused["code"], refused["revision"]) == ("CONFLICT", read)
    assert await planning.state() == before
    await step(planning, "updateChangeRequest", DORA, change_id, title="In time", expectedRevision=read + 1)


async def test_only_who_asked_for_it_plans_it_and_only_for_what_they_may_ask_for(service: Service) -> None:
    await service.enrol(DORA, TOM, OLGA)
    await experiments(service, "0.1.0", "0.2.0")
    of_olga = {"modelId": STAGED["modelId"], "version": "0.2.0"}
    await service.do("assignAccountability", ALICE, **of_olga, role="MODEL_OWNER", userId=OLGA.id)
    change_id = await ask_for(service, ALICE, **PLACE)
    refused = await service.refused("updateChangeRequest", ALICE, changeId=change_id, targetVersion="0.2.0")
    assert refused["code"] == "FORBIDDEN"
    for mutation, said in {"updateChangeRequest": {"title": "Mine"}, "submitChangeForReview": {}}.items():
        for by in (DORA, TOM):
            assert (await service.refused(mutation, by, changeId=change_id, **said))["code"] == "FORBIDDEN"
    await step(service, "updateChangeRequest", ALICE, change_id, title="Mine")


async def test_one_person_approves_in_one_role_whoever_asked_in_none_and_each_tier_takes_its_own(service: Service) -> None:
    young = person("yann", GovernanceRole.TECH_LEAD, tiers=())
    both = person("both", GovernanceRole.TECH_LEAD, GovernanceRole.DEPLOYER)
    await service.enrol(DORA, TOM, OLGA, young, both)
    await experiments(service, "0.1.0")
    change_id = await ask_for(service, both, **PLACE)
    await step(service, "submitChangeForReview", both, change_id)

    async def refused(by: Any, **said: Any) -> str:
        return str((await service.refused("addChangeApproval", by, changeId=change_id, approved=True, **said))["code"])

    assert await refused(both) == "FORBIDDEN"
    assert await refused(young) == "FORBIDDEN"
    assert await refused(OLGA) == "INVALID_INPUT"  # in which of her two roles
    assert await refused(OLGA, role="SECURITY_REVIEWER") == "FORBIDDEN"
    await step(service, "addChangeApproval", OLGA, change_id, approved=True, role="TECH_LEAD")
    assert await refused(OLGA, role="MODEL_OWNER") == "FORBIDDEN"
    assert await refused(DORA) == "FORBIDDEN"
    select = "received required changeRequest { status approvals { role reviewerId } }"
    again = await service.do("addChangeApproval", TOM, select, changeId=change_id, approved=True)  # in the place of Olga's
    assert (again["received"], again["required"], again["changeRequest"]["status"]) == (1, 3, "UNDER_REVIEW")
    assert [each["reviewerId"] for each in again["changeRequest"]["approvals"]] == ["olga", "tom"]
    await step(service, "addChangeApproval", OLGA, change_id, approved=True, role="MODEL_OWNER")
    assert (await step(service, "addChangeApproval", DAVID, change_id, approved=True))["status"] == "APPROVED"


async def test_only_a_required_test_is_recorded_and_a_draft_has_passed_none(planning: Service) -> None:
    change_id = await approved_change(planning, **STAGED, targetVersion="0.2.0")
    assert await look_at(planning, change_id, "missingTests") == {"missingTests": []}
    await refusals(
        planning, "recordTestResult", {"changeId": change_id, "passed": True},
        [({"name": "another"}, "name"), ({"name": ""}, "name"), ({"name": "load", "sha256": "x"}, "sha256"),
         ({"name": "load", "uri": "nowhere"}, "uri"), ({"name": "load", "notes": "x" * 20_001}, "notes")],
    )  # fmt: skip
    await step(planning, "reopenChange", DORA, change_id, reason="Another window.")
    assert await look_at(planning, change_id, "missingTests") == {"missingTests": ["load"]}


IN_APRIL: dict[str, Any] = {"preferredWindow": WINDOW, "blackoutDates": ["2026-04-02"]}


async def test_a_schedule_is_in_the_future_in_the_window_and_on_no_blackout_date(planning: Service) -> None:
    change_id = await approved_change(planning, **STAGED, targetVersion="0.2.0", **IN_APRIL)
    before = await planning.state()
    for at in (
        "2026-03-01T12:00:00.123Z", "2025-04-01T12:00:00Z", "2026-04-01T11:59:59.999Z", "2026-04-02T00:00:00Z",
        "2026-04-02T23:59:59.999Z", "2026-04-03T00:00:00Z", "2026-04-01T22:00:00-03:00",
    ):  # fmt: skip
        refused = await planning.refused("scheduleDeployment", DORA, changeId=change_id, scheduledTime=at)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.scheduledTime"), at
    assert await planning.state() == before
    for at in ("2026-04-01T12:00:00Z", "2026-04-01T23:59:59.999Z", "2026-04-02T01:30:00+02:00"):
        assert (await step(planning, "scheduleDeployment", DORA, change_id, scheduledTime=at))["status"] == "SCHEDULED"


async def test_a_start_keeps_to_schedule_window_and_blackout_dates_to_the_millisecond(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0")
    change_id = await approved_change(service, **PLACE, **IN_APRIL)
    await step(service, "scheduleDeployment", DORA, change_id, scheduledTime="2026-04-01T18:30:00Z")
    for at in (
        "2026-04-01T11:59:59.999Z", "2026-04-01T18:29:59.999Z", "2026-04-02T00:00:00Z", "2026-04-02T23:59:59.999Z",
        "2026-04-03T00:00:00Z",
    ):  # fmt: skip
        service.now = moment(at)
        refused = await service.refused("startDeployment", DORA, changeId=change_id)
        assert refused["code"] == "INVALID_STATE" and refused["problem"], at
    service.now = moment("2026-04-01T18:30:00Z")
    assert (await step(service, "startDeployment", DORA, change_id))["status"] == "IN_PROGRESS"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_an_emergency_waits_for_no_test_and_no_window_but_for_the_gate(service: Service) -> None:
    await service.enrol(DORA, TOM, BEA)
    await experiments(service, "0.1.0")
    today: dict[str, Any] = {"blackoutDates": ["2026-03-01"], "preferredWindow": WINDOW}
    change_id = await ask_for(service, **PLACE, changeType="EMERGENCY", **today)
    await step(service, "submitChangeForReview", DORA, change_id)
    for who in (ALICE, TOM, DAVID, BEA, RITA):
        await step(service, "addChangeApproval", who, change_id, approved=True)
    about = {"modelId": STAGED["modelId"], "version": "0.1.0"}
    hold = (await service.do("placeHold", DAVID, "hold { holdId }", **about, reason="Look at it."))["hold"]
    assert (await service.refused("startDeployment", DORA, changeId=change_id))["code"] == "POLICY_BLOCKED"
    await service.do("liftHold", DAVID, **about, **hold, reason="Looked at.")
    await carry_out(service, change_id)
    assert await runs(service, "staging", "summaries") == "0.1.0"


async def test_an_experiment_runs_anywhere_but_in_production(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0")
    await deployed(service, **PLACE)
    change_id = await approved_change(service, **PLACE | {"environment": "production"})
    refused = await service.refused("startDeployment", DORA, changeId=change_id)
    assert (refused["code"], refused["environment"]) == ("POLICY_BLOCKED", "production")
    assert refused["eligibility"]["eligible"] and refused["eligibility"]["tier"] == "TIER_4_EXPERIMENTAL"
    assert (await runs(service, "staging", "summaries"), await runs(service, model="summaries")) == ("0.1.0", None)
