"""A verifier by somebody who has read `docs/trail-format.md` and none of the product's code: `python tests/stranger.py FOLDER`.

It says of a vector whether it is valid, and of each fault where it shows: `(kind, seq)`, in the order that the page sets.
"""

import json
import re
import sys
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HEX, SAFE, OTHER = re.compile("[0-9a-f]{64}"), 2**53 - 1, object()
PARTS = {
    "actor": {"id": str, "type": str}, "resource": {"type": str, "id": str}, "subject": {"model_id": str, "version": str},
    "request": {"id": str, "ip": str, "token": str, "token_issuer": str, "operation": str},
}  # fmt: skip
FORMS = {
    "origin": r"[^\s+]+", "event_id": "AUD-[0-9a-f]{32}", "event_type": "(?s:.+)", "outcome": "success|failure|partial|denied",
    "occurred_at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "previous_hash": HEX.pattern, "action": "(?s:.*)",
}  # fmt: skip
Fault = tuple[str, int | None]


# Values


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


def parsed(text: bytes) -> Any:
    """The value of canonical bytes; ValueError for others."""
    value = json.loads(text, parse_int=lambda digits: int(digits) if abs(float(digits)) <= SAFE else float(digits))
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


# Checkpoints


def kept_in(text: str) -> list[str]:
    parts = [each for each in text.split("\n\n") if each.strip("\n")]
    return ["\n\n".join(parts[at : at + 2]).strip("\n") + "\n" for at in range(0, len(parts), 2)]


def opened(note: str, keys: list[str]) -> tuple[str, int, str] | None:
    """Origin, size and root of a note that a trusted key signed; None for any other."""
    text, _, signatures = note.rpartition("\n\n")
    trusted = {(name, key_id): b64decode(key) for name, key_id, key in (each.split("+", 2) for each in keys)}
    signed = False
    for line in signatures.splitlines():
        _, name, encoded = line.split(" ")
        raw = b64decode(encoded)
        if key := trusted.get((name, raw[:4].hex())):
            try:
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(raw[4:], f"{text}\n".encode())
            except InvalidSignature:
                return None
            signed = True
    origin, size, encoded, *_ = text.split("\n")
    return (origin, int(size), b64decode(encoded).hex()) if signed and int(size) else None


# An export


class Export:
    """The verification of one export."""

    def __init__(self, folder: Path, kept: str, keys: list[str]) -> None:
        self.folder, self.kept, self.keys, self.faults = folder, kept, keys, list[Fault]()
        self.manifest = json.loads((folder / "manifest.json").read_text())
        rows = [json.loads(each) for each in self._lines("differing.ndjson")]
        self.differing = {each["line"]: each["event"] for each in rows if "line" in each}
        self.altered = {each["digest"] for each in rows if "digest" in each}
        self.contents = {digest(each): each for each in self._lines("contents.ndjson")}
        self.next = first = self.manifest["from"]
        self.edge: list[str] | None = []
        self.last: str | None = "0" * 64
        self.at = self.origin = ""
        self.ids = set[str]()
        if first:
            self._begin({each["seq"]: each for each in self.manifest["before"]}, first)
        self.roots = {first: root(self.edge or [])}

    def _lines(self, name: str) -> list[bytes]:
        return (self.folder / name).read_bytes().split(b"\n")[:-1]

    def _begin(self, before: dict[int, Any], first: int) -> None:
        start, edge = 0, list[str]()
        for level in reversed(range(first.bit_length())):
            if first >> level & 1:
                start += 1 << level
                holder = before[start - 1]
                edge.append(holder["nodes"][level - 1] if level else holder["event_hash"])
        last = before[first - 1]
        self.edge, self.last, self.at, self.origin = edge, last["event_hash"], last["occurred_at"]["$date"], last["origin"]

    def verify(self) -> list[Fault]:
        for number, line in enumerate(self._lines("events.ndjson")):
            if number == self.manifest["counted"]:
                self._expect(self._stop)
            self._event(line, self.differing.get(number))
        self._expect(self._stop)
        if not self.manifest["partial"]:
            self._head(stored(self.manifest["head"]))
        self._checkpoints()
        return self.faults

    @property
    def _stop(self) -> int:
        last = self.manifest["to"]
        return int(self.manifest["from"] if last is None else last + 1)

    def _found(self, kind: str, seq: int | None) -> None:
        self.faults.append((kind, seq))

    def _expect(self, seq: int) -> None:
        if seq > self.next:
            self._found("MISSING_EVENTS", seq)
            self.next, self.edge, self.last = seq, None, None

    def _event(self, line: bytes, row: Any) -> None:
        try:
            bytes_say = parsed(line)
        except ValueError:
            bytes_say = None
        event = stored(row) if row is not None else bytes_say if isinstance(bytes_say, dict) else {}
        seq = event.get("seq")
        if type(seq) is not int or not 0 <= seq < SAFE:
            self._found("INVALID_FIELD", self.next)
            seq = self.next
        self._expect(seq)
        if repeated := seq < self.next:
            self._found("REPEATED_SEQ", seq)
        if isinstance(bytes_say, dict):
            self._fields(seq, bytes_say, event if row is not None else None)
        else:
            self._found("NOT_CANONICAL", seq)
        leaf = sha256(b"\x00" + line).hexdigest()
        if row is not None and line and event.get("event_hash") != leaf:
            self._found("HASH_DIFFERS", seq)
        if row is not None and is_hash(event.get("event_hash")):
            leaf = event["event_hash"]
        for each in sorted(cited(bytes_say if isinstance(bytes_say, dict) else event)):
            if each in self.altered or each not in self.contents:
                self._found("CONTENT_ALTERED" if each in self.altered else "CONTENT_MISSING", seq)
        if not repeated:
            self._follow(seq, bytes_say, leaf, event.get("nodes") if row is not None else OTHER)

    def _fields(self, seq: int, bytes_say: Any, event: Any) -> None:
        beside = {"event_hash", "nodes", "canonical"}
        for name in () if event is None else event.keys() - beside:
            if name not in bytes_say:
                self._found("UNKNOWN_FIELD", seq)
            elif not same(event[name], bytes_say[name]):
                self._found("FIELD_DIFFERS", seq)
        for _ in () if event is None else bytes_say.keys() - event.keys():
            self._found("MISSING_FIELD", seq)
        if event is not None and not isinstance(event.get("occurred_at"), Date):
            self._found("INVALID_FIELD", seq)
        if not self._is_event(bytes_say):
            self._found("INVALID_FIELD", seq)

    def _is_event(self, event: Any) -> bool:
        if event.keys() != {"seq", "schema", "details", *PARTS, *FORMS} or event["schema"] not in (1, 2):
            return False
        texts = all(isinstance(event[name], str) and re.fullmatch(form, event[name]) for name, form in FORMS.items())
        parts = all(
            (event[name] is None and name == "subject")
            or (
                isinstance(event[name], dict)
                and event[name].keys() == part.keys()
                and all(isinstance(each, str) or (name == "request" and of != "id") for of, each in event[name].items())
            )
            for name, part in PARTS.items()
        )
        return texts and parts and isinstance(event["details"], dict)

    def _follow(self, seq: int, said: Any, leaf: str, nodes: Any) -> None:
        if isinstance(said, dict) and self._is_event(said):
            if self.last not in (None, said["previous_hash"]):
                self._found("BROKEN_LINK", seq)
            if said["occurred_at"] < self.at:
                self._found("TIME_REVERSED", seq)
            if self.origin not in ("", said["origin"]):
                self._found("ORIGIN_DIFFERS", seq)
            if said["event_id"] in self.ids:
                self._found("DUPLICATE_ID", seq)
            self.ids.add(said["event_id"])
            self.at, self.origin = said["occurred_at"], said["origin"]
        self.last, self.next = leaf, seq + 1
        if self.edge is None:
            return
        completed, left = list[str](), seq
        while left & 1:
            leaf = joined(self.edge.pop(), leaf)
            completed.append(leaf)
            left >>= 1
        self.edge.append(leaf)
        self.roots[self.next] = root(self.edge)
        if nodes is not OTHER and nodes != completed:
            self._found("NODES_DIFFER", seq)

    def _head(self, head: Any) -> None:
        if head is None:
            self.faults += [("HEAD_MISSING", None)] * bool(self.next)
            return
        says = {"origin": self.origin or None, "size": self.next, "last_hash": self.last, "last_at": self.at or None}
        for name, value in (says | {"edge": self.edge}).items():
            if value is not None and not same(head.get(name), value):
                self._found("HEAD_DIFFERS", None)

    def _checkpoints(self) -> None:
        agree, beyond = dict[int, bool](), False
        for note in kept_in(self.kept):
            signed = opened(note, self.keys)
            if signed is None:
                self._found("CHECKPOINT_FORGED", None)
                continue
            origin, size, told = signed
            if origin != self.origin:
                self._found("CHECKPOINT_OF_ANOTHER_TRAIL", None)
            elif size > self.manifest["size"]:
                beyond = True
            elif size in self.roots:
                agree[size] = self.roots[size] == told
        if beyond:
            self._found("TAIL_CUT", self.manifest["size"])
        if not all(agree.values()):
            until = min(size for size, same in agree.items() if not same)
            self._found("REWRITTEN", max((size for size, same in agree.items() if same and size < until), default=0))


def verified(vector: Path) -> list[Fault]:
    keys = (vector / "keys").read_text().splitlines()
    return Export(vector / "trail", (vector / "kept").read_text(), keys).verify()


if __name__ == "__main__":
    for each in verified(Path(sys.argv[1])):
        print(*each)  # noqa: T201
