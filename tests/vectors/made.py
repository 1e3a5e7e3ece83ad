"""The vectors: what a database holds after the story, honest or altered, exported with what was kept and what must be found.

Each is a folder: `trail` is the export, `kept` the checkpoints that were kept outside, `keys` the trusted verifier keys, a line
each, and `expected.json` what a verification must say.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bson import Decimal128, ObjectId

from documents.audit import tree
from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.audit.findings import Report
from documents.audit.notes import Checkpoint
from documents.audit.restorations import ACTION
from documents.audit.verify import verify
from documents.books import BOOKS
from documents.kinds import RECORDS, open_database
from documents.seals import Keyring
from documents.store.session import Database
from tests.tampers.held import change
from tests.trails import Raw, Stored
from tests.vectors.story import KEY, ORIGIN, RESTORED_KEY, SECRET_KEY, everything, told

EVENT = 5  # an event that attacks alter: one after the first checkpoint


class Held(Stored):
    """All that a database holds."""

    others: dict[str, list[Raw]]

    @classmethod
    async def read(cls, database: Database) -> "Held":
        held = await everything(database)
        events, heads, contents = (held.pop(name) for name in ("audit_events", "audit_head", "contents"))
        read = cls(sorted(events, key=lambda each: each["seq"]), heads, contents)
        read.others = held
        return read

    def chained_from(self, told: Callable[[Raw], Raw]) -> None:
        """Tells each event otherwise, and hashes all of them again."""
        self.events = [told(each) for each in self.events]
        self.headed()

    async def write(self, database: Database) -> None:
        held = {**self.others, "audit_events": self.events, "audit_head": self.heads, "contents": self.contents}
        for name, documents in held.items():
            if documents:
                await database.collection(name).insert_many(documents)


@dataclass(frozen=True)
class Vector:
    """A vector: what is altered, from which to which event it is exported, and which checkpoints were kept."""

    alter: Callable[[Held], object] = lambda held: None
    part: tuple[int, int | None] = (0, None)
    rotated: bool = False
    restored: bool = False
    signed_anew: bool = False
    """Whether the story's own checkpoints are of other events, so that nothing was kept but one of the altered trail."""
    keys: tuple[str, ...] = (str(KEY.verifier),)


def field(held: Held) -> None:
    held.events[EVENT]["outcome"] = "failure"


def unknown_field(held: Held) -> None:
    held.events[EVENT]["note"] = "approved by telephone"


def hashed(held: Held) -> None:
    held.events[EVENT]["outcome"] = "failure"
    Stored([held.events[EVENT]], [], []).chained(held.events[EVENT]["previous_hash"])


def rehashed(held: Held) -> None:
    held.events[EVENT]["outcome"] = "failure"
    held.headed()


def hash_of_nothing(held: Held) -> None:
    held.events[EVENT]["event_hash"] = "0" * 64


def spaced(held: Held) -> None:
    """The bytes of an event say the same with a space more, and are hashed."""
    event = held.events[EVENT]
    event["canonical"] = event["canonical"].replace(b'{"action":', b'{"action": ', 1)
    event["event_hash"] = tree.leaf_hash(event["canonical"])


def field_missing(held: Held) -> None:
    del held.events[EVENT]["request"]
    held.headed()


def earlier(held: Held) -> None:
    held.events[EVENT]["occurred_at"] = held.events[EVENT - 1]["occurred_at"] - timedelta(seconds=1)
    held.headed()


def id_again(held: Held) -> None:
    held.events[EVENT]["event_id"] = held.events[EVENT - 1]["event_id"]
    held.headed()


def head_missing(held: Held) -> None:
    held.heads.clear()


def nodes(held: Held) -> None:
    held.events[7]["nodes"][0] = "0" * 64


def deleted(held: Held) -> None:
    del held.events[EVENT]


def inserted(held: Held) -> None:
    held.events.append(held.events[EVENT] | {"_id": held.events[0]["_id"].from_datetime(datetime(2026, 1, 1, tzinfo=UTC))})


def cut(held: Held) -> None:
    del held.events[8:]
    held.headed()


def head(held: Held) -> None:
    held.heads[0]["origin"] = "elsewhere.example"


def content_missing(held: Held) -> None:
    del held.contents[0]


def content_altered(held: Held) -> None:
    held.contents[0]["canonical"] = held.contents[0]["canonical"].replace("answer", "evade")


def record(kind: str, path: str, value: Any) -> Callable[[Held], None]:
    def alter(held: Held) -> None:
        change(held.others[kind][-1], path, value)

    return alter


def record_missing(held: Held) -> None:
    held.others["environments"].clear()


def record_unknown(held: Held) -> None:
    person = held.others["stakeholders"][0]
    held.others["stakeholders"].append({**person, "_id": ObjectId(), "user_id": "mallory"})


def checkpoint_stored(held: Held) -> None:
    held.others["audit_checkpoints"][0]["root"] = "0" * 64


def endorsement(held: Held) -> None:
    stored = held.others["audit_checkpoints"][-1]
    stored["endorsement"] = stored["endorsement"].replace("+AQ", "+AR", 1)


def restoration(held: Held) -> None:
    """The restoration is told otherwise, so that it contradicts itself, and everything is hashed again."""
    told = next(each for each in held.events if each["action"] == ACTION)
    told["details"]["facts"]["lost"]["from"] -= 1
    held.headed()


def of_schema_1(held: Held) -> None:
    """The trail as releases before 0.3.0 told it, up to the event before the last ones."""

    def told(event: Raw) -> Raw:
        if event["seq"] > 8:
            return event
        changes = [_as_before(each) for each in event["details"]["changes"]]
        return event | {"schema": 1, "details": {**event["details"], "changes": changes}}

    held.chained_from(told)
    held.others["audit_checkpoints"].clear()


def _as_before(change: Raw) -> Raw:
    if "changed" in change:
        return {"path": change["path"], "changed": True}
    return {name: side["cites"] if isinstance(side, dict) and "cites" in side else side for name, side in change.items()}


def hostile(held: Held) -> None:
    held.events[EVENT]["occurred_at"] = Decimal128("1E6000")
    held.events[EVENT + 1]["action"] = b"bytes"
    held.events[EVENT + 2]["details"] = {"$date": "2026-03-01T12:00:00.000Z"}
    held.events[EVENT + 3]["note"] = datetime(2026, 3, 1, tzinfo=UTC)


VECTORS: dict[str, Vector] = {
    "honest": Vector(),
    "partial": Vector(part=(5, 8)),
    "partial-end": Vector(part=(10, None)),
    "restored": Vector(restored=True, keys=(str(KEY.verifier), str(RESTORED_KEY.verifier))),
    "restored-untrusted": Vector(restored=True, keys=(str(RESTORED_KEY.verifier),)),
    "rotated": Vector(rotated=True),
    "schema-1": Vector(of_schema_1, signed_anew=True),
    "tampered-checkpoint": Vector(checkpoint_stored),
    "tampered-content-altered": Vector(content_altered),
    "tampered-content-missing": Vector(content_missing),
    "tampered-cut": Vector(cut),
    "tampered-deleted": Vector(deleted),
    "tampered-earlier": Vector(earlier, signed_anew=True),
    "tampered-endorsement": Vector(endorsement, rotated=True),
    "tampered-field": Vector(field),
    "tampered-field-missing": Vector(field_missing, signed_anew=True),
    "tampered-hash": Vector(hash_of_nothing),
    "tampered-hashed": Vector(hashed),
    "tampered-head": Vector(head),
    "tampered-head-missing": Vector(head_missing),
    "tampered-id-again": Vector(id_again, signed_anew=True),
    "tampered-hostile": Vector(hostile),
    "tampered-inserted": Vector(inserted),
    "tampered-nodes": Vector(nodes),
    "tampered-record": Vector(record("stakeholders", "department", "Audit")),
    "tampered-record-content": Vector(record("datasheets", "content.purpose", "To sell.")),
    "tampered-record-missing": Vector(record_missing),
    "tampered-record-private": Vector(record("stakeholders", "name", "Mallory Example")),
    "tampered-record-unknown": Vector(record_unknown),
    "tampered-rehashed": Vector(rehashed),
    "tampered-restoration": Vector(restoration, restored=True, keys=(str(KEY.verifier), str(RESTORED_KEY.verifier))),
    "tampered-spaced": Vector(spaced),
    "tampered-unknown-field": Vector(unknown_field),
}


def verified(folder: Path) -> Report:
    """What the product says of a vector."""
    return verify_export(folder / "trail", (folder / "kept").read_text(), (folder / "keys").read_text().splitlines())


def said(report: Report) -> Raw:
    """What is compared of a report."""
    faults = [
        {"kind": each.kind.name, "seq": each.seq, "resource": _as_json(getattr(each, "resource", None))}
        | {"path": getattr(each, "path", None)}
        for each in report.faults
    ]
    return {
        "valid": report.valid, "tree_size": report.tree_size, "root": report.root, "faults": faults,
        "caveats": [each.name for each in report.caveats],
    }  # fmt: skip


def _as_json(resource: Any) -> Any:
    return resource and {"type": resource.type, "id": resource.id}


async def make(uri: str, folder: Path) -> None:
    """Writes all vectors below `folder`, each made in databases of its own on that server."""
    for name, vector in VECTORS.items():
        (folder / name).mkdir(parents=True)
        await _make(uri, folder / name, name, vector)


async def _make(uri: str, folder: Path, name: str, vector: Vector) -> None:
    honest, altered = (open_database(uri, f"vector-{name}-{each}") for each in ("told", "kept"))
    honest.keyring = Keyring(SECRET_KEY)
    await honest.prepare(RECORDS)
    await altered.prepare(RECORDS)
    notes = await told(honest, vector.rotated, vector.restored)
    held = await Held.read(honest)
    vector.alter(held)
    if vector.signed_anew:
        notes = [Checkpoint(ORIGIN, len(held.events), tree.root(held.heads[0]["edge"])).signed(KEY)]
    for each in RECORDS:
        await altered.collection(each.collection).drop_indexes()
    await held.write(altered)
    keys = list(vector.keys)
    with altered.bound():
        await export(folder / "trail", *vector.part, books=BOOKS)
        online = await verify(*vector.part, "".join(f"{each}\n" for each in notes), keys, books=BOOKS)
    (folder / "kept").write_text("".join(f"{each}\n" for each in notes))
    (folder / "keys").write_text("".join(f"{each}\n" for each in keys))
    report = verified(folder)
    if _places(online) != _places(report):
        raise AssertionError(f"{name}: {_places(online)} online, {_places(report)} offline")
    (folder / "expected.json").write_text(json.dumps(said(report), indent=1) + "\n")
    honest.close()
    altered.close()


def _places(report: Report) -> Iterable[Any]:
    return [(each["kind"], each["seq"], each["resource"], each["path"]) for each in said(report)["faults"]]
