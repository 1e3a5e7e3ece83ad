"""Which versions hold an artefact, and whether it may be deployed."""

from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from tests.examples import BOT, EXPERIMENT, eligible, read, register, submit
from tests.service import ALICE, CAROL, RITA, Service
from tests.watching import watching

WEIGHTS: dict[str, Any] = {"kind": "WEIGHTS", "uri": "s3://models/1", "sha256": "0f" * 32, "size": 2**33}
TOKENIZER: dict[str, Any] = {"kind": "TOKENIZER", "uri": "s3://models/2", "sha256": "0e" * 32}
API: dict[str, Any] = {"kind": "API", "uri": "https://example.org/v1"}
ARTIFACT = """query($sha256: Hash!, $filter: ModelVersionFilter, $orderBy: [ModelVersionOrder!], $first: Int, $after: String) {
    artifact(sha256: $sha256) { sha256 versions(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
        totalCount nodes { modelId status } pageInfo { endCursor hasNextPage } } } }"""
MAY_IT = """query($sha256: Hash!) { eligibility(sha256: $sha256, environment: "staging") {
    eligible known reasons { code remedy { mutation } }
    holders { modelVersion { modelId } obstacle eligibility { eligible status holds { hold { reason } } } } } }"""


def of(model_id: str) -> dict[str, Any]:
    return {"modelId": model_id, "version": "1.0.0"}


async def may(service: Service, artifact: dict[str, Any] = WEIGHTS) -> Any:
    """Whether an artefact may be deployed, and whether each that holds it may; the reason where no version in use holds it."""
    found = (await service.ask(MAY_IT, sha256=artifact["sha256"]))["eligibility"]
    if not found["holders"]:
        (reason,) = found["reasons"]
        assert found["known"] is not (reason["code"] == "UNKNOWN") and not found["eligible"]
        return reason["code"], reason["remedy"]["mutation"]
    assert found["known"] and found["eligible"] is not bool(found["reasons"])
    return (
        found["eligible"],
        {each["modelVersion"]["modelId"]: each["eligibility"]["eligible"] for each in found["holders"]},
    )


async def test_an_artefact_may_be_deployed_where_a_version_that_holds_it_may_and_none_is_on_hold(service: Service) -> None:
    assert await may(service) == ("UNKNOWN", "registerModelVersion")
    await register(service, **EXPERIMENT | {"modelId": "lab", "artifacts": [WEIGHTS, API]})
    assert await may(service) == (False, {"lab": False})
    await submit(service, modelId="lab")
    await register(service, **EXPERIMENT | {"modelId": "draft", "artifacts": [TOKENIZER, WEIGHTS]})
    assert await may(service) == (True, {"lab": True, "draft": False})
    assert await may(service, TOKENIZER) == (False, {"draft": False})
    hold = await service.do("placeHold", CAROL, "hold { holdId }", **of("draft"), reason="Look at the weights.")
    assert await may(service) == (False, {"lab": True, "draft": False})
    await service.do("liftHold", CAROL, **of("draft"), **hold["hold"], reason="Looked at.")
    assert await may(service) == (True, {"lab": True, "draft": False})
    await service.do("retireModelVersion", **of("lab"), reason="Nobody needs it.")
    assert await may(service) == (False, {"draft": False})
    await service.do("updateModelVersion", **of("draft"), artifacts=[TOKENIZER])
    assert await may(service) == ("RETIRED", "registerModelVersion")
    assert await may(service, TOKENIZER) == (False, {"draft": False})


async def test_an_experiment_may_go_anywhere_but_to_production_which_is_meant_where_nothing_is_said(service: Service) -> None:
    await register(service, **EXPERIMENT | {"artifacts": [WEIGHTS]})
    unsaid = "query($sha256: Hash!) { eligibility(sha256: $sha256) { eligible holders { obstacle } } }"
    asked = {"sha256": WEIGHTS["sha256"]}
    barred = {"eligible": False, "holders": [{"obstacle": "it is in TIER_4_EXPERIMENTAL"}]}
    for elsewhere in ((False, "it is not eligible"), (True, None)):
        there = (await service.ask(MAY_IT, **asked))["eligibility"]
        assert (there["eligible"], there["holders"][0]["obstacle"]) == elsewhere
        assert (await service.ask(unsaid, **asked))["eligibility"] == barred
        if not there["eligible"]:
            await submit(service)


async def test_an_artefact_that_was_swapped_takes_its_approvals_with_it(service: Service) -> None:
    await eligible(service)
    await service.do("updateModelVersion", **BOT, artifacts=[WEIGHTS])
    assert await may(service) == (False, {BOT["modelId"]: False})
    assert (await read(service, "approvals { staleParts }"))["approvals"] == [{"staleParts": ["ARTIFACTS"]}] * 3


async def test_whatever_holds_an_artefact_is_listed_retired_or_not(service: Service) -> None:
    assert (await service.ask(ARTIFACT, sha256=WEIGHTS["sha256"], first=9))["artifact"] is None
    for at, model_id in enumerate("cab"):
        service.now += timedelta(minutes=at)
        await register(service, **EXPERIMENT | {"modelId": model_id, "artifacts": [WEIGHTS, WEIGHTS | {"uri": "s3://copies/1"}]})
    await register(service, **EXPERIMENT | {"modelId": "other", "artifacts": [TOKENIZER]})
    await service.do("retireModelVersion", **of("a"), reason="Nobody needs it.")

    async def listed(**asked: Any) -> Any:
        return (await service.ask(ARTIFACT, sha256=WEIGHTS["sha256"], **asked))["artifact"]["versions"]

    found = await listed(first=2)
    assert (found["totalCount"], found["pageInfo"]["hasNextPage"]) == (3, True)
    assert found["nodes"] == [{"modelId": "c", "status": "DRAFT"}, {"modelId": "a", "status": "RETIRED"}]
    assert (await listed(first=2, after=found["pageInfo"]["endCursor"]))["nodes"] == [{"modelId": "b", "status": "DRAFT"}]
    in_order = await listed(
        first=9, orderBy=[{"modelId": "ASC"}], filter={"retired": None, "standing": {"status": {"ne": "RETIRED"}}}
    )
    assert ([each["modelId"] for each in in_order["nodes"]], in_order["totalCount"]) == (["b", "c"], 2)
    assert (await listed(first=9, filter={"modelId": {"eq": "other"}}))["nodes"] == []
    assert await may(service) == (False, {"c": False, "b": False})


@pytest.mark.parametrize("sha256", ["", "0f", "0F" * 32, "sha256:" + "0f" * 32, "0g" * 32, "0f" * 33])
@pytest.mark.parametrize("query", [ARTIFACT, MAY_IT])
async def test_what_is_no_digest_is_refused(service: Service, query: str, sha256: str) -> None:
    refused = await service.refusal(query, sha256=sha256)
    assert refused["code"] == "INVALID_INPUT"


@pytest.mark.tampers
async def test_an_artefact_is_looked_up_by_its_index_and_judged_for_a_hundred_versions_at_most(
    server: str, service: Service
) -> None:
    await register(service, **EXPERIMENT | {"artifacts": [WEIGHTS]})
    versions = service.database.raw("model_versions")
    first = (await versions.find_one({})) or {}
    other = first | {"artifacts": [first["artifacts"][0] | {"sha256": "0d" * 32}]}
    await versions.insert_many(
        [{**(first if at < 100 else other), "_id": ObjectId(), "version": f"2.0.{at}"} for at in range(1, 300)]
    )
    assert "artifacts.sha256" in {each["key"][0][0] for each in (await versions.index_information()).values()}
    async for watched in watching(server, service):
        answer, commands = await watched.costs(MAY_IT, RITA, sha256=WEIGHTS["sha256"])
        assert len(answer["eligibility"]["holders"]) == 100 and len(commands) <= 9
        await versions.update_one({"version": "2.0.200"}, {"$set": {"artifacts": first["artifacts"]}})
        refused = await service.refusal(MAY_IT, ALICE, sha256=WEIGHTS["sha256"])
        assert (refused["code"], refused["size"], refused["limit"]) == ("LIMIT_EXCEEDED", 101, 100)
