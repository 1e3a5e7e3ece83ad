"""The public keys of an issuer: fetched, kept, and fetched again for a key that is not known.

The keys are a JSON Web Key Set (RFC 7517 section 5), in a file, at a URL, or where OpenID Connect Discovery 1.0 section 4 says.
"""

import asyncio
import logging
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey

from documents.issuers import Issuer
from gql.issuers.discovery import Discovery
from gql.issuers.fetching import MOST_BYTES, Fetcher, NoAnswer, json_of

SET_KEYS = 100
AGAIN, STALE = timedelta(minutes=1), timedelta(hours=1)
"""An unknown key is looked for once a minute at most; keys are fetched again after an hour, so that a withdrawn one ends."""
RSA_BITS = 2048
log = logging.getLogger(__name__)


class IssuerKeys:
    """The keys of one issuer. While the issuer is out of reach, the keys that are known stay."""

    def __init__(self, issuer: Issuer, clock: Callable[[], datetime], fetcher: Fetcher, discovery: Discovery) -> None:
        self._issuer, self._clock, self._fetcher, self._discovery = issuer, clock, fetcher, discovery
        self._keys: dict[str | None, Key] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def key(self, kid: str | None) -> Key | None:
        """The key of that id; without an id the only key of the issuer; None if there is none.

        Raises NoAnswer if the key is not known and the issuer gives no keys.
        """
        if self._is_stale() or self._found(kid) is None:
            await self._refresh(kid)
        return self._found(kid)

    def _found(self, kid: str | None) -> Key | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def _is_stale(self) -> bool:
        return self._fetched_at is None or self._clock() - self._fetched_at >= STALE

    async def _refresh(self, kid: str | None) -> None:
        async with self._lock:  # whoever waited here may find what it wants
            now = self._clock()
            if self._found(kid) is not None and not self._is_stale():
                return
            if self._tried_at is not None and now - self._tried_at < AGAIN:
                if self._fetched_at is None:
                    raise NoAnswer("they could not be fetched, and are asked for again within a minute")
                return
            self._tried_at = now
            try:
                self._keys = _read(self._issuer, await self._text())
                self._fetched_at = now
            except NoAnswer as error:
                log.warning("the keys of %s: %s", self._issuer.name, error)
                if self._found(kid) is None:
                    raise

    async def _text(self) -> bytes:
        place = self._issuer.jwks
        if place and place.startswith("file:///"):
            return await asyncio.to_thread(_file, Path(unquote(urlsplit(place).path)))
        return await self._fetcher.get(place or (await self._discovery.metadata()).jwks_uri)


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise NoAnswer(f"{path} cannot be read: {error.strerror}") from error
    if len(text) > MOST_BYTES:
        raise NoAnswer(f"{path} has more than {MOST_BYTES:,} bytes")
    return text


def _read(issuer: Issuer, text: bytes) -> dict[str | None, Key]:
    """The keys of a set that can verify what the issuer signs, by id. A key of an unknown type, or for another use, is left out.

    Raises NoAnswer for a set with a private or a symmetric key, because others know its secret, and with two keys of one id.
    """
    said = json_of(text)
    listed = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed) or len(listed) > SET_KEYS:
        raise NoAnswer(f"the answer is not a JSON Web Key Set of {SET_KEYS} keys at most")
    found: dict[str | None, Key] = {}
    for each in listed:
        if each.get("kty") == "oct" or "d" in each:
            raise NoAnswer("the set publishes a private or a symmetric key")
        if (key := _usable(each)) is None:
            continue
        kid = each.get("kid")
        if kid in found:
            raise NoAnswer("the set has two keys of one id, or several without one")
        found[kid if isinstance(kid, str) else None] = key
    if not found:
        raise NoAnswer(f"the set has no key that verifies {' or '.join(issuer.algorithms)}")
    return found


def _usable(said: dict[str, Any]) -> Key | None:
    if said.get("use", "sig") != "sig" or "verify" not in said.get("key_ops", ["verify"]):
        return None
    try:
        with warnings.catch_warnings(action="ignore", category=SecurityWarning):  # of a short key, which is left out below
            key = JWKRegistry.import_key(said)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    match key:
        case RSAKey():
            return key if key.public_key.key_size >= RSA_BITS else None
        case ECKey() | OKPKey():
            return key
        case OctKey():
            return None
