"""What a model card accepts, and what it answers to the policy checks."""

from typing import Any

import pytest
from pydantic import ValidationError

from documents.canonical import canonical
from documents.cards import CardContent, CardSection, ModelCard
from tests.papers import ACCURACY, FULL_CARD, RISK


def card(**said: Any) -> CardContent:
    return CardContent.model_validate(said)


def test_a_card_has_every_field_of_the_seed() -> None:
    seed = """model_id model_name version model_type architecture developers release_date license contact primary_intended_uses
    primary_intended_users out_of_scope_uses training_data_description training_data_sources training_data_size
    training_data_preprocessing training_date_range evaluation_datasets evaluation_methodology metrics ethical_considerations
    known_limitations risks recommendations additional_info"""
    assert ModelCard.model_fields.keys() == set(seed.split())
    assert CardContent.model_fields.keys() == ModelCard.model_fields.keys() - {"model_id", "model_name", "version"}


def test_a_card_begins_empty_and_names_the_sections_that_are() -> None:
    assert (card().empty_sections, card().completeness) == (tuple(CardSection), 0)
    assert (card(**FULL_CARD).empty_sections, card(**FULL_CARD).completeness) == ((), 1)
    unsourced = card(**FULL_CARD | {"training_data_sources": [], "risks": []})
    assert unsourced.empty_sections == (CardSection.TRAINING_DATA, CardSection.RISKS)
    assert unsourced.completeness == 0.75


def test_what_is_computed_never_enters_the_canonical_text() -> None:
    assert not {b"completeness", b"empty_sections"} & set(canonical(card(**FULL_CARD)).split(b'"'))


@pytest.mark.parametrize(
    "said",
    [
        {"model_type": "a\0b"},
        {"license": " "},
        {"developers": ["", "Vision team"]},
        {"training_data_description": "\n"},
        {"recommendations": ["Clean the lens."] * 201},
        {"metrics": [ACCURACY | {"value": True}]},
        {"metrics": [ACCURACY | {"value": float("nan")}]},
        {"metrics": [ACCURACY | {"disaggregated": [{"group": "women", "value": float("inf")}]}]},
        {"risks": [RISK | {"impact": "enormous"}]},
        {"release_date": "0999-12-31"},
        {"additional_info": {"$where": 1}},
        {"model_id": "leaves"},
    ],
)
def test_a_card_refuses_what_is_out_of_bounds(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        card(**said)


def test_a_metric_is_unique_by_name_dataset_and_conditions() -> None:
    card(metrics=[ACCURACY, ACCURACY | {"dataset": "Peas"}, ACCURACY | {"conditions": None}])
    with pytest.raises(ValidationError, match="holds accuracy, Beans, zero-shot 2 times"):
        card(metrics=[ACCURACY, ACCURACY | {"value": 0.8}])


def test_a_group_is_unique_in_its_metric_and_may_be_called_anything() -> None:
    groups = [{"group": "$women.over-60", "value": 0.8}, {"group": "men", "value": 0.9}]
    assert card(metrics=[ACCURACY | {"disaggregated": groups}]).has_disaggregated_metric
    with pytest.raises(ValidationError, match="holds men 2 times"):
        card(metrics=[ACCURACY | {"disaggregated": [*groups, groups[1]]}])


@pytest.mark.parametrize(
    ("question", "enough", "too_little"),
    [
        ("names_intended_uses", {"primary_intended_uses": ["Sort leaves"]}, {"primary_intended_users": ["Growers"]}),
        ("documents_training_data", FULL_CARD, {"training_data_description": "Photographs of leaves."}),
        ("reports_metrics", {"metrics": [ACCURACY]}, {"metrics": [ACCURACY | {"dataset": None}]}),
        ("has_disaggregated_metric", {"metrics": [ACCURACY | {"disaggregated": [{"group": "men", "value": 1}]}]}, FULL_CARD),
        ("states_ethical_considerations", FULL_CARD, {}),
        ("states_limitations_and_risks", FULL_CARD, {"known_limitations": ["Blind in the dark."]}),
        ("mitigates_every_risk", {"risks": [RISK | {"mitigation": "A filter."}]}, {}),
        (
            "mitigates_every_risk",
            {"risks": [RISK | {"mitigation": "A filter."}]},
            {"risks": [RISK, RISK | {"mitigation": "A filter."}]},
        ),
    ],
)
def test_a_card_answers_the_policy_checks(question: str, enough: dict[str, Any], too_little: dict[str, Any]) -> None:
    assert getattr(card(**enough), question)
    assert not getattr(card(**too_little), question)
