"""Training runs: what a run states of its model, and the fields of a model card that it fills. Pure.

A run fills only what it states. No licence, contact, developer or date is derived or made up.
"""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field

from documents.cards import CardContent, GroupValue, Metric, each_group_once
from documents.errors import InvalidInput, LimitExceeded
from documents.values import LIST_LENGTH, Day, FreeJson, Name, Names, Number, Statement, Statements, Value, each_once

T = TypeVar("T")


class TrainingConfig(Value):
    """A training config says how a training run was set up."""

    architecture: Statement | None = Field(default=None, description="The text says how the model is built and how large.")
    data_description: Statement | None = Field(default=None, description="The text says what the model learned from.")
    data_sources: Statements = Field(default=(), description="The sources that the data came from.")
    data_size: Name | None = Field(default=None, description="The amount of data has its unit, such as `1.2T tokens`.")
    data_date_range: Name | None = Field(default=None, description="The period that the data are from.")
    preprocessing: Statement | None = Field(default=None, description="The text says how the data were prepared.")


class RunMetric(Value):
    """A run metric is one figure that a run measured."""

    metric_name: Name = Field(description="The metric says what was measured, such as `accuracy`.")
    value: Number = Field(description="The figure is in the metric's own unit.")
    disaggregated: Annotated[tuple[GroupValue, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_group_once)] = Field(
        default=(), description="The figure is broken down by group."
    )


class EvaluationResult(Value):
    """A result is what a run measured on one dataset."""

    dataset: Name = Field(description="The dataset that was measured on.")
    date_measured: Day | None = Field(default=None, description="The day it was measured.")
    conditions: Statement | None = Field(default=None, description="The conditions that it had, such as `zero-shot`.")
    metrics: Annotated[tuple[RunMetric, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The metrics that were measured."
    )

    @property
    def figures(self) -> tuple[Metric, ...]:
        """The metrics in the form of a model card."""
        shared = {"dataset": self.dataset, "date_measured": self.date_measured, "conditions": self.conditions}
        return tuple(Metric.model_validate(each.model_dump() | shared) for each in self.metrics)


def each_figure_once(results: tuple[EvaluationResult, ...]) -> tuple[EvaluationResult, ...]:
    """Raises ValueError if a metric occurs twice for the same dataset and conditions."""
    each_once((one.metric_name, each.dataset, each.conditions) for each in results for one in each.metrics)
    return results


class RunMetadata(Value):
    """Run metadata is what else is known of the model."""

    model_type: Name | None = Field(default=None, description="The kind of model that it is, such as `embedding model`.")
    developers: Names = Field(default=(), description="The people or teams that made the model.")
    release_date: Day | None = Field(default=None, description="The day the model was or will be released.")
    license: Name | None = Field(default=None, description="The licence, which is an SPDX id if possible.")
    contact: Name | None = Field(default=None, description="The place where one can ask and complain.")
    intended_uses: Statements = Field(default=(), description="The uses that the model is made for.")
    intended_users: Statements = Field(default=(), description="The users that the model is made for.")
    out_of_scope: Statements = Field(default=(), description="The uses that the model must not be put to.")


class TrainingRun(Value):
    """A training run tells of the model that it made."""

    training_config: TrainingConfig = Field(description="The config says how it was set up.")
    evaluation_results: Annotated[
        tuple[EvaluationResult, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_figure_once)
    ] = Field(description="The results that it measured.")
    metadata: RunMetadata = Field(description="The metadata that is known beside that.")
    additional_info: FreeJson = Field(description="The object holds what else is known, such as hyperparameters.")

    def fills(self, card: CardContent) -> dict[str, Any]:
        """The fields of `card` that the run fills, with their new values.

        A figure that was measured again replaces the former one; other figures, datasets and additional information stay. Raises
        InvalidInput if the run states nothing, and LimitExceeded if the card cannot hold all figures or datasets.
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
            raise InvalidInput("", "must state at least one fact about the run")
        return {name: value for name, value in said.items() if value}


def _joined(before: Sequence[str], datasets: Sequence[str]) -> tuple[str, ...]:
    return _bounded("the number of evaluation datasets in a model card", dict.fromkeys([*before, *datasets]))


def _measured(before: Sequence[Metric], figures: Sequence[Metric]) -> tuple[Metric, ...]:
    """The figures of both, each once: a later figure takes the place of the earlier one with the same identity."""
    return _bounded("the number of metrics in a model card", {each.identity: each for each in (*before, *figures)}.values())


def _bounded(what: str, entries: Collection[T]) -> tuple[T, ...]:
    if len(entries) > LIST_LENGTH:
        raise LimitExceeded(what, len(entries), LIST_LENGTH)
    return tuple(entries)
