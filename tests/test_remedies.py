"""Remedies: whoever does what they say, one after the other and knowing nothing else, arrives at a version to deploy."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLList, get_nullable_type

from tests.examples import (
    BOT,
    CARD,
    EXPERIMENT,
    LEAKAGE,
    RATED,
    TICKETS,
    assess,
    attach,
    decide,
    document,
    read,
    register,
    save_card,
    save_datasheet,
    submit,
    submitted,
)
from tests.schema import MUTATIONS
from tests.service import ALICE, BOB, CAROL, DAVID, RITA, STAFF, Person, Service

SAMPLES = {"String": "Something", "Int": 2, "Float": 0.5, "Boolean": True, "Date": "2026-02-01"}
NAMED = TICKETS | {"uri": "https://example.org/reviews/17"}
RELATED = {"": STAFF, "owner": (ALICE,), "steward": (BOB,), "accountable": (ALICE, BOB)}

REMEDY = "remedy { mutation arguments fill permitted }"
ASKED = f"""eligibility {{ eligible violations {{ {REMEDY} }} missingApprovals {{ {REMEDY} candidates {{ userId }} }}
  holds {{ {REMEDY} }} blockingIncidents {{ {REMEDY} }} openConditions {{ withholds {REMEDY} }} advisories {{ {REMEDY} }} }}"""
ROUNDS = 60


def sample(name: str, kind: Any) -> Any:
    """Something that an input of that kind takes, with all that can be said."""
    match get_nullable_type(kind):
        case GraphQLInputObjectType(fields=fields):
            return {each: sample(each, field.type) for each, field in fields.items()}
        case GraphQLList(of_type=inner):
            return [sample(name, inner)]
        case GraphQLEnumType(values=values):
            return next(iter(values))
        case scalar:
            return NAMED.get(name, SAMPLES[scalar.name])


def put(into: Any, kind: Any, step: str, *rest: str) -> None:
    """Adds what is to be filled in at a path of an input."""
    outer = get_nullable_type(kind)
    inner, at = (outer.of_type, int(step)) if isinstance(outer, GraphQLList) else (outer.fields[step].type, step)
    if not rest:
        into[at] = sample(step, inner)
        return
    if isinstance(into, dict):
        into.setdefault(at, {})
    put(into[at], inner, *rest)


def filled(remedy: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = remedy["arguments"]
    for path in remedy["fill"]:
        put(said, MUTATIONS[remedy["mutation"]].args["input"].type, *path.split("."))
    return said


def somebody(permitted: list[str], candidates: list[str]) -> Person:
    """One of those whom a remedy names, and who could still give the approval if that is what it takes."""
    named = [each.rstrip(")").partition(" (") for each in permitted]
    able = [who for role, _, how in named for who in RELATED[how] if role in {each.name for each in who.roles}]
    return next((each for each in able if each.id in candidates), able[0])


async def mend(service: Service, which: int) -> list[str]:
    """Does the first or the last of what is left to do, until nothing is; answers with the mutations that it took."""
    done: list[str] = []
    for _ in range(ROUNDS):
        found = (await read(service, ASKED))["eligibility"]
        withheld = [each for each in found["openConditions"] if each["withholds"]]
        left = [
            *found["violations"],
            *found["missingApprovals"],
            *found["holds"],
            *found["blockingIncidents"],
            *withheld,
            *found["advisories"],
        ]
        assert found["eligible"] is (left == found["advisories"])
        if not left:
            return done
        remedy, candidates = left[which]["remedy"], [each["userId"] for each in left[which].get("candidates", ())]
        await service.do(remedy["mutation"], somebody(remedy["permitted"], candidates), **filled(remedy))
        done.append(remedy["mutation"])
    raise AssertionError(f"{ROUNDS} rounds were not enough: {done}")


DOCUMENTED = {"saveModelCard", "createRiskAssessment", "attachEvidence", "linkDatasheet", "saveDatasheet"}
DECIDED = {"submitForApproval", "submitApproval"}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("tier", "which"), [("TIER_1_CRITICAL", 0), ("TIER_2_IMPORTANT", 0), ("TIER_3_STANDARD", 0), ("TIER_3_STANDARD", -1)]
)
async def test_a_bare_draft_becomes_eligible_in_whatever_order_it_is_mended(service: Service, tier: str, which: int) -> None:
    await save_datasheet(service)
    await register(service, **EXPERIMENT | {"tier": tier})
    assert set(await mend(service, which)) == DOCUMENTED | DECIDED | {"completeReview"}


async def everything_wrong_at_once(service: Service) -> None:
    """A hold, a critical incident, stale approvals, an approval with open conditions, and a waiver that expired."""
    await register(service)
    await document(service)
    (proof,) = (await read(service, "evidence { evidenceId }"))["evidence"]
    await service.do("withdrawEvidence", BOB, **BOT | proof, reason="It was of another system.")
    until = (service.now + timedelta(days=1)).isoformat()
    waived = {"requirementId": "POL-003.access-control", "rationale": "It runs offline.", "expiresAt": until}
    await service.do("grantWaiver", RITA, **BOT | waived)
    await submit(service)
    for each in (DAVID, ALICE):
        await decide(service, each)
    await save_card(service, card=CARD | {"license": "MIT"})
    await decide(service, CAROL, "CONDITIONAL", conditions=["Watch it", "Name who is called at night"])
    await service.do("placeHold", CAROL, **BOT, reason="Somebody was misled.")
    await service.do("openIncident", CAROL, **BOT, severity="CRITICAL", title="Somebody was misled")
    service.later(days=1)


async def rejected(service: Service) -> None:
    """A rejected round in which somebody else's conditional approval stands."""
    await register(service)
    await document(service)
    await submit(service)
    await decide(service, CAROL, "CONDITIONAL", conditions=["Watch it"])
    await decide(service, DAVID, "REJECTED")


async def of_another_tier(service: Service) -> None:
    """An assessment that lacks a risk and was made before the tier changed."""
    await register(service)
    await document(service)
    await assess(service, *RATED)
    await service.do("setRiskTier", RITA, **BOT, tier="TIER_1_CRITICAL", rationale="It is asked about refunds.")


async def satisfied_by_what_was_withdrawn(service: Service) -> None:
    """A condition that waits for its confirmation although the evidence for it is gone; and approvals taken back or lapsed."""
    await register(service)
    await document(service)
    await submit(service)
    selected, demanded = "approval { conditions { conditionId } }", {"verdict": "CONDITIONAL", "conditions": ["Show it"]}
    ((condition,),) = (await service.do("submitApproval", CAROL, selected, **BOT | demanded))["approval"].values()
    shown = {"evidenceId": await attach(service)}
    await service.do("satisfyCondition", ALICE, **BOT | condition | shown)
    await service.do("withdrawEvidence", BOB, **BOT | shown, reason="It was of another system.")
    await decide(service, DAVID)
    await service.do("withdrawApproval", DAVID, **BOT, reason="It was too early.")
    await decide(service, ALICE, expiresAt=(service.now + timedelta(days=1)).isoformat())
    service.later(days=1)


async def incomplete(service: Service) -> None:
    """A card that says half of everything; what it says must be there afterwards."""
    await submitted(service)
    said = {"metrics": [{"metricName": "accuracy", "value": 0.5}], "risks": [{"riskType": "accuracy", "description": "It errs."}]}
    await save_card(service, card=said)
    await assess(service, {"riskId": "SEC-001", "likelihood": 2, "impact": 2}, LEAKAGE)


TROUBLES: list[tuple[Callable[[Service], Awaitable[None]], set[str]]] = [
    (
        everything_wrong_at_once,
        {"attachEvidence", "submitApproval", "satisfyCondition", "confirmCondition", "liftHold", "resolveIncident"},
    ),
    (rejected, DECIDED),
    (of_another_tier, DECIDED | {"createRiskAssessment"}),
    (satisfied_by_what_was_withdrawn, {"confirmCondition", "submitApproval"}),
    (incomplete, DOCUMENTED | {"submitApproval"}),
]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("trouble", "takes"), TROUBLES, ids=lambda each: getattr(each, "__name__", ""))
async def test_whatever_is_wrong_its_remedies_lead_to_eligible(
    service: Service, trouble: Callable[[Service], Awaitable[None]], takes: set[str]
) -> None:
    await save_datasheet(service)
    await trouble(service)
    assert set(await mend(service, 0)) == takes | {"completeReview"}
    metrics = (await read(service, "card { metrics { metricName } }"))["card"]["metrics"]
    assert [each["metricName"] for each in metrics] == ["accuracy"]
