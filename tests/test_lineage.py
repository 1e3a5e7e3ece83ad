"""What a version was made from and what was made from it; which artefacts it holds, and whether those may be deployed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from tests.examples import BOT, EXPERIMENT, REGISTRATION, eligible, read, register, submit
from tests.service import ALICE, CAROL, RITA, Service
from tests.watching import Watched, watching, where

OUTSIDE: dict[str, Any] = {
    "relation": "DISTILLED_FROM",
    "on": {"external": {"name": "base", "version": "7b", "supplier": "Elsewhere"}},
}
WALK = "depth dependent { modelId } dependency { relation governed { modelId modelVersion { tier } } external { name } }"


def of(model_id: str) -> dict[str, Any]:
    return {"modelId": model_id, "version": "1.0.0"}


def on(*models: str, relation: str = "FINE_TUNED_FROM") -> list[dict[str, Any]]:
    return [{"relation": relation, "on": {"governed": of(each)}} for each in models]


async def depend(service: Service, model_id: str, *models: str) -> None:
    """Registers an experiment that depends on these."""
    await register(service, **EXPERIMENT | {"modelId": model_id, "dependsOn": on(*models)})


async def links(service: Service, model_id: str, direction: str, depth: int = 10) -> list[tuple[int, str, str]]:
    """Who depends on whom, and how far away."""
    found = (await read(service, f"{direction}(depth: {depth}) {{ {WALK} }}", modelId=model_id))[direction]
    return [(each["depth"], each["dependent"]["modelId"], named(each["dependency"])) for each in found]


def named(dependency: Any) -> str:
    return str(dependency["governed"]["modelId"] if dependency["governed"] else dependency["external"]["name"])


@pytest.fixture
async def diamond(service: Service) -> Service:
    """`top` depends on `left` and `right`, those on `base`, and that on a model from outside."""
    await register(service, **EXPERIMENT | {"modelId": "base", "dependsOn": [OUTSIDE]})
    await depend(service, "left", "base")
    await depend(service, "right", "base")
    await depend(service, "top", "left", "right")
    return service


async def test_lineage_is_walked_both_ways_nearest_first_each_link_once(diamond: Service) -> None:
    up = [
        (1, "top", "left"), (1, "top", "right"), (2, "left", "base"), (2, "right", "base"), (3, "base", "base")
    ]  # fmt: skip
    assert await links(diamond, "top", "dependencies") == up
    assert await links(diamond, "top", "dependencies", 2) == up[:4]
    assert await links(diamond, "top", "dependencies", 1) == up[:2]
    down = [(1, "left", "base"), (1, "right", "base"), (2, "top", "left"), (2, "top", "right")]
    assert await links(diamond, "base", "dependents") == down
    assert await links(diamond, "base", "dependents", 1) == down[:2]
    assert await links(diamond, "top", "dependents") == []


async def test_what_is_near_by_one_way_and_far_by_another_is_near(diamond: Service) -> None:
    await depend(diamond, "short", "top", "base")
    assert await links(diamond, "short", "dependencies") == [
        (1, "short", "top"), (1, "short", "base"), (2, "top", "left"), (2, "top", "right"), (2, "base", "base"),
        (3, "left", "base"), (3, "right", "base"),
    ]  # fmt: skip


async def test_another_version_of_a_name_or_number_is_another_version(service: Service) -> None:
    said = {each: REGISTRATION[each] for each in ("purpose", "ownerId", "dataStewardId")}
    for model_id in ("a", "b"):
        await register(service, **EXPERIMENT | {"modelId": model_id})
        await service.do("registerModelVersion", **said, modelId=model_id, version="2.0.0")
    crossed = [
        {"relation": "CALLS", "on": {"governed": {"modelId": each, "version": at}}}
        for each, at in (("a", "1.0.0"), ("b", "2.0.0"))
    ]
    await register(service, **EXPERIMENT | {"modelId": "c", "dependsOn": crossed})
    for model_id, version, expected in (("a", "1.0.0", 1), ("a", "2.0.0", 0), ("b", "1.0.0", 0), ("b", "2.0.0", 1)):
        found = await read(service, "dependents { dependent { modelId } }", modelId=model_id, version=version)
        assert len(found["dependents"]) == expected


@pytest.mark.parametrize("depth", [0, -1, 11])
async def test_how_far_to_walk_is_bounded(diamond: Service, depth: int) -> None:
    query = 'query($depth: Int!) { modelVersion(modelId: "top", version: "1.0.0") { %s(depth: $depth) { depth } } }'
    for direction in ("dependencies", "dependents"):
        refused = await diamond.refusal(query % direction, depth=depth)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "depth")


async def test_circles_are_refused_where_they_would_close(diamond: Service) -> None:
    before = await diamond.state()
    for model_id, depends_on, place in (
        ("base", [OUTSIDE, *on("base")], 1),
        ("base", on("left"), 0),
        ("left", [*on("base"), *on("top")], 1),
        ("base", [OUTSIDE, *on("right"), *on("top", "left")], 1),
    ):
        refused = await diamond.refused("updateModelVersion", **of(model_id), dependsOn=depends_on)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"input.dependsOn.{place}")
    itself = REGISTRATION | {"modelId": "new", "dependsOn": [OUTSIDE, *on("top", "new")]}
    refused = await diamond.refused("registerModel", **itself)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.dependsOn.2")
    assert await diamond.state() == before
    await diamond.do("updateModelVersion", **of("right"), dependsOn=on("left"))
    assert (await diamond.refused("updateModelVersion", **of("left"), dependsOn=on("right")))["path"] == "input.dependsOn.0"


async def test_what_a_version_depends_on_must_be_there_and_be_named_once(diamond: Service) -> None:
    for depends_on, place in (
        (on("base", "nobody"), 1),
        ([{"relation": "CALLS", "on": {"governed": {"modelId": "base", "version": "9.9.9"}}}], 0),
        (on("base", "left", "base"), 2),
        ([OUTSIDE, OUTSIDE], 1),
    ):
        for refused in (
            await diamond.refused("updateModelVersion", **of("top"), dependsOn=depends_on),
            await diamond.refused("registerModel", **REGISTRATION | {"dependsOn": depends_on}),
        ):
            assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"input.dependsOn.{place}")
    twice = [*on("base"), *on("base", relation="EMBEDS")]
    await diamond.do("updateModelVersion", **of("top"), dependsOn=twice)
    assert await links(diamond, "top", "dependencies", 1) == [(1, "top", "base")] * 2


async def test_a_version_warns_of_what_was_retired_upstream_however_far(diamond: Service) -> None:
    async def warned(model_id: str) -> list[tuple[str, int, str]]:
        found = await read(diamond, "upstreamAlerts { kind depth on { modelId } }", modelId=model_id)
        return [(each["kind"], each["depth"], each["on"]["modelId"]) for each in found["upstreamAlerts"]]

    assert await warned("top") == []
    for model_id in ("base", "left"):
        await diamond.do("retireModelVersion", **of(model_id), reason="It was wrong.")
    assert await warned("top") == [("RETIRED", 1, "left"), ("RETIRED", 2, "base")]
    assert await warned("right") == [("RETIRED", 1, "base")] and await warned("base") == []
    both = "{ modelVersions(first: 9, orderBy: [{modelId: ASC}]) { nodes { upstreamAlerts { depth on { modelId } } } } }"
    left, top = [(await diamond.ask(both))["modelVersions"]["nodes"][at]["upstreamAlerts"] for at in (1, 3)]
    assert left == [{"depth": 1, "on": {"modelId": "base"}}] and len(top) == 2  # what is asked for itself warns others too
    last = "top"
    for at in range(12):
        await depend(diamond, f"far{at}", last)
        last = f"far{at}"
    assert await warned(last) == [("RETIRED", 13, "left"), ("RETIRED", 14, "base")]


async def test_words_can_change_whatever_became_of_the_lineage(diamond: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("documents.lineage.LINKS", 2)
    await diamond.do("updateModelVersion", **of("top"), restrictions=["Not for minutes of the board"])
    refused = await diamond.refused("updateModelVersion", **of("top"), dependsOn=on("left", "right", relation="EMBEDS"))
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 2)


LAYERS, WIDTHS = (1, 9, 90, 300, 300, 300), (9, 10, 4, 2, 2, 0)


@pytest.fixture(scope="module")
async def thousand(server: str) -> AsyncIterator[Watched]:
    """A thousand versions in six layers, each on so many of the next, put there past the trail."""
    service = await Service.started(server)
    with service.database.bound():
        await register(service)
        versions = service.database.raw("model_versions")
        first = (await versions.find_one_and_delete({})) or {}
    named = [[{"model_id": f"m{layer}", "version": f"1.0.{at}"} for at in range(size)] for layer, size in enumerate(LAYERS)]
    await versions.insert_many(
        [
            first | name | {"_id": ObjectId(), "depends_on": upstream(below, at * width, width)}
            for layer, below, width in zip(named, [*named[1:], []], WIDTHS, strict=True)
            for at, name in enumerate(layer)
        ]
    )
    async for each in watching(server, service):
        yield each
    await service.close()


def upstream(below: list[dict[str, str]], begin: int, width: int) -> list[dict[str, Any]]:
    chosen = (below[(begin + step) % len(below)] for step in range(width))
    return [{"relation": "calls", "governed": each, "external": None} for each in chosen]


@pytest.mark.tampers
@pytest.mark.parametrize(("direction", "model_id", "reached"), [("dependencies", "m0", 999), ("dependents", "m5", 17)])
async def test_five_steps_through_a_thousand_versions_are_one_command_a_step(
    thousand: Watched, direction: str, model_id: str, reached: int
) -> None:
    query = """query($modelId: String!) { modelVersion(modelId: $modelId, version: "1.0.0") {
        %s(depth: 5) { depth dependent { modelId version } dependency { governed { modelId version } } } } }"""
    answer, commands = await thousand.costs(query % direction, modelId=model_id)
    found = answer["modelVersion"][direction]
    end = "dependency" if direction == "dependencies" else "dependent"
    names = {str(each[end].get("governed") or each[end]) for each in found}
    assert {each["depth"] for each in found} == {1, 2, 3, 4, 5} and len(names) >= reached
    assert where(commands) == ["model_versions"] * 6


@pytest.mark.tampers
async def test_a_page_of_versions_costs_as_many_commands_as_one_and_lists_no_more_links(
    thousand: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = """query($first: Int!, $depth: Int!) { modelVersions(first: $first) { nodes {
        dependencies(depth: $depth) { depth } } } }"""
    _, few = await thousand.costs(query, first=1, depth=2)
    _, many = await thousand.costs(query, first=50, depth=2)
    assert where(many) == where(few) == ["model_versions"] * 3
    monkeypatch.setattr("documents.lineage.LINKS", 2_000)  # there are 1,659, but many versions lead to the same
    refused = await thousand.service.refusal(query, first=50, depth=10)
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 2_000)


@pytest.mark.tampers
async def test_more_than_ten_thousand_links_are_refused_either_way(thousand: Watched) -> None:
    service = thousand.service
    versions = service.database.raw("model_versions")
    first = (await versions.find_one({"model_id": "m5"})) or {}
    wide = [{"relation": "calls", "governed": {"model_id": "wide", "version": f"1.{at}"}, "external": None} for at in range(101)]
    hub = {"relation": "calls", "governed": {"model_id": "hub", "version": "1.0.0"}, "external": None}
    many = [
        first
        | {"_id": ObjectId(), "model_id": "wide", "version": f"1.{at}", "version_key": f"{at:06}", "depends_on": [hub] * 100}
        for at in range(101)
    ]
    many += [first | {"_id": ObjectId(), "model_id": each, "depends_on": of} for each, of in (("fan", wide), ("hub", []))]
    await versions.insert_many(many)
    query = 'query($id: String!, $depth: Int!) { modelVersion(modelId: $id, version: "1.0.0") { %s(depth: $depth) { depth } } }'
    for asked, model_id in (("dependencies", "fan"), ("dependents", "hub")):
        refused = await service.refusal(query % asked, id=model_id, depth=2)
        assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 10_000)
    answer = await service.ask(query % "dependencies", id="fan", depth=1)
    assert len(answer["modelVersion"]["dependencies"]) == 101
    await versions.delete_many({"model_id": {"$in": ["wide", "fan", "hub"]}})


WEIGHTS: dict[str, Any] = {"kind": "WEIGHTS", "uri": "s3://models/1", "sha256": "0f" * 32, "size": 2**33}
TOKENIZER: dict[str, Any] = {"kind": "TOKENIZER", "uri": "s3://models/2", "sha256": "0e" * 32}
API: dict[str, Any] = {"kind": "API", "uri": "https://example.org/v1"}
ARTIFACT = """query($sha256: Hash!, $filter: ModelVersionFilter, $orderBy: [ModelVersionOrder!], $first: Int, $after: String) {
    artifact(sha256: $sha256) { sha256 versions(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
        totalCount nodes { modelId status } pageInfo { endCursor hasNextPage } } } }"""
MAY_IT = """query($sha256: Hash!) { eligibility(sha256: $sha256, environment: "laboratory") {
    eligible holders { modelVersion { modelId } obstacle eligibility { eligible status holds { hold { reason } } } } } }"""


async def may(service: Service, artifact: dict[str, Any] = WEIGHTS) -> Any:
    """Whether an artefact may be deployed, and whether each that holds it may; None where nobody does."""
    found = (await service.ask(MAY_IT, sha256=artifact["sha256"]))["eligibility"]
    return found and (
        found["eligible"],
        {each["modelVersion"]["modelId"]: each["eligibility"]["eligible"] for each in found["holders"]},
    )


async def test_an_artefact_may_be_deployed_where_a_version_that_holds_it_may_and_none_is_on_hold(service: Service) -> None:
    assert await may(service) is None
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
    assert await may(service) is None


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
        assert len(answer["eligibility"]["holders"]) == 100 and len(commands) <= 7
        await versions.update_one({"version": "2.0.200"}, {"$set": {"artifacts": first["artifacts"]}})
        refused = await service.refusal(MAY_IT, ALICE, sha256=WEIGHTS["sha256"])
        assert (refused["code"], refused["size"], refused["limit"]) == ("LIMIT_EXCEEDED", 101, 100)
