"""Tokens and sets of keys that are not to be believed, each by what is wrong with it."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from joserfc import jwe
from joserfc.jwk import RSAKey

from tests.providers import ISSUER, Provider


def decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "==")


def encoded(said: object) -> str:
    return urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def weak() -> dict[str, Any]:
    numbers = generate_private_key(65537, 1024).public_key().public_numbers()  # noqa: S505  such a key is what is refused
    said = {"n": numbers.n, "e": numbers.e}
    parts = {name: urlsafe_b64encode(each.to_bytes(128)).decode().rstrip("=") for name, each in said.items()}
    return {"kty": "RSA", "kid": "first", **parts}


BAD_SETS: dict[str, Any] = {
    "private": lambda provider: {"keys": [provider.keys[0].as_dict(private=True)]},
    "symmetric": lambda provider: {"keys": [*provider.published["keys"], {"kty": "oct", "k": "AAAA", "kid": "x"}]},
    "of one id": lambda provider: {"keys": [provider.published["keys"][0]] * 2},
    "no list": lambda provider: {"keys": {}},
    "no object": lambda provider: [],
    "no keys": lambda provider: {"keys": []},
    "too many": lambda provider: {"keys": [provider.published["keys"][0] | {"kid": str(each)} for each in range(101)]},
    "for encryption": lambda provider: {"keys": [provider.published["keys"][0] | {"use": "enc"}]},
    "too short": lambda provider: {"keys": [weak()]},
    "10 MB": lambda provider: provider.published | {"more": "x" * 10_000_000},
}  # fmt: skip


def headed(text: str, **header: Any) -> str:
    """A token with another header, and so with another signature than the right one."""
    head, *rest = text.split(".")
    return ".".join([encoded(json.loads(decoded(head)) | header), *rest])


def symmetric(provider: Provider, text: str) -> str:
    """The claims of a token under HS256, with the published key as the secret (RFC 8725 section 2.1)."""
    signed = f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{text.split('.')[1]}"
    public = provider.keys[0].as_pem(private=False)  # type: ignore[union-attr]
    return f"{signed}.{urlsafe_b64encode(hmac.digest(public, signed.encode(), 'sha256')).decode().rstrip('=')}"


def unsigned(text: str) -> str:
    return f"{encoded({'alg': 'none'})}.{text.split('.')[1]}."


def nested(provider: Provider, text: str) -> str:
    """A token inside a token (RFC 7519 section 5.2)."""
    return jwe.encrypt_compact({"alg": "RSA-OAEP", "enc": "A128CBC-HS256", "cty": "JWT"}, text, provider.keys[0])


def at(now: datetime, **delta: float) -> int:
    return int((now + timedelta(**delta)).timestamp())


Forge = Callable[[Provider, Callable[..., str], datetime], str]
FORGED: dict[str, tuple[Forge, str]] = {
    "of another issuer": (lambda _, signs, now: signs(iss="https://other.example.org"), "not configured"),
    "of an issuer by another name": (lambda _, signs, now: signs(iss=f"{ISSUER}/"), "not configured"),
    "for another audience": (lambda _, signs, now: signs(aud="elsewhere"), "another audience"),
    "by another key": (lambda _, signs, now: signs(RSAKey.generate_key(2048, {"kid": "first"})), "signature"),
    "by no key": (lambda _, signs, now: unsigned(signs()), "otherwise"),
    "by the public key": (lambda provider, signs, now: symmetric(provider, signs()), "otherwise"),
    "expired": (lambda _, signs, now: signs(exp=at(now, seconds=-30)), "expired"),
    "not yet valid": (lambda _, signs, now: signs(nbf=at(now, seconds=31)), "not valid yet"),
    "for ever": (lambda _, signs, now: signs(exp=None), "when it expires"),
    "about nobody": (lambda _, signs, now: signs(sub=None), "whom"),
    "by an unknown key": (lambda _, signs, now: signs(None, {"kid": "unknown"}), "does not publish"),
    "by a key with no text for an id": (lambda _, signs, now: headed(signs(), kid=7), "something else than a text"),
    "with critical headers": (lambda _, signs, now: signs(None, {"crit": ["kid"]}), "critical"),
    "that holds another": (lambda _, signs, now: signs(None, {"cty": "JWT"}), "type"),
    "that hides another": (lambda provider, signs, now: nested(provider, signs()), "a token is written"),
}
