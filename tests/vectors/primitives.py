"""The vectors of what the format is made of: canonical forms, hashes, trees, proofs, salted digests and notes."""

import json
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from documents.audit import tree
from documents.audit.notes import Checkpoint
from documents.canonical import canonical, digest, loosely_parsed
from documents.salts import salted
from tests.vectors import folds
from tests.vectors.story import KEY

FILE = "primitives.json"
SIZES = 9

VALUES: list[tuple[str, Any]] = [
    ("names in the order of UTF-16 units", {"\ufb33": 1, "\U0001f600": 2, "b": 3, "a": 4, "": 5, "é": 6}),
    ("control characters, quotes and a line separator", '"\\/\b\f\n\r\t\u0001\u007f\u2028'),
    ("text is kept as given, without normalisation", ["e\u0301", "\u00e9"]),
    ("true, false and null", [True, False, None]),
    ("integers to 2^53-1", [0, -1, 9007199254740991, -9007199254740991]),
    ("integers beyond are texts", [9007199254740992, -9007199254740992, 2**64]),
    ("floats", [0.5, 1.0, -0.0, 1e21, 1e-7, 333333333.33333329, 5e-324, 1.7976931348623157e308]),
    ("a moment in UTC, cut to milliseconds", datetime(2026, 3, 1, 12, 0, 0, 123999, tzinfo=UTC)),
    ("a moment without a fraction", datetime(2026, 3, 1, 12, tzinfo=UTC)),
    ("a day", date(2026, 3, 1)),
    ("nothing inside", [{}, [], ""]),
]


def write(folder: Path) -> None:
    (folder / FILE).write_text(json.dumps(made(), indent=1, ensure_ascii=True) + "\n")


def made() -> dict[str, Any]:
    return {
        "canonical": _canonical(), "numbers": _numbers(), "leaves": _leaves(), "trees": _trees(), "salted": _salted(),
        "notes": _notes(), "folds": folds.made(),
    }  # fmt: skip


def _canonical() -> list[Any]:
    return [
        {"about": about, "hex": canonical(value).hex(), "text": canonical(value).decode(), "digest": digest(value)}
        for about, value in VALUES
    ]


NUMBERS = [
    "0", "-0", "1.0", "1e2", "0.1e1", "1E400", "9007199254740991", "9007199254740992", "-9007199254740993",
    "123456789012345678901234567890",
]  # fmt: skip


def _numbers() -> list[Any]:
    """Numbers as JSON may have them, and the canonical form of each; null for one that no value is."""
    return [{"json": each, "canonical": _canonical_or_none(each)} for each in NUMBERS]


def _canonical_or_none(text: str) -> str | None:
    try:
        return canonical(loosely_parsed(text.encode())).decode()
    except ValueError:
        return None


def _leaves() -> list[str]:
    return [tree.leaf_hash(bytes([each])) for each in range(SIZES)]


def _trees() -> list[Any]:
    """For each size the root, and the nodes that its last leaf completes; with all proofs of the largest tree."""
    edges, nodes, edge = list[list[str]](), list[list[str]](), list[str]()
    for size, leaf in enumerate(_leaves()):
        edge, completed = tree.grow(edge, size, leaf)
        edges.append(edge)
        nodes.append(completed)

    def hash_of(subtree: tree.Subtree) -> str:
        of = nodes[subtree.completed_by]
        return of[subtree.level - 1] if subtree.level else _leaves()[subtree.completed_by]

    return [
        {
            "size": size, "edge": edges[size - 1], "root": tree.root(edges[size - 1]), "nodes": nodes[size - 1],
            "inclusion": {str(at): tree.inclusion_proof(at, size, hash_of) for at in range(size)},
            "consistency": {str(old): tree.consistency_proof(old, size, hash_of) for old in range(1, size + 1)},
        }
        for size in range(1, SIZES + 1)
    ]  # fmt: skip


def _salted() -> list[Any]:
    salt = bytes(range(16)).hex()
    return [
        {"salt": salt, "value": value, "canonical": canonical(value).decode(), "salted": salted(salt, value)}
        for value in ("Ada Example", ["a", 1, None], {"reason": "It moved."})
    ]


def _notes() -> list[Any]:
    signed = Checkpoint("vectors.example/trail", 9, sha256(b"").hexdigest())
    return [{"secret": KEY.text, "key": str(KEY.verifier), "note": signed.signed(KEY), "size": 9, "root": signed.root}]
