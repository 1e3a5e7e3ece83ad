"""Salted digests: how the trail tells a private value without showing it. Pure: imports no database.

The record keeps the salt beside the value. Once both are erased, the digest tells nobody what the value was.
"""

from hashlib import sha256
from secrets import token_hex
from typing import Annotated, Any

from pydantic import Field

from documents.canonical import canonical
from documents.values import Digest, Value

BYTES = 16


class Salt(Value):
    """The salt of the private value at a path of a record."""

    path: str = Field(description="The path of the private value in the stored record, such as `holds.0.reason`.")
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] = Field(description="Sixteen random bytes, in hexadecimal.")


def fresh() -> str:
    """A new salt: sixteen random bytes, in hexadecimal."""
    return token_hex(BYTES)


def salted(salt: str, value: Any) -> Digest:
    """SHA-256(salt || canonical form of `value`), in hexadecimal. Raises ValueError for a salt that is not hexadecimal."""
    return sha256(bytes.fromhex(salt) + canonical(value)).hexdigest()
