"""Who answers for a version in which role, since when, who is missing, and whom one turns to."""

from typing import Any

import pytest

from documents.access import Actor, ActorType, GovernanceRole, PlatformRole
from documents.risk.scales import RiskTier
from documents.roles import ACCOUNTABLE_ROLES
from documents.values import LIST_LENGTH
from documents.versions.rules import accountability
from documents.versions.version import ModelVersion
from tests.examples import ACCESS_VERIFIED, BOT, CARD, EXPERIMENT, eligible, on_record, read, register
from tests.service import ADA, ALICE, BOB, CAROL, RITA, Service, person

OWNER, ETHICS = GovernanceRole.MODEL_OWNER, GovernanceRole.ETHICS_REVIEWER
EVE, CORA = person("eve", OWNER), person("cora", GovernanceRole.COMPLIANCE_OFFICER)
BEA = person("bea", GovernanceRole.BUSINESS_OWNER)
HISTORY = "accountability { role userId assignedBy assignedAt endedAt }"
COVERAGE = "coverage { complete required assigned { role userId active holdsRole person { name } } missing }"


async def assign(service: Service, role: str, who: Any, by: Any = ALICE, **said: Any) -> Any:
    return await service.do(
        "assignAccountability", by, "modelVersion { revision ownerId }", **BOT | said, role=role, userId=who.id
    )


async def history(service: Service) -> list[tuple[Any, ...]]:
    """Role, person and assigner of each assignment, and whether it has ended."""
    found = (await read(service, HISTORY))["accountability"]
    return [(each["role"], each["userId"], each["assignedBy"], each["endedAt"] is not None) for each in found]


async def test_owner_and_steward_are_accountable_from_registration_on(service: Service) -> None:
    await register(service)
    assert await history(service) == [
        ("MODEL_OWNER", ALICE.id, ALICE.id, False), ("DATA_STEWARD", BOB.id, ALICE.id, False),
    ]  # fmt: skip


async def test_what_was_stays_on_record_in_its_order_when_a_role_changes_hands(service: Service) -> None:
    await service.enrol(EVE)
    await register(service)
    service.later(days=1)
    payload = await assign(service, "MODEL_OWNER", EVE)
    assert payload["modelVersion"]["ownerId"] == EVE.id
    service.later(days=1)
    await assign(service, "ETHICS_REVIEWER", CAROL, EVE)
    await assign(service, "MODEL_OWNER", ALICE, EVE)
    assert await history(service) == [
        ("MODEL_OWNER", ALICE.id, ALICE.id, True), ("DATA_STEWARD", BOB.id, ALICE.id, False),
        ("MODEL_OWNER", EVE.id, ALICE.id, True), ("ETHICS_REVIEWER", CAROL.id, EVE.id, False),
        ("MODEL_OWNER", ALICE.id, EVE.id, False),
    ]  # fmt: skip
    first, *_, last = (await read(service, HISTORY))["accountability"]
    assert [first["assignedAt"], first["endedAt"], last["assignedAt"]] == [f"2026-03-0{day}T12:00:00.123Z" for day in (1, 2, 3)]


async def test_whoever_is_accountable_may_what_goes_with_it_and_whoever_was_may_not(service: Service) -> None:
    await service.enrol(EVE)
    await register(service)
    assert (await service.refused("saveModelCard", EVE, **BOT, card=CARD))["code"] == "FORBIDDEN"
    assert (await service.refused("attachEvidence", CAROL, **BOT, **ACCESS_VERIFIED))["code"] == "FORBIDDEN"
    await assign(service, "ETHICS_REVIEWER", CAROL)
    await assign(service, "MODEL_OWNER", EVE)
    await service.do("saveModelCard", EVE, **BOT, card=CARD)
    await service.do("attachEvidence", CAROL, **BOT, **ACCESS_VERIFIED)
    withheld: dict[str, dict[str, Any]] = {
        "saveModelCard": {"card": CARD}, "assignAccountability": {"role": "MODEL_OWNER", "userId": "alice"},
    }  # fmt: skip
    for mutation, said in withheld.items():
        assert (await service.refused(mutation, ALICE, **BOT, **said))["code"] == "FORBIDDEN"
    assert (await read(service, "auditEvents(last: 1) { nodes { action } }", CAROL))["auditEvents"]


@pytest.mark.parametrize("who", [ADA, CORA, ALICE])
async def test_owner_compliance_officer_and_administrator_assign(service: Service, who: Any) -> None:
    await service.enrol(CORA)
    await register(service)
    await assign(service, "RISK_MANAGER", RITA, who)
    assert (await history(service))[-1] == ("RISK_MANAGER", RITA.id, who.id, False)
    event = await service.last()
    assert (event["event_type"], event["action"], event["actor"]["id"]) == ("model_updated", "assignAccountability", who.id)


async def test_a_role_goes_to_an_active_holder_of_it_and_to_a_version_as_it_is_now(service: Service) -> None:
    await register(service)
    for who in (BOB, CAROL, ADA, person("nobody")):
        refused = await service.refused("assignAccountability", **BOT, role="MODEL_OWNER", userId=who.id)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.userId")
    stale: dict[str, Any] = {"role": "ETHICS_REVIEWER", "userId": CAROL.id, "expectedRevision": 0}
    assert (await service.refused("assignAccountability", **BOT, **stale))["code"] == "CONFLICT"
    again = await service.refused("assignAccountability", **BOT, role="MODEL_OWNER", userId=ALICE.id)
    assert (again["code"], again["problem"]) == ("INVALID_INPUT", "changes nothing")
    assert len(await history(service)) == 2


async def test_a_retired_version_is_assigned_to_nobody_any_more(service: Service) -> None:
    await register(service)
    await service.do("retireModelVersion", ALICE, **BOT, reason="It was replaced.")
    refused = await service.refused("assignAccountability", **BOT, role="ETHICS_REVIEWER", userId=CAROL.id)
    assert (refused["code"], refused["from"]) == ("INVALID_STATE", "RETIRED")


async def test_nobody_can_make_the_history_of_a_version_grow_without_end(service: Service) -> None:
    await service.enrol(EVE)
    await register(service)
    admin = Actor(ADA.id, ActorType.USER, frozenset({PlatformRole.ADMIN}))

    async def to_and_fro() -> None:
        version = await ModelVersion.require(*BOT.values())
        for at in range(LIST_LENGTH - 3):
            accountability.assign(version, OWNER, (EVE, ALICE)[at % 2].id, admin, service.now)
        await version.store()

    await on_record(service, to_and_fro)
    await assign(service, "MODEL_OWNER", ALICE, ADA)
    refused = await service.refused("assignAccountability", ADA, **BOT, role="ETHICS_REVIEWER", userId=CAROL.id)
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", LIST_LENGTH)


async def test_accountability_changes_nothing_that_was_approved(service: Service) -> None:
    await service.enrol(EVE)
    await eligible(service)
    await assign(service, "MODEL_OWNER", EVE)
    assert (await read(service, "eligibility { eligible }"))["eligibility"]["eligible"]


@pytest.mark.parametrize(
    ("tier", "count"),
    [
        (RiskTier.TIER_1_CRITICAL, 7), (RiskTier.TIER_2_IMPORTANT, 5), (RiskTier.TIER_3_STANDARD, 2),
        (RiskTier.TIER_4_EXPERIMENTAL, 2),
    ],
)  # fmt: skip
def test_the_more_critical_a_tier_the_more_roles_must_be_covered(tier: RiskTier, count: int) -> None:
    roles = ACCOUNTABLE_ROLES[tier]
    assert len(roles) == len(set(roles)) == count and {OWNER, GovernanceRole.DATA_STEWARD} <= set(roles)
    assert (ETHICS in roles) is (count >= 5) and (GovernanceRole.RISK_MANAGER in roles) is (count == 7)


async def test_coverage_says_which_roles_nobody_answers_in(service: Service) -> None:
    await service.enrol(BEA)
    await register(service)
    found = (await read(service, COVERAGE))["coverage"]
    assert not found["complete"] and found["required"] == [each.name for each in ACCOUNTABLE_ROLES[RiskTier.TIER_2_IMPORTANT]]
    assert found["missing"] == ["ETHICS_REVIEWER", "SECURITY_REVIEWER", "BUSINESS_OWNER"]
    assert found["assigned"][0] == {
        "role": "MODEL_OWNER", "userId": ALICE.id, "active": True, "holdsRole": True, "person": {"name": "Alice"},
    }  # fmt: skip
    await assign(service, "ETHICS_REVIEWER", CAROL)
    await assign(service, "SECURITY_REVIEWER", person("david"))
    assert not (await read(service, COVERAGE))["coverage"]["complete"]
    await assign(service, "BUSINESS_OWNER", BEA)
    found = (await read(service, COVERAGE))["coverage"]
    assert found["complete"] and found["missing"] == [] and len(found["assigned"]) == 5


async def test_an_experiment_is_covered_by_its_owner_and_its_steward(service: Service) -> None:
    await register(service, **EXPERIMENT)
    assert (await read(service, "tier coverage { complete }")) == {
        "tier": "TIER_4_EXPERIMENTAL", "coverage": {"complete": True},
    }  # fmt: skip


async def test_versions_are_found_by_who_is_accountable_for_them_today(service: Service) -> None:
    await service.enrol(EVE)
    await register(service)
    await register(service, EVE, modelId="hers", ownerId=EVE.id)
    await assign(service, "MODEL_OWNER", EVE)
    asked = "query($filter: ModelVersionFilter) { modelVersions(first: 9, filter: $filter) { nodes { modelId } } }"

    async def found(**by: Any) -> list[str]:
        nodes = (await service.ask(asked, filter=by))["modelVersions"]["nodes"]
        return [each["modelId"] for each in nodes]

    current = {"endedAt": {"isNull": True}}
    assert await found(accountability={"some": {"userId": {"eq": "eve"}} | current}) == [BOT["modelId"], "hers"]
    assert await found(accountability={"some": {"userId": {"eq": "alice"}} | current}) == []
    assert await found(accountability={"some": {"userId": {"eq": "alice"}}}) == [BOT["modelId"]]
    assert await found(standing={"accountableIds": {"some": {"eq": "bob"}}}) == [BOT["modelId"], "hers"]
