"""Verifies the trail in the database window by window, so that memory does not grow with its length."""

from asyncio import to_thread
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self, cast

from documents.audit import tree
from documents.audit.checkpoints import endorsements
from documents.audit.endorsements import followed
from documents.audit.event import AuditEvent
from documents.audit.findings import Report
from documents.audit.forks import restored
from documents.audit.pins import Kept, trusted
from documents.audit.proofs import proofs_to
from documents.audit.schema import cited
from documents.audit.trail import AuditHead
from documents.audit.verification import Verifier
from documents.contents import Content
from documents.errors import InvalidInput, LimitExceeded
from documents.store.units import Raw

EVENTS_A_CALL = 50_000  # events that one call of a client verifies
WINDOW = 100  # events that are read and verified at once: the driver decodes them in one piece, and meanwhile nothing else runs
SMALL_WINDOW = 50  # the same for a server's own runs
KEPT = 1_000  # stored checkpoints that an export holds
Seen = tuple[int, str]  # the number of events that an earlier verification read from the first on, and the root it computed
Window = tuple[list[Raw], dict[str, str]]
Progress = Callable[[int, int], None]
Reached = Callable[[int], Awaitable[None]]


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
) -> Report:
    """Verifies the events from `first` to `last`, both included; `last` is the end of the trail if it is None.

    `checkpoint` has the signed notes that were kept outside the database. Each is compared if one of `keys` signed it, or a key
    that one of them endorsed. After each window `progress` gets the number of its events and of all events. Raises LimitExceeded
    for more than `limit` events, and InvalidInput for numbers outside the trail and for keys or a checkpoint that cannot be used.
    """
    named = trusted(checkpoint, keys)
    part = await TrailPart.of(first, last)
    if limit is not None and part.length > limit:
        raise LimitExceeded("the number of events in a verification", part.length, limit)
    kept, wrong = Kept(), list[str]()
    if checkpoint is not None:
        allowed, wrong = followed(named, await endorsements())
        kept = await to_thread(Kept.read, checkpoint, allowed)

    async def reached(read: int) -> None:
        progress(read, part.length)

    return await _verified(part, kept, None, reached, wrong=wrong)


async def verify_on(first: int, earlier: Seen | None, kept: Kept, reached: Reached) -> Report:
    """Verifies the events from `first` to the end, in any number; the whole trail if it has fewer than `first` events.

    Compares with `earlier`, the root that an earlier verification computed, and with the checkpoints `kept`. Awaits `reached`,
    with the number of events, after each window.
    """
    return await _verified(await TrailPart.since(first), kept, earlier, reached, SMALL_WINDOW)


async def _verified(
    part: "TrailPart", kept: Kept, seen: Seen | None, reached: Reached, window: int = WINDOW, wrong: Sequence[str] = ()
) -> Report:
    marks = kept.sizes | ({seen[0]} if seen else set())
    told = await restored(part.first, part.stop) if part.partial else []
    verifier = Verifier(part.first, await earlier(part.first), marks, [each for _, each in told])
    async for events, contents in part.windows(window):
        await to_thread(verifier.feed, events, contents)  # on the event loop it would hold up every other request
        await reached(len(events))
    verifier.expect(part.stop)
    if part.to_the_end:
        await to_thread(verifier.feed, *await part.strays())
        verifier.compare_head(part.head)
    verifier.compare_checkpoints(kept, part.end, await proofs_to(kept.sizes, part.first, part.stop, part.end))
    verifier.deny_endorsements(wrong)
    if seen:
        verifier.compare_earlier(*seen)
    return verifier.report()


@dataclass(frozen=True, slots=True)
class TrailPart:
    """The events from `first` to before `stop`, of a trail that had `end` events when its head was read."""

    head: Raw | None
    first: int
    stop: int
    end: int

    @classmethod
    async def of(cls, first: int, last: int | None) -> Self:
        """The events from `first` to `last`, both included, or to the end. Raises InvalidInput outside the trail."""
        head = await _head()
        end = _size(head)
        if first < 0 or (first and first >= end) or (last is not None and last < first):
            raise InvalidInput("from", f"must be from 0 to {max(end - 1, 0)}, and `to` not before it")
        return cls(head, first, end if last is None else min(last + 1, end), end)

    @classmethod
    async def since(cls, first: int) -> Self:
        """The events from `first` to the end; the whole trail if it has fewer than `first` events."""
        head = await _head()
        end = _size(head)
        return cls(head, first if first <= end else 0, end, end)

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
        for start in range(self.first, self.stop, size):
            if events := await _events({"seq": {"$gte": start, "$lt": min(start + size, self.stop)}}):
                yield events, await _contents(events)

    async def strays(self) -> Window:
        """The first stored events with a `seq` outside the head's size; events appended since the head was read are left out."""
        # `$nor` also finds events whose `seq` is missing or is no number, which no comparison finds.
        outside = await _events({"$nor": [{"seq": {"$gte": 0, "$lt": self.end}}]}, limit=WINDOW)
        size = _size(await _head())
        events = [each for each in outside if not (isinstance(each.get("seq"), int) and self.end <= each["seq"] < size)]
        return events, await _contents(events)


async def _head() -> Raw | None:
    return await AuditHead.raw_first({"name": "head"})


def _size(head: Raw | None) -> int:
    return head["size"] if head and isinstance(head.get("size"), int) else 0


async def earlier(first: int) -> list[Raw]:
    """The stored events that hold the hashes of the right edge of the tree of `first` events."""
    needed = sorted({each.completed_by for each in tree.edge_subtrees(first)})
    return await _events({"seq": {"$in": needed}}) if needed else []


async def _events(query: Raw, limit: int = 0) -> list[Raw]:
    return await AuditEvent.raws(query, [("seq", 1)], limit)


async def _contents(events: list[Raw]) -> dict[str, str]:
    digests = {digest for event in events for digest in cited(event)}
    if not digests:
        return {}
    kept = await Content.raws({"digest": {"$in": sorted(digests)}})
    return {each["digest"]: cast("str", each.get("canonical")) for each in kept}
