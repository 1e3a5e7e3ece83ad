"""The trail: one chained and hashed event for each change, appended in the transaction of the change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any, ClassVar, Self
from uuid import uuid4

from pydantic import Field

from documents.access import Actor
from documents.audit import tree
from documents.audit.event import SCHEMA, AuditEvent, AuditOutcome
from documents.audit.sealing import seal_changes
from documents.audit.verification import GENESIS
from documents.canonical import canonical
from documents.contents import ContentKind, keep_text
from documents.details import Details, Disclosure, details_of
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.units import Raw, RecordChange, Unit, current_unit
from documents.values import Count, Digest, Moment, Value


@dataclass(frozen=True, slots=True)
class Request:
    """What an event records of the request that caused it."""

    id: str
    ip: str | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event before it has a place in the trail: what happened, to which record, by whom, and with which outcome."""

    event_type: str
    action: str
    actor: Actor
    request: Request
    resource: tuple[str, str]
    subject: Mapping[str, str] | None = None
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    details: Details = field(default_factory=Details)
    facts: dict[str, Any] = field(default_factory=dict)
    change: RecordChange | None = None
    """The change of the record; a record that grants access is sealed with it."""

    @classmethod
    def of(cls, change: RecordChange, event_type: str, action: str, actor: Actor, request: Request) -> Self:
        """The occurrence of one record's change: SUCCESS, or PARTIAL if the record says that a part was left out."""
        record = change.record
        details = details_of(change.before, change.after, Disclosure(record.private, record.reviewed, record.derived))
        resource = (type(record).__name__, record.key)
        outcome = AuditOutcome.PARTIAL if record.partly else AuditOutcome.SUCCESS
        return cls(event_type, action, actor, request, resource, record.filed_under, outcome, details, record.facts, change)

    def said(self) -> Raw:
        """The fields of the event that do not depend on its place in the trail."""
        by, subject = self.actor, self.subject
        return {
            "event_type": str(self.event_type), "outcome": str(self.outcome), "action": self.action,
            "actor": {"id": by.id, "type": str(by.type)},
            "resource": {"type": self.resource[0], "id": self.resource[1]},
            "subject": dict(subject) if subject else None,
            "details": {"changes": self.details.changes, "facts": self.facts},
            "request": {
                "id": self.request.id, "ip": self.request.ip, "token": by.token, "token_issuer": by.token_issuer,
                "operation": self.request.operation,
            },
        }  # fmt: skip


class EventIds:
    """The ids of the events of one transaction, made once, outside the transaction.

    A transaction that is retried uses the same ids. So it can look up whether an earlier attempt committed.
    """

    def __init__(self) -> None:
        self.made: list[str] = []

    def __getitem__(self, at: int) -> str:
        while len(self.made) <= at:
            self.made.append(f"AUD-{uuid4().hex}")
        return self.made[at]


class Receipt(Value):
    """A receipt proves a mutation's last event."""

    seq: Count = Field(description="The event's place counts from 0.")
    event_id: str = Field(description="The id that names the event.")
    event_hash: Digest = Field(description="The event's leaf hash (RFC 9162) is in hexadecimal.")
    tree_size: Count = Field(description="The number of events that the trail then held.")
    root: Digest = Field(description="The root that the tree of that size has.")


class AuditHead(Record):
    """The end of the trail. Touched first in every unit of work, so that two processes collide before they work."""

    keys: ClassVar = ("name",)
    name: str = Field(default="head", description="The name of the only head that exists.")
    origin: str = Field(description="The name that the trail bears.")
    turn: int = Field(default=0, description="The number of units of work begun; counting it up is the touch.")
    size: Count = Field(default=0, description="The number of events that the trail holds.")
    last_hash: Digest = Field(default=GENESIS, description="The hash that the last event has.")
    last_at: Moment | None = Field(default=None, description="The time the last event happened.")
    edge: tuple[Digest, ...] = Field(
        default=(), description="The right edge of the tree has one hash for each set bit of the size, largest first."
    )

    collection: ClassVar = "audit_head"

    @classmethod
    async def touch(cls) -> Self:
        """Claims the trail for the open transaction, and returns the head as the transaction sees it.

        The touch is a write to one document. If another transaction wrote it since this one's snapshot, this one is retried.
        Raises RuntimeError if the database has no trail.
        """
        if not await cls.alter({"name": "head"}, {"$inc": {"turn": 1}}):
            raise RuntimeError("this database has no trail yet: it was never prepared")
        return await cls.require("head")

    @classmethod
    async def begin(cls, origin: str | None) -> Self:
        """Inserts the head of a new trail named `origin`, or a random name if `origin` is None or empty."""
        head = cls(origin=origin or f"magistrate.local/{token_hex(4)}")
        await head.insert_unrecorded()  # the head moves with every event, so no event tells of it
        return head

    @property
    def root(self) -> str:
        return tree.root(self.edge)

    async def append(self, occurrences: Sequence[Occurrence], at: datetime, ids: EventIds) -> Receipt:
        """Appends one event for each occurrence and moves the head, in two writes; returns the receipt of the last event.

        A changed record that grants access is sealed as of its event, by one more write; Altered if it was not as stored here.
        The open transaction must have touched the head. `ids` has one id for each occurrence.
        """
        events: list[Raw] = []
        for number, what in enumerate(occurrences):
            for digest, text in what.details.contents.items():
                await keep_text(ContentKind.PART, digest, text)
            events.append(self._chained(what, at, ids[number]))
        told = [(what.change, event["seq"]) for what, event in zip(occurrences, events, strict=True)]
        await seal_changes(told, current_unit("append").changes)
        await AuditEvent.insert_raws(events)
        await self._move()
        last = events[-1]
        return Receipt(
            seq=last["seq"], event_id=last["event_id"], event_hash=last["event_hash"], tree_size=self.size, root=self.root
        )

    def _chained(self, what: Occurrence, at: datetime, event_id: str) -> Raw:
        at = max(at, self.last_at or at)  # clocks of servers differ, and an event older than the one before it is a fault
        # BSON keeps milliseconds. The bytes that are hashed must hold the moment that is stored.
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        said = what.said() | {
            "seq": self.size, "schema": SCHEMA, "origin": self.origin, "event_id": event_id, "occurred_at": at,
            "previous_hash": self.last_hash,
        }  # fmt: skip
        text = canonical(said)
        leaf = tree.leaf_hash(text)
        edge, nodes = tree.grow(list(self.edge), self.size, leaf)
        self.edge, self.size, self.last_hash, self.last_at = tuple(edge), self.size + 1, leaf, at
        return said | {"event_hash": leaf, "nodes": nodes, "canonical": text}

    async def _move(self) -> None:
        """Writes the new end of the trail. Raises RuntimeError if the head's turn is no longer the one that was touched."""
        end = {"size": self.size, "last_hash": self.last_hash, "last_at": self.last_at, "edge": list(self.edge)}
        if not await self.alter({"_id": self.id, "turn": self.turn}, {"$set": end}):
            raise RuntimeError("the head moved under a transaction that had touched it")


async def record(what: Occurrence, at: datetime, unless: str | None = None) -> bool:
    """Appends one event in a transaction of its own, for an attempt that changed no record; returns whether it was appended.

    Returns False if an event with the id `unless` exists: then the attempt committed after all, and has its own event.
    """
    ids = EventIds()

    async def append(unit: Unit) -> bool:
        # The touch waits for a commit that is under way, so the look-up below cannot miss an event that is about to appear.
        head = await AuditHead.touch()
        if unless and await AuditEvent.wanted(unless):
            return False
        if not (ids.made and await AuditEvent.wanted(ids[0])):  # else an earlier attempt committed, and its answer was lost
            await head.append([what], at, ids)
        return True

    return await bound_database().transact(append, at)


async def occurrences_of(
    unit: Unit, action: str, by: Actor, request: Request, resource: type[Record] = Record, event: str | None = None
) -> list[Occurrence]:
    """The occurrences of all changes of a unit of work.

    Changes of `resource` have the event type `event`. They come last, because a receipt shows the last event.
    """
    changes = sorted(await unit.settled(), key=lambda change: isinstance(change.record, resource))
    return [each for change in changes for each in _of_change(change, action, by, request, resource, event)]


def _of_change(
    change: RecordChange, action: str, by: Actor, request: Request, resource: type[Record], event: str | None
) -> Iterator[Occurrence]:
    record = change.record
    for kind, facts in record.notes:
        about = (type(record).__name__, record.key)
        yield Occurrence(kind, action, by, request, about, record.filed_under, facts=facts, change=change)
    named = record.event_of_change(event if isinstance(record, resource) else None)
    occurrence = Occurrence.of(change, named, action, by, request)
    if occurrence.details.changes:  # a change of derived fields alone has no details, and gets no event
        yield occurrence
