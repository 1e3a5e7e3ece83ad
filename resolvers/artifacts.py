"""Artefacts in the graph: a digest leads to the versions that hold the file, and to whether they may be deployed."""

from typing import Annotated

import strawberry

from documents.changes.plan import PRODUCTION
from documents.eligibility.answer import Eligibility
from documents.eligibility.asking import artifact_asked
from documents.eligibility.verdicts import Reason
from documents.environments import declared
from documents.store.fields import NOTHING
from documents.values import Digest, Hash, Key
from documents.versions.version import ModelVersion
from resolvers.graph.connections import subset
from resolvers.graph.context import Info
from resolvers.graph.mutation import query
from resolvers.graph.types import Part

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
    reasons: list[Reason] = strawberry.field(description="Each thing that stands in its way there, with its remedy.")


@strawberry.type(description="An eligibility says whether the artefact may be deployed.")
class ArtifactEligibility:
    sha256: Hash = strawberry.field(description="The SHA-256 that its bytes have.")
    known: bool = strawberry.field(description="Whether any version holds it; if not, it may be deployed nowhere.")
    eligible: bool = strawberry.field(
        description="Whether a holder may be deployed there now, and none is held, rejected or under an open critical incident."
    )
    reasons: list[Reason] = strawberry.field(
        description="Each thing that stands in its way there, with its remedy; for one that is not known, what registers it."
    )
    model_version: ModelVersion | None = strawberry.field(
        description="The holder that may be deployed there, the oldest of several; null while the artefact may not."
    )
    holders: list[HolderEligibility] = strawberry.field(
        description="The versions that hold it, oldest first: those in use, and retired ones with an open critical incident."
    )


@query()
async def artifact(sha256: Sha256) -> ArtifactHolders | None:
    """The artefact that has the digest; null where no version holds it."""
    known = await ModelVersion.seek({"artifacts.sha256": sha256}, NOTHING)
    return ArtifactHolders(sha256=sha256) if known else None


@query()
async def eligibility(info: Info, sha256: Sha256, environment: Environment = PRODUCTION) -> ArtifactEligibility | None:
    """Whether the artefact may be deployed there now. It is never null: an artefact that no version holds is not `known`."""
    verdict, judged = await artifact_asked(sha256, await declared(environment), info.context.now)
    holders = [
        HolderEligibility(
            model_version=each.version, eligibility=each.eligibility, obstacle=each.obstacle,
            reasons=list(each.verdict.reasons),
        )
        for each in judged
    ]  # fmt: skip
    may = next((each.version for each in judged if each.verdict is verdict.holder), None)
    return ArtifactEligibility(
        sha256=sha256, known=verdict.known, eligible=verdict.eligible, reasons=list(verdict.reasons), model_version=may,
        holders=holders,
    )  # fmt: skip


PART = Part(types=[Reason], queries=[artifact, eligibility])
