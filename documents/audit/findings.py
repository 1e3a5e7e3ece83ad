"""The report of a verification of the trail: its faults, where they are, and its caveats. Pure: imports no database."""

from typing import ClassVar

from pydantic import Field, computed_field

from documents.audit.resource import EventResource
from documents.audit.restorations import Restoration
from documents.values import Choice, Count, Digest, Value

LISTED = 1_000  # a report lists this many faults, and counts all of them
REACH = 50_000  # a repeated id is always found if at most this many events stand between the two


class AuditFaultKind(Choice):
    """A trail can be wrong in one of these ways."""

    MISSING_EVENTS = "missing_events", "Numbers are left out: events were removed or renumbered."
    REPEATED_SEQ = "repeated_seq", "An event bears a number that is taken."
    NOT_CANONICAL = "not_canonical", "The canonical bytes are missing or not in RFC 8785 form."
    HASH_DIFFERS = "hash_differs", "The event's hash is not that of its canonical bytes."
    FIELD_DIFFERS = "field_differs", "A stored field differs from the canonical bytes."
    MISSING_FIELD = "missing_field", "A field that every event has is missing."
    UNKNOWN_FIELD = "unknown_field", "A field is present that no event has."
    INVALID_FIELD = "invalid_field", "A field is not of the type or form that it must have."
    BROKEN_LINK = "broken_link", "The event does not name the hash of the event before it."
    ORIGIN_DIFFERS = "origin_differs", "The event bears another trail's name."
    TIME_REVERSED = "time_reversed", "The event is older than the event before it."
    DUPLICATE_ID = "duplicate_id", "The event bears the id of an earlier one."
    NODES_DIFFER = "nodes_differ", "The event does not store the hashes of the subtrees that it completes."
    CONTENT_MISSING = "content_missing", "A content that the event cites is missing."
    CONTENT_ALTERED = "content_altered", "A content that the event cites does not hash to its digest."
    HEAD_MISSING = "head_missing", "The trail has events and no head."
    HEAD_DIFFERS = "head_differs", "The head does not agree with the events."
    CHECKPOINT_FORGED = "checkpoint_forged", "The checkpoint is malformed or signed by no trusted key."
    CHECKPOINT_OF_ANOTHER_TRAIL = "checkpoint_of_another_trail", "The given checkpoint bears the name of another trail."
    RUN_ALTERED = "run_altered", "The record of an earlier verification was altered."
    TAIL_CUT = "tail_cut", "The trail is shorter than the checkpoint says."
    REWRITTEN = "rewritten", "Events differ from those that were signed, and later hashes were made anew."
    RECORD_DIFFERS = "record_differs", "A stored record is not what the trail tells of it."
    RECORD_MISSING = "record_missing", "The trail tells of a record that is not stored."
    RECORD_UNKNOWN = "record_unknown", "A record is stored of which no event tells, or a second one with the same key."
    ENDORSEMENT_FORGED = "endorsement_forged", "An endorsement of a key is malformed or not signed by both keys."


class Fault(Value):
    """A fault is something wrong with a trail."""

    grouped: ClassVar = frozenset({"kind"})

    kind: AuditFaultKind = Field(description="The kind says what is wrong.")
    seq: Count | None = Field(description="The event that shows it; null for head or checkpoint, and for an unknown record.")
    detail: str = Field(description="A sentence that says what is wrong.")
    resource: EventResource | None = Field(
        default=None, description="The record that differs from the trail; null for a fault of the trail itself."
    )
    path: str | None = Field(
        default=None, description="The path at which the record differs, such as `holds.0.lifted`; null for the whole record."
    )


class AuditCaveat(Choice):
    """A caveat is what a verification cannot exclude."""

    UNANCHORED = (
        "unanchored",
        "No outside checkpoint was compared: events may be cut off, or changed and hashed again.",
    )
    AFTER_CHECKPOINT = "after_checkpoint", "Events after the checkpoint may be cut off, or changed and hashed again."
    BEGINNING_BELIEVED = "beginning_believed", "Events before the first number were believed as stored, not verified."
    HEAD_NOT_COMPARED = "head_not_compared", "Events after the last number were not read, nor was the head compared."
    EXPORT_BELIEVED = (
        "export_believed",
        "An export was read; what else the database stores of its events was believed.",
    )
    RESTORED = "restored", "A backup was put back: events are lost, and the trail goes on under another name."
    CHECKPOINTS_NOT_COMPARED = (
        "checkpoints_not_compared",
        "Some of the given checkpoints lie outside of what was read, and nothing leads there.",
    )
    IDS_FORGOTTEN = "ids_forgotten", f"An id that was used again more than {REACH:,} events later may have gone unnoticed."
    UNPROVEN_RECORDS = (
        "unproven_records",
        "Some records were not compared: they were stored before release 0.3.0, and no event has told them whole since.",
    )
    STANDINGS_WAIT = (
        "standings_wait",
        "Some versions wait to be judged anew, and their stored standing was not compared with what the rules make of it.",
    )
    RECORDS_NOT_COMPARED = "records_not_compared", "Not all stored records were compared with what the trail tells of them."


class Report(Value):
    """A report says what a verification found."""

    unasked: ClassVar = frozenset({"caveats", "restorations"})
    ordered: ClassVar = frozenset({"fault_count"})
    summed: ClassVar = frozenset({"events_verified", "fault_count", "records_compared", "records_unproven"})

    first: Count = Field(description="The number of the event at which it began.")
    last: Count | None = Field(description="The last event that it read; null if none.")
    events_verified: Count = Field(description="The number of events that it read.")
    tree_size: Count = Field(description="The trail's size up to the last event that was read.")
    root: Digest | None = Field(description="The root that the tree of that size has; null if events are missing.")
    faults: tuple[Fault, ...] = Field(
        description=f"The faults that were found, in the order of the trail, the first {LISTED:,} at most."
    )
    fault_count: Count = Field(description="The number of faults that were found, listed or not.")
    records_compared: Count = Field(default=0, description="The number of records that were compared with the trail.")
    records_unproven: Count = Field(
        default=0, description="The number of records that the trail does not tell whole, so that they were not compared."
    )
    caveats: tuple[AuditCaveat, ...] = Field(description="The caveats say what this verification cannot exclude.")
    restorations: tuple[Restoration, ...] = Field(
        default=(), description="The restorations are where the trail goes on under another name, because a backup was put back."
    )

    @computed_field(description="Whether nothing is wrong, as far as the caveats allow.")  # type: ignore[prop-decorator]
    @property
    def valid(self) -> bool:
        return self.fault_count == 0
