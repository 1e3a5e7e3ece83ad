"""One process that serves, on a listening socket that the supervisor hands down: `python -m gql.worker DESCRIPTOR`."""

import logging
import sys
from socket import socket
from typing import Any

import uvicorn

from gql.app import create_app
from gql.settings import LOG_FORMAT, read_settings

DRAIN = 4  # seconds for requests under way when it is asked to end


class Server(uvicorn.Server):
    """Sends away whoever subscribed before it ends: to wait for them, as for any request, would be to wait in vain."""

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        app: Any = self.config.app
        await app.state.database.end_feeds()
        await super().shutdown(sockets)


def main() -> None:
    settings = read_settings()
    logging.basicConfig(level=settings.log_level, format=LOG_FORMAT)
    config = uvicorn.Config(
        create_app(settings),
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=settings.limit_body,
        loop="uvloop",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN,
    )
    Server(config).run([socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    main()
