"""Loads the reports from the database: of a version's governance, of its risks, and of the audit trail."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from documents import lineage
from documents.audit.event import AuditEvent, AuditEventType, AuditOutcome
from documents.audit.runs import VerificationRun
from documents.audit.trail import AuditHead
from documents.contents import Content
from documents.datasheets import DatasetRecord
from documents.deployments import Deployment
from documents.eligibility.answer import RequirementResult
from documents.eligibility.case import CaseFile
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.errors import InvalidInput
from documents.incidents import Incident
from documents.people import Stakeholder
from documents.reports.audit import (
    ActorCount,
    AuditReport,
    AuditScope,
    AuditSummary,
    EventTypeCount,
    OutcomeCount,
    ToldEvent,
    TrailIntegrity,
)
from documents.reports.governance import (
    AppliedPolicy,
    AssessmentRecord,
    Documentation,
    EarlierDecision,
    EarlierRound,
    Governance,
    GovernanceReport,
    Operation,
    Ownership,
    PreviousRound,
    PurposeAndScope,
    ReportedCard,
    ReportedDatasheet,
    ReportedDeployment,
    ReportedEvent,
    ReportedIncident,
    ReportedModel,
    ReportedPerson,
    ReportedRisk,
    ReviewSchedule,
    Submission,
    TrailAnchor,
)
from documents.reports.risk import RiskReport
from documents.store.aggregates import Grouping, Question
from documents.store.fields import fields_at
from documents.values import Value
from documents.versions.accountability import Coverage
from documents.versions.approvals import ApprovalRound, told
from documents.versions.dependencies import VersionName
from documents.versions.dossier import Dossier
from documents.versions.model import Model
from documents.versions.parts import DatasheetLink
from documents.versions.version import ModelVersion

V = TypeVar("V", bound=Value)

ACTORS, EVENTS = 1_000, 500  # actors and events that an audit report lists
ENDINGS = len(AuditEventType) * len(AuditOutcome)  # as many groups as there can be, so none is cut off
TOLD = fields_at(
    "seq", "event_id", "event_hash", "occurred_at", "event_type", "outcome", "action", "actor.id", "resource.type", "resource.id"
)


async def governance_report(model_id: str, version_name: str, at: datetime) -> GovernanceReport | None:
    """The governance report of one version at `at`; None for an unknown version.

    The number of database commands does not grow with the version's history.
    """
    # The head is read first. So the records that are read below include every change that the trail records up to that head.
    head = await AuditHead.require("head")
    version = await ModelVersion.wanted(model_id, version_name)
    if version is None:
        return None
    model, about = await Model.require(model_id), version.filed_under
    (case,) = await case_files([version], at)
    (alerts,) = await lineage.alerts([VersionName(model_id=model_id, version=version_name)])
    texts = await _texts([*(each.digest for each in version.closed_rounds), *(each.digest for each in version.datasheets)])
    rounds = tuple(_earlier_round(version, case.dossier, texts))
    judged = Judgement(case)
    eligibility = judged.eligibility
    deployments = sorted(await Deployment.every(about), key=lambda each: each.deployed_at)
    incidents = sorted(await Incident.every(about), key=lambda each: each.opened_at)
    people = await _people([version, rounds, eligibility, deployments, incidents])
    reported = {each.user_id: _reported(ReportedPerson, each) for each in people}
    return GovernanceReport(
        generated_at=at,
        model_info=ReportedModel(
            model_id=model_id, name=model.name, description=model.description, tags=model.tags, version=version_name,
            tier=version.tier, tier_rationale=version.tier_rationale, classification=version.classification,
            keyword_judgements=version.keyword_judgements, status=case.status,
            registered_by=version.registered_by, registered_at=version.registered_at, retired=version.retired,
        ),
        ownership=Ownership(
            owner=reported[version.owner_id], data_steward=reported[version.data_steward_id],
            accountability=version.accountability,
            coverage=Coverage.of(version.tier, version.accountability, {each.user_id: each for each in people}),
        ),
        purpose_and_scope=PurposeAndScope(
            purpose=version.purpose, use_cases=version.use_cases, restrictions=version.restrictions,
            artifacts=version.artifacts, depends_on=version.depends_on, upstream_alerts=tuple(alerts),
        ),
        deployment_eligibility=eligibility,
        governance=_governance(version, case, judged.requirements, rounds),
        risk=ReportedRisk(
            latest=version.latest_assessment, assessments=tuple(_assessments(version)),
            approvals=version.assessment_approvals, acceptances=version.acceptances,
        ),
        documentation=_documentation(version, case, texts),
        operation=Operation(
            deployments=tuple(_reported(ReportedDeployment, each) for each in deployments),
            incidents=tuple(_reported(ReportedIncident, each) for each in incidents),
        ),
        review_schedule=ReviewSchedule(
            last_review=version.reviews[-1].at if version.reviews else None, next_review=case.next_review,
            overdue=case.next_review is not None and case.next_review <= at, reviews=version.reviews,
        ),
        people=tuple(reported.values()),
        audit_trail=TrailAnchor(
            origin=head.origin, size=head.size, root=head.root, registration_proven=case.registration_proven,
            last_event=await _last_event(version, head),
        ),
    )  # fmt: skip


async def risk_report(model_id: str, version_name: str, at: datetime) -> RiskReport | None:
    """The report on the latest risk assessment of a version, at `at`; None for an unknown or unassessed version."""
    version = await ModelVersion.wanted(model_id, version_name)
    if version is None or version.latest_assessment is None:
        return None
    latest, approval = version.latest_assessment, version.assessment_approval
    people = await _people([latest, version.acceptances, *([approval] if approval else [])])
    return RiskReport.of(version, latest, [_reported(ReportedPerson, each) for each in people], at)


async def _texts(digests: list[str]) -> dict[str, str]:
    """The canonical texts of the contents with these digests, by digest."""
    found = await Content.read({"digest": {"$in": digests}}) if digests else []
    return {each.digest: each.canonical for each in found}


def _earlier_round(version: ModelVersion, today: Dossier, texts: Mapping[str, str]) -> Iterator[EarlierRound]:
    """The closed rounds of a version."""
    for closed in version.closed_rounds:
        kept = closed.round(texts[closed.digest])
        yield EarlierRound(
            **dict(kept) | {"decisions": _decided(kept, today), "digest": closed.digest, "closed_at": closed.closed_at}
        )


def _previous_round(case: CaseFile) -> PreviousRound | None:
    """The round before the current one, while both are open."""
    previous = case.version.previous_round
    if previous is None:
        return None
    return PreviousRound(**dict(previous) | {"decisions": _decided(previous, case.dossier), "counts": case.next is not None})


def _decided(opened: ApprovalRound, today: Dossier) -> tuple[EarlierDecision, ...]:
    """The decisions of a round, each with the parts of the dossier that changed since."""
    return tuple(
        EarlierDecision(**dict(each) | {"changed_since": each.dossier.changed_by(today)}) for each in told(opened.decisions)
    )


def _governance(
    version: ModelVersion, case: CaseFile, requirements: tuple[RequirementResult, ...], rounds: tuple[EarlierRound, ...]
) -> Governance:
    current = version.round
    submission = _reported(Submission, current) if current else None
    return Governance(
        policies_applied=tuple(
            AppliedPolicy(**dict(each.bound), name=each.says.name, enforcement=each.says.enforcement) for each in case.binding
        ),
        requirements=requirements,
        dossier=case.dossier,
        submission=submission,
        approvals=(case.next or case).decisions,
        previous_round=_previous_round(case),
        earlier_rounds=rounds,
        evidence=version.evidence,
        waivers=version.waivers,
        holds=version.holds,
    )


def _assessments(version: ModelVersion) -> Iterator[AssessmentRecord]:
    for each, revision in zip(version.assessments, version.assessment_revisions, strict=True):
        yield AssessmentRecord(
            **dict(revision), assessment_id=each.assessment_id, overall_score=each.overall_score, band=each.band
        )


def _documentation(version: ModelVersion, case: CaseFile, texts: Mapping[str, str]) -> Documentation:
    card = version.card

    def datasheet(link: DatasheetLink) -> ReportedDatasheet:
        says = DatasetRecord.model_validate_json(texts[link.digest])
        return ReportedDatasheet(
            **dict(link), name=says.dataset_name, completeness=says.completeness, empty_sections=says.empty_sections,
            superseded=link.dataset_id in case.newer_datasheets,
        )  # fmt: skip

    return Documentation(
        card=ReportedCard(completeness=card.completeness, empty_sections=card.empty_sections, revisions=version.card_revisions)
        if card
        else None,
        datasheets=tuple(map(datasheet, version.datasheets)),
    )


async def _last_event(version: ModelVersion, head: AuditHead) -> ReportedEvent | None:
    about = {f"subject.{name}": value for name, value in version.filed_under.items()} | {"seq": {"$lt": head.size}}
    for each in await AuditEvent.read(about, (("seq", -1),), 1, fields_at(*ReportedEvent.model_fields)):
        return _reported(ReportedEvent, each)
    return None


# The fields of reported records that hold user ids.
_NAMING = frozenset(
    {
        "accepted_by", "approved_by", "assessor", "assigned_by", "attached_by", "author", "by", "candidate_ids",
        "data_steward_id", "deployed_by", "email_set_by", "enrolled_by", "granted_by", "issuers", "judged_by",
        "linked_by", "opened_by", "owner", "owner_id", "placed_by", "registered_by", "reviewer_id", "submitted_by", "user_id",
    }
)  # fmt: skip


async def _people(values: Iterable[Any]) -> list[Stakeholder]:
    """The people whose user ids the values hold, by user id; services have no record and are left out."""
    named = sorted({user_id for each in values for user_id in _named(each)})
    return sorted(await Stakeholder.every({"user_id": {"$in": named}}), key=lambda person: person.user_id)


def _reported(kind: type[V], record: Any) -> V:
    """A value of `kind` with the record's fields of the same names."""
    return kind(**{name: getattr(record, name) for name in kind.model_fields})


def _named(value: Any) -> Iterator[str]:
    """Every user id in a value, however deep: those in the fields of `_NAMING`."""
    match value:
        case BaseModel():
            for name in type(value).model_fields:
                said = getattr(value, name)
                if name in _NAMING:
                    yield from (said,) if isinstance(said, str) else said or ()
                else:
                    yield from _named(said)
        case tuple() | list():
            for each in value:
                yield from _named(each)


async def audit_report(scope: AuditScope, at: datetime) -> AuditReport:
    """The report of the events in `scope`, up to the head of the trail as it is now.

    The number of database commands does not grow with the events. Raises InvalidInput if the scope names neither a resource nor
    a model, names a version without its model, or ends before it begins.
    """
    if scope.resource_id is None and scope.model_id is None:
        raise InvalidInput("resource_id", "or `model_id` must say what the report is about")
    if scope.version is not None and scope.model_id is None:
        raise InvalidInput("version", "needs `model_id`: of which model")
    if scope.since and scope.until and scope.until <= scope.since:
        raise InvalidInput("until", "must be after `since`")
    head = await AuditHead.require("head")
    # Events are only ever appended, so each command below counts the same events: those before the head's size.
    query = scope.query(head.size)
    endings = await AuditEvent.groups(query, Question([Grouping("event_type", 1), Grouping("outcome", 1)]), ENDINGS)
    actors = await AuditEvent.groups(query, Question([Grouping("actor.id", 1), Grouping("actor.type", 1)]), ACTORS)
    counted = await AuditEvent.counts(query, {}, {"actors": "actor.id"}, {})
    last = await AuditEvent.read(query, [("seq", -1)], EVENTS, TOLD)
    types, outcomes = Counter[str](), Counter[str]()
    for each in endings:
        types[each["_id"]["k0"]] += each["count"]
        outcomes[each["_id"]["k1"]] += each["count"]
    return AuditReport(
        generated_at=at,
        scope=scope,
        summary=AuditSummary(
            total_events=types.total(),
            unique_actors=counted["actors"],
            outcomes=tuple(OutcomeCount(outcome=each, count=outcomes[each]) for each in AuditOutcome),
        ),
        event_breakdown=tuple(
            EventTypeCount(event_type=each, count=types[each])
            for each in sorted(AuditEventType, key=lambda each: -types[each])
            if types[each]
        ),
        actors=tuple(
            ActorCount(actor_id=each["_id"]["k0"], actor_type=each["_id"]["k1"], count=each["count"]) for each in actors
        ),
        actors_left_out=max(counted["actors"] - len({each["_id"]["k0"] for each in actors}), 0),
        events=tuple(ToldEvent.of(each) for each in reversed(last)),
        events_left_out=types.total() - len(last),
        integrity=await _integrity(head, at),
    )


async def _integrity(head: AuditHead, at: datetime) -> TrailIntegrity:
    last = await VerificationRun.last(at)
    return TrailIntegrity(
        origin=head.origin, size=head.size, root=head.root, valid=last and last.valid_at(at),
        verified_at=last and last.ended_at, verified_size=last and last.found.tree_size,
        fault_count=last and last.found.fault_count,
    )  # fmt: skip
