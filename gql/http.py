"""The endpoint for queries and mutations, after GraphQL over HTTP (first edition, September 2026)."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, NoReturn
from uuid import uuid4

from graphql import GraphQLError, OperationType, get_operation_ast
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionResult

from documents.audit.trail import Request as AuditedRequest
from documents.errors import CutShort, InvalidInput, LimitExceeded, Refusal, Unavailable
from documents.store.transaction import is_outage
from documents.tokens import TokenScope
from gql.attempts import WINDOW
from gql.credentials import HEADER, Credential, Front
from gql.encoding import encoded
from gql.errors import coded, refused
from gql.identity import Doorkeeper
from gql.leaving import unless_left
from gql.limits import OutOfTime
from gql.origins import REQUEST_ID
from gql.schema import Schema
from gql.settings import Limits
from gql.shortway import ShortWay
from resolvers.graph.context import Context

JSON, GRAPHQL = "application/json", "application/graphql-response+json"
TYPES = {each: f"{each}; charset=utf-8".encode() for each in (JSON, GRAPHQL)}
URL_BYTES, HEADER_BYTES = 16 * 1024, 16 * 1024
PATIENCE = 10.0  # seconds for a body to arrive
STATUS = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "LIMIT_EXCEEDED": 429, "UNAVAILABLE": 503}  # of who is not let in
CHALLENGES = {401: "Bearer", 403: 'Bearer error="insufficient_scope"'}  # RFC 6750 section 3
OURS = {"UNAVAILABLE": 503, "INTERNAL": 500}  # of a failure before execution that is not the client's fault
PARAMETERS = {"query": str, "operationName": str, "variables": dict, "extensions": dict}
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_CHARSET = re.compile(r'\s*charset\s*=\s*"?utf-8"?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    said: Mapping[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


CUT_SHORT = Answer(503, refused(CutShort()), {"retry-after": str(CutShort.retry_after)})


class Unserved(Exception):
    """A request that is refused before execution; `answer` is what the client gets."""

    def __init__(self, status: int, refusal: Refusal, **headers: str) -> None:
        self.answer = Answer(status, refused(refusal), headers)


class _Headers(Headers):
    """Headers that are looked through once, and not again for each that is asked for; of several, the first counts."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self._first = dict(reversed(self._list))

    def __getitem__(self, key: str) -> str:
        return self._first[key.lower().encode("latin-1")].decode("latin-1")

    def __contains__(self, key: Any) -> bool:
        return key.lower().encode("latin-1") in self._first


class Sent(Request):
    """A request whose headers are looked through once."""

    @property
    def headers(self) -> Headers:
        if not hasattr(self, "_headers"):
            self._headers = _Headers(self.scope)
        return self._headers


class Entrance:
    """Makes the context of a request, for callers whose credential signs in and opens the door that they came to."""

    def __init__(
        self, doorkeeper: Doorkeeper, clock: Callable[[], datetime], front: Front, verifier_key: str | None, waiver_days: int
    ) -> None:
        self.doorkeeper, self.clock, self.front = doorkeeper, clock, front
        self.verifier_key, self.waiver_days = verifier_key, waiver_days

    async def admit(self, caller: HTTPConnection, scope: TokenScope = TokenScope.GRAPH, in_path: str | None = None) -> Context:
        """The context of the request; Unauthenticated, Forbidden, LimitExceeded or Unavailable if the caller is not let in.

        A token that stood in the path, `in_path`, counts in the place of any header, and has to be for that scope alone.
        """
        address = caller.client.host if caller.client else ""
        if in_path is None:
            credential = self.front.credential(caller, caller.headers.get(HEADER))
        else:
            credential = Credential(f"Bearer {in_path}")
        try:
            who = await self.doorkeeper.identify(credential, address, scope=scope, alone=in_path is not None)
        except Exception as error:
            if is_outage(error):
                raise Unavailable from error
            raise
        asked = AuditedRequest(caller.scope.get(REQUEST_ID) or uuid4().hex, address or None)
        wants_cost = caller.headers.get("x-magistrate-cost") == "true"
        key = caller.headers.get("idempotency-key")
        return Context(
            who.actor, who.person, self.clock(), asked, key, wants_cost, self.verifier_key, self.waiver_days,
            self.doorkeeper.services, again=partial(self.doorkeeper.as_now, who, credential, address),
        )  # fmt: skip


class OverHTTP:
    """The endpoint for operations that have one answer, which is JSON. Queries take the short way, if there is one."""

    def __init__(self, schema: Schema, entrance: Entrance, *, allow_get: bool, short: ShortWay | None = None) -> None:
        self.schema, self.entrance, self.limits, self.short = schema, entrance, schema.texts.limits, short
        self.methods = ("GET", "POST") if allow_get else ("POST",)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Sent(scope, receive)
        media, body = accepted(",".join(request.headers.getlist("accept"))), None
        try:
            context, asked = await self.read(request, media)
            with unless_left(receive):
                answer = await self._executed(asked, request.method, media or JSON, context)
            body = encoded(answer.said)
        except ClientDisconnect:
            return
        except Unserved as unserved:
            answer = unserved.answer
        except asyncio.CancelledError:
            await send_answer(CUT_SHORT, media, send)
            raise
        except Exception as error:  # noqa: BLE001  `coded` logs it
            answer = Answer(500, {"errors": [coded(GraphQLError("", original_error=error)).formatted]})
        await send_answer(answer, media, send, body)

    async def read(self, request: Request, media: str | None) -> tuple[Context, Mapping[str, Any]]:
        """The context and the parameters of a well-formed request (section 5 of the specification); Unserved for any other."""
        check_size(request)
        context = await self._admit(request)
        if request.method not in self.methods:
            allowed = ", ".join(self.methods)
            raise Unserved(405, InvalidInput("method", f"must be one of: {allowed}"), allow=allowed)
        if media is None:
            raise Unserved(406, InvalidInput("Accept", f"must accept {GRAPHQL} or {JSON}"))
        said = _in_url(request, self.limits) if request.method == "GET" else await json_in_body(request, self.limits)
        return context, _well_formed(said, media)

    async def _admit(self, request: Request) -> Context:
        try:
            return await self.entrance.admit(request)
        except Refusal as refusal:
            raise not_let_in(refusal) from refusal

    async def _executed(self, asked: Mapping[str, Any], method: str, media: str, context: Context) -> Answer:
        text, variables, name = asked["query"], asked.get("variables"), asked.get("operationName")
        try:
            operation = get_operation_ast((await self.schema.texts.read(text)).document, name)
        except GraphQLError as error:
            return _not_executed({"errors": [coded(error).formatted]}, media, 400)
        match operation and operation.operation, method:
            case None, _:
                return _not_executed(refused(InvalidInput("operationName", "must name one operation of the document")), media)
            case OperationType.SUBSCRIPTION, _:
                problem = "must not be a subscription, unless the request accepts text/event-stream"
                return _not_executed(refused(InvalidInput("query", problem)), media)
            case OperationType.MUTATION, "GET":
                raise Unserved(405, InvalidInput("method", "must be POST for a mutation"), allow="POST")
        result = None
        if self.short and operation and operation.operation is OperationType.QUERY:
            own_name = operation.name.value if operation.name else None
            result = await self.short.result(text, own_name, variables, context)
        if result is None:
            result = await self.schema.execute(text, variables, context, operation_name=name)
        if context.refused and not any((result.data or {}).values()):
            raise not_let_in(context.refused)
        said = _beside_data(result)
        if result.data is None and not any(map(_of_execution, result.errors or ())):
            return _not_executed(said, media)
        return Answer(294 if result.errors and media == GRAPHQL else 200, {"data": result.data} | said)


def not_let_in(refusal: Refusal) -> Unserved:
    """What a caller gets whose credential does not sign in, or who is refused at the door."""
    if isinstance(refusal, Unavailable):
        return Unserved(503, refusal, **{"retry-after": str(refusal.retry_after)})
    status = STATUS[refusal.code]
    known = CHALLENGES.get(status)
    header = {"www-authenticate": known} if known else {"retry-after": f"{WINDOW.seconds}"}
    return Unserved(status, refusal, **header)


async def send_answer(
    answer: Answer, media: str | None, send: Send, body: bytes | None = None, *, bodiless: bool = False
) -> None:
    """Sends an answer, or no more than its status and headers, as to HEAD (RFC 9110 section 9.3.2)."""
    body = encoded(answer.said) if body is None else body
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    headers += [(b"content-type", TYPES[media or JSON]), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bodiless else body})


def _of_execution(error: GraphQLError) -> bool:
    """Whether the error came in execution: it then has a path (GraphQL, September 2025, section 7.1), or is OutOfTime."""
    return error.path is not None or isinstance(error.original_error, OutOfTime)


def _not_executed(said: dict[str, Any], media: str, status: int = 422) -> Answer:
    """The answer to a well-formed request that was not executed; under `application/json` its status is always 200."""
    status = OURS.get(said["errors"][0]["extensions"]["code"], status)
    return Answer(status if media == GRAPHQL else 200, said)


def _beside_data(result: ExecutionResult) -> dict[str, Any]:
    errors = {"errors": [each.formatted for each in result.errors]} if result.errors else {}
    return errors | ({"extensions": result.extensions} if result.extensions else {})


@lru_cache(maxsize=128)
def accepted(ranges: str) -> str | None:
    """The media type for an Accept header (RFC 9110 section 12.5.1): JSON for `*/*`, None if it accepts neither of the two."""
    qualities = dict(_range(each) for each in ranges.split(",") if each.strip()) or {"*/*": 1.0}

    def quality(media: str) -> float:
        return next((qualities[each] for each in (media, "application/*", "*/*") if each in qualities), 0.0)

    best = max((GRAPHQL, JSON) if GRAPHQL in qualities else (JSON, GRAPHQL), key=quality)
    return best if quality(best) else None


def _range(text: str) -> tuple[str, float]:
    media, *parameters = (each.strip().lower() for each in text.split(";"))
    quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return media, float(quality)
    except ValueError:
        return media, 0.0


def check_size(request: Request) -> None:
    """Unserved for a longer URL or header than is read."""
    url = len(request.scope["path"]) + len(request.scope["query_string"])
    if url > URL_BYTES:
        raise Unserved(414, LimitExceeded("the URL in bytes", url, URL_BYTES))
    headers = sum(len(name) + len(value) for name, value in request.scope["headers"])
    if headers > HEADER_BYTES:
        raise Unserved(431, LimitExceeded("the header of the request in bytes", headers, HEADER_BYTES))


def _in_url(request: Request, limits: Limits) -> dict[str, Any]:
    said: dict[str, Any] = {name: value for name, value in request.query_params.items() if value}
    for name in ("variables", "extensions"):
        if name in said:
            said[name] = _json(said[name], name, limits.values)
    return said


async def json_in_body(request: Request, limits: Limits) -> Any:
    """The JSON that a request sends; Unserved if its body is none, too large or too late."""
    media, *parameters = request.headers.get("content-type", "").split(";")
    if media.strip().lower() != JSON or not all(map(_CHARSET.fullmatch, parameters)):
        raise Unserved(415, InvalidInput("Content-Type", f"must be {JSON}, in UTF-8"))
    try:
        async with asyncio.timeout(PATIENCE):
            body = await _body(request, limits.body)
    except TimeoutError as error:
        raise Unserved(
            408, LimitExceeded("the time until the body arrived, in seconds", int(PATIENCE) + 1, int(PATIENCE))
        ) from error
    return _json(body, "body", limits.values)


async def _body(request: Request, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > most:
            raise Unserved(413, LimitExceeded("the body of the request in bytes", size, most))
    return b"".join(parts)


def _json(text: str | bytes, path: str, values: int) -> Any:
    try:
        return read_json(text, values)
    except LimitExceeded as refusal:
        raise Unserved(413, refusal) from refusal
    except ValueError as error:
        raise Unserved(400, InvalidInput(path, str(error))) from error


def read_json(text: str | bytes, values: int = Limits.values) -> Any:
    """Reads I-JSON (RFC 7493): finite numbers and no unpaired surrogates; ValueError for anything else.

    LimitExceeded if it has more than `values` values, which are counted first: making them would hold the event loop.
    """
    try:
        text = text.decode() if isinstance(text, bytes) else text
        _check_values(text, values)
        said = json.loads(text, parse_constant=_no_number)
        if _SURROGATE.search(text):
            json.dumps(said, ensure_ascii=False).encode()  # refuses an unpaired one
    except (ValueError, RecursionError) as error:
        raise ValueError("must be JSON with finite numbers and no unpaired surrogates (RFC 7493)") from error
    return said


def _check_values(text: str, most: int) -> None:
    if _values(text) > most:  # strings may hold the same characters
        unescaped = text.replace("\\\\", "").replace('\\"', "")
        found = _values("".join(unescaped.split('"')[::2]))
        if found > most:
            raise LimitExceeded("the number of values in the request", found, most)


def _values(text: str) -> int:
    """Each value of a JSON text but the first comes after one of these."""
    return sum(map(text.count, ",[{"))


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _well_formed(said: Any, media: str) -> Mapping[str, Any]:
    status = 422 if media == GRAPHQL else 400
    if not isinstance(said, dict):
        raise Unserved(status, InvalidInput("body", "must be an object"))
    for name, kind in PARAMETERS.items():
        value = said.get(name)
        if not isinstance(value, kind) and (value is not None or name == "query"):
            raise Unserved(status, InvalidInput(name, "must be a string" if kind is str else "must be an object"))
    return said
