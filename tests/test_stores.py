"""What earlier releases stored: this one starts over it, and finds it whole, valid and truly judged."""

import gzip
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from documents.audit import sealing
from documents.audit.verify import verify
from documents.eligibility.rules import RULES
from documents.kinds import RECORDS
from documents.migrations import SCHEMA
from documents.policies import RequirementCheck
from documents.salts import FIELD as SALTS
from documents.salts import private_values, salts_in, shapes_of
from documents.seals import FIELD as MAC
from documents.search import TOKENS
from documents.versions.version import ModelVersion
from gql.firststart import prepare
from gql.resealing import KINDS
from tests.by_hand import emptied, parsed, retold, spelled, without
from tests.service import ADA, ALICE, Person, Service
from tests.standings import misjudged, misread
from tests.stores import answers
from tests.stores.opened import Opened, open_store
from tests.stores.store import FOLDER, Store, documents_of, indexes_of, load, releases

OF_TODAY = [each for each in releases() if Store.of(each).schema == SCHEMA]
FORGOTTEN = "idempotency_keys"  # what is a week old there the database forgets by itself; what has no seal is refused
SECRETS = re.compile(rb"mag_[A-Za-z0-9]+_[A-Za-z0-9_-]{32,}|PRIVATE\+KEY")
LISTED = "{ modelVersions(first: 100%s) { totalCount nodes { modelId version %s } } }"


@pytest.fixture(scope="module", params=releases())
async def opened(server: str, request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    service = Service(server)
    found = await open_store(service, request.param)
    with service.database.bound():
        yield found
    await service.close()


@pytest.mark.parametrize("opened", OF_TODAY, indirect=True)
async def test_a_start_leaves_a_store_of_todays_form_and_its_indexes_as_they_are(opened: Opened) -> None:
    release, collections = opened.store.release, opened.service.database.collections
    for name, documents in documents_of(release).items():
        before, after = {each.raw for each in documents}, opened.left[name].keys()
        assert after == before or (name == FORGOTTEN and after < before), name
    for name, indexes in indexes_of(release).items():
        assert options(await collections[name].list_indexes().to_list(None)) == options(indexes), name


@pytest.mark.exhaustive
@pytest.mark.parametrize("opened", [each for each in releases() if each not in OF_TODAY], indirect=True)
async def test_a_migration_changes_the_documents_that_its_steps_name_and_no_other(opened: Opened) -> None:
    release = opened.store.release
    changed = {each.collection for each in RECORDS if each.told()}  # the baseline gives each of them salts
    for name, documents in documents_of(release).items():
        before, after = {each.raw for each in documents}, opened.left[name].keys()
        if name == "audit_head":
            continue
        if name in changed:
            assert len(after) >= len(before) and (name == FORGOTTEN or not before & after), name
        else:
            assert before <= after or (name == FORGOTTEN and after < before), name


def options(indexes: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What indexes were made with, by name; `v` is the format in which the server keeps one."""
    return {each["name"]: {name: value for name, value in each.items() if name != "v"} for each in indexes}


@pytest.mark.exhaustive
async def test_its_trail_has_no_fault_from_its_first_event_to_the_checkpoint_that_was_kept(opened: Opened) -> None:
    store = opened.store
    report = await verify(checkpoint=store.checkpoint, keys=store.verifier_keys)
    assert report.faults == ()
    told = [each["action"] for each in await opened.service.trail()][store.counts["audit_events"] :]
    # The turn writes a version in today's form: an assessment of an earlier one then has another digest, which is told.
    of_records = [each for each in told if each not in {"baseline", "judge"}]
    assert of_records == ([] if store.schema == SCHEMA else ["migrate"] * (SCHEMA - store.schema) + ["raiseRules"])
    assert (report.first, report.tree_size) == (0, store.counts["audit_events"] + len(told))


async def test_each_record_has_one_baseline_that_tells_the_whole_of_it(opened: Opened) -> None:
    service, baselines = opened.service, Counter[tuple[str, str]]()
    trail = await service.trail()
    for event in trail:
        if event["details"].get("baseline"):
            assert (event["event_type"], event["action"], event["actor"]["id"]) == ("system_started", "baseline", "system")
            baselines[event["resource"]["type"], event["resource"]["id"]] += 1
    made = {(each["resource"]["type"], each["resource"]["id"]) for each in trail if each["schema"] == 2} - baselines.keys()
    state = await service.state()
    told = retold([each for each in trail if each["schema"] == 2], parsed(state["Content"]))
    for kind in (each for each in RECORDS if each.told()):
        untold = kind.private | kind.disclosure().left_out
        for raw in state[kind.__name__]:
            name = kind.__name__, kind.key_of(raw)
            assert baselines[name] == (0 if name in made else 1), name
            assert without(told[name], kind.private) == emptied(without(spelled(raw), untold)), name
            assert salts_in(raw).keys() == (dict(private_values(raw, shapes_of(kind.private))).keys() if kind.private else set())
            derived = kind.recomputed({each: raw[each] for each in raw.keys() - kind.derived})
            assert derived == {each: raw[each] for each in kind.derived - {"standing"}}, name


async def test_every_person_and_token_has_a_seal_that_is_right(opened: Opened) -> None:
    for kind in KINDS:
        rows = await opened.service.database.collection(kind.collection).find().to_list(None)
        wrong = {kind.key_of(each): await sealing.problem(kind.__name__, kind.key_of(each), each) for each in rows}
        assert wrong and set(wrong.values()) == {None}, wrong


@pytest.mark.exhaustive
@pytest.mark.parametrize("release", releases())
async def test_whoever_had_a_token_signs_in_and_works_after_the_upgrade(server: str, release: str) -> None:
    service, secret = Service(server), "s" * 43
    store = await load(service.database.collections, release)
    # The secrets of the store were thrown away, so one is put in the place of hers.
    hers, hashed = {"holder": ALICE.id, "kind": "personal", "revoked_at": None}, sha256(secret.encode()).hexdigest()
    tokens = service.database.collection("api_tokens")
    row = await tokens.find_one_and_update(hers, {"$set": {"secret_hash": hashed}})
    service.now = store.moment
    settings = service.settings.model_copy(update={"review_days": tuple(store.review_days), "migrate": True})
    await prepare(settings, service.database, clock=lambda: store.moment)
    alice = Person(ALICE.id, f"mag_{row['token_id']}_{secret}")
    assert (await service.ask("{ viewer { id } }", alice))["viewer"]["id"] == ALICE.id
    found = (await service.ask("{ viewer { tokens { tokenId scopes ownerId purpose } } }", alice))["viewer"]["tokens"]
    read = {"scopes": ["GRAPH", "GATE"], "ownerId": None, "purpose": None}  # what no row of those releases has
    assert {"tokenId": row["token_id"]} | read in found
    made = await service.do("createApiToken", alice, "token", name="after the upgrade")
    assert (await service.ask("{ viewer { id } }", Person(ALICE.id, made["token"])))["viewer"]["id"] == ALICE.id
    await service.do("revokeApiToken", alice, tokenId=row["token_id"])
    assert (await service.refusal("{ viewer { id } }", alice))["code"] == "UNAUTHENTICATED"
    await service.do("updateStakeholder", ADA, userId=ALICE.id, department="Elsewhere")
    await service.close()


async def test_every_content_that_a_baseline_cites_is_there(opened: Opened) -> None:
    kept = {each["digest"] for each in (await opened.service.state())["Content"]}
    cited = {digest for event in await opened.service.trail() if event["schema"] == 2 for digest in cited_in(event["details"])}
    assert len(cited) >= 50 and cited <= kept


def cited_in(value: Any) -> set[str]:
    if isinstance(value, dict) and value.keys() in ({"content"}, {"cites"}):
        return set(value.values())
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(cited_in, inside))


async def test_every_document_is_valid_and_says_nothing_that_its_kind_does_not_know(opened: Opened) -> None:
    wrong: list[str] = []
    there = Counter[str]()
    grown = (
        {"audit_events", "contents", "migrations", "rules", "judgement_turns", "environments", "figure_counts"}
        if opened.store.schema != SCHEMA
        else set[str]()
    )
    for kind in RECORDS:
        name = kind.collection
        known = {field.alias or path for path, field in kind.model_fields.items()} | {TOKENS, SALTS, MAC}
        for raw in await opened.service.database.collection(name).find().to_list(None):
            there[name] += 1
            if name == FORGOTTEN and MAC not in raw:
                continue
            wrong += [f"{name} {raw['_id']}: {problem}" for problem in problems(kind, raw, known)]
    assert wrong == []
    left_out = dict.fromkeys([FORGOTTEN, *grown], 0)
    assert there | left_out == opened.store.counts | left_out


def problems(kind: Any, raw: dict[str, Any], known: set[str]) -> list[str]:
    """What is wrong with a document; `known` are the fields of its kind."""
    try:
        key = kind.hydrated(raw).key
    except ValidationError as error:
        return [f"{'.'.join(map(str, each['loc']))} {each['msg']}" for each in error.errors()]
    return [f"{key} has the unknown field {each}" for each in sorted(raw.keys() - known)]


async def test_every_standing_is_what_the_rule_makes_of_it_then_and_at_the_last_moment(opened: Opened) -> None:
    assert await misjudged() == []
    assert await misread(opened.store.moment) == []
    versions = await ModelVersion.every({})
    assert {each.standing.rules for each in versions if each.standing} == {RULES}


async def test_the_checks_answer_under_a_rules_number_what_they_answered_when_it_was_raised(opened: Opened) -> None:
    """After a change of what a check answers: raise RULES, then `python -m tests.stores answers`."""
    assert await answers.answers(opened.store.moment) == answers.kept()[opened.store.release]


def test_the_kept_answers_tell_each_check_met_and_not_met() -> None:
    versions = [each for release in answers.kept().values() for each in release.values()]
    told = {result for each in versions for result in each["requirements"].values()}
    expected = {f"{check.value} {outcome}" for check in RequirementCheck for outcome in ("met", "unmet")}
    # Every version that exists has the event of its registration.
    assert expected - told == {"registration_audited unmet"}


async def test_it_is_read_over_http_and_lists_say_what_eligibility_says(opened: Opened) -> None:
    service, store = opened.service, opened.store
    judged = (await service.ask(LISTED % ("", "status eligibility { eligible status }"), ADA))["modelVersions"]
    assert judged["totalCount"] == len(judged["nodes"]) == store.counts["model_versions"]
    assert all(each["status"] == each["eligibility"]["status"] for each in judged["nodes"])
    for eligible in (True, False):
        listed = (await service.ask(LISTED % (f", filter: {{eligible: {str(eligible).lower()}}}", ""), ADA))["modelVersions"]
        expected = [each for each in judged["nodes"] if each["eligibility"]["eligible"] is eligible]
        assert names(listed["nodes"]) == names(expected) != []


def names(versions: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["modelId"], each["version"]) for each in versions]


@pytest.mark.parametrize("release", releases())
def test_no_secret_is_in_it(release: str) -> None:
    raw = gzip.decompress((FOLDER / f"{release}.bson.gz").read_bytes())
    assert b"secret_hash" in raw and SECRETS.findall(raw) == []
