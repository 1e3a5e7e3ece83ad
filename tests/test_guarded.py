"""Nested fields that not everybody may read: null for the others, never an error, and nothing in the trail."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_composite_type, is_non_null_type

from documents.access import Permission
from resolvers.graph.mutation import PERMIT
from resolvers.graph.types import GUARDED
from tests.examples import register
from tests.operations import DORA, ask_for
from tests.schema import BUILT, QUERIES, SCHEMA, TYPES, metadata
from tests.service import AUDREY, CAROL, Service

# How a page comes to each type that has such a field.
WAYS = {
    "Stakeholder": 'stakeholder(userId: "alice")', "Model": 'model(modelId: "support-assistant")',
    "ModelVersion": 'modelVersion(modelId: "support-assistant", version: "1.0.0")', "Dashboard": "dashboard",
    "ChangeRequest": 'changeRequest(changeId: "ID")', "TokenFigure": "dashboard",
}  # fmt: skip
BELOW = {"TokenFigure": "expiringTokens"}  # a field of what the way leads to, which has the type


def guarded() -> Iterator[tuple[str, str, Any]]:
    for name, kind in TYPES.items():
        if isinstance(kind, GraphQLObjectType):
            yield from ((name, each, field) for each, field in kind.fields.items() if metadata(field).get(GUARDED))


FIELDS = {f"{kind}.{name}": (kind, name, field) for kind, name, field in guarded()}


def selecting(name: str, field: Any) -> str:
    kind = get_named_type(field.type)
    first = "(first: 1)" if "first" in field.args else ""
    return f"{name}{first} {'{ __typename }' if is_composite_type(kind) else ''}"


def on_the_way(kind: str, selected: str) -> str:
    return f"{WAYS[kind]} {{ {f'{BELOW[kind]} {{ {selected} }}' if kind in BELOW else selected} }}"


def found_at(kind: str, answer: Any) -> Any:
    return answer[BELOW[kind]] if kind in BELOW else answer


@pytest.fixture(scope="module")
async def paged(server: str) -> AsyncIterator[tuple[Service, str]]:
    service = await Service.started(server)
    await service.enrol(DORA)
    await register(service)
    change_id = await ask_for(service)
    for each in (CAROL, AUDREY):
        await service.ask("{ viewer { id } }", each)  # the first use of a token in an hour is noted
    yield service, change_id
    await service.close()


def test_the_guarded_fields_are_those_that_are_known() -> None:
    assert FIELDS.keys() == {
        "Stakeholder.email", "Stakeholder.doubles", "Model.auditEvents", "ModelVersion.auditEvents", "ChangeRequest.auditEvents",
        "Dashboard.audit", "TokenFigure.apiTokens",
    }  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_a_guarded_field_may_be_null_and_says_for_whom_it_is(field: str) -> None:
    _, _, declared = FIELDS[field]
    assert not is_non_null_type(declared.type)
    assert " for " in declared.description.replace("null for others", "") or "read them" in declared.description
    assert declared.description.endswith("null for others.")


@pytest.mark.parametrize("field", FIELDS)
async def test_who_may_not_read_it_gets_null_without_an_error_or_an_event(paged: tuple[Service, str], field: str) -> None:
    service, change_id = paged
    kind, name, declared = FIELDS[field]
    text = f"{{ it: {on_the_way(kind, selecting(name, declared)).replace('ID', change_id)} }}"
    seen = await service.size()
    assert found_at(kind, (await service.ask(text, CAROL))["it"]) == {name: None}
    assert found_at(kind, (await service.ask(text, AUDREY))["it"])[name] is not None
    assert await service.size() == seen


async def test_a_page_with_all_of_them_leaves_no_event(paged: tuple[Service, str]) -> None:
    service, change_id = paged
    fields = {kind: " ".join(selecting(name, each) for of, name, each in guarded() if of == kind) for kind in WAYS}
    parts = [f"{kind}: {on_the_way(kind, fields[kind]).replace('ID', change_id)}" for kind in WAYS]
    seen = await service.size()
    found = await service.ask(f"{{ {' '.join(parts)} }}", CAROL)
    assert {value for kind, each in found.items() for value in found_at(kind, each).values()} == {None}
    assert await service.size() == seen


def test_nothing_that_needs_a_permission_is_reached_but_through_a_guarded_field() -> None:
    """From the questions that everybody may ask. Tokens are reached from whoever is asking alone."""
    private = {name for name, node in BUILT.registry.nodes.items() if node.permit is not Permission.READ}
    own = {("Viewer", "tokens"), ("Viewer", "ownedTokens")}
    waiting = [get_named_type(each.type) for each in QUERIES.values() if metadata(each).get(PERMIT) is Permission.READ]
    seen = {each.name for each in waiting}
    while waiting:
        kind = waiting.pop()
        for name, field in getattr(kind, "fields", {}).items():
            inner = get_named_type(field.type)
            if inner.name not in seen and not metadata(field).get(GUARDED) and (kind.name, name) not in own:
                seen.add(inner.name)
                waiting.append(inner)
    assert len(private) > 2 and "ModelVersion" in seen and seen & private == set()
    assert SCHEMA.type_map.keys() >= private
