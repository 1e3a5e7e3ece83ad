"""What is decided about risks: templates and risks of one's own, mitigation, acceptance for a time, approval, trends."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from documents.access import GovernanceRole
from documents.policies import RATED_RISKS, RequirementCheck
from documents.risk.scales import RiskCategory
from documents.risk.templates import TEMPLATES as BUILT_IN
from tests.examples import BOT, LEAKAGE, RATED, REFUNDS, approvals, assess, decide, document, read, refusal, register, submit
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, DAVID, RITA, Person, Service, person
from tests.watching import Watched, watching, where

BEA, RUTH = person("bea", GovernanceRole.BUSINESS_OWNER), person("ruth", GovernanceRole.RISK_MANAGER)
MOMENT = timedelta(milliseconds=1)
ENDS = datetime(2026, 3, 8, 12, tzinfo=UTC)
GRAVE: dict[str, Any] = {"riskId": "SEC-002", "likelihood": 4, "impact": 4}  # 16 without any control
LESS: dict[str, Any] = {"riskId": "SEC-002", "likelihood": 3, "impact": 4}  # 12
OWN: dict[str, Any] = {
    "riskId": "FIN-REFUNDS", "category": "FINANCIAL", "description": "It grants refunds that nobody owes.", "likelihood": 2,
    "impact": 3, "controls": ["Refunds are capped"], "controlEffectiveness": 0.5, "owner": ALICE.id, "reviewDate": "2026-09-01",
}  # fmt: skip
FACTOR = "riskId category likelihood impact controls controlEffectiveness owner reviewDate residualScore assessed"


async def rated(service: Service, *responses: dict[str, Any], **said: Any) -> str:
    """The id of an assessment of the registered version."""
    return str((await assess(service, *responses, **said))["riskAssessment"]["assessmentId"])


async def accept(service: Service, until: datetime = ENDS, risk_id: str = "SEC-002", **said: Any) -> Any:
    asked = {"riskId": risk_id, "rationale": "It sees nothing secret.", "expiresAt": until.isoformat()} | said
    return (await service.do("acceptRisk", RITA, "acceptance { acceptanceId residualScore stands }", **BOT, **asked))[
        "acceptance"
    ]


async def found(service: Service, **condition: Any) -> list[str]:
    query = "query($filter: ModelVersionFilter) { modelVersions(first: 9, filter: $filter) { nodes { modelId } } }"
    return [each["modelId"] for each in (await service.ask(query, filter=condition))["modelVersions"]["nodes"]]


async def open_risks(service: Service) -> list[str]:
    """Ids of the version's open high risks, which lists agree about."""
    (risks,) = (await read(service, "openHighRisks { riskId }")).values()
    assert await found(service, openHighRisk=True) == ([BOT["modelId"]] if risks else [])
    assert await found(service, openHighRisk=False) == ([] if risks else [BOT["modelId"]])
    return [each["riskId"] for each in risks]


async def test_a_template_of_ones_own_joins_the_questionnaire_and_every_later_assessment(service: Service) -> None:
    asked = "{ riskTemplates { riskId category description questions } }"
    came_with_it = (await service.ask(asked))["riskTemplates"]
    await register(service)
    await rated(service, *RATED)
    made = await service.do("createRiskTemplate", RITA, "riskTemplate { riskId category description questions }", **REFUNDS)
    assert made["riskTemplate"] == REFUNDS
    assert (await service.ask(asked))["riskTemplates"] == [*came_with_it, REFUNDS]
    answered = {"riskId": "FIN-001", "answers": [{"question": REFUNDS["questions"][0], "text": "50 a day."}]}
    await rated(service, {"likelihood": 2, "impact": 2} | answered)
    kept = "assessments { factors { riskId category description assessed answers { question text } } }"
    before, after = (await read(service, kept))["assessments"]
    assert len(before["factors"]) == len(came_with_it) and after["factors"][-1] == {
        **answered, "category": "FINANCIAL", "description": REFUNDS["description"], "assessed": True,
    }  # fmt: skip
    event = next(each for each in await service.trail() if each["event_type"] == "risk_template_created")
    assert (event["action"], event["resource"]) == ("createRiskTemplate", {"type": "RiskTemplate", "id": "FIN-001"})
    assert "refunds" not in event["canonical"].decode()


@pytest.mark.parametrize("risk_id", ["SEC-001", "FIN-001"])
async def test_no_two_templates_have_one_id(service: Service, risk_id: str) -> None:
    await service.do("createRiskTemplate", RITA, **REFUNDS)
    before = await service.state()
    refused = await service.refused("createRiskTemplate", RITA, **REFUNDS | {"riskId": risk_id, "description": "Another"})
    assert await service.state() == before
    assert (refused["code"], refused["key"]) == ("CONFLICT", risk_id)


TEMPLATES = "query($all: Boolean!) { riskTemplates(includeRetired: $all) { riskId retired { by reason } } }"


async def templates(service: Service, everything: bool = False) -> dict[str, Any]:
    """The end of each template, by its id."""
    found = (await service.ask(TEMPLATES, all=everything))["riskTemplates"]
    return {each["riskId"]: each["retired"] for each in found}


async def retire(service: Service, risk_id: str, by: Person = RITA) -> Any:
    asked = "riskTemplate { riskId retired { by reason } }"
    return await service.do("retireRiskTemplate", by, asked, riskId=risk_id, reason="Nobody grants refunds.")


async def factors(service: Service) -> dict[str, bool]:
    """The risks of the latest assessment, and whether each was assessed."""
    found = (await read(service, "latestAssessment { factors { riskId assessed } }"))["latestAssessment"]["factors"]
    return {each["riskId"]: each["assessed"] for each in found}


@pytest.mark.parametrize("risk_id", ["FIN-001", "OPS-001"])
async def test_a_retired_template_is_asked_no_more_and_assessments_keep_its_factor(service: Service, risk_id: str) -> None:
    await service.do("createRiskTemplate", RITA, **REFUNDS)
    await register(service)
    await rated(service, {"riskId": risk_id, "likelihood": 5, "impact": 5})
    before, seen = await templates(service), await service.size()
    ended = {"by": RITA.id, "reason": "Nobody grants refunds."}
    assert (await retire(service, risk_id))["riskTemplate"] == {"riskId": risk_id, "retired": ended}
    (event,) = await service.trail(seen)
    assert (event["event_type"], event["action"]) == ("risk_template_retired", "retireRiskTemplate")
    assert event["resource"] == {"type": "RiskTemplate", "id": risk_id} and b"refunds" not in event["canonical"]
    assert await templates(service) == {each: None for each in before if each != risk_id}
    assert await templates(service, everything=True) == before | {risk_id: ended}
    assert list(await templates(service, everything=True)) == list(before)
    assert (await factors(service))[risk_id]
    await service.do("mitigateRisk", ALICE, **BOT, riskId=risk_id, controlEffectiveness=0.5)
    await rated(service, *RATED, carryOver=True)
    assert (await factors(service))[risk_id]
    refused = await service.refused("createRiskAssessment", **BOT, responses=[*RATED, {"riskId": risk_id}])
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.responses.3.riskId")
    await rated(service, *RATED, closedRisks=[{"riskId": risk_id, "reason": "Nobody grants refunds."}])
    assert risk_id not in await factors(service)
    await rated(service, ownRisks=[OWN | {"riskId": risk_id}])
    assert (await factors(service))[risk_id]


async def test_a_template_that_nobody_answered_before_it_was_retired_is_not_carried_over(service: Service) -> None:
    await register(service)
    await rated(service, *RATED)
    assert not (await factors(service))["OPS-001"]
    await retire(service, "OPS-001")
    await rated(service, carryOver=True)
    assert "OPS-001" not in await factors(service) and (await factors(service))["MQ-001"]


async def test_the_id_of_a_retired_template_stays_taken_and_its_place_does_not(service: Service) -> None:
    for at in range(92):
        await service.do("createRiskTemplate", RITA, **REFUNDS | {"riskId": f"FIN-{at:03}"})
    for risk_id in ("FIN-001", "OPS-001"):
        await retire(service, risk_id)
        refused = await service.refused("createRiskTemplate", RITA, **REFUNDS | {"riskId": risk_id})
        assert (refused["code"], refused["key"]) == ("CONFLICT", risk_id)
        refused = await service.refused("retireRiskTemplate", RITA, riskId=risk_id, reason="Again.")
        assert refused == {"code": "INVALID_STATE", "action": "retireRiskTemplate", "from": "RETIRED", "allowed": ["ASKED"]}
    for at in (92, 93):
        await service.do("createRiskTemplate", RITA, **REFUNDS | {"riskId": f"FIN-{at:03}"})
    refused = await service.refused("createRiskTemplate", RITA, **REFUNDS | {"riskId": "FIN-094"})
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 100)


@pytest.mark.parametrize(
    ("risk_id", "requirement"),
    [
        ("FAIR-001", "POL-002.bias-assessment"),
        ("SEC-001", "POL-003.prompt-injection"),
        ("SEC-002", "POL-003.data-leakage"),
    ],
)
async def test_a_risk_that_a_check_looks_for_is_not_retired(service: Service, risk_id: str, requirement: str) -> None:
    before = await service.state()
    refused = await service.refused("retireRiskTemplate", RITA, riskId=risk_id, reason="It is tedious.")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.riskId") and requirement in refused["problem"]
    assert (await service.state())["RiskTemplate"] == before["RiskTemplate"]


def test_every_check_that_looks_for_a_risk_is_known_to_look_for_it() -> None:
    named = {each: risk.risk_id for each in RequirementCheck for risk in BUILT_IN if risk.risk_id in each.description}
    assert named == RATED_RISKS


async def test_a_template_that_nobody_added_is_not_retired(service: Service) -> None:
    refused = await service.refused("retireRiskTemplate", RITA, riskId="FIN-001", reason="It is tedious.")
    assert (refused["code"], refused["kind"], refused["key"]) == ("NOT_FOUND", "RiskTemplate", "FIN-001")
    for reason in ("", "x" * 20_001):
        refused = await service.refused("retireRiskTemplate", RITA, riskId="OPS-001", reason=reason)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.reason")
    assert (await service.refused("retireRiskTemplate", ALICE, riskId="OPS-001", reason="No."))["code"] == "FORBIDDEN"
    assert await templates(service) == dict.fromkeys(each.risk_id for each in BUILT_IN)


@pytest.mark.parametrize("questions", [[], ["Why?", "Why?"]])
async def test_a_template_asks_something_and_nothing_twice(service: Service, questions: list[str]) -> None:
    refused = await service.refused("createRiskTemplate", RITA, **REFUNDS | {"questions": questions})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.questions")


@pytest.mark.exhaustive
async def test_the_questionnaire_has_an_end(service: Service) -> None:
    for at in range(92):
        await service.do("createRiskTemplate", RITA, **REFUNDS | {"riskId": f"FIN-{at:03}"})
    refused = await service.refused("createRiskTemplate", RITA, **REFUNDS | {"riskId": "FIN-092"})
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 100)
    await register(service)
    own = [OWN | {"riskId": f"OWN-{at}"} for at in range(100)]
    await rated(service, ownRisks=own)
    refused = await service.refused("createRiskAssessment", **BOT, responses=[], ownRisks=[*own, OWN])
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 200)
    refused = await service.refused("createRiskAssessment", **BOT, responses=[], ownRisks=[OWN], carryOver=True)
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 200)


CATEGORIES = [each.name for each in RiskCategory]


async def test_an_assessment_names_risks_of_its_own_in_every_category(service: Service) -> None:
    await register(service)
    own = [OWN | {"riskId": f"OWN-{each}", "category": each} for each in CATEGORIES]
    await rated(service, *RATED, ownRisks=own)
    (factors,) = (await read(service, f"latestAssessment {{ factors {{ {FACTOR} }} }}"))["latestAssessment"].values()
    assert factors[8:] == [
        {name: said for name, said in each.items() if name != "description"} | {"residualScore": 3, "assessed": True}
        for each in own
    ]
    await rated(service, ownRisks=[own[0] | {"likelihood": 4}], carryOver=True)
    (again,) = (await read(service, f"latestAssessment {{ factors {{ {FACTOR} }} }}"))["latestAssessment"].values()
    assert again == [*factors[:8], factors[8] | {"likelihood": 4, "residualScore": 6}, *factors[9:]]


CLOSED = {"riskId": OWN["riskId"], "reason": "It grants no refunds any more."}
LATEST = "latestAssessment { tier factors { riskId likelihood impact identifiedDate } closedRisks { riskId reason } }"


async def own_risks(service: Service) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The factors of the latest assessment after those of the questionnaire, and what it closed."""
    latest = (await read(service, LATEST))["latestAssessment"]
    return latest["factors"][8:], latest["closedRisks"]


async def test_an_own_risk_stays_until_an_assessment_closes_it_with_a_reason(service: Service) -> None:
    await register(service)
    await rated(service, *RATED, ownRisks=[OWN])
    first, _ = await own_risks(service)
    service.later(days=1)
    for carry_over in (False, True):
        await rated(service, GRAVE, carryOver=carry_over)
        assert await own_risks(service) == (first, [])
    await service.do("mitigateRisk", **BOT, riskId="SEC-002", controlEffectiveness=0.1)
    await rated(service, closedRisks=[CLOSED])
    assert await own_risks(service) == ([], [CLOSED])
    await service.do("mitigateRisk", **BOT, riskId="SEC-002", controls=["A filter"])
    assert await own_risks(service) == ([], [])  # each assessment says what it closed itself
    earlier = (await read(service, "assessments { closedRisks { riskId reason } }"))["assessments"]
    assert [each["closedRisks"] for each in earlier] == [[], [], [], [], [CLOSED], []]
    await rated(service, ownRisks=[OWN])
    assert len((await own_risks(service))[0]) == 1


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"closedRisks": [CLOSED | {"riskId": "OWN-9"}]}, "input.closedRisks.0.riskId"),
        ({"closedRisks": [CLOSED | {"riskId": "SEC-001"}]}, "input.closedRisks.0.riskId"),
        ({"closedRisks": [CLOSED, CLOSED]}, "input.closedRisks.1.riskId"),
        ({"closedRisks": [CLOSED], "ownRisks": [OWN]}, "input.closedRisks.0.riskId"),
        ({"closedRisks": [CLOSED | {"reason": " "}]}, "input.closedRisks.0.reason"),
    ],
)
async def test_what_is_closed_is_an_own_risk_of_the_latest_assessment(service: Service, said: dict[str, Any], path: str) -> None:
    await register(service)
    await rated(service, *RATED, ownRisks=[OWN])
    refused = await refusal(service, "createRiskAssessment", ALICE, responses=[], **said)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", path)


async def test_a_template_takes_no_own_risk_away(service: Service) -> None:
    await register(service)
    await rated(service, *RATED, ownRisks=[OWN])
    refused = await service.refused("createRiskTemplate", RITA, **REFUNDS | {"riskId": OWN["riskId"]})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.riskId")
    assert (await service.state())["RiskTemplate"] == []
    await rated(service, closedRisks=[CLOSED])
    await service.do("createRiskTemplate", RITA, **REFUNDS | {"riskId": OWN["riskId"]})


async def test_an_own_risk_that_is_kept_into_tier_1_weighs_more_and_in_a_lighter_tier_no_less(service: Service) -> None:
    await register(service)
    await rated(service, *RATED, ownRisks=[OWN, OWN | {"riskId": "OWN-5", "impact": 5}])
    impacts = [OWN["impact"] + 1, 5]
    for tier in ("TIER_1_CRITICAL", "TIER_3_STANDARD"):
        await service.do("setRiskTier", RITA, **BOT, tier=tier, rationale="It was looked at.")
        await rated(service, *RATED)
        assert [each["impact"] for each in (await own_risks(service))[0]] == impacts


async def test_whoever_looks_after_a_risk_is_a_known_active_person(service: Service) -> None:
    await register(service)
    await rated(service, *RATED)
    await service.do("deactivateStakeholder", ADA, userId=DAVID.id)
    for who in ("nobody", DAVID.id, "Alice"):
        for said, path in (
            ({"responses": [LEAKAGE, GRAVE | {"riskId": "SEC-001", "owner": who}]}, "responses.1.owner"),
            ({"responses": [], "ownRisks": [OWN | {"owner": who}]}, "ownRisks.0.owner"),
        ):
            refused = await refusal(service, "createRiskAssessment", ALICE, **said)
            assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"input.{path}") and who in refused["problem"]
        refused = await refusal(service, "mitigateRisk", ALICE, riskId="SEC-001", owner=who)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.owner")
    # What was said while the person was there is carried over.
    await rated(service, LEAKAGE, carryOver=True)
    await service.do("mitigateRisk", **BOT, riskId="SEC-001", owner=None)
    await service.do("mitigateRisk", **BOT, riskId="SEC-001", owner=ALICE.id)


@pytest.mark.parametrize("names", [["SEC-001"], ["OWN-1", "OWN-1"]])
async def test_a_risk_of_its_own_has_a_name_of_its_own(service: Service, names: list[str]) -> None:
    await register(service)
    own = [OWN | {"riskId": each} for each in names]
    refused = await refusal(service, "createRiskAssessment", ALICE, responses=[], ownRisks=own)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"input.ownRisks.{len(names) - 1}.riskId")


async def test_mitigation_makes_the_next_assessment_and_approvals_of_the_one_before_stale(service: Service) -> None:
    await register(service)
    await document(service)
    await submit(service)
    await decide(service, CAROL)
    asked = f"assessments {{ assessmentId assessor assessedAt tier overallScore factors {{ {FACTOR} identifiedDate }} }}"
    (before,) = (await read(service, asked))["assessments"]
    service.later(days=1)
    treated = {"controls": ["Outputs are filtered", "Secrets are kept out"], "controlEffectiveness": 0.75, "owner": DAVID.id}
    made = await service.do("mitigateRisk", RITA, "riskAssessment { assessmentId }", **BOT, riskId="SEC-002", **treated)
    first, second = (await read(service, asked))["assessments"]
    assert first == before and second["assessmentId"] == made["riskAssessment"]["assessmentId"] != first["assessmentId"]
    assert (second["assessor"], second["assessedAt"], second["tier"]) == (RITA.id, "2026-03-02T12:00:00.123Z", first["tier"])
    (was,), (now,) = ([each for each in of["factors"] if each["riskId"] == "SEC-002"] for of in (first, second))
    assert (was["residualScore"], now) == (4, was | treated | {"residualScore": 2})  # 2 x 4 x 0.5, then 2 x 4 x 0.25
    assert [each for each in first["factors"] if each != was] == [each for each in second["factors"] if each != now]
    assert second["overallScore"] < first["overallScore"]
    assert await approvals(service) == {"ETHICS_REVIEWER": ("STALE", ["ASSESSMENT"])}
    event = await service.last()
    assert (event["event_type"], event["action"], event["outcome"]) == ("risk_mitigated", "mitigateRisk", "success")
    assert "Secrets" not in event["canonical"].decode()


async def test_a_mitigation_can_take_away_what_was_there(service: Service) -> None:
    await register(service)
    await rated(service, *RATED, LEAKAGE)
    nothing: dict[str, Any] = {"controls": [], "controlEffectiveness": None, "owner": None, "reviewDate": None}
    await service.do("mitigateRisk", **BOT, riskId="MQ-001", **nothing)
    (factors,) = (await read(service, f"latestAssessment {{ factors {{ {FACTOR} }} }}"))["latestAssessment"].values()
    assert factors[0] == {
        "riskId": "MQ-001", "category": "MODEL_QUALITY", "likelihood": 3, "impact": 4, "controls": [], "controlEffectiveness": 0,
        "owner": None, "reviewDate": None, "residualScore": 12, "assessed": True,
    }  # fmt: skip


TREATED: dict[str, Any] = {"riskId": "SEC-002", "controls": ["A filter"]}


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"riskId": "SEC-999"}, "input.riskId"),
        ({"controls": LEAKAGE["controls"]}, "input"),
        ({"controlEffectiveness": 1.01}, "input.controlEffectiveness"),
        ({"controls": [" "]}, "input.controls.0"),
    ],
)
async def test_a_mitigation_names_a_risk_and_changes_it(service: Service, said: dict[str, Any], path: str) -> None:
    await register(service)
    await rated(service, LEAKAGE)
    refused = await refusal(service, "mitigateRisk", ALICE, **TREATED | said)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", path)


async def test_what_was_rated_for_another_tier_is_assessed_anew(service: Service) -> None:
    await register(service)
    for mutation, said in {"mitigateRisk": TREATED, "acceptRisk": {**TREATED, "rationale": "x", "expiresAt": ENDS}}.items():
        asked = {name: value for name, value in said.items() if mutation == "mitigateRisk" or name != "controls"}
        asked |= {name: value.isoformat() for name, value in asked.items() if name == "expiresAt"}
        refused = await refusal(service, mutation, RITA, **asked)
        assert (refused["code"], refused["problem"]) == ("INVALID_STATE", "its risks were never assessed")
    await rated(service, LEAKAGE)
    await service.do("setRiskTier", RITA, **BOT, tier="TIER_1_CRITICAL", rationale="It is asked about refunds.")
    refused = await refusal(service, "mitigateRisk", ALICE, **TREATED)
    assert refused["code"] == "INVALID_STATE" and "TIER_2_IMPORTANT" in refused["problem"]


async def test_a_high_risk_is_open_until_it_is_accepted_and_again_from_the_moment_when_that_expires(service: Service) -> None:
    await register(service)
    await rated(service, GRAVE)
    assert await open_risks(service) == ["SEC-002"]
    accepted = await accept(service)
    assert (accepted["residualScore"], accepted["stands"]) == (16, True)
    standing = "acceptances { stands } standing { highRisks { riskId residualScore acceptedUntil } }"
    until = {"riskId": "SEC-002", "residualScore": 16, "acceptedUntil": "2026-03-08T12:00:00.000Z"}
    for now, stands in ((ENDS - MOMENT, True), (ENDS, False), (ENDS + MOMENT, False)):
        service.now = now
        assert await open_risks(service) == ([] if stands else ["SEC-002"])
        assert await read(service, standing) == {"acceptances": [{"stands": stands}], "standing": {"highRisks": [until]}}
    await accept(service, ENDS + timedelta(days=1))
    assert await open_risks(service) == []


@pytest.mark.parametrize(("likelihood", "impact", "is_high"), [(3, 3, False), (5, 2, True), (2, 5, True), (4, 3, True)])
async def test_a_risk_is_high_from_10_and_open_without_any_control(
    service: Service, likelihood: int, impact: int, is_high: bool
) -> None:
    await register(service)
    risk = {"riskId": "SEC-002", "likelihood": likelihood, "impact": impact}
    await rated(service, risk)
    assert await open_risks(service) == (["SEC-002"] if is_high else [])
    await rated(service, risk | {"controls": ["A filter"]})
    assert await open_risks(service) == []


async def test_accepting_and_approving_change_no_part_of_what_was_decided_about(service: Service) -> None:
    await register(service)
    await document(service)
    await submit(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)
    asked = "standing { dossier { card assessment scope tier } } eligibility { eligible } latestAssessment { assessmentId }"
    before = await read(service, asked)
    await accept(service)
    await service.do("approveRiskAssessment", RITA, **BOT, **before["latestAssessment"])
    assert await read(service, asked) == before and before["eligibility"]["eligible"]
    assert {status for status, _ in (await approvals(service)).values()} == {"APPROVED"}


async def test_who_accepted_what_and_why_is_kept_and_the_trail_does_not_say_why(service: Service) -> None:
    await service.enrol(BEA)
    await register(service)
    assessment = await rated(service, GRAVE)
    asked = {"riskId": "SEC-002", "rationale": "Its owner vouches for it.", "expiresAt": ENDS.isoformat()}
    await service.do("acceptRisk", BEA, **BOT, **asked)
    said = "riskId assessmentId residualScore rationale acceptedBy acceptor { name } acceptedAt expiresAt stands ended { reason }"
    assert (await read(service, f"acceptances {{ {said} }}"))["acceptances"] == [
        {
            "riskId": "SEC-002", "assessmentId": assessment, "residualScore": 16, "rationale": asked["rationale"],
            "acceptedBy": "bea", "acceptor": {"name": "Bea"}, "acceptedAt": "2026-03-01T12:00:00.123Z",
            "expiresAt": "2026-03-08T12:00:00.000Z", "stands": True, "ended": None,
        }
    ]  # fmt: skip
    event = await service.last()
    assert (event["event_type"], event["action"]) == ("risk_accepted", "acceptRisk")
    assert asked["rationale"] not in event["canonical"].decode()


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"riskId": "SEC-999"}, "input.riskId"),
        ({"expiresAt": "2026-03-01T12:00:00.123Z"}, "input.expiresAt"),
        ({"rationale": " "}, "input.rationale"),
    ],
)
async def test_an_acceptance_says_which_risk_why_and_until_when(service: Service, said: dict[str, Any], path: str) -> None:
    await register(service)
    await rated(service, GRAVE)
    asked = {"riskId": "SEC-002", "rationale": "It is worth it.", "expiresAt": "2026-03-01T12:00:00.124Z"}
    refused = await refusal(service, "acceptRisk", RITA, **asked | said)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", path)
    await service.do("acceptRisk", RITA, **BOT, **asked)


async def test_an_acceptance_ends_where_an_assessment_finds_more_of_the_risk_left_and_not_where_it_finds_less(
    service: Service,
) -> None:
    ended = "acceptances { riskId stands ended { by reason } }"
    await register(service)
    await rated(service, LESS, ownRisks=[OWN | {"likelihood": 5, "impact": 5}])
    await accept(service)
    await accept(service, risk_id=OWN["riskId"])
    await service.do("mitigateRisk", **BOT, riskId="SEC-002", controlEffectiveness=0.1)
    assert [each["stands"] for each in (await read(service, ended))["acceptances"]] == [True, True]
    await rated(service, GRAVE, closedRisks=[CLOSED])
    assert (await read(service, ended))["acceptances"] == [
        {"riskId": "SEC-002", "stands": False,
         "ended": {"by": "alice", "reason": "A later assessment finds more of the risk left."}},
        {"riskId": OWN["riskId"], "stands": False,
         "ended": {"by": "alice", "reason": "A later assessment closes the risk."}},
    ]  # fmt: skip
    assert await open_risks(service) == ["SEC-002"]


async def test_a_risk_that_is_accepted_anew_is_accepted_until_then_be_it_sooner(service: Service) -> None:
    await register(service)
    await rated(service, GRAVE)
    await accept(service)
    await accept(service, ENDS - timedelta(days=3))
    kept = (await read(service, "acceptances { stands ended { by reason } }"))["acceptances"]
    assert kept == [{"stands": False, "ended": {"by": "rita", "reason": "The risk was accepted anew."}},
                    {"stands": True, "ended": None}]  # fmt: skip
    service.now = ENDS - timedelta(days=3)
    assert await open_risks(service) == ["SEC-002"]


async def test_an_assessment_is_approved_once_by_a_risk_manager_who_did_not_make_it(service: Service) -> None:
    await service.enrol(RUTH)
    await register(service)
    asked = "latestAssessment { approval { approvedBy approver { name } approvedAt digest } } standing { assessmentApproved }"
    unapproved = {"latestAssessment": {"approval": None}, "standing": {"assessmentApproved": False}}
    made = await service.do("createRiskAssessment", RITA, "riskAssessment { assessmentId }", **BOT, responses=RATED)
    latest = made["riskAssessment"]
    refused = await refusal(service, "approveRiskAssessment", RITA, **latest)
    assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["a RISK_MANAGER who did not make it"])
    assert await read(service, asked) == unapproved
    approved = await service.do("approveRiskAssessment", RUTH, "riskAssessment { approval { approvedBy } }", **BOT, **latest)
    assert approved["riskAssessment"]["approval"] == {"approvedBy": "ruth"}
    (revision,) = (await read(service, "assessmentRevisions { digest }"))["assessmentRevisions"]
    said = {"approvedBy": "ruth", "approver": {"name": "Ruth"}, "approvedAt": "2026-03-01T12:00:00.123Z"} | revision
    assert await read(service, asked) == {"latestAssessment": {"approval": said}, "standing": {"assessmentApproved": True}}
    event = await service.last()
    assert (event["event_type"], event["action"]) == ("compliance_check", "approveRiskAssessment")
    refused = await refusal(service, "approveRiskAssessment", RUTH, **latest)
    assert (refused["code"], refused["from"]) == ("INVALID_STATE", "APPROVED")
    await service.do("mitigateRisk", **BOT, riskId="MQ-001", controlEffectiveness=0.7)
    assert await read(service, asked) == unapproved
    refused = await refusal(service, "approveRiskAssessment", RUTH, **latest)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.assessmentId")
    assert (await read(service, "assessments { approval { approvedBy } }"))["assessments"] == [
        {"approval": {"approvedBy": "ruth"}}, {"approval": None},
    ]  # fmt: skip


async def test_the_trend_compares_the_score_with_that_of_the_assessment_before(service: Service) -> None:
    async def trend() -> Any:
        (found_,) = (await read(service, "standing { riskTrend }"))["standing"].values()
        assert await found(service, standing={"riskTrend": {"eq": found_}}) == [BOT["modelId"]]
        return found_

    await register(service)
    assert await trend() == "NONE"
    for said, compared in ((LESS, "NONE"), (GRAVE, "UP"), (GRAVE, "SAME"), (LEAKAGE, "DOWN")):
        await rated(service, said)
        assert await trend() == compared


@pytest.fixture
async def watched(server: str, service: Service) -> AsyncIterator[Watched]:
    async for each in watching(server, service):
        yield each


async def test_approvals_of_a_pages_assessments_are_read_at_once(service: Service, watched: Watched) -> None:
    for model_id in ("one", "two", "three"):
        await register(service, modelId=model_id)
        await rated(service, *RATED, modelId=model_id)
    query = "{ modelVersions(first: 9) { nodes { latestAssessment { approval { approvedBy } } openHighRisks { riskId } } } }"
    answer, commands = await watched.costs(query, AUDREY)
    assert len(answer["modelVersions"]["nodes"]) == 3
    assert where(commands) == ["model_versions", "model_versions"]


async def test_two_who_mitigate_at_once_do_not_undo_each_other(service: Service) -> None:
    await register(service)
    await rated(service, *RATED)
    revision = (await read(service, "revision"))["revision"]
    await service.do("mitigateRisk", RITA, **BOT, riskId="MQ-001", controlEffectiveness=0.7)
    refused = await refusal(service, "mitigateRisk", ALICE, riskId="MQ-001", controlEffectiveness=0.8, expectedRevision=revision)
    assert refused["code"] == "CONFLICT"
    await service.do("mitigateRisk", ALICE, **BOT, riskId="SEC-001", controlEffectiveness=0.8)
    (factors,) = (await read(service, "latestAssessment { factors { controlEffectiveness } }"))["latestAssessment"].values()
    assert [each["controlEffectiveness"] for each in factors[:3]] == [0.7, 0, 0.8]


async def test_a_steward_neither_mitigates_nor_accepts(service: Service) -> None:
    await register(service)
    assert (await service.refused("mitigateRisk", BOB, **BOT, riskId="MQ-001", controls=["x"]))["code"] == "FORBIDDEN"


async def test_every_assessment_is_kept(service: Service) -> None:
    await register(service)
    made = [(await assess(service, *responses))["riskAssessment"]["assessmentId"] for responses in ([], RATED, [LEAKAGE])]
    asked = "assessments { assessmentId } latestAssessment { assessmentId } assessmentRevisions { digest content { canonical } }"
    found = await read(service, asked)
    assert [each["assessmentId"] for each in found["assessments"]] == made
    assert found["latestAssessment"]["assessmentId"] == made[-1]
    assert [json.loads(each["content"]["canonical"])["assessment_id"] for each in found["assessmentRevisions"]] == made
    for each in made:
        query = "query($assessmentId: String!) { riskAssessment(assessmentId: $assessmentId) { assessmentId } }"
        assert (await service.ask(query, assessmentId=each))["riskAssessment"] == {"assessmentId": each}


async def test_what_was_rated_before_stands_when_it_is_carried_over(service: Service) -> None:
    await register(service)
    await assess(service, *RATED)
    carried = (await assess(service, LEAKAGE, carryOver=True))["riskAssessment"]["factors"]
    assert {each["riskId"] for each in carried if each["assessed"]} == {"MQ-001", "SEC-001", "SEC-002", "FAIR-001"}
    alone = (await assess(service, LEAKAGE))["riskAssessment"]["factors"]
    assert {each["riskId"] for each in alone if each["assessed"]} == {"SEC-002"}
