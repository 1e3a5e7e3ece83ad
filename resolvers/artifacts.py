"""Artefacts in the graph: a digest leads to the versions that hold the file, and to whether they may be deployed."""

from typing import Annotated, Any

import strawberry

from documents.changes.judgement import eligibility_at, obstacle
from documents.changes.plan import PRODUCTION
from documents.eligibility.answer import Eligibility
from documents.eligibility.loading import case_files
from documents.environments import declared
from documents.errors import LimitExceeded
from documents.store.fields import NOTHING
from documents.store.pauses import pausing
from documents.store.standins import whole
from documents.values import Digest, Hash, Key
from documents.versions.lifecycle import VersionStatus
from documents.versions.version import ModelVersion
from resolvers.graph.connections import subset
from resolvers.graph.context import Info
from resolvers.graph.mutation import query
from resolvers.graph.types import Part

HOLDERS = 100
Environment = Annotated[
    Key, strawberry.argument(description="The declared environment where it is to run; its stage says which policies bind.")
]
Sha256 = Annotated[Digest, strawberry.argument(description="The SHA-256 that the artefact's bytes have.")]


@strawberry.type(description="The holders are the versions that hold an artefact.")
class ArtifactHolders:
    sha256: Hash = strawberry.field(description="The SHA-256 that its bytes have.")
    versions = subset(
        ModelVersion,
        "The versions that hold it, oldest first.",
        ("registered_at", 1),
        own=lambda artifact: {"artifacts.sha256": artifact.sha256},
    )


@strawberry.type(description="A holder is a version with the artefact.")
class HolderEligibility:
    model_version: ModelVersion = strawberry.field(description="The version that holds it.")
    eligibility: Eligibility = strawberry.field(description="The eligibility that it has there now.")
    obstacle: str | None = strawberry.field(description="The reason why it may not be deployed there, if so.")


@strawberry.type(description="An eligibility says whether the artefact may be deployed.")
class ArtifactEligibility:
    sha256: Hash = strawberry.field(description="The SHA-256 that its bytes have.")
    eligible: bool = strawberry.field(description="Whether a holder may be deployed there now, and no holder has a hold.")
    holders: list[HolderEligibility] = strawberry.field(description="The versions in use that hold it, oldest first.")


@query()
async def artifact(sha256: Sha256) -> ArtifactHolders | None:
    """The artefact that has the digest; null where no version holds it."""
    known = await ModelVersion.seek({"artifacts.sha256": sha256}, NOTHING)
    return ArtifactHolders(sha256=sha256) if known else None


@query()
async def eligibility(info: Info, sha256: Sha256, environment: Environment = PRODUCTION) -> ArtifactEligibility | None:
    """Whether the artefact may be deployed there now; null if no version in use holds it."""
    stage = (await declared(environment)).stage
    in_use: dict[str, Any] = {"artifacts.sha256": sha256, "standing.status": {"$ne": VersionStatus.RETIRED}}
    found = await ModelVersion.read(in_use, (("registered_at", 1), ("_id", 1)), HOLDERS + 1)
    if len(found) > HOLDERS:
        raise LimitExceeded("the number of versions that hold the artifact", len(found), HOLDERS)
    cases = await case_files([whole(each) async for each in pausing(found)], info.context.now)
    judged = [eligibility_at(case, stage) async for case in pausing(cases)]
    holders = [
        HolderEligibility(model_version=version, eligibility=each, obstacle=obstacle(each, stage))
        for version, each in zip(found, judged, strict=True)
    ]
    may = any(each.obstacle is None for each in holders) and not any(each.holds for each in judged)
    return ArtifactEligibility(sha256=sha256, eligible=may, holders=holders) if holders else None


PART = Part(queries=[artifact, eligibility])
