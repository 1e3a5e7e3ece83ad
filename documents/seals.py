"""Seals: message authentication codes of the records that grant access, under a key that is not in the database. Pure.

Whoever writes to the database can write a row, but cannot make its seal. A seal covers what the row says, whose it is, how often
it was stored, and the place of the last event that tells of it: a row, or a seal, that is put elsewhere or put back is noticed.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from re import fullmatch
from secrets import token_bytes, token_hex
from typing import Any, Self

from documents.canonical import UNSPEAKABLE, canonical

FIELD = "mac"
"""The stored field with the seal. It is no field of the class, so neither the graph nor a filter or a report can ask for it."""
UNSEALED = frozenset({"_id", FIELD, "salts", "last_used_at", "renewal", "search_tokens"})
"""The stored fields that no seal covers: they grant nothing, and some change without an event."""
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key for seals. Its id stands in each seal, so that a key can be changed."""

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def made(cls) -> Self:
        return cls(f"k{token_hex(4)}", token_bytes(KEY_BYTES))

    @classmethod
    def read(cls, text: str) -> Self:
        """Reads `<id>+<base64 of 32 bytes>`; ValueError for anything else, without quoting it."""
        found = fullmatch(r"([A-Za-z0-9._-]{1,40})\+([A-Za-z0-9+/]{43}=)", text.strip())
        if found is None:
            raise ValueError("is not written <id>+<base64 of 32 bytes>, as `magistrate admin secret-key` prints one")
        return cls(found[1], b64decode(found[2]))

    @property
    def text(self) -> str:
        return f"{self.id}+{b64encode(self.secret).decode()}"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key that seals, and an earlier one whose seals are still believed until they are made anew."""

    current: SecretKey
    previous: SecretKey | None = None

    def named(self, key_id: Any) -> SecretKey | None:
        return next((each for each in (self.current, self.previous) if each and each.id == key_id), None)


def seal(kind: str, key: str, row: Mapping[str, Any], seq: int, by: SecretKey) -> dict[str, Any]:
    """The seal of a stored row of a record, whose last event is at `seq`. Raises what `canonical` raises."""
    return {"key_id": by.id, "seq": seq, "value": _code(kind, key, row, seq, by)}


def seq_of(row: Mapping[str, Any]) -> int | None:
    """The place of the last event that the seal of a stored row names; None without a seal of that form."""
    said = row.get(FIELD)
    seq = said.get("seq") if isinstance(said, dict) else None
    return seq if isinstance(seq, int) and not isinstance(seq, bool) else None


def problem_of(kind: str, key: str, row: Mapping[str, Any], keyring: Keyring) -> str | None:
    """What is wrong with the seal of a stored row, whatever the row holds; None if it is right. It says nothing of the trail."""
    said, seq = row.get(FIELD), seq_of(row)
    if said is None:
        return "it has no seal"
    if seq is None or said.keys() != {"key_id", "seq", "value"} or not isinstance(said["value"], str):
        return "its seal has no form of one"
    by = keyring.named(said["key_id"])
    if by is None:
        return "its seal names a key that is not here"
    try:
        right = hmac.compare_digest(_code(kind, key, row, seq, by).encode(), said["value"].encode(errors="replace"))
    except UNSPEAKABLE:
        right = False
    return None if right else "its seal is not the one of what it says"


def names_unknown_key(row: Mapping[str, Any], keyring: Keyring) -> bool:
    """Whether a stored row has no seal, or one under a key that is not here."""
    said = row.get(FIELD)
    return said is None or (isinstance(said, dict) and keyring.named(said.get("key_id")) is None)


def _code(kind: str, key: str, row: Mapping[str, Any], seq: int, by: SecretKey) -> str:
    fields = {name: value for name, value in row.items() if name not in UNSEALED}
    said = {"kind": kind, "key": key, "revision": row.get("revision"), "seq": seq, "fields": fields}
    return hmac.new(by.secret, canonical(said), sha256).hexdigest()
