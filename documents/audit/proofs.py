"""Which events the trail proves: their bytes hash to a leaf that the head's root includes."""

from collections.abc import Mapping
from typing import Any

from documents.audit import tree
from documents.audit.canonical import parsed
from documents.audit.event import AuditEvent
from documents.audit.trail import AuditHead
from documents.database import BATCH
from documents.units import Raw

_NODES = {"seq": 1, "event_hash": 1, "nodes": 1}


async def proven_events(query: Raw) -> list[Mapping[str, Any]]:
    """What the bytes of the events that meet `query` say, of those that the trail proves; three commands for any number."""
    events = AuditEvent.get_motor_collection()
    found = await events.find(query, {"seq": 1, "canonical": 1}, batch_size=BATCH).to_list(None)
    head = await AuditHead.wanted("head")
    if not found or head is None:
        return []
    size, root = head.size, tree.root(head.edge)
    counted = [event for event in found if isinstance(event.get("seq"), int) and 0 <= event["seq"] < size]
    needed = {each for event in counted for each in tree.subtrees_for_inclusion(event["seq"], size)}
    seqs = sorted({each.completed_by for each in needed})
    holders = await events.find({"seq": {"$in": seqs}}, _NODES, batch_size=len(seqs) + 1).to_list(None)
    by_seq = {each["seq"]: each for each in holders}
    return [said for event in counted if (said := _proven(event, size, root, by_seq))]


def _proven(event: Raw, size: int, root: str, by_seq: Mapping[int, Raw]) -> Mapping[str, Any] | None:
    try:
        said: Mapping[str, Any] = parsed(event["canonical"])
        proof = tree.inclusion_proof(event["seq"], size, lambda each: each.hash_in(by_seq[each.completed_by]))
        included = tree.verify_inclusion(event["seq"], size, tree.leaf_hash(event["canonical"]), proof, root)
        return said if included and said["seq"] == event["seq"] else None
    except (ValueError, KeyError, IndexError, TypeError):  # somebody altered the trail: nothing is proven by it
        return None
