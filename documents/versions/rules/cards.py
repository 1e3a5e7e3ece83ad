"""Cards: the revisions of a version's model card."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from documents.access import Actor, Permission
from documents.canonical import canonical
from documents.cards import CardContent, ModelCard
from documents.contents import ContentKind, revised
from documents.training import TrainingRun
from documents.versions.version import ModelVersion


async def save(
    version: ModelVersion, said: Mapping[str, Any], model_name: str, by: Actor, at: datetime,
    permission: Permission = Permission.SAVE_MODEL_CARD,
) -> None:  # fmt: skip
    """Makes the next revision of the card: the latest, with the fields in `said` replaced."""
    version.permits(by, permission)
    await revise(version, said, model_name, by, at)


async def generate(version: ModelVersion, run: TrainingRun, model_name: str, by: Actor, at: datetime) -> tuple[str, ...]:
    """Makes the next revision of the card from a training run, and answers with the names of the fields that differ."""
    version.permits(by, Permission.GENERATE_MODEL_CARD)
    before = version.card or CardContent()
    said = run.fills(before)
    await revise(version, said, model_name, by, at)
    return tuple(name for name, value in said.items() if canonical(value) != canonical(getattr(before, name)))


async def revise(version: ModelVersion, said: Mapping[str, Any], model_name: str, by: Actor, at: datetime) -> None:
    """Makes the next revision of the card for whoever was permitted before, such as by the registration of the version."""
    about = {"model_id": version.model_id, "model_name": model_name, "version": version.version}
    version.card = ModelCard(**(dict(version.card or {}) | dict(said) | about))
    version.card_revisions = await revised(version.card_revisions, ContentKind.MODEL_CARD, version.card, by.id, at)
