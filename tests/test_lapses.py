"""Approvers who left or lost the role: the decision stays, and a notice says so and names who could decide anew."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from documents.access import GovernanceRole
from tests.examples import BOT, approved, deactivate, decide, eligible, read, register, submit
from tests.service import ADA, CAROL, DAVID, Service, person
from tests.watching import Watched, watching, where

CLEO = person("cleo", GovernanceRole.ETHICS_REVIEWER, department="AI Ethics")
EMIL = person("emil", GovernanceRole.ETHICS_REVIEWER, department="AI Ethics")


async def notices(service: Service) -> list[str]:
    found: list[str] = (await read(service, "eligibility { notices }"))["eligibility"]["notices"]
    return found


async def test_an_approver_who_left_is_named_with_the_day_and_whoever_could_approve_anew(service: Service) -> None:
    await service.enrol(CLEO, EMIL)
    await eligible(service)
    assert await notices(service) == []
    service.later(days=3)
    await deactivate(service, CAROL)
    service.later(days=2)
    found = await read(service, "status eligibility { eligible } requiredApprovals { role status }")
    assert found["eligibility"]["eligible"] and {each["status"] for each in found["requiredApprovals"]} == {"APPROVED"}
    assert await notices(service) == [
        "carol, who decided as ETHICS_REVIEWER on 2026-03-01, left on 2026-03-04: cleo, emil could give it anew"
    ]
    await decide(service, CLEO)
    assert await notices(service) == []


async def test_an_approver_who_lost_the_role_is_named_until_it_is_given_back(service: Service) -> None:
    both = ["RISK_MANAGER", "SECURITY_REVIEWER"]
    await approved(service)
    await service.do("updateStakeholder", ADA, userId=DAVID.id, roles=both)  # the role is at another place of the list
    assert await notices(service) == []
    service.later(days=1)
    await service.do("updateStakeholder", ADA, userId=DAVID.id, roles=["RISK_MANAGER"])
    assert await notices(service) == [
        "david, who decided as SECURITY_REVIEWER on 2026-03-01, lost the role on 2026-03-02: nobody else could give it anew"
    ]
    await service.do("updateStakeholder", ADA, userId=DAVID.id, roles=both)
    assert await notices(service) == []


async def test_whoever_came_back_and_left_again_left_on_the_last_day(service: Service) -> None:
    await approved(service)
    for _ in range(2):
        await deactivate(service, DAVID)
        service.later(days=1)
        await service.do("updateStakeholder", ADA, userId=DAVID.id, active=True)
    await deactivate(service, DAVID)
    (notice,) = await notices(service)
    assert "left on 2026-03-03" in notice


async def test_a_decision_that_does_not_stand_has_no_notice(service: Service) -> None:
    await approved(service)
    await service.do("withdrawApproval", CAROL, **BOT, reason="It was premature.")
    await deactivate(service, CAROL)
    assert await notices(service) == []


async def test_the_report_says_so_too(service: Service) -> None:
    await approved(service)
    await deactivate(service, CAROL)
    query = "query($modelId: String!, $version: String!) { governanceReport(modelId: $modelId, version: $version) { %s } }"
    report = (await service.ask(query % "deploymentEligibility { notices } markdown", **BOT))["governanceReport"]
    (notice,) = report["deploymentEligibility"]["notices"]
    assert (
        notice.startswith("carol, who decided as") and "left on 2026-03-01: nobody else could give it anew" in report["markdown"]
    )


@pytest.fixture
async def watched(server: str, service: Service) -> AsyncIterator[Watched]:
    async for each in watching(server, service):
        yield each


async def test_it_costs_as_many_commands_for_many_versions_as_for_one(service: Service, watched: Watched) -> None:
    listed = "{ modelVersions(first: 20) { nodes { eligibility { notices } } } }"
    await service.enrol(CLEO)
    await approved(service)
    await deactivate(service, CAROL)
    _, one = await watched.costs(listed)
    for name in ("second", "third"):
        of: dict[str, Any] = {"modelId": name}
        await register(service, **of)
        await submit(service, **of)
        await decide(service, CLEO, **of)
    await deactivate(service, CLEO)
    told, many = await watched.costs(listed)
    assert [len(each["eligibility"]["notices"]) for each in told["modelVersions"]["nodes"]] == [1, 1, 1]
    assert where(many) == where(one) and where(one).count("stakeholders") == 1
