"""The audit trail in the graph: its events, checkpoints, proofs and verifications."""

from collections.abc import AsyncIterator, Mapping
from functools import partial
from math import ceil
from typing import Annotated, Any

import strawberry
from strawberry import UNSET, Parent

from documents.access import Permission
from documents.audit.checkpoints import AuditCheckpoint, AuditKey, keys
from documents.audit.event import AuditEvent, EventSubject
from documents.audit.findings import Fault, Report
from documents.audit.proofs import ConsistencyProof, InclusionProof, prove_consistency, prove_inclusion
from documents.audit.restorations import Restoration
from documents.audit.runs import VerificationRun
from documents.audit.sharing import shared_verification
from documents.audit.trail import Receipt
from documents.audit.verify import EVENTS_A_CALL
from documents.books import BOOKS
from documents.errors import InvalidInput
from documents.store.filters import matches
from documents.values import BigInt, Notes
from documents.versions.version import ModelVersion
from resolvers.graph.aggregates import aggregates
from resolvers.graph.asked import asked_for
from resolvers.graph.connections import Filtered, connection
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one
from resolvers.graph.filters import filter_of, filters
from resolvers.graph.live import live
from resolvers.graph.mutation import query, subscription
from resolvers.graph.types import Node, Part, field, node, shape

EVENTS_A_RECORD = 10  # events are verified ten times as fast as records are answered, about


@node(AuditEvent, hidden=["revision", "canonical"], permit=Permission.READ_TRAIL)
class AuditEventNode(Node):
    @field("The exact text that was hashed (RFC 8785).", reads=["canonical"])
    @staticmethod
    def canonical(event: Parent[AuditEvent]) -> str:
        return event.canonical.decode(errors="replace")


@shape(EventSubject)
class EventSubjectShape:
    model_version = one(ModelVersion, "The version that it names, as it is today.", model_id="model_id", version="version")


AuditEventFilter = filters(
    AuditEvent, "seq", "event_id", "event_type", "outcome", "occurred_at", "actor", "resource", "subject", "action", "request"
)


VerificationRunFilter = filters(VerificationRun, "number", "began_at", "ended_at", "found", "checkpoint_size", "is_news")


@query(permit=Permission.READ_TRAIL)
async def audit_event(info: Info, seq: BigInt | None = UNSET, event_id: str | None = UNSET) -> AuditEvent | None:
    """The event that has the place or the id."""
    given = {"seq": seq, "event_id": event_id}
    asked = {name: value for name, value in given.items() if value not in (None, UNSET)}
    if len(asked) != 1:
        raise InvalidInput("seq", "or `event_id` must be given, and not both")
    return await AuditEvent.seek(asked, asked_of(info, AuditEvent))


audit_events = connection(
    AuditEvent,
    "audit_events",
    "The trail's events are listed oldest first; `last` reads from its end.",
    ("seq", 1),
    permit=Permission.READ_TRAIL,
)


audit_event_aggregates = aggregates(
    AuditEvent,
    "audit_event_aggregates",
    "Groups events, counts each group and computes its figures.",
    permit=Permission.READ_TRAIL,
)


def _cost_of_verification(asked: Mapping[str, Any]) -> int:
    """What a verification costs, in records, by the arguments as a client sent them."""
    first, last = asked.get("from", 0), asked.get("to")
    many = last - first + 1 if isinstance(first, int) and isinstance(last, int) else EVENTS_A_CALL
    return ceil(min(max(many, 1), EVENTS_A_CALL) / EVENTS_A_RECORD)


@query(permit=Permission.READ_TRAIL, cost=_cost_of_verification)
async def audit_verification(
    start: Annotated[BigInt, strawberry.argument(name="from", description="The number of the first event that is verified.")] = 0,
    end: Annotated[
        BigInt | None,
        strawberry.argument(name="to", description="The number of the last event that is verified; default is the newest."),
    ] = UNSET,
    checkpoint: Annotated[
        Notes | None,
        strawberry.argument(description="The checkpoint that you kept proves what it covers; several are all compared."),
    ] = UNSET,
    keys: Annotated[
        list[str] | None,
        strawberry.argument(description="The keys that you trust to have signed `checkpoint`; up to 16."),
    ] = UNSET,
) -> Report:
    """Recomputes hashes, links, tree, head and contents of up to 50,000 events, and names every fault.

    A verification of the whole trail also compares each stored record with what the trail tells of it.
    It costs one record for ten events that it may verify. A server verifies once at a time, and callers who wait share a run.
    """
    return await shared_verification(
        start, None if end is UNSET else end, None if checkpoint is UNSET else checkpoint, keys or (), BOOKS
    )


audit_verifications = connection(
    VerificationRun,
    "audit_verifications",
    "The runs in which the server verified the trail itself, the latest first: the last thousand, and older ones that found "
    "a new fault.",
    ("number", -1),
    permit=Permission.READ_TRAIL,
)


audit_verification_aggregates = aggregates(
    VerificationRun,
    "audit_verification_aggregates",
    "Groups runs in which the server verified the trail itself, counts each group and computes its figures.",
    permit=Permission.READ_TRAIL,
)


@query(permit=Permission.READ_TRAIL)
async def audit_verification_run(info: Info, number: BigInt) -> VerificationRun | None:
    """The run that has the number; null if none."""
    return await VerificationRun.seek({"number": number}, asked_of(info, VerificationRun))


@query(permit=Permission.READ_TRAIL)
async def audit_inclusion_proof(
    seq: Annotated[BigInt, strawberry.argument(description="The event's place in the trail counts from 0.")],
    tree_size: Annotated[
        BigInt | None, strawberry.argument(description="The number of events that the tree has; default is all.")
    ] = UNSET,
) -> InclusionProof:
    """Proves that an event is in the trail as it was at a size; verified by RFC 9162 section 2.1.3.2."""
    return await prove_inclusion(seq, None if tree_size is UNSET else tree_size)


@query(permit=Permission.READ_TRAIL)
async def audit_consistency_proof(
    old: Annotated[BigInt, strawberry.argument(name="from", description="The number of events that the earlier tree has.")],
    size: Annotated[
        BigInt | None,
        strawberry.argument(name="to", description="The number of events that the later tree has; default is all."),
    ] = UNSET,
) -> ConsistencyProof:
    """Proves that the trail only grew from one size to another; verified by RFC 9162 section 2.1.4.2."""
    return await prove_consistency(old, None if size is UNSET else size)


@query(permit=Permission.READ_TRAIL)
async def audit_checkpoint() -> AuditCheckpoint | None:
    """The last checkpoint that was signed; null before the first. Keep it where nobody here can write."""
    return await AuditCheckpoint.newest()


@query(permit=Permission.READ_TRAIL)
async def audit_keys(info: Info) -> list[AuditKey]:
    """The keys that verify the trail's checkpoints: that of the answering server, and earlier ones."""
    return await keys(info.context.verifier_key)


@subscription(name="auditEvents", permit=Permission.READ_TRAIL)
async def audit_events_told(
    info: Info,
    filter: Filtered[filter_of(AuditEvent)] = UNSET,  # type: ignore[valid-type]
) -> AsyncIterator[AuditEvent]:
    """The events are told as they are committed, in order."""
    return live(info, AuditEvent, partial(matches, await asked_for(info.context, filter)))


PART = Part(
    types=[
        AuditEventNode,
        EventSubjectShape,
        shape(Report, name="AuditVerification"),
        shape(Fault, name="AuditFault"),
        shape(Restoration, name="AuditRestoration"),
        node(VerificationRun, hidden=["revision"], permit=Permission.READ_TRAIL),
        shape(AuditCheckpoint, hidden=["revision"]),
        AuditKey,
        shape(InclusionProof, name="AuditInclusionProof"),
        shape(ConsistencyProof, name="AuditConsistencyProof"),
        Receipt,
        AuditEventFilter,
        VerificationRunFilter,
    ],
    queries=[
        audit_event,
        audit_events,
        audit_event_aggregates,
        audit_verification,
        audit_verifications,
        audit_verification_aggregates,
        audit_verification_run,
        audit_checkpoint,
        audit_keys,
        audit_inclusion_proof,
        audit_consistency_proof,
    ],
    subscriptions=[audit_events_told],
)
