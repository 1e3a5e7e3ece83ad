"""For a few seconds a query trusts who a token was found to stand for; a mutation looks for itself, in its own transaction."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import httpx
import pytest

from documents.errors import Unauthenticated
from documents.store.units import Unit
from documents.tokens import ApiToken
from gql.app import create_app
from gql.credentials import Credential
from gql.grace import KEPT, Grace
from gql.identity import Doorkeeper
from gql.settings import Settings
from tests.examples import BOT, DRILLS, REGISTRATION, deactivate, register
from tests.service import ADA, ALICE, BOB, CAROL, NOW, RITA, Person, Service, mutating
from tests.tokens import make, signs_in
from tests.watching import Commands

GRACE = Settings.model_fields["identity_seconds"].default
VIEWER = "{ viewer { id } }"
ROLES = "{ viewer { stakeholder { roles } } }"
TOKEN = Credential(f"Bearer {ALICE.token}")


class Two:
    """Two processes on one database, the first of which is watched."""

    def __init__(self, here: Service, there: Service, commands: Commands) -> None:
        self.here, self.there, self.commands = here, there, commands

    async def asked(self, query: str = VIEWER, by: Person = ALICE) -> Sequence[str]:
        """The commands that a question costs here, by name and collection."""
        self.commands.seen.clear()
        await self.here.ask(query, by)
        return [f"{name} {each[name]}" for each in self.commands.seen for name in [next(iter(each))]]

    def later(self, **delta: float) -> None:
        self.here.later(**delta)
        self.there.now = self.here.now


@pytest.fixture
async def two(server: str, service: Service) -> AsyncIterator[Two]:
    commands = Commands()
    here = Service(server, service.database.name, event_listeners=[commands])
    await here.database.prepare(())
    service.written_elsewhere = True
    yield Two(here, service, commands)
    await here.close()


LOOK = ["aggregate api_tokens"]  # with the person beside it


async def test_many_questions_of_one_caller_at_once_read_the_caller_once(two: Two) -> None:
    await two.asked()
    two.later(seconds=GRACE)
    two.commands.seen.clear()
    answers = await asyncio.gather(*(two.here.ask(VIEWER, ALICE) for _ in range(20)))
    assert len(answers) == 20 and sum("aggregate" in each for each in two.commands.seen) == 1


async def test_a_caller_who_is_not_let_in_is_refused_each_time_though_others_come_at_once(two: Two) -> None:
    unknown = {"authorization": f"Bearer mag_unknown_{'x' * 43}"}
    refused = await asyncio.gather(*(two.here.http.post("/graphql", json={"query": VIEWER}, headers=unknown) for _ in range(5)))
    assert [each.status_code for each in refused] == [401] * 5


async def test_a_second_question_costs_no_command_to_know_who_asks_until_the_grace_is_over(two: Two) -> None:
    first = await two.asked()
    assert first[:1] == LOOK
    assert await two.asked() == []
    two.later(seconds=GRACE - 0.001)
    assert await two.asked() == []
    two.later(seconds=0.001)
    assert await two.asked() == LOOK
    assert (await two.asked(by=BOB))[:1] == LOOK


async def test_without_a_grace_every_question_looks(server: str, service: Service) -> None:
    commands = Commands()
    here = Service(server, service.database.name, event_listeners=[commands])
    await here.database.prepare(())
    service.written_elsewhere = True
    here.settings = here.settings.model_copy(update={"identity_seconds": 0})
    here.app = create_app(here.settings, lambda: here.now, here.database)
    here.http = httpx.AsyncClient(transport=httpx.ASGITransport(here.app), base_url="http://test")
    two = Two(here, service, commands)
    await two.asked()
    assert await two.asked() == LOOK
    await here.close()


async def test_the_same_caller_by_a_socket_is_looked_at_each_time(two: Two) -> None:
    """Subscriptions, and whatever else goes over a socket, are renewed as before."""
    doorkeeper = Doorkeeper(lambda: two.here.now, seconds=GRACE)
    with two.here.database.bound():
        await doorkeeper.identify(TOKEN, "192.0.2.1")
        two.commands.seen.clear()
        await doorkeeper.identify(TOKEN, "192.0.2.1")
        assert two.commands.seen == []
        await doorkeeper.again(TOKEN)
        assert [each.get("aggregate") for each in two.commands.seen] == ["api_tokens"]


class Stopped(Exception):
    """What a unit of work ends by."""


async def test_what_is_revoked_here_ends_here_at_once(two: Two) -> None:
    laptop, token = await make(two.here, ALICE)
    assert await signs_in(two.here, laptop)
    await two.here.do("revokeApiToken", ALICE, tokenId=token["tokenId"])
    assert not await signs_in(two.here, laptop)


async def test_what_is_revoked_elsewhere_ends_here_with_the_grace_and_no_later(two: Two) -> None:
    laptop, token = await make(two.here, ALICE)
    assert await signs_in(two.here, laptop)
    await two.there.do("revokeApiToken", ALICE, tokenId=token["tokenId"])
    two.later(seconds=GRACE - 0.001)
    assert await signs_in(two.here, laptop)
    assert not await signs_in(two.there, laptop)
    two.later(seconds=0.001)
    assert not await signs_in(two.here, laptop)


async def test_a_mutation_by_a_token_that_was_revoked_elsewhere_is_refused_at_once_as_at_the_door(two: Two) -> None:
    laptop, token = await make(two.here, ALICE)
    assert await signs_in(two.here, laptop)
    await two.there.do("revokeApiToken", ALICE, tokenId=token["tokenId"])
    before, seen = await two.there.state(), await two.there.size()
    answer = await two.here.post(mutating("registerModel", ""), {"input": REGISTRATION}, by=laptop)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "data" not in answer.json() and answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await two.there.state() == before
    (event,) = await two.there.trail(seen)
    assert (event["action"], event["outcome"], event["actor"]["id"]) == ("signIn", "denied", "anonymous")
    assert event["resource"] == {"type": "ApiToken", "id": token["tokenId"]}
    assert not await signs_in(two.here, laptop)  # what the mutation found is not forgotten


async def test_a_trial_of_a_mutation_looks_too(two: Two) -> None:
    await two.asked(by=RITA)
    await two.there.do("revokeApiToken", ADA, tokenId=RITA.id)
    answer = await two.here.post(mutating("createPolicy", ""), {"input": DRILLS | {"dryRun": True}}, by=RITA)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_role_that_was_taken_elsewhere_permits_no_mutation(two: Two) -> None:
    await register(two.there)
    await two.asked(by=RITA)
    await two.there.do("updateStakeholder", ADA, userId=RITA.id, roles=["DATA_STEWARD"])
    seen = await two.there.size()
    refused = await two.here.refused("setRiskTier", RITA, **BOT, tier="TIER_1_CRITICAL", rationale="It decides.")
    assert refused["code"] == "FORBIDDEN"
    (event,) = await two.there.trail(seen)
    assert (event["event_type"], event["outcome"], event["actor"]["id"]) == ("access_attempt", "denied", RITA.id)


async def test_a_role_that_was_given_elsewhere_permits_a_mutation_at_once(two: Two) -> None:
    await register(two.there)
    await two.asked(by=BOB)
    await two.there.do("updateStakeholder", ADA, userId=BOB.id, roles=["DATA_STEWARD", "RISK_MANAGER"])
    await two.here.do("setRiskTier", BOB, **BOT, tier="TIER_1_CRITICAL", rationale="It decides.")


async def test_a_role_that_was_taken_here_permits_nothing_from_then_on(two: Two) -> None:
    assert "RISK_MANAGER" in str(await two.here.ask(ROLES, RITA))
    await two.here.do("updateStakeholder", ADA, userId=RITA.id, roles=["DATA_STEWARD"])
    assert "RISK_MANAGER" not in str(await two.here.ask(ROLES, RITA))
    assert (await two.here.refusal("{ auditEvents { totalCount } }", RITA))["code"] == "FORBIDDEN"


async def test_whoever_is_deactivated_here_asks_nothing_any_more_and_elsewhere_soon(two: Two) -> None:
    for service in (two.here, two.there):
        await service.ask(VIEWER, BOB)
    await deactivate(two.here, BOB)
    assert (await two.here.refusal(VIEWER, BOB))["code"] == "UNAUTHENTICATED"
    assert (await two.there.refused("registerModel", BOB, **REGISTRATION))["code"] == "UNAUTHENTICATED"
    await deactivate(two.here, CAROL)
    two.later(seconds=GRACE)
    assert (await two.there.refusal(VIEWER, CAROL))["code"] == "UNAUTHENTICATED"


async def test_a_token_that_expires_within_the_grace_ends_then(two: Two) -> None:
    laptop, _ = await make(two.here, ALICE, expiresAt=(NOW + timedelta(seconds=1)).isoformat())
    assert await signs_in(two.here, laptop)
    two.later(seconds=0.999)
    assert await signs_in(two.here, laptop)
    two.later(seconds=0.001)
    assert not await signs_in(two.here, laptop)


async def test_a_clock_that_was_put_back_makes_nobody_known_for_longer(two: Two) -> None:
    await two.asked()
    two.later(seconds=-1)
    assert await two.asked() == LOOK


async def test_the_use_of_a_token_is_noted_for_each_hour(two: Two) -> None:
    used = "{ viewer { tokens { tokenId lastUsedAt } } }"
    two.later(minutes=59, seconds=58)
    await two.asked()
    two.later(seconds=2)
    await two.asked()
    (token,) = (await two.there.ask(used, by=ALICE))["viewer"]["tokens"]
    assert token["lastUsedAt"] == "2026-03-01T13:00:00.000Z"


async def test_what_failed_is_looked_at_again_and_counts_each_time(two: Two) -> None:
    wrong = Person(ALICE.id, f"mag_alice_{'t' * 43}")
    for _ in range(3):
        await two.here.ask(VIEWER)
        assert not await signs_in(two.here, wrong)
    two.later(minutes=1)
    await two.here.ask(VIEWER)
    told = [each for each in await two.there.trail() if each["action"] == "signIn"]
    assert [each["details"]["facts"]["attempts"] for each in told] == [1, 2]


async def test_a_token_counts_as_what_it_was_sent_as(two: Two) -> None:
    """The same text in a cookie is no session, known or not."""
    doorkeeper = Doorkeeper(lambda: two.here.now, seconds=GRACE)
    with two.here.database.bound():
        await doorkeeper.identify(TOKEN, "192.0.2.1")
        for session in (ALICE.token, f"Bearer {ALICE.token}"):
            with pytest.raises(Unauthenticated):
                await doorkeeper.identify(Credential(session=session), "192.0.2.1")
        with pytest.raises(Unauthenticated):
            await doorkeeper.identify(Credential(TOKEN.authorization, problem="it is not its own"), "192.0.2.1")


async def test_a_second_mutation_of_a_request_is_refused_once_the_first_has_ended_the_token(two: Two) -> None:
    laptop, token = await make(two.here, ALICE)
    revoke = f'revokeApiToken(input: {{tokenId: "{token["tokenId"]}"}}) {{ receipt {{ seq }} }}'
    create = 'createApiToken(input: {name: "another"}) { token }'
    answer = (await two.here.post(f"mutation {{ a: {revoke} b: {create} }}", by=laptop)).json()
    assert answer["data"]["a"] and answer["data"]["b"] is None
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["UNAUTHENTICATED"]


async def test_a_mutation_reads_token_and_person_in_its_own_transaction(two: Two) -> None:
    await register(two.there)
    await two.asked()
    two.commands.seen.clear()
    await two.here.do("updateModelVersion", ALICE, **BOT, purpose="Answers less.")
    within = [each for each in two.commands.seen if each.get("autocommit") is False]
    looks = [each for each in two.commands.seen if each.get("aggregate") == "api_tokens"]
    assert len(looks) == 1 and looks[0] in within
    names = [next(iter(each)) for each in within]
    assert names.index("findAndModify") < names.index("aggregate"), "the head is touched first, so nothing read is of before"


async def test_a_change_that_is_not_committed_yet_keeps_nobody(service: Service) -> None:
    """Whoever is read while a change is written may be read as before it: nobody is remembered until it is committed."""
    database = service.database
    grace, key = Grace[str](GRACE), b"key"

    async def work(unit: Unit) -> None:
        token = await ApiToken.require("alice")
        token.name = "renamed"
        turn = grace.turn()
        await token.store()
        for told in (turn, grace.turn()):
            grace.keep(key, "alice", told, NOW, None)
            assert grace.find(key, NOW) is None
        raise Stopped

    with database.bound():
        grace.keep(key, "alice", grace.turn(), NOW, None)
        assert grace.find(key, NOW) == "alice"
        with pytest.raises(Stopped):
            await database.transact(work, NOW)
        grace.keep(key, "alice", grace.turn(), NOW, None)
        assert grace.find(key, NOW) is None  # whether it was committed may be known to nobody
        await service.do("updateStakeholder", ADA, userId=BOB.id, department="Sales")
        grace.keep(key, "alice", grace.turn(), NOW, None)
        assert grace.find(key, NOW) == "alice"


async def test_who_was_read_before_a_change_is_not_remembered_after_it(service: Service) -> None:
    grace = Grace[str](GRACE)
    with service.database.bound():
        turn = grace.turn()
        await service.do("updateStakeholder", ADA, userId=BOB.id, department="Sales")
        grace.keep(b"key", "alice", turn, NOW, None)
        assert grace.find(b"key", NOW) is None


async def test_what_is_remembered_is_bounded_and_holds_no_secret(service: Service) -> None:
    grace = Grace[int](GRACE)
    with service.database.bound():
        for number in range(KEPT + 10):
            key = grace.key(Credential(f"Bearer mag_{number}_{'s' * 43}"))
            grace.keep(key, number, grace.turn(), NOW, None)
        assert len(grace._known) == KEPT and "ssss" not in repr(grace)
        assert grace.find(key, NOW) == KEPT + 9
        assert grace.find(grace.key(Credential(f"Bearer mag_0_{'s' * 43}")), NOW) is None


def test_a_setting_of_zero_remembers_nobody() -> None:
    assert Grace[int](0).key(TOKEN) == b""
