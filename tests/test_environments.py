"""Environments: who declares them, how they end, and what their stage demands of what is to run there."""

import asyncio
import json
from typing import Any

import pytest

from documents.access import GovernanceRole
from documents.environments import NAMED
from documents.policies import Policy, PolicyContent
from documents.stages import Stage
from tests.examples import BOT, DRILLS, REGISTRATION, approved, eligible, read, register, submit
from tests.operations import (
    DORA,
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
from tests.service import ADA, ALICE, CAROL, RITA, Person, Service, person

COLIN = person("colin", GovernanceRole.COMPLIANCE_OFFICER)
BOSS = person("boss", GovernanceRole.RISK_MANAGER, GovernanceRole.COMPLIANCE_OFFICER)
LOWER = ("DEVELOPMENT", "TEST", "STAGING")
LISTED = "{ environments(first: 20) { nodes { name stage status declaredBy } } }"
KEPT = "query($digest: Hash!) { content(digest: $digest) { canonical } }"


async def listed(service: Service) -> dict[str, tuple[str, str]]:
    found = (await service.ask(LISTED))["environments"]["nodes"]
    return {each["name"]: (each["stage"], each["status"]) for each in found}


async def stage_of(service: Service, name: str) -> str:
    query = "query($name: String!) { environment(name: $name) { stage } }"
    return str((await service.ask(query, name=name))["environment"]["stage"])


async def refusal(service: Service, mutation: str, by: Person, **said: Any) -> dict[str, Any]:
    """The refusal of a mutation, which changed nothing but the first use of a token in an hour."""

    async def state() -> Any:
        return {name: stored for name, stored in (await service.state()).items() if name != "ApiToken"}

    before = await state()
    refused = await service.refused(mutation, by, **said)
    assert await state() == before
    return refused


async def kept_eligibility(service: Service, change_id: str) -> dict[str, Any]:
    """The eligibility that the pass of the gate keeps."""
    gate = (await look_at(service, change_id, "gate { basis eligibility }"))["gate"]
    assert gate["basis"] == "ELIGIBLE"
    text = (await service.ask(KEPT, digest=gate["eligibility"]))["content"]["canonical"]
    found: dict[str, Any] = json.loads(text)
    return found


async def test_the_first_start_declares_production_and_staging_and_the_trail_tells_of_it(service: Service) -> None:
    assert await listed(service) == {"production": ("PRODUCTION", "DECLARED"), "staging": ("STAGING", "DECLARED")}
    told = [each for each in await service.trail() if each["event_type"] == "environment_changed"]
    assert [(each["resource"]["id"], each["actor"]["id"]) for each in told] == [("production", "system"), ("staging", "system")]


# Who may: by the stage that the environment is to have, or has when it is retired.


@pytest.mark.parametrize("stage", [each.name for each in Stage])
async def test_an_administrator_decides_about_production_and_risk_or_compliance_about_what_is_lower(
    service: Service, stage: str
) -> None:
    await service.enrol(COLIN)
    able, barred = ([ADA], [RITA, COLIN]) if stage == "PRODUCTION" else ([RITA, COLIN], [ADA])
    needs = ["ADMIN"] if stage == "PRODUCTION" else ["RISK_MANAGER", "COMPLIANCE_OFFICER"]
    for who in barred:
        refused = await refusal(service, "declareEnvironment", who, name="lab", stage=stage)
        assert (refused["code"], refused["needs"]) == ("FORBIDDEN", needs)
    for number, who in enumerate(able):
        name = f"lab-{number}"
        await service.do("declareEnvironment", who, name=name, stage=stage)
        for other in barred:
            for mutation, said in (("updateEnvironment", {"description": "Mine."}), ("retireEnvironment", {"reason": "Out."})):
                assert (await refusal(service, mutation, other, name=name, **said))["code"] == "FORBIDDEN"
        await service.do("updateEnvironment", who, name=name, description="Where it is hot.")
        await service.do("retireEnvironment", who, name=name, reason="It moved.")
        assert (await listed(service))[name] == (stage, "RETIRED")


@pytest.mark.parametrize("lower", LOWER)
async def test_an_administrator_raises_to_production_and_cannot_lower_again(service: Service, lower: str) -> None:
    await service.enrol(COLIN)
    await declare(service, "lab", stage=lower)
    assert (await refusal(service, "updateEnvironment", RITA, name="lab", stage="PRODUCTION"))["needs"] == ["ADMIN"]
    await service.do("updateEnvironment", ADA, name="lab", stage="PRODUCTION")
    assert (await refusal(service, "updateEnvironment", ADA, name="lab", stage=lower))["code"] == "FORBIDDEN"
    await service.do("updateEnvironment", COLIN, name="lab", stage=lower)
    assert await stage_of(service, "lab") == lower


async def test_an_administrator_moves_nothing_between_the_lower_stages(service: Service) -> None:
    for stage in ("DEVELOPMENT", "TEST"):
        assert (await refusal(service, "updateEnvironment", ADA, name="staging", stage=stage))["code"] == "FORBIDDEN"
        await service.do("updateEnvironment", RITA, name="staging", stage=stage)
        await service.do("updateEnvironment", RITA, name="staging", stage="STAGING")


# How environments are declared, changed and retired


@pytest.mark.parametrize(
    "said", [{"name": ""}, {"name": "Lab"}, {"name": "a b"}, {"name": "x" * 201}, {"description": "x" * 20_001}]
)
async def test_a_bad_name_or_a_huge_text_is_refused(service: Service, said: dict[str, Any]) -> None:
    refused = await refusal(service, "declareEnvironment", RITA, **{"name": "lab", "stage": "TEST"} | said)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"input.{next(iter(said))}")


async def test_a_name_is_declared_once_for_good(service: Service) -> None:
    await declare(service, "lab", stage="TEST")
    for _ in range(2):
        refused = await refusal(service, "declareEnvironment", ADA, name="lab", stage="PRODUCTION")
        assert (refused["code"], refused["key"]) == ("CONFLICT", "lab")
        if await stage_of(service, "lab") == "TEST" and (await listed(service))["lab"][1] == "DECLARED":
            await service.do("retireEnvironment", RITA, name="lab", reason="It moved.")
    for mutation, said in (("updateEnvironment", {"stage": "STAGING"}), ("retireEnvironment", {"reason": "Again."})):
        refused = await refusal(service, mutation, RITA, name="lab", **said)
        assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "RETIRED", ["DECLARED"])


async def test_an_update_that_changes_nothing_or_is_stale_or_names_nobody_is_refused(service: Service) -> None:
    await declare(service, "lab", stage="TEST")
    for said in ({}, {"stage": "TEST"}, {"stage": None, "description": None}):
        refused = await refusal(service, "updateEnvironment", RITA, name="lab", **said)
        assert refused["code"] == "INVALID_INPUT"
    for mutation, said in (("updateEnvironment", {"description": "It."}), ("retireEnvironment", {"reason": "Out."})):
        refused = await refusal(service, mutation, RITA, name="lab", expectedRevision=7, **said)
        assert (refused["code"], refused["key"]) == ("CONFLICT", "lab")
        assert (await refusal(service, mutation, RITA, name="nowhere", **said))["code"] == "NOT_FOUND"


async def test_it_shows_what_runs_there_and_what_was_asked_for_it(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0")
    change_id = await deployed(service, **STAGED, targetVersion="0.1.0")
    query = """{ environment(name: "staging") {
        declarer { userId } running(first: 5) { nodes { version } } deployments(first: 5) { nodes { version active } }
        changeRequests(first: 5) { nodes { changeId } } } }"""
    assert (await service.ask(query))["environment"] == {
        "declarer": None, "running": {"nodes": [{"version": "0.1.0"}]},
        "deployments": {"nodes": [{"version": "0.1.0", "active": True}]}, "changeRequests": {"nodes": [{"changeId": change_id}]},
    }  # fmt: skip


async def test_it_is_not_retired_while_something_runs_or_is_in_progress_there(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0", "0.2.0")
    first = await approved_change(service, **STAGED, targetVersion="0.1.0")
    await step(service, "startDeployment", DORA, first)
    out = {"name": "staging", "reason": "It moved."}
    refused = await refusal(service, "retireEnvironment", RITA, **out)
    assert (refused["code"], refused["problem"]) == ("INVALID_STATE", f"{first} is in progress there")
    await step(service, "completeDeployment", DORA, first, success=True)
    refused = await refusal(service, "retireEnvironment", RITA, **out)
    assert (refused["code"], refused["problem"]) == ("INVALID_STATE", "summaries/0.1.0 runs there")
    waiting = await approved_change(service, **STAGED, targetVersion="0.2.0")
    back = await rollback_of(service, first)
    await approve(service, back)
    await carry_out(service, back)
    later = await ask_for(service, **STAGED, targetVersion="0.2.0")
    await service.do("retireEnvironment", RITA, **out)
    refused = await refusal(service, "startDeployment", DORA, changeId=waiting)
    assert (refused["code"], refused["problem"]) == ("INVALID_STATE", "the environment staging was retired")
    refused = await refusal(service, "submitChangeForReview", DORA, changeId=later)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.environment")


async def test_a_failed_change_is_not_rolled_back_where_the_environment_was_retired(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0")
    failed = await approved_change(service, **STAGED, targetVersion="0.1.0")
    await carry_out(service, failed, success=False)
    await service.do("retireEnvironment", RITA, name="staging", reason="It moved.")
    refused = await refusal(service, "rollbackChange", DORA, changeId=failed, reason="To be sure.")
    assert (refused["code"], refused["problem"]) == ("INVALID_STATE", "the environment staging was retired")


async def test_of_a_retirement_and_a_start_at_once_one_is_done(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0")
    change_id = await approved_change(service, **STAGED, targetVersion="0.1.0")
    answers = await asyncio.gather(
        service.post(
            "mutation($it: StartDeploymentInput!) { startDeployment(input: $it) { receipt { seq } } }",
            {"it": {"changeId": change_id}}, DORA,
        ),
        service.post(
            "mutation($it: RetireEnvironmentInput!) { retireEnvironment(input: $it) { receipt { seq } } }",
            {"it": {"name": "staging", "reason": "It moved."}}, RITA,
        ),
    )  # fmt: skip
    codes = [[error["extensions"]["code"] for error in each.json().get("errors", ())] for each in answers]
    assert sorted(codes) == [[], ["INVALID_STATE"]]


# Changes name a declared environment


async def test_a_change_names_a_declared_environment_and_the_refusal_lists_ten_at_most(service: Service) -> None:
    await service.enrol(DORA)
    await experiments(service, "0.1.0")
    place = PLAN | {"modelId": "summaries", "targetVersion": "0.1.0"}
    refused = await service.refused("createChangeRequest", DORA, **place, environment="prod")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.environment")
    answer = (await service.post(
        "mutation($it: CreateChangeRequestInput!) { createChangeRequest(input: $it) { receipt { seq } } }",
        {"it": place | {"environment": "prod"}}, DORA,
    )).json()  # fmt: skip
    message = answer["errors"][0]["message"]
    assert "declareEnvironment" in message and "production, staging" in message and "more" not in message
    await declare(service, *(f"a{number:02}" for number in range(NAMED)))
    draft = await ask_for(service, **place, environment="staging")
    answer = (await service.post(
        "mutation($it: UpdateChangeRequestInput!) { updateChangeRequest(input: $it) { receipt { seq } } }",
        {"it": {"changeId": draft, "environment": "prod"}}, DORA,
    )).json()  # fmt: skip
    (error,) = answer["errors"]
    assert error["extensions"]["path"] == "input.environment"
    assert "a09, 2 more" in error["message"] and "production" not in error["message"]


async def test_an_artefact_is_asked_about_in_a_declared_environment(service: Service) -> None:
    query = 'query($place: String!) { eligibility(sha256: "%s", environment: $place) { eligible } }' % ("0f" * 32)
    assert (await service.ask(query, place="staging"))["eligibility"] == {"eligible": False}
    refused = await service.refusal(query, place="prod")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "environment")


# Rules go by the stage


async def test_an_experiment_runs_in_no_environment_of_stage_production_whatever_its_name(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0")
    await service.do("declareEnvironment", ADA, name="staging-eu", stage="PRODUCTION")
    barred = await approved_change(service, modelId="summaries", targetVersion="0.1.0", environment="staging-eu")
    refused = await refusal(service, "startDeployment", DORA, changeId=barred)
    assert (refused["code"], refused["problem"]) == ("POLICY_BLOCKED", "it is in TIER_4_EXPERIMENTAL")
    await service.do("updateEnvironment", RITA, name="production", stage="TEST")
    await deployed(service, modelId="summaries", targetVersion="0.1.0", environment="production")
    assert await runs(service, "production", "summaries") == "0.1.0"


@pytest.mark.parametrize("stage", LOWER[:2])
async def test_what_is_tried_in_development_and_test_needs_no_approvals_but_is_on_record(service: Service, stage: str) -> None:
    """A draft without papers runs there; its own status and eligibility stay as they are."""
    await service.enrol(DORA, TOM)
    await register(service)
    await declare(service, "lab", stage=stage)
    change_id = await deployed(service, environment="lab")
    assert await runs(service, "lab") == BOT["version"]
    kept = await kept_eligibility(service, change_id)
    assert (kept["eligible"], kept["stages"], kept["status"]) == (True, [stage.lower()], "draft")
    assert kept["required_approvals"] == kept["violations"] == []
    found = await read(service, "status eligibility { eligible stages missingApprovals { role } violations { policyId } }")
    assert (found["status"], found["eligibility"]["eligible"]) == ("DRAFT", False)
    assert found["eligibility"]["stages"] == ["STAGING", "PRODUCTION"]
    assert found["eligibility"]["missingApprovals"] and found["eligibility"]["violations"]


@pytest.mark.parametrize("stage", LOWER[:2])
async def test_holds_incidents_and_retirement_stop_it_there_too(service: Service, stage: str) -> None:
    await service.enrol(DORA, TOM)
    await register(service)
    await declare(service, "lab", stage=stage)
    change_id = await approved_change(service, environment="lab")
    hold = (await service.do("placeHold", CAROL, "hold { holdId }", **BOT, reason="Complaints."))["hold"]
    refused = await refusal(service, "startDeployment", DORA, changeId=change_id)
    assert (refused["code"], len(refused["eligibility"]["holds"])) == ("POLICY_BLOCKED", 1)
    await service.do("liftHold", CAROL, **BOT, **hold, reason="Settled.")
    incident = await service.do("openIncident", CAROL, "incident { incidentId }", **BOT, severity="CRITICAL", title="A leak")
    refused = await refusal(service, "startDeployment", DORA, changeId=change_id)
    assert (refused["code"], len(refused["eligibility"]["blockingIncidents"])) == ("POLICY_BLOCKED", 1)
    await service.do("resolveIncident", RITA, **incident["incident"], text="It was none.")
    await service.do("retireModelVersion", ALICE, **BOT, reason="A leak.")
    assert (await refusal(service, "startDeployment", DORA, changeId=change_id))["code"] == "POLICY_BLOCKED"


@pytest.mark.parametrize("environment", ["staging", "production"])
async def test_in_staging_and_production_every_default_policy_binds(service: Service, environment: str) -> None:
    await service.enrol(DORA, TOM)
    await approved(service)  # without papers
    change_id = await approved_change(service, environment=environment)
    refused = await refusal(service, "startDeployment", DORA, changeId=change_id)
    assert refused["code"] == "POLICY_BLOCKED" and refused["eligibility"]["violations"]
    assert refused["eligibility"]["stages"] == [environment.upper()]


async def test_a_policy_stands_in_the_way_in_the_stages_that_it_binds_and_in_no_other(service: Service) -> None:
    await service.enrol(DORA, TOM, COLIN)
    await service.do("createPolicy", RITA, **DRILLS | {"requiredRoles": []}, stages=["PRODUCTION", "TEST"])
    await eligible(service)
    await declare(service, "lab", stage="TEST")
    await declare(service, "shed", stage="DEVELOPMENT")
    started = {}
    for environment in ("lab", "shed", "staging", "production"):
        change_id = await approved_change(service, environment=environment)
        answer = await service.post(
            "mutation($it: StartDeploymentInput!) { startDeployment(input: $it) { receipt { seq } } }",
            {"it": {"changeId": change_id}}, DORA,
        )  # fmt: skip
        started[environment] = "errors" not in answer.json()
    assert started == {"lab": False, "shed": True, "staging": True, "production": False}
    (violation,) = (await read(service, "eligibility { violations { requirementId } }"))["eligibility"]["violations"]
    assert violation == {"requirementId": "POL-005.drill"}


async def test_a_policy_for_trials_alone_does_not_enter_the_standing_and_a_waiver_excepts_from_it(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await service.do("createPolicy", RITA, **DRILLS | {"requiredRoles": []}, stages=["TEST"])
    await eligible(service)
    asked = "status eligibility { eligible } standing { violations }"
    found = await read(service, asked)
    assert (found["status"], found["eligibility"]["eligible"], found["standing"]["violations"]) == ("APPROVED", True, [])
    await declare(service, "lab", stage="TEST")
    change_id = await approved_change(service, environment="lab")
    refused = await refusal(service, "startDeployment", DORA, changeId=change_id)
    assert [each["requirementId"] for each in refused["eligibility"]["violations"]] == ["POL-005.drill"]
    ends = "2026-03-20T00:00:00Z"
    await service.do(
        "grantWaiver", RITA, **BOT, requirementId="POL-005.drill", rationale="The next drill is in April.", expiresAt=ends
    )
    await carry_out(service, change_id)
    assert [each["finding"]["requirement_id"] for each in (await kept_eligibility(service, change_id))["waived"]] == [
        "POL-005.drill"
    ]


async def test_where_a_role_is_required_in_test_a_draft_waits_for_it(service: Service) -> None:
    await service.enrol(DORA, TOM, COLIN)
    await service.do("createPolicy", RITA, **DRILLS | {"requirements": []}, stages=["TEST", "STAGING"])
    await register(service)
    await declare(service, "lab", stage="TEST")
    change_id = await approved_change(service, environment="lab")
    refused = await refusal(service, "startDeployment", DORA, changeId=change_id)
    missing = [each["role"] for each in refused["eligibility"]["missingApprovals"]]
    assert sorted(missing) == ["COMPLIANCE_OFFICER", "ETHICS_REVIEWER"]
    await submit(service)
    for who in (COLIN, CAROL):
        await service.do("submitApproval", who, **BOT, verdict="APPROVED", comments="It was drilled.")
    assert (await read(service, "status"))["status"] == "PENDING_APPROVAL"
    await carry_out(service, change_id)
    assert await runs(service, "lab") == BOT["version"]


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"stages": []}, "stages"), ({"stages": ["TEST", "TEST"]}, "stages"),
        ({"stages": ["DEVELOPMENT", "TEST"]}, "requiredRoles"),  # nobody would ever be asked
    ],
)  # fmt: skip
async def test_a_policy_binds_one_stage_or_more_each_once(service: Service, said: dict[str, Any], path: str) -> None:
    refused = await refusal(service, "createPolicy", RITA, **DRILLS | said)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"input.{path}")
    await service.do("createPolicy", RITA, **DRILLS)
    refused = await refusal(service, "revisePolicy", RITA, policyId="POL-005", **said)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"input.{path}")


async def test_a_policy_binds_staging_and_production_unless_it_says_otherwise(service: Service) -> None:
    selected = "policy { content { stages } }"
    made = await service.do("createPolicy", RITA, selected, **DRILLS)
    assert made["policy"]["content"]["stages"] == ["STAGING", "PRODUCTION"]
    same = await refusal(service, "revisePolicy", RITA, policyId="POL-005", stages=["PRODUCTION", "STAGING"])
    assert same["code"] == "INVALID_INPUT"
    told = await service.do("revisePolicy", RITA, selected, policyId="POL-005", stages=["PRODUCTION", "TEST"])
    assert told["policy"]["content"]["stages"] == ["TEST", "PRODUCTION"]
    kept = await service.do("revisePolicy", RITA, selected, policyId="POL-005", name="Fire drills")
    assert kept["policy"]["content"]["stages"] == ["TEST", "PRODUCTION"]


@pytest.mark.tampers
async def test_a_policy_of_before_there_were_stages_reads_with_the_default_under_its_digest(service: Service) -> None:
    """The text of a revision stays as it was kept: what binds a submitted version is found by its digest."""
    policies, contents = service.database.collection("policies"), service.database.collection("contents")
    (raw,) = await policies.find({"policy_id": "POL-001"}).to_list(None)
    (kept,) = await contents.find({"digest": raw["revisions"][-1]["digest"]}).to_list(None)
    text = json.loads(kept["canonical"])
    old = PolicyContent.model_validate({name: value for name, value in text.items() if name != "stages"})
    assert old == PolicyContent.model_validate(text)
    await policies.update_one({"policy_id": "POL-001"}, {"$unset": {"content.stages": ""}})
    with service.database.bound():
        policy = await Policy.require("POL-001")
    assert policy.content.stages == (Stage.STAGING, Stage.PRODUCTION)
    assert (await service.refused("revisePolicy", RITA, policyId="POL-001", name=text["name"]))["code"] == "INVALID_INPUT"
    query = '{ policy(policyId: "POL-001") { content { stages } revisions { digest says { stages } } } }'
    found = (await service.ask(query))["policy"]
    assert found["content"]["stages"] == found["revisions"][0]["says"]["stages"] == ["STAGING", "PRODUCTION"]
    assert found["revisions"][0]["digest"] == raw["revisions"][-1]["digest"]
    await service.do("revisePolicy", RITA, policyId="POL-001", stages=["PRODUCTION"])


# The stage of an environment that is in use


async def test_what_was_never_approved_does_not_come_to_production_by_raising_the_stage(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await register(service)
    await declare(service, "lab", stage="DEVELOPMENT")
    await deployed(service, environment="lab")
    for by, stage in ((RITA, "STAGING"), (ADA, "PRODUCTION")):
        refused = await refusal(service, "updateEnvironment", by, name="lab", stage=stage)
        assert refused["code"] == "INVALID_STATE" and "support-assistant/1.0.0" in refused["problem"]
    await service.do("updateEnvironment", RITA, name="lab", stage="TEST")


async def test_an_experiment_does_not_come_to_production_by_raising_the_stage(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0")
    await deployed(service, **STAGED, targetVersion="0.1.0")
    refused = await refusal(service, "updateEnvironment", ADA, name="staging", stage="PRODUCTION")
    assert refused["code"] == "INVALID_STATE" and "TIER_4_EXPERIMENTAL" in refused["problem"]


async def test_what_is_eligible_stays_where_the_stage_is_raised(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await eligible(service)
    await declare(service, "lab", stage="DEVELOPMENT")
    await deployed(service, environment="lab")
    await service.do("updateEnvironment", ADA, name="lab", stage="PRODUCTION")
    assert await stage_of(service, "lab") == "PRODUCTION"


async def test_the_stage_stays_while_a_change_is_in_progress_there(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await register(service)
    await declare(service, "lab", stage="TEST")
    change_id = await approved_change(service, environment="lab")
    await step(service, "startDeployment", DORA, change_id)
    for by, stage in ((ADA, "PRODUCTION"), (RITA, "DEVELOPMENT")):
        refused = await refusal(service, "updateEnvironment", by, name="lab", stage=stage)
        assert (refused["code"], refused["problem"]) == ("INVALID_STATE", f"{change_id} is in progress there")
    await service.do("updateEnvironment", RITA, name="lab", description="It is hot.")


async def test_what_runs_in_production_is_not_made_an_experiment(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await eligible(service)
    experiment = BOT | {"tier": "TIER_4_EXPERIMENTAL", "rationale": "Nobody needs to look at it."}
    change_id = await approved_change(service)
    await step(service, "startDeployment", DORA, change_id)
    refused = await refusal(service, "setRiskTier", RITA, **experiment)
    assert refused["code"] == "INVALID_STATE" and "production" in refused["problem"]
    await step(service, "completeDeployment", DORA, change_id, success=True)
    assert (await refusal(service, "setRiskTier", RITA, **experiment))["code"] == "INVALID_STATE"
    await service.do("setRiskTier", RITA, **experiment | {"tier": "TIER_3_STANDARD"})
    await carry_out(service, await approved_change(service, changeType="DECOMMISSION", targetVersion=None))
    await service.do("setRiskTier", RITA, **experiment)


async def test_what_runs_below_production_may_be_made_an_experiment(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await eligible(service)
    await deployed(service, environment="staging")
    await service.do("setRiskTier", RITA, **BOT, tier="TIER_4_EXPERIMENTAL", rationale="It is tried only.")


async def test_what_ran_in_a_lower_stage_does_not_come_back_to_a_higher_one_unless_it_is_eligible(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await declare(service, "lab", stage="TEST")
    await eligible(service)
    about = {each: REGISTRATION[each] for each in ("ownerId", "dataStewardId", "purpose", "useCases")}
    draft = BOT | {"version": "0.9.0"}
    await service.do("registerModelVersion", ALICE, **draft | about)
    await deployed(service, environment="lab", targetVersion="0.9.0")
    change_id = await deployed(service, environment="lab")
    back = await rollback_of(service, change_id)
    await approve(service, back)
    await service.do("updateEnvironment", ADA, name="lab", stage="PRODUCTION")
    refused = await service.refused("startDeployment", DORA, changeId=back)
    assert (refused["code"], refused["problem"]) == ("POLICY_BLOCKED", "it is not eligible")
    await service.do("cancelChange", ALICE, changeId=back, reason="Nothing goes back.")
    await carry_out(service, await approved_change(service, environment="lab", changeType="DECOMMISSION", targetVersion=None))
    await service.do("updateEnvironment", RITA, name="lab", stage="DEVELOPMENT")
    await deployed(service, environment="lab", changeType="ROLLBACK", targetVersion="0.9.0")


async def test_what_ran_in_a_stage_comes_back_to_it_though_it_ran_in_a_lower_one_since(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await eligible(service)
    await deployed(service, environment="staging")
    out: dict[str, Any] = {"environment": "staging", "changeType": "DECOMMISSION", "targetVersion": None}
    for stage in ("TEST", "STAGING"):
        await carry_out(service, await approved_change(service, **out))
        await service.do("updateEnvironment", RITA, name="staging", stage=stage)
        if stage == "TEST":
            await deployed(service, environment="staging")
    await service.do("updateModelVersion", **BOT, restrictions=["Not for health"])
    change_id = await deployed(service, environment="staging", changeType="ROLLBACK")
    assert (await look_at(service, change_id, "gate { basis }"))["gate"]["basis"] == "FORMER"
