"""Sign-in with a browser: the authorization code flow with PKCE (OpenID Connect Core 1.0 section 3.1, RFC 9700)."""

import hmac
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from documents import arrivals
from documents.access import Actor, ActorType
from documents.errors import LimitExceeded, TrailNotSound, Unauthenticated
from documents.people import Stakeholder
from documents.seals import Keyring
from documents.store.session import bound_database
from documents.store.transaction import is_outage
from documents.tokens import ApiToken
from gql.browsers.flows import PATIENCE, Flow, local
from gql.browsers.pages import page, parts
from gql.credentials import FORGERY, HEADER, SESSION, Front, forgery_token
from gql.identity import Doorkeeper
from gql.issuers.fetching import NoAnswer
from gql.issuers.provider import Provider, Tokens, error_code
from gql.issuers.renewals import renewal_of
from gql.sessions import end_session, keep
from gql.settings import Settings

SIGN_IN, CALLBACK, SIGN_OUT = "/sign-in", "/sign-in/callback", "/sign-out"
FLOW, STATE_NAMED = "magistrate-sign-in", 12
_NAMES = re.compile(rf"(__Host-)?{FLOW}-[A-Za-z0-9_-]{{{STATE_NAMED}}}")
"""The names of the cookies of sign-ins that were begun. Anybody may send others, of which some cannot be written in an answer."""
BEGUN = 4
"""How many sign-ins a browser can have begun at once."""
Endpoint = Callable[[Request], Awaitable[Response]]
log = logging.getLogger(__name__)


class Browsers:
    """The endpoints at which browsers begin and end sessions."""

    def __init__(self, settings: Settings, front: Front, doorkeeper: Doorkeeper, clock: Callable[[], datetime]) -> None:
        self._settings, self._front, self._doorkeeper, self._clock = settings, front, doorkeeper, clock
        self._home = "/graphql" if settings.ide else SIGN_OUT

    def routes(self) -> list[Route]:
        return [
            Route(SIGN_IN, self._guarded(self._begin)),
            Route(CALLBACK, self._once(self._guarded(self._end))),
            Route(SIGN_OUT, self._signed_out, methods=["GET"]),
            Route(SIGN_OUT, self._guarded(self._sign_out), methods=["POST"]),
            *parts(),
        ]

    @property
    def _providers(self) -> Mapping[str, Provider]:
        return self._doorkeeper.issued.providers if self._doorkeeper.issued else {}

    def _guarded(self, answer: Endpoint) -> Endpoint:
        """The endpoint, which says what is wrong in a page."""

        async def guarded(request: Request) -> Response:
            try:
                return await answer(request)
            except Unauthenticated as refusal:
                return _refused(f"{refusal}.", 401)
            except LimitExceeded as refusal:
                return _refused(f"{refusal}.", 429)
            except NoAnswer as error:
                log.warning("nobody can sign in: %s", error)
                return _refused("The identity provider does not answer as it should. Try again in a minute.", 503)
            except TrailNotSound as refusal:
                return _refused(f"{refusal}.", 503)
            except Exception as error:
                if is_outage(error):
                    return _refused("The database is out of reach. Try again in a minute.", 503)
                raise

        return guarded

    def _once(self, answer: Endpoint) -> Endpoint:
        """The endpoint, after which the sign-in that was begun is over, whatever became of it."""

        async def once(request: Request) -> Response:
            answered = await answer(request)
            name = _flow_of(request.query_params.get("state", ""))
            if (named := self._front.named(name, request)) in request.cookies and _NAMES.fullmatch(named):
                self._delete(answered, request, name)
            return answered

        return once

    async def _begin(self, request: Request) -> Response:
        """Sends the browser to the issuer, after asking which one if there are several; JSON says which there are."""
        if "application/json" in request.headers.get("accept", ""):
            said = {"issuers": [*self._providers], "tokenEntry": self._settings.token_entry}
            return JSONResponse(said, headers={"cache-control": "no-store"})
        to = local(request.query_params.get("to"), self._home)
        named = request.query_params.get("issuer") or (next(iter(self._providers)) if len(self._providers) == 1 else None)
        if named is None:
            links = {f"Sign in with {each}": f"{SIGN_IN}?{urlencode({'issuer': each, 'to': to})}" for each in self._providers}
            says = "Choose by whom you sign in." if links else "No identity provider is configured for browsers here."
            return page("Sign in", says, links)
        if named not in self._providers:
            return _refused("There is no identity provider of that name.", 404)
        if not self._front.may_keep_cookies(request):
            return _refused("Browsers sign in over https alone.", 400)
        flow, provider = Flow.begun(named, to, self._clock()), self._providers[named]
        place = await provider.authorization_url(self._callback(request), flow.state, flow.nonce, flow.challenge)
        answer = RedirectResponse(place, 303, headers={"cache-control": "no-store", "referrer-policy": "no-referrer"})
        begun = [each for each in request.cookies if each.startswith(self._front.named(FLOW, request)) and _NAMES.fullmatch(each)]
        for each in begun[: -BEGUN + 1]:  # the oldest first: too many would fill the header of every request
            answer.delete_cookie(each, path="/", secure=self._front.is_secure(request))
        # Lax, because the issuer's page leads here; the session's own cookie is Strict.
        self._set(answer, request, _flow_of(flow.state), flow.kept(_keyring()), int(PATIENCE.total_seconds()), same_site="lax")
        return answer

    async def _end(self, request: Request) -> Response:
        """Takes the code from the issuer's answer, and begins a session."""
        address, now = _address(request), self._clock()
        name = self._front.named(_flow_of(request.query_params.get("state", "")), request)
        flow = Flow.read(request.cookies.get(name), _keyring(), now)
        async with self._doorkeeper.counting(address, now, issuer=flow.issuer if flow else ""):
            if flow is None or flow.issuer not in self._providers:
                raise Unauthenticated("this sign-in was not begun in this browser within ten minutes: begin again")
            provider = self._providers[flow.issuer]
            code = await _code(provider, flow, request.query_params)
            self._doorkeeper.refuse_beyond(address)  # guesses are not passed on
            tokens = await provider.redeemed(code, flow.verifier, self._callback(request))
            person = await self._person(provider, flow, tokens, address, now)
        text, lasts = await self._begun(person, flow.issuer, tokens.refresh_token, address, now)
        answer = RedirectResponse(flow.to, 303, headers={"cache-control": "no-store"})
        self._set(answer, request, SESSION, text, lasts)
        self._set(answer, request, FORGERY, forgery_token(text), lasts, http_only=False)
        return answer

    async def _person(self, provider: Provider, flow: Flow, tokens: Tokens, address: str, now: datetime) -> Stakeholder:
        """Whom the ID token is about (OpenID Connect Core 1.0 section 3.1.3.7)."""
        if tokens.id_token is None or self._doorkeeper.issued is None:
            raise Unauthenticated(f"{flow.issuer} gave no ID token")
        assertion = await self._doorkeeper.issued.verified(tokens.id_token, now, provider.client_id)
        claims = assertion.claims
        if assertion.issuer.name != flow.issuer:
            raise Unauthenticated(f"the ID token is of another issuer than {flow.issuer}")
        if not _same(claims.get("nonce"), flow.nonce):
            raise Unauthenticated("the ID token is the answer to another sign-in")
        if claims.get("azp", provider.client_id) != provider.client_id:
            raise Unauthenticated("the ID token was given to another client")
        identity = await self._doorkeeper.asserted(assertion, address, now)
        if identity.person is None:
            raise Unauthenticated(f"{flow.issuer} is no issuer of people")
        return identity.person

    async def _begun(
        self, person: Stakeholder, issuer: str, refresh_token: str | None, address: str, now: datetime
    ) -> tuple[str, int]:
        """The cookie of a new session, and for how many seconds it lasts."""
        token, text = ApiToken.session(person, issuer, renews=refresh_token is not None, at=now)
        if refresh_token:
            token.renewal = renewal_of(token, refresh_token, now, _keyring())
        by = Actor(person.user_id, ActorType.USER, token_issuer=issuer)
        await keep(token, arrivals.SIGN_IN, by, address, now)
        ends = token.expires_at or now
        return text, round((ends - now).total_seconds())

    async def _sign_out(self, request: Request) -> Response:
        """Ends the session, and says where the browser goes to end the one at the issuer too."""
        credential = self._front.credential(request, request.headers.get(HEADER))
        to = SIGN_OUT
        if credential.session is not None:
            now, address = self._clock(), _address(request)
            async with self._doorkeeper.counting(address, now):
                if credential.problem:
                    raise Unauthenticated(credential.problem)
            token = await self._doorkeeper.session(credential.session, now)
            if token:
                await end_session(token, address, now)
                to = await self._end_at_issuer(token.issued_by, request) or SIGN_OUT
        answer = JSONResponse({"location": to}, headers={"cache-control": "no-store"})
        for each in (SESSION, FORGERY):
            self._delete(answer, request, each)
        return answer

    async def _end_at_issuer(self, issuer: str, request: Request) -> str | None:
        provider = self._providers.get(issuer)
        try:
            return await provider.end_url(f"{self._front.origin(request)}{SIGN_OUT}") if provider else None
        except NoAnswer as error:
            log.warning("a browser is not signed out at its issuer: %s", error)
            return None

    async def _signed_out(self, request: Request) -> Response:
        links = {"Sign in": SIGN_IN} if self._providers else {}
        return page("Signed out", "This browser has no session here.", links, script="sign-out.js")

    def _callback(self, request: Request) -> str:
        return f"{self._front.origin(request)}{CALLBACK}"

    def _set(
        self, answer: Response, request: Request, name: str, value: str, seconds: int, *, http_only: bool = True,
        same_site: Literal["lax", "strict"] = "strict",
    ) -> None:  # fmt: skip
        secure, named = self._front.is_secure(request), self._front.named(name, request)
        answer.set_cookie(named, value, max_age=seconds, path="/", secure=secure, httponly=http_only, samesite=same_site)

    def _delete(self, answer: Response, request: Request, name: str) -> None:
        answer.delete_cookie(self._front.named(name, request), path="/", secure=self._front.is_secure(request))


async def _code(provider: Provider, flow: Flow, answer: Mapping[str, str]) -> str:
    """The code in the answer of an issuer; Unauthenticated for an answer to somebody else, of somebody else, or without one."""
    if not _same(answer.get("state"), flow.state):
        raise Unauthenticated("the answer is not the one to the sign-in of this browser: begin again")
    named = answer.get("iss")  # RFC 9207 section 2.4
    if named != provider.issuer.issuer and (named is not None or await provider.must_name_itself()):
        raise Unauthenticated(f"the answer is not of {flow.issuer}")
    if "error" in answer:
        raise Unauthenticated(f"{flow.issuer} did not sign you in: {error_code(answer)}")
    if not answer.get("code"):
        raise Unauthenticated(f"the answer of {flow.issuer} has no code")
    return answer["code"]


def _flow_of(state: str) -> str:
    """The name of the cookie of a sign-in that was begun: each has its own, so that two tabs can sign in at once."""
    return f"{FLOW}-{state[:STATE_NAMED]}"


def _same(said: object, kept: str) -> bool:
    return isinstance(said, str) and hmac.compare_digest(said.encode(), kept.encode())


def _refused(says: str, status: int) -> Response:
    return page("You are not signed in", says[:1].upper() + says[1:], {"Try again": SIGN_IN}, status)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _keyring() -> Keyring:
    keyring = bound_database().keyring
    if keyring is None:
        raise Unauthenticated("there is no secret key here")
    return keyring
