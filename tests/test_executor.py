"""A text that is asked again is answered by a plan, and as it was before: the same values and errors, in the same order."""

import json
from collections.abc import AsyncIterator
from math import inf, nan
from typing import Any

import pytest
from bson import Int64

from gql.app import schema_of
from gql.executor import compiler
from gql.executor.plans import MOST_RESTS, Plan
from tests.differential import compare_many
from tests.examples import BOT, REGISTRATION, register
from tests.journey import through_everything
from tests.operations import DORA
from tests.service import ADA, ALICE, AUDREY, Person, Service
from tests.watching import Watched, watching, where

# What an error no longer waits for is cancelled by graphql-core, often before it began.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")

EVERYTHING = """{ modelVersions(first: 3) { totalCount pageInfo { endCursor hasNextPage } edges { cursor node { id } } nodes {
    __typename id modelId version purpose useCases restrictions tier revision registeredAt deployedIn criticalIncidents
    classification { tier matches { keyword source } } artifacts { kind uri sha256 size } status daysWaiting
    accountability { role userId assignedAt person { name } } standing { status missingRoles openConditions }
    model { name versions(first: 2) { totalCount nodes { version owner { name } } } } eligibility { __typename } } } }"""


@pytest.fixture(scope="module")
async def filled(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    await through_everything(service)
    with service.database.bound():
        yield service
    await service.close()


@pytest.fixture
async def watched(server: str, service: Service) -> AsyncIterator[Watched]:
    async for each in watching(server, service):
        yield each


def plan(service: Service, text: str) -> Plan | None:
    operation, *_ = schema_of(service.settings).texts.known(text).document.definitions
    found: Plan | None = vars(operation).get("plan")
    return found


def is_planned(service: Service, text: str) -> bool:
    """Whether a compiled plan answers the text, and did so without going astray."""
    found = plan(service, text)
    return found is not None and found.compiler is not None and found.rests == 0


async def answers(service: Service, text: str, by: Person = ALICE, times: int = 3, **variables: Any) -> list[str]:
    """The texts of the answers to the same question, without what tells two internal errors apart."""
    said = []
    for _ in range(times):
        answer = (await service.post(text, variables, by)).json()
        for each in answer.get("errors", ()):
            each["extensions"].pop("id", None)
        said.append(json.dumps(answer))
    return said


async def test_a_text_is_planned_when_it_is_asked_again(service: Service) -> None:
    await register(service)
    text = "{ modelVersions { nodes { version } } } # again"
    await service.ask(text)
    first = plan(service, text)
    assert first and first.compiler is None
    await service.ask(text)
    assert first.compiler and plan(service, text) is first


async def test_a_plan_answers_as_graphql_core_does(filled: Service) -> None:
    for by in (ALICE, AUDREY, ADA, DORA):
        assert len(set(await answers(filled, EVERYTHING, by))) == 1
    assert is_planned(filled, EVERYTHING)


async def test_aliases_of_one_field_keep_their_keys_and_their_order(service: Service) -> None:
    await register(service)
    text = "{ modelVersions { nodes { b: version a: version kind: __typename version owner { z: name name } } } }"
    for _ in range(3):
        (node,) = (await service.ask(text))["modelVersions"]["nodes"]
        assert [*node] == ["b", "a", "kind", "version", "owner"] and [*node["owner"]] == ["z", "name"]
        assert node["a"] == node["b"] == BOT["version"] and node["kind"] == "ModelVersion"


async def test_fragments_are_read_where_they_apply(service: Service) -> None:
    await register(service)
    text = """query($ids: [ID!]!) { nodes(ids: $ids) { __typename ...V ... on Model { name versions { nodes { ...V } } } } }
        fragment V on ModelVersion { version ...W } fragment W on ModelVersion { tier model { name } }"""
    found = await service.ask("{ models { nodes { id versions { nodes { id } } } } }")
    (model,) = found["models"]["nodes"]
    ids = [model["id"], model["versions"]["nodes"][0]["id"], model["id"]]
    assert len(set(await answers(service, text, ids=ids))) == 1


async def test_a_page_with_edges_costs_the_same_commands_with_a_plan(watched: Watched) -> None:
    for model_id in ("a", "b", "c"):
        await register(watched.service, modelId=model_id)
    text = "{ models { nodes { owner { name } versions { nodes { dataSteward { name } owner { name } model { name } } } } } }"
    costs = [where((await watched.costs(text))[1]) for _ in range(3)]
    assert sorted(costs[0]) == ["model_versions", "models", "models", "stakeholders", "stakeholders"]
    assert sorted(costs[1]) == sorted(costs[2]) == sorted(costs[0])


@pytest.mark.exhaustive
@pytest.mark.tampers
@pytest.mark.parametrize(
    "name", ["tier", "revision", "use_cases", "registered_at", "classification", "standing.status", "owner_id"]
)
@pytest.mark.parametrize(
    "value",
    [None, "", "x", 7, -0.5, 2**40, Int64(3), nan, inf, True, [], [None], ["x", 1], {}, {"a": 1}, b"x"],
    ids=repr,
)
async def test_what_a_record_should_not_hold_is_answered_as_without_a_plan(service: Service, name: str, value: Any) -> None:
    await register(service)
    versions = service.database.collection("model_versions")
    await versions.update_one({}, {"$set": {name: value}})
    assert len(set(await answers(service, EVERYTHING))) == 1
    await versions.update_one({}, {"$unset": {name: ""}})
    assert len(set(await answers(service, EVERYTHING))) == 1


@pytest.mark.tampers
async def test_errors_below_a_page_keep_their_order(service: Service) -> None:
    for model_id in ("a", "b", "c", "d"):
        await register(service, modelId=model_id)
    versions = service.database.collection("model_versions")
    await versions.update_many({"model_id": {"$in": ["b", "d"]}}, {"$set": {"classification.matches": 5}})
    text = "{ models { nodes { modelId versions { nodes { classification { matches { keyword } } } } } } } # in order"
    assert len(set(await answers(service, text))) == 1
    assert '"errors"' in (await answers(service, text))[0]


@pytest.mark.tampers
async def test_a_plan_that_goes_astray_rests_longer_each_time_until_it_succeeds(service: Service) -> None:
    await register(service)
    versions, text = service.database.collection("model_versions"), "{ modelVersions { nodes { purpose } } } # rests"
    await versions.update_one({}, {"$set": {"purpose": None}})
    await answers(service, text, times=2)
    found = plan(service, text)
    assert found and found.rests == 1
    await answers(service, text, times=2)
    assert found.rests == 2
    await answers(service, text, times=MOST_RESTS * 4)
    assert found.rests <= MOST_RESTS
    await versions.update_one({}, {"$set": {"purpose": REGISTRATION["purpose"]}})
    assert len(set(await answers(service, text, times=MOST_RESTS + 2))) == 1
    assert found.rests == 0


async def test_an_operation_of_too_many_fields_is_not_compiled(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "MOST_FIELDS", 3)
    await register(service)
    text = "{ modelVersions { nodes { version model { name } } } } # wide"
    assert len(set(await answers(service, text))) == 1
    found = plan(service, text)
    assert found and not found.fixed


@pytest.mark.parametrize(
    "text",
    [
        "query($with: Boolean = true) { modelVersions { nodes { version @include(if: $with) } } }",
        "{ modelVersions { nodes { ... @skip(if: false) { version } } } }",
    ],
)
async def test_what_may_select_otherwise_has_no_plan(service: Service, text: str) -> None:
    await register(service)
    assert len(set(await answers(service, text))) == 1
    found = plan(service, text)
    assert found is None or found.compiler is None


async def test_several_root_fields_are_planned_together(service: Service) -> None:
    await register(service)
    text = "{ first: modelVersions { nodes { version } } __typename models { nodes { owner { name } } } } # several"
    assert len(set(await answers(service, text))) == 1
    assert is_planned(service, text)


async def test_a_denied_root_field_beside_another_leaves_one_event(service: Service) -> None:
    await register(service)
    text = "{ models { nodes { name } } auditEvents { nodes { seq } } } # denied"
    for _ in range(3):
        before = await service.size()
        assert len(set(await answers(service, text, times=1))) == 1
        assert await service.size() == before + 1


async def test_without_planning_no_text_has_a_plan(server: str, service: Service) -> None:
    await register(service)
    text = "{ modelVersions { nodes { version } } } # not planned"
    settings = service.settings.model_copy(update={"planning": False})
    schema = schema_of(settings)
    assert schema.execution_context_class.__name__ == "Execution"
    assert schema_of(service.settings.model_copy(update={"planning": True})).execution_context_class.__name__ == "Planned"
    assert schema_of(settings) is schema and len(set(await answers(service, text))) == 1


@pytest.mark.exhaustive
@pytest.mark.tampers
async def test_drawn_operations_are_answered_the_same(filled: Service) -> None:
    outcome = await compare_many(filled, 14, inf, most=200, a_state=20)
    assert outcome.compared >= 200 and outcome.planned > 50 and outcome.errors > 20
