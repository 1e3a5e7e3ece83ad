"""The governance report of one version, as data: complete, however long its history."""

from pydantic import Field

from documents.access import GovernanceRole
from documents.cards import CardSection
from documents.classification import Classification
from documents.contents import Revision
from documents.datasheets import DatasheetSection
from documents.eligibility.answer import Eligibility, RequirementResult
from documents.incidents import IncidentSeverity
from documents.lineage import UpstreamAlert
from documents.policies import BoundPolicy, Enforcement
from documents.risk.assessment import RiskAssessment
from documents.risk.scales import RiskBand, RiskTier
from documents.values import Count, Digest, Key, Moment, Name, Names, Place, Statement, Text, Value
from documents.versions.accountability import Assignment, Coverage
from documents.versions.approvals import Approval, ApprovalRound, Decision
from documents.versions.dependencies import Dependency
from documents.versions.dossier import Dossier, DossierPart
from documents.versions.evidence import Evidence
from documents.versions.holds import Hold
from documents.versions.lifecycle import VersionStatus
from documents.versions.parts import Artifact, DatasheetLink, Ending, Review
from documents.versions.risks import AssessmentApproval, RiskAcceptance
from documents.versions.waivers import Waiver


class ReportedModel(Value):
    """Which version a report is about."""

    model_id: Key = Field(description="The model.")
    name: Name = Field(description="What people call it.")
    description: Text = Field(description="What it is, in a sentence or two.")
    tags: Names = Field(description="Words to find it by.")
    version: Key = Field(description="The version.")
    tier: RiskTier = Field(description="Its risk tier.")
    tier_rationale: Statement | None = Field(description="Why a risk manager set the tier; nothing where nobody did.")
    classification: Classification = Field(description="What its words suggest, and which words.")
    status: VersionStatus = Field(description="What the decisions say of it.")
    registered_by: Key = Field(description="Who registered it: a user id or a service.")
    registered_at: Moment = Field(description="When.")
    retired: Ending | None = Field(description="Why it was taken out of use, if it was.")


class ReportedPerson(Value):
    """Somebody whom a report names, as that person is today."""

    user_id: Key = Field(description="The user id.")
    name: Name = Field(description="Full name.")
    department: Name = Field(description="Where the person works.")
    roles: tuple[GovernanceRole, ...] = Field(description="Every governance role held.")
    active: bool = Field(description="Whether the person may still act.")


class Ownership(Value):
    """Who answers for the version."""

    owner: ReportedPerson = Field(description="The model owner.")
    data_steward: ReportedPerson = Field(description="The data steward.")
    accountability: tuple[Assignment, ...] = Field(
        description="Everybody who is or was accountable, in which role and when; first one first."
    )
    coverage: Coverage = Field(description="Whether somebody answers for it in every role that its tier demands.")


class PurposeAndScope(Value):
    """What the version is for, what it is made of and what it rests on."""

    purpose: str = Field(description="What it is for.")
    use_cases: tuple[str, ...] = Field(description="What it is used for.")
    restrictions: tuple[str, ...] = Field(description="What it must not be used for, or only how.")
    artifacts: tuple[Artifact, ...] = Field(description="What it is made of.")
    depends_on: tuple[Dependency, ...] = Field(description="What it was made from, and what it needs to run.")
    upstream_alerts: tuple[UpstreamAlert, ...] = Field(
        description="What is wrong with anything that it depends on, however far away."
    )


class AppliedPolicy(BoundPolicy):
    """A policy that the version is held to."""

    name: Name = Field(description="What it is called.")
    enforcement: Enforcement = Field(description="What an unmet requirement does.")


class Submission(Value):
    """When and by whom a version was submitted for approval."""

    number: int = Field(description="Which submission, 1 for the first.")
    submitted_by: Key = Field(description="The user id of whoever submitted.")
    submitted_at: Moment = Field(description="When.")


class EarlierDecision(Decision):
    """A decision of a closed round."""

    changed_since: tuple[DossierPart, ...] = Field(description="The parts of what was decided about that are different today.")


class EarlierRound(ApprovalRound):
    """A closed round of approvals, whole."""

    decisions: tuple[EarlierDecision, ...] = Field(description="Every decision, first one first.")
    digest: Digest = Field(description="`content(digest)` is the round as it was closed.")
    closed_at: Moment = Field(description="When the next one began.")


class Governance(Value):
    """What the version is held to, and who decided what."""

    policies_applied: tuple[AppliedPolicy, ...] = Field(description="The policies, by id.")
    requirements: tuple[RequirementResult, ...] = Field(description="Everything that they require, and how it stands.")
    dossier: Dossier = Field(description="Digests of what there is to decide about now.")
    submission: Submission | None = Field(description="What opened the current round; nothing for a draft.")
    approvals: tuple[Approval, ...] = Field(description="Every decision of the current round as it reads now, first one first.")
    earlier_rounds: tuple[EarlierRound, ...] = Field(description="The rounds before, whole, first one first.")
    evidence: tuple[Evidence, ...] = Field(description="Everything attached as evidence, withdrawn or not.")
    waivers: tuple[Waiver, ...] = Field(description="Every exception that was granted, standing or not.")
    holds: tuple[Hold, ...] = Field(description="Every hold that was placed, lifted or not.")


class AssessmentRecord(Revision):
    """One risk assessment in a version's history."""

    assessment_id: str = Field(description="RA- and 32 hexadecimal digits.")
    overall_score: float = Field(description="The mean of the residual scores, each weighted by its impact, 0 to 25.")
    band: RiskBand = Field(description="The band of that score.")


class ReportedRisk(Value):
    """What may go wrong, as it was assessed."""

    latest: RiskAssessment | None = Field(description="The latest assessment, whole.")
    assessments: tuple[AssessmentRecord, ...] = Field(description="Every assessment, first one first.")
    approvals: tuple[AssessmentApproval, ...] = Field(description="Those of them that were approved, first one first.")
    acceptances: tuple[RiskAcceptance, ...] = Field(description="Every risk that was accepted, standing or not, first one first.")


class ReportedCard(Value):
    """How far a model card is, and every revision of it."""

    completeness: float = Field(description="The share of its sections that are filled.")
    empty_sections: tuple[CardSection, ...] = Field(description="Those that are not.")
    revisions: tuple[Revision, ...] = Field(description="Every revision, first one first.")


class ReportedDatasheet(DatasheetLink):
    """A linked datasheet, in the revision that the link pins."""

    name: Name = Field(description="What people call the dataset.")
    completeness: float = Field(description="The share of its sections that are filled.")
    empty_sections: tuple[DatasheetSection, ...] = Field(description="Those that are not.")
    superseded: bool = Field(description="Whether the datasheet has a newer revision than this.")


class Documentation(Value):
    """What is written about the version and its data."""

    card: ReportedCard | None = Field(description="Its model card.")
    datasheets: tuple[ReportedDatasheet, ...] = Field(description="The datasheets that it rests on.")


class ReviewSchedule(Value):
    """When the version was looked at again, and when it will be."""

    last_review: Moment | None = Field(description="When the last periodic review was completed.")
    next_review: Moment | None = Field(description="When the next one is due; nothing in tier 4.")
    overdue: bool = Field(description="Whether that is past.")
    reviews: tuple[Review, ...] = Field(description="Every periodic review, first one first.")


class ReportedDeployment(Value):
    """That the version runs, or ran, in an environment."""

    deployment_id: str = Field(description="DEP- and 32 hexadecimal digits.")
    environment: Place = Field(description="Where.")
    deployed_at: Moment = Field(description="From when on.")
    deployed_by: Key = Field(description="Who completed its deployment: a user id or a service.")
    change_id: Key = Field(description="The change that brought it.")
    ended_at: Moment | None = Field(description="Until when; nothing while it runs.")


class ReportedIncident(Value):
    """Something that went wrong with the version."""

    incident_id: str = Field(description="INC- and 32 hexadecimal digits.")
    severity: IncidentSeverity = Field(description="How bad it is.")
    environment: Place | None = Field(description="Where it happened; nothing if nobody said.")
    title: Name = Field(description="What happened, in a line.")
    description: Text = Field(description="What is known of it.")
    opened_by: Key = Field(description="Who reported it: a user id or a service.")
    opened_at: Moment = Field(description="When it was reported.")
    resolution: Ending | None = Field(description="How it ended; nothing while it is open.")


class Operation(Value):
    """Where the version runs and ran, and what went wrong with it."""

    deployments: tuple[ReportedDeployment, ...] = Field(description="Every deployment, first one first.")
    incidents: tuple[ReportedIncident, ...] = Field(description="Every incident, first one first.")


class ReportedEvent(Value):
    """An event of the audit trail, by its place and its hash."""

    seq: Count = Field(description="Place in the trail, from 0.")
    event_id: str = Field(description="The event's own name.")
    event_hash: Digest = Field(description="RFC 9162 leaf hash, hexadecimal.")
    occurred_at: Moment = Field(description="When.")


class TrailAnchor(Value):
    """Where the audit trail stood when the report was begun: the report holds whatever the trail tells up to there."""

    origin: str = Field(description="The trail's name.")
    size: Count = Field(description="How many events it held.")
    root: Digest = Field(description="Root of the Merkle tree of that size, hexadecimal.")
    registration_proven: bool = Field(description="Whether the version's registration is proven to be in the trail.")
    last_event: ReportedEvent | None = Field(description="The last event about the version among them.")


class GovernanceReport(Value):
    """Everything about the governance of one version; complete, however long its history."""

    generated_at: Moment = Field(description="When the report was made.")
    model_info: ReportedModel = Field(description="Which version it is about.")
    ownership: Ownership = Field(description="Who answers for it.")
    purpose_and_scope: PurposeAndScope = Field(description="What it is for, and what it is made of.")
    deployment_eligibility: Eligibility = Field(description="Whether it may be deployed now.")
    governance: Governance = Field(description="What it is held to, and who decided what.")
    risk: ReportedRisk = Field(description="What may go wrong.")
    documentation: Documentation = Field(description="What is written about it.")
    operation: Operation = Field(description="Where it runs and ran, and what went wrong.")
    review_schedule: ReviewSchedule = Field(description="When it is reviewed.")
    people: tuple[ReportedPerson, ...] = Field(description="Everybody whom the report names, by user id.")
    audit_trail: TrailAnchor = Field(description="Where the audit trail stood.")
