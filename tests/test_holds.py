"""Holds: whoever answers for ethics, security or compliance stops a version, and only that role lets it go."""

from asyncio import gather

import pytest

from documents.access import Actor, ActorType, GovernanceRole
from documents.errors import LimitExceeded
from documents.values import LIST_LENGTH
from documents.versions.rules import holds, registration
from tests.examples import BOT, decide, document, eligible, read, refusal, register, submit
from tests.service import ALICE, CAROL, DAVID, NOW, RITA, Person, Service, mutating, person

ETHICS, SECURITY, COMPLIANCE = (
    GovernanceRole.ETHICS_REVIEWER, GovernanceRole.SECURITY_REVIEWER, GovernanceRole.COMPLIANCE_OFFICER
)  # fmt: skip
CLEO, EVE = person("cleo", COMPLIANCE), person("eve", ETHICS, SECURITY)
PLACERS = {ETHICS: CAROL, SECURITY: DAVID, COMPLIANCE: CLEO}
ALARM, RELIEF = {"reason": "Somebody was misled."}, {"reason": "It was somebody else's model."}


async def place(service: Service, by: Person, **said: str) -> dict[str, str]:
    """The id of the hold."""
    placed: dict[str, str] = (await service.do("placeHold", by, "hold { holdId }", **BOT | ALARM | said))["hold"]
    return placed


async def held(service: Service) -> tuple[bool, str, list[str], list[str]]:
    """Whether it is eligible, its status, and the roles whose hold stands, as judged and as stored."""
    asked = "status eligibility { eligible status holds { hold { role } } } standing { status holds }"
    found = await read(service, asked)
    assert found["status"] == found["eligibility"]["status"] == found["standing"]["status"]
    roles = [each["hold"]["role"] for each in found["eligibility"]["holds"]]
    return found["eligibility"]["eligible"], found["status"], roles, found["standing"]["holds"]


@pytest.mark.parametrize("role", PLACERS)
async def test_a_hold_stops_what_is_otherwise_eligible_until_the_same_role_lifts_it(
    service: Service, role: GovernanceRole
) -> None:
    another = person("another", role)
    await service.enrol(CLEO, another)
    await eligible(service)
    hold = await place(service, PLACERS[role])
    assert await held(service) == (False, "APPROVED", [role.name], [role.name])
    for other in (CAROL, DAVID, CLEO, RITA):
        if other is not PLACERS[role]:
            assert (await refusal(service, "liftHold", other, **hold, **RELIEF))["code"] == "FORBIDDEN"
    selected = "hold { role reason placedBy placer { userId } lifted { by reason } }"
    lifted = (await service.do("liftHold", another, selected, **BOT | hold | RELIEF))["hold"]
    placer = PLACERS[role].id
    assert lifted == {
        "role": role.name, **ALARM, "placedBy": placer, "placer": {"userId": placer}, "lifted": {"by": "another", **RELIEF},
    }  # fmt: skip
    assert await held(service) == (True, "APPROVED", [], [])


async def test_every_hold_must_be_lifted(service: Service) -> None:
    await eligible(service)
    first, second, third = [await place(service, each) for each in (CAROL, CAROL, DAVID)]
    ethics, security = ETHICS.name, SECURITY.name
    assert await held(service) == (False, "APPROVED", [ethics, ethics, security], [ethics, security])
    await service.do("liftHold", CAROL, **BOT | second | RELIEF)
    assert await held(service) == (False, "APPROVED", [ethics, security], [ethics, security])
    await service.do("liftHold", CAROL, **BOT | first | RELIEF)
    assert await held(service) == (False, "APPROVED", [security], [security])
    await service.do("liftHold", DAVID, **BOT | third | RELIEF)
    assert (await held(service))[0]


async def test_the_role_is_said_by_whoever_holds_two_that_may_place_holds(service: Service) -> None:
    await service.enrol(EVE)
    await register(service)
    refused = await refusal(service, "placeHold", EVE, **ALARM)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.role")
    own = [f"{each} (as the `role` of the input)" for each in ("ETHICS_REVIEWER", "SECURITY_REVIEWER")]
    for role, needs in ((COMPLIANCE, ["COMPLIANCE_OFFICER"]), (GovernanceRole.MODEL_OWNER, [*own, "COMPLIANCE_OFFICER"])):
        refused = await refusal(service, "placeHold", EVE, role=role.name, **ALARM)
        assert (refused["code"], refused["needs"]) == ("FORBIDDEN", needs)
    hold = await place(service, EVE, role=SECURITY.name)
    assert (await held(service))[2] == [SECURITY.name]
    await service.do("liftHold", EVE, **BOT | hold | RELIEF)


async def test_a_hold_is_lifted_once_and_says_why(service: Service) -> None:
    await register(service)
    hold = await place(service, CAROL)
    for mutation, said in (("placeHold", {}), ("liftHold", hold)):
        refused = await refusal(service, mutation, CAROL, **said, reason=" ")
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.reason")
    refused = await refusal(service, "liftHold", CAROL, holdId="HLD-0", **RELIEF)
    assert (refused["code"], refused["kind"], refused["key"]) == ("NOT_FOUND", "Hold", "HLD-0")
    await service.do("liftHold", CAROL, **BOT | hold | RELIEF)
    refused = await refusal(service, "liftHold", CAROL, **hold, **RELIEF)
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "LIFTED", ["STANDING"])


async def test_of_two_who_lift_a_hold_at_once_one_is_refused(service: Service) -> None:
    cora = person("cora", ETHICS)
    await service.enrol(cora)
    await register(service)
    lifted = {"input": BOT | await place(service, CAROL) | RELIEF}
    answers = await gather(*(service.post(mutating("liftHold", ""), lifted, each) for each in (CAROL, cora)))
    codes = [error["extensions"]["code"] for answer in answers for error in answer.json().get("errors", ())]
    assert codes == ["INVALID_STATE"]


async def test_what_is_held_can_be_documented_submitted_and_approved_all_the_same(service: Service) -> None:
    await register(service)
    hold = await place(service, DAVID)
    await document(service)
    await submit(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)
    assert await held(service) == (False, "APPROVED", [SECURITY.name], [SECURITY.name])
    await service.do("liftHold", DAVID, **BOT | hold | RELIEF)
    assert await held(service) == (True, "APPROVED", [], [])


def test_a_version_takes_no_more_holds_than_it_can_be_read_with_again() -> None:
    owner = Actor("alice", ActorType.USER, frozenset({GovernanceRole.MODEL_OWNER}))
    bot = registration.register("bot", "1.0.0", "Sorts mail", (), (), None, None, "alice", "bob", (), (), by=owner, at=NOW)
    carol = Actor("carol", ActorType.USER, frozenset({ETHICS}))
    for _ in range(LIST_LENGTH):
        holds.place(bot, None, "Somebody was misled.", by=carol, at=NOW)
    with pytest.raises(LimitExceeded):
        holds.place(bot, None, "Somebody was misled.", by=carol, at=NOW)
