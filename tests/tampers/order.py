"""Events deleted, inserted, repeated, swapped, and given another number."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import partial
from typing import Any

from bson import Decimal128, Int64, ObjectId

from documents.canonical import canonical, parsed
from tests.tampers.attacks import HEAD, add, attack, completing, rewritten, seq_of
from tests.tampers.held import Found, Held
from tests.trails import forged


@attack("order")
def an_event_deleted(held: Held) -> Iterable[Found]:
    del held.events[seq := seq_of(held)]
    return [Found("MISSING_EVENTS", seq + 1)]


@attack("order")
def the_first_event_deleted(held: Held) -> Iterable[Found]:
    del held.events[0]
    return [Found("MISSING_EVENTS", 1)]


@attack("order")
def all_events_deleted(held: Held) -> Iterable[Found]:
    end = held.end
    held.events.clear()
    return [Found("MISSING_EVENTS", end), Found("TAIL_CUT", 0)]


@attack("order")
def all_events_and_the_head_deleted(held: Held) -> Iterable[Found]:
    held.events.clear()
    held.heads.clear()
    return [Found("TAIL_CUT", 0)]


@attack("order")
def ten_events_deleted(held: Held) -> Iterable[Found]:
    del held.events[(seq := seq_of(held)) : seq + 10]
    return [Found("MISSING_EVENTS", seq + 10)]


@attack("order")
def an_event_deleted_and_the_rest_numbered_and_hashed(held: Held) -> Iterable[Found]:
    del held.events[seq_of(held)]
    held.numbered()
    held.headed()
    return [rewritten(held)]


@attack("order")
def an_event_deleted_and_the_rest_hashed(held: Held) -> Iterable[Found]:
    del held.events[seq := seq_of(held)]
    held.headed()
    return [Found("MISSING_EVENTS", seq + 1)]


@attack("order")
def the_tail_cut(held: Held) -> Iterable[Found]:
    del held.events[held.sizes[-1] - 3 :]
    held.headed()
    return [Found("TAIL_CUT", held.end)]


@attack("order")
def the_tail_and_the_checkpoints_cut(held: Held) -> Iterable[Found]:
    """With them goes the endorsement of the key that signed the last one."""
    held.at("audit_checkpoints").clear()
    del held.events[held.sizes[-2] - 3 :]
    held.headed()
    return [Found("TAIL_CUT", held.end), Found("CHECKPOINT_FORGED")]


@attack("order")
def the_tail_cut_under_the_same_head(held: Held) -> Iterable[Found]:
    end = held.end
    del held.events[held.sizes[-1] - 3 :]
    return [Found("MISSING_EVENTS", end), HEAD, Found("TAIL_CUT", held.end)]


@attack("order")
def the_tail_cut_and_grown_again(held: Held) -> Iterable[Found]:
    for event in held.events[held.sizes[-1] - 3 :]:
        event["action"] = "nothing"
    held.headed()
    return [Found("REWRITTEN", held.sizes[-2])]


@attack("order")
def two_events_swapped(held: Held) -> Iterable[Found]:
    one, two = held.events[(seq := seq_of(held)) : seq + 2]
    one["seq"], two["seq"] = two["seq"], one["seq"]
    fields = {Found("FIELD_DIFFERS", seq), Found("FIELD_DIFFERS", seq + 1)}
    links = {Found("BROKEN_LINK", each) for each in (seq, seq + 1, seq + 2)}
    nodes = {Found("NODES_DIFFER", each) for at in (seq, seq + 1) for each in (at, *completing(at, held.end))}
    return {*fields, *links, *nodes, Found("TIME_REVERSED", seq + 1), HEAD, rewritten(held)}


@attack("order")
def two_events_swapped_and_everything_hashed(held: Held) -> Iterable[Found]:
    seq = seq_of(held)
    held.events[seq : seq + 2] = held.events[seq + 1], held.events[seq]
    held.numbered()
    held.headed()
    return [Found("TIME_REVERSED", seq + 1), rewritten(held)]


@attack("order")
def an_event_twice(held: Held) -> Iterable[Found]:
    held.events.append(held.events[seq := seq_of(held)] | {"_id": ObjectId()})
    return [Found("REPEATED_SEQ", seq)]


@attack("order")
def an_event_inserted_under_a_number_that_is_taken(held: Held) -> Iterable[Found]:
    held.events.append(forged(held.events[seq := seq_of(held)], action="nothing"))
    held.events[-1]["canonical"] = canonical(parsed(held.events[seq]["canonical"]) | {"action": "nothing"})
    return [Found("REPEATED_SEQ", seq), Found("FIELD_DIFFERS", seq), Found("HASH_DIFFERS", seq)]


@attack("order")
def an_event_inserted_and_the_rest_numbered_and_hashed(held: Held) -> Iterable[Found]:
    held.events.insert(seq := seq_of(held), forged(held.events[seq]))
    held.numbered()
    held.headed()
    return [rewritten(held)]


@attack("order")
def an_event_repeated_at_the_end(held: Held) -> Iterable[Found]:
    """A replay of an old event, hashed as the last one."""
    held.events.append(deepcopy(held.events[seq_of(held)]) | {"_id": ObjectId(), "seq": held.end})
    held.headed()
    return [Found("DUPLICATE_ID", held.end - 1), Found("TIME_REVERSED", held.end - 1)]


@attack("order")
def an_event_appended_with_an_earlier_moment(held: Held) -> Iterable[Found]:
    at = held.events[5]["occurred_at"]
    held.events.append(forged(held.events[seq_of(held)], seq=held.end, occurred_at=at))
    held.headed()
    return [Found("TIME_REVERSED", held.end - 1)]


@attack("order")
def a_jump_in_the_numbers(held: Held) -> Iterable[Found]:
    seq = seq_of(held)
    for event in held.events[seq:]:
        event["seq"] += 1000
    held.headed()
    return [Found("MISSING_EVENTS", seq + 1000)]


@attack("order")
def an_event_beyond_the_head(held: Held) -> Iterable[Found]:
    held.events.append(forged(held.events[seq_of(held)], seq=held.end, occurred_at=held.head["last_at"]))
    held.chained()
    return [HEAD]


@attack("order")
def an_event_far_beyond_the_head(held: Held) -> Iterable[Found]:
    held.events.append(forged(held.events[seq_of(held)], seq=Int64(2**52), occurred_at=held.head["last_at"]))
    held.chained()
    return [Found("MISSING_EVENTS", 2**52), HEAD]


NO_NUMBER: dict[str, Any] = {
    "null": None, "text": "61", "negative": -5, "true": True, "beyond 2^53": Int64(2**60), "an object": {"$gt": 0},
}  # fmt: skip


def numbered_otherwise(value: Any, held: Held) -> Iterable[Found]:
    """An event that no range of numbers holds is read last, and judged as one that follows the last event."""
    held.events[seq := seq_of(held)]["seq"] = value
    told = ("INVALID_FIELD", "FIELD_DIFFERS", "BROKEN_LINK", "TIME_REVERSED")
    return {Found("MISSING_EVENTS", seq + 1), *(Found(each, held.end) for each in told), HEAD}


for name, value in NO_NUMBER.items():
    add("no number", name, partial(numbered_otherwise, value))


IN_PLACE: dict[str, Callable[[int], Any]] = {
    "a fraction": lambda seq: seq + 0.5, "a decimal": lambda seq: Decimal128(str(seq)),
}  # fmt: skip


def numbered_in_place(number: Callable[[int], Any], held: Held) -> Iterable[Found]:
    """An event whose number is of another type is read in its place, and judged as the one that is due there."""
    seq = seq_of(held)
    held.events[seq]["seq"] = number(seq)
    return [Found("INVALID_FIELD", seq), Found("FIELD_DIFFERS", seq)]


for name, number in IN_PLACE.items():
    add("no number", name, partial(numbered_in_place, number))


@attack("no number")
def a_double(held: Held) -> Iterable[Found]:
    """In JSON it is the number that the bytes have."""
    seq = seq_of(held)
    held.events[seq]["seq"] = float(seq)
    return [Found("INVALID_FIELD", seq)]


@attack("order")
def the_events_after_the_last_checkpoint_cut(held: Held) -> Iterable[Found]:
    """No checkpoint covers them, but the records that they changed tell."""
    del held.events[held.sizes[-1] :]
    held.headed()
    return []
