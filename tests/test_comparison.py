"""Several versions of one model side by side: how each stands, what it needs, and what is different between them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.examples import (
    ACCESS_VERIFIED,
    BOT,
    CARD,
    LEAKAGE,
    RATED,
    REGISTRATION,
    TICKETS,
    assess,
    decide,
    document,
    read,
    register,
    save_card,
    save_datasheet,
    submit,
)
from tests.journey import WEIGHTS
from tests.service import ALICE, BOB, CAROL, DAVID, RITA, Service
from tests.watching import Watched, watching, where

EXAMPLES = Path(__file__).parents[1] / "examples"
SECOND = BOT | {"version": "1.1.0"}


async def another(service: Service, version: str, **said: Any) -> dict[str, Any]:
    """One more version of the model; what names it."""
    known = {name: REGISTRATION[name] for name in ("modelId", "purpose", "useCases", "ownerId", "dataStewardId")}
    await service.do("registerModelVersion", **known | {"version": version} | said)
    return BOT | {"version": version}


async def all_states(service: Service) -> None:
    """Ten versions of one model: in every state, and held, excepted, stale and lapsing as well."""
    await register(service)  # a draft of which nothing is known
    await document(service, **await another(service, "1.1.0"))  # a draft with all its papers
    submitted = [await another(service, f"1.{minor}.0") for minor in range(2, 10)]
    for each in submitted:
        await submit(service, **each)
    _, conditional, rejected, approved, stale, held, excepted, retired = submitted
    await decide(service, CAROL, verdict="CONDITIONAL", conditions=["Ask again"], **conditional)
    await decide(service, CAROL, verdict="REJECTED", **rejected)
    for each in (approved, stale, held, excepted):
        for reviewer in (CAROL, DAVID, ALICE):
            await decide(service, reviewer, **each)
    await save_card(service, **stale)
    await service.do("placeHold", CAROL, **held, reason="It answers in riddles")
    until = {"requirementId": ACCESS_VERIFIED["requirementId"], "expiresAt": "2026-04-01T00:00:00Z"}
    await service.do("grantWaiver", RITA, **excepted, **until, rationale="It is reached from inside only")
    await service.do("retireModelVersion", **retired, reason="It was replaced")


@pytest.fixture
async def watched(server: str, service: Service) -> AsyncIterator[Watched]:
    async for each in watching(server, service):
        yield each


async def test_ten_versions_in_all_states_stand_side_by_side_and_say_what_they_need(service: Service, watched: Watched) -> None:
    await all_states(service)
    asked = (EXAMPLES / "versions-side-by-side.graphql").read_text()
    documented = {"version": {"eq": "1.1.0"}}
    one, few = await watched.costs(asked, modelId=BOT["modelId"], first=10, filter=documented)
    many, commands = await watched.costs(asked, modelId=BOT["modelId"], first=10)
    nodes = many["model"]["versions"]["nodes"]
    assert nodes[1:2] == one["model"]["versions"]["nodes"]
    assert sorted(where(commands)) == sorted(where(few))
    assert [each["status"] for each in nodes] == [
        "DRAFT", "DRAFT", "PENDING_APPROVAL", "PENDING_APPROVAL", "REJECTED", "APPROVED", "PENDING_APPROVAL", "APPROVED",
        "APPROVED", "RETIRED",
    ]  # fmt: skip
    needs = {each["version"]: each["eligibility"] for each in nodes}
    assert len(needs["1.0.0"]["violations"]) == 11 and needs["1.1.0"]["violations"] == []
    assert {each["remedy"]["mutation"] for each in needs["1.1.0"]["missingApprovals"]} == {"submitForApproval"}
    conditional = {each["role"]: each["remedy"]["mutation"] for each in needs["1.3.0"]["missingApprovals"]}
    assert conditional["ETHICS_REVIEWER"] == "satisfyCondition" and conditional["MODEL_OWNER"] == "submitApproval"
    assert {each["status"] for each in needs["1.6.0"]["missingApprovals"]} == {"STALE"}
    assert [each["hold"]["role"] for each in needs["1.7.0"]["holds"]] == ["ETHICS_REVIEWER"]
    assert [each["finding"]["requirementId"] for each in needs["1.8.0"]["waived"]] == [ACCESS_VERIFIED["requirementId"]]
    assert all(each["remedy"] is None for each in needs["1.9.0"]["missingApprovals"])


async def differing(service: Service, **of: Any) -> dict[str, Any]:
    """Each part that is different in the second version, and where."""
    selected = 'changesSince(version: "1.0.0") { part before after paths }'
    found = (await read(service, selected, **SECOND | of))["changesSince"]
    return {each["part"]: each for each in found}


async def test_two_versions_that_say_the_same_differ_in_no_part(service: Service) -> None:
    await register(service)
    await another(service, "1.1.0")
    await document(service)
    await document(service, **SECOND)
    await service.do("linkDatasheet", **BOT | TICKETS)  # the datasheet was saved again meanwhile
    service.later(days=1)
    await assess(service, *RATED, LEAKAGE, **SECOND)
    assert await differing(service) == {}


async def test_what_is_different_is_named_part_by_part_with_the_digests_of_both(service: Service) -> None:
    await register(service, artifacts=[WEIGHTS])
    await document(service)
    await another(service, "1.1.0", useCases=REGISTRATION["useCases"][:2], dependsOn=[])
    metric = CARD["metrics"][0] | {"value": 0.95}
    await save_card(service, **SECOND, card=CARD | {"metrics": [metric], "license": "MIT"})
    await assess(service, *RATED, LEAKAGE | {"controlEffectiveness": 0.75}, **SECOND)
    await save_datasheet(service, purpose="To learn what they mean.")
    await service.do("linkDatasheet", BOB, **SECOND | TICKETS)
    found = await differing(service)
    assert {part: each["paths"] for part, each in found.items()} == {
        "SCOPE": ["scope.useCases.2"],
        "ARTIFACTS": [f"artifacts.0.{each}" for each in ("kind", "sha256", "size", "uri")],
        "CARD": ["card.license", "card.metrics.0.value"],
        "ASSESSMENT": ["assessment.factors.SEC-002.controlEffectiveness"],
        "DATASHEETS": ["datasheets.support-tickets.digest", "datasheets.support-tickets.revision"],
    }
    content = "query($digest: Hash!) { content(digest: $digest) { kind } }"
    for side in ("before", "after"):
        kept = await service.ask(content, digest=found["CARD"][side])
        assert kept == {"content": {"kind": "MODEL_CARD"}}


async def test_what_one_version_lacks_is_different(service: Service) -> None:
    await register(service)
    await another(service, "1.1.0")
    await save_card(service, **SECOND)
    card = (await differing(service))["CARD"]
    assert card["before"] is None and card["after"] and "card.license" in card["paths"]
    assert await read(service, 'changesSince(version: "2.0.0") { part }', **SECOND) == {"changesSince": None}
    assert await read(service, 'changesSince(version: "1.1.0") { part }', **SECOND) == {"changesSince": []}


async def test_comparing_many_versions_with_one_costs_no_more_than_one(service: Service, watched: Watched) -> None:
    await register(service)
    for minor in range(1, 6):
        await another(service, f"1.{minor}.0", purpose=f"Answers {minor} customers")
    query = """query($modelId: String!, $first: Int!) { model(modelId: $modelId) { versions(first: $first) { nodes {
      version changesSince(version: "1.0.0") { part } } } } }"""
    _, few = await watched.costs(query, modelId=BOT["modelId"], first=1)
    many, commands = await watched.costs(query, modelId=BOT["modelId"], first=6)
    assert [len(each["changesSince"]) for each in many["model"]["versions"]["nodes"]] == [0, 1, 1, 1, 1, 1]
    assert where(commands) == where(few)
