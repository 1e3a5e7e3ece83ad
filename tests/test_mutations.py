"""What a mutation leaves behind, and what a refusal does."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
import strawberry

from documents.access import GovernanceRole
from documents.canonical import canonical, digest, plain
from documents.details import DETAILS_BYTES, PART_BYTES
from documents.kinds import RECORDS
from documents.salts import private_values, salted, salts_in, shapes_of
from documents.versions.rules import links
from gql.middleware import UndeclaredField
from gql.schema import PARTS, build_schema
from resolvers.graph.types import Part
from tests.examples import BOT, CARD, DATASHEET, REGISTRATION, TICKETS, read, register, save_datasheet
from tests.journey import ANOTHER, PRIVATE, every_mutation, mutations, sign_in
from tests.rfc9162 import mth
from tests.service import ALICE, BOB, CAROL, Person, Service, mutating, person

Raw = dict[str, Any]
UNTOLD = {"Content", "AuditEvent", "AuditHead", "AuditCheckpoint", "FigureCount"}  # what no event tells of
TOLD = {each.__name__: each for each in RECORDS if each.__name__ not in UNTOLD}
EVE = person("eve", GovernanceRole.MODEL_OWNER)


@dataclass(frozen=True)
class Change:
    """One record as it was and as it is, but for what its kind lets follow from the rest."""

    kind: str
    before: Raw
    after: Raw
    stored: Raw
    """As it is stored, with what its kind lets follow."""

    @property
    def named(self) -> Raw:
        return {"type": self.kind, "id": "/".join(self.after[key] for key in TOLD[self.kind].keys)}


@dataclass(frozen=True)
class Done:
    """A mutation that succeeded: its payload, what it changed, and the events that it left."""

    mutation: str
    payload: Any
    changes: list[Change]
    events: list[Raw]

    @property
    def told(self) -> Iterator[tuple[Change, list[Raw]]]:
        """Each change, and how its event tells it."""
        for change in self.changes:
            (event,) = [each for each in self.events if each["details"]["changes"] and each["resource"] == change.named]
            yield change, event["details"]["changes"]


@dataclass(frozen=True)
class Story:
    """Every mutation of the schema, the trail and the contents that they left."""

    done: list[Done]
    trail: list[Raw]
    contents: dict[str, str]
    state: Mapping[str, list[Raw]]

    @property
    def told(self) -> Iterator[tuple[Change, list[Raw]]]:
        return (each for done in self.done for each in done.told)


@pytest.fixture(scope="module")
async def story(server: str) -> AsyncIterator[Story]:
    service = await Service.started(server)
    await sign_in(service)
    done, before, seen = [], await service.state(), await service.size()
    async for mutation, payload in every_mutation(service):
        after, told = await service.state(), await service.trail(seen)
        done.append(Done(mutation, payload, list(changes(before, after)), told))
        before, seen = after, seen + len(told)
    assert {each.mutation for each in done} == await mutations(service), "the journey must do every mutation there is"
    yield Story(done, await service.trail(), {each["digest"]: each["canonical"] for each in after["Content"]}, after)
    await service.close()


def changes(before: Mapping[str, list[Raw]], after: Mapping[str, list[Raw]]) -> Iterator[Change]:
    for name, kind in TOLD.items():
        left_out = kind.disclosure().left_out
        was, now = ({each["_id"]: lacking(each, left_out) for each in side[name]} for side in (before, after))
        stored = {each["_id"]: each for each in after[name]}
        assert was.keys() <= now.keys()
        yield from (Change(name, was.get(each, {}), now[each], stored[each]) for each in now if was.get(each) != now[each])


def lacking(raw: Raw, names: frozenset[str]) -> Raw:
    return {name: value for name, value in raw.items() if name not in names}


def at(raw: Any, path: str) -> Any:
    """What stands at a dotted path, as the trail would say it: an empty list or object says nothing."""
    for step in path.split("."):
        raw = dict(enumerate(raw)).get(int(step)) if isinstance(raw, list) else (raw or {}).get(step)
    return None if raw in ([], {}) else plain(raw)


def shape(path: str) -> str:
    return ".".join("*" if step.isdigit() else step for step in path.split("."))


def test_each_mutation_leaves_one_success_event_for_each_record_that_it_changed(story: Story) -> None:
    for done in story.done:
        events = [event for event in done.events if event["details"]["changes"]]
        assert sorted(map(str, (each.named for each in done.changes))) == sorted(str(each["resource"]) for each in events)
        assert {(event["outcome"], event["action"]) for event in done.events} == {("success", done.mutation)}


def test_only_a_submission_tells_more_than_what_changed(story: Story) -> None:
    for done in story.done:
        facts = [event for event in done.events if not event["details"]["changes"]]
        assert [event["event_type"] for event in facts] == ["compliance_check"] * (done.mutation == "submitForApproval")
        checked = [event["details"]["facts"]["requirements"] for event in facts]
        assert all(each == {} or each["POL-003.audit-logging"] == "met" for each in checked)  # tier 4 is held to nothing


def test_the_events_of_a_mutation_share_one_request_and_no_other(story: Story) -> None:
    requests = [{event["request"]["id"] for event in done.events} for done in story.done]
    assert [len(each) for each in requests] == [1] * len(requests)
    assert len(set[str]().union(*requests)) == len(requests)


def test_a_receipt_names_the_last_event_and_the_root_of_every_leaf_so_far(story: Story) -> None:
    texts = [event["canonical"] for event in story.trail]
    for done in story.done:
        last, receipt = done.events[-1], done.payload["receipt"]
        size = last["seq"] + 1
        assert receipt == {
            "seq": last["seq"], "eventId": last["event_id"], "eventHash": sha256(b"\0" + last["canonical"]).hexdigest(),
            "treeSize": size, "root": mth(texts[:size]).hex(),
        }  # fmt: skip


def test_events_tell_each_changed_field_by_its_path_from_what_to_what(story: Story) -> None:
    for change, told in story.told:
        paths = [each["path"] for each in told]
        assert paths == sorted(set(paths))
        differ = {name for name in change.after if at(change.before, name) != at(change.after, name)}
        assert {path.split(".")[0] for path in paths} == differ
        for each in told:
            was, now = at(change.before, each["path"]), at(change.after, each["path"])
            if shape(each["path"]) in TOLD[change.kind].private:
                salt = salts_in(change.stored).get(each["path"])
                told_now = salt and salted(salt, now)
                assert each == {"path": each["path"], "changed": True, "salted": told_now} and was != now
                assert (salt is None) is (now is None)
            else:
                kind = TOLD[change.kind]
                by_digest, cites = (shape(each["path"]) in paths for paths in (kind.reviewed, kind.cites))
                sides = (said(side, by_digest, cites) for side in (was, now))
                assert each == {"path": each["path"]} | dict(zip(("from", "to"), sides, strict=True))


def said(value: Any, by_digest: bool, cites: bool) -> Any:
    if value is None:
        return None
    return {"content": digest(value)} if by_digest else {"cites": value} if cites else value


def test_what_is_reviewed_is_told_by_a_digest_whose_text_is_kept(story: Story) -> None:
    sides = [(each["path"], each.get(side)) for _, told in story.told for each in told for side in ("from", "to")]
    cited, named = ({side[form] for _, side in sides if isinstance(side, dict) and form in side} for form in ("content", "cites"))
    assert len(cited) >= 8 and cited < named | cited
    assert all(sha256(story.contents[each].encode()).hexdigest() == each for each in cited | named)


def test_the_trail_says_that_private_things_changed_and_never_what_they_say(story: Story) -> None:
    told = {(change.kind, shape(each["path"])) for change, told in story.told for each in told}
    bound = ("Stakeholder", "bindings.*.subject")  # by an issuer alone: tests/test_issued.py
    assert told >= {(name, path) for name, kind in TOLD.items() for path in kind.private} - {bound}
    trail = b"".join(event["canonical"] for event in story.trail).decode()
    assert [text for text in PRIVATE if text in trail] == []


def test_every_told_record_keeps_a_salt_for_each_of_its_private_values_and_no_other(story: Story) -> None:
    for name, kind in TOLD.items():
        for stored in story.state[name] if kind.told() else ():
            values = dict(private_values(stored, shapes_of(kind.private))) if kind.private else {}
            assert salts_in(stored).keys() == values.keys(), name
            assert "salts" in stored
    salts = [salt for each in story.state.values() for stored in each for salt in salts_in(stored).values()]
    assert len(set(salts)) == len(salts) >= 40
    assert not any(salt.encode() in event["canonical"] for salt in salts for event in story.trail)


def test_what_follows_from_the_rest_of_a_record_is_recomputed_from_it_alone(story: Story) -> None:
    for name, kind in TOLD.items():
        for stored in story.state[name]:
            derived = kind.recomputed(lacking(stored, kind.derived))
            assert derived == {each: stored[each] for each in kind.derived - {"standing"}}, (name, stored["_id"])


def test_the_trail_leaves_out_what_follows_from_the_rest(story: Story) -> None:
    names = {(change.kind, each["path"].split(".")[0]) for change, told in story.told for each in told}
    assert names & {(name, path) for name, kind in TOLD.items() for path in kind.disclosure().left_out} == set()


@pytest.fixture(scope="module")
async def quiet(server: str) -> AsyncIterator[Service]:
    """A version that rests on a datasheet, two model owners, and nobody who has yet to sign in."""
    service = await Service.started(server)
    await service.enrol(EVE)
    await register(service)
    await save_datasheet(service)
    await service.do("linkDatasheet", **BOT, **TICKETS)
    await sign_in(service)
    await service.ask("{ viewer { id } }", EVE)
    yield service
    await service.close()


NOBODY: dict[str, Any] = {"modelId": "nobody", "version": "1"}
REFUSALS: dict[str, tuple[str, Person, dict[str, Any], dict[str, Any], str, tuple[str, str]]] = {
    "unknown id": (
        "submitForApproval", ALICE, NOBODY, {"code": "NOT_FOUND", "kind": "ModelVersion", "key": "nobody/1"},
        "approval_requested", ("ModelVersion", "nobody/1"),
    ),
    "wrong state": (
        "submitApproval", CAROL, {**BOT, "verdict": "APPROVED"}, {"code": "INVALID_STATE", "from": "DRAFT"},
        "approval_granted", ("ModelVersion", "support-assistant/1.0.0"),
    ),
    "duplicate": (
        "registerModel", EVE, REGISTRATION | {"name": "Hers"}, {"code": "CONFLICT", "key": "support-assistant"},
        "model_registered", ("ModelVersion", "support-assistant/1.0.0"),
    ),
    "duplicate behind something new": (
        "registerModelVersion", ALICE, ANOTHER | {"version": "1.0.0"}, {"code": "CONFLICT", "key": "support-assistant/1.0.0"},
        "model_registered", ("ModelVersion", "support-assistant/1.0.0"),
    ),
    "nothing to change": (
        "linkDatasheet", ALICE, BOT | TICKETS, {"code": "INVALID_INPUT", "path": "input"},
        "model_updated", ("ModelVersion", "support-assistant/1.0.0"),
    ),
    "forbidden role": (
        "saveDatasheet", ALICE, TICKETS | {"datasheet": DATASHEET}, {"code": "FORBIDDEN", "needs": ["DATA_STEWARD"]},
        "access_attempt", ("Datasheet", "support-tickets"),
    ),
    "forbidden relation": (
        "submitForApproval", EVE, BOT, {"code": "FORBIDDEN", "needs": ["MODEL_OWNER (owner)"]},
        "access_attempt", ("ModelVersion", "support-assistant/1.0.0"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("mutation", "by", "fields", "facts", "event_type", "resource"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_leaves_its_event_and_nothing_else(
    quiet: Service,
    mutation: str, by: Person, fields: dict[str, Any], facts: dict[str, Any], event_type: str, resource: tuple[str, str],
) -> None:  # fmt: skip
    before, seen = await quiet.state(), await quiet.size()
    refused = await quiet.refused(mutation, by, **fields)
    assert refused.items() >= facts.items()
    assert await quiet.state() == before
    (event,) = await quiet.trail(seen)
    assert (event["event_type"], event["action"], event["actor"]["id"]) == (event_type, mutation, by.id)
    assert event["outcome"] == ("denied" if facts["code"] == "FORBIDDEN" else "failure")
    assert tuple(event["resource"].values()) == resource
    told = {name: fact for name, fact in refused.items() if (facts["code"], name) != ("INVALID_INPUT", "problem")}
    assert event["details"] == {"changes": [], "facts": told}


async def test_what_nobody_foresaw_is_masked_and_on_record(quiet: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def divide(*_: Any, **__: Any) -> float:
        return 1 / 0

    monkeypatch.setattr(links, "unlink", divide)
    before, seen = await quiet.state(), await quiet.size()
    answer = (await quiet.post(mutating("unlinkDatasheet", ""), {"input": BOT | TICKETS})).json()
    (error,) = answer["errors"]
    assert error["extensions"].keys() == {"code", "id"} and error["extensions"]["code"] == "INTERNAL"
    assert "division" not in str(answer)
    assert await quiet.state() == before
    (event,) = await quiet.trail(seen)
    assert (event["event_type"], event["outcome"]) == ("model_updated", "failure")
    assert event["details"] == {"changes": [], "facts": {"code": "INTERNAL"}}


async def test_a_change_before_the_refusal_is_taken_back(quiet: Service) -> None:
    before = await quiet.state()
    fields = REGISTRATION | {"modelId": "new", "dataStewardId": "nobody"}
    refused = await quiet.refused("registerModel", **fields)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.dataStewardId")
    assert await quiet.state() == before


async def test_what_cannot_be_read_as_input_is_no_attempt(quiet: Service) -> None:
    seen = await quiet.size()
    refused = await quiet.refused("unlinkDatasheet", **BOT, datasetId="")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.datasetId")
    assert await quiet.trail(seen) == []


async def test_two_mutations_of_one_request_have_a_transaction_and_a_receipt_each(quiet: Service) -> None:
    save = 'saveDatasheet(input: {datasetId: "both", datasheet: {datasetName: "%s"}}) { receipt { seq eventId } }'
    seen = await quiet.size()
    answer = await quiet.ask(f"mutation Twice {{ a: {save % 'One'} b: {save % 'Two'} }}", BOB)
    first, second = await quiet.trail(seen)
    assert answer == {
        name: {"receipt": {"seq": each["seq"], "eventId": each["event_id"]}} for name, each in (("a", first), ("b", second))
    }
    assert first["request"] == second["request"] and first["request"]["operation"] == "Twice"
    assert first["action"] == second["action"] == "saveDatasheet"


async def test_a_refused_mutation_hides_no_receipt_of_another_in_its_request(quiet: Service) -> None:
    save = 'saveDatasheet(input: {datasetId: "%s", datasheet: {datasetName: "D"}}) { receipt { seq } }'
    none = 'linkDatasheet(input: {modelId: "none", version: "1", datasetId: "none"}) { receipt { seq } }'
    answer = (await quiet.post(f"mutation {{ a: {save % 'first'} b: {none} c: {save % 'last'} }}", by=BOB)).json()
    assert answer["data"]["a"] and answer["data"]["c"] and answer["data"]["b"] is None
    assert [(each["path"], each["extensions"]["code"]) for each in answer["errors"]] == [(["b"], "NOT_FOUND")]


async def test_free_json_that_turns_from_true_to_one_has_changed(quiet: Service) -> None:
    for flag in (True, 1):
        await quiet.do("saveModelCard", **BOT, card=CARD | {"additionalInfo": {"flag": flag}})
        stored = (await read(quiet, "card { additionalInfo }"))["card"]["additionalInfo"]["flag"]
        assert stored == 1 and isinstance(stored, bool) is isinstance(flag, bool)


async def test_the_widest_input_leaves_a_small_event_and_only_what_it_cites(quiet: Service) -> None:
    wide = {each: [f"{each} {at} {'a' * PART_BYTES}" for at in range(200)] for each in ("useCases", "restrictions")}
    kept = {each["digest"] for each in (await quiet.state())["Content"]}
    await quiet.do("registerModelVersion", **ANOTHER | wide, version="2.0.0")
    (event,) = [each for each in await quiet.trail() if each["resource"]["id"].endswith("/2.0.0")]
    assert len(canonical(event["details"])) <= DETAILS_BYTES
    told = {each["path"]: each["to"] for each in event["details"]["changes"]}
    cited = {told[path]["content"] for path in ("accountability", "classification", "restrictions", "use_cases")}
    contents = {each["digest"]: each["canonical"] for each in (await quiet.state())["Content"]}
    assert contents.keys() - kept == cited >= {digest(each) for each in wide.values()}


async def sneak() -> int:
    return 1


@pytest.mark.parametrize(
    "part",
    [
        Part(mutations=[strawberry.mutation(resolver=sneak)]),
        Part(queries=[strawberry.field(resolver=sneak)]),
        Part(subscriptions=[strawberry.subscription(resolver=sneak)]),
    ],
)
def test_a_root_field_without_a_declaration_fails_when_the_schema_is_built(part: Part) -> None:
    with pytest.raises(UndeclaredField, match="sneak"):
        build_schema((*PARTS, part))
