"""The vectors of the fold: what events tell of one record, against what is stored of it."""

from typing import Any

from documents.audit.fold import MISSING, Telling, Told
from documents.audit.records import Leaves, differing
from documents.canonical import canonical, digest, loosely_parsed

Changes = list[dict[str, Any]]


def content(value: Any) -> dict[str, str]:
    return {"content": digest(value)}


def to(path: str, now: Any, before: Any = None) -> dict[str, Any]:
    return {"path": path, "from": before, "to": now}


PART = {"b": "text", "c": {"d": 1, "e": [2, None, []]}, "z": True}
CARD = {"license": "MIT"}
HELD = {"x": {"card": CARD, "reason": {"salted": "0" * 64}, "note": {"salted": None}}}
CONTENTS = [PART, CARD, HELD, [], "a text"]
"""The contents that the cases cite."""
MADE = [to("a", "one"), to("list.0", 1), to("list.1", 2.5)]
WHOLE = [to("a", content(PART))]
OPENED = {"a.b": "text", "a.c.d": 1, "a.c.e.0": 2, "a.z": True}

# What a case is about; the changes of each event, from schema 2 on unless it says otherwise; and what is stored.
CASES: list[tuple[str, list[Changes], Leaves]] = [
    ("values as they were told", [MADE], {"a": "one", "list.0": 1, "list.1": 2.5}),
    ("1.0 and 1 are one number", [MADE], {"a": "one", "list.0": 1.0, "list.1": 2.5}),
    ("a later value, and one taken away", [MADE, [to("a", "two"), to("list.1", None)]], {"a": "two", "list.0": 1}),
    ("a value that nobody told", [MADE], {"a": "one", "list.0": 1, "list.1": 2.5, "more": 1}),
    ("a value that is gone", [MADE], {"list.0": 1, "list.1": 2.5}),
    ("what was taken away is there", [MADE, [to("a", None)]], {"a": "one", "list.0": 1, "list.1": 2.5}),
    ("an object in the place of a value", [MADE, [to("a.b", 1)]], {"a.b": 1, "list.0": 1, "list.1": 2.5}),
    ("a content that is one leaf", [[to("a", content("a text"))]], {"a": content("a text")}),
    ("a content that is nothing", [MADE, [to("list", content([]))]], {"a": "one"}),
    ("a content, opened", [WHOLE], OPENED),
    ("a content, opened, one part of it another", [WHOLE], OPENED | {"a.c.d": 2}),
    ("a content of which nothing is stored", [WHOLE], {}),
    ("a content that is not there is unknown", [[to("a", {"content": "f" * 64})]], {"a.b": 1}),
    ("a part of a content is replaced", [WHOLE, [to("a.b", "other")]], OPENED | {"a.b": "other"}),
    ("a part of a content becomes nothing", [WHOLE, [to("a.b", None)]], {each: OPENED[each] for each in OPENED if each != "a.b"}),
    (
        "a part that became nothing becomes an object",
        [WHOLE, [to("a.b", None)], [to("a.b.c", 5)]],
        {**{each: OPENED[each] for each in OPENED if each != "a.b"}, "a.b.c": 5},
    ),
    (
        "a part that was replaced becomes an object, and then nothing",
        [WHOLE, [to("a.b", 7)], [to("a.b.c", 5)], [to("a.b.c", None)]],
        {each: OPENED[each] for each in OPENED if each != "a.b"},
    ),
    ("an object inside of a content is replaced by a value", [WHOLE, [to("a.c", 3)]], {"a.b": "text", "a.c": 3, "a.z": True}),
    (
        "a content in a content, and private values", [[to("h", content(HELD))]],
        {"h.x.card": content(CARD), "h.x.reason": {"salted": "0" * 64}},
    ),
    (
        "another private value in a content", [[to("h", content(HELD))]],
        {"h.x.card": content(CARD), "h.x.reason": {"salted": "1" * 64}},
    ),
    ("a text that is a digest", [[to("a", {"cites": digest(CARD)})]], {"a": {"cites": digest(CARD)}}),
    ("a text that is a digest, told inside a content", [[to("a", digest(CARD))]], {"a": {"cites": digest(CARD)}}),
    ("a private value", [[{"path": "a", "changed": True, "salted": "0" * 64}]], {"a": {"salted": "0" * 64}}),
    ("a private value without a salt", [[{"path": "a", "changed": True, "salted": "0" * 64}]], {"a": {"salted": None}}),
    ("a private value that is nothing", [[{"path": "a", "changed": True, "salted": None}]], {}),
    ("a value that JSON cannot express", [MADE], {"a": {"odd": "Decimal128"}, "list.0": 1, "list.1": 2.5}),
    ("a name with a dot at the path of a value", [MADE], {"a": "one", "list.0": {"odd": "name"}, "list.1": 2.5}),
    (
        "a name with a dot below a content, and one beside it", [WHOLE],
        OPENED | {"a.c.d": {"odd": "name"}, "a.b.": {"odd": "name"}},
    ),
    ("a side of no form equals nothing", [[to("a", ["one"])]], {"a": "one"}),
]  # fmt: skip
BASELINE = {"schema": 2, "baseline": True, "changes": [to("a", "whole")]}
FIRST = {"schema": 1, "changes": [to("a", "one"), {"path": "b", "changed": True}]}
EVENTS: list[tuple[str, list[dict[str, Any]], Leaves]] = [
    ("schema 1 proves nothing", [FIRST], {"a": "two"}),
    ("what follows schema 1 proves nothing", [FIRST, {"schema": 2, "changes": [to("a", "two")]}], {"a": "three"}),
    ("a baseline tells all", [FIRST, BASELINE], {"a": "whole"}),
    ("a baseline forgets what was told", [FIRST, BASELINE], {"a": "whole", "b": 1}),
    ("schema 1 after a baseline", [BASELINE, FIRST], {"a": "two"}),
    ("a baseline and what follows it", [FIRST, BASELINE, {"schema": 2, "changes": [to("b", 2)]}], {"a": "whole", "b": 2}),
]  # fmt: skip


def made() -> list[Any]:
    cases = [(about, [{"schema": 2, "changes": each} for each in events], leaves) for about, events, leaves in CASES]
    return [_case(*each) for each in (*cases, *EVENTS)]


def _case(about: str, events: list[dict[str, Any]], leaves: Leaves) -> dict[str, Any]:
    told, kept = Told(), {digest(each): canonical(each).decode() for each in CONTENTS}
    said = list[dict[str, Any]]()
    for seq, each in enumerate(events):
        details = {name: each[name] for name in ("baseline", "changes") if name in each}
        said.append({"seq": seq, "schema": each["schema"], "details": details})
        told.take(Telling("Thing", "one", seq, each["schema"], "baseline" in each, each["changes"]))
    look = lambda digest: loosely_parsed(kept[digest].encode()) if digest in kept else MISSING  # noqa: E731
    proven = told.since is not None
    found = [[each.path, each.seq] for each in differing(told, leaves, look)] if proven else []
    cited = {name: text for name, text in kept.items() if name in str(said)}
    return {"about": about, "events": said, "contents": cited, "leaves": leaves, "proven": proven, "differs": found}
