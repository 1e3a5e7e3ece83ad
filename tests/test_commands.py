"""How many commands each example and each screen costs the database: a few, and no more for a long page than for a short one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from documents.policies import all_policies
from documents.store.shared import once, sharing
from documents.store.units import Unit
from tests.example_files import EXAMPLES, example, happened, variables_of
from tests.examples import BOT, a_hundred_alike
from tests.service import ALICE, Service
from tests.watching import Commands, Watched, where

COMMANDS: Mapping[str, int] = {
    "built-on-retired": 5, "decided-by": 3, "may-this-artifact-be-deployed": 11, "open-high-risks": 2, "overdue-reviews": 3,
    "versions-side-by-side": 13, "waivers-and-holds": 3, "what-changed": 2, "what-exactly-was-approved": 3,
    "where-governance-stands": 5, "who-allowed-what-ran": 6, "who-is-awaited": 12,
}  # fmt: skip
"""The commands of each example, but for those that sign the caller in."""

ONE = "$modelId: String!, $version: String!"
SHOWN = "id modelId version status restrictions actions(only: $only) { mutation allowed refusal { code message } }"
SCREENS: Mapping[str, tuple[str, Mapping[str, Any], int]] = {
    "the list": (
        "query($modelId: String!) { model(modelId: $modelId) { id versions(first: 10) { nodes { id version status } } } }",
        {"modelId": BOT["modelId"]},
        2,
    ),
    "a version and what may be done with it": (
        f"query Detail({ONE}, $only: [String!]) {{ modelVersion(modelId: $modelId, version: $version) {{ {SHOWN} }} }}",
        BOT | {"only": ["updateModelVersion", "retireModelVersion", "grantWaiver"]},
        2,
    ),
    "who asks, and may what": ("{ viewer { id mutations stakeholder { name roles } } }", {}, 0),
    "a person's tasks": ("{ viewer { stakeholder { tasks(first: 10) { items { kind modelId } } } } }", {}, 2),
    "the models, with who owns them": (
        "{ models(first: 10) { nodes { modelId name owner { name } latestVersion { version status } } } }", {}, 3,
    ),
    "the models and their number": ("{ models(first: 10) { totalCount nodes { modelId } } }", {}, 2),
}  # fmt: skip
"""What the screens of tests/clients ask, and others like them, each with its commands."""

JUDGED = "version eligibility { eligible violations { reason } } requiredApprovals { role candidates { name } } owner { name }"
TOGETHER = f"""query({ONE}) {{
    modelVersion(modelId: $modelId, version: $version) {{ {JUDGED} }} modelVersions(first: 5) {{ nodes {{ {JUDGED} }} }}
    model(modelId: $modelId) {{ versions(first: 5) {{ nodes {{ {JUDGED} }} }} }} }}"""
PAGES: Mapping[str, tuple[str, int]] = {
    "versions": (f"modelVersions(first: $first) {{ nodes {{ {JUDGED} actions {{ mutation allowed }} }} }}", 20),
    "versions with verdicts": ("modelVersions(first: $first) { nodes { verdict { eligible reasons { code } } } }", 13),
    "versions with their number": ("modelVersions(first: $first) { totalCount nodes { version model { name } } }", 3),
    "versions and around them": (
        """modelVersions(first: $first) { nodes { version dataSteward { name } datasheets { datasetId } auditEvents(last: 1) {
        nodes { seq } } changeRequests(first: 2) { nodes { changeId } } deployments(first: 1) { totalCount } } }""", 8,
    ),
    "the versions of a model": (
        """model(modelId: "support-assistant") { name versions(first: $first) { nodes { version status owner { name } } } }""", 3,
    ),
    "people": ("stakeholders(first: $first) { nodes { name decisions(first: 1) { totalCount } } }", 3),
}  # fmt: skip
"""Pages of any length, each with the most commands that it costs."""


async def watched_too(server: str, service: Service) -> AsyncIterator[Watched]:
    """The service as another process serves it, whose commands are seen."""
    commands = Commands()
    other = Service(server, service.database.name, event_listeners=[commands])
    await other.database.prepare(())
    other.now, service.written_elsewhere = service.now, True
    yield Watched(other, commands)
    await other.close()


@pytest.fixture(scope="module")
async def shop(server: str) -> AsyncIterator[Watched]:
    service = await Service.started(server)
    with service.database.bound():
        await happened(service)
        async for each in watched_too(server, service):
            yield each
    await service.close()


async def test_the_commands_of_each_example_are_known(shop: Watched) -> None:
    found = {}
    for path in EXAMPLES.glob("*.graphql"):
        _, commands = await shop.costs(example(path.stem), **variables_of(path))
        found[path.stem] = len(commands)
    assert found == COMMANDS


@pytest.mark.parametrize("name", SCREENS)
async def test_the_commands_of_each_screen_are_known(shop: Watched, name: str) -> None:
    query, variables, most = SCREENS[name]
    _, commands = await shop.costs(query, **variables)
    assert len(commands) == most, where(commands)


async def test_roots_share_what_they_judge_by(shop: Watched) -> None:
    """However many parts of a question judge versions: the policies, the calendar and the owners are read once."""
    _, commands = await shop.costs(TOGETHER, **BOT)
    read = Counter(where(commands))
    assert read["policies"] == read["review_calendar"] == 1, read
    _, single = await shop.costs(f"query({ONE}) {{ modelVersion(modelId: $modelId, version: $version) {{ {JUDGED} }} }}", **BOT)
    assert read["rules"] == Counter(where(single))["rules"]


async def test_a_count_costs_a_command_only_where_it_is_asked_for(shop: Watched) -> None:
    for page in ("models", "modelVersions", "stakeholders", "changeRequests", "deployments", "datasheets", "incidents"):
        _, plain = await shop.costs(f"{{ {page}(first: 2) {{ nodes {{ id }} pageInfo {{ hasNextPage }} }} }}")
        _, counted = await shop.costs(f"{{ {page}(first: 2) {{ totalCount nodes {{ id }} pageInfo {{ hasNextPage }} }} }}")
        assert (len(plain), len(counted)) == (1, 2), page


@pytest.fixture(scope="module")
async def grown(server: str) -> AsyncIterator[Watched]:
    """Data for the examples, with 99 more versions of one model that are like the one that was deployed."""
    service = await Service.started(server)
    with service.database.bound():
        await happened(service)
        await a_hundred_alike(service)
        async for each in watched_too(server, service):
            yield each
    await service.close()


@pytest.mark.parametrize("name", PAGES)
async def test_a_long_page_costs_as_many_commands_as_a_short_one(grown: Watched, name: str) -> None:
    page, most = PAGES[name]
    found = [await grown.costs(f"query($first: Int!) {{ {page} }}", ALICE, first=first) for first in (10, 100)]
    (_, few), (_, many) = found
    assert sorted(where(many)) == sorted(where(few)) and len(many) <= most, where(many)


async def test_the_examples_cost_no_more_over_a_hundred_versions(grown: Watched) -> None:
    for name, most in COMMANDS.items():
        _, commands = await grown.costs(example(name), **variables_of(EXAMPLES / f"{name}.graphql"))
        assert len(commands) <= most, name


async def test_what_is_shared_is_read_once_and_not_in_a_unit_of_work(service: Service) -> None:
    read: list[int] = []

    async def reading() -> int:
        read.append(len(read))
        await asyncio.sleep(0)
        return read[-1]

    async def work(unit: Unit) -> list[int]:
        return [await once("a", reading), await once("a", reading)]

    with service.database.bound():
        assert [await once("a", reading), await once("a", reading)] == [0, 1]
        with sharing():
            assert await asyncio.gather(*(once("a", reading) for _ in range(5))) == [2] * 5
            assert await once("b", reading) == 3 and await once("a", reading) == 2
            assert await service.database.transact(work, service.now) == [4, 5]
            assert await all_policies() is await all_policies()
        assert await once("a", reading) == 6


async def test_what_is_shared_survives_who_began_it_and_is_read_again_if_it_failed() -> None:
    goes, tries = asyncio.Event(), list[int]()

    async def reading() -> int:
        tries.append(1)
        await goes.wait()
        if len(tries) == 1:
            raise OSError("once")
        return len(tries)

    with sharing():
        first, second = (asyncio.create_task(once("a", reading)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        goes.set()
        with pytest.raises(OSError, match="once"):
            await second
        assert await once("a", reading) == 2 and first.cancelled()
