"""What a datasheet accepts, and which of its sections it calls empty."""

from typing import Any

import pytest
from pydantic import ValidationError

from documents.datasheets import DatasheetContent, DatasheetSection
from tests.examples import BOT, TICKETS, approvals, decide, read, register, save_card, save_datasheet, submit
from tests.papers import FULL_SHEET
from tests.service import BOB, CAROL, Service


def sheet(**said: Any) -> DatasheetContent:
    return DatasheetContent.model_validate({"dataset_name": "Beans"} | said)


def test_a_datasheet_has_every_field_of_the_seed_but_its_id() -> None:
    seed = """dataset_name creators creation_date purpose funding instance_description instance_count sampling_strategy data_types
    labels_or_targets missing_data confidentiality sensitive_data collection_mechanism collection_timeframe data_sources
    consent_collected consent_mechanism preprocessing_steps raw_data_saved raw_data_location intended_uses out_of_scope_uses
    prior_uses distribution_method distribution_license access_restrictions maintainer update_frequency version_history
    retention_policy"""
    assert DatasheetContent.model_fields.keys() == set(seed.split())


def test_a_datasheet_needs_a_name_and_nothing_else() -> None:
    assert (sheet().empty_sections, sheet().completeness) == (tuple(DatasheetSection), 0)
    assert (sheet().consent_collected, sheet().raw_data_saved) == (None, None)
    with pytest.raises(ValidationError):
        DatasheetContent.model_validate({})


def test_a_datasheet_names_its_empty_sections() -> None:
    assert (sheet(**FULL_SHEET).empty_sections, sheet(**FULL_SHEET).completeness) == ((), 1)
    assert DatasheetSection.COMPOSITION not in sheet(**FULL_SHEET | {"instance_count": 0}).empty_sections
    assert sheet(**FULL_SHEET | {"raw_data_saved": None}).empty_sections == (DatasheetSection.PREPROCESSING,)


@pytest.mark.parametrize(
    "said",
    [
        {"dataset_name": "Be\0ans"},
        {"dataset_name": " "},
        {"instance_count": -1},
        {"instance_count": True},
        {"instance_count": 2**53},
        {"confidentiality": "secret"},
        {"creation_date": "2024-02-30"},
        {"version_history": [{"changes": "More leaves."}]},
        {"dataset_id": "beans"},
    ],
)
def test_a_datasheet_refuses_what_is_out_of_bounds(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        sheet(**said)


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
    assert (await service.refused("unlinkDatasheet", **BOT | TICKETS))["code"] == "INVALID_STATE"
    await service.do("linkDatasheet", **BOT | TICKETS)
    assert (await service.refused("unlinkDatasheet", **BOT, datasetId="another"))["code"] == "NOT_FOUND"


async def test_the_report_says_met_beside_no_empty_datasheet(service: Service) -> None:
    async def told() -> tuple[str, str | None, float]:
        query = "query($id: String!, $version: String!) { governanceReport(modelId: $id, version: $version) { %s } }"
        select = "governance { requirements { requirementId outcome metBy } } documentation { datasheets { completeness } }"
        asked = {"id": BOT["modelId"], "version": BOT["version"]}
        report = (await service.ask(query % select, **asked))["governanceReport"]
        (found,) = (each for each in report["governance"]["requirements"] if each["requirementId"] == "POL-001.training-data")
        (sheet,) = report["documentation"]["datasheets"]
        return found["outcome"], found["metBy"], round(sheet["completeness"], 2)

    collected = {"collectionMechanism": "The desk kept them.", "dataSources": ["The desk"]}
    await register(service)
    await service.do("saveDatasheet", BOB, **TICKETS, datasheet={"datasetName": "Closed tickets"})
    await service.do("linkDatasheet", **BOT | TICKETS)
    assert await told() == ("UNMET", None, 0)
    await save_datasheet(service, **collected)
    assert await told() == ("UNMET", None, 0)
    await service.do("linkDatasheet", **BOT | TICKETS)
    assert await told() == ("MET", "datasheet support-tickets", 0.43)
    await save_datasheet(service, purpose=None)
    await service.do("linkDatasheet", **BOT | TICKETS)
    await save_card(service)
    assert await told() == ("MET", "the model card", 0.29)
