"""Verifies the trail in the database window by window, so that memory does not grow with its length."""

import re
from asyncio import to_thread
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from math import floor
from typing import Any, NamedTuple, Self

from documents.audit import tree
from documents.audit.books import Books, take_all, want_all
from documents.audit.checkpoints import AuditCheckpoint, endorsements
from documents.audit.endorsements import followed
from documents.audit.event import AuditEvent
from documents.audit.findings import Report
from documents.audit.forks import restored
from documents.audit.forms import Known, checkpoint_problem
from documents.audit.ledger import Ledger
from documents.audit.ordinary import Ordinary, ordinary
from documents.audit.pins import Kept, trusted
from documents.audit.proofs import proofs_to
from documents.audit.records import not_compared
from documents.audit.schema import cited
from documents.audit.sealing import problem_of_head
from documents.audit.trail import AuditHead
from documents.audit.verification import Verifier
from documents.contents import Content
from documents.errors import InvalidInput, LimitExceeded
from documents.seals import FIELD
from documents.store.session import bound_database, decoded_batch
from documents.store.units import Raw
from documents.values import MAX_SAFE_INTEGER, is_count

EVENTS_A_CALL = 50_000  # events that one call of a client verifies
WINDOW = 250  # events that are read and verified at once
KEPT = 1_000  # stored checkpoints that an export holds
Seen = tuple[int, str]  # the number of events that an earlier verification read from the first on, and the root it computed


class Window(NamedTuple):
    """Some events, with their readings and with what is known of the contents that they cite."""

    events: Sequence[tuple[Raw, Ordinary | None]]
    contents: Known


Progress = Callable[[int, int], None]
Reached = Callable[[int], Awaitable[None]]
BESIDE = 16  # documents in the place of the head that are looked at
# Each event names the hash of the one before it, which is no content.
_DIGESTS = re.compile(rb'(?<!"previous_hash":)"([0-9a-f]{64})"')


def unheard(read: int, of: int) -> None:
    """A `Progress` that does nothing."""


async def verify(
    first: int = 0,
    last: int | None = None,
    checkpoint: str | None = None,
    keys: Sequence[str] = (),
    *,
    limit: int | None = EVENTS_A_CALL,
    progress: Progress = unheard,
    books: Books | None = None,
    sealed: bool = True,
) -> Report:
    """Verifies the events from `first` to `last`, both included; `last` is the end of the trail if it is None.

    `checkpoint` has the signed notes that were kept outside the database. Each is compared if one of `keys` signed it, or a key
    that one of them endorsed. A verification of the whole trail compares the records of `books` with it. After each window
    `progress` gets the number of its events and of all events. Without `sealed` the head needs no seal. Raises LimitExceeded for
    more than `limit` events, and InvalidInput for numbers outside the trail and for keys or a checkpoint that cannot be used.
    """
    named = trusted(checkpoint, keys)
    part = await TrailPart.of(first, last, sealed=sealed)
    if limit is not None and part.length > limit:
        # A number that somebody stored can make the trail look longer than it is.
        stored = await AuditEvent.tally({"seq": {"$gte": part.first, "$lt": part.stop}})
        if stored > limit:
            raise LimitExceeded("the number of events in a verification", stored, limit)
    kept, wrong = Kept(), list[str]()
    if checkpoint is not None:
        allowed, wrong = followed(named, await endorsements())
        kept = await to_thread(Kept.read, checkpoint, allowed)

    async def reached(read: int) -> None:
        progress(read, part.length)

    return await _verified(part, kept, None, reached, wrong=wrong, books=None if part.partial else books)


async def verify_on(first: int, earlier: Seen | None, kept: Kept, reached: Reached, books: Books | None = None) -> Report:
    """Verifies the events from `first` to the end, in any number; the whole trail if it has fewer than `first` events.

    Compares with `earlier`, the root that an earlier verification computed, and with the checkpoints `kept`. Awaits `reached`,
    with the number of events, after each window. Compares the records of `books` with the trail: all of them if it begins at 0,
    else those of which the events from `first` on tell.
    """
    return await _verified(await TrailPart.since(first), kept, earlier, reached, books=books)


async def _verified(
    part: "TrailPart",
    kept: Kept,
    seen: Seen | None,
    reached: Reached,
    *,
    wrong: Sequence[str] = (),
    books: Books | None = None,
) -> Report:
    with Ledger() as ledger:
        report = await _verified_trail(part, kept, seen, reached, wrong, ledger if books else None)
        return await books.compared(ledger, report, part.first, part.end, reached) if books else not_compared(report)


async def _verified_trail(
    part: "TrailPart", kept: Kept, seen: Seen | None, reached: Reached, wrong: Sequence[str], ledger: Ledger | None
) -> Report:
    marks = kept.sizes | ({seen[0]} if seen else set())
    told = await restored(part.first, part.stop) if part.partial else []
    verifier = Verifier(part.first, await earlier(part.first), marks, [each for _, each in told])
    follow = partial(want_all if part.first else take_all, ledger) if ledger else None
    async for found in part.windows(WINDOW):
        await to_thread(_feed, verifier, found, follow)  # on the event loop it would hold up every other request
        await reached(len(found.events))
    verifier.expect(part.stop)
    if part.to_the_end:
        async for found in part.strays(WINDOW):
            await to_thread(verifier.feed_read, *found)
            await reached(len(found.events))
        verifier.expect_counted(part.head)
        verifier.compare_head(part.head, len(part.beside), part.unsealed)
    async for checkpoints in part.checkpoints(WINDOW):
        await to_thread(verifier.deny_stored, checkpoints)
        await reached(0)
    verifier.compare_checkpoints(kept, part.end, await proofs_to(kept.sizes, part.first, part.stop, part.end))
    verifier.deny_endorsements(wrong)
    if seen:
        verifier.compare_earlier(*seen)
    return verifier.report()


def _feed(verifier: Verifier, found: Window, follow: Callable[[Iterable[tuple[Raw, Ordinary | None]]], None] | None) -> None:
    verifier.feed_read(*found)
    if follow:
        follow(found.events)


@dataclass(frozen=True, slots=True)
class TrailPart:
    """The events from `first` to before `stop`, of a trail that had `end` events when its head was read.

    `end` is what the head counts if the stored events agree with it, and else the number after the last stored event.
    """

    head: Raw | None
    first: int
    stop: int
    end: int
    beside: Sequence[Raw] = ()
    """Documents in the place of the head that are no head."""
    unsealed: str | None = None
    """What is wrong with the head's seal; None if it is right, and if this process has no key to tell."""

    @classmethod
    async def of(cls, first: int, last: int | None, *, sealed: bool = True) -> Self:
        """The events from `first` to `last`, both included, or to the end. Raises InvalidInput outside the trail.

        Without `sealed` the head needs no seal.
        """
        head, beside, unsealed = await _heads()
        end = await _end(head)
        if first < 0 or (first and first >= end) or (last is not None and last < first):
            raise InvalidInput("from", f"must be from 0 to {max(end - 1, 0)}, and the last number not before it")
        return cls(head, first, end if last is None else min(last + 1, end), end, beside, unsealed if sealed else None)

    @classmethod
    async def since(cls, first: int) -> Self:
        """The events from `first` to the end; the whole trail if it has fewer than `first` events."""
        head, beside, unsealed = await _heads()
        end = await _end(head)
        return cls(head, first if first <= end else 0, end, end, beside, unsealed)

    @property
    def length(self) -> int:
        return self.stop - self.first

    @property
    def to_the_end(self) -> bool:
        return self.stop == self.end

    @property
    def partial(self) -> bool:
        return self.first > 0 or not self.to_the_end

    async def windows(self, size: int) -> AsyncIterator[Window]:
        """The part's events in the order of `seq`, at most `size` at once, with the contents that they cite, by digest."""
        start: int | None = self.first
        while start is not None and start < self.stop:
            found = False
            query = {"seq": {"$gte": start, "$lt": min(start + size, self.stop)}}
            async for stored in AuditEvent.batches(query, [("seq", 1)], size):
                window = await _window(stored)
                if window.events:
                    found = True
                    yield window
            start += size
            if not found:  # however far the next number is, this takes one command
                start = await _next(start, self.stop)

    async def strays(self, size: int) -> AsyncIterator[Window]:
        """The stored events with a `seq` that is no number of the trail; events appended since the head was read are left out."""
        # `$nor` also finds events whose `seq` is missing or is no number, which no comparison finds. A list meets a comparison if
        # one of its elements does. Lists are looked for in whole verifications only, because no index finds them.
        queries: list[Raw] = [{"$nor": [{"seq": {"$gte": 0, "$lt": self.end}}]}]
        queries += [{"seq": {"$type": "array"}}] if self.first == 0 else []
        for query, listed in zip(queries, (False, True), strict=False):
            async for events in AuditEvent.raw_windows(query, [("seq", 1)], size):
                since = _counted(await _head())
                found = [each for each in events if isinstance(each.get("seq"), list) is listed]
                found = [each for each in found if not self._is_later(each, since)]
                if found:
                    yield await _with_contents(*_read(found))

    def _is_later(self, event: Raw, size: int | None) -> bool:
        """Whether an event was appended after the head was read, when the trail has `size` events by now."""
        return size is not None and is_count(seq := event.get("seq")) and self.end <= int(seq or 0) < size

    async def checkpoints(self, size: int) -> AsyncIterator[list[Raw]]:
        """The stored checkpoints of this part; of the last part, also those whose size is no number."""
        query: Raw = {"size": {"$gt": self.first, "$lte": self.stop}}
        if self.to_the_end:
            query = {"$nor": [{"size": {"$gte": 1, "$lte": self.first}}]} if self.first else {}
        async for found in AuditCheckpoint.raw_windows(query, [("size", 1)], size):
            yield found


async def sound_checkpoints(size: int, limit: int) -> list[Raw]:
    """The newest unaltered checkpoints of at most `size` events, newest first."""
    sound: list[Raw] = []
    query: Raw = {"size": {"$gte": 1, "$lte": size}}
    async with aclosing(AuditCheckpoint.raw_windows(query, [("size", -1)], WINDOW)) as windows:
        async for found in windows:
            sound += await to_thread(_unaltered, found)
            if len(sound) >= limit:
                break
    return sound[:limit]


def _unaltered(checkpoints: Sequence[Raw]) -> list[Raw]:
    return [each for each in checkpoints if checkpoint_problem(each) is None]


async def _head() -> Raw | None:
    return await AuditHead.raw_first({"name": "head"})


async def _heads() -> tuple[Raw | None, list[Raw], str | None]:
    """The stored head without its seal, the first documents that stand beside it, and what is wrong with the seal."""
    found = await AuditHead.raw_window({}, [("_id", 1)], BESIDE + 1)
    head = next((each for each in found if each.get("name") == "head"), None)
    if head is None and found:
        head = await _head()
    beside = [each for each in found if each is not head][:BESIDE]
    if head is None:
        return None, beside, None
    wrong = problem_of_head(head) if bound_database().keyring else None
    return {name: value for name, value in head.items() if name != FIELD}, beside, wrong


def _counted(head: Raw | None) -> int | None:
    """How many events a head counts; None if it does not say so by a number that a trail can have."""
    return int(head["size"]) if head and is_count(head.get("size")) else None


async def _end(head: Raw | None) -> int:
    """What the head counts, if the events that are stored agree; else the number after the last event that is stored."""
    counted, end = _counted(head), await _last() + 1
    if counted is not None and counted < end:
        since = _counted(await _head())  # events may have been appended after the head was read
        return counted if since is not None and end <= since else end
    return end


async def _last() -> int:
    """The largest number that a stored event bears and an event can have; -1 if there is none."""
    within: Raw = {"seq": {"$gte": 0, "$lt": MAX_SAFE_INTEGER}}
    last = await AuditEvent.raws(within, [("seq", -1)], 1, ["seq"])
    if not last or is_count(last[0].get("seq")):
        return int(last[0]["seq"]) if last else -1
    async with aclosing(AuditEvent.raw_windows(within, [("seq", -1)], WINDOW, ["seq"])) as windows:
        async for found in windows:
            if numbers := [int(each["seq"]) for each in found if is_count(each.get("seq"))]:
                return max(numbers)
    return -1


async def _next(start: int, stop: int) -> int | None:
    """The first number from `start` to before `stop` that a stored event bears; None if there is none."""
    within: Raw = {"seq": {"$gte": start, "$lt": stop}}
    async with aclosing(AuditEvent.raw_windows(within, [("seq", 1)], WINDOW, ["seq"])) as windows:
        async for found in windows:
            if numbers := [number for each in found if (number := _whole(each.get("seq"))) is not None]:
                return max(min(numbers), start)
    return None


def _whole(value: Any) -> int | None:
    """The integer at or below a stored number; None for what is no number."""
    if isinstance(value, int):
        return int(value)
    try:
        return floor(value if isinstance(value, float) else Decimal(str(value)))
    except (ArithmeticError, ValueError):
        return None


async def earlier(first: int) -> list[Raw]:
    """The stored events that hold the hashes of the right edge of the tree of `first` events."""
    needed = sorted({each.completed_by for each in tree.edge_subtrees(first)})
    return await _events({"seq": {"$in": needed}}) if needed else []


async def _events(query: Raw, limit: int = 0) -> list[Raw]:
    return await AuditEvent.raws(query, [("seq", 1)], limit)


async def _window(stored: bytes) -> Window:
    """The events that were sent; those that have a list in the place of a number are left to `strays`."""
    return await _with_contents(*await to_thread(lambda: _read(each for each in decoded_batch(stored) if _has_no_list(each))))


def _has_no_list(event: Raw) -> bool:
    return not isinstance(event.get("seq"), list)


async def _with_contents(read: list[tuple[Raw, Ordinary | None]], digests: set[str]) -> Window:
    known = Known(set(), set())
    if digests:
        async for found in Content.raw_windows({"digest": {"$in": sorted(digests)}}, (), WINDOW):
            known = known.joined(await to_thread(Known.of, found))
    return Window(read, known)


def _read(events: Iterable[Raw]) -> tuple[list[tuple[Raw, Ordinary | None]], set[str]]:
    """The events with their readings, and the digests of the contents that they cite, by their fields or by their bytes."""
    found, digests = [(each, ordinary(each)) for each in events], set[str]()
    for event, read in found:
        if read:
            digests.update(read.cites)
            continue
        digests |= cited(event)
        if isinstance(text := event.get("canonical"), bytes):
            digests.update(each.decode() for each in _DIGESTS.findall(text))
    return found, digests
