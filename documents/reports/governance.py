"""The governance report of one version as data. It is complete, however long the version's history is."""

from pydantic import Field

from documents.access import GovernanceRole
from documents.cards import CardSection
from documents.classification import Classification, KeywordJudgement
from documents.contents import Revision
from documents.datasheets import DatasheetSection
from documents.eligibility.answer import Eligibility, RequirementResult
from documents.incidents import IncidentSeverity
from documents.lineage import UpstreamAlert
from documents.policies import BoundPolicy, Enforcement
from documents.risk.assessment import RiskAssessment
from documents.risk.scales import RiskBand, RiskTier
from documents.values import Count, Digest, Environment, Key, Moment, Name, Names, Statement, Text, Value
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
    """A reported model is the version that a report is about."""

    model_id: Key = Field(description="The id that the model has.")
    name: Name = Field(description="The name that people call it by.")
    description: Text = Field(description="The text says what the model is.")
    tags: Names = Field(description="The words that it is found by.")
    version: Key = Field(description="The name that the version has.")
    tier: RiskTier = Field(description="The risk tier that it has.")
    tier_rationale: Statement | None = Field(description="The text says why a risk manager set the tier; null if none did.")
    classification: Classification = Field(description="The classification says which tier its words suggest.")
    keyword_judgements: tuple[KeywordJudgement, ...] = Field(description="The judgements of words that contain a keyword.")
    status: VersionStatus = Field(description="The status says what the decisions come to.")
    registered_by: Key = Field(description="The user id or service that registered it.")
    registered_at: Moment = Field(description="The time it was registered.")
    retired: Ending | None = Field(description="The ending says why it was taken out of use; null if it was not.")


class ReportedPerson(Value):
    """A reported person is somebody whom a report names."""

    user_id: Key = Field(description="The user id that the person has.")
    name: Name = Field(description="The full name that the person has.")
    department: Name = Field(description="The department that the person works in.")
    roles: tuple[GovernanceRole, ...] = Field(description="The governance roles that the person holds.")
    active: bool = Field(description="Whether the person may still act.")


class Ownership(Value):
    """Ownership says who answers for the version."""

    owner: ReportedPerson = Field(description="The person who is the model owner.")
    data_steward: ReportedPerson = Field(description="The person who is the data steward.")
    accountability: tuple[Assignment, ...] = Field(description="The assignments that are or were made, oldest first.")
    coverage: Coverage = Field(description="The coverage says whether each required role is filled.")


class PurposeAndScope(Value):
    """The scope says what the version is for, is made of and rests on."""

    purpose: str = Field(description="The text says what the version is for.")
    use_cases: tuple[str, ...] = Field(description="The uses that it is put to.")
    restrictions: tuple[str, ...] = Field(description="The uses that are forbidden or restricted.")
    artifacts: tuple[Artifact, ...] = Field(description="The artefacts that it is made of.")
    depends_on: tuple[Dependency, ...] = Field(description="The things that it needs or was made from.")
    upstream_alerts: tuple[UpstreamAlert, ...] = Field(description="The alerts say what is wrong with anything it depends on.")


class AppliedPolicy(BoundPolicy):
    """An applied policy is one that the version is held to."""

    name: Name = Field(description="The name that the policy has.")
    enforcement: Enforcement = Field(description="The enforcement says what an unmet requirement does.")


class Submission(Value):
    """A submission says when and by whom a version was submitted."""

    number: int = Field(description="The number of the submission, which counts from 1.")
    submitted_by: Key = Field(description="The user id of whoever submitted.")
    submitted_at: Moment = Field(description="The time it was submitted.")


class EarlierDecision(Decision):
    """An earlier decision belongs to a round before the current one."""

    changed_since: tuple[DossierPart, ...] = Field(description="The parts that have changed since.")


class PreviousRound(ApprovalRound):
    """A previous round is the one before the current round, while both are open."""

    decisions: tuple[EarlierDecision, ...] = Field(description="The decisions are listed oldest first.")
    counts: bool = Field(description="Whether the previous round counts still, because the current one is not complete.")


class EarlierRound(ApprovalRound):
    """An earlier round is a closed round of approvals, whole."""

    decisions: tuple[EarlierDecision, ...] = Field(description="The decisions are listed oldest first.")
    digest: Digest = Field(description="The digest that `content` takes for the round.")
    closed_at: Moment = Field(description="The time the next round began.")


class Governance(Value):
    """Governance says what binds it, and who decided what."""

    policies_applied: tuple[AppliedPolicy, ...] = Field(description="The policies that apply, by id.")
    requirements: tuple[RequirementResult, ...] = Field(description="The requirements of the policies, and how each stands.")
    dossier: Dossier = Field(description="The dossier has the digests of what is decided on now.")
    submission: Submission | None = Field(description="The submission that opened the current round.")
    approvals: tuple[Approval, ...] = Field(description="The decisions of the current round as they read now, oldest first.")
    previous_round: PreviousRound | None = Field(description="The round before, whole, while it is open; null otherwise.")
    earlier_rounds: tuple[EarlierRound, ...] = Field(description="The closed rounds before, which are whole, oldest first.")
    evidence: tuple[Evidence, ...] = Field(description="The evidence that was attached, withdrawn or not.")
    waivers: tuple[Waiver, ...] = Field(description="The waivers that were granted, standing or not.")
    holds: tuple[Hold, ...] = Field(description="The holds that were placed, lifted or not.")


class AssessmentRecord(Revision):
    """A record is an assessment in a version's history."""

    assessment_id: str = Field(description="The id is RA- and 32 hexadecimal digits.")
    overall_score: float = Field(description="The mean residual score is weighted by impact, 0 to 25.")
    band: RiskBand = Field(description="The band that the score is in.")


class ReportedRisk(Value):
    """A reported risk says what may go wrong, as it was assessed."""

    latest: RiskAssessment | None = Field(description="The latest assessment, which is whole; null if none.")
    assessments: tuple[AssessmentRecord, ...] = Field(description="The assessments are listed oldest first.")
    approvals: tuple[AssessmentApproval, ...] = Field(description="The approvals that assessments got, oldest first.")
    acceptances: tuple[RiskAcceptance, ...] = Field(description="The risks that were accepted, standing or not, oldest first.")


class ReportedCard(Value):
    """A reported card says how complete a card is."""

    completeness: float = Field(description="The share of sections that are filled, from 0 to 1.")
    empty_sections: tuple[CardSection, ...] = Field(description="The sections that are not filled.")
    revisions: tuple[Revision, ...] = Field(description="The revisions are listed oldest first.")


class ReportedDatasheet(DatasheetLink):
    """A reported datasheet is the revision that is linked."""

    name: Name = Field(description="The name that people call the dataset by.")
    completeness: float = Field(description="The share of sections that are filled, from 0 to 1.")
    empty_sections: tuple[DatasheetSection, ...] = Field(description="The sections that are not filled.")
    superseded: bool = Field(description="Whether the datasheet has a newer revision than this.")


class Documentation(Value):
    """Documentation is what is written about the version."""

    card: ReportedCard | None = Field(description="The card that the version has; null if none.")
    datasheets: tuple[ReportedDatasheet, ...] = Field(description="The datasheets that it rests on.")


class ReviewSchedule(Value):
    """A schedule says when the version is reviewed."""

    last_review: Moment | None = Field(description="The time the last review was completed; null before the first.")
    next_review: Moment | None = Field(description="The time the next review is due; null in tier 4.")
    overdue: bool = Field(description="Whether the next review is overdue.")
    reviews: tuple[Review, ...] = Field(description="The periodic reviews are listed oldest first.")


class ReportedDeployment(Value):
    """A deployment says where the version runs or ran."""

    deployment_id: str = Field(description="The id is DEP- and 32 hexadecimal digits.")
    environment: Environment = Field(description="The environment that it runs in.")
    deployed_at: Moment = Field(description="The time it began to run.")
    deployed_by: Key = Field(description="The user id or service that deployed it.")
    change_id: Key = Field(description="The id of the change that brought it.")
    ended_at: Moment | None = Field(description="The time it stopped; null while it runs.")


class ReportedIncident(Value):
    """A reported incident is something that went wrong with the version."""

    incident_id: str = Field(description="The id is INC- and 32 hexadecimal digits.")
    severity: IncidentSeverity = Field(description="The severity says how bad it is.")
    environment: Environment | None = Field(description="The environment where it happened, if stated.")
    title: Name = Field(description="The title says in a line what happened.")
    description: Text = Field(description="The text says what is known of it.")
    opened_by: Key = Field(description="The user id or service that reported it.")
    opened_at: Moment = Field(description="The time it was reported.")
    resolution: Ending | None = Field(description="The resolution, once it is resolved.")


class Operation(Value):
    """Operation says where it runs, and what went wrong."""

    deployments: tuple[ReportedDeployment, ...] = Field(description="The deployments are listed oldest first.")
    incidents: tuple[ReportedIncident, ...] = Field(description="The incidents are listed oldest first.")


class ReportedEvent(Value):
    """A reported event is known by its place and its hash."""

    seq: Count = Field(description="The event's place counts from 0.")
    event_id: str = Field(description="The id that names the event.")
    event_hash: Digest = Field(description="The leaf hash (RFC 9162) is in hexadecimal.")
    occurred_at: Moment = Field(description="The time it happened.")


class TrailAnchor(Value):
    """The anchor says up to where the report tells the trail."""

    origin: str = Field(description="The name that the trail bears.")
    size: Count = Field(description="The number of events that it held.")
    root: Digest = Field(description="The root that the tree of that size has.")
    registration_proven: bool = Field(description="Whether the version's registration is proven to be in the trail.")
    last_event: ReportedEvent | None = Field(description="The last event that is about the version.")


class GovernanceReport(Value):
    """A report tells all about a version's governance."""

    generated_at: Moment = Field(description="The time the report was made.")
    model_info: ReportedModel = Field(description="The version that it is about.")
    ownership: Ownership = Field(description="The section says who answers for it.")
    purpose_and_scope: PurposeAndScope = Field(description="The section says what it is for and made of.")
    deployment_eligibility: Eligibility = Field(description="The eligibility that it has now.")
    governance: Governance = Field(description="The section says what it is held to, and who decided what.")
    risk: ReportedRisk = Field(description="The section says what may go wrong.")
    documentation: Documentation = Field(description="The section says what is written about it.")
    operation: Operation = Field(description="The section says where it runs, and what went wrong.")
    review_schedule: ReviewSchedule = Field(description="The section says when it is reviewed.")
    people: tuple[ReportedPerson, ...] = Field(description="The people whom the report names, by user id.")
    audit_trail: TrailAnchor = Field(description="The anchor says where the audit trail stood.")
