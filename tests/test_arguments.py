"""Every argument of the schema, sent in bad faith: it is refused by its name with a code, or answered properly.

The arguments, and the fields of all inputs, are read off the schema that is served, so a new one is walked by itself. Each gets a
share of the hostile values; under `WALK=whole` each gets all, which takes ten minutes.
"""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type, is_composite_type

from documents.access import WHO_MAY, GovernanceRole, Permission
from documents.audit.notes import SigningKey
from documents.errors import LimitExceeded
from gql.http import read_json
from gql.verifications import verification
from tests.edge import INSIDE
from tests.examples import BOT, TICKETS
from tests.hostile import Leaf, Place, Shares, hostile, leaves, root, sent, step, written
from tests.journey import every_mutation, sign_in
from tests.schema import TYPES
from tests.service import ADA, Person, Service, person
from tests.sockets import Socket, dial, served

OMAR = person("omar", *GovernanceRole)
KNOWN: dict[str, Any] = BOT | TICKETS | {
    "userId": "bob", "ownerId": "alice", "dataStewardId": "bob", "email": "x@example.org", "uri": "https://example.org",
    "riskId": "MQ-001", "policyId": "POL-001", "role": "MODEL_OWNER", "environment": "production", "query": "support", "depth": 2,
    "keys": [str(SigningKey("test", bytes(32)).verifier)], "checkpoint": "x",
}  # fmt: skip
CODES = {"FORBIDDEN", "NOT_FOUND", "CONFLICT", "INVALID_INPUT", "INVALID_STATE", "POLICY_BLOCKED", "LIMIT_EXCEEDED"}
# As literals in the text, where graphql-core reads them otherwise than the values of variables.
LITERALS = (
    "1e400",
    "-1e400",
    "9" * 400,
    "-0.0",
    "NaN",
    "[]",
    "{}",
    "null",
    '"\\uD83D"',
    '"\\u0000"',
    '"\\u{202E}"',
    '"""\0"""',
    "$",
)
UNNAMED = ("Syntax Error", "OneOf Input Object", "Value for member field")
"""What the messages begin with that name a place in the text, or a type and its field, but no argument."""
# A body that is no text, or too long, is refused before anybody looks for arguments in it.
UNREAD = {400, 413}


@dataclasses.dataclass
class Walked:
    """A service where everything has happened, and the ways that lead to each type of it."""

    service: Service
    ways: dict[str, tuple[str, ...]]
    known: dict[str, Any]
    shares: Shares = dataclasses.field(default_factory=Shares)

    async def wrong_with(self, text: str, variables: dict[str, Any], argument: str, by: Person, *names: str) -> Any:
        """What is wrong with the answer; None if it is proper, or refused with the name of the argument or one of `names`."""
        headers = {"authorization": f"Bearer {by.token}", "content-type": "application/json"}
        async with asyncio.timeout(30):
            answer = await self.service.http.post("/graphql", content=sent(text, variables), headers=headers)
        said = json.loads(answer.content)  # with all that Python takes for JSON; below it is proper JSON
        errors = said.get("errors", [])
        codes = {each["extensions"]["code"] for each in errors}
        problem = None
        if codes - CODES or answer.status_code not in {200, *UNREAD}:
            problem = "its code"
        elif any(INSIDE.search(each["message"].partition("found: ")[0]) for each in errors):
            problem = "it tells of the inside"
        elif not errors and (b"NaN" in answer.content or b"Infinity" in answer.content):
            problem = "it is no JSON"
        elif answer.status_code == 200 and any(not _names(each, (argument, *names)) for each in errors):
            problem = "it names no argument"
        return problem and (problem, text[:300], str(variables)[:200], str(errors)[:400])

    def place(self, parent: str, field: str) -> Place:
        return Place(self.ways[parent], root(parent), field)


def _names(error: Any, names: tuple[str, ...]) -> bool:
    """Whether a refusal of the input says what it is about; the others have facts of their own."""
    said, message = error["extensions"], error["message"]
    if said["code"] != "INVALID_INPUT" or message.startswith(UNNAMED):
        return True
    paths = [said.get("path", ""), *(each["path"] for each in said.get("problems", ()))]
    return any(each in message for name in names for each in (f"'{name}'", f"`{name}`")) or any(
        name in path.split(".") for name in names for path in paths
    )


def with_arguments() -> dict[str, list[str]]:
    """The fields with arguments of each type, but for the mutations and subscriptions."""
    kinds = {name: each for name, each in TYPES.items() if isinstance(each, GraphQLObjectType)}
    found = {name: [field for field, said in each.fields.items() if said.args] for name, each in kinds.items()}
    return {name: fields for name, fields in found.items() if fields and name not in ("Mutation", "Subscription")}


@pytest.fixture(scope="module")
async def walked(server: str) -> AsyncIterator[Walked]:
    service = await Service.started(server)
    await service.enrol(OMAR)
    await sign_in(service)
    async for _ in every_mutation(service):
        pass
    with service.database.bound():
        await verification(None, lambda: service.now, 1)
    known = KNOWN | await _ids(service)
    yield Walked(service, await _ways(service, known), known)
    await service.close()


async def _ids(service: Service) -> dict[str, Any]:
    """Ids that only the service knows: of the last of each kind."""
    state = await service.state()
    kinds = {"changeId": "ChangeRequest", "incidentId": "Incident", "deploymentId": "Deployment"}
    ids = {name: state[kind][-1][_snake(name)] for name, kind in kinds.items()}
    version = next(each for each in state["ModelVersion"] if each["latest_assessment"])
    digest = next(each["digest"] for each in state["Content"] if each["kind"] == "model_card")
    return ids | {
        "assessmentId": version["latest_assessment"]["assessment_id"], "digest": digest, "name": "production",
        "sha256": next(each["sha256"] for one in state["ModelVersion"] for each in one["artifacts"]),
    }  # fmt: skip


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)


async def _ways(service: Service, known: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """For each type of an object the shortest way from the root on which the service has one."""
    ways: dict[str, tuple[str, ...]] = {"Query": ()}
    waiting = ["Query"]
    while waiting:
        parent = waiting.pop(0)
        for name, field in root(parent).fields.items():
            kind = get_named_type(field.type)
            if not isinstance(kind, GraphQLObjectType) or kind.name in ways or not (taken := step(name, field, known)):
                continue
            way = (*ways[parent], taken)
            text = "".join(f"{each} {{ " for each in way) + "__typename" + " }" * len(way)
            answer = (await service.post(f"{{ {text} }}", by=ADA)).json()
            if kind.name in json.dumps(answer.get("data")):
                ways[kind.name] = way
                waiting.append(kind.name)
    return ways


@pytest.mark.exhaustive
async def test_a_way_leads_to_each_type_whose_fields_take_arguments(walked: Walked) -> None:
    assert with_arguments().keys() - walked.ways.keys() == set()


@pytest.mark.exhaustive(together=True)  # the walk that they begin with takes seconds
@pytest.mark.parametrize("parent", with_arguments())
async def test_an_argument_in_bad_faith_is_refused_by_name_or_answered(walked: Walked, parent: str) -> None:
    wrong = []
    for field in with_arguments()[parent]:
        place = walked.place(parent, field)
        for name, argument in place.arguments.items():
            values, first = walked.shares.share(name, argument.type)
            for value in values:
                text, variables = place.asking(name, walked.known)
                wrong.append(await walked.wrong_with(text, variables | {name: value}, name, ADA, "first"))
            for literal in LITERALS if first else ():
                text, variables = place.asking(name, walked.known, literal)
                wrong.append(await walked.wrong_with(text, variables, name, ADA, "first"))
    assert [each for each in wrong if each] == []


def inputs(of: str) -> list[tuple[str, str, Leaf]]:
    """Each field of an input below the arguments of the root, once: its root field, its argument and itself."""
    seen = set[tuple[str, str]]()
    return [
        (field, name, leaf)
        for field, each in root(of).fields.items()
        for name, argument in each.args.items()
        if isinstance(kind := get_named_type(argument.type), GraphQLInputObjectType)
        for leaf in leaves(kind, seen)
    ]


@pytest.mark.exhaustive
async def test_a_field_of_a_filter_or_an_order_in_bad_faith_is_refused_or_answered(walked: Walked) -> None:
    wrong = []
    for field, argument, leaf in inputs("Query"):
        place = Place((), root("Query"), field)
        text, variables = place.asking(argument, walked.known)
        listed = str(place.arguments[argument].type).startswith("[")
        values, first = walked.shares.share(leaf.name, leaf.kind.fields[leaf.name].type)
        for value in values:
            given = leaf.holding(value, {})
            wrong.append(await walked.wrong_with(text, variables | {argument: [given] if listed else given}, argument, ADA))
        if first:
            given = leaf.holding("{{1e400}}", {})
            literal, others = place.asking(argument, walked.known, written([given] if listed else given))
            wrong.append(await walked.wrong_with(literal, others, argument, ADA))
    assert [each for each in wrong if each] == []


def by_mutation() -> dict[str, list[Leaf]]:
    found: dict[str, list[Leaf]] = {}
    for field, _, leaf in inputs("Mutation"):
        found.setdefault(field, []).append(leaf)
    return found


@pytest.mark.exhaustive(together=True)  # the walk that they begin with takes seconds
@pytest.mark.parametrize("mutation", by_mutation())
async def test_a_field_of_an_input_in_bad_faith_is_refused_or_taken(walked: Walked, mutation: str) -> None:
    wrong, place = [], Place((), root("Mutation"), mutation, "mutation")
    (permission,) = [each for each in Permission if each == mutation]
    by = OMAR if any(isinstance(each, GovernanceRole) for each in WHO_MAY[permission]) else ADA
    text, _ = place.asking("input", walked.known)
    for leaf in by_mutation()[mutation]:
        values, first = walked.shares.share(leaf.name, leaf.kind.fields[leaf.name].type)
        for value in values:
            given = leaf.holding(value, walked.known)
            wrong.append(await walked.wrong_with(text, {"input": given}, "input", by))
        if first:
            literal, others = place.asking("input", walked.known, written(leaf.holding("{{1e400}}", walked.known)))
            wrong.append(await walked.wrong_with(literal, others, "input", by))
    assert [each for each in wrong if each] == []


@pytest.mark.exhaustive
async def test_an_argument_of_a_subscription_in_bad_faith_is_refused_or_listened_to(walked: Walked) -> None:
    """Whoever is let in hears nothing, so what is not refused within a moment is let in."""
    wrong = []
    async with served(walked.service) as address:
        for field in root("Subscription").fields:
            place = Place((), root("Subscription"), field, "subscription")
            for name, argument in place.arguments.items():
                text, variables = place.asking(name, walked.known)
                bodies = [sent(text, variables | {name: each}) for each in hostile(name, argument.type)]
                async with dial(address) as connection:
                    caller = await Socket(connection).sign_in(ADA)
                    for at, body in enumerate(filter(readable, bodies)):
                        await connection.send((b'{"type": "subscribe", "id": "%d", "payload": %s}' % (at, body)).decode())
                    async for each in errors_of(caller):
                        wrong += [] if each["extensions"]["code"] in CODES and _names(each, (name,)) else [each]
    assert wrong == []


async def errors_of(caller: Socket) -> AsyncIterator[Any]:
    """The errors of all operations on a socket, until it is still for a second."""
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(1):
                told = await caller.heard()
            for each in told["payload"] if told["type"] == "error" else told.get("payload", {}).get("errors", ()):
                yield each


def readable(body: bytes) -> bool:
    """Whether a socket stays open after the message: it is proper JSON, and no longer than a request's body may be."""
    with suppress(ValueError, LimitExceeded):
        read_json(body)
        return len(body) < 2**20 - 100
    return False


def test_composite_fields_are_walked_with_what_is_in_them() -> None:
    assert is_composite_type(root("Model")) and len(inputs("Mutation")) > 300
