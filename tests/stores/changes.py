"""Changes in every status and of every type, what they deployed, and incidents, carried there over HTTP."""

from typing import Any

from tests.journey import in_days
from tests.operations import BEA, DORA, TOM, approve, ask_for, carry_out, declare, rollback_of, step
from tests.service import ADA, ALICE, BOB, CAROL, DAVID, RITA, Person, Service
from tests.stores.versions import ARCHIVE, HELPER, SCORER, of

WIDE: dict[str, Any] = {
    "affectedSystems": ["production chat"], "affectedUsers": "SPECIFIC_TEAMS", "affectedUsersNote": "Those who answer calls.",
    "estimatedDowntime": 15, "rollbackTime": 30, "testingRequired": ["load", "tone"], "dependencies": ["The shop is told."],
}  # fmt: skip
LIGHT: dict[str, Any] = {"affectedUsers": "NONE", "estimatedDowntime": 0, "rollbackTime": 1}
INSIDE: dict[str, Any] = LIGHT | {"affectedUsers": "INTERNAL_ONLY", "testingRequired": ["load"]}
PROGRAM = ["CREATE_CHANGE_REQUEST", "UPDATE_CHANGE_REQUEST", "SUBMIT_CHANGE_FOR_REVIEW", "REOPEN_CHANGE", "OPEN_INCIDENT"]


def planned(version: str, environment: str = "production", **said: Any) -> dict[str, Any]:
    return {"modelId": HELPER, "targetVersion": version, "environment": environment, "impact": INSIDE} | said


async def deployed(service: Service, **plan: Any) -> str:
    change_id = await ask_for(service, **plan)
    await approve(service, change_id)
    await carry_out(service, change_id)
    return change_id


async def deployments(service: Service) -> None:
    """Production gets a version, then another, which is taken back; elsewhere a first deployment fails and is taken back."""
    await declare(service, "edge", "canary", "canary-2", "staging-2")
    await declare(service, "lab", stage="TEST")
    await service.do("declareEnvironment", RITA, name="shed", stage="DEVELOPMENT", description="Where new ideas are tried.")
    await service.do("retireEnvironment", RITA, name="shed", reason="It moved.")
    await deployed(service, **planned("1.0.0"))
    second = await deployed(service, **planned("1.1.0", impact=WIDE, rollbackTrigger="Complaints."))
    back = await rollback_of(service, second)
    await approve(service, back)
    await carry_out(service, back)
    for environment in ("edge", "lab"):
        failed = await ask_for(service, **planned("1.0.0", environment))
        await approve(service, failed)
        await carry_out(service, failed, success=False)
        if environment == "edge":
            out = await rollback_of(service, failed)
            await approve(service, out)
            await carry_out(service, out)
    await deployed(service, **planned("1.0.0", changeType="CONFIG_CHANGE"))
    await deployed(service, **planned("1", "staging", modelId=ARCHIVE, changeType="EMERGENCY", impact=LIGHT))


async def changes(service: Service, program: Person) -> None:
    """One change in each status in which none of the deployments was left."""
    await draft(service, program)
    await ask_for(service, program, **planned("1.0.0", changeType="CONFIG_CHANGE", impact=None, rollbackPlan=None))
    refused, submitted, reviewed, scheduled, begun = [
        await ask_for(service, **planned("1.0.0", **said))
        for said in (
            {"changeType": "EMERGENCY"}, {"changeType": "PROMPT_UPDATE"}, {"changeType": "INFRASTRUCTURE", "impact": WIDE},
            {"environment": "staging"}, {"environment": "canary"},
        )
    ]  # fmt: skip
    for each in (refused, submitted, reviewed):
        await step(service, "submitChangeForReview", DORA, each)
    await step(service, "addChangeApproval", BEA, refused, role="BUSINESS_OWNER", approved=False, comments="Not now.")
    await step(service, "addChangeApproval", ALICE, reviewed, role="MODEL_OWNER", approved=True)
    seen = {"uri": "https://example.org/tests/1", "sha256": "ef" * 32, "notes": "At noon."}
    for name, passed in (("load", False), ("load", True), ("tone", False)):
        await step(service, "recordTestResult", TOM, reviewed, name=name, passed=passed, **(seen if passed else {}))
    await step(service, "commentOnChange", CAROL, reviewed, text="Is the shop told?")
    for each in (scheduled, begun):
        await approve(service, each)
    await step(service, "scheduleDeployment", DORA, scheduled, scheduledTime=in_days(service.now, 400))
    await step(service, "startDeployment", DORA, begun)
    barred = await ask_for(service, **planned("1.4.0", "canary-2"))
    await approve(service, barred)
    assert (await service.refused("startDeployment", DORA, changeId=barred))["code"] == "POLICY_BLOCKED"


async def draft(service: Service, program: Person) -> None:
    """A draft of a program's with everything that a plan can say, opened again after it was submitted."""
    window = {"begins": in_days(service.now, 300), "ends": in_days(service.now, 310)}
    days = [in_days(service.now, each)[:10] for each in (302, 303)]
    plan = planned("1.0.0", "staging-2", preferredWindow=window, blackoutDates=days, impact=WIDE, rollbackTrigger="Complaints.")
    change_id = await ask_for(service, program, **plan)
    await step(service, "submitChangeForReview", program, change_id)
    await step(service, "reopenChange", program, change_id, reason="It was too early.")
    await step(service, "updateChangeRequest", program, change_id, title="Later")


async def incidents(service: Service, program: Person) -> None:
    """Open and over, of each severity; a critical one of a version in tier 1 is open."""
    first, ids = of("1.0.0"), []
    for by, severity, said in (
        (program, "LOW", {}), (ALICE, "MEDIUM", {"description": "It was slow."}), (BOB, "HIGH", {"environment": "production"}),
        (DAVID, "CRITICAL", {}),
    ):  # fmt: skip
        told = await service.do(
            "openIncident", by, "incident { incidentId }", **first, severity=severity, title="It fails", **said
        )
        ids.append(told["incident"])
    await service.do("resolveIncident", ALICE, **ids[1], text="It is fast again.")
    await service.do("resolveIncident", RITA, **ids[3], text="It was none.")
    await service.do(
        "openIncident", CAROL, **of("1.0", SCORER), severity="CRITICAL", title="It is unfair", environment="production"
    )


async def let_in(service: Service) -> Person:
    """A program that signs in; beside its token one that was revoked, and one that ends before the journey does."""
    made = "token apiToken { tokenId }"

    async def token(name: str, **until: Any) -> Any:
        holder = {"service": {"name": name, "mutations": PROGRAM}}
        return await service.do("createApiToken", ADA, made, name=name, holder=holder, **until)

    program = await token("release", expiresAt=in_days(service.now, 900))
    revoked = await token("gone")
    await token("ended", expiresAt=in_days(service.now, 9))
    await service.do("revokeApiToken", ADA, tokenId=revoked["apiToken"]["tokenId"])
    return Person("release", program["token"])
