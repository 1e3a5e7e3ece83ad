"""Turns errors into what clients see. No other module sets `extensions.code` or hides an error that nobody foresaw."""

import logging
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from graphql import GraphQLError
from strawberry.pydantic import InputValidationError

from documents.errors import InvalidInput, Refusal, Unavailable, Unreadable
from documents.formats.graph import for_client
from documents.store.server import UnreadableDocument
from documents.store.transaction import is_outage
from documents.values import camel, problem_in
from gql.places import place_of

log = logging.getLogger(__name__)
PROBLEMS = 5  # that the message tells; `problems` has all
_NAME = re.compile(r"`([a-z_]+)`")
_AT = re.compile(r"Variable '\$(\w+)' has invalid value(?: at ([\w.\[\]]+))?: ")


def coded(error: GraphQLError, worded: Callable[[str], str] = str) -> GraphQLError:
    """The error with its code, as a client may see it. An error that nobody foresaw is logged, and the client gets its id.

    `worded` words what says what is wrong with the input.
    """
    match error.original_error:
        case InvalidInput() as refusal:
            facts = code_of(refusal)
            return _again(error, worded(str(for_client(refusal))), facts | {"problem": worded(facts["problem"])})
        case Refusal() as refusal:
            return _again(error, str(for_client(refusal)), code_of(refusal))
        case InputValidationError() as wrong:
            problems = [_problem(each.location, worded(each.message), each.type) for each in wrong.errors]
            said = "; ".join(f"{each['path']} {each['problem']}".strip() for each in problems[:PROBLEMS])
            more = f"; and {len(problems) - PROBLEMS} more" if len(problems) > PROBLEMS else ""
            return _again(error, said + more, {"code": "INVALID_INPUT", "path": problems[0]["path"], "problems": problems})
        case UnreadableDocument():
            return _again(error, str(Unreadable()), code_of(Unreadable()))
        case GraphQLError(nodes=None) if error.path is not None:  # what was read is no value of the scalar
            log.warning("%s: %s", Unreadable(), error.message)
            return _again(error, str(Unreadable()), code_of(Unreadable()))
        case None | GraphQLError():  # graphql-core refuses the text or a variable
            return _again(error, worded(error.message), {"code": InvalidInput.code} | _where(error))
        case ValueError() if error.path is None:  # a scalar refuses a literal, before any field is executed
            return _again(error, worded(error.message), {"code": InvalidInput.code} | _where(error))
        case outage if is_outage(outage):
            log.warning("the database is out of reach: %s", outage)
            return _again(error, str(Unavailable()), code_of(Unavailable()))
        case unforeseen:
            name = uuid4().hex
            log.error("%s", name, exc_info=unforeseen)
            return _again(error, "an internal error; the server logged it under this id", {"code": "INTERNAL", "id": name})


def code_of(refusal: Refusal) -> dict[str, Any]:
    """The code and the facts of a refusal, under the names of the schema."""
    refusal = for_client(refusal)
    return {"code": refusal.code} | _as_clients_spell(refusal.facts)


def told_of(refusal: Refusal) -> dict[str, Any]:
    """The code of a refusal and those of its facts that the trail tells, under the names of the schema."""
    return {"code": refusal.code} | _as_clients_spell(for_client(refusal).told)


def _as_clients_spell(facts: dict[str, Any]) -> dict[str, Any]:
    return {camel(name.rstrip("_")): value for name, value in facts.items()}


def refused(refusal: Refusal) -> dict[str, Any]:
    """The whole answer to a request that is refused before GraphQL reads it."""
    return {"errors": [{"message": str(for_client(refusal)), "extensions": code_of(refusal)}]}


def _where(error: GraphQLError) -> dict[str, str]:
    """The path into a variable, which graphql-core gives in the message only (`$input.artifacts[0].sha256`), or an argument."""
    if found := _AT.match(error.message):
        return {"path": (found[1] + (found[2] or "")).replace("[", ".").replace("]", "")}
    at = place_of(error.nodes[0]) if error.nodes else ""
    return {"path": at} if at else {}


def _problem(location: list[str], message: str, kind: str) -> dict[str, str]:
    return {"path": _path(location), "problem": problem_in(message), "type": kind}


def _path(location: list[str]) -> str:
    return ".".join(camel(each) for each in location)


def _again(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    again = GraphQLError(message, path=error.path, original_error=error.original_error, extensions=extensions)
    for name in ("nodes", "source", "positions", "locations"):  # told to GraphQLError they would be looked for in the text again
        setattr(again, name, getattr(error, name))
    return again
