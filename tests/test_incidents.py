"""What went wrong with a version: whom it stops, who ends it, and how it is counted."""

import asyncio
from typing import Any

import pytest

from documents.access import Permission
from tests.examples import BOT, eligible, read, register
from tests.operations import DORA, TOM, approved_change, step
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, DAVID, RITA, Person, Service, mutating
from tests.tokens import make

HISTORY = "severity status escalations { before after reason by at escalatedBy { name } }"


async def opened(service: Service, severity: str = "LOW", by: Person = CAROL) -> dict[str, Any]:
    """What names an incident of the version."""
    payload = await service.do("openIncident", by, "incident { incidentId }", **BOT, severity=severity, title="A leak.")
    return dict(payload["incident"])


async def escalate(service: Service, it: dict[str, str], severity: str, by: Person = CAROL, reason: str = "Many leak.") -> Any:
    payload = await service.do("escalateIncident", by, f"incident {{ {HISTORY} }}", **it, severity=severity, reason=reason)
    return payload["incident"]


async def test_an_open_critical_incident_blocks_and_a_risk_manager_ends_it(service: Service) -> None:
    await eligible(service)
    incident = (await service.do("openIncident", DAVID, "incident { incidentId }", **BOT, severity="CRITICAL", title="A leak."))[
        "incident"
    ]
    asked = "eligibility { eligible blockingIncidents { incident { title severity } remedy { mutation arguments } } }"
    assert (await read(service, asked))["eligibility"] == {
        "eligible": False,
        "blockingIncidents": [
            {
                "incident": {"title": "A leak.", "severity": "CRITICAL"},
                "remedy": {"mutation": "resolveIncident", "arguments": incident},
            }
        ],
    }
    assert (await service.refused("resolveIncident", ALICE, **incident, text="Closed."))["code"] == "FORBIDDEN"
    await service.do("resolveIncident", RITA, **incident, text="The filter was off.")
    assert (await read(service, "eligibility { eligible }"))["eligibility"]["eligible"]
    assert (await service.refused("resolveIncident", RITA, **incident, text="Again."))["code"] == "INVALID_STATE"


async def test_incidents_are_counted_and_listed_by_what_they_were(service: Service) -> None:
    await register(service)
    opened = []
    for severity in ("LOW", "CRITICAL", "CRITICAL"):
        payload = await service.do("openIncident", CAROL, "incident { incidentId }", **BOT, severity=severity, title="It failed.")
        opened.append(payload["incident"])
    await service.do("resolveIncident", RITA, **opened[1], text="It works.")
    await service.do("resolveIncident", ALICE, **opened[0], text="It works.")
    asked = "{ incidentAggregates(groupBy: [{severity: ASC}, {status: ASC}]) { keys { severity status } count } }"
    found = (await service.ask(asked))["incidentAggregates"]
    assert {(each["keys"]["severity"], each["keys"]["status"]): each["count"] for each in found} == {
        ("LOW", "RESOLVED"): 1, ("CRITICAL", "RESOLVED"): 1, ("CRITICAL", "OPEN"): 1
    }  # fmt: skip
    blocking = "{status: {eq: OPEN}, severity: {eq: CRITICAL}}"
    query = f"{{ incidents(first: 9, filter: {blocking}) {{ nodes {{ incidentId resolution {{ at }} }} }} }}"
    assert (await service.ask(query))["incidents"]["nodes"] == [{**opened[2], "resolution": None}]
    assert (await read(service, "criticalIncidents"))["criticalIncidents"] == [opened[2]["incidentId"]]


async def test_a_critical_incident_upstream_alerts_and_blocks_only_its_own_version(service: Service) -> None:
    await eligible(service)
    base: dict[str, Any] = {"modelId": "base", "version": "1.0.0"}
    await register(service, **base)
    on = [{"relation": "CALLS", "on": {"governed": base}}]
    await register(service, modelId="caller", dependsOn=on)
    asked = "upstreamAlerts { kind depth on { modelId version } }"

    async def alerts() -> Any:
        return (await read(service, asked, modelId="caller"))["upstreamAlerts"]

    for severity, expected in (("HIGH", []), ("CRITICAL", [{"kind": "CRITICAL_INCIDENT", "depth": 1, "on": base}])):
        opened = await service.do("openIncident", DAVID, "incident { incidentId }", **base, severity=severity, title="A leak.")
        assert await alerts() == expected
    blocked = "eligibility { blockingIncidents { incidentId } }"
    assert (await read(service, blocked, modelId="caller"))["eligibility"] == {"blockingIncidents": []}
    await service.do("resolveIncident", RITA, **opened["incident"], text="It is closed.")
    assert await alerts() == []


async def test_an_incident_that_gets_worse_is_escalated_and_its_history_stays(service: Service) -> None:
    await register(service)
    it = await opened(service, "LOW")
    for severity, by in (("MEDIUM", BOB), ("CRITICAL", AUDREY)):
        service.later(hours=1)
        found = await escalate(service, it, severity, by, f"It is {severity}.")
    assert found == {
        "severity": "CRITICAL", "status": "OPEN",
        "escalations": [
            {
                "before": "LOW", "after": "MEDIUM", "reason": "It is MEDIUM.", "by": BOB.id,
                "at": "2026-03-01T13:00:00.123Z", "escalatedBy": {"name": "Bob"},
            },
            {
                "before": "MEDIUM", "after": "CRITICAL", "reason": "It is CRITICAL.", "by": AUDREY.id,
                "at": "2026-03-01T14:00:00.123Z", "escalatedBy": {"name": "Audrey"},
            },
        ],
    }  # fmt: skip
    events = [each for each in await service.trail() if each["action"] == "escalateIncident"]
    assert [(each["event_type"], each["resource"]["type"]) for each in events] == [
        ("incident_escalated", "Incident"), ("model_updated", "ModelVersion"), ("incident_escalated", "Incident"),
    ]  # fmt: skip
    about = {"model_id": BOT["modelId"], "version": BOT["version"]}
    assert all(each["subject"] == about and b"It is" not in each["canonical"] for each in events)


async def test_an_incident_that_became_critical_blocks_as_one_that_was_opened_critical(service: Service) -> None:
    await eligible(service)
    await service.enrol(DORA, TOM)
    change_id = await approved_change(service)
    it = await opened(service, "HIGH", DAVID)
    blocked = "eligibility { eligible blockingIncidents { incidentId } } criticalIncidents"
    assert (await read(service, "eligibility { eligible }"))["eligibility"]["eligible"]
    await escalate(service, it, "CRITICAL")
    assert await read(service, blocked) == {
        "eligibility": {"eligible": False, "blockingIncidents": [it]}, "criticalIncidents": [it["incidentId"]],
    }  # fmt: skip
    assert (await service.refused("startDeployment", DORA, changeId=change_id))["code"] == "POLICY_BLOCKED"
    assert (await service.refused("resolveIncident", ALICE, **it, text="Closed."))["code"] == "FORBIDDEN"
    await service.do("resolveIncident", RITA, **it, text="The filter was off.")
    assert await read(service, blocked) == {
        "eligibility": {"eligible": True, "blockingIncidents": []}, "criticalIncidents": [],
    }  # fmt: skip
    assert (await step(service, "startDeployment", DORA, change_id))["status"] == "IN_PROGRESS"


@pytest.mark.parametrize(("severity", "raised"), [("HIGH", "HIGH"), ("HIGH", "LOW")])
async def test_a_severity_is_only_raised(service: Service, severity: str, raised: str) -> None:
    await register(service)
    it = await opened(service, severity)
    before = (await service.state())["Incident"]
    refused = await service.refused("escalateIncident", **it, severity=raised, reason="It is not so bad.")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.severity")
    for reason in ("", " ", "x" * 20_001):
        refused = await service.refused("escalateIncident", **it, severity="CRITICAL", reason=reason)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.reason")
    assert (await service.state())["Incident"] == before


async def test_a_critical_incident_is_escalated_no_more(service: Service) -> None:
    await register(service)
    it = await opened(service, "CRITICAL")
    refused = await service.refused("escalateIncident", **it, severity="CRITICAL", reason="It is worse.")
    assert refused["code"] == "INVALID_STATE" and "CRITICAL" in refused["problem"]


async def test_what_is_over_is_escalated_no_more(service: Service) -> None:
    await register(service)
    it = await opened(service)
    await service.do("resolveIncident", ALICE, **it, text="It works.")
    refused = await service.refused("escalateIncident", **it, severity="CRITICAL", reason="It was worse.")
    assert refused == {"code": "INVALID_STATE", "action": "escalateIncident", "from": "RESOLVED", "allowed": ["OPEN"]}
    assert (await read(service, "criticalIncidents"))["criticalIncidents"] == []
    refused = await service.refused("escalateIncident", incidentId="INC-0", severity="CRITICAL", reason="It was worse.")
    assert refused["code"] == "NOT_FOUND"


async def test_a_service_escalates_if_its_token_lists_it(service: Service) -> None:
    await register(service)
    it = await opened(service)
    entitled, _ = await make(
        service, ADA, holder={"service": {"name": "watch", "mutations": [Permission.ESCALATE_INCIDENT.name]}}
    )
    other, _ = await make(service, ADA, holder={"service": {"name": "ci", "mutations": [Permission.OPEN_INCIDENT.name]}})
    raised = it | {"severity": "HIGH", "reason": "It is seen everywhere."}
    assert (await service.refused("escalateIncident", other, **raised))["code"] == "FORBIDDEN"
    found = await escalate(service, it, "HIGH", entitled)
    assert [(each["by"], each["escalatedBy"]) for each in found["escalations"]] == [("watch", None)]


async def test_of_two_who_escalate_at_once_the_later_is_told_that_it_is_done(service: Service) -> None:
    await register(service)
    raised = await opened(service) | {"severity": "CRITICAL", "reason": "Many leak."}
    sent = [service.post(mutating("escalateIncident", ""), {"input": raised}, by) for by in (ALICE, BOB)]
    answers = [each.json() for each in await asyncio.gather(*sent)]
    assert sorted("errors" in each for each in answers) == [False, True]
    assert (await read(service, "criticalIncidents"))["criticalIncidents"] == [raised["incidentId"]]
