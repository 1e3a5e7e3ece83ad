"""Model cards in the graph."""

from typing import Annotated

import strawberry
from pydantic import AfterValidator, Field
from strawberry import Parent

from documents.access import Permission
from documents.audit.canonical import canonical
from documents.audit.event import AuditEventType
from documents.cards import CardContent, CardRisk, GroupValue, Metric, ModelCard, each_group_once, each_metric_once
from documents.eligibility.load import keep_standing
from documents.records import whole
from documents.reports.documentation import card_page
from documents.values import LIST_LENGTH
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.inputs import OfVersion, graph_input, said
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, field, shape


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
    await version.save_card(said(input.card), model.name, by=info.context.actor, at=info.context.now)
    await keep_standing(version, info.context.now)
    return SaveModelCardPayload(model_version=version)


PART = Part(mutations=[save_model_card])
