"""How tokens are made, what they permit, and when they end."""

import asyncio
from typing import Any

import httpx
import pytest

from documents.errors import Forbidden
from documents.tokens import TokenScope
from gql.credentials import Credential
from gql.identity import Doorkeeper
from tests.examples import BOT, CARD, deactivate, register
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, RITA, Person, Service
from tests.sockets import Socket, dial, served
from tests.tokens import MADE, VIEWER, enrolment, make, signs_in

LIST = """query($filter: ApiTokenFilter, $orderBy: [ApiTokenOrder!]) {
    apiTokens(first: 50, filter: $filter, orderBy: $orderBy) { nodes { name kind holder owner { userId active } } } }"""


async def program(service: Service, **said: Any) -> tuple[Person, Any]:
    """A program with a token that lists nothing, and what is said of the token."""
    select = "token apiToken { tokenId holder ownerId owner { userId } purpose scopes }"
    fields = {"name": "pipeline", "mutations": [], **said}
    made = await service.do("createApiToken", ADA, select, name=fields["name"], holder={"service": fields})
    return Person(fields["name"], made["token"]), made["apiToken"]


async def listed(service: Service, by: Person = AUDREY, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await service.ask(LIST, by, **asked))["apiTokens"]["nodes"]
    return found


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


@pytest.mark.parametrize(
    ("scopes", "opened"),
    [(None, True), (["GRAPH"], True), (["METRICS", "GRAPH"], True), (["GATE"], False), (["METRICS", "GATE"], False)],
)
async def test_a_token_without_the_scope_opens_nothing_of_the_graph(
    service: Service, scopes: list[str] | None, opened: bool
) -> None:
    by, token = await program(service, **({"scopes": scopes} if scopes else {}))
    assert token["scopes"] == [each.name for each in TokenScope if each.name in (scopes or ["GRAPH", "GATE"])]
    seen = await service.size()
    answer = await service.post("{ viewer { id } }", by=by)
    if opened:
        assert answer.json() == {"data": {"viewer": {"id": "pipeline"}}} and await service.size() == seen
        return
    assert (answer.status_code, answer.headers["www-authenticate"]) == (403, 'Bearer error="insufficient_scope"')
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["extensions"]["needs"] == ["a token with the scope GRAPH"]
    (event,) = await service.trail(seen)
    assert (event["event_type"], event["outcome"], event["action"]) == ("access_attempt", "denied", "signIn")
    assert event["actor"] == {"id": "pipeline", "type": "automated"}
    assert event["resource"] == {"type": "ApiToken", "id": token["tokenId"]}
    assert event["details"]["facts"] == {"code": "FORBIDDEN", "scope": "GRAPH"}
    assert event["request"]["token"] == token["tokenId"] and by.token not in str(event)


async def test_neither_a_socket_nor_an_event_stream_is_opened_without_the_scope(service: Service) -> None:
    by, _ = await program(service, scopes=["METRICS"])
    asked = {"query": "subscription { modelVersions { version } }"}
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {by.token}"}
    seen = await service.size()
    async with served(service) as address, httpx.AsyncClient(headers=headers) as http:
        answer = await http.post(f"http://{address}", json=asked)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
        async with dial(address) as connection:
            caller = Socket(connection)
            await caller.send("connection_init", payload={"authorization": headers["authorization"]})
            assert await caller.closed() == 4403
        told = await service.trail(seen)
    assert [(each["outcome"], each["actor"]["id"]) for each in told] == [("denied", "pipeline")] * 2


async def test_another_door_lets_in_who_has_its_scope_and_nobody_else(service: Service) -> None:
    """At first and again; people have the scopes GRAPH and GATE."""
    probe, _ = await program(service, name="probe", scopes=["METRICS"])
    doors = Doorkeeper(lambda: service.now)
    with service.database.bound():
        for who, scope, may in (
            (probe, TokenScope.METRICS, True), (probe, TokenScope.GATE, False), (ALICE, TokenScope.GATE, True),
            (ALICE, TokenScope.GRAPH, True), (ALICE, TokenScope.METRICS, False),
        ):  # fmt: skip
            sent = Credential(f"Bearer {who.token}")
            for sign_in in (doors.identify(sent, "192.0.2.1", scope=scope), doors.again(sent, scope)):
                if may:
                    assert (await sign_in).actor.id == who.id
                else:
                    with pytest.raises(Forbidden, match=f"scope {scope.name}"):
                        await sign_in


@pytest.mark.parametrize("scopes", [[], ["GATE", "GATE"], ["GRAPH", "GATE", "METRICS", "GRAPH"]])
async def test_a_token_of_a_service_has_one_scope_or_more_each_once(service: Service, scopes: list[str]) -> None:
    holder = {"service": {"name": "pipeline", "mutations": [], "scopes": scopes}}
    refused = await service.refused("createApiToken", ADA, name="x", holder=holder)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.holder.service.scopes")


async def test_somebody_active_answers_for_each_token_that_is_made(service: Service) -> None:
    own, token = await make(service, ALICE, purpose="Trying things out.")
    assert token["holder"] == ALICE.id
    asked = "{ viewer { tokens { kind ownerId purpose createdAt expiresAt lastUsedAt } } }"
    (_, mine) = (await service.ask(asked, own))["viewer"]["tokens"]
    assert mine == {
        "kind": "PERSONAL", "ownerId": ALICE.id, "purpose": "Trying things out.", "createdAt": "2026-03-01T12:00:00.123Z",
        "expiresAt": "2027-03-01T12:00:00.123Z", "lastUsedAt": "2026-03-01T12:00:00.000Z",
    }  # fmt: skip
    _, token = await program(service)
    assert (token["ownerId"], token["owner"], token["purpose"]) == (ADA.id, {"userId": ADA.id}, None)
    _, token = await program(service, ownerId=RITA.id)
    assert token["ownerId"] == RITA.id
    await deactivate(service, BOB)
    for nobody in ("nobody", "pipeline", BOB.id):
        holder = {"service": {"name": "pipeline", "mutations": [], "ownerId": nobody}}
        refused = await service.refused("createApiToken", ADA, name="x", holder=holder)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.holder.service.ownerId")
    refused = await service.refused("createApiToken", ALICE, name="x", purpose=" ")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.purpose")


async def test_an_enrolment_token_and_the_one_that_it_makes_say_their_purpose(service: Service) -> None:
    await service.do("resetEnrolment", ADA, userId=ALICE.id, reason="The laptop was lost.")
    select = "token apiToken { ownerId purpose }"
    made = await service.do("createApiToken", ADA, select, name="x", holder={"userId": ALICE.id}, purpose="The new laptop.")
    assert made["apiToken"] == {"ownerId": ALICE.id, "purpose": "The new laptop."}
    own = await service.do("createApiToken", Person(ALICE.id, made["token"]), select, name="x", purpose="Daily work.")
    assert own["apiToken"] == {"ownerId": ALICE.id, "purpose": "Daily work."}


async def test_whoever_answers_for_the_token_of_a_service_lists_and_ends_it(service: Service) -> None:
    by, token = await program(service, ownerId=CAROL.id)
    asked = "{ viewer { tokens { tokenId } ownedTokens { tokenId holder kind } } }"
    viewer = (await service.ask(asked, CAROL))["viewer"]
    assert viewer["tokens"] == [{"tokenId": "carol"}]
    assert {"tokenId": token["tokenId"], "holder": "pipeline", "kind": "SERVICE"} in viewer["ownedTokens"]
    assert (await service.ask(asked, by))["viewer"] == {"tokens": [{"tokenId": token["tokenId"]}], "ownedTokens": []}
    for other in (BOB, by):
        assert (await service.refused("revokeApiToken", other, tokenId=token["tokenId"]))["code"] == "FORBIDDEN"
    await service.do("revokeApiToken", CAROL, tokenId=token["tokenId"])
    assert not await signs_in(service, by)


async def test_a_token_whose_owner_leaves_is_named_and_handed_over_and_serves_on(service: Service) -> None:
    by, token = await program(service, ownerId=CAROL.id)
    _, gone = await program(service, name="gone", ownerId=CAROL.id)
    await service.do("revokeApiToken", ADA, tokenId=gone["tokenId"])
    await program(service, name="other", ownerId=BOB.id)
    select = "uncoveredTokens { tokenId holder owner { active } }"
    left = await service.do("deactivateStakeholder", ADA, select, userId=CAROL.id)
    assert left["uncoveredTokens"] == [{"tokenId": token["tokenId"], "holder": "pipeline", "owner": {"active": False}}]
    unowned = {"kind": {"eq": "SERVICE"}, "revokedAt": {"isNull": True}, "owner": {"active": {"eq": False}}}
    assert [each["holder"] for each in await listed(service, filter=unowned)] == ["pipeline"]
    seen = await service.size()
    left = await service.do("deactivateStakeholder", ADA, select, userId=CAROL.id, handOverTo=RITA.id)
    assert left["uncoveredTokens"] == [] and await listed(service, filter=unowned) == []
    (event,) = await service.trail(seen)
    assert event["resource"] == {"type": "ApiToken", "id": token["tokenId"]}
    assert event["details"]["changes"] == [{"path": "owner_id", "from": CAROL.id, "to": RITA.id}]
    assert await signs_in(service, by)
    await service.do("revokeApiToken", RITA, tokenId=token["tokenId"])


async def test_a_token_that_has_expired_is_handed_to_nobody(service: Service) -> None:
    holder = {"service": {"name": "pipeline", "mutations": [], "ownerId": CAROL.id}}
    await make(service, ADA, holder=holder, expiresAt="2026-03-02T12:00:00Z")
    service.later(days=2)
    left = await service.do("deactivateStakeholder", ADA, "uncoveredTokens { tokenId }", userId=CAROL.id, handOverTo=RITA.id)
    assert left["uncoveredTokens"] == []
    assert [each["owner"]["userId"] for each in await listed(service, filter={"holder": {"eq": "pipeline"}})] == [CAROL.id]


async def test_administrators_and_auditors_list_all_tokens_without_a_secret(service: Service) -> None:
    await program(service, ownerId=RITA.id)
    by_name = {"filter": {"kind": {"in": ["SERVICE", "PERSONAL"]}}, "orderBy": [{"holder": "ASC"}]}
    for reader in (ADA, AUDREY):
        found = await listed(service, reader, **by_name)
        assert [each["holder"] for each in found] == ["admin", "alice", "audrey", "bob", "carol", "david", "pipeline", "rita"]
    assert found[-2] == {
        "name": "pipeline",
        "kind": "SERVICE",
        "holder": "pipeline",
        "owner": {"userId": RITA.id, "active": True},
    }
    one = "query($tokenId: String!) { apiToken(tokenId: $tokenId) { name } }"
    assert await service.ask(one, AUDREY, tokenId="alice") == {"apiToken": {"name": "test"}}
    assert await service.ask(one, AUDREY, tokenId="nobody") == {"apiToken": None}
    grouped = "{ apiTokenAggregates(groupBy: [{kind: ASC}]) { keys { kind } count } }"
    assert (await service.ask(grouped, AUDREY))["apiTokenAggregates"] == [
        {"keys": {"kind": "PERSONAL"}, "count": 7}, {"keys": {"kind": "SERVICE"}, "count": 1},
    ]  # fmt: skip
    for asked in (
        "{ apiTokens { nodes { secretHash } } }",
        '{ apiTokens(filter: {secretHash: {startsWith: "0"}}) { nodes { name } } }',
        "{ apiTokens(orderBy: [{secretHash: ASC}]) { nodes { name } } }",
        "{ apiTokenAggregates(groupBy: [{secretHash: ASC}]) { count } }",
    ):
        assert (await service.refusal(asked, ADA))["code"] == "INVALID_INPUT"
    for barred in (ALICE, RITA):
        assert (await service.refusal(LIST, barred))["code"] == "FORBIDDEN"
