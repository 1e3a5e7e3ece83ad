"""Cards and datasheets from the files in which they live elsewhere, and back."""

from functools import cached_property

import strawberry
from pydantic import BaseModel, Field

from documents import imports
from documents.access import GovernanceRole, Permission
from documents.audit.event import AuditEventType
from documents.datasheets import Datasheet
from documents.eligibility.load import keep_standing, keep_standings
from documents.formats.exchange import Export, Omission, Reading
from documents.formats.huggingface.datasetcard import read_dataset_card
from documents.imports import CARD_READERS, CardSource, ImportReport
from documents.people import holder_of
from documents.values import File, Key
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.filled import FilledCard
from resolvers.graph.inputs import FileInput, OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, field, shape

OVERWRITES = (
    "as the client read it; CONFLICT if somebody has stored it since. Without it nothing is overwritten that is said there."
)


@shape(Export)
class ExportShape: ...


@shape(ImportReport)
class ImportReportShape: ...


@graph_input("A file to fill a version's card from.")
class ImportModelCardInput(OfVersion, FileInput):
    expected_revision: int | None = Field(default=None, description=f"The version's `revision` {OVERWRITES}")
    format: CardSource = Field(description="What the file is.")
    text: File = Field(description="What stands in it, 262,144 characters at most.")

    @cached_property
    def reading(self) -> Reading:
        return CARD_READERS[self.format](self.text)


@strawberry.type
class Imported(Payload):
    """What the payloads of imports have in common."""

    digest: strawberry.Private[str]
    """Of the report."""

    @field("What the file says and was not taken, and why; 200 things at most.")
    async def left_out(self) -> list[Omission]:
        return [*(await imports.report_of(self.digest)).left_out]


@strawberry.type(description="The version with its card as imported.")
class ImportModelCardPayload(FilledCard, Imported): ...


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.IMPORT_MODEL_CARD, resource=ModelVersion)
async def import_model_card(info: Info, input: ImportModelCardInput) -> ImportModelCardPayload:
    """Fills a version's card from a file: the fields that it says are saved as by `saveModelCard`, metrics one by one."""
    version = await input.load()
    model = await Model.require(input.model_id)
    overwrite, by, at = input.expected_revision is not None, info.context.actor, info.context.now
    filled, digest = await imports.import_card(
        version, model.name, input.format, input.text, input.reading, overwrite, by=by, at=at
    )
    await keep_standing(version, at)
    return ImportModelCardPayload(digest=digest, fields=" ".join(filled), model_version=version)


@graph_input("A file to fill a datasheet from.")
class ImportDatasheetInput(FileInput):
    dataset_id: Key = Field(description="The dataset that it is about.")
    expected_revision: int | None = Field(default=None, description=f"The datasheet's `revision` {OVERWRITES}")
    text: File = Field(description="A dataset card of the Hugging Face Hub, front matter and prose, 262,144 characters at most.")

    @cached_property
    def reading(self) -> Reading:
        return read_dataset_card(self.text)


@strawberry.type(description="The datasheet as imported.")
class ImportDatasheetPayload(Imported):
    datasheet: Datasheet = strawberry.field(description="The datasheet.")

    @field("The fields of the datasheet that say something else than before.")
    async def filled(self) -> list[str]:
        return [*(await imports.report_of(self.digest)).filled]


@mutation(event=AuditEventType.DATASHEET_SAVED, permit=Permission.IMPORT_DATASHEET, resource=Datasheet)
async def import_datasheet(info: Info, input: ImportDatasheetInput) -> ImportDatasheetPayload:
    """Fills a datasheet from a dataset card: the fields that it says are saved as by `saveDatasheet`."""
    by, at = info.context.actor, info.context.now
    sheet, digest = await imports.import_datasheet(
        input.dataset_id, input.text, input.reading, input.expected_revision, by=by, at=at
    )
    await sheet.store()
    return ImportDatasheetPayload(digest=digest, datasheet=sheet)


@graph_input("A bill of materials whose models are to be registered.")
class ImportModelsInput(BaseModel):
    text: File = Field(description="A CycloneDX bill of materials of version 1.5 to 1.7, as JSON, 262,144 characters at most.")
    owner_id: Key = Field(description="The accountable model owner of them all: an active holder of that role.")
    data_steward_id: Key = Field(description="The accountable data steward of them all: an active holder of that role.")


@strawberry.type(description="What was registered.")
class ImportModelsPayload(Imported):
    keys: strawberry.Private[str]

    @field("The first version of each model that was registered, a draft with its card.")
    async def model_versions(self, info: Info) -> list[ModelVersion]:
        keys = [tuple(each.split("/")) for each in self.keys.split()]
        return [each for each in await info.context.one(ModelVersion).load_many(keys) if each]


@mutation(event=AuditEventType.MODEL_REGISTERED, permit=Permission.IMPORT_MODELS, resource=ModelVersion)
async def import_models(info: Info, input: ImportModelsInput) -> ImportModelsPayload:
    """Registers the models of a bill of materials, 50 at most, each as a draft with its first version and its card.

    What is registered already stays as it is, and is left out like what names no version or purpose.
    """
    by, at = info.context.actor, info.context.now
    await holder_of(input.owner_id, GovernanceRole.MODEL_OWNER, "input.ownerId")
    await holder_of(input.data_steward_id, GovernanceRole.DATA_STEWARD, "input.dataStewardId")
    versions, digest = await imports.import_models(input.text, input.owner_id, input.data_steward_id, by=by, at=at)
    await keep_standings(versions, at)
    return ImportModelsPayload(digest=digest, keys=" ".join(each.key for each in versions))


PART = Part(mutations=[import_models, import_model_card, import_datasheet])
