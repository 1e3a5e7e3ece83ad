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
from documents.audit.verification import GENESIS
from documents.canonical import canonical
from documents.contents import ContentKind, keep_text
from documents.details import Details, Disclosure, details_of
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.units import Raw, RecordChange, Unit
from documents.values import Count, Digest, Moment, Value


@dataclass(frozen=True, slots=True)
class Request:
    """What a request says of itself to the trail."""

    id: str
    ip: str | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What an event records: what happened, to what, by whom, and how it ended."""

    event_type: str
    action: str
    actor: Actor
    request: Request
    resource: tuple[str, str]
    subject: Mapping[str, str] | None = None
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    details: Details = field(default_factory=Details)
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, change: RecordChange, event_type: str, action: str, actor: Actor, request: Request) -> Self:
        """The success event of one record's change."""
        record = change.record
        details = details_of(change.before, change.after, Disclosure(record.private, record.reviewed, record.derived))
        resource = (type(record).__name__, record.key)
        outcome = AuditOutcome.PARTIAL if record.partly else AuditOutcome.SUCCESS
        return cls(event_type, action, actor, request, resource, record.filed_under, outcome, details, record.facts)

    def said(self) -> Raw:
        """The fields of the event that do not depend on its `seq`."""
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
    """Ids made once, outside what is retried: a transaction begun again uses them again, and so finds its own traces."""

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
        """Claims the trail for this transaction, which begins again if another has touched the trail since its snapshot."""
        if not await cls.alter({"name": "head"}, {"$inc": {"turn": 1}}):
            raise RuntimeError("this database has no trail yet: it was never prepared")
        return await cls.require("head")

    @classmethod
    async def begin(cls, origin: str | None) -> Self:
        """The head of a new trail, under `origin` or a name of its own."""
        head = cls(origin=origin or f"magistrate.local/{token_hex(4)}")
        await head.insert_unrecorded()  # the trail has no event of itself
        return head

    @property
    def root(self) -> str:
        return tree.root(self.edge)

    async def append(self, occurrences: Sequence[Occurrence], at: datetime, ids: EventIds) -> Receipt:
        """Chains one event for each occurrence and moves the head, in two writes."""
        events = []
        for number, what in enumerate(occurrences):
            for digest, text in what.details.contents.items():
                await keep_text(ContentKind.PART, digest, text)
            events.append(self._chained(what, at, ids[number]))
        await AuditEvent.insert_raws(events)
        await self._move()
        last = events[-1]
        return Receipt(
            seq=last["seq"], event_id=last["event_id"], event_hash=last["event_hash"], tree_size=self.size, root=self.root
        )

    def _chained(self, what: Occurrence, at: datetime, event_id: str) -> Raw:
        at = max(at, self.last_at or at)  # an honest trail never runs backwards, whatever the clock does
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
        end = {"size": self.size, "last_hash": self.last_hash, "last_at": self.last_at, "edge": list(self.edge)}
        if not await self.alter({"_id": self.id, "turn": self.turn}, {"$set": end}):
            raise RuntimeError("the head moved under a transaction that had touched it")


async def record(what: Occurrence, at: datetime, unless: str | None = None) -> bool:
    """Appends, once and in a transaction of its own, the event of an attempt that changed nothing.

    Appends nothing and answers False if the event with the id `unless` exists: the attempt did change something.
    """
    ids = EventIds()

    async def append(unit: Unit) -> bool:
        head = await AuditHead.touch()  # waits for a commit under way, so that what stands now stands for good
        if unless and await AuditEvent.wanted(unless):
            return False
        if not (ids.made and await AuditEvent.wanted(ids[0])):  # else only the answer to the commit was lost
            await head.append([what], at, ids)
        return True

    return await bound_database().transact(append, at)


async def occurrences_of(
    unit: Unit, action: str, by: Actor, request: Request, resource: type[Record] = Record, event: str | None = None
) -> list[Occurrence]:
    """The occurrences of all changes of a unit of work; those of `resource` have `event`, and are last, for the receipt."""
    changes = sorted(await unit.settled(), key=lambda change: isinstance(change.record, resource))
    return [each for change in changes for each in _of_change(change, action, by, request, resource, event)]


def _of_change(
    change: RecordChange, action: str, by: Actor, request: Request, resource: type[Record], event: str | None
) -> Iterator[Occurrence]:
    record = change.record
    for kind, facts in record.notes:
        yield Occurrence(kind, action, by, request, (type(record).__name__, record.key), record.filed_under, facts=facts)
    named = record.event_of_change(event if isinstance(record, resource) else None)
    occurrence = Occurrence.of(change, named, action, by, request)
    if occurrence.details.changes:  # derived fields alone make no event
        yield occurrence
