"""The first acceptance test: the worked example of the brief, over HTTP, by its four people."""

from typing import Any

import pytest

from tests.examples import (
    BOT,
    LEAKAGE,
    RATED,
    TICKETS,
    approvals,
    assess,
    attach,
    decide,
    read,
    register,
    save_card,
    save_datasheet,
    submit,
)
from tests.service import ALICE, AUDREY, CAROL, DAVID, Service

CONDITION = "Watch it for 30 days after deployment"
REMEDY = "remedy { mutation arguments fill permitted }"
ELIGIBILITY = f"""
  eligible status tier
  missingApprovals {{ role policies status candidates {{ userId }} {REMEDY} }}
  violations {{ policyId requirementId title reason {REMEDY} }}
  openConditions {{ role condition {{ text }} }}
"""


async def eligibility(service: Service) -> Any:
    return (await read(service, f"eligibility {{ {ELIGIBILITY} }}"))["eligibility"]


async def reviewed_too_early(service: Service) -> None:
    """Registered, assessed on three templates, submitted, and approved by ethics and security with a condition."""
    await register(service)
    await assess(service, *RATED)
    await submit(service)
    for reviewer in (CAROL, DAVID):
        await decide(service, reviewer, comments="Reviewed.", conditions=[CONDITION])


async def completed(service: Service) -> None:
    """The card, the steward's datasheet, the evidence, and an assessment that answers SEC-002 too."""
    await save_card(service)
    await save_datasheet(service)
    await service.do("linkDatasheet", **BOT | TICKETS)
    await attach(service)
    await assess(service, LEAKAGE, carryOver=True)


async def test_the_customer_puts_it_into_tier_2_and_three_answers_make_it_medium(service: Service) -> None:
    registered = (await register(service))["modelVersion"]
    assert registered == {"tier": "TIER_2_IMPORTANT", "status": "DRAFT"}
    found = await read(service, "classification { matches { keyword source } }")
    assert found == {"classification": {"matches": [{"keyword": "customer", "source": "purpose"}]}}
    made = (await assess(service, *RATED))["riskAssessment"]
    assert (made["overallScore"], made["band"]) == (pytest.approx(184.6 / 27), "MEDIUM")


async def test_every_requirement_that_is_not_met_is_named_with_its_remedy(service: Service) -> None:
    await reviewed_too_early(service)
    found = await eligibility(service)
    assert (found["eligible"], found["status"]) == (False, "PENDING_APPROVAL")
    (missing,) = found["missingApprovals"]
    assert missing == {
        "role": "MODEL_OWNER", "policies": ["POL-001"], "status": "PENDING", "candidates": [{"userId": "alice"}],
        "remedy": {
            "mutation": "submitApproval", "arguments": BOT | {"role": "MODEL_OWNER", "verdict": "APPROVED"},
            "fill": ["comments"], "permitted": ["MODEL_OWNER"],
        },
    }  # fmt: skip
    assert {each["requirementId"]: each["remedy"]["mutation"] for each in found["violations"]} == {
        "POL-001.intended-use": "saveModelCard",
        "POL-001.training-data": "linkDatasheet",
        "POL-001.evaluation": "saveModelCard",
        "POL-001.limitations": "saveModelCard",
        "POL-002.fairness-metrics": "saveModelCard",
        "POL-002.potential-harms": "saveModelCard",
        "POL-002.mitigations": "saveModelCard",
        "POL-003.data-leakage": "createRiskAssessment",
        "POL-003.access-control": "attachEvidence",
    }
    assert all(each["title"] and each["reason"] and each["remedy"]["permitted"] for each in found["violations"])
    assert found["openConditions"] == [
        {"role": role, "condition": {"text": CONDITION}} for role in ("ETHICS_REVIEWER", "SECURITY_REVIEWER")
    ]  # fmt: skip


async def test_what_was_approved_before_the_papers_were_complete_is_stale_and_says_why(service: Service) -> None:
    await reviewed_too_early(service)
    await completed(service)
    stale = ("STALE", ["CARD", "ASSESSMENT", "DATASHEETS"])
    assert await approvals(service) == {"ETHICS_REVIEWER": stale, "SECURITY_REVIEWER": stale}
    found = await eligibility(service)
    assert [each["status"] for each in found["missingApprovals"]] == ["PENDING", "STALE", "STALE"]
    assert (found["eligible"], found["violations"], found["openConditions"]) == (False, [], [])


async def test_decided_again_it_is_eligible_reported_whole_and_proven(service: Service) -> None:
    await reviewed_too_early(service)
    await completed(service)
    for reviewer in (CAROL, DAVID):
        await decide(service, reviewer, conditions=[CONDITION])
    await decide(service, ALICE)
    found = await eligibility(service)
    assert (found["eligible"], found["status"], found["tier"]) == (True, "APPROVED", "TIER_2_IMPORTANT")
    assert (found["missingApprovals"], found["violations"]) == ([], [])
    assert [each["condition"]["text"] for each in found["openConditions"]] == [CONDITION] * 2

    report = await service.ask(
        """query($modelId: String!, $version: String!) { governanceReport(modelId: $modelId, version: $version) {
          modelInfo { modelId name version tier status }
          ownership { owner { userId department } dataSteward { userId } }
          purposeAndScope { purpose useCases restrictions }
          governance { policiesApplied { policyId enforcement } approvals { role status reviewerName comments } }
          deploymentEligibility { eligible openConditions { role } }
          reviewSchedule { lastReview nextReview }
        } }""",
        **BOT,
    )
    assert report["governanceReport"] == {
        "modelInfo": BOT | {"name": "Support assistant", "tier": "TIER_2_IMPORTANT", "status": "APPROVED"},
        "ownership": {"owner": {"userId": "alice", "department": "ML Engineering"}, "dataSteward": {"userId": "bob"}},
        "purposeAndScope": {
            "purpose": "Answers what a customer asks most often",
            "useCases": ["Explain what is sold", "Say where an order is", "Take in requests for refunds"],
            "restrictions": [],
        },
        "governance": {
            "policiesApplied": [
                {"policyId": "POL-001", "enforcement": "BLOCKING"}, {"policyId": "POL-002", "enforcement": "BLOCKING"},
                {"policyId": "POL-003", "enforcement": "BLOCKING"}, {"policyId": "POL-004", "enforcement": "ADVISORY"},
            ],
            "approvals": [
                {"role": "ETHICS_REVIEWER", "status": "SUPERSEDED", "reviewerName": "Carol", "comments": "Reviewed."},
                {"role": "SECURITY_REVIEWER", "status": "SUPERSEDED", "reviewerName": "David", "comments": "Reviewed."},
                {"role": "ETHICS_REVIEWER", "status": "APPROVED", "reviewerName": "Carol", "comments": ""},
                {"role": "SECURITY_REVIEWER", "status": "APPROVED", "reviewerName": "David", "comments": ""},
                {"role": "MODEL_OWNER", "status": "APPROVED", "reviewerName": "Alice", "comments": ""},
            ],
        },
        "deploymentEligibility": {
            "eligible": True, "openConditions": [{"role": "ETHICS_REVIEWER"}, {"role": "SECURITY_REVIEWER"}],
        },
        "reviewSchedule": {"lastReview": None, "nextReview": "2026-08-28T12:00:00.123Z"},
    }  # fmt: skip

    verified = await service.ask("{ auditVerification { valid eventsVerified treeSize faults { kind } } }", AUDREY)
    trail = await service.size()
    assert verified["auditVerification"] == {"valid": True, "eventsVerified": trail, "treeSize": trail, "faults": []}
