"""Models and their versions in the graph."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import strawberry
from pydantic import BaseModel, Field
from strawberry import Parent

from documents.access import GovernanceRole, Permission
from documents.audit.event import AuditEvent, AuditEventType
from documents.eligibility.answer import Eligibility, RequiredApproval
from documents.eligibility.judgement import Judgement
from documents.eligibility.load import case_files, keep_standing
from documents.people import Stakeholder, holder_of
from documents.records import whole
from documents.risk.assessment import RiskAssessment
from documents.risk.scales import RiskTier
from documents.values import LIST_LENGTH, Key, Name, Names, Statement, Statements, Text
from documents.versions.accountability import Coverage, current, relations
from documents.versions.approvals import Approval, ApprovalRound
from documents.versions.model import Model
from documents.versions.parts import Artifact, Review
from documents.versions.standing import VersionStatus
from documents.versions.version import ModelVersion, approvals
from resolvers.graph.aggregates import aggregates
from resolvers.graph.connections import connection, window
from resolvers.graph.context import Context, Info, Loader
from resolvers.graph.edges import one, paged, pages
from resolvers.graph.filters import filters
from resolvers.graph.inputs import graph_input
from resolvers.graph.live import live
from resolvers.graph.mutation import Payload, mutation, query, subscription
from resolvers.graph.selection import asked_of
from resolvers.graph.types import Node, Part, field, node, shape


@node(Model)
class ModelNode(Node):
    owner = one(Stakeholder, "The model owner.", user_id="owner_id")
    versions = pages(
        ModelVersion, "Its versions, in the order of their numbers.", ("version_key", 1), own={"model_id": "model_id"}
    )

    @field("The version with the highest number.", reads=["model_id"])
    @staticmethod
    async def latest_version(model: Parent[Model], info: Info) -> ModelVersion | None:
        newest = paged(info.context, ModelVersion, ("model_id",), (("version_key", 1),), window(None, None, 1, None))
        found: Sequence[ModelVersion] = (await newest.load((model.model_id,))).nodes
        return found[0] if found else None


@shape(ApprovalRound)
class ApprovalRoundShape: ...


@shape(Review)
class ReviewShape:
    reviewer = one(Stakeholder, "Whoever completed it.", user_id="by")


@shape(Approval)
class ApprovalShape:
    reviewer = one(Stakeholder, "Whoever decided, as that person is today.", user_id="reviewer_id")


@shape(RequiredApproval, hidden=["candidate_ids"])
class RequiredApprovalShape:
    @field("Who could give it: holds the role, authorised for the tier, and separated from who submitted and decided.")
    @staticmethod
    async def candidates(approval: Parent[RequiredApproval], info: Info) -> list[Stakeholder]:
        people = await info.context.one(Stakeholder).load_many([(each,) for each in approval.candidate_ids])
        return [each for each in people if each]


@shape(Eligibility)
class EligibilityShape: ...


def _reads_trail(version: ModelVersion, context: Context) -> None:
    if not relations(version.accountability, context.actor):
        context.actor.needs(Permission.READ_TRAIL)


@node(ModelVersion, hidden=["version_key", "earlier_assessments"])
class ModelVersionNode(Node):
    model = one(Model, "The model that it is a version of.", model_id="model_id")
    owner = one(Stakeholder, "The accountable model owner.", user_id="owner_id")
    data_steward = one(Stakeholder, "The accountable data steward.", user_id="data_steward_id")

    @field("Whether somebody answers for it in every role that its tier demands.", reads=["tier", "accountability"])
    @staticmethod
    async def coverage(version: Parent[ModelVersion], info: Info) -> Coverage:
        held = current(version.accountability).values()
        people = await info.context.one(Stakeholder).load_many([(each.user_id,) for each in held])
        return Coverage.of(version.tier, version.accountability, {each.user_id: each for each in people})

    @field("What the decisions say of it now.", reads=["standing"])
    @staticmethod
    def status(version: Parent[ModelVersion], info: Info) -> VersionStatus:
        return version.standing.status_at(info.context.now) if version.standing else VersionStatus.DRAFT

    @field("Every decision of the current round as it reads now, first one first.", reads=["round", "standing", "evidence"])
    @staticmethod
    def approvals(version: Parent[ModelVersion], info: Info) -> list[Approval]:
        return list(approvals(version, info.context.now))

    @field("Its risk assessments, first one first.", reads=["earlier_assessments", "latest_assessment"])
    @staticmethod
    def assessments(version: Parent[ModelVersion]) -> list[RiskAssessment]:
        return [*version.earlier_assessments, *([version.latest_assessment] if version.latest_assessment else [])]

    @field("Every role whose approval is required, with its decision or PENDING.")
    @staticmethod
    async def required_approvals(version: Parent[ModelVersion], info: Info) -> list[RequiredApproval]:
        return list((await judgements(info.context).load(version)).required_approvals)

    @field("Whether it may be deployed now, and if not, all that stands in the way and what would mend it.")
    @staticmethod
    async def eligibility(version: Parent[ModelVersion], info: Info) -> Eligibility:
        found: Eligibility = await judgements(info.context).load(version)
        return found

    audit_events = pages(
        AuditEvent,
        "Its events in the audit trail; for those who may read the trail and those accountable for it.",
        ("seq", 1),
        own={"subject.model_id": "model_id", "subject.version": "version"},
        may=_reads_trail,
        reads=["accountability"],
    )


def judgements(context: Context) -> Loader:
    """Judges versions, all of a request together."""

    async def load(versions: list[ModelVersion]) -> list[Eligibility]:
        cases = await case_files([whole(each) for each in versions], context.now)
        return [Judgement(case).eligibility for case in cases]

    return context.loader("judgements", load, key=lambda version: version.id)


@filters(Model, "model_id", "name", "description", "tags", "owner_id", "registered_at")
class ModelFilter: ...


@filters(
    ModelVersion, "model_id", "version", "purpose", "tier", "classification", "owner_id", "data_steward_id", "accountability",
    "artifacts", "card", "latest_assessment", "datasheets", "evidence", "round", "reviews", "registered_at", "standing",
)  # fmt: skip
class ModelVersionFilter: ...


@query()
async def model(info: Info, model_id: Key) -> Model | None:
    """The model of that id."""
    return await Model.seek({"model_id": model_id}, asked_of(info, Model))


models = connection(Model, "models", "Models, by their id.", ("model_id", 1))


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
    artifacts: Annotated[tuple[ArtifactInput, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="What it is made of."
    )


async def _registered(model_id: str, input: _VersionInput, context: Context) -> ModelVersion:
    await holder_of(input.owner_id, GovernanceRole.MODEL_OWNER, "input.ownerId")
    await holder_of(input.data_steward_id, GovernanceRole.DATA_STEWARD, "input.dataStewardId")
    version = ModelVersion.register(
        model_id, input.version, input.purpose, input.use_cases, input.restrictions, input.tier, input.tier_rationale,
        input.owner_id, input.data_steward_id, input.artifacts, by=context.actor, at=context.now,
    )  # fmt: skip
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


@subscription(name="modelVersionChanged")
async def model_version_changed(info: Info, model_id: Key) -> AsyncIterator[ModelVersion]:
    """The versions of a model, each whenever it was registered or changed, as it is when that is told."""
    return live(info, ModelVersion, lambda stored: bool(stored["model_id"] == model_id))


PART = Part(
    queries=[model, models, model_version, model_versions, model_version_aggregates],
    mutations=[register_model, register_model_version],
    subscriptions=[model_version_changed],
)
