"""Where in the arguments of a text a value stands that is not what it must be."""

from typing import Any

import pytest
from graphql import parse, validate

from gql.errors import coded
from gql.places import located, place_of
from tests.schema import SCHEMA

TEXTS = {
    '{ auditReport(modelId: "a", until: "x") { generatedAt } }': "until",
    "{ auditEvent(seq: 9007199254740992) { seq } }": "seq",
    '{ nodes(ids: ["a", "b", 1.5]) { id } }': "ids.2",
    "{ models(first: 1, filter: {and: [{name: {eq: $n}}, {name: {in: [$n, $n, 1]}}]}) { totalCount } }": "filter.and.1.name.in.2",
    "{ models(first: 1, filter: {tags: {some: {eq: 1}}, name: {eq: $n}}) { totalCount } }": "filter.tags.some.eq",
    "{ models(first: 1, filter: {nope: 1}) { totalCount } }": "filter.nope",
    "{ models(first: 1, nope: 1) { totalCount } }": "nope",
    "{ models(first: 9, orderBy: [{modelId: ASC}, {name: UP}]) { totalCount } }": "orderBy.1.name",
    "{ viewer @include(if: 1) { id } }": "if",
    "{ models(first: []) { totalCount } }": "first",
    "{ models(first: 1, filter: {name: {eq: {a: [1]}}}) { totalCount } }": "filter.name.eq",
    "{ models(first: {}, last: {}) { totalCount } }": None,
    "query($n: Int = {}) { models(first: $n) { totalCount } }": None,
    "{ nope }": None,
}


@pytest.mark.parametrize(("text", "place"), TEXTS.items())
def test_an_error_in_a_text_says_which_argument_it_is_about(text: str, place: str | None) -> None:
    text = text if text.startswith("query") else f"query($n: String) {text}"
    document = parse(text)
    found: list[Any] = [coded(each).extensions for each in located(validate(SCHEMA, document), document)]
    assert {each["code"] for each in found} == {"INVALID_INPUT"}
    assert place in [each.get("path") for each in found]


def test_what_is_no_value_stands_nowhere() -> None:
    assert place_of(parse("{ viewer { id } }")) == ""
