"""Values that BSON can hold and no record of ours does, in each place where a verification reads."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS

from documents.people import Stakeholder
from documents.tokens import ApiToken
from tests.tampers.attacks import HEAD, add, attack, seq_of
from tests.tampers.contents import ALTERED, citing
from tests.tampers.held import Found, Held
from tests.tampers.records import named

TOGETHER = 10  # attacks of a batch, each on an event, a content or a record of its own
HOSTILE: dict[str, Any] = {
    "NaN": float("nan"), "infinity": float("inf"), "a decimal": Decimal128("0.1"), "a large decimal": Decimal128("1E6000"),
    "bytes": b"x", "bytes of another kind": Binary(b"x", 5), "an id": ObjectId("0" * 24), "a pattern": Regex("(a+)+$"),
    "code": Code("while (true) {}", {}), "code that reads as a digest": Code("0" * 64),
    "a citation of code": {"content": Code("0" * 64)},
    "the least": MinKey(), "the greatest": MaxKey(), "an internal moment": Timestamp(1, 1),
    "a great number": Int64(2**63 - 1), "a $date": {"$date": "2026-03-01T12:00:00.000Z"}, "a name with a dot": {"a.b": 1},
    "an empty name": {"": 1}, "deep nesting": "x",
    # The engine in Python refuses to hold these; others do.
    "a moment after year 9999": DatetimeMS(2**60), "a moment before year 1": DatetimeMS(-(2**60)),
}  # fmt: skip
for _ in range(90):
    HOSTILE["deep nesting"] = [HOSTILE["deep nesting"]]


def hostile_in_an_event(number: int, value: Any, held: Held) -> Iterable[Found]:
    held.events[seq := seq_of(held, number)]["action"] = value
    return [Found("FIELD_DIFFERS", seq)]


def hostile_beside_an_event(number: int, value: Any, held: Held) -> Iterable[Found]:
    held.events[seq := seq_of(held, number)]["more"] = value
    return [Found("UNKNOWN_FIELD", seq)]


def hostile_in_details(number: int, value: Any, held: Held) -> Iterable[Found]:
    held.events[seq := seq_of(held, number)]["details"]["facts"]["more"] = value
    return [Found("FIELD_DIFFERS", seq)]


def hostile_moment(number: int, value: Any, held: Held) -> Iterable[Found]:
    held.events[seq := seq_of(held, number)]["occurred_at"] = value
    return [Found("FIELD_DIFFERS", seq), Found("INVALID_FIELD", seq)]


def hostile_nodes(number: int, value: Any, held: Held) -> Iterable[Found]:
    held.events[seq := seq_of(held, number)]["nodes"] = value
    return [Found("NODES_DIFFER", seq)]


def hostile_hash(number: int, value: Any, held: Held) -> Iterable[Found]:
    held.events[seq := seq_of(held, number)]["event_hash"] = value
    return [Found("HASH_DIFFERS", seq)]


def hostile_bytes(number: int, value: Any, held: Held) -> Iterable[Found]:
    held.events[seq := seq_of(held, number)]["canonical"] = value
    bytes_too = {Found("HASH_DIFFERS", seq)} if type(value) is bytes else set()
    return {Found("NOT_CANONICAL", seq), *bytes_too}


def hostile_content(number: int, value: Any, held: Held) -> Iterable[Found]:
    content = [each for each in held.contents if citing(held, each["digest"])][number]
    content["canonical"] = value
    return [Found(ALTERED, seq) for seq in citing(held, content["digest"])]


def hostile_record(path: str, number: int, value: Any, held: Held) -> Iterable[Found]:
    record = [each for kind in (Stakeholder, ApiToken) for each in held.records(kind)][number]
    kind = Stakeholder if "user_id" in record else ApiToken
    record[path] = value
    return [Found("RECORD_DIFFERS", None, named(kind, record), path)]


def hostile_head(path: str, value: Any, held: Held) -> Iterable[Found]:
    held.head[path] = value
    return [HEAD]


PLACES: dict[str, Callable[..., Iterable[Found]]] = {
    "an event": hostile_in_an_event, "a field more of an event": hostile_beside_an_event, "details": hostile_in_details,
    "a moment": hostile_moment, "nodes": hostile_nodes, "a hash": hostile_hash, "bytes": hostile_bytes,
    "a content": hostile_content, "a record's field": partial(hostile_record, "name"),
    "a field more of a record": partial(hostile_record, "more"),
}  # fmt: skip
for at, (name, value) in enumerate(HOSTILE.items()):
    for where, put_there in PLACES.items():
        batch = "moments" if isinstance(value, DatetimeMS) else f"batch {at // TOGETHER}"
        add("hostile values", f"{name} as {where}", partial(put_there, at % TOGETHER, value), f"{where}, {batch}")
for name, path in (("NaN", "origin"), ("a pattern", "last_hash"), ("a decimal", "last_at"), ("deep nesting", "edge")):
    add("hostile values", f"{name} as the head's {path}", partial(hostile_head, path, HOSTILE[name]))
SIZES: dict[str, Any] = {
    "negative": -5, "null": None, "text": "151", "NaN": float("nan"), "a decimal": Decimal128("151"),
    "true": True, "a fraction": 151.5, "a great number": Int64(2**63 - 1), "a list": [151],
}  # fmt: skip
for name, value in SIZES.items():
    add("hostile values", f"a size that is {name}", partial(hostile_head, "size", value))


@attack("hostile values")
def a_size_that_is_a_trillion(held: Held) -> Iterable[Found]:
    held.head["size"] = Int64(10**12)
    return [Found("MISSING_EVENTS", 10**12)]
