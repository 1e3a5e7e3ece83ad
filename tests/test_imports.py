"""Files brought in over the graph: what they fill, what they never overwrite, and what the trail tells of it."""

from asyncio import gather
from hashlib import sha256
from typing import Any

import pytest

from documents.cards import CardContent
from documents.formats.huggingface.modelcard import read_model_card
from documents.imports.judgement import brought
from tests.examples import BOT, DATASHEET, TICKETS, approvals, approved, read, refusal, register, save_card, save_datasheet
from tests.exchanged import BEANS, LEAVES, MISSING, RESULTS
from tests.service import ALICE, BOB, Service, mutating

REPORT = "filled leftOut { path reason }"
CARD = "card { license modelType knownLimitations metrics { metricName value dataset } }"
TAKEN = "something else is said there: send `expectedRevision` to overwrite it"


async def import_card(service: Service, text: str, source: str = "HUGGING_FACE", **said: Any) -> Any:
    selected = f"modelVersion {{ revision status {CARD} }} {REPORT} {MISSING}"
    return await service.do("importModelCard", ALICE, selected, **BOT | {"format": source, "text": text} | said)


async def import_sheet(service: Service, text: str = BEANS, **said: Any) -> Any:
    selected = f"datasheet {{ revision content {{ datasetName instanceCount purpose }} }} {REPORT}"
    return await service.do("importDatasheet", BOB, selected, **TICKETS | {"text": text} | said)


def paths(payload: Any) -> list[str]:
    return [each["path"] for each in payload["leftOut"]]


async def last(service: Service) -> dict[str, Any]:
    return await service.last()


async def test_an_import_says_what_it_filled_what_it_left_out_and_what_is_still_missing(service: Service) -> None:
    await register(service)
    payload = await import_card(service, LEAVES)
    assert payload["modelVersion"]["card"]["license"] == "Apache-2.0"
    assert set(payload["filled"]) == {
        "license", "trainingDataSources", "metrics", "additionalInfo", "developers", "modelType", "primaryIntendedUses",
        "outOfScopeUses", "knownLimitations", "trainingDataDescription",
    }  # fmt: skip
    assert payload["leftOut"][0] == {
        "path": "model-index.0.results.0.metrics.2.value", "reason": "is no number: 20.0 ± 1.2",
    }  # fmt: skip
    (missing,) = [each for each in payload["missing"] if each["requirementId"].startswith("POL-001")]
    assert missing["requirementId"] == "POL-001.limitations"
    assert missing["remedy"] == {"mutation": "saveModelCard", "arguments": BOT, "fill": ["card.risks"]}
    await service.do("saveModelCard", **BOT, card={"risks": [{"riskType": "mould", "description": "It is overlooked."}]})
    asked = (await import_card(service, "---\nx: 1\n---\n"))["missing"]
    assert not any(each["requirementId"].startswith("POL-001") for each in asked)


async def test_the_trail_tells_which_file_it_was_and_cites_what_was_left_out(service: Service) -> None:
    await register(service)
    await import_card(service, LEAVES)
    event = await last(service)
    assert (event["event_type"], event["outcome"], event["action"]) == ("model_updated", "partial", "importModelCard")
    facts = event["details"]["facts"]
    assert facts["sha256"] == sha256(LEAVES.encode()).hexdigest()
    kept = await service.ask("query($of: Hash!) { content(digest: $of) { kind canonical } }", of=facts["report"]["content"])
    assert kept["content"]["kind"] == "IMPORT_REPORT" and "20.0 ± 1.2" in kept["content"]["canonical"]
    assert "The vision team" not in event["canonical"].decode()
    await import_card(service, "---\nbase_model: another\n---\n", expectedRevision=2)
    assert (await last(service))["outcome"] == "success"


async def test_nothing_that_is_said_is_overwritten_without_the_revision_that_was_read(service: Service) -> None:
    await register(service)
    accuracy = {"metricName": "accuracy", "value": 0.1, "dataset": "Beans"}
    await save_card(service, card={"license": "Proprietary", "metrics": [accuracy]})
    kept = await import_card(service, LEAVES)
    assert kept["modelVersion"]["card"]["license"] == "Proprietary"
    assert [each["value"] for each in kept["modelVersion"]["card"]["metrics"]] == [0.1, 0.88, 0.84]
    assert {each["path"] for each in kept["leftOut"] if each["reason"] == TAKEN} == {"license", "metrics: accuracy"}
    revision = kept["modelVersion"]["revision"]
    refused = await refusal(service, "importModelCard", ALICE, format="HUGGING_FACE", text=LEAVES, expectedRevision=revision - 1)
    assert refused["code"] == "CONFLICT"
    replaced = await import_card(service, LEAVES, expectedRevision=revision)
    assert set(replaced["filled"]) == {"license", "metrics"}
    assert replaced["modelVersion"]["card"]["license"] == "Apache-2.0"
    assert [each["value"] for each in replaced["modelVersion"]["card"]["metrics"]] == [0.91, 0.88, 0.84]


async def test_a_file_that_brings_nothing_is_refused(service: Service) -> None:
    await register(service)
    await import_card(service, LEAVES)
    for text in (LEAVES, "---\n---\n", "---\nlicense: mit\n---\n"):
        refused = await refusal(service, "importModelCard", ALICE, format="HUGGING_FACE", text=text)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.text")
    assert "license" in refused["problem"] and TAKEN in refused["problem"]


async def test_results_join_the_metrics_that_a_card_has(service: Service) -> None:
    await register(service)
    await import_card(service, LEAVES)
    payload = await import_card(service, RESULTS, "HUGGING_FACE_RESULTS")
    assert payload["filled"] == ["metrics"]
    assert [each["metricName"] for each in payload["modelVersion"]["card"]["metrics"]][2:] == [
        "accuracy",
        "hard_leaves",
        "hard_leaves",
    ]


async def test_an_import_raises_no_status_and_makes_approvals_stale(service: Service) -> None:
    await approved(service)
    assert (await read(service, "status"))["status"] == "APPROVED"
    assert (await import_card(service, LEAVES))["modelVersion"]["status"] == "PENDING_APPROVAL"
    assert [*(await approvals(service)).values()] == [("STALE", ["CARD"])] * 3


async def test_a_datasheet_is_filled_likewise(service: Service) -> None:
    made = await import_sheet(service)
    assert made["datasheet"]["content"]["instanceCount"] == 1162
    assert paths(made) == ["size_categories", "## Citation"]
    assert (await last(service))["outcome"] == "partial"
    await save_datasheet(service)
    again = await import_sheet(
        service, "---\npretty_name: Another\nlicense: mit\n---\n# Purpose\n\nTo try.\n# Retention\n\nNone."
    )
    assert again["datasheet"]["content"]["purpose"] == DATASHEET["purpose"]
    assert again["filled"] == ["retentionPolicy"] and paths(again) == ["datasetName", "purpose"]
    over = await import_sheet(service, "---\npretty_name: Another\n---\n", expectedRevision=again["datasheet"]["revision"])
    assert over["datasheet"]["content"]["datasetName"] == "Another"
    assert (await import_sheet(service, "---\nlicense: mit\n---\n", datasetId="new"))["datasheet"]["content"][
        "datasetName"
    ] == "new"
    refused = await service.refused("importDatasheet", BOB, datasetId="none", text=BEANS, expectedRevision=1)
    assert refused["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "text",
    ["", "\0" + LEAVES, LEAVES.encode("utf-16").decode("latin-1"), LEAVES + "\ufffd", "x" * (2**18 + 1)],
)
async def test_what_is_no_text_or_too_much_of_it_is_refused_at_the_door(service: Service, text: str) -> None:
    await register(service)
    refused = await refusal(service, "importModelCard", ALICE, format="HUGGING_FACE", text=text)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.text")


async def test_half_a_character_is_refused_at_the_door(service: Service) -> None:
    query = mutating("importModelCard", "").encode()
    body = (
        b'{"query": "%s", "variables": {"input": {"modelId": "a", "version": "1", "format": "HUGGING_FACE", "text": "\\ud800"}}}'
    )
    headers = {"authorization": f"Bearer {ALICE.token}", "content-type": "application/json"}
    answer = await service.http.post("/graphql", content=body % query, headers=headers)
    assert answer.json()["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_five_megabytes_are_refused_before_they_are_read(service: Service) -> None:
    answer = await service.post("mutation { x }", {"input": "x" * 5 * 2**20})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (413, "LIMIT_EXCEEDED")


async def test_an_import_sent_again_answers_with_its_report(service: Service) -> None:
    await register(service)
    query = f"mutation($input: ImportModelCardInput!) {{ importModelCard(input: $input) {{ {REPORT} receipt {{ seq }} }} }}"
    body = {"query": query, "variables": {"input": {**BOT, "format": "HUGGING_FACE", "text": LEAVES}}}
    headers = {"authorization": f"Bearer {ALICE.token}", "idempotency-key": "once"}
    first, again = [(await service.http.post("/graphql", json=body, headers=headers)).json() for _ in range(2)]
    assert first == again and first["data"]["importModelCard"]["leftOut"]


async def test_while_a_long_file_is_read_others_are_served(service: Service) -> None:
    await register(service)
    done = list[str]()

    async def import_all() -> None:
        await import_card(service, "---\n" + "".join(f"k{each}: v\n" for each in range(12_000)) + "---\n")
        done.append("import")

    async def register_another() -> None:
        await register(service, modelId="another")
        done.append("registration")

    await gather(import_all(), register_another())
    assert done == ["registration", "import"]


def test_what_was_read_once_can_be_gone_on_from_as_often_as_a_transaction_is_tried() -> None:
    reading = read_model_card(LEAVES)
    tries = [reading.again(), reading.again()]
    for each in tries:
        brought(each, CardContent(license="MIT"), overwrite=False)
    assert tries[0].left_out == tries[1].left_out != reading.left_out


async def test_a_card_goes_out_and_comes_back(service: Service) -> None:
    await register(service)
    await import_card(service, LEAVES)
    exported = (await read(service, "card { huggingFace { text leftOut { path } } }"))["card"]["huggingFace"]
    assert exported["leftOut"] == []
    await register(service, modelId="again")
    back = await import_card(service, exported["text"], modelId="again")
    assert back["leftOut"] == []
    assert (await read(service, CARD, modelId="again")) == (await read(service, CARD))
    await import_sheet(service)
    sheet = await service.ask('{ datasheet(datasetId: "support-tickets") { content { huggingFace { text leftOut { path } } } } }')
    assert sheet["datasheet"]["content"]["huggingFace"]["leftOut"] == []
