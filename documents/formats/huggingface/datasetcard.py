"""Reads and writes dataset cards of the Hugging Face Hub.

The metadata are those of datasetcard.md in huggingface/hub-docs. The headings are those of huggingface_hub's templates, old and
new, and of common use. A datasheet has no place for further metadata, so they are left out.
"""

import re
from collections.abc import Iterator
from typing import Any

from documents.datasheets import DatasetRecord, DatasetVersion, DatasheetContent
from documents.formats.exchange import NO_FIELD, Export, Reading, lost
from documents.formats.huggingface.frontmatter import block, parted
from documents.formats.huggingface.layout import Entries, Layout
from documents.formats.huggingface.licenses import as_metadata, read_license
from documents.formats.huggingface.sections import below, bullets, labels, prose, sections
from documents.formats.markdown import heading, page

HISTORY = Entries("version_history", DatasetVersion, title="version")
LAYOUT = Layout(
    kind=DatasheetContent,
    titles={
        "purpose": ("curation rationale", "motivation", "purpose"),
        "instance_description": ("dataset structure", "data instances", "data structure"),
        "sampling_strategy": ("sampling", "sampling strategy"),
        "data_types": ("data types",),
        "labels_or_targets": ("annotation process", "annotations", "labels"),
        "missing_data": ("missing data",),
        "sensitive_data": ("personal and sensitive information", "sensitive data"),
        "collection_mechanism": (
            "data collection and processing", "initial data collection and normalization", "data collection",
        ),
        "data_sources": ("source data", "who are the source data producers", "who are the source language producers"),
        "consent_mechanism": ("consent",),
        "preprocessing_steps": ("preprocessing", "data preprocessing"),
        "raw_data_location": ("raw data",),
        "intended_uses": ("direct use", "intended uses", "uses"),
        "out_of_scope_uses": ("out of scope use", "out of scope uses"),
        "prior_uses": ("prior uses",),
        "distribution_method": ("distribution",),
        "access_restrictions": ("access restrictions",),
        "retention_policy": ("retention",),
    },
    labels={
        "creators": ("curated by",),
        "creation_date": ("created on",),
        "funding": ("funded by",),
        "distribution_license": ("license", "licence"),
        "instance_count": ("instances",),
        "confidentiality": ("confidentiality",),
        "collection_timeframe": ("collected during",),
        "consent_collected": ("consent collected",),
        "raw_data_saved": ("raw data saved",),
        "maintainer": ("maintained by",),
        "update_frequency": ("updated",),
    },
    entries={"version history": HISTORY},
    meant={"instance_count": lambda said: int(said) if re.fullmatch(r"\d{1,16}", said) else said, "confidentiality": str.lower},
)  # fmt: skip


def read_dataset_card(text: str) -> Reading:
    """Reads a dataset card of the Hub. Raises InvalidInput for a text without front matter that can be read."""
    # A datasheet must have a name, and a card need not. This one stands in while fields are validated, and is never stored.
    reading = Reading(DatasheetContent, dataset_name="a dataset")
    metadata, body = parted(text)
    read_license(reading, "distribution_license", metadata)
    if "pretty_name" in metadata:
        reading.say("dataset_name", metadata.pop("pretty_name"), "pretty_name")
    _read_size(reading, metadata.pop("dataset_info", None))
    for key in metadata:
        reading.leave(key, NO_FIELD)
    LAYOUT.read(reading, sections(body), settled={"distribution_license", "instance_count"} & reading.fields.keys())
    return reading


def _read_size(reading: Reading, info: Any) -> None:
    """Reads the sum of instances over all splits; a dataset of several configurations has a list here, and no such sum."""
    match info:
        case None:
            pass
        case {"splits": [*splits]} if splits and all(isinstance(_size(each), int) for each in splits):
            reading.say("instance_count", sum(map(_size, splits)), "dataset_info.splits")
        case _:
            reading.leave("dataset_info", "does not say the `num_examples` of the splits of one configuration")


def _size(split: Any) -> Any:
    return split.get("num_examples") if isinstance(split, dict) else None


def write_dataset_card(sheet: DatasetRecord) -> Export:
    """Writes a datasheet as a dataset card of the Hub, and lists what would be lost or altered if it were imported again."""
    text = block({"pretty_name": sheet.dataset_name, **as_metadata(sheet.distribution_license)}) + "\n" + page(_body(sheet))
    said = DatasheetContent(**{name: getattr(sheet, name) for name in DatasheetContent.model_fields})
    back = {"dataset_name": ""} | read_dataset_card(text).fields
    return Export(text=text, left_out=tuple(lost(said, DatasheetContent(**back))))


def _body(sheet: DatasetRecord) -> Iterator[str]:
    yield heading(1, f"Dataset Card for {sheet.dataset_name}")
    created = [*(("Curated by", each) for each in sheet.creators), ("Created on", _text(sheet.creation_date))]
    size, secrecy = ("Instances", _text(sheet.instance_count)), ("Confidentiality", sheet.confidentiality)
    kept = [("Maintained by", sheet.maintainer), ("Updated", sheet.update_frequency)]
    yield from below(2, "Dataset Description", labels([*created, ("Funded by", sheet.funding)]))
    yield from below(2, "Curation Rationale", prose(sheet.purpose))
    yield from below(2, "Dataset Structure", prose(sheet.instance_description), labels([size, secrecy]))
    yield from below(3, "Data Types", bullets(sheet.data_types))
    yield from below(3, "Sampling", prose(sheet.sampling_strategy))
    yield from below(3, "Missing Data", prose(sheet.missing_data))
    yield from below(2, "Annotation process", prose(sheet.labels_or_targets))
    yield from below(2, "Personal and Sensitive Information", bullets(sheet.sensitive_data))
    collected = labels([("Collected during", sheet.collection_timeframe)])
    yield from below(2, "Data Collection and Processing", prose(sheet.collection_mechanism), collected)
    yield from below(3, "Source Data", bullets(sheet.data_sources))
    consent = labels([("Consent collected", _text(sheet.consent_collected))])
    yield from below(3, "Consent", prose(sheet.consent_mechanism), consent)
    yield from below(3, "Preprocessing", bullets(sheet.preprocessing_steps))
    yield from below(3, "Raw Data", prose(sheet.raw_data_location), labels([("Raw data saved", _text(sheet.raw_data_saved))]))
    yield from below(2, "Direct Use", bullets(sheet.intended_uses))
    yield from below(2, "Out-of-Scope Use", bullets(sheet.out_of_scope_uses))
    yield from below(2, "Prior Uses", bullets(sheet.prior_uses))
    yield from below(2, "Distribution", prose(sheet.distribution_method))
    yield from below(3, "Access Restrictions", bullets(sheet.access_restrictions))
    yield from below(2, "Maintenance", labels(kept))
    yield from below(2, "Retention", prose(sheet.retention_policy))
    yield from HISTORY.written("Version History", sheet.version_history)


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "yes" if value else "no"
    return str(value)
