"""The edges that a screen asks for in one request: what rests on a datasheet, what a person decided, what waits in a model."""

from typing import Any

from tests.examples import BOT, EXPERIMENT, TICKETS, decide, document, eligible, register, save_datasheet, submit
from tests.examples import REGISTRATION as FIRST
from tests.operations import BEA, DORA, TOM, approved_change, ask_for, deployed, step
from tests.service import ALICE, BOB, CAROL, Service

NEXT = {name: each for name, each in FIRST.items() if name != "name"} | {"version": "1.1.0"}


async def test_a_datasheet_says_which_versions_rest_on_it(service: Service) -> None:
    await save_datasheet(service)
    for model_id in ("a", "b", "c"):
        await register(service, modelId=model_id)
    for model_id in ("a", "b"):
        await service.do("linkDatasheet", **BOT | TICKETS | {"modelId": model_id})
    query = """query($filter: ModelVersionFilter, $orderBy: [ModelVersionOrder!]) { datasheets { nodes { datasetId
        modelVersions(filter: $filter, orderBy: $orderBy) { totalCount nodes { modelId datasheets { revision } } } } } }"""

    async def found(**said: Any) -> tuple[int, list[str]]:
        (sheet,) = (await service.ask(query, **said))["datasheets"]["nodes"]
        return sheet["modelVersions"]["totalCount"], [each["modelId"] for each in sheet["modelVersions"]["nodes"]]

    assert await found() == (2, ["a", "b"])
    assert await found(orderBy=[{"modelId": "DESC"}]) == (2, ["b", "a"])
    assert await found(filter={"modelId": {"ne": "a"}}) == (1, ["b"])
    await service.do("unlinkDatasheet", **BOT | TICKETS | {"modelId": "a"})
    assert await found() == (1, ["b"])


async def test_a_person_says_which_versions_and_changes_they_decided_on(service: Service) -> None:
    await eligible(service)
    await service.enrol(DORA, TOM, BEA)
    change_id = await approved_change(service)
    query = """query($userId: String!) { stakeholder(userId: $userId) {
        decisions { totalCount nodes { modelId round { decisions { reviewerId verdict } } } }
        changeDecisions(filter: {approvals: {some: {approved: {eq: true}}}}) { totalCount nodes { changeId } } } }"""
    for who, versions, changes in ((ALICE, 1, 1), (CAROL, 1, 0), (TOM, 0, 1), (BOB, 0, 0)):
        found = (await service.ask(query, userId=who.id))["stakeholder"]
        assert (found["decisions"]["totalCount"], found["changeDecisions"]["totalCount"]) == (versions, changes), who.id
        assert [each["changeId"] for each in found["changeDecisions"]["nodes"]] == [change_id] * changes


async def test_a_model_says_what_waits_in_it_whoever_is_asked(service: Service) -> None:
    await service.enrol(DORA, TOM, BEA)
    await register(service)
    await register(service, modelId="quiet")
    query = """{ models { nodes { modelId openTasks(first: 10) {
        complete items { kind version role changeId remedy { mutation permitted } } } } } }"""

    async def waiting() -> dict[str, list[tuple[str, str]]]:
        nodes = (await service.ask(query))["models"]["nodes"]
        assert all(each["openTasks"]["complete"] for each in nodes)
        return {each["modelId"]: [(task["kind"], task["role"]) for task in each["openTasks"]["items"]] for each in nodes}

    submission = [("SUBMIT", "MODEL_OWNER")]
    assert await waiting() == {"quiet": submission, "support-assistant": submission}
    await document(service)
    await submit(service)
    await decide(service, CAROL, "CONDITIONAL", conditions=["Look again"])
    found = await waiting()
    assert found["quiet"] == submission
    assert sorted(found["support-assistant"]) == [
        ("APPROVE", "MODEL_OWNER"), ("APPROVE", "SECURITY_REVIEWER"), ("SATISFY_CONDITION", "MODEL_OWNER"),
    ]  # fmt: skip
    change_id = await ask_for(service)
    await step(service, "submitChangeForReview", DORA, change_id)
    asked = [role for kind, role in (await waiting())["support-assistant"] if kind == "APPROVE_CHANGE"]
    assert sorted(asked) == ["MODEL_OWNER", "SECURITY_REVIEWER", "TECH_LEAD"]
    await step(service, "addChangeApproval", TOM, change_id, role="TECH_LEAD", approved=True)
    assert [role for kind, role in (await waiting())["support-assistant"] if kind == "APPROVE_CHANGE"] == [
        each for each in asked if each != "TECH_LEAD"
    ]
    short = "{ models { nodes { openTasks(first: 1) { complete items { kind } } } } }"
    assert [len(each["openTasks"]["items"]) for each in (await service.ask(short))["models"]["nodes"]] == [1, 1]


MODELS = "query($filter: ModelFilter) { models(filter: $filter) { nodes { modelId } } }"


async def models(service: Service, filter: dict[str, Any]) -> list[str]:
    return [each["modelId"] for each in (await service.ask(MODELS, filter=filter))["models"]["nodes"]]


async def test_models_are_found_by_their_latest_version(service: Service) -> None:
    await register(service, modelId="grown")
    await service.do("registerModelVersion", **NEXT | EXPERIMENT | {"modelId": "grown", "version": "1.10.0"})
    await service.do("registerModelVersion", **NEXT | {"modelId": "grown", "version": "1.9.0"})
    await register(service, modelId="single")
    await register(service, modelId="experiment", **EXPERIMENT)
    important = {"latestVersion": {"tier": {"eq": "TIER_2_IMPORTANT"}}}
    assert await models(service, important) == ["single"]
    assert await models(service, {"not": important}) == ["experiment", "grown"]
    assert await models(service, {"latestVersion": {"version": {"gte": "1.10.0"}}}) == ["grown"]
    assert await models(service, {"latestVersion": {"status": {"eq": "DRAFT"}, "owner": {"userId": {"eq": "alice"}}}}) == [
        "experiment", "grown", "single",
    ]  # fmt: skip
    assert await models(service, {"latestVersion": {"version": {"eq": "0"}}}) == []
    assert await models(service, {"latestVersion": {}, "modelId": {"ne": "grown"}}) == ["experiment", "single"]


async def test_models_are_found_by_where_they_run(service: Service) -> None:
    await eligible(service)
    await service.enrol(DORA, TOM, BEA)
    await deployed(service)
    await register(service, modelId="idle")
    assert await models(service, {"runningIn": {"stage": {"eq": "PRODUCTION"}}}) == ["support-assistant"]
    assert await models(service, {"runningIn": {"name": {"eq": "production"}}}) == ["support-assistant"]
    assert await models(service, {"runningIn": {"stage": {"eq": "STAGING"}}}) == []
    assert await models(service, {"not": {"runningIn": {"stage": {"eq": "PRODUCTION"}}}}) == ["idle"]


async def test_a_page_without_a_size_has_twenty(service: Service) -> None:
    for at in range(22):
        await register(service, modelId=f"m{at:02}", **EXPERIMENT)
    query = """query($first: Int, $last: Int, $before: String, $after: String) {
        models(first: $first, last: $last, before: $before, after: $after) {
            nodes { modelId } pageInfo { startCursor endCursor } } }"""

    async def page(**said: Any) -> tuple[list[str], Any]:
        found = (await service.ask(query, **said))["models"]
        return [each["modelId"] for each in found["nodes"]], found["pageInfo"]

    names = [f"m{at:02}" for at in range(22)]
    first, info = await page()
    assert first == names[:20] == (await page(first=None, last=None))[0]
    assert (await page(after=info["endCursor"]))[0] == names[20:]
    _, last = await page(last=1)
    assert (await page(before=last["startCursor"]))[0] == names[1:21]  # the twenty before it
    assert (await page(first=0))[0] == []
    nested = "{ models(first: 1) { nodes { versions { totalCount nodes { version } } } } }"
    assert (await service.ask(nested))["models"]["nodes"] == [{"versions": {"totalCount": 1, "nodes": [{"version": "1.0.0"}]}}]
