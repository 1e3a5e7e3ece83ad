"""Verifies the tokens of issuers: JSON Web Tokens (RFC 7519) in compact form, by the best practices of RFC 8725."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, deserialize_compact

from documents.errors import Unauthenticated
from documents.issuers import Issuer, Issuers
from gql.issuers.discovery import Discovery
from gql.issuers.fetching import Fetcher, NoAnswer
from gql.issuers.file import read_issuers
from gql.issuers.keys import IssuerKeys
from gql.issuers.provider import Provider

TOKEN_BYTES = 16 * 1024
EPOCH, FAR = datetime(1970, 1, 1, tzinfo=UTC), 2**37  # the moments of a token, in seconds since then; far is year 6325
SUBJECT_LENGTH = 255  # OpenID Connect Core 1.0 section 2
OTHER_TYPES = frozenset({"logout+jwt", "secevent+jwt", "dpop+jwt"})
"""The types of tokens (RFC 8725 section 3.11) that nobody signs in with."""


class Assertion(NamedTuple):
    """What an issuer asserts: the claims of a token that it signed for this server."""

    issuer: Issuer
    subject: str
    claims: Mapping[str, Any]

    @property
    def ends(self) -> datetime:
        """The moment from which the token is not believed any more; for one that is far off, a nearer one."""
        return EPOCH + timedelta(seconds=min(self.claims["exp"] + self.issuer.leeway_seconds, FAR))


class UnknownKey(Unauthenticated):
    """A token is signed by a key that is not known; a new one may be, because keys are looked for once a minute at most."""


class _Registry(JWSRegistry):
    """Headers that the specification does not know are ignored, as it says (RFC 7515 section 4)."""

    max_header_length = 4 * 1024
    max_payload_length = TOKEN_BYTES


def is_jwt(text: str) -> bool:
    """Whether a text has the form of a signed token; what it says may be anything."""
    return text.count(".") == 2 and text.startswith("ey")


class TokenVerifier:
    """Verifies tokens of the configured issuers; `providers` are those by which browsers sign in, by the issuer's name."""

    def __init__(self, issuers: Issuers, keys: Mapping[str, IssuerKeys], providers: Mapping[str, Provider]) -> None:
        self._issuers, self._keys, self.providers = issuers, keys, providers

    @property
    def services(self) -> frozenset[str]:
        """The services as which programs act by the rules of the issuers."""
        return frozenset(rule.service for each in self._issuers.issuer for rule in each.rule)

    async def verified(self, text: str, now: datetime, client: str | None = None) -> Assertion:
        """The assertion of a token. Raises Unauthenticated, which says what is wrong, for a token that is not to be believed.

        An ID token that a provider gave to this server is for `client`; any other is for an audience that the file names.
        """
        if len(text) > TOKEN_BYTES:
            raise Unauthenticated(f"the token has more than {TOKEN_BYTES:,} characters")
        header, claims = _parsed(text)
        if "crit" in header:
            raise Unauthenticated("the token has critical headers, and none is understood here")
        if str(header.get("typ", "JWT")).lower().removeprefix("application/") in OTHER_TYPES or "cty" in header:
            raise Unauthenticated("the token is of a type that nobody signs in with")
        issuer = self._named_in(claims)
        if issuer is None:
            raise Unauthenticated("the token is of an issuer that is not configured")
        if header.get("alg") not in issuer.algorithms:
            raise Unauthenticated(f"the token is signed otherwise than {issuer.name} signs")
        await self._check_signature(text, header, issuer)
        _check_claims(claims, issuer, now, [client] if client else issuer.audience)
        return Assertion(issuer, claims["sub"], claims)

    def issuer_of(self, text: str) -> str:
        """The name of the configured issuer that a token names, rightly or not; empty for any other."""
        try:
            issuer = self._named_in(_parsed(text)[1]) if len(text) <= TOKEN_BYTES else None
        except Unauthenticated:
            return ""
        return issuer.name if issuer else ""

    def _named_in(self, claims: Mapping[str, Any]) -> Issuer | None:
        return self._issuers.named(said) if isinstance(said := claims.get("iss"), str) else None

    async def _check_signature(self, text: str, header: Mapping[str, Any], issuer: Issuer) -> None:
        kid = header.get("kid")
        if kid is not None and not isinstance(kid, str):
            raise Unauthenticated("the token names its key by something else than a text")
        try:
            key = await self._keys[issuer.name].key(kid)
        except NoAnswer as error:
            raise Unauthenticated(f"the token cannot be verified: {issuer.name} gives no keys") from error
        if key is None:
            raise UnknownKey(f"the token is signed by a key that {issuer.name} does not publish")
        try:
            registry = _Registry(algorithms=issuer.algorithms, strict_check_header=False)
            deserialize_compact(text, key, algorithms=issuer.algorithms, registry=registry)
        except (JoseError, ValueError, TypeError, AttributeError) as error:  # a key of another type than the algorithm
            raise Unauthenticated("the signature of the token is not right") from error


def verifier_of(path: Path | None, clock: Callable[[], datetime]) -> TokenVerifier | None:
    """The verifier for the issuers of a file; None without one. Raises IdentityRefused for a wrong file."""
    if path is None:
        return None
    return linked(read_issuers(path), clock, Fetcher())


def linked(issuers: Issuers, clock: Callable[[], datetime], fetcher: Fetcher) -> TokenVerifier:
    """The verifier for issuers, which asks them by `fetcher`."""
    keys, providers = {}, {}
    for each in issuers.issuer:
        discovery = Discovery(each, fetcher, clock)
        keys[each.name] = IssuerKeys(each, clock, fetcher, discovery)
        if each.client_id:
            providers[each.name] = Provider(each, fetcher, discovery)
    return TokenVerifier(issuers, keys, providers)


def _parsed(text: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The header and the claims of a token, not verified. A name that stands twice is refused (RFC 8725 section 2.6)."""
    try:
        header, claims, _ = text.split(".")
        found = [json.loads(_decoded(each), object_pairs_hook=_once) for each in (header, claims)]
        json.dumps(found, ensure_ascii=False).encode()  # an unpaired surrogate (RFC 7493 section 2.1) has no form in UTF-8
    except (ValueError, RecursionError) as error:
        raise Unauthenticated("what was sent is no signed JSON Web Token in compact form") from error
    if not all(isinstance(each, dict) for each in found):
        raise Unauthenticated("what was sent is no signed JSON Web Token in compact form")
    return found[0], found[1]


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _check_claims(claims: Mapping[str, Any], issuer: Issuer, now: datetime, audiences: Sequence[str]) -> None:
    """RFC 7519 section 4.1: for us, until when, from when, and about whom."""
    told = claims.get("aud")
    if not any(each in audiences for each in (told if isinstance(told, list) else [told])):
        raise Unauthenticated("the token is for another audience")
    at, leeway = now.timestamp(), issuer.leeway_seconds
    expires, begins, issued = (_moment(claims, name) for name in ("exp", "nbf", "iat"))
    if expires is None:
        raise Unauthenticated("the token does not say when it expires")
    if at >= expires + leeway:
        raise Unauthenticated("the token has expired")
    if max(begins or 0, issued or 0) > at + leeway:
        raise Unauthenticated("the token is not valid yet")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH:
        raise Unauthenticated("the token does not say whom it is about")


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519 section 2), in seconds; None if the claim is not there."""
    said = claims.get(name)
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said < 2**40:
        raise Unauthenticated(f"the claim `{name}` of the token is no moment")
    return float(said)
