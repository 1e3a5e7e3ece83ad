"""Texts that this server alone can read and make, for what others keep for it: encrypted JSON (RFC 7516, A256GCM)."""

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from documents.seals import Keyring, SecretKey

ALGORITHMS = ("dir", "A256GCM")


def wrapped(purpose: str, said: Mapping[str, Any], keyring: Keyring) -> str:
    """What is said, encrypted under the current secret key for one purpose."""
    header = {"alg": "dir", "enc": "A256GCM", "kid": keyring.current.id}
    return jwe.encrypt_compact(header, json.dumps(said).encode(), _key(purpose, keyring.current), ALGORITHMS)


def unwrapped(purpose: str, text: str, keyring: Keyring) -> Mapping[str, Any] | None:
    """What was wrapped for that purpose under a key that is here; None for any other text."""
    for each in filter(None, (keyring.current, keyring.previous)):
        try:
            found = json.loads(jwe.decrypt_compact(text, _key(purpose, each), ALGORITHMS).plaintext or b"")
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(found, dict):
            return found
    return None


def _key(purpose: str, secret: SecretKey) -> OctKey:
    """A key of its own for each purpose (RFC 5869), so that a text for one is none for another."""
    derived = HKDF(SHA256(), length=32, salt=None, info=f"magistrate {purpose}".encode()).derive(secret.secret)
    return OctKey.import_key(derived)
