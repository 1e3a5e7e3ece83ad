"""Imports: what a file of somebody else's brings into a card or a datasheet. What is said there already stays unless asked."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from documents.access import Actor, Permission
from documents.cards import CardContent, Metric
from documents.contents import Content, ContentKind, keep
from documents.database import Record
from documents.datasheets import Datasheet
from documents.errors import InvalidInput
from documents.formats.cyclonedx.bill import read_models
from documents.formats.cyclonedx.modelcard import read_component
from documents.formats.cyclonedx.modelcard import read_model_card as read_bill
from documents.formats.exchange import INPUT, Omission, Reading
from documents.formats.huggingface.modelcard import read_model_card
from documents.formats.huggingface.results import read_results
from documents.units import Raw
from documents.values import Choice, Digest, Value, camel
from documents.versions.model import Model
from documents.versions.version import ModelVersion

MODELS = 50
TAKEN = "something else is said there: send `expectedRevision` to overwrite it"


class CardSource(Choice):
    """What a file is that is imported."""

    HUGGING_FACE = "hugging_face", "A card of the Hugging Face Hub: front matter and prose."
    CYCLONE_DX = "cyclone_dx", "A CycloneDX bill of materials of version 1.5 to 1.7, as JSON, that names one model."
    HUGGING_FACE_RESULTS = "hugging_face_results", "A file of the Hub's `.eval_results/`: YAML, a list of evaluation results."


CARD_READERS: Mapping[CardSource, Callable[[str], Reading]] = {
    CardSource.HUGGING_FACE: read_model_card,
    CardSource.CYCLONE_DX: read_bill,
    CardSource.HUGGING_FACE_RESULTS: read_results,
}


class ImportReport(Value):
    """What an import did; kept for ever, and cited by its audit event."""

    source: CardSource = Field(description="What the file was.")
    sha256: Digest = Field(description="The digest of its text, as UTF-8.")
    filled: tuple[str, ...] = Field(description="The fields that it filled or changed, by their names in the graph.")
    left_out: tuple[Omission, ...] = Field(description="What the file says and was not taken, and why; 200 at most.")


async def import_card(
    version: ModelVersion, model_name: str, source: CardSource, text: str, read: Reading, overwrite: bool, by: Actor, at: datetime
) -> tuple[tuple[str, ...], str]:
    """Makes the next revision of a version's card; answers with the fields that differ and the digest of the report.

    InvalidInput for a file that brings nothing.
    """
    version.permits(by, Permission.IMPORT_MODEL_CARD)
    reading = read.again()
    said = brought(reading, version.card, overwrite)
    await version.save_card(said, model_name, by, at, Permission.IMPORT_MODEL_CARD)
    return tuple(said), await _reported(version, source, text, said, reading)


async def import_datasheet(
    dataset_id: str, text: str, read: Reading, expected_revision: int | None, by: Actor, at: datetime
) -> tuple[Datasheet, str]:
    """The datasheet with its next revision, and the digest of the report; refuses as `import_card` does."""
    if expected_revision is None:
        sheet = await Datasheet.wanted(dataset_id)
    else:
        sheet = await Datasheet.require(dataset_id, revision=expected_revision)
    reading = read.again()
    if sheet is None:
        reading.fields.setdefault("dataset_name", dataset_id)
    said = brought(reading, sheet and sheet.content, overwrite=expected_revision is not None)
    sheet = await Datasheet.saved(dataset_id, said, by, at)
    return sheet, await _reported(sheet, CardSource.HUGGING_FACE, text, said, reading)


async def _reported(record: Record, source: CardSource, text: str, said: Mapping[str, Any], reading: Reading) -> str:
    digest, facts = await _kept(source, text, said, reading)
    record.tells_of(facts, partly=bool(reading.left_out))
    return digest


async def _kept(source: CardSource, text: str, said: Iterable[str], reading: Reading) -> tuple[str, Raw]:
    """The digest of the report, and what events tell of it."""
    read = sha256(text.encode()).hexdigest()
    report = ImportReport(source=source, sha256=read, filled=tuple(map(camel, said)), left_out=reading.left_out)
    digest = await keep(ContentKind.IMPORT_REPORT, report)
    return digest, {"sha256": read, "report": {"content": digest}}


async def import_models(text: str, owner_id: str, steward_id: str, by: Actor, at: datetime) -> tuple[list[ModelVersion], str]:
    """The models of a bill of materials, each registered with its first version and its card, and the digest of the report.

    What is registered already, and what names no version or no purpose, is left out. The versions are still to be stored.
    """
    found, made, report = [*read_models(text)], list[ModelVersion](), Reading(CardContent)
    known = {each.model_id for each in await Model.every({"model_id": {"$in": [each.model_id for each in found]}})}
    for each in found:
        name, number, card = each.text("name"), each.text("version"), read_component(each)
        purpose = each.text("description") or next(iter(card.fields.get("primary_intended_uses", ())), None)
        if each.model_id in known:
            report.leave(each.path, f"{each.model_id} is registered already")
        elif len(made) == MODELS:
            report.leave(each.path, f"is beyond the {MODELS} that an import takes")
        elif not (name and number and purpose):
            report.leave(each.path, "needs a name, a version, and a description or use case that says what it is for")
        else:
            try:
                model = Model.register(each.model_id, name, "", (), owner_id, by=by, at=at)
                version = ModelVersion.register(
                    model.model_id, number, purpose, card.fields.get("primary_intended_uses", ()), (), None, None, owner_id,
                    steward_id, (), (), by=by, at=at,
                )  # fmt: skip
            except ValidationError as error:
                report.leave(each.path, f"{error.errors()[0]['loc'][0]} is not as it must be here")
                continue
            await model.store()
            if card.fields:
                await version.save_card(brought(card, None, overwrite=False), name, by, at, Permission.IMPORT_MODELS)
            known.add(model.model_id)
            made.append(version)
            for omission in card.left_out:
                report.leave(f"{each.path}.{omission.path}", omission.reason)
    if not made:
        why = "; ".join(f"{each.path}: {each.reason}" for each in report.left_out[:3]) or "it names none"
        raise InvalidInput(INPUT, f"brings no model to register ({why})")
    digest, facts = await _kept(CardSource.CYCLONE_DX, text, (), report)
    for version in made:
        version.tells_of(facts, partly=bool(report.left_out))
    return made, digest


async def report_of(digest: str) -> ImportReport:
    return ImportReport.model_validate_json((await Content.require(digest)).canonical)


def brought(reading: Reading, before: BaseModel | None, overwrite: bool) -> dict[str, Any]:
    """The fields that differ from `before`, as they are to be; unless it may be overwritten, what is said there stays."""
    content, said = reading.content, dict[str, Any]()
    for name in reading.fields:
        old, new = getattr(before, name, None), getattr(content, name)
        if name == "metrics":
            new = _metrics(old or (), new, reading, overwrite)
        elif name == "additional_info":
            new = _information(old or {}, new, reading, overwrite)
        elif old not in (None, (), new) and not overwrite:
            reading.leave(camel(name), TAKEN)
            continue
        if new != old:
            said[name] = new
    if not said:
        why = "; ".join(f"{each.path}: {each.reason}" for each in reading.left_out[:3])
        raise InvalidInput(INPUT, f"brings nothing that is not there already{f' ({why})' if why else ''}")
    return said


def _metrics(old: tuple[Metric, ...], new: tuple[Metric, ...], reading: Reading, overwrite: bool) -> tuple[Metric, ...]:
    """The metrics that there were, and those that are new; a figure that changed takes the place of the old one if asked."""
    known = {each.identity: each for each in old}
    for each in new:
        if known.setdefault(each.identity, each) == each:
            continue
        if overwrite:
            known[each.identity] = each
        else:
            reading.leave(f"metrics: {each.metric_name}", TAKEN)
    return tuple(known.values())


def _information(old: dict[str, Any], new: dict[str, Any], reading: Reading, overwrite: bool) -> dict[str, Any]:
    """What there was, and key by key what a format has besides, under the format's own name."""
    said = dict(old)
    for name, found in new.items():
        kept = old.get(name, {})
        ours = isinstance(kept, dict)  # or somebody wrote something else under that name
        taken = [key for key in found if not overwrite and not (ours and kept.get(key, found[key]) == found[key])]
        for key in taken:
            reading.leave(f"additionalInfo.{name}.{key}", TAKEN)
        added = {key: each for key, each in found.items() if key not in taken}
        said[name] = {**kept, **added} if ours else added or kept
    return said
