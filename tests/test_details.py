"""How an event tells a change: pure, from two stored documents."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Annotated, Any, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from documents.audit.schema import cited
from documents.canonical import canonical, digest, same
from documents.details import DETAILS_BYTES, PART_BYTES, Difference, Disclosure, details_of, differences
from documents.kinds import RECORDS
from documents.salts import salted
from documents.store.record import Record
from documents.values import FreeObject

Raw = dict[str, Any]
PLAIN = Disclosure()
DIGEST = "a" * 64


def change(path: str, was: Any = None, now: Any = None) -> Raw:
    return {"path": path, "from": was, "to": now}


def by_digest(value: Any) -> Raw:
    return {"content": digest(value)}


def told(was: Any, now: Any, disclosure: Disclosure = PLAIN) -> list[Raw]:
    """What is told of one field, called `x`."""
    return details_of({"x": was}, {"x": now}, disclosure).changes


def test_a_new_record_is_told_from_nothing_in_the_order_of_its_paths() -> None:
    new = {
        "_id": 7,
        "revision": 0,
        "salts": [],
        "mac": {"seq": 1},
        "b": "two",
        "a": {"d": 4, "c": [5, 6]},
        "empty": [],
        "none": None,
    }
    assert details_of(None, new, PLAIN).changes == [
        change("a.c.0", now=5), change("a.c.1", now=6), change("a.d", now=4), change("b", now="two"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [each for each in RECORDS if each.told()])
def test_no_record_can_hold_a_name_that_is_empty_or_has_a_dot(kind: type[Record]) -> None:
    """Else two values could have one path. Names that nobody declared are those of free JSON alone."""
    for model in nested(kind):
        for name, field in model.model_fields.items():
            if {dict, Mapping, FreeObject} & {*inside(field.annotation)}:
                form: Any = Annotated[field.annotation, *field.metadata]
                for refused in ("a.b", "", ".", "a."):
                    with pytest.raises(ValidationError):
                        TypeAdapter(form).validate_python({"x": [{refused: 1}]})
            assert "." not in (field.serialization_alias or name)


def nested(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A class of values, and those of all values in it."""
    found, waiting = set[type[BaseModel]](), [model]
    while waiting:
        if (each := waiting.pop()) not in found:
            found.add(each)
            within = [one for field in each.model_fields.values() for one in inside(field.annotation)]
            waiting += [one for one in within if isinstance(one, type) and issubclass(one, BaseModel)]
    return found


def inside(annotation: Any) -> Iterator[Any]:
    """All types that an annotation names."""
    yield get_origin(annotation) or annotation
    for each in get_args(annotation):
        yield from inside(each)


def test_values_that_are_no_records_differ_by_place_or_as_a_whole() -> None:
    assert [*differences(["a", "b"], ["a", "c"])] == [Difference("1", "*", "b", "c")]
    assert [*differences("a", {"b": 1})] == [Difference("", "", "a", {"b": 1})]


@pytest.mark.parametrize(
    ("was", "now", "changes"),
    [
        (1, 1, []),
        (1, 1.0, []),
        ("", None, [change("x", "", None)]),
        (0, None, [change("x", 0, None)]),
        (False, None, [change("x", False, None)]),
        (0, False, [change("x", 0, False)]),
        (1, True, [change("x", 1, True)]),
        ([1], [True], [change("x.0", 1, True)]),
        ({"a": {"b": [0]}}, {"a": {"b": [False]}}, [change("x.a.b.0", 0, False)]),
        (None, [], []),
        ({}, [], []),
        ([{}], [[]], []),
        (["a"], ["a", "b"], [change("x.1", None, "b")]),
        (["a", "b"], ["b"], [change("x.0", "a", "b"), change("x.1", "b", None)]),
        (["a"], [], [change("x.0", "a", None)]),
        (["a"], None, [change("x.0", "a", None)]),
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, [change("x.a", 1, None), change("x.b", 2, 3), change("x.c", None, 4)]),
        ([{"a": 1, "b": 2}], [{"a": 1, "b": 3}], [change("x.0.b", 2, 3)]),
        ([[1], [2]], [[1], [2, 3]], [change("x.1.1", None, 3)]),
        ("a", ["a"], [change("x", "a", by_digest(["a"]))]),
        ({"a": 1}, "a", [change("x", by_digest({"a": 1}), "a")]),
        ({"a": 1}, [1], [change("x", by_digest({"a": 1}), by_digest([1]))]),
        ([1, "a"], [1, {"b": 2}], [change("x.1", "a", by_digest({"b": 2}))]),
    ],
)  # fmt: skip
def test_what_differs_is_told_and_nothing_else(was: Any, now: Any, changes: list[Raw]) -> None:
    assert told(was, now) == changes


def test_places_in_a_list_are_ordered_as_text() -> None:
    assert [each["path"] for each in told([], list(range(11)))] == ["x.0", "x.1", "x.10", *(f"x.{at}" for at in range(2, 10))]


@pytest.mark.parametrize("forged", [{"content": DIGEST}, [{"content": DIGEST}], {"from": {"content": DIGEST}}])
def test_no_value_passes_for_a_citation(forged: Any) -> None:
    for was, now in ((None, forged), ("text", forged), (forged, 1), (forged, None), ([1], forged), ({"a": 1}, forged)):
        changes = told(was, now)
        assert changes and DIGEST not in cited({"details": {"changes": changes}})


SALTS = [f"{at:032x}" for at in range(4)]


def with_salts(record: Raw, **salts: str) -> Raw:
    """The record with salts; `__` in a name stands for the dot of a path."""
    return record | {"salts": [{"path": name.replace("__", "."), "salt": salt} for name, salt in salts.items()]}


def private(path: str, salt: str | None = None, now: Any = None) -> Raw:
    return {"path": path, "changed": True, "salted": salt and salted(salt, now)}


def test_private_paths_are_told_by_a_salted_digest_of_the_value_as_it_is_now() -> None:
    disclosure = Disclosure(private=frozenset({"name", "notes.*.text", "gone.reason"}))
    was = {"name": "Ann", "notes": [{"text": "a", "by": "ann"}], "gone": None}
    now = {"name": "Anne", "notes": [{"text": "a", "by": "ann"}, {"text": "b", "by": "ann"}], "gone": {"reason": "c"}}
    was = with_salts(was, name=SALTS[0], notes__0__text=SALTS[1])
    now = with_salts(now, name=SALTS[2], notes__0__text=SALTS[1], notes__1__text=SALTS[3], gone__reason=SALTS[0])
    assert details_of(was, now, disclosure).changes == [
        private("gone.reason", SALTS[0], "c"), private("name", SALTS[2], "Anne"),
        change("notes.1.by", None, "ann"), private("notes.1.text", SALTS[3], "b"),
    ]  # fmt: skip
    assert details_of(now, was, disclosure).changes == [
        private("gone.reason"), private("name", SALTS[0], "Ann"), change("notes.1.by", "ann", None), private("notes.1.text"),
    ]  # fmt: skip
    assert details_of(now, now, disclosure).changes == []


def test_a_salt_that_was_renewed_is_told_although_the_value_is_the_same() -> None:
    disclosure = Disclosure(private=frozenset({"notes.*.text"}))
    record = {"notes": [{"text": "a"}]}
    was, now = with_salts(record, notes__0__text=SALTS[0]), with_salts(record, notes__0__text=SALTS[1])
    for before in (was, record):
        assert details_of(before, now, disclosure).changes == [private("notes.0.text", SALTS[1], "a")]
    wide = {"wide": ["x" * 100] * 500}
    found = details_of(was, now | wide, disclosure)
    notes = [{"text": {"salted": salted(each, "a")}} for each in SALTS[:2]]
    assert found.changes == [change("notes", *map(by_digest, notes_of(notes))), change("wide", None, by_digest(wide["wide"]))]


def notes_of(notes: list[Raw]) -> list[list[Raw]]:
    return [[each] for each in notes]


def test_a_digest_of_a_content_is_told_as_a_citation() -> None:
    disclosure = Disclosure(cites=frozenset({"revisions.*.digest", "frozen"}))
    was = {"frozen": None, "revisions": [{"digest": DIGEST}]}
    now = {"frozen": DIGEST, "revisions": [{"digest": DIGEST}, {"digest": "b" * 64}]}
    assert details_of(was, now, disclosure).changes == [
        change("frozen", None, {"cites": DIGEST}), change("revisions.1.digest", None, {"cites": "b" * 64}),
    ]  # fmt: skip
    assert details_of(now, was, disclosure).changes[0] == change("frozen", {"cites": DIGEST}, None)


def test_reviewed_paths_are_told_by_digest_however_small() -> None:
    disclosure = Disclosure(reviewed=frozenset({"card", "earlier.*"}))
    was, now = {"card": None, "earlier": [{"a": 1}]}, {"card": {"b": 2}, "earlier": [{"a": 1}, {"a": 2}]}
    found = details_of(was, now, disclosure)
    assert found.changes == [change("card", None, by_digest({"b": 2})), change("earlier.1", None, by_digest({"a": 2}))]
    assert found.contents == {digest(each): canonical(each) for each in ({"b": 2}, {"a": 2})}
    assert details_of(now, was, disclosure).changes[0] == change("card", by_digest({"b": 2}), None)


def test_derived_fields_are_left_out() -> None:
    was, now = ({"a": 1, "standing": {"b": each}, "used": each} for each in (1, 2))
    left_out = Disclosure(derived=frozenset({"standing"}), untold=frozenset({"used"}))
    assert details_of(was, now, left_out).changes == []


def test_a_part_over_two_kibibytes_is_told_by_digest() -> None:
    fits, large = "x" * (PART_BYTES - 2), "x" * (PART_BYTES - 1)  # in canonical form with two quotation marks
    found = details_of({"a": fits, "b": large}, {"a": None, "b": None}, PLAIN)
    assert found.changes == [change("a", fits, None), change("b", by_digest(large), None)]
    assert found.contents == {digest(large): canonical(large)}


def test_a_change_too_wide_is_told_field_by_field_and_keeps_no_more_than_it_cites() -> None:
    disclosure = Disclosure(private=frozenset({"notes.*.text", "name"}))
    was = {"name": "Ann", "count": 1, "uses": [], "notes": [], "same": ["s"] * 300, "flag": [1], "none": None}
    now = {
        "name": "Anne", "count": 2, "uses": ["x" * 3_000] * 200 + ["y" * 300] * 100,
        "notes": [{"text": "secret", "by": "ann"}], "same": ["s"] * 300, "flag": [True], "none": [],
    }  # fmt: skip
    was, now = with_salts(was, name=SALTS[2]), with_salts(now, name=SALTS[0], notes__0__text=SALTS[1])
    found = details_of(was, now, disclosure)
    notes = [{"text": {"salted": salted(SALTS[1], "secret")}, "by": "ann"}]
    assert found.changes == [
        change("count", 1, 2), change("flag", by_digest([1]), by_digest([True])), private("name", SALTS[0], "Anne"),
        change("notes", by_digest([]), by_digest(notes)), change("uses", by_digest([]), by_digest(now["uses"])),
    ]  # fmt: skip
    assert len(canonical(found.changes)) <= DETAILS_BYTES
    assert found.contents.keys() == cited({"details": {"changes": found.changes}})
    assert not any(b"secret" in text for text in found.contents.values())


patient = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.sampled_from(["content", "from", "to", "path", "a"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.text("ab", max_size=2) | st.just(DIGEST),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(NAMES, inside, max_size=3),
    max_leaves=8,
)


def emptied(value: Any) -> Any:
    """Without what says nothing: empty lists and objects, and nulls at the end of a list or in an object."""
    if isinstance(value, dict):
        return {name: each for name, each in ((name, emptied(each)) for name, each in value.items()) if each is not None} or None
    if isinstance(value, list):
        kept = [emptied(each) for each in value]
        while kept and kept[-1] is None:
            kept.pop()
        return kept or None
    return value


@patient
@given(JSON, JSON)
def test_whatever_differs_is_told_and_whatever_is_cited_is_kept(was: Any, now: Any) -> None:
    found = details_of({"x": was}, {"x": now}, PLAIN)
    assert found.changes or same(emptied(was), emptied(now))
    assert details_of({"x": now}, {"x": now}, PLAIN).changes == []
    assert cited({"details": {"changes": found.changes}}) == found.contents.keys()
    assert all(sha256(text).hexdigest() == each for each, text in found.contents.items())
    assert [each["path"] for each in found.changes] == sorted({each["path"] for each in found.changes})
