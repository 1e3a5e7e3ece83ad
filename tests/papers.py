"""Model cards and datasheets as records: full ones, and ones that Hypothesis makes."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from documents.cards import CardRisk, CardRiskLevel, GroupValue, Metric, ModelCard
from documents.datasheets import Confidentiality, DatasetRecord, DatasetVersion
from documents.values import EARLIEST, LATEST, MAX_SAFE_INTEGER
from tests.markdown import LETTERS, TEXTS, one_line

ACCURACY = {"metric_name": "accuracy", "value": 0.9, "dataset": "Beans", "conditions": "zero-shot"}
RISK = {"risk_type": "privacy", "description": "It repeats addresses.", "likelihood": "low", "impact": "high"}
FULL_CARD: dict[str, Any] = {
    "model_type": "classifier", "developers": ["Vision team"], "license": "MIT", "contact": "vision@example.org",
    "primary_intended_uses": ["Sort leaves"], "primary_intended_users": ["Growers"], "out_of_scope_uses": ["Mushrooms"],
    "training_data_description": "Photographs of leaves.", "training_data_sources": ["Makerere AI Lab"],
    "metrics": [ACCURACY], "ethical_considerations": ["None of the pictures shows people."],
    "known_limitations": ["Blind in the dark."], "risks": [RISK], "recommendations": ["Clean the lens."],
}  # fmt: skip


FULL_SHEET: dict[str, Any] = {
    "dataset_name": "Beans", "purpose": "To tell sick leaves from sound ones.", "creators": ["Makerere AI Lab"],
    "instance_description": "A photograph of a leaf.", "instance_count": 1_295, "confidentiality": "public",
    "collection_mechanism": "By telephone camera.", "data_sources": ["Fields in Uganda"],
    "preprocessing_steps": ["Cropped"], "raw_data_saved": False,
    "intended_uses": ["Classification"], "out_of_scope_uses": ["Mushrooms"],
    "distribution_method": "Download", "distribution_license": "MIT",
    "maintainer": "Makerere AI Lab", "update_frequency": "Never",
}  # fmt: skip


TRIED = settings(
    deadline=None, max_examples=settings().max_examples * 2 // 5, database=None, suppress_health_check=[HealthCheck.too_slow]
)
NAMES = TEXTS.map(one_line).filter(bool)
SAID = TEXTS.filter(str.strip)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
DAYS = st.dates(EARLIEST, LATEST)
FREE = st.dictionaries(
    st.text(LETTERS, min_size=1, max_size=5).filter(lambda key: not key.startswith("$") and "." not in key),
    st.recursive(
        st.none() | st.booleans() | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | NUMBERS | SAID,
        lambda inside: st.lists(inside, max_size=2) | st.dictionaries(st.sampled_from(["a|b", "# a"]), inside, max_size=2),
        max_leaves=3,
    ),
    max_size=2,
)


def some(said: st.SearchStrategy[Any], unique_by: Any = None) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(said, max_size=2, unique_by=unique_by).map(tuple)


def built(kind: type[BaseModel], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values of a kind, each field that can be without value sometimes so."""
    required = {name for name, field in kind.model_fields.items() if field.is_required()}
    assert kind.model_fields.keys() == fields.keys()
    return st.fixed_dictionaries(
        {name: each for name, each in fields.items() if name in required},
        optional={name: each for name, each in fields.items() if name not in required},
    ).map(lambda said: kind(**said))


GROUPS = built(GroupValue, group=NAMES, value=NUMBERS)
METRICS = built(
    Metric, metric_name=NAMES, value=NUMBERS, dataset=NAMES, date_measured=DAYS, conditions=SAID,
    disaggregated=some(GROUPS, lambda each: each.group),
)  # fmt: skip
LEVELS = st.sampled_from(CardRiskLevel)
RISKS = built(
    CardRisk, risk_type=NAMES, description=SAID, likelihood=LEVELS, impact=LEVELS, mitigation=SAID, residual_risk=SAID
)  # fmt: skip
CARDS = built(
    ModelCard, model_id=st.just("leaves"), model_name=NAMES, version=NAMES, model_type=NAMES, architecture=SAID,
    developers=some(NAMES), release_date=DAYS, license=NAMES, contact=NAMES, primary_intended_uses=some(SAID),
    primary_intended_users=some(SAID), out_of_scope_uses=some(SAID), training_data_description=SAID,
    training_data_sources=some(SAID), training_data_size=NAMES, training_data_preprocessing=SAID, training_date_range=NAMES,
    evaluation_datasets=some(NAMES), evaluation_methodology=SAID,
    metrics=some(METRICS, lambda each: (each.metric_name, each.dataset, each.conditions)), ethical_considerations=some(SAID),
    known_limitations=some(SAID), risks=some(RISKS), recommendations=some(SAID), additional_info=FREE,
)  # fmt: skip
VERSIONS = built(DatasetVersion, version=NAMES, date=DAYS, changes=SAID)
SHEETS = built(
    DatasetRecord, dataset_id=st.just("beans"), dataset_name=NAMES, creators=some(NAMES), creation_date=DAYS, purpose=SAID,
    funding=SAID, instance_description=SAID, instance_count=st.integers(0, MAX_SAFE_INTEGER), sampling_strategy=SAID,
    data_types=some(NAMES), labels_or_targets=SAID, missing_data=SAID, confidentiality=st.sampled_from(Confidentiality),
    sensitive_data=some(SAID), collection_mechanism=SAID, collection_timeframe=NAMES, data_sources=some(SAID),
    consent_collected=st.booleans(), consent_mechanism=SAID, preprocessing_steps=some(SAID), raw_data_saved=st.booleans(),
    raw_data_location=SAID, intended_uses=some(SAID), out_of_scope_uses=some(SAID), prior_uses=some(SAID),
    distribution_method=SAID, distribution_license=NAMES, access_restrictions=some(SAID), maintainer=NAMES,
    update_frequency=NAMES, version_history=some(VERSIONS), retention_policy=SAID,
)  # fmt: skip
