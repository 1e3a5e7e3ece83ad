"""What the trail tells of one record, and where the stored document says otherwise."""

from collections.abc import Collection, Sequence

from documents.audit.books import looking_up
from documents.audit.event import AuditEvent
from documents.audit.fold import UNKNOWN, Telling, Told
from documents.audit.records import Differing, differing, leaves_of
from documents.store.record import Record
from documents.store.units import Raw

AT_ONCE = 100  # events that are read at once


async def told(kind: type[Record], key: str) -> Told:
    """The record of that key as the trail tells it."""
    return (await told_of(kind, [key])).get(key, Told())


async def told_of(kind: type[Record], keys: Collection[str]) -> dict[str, Told]:
    """The records of these keys as the trail tells them, by key; those of which it tells nothing are left out."""
    found: dict[str, Told] = {}
    query = {"resource.id": {"$in": sorted(keys)} if len(keys) > 1 else next(iter(keys), None), "resource.type": kind.__name__}
    async for events in AuditEvent.raw_windows(query, [("seq", 1)], AT_ONCE, ["canonical"]):
        for each in events:
            telling = Telling.in_bytes(each.get("canonical"))
            if telling and telling.kind == kind.__name__ and telling.key in keys:
                found.setdefault(telling.key, Told()).take(telling)
    return found


async def differences(kind: type[Record], document: Raw, known: Told) -> Sequence[Differing]:
    """The paths at which a stored document is not what the trail tells, in order.

    Private values are compared once an event of schema 2 has told the whole record. From then on what was told by a content that
    is gone differs too: whoever takes the content away could put anything in the place of the value.
    """
    leaves = leaves_of(document, kind.disclosure())
    look = await looking_up(known.to_open(leaves))
    found = differing(known, leaves, look)
    if known.since is None:
        return [each for each in found if each.path not in kind.private]
    told = known.resolved(leaves, look).items()
    gone = [
        Differing(path, seq, f"The content by which event {seq} told it is gone.")
        for path, (leaf, seq) in told
        if leaf == UNKNOWN
    ]
    return sorted([*found, *gone])
