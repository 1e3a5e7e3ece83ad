"""Cells of the gate's table over HTTP: every pair of change type, state, relation and stage, and every rollback that is governed.

Policies bind TEST, STAGING and PRODUCTION here, and nothing binds DEVELOPMENT.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from documents.changes.plan import ChangeType
from documents.stages import GOVERNED, Stage
from tests.changes_by_hand import LEVELS, ROLES
from tests.examples import (
    BOT,
    CARD,
    LEAKAGE,
    RATED,
    REGISTRATION,
    TICKETS,
    assess,
    attach,
    decide,
    register,
    save_card,
    save_datasheet,
    submit,
)
from tests.gate_by_hand import RELATIONS, STATES, UNMADE, UNPLANNED, Cell, ground, possible
from tests.operations import BEA, DORA, IMPACT, PLAN, TOM, WHO, ask_for, carry_out, declare
from tests.pairwise import pairs_of, pairwise
from tests.service import ADA, ALICE, CAROL, DAVID, NOW, RITA, Service, mutating
from tests.standings import misjudged
from tests.stored import Stored

EVERY = [each for each in map(Cell._make, product(ChangeType, STATES, RELATIONS, Stage)) if possible(each)]
PAIRS = pairwise(EVERY, costs=lambda each: each.change)
ROLLBACKS = [each for each in EVERY if each.kind is ChangeType.ROLLBACK and each.place in GOVERNED and each not in PAIRS]
"""Of a rollback, state, relation and stage decide together."""
EMERGENCIES = [
    each
    for each in EVERY
    if each.kind is ChangeType.EMERGENCY
    and each.place is Stage.PRODUCTION
    and each.relation in {"same", "other"}
    and each not in PAIRS
]
"""An emergency in PRODUCTION is where people would look for a way round."""
CELLS = [*PAIRS, *ROLLBACKS, *EMERGENCIES]

BOUND = (Stage.TEST, Stage.STAGING, Stage.PRODUCTION)
TARGETS = {"former": "1.0.0", "same": "1.1.0", "other": "1.2.0", "first": "1.2.0"}
"""In the environment of each stage 1.0.0 ran, and 1.1.0 runs. In a second one, and of 1.2.0, nothing ever ran."""
ACCESS = "POL-003.access-control"
EXPIRES = NOW + timedelta(days=20)

# What a refusal says of the version, by hand; of what comes back, the same without the statuses is kept with the pass.
MISSING: Mapping[str, dict[str, str]] = {
    "stale": dict.fromkeys(["MODEL_OWNER", "ETHICS_REVIEWER", "SECURITY_REVIEWER"], "STALE"),
    "swapped artefacts": dict.fromkeys(["MODEL_OWNER", "ETHICS_REVIEWER", "SECURITY_REVIEWER"], "STALE"),
    "expired": {"SECURITY_REVIEWER": "EXPIRED"},
    "withdrawn": {"ETHICS_REVIEWER": "WITHDRAWN"},
    "rejected": {"ETHICS_REVIEWER": "REJECTED"},
}
OTHERWISE: Mapping[str, set[str]] = {
    "violating": {ACCESS},
    "rejected": {"REJECTED"},
    "held": {"hold of ETHICS_REVIEWER"},
    "critical incident": {"critical incident"},
    "retired": {"RETIRED"},
    "tier 4": {"TIER_4_EXPERIMENTAL"},
}

Answer = tuple[str, set[str]]
"""The ground on which it started and what the version lacks, or the code of the refusal and what stands in the way."""


def by_hand(cell: Cell) -> Answer:
    basis, missing = ground(cell, bound=cell.place in BOUND), MISSING.get(cell.state, {})
    if basis is None:
        said = {f"{role} {status}" for role, status in missing.items() if cell.place in BOUND}
        return "POLICY_BLOCKED", said | OTHERWISE.get(cell.state, set())
    lacks = {*missing, *OTHERWISE.get(cell.state, ())}
    return basis, lacks if basis == "FORMER" else set()


def obstacles(eligibility: Mapping[str, Any]) -> set[str]:
    missing = {f"{each['role']} {each['status']}" for each in eligibility.get("missingApprovals", ())}
    holds = {f"hold of {each['hold']['role']}" for each in eligibility.get("holds", ())}
    unmet = {each["requirementId"] for each in eligibility.get("violations", ())}
    words = {eligibility["status"], eligibility["tier"]} & {"REJECTED", "RETIRED", "TIER_4_EXPERIMENTAL"}
    return missing | holds | unmet | words | {"critical incident" for _ in eligibility.get("blockingIncidents", ())}


@dataclass(frozen=True)
class Prepared:
    """A service in which every change that the cells need is approved, and every version is eligible."""

    service: Service
    stored: Stored
    changes: Mapping[tuple[ChangeType, str, Stage], str]
    waivers: Mapping[str, str]


def environment(relation: str, place: Stage) -> str:
    return f"new-{place.value}" if relation == "first" else place.value


async def papers(service: Service, **of: Any) -> str:
    """The version is approved with a waiver in the place of the evidence that one requirement asks for; the id of the waiver."""
    await save_card(service, **of)
    await service.do("linkDatasheet", **BOT | TICKETS | of)
    await assess(service, *RATED, LEAKAGE, **of)
    said = {"requirementId": ACCESS, "rationale": "It runs on one laptop.", "expiresAt": (NOW + timedelta(days=90)).isoformat()}
    waiver = (await service.do("grantWaiver", RITA, "waiver { waiverId }", **BOT | said | of))["waiver"]
    await submit(service, **of)
    for each in (CAROL, ALICE):
        await decide(service, each, **of)
    await decide(service, DAVID, **of, expiresAt=EXPIRES.isoformat())
    return str(waiver["waiverId"])


@pytest.fixture(scope="module")
async def prepared(server: str) -> AsyncIterator[Prepared]:
    service, waivers, changes = await Service.started(server), {}, {}
    with service.database.bound():
        await service.enrol(DORA, TOM, BEA)
        for policy in ("POL-001", "POL-002", "POL-003"):
            await service.do("revisePolicy", RITA, policyId=policy, stages=[each.name for each in BOUND])
        for place in (Stage.DEVELOPMENT, Stage.TEST):
            await declare(service, place.value, environment("first", place), stage=place.name)
        await declare(service, environment("first", Stage.STAGING))
        await service.do("declareEnvironment", ADA, name=environment("first", Stage.PRODUCTION), stage="PRODUCTION")
        await register(service)
        await save_datasheet(service)
        about = {each: REGISTRATION[each] for each in ("ownerId", "dataStewardId", "purpose", "useCases")}
        for version in dict.fromkeys(TARGETS.values()):
            if version != BOT["version"]:
                await service.do("registerModelVersion", ALICE, **BOT | about | {"version": version})
            waivers[version] = await papers(service, version=version)
        for place, relation in product(Stage, ("former", "same")):
            brings = await asked(service, ChangeType.CONFIG_CHANGE, relation, place)
            await carry_out(service, brings)
        for change in dict.fromkeys(each.change for each in CELLS):
            changes[change] = await asked(service, *change)
        yield Prepared(service, await service.stored(), changes, waivers)
    await service.close()


async def asked(service: Service, kind: ChangeType, relation: str, place: Stage) -> str:
    """The id of an approved change."""
    plan = PLAN | {
        "changeType": kind.name,
        "environment": environment(relation, place),
        "impact": IMPACT | {"testingRequired": []},
    }
    plan["targetVersion"] = None if kind is ChangeType.DECOMMISSION else TARGETS[relation]
    change_id = await ask_for(service, **plan)
    await service.do("submitChangeForReview", DORA, changeId=change_id)
    for role in sorted(ROLES[LEVELS[kind.value]]):
        await service.do("addChangeApproval", WHO[role.upper()], changeId=change_id, role=role.upper(), approved=True)
    return change_id


async def bring_into(state: str, version: str, prepared: Prepared) -> None:
    """What people do, or time does, by which a version comes into that state."""
    service, of = prepared.service, BOT | {"version": version}
    match state:
        case "eligible":
            await attach(service, version=version)
            revoked = {"waiverId": prepared.waivers[version], "reason": "It is proven now."}
            await service.do("revokeWaiver", RITA, **of, **revoked)
        case "stale":
            await save_card(service, version=version, card=CARD | {"license": "MIT"})
        case "expired":
            service.now = EXPIRES
        case "violating":
            await service.do("revokeWaiver", RITA, **of, waiverId=prepared.waivers[version], reason="It left the laptop.")
        case "withdrawn":
            await service.do("withdrawApproval", CAROL, **of, reason="Never mind.")
        case "rejected":
            await decide(service, CAROL, "REJECTED", version=version)
        case "held":
            await service.do("placeHold", CAROL, **of, reason="Complaints.")
        case "critical incident":
            await service.do("openIncident", CAROL, **of, severity="CRITICAL", title="It insults people.")
        case "tier 4":
            await service.do("setRiskTier", RITA, **of, tier="TIER_4_EXPERIMENTAL", rationale="It is an experiment.")
        case "retired" | "swapped artefacts":
            mutation, said = BROUGHT_BY[state]
            await service.do(mutation, ALICE, **of | said)


WEIGHTS = {"kind": "WEIGHTS", "uri": "https://files.example.org/other.safetensors", "sha256": "a" * 64, "size": 10}
BROUGHT_BY: Mapping[str, tuple[str, dict[str, Any]]] = {
    "retired": ("retireModelVersion", {"reason": "Nobody needs it."}),
    "swapped artefacts": ("updateModelVersion", {"artifacts": [WEIGHTS]}),
    "tier 4": ("setRiskTier", {"tier": "TIER_4_EXPERIMENTAL", "rationale": "It is a trial."}),
}
STARTING = mutating("startDeployment", "changeRequest { gate { basis lacks } }")


async def over_http(service: Service, change_id: str) -> Answer:
    """What the start of a change comes to; one that started fails at once, so that the next one finds what ran."""
    answer = (await service.post(STARTING, {"input": {"changeId": change_id}}, DORA)).json()
    if "errors" in answer:
        refused = answer["errors"][0]["extensions"]
        return refused["code"], obstacles(refused.get("eligibility", {}))
    await service.do("completeDeployment", DORA, changeId=change_id, success=False)
    kept = answer["data"]["startDeployment"]["changeRequest"]["gate"]
    return kept["basis"], {*kept["lacks"]}


@pytest.mark.exhaustive(together=True)  # what is prepared for one takes seconds
@pytest.mark.parametrize("state", STATES)
async def test_over_http_a_change_starts_on_the_ground_of_the_table_or_is_told_what_stands_in_its_way(
    prepared: Prepared, state: str
) -> None:
    service, cells = prepared.service, [each for each in CELLS if each.state == state]
    await service.restore(prepared.stored)
    for version in sorted({TARGETS[each.relation] for each in cells}):
        await bring_into(state, version, prepared)
    found = {each: await over_http(service, prepared.changes[each.change]) for each in cells}
    wrong = [f"{each}: {found[each]}, not {by_hand(each)}" for each in cells if found[each] != by_hand(each)]
    assert not wrong, "\n".join(wrong)
    with service.database.bound():
        assert await misjudged() == []


def test_the_cells_have_every_pair_that_can_be_and_are_few() -> None:
    assert pairs_of(*CELLS) == pairs_of(*EVERY)
    assert len(CELLS) == len(set(CELLS)) and 110 <= len(CELLS) <= 130


@pytest.mark.exhaustive
async def test_what_the_table_leaves_out_nobody_can_plan_or_bring_about(prepared: Prepared) -> None:
    service = prepared.service
    await service.restore(prepared.stored)
    for kind, relation in UNPLANNED:
        where = environment(relation, Stage.PRODUCTION)
        plan = PLAN | {"changeType": kind.name, "targetVersion": TARGETS[relation], "environment": where}
        refused = await service.refused("createChangeRequest", DORA, **plan)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.targetVersion"), (kind, relation)
    for state, relation in UNMADE:
        mutation, said = BROUGHT_BY[state]
        by = RITA if mutation == "setRiskTier" else ALICE
        refused = await service.refused(mutation, by, **BOT | {"version": TARGETS[relation]} | said)
        assert refused["code"] == "INVALID_STATE", (state, relation)
