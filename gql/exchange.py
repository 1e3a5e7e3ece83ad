"""The exchange of a program's own token for one of ours, at `/token` (RFC 8693), with the errors of OAuth 2.0 (RFC 6749)."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from documents.access import Actor
from documents.errors import LimitExceeded, TrailNotSound, Unauthenticated
from documents.store.transaction import is_outage
from documents.tokens import EXCHANGED_LIFETIME, ApiToken
from gql.credentials import Credential
from gql.http import PATIENCE
from gql.identity import Doorkeeper
from gql.sessions import keep

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
SUBJECT_TYPES = tuple(f"urn:ietf:params:oauth:token-type:{each}" for each in ("jwt", "id_token", "access_token"))
FORM_BYTES = 64 * 1024
NOT_KEPT = {"cache-control": "no-store", "pragma": "no-cache"}  # RFC 6749 section 5.1
EXCHANGE = "exchangeToken"


class Exchange:
    """The endpoint: a form in, a token of at most an hour out."""

    def __init__(self, doorkeeper: Doorkeeper, clock: Callable[[], datetime]) -> None:
        self._doorkeeper, self._clock = doorkeeper, clock

    async def answer(self, request: Request) -> Response:
        try:
            subject = _subject(await _form(request))
        except _Refused as refused:
            return refused.answer
        address = request.client.host if request.client else ""
        try:
            identity = await self._doorkeeper.identify(Credential(f"Bearer {subject}"), address, programs_alone=True)
            text = await _made(identity.actor, address, self._clock())
        except Unauthenticated as refusal:
            return _error("invalid_grant", str(refusal))
        except LimitExceeded as refusal:
            return _error("temporarily_unavailable", f"{refusal}", 429)
        except TrailNotSound as refusal:
            return _error("temporarily_unavailable", f"{refusal}", 503)
        except Exception as error:
            if is_outage(error):
                return _error("temporarily_unavailable", "the database is out of reach", 503)
            raise
        lives = int(EXCHANGED_LIFETIME.total_seconds())
        told = {"access_token": text, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": lives}
        return JSONResponse(told, headers=NOT_KEPT)


class _Refused(Exception):
    def __init__(self, code: str, says: str) -> None:
        self.answer = _error(code, says)


def _error(code: str, says: str, status: int = 400) -> Response:
    return JSONResponse({"error": code, "error_description": says}, status, headers=NOT_KEPT)


async def _form(request: Request) -> dict[str, str]:
    """The parameters of the form. Raises _Refused for another body, and for a parameter that stands twice."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        raise _Refused("invalid_request", "send a form: application/x-www-form-urlencoded")
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                body += part
                if len(body) > FORM_BYTES:
                    raise _Refused("invalid_request", f"the form has more than {FORM_BYTES:,} bytes")
    except TimeoutError:
        raise _Refused("invalid_request", f"the form did not arrive within {PATIENCE:.0f} seconds") from None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=50)
    except ValueError:
        raise _Refused("invalid_request", "the body is no form") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("invalid_request", "a parameter stands twice")  # RFC 6749 section 3.2
    return found


def _subject(form: dict[str, str]) -> str:
    """The token that is to be exchanged (RFC 8693 section 2.1)."""
    if form.get("grant_type") != GRANT:
        code = "unsupported_grant_type" if form.get("grant_type") else "invalid_request"
        raise _Refused(code, f"grant_type must be {GRANT}")
    if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise _Refused("invalid_request", f"requested_token_type must be {ACCESS_TOKEN}, or left out")
    if form.get("subject_token_type") not in SUBJECT_TYPES:
        raise _Refused("invalid_request", f"subject_token_type must be one of {', '.join(SUBJECT_TYPES)}")
    if "actor_token" in form:
        raise _Refused("invalid_request", "nobody acts for somebody else here: leave out actor_token")
    if not form.get("subject_token"):
        raise _Refused("invalid_request", "subject_token must be the token of your issuer")
    return form["subject_token"]


async def _made(by: Actor, address: str, at: datetime) -> str:
    """The text of a token for a program that signed in, which the trail tells."""
    token, text = ApiToken.exchanged(by, by.token_issuer or "", at)
    await keep(token, EXCHANGE, by, address, at)
    return text
