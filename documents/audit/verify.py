"""Verifies the trail in the database, window by window: flat memory, however long it is."""

from documents.audit import tree
from documents.audit.event import AuditEvent
from documents.audit.trail import AuditHead
from documents.audit.verification import Report, Verifier, cited
from documents.contents import Content
from documents.errors import InvalidInput, LimitExceeded
from documents.units import Raw

EVENTS_A_CALL, WINDOW = 50_000, 500


async def verify(first: int = 0, last: int | None = None) -> Report:
    """Recomputes everything from `first` to `last`, the end of the trail if not given; at most 50,000 events a call."""
    head = await _head()
    end = _size(head)
    stop = end if last is None else min(last + 1, end)
    if first < 0 or (first and first >= end) or (last is not None and last < first):
        raise InvalidInput("from", f"must be from 0 to {max(end - 1, 0)}, and `to` not before it")
    if stop - first > EVENTS_A_CALL:
        raise LimitExceeded("a verification", stop - first, EVENTS_A_CALL)
    verifier = Verifier(first, await _earlier(first))
    for start in range(first, stop, WINDOW):
        await _feed(verifier, await _events({"seq": {"$gte": start, "$lt": min(start + WINDOW, stop)}}))
    verifier.expect(stop)
    if stop == end:
        await _feed(verifier, await _strays(end))
        verifier.compare_head(head)
    return verifier.report()


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
