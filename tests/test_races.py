"""Two people at the same instant, in two processes' worth of turns: one comes first, and what is left is consistent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from tests.examples import BOT, approvals, approved, decide, document, read, register, submit, submitted
from tests.service import ALICE, AUDREY, CAROL, DAVID, RITA, Person, Service, mutating, person

CATHY = person("cathy", *CAROL.roles)
TWICE = pytest.mark.parametrize("time", range(2))
"""Who comes first is up to the machine."""


@pytest.fixture
async def far(server: str, service: Service) -> AsyncIterator[Service]:
    """Another process's app over the same database; afterwards the trail verifies."""
    await service.enrol(CATHY)
    other = Service(server, service.database.name)
    yield other
    assert (await service.ask("{ auditVerification { valid } }", AUDREY))["auditVerification"] == {"valid": True}
    await other.close()


async def sent(service: Service, mutation: str, by: Person, **said: Any) -> str:
    """What becomes of a mutation: DONE, or the code that it was refused with."""
    answer = (await service.post(mutating(mutation, ""), {"input": BOT | said}, by)).json()
    return str(answer["errors"][0]["extensions"]["code"]) if "errors" in answer else "DONE"


async def both(one: Awaitable[str], other: Awaitable[str]) -> list[str]:
    return list(await asyncio.gather(one, other))


def approval(service: Service, by: Person, verdict: str = "APPROVED", **said: Any) -> Awaitable[str]:
    return sent(service, "submitApproval", by, verdict=verdict, **said)


async def test_two_roles_that_decide_at_once_both_have(service: Service, far: Service) -> None:
    await submitted(service)
    await decide(service, ALICE)
    assert await both(approval(service, CAROL), approval(far, DAVID)) == ["DONE", "DONE"]
    found = await read(service, "status round { decisions { reviewerId } }")
    assert found["status"] == "APPROVED" and len(found["round"]["decisions"]) == 3


async def test_of_two_who_decide_for_a_role_at_once_the_later_stands(service: Service, far: Service) -> None:
    await submitted(service)
    assert await both(approval(service, CAROL), approval(far, CATHY)) == ["DONE", "DONE"]
    found = (await read(service, "approvals { status }"))["approvals"]
    assert [each["status"] for each in found] == ["SUPERSEDED", "APPROVED"]


@TWICE
async def test_an_approval_beside_a_new_card_is_of_the_new_card_or_stale(service: Service, far: Service, time: int) -> None:
    await submitted(service)
    await service.do("saveModelCard", **BOT, card={"license": "MIT"})
    new = sent(far, "saveModelCard", ALICE, card={"license": "Apache-2.0"})
    assert await both(approval(service, CAROL), new) == ["DONE", "DONE"]
    asked = "approvals { status staleParts dossier { card } } standing { dossier { card } }"
    found = await read(service, asked)
    (one,), today = found["approvals"], found["standing"]["dossier"]["card"]
    is_new = one["dossier"]["card"] == today
    assert (one["status"], one["staleParts"]) == (("APPROVED", []) if is_new else ("STALE", ["CARD"]))


async def test_of_two_rejections_at_once_one_closes_the_round(service: Service, far: Service) -> None:
    await submitted(service)
    done = await both(approval(service, CAROL, "REJECTED", comments="No."), approval(far, DAVID, "REJECTED", comments="No."))
    assert sorted(done) == ["DONE", "INVALID_STATE"]
    await submit(service)
    (closed,) = (await read(service, "closedRounds { deciders { userId } }"))["closedRounds"]
    assert len(closed["deciders"]) == 1


@TWICE
async def test_what_is_submitted_and_retired_at_once_is_retired(service: Service, far: Service, time: int) -> None:
    await register(service)
    retired = sent(far, "retireModelVersion", ALICE, reason="Nobody needs it.")
    done = await both(sent(service, "submitForApproval", ALICE), retired)
    found = await read(service, "status round { number }")
    assert found["status"] == "RETIRED" and done[1] == "DONE"
    assert done[0] == ("DONE" if found["round"] else "INVALID_STATE")


@TWICE
async def test_a_hold_beside_the_last_approval_stops_what_is_approved(service: Service, far: Service, time: int) -> None:
    await register(service)
    await document(service)
    await submit(service)
    for each in (CAROL, DAVID):
        await decide(service, each)
    held = sent(far, "placeHold", CAROL, reason="Look at it first.")
    assert await both(approval(service, ALICE), held) == ["DONE", "DONE"]
    found = await read(service, "status eligibility { eligible violations { reason } holds { hold { role } } }")
    assert found["status"] == "APPROVED"
    assert found["eligibility"] == {"eligible": False, "violations": [], "holds": [{"hold": {"role": "ETHICS_REVIEWER"}}]}


async def test_eligibility_beside_the_revocation_of_a_waiver_is_from_before_or_after_and_never_between(
    service: Service, far: Service
) -> None:
    await approved(service)
    excepted = {"requirementId": "POL-003.access-control", "rationale": "It is urgent.", "expiresAt": "2026-04-01T00:00:00Z"}
    waiver = (await service.do("grantWaiver", RITA, "waiver { waiverId }", **BOT, **excepted))["waiver"]

    async def asked() -> tuple[bool, bool]:
        found = await read(service, "eligibility { waived { finding { requirementId } } violations { requirementId } }")
        violated = excepted["requirementId"] in {each["requirementId"] for each in found["eligibility"]["violations"]}
        return bool(found["eligibility"]["waived"]), violated

    revoked, *seen = await asyncio.gather(
        sent(far, "revokeWaiver", RITA, **waiver, reason="It no longer is."), *(asked() for _ in range(6))
    )
    assert revoked == "DONE" and {(waived, violated) for waived, violated in seen} <= {(True, False), (False, True)}
    assert await asked() == (False, True)


async def test_of_two_confirmations_of_a_condition_one_is_on_record(service: Service, far: Service) -> None:
    await submitted(service)
    demanded = {"verdict": "CONDITIONAL", "conditions": ["Watch it."]}
    made = await service.do("submitApproval", CAROL, "approval { conditions { conditionId } }", **BOT, **demanded)
    condition = made["approval"]["conditions"][0]
    await service.do("satisfyCondition", **BOT, **condition, note="Watched.")
    confirmed = [sent(each, "confirmCondition", by, **condition) for each, by in ((service, CAROL), (far, CATHY))]
    assert sorted(await both(*confirmed)) == ["DONE", "INVALID_STATE"]
    assert await approvals(service) == {"ETHICS_REVIEWER": ("APPROVED", [])}


async def test_of_two_updates_of_the_same_revision_one_is_a_conflict(service: Service, far: Service) -> None:
    await register(service)
    revision = (await read(service, "revision"))["revision"]
    updates = [
        sent(each, "updateModelVersion", ALICE, expectedRevision=revision, restrictions=[said])
        for each, said in ((service, "Not for health"), (far, "Not for children"))
    ]
    done = await both(*updates)
    assert sorted(done) == ["CONFLICT", "DONE"]
    kept = ["Not for health"] if done[0] == "DONE" else ["Not for children"]
    assert await read(service, "revision restrictions") == {"revision": revision + 1, "restrictions": kept}


async def test_one_person_who_decides_in_two_roles_at_once_has_decided_in_one(service: Service, far: Service) -> None:
    eve = person("eve", *CAROL.roles, *DAVID.roles)
    await service.enrol(eve)
    await submitted(service)
    roles = "ETHICS_REVIEWER", "SECURITY_REVIEWER"
    done = await both(*(approval(each, eve, role=role) for each, role in zip((service, far), roles, strict=True)))
    assert sorted(done) == ["DONE", "FORBIDDEN"]
    assert [*await approvals(service)] == [roles[done.index("DONE")]]


async def test_a_circle_that_two_close_at_once_stays_open(service: Service, far: Service) -> None:
    for model_id in ("a", "b"):
        await register(service, modelId=model_id)

    def on(each: Service, model_id: str, other: str) -> Awaitable[str]:
        governed = {"modelId": other, "version": "1.0.0"}
        return sent(
            each, "updateModelVersion", ALICE, modelId=model_id, dependsOn=[{"relation": "CALLS", "on": {"governed": governed}}]
        )

    assert sorted(await both(on(service, "a", "b"), on(far, "b", "a"))) == ["DONE", "INVALID_INPUT"]
