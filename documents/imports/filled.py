"""What a file brings into a card or a datasheet. What is said there already stays unless asked."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from documents.access import Actor, Permission
from documents.cards import Metric
from documents.datasheets import Datasheet
from documents.errors import InvalidInput
from documents.formats.cyclonedx.modelcard import read_model_card as read_bill
from documents.formats.exchange import INPUT, Reading
from documents.formats.huggingface.modelcard import read_model_card
from documents.formats.huggingface.results import read_results
from documents.imports.report import CardSource, ImportReport, digest_of, facts, kept
from documents.store.record import Record
from documents.values import camel
from documents.versions.rules import cards
from documents.versions.version import ModelVersion

TAKEN = "something else is said there: send `expectedRevision` to overwrite it"
CARD_READERS: Mapping[CardSource, Callable[[str], Reading]] = {
    CardSource.HUGGING_FACE: read_model_card,
    CardSource.CYCLONE_DX: read_bill,
    CardSource.HUGGING_FACE_RESULTS: read_results,
}


async def import_card(
    version: ModelVersion, model_name: str, source: CardSource, text: str, read: Reading, overwrite: bool, by: Actor, at: datetime
) -> tuple[tuple[str, ...], str]:
    """Makes the next revision of a version's card; answers with the fields that differ and the digest of the report.

    InvalidInput for a file that brings nothing.
    """
    version.permits(by, Permission.IMPORT_MODEL_CARD)
    reading = read.again()
    said = brought(reading, version.card, overwrite)
    _refuse_nothing(said, reading)
    await cards.save(version, said, model_name, by, at, Permission.IMPORT_MODEL_CARD)
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
    _refuse_nothing(said, reading)
    sheet = await Datasheet.saved(dataset_id, said, by, at)
    return sheet, await _reported(sheet, CardSource.HUGGING_FACE, text, said, reading)


async def _reported(record: Record, source: CardSource, text: str, said: Mapping[str, Any], reading: Reading) -> str:
    """The digest of the report."""
    read = digest_of(text)
    digest = await kept(ImportReport(source=source, sha256=read, filled=tuple(map(camel, said)), left_out=reading.left_out))
    record.tells_of(facts(read, digest), partly=bool(reading.left_out))
    return digest


def _refuse_nothing(said: Mapping[str, Any], reading: Reading) -> None:
    if not said:
        why = "; ".join(f"{each.path}: {each.reason}" for each in reading.left_out[:3])
        raise InvalidInput(INPUT, f"brings nothing that is not there already{f' ({why})' if why else ''}")


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
