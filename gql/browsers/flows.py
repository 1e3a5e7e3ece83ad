"""A sign-in that was begun: what its callback must match. The browser keeps it in a cookie, encrypted, for ten minutes."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Self

from documents.seals import Keyring
from gql.wrapping import unwrapped, wrapped

PURPOSE, PATIENCE = "sign-in", timedelta(minutes=10)
PLACE_LENGTH = 1_000


@dataclass(frozen=True, slots=True)
class Flow:
    """What was sent to the issuer: `state` against forged answers, `nonce` for the token, `verifier` for the code (RFC 7636)."""

    issuer: str
    to: str
    state: str
    nonce: str
    verifier: str
    until: float

    @classmethod
    def begun(cls, issuer: str, to: str, now: datetime) -> Self:
        state, nonce, verifier = (token_urlsafe(32) for _ in range(3))
        return cls(issuer, to, state, nonce, verifier, (now + PATIENCE).timestamp())

    @property
    def challenge(self) -> str:
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def kept(self, keyring: Keyring) -> str:
        """The cookie."""
        return wrapped(PURPOSE, asdict(self), keyring)

    @classmethod
    def read(cls, cookie: str | None, keyring: Keyring, now: datetime) -> Self | None:
        """The flow of a cookie; None without one, and for one that is not this server's or took too long."""
        said: Mapping[str, object] | None = unwrapped(PURPOSE, cookie, keyring) if cookie else None
        found = cls(**said) if said else None  # type: ignore[arg-type]  # whatever can be unwrapped was wrapped here
        return found if found and now.timestamp() < found.until else None


def local(place: str | None, otherwise: str) -> str:
    """A place on this server that a browser may be sent to: a path, and never another server's page."""
    if not place or len(place) > PLACE_LENGTH or not place.isascii() or not place.isprintable() or "\\" in place:
        return otherwise
    return place if place.startswith("/") and not place.startswith("//") else otherwise
