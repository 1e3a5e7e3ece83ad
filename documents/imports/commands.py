"""The commands of imports: they fill a card or a datasheet from a file, and register models from files."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from documents.access import Actor, Permission
from documents.datasheets import Datasheet
from documents.errors import InvalidInput, LimitExceeded
from documents.formats.exchange import INPUT, Omission, Omissions, Reading
from documents.imports.judgement import brought
from documents.imports.loading import registered
from documents.imports.readers import Named
from documents.imports.report import CardSource, ImportedModel, ImportReport, ModelsReport, digest_of, facts, kept
from documents.store.record import Record
from documents.values import camel
from documents.versions.model import Model
from documents.versions.rules import cards, registration
from documents.versions.version import ModelVersion

MODELS = 50  # versions that one import registers
SOURCE = "source"  # the input field that a refusal names


async def import_card(
    version: ModelVersion, model_name: str, source: CardSource, text: str, read: Reading, overwrite: bool, by: Actor, at: datetime
) -> tuple[tuple[str, ...], str]:
    """Stores the next revision of a version's card; returns the names of the changed fields, and the digest of the report.

    A field that has a value keeps it unless `overwrite` is set. Raises InvalidInput for a file that changes no field.
    """
    version.permits(by, Permission.IMPORT_MODEL_CARD)
    reading = read.again()  # the file is parsed once, outside the transaction, which can be retried
    said = brought(reading, version.card, overwrite)
    _refuse_nothing(said, reading)
    await cards.save(version, said, model_name, by, at, Permission.IMPORT_MODEL_CARD)
    digest = await _reported(version, source, text, said, reading)
    await version.store()
    return tuple(said), digest


async def import_datasheet(
    dataset_id: str, text: str, read: Reading, expected_revision: int | None, by: Actor, at: datetime
) -> tuple[Datasheet, str]:
    """Stores the next revision of a datasheet; returns the datasheet, and the digest of the report.

    Without `expected_revision` a field that has a value keeps it. Raises InvalidInput for a file that changes no field.
    """
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
    digest = await _reported(sheet, CardSource.HUGGING_FACE, text, said, reading)
    await sheet.store()
    return sheet, digest


async def _reported(record: Record, source: CardSource, text: str, said: Mapping[str, Any], reading: Reading) -> str:
    """Stores the report of an import into `record`, and cites it in the record's audit event; returns the report's digest."""
    read = digest_of(text)
    digest = await kept(ImportReport(source=source, sha256=read, filled=tuple(map(camel, said)), left_out=reading.left_out))
    record.adds_facts(facts(read, digest), partly=bool(reading.left_out))
    return digest


def _refuse_nothing(said: Mapping[str, Any], reading: Reading) -> None:
    if not said:
        why = "; ".join(f"{each.path}: {each.reason}" for each in reading.left_out[:3])
        raise InvalidInput(INPUT, f"changes no field{f' ({why})' if why else ''}")


async def import_models(found: Sequence[Named | Omission], owner_id: str, steward_id: str, by: Actor, at: datetime) -> str:
    """Registers versions with their cards, and their models if those are new; returns the digest of the report.

    A version that is registered already or lacks something is left out, and the report says why. Raises InvalidInput if no
    version is left to register, and Forbidden for a further version of a model that is not the caller's.
    """
    known, taken = await registered([each for each in found if isinstance(each, Named)])
    names = {each.model_id: each.name for each in known.values()}
    versions, models, left_out = list[ModelVersion](), list[ImportedModel](), Omissions()
    for each in found:
        try:
            if isinstance(each, Omission):
                raise InvalidInput(each.path, each.reason)
            if where := taken.get((each.model_id, each.version)):
                raise InvalidInput(each.path, f"{each.model_id} {each.version} is {where}")
            if len(versions) == MODELS:
                raise InvalidInput(each.path, f"is beyond the {MODELS} that an import takes")
            version, model = await _register(each, known, names, owner_id, steward_id, by, at)
        except InvalidInput as error:
            left_out.leave(error.path, error.problem)
        else:
            taken[each.model_id, each.version] = f"registered already, as {each.path}"
            versions.append(version)
            models.append(model)
    if not versions:
        why = "; ".join(f"{each.path}: {each.reason}" for each in left_out.left_out[:3]) or "it names none"
        raise InvalidInput(SOURCE, f"brings no model to register ({why})")
    digest = await kept(ModelsReport(models=tuple(models), left_out=left_out.left_out))
    for version, model in zip(versions, models, strict=True):  # after the report, whose digest every event cites
        version.adds_facts(facts(model.sha256, digest), partly=bool(left_out.left_out or model.left_out))
        await version.store()
    return digest


async def _register(
    found: Named, known: Mapping[str, Model], names: dict[str, str], owner_id: str, steward_id: str, by: Actor, at: datetime
) -> tuple[ModelVersion, ImportedModel]:
    """Makes one version, which is not stored yet, and stores its model if that is new.

    `known` has the models that were registered before, and `names` the names of models by id; it gets the new model's. Raises
    InvalidInput if the name, the version or the purpose is missing, or a value is out of bounds, and Forbidden unless the caller
    may register versions of a model that was there before.
    """
    name, card = names.get(found.model_id) or found.name, found.card.again()
    uses = card.fields.get("primary_intended_uses", ())
    if not (name and found.version and found.purpose):
        needed = {"a name": name, "a version": found.version, "a purpose (a description or an intended use)": found.purpose}
        raise InvalidInput(found.path, f"lacks {' and '.join(each for each, said in needed.items() if not said)}")
    if before := known.get(found.model_id):
        before.permits(by, Permission.IMPORT_MODELS)
    try:
        model = Model.register(found.model_id, name, "", (), owner_id, by=by, at=at)
        version = registration.register(
            model.model_id, found.version, found.purpose, uses, (), None, None, owner_id, steward_id, (), (), by=by, at=at
        )
        if said := brought(card, None, overwrite=False):
            await cards.revise(version, said, name, by, at)
    except ValidationError as error:
        problem = f"its {camel(str(error.errors()[0]['loc'][0]))} is not as it must be here"
        raise InvalidInput(found.path, problem) from error
    except LimitExceeded as error:
        raise InvalidInput(found.path, str(error)) from error
    if found.model_id not in names:
        names[found.model_id] = name
        await model.store()
    imported = ImportedModel(
        path=found.path, sha256=found.sha256, model_id=model.model_id, version=version.version,
        filled=tuple(map(camel, said)), left_out=card.left_out,
    )  # fmt: skip
    return version, imported
