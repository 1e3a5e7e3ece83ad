"""The worked example as plain data, and the steps that carry a version through it over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Any

from documents.access import SYSTEM
from documents.audit.event import AuditEventType
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of
from documents.numbers import version_key
from documents.store.units import Unit
from documents.versions.version import ModelVersion
from tests.service import ADA, ALICE, BOB, CAROL, DAVID, Person, Service, stage

BOT: dict[str, Any] = {"modelId": "support-assistant", "version": "1.0.0"}
REGISTRATION: dict[str, Any] = BOT | {
    "name": "Support assistant",
    "ownerId": ALICE.id,
    "dataStewardId": BOB.id,
    "purpose": "Answers what a customer asks most often",
    "useCases": ["Explain what is sold", "Say where an order is", "Take in requests for refunds"],
}
EXPERIMENT: dict[str, Any] = {"purpose": "An experimental summary of meetings", "useCases": []}

RATED: list[dict[str, Any]] = [
    {
        "riskId": "MQ-001", "likelihood": 3, "impact": 4, "controlEffectiveness": 0.6, "owner": ALICE.id,
        "controls": ["Answers are checked against the sources", "Unsure answers go to a person"],
    },
    {
        "riskId": "SEC-001", "likelihood": 3, "impact": 4, "controlEffectiveness": 0.7, "owner": DAVID.id,
        "controls": ["Inputs are cleaned", "The system prompt is kept apart"],
    },
    {
        "riskId": "FAIR-001", "likelihood": 2, "impact": 4, "controlEffectiveness": 0.5, "owner": CAROL.id,
        "controls": ["Tested for bias"],
    },
]  # fmt: skip
LEAKAGE: dict[str, Any] = {
    "riskId": "SEC-002", "likelihood": 2, "impact": 4, "controlEffectiveness": 0.5, "controls": ["Outputs are filtered"],
    "answers": [{"question": "What filters its outputs?", "text": "A list of patterns and a classifier."}],
}  # fmt: skip

REFUNDS: dict[str, Any] = {
    "riskId": "FIN-001", "category": "FINANCIAL", "description": "It grants refunds that nobody owes.",
    "questions": ["What is the most that it may grant?", "Who sees what it granted?"],
}  # fmt: skip

CARD: dict[str, Any] = {
    "modelType": "Language model with retrieval", "developers": ["Support engineering"], "license": "Proprietary",
    "contact": "support-ml@example.org", "releaseDate": "2026-03-15",
    "primaryIntendedUses": ["Answer questions about orders"], "primaryIntendedUsers": ["Buyers"],
    "outOfScopeUses": ["Advice about law or health"],
    "trainingDataDescription": "Closed tickets without names.", "trainingDataSources": ["The ticket system"],
    "evaluationDatasets": ["Tickets of 2025"],
    "metrics": [
        {
            "metricName": "accuracy", "value": 0.91, "dataset": "Tickets of 2025", "dateMeasured": "2026-02-20",
            "disaggregated": [{"group": "English", "value": 0.93}, {"group": "German", "value": 0.88}],
        }
    ],
    "ethicalConsiderations": ["It may sound surer than it is."], "knownLimitations": ["Weak on rare products."],
    "risks": [{"riskType": "accuracy", "description": "It misstates a price.", "mitigation": "Prices come from the shop."}],
    "recommendations": ["Offer a person."],
}  # fmt: skip
DATASHEET: dict[str, Any] = {
    "datasetName": "Closed support tickets", "creators": ["Data engineering"], "purpose": "To learn what buyers ask.",
    "instanceDescription": "A ticket and its answers.", "instanceCount": 3_000_000_000, "confidentiality": "INTERNAL",
}  # fmt: skip
TICKETS: dict[str, Any] = {"datasetId": "support-tickets"}
ACCESS_VERIFIED: dict[str, Any] = {
    "requirementId": "POL-003.access-control", "title": "Access review of February", "uri": "https://example.org/reviews/17",
}  # fmt: skip
DRILL: dict[str, Any] = {"requirementId": "POL-005.drill", "title": "A drill was held", "check": "EVIDENCE"}
DRILLS: dict[str, Any] = {
    "policyId": "POL-005", "name": "Drills", "description": "Somebody has practised.", "enforcement": "BLOCKING",
    "applicableTiers": ["TIER_2_IMPORTANT"], "requiredRoles": ["COMPLIANCE_OFFICER", "ETHICS_REVIEWER"],
    "requirements": [DRILL],
}  # fmt: skip
REVIEW: dict[str, Any] = {"metrics": "As before.", "drift": "None.", "incidents": "None.", "compliance": "In order."}

APPROVAL = "approval { decisionId role verdict reviewerId status staleParts }"


@stage
async def register(service: Service, by: Person = ALICE, **said: Any) -> Any:
    return await service.do("registerModel", by, "modelVersion { tier status }", **REGISTRATION | said)


@stage
async def save_card(service: Service, **said: Any) -> Any:
    return await service.do("saveModelCard", **BOT | {"card": CARD} | said)


@stage
async def save_datasheet(service: Service, **said: Any) -> Any:
    return await service.do("saveDatasheet", BOB, **TICKETS | {"datasheet": DATASHEET | said})


@stage
async def assess(service: Service, *responses: dict[str, Any], **said: Any) -> Any:
    selected = "riskAssessment { assessmentId overallScore band factors { riskId assessed } }"
    return await service.do("createRiskAssessment", ALICE, selected, **BOT | {"responses": responses} | said)


@stage
async def attach(service: Service, **said: Any) -> str:
    """The id of the evidence."""
    payload = await service.do("attachEvidence", BOB, "evidence { evidenceId }", **BOT | ACCESS_VERIFIED | said)
    return str(payload["evidence"]["evidenceId"])


@stage
async def document(service: Service, **of: Any) -> None:
    """Everything that the policies ask of a version's papers."""
    await save_card(service, **of)
    await save_datasheet(service)
    await service.do("linkDatasheet", **BOT | TICKETS | of)
    await assess(service, *RATED, LEAKAGE, **of)
    await attach(service, **of)


@stage
async def submit(service: Service, by: Person = ALICE, **of: Any) -> Any:
    return await service.do("submitForApproval", by, "modelVersion { status }", **BOT | of)


@stage
async def decide(service: Service, by: Person, verdict: str = "APPROVED", **said: Any) -> Any:
    """The approval as it reads at once."""
    decided = {"verdict": verdict} | ({"comments": "It is not ready."} if verdict == "REJECTED" else {})
    return (await service.do("submitApproval", by, APPROVAL, **BOT | decided | said))["approval"]


@stage
async def submitted(service: Service, **said: Any) -> None:
    """Registers a version and submits it; its papers are missing."""
    await register(service, **said)
    await submit(service)


@stage
async def approved(service: Service, **said: Any) -> None:
    """Registers a version and has it approved by everybody; its papers are missing."""
    await submitted(service, **said)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)


@stage
async def eligible(service: Service) -> None:
    """Registers a version, completes its papers and has it approved."""
    await register(service)
    await document(service)
    await submit(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)


async def read(service: Service, selection: str, by: Person = ALICE, **of: Any) -> Any:
    """What is asked of the version."""
    query = "query($modelId: String!, $version: String!) { modelVersion(modelId: $modelId, version: $version) { %s } }"
    return (await service.ask(query % selection, by, **BOT | of))["modelVersion"]


async def refusal(service: Service, mutation: str, by: Person, **said: Any) -> dict[str, Any]:
    """The refusal of a mutation on the version, which changed nothing; but a token's first use in an hour is noted."""

    async def state() -> Any:
        return {name: stored for name, stored in (await service.state()).items() if name != "ApiToken"}

    before = await state()
    refused = await service.refused(mutation, by, **BOT | said)
    assert await state() == before
    return refused


async def approvals(service: Service) -> dict[str, Any]:
    """Each role's approval as it reads now, with the parts that went stale."""
    found = (await read(service, "approvals { role status staleParts }"))["approvals"]
    return {each["role"]: (each["status"], each["staleParts"]) for each in found}


async def on_record(service: Service, change: Callable[[], Awaitable[None]]) -> None:
    """Makes a change for which there is no mutation yet, in a unit of work and told to the trail like any other."""

    async def work(unit: Unit) -> None:
        head, ids = await AuditHead.touch(), EventIds()
        await change()
        await head.append(await occurrences_of(unit, "change", SYSTEM, Request(ids[0])), service.now, ids)

    await service.database.transact(work, service.now)


async def a_hundred_alike(service: Service) -> None:
    """Puts 99 versions more beside the first one of the worked example, each like it but for its number."""

    async def more() -> None:
        first = await ModelVersion.require(*BOT.values())
        for number in range(1, 100):
            version = f"1.0.{number}"
            like = first.model_copy(update={"id": None, "version": version, "version_key": version_key(version)}, deep=True)
            like.revision, like._was = 0, None
            like.names_event(AuditEventType.MODEL_REGISTERED)
            await like.store()

    await on_record(service, more)


async def deactivate(service: Service, who: Person, **said: Any) -> Any:
    uncovered = "stakeholder { active } uncovered { role modelVersion { modelId version } }"
    return await service.do("deactivateStakeholder", ADA, uncovered, userId=who.id, **said)
