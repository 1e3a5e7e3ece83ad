"""The public keys of an issuer: fetched, kept, and fetched again for a key that is not known.

The keys are a JSON Web Key Set (RFC 7517 section 5), in a file, at a URL, or where OpenID Connect Discovery 1.0 section 4 says.
"""

import asyncio
import json
import logging
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey

from documents.issuers import Issuer, secure

SET_BYTES, SET_KEYS = 1024 * 1024, 100
SECONDS = 5.0
"""The time that an issuer has to answer."""
AGAIN, STALE = timedelta(minutes=1), timedelta(hours=1)
"""An unknown key is looked for once a minute at most; keys are fetched again after an hour, so that a withdrawn one ends."""
RSA_BITS = 2048
log = logging.getLogger(__name__)


class NoKeys(Exception):
    """The keys of an issuer cannot be had, for a reason that its text says."""


class IssuerKeys:
    """The keys of one issuer. While the issuer is out of reach, the keys that are known stay."""

    def __init__(self, issuer: Issuer, clock: Callable[[], datetime], transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._issuer, self._clock, self._transport = issuer, clock, transport
        self._keys: dict[str | None, Key] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def key(self, kid: str | None) -> Key | None:
        """The key of that id; without an id the only key of the issuer; None if there is none.

        Raises NoKeys if the key is not known and the issuer gives no keys.
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
                    raise NoKeys("they could not be fetched, and are asked for again within a minute")
                return
            self._tried_at = now
            try:
                self._keys = _read(self._issuer, await self._text())
                self._fetched_at = now
            except NoKeys as error:
                log.warning("the keys of %s: %s", self._issuer.name, error)
                if self._found(kid) is None:
                    raise

    async def _text(self) -> bytes:
        place = self._issuer.jwks
        if place and place.startswith("file:///"):
            return await asyncio.to_thread(_file, Path(unquote(urlsplit(place).path)))
        # The proxy of the environment is for the world outside; an issuer that an operator configures may be inside.
        async with httpx.AsyncClient(
            timeout=SECONDS, follow_redirects=False, trust_env=False, transport=self._transport
        ) as client:
            return await _body(client, place or await self._discovered(client))

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        issuer = self._issuer.issuer
        said = _json(await _body(client, f"{issuer.removesuffix('/')}/.well-known/openid-configuration"))
        place = said.get("jwks_uri") if isinstance(said, dict) else None
        if not isinstance(said, dict) or said.get("issuer") != issuer or not isinstance(place, str):
            raise NoKeys("the discovery document names another issuer, or no `jwks_uri`")
        try:
            return secure(place)
        except ValueError as error:
            raise NoKeys(f"the `jwks_uri` of the discovery document {error}") from None


async def _body(client: httpx.AsyncClient, url: str) -> bytes:
    text = b""
    try:
        async with asyncio.timeout(SECONDS), client.stream("GET", url, headers={"accept": "application/json"}) as answer:
            if answer.status_code != httpx.codes.OK:
                raise NoKeys(f"{url} answers {answer.status_code}; redirects are not followed")
            async for chunk in answer.aiter_bytes():
                text += chunk
                if len(text) > SET_BYTES:
                    raise NoKeys(f"{url} answers more than {SET_BYTES:,} bytes")
    except TimeoutError:
        raise NoKeys(f"{url} did not answer within {SECONDS:.0f} seconds") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoKeys(f"{url} is out of reach: {type(error).__name__}") from error
    return text


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(SET_BYTES + 1)
    except OSError as error:
        raise NoKeys(f"{path} cannot be read: {error.strerror}") from error
    if len(text) > SET_BYTES:
        raise NoKeys(f"{path} has more than {SET_BYTES:,} bytes")
    return text


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NoKeys("the answer is not JSON") from None


def _read(issuer: Issuer, text: bytes) -> dict[str | None, Key]:
    """The keys of a set that can verify what the issuer signs, by id. A key of an unknown type, or for another use, is left out.

    Raises NoKeys for a set with a private or a symmetric key, because others know its secret, and with two keys of one id.
    """
    said = _json(text)
    listed = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed) or len(listed) > SET_KEYS:
        raise NoKeys(f"the answer is not a JSON Web Key Set of {SET_KEYS} keys at most")
    found: dict[str | None, Key] = {}
    for each in listed:
        if each.get("kty") == "oct" or "d" in each:
            raise NoKeys("the set publishes a private or a symmetric key")
        if (key := _usable(each)) is None:
            continue
        kid = each.get("kid")
        if kid in found:
            raise NoKeys("the set has two keys of one id, or several without one")
        found[kid if isinstance(kid, str) else None] = key
    if not found:
        raise NoKeys(f"the set has no key that verifies {' or '.join(issuer.algorithms)}")
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
