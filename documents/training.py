"""What a training run tells of the model that it made, and what of a model card that fills. Pure.

A run says what it knows and nothing else: no licence, contact, developer or date that nobody said.
"""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field

from documents.cards import CardContent, GroupValue, Metric, each_group_once
from documents.errors import InvalidInput, LimitExceeded
from documents.values import LIST_LENGTH, Day, FreeJson, Name, Names, Number, Statement, Statements, Value, each_once

T = TypeVar("T")


class TrainingConfig(Value):
    """How a training run was set up."""

    architecture: Statement | None = Field(default=None, description="How the model is built, and how large.")
    data_description: Statement | None = Field(default=None, description="What it learned from.")
    data_sources: Statements = Field(default=(), description="Where that came from.")
    data_size: Name | None = Field(default=None, description="How much it was, with the unit, such as `1.2T tokens`.")
    data_date_range: Name | None = Field(default=None, description="Which period the data are from.")
    preprocessing: Statement | None = Field(default=None, description="What was done to the data before training.")


class RunMetric(Value):
    """One figure that a run measured."""

    metric_name: Name = Field(description="What was measured, such as `accuracy`.")
    value: Number = Field(description="The figure over the whole dataset, in the metric's own unit.")
    disaggregated: Annotated[tuple[GroupValue, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_group_once)] = Field(
        default=(), description="The same figure group by group, each group once."
    )


class EvaluationResult(Value):
    """What a run measured on one dataset under the same conditions."""

    dataset: Name = Field(description="What it was measured on.")
    date_measured: Day | None = Field(default=None, description="The day of the measurement; null if nobody said.")
    conditions: Statement | None = Field(default=None, description="Under what conditions, such as `zero-shot`; null for none.")
    metrics: Annotated[tuple[RunMetric, ...], Field(max_length=LIST_LENGTH)] = Field(default=(), description="What came out.")

    @property
    def figures(self) -> tuple[Metric, ...]:
        """The metrics as a card has them."""
        shared = {"dataset": self.dataset, "date_measured": self.date_measured, "conditions": self.conditions}
        return tuple(Metric.model_validate(each.model_dump() | shared) for each in self.metrics)


def each_figure_once(results: tuple[EvaluationResult, ...]) -> tuple[EvaluationResult, ...]:
    each_once((one.metric_name, each.dataset, each.conditions) for each in results for one in each.metrics)
    return results


class RunMetadata(Value):
    """What is known of the model beside how it was trained."""

    model_type: Name | None = Field(default=None, description="What kind of model, such as `embedding model`.")
    developers: Names = Field(default=(), description="The people or teams that made it.")
    release_date: Day | None = Field(default=None, description="The day it was or will be released.")
    license: Name | None = Field(default=None, description="Its licence, an SPDX identifier where there is one.")
    contact: Name | None = Field(default=None, description="Where to ask and complain.")
    intended_uses: Statements = Field(default=(), description="What it is made for.")
    intended_users: Statements = Field(default=(), description="Whom it is made for.")
    out_of_scope: Statements = Field(default=(), description="What it must not be used for.")


class TrainingRun(Value):
    """What a training run tells of the model that it made."""

    training_config: TrainingConfig = Field(description="How it was set up.")
    evaluation_results: Annotated[
        tuple[EvaluationResult, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_figure_once)
    ] = Field(description="What it measured; each metric, dataset and conditions once.")
    metadata: RunMetadata = Field(description="What is known beside that.")
    additional_info: FreeJson = Field(description="What else there is, such as the run's id and its hyperparameters.")

    def fills(self, card: CardContent) -> dict[str, Any]:
        """The fields of a card that the run says something of, as they then are.

        What was measured again takes the place of the figure before, and other figures, datasets and additional information stay.
        Raises InvalidInput if the run says nothing, LimitExceeded if the card cannot hold it.
        """
        config, metadata = self.training_config, self.metadata
        said = {
            "model_type": metadata.model_type,
            "architecture": config.architecture,
            "developers": metadata.developers,
            "release_date": metadata.release_date,
            "license": metadata.license,
            "contact": metadata.contact,
            "primary_intended_uses": metadata.intended_uses,
            "primary_intended_users": metadata.intended_users,
            "out_of_scope_uses": metadata.out_of_scope,
            "training_data_description": config.data_description,
            "training_data_sources": config.data_sources,
            "training_data_size": config.data_size,
            "training_data_preprocessing": config.preprocessing,
            "training_date_range": config.data_date_range,
            "evaluation_datasets": _joined(card.evaluation_datasets, [each.dataset for each in self.evaluation_results]),
            "metrics": _measured(card.metrics, [one for each in self.evaluation_results for one in each.figures]),
            "additional_info": {**card.additional_info, **self.additional_info},
        }
        if not any([*dict(config).values(), *dict(metadata).values(), self.evaluation_results, self.additional_info]):
            raise InvalidInput("", "must say something of the run")
        return {name: value for name, value in said.items() if value}


def _joined(before: Sequence[str], datasets: Sequence[str]) -> tuple[str, ...]:
    return _bounded("the evaluation datasets of a model card", dict.fromkeys([*before, *datasets]))


def _measured(before: Sequence[Metric], figures: Sequence[Metric]) -> tuple[Metric, ...]:
    """Each figure once, the later one where an earlier one stood."""
    return _bounded("the metrics of a model card", {each.identity: each for each in (*before, *figures)}.values())


def _bounded(what: str, entries: Collection[T]) -> tuple[T, ...]:
    if len(entries) > LIST_LENGTH:
        raise LimitExceeded(what, len(entries), LIST_LENGTH)
    return tuple(entries)
