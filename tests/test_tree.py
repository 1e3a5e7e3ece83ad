"""The tree that events store piecemeal, against RFC 9162 read word for word."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.audit import tree

patient = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
SIZES = range(71)
ENTRIES = [b"event %d" % seq for seq in SIZES]
LEAVES = [tree.leaf_hash(entry) for entry in ENTRIES]


def split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def mth(entries: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: list[bytes]) -> list[bytes]:
    """RFC 9162 section 2.1.3.1."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    return [*path(m, entries[:k]), mth(entries[k:])] if m < k else [*path(m - k, entries[k:]), mth(entries[:k])]


def stored() -> list[dict[str, Any]]:
    """Events as far as the tree is concerned."""
    edge: list[str] = []
    events = []
    for seq, leaf in enumerate(LEAVES):
        edge, nodes = tree.grow(edge, seq, leaf)
        events.append({"event_hash": leaf, "nodes": nodes})
    return events


EVENTS = stored()


def hash_of(subtree: tree.Subtree) -> str:
    return subtree.hash_in(EVENTS[subtree.completed_by])


def proof(index: int, size: int) -> list[str]:
    return tree.inclusion_proof(index, size, hash_of)


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


def test_roots_are_those_of_the_certificate_transparency_reference() -> None:
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    edge: list[str] = []
    roots = []
    for size, entry in enumerate(entries):
        edge, _ = tree.grow(edge, size, tree.leaf_hash(bytes.fromhex(entry)))
        roots.append(tree.root(edge))
    assert roots == [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
