"""The fold: replaying what events tell of a record comes to the leaves of the record; pure."""

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from documents.audit.fold import MALFORMED, MISSING, UNKNOWN, Telling, Told, fold
from documents.audit.ledger import Ledger
from documents.audit.records import differing, leaves_of
from documents.canonical import canonical, digest, loosely_parsed
from documents.details import DETAILS_BYTES, PART_BYTES, Details, Disclosure, details_of
from documents.salts import fresh, private_values, shapes_of

Raw = dict[str, Any]
DISCLOSURE = Disclosure(
    private=frozenset({"a.b", "list.*.b", "secret"}), reviewed=frozenset({"card", "list.*.card"}), derived=frozenset({"follows"}),
    cites=frozenset({"list.*.digest"}),
)  # fmt: skip
NAMES = st.sampled_from(["a", "b", "c", "card", "digest", "list", "0", "1"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=3),
    st.just("x" * (PART_BYTES + 1)), st.just("a" * 64),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inside: st.lists(inside, max_size=4) | st.dictionaries(NAMES, inside, max_size=4), max_leaves=12
)
FIELDS = st.sampled_from(["a", "list", "card", "secret", "other", "follows"])
LARGE = {"huge": [f"{at:0>40}" for at in range(DETAILS_BYTES // 60)]}
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
DOCUMENTS = st.lists(st.dictionaries(FIELDS, VALUES, max_size=5), min_size=1, max_size=5)


def salted(document: Raw) -> Raw:
    shapes = shapes_of(DISCLOSURE.private)
    return document | {"salts": [{"path": path, "salt": fresh()} for path, _ in private_values(document, shapes)]}


def telling(details: Details, seq: int, schema: int = 2) -> Telling:
    said = loosely_parsed(canonical({"changes": details.changes}))
    return Telling("Thing", "one", seq, schema, details.baseline, said["changes"])


def replayed(documents: list[Raw]) -> tuple[Told, dict[str, Any]]:
    """The state that the changes from each document to the next come to, and the contents that they cite."""
    told, contents, before = Told(), dict[str, Any](), None
    for seq, document in enumerate(documents):
        details = details_of(before, document, DISCLOSURE)
        contents |= {digest: loosely_parsed(text) for digest, text in details.contents.items()}
        told.take(telling(details, seq))
        told, before = Told.of_json(json.loads(json.dumps(told.as_json()))), document
    return told, contents


def found(told: Told, document: Raw, contents: dict[str, Any]) -> list[str]:
    look = lambda digest: contents.get(digest, MISSING)  # noqa: E731
    return [each.path for each in differing(told, leaves_of(document, DISCLOSURE), look)]


@unhurried
@given(DOCUMENTS)
@example([{"list": [{"digest": "a" * 64}]}, {"list": [{"digest": "no digest"}]}])
@example([{"list": [{"digest": "x" * (PART_BYTES + 1)}]}])
def test_what_events_tell_comes_to_the_record(documents: list[Raw]) -> None:
    documents = [salted(each) for each in documents]
    told, contents = replayed(documents)
    assert found(told, documents[-1], contents) == []


@unhurried
@given(DOCUMENTS, st.integers(0, 4))
def test_it_does_where_whole_fields_are_told_as_contents(documents: list[Raw], at: int) -> None:
    documents = [salted(each | (LARGE if number <= at else {"huge": LARGE["huge"][:3]})) for number, each in enumerate(documents)]
    told, contents = replayed(documents)
    assert found(told, documents[-1], contents) == []


def tidied(value: Any) -> Any:
    """The value without parts that hold nothing but nothing: nobody can tell such a part from a missing one."""
    if isinstance(value, dict):
        return {name: told for name, each in value.items() if (told := tidied(each)) is not None} or None
    if isinstance(value, list):
        inside = [tidied(each) for each in value]
        return inside if any(each is not None for each in inside) else None
    return value


TIDY = VALUES.map(tidied)


@unhurried
@given(st.lists(st.dictionaries(FIELDS, TIDY, max_size=5), min_size=1, max_size=4), st.dictionaries(FIELDS, TIDY, max_size=5))
def test_another_record_differs_if_and_only_if_its_leaves_do(documents: list[Raw], other: Raw) -> None:
    documents = [salted(each) for each in documents]
    told, contents = replayed(documents)
    other = salted(other)  # with other salts, so that each private value differs
    apart = leaves_of(other, DISCLOSURE) != leaves_of(documents[-1], DISCLOSURE)
    assert bool(found(told, other, contents)) is apart


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(["path", "from", "to", "changed", "salted", "content", "cites", "a"]), inside, max_size=4
        )
    ),
    max_leaves=10,
)
PATHS = st.sampled_from(["", ".", "a", "a.b", "a..b", "list.0.b", "a." * 500]) | JSON


@unhurried
@given(
    st.lists(st.fixed_dictionaries({"path": PATHS}, optional={"to": JSON, "changed": JSON, "salted": JSON}) | JSON, max_size=5),
    JSON,
)
def test_no_details_make_it_raise(changes: list[Any], baseline: Any) -> None:
    said = {
        "seq": 3, "schema": 2, "outcome": "success", "resource": {"type": "Thing", "id": "one"},
        "details": {"changes": changes, "baseline": baseline},
    }  # fmt: skip
    told = Told()
    for _ in range(2):
        if each := Telling.of(said):
            told.take(each)
    told = Told.of_json(json.loads(json.dumps(told.as_json())))
    assert found(told, {"a": 1}, {}) is not None


STEPS = st.sampled_from(["", "a", "b", "0"])
NESTED = st.lists(STEPS, min_size=1, max_size=4).map(".".join)
CONTENTS = [[1], {"a": 1, "b": {"0": [2]}}, {"salted": "a" * 64}, [], "text"]
TOLD_LEAVES = st.one_of(
    st.sampled_from([None, 1, 1.0, True, "x", {}, {"content": "no digest"}, {"cites": "a" * 64}]),
    st.sampled_from([{"content": digest(each)} for each in CONTENTS]),
)
CHANGES = st.one_of(
    st.fixed_dictionaries({"path": NESTED, "to": TOLD_LEAVES}),
    st.fixed_dictionaries({"path": NESTED, "changed": st.just(True)}, optional={"salted": st.sampled_from([None, "a" * 64])}),
)


class InTree(Told):
    """A state that is a tree from the first change on."""

    def _put_in_map(self, *_: Any) -> bool:
        return False


@unhurried
@given(
    st.lists(st.tuples(st.lists(CHANGES, max_size=5), st.integers(0, 9)), max_size=5),
    st.dictionaries(NESTED, TOLD_LEAVES.filter(lambda each: each is not None), max_size=4),
)
def test_a_state_is_the_same_in_maps_and_in_a_tree(events: list[tuple[list[Raw], int]], stored: dict[str, Any]) -> None:
    quick, slow, contents = Told(), InTree(), {digest(each): each for each in CONTENTS}
    for seq, (changes, number) in enumerate(events):
        for told in (quick, slow):
            told.take(Telling("Thing", "one", seq, 1 if number == 1 else 2, number == 0, changes))
        assert sorted(map(repr, quick.leaves())) == sorted(map(repr, slow.leaves()))
        assert (quick.last, quick.since) == (slow.last, slow.since)
        assert quick.scalars(["a", "b", "", "0"]) == slow.scalars(["a", "b", "", "0"])
        for leaves in (stored, {path: leaf for path, (leaf, _), _ in slow.leaves() if leaf is not None}):
            look = lambda digest: contents.get(digest, MISSING)  # noqa: E731
            assert [*differing(quick, leaves, look)] == [*differing(slow, leaves, look)]
        quick = Told.of_json(json.loads(json.dumps(quick.as_json())))


@pytest.mark.parametrize("said", [
    None, 1, [], {}, {"seq": True}, {"seq": -1, "schema": 2, "outcome": "success"},
    {"seq": 1, "schema": 2, "outcome": "denied", "resource": {"type": "A", "id": "b"}, "details": {"changes": [{}]}},
    {"seq": 1, "schema": 2, "outcome": "success", "resource": {"type": "A", "id": "b"}, "details": {"changes": []}},
    {"seq": 1, "schema": 2, "outcome": "success", "resource": {"type": "A", "id": None}, "details": {"changes": [{}]}},
])  # fmt: skip
def test_what_changes_no_record_tells_nothing(said: Any) -> None:
    assert Telling.of(said) is None
    assert Telling.in_bytes(json.dumps(said).encode()) is None


def tellings(*changes: list[Raw], schema: int = 2, baseline: int | None = None) -> Told:
    events = [Telling("Thing", "one", seq, schema, seq == baseline, each) for seq, each in enumerate(changes)]
    return fold(events)["Thing", "one"]


def leaves(told: Told) -> dict[str, Any]:
    return {path: leaf for path, (leaf, _), _ in told.leaves()}


def test_a_change_replaces_what_is_at_its_path_and_below() -> None:
    told = tellings([{"path": "a.b", "to": 1}, {"path": "a.c", "to": 2}], [{"path": "a", "to": "gone"}])
    assert leaves(told) == {"a": "gone"} and told.last == 1
    assert leaves(tellings([{"path": "a", "to": 1}], [{"path": "a", "to": None}])) == {}


def test_a_baseline_starts_anew_and_proves_the_record() -> None:
    told = tellings([{"path": "a", "to": 1}], [{"path": "b", "to": 2}], schema=1, baseline=1)
    assert leaves(told) == {"b": 2} and told.since == 1


def test_events_of_schema_1_prove_nothing() -> None:
    told = tellings([{"path": "a", "changed": True}, {"path": "b", "to": 1}], schema=1)
    assert leaves(told) == {"a": UNKNOWN, "b": 1} and told.since is None


def test_a_content_that_is_missing_leaves_its_field_unknown() -> None:
    digest = sha256(b"[1]").hexdigest()
    told = tellings([{"path": "a", "to": {"content": digest}}], [{"path": "a.1", "to": 2}])
    assert found(told, {"a": [5, 2]}, {}) == []
    assert found(told, {"a": [5, 3]}, {}) == ["a.1"]
    assert found(told, {"a": [5, 2]}, {digest: [1]}) == ["a.0"]


@pytest.mark.parametrize(
    "to", [{}, [], {"content": "x"}, {"content": "0" * 64, "more": 1}, {"value": 1}, {"cites": 1}, [{"content": "0" * 64}]]
)
def test_what_no_value_is_told_as_differs_from_every_value(to: Any) -> None:
    told = tellings([{"path": "a", "to": to}])
    assert leaves(told) == {"a": MALFORMED}
    for value in (None, to, MALFORMED, 1):
        assert "a" in found(told, {"a": value}, {})


def test_a_ledger_gives_back_every_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("documents.audit.ledger.FEW", 3)
    with Ledger() as ledger:
        for seq in range(200):
            ledger.take(Telling("Thing", str(seq % 20), seq, 2, False, [{"path": f"p{seq}", "to": seq}]))
        for at in (*range(20), *range(20)):
            told = ledger.told("Thing", str(at))
            assert told and leaves(told) == {f"p{seq}": seq for seq in range(at, 200, 20)}
        assert ledger.meets("Thing", "3") and not ledger.meets("Thing", "3") and ledger.meets("Other", "3")
        assert [key for _, key, _ in ledger.unmet()] == sorted(str(at) for at in range(20) if at != 3)
        assert ledger.told("Thing", "21") is None
