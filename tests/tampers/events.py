"""What an event says, altered: beside its bytes, with them, with their hash, or with everything after."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from documents.audit.verification import GENESIS
from documents.canonical import canonical, parsed
from tests.tampers.attacks import add, attack, grown_otherwise, rewritten, seq_of
from tests.tampers.held import Found, Held, change, other

BESIDE: dict[str, tuple[str, Any, str]] = {
    "the schema, a number, another": ("schema", 7, "FIELD_DIFFERS"),
    "the schema, a number, as true": ("schema", True, "FIELD_DIFFERS"),
    "the schema, a number, as text": ("schema", "1", "FIELD_DIFFERS"),
    "the origin": ("origin", "elsewhere.example", "FIELD_DIFFERS"),
    "the id": ("event_id", f"AUD-{'0' * 32}", "FIELD_DIFFERS"),
    "the type": ("event_type", "hold_lifted", "FIELD_DIFFERS"),
    "the outcome": ("outcome", "denied", "FIELD_DIFFERS"),
    "the moment": ("occurred_at", other, "FIELD_DIFFERS"),
    "the moment, null": ("occurred_at", None, "FIELD_DIFFERS"),
    "the moment, as text": ("occurred_at", lambda at: parsed(canonical(at)), "INVALID_FIELD"),
    "the actor": ("actor.id", "mallory", "FIELD_DIFFERS"),
    "the actor's type": ("actor.type", "automated", "FIELD_DIFFERS"),
    "a field more of the actor": ("actor.name", "Mallory", "FIELD_DIFFERS"),
    "a field less of the actor": ("actor", lambda actor: {"id": actor["id"]}, "FIELD_DIFFERS"),
    "the resource's type": ("resource.type", "Policy", "FIELD_DIFFERS"),
    "the resource's key": ("resource.id", "another/1.0.0", "FIELD_DIFFERS"),
    "the subject, null": ("subject", None, "FIELD_DIFFERS"),
    "the subject's model": ("subject.model_id", "another", "FIELD_DIFFERS"),
    "the subject's version": ("subject.version", "9.9.9", "FIELD_DIFFERS"),
    "the action": ("action", "nothing", "FIELD_DIFFERS"),
    "a change's path": ("details.changes.0.path", "retired", "FIELD_DIFFERS"),
    "a change's value": ("details.changes.0.to", "something", "FIELD_DIFFERS"),
    "no changes": ("details.changes", [], "FIELD_DIFFERS"),
    "a change more": ("details.changes", lambda all_: [*all_, {"path": "x", "from": None, "to": 1}], "FIELD_DIFFERS"),
    "a fact more": ("details.facts.note", "approved by telephone", "FIELD_DIFFERS"),
    "the details, as a list": ("details", [], "FIELD_DIFFERS"),
    "the request's address": ("request.ip", "203.0.113.9", "FIELD_DIFFERS"),
    "the request's token": ("request.token", "another", "FIELD_DIFFERS"),
    "who issued the token": ("request.token_issuer", "mallory", "FIELD_DIFFERS"),
    "the operation": ("request.operation", "Mallory", "FIELD_DIFFERS"),
    "the link": ("previous_hash", GENESIS, "FIELD_DIFFERS"),
    "other nodes": ("nodes", lambda nodes: ["0" * 64 for _ in nodes], "NODES_DIFFER"),
    "no nodes": ("nodes", [], "NODES_DIFFER"),
    "the nodes, as text": ("nodes", "none", "NODES_DIFFER"),
    "a node more": ("nodes", lambda nodes: [*nodes, "0" * 64], "NODES_DIFFER"),
    "no hash": ("event_hash", None, "HASH_DIFFERS"),
    "the hash in upper case": ("event_hash", str.upper, "HASH_DIFFERS"),
    "no bytes": ("canonical", None, "NOT_CANONICAL"),
    "a field more": ("note", "approved by telephone", "UNKNOWN_FIELD"),
}  # fmt: skip


TOGETHER = 8  # attacks of a batch, each on an event of its own


def stored_otherwise(number: int, path: str, value: Any, kind: str, held: Held) -> Iterable[Found]:
    seq = seq_of(held, number)
    change(held.events[seq], path, value)
    moment = {Found("INVALID_FIELD", seq)} if path == "occurred_at" and value is None else set()
    return {Found(kind, seq), *moment}


for at, (name, (path, value, kind)) in enumerate(BESIDE.items()):
    add("beside the bytes", name, partial(stored_otherwise, at % TOGETHER, path, value, kind), f"batch {at // TOGETHER}")


@attack("beside the bytes")
def a_field_less(held: Held) -> Iterable[Found]:
    seq = seq_of(held)
    del held.events[seq]["subject"]
    return [Found("MISSING_FIELD", seq)]


@attack("beside the bytes")
def the_hash_of_another_event(held: Held) -> Iterable[Found]:
    seq = seq_of(held)
    held.events[seq]["event_hash"] = held.events[seq - 1]["event_hash"]
    return {Found("HASH_DIFFERS", seq), *grown_otherwise(held, seq)}


# Events: the bytes, and the fields with them

SAYING: dict[str, tuple[str, Any]] = {
    "another outcome": ("outcome", "failure"),
    "another actor": ("actor.id", "mallory"),
    "another moment": ("occurred_at", lambda at: at + timedelta(milliseconds=1)),
    "another resource": ("resource.id", "another/1.0.0"),
    "no subject": ("subject", None),
    "another value": ("details.changes.0.to", "something"),
    "no changes": ("details.changes", []),
    "another token": ("request.token", "another"),
}


HASHED = {"another outcome", "another resource", "another value"}
"""What is also said with new hashes: what is hashed is the same for all, so some are enough."""


def told_otherwise(number: int, path: str, value: Any, held: Held) -> Iterable[Found]:
    """The field and the bytes are altered, and no hash."""
    event = held.events[seq := seq_of(held, number)]
    change(event, path, value)
    event["canonical"] = canonical(
        parsed(event["canonical"]) | {path.split(".", maxsplit=1)[0]: event[path.split(".", maxsplit=1)[0]]}
    )
    return [Found("HASH_DIFFERS", seq)]


def hashed_otherwise(path: str, value: Any, held: Held) -> Iterable[Found]:
    """The field, the bytes and the hash are altered, and nothing after."""
    change(held.events[seq := seq_of(held)], path, value)
    held.hashed(seq)
    return grown_otherwise(held, seq)


def chained_otherwise(path: str, value: Any, held: Held) -> Iterable[Found]:
    """Everything after the event is hashed again, and the head moved."""
    change(held.events[seq_of(held)], path, value)
    held.headed()
    return [rewritten(held)]


for at, (name, (path, value)) in enumerate(SAYING.items()):
    add("bytes without a hash", name, partial(told_otherwise, at, path, value), "batch")
    if name in HASHED:
        add("bytes and their hash", name, partial(hashed_otherwise, path, value))
        add("everything hashed again", name, partial(chained_otherwise, path, value))


@attack("bytes without a hash")
def the_bytes_respelled(held: Held) -> Iterable[Found]:
    event = held.events[seq := seq_of(held)]
    event["canonical"] = event["canonical"].replace(b",", b", ")
    return [Found("NOT_CANONICAL", seq), Found("HASH_DIFFERS", seq)]


@attack("bytes without a hash")
def the_bytes_of_another_event(held: Held) -> Iterable[Found]:
    """A replay of older bytes in the place of an event."""
    seq = seq_of(held)
    held.events[seq]["canonical"] = held.events[seq - 4]["canonical"]
    told = ("FIELD_DIFFERS", "HASH_DIFFERS", "DUPLICATE_ID", "BROKEN_LINK", "TIME_REVERSED")
    return {Found(each, seq) for each in told}


@attack("everything hashed again")
def the_origin_of_every_event(held: Held) -> Iterable[Found]:
    for each in (*held.events, held.head):
        each["origin"] = "elsewhere.example"
    held.headed()
    return [Found("CHECKPOINT_OF_ANOTHER_TRAIL")]


@attack("everything hashed again")
def the_id_of_an_earlier_event(held: Held) -> Iterable[Found]:
    held.events[seq := seq_of(held)]["event_id"] = held.events[3]["event_id"]
    held.headed()
    return [Found("DUPLICATE_ID", seq), rewritten(held)]


@attack("everything hashed again")
def a_moment_before_the_event_before(held: Held) -> Iterable[Found]:
    held.events[seq := seq_of(held)]["occurred_at"] -= timedelta(days=1)
    held.headed()
    return [Found("TIME_REVERSED", seq), rewritten(held)]


@attack("everything hashed again")
def a_field_that_no_event_has(held: Held) -> Iterable[Found]:
    held.events[seq := seq_of(held)]["note"] = "approved by telephone"
    held.headed()
    return [Found("UNKNOWN_FIELD", seq), rewritten(held)]


@attack("everything hashed again")
def a_schema_that_no_event_has(held: Held) -> Iterable[Found]:
    held.events[seq := seq_of(held)]["schema"] = 7
    held.headed()
    return [Found("INVALID_FIELD", seq), rewritten(held)]


@attack("everything hashed again")
def the_first_event(held: Held) -> Iterable[Found]:
    held.events[0]["action"] = "nothing"
    held.headed()
    return [Found("REWRITTEN", 0)]


@attack("everything hashed again")
def the_last_event_that_was_signed(held: Held) -> Iterable[Found]:
    held.events[held.sizes[-1] - 1]["action"] = "nothing"
    held.headed()
    return [Found("REWRITTEN", held.sizes[-2])]
