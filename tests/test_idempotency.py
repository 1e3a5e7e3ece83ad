"""A mutation that is sent again under its idempotency key: it took effect once, and says so."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import Decimal128
from graphql import get_named_type, is_leaf_type

from gql.firststart import utc_now
from tests.examples import BOT, CARD, DATASHEET, TICKETS, decide, register, submit, submitted
from tests.journey import BEN, every_mutation, mutations, sign_in
from tests.operated import Operated
from tests.schema import TYPES
from tests.service import ADA, ADMIN_TOKEN, ALICE, BOB, CAROL, DAVID, Person, Service, mutating
from tests.wire import LOST, Wire

HEADER = "Idempotency-Key"
SAVE = 'saveDatasheet(input: {datasetId: "%s", datasheet: {datasetName: "%s"}}) { receipt { seq } }'
LINK = 'linkDatasheet(input: {modelId: "support-assistant", version: "1.0.0", datasetId: "%s"}) { receipt { seq } }'


@pytest.fixture
async def keyed(service: Service) -> Service:
    """Everybody uses one key, today: what is older than 7 days by the clock of the database may go at any moment."""
    service.now = utc_now()
    await sign_in(service)
    service.http.headers[HEADER] = "try-6f1c"
    return service


class Twice(Service):
    """Sends each mutation under a key of its own and then again, and compares everything in the two answers."""

    told: list[dict[str, Any]]

    async def do(self, mutation: str, by: Person = ALICE, select: str = "", **fields: Any) -> Any:
        self.http.headers[HEADER] = str(len(self.told))
        first = await super().do(mutation, by, select + everything(mutation), **fields)
        if mutation == "createApiToken" and "holder" not in fields:
            by = Person(by.id, first["token"])  # an enrolment token ends with its use; the caller is the same
            await self.ask("{ viewer { id } }", by)
        self.told += await self.trail(len(self.told))
        left = await self.state()
        again = await super().do(mutation, by, select + everything(mutation), **fields)
        assert again == first | {secret: None for secret in ("token", "all_token") if secret in first}
        assert (await self.state(), await self.trail(len(self.told))) == (left, [])
        return first


def everything(mutation: str) -> str:
    """Every leaf in a mutation's payload, beside what else is selected of it."""
    payload: Any = get_named_type(TYPES["Mutation"].fields[mutation].type)
    return " ".join(f" all_{name}: {name} {leaves(get_named_type(field.type))}" for name, field in payload.fields.items())


def leaves(kind: Any) -> str:
    if is_leaf_type(kind):
        return ""
    plain = [name for name, field in kind.fields.items() if is_leaf_type(get_named_type(field.type))]
    plain = [each for each in plain if each != "lastUsedAt"]  # sending a mutation again is a use
    return f"{{ {' '.join(plain)} }}"


@pytest.mark.exhaustive
async def test_every_mutation_that_is_sent_again_records_nothing_and_answers_as_at_first(server: str) -> None:
    service = await Twice.started(server)
    service.now = utc_now()
    await sign_in(service)
    service.told = await service.trail()
    assert {mutation async for mutation, _ in every_mutation(service)} == await mutations(service)
    assert await service.trail() == service.told
    await service.close()


async def test_a_repeat_answers_with_the_first_receipt_and_what_there_is_today(keyed: Service) -> None:
    first = await keyed.do("saveDatasheet", BOB, **TICKETS, datasheet=DATASHEET)
    keyed.http.headers[HEADER] = "another"
    await keyed.do("saveDatasheet", BOB, **TICKETS, datasheet=DATASHEET | {"purpose": "To learn what they mean."})
    keyed.http.headers[HEADER] = "try-6f1c"
    today = "datasheet { content { purpose } revisions { revision } }"
    again = await keyed.do("saveDatasheet", BOB, today, **TICKETS, datasheet=DATASHEET)
    assert again["receipt"] == first["receipt"]
    assert again["datasheet"] == {
        "content": {"purpose": "To learn what they mean."}, "revisions": [{"revision": 1}, {"revision": 2}]
    }  # fmt: skip


async def test_a_decision_reads_as_of_today_and_is_null_once_another_round_began(service: Service) -> None:
    await submitted(service)
    service.now = utc_now()
    service.http.headers[HEADER] = "try-6f1c"
    approval, said = "approval { status } modelVersion { status }", BOT | {"verdict": "APPROVED"}
    first = await service.do("submitApproval", CAROL, approval, **said)
    assert (first["approval"], first["modelVersion"]) == ({"status": "APPROVED"}, {"status": "PENDING_APPROVAL"})
    await service.do("saveModelCard", **BOT, card=CARD)
    stale = await service.do("submitApproval", CAROL, approval, **said)
    assert stale == first | {"approval": {"status": "STALE"}}
    await decide(service, DAVID, "REJECTED")
    await submit(service)
    closed = await service.do("submitApproval", CAROL, approval, **said)
    assert closed == first | {"approval": None}


async def test_another_input_under_the_same_key_is_a_conflict_and_changes_nothing(keyed: Service) -> None:
    await register(keyed)
    await keyed.do("saveModelCard", **BOT, card={"license": None})
    before, seen = await keyed.state(), await keyed.size()
    for other in ({"license": "Proprietary"}, {}):  # what is left out stays, and null empties it
        assert await keyed.refused("saveModelCard", **BOT, card=other) == {"code": "CONFLICT", "idempotencyKey": "try-6f1c"}
    assert await keyed.state() == before
    assert [(each["action"], each["outcome"]) for each in await keyed.trail(seen)] == [("saveModelCard", "failure")] * 2


async def test_another_mutation_under_the_same_key_and_name_is_a_conflict(keyed: Service) -> None:
    await register(keyed)
    await keyed.ask(f"mutation {{ it: {SAVE % ('tickets', 'Tickets')} }}", BOB)
    refused = await keyed.refusal(f"mutation {{ it: {LINK % 'tickets'} }}", BOB)
    assert refused == {"code": "CONFLICT", "idempotencyKey": "try-6f1c"}


async def test_a_key_is_its_callers_own(keyed: Service) -> None:
    alice, other = [await keyed.do("createApiToken", by, "token", name="laptop") for by in (ALICE, BOB)]
    assert alice["token"] and other["token"] and alice["receipt"] != other["receipt"]


async def test_what_was_refused_can_be_mended_and_sent_again_and_what_was_done_stays_done(keyed: Service) -> None:
    await register(keyed)
    both = f"mutation {{ a: {SAVE % ('tickets', 'Tickets')} b: {LINK % 'orders'} }}"
    first = (await keyed.post(both, by=BOB)).json()
    assert first["data"]["a"] and first["data"]["b"] is None
    await keyed.ask(f"mutation {{ mended: {SAVE % ('orders', 'Orders')} }}", BOB)
    again = await keyed.ask(both, BOB)
    assert again["a"] == first["data"]["a"]
    assert again["b"]["receipt"]["seq"] == len(await keyed.trail()) - 1
    assert await keyed.ask(both, BOB) == again


@pytest.mark.parametrize("header", [b"", b"x" * 201, "schlüssel".encode(), b"tab\tkey"])
async def test_a_key_out_of_bounds_is_refused_where_it_would_be_used(service: Service, header: bytes) -> None:
    await sign_in(service)
    before, seen = await service.state(), await service.size()
    headers = {b"authorization": f"Bearer {BOB.token}".encode(), HEADER.encode(): header}
    queries = [f"mutation {{ {SAVE % ('tickets', 'Tickets')} }}", "{ viewer { id } }"]
    refused, asked = [(await service.http.post("/graphql", json={"query": each}, headers=headers)).json() for each in queries]
    assert [(each["extensions"]["code"], each["extensions"]["path"]) for each in refused["errors"]] == [("INVALID_INPUT", HEADER)]
    assert asked == {"data": {"viewer": {"id": "bob"}}}
    assert await service.state() == before and await service.trail(seen) == []


async def test_a_key_is_kept_for_7_days_and_neither_it_nor_the_input_is_stored(keyed: Service) -> None:
    await keyed.do("registerStakeholder", ADA, **BEN)
    keys = keyed.database.collection("idempotency_keys")
    (kept,) = await keys.find().to_list(None)
    assert kept["at"].date() == keyed.now.date()
    assert [text for text in ("try-6f1c", "admin", *map(str, BEN.values())) if text in repr(kept)] == []
    indexes = (await keys.index_information()).values()
    assert [each["expireAfterSeconds"] for each in indexes if each["key"] == [("at", 1)]] == [7 * 24 * 60 * 60]
    assert [each["unique"] for each in indexes if each["key"] == [("claim", 1)]] == [True]


KINDS = {"plain": "x", "of ids": {"api_token": {"$x": [1]}}, "of numbers": {"api_token": 7}, "of lists": {"api_token": [1, None]}}
PLANTED: dict[str, Any] = {
    **{f"a payload {name}": {"payload": value} for name, value in KINDS.items()},
    "no payload": {"payload": None}, "decimals": {"payload": {"api_token": Decimal128("1")}},
    "not a number": {"payload": {"api_token": float("nan")}}, "bytes": {"payload": {"api_token": b"x"}},
    "no receipt": {"receipt": None}, "another place": {"receipt.seq": 3}, "a place of none": {"receipt.seq": -1},
    "another root": {"receipt.root": "0" * 64}, "a number asked for": {"asked": 7}, "nothing asked for": {"asked": None},
    "another input": {"asked": "0" * 64}, "no time": {"at": "never"}, "no seal": {"mac": None}, "an odd seal": {"mac": [7]},
    "a list of claims": {"claim": 7}, "a field more": {"odd": {"$x": 1}},
}  # fmt: skip


async def repeats(service: Service) -> dict[str, Any]:
    return await service.refused("revokeApiToken", ADA, tokenId="bob")


@pytest.mark.exhaustive
@pytest.mark.tampers
@pytest.mark.parametrize("called", PLANTED)
async def test_a_stored_key_that_was_altered_answers_no_mutation(keyed: Service, called: str) -> None:
    await keyed.do("revokeApiToken", ADA, tokenId="bob")
    keys, before = keyed.database.collection("idempotency_keys"), await keyed.state()
    fields = PLANTED[called]
    if called == "a list of claims":
        (kept,) = await keys.find().to_list(None)
        fields = {"claim": [kept["claim"]]}
    await keys.update_one({}, {"$set": fields})
    refused = await repeats(keyed)
    assert (refused["code"], refused["kind"]) == ("RECORD_UNREADABLE", "IdempotencyKey")
    assert {name: each for name, each in (await keyed.state()).items() if name != "IdempotencyKey"} == {
        name: each for name, each in before.items() if name != "IdempotencyKey"
    }


@pytest.mark.tampers
async def test_a_planted_key_does_not_answer_a_mutation_that_nobody_made(keyed: Service) -> None:
    """Its seal is that of another claim, or of a mutation whose event is gone."""
    stored, keys = await keyed.stored(), keyed.database.collection("idempotency_keys")
    await keyed.do("revokeApiToken", ADA, tokenId="bob")
    (sealed,) = await keys.find().to_list(None)
    keyed.http.headers[HEADER] = "another"
    await keyed.do("revokeApiToken", ADA, tokenId="carol")
    (other,) = await keys.find({"claim": {"$ne": sealed["claim"]}}).to_list(None)
    keyed.written_elsewhere = True
    await keyed.restore(stored)
    for planted in (other | {"claim": sealed["claim"], "asked": sealed["asked"]}, sealed):
        await keys.delete_many({})
        await keys.insert_one(planted)
        keyed.http.headers[HEADER] = "try-6f1c"
        assert (await repeats(keyed))["code"] == "RECORD_UNREADABLE"
    del keyed.http.headers[HEADER]
    assert await keyed.ask("{ viewer { id } }", BOB) == {"viewer": {"id": "bob"}}
    await keyed.do("revokeApiToken", ADA, tokenId="bob")


async def test_a_secret_is_shown_though_the_answer_of_the_commit_was_lost(server: str, keyed: Service) -> None:
    async with Wire(server, LOST).service(keyed.database.name) as far:
        far.http.headers[HEADER] = "try-6f1c"
        first = await far.do("createApiToken", select="token apiToken { tokenId }", name="laptop")
    again = await keyed.do("createApiToken", select="token apiToken { tokenId }", name="laptop")
    assert first["token"] and again == first | {"token": None}


REGISTER = {"query": mutating("registerStakeholder", "stakeholder { userId }"), "variables": {"input": BEN}}
AS_ADMIN = {"authorization": f"Bearer {ADMIN_TOKEN}", HEADER: "try-6f1c"}


async def test_the_same_key_in_two_processes_at_once_takes_effect_once(server: str, keyed: Service) -> None:
    """An app with a client of its own stands for a process: they meet in the database alone."""
    seen, other = await keyed.size(), Service(server, keyed.database.name)
    other.now = keyed.now
    sent = [each.http.post("/graphql", json=REGISTER, headers=AS_ADMIN) for each in (keyed, other) * 4]
    answers = [each.json() for each in await asyncio.gather(*sent)]
    await other.close()
    assert answers == [answers[0]] * 8 and answers[0]["data"]["registerStakeholder"]["stakeholder"] == {"userId": "ben"}
    (event,) = await keyed.trail(seen)
    assert event["seq"] == answers[0]["data"]["registerStakeholder"]["receipt"]["seq"]


@pytest.mark.exhaustive
async def test_after_a_kill_between_commit_and_answer_the_retry_gets_the_first_receipt(
    server: str, keyed: Service, tmp_path: Path
) -> None:
    async def kill() -> None:
        running.process.kill()  # and its children with it

    keyed.written_elsewhere = True
    turn = {"name": "turn", "number": 0, "due_at": keyed.now + timedelta(days=1)}  # no other commit is to meet the fate
    await keyed.database.collection("audit_verification_turns").insert_one(turn)
    seen, wire = await keyed.size(), Wire(server, meanwhile=kill)
    async with await asyncio.start_server(wire.carry, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        uri = f"mongodb://127.0.0.1:{port}/?directConnection=true&serverMonitoringMode=poll"
        running = Operated(tmp_path, MONGODB_URI=uri, DATABASE=keyed.database.name, ADMIN_TOKEN=ADMIN_TOKEN)
        await asyncio.to_thread(running.__enter__)
        try:
            wire.fates.append(LOST)
            async with httpx.AsyncClient(headers=AS_ADMIN, timeout=20) as client:
                with pytest.raises(httpx.TransportError):
                    await client.post(running.url, json=REGISTER)
        finally:
            await asyncio.to_thread(running.__exit__)
    (event,) = await keyed.trail(seen)
    retried = await keyed.do("registerStakeholder", ADA, **BEN)
    assert retried["receipt"]["eventHash"] == event["event_hash"] and len(await keyed.trail()) == seen + 1
