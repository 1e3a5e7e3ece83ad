"""How a version is registered, documented and assessed, and what of it is kept."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semver import Version

from documents.access import Actor, ActorType, GovernanceRole
from documents.contents import Revision
from documents.errors import LimitExceeded
from documents.values import LIST_LENGTH
from documents.versions.evidence import Evidence
from documents.versions.numbers import version_key
from documents.versions.rules import evidence, links, registration
from documents.versions.version import ModelVersion
from tests.examples import (
    ACCESS_VERIFIED,
    BOT,
    CARD,
    LEAKAGE,
    RATED,
    REGISTRATION,
    REVIEW,
    TICKETS,
    approvals,
    assess,
    attach,
    deactivate,
    decide,
    read,
    register,
    save_card,
    save_datasheet,
    submit,
)
from tests.service import ADA, ALICE, BOB, CAROL, NOW, Service, person

ROB = person("rob", GovernanceRole.MODEL_OWNER, GovernanceRole.RISK_MANAGER)


async def test_owner_and_steward_must_be_active_holders_of_their_roles(service: Service) -> None:
    await deactivate(service, BOB)
    for field, who in [("ownerId", "carol"), ("ownerId", "nobody"), ("dataStewardId", "alice"), ("dataStewardId", "bob")]:
        refused = await service.refused("registerModel", **REGISTRATION | {field: who})
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"input.{field}")


async def test_what_exists_is_a_conflict_and_nothing_is_overwritten(service: Service) -> None:
    await register(service)
    before = await service.state()
    again = REGISTRATION | {"purpose": "Something else", "name": "Other"}
    refused = await service.refused("registerModel", **again)
    assert (refused["code"], refused["kind"], refused["key"]) == ("CONFLICT", "Model", "support-assistant")
    del again["name"]
    refused = await service.refused("registerModelVersion", **again)
    assert (refused["code"], refused["kind"], refused["key"]) == ("CONFLICT", "ModelVersion", "support-assistant/1.0.0")
    assert await service.state() == before


async def test_a_version_of_no_model_is_refused(service: Service) -> None:
    again = {name: value for name, value in REGISTRATION.items() if name != "name"}
    refused = await service.refused("registerModelVersion", **again)
    assert (refused["code"], refused["kind"]) == ("NOT_FOUND", "Model")


async def test_a_lighter_tier_takes_a_risk_manager_and_a_rationale(service: Service) -> None:
    await service.enrol(ROB)
    lighter = REGISTRATION | {"tier": "TIER_3_STANDARD"}
    for each in (ALICE, ADA):
        refused = await service.refused("registerModel", each, **lighter | {"tierRationale": "It is small."})
        assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["RISK_MANAGER"])
    refused = await service.refused("registerModel", ROB, **lighter)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.tierRationale")
    await register(service, ROB, **lighter, tierRationale="It only ranks what people wrote.")
    assert await read(service, "tier tierRationale classification { tier }") == {
        "tier": "TIER_3_STANDARD",
        "tierRationale": "It only ranks what people wrote.",
        "classification": {"tier": "TIER_2_IMPORTANT"},
    }


async def test_a_more_critical_tier_stands(service: Service) -> None:
    assert (await register(service, tier="TIER_1_CRITICAL"))["modelVersion"]["tier"] == "TIER_1_CRITICAL"


def test_versions_order_by_precedence_and_texts_after_them() -> None:
    # semver.org, 2.0.0, section 11: its examples, one after another.
    stages = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0"
    keys = [version_key(each) for each in [*stages.split(), "2.0.0", "2.1.0", "2.1.1", "10.0.0", "1.0", "nightly", "v1.0.0"]]
    assert keys == sorted(set(keys))
    assert version_key("1.0.0+build.7") == version_key("1.0.0")


def semantic(release: tuple[int, int, int], stages: list[str]) -> str:
    return ".".join(map(str, release)) + (f"-{'.'.join(stages)}" if stages else "")


NUMBERS = st.one_of(st.integers(0, 11), st.integers(10**19, 10**22))
STAGES = st.one_of(NUMBERS.map(str), st.from_regex("[a-zA-Z-][0-9a-zA-Z-]{0,3}", fullmatch=True))
SEMANTIC = st.builds(semantic, st.tuples(NUMBERS, NUMBERS, NUMBERS), st.lists(STAGES, max_size=3))


@settings(deadline=None, database=None)
@given(SEMANTIC, SEMANTIC)
def test_any_two_semantic_versions_order_as_such(one: str, other: str) -> None:
    key, other_key = version_key(one), version_key(other)
    assert (key > other_key) - (key < other_key) == Version.parse(one).compare(other)


async def test_a_model_lists_its_versions_by_their_numbers_and_knows_the_highest(service: Service) -> None:
    await register(service, version="1.10.0")
    named = {name: value for name, value in REGISTRATION.items() if name != "name"}
    for each in ("1.9.0", "2.0.0", "2.0.0-rc.1"):
        await service.do("registerModelVersion", **named | {"version": each})
    asked = "model(modelId: $modelId) { versions(first: 9) { nodes { version } } latestVersion { version } }"
    found = (await service.ask(f"query($modelId: String!) {{ {asked} }}", modelId=BOT["modelId"]))["model"]
    assert [each["version"] for each in found["versions"]["nodes"]] == ["1.9.0", "1.10.0", "2.0.0-rc.1", "2.0.0"]
    assert found["latestVersion"] == {"version": "2.0.0"}


async def test_every_revision_of_a_card_can_be_read_again_byte_for_byte(service: Service) -> None:
    await register(service)
    await save_card(service)
    service.later(days=1)
    await save_card(service, card=CARD | {"license": "MIT", "contact": None})
    asked = "card { license contact modelName } cardRevisions { revision digest at author { userId } content { canonical } }"
    found = await read(service, asked)
    assert found["card"] == {"license": "MIT", "contact": None, "modelName": "Support assistant"}
    first, second = found["cardRevisions"]
    for each in (first, second):
        assert sha256(each["content"]["canonical"].encode()).hexdigest() == each["digest"]
    assert (first["revision"], second["revision"], first["author"]) == (1, 2, {"userId": "alice"})
    kept = json.loads(first["content"]["canonical"])
    assert (kept["license"], kept["contact"], kept["version"]) == ("Proprietary", "support-ml@example.org", "1.0.0")
    answer = await service.ask("query($digest: Hash!) { content(digest: $digest) { kind canonical } }", digest=first["digest"])
    assert answer["content"] == {"kind": "MODEL_CARD", "canonical": first["content"]["canonical"]}


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


async def test_a_link_pins_a_revision_and_a_newer_one_is_a_notice(service: Service) -> None:
    await register(service)
    await save_datasheet(service)
    await service.do("linkDatasheet", BOB, **BOT | TICKETS)
    await submit(service)
    await decide(service, CAROL)
    await save_datasheet(service, maintainer="Data engineering")
    asked = "datasheets { revision linkedBy datasheet { revisions { revision } } } eligibility { notices }"
    found = await read(service, asked)
    assert found["datasheets"] == [
        {"revision": 1, "linkedBy": "bob", "datasheet": {"revisions": [{"revision": 1}, {"revision": 2}]}}
    ]  # fmt: skip
    (notice,) = found["eligibility"]["notices"]
    assert TICKETS["datasetId"] in notice
    assert (await approvals(service))["ETHICS_REVIEWER"] == ("APPROVED", [])

    await service.do("linkDatasheet", **BOT | TICKETS)
    assert (await read(service, asked))["eligibility"]["notices"] == []
    assert (await approvals(service))["ETHICS_REVIEWER"] == ("STALE", ["DATASHEETS"])
    await service.do("linkDatasheet", **BOT | TICKETS | {"revision": 1})
    assert (await approvals(service))["ETHICS_REVIEWER"] == ("APPROVED", [])


async def test_what_is_not_there_cannot_be_linked_or_unlinked(service: Service) -> None:
    await register(service)
    assert (await service.refused("linkDatasheet", **BOT | TICKETS))["code"] == "NOT_FOUND"
    await save_datasheet(service)
    for revision in (0, 2):
        refused = await service.refused("linkDatasheet", **BOT | TICKETS | {"revision": revision})
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.revision")
    assert (await service.refused("unlinkDatasheet", **BOT | TICKETS))["code"] == "NOT_FOUND"


async def test_a_change_of_what_was_changed_meanwhile_is_a_conflict(service: Service) -> None:
    await register(service)
    revision = (await read(service, "revision"))["revision"]
    await service.do("saveModelCard", **BOT | {"card": CARD, "expectedRevision": revision})
    stale = BOT | {"expectedRevision": revision}
    mutations: list[tuple[str, dict[str, Any]]] = [
        ("saveModelCard", {"card": {}}), ("createRiskAssessment", {"responses": []}), ("attachEvidence", ACCESS_VERIFIED),
        ("submitForApproval", {}), ("completeReview", REVIEW),
    ]  # fmt: skip
    for mutation, said in mutations:
        refused = await service.refused(mutation, **stale | said)
        assert (refused["code"], refused["kind"], refused["revision"]) == ("CONFLICT", "ModelVersion", revision)


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
    assert (await service.refused("withdrawEvidence", **unknown))["code"] == "NOT_FOUND"


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
