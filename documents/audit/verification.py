"""Whether a trail is what it says: a verifier that is fed events in order, remembers little and trusts nothing that it can check.

It stands apart from what writes the trail, and imports no database: whoever doubts the one can read the other.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, computed_field

from documents.audit import tree
from documents.audit.canonical import canonical, parsed, plain
from documents.values import Choice, Count, Digest, Value

Raw = Mapping[str, Any]
GENESIS = "0" * 64  # what stands for the hash of the event before the first
LISTED = 1_000  # faults in a report; all are counted
REACH = 50_000  # within how many events a repeated id is sure to be noticed
_NOT_HASHED = frozenset({"_id", "event_hash", "nodes", "canonical"})


class FaultKind(Choice):
    """What can be wrong with a trail."""

    MISSING_EVENTS = "missing_events", "Numbers are left out: events were removed, or one was renumbered."
    REPEATED_SEQ = "repeated_seq", "An event bears a number that is taken."
    NOT_CANONICAL = "not_canonical", "The canonical bytes are missing, or are no object in RFC 8785 form."
    HASH_DIFFERS = "hash_differs", "The event's hash is not the hash of its canonical bytes."
    FIELD_DIFFERS = "field_differs", "A stored field says something else than the canonical bytes."
    MISSING_FIELD = "missing_field", "A field that every event has is not there."
    UNKNOWN_FIELD = "unknown_field", "A field is there that no event has."
    INVALID_FIELD = "invalid_field", "A field is not of the type or form that it must have."
    BROKEN_LINK = "broken_link", "The event does not name the hash of the event before it."
    ORIGIN_DIFFERS = "origin_differs", "The event bears the name of another trail than the event before it."
    TIME_REVERSED = "time_reversed", "The event is older than the event before it."
    DUPLICATE_ID = "duplicate_id", "The event bears the id of an earlier one."
    NODES_DIFFER = "nodes_differ", "The event does not store the hashes of the subtrees that it completes."
    CONTENT_MISSING = "content_missing", "A content that the event cites by digest is not there."
    CONTENT_ALTERED = "content_altered", "A content that the event cites does not hash to its digest."
    HEAD_MISSING = "head_missing", "There are events and no head."
    HEAD_DIFFERS = "head_differs", "The head says something else than the events."


class Fault(Value):
    """Something wrong with the trail, and where it is seen."""

    kind: FaultKind = Field(description="What kind of thing is wrong.")
    seq: int | None = Field(description="The number of the event that shows it; nothing for the head.")
    detail: str = Field(description="One sentence for people.")


class Caveat(Choice):
    """What a verification cannot exclude."""

    UNANCHORED = "unanchored", (
        "No checkpoint kept outside the database was compared: that the newest events were cut off, or that events were changed "
        "and everything after them hashed again, is not excluded."
    )
    BEGINNING_BELIEVED = "beginning_believed", "What stands before the first number was believed as stored, not verified."
    HEAD_NOT_REACHED = "head_not_reached", "What stands after the last number was not read, nor the head compared."
    IDS_FORGOTTEN = "ids_forgotten", f"An id repeated more than {REACH:,} events later was not noticed."


class Report(Value):
    """What a verification found."""

    first: int = Field(description="The number at which it began.")
    last: int | None = Field(description="The last number that it reached; nothing if there was no event.")
    events_verified: int = Field(description="How many events were read.")
    tree_size: int = Field(description="How many events the trail has up to there.")
    root: Digest | None = Field(description="Root of the Merkle tree of that size; nothing where events are missing.")
    faults: tuple[Fault, ...] = Field(description=f"What is wrong, in order of discovery; the first {LISTED:,}.")
    fault_count: int = Field(description="How many faults there are, listed or not.")
    caveats: tuple[Caveat, ...] = Field(description="What this verification cannot exclude.")

    @computed_field(description="Whether nothing is wrong, as far as the caveats allow to say.")  # type: ignore[prop-decorator]
    @property
    def valid(self) -> bool:
        return self.fault_count == 0


def cited(event: Raw) -> set[str]:
    """The digests of the contents that `event` tells of in place of values."""
    details = event.get("details")
    changes = details.get("changes") if isinstance(details, dict) else None
    sides = [change.get(side) for change in _dicts(changes) for side in ("from", "to")]
    return {side["content"] for side in _dicts(sides) if side.keys() == {"content"} and tree.is_hash(side["content"])}


class Verifier:
    """Verifies the events that it is fed, in order of `seq`, from `first` on; whatever they hold, it finds faults and never raises.

    To start in the middle it takes `earlier`, the events that complete `edge_subtrees(first)`, and believes them.
    """

    def __init__(self, first: int = 0, earlier: Iterable[Raw] = ()) -> None:
        self._first = self._next = first
        self._verified = self._fault_count = 0
        self._faults: list[Fault] = []
        self._head_compared = self._ids_forgotten = False
        self._ids: set[str] = set()
        self._older_ids: set[str] = set()
        # Below, None is what a fault has made unknown: what depends on it is not judged.
        self._edge: list[str] | None = []
        self._last_hash: str | None = GENESIS
        self._last_at: str | None = None
        self._origin: str | None = None
        if first:
            self._believe({event.get("seq"): event for event in earlier})

    def feed(self, events: Iterable[Raw], contents: Mapping[str, str]) -> None:
        """Takes the next events, raw as stored, and the canonical texts, by digest, of what they cite."""
        kept = {digest for digest, text in contents.items() if _content_digest(text) == digest}
        for event in events:
            self._take(event, contents, kept)
...
