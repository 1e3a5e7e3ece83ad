"""What a version is and how critical: when that changes, policies follow and approvals go stale; and how it ends."""

from typing import Any

from documents.access import GovernanceRole
from documents.audit.event import AuditEventType
from documents.risk.scales import RiskTier
from tests.examples import (
    BOT,
    EXPERIMENT,
    LEAKAGE,
    RATED,
    approvals,
    approved,
    assess,
    decide,
    eligible,
    read,
    refusal,
    register,
    submit,
    submitted,
)
from tests.journey import FROM_OUTSIDE, WEIGHTS
from tests.service import ADA, ALICE, CAROL, DAVID, RITA, Person, Service, person

TIER_1, TIER_2, TIER_3, TIER_4 = (each.name for each in RiskTier)
OWNER, ETHICS, SECURITY = "MODEL_OWNER", "ETHICS_REVIEWER", "SECURITY_REVIEWER"
OLGA, BEA = person("olga", GovernanceRole.MODEL_OWNER), person("bea", GovernanceRole.BUSINESS_OWNER)
COUNTS: tuple[str, list[str]] = ("APPROVED", [])
STALE_BY_TIER: tuple[str, list[str]] = ("STALE", ["TIER"])


async def tiered(service: Service, tier: str, rationale: str = "It was looked at.") -> None:
    await service.do("setRiskTier", RITA, **BOT, tier=tier, rationale=rationale)


async def amend(service: Service, by: Person = ALICE, **said: Any) -> None:
    await service.do("updateModelVersion", by, **BOT | said)


async def bound(service: Service) -> tuple[str, list[str], list[str]]:
    """The status, the roles that are required, and the policies that bind the round."""
    found = await read(
        service, "status requiredApprovals { role } standing { requiredRoles } round { tier policies { policyId } } tier"
    )
    roles = [each["role"] for each in found["requiredApprovals"]]
    assert roles == found["standing"]["requiredRoles"] and found["round"]["tier"] == found["tier"]
    return found["status"], roles, [each["policyId"] for each in found["round"]["policies"]]


ALL_FOUR = ["POL-001", "POL-002", "POL-003", "POL-004"]


async def test_a_lighter_tier_binds_to_its_policies_at_once_and_makes_approvals_stale(service: Service) -> None:
    await approved(service)
    assert await bound(service) == ("APPROVED", [OWNER, ETHICS, SECURITY], ALL_FOUR)
    await tiered(service, TIER_3)
    assert await bound(service) == ("PENDING_APPROVAL", [OWNER, SECURITY], ["POL-001", "POL-003", "POL-004"])
    assert await approvals(service) == dict.fromkeys([ETHICS, SECURITY, OWNER], STALE_BY_TIER)
    assert (await read(service, "round { number } closedRounds { number }")) == {"round": {"number": 1}, "closedRounds": []}
    refused = await refusal(service, "submitApproval", CAROL, role=ETHICS, verdict="APPROVED")
    assert refused["code"] == "FORBIDDEN"  # nobody asks for it any more
    for each in (DAVID, ALICE):
        await decide(service, each)
    assert (await bound(service))[0] == "APPROVED"


async def test_approvals_count_again_when_the_tier_is_what_it_was(service: Service) -> None:
    await approved(service)
    await tiered(service, TIER_1)
    assert await approvals(service) == dict.fromkeys([ETHICS, SECURITY, OWNER], STALE_BY_TIER)
    await tiered(service, TIER_2)
    assert await approvals(service) == dict.fromkeys([ETHICS, SECURITY, OWNER], COUNTS)
    assert await bound(service) == ("APPROVED", [OWNER, ETHICS, SECURITY], ALL_FOUR)


async def test_a_more_critical_tier_is_decided_by_those_authorised_for_it(service: Service) -> None:
    tim = person("tim", GovernanceRole.SECURITY_REVIEWER, tiers=(RiskTier.TIER_2_IMPORTANT,))
    await service.enrol(tim)
    await submitted(service)
    await decide(service, tim)
    await tiered(service, TIER_1)
    refused = await refusal(service, "submitApproval", tim, verdict="APPROVED")
    assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["authorised for TIER_1_CRITICAL"])
    await decide(service, DAVID)
    found = await read(service, "requiredApprovals { role status }")
    assert {"role": SECURITY, "status": "APPROVED"} in found["requiredApprovals"]


async def test_tier_4_approves_what_is_pending_at_once_and_from_there_it_must_be_approved(service: Service) -> None:
    await submitted(service)
    await tiered(service, TIER_4)
    assert await bound(service) == ("APPROVED", [], [])
    assert (await read(service, "eligibility { eligible } standing { nextReview }")) == {
        "eligibility": {"eligible": True}, "standing": {"nextReview": None}
    }  # fmt: skip
    await tiered(service, TIER_3)
    assert await bound(service) == ("PENDING_APPROVAL", [OWNER, SECURITY], ["POL-001", "POL-003", "POL-004"])
    found = await read(service, "eligibility { eligible } standing { nextReview }")
    assert not found["eligibility"]["eligible"] and found["standing"]["nextReview"] == "2027-03-01T12:00:00.123Z"


async def test_a_rejected_version_is_not_approved_by_tier_4_before_it_is_submitted_again(service: Service) -> None:
    await submitted(service)
    await decide(service, CAROL, "REJECTED")
    await tiered(service, TIER_4)
    assert (await read(service, "status"))["status"] == "REJECTED"
    assert (await submit(service))["modelVersion"] == {"status": "APPROVED"}


async def test_a_draft_is_held_to_the_policies_of_its_new_tier(service: Service) -> None:
    await register(service)
    await tiered(service, TIER_3, "It only ranks.")
    found = await read(service, "tier tierRationale classification { tier } standing { requiredRoles }")
    assert found == {
        "tier": TIER_3, "tierRationale": "It only ranks.", "classification": {"tier": TIER_2},
        "standing": {"requiredRoles": [OWNER, SECURITY]},
    }  # fmt: skip


async def test_a_tier_is_set_with_a_rationale_and_to_something_new(service: Service) -> None:
    await register(service)
    refused = await refusal(service, "setRiskTier", RITA, tier=TIER_3, rationale=" ")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.rationale")
    await tiered(service, TIER_3)
    refused = await refusal(service, "setRiskTier", RITA, tier=TIER_3, rationale="It was looked at.")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input")


TALKS, RANKS = "Answers what a customer asks most often", "Ranks what was written"
LENDS, TRIES = "Decides who gets a credit", "An experimental summary"


async def test_words_raise_a_tier_and_never_lower_it(service: Service) -> None:
    words = [
        (RANKS, TALKS, TIER_2), (RANKS, LENDS, TIER_1), (TALKS, LENDS, TIER_1), (TRIES, RANKS, TIER_3),
        (LENDS, TALKS, TIER_1), (TALKS, TRIES, TIER_2), (RANKS, "Ranks what is read", TIER_3),
    ]  # fmt: skip
    for place, (registered, amended, tier) in enumerate(words):
        of: dict[str, Any] = {"modelId": f"model-{place}"}
        await register(service, purpose=registered, useCases=[], **of)
        await amend(service, purpose=amended, **of)
        assert await read(service, "tier tierRationale", **of) == {"tier": tier, "tierRationale": None}


async def test_a_tier_that_a_risk_manager_made_lighter_stands_until_words_call_for_more(service: Service) -> None:
    async def tier() -> tuple[str, str, str | None]:
        found = await read(service, "tier tierRationale classification { tier }")
        return found["tier"], found["classification"]["tier"], found["tierRationale"]

    why = "It only ranks what people wrote."
    await register(service, purpose=LENDS, useCases=[])
    await tiered(service, TIER_3, why)
    await amend(service, purpose=f"{LENDS}, one by one", artifacts=[WEIGHTS], restrictions=["Not for minors"])
    assert await tier() == (TIER_3, TIER_1, why)
    await amend(service, purpose=TALKS)
    assert await tier() == (TIER_3, TIER_2, why)
    await amend(service, useCases=["Say who may get a credit"])
    assert await tier() == (TIER_1, TIER_1, None)


async def test_words_that_raise_the_tier_bind_to_its_policies(service: Service) -> None:
    await submitted(service, purpose=RANKS, useCases=[])
    for each in (DAVID, ALICE):
        await decide(service, each)
    assert (await bound(service))[:2] == ("APPROVED", [OWNER, SECURITY])
    await amend(service, purpose=TALKS)
    assert await bound(service) == ("PENDING_APPROVAL", [OWNER, ETHICS, SECURITY], ALL_FOUR)
    assert await approvals(service) == dict.fromkeys([SECURITY, OWNER], ("STALE", ["SCOPE", "TIER"]))


async def test_what_is_changed_makes_approvals_stale_and_names_the_part(service: Service) -> None:
    await submitted(service)
    changes: list[tuple[dict[str, Any], str]] = [
        ({"purpose": "Answers what customers ask"}, "SCOPE"), ({"useCases": ["Explain what is sold"]}, "SCOPE"),
        ({"restrictions": ["Not for minors"]}, "SCOPE"), ({"artifacts": [WEIGHTS]}, "ARTIFACTS"),
        ({"dependsOn": [FROM_OUTSIDE]}, "DEPENDENCIES"),
    ]  # fmt: skip
    for said, part in changes:
        await decide(service, CAROL)
        await amend(service, **said)
        assert await approvals(service) == {ETHICS: ("STALE", [part])}


SCOPE = "purpose useCases restrictions artifacts { kind } dependsOn { relation }"


async def test_what_is_left_out_stays_and_null_empties_a_list(service: Service) -> None:
    await register(service, restrictions=["Not for minors"], artifacts=[WEIGHTS], dependsOn=[FROM_OUTSIDE])
    before = await read(service, SCOPE)
    await amend(service, purpose=RANKS)
    assert await read(service, SCOPE) == before | {"purpose": RANKS}
    emptied: dict[str, Any] = {"useCases": None, "restrictions": [], "artifacts": None, "dependsOn": None}
    for name, empty in emptied.items():
        await amend(service, ALICE, **{name: empty})
        before[name] = []
        assert await read(service, SCOPE) == before | {"purpose": RANKS}
    for purpose in (None, "", " "):
        refused = await refusal(service, "updateModelVersion", ALICE, purpose=purpose, useCases=["Another"])
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.purpose")
    for nothing in ({}, {"purpose": RANKS}):
        refused = await refusal(service, "updateModelVersion", ALICE, **nothing)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input")


EVERYTHING: dict[str, Any] = {
    "purpose": RANKS, "useCases": ["Rank"], "restrictions": ["Not for minors"], "artifacts": [WEIGHTS],
    "dependsOn": [FROM_OUTSIDE],
}  # fmt: skip


async def test_business_owners_and_services_change_what_is_theirs(service: Service) -> None:
    await service.enrol(BEA, OLGA)
    await register(service)
    listed = {"service": {"name": "training", "mutations": ["UPDATE_MODEL_VERSION"]}}
    program = Person("training", (await service.do("createApiToken", ADA, "token", name="pipeline", holder=listed))["token"])
    theirs = {BEA: {"useCases", "restrictions"}, program: {"artifacts"}}
    for who, permitted in theirs.items():
        for name in EVERYTHING.keys() - permitted:
            said = {each: EVERYTHING[each] for each in (name, *permitted)}
            refused = await refusal(service, "updateModelVersion", who, **said)
            assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["MODEL_OWNER (owner)"])
            assert name in refused["problem"] and not any(each in refused["problem"] for each in permitted)
        await amend(service, who, **{each: EVERYTHING[each] for each in permitted})
    assert (await refusal(service, "updateModelVersion", OLGA, **EVERYTHING))["code"] == "FORBIDDEN"
    await amend(service, BEA, useCases=["Decide about a credit"])
    assert (await read(service, "tier"))["tier"] == TIER_1


async def test_what_is_retired_is_not_eligible_and_offers_no_remedy(service: Service) -> None:
    await service.enrol(OLGA)
    await eligible(service)
    await service.do("submitApproval", DAVID, **BOT, verdict="CONDITIONAL", conditions=["Watch it"])
    await service.do("placeHold", CAROL, **BOT, reason="Somebody was misled.")
    assert (await refusal(service, "retireModelVersion", OLGA, reason="It is not hers."))["code"] == "FORBIDDEN"
    service.later(days=400)  # the review is overdue
    done = await service.do("retireModelVersion", ALICE, "modelVersion { retired { by reason } }", **BOT, reason="2.0 took over.")
    assert done["modelVersion"]["retired"] == {"by": "alice", "reason": "2.0 took over."}
    assert (await service.last())["event_type"] == AuditEventType.MODEL_RETIRED
    remedy = "remedy { mutation }"
    asked = f"openConditions {{ role }} missingApprovals {{ {remedy} }} holds {{ {remedy} }} advisories {{ {remedy} }}"
    found = await read(service, f"status eligibility {{ eligible status {asked} violations {{ {remedy} }} }}")
    judged = found["eligibility"]
    assert (found["status"], judged["status"], judged["eligible"], judged["openConditions"]) == ("RETIRED", "RETIRED", False, [])
    for kind, many in {"missingApprovals": 1, "holds": 1, "advisories": 4, "violations": 0}.items():
        assert judged[kind] == [{"remedy": None}] * many


async def test_an_experiment_that_is_retired_is_not_eligible(service: Service) -> None:
    await submitted(service, **EXPERIMENT)
    assert (await read(service, "eligibility { eligible }"))["eligibility"]["eligible"]
    await service.do("retireModelVersion", **BOT, reason="It was tried.")
    assert not (await read(service, "eligibility { eligible }"))["eligibility"]["eligible"]


JUDGED = "eligibility { eligible violations { requirementId reason remedy { mutation arguments } } }"
BY_ASSESSMENT = ["POL-002.bias-assessment", "POL-003.prompt-injection", "POL-003.data-leakage"]


async def violations(service: Service) -> dict[str, Any]:
    return {each["requirementId"]: each for each in (await read(service, JUDGED))["eligibility"]["violations"]}


async def test_an_assessment_for_a_lighter_tier_does_not_count_until_the_risks_are_assessed_anew(service: Service) -> None:
    await eligible(service)
    await tiered(service, TIER_1)
    found = await violations(service)
    assert list(found) == BY_ASSESSMENT
    assert (await read(service, "standing { violations }"))["standing"]["violations"] == BY_ASSESSMENT
    for each in found.values():
        assert each["reason"] == "the latest assessment was made for TIER_2_IMPORTANT"
        assert each["remedy"]["mutation"] == "createRiskAssessment" and each["remedy"]["arguments"]["carryOver"] is False
    refused = await refusal(service, "createRiskAssessment", ALICE, responses=[LEAKAGE], carryOver=True)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.carryOver")
    await assess(service, *RATED, LEAKAGE)
    assert await violations(service) == {}


async def test_an_assessment_counts_in_a_lighter_tier_and_when_the_tier_is_what_it_was(service: Service) -> None:
    await eligible(service)
    for tier, broken in ((TIER_3, []), (TIER_1, BY_ASSESSMENT), (TIER_2, [])):
        await tiered(service, tier)
        assert list(await violations(service)) == broken


async def test_words_that_raise_the_tier_leave_the_assessment_behind(service: Service) -> None:
    await eligible(service)
    await amend(service, useCases=["Say who may get a credit"])
    assert list(await violations(service)) == BY_ASSESSMENT
