"""Whoever writes to the database, without the secret key, lets nobody in and gives nobody a role."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

import pytest
from bson import Decimal128, ObjectId

from documents.access import GovernanceRole
from documents.audit.event import AuditEvent
from documents.audit.verify import verify
from documents.books import BOOKS
from documents.seals import Keyring, SecretKey, problem_of, seal
from tests.sealed import (
    ONE_MESSAGE,
    SECRET,
    VIEWER,
    change,
    change_token,
    people,
    put_back,
    refused,
    row_of,
    token_of,
    tokens,
)
from tests.service import ADA, ALICE, BOB, CAROL, NOW, SECRET_KEY, Person, Service
from tests.tokens import make

pytestmark = pytest.mark.tampers


async def grants_admin(service: Service) -> None:
    await change(service, "alice", platform_role="admin", roles=[])


async def grants_a_role(service: Service) -> None:
    await change(service, "alice", roles=["model_owner", "risk_manager"])


async def grants_a_tier(service: Service) -> None:
    await change(service, "alice", authorized_tiers=[])


async def confirms(service: Service) -> None:
    await change(service, "alice", **{"identity.confirmed": True})


async def changes_the_revision(service: Service) -> None:
    await change(service, "alice", revision=7)


async def adds_a_field(service: Service) -> None:
    await change(service, "alice", sudo=True)


async def renames(service: Service) -> None:
    await change(service, "alice", email="mallory@example.org")


async def removes_the_seal_of_a_person(service: Service) -> None:
    await people(service).update_one({"user_id": "alice"}, {"$unset": {"mac": ""}})


async def removes_the_seal_of_a_token(service: Service) -> None:
    await change_token(service, "alice", mac=None)


async def takes_the_seal_of_another_person(service: Service) -> None:
    await change(service, "alice", mac=(await row_of(service, "bob"))["mac"])


async def takes_the_seal_of_another_token(service: Service) -> None:
    await change_token(service, "alice", mac=(await token_of(service, "bob"))["mac"])


async def names_another_key(service: Service) -> None:
    await change(service, "alice", **{"mac.key_id": "k2"})


async def seals_under_a_key_of_ones_own(service: Service) -> None:
    row, own = await row_of(service, "alice"), SecretKey("k1", b"m" * 32)
    await change(service, "alice", mac=seal("Stakeholder", "alice", row, row["mac"]["seq"], own))


async def changes_the_place_in_the_seal(service: Service) -> None:
    await change(service, "alice", **{"mac.seq": 0})


async def changes_the_holder(service: Service) -> None:
    """A token of somebody's own becomes the administrator's."""
    await change_token(service, "alice", holder="admin")


async def moves_the_expiry(service: Service) -> None:
    await change_token(service, "alice", expires_at=NOW.replace(year=2030))


async def makes_it_another_kind(service: Service) -> None:
    await change_token(service, "alice", kind="service", mutations=["deactivateStakeholder"])


async def names_no_issuers(service: Service) -> None:
    await change_token(service, "alice", issued_by="system")


async def stores_what_no_json_holds(service: Service) -> None:
    await change(service, "alice", odd=Decimal128("1"))


async def stores_what_is_no_seal(service: Service) -> None:
    await change(service, "alice", mac=[{"key_id": {"$ne": None}}])


ATTACKS: list[Callable[[Service], Awaitable[None]]] = [
    grants_admin, grants_a_role, grants_a_tier, confirms, changes_the_revision, adds_a_field, renames,
    removes_the_seal_of_a_person, removes_the_seal_of_a_token, takes_the_seal_of_another_person,
    takes_the_seal_of_another_token, names_another_key, seals_under_a_key_of_ones_own, changes_the_place_in_the_seal,
    changes_the_holder, moves_the_expiry, makes_it_another_kind, names_no_issuers, stores_what_no_json_holds,
    stores_what_is_no_seal,
]  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_altered_row_signs_nobody_in_and_the_refusal_gives_nothing_away(
    service: Service, attack: Callable[[Service], Awaitable[None]]
) -> None:
    assert await service.ask(VIEWER) == {"viewer": {"id": "alice"}}
    await attack(service)
    assert await refused(service) == ONE_MESSAGE
    assert await service.ask(VIEWER, by=BOB) == {"viewer": {"id": "bob"}}


async def test_a_row_whose_secret_was_replaced_lets_in_neither_secret(service: Service) -> None:
    await change_token(service, "alice", secret_hash=sha256(SECRET.encode()).hexdigest())
    assert await refused(service, Person("alice", f"mag_alice_{SECRET}")) == ONE_MESSAGE
    assert await refused(service) == ONE_MESSAGE


async def test_an_own_row_that_was_inserted_signs_nobody_in(service: Service) -> None:
    row = await token_of(service, "first")
    mine = {"_id": ObjectId(), "token_id": "mine", "secret_hash": sha256(SECRET.encode()).hexdigest()}
    await tokens(service).insert_one(row | mine)
    assert await refused(service, Person("admin", f"mag_mine_{SECRET}")) == ONE_MESSAGE
    person = await row_of(service, "admin")
    await people(service).insert_one(person | {"_id": ObjectId(), "user_id": "mallory"})
    await change_token(service, "alice", holder="mallory")
    assert await refused(service) == ONE_MESSAGE


async def test_a_revoked_token_stays_revoked(service: Service) -> None:
    before = await token_of(service, "alice")
    await service.do("revokeApiToken", tokenId="alice")
    revoked = await token_of(service, "alice")
    await change_token(service, "alice", revoked_at=None)
    await refused(service)
    await change_token(service, "alice", revoked_at=None, revision=before["revision"], mac=before["mac"])
    await refused(service)
    await put_back(tokens(service), before)
    await refused(service)
    await put_back(tokens(service), revoked)
    await refused(service)


async def test_an_old_row_that_is_put_back_with_its_old_seal_signs_nobody_in(service: Service) -> None:
    before = await row_of(service, "alice")
    await service.do("updateStakeholder", ADA, userId="alice", roles=["DATA_STEWARD"])
    now = await row_of(service, "alice")
    assert (await service.ask(VIEWER)) == {"viewer": {"id": "alice"}}
    await put_back(people(service), before)
    await refused(service)

    await put_back(people(service), now)
    assert (await service.ask(VIEWER)) == {"viewer": {"id": "alice"}}


async def test_whoever_was_deactivated_stays_out(service: Service) -> None:
    before = await row_of(service, "bob")
    token = await token_of(service, "bob")
    await service.do("deactivateStakeholder", ADA, userId="bob")
    await change(service, "bob", active=True)
    await put_back(tokens(service), token)
    await refused(service, BOB)
    await put_back(people(service), before)
    await refused(service, BOB)


HIDING: list[dict[str, Any]] = [
    {"outcome": "hidden"},
    {"outcome": "denied"},
    {"resource.id": "x"},
    {"resource": None},
    {"outcome": 7},
]


@pytest.mark.exhaustive
@pytest.mark.parametrize("hiding", HIDING)
@pytest.mark.parametrize("ends", [False, True])
async def test_what_a_process_has_seen_stays_ended_whatever_is_altered_of_the_events(
    service: Service, hiding: dict[str, Any], ends: bool
) -> None:
    """With `ends`, the last event is altered too, so that the process looks everything up anew."""
    other = Service(service.uri, service.database.name)
    rows = await row_of(service, "bob"), await token_of(service, "bob")
    for each in (service, other):
        assert await each.ask(VIEWER, by=CAROL) == {"viewer": {"id": "carol"}}
    seen = await service.size()
    await service.do("deactivateStakeholder", ADA, userId="bob")
    events = service.database.collection("audit_events")
    about = {"seq": {"$gte": seen}, "resource.type": {"$in": ["Stakeholder", "ApiToken"]}}
    await events.update_many(about, {"$set": hiding})  # before the other process has read it
    for each in (service, other):
        await refused(each, BOB)
    await put_back(people(service), rows[0])
    await put_back(tokens(service), rows[1])
    if ends:
        await events.update_one({"seq": await service.size() - 1}, {"$set": {"event_hash": "0" * 64}})
    await asyncio.sleep(1.1)  # the processes read the end of the trail once a second
    for each in (service, other):
        await refused(each, BOB)
        assert await each.ask(VIEWER, by=CAROL) == {"viewer": {"id": "carol"}}
    await other.close()


async def test_an_event_altered_before_a_process_began_is_for_the_verification_to_find(service: Service) -> None:
    """A process that has not seen the event looks it up by its stored fields: docs/operating.md says so."""
    rows = await row_of(service, "bob"), await token_of(service, "bob")
    seen = await service.size()
    await service.do("deactivateStakeholder", ADA, userId="bob")
    await put_back(people(service), rows[0])
    await put_back(tokens(service), rows[1])
    events = service.database.collection("audit_events")
    await events.update_many({"seq": {"$gte": seen}}, {"$set": {"outcome": "hidden"}})
    other = Service(service.uri, service.database.name)
    assert await other.ask(VIEWER, by=BOB) == {"viewer": {"id": "bob"}}
    with other.database.bound():
        kinds = {each.kind.name for each in (await verify(books=BOOKS)).faults}
    assert {"FIELD_DIFFERS", "RECORD_DIFFERS"} <= kinds, kinds
    await other.close()


async def test_a_service_gets_no_further_mutations_by_its_row(service: Service) -> None:
    bot, _ = await make(service, ADA, holder={"service": {"name": "pipeline", "mutations": ["OPEN_INCIDENT"]}})
    token_id = bot.token.split("_")[1]
    assert await service.ask(VIEWER, by=bot) == {"viewer": {"id": "pipeline"}}
    await change_token(service, token_id, mutations=["openIncident", "registerModel"])
    await refused(service, bot)


async def test_an_altered_row_is_refused_alike_where_the_end_of_the_trail_was_altered_too(service: Service) -> None:
    await grants_admin(service)
    await service.database.collection("audit_head").update_one({"name": "head"}, {"$set": {"size": -5}})
    for _ in range(2):
        await refused(service)
    service.later(minutes=2)  # the second attempt is told by whoever comes next
    assert await service.ask(VIEWER, by=BOB) == {"viewer": {"id": "bob"}}


async def test_the_log_and_the_trail_say_which_record_it_is_once_a_minute(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    await grants_admin(service)
    seen = await service.size()
    for _ in range(5):
        await refused(service)
    told = [each for each in await service.trail(seen) if each["resource"]["type"] == "Stakeholder"]
    assert [(each["event_type"], each["outcome"], each["resource"]["id"]) for each in told] == [
        ("access_attempt", "denied", "alice")
    ]
    assert told[0]["details"]["facts"]["altered"] is True and "seal" in told[0]["details"]["facts"]["why"]
    said = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert len(said) == 1 and "Stakeholder alice" in said[0]
    service.later(minutes=2)
    await service.ask(VIEWER, by=BOB)
    told = [each for each in await service.trail(seen) if each["resource"]["type"] == "Stakeholder"]
    assert [each["details"]["facts"]["attempts"] for each in told] == [1, 4]


@pytest.mark.parametrize("attack", [grants_a_role, removes_the_seal_of_a_person, names_another_key])
async def test_no_mutation_seals_what_somebody_wrote_into_the_database(
    service: Service, attack: Callable[[Service], Awaitable[None]]
) -> None:
    await attack(service)
    before = await row_of(service, "alice")
    refusal = await service.refused("updateStakeholder", ADA, userId="alice", department="Sales")
    assert (refusal["code"], refusal["kind"], refusal["key"]) == ("INVALID_STATE", "Stakeholder", "alice")
    assert await row_of(service, "alice") == before
    last = await service.last()
    assert (last["outcome"], last["details"]["facts"]["code"]) == ("failure", "INVALID_STATE")


async def test_no_mutation_seals_an_old_row_that_was_put_back(service: Service) -> None:
    before = await row_of(service, "alice")
    await service.do("updateStakeholder", ADA, userId="alice", roles=["DATA_STEWARD"])
    await put_back(people(service), before)
    assert (await service.refused("updateStakeholder", ADA, userId="alice", department="Sales"))["code"] == "INVALID_STATE"


async def test_what_changes_between_signing_in_and_a_decision_permits_nothing(service: Service) -> None:
    """The reviewer's roles are read again, and checked again, inside the transaction of the decision."""
    from documents.audit.sealing import checked  # noqa: PLC0415
    from documents.errors import NotAsTold  # noqa: PLC0415
    from documents.people import Stakeholder  # noqa: PLC0415

    assert (await checked(Stakeholder, "carol")).roles == (GovernanceRole.ETHICS_REVIEWER,)
    await change(service, "carol", roles=["ethics_reviewer", "security_reviewer"])
    with pytest.raises(NotAsTold) as refusal:
        await checked(Stakeholder, "carol")
    assert (refusal.value.facts, refusal.value.told["key"]) == ({"problem": ONE_MESSAGE}, "carol")


async def test_changes_by_mutations_keep_people_and_tokens_sealed(service: Service) -> None:
    await service.do("updateStakeholder", ADA, userId="alice", department="Sales")
    await service.do("updateStakeholder", ADA, userId="alice", roles=["MODEL_OWNER", "RISK_MANAGER"])
    laptop, _ = await make(service, ALICE)
    await service.ask(VIEWER, by=laptop)
    service.later(hours=2)  # the use is noted, which no seal covers
    await service.ask(VIEWER, by=laptop)
    keys = Keyring(SECRET_KEY)
    for kind, rows, key in (("Stakeholder", people(service), "user_id"), ("ApiToken", tokens(service), "token_id")):
        async for row in rows.find():
            assert problem_of(kind, row[key], row, keys) is None, row
            events = await service.database.collection("audit_events").find(
                {"resource.type": kind, "resource.id": row[key], "outcome": "success"}
            ).to_list(None)  # fmt: skip
            assert row["mac"]["seq"] == max(each["seq"] for each in events)


async def test_other_processes_follow_what_one_changes(service: Service) -> None:
    other = Service(service.uri, service.database.name)
    try:
        assert await other.ask(VIEWER) == {"viewer": {"id": "alice"}}
        for department in ("Sales", "Legal", "Risk"):
            await service.do("updateStakeholder", ADA, userId="alice", department=department)
            for _ in range(12):  # more than a sign-in looks ahead
                await service.refused("updateStakeholder", ALICE, userId="bob", department="Sales")
            assert await other.ask(VIEWER) == {"viewer": {"id": "alice"}}
    finally:
        await other.close()


async def test_the_seal_is_in_no_event_and_the_trail_verifies(service: Service) -> None:
    await service.do("updateStakeholder", ADA, userId="alice", department="Sales")
    for each in await service.trail():
        assert b'"mac' not in each["canonical"]
    assert "mac" not in str((await service.ask('{ __type(name: "Stakeholder") { fields { name } } }'))["__type"])


def test_a_key_names_its_id_and_no_message_quotes_it() -> None:
    made = SecretKey.made()
    assert SecretKey.read(f" {made.text}\n") == made and made.text not in repr(made)
    for wrong in ("", "k1", "k1+short", f"k 1+{'b' * 43}=", f"+{'b' * 43}=", made.text[:-1], made.text + "x"):
        with pytest.raises(ValueError, match="is not written <id>") as refusal:
            SecretKey.read(wrong)
        assert not wrong or wrong not in str(refusal.value)


async def test_refused_attempts_about_a_person_do_not_slow_the_look_up(service: Service) -> None:
    """The look-up of the last change is by an index without refused attempts."""
    indexes = (await service.database.collection("audit_events").index_information()).values()
    (found,) = [each for each in indexes if each.get("partialFilterExpression") == {"outcome": "success"}]
    assert [path for path, _ in found["key"]] == ["resource.id", "resource.type", "outcome"]
    assert AuditEvent.collection == "audit_events"
