"""One event of the trail as it is stored: what happened, to which record, by whom, and the hash of the event before it."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from documents.access import ActorType
from documents.audit.resource import EventResource
from documents.store.indexes import index
from documents.store.record import Record
from documents.store.units import Raw
from documents.values import Choice, Count, Digest, FreeObject, Moment, Value

SCHEMA = 2


class AuditEventType(Choice):
    """An event is of one of these types."""

    MODEL_REGISTERED = "model_registered", "A model or a version of one came under governance."
    MODEL_UPDATED = (
        "model_updated",
        "A model, or the scope, card, datasheets, evidence, tier or accountability of a version changed.",
    )
    MODEL_DEPLOYED = "model_deployed", "A version began to run in an environment."
    MODEL_RETIRED = "model_retired", "A version was taken out of use."
    APPROVAL_REQUESTED = "approval_requested", "A round of approvals was opened."
    APPROVAL_GRANTED = "approval_granted", "A required role approved, with or without conditions."
    APPROVAL_DENIED = "approval_denied", "A required role rejected, or withdrew its approval."
    ACCESS_GRANTED = "access_granted", "Somebody got a token, a role or an account."
    ACCESS_REVOKED = "access_revoked", "Somebody lost a token, a role or an account."
    ACCESS_ATTEMPT = "access_attempt", "A sign-in or a permission was refused."
    CHANGE_REQUESTED = "change_requested", "A change was requested."
    CHANGE_APPROVED = "change_approved", "A reviewer approved or refused a change."
    CHANGE_DEPLOYED = "change_deployed", "A deployment started or ended."
    CHANGE_ROLLED_BACK = "change_rolled_back", "A change was taken back."
    RISK_ASSESSED = "risk_assessed", "The risks of a version were assessed."
    RISK_ACCEPTED = "risk_accepted", "Somebody accepted a residual risk."
    RISK_MITIGATED = "risk_mitigated", "The treatment of a risk was changed."
    COMPLIANCE_CHECK = "compliance_check", "Requirements were checked, or a review was completed."
    POLICY_VIOLATION = "policy_violation", "A policy stopped the start of a change."
    INCIDENT_CREATED = "incident_created", "An incident was reported."
    INCIDENT_ESCALATED = "incident_escalated", "The severity of an incident was raised."
    INCIDENT_RESOLVED = "incident_resolved", "An incident was resolved."
    CHANGE_UPDATED = "change_updated", "A change's plan, tests, schedule or comments changed."
    HOLD_PLACED = "hold_placed", "A hold stopped a version's deployment."
    HOLD_LIFTED = "hold_lifted", "A hold was lifted by the role that placed it."
    WAIVER_GRANTED = "waiver_granted", "A version was excepted from a requirement for a time."
    WAIVER_REVOKED = "waiver_revoked", "A waiver was revoked before it expired."
    POLICY_CHANGED = "policy_changed", "A policy was written, revised or retired."
    ENVIRONMENT_CHANGED = "environment_changed", "An environment was declared, changed or retired."
    RISK_TEMPLATE_CREATED = "risk_template_created", "A risk was added to the questionnaire."
    RISK_TEMPLATE_RETIRED = "risk_template_retired", "A risk was taken off the questionnaire."
    DATASHEET_SAVED = "datasheet_saved", "A datasheet was written or revised."
    IDENTITY_CONFIRMED = "identity_confirmed", "Somebody's identity was confirmed."
    ENROLMENT_RESET = "enrolment_reset", "Somebody's tokens and enrolment were ended."
    SYSTEM_STARTED = "system_started", "The service prepared or migrated a database."


class AuditOutcome(Choice):
    """An event ended in one of these ways."""

    SUCCESS = "success", "All that was asked was done."
    FAILURE = "failure", "A rule refused it or it failed; nothing changed."
    PARTIAL = "partial", "A part was done; the details say what was left out."
    DENIED = "denied", "The caller had no permission; nothing changed."


class EventActor(Value):
    """The actor is whoever caused the event."""

    ordered: ClassVar = frozenset({"id", "type"})
    grouped: ClassVar = frozenset({"id", "type"})

    id: str = Field(description="The actor is a user id, a service's name, or `system`.")
    type: ActorType = Field(description="The actor is a person, a program, or Magistrate itself.")


class EventSubject(Value):
    """The subject is the model, or the version of it, that an event is about."""

    ordered: ClassVar = frozenset({"model_id"})  # not by version: events are never rewritten, so they hold no key for it
    grouped: ClassVar = frozenset({"model_id", "version"})
    semantic: ClassVar = frozenset({"version"})

    model_id: str = Field(description="The id that names the model.")
    version: str = Field(description="The name that the version has; empty for the model as a whole.")


class EventRequest(Value):
    """The request is what caused the event."""

    grouped: ClassVar = frozenset({"ip", "token", "operation"})

    id: str = Field(description="The id of the request, which all of its events share; the answer has it as `x-request-id`.")
    ip: str | None = Field(description="The address that the request came from.")
    token: str | None = Field(description="The id of the token that signed in; never its secret.")
    token_issuer: str | None = Field(
        description="The user id of whoever issued the token, or the issuer that signed it and the run it is of."
    )
    operation: str | None = Field(description="The name that the client gave its operation.")


class AuditEvent(Record):
    """An event tells of one change or refusal."""

    keys: ClassVar = ("event_id",)
    unique: ClassVar = frozenset({"seq"})
    ordered: ClassVar = frozenset({"seq", "event_id", "event_type", "outcome", "occurred_at", "action"})
    grouped: ClassVar = frozenset({"event_type", "outcome", "action"})
    bounded: ClassVar = frozenset({"seq", "occurred_at"})

    seq: Count = Field(description="The event's place counts from 0 without gap.")
    schema_version: int = Field(alias="schema", description="The form that the event has: 2 today, 1 before release 0.3.0.")
    origin: str = Field(description="The trail's name, which never changes.")
    event_id: str = Field(description="The id is AUD- and 32 hexadecimal digits.")
    event_type: AuditEventType = Field(description="The type says what happened.")
    outcome: AuditOutcome = Field(description="The outcome says how the attempt ended.")
    occurred_at: Moment = Field(description="The time it happened, in the trail's order.")
    actor: EventActor = Field(description="The actor is whoever caused the event.")
    resource: EventResource = Field(description="The resource is the record in question.")
    subject: EventSubject | None = Field(description="The model and version that it is about; null for none.")
    action: str = Field(description="The name of the mutation that caused the event.")
    details: FreeObject = Field(description="The details are `changes` (paths, `from`, `to`) and `facts`, and `baseline` once.")
    request: EventRequest = Field(description="The request that caused the event.")
    previous_hash: Digest = Field(description="The `eventHash` that the event before has, or 64 zeros.")
    event_hash: Digest = Field(description="The leaf hash is SHA-256(0x00 || canonical) (RFC 9162).")
    nodes: tuple[Digest, ...] = Field(description="The hashes of the subtrees that it completes, level 1 first.")
    canonical: bytes = Field(description="The exact bytes that were hashed, as canonical JSON (RFC 8785).")

    collection: ClassVar = "audit_events"
    indexes: ClassVar = [
        # The unique indexes refuse a second event in the same place and a second one after the same event.
        index("seq", unique=True),
        index("previous_hash", unique=True),
        index("occurred_at", "seq"),
        index("resource.id", "seq"),
        # Judging a version looks up the event of its registration (`eligibility.loading`).
        index("resource.id", "resource.type", where={"event_type": AuditEventType.MODEL_REGISTERED}),
        # Signing in looks up the last change of a token and of a person (`audit.sealing`), whatever was refused about them.
        index("resource.id", "resource.type", "outcome", where={"outcome": AuditOutcome.SUCCESS}),
        index("subject.model_id", "seq"),
        index("subject.model_id", "subject.version", "seq"),
    ]

    @classmethod
    async def denials(cls, since: datetime, threshold: int, limit: int) -> list[Raw]:
        """The actors who were denied more than `threshold` attempts on one UTC day since `since`, most attempts first.

        Returns at most `limit` groups: `_id` with `actor_id` and `day` (`YYYY-MM-DD`), `attempts`, and `events`.
        """
        who = {"actor_id": "$actor.id", "day": {"$dateToString": {"date": "$occurred_at", "format": "%Y-%m-%d"}}}
        # One event can stand for several failed sign-ins; then its facts hold their number.
        attempts = {"$sum": {"$ifNull": ["$details.facts.attempts", 1]}}
        steps: list[Raw] = [
            {"$match": {"occurred_at": {"$gte": since}, "outcome": AuditOutcome.DENIED}},
            {"$group": {"_id": who, "attempts": attempts, "events": {"$sum": 1}}},
            {"$match": {"attempts": {"$gt": threshold}}},
            {"$sort": {"attempts": -1, "_id": 1}},
            {"$limit": limit},
        ]
        return await cls.aggregated(steps)
