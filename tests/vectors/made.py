"""The vectors: what a database holds after the story, honest or altered, exported with what was kept and what must be found.

Each is a folder: `trail` is the export, `kept` the checkpoints that were kept outside, `keys` the trusted verifier keys, a line
each, and `expected.json` what a verification must say.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bson import Decimal128

from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.audit.findings import Report
from documents.audit.pins import kept_in
from documents.audit.verify import verify
from documents.kinds import RECORDS, open_database
from documents.store.session import Database
from tests.trails import Raw, Stored
from tests.vectors.story import KEY, NEXT_KEY, told

EVENT = 5  # an event that attacks alter: one after the first checkpoint


class Held(Stored):
    """All that a database holds."""

    others: dict[str, list[Raw]]

    @classmethod
    async def read(cls, database: Database) -> "Held":
        held = {each.collection: await database.collection(each.collection).find().sort("_id").to_list(None) for each in RECORDS}
        events, heads, contents = (held.pop(name) for name in ("audit_events", "audit_head", "contents"))
        read = cls(sorted(events, key=lambda each: each["seq"]), heads, contents)
        read.others = held
        return read

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


def hostile(held: Held) -> None:
    held.events[EVENT]["occurred_at"] = Decimal128("1E6000")
    held.events[EVENT + 1]["action"] = b"bytes"
    held.events[EVENT + 2]["details"] = {"$date": "2026-03-01T12:00:00.000Z"}
    held.events[EVENT + 3]["note"] = datetime(2026, 3, 1, tzinfo=UTC)


VECTORS: dict[str, Vector] = {
    "honest": Vector(),
    "partial": Vector(part=(5, 7)),
    "rotated": Vector(rotated=True, keys=(str(KEY.verifier), str(NEXT_KEY.verifier))),
    "tampered-content-altered": Vector(content_altered),
    "tampered-content-missing": Vector(content_missing),
    "tampered-cut": Vector(cut),
    "tampered-deleted": Vector(deleted),
    "tampered-field": Vector(field),
    "tampered-hashed": Vector(hashed),
    "tampered-head": Vector(head),
    "tampered-hostile": Vector(hostile),
    "tampered-inserted": Vector(inserted),
    "tampered-nodes": Vector(nodes),
    "tampered-rehashed": Vector(rehashed),
    "tampered-unknown-field": Vector(unknown_field),
}


def verified(folder: Path) -> Report:
    """What the product says of a vector."""
    kept = kept_in((folder / "kept").read_text())
    return verify_export(folder / "trail", kept[-1], (folder / "keys").read_text().splitlines())


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
    await honest.prepare(RECORDS)
    await altered.prepare(RECORDS)
    notes = await told(honest, vector.rotated)
    held = await Held.read(honest)
    vector.alter(held)
    for each in RECORDS:
        await altered.collection(each.collection).drop_indexes()
    await held.write(altered)
    keys = list(vector.keys)
    with altered.bound():
        await export(folder / "trail", *vector.part)
        online = await verify(*vector.part, notes[-1], keys)
    (folder / "kept").write_text("".join(f"{each}\n" for each in notes))
    (folder / "keys").write_text("".join(f"{each}\n" for each in keys))
    report = verified(folder)
    if _places(online) != _places(report):
        raise AssertionError(f"{name}: {_places(online)} online, {_places(report)} offline")
    (folder / "expected.json").write_text(json.dumps(said(report), indent=1) + "\n")
    honest.close()
    altered.close()


def _places(report: Report) -> Iterable[Any]:
    return [(each["kind"], each["seq"], each["path"]) for each in said(report)["faults"]]
