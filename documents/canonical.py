"""Canonical JSON (RFC 8785, the JSON Canonicalization Scheme): the bytes of a value that are hashed. Pure."""

import json
import re
from datetime import UTC, date, datetime
from enum import Enum
from hashlib import sha256
from json.encoder import encode_basestring
from math import isfinite
from typing import Any

import rfc8785
from pydantic import BaseModel

from documents.values import MAX_SAFE_INTEGER

# What `canonical` and `parsed` can raise for a value that was not made here, such as a stored one that somebody altered.
UNSPEAKABLE = (TypeError, ValueError, OverflowError, RecursionError)
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False, check_circular=False
)  # fmt: skip
# Floats after what stands before a number. Each pattern begins with a constant, because such a one is found several times as fast
# as one that begins with a choice.
_FLOATS = [re.compile(before + rb"-?[0-9]+[.eE]") for before in (b'":', rb"\[", b",")]
_BEYOND_UFFFF = re.compile(rb"[\xf0-\xff]")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_sha256(value: object) -> bool:
    """Whether a value is a SHA-256 in lower-case hexadecimal, the form of each digest and hash of the trail."""
    # The driver has a subclass of str for JavaScript code, which is unhashable.
    return type(value) is str and _SHA256.fullmatch(value) is not None


def plain(value: Any) -> Any:
    """The JSON value that stands for `value`: None, a boolean, a number, a string, a list or a dictionary.

    Moments become `YYYY-MM-DDThh:mm:ss.mmmZ` (UTC, cut to milliseconds), days `YYYY-MM-DD`, choices their value, records their
    stored fields, integers beyond 2^53-1 text. Raises ValueError for a moment without time zone, a number that is not finite and
    an unpaired surrogate. Raises TypeError for a type that JSON has nothing for, such as a database id.
    """
    kind = type(value)
    if kind is str and value.isascii():  # by far most values are of the first kinds
        return value
    if value is None or kind is bool:
        return value
    if kind is dict:
        return {_text(name): plain(each) for name, each in value.items()}
    if kind is list:
        return [plain(each) for each in value]
    return _unusual(value)


def _unusual(value: Any) -> Any:
    match value:
        case str():
            return _text(value)
        case dict():
            return {_text(name): plain(each) for name, each in value.items()}
        case None | bool():  # before int(): for Python a boolean is an integer
            return value
        case int():  # RFC 8785 appendix D: JSON carries larger integers as strings, for many readers hold numbers as doubles
            return int(value) if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER else str(int(value))
        case list() | tuple():
            return [plain(each) for each in value]
        case float():
            return _finite(value)
        case datetime():  # before date(): a datetime is a date
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
    """The canonical form of any value that `plain` accepts, as UTF-8. Raises what `plain` raises."""
    return dumped(plain(value))


def dumped(said: Any) -> bytes:
    """The canonical form of a value that `plain` returned, as UTF-8.

    Where both make the same bytes, the standard library's encoder is used: it takes a tenth of the time.
    """
    if type(said) is str:
        return encode_basestring(said).encode()
    text = _ENCODER.encode(said).encode()
    alike = type(said) is not float and (_is_surely_alike(text) or _is_spelled_alike(said))
    return text if alike else rfc8785.dumps(said)


def _is_surely_alike(text: bytes) -> bool:
    """Whether `_is_spelled_alike` holds of the value that the encoder made `text` of, or its names have the same order anyway.

    Their order by code points is that by UTF-16 units if no character is beyond U+FFFF. A text that holds what looks like a float
    is in doubt too.
    """
    return not any(each.search(text) for each in _FLOATS) and (text.isascii() or _BEYOND_UFFFF.search(text) is None)


def _is_spelled_alike(said: Any) -> bool:
    """Whether the standard library's encoder makes the canonical form of a plain value.

    It does if the value has no float, whose digits differ (RFC 8785 section 3.2.2.3), and if all names are ASCII: those have the
    same order by code points, as Python sorts, as by UTF-16 units, as section 3.2.3 asks for.
    """
    kind = type(said)
    if kind is dict:
        return all(map(str.isascii, said)) and all(map(_is_spelled_alike, said.values()))
    if kind is list:
        return all(map(_is_spelled_alike, said))
    return kind is not float


def digest(value: Any) -> str:
    """The digest of `value`: the SHA-256 of its canonical form, in hexadecimal."""
    return sha256(canonical(value)).hexdigest()


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are equal in JSON, where `true` and 1 differ; in Python `True == 1`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(each, other[name]) for name, each in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


def parsed(text: bytes) -> Any:
    """The value whose canonical form is `text`. Raises ValueError if `text` is no canonical JSON."""
    value = loosely_parsed(text)
    try:
        if canonical(value) == text:
            return value
    except RecursionError as error:
        raise ValueError("is nested too deep") from error
    raise ValueError("is JSON, but not in its canonical form")


def loosely_parsed(text: bytes) -> Any:
    """The value of JSON in any form. Raises ValueError for a text that is no JSON, or is nested too deep."""
    try:
        return json.loads(text, parse_int=_number)
    except RecursionError as error:
        raise ValueError("is nested too deep") from error


def spelled(value: Any) -> bytes | None:
    """The canonical form of any stored value; None if JSON has no form for it. Never raises."""
    try:
        return canonical(value)
    except UNSPEAKABLE:
        return None


def quoted(value: Any) -> str:
    """The first 100 characters of a value's canonical form, for a message."""
    text = spelled(value)
    said = "a value that JSON cannot express" if text is None else text.decode()
    return said if len(said) <= 100 else f"{said[:100]}..."


def _text(text: Any) -> str:
    if type(text) is str and text.isascii():
        return text
    if not isinstance(text, str):
        raise TypeError(f"{type(text).__name__} is no name in a JSON object")
    if type(text) is not str and not isinstance(text, Enum):  # the driver has a subclass for JavaScript code
        raise TypeError(f"{type(text).__name__} is no text in JSON")
    text.encode()  # raises UnicodeEncodeError, a ValueError, for an unpaired surrogate (RFC 8785 section 3.2.2.2)
    return str.__str__(text)  # a member of a StrEnum is a string, and may have a str() of its own


def _finite(number: float) -> float:
    if not isfinite(number):
        raise ValueError(f"{number} is no number in JSON")
    return float(number)


def _moment(at: datetime) -> str:
    if at.utcoffset() is None:
        raise ValueError("a moment needs a time zone")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(digits: str) -> int | float:
    """The number that the digits of an integer stand for; beyond 2^53-1 it is a float (RFC 8785 section 3.2.2.3)."""
    number = float(digits)
    return int(digits) if abs(number) <= MAX_SAFE_INTEGER else number
