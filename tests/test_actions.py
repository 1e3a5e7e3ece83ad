"""The actions of each record say what the mutations would answer, to whomever, in whatever state, and leave no trace."""

from collections.abc import Mapping
from typing import Any

import pytest

from documents.actions.changes import OF_CHANGE
from documents.actions.others import OF_CALLER, OF_INCIDENT, OF_MODEL, OF_POLICY
from documents.actions.versions import RULES
from tests.acting import ASKING, OLGA, action_of, drawn, let_the_pipeline_in, trials
from tests.examples import on_record
from tests.journey import every_mutation, sign_in
from tests.operations import BEA
from tests.schema import MUTATIONS
from tests.service import ADA, Person, Service

ELSEWHERE = {
    **dict.fromkeys(("updateStakeholder", "deactivateStakeholder", "resetEnrolment", "confirmIdentity"), "of a person"),
    "revokeApiToken": "of a token",
    "retireRiskTemplate": "of a risk template",
    "updateEnvironment": "of an environment",
    "retireEnvironment": "of an environment",
}
"""The mutations that no `actions` offers, because they are about a record that has none."""

APART = 3
"""At one in so many steps of the journey somebody tries what others do not."""

SELDOM, OFTEN = 60, 8
"""One in so many of what a role alone refuses, and of everything else, is tried there."""


def test_every_mutation_is_an_action_of_some_record_or_has_a_reason_to_be_none() -> None:
    tables = (RULES, OF_CHANGE, OF_INCIDENT, OF_MODEL, OF_POLICY, OF_CALLER)
    actions = {each.value for table in tables for each in table}
    assert actions | ELSEWHERE.keys() == MUTATIONS.keys()
    assert actions.isdisjoint(ELSEWHERE)


async def test_each_action_is_what_trying_comes_to(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """All along the journey: whoever goes on may, and what others try comes to what `actions` says to them."""
    await sign_in(service)
    await service.enrol(OLGA, BEA)
    await on_record(service, let_the_pipeline_in)
    did, tried = service.do, dict[str, set[bool]]()

    async def done(mutation: str, by: Person, select: str = "", **fields: Any) -> Any:
        if mutation not in ELSEWHERE and (mutation, by.id) != ("createApiToken", "ben"):  # an enrolment token reads nothing
            action = await action_of(service, mutation, by, fields)
            assert action["allowed"] and action["refusal"] is None, (mutation, by.id, action)
            chosen = {
                each["argument"]: each["allowed"] for each in action["choices"] if fields.get(each["argument"]) == each["value"]
            }
            assert all(chosen.values()), (mutation, by.id, action)
        return await did(mutation, by, select, **fields)

    monkeypatch.setattr(service, "do", done)
    step = 0
    async for mutation, _ in every_mutation(service):
        step += 1
        if step % APART == 0:
            by = ASKING[step // APART % len(ASKING)]

            def chance(what: str, expected: Mapping[str, Any] | None, at: int = step) -> bool:
                by_role = expected is not None and expected["code"] == "FORBIDDEN" and " here;" not in expected["message"]
                return drawn(at, what) % (SELDOM if by_role else OFTEN) == 0

            async for tries, said, expected, came in trials(service, by, chance):
                assert came == expected, (mutation, by.id, tries, said)
                tried.setdefault(tries, set()).add(came is None)
    print({each: sorted(found) for each, found in sorted(tried.items())}, step)
    assert ADA
