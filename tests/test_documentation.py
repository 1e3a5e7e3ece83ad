"""Model cards and datasheets to read: as Markdown of which every value is text, as JSON that loses nothing, as they were."""

import json
from hashlib import sha256
from itertools import pairwise
from typing import Any

from hypothesis import given
from markdown_it.token import Token
from pydantic import BaseModel

from documents.canonical import canonical, parsed
from documents.cards import CardRiskLevel, ModelCard
from documents.datasheets import Confidentiality, DatasetRecord
from documents.reports.documentation import NOT_STATED, card_page, datasheet_page
from tests.examples import CARD, DATASHEET, TICKETS, read, register, save_card
from tests.markdown import READERS, one_line
from tests.papers import CARDS, SHEETS, TRIED
from tests.service import AUDREY, BOB, Service

CARD_HEADINGS = """Model Details/Intended Use/Primary Intended Uses/Primary Intended Users/Out-of-Scope Uses/Training Data/
Evaluation/Datasets/Methodology/Metrics/Ethical Considerations/Known Limitations/Risks and Mitigations/Recommendations/
Additional Information"""
SHEET_HEADINGS = """Motivation/Composition/Collection Process/Preprocessing/Uses/Intended Uses/Out-of-Scope Uses/Prior Uses/
Distribution/Maintenance/Version History"""


def texts(value: Any) -> list[str]:
    """Every text in a value, its choices and free content left out."""
    match value:
        case BaseModel():
            inside = [getattr(value, name) for name in type(value).model_fields]
            return [text for each in inside for text in texts(each)]
        case tuple():
            return [text for each in value for text in texts(each)]
        case CardRiskLevel() | Confidentiality():
            return []
    return [value] if isinstance(value, str) else []


class Reading:
    """What a Markdown reader finds in a page."""

    def __init__(self, tokens: list[Token]) -> None:
        self.shapes = [each.type for each in tokens]
        self.headings: list[str] = []
        self.said: list[str] = []
        self.identifiers: set[str] = set()
        for before, each in pairwise(tokens):
            if each.type == "inline":
                self._read(each, before.type == "heading_open")

    def _read(self, inline: Token, heading: bool) -> None:
        children = inline.children or []
        markup = {"text", "softbreak", "hardbreak", "code_inline", "strong_open", "strong_close"}
        assert {each.type for each in children} <= markup, inline.content
        self.identifiers |= {each.content for each in children if each.type == "code_inline"}
        said = one_line("".join(each.content or ("\n" if "break" in each.type else "") for each in children))
        (self.headings if heading else self.said).append(said)

    def holds(self, said: str) -> bool:
        return any(one_line(said) in each for each in [*self.headings, *self.said])


def readings(page: str) -> list[Reading]:
    return [Reading(reader.parse(page)) for reader in READERS]


def titles(said: str) -> list[str]:
    return said.replace("\n", "").split("/")


@TRIED
@given(CARDS)
def test_whatever_a_card_says_is_text_in_its_sections(card: ModelCard) -> None:
    grouped = [one for each in card.metrics for one in each.disaggregated]
    expected = titles(CARD_HEADINGS)
    if grouped:
        expected.insert(expected.index("Metrics") + 1, "Metrics by Group")
    items = [each for name, each in card if isinstance(each, tuple) and name not in {"developers", "metrics", "risks"}]
    rows = [8, *(1 + len(each) for each in (card.metrics, grouped, card.risks, card.additional_info) if each)]
    for found in readings(card_page(card)):
        assert found.headings == [one_line(f"Model Card: {card.model_name}"), *expected]
        assert all(found.holds(each) for each in texts(card))
        assert found.shapes.count("list_item_open") == sum(map(len, items))
        assert found.shapes.count("tr_open") == 1 + sum(rows)
        assert found.identifiers <= {card.model_id, card.version}
        assert not {"html_block", "blockquote_open", "fence", "code_block", "hr", "ordered_list_open"} & {*found.shapes}


@TRIED
@given(SHEETS)
def test_whatever_a_datasheet_says_is_text_in_its_sections(sheet: DatasetRecord) -> None:
    items = [
        each for name, each in sheet if isinstance(each, tuple) and name not in {"creators", "data_types", "version_history"}
    ]
    rows = 1 + len(sheet.version_history) if sheet.version_history else 0
    for found in readings(datasheet_page(sheet)):
        assert found.headings == [one_line(f"Datasheet: {sheet.dataset_name}"), *titles(SHEET_HEADINGS)]
        assert all(found.holds(each) for each in texts(sheet))
        assert found.shapes.count("list_item_open") == sum(map(len, items))
        assert found.shapes.count("tr_open") == rows
        assert found.identifiers == {sheet.dataset_id}
        assert not {"html_block", "blockquote_open", "fence", "code_block", "hr", "ordered_list_open"} & {*found.shapes}


def test_what_nobody_said_reads_as_not_stated_and_as_nothing_else() -> None:
    for found in readings(card_page(ModelCard(model_id="leaves", model_name="Leaves", version="1.0.0"))):
        told, sections = found.said[:18], found.said[18:]
        assert told[2:6] == ["Model ID", "leaves", "Version", "1.0.0"] and set(told[7::2]) == {NOT_STATED}
        assert {each.rpartition(": ")[2] for each in sections} == {NOT_STATED}
    for found in readings(datasheet_page(DatasetRecord(dataset_id="beans", dataset_name="Beans"))):
        assert {each.rpartition(": ")[2] for each in found.said} == {"beans", NOT_STATED}


@TRIED
@given(CARDS)
def test_the_json_of_a_card_is_the_card(card: ModelCard) -> None:
    assert ModelCard.model_validate(parsed(canonical(card))) == card


@TRIED
@given(SHEETS)
def test_the_json_of_a_datasheet_is_the_datasheet(sheet: DatasetRecord) -> None:
    assert DatasetRecord.model_validate(parsed(canonical(sheet))) == sheet


async def test_a_card_reads_as_markdown_and_as_the_text_that_approvals_bind_to(service: Service) -> None:
    await register(service)
    await save_card(service, card=CARD | {"additionalInfo": {"seed": 7, "tags": ["a|b"]}})
    found = await read(service, "card { markdown json } cardRevisions { digest content { canonical } }", AUDREY)
    (revision,) = found["cardRevisions"]
    assert found["card"]["json"] == revision["content"]["canonical"]
    assert sha256(found["card"]["json"].encode()).hexdigest() == revision["digest"]
    said = json.loads(found["card"]["json"])
    assert said["additional_info"] == {"seed": 7, "tags": ["a|b"]} and said["metrics"][0]["disaggregated"][1]["group"] == "German"
    assert found["card"]["markdown"].startswith("# Model Card: Support assistant\n\n## Model Details\n")
    listed = "{ modelVersions(first: 2) { nodes { card { markdown json } } } }"
    assert (await service.ask(listed))["modelVersions"]["nodes"] == [{"card": found["card"]}]


async def test_a_datasheet_reads_as_markdown_and_as_the_text_that_a_link_pins(service: Service) -> None:
    payload = "datasheet { content { markdown json } revisions { digest } }"
    saved = await service.do("saveDatasheet", BOB, payload, **TICKETS, datasheet=DATASHEET)
    sheet = saved["datasheet"]
    assert sha256(sheet["content"]["json"].encode()).hexdigest() == sheet["revisions"][0]["digest"]
    assert "**Total Instances:** 3,000,000,000\n" in sheet["content"]["markdown"]
    query = "query($datasetId: String!) { datasheet(datasetId: $datasetId) { content { markdown json } } }"
    assert await service.ask(query, **TICKETS) == {"datasheet": {"content": sheet["content"]}}
