"""Evidence: for what it is taken, from whom, and how long it counts."""

from datetime import UTC, datetime

import pytest

from documents.access import Actor, ActorType, GovernanceRole
from documents.contents import Revision
from documents.errors import LimitExceeded
from documents.values import LIST_LENGTH
from documents.versions.evidence import Evidence
from documents.versions.rules import evidence, links, registration
from documents.versions.version import ModelVersion
from tests.examples import ACCESS_VERIFIED, BOT, attach, read, refusal, register, save_card
from tests.service import ALICE, BOB, CAROL, NOW, RITA, Service


async def test_evidence_counts_within_its_period_until_it_is_withdrawn(service: Service) -> None:
    async def meets() -> bool:
        violations = (await read(service, "eligibility { violations { requirementId } }"))["eligibility"]["violations"]
        return "POL-003.access-control" not in {each["requirementId"] for each in violations}

    await register(service)
    period = {"effectiveFrom": "2026-03-02T00:00:00Z", "validUntil": "2026-03-03T00:00:00Z"}
    evidence = {"evidenceId": await attach(service, **period), "reason": "The reviewer was not independent."}
    assert not await meets()
    service.now = datetime(2026, 3, 2, tzinfo=UTC)
    assert await meets()
    service.now = datetime(2026, 3, 3, tzinfo=UTC)
    assert not await meets()
    service.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert (await service.refused("withdrawEvidence", ALICE, **BOT | evidence))["code"] == "FORBIDDEN" and await meets()
    await service.do("withdrawEvidence", BOB, **BOT | evidence)
    assert not await meets()
    assert (await read(service, "evidence { withdrawn { by reason } }"))["evidence"] == [
        {"withdrawn": {"by": "bob", "reason": "The reviewer was not independent."}}
    ]
    refused = await service.refused("withdrawEvidence", BOB, **BOT | evidence)
    assert (refused["code"], refused["allowed"]) == ("INVALID_STATE", ["ATTACHED"])


async def test_evidence_is_for_a_period_that_can_be_and_by_somebody_accountable(service: Service) -> None:
    await register(service)
    for period in ({"validUntil": NOW.isoformat()}, dict.fromkeys(["effectiveFrom", "validUntil"], "2026-03-03T00:00:00Z")):
        refused = await service.refused("attachEvidence", **BOT | ACCESS_VERIFIED | period)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.validUntil")
    assert (await service.refused("attachEvidence", CAROL, **BOT | ACCESS_VERIFIED))["code"] == "FORBIDDEN"
    unknown = BOT | {"evidenceId": "EVD-0", "reason": "There is none."}
    refused = await service.refused("withdrawEvidence", **unknown)
    assert refused["code"] == "INVALID_STATE" and "no evidence" in refused["problem"]
    await attach(service)
    assert (await service.refused("withdrawEvidence", BOB, **unknown))["code"] == "NOT_FOUND"


DECIDED = {"title": "Somebody looked", "uri": "https://example.org/looked"}


async def test_evidence_for_what_the_records_decide_is_refused_with_the_remedy_that_would_help(service: Service) -> None:
    await register(service)
    remedies = {
        "POL-001.training-data": "linkDatasheet", "POL-002.bias-assessment": "createRiskAssessment",
        "POL-003.data-leakage": "createRiskAssessment", "POL-004.drift": "completeReview", "POL-003.audit-logging": None,
    }  # fmt: skip
    for requirement, mutation in remedies.items():
        refused = await refusal(service, "attachEvidence", BOB, **DECIDED, requirementId=requirement)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.requirementId")
        assert (refused["remedy"] and refused["remedy"]["mutation"]) == mutation
        assert ("they meet it" in refused["problem"]) is (mutation is None)
    refused = await refusal(service, "attachEvidence", BOB, **DECIDED, requirementId="POL-002.bias-assessment")
    known = refused["remedy"]["arguments"]
    await service.do("createRiskAssessment", **known | {"responses": [{"riskId": "FAIR-001", "likelihood": 2, "impact": 2}]})
    found = await read(service, "eligibility { violations { requirementId } }")
    assert {"requirementId": "POL-002.bias-assessment"} not in found["eligibility"]["violations"]
    assert (await refusal(service, "attachEvidence", CAROL, **DECIDED, requirementId="POL-004.drift"))["code"] == "FORBIDDEN"


async def test_the_trail_tells_the_mutation_that_would_help_and_no_text_of_the_card(service: Service) -> None:
    await register(service)
    await save_card(service, card={"risks": [{"riskType": "accuracy", "description": "Benedikt misreads it."}]})
    refused = await service.refused("attachEvidence", BOB, **BOT, **DECIDED, requirementId="POL-002.mitigations")
    assert refused["remedy"]["arguments"]["card"]["risks"][0]["description"] == "Benedikt misreads it."
    event = await service.last()
    assert event["details"]["facts"] == {"code": "INVALID_INPUT", "path": "input.requirementId", "remedy": "saveModelCard"}


def test_a_version_takes_no_more_evidence_than_it_can_be_read_with_again() -> None:
    by = Actor("alice", ActorType.USER, frozenset({GovernanceRole.MODEL_OWNER}))
    bot = registration.register("bot", "1.0.0", "Sorts mail", (), (), None, None, "alice", "bob", (), (), by=by, at=NOW)
    proof = Evidence.attach("POL-003.access-control", "A review", "https://example.org", None, None, None, None, by, NOW)
    for _ in range(LIST_LENGTH):
        evidence.attach(bot, proof, {proof.requirement_id}, by=by)
    with pytest.raises(LimitExceeded):
        evidence.attach(bot, proof, {proof.requirement_id}, by=by)
    for number in range(LIST_LENGTH):
        links.link(bot, f"set-{number}", Revision(revision=1, digest="0" * 64, author="bob", at=NOW), by=by, at=NOW)
    with pytest.raises(LimitExceeded):
        links.link(bot, "another", Revision(revision=1, digest="0" * 64, author="bob", at=NOW), by=by, at=NOW)
    links.link(bot, "set-0", Revision(revision=2, digest="1" * 64, author="bob", at=NOW), by=by, at=NOW)
    assert ModelVersion.model_validate(bot.model_dump(exclude_computed_fields=True)).datasheets == bot.datasheets


async def test_evidence_is_withdrawn_by_whoever_attached_it(service: Service) -> None:
    await register(service)
    withdrawn = BOT | {"evidenceId": await attach(service), "reason": "It is of another system."}
    for other in (ALICE, RITA, CAROL):
        assert (await service.refused("withdrawEvidence", other, **withdrawn))["code"] == "FORBIDDEN"
    await service.do("withdrawEvidence", BOB, **withdrawn)
