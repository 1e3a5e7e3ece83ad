"""The one spelling of a value, whose bytes are hashed: RFC 8785, the JSON Canonicalization Scheme."""

import json
from datetime import UTC, date, datetime
from enum import Enum
from hashlib import sha256
from math import isfinite
from typing import Any

import rfc8785
from pydantic import BaseModel

from documents.values import MAX_SAFE_INTEGER

UNSPEAKABLE = (TypeError, ValueError, OverflowError, RecursionError)  # what garbage makes of canonical form


def plain(value: Any) -> Any:
    """What JSON means by `value`.

    Moments become `YYYY-MM-DDThh:mm:ss.mmmZ` (UTC, cut to milliseconds), days `YYYY-MM-DD`, choices their value, records their
    stored fields, integers beyond 2^53-1 text. Raises ValueError for a moment without time zone, a number that is not finite and
    an unpaired surrogate, TypeError for what means nothing in JSON, the database's own ids among it.
    """
    match value:
        case str():
            return _text(value)
        case dict():
            return {_text(name): plain(each) for name, each in value.items()}
        case None | bool():
            return value
        case int():
            return int(value) if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER else str(int(value))
        case list() | tuple():
            return [plain(each) for each in value]
        case float():
            return _finite(value)
        case datetime():
            return _moment(value)
        case date():
            return value.isoformat()
        case Enum():
            return plain(value.value)
        case BaseModel():
            fields = type(value).model_fields.items()
            return {field.serialization_alias or name: plain(getattr(value, name)) for name, field in fields}
    raise TypeError(f"{type(value).__name__} means nothing in JSON")


def canonical(value: Any) -> bytes:
    return dumped(plain(value))


def dumped(said: Any) -> bytes:
    """The canonical form of what is `plain`; of most values the standard library's encoder makes it, at a tenth of the cost."""
    if _is_spelled_alike(said):
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return rfc8785.dumps(said)


def _is_spelled_alike(said: Any) -> bool:
    """Whether it holds what both spell alike: no number but integers (RFC 8785 section 3.2.2.3), and names in ASCII, which the
    order of code points and that of UTF-16 units (section 3.2.3) sort alike.
    """
    kind = type(said)
    if kind is dict:
        return all(map(str.isascii, said)) and all(map(_is_spelled_alike, said.values()))
    if kind is list:
        return all(map(_is_spelled_alike, said))
    return kind is not float


def digest(value: Any) -> str:
    """The content digest of `value`: SHA-256 of its canonical bytes, hexadecimal."""
    return sha256(canonical(value)).hexdigest()


def same(one: Any, other: Any) -> bool:
    """Whether two stored values say the same: for Python `True` is 1, and for JSON it is not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(each, other[name]) for name, each in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


def parsed(text: bytes) -> Any:
    """The value whose canonical form is `text`; ValueError if there is none."""
    value = loosely_parsed(text)
    try:
        if canonical(value) == text:
            return value
    except RecursionError as error:
        raise ValueError("is nested too deep") from error
    raise ValueError("is JSON, but not in its canonical form")


def loosely_parsed(text: bytes) -> Any:
    """What JSON in any form says; ValueError if it is none."""
    try:
        return json.loads(text, parse_int=_number)
    except RecursionError as error:
        raise ValueError("is nested too deep") from error


def spelled(value: Any) -> bytes | None:
    """The canonical form of whatever somebody stored; none of what JSON cannot say."""
    try:
        return canonical(value)
    except UNSPEAKABLE:
        return None


def quoted(value: Any) -> str:
    """The beginning of it, for a reader."""
    text = spelled(value)
    said = "what JSON cannot say" if text is None else text.decode()
    return said if len(said) <= 100 else f"{said[:100]}..."


def _text(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{type(text).__name__} is no name in a JSON object")
    text.encode()  # refuses an unpaired surrogate
    return str.__str__(text)  # of a choice too, whatever its own str() says


def _finite(number: float) -> float:
    if not isfinite(number):
        raise ValueError(f"{number} is no number in JSON")
    return float(number)


def _moment(at: datetime) -> str:
    if at.utcoffset() is None:
        raise ValueError("a moment needs a time zone")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(digits: str) -> int | float:
    """Beyond 2^53-1 an integer of canonical JSON is a float that happens to be whole."""
    number = float(digits)
    return int(digits) if abs(number) <= MAX_SAFE_INTEGER else number
