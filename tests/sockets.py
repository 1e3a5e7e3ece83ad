"""An app over a real socket, and a client's end of graphql-transport-ws."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from documents.store import streams
from tests.service import Person, Service
from tests.stored import SENT

PROTOCOL = Subprotocol("graphql-transport-ws")
PATIENCE = 10  # seconds


class Socket:
    """A client's end of graphql-transport-ws."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, kind: str, **said: Any) -> None:
        await self.connection.send(json.dumps({"type": kind} | said))

    async def heard(self) -> Any:
        """The next message: a text, or the test fails."""
        async with asyncio.timeout(PATIENCE):
            said = await self.connection.recv()
        assert isinstance(said, str)
        return json.loads(said)

    async def sign_in(self, who: Person) -> Self:
        await self.send("connection_init", payload={"authorization": f"Bearer {who.token}"})
        assert await self.heard() == {"type": "connection_ack"}
        return self

    async def subscribe(self, query: str, id: str = "1", **variables: Any) -> None:
        await self.send("subscribe", id=id, payload={"query": query, "variables": variables})

    async def data(self, id: str = "1") -> Any:
        said = await self.heard()
        assert (said["type"], said["id"]) == ("next", id) and "errors" not in said["payload"], said
        return said["payload"]["data"]

    async def code(self) -> str:
        """The code of the error that ends a subscription, before it began or in the middle."""
        said = await self.heard()
        if said["type"] == "error":
            return str(said["payload"][0]["extensions"]["code"])
        assert (await self.heard())["type"] == "complete"
        return str(said["payload"]["errors"][0]["extensions"]["code"])

    async def closed(self) -> int:
        with pytest.raises(ConnectionClosed) as closed:
            await self.heard()
        return closed.value.rcvd.code if closed.value.rcvd else 0


@asynccontextmanager
async def served(service: Service) -> AsyncIterator[str]:
    """The service's app over a real socket."""
    app: Any = service.app
    server = uvicorn.Server(uvicorn.Config(app, ws="websockets-sansio", lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "ROUND", 50)  # a stream is closed at the end of a round
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}/graphql"
        finally:
            server.should_exit = True
            await serving
            await service.database.end_feeds()
    SENT.streams -= {each for each in SENT.streams if each[0] == service.database.name}


async def listening(service: Service, collection: str = "audit_events", listeners: int = 1) -> None:
    """Waits until so many subscriptions at this app hear what is committed to that collection."""
    stream, feed = (service.database.name, collection), service.database.feed(collection)
    async with asyncio.timeout(PATIENCE):
        while stream not in SENT.streams or len(feed._listeners) < listeners:  # noqa: ASYNC110  nothing tells when they begin
            await asyncio.sleep(0.01)


def dial(address: str, **options: Any) -> connect:
    return connect(f"ws://{address}", subprotocols=[PROTOCOL], **options)
