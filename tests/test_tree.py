"""The tree that events store piecemeal, against RFC 9162 read word for word."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pymerkle
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.audit import tree
from tests.rfc9162 import mth, path, subproof

patient = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
SIZES = range(71)
ENTRIES = [b"event %d" % seq for seq in SIZES]
LEAVES = [tree.leaf_hash(entry) for entry in ENTRIES]


def stored(leaves: Sequence[str]) -> list[dict[str, Any]]:
    """Events as far as the tree is concerned."""
    edge: list[str] = []
    events = []
    for seq, leaf in enumerate(leaves):
        edge, nodes = tree.grow(edge, seq, leaf)
        events.append({"event_hash": leaf, "nodes": nodes})
    return events


EVENTS = stored(LEAVES)
ROOTS = [mth(ENTRIES[:size]).hex() for size in SIZES]


def hash_of(subtree: tree.Subtree) -> str:
    return subtree.hash_in(EVENTS[subtree.completed_by])


def proof(index: int, size: int) -> list[str]:
    return tree.inclusion_proof(index, size, hash_of)


def between(old: int, size: int) -> list[str]:
    return tree.consistency_proof(old, size, hash_of)


@pytest.mark.parametrize("size", SIZES)
def test_the_edge_has_the_root_of_the_whole_tree(size: int) -> None:
    edge = tree.edge_subtrees(size)
    assert tree.root([hash_of(each) for each in edge]) == mth(ENTRIES[:size]).hex()
    assert [each.level for each in edge] == [level for level in reversed(range(7)) if size >> level & 1]
    assert not edge or edge[-1].completed_by == size - 1


@pytest.mark.parametrize("size", SIZES[1:])
def test_an_inclusion_proof_is_the_path_of_the_rfc_and_verifies(size: int) -> None:
    expected = mth(ENTRIES[:size]).hex()
    for index in range(size):
        assert proof(index, size) == [each.hex() for each in path(index, ENTRIES[:size])]
        assert tree.verify_inclusion(index, size, LEAVES[index], proof(index, size), expected)


@patient
@given(st.data())
def test_a_proof_needs_what_it_says_and_proves_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 70))
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 70))
    fetched = {each: hash_of(each) for each in tree.subtrees_for_inclusion(index, size)}
    given_proof, root = tree.inclusion_proof(index, size, fetched.__getitem__), mth(ENTRIES[:size]).hex()
    assert all(each.completed_by < size for each in fetched) and len(fetched) <= 12
    if other != index:
        assert not tree.verify_inclusion(index, size, LEAVES[other], given_proof, root)
        assert not tree.verify_inclusion(other, size, LEAVES[index], given_proof, root)
    assert not tree.verify_inclusion(index, size, LEAVES[index], [*given_proof, root], root)
    if given_proof:
        assert not tree.verify_inclusion(index, size, LEAVES[index], given_proof[:-1], root)
        assert not tree.verify_inclusion(index, size, LEAVES[index], [*given_proof[:-1], "no hash"], root)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (7, 7)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"a tree of {size} has no leaf {index}"):
        proof(index, size)
    assert not tree.verify_inclusion(index, size, LEAVES[0], [], LEAVES[0])


@pytest.mark.parametrize("size", SIZES[1:])
def test_a_consistency_proof_is_the_one_of_the_rfc_and_verifies(size: int) -> None:
    for old in range(1, size + 1):
        needed = {each: hash_of(each) for each in tree.subtrees_for_consistency(old, size)}
        assert all(each.completed_by < size for each in needed) and len(needed) <= 12
        found = tree.consistency_proof(old, size, needed.__getitem__)
        assert found == [each.hex() for each in subproof(old, ENTRIES[:size], True)]
        assert tree.verify_consistency(old, size, ROOTS[old], ROOTS[size], found)


@pytest.mark.parametrize(("old", "size"), [(0, 0), (0, 3), (-1, 3), (4, 3)])
def test_what_no_tree_begins_with_is_consistent_with_none(old: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"a tree of {size} has no beginning of {old}"):
        between(old, size)
    assert not tree.verify_consistency(old, size, ROOTS[0], ROOTS[size], [])


def flipped(text: str) -> Iterator[str]:
    """A hash with one bit of one byte changed, for every byte."""
    for byte in range(32):
        other = bytearray.fromhex(text)
        other[byte] ^= 1 << byte % 8
        yield other.hex()


def altered(hashes: Sequence[str]) -> Iterator[list[str]]:
    """A proof with a byte changed, a hash left out, told twice or spelled otherwise, or with two in each other's place."""
    for at, each in enumerate(hashes):
        before, after = hashes[:at], hashes[at + 1 :]
        yield from ([*before, other, *after] for other in flipped(each))
        yield from ([*before, *after], [*before, each, each, *after], [*before, each.upper(), *after])
        if after:
            yield [*before, after[0], each, *after[1:]]


OTHERS = set(range(24))


@pytest.mark.parametrize("size", range(1, 12))
def test_an_altered_inclusion_proof_proves_nothing(size: int) -> None:
    root = ROOTS[size]
    for index in range(size):
        leaf, found = LEAVES[index], proof(index, size)
        wrong = [(index, size, leaf, other, root) for other in altered(found)]
        wrong += [(index, size, other, found, root) for other in flipped(leaf)]
        wrong += [(index, size, leaf, found, other) for other in flipped(root)]
        wrong += [(other, size, leaf, found, root) for other in OTHERS - {index}]
        # A size and its root are one head: nobody signs the one without the other.
        wrong += [(index, other, leaf, found, ROOTS[other]) for other in OTHERS - {size}]
        assert not [each for each in wrong if tree.verify_inclusion(*each)]


@pytest.mark.parametrize("size", range(1, 12))
def test_an_altered_consistency_proof_proves_nothing(size: int) -> None:
    root = ROOTS[size]
    for old in range(1, size + 1):
        beginning, found = ROOTS[old], between(old, size)
        wrong = [(old, size, beginning, root, other) for other in altered(found)]
        wrong += [(old, size, other, root, found) for other in flipped(beginning)]
        wrong += [(old, size, beginning, other, found) for other in flipped(root)]
        wrong += [(other, size, ROOTS[other], root, found) for other in OTHERS - {old}]
        wrong += [(old, other, beginning, ROOTS[other], found) for other in OTHERS - {size}]
        assert not [each for each in wrong if tree.verify_consistency(*each)]


def test_two_thousand_leaves_have_the_roots_and_proofs_of_another_implementation() -> None:
    chance = Random(9162)
    entries = [chance.randbytes(chance.randrange(60)) for _ in range(2_000)]
    theirs: Any = pymerkle.InmemoryTree(algorithm="sha256")
    theirs.append_entries(entries)
    events = stored([tree.leaf_hash(each) for each in entries])

    def kept(subtree: tree.Subtree) -> str:
        return subtree.hash_in(events[subtree.completed_by])

    def root(size: int) -> str:
        return tree.root([kept(each) for each in tree.edge_subtrees(size)])

    for _ in range(150):
        old, size = sorted([chance.randint(1, 2_000), chance.randint(1, 2_000)])
        index = chance.randrange(size)
        assert (root(old), root(size)) == (theirs.get_root(old).hex(), theirs.get_root(size).hex())
        leaf, *path = [each.hex() for each in theirs.prove_inclusion(index + 1, size).path]
        assert (leaf, path) == (events[index]["event_hash"], tree.inclusion_proof(index, size, kept))
        assert tree.verify_inclusion(index, size, leaf, path, root(size))
        assert tree.verify_consistency(old, size, root(old), root(size), tree.consistency_proof(old, size, kept))
        theirs.prove_consistency(old, size).verify(bytes.fromhex(root(old)), bytes.fromhex(root(size)), old, size)


REFERENCE = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]


@pytest.mark.parametrize(
    ("old", "size", "expected"),
    [
        (1, 1, []),
        (1, 8, [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]),
        (6, 8, [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]),
        (2, 5, [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ]),
    ],
)  # fmt: skip
def test_consistency_proofs_are_those_of_the_certificate_transparency_reference(old: int, size: int, expected: list[str]) -> None:
    events = stored([tree.leaf_hash(bytes.fromhex(each)) for each in REFERENCE])
    assert tree.consistency_proof(old, size, lambda each: each.hash_in(events[each.completed_by])) == expected


def test_roots_are_those_of_the_certificate_transparency_reference() -> None:
    edge: list[str] = []
    roots = [tree.root(edge)]
    for size, entry in enumerate(REFERENCE):
        edge, _ = tree.grow(edge, size, tree.leaf_hash(bytes.fromhex(entry)))
        roots.append(tree.root(edge))
    assert roots == [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
