"""An identity provider for tests: keys, tokens that they sign, and an app that publishes the keys."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from joserfc import jws
from joserfc.jwk import ECKey, Key, KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from documents.issuers import Issuers
from gql.issuers.fetching import Fetcher
from gql.issuers.tokens import TokenVerifier, linked

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ISSUER, AUDIENCE = "https://id.example.org", "magistrate"
CORP: dict[str, Any] = {"name": "corp", "issuer": ISSUER, "audience": AUDIENCE, "kind": "people"}


@dataclass
class Provider:
    """A provider with one key at first; `answers` replaces what a path answers."""

    keys: list[Key] = field(default_factory=lambda: [RSAKey.generate_key(2048, {"kid": "first"})])
    answers: dict[str, Callable[[], Response]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]()
        if path == "/.well-known/openid-configuration":
            return JSONResponse({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"})
        return JSONResponse(self.published) if path == "/keys" else Response(status_code=404)

    @property
    def published(self) -> dict[str, Any]:
        return dict(KeySet(self.keys).as_dict(private=False))

    def goes(self) -> None:
        """Answers nothing from now on, as a provider that is down."""
        for path in ("/keys", "/.well-known/openid-configuration"):
            self.answers[path] = lambda: Response(status_code=503)

    def redirects(self, path: str, to: str) -> None:
        self.answers[path] = lambda: RedirectResponse(to)

    def signs(self, key: Key | None = None, header: Mapping[str, Any] = {}, at: datetime = NOW, **claims: Any) -> str:
        """A token; a claim or header of None is left out."""
        key = key or self.keys[0]
        said = {"alg": "RS256", "kid": key.kid, "typ": "JWT", **header}
        times = {"iat": int(at.timestamp()), "exp": int((at + timedelta(minutes=5)).timestamp())}
        told = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u-1", **times, **claims}
        kept = [{name: value for name, value in each.items() if value is not None} for each in (said, told)]
        registry = jws.JWSRegistry(algorithms=[str(said["alg"])], strict_check_header=False)
        algorithms = [str(said["alg"])]
        return jws.serialize_compact(kept[0], json.dumps(kept[1]), key, algorithms, registry)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def verifier(provider: Provider, clock: Clock, **fields: Any) -> TokenVerifier:
    issuers = Issuers.model_validate({"issuer": [CORP | fields]})
    return linked(issuers, clock, Fetcher(httpx.ASGITransport(provider.app)))


def elliptic(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})
