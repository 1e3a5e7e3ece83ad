"""The actions of each record say what the mutations would answer, to whomever, in whatever state, and leave no trace."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import pytest

from documents.actions.changes import OF_CHANGE
from documents.actions.others import OF_CALLER, OF_INCIDENT, OF_MODEL, OF_POLICY
from documents.actions.versions import RULES
from tests.acting import ASKING, KINDS, OLGA, PAGES, PIPELINE, action_of, drawn, let_the_pipeline_in, offered, trials
from tests.examples import BOT, DRILLS, TICKETS, approved, decide, eligible, on_record, register, save_datasheet, submit
from tests.journey import COLIN, every_mutation, in_days, sign_in
from tests.operations import (
    BEA,
    DORA,
    IMPACT,
    TOM,
    approve,
    approved_change,
    ask_for,
    carry_out,
    declare,
    deployed,
    rollback_of,
    step,
)
from tests.schema import MUTATIONS
from tests.service import ADA, ALICE, BOB, CAROL, DAVID, RITA, Person, Service
from tests.watching import Watched, watching

ELSEWHERE = {
    **dict.fromkeys(
        ("updateStakeholder", "deactivateStakeholder", "resetEnrolment", "endBinding", "confirmIdentity", "erasePersonalData"),
        "of a person",
    ),
    "revokeApiToken": "of a token",
    "retireRiskTemplate": "of a risk template",
    "updateEnvironment": "of an environment",
    "retireEnvironment": "of an environment",
}
"""The mutations that no `actions` offers, because they are about a record that has none."""

APART = 5
"""At one in so many steps of the journey somebody tries what others do not."""

SELDOM, OFTEN = 60, 8
"""One in so many of what a role alone refuses, and of everything else, is tried there."""


def test_every_mutation_is_an_action_of_some_record_or_has_a_reason_to_be_none() -> None:
    tables = (RULES, OF_CHANGE, OF_INCIDENT, OF_MODEL, OF_POLICY, OF_CALLER)
    actions = {each.value for table in tables for each in table}
    assert actions | ELSEWHERE.keys() == MUTATIONS.keys()
    assert actions.isdisjoint(ELSEWHERE)


async def let_all_in(service: Service) -> None:
    await sign_in(service)
    await service.enrol(OLGA, BEA)
    await on_record(service, let_the_pipeline_in)


async def agree(
    service: Service, *people: Person, kinds: Collection[str], often: int, seldom: int = SELDOM
) -> dict[str, set[str]]:
    """Whether what `actions` says to people about records of these kinds is what trying comes to; the codes by mutation.

    One in so many is tried: of what a role alone refuses `seldom`, and of everything else `often`.
    """
    found: dict[str, set[str]] = {}
    for by in people:

        def chance(what: str, expected: Mapping[str, Any] | None, who: str = by.id) -> bool:
            by_role = expected is not None and expected["code"] == "FORBIDDEN" and " here;" not in expected["message"]
            return what.split(maxsplit=1)[0] in kinds and drawn(who, what) % (seldom if by_role else often) == 0

        async for mutation, said, expected, came in trials(service, by, chance, kinds):
            assert came == expected, (by.id, mutation, said)
            found.setdefault(mutation, set()).add(came["code"] if came else "")
    return found


@pytest.mark.exhaustive
async def test_each_action_is_what_trying_comes_to(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """All along the journey: whoever goes on may, and what others try comes to what `actions` says to them."""
    await let_all_in(service)
    did = service.do

    async def done(mutation: str, by: Person, select: str = "", **fields: Any) -> Any:
        if mutation not in ELSEWHERE and (mutation, by.id) != ("createApiToken", "ben"):  # an enrolment token reads nothing
            action = await action_of(service, mutation, by, fields)
            assert action["allowed"] and action["refusal"] is None, (mutation, by.id, action)
            named = [each for each in action["choices"] if fields.get(each["argument"]) == each["value"]]
            assert all(each["allowed"] for each in named), (mutation, by.id, action)
        return await did(mutation, by, select, **fields)

    monkeypatch.setattr(service, "do", done)
    step = 0
    async for _ in every_mutation(service):
        step += 1
        if step % APART == 0:
            by = ASKING[step // APART % len(ASKING)]
            await agree(service, by, kinds=KINDS, often=OFTEN)


async def test_what_time_takes_away_is_no_action_any_more(service: Service) -> None:
    await let_all_in(service)
    await register(service)
    await submit(service)
    demand = {"conditions": ["Watch it"], "expiresAt": in_days(service.now, 2)}
    await decide(service, CAROL, "CONDITIONAL", **demand)
    await decide(service, DAVID, expiresAt=in_days(service.now, 1))
    await decide(service, ALICE)
    people = (ALICE, CAROL, DAVID, OLGA)
    await agree(service, *people, kinds=["modelVersions"], often=3)
    service.later(days=3)
    found = await agree(service, *people, kinds=["modelVersions"], often=3)
    assert "" in found["submitApproval"] | found["withdrawApproval"]


async def test_a_previous_round_that_no_longer_counts_is_none_for_actions(service: Service) -> None:
    await let_all_in(service)
    await approved(service)
    await service.do("createPolicy", RITA, **DRILLS, bindsApprovedFrom=in_days(service.now, 5))
    service.later(hours=1)
    await submit(service)
    assert not (await action_of(service, "submitForApproval", ALICE, BOT))["allowed"]
    people = (ALICE, CAROL, COLIN, OLGA)
    await agree(service, *people, kinds=["modelVersions"], often=4)
    service.later(days=6)
    await agree(service, *people, kinds=["modelVersions"], often=4)


async def test_of_a_retired_version_nothing_is_an_action_but_an_incident(service: Service) -> None:
    await let_all_in(service)
    await approved(service)
    await service.do("retireModelVersion", **BOT, reason="Nobody needs it.")
    found = await agree(service, ALICE, RITA, DORA, kinds=["modelVersions"], often=1)
    assert {each for each, codes in found.items() if "" in codes} == {"openIncident"}
    assert found["createChangeRequest"] == {"INVALID_INPUT"} and found["saveModelCard"] >= {"INVALID_STATE"}


@pytest.mark.exhaustive
async def test_a_change_waits_for_what_stands_in_its_way(service: Service) -> None:
    """Drafts that lack something, tests, times, another change in progress, the gate, and rollbacks that come too late."""
    await let_all_in(service)
    await declare(service, "trial")
    await eligible(service)
    people, kinds = (DORA, TOM, ALICE, RITA, PIPELINE), ["changeRequests"]
    await ask_for(service, rollbackPlan=None)
    await approved_change(service, environment="trial")
    first, second = await approved_change(service), await approved_change(service)
    await service.do("scheduleDeployment", DORA, changeId=second, scheduledTime=in_days(service.now, 1))
    untested = await ask_for(service, preferredWindow={"begins": in_days(service.now, -1), "ends": in_days(service.now, 2)})
    await step(service, "submitChangeForReview", DORA, untested)
    for role, who in (("TECH_LEAD", TOM), ("MODEL_OWNER", ALICE), ("SECURITY_REVIEWER", DAVID)):
        await step(service, "addChangeApproval", who, untested, role=role, approved=True)
    found = await agree(service, *people, kinds=kinds, often=2)
    assert {"INVALID_INPUT", "INVALID_STATE"} <= found["submitChangeForReview"]
    assert {"", "INVALID_STATE"} <= found["startDeployment"]

    hold = (await service.do("placeHold", CAROL, "hold { holdId }", **BOT, reason="Look."))["hold"]
    found = await agree(service, *people, kinds=kinds, often=4)
    assert "POLICY_BLOCKED" in found["startDeployment"]
    await service.do("liftHold", CAROL, **BOT, **hold, reason="Looked at.")

    await step(service, "startDeployment", DORA, first)
    service.later(days=3)  # the other one is due, and the window of the third is over
    found = await agree(service, *people, kinds=kinds, often=4)
    assert {"", "INVALID_STATE"} <= found["completeDeployment"] | found["startDeployment"]
    await step(service, "completeDeployment", DORA, first, success=True)
    await service.do("retireEnvironment", RITA, name="trial", reason="Nobody tries anything.")
    back, _ = await rollback_of(service, first), await rollback_of(service, first)
    await approve(service, back)
    found = await agree(service, *people, ADA, CAROL, kinds=kinds, often=4)
    assert {"INVALID_STATE"} <= found["rollbackChange"]
    await carry_out(service, back)
    await service.do("deactivateStakeholder", ADA, userId=DORA.id)
    found = await agree(service, TOM, ALICE, PIPELINE, kinds=[*kinds, "modelVersions"], often=4)
    assert "" in found["cancelChange"]


async def test_an_emergency_is_started_and_approved_as_its_actions_say(service: Service) -> None:
    await let_all_in(service)
    await eligible(service)
    await deployed(service)
    out: dict[str, Any] = {"changeType": "EMERGENCY", "targetVersion": None}
    change_id = await ask_for(service, **out)
    await step(service, "submitChangeForReview", DORA, change_id)
    people, kinds = (DORA, ALICE, DAVID, BEA, RITA, OLGA), ["changeRequests"]
    await agree(service, *people, kinds=kinds, often=3)
    await step(service, "addChangeApproval", RITA, change_id, approved=True)
    await step(service, "startDeployment", DORA, change_id)
    found = await agree(service, *people, kinds=kinds, often=2)
    assert {"", "INVALID_STATE"} <= found["addChangeApproval"]


async def test_whoever_asks_for_actions_leaves_no_event(service: Service) -> None:
    await let_all_in(service)
    await register(service)
    await ask_for(service)
    await service.do("openIncident", CAROL, **BOT, severity="CRITICAL", title="Odd")
    for each in ASKING:
        await service.ask("{ viewer { id } }", each)  # the first use of a token in an hour is noted
    size, before = await service.size(), await service.state()
    for each in ASKING:
        found = await offered(service, each)
        said = [action for nodes in found.values() for node in nodes for action in node["actions"]]
        assert said and all(action["allowed"] is (action["refusal"] is None) for action in said)
    assert (await service.size(), await service.state()) == (size, before)


async def test_only_what_is_asked_about_is_answered(service: Service) -> None:
    await register(service)
    query = "query($only: [String!]) { modelVersions(first: 1) { nodes { actions(only: $only) { mutation } } } }"
    (node,) = (await service.ask(query, only=["retireModelVersion", "placeHold"]))["modelVersions"]["nodes"]
    assert {each["mutation"] for each in node["actions"]} == {"retireModelVersion", "placeHold"}
    (node,) = (await service.ask(query, only=[]))["modelVersions"]["nodes"]
    assert node["actions"] == []
    for unknown in ("registerModel", "READ", ""):
        refused = await service.refusal(query, only=["placeHold", unknown])
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "only.1")


async def test_a_refusal_names_the_remedy_that_the_mutation_would(service: Service) -> None:
    await service.enrol(COLIN)
    await register(service, useCases=["Say what creditworthiness is"])
    refused = await service.refused("submitForApproval", **BOT)
    query = """{ modelVersions(first: 1) { nodes { actions(only: ["submitForApproval"]) {
        allowed refusal { code remedy { mutation arguments fill permitted } } } } } }"""
    ((action,),) = [each["actions"] for each in (await service.ask(query))["modelVersions"]["nodes"]]
    assert action == {"allowed": False, "refusal": {"code": "INVALID_STATE", "remedy": refused["remedy"]}}


@pytest.fixture
async def watched(server: str, service: Service) -> AsyncIterator[Watched]:
    async for each in watching(server, service):
        yield each


@pytest.mark.parametrize("by", [RITA, DORA], ids=lambda each: each.id)
async def test_a_longer_page_costs_no_more_commands(watched: Watched, by: Person) -> None:
    service = watched.service
    await register(service)
    await save_datasheet(service)
    await service.do("linkDatasheet", **BOT | TICKETS)

    async def more(version: str) -> None:
        await service.do("registerModelVersion", **_another(version))
        for environment in ("staging", "production"):
            change = await ask_for(service, targetVersion=version, environment=environment, impact=IMPACT)
            await step(service, "submitChangeForReview", DORA, change)
        await service.do("openIncident", CAROL, **BOT | {"version": version}, severity="HIGH", title="Odd")

    async def costs() -> dict[str, int]:
        asked = "{ %s(first: 100) { nodes { actions { mutation allowed refusal { message } choices { value } } } } }"
        return {each: len((await watched.costs(asked % each, by))[1]) for each in PAGES}

    await more("1.1.0")
    few = await costs()
    for number in range(2, 6):
        await more(f"1.{number}.0")
    assert await costs() == few
    assert max(few.values()) <= 30, few


def _another(version: str) -> dict[str, Any]:
    about = {"purpose": "Answers what a customer asks most often", "ownerId": ALICE.id, "dataStewardId": BOB.id}
    return BOT | about | {"version": version}
