"""Who may decide about a version, what a decision is about, and how long it counts."""

import json
from asyncio import gather
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from documents.access import GovernanceRole
from documents.audit.event import AuditEventType
from documents.risk.scales import RiskTier
from documents.versions.dossier import Dossier, DossierPart
from documents.versions.lifecycle import DECIDABLE
from tests.examples import (
    BOT,
    CARD,
    EXPERIMENT,
    LEAKAGE,
    TICKETS,
    approvals,
    approved,
    assess,
    attach,
    deactivate,
    decide,
    document,
    eligible,
    read,
    register,
    save_card,
    save_datasheet,
    submit,
    submitted,
)
from tests.service import ALICE, BOB, CAROL, DAVID, RITA, Service, mutating, person

ETHICS, SECURITY, OWNER = GovernanceRole.ETHICS_REVIEWER, GovernanceRole.SECURITY_REVIEWER, GovernanceRole.MODEL_OWNER
EVE = person("eve", ETHICS, SECURITY)
OLGA = person("olga", OWNER, ETHICS)
TIM = person("tim", SECURITY, tiers=(RiskTier.TIER_3_STANDARD,))

COUNTS: tuple[str, list[str]] = ("APPROVED", [])


async def refusal(service: Service, by: Any, **said: Any) -> dict[str, Any]:
    """The refusal of a decision."""
    return await service.refused("submitApproval", by, **BOT | {"verdict": "APPROVED"} | said)


async def status(service: Service) -> str:
    return str((await read(service, "status"))["status"])


async def test_one_person_decides_in_one_role_only_in_this_round_and_the_next(service: Service) -> None:
    await service.enrol(EVE)
    await submitted(service)
    await decide(service, EVE, role="ETHICS_REVIEWER")
    assert (await refusal(service, EVE, role="SECURITY_REVIEWER"))["code"] == "FORBIDDEN"
    await decide(service, EVE, role="ETHICS_REVIEWER", verdict="REJECTED")
    await submit(service)
    assert (await refusal(service, EVE, role="SECURITY_REVIEWER"))["code"] == "FORBIDDEN"
    assert (await decide(service, EVE, role="ETHICS_REVIEWER"))["status"] == "APPROVED"


async def test_of_two_decisions_at_once_in_two_roles_one_is_refused(service: Service) -> None:
    await service.enrol(EVE)
    await submitted(service)
    said = [BOT | {"verdict": "APPROVED", "role": role} for role in ("ETHICS_REVIEWER", "SECURITY_REVIEWER")]
    answers = await gather(*(service.post(mutating("submitApproval", ""), {"input": each}, EVE) for each in said))
    codes = [error["extensions"]["code"] for answer in answers for error in answer.json().get("errors", ())]
    assert (codes, len(await approvals(service))) == (["FORBIDDEN"], 1)


async def test_whoever_submitted_decides_as_model_owner_only(service: Service) -> None:
    await service.enrol(OLGA)
    await register(service, OLGA, ownerId="olga")
    await submit(service, OLGA)
    assert (await refusal(service, OLGA, role="ETHICS_REVIEWER"))["code"] == "FORBIDDEN"
    assert (await decide(service, OLGA, role="MODEL_OWNER"))["status"] == "APPROVED"


async def test_whoever_submitted_an_earlier_round_stays_separate_when_somebody_else_owns_the_version(service: Service) -> None:
    mia = person("mia", OWNER, SECURITY, GovernanceRole.RISK_MANAGER)
    await service.enrol(mia)
    await register(service, mia, ownerId="mia")
    await submit(service, mia)
    await decide(service, CAROL, "REJECTED")
    await service.do("assignAccountability", mia, **BOT, role="MODEL_OWNER", userId="alice")
    await submit(service, ALICE)
    found = await read(service, "requiredApprovals { role candidates { userId } }")
    candidates = {each["role"]: [who["userId"] for who in each["candidates"]] for each in found["requiredApprovals"]}
    assert candidates["SECURITY_REVIEWER"] == ["david"] and "mia" in candidates["MODEL_OWNER"]
    assert (await refusal(service, mia, role="SECURITY_REVIEWER"))["code"] == "FORBIDDEN"
    waived = {"requirementId": "POL-003.access-control", "rationale": "It is late.", "expiresAt": "2027-01-01T00:00:00Z"}
    assert (await service.refused("grantWaiver", mia, **BOT, **waived))["code"] == "FORBIDDEN"


async def test_a_role_is_decided_for_by_its_holders_authorised_for_the_tier(service: Service) -> None:
    await service.enrol(TIM)
    await submitted(service)
    assert (await refusal(service, TIM))["code"] == "FORBIDDEN"  # authorised for tier 3, and this is tier 2
    refused = await refusal(service, DAVID, role="ETHICS_REVIEWER")
    assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["ETHICS_REVIEWER"])
    refused = await refusal(service, DAVID, role="BUSINESS_OWNER")  # nobody decides as that here
    needs = ["ETHICS_REVIEWER", "MODEL_OWNER", "SECURITY_REVIEWER (as the `role` of the input)"]
    assert sorted(refused["needs"]) == needs
    for each in (BOB, RITA):  # a blocking policy asks for neither; POL-004 wants a risk manager and is advisory
        assert (await refusal(service, each))["code"] == "FORBIDDEN"
        assert (await refusal(service, each, role=each.roles[0].name))["code"] == "FORBIDDEN"
    assert await approvals(service) == {}


async def test_the_role_may_be_left_out_by_whoever_holds_one_of_the_required(service: Service) -> None:
    await service.enrol(EVE)
    await submitted(service)
    refused = await refusal(service, EVE)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.role")
    assert (await decide(service, DAVID))["role"] == "SECURITY_REVIEWER"


async def test_what_was_not_submitted_or_was_rejected_cannot_be_decided(service: Service) -> None:
    async def is_undecidable() -> bool:
        refused = await refusal(service, CAROL)
        return (refused["code"], refused["allowed"]) == ("INVALID_STATE", [each.name for each in DECIDABLE])

    async def is_submitted() -> bool:
        refused = await service.refused("submitForApproval", **BOT)
        return (refused["code"], refused["allowed"]) == ("INVALID_STATE", ["DRAFT", "REJECTED", "APPROVED"])

    await register(service)
    assert await is_undecidable()
    await submit(service)
    assert await is_submitted()
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)
    assert await status(service) == "APPROVED"
    await decide(service, CAROL, verdict="REJECTED")
    assert await status(service) == "REJECTED" and await is_undecidable()


async def test_a_rejection_closes_the_round_and_the_next_begins_without_decisions(service: Service) -> None:
    await submitted(service)
    await decide(service, DAVID)
    await decide(service, CAROL, verdict="REJECTED", comments="It was tried on English only.")
    assert (await service.last())["event_type"] == AuditEventType.APPROVAL_DENIED
    service.later(days=1)
    await submit(service)
    asked = "status approvals { role } round { number } closedRounds { number digest deciders { userId role } }"
    found = await read(service, asked)
    assert (found["status"], found["approvals"], found["round"]) == ("PENDING_APPROVAL", [], {"number": 2})
    (closed,) = found["closedRounds"]
    assert (closed["number"], closed["deciders"]) == (
        1, [{"userId": "david", "role": "SECURITY_REVIEWER"}, {"userId": "carol", "role": "ETHICS_REVIEWER"}]
    )  # fmt: skip

    content = await service.ask("query($digest: Hash!) { content(digest: $digest) { kind canonical } }", digest=closed["digest"])
    kept = content["content"]
    assert (kept["kind"], sha256(kept["canonical"].encode()).hexdigest()) == ("APPROVAL_ROUND", closed["digest"])
    assert [each["verdict"] for each in json.loads(kept["canonical"])["decisions"]] == ["approved", "rejected"]

    query = """query($modelId: String!, $version: String!) { governanceReport(modelId: $modelId, version: $version) {
      governance { approvals { role } earlierRounds { number decisions { reviewerId verdict comments } } }
    } }"""
    assert (await service.ask(query, **BOT))["governanceReport"]["governance"] == {
        "approvals": [],
        "earlierRounds": [
            {
                "number": 1,
                "decisions": [
                    {"reviewerId": "david", "verdict": "APPROVED", "comments": ""},
                    {"reviewerId": "carol", "verdict": "REJECTED", "comments": "It was tried on English only."},
                ],
            }
        ],
    }


async def test_a_rejection_is_no_approval_that_went_stale(service: Service) -> None:
    await submitted(service)
    await decide(service, DAVID)
    await decide(service, CAROL, verdict="REJECTED")
    await save_card(service)
    assert (await read(service, "standing { missingRoles staleRoles }"))["standing"] == {
        "missingRoles": ["MODEL_OWNER", "ETHICS_REVIEWER", "SECURITY_REVIEWER"],
        "staleRoles": ["SECURITY_REVIEWER"],
    }


async def test_an_approval_goes_stale_with_each_part_that_changes_and_names_it(service: Service) -> None:
    await approved(service)
    await save_card(service)
    assert set(map(str, (await approvals(service)).values())) == {"('STALE', ['CARD'])"}
    assert await status(service) == "PENDING_APPROVAL"
    await decide(service, CAROL)
    await assess(service, LEAKAGE)
    await save_datasheet(service)
    await service.do("linkDatasheet", **BOT | TICKETS)
    assert (await read(service, "standing { staleRoles missingRoles }"))["standing"] == {
        "staleRoles": ["MODEL_OWNER", "ETHICS_REVIEWER", "SECURITY_REVIEWER"],
        "missingRoles": ["MODEL_OWNER", "ETHICS_REVIEWER", "SECURITY_REVIEWER"],
    }
    assert await approvals(service) == {
        "ETHICS_REVIEWER": ("STALE", ["ASSESSMENT", "DATASHEETS"]),
        "SECURITY_REVIEWER": ("STALE", ["CARD", "ASSESSMENT", "DATASHEETS"]),
        "MODEL_OWNER": ("STALE", ["CARD", "ASSESSMENT", "DATASHEETS"]),
    }


@pytest.mark.parametrize("part", [each for each in DossierPart if each is not DossierPart.EVIDENCE])
def test_a_dossier_names_the_part_in_which_it_differs(part: DossierPart) -> None:
    then = Dossier.model_validate(dict.fromkeys(Dossier.model_fields, "0" * 64))
    today = then.model_copy(update={part: "1" * 64})
    assert then.changed_by(today) == (part,) and then.changed_by(then) == ()


async def test_saving_the_same_card_again_makes_nothing_stale(service: Service) -> None:
    await register(service)
    await save_card(service)
    await submit(service)
    await decide(service, CAROL)
    service.later(hours=1)
    await save_card(service)
    assert await approvals(service) == {"ETHICS_REVIEWER": COUNTS}
    await save_card(service, card=CARD | {"license": "MIT"})
    assert await approvals(service) == {"ETHICS_REVIEWER": ("STALE", ["CARD"])}
    await save_card(service)
    assert await approvals(service) == {"ETHICS_REVIEWER": COUNTS}


async def test_evidence_that_stood_must_still_stand_and_new_evidence_harms_nothing(service: Service) -> None:
    await register(service)
    stood = await attach(service)
    await submit(service)
    await decide(service, CAROL)
    await attach(service, title="Access review of March")
    assert await approvals(service) == {"ETHICS_REVIEWER": COUNTS}
    await service.do("withdrawEvidence", BOB, **BOT | {"evidenceId": stood, "reason": "It was of another system."})
    assert await approvals(service) == {"ETHICS_REVIEWER": ("STALE", ["EVIDENCE"])}
    await decide(service, CAROL)
    assert await approvals(service) == {"ETHICS_REVIEWER": COUNTS}


APPROVED_NOW = """query($now: DateTime!) {
  modelVersions(first: 9, filter: {
    standing: { status: { eq: APPROVED }, or: [{ approvedUntil: { isNull: true } }, { approvedUntil: { gt: $now } }] }
  }) { nodes { version } }
}"""


async def reads(service: Service, at: datetime) -> dict[str, Any]:
    """How the example reads at a moment: in itself, in its eligibility, and in the list of what is approved."""
    service.now = at
    asked = "status eligibility { eligible status missingApprovals { role status decision { status staleParts } } }"
    found = await read(service, asked)
    listed = (await service.ask(APPROVED_NOW, now=at.isoformat()))["modelVersions"]["nodes"]
    may = (await service.ask("{ modelVersions(first: 9, filter: {eligible: true}) { nodes { version } } }"))["modelVersions"]
    assert bool(may["nodes"]) is found["eligibility"]["eligible"]
    missing = found["eligibility"]["missingApprovals"]
    assert found["status"] == found["eligibility"]["status"]
    assert all(each["status"] == each["decision"]["status"] for each in missing)
    return {
        "status": found["status"],
        "eligible": found["eligibility"]["eligible"],
        "missing": {each["role"]: (each["status"], each["decision"]["staleParts"]) for each in missing},
        "listed": bool(listed),
    }


APPROVED: dict[str, Any] = {"status": "APPROVED", "eligible": True, "missing": {}, "listed": True}
LAPSED: dict[str, Any] = {"status": "PENDING_APPROVAL", "eligible": False, "listed": False}
ENDS = datetime(2026, 3, 2, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)


async def test_an_approval_counts_up_to_its_expiration_and_not_at_it(service: Service) -> None:
    await eligible(service)
    await decide(service, DAVID, expiresAt=ENDS.isoformat())
    assert await reads(service, ENDS - MOMENT) == APPROVED
    assert await reads(service, ENDS) == LAPSED | {"missing": {"SECURITY_REVIEWER": ("EXPIRED", [])}}
    await decide(service, DAVID)
    assert await reads(service, ENDS) == APPROVED


async def test_approvals_go_stale_when_evidence_that_stood_expires(service: Service) -> None:
    await register(service)
    await document(service)
    await attach(service, validUntil=ENDS.isoformat())
    await submit(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)
    assert await reads(service, ENDS - MOMENT) == APPROVED
    stale = dict.fromkeys(["MODEL_OWNER", "ETHICS_REVIEWER", "SECURITY_REVIEWER"], ("STALE", ["EVIDENCE"]))
    assert await reads(service, ENDS) == LAPSED | {"missing": stale}


async def test_an_expiration_lies_in_the_future(service: Service) -> None:
    await submitted(service)
    service.now = ENDS
    refused = await refusal(service, CAROL, expiresAt=ENDS.isoformat())
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.expiresAt")
    assert (await decide(service, CAROL, expiresAt=(ENDS + MOMENT).isoformat()))["status"] == "APPROVED"


async def test_every_closed_round_is_kept_and_reported_in_order(service: Service) -> None:
    await submitted(service)
    for reviewer in (CAROL, DAVID):
        await decide(service, reviewer, verdict="REJECTED")
        await submit(service)
    assert (await read(service, "round { number } closedRounds { number deciders { userId } }")) == {
        "round": {"number": 3},
        "closedRounds": [{"number": 1, "deciders": [{"userId": "carol"}]}, {"number": 2, "deciders": [{"userId": "david"}]}],
    }
    query = """query($modelId: String!, $version: String!) { governanceReport(modelId: $modelId, version: $version) {
      governance { earlierRounds { number decisions { reviewerId } } }
    } }"""
    assert (await service.ask(query, **BOT))["governanceReport"]["governance"]["earlierRounds"] == [
        {"number": 1, "decisions": [{"reviewerId": "carol"}]}, {"number": 2, "decisions": [{"reviewerId": "david"}]}
    ]  # fmt: skip


async def test_tier_4_is_approved_by_its_submission(service: Service) -> None:
    await register(service, **EXPERIMENT)
    assert (await submit(service))["modelVersion"] == {"status": "APPROVED"}
    found = await read(service, "tier requiredApprovals { role } eligibility { eligible notices }")
    assert (found["tier"], found["requiredApprovals"]) == ("TIER_4_EXPERIMENTAL", [])
    assert found["eligibility"]["eligible"] and "PRODUCTION" in found["eligibility"]["notices"][0]


async def test_a_decision_keeps_who_made_it_and_counts_when_that_person_leaves(service: Service) -> None:
    await submitted(service)
    await decide(service, CAROL)
    await deactivate(service, CAROL)
    found = await read(service, "approvals { status reviewerName reviewerDepartment role reviewer { active roles } }")
    assert found["approvals"] == [
        {
            "status": "APPROVED", "reviewerName": "Carol", "reviewerDepartment": "AI Ethics", "role": "ETHICS_REVIEWER",
            "reviewer": {"active": False, "roles": ["ETHICS_REVIEWER"]},
        }
    ]  # fmt: skip


async def test_conditions_oblige_as_long_as_their_approval_counts(service: Service) -> None:
    async def conditions() -> list[dict[str, str]]:
        found = await read(service, "eligibility { openConditions { role condition { text } } }")
        return [{"role": each["role"], "text": each["condition"]["text"]} for each in found["eligibility"]["openConditions"]]

    await submitted(service)
    await decide(service, CAROL, conditions=["Watch it for 30 days", "Ask again in May"])
    first = [{"role": "ETHICS_REVIEWER", "text": text} for text in ("Watch it for 30 days", "Ask again in May")]
    assert await conditions() == first
    await decide(service, CAROL, conditions=["Ask again in June"])
    assert await conditions() == [{"role": "ETHICS_REVIEWER", "text": "Ask again in June"}]
    await save_card(service)
    assert await conditions() == []
