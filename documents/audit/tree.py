"""The Merkle tree of RFC 9162 section 2.1, and its proofs. Pure. Hashes are SHA-256 in hexadecimal.

The tree is held as its right edge: the roots of the perfect subtrees that it is made of, one for each set bit of its size. Each
event stores the hashes of the perfect subtrees that it completes, so any proof takes O(log size) stored hashes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from documents.canonical import is_sha256


# RFC 9162 section 2.1.1: the prefixes 0x00 and 0x01 keep a node from passing for a leaf (second preimage resistance).
def leaf_hash(entry: bytes) -> str:
    """The hash of a leaf (RFC 9162 section 2.1.1)."""
    return sha256(b"\x00" + entry).hexdigest()


def node_hash(left: str, right: str) -> str:
    """The hash of an inner node (RFC 9162 section 2.1.1)."""
    return sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()


def grow(edge: Sequence[str], size: int, leaf: str) -> tuple[list[str], list[str]]:
    """Appends a leaf to a tree of `size` leaves; returns the new edge and the hashes of the subtrees that the leaf completes.

    The edge has one hash for each set bit of the size, largest subtree first; the completed subtrees begin with level 1.
    """
    grown, completed = list(edge), []
    # Adding 1 to the size carries over its trailing set bits; each carry merges two subtrees of equal size.
    while size & 1:
        leaf = node_hash(grown.pop(), leaf)
        completed.append(leaf)
        size >>= 1
    return [*grown, leaf], completed


def root(edge: Sequence[str]) -> str:
    """The root of the tree with this right edge; of the empty tree, the hash of no bytes (RFC 9162 section 2.1.1)."""
    if not edge:
        return sha256(b"").hexdigest()
    *rest, top = edge
    for left in reversed(rest):
        top = node_hash(left, top)
    return top


@dataclass(frozen=True, slots=True)
class Subtree:
    """The perfect subtree over 2^level leaves, of which the first is leaf index * 2^level."""

    level: int
    index: int

    @property
    def completed_by(self) -> int:
        """The `seq` of the event that completes the subtree, and so stores its hash."""
        return ((self.index + 1) << self.level) - 1

    def hash_in(self, event: Mapping[str, Any]) -> str:
        """The hash of the subtree, as the event that completes it stores it. Raises LookupError if the event has none."""
        found: str = event["nodes"][self.level - 1] if self.level else event["event_hash"]
        return found


def edge_subtrees(size: int) -> list[Subtree]:
    """The right edge of a tree of `size` leaves, the largest subtree first; event `size` - 1 completes the last one."""
    return list(_perfect(0, size))


def subtrees_for_inclusion(index: int, size: int) -> frozenset[Subtree]:
    """The subtrees whose hashes `inclusion_proof` needs, O(log size) of them, so that one query can fetch them."""
    return frozenset(each for sibling in _siblings(index, size) for each in sibling)


def inclusion_proof(index: int, size: int, hash_of: Callable[[Subtree], str]) -> list[str]:
    """The proof that leaf `index` is in the tree of the first `size` leaves (RFC 9162 section 2.1.3.1), nearest hash first."""
    return [root([hash_of(each) for each in sibling]) for sibling in _siblings(index, size)]


def verify_inclusion(index: int, size: int, leaf: str, proof: Sequence[str], expected: str) -> bool:
    """Whether `proof` leads from `leaf` to the root `expected` (RFC 9162 section 2.1.3.2)."""
    # `node` and `last` are fn and sn of the RFC, `reached` is r.
    if not 0 <= index < size or not all(map(is_sha256, [leaf, *proof])):
        return False
    reached, node, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            reached = node_hash(sibling, reached)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            reached = node_hash(reached, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and reached == expected


def subtrees_for_consistency(old: int, size: int) -> frozenset[Subtree]:
    """The subtrees whose hashes `consistency_proof` needs, O(log size) of them, so that one query can fetch them."""
    return frozenset(each for part in _additions(old, size) for each in part)


def consistency_proof(old: int, size: int, hash_of: Callable[[Subtree], str]) -> list[str]:
    """The proof that the tree of the first `old` leaves begins the tree of the first `size` (RFC 9162 section 2.1.4.1)."""
    return [root([hash_of(each) for each in part]) for part in _additions(old, size)]


def verify_consistency(old: int, size: int, old_root: str, expected: str, proof: Sequence[str]) -> bool:
    """Whether `proof` leads to `old_root` over `old` leaves and to `expected` over `size` (RFC 9162 section 2.1.4.2).

    A tree is consistent with itself by an empty proof. False for `old` = 0: that the empty tree begins a tree proves nothing.
    """
    if not 0 < old <= size or not all(map(is_sha256, [old_root, expected, *proof])):
        return False
    if old == size:
        return not proof and old_root == expected
    if not proof:
        return False
    # If `old` is a power of two, its root is a node of the new tree, and the proof leaves it out (step 2 of the RFC).
    first, *rest = proof if old & (old - 1) else [old_root, *proof]
    # `node` and `last` are fn and sn of the RFC, `old_reached` and `reached` are fr and sr.
    old_reached = reached = first
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    for added in rest:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_reached, reached = node_hash(added, old_reached), node_hash(added, reached)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            reached = node_hash(reached, added)
        node, last = node >> 1, last >> 1
    return last == 0 and (old_reached, reached) == (old_root, expected)


def _siblings(index: int, size: int) -> list[list[Subtree]]:
    """The sibling at each step from leaf `index` up to the root, nearest the leaf first; each as a list of perfect subtrees."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} has no leaf {index}")
    start, siblings = 0, []
    while size > 1:
        half = _split(size)
        if index - start < half:
            siblings.append(list(_perfect(start + half, size - half)))
            size = half
        else:
            siblings.append(list(_perfect(start, half)))
            start, size = start + half, size - half
    return siblings[::-1]


def _additions(old: int, size: int) -> list[list[Subtree]]:
    """The nodes that SUBPROOF(old, D_size, true) of RFC 9162 section 2.1.4.1 lists, each as a list of perfect subtrees."""
    if not 0 < old <= size:
        raise ValueError(f"a tree of {size} has no beginning of {old}")
    start, is_old_root, additions = 0, True, []
    while old < size:
        half = _split(size)
        if old <= half:
            additions.append(list(_perfect(start + half, size - half)))
            size = half
        else:
            additions.append(list(_perfect(start, half)))
            start, old, size, is_old_root = start + half, old - half, size - half, False
    if not is_old_root:
        additions.append(list(_perfect(start, size)))
    return additions[::-1]


def _split(size: int) -> int:
    """The largest power of two smaller than `size`: k of RFC 9162 section 2.1.1."""
    return 1 << (size - 1).bit_length() - 1


def _perfect(start: int, size: int) -> Iterator[Subtree]:
    """The perfect subtrees that cover `size` leaves from leaf `start` on, largest first."""
    while size:
        level = size.bit_length() - 1
        yield Subtree(level, start >> level)
        start, size = start + (1 << level), size - (1 << level)
