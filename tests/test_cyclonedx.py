"""Models in CycloneDX bills of materials: what is read of them, what a broken one comes to, what comes back."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.cards import CardContent
from documents.errors import InvalidInput
from documents.formats.cyclonedx.modelcard import read_model_card, write_model_card
from documents.formats.huggingface.licenses import SPDX
from tests.examples import BOT, read, register
from tests.exchanged import CARDS, bill, fields, named, returns, round_trips
from tests.papers import FULL_CARD
from tests.service import Service

DATA = Path(__file__).parent / "data" / "cyclonedx"
MEASURED = {"date_measured": "2026-02-20", "disaggregated": [{"group": "men", "value": 0.8}]}
RICH = FULL_CARD | {
    "architecture": "A network",
    "metrics": [FULL_CARD["metrics"][0] | MEASURED],
    "additional_info": {"of": "ours"},
}


def valid(text: str) -> bool:
    """Whether those who made the format find nothing wrong; loading what they say it is takes seconds."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    return JsonStrictValidator(SchemaVersion.V1_7).validate_str(text) is None


def deep(levels: int) -> dict[str, Any]:
    return {"a": deep(levels - 1)} if levels else {}


def test_a_bill_is_read_as_the_record_beside_it_says() -> None:
    expected = json.loads((DATA / "leaves.expected.json").read_text())
    reading = read_model_card((DATA / "leaves.json").read_text())
    assert fields(reading) == expected["fields"]
    assert [[each.path, each.reason] for each in reading.left_out] == expected["left_out"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[]", "is no CycloneDX"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.4"}', "is no CycloneDX"),
        ('{"bomFormat": "CycloneDX", "specVersion": {}}', "is no CycloneDX"),
        ('{"a": 1, "a": 2}', "a key stands twice"),
        ('{"a": NaN}', "is no JSON"),
        ('{"a": ' + "9" * 5000 + "}", "a number has no end"),
        ("[" * 200_000, "is nested more than"),
        (json.dumps(bill(modelCard=deep(40))), "is nested more than"),
        (json.dumps(bill(type="library")), "names 0 models"),
        (json.dumps(bill(components=bill()["components"])), "names 2 models"),
        (json.dumps(bill(type="library") | {"components": {"a": 1}, "metadata": []}), "names 0 models"),
    ],
)
def test_what_is_no_bill_of_one_model_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_model_card(text)
    assert refused.value.path == "text" and problem in refused.value.problem


@pytest.mark.parametrize("odd", [None, 1, "a", [], [1], {}, {"a": 1}, [{"name": 1}], [{}], [None], "\ud800"])
def test_a_part_of_another_shape_is_left_out(odd: Any) -> None:
    places = ("modelParameters", "quantitativeAnalysis", "considerations", "properties")
    inside = {
        "modelParameters": ("datasets", "task", "modelArchitecture", "inputs"),
        "quantitativeAnalysis": ("performanceMetrics", "graphics"),
        "considerations": ("users", "useCases", "ethicalConsiderations", "fairnessAssessments"),
    }
    for card in (odd, dict.fromkeys(places, odd), {name: dict.fromkeys(parts, odd) for name, parts in inside.items()}):
        reading = read_model_card(json.dumps(bill(modelCard=card, licenses=odd, authors=odd, group=odd)))
        assert reading.content
        json.dumps([each.path + each.reason for each in reading.left_out], ensure_ascii=False).encode()


def test_a_card_comes_back_whole_and_its_bill_is_valid() -> None:
    export = write_model_card(named(RICH))
    assert valid(export.text) and export.left_out == ()
    assert read_model_card(export.text).left_out == ()
    said = json.loads(export.text)["components"][0]["modelCard"]
    assert said["considerations"]["useCases"] == RICH["primary_intended_uses"]
    assert said["quantitativeAnalysis"]["performanceMetrics"] == [
        {"type": "accuracy", "value": "0.9"}, {"type": "accuracy", "value": "0.8", "slice": "men"},
    ]  # fmt: skip


@pytest.mark.parametrize("license", [*SPDX.values(), "Proprietary"])
def test_a_licence_is_named_as_the_format_knows_it(license: str) -> None:
    export = write_model_card(named({"license": license}))
    assert valid(export.text) and read_model_card(export.text).fields == {"license": license}


def test_what_somebody_edited_is_not_overruled_by_what_was_written_beside_it() -> None:
    bom = json.loads(write_model_card(named(RICH)).text)
    bom["components"][0]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"][0]["value"] = "0.7"
    reading = read_model_card(json.dumps(bom))
    assert reading.fields["metrics"][0]["value"] == 0.7
    assert [each.path for each in reading.left_out] == ["magistrate:card:metrics"]


def test_what_somebody_added_takes_the_place_of_what_could_not_be_kept_beside_it() -> None:
    bom = json.loads(write_model_card(named({"additional_info": {"cycloneDx": "ours", "of": "ours"}})).text)
    bom["components"][0]["modelCard"]["modelParameters"] = {"approach": {"type": "supervised"}}
    reading = read_model_card(json.dumps(bom))
    assert reading.fields["additional_info"] == {"cycloneDx": {"approach": {"type": "supervised"}}, "of": "ours"}


def test_a_figure_takes_as_many_groups_as_a_card_has_room_for() -> None:
    whole, *parts = [{"type": "accuracy", "value": "1"} | ({"slice": str(each)} if each else {}) for each in range(300)]
    reading = read_model_card(json.dumps(bill(modelCard={"quantitativeAnalysis": {"performanceMetrics": [whole, *parts]}})))
    assert len(reading.fields["metrics"][0]["disaggregated"]) == 200 and len(reading.left_out) == 99


@round_trips
@given(said=CARDS)
def test_any_card_comes_back_but_for_what_is_named(said: dict[str, Any]) -> None:
    export = write_model_card(named(said))
    returns(CardContent(**said), read_model_card(export.text).content, export)
    assert export.left_out == ()


BESIDE = st.dictionaries(
    st.sampled_from(["approach", "architectureFamily", "inputs", "performanceTradeoffs", "properties"]),
    st.sampled_from(
        ["supervised", {"type": "supervised"}, {"type": "another"}, [{"format": "image"}], [{"a": "b"}], [1], [], ["slow"]]
    ),
)


@settings(max_examples=settings().max_examples // 4, deadline=None, derandomize=True)
@given(said=CARDS, beside=BESIDE)
def test_the_bill_of_any_card_is_valid(said: dict[str, Any], beside: dict[str, Any]) -> None:
    export = write_model_card(named(said | {"additional_info": {"cycloneDx": beside}}))
    assert valid(export.text) and export.left_out == ()


async def test_a_card_goes_out_as_a_bill_and_comes_back(service: Service) -> None:
    await register(service)
    text = (DATA / "leaves.json").read_text()
    payload = await service.do("importModelCard", select="filled leftOut { path }", **BOT, format="CYCLONE_DX", text=text)
    assert "metrics" in payload["filled"] and payload["leftOut"]
    exported = (await read(service, "card { cycloneDx { text leftOut { path } } }"))["card"]["cycloneDx"]
    assert exported["leftOut"] == [] and valid(exported["text"])
    await register(service, modelId="again")
    await service.do("importModelCard", **BOT | {"modelId": "again"}, format="CYCLONE_DX", text=exported["text"])
    both = [
        await read(service, "card { metrics { value } knownLimitations license additionalInfo }", modelId=each)
        for each in ("again", BOT["modelId"])
    ]
    assert both[0] == both[1]
