"""What an export holds, what a part of one proves, and what is said of one that somebody altered."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from documents.audit import tree
from documents.audit.export import export
from documents.audit.exported import LINE, Unreadable, verify_export
from documents.audit.findings import Report
from documents.audit.notes import Checkpoint
from documents.errors import InvalidInput
from tests.trails import Anchored, Stored
from tests.trails import anchored as anchored  # noqa: PLC0414

FILES = {"events.ndjson", "contents.ndjson", "differing.ndjson", "checkpoints", "checkpoint", "manifest.json"}


async def exported(anchored: Anchored, folder: Path, first: int = 0, last: int | None = None) -> Report:
    with anchored.service.database.bound():
        return await export(folder, first, last)


@pytest.fixture(scope="module")
async def whole(anchored: Anchored, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "new" / "folder"
    assert (await exported(anchored, folder)).valid
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def verified(anchored: Anchored, folder: Path, at: int = -1) -> Report:
    return verify_export(folder, anchored.texts[at], [str(anchored.key.verifier)])


def found(report: Report) -> list[tuple[str, int | None]]:
    return [(each.kind.name, each.seq) for each in report.faults]


async def test_an_export_holds_the_bytes_that_were_hashed(anchored: Anchored, whole: Path) -> None:
    stored = await Stored.of(anchored.service)
    assert names(whole) == FILES
    assert (whole / "events.ndjson").read_bytes() == b"".join(event["canonical"] + b"\n" for event in stored.events)
    contents = (whole / "contents.ndjson").read_bytes().split(b"\n")
    assert contents.pop() == b"" and [sha256(each).hexdigest() for each in contents] == sorted(
        each["digest"] for each in stored.contents
    )
    assert (whole / "differing.ndjson").read_bytes() == b""
    assert (whole / "checkpoint").read_text() == anchored.texts[-1]
    assert (whole / "checkpoints").read_text() == "".join(f"{each}\n" for each in anchored.texts)
    manifest = json.loads((whole / "manifest.json").read_text())
    told = {name: manifest[name] for name in ("origin", "schema", "from", "to", "size", "partial")}
    end = len(stored.events)
    assert told == {"origin": anchored.key.name, "schema": 2, "from": 0, "to": end - 1, "size": end, "partial": False}


def test_an_export_is_anchored_by_any_checkpoint_that_was_kept(anchored: Anchored, whole: Path) -> None:
    for at in range(4):
        report = verified(anchored, whole, at)
        caveats = ["AFTER_CHECKPOINT", "RECORDS_NOT_COMPARED", "EXPORT_BELIEVED"]
        assert report.valid and [each.name for each in report.caveats] == caveats
    assert [each.name for each in verify_export(whole).caveats] == ["UNANCHORED", "RECORDS_NOT_COMPARED", "EXPORT_BELIEVED"]


async def test_a_part_is_proven_by_the_newest_checkpoint(anchored: Anchored, tmp_path: Path) -> None:
    signed = anchored.sizes[-1]
    end = len(await anchored.service.trail())
    for number, (first, last) in enumerate([*pairwise([0, 5, 6, *anchored.sizes, end]), (0, end - 1), (end - 1, end)]):
        folder = tmp_path / str(number)
        await exported(anchored, folder, first, last - 1)
        report = verified(anchored, folder)
        assert report.valid and report.first == first and report.events_verified == last - first, (first, last)
        said = {each.name for each in report.caveats} - {"RECORDS_NOT_COMPARED", "EXPORT_BELIEVED"}
        expected = {"BEGINNING_BELIEVED": first > 0, "HEAD_NOT_COMPARED": True, "AFTER_CHECKPOINT": last > signed}
        assert said == {name for name, applies in expected.items() if applies}
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["partial"] and manifest["head"] is None
        lines = (folder / "events.ndjson").read_bytes().replace(b'"success"', b'"failure"', 1)
        (folder / "events.ndjson").write_bytes(lines)
        if first < signed:  # what came after it is not proven, and that is said
            assert not verified(anchored, folder).valid


async def test_a_part_holds_the_contents_that_it_cites_and_no_others(anchored: Anchored, tmp_path: Path) -> None:
    await exported(anchored, tmp_path / "some", 0, 2)
    contents = (tmp_path / "some" / "contents.ndjson").read_bytes().count(b"\n")
    assert 0 < contents < len((await Stored.of(anchored.service)).contents)
    assert verify_export(tmp_path / "some").valid


async def test_a_part_cannot_be_compared_with_a_checkpoint_that_it_does_not_reach(anchored: Anchored, tmp_path: Path) -> None:
    await exported(anchored, tmp_path / "some", 0, 2)
    with pytest.raises(Unreadable, match="by its own checkpoint"):
        verified(anchored, tmp_path / "some", 0)


async def test_a_part_of_whose_beginning_something_else_is_told_is_found_out(anchored: Anchored, tmp_path: Path) -> None:
    folder = tmp_path / "some"
    await exported(anchored, folder, 6, 9)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["before"][0]["nodes"][1] = "0" * 64  # of events 0 to 3
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert ("REWRITTEN", 0) in found(verified(anchored, folder))


async def test_what_is_outside_the_trail_or_would_overwrite_something_is_refused(anchored: Anchored, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(FileExistsError):
        await exported(anchored, tmp_path)
    assert names(tmp_path) == {"note"} and (tmp_path / "note").read_text() == "mine"
    for first, last in ((10**6, None), (5, 4)):
        with pytest.raises(InvalidInput):
            await exported(anchored, tmp_path / "new", first, last)
    assert not (tmp_path / "new").exists()


Alter = Callable[[Path], object]


def rewriting(name: str, change: Callable[[bytes], bytes]) -> Alter:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def telling(**fields: Any) -> Alter:
    return rewriting("manifest.json", lambda text: json.dumps(json.loads(text) | fields).encode())


def without(line: int) -> Callable[[bytes], bytes]:
    return lambda text: b"".join(each for number, each in enumerate(text.splitlines(True)) if number != line)


def twice(line: int) -> Callable[[bytes], bytes]:
    return lambda text: b"".join(each * (1 + (number == line)) for number, each in enumerate(text.splitlines(True)))


def put(line: int, new: bytes) -> Callable[[bytes], bytes]:
    return lambda text: b"".join(new if number == line else each for number, each in enumerate(text.splitlines(True)))


EVENTS, CONTENTS = "events.ndjson", "contents.ndjson"
FAULTY: dict[str, tuple[Alter, tuple[str, int | None]]] = {
    "an event is edited": (rewriting(EVENTS, lambda text: text.replace(b'"success"', b'"failure"', 1)), ("BROKEN_LINK", 1)),
    "an event is missing": (rewriting(EVENTS, without(3)), ("MISSING_EVENTS", 4)),
    "an event is there twice": (rewriting(EVENTS, twice(3)), ("REPEATED_SEQ", 3)),
    "the events end early": (rewriting(EVENTS, lambda text: b"".join(text.splitlines(True)[:-2])), ("MISSING_EVENTS", -1)),
    "there are no events": (rewriting(EVENTS, lambda text: b""), ("MISSING_EVENTS", -1)),
    "lines end as elsewhere": (rewriting(EVENTS, lambda text: text.replace(b"\n", b"\r\n")), ("NOT_CANONICAL", 0)),
    "a line is empty": (rewriting(EVENTS, put(3, b"\n")), ("NOT_CANONICAL", 3)),
    "a line is no UTF-8": (rewriting(EVENTS, put(3, b"\xff\xfe{}\n")), ("NOT_CANONICAL", 3)),
    "a line is no object": (rewriting(EVENTS, put(3, b"[]\n")), ("INVALID_FIELD", 3)),
    "a line is nested too deep": (rewriting(EVENTS, put(3, b"[" * 10**5 + b"\n")), ("NOT_CANONICAL", 3)),
    "a line holds what is not hashed": (
        rewriting(EVENTS, put(3, b'{"_id":1,"canonical":2,"event_hash":3,"nodes":4,"seq":3}\n')), ("UNKNOWN_FIELD", 3)
    ),
    "a content is missing": (rewriting(CONTENTS, lambda text: b""), ("CONTENT_MISSING", 0)),
    "a content is edited": (rewriting(CONTENTS, lambda text: text.replace(b"documentation", b"notes")), ("CONTENT_MISSING", 0)),
    "the head is another": (telling(head={"size": 1}), ("HEAD_DIFFERS", None)),
    "the head is no head": (telling(head=["$date"]), ("HEAD_DIFFERS", None)),
    "the head is left out": (telling(head=None), ("HEAD_MISSING", None)),
    "an event is said to be stored otherwise": (
        rewriting("differing.ndjson", lambda text: b'{"line":3,"event":{"seq":{"$date":"yesterday"}}}\n'), ("INVALID_FIELD", 3)
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", FAULTY)
def test_an_altered_export_is_faulty(anchored: Anchored, copy: Path, how: str) -> None:
    alter, (kind, seq) = FAULTY[how]
    alter(copy)
    report = verified(anchored, copy)
    end = json.loads((copy / "manifest.json").read_text())["size"]
    assert (kind, end if seq == -1 else seq) in found(report)


UNREADABLE: dict[str, Alter] = {
    "it was never finished": lambda folder: (folder / "manifest.json").unlink(),
    "a file is missing": lambda folder: (folder / CONTENTS).unlink(),
    "a file is one too many": lambda folder: (folder / "explanation.txt").write_text("All is well."),
    "the last line is cut off": rewriting(EVENTS, lambda text: text[:-10]),
    "the last newline is missing": rewriting(EVENTS, lambda text: text[:-1]),
    "a content is cut off": rewriting(CONTENTS, lambda text: text[:-1]),
    "a content is no JSON": rewriting(CONTENTS, lambda text: text + b"All is well.\n"),
    "a content is no UTF-8": rewriting(CONTENTS, lambda text: text + b'"\xff"\n'),
    "a content is nested too deep": rewriting(CONTENTS, lambda text: text + b"[" * 10**5 + b"\n"),
    "a line never ends": lambda folder: os.truncate(folder / EVENTS, LINE + 1),
    "what differs is no JSON": rewriting("differing.ndjson", lambda text: b"nothing\n"),
    "what differs is something else": rewriting("differing.ndjson", lambda text: b'{"all": "well"}\n'),
    "what differs is nested too deep": rewriting(
        "differing.ndjson", lambda text: b'{"line":0,"event":{"a":' + b"[" * 900 + b"]" * 900 + b"}}\n"
    ),
    "what differs is not there": rewriting("differing.ndjson", lambda text: b'{"line":1000000,"event":{}}\n'),
    "the manifest is no JSON": rewriting("manifest.json", lambda text: text[:-10]),
    "the manifest is no object": rewriting("manifest.json", lambda text: b"[]"),
    "the manifest says more": telling(note="All is well."),
    "the manifest names another trail": telling(origin="elsewhere.example"),
    "the manifest names another schema": telling(schema=3),
    "the manifest tells of fewer events": telling(to=3),
    "the manifest tells of more events than there were": telling(size=3),
    "the manifest calls the whole a part": telling(partial=True),
    "the manifest begins nowhere": telling(**{"from": -1}),
}


@pytest.mark.parametrize("how", UNREADABLE)
def test_what_is_no_export_is_refused_in_a_line(anchored: Anchored, copy: Path, how: str) -> None:
    UNREADABLE[how](copy)
    with pytest.raises(Unreadable) as refused:
        verified(anchored, copy)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300


def test_a_smaller_size_in_the_manifest_hides_no_cut_tail(anchored: Anchored, copy: Path) -> None:
    size = anchored.sizes[-1] - 1
    events = (copy / EVENTS).read_bytes().splitlines(True)[:size]
    (copy / EVENTS).write_bytes(b"".join(events))
    edge: list[str] = []
    for seq, event in enumerate(events):
        edge, _ = tree.grow(edge, seq, tree.leaf_hash(event[:-1]))
    last = json.loads(events[-1])
    head = json.loads((copy / "manifest.json").read_text())["head"]
    head |= {
        "size": size,
        "last_hash": tree.leaf_hash(events[-1][:-1]),
        "edge": edge,
    }
    telling(to=size - 1, size=size, counted=size, head=head | {"last_at": {"$date": last["occurred_at"]}})(copy)
    assert found(verified(anchored, copy)) == [("TAIL_CUT", size)] and verify_export(copy).valid
    assert Checkpoint(last["origin"], size, tree.root(edge)).root == verify_export(copy).root


STRANGER = """
import socket, sys
for each in ("motor", "pymongo", "bson", "beanie", "documents.store.session", "gql.settings", "gql.embedded", "httpx", "uvicorn"):
    sys.modules[each] = None
def refused(*_, **__): raise AssertionError("a network was used")
socket.socket.connect = socket.socket.bind = socket.getaddrinfo = socket.create_connection = refused
from gql.cli import main
main()
"""


def test_a_stranger_verifies_with_neither_a_database_nor_a_network(anchored: Anchored, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("\n".join(anchored.texts))
    keys = ["--key", str(anchored.key.verifier)]

    def asked(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", STRANGER, "audit", "verify", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    answer = asked(str(copy), "--checkpoint", str(tmp_path / "kept"), *keys, "--json")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert json.loads(answer.stdout)["caveats"] == ["AFTER_CHECKPOINT", "RECORDS_NOT_COMPARED", "EXPORT_BELIEVED"]
    (copy / EVENTS).write_bytes(without(3)((copy / EVENTS).read_bytes()))
    answer = asked(str(copy), "--checkpoint", str(tmp_path / "kept"), *keys)
    assert answer.returncode == 13 and "        4  MISSING_EVENTS  3 to 3 are missing before it.\n" in answer.stdout
    assert answer.stderr.startswith("magistrate: the trail has ") and answer.stderr.count("\n") == 1
