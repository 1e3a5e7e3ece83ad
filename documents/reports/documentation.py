"""A model card and a datasheet as Markdown, in which every value is escaped. Pure.

The sections are those of Mitchell et al. 2019 and Gebru et al. 2018. Every field is written; an empty one says "Not stated". The
text holds no date of its own, so equal contents have equal texts.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from documents.canonical import canonical
from documents.cards import CardRiskLevel, ModelCard
from documents.datasheets import Confidentiality, DatasetRecord
from documents.formats.markdown import bullets, code, heading, line, listed, page, paragraph, strong, table

NOT_STATED = "Not stated"


def card_page(card: ModelCard) -> str:
    """The model card as Markdown."""
    return page(_card(card))


def datasheet_page(sheet: DatasetRecord) -> str:
    """The datasheet as Markdown."""
    return page(_datasheet(sheet))


def _card(card: ModelCard) -> Iterator[str]:
    yield heading(1, line("Model Card:", card.model_name))
    yield heading(2, "Model Details")
    yield table(
        ["Property", "Value"],
        [
            ["Model ID", code(card.model_id)],
            ["Version", code(card.version)],
            ["Type", card.model_type or NOT_STATED],
            ["Architecture", card.architecture or NOT_STATED],
            ["Developers", listed(card.developers) or NOT_STATED],
            ["Release Date", _day(card.release_date)],
            ["License", card.license or NOT_STATED],
            ["Contact", card.contact or NOT_STATED],
        ],
    )
    yield heading(2, "Intended Use")
    yield from _items(3, "Primary Intended Uses", card.primary_intended_uses)
    yield from _items(3, "Primary Intended Users", card.primary_intended_users)
    yield from _items(3, "Out-of-Scope Uses", card.out_of_scope_uses)
    yield heading(2, "Training Data")
    yield paragraph(card.training_data_description or NOT_STATED)
    yield from _labelled_items("Sources", card.training_data_sources)
    yield _labelled("Size", card.training_data_size)
    yield _labelled("Preprocessing", card.training_data_preprocessing)
    yield _labelled("Date Range", card.training_date_range)
    yield from _evaluation(card)
    yield from _items(2, "Ethical Considerations", card.ethical_considerations)
    yield from _items(2, "Known Limitations", card.known_limitations)
    yield from _rows(
        2,
        "Risks and Mitigations",
        ["Risk Type", "Description", "Likelihood", "Impact", "Mitigation", "Residual Risk"],
        [
            [
                each.risk_type, each.description, _word(each.likelihood), _word(each.impact),
                each.mitigation or NOT_STATED, each.residual_risk or NOT_STATED,
            ]
            for each in card.risks
        ],
    )  # fmt: skip
    yield from _items(2, "Recommendations", card.recommendations)
    told = [[name, said if isinstance(said, str) else canonical(said).decode()] for name, said in card.additional_info.items()]
    yield from _rows(2, "Additional Information", ["Name", "Value"], told)


def _evaluation(card: ModelCard) -> Iterator[str]:
    yield heading(2, "Evaluation")
    yield from _items(3, "Datasets", card.evaluation_datasets)
    yield heading(3, "Methodology")
    yield paragraph(card.evaluation_methodology or NOT_STATED)
    yield from _rows(
        3,
        "Metrics",
        ["Metric", "Value", "Dataset", "Conditions", "Measured"],
        [
            [each.metric_name, str(each.value), each.dataset or NOT_STATED, each.conditions or "", _day(each.date_measured)]
            for each in card.metrics
        ],
    )
    if card.has_disaggregated_metric:
        yield from _rows(
            3,
            "Metrics by Group",
            ["Metric", "Dataset", "Conditions", "Group", "Value"],
            [
                [each.metric_name, each.dataset or NOT_STATED, each.conditions or "", one.group, str(one.value)]
                for each in card.metrics
                for one in each.disaggregated
            ],
        )


def _datasheet(sheet: DatasetRecord) -> Iterator[str]:
    yield heading(1, line("Datasheet:", sheet.dataset_name))
    yield heading(2, "Motivation")
    yield line(strong("Dataset ID:"), code(sheet.dataset_id))
    yield _labelled("Purpose", sheet.purpose)
    yield line(strong("Creators:"), listed(sheet.creators) or NOT_STATED)
    yield _labelled("Creation Date", _day(sheet.creation_date))
    yield _labelled("Funding", sheet.funding)
    yield heading(2, "Composition")
    yield _labelled("What an Instance Represents", sheet.instance_description)
    yield _labelled("Total Instances", None if sheet.instance_count is None else f"{sheet.instance_count:,}")
    yield _labelled("Sampling Strategy", sheet.sampling_strategy)
    yield line(strong("Data Types:"), listed(sheet.data_types) or NOT_STATED)
    yield _labelled("Labels or Targets", sheet.labels_or_targets)
    yield _labelled("Missing Data", sheet.missing_data)
    yield _labelled("Confidentiality Level", _word(sheet.confidentiality))
    yield from _labelled_items("Sensitive Data Categories", sheet.sensitive_data)
    yield heading(2, "Collection Process")
    yield _labelled("Collection Mechanism", sheet.collection_mechanism)
    yield _labelled("Timeframe", sheet.collection_timeframe)
    yield from _labelled_items("Data Sources", sheet.data_sources)
    yield _labelled("Consent Collected", _yes(sheet.consent_collected))
    yield _labelled("Consent Mechanism", sheet.consent_mechanism)
    yield heading(2, "Preprocessing")
    yield from _labelled_items("Steps Applied", sheet.preprocessing_steps)
    yield _labelled("Raw Data Preserved", _yes(sheet.raw_data_saved))
    yield _labelled("Raw Data Location", sheet.raw_data_location)
    yield heading(2, "Uses")
    yield from _items(3, "Intended Uses", sheet.intended_uses)
    yield from _items(3, "Out-of-Scope Uses", sheet.out_of_scope_uses)
    yield from _items(3, "Prior Uses", sheet.prior_uses)
    yield heading(2, "Distribution")
    yield _labelled("Method", sheet.distribution_method)
    yield _labelled("License", sheet.distribution_license)
    yield from _labelled_items("Access Restrictions", sheet.access_restrictions)
    yield heading(2, "Maintenance")
    yield _labelled("Maintainer", sheet.maintainer)
    yield _labelled("Update Frequency", sheet.update_frequency)
    yield _labelled("Retention Policy", sheet.retention_policy)
    history = [[each.version, _day(each.date), each.changes or NOT_STATED] for each in sheet.version_history]
    yield from _rows(3, "Version History", ["Version", "Date", "Changes"], history)


def _items(level: int, title: str, items: Iterable[str]) -> Iterator[str]:
    yield heading(level, title)
    yield bullets(items) or NOT_STATED


def _rows(level: int, title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield heading(level, title)
    yield table(head, rows) or NOT_STATED


def _labelled(label: str, said: str | None) -> str:
    return f"{strong(f'{label}:')} {paragraph(said or NOT_STATED)}"


def _labelled_items(label: str, items: Iterable[str]) -> Iterator[str]:
    if said := bullets(items):
        yield strong(f"{label}:")
        yield said
    else:
        yield _labelled(label, None)


def _word(choice: CardRiskLevel | Confidentiality | None) -> str:
    return choice.value.capitalize() if choice else NOT_STATED


def _day(day: date | None) -> str:
    return day.isoformat() if day else NOT_STATED


def _yes(said: bool | None) -> str:
    return NOT_STATED if said is None else "Yes" if said else "No"
