"""Who may do what: every mutation, question and subscription by every role, and how somebody must stand to a record."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import count
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

from documents.access import GovernanceRole, Permission
from documents.tokens import ApiToken, TokenKind
from tests.examples import ACCESS_VERIFIED, BOT, CARD, RATED, REVIEW, TICKETS, on_record, read, register, save_datasheet
from tests.journey import ANOTHER, LICENSED
from tests.operations import ask_for
from tests.schema import SCHEMA
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, RITA, Person, Service, mutating, person
from tests.sockets import Socket, dial, served
from tests.tokens import enrolment

NINE = (
    "MODEL_OWNER DATA_STEWARD ETHICS_REVIEWER SECURITY_REVIEWER BUSINESS_OWNER COMPLIANCE_OFFICER RISK_MANAGER DEPLOYER TECH_LEAD"
)
SIGNED_IN = f"ADMIN AUDITOR {NINE}"
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
LISTED, UNLISTED = person("pipeline"), person("reader")
MAJOR = count(2)
CALLERS = {"ADMIN": ADA, "AUDITOR": AUDREY, "SERVICE": LISTED} | MEMBERS


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


@pytest.fixture(scope="module")
async def staffed(server: str) -> AsyncIterator[Service]:
    """Somebody of every role, and two programs: the token of one lists every mutation, that of the other none."""
    service = await Service.started(server)
    await service.enrol(*MEMBERS.values())
    await serve(service, LISTED, *Permission)
    await serve(service, UNLISTED)
    for each in [*CALLERS.values(), UNLISTED]:
        await service.ask("{ viewer { id } }", each)  # the first use of a token in an hour is noted, and that is no change
    await register(service)
    yield service
    await service.close()


async def serve(service: Service, program: Person, *mutations: Permission) -> None:
    """Gives a program a token that no administrator could make."""

    async def grant() -> None:
        token, _ = ApiToken.of(program.token, TokenKind.SERVICE, program.id, "test", None, ADA.id, service.now)
        token.mutations = mutations
        await token.store()

    with service.database.bound():
        await on_record(service, grant)


def test_the_expectations_cover_every_mutation_and_every_role() -> None:
    assert MAY.keys() == fields("Mutation").keys()
    assert set(f"{SIGNED_IN} SERVICE".split()) == CALLERS.keys()


@pytest.mark.parametrize("mutation", MAY)
async def test_a_mutation_is_for_its_roles_and_each_refusal_is_on_record(staffed: Service, mutation: str) -> None:
    """And no denial by role lists a role of the caller as it is."""
    asked = {"query": mutating(mutation, ""), "input": sample(fields("Mutation")[mutation].args["input"].type)}
    permitted = {name: who for name, who in CALLERS.items() if name in MAY[mutation].split()}
    barred = {name: who for name, who in (CALLERS | {"UNLISTED": UNLISTED}).items() if name not in permitted}
    before, seen = await staffed.state(), await staffed.size()
    for name, who in barred.items():
        refused = await staffed.refusal(**asked, by=who)
        assert refused["code"] == "FORBIDDEN" and name not in refused.get("needs", ()), who.id
    assert await staffed.state() == before
    told = await staffed.trail(seen)
    assert [(each["event_type"], each["outcome"], each["action"], each["actor"]["id"]) for each in told] == [
        ("access_attempt", "denied", mutation, who.id) for who in barred.values()
    ]
    for name, who in permitted.items():
        answer = (await staffed.post(asked["query"], {"input": asked["input"] | UNDONE.get(mutation, {})}, who)).json()
        errors = [each["extensions"] for each in answer.get("errors", ())]
        assert [each["code"] for each in errors] in ([], ["NOT_FOUND"], ["INVALID_INPUT"]), name
        assert all(name not in each.get("needs", ()) for each in errors), name


@pytest.mark.parametrize("mutation", MAY)
async def test_nobody_is_let_in_to_a_mutation(staffed: Service, mutation: str) -> None:
    staffed.later(minutes=1)  # the failures of a minute ago are another burst
    asked = {"input": sample(fields("Mutation")[mutation].args["input"].type)}
    before, seen = await staffed.state(), await staffed.size()
    answer = await staffed.post(mutating(mutation, ""), asked, by=None)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    assert await staffed.state() == before
    (event,) = await staffed.trail(seen)
    assert (event["event_type"], event["outcome"], event["action"]) == ("access_attempt", "denied", "signIn")
    assert event["actor"] == {"id": "anonymous", "type": "user"}


@pytest.mark.parametrize("question", fields("Query"))
async def test_a_question_is_for_everybody_but_the_trail_and_tokens_are_for_their_readers(
    staffed: Service, question: str
) -> None:
    query, variables = asking(question, fields("Query")[question])
    readers = MAY_READ_THE_TRAIL.split() if question in TRAIL else MAY_READ_TOKENS.split() if question in TOKENS else CALLERS
    seen, barred = await staffed.size(), [who.id for name, who in CALLERS.items() if name not in readers]
    for who in CALLERS.values():
        answer = (await staffed.post(query, variables, who)).json()
        codes = [each["extensions"]["code"] for each in answer.get("errors", ())]
        assert codes == ["FORBIDDEN"] if who.id in barred else codes in ([], ["INVALID_INPUT"]), who.id
    told = await staffed.trail(seen)
    assert [(each["outcome"], each["action"], each["actor"]["id"]) for each in told] == [
        ("denied", question, each) for each in barred
    ]


@pytest.mark.parametrize("subscription", fields("Subscription"))
async def test_a_subscription_is_for_whoever_may_read_what_it_shows(staffed: Service, subscription: str) -> None:
    query, variables = asking(subscription, fields("Subscription")[subscription], "subscription")
    readers = MAY_READ_THE_TRAIL.split() if subscription in TRAIL else CALLERS
    barred = [who.id for name, who in CALLERS.items() if name not in readers]
    about = BOT | {"changeId": await ask_for(staffed, MEMBERS["DEPLOYER"])}
    seen = await staffed.size()
    async with served(staffed) as address, AsyncExitStack() as dialled:
        shown = []
        for who in CALLERS.values():
            caller = await Socket(await dialled.enter_async_context(dial(address))).sign_in(who)
            await caller.subscribe(query, **variables | {each: about[each] for each in variables.keys() & about})
            if who.id in barred:
                assert await caller.code() == "FORBIDDEN", who.id
            else:
                shown.append(asyncio.create_task(caller.data()))
        told = await staffed.trail(seen)
        assert [(each["outcome"], each["action"], each["actor"]["id"]) for each in told] == [
            ("denied", subscription, each) for each in barred
        ]
        while (await asyncio.wait(shown, timeout=0.2))[1]:  # nothing says when they listen
            await staffed.do("registerModelVersion", **ANOTHER, version=f"{next(MAJOR)}.0.0")
            await staffed.do("commentOnChange", changeId=about["changeId"], text="Something happens.")
    assert [each.result().keys() for each in shown] == [{subscription}] * len(readers)


@pytest.mark.parametrize("subscription", fields("Subscription"))
async def test_nobody_is_let_in_to_a_subscription(staffed: Service, subscription: str) -> None:
    query, variables = asking(subscription, fields("Subscription")[subscription], "subscription")
    async with served(staffed) as address, httpx.AsyncClient(headers={"accept": "text/event-stream"}) as http:
        staffed.later(minutes=1)
        seen = await staffed.size()
        answer = await http.post(f"http://{address}", json={"query": query, "variables": variables})
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
        staffed.later(minutes=1)
        async with dial(address) as connection:
            caller = Socket(connection)
            await caller.send("connection_init")
            await caller.subscribe(query, **variables)
            assert await caller.closed() == 4403
        told = await staffed.trail(seen)
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
