"""Bodies and headers of requests, well and badly formed, and what each is answered."""

from typing import Any

from gql.http import GRAPHQL, JSON
from tests.service import mutating

VIEWER = "{ viewer { id } }"
FAULTY = '{ viewer { id } nodes(ids: ["x"]) { id } }'
ASKED: dict[str, tuple[Any, int, int]] = {
    "data": ({"query": VIEWER}, 200, 200),
    "null for what is optional": (
        {"query": VIEWER, "operationName": None, "variables": None, "extensions": None, "more": 1}, 200, 200,
    ),
    "the operation that is named": ({"query": "query a { __typename } query b { __typename }", "operationName": "b"}, 200, 200),
    "data with an error": ({"query": '{ viewer { id } node(id: "x") { id } }'}, 294, 200),
    "nothing but an error": ({"query": mutating("revokeApiToken", ""), "variables": {"input": {"tokenId": "no"}}}, 294, 200),
    "no JSON": (b"{ viewer }", 400, 400),
    "a document that does not parse": ({"query": "{"}, 400, 200),
    "an empty document": ({"query": ""}, 400, 200),
    "a list": ([{"query": VIEWER}], 422, 400),
    "a text": (b'"{ viewer { id } }"', 422, 400),
    "no query": ({"qeury": VIEWER}, 422, 400),
    "variables that are a list": ({"query": VIEWER, "variables": []}, 422, 400),
    "an operation named by a number": ({"query": VIEWER, "operationName": 0}, 422, 400),
    "extensions that are a text": ({"query": VIEWER, "extensions": "x"}, 422, 400),
    "an unknown field": ({"query": "{ secret }"}, 422, 200),
    "a variable of the wrong kind": (
        {"query": "query($first: Int) { models(first: $first) { totalCount } }", "variables": {"first": "x"}}, 422, 200,
    ),
    "a variable that is missing": ({"query": "query($first: Int!) { models(first: $first) { totalCount } }"}, 422, 200),
    "two operations and no name": ({"query": "query a { viewer { id } } query b { viewer { id } }"}, 422, 200),
    "a name of no operation": ({"query": "query a { viewer { id } }", "operationName": "b"}, 422, 200),
    "no operation": ({"query": "fragment f on Viewer { id }"}, 422, 200),
    "a subscription": ({"query": "subscription { viewer { id } }"}, 422, 200),
}  # fmt: skip
"""The status of each under `application/graphql-response+json`, and under `application/json`."""
ACCEPTED = {
    "": JSON,
    "*/*": JSON,
    "application/*": JSON,
    "application/json": JSON,
    "application/graphql-response+json": GRAPHQL,
    "Application/GraphQL-Response+JSON; charset=utf-8": GRAPHQL,
    "application/graphql-response+json, application/json;q=0.9": GRAPHQL,
    "application/json, application/graphql-response+json": GRAPHQL,
    "application/json, application/graphql-response+json;q=0.5": JSON,
    "application/graphql-response+json;q=0.5, */*;q=0.1": GRAPHQL,
    "application/graphql-response+json;q=0, */*": JSON,
    "application/json;q=0, */*": GRAPHQL,
    "application/json;q=0.5, */*;q=0.1": JSON,
    "application/json;q=0": None,
    "application/graphql-response+json;q=x": None,
    "text/html": None,
}
"""The media type of the answer for each Accept header; None if it accepts neither."""
