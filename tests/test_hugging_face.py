"""Cards and results of the Hugging Face Hub: what is read out of a file, what a broken one comes to, what comes back."""

import json
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import yaml
from huggingface_hub import DatasetCard, ModelCard
from hypothesis import given
from hypothesis import strategies as st

from documents.cards import CardContent
from documents.datasheets import DatasetRecord, DatasheetContent
from documents.errors import InvalidInput
from documents.formats.exchange import Reading
from documents.formats.huggingface.datasetcard import read_dataset_card, write_dataset_card
from documents.formats.huggingface.frontmatter import DEPTH, LINES, PARTS
from documents.formats.huggingface.modelcard import read_model_card, write_model_card
from documents.formats.huggingface.results import read_results
from tests.exchanged import CARDS, LINE, SHEETS, fields, listed, named, returns, round_trips
from tests.papers import FULL_CARD, FULL_SHEET

DATA = Path(__file__).parent / "data" / "huggingface"
BOMB = "a: &a [x, x]\n" + "".join(f"{name}: &{name} [*{before}, *{before}]\n" for before, name in pairwise("abcdefghi"))


@pytest.mark.parametrize(
    ("file", "read"), [("leaves.md", read_model_card), ("results.yaml", read_results), ("beans.md", read_dataset_card)]
)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_file_is_read_as_the_record_beside_it_says(file: str, read: Callable[[str], Reading], ends: str) -> None:
    text = (DATA / file).read_text()
    expected = json.loads((DATA / file).with_suffix(".json").read_text())
    reading = read("\ufeff" + text.replace("\n", ends))
    assert fields(reading) == expected["fields"]
    assert [[each.path, each.reason] for each in reading.left_out] == expected["left_out"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# A card without metadata", "begins with no front matter"),
        ("---\nlicense: mit\n", "begins with no front matter"),
        ("---\n- a\n- b\n---\n", "no YAML object"),
        ("---\n{{card_data}}\n---\n", "in line 2: found unhashable key"),
        ("---\nlicense: [mit\n---\n", "in line 3"),
        ("---\nlicense: mit\n\ttags: a\n---\n", "in line 3"),
        ("---\nlicense: mit\nlicense: other\n---\n", "in line 2: a key stands twice"),
        ("---\nlicense: !!python/object/apply:os.system [true]\n---\n", "in line 2: could not determine a constructor"),
        ("---\nwhen: 2026-02-30\n---\n", "a value that YAML has not"),
        ("---\nsize: 0x" + "f" * 5000 + "\n---\n", "a value that YAML has not"),
        ("---\nsize: " + "9" * 5000 + "\n---\n", "a value that YAML has not"),
        (f"---\n{BOMB}---\n", "in line 3: aliases"),
        ("---\na: &a\n  b: *a\n---\n", "in line 3: aliases"),
        ("---\na: " + "[" * (DEPTH + 1) + "]" * (DEPTH + 1) + "\n---\n", "in line 2: it is nested more than"),
        ("---\na:\n" + "- b\n" * PARTS + "---\n", "it is nested more than"),
        ("---\n---\n" + "- a\n" * (LINES + 1), "lines below its front matter"),
    ],
)
def test_a_broken_card_is_refused_with_what_is_wrong_in_which_line(text: str, problem: str) -> None:
    for read in (read_model_card, read_dataset_card):
        with pytest.raises(InvalidInput) as refused:
            read(text)
        assert refused.value.path == "text" and problem in refused.value.problem


@pytest.mark.parametrize("text", ["a: 1", "- a: [", "just text", ""])
def test_a_broken_file_of_results_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_results(text)


def indexed(*results: Any) -> dict[str, Any]:
    return {"model-index": [{"name": "leaves", "results": [*results]}]}


def measured(*metrics: Any) -> dict[str, Any]:
    return indexed({"task": {"type": "other"}, "dataset": {"type": "beans"}, "metrics": [*metrics]})


RESULTS = "model-index.0.results"


@pytest.mark.parametrize(
    ("metadata", "paths"),
    [
        ({"model-index": "leaves"}, ["model-index"]),
        ({"model-index": []}, ["model-index"]),
        ({"model-index": [{"name": "leaves"}]}, ["model-index"]),
        ({"model-index": [*indexed()["model-index"], {"name": "another"}]}, ["model-index.1"]),
        (indexed(1, {"dataset": "beans", "metrics": []}), [f"{RESULTS}.0", f"{RESULTS}.1"]),
        (measured(1, {"type": "f1"}), [f"{RESULTS}.0.metrics.0", f"{RESULTS}.0.metrics.1"]),
        (measured({"type": "f1", "value": True}), [f"{RESULTS}.0.metrics.0.value"]),
        (measured({"type": "f1", "value": [0.5]}), [f"{RESULTS}.0.metrics.0.value"]),
        (measured({"type": "f1", "value": float("nan")}), [f"{RESULTS}.0.metrics.0"]),
        ({"license": ["mit", "gpl"], "datasets": [{"a": 1}, None], "a.b": 1}, ["license", "datasets.0", "datasets.1", "a.b"]),
        ({"license": {"name": "mit"}, "tags": [2**60]}, ["license", "tags"]),
    ],
)
def test_metadata_of_another_shape_are_left_out_with_their_path(metadata: dict[str, Any], paths: list[str]) -> None:
    reading = read_model_card(f"---\n{yaml.safe_dump(metadata, sort_keys=False)}---\n")
    assert reading.fields.keys() <= {"additional_info"}
    assert [each.path for each in reading.left_out] == paths


@pytest.mark.parametrize(("figures", "last"), [(400, "is beyond the 200"), (401, "2 more are not"), (500, "101 more are not")])
def test_a_long_index_fills_what_a_card_takes_and_counts_the_rest(figures: int, last: str) -> None:
    index = measured(*({"type": f"m{each}", "value": each} for each in range(figures)))
    reading = read_model_card(f"---\n{yaml.safe_dump(index)}---\n")
    assert len(reading.fields["metrics"]) == 200 and len(reading.left_out) == 200
    assert reading.left_out[-1].reason.startswith(last)


def test_many_metadata_are_read_in_a_time_in_proportion() -> None:
    begun_at = perf_counter()
    reading = read_model_card("---\n" + "".join(f"k{each}: v\n" for each in range(8_000)) + "---\n")
    assert len(reading.fields["additional_info"]["huggingFace"]) == 8_000
    assert perf_counter() - begun_at < 10  # in proportion to the square it was minutes


def test_what_fits_no_field_is_left_out_and_the_rest_is_read() -> None:
    reading = read_model_card(
        "---\nlicense: mit\n---\n# Contact\n\nline\n\nline\n# Uses\n\n" + "a" * 20_001 + "\n# Bias\n\nSome."
    )
    assert reading.fields == {"license": "MIT", "ethical_considerations": ("Some.",)}
    assert [each.path for each in reading.left_out] == ["# Contact", "# Uses"]


def test_what_is_written_is_what_the_hub_reads() -> None:
    export = write_model_card(
        named(FULL_CARD | {"license": "Proprietary", "additional_info": {"huggingFace": {"tags": ["leaves"]}}})
    )
    read: Any = ModelCard(export.text).data
    assert (read.license, read.license_name, read.tags) == ("other", "Proprietary", ["leaves"])
    (result,) = read.eval_results
    assert (result.dataset_name, result.metric_type, result.metric_value) == ("Beans", "accuracy", 0.9)
    assert result.metric_name == "accuracy (zero-shot)"
    assert export.left_out == ()
    described: Any = DatasetCard(write_dataset_card(DatasetRecord(dataset_id="beans", **FULL_SHEET)).text).data
    assert (described.pretty_name, described.license) == ("Beans", "mit")


def test_what_the_hub_has_no_place_for_is_named() -> None:
    measured = {"date_measured": "2026-02-20", "disaggregated": [{"group": "men", "value": 0.8}]}
    metrics = [FULL_CARD["metrics"][0] | measured, {"metric_name": "f1", "value": 0.5}]
    lost = write_model_card(named(FULL_CARD | {"metrics": metrics[:1], "additional_info": {"of": "ours"}})).left_out
    assert [each.path for each in lost] == ["metrics.0.dateMeasured", "metrics.0.disaggregated", "additionalInfo"]
    assert [each.path for each in write_model_card(named(FULL_CARD | {"metrics": metrics[1:]})).left_out] == ["metrics"]


@round_trips
@given(said=CARDS)
def test_a_card_comes_back_but_for_what_is_named(said: dict[str, Any]) -> None:
    export = write_model_card(named(said))
    ModelCard(export.text, ignore_metadata_errors=False)
    returns(CardContent(**said), read_model_card(export.text).content, export)


@round_trips
@given(said=SHEETS)
def test_a_datasheet_comes_back_but_for_what_is_named(said: dict[str, Any]) -> None:
    export = write_dataset_card(DatasetRecord(dataset_id="beans", **said))
    DatasetCard(export.text)
    returns(DatasheetContent(**said), read_dataset_card(export.text).content, export)


@round_trips
@given(said=st.fixed_dictionaries(dict.fromkeys(("model_type", "contact", "architecture"), LINE)), uses=listed(LINE))
def test_a_line_of_any_marks_always_comes_back(said: dict[str, str], uses: list[str]) -> None:
    """Blanks in a row are one where it is rendered; nothing else is lost."""
    single = {name: " ".join(each.split()) for name, each in said.items()}
    card = named(single | {"primary_intended_uses": [" ".join(each.split()) for each in uses]})
    assert write_model_card(card).left_out == ()


@round_trips
@given(text=st.text("-#*:a \n[]{}&!|>'\"%@`\t0", max_size=200))
def test_no_text_is_a_surprise(text: str) -> None:
    for read in (read_model_card, read_dataset_card, lambda said: read_results(said.removeprefix("---\n"))):
        for wrapped in (f"---\n{text}\n---\n{text}", f"---\nmodel-index:\n{text}\n---\n"):
            with suppress(InvalidInput):
                assert read(wrapped).content
