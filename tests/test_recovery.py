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

from documents.audit.verify import verify
from documents.books import BOOKS
from documents.canonical import plain
from documents.errors import InvalidInput
from documents.seals import Keyring, SecretKey
from gql import resealing
from gql.cli.recovery import recovering
from gql.faults import SecretKeyMissing, SecretKeyRefused
from gql.firststart import prepare
from gql.secretkey import keyring, keyring_if_any
from gql.settings import Settings
from tests.hostile_values import MISSING, altered, replace
from tests.operators import administers
from tests.sealed import VIEWER, change, change_token, people, refused, row_of, token_of, tokens
from tests.service import ADA, ALICE, BOB, SECRET_KEY, Person, Service

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


async def recovered(service: Service, user: str | None = None, *, reseal: bool = False, reason: str = REASON) -> Any:
    work = recovering(user, reason, reseal=reseal, in_file=False, clock=lambda: service.now)
    with service.database.bound():
        return await work(service.settings)


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
