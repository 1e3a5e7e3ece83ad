"""Versions in every state in which their life can leave them, carried there over HTTP."""

from typing import Any

from documents.access import GovernanceRole
from tests.examples import ACCESS_VERIFIED, CARD, LEAKAGE, RATED, REVIEW, TICKETS, submit
from tests.journey import LEAF, in_days
from tests.service import ALICE, BOB, CAROL, DAVID, RITA, Person, Service, person
from tests.stores.documented import FULL_CARD, FULL_DATASHEET, IN_BRIEF, OWN_RISKS, RESULTS, RUN, UNNAMED, rated

CORA = person("cora", GovernanceRole.COMPLIANCE_OFFICER, department="Compliance")
NINA = person("nina", GovernanceRole.MODEL_OWNER, GovernanceRole.DATA_STEWARD)
HELPER, SCORER, ARCHIVE = "order-helper", "credit-scorer", "archive-search"
PAPERS: dict[str, Any] = {"datasetId": "archive-papers"}
ANSWERED_BY: dict[str, Any] = {"ownerId": ALICE.id, "dataStewardId": BOB.id}
LONG = "Say nothing about what was never sold here. " * 60  # more than an event holds of one field
ARTIFACTS: list[dict[str, Any]] = [
    {"kind": "WEIGHTS", "uri": "https://example.org/weights", "sha256": "ab" * 32, "size": 2**33},
    {"kind": "API", "uri": "https://example.org/api"},
    *({"kind": kind, "uri": f"https://example.org/{kind}", "sha256": f"{at:064x}", "size": at}
      for at, kind in enumerate(("ADAPTER", "TOKENIZER", "PROMPT", "CONFIG", "CODE", "CONTAINER"))),
]  # fmt: skip


def of(version: str, model: str = HELPER) -> dict[str, Any]:
    return {"modelId": model, "version": version}


async def conditions(service: Service, by: Person, verdict: str, *demands: str, **said: Any) -> list[str]:
    """The ids of the conditions that a decision sets."""
    selected = "approval { conditions { conditionId } }"
    decided = await service.do("submitApproval", by, selected, verdict=verdict, conditions=demands, **said)
    return [each["conditionId"] for each in decided["approval"]["conditions"]]


async def attach(service: Service, by: Person = BOB, **said: Any) -> str:
    payload = await service.do("attachEvidence", by, "evidence { evidenceId }", **ACCESS_VERIFIED | said)
    return str(payload["evidence"]["evidenceId"])


async def registered(service: Service, version: str, **said: Any) -> dict[str, Any]:
    """Another version of the helper, with its papers but without evidence."""
    purpose: dict[str, Any] = {"purpose": "Tells a customer where an order is", "useCases": ["Say when it comes"]}
    await service.do("registerModelVersion", ALICE, **purpose, **ANSWERED_BY, **of(version), **said)
    return await documented(service, of(version))


async def documented(service: Service, version: dict[str, Any], by: Person = ALICE) -> dict[str, Any]:
    await service.do("saveModelCard", by, **version, card=CARD)
    await service.do("linkDatasheet", by, **version, **TICKETS)
    await service.do("createRiskAssessment", by, **version, responses=[*RATED, LEAKAGE])
    return version


async def decided(service: Service, version: dict[str, Any], *by: Person, verdict: str = "APPROVED", **said: Any) -> None:
    for each in by:
        await service.do("submitApproval", each, **version, verdict=verdict, **said)


async def first(service: Service) -> None:
    """A draft of which nothing is said but what must be, and then so much at once that its event cites a list as a whole."""
    named = {"name": "First steps", "purpose": "Shows how it is done"}
    await service.do("registerModel", ALICE, **of("1", "first-steps"), **named, **ANSWERED_BY)
    much = [f"It must not be used for what stands in paragraph {number}: {'so and so, ' * 15}" for number in range(200)]
    await service.do("updateModelVersion", ALICE, **of("1", "first-steps"), restrictions=much)


async def helpers(service: Service) -> None:
    """The first version is eligible, the second obliged, the third waits, the fourth was rejected twice, the fifth is held."""
    words: dict[str, Any] = {
        "name": "Order helper",
        "description": "Looks orders up.",
        "tags": ["orders", "chat"],
        "restrictions": [LONG],
    }
    said: dict[str, Any] = {
        "purpose": "Tells a customer where an order is",
        "useCases": ["Say when it comes", "Say what it costs"],
    }
    await service.do("registerModel", ALICE, **words, **said, **ANSWERED_BY, **of("1.0.0"), artifacts=ARTIFACTS)
    first = await documented(service, of("1.0.0"))
    await attach(service, **first)
    await submit(service, **first)
    await decided(service, first, CAROL, DAVID, ALICE)
    await obliged(service)
    await waiting(service)
    await rejected(service)
    await held(service)


async def obliged(service: Service) -> None:
    """Approved with conditions that are to be met after deployment: one confirmed, one satisfied, one open."""
    governed, called = (
        {"governed": of("1.0.0")},
        {"name": "translator", "version": "2026-01", "uri": "https://example.org/translate"},
    )
    upon = [{"relation": "FINE_TUNED_FROM", "on": governed}, {"relation": "CALLS", "on": {"external": called}}]
    second = await registered(service, "1.1.0", dependsOn=upon)
    shown = await attach(service, **second, sha256="cd" * 32, note="Seen by two.", validUntil=in_days(service.now, 900))
    await submit(service, **second)
    demands = await conditions(
        service, CAROL, "APPROVED", "Watch it", "Ask ten people", "Tell the shop", **second, comments="Well."
    )
    await service.do("satisfyCondition", ALICE, **second, conditionId=demands[0], note="Watched.", evidenceId=shown)
    await service.do("confirmCondition", CAROL, **second, conditionId=demands[0], comments="Seen.")
    await service.do("satisfyCondition", ALICE, **second, conditionId=demands[1], evidenceId=shown)
    await decided(service, second, DAVID, expiresAt=in_days(service.now, 700))
    await decided(service, second, ALICE)


async def waiting(service: Service) -> None:
    """A conditional approval with a condition in each state, one that was withdrawn, and one that was given again."""
    third = await registered(service, "1.2.0")
    gone, shown = await attach(service, **third), await attach(service, **third, title="Access review of March")
    await service.do("withdrawEvidence", BOB, **third, evidenceId=gone, reason="It was about another system.")
    await submit(service, **third)
    demands = await conditions(service, CAROL, "CONDITIONAL", "Test it", "Name somebody", "Write it down", **third)
    await service.do("satisfyCondition", ALICE, **third, conditionId=demands[0], evidenceId=shown)
    await service.do("confirmCondition", CAROL, **third, conditionId=demands[0])
    await service.do("satisfyCondition", ALICE, **third, conditionId=demands[1], note="Somebody is named.")
    await decided(service, third, DAVID, ALICE, ALICE)
    await service.do("withdrawApproval", DAVID, **third, reason="I looked at the wrong one.")


async def rejected(service: Service) -> None:
    fourth = await registered(service, "1.3.0")
    await submit(service, **fourth)
    await conditions(service, CAROL, "CONDITIONAL", "Test it", **fourth)
    await decided(service, fourth, DAVID, verdict="REJECTED", comments="It leaks.")
    await submit(service, **fourth)
    await decided(service, fourth, CAROL, verdict="REJECTED", comments="It is not fair.")


async def held(service: Service) -> None:
    """Approved, one requirement waived, one hold lifted and one standing, one waiver revoked and one that ended."""
    fifth = await registered(service, "1.4.0")
    await submit(service, **fifth)
    await decided(service, fifth, CAROL, DAVID, ALICE)
    for requirement, days in (("POL-003.access-control", 180), ("POL-001.evaluation", 180), ("POL-002.mitigations", 5)):
        waiver = await service.do(
            "grantWaiver", RITA, "waiver { waiverId }", **fifth, requirementId=requirement, rationale="Nobody can look in yet.",
            expiresAt=in_days(service.now, days),
        )  # fmt: skip
        if requirement == "POL-001.evaluation":
            await service.do("revokeWaiver", RITA, **fifth, **waiver["waiver"], reason="It was evaluated.")
    lifted = await service.do("placeHold", CAROL, "hold { holdId }", **fifth, reason="A complaint came.")
    await service.do("liftHold", CAROL, **fifth, **lifted["hold"], reason="It was about another one.")
    await service.do("placeHold", CORA, **fifth, reason="The law changes.")


async def lapsing(service: Service) -> None:
    """Approvals and evidence that end by themselves; of one version nothing is stored afterwards, of the other something is."""
    for version in ("1.5.0", "1.6.0"):
        lapses = await registered(service, version)
        await attach(service, **lapses, validUntil=in_days(service.now, 30))
        await submit(service, **lapses)
        await decided(service, lapses, CAROL, ALICE)
        await decided(service, lapses, DAVID, expiresAt=in_days(service.now, 20))


async def lapsed(service: Service) -> None:
    await attach(service, **of("1.6.0"), title="Another one")


async def retired(service: Service) -> None:
    """A version that was approved and held, and a draft that was made from it; evidence for the draft begins and ends later."""
    old = await registered(service, "1.7.0")
    await attach(service, **old)
    await submit(service, **old)
    await decided(service, old, CAROL, DAVID, ALICE)
    relations = ("DISTILLED_FROM", "ADAPTER_OF", "EMBEDS", "EVALUATED_BY")
    new = await registered(service, "2.0.0-rc.1", dependsOn=[{"relation": each, "on": {"governed": old}} for each in relations])
    await attach(service, **new, effectiveFrom=in_days(service.now, 300), validUntil=in_days(service.now, 600))
    await service.do("placeHold", DAVID, **old, reason="It leaks.")
    await service.do("retireModelVersion", ALICE, **old, reason="It leaks.")


async def stale(service: Service) -> None:
    """What was approved changes, and with it every approval; one of the two runs somewhere."""
    await service.do("saveModelCard", ALICE, **of("1.1.0"), card=FULL_CARD)
    await service.do("updateModelVersion", ALICE, **of("1.1.0"), restrictions=["Not for refunds"])
    await service.do("saveModelCard", ALICE, **of("1", ARCHIVE), card={"recommendations": ["Ask a librarian."]})


async def scorers(service: Service) -> None:
    """Tier 1, by its words and by decision: risks of each band, accepted and not; a review that is overdue by the end."""
    first = of("1.0", SCORER)
    said: dict[str, Any] = {"name": "Scorer", "purpose": "Grades credit", "useCases": ["Tell good creditworthiness"]}
    await service.do("registerModel", NINA, **said, **first, ownerId=NINA.id, dataStewardId=NINA.id)
    await documented(service, first, NINA)
    await attach(service, NINA, **first)
    await attach(service, NINA, **first, requirementId="POL-006.impact")
    await service.do("assignAccountability", NINA, **first, role="ETHICS_REVIEWER", userId=CAROL.id)
    await service.do("assignAccountability", CORA, **first, role="COMPLIANCE_OFFICER", userId=CORA.id)
    responses = [*RATED, LEAKAGE, *rated(5, 4, "PRIV-001", "OPS-001"), *rated(4, 3, "REG-001")]
    await service.do("createRiskAssessment", NINA, **first, responses=responses, ownRisks=OWN_RISKS)
    for risk, days in (("PRIV-001", 900), ("PRIV-001", 1000), ("OPS-001", 15), ("REG-001", 900)):
        accepted = {"riskId": risk, "rationale": "The bank bears it.", "expiresAt": in_days(service.now, days)}
        await service.do("acceptRisk", RITA, **first, **accepted)
    more, selected = rated(5, 5, "REG-001"), "riskAssessment { assessmentId }"
    assessed = await service.do("createRiskAssessment", NINA, selected, **first, responses=more, carryOver=True)
    await service.do("approveRiskAssessment", RITA, **first, **assessed["riskAssessment"])
    await submit(service, NINA, **first)
    await decided(service, first, CAROL, DAVID, NINA, CORA)
    await service.do("completeReview", RITA, **first, **REVIEW)
    for version, likelihood, impact in (("1.1", 1, 1), ("1.2", 5, 5), ("1.3", 3, 4)):
        other = of(version, SCORER)
        await service.do("registerModelVersion", NINA, purpose=said["purpose"], **other, ownerId=NINA.id, dataStewardId=NINA.id)
        await service.do("createRiskAssessment", RITA, **other, responses=rated(likelihood, impact))
    await service.do("mitigateRisk", NINA, **of("1.3", SCORER), riskId="SEC-001", owner=DAVID.id, reviewDate="2027-02-28")
    await service.do("setRiskTier", RITA, **of("1.2", SCORER), tier="TIER_2_IMPORTANT", rationale="People decide.")


async def archives(service: Service) -> None:
    """Tier 3: a card generated and imported from each format, a datasheet pinned to an older revision than the newest."""
    first = of("1", ARCHIVE)
    await service.do("registerModel", ALICE, name="Archive search", purpose="Finds papers", **first, **ANSWERED_BY)
    await service.do("importModelCard", ALICE, **first, format="CYCLONE_DX", text=LEAF)
    await service.do("generateModelCard", ALICE, **first, **RUN)
    await service.do("importModelCard", ALICE, **first, format="HUGGING_FACE_RESULTS", text=RESULTS)
    await service.do(
        "saveModelCard", ALICE, **first, card={"knownLimitations": ["Weak on drawings."], "risks": FULL_CARD["risks"]}
    )
    for each in ({"datasetName": "Papers"}, FULL_DATASHEET, {"datasetName": "Papers", "maintainer": "Nobody"}):
        await service.do("saveDatasheet", BOB, **PAPERS, datasheet=each)
    await service.do(
        "saveDatasheet", BOB, datasetId="calls", datasheet={"datasetName": "Calls", "confidentiality": "CONFIDENTIAL"}
    )
    await service.do("saveDatasheet", BOB, datasetId="unknown", datasheet={"datasetName": "Whatever there was"})
    await service.do("linkDatasheet", BOB, **first, **PAPERS, revision=2)
    await service.do("createRiskAssessment", ALICE, **first, responses=[*RATED, LEAKAGE])
    await attach(service, **first)
    await submit(service, **first)
    await decided(service, first, DAVID, ALICE)
    bare = of("2", ARCHIVE)
    await service.do("registerModelVersion", ALICE, purpose="Finds papers", **bare, **ANSWERED_BY)
    await submit(service, **bare)
    await decided(service, bare, DAVID)
    cards = [{"text": IN_BRIEF, "modelId": "leaf-reader"}, {"text": UNNAMED}, {"text": IN_BRIEF, "modelId": "leaf-reader"}]
    await service.do("importModels", ALICE, source={"huggingFace": cards}, **ANSWERED_BY)
