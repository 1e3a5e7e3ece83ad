"""The verification of an export."""

import json
import re
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.stranger.notes import endorsed, kept_in, leads, opened
from tests.stranger.records import Record
from tests.stranger.values import HEX, OTHER, SAFE, Date, cited, digest, is_hash, joined, parsed, root, same, stored

PARTS = {
    "actor": {"id": str, "type": str}, "resource": {"type": str, "id": str}, "subject": {"model_id": str, "version": str},
    "request": {"id": str, "ip": str, "token": str, "token_issuer": str, "operation": str},
}  # fmt: skip
FORMS = {
    "origin": r"[^\s+]+", "event_id": "AUD-[0-9a-f]{32}", "event_type": "(?s:.+)", "outcome": "success|failure|partial|denied",
    "occurred_at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "previous_hash": HEX.pattern, "action": "(?s:.*)",
}  # fmt: skip
Fault = tuple[str, int | None]
EVENT_FIELDS = {"seq", "schema", "details", *PARTS, *FORMS}


class Export:
    """The verification of one export."""

    def __init__(self, folder: Path, kept: str, keys: list[str]) -> None:
        self.folder, self.kept, self.keys, self.faults = folder, kept, keys, list[Fault]()
        self.manifest = json.loads((folder / "manifest.json").read_text())
        rows = [json.loads(each) for each in self._lines("differing.ndjson")]
        self.beside = [each for each in rows if "head" in each]
        self.denied = [each["checkpoint"] for each in rows if "checkpoint" in each]
        self.differing = {each["line"]: each["event"] for each in rows if "line" in each}
        self.altered = {each["digest"] for each in rows if "digest" in each}
        self.contents = {digest(each): each for each in self._lines("contents.ndjson")}
        self.next = first = self.manifest["from"]
        self.edge: list[str] | None = []
        self.last: str | None = "0" * 64
        self.at = self.origin = ""
        self.ids, self.records, self.proves = set[str](), dict[tuple[str, str], Record](), False
        self.restored = [_restoration(stored(each)) for each in self.manifest["restored"]]
        if first:
            self._begin({each["seq"]: each for each in self.manifest["before"]}, first)
        self.roots = {first: root(self.edge or [])}

    def _lines(self, name: str) -> list[bytes]:
        return (self.folder / name).read_bytes().split(b"\n")[:-1]

    def _begin(self, before: dict[int, Any], first: int) -> None:
        start, edge = 0, list[str]()
        for level in reversed(range(first.bit_length())):
            if first >> level & 1:
                start += 1 << level
                holder = before[start - 1]
                edge.append(holder["nodes"][level - 1] if level else holder["event_hash"])
        last = before[first - 1]
        self.edge, self.last, self.at, self.origin = edge, last["event_hash"], last["occurred_at"]["$date"], last["origin"]

    def verify(self) -> list[Fault]:
        for number, line in enumerate(self._lines("events.ndjson")):
            if number == self.manifest["counted"]:
                self._expect(self._stop)
            self._event(line, self.differing.get(number))
            if number < self.manifest["counted"]:
                self._tell(line)
        self._expect(self._stop)
        if not self.manifest["partial"]:
            self._head(stored(self.manifest["head"]))
        for each in self.denied:
            size = each.get("size")
            self._found("CHECKPOINT_FORGED", size if type(size) is int and 0 <= size <= SAFE else None)
        self._checkpoints()
        if self.manifest["records"]:
            self._compare()
        return self.faults

    def _tell(self, line: bytes) -> None:
        with suppress(ValueError):
            event = json.loads(line)
            if event["outcome"] in ("success", "partial") and (event["details"]["changes"] or event["details"].get("baseline")):
                named = event["resource"]["type"], event["resource"]["id"]
                self.records.setdefault(named, Record()).take(event)
                self.proves = self.proves or event["schema"] >= 2

    def _compare(self) -> None:
        met = set[tuple[str, str]]()
        for row in map(json.loads, self._lines("records.ndjson")):
            named = row["kind"], row["key"]
            told = self.records.get(named)
            if named in met:
                self._found("RECORD_UNKNOWN", told.last if told else None)
            met.add(named)
            if told is None:
                self.faults += [("RECORD_UNKNOWN", None)] * self.proves
            elif told.proven and not row.get("later"):
                self._differing(told, row)
        for named in sorted(self.records.keys() - met):
            if self.records[named].proven:
                self._found("RECORD_MISSING", self.records[named].last)

    def _differing(self, told: Record, row: Any) -> None:
        wrong = dict(row.get("wrong", {}))
        for path, seq in told.differing(row["leaves"], self.contents):
            self._found("RECORD_DIFFERS", seq)
            wrong.pop(path, None)
        for _ in wrong:
            self._found("RECORD_DIFFERS", told.last)

    @property
    def _stop(self) -> int:
        last = self.manifest["to"]
        return int(self.manifest["from"] if last is None else last + 1)

    def _found(self, kind: str, seq: int | None) -> None:
        self.faults.append((kind, seq))

    def _expect(self, seq: int) -> None:
        if seq > self.next:
            self._found("MISSING_EVENTS", seq)
            self.next, self.edge, self.last = seq, None, None

    def _event(self, line: bytes, row: Any) -> None:
        try:
            bytes_say = parsed(line)
        except ValueError:
            bytes_say = None
        event = stored(row) if row is not None else bytes_say if isinstance(bytes_say, dict) else {}
        seq = event.get("seq")
        if type(seq) is not int or not 0 <= seq < SAFE:
            self._found("INVALID_FIELD", self.next)
            seq = self.next
        self._expect(seq)
        if repeated := seq < self.next:
            self._found("REPEATED_SEQ", seq)
        if isinstance(bytes_say, dict):
            self._fields(seq, bytes_say, event if row is not None else None)
        else:
            self._found("NOT_CANONICAL", seq)
        leaf = sha256(b"\x00" + line).hexdigest()
        if row is not None and line and event.get("event_hash") != leaf:
            self._found("HASH_DIFFERS", seq)
        if row is not None and is_hash(event.get("event_hash")):
            leaf = event["event_hash"]
        for each in sorted(cited(bytes_say if isinstance(bytes_say, dict) else event)):
            if each in self.altered or each not in self.contents:
                self._found("CONTENT_ALTERED" if each in self.altered else "CONTENT_MISSING", seq)
        if not repeated:
            self._follow(seq, bytes_say, leaf, event.get("nodes") if row is not None else OTHER)

    def _fields(self, seq: int, bytes_say: Any, event: Any) -> None:
        beside = {"event_hash", "nodes", "canonical"}
        for name in () if event is None else event.keys() - beside:
            if name not in bytes_say:
                self._found("UNKNOWN_FIELD", seq)
            elif not same(event[name], bytes_say[name]):
                self._found("FIELD_DIFFERS", seq)
        for _ in () if event is None else bytes_say.keys() - event.keys():
            self._found("MISSING_FIELD", seq)
        if event is not None and not isinstance(event.get("occurred_at"), Date):
            self._found("INVALID_FIELD", seq)
        lacks, more = EVENT_FIELDS - bytes_say.keys(), bytes_say.keys() - EVENT_FIELDS
        for kind, names in (("MISSING_FIELD", lacks), ("UNKNOWN_FIELD", more)):
            for _ in names:
                self._found(kind, seq)
        if not (lacks or more or self._is_event(bytes_say)):
            self._found("INVALID_FIELD", seq)

    def _is_event(self, event: Any) -> bool:
        if event.keys() != EVENT_FIELDS or event["schema"] not in (1, 2):
            return False
        texts = all(isinstance(event[name], str) and re.fullmatch(form, event[name]) for name, form in FORMS.items())
        parts = all(
            (event[name] is None and name == "subject")
            or (
                isinstance(event[name], dict)
                and event[name].keys() == part.keys()
                and all(isinstance(each, str) or (name == "request" and of != "id") for of, each in event[name].items())
            )
            for name, part in PARTS.items()
        )
        return texts and parts and isinstance(event["details"], dict)

    def _follow(self, seq: int, said: Any, leaf: str, nodes: Any) -> None:
        if isinstance(said, dict) and self._is_event(said):
            if self.last not in (None, said["previous_hash"]):
                self._found("BROKEN_LINK", seq)
            if said["occurred_at"] < self.at:
                self._found("TIME_REVERSED", seq)
            if self.origin not in ("", said["origin"]) and not self._goes_on(said):
                self._found("ORIGIN_DIFFERS", seq)
            if said["event_id"] in self.ids:
                self._found("DUPLICATE_ID", seq)
            self.ids.add(said["event_id"])
            self.at, self.origin = said["occurred_at"], said["origin"]
        self.last, self.next = leaf, seq + 1
        if self.edge is None:
            return
        completed, left = list[str](), seq
        while left & 1:
            leaf = joined(self.edge.pop(), leaf)
            completed.append(leaf)
            left >>= 1
        self.edge.append(leaf)
        self.roots[self.next] = root(self.edge)
        if nodes is not OTHER and nodes != completed:
            self._found("NODES_DIFFER", seq)

    def _goes_on(self, said: Any) -> bool:
        found = _restoration(said)
        names = {each["before"] for each in self.restored if each}
        if found is None or found["before"] != self.origin or found["name"] in names:
            return False
        self.restored.append(found)
        return True

    def _head(self, head: Any) -> None:
        self.faults += [("HEAD_DIFFERS", None)] * bool(self.beside)
        if head is None:
            self.faults += [("HEAD_MISSING", None)] * bool(self.next)
            return
        says = {"origin": self.origin or None, "size": self.next, "last_hash": self.last, "last_at": self.at or None}
        for name, value in (says | {"edge": self.edge}).items():
            if value is not None and not same(head.get(name), value):
                self._found("HEAD_DIFFERS", None)

    def _checkpoints(self) -> None:
        keys, wrong = self._followed()
        signed = [opened(note, keys) for note in kept_in(self.kept)]
        ends = {each["before"]: each for each in self.restored if each}
        self.faults += [("CHECKPOINT_FORGED", None) for each in signed if each is None]
        mine = [each for each in signed if each and (each[0] == self.origin or each[0] in ends)]
        others = {each[0] for each in signed if each} - {each[0] for each in mine}
        self.faults += [("CHECKPOINT_OF_ANOTHER_TRAIL", None)] * len(others)
        cut, agree = set[int](), dict[int, bool]()
        for each in sorted(mine, key=lambda each: each[1]):
            origin, size, told = each
            end = ends[origin]["seq"] if origin in ends else self.manifest["size"]
            if size > end:
                cited = opened(ends[origin]["checkpoint"], keys) if origin in ends else None
                if not (cited and (size < cited[1] or each == cited)):
                    cut.add(end)
            elif (same_root := self._agrees(size, told)) is not None:
                agree[size] = same_root and agree.get(size, True)
        self.faults += [("TAIL_CUT", end) for end in sorted(cut)]
        if not all(agree.values()):
            until = min(size for size, same in agree.items() if not same)
            self._found("REWRITTEN", max((size for size, same in agree.items() if same and size < until), default=0))
        self.faults += [("ENDORSEMENT_FORGED", None)] * wrong

    def _followed(self) -> tuple[list[str], int]:
        """The trusted keys and those that they endorsed, and how many endorsements are wrong."""
        found = [endorsed(each) for each in self.manifest["endorsements"]]
        keys = list(self.keys)
        for key in keys:  # it grows on the way
            keys += [each[1] for each in found if each and each[0] == key and each[1] not in keys]
        return keys, found.count(None)

    def _agrees(self, size: int, told: str) -> bool | None:
        first, consistency = self.manifest["from"], self.manifest["consistency"]
        if size in self.roots:
            return self.roots[size] == told
        if not consistency or consistency["size"] != size or self.edge is None:
            return None
        if size < first:
            return leads(size, first, told, self.roots[first], consistency["hashes"])
        return leads(self.next, size, root(self.edge), told, consistency["hashes"])


def _restoration(event: Any) -> Any:
    """What an event tells of a restoration; None if it tells of none."""
    try:
        facts = event["details"]["facts"]
        text = facts["checkpoint"].rpartition("\n\n")[0].split("\n")
        lost = facts["lost"]
        right = (
            (event["action"], event["outcome"], event["actor"]) == ("restoreTrail", "success", {"id": "system", "type": "system"})
            and event["resource"] == {"type": "AuditHead", "id": "head"}
            and text[0] == facts["origin"] != event["origin"]
            and int(text[1]) == lost["to"] + 1
            and 0 <= facts["kept_to"] <= lost["from"] == event["seq"] <= lost["to"]
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        return None
    told = {"before": facts["origin"], "name": event["origin"], "seq": event["seq"], "checkpoint": facts["checkpoint"]}
    return told if right else None


def verified(vector: Path) -> list[Fault]:
    keys = (vector / "keys").read_text().splitlines()
    return Export(vector / "trail", (vector / "kept").read_text(), keys).verify()
