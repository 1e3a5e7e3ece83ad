"""Changes, deployments and incidents as plain data, and the steps that carry a change through its life over HTTP."""

from typing import Any

from documents.access import GovernanceRole
from tests.examples import BOT, EXPERIMENT, REGISTRATION
from tests.service import ALICE, CAROL, DAVID, RITA, Person, Service, person
from tests.stored import stage

DORA = person("dora", GovernanceRole.DEPLOYER, department="Operations")
TOM = person("tom", GovernanceRole.TECH_LEAD)
BEA = person("bea", GovernanceRole.BUSINESS_OWNER)
IMPACT: dict[str, Any] = {
    "affectedSystems": ["support chat"], "affectedUsers": "ALL_USERS", "estimatedDowntime": 0, "rollbackTime": 5,
    "testingRequired": ["load"],
}  # fmt: skip
PLAN: dict[str, Any] = {
    "changeType": "MODEL_UPDATE", "title": "Support assistant 1.0.0", "description": "Brings the first version.",
    "justification": "It answers what people wait for.", "modelId": BOT["modelId"], "targetVersion": BOT["version"],
    "impact": IMPACT, "rollbackPlan": "Switch the chat back to the form.",
}  # fmt: skip


@stage
async def ask_for(service: Service, by: Person = DORA, **said: Any) -> str:
    """The id of a change as planned."""
    payload = await service.do("createChangeRequest", by, "changeRequest { changeId }", **PLAN | said)
    return str(payload["changeRequest"]["changeId"])


@stage
async def step(service: Service, mutation: str, by: Person, change_id: str, **said: Any) -> Any:
    """How a change reads after a mutation on it."""
    select = "changeRequest { changeId status riskLevel allowedTransitions revision }"
    return (await service.do(mutation, by, select, changeId=change_id, **said))["changeRequest"]


@stage
async def approved_change(service: Service, by: Person = DORA, **said: Any) -> str:
    """The id of a change that was submitted, tested and approved by everybody."""
    change_id = await ask_for(service, by, **said)
    await approve(service, change_id, by)
    return change_id


@stage
async def approve(service: Service, change_id: str, by: Person = DORA) -> None:
    """Submits a draft, has its tests pass, and has it approved by everybody."""
    await step(service, "submitChangeForReview", by, change_id)
    found = await look_at(service, change_id, "missingTests requiredApprovals { role }")
    for name in found["missingTests"]:
        await step(service, "recordTestResult", TOM, change_id, name=name, passed=True)
    for role in (each["role"] for each in found["requiredApprovals"]):
        await step(service, "addChangeApproval", WHO[role], change_id, role=role, approved=True)


WHO = {
    "MODEL_OWNER": ALICE, "TECH_LEAD": TOM, "SECURITY_REVIEWER": DAVID, "BUSINESS_OWNER": BEA, "RISK_MANAGER": RITA,
    "ETHICS_REVIEWER": CAROL,
}  # fmt: skip


async def look_at(service: Service, change_id: str, select: str) -> Any:
    """What is asked of a change."""
    query = f"query($id: String!) {{ changeRequest(changeId: $id) {{ {select} }} }}"
    return (await service.ask(query, id=change_id))["changeRequest"]


@stage
async def deployed(service: Service, **said: Any) -> str:
    """The id of a change that was carried out."""
    change_id = await approved_change(service, **said)
    await carry_out(service, change_id)
    return change_id


@stage
async def carry_out(service: Service, change_id: str, success: bool = True) -> None:
    await step(service, "startDeployment", DORA, change_id)
    await step(service, "completeDeployment", DORA, change_id, success=success, notes="So it went.")


@stage
async def rollback_of(service: Service, change_id: str) -> str:
    """The id of the change that is to take another back."""
    payload = await service.do("rollbackChange", DORA, "rollback { changeId }", changeId=change_id, reason="It was worse.")
    return str(payload["rollback"]["changeId"])


@stage
async def declare(service: Service, *names: str, stage: str = "STAGING") -> None:
    """Declares environments below PRODUCTION."""
    for name in names:
        await service.do("declareEnvironment", RITA, name=name, stage=stage)


@stage
async def experiments(service: Service, *versions: str) -> None:
    """Versions of a model in tier 4: eligible at once, for anywhere but production."""
    for mutation, version in zip(["registerModel", *["registerModelVersion"] * len(versions)], versions, strict=False):
        named = {"name": "Summaries"} if mutation == "registerModel" else {}
        about = {each: REGISTRATION[each] for each in ("ownerId", "dataStewardId")}
        await service.do(mutation, ALICE, **about, **EXPERIMENT, **named, modelId=STAGED["modelId"], version=version)
        await service.do("submitForApproval", ALICE, modelId=STAGED["modelId"], version=version)


STAGED: dict[str, Any] = {"modelId": "summaries", "environment": "staging"}


async def runs(service: Service, environment: str = "production", model: str = BOT["modelId"]) -> str | None:
    """The version of a model that runs there."""
    query = "query($id: String!, $place: String!) { model(modelId: $id) { deployedVersion(environment: $place) { version } } }"
    found = (await service.ask(query, id=model, place=environment))["model"]["deployedVersion"]
    return found and str(found["version"])
