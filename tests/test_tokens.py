"""How tokens are made, what they permit, and when they end."""

import asyncio

import pytest

from tests.examples import BOT, CARD, register
from tests.service import ADA, ALICE, AUDREY, BOB, Service
from tests.tokens import MADE, VIEWER, enrolment, make, signs_in


async def test_a_token_is_shown_once_and_only_its_digest_is_kept(service: Service) -> None:
    who, token = await make(service, ALICE)
    secret = who.token.split("_", 2)[2]
    again = await service.ask(VIEWER, who)
    assert secret not in str(again) and token["tokenId"] in str(again)
    everything = f"{await service.state()}{await service.trail()}"
    assert secret not in everything and token["tokenId"] in everything


async def test_an_enrolment_token_makes_the_persons_own_token_and_nothing_else(service: Service) -> None:
    await register(service)
    alice = await enrolment(service)
    for query in (VIEWER, "{ riskTemplates { riskId } }", '{ model(modelId: "support-assistant") { name } }'):
        assert (await service.refusal(query, alice))["code"] == "FORBIDDEN"
    for mutation, said in {
        "submitForApproval": BOT,
        "revokeApiToken": {"tokenId": "alice"},
        "createApiToken": {"name": "for somebody else", "holder": {"userId": BOB.id}},
    }.items():
        assert (await service.refused(mutation, alice, **said))["code"] == "FORBIDDEN"
    program = {"service": {"name": "pipeline", "mutations": []}}
    assert (await service.refused("createApiToken", alice, name="for a program", holder=program))["code"] == "FORBIDDEN"
    own, token = await make(service, alice)
    assert token["kind"] == "PERSONAL" and token["holder"] == ALICE.id
    assert not await signs_in(service, alice) and await signs_in(service, own)
    await service.do("submitForApproval", own, **BOT)


async def test_an_enrolment_token_is_used_once_even_by_two_at_once(service: Service) -> None:
    async def personal() -> int:
        return len([each for each in (await service.state())["ApiToken"] if each["kind"] == "personal"])

    create = 'createApiToken(input: {name: "mine"}) { token }'
    had = await personal()
    for asked in (["{ a: %s }"] * 2, ["{ a: %s b: %s }"]):
        alice = await enrolment(service)
        questions = [f"mutation {each.replace('%s', create)}" for each in asked]
        answers = await asyncio.gather(*(service.post(each, by=alice) for each in questions))
        codes = [error["extensions"]["code"] for each in answers for error in each.json().get("errors", ())]
        assert codes in (["INVALID_STATE"], ["UNAUTHENTICATED"])  # the latter where one had ended it before the other signed in
        had += 1
        assert await personal() == had


async def test_events_name_the_token_that_signed_in_and_whoever_issued_it(service: Service) -> None:
    enrolled, seen = await enrolment(service), await service.size() - 1
    own, token = await make(service, enrolled)
    await make(service, own, name="another")
    told = [each for each in await service.trail(seen) if each["resource"]["type"] == "ApiToken"]
    events = [each for each in told if each["event_type"] == "access_granted"]
    assert [(each["request"]["token"], each["request"]["token_issuer"]) for each in events] == [
        ("first", "system"), (enrolled.token.split("_")[1], "admin"), (token["tokenId"], ALICE.id),
    ]  # fmt: skip


async def test_a_service_does_what_its_token_lists_and_reads(service: Service) -> None:
    await register(service)
    listed = {"service": {"name": "pipeline", "mutations": ["SAVE_MODEL_CARD"]}}
    pipeline, token = await make(service, ADA, holder=listed)
    assert token["kind"] == "SERVICE" and token["holder"] == "pipeline"
    viewer = (await service.ask(VIEWER, pipeline))["viewer"]
    assert (viewer["id"], viewer["mutations"], viewer["stakeholder"]) == ("pipeline", ["SAVE_MODEL_CARD"], None)
    await service.do("saveModelCard", pipeline, **BOT, card=CARD)
    assert (await service.last())["actor"] == {"id": "pipeline", "type": "automated"}
    for mutation, said in {"withdrawEvidence": {"evidenceId": "x", "reason": "x"}, "submitForApproval": {}}.items():
        assert (await service.refused(mutation, pipeline, **BOT, **said))["problem"] == f"the token does not list {mutation}"


async def test_only_an_administrator_makes_tokens_for_others_and_none_that_no_service_may_have(service: Service) -> None:
    program = {"service": {"name": "pipeline", "mutations": ["SAVE_MODEL_CARD", "SUBMIT_APPROVAL", "READ_TRAIL"]}}
    refused = await service.refused("createApiToken", ADA, name="x", holder=program)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.holder.service.mutations")
    assert "submitApproval, readTrail" in refused["problem"] and "saveModelCard" not in refused["problem"]
    for by in (ALICE, AUDREY):
        for holder in ({"userId": BOB.id}, {"service": {"name": "pipeline", "mutations": []}}):
            assert (await service.refused("createApiToken", by, name="x", holder=holder))["code"] == "FORBIDDEN"


async def test_a_token_serves_until_it_expires_and_not_at_that_moment(service: Service) -> None:
    who, token = await make(service, ALICE, expiresAt="2026-03-01T13:00:00Z")
    assert token["expiresAt"] == "2026-03-01T13:00:00.000Z"
    service.now = service.now.replace(minute=59, second=59, microsecond=999_999)
    assert await signs_in(service, who)
    service.now = service.now.replace(hour=13, minute=0, second=0, microsecond=0)
    assert not await signs_in(service, who)


async def test_tokens_end_by_themselves_after_a_year_and_those_that_enrol_after_a_week(service: Service) -> None:
    own, _ = await make(service, ALICE)
    enrolled = await enrolment(service, BOB)
    service.later(days=7, seconds=-1)
    assert (await service.refusal(VIEWER, enrolled))["code"] == "FORBIDDEN"
    service.later(seconds=1)
    assert (await service.refusal(VIEWER, enrolled))["code"] == "UNAUTHENTICATED"
    service.later(days=358, seconds=-1)
    assert await signs_in(service, own)
    service.later(seconds=1)
    assert not await signs_in(service, own)


async def test_a_revoked_token_is_refused_at_once_and_cannot_be_revoked_again(service: Service) -> None:
    who, token = await make(service, ALICE)
    service.later(minutes=1)
    gone = await service.do("revokeApiToken", who, MADE.removeprefix("token "), tokenId=token["tokenId"])
    assert gone["apiToken"]["revokedAt"] == "2026-03-01T12:01:00.123Z"
    assert not await signs_in(service, who) and await signs_in(service, ALICE)
    refused = await service.refused("revokeApiToken", ALICE, tokenId=token["tokenId"])
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "REVOKED", ["STANDING"])


async def test_the_last_use_of_a_token_is_kept_to_the_hour_and_not_in_the_trail(service: Service) -> None:
    async def last_used() -> str:
        return str((await service.ask(VIEWER))["viewer"]["tokens"][0]["lastUsedAt"])

    seen = await service.size()
    assert await last_used() == "2026-03-01T12:00:00.000Z"
    service.later(minutes=59)
    assert await last_used() == "2026-03-01T12:00:00.000Z"
    service.later(minutes=1)
    assert await last_used() == "2026-03-01T13:00:00.000Z"
    assert await service.trail(seen) == []


async def test_tokens_of_others_are_ended_by_administrators_only(service: Service) -> None:
    refused = await service.refused("revokeApiToken", ALICE, tokenId="bob")
    assert refused["code"] == "FORBIDDEN" and await service.ask("{ viewer { id } }", BOB)
    await service.do("revokeApiToken", ALICE, tokenId="alice")
    await service.do("revokeApiToken", ADA, tokenId="bob")
    for gone in (ALICE, BOB):
        assert (await service.refusal("{ viewer { id } }", gone))["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("name", ["bob", "Bob", "system", "Anonymous"])
async def test_a_service_acts_under_the_name_of_nobody_else(service: Service, name: str) -> None:
    program = {"service": {"name": name, "mutations": ["ATTACH_EVIDENCE", "WITHDRAW_EVIDENCE"]}}
    before = await service.size()
    refused = await service.refused("createApiToken", ADA, name="pipeline", holder=program)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.holder.service.name")
    assert [each["outcome"] for each in await service.trail(before)] == ["failure"]
    assert (await service.refused("createApiToken", ALICE, name="pipeline", holder=program))["code"] == "FORBIDDEN"


@pytest.mark.parametrize("user_id", ["pipeline", "Pipeline"])
async def test_a_person_acts_under_the_name_of_no_service(service: Service, user_id: str) -> None:
    program = {"service": {"name": "pipeline", "mutations": []}}
    made = await service.do("createApiToken", ADA, "apiToken { tokenId }", name="build", holder=program)
    await service.do("revokeApiToken", ADA, **made["apiToken"])  # what it did stays in the trail
    said = {"name": "Pip", "email": "pip@example.org", "department": "x", "roles": ["DEPLOYER"]}
    refused = await service.refused("registerStakeholder", ADA, userId=user_id, **said)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.userId")
    await service.do("createApiToken", ADA, name="build", holder=program)  # a service gets another token
