"""The dashboard in the graph: each figure has a count and a list of the records that it counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import strawberry

from documents import dashboard as figures
from documents.access import Permission
from documents.audit.event import AuditEvent
from documents.audit.runs import VerificationRun
from documents.changes.request import ChangeRequest
from documents.dashboard import AccessAnomaly, Counted, shared
from documents.deployments import Deployment
from documents.errors import InvalidInput
from documents.people import Stakeholder
from documents.risk.scales import RiskTier
from documents.store.units import Raw
from documents.tokens import ApiToken
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


@strawberry.type(description="A figure counts and lists models.")
class ModelFigure:
    count: int = strawberry.field(description="The number of models that it counts.")
    models = subset(Model, "The models that it counts, by their id.", ("model_id", 1), own=lambda _: figures.models_in_use())


@strawberry.type(description="A figure counts and lists versions.")
class VersionFigure:
    count: int = strawberry.field(description="The number of versions that it counts.")
    query: strawberry.Private[Raw]
    model_versions = subset(ModelVersion, "The versions that it counts, oldest first.", ("registered_at", 1), own=_own)


@strawberry.type(description="A figure counts and lists the versions in a tier.")
class TierFigure(VersionFigure):
    tier: RiskTier = strawberry.field(description="The tier that the versions are in.")


@strawberry.type(description="A share counts and lists versions of those in use, or of those that were submitted.")
class VersionShare(VersionFigure):
    share: float | None = strawberry.field(
        description="The share that they are, from 0 to 1: of the versions in use, and for approvals of the submitted ones."
    )


@strawberry.type(description="A figure counts risks and lists their versions.")
class RiskFigure:
    count: int = strawberry.field(description="The number of risks, of which a version can have several.")
    versions: VersionFigure = strawberry.field(description="The versions that have the risks.")


@strawberry.type(description="A figure counts and lists changes.")
class ChangeFigure:
    count: int = strawberry.field(description="The number of changes that it counts.")
    query: strawberry.Private[Raw]
    change_requests = subset(ChangeRequest, "The changes that it counts, latest first.", ("created_at", -1), own=_own)


@strawberry.type(description="A figure counts and lists changes that took something back, by kind.")
class RollbackFigure(ChangeFigure):
    returns: ChangeFigure = strawberry.field(description="The rollbacks after which a version runs.")
    decommissions: ChangeFigure = strawberry.field(description="The changes after which no version runs.")


@strawberry.type(description="A figure counts and lists deployments.")
class DeploymentFigure:
    count: int = strawberry.field(description="The number of deployments that it counts.")
    query: strawberry.Private[Raw]
    deployments = subset(Deployment, "The deployments that it counts, latest first.", ("deployed_at", -1), own=_own)


@strawberry.type(description="A figure counts and lists tokens.")
class TokenFigure:
    count: int = strawberry.field(description="The number of tokens that it counts.")
    query: strawberry.Private[Raw]
    api_tokens = subset(
        ApiToken, "The tokens that it counts, for administrators and auditors: the first to expire first; null for others.",
        ("expires_at", 1), own=_own, permit=Permission.READ_TOKENS,
    )  # fmt: skip


@strawberry.type(description="A figure counts and lists events.")
class EventFigure:
    count: int = strawberry.field(description="The number of events that it counts.")
    query: strawberry.Private[Raw]
    audit_events = subset(AuditEvent, "The events that it counts, oldest first.", ("seq", 1), own=_own)


@strawberry.type(description="The inventory is what is governed: versions in use are not RETIRED.")
class DashboardInventory:
    models: ModelFigure = strawberry.field(description="The models that have a version in use.")
    versions: VersionFigure = strawberry.field(description="The versions that are in use.")
    by_risk_tier: list[TierFigure] = strawberry.field(description="The versions in use are counted by tier.")
    pending_approval: VersionFigure = strawberry.field(
        description="The versions in use that are PENDING_APPROVAL now, after a lapsed approval too."
    )
    overdue_review: VersionFigure = strawberry.field(description="The versions in use whose periodic review is due by now.")

    @field("The versions whose standing is still to be computed anew, because rules, a policy or the time changed.")
    async def to_be_judged(self, info: Info) -> VersionFigure:
        return VersionFigure(**await shared(figures.to_be_judged, info.context.now))


@strawberry.type(description="The figures count versions in use, which are not RETIRED.")
class DashboardCompliance:
    with_model_card: VersionShare = strawberry.field(description="The versions in use whose model card has no empty section.")
    with_risk_assessment: VersionShare = strawberry.field(description="The versions in use that have a risk assessment.")
    with_all_approvals: VersionShare = strawberry.field(
        description="The versions in use that were submitted and whose required approvals all count now; tier 4 needs none. "
        "The share is of the submitted versions in use."
    )
    policy_violations: VersionFigure = strawberry.field(
        description="The versions in use that violate an unwaived blocking requirement now."
    )


@strawberry.type(description="The figures say what is changing, and changed this UTC month.")
class DashboardChanges:
    open: ChangeFigure = strawberry.field(
        description="The changes that are not COMPLETED, FAILED, REJECTED, ROLLED_BACK or CANCELLED."
    )
    pending_approval: ChangeFigure = strawberry.field(description="The changes that are SUBMITTED or UNDER_REVIEW.")
    deployed_this_month: DeploymentFigure = strawberry.field(
        description="The deployments that began in this UTC month, running or not."
    )
    rollbacks_this_month: RollbackFigure = strawberry.field(
        description="The rollbacks and decommissions that were completed in this UTC month, rolled back since or not."
    )

    @field(
        "The changes of basis MITIGATION whose version still runs there while a hold or critical incident that they name stands."
    )
    async def running_mitigations(self, info: Info) -> ChangeFigure:
        return ChangeFigure(**await shared(figures.running, info.context.now))

    @field("The completed rollbacks of basis FORMER whose target still runs there, and is not eligible there now.")
    async def lacking_returns(self, info: Info) -> ChangeFigure:
        return ChangeFigure(**await shared(figures.lacking, info.context.now))


@strawberry.type(description="The figures count versions in use, which are not RETIRED.")
class DashboardRisk:
    high_risk: VersionFigure = strawberry.field(description="The versions in use whose latest overall score is 10 or more.")
    unmitigated_risks: RiskFigure = strawberry.field(
        description="The latest risks of versions in use that score 10 or more, without control or standing acceptance."
    )
    accepted_risks: RiskFigure = strawberry.field(description="The acceptances for versions in use that stand now.")
    trending_up: VersionFigure = strawberry.field(description="The versions in use whose overall score rose last.")


@shape(AccessAnomaly)
class AccessAnomalyShape:
    actor = one(Stakeholder, "The person who was denied; null if unknown.", user_id="actor_id")


@strawberry.type(description="The anomalies are actors who were denied too often on a day.")
class AccessAnomalies:
    count: int = strawberry.field(description="The anomalies are counted by actor and UTC day of this month.")
    anomalies: Sequence[AccessAnomaly] = strawberry.field(description="The anomalies are listed, most attempts first.")
    denied: EventFigure = strawberry.field(description="The events that tell of the attempts.")


Threshold = Annotated[
    int, strawberry.argument(description="The number of denied attempts, by actor and UTC day, that is no anomaly yet.")
]


@strawberry.type(description="The integrity says what the last verification found.")
class ChainIntegrity:
    valid: bool | None = strawberry.field(
        description="Whether the last run found no fault; null before the first, and if none was found and a run is overdue."
    )
    unverified_since: datetime | None = strawberry.field(
        description="The time since which nothing could be verified; null unless a run is overdue."
    )
    verified_at: datetime | None = strawberry.field(description="The time the run ended.")
    last_run: VerificationRun | None = strawberry.field(description="The last run that was made.")
    audit_verifications = subset(VerificationRun, "The runs are listed latest first.", ("number", -1), own=lambda _: {})


@strawberry.type(description="The audit figures say what the audit trail shows.")
class DashboardAudit:
    events_today: EventFigure = strawberry.field(description="The events that happened since the UTC day began.")
    policy_violations_this_month: EventFigure = strawberry.field(
        description="The POLICY_VIOLATION events of this UTC month, which are starts that the gate refused."
    )

    @field("The integrity that was found last.")
    async def chain_integrity(self, info: Info) -> ChainIntegrity:
        now = info.context.now
        last = await VerificationRun.last(now)
        return ChainIntegrity(
            valid=last and last.valid_at(now),
            unverified_since=last and last.unverified_since(now),
            verified_at=last and last.ended_at,
            last_run=last,
        )

    @field("The actors who were denied too often on a UTC day of this month, 1,000 at most.")
    async def access_anomalies(self, info: Info, threshold: Threshold = THRESHOLD) -> AccessAnomalies:
        if threshold < 0:
            raise InvalidInput("threshold", "must not be negative")
        found = await shared(figures.anomalies, info.context.now, threshold)
        return AccessAnomalies(count=len(found), anomalies=found, denied=EventFigure(**figures.denied(found)))


@strawberry.type(description="The dashboard says where governance stands.")
class Dashboard:
    as_of: datetime = strawberry.field(description="The time of the question; no figure is of an earlier one.")

    @field("The inventory is what is governed.")
    async def inventory(self, info: Info) -> DashboardInventory:
        of = await _counted(info, figures.versions)
        return DashboardInventory(
            models=ModelFigure(count=of["models"]["count"]),
            versions=VersionFigure(**of["versions"]),
            by_risk_tier=[TierFigure(tier=each, **of[each]) for each in RiskTier],
            pending_approval=VersionFigure(**of["pending_approval"]),
            overdue_review=VersionFigure(**of["overdue_review"]),
        )

    @field("The figures say how far requirements are met.")
    async def compliance(self, info: Info) -> DashboardCompliance:
        of = await _counted(info, figures.versions)

        def share(name: str, among: str = "versions") -> VersionShare:
            total = of[among]["count"]
            return VersionShare(**of[name], share=of[name]["count"] / total if total else None)

        return DashboardCompliance(
            with_model_card=share("with_model_card"),
            with_risk_assessment=share("with_risk_assessment"),
            with_all_approvals=share("with_all_approvals", "submitted"),
            policy_violations=VersionFigure(**of["policy_violations"]),
        )

    @field("The figures say what is changing, and changed this month.")
    async def changes(self, info: Info) -> DashboardChanges:
        asked, deployed = await _counted(info, figures.changes), await _counted(info, figures.deployments)
        return DashboardChanges(
            open=ChangeFigure(**asked["open"]),
            pending_approval=ChangeFigure(**asked["pending_approval"]),
            deployed_this_month=DeploymentFigure(**deployed["deployed"]),
            rollbacks_this_month=RollbackFigure(
                **asked["rollbacks"],
                returns=ChangeFigure(**asked["returns"]),
                decommissions=ChangeFigure(**asked["decommissions"]),
            ),
        )

    @field("The figures say what may go wrong.")
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

    @field("The personal tokens and those of services that stand and expire within 30 days; an exchanged token is none of them.")
    async def expiring_tokens(self, info: Info) -> TokenFigure:
        return TokenFigure(**(await _counted(info, figures.tokens))["expiring"])

    @field("The figures say what the trail shows, for its readers; null for others.", guarded=True)
    async def audit(self, info: Info) -> DashboardAudit | None:
        if not info.context.actor.may(Permission.READ_TRAIL):
            return None
        of = await _counted(info, figures.events)
        return DashboardAudit(
            events_today=EventFigure(**of["today"]), policy_violations_this_month=EventFigure(**of["policy_violations"])
        )


async def _counted(info: Info, wanted: figures.Wanted) -> Mapping[str, Counted]:
    """The figures of one kind of record; each kind is counted once in a request."""

    async def load(those: list[figures.Wanted]) -> Sequence[Mapping[str, Counted]]:
        return [await shared(figures.counted, info.context.now, each) for each in those]

    found: Mapping[str, Counted] = await info.context.loader("dashboard", load).load(wanted)
    return found


@query(name="dashboard")
async def dashboard(info: Info) -> Dashboard:
    """The dashboard says where governance stands now."""
    return Dashboard(as_of=info.context.now)


PART = Part(types=[AccessAnomalyShape], queries=[dashboard])
