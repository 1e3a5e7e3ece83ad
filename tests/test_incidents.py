"""What went wrong with a version: whom it stops, who ends it, and how it is counted."""

from typing import Any

from tests.examples import BOT, eligible, read, register
from tests.service import ALICE, CAROL, DAVID, RITA, Service


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
