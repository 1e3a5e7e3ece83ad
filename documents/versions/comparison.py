"""The comparison of two versions, part by part of the dossier. Pure."""

from typing import Any

from pydantic import BaseModel, Field

from documents.canonical import plain
from documents.cards import CardContent
from documents.details import differences
from documents.formats.graph import in_graph_terms
from documents.risk.factors import RiskFactor
from documents.values import Digest, Value, camel
from documents.versions.dossier import DossierPart
from documents.versions.version import ModelVersion

_RATED = [name for name in RiskFactor.model_fields if name != "identified_date"]  # the day differs in any two assessments


class PartChange(Value):
    """A part change is a part of the dossier that differs between two versions."""

    part: DossierPart = Field(description="The part that differs.")
    before: Digest | None = Field(description="The digest that it had; null if none.")
    after: Digest | None = Field(description="The digest that it has now; null if none.")
    paths: tuple[str, ...] = Field(
        description="The paths that differ, such as `card.metrics.0.value`. Names, assessors and times are left out: they differ "
        "between any two versions."
    )


def compared(before: ModelVersion, after: ModelVersion) -> tuple[PartChange, ...]:
    """The parts of the dossier in which `after` differs from `before`."""
    was, now = _parts(before), _parts(after)
    old, new = before.dossier.digests(), after.dossier.digests()
    paths = {part: tuple(each.path for each in differences(was[part], now[part], part.value)) for part in was}
    return tuple(
        PartChange(part=part, before=old.get(part), after=new.get(part), paths=differing)
        for part, differing in paths.items()
        if differing
    )


def _parts(version: ModelVersion) -> dict[DossierPart, Any]:
    """What a version says in each part of the dossier, under the names of the graph."""
    card, assessed = version.card, version.latest_assessment
    said: dict[DossierPart, Any] = {
        DossierPart.SCOPE: _said(version, "purpose", "use_cases", "restrictions"),
        DossierPart.TIER: in_graph_terms(version.tier),
        DossierPart.ARTIFACTS: in_graph_terms(version.artifacts),
        DossierPart.DEPENDENCIES: in_graph_terms(version.depends_on),
        DossierPart.CARD: _said(card, *CardContent.model_fields) if card else None,
        DossierPart.ASSESSMENT: {
            "tier": in_graph_terms(assessed.tier),
            "factors": {each.risk_id: _said(each, *_RATED) for each in assessed.factors},
        } if assessed else None,
        DossierPart.DATASHEETS: {each.dataset_id: _said(each, "revision", "digest") for each in version.datasheets},
    }  # fmt: skip
    return {part: plain(each) for part, each in said.items()}


def _said(value: BaseModel, *names: str) -> dict[str, Any]:
    return {camel(name): in_graph_terms(getattr(value, name)) for name in names}
