"""What a verification notices: each way to tamper with a trail, by direct writes to what is stored."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from bson import Code
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.audit import tree, verification
from documents.audit.findings import LISTED, AuditCaveat, Report
from documents.audit.findings import AuditFaultKind as K
from documents.audit.pins import Kept
from documents.audit.schema import cited
from documents.audit.verification import GENESIS, Verifier
from documents.canonical import canonical, digest, parsed
from tests.chains import CARD, CONTENTS, START, Raw, chained, headed, honest, said


def verified(events: Sequence[Raw], head: Raw | None = None, contents: dict[str, str] = CONTENTS) -> Report:
    verifier = Verifier()
    verifier.feed(events, contents)
    verifier.compare_head(head or headed(honest()))
    return verifier.report()


def faults(report: Report) -> list[tuple[K, int | None]]:
    return [(fault.kind, fault.seq) for fault in report.faults]


def root(events: Sequence[Raw]) -> str:
    return tree.root(headed(events)["edge"])


@pytest.mark.parametrize("size", range(18))
def test_an_honest_trail_is_valid_up_to_its_head(size: int) -> None:
    events = honest(size)
    report = verified(events, headed(events))
    assert report.valid and report.faults == () and report.caveats == (AuditCaveat.UNANCHORED,)
    assert (report.events_verified, report.tree_size, report.root) == (size, size, root(events))


@pytest.mark.parametrize("first", range(1, 18))
def test_a_verification_from_the_middle_believes_the_beginning_and_comes_to_the_same_root(first: int) -> None:
    events = honest(18)
    verifier = Verifier(first, [events[subtree.completed_by] for subtree in tree.edge_subtrees(first)])
    for window in (events[first : first + 3], events[first + 3 :]):
        verifier.feed(window, CONTENTS)
    verifier.compare_head(headed(events))
    report = verifier.report()
    assert (report.faults, report.first, report.root) == ((), first, root(events))
    assert report.caveats == (AuditCaveat.UNANCHORED, AuditCaveat.BEGINNING_BELIEVED)


def test_a_middle_range_compares_no_head_and_says_so() -> None:
    verifier = Verifier()
    verifier.feed(honest()[:5], CONTENTS)
    report = verifier.report()
    assert report.valid and report.root == root(honest(5)) and AuditCaveat.HEAD_NOT_COMPARED in report.caveats


def edited(**fields: Any) -> Callable[[list[Raw]], None]:
    def edit(events: list[Raw]) -> None:
        events[3].update(fields)

    return edit


def rewritten(**fields: Any) -> Callable[[list[Raw]], None]:
    """The fields and the bytes of an event are changed, and nothing after."""

    def rewrite(events: list[Raw]) -> None:
        changed = {**parsed(events[3]["canonical"]), **fields}
        events[3].update(fields, canonical=canonical(changed))

    return rewrite


def rewritten_and_hashed(events: list[Raw]) -> None:
    rewritten(outcome="failure")(events)
    events[3]["event_hash"] = tree.leaf_hash(events[3]["canonical"])


def respelled(events: list[Raw]) -> None:
    events[3]["canonical"] = events[3]["canonical"].replace(b",", b", ")


def swapped(events: list[Raw]) -> None:
    events[3]["seq"], events[5]["seq"] = 5, 3
    events[3], events[5] = events[5], events[3]


def renumbered(events: list[Raw]) -> None:
    events[5]["seq"] = 20
    events.append(events.pop(5))


HEAD = (K.HEAD_DIFFERS, None)


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (edited(outcome="failure"), [(K.FIELD_DIFFERS, 3)]),
        (edited(details={"changes": [], "facts": {}}), [(K.FIELD_DIFFERS, 3)]),
        (edited(actor={"id": "alice", "type": "user", "name": "Alice"}), [(K.FIELD_DIFFERS, 3)]),
        (edited(occurred_at=START), [(K.FIELD_DIFFERS, 3)]),
        (edited(previous_hash=GENESIS), [(K.FIELD_DIFFERS, 3)]),
        (edited(schema=True), [(K.FIELD_DIFFERS, 3)]),
        (edited(seq=-1), [(K.INVALID_FIELD, 3), (K.FIELD_DIFFERS, 3)]),
        (edited(seq=2**60), [(K.INVALID_FIELD, 3), (K.FIELD_DIFFERS, 3)]),
        (edited(note="x"), [(K.UNKNOWN_FIELD, 3)]),
        (edited(occurred_at="2026-03-01T12:00:03.000Z"), [(K.INVALID_FIELD, 3)]),
        (lambda events: events[3].pop("subject"), [(K.MISSING_FIELD, 3)]),
        (edited(canonical=b"garbage"), [(K.NOT_CANONICAL, 3), (K.HASH_DIFFERS, 3)]),
        (edited(canonical=None), [(K.NOT_CANONICAL, 3)]),
        (respelled, [(K.NOT_CANONICAL, 3), (K.HASH_DIFFERS, 3)]),
        (rewritten(outcome="failure"), [(K.HASH_DIFFERS, 3)]),
        (rewritten_and_hashed, [(K.NODES_DIFFER, 3), (K.BROKEN_LINK, 4), (K.NODES_DIFFER, 7), HEAD]),
        (edited(nodes=["0" * 64, "1" * 64]), [(K.NODES_DIFFER, 3)]),
        (edited(nodes="none"), [(K.NODES_DIFFER, 3)]),
        (lambda events: events.pop(3), [(K.MISSING_EVENTS, 4)]),
        (lambda events: events.insert(4, deepcopy(events[3])), [(K.REPEATED_SEQ, 3)]),
        (renumbered, [(K.MISSING_EVENTS, 6), (K.MISSING_EVENTS, 20), (K.FIELD_DIFFERS, 20), (K.TIME_REVERSED, 20), *3 * [HEAD]]),
    ],
)  # fmt: skip
def test_what_was_changed_in_place_is_named_where_it_stands(
    tamper: Callable[[list[Raw]], object], found: list[tuple[K, int | None]]
) -> None:
    events = honest()
    tamper(events)
    report = verified(events)
    assert faults(report) == found
    assert not report.valid and report.fault_count == len(found)


def test_a_reordering_breaks_each_link_that_it_touches() -> None:
    events = honest()
    swapped(events)
    found = faults(verified(events))
    assert [seq for kind, seq in found if kind is K.FIELD_DIFFERS] == [3, 5]
    assert [seq for kind, seq in found if kind is K.BROKEN_LINK] == [3, 4, 5, 6]


def test_a_broken_link_names_the_event_before_it() -> None:
    events = honest()
    rewritten_and_hashed(events)
    (fault,) = [fault for fault in verified(events).faults if fault.kind is K.BROKEN_LINK]
    assert fault.seq == 4 and f"event 3 has the hash {events[3]['event_hash']}" in fault.detail


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"note": "x"}, [(K.UNKNOWN_FIELD, 3)]),
        ({"actor": {"id": "alice", "type": "user", "name": "Alice"}}, [(K.UNKNOWN_FIELD, 3)]),
        ({"actor": {"id": "alice"}}, [(K.MISSING_FIELD, 3)]),
        ({"outcome": "splendid"}, [(K.INVALID_FIELD, 3)]),
        ({"schema": 3}, [(K.INVALID_FIELD, 3)]),
        ({"schema": True}, [(K.INVALID_FIELD, 3)]),
        ({"event_id": said(1)["event_id"]}, [(K.DUPLICATE_ID, 3)]),
        ({"event_id": "AUD-1"}, [(K.INVALID_FIELD, 3)]),
        ({"origin": "elsewhere.example"}, [(K.ORIGIN_DIFFERS, 3), (K.ORIGIN_DIFFERS, 4)]),
        ({"occurred_at": START}, [(K.TIME_REVERSED, 3)]),
        ({"occurred_at": START + timedelta(days=1)}, [(K.TIME_REVERSED, 4)]),
    ],
)
def test_hashing_everything_again_does_not_hide_what_no_honest_trail_says(fields: Raw, found: list[tuple[K, int | None]]) -> None:
    events = chained(said(seq, **(fields if seq == 3 else {})) for seq in range(9))
    assert faults(verified(events, headed(events))) == found


def test_a_reordering_hashed_again_runs_backwards() -> None:
    events = chained(said(seq, occurred_at=START + timedelta(seconds={3: 5, 5: 3}.get(seq, seq))) for seq in range(9))
    assert faults(verified(events, headed(events))) == [(K.TIME_REVERSED, 4), (K.TIME_REVERSED, 5)]


def test_an_event_appended_with_an_earlier_time_shows() -> None:
    events = chained([*(said(seq) for seq in range(9)), said(9, occurred_at=START)])
    assert faults(verified(events, headed(events))) == [(K.TIME_REVERSED, 9)]


def test_a_deletion_chained_again_leaves_a_gap() -> None:
    events = chained(said(seq) for seq in range(9) if seq != 3)
    assert faults(verified(events, headed(events) | {"size": 9})) == [(K.MISSING_EVENTS, 4)]


@pytest.mark.parametrize(
    "told",
    [
        [said(seq, outcome="denied" if seq == 3 else "success") for seq in range(9)],
        [said(seq, event_id=said(seq + (seq > 2))["event_id"]) for seq in range(8)],
        [said(seq, event_id=said(seq - (seq > 3) if seq != 3 else 99)["event_id"]) for seq in range(10)],
        [said(seq) for seq in range(6)],
    ],
    ids=["edited", "deleted", "inserted", "cut"],
)
def test_what_was_hashed_again_up_to_the_head_shows_only_as_another_root(told: list[Raw]) -> None:
    events = chained(told)
    report = verified(events, headed(events))
    assert report.valid and AuditCaveat.UNANCHORED in report.caveats
    assert report.root != root(honest())


def test_a_jump_in_seq_is_a_gap() -> None:
    events = chained(said(seq if seq < 5 else seq + 7) for seq in range(9))
    assert faults(verified(events, headed(events) | {"size": 16})) == [(K.MISSING_EVENTS, 12)]


def test_events_after_a_gap_are_verified_but_the_tree_is_unknown() -> None:
    events = honest()
    del events[2]
    events[5]["outcome"] = "failure"
    report = verified(events)
    assert faults(report) == [(K.MISSING_EVENTS, 3), (K.FIELD_DIFFERS, 6)]
    assert (report.root, report.tree_size, report.events_verified) == (None, 9, 8)


def test_a_cut_tail_shows_against_the_head() -> None:
    report = verified(honest()[:6])
    assert faults(report) == 4 * [HEAD]
    assert [fault.detail.split()[1] for fault in report.faults] == ["size", "last_hash", "last_at", "edge"]


@pytest.mark.parametrize("field", ["origin", "size", "last_hash", "last_at", "edge"])
def test_a_head_that_was_rolled_back_or_edited_shows(field: str) -> None:
    head = headed(honest()[:5]) | {"origin": "elsewhere.example"}
    report = verified(honest(), headed(honest()) | {field: head[field]})
    assert faults(report) == [HEAD] and field in report.faults[0].detail


def test_events_without_a_head_are_a_fault_and_nothing_at_all_is_none() -> None:
    verifier = Verifier()
    verifier.compare_head(None)
    assert verifier.report().valid
    verifier.feed(honest(), CONTENTS)
    verifier.compare_head(None)
    assert faults(verifier.report()) == [(K.HEAD_MISSING, None)]


def test_a_range_that_ends_early_is_missing_events() -> None:
    verifier = Verifier()
    verifier.feed(honest(4), CONTENTS)
    verifier.expect(4)
    assert verifier.report().valid
    verifier.expect(9)
    assert faults(verifier.report()) == [(K.MISSING_EVENTS, 9)]


@pytest.mark.parametrize(
    ("contents", "kind"), [({}, K.CONTENT_MISSING), ({digest(CARD): '{"limitations":[]}'}, K.CONTENT_ALTERED)]
)
def test_a_content_that_an_event_cites_must_be_there_as_it_was(contents: dict[str, str], kind: K) -> None:
    assert faults(verified(honest(), contents=contents)) == [(kind, seq) for seq in range(9)]


def test_what_an_event_cites_stands_in_place_of_a_value_and_nowhere_else() -> None:
    value = {"content": "a" * 64}
    changes = [{"path": "a", "from": value, "to": {"content": "text"}}, {"path": "b", "from": [value], "to": value | {"b": 1}}]
    assert cited({"details": {"changes": changes, "facts": value}}) == {"a" * 64}


def test_a_beginning_that_cannot_be_believed_is_a_fault() -> None:
    events = honest()
    earlier = [events[subtree.completed_by] for subtree in tree.edge_subtrees(7)]
    earlier[0]["nodes"] = "none"
    verifier = Verifier(7, earlier[:2])
    verifier.feed(events[7:], CONTENTS)
    assert faults(verifier.report()) == [(K.NODES_DIFFER, 3), (K.MISSING_EVENTS, 6)]


def test_code_in_the_place_of_a_text_stops_no_verification() -> None:
    """The driver reads JavaScript code as a text that cannot be hashed."""
    assert cited({"schema": 2, "details": {"facts": {"content": Code("a" * 64)}}}) == set()
    events = honest()
    earlier = [events[subtree.completed_by] for subtree in tree.edge_subtrees(7)]
    earlier[-1]["origin"] = Code(earlier[-1]["origin"])
    verifier = Verifier(7, earlier)
    verifier.compare_checkpoints(Kept(), 7, {})
    verifier.feed(events[7:], CONTENTS)
    assert faults(verifier.report()) == []


def test_faults_beyond_the_listed_are_counted() -> None:
    report = verified([*honest(), *(LISTED + 5) * honest(1)])
    assert (len(report.faults), report.fault_count) == (LISTED, LISTED + 5)


def test_ids_are_remembered_within_reach_and_the_report_says_when_some_were_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "REACH", 2)
    for again, kinds in ((1, []), (4, [K.DUPLICATE_ID])):
        events = chained(said(seq, event_id=said(again)["event_id"] if seq == 6 else f"AUD-{seq:032x}") for seq in range(7))
        report = verified(events, headed(events))
        assert [fault.kind for fault in report.faults] == kinds and AuditCaveat.IDS_FORGOTTEN in report.caveats


patient = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(codec=None))
GARBAGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.datetimes() | TEXT,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXT | st.integers(), inside, max_size=3),
    max_leaves=5,
)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@patient
@given(st.data())
def test_garbage_in_any_field_is_a_fault_and_never_raises(data: st.DataObject) -> None:
    events = honest(4)
    field = data.draw(st.sampled_from(sorted(events[3].keys() - {"_id"})))
    garbage = data.draw(GARBAGE | st.sampled_from([nested(400), nested(5_000)]))
    events[3][field] = garbage
    if data.draw(st.booleans()):
        del events[3][field]
    report = verified(events, headed(honest(4)))
    assert not report.valid and all(fault.detail.encode() for fault in report.faults)


@patient
@given(GARBAGE, st.dictionaries(st.text(), GARBAGE, max_size=3), st.binary())
def test_garbage_around_the_events_never_raises(garbage: Any, event: Raw, text: bytes) -> None:
    verifier = Verifier(
        7, [event, *({**each, "event_hash": garbage, "nodes": garbage, "occurred_at": garbage} for each in honest(7))]
    )
    verifier.feed([event, {"details": garbage}, {"details": {"changes": garbage}}, {"canonical": text}], {digest(CARD): garbage})
    verifier.compare_head(event | {"size": garbage, "last_at": garbage, "edge": garbage})
    assert not verifier.report().valid


@patient
@given(GARBAGE)
def test_garbage_in_bytes_that_were_hashed_is_a_fault(garbage: Any) -> None:
    events = honest(1)
    events[0]["canonical"] = text = repr(garbage).encode(errors="surrogatepass")
    events[0]["event_hash"] = tree.leaf_hash(text)
    assert not verified(events, headed(events)).valid
