"""Seals and salts that stand beside what records say: altered alone, or put back with the rows that they were right for."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import bson
from bson import Code

from documents.people import Stakeholder
from documents.salts import are_salts, shapes_of
from documents.store.record import Record
from documents.store.session import AWARE
from documents.tokens import ApiToken
from tests.tampers.attacks import add, attack
from tests.tampers.held import TOLD, Found, Held
from tests.tampers.records import named
from tests.trails import Raw

SALTED = tuple(each for each in TOLD if shapes_of(each.private))
"""The kinds of record with private values."""


def of_salts(kind: type[Record], held: Held) -> tuple[Raw, Raw]:
    """The first record of the kind that has a salt, and its first salt."""
    record = next(each for each in held.records(kind) if each["salts"])
    return record, record["salts"][0]


def salted_otherwise(kind: type[Record], held: Held) -> Iterable[Found]:
    record, salt = of_salts(kind, held)
    salt["salt"] = "0" * 32
    return [Found("RECORD_DIFFERS", None, named(kind, record), salt["path"])]


for kind_of in SALTED:
    add("salts", f"of a {kind_of.__name__}", partial(salted_otherwise, kind_of), "one of each kind")

SALTS: dict[str, Callable[[Raw], Any]] = {
    "removed": lambda salt: {"path": "another", "salt": salt["salt"]},
    "that is no salt": lambda salt: salt | {"salt": "all is well"},
    "that is too short": lambda salt: salt | {"salt": salt["salt"][:-2]},
    "that is a number": lambda salt: salt | {"salt": 7},
    "that is null": lambda salt: salt | {"salt": None},
    "that is code": lambda salt: salt | {"salt": Code(salt["salt"])},
    "of a path that is code": lambda salt: salt | {"path": Code(salt["path"])},
    "in the form of a text": lambda salt: salt["salt"],
}


def salt_that_is(number: int, alter: Callable[[Raw], Any], held: Held) -> Iterable[Found]:
    person = held.records(Stakeholder)[number]
    path = person["salts"][0]["path"]
    person["salts"][0] = alter(person["salts"][0])
    return [Found("RECORD_DIFFERS", None, named(Stakeholder, person), each) for each in (path, *malformed(person["salts"]))]


def malformed(salts: Any) -> list[str]:
    """The path at which salts that are none are found."""
    return [] if are_salts(salts) else ["salts"]


for at, (name, alter) in enumerate(SALTS.items()):
    add("salts", name, partial(salt_that_is, at, alter), "of one person each")


def without_salts(value: Any, number: int, held: Held) -> Iterable[Found]:
    person = held.records(Stakeholder)[number]
    paths = [each["path"] for each in person["salts"]]
    person["salts"] = value
    return [Found("RECORD_DIFFERS", None, named(Stakeholder, person), path) for path in (*paths, *malformed(value))]


for at, (name, value) in enumerate({"none": [], "a number": 7, "null": None, "an object": {"name": "0" * 32}}.items()):
    add("salts", f"in whose place is {name}", partial(without_salts, value, at), "in whose place is something else")


@attack("salts")
def of_records_without_private_values(held: Held) -> Iterable[Found]:
    strange: list[Any] = [7, "x", [7], [{"salt": "0" * 32}], [{"path": "x", "salt": "0" * 32, "more": 1}], {}, False]
    records = [(kind, each) for kind in TOLD for each in held.records(kind) if not each["salts"]]
    assert len(records) >= len(strange)
    for (kind, record), value in zip(records, strange, strict=False):
        record["salts"] = value
        yield Found("RECORD_DIFFERS", None, named(kind, record), "salts")


@attack("salts")
def swapped_with_their_values(held: Held) -> Iterable[Found]:
    """Names with the salts that fit them, given to one another."""
    one, two = held.records(Stakeholder)[:2]
    for name in ("name", "salts"):
        one[name], two[name] = two[name], one[name]
    private = {each["path"] for person in (one, two) for each in person["salts"]}
    return [Found("RECORD_DIFFERS", None, named(Stakeholder, each), path) for each in (one, two) for path in sorted(private)]


# Rows with the seals that were right for them once


def as_sealed_before(kind: type[Record], held: Held) -> Iterable[Found]:
    """An old row with its old seal, which the secret key made: only its place in the trail shows that it is old."""
    now = {each["_id"]: each for each in held.records(kind)}
    ever = (bson.decode(each, AWARE) for each in sorted(held.earlier[kind.collection]))
    old = next(each for each in ever if each["mac"]["seq"] < now[each["_id"]]["mac"]["seq"])
    held.records(kind)[held.records(kind).index(now[old["_id"]])] = old
    return [Found("RECORD_DIFFERS", None, named(kind, old))]


def granting(kind: type[Record], path: str, value: Any, held: Held) -> Iterable[Found]:
    """What would be granted, written under the seal of what is granted now."""
    record = held.records(kind)[-1]
    record[path] = value
    return [Found("RECORD_DIFFERS", None, named(kind, record), path)]


def sealed_as_another(kind: type[Record], held: Held) -> Iterable[Found]:
    """The row of one under the key of another, with the seal of the first."""
    one, two = held.records(kind)[:2]
    kept = {name: two[name] for name in ("_id", *kind.keys)}
    two.clear()
    two.update(one | kept)
    return [Found("RECORD_DIFFERS", None, named(kind, two))]


for kind_of in (Stakeholder, ApiToken):
    add(
        "seals", f"a {kind_of.__name__} as it was sealed before", partial(as_sealed_before, kind_of), "as they were sealed before"
    )
    add("seals", f"a {kind_of.__name__} that says what another does", partial(sealed_as_another, kind_of), "of others")
add("seals", "a person who becomes an administrator", partial(granting, Stakeholder, "platform_role", "root"), "grants")
add("seals", "a token that may call everything", partial(granting, ApiToken, "mutations", ["everything"]), "grants")


@attack("seals")
def and_salts_of_a_whole_collection_removed(held: Held) -> Iterable[Found]:
    """Without its salt no private value is what the trail tells; a seal that is gone is found in use."""
    expected = []
    for each in held.records(Stakeholder):
        expected += [Found("RECORD_DIFFERS", None, named(Stakeholder, each), salt["path"]) for salt in each["salts"]]
        del each["mac"], each["salts"]
    return expected
