"""Whatever is asked is answered: nothing fails unforeseen, nothing hangs, nothing is told of the inside."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.versions.version import ModelVersion
from tests.asking import NODE, operations
from tests.edge import INSIDE
from tests.examples import BOT, register
from tests.journey import sign_in
from tests.service import ADA, ALICE, Person, Service

CODES = {
    "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "INVALID_INPUT", "INVALID_STATE", "POLICY_BLOCKED", "LIMIT_EXCEEDED",
}  # fmt: skip


@pytest.fixture(scope="module")
async def stocked(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    await register(service)
    await sign_in(service)
    yield service
    await service.close()


anything = settings(
    max_examples=settings().max_examples * 4 // 5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


# What an answer with an error no longer waits for goes on in threads of the driver, which draws numbers of its own meanwhile.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")


@anything
@given(asked=operations("Query"), by=st.sampled_from([ADA, ALICE]))
async def test_any_question_is_answered(stocked: Service, asked: tuple[str, dict[str, Any]], by: Person) -> None:
    await answered(stocked, *asked, by)


@anything
@given(asked=operations("Mutation"), by=st.sampled_from([ADA, ALICE]))
async def test_any_mutation_is_answered(stocked: Service, asked: tuple[str, dict[str, Any]], by: Person) -> None:
    await answered(stocked, *asked, by)


async def answered(service: Service, text: str, variables: dict[str, Any], by: Person) -> None:
    with service.database.bound():
        version = await ModelVersion.require(BOT["modelId"], BOT["version"])
    identity = b64encode(f"ModelVersion:{version.id}".encode()).decode()
    async with asyncio.timeout(20):
        answer = await service.post(text, json.loads(json.dumps(variables).replace(NODE, identity)), by)
    assert answer.status_code == 200
    errors = answer.json().get("errors", [])
    assert {each["extensions"]["code"] for each in errors} <= CODES, errors
    assert not INSIDE.search(json.dumps([each["message"] for each in errors])), errors
