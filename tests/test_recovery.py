"""The secret key is changed and lost, and `magistrate admin recover` is the way out."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import MaxKey, ObjectId
from pydantic import SecretStr

from documents.audit.notes import SigningKey
from documents.audit.trail import AuditHead, _agreeing
from documents.audit.verify import verify
from documents.books import BOOKS
from documents.canonical import canonical, loosely_parsed, plain
from documents.errors import InvalidInput
from documents.seals import Keyring, SecretKey
from gql import resealing
from gql.checkpoints import Signer
from gql.cli.recovery import recovering
from gql.faults import SecretKeyMissing, SecretKeyRefused, TrailFaulty
from gql.firststart import prepare
from gql.secretkey import keyring, keyring_if_any
from gql.settings import Settings
from tests.hostile_values import MISSING, altered, replace
from tests.operators import administers
from tests.sealed import VIEWER, change, change_token, people, refused, row_of, token_of, tokens
from tests.service import ADA, ALICE, BOB, SECRET_KEY, Person, Service
from tests.trails import Stored

NEW = SecretKey("k2", b"n" * 32)
REASON = "The machine with the key burnt down."

pytestmark = pytest.mark.tampers


async def restart(service: Service, current: SecretKey, previous: SecretKey | None = None) -> None:
    """Starts the server anew with these keys."""
    service.database.keyring = None
    settings = service.settings.model_copy(
        update={
            "secret_key": SecretStr(current.text), "secret_key_previous": previous and SecretStr(previous.text),
            "admin_token": None,
        }
    )  # fmt: skip
    await prepare(settings, service.database, lambda: service.now)


@pytest.fixture(autouse=True)
async def own_keys(service: Service) -> AsyncIterator[None]:
    """The database of the test serves no other: the next test has the first key."""
    service.written_elsewhere = True
    assert await service.size()  # what is put back for a test is written with its first command
    yield
    service.database.keyring = Keyring(SECRET_KEY)


async def test_a_changed_key_seals_everything_anew_and_the_trail_tells_of_it(service: Service) -> None:
    seen = await service.size()
    await restart(service, NEW, SECRET_KEY)
    (event,) = await service.trail(seen)
    assert (event["action"], event["resource"]) == ("rotateSecretKey", {"type": "SecretKey", "id": "k2"})
    facts = event["details"]["facts"]
    assert (facts["from"], facts["to"], facts["refused"]) == ("k1", "k2", []) and facts["sealed"] == 14
    assert await service.ask(VIEWER) == {"viewer": {"id": "alice"}}
    await restart(service, NEW)  # the previous key is needed once
    assert await service.ask(VIEWER) == {"viewer": {"id": "alice"}} and await service.size() == seen + 1


@pytest.mark.parametrize("batches", [1, 2])
async def test_a_change_of_the_key_that_is_killed_has_told_of_all_that_it_sealed(
    service: Service, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    async def dies(*given: Any) -> Any:
        done.append(await batch(*given))
        if len(done) == batches:
            raise asyncio.CancelledError
        return done[-1]

    seen, done, batch = await service.size(), list[Any](), resealing._batch
    monkeypatch.setattr(resealing, "BATCH", 4)
    with monkeypatch.context() as killed:
        killed.setattr(resealing, "_batch", dies)
        with pytest.raises(asyncio.CancelledError):
            await restart(service, NEW, SECRET_KEY)
    under = [await each.count_documents({"mac.key_id": "k2"}) for each in (people(service), tokens(service))]
    facts = [each["details"]["facts"] for each in await service.trail(seen) if each["action"] == "rotateSecretKey"]
    assert sum(each["sealed"] for each in facts) == sum(under) == 4 * batches
    await restart(service, NEW, SECRET_KEY)
    facts = [each["details"]["facts"] for each in await service.trail(seen) if each["action"] == "rotateSecretKey"]
    assert sum(each["sealed"] for each in facts) == 14 and all(each["to"] == "k2" for each in facts)


async def test_a_changed_key_seals_nothing_that_was_altered(service: Service) -> None:
    old = await row_of(service, "bob")
    await service.do("updateStakeholder", ADA, userId="bob", department="Sales")
    await people(service).replace_one({"user_id": "bob"}, old)
    await change(service, "alice", roles=["risk_manager"])
    seen = await service.size()
    await restart(service, NEW, SECRET_KEY)
    (event,) = await service.trail(seen)
    assert event["details"]["facts"]["refused"] == ["Stakeholder/alice", "Stakeholder/bob"]
    for each in (ALICE, BOB):
        await refused(service, each)
    await restart(service, NEW)
    await refused(service)


KEYS: dict[str, Any] = {
    "a list": ["zzz"], "a list of two": ["zzz", "yyy"], "an object": {"a": 1},
    "an operator": {"$gt": ""}, "a number": 7, "nothing": None, "missing": MISSING, "bytes": b"zzz",
    "largest": MaxKey(), "a long text": "z" * 5_000, "an empty text": "",
}  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("called", KEYS)
async def test_a_changed_key_ends_with_rows_of_any_key_and_names_them(service: Service, called: str) -> None:
    seen = await service.size()
    mac: Any = [{"key_id": "k1"}] if called == "nothing" else {"key_id": "k1", "seq": 1, "value": "x"}
    row = {"_id": ObjectId(), "token_id": "odd", "mac": mac}
    await tokens(service).insert_one(row)
    assert await replace(service, "api_tokens", altered(row, "token_id", KEYS[called]))
    await asyncio.wait_for(restart(service, NEW, SECRET_KEY), 60)
    (event,) = await service.trail(seen)
    facts = event["details"]["facts"]
    assert facts["sealed"] == 14
    (refusal,) = facts["refused"]
    assert refusal.startswith("ApiToken/") and len(refusal) <= 200
    assert await service.ask(VIEWER) == {"viewer": {"id": "alice"}}


async def test_a_changed_key_ends_with_a_sealed_row_under_an_odd_database_id(service: Service) -> None:
    row = await token_of(service, "bob")
    await tokens(service).delete_one({"_id": row["_id"]})
    await tokens(service).insert_one(row | {"_id": 7})
    seen = await service.size()
    await restart(service, NEW, SECRET_KEY)
    (event,) = await service.trail(seen)
    assert event["details"]["facts"]["refused"] == ["ApiToken/bob"]


async def test_a_start_without_the_key_says_how_many_it_shuts_out(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    await restart(service, NEW)
    assert "14 people and tokens" in caplog.text and "admin recover" in caplog.text
    await refused(service, ADA)


async def recovered(
    service: Service, user: str | None = None, *, reseal: bool = False, reason: str = REASON, believe_from: int | None = 0,
    **settings: Any,
) -> Any:  # fmt: skip
    work = recovering(user, reason, reseal=reseal, in_file=False, believe_from=believe_from, clock=lambda: service.now)
    with service.database.bound():
        return await work(service.settings.model_copy(update=settings))


async def test_a_recovery_that_is_refused_leaves_no_fresh_key_in_the_data_folder(service: Service, tmp_path: Path) -> None:
    """Else the next start would find a key that nobody wanted, under which nobody is sealed."""
    gone = {"mongodb_uri": None, "secret_key": None, "secret_key_previous": None, "data_dir": tmp_path}
    embedded = service.settings.model_copy(update=gone)
    service.database.keyring = None
    with pytest.raises(SecretKeyRefused, match=r"key in the data folder cannot be used: .* which is k1; add --reseal"):
        await recovering(None, REASON, reseal=False, in_file=False, clock=lambda: service.now)(embedded)
    assert keyring_if_any(embedded) is None
    (tmp_path / "secret-key-previous").write_text(SECRET_KEY.text)  # renamed to change the key, before a start
    await recovering(None, REASON, reseal=False, in_file=False, clock=lambda: service.now)(embedded)
    assert service.database.keyring == keyring_if_any(embedded)


async def test_after_a_lost_key_the_host_lets_an_administrator_in_again(service: Service) -> None:
    await restart(service, NEW)
    seen = await service.size()
    with pytest.raises(SecretKeyRefused, match="are sealed, which is k1; add --reseal"):
        await recovered(service)
    assert await service.size() == seen
    done = await recovered(service, reseal=True)
    assert done.user_id == "admin" and done.left == []
    *told, _ = await service.trail(seen)
    assert [(each["event_type"], each["action"], each["actor"]["id"], each["resource"]["type"]) for each in told] == [
        ("access_granted", "recoverAdministrator", "system", "Stakeholder"),
        ("access_granted", "recoverAdministrator", "system", "ApiToken"),
    ]
    assert all(each["details"]["facts"]["reason"] == REASON for each in told)
    assert done.token not in str(told) and done.token.split("_", 2)[2] not in str(await service.state())
    ada = Person("admin", done.token)
    assert await service.ask(VIEWER, by=ada) == {"viewer": {"id": "admin"}}
    assert await service.ask(VIEWER) == {"viewer": {"id": "alice"}}


async def test_what_agrees_with_the_trail_is_sealed_anew_and_the_rest_is_named(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    await change(service, "bob", roles=["risk_manager"])
    await change_token(service, "carol", holder="admin")
    await restart(service, NEW)
    done = await recovered(service, reseal=True)
    assert done.left == ["ApiToken/carol", "Stakeholder/bob"] and done.sealed == 11
    event = await service.last()
    assert (event["action"], event["details"]["facts"]["left"]) == ("resealRecords", done.left)
    said = capsys.readouterr().err
    assert re.search(r'Stakeholder/bob: roles\.0: It stores "risk_manager"; event [0-9]+ told "data_steward"\.\n', said)
    assert re.search(r'ApiToken/carol: holder: It stores "admin"; event [0-9]+ told "carol"\.\n', said)
    assert await service.ask(VIEWER) == {"viewer": {"id": "alice"}}
    assert await service.ask(VIEWER, by=ADA) == {"viewer": {"id": "admin"}}
    await refused(service, BOB)


async def test_what_was_altered_under_the_present_key_is_never_sealed_anew(service: Service) -> None:
    await change_token(service, "alice", secret_hash="0" * 64)
    assert (await recovered(service, reseal=True)).left == ["ApiToken/alice"]
    assert await service.ask(VIEWER, by=BOB) == {"viewer": {"id": "bob"}}


async def test_a_row_without_a_seal_is_left_while_others_are_sealed_under_the_key_that_is_here(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    await people(service).update_one({"user_id": "bob"}, {"$unset": {"mac": ""}})
    await change_token(service, "carol", mac=None)
    done = await recovered(service, reseal=True)
    assert (done.sealed, done.left) == (0, ["ApiToken/carol", "Stakeholder/bob"])
    assert "Stakeholder/bob: it has no seal, and others have one under a key that is here\n" in capsys.readouterr().err
    await refused(service, BOB)


async def test_what_only_the_database_can_show_to_be_wrong_is_not_sealed_anew(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    bob = await row_of(service, "bob")
    await change(service, "bob", registered_at=plain(bob["registered_at"]), search_tokens=["x"])
    await people(service).update_one({"user_id": "carol"}, {"$unset": {"mac": ""}})
    await restart(service, NEW)
    done = await recovered(service, reseal=True)
    assert done.left == ["Stakeholder/bob"]
    said = capsys.readouterr().err
    assert "Stakeholder/bob: registered_at: It is stored as str, and must be datetime.\n" in said
    assert "Stakeholder/bob: search_tokens: It is not what follows from the other fields.\n" in said


HOSTILE: dict[str, tuple[str, dict[str, Any]]] = {
    "a token without an id": ("api_tokens", {}),
    "a token whose id is null": ("api_tokens", {"token_id": None}),
    "a token whose id is a list": ("api_tokens", {"token_id": ["zzz", "yyy"]}),
    "a token whose id is an object": ("api_tokens", {"token_id": {"a": 1}}),
    "a token whose seal is a list": ("api_tokens", {"token_id": "x1", "mac": [{"key_id": "k1"}]}),
    "an empty person": ("stakeholders", {}),
    "an administrator without an id": ("stakeholders", {"platform_role": "admin", "active": True}),
    "an administrator whose id is a number": ("stakeholders", {"user_id": 7, "platform_role": "admin", "active": True}),
    "a person whom no event tells of": ("stakeholders", {"user_id": "x1", "platform_role": "member"}),
    "a person whose seal is a text": ("stakeholders", {"user_id": "x1", "mac": "text"}),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("lost", [False, True], ids=["key here", "key lost"])
async def test_a_row_that_no_server_stores_is_named_and_hinders_no_recovery(service: Service, name: str, lost: bool) -> None:
    collection, row = HOSTILE[name]
    await service.database.collection(collection).insert_one({"_id": ObjectId(), **row})
    if lost:
        await restart(service, NEW)
    done = await recovered(service, reseal=True)
    key = row.get("user_id" if collection == "stakeholders" else "token_id", "")
    assert done.left == [f"{'Stakeholder' if collection == 'stakeholders' else 'ApiToken'}/{key}"]
    assert done.user_id == "admin" and await service.ask(VIEWER) == {"viewer": {"id": "alice"}}
    assert (await service.last())["details"]["facts"]["left"] == done.left


async def test_an_administrator_who_was_altered_away_is_put_back(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    await change(service, "admin", platform_role="member", roles=["risk_manager"], active=False)
    done = await recovered(service, "admin")
    said = capsys.readouterr().err
    assert re.search(r'Stakeholder/admin: platform_role: It stores "member"; event [0-9]+ told "admin"\.\n', said)
    assert await service.ask(VIEWER, by=Person("admin", done.token)) == {"viewer": {"id": "admin"}}
    row = await row_of(service, "admin")
    assert (row["platform_role"], row["roles"], row["active"], row["identity"]["confirmed"]) == ("admin", [], True, False)


async def test_what_a_recovery_found_is_told_so_that_the_trail_and_the_row_agree(service: Service) -> None:
    await change(service, "admin", department="Elsewhere")
    seen = await service.size()
    await recovered(service)
    told, _ = await service.trail(seen)
    assert told["details"]["baseline"] is True and told["details"]["facts"]["differed"] == ["department"]
    assert {"path": "department", "from": None, "to": "Elsewhere"} in told["details"]["changes"]
    with service.database.bound():
        report = await verify(books=BOOKS)
    assert report.faults == () and report.records_unproven == 0


async def test_whom_the_database_alone_calls_the_oldest_administrator_is_not_recovered(service: Service) -> None:
    long_ago = service.now.replace(year=2000)
    await change(service, "alice", platform_role="admin", roles=[], registered_at=long_ago)
    alice = await row_of(service, "alice")
    await people(service).insert_one({**alice, "_id": ObjectId(), "user_id": "mallory"})
    await people(service).insert_one({"_id": ObjectId(), "platform_role": "admin", "active": True, "registered_at": long_ago})
    await people(service).insert_one({"_id": ObjectId(), "user_id": ["nobody"], "platform_role": "admin", "active": True})
    before = await service.state()
    for each in ("alice", "mallory"):
        with pytest.raises(InvalidInput, match=f"must be an administrator, and the trail does not tell that {each} is one"):
            await recovered(service, each)
    with pytest.raises(InvalidInput, match="nobody is not"):
        await recovered(service, "nobody")
    assert await service.state() == before
    assert (await recovered(service)).user_id == "admin"
    await refused(service, ALICE)


async def alters_bytes(service: Service, user_id: str, **fields: Any) -> None:
    """Alters what the events of a person say, and none of their hashes."""
    events = service.database.collection("audit_events")
    async for event in events.find({"resource.type": "Stakeholder", "resource.id": user_id}):
        said = loosely_parsed(bytes(event["canonical"]))
        for each in said["details"]["changes"]:
            each["to"] = fields.get(each["path"], each.get("to"))
        await events.update_one({"_id": event["_id"]}, {"$set": {"canonical": canonical(said)}})


async def test_whom_altered_bytes_of_events_call_the_oldest_administrator_is_not_recovered(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who takes the administrator from the trail believes bytes, so they must be the ones that were hashed."""
    await alters_bytes(service, "alice", platform_role="admin", registered_at="2000-01-01T00:00:00.000Z")
    before = await service.state()
    with pytest.raises(InvalidInput, match=r"must be named, for the trail proves nobody: [A-Z_]+ at event [0-9]+"):
        await recovered(service)
    with pytest.raises(InvalidInput, match="must be an administrator"):
        await recovered(service, "alice")
    assert await service.state() == before
    done = await recovered(service, "admin")
    assert done.user_id == "admin" and "the trail proves nobody: " in capsys.readouterr().err
    assert await service.ask(VIEWER, by=Person("admin", done.token)) == {"viewer": {"id": "admin"}}


@pytest.mark.parametrize("hides", [False, True], ids=["says otherwise", "hides an event"])
async def test_nobody_is_sealed_anew_by_a_trail_whose_events_have_faults(service: Service, hides: bool) -> None:
    """An altered event may have told of anybody, so a row that agrees with the others proves nothing."""
    if hides:
        before = await row_of(service, "bob")
        await service.do("updateStakeholder", ADA, userId="bob", roles=["RISK_MANAGER"])
        events = service.database.collection("audit_events")
        await events.update_one({"seq": await service.size() - 1}, {"$set": {"resource.id": "nobody"}})
        await people(service).replace_one({"user_id": "bob"}, before)
    else:
        await alters_bytes(service, "bob", platform_role="admin")
        await change(service, "bob", platform_role="admin")
    await restart(service, NEW)
    before = await service.state()
    with pytest.raises(InvalidInput, match="must be named"):
        await recovered(service, reseal=True)
    assert await service.state() == before
    done = await recovered(service, "admin", reseal=True)
    assert done.sealed == 0 and {"Stakeholder/bob", "Stakeholder/alice", "ApiToken/alice"} <= {*done.left}
    assert await service.ask(VIEWER, by=Person("admin", done.token)) == {"viewer": {"id": "admin"}}
    for each in (ALICE, BOB):
        await refused(service, each)


async def key_of(service: Service) -> SigningKey:
    with service.database.bound():
        return SigningKey((await AuditHead.require("head")).origin, bytes(range(32)))


async def signed(service: Service, file: Path | None = None) -> int:
    """The size of the trail, which is signed."""
    with service.database.bound():
        found = await Signer(await key_of(service), file).sign(service.now)
    assert found
    return found.size


async def names_another_key(service: Service) -> None:
    """Has each seal name a key that is not here: nothing in the database tells that from a key that was lost."""
    for name in ("stakeholders", "api_tokens", "audit_head"):
        await service.database.collection(name).update_many({}, {"$set": {"mac.key_id": "k9"}})
    _agreeing.pop(service.database, None)  # the commands are processes of their own


async def test_an_event_that_no_checkpoint_covers_makes_nobody_an_administrator_though_the_host_believes_it(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever writes to the database can put such an event there, take all seals away, and wait for the documented way out."""
    size, key = await signed(service), SecretStr((await key_of(service)).text)
    await service.do("updateStakeholder", ADA, userId="alice", department="Elsewhere")
    stored = await Stored.of(service)
    role = {"path": "platform_role", "from": "member", "to": "admin"}
    stored.events[-1]["details"]["changes"] += [role]
    stored.headed()
    await stored.written(service, sealed=False)
    await change(service, "alice", platform_role="admin")
    await names_another_key(service)
    before = await service.state()
    with pytest.raises(InvalidInput, match="must be 0: there is neither MAGISTRATE_AUDIT_KEY nor MAGISTRATE_CHECKPOINT_FILE"):
        await recovered(service, reseal=True, believe_from=None)
    for asked in (None, size - 1):
        with pytest.raises(InvalidInput, match=f"must be {size}: events {size} to {size} came after the last checkpoint"):
            await recovered(service, reseal=True, believe_from=asked, audit_key=key)
    assert await service.state() == before
    for _ in range(2):  # a server signs meanwhile, so that a checkpoint covers it
        done = await recovered(service, reseal=True, believe_from=size, audit_key=key)
        assert (done.user_id, done.left) == ("admin", ["Stakeholder/alice"])
        assert f"event {size} lets somebody in as an administrator, and no checkpoint covered that" in capsys.readouterr().err
        await refused(service, ALICE)
        assert await signed(service) > size
    assert await service.ask(VIEWER, by=BOB) == {"viewer": {"id": "bob"}}


async def test_a_token_that_no_checkpoint_covers_is_left_and_what_one_covers_needs_no_flag(service: Service) -> None:
    key = SecretStr((await key_of(service)).text)
    await signed(service)
    await restart(service, NEW)
    assert (await recovered(service, reseal=True, audit_key=key)).left == []
    size = await signed(service)
    made = await service.do("createApiToken", ALICE, "token", name="laptop")
    await restart(service, SecretKey("k3", b"m" * 32))
    done = await recovered(service, reseal=True, believe_from=size, audit_key=key)
    assert done.left == [f"ApiToken/{made['token'].split('_')[1]}"]
    assert await service.ask(VIEWER) == {"viewer": {"id": "alice"}}


async def test_nobody_is_sealed_anew_by_an_end_that_contradicts_a_checkpoint(service: Service, tmp_path: Path) -> None:
    file, key = tmp_path / "kept", SecretStr((await key_of(service)).text)
    await signed(service, file)
    stored = await Stored.of(service)
    stored.events[-1]["action"] = "approveModel"
    stored.headed()
    await stored.written(service, sealed=False)
    await names_another_key(service)
    before = await service.state()
    for own in ({"audit_key": key}, {"checkpoint_file": file}):
        with pytest.raises(TrailFaulty, match="nobody is sealed by a trail that contradicts its checkpoints: REWRITTEN"):
            await recovered(service, reseal=True, **own)
    assert await service.state() == before


async def test_of_several_administrators_the_longest_registered_active_one_is_recovered(service: Service) -> None:
    service.later(days=1)
    said: dict[str, Any] = {"name": "Y", "department": "IT", "platformRole": "ADMIN", "roles": [], "authorizedTiers": []}
    for each in ("aaron", "zoe"):
        await service.do("registerStakeholder", ADA, userId=each, email=f"{each}@example.org", **said)
    await change(service, "admin", registered_at=service.now + timedelta(days=9))
    assert (await recovered(service)).user_id == "admin"
    done = await recovered(service, "aaron")
    await service.do("deactivateStakeholder", Person("aaron", done.token), userId="admin")
    await change(service, "admin", active=True)
    assert (await recovered(service)).user_id == "aaron"


@pytest.mark.parametrize(
    "altered", [{"roles": 7}, {"identity": None}, {"authorized_tiers": ["x"]}, {"name": None}, {"registered_at": "x"}]
)
async def test_an_administrator_whose_record_cannot_be_read_is_not_recovered(service: Service, altered: dict[str, Any]) -> None:
    await change(service, "admin", **altered)
    before = await service.state()
    with pytest.raises(InvalidInput, match=f"admin has no readable {next(iter(altered))}: name another administrator"):
        await recovered(service, "admin")
    assert await service.state() == before


@pytest.mark.parametrize(("user", "reason"), [("nobody", REASON), ("alice", REASON), ("admin", ""), ("admin", "\0")])
async def test_an_unfit_recovery_changes_nothing(service: Service, user: str, reason: str) -> None:
    before = await service.state()
    with pytest.raises(Exception, match=r"must|holds"):
        await recovered(service, user, reason=reason)
    assert await service.state() == before


async def test_the_command_works_beside_a_server_and_prints_the_token_once(service: Service) -> None:
    settings = {"MONGODB_URI": service.uri, "DATABASE": service.database.name, "SECRET_KEY": SECRET_KEY.text}
    status, said = await administers(settings, "recover", "--reason", REASON)
    token = next(line for line in said.splitlines() if line.startswith("mag_"))
    assert status == 0 and await service.ask(VIEWER, by=Person("admin", token)) == {"viewer": {"id": "admin"}}
    without = {name: value for name, value in settings.items() if name != "SECRET_KEY"}
    missing = await administers(without, "recover", "--reason", REASON)
    assert missing.status == 18 and "MAGISTRATE_SECRET_KEY" in missing.said
    assert (await administers(without, "confirm", "carol", "--reason", REASON)).status == 18


async def test_the_command_asks_to_look_at_what_no_checkpoint_covers(service: Service) -> None:
    settings = {"MONGODB_URI": service.uri, "DATABASE": service.database.name, "SECRET_KEY": NEW.text}
    asked = await administers(settings, "recover", "--reason", REASON, "--reseal")
    assert asked.status == 2 and "--believe-from must be 0" in asked.said
    done = await administers(settings, "recover", "--reason", REASON, "--reseal", "--believe-from", "0")
    assert done.status == 0 and "left as they are: none" in done.said


async def test_the_command_writes_the_token_to_a_file_of_its_own(service: Service, tmp_path: Path) -> None:
    settings = {
        "MONGODB_URI": service.uri, "DATABASE": service.database.name, "SECRET_KEY": SECRET_KEY.text, "DATA_DIR": str(tmp_path),
    }  # fmt: skip
    assert (await administers(settings, "recover", "--file", "--reason", REASON)).said == (
        "admin has a new token, in the file admin-token of the data folder\n"
    )
    file = tmp_path / "admin-token"
    assert file.stat().st_mode & 0o777 == 0o600
    assert await service.ask(VIEWER, by=Person("admin", file.read_text().strip())) == {"viewer": {"id": "admin"}}


async def test_the_command_makes_a_key_that_the_setting_takes(tmp_path: Path) -> None:
    status, said = await administers({}, "secret-key")
    own = Settings(mongodb_uri="mongodb://127.0.0.1:9", secret_key=SecretStr(said.strip()))
    assert status == 0 and keyring(own).current.text == said.strip()


def test_a_database_of_ones_own_demands_a_key_and_a_wrong_one_is_not_quoted(tmp_path: Path) -> None:
    own = Settings(mongodb_uri="mongodb://127.0.0.1:9")
    with pytest.raises(SecretKeyMissing):
        keyring(own)
    wrong = SecretStr("k1+secretsecretsecret")
    with pytest.raises(SecretKeyRefused) as refusal:
        keyring(own.model_copy(update={"secret_key": wrong}))
    assert "MAGISTRATE_SECRET_KEY" in str(refusal.value) and "secretsecret" not in str(refusal.value)
    same = SecretStr(SECRET_KEY.text)
    with pytest.raises(SecretKeyRefused, match="needs a new id"):
        keyring(own.model_copy(update={"secret_key": same, "secret_key_previous": same}))


def test_the_embedded_database_gets_a_key_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    made = keyring(settings)
    assert keyring(settings) == made and (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "secret-key").rename(tmp_path / "secret-key-previous")
    changed = keyring(settings)
    assert changed.previous == made.current and changed.current != made.current


ZOE: dict[str, Any] = {
    "userId": "zoe", "name": "Zoe", "email": "zoe@example.org", "department": "IT", "platformRole": "ADMIN", "roles": [],
    "authorizedTiers": [],
}  # fmt: skip


async def another_administrator(service: Service, *, active: bool = True) -> int:
    """Registers Zoe, and signs the trail; its size."""
    await service.do("registerStakeholder", ADA, **ZOE)
    if not active:
        await service.do("deactivateStakeholder", ADA, userId="zoe")
    return await signed(service)


@pytest.mark.parametrize("said", [{"active": True}, {"email": "mallory@example.org"}])
async def test_an_event_that_no_checkpoint_covers_lets_nobody_in_as_an_administrator(
    service: Service, capsys: pytest.CaptureFixture[str], said: dict[str, Any]
) -> None:
    """An issuer lets in whoever has the address, and nobody who is deactivated; anybody may have put the event there."""
    size = await another_administrator(service, active="active" not in said)
    await service.do("updateStakeholder", ADA, userId="zoe", **said)
    await restart(service, NEW)
    key = SecretStr((await key_of(service)).text)
    done = await recovered(service, reseal=True, believe_from=size, audit_key=key)
    says = f"Stakeholder/zoe: event {size} lets somebody in as an administrator, and no checkpoint covered that"
    assert done.left == ["Stakeholder/zoe"] and says in capsys.readouterr().err
    await recovered(service, "zoe", audit_key=key)
    row = await row_of(service, "zoe")
    assert (row["active"], row["email"]) == (True, "unknown@unknown.invalid" if "email" in said else ZOE["email"])


async def test_an_address_that_was_altered_is_not_an_administrators_after_a_recovery(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has it could come in by an issuer, before anybody has read that it differs, and end all other tokens."""
    await change(service, "admin", email="mallory@example.org")
    await recovered(service)
    row = await row_of(service, "admin")
    assert (row["email"], row["email_set_by"]) == ("unknown@unknown.invalid", ["system"])
    assert "Set the address by updateStakeholder" in capsys.readouterr().err


async def test_what_was_told_by_a_content_that_is_gone_is_not_sealed_anew(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then nothing says what it was, so that anything could stand in its place."""
    many = [f"{each}{'x' * 190}" for each in range(99)]
    within = {"name": "ci", "ownerId": "alice", "mutations": ["OPEN_INCIDENT"], "models": many, "environments": many}
    made = await service.do("createApiToken", ADA, "token", name="ci", holder={"service": within})
    token_id = made["token"].split("_")[1]
    (event,) = [each for each in await service.trail() if each["resource"]["id"] == token_id]
    (digest,) = [each["to"]["content"] for each in event["details"]["changes"] if each["path"] == "models"]
    assert (await service.database.collection("contents").delete_one({"digest": digest})).deleted_count == 1
    await change_token(service, token_id, models=["*"])
    await restart(service, NEW)
    done = await recovered(service, reseal=True)
    assert done.left == [f"ApiToken/{token_id}"]
    assert f"models: The content by which event {event['seq']} told it is gone" in capsys.readouterr().err
