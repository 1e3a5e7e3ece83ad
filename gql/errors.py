"""The one place where an error becomes `extensions.code`, and what nobody foresaw is hidden."""

import logging
import re
from typing import Any
from uuid import uuid4

from graphql import GraphQLError
from strawberry.pydantic import InputValidationError

from documents.errors import InvalidInput, Refusal, Unavailable
from documents.store.transaction import is_outage
from documents.values import camel

log = logging.getLogger(__name__)
_NAME = re.compile(r"`([a-z_]+)`")
_AT = re.compile(r"Variable '\$(\w+)' has invalid value at ([\w.\[\]]+): ")


def coded(error: GraphQLError) -> GraphQLError:
    """The error as a client may see it: with its code, and without what is not for it."""
    match error.original_error:
        case Refusal() as refusal:
            return _again(error, str(for_client(refusal)), code_of(refusal))
        case InputValidationError() as wrong:
            problems = [{"path": _path(each.location), "problem": each.message, "type": each.type} for each in wrong.errors]
            return _again(error, wrong.message, {"code": "INVALID_INPUT", "path": problems[0]["path"], "problems": problems})
        case None | GraphQLError():  # GraphQL's own word on what the client sent
            return _again(error, error.message, {"code": InvalidInput.code} | _where(error.message))
        case ValueError() if error.path is None:  # a scalar's, on a literal
            return _again(error, error.message, {"code": InvalidInput.code} | _where(error.message))
        case outage if is_outage(outage):
            log.warning("the database is out of reach: %s", outage)
            return _again(error, str(Unavailable()), code_of(Unavailable()))
        case unforeseen:
            name = uuid4().hex
            log.error("%s", name, exc_info=unforeseen)
            return _again(error, "something went wrong here; the id stands in the server's log", {"code": "INTERNAL", "id": name})


def for_client(refusal: Refusal) -> Refusal:
    """A refusal of a field as the client knows it: `use_cases.0` of a mutation's input is `input.useCases.0`."""
    if type(refusal) is not InvalidInput:
        return refusal
    path = [refusal.argument, *map(camel, refusal.path.split("."))]
    return InvalidInput(".".join(filter(None, path)), _NAME.sub(lambda name: f"`{camel(name[1])}`", refusal.problem))


def code_of(refusal: Refusal) -> dict[str, Any]:
    """The code and the facts of a refusal, under the names of the schema."""
    refusal = for_client(refusal)
    return {"code": refusal.code} | {camel(name.rstrip("_")): value for name, value in refusal.facts.items()}


def refused(refusal: Refusal) -> dict[str, Any]:
    """The answer to a request that does not reach GraphQL."""
    return {"errors": [{"message": str(for_client(refusal)), "extensions": code_of(refusal)}]}


def _where(message: str) -> dict[str, str]:
    """The path into a variable that GraphQL names in its message alone: `$input.artifacts[0].sha256`."""
    found = _AT.match(message)
    return {"path": (found[1] + found[2]).replace("[", ".").replace("]", "")} if found else {}


def _path(location: list[str]) -> str:
    return ".".join(camel(each) for each in location)


def _again(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, error.original_error, extensions)
