"""What a read promises: no more fetched than asked, nothing hydrated that nobody asks, and no cost that grows with a list."""

import asyncio
from asyncio import CancelledError
from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any

import bson
import pytest
import strawberry
from strawberry.dataloader import DataLoader

from documents.errors import Unreadable
from documents.risk.scales import RiskTier
from documents.store.fields import fields_at
from documents.store.standins import Found, NotRead
from documents.versions.parts import Artifact, ArtifactKind
from documents.versions.version import ModelVersion
from resolvers.graph.context import Loader
from tests.examples import a_hundred_alike, eligible, register
from tests.service import NOW, Service
from tests.watching import Watched, watching, where

RAW = {
    "_id": bson.ObjectId(), "revision": 1, "model_id": "bot", "version": "1.0.0", "version_key": "1", "purpose": "Chats.",
    "tier": "tier_2_important", "classification": {"tier": "tier_2_important", "matches": [], "possible_keywords": []},
    "owner_id": "alice", "data_steward_id": "bob", "registered_by": "alice", "registered_at": NOW.replace(tzinfo=None),
    "artifacts": [{"kind": "weights", "uri": "s3://models/1", "sha256": None, "size": 2**40}],
}  # fmt: skip


def test_a_stand_in_believes_field_by_field_and_hydrates_for_rules_only() -> None:
    found: Any = Found(ModelVersion, RAW)
    assert isinstance(found, ModelVersion) and found.tier is RiskTier.TIER_2_IMPORTANT
    assert found.registered_at == NOW and found.registered_at.tzinfo is UTC
    assert isinstance(found.artifacts[0], Artifact) and found.artifacts[0].kind is ArtifactKind.WEIGHTS
    assert found.card is None and found.evidence == () and found._record is None
    assert found.dossier and found._record is not None
    assert found == ModelVersion.model_validate(found._whole().model_dump())
    with pytest.raises(AttributeError):
        found.purpose = "changed"


def test_what_was_not_read_is_refused_and_never_a_default() -> None:
    found: Any = Found(ModelVersion, {"_id": RAW["_id"], "purpose": "Chats."}, fields_at("purpose", "card"))
    assert found.purpose == "Chats." and found.card is None
    for more in ("evidence", "tier", "dossier"):
        with pytest.raises(NotRead):
            getattr(found, more)


def test_what_was_not_read_of_a_nested_record_is_refused_and_of_nothing_there_is_no_part() -> None:
    parts = {"card": {"model_type": "A", "metrics": [{"value": 0.5}]}, "evidence": [], "standing": {}}
    asked = ("card.model_type", "card.license", "card.metrics.value", "evidence.title", "round.number", "standing.status")
    found: Any = Found(ModelVersion, {"_id": RAW["_id"]} | parts, fields_at(*asked))
    assert (found.card.model_type, found.card.license, found.card.metrics[0].value) == ("A", None, 0.5)
    assert found.evidence == () and found.round is None
    not_read = (
        (found.card, ("architecture", "completeness", "developers")),
        (found.card.metrics[0], ("dataset", "disaggregated")),
        (found.standing, ("dossier", "status_at")),
    )
    for record, names in not_read:
        for name in names:
            with pytest.raises(NotRead):
                getattr(record, name)
    with pytest.raises(Unreadable, match="a stored Standing cannot be read at status"):  # read, and not there
        found.standing.status  # noqa: B018


def test_what_should_not_be_stored_is_never_believed() -> None:
    found: Any = Found(ModelVersion, RAW | {"tier": "tier_9", "artifacts": "none", "purpose": 1})
    for wrong in ("tier", "artifacts", "purpose"):
        with pytest.raises(Unreadable, match=f"ModelVersion bot/1.0.0 cannot be read at {wrong}"):
            getattr(found, wrong)


FACE = """
    version purpose tier status owner { name } card { metrics { value } } approvals { role status reviewer { name } }
    requiredApprovals { role candidates { name } } eligibility { eligible violations { reason } } model { name owner { name } }
    auditEvents(last: 1) { nodes { seq } }
"""
LIST = f"query($first: Int!) {{ modelVersions(first: $first) {{ nodes {{ {FACE} }} }} }}"


@pytest.fixture(scope="module")
async def hundred(server: str) -> AsyncIterator[Watched]:
    """A hundred versions that may be deployed: one that went all the way, and as many more like it."""
    service = await Service.started(server)
    await eligible(service)

    with service.database.bound():
        await a_hundred_alike(service)
    async for each in watching(server, service):
        yield each
    await service.close()


@pytest.mark.exhaustive
async def test_a_hundred_versions_cost_as_many_commands_as_one(hundred: Watched) -> None:
    one, few = await hundred.costs(LIST, first=1)
    many, commands = await hundred.costs(LIST, first=100)
    nodes = many["modelVersions"]["nodes"]
    assert len(nodes) == 100 and nodes[0] == one["modelVersions"]["nodes"][0]
    for node in nodes:
        assert node["eligibility"] == {"eligible": True, "violations": []} and node["owner"] == {"name": "Alice"}
        assert len(node["approvals"]) == 3 and node["card"]["metrics"] and node["auditEvents"]["nodes"]
    assert sorted(where(commands)) == sorted(where(few)) and len(commands) <= 13


async def test_pages_of_an_edge_are_one_command_for_any_number_of_parents(hundred: Watched) -> None:
    query = """query($first: Int!) { modelVersions(first: $first) { nodes {
        version auditEvents(last: 1) { totalCount nodes { seq } pageInfo { hasNextPage hasPreviousPage } } } } }"""
    answer, commands = await hundred.costs(query, first=50)
    assert where(commands) == ["model_versions", "audit_events", "audit_events"]
    first, *others = [each["auditEvents"] for each in answer["modelVersions"]["nodes"]]
    assert first["totalCount"] > 8 and first["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True}
    assert len({each["nodes"][0]["seq"] for each in others}) == 49
    assert all(each["totalCount"] == 2 and each["pageInfo"]["hasPreviousPage"] is True for each in others)


async def test_pages_of_an_edge_go_on_from_their_cursors(hundred: Watched) -> None:
    query = """query($first: Int, $after: String, $last: Int, $before: String) { model(modelId: "support-assistant") {
        latestVersion { version }
        versions(first: $first, after: $after, last: $last, before: $before) {
            totalCount nodes { version } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } } }"""
    seen, cursor = [], None
    for more in (True, False):
        answer, commands = await hundred.costs(query, first=60, after=cursor)
        assert where(commands) == ["models", "model_versions", "model_versions", "model_versions"]
        found = answer["model"]["versions"]
        seen += [each["version"] for each in found["nodes"]]
        cursor = found["pageInfo"]["endCursor"]
        assert found["totalCount"] == 100 and found["pageInfo"]["hasNextPage"] is more
    assert seen == [f"1.0.{each}" for each in range(100)] and answer["model"]["latestVersion"] == {"version": seen[-1]}
    before = (await hundred.costs(query, last=60, before=found["pageInfo"]["startCursor"]))[0]["model"]["versions"]
    assert [each["version"] for each in before["nodes"]] == seen[:60] and before["pageInfo"]["hasPreviousPage"] is False


async def test_how_many_there_are_is_counted_only_when_asked(hundred: Watched) -> None:
    _, commands = await hundred.costs("{ modelVersions(first: 2) { nodes { version } } }")
    assert where(commands) == ["model_versions"]
    answer, commands = await hundred.costs("{ modelVersions(first: 2) { totalCount } }")
    assert answer["modelVersions"]["totalCount"] == 100 and where(commands) == ["model_versions", "figure_counts"]


PAGE = """query($first: Int, $after: String, $last: Int, $before: String) {
    models(first: $first, after: $after, last: $last, before: $before) {
        nodes { modelId } edges { cursor node { modelId } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


async def page(service: Service, **part: Any) -> tuple[str, dict[str, Any], tuple[bool, bool]]:
    """The ids on a page of models, in short, where it ends, and whether there is more before and after."""
    found = (await service.ask(PAGE, **part))["models"]
    info, edges = found["pageInfo"], found["edges"]
    assert [each["node"] for each in edges] == found["nodes"]
    assert (info["startCursor"], info["endCursor"]) == ((edges[0]["cursor"], edges[-1]["cursor"]) if edges else (None, None))
    return "".join(each["modelId"] for each in found["nodes"]), info, (info["hasPreviousPage"], info["hasNextPage"])


async def test_pages_follow_each_other_and_stay_in_place_while_others_insert(service: Service) -> None:
    for model_id in "bdfhjln":
        await register(service, modelId=model_id)
    ids, info, more = await page(service, first=3)
    assert (ids, more) == ("bdf", (False, True))
    for model_id in "aeg":
        await register(service, modelId=model_id)
    ids, info, more = await page(service, first=3, after=info["endCursor"])
    assert (ids, more) == ("ghj", (True, True))
    ids, back, more = await page(service, last=3, before=info["startCursor"])
    assert (ids, more) == ("def", (True, True))
    assert (await page(service, last=3, before=back["startCursor"]))[::2] == ("ab", (False, True))
    ids, end, more = await page(service, first=3, after=info["endCursor"])
    assert (ids, more) == ("ln", (True, False))
    assert (await page(service, first=1, after=end["endCursor"]))[::2] == ("", (True, False))
    assert (await page(service, last=2))[::2] == ("ln", (True, False))
    assert (await page(service, first=0))[::2] == ("", (False, True))


async def test_records_of_one_moment_are_paged_one_by_one(hundred: Watched) -> None:
    """The clock of the test stands: every version was registered at the same time."""
    query = "query($after: String) { modelVersions(first: 30, after: $after) { nodes { version } pageInfo { endCursor } } }"
    seen, cursor = [], None
    for _ in range(4):
        found = (await hundred.service.ask(query, after=cursor))["modelVersions"]
        seen += [each["version"] for each in found["nodes"]]
        cursor = found["pageInfo"]["endCursor"]
    assert seen == [f"1.0.{each}" for each in range(100)]


@strawberry.type
class Item:
    fails: strawberry.Private[bool]

    @strawberry.field
    async def boom(self) -> int:
        if self.fails:
            raise ValueError("broken")
        return 1

    @strawberry.field
    async def shared(self, info: strawberry.Info) -> str:
        return str(await info.context["loader"].load("key"))


@strawberry.type
class Query:
    @strawberry.field
    def items(self) -> list[Item | None]:
        return [Item(fails=True), Item(fails=False)]


async def shared_by(kind: type[DataLoader[Any, Any]]) -> Any:
    async def load(keys: list[str]) -> list[str]:
        await asyncio.sleep(0.01)
        return keys

    result = await strawberry.Schema(Query).execute("{ items { boom shared } }", context_value={"loader": kind(load)})
    return result.data


async def test_a_failure_beside_a_shared_load_ends_the_whole_request_unless_it_is_shielded() -> None:
    with pytest.raises(CancelledError):
        await shared_by(DataLoader)
    assert await shared_by(Loader) == {"items": [None, {"boom": 1, "shared": "key"}]}
