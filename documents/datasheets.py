"""Datasheets: where a dataset comes from, what it holds, and what it may be used for.

The sections are those of Gebru et al. 2018, Datasheets for Datasets, numbered as in its latest edition (arXiv 1803.09010v8).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, computed_field

from documents.access import Actor
from documents.audit.event import AuditEventType
from documents.contents import ContentKind, Revision, revised
from documents.search import BY_TOKENS, Searchable
from documents.store.units import Bearing
from documents.values import LIST_LENGTH, Choice, Count, Day, Key, Name, Names, Statement, Statements, Value


class Confidentiality(Choice):
    """A dataset may be seen by these people."""

    PUBLIC = "public", "The dataset may be seen by anybody."
    INTERNAL = "internal", "The dataset may be seen inside the organisation only."
    CONFIDENTIAL = "confidential", "The dataset may be seen by named people only."


class DatasheetSection(Choice):
    """A datasheet has these sections."""

    MOTIVATION = "motivation", "A purpose and at least one creator fill it (Gebru et al. 2018, section 3.1)."
    COMPOSITION = "composition", "Instance description, number and confidentiality fill it (section 3.2)."
    COLLECTION_PROCESS = "collection_process", "The way of collection and at least one source fill it (section 3.3)."
    PREPROCESSING = "preprocessing", "Preprocessing steps, and whether raw data are saved, fill it (section 3.4)."
    USES = "uses", "Intended uses and uses out of scope fill it (section 3.5)."
    DISTRIBUTION = "distribution", "The way of distribution and the licence fill it (section 3.6)."
    MAINTENANCE = "maintenance", "A maintainer and an update frequency fill it (section 3.7)."


FILLED_BY: Mapping[DatasheetSection, tuple[str, ...]] = {
    DatasheetSection.MOTIVATION: ("purpose", "creators"),
    DatasheetSection.COMPOSITION: ("instance_description", "instance_count", "confidentiality"),
    DatasheetSection.COLLECTION_PROCESS: ("collection_mechanism", "data_sources"),
    DatasheetSection.PREPROCESSING: ("preprocessing_steps", "raw_data_saved"),
    DatasheetSection.USES: ("intended_uses", "out_of_scope_uses"),
    DatasheetSection.DISTRIBUTION: ("distribution_method", "distribution_license"),
    DatasheetSection.MAINTENANCE: ("maintainer", "update_frequency"),
}
"""The fields that fill each section, all of them together."""

REQUIRED_SECTIONS = (DatasheetSection.MOTIVATION, DatasheetSection.COMPOSITION, DatasheetSection.COLLECTION_PROCESS)
"""The sections without which a datasheet documents no training data; the others may be filled later."""


class DatasetVersion(Value):
    """A version is in the dataset's history (Gebru et al. 2018, section 3.7)."""

    version: Name = Field(description="The name that the version has.")
    date: Day | None = Field(default=None, description="The day it came out.")
    changes: Statement | None = Field(default=None, description="The text says what changed in it.")


class DatasheetContent(Value):
    """A datasheet says what is known of a dataset; what is unknown stays empty.

    Gebru et al. 2018, section 3: motivation (3.1), composition (3.2), collection process (3.3), preprocessing (3.4), uses (3.5),
    distribution (3.6) and maintenance (3.7), in that order.
    """

    unasked: ClassVar = frozenset({"version_history"})
    ordered: ClassVar = frozenset({"dataset_name", "creation_date", "instance_count", "confidentiality"})

    dataset_name: Name = Field(description="The name that people call the dataset by.")
    creators: Names = Field(default=(), description="The people or teams that made the dataset.")
    creation_date: Day | None = Field(default=None, description="The day the dataset was made.")
    purpose: Statement | None = Field(default=None, description="The text says why the dataset was made.")
    funding: Statement | None = Field(default=None, description="The text says who paid for the dataset.")

    instance_description: Statement | None = Field(default=None, description="The text says what one instance is.")
    instance_count: Count | None = Field(default=None, description="The number of instances that the dataset has.")
    sampling_strategy: Statement | None = Field(default=None, description="The text says how the sample was drawn.")
    data_types: Names = Field(default=(), description="The types of data that an instance has, such as `text`.")
    labels_or_targets: Statement | None = Field(default=None, description="The text says what is predicted, and who labelled it.")
    missing_data: Statement | None = Field(default=None, description="The text says what is missing, and why.")
    confidentiality: Confidentiality | None = Field(default=None, description="The confidentiality says who may see the dataset.")
    sensitive_data: Statements = Field(default=(), description="The data that are sensitive, such as health or belief.")

    collection_mechanism: Statement | None = Field(default=None, description="The text says how the data were collected.")
    collection_timeframe: Name | None = Field(default=None, description="The text says when the data were collected.")
    data_sources: Statements = Field(default=(), description="The sources that the data came from.")
    consent_collected: bool | None = Field(default=None, description="Whether the people in the dataset agreed; null if unknown.")
    consent_mechanism: Statement | None = Field(default=None, description="The text says how they agreed and can withdraw.")

    preprocessing_steps: Statements = Field(default=(), description="The steps that the raw data went through, in their order.")
    raw_data_saved: bool | None = Field(default=None, description="Whether the raw data are kept; null if unknown.")
    raw_data_location: Statement | None = Field(default=None, description="The place where the raw data are kept.")

    intended_uses: Statements = Field(default=(), description="The uses that the dataset is meant for.")
    out_of_scope_uses: Statements = Field(default=(), description="The uses that the dataset must not be put to.")
    prior_uses: Statements = Field(default=(), description="The uses that the dataset was put to before.")

    distribution_method: Statement | None = Field(default=None, description="The text says how the dataset is handed out.")
    distribution_license: Name | None = Field(default=None, description="The licence, which is an SPDX id if possible.")
    access_restrictions: Statements = Field(default=(), description="The text says who may have it, on what condition.")

    maintainer: Name | None = Field(default=None, description="The person or team that maintains the dataset.")
    update_frequency: Name | None = Field(default=None, description="The text says how often the dataset is updated.")
    version_history: Annotated[tuple[DatasetVersion, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The versions that the dataset had, oldest first."
    )
    retention_policy: Statement | None = Field(default=None, description="The text says how long the dataset is kept.")

    @computed_field(description="The sections that are not filled; each says what fills it.")  # type: ignore[prop-decorator]
    @property
    def empty_sections(self) -> tuple[DatasheetSection, ...]:
        return tuple(section for section in DatasheetSection if self.lacking([section]))

    @computed_field(description="The share of sections that are filled, from 0 to 1.")  # type: ignore[prop-decorator]
    @property
    def completeness(self) -> float:
        return 1 - len(self.empty_sections) / len(DatasheetSection)

    def lacking(self, sections: Iterable[DatasheetSection]) -> tuple[str, ...]:
        """The names of the fields that are still to be filled in the sections."""
        # 0 instances and raw data that were not saved are answers too; only null and an empty list are none.
        return tuple(name for section in sections for name in FILLED_BY[section] if getattr(self, name) in (None, ()))


class DatasetRecord(DatasheetContent):
    """A dataset record is a dataset's datasheet."""

    grouped: ClassVar = frozenset({"confidentiality", "data_types", "consent_collected", "distribution_license"})
    summed: ClassVar = frozenset({"instance_count"})
    bounded: ClassVar = frozenset({"creation_date"})

    unasked: ClassVar = DatasheetContent.unasked | {"dataset_id"}

    dataset_id: Key = Field(description="The id of the dataset that it is about.")


class Datasheet(Searchable):
    """A datasheet describes a dataset."""

    keys: ClassVar = ("dataset_id",)
    bears_on: ClassVar = (Bearing({"datasheets.dataset_id": "dataset_id"}, when=frozenset({"revisions"})),)
    event: ClassVar = AuditEventType.DATASHEET_SAVED
    reviewed: ClassVar = frozenset({"content"})
    cites: ClassVar = frozenset({"revisions.*.digest"})
    searched: ClassVar = (
        "dataset_id", "content.dataset_name", "content.creators", "content.data_types", "content.purpose",
        "content.instance_description", "content.intended_uses",
    )  # fmt: skip
    ordered: ClassVar = frozenset({"dataset_id"})

    dataset_id: Key = Field(description="The id that names the dataset.")
    content: DatasetRecord = Field(description="The content that the newest revision has.")
    revisions: tuple[Revision, ...] = Field(default=(), description="The revisions are listed oldest first.")

    collection: ClassVar = "datasheets"
    counted_by: ClassVar = ("dataset_id",)
    indexes: ClassVar = [BY_TOKENS]

    @classmethod
    async def saved(cls, dataset_id: str, said: Mapping[str, Any], by: Actor, at: datetime) -> Self:
        """The datasheet with its next revision, not stored yet: the newest content with the fields in `said` replaced.

        A new datasheet is made for an unknown `dataset_id`.
        """
        sheet = await cls.wanted(dataset_id)
        record = DatasetRecord(**(dict(sheet.content if sheet else {}) | dict(said) | {"dataset_id": dataset_id}))
        sheet = sheet or cls(dataset_id=dataset_id, content=record)
        sheet.content = record
        sheet.revisions = await revised(sheet.revisions, ContentKind.DATASHEET, record, by.id, at)
        return sheet
