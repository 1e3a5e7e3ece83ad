"""Models: the names under which versions are governed, how they are corrected, and who owns them."""

import asyncio
from typing import Any

import pytest

from documents.access import GovernanceRole, Permission
from tests.examples import BOT, REGISTRATION, deactivate, register
from tests.journey import ANOTHER
from tests.operations import experiments
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, RITA, Person, Service, mutating, person
from tests.tokens import make

EVE, OLGA = person("eve", GovernanceRole.MODEL_OWNER), person("olga", GovernanceRole.MODEL_OWNER)
CORA = person("cora", GovernanceRole.COMPLIANCE_OFFICER)
MODEL: dict[str, Any] = {"modelId": BOT["modelId"]}
SHOWN = "name description tags ownerId ownerSetBy owner { name } revision"
NEEDED = ["ADMIN", "SERVICE", "MODEL_OWNER (owner of the model)"]


async def known(service: Service, selection: str = SHOWN, **of: Any) -> Any:
    asked = f"query($modelId: String!) {{ model(modelId: $modelId) {{ {selection} }} }}"
    return (await service.ask(asked, ADA, **MODEL | of))["model"]


async def update(service: Service, by: Person = ALICE, **said: Any) -> Any:
    return (await service.do("updateModel", by, f"model {{ {SHOWN} }}", **MODEL | said))["model"]


async def owner(service: Service, **of: Any) -> tuple[str, str | None]:
    """Who owns the model, and who set that."""
    found = await known(service, "ownerId ownerSetBy", **of)
    return found["ownerId"], found["ownerSetBy"]


async def assign(service: Service, who: Person, by: Person = ADA, **of: Any) -> None:
    await service.do("assignAccountability", by, **BOT | of, role="MODEL_OWNER", userId=who.id)


async def test_a_model_lists_its_versions_by_their_numbers_and_knows_the_highest(service: Service) -> None:
    await register(service, version="1.10.0")
    named = {name: value for name, value in REGISTRATION.items() if name != "name"}
    for each in ("1.9.0", "2.0.0", "2.0.0-rc.1"):
        await service.do("registerModelVersion", **named | {"version": each})
    asked = "model(modelId: $modelId) { versions(first: 9) { nodes { version } } latestVersion { version } }"
    found = (await service.ask(f"query($modelId: String!) {{ {asked} }}", modelId=BOT["modelId"]))["model"]
    assert [each["version"] for each in found["versions"]["nodes"]] == ["1.9.0", "1.10.0", "2.0.0-rc.1", "2.0.0"]
    assert found["latestVersion"] == {"version": "2.0.0"}


async def test_what_is_left_out_of_a_models_update_stays_and_null_empties(service: Service) -> None:
    await register(service, description="It answers.", tags=["support"])
    before = await known(service)
    after = await update(service, name="Buyers' assistant", expectedRevision=before["revision"])
    assert after == before | {"name": "Buyers' assistant", "revision": before["revision"] + 1}
    event = await service.last()
    assert (event["event_type"], event["action"]) == ("model_updated", "updateModel")
    assert event["resource"] == {"type": "Model", "id": BOT["modelId"]}
    assert event["details"]["changes"] == [{"path": "name", "from": "Support assistant", "to": "Buyers' assistant"}]
    after = await update(service, ADA, tags=["chat", "support", "chat"])
    assert (after["description"], after["tags"]) == ("It answers.", ["chat", "support"])
    after = await update(service, description=None, tags=None)
    assert (after["name"], after["description"], after["tags"]) == ("Buyers' assistant", "", [])


async def test_search_finds_a_model_by_its_new_name_and_tags(service: Service) -> None:
    await register(service)
    await update(service, name="Concierge", tags=["hotel"])
    asked = "query($words: String!) { search(query: $words, first: 9) { nodes { __typename } } }"
    for words in ("concierge", "hotel"):
        assert (await service.ask(asked, words=words))["search"]["nodes"] == [{"__typename": "Model"}]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"name": None}, "input.name"),
        ({"name": ""}, "input.name"),
        ({"name": "n" * 201}, "input.name"),
        ({"description": "d" * 20_001}, "input.description"),
        ({"tags": ["t"] * 201}, "input.tags"),
        ({"ownerId": "nobody"}, "input.ownerId"),
        ({"ownerId": "bob"}, "input.ownerId"),
        ({"ownerId": "eve"}, "input.ownerId"),
        ({"name": "Support assistant"}, "input"),
        ({}, "input"),
    ],
)
async def test_a_model_is_not_changed_by_what_it_could_not_be(service: Service, said: dict[str, Any], path: str) -> None:
    await service.enrol(EVE)
    await deactivate(service, EVE)
    await register(service)
    before = await service.state()
    refused = await service.refused("updateModel", **MODEL | said)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", path)
    assert (await service.state())["Model"] == before["Model"]


async def test_a_model_is_changed_by_its_owner_and_administrators_alone(service: Service) -> None:
    await service.enrol(EVE)
    await register(service)
    before = (await service.state())["Model"]
    for each in (EVE, BOB, CAROL, RITA, AUDREY):
        refused = await service.refused("updateModel", each, **MODEL, name="Theirs")
        assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["ADMIN", "MODEL_OWNER (owner of the model)"])
    refused = await service.refused("updateModel", EVE, **MODEL, name="Hers")
    assert refused["problem"] == f"eve may not updateModel of {BOT['modelId']}, which alice owns"
    assert (await service.state())["Model"] == before
    assert (await service.last())["outcome"] == "denied"
    assert (await service.refused("updateModel", modelId="nothing", name="It"))["code"] == "NOT_FOUND"
    assert (await service.refused("updateModel", **MODEL, name="It", expectedRevision=0))["code"] == "CONFLICT"


async def test_an_owner_who_lost_the_role_changes_the_model_no_more(service: Service) -> None:
    await register(service)
    await service.do("updateStakeholder", ADA, userId=ALICE.id, roles=["DEPLOYER"])
    assert (await service.refused("updateModel", **MODEL, name="Still mine"))["code"] == "FORBIDDEN"


async def test_of_two_updates_of_one_revision_one_is_a_conflict(service: Service) -> None:
    await register(service)
    revision = (await known(service))["revision"]
    sent = [MODEL | {"name": name, "expectedRevision": revision} for name in ("One", "Two")]
    answers = await asyncio.gather(*(service.post(mutating("updateModel", ""), {"input": each}) for each in sent))
    codes = [each.json().get("errors", [{"extensions": {"code": None}}])[0]["extensions"]["code"] for each in answers]
    assert sorted(map(str, codes)) == ["CONFLICT", "None"]


async def test_the_owner_follows_the_owner_of_the_latest_version(service: Service) -> None:
    await service.enrol(EVE, OLGA)
    await register(service, version="1.10.0")
    await service.do("registerModelVersion", **ANOTHER, version="1.9.0")
    await assign(service, OLGA, version="1.9.0")
    assert await owner(service) == (ALICE.id, None)
    seen = await service.size()
    await assign(service, EVE, version="1.10.0")
    assert await owner(service) == (EVE.id, None)
    told = await service.trail(seen)
    assert [(each["event_type"], each["resource"]["type"], each["action"]) for each in told] == [
        ("model_updated", "Model", "assignAccountability"), ("model_updated", "ModelVersion", "assignAccountability"),
    ]  # fmt: skip
    await service.do("assignAccountability", EVE, **BOT | {"version": "1.10.0"}, role="ETHICS_REVIEWER", userId=CAROL.id)
    assert await owner(service) == (EVE.id, None)


async def test_the_owner_follows_the_latest_version_that_is_not_retired(service: Service) -> None:
    await service.enrol(EVE)
    await register(service)
    await service.do("registerModelVersion", **ANOTHER, version="1.1.0")
    await service.do("retireModelVersion", **BOT | {"version": "1.1.0"}, reason="Nobody needs it.")
    await assign(service, EVE, version="1.0.0")
    assert await owner(service) == (EVE.id, None)


async def test_an_owner_who_was_set_stays_until_the_owner_is_to_follow_again(service: Service) -> None:
    await service.enrol(EVE, OLGA)
    await register(service)
    assert (await update(service, ownerId=EVE.id))["owner"] == {"name": "Eve"}
    assert await owner(service) == (EVE.id, ALICE.id)
    await assign(service, OLGA)
    assert await owner(service) == (EVE.id, ALICE.id)
    assert (await service.refused("updateModel", **MODEL, name="Mine again"))["code"] == "FORBIDDEN"
    after = await update(service, EVE, ownerId=None, name="Theirs")
    assert (after["name"], after["ownerId"], after["ownerSetBy"]) == ("Theirs", OLGA.id, None)
    await assign(service, ALICE)
    assert await owner(service) == (ALICE.id, None)


async def test_an_owner_who_was_set_to_the_one_of_before_no_longer_follows(service: Service) -> None:
    await service.enrol(EVE)
    await register(service)
    await update(service, ADA, ownerId=ALICE.id)
    await assign(service, EVE)
    assert await owner(service) == (ALICE.id, ADA.id)


async def test_an_owner_does_not_follow_somebody_who_left(service: Service) -> None:
    await service.enrol(EVE)
    await register(service)
    await update(service, ownerId=EVE.id)
    await deactivate(service, ALICE)
    refused = await service.refused("updateModel", EVE, **MODEL, ownerId=None)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.ownerId")
    assert await owner(service) == (EVE.id, ALICE.id)


async def test_a_leavers_models_go_to_the_successor_whether_their_owner_was_set_or_not(service: Service) -> None:
    await service.enrol(EVE, OLGA)
    await register(service)
    await register(service, modelId="second")
    await update(service, modelId="second", ownerId=OLGA.id)
    await deactivate(service, OLGA, handOverTo=EVE.id)
    assert await owner(service, modelId="second") == (EVE.id, ALICE.id)
    await deactivate(service, ALICE, handOverTo=EVE.id)
    assert await owner(service) == (EVE.id, None)


async def test_further_versions_are_registered_by_the_models_owner_administrators_and_entitled_services(service: Service) -> None:
    await service.enrol(EVE, OLGA)
    await register(service)
    further = ANOTHER | {"ownerId": EVE.id}
    refused = await service.refused("registerModelVersion", EVE, **further, version="2.0.0")
    assert (refused["code"], refused["needs"]) == ("FORBIDDEN", NEEDED)
    assert refused["problem"] == f"eve may not registerModelVersion of {BOT['modelId']}, which alice owns"
    assert (await service.last())["outcome"] == "denied"
    entitled, _ = await make(
        service, ADA, holder={"service": {"name": "ci", "mutations": [Permission.REGISTER_MODEL_VERSION.name]}}
    )
    other, _ = await make(service, ADA, holder={"service": {"name": "training", "mutations": ["SAVE_MODEL_CARD"]}})
    assert (await service.refused("registerModelVersion", other, **further, version="2.0.0"))["code"] == "FORBIDDEN"
    for number, by in enumerate((ALICE, ADA, entitled), 2):
        await service.do("registerModelVersion", by, **further, version=f"{number}.0.0")
    refused = await service.refused("registerModelVersion", EVE, **further, version="5.0.0")
    assert refused["code"] == "FORBIDDEN"  # who owns a version does not own the model
    await update(service, ownerId=EVE.id)
    await service.do("registerModelVersion", EVE, **further, version="5.0.0")
    refused = await service.refused("registerModelVersion", ALICE, **further, version="6.0.0")
    assert refused["code"] == "FORBIDDEN"


async def test_who_assigns_a_version_away_gives_the_model_with_it(service: Service) -> None:
    await service.enrol(EVE, CORA)
    await experiments(service, "1.0.0")
    trial = {"modelId": "summaries"}
    await assign(service, EVE, CORA, **trial)
    assert await owner(service, **trial) == (EVE.id, None)
    refused = await service.refused("registerModelVersion", ALICE, **ANOTHER | trial, version="2.0.0")
    assert refused["code"] == "FORBIDDEN"
    await service.do("registerModelVersion", EVE, **ANOTHER | trial, version="2.0.0")
