"""Whatever has an id of its own is found by it."""

from base64 import b64encode
from collections.abc import AsyncIterator

import pytest

from tests.edge import Edge
from tests.examples import register, save_datasheet
from tests.service import AUDREY, CAROL, Service
from tests.watching import Watched, watching, where


@pytest.fixture(scope="module")
async def known(server: str) -> AsyncIterator[Watched]:
    """One of each of the nouns that everything else is about."""
    service = await Service.started(server)
    await register(service)
    await save_datasheet(service)
    async for each in watching(server, service):
        yield each
    await service.close()


@pytest.fixture
async def edge(known: Watched) -> Edge:
    return Edge(known.service, await known.service.state())


async def test_a_node_is_found_by_the_id_that_it_gave(known: Watched) -> None:
    lists = "models modelVersions stakeholders policies datasheets auditEvents"
    asked = " ".join(f"{each}(first: 2) {{ nodes {{ id __typename }} }}" for each in lists.split())
    found = await known.service.ask(f"{{ {asked} }}", AUDREY)
    given = [each for connection in found.values() for each in connection["nodes"]]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }"
    ids = [each["id"] for each in given]
    answer, commands = await known.costs(query, AUDREY, ids=[*ids[::-1], *ids])
    assert answer["nodes"] == [*given[::-1], *given] and {each["__typename"] for each in given} == {
        "Model", "ModelVersion", "Stakeholder", "Policy", "Datasheet", "AuditEvent",
    }  # fmt: skip
    assert sorted(where(commands)) == ["audit_events", "datasheets", "model_versions", "models", "policies", "stakeholders"]
    one = "query($id: ID!) { node(id: $id) { id __typename ... on Stakeholder { name } ... on Content { kind } } }"
    assert (await known.service.ask(one, id=ids[0]))["node"] == given[0]


async def test_an_audit_event_is_found_by_its_id_by_those_who_may_read_the_trail(known: Watched) -> None:
    events = "{ auditEvents(first: 1) { nodes { id seq } } }"
    (event,) = (await known.service.ask(events, AUDREY))["auditEvents"]["nodes"]
    node = "query($id: ID!) { node(id: $id) { ... on AuditEvent { id seq } } }"
    assert (await known.service.ask(node, AUDREY, **event))["node"] == event
    nodes = "query($id: ID!) { nodes(ids: [$id]) { id } }"
    for query, action in ((node, "node"), (nodes, "nodes")):
        refused = await known.service.refusal(query, CAROL, id=event["id"])
        assert refused["code"] == "FORBIDDEN"
        last = await known.service.last()
        assert (last["outcome"], last["action"], last["actor"]["id"]) == ("denied", action, CAROL.id)


async def test_a_token_is_found_by_its_id_by_administrators_and_auditors_alone(known: Watched) -> None:
    ask = "query($id: ID!) { node(id: $id) { id ... on ApiToken { tokenId } } }"
    for token in (await known.service.state())["ApiToken"]:
        said = b64encode(f"ApiToken:{token['_id']}".encode()).decode()
        assert (await known.service.ask(ask, AUDREY, id=said))["node"] == {"id": said, "tokenId": token["token_id"]}
        assert (await known.service.refusal(ask, CAROL, id=said))["code"] == "FORBIDDEN"


@pytest.mark.parametrize("said", ["", "x", "Model", "Model:", "Model:a:b", b"Model", b"\xff:\xff"])
async def test_a_global_id_that_is_none_is_refused(edge: Edge, said: str | bytes) -> None:
    given = said if isinstance(said, str) else b64encode(said).decode()
    assert (await edge.refuses("query($id: ID!) { node(id: $id) { id } }", {"id": given}))["code"] == "INVALID_INPUT"


@pytest.mark.parametrize("said", [b"Model:", b"Model:x", b'Model:{"$gt": ""}', b"Nothing:" + b"0" * 24, b"Model:" + b"0" * 24])
async def test_a_global_id_of_nothing_finds_nothing(edge: Edge, said: bytes) -> None:
    assert await edge.service.ask("query($id: ID!) { node(id: $id) { id } }", id=b64encode(said).decode()) == {"node": None}


async def test_a_known_and_first_id_is_one_too_many(edge: Edge) -> None:
    refused = await edge.refuses(
        "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [b64encode(b"Model:x").decode()] * 101}
    )
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 100)


MALFORMED = [
    "",
    "x",
    "Model",
    "Model:a:b",
    b64encode(b"Model").decode(),
    b64encode(b"\xff:\xff").decode(),
    "\0",
    "\u202e",
    "x" * 1_000,
]


async def test_a_malformed_id_among_others_is_null_with_an_error_at_its_place(known: Watched) -> None:
    (model,) = (await known.service.ask("{ models(first: 1) { nodes { id } } }"))["models"]["nodes"]
    nothing = b64encode(b"Model:" + b"0" * 24).decode()
    for said in MALFORMED:
        ids = [said, model["id"], nothing, said]
        answer = (await known.service.post("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})).json()
        assert answer["data"] == {"nodes": [None, model, None, None]}
        assert [(each["path"], each["extensions"]["code"], each["extensions"]["path"]) for each in answer["errors"]] == [
            (["nodes", at], "INVALID_INPUT", f"ids.{at}") for at in (0, 3)
        ]


async def test_one_malformed_id_is_refused_with_the_name_of_the_argument(edge: Edge) -> None:
    for said in MALFORMED:
        refused = await edge.refuses("query($id: ID!) { node(id: $id) { id } }", {"id": said})
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "id")
