"""Two processes at once: of what cannot both be, one wins, the other hears why, and the trail tells which."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from tests.operations import (
    DORA,
    STAGED,
    TOM,
    approve,
    approved_change,
    declare,
    deployed,
    experiments,
    look_at,
    runs,
    step,
)
from tests.service import ALICE, AUDREY, Person, Service, mutating

FIRST, SECOND, THIRD = (STAGED | {"targetVersion": f"0.{each}.0"} for each in (1, 2, 3))
LOST = {"CONFLICT", "INVALID_STATE"}
TIMES = 4


@pytest.fixture
async def both(service: Service, server: str) -> AsyncIterator[tuple[Service, Service]]:
    """Two processes' worth of services over one database with three versions, the first of which runs."""
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0", "0.2.0", "0.3.0")
    await deployed(service, **FIRST)
    other = Service(server, service.database.name)
    await other.ask("{ viewer { id } }", DORA)
    yield service, other
    await other.close()


async def outcome(service: Service, mutation: str, change_id: str, by: Person = DORA, **said: Any) -> str:
    """What became of a mutation: `done`, or the code that it was refused with."""
    answer = (await service.post(mutating(mutation, ""), {"input": {"changeId": change_id} | said}, by)).json()
    return str(answer["errors"][0]["extensions"]["code"]) if "errors" in answer else "done"


async def race(service: Service, *tries: Awaitable[str]) -> list[str]:
    """What became of each; the trail has one outcome for each of them, and verifies."""
    seen = await service.size()
    ended = await asyncio.gather(*tries)
    told = {each["request"]["id"]: each["outcome"] for each in await service.trail(seen)}
    assert sorted(told.values()) == sorted("success" if each == "done" else "failure" for each in ended)
    assert (await service.ask("{ auditVerification { valid } }", AUDREY))["auditVerification"]["valid"]
    return list(ended)


def one_won(ended: list[str]) -> bool:
    return ended.count("done") == 1 and {*ended} - {"done"} <= LOST


async def test_of_all_who_start_the_same_change_one_does(both: tuple[Service, Service]) -> None:
    change_id = await approved_change(both[0], **SECOND)
    tries = [outcome(each, "startDeployment", change_id) for each in both * TIMES]
    assert one_won(await race(both[0], *tries))
    moves = (await look_at(both[0], change_id, "moves { toStatus }"))["moves"]
    assert [each["toStatus"] for each in moves].count("IN_PROGRESS") == 1


async def test_in_one_place_one_change_is_under_way_and_in_another_another(both: tuple[Service, Service]) -> None:
    service, other = both
    await declare(service, "canary")
    here = [await approved_change(service, **place) for place in (SECOND, THIRD)]
    elsewhere = await approved_change(service, **SECOND | {"environment": "canary"})
    tries = [outcome(each, "startDeployment", change_id) for each in both for change_id in here]
    *ended, apart = await race(service, *tries, outcome(other, "startDeployment", elsewhere))
    assert one_won(ended) and apart == "done"
    started = [(await look_at(service, each, "status"))["status"] for each in here]
    assert sorted(started) == ["APPROVED", "IN_PROGRESS"]
    (told,) = [
        each["resource"]["id"]
        for each in await service.trail()
        if each["action"] == "startDeployment" and each["outcome"] == "success" and each["resource"]["id"] in here
    ]
    assert started[here.index(told)] == "IN_PROGRESS"
    loser = here[1 - here.index(told)]
    await step(service, "completeDeployment", DORA, told, success=True)
    refused = await service.refused("startDeployment", DORA, changeId=loser)  # planned for what ran before
    assert refused["code"] == "INVALID_STATE"


async def test_a_change_ends_once_well_or_badly(both: tuple[Service, Service]) -> None:
    change_id = await approved_change(both[0], **SECOND)
    await step(both[0], "startDeployment", DORA, change_id)
    tries = [outcome(each, "completeDeployment", change_id, success=good) for good in (True, False) for each in both * 2]
    ended = await race(both[0], *tries)
    assert one_won(ended)
    status = (await look_at(both[0], change_id, "status"))["status"]
    assert status == ("COMPLETED" if "done" in ended[:4] else "FAILED")
    assert await runs(both[0], STAGED["environment"], STAGED["modelId"]) == ("0.2.0" if status == "COMPLETED" else "0.1.0")


async def test_what_is_completed_while_it_is_taken_back_is_so_after_that_or_not(both: tuple[Service, Service]) -> None:
    service, other = both
    change_id = await approved_change(service, **SECOND)
    await step(service, "startDeployment", DORA, change_id)
    backs = [outcome(each, "rollbackChange", change_id, reason="Complaints.") for each in (other, service, other)]
    completed, *ended = await race(service, outcome(service, "completeDeployment", change_id, success=True), *backs)
    assert completed == "done" and {*ended} - {"done"} <= LOST
    rollbacks = await service.database.collection("change_requests").count_documents({"rolls_back_id": change_id})
    assert rollbacks == ended.count("done")


async def test_a_change_is_taken_back_once(both: tuple[Service, Service]) -> None:
    change_id = await deployed(both[0], **SECOND)
    ended = await race(both[0], *[outcome(each, "rollbackChange", change_id, reason="Complaints.") for each in both * 2])
    assert ended == ["done"] * 4  # drafts stand in nobody's way
    drafts = [each async for each in both[0].database.collection("change_requests").find({"rolls_back_id": change_id})]
    backs = [str(each["change_id"]) for each in drafts]
    for each in backs:
        await approve(both[0], each)
    started = await race(both[0], *[outcome(on, "startDeployment", each) for on, each in zip(both * 2, backs, strict=True)])
    assert started.count("done") == 1 and {*started} - {"done"} <= LOST
    await step(both[0], "completeDeployment", DORA, backs[started.index("done")], success=True)
    for each in backs:
        if each != backs[started.index("done")]:
            assert await outcome(both[1], "startDeployment", each) in LOST


async def test_a_version_is_retired_or_on_its_way_but_never_both(both: tuple[Service, Service]) -> None:
    service, other = both
    about = {"modelId": STAGED["modelId"], "version": "0.2.0"}

    async def retire(on: Service) -> str:
        answer = (await on.post(mutating("retireModelVersion", ""), {"input": about | {"reason": "Old."}}, ALICE)).json()
        return str(answer["errors"][0]["extensions"]["code"]) if "errors" in answer else "done"

    change_id = await approved_change(service, **SECOND)
    started, retired = await race(service, outcome(other, "startDeployment", change_id), retire(service))
    assert (started, retired) in {("done", "INVALID_STATE"), ("POLICY_BLOCKED", "done")}
    if started == "done":
        refused = await service.refused("retireModelVersion", ALICE, **about, reason="Old.")
        assert (refused["code"], change_id in refused["problem"]) == ("INVALID_STATE", True)
        await step(service, "completeDeployment", DORA, change_id, success=False)
        assert await retire(service) == "done"
