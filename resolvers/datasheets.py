"""Datasheets in the graph, and their links to versions."""

import strawberry
from pydantic import BaseModel, Field
from strawberry import Parent

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.canonical import canonical
from documents.datasheets import DatasetRecord, DatasetVersion, Datasheet, DatasheetContent
from documents.errors import InvalidInput
from documents.formats.exchange import Export
from documents.formats.huggingface.datasetcard import write_dataset_card
from documents.reports.documentation import datasheet_page
from documents.store.standins import whole
from documents.values import Key
from documents.versions.parts import DatasheetLink
from documents.versions.rules import links
from documents.versions.version import ModelVersion
from resolvers.graph.aggregates import aggregates
from resolvers.graph.connections import connection
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one, pages
from resolvers.graph.filters import filters
from resolvers.graph.inputs import OfVersion, graph_input, said
from resolvers.graph.mutation import Payload, mutation, query
from resolvers.graph.types import Node, Part, field, node, shape


@shape(DatasetRecord)
class DatasetRecordShape:
    @field("The whole datasheet is CommonMark with GitHub's tables.")
    @staticmethod
    def markdown(sheet: Parent[DatasetRecord]) -> str:
        return datasheet_page(whole(sheet))

    @field("The whole datasheet is canonical JSON; a link pins its SHA-256.")
    @staticmethod
    def json(sheet: Parent[DatasetRecord]) -> str:
        return canonical(whole(sheet)).decode()

    @field("The datasheet is written as a Hugging Face dataset card.")
    @staticmethod
    def hugging_face(sheet: Parent[DatasetRecord]) -> Export:
        return write_dataset_card(whole(sheet))


@node(Datasheet)
class DatasheetNode(Node):
    model_versions = pages(
        ModelVersion,
        "The versions that rest on any revision of it, oldest first.",
        ("registered_at", 1),
        own={"datasheets.dataset_id": "dataset_id"},
    )


@shape(DatasheetLink)
class DatasheetLinkShape:
    datasheet = one(Datasheet, "The datasheet as its newest revision reads.", dataset_id="dataset_id")


DatasheetFilter = filters(Datasheet, "dataset_id", "content")


@query()
async def datasheet(info: Info, dataset_id: Key) -> Datasheet | None:
    """The datasheet that the dataset has; null if none."""
    return await Datasheet.seek({"dataset_id": dataset_id}, asked_of(info, Datasheet))


datasheets = connection(Datasheet, "datasheets", "The datasheets are listed by the id of their dataset.", ("dataset_id", 1))


datasheet_aggregates = aggregates(
    Datasheet, "datasheet_aggregates", "Groups datasheets, counts each group and computes its figures."
)


@graph_input("A dataset version is an entry in a dataset's history.")
class DatasetVersionInput(DatasetVersion): ...


@graph_input("A datasheet says what is known of a dataset.")
class DatasheetInput(DatasheetContent):
    version_history: tuple[DatasetVersionInput, ...] = Field(
        default=(), max_length=200, description="The versions that the dataset had, oldest first."
    )


@graph_input("A datasheet is to be saved.")
class SaveDatasheetInput(BaseModel):
    dataset_id: Key = Field(description="The id of the dataset that it is about.")
    datasheet: DatasheetInput = Field(description="The fields that are left out stay; null or an empty list empties one.")


@strawberry.type(description="The datasheet is saved.")
class SaveDatasheetPayload(Payload):
    datasheet: Datasheet = strawberry.field(description="The datasheet that was saved.")


@mutation(event=AuditEventType.DATASHEET_SAVED, permit=Permission.SAVE_DATASHEET, resource=Datasheet)
async def save_datasheet(info: Info, input: SaveDatasheetInput) -> SaveDatasheetPayload:
    """Writes the next revision of a datasheet; versions keep the revision that they link."""
    sheet = await Datasheet.saved(input.dataset_id, said(input.datasheet), by=info.context.actor, at=info.context.now)
    await sheet.store()
    return SaveDatasheetPayload(datasheet=sheet)


@graph_input("A datasheet is to be linked.")
class LinkDatasheetInput(OfVersion):
    dataset_id: Key = Field(description="The id of the dataset that it rests on.")
    revision: int | None = Field(default=None, description="The revision that is pinned; default is the newest.")


@strawberry.type(description="The datasheet is linked.")
class LinkDatasheetPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version that has the link.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.LINK_DATASHEET, resource=ModelVersion)
async def link_datasheet(info: Info, input: LinkDatasheetInput) -> LinkDatasheetPayload:
    """Pins the revision of a datasheet that a version rests on; linking again pins another."""
    version = await input.load()
    sheet = await Datasheet.require(input.dataset_id)
    number = len(sheet.revisions) if input.revision is None else input.revision
    if not 1 <= number <= len(sheet.revisions):
        raise InvalidInput("revision", f"must be from 1 to {len(sheet.revisions)}")
    links.link(version, sheet.dataset_id, sheet.revisions[number - 1], by=info.context.actor, at=info.context.now)
    await version.store()
    return LinkDatasheetPayload(model_version=version)


@graph_input("A link is to be removed.")
class UnlinkDatasheetInput(OfVersion):
    dataset_id: Key = Field(description="The id of the dataset that it does not rest on.")


@strawberry.type(description="The link is removed.")
class UnlinkDatasheetPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version that had the link.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.UNLINK_DATASHEET, resource=ModelVersion)
async def unlink_datasheet(info: Info, input: UnlinkDatasheetInput) -> UnlinkDatasheetPayload:
    """Removes the link that a version has to a datasheet."""
    version = await input.load()
    links.unlink(version, input.dataset_id, by=info.context.actor)
    await version.store()
    return UnlinkDatasheetPayload(model_version=version)


PART = Part(
    types=[DatasheetNode, DatasetRecordShape, DatasheetLinkShape, DatasheetFilter],
    queries=[datasheet, datasheets, datasheet_aggregates],
    mutations=[save_datasheet, link_datasheet, unlink_datasheet],
)
