"""The report of an import. It is stored as a content, which is never deleted, and the import's audit events cite its digest."""

from hashlib import sha256

from pydantic import Field

from documents.contents import ContentKind, keep
from documents.formats.exchange import Omission
from documents.store.record import RECORD_BYTES
from documents.store.units import Raw
from documents.values import Choice, Digest, Key, Value


class CardSource(Choice):
    """An imported file is of one of these kinds."""

    HUGGING_FACE = "hugging_face", "The file is a Hugging Face Hub card."
    CYCLONE_DX = "cyclone_dx", "The file is a CycloneDX 1.5 to 1.7 bill of materials, in JSON, of one model."
    HUGGING_FACE_RESULTS = (
        "hugging_face_results",
        "The file is one of the Hub's `.eval_results/`, in YAML.",
    )


class ImportReport(Value):
    """A report says what an import into a card or a datasheet did."""

    source: CardSource = Field(description="The kind of file that was read.")
    sha256: Digest = Field(description="The SHA-256 that its text has, as UTF-8.")
    filled: tuple[str, ...] = Field(description="The names of the fields that it filled or changed.")
    left_out: tuple[Omission, ...] = Field(description="The things that were not taken, and why, 200 at most.")


class ImportedModel(Value):
    """An imported model is a version that was registered."""

    path: str = Field(description="The place where it was, such as `components.0`.")
    sha256: Digest = Field(description="The SHA-256 that its file's text has, as UTF-8.")
    model_id: Key = Field(description="The id that the model has.")
    version: Key = Field(description="The name that the version has.")
    filled: tuple[str, ...] = Field(description="The fields of its card that were filled.")
    left_out: tuple[Omission, ...] = Field(description="The things that were not taken, and why, 200 at most.")


class ModelsReport(Value):
    """A models report says what an import of models did."""

    models: tuple[ImportedModel, ...] = Field(description="The models that were registered.")
    left_out: tuple[Omission, ...] = Field(description="The models that were not registered, and why, 200 at most.")


async def kept(report: ImportReport | ModelsReport) -> str:
    """Stores a report as a content, and returns its digest."""
    return await keep(ContentKind.IMPORT_REPORT, report, RECORD_BYTES)


def facts(file: str, report: str) -> Raw:
    """The facts of an import's audit event: the SHA-256 of the file, and a citation of the report by its digest."""
    return {"sha256": file, "report": {"content": report}}


def digest_of(text: str) -> Digest:
    """The SHA-256 of a text as UTF-8, in hexadecimal."""
    return sha256(text.encode()).hexdigest()
