"""Reads and writes model cards of the Hugging Face Hub.

The metadata are those of modelcard.md in huggingface/hub-docs. The headings are those of huggingface_hub's template and of common
use. Metadata that no field of a card has are kept in `additionalInfo.huggingFace`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from documents.cards import CardContent, CardRisk, ModelCard
from documents.formats.exchange import Export, Reading, lost
from documents.formats.huggingface.frontmatter import block, parted
from documents.formats.huggingface.layout import Entries, Layout
from documents.formats.huggingface.licenses import as_metadata, read_license
from documents.formats.huggingface.results import index, read_index
from documents.formats.huggingface.sections import Section, below, bullets, labels, prose, sections
from documents.formats.markdown import heading, page

KEPT = "huggingFace"
_OF_MODEL = re.compile(r"^model card(?: (?:for|of))?:?\s*", re.IGNORECASE)
RISKS = Entries("risks", CardRisk, title="risk_type")
LAYOUT = Layout(
    kind=CardContent,
    titles={
        "architecture": ("model architecture and objective", "model architecture", "architecture"),
        "contact": ("model card contact", "contact"),
        "primary_intended_uses": (
            "direct use", "downstream use", "intended use", "intended uses", "primary intended uses", "uses",
            "intended uses and limitations", "intended use and limitations",
        ),
        "primary_intended_users": ("intended users", "primary intended users", "users"),
        "out_of_scope_uses": (
            "out of scope use", "out of scope uses", "out of scope use cases", "misuse and out of scope use",
            "misuse malicious use and out of scope use", "excluded uses",
        ),
        "training_data_description": ("training data", "training dataset", "training datasets"),
        "training_data_sources": ("training data sources",),
        "training_data_preprocessing": ("preprocessing", "training data preprocessing", "data preprocessing"),
        "evaluation_datasets": ("testing data", "evaluation data", "evaluation datasets"),
        "evaluation_methodology": ("evaluation", "evaluation methodology", "evaluation protocol"),
        "ethical_considerations": ("ethical considerations", "bias", "biases", "bias and fairness", "social impact"),
        "known_limitations": (
            "bias risks and limitations", "limitations", "known limitations", "technical limitations", "limitations and bias",
            "limitations and biases", "risks and limitations", "bias and limitations",
        ),
        "recommendations": ("recommendations",),
    },
    labels={
        "developers": ("developed by", "developer", "developers"),
        "model_type": ("model type",),
        "release_date": ("release date",),
        "license": ("license", "licence"),
        "training_data_size": ("training data size",),
        "training_date_range": ("training data period",),
    },
    entries={"risks": RISKS},
    meant={},
)  # fmt: skip


@dataclass(frozen=True)
class HubModel:
    """A model as its card describes it; `version` is None for most cards, as the Hub asks for none."""

    name: str | None
    version: str | None
    card: Reading


def read_model_card(text: str) -> Reading:
    """Reads a model card of the Hub. Raises InvalidInput for a text without front matter that can be read."""
    return read_model(text).card


def read_model(text: str) -> HubModel:
    """Reads the model that a card of the Hub is about. Raises InvalidInput for a text without front matter that can be read."""
    reading = Reading(CardContent)
    metadata, body = parted(text)
    said = [*sections(body)]
    name, version = _name(metadata, said), metadata.get("version")
    read_license(reading, "license", metadata)
    datasets = metadata.get("datasets") or []
    if not isinstance(datasets, list):
        datasets = metadata["datasets"] = [datasets]
    for place, each in enumerate(datasets):
        reading.say("training_data_sources", each, f"datasets.{place}")
    if "model-index" in metadata:
        read_index(reading, metadata.pop("model-index"))
    for key, value in metadata.items():
        reading.say("additional_info", {KEPT: {key: value}}, key)
    LAYOUT.read(reading, said, settled={"license"} & reading.fields.keys())
    return HubModel(name, version if isinstance(version, str) else None, reading)


def _name(metadata: Mapping[str, Any], body: Iterable[Section]) -> str | None:
    """The model's name in the metadata, else in the title, as in `# Model Card for Leaves`; None if neither names it."""
    match metadata:
        case {"model_name": str(name)} | {"model-index": [{"name": str(name)}, *_]} if name.strip():
            return name
    titles = (_OF_MODEL.sub("", each.title) for each in body if each.level == 1)
    return next(filter(None, titles), None)


def write_model_card(card: ModelCard) -> Export:
    """Writes a model card of the Hub, and lists what would be lost or altered if it were imported again."""
    text = block(_metadata(card)) + "\n" + page(_body(card))
    said = CardContent(**{name: getattr(card, name) for name in CardContent.model_fields})
    return Export(text=text, left_out=tuple(lost(said, CardContent(**read_model_card(text).fields))))


def _metadata(card: ModelCard) -> dict[str, Any]:
    kept = card.additional_info.get(KEPT)
    own = as_metadata(card.license) | (kept if isinstance(kept, dict) else {})
    if datasets := _datasets(card):
        own["datasets"] = datasets
    own["model-index"] = [*index(card.model_name, card.metrics, own.get("pipeline_tag"))]
    return {key: said for key, said in own.items() if key != "model-index" or said}


def _datasets(card: ModelCard) -> list[str]:
    """The training data sources that an import took from the `datasets` of a card; others need not name a dataset of the Hub."""
    kept = card.additional_info.get(KEPT)
    named = kept.get("datasets") if isinstance(kept, dict) else None
    return [each for each in card.training_data_sources if isinstance(named, list) and each in named]


def _body(card: ModelCard) -> Iterator[str]:
    yield heading(1, card.model_name)
    day = card.release_date.isoformat() if card.release_date else None
    details = [*(("Developed by", each) for each in card.developers), ("Model type", card.model_type), ("Release date", day)]
    data = [("Training data size", card.training_data_size), ("Training data period", card.training_date_range)]
    sources = [each for each in card.training_data_sources if each not in _datasets(card)]
    yield from below(2, "Model Description", labels(details))
    yield from below(2, "Model Architecture", prose(card.architecture))
    yield from below(2, "Intended Uses", bullets(card.primary_intended_uses))
    yield from below(2, "Intended Users", bullets(card.primary_intended_users))
    yield from below(2, "Out-of-Scope Use", bullets(card.out_of_scope_uses))
    yield from below(2, "Training Data", prose(card.training_data_description), labels(data))
    yield from below(3, "Training Data Sources", bullets(sources))
    yield from below(3, "Preprocessing", prose(card.training_data_preprocessing))
    yield from below(2, "Evaluation", prose(card.evaluation_methodology))
    yield from below(3, "Testing Data", bullets(card.evaluation_datasets))
    yield from below(2, "Ethical Considerations", bullets(card.ethical_considerations))
    yield from below(2, "Limitations", bullets(card.known_limitations))
    yield from below(2, "Recommendations", bullets(card.recommendations))
    yield from RISKS.written("Risks", card.risks)
    yield from below(2, "Model Card Contact", prose(card.contact))
