"""What the tests of foreign formats share: what a reading filled, cards to write, and what must come back of them."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from documents import cards
from documents.formats.exchange import Export, Reading


def named(card: dict[str, Any]) -> cards.ModelCard:
    return cards.ModelCard(model_id="leaves", model_name="Leaves", version="1.0.0", **card)


def fields(reading: Reading) -> Any:
    said = reading.content.model_dump_json(exclude_unset=True, exclude_computed_fields=True)
    return json.loads(said, object_hook=lambda each: {name: it for name, it in each.items() if it not in (None, [])})


PROSE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.just("\n"), min_size=1, max_size=30)
PLAIN = st.text("aB3 .,*_#`<>[]()|\\-:!&'\"é\u2028", min_size=1, max_size=30)
LINE = PLAIN.map(lambda said: said.replace("\u2028", "").strip()).filter(bool)
STATEMENT = (PROSE | PLAIN).filter(str.strip)


def listed(each: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(each, max_size=3)


DAY = st.dates(date(1000, 1, 1))
METRICS = st.lists(
    st.fixed_dictionaries(
        {"metric_name": LINE, "value": st.floats(allow_nan=False, allow_infinity=False)},
        optional={"dataset": LINE, "conditions": STATEMENT, "date_measured": DAY},
    ),
    max_size=3,
    unique_by=lambda each: (each["metric_name"], each.get("dataset"), each.get("conditions")),
)
RISKS = st.fixed_dictionaries(
    {"risk_type": LINE, "description": STATEMENT},
    optional={"likelihood": st.sampled_from([*cards.CardRiskLevel]), "mitigation": STATEMENT, "residual_risk": STATEMENT},
)
CARDS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("model_type", "license", "contact", "training_data_size", "training_date_range"), LINE),
        **dict.fromkeys(("architecture", "training_data_description", "evaluation_methodology"), STATEMENT),
        **dict.fromkeys(("primary_intended_uses", "known_limitations", "training_data_sources"), listed(STATEMENT)),
        **dict.fromkeys(("developers", "evaluation_datasets"), listed(LINE)),
        "release_date": DAY, "metrics": METRICS, "risks": listed(RISKS),
        "additional_info": st.dictionaries(
            st.sampled_from(["huggingFace", "ours"]), st.dictionaries(st.text("ab", min_size=1), LINE | st.booleans()), max_size=2
        ),
    },
)  # fmt: skip
SHEETS = st.fixed_dictionaries(
    {"dataset_name": LINE},
    optional={
        "creators": listed(LINE), "purpose": STATEMENT, "instance_count": st.integers(0, 2**53 - 1), "creation_date": DAY,
        "consent_collected": st.booleans(), "raw_data_saved": st.booleans(), "maintainer": LINE, "distribution_license": LINE,
        "preprocessing_steps": listed(STATEMENT), "data_sources": listed(STATEMENT),
        "confidentiality": st.sampled_from(["public", "internal"]),
        "version_history": listed(
            st.fixed_dictionaries({"version": LINE}, optional={"changes": STATEMENT, "date": DAY})
        ),
    },
)  # fmt: skip

round_trips = settings(max_examples=settings().max_examples * 3 // 2, deadline=None, derandomize=True)


def returns(said: Any, back: Any, export: Export) -> None:
    """Whatever field comes back otherwise is named."""
    named = {each.path.split(".")[0] for each in export.left_out}
    for name in type(said).model_fields:
        first, *rest = name.split("_")
        assert getattr(said, name) == getattr(back, name) or first + "".join(map(str.capitalize, rest)) in named


def bill(**model: Any) -> dict[str, Any]:
    component = {"type": "machine-learning-model", "name": "leaves", "version": "1"} | model
    return {"bomFormat": "CycloneDX", "specVersion": "1.7", "components": [component]}


HUB = Path(__file__).parent / "data" / "huggingface"
LEAVES, RESULTS, BEANS = ((HUB / name).read_text() for name in ("leaves.md", "results.yaml", "beans.md"))


MISSING = "missing { requirementId reason remedy { mutation arguments fill } }"
