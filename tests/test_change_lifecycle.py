"""What can be done with a change in which status, and where that takes it: the design's table, tried out cell by cell."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import get_nullable_type

from documents.access import GovernanceRole
from tests.examples import deactivate
from tests.operations import (
    DORA,
    STAGED,
    TOM,
    approve,
    approved_change,
    ask_for,
    carry_out,
    declare,
    experiments,
    look_at,
    rollback_of,
    step,
)
from tests.schema import TYPES
from tests.service import ADA, ALICE, CAROL, DAVID, Person, Service, mutating, person
from tests.tokens import enrolment

# Which statuses can follow which, as the product's design has it, and not as the product has it.
FOLLOW = {
    "DRAFT": "SUBMITTED CANCELLED",
    "SUBMITTED": "DRAFT UNDER_REVIEW APPROVED REJECTED CANCELLED",
    "UNDER_REVIEW": "DRAFT APPROVED REJECTED CANCELLED",
    "APPROVED": "DRAFT SCHEDULED IN_PROGRESS CANCELLED",
    "REJECTED": "DRAFT CANCELLED",
    "SCHEDULED": "DRAFT IN_PROGRESS CANCELLED",
    "IN_PROGRESS": "COMPLETED FAILED",
    "COMPLETED": "ROLLED_BACK",
    "FAILED": "ROLLED_BACK",
    "ROLLED_BACK": "",
    "CANCELLED": "",
}
STATUSES = tuple(FOLLOW)
# From which statuses a mutation is possible, and which status it leaves.
LEAVES: Mapping[str, Mapping[str, str]] = {
    "updateChangeRequest": {"DRAFT": "DRAFT"},
    "submitChangeForReview": {"DRAFT": "SUBMITTED"},
    "reopenChange": dict.fromkeys(["SUBMITTED", "UNDER_REVIEW", "APPROVED", "REJECTED", "SCHEDULED"], "DRAFT"),
    "cancelChange": dict.fromkeys(["DRAFT", "SUBMITTED", "UNDER_REVIEW", "APPROVED", "REJECTED", "SCHEDULED"], "CANCELLED"),
    "addChangeApproval": {"SUBMITTED": "UNDER_REVIEW", "UNDER_REVIEW": "APPROVED"},
    "recordTestResult": {each: each for each in ("SUBMITTED", "UNDER_REVIEW", "APPROVED", "SCHEDULED")},
    "scheduleDeployment": {"APPROVED": "SCHEDULED", "SCHEDULED": "SCHEDULED"},
    "startDeployment": {"APPROVED": "IN_PROGRESS", "SCHEDULED": "IN_PROGRESS"},
    "completeDeployment": {"IN_PROGRESS": "COMPLETED"},
    "rollbackChange": {"COMPLETED": "COMPLETED", "FAILED": "FAILED"},
    "commentOnChange": {each: each for each in STATUSES},
}
SAID: Mapping[str, tuple[Person, dict[str, Any]]] = {
    "updateChangeRequest": (DORA, {"title": "Another title"}),
    "submitChangeForReview": (DORA, {}),
    "reopenChange": (DORA, {"reason": "Another window."}),
    "cancelChange": (DORA, {"reason": "Nobody needs it."}),
    "addChangeApproval": (DAVID, {"approved": True}),
    "recordTestResult": (TOM, {"name": "load", "passed": True}),
    "scheduleDeployment": (DORA, {"scheduledTime": "2026-03-05T12:00:00Z"}),
    "startDeployment": (DORA, {}),
    "completeDeployment": (DORA, {"success": True}),
    "rollbackChange": (DORA, {"reason": "It was worse."}),
    "commentOnChange": (CAROL, {"text": "So be it."}),
}
TOUCHED = ("change_requests", "deployments", "models", "model_versions")


@dataclass(frozen=True)
class Lives:
    """A change in each status, in an environment called by it."""

    service: Service
    ids: Mapping[str, str]
    stored: Mapping[str, list[dict[str, Any]]]

    async def again(self) -> None:
        """Puts everything back to what it was."""
        for name, there in self.stored.items():
            await self.service.database.collection(name).delete_many({})
            await self.service.database.collection(name).insert_many(there)


@pytest.fixture(scope="module")
async def lives(server: str) -> AsyncIterator[Lives]:
    service = await Service.started(server)
    with service.database.bound():
        await service.enrol(DORA, TOM)
    await declare(service, *(each.lower() for each in STATUSES))
    await experiments(service, "0.1.0")
    ids = {status: await lived(service, status) for status in STATUSES}
    service.later(hours=2)
    for by, _ in SAID.values():
        await service.ask("{ viewer { id } }", by)  # the first use of a token in an hour is noted
    stored = {name: await service.database.collection(name).find().to_list(None) for name in TOUCHED}
    yield Lives(service, ids, stored)
    await service.close()


async def lived(service: Service, status: str) -> str:
    """Brings a change into a status."""
    place = STAGED | {"environment": status.lower(), "targetVersion": "0.1.0"}
    if status in {"DRAFT", "SUBMITTED", "UNDER_REVIEW", "REJECTED", "CANCELLED"}:
        change_id = await ask_for(service, **place)
        if status not in {"DRAFT", "CANCELLED"}:
            await step(service, "submitChangeForReview", DORA, change_id)
        for who in (ALICE, TOM) if status == "UNDER_REVIEW" else ():
            await step(service, "addChangeApproval", who, change_id, approved=True)
        if status == "REJECTED":
            await step(service, "addChangeApproval", TOM, change_id, approved=False)
        if status == "CANCELLED":
            await step(service, "cancelChange", DORA, change_id, reason="Nobody needs it.")
        return change_id
    change_id = await approved_change(service, **place)
    match status:
        case "SCHEDULED":
            await step(service, "scheduleDeployment", DORA, change_id, scheduledTime="2026-03-01T13:00:00Z")
        case "IN_PROGRESS":
            await step(service, "startDeployment", DORA, change_id)
        case "COMPLETED" | "FAILED" | "ROLLED_BACK":
            await carry_out(service, change_id, success=status != "FAILED")
    if status == "ROLLED_BACK":
        rollback = await rollback_of(service, change_id)
        await approve(service, rollback)
        await carry_out(service, rollback)
    return change_id


def test_the_table_has_every_mutation_on_a_change() -> None:
    mutations = TYPES["Mutation"].fields
    inputs = {name: get_nullable_type(field.args["input"].type).fields for name, field in mutations.items()}
    assert {name for name, fields in inputs.items() if "changeId" in fields} == LEAVES.keys() == SAID.keys()


@pytest.mark.exhaustive
@pytest.mark.parametrize("status", STATUSES)
async def test_a_change_shows_what_can_follow(lives: Lives, status: str) -> None:
    found = await look_at(lives.service, lives.ids[status], "status allowedTransitions")
    assert found == {"status": status, "allowedTransitions": FOLLOW[status].split()}


@pytest.mark.exhaustive
@pytest.mark.parametrize("mutation", LEAVES)
async def test_a_mutation_is_possible_from_the_statuses_of_its_row_and_else_changes_nothing(lives: Lives, mutation: str) -> None:
    (by, said), service, possible = SAID[mutation], lives.service, LEAVES[mutation]
    for status in STATUSES:
        asked = said | {"changeId": lives.ids[status]}
        if status in possible:
            left = (await service.do(mutation, by, "changeRequest { status moves { fromStatus toStatus } }", **asked))[
                "changeRequest"
            ]
            assert left["status"] == possible[status]
            if left["status"] != status:
                assert left["moves"][-1] == {"fromStatus": status, "toStatus": left["status"]}
                assert left["status"] in FOLLOW[status].split()
            await lives.again()
        else:
            before = await service.state()
            refused = await service.refused(mutation, by, **asked)
            assert refused == {"code": "INVALID_STATE", "action": mutation, "from": status, "allowed": [*possible]}
            assert await service.state() == before


GONE, OLGA = person("gone", GovernanceRole.DEPLOYER), person("olga", GovernanceRole.MODEL_OWNER, GovernanceRole.TECH_LEAD)
OWEN, DAN = person("owen", GovernanceRole.MODEL_OWNER), person("dan", GovernanceRole.DEPLOYER)
PLACE: dict[str, Any] = STAGED | {"targetVersion": "0.1.0"}


@pytest.fixture
async def manned(service: Service) -> Service:
    """A version to bring somewhere, with a deployer who asks, and people who did not."""
    await service.enrol(DORA, TOM, GONE, OLGA, OWEN, DAN)
    await experiments(service, "0.1.0")
    return service


async def refusal(service: Service, mutation: str, by: Person, change_id: str, **said: Any) -> dict[str, Any]:
    await service.ask("{ viewer { id } }", by)  # the first use of a token in an hour is noted
    before = await service.state()
    refused = await service.refused(mutation, by, changeId=change_id, **said)
    assert await service.state() == before
    return refused


async def test_a_change_is_cancelled_by_its_requester_the_owner_of_its_version_or_a_tech_lead(manned: Service) -> None:
    for by in (DORA, ALICE, TOM, OLGA):
        change_id = await ask_for(manned, **PLACE)
        for other in (OWEN, DAN):  # another version's owner, another deployer
            refused = await refusal(manned, "cancelChange", other, change_id, reason="Old.")
            assert (refused["code"], refused["needs"]) == (
                "FORBIDDEN",
                ["TECH_LEAD", "MODEL_OWNER (author)", "MODEL_OWNER (owner)", "DEPLOYER (author)", "SERVICE (author)"],
            )
        assert (await refusal(manned, "cancelChange", CAROL, change_id, reason="Old."))["code"] == "FORBIDDEN"
        assert (await step(manned, "cancelChange", by, change_id, reason="Nobody needs it."))["status"] == "CANCELLED"
        found = await look_at(manned, change_id, "allowedTransitions moves { by fromStatus toStatus reason }")
        move = {"by": by.id, "fromStatus": "DRAFT", "toStatus": "CANCELLED", "reason": "Nobody needs it."}
        assert found == {"allowedTransitions": [], "moves": [move]}


async def test_what_was_cancelled_is_over_and_says_why_to_people_only(manned: Service) -> None:
    change_id = await approved_change(manned, **PLACE)
    await step(manned, "scheduleDeployment", DORA, change_id, scheduledTime="2026-03-05T12:00:00Z")
    stale = await refusal(manned, "cancelChange", DORA, change_id, reason="Old.", expectedRevision=1)
    assert stale["code"] == "CONFLICT"
    assert (await refusal(manned, "cancelChange", DORA, change_id, reason=" "))["path"] == "input.reason"
    await step(manned, "cancelChange", DORA, change_id, reason="A secret was found.")
    told = await manned.last()
    assert (told["event_type"], told["outcome"], told["subject"]) == (
        "change_updated", "success", {"model_id": STAGED["modelId"], "version": "0.1.0"}
    )  # fmt: skip
    assert b"A secret" not in told["canonical"]
    found = await look_at(manned, change_id, "status scheduledTime")
    assert found == {"status": "CANCELLED", "scheduledTime": None}
    for mutation, said in (
        ("startDeployment", {}),
        ("reopenChange", {"reason": "After all."}),
        ("cancelChange", {"reason": "X"}),
    ):
        assert (await refusal(manned, mutation, DORA, change_id, **said))["code"] == "INVALID_STATE"
    listed = "{ changeRequests(first: 9, filter: {status: {eq: CANCELLED}}) { nodes { changeId } } }"
    assert (await manned.ask(listed))["changeRequests"]["nodes"] == [{"changeId": change_id}]


@pytest.mark.parametrize("by", [ALICE, TOM], ids=["owner", "tech lead"])
async def test_a_draft_whose_requester_left_is_edited_submitted_or_cancelled_by_the_owner_or_a_tech_lead(
    manned: Service, by: Person
) -> None:
    change_id = await ask_for(manned, GONE, **PLACE)
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        ("updateChangeRequest", {"title": "As agreed"}), ("submitChangeForReview", {}), ("reopenChange", {"reason": "A typo."})
    )  # fmt: skip
    for mutation, said in steps:
        refused = await refusal(manned, mutation, by, change_id, **said)
        assert (refused["code"], f"{by.roles[0].name} (author)" in refused["needs"]) == ("FORBIDDEN", True)
    await deactivate(manned, GONE)
    for mutation, said in steps:
        for other in (OWEN, DAN):  # another version's owner, another deployer
            assert (await refusal(manned, mutation, other, change_id, **said))["code"] == "FORBIDDEN"
        await step(manned, mutation, by, change_id, **said)
    await step(manned, "submitChangeForReview", by, change_id)
    assert (await look_at(manned, change_id, "requester"))["requester"] == GONE.id
    refused = await refusal(manned, "addChangeApproval", by, change_id, approved=True)
    assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["somebody else"])
    for role, other in (("MODEL_OWNER", OLGA if by is ALICE else ALICE), ("TECH_LEAD", OLGA if by is TOM else TOM)):
        await step(manned, "addChangeApproval", other, change_id, role=role, approved=True)
    await step(manned, "cancelChange", by, change_id, reason="It is no longer needed.")


async def test_whoever_comes_back_has_the_drafts_alone_again(manned: Service) -> None:
    change_id = await ask_for(manned, GONE, **PLACE)
    await deactivate(manned, GONE)
    await manned.do("updateStakeholder", ADA, userId=GONE.id, active=True)
    assert (await refusal(manned, "updateChangeRequest", TOM, change_id, title="Mine"))["code"] == "FORBIDDEN"


async def test_whoever_planned_a_change_does_not_approve_it_after_handing_it_over(manned: Service) -> None:
    change_id = await ask_for(manned, TOM, **PLACE)
    await deactivate(manned, TOM, handOverTo=OLGA.id)
    await manned.do("updateStakeholder", ADA, userId=TOM.id, active=True)
    own = await manned.do("createApiToken", await enrolment(manned, TOM), "token", name="laptop")
    await step(manned, "submitChangeForReview", OLGA, change_id)
    for each in (OLGA, Person(TOM.id, own["token"])):
        refused = await refusal(manned, "addChangeApproval", each, change_id, role="TECH_LEAD", approved=True)
        assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["somebody else"])


async def test_a_program_cancels_what_it_asked_for_and_nothing_else(manned: Service) -> None:
    listed = {"service": {"name": "release", "mutations": ["CREATE_CHANGE_REQUEST", "CANCEL_CHANGE"]}}
    program = Person("release", (await manned.do("createApiToken", ADA, "token", name="release", holder=listed))["token"])
    own, other = await ask_for(manned, program, **PLACE), await ask_for(manned, **PLACE)
    refused = await refusal(manned, "cancelChange", program, other, reason="Not mine.")
    assert (refused["code"], "SERVICE (author)" in refused["needs"]) == ("FORBIDDEN", True)
    assert (await step(manned, "cancelChange", program, own, reason="The build failed."))["status"] == "CANCELLED"


async def test_of_starting_and_cancelling_at_once_one_wins(manned: Service) -> None:
    change_id = await approved_change(manned, **PLACE)
    why: dict[str, Any] = {"reason": "Not now."}
    tries: tuple[tuple[str, Person, dict[str, Any]], ...] = (("startDeployment", DORA, {}), ("cancelChange", ALICE, why))
    answers = await asyncio.gather(
        *(manned.post(mutating(name, ""), {"input": {"changeId": change_id} | said}, by) for name, by, said in tries)
    )
    codes = [each["extensions"]["code"] for answer in answers for each in answer.json().get("errors", ())]
    assert codes == ["INVALID_STATE"]
    status = (await look_at(manned, change_id, "status"))["status"]
    assert status == ("CANCELLED" if "errors" in answers[0].json() else "IN_PROGRESS")
