"""The gate: what may start, and on which ground; as a table that was written by hand, and over HTTP."""

from itertools import product
from typing import Any

import pytest

from documents.access import SYSTEM, GovernanceRole
from documents.changes.gate import Blocked, Former, Passed, Start, gate
from documents.changes.parts import GateBasis
from documents.changes.plan import ChangeType
from documents.eligibility.answer import BlockingIncident, Eligibility, Finding, Remedy, RequiredApproval, StandingHold
from documents.risk.scales import RiskTier
from documents.stages import Stage
from documents.versions.approvals import ApprovalStatus
from documents.versions.holds import Hold
from documents.versions.lifecycle import VersionStatus
from tests.examples import BOT, EXPERIMENT, REGISTRATION, decide, document, eligible, read, register, submit
from tests.gate_by_hand import RELATIONS, STATES, Cell, ground
from tests.operations import (
    BEA,
    DORA,
    PLAN,
    TOM,
    approve,
    approved_change,
    ask_for,
    carry_out,
    declare,
    deployed,
    look_at,
    runs,
    step,
)
from tests.service import ALICE, CAROL, DAVID, NOW, RITA, Service

REMEDY = Remedy(mutation="submitApproval", arguments={}, permitted=())
LACKING = RequiredApproval(
    role=GovernanceRole.MODEL_OWNER, policies=("POL-001",), status=ApprovalStatus.STALE, decision=None, candidate_ids=(),
    remedy=REMEDY,
)  # fmt: skip
UNMET = Finding(policy_id="P", policy_name="P", requirement_id="P.x", title="X", reason="It is not.", remedy=REMEDY)
HELD = StandingHold(hold=Hold.place(GovernanceRole.ETHICS_REVIEWER, "Complaints.", SYSTEM, NOW), remedy=REMEDY)
CRITICAL = BlockingIncident(incident_id="INC-1", remedy=REMEDY)

# A version in each state in which the gate may meet it, and what keeps it from being eligible where policies bind.
JUDGED: dict[str, dict[str, Any]] = {
    "eligible": {},
    "waived": {},
    "stale": {"status": VersionStatus.PENDING_APPROVAL, "missing_approvals": (LACKING,)},
    "expired": {"status": VersionStatus.PENDING_APPROVAL, "missing_approvals": (LACKING,)},
    "violating": {"violations": (UNMET,)},
    "withdrawn": {"status": VersionStatus.PENDING_APPROVAL, "missing_approvals": (LACKING,)},
    "rejected": {"status": VersionStatus.REJECTED, "missing_approvals": (LACKING,)},
    "held": {"holds": (HELD,)},
    "critical incident": {"blocking_incidents": (CRITICAL,)},
    "retired": {"status": VersionStatus.RETIRED},
    "tier 4": {"tier": RiskTier.TIER_4_EXPERIMENTAL},
    "swapped artefacts": {"status": VersionStatus.PENDING_APPROVAL, "missing_approvals": (LACKING,)},
}
ASKED_BY_POLICIES = ("missing_approvals", "violations")


def judged(state: str, bound: bool = True, **more: Any) -> Eligibility:
    """How a version in that state is judged; `bound` says whether policies bind the stage that it is judged for."""
    says: dict[str, Any] = {"tier": RiskTier.TIER_2_IMPORTANT, "status": VersionStatus.APPROVED} | JUDGED[state] | more
    says |= {} if bound else dict.fromkeys(ASKED_BY_POLICIES, ())
    listed = Eligibility.model_fields.keys() - says.keys() - {"next_round"}
    empty: dict[str, Any] = dict.fromkeys(listed, ())
    stops = any(says.get(each) for each in ("violations", "holds", "blocking_incidents"))
    cleared = says["status"] is VersionStatus.APPROVED if bound else says["status"] is not VersionStatus.RETIRED
    return Eligibility(**empty | says | {"eligible": cleared and not stops})


def start(cell: Cell, bound: bool = True, mitigates: frozenset[str] = frozenset(), **more: Any) -> Start:
    ran = cell.relation in {"former", "same"}
    return Start(
        change_type=cell.kind, stage=cell.place, keeps=cell.relation == "same", mitigates=mitigates,
        target=None if cell.kind is ChangeType.DECOMMISSION else judged(cell.state, bound, **more),
        former=Former(unchanged=cell.state != "swapped artefacts") if ran else None,
        refused=(GovernanceRole.MODEL_OWNER,) if cell.state == "withdrawn" else (),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ChangeType)
def test_every_change_of_every_version_starts_on_the_ground_of_the_table_or_not_at_all(kind: ChangeType) -> None:
    for state, relation, place, bound in product(STATES, RELATIONS, Stage, (True, False)):
        cell = Cell(kind, state, relation, place)
        answer = gate(start(cell, bound))
        assert (answer.basis.name if isinstance(answer, Passed) else None) == ground(cell, bound), (str(cell), bound, answer)


@pytest.mark.parametrize("kind", ChangeType)
def test_taking_out_always_passes(kind: ChangeType) -> None:
    for place in Stage:
        assert gate(Start(kind, place, None)) == Passed(GateBasis.OUT)


NAMED = frozenset({HELD.hold.hold_id, "INC-1"})


@pytest.mark.parametrize("state", STATES)
def test_a_mitigation_passes_only_where_nothing_else_stands_in_the_way(state: str) -> None:
    keeps = Cell(ChangeType.CONFIG_CHANGE, state, "same", Stage.PRODUCTION)
    answer = gate(start(keeps, mitigates=NAMED))
    if state in {"held", "critical incident"}:
        assert isinstance(answer, Passed) and answer.basis.name == "MITIGATION" and set(answer.lacks) <= NAMED
        other = gate(start(keeps, mitigates=frozenset({"INC-2"})))
        assert isinstance(other, Blocked) and "does not mitigate" in other.problem
        brings = Cell(ChangeType.MODEL_UPDATE, state, "other", Stage.PRODUCTION)
        assert isinstance(gate(start(brings, mitigates=NAMED)), Blocked)
    else:
        assert isinstance(answer, Passed) is (ground(keeps, bound=True) is not None)


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize("state", STATES)
def test_a_mitigation_of_a_hold_asks_no_more_than_the_policies_that_bind_the_stage(state: str, bound: bool) -> None:
    keeps = Cell(ChangeType.CONFIG_CHANGE, state, "same", Stage.TEST)
    answer = gate(start(keeps, bound, NAMED, holds=(HELD,)))
    alone = ground(keeps, bound) is not None or state in {"held", "critical incident"}
    assert (answer.basis.name if isinstance(answer, Passed) else None) == ("MITIGATION" if alone else None), answer


WEIGHTS = {"kind": "WEIGHTS", "uri": "https://files.example.org/bot.safetensors", "sha256": "a" * 64, "size": 10}
PROMPT = {"kind": "PROMPT", "uri": "https://files.example.org/prompt.txt", "sha256": "b" * 64, "size": 10}
KEEPING = ("CONFIG_CHANGE", "PROMPT_UPDATE", "INFRASTRUCTURE")


@pytest.fixture
async def running(service: Service) -> Service:
    """A service of which the first version runs in production."""
    await service.enrol(DORA, TOM, BEA)
    await eligible(service)
    await deployed(service)
    return service


async def gate_of(service: Service, change_id: str) -> Any:
    select = "gate { basis lacks eligibilityContent { canonical } }"
    return (await look_at(service, change_id, select))["gate"]


@pytest.mark.parametrize("kind", KEEPING)
async def test_what_keeps_the_version_needs_it_to_be_eligible_now(running: Service, kind: str) -> None:
    change = await approved_change(running, changeType=kind, targetVersion=None)
    assert (await look_at(running, change, "plan { targetVersion }"))["plan"] == {"targetVersion": BOT["version"]}
    await running.do("placeHold", CAROL, **BOT, reason="Complaints.")
    before = await running.state()
    refused = await running.refused("startDeployment", DORA, changeId=change)
    assert (refused["code"], refused["eligibility"]["eligible"]) == ("POLICY_BLOCKED", False)
    assert await running.state() == before
    (hold,) = (await read(running, "holds { holdId }"))["holds"]
    await running.do("liftHold", CAROL, **BOT, **hold, reason="Looked at.")
    await carry_out(running, change)
    kept = await gate_of(running, change)
    assert (kept["basis"], kept["lacks"]) == ("ELIGIBLE", []) and '"eligible":true' in kept["eligibilityContent"]["canonical"]


async def test_a_change_that_mitigates_a_hold_passes_with_the_approval_of_its_role(running: Service) -> None:
    await running.do("placeHold", CAROL, **BOT, reason="Complaints.")
    (hold,) = (await read(running, "holds { holdId }"))["holds"]
    change = await ask_for(running, changeType="CONFIG_CHANGE", targetVersion=None, mitigates=[hold])
    asked = await look_at(running, change, "riskLevel requiredApprovals { role } plan { mitigates { holdId role } }")
    assert asked["riskLevel"] == "CRITICAL" and asked["plan"] == {"mitigates": [hold | {"role": "ETHICS_REVIEWER"}]}
    roles = [each["role"] for each in asked["requiredApprovals"]]
    assert roles == ["MODEL_OWNER", "TECH_LEAD", "SECURITY_REVIEWER", "BUSINESS_OWNER", "RISK_MANAGER", "ETHICS_REVIEWER"]
    await approve(running, change)
    await running.do("openIncident", CAROL, **BOT, severity="CRITICAL", title="It insults people.")
    assert (await running.refused("startDeployment", DORA, changeId=change))["code"] == "POLICY_BLOCKED"  # it is not named
    (incident,) = (await read(running, "eligibility { blockingIncidents { incidentId } }"))["eligibility"]["blockingIncidents"]
    await running.do("resolveIncident", RITA, **incident, text="It was turned off.")
    await carry_out(running, change)
    kept = await gate_of(running, change)
    assert (kept["basis"], kept["lacks"]) == ("MITIGATION", [hold["holdId"]])


async def test_a_held_draft_on_trial_is_mitigated_without_the_approvals_that_nobody_asks_for_there(
    service: Service,
) -> None:
    await service.enrol(DORA, TOM, BEA)
    await register(service)
    await declare(service, "lab", stage="TEST")
    await deployed(service, environment="lab")
    hold = (await service.do("placeHold", CAROL, "hold { holdId }", **BOT, reason="Complaints."))["hold"]
    change = await approved_change(service, environment="lab", changeType="CONFIG_CHANGE", targetVersion=None, mitigates=[hold])
    await carry_out(service, change)
    kept = await gate_of(service, change)
    assert (kept["basis"], kept["lacks"]) == ("MITIGATION", [hold["holdId"]])


async def test_a_change_mitigates_only_what_stands_against_the_version_that_runs(running: Service) -> None:
    await running.do("placeHold", CAROL, **BOT, reason="Complaints.")
    (hold,) = (await read(running, "holds { holdId }"))["holds"]
    await running.do("liftHold", CAROL, **BOT, **hold, reason="Looked at.")
    plan = PLAN | {"changeType": "CONFIG_CHANGE"}
    for each in (hold, {"holdId": "HLD-1"}, {"incidentId": "INC-1"}):
        refused = await running.refused("createChangeRequest", DORA, **plan, mitigates=[each])
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.mitigates.0")


@pytest.mark.parametrize("kind", ["DECOMMISSION", "EMERGENCY"])
async def test_a_version_is_taken_out_whatever_stands_against_it(running: Service, kind: str) -> None:
    await running.do("placeHold", CAROL, **BOT, reason="Complaints.")
    change = await approved_change(running, changeType=kind, targetVersion=None)
    await carry_out(running, change)
    kept = await gate_of(running, change)
    assert kept["basis"] == "OUT" and '"eligible":false' in kept["eligibilityContent"]["canonical"]
    assert await runs(running) is None
    refused = await running.refused("createChangeRequest", DORA, **PLAN | {"changeType": kind, "targetVersion": None})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.targetVersion")  # nothing runs there


async def made_of(service: Service, *artifacts: Any) -> None:
    """An eligible version that lists these artefacts."""
    await service.enrol(DORA, TOM, BEA)
    await register(service)
    await service.do("updateModelVersion", **BOT, artifacts=artifacts)
    await document(service)
    await submit(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)


async def amended(service: Service, **said: Any) -> dict[str, Any]:
    return await service.refused("updateModelVersion", **BOT, **said)


async def test_what_was_deployed_is_swapped_for_nothing_else(service: Service) -> None:
    await made_of(service, PROMPT)
    await deployed(service)
    await service.do("updateModelVersion", **BOT, artifacts=[PROMPT], restrictions=["Not for health"])  # it stays
    origin = {"relation": "FINE_TUNED_FROM", "on": {"external": {"name": "Base"}}}
    for said in ({"artifacts": [WEIGHTS]}, {"dependsOn": [origin]}):
        before = await service.state()
        refused = await amended(service, **said)
        assert refused["code"] == "INVALID_STATE" and "registerModelVersion" in refused["problem"], refused
        assert await service.state() == before
    judge = {"relation": "EVALUATED_BY", "on": {"external": {"name": "Judge"}}}
    assert (await amended(service, dependsOn=[judge]))["path"] == "input.reason"
    await service.do("updateModelVersion", **BOT, dependsOn=[judge], reason="It is measured by another.")
    event = await service.last()
    assert event["details"]["facts"] == {"reason": "It is measured by another."}
    assert {each["status"] for each in (await read(service, "approvals { status }"))["approvals"]} == {"STALE"}
    assert (await amended(service, dependsOn=[], reason="It is not."))["code"] == "INVALID_STATE"  # nothing is taken away
    taken_out = await approved_change(service, changeType="DECOMMISSION", targetVersion=None)
    await carry_out(service, taken_out)
    assert (await amended(service, artifacts=[WEIGHTS]))["code"] == "INVALID_STATE"  # it ran once


async def test_what_is_being_deployed_is_swapped_for_nothing_else(service: Service) -> None:
    await made_of(service, PROMPT)
    change = await approved_change(service)
    await step(service, "startDeployment", DORA, change)
    origin = {"relation": "FINE_TUNED_FROM", "on": {"external": {"name": "Base"}}}
    for said in ({"artifacts": [WEIGHTS]}, {"dependsOn": [origin]}):
        assert (await amended(service, **said))["code"] == "INVALID_STATE"
    await step(service, "completeDeployment", DORA, change, success=False)
    await service.do("updateModelVersion", **BOT, artifacts=[WEIGHTS])  # it never ran


async def test_a_listed_prompt_changes_with_the_version_only(service: Service) -> None:
    await made_of(service, PROMPT)
    await deployed(service)
    refused = await service.refused("createChangeRequest", DORA, **PLAN | {"changeType": "PROMPT_UPDATE"})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.targetVersion")
    assert "registerModelVersion" in refused["problem"]
    await ask_for(service, changeType="CONFIG_CHANGE")  # it lists no configuration
    about = {each: REGISTRATION[each] for each in ("ownerId", "dataStewardId", "purpose", "useCases")}
    await service.do("registerModelVersion", ALICE, **BOT | about | {"version": "1.1.0"})
    await ask_for(service, changeType="PROMPT_UPDATE", targetVersion="1.1.0")


async def test_a_deployment_says_what_it_put_there(service: Service) -> None:
    await made_of(service, WEIGHTS)
    await deployed(service)
    asked = "{ deployments(first: 1) { nodes { artifactDigests dossier { artifacts card } modelVersion { standing { dossier {"
    found = (await service.ask(asked + " artifacts card } } } } } }"))["deployments"]["nodes"][0]
    assert found["artifactDigests"] == ["a" * 64]
    assert found["dossier"] == found["modelVersion"]["standing"]["dossier"]


async def test_a_rollback_returns_to_what_ran_though_its_approvals_are_stale(running: Service) -> None:
    about = {each: REGISTRATION[each] for each in ("ownerId", "dataStewardId")}
    await running.do("registerModelVersion", ALICE, **BOT | about | EXPERIMENT | {"version": "1.1.0"})
    await running.do("submitForApproval", ALICE, **BOT | {"version": "1.1.0"})
    for version in (BOT["version"], "1.1.0"):
        await deployed(running, environment="staging", targetVersion=version)
    await running.do("updateModelVersion", **BOT, restrictions=["Not for health"])
    back = await approved_change(running, environment="staging", changeType="ROLLBACK")
    again = await approved_change(running, environment="staging", changeType="MODEL_UPDATE")
    assert (await running.refused("startDeployment", DORA, changeId=again))["code"] == "POLICY_BLOCKED"
    await step(running, "startDeployment", DORA, back)
    kept = await gate_of(running, back)
    assert kept["basis"] == "FORMER" and {"MODEL_OWNER", "ETHICS_REVIEWER", "SECURITY_REVIEWER"} <= {*kept["lacks"]}


async def test_a_rollback_to_what_runs_is_no_way_round_the_gate(running: Service) -> None:
    await running.do("updateModelVersion", **BOT, restrictions=["Not for health"])  # its approvals are stale
    refused = await running.refused("createChangeRequest", DORA, **PLAN | {"changeType": "ROLLBACK"})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.targetVersion")
    change_id = await ask_for(running, changeType="CONFIG_CHANGE")
    refused = await running.refused("updateChangeRequest", DORA, changeId=change_id, changeType="ROLLBACK")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.targetVersion")


async def test_a_rollback_returns_to_nothing_that_was_rejected_though_it_was_submitted_again(running: Service) -> None:
    about = {each: REGISTRATION[each] for each in ("ownerId", "dataStewardId")}
    await running.do("registerModelVersion", ALICE, **BOT | about | EXPERIMENT | {"version": "1.1.0"})
    await running.do("submitForApproval", ALICE, **BOT | {"version": "1.1.0"})
    for version in (BOT["version"], "1.1.0"):
        await deployed(running, environment="staging", targetVersion=version)
    await decide(running, CAROL, "REJECTED")
    await submit(running)
    back = await approved_change(running, environment="staging", changeType="ROLLBACK")
    refused = await running.refused("startDeployment", DORA, changeId=back)
    assert refused["code"] == "POLICY_BLOCKED" and "ETHICS_REVIEWER" in refused["problem"]
    await decide(running, CAROL)
    await step(running, "startDeployment", DORA, back)
    assert (await gate_of(running, back))["basis"] == "FORMER"
