"""The trail in the database: what its verification finds when somebody was there, and what is then no longer proven."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from documents.access import GovernanceRole
from documents.audit import tree
from documents.audit.schema import cited
from documents.audit.verification import GENESIS
from tests.examples import BOT, TICKETS, attach, decide, read, register, save_card, save_datasheet, submit
from tests.service import CAROL, Service, person
from tests.trails import Raw, Stored, exported, forged, seq_of, verified

EVE = person("eve", GovernanceRole.MODEL_OWNER)
FAR = 1_000_000  # a number far behind the end


async def link(service: Service) -> None:
    await service.do("linkDatasheet", **BOT | TICKETS)


async def reject(service: Service) -> None:
    await decide(service, CAROL, "REJECTED")


async def sort(service: Service) -> None:
    """Registers another model."""
    await register(service, modelId="sorter")


@pytest.fixture(scope="module")
async def unguarded(server: str) -> AsyncIterator[Service]:
    """A trail with refusals between, a second apart, and without indexes: whoever writes can drop what would be in the way."""
    service = await Service.started(server)
    await service.enrol(EVE)
    for step in (register, sort, save_card, save_datasheet, link, submit, reject, submit, attach):
        await step(service)
        service.later(seconds=1)
        await service.refused("submitForApproval", EVE, **BOT)
    await service.database.collection("audit_events").drop_indexes()
    yield service
    await service.close()


@asynccontextmanager
async def tampered(service: Service, tamper: "Tamper", at: int) -> AsyncIterator[None]:
    """Inside, what is stored is as `tamper` leaves it."""
    honest, altered = await Stored.of(service), await Stored.of(service)
    tamper(altered, at)
    try:
        await altered.written(service)
        yield
    finally:
        await honest.written(service)


Tamper = Callable[[Stored, int], Any]
HEAD = ("HEAD_DIFFERS", None)
TAMPERS: dict[str, tuple[Tamper, set[tuple[str, str | None]]]] = {}


def finds(*faults: tuple[str, str | None]) -> Callable[[Tamper], Tamper]:
    """Declares a way to tamper with a trail at one event, and the faults that a verification must find then, and where."""

    def declare(tamper: Tamper) -> Tamper:
        TAMPERS[tamper.__name__] = tamper, set(faults)
        return tamper

    return declare


@finds(("FIELD_DIFFERS", "there"))
def a_field_edited(stored: Stored, at: int) -> None:
    stored.events[at]["outcome"] = "failure"


@finds(("FIELD_DIFFERS", "there"))
def details_edited(stored: Stored, at: int) -> None:
    stored.events[at]["details"]["changes"].pop()


@finds(("UNKNOWN_FIELD", "there"))
def a_field_added(stored: Stored, at: int) -> None:
    stored.events[at]["note"] = "approved by telephone"


@finds(("MISSING_FIELD", "there"))
def a_field_removed(stored: Stored, at: int) -> None:
    del stored.events[at]["subject"]


@finds(("INVALID_FIELD", "there"))
def a_time_stored_as_text(stored: Stored, at: int) -> None:
    stored.events[at]["occurred_at"] = json.loads(stored.events[at]["canonical"])["occurred_at"]


@finds(("FIELD_DIFFERS", "there"), ("HASH_DIFFERS", "there"))
def the_bytes_edited(stored: Stored, at: int) -> None:
    stored.events[at]["canonical"] = stored.events[at]["canonical"].replace(b'"success"', b'"failure"')


@finds(("NOT_CANONICAL", "there"))
def the_bytes_removed(stored: Stored, at: int) -> None:
    stored.events[at]["canonical"] = None


@finds(("BROKEN_LINK", "after"), HEAD)
def an_event_edited_and_hashed(stored: Stored, at: int) -> None:
    stored.events[at]["outcome"] = "failure"
    Stored([stored.events[at]], [], []).chained(stored.events[at]["previous_hash"])


@finds(HEAD)
def an_event_edited_and_everything_hashed_under_the_same_head(stored: Stored, at: int) -> None:
    stored.events[at]["outcome"] = "failure"
    stored.chained()


@finds(("MISSING_EVENTS", "after"))
def an_event_deleted(stored: Stored, at: int) -> None:
    del stored.events[at]


@finds(("MISSING_EVENTS", "after"))
def an_event_deleted_and_the_rest_chained(stored: Stored, at: int) -> None:
    del stored.events[at]
    stored.headed()


@finds(("MISSING_EVENTS", "end"))
def an_event_deleted_and_the_rest_numbered_and_chained_under_the_same_head(stored: Stored, at: int) -> None:
    del stored.events[at]
    stored.numbered()
    stored.chained()


@finds(("MISSING_EVENTS", "end"), HEAD)
def the_tail_cut(stored: Stored, at: int) -> None:
    del stored.events[-3:]


@finds(("FIELD_DIFFERS", "there"), ("FIELD_DIFFERS", "after"), ("BROKEN_LINK", "there"))
def two_events_in_each_others_place(stored: Stored, at: int) -> None:
    stored.events[at : at + 2] = stored.events[at + 1], stored.events[at]
    stored.numbered()


@finds(("TIME_REVERSED", "after"))
def two_events_in_each_others_place_and_everything_hashed(stored: Stored, at: int) -> None:
    two_events_in_each_others_place(stored, at)
    stored.headed()


@finds(HEAD)
def an_event_inserted_and_everything_hashed_under_the_same_head(stored: Stored, at: int) -> None:
    stored.events.insert(at, forged(stored.events[at]))
    stored.numbered()
    stored.chained()


@finds(("DUPLICATE_ID", "after"))
def an_id_used_twice(stored: Stored, at: int) -> None:
    stored.events[at + 1]["event_id"] = stored.events[at]["event_id"]
    stored.headed()


@finds(("ORIGIN_DIFFERS", "there"))
def an_event_of_another_trail(stored: Stored, at: int) -> None:
    stored.events[at]["origin"] = "elsewhere.example"
    stored.headed()


@finds(("REPEATED_SEQ", "there"))
def an_event_there_twice(stored: Stored, at: int) -> None:
    stored.events.insert(at, forged(stored.events[at]))


@finds(("TIME_REVERSED", "end"))
def an_event_appended_with_an_earlier_time(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[at], seq=len(stored.events)))
    stored.headed()


@finds(("MISSING_EVENTS", "end"))
def a_number_left_out(stored: Stored, at: int) -> None:
    stored.events[-1]["seq"] += 1
    stored.headed()


@finds(HEAD)
def an_event_behind_the_head(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1], seq=len(stored.events)))


@finds(("MISSING_EVENTS", "far"))
def an_event_far_behind_the_head(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1], seq=FAR))


@finds(("INVALID_FIELD", "end"))
def an_event_with_a_negative_number(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1], seq=-1))


@finds(("INVALID_FIELD", "end"))
def an_event_with_a_fraction_for_a_number(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1], seq=len(stored.events) + 0.5))


@finds(("INVALID_FIELD", "end"))
def an_event_with_a_text_for_a_number(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1], seq="1"))


@finds(("INVALID_FIELD", "end"))
def an_event_without_a_number(stored: Stored, at: int) -> None:
    stored.events.append(forged(stored.events[-1]))
    del stored.events[-1]["seq"]


@finds(HEAD)
def the_head_rolled_back(stored: Stored, at: int) -> None:
    tail = stored.events[-3:]
    del stored.events[-3:]
    stored.headed()
    stored.events += tail


@finds(("HEAD_MISSING", None))
def the_head_removed(stored: Stored, at: int) -> None:
    stored.heads.clear()


@finds(("NODES_DIFFER", "odd"))
def nodes_altered(stored: Stored, at: int) -> None:
    stored.events[at | 1]["nodes"][0] = GENESIS


@finds(("CONTENT_ALTERED", "there"))
def a_content_altered(stored: Stored, at: int) -> None:
    content = stored.content(next(iter(cited(stored.events[at]))))
    content["canonical"] = content["canonical"].replace("Closed", "Open")


@finds(("CONTENT_MISSING", "there"))
def a_content_removed(stored: Stored, at: int) -> None:
    stored.contents.remove(stored.content(next(iter(cited(stored.events[at])))))


@finds(("CONTENT_ALTERED", "closing"))
def a_closed_round_of_approvals_altered(stored: Stored, at: int) -> None:
    (content,) = [each for each in stored.contents if each["kind"] == "approval_round"]
    content["canonical"] = content["canonical"].replace('"rejected"', '"approved"')


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", TAMPERS)
async def test_whoever_writes_to_the_database_is_found_out(unguarded: Service, name: str, tmp_path: Path) -> None:
    tamper, expected = TAMPERS[name]
    honest = await Stored.of(unguarded)
    at = seq_of(honest.events, "saveDatasheet")  # with a content, and before the clock went on
    (closed,) = [each for each in honest.contents if each["kind"] == "approval_round"]
    closing = next(event["seq"] for event in honest.events if closed["digest"] in cited(event))
    places = {"there": at, "after": at + 1, "odd": at | 1, "closing": closing, "end": len(honest.events), "far": FAR, None: None}
    async with tampered(unguarded, tamper, at):
        report = await verified(unguarded)
        assert await exported(unguarded, tmp_path) == report["faults"]
    assert not report["valid"]
    assert {(fault["kind"], fault["seq"]) for fault in report["faults"]} >= {(kind, places[place]) for kind, place in expected}
    assert (await verified(unguarded))["valid"]


def pretend(stored: Stored, at: int) -> None:
    """Swaps what two events of one version seem to be, and not what their bytes say."""
    other = seq_of(stored.events, "saveModelCard")
    stored.events[at]["event_type"], stored.events[other]["event_type"] = "model_updated", "model_registered"


PROOFS: dict[str, Tamper] = {
    "its bytes are edited": lambda stored, at: stored.events[at].update(canonical=b"{}"),
    "its bytes are another version's": lambda stored, at: stored.events[at].update(canonical=stored.events[at + 2]["canonical"]),
    "its bytes are gone": lambda stored, at: stored.events[at].pop("canonical"),
    "another event of the version pretends to be it": pretend,
    "its number is another": lambda stored, at: stored.events[at].update(seq=FAR),
    "its number is a text": lambda stored, at: stored.events[at].update(seq=str(at)),
    "its number is gone": lambda stored, at: stored.events[at].pop("seq"),
    "it is removed": lambda stored, at: stored.events.pop(at),
    "the hash beside it is altered": lambda stored, at: stored.events[at ^ 1].update(event_hash=GENESIS),
    "the hash beside it is garbage": lambda stored, at: stored.events[at ^ 1].update(event_hash=7),
    "nodes beside its way to the root are altered": lambda stored, at: beside(stored, at).update(nodes=[GENESIS] * 9),
    "nodes beside its way to the root are gone": lambda stored, at: beside(stored, at).pop("nodes"),
    "the head has another root": lambda stored, at: stored.heads[0].update(edge=stored.heads[0]["edge"][::-1]),
    "there is no head": lambda stored, at: stored.heads.clear(),
}


def beside(stored: Stored, at: int) -> Raw:
    """An event that stores nodes which the proof of another needs."""
    needed = tree.subtrees_for_inclusion(at, len(stored.events))
    return stored.events[min(each.completed_by for each in needed if each.level)]


async def unmet(service: Service, version: str = "1.0.0") -> set[str]:
    found = await read(service, "eligibility { violations { requirementId } }", version=version)
    return {each["requirementId"] for each in found["eligibility"]["violations"]}


@pytest.mark.parametrize("name", PROOFS)
async def test_a_registration_that_the_trail_does_not_prove_is_none(unguarded: Service, name: str) -> None:
    assert "POL-003.audit-logging" not in await unmet(unguarded)
    async with tampered(unguarded, PROOFS[name], seq_of((await Stored.of(unguarded)).events, "registerModel")):
        assert "POL-003.audit-logging" in await unmet(unguarded)


async def test_a_version_that_was_never_registered_borrows_no_registration(unguarded: Service) -> None:
    versions = unguarded.database.collection("model_versions")
    (registered,) = await versions.find({"model_id": BOT["modelId"], "version": "1.0.0"}).to_list(None)
    await versions.insert_one(registered | {"_id": ObjectId(), "version": "1.0.1"})
    assert "POL-003.audit-logging" in await unmet(unguarded, "1.0.1")
    await versions.delete_one({"version": "1.0.1"})
