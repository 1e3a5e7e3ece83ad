"""Audit reports from the database."""

from collections import Counter
from datetime import datetime

from documents.audit.event import AuditEvent, AuditEventType, AuditOutcome
from documents.audit.runs import VerificationRun
from documents.audit.trail import AuditHead
from documents.errors import InvalidInput
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
from documents.store.aggregates import Grouping
from documents.store.fields import fields_at

ACTORS, EVENTS = 1_000, 500
ENDINGS = len(AuditEventType) * len(AuditOutcome)
TOLD = fields_at(
    "seq", "event_id", "event_hash", "occurred_at", "event_type", "outcome", "action", "actor.id", "resource.type", "resource.id"
)


async def audit_report(scope: AuditScope, at: datetime) -> AuditReport:
    """What the trail tells of `scope` up to its head at `at`, in as many database commands however much that is.

    The trail only grows, so whatever is counted below is counted over the same events.
    """
    if scope.resource_id is None and scope.model_id is None:
        raise InvalidInput("resource_id", "or `model_id` must say what the report is about")
    if scope.version is not None and scope.model_id is None:
        raise InvalidInput("version", "needs `model_id`: of which model")
    if scope.since and scope.until and scope.until <= scope.since:
        raise InvalidInput("until", "must be after `since`")
    head = await AuditHead.require("head")
    query = scope.query(head.size)
    endings = await AuditEvent.groups(query, [Grouping("event_type", 1), Grouping("outcome", 1)], [], ENDINGS)
    actors = await AuditEvent.groups(query, [Grouping("actor.id", 1), Grouping("actor.type", 1)], [], ACTORS)
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
        integrity=await _integrity(head),
    )


async def _integrity(head: AuditHead) -> TrailIntegrity:
    last = await VerificationRun.last()
    return TrailIntegrity(
        origin=head.origin, size=head.size, root=head.root, valid=last and last.found.valid,
        verified_at=last and last.ended_at, verified_size=last and last.found.tree_size,
        fault_count=last and last.found.fault_count,
    )  # fmt: skip
