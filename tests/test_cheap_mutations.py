"""What a mutation asks the database for, and what it may know without asking."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from documents.audit.trail import AuditHead
from documents.kinds import RECORDS
from documents.people import Stakeholder
from documents.seals import Keyring, problem_of
from documents.store.units import Unit
from tests.examples import BOT, register
from tests.service import ADA, ALICE, SECRET_KEY, Service
from tests.watching import Commands

VIOLATIONS = """query Violations($modelId: String!, $version: String!) {
modelVersion(modelId: $modelId, version: $version) { eligibility { violations { requirementId } } } }"""


class Watching:
    """A service, and the commands that its mutations send in their transactions."""

    def __init__(self, service: Service, commands: Commands) -> None:
        self.service, self.commands = service, commands

    async def commands_of(self, mutation: str, by: Any, **fields: Any) -> list[tuple[str, str]]:
        """The commands of the transaction, each with its collection."""
        self.commands.seen.clear()
        await self.service.do(mutation, by, **fields)
        sent = [next(iter(each.items())) for each in self.commands.seen if "autocommit" in each]
        return [(name, str(about)) for name, about in sent]


@pytest.fixture
async def watching(server: str, service: Service) -> AsyncIterator[Watching]:
    await register(service)
    commands = Commands()
    other = Service(server, service.database.name, event_listeners=[commands])
    await other.database.prepare(RECORDS)
    yield Watching(other, commands)
    await other.close()


async def test_an_event_costs_two_writes_beside_the_touch(watching: Watching) -> None:
    await watching.service.do("updateModelVersion", ALICE, **BOT, purpose="Answers questions about letters.")
    sent = await watching.commands_of("updateModelVersion", ALICE, **BOT, purpose="Answers questions about parcels.")
    assert [each for each in sent if each[0] not in {"aggregate", "find"}] == [
        ("findAndModify", "audit_head"), ("update", "model_versions"), ("insert", "audit_events"), ("update", "audit_head"),
        ("commitTransaction", "1"),
    ]  # fmt: skip
    assert len(sent) <= 13


async def test_a_person_who_is_changed_is_written_and_sealed_at_once(watching: Watching) -> None:
    for department in ("Sales", "Research"):
        sent = await watching.commands_of("updateStakeholder", ADA, userId="bob", department=department)
        assert sent.count(("update", "stakeholders")) == 1
    # The second change knows the event of the first, for nobody else appended anything.
    assert ("find", "audit_events") not in sent and len(sent) <= 7
    row = await watching.service.database.collection("stakeholders").find_one({"user_id": "bob"})
    assert row and row["mac"]["seq"] == await watching.service.size() - 1
    assert problem_of("Stakeholder", "bob", row, Keyring(SECRET_KEY)) is None


async def test_what_another_process_appended_is_looked_up(watching: Watching, service: Service) -> None:
    await watching.service.do("updateStakeholder", ADA, userId="bob", department="Sales")
    await service.do("updateStakeholder", ADA, userId="bob", department="Research")
    await watching.service.do("updateStakeholder", ADA, userId="bob", department="Sales")
    row = await service.database.collection("stakeholders").find_one({"user_id": "bob"})
    assert row and row["mac"]["seq"] == await service.size() - 1


async def test_a_row_that_was_put_back_is_noticed_without_a_look_at_the_trail(watching: Watching) -> None:
    people = watching.service.database.collection("stakeholders")
    before = await people.find_one({"user_id": "bob"})
    await watching.service.do("updateStakeholder", ADA, userId="bob", department="Sales")
    await people.replace_one({"user_id": "bob"}, before or {})
    refused = await watching.service.refused("updateStakeholder", ADA, userId="bob", department="Research")
    assert (refused["code"], refused["key"]) == ("INVALID_STATE", "bob") and "the trail tells of a later change" in refused["why"]


async def test_a_rolled_back_change_leaves_nothing_to_be_believed(watching: Watching) -> None:
    """The place of an event that was not kept in the end is none that a later change is sealed after."""
    service = watching.service
    await service.do("updateStakeholder", ADA, userId="bob", department="Sales")

    class Halt(Exception): ...

    async def work(unit: Unit) -> None:
        await AuditHead.touch()
        person = await Stakeholder.require("bob")
        person.department = "Nowhere"
        await person.store()
        raise Halt

    with service.database.bound(), pytest.raises(Halt):
        await service.database.transact(work, service.now)
    await service.do("updateStakeholder", ADA, userId="bob", department="Research")
    row = await service.database.collection("stakeholders").find_one({"user_id": "bob"})
    assert row and problem_of("Stakeholder", "bob", row, Keyring(SECRET_KEY)) is None


async def test_records_whose_events_come_elsewhere_than_expected_are_sealed_by_them(service: Service) -> None:
    await service.do("deactivateStakeholder", ADA, userId="bob")
    person = await service.database.collection("stakeholders").find_one({"user_id": "bob"})
    token = await service.database.collection("api_tokens").find_one({"holder": "bob"})
    assert person and token and person["mac"]["seq"] == await service.size() - 1 > token["mac"]["seq"]
    for kind, key, row in (("Stakeholder", "bob", person), ("ApiToken", token["token_id"], token)):
        assert problem_of(kind, key, row, Keyring(SECRET_KEY)) is None


async def test_policies_are_read_anew_once_their_bytes_differ(service: Service) -> None:
    await register(service)

    async def wanting() -> set[str]:
        found = await service.ask(VIOLATIONS, **BOT)
        return {each["requirementId"] for each in found["modelVersion"]["eligibility"]["violations"]}

    before = await wanting()
    assert "POL-001.intended-use" in before and await wanting() == before
    policies = service.database.collection("policies")
    await policies.update_one({"policy_id": "POL-001"}, {"$set": {"content.enforcement": "advisory"}})
    assert await wanting() != before
    await policies.update_one({"policy_id": "POL-001"}, {"$set": {"content.enforcement": "blocking"}})
    assert await wanting() == before
