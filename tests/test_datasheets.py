"""What a datasheet accepts, and which of its sections it calls empty."""

from typing import Any

import pytest
from pydantic import ValidationError

from documents.datasheets import DatasheetContent, DatasheetSection
from tests.papers import FULL_SHEET


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
