"""What can be done with a change in which status, and where that takes it: the design's table, tried out cell by cell."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import get_nullable_type

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
from tests.service import ALICE, CAROL, DAVID, Person, Service

# Which statuses can follow which, as the product's design has it, and not as the product has it.
FOLLOW = {
    "DRAFT": "SUBMITTED",
    "SUBMITTED": "DRAFT UNDER_REVIEW APPROVED REJECTED",
    "UNDER_REVIEW": "DRAFT APPROVED REJECTED",
    "APPROVED": "DRAFT SCHEDULED IN_PROGRESS",
    "REJECTED": "DRAFT",
    "SCHEDULED": "DRAFT IN_PROGRESS",
    "IN_PROGRESS": "COMPLETED FAILED",
    "COMPLETED": "ROLLED_BACK",
    "FAILED": "ROLLED_BACK",
    "ROLLED_BACK": "",
}
STATUSES = tuple(FOLLOW)
# From which statuses a mutation is possible, and which status it leaves.
LEAVES: Mapping[str, Mapping[str, str]] = {
    "updateChangeRequest": {"DRAFT": "DRAFT"},
    "submitChangeForReview": {"DRAFT": "SUBMITTED"},
    "reopenChange": dict.fromkeys(["SUBMITTED", "UNDER_REVIEW", "APPROVED", "REJECTED", "SCHEDULED"], "DRAFT"),
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
    if status in {"DRAFT", "SUBMITTED", "UNDER_REVIEW", "REJECTED"}:
        change_id = await ask_for(service, **place)
        if status != "DRAFT":
            await step(service, "submitChangeForReview", DORA, change_id)
        for who in (ALICE, TOM) if status == "UNDER_REVIEW" else ():
            await step(service, "addChangeApproval", who, change_id, approved=True)
        if status == "REJECTED":
            await step(service, "addChangeApproval", TOM, change_id, approved=False)
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


@pytest.mark.parametrize("status", STATUSES)
async def test_a_change_shows_what_can_follow(lives: Lives, status: str) -> None:
    found = await look_at(lives.service, lives.ids[status], "status allowedTransitions")
    assert found == {"status": status, "allowedTransitions": FOLLOW[status].split()}


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
