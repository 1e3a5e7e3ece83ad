"""The counts that transactions keep: what the dashboard, totals and aggregates tell is what counting anew makes of it."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from documents.kinds import RECORDS
from documents.risk.scales import RiskTier
from documents.store.counts import MARGIN, FigureCount, missing, recount
from documents.versions.lifecycle import VersionStatus
from gql.verifications import verification
from tests.counted import miscounted
from tests.examples import BOT, EXPERIMENT, eligible, register, submit
from tests.operations import DORA, TOM, deployed
from tests.service import ADA, ALICE, AUDREY, RITA, Person, Service
from tests.watching import Watched, watching, where

Raw = dict[str, Any]


@pytest.fixture
async def watched(service: Service, server: str) -> AsyncIterator[Watched]:
    async for each in watching(server, service):
        yield each


async def test_each_figure_is_what_its_filter_counts_whatever_time_it_is(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await eligible(service)
    await register(service, modelId="notes", **EXPERIMENT)
    await submit(service, modelId="notes")
    await deployed(service)
    lapses = service.now + timedelta(days=40)
    await service.do("acceptRisk", RITA, **BOT, riskId="SEC-001", rationale="Nobody reaches it.", expiresAt=lapses.isoformat())
    for days in (0, 1, 20, 30, 100, 400):
        service.later(days=days)
        assert await miscounted(service) == []
    await register(service, modelId="late")
    await service.do("retireModelVersion", **BOT | {"modelId": "late"}, reason="Nobody uses it.")
    assert await miscounted(service) == []


async def test_a_refused_mutation_counts_for_nothing(service: Service) -> None:
    await register(service)
    before = await FigureCount.raws({})
    assert (await service.refused("registerModelVersion", **BOT, ownerId="alice", dataStewardId="bob", **EXPERIMENT))["code"]
    await service.refused("retireModelVersion", **BOT, reason="", expectedRevision=99)
    assert await FigureCount.raws({}) == before


async def test_processes_that_write_at_once_lose_no_count(service: Service, server: str) -> None:
    other = Service(server, service.database.name)
    await other.database.know(RECORDS)
    await asyncio.gather(*(register(each, modelId=f"m{at}") for at, each in enumerate([service, other] * 6)))
    counted = await service.ask("{ modelVersions(first: 0) { totalCount } dashboard { inventory { models { count } } } }")
    assert counted == {"modelVersions": {"totalCount": 12}, "dashboard": {"inventory": {"models": {"count": 12}}}}
    other.database.close()


async def test_a_mutation_takes_one_command_more_at_most_and_one_that_changes_what_is_in_use_another(watched: Watched) -> None:
    """And none that changes nothing of what is counted."""
    service = watched.service

    async def spent(mutation: str, by: Person = ALICE, **said: Any) -> int:
        watched.commands.seen.clear()
        await service.do(mutation, by, **said)
        return Counter(where(watched.commands.seen))["figure_counts"]

    await register(service, modelId="first")
    about = {"modelId": "first", "ownerId": "alice", "dataStewardId": "bob"} | EXPERIMENT
    assert await spent("registerModelVersion", **about, version="2.0.0") == 2
    assert await spent("updateModelVersion", modelId="first", version="2.0.0", restrictions=["Not for health"]) == 0
    assert await spent("setRiskTier", RITA, modelId="first", version="2.0.0", tier="TIER_3_STANDARD", rationale="Agreed.") == 1
    assert await spent("retireModelVersion", modelId="first", version="2.0.0", reason="Nobody uses it.") == 2


# Totals and aggregates


@pytest.fixture(scope="module")
async def estate(server: str) -> AsyncIterator[Watched]:
    """Versions of every tier in every stored status, of which some lapse, put there past the trail and counted."""
    service = await Service.started(server)
    with service.database.bound():
        await register(service)
        versions = service.database.raw("model_versions")
        first = await versions.find_one({}) or {}
        made = []
        for at in range(200):
            until = service.now + timedelta(days=at % 7 - 3) if at % 3 else None
            standing = {"status": [*VersionStatus][at % 5], "approved_until": until}
            said: Raw = {"_id": ObjectId(), "version": f"9.{at}.0", "tier": [*RiskTier][at * at % 7 % 4]}
            made.append(first | said | {"standing": first["standing"] | standing if at % 11 else None})
        await versions.insert_many(made)
        await recount(RECORDS, service.now)
    async for each in watching(server, service):
        each.service.now = service.now
        yield each
    await service.close()


TIER = {"tier": {"eq": "TIER_1_CRITICAL"}}
FILTERS: list[Raw] = [
    {}, TIER, {"tier": {"in": ["TIER_1_CRITICAL", "TIER_3_STANDARD"]}}, {"standing": {"status": {"eq": "DRAFT"}}},
    {"standing": {"status": {"in": ["APPROVED", "RETIRED"]}}}, TIER | {"standing": {"status": {"eq": "REJECTED"}}},
    *({"status": {"eq": each.name}} for each in VersionStatus), TIER | {"status": {"eq": "PENDING_APPROVAL"}},
    TIER | {"status": {"eq": "APPROVED"}},
    {"and": [TIER, {"tier": {"eq": "TIER_2_IMPORTANT"}}]},
]  # fmt: skip
OTHERS: list[Raw] = [
    {"or": [TIER, {"status": {"eq": "DRAFT"}}]}, {"not": TIER}, {"status": {"in": ["APPROVED", "PENDING_APPROVAL"]}},
    {"ownerId": {"eq": "alice"}}, {"status": {"eq": "APPROVED"}, "standing": {"status": {"eq": "RETIRED"}}},
    {"status": {"eq": "PENDING_APPROVAL"}, "standing": {"status": {"eq": "APPROVED"}}},
]  # fmt: skip


async def listed(service: Service, asked: Raw) -> int:
    """How many versions a list has, page by page."""
    query = """query($filter: ModelVersionFilter, $after: String) {
        modelVersions(first: 100, after: $after, filter: $filter) { nodes { version } pageInfo { hasNextPage endCursor } } }"""
    many, after = 0, None
    while True:
        page = (await service.ask(query, filter=asked, after=after))["modelVersions"]
        many += len(page["nodes"])
        if not page["pageInfo"]["hasNextPage"]:
            return many
        after = page["pageInfo"]["endCursor"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("asked", [*FILTERS, *OTHERS], ids=json.dumps)
async def test_a_total_is_the_number_of_what_the_list_has(estate: Watched, asked: Raw) -> None:
    query = "query($filter: ModelVersionFilter) { modelVersions(first: 0, filter: $filter) { totalCount } }"
    for days in (0, 1, 2):
        estate.service.later(days=days)
        found, commands = await estate.costs(query, filter=asked)
        assert found["modelVersions"]["totalCount"] == await listed(estate.service, asked)
        assert where(commands)[-1] == ("figure_counts" if asked in FILTERS else "model_versions")
    estate.service.later(days=-3)


GROUPED = [
    "", "groupBy: [{tier: ASC}]", "groupBy: [{tier: DESC}, {standing: {status: ASC}}]",
    "groupBy: [{standing: {status: DESC}}], orderBy: [{count: DESC}]", "groupBy: [{standing: {status: ASC}}], first: 2",
]  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("grouped", GROUPED)
@pytest.mark.parametrize("asked", [{}, TIER, {"standing": {"status": {"eq": "DRAFT"}}}], ids=json.dumps)
async def test_groups_by_tier_and_status_are_counted_as_the_database_counts_them(
    estate: Watched, grouped: str, asked: Raw
) -> None:
    """A filter that always holds, and that no count is kept for, lets the database count."""
    query = """query($filter: ModelVersionFilter) {
        modelVersionAggregates(filter: $filter, %s) { count keys { tier standingStatus } } }"""
    everything = {"modelId": {"isNull": False}}
    kept, commands = await estate.costs(query % grouped, filter=asked)
    counted, by_database = await estate.costs(query % grouped, filter={"and": [asked, everything]})
    assert kept == counted
    assert (where(commands), where(by_database)) == (["figure_counts"], ["model_versions"])


async def test_the_total_of_each_kind_that_is_counted_is_kept(estate: Watched) -> None:
    kinds = ("models", "changeRequests", "deployments", "incidents", "datasheets")
    asked = " ".join(f"{each}(first: 0) {{ totalCount }}" for each in kinds)
    told, commands = await estate.costs(f"{{ {asked} }}", AUDREY)
    assert told == {each: {"totalCount": int(each == "models")} for each in kinds}
    assert where(commands).count("figure_counts") == 5


# Counted anew


async def differ(service: Service, name: str, changed: Raw) -> None:
    await service.database.collection("figure_counts").update_one({"name": name}, changed, upsert=True)


@pytest.mark.tampers
async def test_the_daily_verification_names_a_count_that_differs_and_puts_it_right(service: Service) -> None:
    await register(service)
    (beginning,) = await FigureCount.raws({"name": {"$regex": "^model_versions .*1970"}})
    await differ(service, beginning["name"], {"$inc": {"sums.versions": 5}})
    await differ(service, beginning["name"], {"$inc": {"sums.models": 1}})
    await differ(service, "model_versions.models ghost", {"$set": {"held": 1, "of": "model_versions.models", "value": "ghost"}})
    await differ(service, "nonsense", {"$set": {"sums": [1]}})
    run = await verification(None, lambda: service.now, 300)
    assert run is not None
    told = {(each.kind.name, each.resource.type, each.resource.id, each.path) for each in run.found.faults if each.resource}
    assert told == {
        ("RECORD_DIFFERS", "FigureCount", beginning["name"], "versions"),
        ("RECORD_DIFFERS", "FigureCount", beginning["name"], "models"),
        ("RECORD_DIFFERS", "FigureCount", "model_versions.models ghost", None),
        ("RECORD_DIFFERS", "FigureCount", "nonsense", None),
    }
    assert (await missing(RECORDS, service.now)).differences == []
    service.later(days=2)
    again = await verification(None, lambda: service.now, 300)
    assert again is not None and again.found.valid and again.is_whole


async def test_what_passed_is_merged_and_counts_on(service: Service) -> None:
    await eligible(service)
    service.later(days=400)
    several = len(await FigureCount.raws({}))
    assert await recount(RECORDS, service.now) == []
    assert len(await FigureCount.raws({})) < several
    assert await miscounted(service) == []
    await service.do("completeReview", ALICE, **BOT, **dict.fromkeys(("metrics", "drift", "incidents", "compliance"), "Fine."))
    assert await miscounted(service) == []
    service.later(days=MARGIN.days + 200)
    assert await recount(RECORDS, service.now) == [] and await miscounted(service) == []


async def test_counting_anew_goes_on_beside_mutations(service: Service) -> None:
    await register(service)
    await differ(service, "incidents 1970-01-01T00:00:00.000", {"$inc": {"sums.all": 3}})
    written = [register(service, modelId=f"m{at}") for at in range(5)]
    found, *_ = await asyncio.gather(recount(RECORDS, service.now), *written)
    assert [each.figure for each in found] == ["all"]
    assert (await missing(RECORDS, service.now)).differences == []


async def test_a_version_that_was_altered_counts_for_nothing_and_stops_nothing(service: Service) -> None:
    await register(service)
    versions = service.database.collection("model_versions")
    stored = await versions.find_one({}) or {}
    await versions.update_one({}, {"$set": {"standing": "approved", "tier": {"$of": 1}}})
    assert {each.missing for each in await recount(RECORDS, service.now)} == {-1}
    await versions.replace_one({}, stored)
    assert {each.missing for each in await recount(RECORDS, service.now)} == {1}
    told = await service.ask("{ modelVersions { totalCount } dashboard { inventory { versions { count } } } }", ADA)
    assert told == {"modelVersions": {"totalCount": 1}, "dashboard": {"inventory": {"versions": {"count": 1}}}}
