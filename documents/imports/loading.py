"""Which of the models and versions that a file names are registered, and the reports of earlier imports."""

from collections.abc import Sequence

from documents.contents import Content
from documents.imports.readers import Named
from documents.imports.report import ImportReport, ModelsReport
from documents.store.fields import fields_at
from documents.versions.model import Model
from documents.versions.version import ModelVersion


async def registered(found: Sequence[Named]) -> tuple[dict[str, str], dict[tuple[str, str | None], str]]:
    """The names of the models that are registered, by id, and the versions that are, each with words that say so."""
    of_models = {"model_id": {"$in": [*{each.model_id for each in found}]}}
    of_versions = of_models | {"version": {"$in": [*{each.version for each in found if each.version}]}}
    models = await Model.read(of_models, fields=fields_at("model_id", "name"))
    versions = await ModelVersion.read(of_versions, fields=fields_at("model_id", "version"))
    names = {each.model_id: each.name for each in models}
    return names, {(each.model_id, each.version): "registered already" for each in versions}


async def report_of(digest: str) -> ImportReport:
    return ImportReport.model_validate_json((await Content.require(digest)).canonical)


async def models_report_of(digest: str) -> ModelsReport:
    return ModelsReport.model_validate_json((await Content.require(digest)).canonical)
