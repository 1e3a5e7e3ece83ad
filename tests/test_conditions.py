"""Conditions of approvals, from demanded to confirmed; and approvals that are taken back."""

from datetime import UTC, datetime, timedelta
from json import loads
from typing import Any

import pytest

from documents.access import GovernanceRole
from documents.audit.event import AuditEventType
from documents.risk.scales import RiskTier
from tests.examples import (
    BOT,
    approvals,
    attach,
    decide,
    document,
    read,
    refusal,
    register,
    save_card,
    submit,
    submitted,
)
from tests.service import ALICE, BOB, CAROL, DAVID, RITA, Person, Service, person

ETHICS, SECURITY, OWNER = GovernanceRole.ETHICS_REVIEWER, GovernanceRole.SECURITY_REVIEWER, GovernanceRole.MODEL_OWNER
CORA, EVE = person("cora", ETHICS), person("eve", ETHICS, SECURITY)
OLGA = person("olga", OWNER, ETHICS)
TIM = person("tim", ETHICS, tiers=(RiskTier.TIER_3_STANDARD,))
ENDS = datetime(2026, 3, 2, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
STALE = ("STALE", ["EVIDENCE"])


async def demand(service: Service, *conditions: str, by: Person = CAROL, verdict: str = "CONDITIONAL", **said: Any) -> list[str]:
    """The ids of the conditions that a decision sets."""
    selected, given = "approval { conditions { conditionId } }", {"verdict": verdict, "conditions": conditions}
    decided = await service.do("submitApproval", by, selected, **BOT | given | said)
    return [each["conditionId"] for each in decided["approval"]["conditions"]]


async def satisfy(service: Service, condition: str, by: Person = ALICE, **said: Any) -> None:
    await service.do("satisfyCondition", by, **BOT | {"conditionId": condition} | (said or {"note": "It is done."}))


async def confirm(service: Service, condition: str, by: Person = CAROL) -> None:
    await service.do("confirmCondition", by, **BOT, conditionId=condition, comments="Seen.")


async def test_a_conditional_approval_counts_once_each_condition_is_satisfied_and_confirmed(service: Service) -> None:
    async def stands() -> Any:
        found = await read(service, "status eligibility { eligible } standing { openConditions missingRoles }")
        return found["status"], found["eligibility"]["eligible"], *found["standing"].values()

    await register(service)
    await document(service)
    await submit(service)
    for each in (DAVID, ALICE):
        await decide(service, each)
    first, second = await demand(service, "Watch it for 30 days", "Name who is called at night")
    waits = ("PENDING_APPROVAL", False)
    assert await stands() == (*waits, 2, ["ETHICS_REVIEWER"])
    await satisfy(service, first)
    assert await stands() == (*waits, 2, ["ETHICS_REVIEWER"])
    await confirm(service, first)
    assert await stands() == (*waits, 1, ["ETHICS_REVIEWER"])
    await satisfy(service, second)
    assert (await approvals(service))["ETHICS_REVIEWER"] == ("CONDITIONAL", [])
    assert await stands() == (*waits, 1, ["ETHICS_REVIEWER"])
    await confirm(service, second)
    assert (await approvals(service))["ETHICS_REVIEWER"] == ("APPROVED", [])
    assert await stands() == ("APPROVED", True, 0, [])
    done = "conditions { text status satisfied { by note satisfiedBy { userId } } confirmed { comments confirmedBy { userId } } }"
    found = await read(service, f"approvals {{ role {done} }}")
    assert next(each for each in found["approvals"] if each["role"] == "ETHICS_REVIEWER")["conditions"][0] == {
        "text": "Watch it for 30 days", "status": "CONFIRMED",
        "satisfied": {"by": "alice", "note": "It is done.", "satisfiedBy": {"userId": "alice"}},
        "confirmed": {"comments": "Seen.", "confirmedBy": {"userId": "carol"}},
    }  # fmt: skip


async def test_a_condition_is_satisfied_before_it_is_confirmed_and_not_after(service: Service) -> None:
    await submitted(service)
    (condition,) = await demand(service, "Watch it")
    known = {"conditionId": condition}
    refused = await refusal(service, "confirmCondition", CAROL, **known)
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "OPEN", ["SATISFIED"])
    await satisfy(service, condition)
    await satisfy(service, condition, note="It is done better.")
    found = await read(service, "approvals { conditions { status satisfied { note } } }")
    assert found["approvals"] == [{"conditions": [{"status": "SATISFIED", "satisfied": {"note": "It is done better."}}]}]
    await confirm(service, condition)
    refused = await refusal(service, "confirmCondition", CAROL, **known)
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "CONFIRMED", ["SATISFIED"])
    refused = await refusal(service, "satisfyCondition", ALICE, **known, note="Again.")
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "CONFIRMED", ["OPEN", "SATISFIED"])


async def test_the_owner_satisfies_and_whoever_could_decide_for_the_role_confirms(service: Service) -> None:
    await service.enrol(CORA, OLGA, TIM)
    await submitted(service)
    condition, second = await demand(service, "Watch it", "Ask again")
    for other in (CAROL, BOB, RITA, OLGA):  # Olga owns another model at most
        refused = await refusal(service, "satisfyCondition", other, conditionId=condition, note="It is done.")
        assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["MODEL_OWNER (owner)"])
    await satisfy(service, condition)
    await satisfy(service, second)
    for other in (ALICE, BOB, DAVID, RITA):
        refused = await refusal(service, "confirmCondition", other, conditionId=condition)
        assert refused["code"] == "FORBIDDEN"
    refused = await refusal(service, "confirmCondition", TIM, conditionId=condition)
    assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["authorised for TIER_2_IMPORTANT"])
    await confirm(service, condition, CORA)
    await confirm(service, second, CAROL)
    assert await approvals(service) == {"ETHICS_REVIEWER": ("APPROVED", [])}


async def test_whoever_submitted_confirms_for_no_role_but_model_owner(service: Service) -> None:
    await service.enrol(OLGA)
    await register(service, OLGA, ownerId="olga")
    await submit(service, OLGA)
    (ethical,) = await demand(service, "Watch it")
    (owned,) = await demand(service, "Budget for it", by=OLGA, role="MODEL_OWNER")
    for each in (ethical, owned):
        await satisfy(service, each, OLGA)
    assert (await refusal(service, "confirmCondition", OLGA, conditionId=ethical))["code"] == "FORBIDDEN"
    await confirm(service, owned, OLGA)


async def test_confirming_and_taking_back_are_acts_in_a_role_like_deciding(service: Service) -> None:
    async def security() -> set[str]:
        found = await read(service, "requiredApprovals { role candidates { userId } }")
        return {
            who["userId"] for each in found["requiredApprovals"] if each["role"] == SECURITY.name for who in each["candidates"]
        }

    await service.enrol(EVE, CORA)
    await submitted(service)
    (condition,) = await demand(service, "Watch it")
    await satisfy(service, condition)
    assert await security() == {"david", "eve"}
    await confirm(service, condition, EVE)
    assert await security() == {"david"}
    security_by_eve = {"role": "SECURITY_REVIEWER", "verdict": "APPROVED"}
    assert (await refusal(service, "submitApproval", EVE, **security_by_eve))["code"] == "FORBIDDEN"

    zoe = person("zoe", ETHICS, SECURITY)
    await service.enrol(zoe)
    await decide(service, zoe, role="SECURITY_REVIEWER")
    (condition,) = await demand(service, "Watch it closely", by=CORA)
    await satisfy(service, condition)
    assert (await refusal(service, "confirmCondition", zoe, conditionId=condition))["code"] == "FORBIDDEN"
    taken_back = {"role": "ETHICS_REVIEWER", "reason": "It is hers to decide."}
    assert (await refusal(service, "withdrawApproval", zoe, **taken_back))["code"] == "FORBIDDEN"

    yan = person("yan", ETHICS, SECURITY)
    await service.enrol(yan)
    await service.do("withdrawApproval", yan, **BOT | taken_back)
    assert (await refusal(service, "submitApproval", yan, **security_by_eve))["code"] == "FORBIDDEN"


@pytest.mark.parametrize("mutation", ["satisfyCondition", "confirmCondition"])
async def test_a_condition_binds_as_long_as_its_decision_stands(service: Service, mutation: str) -> None:
    await submitted(service)
    by, said = {"satisfyCondition": (ALICE, {"note": "It is done."}), "confirmCondition": (CAROL, {})}[mutation]
    assert (await refusal(service, mutation, by, conditionId="CON-0", **said))["code"] == "INVALID_STATE"  # there is none yet
    (replaced,) = await demand(service, "Watch it")
    for unknown in ("CON-0", "APR-0"):
        refused = await refusal(service, mutation, by, conditionId=unknown, **said)
        assert (refused["code"], refused["kind"], refused["key"]) == ("NOT_FOUND", "Condition", unknown)
    (taken_back,) = await demand(service, "Watch it closely")
    for each, now in ((replaced, "SUPERSEDED"), (taken_back, "WITHDRAWN")):
        if now == "WITHDRAWN":
            await service.do("withdrawApproval", CAROL, **BOT, reason="It is not enough.")
        refused = await refusal(service, mutation, by, conditionId=each, **said)
        assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", now, ["CONDITIONAL", "APPROVED"])
    assert (await read(service, "standing { openConditions }"))["standing"] == {"openConditions": 0}


async def test_a_note_or_evidence_of_the_version_that_stands_shows_that_a_condition_is_met(service: Service) -> None:
    await submitted(service)
    await register(service, modelId="another")
    (condition,) = await demand(service, "Watch it")
    refused = await refusal(service, "satisfyCondition", ALICE, conditionId=condition)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.note")
    refused = await refusal(service, "satisfyCondition", ALICE, conditionId=condition, note=" ")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.note")
    withdrawn = await attach(service)
    await service.do("withdrawEvidence", BOB, **BOT, evidenceId=withdrawn, reason="It was of another system.")
    others = [
        "EVD-0", withdrawn, await attach(service, modelId="another"), await attach(service, effectiveFrom=ENDS.isoformat())
    ]  # fmt: skip
    for each in others:
        for note in (None, "It is done."):
            refused = await refusal(service, "satisfyCondition", ALICE, conditionId=condition, evidenceId=each, note=note)
            assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.evidenceId")
    shown = await attach(service)
    await satisfy(service, condition, evidenceId=shown)
    found = await read(service, "approvals { conditions { satisfied { note evidenceId } } }")
    assert found["approvals"] == [{"conditions": [{"satisfied": {"note": None, "evidenceId": shown}}]}]


async def test_a_conditional_approval_rests_on_the_evidence_that_satisfied_it(service: Service) -> None:
    await register(service)
    await document(service)
    await submit(service)
    for each in (DAVID, ALICE):
        await decide(service, each)
    (condition,) = await demand(service, "Show that it is watched")
    shown = await attach(service, validUntil=ENDS.isoformat())
    await satisfy(service, condition, evidenceId=shown)
    await confirm(service, condition)
    listed = (
        "query($now: DateTime!) { modelVersions(first: 1, filter: { standing: { approvedUntil: { gt: $now } } }) { totalCount } }"
    )

    async def at(moment: datetime) -> Any:
        service.now = moment
        found = await read(service, "status eligibility { eligible }")
        total = (await service.ask(listed, now=moment.isoformat()))["modelVersions"]["totalCount"]
        return found["status"], found["eligibility"]["eligible"], total, (await approvals(service))["ETHICS_REVIEWER"]

    assert await at(ENDS - MOMENT) == ("APPROVED", True, 1, ("APPROVED", []))
    assert await at(ENDS) == ("PENDING_APPROVAL", False, 0, STALE)
    service.now = ENDS - MOMENT
    await service.do("withdrawEvidence", BOB, **BOT, evidenceId=shown, reason="It was of another system.")
    assert await at(ENDS - MOMENT) == ("PENDING_APPROVAL", False, 0, STALE)


async def test_what_was_withdrawn_before_it_was_confirmed_shows_nothing(service: Service) -> None:
    await submitted(service)
    (condition,) = await demand(service, "Show that it is watched")
    shown = await attach(service)
    await satisfy(service, condition, evidenceId=shown, note="See there.")
    await service.do("withdrawEvidence", BOB, **BOT, evidenceId=shown, reason="It was of another system.")
    await confirm(service, condition)
    assert await approvals(service) == {"ETHICS_REVIEWER": STALE}


async def test_an_approval_with_obligations_does_not_rest_on_what_shows_that_they_are_met(service: Service) -> None:
    await submitted(service)
    (condition,) = await demand(service, "Send a report each month", verdict="APPROVED")
    shown = await attach(service, validUntil=ENDS.isoformat())
    await satisfy(service, condition, evidenceId=shown)
    await confirm(service, condition)
    service.now = ENDS
    assert await approvals(service) == {"ETHICS_REVIEWER": ("APPROVED", [])}


async def test_a_rejection_says_why(service: Service) -> None:
    await submitted(service)
    for said in ({}, {"comments": ""}, {"comments": " \n "}):
        refused = await refusal(service, "submitApproval", CAROL, verdict="REJECTED", **said)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.comments")
    await service.do("submitApproval", CAROL, **BOT, verdict="REJECTED", comments="It is unfair to the old.")
    assert (await read(service, "status"))["status"] == "REJECTED"


async def test_a_conditional_approval_names_conditions_and_a_rejection_none(service: Service) -> None:
    await submitted(service)
    for said in ({"verdict": "CONDITIONAL"}, {"verdict": "REJECTED", "comments": "It leaks.", "conditions": ["Watch it"]}):
        refused = await refusal(service, "submitApproval", CAROL, **said)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.conditions")
    for conditions in (["Watch it", " "], ["Watch it"] * 201, ["x" * 20_001]):
        refused = await refusal(service, "submitApproval", CAROL, verdict="CONDITIONAL", conditions=conditions)
        assert refused["code"] == "INVALID_INPUT" and refused["path"].startswith("input.conditions")
    assert len(await demand(service, *["Watch it"] * 200)) == 200


OPENED = "openConditions { role withholds condition { conditionId status } remedy { mutation arguments fill permitted } }"


async def test_open_conditions_say_what_they_withhold_and_what_brings_them_on(service: Service) -> None:
    async def opened() -> Any:
        found = (await read(service, f"eligibility {{ {OPENED} missingApprovals {{ role remedy {{ mutation }} }} }}"))[
            "eligibility"
        ]
        return found["openConditions"], {each["role"]: each["remedy"]["mutation"] for each in found["missingApprovals"]}

    def one(condition: str, role: str, status: str, **remedy: Any) -> dict[str, Any]:
        return {
            "role": role, "withholds": role == "ETHICS_REVIEWER", "condition": {"conditionId": condition, "status": status},
            "remedy": {"arguments": BOT | {"conditionId": condition}, "fill": []} | remedy,
        }  # fmt: skip

    owner_says = {"mutation": "satisfyCondition", "fill": ["note"], "permitted": ["MODEL_OWNER (owner)"]}
    await submitted(service)
    (withheld,) = await demand(service, "Watch it")
    (owed,) = await demand(service, "Send a report each month", by=DAVID, verdict="APPROVED")
    last = one(owed, "SECURITY_REVIEWER", "OPEN", **owner_says)
    first = one(withheld, "ETHICS_REVIEWER", "OPEN", **owner_says)
    assert await opened() == ([first, last], {"MODEL_OWNER": "submitApproval", "ETHICS_REVIEWER": "satisfyCondition"})
    await satisfy(service, withheld)
    first = one(withheld, "ETHICS_REVIEWER", "SATISFIED", mutation="confirmCondition", permitted=["ETHICS_REVIEWER"])
    assert await opened() == ([first, last], {"MODEL_OWNER": "submitApproval", "ETHICS_REVIEWER": "confirmCondition"})
    await confirm(service, withheld)
    assert await opened() == ([last], {"MODEL_OWNER": "submitApproval"})


async def test_a_closed_round_obliges_to_nothing_and_keeps_what_it_demanded(service: Service) -> None:
    await submitted(service)
    (condition,) = await demand(service, "Watch it")
    await satisfy(service, condition)
    await decide(service, DAVID, "REJECTED")
    found = await read(
        service, f"eligibility {{ {OPENED} missingApprovals {{ remedy {{ mutation }} }} }} standing {{ openConditions }}"
    )
    assert (found["eligibility"]["openConditions"], found["standing"]) == ([], {"openConditions": 0})
    assert {each["remedy"]["mutation"] for each in found["eligibility"]["missingApprovals"]} == {"submitForApproval"}
    await submit(service)
    refused = await refusal(service, "confirmCondition", CAROL, conditionId=condition)
    assert refused["code"] == "INVALID_STATE" and "no open round" in refused["problem"]
    asked = "closedRounds { submittedBy round { decisions { verdict conditions { text status satisfied { by } } } } }"
    (closed,) = (await read(service, asked))["closedRounds"]
    assert (closed["submittedBy"], closed["round"]["decisions"][0]) == (
        "alice",
        {"verdict": "CONDITIONAL", "conditions": [{"text": "Watch it", "status": "SATISFIED", "satisfied": {"by": "alice"}}]},
    )


async def test_a_round_of_many_words_can_be_closed(service: Service) -> None:
    await submitted(service)
    await demand(service, *["x" * 20_000] * 14)
    await decide(service, DAVID, "REJECTED")
    assert (await submit(service))["modelVersion"] == {"status": "PENDING_APPROVAL"}


async def test_an_approval_is_taken_back_by_its_decider_and_given_again(service: Service) -> None:
    await submitted(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)
    service.later(days=1)
    reason = {"reason": "I read the card again."}
    selected = "approval { status withdrawn { at by reason endedBy { userId } } } modelVersion { status }"
    taken_back = await service.do("withdrawApproval", CAROL, selected, **BOT | reason)
    assert taken_back["approval"]["withdrawn"] | reason == {
        "at": "2026-03-02T12:00:00.123Z", "by": "carol", "endedBy": {"userId": "carol"}, **reason,
    }  # fmt: skip
    assert (taken_back["approval"]["status"], taken_back["modelVersion"]) == ("WITHDRAWN", {"status": "PENDING_APPROVAL"})
    assert (await service.last())["event_type"] == AuditEventType.APPROVAL_DENIED
    assert (await read(service, "standing { missingRoles staleRoles }"))["standing"] == {
        "missingRoles": ["ETHICS_REVIEWER"], "staleRoles": []
    }  # fmt: skip
    refused = await refusal(service, "withdrawApproval", CAROL, **reason)
    assert (refused["code"], refused["kind"], refused["key"]) == ("NOT_FOUND", "Approval", "ETHICS_REVIEWER")
    assert (await decide(service, CAROL))["status"] == "APPROVED"
    found = await read(service, "status approvals { role status }")
    assert (found["status"], [each["status"] for each in found["approvals"] if each["role"] == "ETHICS_REVIEWER"]) == (
        "APPROVED", ["SUPERSEDED", "APPROVED"]
    )  # fmt: skip


async def test_an_approval_is_taken_back_by_another_of_its_role_and_by_nobody_else(service: Service) -> None:
    await service.enrol(CORA, TIM, EVE)
    await submitted(service)
    await decide(service, CAROL)
    reason = {"reason": "It was given too early."}
    for other in (ALICE, BOB, DAVID, RITA, TIM):
        assert (await refusal(service, "withdrawApproval", other, role="ETHICS_REVIEWER", **reason))["code"] == "FORBIDDEN"
    refused = await refusal(service, "withdrawApproval", DAVID, **reason)  # in his own role
    assert (refused["code"], refused["key"]) == ("NOT_FOUND", "SECURITY_REVIEWER")
    refused = await refusal(service, "withdrawApproval", EVE, **reason)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.role")
    await save_card(service)  # a stale approval can be taken back, too
    await service.do("withdrawApproval", CORA, **BOT | reason)
    assert await approvals(service) == {"ETHICS_REVIEWER": ("WITHDRAWN", ["CARD"])}


async def test_a_rejection_is_not_taken_back(service: Service) -> None:
    await submitted(service)
    await decide(service, CAROL, "REJECTED")
    refused = await refusal(service, "withdrawApproval", CAROL, reason="I was wrong.")
    assert (refused["code"], refused["from"], refused["allowed"]) == (
        "INVALID_STATE", "REJECTED", ["PENDING_APPROVAL", "APPROVED"]
    )  # fmt: skip


async def test_the_conditions_of_a_superseded_decision_read_superseded_everywhere(service: Service) -> None:
    """In the round, in the approvals, in the closed round, and in the governance report as data and as Markdown."""
    conditions = "decisions { verdict conditions { text status } }"
    read_now, closed = "approvals { status conditions { text status } }", f"closedRounds {{ round {{ {conditions} }} }}"
    asked = f"{read_now} round {{ {conditions} }} {closed}"
    report = """query($modelId: String!, $version: String!) { governanceReport(modelId: $modelId, version: $version) {
        json markdown governance {
            approvals { conditions { text status } } earlierRounds { decisions { conditions { text status } } }
        } } }"""
    await submitted(service)
    first, second, _ = await demand(service, "Watch it", "Name who is called", "Budget for it")
    for each in (first, second):
        await satisfy(service, each)
    await confirm(service, first)
    found = await read(service, asked)
    kept = [{"text": "Watch it", "status": "CONFIRMED"}, {"text": "Name who is called", "status": "SATISFIED"}]
    kept.append({"text": "Budget for it", "status": "OPEN"})
    assert [each["conditions"] for each in (*found["approvals"], *found["round"]["decisions"])] == [kept] * 2
    await demand(service, "Watch it for a year")
    over = [each | {"status": "SUPERSEDED"} for each in kept]
    stands = [{"text": "Watch it for a year", "status": "OPEN"}]
    found = await read(service, asked)
    assert [each["conditions"] for each in found["approvals"]] == [over, stands]
    assert [each["status"] for each in found["approvals"]] == ["SUPERSEDED", "CONDITIONAL"]
    assert [each["conditions"] for each in found["round"]["decisions"]] == [over, stands]
    told = (await service.ask(report, **BOT))["governanceReport"]
    assert [each["conditions"] for each in told["governance"]["approvals"]] == [over, stands]
    assert told["markdown"].count("Superseded") == 4  # the decision and its conditions
    await decide(service, DAVID, "REJECTED")
    await submit(service)
    found = await read(service, asked)
    assert [each["conditions"] for each in found["closedRounds"][0]["round"]["decisions"]] == [over, stands, []]
    told = (await service.ask(report, **BOT))["governanceReport"]
    assert [each["conditions"] for each in told["governance"]["earlierRounds"][0]["decisions"]] == [over, stands, []]
    rounds = loads(told["json"])["governance"]["earlierRounds"]
    assert [each["status"] for each in rounds[0]["decisions"][0]["conditions"]] == ["SUPERSEDED"] * 3
