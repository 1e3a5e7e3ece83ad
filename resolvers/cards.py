"""Model cards in the graph."""

from typing import Annotated

import strawberry
from pydantic import AfterValidator, Field
from strawberry import Parent

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.canonical import canonical
from documents.cards import CardContent, CardRisk, GroupValue, Metric, ModelCard, each_group_once, each_metric_once
from documents.formats.cyclonedx import modelcard as cyclonedx
from documents.formats.exchange import Export
from documents.formats.huggingface.modelcard import write_model_card
from documents.reports.documentation import card_page
from documents.store.standins import whole
from documents.training import EvaluationResult, RunMetadata, RunMetric, TrainingConfig, TrainingRun, each_figure_once
from documents.values import LIST_LENGTH, FreeJson
from documents.versions.model import Model
from documents.versions.rules import cards
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.inputs import OfVersion, graph_input, said
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, field, shape
from resolvers.versioned.filled import FilledCard


@shape(ModelCard)
class ModelCardShape:
    @field("The whole card is CommonMark with GitHub's tables.")
    @staticmethod
    def markdown(card: Parent[ModelCard]) -> str:
        return card_page(whole(card))

    @field("The whole card is canonical JSON; approvals bind to its SHA-256.")
    @staticmethod
    def json(card: Parent[ModelCard]) -> str:
        return canonical(whole(card)).decode()

    @field("The card is written as a Hugging Face model card.")
    @staticmethod
    def hugging_face(card: Parent[ModelCard]) -> Export:
        return write_model_card(whole(card))

    @field("The card is written as a CycloneDX 1.7 bill, in JSON.")
    @staticmethod
    def cyclone_dx(card: Parent[ModelCard]) -> Export:
        return cyclonedx.write_model_card(whole(card))


@graph_input("A group value is a metric measured on one group.")
class GroupValueInput(GroupValue): ...


@graph_input("A metric is one figure of an evaluation.")
class MetricInput(Metric):
    disaggregated: Annotated[tuple[GroupValueInput, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_group_once)] = Field(
        default=(), description="The figure is broken down by group."
    )


@graph_input("A card risk is a harm that the model may do.")
class CardRiskInput(CardRisk): ...


@graph_input("A card says what is known of a version.")
class ModelCardInput(CardContent):
    metrics: Annotated[tuple[MetricInput, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_metric_once)] = Field(
        default=(), description="The metrics that were measured; each name, dataset and conditions once."
    )
    risks: Annotated[tuple[CardRiskInput, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The harms that it may do, and what is done against them."
    )


@graph_input("A card is to be saved.")
class SaveModelCardInput(OfVersion):
    card: ModelCardInput = Field(description="The fields that are left out stay; null or an empty list empties one.")


@strawberry.type(description="The card is saved.")
class SaveModelCardPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version that has the card.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.SAVE_MODEL_CARD, resource=ModelVersion)
async def save_model_card(info: Info, input: SaveModelCardInput) -> SaveModelCardPayload:
    """Writes the next revision of a version's card; approvals given on another card go stale."""
    version = await input.load()
    model = await Model.require(input.model_id)
    await cards.save(version, said(input.card), model.name, by=info.context.actor, at=info.context.now)
    await version.store()
    return SaveModelCardPayload(model_version=version)


@graph_input("A training config says how a run was set up.")
class TrainingConfigInput(TrainingConfig): ...


@graph_input("A run metric is one figure that a run measured.")
class RunMetricInput(RunMetric):
    disaggregated: Annotated[tuple[GroupValueInput, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_group_once)] = Field(
        default=(), description="The figure is broken down by group."
    )


@graph_input("A result is what a run measured on one dataset.")
class EvaluationResultInput(EvaluationResult):
    metrics: Annotated[tuple[RunMetricInput, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The metrics that were measured."
    )


@graph_input("Run metadata is what else is known of the model.")
class RunMetadataInput(RunMetadata): ...


@graph_input("A card is to be generated; what the run leaves out or empty stays.")
class GenerateModelCardInput(OfVersion):
    training_config: TrainingConfigInput | None = Field(default=None, description="The config says how it was set up.")
    evaluation_results: Annotated[
        tuple[EvaluationResultInput, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_figure_once)
    ] = Field(
        default=(),
        description="The results that it measured, which replace the card's for the same metrics.",
    )
    metadata: RunMetadataInput | None = Field(default=None, description="The metadata that is known beside that.")
    additional_info: FreeJson = Field(
        default={},
        description="The object that is joined to the card's, by name.",
    )

    @property
    def run(self) -> TrainingRun:
        return TrainingRun(
            training_config=self.training_config or TrainingConfig(),
            evaluation_results=self.evaluation_results,
            metadata=self.metadata or RunMetadata(),
            additional_info=self.additional_info,
        )


@strawberry.type(description="The card is generated.")
class GenerateModelCardPayload(FilledCard): ...


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.GENERATE_MODEL_CARD, resource=ModelVersion)
async def generate_model_card(info: Info, input: GenerateModelCardInput) -> GenerateModelCardPayload:
    """Writes the next revision of a version's card from a training run alone; approvals go stale."""
    version = await input.load()
    model = await Model.require(input.model_id)
    filled = await cards.generate(version, input.run, model.name, by=info.context.actor, at=info.context.now)
    await version.store()
    return GenerateModelCardPayload(model_version=version, fields=" ".join(filled))


PART = Part(types=[ModelCardShape], mutations=[save_model_card, generate_model_card])
