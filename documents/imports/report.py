"""What an import did, as it is kept for ever and cited by its audit events."""

from hashlib import sha256

from pydantic import Field

from documents.contents import Content, ContentKind, keep
from documents.formats.exchange import Omission
from documents.store.record import RECORD_BYTES
from documents.store.units import Raw
from documents.values import Choice, Digest, Key, Value


class CardSource(Choice):
    """What a file is that is imported."""

    HUGGING_FACE = "hugging_face", "A card of the Hugging Face Hub: front matter and prose."
    CYCLONE_DX = "cyclone_dx", "A CycloneDX bill of materials of version 1.5 to 1.7, as JSON, that names one model."
    HUGGING_FACE_RESULTS = "hugging_face_results", "A file of the Hub's `.eval_results/`: YAML, a list of evaluation results."


class ImportReport(Value):
    """What an import into a card or a datasheet did."""

    source: CardSource = Field(description="What the file was.")
    sha256: Digest = Field(description="The digest of its text, as UTF-8.")
    filled: tuple[str, ...] = Field(description="The fields that it filled or changed, by their names in the graph.")
    left_out: tuple[Omission, ...] = Field(description="What the file says and was not taken, and why; 200 at most.")


class ImportedModel(Value):
    """A version that an import registered, and what became of its card."""

    path: str = Field(description="Where the model stands in what was sent, such as `components.0` or `huggingFace.2`.")
    sha256: Digest = Field(description="The digest of the text of its file, as UTF-8.")
    model_id: Key = Field(description="The model.")
    version: Key = Field(description="The version.")
    filled: tuple[str, ...] = Field(description="The fields of its card that were filled.")
    left_out: tuple[Omission, ...] = Field(description="What is said of it and was not taken, and why; 200 at most.")


class ModelsReport(Value):
    """What an import of models did."""

    models: tuple[ImportedModel, ...] = Field(description="What was registered.")
    left_out: tuple[Omission, ...] = Field(description="What was not registered, and why; 200 at most.")


async def kept(report: ImportReport | ModelsReport) -> str:
    """Keeps a report, and answers with its digest."""
    return await keep(ContentKind.IMPORT_REPORT, report, RECORD_BYTES)


def facts(file: str, report: str) -> Raw:
    """What the audit event of an import tells: the digest of the file, and the report that is kept under that digest."""
    return {"sha256": file, "report": {"content": report}}


async def report_of(digest: str) -> ImportReport:
    return ImportReport.model_validate_json((await Content.require(digest)).canonical)


async def models_report_of(digest: str) -> ModelsReport:
    return ModelsReport.model_validate_json((await Content.require(digest)).canonical)


def digest_of(text: str) -> Digest:
    return sha256(text.encode()).hexdigest()
