"""The trail: one chained and hashed event for each change, appended in the transaction of the change."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from secrets import token_hex
from typing import Any, ClassVar, Self
from uuid import uuid4
from weakref import WeakKeyDictionary

from pydantic import Field, PrivateAttr, ValidationError

from documents.access import SYSTEM, Actor
from documents.audit import tree
from documents.audit.event import SCHEMA, AuditEvent, AuditEventType, AuditOutcome
from documents.audit.forms import head_problems, is_text
from documents.audit.sealing import END, keyring, problem_of_head, seal_changes, seal_of_head
from documents.audit.verification import GENESIS
from documents.canonical import canonical
from documents.contents import ContentKind, keep_text
from documents.details import Details, details_of
from documents.errors import AlreadyExists, NotFound, ToldAlready, TrailNotSound
from documents.seals import FIELD, names_unknown_key
from documents.store.record import Record
from documents.store.session import Database, bound_database
from documents.store.units import Raw, RecordChange, Unit, current_unit, open_unit
from documents.values import MAX_SAFE_INTEGER, Count, Digest, Moment, Value


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
        details = details_of(change.before, change.after, record.disclosure())
        resource = (type(record).__name__, record.key)
        outcome = AuditOutcome.PARTIAL if record.partly else AuditOutcome.SUCCESS
        return cls(event_type, action, actor, request, resource, record.filed_under, outcome, details, record.facts, change)

    @classmethod
    def of_document(
        cls, kind: type[Record], before: Raw | None, after: Raw, details: Details, action: str, request: Request
    ) -> Self:
        """The occurrence of what the system did to a stored document that no record was loaded of."""
        resource = (kind.__name__, kind.key_of(after))
        found = cls(AuditEventType.SYSTEM_STARTED, action, SYSTEM, request, resource, details=details)
        try:
            record = kind.hydrated(after)
        except ValidationError:  # a document of the form of another release, or one that somebody altered
            return found
        return replace(found, subject=record.filed_under, change=RecordChange(record, before, after))

    def said(self) -> Raw:
        """The fields of the event that do not depend on its place in the trail."""
        by, subject, details = self.actor, self.subject, self.details
        return {
            "event_type": str(self.event_type), "outcome": str(self.outcome), "action": self.action,
            "actor": {"id": by.id, "type": str(by.type)},
            "resource": {"type": self.resource[0], "id": self.resource[1]},
            "subject": dict(subject) if subject else None,
            "details": {
                "changes": details.changes, "facts": self.facts, **({"baseline": True} if details.baseline else {}),
            },
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


SUCCESS = AuditOutcome.SUCCESS.value
REMEMBERED = 1_000  # records whose last events a process knows by heart
_agreeing: "WeakKeyDictionary[Database, AuditHead]" = WeakKeyDictionary()
"""The head of each database as this process left it last, or as it agreed with the events when this process looked."""


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
    _told: Mapping[tuple[str, str], int] = PrivateAttr(default_factory=dict)
    """The places of the last successful events about some records, as long as this process alone appends."""

    @classmethod
    async def touch(cls, *, believed: Callable[[Raw], bool] | None = None) -> Self:
        """Claims the trail for the open transaction, and returns the head as the transaction sees it.

        The touch is a write to one document. If another transaction wrote it since this one's snapshot, this one is retried.
        Raises TrailNotSound if the database has no trail, and if the head is another one than this process left and has no seal
        of a server, contradicts the stored events, or leaves out the last event that this process saw. A document that `believed`
        accepts needs no seal under a key that is here.
        """
        touched, known = await cls._touched(), _agreeing.get(bound_database())
        head = cls.hydrated(touched) if believed and believed(touched) else cls._of_server(touched, known)
        if known is None or known.end != head.end:
            await head.agree(known)
            head._note()
        else:
            head._told = known._told
        unit = current_unit("the head")
        unit.claimed[cls.collection], unit.sealed_at = head, head.size
        return head

    @classmethod
    def claimed(cls) -> Self | None:
        """The head as the open unit of work has touched it; None where it has not."""
        unit = open_unit()
        return unit.claimed.get(cls.collection) if unit else None

    @classmethod
    async def seen(cls) -> Self:
        """The head as it stands, untouched; NotFound if there is none, TrailNotSound for one that no server left so."""
        raw = await cls.raw_first({"name": "head"})
        if raw is None:
            raise NotFound(cls.__name__, "head")
        return cls._of_server(raw, _agreeing.get(bound_database()))

    @classmethod
    def _of_server(cls, raw: Raw, known: "AuditHead | None") -> Self:
        """The head of a document; TrailNotSound unless this process left the end so, or its seal is right."""
        head = cls.hydrated(raw)
        if (known is None or known.end != head.end) and (wrong := problem_of_head(raw)):
            if FIELD in raw and names_unknown_key(raw, keyring()):
                raise TrailNotSound(
                    "its seal names a secret key that is not here: set MAGISTRATE_SECRET_KEY_PREVIOUS to that key, or, if it is "
                    "lost, run `magistrate admin recover --reseal`; after that, start this server again"
                )
            raise TrailNotSound(f"no server left it so: {wrong}")
        return head

    @classmethod
    async def seal_anew(cls, believed: Callable[[Raw], bool], at: datetime) -> bool:
        """Seals the stored head under the current key, in a transaction of its own, if `believed` accepts its document.

        Returns whether it did.

        Raises TrailNotSound if the head contradicts the stored events.
        """

        async def work(unit: Unit) -> bool:
            raw = await cls.raw_first({"name": "head"})
            if raw is None or not believed(raw):
                return False
            head = cls.hydrated(await cls._touched())
            await head.agree()
            await head._move()
            return True

        return await bound_database().transact(work, at)

    @classmethod
    async def _touched(cls) -> Raw:
        # A turn that is missing would begin anew.
        touched = await cls.alter_and_read({"name": "head", "turn": {"$gte": 0, "$lte": MAX_SAFE_INTEGER}}, {"$inc": {"turn": 1}})
        if touched is None:
            raise TrailNotSound("there is no head that counts turns, and so no trail")
        if isinstance(touched["turn"], int) and touched["turn"] > MAX_SAFE_INTEGER:
            # No seal covers the count, so anybody can set it to its end. That shall not be the end of the trail.
            touched = await cls.alter_and_read({"name": "head"}, {"$set": {"turn": 0}}) or touched
        return touched

    @classmethod
    def hydrated(cls, raw: Raw) -> Self:
        """The head of a document; TrailNotSound for what no head has."""
        if problems := head_problems({name: value for name, value in raw.items() if name != FIELD}):
            raise TrailNotSound(_within(next(iter(problems.values()))))
        return super().hydrated(raw)

    @classmethod
    async def begin(cls, origin: str | None) -> Self:
        """Inserts the head of a new trail named `origin`, or a random name if `origin` is None or empty."""
        head = cls(origin=origin or f"magistrate.local/{token_hex(4)}")
        # The head moves with every event, so no event tells of it.
        await cls.insert_raws([head._as_stored() | {FIELD: seal_of_head(head.end)}])
        return head

    @classmethod
    async def named(cls) -> str:
        """The trail's name, by the last event where no server left the head as it is; TrailNotSound if nothing says it."""
        head = await cls.raw_first({"name": "head"})
        if head is None:
            raise TrailNotSound("there is no head")
        last = await AuditEvent.raws({"seq": {"$lte": MAX_SAFE_INTEGER}}, [("seq", -1)], 1, ["origin"])
        for each in last if problem_of_head(head) else []:
            if is_text(name := each.get("origin")):
                return str(name)
        if problem := head_problems(head).get("origin"):
            raise TrailNotSound(_within(problem))
        return str(head["origin"])

    @property
    def root(self) -> str:
        return tree.root(self.edge)

    @property
    def end(self) -> Raw:
        """Where the trail ends, as it is stored."""
        return {name: getattr(self, name) for name in END} | {"edge": list(self.edge)}

    async def agree(self, known: "AuditHead | None" = None) -> None:
        """Raises TrailNotSound unless the stored events end where the head says, and the last one of `known` is among them.

        Takes one command, by the numbers of events.
        """
        subtrees, last = tree.edge_subtrees(self.size), self.size - 1
        if len(subtrees) != len(self.edge):
            raise TrailNotSound(f"its edge has {len(self.edge)} hashes, and {self.size} events make {len(subtrees)}")
        before = known.size - 1 if known else -1
        seqs = {*(each.completed_by for each in subtrees), *([before] if 0 <= before <= last else [])}
        within: list[Raw] = [{"seq": {"$gte": self.size}}, {"seq": {"$in": sorted(seqs)}}]
        fields = ("seq", "event_hash", "nodes", "occurred_at", "origin")
        found = await AuditEvent.raws({"$or": within}, limit=len(seqs) + 1, fields=fields)
        by_seq = {each["seq"]: each for each in found if isinstance(each.get("seq"), int)}
        if len(by_seq) > len(seqs) or any(seq > last for seq in by_seq):
            raise TrailNotSound(f"it counts {self.size} events, and there are more")
        ends = by_seq.get(last, {"event_hash": GENESIS, "occurred_at": None, "origin": self.origin} if not self.size else {})
        said = [ends.get(name) for name in ("event_hash", "occurred_at", "origin")]
        if said != [self.last_hash, self.last_at, self.origin]:
            raise TrailNotSound(f"it does not say of the last of {self.size} events what that event says")
        for subtree, told in zip(subtrees, self.edge, strict=True):
            try:
                agrees = subtree.hash_in(by_seq[subtree.completed_by]) == told
            except (LookupError, TypeError):
                agrees = False
            if not agrees:
                raise TrailNotSound(f"its edge holds another hash than event {subtree.completed_by} does")
        if known and before >= 0 and by_seq.get(before, {}).get("event_hash") != known.last_hash:
            raise TrailNotSound(f"it leaves out event {before} as this server saw it")

    async def append(self, occurrences: Sequence[Occurrence], at: datetime, ids: EventIds) -> Receipt:
        """Appends one event for each occurrence and moves the head, in two writes; returns the receipt of the last event.

        A changed record that grants access is sealed as of its event, by one more write; Altered if it was not as stored here.
        Raises ToldAlready if a record is made of which the trail tells already: somebody deleted what was stored.
        The open transaction must have touched the head. `ids` has one id for each occurrence.
        """
        await _refuse_told(occurrences)
        events: list[Raw] = []
        for number, what in enumerate(occurrences):
            for digest, text in what.details.contents.items():
                await keep_text(ContentKind.PART, digest, text)
            events.append(self._chained(what, at, ids[number]))
        told = [(what.change, event["seq"]) for what, event in zip(occurrences, events, strict=True)]
        await seal_changes(told, current_unit("append").changes, self._told)
        try:
            await AuditEvent.insert_raws(events)
        except AlreadyExists as error:  # whoever has touched the head is alone, so somebody else put an event there
            raise TrailNotSound(f"it counts {events[0]['seq']} events, and there are more") from error
        about = {what.resource: event["seq"] for what, event in zip(occurrences, events, strict=True) if what.outcome == SUCCESS}
        self._told = about if len(self._told) > REMEMBERED else {**self._told, **about}
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
        """Writes the new end of the trail, sealed; RuntimeError if the head's turn is no longer the one that was touched."""
        end = self.end
        if not await self.alter({"_id": self.id, "turn": self.turn}, {"$set": end | {FIELD: seal_of_head(end)}}):
            raise RuntimeError("the head moved under a transaction that had touched it")
        self._note()

    def _note(self) -> None:
        """Has this process remember the head, once the open transaction has committed."""
        database, left = bound_database(), self.model_copy()
        current_unit("the head").once_committed.append(lambda: _agreeing.update({database: left}))


async def _refuse_told(occurrences: Sequence[Occurrence]) -> None:
    """Raises ToldAlready if a record is told from nothing, and not as a baseline, of whose kind and key the trail tells.

    Takes one look-up by an index where records are made, and none where nothing is.
    """
    made = {each.resource for each in occurrences if each.change and each.change.before is None}
    made -= {each.resource for each in occurrences if each.details.baseline}
    by_kind: dict[str, list[str]] = {}
    for kind, key in sorted(made):
        by_kind.setdefault(kind, []).append(key)
    if not by_kind:
        return
    told = [{"resource.id": {"$in": keys}, "resource.type": kind, "outcome": SUCCESS} for kind, keys in by_kind.items()]
    for each in await AuditEvent.raws(told[0] if len(told) == 1 else {"$or": told}, limit=1, fields=["resource"]):
        about = each["resource"] if isinstance(each["resource"], dict) else {}
        raise ToldAlready(str(about.get("type")), str(about.get("id")))


async def refuse_told(kind: type[Record], key: str) -> None:
    """Raises ToldAlready if the trail tells of a record that is not stored, before somebody makes it anew."""
    query = {"resource.id": key, "resource.type": kind.__name__, "outcome": SUCCESS}
    if await AuditEvent.raws(query, limit=1, fields=["seq"]):
        raise ToldAlready(kind.__name__, key)


def _within(sentence: str) -> str:
    """A sentence as a part of another."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")


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
