"""Every mutation of the schema, done for real, in an order in which each succeeds."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from documents.access import GovernanceRole
from tests.examples import BOT, CARD, DATASHEET, DRILL, DRILLS, EXPERIMENT, LEAKAGE, RATED, REFUNDS, REGISTRATION, REVIEW, TICKETS
from tests.operations import DORA, IMPACT, TOM
from tests.service import ADA, ALICE, BOB, CAROL, DAVID, RITA, STAFF, Person, Service, person, stage

COLIN = person("colin", GovernanceRole.COMPLIANCE_OFFICER, department="Legal")
BEN: dict[str, Any] = {
    "userId": "ben", "name": "Benedikt Lauterbach", "email": "lauterbach@example.org", "department": "Legal",
    "roles": ["COMPLIANCE_OFFICER"], "authorizedTiers": ["TIER_2_IMPORTANT"],
}  # fmt: skip
PROOF: dict[str, Any] = {
    "requirementId": "POL-003.access-control", "title": "Access review", "uri": "https://example.org/reviews/17",
    "note": "The reviewer sits in room 101.",
}  # fmt: skip
REASON, PRAISE, BLAME = "It was about another system.", "Well measured, Benedikt.", "Somebody left the gate open."
RENAMED = "Benedikt Lauterbach-Voss"
SECOND_THOUGHTS, EXCUSE, ALARM = "Benedikt convinced me otherwise.", "Lauterbach is on leave.", "A customer called Benedikt."
DEMAND, GROUNDS = "Watch Benedikt for a month.", "Benedikt will be asked about refunds."
TRIAL: dict[str, Any] = {"modelId": "summaries", "version": "0.1.0"}
TRY_IT: dict[str, Any] = {
    "changeType": "MODEL_UPDATE", "title": "Try it", "description": "A few people try it.", "justification": "To learn.",
    "modelId": TRIAL["modelId"], "targetVersion": TRIAL["version"], "environment": "staging", "impact": IMPACT,
    "rollbackPlan": "Take it away.",
}  # fmt: skip
TREATED: dict[str, Any] = {"riskId": "MQ-001", "controls": ["A person reads every answer"], "controlEffectiveness": 0.9}
STRICTER: dict[str, Any] = {
    "policyId": "POL-006", "requiredRoles": ["ETHICS_REVIEWER"], "requirements": [DRILL | {"requirementId": "POL-006.drill"}],
}  # fmt: skip
CONDITIONS = "approval { conditions { conditionId } }"
WEIGHTS: dict[str, Any] = {"kind": "WEIGHTS", "uri": "https://example.org/weights", "sha256": "0f" * 32, "size": 2**33}
FROM_OUTSIDE: dict[str, Any] = {"relation": "FINE_TUNED_FROM", "on": {"external": {"name": "base", "supplier": "Somebody else"}}}
RUN: dict[str, Any] = {
    "trainingConfig": {"architecture": "Decoder, 7B parameters"},
    "evaluationResults": [{"dataset": "Tickets of 2026", "metrics": [{"metricName": "accuracy", "value": 0.9}]}],
    "additionalInfo": {"seed": 7},
}
ANOTHER: dict[str, Any] = {each: REGISTRATION[each] for each in ("modelId", "purpose", "useCases", "ownerId", "dataStewardId")}

PRIVATE: tuple[str, ...] = (
    BEN["name"], BEN["email"], RENAMED, PROOF["note"], REASON, PRAISE, BLAME, SECOND_THOUGHTS, EXCUSE, ALARM, DEMAND, GROUNDS,
    *REVIEW.values(),
)  # fmt: skip
"""What is said on the way that no event may quote."""

EXPLAINS = ["Say what creditworthiness is"]
LEAF = (
    '{"bomFormat": "CycloneDX", "specVersion": "1.7", "components": [{"type": "machine-learning-model", "name": "leaf", '
    '"version": "1", "description": "An experimental sorter", "modelCard": {"modelParameters": {"task": "sorting"}}}]}'
)
BILL: dict[str, Any] = {"source": {"cycloneDx": LEAF}, "ownerId": ALICE.id, "dataStewardId": BOB.id}
LICENSED = "---\nlicense: mit\n---\n"

Did = Callable[..., Awaitable[tuple[str, Any]]]


def in_days(now: datetime, days: int) -> str:
    return (now + timedelta(days=days)).isoformat()


@stage
async def sign_in(service: Service) -> None:
    """Lets everybody sign in, so that no token has its first use of the hour to note later."""
    await service.enrol(DORA, TOM, COLIN)
    await service.confirm(COLIN)
    for each in (ADA, *STAFF, DORA, TOM, COLIN):
        await service.ask("{ viewer { id } }", each)


async def every_mutation(service: Service) -> AsyncIterator[tuple[str, Any]]:
    """The name and the payload of each mutation, as soon as it is done; again, where it then does something else."""

    async def did(mutation: str, by: Person, select: str = "", **fields: Any) -> tuple[str, Any]:
        return mutation, await service.do(mutation, by, select, **fields)

    made, whose = "token apiToken { tokenId }", "evidence { evidenceId }"
    yield await did("registerStakeholder", ADA, **BEN)
    yield (enrolled := await did("createApiToken", ADA, made, name="for Ben", holder={"userId": "ben"}))
    ben = Person("ben", enrolled[1]["token"])
    yield await did("updateStakeholder", ADA, userId="ben", name=RENAMED, authorizedTiers=["TIER_3_STANDARD"])
    yield await did("createApiToken", ben, made, name="laptop")
    yield await did("confirmIdentity", COLIN, userId="ben", note="Colin met Benedikt at the office.")
    yield await did("resetEnrolment", ADA, userId="ben", reason="The laptop was lost.")
    yield (enrolled := await did("createApiToken", ADA, made, name="for Ben", holder={"userId": "ben"}))
    yield await did("revokeApiToken", ADA, tokenId=enrolled[1]["apiToken"]["tokenId"])
    program = {"service": {"name": "training", "mutations": ["SAVE_MODEL_CARD"]}}
    yield await did("createApiToken", ADA, made, name="pipeline", holder=program)
    yield await did("registerModel", ALICE, **REGISTRATION)
    yield await did("importModels", ADA, **BILL)
    yield await did("updateModel", ALICE, modelId=BOT["modelId"], description="It answers buyers.", ownerId=ALICE.id)
    yield await did("registerModelVersion", ALICE, **ANOTHER, version="1.1.0")
    yield await did("saveModelCard", ALICE, **BOT, card=CARD)
    yield await did("generateModelCard", ALICE, **BOT, **RUN)
    yield await did("importModelCard", ALICE, **BOT, format="HUGGING_FACE", text=LICENSED, expectedRevision=3)
    yield await did("saveDatasheet", BOB, **TICKETS, datasheet=DATASHEET)
    yield await did("importDatasheet", BOB, **TICKETS, text=LICENSED)
    yield await did("linkDatasheet", ALICE, **BOT, **TICKETS)
    yield await did("saveDatasheet", BOB, **TICKETS, datasheet=DATASHEET | {"purpose": "To learn what they mean."})
    yield await did("linkDatasheet", ALICE, **BOT, **TICKETS)
    yield await did("unlinkDatasheet", BOB, **BOT, **TICKETS)
    yield await did("createRiskTemplate", RITA, **REFUNDS)
    yield await did("createRiskAssessment", ALICE, **BOT, responses=RATED)
    yield await did("createRiskAssessment", RITA, **BOT, responses=[LEAKAGE], carryOver=True)
    yield (mitigated := await did("mitigateRisk", ALICE, "riskAssessment { assessmentId }", **BOT, **TREATED))
    yield await did("acceptRisk", RITA, **BOT, riskId="MQ-002", rationale=EXCUSE, expiresAt=in_days(service.now, 30))
    yield await did("acceptRisk", RITA, **BOT, riskId="MQ-002", rationale=GROUNDS, expiresAt=in_days(service.now, 60))
    yield await did("approveRiskAssessment", RITA, **BOT, **mitigated[1]["riskAssessment"])
    yield await did("retireRiskTemplate", RITA, riskId=REFUNDS["riskId"], reason=REASON)
    yield await did("retireRiskTemplate", RITA, riskId="OPS-001", reason=EXCUSE)
    yield await did("attachEvidence", ALICE, **BOT, **PROOF)
    yield (proof := await did("attachEvidence", BOB, whose, **BOT, **PROOF))
    yield await did("withdrawEvidence", BOB, **BOT, **proof[1]["evidence"], reason=REASON)
    yield await did("completeReview", RITA, **BOT, **REVIEW)
    yield await did("assignAccountability", ADA, **BOT, role="ETHICS_REVIEWER", userId=CAROL.id)
    yield await did("createPolicy", RITA, **DRILLS)
    yield await did("revisePolicy", RITA, policyId="POL-005", effectiveFrom=in_days(service.now, 1), enforcement="ADVISORY")
    yield await did("retirePolicy", RITA, policyId="POL-005", effectiveFrom=in_days(service.now, 2))
    yield await did("submitForApproval", ALICE, **BOT)
    yield await did("submitApproval", CAROL, **BOT, verdict="APPROVED", comments=PRAISE)
    yield await did("withdrawApproval", CAROL, **BOT, reason=SECOND_THOUGHTS)
    yield (demanded := await did("submitApproval", CAROL, CONDITIONS, **BOT, verdict="CONDITIONAL", conditions=[DEMAND]))
    condition = {"conditionId": demanded[1]["approval"]["conditions"][0]["conditionId"]}
    yield await did("satisfyCondition", ALICE, **BOT, **condition, note=EXCUSE)
    yield await did("confirmCondition", CAROL, **BOT, **condition, comments=PRAISE)
    yield (hold := await did("placeHold", CAROL, "hold { holdId }", **BOT, reason=ALARM))
    yield await did("liftHold", CAROL, **BOT, **hold[1]["hold"], reason=EXCUSE)
    except_from = {"requirementId": PROOF["requirementId"], "rationale": EXCUSE, "expiresAt": in_days(service.now, 30)}
    yield (waiver := await did("grantWaiver", RITA, "waiver { waiverId }", **BOT, **except_from))
    yield await did("revokeWaiver", RITA, **BOT, **waiver[1]["waiver"], reason=ALARM)
    for who in (DAVID, ALICE, COLIN):
        yield await did("submitApproval", who, **BOT, verdict="APPROVED", comments=PRAISE)
    yield await did("createPolicy", RITA, **DRILLS | STRICTER)
    yield await did("submitForApproval", ALICE, **BOT)
    yield await did("retirePolicy", RITA, policyId=STRICTER["policyId"])
    yield await did("submitApproval", DAVID, **BOT, verdict="REJECTED", comments=BLAME)
    yield await did("submitForApproval", ALICE, **BOT)
    yield await did("updateModelVersion", ALICE, **BOT, artifacts=[WEIGHTS], dependsOn=[FROM_OUTSIDE], useCases=EXPLAINS)
    yield await did("setRiskTier", RITA, **BOT, tier="TIER_1_CRITICAL", rationale=GROUNDS)
    word = {"keyword": "credit", "found": "creditworthiness", "counts": False, "rationale": GROUNDS}
    yield await did("judgeClassification", RITA, **BOT, judgements=[word])
    yield await did("retireModelVersion", ALICE, **BOT, reason=SECOND_THOUGHTS)
    yield await did("deactivateStakeholder", ADA, userId="ben")
    yield await did("erasePersonalData", ADA, userId="ben", reason="It was asked for.")
    async for each in _every_operation(did, service.now):
        yield each


async def _every_operation(did: Did, now: datetime) -> AsyncIterator[tuple[str, Any]]:
    """Another model, run for a while in an environment."""
    change, tested = "changeRequest { changeId }", {"name": "load", "passed": True, "notes": EXCUSE}
    yield await did("declareEnvironment", RITA, name="laboratory", stage="TEST")
    yield await did("updateEnvironment", RITA, name="laboratory", stage="DEVELOPMENT", description="Where new ideas are tried.")
    yield await did("retireEnvironment", RITA, name="laboratory", reason="It moved.")
    yield await did("registerModel", ALICE, **REGISTRATION | EXPERIMENT | TRIAL)
    yield await did("submitForApproval", ALICE, **TRIAL)
    yield (first := await did("createChangeRequest", DORA, change, **TRY_IT))
    it = first[1]["changeRequest"]
    yield await did("updateChangeRequest", DORA, **it, title="Try it with more people")
    yield await did("submitChangeForReview", DORA, **it)
    yield await did("reopenChange", DORA, **it, reason=SECOND_THOUGHTS)
    yield await did("submitChangeForReview", DORA, **it)
    yield await did("recordTestResult", TOM, **it, **tested)
    for who in (ALICE, TOM, DAVID):
        yield await did("addChangeApproval", who, **it, approved=True, comments=PRAISE)
    yield await did("scheduleDeployment", DORA, **it, scheduledTime=in_days(now, 1))
    yield await did("commentOnChange", CAROL, **it, text=ALARM)
    yield await did("reopenChange", DORA, **it, reason=SECOND_THOUGHTS)
    yield await did("submitChangeForReview", DORA, **it)
    yield await did("recordTestResult", TOM, **it, **tested)
    for who in (ALICE, TOM, DAVID):
        yield await did("addChangeApproval", who, **it, approved=True)
    yield await did("startDeployment", DORA, **it)
    yield await did("completeDeployment", DORA, **it, success=True, notes=PRAISE)
    yield (incident := await did("openIncident", CAROL, "incident { incidentId }", **TRIAL, severity="CRITICAL", title=ALARM))
    yield await did("resolveIncident", RITA, **incident[1]["incident"], text=EXCUSE)
    yield (incident := await did("openIncident", CAROL, "incident { incidentId }", **TRIAL, severity="LOW", title=ALARM))
    yield await did("escalateIncident", BOB, **incident[1]["incident"], severity="CRITICAL", reason=BLAME)
    yield await did("resolveIncident", RITA, **incident[1]["incident"], text=EXCUSE)
    yield (back := await did("rollbackChange", DORA, "rollback { changeId }", **it, reason=ALARM))
    it = back[1]["rollback"]
    yield await did("submitChangeForReview", DORA, **it)
    for who in (ALICE, TOM):
        yield await did("addChangeApproval", who, **it, approved=True)
    yield await did("startDeployment", DORA, **it)
    yield await did("completeDeployment", DORA, **it, success=True)
    yield (given_up := await did("createChangeRequest", DORA, change, **TRY_IT))
    yield await did("cancelChange", ALICE, **given_up[1]["changeRequest"], reason=SECOND_THOUGHTS)


async def mutations(service: Service) -> set[str]:
    """The names of all that the schema has, but for `endBinding`: only an issuer binds anybody (`tests/test_issued.py`)."""
    asked = await service.ask("{ __schema { mutationType { fields { name } } } }")
    return {each["name"] for each in asked["__schema"]["mutationType"]["fields"]} - {"endBinding"}


@stage
async def through_everything(service: Service) -> None:
    """A version through every mutation there is: rejected, submitted again, excepted, stopped, changed, retired."""
    await sign_in(service)
    async for _ in every_mutation(service):
        pass
