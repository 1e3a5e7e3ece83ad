"""What reading rules keep back stays back: a member learns nothing of it by any way through the graph. All takes a minute.

Two databases differ in the private values alone: e-mail addresses, the ids that issuers have for people, tokens of others, and
events. Whatever a member of another department or a program asks of them, by any path, filter, order, group, id or word, the
answers are equal to the byte, errors and counts too. An auditor, who may read it, is told the difference.
"""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_required_argument,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.access import GovernanceRole, Permission
from resolvers.graph.mutation import PERMIT
from resolvers.graph.types import GUARDED
from tests.asking import NODE, operations
from tests.examples import BOT, TICKETS, read
from tests.journey import ANOTHER, WEIGHTS, every_mutation, in_days, sign_in
from tests.schema import BUILT, QUERIES, SCHEMA, TYPES, metadata
from tests.service import ADA, ALICE, AUDREY, Person, Service, person
from tests.sockets import Socket, dial, served

MARK, MAJOR = "veiled", count(50)
MEMBER = person("mallory", GovernanceRole.TECH_LEAD, department="Elsewhere")
PROGRAM = person("reader")
NODES = BUILT.registry.nodes
PRIVATE = {name for name, kind in NODES.items() if kind.permit is not Permission.READ}
OWN = {("Viewer", "tokens"), ("Viewer", "ownedTokens")}
DEPTH = 3
"""How many fields lie between the root field and what is kept back."""


@dataclass(frozen=True, repr=False)
class Two:
    """Two services over databases that differ in what is private."""

    one: Service
    other: Service
    ids: dict[str, list[str]]
    """The ids that `node` takes, by kind."""
    given: dict[str, Any]
    """What other arguments hold, by name."""
    program: Person

    async def answers(self, text: str, variables: dict[str, Any], by: Person) -> tuple[str, str]:
        one, other = [(await each.post(text, variables, by)).text for each in (self.one, self.other)]
        return one, other

    @property
    def secrets(self) -> list[str]:
        """Private values of either database, ids of private nodes, and paths of private fields."""
        paths = ["email", "owner.email", "bindings.subject", "secretHash", "renewal", "doubles"]
        ends = (".0@example.org", "-subject-1", "t1", " name 1", " purpose 1", " fact", "-address", "")
        return [*paths, *(f"{MARK}-{each}{end}" for each in "ab" for end in ends), *self.private_ids]

    @property
    def private_ids(self) -> list[str]:
        return [each for name in sorted(PRIVATE) for each in (*self.ids[name][:2], unknown(name))]

    async def change(self) -> None:
        """Changes the version and the change request that `given` names, in the first of the databases."""
        await self.one.do("registerModelVersion", ADA, **ANOTHER, version=f"{next(MAJOR)}.0.0")
        await self.one.do("commentOnChange", MEMBER, changeId=self.given["changeId"], text="Something happens.")


def unknown(kind: str) -> str:
    """The id of a node that there is none of."""
    return b64encode(f"{kind}:{'0' * 24}".encode()).decode()


async def veil(service: Service, mark: str, *, backwards: bool) -> None:
    """Gives what is private in the database other values, and in another order if it goes backwards."""
    people, tokens, events = (service.database.collection(each) for each in ("stakeholders", "api_tokens", "audit_events"))
    asking = [each.id for each in (MEMBER, AUDREY, PROGRAM, ADA)]
    others: list[Any] = await people.find({"user_id": {"$nin": asking}}).sort("user_id").to_list(None)
    for at, each in enumerate(reversed(others) if backwards else others):
        alike = at // 2 if backwards else at  # there, pairs of people have one address
        bound = {
            "issuer": "corp", "url": "https://id.example.org",
            "subject": f"{mark}-subject-{at}", "bound_at": service.now, "platform_role": None, "roles": [],
            "authorized_tiers": [],
        }  # fmt: skip
        said = {"email": f"{mark}.{alike}@example.org", "bindings": [bound]}
        await people.update_one({"_id": each["_id"]}, {"$set": said})
    await service.reseal(*(each["user_id"] for each in others))
    held: list[Any] = await tokens.find({"holder": {"$nin": asking}}).sort("_id").to_list(None)
    for at, each in enumerate(reversed(held) if backwards else held):
        said = {"token_id": f"{mark}t{at}", "name": f"{mark} name {at}", "purpose": f"{mark} purpose {at}"}
        said |= {"secret_hash": f"{mark} hash {at}", "renewal": f"{mark} renewal {at}", "issued_by": f"{mark}-issuer"}
        await tokens.update_one({"_id": each["_id"]}, {"$set": said})
    told = {"request.ip": f"{mark}-address", "request.operation": f"{mark} operation", "request.token": f"{mark}t"}
    own = {"resource.type": {"$in": ["ApiToken", "Stakeholder"]}}  # those of versions are proof of what members read
    await events.update_many(own, {"$set": told | {"details.facts": {"note": f"{mark} fact"}}})


@pytest.fixture(scope="module")
async def two(server: str) -> AsyncIterator[Two]:
    one, other = await Service.started(server), await Service.started(server)
    with one.database.bound():
        await sign_in(one)
        await one.enrol(MEMBER)
        holder = {"service": {"name": PROGRAM.id, "mutations": []}}
        made = await one.do("createApiToken", ADA, "token", name="reads", holder=holder)
        await one.do("createApiToken", ALICE, name="ends soon", expiresAt=in_days(one.now, 9))
        program = Person(PROGRAM.id, made["token"])
        for each in (MEMBER, program):
            await one.ask("{ viewer { id } }", each)  # the first use of a token in an hour is noted
        async for _ in every_mutation(one):
            pass
    await other.restore(await one.stored())
    await veil(one, f"{MARK}-a", backwards=False)
    await veil(other, f"{MARK}-b", backwards=True)
    rows = {
        name: await one.database.collection(kind.record.collection).find().sort("_id").to_list(None)
        for name, kind in NODES.items()
    }
    ids = {name: [b64encode(f"{name}:{each['_id']}".encode()).decode() for each in found] for name, found in rows.items()}
    rated = await read(one, "latestAssessment { assessmentId }", AUDREY)
    content: Any = await one.database.collection("contents").find_one({})
    given = {
        "changeId": rows["ChangeRequest"][0]["change_id"], "incidentId": rows["Incident"][0]["incident_id"],
        "deploymentId": rows["Deployment"][0]["deployment_id"], "policyId": rows["Policy"][0]["policy_id"],
        "assessmentId": rated["latestAssessment"]["assessmentId"], "digest": content["digest"], "name": "staging",
        "userId": "alice", "sha256": WEIGHTS["sha256"], "role": "MODEL_OWNER", "query": "support", **BOT, **TICKETS,
    }  # fmt: skip
    yield Two(one, other, ids, given, program)
    for served_by in (one, other):
        await served_by.close()


def kinds(field: Any) -> list[Any]:
    """The types of what a field leads to."""
    kind = get_named_type(field.type)
    if is_abstract_type(kind):
        return list(SCHEMA.get_possible_types(kind))
    return [kind] if isinstance(kind, GraphQLObjectType) else []


def is_kept_back(kind: str, name: str, field: Any) -> bool:
    return bool(metadata(field).get(GUARDED)) or (get_named_type(field.type).name in PRIVATE and (kind, name) not in OWN)


def shown(kind: Any) -> str:
    """A selection of what is at the end of a path: all plain values, of connections those of their nodes."""
    if is_leaf_type(kind):
        return ""
    if "nodes" in kind.fields:
        return f"{{ nodes {shown(get_named_type(kind.fields['nodes'].type))} }}"
    plain = [name for name, each in kind.fields.items() if is_leaf_type(get_named_type(each.type)) and not each.args]
    return f"{{ __typename {' '.join(plain)} }}"


def needed(field: Any) -> list[str]:
    return [name for name, each in field.args.items() if name == "first" or is_required_argument(each)]


def called(name: str, field: Any) -> str:
    """A field with what it needs, of which all but the size of a page is a variable of the same name."""
    said = ", ".join(f"{each}: {2 if each == 'first' else f'${each}'}" for each in needed(field))
    return f"{name}({said})" if said else name


def inside(kind: Any, depth: int, above: tuple[str, ...] = ()) -> str:
    """A selection of all that is kept back below a type, within so many fields, no type twice on a path; empty if nothing."""
    if depth < 0 or kind.name in above:
        return ""
    found = []
    for name, field in kind.fields.items():
        if is_kept_back(kind.name, name, field):
            found.append(f"{called(name, field)} {shown(get_named_type(field.type))}")
        elif (kind.name, name) not in OWN and name not in {"edges", "node"}:
            below = depth if name == "nodes" else depth - 1
            each = [(one.name, inside(one, below, (*above, kind.name))) for one in kinds(field)]
            if len(each) == 1 and each[0][1]:
                found.append(f"{called(name, field)} {each[0][1]}")
    return f"{{ {' '.join(found)} }}" if found else ""


AGAIN = {"nodes", "search"}
"""Root fields that lead to each kind of record once more, from which `node` is followed to the end."""


def questions() -> Iterator[tuple[str, str, str]]:
    """For each root field that everybody may ask, and each kind of what it shows: all that is kept back below it."""
    for name, field in QUERIES.items():
        if metadata(field).get(PERMIT) is not Permission.READ:
            continue
        for kind in kinds(field):
            nodes = [*kinds(kind.fields["nodes"])] if "nodes" in kind.fields else []
            for one in nodes or [kind]:
                # What leads to a third of the graph at once is asked for in parts, which the limits allow.
                for first, each in one.fields.items():
                    part = GraphQLObjectType(one.name, {first: each})
                    if below := inside(part, 1 if name in AGAIN else DEPTH):
                        yield name, one.name, f"nodes {{ ... on {one.name} {below} }}" if nodes else f"... on {one.name} {below}"


QUESTIONS = [*questions()]


WORDS = {"Stakeholder": "alice", "ChangeRequest": "people", "Incident": "customer", "Policy": "practised"}
"""By which words a search finds records of a kind; by any other kind's it finds models."""


def asked(two: Two, name: str, kind: str, selected: str) -> tuple[str, dict[str, Any]]:
    """The text of a question, and its variables."""
    field = QUERIES[name]
    given = two.given | {"id": next(iter(two.ids.get(kind, ())), None), "ids": two.ids.get(kind, [])[:2]}
    given["query"] = WORDS.get(kind, "support")
    wanted = [each for each in needed(field) if each != "first"]
    said = ", ".join(f"${each}: {field.args[each].type}" for each in wanted)
    text = f"query {f'({said})' if said else ''} {{ {called(name, field)} {{ __typename {selected} }} }}"
    return text, {each: given[each] for each in wanted}


@pytest.mark.exhaustive
@pytest.mark.parametrize("root", dict.fromkeys(name for name, _, _ in QUESTIONS))
async def test_no_path_leads_a_member_or_a_program_to_what_is_kept_back(two: Two, root: str) -> None:
    """All paths of up to five fields; a program asks from each kind of record on, where all root fields lead."""
    for name, kind, selected in QUESTIONS:
        for by in (MEMBER, two.program) if root == "node" else (MEMBER,):
            if name == root:
                text, variables = asked(two, name, kind, selected)
                one, other = await two.answers(text, variables, by)
                assert one == other and MARK not in one, text
                codes = {each["extensions"]["code"] for each in json.loads(one).get("errors", ())}
                assert codes == ({"FORBIDDEN"} if kind in PRIVATE and root != "search" else set()), (text, one)


def told_in(answer: Any) -> Iterator[tuple[str, Any]]:
    """Each field of an answer with a value, wherever it stands."""
    yield from answer.items() if isinstance(answer, dict) else ()
    for each in answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ():
        yield from told_in(each)


async def test_an_auditor_is_shown_by_the_same_paths_what_is_kept_back(two: Two) -> None:
    """Otherwise nothing above would show that anything is there."""
    seen, marked = set[str](), set[str]()
    for name, kind, selected in QUESTIONS:
        if name == "dashboard" or (name == "node" and kind in {"Stakeholder", "Model", "ModelVersion", "ChangeRequest"}):
            answers = await two.answers(*asked(two, name, kind, selected), AUDREY)
            assert answers[0] != answers[1] or MARK not in answers[0]
            told = [each for answer in answers for each in told_in(json.loads(answer)["data"])]
            seen |= {field for field, value in told if value}
            marked |= {field for field, value in told if MARK in json.dumps(value)}
    assert {"email", "doubles", "auditEvents", "audit", "apiTokens"} <= seen and {"email", "apiTokens"} <= marked
    one, other = await two.answers("{ auditEvents(first: 50) { nodes { details request { ip operation } } } }", {}, AUDREY)
    assert one != other and all(f"{MARK}-a{end}" in one for end in (" fact", "-address", " operation"))


async def test_the_id_of_a_private_node_tells_a_member_nothing_even_whether_it_exists(two: Two) -> None:
    for text in ("query($id: ID!) { node(id: $id) { __typename id } }", "query($id: ID!) { nodes(ids: [$id]) { __typename } }"):
        for name in sorted(PRIVATE):
            told = {
                each
                for identity in (*two.ids[name][:3], unknown(name))
                for each in await two.answers(text, {"id": identity}, MEMBER)
            }
            assert len(told) == 1 and "FORBIDDEN" in told.pop(), name


async def test_no_word_of_what_is_private_finds_anything(two: Two) -> None:
    text = "query($text: String!) { search(query: $text, first: 5) { nodes { __typename id } } }"
    for secret in two.secrets:
        one, other = await two.answers(text, {"text": secret}, MEMBER)
        assert one == other and json.loads(one).get("data") in ({"search": {"nodes": []}}, None), secret


def ends(kind: GraphQLInputObjectType, depth: int) -> Iterator[tuple[str, ...]]:
    """The paths of the texts that a filter looks into, and of the values that an order goes by, within so many steps."""
    for name, each in kind.fields.items():
        inner = get_named_type(each.type)
        if getattr(inner, "name", "") == "OrderDirection" or "contains" in getattr(inner, "fields", {}):
            yield (name,)
        elif depth > 0 and name not in {"and", "or", "not"} and isinstance(inner, GraphQLInputObjectType):
            yield from ((name, *below) for below in ends(inner, depth - 1))


def nested_in(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    return {path[0]: nested_in(path[1:], value) if path[1:] else value}


LISTED = [
    name
    for name, field in QUERIES.items()
    if metadata(field).get(PERMIT) is Permission.READ and "nodes" in getattr(get_named_type(field.type), "fields", {})
]


@pytest.mark.exhaustive
@pytest.mark.parametrize("root", LISTED)
async def test_no_filter_finds_and_no_order_shows_a_member_what_is_kept_back(two: Two, root: str) -> None:
    """By every text within three steps of a list, over edges too; in parts, because a filter follows ten edges at most."""
    word = ', query: "alice"' if root == "search" else ""
    order, wanted = (get_named_type(QUERIES[root].args[each].type) for each in ("orderBy", "filter"))
    listed = f"{root}(first: 50, orderBy: $by, filter: $filter{word}) {{ nodes {{ id }} }}"
    text = f"query($by: [{order}!], $filter: {wanted}) {{ {listed} }}"
    found = [nested_in(path, {"contains": f"{MARK}-a"}) for path in ends(wanted, 2)]
    about = [each for each in found if "stakeholders" in each]  # the other kinds are filtered as in their own lists
    parts = about if root == "search" else [{"or": found[at : at + 5]} for at in range(0, len(found), 5)]
    said = [{"filter": each} for each in parts] + [{"by": [nested_in(path, "ASC")]} for path in ends(order, 2)]
    for variables in said:
        one, other = await two.answers(text, variables, MEMBER)
        assert one == other and "errors" not in one, (variables, one)


def test_nothing_filters_orders_groups_or_counts_people_by_what_is_private() -> None:
    private = re.compile("email|secret|renewal|doubles|bindings?subject", re.IGNORECASE)
    about = {name: kind for name, kind in TYPES.items() if re.search("Stakeholder|Binding|ApiToken", name)}
    inputs = {name for name, kind in about.items() if isinstance(kind, GraphQLInputObjectType)}
    figures = {name for name in about if re.search("Aggregate|Group|Figure|Count|Having", name)}
    assert {"StakeholderFilter", "StakeholderOrder", "StakeholderGroupBy"} <= inputs | figures
    changing = {"RegisterStakeholderInput", "UpdateStakeholderInput"}
    found = [
        (name, each)
        for name in (inputs | figures) - changing
        for each in getattr(about[name], "fields", {})
        if private.search(each)
    ]
    assert found == [] and "subject" not in TYPES["Binding"].fields


# What an answer with an error no longer waits for goes on in threads of the driver, which draws numbers of its own meanwhile.
unforeseen = pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")
anything = settings(
    max_examples=settings().max_examples * 3 // 5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
NEAR = ("stakeholders", "stakeholder", "stakeholderAggregates", "search", "node", "nodes", "dashboard", "modelVersions", "models")


@unforeseen
@anything
@given(asked=operations("Query") | operations("Query", NEAR), data=st.data())
async def test_whatever_is_asked_the_answers_do_not_depend_on_what_is_kept_back(
    two: Two, asked: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    """Filters, orders, groups and ids name private values, private nodes and the paths of private fields."""
    text, variables = asked
    public = [each for name in ("Stakeholder", "ModelVersion", "ChangeRequest") for each in two.ids[name][:2]]
    named = st.sampled_from([*two.secrets, *public])
    spelled = re.sub(re.escape(NODE), lambda _: str(data.draw(named)), json.dumps(variables))
    one, other = await two.answers(text, json.loads(spelled), MEMBER)
    assert one == other
    assert MARK in spelled or MARK not in one


@pytest.mark.parametrize("subscription", ["modelVersionChanged", "changeRequestChanged"])
async def test_no_subscription_of_a_member_tells_what_is_kept_back(two: Two, subscription: str) -> None:
    field = SCHEMA.subscription_type.fields[subscription]
    kind, wanted = get_named_type(field.type), needed(field)
    selected = [inside(GraphQLObjectType(kind.name, {name: each}), DEPTH - 1) for name, each in kind.fields.items()]
    said = ", ".join(f"${each}: {field.args[each].type}" for each in wanted)
    texts = [f"subscription ({said}) {{ {called(subscription, field)} {each} }}" for each in selected if each]
    async with two.one.put_back(), served(two.one) as address, dial(address) as connection:
        caller = await Socket(connection).sign_in(MEMBER)
        for number, text in enumerate(texts):
            await caller.subscribe(text, str(number), **{each: two.given[each] for each in wanted})
        silent = {str(number) for number, _ in enumerate(texts)}
        while silent:
            try:
                told = await asyncio.wait_for(caller.heard(), 0.3)
            except TimeoutError:  # nothing says when they listen
                await two.change()
                continue
            assert told["type"] == "next" and "errors" not in told["payload"] and MARK not in json.dumps(told), told
            silent.discard(told["id"])
