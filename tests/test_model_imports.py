"""Models registered from files over the graph: bills of materials, and model cards of the Hugging Face Hub."""

import json
from hashlib import sha256
from typing import Any

from documents.access import GovernanceRole
from tests.examples import BOT, decide, read, register, submit
from tests.exchanged import LEAVES, MISSING, bill
from tests.service import ADA, ALICE, BOB, CAROL, Service, person
from tests.tokens import make

PEOPLE = {"ownerId": ALICE.id, "dataStewardId": BOB.id}
CARD = """---
license: mit
version: '1.0'
under: oath
---
# Model card for Leaves

## Intended use

- Grades credit by leaves
"""
MODEL = "modelVersion { modelId version status tier purpose useCases ownerId model { name } card { license modelName } }"
SELECTED = f"models {{ path sha256 filled leftOut {{ path reason }} {MISSING} {MODEL} }} leftOut {{ path reason }}"


async def from_cards(service: Service, *cards: Any, **said: Any) -> Any:
    source = {"huggingFace": [{"text": each} if isinstance(each, str) else {"text": CARD} | each for each in cards]}
    return await service.do("importModels", ADA, SELECTED, source=source, **PEOPLE | said)


async def from_bill(service: Service, *models: dict[str, Any]) -> Any:
    text = json.dumps(bill() | {"components": [{"type": "machine-learning-model"} | each for each in models]})
    return await service.do("importModels", ADA, SELECTED, source={"cycloneDx": text}, **PEOPLE)


async def refused(service: Service, source: Any, by: Any = ADA, **said: Any) -> dict[str, Any]:
    """The refusal of an import, which registered nothing."""
    before = await registered(service)
    found = await service.refused("importModels", by, source=source, **PEOPLE | said)
    assert await registered(service) == before
    return found


async def registered(service: Service) -> dict[str, Any]:
    return {name: stored for name, stored in (await service.state()).items() if name in {"Model", "ModelVersion", "Content"}}


def names(payload: Any) -> list[tuple[str, str, str]]:
    return [(each["path"], each["modelVersion"]["modelId"], each["modelVersion"]["version"]) for each in payload["models"]]


def reasons(payload: Any) -> dict[str, str]:
    return {each["path"]: each["reason"] for each in payload["leftOut"]}


async def test_cards_become_drafts_and_each_says_what_it_filled_left_out_and_still_lacks(service: Service) -> None:
    named = {"modelId": "roots", "name": "Roots", "version": "2.1.0", "purpose": "Looks at roots", "text": LEAVES}
    payload = await from_cards(service, CARD, named)
    assert names(payload) == [("huggingFace.0", "Leaves", "1.0"), ("huggingFace.1", "roots", "2.1.0")]
    leaves, roots = payload["models"]
    assert leaves["modelVersion"] | {"model": {"name": "Leaves"}} == {
        "modelId": "Leaves", "version": "1.0", "status": "DRAFT", "tier": "TIER_1_CRITICAL", "purpose": "Grades credit by leaves",
        "useCases": ["Grades credit by leaves"], "ownerId": ALICE.id, "model": {"name": "Leaves"},
        "card": {"license": "MIT", "modelName": "Leaves"},
    }  # fmt: skip
    assert leaves["filled"] == ["license", "additionalInfo", "primaryIntendedUses"] and leaves["leftOut"] == []
    assert "20.0 ± 1.2" in roots["leftOut"][0]["reason"] and roots["modelVersion"]["purpose"] == "Looks at roots"
    assert [each["sha256"] for each in payload["models"]] == [sha256(each.encode()).hexdigest() for each in (CARD, LEAVES)]
    asked = [
        {found["requirementId"] for found in each["missing"] if "POL-001" in found["requirementId"]} for each in (leaves, roots)
    ]
    assert asked == [{"POL-001.training-data", "POL-001.evaluation", "POL-001.limitations"}, {"POL-001.limitations"}]
    first, second = (await service.trail())[-2:]
    assert [(each["resource"]["id"], each["event_type"], each["outcome"]) for each in (first, second)] == [
        ("Leaves/1.0", "model_registered", "success"), ("roots/2.1.0", "model_registered", "partial"),
    ]  # fmt: skip
    assert second["details"]["facts"]["sha256"] == roots["sha256"]


async def test_a_card_that_cannot_be_taken_is_left_out_and_the_others_are_registered(service: Service) -> None:
    broken = "# No front matter"
    cards = [
        broken, {"modelId": "a"}, {"modelId": "a"}, {"modelId": "b", "text": "---\nx: 1\n---\n"}, {"name": "///"},
        {"modelId": "c", "version": "1", "name": "C", "purpose": "For c", "text": "---\nversion: 1.10\n---\n"},
        {"modelId": "d", "text": "---\nversion: 1.10\nmodel_name: D\n---\n# Uses\n\nTo try.\n"},
    ]  # fmt: skip
    payload = await from_cards(service, *cards)
    assert names(payload) == [("huggingFace.1", "a", "1.0"), ("huggingFace.5", "c", "1")]
    assert reasons(payload) == {
        "huggingFace.0": "begins with no front matter: YAML between two lines of three dashes",
        "huggingFace.2": "a 1.0 is registered already, as huggingFace.1",
        "huggingFace.3": "lacks a name and a version and a purpose (a description or an intended use)",
        "huggingFace.4": "its modelId is not as it must be here",
        "huggingFace.6": "lacks a version",
    }


async def test_another_version_of_a_registered_model_is_registered_and_what_is_there_stays(service: Service) -> None:
    await register(service)
    before = await read(service, "revision purpose model { revision name }")
    payload = await from_cards(service, {"modelId": BOT["modelId"], "version": "2.0.0"}, {**BOT, "purpose": "Another"})
    ((_, _, version),) = names(payload)
    made = payload["models"][0]["modelVersion"]
    assert (version, made["status"], made["model"]["name"]) == ("2.0.0", "DRAFT", "Support assistant")
    assert made["card"]["modelName"] == "Support assistant"
    assert reasons(payload) == {"huggingFace.1": "support-assistant 1.0.0 is registered already"}
    assert await read(service, "revision purpose model { revision name }") == before
    asked = 'query { model(modelId: "support-assistant") { latestVersion { version } versions(first: 5) { totalCount } } }'
    assert (await service.ask(asked))["model"] == {"latestVersion": {"version": "2.0.0"}, "versions": {"totalCount": 2}}
    eligibility = await read(service, "eligibility { violations { requirementId } }", version="2.0.0")
    assert "POL-003.audit-logging" not in {each["requirementId"] for each in eligibility["eligibility"]["violations"]}


async def test_rejected_and_retired_versions_stay_and_do_not_keep_others_from_being_registered(service: Service) -> None:
    await register(service)
    await submit(service)
    await decide(service, CAROL, "REJECTED")
    await register(service, modelId="old")
    await service.do("retireModelVersion", modelId="old", version=BOT["version"], reason="Nobody asks it.")
    again = [{"modelId": each, "version": BOT["version"]} for each in (BOT["modelId"], "old")]
    assert (await refused(service, {"huggingFace": [{"text": CARD} | each for each in again]}))["code"] == "INVALID_INPUT"
    payload = await from_cards(service, *again, {"modelId": "old", "version": "2"})
    assert names(payload) == [("huggingFace.2", "old", "2")] and payload["models"][0]["modelVersion"]["status"] == "DRAFT"
    assert [(await read(service, "status", **each))["status"] for each in again] == ["REJECTED", "RETIRED"]


async def test_two_versions_of_a_new_model_come_in_one_bill(service: Service) -> None:
    leaf = {"name": "leaf", "description": "An experiment", "modelCard": {"modelParameters": {"task": "sorting"}}}
    payload = await from_bill(service, leaf | {"version": "1"}, leaf | {"version": "2"}, leaf | {"version": "2"}, leaf)
    assert names(payload) == [("components.0", "leaf", "1"), ("components.1", "leaf", "2")]
    assert [*reasons(payload)] == ["components.2", "components.3"]


async def test_models_of_a_bill_are_registered_and_those_that_lack_something_are_left_out(service: Service) -> None:
    await register(service)
    nothing = {"modelCard": {"modelParameters": {"task": None}}}
    models = [
        {"name": BOT["modelId"], "version": BOT["version"], "description": "Another"},
        {"name": "my leaves", "group": "example", "version": "1.0.0", "description": "Grades credit by leaves", "publisher": "X",
         "modelCard": {"modelParameters": {"task": "grading"}}},
        {"name": "unversioned", "description": "For nothing"},
        {"name": "%%%", "version": "1", "description": "Nameless"},
        {"name": "blank", "version": "1", "description": "An experiment"} | nothing,
    ]  # fmt: skip
    payload = await from_bill(service, *models)
    assert names(payload) == [("components.1", "example:my-leaves", "1.0.0"), ("components.4", "blank", "1")]
    assert [each["modelVersion"]["card"] for each in payload["models"]] == [{"license": None, "modelName": "my leaves"}, None]
    assert [each["path"] for each in payload["models"][0]["leftOut"]] == ["publisher"]
    assert [*reasons(payload)] == ["components.0", "components.2", "components.3"]


async def test_a_source_that_is_none_is_refused_with_what_to_mend(service: Service) -> None:
    sources: list[tuple[Any, str]] = [
        ({"huggingFace": []}, "input.source.huggingFace"),
        ({"huggingFace": [{"text": CARD, "modelId": f"m{each}"} for each in range(51)]}, "input.source.huggingFace"),
        ({"huggingFace": [{"text": "\0"}]}, "input.source.huggingFace.0.text"),
        ({"huggingFace": [{"text": CARD, "modelId": "%"}]}, "input.source.huggingFace.0.modelId"),
        ({"huggingFace": [{"text": "---\n---\n"}]}, "input.source"),
        ({"cycloneDx": "{"}, "input.source.cycloneDx"),
        ({"cycloneDx": json.dumps(bill(type="library"))}, "input.source"),
    ]
    for source, path in sources:
        found = await refused(service, source)
        assert (found["code"], found["path"]) == ("INVALID_INPUT", path)
    for source in ({}, {"cycloneDx": json.dumps(bill()), "huggingFace": [{"text": CARD}]}, {"cycloneDx": None}):
        assert (await refused(service, source))["code"] == "INVALID_INPUT"


async def test_fifty_cards_come_at_once_and_of_a_bill_the_next_fifty_come_with_the_next_import(service: Service) -> None:
    payload = await from_cards(service, *({"modelId": f"card-{each}"} for each in range(50)))
    assert len(payload["models"]) == 50 and payload["leftOut"] == []
    models = [{"name": f"leaf-{each}", "version": "1", "description": "An experiment"} for each in range(52)]
    first = await from_bill(service, *models)
    assert len(first["models"]) == 50 and [*reasons(first)] == ["components.50", "components.51"]
    assert names(await from_bill(service, *models)) == [
        ("components.50", "leaf-50", "1"), ("components.51", "leaf-51", "1"),
    ]  # fmt: skip


async def test_who_answers_for_them_must_hold_the_roles_and_who_registers_must_be_permitted(service: Service) -> None:
    source = {"huggingFace": [{"text": CARD}]}
    for by in (BOB, CAROL):
        assert (await refused(service, source, by))["code"] == "FORBIDDEN"
    assert (await refused(service, source, ownerId=BOB.id))["path"] == "input.ownerId"
    assert (await refused(service, source, dataStewardId=ALICE.id))["path"] == "input.dataStewardId"
    assert (await refused(service, source, ownerId="nobody"))["path"] == "input.ownerId"


async def test_further_versions_are_imported_by_the_models_owner_administrators_and_entitled_services(service: Service) -> None:
    eve = person("eve", GovernanceRole.MODEL_OWNER)
    await service.enrol(eve)
    await register(service)
    known, new = ({"text": CARD, "modelId": each} for each in (BOT["modelId"], "new"))
    found = await refused(service, {"huggingFace": [new, known | {"version": "2.0.0"}]}, eve, ownerId=eve.id)
    assert (found["code"], found["needs"]) == ("FORBIDDEN", ["ADMIN", "SERVICE", "MODEL_OWNER (owner of the model)"])
    assert found["problem"] == f"eve may not importModels of {BOT['modelId']}, which alice owns"
    assert (await service.last())["outcome"] == "denied"
    both = [new | {"version": each} for each in ("1", "2")]  # a model that comes with the import is the importer's to add to
    others = [known | {"version": BOT["version"]}, known | {"version": None, "text": "---\nlicense: mit\n---\n"}]
    source, people = {"huggingFace": [*both, *others]}, PEOPLE | {"ownerId": ALICE.id}
    payload = await service.do("importModels", eve, SELECTED, source=source, **people)
    assert names(payload) == [("huggingFace.0", "new", "1"), ("huggingFace.1", "new", "2")]
    assert [*reasons(payload)] == ["huggingFace.2", "huggingFace.3"]
    assert (await refused(service, {"huggingFace": [new | {"version": "3"}]}, eve))["code"] == "FORBIDDEN"
    entitled, _ = await make(service, ADA, holder={"service": {"name": "ci", "mutations": ["IMPORT_MODELS"]}})
    for number, by in enumerate((ALICE, ADA, entitled), 3):
        await service.do("importModels", by, source={"huggingFace": [new | {"version": str(number)}]}, **PEOPLE)


async def test_an_import_of_models_sent_again_answers_with_its_report(service: Service) -> None:
    query = f"mutation($input: ImportModelsInput!) {{ importModels(input: $input) {{ {SELECTED} receipt {{ seq }} }} }}"
    source = {"huggingFace": [{"text": CARD}, {"text": "none"}]}
    headers = {"authorization": f"Bearer {ADA.token}", "idempotency-key": "once"}
    body = {"query": query, "variables": {"input": {"source": source, **PEOPLE}}}
    first, again = [(await service.http.post("/graphql", json=body, headers=headers)).json() for _ in range(2)]
    assert first == again and len(first["data"]["importModels"]["models"]) == 1
    source["huggingFace"].pop()
    other = (await service.http.post("/graphql", json=body, headers=headers)).json()
    assert other["errors"][0]["extensions"]["code"] == "CONFLICT"


async def test_what_was_exported_as_cards_is_registered_elsewhere_from_them(service: Service) -> None:
    await from_cards(service, {"modelId": "leaves", "version": "1", "text": LEAVES})
    exported = "card { primaryIntendedUses knownLimitations metrics { metricName value } license huggingFace { text } }"
    card = (await read(service, exported, modelId="leaves", version="1"))["card"]
    await from_cards(service, {"modelId": "again", "version": "1", "text": card.pop("huggingFace")["text"]})
    back = (await read(service, exported, modelId="again", version="1"))["card"]
    assert back.pop("huggingFace") and back == card
