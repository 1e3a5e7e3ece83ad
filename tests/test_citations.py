"""Every content that an event cites is verified, wherever the event cites it: in the database, and in an export."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from documents.audit import verify
from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.audit.schema import cited
from tests.journey import COLIN, every_mutation
from tests.operations import DORA, TOM
from tests.service import Service
from tests.trails import Raw

pytestmark = pytest.mark.tampers
DIGEST = re.compile(r"[0-9a-f]{64}")
NO_CONTENTS = {"sha256", "origins", "artifact_digests", "root", "from_root"}
"""The last steps of paths that hold a SHA-256 of something that is no content."""
KINDS = {
    ("ModelVersion", "round.decisions.*.dossier.card"), ("ModelVersion", "round.decisions.*.dossier.scope"),
    ("ModelVersion", "round.decisions.*.dossier.tier"), ("ModelVersion", "round.decisions.*.dossier.artifacts"),
    ("ModelVersion", "round.decisions.*.dossier.dependencies"), ("ModelVersion", "round.decisions.*.dossier.assessment"),
    ("ModelVersion", "round.decisions.*.dossier.datasheets"), ("ModelVersion", "card_revisions.*.digest"),
    ("ModelVersion", "assessment_revisions.*.digest"), ("ModelVersion", "closed_rounds.*.digest"),
    ("ModelVersion", "datasheets.*.digest"), ("ModelVersion", "round.policies.*.digest"), ("ModelVersion", "card"),
    ("ModelVersion", "latest_assessment"), ("ModelVersion", "facts.report"), ("Datasheet", "content"), ("Policy", "content"),
    ("Datasheet", "revisions.*.digest"), ("Datasheet", "facts.report"), ("Policy", "revisions.*.digest"),
    ("ChangeRequest", "plan"), ("ChangeRequest", "frozen_plan"), ("ChangeRequest", "approvals.*.plan"),
    ("ChangeRequest", "gate.eligibility"), ("ChangeRequest", "revisions.*.digest"), ("Deployment", "dossier.scope"),
    ("Deployment", "dossier.tier"),
}  # fmt: skip
"""Kinds of citations that the journey makes, at least."""


@pytest.fixture(scope="module")
async def told(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    await service.enrol(DORA, TOM, COLIN)
    await service.confirm(COLIN)
    async for _ in every_mutation(service):
        service.later(seconds=1)
    with service.database.bound():
        yield service
    await service.close()


def digests(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every digest that stands somewhere in a value, with the path to it; indices are `*`."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from digests(each, (*path, name))
    elif isinstance(value, list):
        for each in value:
            yield from digests(each, (*path, "*"))
    elif isinstance(value, str) and DIGEST.fullmatch(value):
        yield path, value


def told_in(event: Raw) -> Iterator[tuple[str, str]]:
    """The digests that an event tells, each with the shape of the path of what it is the digest of."""
    for change in event["details"].get("changes", ()):
        shape = re.sub(r"\.[0-9]+(?=\.|$)", ".*", change["path"])
        for side in ("from", "to"):
            for inside, digest in digests(change.get(side)):
                yield ".".join([shape, *(each for each in inside if each not in {"content", "cites"})]), digest
    for inside, digest in digests(event["details"].get("facts")):
        yield ".".join(["facts", *(each for each in inside if each not in {"content", "cites"})]), digest


@pytest.mark.exhaustive
async def test_what_an_event_cites_is_exactly_what_it_tells_of_contents(told: Service) -> None:
    kept = {each["digest"] for each in await told.database.collection("contents").find().to_list(None)}
    kinds = set()
    for event in await told.trail():
        contents = {(path, digest) for path, digest in told_in(event) if digest in kept}
        others = {path for path, digest in told_in(event) if digest not in kept}
        assert cited(event) == {digest for _, digest in contents}, (event["seq"], event["action"])
        assert {path.rpartition(".")[2] for path in others} - {"*"} <= NO_CONTENTS, event["action"]
        kinds |= {(event["resource"]["type"], path) for path, _ in contents}
    assert kinds >= KINDS, KINDS - kinds


@pytest.mark.parametrize("turn", [0, 1])
async def test_each_kind_of_citation_is_followed_in_the_database_and_in_an_export(
    told: Service, tmp_path: Path, turn: int
) -> None:
    """Of the contents that the kinds cite every other is deleted and the rest altered; the other way round in the other turn."""
    contents = told.database.collection("contents")
    kept = {each["digest"]: each for each in await contents.find().to_list(None)}
    trail, chosen = await told.trail(), dict[tuple[str, str], tuple[int, str]]()
    for event in trail:
        for path, digest in told_in(event):
            if digest in kept:
                chosen.setdefault((event["resource"]["type"], path), (event["seq"], digest))
    attacked = sorted({digest for _, digest in chosen.values()})
    deleted, altered = set(attacked[turn::2]), set(attacked[1 - turn :: 2])
    expected = {
        ("CONTENT_MISSING" if digest in deleted else "CONTENT_ALTERED", event["seq"], digest)
        for event in trail
        for digest in cited(event) & {*attacked}
    }
    try:
        await contents.delete_many({"digest": {"$in": attacked}})
        await contents.insert_many([kept[each] | {"canonical": kept[each]["canonical"] + " "} for each in sorted(altered)])
        report = await verify.verify(limit=None)
        await export(tmp_path / "whole")
        offline = verify_export(tmp_path / "whole")
        last = max(seq for seq, _ in chosen.values())
        part = await verify.verify(5, last, limit=None)
        await export(tmp_path / "part", 5, last)
        of_part = verify_export(tmp_path / "part")
    finally:
        await contents.delete_many({"digest": {"$in": attacked}})
        await contents.insert_many([kept[each] for each in attacked])
    for found in (report, offline):
        assert {(each.kind.name, each.seq, each.detail[-65:-1]) for each in found.faults} == expected
    assert of_part.faults == part.faults and {each.seq for each in part.faults} == {
        seq for _, seq, _ in expected if 5 <= seq <= last
    }
    for (kind, path), (seq, digest) in chosen.items():
        assert {(kind, seq, digest) for kind in ("CONTENT_MISSING", "CONTENT_ALTERED")} & expected, (kind, path)


async def test_a_citation_in_the_bytes_counts_where_somebody_took_it_out_of_the_fields(told: Service) -> None:
    events, contents = told.database.collection("audit_events"), told.database.collection("contents")
    event = next(each for each in await told.trail() if each["action"] == "startDeployment" and cited(each))
    digest = min(cited(event))
    kept = await contents.find_one({"digest": digest})
    try:
        await contents.delete_one({"digest": digest})
        await events.update_one({"seq": event["seq"]}, {"$set": {"details": {"changes": [], "facts": {}}}})
        found = {(each.kind.name, each.seq) for each in (await verify.verify(limit=None)).faults}
    finally:
        await contents.insert_one(kept)
        await events.replace_one({"_id": event["_id"]}, event)
    assert found >= {("FIELD_DIFFERS", event["seq"]), ("CONTENT_MISSING", event["seq"])}


@pytest.mark.parametrize(
    ("schema", "details", "cites"),
    [
        (1, {"changes": [{"path": "a.digest", "from": None, "to": "a" * 64}]}, True),
        (1, {"changes": [{"path": "digest", "from": "a" * 64, "to": None}]}, True),
        (1, {"changes": [{"path": "gate.eligibility", "from": None, "to": "a" * 64}]}, True),
        (1, {"changes": [{"path": "round.decisions.0.dossier.card", "from": None, "to": "a" * 64}]}, True),
        (1, {"changes": [{"path": "artifacts.0.sha256", "from": None, "to": "a" * 64}]}, False),
        (1, {"changes": [{"path": "a", "from": None, "to": {"cites": "a" * 64}}]}, False),
        (1, {"facts": {"report": {"content": "a" * 64}}}, True),
        (1, {"facts": {"report": {"content": "A" * 64}}}, False),
        (1, {"facts": {"report": {"content": "a" * 64, "more": 1}}}, False),
        (2, {"changes": [{"path": "a", "from": None, "to": {"cites": "a" * 64}}]}, True),
        (2, {"changes": [{"path": "a", "from": {"content": "a" * 64}, "to": None}]}, True),
        (2, {"changes": [{"path": "a", "from": {"salted": "a" * 64}, "to": None}]}, False),
        (2, {"changes": [{"path": "a.digest", "from": None, "to": "a" * 64}]}, False),
        (2, {"facts": {"a": [{"b": {"content": "a" * 64}}]}}, True),
        (2, {"facts": {"a": {"content": {"content": "a" * 64}}}}, True),
    ],
)
def test_the_rule_of_each_schema(schema: int, details: Raw, cites: bool) -> None:
    assert cited({"schema": schema, "details": details}) == ({"a" * 64} if cites else set())
