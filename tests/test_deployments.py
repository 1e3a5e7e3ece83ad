"""What runs where, what ran there on that day, and who hears of it."""

from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from tests.operations import (
    DORA,
    STAGED,
    TOM,
    approve,
    approved_change,
    carry_out,
    declare,
    deployed,
    experiments,
    rollback_of,
    step,
)
from tests.service import AUDREY, Service
from tests.sockets import Socket, dial, listening, served

FIRST, SECOND = (STAGED | {"targetVersion": f"0.{each}.0"} for each in (1, 2))
RAN = """query($place: String!, $at: DateTime!) { deployments(first: 9, filter: {
    environment: {eq: $place}, deployedAt: {lte: $at}, or: [{endedAt: {isNull: true}}, {endedAt: {gt: $at}}]
}) { totalCount nodes { modelId version } } }"""
CHANGED = (
    "subscription($changeId: String!) { changeRequestChanged(changeId: $changeId) { status gate { basis } comments { text } } }"
)


async def test_what_ran_there_is_told_to_the_millisecond(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0", "0.2.0")
    begun = []
    for place in (FIRST, SECOND):
        change_id = await approved_change(service, **place)
        await step(service, "startDeployment", DORA, change_id)
        service.later(hours=1)
        begun.append(service.now.replace(microsecond=123000))
        await step(service, "completeDeployment", DORA, change_id, success=True)
    service.later(hours=1)
    rollback = await rollback_of(service, change_id)
    await approve(service, rollback)
    await carry_out(service, rollback)
    begun.append(service.now.replace(microsecond=123000))

    async def ran(at: Any, place: str = "staging") -> list[str]:
        found = (await service.ask(RAN, AUDREY, place=place, at=at.isoformat()))["deployments"]
        assert found["totalCount"] == len(found["nodes"]) and {each["modelId"] for each in found["nodes"]} <= {"summaries"}
        return [each["version"] for each in found["nodes"]]

    tick = timedelta(milliseconds=1)
    for at, (before, after) in zip(begun, [([], ["0.1.0"]), (["0.1.0"], ["0.2.0"]), (["0.2.0"], ["0.1.0"])], strict=True):
        assert (await ran(at - tick), await ran(at), await ran(at + tick)) == (before, after, after)
    assert await ran(begun[-1] + timedelta(days=999)) == ["0.1.0"] and await ran(begun[-1], "production") == []


@pytest.mark.tampers
async def test_the_database_itself_lets_no_two_deployments_of_a_model_begin_at_once_in_an_environment(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0")
    await deployed(service, **FIRST)
    deployments = service.database.collection("deployments")
    (there,) = await deployments.find().to_list(None)
    other = there | {"_id": ObjectId(), "deployment_id": "DEP-other", "version": "0.2.0"}
    with pytest.raises(DuplicateKeyError):
        await deployments.insert_one(other)
    for elsewhere in ({"environment": "canary"}, {"model_id": "another"}, {"number": 2}):
        await deployments.insert_one(other | elsewhere | {"_id": ObjectId(), "deployment_id": f"DEP-{elsewhere}"})


async def test_what_another_process_does_with_a_change_is_heard_by_who_subscribed_to_it(service: Service, server: str) -> None:
    """What hears of it is an app with a client of its own, which is all that the database knows of a process."""
    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0")
    await declare(service, "canary")
    change_id, other_id = [await approved_change(service, **FIRST | {"environment": each}) for each in ("staging", "canary")]
    other = Service(server, service.database.name)
    async with served(other) as address, dial(address) as connection:
        listener = await Socket(connection).sign_in(AUDREY)
        await listener.subscribe(CHANGED, changeId=change_id)
        await listening(other, "change_requests")
        await step(service, "commentOnChange", TOM, change_id, text="Here it comes.")
        for each in (other_id, change_id):
            await step(service, "startDeployment", DORA, each)
        commented, started = [(await listener.data())["changeRequestChanged"] for _ in range(2)]
    await other.close()
    assert commented["comments"] == [{"text": "Here it comes."}]
    assert (started["status"], started["gate"]) == ("IN_PROGRESS", {"basis": "ELIGIBLE"})
