"""Model versions in the graph: what is governed, from registration to retirement."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

import strawberry
from pydantic import BaseModel, Field
from strawberry import Parent

from documents import lineage
from documents.access import GovernanceRole, Permission
from documents.audit.event import AuditEvent, AuditEventType
from documents.changes.carry import refuse_while_changing
from documents.changes.change import ChangeRequest
from documents.deployments import Deployment
from documents.eligibility.answer import Eligibility, RequiredApproval
from documents.eligibility.load import keep_standing
from documents.errors import InvalidInput
from documents.incidents import Incident
from documents.lineage import LineageLink, UpstreamAlert, Walk, refuse_circle
from documents.people import Stakeholder, holder_of
from documents.records import whole
from documents.risk.assessment import RiskAssessment
from documents.risk.scales import RiskTier
from documents.values import LIST_LENGTH, Key, Name, Names, Statement, Statements, Text
from documents.versions.accountability import Coverage, current, relations
from documents.versions.approvals import Approval
from documents.versions.changes import PartChange, changes
from documents.versions.dependencies import Dependency, DependencyRelation, ExternalModel, VersionName
from documents.versions.lifecycle import VersionStatus
from documents.versions.model import Model
from documents.versions.parts import Artifact
from documents.versions.standing import Standing
from documents.versions.version import ModelVersion, approvals
from resolvers.graph.aggregates import aggregates
from resolvers.graph.asked import Derived
from resolvers.graph.connections import connection
from resolvers.graph.context import Context, Info, asked_of
from resolvers.graph.edges import one, pages
from resolvers.graph.filters import filters
from resolvers.graph.inputs import OfVersion, graph_input, said
from resolvers.graph.judged import judgements
from resolvers.graph.live import live
from resolvers.graph.mutation import Payload, mutation, query, subscription
from resolvers.graph.types import Node, Part, field, node, shape


def _reads_trail(version: ModelVersion, context: Context) -> None:
    if not relations(version.accountability, context.actor):
        context.actor.needs(Permission.READ_TRAIL)


@shape(VersionName)
class VersionNameShape:
    model_version = one(ModelVersion, "The version itself.", model_id="model_id", version="version")


@shape(LineageLink)
class LineageLinkShape: ...


@shape(UpstreamAlert)
class UpstreamAlertShape: ...


@shape(PartChange)
class PartChangeShape: ...


@shape(Eligibility)
class EligibilityShape: ...


Depth = Annotated[int, strawberry.argument(description=f"How many steps to go, 1 to {lineage.DEPTH}.")]


async def _walk(context: Context, walk: Walk, version: ModelVersion, depth: int) -> list[LineageLink]:
    if not 1 <= depth <= lineage.DEPTH:
        raise InvalidInput("depth", f"must be from 1 to {lineage.DEPTH}")
    found: list[LineageLink] = await context.loader((walk, depth), partial(walk, depth=depth)).load(_name(version))
    return found


def _name(version: ModelVersion) -> VersionName:
    return VersionName(model_id=version.model_id, version=version.version)


@node(ModelVersion, hidden=["version_key", "earlier_assessments"])
class ModelVersionNode(Node):
    model = one(Model, "The model that it is a version of.", model_id="model_id")
    owner = one(Stakeholder, "The accountable model owner.", user_id="owner_id")
    data_steward = one(Stakeholder, "The accountable data steward.", user_id="data_steward_id")

    @field(
        "Whether somebody answers for it in every role that its tier demands.",
        reads=["tier", "accountability"],
        loads=[Stakeholder],
    )
    @staticmethod
    async def coverage(version: Parent[ModelVersion], info: Info) -> Coverage:
        held = current(version.accountability).values()
        people = await info.context.one(Stakeholder).load_many([(each.user_id,) for each in held])
        return Coverage.of(version.tier, version.accountability, {each.user_id: each for each in people})

    @field("What the decisions say of it now.", reads=["standing.status", "standing.approved_until"])
    @staticmethod
    def status(version: Parent[ModelVersion], info: Info) -> VersionStatus:
        return Standing.status_at(version.standing, info.context.now) if version.standing else VersionStatus.DRAFT

    @field(
        "Every decision of the current round as it reads now, first one first.", reads=["round", "standing.dossier", "evidence"]
    )
    @staticmethod
    def approvals(version: Parent[ModelVersion], info: Info) -> list[Approval]:
        return list(approvals(version, info.context.now))

    @field("Its risk assessments, first one first.", answers=["earlier_assessments", "latest_assessment"])
    @staticmethod
    def assessments(version: Parent[ModelVersion]) -> list[RiskAssessment]:
        return [*version.earlier_assessments, *([version.latest_assessment] if version.latest_assessment else [])]

    @field("Every role whose approval is required, with its decision or PENDING.")
    @staticmethod
    async def required_approvals(version: Parent[ModelVersion], info: Info) -> list[RequiredApproval]:
        return list((await judgements(info.context).load(version)).required_approvals)

    @field("What it depends on, nearest first, each dependency once.", reads=["model_id", "version"])
    @staticmethod
    async def dependencies(version: Parent[ModelVersion], info: Info, depth: Depth = 1) -> list[LineageLink]:
        return await _walk(info.context, lineage.dependencies, version, depth)

    @field("What depends on it, nearest first, each dependency once.", reads=["model_id", "version"])
    @staticmethod
    async def dependents(version: Parent[ModelVersion], info: Info, depth: Depth = 1) -> list[LineageLink]:
        return await _walk(info.context, lineage.dependents, version, depth)

    @field("What is wrong with anything that it depends on, however far away.", reads=["model_id", "version"])
    @staticmethod
    async def upstream_alerts(version: Parent[ModelVersion], info: Info) -> list[UpstreamAlert]:
        found: list[UpstreamAlert] = await info.context.loader("alerts", lineage.alerts).load(_name(version))
        return found

    @field("Whether it may be deployed now, and if not, all that stands in the way and what would mend it.")
    @staticmethod
    async def eligibility(version: Parent[ModelVersion], info: Info) -> Eligibility:
        found: Eligibility = await judgements(info.context).load(version)
        return found

    deployments = pages(
        Deployment, "Its deployments, the latest first.", ("deployed_at", -1), own={"model_id": "model_id", "version": "version"}
    )
    change_requests = pages(
        ChangeRequest,
        "The changes that are to bring it, or did, the latest first.",
        ("created_at", -1),
        own={"plan.model_id": "model_id", "plan.target_version": "version"},
    )
    incidents = pages(
        Incident,
        "What went wrong with it, the latest first.",
        ("opened_at", -1),
        own={"model_id": "model_id", "version": "version"},
    )

    @field(
        "What there is to decide about here that is different in another version of the model, part by part; nothing where there "
        "is no such version.",
        loads=[ModelVersion],
    )
    @staticmethod
    async def changes_since(
        version: Parent[ModelVersion],
        info: Info,
        other: Annotated[Key, strawberry.argument(name="version", description="The other version.")],
    ) -> list[PartChange] | None:
        before = await info.context.one(ModelVersion).load((version.model_id, other))
        return list(changes(whole(before), whole(version))) if before else None

    audit_events = pages(
        AuditEvent,
        "Its events in the audit trail; for those who may read the trail and those accountable for it.",
        ("seq", 1),
        own={"subject.model_id": "model_id", "subject.version": "version"},
        may=_reads_trail,
        reads=["accountability"],
    )


@filters(
    ModelVersion, "model_id", "version", "purpose", "tier", "classification", "owner_id", "data_steward_id", "accountability",
    "artifacts", "depends_on", "card", "latest_assessment", "datasheets", "evidence", "round", "waivers", "holds", "reviews",
    "critical_incidents", "deployed_in", "retired", "registered_at", "standing",
)  # fmt: skip
class ModelVersionFilter:
    status = Derived(VersionStatus, Standing.says, "What the decisions say of it now, as `status` does.", by="standing.status")
    missing_approval = Derived(
        GovernanceRole, Standing.lacks, "A role whose approval is required and does not count now.", by="standing.required_roles"
    )
    eligible = Derived(
        bool, Standing.is_eligible, "Whether it may be deployed now, as its eligibility has it.", by="standing.status"
    )
    review_overdue = Derived(bool, Standing.is_overdue, "Whether its periodic review is due by now.", by="standing.next_review")


@query()
async def model_version(info: Info, model_id: Key, version: Key) -> ModelVersion | None:
    """One version of a model."""
    return await ModelVersion.seek({"model_id": model_id, "version": version}, asked_of(info, ModelVersion))


model_versions = connection(
    ModelVersion,
    "model_versions",
    "Versions of all models, in the order in which they were registered.",
    ("registered_at", 1),
)


model_version_aggregates = aggregates(
    ModelVersion, "model_version_aggregates", "How many versions there are, and what their numbers come to, group by group."
)


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
        """In the domain's own values: an input, though of the same fields, equals none of them."""
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
    await holder_of(input.owner_id, GovernanceRole.MODEL_OWNER, "input.ownerId")
    await holder_of(input.data_steward_id, GovernanceRole.DATA_STEWARD, "input.dataStewardId")
    version = ModelVersion.register(
        model_id, input.version, input.purpose, input.use_cases, input.restrictions, input.tier, input.tier_rationale,
        input.owner_id, input.data_steward_id, input.artifacts, tuple(each.meant for each in input.depends_on),
        by=context.actor, at=context.now,
    )  # fmt: skip
    await refuse_circle(version)
    await keep_standing(version, context.now)
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
            raise InvalidInput("input.purpose", "must say what the version is for")
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
    version.amend(changes, by=info.context.actor)
    if "depends_on" in changes:
        await refuse_circle(version)
    await keep_standing(version, info.context.now)
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
    version.set_tier(input.tier, input.rationale, by=info.context.actor)
    await keep_standing(version, info.context.now)
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
    await refuse_while_changing(version)
    version.retire(input.reason, by=info.context.actor, at=info.context.now)
    await keep_standing(version, info.context.now)
    return RetireModelVersionPayload(model_version=version)


@subscription(name="modelVersionChanged")
async def model_version_changed(info: Info, model_id: Key) -> AsyncIterator[ModelVersion]:
    """The versions of a model, each whenever it was registered or changed, as it is when that is told."""
    return live(info, ModelVersion, lambda stored: bool(stored["model_id"] == model_id))


PART = Part(
    queries=[model_version, model_versions, model_version_aggregates],
    mutations=[register_model, register_model_version, update_model_version, set_risk_tier, retire_model_version],
    subscriptions=[model_version_changed],
)
