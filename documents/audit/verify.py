"""Verifies the trail in the database, window by window, so that memory does not grow with its length."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self, cast

from documents.audit import tree
from documents.audit.checkpoints import AuditCheckpoint
from documents.audit.event import AuditEvent
from documents.audit.findings import Report
from documents.audit.notes import BadNote, Checkpoint, VerifierKey
from documents.audit.pins import pinned, those_pinned, trusted
from documents.audit.proofs import stored_hashes
from documents.audit.schema import cited
from documents.audit.trail import AuditHead
from documents.audit.verification import Verifier
from documents.contents import Content
from documents.errors import InvalidInput, LimitExceeded, Unproven
from documents.store.units import Raw

EVENTS_A_CALL, WINDOW, SMALL_WINDOW = 50_000, 500, 50
KEPT, NEWEST = 1_000, 16  # checkpoints
Seen = tuple[int, str]  # how many events a verification read from the first on, and the root that it computed of them
Window = tuple[list[Raw], dict[str, str]]
Progress = Callable[[int, int], None]
Reached = Callable[[int], Awaitable[None]]


def unheard(read: int, of: int) -> None:
    """The progress that nobody follows."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the trail is compared with: a checkpoint, or why it is none; others by its signer; what was computed before."""

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
) -> Report:
    """Recomputes everything from `first` to `last`, the end of the trail if not given; at most `limit` events.

    Compared with `checkpoint`, a signed note that was kept outside, if one of `keys` signed it. After each window `progress` gets
    the number of its events and of all events.
    """
    allowed = trusted(checkpoint, keys)
    pin = pinned(checkpoint, allowed) if checkpoint is not None else None
    part = await TrailPart.of(first, last)
    if limit is not None and part.length > limit:
        raise LimitExceeded("the number of events in a verification", part.length, limit)
    kept = await _kept(first, min(part.stop, pin.size), allowed, KEPT) if isinstance(pin, Checkpoint) else []

    async def reached(read: int) -> None:
        progress(read, part.length)

    return await _verified(part, Comparison(pin, kept), reached)


async def verify_on(
    first: int, earlier: Seen | None, checkpoint: str | None, keys: Sequence[VerifierKey], reached: Reached
) -> Report:
    """Recomputes everything from `first` on, and all of it if there is less than that: any number of events.

    Compared with `earlier`, what a verification computed of a beginning, and with `checkpoint`, the text of one that was signed
    before; awaits `reached` after every window.
    """
    pin = pinned(checkpoint, keys) if checkpoint is not None else None
    part = await TrailPart.since(first)
    kept = await _kept(part.first, min(part.end, pin.size), keys, NEWEST) if isinstance(pin, Checkpoint) else []
    return await _verified(part, Comparison(pin, kept, earlier), reached, SMALL_WINDOW)


async def _verified(part: "TrailPart", against: Comparison, reached: Reached, window: int | None = None) -> Report:
    verifier = Verifier(part.first, await earlier(part.first), against.sizes)
    async for events, contents in part.windows(window or WINDOW):
        verifier.feed(events, contents)
        await reached(len(events))
    verifier.expect(part.stop)
    if part.to_the_end:
        verifier.feed(*await part.strays())
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
    """A part of the trail as it stood when somebody began to read it, from `first` to before `stop`."""

    head: Raw | None
    first: int
    stop: int
    end: int

    @classmethod
    async def of(cls, first: int, last: int | None) -> Self:
        head = await _head()
        end = _size(head)
        if first < 0 or (first and first >= end) or (last is not None and last < first):
            raise InvalidInput("from", f"must be from 0 to {max(end - 1, 0)}, and `to` not before it")
        return cls(head, first, end if last is None else min(last + 1, end), end)

    @classmethod
    async def since(cls, first: int) -> Self:
        """All from `first` on, or the whole trail if there is less than that."""
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
        """Its events, in order, up to `size` at once, and the contents that they cite, by digest."""
        for start in range(self.first, self.stop, size):
            if events := await _events({"seq": {"$gte": start, "$lt": min(start + size, self.stop)}}):
                yield events, await _contents(events)

    async def strays(self) -> Window:
        """The first events that the head does not count, without those that were appended since it was read."""
        outside = await _events({"$nor": [{"seq": {"$gte": 0, "$lt": self.end}}]}, limit=WINDOW)
        size = _size(await _head())
        events = [each for each in outside if not (isinstance(each.get("seq"), int) and self.end <= each["seq"] < size)]
        return events, await _contents(events)


async def _kept(first: int, last: int, keys: Sequence[VerifierKey], limit: int) -> list[Checkpoint]:
    """The newest of the checkpoints of `first` to `last` events that are kept here and that one of `keys` signed."""
    query = {"size": {"$gte": max(first, 1), "$lte": last}}
    found = await AuditCheckpoint.raws(query, [("size", -1)], limit, ["text"])
    return those_pinned((each["text"] for each in found if isinstance(each.get("text"), str)), keys)


async def between(signed: int, first: int, stop: int, end: int) -> list[str]:
    """The proof that the tree of `signed` events is consistent with the nearest of those from `first` to `stop`; none within."""
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
    """The events that hold the right edge of the tree before `first`."""
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
