"""Waivers: requirements that need not be met for a time, by somebody who neither owns nor submitted the version."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from documents.access import Actor, ActorType, GovernanceRole
from documents.errors import LimitExceeded
from documents.values import LIST_LENGTH
from documents.versions.rules import registration, waivers
from gql.app import create_app
from tests.examples import BOT, EXPERIMENT, attach, decide, eligible, read, refusal, register, submit, submitted
from tests.service import ALICE, BOB, CAROL, DAVID, NOW, RITA, Service, person

OWNER, RISK, COMPLIANCE = GovernanceRole.MODEL_OWNER, GovernanceRole.RISK_MANAGER, GovernanceRole.COMPLIANCE_OFFICER
ROB, CLEO = person("rob", OWNER, RISK), person("cleo", COMPLIANCE)
ENDS = datetime(2026, 3, 2, 12, tzinfo=UTC)
MOMENT, DAY = timedelta(milliseconds=1), timedelta(days=1)
ACCESS = "POL-003.access-control"
WAIVED: dict[str, Any] = {"requirementId": ACCESS, "rationale": "It runs on one laptop.", "expiresAt": ENDS.isoformat()}
REVOKED = {"reason": "It left the laptop."}

LISTED = """query($now: DateTime!) { modelVersions(first: 9, filter: { standing: { compliance: { some: {
  begins: { lte: $now }, or: [{ ends: { isNull: true } }, { ends: { gt: $now } }]
} } } }) { nodes { version } } }"""


async def grant(service: Service, **said: Any) -> str:
    """The id of the waiver."""
    payload = await service.do("grantWaiver", RITA, "waiver { waiverId stands }", **BOT | WAIVED | said)
    assert payload["waiver"]["stands"]
    return str(payload["waiver"]["waiverId"])


async def withdraw_proof(service: Service) -> None:
    (proof,) = (await read(service, "evidence { evidenceId }"))["evidence"]
    await service.do("withdrawEvidence", BOB, **BOT | proof, reason="It was of another system.")


async def without_proof(service: Service) -> None:
    """An approved version that lacks nothing but evidence for one requirement."""
    await eligible(service)
    await withdraw_proof(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)


Reading = tuple[bool, list[str], list[str], bool]


async def reads(service: Service, at: datetime) -> Reading:
    """Whether it is eligible at a moment, what is violated and what is waived, and whether the list of compliant ones has it."""
    service.now = at
    asked = "eligibility { eligible violations { requirementId } waived { finding { requirementId } } }"
    found = (await read(service, asked))["eligibility"]
    violated, waived = ([each["requirementId"] for each in findings] for findings in (
        found["violations"], [each["finding"] for each in found["waived"]]
    ))  # fmt: skip
    listed = (await service.ask(LISTED, now=at.isoformat()))["modelVersions"]["nodes"]
    may = (await service.ask("{ modelVersions(first: 9, filter: {eligible: true}) { nodes { version } } }"))["modelVersions"]
    assert bool(may["nodes"]) is found["eligible"]
    return found["eligible"], violated, waived, bool(listed)


VIOLATED: Reading = (False, [ACCESS], [], False)
EXCEPTED: Reading = (True, [], [ACCESS], True)
MET: Reading = (True, [], [], True)


async def test_what_is_waived_shows_as_waived_up_to_its_expiry_and_not_at_it(service: Service) -> None:
    await without_proof(service)
    assert await reads(service, service.now) == VIOLATED
    waiver = await grant(service)
    waived = "waived { finding { title reason remedy { mutation } } waiver { waiverId stands grantor { userId } } }"
    standing = "standing { violations waived compliance { begins ends } }"
    found = await read(service, f"eligibility {{ {waived} }} {standing}")
    (shown,) = found["eligibility"]["waived"]
    assert shown["waiver"] == {"waiverId": waiver, "stands": True, "grantor": {"userId": "rita"}}
    assert shown["finding"]["remedy"] == {"mutation": "attachEvidence"} and shown["finding"]["reason"]
    assert found["standing"] == {
        "violations": [], "waived": [ACCESS],
        "compliance": [{"begins": "2026-03-01T12:00:00.123Z", "ends": "2026-03-02T12:00:00.000Z"}],
    }  # fmt: skip
    assert await reads(service, ENDS - MOMENT) == EXCEPTED
    assert await reads(service, ENDS) == VIOLATED
    assert (await read(service, "waivers { stands }"))["waivers"] == [{"stands": False}]


async def test_the_rule_comes_first_and_a_waiver_of_what_is_met_shows_when_it_is_met_no_longer(service: Service) -> None:
    await eligible(service)
    await grant(service)
    assert await reads(service, service.now) == MET
    assert await reads(service, ENDS) == MET
    service.now = NOW
    await withdraw_proof(service)
    assert (await reads(service, service.now))[1:] == ([], [ACCESS], True)


async def test_a_revoked_waiver_excepts_from_nothing(service: Service) -> None:
    await without_proof(service)
    waiver = {"waiverId": await grant(service)}
    revoked = await service.do("revokeWaiver", RITA, "waiver { stands revoked { by reason } }", **BOT | waiver | REVOKED)
    assert revoked["waiver"] == {"stands": False, "revoked": {"by": "rita", **REVOKED}}
    assert await reads(service, service.now) == VIOLATED
    refused = await refusal(service, "revokeWaiver", RITA, **waiver, **REVOKED)
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "REVOKED", ["STANDING"])
    expired = {"waiverId": await grant(service)}
    service.now = ENDS
    refused = await refusal(service, "revokeWaiver", RITA, **expired, **REVOKED)
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "EXPIRED", ["STANDING"])
    refused = await refusal(service, "revokeWaiver", RITA, waiverId="WVR-0", **REVOKED)
    assert (refused["code"], refused["kind"], refused["key"]) == ("NOT_FOUND", "Waiver", "WVR-0")


async def test_of_several_waivers_the_last_to_end_counts(service: Service) -> None:
    await without_proof(service)
    granted = [await grant(service, expiresAt=(ENDS + days * DAY).isoformat()) for days in (0, 2, 1)]
    counts = granted[1]
    found = await read(service, "eligibility { waived { waiver { waiverId } } }")
    assert found["eligibility"]["waived"] == [{"waiver": {"waiverId": counts}}]
    assert await reads(service, ENDS + 2 * DAY - MOMENT) == EXCEPTED
    assert await reads(service, ENDS + 2 * DAY) == VIOLATED
    service.now = ENDS
    await service.do("revokeWaiver", RITA, **BOT, waiverId=counts, **REVOKED)
    assert await reads(service, ENDS + DAY - MOMENT) == EXCEPTED
    assert await reads(service, ENDS + DAY) == VIOLATED


async def test_compliance_is_foretold_for_each_time_that_it_will_hold(service: Service) -> None:
    async def foretold() -> list[tuple[str, str | None]]:
        found = (await read(service, "standing { compliance { begins ends } }"))["standing"]
        return [(each["begins"], each["ends"]) for each in found["compliance"]]

    await without_proof(service)
    assert await foretold() == []
    await attach(service, effectiveFrom=(ENDS + DAY).isoformat(), validUntil=(ENDS + 2 * DAY).isoformat())
    later = ("2026-03-03T12:00:00.000Z", "2026-03-04T12:00:00.000Z")
    assert await foretold() == [later]
    assert [(await reads(service, at))[3] for at in (ENDS + DAY - MOMENT, ENDS + DAY, ENDS + 2 * DAY)] == [False, True, False]
    service.now = NOW
    await grant(service)
    assert await foretold() == [("2026-03-01T12:00:00.123Z", "2026-03-02T12:00:00.000Z"), later]
    await grant(service, expiresAt=(ENDS + DAY).isoformat())
    assert await foretold() == [("2026-03-01T12:00:00.123Z", "2026-03-04T12:00:00.000Z")]


async def test_neither_owner_nor_submitter_grants_or_revokes_a_waiver(service: Service) -> None:
    await service.enrol(ROB, CLEO)
    await register(service, ROB, ownerId="rob")
    given = await service.do("grantWaiver", CLEO, "waiver { waiverId }", **BOT | WAIVED)

    async def rob_is_refused() -> None:
        for mutation, said in (("grantWaiver", WAIVED), ("revokeWaiver", given["waiver"] | REVOKED)):
            refused = await refusal(service, mutation, ROB, **said)
            assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["somebody else"])

    await rob_is_refused()
    await submit(service, ROB)
    await service.do("assignAccountability", ROB, **BOT, role="MODEL_OWNER", userId="alice")
    await rob_is_refused()
    await service.do("revokeWaiver", RITA, **BOT | given["waiver"] | REVOKED)  # granted by another, in another role


@pytest.mark.parametrize("requirement", ["POL-003.unknown", "POL-003", "POL-004.drift", "POL-002.mitigations"])
async def test_only_a_blocking_requirement_that_the_version_is_held_to_can_be_waived(service: Service, requirement: str) -> None:
    await submitted(service, purpose="Sorts mail", useCases=[])  # tier 3: the ethics review does not apply
    refused = await refusal(service, "grantWaiver", RITA, **WAIVED | {"requirementId": requirement})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.requirementId")
    assert ACCESS in refused["problem"] and requirement not in refused["problem"].split(", ")


async def test_where_nothing_is_required_nothing_is_waived(service: Service) -> None:
    await register(service, **EXPERIMENT)
    refused = await refusal(service, "grantWaiver", RITA, **WAIVED)
    assert refused["code"] == "INVALID_STATE" and "no blocking requirement" in refused["problem"]


async def test_a_waiver_ends_in_the_future_and_says_why(service: Service) -> None:
    await register(service)
    service.now = ENDS
    refused = await refusal(service, "grantWaiver", RITA, **WAIVED)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.expiresAt")
    refused = await refusal(service, "grantWaiver", RITA, **WAIVED | {"rationale": " "})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.rationale")
    await grant(service, expiresAt=(ENDS + MOMENT).isoformat())


async def test_a_waiver_lasts_180_days_at_most_unless_the_server_is_set_otherwise(service: Service) -> None:
    await register(service)
    latest = datetime(2026, 8, 28, 12, 0, 0, 123000, tzinfo=UTC)
    refused = await refusal(service, "grantWaiver", RITA, **WAIVED | {"expiresAt": (latest + MOMENT).isoformat()})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.expiresAt")
    assert refused["problem"] == "must be 2026-08-28T12:00:00.123Z at the latest: a waiver lasts 180 days at most"
    await grant(service, expiresAt=latest.isoformat())
    longer = create_app(service.settings.model_copy(update={"waiver_days": 400}), lambda: service.now, service.database)
    service.http = httpx.AsyncClient(transport=httpx.ASGITransport(longer), base_url="http://test")
    await grant(service, expiresAt=(latest + 220 * DAY).isoformat())
    service.later(days=200)  # what was granted for longer stands
    stands = (await read(service, "waivers { stands }"))["waivers"]
    assert stands == [{"stands": False}, {"stands": True}]


async def test_a_waiver_of_every_requirement_makes_no_approval(service: Service) -> None:
    await submitted(service)
    found = await read(service, "eligibility { violations { requirementId } }")
    for each in found["eligibility"]["violations"]:
        await grant(service, **each)
    assert (await read(service, "status eligibility { eligible violations { title } missingApprovals { role } }")) == {
        "status": "PENDING_APPROVAL",
        "eligibility": {
            "eligible": False, "violations": [],
            "missingApprovals": [{"role": each} for each in ("MODEL_OWNER", "ETHICS_REVIEWER", "SECURITY_REVIEWER")],
        },
    }  # fmt: skip


def test_a_version_takes_no_more_waivers_than_it_can_be_read_with_again() -> None:
    owner = Actor("alice", ActorType.USER, frozenset({OWNER}))
    bot = registration.register("bot", "1.0.0", "Sorts mail", (), (), None, None, "alice", "bob", (), (), by=owner, at=NOW)
    manager = Actor("rita", ActorType.USER, frozenset({RISK}))
    for _ in range(LIST_LENGTH):
        waivers.grant(bot, ACCESS, {ACCESS}, "It runs on one laptop.", ENDS, DAY, by=manager, at=NOW)
    with pytest.raises(LimitExceeded):
        waivers.grant(bot, ACCESS, {ACCESS}, "It runs on one laptop.", ENDS, DAY, by=manager, at=NOW)
