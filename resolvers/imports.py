"""Cards and datasheets from the files in which they live elsewhere, and back."""

import strawberry
from pydantic import BaseModel, Field

from documents import imports
from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.datasheets import Datasheet
from documents.eligibility.load import keep_standing
from documents.formats.exchange import Export, Omission
from documents.imports import CardSource, ImportReport
from documents.values import File, Key
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.filled import FilledCard
from resolvers.graph.inputs import OfVersion, graph_input
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
class ImportModelCardInput(OfVersion):
    expected_revision: int | None = Field(default=None, description=f"The version's `revision` {OVERWRITES}")
    format: CardSource = Field(description="What the file is.")
    text: File = Field(description="What stands in it, 262,144 characters at most.")


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
    filled, digest = await imports.import_card(version, model.name, input.format, input.text, overwrite, by=by, at=at)
    await keep_standing(version, at)
    return ImportModelCardPayload(digest=digest, fields=" ".join(filled), model_version=version)


@graph_input("A file to fill a datasheet from.")
class ImportDatasheetInput(BaseModel):
    dataset_id: Key = Field(description="The dataset that it is about.")
    expected_revision: int | None = Field(default=None, description=f"The datasheet's `revision` {OVERWRITES}")
    text: File = Field(description="A dataset card of the Hugging Face Hub, front matter and prose, 262,144 characters at most.")


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
    sheet, digest = await imports.import_datasheet(input.dataset_id, input.text, input.expected_revision, by=by, at=at)
    await sheet.store()
    return ImportDatasheetPayload(digest=digest, datasheet=sheet)


PART = Part(mutations=[import_model_card, import_datasheet])
