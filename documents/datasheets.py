"""Datasheets: where a dataset comes from, what is in it and what it may be used for.

Sections are those of Gebru et al. 2018, Datasheets for Datasets, by the numbers of its latest edition (arXiv 1803.09010v8).
"""

from collections.abc import Mapping
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
    """Who may see a dataset."""

    PUBLIC = "public", "Anybody may see it."
    INTERNAL = "internal", "Only the organisation may see it."
    CONFIDENTIAL = "confidential", "Only named people may see it."


class DatasheetSection(Choice):
    """A part of a datasheet; its description says what fills it."""

    MOTIVATION = "motivation", "Filled by a purpose and at least one creator (Gebru et al. 2018, section 3.1)."
    COMPOSITION = "composition", "Filled by what an instance is, how many there are, and how confidential they are (section 3.2)."
    COLLECTION_PROCESS = "collection_process", "Filled by how it was collected and at least one source (section 3.3)."
    PREPROCESSING = "preprocessing", "Filled by at least one step, and by whether the raw data were saved (section 3.4)."
    USES = "uses", "Filled by intended uses and uses out of scope (section 3.5)."
    DISTRIBUTION = "distribution", "Filled by how it is handed out and under which licence (section 3.6)."
    MAINTENANCE = "maintenance", "Filled by a maintainer and how often it is updated (section 3.7)."


class DatasetVersion(Value):
    """One entry in the history of a dataset (Gebru et al. 2018, section 3.7: updates and older versions)."""

    version: Name = Field(description="What the version is called.")
    date: Day | None = Field(default=None, description="The day it came out; null if nobody said.")
    changes: Statement | None = Field(default=None, description="What changed in it; null if nobody said.")


class DatasheetContent(Value):
    """What people say of a dataset; what is unknown stays empty.

    Gebru et al. 2018, section 3: motivation (3.1), composition (3.2), collection process (3.3), preprocessing (3.4), uses (3.5),
    distribution (3.6) and maintenance (3.7), in that order.
    """

    dataset_name: Name = Field(description="What people call it.")
    creators: Names = Field(default=(), description="The people or teams that made it.")
    creation_date: Day | None = Field(default=None, description="The day it was made.")
    purpose: Statement | None = Field(default=None, description="Why it was made.")
    funding: Statement | None = Field(default=None, description="Who paid for it.")

    instance_description: Statement | None = Field(default=None, description="What one instance is.")
    instance_count: Count | None = Field(default=None, description="How many instances there are.")
    sampling_strategy: Statement | None = Field(default=None, description="How they were drawn, if they are a sample.")
    data_types: Names = Field(default=(), description="What an instance is made of, such as `text`.")
    labels_or_targets: Statement | None = Field(default=None, description="What is to be predicted, and who labelled it.")
    missing_data: Statement | None = Field(default=None, description="What is missing, and why.")
    confidentiality: Confidentiality | None = Field(default=None, description="Who may see it.")
    sensitive_data: Statements = Field(default=(), description="What in it is sensitive, such as health or belief.")

    collection_mechanism: Statement | None = Field(default=None, description="How it was collected.")
    collection_timeframe: Name | None = Field(default=None, description="When it was collected.")
    data_sources: Statements = Field(default=(), description="Where it was collected.")
    consent_collected: bool | None = Field(default=None, description="Whether the people in it agreed; null if unknown.")
    consent_mechanism: Statement | None = Field(default=None, description="How they agreed, and how they can take it back.")

    preprocessing_steps: Statements = Field(default=(), description="What was done to the raw data, first done first.")
    raw_data_saved: bool | None = Field(default=None, description="Whether the raw data are kept; null if unknown.")
    raw_data_location: Statement | None = Field(default=None, description="Where the raw data are kept.")

    intended_uses: Statements = Field(default=(), description="What it may be used for.")
    out_of_scope_uses: Statements = Field(default=(), description="What it must not be used for.")
    prior_uses: Statements = Field(default=(), description="What it has been used for.")

    distribution_method: Statement | None = Field(default=None, description="How it is handed out.")
    distribution_license: Name | None = Field(default=None, description="Its licence, an SPDX identifier where there is one.")
    access_restrictions: Statements = Field(default=(), description="Who may not have it, or on what condition.")

    maintainer: Name | None = Field(default=None, description="Who looks after it.")
    update_frequency: Name | None = Field(default=None, description="How often it is updated.")
    version_history: Annotated[tuple[DatasetVersion, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="Its versions, oldest first."
    )
    retention_policy: Statement | None = Field(default=None, description="How long it is kept, and what happens then.")

    @computed_field(description="The sections that are not filled; each section says what fills it.")  # type: ignore[prop-decorator]
    @property
    def empty_sections(self) -> tuple[DatasheetSection, ...]:
        counted, kept = self.instance_count is not None, self.raw_data_saved is not None
        filled = {
            DatasheetSection.MOTIVATION: self.purpose and self.creators,
            DatasheetSection.COMPOSITION: self.instance_description and counted and self.confidentiality,
            DatasheetSection.COLLECTION_PROCESS: self.collection_mechanism and self.data_sources,
            DatasheetSection.PREPROCESSING: self.preprocessing_steps and kept,
            DatasheetSection.USES: self.intended_uses and self.out_of_scope_uses,
            DatasheetSection.DISTRIBUTION: self.distribution_method and self.distribution_license,
            DatasheetSection.MAINTENANCE: self.maintainer and self.update_frequency,
        }
        return tuple(section for section in DatasheetSection if not filled[section])

    @computed_field(description="The share of the seven sections that are filled.")  # type: ignore[prop-decorator]
    @property
    def completeness(self) -> float:
        return 1 - len(self.empty_sections) / len(DatasheetSection)


class DatasetRecord(DatasheetContent):
    """A datasheet: what people say of one dataset, and which dataset that is."""

    dataset_id: Key = Field(description="The dataset that it is about.")


class Datasheet(Searchable):
    """A datasheet, as its newest revision has it; any number of versions can rest on it."""

    keys: ClassVar = ("dataset_id",)
    bears_on: ClassVar = (Bearing({"datasheets.dataset_id": "dataset_id"}, when=frozenset({"revisions"})),)
    event: ClassVar = AuditEventType.DATASHEET_SAVED
    reviewed: ClassVar = frozenset({"content"})
    searched: ClassVar = (
        "dataset_id", "content.dataset_name", "content.creators", "content.data_types", "content.purpose",
        "content.instance_description", "content.intended_uses",
    )  # fmt: skip

    dataset_id: Key = Field(description="The dataset's own name for itself.")
    content: DatasetRecord = Field(description="What the newest revision says.")
    revisions: tuple[Revision, ...] = Field(default=(), description="Every revision, first one first.")

    collection: ClassVar = "datasheets"
    indexes: ClassVar = [BY_TOKENS]

    @classmethod
    async def saved(cls, dataset_id: str, said: Mapping[str, Any], by: Actor, at: datetime) -> Self:
        """The datasheet with its next revision: the one before, with the fields in `said` as they are there."""
        sheet = await cls.wanted(dataset_id)
        record = DatasetRecord(**(dict(sheet.content if sheet else {}) | dict(said) | {"dataset_id": dataset_id}))
        sheet = sheet or cls(dataset_id=dataset_id, content=record)
        sheet.content = record
        sheet.revisions = await revised(sheet.revisions, ContentKind.DATASHEET, record, by.id, at)
        return sheet
