"""The head of the trail, altered."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from bson import ObjectId

from tests.tampers.attacks import HEAD, add, attack
from tests.tampers.held import Found, Held, change, other


@attack("head")
def the_head_deleted(held: Held) -> Iterable[Found]:
    held.heads.clear()
    return [Found("HEAD_MISSING")]


HEADS: dict[str, tuple[str, Any]] = {
    "the origin": ("origin", "elsewhere.example"),
    "the origin, null": ("origin", None),
    "the last hash": ("last_hash", "0" * 64),
    "the last moment": ("last_at", other),
    "the last moment, as text": ("last_at", "yesterday"),
    "the edge, a hash less": ("edge", other),
    "the edge, another hash": ("edge.0", "0" * 64),
    "the edge, as text": ("edge", "none"),
}


def headed_otherwise(path: str, value: Any, held: Held) -> Iterable[Found]:
    change(held.head, path, value)
    return [HEAD]


for name, (path, value) in HEADS.items():
    add("head", name, partial(headed_otherwise, path, value))


@attack("head")
def the_head_under_another_name(held: Held) -> Iterable[Found]:
    held.head["name"] = "another"
    return [Found("HEAD_MISSING"), HEAD]


@attack("head")
def a_second_head(held: Held) -> Iterable[Found]:
    held.heads.append(held.head | {"_id": ObjectId(), "origin": "elsewhere.example"})
    return [HEAD]


@attack("head")
def the_head_rolled_back(held: Held) -> Iterable[Found]:
    whole = held.events[:]
    del held.events[held.sizes[-1] - 3 :]
    held.headed()
    held.events += whole[held.end :]
    return [HEAD]


@attack("head")
def a_size_more(held: Held) -> Iterable[Found]:
    held.head["size"] += 1
    return [Found("MISSING_EVENTS", held.end + 1)]


# Stored checkpoints

STORED: dict[str, tuple[str, Any]] = {
    "the text": ("text", ""),
    "the root": ("root", "0" * 64),
    "the key": ("verifier_key", other),
    "the time, as text": ("signed_at", "yesterday"),
}


def signed_otherwise(path: str, value: Any, held: Held) -> Iterable[Found]:
    stored = held.at("audit_checkpoints")[0]
    change(stored, path, value)
    return [Found("CHECKPOINT_FORGED", stored["size"])]


for name, (path, value) in STORED.items():
    add("stored checkpoints", name, partial(signed_otherwise, path, value))
