"""Proofs of single events, made by the product and read from the text of C2SP's specification by another way."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256

import pytest

from documents.audit import tree
from documents.audit.notes import BadNote, Checkpoint, SigningKey
from documents.audit.tlogproof import BadProof, Proof
from documents.canonical import canonical
from tests.c2sp import checked
from tests.chains import honest

KEY = SigningKey("magistrate.local/0a1b2c3d", bytes(range(32)))
EVENTS = [event["canonical"] for event in honest(13)]


def stored(subtree: tree.Subtree, entries: list[bytes] = EVENTS) -> str:
    first, size = subtree.index << subtree.level, 1 << subtree.level
    return over([sha256(b"\0" + each).digest() for each in entries[first : first + size]]).hex()


def over(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 section 2.1 defines it."""
    if len(leaves) == 1:
        return leaves[0]
    k = max(1 << power for power in range(20) if 1 << power < len(leaves))
    return sha256(b"\1" + over(leaves[:k]) + over(leaves[k:])).digest()


def proof_of(index: int, size: int, entries: list[bytes] = EVENTS) -> Proof:
    root = over([sha256(b"\0" + each).digest() for each in entries[:size]]).hex()
    hashes = tree.inclusion_proof(index, size, lambda subtree: stored(subtree, entries))
    return Proof(index, tuple(hashes), Checkpoint(KEY.name, size, root).signed(KEY), entries[index])


def said_by(text: bytes, verifier_key: str) -> bytes:
    """The entry that a text proves, or AssertionError: the specification sentence by sentence, over bytes."""
    lines = text.split(b"\n")
    assert lines.pop(0) == b"c2sp.org/tlog-proof@v1"
    entry = b""
    if lines[0].startswith(b"extra "):
        entry = b64decode(lines.pop(0)[6:], validate=True)
    word, index = lines.pop(0).split(b" ")
    assert word == b"index" and str(int(index)).encode() == index
    path = []
    while (line := lines.pop(0)) != b"":
        path.append(b64decode(line, validate=True))
    _, size, root = checked(b"\n".join(lines), verifier_key)
    assert root_from(path, int(index), size, sha256(b"\0" + entry).digest()) == root
    return entry


def root_from(path: list[bytes], index: int, size: int, leaf: bytes) -> bytes:
    """Read PATH(m, D[n]) of RFC 6962 section 2.1.1 backwards: its last hash is of the half in which the leaf is not."""
    if size == 1:
        assert path == []
        return leaf
    k = max(1 << power for power in range(60) if 1 << power < size)
    *inner, other = path
    if index < k:
        return sha256(b"\1" + root_from(inner, index, k, leaf) + other).digest()
    return sha256(b"\1" + other + root_from(inner, index - k, size - k, leaf)).digest()


@pytest.mark.exhaustive
@pytest.mark.parametrize("size", range(1, 14))
def test_a_proof_of_each_event_verifies_here_and_by_another_reading_of_the_specification(size: int) -> None:
    for index in range(size):
        proof = proof_of(index, size)
        assert Proof.read(proof.text) == proof
        checkpoint, event = Proof.read(proof.text).proven([SigningKey.made(KEY.name).verifier, KEY.verifier])
        assert (checkpoint.size, event["seq"]) == (size, index)
        assert json.loads(said_by(proof.text.encode(), str(KEY.verifier))) == event


def test_a_proof_of_which_any_byte_is_another_proves_nothing() -> None:
    text = proof_of(5, 11).text.encode()
    for at, byte in enumerate(text):
        for other in {byte ^ 1, byte ^ 0x20, 0x0A} - {byte}:
            with pytest.raises((BadProof, BadNote)):
                Proof.read((text[:at] + bytes([other]) + text[at + 1 :]).decode(errors="replace")).proven([KEY.verifier])
        with pytest.raises((BadProof, BadNote)):
            Proof.read((text[:at] + text[at + 1 :]).decode(errors="replace")).proven([KEY.verifier])


LINES = proof_of(5, 11).text.split("\n")
ALTERED: dict[str, Callable[[list[str]], object]] = {
    "nothing": list.clear,
    "no entry": lambda lines: lines.pop(1),
    "an empty entry": lambda lines: lines.__setitem__(1, "extra "),
    "a hash less": lambda lines: lines.pop(3),
    "a hash more": lambda lines: lines.insert(3, lines[3]),
    "hashes in another order": lambda lines: lines.__setitem__(slice(3, 5), [lines[4], lines[3]]),
    "a hash of 31 bytes": lambda lines: lines.__setitem__(3, b64encode(bytes(31)).decode()),
    "an index with a zero before it": lambda lines: lines.__setitem__(2, "index 05"),
    "an index beyond the tree": lambda lines: lines.__setitem__(2, "index 11"),
    "another index": lambda lines: lines.__setitem__(2, "index 4"),
    "a huge index": lambda lines: lines.__setitem__(2, f"index {10**20}"),
    "no index": lambda lines: lines.pop(2),
    "line ends of another system": lambda lines: lines.__setitem__(slice(None), [f"{each}\r" for each in lines]),
    "no checkpoint": lambda lines: lines.__delitem__(slice(7, None)),
    "something behind the checkpoint": lambda lines: lines.append("more"),
    "the entry of another event": lambda lines: lines.__setitem__(1, f"extra {b64encode(EVENTS[6]).decode()}"),
}


@pytest.mark.parametrize("how", ALTERED)
def test_an_altered_proof_proves_nothing(how: str) -> None:
    lines = LINES.copy()
    ALTERED[how](lines)
    with pytest.raises((BadProof, BadNote)):
        Proof.read("\n".join(lines)).proven([KEY.verifier])


def test_a_proof_needs_a_key_that_is_trusted() -> None:
    for keys in ([], [SigningKey(KEY.name, bytes(32)).verifier], [SigningKey("elsewhere.example", bytes(range(32))).verifier]):
        with pytest.raises(BadNote):
            proof_of(5, 11).proven(keys)


@pytest.mark.parametrize(
    "entry", [b"no JSON", b"7", canonical({"seq": 1}), canonical({"seq": 0, "origin": "elsewhere.example"}), b'{"seq": 0}']
)
def test_what_stands_in_a_tree_and_is_no_event_of_its_trail_at_its_place_is_refused(entry: bytes) -> None:
    with pytest.raises(BadProof):
        proof_of(0, 2, [entry, EVENTS[1]]).proven([KEY.verifier])


def test_the_bytes_of_the_event_may_come_by_another_way_than_in_the_proof() -> None:
    whole = proof_of(5, 11)
    lines = [each for each in whole.text.split("\n") if not each.startswith("extra ")]
    bare = Proof.read("\n".join(lines))
    assert bare.entry is None and bare.text == "\n".join(lines) and bare.hashes == whole.hashes
    assert bare.proven([KEY.verifier], EVENTS[5]) == whole.proven([KEY.verifier])
    for wrong in (None, b"", EVENTS[6], EVENTS[5] + b"\n"):
        with pytest.raises(BadProof):
            bare.proven([KEY.verifier], wrong)
    with pytest.raises(BadProof):  # what is given counts, and not what the proof says
        whole.proven([KEY.verifier], EVENTS[6])
