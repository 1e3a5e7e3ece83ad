"""Model cards: what a model is, what it is for, how well it performs, and which harm it may do.

The sections are those of Mitchell et al. 2019, Model Cards for Model Reporting (arXiv 1810.03993v2).
"""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, computed_field

from documents.values import LIST_LENGTH, Choice, Day, FreeJson, Key, Name, Names, Number, Statement, Statements, Value, each_once


class CardRiskLevel(Choice):
    """A card rates likelihood and impact like this."""

    LOW = "low", "The risk is seldom, or hardly felt."
    MEDIUM = "medium", "The risk comes now and then, or is bearable."
    HIGH = "high", "The risk comes often, or is severe."


class CardSection(Choice):
    """A model card has these sections."""

    MODEL_DETAILS = "model_details", "Type, developers, licence and contact fill it (Mitchell et al. 2019, section 4.1)."
    INTENDED_USE = "intended_use", "Intended uses, intended users and uses out of scope fill it (section 4.2)."
    TRAINING_DATA = "training_data", "A description and a source fill it (section 4.6)."
    EVALUATION = "evaluation", "One metric or more that names its dataset fills it (section 4.4)."
    ETHICAL_CONSIDERATIONS = "ethical_considerations", "One consideration or more fills it (section 4.8)."
    LIMITATIONS = "limitations", "One limitation or more fills it (section 4.9, caveats)."
    RISKS = "risks", "One risk or more fills it (section 4.8, risks and harms)."
    RECOMMENDATIONS = "recommendations", "One recommendation or more fills it (section 4.9)."


class GroupValue(Value):
    """A group value is measured on one group (Mitchell et al. 2019, section 4.7)."""

    grouped: ClassVar = frozenset({"group"})
    summed: ClassVar = frozenset({"value"})

    group: Name = Field(description="The group that was measured, such as `women over 60`.")
    value: Number = Field(description="The figure is in the unit of its metric.")


def each_group_once(groups: tuple[GroupValue, ...]) -> tuple[GroupValue, ...]:
    """Raises ValueError if a group occurs twice."""
    each_once((each.group,) for each in groups)
    return groups


class Metric(Value):
    """A metric is a figure of an evaluation (Mitchell et al. 2019, section 4.4)."""

    grouped: ClassVar = frozenset({"metric_name", "dataset"})
    summed: ClassVar = frozenset({"value"})
    mixed: ClassVar = {"value": "metric_name", "disaggregated": "metric_name"}
    bounded: ClassVar = frozenset({"date_measured"})

    metric_name: Name = Field(description="The metric says what was measured, such as `accuracy`.")
    value: Number = Field(description="The figure is in the metric's own unit.")
    dataset: Name | None = Field(default=None, description="The dataset that was measured on.")
    date_measured: Day | None = Field(default=None, description="The day it was measured.")
    conditions: Statement | None = Field(default=None, description="The conditions that it had, such as `zero-shot`.")
    disaggregated: Annotated[tuple[GroupValue, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_group_once)] = Field(
        default=(), description="The figure is broken down by group."
    )

    @property
    def identity(self) -> tuple[str | None, ...]:
        """The name, dataset and conditions, which no two metrics of a card share."""
        return self.metric_name, self.dataset, self.conditions


def each_metric_once(metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """Raises ValueError if two metrics have the same identity."""
    each_once(each.identity for each in metrics)
    return metrics


class CardRisk(Value):
    """A card risk is a harm that the model may do (Mitchell et al. 2019, section 4.8)."""

    grouped: ClassVar = frozenset({"risk_type", "likelihood", "impact"})

    risk_type: Name = Field(description="The kind of risk that it is, such as `privacy`.")
    description: Statement = Field(description="The text says what may happen, and to whom.")
    likelihood: CardRiskLevel | None = Field(default=None, description="The rating says how likely it is.")
    impact: CardRiskLevel | None = Field(default=None, description="The rating says how bad it would be.")
    mitigation: Statement | None = Field(default=None, description="The text says what is done against it.")
    residual_risk: Statement | None = Field(default=None, description="The rating says what then remains.")


class CardContent(Value):
    """A card says what is known of a model version; what is unknown stays empty.

    Mitchell et al. 2019, section 4: model details (4.1), intended use (4.2), training data (4.6), evaluation data, metrics and
    results by factor (4.3 to 4.5, 4.7), ethical considerations and risks (4.8), caveats and recommendations (4.9).
    """

    ordered: ClassVar = frozenset({"model_type", "license", "release_date"})
    grouped: ClassVar = frozenset({"model_type", "license", "developers", "evaluation_datasets"})
    bounded: ClassVar = frozenset({"release_date"})

    model_type: Name | None = Field(default=None, description="The kind of model that it is, such as `embedding model`.")
    architecture: Statement | None = Field(default=None, description="The text says how the model is built and how large.")
    developers: Names = Field(default=(), description="The people or teams that made the model.")
    release_date: Day | None = Field(default=None, description="The day the model was or will be released.")
    license: Name | None = Field(default=None, description="The licence, which is an SPDX id if possible.")
    contact: Name | None = Field(default=None, description="The place where one can ask and complain.")

    primary_intended_uses: Statements = Field(default=(), description="The uses that the model is made for.")
    primary_intended_users: Statements = Field(default=(), description="The users that the model is made for.")
    out_of_scope_uses: Statements = Field(default=(), description="The uses that the model must not be put to.")

    training_data_description: Statement | None = Field(default=None, description="The text says what the model learned from.")
    training_data_sources: Statements = Field(default=(), description="The sources that the data came from.")
    training_data_size: Name | None = Field(default=None, description="The amount of data has its unit, such as `1.2T tokens`.")
    training_data_preprocessing: Statement | None = Field(default=None, description="The text says how the data were prepared.")
    training_date_range: Name | None = Field(default=None, description="The period that the data are from.")

    evaluation_datasets: Names = Field(default=(), description="The datasets that the model was evaluated on.")
    evaluation_methodology: Statement | None = Field(default=None, description="The text says how the model was evaluated.")
    metrics: Annotated[tuple[Metric, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_metric_once)] = Field(
        default=(), description="The metrics that were measured; each name, dataset and conditions once."
    )

    ethical_considerations: Statements = Field(default=(), description="The ethical considerations that the makers state.")
    known_limitations: Statements = Field(default=(), description="The cases in which the model fails or does poorly.")
    risks: Annotated[tuple[CardRisk, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The harms that it may do, and what is done against them."
    )
    recommendations: Statements = Field(default=(), description="The advice that users should heed.")
    additional_info: FreeJson = Field(default={}, description="The object holds whatever else there is to say.")

    @computed_field(description="The sections that are not filled; each says what fills it.")  # type: ignore[prop-decorator]
    @property
    def empty_sections(self) -> tuple[CardSection, ...]:
        filled = {
            CardSection.MODEL_DETAILS: self.model_type and self.developers and self.license and self.contact,
            CardSection.INTENDED_USE: self.names_intended_uses and self.primary_intended_users and self.out_of_scope_uses,
            CardSection.TRAINING_DATA: self.documents_training_data,
            CardSection.EVALUATION: self.reports_metrics,
            CardSection.ETHICAL_CONSIDERATIONS: self.states_ethical_considerations,
            CardSection.LIMITATIONS: self.known_limitations,
            CardSection.RISKS: self.risks,
            CardSection.RECOMMENDATIONS: self.recommendations,
        }
        return tuple(section for section in CardSection if not filled[section])

    @computed_field(description="The share of sections that are filled, from 0 to 1.")  # type: ignore[prop-decorator]
    @property
    def completeness(self) -> float:
        return 1 - len(self.empty_sections) / len(CardSection)

    @property
    def names_intended_uses(self) -> bool:
        return bool(self.primary_intended_uses)

    @property
    def documents_training_data(self) -> bool:
        """Whether the card describes the training data and names a source (Mitchell et al. 2019, section 4.6)."""
        return bool(self.training_data_description and self.training_data_sources)

    @property
    def reports_metrics(self) -> bool:
        """Whether a metric names its dataset; without one a figure cannot be checked (Mitchell et al. 2019, section 4.5)."""
        return any(each.dataset for each in self.metrics)

    @property
    def has_disaggregated_metric(self) -> bool:
        """Whether a metric is broken down by group (Mitchell et al. 2019, sections 4.3 and 4.7)."""
        return any(each.disaggregated for each in self.metrics)

    @property
    def states_ethical_considerations(self) -> bool:
        return bool(self.ethical_considerations)

    @property
    def states_limitations_and_risks(self) -> bool:
        return bool(self.known_limitations and self.risks)

    @property
    def mitigates_every_risk(self) -> bool:
        return bool(self.risks) and all(each.mitigation for each in self.risks)


class ModelCard(CardContent):
    """A model card says what is known of one model version."""

    unasked: ClassVar = frozenset({"model_id", "model_name", "version"})

    model_id: Key = Field(description="The id of the model that the card is about.")
    model_name: Name = Field(description="The name that people call the model by.")
    version: Name = Field(description="The version that the card is about.")
