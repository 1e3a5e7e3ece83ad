"""The apps that are compared, ours among them: `python -m bench.contenders NAME DESCRIPTOR` serves one as a worker of ours."""

import asyncio
import logging
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from socket import socket
from typing import Any

import orjson
import uvloop
from pymongo import WriteConcern
from pymongo.read_concern import ReadConcern
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import FieldExtension
from strawberry.tools import create_type

from bench import static as from_memory
from bench.questions import QUESTIONS, Question, raw_of
from bench.static import static
from documents.access import Actor, ActorType, PlatformRole
from documents.audit.trail import Request as AuditedRequest
from documents.kinds import RECORDS, open_database
from documents.store.session import Database, bound_database
from documents.store.units import Unit
from documents.versions.waivers import WAIVER_DAYS
from gql.app import Bound, create_app
from gql.credentials import Front
from gql.firststart import ADMINISTRATOR, utc_now
from gql.http import Entrance, OverHTTP
from gql.identity import Doorkeeper
from gql.middleware import permitted, through
from gql.schema import PARTS, Answered, Schema
from gql.secretkey import keyring_if_any
from gql.serving import Server, configured, in_turn
from gql.settings import Settings, read_settings
from gql.texts import Texts
from resolvers.graph.context import Context, Info
from resolvers.graph.registry import Assembled, Registry
from resolvers.graph.selection import Asks, Selected


def bare(settings: Settings, kept: Database) -> Starlette:
    """Starlette, Motor and orjson, written by hand: a route for each question, and one for a change of a person's department."""
    database = raw_of(kept)

    def answers(question: Question) -> Route:
        async def answer(request: Request) -> Response:
            return _said(await question.bare(database))

        return Route(f"/{question.name}", answer)

    async def person(request: Request) -> Response:
        said = orjson.loads(await request.body())["variables"]["input"]
        people = database["stakeholders"]
        journaled = WriteConcern("majority", j=True)
        async with await kept.client.start_session() as session, session.start_transaction(ReadConcern("snapshot"), journaled):
            found = await people.find_one({"user_id": said["userId"]}, session=session)
            changed = {"$set": {"department": said["department"], "revision": found["revision"] + 1}}
            await people.update_one({"_id": found["_id"], "revision": found["revision"]}, changed, session=session)
        return _said({"updateStakeholder": {"stakeholder": {"department": said["department"]}}})

    return _app(kept, *map(answers, QUESTIONS), Route("/person", person, methods=["POST"]))


def stock(settings: Settings, database: Database) -> Starlette:
    """Our types and resolvers under Strawberry's own view and execution: without sign-in, caches and projections."""
    queries = [each for part in PARTS for each in part.queries]
    registry = Registry(PARTS)
    schema = Assembled(registry, query=create_type("Query", queries))
    return _app(database, Route("/graphql", StockView(schema)))


def unaudited(settings: Settings, database: Database) -> Starlette:
    """Our app without the trail: a mutation's transaction touches no head and appends no event."""
    mutations = [through(each, Unaudited()) for part in PARTS for each in part.mutations]
    texts, registry = Texts(settings.limits), Registry(PARTS)
    schema = Schema(
        registry,
        query=create_type("Query", [permitted(each) for part in PARTS for each in part.queries]),
        mutation=create_type("Mutation", mutations),
        extensions=[Answered, texts.extension()],
    )
    schema.texts = texts
    database.keyring = keyring_if_any(settings)
    entrance = Entrance(Doorkeeper(utc_now), utc_now, Front(), None, WAIVER_DAYS)
    over_http = OverHTTP(schema, entrance, allow_get=True)
    return _app(database, Route("/graphql", over_http))


def static_bare(settings: Settings, database: Database) -> Starlette:
    """Starlette and orjson: a route for each static question. They ignore the query and answer with what they keep."""

    def answers(question: Question) -> Route:
        kept = None

        async def answer(request: Request) -> Response:
            nonlocal kept
            kept = kept or await question.bare(raw_of(database))
            return _said(kept)

        return Route(f"/{question.name}", answer)

    return _app(database, *map(answers, from_memory.QUESTIONS))


class StockView(GraphQL[Context, None]):
    """Strawberry's own view with our context: every caller is an administrator, and every read fetches whole records."""

    async def get_context(self, request: Any, response: Any) -> Context:
        administrator = Actor(ADMINISTRATOR, ActorType.USER, frozenset({PlatformRole.ADMIN}))
        context = Context(administrator, None, datetime.now(UTC), AuditedRequest(""))
        everything: Asks = dict.fromkeys(RECORDS)
        context.selected = Selected(defaultdict(lambda: everything), everything)
        return context


class Unaudited(FieldExtension):
    """Runs a mutation's resolver in a transaction, in place of our middleware."""

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Any:
        async def work(unit: Unit) -> Any:
            return await next_(source, info, **arguments)

        return await bound_database().transact(work, info.context.now)


def ours(settings: Settings, database: Database) -> Starlette:
    """Our app as it is served."""
    return create_app(settings, utc_now, database)


def _app(database: Database, *routes: Route) -> Starlette:
    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        yield
        database.close()

    app = Starlette(routes=routes, lifespan=running)
    app.state.database = database
    app.add_middleware(Bound, database=database)
    return app


def _said(data: Any) -> Response:
    return Response(orjson.dumps({"data": data}), media_type="application/json")


async def _serve(name: str, listener: socket) -> None:
    settings = read_settings()
    database = open_database(str(settings.mongodb_uri), settings.database)
    await database.prepare(RECORDS)
    in_turn(settings, database)
    await Server(configured(CONTENDERS[name](settings, database), settings)).serve([listener])


CONTENDERS: dict[str, Callable[[Settings, Database], Starlette]] = {
    each.__name__: each for each in (bare, stock, unaudited, ours, static_bare, static)
}


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(sys.argv[1], socket(fileno=int(sys.argv[2]))))
