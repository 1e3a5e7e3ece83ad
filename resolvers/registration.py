"""Mutations that register models and versions, change their scope and tier, and retire them."""

from typing import Annotated, Any

import strawberry
from pydantic import BaseModel, Field

from documents.access import GovernanceRole, Permission
from documents.audit.event import AuditEventType
from documents.changes.commands import retire
from documents.errors import InvalidInput
from documents.lineage import refuse_circle
from documents.people import holder_of
from documents.risk.scales import RiskTier
from documents.values import LIST_LENGTH, Key, Name, Names, Statement, Statements, Text
from documents.versions.dependencies import Dependency, DependencyRelation, ExternalModel, VersionName
from documents.versions.model import Model
from documents.versions.parts import Artifact
from documents.versions.rules import registration, scope
from documents.versions.version import ModelVersion
from resolvers.graph.context import Context, Info
from resolvers.graph.inputs import OfVersion, graph_input, said
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part


@graph_input("A thing that the version is made of.")
class ArtifactInput(Artifact): ...


@graph_input("A governed version, by its name.")
class VersionNameInput(VersionName): ...


@graph_input("A model that is governed elsewhere, or nowhere.")
class ExternalModelInput(ExternalModel): ...


@graph_input("What a version depends on: a governed version or an external model.", one_of=True)
class DependencyTargetInput(BaseModel):
    governed: VersionNameInput | None = Field(default=None, description="A governed version; it must be there.")
    external: ExternalModelInput | None = Field(default=None, description="A model that is not governed here.")


@graph_input("One thing that a version depends on.")
class DependencyInput(BaseModel):
    relation: DependencyRelation = Field(description="How it depends on it.")
    on: DependencyTargetInput = Field(description="On what.")

    @property
    def meant(self) -> Dependency:
        """The dependency as a value of the domain, to which an input with the same fields would not compare equal."""
        return Dependency.model_validate({"relation": self.relation, **self.on.model_dump()})


Artifacts = Annotated[tuple[ArtifactInput, ...], Field(max_length=LIST_LENGTH)]
Dependencies = Annotated[tuple[DependencyInput, ...], Field(max_length=LIST_LENGTH)]


class _VersionInput(BaseModel):
    version: Key = Field(description="Which version; a semantic version orders as such.")
    purpose: Statement = Field(description="What the version is for; its words suggest a risk tier.")
    use_cases: Statements = Field(default=(), description="What it is used for, one by one.")
    restrictions: Statements = Field(default=(), description="What it must not be used for, or only how.")
    tier: RiskTier | None = Field(
        default=None, description="A tier as critical as the words suggest, or more; a lighter one takes a risk manager."
    )
    tier_rationale: Statement | None = Field(default=None, description="Why the tier is lighter than the words suggest.")
    owner_id: Key = Field(description="The accountable model owner: an active holder of that role.")
    data_steward_id: Key = Field(description="The accountable data steward: an active holder of that role.")
    artifacts: Artifacts = Field(default=(), description="What it is made of.")
    depends_on: Dependencies = Field(default=(), description="What it was made from, and what it needs to run.")


async def _registered(model_id: str, input: _VersionInput, context: Context) -> ModelVersion:
    await holder_of(input.owner_id, GovernanceRole.MODEL_OWNER, "owner_id")
    await holder_of(input.data_steward_id, GovernanceRole.DATA_STEWARD, "data_steward_id")
    version = registration.register(
        model_id, input.version, input.purpose, input.use_cases, input.restrictions, input.tier, input.tier_rationale,
        input.owner_id, input.data_steward_id, input.artifacts, tuple(each.meant for each in input.depends_on),
        by=context.actor, at=context.now,
    )  # fmt: skip
    await refuse_circle(version)
    await version.store()
    return version


@graph_input("A model with its first version.")
class RegisterModelInput(_VersionInput):
    model_id: Key = Field(description="The model's own name for itself.")
    name: Name = Field(description="What people call it.")
    description: Text = Field(default="", description="What it is, in a sentence or two.")
    tags: Names = Field(default=(), description="Words to find it by.")


@strawberry.type(description="The model and its first version as registered.")
class RegisterModelPayload(Payload):
    model: Model = strawberry.field(description="The model.")
    model_version: ModelVersion = strawberry.field(description="Its first version.")


@mutation(event=AuditEventType.MODEL_REGISTERED, permit=Permission.REGISTER_MODEL, resource=ModelVersion)
async def register_model(info: Info, input: RegisterModelInput) -> RegisterModelPayload:
    """Brings a model and its first version under governance; a model that is registered already is CONFLICT."""
    by, at = info.context.actor, info.context.now
    model = Model.register(input.model_id, input.name, input.description, input.tags, input.owner_id, by=by, at=at)
    await model.store()
    return RegisterModelPayload(model=model, model_version=await _registered(model.model_id, input, info.context))


@graph_input("Another version of a model.")
class RegisterModelVersionInput(_VersionInput):
    model_id: Key = Field(description="The model that it is a version of.")


@strawberry.type(description="The version as registered.")
class RegisterModelVersionPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version.")


@mutation(event=AuditEventType.MODEL_REGISTERED, permit=Permission.REGISTER_MODEL_VERSION, resource=ModelVersion)
async def register_model_version(info: Info, input: RegisterModelVersionInput) -> RegisterModelVersionPayload:
    """Brings another version of a model under governance; it begins as a draft, whatever the others are."""
    model = await Model.require(input.model_id)
    return RegisterModelVersionPayload(model_version=await _registered(model.model_id, input, info.context))


@graph_input("What to change of a version; what is left out stays as it is, and null or an empty list empties a list.")
class UpdateModelVersionInput(OfVersion):
    purpose: Statement | None = Field(default=None, description="What the version is for; its words can raise the risk tier.")
    use_cases: Statements = Field(default=(), description="What it is used for, one by one.")
    restrictions: Statements = Field(default=(), description="What it must not be used for, or only how.")
    artifacts: Artifacts = Field(default=(), description="What it is made of.")
    depends_on: Dependencies = Field(default=(), description="What it was made from, and what it needs to run.")

    @property
    def changes(self) -> dict[str, Any]:
        given = {name: value for name, value in said(self).items() if name not in OfVersion.model_fields}
        if given.get("purpose", "") is None:
            raise InvalidInput("purpose", "must say what the version is for")
        if "depends_on" in given:
            given["depends_on"] = tuple(each.meant for each in self.depends_on)
        return given


@strawberry.type(description="The version as changed.")
class UpdateModelVersionPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.UPDATE_MODEL_VERSION, resource=ModelVersion)
async def update_model_version(info: Info, input: UpdateModelVersionInput) -> UpdateModelVersionPayload:
    """Changes a version's scope, artefacts or dependencies; approvals given on what it was go stale.

    The owner changes all of it, a business owner use cases and restrictions, a service artefacts. Words that call for a more
    critical tier than before raise it.
    """
    version = await input.load()
    changes = input.changes
    scope.amend(version, changes, by=info.context.actor)
    if "depends_on" in changes:
        await refuse_circle(version)
    await version.store()
    return UpdateModelVersionPayload(model_version=version)


@graph_input("A risk tier to set.")
class SetRiskTierInput(OfVersion):
    tier: RiskTier = Field(description="The tier.")
    rationale: Statement = Field(description="Why the version belongs there.")


@strawberry.type(description="The version in its tier.")
class SetRiskTierPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.SET_RISK_TIER, resource=ModelVersion)
async def set_risk_tier(info: Info, input: SetRiskTierInput) -> SetRiskTierPayload:
    """Sets a version's tier, lighter than its words suggest or more critical; the policies of that tier apply from now on."""
    version = await input.load()
    scope.set_tier(version, input.tier, input.rationale, by=info.context.actor)
    await version.store()
    return SetRiskTierPayload(model_version=version)


@graph_input("A version to retire.")
class RetireModelVersionInput(OfVersion):
    reason: Statement = Field(description="Why.")


@strawberry.type(description="The version as retired.")
class RetireModelVersionPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version.")


@mutation(event=AuditEventType.MODEL_RETIRED, permit=Permission.RETIRE_MODEL_VERSION, resource=ModelVersion)
async def retire_model_version(info: Info, input: RetireModelVersionInput) -> RetireModelVersionPayload:
    """Takes a version out of use, for good: from then on nothing about it can be changed."""
    version = await input.load()
    await retire(version, input.reason, by=info.context.actor, at=info.context.now)
    return RetireModelVersionPayload(model_version=version)


PART = Part(mutations=[register_model, register_model_version, update_model_version, set_risk_tier, retire_model_version])
