"""Compares the trail in the database with checkpoints from outside, by the hashes that its events store."""

from documents.audit import tree
from documents.audit.comparison import Comparison, Finding
from documents.audit.event import AuditEvent
from documents.audit.notes import Checkpoint
from documents.audit.pins import Kept
from documents.audit.proofs import proofs_to
from documents.audit.restorations import ACTION, RESOURCE, Restoration, restoration_in
from documents.audit.trail import AuditHead
from documents.store.units import Raw

RESTORATIONS = 1_000  # that are read of one trail


async def parting(kept: Kept, head: AuditHead) -> list[Finding]:
    """What the trail under `head` contradicts of the checkpoints that were kept.

    Each is compared by a consistency proof (RFC 9162 section 2.1.4) to the head's root. Takes one database command for a hundred
    checkpoints, and one more. It reads no event whole, so it finds no event that was altered without new hashes.
    """
    if not kept.signed and not kept.denied:
        return []
    proofs = await proofs_to(kept.sizes, head.size, head.size, head.size)

    def agrees(each: Checkpoint) -> bool:
        if each.size == head.size:
            return each.root == head.root
        return tree.verify_consistency(each.size, head.size, each.root, head.root, proofs[each.size])

    told = [each for _, each in await restored()]
    return list(Comparison(kept, head.size, head.origin, told, agrees).findings())


async def restored(first: int = 0, stop: int = 0) -> list[tuple[Raw, Restoration]]:
    """The stored events outside of `first` to before `stop` that tell of a restoration, each with what it tells."""
    kind, key = RESOURCE
    query = {"resource.id": key, "resource.type": kind, "action": ACTION}
    found = await AuditEvent.raws(query, [("seq", 1)], RESTORATIONS)
    told = [(each, restoration) for each in found if (restoration := restoration_in(each))]
    return [(event, each) for event, each in told if not first <= each.seq < stop]
