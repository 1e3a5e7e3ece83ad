"""One event of the trail, as stored: what happened, to what, by whom, and what binds it to the event before."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from documents.access import ActorType
from documents.store.indexes import index
from documents.store.record import Record
from documents.store.units import Raw
from documents.values import Choice, Count, Digest, FreeObject, Moment, Value

SCHEMA = 1


class AuditEventType(Choice):
    """What kind of thing happened."""

    MODEL_REGISTERED = "model_registered", "A model or a version of one came under governance."
    MODEL_UPDATED = "model_updated", "A version changed: scope, card, datasheet link, evidence, tier or accountability."
    MODEL_DEPLOYED = "model_deployed", "A version began to run in an environment."
    MODEL_RETIRED = "model_retired", "A version was taken out of use."
    APPROVAL_REQUESTED = "approval_requested", "A round of approvals was opened."
    APPROVAL_GRANTED = "approval_granted", "A required role approved, with or without conditions."
    APPROVAL_DENIED = "approval_denied", "A required role rejected, or withdrew its approval."
    ACCESS_GRANTED = "access_granted", "Somebody got a token, a role or an account."
    ACCESS_REVOKED = "access_revoked", "Somebody lost a token, a role or an account."
    ACCESS_ATTEMPT = "access_attempt", "A sign-in or a permission was refused."
    CHANGE_REQUESTED = "change_requested", "A change was proposed."
    CHANGE_APPROVED = "change_approved", "A reviewer approved a change or refused it, as the details say."
    CHANGE_DEPLOYED = "change_deployed", "A deployment started or ended."
    CHANGE_ROLLED_BACK = "change_rolled_back", "A change was taken back."
    RISK_ASSESSED = "risk_assessed", "The risks of a version were assessed."
    RISK_ACCEPTED = "risk_accepted", "Somebody took a remaining risk on."
    RISK_MITIGATED = "risk_mitigated", "Controls were added against a risk."
    COMPLIANCE_CHECK = "compliance_check", "Requirements were checked, or a review completed."
    POLICY_VIOLATION = "policy_violation", "A policy stopped something."
    INCIDENT_CREATED = "incident_created", "Something went wrong."
    INCIDENT_RESOLVED = "incident_resolved", "It is over."
    CHANGE_UPDATED = "change_updated", "A change's plan, status, tests, schedule or comments changed."
    HOLD_PLACED = "hold_placed", "Somebody stopped a version's deployment."
    HOLD_LIFTED = "hold_lifted", "The role that had stopped it let it go."
    WAIVER_GRANTED = "waiver_granted", "A version was excepted from a requirement for a time."
    WAIVER_REVOKED = "waiver_revoked", "Such an exception was taken back."
    POLICY_CHANGED = "policy_changed", "A policy was written or revised."
    RISK_TEMPLATE_CREATED = "risk_template_created", "A risk was added to the questionnaire."
    DATASHEET_SAVED = "datasheet_saved", "A datasheet was written or revised."
    SYSTEM_STARTED = "system_started", "The service prepared a database for the first time, or migrated it."


class AuditOutcome(Choice):
    """How it ended."""

    SUCCESS = "success", "Done, all of it."
    FAILURE = "failure", "Refused by a rule or failed; nothing changed."
    PARTIAL = "partial", "Done in part; the details say what was left out."
    DENIED = "denied", "Not permitted; nothing changed."


class EventActor(Value):
    """Who did it."""

    id: str = Field(description="A user id, a service's name, or `system`.")
    type: ActorType = Field(description="A person, a program, or Magistrate itself.")


class EventResource(Value):
    """What it was done to."""

    type: str = Field(description="The kind of record.")
    id: str = Field(description="Its human key; empty where it is not known.")


class EventSubject(Value):
    """The model version that it is about."""

    model_id: str = Field(description="The model.")
    version: str = Field(description="The version.")


class EventRequest(Value):
    """The request that it came with."""

    id: str = Field(description="Shared by all events of one request.")
    ip: str | None = Field(description="Where the request came from.")
    token: str | None = Field(description="The id of the token that signed in; never its secret.")
    token_issuer: str | None = Field(description="Who issued that token.")
    operation: str | None = Field(description="The client's name for its operation.")


class AuditEvent(Record):
    """One event of the audit trail."""

    keys: ClassVar = ("event_id",)
    unique: ClassVar = frozenset({"seq"})

    seq: Count = Field(description="Place in the trail, from 0, without gap.")
    schema_version: int = Field(alias="schema", description="Which fields an event has; 1 today.")
    origin: str = Field(description="The trail's name, the same for ever.")
    event_id: str = Field(description="AUD- and 32 hexadecimal digits.")
    event_type: AuditEventType = Field(description="What kind of thing happened.")
    outcome: AuditOutcome = Field(description="How it ended.")
    occurred_at: Moment = Field(description="When; never before the event before it.")
    actor: EventActor = Field(description="Who did it.")
    resource: EventResource = Field(description="What it was done to.")
    subject: EventSubject | None = Field(description="The model version that it is about, if any.")
    action: str = Field(description="The mutation's name.")
    details: FreeObject = Field(description="`changes`: paths with from and to; `facts`: what is no change.")
    request: EventRequest = Field(description="The request that it came with.")
    previous_hash: Digest = Field(description="The `eventHash` before it; 64 zeros at first.")
    event_hash: Digest = Field(description="SHA-256(0x00 || canonical): the leaf hash of RFC 9162 section 2.1.1.")
    nodes: tuple[Digest, ...] = Field(description="Hashes of the perfect subtrees that this event completes, level 1 first.")
    canonical: bytes = Field(description="The exact bytes that were hashed, canonical JSON (RFC 8785).")

    collection: ClassVar = "audit_events"
    indexes: ClassVar = [
        index("seq", unique=True),
        index("previous_hash", unique=True),
        index("occurred_at", "seq"),
        index("resource.id", "seq"),
        index("resource.id", "resource.type", where={"event_type": AuditEventType.MODEL_REGISTERED}),
        index("subject.model_id", "seq"),
        index("subject.model_id", "subject.version", "seq"),
    ]

    @classmethod
    async def denials(cls, since: datetime, threshold: int, limit: int) -> list[Raw]:
        """Who was denied more than `threshold` attempts on a UTC day, and when: `limit` groups, the most attempts first."""
        who = {"actor_id": "$actor.id", "day": {"$dateToString": {"date": "$occurred_at", "format": "%Y-%m-%d"}}}
        attempts = {"$sum": {"$ifNull": ["$details.facts.attempts", 1]}}
        steps: list[Raw] = [
            {"$match": {"occurred_at": {"$gte": since}, "outcome": AuditOutcome.DENIED}},
            {"$group": {"_id": who, "attempts": attempts, "events": {"$sum": 1}}},
            {"$match": {"attempts": {"$gt": threshold}}},
            {"$sort": {"attempts": -1, "_id": 1}},
            {"$limit": limit},
        ]
        return await cls.aggregated(steps)
