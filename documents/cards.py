"""Model cards: what a model is, what it is for, how well it does and where it harms.

Sections are those of Mitchell et al. 2019, Model Cards for Model Reporting (arXiv 1810.03993v2).
"""

from typing import Annotated

from pydantic import AfterValidator, Field, computed_field

from documents.values import LIST_LENGTH, Choice, Day, FreeJson, Key, Name, Names, Number, Statement, Statements, Value, each_once


class CardRiskLevel(Choice):
    """How likely or how bad a risk is, on the short scale of model cards."""

    LOW = "low", "Seldom, or hardly felt."
    MEDIUM = "medium", "Now and then, or felt but bearable."
    HIGH = "high", "Often, or severe."


class CardSection(Choice):
    """A part of a model card; its description says what fills it."""

    MODEL_DETAILS = "model_details", "Filled by type, developers, licence and contact (Mitchell et al. 2019, section 4.1)."
    INTENDED_USE = "intended_use", "Filled by intended uses, intended users and uses out of scope (section 4.2)."
    TRAINING_DATA = "training_data", "Filled by a description and at least one source (section 4.6)."
    EVALUATION = "evaluation", "Filled by at least one metric that names its dataset (sections 4.4, 4.5 and 4.7)."
    ETHICAL_CONSIDERATIONS = "ethical_considerations", "Filled by at least one consideration (section 4.8)."
    LIMITATIONS = "limitations", "Filled by at least one known limitation (section 4.9, caveats)."
    RISKS = "risks", "Filled by at least one risk (section 4.8, risks and harms)."
    RECOMMENDATIONS = "recommendations", "Filled by at least one recommendation (section 4.9)."


class GroupValue(Value):
    """A metric as measured on one group alone (Mitchell et al. 2019, sections 4.3 and 4.7: factors, disaggregated results)."""

    group: Name = Field(description="Whom or what the figure is about, such as `women over 60`.")
    value: Number = Field(description="The figure for that group, in the unit of its metric.")


def each_group_once(groups: tuple[GroupValue, ...]) -> tuple[GroupValue, ...]:
    each_once((each.group,) for each in groups)
    return groups


class Metric(Value):
    """One figure of an evaluation (Mitchell et al. 2019, sections 4.4 and 4.7)."""

    metric_name: Name = Field(description="What was measured, such as `accuracy`.")
    value: Number = Field(description="The figure over the whole dataset, in the metric's own unit.")
    dataset: Name | None = Field(default=None, description="What it was measured on; null if nobody said.")
    date_measured: Day | None = Field(default=None, description="The day of the measurement; null if nobody said.")
    conditions: Statement | None = Field(default=None, description="Under what conditions, such as `zero-shot`; null for none.")
    disaggregated: Annotated[tuple[GroupValue, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_group_once)] = Field(
        default=(), description="The same figure group by group, each group once."
    )

    @property
    def identity(self) -> tuple[str | None, ...]:
        """What tells it from the other metrics of a card."""
        return self.metric_name, self.dataset, self.conditions


def each_metric_once(metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
    each_once(each.identity for each in metrics)
    return metrics


class CardRisk(Value):
    """A way in which the model may do harm, as its makers see it (Mitchell et al. 2019, section 4.8: risks and mitigations)."""

    risk_type: Name = Field(description="What kind of risk, such as `privacy`.")
    description: Statement = Field(description="What may happen, and to whom.")
    likelihood: CardRiskLevel | None = Field(default=None, description="How likely it is; null if nobody said.")
    impact: CardRiskLevel | None = Field(default=None, description="How bad it would be; null if nobody said.")
    mitigation: Statement | None = Field(default=None, description="What is done against it; null for nothing.")
    residual_risk: Statement | None = Field(default=None, description="What is left of it after that; null if nobody said.")


class CardContent(Value):
    """What people say of a model version; what is unknown stays empty.

    Mitchell et al. 2019, section 4: model details (4.1), intended use (4.2), training data (4.6), evaluation data, metrics and
    results by factor (4.3 to 4.5, 4.7), ethical considerations and risks (4.8), caveats and recommendations (4.9).
    """

    model_type: Name | None = Field(default=None, description="What kind of model, such as `embedding model`.")
    architecture: Statement | None = Field(default=None, description="How it is built, and how large.")
    developers: Names = Field(default=(), description="The people or teams that made it.")
    release_date: Day | None = Field(default=None, description="The day it was or will be released.")
    license: Name | None = Field(default=None, description="Its licence, an SPDX identifier where there is one.")
    contact: Name | None = Field(default=None, description="Where to ask and complain.")

    primary_intended_uses: Statements = Field(default=(), description="What it is made for.")
    primary_intended_users: Statements = Field(default=(), description="Whom it is made for.")
    out_of_scope_uses: Statements = Field(default=(), description="What it must not be used for.")

    training_data_description: Statement | None = Field(default=None, description="What it learned from.")
    training_data_sources: Statements = Field(default=(), description="Where that came from.")
    training_data_size: Name | None = Field(default=None, description="How much it was, with the unit, such as `1.2T tokens`.")
    training_data_preprocessing: Statement | None = Field(default=None, description="What was done to it before training.")
    training_date_range: Name | None = Field(default=None, description="Which period the data are from.")

    evaluation_datasets: Names = Field(default=(), description="What it was evaluated on.")
    evaluation_methodology: Statement | None = Field(default=None, description="How it was evaluated.")
    metrics: Annotated[tuple[Metric, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_metric_once)] = Field(
        default=(), description="What came out; each name, dataset and conditions once."
    )

    ethical_considerations: Statements = Field(default=(), description="What its makers thought about right and wrong.")
    known_limitations: Statements = Field(default=(), description="Where it fails or does poorly.")
    risks: Annotated[tuple[CardRisk, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="What harm it may do, and what is done against that."
    )
    recommendations: Statements = Field(default=(), description="What to heed when using it.")
    additional_info: FreeJson = Field(default={}, description="Whatever else there is to say.")

    @computed_field(description="The sections that are not filled; each section says what fills it.")  # type: ignore[prop-decorator]
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

    @computed_field(description="The share of the eight sections that are filled.")  # type: ignore[prop-decorator]
    @property
    def completeness(self) -> float:
        return 1 - len(self.empty_sections) / len(CardSection)

    @property
    def names_intended_uses(self) -> bool:
        return bool(self.primary_intended_uses)

    @property
    def documents_training_data(self) -> bool:
        return bool(self.training_data_description and self.training_data_sources)

    @property
    def reports_metrics(self) -> bool:
        return any(each.dataset for each in self.metrics)

    @property
    def has_disaggregated_metric(self) -> bool:
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
    """A model card: what people say of one model version, and which version that is."""

    model_id: Key = Field(description="The model it is about.")
    model_name: Name = Field(description="What people call that model.")
    version: Name = Field(description="The version it is about.")
