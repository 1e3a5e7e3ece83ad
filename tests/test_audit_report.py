"""The audit report: what the trail tells of one resource or model, counted whole, told as far as it says, safe to read."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from markdown_it import MarkdownIt

from documents.canonical import canonical
from documents.reports import loading
from gql.verifications import verification
from tests.examples import BOT, attach, register
from tests.service import ALICE, AUDREY, BOB, Service
from tests.watching import Watched, watching

ARGUMENTS = """$resourceType: String, $resourceId: String, $modelId: String, $version: String, $actorId: String,
    $eventTypes: [AuditEventType!], $outcomes: [AuditOutcome!], $since: DateTime, $until: DateTime"""
PASSED = ", ".join(f"{each}: ${each}" for each in (
    "resourceType", "resourceId", "modelId", "version", "actorId", "eventTypes", "outcomes", "since", "until",
))  # fmt: skip
REPORT = f"query({ARGUMENTS}) {{ auditReport({PASSED}) {{ %s }} }}"
ALL = f"query({ARGUMENTS}, $after: String) {{ auditReport({PASSED}) {{ auditEvents(first: 5, after: $after) {{ %s }} }} }}"
EVENTS = ALL % "totalCount nodes { seq } pageInfo { hasNextPage endCursor }"
HOSTILE = "| a | *b*\n# c <script>alert(1)</script> [d](http://e.example) `f`"
KEY = "/".join(BOT.values())
Raw = dict[str, Any]


async def report(service: Service, **about: Any) -> Raw:
    """The report's JSON, read."""
    found: str = (await service.ask(REPORT % "json", AUDREY, **about))["auditReport"]["json"]
    return dict(json.loads(found))


@pytest.fixture(scope="module")
async def told(server: str) -> AsyncIterator[Service]:
    """Two models; of the first a dozen events by two people, an hour apart, some of them refused."""
    service = await Service.started(server)
    with service.database.bound():
        await register(service)
        await register(service, modelId="other")
        for number in range(6):
            service.later(hours=1)
            await attach(service, title=str(number))
            await service.refused("submitForApproval", BOB, **BOT)
        await verification(None, lambda: service.now, 300)
        yield service
    await service.close()


async def test_everything_about_a_version_is_counted_and_listed(told: Service) -> None:
    trail, found = await told.trail(), await report(told, **BOT)
    about = [each for each in trail if each["subject"] == {"model_id": BOT["modelId"], "version": BOT["version"]}]
    assert [each["seq"] for each in found["events"]] == [each["seq"] for each in about] and found["eventsLeftOut"] == 0
    outcomes = Counter(each["outcome"].upper() for each in about)
    assert found["summary"] == {
        "totalEvents": len(about), "uniqueActors": 2,
        "outcomes": [{"outcome": each, "count": outcomes[each]} for each in ("SUCCESS", "FAILURE", "PARTIAL", "DENIED")],
    }  # fmt: skip
    assert outcomes["DENIED"] == 6 and sum(outcomes.values()) > 12
    kinds = Counter(each["event_type"].upper() for each in about)
    assert {each["eventType"]: each["count"] for each in found["eventBreakdown"]} == kinds
    counts = [each["count"] for each in found["eventBreakdown"]]
    assert counts == sorted(counts, reverse=True)
    who = Counter(each["actor"]["id"] for each in about)
    assert [(each["actorId"], each["actorType"], each["count"]) for each in found["actors"]] == [
        (ALICE.id, "USER", who[ALICE.id]), (BOB.id, "USER", who[BOB.id]),
    ]  # fmt: skip
    last = about[-1]
    assert found["events"][-1] == {
        "seq": last["seq"], "eventId": last["event_id"], "eventHash": last["event_hash"], "eventType": "ACCESS_ATTEMPT",
        "occurredAt": found["events"][-1]["occurredAt"], "outcome": "DENIED", "action": "submitForApproval", "actorId": BOB.id,
        "resourceType": "ModelVersion", "resourceId": KEY,
    }  # fmt: skip
    integrity = found["integrity"]
    assert (integrity["size"], integrity["valid"], integrity["faultCount"]) == (len(trail), True, 0)
    assert integrity["verifiedSize"] == len(trail) and integrity["verifiedAt"]


@pytest.mark.parametrize(
    ("about", "meets"),
    [
        ({"resourceType": "ModelVersion", "resourceId": KEY}, lambda each: each["resource"]["id"] == KEY),
        ({"modelId": "other"}, lambda each: each["subject"] and each["subject"]["model_id"] == "other"),
        (BOT | {"actorId": BOB.id}, lambda each: each["subject"] and each["actor"]["id"] == BOB.id),
        (BOT | {"outcomes": ["DENIED", "PARTIAL"]}, lambda each: each["subject"] and each["outcome"] == "denied"),
        (BOT | {"eventTypes": ["MODEL_UPDATED"]}, lambda each: each["subject"] and each["event_type"] == "model_updated"),
        ({"resourceId": "nobody"}, lambda each: False),
    ],
)  # fmt: skip
async def test_a_report_is_narrowed_by_resource_subject_type_actor_and_outcome(told: Service, about: Raw, meets: Any) -> None:
    wanted = [each["seq"] for each in await told.trail() if meets(each)]
    found = await report(told, **about)
    assert [each["seq"] for each in found["events"]] == wanted and found["summary"]["totalEvents"] == len(wanted)
    listed: list[int] = []
    after, more = None, True
    while more:
        page = (await told.ask(EVENTS, AUDREY, **about, after=after))["auditReport"]["auditEvents"]
        listed += [each["seq"] for each in page["nodes"]]
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
        assert page["totalCount"] == len(wanted)
    assert listed == wanted


async def test_a_period_holds_its_first_moment_and_not_its_last(told: Service) -> None:
    events = (await report(told, **BOT, eventTypes=["MODEL_UPDATED"]))["events"]
    moments = [each["occurredAt"] for each in events]
    found = await report(told, **BOT, eventTypes=["MODEL_UPDATED"], since=moments[1], until=moments[3])
    assert [each["occurredAt"] for each in found["events"]] == moments[1:3]
    assert found["scope"]["since"] == moments[1]


async def test_what_is_left_out_is_said_and_everything_is_counted_all_the_same(
    told: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await report(told, **BOT)
    monkeypatch.setattr(loading, "EVENTS", 3)
    monkeypatch.setattr(loading, "ACTORS", 1)
    found = await report(told, **BOT)
    total = whole["summary"]["totalEvents"]
    assert found["events"] == whole["events"][-3:] and found["eventsLeftOut"] == total - 3
    assert (len(found["actors"]), found["actorsLeftOut"]) == (1, 1)
    assert (found["summary"], found["eventBreakdown"]) == (whole["summary"], whole["eventBreakdown"])
    page = (await told.ask(REPORT % "markdown", AUDREY, **BOT))["auditReport"]["markdown"]
    assert f"The last 3 of {total}: {total - 3} earlier ones are counted above and left out here" in page.replace("\\", "")
    assert "1 more are left out here" in page
    listed = (await told.ask(EVENTS, AUDREY, **BOT))["auditReport"]["auditEvents"]
    assert listed["totalCount"] == total


@pytest.mark.parametrize(
    ("about", "path"),
    [
        ({}, "resourceId"), ({"resourceType": "ModelVersion"}, "resourceId"), ({"resourceId": "x", "version": "1"}, "version"),
        (BOT | {"since": "2026-03-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}, "until"),
    ],
)  # fmt: skip
async def test_a_report_needs_to_be_about_something(told: Service, about: Raw, path: str) -> None:
    refused = await told.refusal(REPORT % "json", AUDREY, **about)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", path)


async def test_the_json_is_canonical_and_the_page_shows_every_event(told: Service) -> None:
    found = (await told.ask(REPORT % "json markdown", AUDREY, **BOT))["auditReport"]
    said = json.loads(found["json"])
    assert canonical(said).decode() == found["json"]
    rows = [each for each in MarkdownIt().enable("table").parse(found["markdown"]) if each.type == "tr_open"]
    assert len(rows) > len(said["events"]) and all(each["eventHash"] in found["markdown"] for each in said["events"])
    assert found["markdown"].startswith("# Audit report: ") and "sound" in found["markdown"]


async def test_hostile_values_are_text_on_the_page(told: Service) -> None:
    page = (await told.ask(REPORT % "markdown", AUDREY, resourceId=HOSTILE, actorId=HOSTILE))["auditReport"]["markdown"]
    rendered = MarkdownIt().enable("table").render(page)
    for begun in ("<script", "<a ", "<em", "<img", "<code>f<"):
        assert begun not in rendered, begun
    assert rendered.count("<h1>") == 1 and rendered.count("<h2>") == 2
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in rendered


async def test_a_report_costs_as_many_commands_however_much_there_is(told: Service, server: str) -> None:
    watched: Watched
    async for watched in watching(server, told):
        _, few = await watched.costs(REPORT % "json", AUDREY, modelId="other")
        _, many = await watched.costs(REPORT % "json markdown", AUDREY, **BOT)
        assert len(few) == len(many) < 10
