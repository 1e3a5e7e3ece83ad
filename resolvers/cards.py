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
    @field("The whole of it to read, as Markdown: CommonMark with the tables of GitHub Flavored Markdown; every value is text.")
    @staticmethod
    def markdown(card: Parent[ModelCard]) -> str:
        return card_page(whole(card))

    @field("The whole of it as canonical JSON (RFC 8785): the text of its revision, whose SHA-256 approvals bind to.")
    @staticmethod
    def json(card: Parent[ModelCard]) -> str:
        return canonical(whole(card)).decode()

    @field("The card as a model card of the Hugging Face Hub: front matter with its `model-index`, and prose.")
    @staticmethod
    def hugging_face(card: Parent[ModelCard]) -> Export:
        return write_model_card(whole(card))

    @field("The card in a CycloneDX 1.7 bill of materials, as JSON: one component, the model, with its `modelCard`.")
    @staticmethod
    def cyclone_dx(card: Parent[ModelCard]) -> Export:
        return cyclonedx.write_model_card(whole(card))


@graph_input("A metric as measured on one group alone.")
class GroupValueInput(GroupValue): ...


@graph_input("One figure of an evaluation.")
class MetricInput(Metric):
    disaggregated: Annotated[tuple[GroupValueInput, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_group_once)] = Field(
        default=(), description="The same figure group by group, each group once."
    )


@graph_input("A way in which the model may do harm.")
class CardRiskInput(CardRisk): ...


@graph_input("What people say of a model version; what is unknown stays empty.")
class ModelCardInput(CardContent):
    metrics: Annotated[tuple[MetricInput, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_metric_once)] = Field(
        default=(), description="What came out; each name, dataset and conditions once."
    )
    risks: Annotated[tuple[CardRiskInput, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="What harm it may do, and what is done against that."
    )


@graph_input("A model card to write.")
class SaveModelCardInput(OfVersion):
    card: ModelCardInput = Field(description="What it says; what is left out stays, null or an empty list empties it.")


@strawberry.type(description="The version with its card as saved.")
class SaveModelCardPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.SAVE_MODEL_CARD, resource=ModelVersion)
async def save_model_card(info: Info, input: SaveModelCardInput) -> SaveModelCardPayload:
    """Writes the first or next revision of a version's card; approvals given on another card go stale."""
    version = await input.load()
    model = await Model.require(input.model_id)
    await cards.save(version, said(input.card), model.name, by=info.context.actor, at=info.context.now)
    await version.store()
    return SaveModelCardPayload(model_version=version)


@graph_input("How a training run was set up.")
class TrainingConfigInput(TrainingConfig): ...


@graph_input("One figure that a run measured.")
class RunMetricInput(RunMetric):
    disaggregated: Annotated[tuple[GroupValueInput, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_group_once)] = Field(
        default=(), description="The same figure group by group, each group once."
    )


@graph_input("What a run measured on one dataset under the same conditions.")
class EvaluationResultInput(EvaluationResult):
    metrics: Annotated[tuple[RunMetricInput, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="What came out."
    )


@graph_input("What is known of the model beside how it was trained.")
class RunMetadataInput(RunMetadata): ...


@graph_input("A training run to write a model card from; what it leaves out, and what is null or empty, stays as it is.")
class GenerateModelCardInput(OfVersion):
    training_config: TrainingConfigInput | None = Field(default=None, description="How it was set up.")
    evaluation_results: Annotated[
        tuple[EvaluationResultInput, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_figure_once)
    ] = Field(
        default=(),
        description="What it measured, each metric, dataset and conditions once; figures of the card that it measured again go.",
    )
    metadata: RunMetadataInput | None = Field(default=None, description="What is known beside that.")
    additional_info: FreeJson = Field(
        default={},
        description="What else there is, such as the run's id and its hyperparameters; joins the card's, name by name.",
    )

    @property
    def run(self) -> TrainingRun:
        return TrainingRun(
            training_config=self.training_config or TrainingConfig(),
            evaluation_results=self.evaluation_results,
            metadata=self.metadata or RunMetadata(),
            additional_info=self.additional_info,
        )


@strawberry.type(description="The version with the next revision of its card.")
class GenerateModelCardPayload(FilledCard): ...


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.GENERATE_MODEL_CARD, resource=ModelVersion)
async def generate_model_card(info: Info, input: GenerateModelCardInput) -> GenerateModelCardPayload:
    """Writes the next revision of a version's card from what a training run tells of it, and nothing else; approvals go stale."""
    version = await input.load()
    model = await Model.require(input.model_id)
    filled = await cards.generate(version, input.run, model.name, by=info.context.actor, at=info.context.now)
    await version.store()
    return GenerateModelCardPayload(model_version=version, fields=" ".join(filled))


PART = Part(types=[ModelCardShape], mutations=[save_model_card, generate_model_card])
