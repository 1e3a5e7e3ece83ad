"""Artefacts in the graph: a digest leads to the versions that hold the file, and to whether they may be deployed."""

from typing import Annotated, Any

import strawberry

from documents.changes.judgement import obstacle
from documents.changes.plan import PRODUCTION
from documents.eligibility.answer import Eligibility
from documents.errors import LimitExceeded
from documents.store.fields import NOTHING
from documents.values import Digest, Hash, Key
from documents.versions.lifecycle import VersionStatus
from documents.versions.version import ModelVersion
from resolvers.graph.connections import subset
from resolvers.graph.context import Info
from resolvers.graph.mutation import query
from resolvers.graph.types import Part
from resolvers.versioned.judged import judgements

HOLDERS = 100
Environment = Annotated[Key, strawberry.argument(description="Where: an experiment never goes to `production`.")]
Sha256 = Annotated[Digest, strawberry.argument(description="SHA-256 of its bytes, 64 lower-case hexadecimal digits.")]


@strawberry.type(description="An artefact, by its digest.")
class ArtifactHolders:
    sha256: Hash = strawberry.field(description="SHA-256 of its bytes.")
    versions = subset(
        ModelVersion,
        "The versions that hold it, in the order in which they were registered.",
        ("registered_at", 1),
        own=lambda artifact: {"artifacts.sha256": artifact.sha256},
    )


@strawberry.type(description="A version that holds an artefact, and whether it may be deployed.")
class HolderEligibility:
    model_version: ModelVersion = strawberry.field(description="The version.")
    eligibility: Eligibility = strawberry.field(description="Whether it may be deployed now, and if not, why.")
    obstacle: str | None = strawberry.field(description="Why it may not be deployed there, in a line; nothing where it may.")


@strawberry.type(description="Whether an artefact may be deployed somewhere.")
class ArtifactEligibility:
    sha256: Hash = strawberry.field(description="SHA-256 of its bytes.")
    eligible: bool = strawberry.field(
        description="Whether a version that holds it may be deployed there now, and no hold stands on any that does."
    )
    holders: list[HolderEligibility] = strawberry.field(description="Every version in use that holds it, oldest first.")


@query()
async def artifact(sha256: Sha256) -> ArtifactHolders | None:
    """The artefact of that digest; nothing where no version holds it."""
    known = await ModelVersion.seek({"artifacts.sha256": sha256}, NOTHING)
    return ArtifactHolders(sha256=sha256) if known else None


@query()
async def eligibility(info: Info, sha256: Sha256, environment: Environment = PRODUCTION) -> ArtifactEligibility | None:
    """Whether the artefact of that digest may be deployed there now; nothing where no version in use holds it."""
    in_use: dict[str, Any] = {"artifacts.sha256": sha256, "standing.status": {"$ne": VersionStatus.RETIRED}}
    found = await ModelVersion.read(in_use, (("registered_at", 1), ("_id", 1)), HOLDERS + 1)
    if len(found) > HOLDERS:
        raise LimitExceeded("the number of versions that hold the artifact", len(found), HOLDERS)
    judged: list[Eligibility] = await judgements(info.context).load_many(found)
    holders = [
        HolderEligibility(model_version=version, eligibility=each, obstacle=obstacle(each, environment))
        for version, each in zip(found, judged, strict=True)
    ]
    may = any(each.obstacle is None for each in holders) and not any(each.holds for each in judged)
    return ArtifactEligibility(sha256=sha256, eligible=may, holders=holders) if holders else None


PART = Part(queries=[artifact, eligibility])
