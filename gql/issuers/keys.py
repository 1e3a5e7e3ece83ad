"""The public keys of an issuer, which are also fetched again for a key that is not known.

The keys are a JSON Web Key Set (RFC 7517 section 5), in a file, at a URL, or where OpenID Connect Discovery 1.0 section 4 says.
"""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, OctKey

from documents.issuers import Issuer
from gql.issuers.discovery import Discovery
from gql.issuers.fetching import MOST_BYTES, Fetcher, NoAnswer, json_of
from gql.issuers.published import Published

SET_KEYS = 100
RSA_BITS = 2048
Keys: TypeAlias = dict[str | None, Key]


class IssuerKeys:
    """The keys of one issuer."""

    def __init__(self, issuer: Issuer, clock: Callable[[], datetime], fetcher: Fetcher, discovery: Discovery) -> None:
        self._issuer, self._fetcher, self._discovery = issuer, fetcher, discovery
        self._keys = Published(f"the keys of {issuer.name}", self._fetched, clock)

    async def key(self, kid: str | None) -> Key | None:
        """The key of that id; without an id the only key of the issuer; None if there is none.

        Raises NoAnswer if the key is not known and the issuer gives no keys.
        """
        return _found(await self._keys.get(lambda known: _found(known, kid) is not None), kid)

    async def _fetched(self) -> Keys:
        text = await self._text()
        return await asyncio.to_thread(_read, self._issuer, text)  # a hundred keys take a tenth of a second

    async def _text(self) -> bytes:
        if file := self._issuer.jwks_file:
            return await asyncio.to_thread(_file, Path(file))
        return await self._fetcher.get(self._issuer.jwks or (await self._discovery.metadata()).jwks_uri)


def _found(keys: Keys, kid: str | None) -> Key | None:
    if kid is None:
        return next(iter(keys.values())) if len(keys) == 1 else None
    return keys.get(kid)


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise NoAnswer(f"{path} cannot be read: {error.strerror}") from error
    if len(text) > MOST_BYTES:
        raise NoAnswer(f"{path} has more than {MOST_BYTES:,} bytes")
    return text


def _read(issuer: Issuer, text: bytes) -> Keys:
    """The keys of a set that can verify what the issuer signs, by id. A key of an unknown type, or for another use, is left out.

    Raises NoAnswer for a set with a private or a symmetric key, because others know its secret, and with two keys of one id.
    """
    said = json_of(text)
    listed = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed) or len(listed) > SET_KEYS:
        raise NoAnswer(f"the answer is not a JSON Web Key Set of {SET_KEYS} keys at most")
    found: Keys = {}
    for each in listed:
        if each.get("kty") == "oct" or "d" in each:
            raise NoAnswer("the set publishes a private or a symmetric key")
        if (key := _usable(each)) is None:
            continue
        kid = each.get("kid")
        if kid in found:
            raise NoAnswer("the set has two keys of one id, or several without one")
        found[kid] = key
    if not found:
        raise NoAnswer(f"the set has no key that verifies {' or '.join(issuer.algorithms)}")
    return found


def _usable(said: dict[str, Any]) -> Key | None:
    operations = said.get("key_ops", ["verify"])
    if said.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        if said.get("kty") == "RSA" and _bits(said["n"]) < RSA_BITS:
            return None
        key = JWKRegistry.import_key(said)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, UnsupportedAlgorithm):
        return None
    return None if isinstance(key, OctKey) else key


def _bits(number: str) -> int:
    return int.from_bytes(urlsafe_b64decode(number + "=" * (-len(number) % 4))).bit_length()
