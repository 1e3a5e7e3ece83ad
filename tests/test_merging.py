"""Whether fields can be merged is decided as graphql-core decides it, and at a cost that does not grow with their square."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from graphql import OverlappingFieldsCanBeMergedRule, build_schema, parse, validate

from documents.errors import LimitExceeded
from gql import merging
from gql.merging import FieldsCanBeMerged

SCHEMA = build_schema("""
    interface Animal { name: String size(in: Unit, of: [Part]): Int mate: Animal friends: [Animal!] }
    interface Pet { name: String! owner: Person }
    type Dog implements Animal & Pet { name: String! size(in: Unit, of: [Part]): Int mate: Dog friends: [Animal!] owner: Person barks: Boolean }
    type Cat implements Animal & Pet { name: String! size(in: Unit, of: [Part]): Int mate: Cat friends: [Animal!] owner: Person barks: Int }
    type Person { name: String size: Float pets: [Pet] pet: Either mate: Person }
    union Either = Dog | Cat
    enum Unit { CM INCH }
    input Part { leg: Int tail: String }
    type Query { animal: Animal pet: Pet dog: Dog either: Either person: Person animals: [Animal] }
""")  # noqa: E501  a field list is easier to read on one line
ON = ["Animal", "Pet", "Dog", "Cat", "Person", "Either", "Query"]
FIELDS = ["name", "size", "mate", "friends", "owner", "barks", "pets", "pet", "dog", "animal", "either", "person", "unknown"]
ARGUMENTS = [
    "", "", "(in: CM)", "(in: INCH)", "(of: [])", "(of: [{leg: 1, tail: \"a\"}])", "(of: [{tail: \"a\", leg: 1}])", "(in: $u)",
    "(of: null)", '(of: [{tail: """a"""}])', '(of: [{tail: "a"}])', "(in: CM, of: [])", "(of: [], in: CM)",
]  # fmt: skip
FRAGMENTS = ["F", "G", "H"]


def selection(draw: Random, depth: int = 2) -> str:
    """A selection set; the fields need not exist on the type, because this rule does not judge that."""
    return f"{{ {' '.join(_part(draw, depth) for _ in range(draw.randint(1, 3)))} }}"


def _part(draw: Random, depth: int) -> str:
    kind = draw.randint(0, 5) if depth else 0
    if kind == 4:
        return f"...{draw.choice(FRAGMENTS)}"
    if kind == 5:
        return f"...{draw.choice(['', *(f' on {each}' for each in ON)])} {selection(draw, depth - 1)}"
    inner = selection(draw, depth - 1) if depth and draw.randint(0, 2) else ""
    return f"{draw.choice(['', '', '', 'a: '])}{draw.choice(FIELDS)}{draw.choice(['', draw.choice(ARGUMENTS)])} {inner}"


def document(draw: Random) -> str:
    fragments = (f"fragment {each} on {draw.choice(ON)} {selection(draw)}" for each in FRAGMENTS)
    return " ".join([selection(draw), *fragments])


def refuses(rule: Any, text: str, schema: Any = SCHEMA) -> bool:
    return bool(validate(schema, parse(text), [rule]))


@pytest.mark.exhaustive
def test_it_refuses_what_graphql_core_refuses_and_nothing_else() -> None:
    """Hypothesis would take a minute to make as many documents."""
    refused = 0
    for seed in range(600):
        text = document(Random(seed))
        refused += (expected := refuses(OverlappingFieldsCanBeMergedRule, text))
        assert refuses(FieldsCanBeMerged, text) == expected, text
    assert 60 < refused < 540  # both are tried


DECIDED = {
    "one field under two names": ("{ dog { a: name b: name } }", False),
    "two fields under one name": ("{ dog { a: name a: barks } }", True),
    "other arguments": ("{ dog { size(in: CM) size(in: INCH) } }", True),
    "arguments in another order": ("{ dog { size(in: CM, of: []) size(of: [], in: CM) } }", False),
    "two fields on two object types": ("{ animal { ... on Dog { a: name } ... on Cat { a: owner { name } } } }", True),
    "two fields of one shape on two object types": ("{ pet { ... on Dog { a: size(in: CM) } ... on Cat { a: size } } }", False),
    "two fields of one shape on a type and an interface": ("{ animal { size(in: CM) ... on Cat { size } } }", True),
    "two shapes on two object types": ("{ animal { ... on Dog { barks } ... on Cat { barks } } }", True),
    "null and not null": ("{ animal { name ... on Dog { name } } }", True),
    "below two selections of one field": ("{ dog { mate { a: name } mate { a: barks } } }", True),
    "in two fragments": ("{ dog { ...F ...G } } fragment F on Dog { a: name } fragment G on Dog { a: barks }", True),
    "in a fragment that nobody spreads": ("{ dog { name } } fragment F on Dog { a: name a: barks }", True),
    "below fields of two object types": (
        "{ animal { ... on Dog { m: mate { s: size(in: CM) } } ... on Cat { m: mate { s: size } } } }", False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "refused"), DECIDED.values(), ids=DECIDED)
def test_it_is_decided_as_the_specification_says(text: str, refused: bool) -> None:
    assert refuses(FieldsCanBeMerged, text) == refused == refuses(OverlappingFieldsCanBeMergedRule, text)


def test_the_message_names_the_key_and_both_places() -> None:
    (error,) = validate(SCHEMA, parse("{ dog { a: name a: barks } }"), [FieldsCanBeMerged])
    assert error.message.startswith("Fields 'a' conflict because 'name' and 'barks' are different fields.")
    assert error.locations == [(1, 9), (1, 17)]


def work_of(text: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often fields were looked at."""
    made: list[FieldsCanBeMerged] = []

    class Counted(FieldsCanBeMerged):
        def __init__(self, context: Any) -> None:
            super().__init__(context)
            made.append(self)

    assert validate(SCHEMA, parse(text), [Counted]) == []
    return merging.WORK - made[0].work


REPEATED = {
    "a field": "{{ dog {{ {} }} }}".format,
    "a fragment": "{{ dog {{ ...F mate {{ ...F }} }} }} fragment F on Dog {{ {} }}".format,
}


@pytest.mark.parametrize("around", REPEATED.values(), ids=REPEATED)
@pytest.mark.parametrize("field", ["name ", "mate { name } ", "... on Pet { owner { pets { name } } } ", "size(in: CM) "])
def test_the_work_grows_with_the_length_of_the_text_and_not_faster(
    around: Any, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, twice = (work_of(around(field * times), monkeypatch) for times in (200, 400))
    assert twice < 2.1 * once


def test_a_text_whose_fragments_meet_in_ever_other_company_is_refused() -> None:
    """Each level doubles the sets that meet: which of the levels above went by `a` and not by `b` decides what a set holds."""
    levels = 14
    text = "{ dog { ...A0 } } " + f"fragment A{levels} on Dog {{ name }} "
    for level in range(levels):
        text += f"fragment A{level} on Dog {{ a: mate {{ ...A{level + 1} ...M{level}x0 }} b: mate {{ ...A{level + 1} }} }} "
        text += f"fragment M{level}x{levels} on Dog {{ name }} "
        for step in range(levels):
            on = f"{{ ...M{level}x{step + 1} }}"
            text += f"fragment M{level}x{step} on Dog {{ a: mate {on} b: mate {on} }} "
    (error,) = validate(SCHEMA, parse(text), [FieldsCanBeMerged])
    assert isinstance(error.original_error, LimitExceeded)
