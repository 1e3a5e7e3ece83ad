"""The endpoints of an issuer that browsers sign in by: OpenID Connect Core 1.0 section 3.1, with PKCE (RFC 7636)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import httpx

from documents.errors import Unauthenticated
from documents.issuers import Issuer, secure
from gql.issuers.discovery import Discovery
from gql.issuers.fetching import Fetcher, NoAnswer

NO_LONGER = frozenset({"invalid_grant", "access_denied", "interaction_required", "login_required", "consent_required"})
"""The errors (RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect Core 1.0 section 3.1.2.6) that are about the person."""


class Tokens(NamedTuple):
    """What a token endpoint gives."""

    id_token: str | None
    refresh_token: str | None


class _Refused(Unauthenticated):
    """What a token endpoint answers in the place of tokens."""

    def __init__(self, issuer: str, error: str) -> None:
        super().__init__(f"{issuer} refuses it: {error}")
        self.error = error


class Provider:
    """An issuer as a client of OAuth 2.0 sees it."""

    def __init__(self, issuer: Issuer, fetcher: Fetcher, discovery: Discovery) -> None:
        self.issuer, self._fetcher, self._discovery = issuer, fetcher, discovery

    @property
    def client_id(self) -> str:
        return self.issuer.client_id or ""

    async def authorization_url(self, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Where a browser goes to sign in."""
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": redirect_uri, "scope": self.issuer.scope,
            "state": state, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        if self.issuer.prompt:
            asked["prompt"] = self.issuer.prompt
        known = await self._discovery.metadata()
        return _with_query(_endpoint(known.authorization_endpoint, "authorization_endpoint"), asked)

    async def end_url(self, back: str) -> str | None:
        """Where a browser goes to sign out at the issuer too (RP-Initiated Logout 1.0); None for an issuer without that."""
        known = await self._discovery.metadata()
        if not known.end_session_endpoint:
            return None
        place = _endpoint(known.end_session_endpoint, "end_session_endpoint")
        return _with_query(place, {"client_id": self.client_id, "post_logout_redirect_uri": back})

    async def must_name_itself(self) -> bool:
        """Whether the issuer says that its answers name it (RFC 9207 section 3)."""
        return (await self._discovery.metadata()).authorization_response_iss_parameter_supported

    async def redeemed(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """The tokens for a code; Unauthenticated if the issuer refuses it, and NoAnswer if it cannot be asked."""
        said = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        return await self._tokens(said)

    async def renewed(self, refresh_token: str) -> Tokens:
        """The tokens for a refresh token; Unauthenticated if the issuer no longer stands by the person.

        Raises NoAnswer if it cannot be asked, and for any other fault of its own or of the client here, which ends no session.
        """
        try:
            found = await self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})
        except _Refused as refusal:
            if refusal.error in NO_LONGER:
                raise
            raise NoAnswer(str(refusal)) from refusal
        return found if found.refresh_token else Tokens(found.id_token, refresh_token)

    async def _tokens(self, form: Mapping[str, str]) -> Tokens:
        known = await self._discovery.metadata()
        place, auth, said = _endpoint(known.token_endpoint, "token_endpoint"), None, dict(form)
        secret = self._secret()
        if secret is None:
            said["client_id"] = self.client_id
        elif "client_secret_basic" in known.token_endpoint_auth_methods_supported:
            auth = httpx.BasicAuth(quote(self.client_id, safe=""), quote(secret, safe=""))  # RFC 6749 section 2.3.1
        else:
            said |= {"client_id": self.client_id, "client_secret": secret}
        status, answer = await self._fetcher.post(place, said, auth)
        found = answer if isinstance(answer, dict) else {}
        if status != httpx.codes.OK:
            raise _Refused(self.issuer.name, error_code(found))
        id_token, refresh_token = found.get("id_token"), found.get("refresh_token")
        return Tokens(id_token if isinstance(id_token, str) else None, refresh_token if isinstance(refresh_token, str) else None)

    def _secret(self) -> str | None:
        """The client's secret, read anew each time so that it can be changed; NoAnswer if the file cannot be read."""
        path = self.issuer.client_secret_file
        if path is None:
            return None
        try:
            return Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NoAnswer(f"the client_secret_file of {self.issuer.name} cannot be read") from error


def _endpoint(said: str | None, name: str) -> str:
    """An endpoint, which may have a query of its own (RFC 6749 section 3.1)."""
    if not said:
        raise NoAnswer(f"the discovery document names no `{name}`")
    try:
        secure(said.partition("?")[0])
    except ValueError as error:
        raise NoAnswer(f"the `{name}` of the discovery document {error}") from None
    return said


def _with_query(place: str, asked: Mapping[str, str]) -> str:
    return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"


def error_code(answer: Mapping[str, Any]) -> str:
    """The error code of an answer (RFC 6749 section 5.2)."""
    said = answer.get("error")
    return said if isinstance(said, str) and said.isascii() and said.isprintable() and len(said) <= 100 else "no error is named"
