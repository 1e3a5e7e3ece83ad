"""Stored records against the trail: an honest one agrees field by field, and whatever was altered past the product is found."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128, ObjectId

from documents.audit.books import row_of, take_all, value_of
from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.audit.findings import AuditCaveat, Report
from documents.audit.ledger import Ledger
from documents.audit.ordinary import ordinary
from documents.audit.records import Balance
from documents.audit.verify import verify
from documents.books import BOOKS
from documents.canonical import plain, same
from documents.eligibility.turns import judge_in_turn
from documents.migrations import SCHEMA
from documents.store.record import Record
from documents.store.session import bound_database
from tests.engines import on_secantusd_py
from tests.journey import every_mutation, sign_in
from tests.service import ADA, Service
from tests.stored import Stored
from tests.tampers.held import value_at
from tests.tampers.unfound import MARK
from tests.trails import without_key

Raw = dict[str, Any]
Found = set[tuple[str, str | None, str | None, str | None]]


def faults(report: Report) -> Found:
    """The faults of a report: kind, and the record's kind, key and path."""
    abouts = [(each, each.resource) for each in report.faults]
    return {(each.kind.name, of.type if of else None, of.id if of else None, each.path) for each, of in abouts}


async def found(service: Service, folder: Path) -> Report:
    """What a verification finds, in the database and in an export alike."""
    with without_key(service.database):  # an export tells nothing of the seal of the head
        online = await verify(books=BOOKS)
        written = await export(folder, books=BOOKS)
    offline = verify_export(folder)
    assert [*map(str, online.faults)] == [*map(str, written.faults)] == [*map(str, offline.faults)]
    for each in (written, offline):
        assert (each.records_compared, each.records_unproven) == (online.records_compared, online.records_unproven)
    assert AuditCaveat.RECORDS_NOT_COMPARED not in {*online.caveats, *written.caveats, *offline.caveats}
    return online


@pytest.fixture(scope="module")
async def travelled(server: str) -> AsyncIterator[tuple[Service, Stored]]:
    """A service on which every mutation was done, and all that it stores."""
    service = await Service.started(server)
    with service.database.bound():
        await sign_in(service)
        async for _ in every_mutation(service):
            pass
        yield service, await service.stored()
    await service.close()


@pytest.mark.exhaustive
async def test_the_whole_journey_is_stored_as_the_trail_tells_it(travelled: tuple[Service, Stored], tmp_path: Path) -> None:
    service, stored = travelled
    await service.restore(stored)
    report = await found(service, tmp_path)
    assert report.faults == ()
    assert report.records_compared > 30 and report.records_unproven == 0


Write = Callable[[Any, Raw], Awaitable[object]]
"""A write past the product to a collection, given the document that it is about."""


def sets(path: str, value: Any) -> Write:
    return lambda collection, stored: collection.update_one({"_id": stored["_id"]}, {"$set": {path: value}})


def unsets(path: str) -> Write:
    return lambda collection, stored: collection.update_one({"_id": stored["_id"]}, {"$unset": {path: ""}})


def later(path: str) -> Write:
    """Moves the moment at a path by a millisecond."""

    async def write(collection: Any, stored: Raw) -> None:
        value: Any = stored
        for step in path.split("."):
            value = value[int(step)] if isinstance(value, list) else value[step]
        await collection.update_one({"_id": stored["_id"]}, {"$set": {path: value + timedelta(milliseconds=1)}})

    return write


def shadows(path: str, value: Any) -> Write:
    """Alters the value at a path, and keeps what it was under a name that looks like the path."""

    async def write(collection: Any, stored: Raw) -> None:
        was = value_at(stored, path)
        await collection.replace_one({"_id": stored["_id"]}, {path: was} | replaced(stored, steps_of(path), value))

    return write


def unnests(name: str, dot: str = ".") -> Write:
    """Puts the leaves of a field into the record itself, under names that look like their paths."""

    async def write(collection: Any, stored: Raw) -> None:
        flat = {dot.join(map(str, path)): value for path, value in leaves({name: stored[name]})}
        rest = {each: value for each, value in stored.items() if each != name}
        await collection.replace_one({"_id": stored["_id"]}, rest | flat)

    return write


def judged_anew(write: Write) -> Write:
    """Has the standing of every version judged anew after a write."""

    async def and_judge(collection: Any, stored: Raw) -> None:
        await write(collection, stored)
        now = datetime(2026, 3, 1, 13, tzinfo=UTC)
        await bound_database().collection("judgements_due").insert_one({"_id": ObjectId(), **MARK, "marked_at": now})
        assert await judge_in_turn(lambda: now, timedelta(0))

    return and_judge


def steps_of(path: str) -> tuple[str | int, ...]:
    return tuple(int(step) if step.isdigit() else step for step in path.split("."))


async def deletes(collection: Any, stored: Raw) -> None:
    await collection.delete_one({"_id": stored["_id"]})


def inserts(**fields: Any) -> Write:
    """Inserts a copy of the document, with other fields."""
    return lambda collection, stored: collection.insert_one(stored | {"_id": ObjectId()} | fields)


async def doubles(collection: Any, stored: Raw) -> None:
    """Inserts an equal document, once nothing keeps keys unique any more."""
    await collection.drop_indexes()
    await collection.insert_one(stored | {"_id": ObjectId()})


VERSION = "support-assistant/1.0.0"
HASH, REASON = "artifacts.0.sha256", "holds.0.reason"
FOLLOWS = {"standing"}  # what judging makes of an altered record too
ATTACKS: list[tuple[str, str, str, Write, set[str]]] = [
    ("a role is added", "Stakeholder", "alice", sets("roles", ["model_owner", "risk_manager"]), {"roles.1"}),
    ("a platform role is raised", "Stakeholder", "alice", sets("platform_role", "admin"), {"platform_role"}),
    ("a tier is added", "Stakeholder", "ben", sets("authorized_tiers.1", "tier_1_critical"), {"authorized_tiers.1"}),
    ("somebody is let in again", "Stakeholder", "ben", sets("active", True), {"active"}),
    ("an identity is confirmed", "Stakeholder", "alice", sets("identity.confirmed", True), {"identity.confirmed"}),
    ("a name is changed", "Stakeholder", "alice", sets("name", "Alicia"), {"name", "search_tokens"}),
    ("a secret is replaced", "ApiToken", "alice", sets("secret_hash", "0" * 64), {"secret_hash"}),
    ("a token is let live", "ApiToken", "alice", sets("expires_at", None), set()),
    ("a token is given to another", "ApiToken", "alice", sets("holder", "admin"), {"holder"}),
    ("a token opens another door", "ApiToken", "alice", sets("scopes.2", "metrics"), {"scopes.2"}),
    ("the policy asks less", "Policy", "POL-001", sets("content.enforcement", "advisory"), {"content"}),
    ("a revision cites another text", "Policy", "POL-001", sets("revisions.0.digest", "0" * 64), {"revisions.0.digest"}),
    ("a card is altered", "ModelVersion", VERSION, sets("card.license", "none"), {"card"}),
    ("a tier is lowered", "ModelVersion", VERSION, sets("tier", "tier_4_experimental"), {"tier"}),
    ("an owner is replaced", "ModelVersion", VERSION, sets("owner_id", "bob"), {"owner_id"}),
    ("a hold is forgotten", "ModelVersion", VERSION, sets("holds", []), {"holds"}),
    ("a private text is altered", "ModelVersion", VERSION, sets("holds.0.reason", "Nothing."), {"holds.0.reason"}),
    ("a text is moved", "ModelVersion", VERSION, sets("restrictions", ["It moved."]), {"restrictions", "search_tokens"}),
    ("a salt is replaced", "Stakeholder", "alice", sets("salts.1.salt", "0" * 32), {"name"}),
    ("salts are gone", "Stakeholder", "alice", unsets("salts"), {"email", "name"}),
    ("salts are a text", "Stakeholder", "alice", sets("salts", "none"), {"email", "name", "salts"}),
    ("a field is added", "ModelVersion", VERSION, sets("approved_by", "alice"), {"approved_by"}),
    ("a field is added inside", "ModelVersion", VERSION, sets("holds.0.lifted.late", True), {"holds.0.lifted.late"}),
    ("a field is removed", "ModelVersion", VERSION, unsets("registered_by"), {"registered_by"}),
    ("a standing is altered", "ModelVersion", "support-assistant/1.1.0", sets("standing.status", "approved"), {"standing"}),
    ("a standing is removed", "ModelVersion", "support-assistant/1.1.0", sets("standing", None), {"standing"}),
    ("an order is altered", "ModelVersion", VERSION, sets("version_key", "9"), {"version_key"}),
    ("tokens of the search are altered", "Model", "leaf", sets("search_tokens", ["other"]), {"search_tokens"}),
    ("a moment is moved", "ModelVersion", VERSION, later("registered_at"), {"registered_at", "days_to_approval"}),
    ("a moment becomes a text", "Model", "leaf", sets("registered_at", "2026-03-01T12:00:00.123Z"), {"registered_at"}),
    ("true becomes 1", "Stakeholder", "alice", sets("active", 1), {"active"}),
    ("null becomes 0", "Model", "leaf", sets("owner_set_by", 0), {"owner_set_by"}),
    ("a list becomes an object", "Stakeholder", "alice", sets("roles", {"0": "model_owner"}), {"roles"}),
    ("a decimal is stored", "Deployment", "*", sets("number", Decimal128("1")), {"number"}),
    ("bytes are stored", "Model", "leaf", sets("description", b"!"), {"description"}),
    ("an environment goes live", "DeploymentEnvironment", "staging", sets("stage", "production"), {"stage"}),
    ("a risk is rephrased", "RiskTemplate", "OPS-001", sets("description", "Nothing."), {"description"}),
    ("an incident is opened again", "Incident", "*", sets("status", "open"), {"status"}),
    ("a change was never frozen", "ChangeRequest", "*", sets("frozen_plan", None), {"frozen_plan"}),
    ("a datasheet is altered", "Datasheet", "support-tickets", sets("content.purpose", "Other."), {"content", "search_tokens"}),
    ("a name with a dot hides what was altered", "ModelVersion", VERSION, shadows(HASH, "e" * 64), {HASH}),
    ("a name with a dot hides an altered private text", "ModelVersion", VERSION, shadows(REASON, "Nothing."), {REASON}),
    ("names with dots undo a retirement", "ModelVersion", VERSION, judged_anew(unnests("retired")), {"retired"}),
    ("names with dots undo a resolution", "Incident", "*", unnests("resolution"), {"resolution"}),
    ("an empty name", "Model", "leaf", sets("description", {"": "text"}), {"description"}),
    ("rules never bind", "RulesInForce", "rules", later("raised.0.binding_from"), {"raised.0.binding_from"}),
]  # fmt: skip
"""What is written, to which record, and the paths at which it is found to differ; `*` is any record of the kind."""


@pytest.mark.exhaustive
@pytest.mark.parametrize(("of", "key", "write", "paths"), [each[1:] for each in ATTACKS], ids=[each[0] for each in ATTACKS])
async def test_what_is_altered_in_a_record_is_found_at_its_path(
    travelled: tuple[Service, Stored], tmp_path: Path, of: str, key: str, write: Write, paths: set[str]
) -> None:
    service, stored = travelled
    await service.restore(stored)
    kind = next(each for each in BOOKS.kinds if each.__name__ == of)
    collection = service.database.collection(kind.collection)
    document = next(each for each in await collection.find().to_list(None) if key in ("*", kind.key_of(each)))
    await write(collection, document)
    report = await found(service, tmp_path)
    told = {path for _, *about, path in faults(report) if about == [of, kind.key_of(document)]}
    assert {each[0] for each in faults(report)} <= {"RECORD_DIFFERS"}
    assert {path for path in paths if not any(within(each, path) for each in told)} == set()
    assert {each for each in told if not any(within(each, path) for path in paths | FOLLOWS)} == set()
    assert {each[3] for each in faults(report) if [*each[1:3]] != [of, kind.key_of(document)]} <= FOLLOWS


def within(path: str | None, above: str) -> bool:
    return path == above or (path or "").startswith(f"{above}.")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("of", "key", "write", "expected"),
    [
        ("Stakeholder", "colin", deletes, {("RECORD_MISSING", "colin")}),
        ("ApiToken", "alice", deletes, {("RECORD_MISSING", "alice")}),
        ("Policy", "POL-001", deletes, {("RECORD_MISSING", "POL-001")}),
        ("ModelVersion", VERSION, deletes, {("RECORD_MISSING", VERSION)}),
        ("Stakeholder", "alice", inserts(user_id="mallory"), {("RECORD_UNKNOWN", "mallory")}),
        ("ApiToken", "alice", inserts(holder="admin", **{"token_" + "id": "back"}), {("RECORD_UNKNOWN", "back")}),
        ("Stakeholder", "alice", doubles, {("RECORD_UNKNOWN", "alice")}),
        ("Model", "leaf", sets("model_id", "branch"), {("RECORD_MISSING", "leaf"), ("RECORD_UNKNOWN", "branch")}),
        ("Model", "leaf", sets("model_id", {"a": 1}), {("RECORD_MISSING", "leaf"), ("RECORD_UNKNOWN", "{'a': 1}")}),
        ("Migration", str(SCHEMA), sets("number", 0.5), {("RECORD_MISSING", str(SCHEMA)), ("RECORD_UNKNOWN", "0.5")}),
        ("Model", "leaf", unsets("model_id"), {("RECORD_MISSING", "leaf"), ("RECORD_UNKNOWN", "")}),
    ],
)
async def test_a_record_that_is_gone_or_that_nobody_told_is_found(
    travelled: tuple[Service, Stored], tmp_path: Path, of: str, key: str, write: Write, expected: set[tuple[str, str]]
) -> None:
    service, stored = travelled
    await service.restore(stored)
    kind = next(each for each in BOOKS.kinds if each.__name__ == of)
    collection = service.database.collection(kind.collection)
    await write(collection, next(each for each in await collection.find().to_list(None) if kind.key_of(each) == key))
    report = await found(service, tmp_path)
    about = {each for each in faults(report) if each[0] != "RECORD_DIFFERS"}
    assert about == {(fault, of, key, None) for fault, key in expected}


@on_secantusd_py
async def test_a_head_that_was_altered_hides_no_standing_that_was_altered_and_makes_none_a_fault(
    travelled: tuple[Service, Stored], tmp_path: Path
) -> None:
    service, stored = travelled
    await service.restore(stored)
    versions, head = service.database.collection("model_versions"), service.database.collection("audit_head")
    await head.update_one({"name": "head"}, {"$set": {"size": -5}})
    assert {each[0] for each in faults(await found(service, tmp_path / "head"))} == {"HEAD_DIFFERS"}
    await service.restore(stored)
    await versions.update_one({"standing.open_conditions": 0}, {"$set": {"standing.open_conditions": 7}})
    alone = {each for each in faults(await found(service, tmp_path / "alone")) if each[3] and each[3].startswith("standing")}
    assert alone
    for number, size in enumerate((-5, "67", 10**12)):
        await head.update_one({"name": "head"}, {"$set": {"size": size}})
        here = faults(await found(service, tmp_path / str(number)))
        assert alone == {each for each in here if each[3]} < here


@on_secantusd_py
async def test_an_old_row_that_is_put_back_is_found(travelled: tuple[Service, Stored], tmp_path: Path) -> None:
    service, stored = travelled
    await service.restore(stored)
    people = service.database.collection("stakeholders")
    (before,) = await people.find({"user_id": "alice"}).to_list(None)
    await service.do("updateStakeholder", ADA, userId="alice", roles=["RISK_MANAGER"], name="Alicia")
    assert (await found(service, tmp_path / "1")).faults == ()
    await people.replace_one({"user_id": "alice"}, before)
    report = await found(service, tmp_path / "2")
    assert faults(report) >= {("RECORD_DIFFERS", "Stakeholder", "alice", path) for path in ("roles.0", "name")}
    (last,) = {each.seq for each in report.faults if each.path == "roles.0"}
    assert last == (await service.last())["seq"]


def mutated(value: Any) -> Iterator[Any]:
    """Other values in the place of one, of the same type and of others."""
    match value:
        case bool():
            yield from (not value, int(value), str(value))
        case int():
            yield from (value + 1, str(value), bool(value), float(value), Decimal128(str(value)))
        case float():
            yield from (value + 1, str(value), int(value))
        case str():
            yield from (f"{value}!", value[1:] or "?", {"content": "0" * 64}, [value], value.encode())
        case datetime():
            yield from (value + timedelta(milliseconds=1), plain(value), 0)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inside is None:
        yield path, value
    for name, each in inside or ():
        yield from leaves(each, (*path, name))


def replaced(value: Any, path: tuple[str | int, ...], other: Any) -> Any:
    if not path:
        return other
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], other)
    return copy


@pytest.mark.exhaustive
async def test_whatever_is_altered_at_any_leaf_of_any_record_is_found(travelled: tuple[Service, Stored]) -> None:
    service, stored = travelled
    await service.restore(stored)
    tried = 0
    with Ledger() as ledger:
        take_all(ledger, ((each, ordinary(each)) for each in await service.trail()))
        found = Balance(ledger)
        texts = {each["digest"]: each["canonical"] for each in (await service.state())["Content"]}

        def differs(kind: type[Record], raw: Raw) -> set[str]:
            row = row_of(kind, raw, proven=True)
            return {str(each.path) for each in found.judged(row, told, lambda digest: value_of(texts.get(digest)))}

        for kind in BOOKS.kinds:
            for raw in (await service.state())[kind.__name__]:
                told = ledger.told(kind.__name__, kind.key_of(raw))
                assert differs(kind, raw) == set()
                for path, value in leaves({name: each for name, each in raw.items() if name not in UNSHOWN}):
                    for other in (*mutated(value), *([] if value is None else [None])):
                        if "additional_info" in path and same(value, other):
                            continue  # JSON has one type of number, and nothing says which one a free value must have
                        tried += 1
                        where = differs(kind, replaced(raw, path, other))
                        name = ".".join(map(str, path))
                        assert any(within(name, each) or within(each, name) for each in where), (kind, path, value, other, where)
    assert tried > 5_000


UNSHOWN = {"_id", "revision", "salts", "mac", "standing", "last_used_at", "renewal"}
