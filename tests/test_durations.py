"""How long approvals took, stored with the version, and how long what waits has waited, told of the moment."""

from datetime import timedelta
from typing import Any

import pytest

from documents.migrations.steps import STEPS
from documents.store.filters import matches, to_query
from documents.store.standins import aware
from documents.versions.version import ModelVersion
from tests.examples import BOT, EXPERIMENT, decide, document, eligible, read, register, save_card, submit
from tests.operations import BEA, DORA, TOM, ask_for, step
from tests.service import ALICE, CAROL, DAVID, NOW, Service

VERSIONS = """query($filter: ModelVersionFilter, $orderBy: [ModelVersionOrder!]) {
    modelVersions(filter: $filter, orderBy: $orderBy) { nodes { modelId daysWaiting daysToApproval approvedAt } } }"""


async def found(service: Service, filter: dict[str, Any] | None = None, **order: str) -> list[str]:
    answer = await service.ask(VERSIONS, filter=filter, orderBy=[order] if order else None)
    return [each["modelId"] for each in answer["modelVersions"]["nodes"]]


async def approve(service: Service, **of: Any) -> None:
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each, **of)


async def test_the_days_to_the_first_approval_are_stored_and_stay(service: Service) -> None:
    await register(service)
    assert (await read(service, "approvedAt daysToApproval")) == {"approvedAt": None, "daysToApproval": None}
    service.later(days=2)
    await submit(service)
    await decide(service, CAROL)
    service.later(days=1, hours=12)
    await decide(service, DAVID)
    assert (await read(service, "daysToApproval"))["daysToApproval"] is None
    await decide(service, ALICE)
    told = await read(service, "status approvedAt daysToApproval revision")
    assert (told["status"], told["daysToApproval"]) == ("APPROVED", 3.5)
    assert told["approvedAt"] == (NOW + timedelta(days=3.5)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    service.later(days=5)
    await save_card(service)  # the approvals go stale
    assert (await read(service, "status daysToApproval")) == {"status": "PENDING_APPROVAL", "daysToApproval": 3.5}
    await approve(service)
    assert (await read(service, "status daysToApproval")) == {"status": "APPROVED", "daysToApproval": 3.5}
    await register(service, modelId="experiment", **EXPERIMENT)
    await submit(service, modelId="experiment")
    assert await found(service, {"daysToApproval": {"gte": 0}}, daysToApproval="DESC") == ["support-assistant", "experiment"]
    assert await found(service, {"daysToApproval": {"gt": 3}}) == ["support-assistant"]


async def test_a_version_waits_from_its_submission_until_it_is_decided(service: Service) -> None:
    for model_id in ("draft", "early", "late", "approved"):
        await register(service, modelId=model_id)
    await submit(service, modelId="early")
    await submit(service, modelId="approved")
    service.later(days=3)
    await submit(service, modelId="late")
    await approve(service, modelId="approved")
    service.later(days=4)
    told = {each["modelId"]: each["daysWaiting"] for each in (await service.ask(VERSIONS))["modelVersions"]["nodes"]}
    assert told == {"draft": None, "early": 7, "late": 4, "approved": None}
    for days, names in (
        ({"gt": 4}, ["early"]), ({"gte": 4}, ["early", "late"]), ({"lt": 7}, ["late"]), ({"lte": 7, "gt": 0}, ["early", "late"]),
        ({"isNull": False}, ["early", "late"]), ({"isNull": True}, ["draft", "approved"]), ({"gt": 7}, []), ({"lt": -1}, []),
    ):  # fmt: skip
        assert await found(service, {"daysWaiting": days}) == names, days
    refused = await service.refusal(VERSIONS, filter={"daysWaiting": {"gt": 1e300}})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "filter.daysWaiting.gt")
    assert (await service.refusal(VERSIONS, filter={"daysWaiting": {}}))["code"] == "INVALID_INPUT"


CHANGES = """query($filter: ChangeRequestFilter) { changeRequests(filter: $filter) { nodes { changeId daysWaiting } } }"""


async def test_a_change_waits_from_its_last_submission_while_roles_are_missing(service: Service) -> None:
    await eligible(service)
    await service.enrol(DORA, TOM, BEA)
    waiting, again, planned = [await ask_for(service, title=each) for each in ("waiting", "again", "planned")]
    await step(service, "submitChangeForReview", DORA, waiting)
    await step(service, "submitChangeForReview", DORA, again)
    service.later(days=2)
    await step(service, "reopenChange", DORA, again, reason="It is planned anew.")
    await step(service, "submitChangeForReview", DORA, again)
    await step(service, "addChangeApproval", TOM, waiting, role="TECH_LEAD", approved=True)
    service.later(days=1)
    told = {each["changeId"]: each["daysWaiting"] for each in (await service.ask(CHANGES))["changeRequests"]["nodes"]}
    assert told == {waiting: 3, again: 1, planned: None}

    async def those(**days: Any) -> set[str]:
        nodes = (await service.ask(CHANGES, filter={"daysWaiting": days}))["changeRequests"]["nodes"]
        return {each["changeId"] for each in nodes}

    assert (await those(gt=1), await those(gte=1), await those(lte=1), await those(lt=1)) == (
        {waiting},
        {waiting, again},
        {again},
        set(),
    )
    assert (await those(isNull=True), await those(isNull=False)) == ({planned}, {waiting, again})


@pytest.mark.parametrize("operator", ["lt", "lte", "gt", "gte"])
async def test_both_readers_agree_on_how_long_a_change_has_waited(service: Service, operator: str) -> None:
    from documents.changes.request import ChangeRequest  # noqa: PLC0415

    moments = [NOW.replace(microsecond=0) + timedelta(days=each) for each in range(3)]
    moves = [[], [("submitted", moments[0])], [("submitted", moments[0]), ("draft", moments[1]), ("submitted", moments[2])]]
    held: list[dict[str, Any]] = [
        {"_id": (at, place), "status": status, "moves": [{"to_status": to, "at": when} for to, when in each], "gate": gate}
        for place, each in enumerate(moves)
        for at, status in enumerate(("submitted", "draft"))
        for gate in [None]
    ]
    held.append(
        {"_id": "due", "status": "in_progress", "moves": [], "gate": {"at": moments[1]}, "approvals_due": {"until": moments[2]}}
    )
    for number, each in enumerate(held):
        each["_id"] = number
    collection = service.database.collection("held")
    await collection.insert_many(held)
    for moment in moments:
        wanted = {"and": [ChangeRequest.waits(moment), ChangeRequest.waits_since(operator, moment)]}
        expected = [each["_id"] for each in held if matches(wanted, each)]
        assert [each["_id"] async for each in collection.find(to_query(wanted))] == expected


async def test_the_migration_says_of_what_is_approved_what_the_judgement_said(service: Service) -> None:
    await register(service)
    await document(service)
    service.later(days=1)
    await submit(service)
    await decide(service, CAROL, "CONDITIONAL", conditions=["Look again"])
    service.later(days=1)
    for each in (DAVID, ALICE):
        await decide(service, each)
    (condition,) = (await read(service, "approvals { conditions { conditionId } }"))["approvals"][0]["conditions"]
    service.later(days=1)
    await service.do("satisfyCondition", ALICE, **BOT | condition | {"note": "Done."})
    service.later(days=1)
    await service.do("confirmCondition", CAROL, **BOT | condition | {"comments": "Seen."})
    await register(service, modelId="draft")
    (step,) = [each for each in STEPS if each.name == "days-to-approval"]
    for stored in await ModelVersion.raws({}):
        raw = aware(stored)
        expected = {name: raw.pop(name) for name in ("approved_at", "days_to_approval")}
        assert step.change(raw) == expected  # type: ignore[union-attr]
    assert (await read(service, "status daysToApproval")) == {"status": "APPROVED", "daysToApproval": 4}
