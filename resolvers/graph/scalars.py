"""Scalars that are stricter than those of Strawberry: a value that is accepted is answered as it was sent."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from math import isfinite
from typing import Any

import strawberry
from strawberry.types.scalar import ScalarDefinition

from documents.errors import Unreadable
from documents.values import JSON_VALUES, MAX_SAFE_INTEGER, BigInt, FreeObject, Hash

_MOMENT = "a DateTime is a moment with its offset (RFC 3339), such as 2026-03-01T12:00:00Z"
_DAY = "a Date is a calendar day (RFC 3339), such as 2026-03-01"
_DIGEST = re.compile("[0-9a-f]{64}")
# RFC 3339 section 5.6, with letters of either case. Python reads other forms of ISO 8601 too, such as weeks.
_FULL_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DATE_TIME = re.compile(rf"{_FULL_DATE}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]+)?(Z|[+-][0-9]{{2}}:[0-9]{{2}})")


def _read_moment(value: Any) -> datetime:
    said = _text(value, "DateTime").upper()
    if not _DATE_TIME.fullmatch(said):
        raise ValueError(_MOMENT)
    try:
        return datetime.fromisoformat(said)
    except ValueError as error:
        raise ValueError(_MOMENT) from error


def say_moment(at: datetime) -> str:
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_day(value: Any) -> date:
    said = _text(value, "Date")
    if not re.fullmatch(_FULL_DATE, said):
        raise ValueError(_DAY)
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise ValueError(_DAY) from error


def _text(value: Any, scalar: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a {scalar} is written as text")
    return value


def _digest(value: Any) -> str:
    if not _DIGEST.fullmatch(_text(value, "Hash")):
        raise ValueError("a Hash is a SHA-256: 64 hexadecimal digits, letters small")
    return str(value)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_SAFE_INTEGER:
        raise ValueError("a BigInt is a whole number from -(2^53-1) to 2^53-1")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("a JSON value is an object here")
    if not _is_small(value):
        raise ValueError(f"a JSON value has at most {JSON_VALUES} values inside it")
    return value


def _is_small(value: Any) -> bool:
    """Whether at most JSON_VALUES values are in the value, at any depth; reads no more than it has to."""
    waiting, count = [value], -1
    while waiting and count <= JSON_VALUES:
        each = waiting.pop()
        count += 1
        waiting += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
    return count <= JSON_VALUES


def _say_object(value: Any) -> Any:
    """The value as it is; Unreadable if a stored one has something in it that JSON has no form for."""
    if not _is_json(value):
        raise Unreadable
    return value


def _is_json(value: Any) -> bool:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        kind = type(each)
        if kind is str or each is None or kind is int or kind is bool:  # as nearly all are
            continue
        if kind is dict:
            waiting += each.values()
        elif kind is list or kind is tuple:
            waiting += each
        elif kind is float:
            if not isfinite(each):
                return False
        elif not isinstance(each, int | Enum):  # the driver has a subclass of int, and one of str for JavaScript code
            return False
    return True


def _scalar(name: str, description: str, read: Any, say: Any, rfc: str) -> ScalarDefinition:
    """A scalar that a Request for Comments specifies: `rfc` is its number, with the section."""
    by = f"https://datatracker.ietf.org/doc/html/{rfc}"
    return strawberry.scalar(name=name, description=description, parse_value=read, serialize=say, specified_by_url=by)


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: _scalar(
        "DateTime",
        "A time is RFC 3339 with its offset; answers are in UTC, to the millisecond.",
        _read_moment,
        say_moment,
        "rfc3339#section-5.6",
    ),
    date: _scalar("Date", "A date is a calendar day, YYYY-MM-DD.", _read_day, date.isoformat, "rfc3339#section-5.6"),
    BigInt: _scalar("BigInt", "A big integer is a whole number up to 2^53-1.", _whole, int, "rfc7493#section-2.2"),
    Hash: _scalar("Hash", "A hash is a SHA-256 of 64 lower-case hexadecimal digits.", _digest, str, "rfc6234"),
    FreeObject: _scalar(
        "JSON",
        f"A JSON value is a free object; one that is sent has at most {JSON_VALUES} values inside it.",
        _object,
        _say_object,
        "rfc8259#section-4",
    ),
}
