"""The dashboard in the graph: each figure has a count and a list of the records that it counts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import strawberry

from documents import dashboard as figures
from documents.access import Permission
from documents.audit.event import AuditEvent
from documents.audit.runs import VerificationRun
from documents.changes.request import ChangeRequest
from documents.dashboard import AccessAnomaly, Counted, Figures
from documents.deployments import Deployment
from documents.eligibility.turns import still_due
from documents.errors import InvalidInput
from documents.people import Stakeholder
from documents.risk.scales import RiskTier
from documents.store.units import Raw
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.connections import subset
from resolvers.graph.context import Info
from resolvers.graph.edges import one
from resolvers.graph.mutation import query
from resolvers.graph.types import Part, field, shape

THRESHOLD = 10


def _own(figure: Any) -> Raw:
    found: Raw = figure.query
    return found


@strawberry.type(description="How many models, and which.")
class ModelFigure:
    count: int = strawberry.field(description="How many.")
    models = subset(Model, "They, by their id.", ("model_id", 1), own=lambda _: figures.models_in_use())


@strawberry.type(description="How many versions, and which.")
class VersionFigure:
    count: int = strawberry.field(description="How many.")
    query: strawberry.Private[Raw]
    model_versions = subset(ModelVersion, "They, in the order in which they were registered.", ("registered_at", 1), own=_own)


@strawberry.type(description="How many versions are in a tier, and which.")
class TierFigure(VersionFigure):
    tier: RiskTier = strawberry.field(description="The tier.")


@strawberry.type(description="How many versions, which, and which share of those in use.")
class VersionShare(VersionFigure):
    share: float | None = strawberry.field(description="Of the versions in use, 0 to 1; nothing where there is none.")


@strawberry.type(description="How many risks, and the versions that have them.")
class RiskFigure:
    count: int = strawberry.field(description="How many risks, several of a version.")
    versions: VersionFigure = strawberry.field(description="The versions that have them.")


@strawberry.type(description="How many changes, and which.")
class ChangeFigure:
    count: int = strawberry.field(description="How many.")
    query: strawberry.Private[Raw]
    change_requests = subset(ChangeRequest, "They, the latest first.", ("created_at", -1), own=_own)


@strawberry.type(description="How many deployments, and which.")
class DeploymentFigure:
    count: int = strawberry.field(description="How many.")
    query: strawberry.Private[Raw]
    deployments = subset(Deployment, "They, the latest first.", ("deployed_at", -1), own=_own)


@strawberry.type(description="How many events of the audit trail, and which.")
class EventFigure:
    count: int = strawberry.field(description="How many.")
    query: strawberry.Private[Raw]
    audit_events = subset(AuditEvent, "They, oldest first.", ("seq", 1), own=_own)


@strawberry.type(description="What is governed: versions in use are those that are not RETIRED.")
class DashboardInventory:
    models: ModelFigure = strawberry.field(description="Models with a version in use.")
    versions: VersionFigure = strawberry.field(description="Versions in use.")
    by_risk_tier: list[TierFigure] = strawberry.field(description="Versions in use, tier by tier, the most critical first.")
    pending_approval: VersionFigure = strawberry.field(
        description="Versions in use whose status is PENDING_APPROVAL now, those among them of which an approval lapsed."
    )
    overdue_review: VersionFigure = strawberry.field(description="Versions in use whose periodic review is due by now.")

    @field(
        "Versions whose standing a server is still to compute anew, because the rules, a policy or the time changed; until then "
        "figures and filters go by the standing that is stored."
    )
    async def to_be_judged(self, info: Info) -> VersionFigure:
        due = await still_due(info.context.now)
        return VersionFigure(count=await ModelVersion.tally(due), query=due)


@strawberry.type(description="How far versions in use, which are those that are not RETIRED, do what is asked of them.")
class DashboardCompliance:
    with_model_card: VersionShare = strawberry.field(
        description="Versions in use with a model card of which no section is empty."
    )
    with_risk_assessment: VersionShare = strawberry.field(description="Versions in use with a risk assessment.")
    with_all_approvals: VersionShare = strawberry.field(
        description="Versions in use for which every required approval counts now; in tier 4 none is required."
    )
    policy_violations: VersionFigure = strawberry.field(
        description="Versions in use that violate a blocking requirement now which is not waived."
    )


@strawberry.type(description="What is being changed, and was in the UTC month.")
class DashboardChanges:
    open: ChangeFigure = strawberry.field(description="Changes that are not COMPLETED, FAILED, REJECTED or ROLLED_BACK.")
    pending_approval: ChangeFigure = strawberry.field(description="Changes that are SUBMITTED or UNDER_REVIEW.")
    deployed_this_month: DeploymentFigure = strawberry.field(
        description="Deployments that began in this UTC month, whether they run yet or not."
    )
    rollbacks_this_month: DeploymentFigure = strawberry.field(
        description="Those of them that a rollback brought; a rollback to nothing, or to what runs, brings none."
    )


@strawberry.type(description="The risk of versions in use, which are those that are not RETIRED.")
class DashboardRisk:
    high_risk: VersionFigure = strawberry.field(
        description="Versions in use whose latest assessment is HIGH or CRITICAL: an overall score of 10 or more."
    )
    unmitigated_risks: RiskFigure = strawberry.field(
        description="Risks in the latest assessments of versions in use that have a residual score of 10 or more, and neither a "
        "control nor an acceptance that stands now."
    )
    accepted_risks: RiskFigure = strawberry.field(
        description="Acceptances for versions in use that stand now: neither expired nor ended before."
    )
    trending_up: VersionFigure = strawberry.field(
        description="Versions in use whose overall score is higher than that of the assessment before."
    )


@shape(AccessAnomaly)
class AccessAnomalyShape:
    actor = one(Stakeholder, "Who it was, if a person who is known.", user_id="actor_id")


@strawberry.type(description="Who was denied more on one day than the threshold allows.")
class AccessAnomalies:
    count: int = strawberry.field(description="How many anomalies: one for each actor and UTC day of this month.")
    anomalies: Sequence[AccessAnomaly] = strawberry.field(description="They, the most attempts first.")
    denied: EventFigure = strawberry.field(description="The events that tell of the attempts.")


Threshold = Annotated[
    int, strawberry.argument(description="How many denied attempts of one actor on one UTC day are no anomaly yet.")
]


@strawberry.type(
    description="Whether the audit trail is what it says, as of the last time that the server verified it by itself."
)
class ChainIntegrity:
    valid: bool | None = strawberry.field(
        description="Whether nothing was wrong, short of what the run's caveats leave open; null before the first run."
    )
    verified_at: datetime | None = strawberry.field(description="When that was: when the run ended.")
    last_run: VerificationRun | None = strawberry.field(description="What it verified and found.")
    audit_verifications = subset(VerificationRun, "The runs, the latest first.", ("number", -1), own=lambda _: {})


@strawberry.type(description="What the audit trail shows.")
class DashboardAudit:
    events_today: EventFigure = strawberry.field(description="Events since the UTC day began.")
    policy_violations_this_month: EventFigure = strawberry.field(
        description="POLICY_VIOLATION events since the UTC month began: starts that the gate refused."
    )

    @field(
        "Whether the trail was what it says when the server last verified it; once a fault was found, until all is sound again."
    )
    async def chain_integrity(self) -> ChainIntegrity:
        last = await VerificationRun.last()
        return ChainIntegrity(valid=last and last.found.valid, verified_at=last and last.ended_at, last_run=last)

    @field("Actors who were denied more often on one UTC day of this month than the threshold allows; a thousand at most.")
    async def access_anomalies(self, info: Info, threshold: Threshold = THRESHOLD) -> AccessAnomalies:
        if threshold < 0:
            raise InvalidInput("threshold", "must not be negative")
        found = await figures.anomalies(info.context.now, threshold)
        return AccessAnomalies(count=len(found), anomalies=found, denied=EventFigure(**figures.denied(found)))


@strawberry.type(description="Where governance stands: figures that count what is true at one moment, and list it.")
class Dashboard:
    as_of: datetime = strawberry.field(description="The moment.")

    @field("What is governed.")
    async def inventory(self, info: Info) -> DashboardInventory:
        of = await _counted(info, figures.versions)
        return DashboardInventory(
            models=ModelFigure(count=of["models"]["count"]),
            versions=VersionFigure(**of["versions"]),
            by_risk_tier=[TierFigure(tier=each, **of[each]) for each in RiskTier],
            pending_approval=VersionFigure(**of["pending_approval"]),
            overdue_review=VersionFigure(**of["overdue_review"]),
        )

    @field("How far what is governed does what is asked of it.")
    async def compliance(self, info: Info) -> DashboardCompliance:
        of = await _counted(info, figures.versions)
        total = of["versions"]["count"]

        def share(name: str) -> VersionShare:
            return VersionShare(**of[name], share=of[name]["count"] / total if total else None)

        return DashboardCompliance(
            with_model_card=share("with_model_card"),
            with_risk_assessment=share("with_risk_assessment"),
            with_all_approvals=share("with_all_approvals"),
            policy_violations=VersionFigure(**of["policy_violations"]),
        )

    @field("What is being changed, and was this month.")
    async def changes(self, info: Info) -> DashboardChanges:
        asked, deployed = await _counted(info, figures.changes), await _counted(info, figures.deployments)
        return DashboardChanges(
            open=ChangeFigure(**asked["open"]),
            pending_approval=ChangeFigure(**asked["pending_approval"]),
            deployed_this_month=DeploymentFigure(**deployed["deployed"]),
            rollbacks_this_month=DeploymentFigure(**deployed["rollbacks"]),
        )

    @field("What may go wrong.")
    async def risk(self, info: Info) -> DashboardRisk:
        of = await _counted(info, figures.versions)

        def risks(name: str, versions: str) -> RiskFigure:
            return RiskFigure(count=of[name]["count"], versions=VersionFigure(**of[versions]))

        return DashboardRisk(
            high_risk=VersionFigure(**of["high_risk"]),
            unmitigated_risks=risks("unmitigated_risks", "with_unmitigated_risk"),
            accepted_risks=risks("accepted_risks", "with_accepted_risk"),
            trending_up=VersionFigure(**of["trending_up"]),
        )

    @field("What the audit trail shows; null for those who may not read the trail.")
    async def audit(self, info: Info) -> DashboardAudit | None:
        if not info.context.actor.may(Permission.READ_TRAIL):
            return None
        of = await _counted(info, figures.events)
        return DashboardAudit(
            events_today=EventFigure(**of["today"]), policy_violations_this_month=EventFigure(**of["policy_violations"])
        )


async def _counted(info: Info, wanted: Callable[[datetime], Figures]) -> Mapping[str, Counted]:
    """The figures of one kind of record; each kind is counted once in a request."""

    async def load(those: list[Callable[[datetime], Figures]]) -> Sequence[Mapping[str, Counted]]:
        return [await each(info.context.now).counted() for each in those]

    found: Mapping[str, Counted] = await info.context.loader("dashboard", load).load(wanted)
    return found


@query(name="dashboard")
async def dashboard(info: Info) -> Dashboard:
    """Where governance stands at this moment, in figures; each lists what it counts."""
    return Dashboard(as_of=info.context.now)


PART = Part(types=[AccessAnomalyShape], queries=[dashboard])
