"""What the trail tells of and somebody deleted in the database is not made anew as if it had never been."""

from typing import Any

import pytest

from documents.audit.verify import verify
from documents.books import BOOKS
from documents.errors import ToldAlready
from gql.firststart import prepare
from tests.examples import REGISTRATION, register
from tests.sealed import VIEWER, people, tokens
from tests.service import ADA, BOB, RITA, Service
from tests.watching import Commands

pytestmark = pytest.mark.tampers
MEMBER: dict[str, Any] = {
    "name": "Bob", "email": "bob@example.org", "department": "Risk", "platformRole": "MEMBER", "roles": ["DATA_STEWARD"],
    "authorizedTiers": [],
}  # fmt: skip


async def missing(service: Service) -> list[tuple[str, str]]:
    """The kinds and keys of the records that verification misses, and of no other fault."""
    with service.database.bound():
        found = (await verify(books=BOOKS)).faults
    assert {each.kind.name for each in found} == {"RECORD_MISSING"}
    return [(each.resource.type, each.resource.id) for each in found if each.resource]


async def test_a_person_who_was_deactivated_and_deleted_is_not_registered_anew(service: Service) -> None:
    await service.do("deactivateStakeholder", ADA, userId="bob")
    await people(service).delete_one({"user_id": "bob"})
    refusal = await service.refused("registerStakeholder", ADA, userId="bob", **MEMBER)
    assert refusal == {"code": "INVALID_STATE", "kind": "Stakeholder", "key": "bob"}
    assert await people(service).find_one({"user_id": "bob"}) is None
    event = await service.last()
    assert (event["action"], event["outcome"]) == ("registerStakeholder", "failure")
    assert ("Stakeholder", "bob") in await missing(service)
    await service.do("registerStakeholder", ADA, userId="robert", **MEMBER)


async def test_a_model_whose_version_was_deleted_gets_no_other_of_that_name(service: Service) -> None:
    await register(service)
    model, version = service.database.collection("models"), service.database.collection("model_versions")
    await version.delete_many({})
    await model.delete_many({})
    refusal = await service.refused("registerModel", **REGISTRATION)
    assert refusal["code"] == "INVALID_STATE" and refusal["kind"] in {"Model", "ModelVersion"}
    assert await version.count_documents({}) == 0 and await model.count_documents({}) == 0


async def test_an_environment_that_was_deleted_is_not_declared_anew(service: Service) -> None:
    await service.database.collection("environments").delete_one({"name": "staging"})
    assert await missing(service) == [("DeploymentEnvironment", "staging")]
    before = await service.database.collection("environments").count_documents({})
    refusal = await service.refused("declareEnvironment", RITA, name="staging", stage="TEST", description="x")
    assert refusal == {"code": "INVALID_STATE", "kind": "DeploymentEnvironment", "key": "staging"}
    assert await service.database.collection("environments").count_documents({}) == before


async def test_a_revoked_token_of_the_settings_that_was_deleted_is_not_granted_again(service: Service) -> None:
    await service.do("revokeApiToken", ADA, tokenId="first")
    await tokens(service).delete_one({"token_id": "first"})
    before = await service.state()
    with pytest.raises(ToldAlready, match="tells of ApiToken first, which was deleted"):
        await prepare(service.settings, service.database, clock=lambda: service.now)
    assert await service.state() == before
    service.later(minutes=2)
    assert (await service.post(VIEWER, by=ADA)).json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_the_rules_in_force_that_were_deleted_are_not_raised_anew(service: Service) -> None:
    rules = service.database.collection("rules")
    await rules.delete_many({})
    service.later(days=400)
    seen = await service.size()
    with pytest.raises(ToldAlready, match="tells of RulesInForce rules, which was deleted"):
        await prepare(service.settings, service.database, clock=lambda: service.now)
    assert await rules.count_documents({}) == 0 and await service.size() == seen


async def test_a_review_calendar_that_was_deleted_is_not_kept_anew(service: Service) -> None:
    calendar, days = service.database.collection("review_calendar"), (30, 60, 90)
    await prepare(service.settings.model_copy(update={"review_days": days}), service.database, clock=lambda: service.now)
    await calendar.delete_many({})
    with pytest.raises(ToldAlready, match="ReviewCalendar calendar"):
        await prepare(service.settings.model_copy(update={"review_days": days}), service.database, clock=lambda: service.now)
    assert await calendar.count_documents({}) == 0


async def test_one_look_up_serves_all_records_that_a_mutation_makes_and_none_is_needed_for_a_change(
    server: str, service: Service
) -> None:
    commands = Commands()
    watched = Service(server, service.database.name, event_listeners=[commands])
    await register(watched)
    asked = [each for each in commands.seen if each.get("find") == "audit_events" and each.get("projection") == {"resource": 1}]
    assert len(asked) == 1 and len(asked[0]["filter"]["$or"]) == 2
    commands.seen.clear()
    await watched.do("updateStakeholder", ADA, userId=BOB.id, department="Sales")
    assert not [each for each in commands.seen if each.get("projection") == {"resource": 1}]
    await watched.close()
