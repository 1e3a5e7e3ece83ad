"""Model versions in the graph: their edges, filters, queries and subscription."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry import Parent

from documents import lineage
from documents.access import GovernanceRole, reads_events
from documents.actions.versions import RULES, of_versions
from documents.audit.event import AuditEvent
from documents.changes.plan import PRODUCTION
from documents.changes.request import ChangeRequest
from documents.deployments import Deployment
from documents.eligibility.answer import Eligibility, RequiredApproval
from documents.eligibility.turns import still_due
from documents.eligibility.verdicts import GateVerdict
from documents.errors import InvalidInput
from documents.incidents import Incident
from documents.lineage import LineageLink, UpstreamAlert, Walk
from documents.people import Stakeholder
from documents.risk.assessment import RiskAssessment
from documents.store.pages import Page
from documents.store.standins import whole
from documents.values import Key
from documents.versions.accountability import Coverage, current, relations
from documents.versions.approvals import Approval
from documents.versions.comparison import PartChange, compared
from documents.versions.dependencies import VersionName
from documents.versions.lifecycle import VersionStatus
from documents.versions.model import Model
from documents.versions.risks import HighRisk
from documents.versions.rules import decisions
from documents.versions.standing import Standing
from documents.versions.version import ModelVersion
from resolvers.graph.actions import actions_of
from resolvers.graph.aggregates import aggregates
from resolvers.graph.asked import Days, Derived, days_between
from resolvers.graph.connections import Connection, connection
from resolvers.graph.context import Context, Info, asked_of
from resolvers.graph.edges import one, pages
from resolvers.graph.filters import filters
from resolvers.graph.live import live
from resolvers.graph.mutation import query, subscription
from resolvers.graph.types import Node, Part, field, node, shape
from resolvers.versioned.judged import judgements, verdicts


def _reads_events(version: ModelVersion, context: Context) -> bool:
    return reads_events(context.actor, bool(relations(version.accountability, context.actor)))


@shape(VersionName)
class VersionNameShape:
    model_version = one(ModelVersion, "The version that it identifies.", model_id="model_id", version="version")


Place = Annotated[
    Key, strawberry.argument(description="The declared environment where it is to run; its stage says which policies bind.")
]
Depth = Annotated[int, strawberry.argument(description=f"The number of steps is from 1 to {lineage.DEPTH}.")]


async def _walk(context: Context, walk: Walk, version: ModelVersion, depth: int) -> list[LineageLink]:
    if not 1 <= depth <= lineage.DEPTH:
        raise InvalidInput("depth", f"must be from 1 to {lineage.DEPTH}")
    found: list[LineageLink] = await context.loader((walk, depth), partial(walk, depth=depth)).load(_name(version))
    return found


def _name(version: ModelVersion) -> VersionName:
    return VersionName(model_id=version.model_id, version=version.version)


@strawberry.type(name="ModelVersionConnection", description="A page of `ModelVersion` records has them and their places.")
class VersionConnection(Connection[ModelVersion]):
    @field(
        "The number of listed versions whose standing is still to be computed anew; counted only when asked.",
        reads=(),
    )
    @staticmethod
    async def to_be_judged(page: Parent[Any], info: Info) -> int:
        listed: Page[Any] = page
        return await ModelVersion.tally({"$and": [listed.query, await still_due(info.context.now)]})


@node(ModelVersion, hidden=["version_key", "earlier_assessments"], connection=VersionConnection)
class ModelVersionNode(Node):
    model = one(Model, "The model that it belongs to.", model_id="model_id")
    owner = one(Stakeholder, "The person who is its accountable model owner.", user_id="owner_id")
    data_steward = one(Stakeholder, "The person who is its accountable data steward.", user_id="data_steward_id")

    @field(
        "The coverage says whether each required role is filled.",
        reads=["tier", "accountability"],
        loads=[Stakeholder],
    )
    @staticmethod
    async def coverage(version: Parent[ModelVersion], info: Info) -> Coverage:
        held = current(version.accountability).values()
        people = await info.context.one(Stakeholder).load_many([(each.user_id,) for each in held])
        return Coverage.of(version.tier, version.accountability, {each.user_id: each for each in people})

    @field("The status says what the decisions come to now.", reads=["standing.status", "standing.approved_until"])
    @staticmethod
    def status(version: Parent[ModelVersion], info: Info) -> VersionStatus:
        return Standing.status_at(version.standing, info.context.now) if version.standing else VersionStatus.DRAFT

    @field(
        "The days since its submission, while its status is PENDING_APPROVAL; null otherwise. They grow with time, so no "
        "aggregate sums them up.",
        reads=["standing.status", "standing.approved_until", "round.submitted_at"],
    )
    @staticmethod
    def days_waiting(version: Parent[ModelVersion], info: Info) -> float | None:
        waits = version.standing and Standing.status_at(version.standing, info.context.now) is VersionStatus.PENDING_APPROVAL
        return days_between(version.round.submitted_at, info.context.now) if waits and version.round else None

    @field(
        "The decisions of the current round as they read now, oldest first.",
        reads=["round", "standing.dossier", "standing.terms", "standing.later_terms", "evidence"],
    )
    @staticmethod
    def approvals(version: Parent[ModelVersion], info: Info) -> list[Approval]:
        return list(decisions.approvals(version, info.context.now))

    @field("The risk assessments are listed oldest first.", answers=["earlier_assessments", "latest_assessment"])
    @staticmethod
    def assessments(version: Parent[ModelVersion]) -> list[RiskAssessment]:
        return [*version.earlier_assessments, *([version.latest_assessment] if version.latest_assessment else [])]

    @field(
        "The risks that score 10 or more, and now have neither control nor acceptance.",
        reads=["standing.high_risks"],
    )
    @staticmethod
    def open_high_risks(version: Parent[ModelVersion], info: Info) -> list[HighRisk]:
        found = version.standing.high_risks if version.standing else ()
        return [each for each in found if HighRisk.is_open(each, info.context.now)]

    @field("The roles whose approval is required, with decisions.")
    @staticmethod
    async def required_approvals(version: Parent[ModelVersion], info: Info) -> list[RequiredApproval]:
        return list((await judgements(info.context).load(version)).required_approvals)

    @field("The dependencies that it has, nearest first, each once.", reads=["model_id", "version"])
    @staticmethod
    async def dependencies(version: Parent[ModelVersion], info: Info, depth: Depth = 1) -> list[LineageLink]:
        return await _walk(info.context, lineage.dependencies, version, depth)

    @field("The dependents that it has, nearest first, each once.", reads=["model_id", "version"])
    @staticmethod
    async def dependents(version: Parent[ModelVersion], info: Info, depth: Depth = 1) -> list[LineageLink]:
        return await _walk(info.context, lineage.dependents, version, depth)

    @field("The alerts say what is wrong with anything it depends on.", reads=["model_id", "version"])
    @staticmethod
    async def upstream_alerts(version: Parent[ModelVersion], info: Info) -> list[UpstreamAlert]:
        found: list[UpstreamAlert] = await info.context.loader("alerts", lineage.alerts).load(_name(version))
        return found

    @field("The eligibility that it has now, for environments of stage STAGING or PRODUCTION.")
    @staticmethod
    async def eligibility(version: Parent[ModelVersion], info: Info) -> Eligibility:
        found: Eligibility = await judgements(info.context).load(version)
        return found

    @field("The verdict on it for an environment, as the gate gives it.")
    @staticmethod
    async def verdict(version: Parent[ModelVersion], info: Info, environment: Place = PRODUCTION) -> GateVerdict:
        found: GateVerdict = await verdicts(info.context, environment).load(version)
        return found

    deployments = pages(
        Deployment,
        "The deployments that it had, latest first.",
        ("deployed_at", -1),
        own={"model_id": "model_id", "version": "version"},
    )
    change_requests = pages(
        ChangeRequest,
        "The changes that are to bring it, or did, latest first.",
        ("created_at", -1),
        own={"plan.model_id": "model_id", "plan.target_version": "version"},
    )
    incidents = pages(
        Incident,
        "The incidents that it had, latest first.",
        ("opened_at", -1),
        own={"model_id": "model_id", "version": "version"},
    )

    @field(
        "The parts that differ from another version's; null if none.",
        loads=[ModelVersion],
    )
    @staticmethod
    async def changes_since(
        version: Parent[ModelVersion],
        info: Info,
        other: Annotated[Key, strawberry.argument(name="version", description="The name that the other version has.")],
    ) -> list[PartChange] | None:
        before = await info.context.one(ModelVersion).load((version.model_id, other))
        return list(compared(whole(before), whole(version))) if before else None

    actions = actions_of(ModelVersion, RULES, of_versions, "version")
    audit_events = pages(
        AuditEvent,
        "The events that are about it, for readers of the trail and people accountable for it; null for others.",
        ("seq", 1),
        own={"subject.model_id": "model_id", "subject.version": "version"},
        may=_reads_events,
        reads=["accountability"],
    )


@filters(
    ModelVersion, "model_id", "version", "purpose", "tier", "classification", "owner_id", "data_steward_id", "accountability",
    "artifacts", "depends_on", "card", "latest_assessment", "assessment_approvals", "acceptances",
    "datasheets", "evidence", "round", "waivers", "holds", "reviews", "critical_incidents", "deployed_in", "retired",
    "registered_at", "approved_at", "days_to_approval", "standing",
)  # fmt: skip
class ModelVersionFilter:
    status = Derived(VersionStatus, Standing.says, "The `status` of the version now must match.", by="standing.status")
    missing_approval = Derived(
        GovernanceRole,
        Standing.lacks,
        "A role whose required approval does not count now must match.",
        by="standing.required_roles",
    )
    eligible = Derived(
        bool, Standing.is_eligible, "Whether the version may be deployed now, as its eligibility has it.", by="standing.status"
    )
    open_high_risk = Derived(
        bool,
        Standing.has_open_high_risk,
        "Whether the version has an open high risk now, as `openHighRisks` lists them.",
        by="standing.high_risks",
    )
    compliant = Derived(bool, Standing.is_compliant, "Whether no blocking requirement is violated now.", by="standing.compliance")
    days_waiting = Days(
        ModelVersion.waits,
        ModelVersion.waits_since,
        "The days since its submission, as `daysWaiting` has them, must match.",
        by="round.submitted_at",
    )
    review_overdue = Derived(bool, Standing.is_overdue, "Whether the periodic review is due by now.", by="standing.next_review")


@query()
async def model_version(info: Info, model_id: Key, version: Key) -> ModelVersion | None:
    """The version that the model has by that name; null if none."""
    return await ModelVersion.seek({"model_id": model_id, "version": version}, asked_of(info, ModelVersion))


model_versions = connection(
    ModelVersion,
    "model_versions",
    "The versions of all models are listed oldest first.",
    ("registered_at", 1),
)


model_version_aggregates = aggregates(
    ModelVersion,
    "model_version_aggregates",
    "Groups versions, counts each group and computes its figures.",
)


@subscription(name="modelVersionChanged")
async def model_version_changed(info: Info, model_id: Key) -> AsyncIterator[ModelVersion]:
    """Each version of the model is told whenever it changes."""
    return live(info, ModelVersion, lambda stored: bool(stored["model_id"] == model_id))


PART = Part(
    types=[
        VersionNameShape,
        LineageLink,
        UpstreamAlert,
        PartChange,
        Eligibility,
        GateVerdict,
        ModelVersionNode,
        ModelVersionFilter,
    ],
    queries=[model_version, model_versions, model_version_aggregates],
    subscriptions=[model_version_changed],
)
