"""Verifies the trail in the database, window by window: flat memory, however long it is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from documents.audit import tree
from documents.audit.checkpoints import AuditCheckpoint
from documents.audit.event import AuditEvent
from documents.audit.findings import Report
from documents.audit.notes import BadNote, Checkpoint, VerifierKey, opened
from documents.audit.proofs import stored_hashes
from documents.audit.schema import cited
from documents.audit.trail import AuditHead
from documents.audit.verification import Verifier
from documents.contents import Content
from documents.errors import InvalidInput, LimitExceeded, Unproven
from documents.units import Raw

EVENTS_A_CALL, WINDOW, SMALL_WINDOW = 50_000, 500, 50
CHECKPOINTS, NEWEST, KEYS = 1_000, 16, 16
Seen = tuple[int, str]  # how many events a verification read from the first on, and the root that it computed of them


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


async def verify(first: int = 0, last: int | None = None, checkpoint: str | None = None, keys: Sequence[str] = ()) -> Report:
    """Recomputes everything from `first` to `last`, the end of the trail if not given; at most 50,000 events a call.

    Compared with `checkpoint`, a signed note that was kept outside, if one of `keys` signed it.
    """
    trusted = _trusted(checkpoint, keys)
    pinned = _opened(checkpoint, trusted) if checkpoint is not None else None
    head = await _head()
    end = _size(head)
    stop = end if last is None else min(last + 1, end)
    if first < 0 or (first and first >= end) or (last is not None and last < first):
        raise InvalidInput("from", f"must be from 0 to {max(end - 1, 0)}, and `to` not before it")
    if stop - first > EVENTS_A_CALL:
        raise LimitExceeded("a verification", stop - first, EVENTS_A_CALL)
    kept = await _kept(first, min(stop, pinned.size), trusted) if isinstance(pinned, Checkpoint) else []
    return await _verified(head, first, stop, Comparison(pinned, kept))


async def verify_on(
    first: int, earlier: Seen | None, checkpoint: str | None, keys: Sequence[VerifierKey], reached: Callable[[], Awaitable[None]]
) -> Report:
    """Recomputes everything from `first` on, and all of it if there is less than that: any number of events.

    Compared with `earlier`, what a verification computed of a beginning, and with `checkpoint`, the text of one that was signed
    before; awaits `reached` after every window.
    """
    pinned = _opened(checkpoint, keys) if checkpoint is not None else None
    head = await _head()
    end = _size(head)
    first = first if first <= end else 0
    kept = await _kept(first, min(end, pinned.size), keys, NEWEST) if isinstance(pinned, Checkpoint) else []
    return await _verified(head, first, end, Comparison(pinned, kept, earlier), reached, SMALL_WINDOW)


async def _verified(
    head: Raw | None,
    first: int,
    stop: int,
    against: Comparison,
    reached: Callable[[], Awaitable[None]] | None = None,
    window: int | None = None,
) -> Report:
    end, window = _size(head), window or WINDOW
    verifier = Verifier(first, await _earlier(first), against.sizes)
    for start in range(first, stop, window):
        await _feed(verifier, await _events({"seq": {"$gte": start, "$lt": min(start + window, stop)}}))
        if reached:
            await reached()
    verifier.expect(stop)
    if stop == end:
        await _feed(verifier, await _strays(end))
        verifier.compare_head(head)
    match against.pinned:
        case Checkpoint() as signed:
            verifier.compare_checkpoint(signed, end, await _between(signed.size, first, stop, end), against.kept)
        case BadNote() as bad:
            verifier.deny_checkpoint(str(bad))
    if against.earlier:
        verifier.compare_earlier(*against.earlier)
    return verifier.report()


def _trusted(checkpoint: str | None, keys: Sequence[str]) -> list[VerifierKey]:
    if checkpoint is None and keys:
        raise InvalidInput("checkpoint", "must be given with `keys`: it is what they verify")
    if checkpoint is not None and not 0 < len(keys) <= KEYS:
        raise InvalidInput("keys", f"must be 1 to {KEYS} that are trusted: whose signature the checkpoint bears")
    trusted = []
    for at, each in enumerate(keys):
        try:
            trusted.append(VerifierKey.read(each))
        except ValueError as error:
            raise InvalidInput(f"keys.{at}", str(error)) from error
    return trusted


def _opened(checkpoint: str, keys: Sequence[VerifierKey]) -> Checkpoint | BadNote:
    """What was signed, or why it is not to be trusted; empty lines around it are no part of it."""
    try:
        pinned = opened(checkpoint.strip("\n") + "\n", keys)
    except BadNote as bad:
        return bad
    return pinned if pinned.size else BadNote("is of no events: such a one is never signed")


async def _kept(first: int, last: int, keys: Sequence[VerifierKey], limit: int | None = None) -> list[Checkpoint]:
    """The newest of the checkpoints of `first` to `last` events that are kept here and that one of `keys` signed."""
    checkpoints = AuditCheckpoint.get_motor_collection()
    query = {"size": {"$gte": max(first, 1), "$lte": last}}
    limit = limit or CHECKPOINTS
    found = await checkpoints.find(query, {"text": 1}, limit=limit, batch_size=limit).sort("size", -1).to_list(None)
    opening = [_opened(each["text"], keys) for each in found if isinstance(each.get("text"), str)]
    return [each for each in opening if isinstance(each, Checkpoint)]


async def _between(signed: int, first: int, stop: int, end: int) -> list[str]:
    """The proof that the tree of `signed` events is consistent with the nearest of those from `first` to `stop`; none within."""
    old, size = (signed, first) if signed < first else (stop, signed)
    if not 0 < old < size <= end:
        return []
    try:
        hash_of = await stored_hashes(tree.subtrees_for_consistency(old, size))
        return tree.consistency_proof(old, size, hash_of)
    except Unproven:
        return []


async def _feed(verifier: Verifier, events: list[Raw]) -> None:
    verifier.feed(events, await _contents({digest for event in events for digest in cited(event)}))


async def _strays(end: int) -> list[Raw]:
    """The first events that the head does not count; what was appended meanwhile it counts by now."""
    outside = await _events({"$nor": [{"seq": {"$gte": 0, "$lt": end}}]}, limit=WINDOW)
    size = _size(await _head())
    return [each for each in outside if not (isinstance(each.get("seq"), int) and end <= each["seq"] < size)]


async def _head() -> Raw | None:
    found: Raw | None = await AuditHead.get_motor_collection().find_one({"name": "head"})
    return found


def _size(head: Raw | None) -> int:
    return head["size"] if head and isinstance(head.get("size"), int) else 0


async def _earlier(first: int) -> list[Raw]:
    needed = sorted({each.completed_by for each in tree.edge_subtrees(first)})
    return await _events({"seq": {"$in": needed}}) if needed else []


async def _events(query: Raw, limit: int = 0) -> list[Raw]:
    found: list[Raw] = await AuditEvent.get_motor_collection().find(query, limit=limit).sort("seq", 1).to_list(None)
    return found


async def _contents(digests: set[str]) -> dict[str, str]:
    if not digests:
        return {}
    kept = await Content.get_motor_collection().find({"digest": {"$in": sorted(digests)}}).to_list(None)
    return {each["digest"]: each.get("canonical") for each in kept}
