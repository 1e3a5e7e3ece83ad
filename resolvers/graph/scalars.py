"""Scalars that are stricter than those of Strawberry: a value that is accepted is answered as it was sent."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import strawberry
from strawberry.types.scalar import ScalarDefinition

from documents.values import MAX_SAFE_INTEGER, BigInt, FreeObject, Hash

_MOMENT = "a DateTime is a moment with its offset (RFC 3339), such as 2026-03-01T12:00:00Z"
_DIGEST = re.compile("[0-9a-f]{64}")


def _read_moment(value: Any) -> datetime:
    try:
        at = datetime.fromisoformat(_text(value, "DateTime"))
    except ValueError as error:
        raise ValueError(_MOMENT) from error
    if at.tzinfo is None:
        raise ValueError(_MOMENT)
    return at


def _say_moment(at: datetime) -> str:
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_day(value: Any) -> date:
    try:
        return date.fromisoformat(_text(value, "Date"))
    except ValueError as error:
        raise ValueError("a Date is a calendar day, such as 2026-03-01") from error


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
    return value


def _scalar(name: str, description: str, read: Any, say: Any, specified_by: str | None = None) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, parse_value=read, serialize=say, specified_by_url=specified_by)


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: _scalar(
        "DateTime", "A time is RFC 3339 with its offset; answers are in UTC, to the millisecond.", _read_moment, _say_moment
    ),
    date: _scalar("Date", "A date is a calendar day, YYYY-MM-DD.", _read_day, date.isoformat),
    BigInt: _scalar("BigInt", "A big integer is a whole number up to 2^53-1.", _whole, int),
    Hash: _scalar("Hash", "A hash is a SHA-256 of 64 lower-case hexadecimal digits.", _digest, str),
    FreeObject: _scalar("JSON", "A JSON value is a free object.", _object, lambda value: value),
}
