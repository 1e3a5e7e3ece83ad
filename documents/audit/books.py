"""Compares the stored records with the trail, in bounded memory and beside the work of other processes.

Records are read in the order of their database ids, so that none is met twice or left out while others are written. What seems
wrong is looked at again in one transaction, which sees the record, the events that came since, and whatever else it follows
from as they were at one moment. So a change under way is no fault.
"""

from asyncio import to_thread
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from pydantic import ValidationError

from documents.audit.event import AuditEvent
from documents.audit.findings import Fault, Report
from documents.audit.fold import MISSING, Look, Telling, Told
from documents.audit.ledger import Ledger
from documents.audit.ordinary import Ordinary
from documents.audit.records import Balance, Row, leaves_of
from documents.audit.schema import is_content
from documents.audit.trail import AuditHead
from documents.canonical import UNSPEAKABLE, loosely_parsed, same
from documents.contents import Content
from documents.salts import FIELD as SALTS
from documents.salts import are_salts
from documents.store.record import Record, is_revision
from documents.store.session import bound_database, decoded_batch
from documents.store.units import Raw, Unit
from documents.values import is_count

NOTHING: tuple[Any, ...] = (None, [], {})
ABSENT = object()  # stands for the value of a field that a record does not have
AT_ONCE = 25  # records that are judged, or looked up, at once
WINDOW = 100  # records that are read and compared at once
Written = Callable[[Row], None]
Reached = Callable[[int], Awaitable[None]]
Rested = Callable[[], Awaitable[None]]


class Standings(NamedTuple):
    """What a judge finds of the standings of some stored documents, by database id."""

    wrong: Mapping[Any, str] = {}
    """Those that the rules did not make, each with a sentence."""
    waiting: Collection[Any] = frozenset()
    """Those that wait to be judged anew, of which nothing can be said."""


Judge = Callable[[Sequence[Raw]], Awaitable[Standings]]


class Judged(NamedTuple):
    """A row, the state that the trail tells of its record, and its faults."""

    row: Row
    told: Told | None
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class Books:
    """What is compared with the trail: the kinds of record that it tells of, and a judge of their standing.

    `judge` gets stored documents of the kind `judged`.
    """

    kinds: Sequence[type[Record]]
    judged: type[Record]
    judge: Judge

    async def compared(self, ledger: Ledger, report: Report, first: int, size: int, reached: Reached) -> Report:
        """The report on the events from `first` to before `size`, with what a comparison of the records finds.

        If `first` is 0, `ledger` has all of them. Otherwise it wants the records of which they tell.
        """

        async def rest() -> None:
            await reached(0)

        if first:
            await tell_again(ledger, size, rest)
        found = await self.balance(ledger, size, rest, only_wanted=first > 0)
        return found.added_to(report, whole=first == 0)

    async def balance(
        self, ledger: Ledger, size: int, rest: Rested, written: Written | None = None, only_wanted: bool = False
    ) -> Balance:
        """Compares the stored records with the states in `ledger`, to which the first `size` events came.

        `written` gets the row of each record that the ledger knows. If `only_wanted`, no records are compared but those that the
        ledger wants. Awaits `rest` after each window.
        """
        found = Balance(ledger)
        for kind in sorted(self.kinds, key=lambda each: each.__name__):
            size_of_window = AT_ONCE if kind is self.judged else WINDOW  # judging is done on the event loop
            for query in _queries(ledger, kind) if only_wanted else [{}]:
                async for stored in kind.batches(query, [("_id", 1)], size_of_window):
                    await self._compare(kind, stored, found, size, written)
                    await rest()
        await to_thread(found.miss)
        return found

    async def _compare(self, kind: type[Record], stored: bytes, found: Balance, size: int, written: Written | None) -> None:
        window, pairs = await to_thread(_decoded_rows, kind, stored, found.ledger)
        look = await looking_up({digest for row, told in pairs if told for digest in told.to_open(row.leaves)})
        standings = await self._standings(kind, window)
        judged = await to_thread(_judge, pairs, window, standings, found, look)
        for raw, seen in zip(window, judged, strict=True):
            looked_at = await self._again(kind, raw, seen, found, size) if seen.faults else seen
            if looked_at:
                found.count(*looked_at)
                if written:
                    written(looked_at.row)

    async def _standings(self, kind: type[Record], window: Sequence[Raw]) -> Standings:
        return await self.judge(window) if kind is self.judged else Standings()

    async def _again(self, kind: type[Record], raw: Raw, seen: Judged, found: Balance, size: int) -> Judged | None:
        """A row and its faults as they are at one moment; None for a record that came after the first `size` events."""
        told = seen.told

        async def work(unit: Unit) -> tuple[Raw | None, list[Telling], Standings]:
            stored = await _first(kind, {"_id": raw["_id"]}) if "_id" in raw else raw
            since = await _since(kind.__name__, seen.row.key, size)
            return stored, since, await self._standings(kind, [stored] if stored else [])

        stored, since, standings = await bound_database().look(work, datetime.now(UTC))
        if stored is None or (told is None and since):
            return None
        ((row, _),) = await to_thread(_rows, kind, [stored], found.ledger)
        now = Told.of_json(told.as_json()) if told else None
        if now:
            for telling in since:
                now.take(telling)
        look = await looking_up(now.to_open(row.leaves) if now else ())
        ((row, _, faults),) = await to_thread(_judge, [(row, now)], [stored], standings, found, look)
        return Judged(row._replace(later=bool(since)), told, faults)


def id_of(raw: Raw) -> Any:
    """The database id of a document, as something that a mapping can be asked for."""
    return str(raw.get("_id"))


async def _first(kind: type[Record], query: Raw) -> Raw | None:
    return next(iter(await kind.raw_window(query, [], 1)), None)


def _decoded_rows(kind: type[Record], stored: bytes, ledger: Ledger) -> tuple[list[Raw], list[tuple[Row, Told | None]]]:
    window = decoded_batch(stored)
    return window, _rows(kind, window, ledger)


def _rows(kind: type[Record], window: Sequence[Raw], ledger: Ledger) -> list[tuple[Row, Told | None]]:
    found = []
    for raw in window:
        told = ledger.told(kind.__name__, kind.key_of(raw))
        found.append((row_of(kind, raw, proven=told is not None and told.since is not None), told))
    return found


def row_of(kind: type[Record], raw: Raw, *, proven: bool) -> Row:
    """The row of a stored document; `proven` says whether what only the database can show is looked for."""
    wrong = wrong_in(kind, raw) if proven else {}
    return Row(kind.__name__, kind.key_of(raw), leaves_of(raw, kind.disclosure()), wrong)


def _judge(
    pairs: Iterable[tuple[Row, Told | None]], window: Iterable[Raw], standings: Standings, found: Balance, look: Look
) -> list[Judged]:
    judged = []
    for (row, told), raw in zip(pairs, window, strict=True):
        says, waits = standings.wrong.get(id_of(raw)), id_of(raw) in standings.waiting
        whole = row._replace(wrong={**row.wrong, "standing": says} if says else row.wrong, waits=waits)
        judged.append(Judged(whole, told, found.judged(whole, told, look)))
    return judged


async def looking_up(digests: Iterable[str]) -> Look:
    """A look-up of the contents of these digests, which are read now."""
    ordered = sorted(digests)
    known: dict[str, str] = {}
    if not ordered:
        return lambda digest: MISSING
    async for texts in Content.raw_windows({"digest": {"$in": ordered}}, [], AT_ONCE):
        known |= {each["digest"]: each["canonical"] for each in texts if is_content(each.get("digest"), each.get("canonical"))}
    return lambda digest: value_of(known.get(digest))


def value_of(text: str | None) -> Any:
    """The value of a content's text; MISSING for none."""
    try:
        return MISSING if text is None else loosely_parsed(text.encode())
    except ValueError:
        return MISSING


async def _since(kind_name: str, key: str, size: int) -> list[Telling]:
    """What the events from `size` on tell of a record, in the order of `seq`, as far as the head counts them."""
    head = await AuditHead.raw_first({"name": "head"})
    end = int(head["size"]) if head and is_count(head.get("size")) else size
    query = {"resource.id": key, "seq": {"$gte": size, "$lt": max(end, size)}}
    told: list[Telling | None] = []
    async for events in AuditEvent.raw_windows(query, [("seq", 1)], AT_ONCE, ["canonical"]):
        told += [Telling.in_bytes(each.get("canonical")) for each in events]
    return [each for each in told if each and (each.kind, each.key) == (kind_name, key)]


async def tell_again(ledger: Ledger, size: int, rest: Rested) -> None:
    """Replays into `ledger` the whole history of the records that it wants, up to the first `size` events."""
    for names in ledger.wanted(AT_ONCE):
        wanted = {*names}
        query = {"resource.id": {"$in": sorted({key for _, key in names})}, "seq": {"$gte": 0, "$lt": size}}
        async for window in AuditEvent.raw_windows(query, [("seq", 1)], AT_ONCE * 4, ["canonical"]):
            await to_thread(_take, ledger, window, wanted)
            await rest()


Read = Iterable[tuple[Raw, Ordinary | None]]
"""Stored events, each with its reading."""


def take_all(ledger: Ledger, events: Read) -> None:
    """Replays stored events into a ledger, from their bytes."""
    for event, read in events:
        ledger.take(_telling(event, read))


def want_all(ledger: Ledger, events: Read) -> None:
    """Has a ledger want all records of which stored events tell."""
    for event, read in events:
        if telling := _telling(event, read):
            ledger.want(telling)


def _telling(event: Raw, read: Ordinary | None) -> Telling | None:
    return Telling.of(read.said) if read else Telling.in_bytes(event.get("canonical"))


def _take(ledger: Ledger, window: Sequence[Raw], wanted: set[tuple[str, str]]) -> None:
    for each in window:
        if (telling := Telling.in_bytes(each.get("canonical"))) and (telling.kind, telling.key) in wanted:
            ledger.take(telling)


def _queries(ledger: Ledger, kind: type[Record]) -> Iterator[Raw]:
    """Queries for the stored records of a kind that a ledger wants, by the values that the trail tells of their keys."""
    for names in ledger.wanted(AT_ONCE):
        for name, group in groupby(names, itemgetter(0)):
            told = [ledger.told(name, key) for _, key in group] if name == kind.__name__ else []
            keys = [each.scalars(kind.keys) for each in told if each]
            if found := [key for key in keys if len(key) == len(kind.keys)]:
                yield {"$or": found}


# What only the database can show


def wrong_in(kind: type[Record], raw: Raw) -> dict[str, str]:
    """What is wrong in a document beside its leaves, by path: types of BSON, and fields that do not follow from others."""
    wrong = dict(_unlike_its_kind(kind, raw))
    if not is_revision(raw.get("revision")):
        wrong["revision"] = "It is no count of how often a record was stored."
    if not are_salts(raw.get(SALTS)):
        wrong[SALTS] = "It is no list of salts with their paths."
    try:
        follows = kind.recomputed(raw)
    except (*UNREADABLE, ValidationError):
        return wrong or {"": "What follows from its fields cannot be computed."}
    for name, value in follows.items():
        if not _is_same(raw.get(name), value):
            wrong.setdefault(name, "It is not what follows from the other fields.")
    return wrong


def _unlike_its_kind(kind: type[Record], raw: Raw) -> Iterator[tuple[str, str]]:
    try:
        restored = kind.restored(raw)
        unread = kind.disclosure().left_out - restored.keys() | {"_id"}
        read = {name: each for name, each in raw.items() if name not in unread}
        if not _are_typed_alike(read, restored):
            yield from _mistyped(read, restored)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            yield ".".join(str(step) for step in each["loc"]), "It cannot be read as a record of its kind."
    except UNREADABLE:
        yield "", "It cannot be read as a record of its kind."


UNREADABLE = (*UNSPEAKABLE, LookupError, AttributeError, AssertionError)


def _is_same(stored: Any, value: Any) -> bool:
    return (stored in NOTHING and value in NOTHING) or same(stored, value)


def _are_typed_alike(stored: Any, due: Any) -> bool:
    """Whether `_mistyped` surely finds nothing: that takes several times as long."""
    if type(stored) is dict:
        pairs: Iterable[tuple[Any, Any]] = ((each, due.get(name, ABSENT)) for name, each in stored.items())
    else:
        pairs = zip(stored, due, strict=False)
    for each, other in pairs:
        if each is None or other is None:
            continue
        kind = type(each)
        if kind is not type(other) or ((kind is dict or kind is list) and not _are_typed_alike(each, other)):
            return False
    return True


def _mistyped(raw: Raw, restored: Raw) -> Iterator[tuple[str, str]]:
    """The paths at which a document has a value that the record would not store, or one of another type than it would."""
    places = [(name, each, restored.get(name, ABSENT)) for name, each in raw.items()]
    while places:
        path, stored, due = places.pop()
        if stored in NOTHING:
            continue
        if due is ABSENT:
            yield path, "No record of its kind has such a field."
            continue
        if due in NOTHING:
            continue
        if _type(stored) is not _type(due):
            yield path, f"It is stored as {_type(stored).__name__}, and must be {_type(due).__name__}."
        elif isinstance(stored, dict):
            places += [(f"{path}.{name}", each, due.get(name, ABSENT)) for name, each in stored.items()]
        elif isinstance(stored, list):
            places += [(f"{path}.{at}", *both) for at, both in enumerate(zip(stored, due, strict=False))]


def _type(value: Any) -> type:
    kinds = (bool, int, float, str, datetime, dict, list)  # a type of the driver can be derived from one of these, as Int64 is
    return next((each for each in kinds if isinstance(value, each)), type(value))
