"""A worker: prepares the database, reports that to the supervisor, and answers requests until it is told to end."""

import asyncio
import sys
from collections.abc import Callable
from socket import socket
from typing import Any

import uvicorn
import uvloop
from starlette.applications import Starlette

from documents.errors import OlderSchema, Refusal
from documents.kinds import open_database
from documents.store.neighbours import Neighbours
from documents.store.server import DriverError
from documents.store.session import Database
from gql import checkpoints, firststart, garbage, reach
from gql.app import create_app
from gql.faults import NotMigrated, NotPrepared
from gql.preflight import Prepared
from gql.settings import Settings
from gql.watchdog import Impatient

DRAIN = 4  # seconds for requests under way when it is asked to end
SWITCH = 0.0005  # seconds for which a thread that reads a long text or decodes a page keeps the event loop waiting; usually 0.005
KEPT = 75  # seconds for an idle connection: longer than clients and proxies keep one, so that none is closed as they use it


class Server(uvicorn.Server):
    """Ends subscriptions before it waits for requests under way, because a subscription does not end by itself."""

    async def serve(self, sockets: list[socket] | None = None) -> None:
        sys.setswitchinterval(SWITCH)
        await super().serve(sockets)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        app: Any = self.config.app
        await app.state.database.end_feeds()
        await super().shutdown(sockets)


def serve(settings: Settings, uri: str, listener: socket, ready: Callable[[Prepared], None]) -> None:
    """Serves until SIGINT or SIGTERM; CannotServe if the database cannot be used."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, open_database(uri, settings.database), listener, ready))


async def _serve(settings: Settings, database: Database, listener: socket, ready: Callable[[Prepared], None]) -> None:
    in_turn(settings, database)
    try:
        origin, admin_token = await firststart.prepare(settings, database)
    except OlderSchema as older:
        raise NotMigrated(str(older)) from older
    except Refusal as refusal:
        raise NotPrepared(str(refusal)) from refusal
    except DriverError as error:
        raise reach.unusable(error) from error
    key = checkpoints.signing_key(settings, origin)
    previous = checkpoints.previous_keys(settings) if key else []
    ready(Prepared(origin, str(key.verifier) if key else None, admin_token))
    collecting = asyncio.create_task(garbage.collect_in_turns())
    signer = checkpoints.Signer(key, settings.checkpoint_file, previous) if key else None
    await Server(configured(create_app(settings, firststart.utc_now, database, signer), settings)).serve([listener])
    collecting.cancel()


def in_turn(settings: Settings, database: Database) -> None:
    """Has the workers of one server take turns at the database, where there are several."""
    if settings.workers > 1:
        database.transactions.neighbours = Neighbours(settings.data_dir).in_turn


def configured(app: Starlette, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Impatient,
        ws="websockets-sansio",
        ws_max_size=settings.limit_body,
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEPT,
        timeout_graceful_shutdown=DRAIN,
    )
