"""Verification ends with an answer, whatever value somebody stores in the collections of the trail."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from documents.audit import verify
from documents.audit.export import export
from documents.audit.exported import as_json, as_stored, verify_export
from documents.audit.findings import Fault
from documents.audit.notes import SigningKey
from documents.audit.trail import AuditHead
from documents.audit.verification import Verifier
from gql.checkpoints import checkpoint
from tests.chains import CONTENTS, headed, honest
from tests.examples import CARD, attach, register, save_card
from tests.hostile_values import VALUES, Raw, altered, at, chunks, is_same, replace
from tests.service import AUDREY, Service
from tests.trails import without_key

pytestmark = pytest.mark.tampers
EVENTS, HEAD, KEPT, SIGNED = "audit_events", "audit_head", "contents", "audit_checkpoints"
Places = list[tuple[str, int | None]]


class Trail:
    """A trail without indexes, and each way to verify it."""

    def __init__(self, service: Service, key: SigningKey, text: str) -> None:
        self.service, self.key, self.text = service, key, text

    async def all(self, collection: str, by: str = "_id") -> list[Raw]:
        found: list[Raw] = await self.service.database.collection(collection).find().sort(by).to_list(None)
        return found

    @asynccontextmanager
    async def with_stored(self, collection: str, documents: Sequence[Raw]) -> AsyncIterator[list[Raw]]:
        """Inside, these documents stand in the place of those of the same ids; those are given that the server took."""
        ids = [each["_id"] for each in documents]
        before = await self.service.database.collection(collection).find({"_id": {"$in": ids}}).to_list(None)
        try:
            yield [each for each in documents if await replace(self.service, collection, each)]
        finally:
            for each in before:
                await replace(self.service, collection, each)

    async def faults(self, folder: Path) -> Sequence[Fault]:
        """What a verification of the database finds; an export and its verification elsewhere find the same."""
        keys = [str(self.key.verifier)]
        with without_key(self.service.database):
            report = await verify.verify(checkpoint=self.text, keys=keys, limit=None)
            exported = await export(folder)
        offline = verify_export(folder, self.text, keys)
        assert places(offline.faults) == places(report.faults)
        beside = {"CHECKPOINT_FORGED", "TAIL_CUT", "REWRITTEN"}  # an export is compared with no checkpoint while it is written
        assert {each for each in places(exported.faults) if each[0] not in beside} == {
            each for each in places(report.faults) if each[0] not in beside
        }
        return report.faults


def places(faults: Sequence[Fault]) -> Places:
    return [(each.kind.name, each.seq) for each in faults]


@pytest.fixture(scope="module")
async def trail(server: str) -> AsyncIterator[Trail]:
    service = await Service.started(server)
    with service.database.bound():
        key = SigningKey((await AuditHead.require("head")).origin, bytes(range(32)))
        await register(service)
        for each in range(10):
            await save_card(service, card=CARD | {"license": f"License {each}"})
            await attach(service, title=str(each))
            signed = await checkpoint(key, service.now)
        for collection in (EVENTS, HEAD, KEPT, SIGNED):
            await service.database.collection(collection).drop_indexes()
        assert signed
        yield Trail(service, key, signed.text)
    await service.close()


COUNT = "10**12"
"""A number that a count may have one day."""
EDITED = 7
"""The event of which a field is edited besides: no hostile value hides that."""


@asynccontextmanager
async def edited(trail: Trail) -> AsyncIterator[None]:
    (event,) = [each for each in await trail.all(EVENTS) if each["seq"] == EDITED]
    async with trail.with_stored(EVENTS, [event | {"action": "somethingElse"}]):
        yield


FIELDS = (
    "schema", "origin", "event_id", "event_type", "outcome", "occurred_at", "actor", "actor.id", "resource", "subject", "action",
    "details", "details.changes", "details.facts", "details.facts.more", "request", "request.ip", "previous_hash", "event_hash",
    "nodes", "canonical", "more",
)  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("field", FIELDS)
async def test_a_value_that_no_event_has_is_a_fault_of_its_event(trail: Trail, tmp_path: Path, field: str) -> None:
    events = [each for each in await trail.all(EVENTS, "seq") if each["seq"] != EDITED]
    for number, some in enumerate(chunks([*VALUES], len(events) // 2)):
        # Every other event is altered, so that each is compared with an honest one.
        hostile = [altered(event, field, VALUES[name]) for event, name in zip(events[::2], some, strict=False)]
        before = {event["_id"]: event for event in events}
        hostile = [each for each in hostile if not is_same(at(each, field), at(before[each["_id"]], field))]
        async with edited(trail), trail.with_stored(EVENTS, hostile) as stored:
            found = await trail.faults(tmp_path / str(number))
        expected = {before[each["_id"]]["seq"] for each in stored} | {EDITED}
        assert {each.seq for each in found} >= expected
        # A hash or a name that cannot be read is compared with nothing, so no other event has a fault.
        assert {each.seq for each in found} <= expected | {seq + 1 for seq in expected}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", VALUES)
async def test_a_number_that_no_event_has_leaves_a_gap_and_hides_nothing(trail: Trail, tmp_path: Path, name: str) -> None:
    event = (await trail.all(EVENTS, "seq"))[20]
    async with edited(trail), trail.with_stored(EVENTS, [altered(event, "seq", VALUES[name])]) as stored:
        found = places(await trail.faults(tmp_path / "export"))
    if stored:
        assert ("FIELD_DIFFERS", EDITED) in found
        assert ("MISSING_EVENTS", 21) in found
        assert [kind for kind, seq in found if kind in {"INVALID_FIELD", "REPEATED_SEQ"} or seq == 10**12]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "field", ["name", "origin", "turn", "size", "last_hash", "last_at", "edge", "edge.0", "revision", "more"]
)
async def test_a_value_that_no_head_has_is_a_fault_of_the_head_and_refuses_mutations(
    trail: Trail, tmp_path: Path, field: str
) -> None:
    (head,) = await trail.all(HEAD)
    for name, value in VALUES.items():
        hostile = altered(head, field, value)
        if (field in {"turn", "revision"} and name == COUNT) or is_same(at(hostile, field), at(head, field)):
            continue
        async with edited(trail), trail.with_stored(HEAD, [hostile]) as stored:
            if not stored:
                continue
            found = places(await trail.faults(tmp_path / name))
            refused = await trail.service.refused("updateModelVersion", modelId="support-assistant", version="1.0.0", purpose="x")
        assert ("FIELD_DIFFERS", EDITED) in found, name
        assert {("HEAD_DIFFERS", None), ("HEAD_MISSING", None), ("MISSING_EVENTS", 10**12)} & {*found}, name
        assert {kind for kind, _ in found} <= {"FIELD_DIFFERS", "HEAD_DIFFERS", "HEAD_MISSING", "MISSING_EVENTS"}, name
        assert refused["code"] == "TRAIL_NOT_SOUND", name


async def test_a_head_that_counts_too_many_or_too_few_events_hides_nothing(trail: Trail, tmp_path: Path) -> None:
    (head,) = await trail.all(HEAD)
    for size in (10**12, head["size"] - 3, 0):
        async with edited(trail), trail.with_stored(HEAD, [head | {"size": size}]):
            found = places(await trail.faults(tmp_path / str(size)))
            part = await verify.verify(0, 5)
            assert not (await trail.service.ask("{ auditVerification { valid } }", AUDREY))["auditVerification"]["valid"]
            if size in {0, 10**12}:  # a proof in fewer events is one, and shows what a checkpoint does not
                refused = await trail.service.refusal("{ auditInclusionProof(seq: 3) { root } }", AUDREY)
                assert refused["code"] == ("INVALID_STATE" if size else "INVALID_INPUT")
        assert ("FIELD_DIFFERS", EDITED) in found and part.valid
        assert ({("MISSING_EVENTS", size)} if size > head["size"] else {("HEAD_DIFFERS", None)}) <= {*found}


async def test_a_second_head_and_one_without_a_name_are_faults_of_the_head(trail: Trail, tmp_path: Path) -> None:
    (head,) = await trail.all(HEAD)
    heads = trail.service.database.collection(HEAD)
    others: list[Raw] = [{}, {"name": None}, {"name": "other", "size": "x" * 10**6}]
    for number, more in enumerate(others):
        await heads.insert_one(head | {"_id": ObjectId()} | more)
        try:
            assert places(await trail.faults(tmp_path / str(number))) == [("HEAD_DIFFERS", None)]
        finally:
            await heads.delete_many({"_id": {"$ne": head["_id"]}})
    await heads.delete_many({})
    try:
        assert places(await trail.faults(tmp_path / "none")) == [("HEAD_MISSING", None)]
    finally:
        await heads.insert_one(head)


@pytest.mark.exhaustive
@pytest.mark.parametrize("field", ["digest", "canonical", "kind", "revision", "more"])
async def test_a_value_that_no_content_has_is_a_fault_of_the_events_that_cite_it(
    trail: Trail, tmp_path: Path, field: str
) -> None:
    contents = [each for each in await trail.all(KEPT) if each["kind"] == "model_card"]
    likely = {("revision", COUNT), ("kind", "text")}
    assert len(contents) > 5
    unlikely = [name for name in VALUES if (field, name) not in likely]
    for number, some in enumerate(chunks(unlikely, len(contents))):
        hostile = [altered(content, field, VALUES[name]) for content, name in zip(contents, some, strict=False)]
        before = {each["_id"]: each for each in contents}
        hostile = [each for each in hostile if not is_same(at(each, field), at(before[each["_id"]], field))]
        async with trail.with_stored(KEPT, hostile) as stored:
            found = await trail.faults(tmp_path / str(number))
        kind = "CONTENT_MISSING" if field == "digest" else "CONTENT_ALTERED"
        assert {each.kind.name for each in found} == {kind} if stored else not found
        told = " ".join(each.detail for each in found)
        assert all(before[each["_id"]]["digest"] in told for each in stored)


async def test_of_two_contents_of_one_digest_the_altered_one_counts(trail: Trail, tmp_path: Path) -> None:
    content = next(each for each in await trail.all(KEPT) if each["kind"] == "model_card")
    contents = trail.service.database.collection(KEPT)
    others: list[Raw] = [{"canonical": "{}"}, {"canonical": None}, {}]
    for number, more in enumerate(others):
        await contents.insert_one(content | {"_id": ObjectId()} | more)
        try:
            found = {kind for kind, _ in places(await trail.faults(tmp_path / str(number)))}
        finally:
            await contents.delete_many({"digest": content["digest"]})
            await contents.insert_one(content)
        assert found == ({"CONTENT_ALTERED"} if more else set())


@pytest.mark.exhaustive
@pytest.mark.parametrize("field", ["size", "root", "text", "verifier_key", "signed_at", "revision"])
async def test_a_value_that_no_checkpoint_has_is_a_forged_checkpoint(trail: Trail, tmp_path: Path, field: str) -> None:
    signed = await trail.all(SIGNED, "size")
    unlikely = [name for name in VALUES if (field, name) != ("revision", COUNT)]
    for number, some in enumerate(chunks(unlikely, len(signed))):
        hostile = [altered(each, field, VALUES[name]) for each, name in zip(signed, some, strict=False)]
        async with edited(trail), trail.with_stored(SIGNED, hostile) as stored:
            found = places(await trail.faults(tmp_path / str(number)))
            keys = (await trail.service.ask("{ auditKeys { verifierKey } auditCheckpoint { size } }", AUDREY))["auditKeys"]
        assert len([kind for kind, _ in found if kind == "CHECKPOINT_FORGED"]) == len(stored)
        assert {*found} >= {("FIELD_DIFFERS", EDITED)} and {kind for kind, _ in found} <= {"FIELD_DIFFERS", "CHECKPOINT_FORGED"}
        assert len(keys) <= 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", VALUES)
def test_every_value_has_a_form_in_an_export_that_is_another_than_that_of_any_value_of_the_trail(name: str) -> None:
    """Also those that the database of the tests does not take."""
    value = VALUES[name]
    if name == "missing":
        return
    for field in (each for each in FIELDS if each not in {"subject", "more"} and "." not in each):
        stored, again = honest(5), honest(5)
        stored[3][field] = value
        again[3][field] = as_stored(as_json(value))
        reports = []
        for events in (stored, again):
            verifier = Verifier()
            verifier.feed(events, CONTENTS)
            verifier.compare_head(headed(honest(5)))
            reports.append(places(verifier.report().faults))
        assert reports[0] == reports[1]
        assert any(seq == 3 for _, seq in reports[0]), field


@pytest.mark.exhaustive
async def test_long_and_repeated_values_end_with_an_answer(trail: Trail, tmp_path: Path) -> None:
    events = await trail.all(EVENTS, "seq")
    long: dict[str, Any] = {"origin": "x" * 15 * 2**20}
    stored = trail.service.database.collection(EVENTS)
    try:
        async with trail.with_stored(EVENTS, [events[10] | long, events[0] | long]):
            found = places(await trail.faults(tmp_path / "long"))
        assert {seq for _, seq in found} == {0, 10} and {kind for kind, _ in found} == {"FIELD_DIFFERS"}
        await stored.insert_many([events[9] | {"_id": ObjectId()} for _ in range(500)])
        found = places(await trail.faults(tmp_path / "repeated"))
        assert found == [("REPEATED_SEQ", 9)] * 500
    finally:
        await stored.delete_many({"_id": {"$nin": [each["_id"] for each in events]}})
    assert not await trail.faults(tmp_path / "honest")
