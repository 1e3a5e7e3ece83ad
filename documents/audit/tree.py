"""The Merkle tree of RFC 9162 section 2.1, kept as its right edge, and proofs from the perfect subtrees that events store."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

_HASH = re.compile(r"[0-9a-f]{64}")


def is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def leaf_hash(entry: bytes) -> str:
    return sha256(b"\x00" + entry).hexdigest()


def node_hash(left: str, right: str) -> str:
    return sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()


def grow(edge: Sequence[str], size: int, leaf: str) -> tuple[list[str], list[str]]:
    """The edge after `leaf`, and the subtrees that it completes, level 1 first: one hash a set bit of the size."""
    grown, completed = list(edge), []
    while size & 1:
        leaf = node_hash(grown.pop(), leaf)
        completed.append(leaf)
        size >>= 1
    return [*grown, leaf], completed


def root(edge: Sequence[str]) -> str:
    if not edge:
        return sha256(b"").hexdigest()
    *rest, top = edge
    for left in reversed(rest):
        top = node_hash(left, top)
    return top


@dataclass(frozen=True, slots=True)
class Subtree:
    """The perfect subtree over the leaves from index * 2^level, 2^level of them."""

    level: int
    index: int

    @property
    def completed_by(self) -> int:
        """The seq of the event that completes it and stores its hash."""
        return ((self.index + 1) << self.level) - 1

    def hash_in(self, event: Mapping[str, Any]) -> str:
        found: str = event["nodes"][self.level - 1] if self.level else event["event_hash"]
        return found


def edge_subtrees(size: int) -> list[Subtree]:
    """The right edge of a tree of `size` leaves, largest first; the event before `size` completes the last."""
    return list(_perfect(0, size))


def subtrees_for_inclusion(index: int, size: int) -> frozenset[Subtree]:
    """What `inclusion_proof` asks for, to be fetched in one query: O(log size)."""
    return frozenset(each for sibling in _siblings(index, size) for each in sibling)


def inclusion_proof(index: int, size: int, hash_of: Callable[[Subtree], str]) -> list[str]:
    """The hashes that lead from leaf `index` to the root of the first `size` leaves (RFC 9162 section 2.1.3.1)."""
    return [root([hash_of(each) for each in sibling]) for sibling in _siblings(index, size)]


def verify_inclusion(index: int, size: int, leaf: str, proof: Sequence[str], expected: str) -> bool:
    """Whether `proof` leads from `leaf` to the root `expected` (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size or not all(map(is_hash, [leaf, *proof])):
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
    """What `consistency_proof` asks for, to be fetched in one query: O(log size)."""
    return frozenset(each for part in _additions(old, size) for each in part)


def consistency_proof(old: int, size: int, hash_of: Callable[[Subtree], str]) -> list[str]:
    """The hashes that show the first `old` leaves to stand unchanged under the first `size` (RFC 9162 section 2.1.4.1)."""
    return [root([hash_of(each) for each in part]) for part in _additions(old, size)]


def verify_consistency(old: int, size: int, old_root: str, expected: str, proof: Sequence[str]) -> bool:
    """Whether `proof` leads to `old_root` over `old` leaves and to `expected` over `size` (RFC 9162 section 2.1.4.2).

    A tree is consistent with itself, by no hashes; with the empty tree nothing is shown to be.
    """
    if not 0 < old <= size or not all(map(is_hash, [old_root, expected, *proof])):
        return False
    if old == size:
        return not proof and old_root == expected
    if not proof:
        return False
    first, *rest = proof if old & (old - 1) else [old_root, *proof]
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
    """The subtrees beside the way from leaf `index` up, nearest the leaf first, each as the perfect ones that it is made of."""
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
    """The subtrees whose hashes SUBPROOF(old, .., true) lists, each as the perfect ones that it is made of."""
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
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def _perfect(start: int, size: int) -> Iterator[Subtree]:
    """The perfect subtrees over `size` leaves from `start`, largest first."""
    while size:
        level = size.bit_length() - 1
        yield Subtree(level, start >> level)
        start, size = start + (1 << level), size - (1 << level)
