"""Models that are registered from files: a bill of materials, or model cards of the Hugging Face Hub."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from documents.access import Actor, Permission
from documents.errors import InvalidInput, LimitExceeded
from documents.formats.cyclonedx.bill import read_models
from documents.formats.cyclonedx.modelcard import read_component
from documents.formats.exchange import Omission, Omissions, Reading, as_key
from documents.formats.huggingface.modelcard import read_model
from documents.imports.filled import brought
from documents.imports.report import ImportedModel, ModelsReport, digest_of, facts, kept
from documents.store.fields import fields_at
from documents.values import Digest, camel
from documents.versions.model import Model
from documents.versions.rules import cards, registration
from documents.versions.version import ModelVersion

MODELS = 50
SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Named:
    """A version that a file names: where it stands there, and what is said of it."""

    path: str
    sha256: Digest
    model_id: str
    name: str | None
    version: str | None
    purpose: str | None
    card: Reading


def named_in_bill(text: str) -> Iterator[Named]:
    """The models of a CycloneDX bill of materials; InvalidInput for a text that is none."""
    sha256 = digest_of(text)
    for each in read_models(text):
        card = read_component(each)
        purpose = each.text("description") or _first_use(card)
        yield Named(each.path, sha256, each.model_id, each.text("name"), each.text("version"), purpose, card)


def named_in_card(
    path: str, text: str, model_id: str | None, name: str | None, version: str | None, purpose: str | None
) -> Named | Omission:
    """The model of a card of the Hub; what is given goes before what the card says. An omission for a text that is none."""
    try:
        found = read_model(text)
    except InvalidInput as error:
        return Omission(path=path, reason=error.problem)
    name = name or found.name
    model_id = model_id or as_key(name or "")
    return Named(path, digest_of(text), model_id, name, version or found.version, purpose or _first_use(found.card), found.card)


def _first_use(card: Reading) -> str | None:
    return next(iter(card.fields.get("primary_intended_uses", ())), None)


async def import_models(
    found: Sequence[Named | Omission], owner_id: str, steward_id: str, by: Actor, at: datetime
) -> tuple[list[ModelVersion], str]:
    """Registers versions with their cards, and their models where those are new; answers with them and the report's digest.

    What is registered already, and what lacks something, is left out; InvalidInput where that is all. The versions are still to
    be stored.
    """
    names, taken = await _registered([each for each in found if isinstance(each, Named)])
    versions, models, left_out = list[ModelVersion](), list[ImportedModel](), Omissions()
    for each in found:
        try:
            if isinstance(each, Omission):
                raise InvalidInput(each.path, each.reason)
            if where := taken.get((each.model_id, each.version)):
                raise InvalidInput(each.path, f"{each.model_id} {each.version} is {where}")
            if len(versions) == MODELS:
                raise InvalidInput(each.path, f"is beyond the {MODELS} that an import takes")
            version, model = await _register(each, names, owner_id, steward_id, by, at)
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
    for version, model in zip(versions, models, strict=True):
        version.tells_of(facts(model.sha256, digest), partly=bool(left_out.left_out or model.left_out))
    return versions, digest


async def _registered(found: Sequence[Named]) -> tuple[dict[str, str], dict[tuple[str, str | None], str]]:
    """What those of the models are called that are registered, and which of the versions are."""
    of_models = {"model_id": {"$in": [*{each.model_id for each in found}]}}
    of_versions = of_models | {"version": {"$in": [*{each.version for each in found if each.version}]}}
    models = await Model.read(of_models, fields=fields_at("model_id", "name"))
    versions = await ModelVersion.read(of_versions, fields=fields_at("model_id", "version"))
    names = {each.model_id: each.name for each in models}
    return names, {(each.model_id, each.version): "registered already" for each in versions}


async def _register(
    found: Named, names: dict[str, str], owner_id: str, steward_id: str, by: Actor, at: datetime
) -> tuple[ModelVersion, ImportedModel]:
    """The version as registered, still to be stored; `names` are those of the models that there are. InvalidInput otherwise."""
    name, card = names.get(found.model_id) or found.name, found.card.again()
    uses = card.fields.get("primary_intended_uses", ())
    if not (name and found.version and found.purpose):
        needed = {"a name": name, "a version": found.version, "a purpose (a description or an intended use)": found.purpose}
        raise InvalidInput(found.path, f"lacks {' and '.join(each for each, said in needed.items() if not said)}")
    try:
        model = Model.register(found.model_id, name, "", (), owner_id, by=by, at=at)
        version = registration.register(
            model.model_id, found.version, found.purpose, uses, (), None, None, owner_id, steward_id, (), (), by=by, at=at
        )
        if said := brought(card, None, overwrite=False):
            await cards.save(version, said, name, by, at, Permission.IMPORT_MODELS)
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
