"""Data of an earlier release: brought into today's form step by step, whatever happens meanwhile, and told by the trail."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import MongoClient

from documents import migrations
from documents.access import SYSTEM
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of
from documents.audit.verify import verify
from documents.books import BOOKS
from documents.details import DETAILS_BYTES
from documents.eligibility.rules import RULES
from documents.environments import DeploymentEnvironment
from documents.errors import FormNotAsTold, NewerSchema, OlderSchema
from documents.incidents import Incident
from documents.kinds import RECORDS
from documents.migrations import SCHEMA, SEALED, STEPS, Migration, environments, run
from documents.salts import salted, salts_in
from documents.store.counts import FigureCount, missing
from documents.store.migrations import FROZEN, Addition, Baseline, Step
from documents.store.units import Unit
from documents.versions.version import ModelVersion
from gql.embedded import Engine
from gql.firststart import prepare
from gql.release import RELEASE
from gql.settings import Settings
from gql.upgrade import copy_of
from tests.examples import BOT, register
from tests.operated import MAGISTRATE, SECRET_KEY, Operated, eventually, refused
from tests.service import SECRET_KEY as SERVICE_KEY
from tests.service import Service
from tests.stores.store import Store, documents_of, load

OLD = "0.1.0"
COUNTED = {each for each in documents_of(OLD) if each != "idempotency_keys"}


class Killed(Exception):
    """Stands for the end of the process: nothing after it is done."""


@pytest.fixture
async def old(server: str) -> AsyncIterator[Service]:
    """A service over what release 0.1.0 left, not yet prepared."""
    service = Service(server)
    store = await load(service.database.collections, OLD)
    service.now = store.moment
    await service.database.know(RECORDS)
    with service.database.bound():
        yield service
    await service.close()


async def told_by_migration(service: Service, store: Store) -> list[str]:
    """The actions of the events of a migration, in order: one for each step; before that of the baseline one for each record."""
    made = await service.database.collection("environments").count_documents({})
    records = sum(store.counts.get(each.collection, 0) for each in RECORDS if each.told()) + made
    return ["migrate"] * (SEALED - store.schema - 1) + ["baseline"] * records + ["migrate"] * (SCHEMA - SEALED + 1)


def clock_until(moment: datetime, calls: int) -> Any:
    """A clock that the process outlives for so many calls: one is made before each transaction."""
    counted = count(1)

    def clock() -> datetime:
        if next(counted) > calls:
            raise Killed
        return moment

    return clock


@pytest.mark.exhaustive
async def test_a_migration_killed_before_any_of_its_transactions_ends_when_it_is_run_again(
    old: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BATCH", 2)
    store, killed = Store.of(OLD), 0
    for calls in count():
        try:
            await migrations.migrate(old.database, clock_until(old.now, calls), RELEASE, RECORDS)
            break
        except Killed:
            killed += 1
            assert store.schema <= (await migrations.form(old.database) or 0) < SCHEMA
    assert killed >= 4
    assert await migrations.form(old.database) == SCHEMA and not await migrations.pending(old.database)
    assert await ModelVersion.tally({"standing.rules": {"$exists": False}}) == 0
    assert await FigureCount.tally({}) > 0 and (await missing(RECORDS, old.now)).differences == []
    told = (await old.trail())[store.counts["audit_events"] :]
    assert [each["action"] for each in told] == await told_by_migration(old, store)
    baselines = [tuple(each["resource"].values()) for each in told if each["action"] == "baseline"]
    assert len(set(baselines)) == len(baselines)
    assert (await verify(checkpoint=store.checkpoint, keys=store.verifier_keys)).faults == ()


async def test_the_environments_in_use_are_declared_in_the_stage_in_which_every_rule_holds_and_the_trail_lists_them(
    old: Service,
) -> None:
    done = await migrations.migrate(old.database, lambda: old.now, RELEASE, RECORDS)
    stored = await old.database.collection("environments").find().to_list(None)
    stages = {each["name"]: each["stage"] for each in stored}
    assert stages == {
        "production": "production", "staging": "staging", "canary": "production", "canary-2": "production", "edge": "production",
        "lab": "production", "staging-2": "production",
    }  # fmt: skip
    (step,) = (each for each in done if each.name == "environments")
    assert [*step.added] == sorted(stages) and step.documents == len(stages)
    (event,) = [each for each in await old.trail() if each["resource"]["id"] == "4" and each["action"] == "migrate"]
    assert all(name in str(event["details"]) for name in stages)
    declared = [DeploymentEnvironment.hydrated(each) for each in stored]
    assert {(each.declared_by, each.status.name) for each in declared} == {("system", "DECLARED")}


@pytest.mark.exhaustive
async def test_two_processes_that_migrate_at_once_do_each_step_once(old: Service, server: str) -> None:
    other = Service(server, old.database.name)
    done = await asyncio.gather(
        *(migrations.migrate(each.database, lambda: old.now, RELEASE, RECORDS) for each in (old, other)), return_exceptions=True
    )
    await other.close()
    assert [each for each in done if not isinstance(each, list)] == []
    assert await Migration.tally({"number": SCHEMA}) == 1
    told = [each["action"] for each in (await old.trail())[Store.of(OLD).counts["audit_events"] :]]
    assert told == await told_by_migration(old, Store.of(OLD))


async def unproven_of(service: Service) -> Sequence[str]:
    """What the baseline of a migration could not prove."""
    done = await migrations.migrate(service.database, lambda: service.now, RELEASE, RECORDS)
    return next(each.unproven for each in done if each.number == SEALED)


@pytest.mark.tampers
async def test_a_person_and_a_token_that_differ_from_the_trail_get_no_baseline_and_are_named(
    old: Service, caplog: pytest.LogCaptureFixture
) -> None:
    people, tokens = old.database.collection("stakeholders"), old.database.collection("api_tokens")
    (first, second, *_) = await people.find().sort("_id", 1).to_list(None)
    await people.update_one({"_id": first["_id"]}, {"$push": {"roles": "risk_manager"}})
    await people.insert_one({name: each for name, each in second.items() if name != "_id"} | {"user_id": "mallory"})
    (token,) = await tokens.find({"kind": "personal"}).limit(1).to_list(None)
    await tokens.update_one({"_id": token["_id"]}, {"$set": {"holder": "mallory"}})
    unproven = await unproven_of(old)
    named = {each.split(":")[0]: each.split(": ")[1].split(", ") for each in unproven}
    key = f"Stakeholder {first['user_id']}"
    assert named.keys() == {key, "Stakeholder mallory", f"ApiToken {token['token_id']}"}
    assert all(path.startswith("roles.") for path in named[key]) and named[f"ApiToken {token['token_id']}"] == ["holder"]
    assert {"user_id", "active", "platform_role"} <= set(named["Stakeholder mallory"])
    assert all(each in caplog.text for each in unproven)
    told = {each["resource"]["id"] for each in await old.trail() if each["action"] == "baseline"}
    assert not told & {first["user_id"], "mallory", token["token_id"]} and second["user_id"] in told
    assert (await people.find_one({"_id": first["_id"]}) or {})["salts"] is None
    assert (await migrations.pending(old.database)) == []


@pytest.mark.exhaustive
@pytest.mark.tampers
async def test_a_record_that_no_event_can_tell_gets_no_baseline_and_stops_nothing(old: Service) -> None:
    models = old.database.collection("models")
    (model, *_) = await models.find().to_list(None)
    await models.update_one({"_id": model["_id"]}, {"$set": {"description": float("nan")}})
    assert await unproven_of(old) == (f"Model {model['model_id']}: a value that no event can tell",)


@pytest.mark.exhaustive
async def test_the_widest_record_is_told_field_by_field(old: Service) -> None:
    versions = old.database.collection("model_versions")
    (version, *_) = await versions.find().to_list(None)
    wide = {"use_cases": ["x" * 15_000] * 200, "purpose": "y" * 20_000, "tier_rationale": "Maria said so."}
    await versions.update_one({"_id": version["_id"]}, {"$set": wide})
    await migrations.migrate(old.database, lambda: old.now, RELEASE, RECORDS)
    key = f"{version['model_id']}/{version['version']}"
    (event,) = [each for each in await old.trail() if each["action"] == "baseline" and each["resource"]["id"] == key]
    assert len(event["canonical"]) < DETAILS_BYTES
    told = {each["path"]: each for each in event["details"]["changes"]}
    assert told["use_cases"]["to"].keys() == told["purpose"]["to"].keys() == {"content"}
    assert told["tier_rationale"].keys() == {"path", "changed", "salted"}
    assert (event["subject"]["model_id"], event["subject"]["version"]) == (version["model_id"], version["version"])


SHOUTS = Step(
    SCHEMA + 1, "shouts", "Writes what incidents are called in capitals.", RELEASE, "incidents", {"shouted": None},
    lambda each: {"title": each["title"].upper(), "environment": "everywhere", "shouted": True},
)  # fmt: skip
REKEYS = Step(
    SCHEMA + 1, "rekeys", "Makes the keys of incidents anew.", RELEASE, "incidents", {"rekeyed": None},
    lambda each: {"version_key": "0", "rekeyed": True},
)  # fmt: skip


async def added() -> Sequence[dict[str, Any]]:
    return [{"name": "lab-9", "stage": "test"}]


async def test_a_later_step_tells_of_each_record_that_it_changes_and_of_no_other(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(service)
    opened = await service.do("openIncident", **BOT, severity="HIGH", title="It told.", select="incident { incidentId }")
    (before,) = (await service.state())["Incident"]
    monkeypatch.setattr(run, "STEPS", (SHOUTS,))
    seen = await service.size()
    await migrations.migrate(service.database, lambda: service.now, RELEASE, RECORDS)
    first, last = await service.trail(seen)
    (after,) = (await service.state())["Incident"]
    assert (first["action"], first["event_type"], first["actor"]["id"]) == ("migrate", "system_started", "system")
    assert first["resource"] == {"type": "Incident", "id": opened["incident"]["incidentId"]} and last["resource"]["id"] == str(
        SHOUTS.number
    )
    salts, renewed = salts_in(before), salts_in(after)
    assert renewed["title"] != salts["title"] and "baseline" not in first["details"]
    assert first["details"]["changes"] == [
        {"path": "environment", "from": None, "to": "everywhere"},
        {"path": "shouted", "from": None, "to": True},
        {"path": "title", "changed": True, "salted": salted(renewed["title"], "IT TOLD.")},
    ]


async def test_a_later_step_that_changes_what_follows_tells_of_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await register(service)
    await service.do("openIncident", **BOT, severity="HIGH", title="It told.")
    monkeypatch.setattr(Incident, "untold", frozenset({"rekeyed"}))
    monkeypatch.setattr(run, "STEPS", (REKEYS,))
    seen = await service.size()
    await migrations.migrate(service.database, lambda: service.now, RELEASE, RECORDS)
    assert [each["resource"]["type"] for each in await service.trail(seen)] == ["Migration"]


async def test_a_later_step_tells_of_each_record_that_it_adds(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    adds = Addition(SCHEMA + 1, "adds", "Adds one.", RELEASE, "environments", "name", added, environments.declared)
    monkeypatch.setattr(run, "STEPS", (adds,))
    seen = await service.size()
    await migrations.migrate(service.database, lambda: service.now, RELEASE, RECORDS)
    first, _ = await service.trail(seen)
    assert first["resource"] == {"type": "DeploymentEnvironment", "id": "lab-9"}
    assert {each["path"] for each in first["details"]["changes"]} >= {"name", "stage", "declared_by"}
    (stored,) = [each for each in (await service.state())["DeploymentEnvironment"] if each["name"] == "lab-9"]
    assert stored["salts"] == []


async def test_a_start_refuses_older_data_and_changes_nothing_unless_a_setting_says_so(old: Service) -> None:
    before = (await old.stored()).documents
    with pytest.raises(OlderSchema):
        await prepare(old.settings, old.database, clock=lambda: old.now)
    assert {name: found.keys() for name, found in (await old.stored()).documents.items()} == {
        name: found.keys() for name, found in before.items()
    }
    await prepare(old.settings.model_copy(update={"migrate": True}), old.database, clock=lambda: old.now)
    assert await migrations.form(old.database) == SCHEMA


async def ended(service: Service, number: int, oldest_writer: str) -> None:
    """Does what a later release does at the end of a step of its own."""

    async def work(unit: Unit) -> None:
        head = await AuditHead.touch()
        later = Migration(number=number, at=service.now, name="later", release="9.0.0", oldest_writer=oldest_writer)
        await later.store()
        await head.append(await occurrences_of(unit, "migrate", SYSTEM, Request("later")), service.now, EventIds())

    await service.database.transact(work, service.now)


async def test_a_release_works_beside_a_later_one_as_long_as_that_lets_it_write(service: Service) -> None:
    await ended(service, SCHEMA + 1, RELEASE)
    assert await migrations.check(service.database, RELEASE) == SCHEMA + 1
    await ended(service, SCHEMA + 2, "9.0.0")
    with pytest.raises(NewerSchema):
        await migrations.check(service.database, RELEASE)
    await service.database.collection("migrations").update_one({"number": SCHEMA + 2}, {"$set": {"oldest_writer": RELEASE}})
    with pytest.raises(NewerSchema):  # the trail says who may write
        await migrations.check(service.database, RELEASE, as_told=True)


BACK: dict[str, Any] = {"$set": {"number": SCHEMA - 1}}


@pytest.mark.tampers
async def test_a_step_that_the_trail_tells_to_be_done_is_not_done_again(service: Service) -> None:
    policies, forms = service.database.collection("policies"), service.database.collection("migrations")
    await policies.update_one({"policy_id": "POL-001"}, {"$set": {"content.required_roles": []}, "$unset": {"salts": ""}})
    await forms.update_one({"number": SCHEMA}, BACK)
    before = await service.state()
    for work in (
        prepare(service.settings.model_copy(update={"migrate": True}), service.database, clock=lambda: service.now),
        migrations.migrate(service.database, lambda: service.now, RELEASE, RECORDS),
    ):
        with pytest.raises(FormNotAsTold, match=f"migration {SCHEMA - 1} is stored, and .* does not tell of it; the trail tells"):
            await work
    assert await service.state() == before
    report = await verify(books=BOOKS)
    named = {(each.kind.name, each.resource.id) for each in report.faults if each.resource and each.resource.type == "Migration"}
    assert named == {("RECORD_UNKNOWN", str(SCHEMA - 1)), ("RECORD_MISSING", str(SCHEMA))}


@pytest.mark.tampers
async def test_a_record_that_the_trail_proves_gets_no_baseline_and_is_named(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = service.database.collection("policies")
    await policies.update_one({"policy_id": "POL-001"}, {"$set": {"content.required_roles": []}, "$unset": {"salts": ""}})
    (again,) = (each for each in STEPS if isinstance(each, Baseline))
    monkeypatch.setattr(run, "STEPS", (replace(again, number=SCHEMA + 1),))
    seen = await service.size()
    (done,) = await migrations.migrate(service.database, lambda: service.now, RELEASE, RECORDS)
    assert done.unproven == ("Policy POL-001: the trail proves it, and its salts are gone",)
    assert [each["action"] for each in await service.trail(seen)] == ["migrate"]
    faults = (await verify(books=BOOKS)).faults
    assert {each.resource.id for each in faults if each.resource} == {"POL-001"}


NO_FORMS: dict[str, tuple[list[Any], str]] = {
    "a text": (["x"], 'one has "x" in the place of its number'),
    "infinity": ([float("inf")], "one has a value that JSON cannot express in the place of its number"),
    "a list": ([[1]], r"one has \[1\] in the place of its number"),
    "nothing": ([None], "one has null in the place of its number"),
    "a later form": ([99], "migration 99 is stored, and the trail does not tell of it"),
    "an earlier form": ([1], "migration 1 is stored, and the trail does not tell of it"),
    "several": (["x", 99, float("-inf"), {"a": 1}], "migration 99 is stored"),
}


@pytest.mark.exhaustive
@pytest.mark.tampers
@pytest.mark.parametrize("called", NO_FORMS)
@pytest.mark.parametrize("instead", [False, True], ids=["beside", "instead"])
async def test_migrations_that_no_server_stores_are_named_and_hide_nothing(service: Service, called: str, instead: bool) -> None:
    numbers, says = NO_FORMS[called]
    forms = service.database.collection("migrations")
    if instead:
        await forms.delete_many({})
    await forms.insert_many([{"_id": ObjectId(), "number": each, "oldest_writer": 7} for each in numbers])
    assert await migrations.check(service.database, RELEASE, as_told=True) == SCHEMA
    before = await service.state()
    with pytest.raises(FormNotAsTold, match=says):
        await prepare(service.settings.model_copy(update={"migrate": True}), service.database, clock=lambda: service.now)
    assert await service.state() == before
    kinds = [each.kind.name for each in (await verify(books=BOOKS)).faults]
    assert sorted(kinds) == ["RECORD_MISSING"] * instead + ["RECORD_UNKNOWN"] * len(numbers)


@pytest.mark.exhaustive
@pytest.mark.tampers
async def test_commands_on_the_trail_go_by_the_form_that_the_trail_tells(service: Service, tmp_path: Path) -> None:
    forms = service.database.collection("migrations")
    await forms.insert_many([{"number": each, "oldest_writer": 7} for each in ("x", 99, float("inf"))])
    settings: dict[str, object] = {
        "DATA_DIR": tmp_path, "MONGODB_URI": service.uri, "DATABASE": service.database.name, "SECRET_KEY": SERVICE_KEY.text,
    }  # fmt: skip
    for words, code, says in (
        (("audit", "verify"), 13, "the trail has 3 faults"),
        (("audit", "export", str(tmp_path / "export")), 13, "the trail has 3 faults"),
        (("migrate",), 8, "magistrate: the collection migrations was changed in the database itself"),
        (("migrate", "--dry-run"), 8, "magistrate: the collection migrations was changed in the database itself"),
        (("admin", "recover", "--reason", "It is lost."), 0, "admin has a new token"),
    ):
        done = magistrate(*words, **settings)
        assert (done.returncode, "Traceback" in done.stderr) == (code, False) and says in done.stderr, (words, done.stderr)
    code, complaint = refused(**settings)
    assert code == 8 and "migration 99 is stored" in complaint and "Traceback" not in complaint


@pytest.mark.parametrize("collection", sorted(FROZEN))
def test_no_step_can_rewrite_what_the_trail_covers(collection: str) -> None:
    with pytest.raises(ValueError, match=collection):
        Step(99, "rewrite", "Rewrites history.", RELEASE, collection, {}, dict)
    with pytest.raises(ValueError, match=collection):
        Addition(99, "add", "Adds to history.", RELEASE, collection, "seq", environments.wanted, environments.declared)


def test_steps_are_numbered_one_after_another_from_the_form_of_the_first_release() -> None:
    assert [each.number for each in STEPS] == list(range(run.FIRST + 1, SCHEMA + 1))


def test_a_copy_that_an_interrupted_upgrade_left_is_the_one_from_before(tmp_path: Path) -> None:
    (tmp_path / "database").mkdir()
    (tmp_path / "database" / "file").write_text("as it was")
    (tmp_path / "database-schema-2.part").mkdir()
    copy = copy_of(tmp_path, 2)
    (tmp_path / "database" / "file").write_text("half migrated")
    assert copy_of(tmp_path, 2) == copy and (copy / "file").read_text() == "as it was"
    assert not (tmp_path / "database-schema-2.part").exists()


@pytest.fixture(scope="module")
def left_by_0_1_0(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an embedded database as release 0.1.0 left it."""
    folder = tmp_path_factory.mktemp("left")
    with Engine(folder) as engine, MongoClient[dict[str, object]](engine.uri) as client:
        for name, documents in documents_of(OLD).items():
            client["magistrate"][name].insert_many(documents)
    return folder


@pytest.fixture
def folder(left_by_0_1_0: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(left_by_0_1_0, tmp_path / "var"))


def magistrate(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAGISTRATE_")}
    given = {f"MAGISTRATE_{name}": str(value) for name, value in settings.items()}
    return subprocess.run([MAGISTRATE, *words], env=kept | given, capture_output=True, text=True, check=False, timeout=120)


def stored_in(folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    with Engine(folder) as engine, MongoClient[dict[str, Any]](engine.uri) as client:
        yield from ((name, list(client["magistrate"][name].find())) for name in sorted(COUNTED))


@pytest.mark.exhaustive
def test_a_start_on_the_embedded_database_copies_the_folder_and_migrates(folder: Path) -> None:
    (folder / "audit-key").unlink(missing_ok=True)
    with Operated(folder) as running:
        ready = running.ask_readyz()
        assert "ready" in ready and "NOT SOUND" not in ready
    after = dict(stored_in(folder))
    assert [each["number"] for each in after["migrations"]] == [2, *range(3, SCHEMA + 1)]
    assert all("rules" in each["standing"] for each in after["model_versions"])
    (folder / "before").mkdir()
    shutil.copytree(folder / "database-schema-2", folder / "before" / "database")
    before = dict(stored_in(folder / "before"))
    assert {name: len(found) for name, found in before.items()} == {
        name: number for name, number in Store.of(OLD).counts.items() if name in COUNTED
    }
    assert (folder / "release").read_text().strip() == RELEASE


@pytest.mark.exhaustive
def test_a_trail_with_a_fault_is_not_migrated_and_the_command_that_the_refusal_names_says_which(
    folder: Path, tmp_path: Path
) -> None:
    sound = magistrate("audit", "verify", DATA_DIR=folder)
    assert sound.returncode == 0 and "the trail alone is verified, and no record or seal" in sound.stderr, sound.stdout
    with Engine(folder) as engine, MongoClient[dict[str, Any]](engine.uri) as client:
        client["magistrate"]["audit_events"].update_one({"seq": 3}, {"$set": {"resource.id": "9"}})
    for command in ("serve", "migrate"):
        refusal = magistrate(command, DATA_DIR=folder, PORT=0)
        assert refusal.returncode == 8 and "Traceback" not in refusal.stderr, refusal.stderr
        assert "has faults: FIELD_DIFFERS at 3" in refusal.stderr and "`magistrate audit verify`" in refusal.stderr
    for words in (["verify"], ["export", str(tmp_path / "export")], ["verify", str(tmp_path / "export")]):
        found = magistrate("audit", *words, DATA_DIR=folder)
        assert found.returncode == 13 and "FIELD_DIFFERS" in found.stdout, found.stdout + found.stderr


@pytest.mark.exhaustive
def test_a_start_killed_while_it_upgrades_is_done_by_the_next(folder: Path) -> None:
    for wait in (0.3, 0.8, 1.3):
        process = subprocess.Popen(
            [MAGISTRATE, "serve"], env=os.environ | {"MAGISTRATE_DATA_DIR": str(folder), "MAGISTRATE_PORT": "0"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    eventually(lambda: not (folder / "engine.pid").exists(), within=1)
    with Operated(folder) as running:
        assert "ready" in running.ask_readyz()
    after = dict(stored_in(folder))
    assert [each["number"] for each in after["migrations"]] == [2, *range(3, SCHEMA + 1)]
    assert len(after["model_versions"]) == Store.of(OLD).counts["model_versions"]
    verified = magistrate("audit", "verify", DATA_DIR=folder)
    assert verified.returncode == 0, verified.stdout


@pytest.mark.exhaustive
def test_the_command_says_what_it_would_change_then_changes_it_and_then_has_nothing_to_do(server: str, tmp_path: Path) -> None:
    with MongoClient[dict[str, object]](server) as client:
        for name, documents in documents_of(OLD).items():
            client["upgraded"][name].insert_many(documents)
        settings: dict[str, object] = {"DATA_DIR": tmp_path, "MONGODB_URI": server, "DATABASE": "upgraded"}
        code, complaint = refused(**settings)
        assert code == 16 and "magistrate migrate" in complaint
        versions = Store.of(OLD).counts["model_versions"]
        shown = magistrate("migrate", "--dry-run", **settings)
        assert (
            shown.returncode == 0
            and f"Documents: {versions}" in shown.stdout
            and f"rules: number 0 becomes {RULES}" in shown.stdout
        )
        assert client["upgraded"]["migrations"].count_documents({}) == 1
        moved = client["upgraded"]["stakeholders"].find_one_and_update({}, {"$set": {"department": "Elsewhere"}}) or {}
        events = client["upgraded"]["audit_events"]
        event = events.find_one_and_update({"seq": 3}, {"$set": {"resource.id": "9"}}) or {}
        faulty = magistrate("migrate", **settings | {"SECRET_KEY": SECRET_KEY})
        assert faulty.returncode == 8 and "has faults: FIELD_DIFFERS at 3" in faulty.stderr
        assert magistrate("audit", "verify", **settings).returncode == 13
        events.replace_one({"_id": event["_id"]}, event)
        assert magistrate("audit", "verify", **settings | {"SECRET_KEY": SECRET_KEY}).returncode == 0
        keyless = magistrate("migrate", **settings)
        assert keyless.returncode == 18 and "MAGISTRATE_SECRET_KEY is not set" in keyless.stderr
        assert client["upgraded"]["migrations"].count_documents({}) == 1
        settings["SECRET_KEY"] = SECRET_KEY
        done = magistrate("migrate", **settings)
        assert f"differs from what the trail tells: Stakeholder {moved['user_id']}: department\n" in done.stdout
        assert done.returncode == 0 and f"{versions} documents changed" in done.stdout, done.stderr
        assert "  adds canary\n" in shown.stdout and "  added canary\n" in done.stdout
        again = magistrate("migrate", **settings)
        assert again.returncode == 0 and "nothing to do" in again.stdout
        assert magistrate("migrate", "--dry-run", **settings | {"DATABASE": "nowhere"}).returncode == 8


@pytest.mark.exhaustive
def test_a_setting_lets_a_start_migrate_a_database_of_ones_own(server: str, tmp_path: Path) -> None:
    with MongoClient[dict[str, object]](server) as client:
        for name, documents in documents_of(OLD).items():
            client["by_setting"][name].insert_many(documents)
        with Operated(tmp_path, MONGODB_URI=server, DATABASE="by_setting", MIGRATE="true") as running:
            assert "ready" in running.ask_readyz()
        assert client["by_setting"]["migrations"].count_documents({"number": SCHEMA}) == 1


def test_settings_of_the_upgrade_have_defaults_that_ask_first() -> None:
    assert (Settings().migrate, timedelta(days=Settings().grace_days)) == (False, timedelta(days=30))
