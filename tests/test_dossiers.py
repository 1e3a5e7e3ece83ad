"""What exactly was approved: one question answers with each decision and every text that it was about, as they were."""

import json
from hashlib import sha256
from typing import Any

import pytest

from tests.examples import BOT, CARD, DATASHEET, LEAKAGE, TICKETS, assess, decide, eligible, read, register, submit
from tests.journey import FROM_OUTSIDE, WEIGHTS
from tests.service import ALICE, BOB, CAROL, DAVID, RITA, Service
from tests.watching import watching, where

TEXTS = "dossier { contents { part digest content { kind canonical } } }"
APPROVED = f"approvals {{ reviewerName status {TEXTS} }}"
CLOSED = f"closedRounds {{ round {{ number decisions {{ reviewerName {TEXTS} }} }} }}"


def texts(decision: Any) -> list[tuple[str, Any]]:
    """Each part with what its text says; every text hashes to its digest."""
    found = decision["dossier"]["contents"]
    assert all(sha256(each["content"]["canonical"].encode()).hexdigest() == each["digest"] for each in found)
    return [(each["part"], json.loads(each["content"]["canonical"])) for each in found]


async def change_everything(service: Service) -> None:
    """Every part of what there is to decide about becomes another."""
    await service.do("saveModelCard", **BOT, card={"license": "MIT"})
    await assess(service, LEAKAGE)
    await service.do("updateModelVersion", **BOT, purpose="Sorts mail", artifacts=[WEIGHTS], dependsOn=[FROM_OUTSIDE])
    await service.do("setRiskTier", RITA, **BOT, tier="TIER_1_CRITICAL", rationale="It was agreed.")
    await service.do("saveDatasheet", BOB, **TICKETS, datasheet=DATASHEET | {"purpose": "To learn more."})
    await service.do("linkDatasheet", **BOT, **TICKETS)


async def test_what_was_approved_reads_as_it_was_whatever_changed_since_and_in_closed_rounds(service: Service) -> None:
    await eligible(service)
    before = (await read(service, APPROVED))["approvals"]
    said = texts(before[0])
    assert [part for part, _ in said] == [
        "SCOPE", "TIER", "ARTIFACTS", "DEPENDENCIES", "CARD", "ASSESSMENT", "DATASHEETS", "DATASHEETS"
    ]  # fmt: skip
    of = dict(said[:-2])
    assert (of["TIER"], of["ARTIFACTS"], of["DEPENDENCIES"], of["CARD"]["license"]) == (
        "tier_2_important", [], [], CARD["license"],
    )  # fmt: skip
    assert len(of["ASSESSMENT"]["factors"]) > 3 and said[-1][1]["purpose"] == DATASHEET["purpose"]
    await change_everything(service)
    after = (await read(service, APPROVED))["approvals"]
    assert {each["status"] for each in after} == {"STALE"}
    assert [texts(each) for each in after] == [texts(each) for each in before]

    await decide(service, CAROL)
    (*_, again) = (await read(service, APPROVED))["approvals"]
    assert {part for (part, was), (_, now) in zip(said, texts(again), strict=True) if was != now} == {each for each, _ in said}
    await decide(service, DAVID, "REJECTED")
    await submit(service)
    (closed,) = (await read(service, CLOSED))["closedRounds"]
    assert [each["reviewerName"] for each in closed["round"]["decisions"]] == ["Carol", "David", "Alice", "Carol", "David"]
    assert [texts(each) for each in closed["round"]["decisions"]] == [texts(each) for each in [*before, again, again]]


async def test_what_nobody_has_decided_about_has_digests_and_no_texts_yet(service: Service) -> None:
    await register(service)
    asked = f"standing {{ {TEXTS} }}"
    found = (await read(service, asked))["standing"]["dossier"]["contents"]
    assert [(each["part"], each["content"]) for each in found] == [
        (part, None) for part in ("SCOPE", "TIER", "ARTIFACTS", "DEPENDENCIES", "DATASHEETS")
    ]  # fmt: skip
    await submit(service)
    await decide(service, ALICE)
    assert texts((await read(service, asked))["standing"])


@pytest.mark.exhaustive
async def test_thirty_decisions_cost_as_many_commands_as_one(server: str, service: Service) -> None:
    await register(service)
    await submit(service)
    await decide(service, CAROL)
    query = f'{{ modelVersion(modelId: "{BOT["modelId"]}", version: "{BOT["version"]}") {{ {APPROVED} {CLOSED} }} }}'
    async for watched in watching(server, service):
        _, few = await watched.costs(query)
        for at in range(14):
            await service.do("saveModelCard", **BOT, card={"license": f"{at}"})
            await decide(service, CAROL)
            await decide(service, DAVID)
        await decide(service, ALICE)
        answer, many = await watched.costs(query)
        assert len(answer["modelVersion"]["approvals"]) == 30
        assert where(many) == where(few) == ["model_versions", "contents", "contents"]
        await decide(service, CAROL, "REJECTED")
        await submit(service)
        answer, closed = await watched.costs(query)
        assert len(answer["modelVersion"]["closedRounds"][0]["round"]["decisions"]) == 31
        assert where(closed) == ["model_versions", "contents", "contents", "contents"]
