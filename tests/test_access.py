"""Who may do what: every root field by every role and every kind of credential, and how somebody must stand to a record."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from itertools import combinations, count
from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)
from pydantic import ValidationError

from documents.access import Actor, GovernanceRole, Permission, PlatformRole
from documents.issuers import Issuers
from documents.people import Stakeholder
from documents.tokens import ApiToken, TokenKind
from gql.issuers.people import actor_of as of_person
from gql.issuers.programs import actor_of as of_program
from tests.credentials import (
    BY_ROLE,
    COOKIE,
    ENROLMENT,
    EXCHANGED,
    HERE,
    JWT,
    OF_RUN,
    OF_SERVICE,
    PROGRAMS,
    SERVICE,
    TOKEN,
    Caller,
    Credentials,
)  # fmt: skip
from tests.examples import ACCESS_VERIFIED, BOT, CARD, RATED, REVIEW, TICKETS, read, register, save_datasheet
from tests.journey import ANOTHER, LICENSED
from tests.operations import ask_for
from tests.pairwise import pairs_of
from tests.pipelines import GITHUB
from tests.schema import SCHEMA
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, RITA, Person, Service, mutating, person
from tests.sockets import Socket, dial, served
from tests.tokens import enrolment

NINE = (
    "MODEL_OWNER DATA_STEWARD ETHICS_REVIEWER SECURITY_REVIEWER BUSINESS_OWNER COMPLIANCE_OFFICER RISK_MANAGER DEPLOYER TECH_LEAD"
)
SIGNED_IN = f"ADMIN AUDITOR MEMBER {NINE}"
# Who may do what, as the product's design has it, and not as the product has it.
MAY = {
    "registerStakeholder": "ADMIN",
    "updateStakeholder": "ADMIN",
    "deactivateStakeholder": "ADMIN",
    "createApiToken": SIGNED_IN,
    "revokeApiToken": SIGNED_IN,
    "resetEnrolment": "ADMIN",
    "endBinding": "ADMIN",
    "erasePersonalData": "ADMIN",
    "confirmIdentity": "COMPLIANCE_OFFICER ADMIN",
    "createPolicy": "COMPLIANCE_OFFICER RISK_MANAGER",
    "revisePolicy": "COMPLIANCE_OFFICER RISK_MANAGER",
    "retirePolicy": "COMPLIANCE_OFFICER RISK_MANAGER",
    "registerModel": "MODEL_OWNER ADMIN SERVICE",
    "importModels": "MODEL_OWNER ADMIN SERVICE",
    "updateModel": "MODEL_OWNER ADMIN",
    "registerModelVersion": "MODEL_OWNER ADMIN SERVICE",
    "updateModelVersion": "MODEL_OWNER BUSINESS_OWNER SERVICE",
    "setRiskTier": "RISK_MANAGER",
    "judgeClassification": "RISK_MANAGER",
    "retireModelVersion": "MODEL_OWNER",
    "saveModelCard": "MODEL_OWNER SERVICE",
    "generateModelCard": "MODEL_OWNER SERVICE",
    "importModelCard": "MODEL_OWNER SERVICE",
    "saveDatasheet": "DATA_STEWARD",
    "importDatasheet": "DATA_STEWARD",
    "linkDatasheet": "MODEL_OWNER DATA_STEWARD",
    "unlinkDatasheet": "MODEL_OWNER DATA_STEWARD",
    "createRiskTemplate": "COMPLIANCE_OFFICER RISK_MANAGER",
    "retireRiskTemplate": "COMPLIANCE_OFFICER RISK_MANAGER",
    "createRiskAssessment": "MODEL_OWNER RISK_MANAGER",
    "mitigateRisk": "MODEL_OWNER RISK_MANAGER",
    "acceptRisk": "RISK_MANAGER BUSINESS_OWNER",
    "approveRiskAssessment": "RISK_MANAGER",
    "attachEvidence": f"{NINE} SERVICE",
    "withdrawEvidence": f"{NINE} SERVICE",
    "submitForApproval": "MODEL_OWNER",
    "submitApproval": NINE,
    "withdrawApproval": NINE,
    "satisfyCondition": "MODEL_OWNER",
    "confirmCondition": NINE,
    "grantWaiver": "RISK_MANAGER COMPLIANCE_OFFICER",
    "revokeWaiver": "RISK_MANAGER COMPLIANCE_OFFICER",
    "placeHold": "ETHICS_REVIEWER SECURITY_REVIEWER COMPLIANCE_OFFICER",
    "liftHold": "ETHICS_REVIEWER SECURITY_REVIEWER COMPLIANCE_OFFICER",
    "createChangeRequest": "MODEL_OWNER DEPLOYER TECH_LEAD SERVICE",
    "updateChangeRequest": "MODEL_OWNER DEPLOYER TECH_LEAD SERVICE",
    "submitChangeForReview": "MODEL_OWNER DEPLOYER TECH_LEAD SERVICE",
    "reopenChange": "MODEL_OWNER DEPLOYER TECH_LEAD SERVICE",
    "cancelChange": "MODEL_OWNER DEPLOYER TECH_LEAD SERVICE",
    "addChangeApproval": "MODEL_OWNER TECH_LEAD SECURITY_REVIEWER BUSINESS_OWNER RISK_MANAGER ETHICS_REVIEWER COMPLIANCE_OFFICER",
    "commentOnChange": SIGNED_IN,
    "recordTestResult": "DEPLOYER TECH_LEAD SERVICE",
    "scheduleDeployment": "DEPLOYER SERVICE",
    "startDeployment": "DEPLOYER SERVICE",
    "completeDeployment": "DEPLOYER SERVICE",
    "rollbackChange": "DEPLOYER SERVICE",
    "declareEnvironment": "ADMIN RISK_MANAGER COMPLIANCE_OFFICER",
    "updateEnvironment": "ADMIN RISK_MANAGER COMPLIANCE_OFFICER",
    "retireEnvironment": "ADMIN RISK_MANAGER COMPLIANCE_OFFICER",
    "openIncident": f"{SIGNED_IN} SERVICE",
    "escalateIncident": f"{SIGNED_IN} SERVICE",
    "resolveIncident": "MODEL_OWNER RISK_MANAGER",
    "completeReview": "MODEL_OWNER RISK_MANAGER",
    "assignAccountability": "MODEL_OWNER COMPLIANCE_OFFICER ADMIN",
}
MAY_READ_THE_TRAIL = "AUDITOR ADMIN RISK_MANAGER COMPLIANCE_OFFICER"
TRAIL = {
    "auditEvent", "auditEvents", "auditEventAggregates", "auditVerification", "auditCheckpoint", "auditInclusionProof",
    "auditConsistencyProof", "auditVerifications", "auditVerificationRun", "auditReport", "auditKeys",
    "auditVerificationAggregates",
}  # fmt: skip
MAY_READ_TOKENS, TOKENS = "AUDITOR ADMIN", {"apiToken", "apiTokens", "apiTokenAggregates"}

SAMPLES = {
    "String": "x",
    "ID": "TW9kZWw6eA==",
    "Hash": "0" * 64,
    "Int": 1,
    "BigInt": 1,
    "Float": 0.5,
    "Boolean": True,
    "JSON": {},
    "DateTime": "2027-01-01T00:00:00Z",
}
NAMED: dict[str, Any] = {
    "email": "x@example.org", "uri": "https://example.org", "applicableTiers": ["TIER_4_EXPERIMENTAL"],
    "source": {"cycloneDx": "x"}, "judgements": [{"keyword": "x", "found": "x", "counts": True, "rationale": "x"}],
}  # fmt: skip
# What keeps a permitted caller from doing it, where more than the role decides: `tests/test_environments.py` has that.
UNDONE: dict[str, Any] = {"declareEnvironment": {"name": "No name"}}
MEMBERS = {role.name: person(role.replace("_", ""), role) for role in GovernanceRole}
MAJOR = count(2)
PEOPLE = {"ADMIN": ADA, "AUDITOR": AUDREY} | MEMBERS


def sample(kind: Any) -> Any:
    """The least that an input of that kind takes."""
    if isinstance(kind, GraphQLNonNull):
        return sample(kind.of_type)
    if isinstance(kind, GraphQLInputObjectType):
        return {name: NAMED.get(name) or sample(each.type) for name, each in kind.fields.items() if is_required_input_field(each)}
    if is_list_type(kind):
        return []
    return next(iter(kind.values)) if isinstance(kind, GraphQLEnumType) else SAMPLES[kind.name]


def fields(of: str) -> dict[str, Any]:
    root = SCHEMA.type_map[of]
    assert isinstance(root, GraphQLObjectType)
    return dict(root.fields)


def asking(name: str, field: Any, operation: str = "query") -> tuple[str, dict[str, Any]]:
    """The least that asks for a field of the root."""
    needed = {each: argument.type for each, argument in field.args.items() if is_required_argument(argument)}
    said = ", ".join(f"${each}: {kind}" for each, kind in needed.items())
    given = ", ".join(f"{each}: ${each}" for each in needed)
    selected = "" if is_leaf_type(get_named_type(field.type)) else "{ __typename }"
    variables = {each: sample(kind) for each, kind in needed.items()}
    return f"{operation} {f'({said})' if said else ''} {{ {name} {f'({given})' if given else ''} {selected} }}", variables


NTH = {
    each: nth for nth, each in enumerate((root, name) for root in ("Mutation", "Query", "Subscription") for name in fields(root))
}


def asked_by(nth: int) -> list[tuple[str, str, bool]]:
    """Who asks for the root field of that number: each role once and each credential once, and other pairs for the next field."""
    by_role = [(role, BY_ROLE[(nth + place) % len(BY_ROLE)], True) for place, role in enumerate(PEOPLE)]
    return [*by_role, ([*PEOPLE][nth % len(PEOPLE)], ENROLMENT, True), *((SERVICE, kind, listed) for kind, listed in PROGRAMS)]


EVERY = [
    *((role, kind, True) for role in PEOPLE for kind in (*BY_ROLE, ENROLMENT)),
    *((SERVICE, kind, listed) for kind, listed in PROGRAMS),
]


@pytest.fixture(scope="module")
async def staffed(server: str) -> AsyncIterator[Credentials]:
    """Somebody of every role and a program, each with every kind of credential that they can have."""
    service = await Service.started(server)
    await service.enrol(*MEMBERS.values())
    await register(service)
    staffed = Credentials(service, PEOPLE, [name for name, who in MAY.items() if "SERVICE" in who.split()])
    await staffed.hand_out()
    yield staffed
    await service.close()


def callers(staffed: Credentials, root: str, name: str) -> tuple[list[Caller], list[Caller]]:
    """Those who may ask for a root field, as the product's design has it, and those who may not."""
    able = readers(name) if root != "Mutation" else MAY[name].split()
    asked = [staffed.held[each] for each in asked_by(NTH[root, name])]
    may = [
        each
        for each in asked
        if (name == "createApiToken" if each.kind == ENROLMENT else each.role in able and (each.listed or root != "Mutation"))
    ]
    return may, [each for each in asked if each not in may]


def readers(name: str) -> list[str]:
    return MAY_READ_THE_TRAIL.split() if name in TRAIL else MAY_READ_TOKENS.split() if name in TOKENS else [*PEOPLE, SERVICE]


def denied(told: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(each["event_type"], each["outcome"], each["action"], each["actor"]["id"], each["request"]["token"]) for each in told]


def denying(action: str, barred: list[Caller]) -> list[tuple[Any, ...]]:
    """What the trail is to tell of those who were refused."""
    return [("access_attempt", "denied", action, each.id, each.token_id) for each in barred]


def test_the_expectations_cover_every_mutation_and_every_role() -> None:
    assert MAY.keys() == fields("Mutation").keys()
    assert {*SIGNED_IN.split(), "SERVICE"} == {*PEOPLE, SERVICE, "MEMBER"}


def test_every_pair_of_a_root_field_a_role_and_a_credential_is_asked() -> None:
    chosen = {(field, role, (kind, listed)) for field, nth in NTH.items() for role, kind, listed in asked_by(nth)}
    every = {(field, role, (kind, listed)) for field in NTH for role, kind, listed in EVERY}
    assert pairs_of(*chosen) == pairs_of(*every)


AT = datetime(2026, 3, 1, tzinfo=UTC)
ALLOWED = MAY | {"read": f"{SIGNED_IN} SERVICE", "readTrail": MAY_READ_THE_TRAIL, "readTokens": MAY_READ_TOKENS}


def actors(somebody: Stakeholder) -> dict[str, Actor]:
    """The actor that each kind of credential of a person stands for."""
    of = {TOKEN: TokenKind.PERSONAL, COOKIE: TokenKind.SESSION, ENROLMENT: TokenKind.ENROLMENT}
    made = {kind: ApiToken.of(ALICE.token, each, "alice", "x", None, "x", AT)[0] for kind, each in of.items()}
    return {kind: each.actor(somebody) for kind, each in made.items()} | {JWT: of_person(somebody, "corp")}


def holders() -> Iterator[tuple[set[str], Stakeholder]]:
    """Somebody of every set of roles that there is: the platform roles alone, and a member with each set of the nine."""
    sets = [each for size in range(10) for each in combinations(GovernanceRole, size)]
    combined = [(PlatformRole.ADMIN, ()), (PlatformRole.AUDITOR, ()), *((PlatformRole.MEMBER, each) for each in sets)]
    for platform, roles in combined:
        somebody = Stakeholder.joining("alice", "Alice", "alice@example.org", "Risk", AT)
        somebody.platform_role, somebody.roles = platform, roles
        yield {platform.name, *(each.name for each in roles)}, somebody


def test_what_a_person_may_is_what_the_roles_may_by_each_credential_but_that_of_enrolment() -> None:
    """All 514 sets of roles, by all four credentials of people, each with all permissions, in half a second."""
    assert {each.value for each in Permission} == ALLOWED.keys()
    able = {each: {*ALLOWED[each.value].split()} for each in Permission}
    for roles, somebody in holders():
        for kind, actor in actors(somebody).items():
            may = {each for each in Permission if actor.may(each)}
            expected = {each for each in Permission if able[each] & roles}
            assert may == ({Permission.CREATE_API_TOKEN} if kind == ENROLMENT else expected), (kind, roles)


def programs(listed: Sequence[Permission]) -> dict[str, Actor]:
    """The actor that each kind of credential of a program stands for, where it lists those mutations."""
    rule = {"claims": {"sub": "x"}, "service": "pipeline", "mutations": [each.value for each in listed]}
    ours = ApiToken.of(ALICE.token, TokenKind.SERVICE, "pipeline", "x", None, "x", AT)[0]
    ours.mutations = tuple(listed)
    (issuer,) = Issuers.model_validate({"issuer": [GITHUB | {"rule": [rule]}]}).issuer
    run = of_program(issuer, {"sub": "x"})
    return {OF_SERVICE: ours.actor(None), OF_RUN: run, EXCHANGED: ApiToken.exchanged(run, "x", AT)[0].actor(None)}


def test_what_a_program_may_is_to_read_and_what_is_listed_of_what_services_may() -> None:
    services = [each for each in Permission if each.value in MAY and "SERVICE" in MAY[each.value].split()]
    for listed in [
        [],
        services,
        *([each] for each in services),
        *([one for one in services if one != each] for each in services),
    ]:
        for kind, actor in programs(listed).items():
            assert {each for each in Permission if actor.may(each)} == {Permission.READ, *listed}, kind


def test_no_rule_lists_what_services_may_not_and_a_token_that_does_permits_nothing_more() -> None:
    barred = [each for each in Permission if each.value not in MAY or "SERVICE" not in MAY[each.value].split()]
    ours = ApiToken.of(ALICE.token, TokenKind.SERVICE, "pipeline", "x", None, "x", AT)[0]
    for each in barred:
        with pytest.raises(ValidationError):
            programs([each])
        ours.mutations = (each,)
        assert {one for one in Permission if ours.actor(None).may(one)} == {Permission.READ}


# Over HTTP each root field is asked for by 18 callers: 11 people of different roles, in turn by their own tokens, sessions and
# JWTs, one with an enrolment token, and a program by three credentials that list its mutations and three that do not. That takes
# one minute of a processor, and two where others work on the machine.


@pytest.mark.exhaustive
@pytest.mark.parametrize("mutation", MAY)
async def test_a_mutation_is_for_its_roles_and_each_refusal_is_on_record(staffed: Credentials, mutation: str) -> None:
    """And no denial by role lists a role of the caller as it is."""
    service, query = staffed.service, mutating(mutation, "")
    said = sample(fields("Mutation")[mutation].args["input"].type)
    permitted, barred = callers(staffed, "Mutation", mutation)
    before, seen = await service.state(), await service.size()
    for who in barred:
        refused = (await staffed.ask(who, query, {"input": said}))["errors"][0]["extensions"]
        assert refused["code"] == "FORBIDDEN" and who.role not in refused.get("needs", ()), who
    assert await service.state() == before
    assert denied(await service.trail(seen)) == denying(mutation, barred)
    for who in permitted:
        errors = (await staffed.ask(who, query, {"input": said | UNDONE.get(mutation, {})})).get("errors", ())
        codes = [each["extensions"]["code"] for each in errors]
        enrolled = [["INVALID_STATE"]] if who.kind == ENROLMENT else []  # everybody here has enrolled
        assert codes in ([], ["NOT_FOUND"], ["INVALID_INPUT"], *enrolled), who
        assert all(who.role not in each["extensions"].get("needs", ()) for each in errors), who


@pytest.mark.exhaustive
@pytest.mark.parametrize("mutation", MAY)
async def test_nobody_is_let_in_to_a_mutation(staffed: Credentials, mutation: str) -> None:
    service = staffed.service
    address = f"198.51.100.{NTH['Mutation', mutation]}"  # the failures of an address are told once a minute
    before, seen = await service.state(), await service.size()
    said = {"input": sample(fields("Mutation")[mutation].args["input"].type)}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app, client=(address, 9)), base_url=HERE) as http:
        answer = await http.post("/graphql", json={"query": mutating(mutation, ""), "variables": said})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    assert await service.state() == before
    (event,) = await service.trail(seen)
    assert (event["event_type"], event["outcome"], event["action"]) == ("access_attempt", "denied", "signIn")
    assert event["actor"] == {"id": "anonymous", "type": "user"} and event["request"]["ip"] == address


@pytest.mark.exhaustive
@pytest.mark.parametrize("question", fields("Query"))
async def test_a_question_is_for_everybody_but_the_trail_and_tokens_are_for_their_readers(
    staffed: Credentials, question: str
) -> None:
    query, variables = asking(question, fields("Query")[question])
    permitted, barred = callers(staffed, "Query", question)
    seen = await staffed.service.size()
    for who in [*permitted, *barred]:
        codes = [each["extensions"]["code"] for each in (await staffed.ask(who, query, variables)).get("errors", ())]
        assert codes == ["FORBIDDEN"] if who in barred else codes in ([], ["INVALID_INPUT"]), who
    assert denied(await staffed.service.trail(seen)) == denying(question, barred)


@pytest.mark.parametrize("subscription", fields("Subscription"))
async def test_a_subscription_is_for_whoever_may_read_what_it_shows(staffed: Credentials, subscription: str) -> None:
    query, variables = asking(subscription, fields("Subscription")[subscription], "subscription")
    permitted, barred = callers(staffed, "Subscription", subscription)
    service, admin = staffed.service, staffed.somebody("ADMIN")
    about = BOT | {"changeId": await ask_for(service, staffed.somebody("DEPLOYER"))}
    variables |= {each: about[each] for each in variables.keys() & about}
    seen = await service.size()
    async with served(service) as address, AsyncExitStack() as dialled:
        for who in barred:
            refused = await who.socket(address, dialled)
            await refused.subscribe(query, **variables)
            assert await refused.code() == "FORBIDDEN", who
        assert denied(await service.trail(seen)) == denying(subscription, barred)
        shown = []
        for who in permitted:
            listener = await who.socket(address, dialled)
            await listener.subscribe(query, **variables)
            shown.append(asyncio.create_task(listener.data()))
        while (await asyncio.wait(shown, timeout=0.2))[1]:  # nothing says when they listen
            await service.do("registerModelVersion", admin, **ANOTHER, version=f"{next(MAJOR)}.0.0")
            await service.do("commentOnChange", admin, changeId=about["changeId"], text="Something happens.")
    assert [each.result().keys() for each in shown] == [{subscription}] * len(permitted)


@pytest.mark.parametrize("subscription", fields("Subscription"))
async def test_nobody_is_let_in_to_a_subscription(staffed: Credentials, subscription: str) -> None:
    query, variables = asking(subscription, fields("Subscription")[subscription], "subscription")
    service = staffed.service
    async with served(service) as address, httpx.AsyncClient(headers={"accept": "text/event-stream"}) as http:
        service.later(minutes=1)
        seen = await service.size()
        answer = await http.post(f"http://{address}", json={"query": query, "variables": variables})
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
        service.later(minutes=1)
        async with dial(address) as connection:
            caller = Socket(connection)
            await caller.send("connection_init")
            await caller.subscribe(query, **variables)
            assert await caller.closed() == 4403
        told = await service.trail(seen)
    assert [(each["outcome"], each["action"], each["actor"]["id"]) for each in told] == [("denied", "signIn", "anonymous")] * 2


EVE, STEVE = person("eve", GovernanceRole.MODEL_OWNER), person("steve", GovernanceRole.DATA_STEWARD)
OF_VERSION: dict[str, dict[str, Any]] = {
    "saveModelCard": {"card": CARD},
    "generateModelCard": {"metadata": {"license": "MIT"}},
    "importModelCard": {"format": "HUGGING_FACE", "text": LICENSED},
    "linkDatasheet": TICKETS,
    "unlinkDatasheet": TICKETS,
    "createRiskAssessment": {"responses": RATED},
    "mitigateRisk": {"riskId": "MQ-001", "controlEffectiveness": 0.9},
    "attachEvidence": ACCESS_VERIFIED,
    "submitForApproval": {},
    "completeReview": REVIEW,
    "assignAccountability": {"role": "MODEL_OWNER", "userId": "eve"},
}


async def test_owning_one_version_permits_nothing_on_another(service: Service) -> None:
    await service.enrol(EVE)
    await register(service)
    await register(service, EVE, modelId="hers", ownerId=EVE.id)
    await save_datasheet(service)
    await service.do("linkDatasheet", **BOT, **TICKETS)
    for mutation, said in OF_VERSION.items():
        refused = await service.refused(mutation, EVE, **BOT, **said)
        assert (refused["code"], refused["problem"]) == ("FORBIDDEN", f"eve may not {mutation} here")


async def test_a_steward_links_datasheets_to_the_versions_that_are_theirs(service: Service) -> None:
    await service.enrol(STEVE)
    await register(service)
    await register(service, modelId="his", dataStewardId=STEVE.id)
    await save_datasheet(service)
    for mutation in ("linkDatasheet", "unlinkDatasheet"):
        refused = await service.refused(mutation, STEVE, **BOT, **TICKETS)
        assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["MODEL_OWNER (owner)", "DATA_STEWARD (steward)"])
        await service.do(mutation, STEVE, **BOT | {"modelId": "his"}, **TICKETS)


async def test_a_role_is_worth_nothing_without_holding_it_today(service: Service) -> None:
    """Whoever is accountable in a role that was taken away since is accountable no more."""
    await register(service)
    await service.do("updateStakeholder", ADA, userId=ALICE.id, roles=["DEPLOYER"])
    assert (await service.refused("saveModelCard", ALICE, **BOT, card=CARD))["code"] == "FORBIDDEN"


async def test_whoever_is_accountable_for_a_version_reads_its_events(service: Service) -> None:
    await register(service)
    about = "auditEvents(first: 5) { nodes { action } }"
    for reader in (ALICE, BOB, RITA, AUDREY, ADA):
        assert (await read(service, about, reader))["auditEvents"]["nodes"] == [{"action": "registerModel"}]
    assert (await read(service, about, CAROL))["auditEvents"] is None


async def test_needs_says_what_else_is_wanting_of_a_role_that_the_caller_holds(service: Service) -> None:
    """An owner with an enrolment token, a program whose token lists something else, an owner of another version."""
    await register(service)
    refused = await service.refused("submitForApproval", await enrolment(service), **BOT)
    assert refused["needs"] == ["MODEL_OWNER (owner, with a personal token)"]
    refused = await service.refused("saveDatasheet", await enrolment(service, BOB), **TICKETS, datasheet={"datasetName": "x"})
    assert refused["needs"] == ["DATA_STEWARD (with a personal token)"]
    program = {"service": {"name": "pipeline", "mutations": ["SAVE_MODEL_CARD"]}}
    made = await service.do("createApiToken", ADA, "token", name="pipeline", holder=program)
    refused = await service.refused("recordTestResult", Person("pipeline", made["token"]), changeId="x", name="x", passed=True)
    assert refused["needs"] == ["DEPLOYER", "TECH_LEAD", "SERVICE (with a token that lists recordTestResult)"]
