"""The governance roles: what they are there for, and whom they turn to."""

from typing import Any

from documents.access import GovernanceRole
from documents.risk.scales import RiskTier
from documents.roles import DEFINED, ROLES
from tests.examples import BOT, register, submit
from tests.service import ALICE, RITA, Person, Service, person

PATH = """query($role: GovernanceRole!, $modelId: String!, $version: String!) {
    escalationPath(role: $role, modelId: $modelId, version: $version) { role people { userId } } }"""


async def path(service: Service, role: str) -> list[tuple[str, list[str]]]:
    found = (await service.ask(PATH, **BOT, role=role))["escalationPath"]
    return [(each["role"], [one["userId"] for one in each["people"]]) for each in found]


async def assign(service: Service, role: str, who: Person) -> None:
    await service.do("assignAccountability", ALICE, **BOT, role=role, userId=who.id)


async def test_every_role_is_defined_and_turns_to_others_that_are(service: Service) -> None:
    found = (await service.ask("{ roleDefinitions { role title description responsibilities authority escalatesTo } }"))[
        "roleDefinitions"
    ]
    assert [each["role"] for each in found] == [each.name for each in GovernanceRole]
    assert all(each["title"] and each["description"] and each["responsibilities"] and each["authority"] for each in found)
    assert {each["role"]: each["escalatesTo"] for each in found}["TECH_LEAD"] == ["MODEL_OWNER", "RISK_MANAGER"]
    assert len(DEFINED) == len(ROLES) and all(each.role not in each.escalates_to for each in ROLES)


async def test_a_path_leads_to_whoever_is_accountable_and_else_to_who_is_authorised(service: Service) -> None:
    tim = person("tim", GovernanceRole.RISK_MANAGER, tiers=(RiskTier.TIER_3_STANDARD,))
    ron, eve = person("ron", GovernanceRole.RISK_MANAGER), person("eve", GovernanceRole.MODEL_OWNER)
    await service.enrol(eve, tim, ron)
    await register(service)
    assert await path(service, "DEPLOYER") == [("MODEL_OWNER", [ALICE.id]), ("RISK_MANAGER", [RITA.id, "ron"])]
    await assign(service, "RISK_MANAGER", tim)
    await assign(service, "MODEL_OWNER", eve)
    assert await path(service, "TECH_LEAD") == [("MODEL_OWNER", ["eve"]), ("RISK_MANAGER", ["tim"])]
    assert await path(service, "MODEL_OWNER") == [("BUSINESS_OWNER", []), ("RISK_MANAGER", ["tim"])]
    assert await path(service, "COMPLIANCE_OFFICER") == []
    nowhere: dict[str, Any] = {"role": "DEPLOYER", "modelId": "none", "version": "1"}
    assert (await service.ask(PATH, **nowhere)) == {"escalationPath": None}
    await submit(service, eve)
