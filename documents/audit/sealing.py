"""Seals and checks the records that grant access: each is as it was stored here, and no older than the trail tells."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

from documents.audit.event import AuditEvent, AuditOutcome
from documents.canonical import loosely_parsed
from documents.errors import Altered, NotAsTold, NotFound
from documents.seals import FIELD, Keyring, problem_of, seal, seq_of
from documents.store.record import Record
from documents.store.server import UnreadableDocument
from documents.store.session import bound_database
from documents.store.units import Raw, RecordChange, open_unit

R = TypeVar("R", bound=Record)
Place = tuple[str, str]
"""The kind and the key of a record, as events name it."""
HEAD = "audit_head"  # by its name: the trail itself seals by this module
END = ("origin", "size", "last_hash", "last_at", "edge")
"""The fields of the head that say where the trail ends. Its seal covers them, and not the count of units of work."""
NOT_LAST = "the trail tells of a later change, or of none"


class NoSecretKey(RuntimeError):
    """A record that grants access is to be sealed or checked, and this process has no key."""


def keyring() -> Keyring:
    found = bound_database().keyring
    if found is None:
        raise NoSecretKey("MAGISTRATE_SECRET_KEY is not set")
    return found


async def last_seq(kind: str, key: str, below: int | None = None) -> int | None:
    """The place of the last event of a change of a record; None if there is none. `below` leaves out later events.

    An index holds these events alone, so refused attempts about the record, however many, make the look-up no slower. It goes by
    the stored outcome, which somebody can alter; the place is never below one that this process has seen an event in.
    """
    query = {"resource.id": key, "resource.type": kind, "outcome": AuditOutcome.SUCCESS}
    newest = [each.get("seq") for each in await AuditEvent.raws(query, [("seq", -1)], 1, ["seq"])]
    if newest and not _is_before(newest[0], below):  # what somebody stored beside the trail's own, or what comes later
        newest = [each.get("seq") for each in await AuditEvent.raws(query, fields=["seq"])]
    seen = bound_database().latest.get((kind, key))
    return max((each for each in [*newest, seen] if isinstance(each, int) and _is_before(each, below)), default=None)


def _is_before(seq: Any, below: int | None) -> bool:
    return isinstance(seq, int) and (below is None or seq < below)


async def problem(kind: str, key: str, row: Raw, below: int | None = None, last: int | None = None) -> str | None:
    """Why a stored row is not what was stored here last; None if it is. `last` is the place of its last event, if it is known."""
    if found := problem_of(kind, key, row, keyring()):
        return found
    last = await last_seq(kind, key, below) if last is None else last
    return None if seq_of(row) == last else NOT_LAST


async def checked(kind: type[R], key: str) -> R:
    """The record of that key, whole, to permit something by; NotFound without one, NotAsTold if it was altered."""
    try:
        row = await kind.raw_first(dict(zip(kind.keys, (key,), strict=True)))
    except UnreadableDocument as error:
        raise NotAsTold(kind.__name__, key, "it cannot be read") from error
    if row is None:
        raise NotFound(kind.__name__, key)
    if wrong := await problem(kind.__name__, key, row):
        raise NotAsTold(kind.__name__, key, wrong)
    record = kind.hydrated(row)
    if unit := open_unit():
        unit.required.append(record)
    return record


async def seal_changes(
    told: Sequence[tuple[RecordChange | None, int]], others: Iterable[RecordChange], known: Mapping[Place, int]
) -> None:
    """Seals each changed record that grants access, as of its last event; needs the open transaction of the change.

    `told` are the changes that the new events tell, each with the place of its event, first first. `others` are all changes of
    the transaction: one that no event tells keeps the place of the event before. `known` are places of last events that need not
    be looked up. Raises Altered if the record, as it was before the change, was not as it was stored here: sealing it would make
    true what somebody wrote into the database.
    """
    last: dict[Place, tuple[RecordChange, int | None]] = {}
    for each, at in [*((each, None) for each in others), *told]:
        if each and each.record.grants_access:
            last[type(each.record).__name__, each.record.key] = each, at
    first = min((at for _, at in told), default=None)
    for (kind, key), (change, seq) in last.items():
        # What is told from nothing although it has a seal is a record that is told anew.
        before = change.before if change.before is not None else change.after if FIELD in change.after else None
        if before is not None and (wrong := await problem(kind, key, before, first, known.get((kind, key)))):
            raise Altered(kind, key, wrong)
        as_of = seq if seq is not None else seq_of(before or {})
        if as_of is None:
            raise AssertionError(f"{kind} {key} was stored without an event")
        await put(change.record, change.after, as_of)


def sealed(record: Record, row: Raw, seq: int) -> Raw:
    """The row of a record that is to be stored, with its seal as of `seq`."""
    return row | {FIELD: seal(type(record).__name__, record.key, row, seq, keyring().current)}


async def put(record: Record, row: Raw, seq: int) -> None:
    """Seals a stored row as of the event at `seq`, and notes the seal in `row`; needs an open transaction."""
    kind = type(record)
    bound_database().sealed += 1
    if record.sealed_with(row) and seq_of(row) == seq:
        return
    row[FIELD] = sealed(record, row, seq)[FIELD]
    await kind.alter({"_id": row["_id"]}, {"$set": {FIELD: row[FIELD]}})


def seal_of_head(end: Mapping[str, Any]) -> Raw:
    """The seal of the head over an end of the trail: an event that somebody else put at the end is noticed by it."""
    return seal(HEAD, "head", {name: end.get(name) for name in END}, end["size"], keyring().current)


def problem_of_head(head: Raw) -> str | None:
    """Why a stored head is not as a server left it, by its seal; None if it is."""
    return problem_of(HEAD, "head", {name: head.get(name) for name in (*END, FIELD)}, keyring())


class LastSeqs:
    """The places of the last events of records that grant access, as one process knows them.

    `follow` reads what the trail has grown by since, by one small command: each event, of a refused attempt too, is read once. It
    reads at most once a second, and at once after this process has sealed anything. So what another process ended, and somebody
    puts back into the database, may be believed for the rest of that second. What it has read it remembers (`Database.latest`),
    whatever is altered later; an event that is altered before, or in another field than these, is for the verification to find.
    """

    WINDOW, AHEAD, MOST, FRESH = 250, 4, 100_000, 1.0

    def __init__(self) -> None:
        self._size, self._last_hash, self._turn = 0, "", 0
        self._read_at, self._sealed = -self.FRESH, -1
        self._seqs: dict[Place, int | None] = {}
        self._kinds: set[str] = set()
        """The kinds of record that were asked for; others grant no access."""

    async def follow(self, *, now: bool = False) -> None:
        """Reads the events that came since, if it is time or if `now`; forgets everything if the last known one is gone."""
        sealed, at = bound_database().sealed, monotonic()
        if not now and at - self._read_at < self.FRESH and sealed == self._sealed:
            return
        await self._follow()
        self._read_at, self._sealed = at, sealed

    async def _follow(self) -> None:
        known, last_hash, ahead = self._size, self._last_hash, self.AHEAD
        if not known or len(self._seqs) > self.MOST:
            await self._begin()
            return
        # Named places are found by the index in any database; a range, however short, takes some longer.
        events = await self._events({"$in": [*range(known - 1, known + ahead)]})
        while True:
            found = {each["seq"]: each for each in events if isinstance(each.get("seq"), int)}
            if known - 1 not in found or found[known - 1].get("event_hash") != last_hash:
                await self._begin()
                return
            seq = known
            while seq in found:
                self._note(found[seq])
                last_hash, seq = str(found[seq].get("event_hash")), seq + 1
            if seq > self._size:
                self._size, self._last_hash, self._turn = seq, last_hash, self._turn + 1
            if seq < known + ahead:
                return
            known, ahead = seq, self.WINDOW
            events = await self._events({"$gte": known - 1, "$lt": known + ahead})

    async def of(self, kind: str, key: str) -> int | None:
        """The place of the last event of a change of a record, as of the last `follow` or later."""
        place = kind, key
        self._kinds.add(kind)
        while place not in self._seqs:
            turn = self._turn
            found = await last_seq(kind, key)
            if turn == self._turn:  # else `follow` may have read an event that was not there yet when this was looked up
                self._seqs[place] = found
                if found is not None:
                    self._remember(place, found)
        return self._seqs[place]

    async def _begin(self) -> None:
        head: Raw = await bound_database().collection(HEAD).find_one({"name": "head"}, {"size": 1, "last_hash": 1}) or {}
        size = head.get("size")
        self._size, self._last_hash = size if isinstance(size, int) else 0, str(head.get("last_hash"))
        self._seqs, self._turn = {}, self._turn + 1

    @staticmethod
    async def _events(seqs: Mapping[str, Any]) -> Sequence[Raw]:
        return await AuditEvent.raws({"seq": seqs}, fields=["seq", "event_hash", "outcome", "resource", "canonical"])

    def _note(self, event: Raw) -> None:
        text = event.get("canonical")
        places = {_changed(event)}
        if isinstance(text, bytes) and any(f'"{kind}"'.encode() in text for kind in self._kinds):  # most events are about others
            with suppress(ValueError):
                places.add(_changed(loosely_parsed(text)))
        for place in places:
            if place and place[0] in self._kinds:
                self._remember(place, event["seq"])
                if place in self._seqs:
                    self._seqs[place] = max(self._seqs[place] or 0, event["seq"])

    def _remember(self, place: Place, seq: int) -> None:
        latest = bound_database().latest
        if len(latest) > self.MOST:
            latest.clear()
        latest[place] = max(latest.get(place, 0), seq)


def _changed(event: Any) -> Place | None:
    """The record whose change an event tells, as it is stored or in its canonical bytes; None for a refused attempt."""
    match event:
        case {"outcome": AuditOutcome.SUCCESS, "resource": {"type": str(kind), "id": str(key)}}:
            return kind, key
    return None
