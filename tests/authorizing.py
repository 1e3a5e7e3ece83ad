"""A provider whose people sign in with browsers: it gives codes, and tokens for codes and for refresh tokens (RFC 6749)."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.providers import ISSUER, NOW, Provider

CLIENT = "magistrate"


@dataclass
class Authorizing(Provider):
    """Whoever signs in has the `claims`. What `gives` says is added to the answers of the token endpoint; None leaves it out."""

    now: datetime = NOW
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    gives: dict[str, Any] = field(default_factory=dict)
    refreshes: bool = True
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    refreshable: dict[str, str] = field(default_factory=dict)
    numbers: Any = field(default_factory=count)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if path not in self.answers and path == "/.well-known/openid-configuration":
            self.asked.append(path)
            places = {name: f"{ISSUER}/{name}" for name in ("authorization_endpoint", "token_endpoint", "end_session_endpoint")}
            return JSONResponse({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"} | places | self.metadata)
        if path not in self.answers and path == "/token_endpoint":
            self.asked.append(path)
            return self._tokens(dict(parse_qsl((await request.body()).decode())))
        return await super()._answer(request)

    def authorizes(self, place: str) -> dict[str, str]:
        """What the browser brings back from there once the person has signed in."""
        asked = dict(parse_qsl(urlsplit(place).query))
        assert place.startswith(f"{ISSUER}/authorization_endpoint?") and asked["code_challenge_method"] == "S256"
        code = f"code{next(self.numbers)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": ISSUER}

    def _tokens(self, form: Mapping[str, str]) -> Response:
        if form["client_id"] != CLIENT:
            return JSONResponse({"error": "invalid_client"}, 401)
        if form["grant_type"] == "refresh_token":
            nonce = self.refreshable.pop(form["refresh_token"], None)
        else:
            asked = self.codes.pop(form["code"], None)
            digest = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
            right = asked and (asked["code_challenge"], asked["redirect_uri"]) == (digest, form["redirect_uri"])
            nonce = asked["nonce"] if asked and right else None
        if nonce is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        said: dict[str, Any] = {"id_token": self.signs(None, {}, self.now, **{"nonce": nonce} | self.claims)}
        if self.refreshes:
            said["refresh_token"] = f"refresh{next(self.numbers)}"
            self.refreshable[said["refresh_token"]] = nonce
        return JSONResponse({name: each for name, each in (said | self.gives).items() if each is not None})
