"""The quick reading of ordinary events: whatever is altered, it and the full checks find the same; pure."""

import json
from collections.abc import Sequence
from typing import Any

import bson
import pytest
from bson.errors import InvalidDocument
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.audit.books import _are_typed_alike, _mistyped
from documents.audit.findings import Report
from documents.audit.forms import Known
from documents.audit.ordinary import HASHED, NOT_HASHED, ordinary, ordinary_bytes
from documents.audit.verification import Verifier
from documents.canonical import UNSPEAKABLE, canonical, digest, plain
from documents.store.session import AT_ONCE, AWARE, decoded_batch
from tests.chains import CARD, CONTENTS, Raw, chained, said
from tests.hostile_values import MISSING, VALUES, altered

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXTS = st.text(max_size=3) | st.sampled_from(["\U0001f600", "\ue000", "a.1", ',1.5,"', "\x7f\x01\n\\/", '":1e5', '{"content":"'])
NAMES = TEXTS | st.sampled_from(["from", "path", "to", "content", "cites"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | TEXTS | st.sampled_from([digest(CARD), "0" * 64]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(NAMES, inside, max_size=3),
    max_leaves=8,
)
OBJECTS = {
    "actor": ["id", "type"], "resource": ["id", "type"], "subject": ["model_id", "version"],
    "request": ["id", "ip", "token", "token_issuer", "operation"],
    "details": ["changes", "facts", "changes.0.to", "changes.0.path"],
}  # fmt: skip
PATHS = [*HASHED, *sorted(NOT_HASHED), "more", *(f"{of}.{name}" for of, names in OBJECTS.items() for name in (*names, "more"))]


def event(seq: int, **more: Any) -> Raw:
    """An ordinary event, of schema 1 or 2."""
    cite = {"content": digest(CARD)}
    changes = [{"path": "card", "from": None, "to": cite}, {"path": "naïve", "from": 1, "to": True}]
    return said(seq, **{"schema": seq % 2 + 1, "details": {"changes": changes, "facts": {"ﬀ": [-5, "\n\x1f\x7f"]}}} | more)


def trail(**more: Any) -> list[Raw]:
    return chained(event(seq, **(more if seq == 3 else {})) for seq in range(6))


def as_read(events: Sequence[Raw]) -> list[Raw]:
    """The events as the driver decodes them once they are stored."""
    return [bson.decode(bson.encode(each, codec_options=AWARE), AWARE) for each in events]


def report(events: Sequence[Raw], *, quick: bool) -> Report:
    verifier = Verifier(marks=range(9))
    verifier.feed_read([(each, ordinary(each) if quick else None) for each in events], Known({*CONTENTS}, set()))
    return verifier.report()


def report_on_bytes(lines: Sequence[bytes], *, quick: bool) -> Report:
    verifier = Verifier(marks=range(9))
    for line in lines:
        if quick:
            verifier.take_bytes(line, CONTENTS, ())
        else:
            verifier.take(verifier.derived(line), None, CONTENTS, ())
    return verifier.report()


def test_ordinary_events_are_read_quickly() -> None:
    for each in as_read(trail()):
        found, by_bytes = ordinary(each), ordinary_bytes(each["canonical"])
        assert found and by_bytes and found[1:] == by_bytes[1:] == (plain(each["occurred_at"]), each["event_hash"], found.cites)
        assert {*found.cites} == {digest(CARD)}
    assert report(as_read(trail()), quick=True).valid


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", PATHS)
def test_whatever_a_field_is_replaced_by_is_told_alike(path: str) -> None:
    for value in VALUES.values():
        for anew in (False, True):
            events = trail()
            try:
                events[3] = altered(events[3], path, value)
                if anew:  # by somebody who hashes and links all events again
                    events = chained({name: each for name, each in one.items() if name not in NOT_HASHED} for one in events)
                events = as_read(events)
            except (*UNSPEAKABLE, LookupError, InvalidDocument):  # it has no form, or cannot be stored
                continue
            found = report(events, quick=True)
            assert found == report(events, quick=False)
            if not anew and path != "_id":
                assert not found.valid or events == as_read(trail())
            texts = [each["canonical"] for each in events if type(each.get("canonical")) is bytes]
            assert report_on_bytes(texts, quick=True) == report_on_bytes(texts, quick=False)


@patient
@given(JSON, JSON, st.sampled_from(["details.changes", "details.facts", "details", "details.changes.0.to", "subject", "action"]))
def test_values_in_bytes_and_fields_are_told_alike(hashed: Any, stored: Any, path: str) -> None:
    try:
        events = chained(altered(event(seq), path, hashed) if seq == 3 else event(seq) for seq in range(5))
        for each in (stored, hashed):
            events[3] = altered(events[3], path, each)
            read = as_read(events)
            assert report(read, quick=True) == report(read, quick=False)
    except (*UNSPEAKABLE, LookupError, InvalidDocument):
        return
    texts = [each["canonical"] for each in events]
    assert report_on_bytes(texts, quick=True) == report_on_bytes(texts, quick=False)


def spelled_otherwise(text: bytes) -> list[bytes]:
    """The same event in other bytes, and bytes that are no event."""
    value = json.loads(text)
    return [
        json.dumps(value).encode(), json.dumps(value, separators=(",", ":")).encode(), text + b" ", b" " + text, text[:-1], b"",
        text.replace(b"\\u001f", b"\\u001F"), text.replace(b"\\n", b"\\u000a"), text.replace(b'"seq":3', b'"seq":3.0'),
        text.replace(b'"seq":3', b'"seq":3,"seq":3'), text.replace(b'"seq":3', b'"seq":-0'), text.replace(b"-5", b"-5e0"),
        text.replace(b"-5", b"9007199254740992"), text.replace(b"-5", b"NaN"), text.replace(b"-5", b"1.5"),
        text.replace(b'"bot"', b'"\\ud800"'), text.replace(b'"bot"', b'"\xed\xa0\x80"'), text.replace(b"-5", b"[" * 5_000),
        text.replace(b"-5", b"1" * 5_000), text.replace(b"T12:00:03.000Z", b"T12:00:60.000Z"),
        text.replace(b"2026-03-01", b"2026-02-30"), text.replace(b"12:00:03.000Z", b"12:00:03Z"), b"[]", b"null", b"1",
        canonical(value | {"more": 1}), canonical(value | {"occurred_at": "today"}), canonical(value | {"occurred_at": None}),
    ]  # fmt: skip


def test_other_spellings_are_told_alike() -> None:
    honest = trail()
    for other in spelled_otherwise(honest[3]["canonical"]):
        lines = [other if at == 3 else each["canonical"] for at, each in enumerate(honest)]
        found = report_on_bytes(lines, quick=True)
        assert found == report_on_bytes(lines, quick=False)
        assert not found.valid, other
        stored = as_read([each | {"canonical": other} if at == 3 else each for at, each in enumerate(honest)])
        assert report(stored, quick=True) == report(stored, quick=False)


def test_names_beyond_u_ffff_are_left_to_the_full_checks() -> None:
    # By UTF-16 units U+1F600 comes before U+E000, by code points after it.
    for names in ({"\U0001f600": 1, "\ue000": 2}, {"\ue000": 2, "\U0001f600": 1}):
        events = as_read(trail(details={"changes": [], "facts": names}))
        assert ordinary(events[3]) is None and report(events, quick=True).valid


BSON = st.recursive(
    JSON | st.sampled_from([each for each in VALUES.values() if each is not MISSING]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from("abc"), inside, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from("abc"), BSON, max_size=3)


@patient
@given(DOCUMENTS, DOCUMENTS)
def test_documents_are_typed_alike_only_if_nothing_in_them_is_mistyped(stored: Raw, due: Raw) -> None:
    for other in (due, stored, stored | due):
        assert not _are_typed_alike(stored, other) or not [*_mistyped(stored, other)]


@pytest.mark.parametrize("size", [10, AT_ONCE])
def test_a_document_that_nobody_can_decode_leaves_the_others_of_its_batch(size: int) -> None:
    fit = [bson.encode({"at": at, "text": "x" * size}) for at in range(3)]
    broken = bson.encode({"at": 3, "nested": {}}).replace(b"\x05\x00\x00\x00\x00", b"\x06\x00\x00\x00\x00")
    found = decoded_batch(b"".join([*fit[:2], broken, fit[2]]))
    assert [each.get("at") for each in found] == [0, 1, None, 2]
