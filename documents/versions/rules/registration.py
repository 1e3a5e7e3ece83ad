"""Registration: how a version comes into being."""

from datetime import datetime

from documents.access import LIGHTENING, Actor, GovernanceRole
from documents.classification import classify
from documents.errors import InvalidInput
from documents.numbers import version_key
from documents.risk.scales import RiskTier
from documents.versions.accountability import assigned
from documents.versions.dependencies import Dependency, refuse_doubled
from documents.versions.parts import Artifact
from documents.versions.version import ModelVersion


def register(
    model_id: str, version: str, purpose: str, use_cases: tuple[str, ...], restrictions: tuple[str, ...],
    tier: RiskTier | None, tier_rationale: str | None, owner_id: str, data_steward_id: str, artifacts: tuple[Artifact, ...],
    depends_on: tuple[Dependency, ...], by: Actor, at: datetime,
) -> ModelVersion:  # fmt: skip
    """A new version, in the tier that its words suggest or a more critical one; a lighter one needs a risk manager."""
    suggested = classify(purpose, use_cases)
    answering = assigned((), GovernanceRole.MODEL_OWNER, owner_id, by, at)
    answering = assigned(answering, GovernanceRole.DATA_STEWARD, data_steward_id, by, at)
    if tier is not None and tier.is_lighter_than(suggested.tier):
        name = suggested.tier.name
        by.must_hold(LIGHTENING, f"its words put the version into {name}, and only a risk manager may say less")
        if tier_rationale is None:
            raise InvalidInput("tier_rationale", f"must say why the version is in a lighter tier than {name}")
    refuse_doubled(depends_on)
    return ModelVersion(
        model_id=model_id, version=version, version_key=version_key(version), purpose=purpose, use_cases=use_cases,
        restrictions=restrictions, tier=tier or suggested.tier, tier_rationale=tier_rationale, classification=suggested,
        owner_id=owner_id, data_steward_id=data_steward_id, accountability=answering, artifacts=artifacts,
        depends_on=depends_on, registered_by=by.id, registered_at=at,
    )  # fmt: skip
