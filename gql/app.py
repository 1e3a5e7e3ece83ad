"""One readable factory; nothing happens at import."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, NoReturn
from uuid import uuid4

from cross_web import HTTPException
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.asgi import GraphQL

from documents.audit.trail import AuditHead
from documents.audit.trail import Request as AuditedRequest
from documents.database import Database, is_outage
from documents.errors import InvalidInput, LimitExceeded, NotFound, Refusal, Unavailable
from documents.kinds import RECORDS
from gql.errors import refused
from gql.firststart import utc_now
from gql.identity import Doorkeeper, Identity
from gql.schema import build_schema
from gql.settings import Settings
from resolvers.graph.context import Context

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
BODY_BYTES, SWEEP = 1024 * 1024, 60
STATUS = {"UNAUTHENTICATED": 401, "LIMIT_EXCEEDED": 429, "UNAVAILABLE": 503}  # of who is not let in
log = logging.getLogger(__name__)


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now, database: Database | None = None) -> Starlette:
    """The service over a prepared database, that of the settings unless one is given; any number of them can serve one."""
    database = database or Database(str(settings.mongodb_uri), settings.database)
    doorkeeper = Doorkeeper(clock)

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        with database.bound():
            await database.prepare(RECORDS)
            sweeping = asyncio.create_task(_sweep(doorkeeper, clock))
            try:
                yield
            finally:
                sweeping.cancel()
                with suppress(Exception):  # on the way out the database may be gone
                    await doorkeeper.tell_ended(clock(), everything=True)
                database.close()

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        try:
            await database.check()
            await AuditHead.require("head")
        except (Unavailable, NotFound) as refusal:
            return PlainTextResponse(f"{refusal}\n", 503)
        return PlainTextResponse("ready\n")

    endpoint = Guarded(Endpoint(build_schema(), graphql_ide=None), doorkeeper, clock)
    app = Starlette(routes=[Route("/graphql", endpoint), Route("/healthz", healthz), Route("/readyz", readyz)], lifespan=running)
    app.add_middleware(Bound, database=database)
    return app


async def _sweep(doorkeeper: Doorkeeper, clock: Callable[[], datetime]) -> None:
    """Tells of refused sign-ins whose minute is over, though nobody else comes."""
    while True:
        await asyncio.sleep(SWEEP)
        try:
            await doorkeeper.tell_ended(clock())
        except Exception:
            log.exception("refused sign-ins went unrecorded")


class Endpoint(GraphQL[Context, None]):
    """Strawberry's own view, which finds whoever asks in the scope, reads JSON strictly and gives every refusal a code."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self.run(Request(scope, receive))
        except HTTPException as fault:
            said = {"errors": [{"message": fault.reason, "extensions": {"code": InvalidInput.code}}]}
            response = Response(self.encode_json(said), fault.status_code, media_type="application/json")
        await response(scope, receive, send)

    def decode_json(self, data: str | bytes) -> object:
        """An object of finite numbers and whole characters (RFC 7493); batches are none."""
        try:
            text = data.decode() if isinstance(data, bytes) else data
            said = json.loads(text, parse_constant=_no_number)
            if _SURROGATE.search(text):
                json.dumps(said, ensure_ascii=False).encode()  # refuses an unpaired one
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, "the request holds no JSON, or not such as this service reads") from error
        if not isinstance(said, dict):
            raise HTTPException(400, "the request holds JSON that is no object")
        return said

    async def get_context(self, request: Any, response: Any) -> Context:
        context: Context = request.scope["magistrate.context"]
        return context


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


class Guarded:
    """Lets nobody through to the graph whose token does not sign in, and no body that is too large."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper, clock: Callable[[], datetime]) -> None:
        self.app, self.doorkeeper, self.clock = app, doorkeeper, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = scope["client"][0] if scope.get("client") else ""
        try:
            who = await self._identify(scope, address)
        except Refusal as refusal:
            await _turned_away(refusal, STATUS[refusal.code])(scope, receive, send)
            return
        try:
            body = await _body(receive)
        except LimitExceeded as refusal:
            await _turned_away(refusal, 413)(scope, receive, send)
            return
        asked = AuditedRequest(uuid4().hex, address or None)
        scope["magistrate.context"] = Context(who.actor, who.person, self.clock(), asked)
        await self.app(scope, _once(body, receive), send)

    async def _identify(self, scope: Scope, address: str) -> Identity:
        authorization = dict(scope["headers"]).get(b"authorization")
        try:
            return await self.doorkeeper.identify(authorization.decode("latin-1") if authorization else None, address)
        except Exception as error:
            if is_outage(error):
                raise Unavailable from error
            raise


def _turned_away(refusal: Refusal, status: int) -> Response:
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if isinstance(refusal, Unavailable):
        headers["retry-after"] = str(refusal.retry_after)
    return JSONResponse(refused(refusal), status, headers)


async def _body(receive: Receive) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES:
            raise LimitExceeded("the body of the request", size, BODY_BYTES)
        more = message.get("more_body", False)
    return b"".join(parts)


def _once(body: bytes, receive: Receive) -> Receive:
    """The body, read already; then whatever comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


class Bound:
    """Binds the app's database around each request, so that two apps can share a process."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self.app, self.database = app, database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.database.bound():
            await self.app(scope, receive, send)
