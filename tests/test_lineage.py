"""What a version was made from, and what was made from it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from bson import ObjectId

from tests.examples import EXPERIMENT, REGISTRATION, read, register
from tests.service import Service
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
