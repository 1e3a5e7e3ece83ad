"""Imports in the graph: cards, datasheets and models from the files of other tools."""

from functools import cached_property
from typing import Annotated

import strawberry
from pydantic import BaseModel, Field
from strawberry import Parent

from documents.access import GovernanceRole, Permission
from documents.audit.event import AuditEventType
from documents.datasheets import Datasheet
from documents.eligibility.answer import Finding
from documents.errors import InvalidInput
from documents.formats.exchange import Export, Omission, Reading
from documents.formats.huggingface.datasetcard import read_dataset_card
from documents.imports import commands
from documents.imports.commands import MODELS, SOURCE
from documents.imports.loading import models_report_of, report_of
from documents.imports.readers import CARD_READERS, Named, named_in_bill, named_in_card
from documents.imports.report import CardSource, ImportedModel, ImportReport
from documents.people import holder_of
from documents.values import File, Key, Name, Statement
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.edges import one
from resolvers.graph.inputs import FileInput, OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, field, shape
from resolvers.versioned.filled import MISSING, FilledCard, missing

OVERWRITES = "Another `revision` is CONFLICT; without one nothing that is there is overwritten."


@graph_input("A card is to be imported.")
class ImportModelCardInput(OfVersion, FileInput):
    expected_revision: int | None = Field(default=None, description=OVERWRITES)
    format: CardSource = Field(description="The kind of file that it is.")
    text: File = Field(description="The text that the file has, 262,144 characters at most.")

    @cached_property
    def reading(self) -> Reading:
        return CARD_READERS[self.format](self.text)


@strawberry.type
class Imported(Payload):
    """The fields that payloads of imports have in common."""

    digest: strawberry.Private[str]
    """The digest of the report, which is kept as a content."""

    @field("The things that were not taken, and why, 200 at most.")
    async def left_out(self) -> list[Omission]:
        return [*(await report_of(self.digest)).left_out]


@strawberry.type(description="The card is imported.")
class ImportModelCardPayload(FilledCard, Imported): ...


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.IMPORT_MODEL_CARD, resource=ModelVersion)
async def import_model_card(info: Info, input: ImportModelCardInput) -> ImportModelCardPayload:
    """Fills a version's card from a file: its fields are saved as by `saveModelCard`, metrics one by one."""
    version = await input.load()
    model = await Model.require(input.model_id)
    overwrite, by, at = input.expected_revision is not None, info.context.actor, info.context.now
    changed, digest = await commands.import_card(
        version, model.name, input.format, input.text, input.reading, overwrite, by=by, at=at
    )
    return ImportModelCardPayload(digest=digest, fields=" ".join(changed), model_version=version)


@graph_input("A datasheet is to be imported.")
class ImportDatasheetInput(FileInput):
    dataset_id: Key = Field(description="The id of the dataset that it is about.")
    expected_revision: int | None = Field(default=None, description=OVERWRITES)
    text: File = Field(description="The text that the dataset card has, 262,144 characters at most.")

    @cached_property
    def reading(self) -> Reading:
        return read_dataset_card(self.text)


@strawberry.type(description="The datasheet is imported.")
class ImportDatasheetPayload(Imported):
    datasheet: Datasheet = strawberry.field(description="The datasheet that was filled.")

    @field("The fields of the datasheet that have changed.")
    async def filled(self) -> list[str]:
        return [*(await report_of(self.digest)).filled]


@mutation(event=AuditEventType.DATASHEET_SAVED, permit=Permission.IMPORT_DATASHEET, resource=Datasheet)
async def import_datasheet(info: Info, input: ImportDatasheetInput) -> ImportDatasheetPayload:
    """Fills a datasheet from a dataset card: its fields are saved as by `saveDatasheet`."""
    by, at = info.context.actor, info.context.now
    sheet, digest = await commands.import_datasheet(
        input.dataset_id, input.text, input.reading, input.expected_revision, by=by, at=at
    )
    return ImportDatasheetPayload(digest=digest, datasheet=sheet)


@graph_input("A Hugging Face model card is given; the other fields prevail over it.")
class HuggingFaceModelInput(BaseModel):
    text: File = Field(description="The text that the card has, 262,144 characters at most.")
    model_id: Key | None = Field(default=None, description="The id that the model has; default is made of its name.")
    name: Name | None = Field(default=None, description="The name that a new model gets; default is the card's.")
    version: Key | None = Field(default=None, description="The version that it is; default is the front matter's.")
    purpose: Statement | None = Field(default=None, description="The text says what it is for; default is the card's.")


@graph_input("The source is where models come from.", one_of=True)
class ModelSourceInput(BaseModel):
    cyclone_dx: File | None = Field(default=None, description="The CycloneDX 1.5 to 1.7 bill is JSON, up to 262,144 characters.")
    hugging_face: Annotated[tuple[HuggingFaceModelInput, ...], Field(min_length=1, max_length=MODELS)] | None = Field(
        default=None, description="The Hugging Face model cards, which are 50 at most."
    )


@graph_input("Models are to be imported.")
class ImportModelsInput(FileInput):
    source: ModelSourceInput = Field(description="The source that they come from.")
    owner_id: Key = Field(description="The user id of an active model owner, who answers for all.")
    data_steward_id: Key = Field(description="The user id of an active data steward, who answers for all.")

    @cached_property
    def reading(self) -> list[Named | Omission]:
        if self.source.cyclone_dx is None:
            cards = enumerate(self.source.hugging_face or ())
            return [named_in_card(f"huggingFace.{index}", **dict(each)) for index, each in cards]
        try:
            return [*named_in_bill(self.source.cyclone_dx)]
        except InvalidInput as error:
            raise InvalidInput(f"{SOURCE}.cyclone_dx", error.problem) from error


@shape(ImportedModel, hidden=["model_id", "version"])
class ImportedModelShape:
    model_version = one(ModelVersion, "The version that was registered as a draft.", model_id="model_id", version="version")

    @field(MISSING, loads=[ModelVersion])
    @staticmethod
    async def missing(imported: Parent[ImportedModel], info: Info) -> list[Finding]:
        return await missing(await info.context.one(ModelVersion).load((imported.model_id, imported.version)), info)


@strawberry.type(description="The models are imported.")
class ImportModelsPayload(Payload):
    digest: strawberry.Private[str]
    """The digest of the report, which is kept as a content."""

    @field("The models that were registered, in the order sent.")
    async def models(self) -> list[ImportedModel]:
        return [*(await models_report_of(self.digest)).models]

    @field("The things that were not registered, and why, 200 at most.")
    async def left_out(self) -> list[Omission]:
        return [*(await models_report_of(self.digest)).left_out]


@mutation(event=AuditEventType.MODEL_REGISTERED, permit=Permission.IMPORT_MODELS, resource=ModelVersion)
async def import_models(info: Info, input: ImportModelsInput) -> ImportModelsPayload:
    """Registers up to 50 versions from files, each as a draft with its card; a registered model gets another version.

    A version that is registered already, or has no name or purpose, is left out. Further versions of a registered model are for
    its owner, an administrator, and a service whose token lists this mutation.
    """
    by, at = info.context.actor, info.context.now
    await holder_of(input.owner_id, GovernanceRole.MODEL_OWNER, "owner_id")
    await holder_of(input.data_steward_id, GovernanceRole.DATA_STEWARD, "data_steward_id")
    digest = await commands.import_models(input.reading, input.owner_id, input.data_steward_id, by=by, at=at)
    return ImportModelsPayload(digest=digest)


PART = Part(types=[Export, ImportReport, ImportedModelShape], mutations=[import_models, import_model_card, import_datasheet])
