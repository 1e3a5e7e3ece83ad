"""What a verification of the trail says: what is wrong and where, and what it cannot exclude. Pure: imports no database."""

from pydantic import Field, computed_field

from documents.values import Choice, Count, Digest, Value

LISTED = 1_000  # faults in a report; all are counted
REACH = 50_000  # within how many events a repeated id is sure to be noticed


class AuditFaultKind(Choice):
    """What can be wrong with a trail."""

    MISSING_EVENTS = "missing_events", "Numbers are left out: events were removed, or one was renumbered."
    REPEATED_SEQ = "repeated_seq", "An event bears a number that is taken."
    NOT_CANONICAL = "not_canonical", "The canonical bytes are missing, or are no object in RFC 8785 form."
    HASH_DIFFERS = "hash_differs", "The event's hash is not that of its canonical bytes."
    FIELD_DIFFERS = "field_differs", "A stored field says something else than the canonical bytes."
    MISSING_FIELD = "missing_field", "A field that every event has is not there."
    UNKNOWN_FIELD = "unknown_field", "A field is there that no event has."
    INVALID_FIELD = "invalid_field", "A field is not of the type or form that it must have."
    BROKEN_LINK = "broken_link", "The event does not name the hash of the event before it."
    ORIGIN_DIFFERS = "origin_differs", "The event bears the name of another trail than the event before it."
    TIME_REVERSED = "time_reversed", "The event is older than the event before it."
    DUPLICATE_ID = "duplicate_id", "The event bears the id of an earlier one."
    NODES_DIFFER = "nodes_differ", "The event does not store the hashes of the subtrees that it completes."
    CONTENT_MISSING = "content_missing", "A content that the event cites is not there."
    CONTENT_ALTERED = "content_altered", "A content that the event cites does not hash to its digest."
    HEAD_MISSING = "head_missing", "There are events and no head."
    HEAD_DIFFERS = "head_differs", "The head says something else than the events."
    CHECKPOINT_FORGED = "checkpoint_forged", "The checkpoint to compare with is none, or was signed by no key that is trusted."
    CHECKPOINT_OF_ANOTHER_TRAIL = "checkpoint_of_another_trail", "The checkpoint to compare with bears the name of another trail."
    TAIL_CUT = "tail_cut", "There are fewer events than when the checkpoint was signed."
    REWRITTEN = "rewritten", "Events are others than when the checkpoint was signed, and everything after was hashed again."


class Fault(Value):
    """Something wrong with a trail, and where it is seen."""

    kind: AuditFaultKind = Field(description="What kind of thing is wrong.")
    seq: Count | None = Field(description="The number of the event that shows it; nothing for the head or a checkpoint.")
    detail: str = Field(description="What is wrong, in a sentence.")


class AuditCaveat(Choice):
    """What a verification cannot exclude."""

    UNANCHORED = (
        "unanchored",
        "No checkpoint from outside the database was compared: events may be cut off the end, or changed and hashed again.",
    )
    AFTER_CHECKPOINT = "after_checkpoint", "What came after the checkpoint may be cut off, or changed and hashed again."
    BEGINNING_BELIEVED = "beginning_believed", "What stands before the first number was believed as it is stored, not verified."
    HEAD_NOT_COMPARED = "head_not_compared", "What stands after the last number was not read, nor the head compared with it."
    EXPORT_BELIEVED = (
        "export_believed",
        "An export was read: what the database stores beside the bytes of its events is what the export tells of it.",
    )
    IDS_FORGOTTEN = "ids_forgotten", f"An id that was used again more than {REACH:,} events later may have gone unnoticed."


class Report(Value):
    """What a verification found."""

    first: Count = Field(description="The number at which it began.")
    last: Count | None = Field(description="The last number that it read; nothing if there was no event.")
    events_verified: Count = Field(description="How many events it read.")
    tree_size: Count = Field(description="How many events the trail has up to the last one read.")
    root: Digest | None = Field(description="Root of the Merkle tree of that size; nothing where events are missing.")
    faults: tuple[Fault, ...] = Field(description=f"What is wrong, as it was met; the first {LISTED:,}.")
    fault_count: Count = Field(description="How many faults there are, listed or not.")
    caveats: tuple[AuditCaveat, ...] = Field(description="What this verification cannot exclude.")

    @computed_field(description="Whether nothing is wrong, short of what the caveats leave open.")  # type: ignore[prop-decorator]
    @property
    def valid(self) -> bool:
        return self.fault_count == 0
