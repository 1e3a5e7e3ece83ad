"""What waits for whom: each task as long as it can be done, by whoever may do it, and with the mutation that does it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from documents import tasks
from documents.access import GovernanceRole
from documents.risk.scales import RiskTier
from tests.examples import (
    BOT,
    CARD,
    REVIEW,
    approved,
    attach,
    deactivate,
    decide,
    eligible,
    read,
    register,
    save_card,
    submit,
    submitted,
)
from tests.operations import BEA, DORA, TOM, ask_for, deployed, look_at, step
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, DAVID, RITA, STAFF, Person, Service, mutating, person
from tests.watching import Watched, watching, where

ETHICS, SECURITY, OWNER = GovernanceRole.ETHICS_REVIEWER, GovernanceRole.SECURITY_REVIEWER, GovernanceRole.MODEL_OWNER
TASK = "kind role modelId version since due remedy { mutation arguments fill permitted }"
TASKS = (
    "query($userId: String!, $first: Int!) { stakeholder(userId: $userId) { tasks(first: $first) { complete items { %s } } } }"
)


async def waiting(service: Service, who: Person, selection: str = TASK, first: int = 50) -> Any:
    """What waits for somebody, as an administrator reads it."""
    return (await service.ask(TASKS % selection, ADA, userId=who.id, first=first))["stakeholder"]["tasks"]


async def kinds(service: Service, who: Person) -> list[tuple[str, str]]:
    """Kind and role of each task."""
    return [(each["kind"], each["role"]) for each in (await waiting(service, who, "kind role"))["items"]]


async def do(service: Service, who: Person, **filled: Any) -> Any:
    """Does what waits for somebody, just as the task says, with the rest filled in."""
    (task,) = (await waiting(service, who))["items"]
    remedy = task["remedy"]
    assert set(remedy["fill"]) == filled.keys()
    return await service.do(remedy["mutation"], who, **remedy["arguments"], **filled)


async def test_a_draft_waits_for_its_owner_to_be_submitted(service: Service) -> None:
    await service.enrol(person("eve", OWNER))
    await register(service)
    (task,) = (await waiting(service, ALICE))["items"]
    assert task == {
        "kind": "SUBMIT", "role": "MODEL_OWNER", **BOT, "since": "2026-03-01T12:00:00.123Z", "due": None,
        "remedy": {
            "mutation": "submitForApproval", "arguments": BOT, "fill": [], "permitted": ["MODEL_OWNER (owner)"],
        },
    }  # fmt: skip
    for other in (BOB, CAROL, ADA, person("eve")):
        assert await kinds(service, other) == []
    await do(service, ALICE)
    assert await kinds(service, ALICE) == [("APPROVE", "MODEL_OWNER")]


async def test_a_required_role_waits_for_each_who_could_decide_until_one_did(service: Service) -> None:
    clara, tim = person("clara", ETHICS), person("tim", SECURITY, tiers=(RiskTier.TIER_3_STANDARD,))
    await service.enrol(clara, tim)
    await submitted(service)
    assert await kinds(service, CAROL) == await kinds(service, clara) == [("APPROVE", "ETHICS_REVIEWER")]
    assert await kinds(service, DAVID) == [("APPROVE", "SECURITY_REVIEWER")]
    for other in (tim, BOB, RITA, AUDREY):
        assert await kinds(service, other) == []
    await do(service, CAROL, verdict="APPROVED")
    assert await kinds(service, CAROL) == await kinds(service, clara) == []
    await service.do("withdrawApproval", CAROL, **BOT, role="ETHICS_REVIEWER", reason="Too soon.")
    assert await kinds(service, clara) == [("APPROVE", "ETHICS_REVIEWER")]


async def test_nobody_is_asked_to_decide_in_two_roles_nor_to_approve_what_they_submitted(service: Service) -> None:
    olga, eve = person("olga", OWNER, ETHICS), person("eve", ETHICS, SECURITY)
    await service.enrol(olga, eve)
    await register(service, olga, ownerId=olga.id)
    await submit(service, olga)
    assert await kinds(service, olga) == [("APPROVE", "MODEL_OWNER")]
    assert sorted(await kinds(service, eve)) == [("APPROVE", "ETHICS_REVIEWER"), ("APPROVE", "SECURITY_REVIEWER")]
    await decide(service, eve, role="ETHICS_REVIEWER")
    assert await kinds(service, eve) == []
    for each in (CAROL, DAVID):
        assert await kinds(service, each) == ([] if each is CAROL else [("APPROVE", "SECURITY_REVIEWER")])


async def test_an_approval_that_went_stale_waits_to_be_given_again(service: Service) -> None:
    await approved(service)
    assert await kinds(service, CAROL) == []
    service.later(days=1)
    await save_card(service, card=CARD | {"license": "MIT"})
    for who, role in ((CAROL, "ETHICS_REVIEWER"), (DAVID, "SECURITY_REVIEWER"), (ALICE, "MODEL_OWNER")):
        assert await kinds(service, who) == [("REAPPROVE", role)]
    await do(service, CAROL, verdict="APPROVED")
    assert await kinds(service, CAROL) == []


async def test_an_approval_waits_to_be_given_again_from_the_moment_when_it_expires(service: Service) -> None:
    until = service.now + timedelta(days=10)
    await submitted(service)
    await decide(service, CAROL, expiresAt=until.isoformat())
    await decide(service, DAVID)
    await decide(service, ALICE)
    service.now = until - timedelta(milliseconds=2)
    assert await kinds(service, CAROL) == []
    service.now = until
    (task,) = (await waiting(service, CAROL))["items"]
    assert (task["kind"], task["role"], task["since"]) == ("REAPPROVE", "ETHICS_REVIEWER", "2026-03-11T12:00:00.123Z")
    await do(service, CAROL, verdict="APPROVED")
    assert await kinds(service, CAROL) == []


async def test_an_approval_waits_to_be_given_again_when_its_evidence_lapses(service: Service) -> None:
    await register(service)
    await attach(service, validUntil=(service.now + timedelta(days=10)).isoformat())
    await submit(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)
    service.later(days=9)
    assert await kinds(service, DAVID) == []
    service.later(days=1)
    assert await kinds(service, DAVID) == [("REAPPROVE", "SECURITY_REVIEWER")]


async def test_a_rejected_version_waits_for_its_owner_and_for_nobody_else(service: Service) -> None:
    await submitted(service)
    service.later(days=1)
    await decide(service, DAVID, "REJECTED")
    (task,) = (await waiting(service, ALICE))["items"]
    assert (task["kind"], task["since"]) == ("SUBMIT", "2026-03-02T12:00:00.123Z")
    assert await kinds(service, CAROL) == await kinds(service, DAVID) == []
    await do(service, ALICE)
    assert await kinds(service, CAROL) == [("APPROVE", "ETHICS_REVIEWER")]


async def test_a_condition_waits_for_the_owner_and_then_for_the_role_that_set_it(service: Service) -> None:
    clara = person("clara", ETHICS)
    await service.enrol(clara)
    await submitted(service)
    await decide(service, CAROL, "CONDITIONAL", conditions=["Watch it."])
    await decide(service, ALICE)
    assert await kinds(service, ALICE) == [("SATISFY_CONDITION", "MODEL_OWNER")]
    assert await kinds(service, CAROL) == await kinds(service, clara) == []
    service.later(days=1)
    await do(service, ALICE, note="It is watched.")
    assert await kinds(service, ALICE) == []
    for each in (CAROL, clara):
        (task,) = (await waiting(service, each))["items"]
        assert (task["kind"], task["role"], task["since"]) == (
            "CONFIRM_CONDITION", "ETHICS_REVIEWER", "2026-03-02T12:00:00.123Z",
        )  # fmt: skip
    await do(service, clara)
    assert await kinds(service, CAROL) == await kinds(service, clara) == []


async def test_what_an_approval_obliges_to_afterwards_waits_for_the_owner_too(service: Service) -> None:
    await submitted(service)
    await decide(service, CAROL, conditions=["Watch it."])
    for each in (DAVID, ALICE):
        await decide(service, each)
    assert (await read(service, "status"))["status"] == "APPROVED"
    assert await kinds(service, ALICE) == [("SATISFY_CONDITION", "MODEL_OWNER")]


@pytest.mark.parametrize("days", [149, 150])
async def test_a_review_waits_for_the_owner_and_the_risk_managers_from_a_month_before_it_is_due(
    service: Service, days: int
) -> None:
    await approved(service)
    service.later(days=days)
    expected = [("REVIEW", "RISK_MANAGER")] if days == 150 else []
    assert await kinds(service, RITA) == expected
    assert await kinds(service, ALICE) == [("REVIEW", "MODEL_OWNER")][: len(expected)]
    assert await kinds(service, BOB) == await kinds(service, CAROL) == []
    if expected:
        (task,) = (await waiting(service, RITA))["items"]
        assert (task["since"], task["due"]) == ("2026-07-29T12:00:00.123Z", "2026-08-28T12:00:00.123Z")
        await do(service, RITA, **REVIEW)
        assert await kinds(service, RITA) == await kinds(service, ALICE) == []


async def test_nothing_waits_in_a_version_that_was_retired_nor_for_whoever_left(service: Service) -> None:
    await submitted(service)
    service.later(days=400)
    assert await kinds(service, CAROL) and await kinds(service, RITA)
    await deactivate(service, CAROL)
    assert await kinds(service, CAROL) == []
    await service.do("retireModelVersion", ALICE, **BOT, reason="It was replaced.")
    for each in (ALICE, DAVID, RITA):
        assert await kinds(service, each) == []


async def test_whoever_answers_for_a_version_today_is_asked_and_not_whoever_did(service: Service) -> None:
    eve = person("eve", OWNER)
    await service.enrol(eve)
    await register(service)
    await service.do("assignAccountability", ALICE, **BOT, role="MODEL_OWNER", userId=eve.id)
    assert await kinds(service, ALICE) == []
    assert await kinds(service, eve) == [("SUBMIT", "MODEL_OWNER")]
    await service.do("updateStakeholder", ADA, userId=eve.id, roles=["DEPLOYER"])
    assert await kinds(service, eve) == []


async def test_tasks_come_in_the_order_in_which_they_wait_and_say_when_there_are_more(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(3):
        service.later(days=1)
        await register(service, modelId=f"m{at}")
    service.later(days=1)
    await submit(service, modelId="m0")
    mine = "{ viewer { stakeholder { tasks(first: 2) { complete items { modelId modelVersion { status } } } } } }"
    assert (await service.ask(mine))["viewer"]["stakeholder"]["tasks"] == {
        "complete": False,
        "items": [{"modelId": "m1", "modelVersion": {"status": "DRAFT"}}, {"modelId": "m2", "modelVersion": {"status": "DRAFT"}}],
    }
    found = await waiting(service, ALICE, "modelId", first=3)
    assert found == {"complete": True, "items": [{"modelId": "m1"}, {"modelId": "m2"}, {"modelId": "m0"}]}
    monkeypatch.setattr(tasks, "LOOKED_AT", 2)
    assert await waiting(service, ALICE, "modelId", first=3) == {
        "complete": False,
        "items": [{"modelId": "m1"}, {"modelId": "m0"}],
    }
    for first, code in ((-1, "INVALID_INPUT"), (101, "LIMIT_EXCEEDED")):
        assert (await service.refusal(TASKS % "kind", ADA, userId=ALICE.id, first=first))["code"] == code


async def test_what_the_query_leaves_out_has_nothing_waiting(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of versions in every state, for everybody, whether or not all versions are looked at."""
    soon = (service.now + timedelta(days=20)).isoformat()
    for name in ("draft", "pending", "expires", "conditional", "satisfied", "obliged", "rejected", "retired", "stale"):
        of: dict[str, Any] = {"modelId": name}
        await register(service, **of)
        if name == "draft":
            continue
        await submit(service, **of)
        if name == "pending":
            continue
        demanding = {"verdict": "CONDITIONAL", "conditions": ["Watch it."]}
        special: dict[str, dict[str, Any]] = {
            "expires": {"expiresAt": soon}, "obliged": {"conditions": ["Watch it."]}, "conditional": demanding,
            "satisfied": demanding,
        }  # fmt: skip
        said = special.get(name, {})
        await decide(service, CAROL, **of | said)
        await decide(service, DAVID, "REJECTED" if name == "rejected" else "APPROVED", **of)
        if name != "rejected":
            await decide(service, ALICE, **of)
    (task,) = [each for each in (await waiting(service, ALICE))["items"] if each["modelId"] == "satisfied"]
    await service.do(task["remedy"]["mutation"], ALICE, **task["remedy"]["arguments"], note="Done.")
    await service.do("retireModelVersion", ALICE, **BOT | {"modelId": "retired"}, reason="It was replaced.")
    await save_card(service, modelId="stale")
    for days in (0, 20, 131):
        service.later(days=days)
        chosen = {who.id: await waiting(service, who) for who in (ADA, *STAFF)}
        with monkeypatch.context() as everything:
            everything.setattr(tasks, "_candidates", lambda people, at: {})
            assert chosen == {who.id: await waiting(service, who) for who in (ADA, *STAFF)}
        found = {(each["kind"], each["modelId"]) for every in chosen.values() for each in every["items"]}
        assert {("SUBMIT", "draft"), ("SUBMIT", "rejected"), ("APPROVE", "pending"), ("REAPPROVE", "stale")} <= found
        assert {("SATISFY_CONDITION", "conditional"), ("SATISFY_CONDITION", "obliged")} <= found
        assert ("CONFIRM_CONDITION", "satisfied") in found
        assert (("REAPPROVE", "expires") in found) is (days > 0) and (("REVIEW", "draft") in found) is (days > 100)
        assert not any(model_id == "retired" for _, model_id in found)


HANS = person("hans", GovernanceRole.DEPLOYER, GovernanceRole.TECH_LEAD)
TESS = person("tess", GovernanceRole.TECH_LEAD, GovernanceRole.BUSINESS_OWNER, SECURITY)
TIM = person("tim", SECURITY, tiers=(RiskTier.TIER_3_STANDARD,))
HELD: dict[str, Any] = {"changeType": "CONFIG_CHANGE", "title": "A filter"}


async def of_changes(service: Service, who: Person) -> set[tuple[str, str, str]]:
    """Kind, role and change of each task about a change."""
    found = (await waiting(service, who, "kind role changeId"))["items"]
    return {(each["changeId"], each["kind"], each["role"]) for each in found if each["changeId"]}


async def test_a_submitted_change_waits_for_each_who_could_approve_it(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await register(service)
    change_id = await ask_for(service)
    assert await of_changes(service, TOM) == set()  # a draft
    service.later(days=1)
    await step(service, "submitChangeForReview", DORA, change_id)
    about = """kind role modelId version since due overdue changeId changeRequest { status }
        remedy { mutation arguments fill permitted }"""
    (task,) = (await waiting(service, TOM, about))["items"]
    assert task == {
        "kind": "APPROVE_CHANGE", "role": "TECH_LEAD", **BOT, "since": "2026-03-02T12:00:00.123Z", "due": None,
        "overdue": False, "changeId": change_id, "changeRequest": {"status": "SUBMITTED"},
        "remedy": {
            "mutation": "addChangeApproval", "arguments": {"changeId": change_id, "role": "TECH_LEAD"}, "fill": ["approved"],
            "permitted": ["TECH_LEAD"],
        },
    }  # fmt: skip
    await do(service, TOM, approved=True)
    assert await of_changes(service, TOM) == set()
    assert await of_changes(service, DAVID) == {(change_id, "APPROVE_CHANGE", "SECURITY_REVIEWER")}
    await step(service, "reopenChange", DORA, change_id, reason="A typo.")
    assert await of_changes(service, DAVID) == set()


@pytest.mark.exhaustive
async def test_a_task_about_a_change_is_there_for_exactly_those_who_can_do_it(service: Service) -> None:
    """Of changes in every state of review, everybody tries every role; whoever has the task succeeds, and nobody else."""
    await service.enrol(DORA, TOM, BEA, HANS, TESS, TIM)
    await eligible(service)
    await deployed(service)
    await service.do("placeHold", CAROL, **BOT, reason="Complaints.")
    (hold,) = (await read(service, "holds { holdId }"))["holds"]
    out: dict[str, Any] = {"changeType": "EMERGENCY", "targetVersion": None}
    ids = {
        "of a tech lead": await ask_for(service, HANS, environment="staging"),
        "once approved": await ask_for(service, environment="staging"),
        "mitigating": await ask_for(service, **HELD, targetVersion=None, mitigates=[hold]),
        "refused": await ask_for(service, environment="staging"),
        "at once": await ask_for(service, **out),
        "draft": await ask_for(service, environment="staging"),
    }
    for name, each in ids.items():
        if name != "draft":
            await step(service, "submitChangeForReview", HANS if name == "of a tech lead" else DORA, each)
    await step(service, "addChangeApproval", TESS, ids["once approved"], role="TECH_LEAD", approved=True)
    await step(service, "addChangeApproval", TOM, ids["refused"], approved=False)
    await step(service, "addChangeApproval", RITA, ids["at once"], approved=True)
    await step(service, "startDeployment", DORA, ids["at once"])
    await step(service, "addChangeApproval", TOM, ids["at once"], approved=True)
    everybody, stored = (*STAFF, DORA, TOM, BEA, HANS, TESS, TIM), await service.stored()
    able: set[tuple[str, str, str]] = set()
    for who in everybody:
        tasks_of = {(change_id, role) for change_id, _, role in await of_changes(service, who)}
        for name, change_id in ids.items():
            roles = {
                each["role"] for each in (await look_at(service, change_id, "requiredApprovals { role }"))["requiredApprovals"]
            }
            for role in sorted({each.name for each in who.roles} & roles):
                said = {"changeId": change_id, "role": role, "approved": True}
                answer = (await service.post(mutating("addChangeApproval", ""), {"input": said}, who)).json()
                # To approve once more what one has approved is possible before the start, and no task.
                again = name == "once approved" and (who, role) in {(TESS, "TECH_LEAD"), (TOM, "TECH_LEAD"), (HANS, "TECH_LEAD")}
                assert ("errors" not in answer and not again) is ((change_id, role) in tasks_of), (who.id, name, role, answer)
                able |= {(who.id, name, role)} if (change_id, role) in tasks_of else set()
                if "errors" not in answer:
                    await service.restore(stored)
    assert {("carol", "mitigating", "ETHICS_REVIEWER"), ("tom", "of a tech lead", "TECH_LEAD")} <= able
    assert {("david", "at once", "SECURITY_REVIEWER"), ("david", "once approved", "SECURITY_REVIEWER")} <= able
    assert not {(name, role) for who, name, role in able if who in {"tim", "dora"} or name in {"refused", "draft"}}
    assert ("hans", "of a tech lead", "TECH_LEAD") not in able and ("tess", "once approved", "SECURITY_REVIEWER") not in able
    with pytest.MonkeyPatch.context() as everything:
        chosen = {who.id: await waiting(service, who) for who in everybody}
        everything.setattr(tasks, "_awaiting", lambda people: {})
        assert chosen == {who.id: await waiting(service, who) for who in everybody}


async def test_more_changes_than_are_looked_at_are_said_not_to_be_all(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await service.enrol(DORA, TOM)
    await register(service)
    ids = [await ask_for(service, title=f"Change {each}") for each in range(3)]
    for each in ids:
        service.later(hours=1)
        await step(service, "submitChangeForReview", DORA, each)
    assert await waiting(service, TOM, "changeId") == {"complete": True, "items": [{"changeId": each} for each in ids]}
    monkeypatch.setattr(tasks, "LOOKED_AT", 2)
    assert await waiting(service, TOM, "changeId") == {"complete": False, "items": [{"changeId": each} for each in ids[:2]]}


@pytest.fixture
async def watched(server: str, service: Service) -> AsyncIterator[Watched]:
    async for each in watching(server, service):
        yield each


async def test_what_waits_costs_as_many_commands_for_one_version_and_person_as_for_fifty(watched: Watched) -> None:
    asked = """query($filter: StakeholderFilter) { stakeholders(first: 50, filter: $filter) { nodes { userId
        tasks(first: 50) { items { kind modelVersion { purpose } } } } } }"""
    await register(watched.service, modelId="m0")
    _, alone = await watched.costs(asked, filter={"userId": {"in": [ALICE.id]}})
    for at in range(1, 25):
        await register(watched.service, modelId=f"m{at}")
    answer, everybody = await watched.costs(asked)
    assert where(alone) == where(everybody) == ["stakeholders", "model_versions", "change_requests", "model_versions"]
    counts = {each["userId"]: len(each["tasks"]["items"]) for each in answer["stakeholders"]["nodes"]}
    assert counts[ALICE.id] == 25 and sum(counts.values()) == 25


async def test_changes_that_wait_cost_as_many_commands_as_one(watched: Watched) -> None:
    asked = """query($filter: StakeholderFilter) { stakeholders(first: 50, filter: $filter) { nodes { userId
        tasks(first: 50) { items { kind changeRequest { plan { title } } modelVersion { purpose } } } } } }"""
    for at in range(3):
        await register(watched.service, modelId=f"m{at}")
    costs = []
    for at in range(9):
        change_id = await ask_for(watched.service, modelId=f"m{at % 3}")
        await step(watched.service, "submitChangeForReview", DORA, change_id)
        if at in {0, 8}:
            who = [TOM.id] if at == 0 else [TOM.id, DAVID.id, ALICE.id]
            costs.append(await watched.costs(asked, filter={"userId": {"in": who}}))
    assert [sorted(where(commands)) for _, commands in costs] == [
        ["change_requests"] * 2 + ["model_versions"] * 3 + ["stakeholders"]
    ] * 2
    counts = {each["userId"]: len(each["tasks"]["items"]) for each in costs[1][0]["stakeholders"]["nodes"]}
    assert counts == {TOM.id: 9, DAVID.id: 9, ALICE.id: 9 + 3}
