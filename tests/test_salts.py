"""Private values: the salts by which the trail tells them, and the texts that closed rounds withhold."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from documents.canonical import canonical
from documents.eligibility.turns import judge_batch
from documents.kinds import RECORDS
from documents.salts import fresh, private_values, renewed, salted, salts_in, shapes_of
from documents.store.record import Record
from documents.values import Hash
from documents.versions.approvals import ApprovalRound, ClosedRound
from documents.versions.version import ModelVersion
from tests.examples import BOT, decide, eligible, read, register, submit
from tests.schema import SCHEMA
from tests.service import ALICE, CAROL, DAVID, Service

Raw = dict[str, Any]
TOLD = [each for each in RECORDS if each.told()]
# Digests of files, and of what a deployment was made from: nobody keeps their texts.
OF_NO_CONTENT = {
    ("ModelVersion", "artifacts.*.sha256"),
    ("ModelVersion", "evidence.*.sha256"),
    ("ChangeRequest", "test_results.*.sha256"),
    ("Deployment", "artifact_digests.*"),
    ("Deployment", "origins"),
}
PRIVATE = frozenset({"name", "notes.*.text", "gone.reason"})


def digests_in(annotation: Any, path: str) -> Iterator[str]:
    """The shapes of the paths below `path` that hold digests, by the types of the fields."""
    if annotation is Hash:
        yield path
    for name, each in getattr(annotation, "model_fields", {}).items():
        yield from digests_in(each.annotation, f"{path}.{name}" if path else name)
    for each in getattr(annotation, "__args__", ()):
        listed = getattr(annotation, "__origin__", None) in {tuple, list}
        yield from digests_in(each, f"{path}.*" if listed else path)


@pytest.mark.parametrize("kind", TOLD)
def test_every_path_that_holds_the_digest_of_a_content_says_so(kind: type[Record]) -> None:
    hidden = kind.reviewed | kind.derived
    found = {path for path in digests_in(kind, "") if not any(path == each or path.startswith(f"{each}.") for each in hidden)}
    assert found - {path for name, path in OF_NO_CONTENT if name == kind.__name__} == kind.cites


def test_the_list_of_digests_without_content_names_only_what_there_is() -> None:
    assert {(each.__name__, path) for each in TOLD for path in digests_in(each, "")} >= OF_NO_CONTENT


def stored(record: Raw, salts: list[dict[str, str]]) -> Raw:
    return record | {"salts": salts}


def test_a_salt_stays_with_its_value_and_goes_with_it() -> None:
    record = {"name": "Ann", "notes": [{"text": "a"}, {"text": "b"}], "gone": None, "count": 1}
    first = renewed(None, record, PRIVATE, record.keys(), {})
    assert [each["path"] for each in first] == ["name", "notes.0.text", "notes.1.text"]
    assert len({each["salt"] for each in first}) == 3
    was = stored(record, first)
    assert renewed(was, record | {"count": 2}, PRIVATE, {"count"}, {}) == first

    now = record | {"notes": [{"text": "a"}, {"text": "c"}], "gone": {"reason": "d"}}
    second = renewed(was, now, PRIVATE, {"notes", "gone"}, {})
    before, after = salts_in(was), salts_in(stored(now, second))
    assert after.keys() == before.keys() | {"gone.reason"}
    assert {path for path in before if before[path] == after[path]} == {"name", "notes.0.text"}
    assert [each["path"] for each in renewed(stored(now, second), {"name": "Ann"}, PRIVATE, {"notes", "gone"}, {})] == ["name"]


def test_a_value_that_moves_gets_another_salt() -> None:
    record = {"notes": [{"text": "a"}, {"text": "b"}]}
    was = stored(record, renewed(None, record, PRIVATE, record.keys(), {}))
    now = salts_in(stored({}, renewed(was, {"notes": [{"text": "b"}]}, PRIVATE, {"notes"}, {})))
    assert now.keys() == {"notes.0.text"} and now["notes.0.text"] not in salts_in(was).values()


def test_a_record_that_never_had_salts_gets_all_of_them() -> None:
    record = {"name": "Ann", "notes": [{"text": "a"}]}
    for was in (record, record | {"salts": None}):
        found = renewed(was, record | {"name": "Anne"}, PRIVATE, {"name"}, {})
        assert [each["path"] for each in found] == ["name", "notes.0.text"]


def test_a_salt_that_a_content_was_made_with_is_taken_for_a_value_that_is_new() -> None:
    given = {"name": fresh(), "notes.0.text": fresh()}
    record = {"name": "Ann", "notes": []}
    was = stored(record, renewed(None, record, PRIVATE, record.keys(), {}))
    now = record | {"notes": [{"text": "a"}]}
    found = salts_in(stored(now, renewed(was, now, PRIVATE, {"name", "notes"}, given)))
    assert found == {"name": salts_in(was)["name"], "notes.0.text": given["notes.0.text"]}


def test_a_kind_without_private_paths_has_no_salts() -> None:
    assert renewed(None, {"a": 1}, frozenset(), {"a"}, {}) == renewed({"a": 1}, {"a": 2}, frozenset(), {"a"}, {}) == []


def test_neither_the_graph_nor_a_class_has_a_field_for_salts() -> None:
    names = {name for each in SCHEMA.type_map.values() for name in getattr(each, "fields", {})}
    assert "modelVersions" in names and not names & {"salts", "mac", "withheld", "secretHash"}
    assert [each for each in RECORDS if "salts" in each.model_fields] == []


# Closed rounds

SECRET, REASON, NOTE = "Tried by Maria Huber alone.", "It was a mistake of mine.", "Maria Huber wrote the filter."
DECISIONS = "decisions { reviewerId reviewerName comments conditions { text satisfied { note } } withdrawn { reason } }"
ROUNDS = f"closedRounds {{ digest content {{ canonical }} round {{ number {DECISIONS} }} }}"


async def closed(service: Service) -> Raw:
    """A version whose first round is closed, as it is stored."""
    await register(service)
    await submit(service)
    await decide(service, CAROL, "APPROVED", comments=SECRET, conditions=["Maria Huber looks at it."])
    (condition,) = (await read(service, "approvals { conditions { conditionId } }"))["approvals"][0]["conditions"]
    await service.do("satisfyCondition", ALICE, **BOT | condition | {"note": NOTE})
    await service.do("withdrawApproval", CAROL, **BOT, reason=REASON)
    await decide(service, DAVID, "REJECTED", comments="Maria Huber is not independent.")
    await submit(service)
    (version,) = (await service.state())["ModelVersion"]
    return dict(version)


async def test_a_closed_round_reads_as_it_was_and_its_content_shows_no_private_text(service: Service) -> None:
    version = await closed(service)
    (told,) = (await read(service, ROUNDS))["closedRounds"]
    first, second = told["round"]["decisions"]
    assert (first["reviewerName"], first["comments"], first["withdrawn"]) == ("Carol", SECRET, {"reason": REASON})
    assert first["conditions"] == [{"text": "Maria Huber looks at it.", "satisfied": {"note": NOTE}}]
    assert (second["reviewerName"], second["comments"]) == ("David", "Maria Huber is not independent.")
    kept = told["content"]["canonical"]
    assert not re.search("Maria|Carol\\b|David\\b|mistake", kept)
    assert not any(re.search(rb"Maria|mistake", event["canonical"]) for event in await service.trail())
    assert (
        kept
        == (await service.ask("query($digest: Hash!) { content(digest: $digest) { canonical } }", digest=told["digest"]))[
            "content"
        ]["canonical"]
    )
    rounds = "governanceReport(modelId: $modelId, version: $version) { governance { earlierRounds { decisions { comments } } } }"
    report = await service.ask(f"query($modelId: String!, $version: String!) {{ {rounds} }}", **BOT)
    (earlier,) = report["governanceReport"]["governance"]["earlierRounds"]
    assert [each["comments"] for each in earlier["decisions"]] == [SECRET, "Maria Huber is not independent."]
    assert version["closed_rounds"][0]["digest"] == told["digest"]


async def test_a_text_of_a_closed_round_is_proven_by_the_salt_that_its_version_keeps(service: Service) -> None:
    version = await closed(service)
    (ended,), salts = version["closed_rounds"], salts_in(version)
    contents = {each["digest"]: each["canonical"] for each in (await service.state())["Content"]}
    kept = dict(private_values(json.loads(contents[ended["digest"]]), shapes_of(ApprovalRound.private)))
    proven = {
        each["path"]: {"salted": salted(salts[f"closed_rounds.0.withheld.{at}.text"], each["text"])}
        for at, each in enumerate(ended["withheld"])
    }
    assert proven == kept and len(proven) == 7
    told = {
        change["path"]: change.get("salted")
        for event in await service.trail()
        for change in event["details"]["changes"]
        if event["resource"]["type"] == "ModelVersion"
    }
    for at, each in enumerate(ended["withheld"]):
        assert told[f"closed_rounds.0.withheld.{at}.text"] == proven[each["path"]]["salted"]


async def test_a_round_that_was_closed_before_this_release_still_reads_as_it_was(service: Service) -> None:
    version = await closed(service)
    whole = ModelVersion.model_validate(version)
    (ended,) = whole.closed_rounds
    contents = {each["digest"]: each["canonical"] for each in (await service.state())["Content"]}
    as_it_was = ended.round(contents[ended.digest])
    before = ClosedRound(**dict(ended) | {"withheld": ()})
    assert before.round(canonical(as_it_was).decode()) == as_it_was


# When a version came to be approved


@pytest.mark.tampers
async def test_an_approval_that_a_turn_finds_is_told_and_leaves_the_revision(service: Service) -> None:
    await eligible(service)
    versions = service.database.collection("model_versions")
    before = await versions.find_one({})
    assert before and before["approved_at"]
    told = [each for event in await service.trail() for each in event["details"]["changes"] if each["path"] == "approved_at"]
    assert [each["to"] for each in told] == [at_text(before["approved_at"])]
    # as a version is that waits to be judged, and was approved by what happened since
    await versions.update_one({}, {"$set": {"approved_at": None, "days_to_approval": None, "standing.rules": 0}})
    service.later(days=1)
    seen = await service.size()
    while await judge_batch(service.now):
        pass
    after = await versions.find_one({})
    assert after and after["approved_at"] and after["revision"] == before["revision"]
    (event,) = await service.trail(seen)
    assert (event["event_type"], event["action"], event["actor"]) == (
        "model_updated",
        "judge",
        {"id": "system", "type": "system"},
    )
    assert event["details"] == {
        "changes": [{"path": "approved_at", "from": None, "to": at_text(after["approved_at"])}], "facts": {},
    }  # fmt: skip


def at_text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
