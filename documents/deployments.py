"""Deployments: which version ran in which environment, from when to when."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import ClassVar, Self
from uuid import uuid4

from pydantic import Field

from documents.access import Actor
from documents.audit.event import AuditEventType
from documents.canonical import digest
from documents.numbers import version_key
from documents.store.indexes import index
from documents.store.periods import month_after
from documents.store.record import Record
from documents.store.totals import ALL
from documents.store.units import Counts, Raw
from documents.values import Digest, Environment, Key, Moment
from documents.versions.dependencies import origins
from documents.versions.dossier import Dossier
from documents.versions.version import ModelVersion


class Deployment(Record):
    """A deployment is a version that runs or ran."""

    keys: ClassVar = ("deployment_id",)
    event: ClassVar = AuditEventType.MODEL_DEPLOYED
    ordered: ClassVar = frozenset({
        "deployment_id", "model_id", "version", "environment", "deployed_at", "deployed_by", "change_id",
        "ended_at",
    })  # fmt: skip
    semantic: ClassVar = frozenset({"version"})
    keyed: ClassVar = {"version": "version_key"}
    cites: ClassVar = frozenset(f"dossier.{part}" for part in Dossier.model_fields)
    derived: ClassVar = frozenset({"version_key"})

    deployment_id: str = Field(description="The id is DEP- and 32 hexadecimal digits.")
    grouped: ClassVar = frozenset({"model_id", "version", "environment", "active", "deployed_by", "by_rollback"})
    bounded: ClassVar = frozenset({"deployed_at", "ended_at"})
    model_id: Key = Field(description="The id of the model that was deployed.")
    version: Key = Field(description="The version that was deployed.")
    version_key: str = Field(default="", description="The key that its version is ordered by.")
    environment: Environment = Field(description="The environment that it runs in.")
    number: int = Field(description="The number counts the model's deployments there.")
    active: bool = Field(default=True, description="Whether the deployment runs now, as the only one there.")
    deployed_at: Moment = Field(description="The time it began to run.")
    deployed_by: Key = Field(description="The user id or service that deployed it.")
    change_id: Key = Field(description="The id of the change that brought it.")
    dossier: Dossier | None = Field(
        default=None, description="The dossier of what was deployed; null for a deployment before release 0.3.0."
    )
    origins: Digest | None = Field(
        default=None, description="The digest of what the version was made from; null for a deployment before release 0.3.0."
    )
    artifact_digests: tuple[Digest, ...] = Field(default=(), description="The SHA-256 of each artefact that was deployed.")
    by_rollback: bool = Field(default=False, description="Whether the change took another one back.")
    ended_at: Moment | None = Field(default=None, description="The time it stopped; null while it runs.")
    ended_by_change_id: Key | None = Field(default=None, description="The id of the change that ended it; null while it runs.")

    collection: ClassVar = "deployments"
    counted_by: ClassVar = ("deployed_at",)
    indexes: ClassVar = [
        # No two begin at once. That what ran there has ended no index can say: secantusd-rs checks a unique one against what
        # is committed, so the place that a transaction frees is still taken in it.
        index("model_id", "environment", "number", unique=True),
        index("model_id", "environment", "deployed_at", "_id"),
        index("environment", "deployed_at", "_id"),
        index("model_id", "deployed_at", "_id"),
        index("change_id", "deployed_at", "_id"),
        index("deployed_at", "_id"),
    ]

    @classmethod
    def counts_for(cls, raw: Raw) -> Iterator[Counts]:
        yield Counts(ALL)
        yield Counts("deployed")
        yield Counts("deployed", -1, month_after(raw["deployed_at"]))

    @classmethod
    def begin(
        cls,
        version: ModelVersion,
        environment: str,
        number: int,
        change_id: str,
        by_rollback: bool,
        by: Actor,
        at: datetime,
    ) -> Self:
        return cls(
            deployment_id=f"DEP-{uuid4().hex}", model_id=version.model_id, version=version.version,
            version_key=version.version_key, environment=environment, number=number, change_id=change_id,
            by_rollback=by_rollback, deployed_at=at, deployed_by=by.id,
            dossier=version.dossier, origins=_origins_of(version),
            artifact_digests=tuple(each.sha256 for each in version.artifacts if each.sha256),
        )  # fmt: skip

    def brought(self, version: ModelVersion) -> bool:
        """Whether the version has the artefacts and the origins that were deployed; True if none were recorded."""
        if self.dossier is None or self.origins is None:
            return True
        return (self.dossier.artifacts, self.origins) == (version.dossier.artifacts, _origins_of(version))

    @classmethod
    def recomputed(cls, raw: Raw) -> Raw:
        return super().recomputed(raw) | {"version_key": version_key(raw["version"])}

    @property
    def carried_out_in(self) -> str:
        return self.environment

    @property
    def filed_under(self) -> dict[str, str]:
        return {"model_id": self.model_id, "version": self.version}

    def end(self, change_id: str, at: datetime) -> None:
        self.active, self.ended_at, self.ended_by_change_id = False, at, change_id
        self.names_event(AuditEventType.CHANGE_DEPLOYED)


def _origins_of(version: ModelVersion) -> str:
    """The digest of what the version was made from."""
    return digest(origins(version.depends_on))


async def ever_deployed(versions: Sequence[ModelVersion]) -> frozenset[str]:
    """The keys of the versions that run or ran anywhere; one command at most for all."""
    running = {each.key for each in versions if each.deployed_in}
    others = [each for each in versions if not each.deployed_in]
    if not others:
        return frozenset(running)
    found = await Deployment.tallies({}, ModelVersion.keys, [(each.model_id, each.version) for each in others])
    return frozenset(running | {each.key for each in others if (each.model_id, each.version) in found})
