"""Loads which of the models and versions that a file names are registered, and the reports of earlier imports."""

from collections.abc import Sequence

from documents.contents import Content
from documents.imports.readers import Named
from documents.imports.report import ImportReport, ModelsReport
from documents.store.fields import fields_at
from documents.versions.model import Model
from documents.versions.version import ModelVersion


async def registered(found: Sequence[Named]) -> tuple[dict[str, Model], dict[tuple[str, str | None], str]]:
    """The registered models by id, and the registered versions, each with the words that refuse it."""
    of_models = {"model_id": {"$in": [*{each.model_id for each in found}]}}
    of_versions = of_models | {"version": {"$in": [*{each.version for each in found if each.version}]}}
    models = await Model.every(of_models)
    versions = await ModelVersion.read(of_versions, fields=fields_at("model_id", "version"))
    return {each.model_id: each for each in models}, {(each.model_id, each.version): "registered already" for each in versions}


async def report_of(digest: str) -> ImportReport:
    """The stored report of an import into a card or a datasheet. Raises NotFound for an unknown digest."""
    return ImportReport.model_validate_json((await Content.require(digest)).canonical)


async def models_report_of(digest: str) -> ModelsReport:
    """The stored report of an import of models. Raises NotFound for an unknown digest."""
    return ModelsReport.model_validate_json((await Content.require(digest)).canonical)
