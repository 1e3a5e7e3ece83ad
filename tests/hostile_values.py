"""Values that BSON can hold and that no field of the trail has, written past the product."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import bson
from bson import Binary, Code, DBRef, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure

from documents.store.session import AWARE
from tests.service import Service

Raw = dict[str, Any]
UNREADABLE = "QQQQ"
"""Stands for a text that is no UTF-8, until it is written."""
MISSING = object()
"""Stands for a field that is not there."""


def nested(depth: int) -> Raw:
    value: Raw = {}
    for _ in range(depth):
        value = {"a": value}
    return value


VALUES: dict[str, Any] = {
    "missing": MISSING, "null": None, "true": True, "not a number": float("nan"), "infinity": float("inf"),
    "minus infinity": -float("inf"), "double": 2.5, "minus five": -5, "10**12": 10**12, "2**62": Int64(2**62),
    "largest": Int64(2**63 - 1), "smallest": Int64(-(2**63)), "decimal": Decimal128("7"),
    "decimal not a number": Decimal128("NaN"), "text": "many", "empty text": "", "text with a null": "a\0b",
    "no utf-8": UNREADABLE, "far date": DatetimeMS(2**62),
    "date before year 1": DatetimeMS(-(2**62)), "bytes": b"\0\xff", "binary of another kind": Binary(b"\0", 5),
    "uuid": Binary(bytes(16), 4), "user-defined binary": Binary(b"\0", 0x80), "id": ObjectId(), "regex": Regex("^a"),
    "code": Code("success"), "code with scope": Code("a", {"b": 1}), "min key": MinKey(), "max key": MaxKey(),
    "timestamp": Timestamp(1, 2), "reference": DBRef("audit_events", 1), "empty list": [], "list": [3, 10**9], "empty object": {},
    "object": {"$date": "2026-03-01T12:00:00.000Z"}, "nested deep": nested(90),
}  # fmt: skip


def altered(document: Mapping[str, Any], path: str, value: Any) -> Raw:
    """The document with another value at a path."""
    first, _, rest = path.partition(".")
    if not rest:
        return {name: each for name, each in {**document, first: value}.items() if each is not MISSING}
    inside = document[first]
    if isinstance(inside, list):
        return {**document, first: [altered({"0": inside[0]}, rest, value).get("0"), *inside[1:]]}
    return {**document, first: altered(inside, rest, value)}


def at(document: Mapping[str, Any], path: str) -> Any:
    """What a document holds at a path; `MISSING` if nothing."""
    value: Any = document
    for step in path.split("."):
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else MISSING
        else:
            value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
    return value


def is_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


async def replace(service: Service, collection: str, document: Raw) -> bool:
    """Puts a document in the place of that of its id; False if the server refuses to store such a value."""
    raw = bson.encode(document, codec_options=AWARE).replace(UNREADABLE.encode(), b"\xff\xfe\xff\xfe")
    update = {"q": {"_id": document["_id"]}, "u": RawBSONDocument(raw)}  # in a command, because the driver reads what it replaces
    try:
        done = await service.database.collections.command({"update": collection, "updates": [update]})
    except OperationFailure:  # secantusd-py reads what it stores with Python's own driver, and takes no far date, for one
        return False
    return not done.get("writeErrors")


def chunks(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
