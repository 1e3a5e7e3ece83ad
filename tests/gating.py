"""The gate over HTTP as programs ask it, and versions in as many states as a random walk takes them to."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import httpx

from tests.examples import BOT, CARD, EXPERIMENT, REGISTRATION, assess, attach, decide, document, register, submit
from tests.operations import BEA, DORA, TOM, approved_change, declare
from tests.service import ADA, ALICE, CAROL, DAVID, RITA, Person, Refused, Service
from tests.stored import stage

WEIGHTS: dict[str, Any] = {"kind": "WEIGHTS", "uri": "s3://models/1", "sha256": "0f" * 32}
OTHER: dict[str, Any] = {"kind": "PROMPT", "uri": "s3://prompts/1", "sha256": "0e" * 32}
VERSIONS = ("1.0.0", "1.1.0+b.2", "2.0.0")
TRIAL: dict[str, Any] = {"modelId": "trial", "version": "0.1"}
PLACES = ("production", "staging", "lab")
BYTES = "/gate/sha256/" + WEIGHTS["sha256"]


def version_path(**named: str) -> str:
    said = BOT | named
    return f"/gate/{said['modelId']}/{said['version']}"


def bearer(by: Person | None) -> dict[str, str]:
    return {"authorization": f"Bearer {by.token}"} if by else {}


async def ask(service: Service, path: str, by: Person | None = ALICE, method: str = "GET", **params: Any) -> httpx.Response:
    return await service.http.request(method, path, params=params, headers=bearer(by))


async def no_verdict(service: Service, path: str, by: Person | None = ALICE, **params: Any) -> tuple[int, dict[str, Any]]:
    """The status and the extensions of the error where the gate gives no verdict."""
    answer = await ask(service, path, by, **params)
    assert answer.headers["cache-control"] == "no-store" and answer.headers["content-type"].startswith("application/json")
    (error,) = answer.json()["errors"]
    assert answer.json().keys() == {"errors"} and error["message"]
    extensions: dict[str, Any] = error["extensions"]
    return answer.status_code, extensions


async def gatekeeper(service: Service, **said: Any) -> Person:
    """A program whose token opens the gate and nothing else."""
    holder = {"name": "rollouts", "mutations": [], "scopes": ["GATE"], **said}
    made = await service.do("createApiToken", ADA, "token", name="rollouts", holder={"service": holder})
    return Person("rollouts", made["token"])


@stage
async def populated(service: Service) -> None:
    """Three versions of a model, the first of them eligible and two with the same bytes, and one in tier 4; a change for each."""
    await service.enrol(DORA, TOM, BEA)
    await declare(service, "lab", stage="TEST")
    await register(service, artifacts=[WEIGHTS])
    about = {each: REGISTRATION[each] for each in ("ownerId", "dataStewardId", "purpose", "useCases")}
    for version, artifact in zip(VERSIONS[1:], (WEIGHTS, OTHER), strict=True):
        await service.do("registerModelVersion", **BOT | about | {"version": version}, artifacts=[artifact])
    await register(service, **EXPERIMENT | TRIAL, artifacts=[WEIGHTS])
    await document(service)
    await submit(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)
    for version in VERSIONS:
        await approved_change(service, targetVersion=version)


async def changes(service: Service) -> dict[str, str]:
    """The change of each version."""
    query = "{ changeRequests(first: 10) { nodes { changeId plan { targetVersion } } } }"
    found = (await service.ask(query))["changeRequests"]["nodes"]
    return {each["plan"]["targetVersion"]: each["changeId"] for each in found}


async def walk(service: Service, random: Random, steps: int) -> Sequence[str]:
    """Does what people do, in any order; the names of the steps that were not refused."""
    done = []
    for _ in range(steps):
        name = random.choice(STEPS)
        try:
            await _step(service, random, name)
            done.append(name)
        except Refused:
            continue
    return done


STEPS = (
    *("submit", "decide", "decide", "decide", "decide", "decide", "papers", "papers", "papers"),
    *("reject", "hold", "lift", "open", "resolve", "retire", "amend", "waive", "withdraw", "revise", "wait", "wait"),
)


async def _step(service: Service, random: Random, name: str) -> None:
    of = random.choice([*({"modelId": BOT["modelId"], "version": each} for each in VERSIONS), TRIAL])
    by = random.choice([ALICE, CAROL, DAVID])
    soon = (service.now + timedelta(days=random.randint(1, 20))).isoformat()
    match name:
        case "submit":
            await service.do("submitForApproval", **of)
        case "decide":
            ends = {"expiresAt": soon} if random.random() < 0.3 else {}
            for each in (ALICE, CAROL, DAVID) if random.random() < 0.7 else (by,):
                await service.do("submitApproval", each, **of, verdict="APPROVED", **ends)
        case "papers":
            await service.do("saveModelCard", **of, card=CARD)
            rated = [{"riskId": each, "likelihood": 2, "impact": 2} for each in ("SEC-001", "SEC-002", "FAIR-001")]
            await assess(service, *(each | {"controls": ["Looked after"], "controlEffectiveness": 0.5} for each in rated), **of)
            await attach(service, **of)
        case "reject":
            if random.random() < 0.5:
                await service.do("submitApproval", by, **of, verdict="REJECTED", comments="It is not ready.")
        case "hold":
            await service.do("placeHold", CAROL, **of, reason="Complaints.")
        case "lift":
            for each in await _standing(service, of, "holds { hold { holdId } }", "holds"):
                await service.do("liftHold", CAROL, **of, **each["hold"], reason="Looked at.")
        case "open":
            severity = random.choice(["CRITICAL", "LOW"])
            await service.do("openIncident", CAROL, **of, severity=severity, title="It insults people.")
        case "resolve":
            for each in await _standing(service, of, "blockingIncidents { incidentId }", "blockingIncidents"):
                await service.do("resolveIncident", RITA, **each, text="It was turned off.")
        case "retire":
            if random.random() < 0.25:
                await service.do("retireModelVersion", **of, reason="Nobody needs it.")
        case "amend":
            await service.do("updateModelVersion", **of, restrictions=[f"Not for health {random.random()}"])
        case "waive":
            asked = random.choice(["POL-003.access-control", "POL-002.mitigations", "POL-001.training-data"])
            await service.do("grantWaiver", RITA, **of, requirementId=asked, rationale="For now.", expiresAt=soon)
        case "withdraw":
            await service.do("withdrawApproval", by, **of, role=by.roles[0].name, reason="I erred.")
        case "revise":
            changed = {"description": f"As of {service.now}.", "bindsApprovedFrom": soon}
            roles = ["MODEL_OWNER", "SECURITY_REVIEWER", *random.choice([[], ["ETHICS_REVIEWER"]])]
            await service.do("revisePolicy", RITA, policyId="POL-003", requiredRoles=roles, **changed)
        case "wait":
            service.later(days=random.randint(1, 8))


async def _standing(service: Service, of: dict[str, Any], select: str, name: str) -> Any:
    query = "query($m: String!, $v: String!) { modelVersion(modelId: $m, version: $v) { eligibility { %s } } }"
    found = await service.ask(query % select, m=of["modelId"], v=of["version"])
    return found["modelVersion"]["eligibility"][name]
