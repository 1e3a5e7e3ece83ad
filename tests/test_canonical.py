"""One value, one spelling: RFC 8785, and what the trail makes of what is not JSON."""

import json
import struct
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from typing import Any

import pytest
import rfc8785
from bson import Int64, ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field, computed_field

from documents.canonical import canonical, digest, parsed, plain
from documents.values import Choice, Value

patient = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
LIMIT = 2**53 - 1
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-LIMIT, LIMIT) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)


class Odd(Enum):
    ONE = 1


class Colour(Choice):
    RED = "red", "Like a stop sign."


class Card(Value):
    colour: Colour
    shape: str = Field(alias="form")
    at: tuple[date, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def loud(self) -> bool:
        return self.colour is Colour.RED


def test_the_sample_of_rfc_8785_section_3_2_4() -> None:
    sample = rb"""{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"""
    assert canonical(json.loads(sample)) == bytes.fromhex(
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e333333333333332c31652b"
        "33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d"
    )


@patient
@given(JSON)
def test_what_the_standard_library_may_spell_is_spelled_as_by_the_independent_one(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("text", ["".join(map(chr, range(256))), "\u2028\u2029\ufeff\U0001f600", "\\/\"'"])
def test_no_character_is_spelled_otherwise(text: str) -> None:
    said: Any = {"a": [text, True, False, None, LIMIT, -LIMIT, 0], "": {}, "b": []}
    assert canonical(said) == rfc8785.dumps(said)


def test_names_are_sorted_by_utf_16_units_as_in_rfc_8785_section_3_2_3() -> None:
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\xf6"]
    said = json.loads(canonical(dict.fromkeys(names)))
    assert list(said) == ["\r", "1", "\x80", "\xf6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    ("bits", "spelling"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_are_spelled_as_in_rfc_8785_appendix_b(bits: str, spelling: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number) == spelling.encode()
    assert parsed(spelling.encode()) == number


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (datetime(2026, 3, 1, 12, 0, 0, 123999, UTC), "2026-03-01T12:00:00.123Z"),
        (datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2026-02-28T23:00:00.000Z"),
        (date(2026, 3, 1), "2026-03-01"),
        (Colour.RED, "red"),
        (Odd.ONE, 1),
        (Int64(7), 7),
        (LIMIT, LIMIT),
        (LIMIT + 1, "9007199254740992"),
        (-LIMIT - 1, "-9007199254740992"),
        (True, True),
        ((1, (2,)), [1, [2]]),
        (Card(colour=Colour.RED, form="round", at=(date(2026, 3, 1),)), {"colour": "red", "form": "round", "at": ["2026-03-01"]}),
    ],
)
def test_what_is_not_json_becomes_what_json_means_by_it(value: object, meaning: object) -> None:
    said = plain([value])[0]
    assert (said, type(said)) == (meaning, type(meaning))


@pytest.mark.parametrize(
    "value", [datetime.fromisoformat("2026-03-01T12:00:00"), float("nan"), float("-inf"), "\ud83d", {"\ude00": 1}]
)
def test_what_json_cannot_carry_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"time zone|no number|surrogates"):
        plain([value])


@pytest.mark.parametrize("value", [b"bytes", {1}, {1: 1}, ObjectId(), 1j])
def test_what_means_nothing_in_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        plain([value])


@patient
@given(JSON)
def test_what_was_spelled_reads_back_and_is_spelled_the_same(value: Any) -> None:
    assert parsed(canonical(value)) == plain(value)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b'{"a": 1}', b'{"b":1,"a":1}', b'{"a":1,"a":1}', b"1.0", b"1e5", b"-0", b"NaN", b'"\\u0041"', b'"\\ud83d"',
        b"9007199254740993", b"1" * 5_000, b"\xef\xbb\xbf1", b"\xff", b"[" * 100_000, '"a"'.encode("utf-16"),
    ],
)  # fmt: skip
def test_bytes_in_any_other_spelling_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"canonical form|no number|surrogates|too deep|Expecting|decode"):
        parsed(text)


def test_a_content_digest_is_the_hash_of_the_canonical_bytes_alone() -> None:
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
