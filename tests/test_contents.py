"""Contents: every revision as it was, and what one says otherwise than another."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest

from tests.examples import BOT, CARD, TICKETS, read, register, save_card, save_datasheet
from tests.service import CAROL, Service
from tests.watching import Watched, watching, where


async def test_every_revision_of_a_card_can_be_read_again_byte_for_byte(service: Service) -> None:
    await register(service)
    await save_card(service)
    service.later(days=1)
    await save_card(service, card=CARD | {"license": "MIT", "contact": None})
    asked = "card { license contact modelName } cardRevisions { revision digest at author { userId } content { canonical } }"
    found = await read(service, asked)
    assert found["card"] == {"license": "MIT", "contact": None, "modelName": "Support assistant"}
    first, second = found["cardRevisions"]
    for each in (first, second):
        assert sha256(each["content"]["canonical"].encode()).hexdigest() == each["digest"]
    assert (first["revision"], second["revision"], first["author"]) == (1, 2, {"userId": "alice"})
    kept = json.loads(first["content"]["canonical"])
    assert (kept["license"], kept["contact"], kept["version"]) == ("Proprietary", "support-ml@example.org", "1.0.0")
    answer = await service.ask("query($digest: Hash!) { content(digest: $digest) { kind canonical } }", digest=first["digest"])
    assert answer["content"] == {"kind": "MODEL_CARD", "canonical": first["content"]["canonical"]}


async def since(service: Service, digest: str, before: str) -> Any:
    query = """query($digest: Hash!, $before: Hash!) {
      content(digest: $digest) { changesSince(digest: $before) { path before after } } }"""
    found = (await service.ask(query, CAROL, digest=digest, before=before))["content"]["changesSince"]
    return None if found is None else {each["path"]: (each["before"], each["after"]) for each in found}


async def test_two_revisions_of_a_card_say_what_changed_from_what_to_what(service: Service) -> None:
    await register(service)
    await save_card(service)
    metric = CARD["metrics"][0] | {"value": 0.95}
    await save_card(service, card={"metrics": [metric], "license": None, "recommendations": [], "additionalInfo": {"seed": 7}})
    await save_card(service, card={"license": "A licence. " * 15})
    digests = [each["digest"] for each in (await read(service, "cardRevisions { digest }"))["cardRevisions"]]
    assert await since(service, digests[1], digests[0]) == {
        "additional_info.seed": (None, "7"),
        "license": ('"Proprietary"', None),
        "metrics.0.value": ("0.91", "0.95"),
        "recommendations.0": ('"Offer a person."', None),
    }
    assert (await since(service, digests[0], digests[1]))["metrics.0.value"] == ("0.95", "0.91")
    assert await since(service, digests[2], digests[1]) == {"license": (None, json.dumps("A licence. " * 15))}
    assert await since(service, digests[0], digests[0]) == {}


async def test_two_revisions_of_a_datasheet_say_what_changed_and_a_card_is_compared_with_no_datasheet(service: Service) -> None:
    await save_datasheet(service)
    await save_datasheet(service, instanceCount=2, purpose="x" * 20_000)
    query = "query($datasetId: String!) { datasheet(datasetId: $datasetId) { revisions { digest } } }"
    first, second = [each["digest"] for each in (await service.ask(query, **TICKETS))["datasheet"]["revisions"]]
    assert await since(service, second, first) == {
        "instance_count": ("3000000000", "2"),
        "purpose": ('"To learn what buyers ask."', f'"{"x" * 20_000}"'),
    }
    await register(service)
    await save_card(service)
    (card,) = (await read(service, "cardRevisions { digest }"))["cardRevisions"]
    assert await since(service, card["digest"], first) is None
    assert await since(service, first, "0" * 64) is None


@pytest.fixture
async def watched(server: str, service: Service) -> AsyncIterator[Watched]:
    async for each in watching(server, service):
        yield each


async def test_comparing_every_revision_with_the_first_costs_no_more_than_comparing_one(
    service: Service, watched: Watched
) -> None:
    await register(service)
    await save_card(service)
    (first,) = (await read(service, "cardRevisions { digest }"))["cardRevisions"]
    query = """query($first: Hash!) { modelVersions(first: 1) { nodes {
      card { markdown json } cardRevisions { content { changesSince(digest: $first) { path } } } } } }"""
    _, few = await watched.costs(query, first=first["digest"])
    for each in ("MIT", "Apache-2.0", "GPL-3.0-only"):
        await save_card(service, card={"license": each})
    many, commands = await watched.costs(query, first=first["digest"])
    (found,) = many["modelVersions"]["nodes"]
    changed = [[one["path"] for one in each["content"]["changesSince"]] for each in found["cardRevisions"]]
    assert changed == [[], ["license"], ["license"], ["license"]]
    assert sorted(where(commands)) == sorted(where(few))


async def test_a_content_too_large_is_refused_and_changes_nothing(service: Service) -> None:
    await register(service)
    before = await service.state()
    refused = await service.refused("saveModelCard", **BOT, card=CARD | {"knownLimitations": ["x" * 20_000] * 14})
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 256 * 1024) and refused["size"] > 280_000
    assert await service.state() == before
    await service.do("saveModelCard", **BOT, card=CARD | {"knownLimitations": ["x" * 20_000] * 13})
