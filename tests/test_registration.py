"""How versions come under governance: by whom, answered for by whom, and in which tier."""

from documents.access import GovernanceRole
from tests.examples import REGISTRATION, deactivate, read, register
from tests.service import ADA, ALICE, BOB, Service, person

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
