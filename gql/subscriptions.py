"""Subscriptions: over WebSocket (graphql-transport-ws), and as server-sent events for a POST that accepts them."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from copy import copy
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from graphql import GraphQLError, get_operation_ast
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from strawberry import UNSET
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import process_result
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.http.streaming import SSETransport, merge_stream_with_heartbeat
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.types import ExecutionResult

from documents.access import Actor
from documents.audit.trail import Request as AuditedRequest
from documents.errors import InvalidInput, LimitExceeded, Refusal, Unavailable
from documents.people import Stakeholder
from documents.store.transaction import is_outage
from documents.versions.waivers import WAIVER_DAYS
from gql.credentials import HEADER, PAYLOAD, Credential, Front
from gql.errors import coded, refused
from gql.http import GRAPHQL, JSON, PARAMETERS, Entrance, OverHTTP, Unserved, read_json
from gql.identity import Doorkeeper
from gql.schema import Schema
from resolvers.graph.context import Context

OPERATIONS, INIT_PATIENCE = 100, timedelta(seconds=10)
PAUSE = 1.0  # seconds between attempts to reach a database that is out of reach
REASON_BYTES = 123  # a control frame holds 125 bytes, of which the close code takes two (RFC 6455 section 5.5)
SSE = SSETransport()
Now = tuple[Actor, Stakeholder | None, datetime]


class Caller:
    """The caller of a connection, who is authenticated again at each operation and while a subscription runs."""

    def __init__(
        self,
        connection: HTTPConnection,
        doorkeeper: Doorkeeper,
        clock: Callable[[], datetime],
        front: Front,
        verifier_key: str | None = None,
        waiver_days: int = WAIVER_DAYS,
    ) -> None:
        self.address = connection.client.host if connection.client else ""
        self.connection, self.front = connection, front
        self.connection_params: Mapping[str, Any] = {}
        self.doorkeeper, self.clock, self.verifier_key, self.waiver_days = doorkeeper, clock, verifier_key, waiver_days

    @property
    def credential(self) -> Credential:
        """What the payload of `connection_init` says, else the upgrade: its header, which a browser cannot set, or its cookie."""
        said = {name.lower(): value for name, value in self.connection_params.items() if isinstance(value, str)}
        if "authorization" in said:
            return Credential(said["authorization"])
        return self.front.credential(self.connection, said.get(PAYLOAD) or self.connection.headers.get(HEADER))

    async def sign_in(self) -> None:
        await self.doorkeeper.identify(self.credential, self.address)

    async def ask(self) -> Context:
        """A new context for each operation, with its own time, loaders and request id."""
        asked = AuditedRequest(uuid4().hex, self.address or None)
        credential = self.credential
        try:
            who = await self.doorkeeper.again(credential)
            return Context(
                who.actor, who.person, self.clock(), asked, verifier_key=self.verifier_key, waiver_days=self.waiver_days,
                services=self.doorkeeper.services, again=partial(self.doorkeeper.as_now, who, credential, self.address),
                renewed=self.renewed,
            )  # fmt: skip
        except Exception as error:
            if is_outage(error):
                raise Unavailable from error
            raise

    async def renewed(self) -> Now:
        """The identity and the time as of now, once the database can be reached; Unauthenticated once the token has ended."""
        while True:
            try:
                return await self._now()
            except Exception as error:
                if not is_outage(error):
                    raise
            await asyncio.sleep(PAUSE)

    async def _now(self) -> Now:
        who = await self.doorkeeper.again(self.credential)
        return who.actor, who.person, self.clock()


class Socket(ASGIWebSocketAdapter):
    async def close(self, code: int, reason: str) -> None:
        await super().close(code, reason.encode()[:REASON_BYTES].decode(errors="ignore"))


class Conversation(BaseGraphQLTransportWSHandler[Caller, None]):
    """Strawberry's handler, with checks that it leaves out: ill-formed messages, too many operations, an ambiguous operation."""

    async def handle_message(self, message: Any) -> None:
        if _well_formed(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("not a message of graphql-transport-ws")

    async def handle_subscribe(self, message: Any) -> None:
        if self.connection_acknowledged and message["id"] not in self.operations and len(self.operations) >= OPERATIONS:
            limit = LimitExceeded("the number of operations over one socket", OPERATIONS + 1, OPERATIONS)
            await self.send_message({"id": message["id"], "type": "error", "payload": _errors(limit)})
        else:
            await super().handle_subscribe(message)

    async def run_operation(self, operation: Operation[Caller, None]) -> None:
        try:
            wrong = await _syntax_error(self.schema, operation.query, operation.operation_name)
            context = await self.context.ask()
        except Exception as error:  # noqa: BLE001  `coded` logs it
            wrong = GraphQLError("", original_error=error)
        if wrong:
            said: Any = [coded(wrong).formatted]
            await operation.send_operation_message({"id": operation.id, "type": "error", "payload": said})
            return
        one: Any = copy(self)  # because Strawberry shares one context among all operations of a socket
        one.context = context
        await super(Conversation, one).run_operation(operation)

    async def handle_task_exception(self, error: Exception) -> None:
        if not isinstance(error, WebSocketDisconnected):  # a client that disconnects is no fault
            await super().handle_task_exception(error)


def _well_formed(message: Any) -> bool:
    match message:
        case {"type": "subscribe", "id": str(), "payload": {"query": str()} as asked}:
            return all(isinstance(asked.get(name), kind | None) for name, kind in PARAMETERS.items())
        case {"type": "complete", "id": str()} | {"type": "connection_init" | "ping" | "pong"}:
            return True
    return False


def _errors(refusal: Refusal) -> Any:
    return refused(refusal)["errors"]


class OverWebSocket(GraphQL[Caller, None]):
    """The endpoint for graphql-transport-ws. A page of another origin is refused unless its origin is in `origins`."""

    graphql_transport_ws_handler_class = Conversation
    websocket_adapter_class = Socket

    def __init__(
        self,
        schema: Schema,
        doorkeeper: Doorkeeper,
        clock: Callable[[], datetime],
        front: Front,
        origins: Sequence[str],
        verifier_key: str | None,
        waiver_days: int,
    ) -> None:
        super().__init__(
            schema,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=INIT_PATIENCE,
            allowed_origins=origins,
        )
        self.doorkeeper, self.clock, self.front = doorkeeper, clock, front
        self.verifier_key, self.waiver_days = verifier_key, waiver_days
        self.values = schema.texts.limits.values

    async def get_context(self, request: Any, response: Any) -> Caller:
        return Caller(request, self.doorkeeper, self.clock, self.front, self.verifier_key, self.waiver_days)

    async def on_ws_connect(self, context: Caller) -> Any:
        try:
            await context.sign_in()
        except Exception as error:
            if isinstance(error, Refusal) or is_outage(error):
                raise ConnectionRejectionError from error
            raise
        return UNSET

    def decode_json(self, data: str | bytes) -> object:
        try:
            return read_json(data, self.values)
        except (ValueError, LimitExceeded) as error:
            raise json.JSONDecodeError(str(error), "", 0) from error  # Strawberry closes the socket with 4400 for this class


class OverEvents:
    """The endpoint for server-sent events; a request that does not accept them goes on to `otherwise`."""

    def __init__(self, otherwise: OverHTTP, entrance: Entrance) -> None:
        self.otherwise, self.entrance = otherwise, entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST" or not _prefers_events(scope):
            await self.otherwise(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._response(request)
        except ClientDisconnect:
            return
        except Unserved as unserved:
            response = JSONResponse(unserved.answer.said, unserved.answer.status, unserved.answer.headers)
        except Exception as error:  # noqa: BLE001  `coded` logs it
            response = JSONResponse({"errors": [coded(GraphQLError("", original_error=error)).formatted]}, 500)
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        context, asked = await self.otherwise.read(request, JSON)
        try:
            wrong = await _syntax_error(self.otherwise.schema, asked["query"], asked.get("operationName"))
        except InvalidInput as refusal:
            raise Unserved(400, refusal) from refusal
        entrance = self.entrance
        context.renewed = Caller(request, entrance.doorkeeper, entrance.clock, entrance.front).renewed

        async def events() -> AsyncGenerator[str, None]:
            if wrong:
                yield SSE.encode_next(process_result(ExecutionResult(None, [coded(wrong)])), _encoded)
                yield SSE.encode_complete()
                return
            name = asked.get("operationName")
            results: Any = await self.otherwise.schema.stream(
                asked["query"], asked.get("variables"), context, operation_name=name
            )
            async with aclosing(results):
                async for result in results:
                    yield SSE.encode_next(process_result(result), _encoded)
            yield SSE.encode_complete()

        alive = merge_stream_with_heartbeat(
            events, lambda: SSE.heartbeat_message(_encoded), SSE.heartbeat_interval, send_initial_heartbeat=True
        )
        return StreamingResponse(alive(), headers=SSE.headers)


def _prefers_events(scope: Scope) -> bool:
    """Whether an Accept header names event streams and no JSON. urql names both for every operation, and expects JSON."""
    accept = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"accept")
    return "event-stream" in accept.lower() and SSE.accepts(accept) and not any(media in accept for media in (JSON, GRAPHQL))


async def _syntax_error(schema: Any, text: str, name: str | None) -> GraphQLError | None:
    """What is wrong with the syntax; InvalidInput unless one operation is meant, because Strawberry would take the first."""
    try:
        document = (await schema.texts.read(text)).document
    except GraphQLError as wrong:
        return wrong
    if get_operation_ast(document, name) is None:
        raise InvalidInput("operationName", "must name one operation of the document")
    return None


def _encoded(said: object) -> str:
    return json.dumps(said, separators=(",", ":"))
