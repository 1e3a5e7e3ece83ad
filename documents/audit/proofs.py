"""Inclusion and consistency proofs (RFC 9162 sections 2.1.3 and 2.1.4), made from the hashes that events store."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any

from pydantic import Field

from documents.audit import tree
from documents.audit.event import AuditEvent
from documents.audit.trail import AuditHead
from documents.canonical import is_sha256, parsed
from documents.errors import InvalidInput, TrailNotSound, Unproven
from documents.store.pauses import pausing
from documents.store.units import Raw
from documents.values import Count, Digest, Value

PROOFS = 100  # proofs whose hashes are read in one command
SHORT = 8 * 1024  # bytes of an event that is remembered once it was read
_NODES = ("seq", "event_hash", "nodes")


class InclusionProof(Value):
    """The proof shows that a tree holds an event (RFC 9162 section 2.1.3)."""

    seq: Count = Field(description="The event's place is the index of its leaf.")
    leaf: Digest = Field(description="The event's hash is the leaf hash.")
    tree_size: Count = Field(description="The number of events that the tree has.")
    root: Digest = Field(description="The root is that of a checkpoint of this size.")
    hashes: tuple[Digest, ...] = Field(description="The hashes that lead from the leaf to the root.")


class ConsistencyProof(Value):
    """The proof shows that one tree begins another (RFC 9162 section 2.1.4)."""

    from_size: Count = Field(description="The number of events that the earlier tree has.")
    from_root: Digest = Field(description="The root that the earlier tree has.")
    to_size: Count = Field(description="The number of events that the later tree has.")
    to_root: Digest = Field(description="The root that the later tree has.")
    hashes: tuple[Digest, ...] = Field(description="The hashes from which both roots follow.")


async def prove_inclusion(seq: int, size: int | None = None) -> InclusionProof:
    """Proves that event `seq` is among the first `size` events; among all events if `size` is None.

    Takes two database commands. Raises InvalidInput for numbers outside the trail, and Unproven if a stored hash is missing.
    """
    count = (await AuditHead.require("head")).size
    size = count if size is None else size
    if not 1 <= size <= count:
        raise InvalidInput("tree_size", f"must be from 1 to {count}")
    if not 0 <= seq < size:
        raise InvalidInput("seq", f"must be from 0 to {size - 1}")
    leaf, edge = tree.Subtree(0, seq), tree.edge_subtrees(size)
    hash_of = await stored_hashes({leaf, *edge, *tree.subtrees_for_inclusion(seq, size)})
    return InclusionProof(
        seq=seq,
        leaf=hash_of(leaf),
        tree_size=size,
        root=tree.root(list(map(hash_of, edge))),
        hashes=tuple(tree.inclusion_proof(seq, size, hash_of)),
    )


async def prove_consistency(old: int, size: int | None = None) -> ConsistencyProof:
    """Proves that the first `old` events begin the first `size` events; all events if `size` is None.

    Takes two database commands. Raises InvalidInput for numbers outside the trail, and Unproven if a stored hash is missing.
    """
    count = (await AuditHead.require("head")).size
    size = count if size is None else size
    if not 1 <= size <= count:
        raise InvalidInput("to", f"must be from 1 to {count}")
    if not 1 <= old <= size:
        raise InvalidInput("from", f"must be from 1 to {size}")
    beginning, edge = tree.edge_subtrees(old), tree.edge_subtrees(size)
    hash_of = await stored_hashes({*beginning, *edge, *tree.subtrees_for_consistency(old, size)})
    return ConsistencyProof(
        from_size=old,
        from_root=tree.root(list(map(hash_of, beginning))),
        to_size=size,
        to_root=tree.root(list(map(hash_of, edge))),
        hashes=tuple(tree.consistency_proof(old, size, hash_of)),
    )


async def proofs_to(sizes: Iterable[int], first: int, stop: int, end: int) -> dict[int, list[str]]:
    """The consistency proofs between the trees of these sizes and the nearest size from `first` to `stop`, by size.

    Sizes within that range need none, and those beyond `end` have none. A proof is empty if a stored hash is missing. Takes one
    database command for a hundred proofs.
    """
    steps = [(each, *((each, first) if each < first else (stop, each))) for each in sorted(sizes)]
    outside = [(each, old, size) for each, old, size in steps if not first <= each <= stop and 0 < old < size <= end]
    proofs = dict[int, list[str]]()
    for at in range(0, len(outside), PROOFS):
        some = outside[at : at + PROOFS]
        hash_of = await stored_hashes({each for _, old, size in some for each in tree.subtrees_for_consistency(old, size)})
        for each, old, size in some:
            try:
                proofs[each] = tree.consistency_proof(old, size, hash_of)
            except Unproven:
                proofs[each] = []
    return proofs


async def stored_hashes(subtrees: Iterable[tree.Subtree]) -> Callable[[tree.Subtree], str]:
    """Reads the stored hashes of subtrees in one command, and returns a function from a subtree to its hash.

    The function raises Unproven if the hash of the subtree is not stored, or is not a SHA-256 in hexadecimal.
    """
    seqs = sorted({each.completed_by for each in subtrees})
    holders = await AuditEvent.raws({"seq": {"$in": seqs}}, fields=_NODES)
    by_seq = {each["seq"]: each for each in holders if isinstance(each.get("seq"), int)}  # a list meets the query too

    def hash_of(subtree: tree.Subtree) -> str:
        try:
            found = subtree.hash_in(by_seq[subtree.completed_by])
        except (LookupError, TypeError):
            found = ""
        if not is_sha256(found):
            raise Unproven(subtree.completed_by)
        return found

    return hash_of


async def proven_events(query: Raw) -> list[Mapping[str, Any]]:
    """The events that meet `query` and that the trail's current root includes, each read from its canonical bytes.

    An event that cannot be proven is dropped. Takes three database commands, whatever the number of events,
    and two where the unit of work has touched the head.
    """
    found = await AuditEvent.raws(query, fields=("seq", "canonical"))
    try:
        head = AuditHead.claimed() or await AuditHead.wanted("head")
    except TrailNotSound:  # nothing is proven by a head that was altered
        head = None
    if not found or head is None:
        return []
    size, root = head.size, tree.root(head.edge)
    # An event at or beyond the head's size did not come by the trail's own append: it is not counted, so nothing proves it.
    counted = [event for event in found if isinstance(event.get("seq"), int) and 0 <= event["seq"] < size]
    needed = [tree.subtrees_for_inclusion(event["seq"], size) async for event in pausing(counted)]
    hash_of = await stored_hashes(chain.from_iterable(needed))
    return [said async for event in pausing(counted) if (said := _proven(event, size, root, hash_of))]


@lru_cache(1_000)
def _said(text: bytes) -> Mapping[str, Any]:
    """What an event says; a version's registration is asked for whenever the version is judged."""
    said: Mapping[str, Any] = parsed(text)
    return said


def _proven(event: Raw, size: int, root: str, hash_of: Callable[[tree.Subtree], str]) -> Mapping[str, Any] | None:
    try:
        said = _said(event["canonical"]) if len(event["canonical"]) <= SHORT else parsed(event["canonical"])
        proof = tree.inclusion_proof(event["seq"], size, hash_of)
        included = tree.verify_inclusion(event["seq"], size, tree.leaf_hash(event["canonical"]), proof, root)
        return said if included and said["seq"] == event["seq"] else None
    except (ValueError, LookupError, TypeError, Unproven):  # the stored event or a stored hash was altered
        return None
