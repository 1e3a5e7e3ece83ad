"""Verifies the trail in the database window by window, so that memory does not grow with its length."""

from asyncio import to_thread
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self, cast

from documents.audit import tree
from documents.audit.books import Books, take_all, want_all
from documents.audit.checkpoints import AuditCheckpoint
from documents.audit.event import AuditEvent
from documents.audit.findings import Report
from documents.audit.ledger import Ledger
from documents.audit.notes import BadNote, Checkpoint, VerifierKey
from documents.audit.pins import pinned, those_pinned, trusted
from documents.audit.proofs import stored_hashes
from documents.audit.records import not_compared
from documents.audit.schema import cited
from documents.audit.trail import AuditHead
from documents.audit.verification import Verifier
from documents.contents import Content
from documents.errors import InvalidInput, LimitExceeded, Unproven
from documents.store.units import Raw

EVENTS_A_CALL = 50_000  # events that one call of a client verifies
WINDOW = 100  # events that are read and verified at once: the driver decodes them in one piece, and meanwhile nothing else runs
SMALL_WINDOW = 50  # the same for a server's own runs
KEPT, NEWEST = 1_000, 16  # stored checkpoints that a call compares, and a server's own run
Seen = tuple[int, str]  # the number of events that an earlier verification read from the first on, and the root it computed
Window = tuple[list[Raw], dict[str, str]]
Progress = Callable[[int, int], None]
Reached = Callable[[int], Awaitable[None]]


def unheard(read: int, of: int) -> None:
    """A `Progress` that does nothing."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a trail is compared with.

    `pinned` is a checkpoint from outside, or the reason why it is not trusted. `kept` are stored checkpoints by the same signer,
    and `earlier` is the root that an earlier verification computed.
    """

    pinned: Checkpoint | BadNote | None = None
    kept: Sequence[Checkpoint] = ()
    earlier: Seen | None = None

    @property
    def sizes(self) -> set[int]:
        signed = (self.pinned,) if isinstance(self.pinned, Checkpoint) else ()
        return {each.size for each in (*self.kept, *signed)} | ({self.earlier[0]} if self.earlier else set())


async def verify(
    first: int = 0,
    last: int | None = None,
    checkpoint: str | None = None,
    keys: Sequence[str] = (),
    *,
    limit: int | None = EVENTS_A_CALL,
    progress: Progress = unheard,
    books: Books | None = None,
) -> Report:
    """Verifies the events from `first` to `last`, both included; `last` is the end of the trail if it is None.

    `checkpoint` is a signed note that was kept outside the database; it is compared if one of `keys` signed it. After each window
    `progress` gets the number of its events and of all events. A verification of the whole trail compares the records of `books`
    with it. Raises LimitExceeded for more than `limit` events, and
    InvalidInput for numbers outside the trail and for keys or a checkpoint that cannot be used.
    """
    allowed = trusted(checkpoint, keys)
    pin = pinned(checkpoint, allowed) if checkpoint is not None else None
    part = await TrailPart.of(first, last)
    if limit is not None and part.length > limit:
        raise LimitExceeded("the number of events in a verification", part.length, limit)
    kept = await _kept(first, min(part.stop, pin.size), allowed, KEPT) if isinstance(pin, Checkpoint) else []

    async def reached(read: int) -> None:
        progress(read, part.length)

    return await _verified(part, Comparison(pin, kept), reached, books=None if part.partial else books)


async def verify_on(
    first: int,
    earlier: Seen | None,
    checkpoint: str | None,
    keys: Sequence[VerifierKey],
    reached: Reached,
    books: Books | None = None,
) -> Report:
    """Verifies the events from `first` to the end, in any number; the whole trail if it has fewer than `first` events.

    Compares with `earlier`, the root that an earlier verification computed, and with the signed note `checkpoint`. Awaits
    `reached`, with the number of events, after each window. Compares the records of `books` with the trail: all of them if it
    begins at 0, else those of which the events from `first` on tell.
    """
    pin = pinned(checkpoint, keys) if checkpoint is not None else None
    part = await TrailPart.since(first)
    kept = await _kept(part.first, min(part.end, pin.size), keys, NEWEST) if isinstance(pin, Checkpoint) else []
    return await _verified(part, Comparison(pin, kept, earlier), reached, SMALL_WINDOW, books)


async def _verified(
    part: "TrailPart", against: Comparison, reached: Reached, window: int | None = None, books: Books | None = None
) -> Report:
    with Ledger() as ledger:
        report = await _verified_trail(part, against, reached, window, ledger if books else None)
        return await books.compared(ledger, report, part.first, part.end, reached) if books else not_compared(report)


async def _verified_trail(
    part: "TrailPart", against: Comparison, reached: Reached, window: int | None, ledger: Ledger | None
) -> Report:
    verifier = Verifier(part.first, await earlier(part.first), against.sizes)
    async for events, contents in part.windows(window or WINDOW):
        await to_thread(verifier.feed, events, contents)  # on the event loop it would hold up every other request
        if ledger:
            await to_thread(want_all if part.first else take_all, ledger, events)
        await reached(len(events))
    verifier.expect(part.stop)
    if part.to_the_end:
        await to_thread(verifier.feed, *await part.strays())
        verifier.compare_head(part.head)
    match against.pinned:
        case Checkpoint() as signed:
            proof = await between(signed.size, part.first, part.stop, part.end)
            verifier.compare_checkpoint(signed, part.end, proof, against.kept)
        case BadNote() as bad:
            verifier.deny_checkpoint(str(bad))
    if against.earlier:
        verifier.compare_earlier(*against.earlier)
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


async def _kept(first: int, last: int, keys: Sequence[VerifierKey], limit: int) -> list[Checkpoint]:
    """The stored checkpoints of `first` to `last` events that one of `keys` signed: those among the newest `limit`."""
    query = {"size": {"$gte": max(first, 1), "$lte": last}}
    found = await AuditCheckpoint.raws(query, [("size", -1)], limit, ["text"])
    return those_pinned((each["text"] for each in found if isinstance(each.get("text"), str)), keys)


async def between(signed: int, first: int, stop: int, end: int) -> list[str]:
    """The consistency proof between the tree of `signed` events and the nearest size from `first` to `stop`.

    It is empty if `signed` is within that range, where no proof is needed, and if a stored hash is missing.
    """
    old, size = (signed, first) if signed < first else (stop, signed)
    if not 0 < old < size <= end:
        return []
    try:
        hash_of = await stored_hashes(tree.subtrees_for_consistency(old, size))
        return tree.consistency_proof(old, size, hash_of)
    except Unproven:
        return []


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
