"""Changes, deployments and incidents as plain data, and the steps that carry a change through its life over HTTP."""

from typing import Any

from documents.access import GovernanceRole
from tests.examples import BOT
from tests.service import ALICE, DAVID, Person, Service, person

DORA = person("dora", GovernanceRole.DEPLOYER, department="Operations")
TOM = person("tom", GovernanceRole.TECH_LEAD)
IMPACT: dict[str, Any] = {
    "affectedSystems": ["support chat"], "affectedUsers": "ALL_USERS", "estimatedDowntime": 0, "rollbackTime": 5,
    "testingRequired": ["load"],
}  # fmt: skip
PLAN: dict[str, Any] = {
    "changeType": "MODEL_UPDATE", "title": "Support assistant 1.0.0", "description": "Brings the first version.",
    "justification": "It answers what people wait for.", "modelId": BOT["modelId"], "targetVersion": BOT["version"],
    "impact": IMPACT, "rollbackPlan": "Switch the chat back to the form.",
}  # fmt: skip


async def ask_for(service: Service, by: Person = DORA, **said: Any) -> str:
    """The id of a change as planned."""
    payload = await service.do("createChangeRequest", by, "changeRequest { changeId }", **PLAN | said)
    return str(payload["changeRequest"]["changeId"])


async def step(service: Service, mutation: str, by: Person, change_id: str, **said: Any) -> Any:
    """How a change reads after a mutation on it."""
    select = "changeRequest { changeId status riskLevel allowedTransitions revision }"
    return (await service.do(mutation, by, select, changeId=change_id, **said))["changeRequest"]


async def approved_change(service: Service, by: Person = DORA, **said: Any) -> str:
    """A change of HIGH or MEDIUM risk, submitted, tested and approved by everybody."""
    change_id = await ask_for(service, by, **said)
    await step(service, "submitChangeForReview", by, change_id)
    for name in (PLAN | said)["impact"]["testingRequired"]:
        await step(service, "recordTestResult", TOM, change_id, name=name, passed=True)
    required = await service.ask(REQUIRED, changeId=change_id)
    for each, who in ((role, WHO[role]) for role in (one["role"] for one in required["changeRequest"]["requiredApprovals"])):
        await step(service, "addChangeApproval", who, change_id, role=each, approved=True)
    return change_id


REQUIRED = "query($changeId: String!) { changeRequest(changeId: $changeId) { requiredApprovals { role } } }"
WHO = {"MODEL_OWNER": ALICE, "TECH_LEAD": TOM, "SECURITY_REVIEWER": DAVID}


async def deployed(service: Service, **said: Any) -> str:
    """The id of a change that was carried out."""
    change_id = await approved_change(service, **said)
    await step(service, "startDeployment", DORA, change_id)
    await step(service, "completeDeployment", DORA, change_id, success=True, notes="All went well.")
    return change_id


async def runs(service: Service, environment: str = "production") -> str | None:
    """The version of the example that runs there."""
    query = "query($id: String!, $place: String!) { model(modelId: $id) { deployedVersion(environment: $place) { version } } }"
    found = (await service.ask(query, id=BOT["modelId"], place=environment))["model"]["deployedVersion"]
    return found and str(found["version"])
