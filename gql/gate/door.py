"""The door of the gate: who asks is signed in, the question is read, and the verdict becomes a status and a body."""

import asyncio
from typing import Any
from urllib.parse import quote

from graphql import GraphQLError
from starlette.datastructures import URLPath
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from documents.access import Actor, Permission
from documents.eligibility.asking import artifact_asked, unknown_artifact, version_asked
from documents.eligibility.verdicts import ArtifactVerdict, GateVerdict
from documents.environments import DeploymentEnvironment, named
from documents.errors import Forbidden, InvalidInput, Refusal, Unavailable
from documents.formats.graph import in_graph_terms
from documents.store.pauses import pausing
from documents.tokens import TokenScope
from documents.versions.dependencies import VersionName
from gql.errors import coded
from gql.gate.asked import Question, Way, in_path, in_webhook, parts_of, way_of
from gql.http import (
    CHALLENGES,
    CUT_SHORT,
    JSON,
    Answer,
    Entrance,
    Sent,
    Unserved,
    check_size,
    json_in_body,
    not_let_in,
    send_answer,
)
from gql.leaving import unless_left
from gql.limits import OutOfTime, in_time
from gql.middleware import tell_denied
from gql.settings import Limits
from resolvers.graph.context import Context
from resolvers.graph.scalars import say_moment

PATH, ACTION = b"/gate", "gate"
STATUS = {"INVALID_INPUT": 400, "FORBIDDEN": 403, "NOT_FOUND": 404, "LIMIT_EXCEEDED": 422, "UNAVAILABLE": 503}
METHODS = {Way.VERSION: ("GET", "HEAD"), Way.DIGEST: ("GET", "HEAD"), Way.FLAGGER: ("POST",)}
_ROUTES = ", ".join(f"{METHODS[each][0]} {each.value}" for each in Way)
NOT_KEPT = {"cache-control": "no-store"}


class Gate(BaseRoute):
    """Everything below `/gate`. A yes is 200 and a no is 403; `errors` in the body says that there is no verdict.

    No path of it is logged or told to the trail, because a token can stand there.
    """

    def __init__(self, entrance: Entrance, limits: Limits) -> None:
        self.entrance, self.limits = entrance, limits

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = scope["type"] == "http" and (_raw(scope) == PATH or _raw(scope).startswith(PATH + b"/"))
        return (Match.FULL if found else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Sent(scope, receive)
        try:
            answer = await self._answered(request)
        except ClientDisconnect:
            return
        except Unserved as unserved:
            answer = unserved.answer
        except asyncio.CancelledError:
            await _send(CUT_SHORT, request.method, send)
            raise
        except Exception as error:  # noqa: BLE001  `coded` logs it
            answer = _refusing(error)
        await _send(answer, request.method, send)

    async def _answered(self, request: Sent) -> Answer:
        check_size(request)
        parts = parts_of(_raw(request.scope))
        if parts is None:
            raise Unserved(404, InvalidInput("path", f"must be one of: {_ROUTES}"))
        way = way_of(parts, request.method)
        if request.method not in METHODS[way]:
            allowed = ", ".join(METHODS[way])
            raise Unserved(405, InvalidInput("method", f"must be one of: {allowed}"), allow=allowed)
        context = await self._admit(request, parts[1] if way is Way.FLAGGER else None)
        if way is Way.FLAGGER:
            question = in_webhook(request.scope["query_string"], await json_in_body(request, self.limits))
        else:
            question = in_path(way, parts, request.scope["query_string"])
        with unless_left(request.receive):
            async with in_time(self.limits.seconds):
                return await _verdict(question, context)

    async def _admit(self, request: Sent, token: str | None) -> Context:
        try:
            return await self.entrance.admit(request, TokenScope.GATE, token)
        except Refusal as refusal:
            raise not_let_in(refusal) from refusal


def _raw(scope: Scope) -> bytes:
    """The path as it was sent; ASGI servers need not tell it."""
    raw: bytes | None = scope.get("raw_path")
    return quote(scope["path"]).encode() if raw is None else raw


async def _verdict(question: Question, context: Context) -> Answer:
    try:
        context.actor.needs(Permission.READ)
        environment = await named(question.environment)
        if isinstance(question.about, VersionName):
            said = await _of_version(question.about, environment, context)
        else:
            said = await _of_artifact(question.about, environment, context)
    except Forbidden:
        await tell_denied(context, ACTION)
        raise
    return Answer(200 if said["eligible"] or question.metric else 403, said)


async def _of_version(about: VersionName, environment: DeploymentEnvironment, context: Context) -> dict[str, Any]:
    _must_reach(context.actor, about.model_id, environment.name)
    verdict = await version_asked(about.model_id, about.version, environment, context.now)
    return dict(in_graph_terms(verdict)) | {"checkedAt": say_moment(verdict.checked_at)}


async def _of_artifact(sha256: str, environment: DeploymentEnvironment, context: Context) -> dict[str, Any]:
    """The verdict on bytes, for programs that may ask about one of the versions that hold them.

    A yes names a holder that the caller may ask about. What stops the bytes stops them for everybody.
    """
    _must_reach(context.actor, None, environment.name)
    verdict, _ = await artifact_asked(sha256, environment, context.now)
    if not verdict.known:
        raise unknown_artifact(sha256)
    within = [each for each in verdict.holders if context.actor.reach.beyond(each.model_id, None) is None]
    able = [each for each in within if each.eligible]
    if verdict.holders and not (able if verdict.eligible else within):
        beyond = [each for each in verdict.holders if each.eligible or not verdict.eligible]
        _must_reach(context.actor, beyond[0].model_id, None)
    return await _artifact_said(verdict, able[0] if verdict.eligible else None)


async def _artifact_said(verdict: ArtifactVerdict, holder: GateVerdict | None) -> dict[str, Any]:
    return {
        "eligible": verdict.eligible,
        "modelId": holder and holder.model_id,
        "version": holder and holder.version,
        "environment": verdict.environment,
        "reasons": [in_graph_terms(each) async for each in pausing(verdict.reasons)],  # a hundred drafts lack a lot
        "dossier": in_graph_terms(holder and holder.dossier),
        "checkedAt": say_moment(verdict.checked_at),
        "sha256": verdict.sha256,
        "holders": [{"modelId": each.model_id, "version": each.version, "eligible": each.eligible} for each in verdict.holders],
    }


def _must_reach(actor: Actor, model_id: str | None, environment: str | None) -> None:
    """Forbidden for a program that asks about what its token or rule does not reach."""
    if beyond := actor.reach.beyond(model_id, environment):
        raise Forbidden(f"{actor.id} may ask nothing about {beyond}", [f"a token or rule that names {beyond}"])


def _refusing(error: Exception) -> Answer:
    """The answer where there is no verdict: what was refused, or what failed."""
    said = coded(GraphQLError("", original_error=error)).formatted
    code = str(said["extensions"]["code"])
    status = 503 if isinstance(error, OutOfTime) else STATUS.get(code, 500)
    return Answer(status, {"errors": [said]}, _headers(status))


def _headers(status: int) -> dict[str, str]:
    if status == 503:
        return {"retry-after": str(Unavailable.retry_after)}
    return {"www-authenticate": CHALLENGES[status]} if status in CHALLENGES else {}


async def _send(answer: Answer, method: str, send: Send) -> None:
    kept = Answer(answer.status, answer.said, {**answer.headers, **NOT_KEPT})
    await send_answer(kept, JSON, send, bodiless=method == "HEAD")
