"""Values, hashes and citations."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

HEX, SAFE, OTHER = re.compile("[0-9a-f]{64}"), 2**53 - 1, object()


def canonical(value: Any) -> bytes:
    return _text(value).encode()


def _text(value: Any) -> str:
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_text(name)}:{_text(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE:
        return json.dumps(str(value))
    if value is None or isinstance(value, bool | int | str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\x7f")
    raise ValueError("means nothing in JSON")


def _number(value: float) -> str:
    """ECMAScript, Number::toString."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124
        raise ValueError("is no number in JSON")
    if value == 0:
        return "0"
    sign, (_, digits, exponent) = "-" if value < 0 else "", _decimal(abs(value))
    k, n = len(digits), len(digits) + exponent
    if k <= n <= 21:
        return sign + digits + "0" * (n - k)
    if 0 < n <= 21:
        return f"{sign}{digits[:n]}.{digits[n:]}"
    if -6 < n <= 0:
        return f"{sign}0.{'0' * -n}{digits}"
    point = f".{digits[1:]}" if k > 1 else ""
    return f"{sign}{digits[0]}{point}e{'+' if n > 0 else '-'}{abs(n - 1)}"


def _decimal(value: float) -> tuple[int, str, int]:
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, part = mantissa.partition(".")
    part = "" if part == "0" else part
    digits = (whole + part).lstrip("0")
    stripped = digits.rstrip("0")
    return 0, stripped, int(exponent or 0) - len(part) + len(digits) - len(stripped)


def loosely_parsed(text: bytes) -> Any:
    """The value of JSON in any form: each number is the double that it stands for."""
    return json.loads(text, parse_int=lambda digits: int(digits) if abs(float(digits)) <= SAFE else float(digits))


def parsed(text: bytes) -> Any:
    """The value of canonical bytes; ValueError for others."""
    value = loosely_parsed(text)
    if canonical(value) != text:
        raise ValueError("is not canonical")
    return value


def stored(said: Any) -> Any:
    """The value that `differing.ndjson` tells; OTHER for one that equals nothing."""
    if isinstance(said, list):
        return [stored(each) for each in said]
    if not isinstance(said, dict):
        return said
    if "$date" in said and len(said) == 1:
        return Date(said["$date"])
    if any(name.startswith("$") for name in said):
        return OTHER
    return {name: stored(each) for name, each in said.items()}


class Date(str):
    """A moment that is stored as one."""

    __slots__ = ()


def same(one: Any, other: Any) -> bool:
    try:
        return canonical(one) == canonical(other)
    except ValueError:
        return False


def digest(value: bytes) -> str:
    return sha256(value).hexdigest()


def joined(left: str, right: str) -> str:
    return sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()


def root(edge: list[str]) -> str:
    if not edge:
        return digest(b"")
    *rest, found = edge
    for left in reversed(rest):
        found = joined(left, found)
    return found


def cited(event: Any) -> set[str]:
    details = event.get("details")
    members = ("content", "cites") if event.get("schema") == 2 else ("content",)
    found = {digest for each in _objects(details) for digest in _only(each, members)}
    changes = details.get("changes") if isinstance(details, dict) and event.get("schema") != 2 else None
    for each in changes if isinstance(changes, list) else ():
        if isinstance(each, dict) and isinstance(path := each.get("path"), str) and _holds_digest(path):
            found |= {str(side) for side in (each.get("from"), each.get("to")) if is_hash(side)}
    return found


def _objects(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(each)


def _only(value: Any, members: tuple[str, ...]) -> Iterator[str]:
    if len(value) == 1 and (name := next(iter(value))) in members and is_hash(value[name]):
        yield value[name]


def _holds_digest(path: str) -> bool:
    steps = path.split(".")
    plan = re.fullmatch(r"frozen_plan|gate\.eligibility|approvals\.[0-9]+\.plan", path)
    return bool(plan) or steps[-1] == "digest" or "dossier" in steps[:-1]


def is_hash(value: Any) -> bool:
    return isinstance(value, str) and HEX.fullmatch(value) is not None
