"""Mutations that register and correct models, register versions, change their scope and tier, and retire them."""

from typing import Annotated, Any

import strawberry
from pydantic import BaseModel, Field

from documents.access import GovernanceRole, Permission
from documents.audit.event import AuditEventType
from documents.changes.commands import retire
from documents.changes.loading import composition_fixed
from documents.changes.tiers import set_tier
from documents.classification import KeywordJudgement
from documents.errors import InvalidInput
from documents.lineage import refuse_circle
from documents.people import Stakeholder, holder_of
from documents.risk.scales import RiskTier
from documents.values import LIST_LENGTH, Key, Name, Names, Statement, Statements, Text
from documents.versions.dependencies import Dependency, DependencyRelation, ExternalModel, VersionName
from documents.versions.model import Model
from documents.versions.owners import amend
from documents.versions.parts import Artifact
from documents.versions.rules import registration, scope
from documents.versions.version import ModelVersion
from resolvers.graph.context import Context, Info
from resolvers.graph.edges import one
from resolvers.graph.inputs import OfVersion, graph_input, said
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, shape


@graph_input("An artefact is a part of a version.")
class ArtifactInput(Artifact): ...


@graph_input("A version name identifies a governed version.")
class VersionNameInput(VersionName): ...


@graph_input("An external model is governed elsewhere, or nowhere.")
class ExternalModelInput(ExternalModel): ...


@graph_input("A target is a governed version or an external model.", one_of=True)
class DependencyTargetInput(BaseModel):
    governed: VersionNameInput | None = Field(default=None, description="The governed version that it is; it must exist.")
    external: ExternalModelInput | None = Field(default=None, description="The external model that it is.")


@graph_input("A dependency is one thing that a version depends on.")
class DependencyInput(BaseModel):
    relation: DependencyRelation = Field(description="The relation says how the version depends on it.")
    on: DependencyTargetInput = Field(description="The target that the version depends on.")

    @property
    def meant(self) -> Dependency:
        """The dependency as a value of the domain, to which an input with the same fields would not compare equal."""
        return Dependency.model_validate({"relation": self.relation, **self.on.model_dump()})


Artifacts = Annotated[tuple[ArtifactInput, ...], Field(max_length=LIST_LENGTH)]
Dependencies = Annotated[tuple[DependencyInput, ...], Field(max_length=LIST_LENGTH)]


class _VersionInput(BaseModel):
    version: Key = Field(description="The name that the version has, which orders by SemVer.")
    purpose: Statement = Field(description="The text says what it is for; words suggest a tier.")
    use_cases: Statements = Field(default=(), description="The uses that it is put to, one by one.")
    restrictions: Statements = Field(default=(), description="The uses that are forbidden or restricted.")
    tier: RiskTier | None = Field(
        default=None, description="The tier may be lighter than the words suggest only if a risk manager says so."
    )
    tier_rationale: Statement | None = Field(
        default=None, description="The text says why the tier is lighter than the words suggest."
    )
    owner_id: Key = Field(description="The user id of an active model owner, who is accountable.")
    data_steward_id: Key = Field(description="The user id of an active data steward, who is accountable.")
    artifacts: Artifacts = Field(default=(), description="The artefacts that it is made of.")
    depends_on: Dependencies = Field(default=(), description="The things that it needs or was made from.")


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


@graph_input("A model is to be registered.")
class RegisterModelInput(_VersionInput):
    model_id: Key = Field(description="The id that names the model.")
    name: Name = Field(description="The name that people call it by.")
    description: Text = Field(default="", description="The text says in a sentence or two what it is.")
    tags: Names = Field(default=(), description="The words that it is found by.")


@strawberry.type(description="The model is registered.")
class RegisterModelPayload(Payload):
    model: Model = strawberry.field(description="The model that was registered.")
    model_version: ModelVersion = strawberry.field(description="The version that was registered.")


@mutation(event=AuditEventType.MODEL_REGISTERED, permit=Permission.REGISTER_MODEL, resource=ModelVersion)
async def register_model(info: Info, input: RegisterModelInput) -> RegisterModelPayload:
    """Registers a model with its first version; an id that is taken is CONFLICT."""
    by, at = info.context.actor, info.context.now
    model = Model.register(input.model_id, input.name, input.description, input.tags, input.owner_id, by=by, at=at)
    await model.store()
    return RegisterModelPayload(model=model, model_version=await _registered(model.model_id, input, info.context))


@graph_input("A model is to change: what is left out stays, null or [] empties.")
class UpdateModelInput(BaseModel):
    model_id: Key = Field(description="The model has this id.")
    expected_revision: int | None = Field(default=None, description="Another `revision` is CONFLICT.")
    name: Name | None = Field(default=None, description="The name that people call it by; null is refused.")
    description: Text = Field(default="", description="The text says in a sentence or two what it is.")
    tags: Names = Field(default=(), description="The words that it is found by.")
    owner_id: Key | None = Field(
        default=None, description="The user id of an active model owner; null lets the owner follow the latest version's again."
    )

    async def load(self) -> Model:
        """The model that the input names; CONFLICT if it is not at the expected revision."""
        return await Model.require(self.model_id, revision=self.expected_revision)


@strawberry.type(description="The model is changed.")
class UpdateModelPayload(Payload):
    model: Model = strawberry.field(description="The model that was changed.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.UPDATE_MODEL, resource=Model)
async def update_model(info: Info, input: UpdateModelInput) -> UpdateModelPayload:
    """Changes what a model is called, what it is found by and who owns it, by its owner or an administrator.

    An owner that is set here stays, whoever becomes the owner of a version.
    """
    model = await input.load()
    changes = {name: value for name, value in said(input).items() if name not in ("model_id", "expected_revision")}
    await amend(model, changes, by=info.context.actor)
    return UpdateModelPayload(model=model)


@graph_input("A version is to be registered.")
class RegisterModelVersionInput(_VersionInput):
    model_id: Key = Field(description="The model has this id.")


@strawberry.type(description="The version is registered.")
class RegisterModelVersionPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version that was registered.")


@mutation(event=AuditEventType.MODEL_REGISTERED, permit=Permission.REGISTER_MODEL_VERSION, resource=ModelVersion)
async def register_model_version(info: Info, input: RegisterModelVersionInput) -> RegisterModelVersionPayload:
    """Registers another version of a model, which begins as a draft whatever the others are.

    The model's owner may, an administrator, and a service whose token lists this mutation.
    """
    model = await Model.require(input.model_id)
    model.permits(info.context.actor, Permission.REGISTER_MODEL_VERSION)
    return RegisterModelVersionPayload(model_version=await _registered(model.model_id, input, info.context))


@graph_input("A version is to change: what is left out stays, null or [] empties.")
class UpdateModelVersionInput(OfVersion):
    purpose: Statement | None = Field(default=None, description="The text says what it is for; words can raise the tier.")
    use_cases: Statements = Field(default=(), description="The uses that it is put to, one by one.")
    restrictions: Statements = Field(default=(), description="The uses that are forbidden or restricted.")
    artifacts: Artifacts = Field(default=(), description="The artefacts that it is made of.")
    depends_on: Dependencies = Field(default=(), description="The things that it needs or was made from.")
    reason: Statement | None = Field(
        default=None, description="The reason why a version that was deployed calls, or is evaluated by, something more."
    )

    @property
    def changes(self) -> dict[str, Any]:
        given = {name: value for name, value in said(self).items() if name not in {*OfVersion.model_fields, "reason"}}
        if given.get("purpose", "") is None:
            raise InvalidInput("purpose", "must say what the version is for")
        if "depends_on" in given:
            given["depends_on"] = tuple(each.meant for each in self.depends_on)
        return given


@strawberry.type(description="The version is changed.")
class UpdateModelVersionPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version that was changed.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.UPDATE_MODEL_VERSION, resource=ModelVersion)
async def update_model_version(info: Info, input: UpdateModelVersionInput) -> UpdateModelVersionPayload:
    """Changes a version's scope, artefacts or dependencies; approvals given on what it was go stale.

    The owner changes all of it, a business owner use cases and restrictions, a service artefacts. Words that call for a more
    critical tier raise it. From the start of its first deployment on, its artefacts and origins are fixed: INVALID_STATE.
    """
    version = await input.load()
    changes = input.changes
    composes = bool(changes.keys() & {"artifacts", "depends_on"})
    fixed = composes and version.key in await composition_fixed([version])
    scope.amend(version, changes, fixed, input.reason, by=info.context.actor)
    if "depends_on" in changes:
        await refuse_circle(version)
    await version.store()
    return UpdateModelVersionPayload(model_version=version)


@graph_input("A tier is to be set.")
class SetRiskTierInput(OfVersion):
    tier: RiskTier = Field(description="The tier that is set.")
    rationale: Statement = Field(description="The text says why the version belongs there.")


@strawberry.type(description="The tier is set.")
class SetRiskTierPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version that has the tier.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.SET_RISK_TIER, resource=ModelVersion)
async def set_risk_tier(info: Info, input: SetRiskTierInput) -> SetRiskTierPayload:
    """Sets a version's tier, lighter or more critical than its words suggest; that tier's policies apply from now on.

    Tier 4 is INVALID_STATE while the version runs, or is being deployed, in an environment of stage PRODUCTION.
    """
    version = await input.load()
    await set_tier(version, input.tier, input.rationale, by=info.context.actor)
    return SetRiskTierPayload(model_version=version)


@shape(KeywordJudgement)
class KeywordJudgementShape:
    judge = one(Stakeholder, "The person who judged.", user_id="judged_by")


@graph_input("A longer word is to be judged.")
class KeywordJudgementInput(BaseModel):
    keyword: Name = Field(description="The keyword that `possibleKeywords` names.")
    found: Statement = Field(description="The longer word that contains it, in whatever case.")
    counts: bool = Field(description="Whether the word counts as the keyword, and so decides about the tier.")
    rationale: Statement = Field(description="The rationale says why it counts, or why not.")


@graph_input("A classification is to be judged.")
class JudgeClassificationInput(OfVersion):
    judgements: Annotated[tuple[KeywordJudgementInput, ...], Field(min_length=1, max_length=LIST_LENGTH)] = Field(
        description="The longer words, each once, with what was judged of them."
    )


@strawberry.type(description="The classification is judged.")
class JudgeClassificationPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version whose words were judged.")


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.JUDGE_CLASSIFICATION, resource=ModelVersion)
async def judge_classification(info: Info, input: JudgeClassificationInput) -> JudgeClassificationPayload:
    """Says of longer words that contain a keyword whether they count as it; one that counts raises the tier as a keyword does.

    While `possibleKeywords` that would call for a more critical tier wait to be judged, a version cannot be submitted.
    """
    version = await input.load()
    by, at = info.context.actor, info.context.now
    said = [KeywordJudgement(**dict(each), judged_by=by.id, judged_at=at) for each in input.judgements]
    scope.judge(version, said, by=by)
    await version.store()
    return JudgeClassificationPayload(model_version=version)


@graph_input("A version is to be retired.")
class RetireModelVersionInput(OfVersion):
    reason: Statement = Field(description="The reason why it is retired.")


@strawberry.type(description="The version is retired.")
class RetireModelVersionPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version that was retired.")


@mutation(event=AuditEventType.MODEL_RETIRED, permit=Permission.RETIRE_MODEL_VERSION, resource=ModelVersion)
async def retire_model_version(info: Info, input: RetireModelVersionInput) -> RetireModelVersionPayload:
    """Takes a version out of use, for good: nothing about it can be changed from then on."""
    version = await input.load()
    await retire(version, input.reason, by=info.context.actor, at=info.context.now)
    return RetireModelVersionPayload(model_version=version)


PART = Part(
    types=[KeywordJudgementShape],
    mutations=[
        register_model, update_model, register_model_version, update_model_version, set_risk_tier, judge_classification,
        retire_model_version,
    ],
)  # fmt: skip
