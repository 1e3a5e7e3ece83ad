"""The factory of the ASGI application; importing this module does nothing else."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from documents.audit.notes import SigningKey
from documents.audit.trail import AuditHead
from documents.errors import NotFound, TrailNotSound, Unavailable
from documents.store.session import Database
from gql import ide
from gql.browsers.signin import Browsers
from gql.checkpoints import Signer, keeping, sign_in_turns
from gql.credentials import Front
from gql.exchange import Exchange
from gql.gate.door import Gate
from gql.headers import Secured
from gql.http import Entrance, OverHTTP
from gql.identity import Doorkeeper
from gql.issuers.tokens import TokenVerifier, verifier_of
from gql.judgements import judge_in_turns
from gql.origins import REQUEST_ID, Origins
from gql.proxies import Forwarded
from gql.schema import Schema, build_schema
from gql.secretkey import keyring_if_any
from gql.settings import Settings
from gql.shortway import ShortWay
from gql.subscriptions import OverEvents, OverWebSocket
from gql.verifications import standing, verify_in_turns

SWEEP, GRAPHQL = 60, "/graphql"
log = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    clock: Callable[[], datetime],
    database: Database,
    signs: Signer | SigningKey | None = None,
    issued: TokenVerifier | None = None,
    *,
    short: bool = True,
) -> Starlette:
    """The application over a prepared database, whose trail it signs; any number of apps can serve one database.

    `issued` verifies the tokens of issuers; without it, those of the file in the settings. IdentityRefused for a wrong file.
    Without `short` every request goes the long way, by Starlette's routes and Strawberry's extensions; the answers are the same.
    """
    doorkeeper = Doorkeeper(clock, issued or verifier_of(settings.identity, clock), settings.identity_seconds)
    database.keyring = database.keyring or keyring_if_any(settings)
    signer = Signer(signs, settings.checkpoint_file) if isinstance(signs, SigningKey) else signs
    key = signer.key if signer else None

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        with database.bound():
            turns, alarm = [_sweep(doorkeeper, clock)], asyncio.Event()
            if signer:
                turns.append(sign_in_turns(signer, clock, settings.checkpoint_seconds, alarm))
            own = key.verifier if key else None
            turns.append(verify_in_turns(own, clock, settings.verification_seconds, keeping(settings), alarm))
            turns.append(judge_in_turns(clock, settings.judgement_seconds))
            tasks = [asyncio.create_task(each) for each in turns]
            try:
                yield
            finally:
                for each in tasks:
                    each.cancel()
                with suppress(Exception):  # at the end the database may be out of reach
                    await doorkeeper.tell_ended(clock(), everything=True)
                await database.end_feeds()
                database.close()

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        try:
            await database.check()
            await AuditHead.seen()
            trail = await standing(clock(), signer.refused if signer else None)
        except TrailNotSound as refusal:
            trail = f"audit trail: NOT SOUND, its end was altered: {refusal.problem}"
        except (Unavailable, NotFound) as refusal:
            return PlainTextResponse(f"{refusal}\n", 503)
        return PlainTextResponse(f"ready\n{trail}\n")  # with a faulty trail too: the server is what shows the faults

    schema, signed_by = schema_of(settings), str(key.verifier) if key else None
    front = Front(settings.public_url, settings.secure_cookies)
    origins = [*settings.allowed_origins, *([settings.public_url] if settings.public_url else [])]
    entrance = Entrance(doorkeeper, clock, front, signed_by, settings.waiver_days)
    over_http = OverHTTP(schema, entrance, allow_get=settings.allow_get, short=ShortWay(schema) if short else None)
    over_http_or_events = OverEvents(over_http, entrance)
    routes = [
        Route(GRAPHQL, ide.ForBrowsers(over_http_or_events) if settings.ide else over_http_or_events),
        Gate(entrance, settings.limits),
        WebSocketRoute(GRAPHQL, OverWebSocket(schema, doorkeeper, clock, front, origins, signed_by, settings.waiver_days)),
        *([Route("/token", Exchange(doorkeeper, clock).answer, methods=["POST"])] if doorkeeper.issued else []),
        *Browsers(settings, front, doorkeeper, clock).routes(),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        *(ide.parts() if settings.ide else ()),
    ]
    app = Starlette(routes=routes, lifespan=running)
    app.state.database = database
    app.add_middleware(Bound, database=database)
    routed: ASGIApp = app.build_middleware_stack()
    posted = Posted(Bound(over_http_or_events, database), routed) if short else routed
    around: ASGIApp = Origins(Named(posted), settings.allowed_origins)  # around Starlette's own, too
    if settings.security_headers:
        around = Secured(around)
    app.middleware_stack = Forwarded(around, settings.trusted_proxies) if settings.trusted_proxies else around
    return app


def schema_of(settings: Settings) -> Schema:
    """The schema for these settings; apps with the same settings share one."""
    return build_schema(
        introspection=settings.allow_introspection, suggestions=settings.suggestions, planning=settings.planning,
        limits=settings.limits,
    )  # fmt: skip


async def _sweep(doorkeeper: Doorkeeper, clock: Callable[[], datetime]) -> None:
    """Records refused sign-ins in the trail once their minute is over, even if no other request comes."""
    while True:
        await asyncio.sleep(SWEEP)
        try:
            await doorkeeper.tell_ended(clock())
        except Exception:
            log.exception("refused sign-ins were not recorded")


class Named:
    """Gives each request over HTTP an id, which the answer and the events of the trail tell."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name = scope[REQUEST_ID] = uuid4().hex

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (REQUEST_ID.encode(), name.encode())]
            await send(message)

        await self.app(scope, receive, named)


class Posted:
    """Hands what is posted to `/graphql` over without a look at the routes."""

    def __init__(self, endpoint: ASGIApp, otherwise: ASGIApp) -> None:
        self.endpoint, self.otherwise = endpoint, otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        posted = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == GRAPHQL
        await (self.endpoint if posted else self.otherwise)(scope, receive, send)


class Bound:
    """Binds the database of the app for the time of a request, so that two apps can share a process."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self.app, self.database = app, database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.database.bound():
            await self.app(scope, receive, send)
