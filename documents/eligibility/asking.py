"""What every door asks: the verdict on a version or on an artefact, for one environment at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from documents.access import Permission
from documents.eligibility.answer import Eligibility, Remedy
from documents.eligibility.checks import remedy
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.eligibility.running import obstacle
from documents.eligibility.verdicts import ArtifactVerdict, GateVerdict, registering, verdict_on, verdict_on_artifact
from documents.environments import DeploymentEnvironment
from documents.errors import LimitExceeded, NotRegistered
from documents.formats.graph import in_graph_terms
from documents.store.fields import NOTHING
from documents.store.pauses import pausing
from documents.store.standins import whole
from documents.versions.lifecycle import VersionStatus
from documents.versions.model import Model
from documents.versions.version import ModelVersion

HOLDERS = 100
_OLDEST_FIRST = (("registered_at", 1), ("_id", 1))


@dataclass(frozen=True, slots=True)
class Judged:
    """A version with its eligibility for an environment, and the verdict that follows."""

    version: ModelVersion
    eligibility: Eligibility
    obstacle: str | None
    verdict: GateVerdict


async def judged(versions: Sequence[ModelVersion], environment: DeploymentEnvironment, at: datetime) -> list[Judged]:
    """The versions as they are judged for an environment; the number of commands does not grow with the number of versions."""
    cases = await case_files(versions, at)
    return [_judged(Judgement(each.at_stage(environment.stage)), environment) async for each in pausing(cases)]


def _judged(judgement: Judgement, environment: DeploymentEnvironment) -> Judged:
    eligibility = judgement.eligibility
    problem = obstacle(eligibility, environment.stage)
    verdict = verdict_on(judgement, eligibility, environment.name, environment.stage)
    return Judged(judgement.case.version, eligibility, problem, verdict)


async def version_asked(model_id: str, version: str, environment: DeploymentEnvironment, at: datetime) -> GateVerdict:
    """The verdict on a version; NotRegistered, with what would register it, if there is none of that name."""
    found = await ModelVersion.first({"model_id": model_id, "version": version})
    if found is None:
        known = await Model.first({"model_id": model_id}) is not None
        raise NotRegistered(*_unregistered(model_id, version, known))
    (answer,) = await judged([found], environment, at)
    return answer.verdict


def _unregistered(model_id: str, version: str, known: bool) -> tuple[str, str, dict[str, Any]]:
    mutation = Permission.REGISTER_MODEL_VERSION if known else Permission.REGISTER_MODEL
    fill = (*(() if known else ("name",)), "purpose", "ownerId", "dataStewardId")
    return "ModelVersion", f"{model_id}/{version}", spelled(remedy(mutation, {"modelId": model_id, "version": version}, *fill))


async def artifact_asked(sha256: str, environment: DeploymentEnvironment, at: datetime) -> tuple[ArtifactVerdict, list[Judged]]:
    """The verdict on an artefact, and what it rests on: its holders, oldest first. LimitExceeded for more than 100 of them."""
    holds: dict[str, Any] = {"artifacts.sha256": sha256}
    counts = [{"standing.status": {"$ne": VersionStatus.RETIRED}}, {"standing.critical_incidents": {"$gt": 0}}]
    found = await ModelVersion.read(holds | {"$or": counts}, _OLDEST_FIRST, HOLDERS + 1)
    if len(found) > HOLDERS:
        raise LimitExceeded("the number of versions that hold the artifact", len(found), HOLDERS)
    known = bool(found) or await ModelVersion.seek(holds, NOTHING) is not None
    holders = await judged([whole(each) async for each in pausing(found)], environment, at)
    verdicts = [each.verdict for each in holders]
    return verdict_on_artifact(sha256, environment.name, verdicts, at, known=known), holders


def unknown_artifact(sha256: str) -> NotRegistered:
    return NotRegistered("Artifact", sha256, spelled(registering(sha256)))


def spelled(mends: Remedy) -> dict[str, Any]:
    """A remedy as clients spell it."""
    return dict(in_graph_terms(mends))
