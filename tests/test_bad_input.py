"""What the edge refuses: each bad input with its code and its path, nothing changed, and nothing told of the inside."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import bson
import pytest

from documents.values import problem_in
from gql.schema import build_schema
from tests.edge import Edge
from tests.edge import edge as edge  # noqa: PLC0414  pytest finds the fixture by its name here
from tests.examples import ACCESS_VERIFIED, BOT, REGISTRATION, TICKETS, register
from tests.service import ADA, ALICE, AUDREY, BOB, NOW, Person, Service, mutating

BODY = 1024 * 1024
OID = bson.ObjectId("0" * 24)


def deep(levels: int) -> dict[str, Any]:
    return {"a": deep(levels - 1)} if levels > 1 else {}


def registering(**said: Any) -> tuple[str, Person, dict[str, Any]]:
    return "registerModel", ALICE, REGISTRATION | {"modelId": "another"} | said


def attaching(**said: Any) -> tuple[str, Person, dict[str, Any]]:
    return "attachEvidence", ALICE, BOT | ACCESS_VERIFIED | said


def assessing(*responses: dict[str, Any]) -> tuple[str, Person, dict[str, Any]]:
    return "createRiskAssessment", ALICE, BOT | {"responses": list(responses)}


def documenting(**card: Any) -> tuple[str, Person, dict[str, Any]]:
    return "saveModelCard", ALICE, BOT | {"card": card}


def describing(**datasheet: Any) -> tuple[str, Person, dict[str, Any]]:
    return "saveDatasheet", BOB, TICKETS | {"datasheet": {"datasetName": "Tickets"} | datasheet}


def enrolling(**said: Any) -> tuple[str, Person, dict[str, Any]]:
    person = {"userId": "x", "name": "X", "email": "x@example.org", "department": "X", "roles": ["DEPLOYER"]}
    return "registerStakeholder", ADA, person | said


def issuing(**said: Any) -> tuple[str, Person, dict[str, Any]]:
    return "createApiToken", ADA, {"name": "x"} | said


WEIGHTS = {"kind": "WEIGHTS", "uri": "s3://models/1"}
SEC_1 = {"riskId": "SEC-001"}
SERVICE = {"name": "pipeline", "mutations": []}
# What is sent, and the path of the argument that is refused; None where GraphQL itself refuses the variable, which names it.
INVALID: dict[str, tuple[tuple[str, Person, dict[str, Any]], str | None]] = {
    "a value that is none of the enumeration": (registering(tier="TIER_9"), "input.tier"),
    "a number for an enumeration": (registering(tier=1), "input.tier"),
    "a number for a text": (registering(name=1), "input.name"),
    "null where something must stand": (registering(version=None), "input.version"),
    "an unknown field": (registering(status="APPROVED"), "input"),
    "a name with NUL": (registering(name="a\0b"), "input.name"),
    "a name in two lines": (registering(name="a\nb"), "input.name"),
    "a name that steers a terminal": (registering(name="\x1b[2J"), "input.name"),
    "a blank name": (registering(name=" \t"), "input.name"),
    "an empty name": (registering(name=""), "input.name"),
    "a name of 201 characters": (registering(name="x" * 201), "input.name"),
    "a text with NUL": (registering(description="a\0"), "input.description"),
    "a text of a megabyte": (registering(purpose="x" * 1_000_000), "input.purpose"),
    "a blank purpose": (registering(purpose=" \n"), "input.purpose"),
    "a key with a space": (registering(modelId="a b"), "input.modelId"),
    "a key that is an operator": (registering(modelId="$ne"), "input.modelId"),
    "a key that ends in a line break": (registering(modelId="a\n"), "input.modelId"),
    "a list of 201": (registering(tags=["x"] * 201), "input.tags"),
    "a blank entry of a list": (registering(useCases=["x", ""]), "input.useCases.1"),
    "an owner who is nobody": (registering(ownerId="nobody"), "input.ownerId"),
    "a steward who holds another role": (registering(dataStewardId=ALICE.id), "input.dataStewardId"),
    "a link that is a script": (attaching(uri="javascript:alert(1)"), "input.uri"),
    "evidence for no requirement": (attaching(requirementId="POL-009.tea"), "input.requirementId"),
    "no URI": (registering(artifacts=[WEIGHTS, {"kind": "CODE", "uri": "here"}]), "input.artifacts.1.uri"),
    "a URI that cannot be read": (registering(artifacts=[WEIGHTS | {"uri": "s3://[x"}]), "input.artifacts.0.uri"),
    "a digest in capitals": (registering(artifacts=[WEIGHTS | {"sha256": "A" * 64}]), "input.artifacts.0.sha256"),
    "a size beyond 2^53-1": (registering(artifacts=[WEIGHTS | {"size": 2**53}]), "input.artifacts.0.size"),
    "a size below nothing": (registering(artifacts=[WEIGHTS | {"size": -1}]), "input.artifacts.0.size"),
    "a likelihood of 6": (assessing(SEC_1 | {"likelihood": 6}), "input.responses.0.likelihood"),
    "a likelihood of 0": (assessing(SEC_1, SEC_1 | {"likelihood": 0}), "input.responses.1.likelihood"),
    "a likelihood that is true": (assessing(SEC_1 | {"likelihood": True}), "input.responses.0.likelihood"),
    "an effectiveness of 1.2": (assessing(SEC_1 | {"controlEffectiveness": 1.2}), "input.responses.0.controlEffectiveness"),
    "an unknown risk": (assessing({"riskId": "SEC-999"}), "input.responses.0.riskId"),
    "a risk twice": (assessing(SEC_1, SEC_1), "input.responses.1.riskId"),
    "more answers than a list holds": (assessing(*[SEC_1] * 201), "input.responses"),
    "a moment without time zone": (attaching(validUntil="2027-01-01T00:00:00"), "input.validUntil"),
    "a moment that is none": (attaching(validUntil="yesterday"), "input.validUntil"),
    "a moment in seconds": (attaching(validUntil=1_900_000_000), "input.validUntil"),
    "a moment too early": (attaching(effectiveFrom="0999-12-31T23:59:59Z"), "input.effectiveFrom"),
    "a moment before the first year": (attaching(effectiveFrom="0001-01-01T00:00:00+14:00"), "input.effectiveFrom"),
    "a moment after the last year": (attaching(validUntil="9999-12-31T23:59:59-12:00"), "input.validUntil"),
    "evidence that ends before it begins": (attaching(validUntil="2026-02-28T00:00:00Z"), "input.validUntil"),
    "a day that is none": (describing(creationDate="2026-02-30"), "input.datasheet.creationDate"),
    "a day too early": (describing(creationDate="0999-12-31"), "input.datasheet.creationDate"),
    "a moment for a day": (describing(creationDate="2026-03-01T00:00:00Z"), "input.datasheet.creationDate"),
    "free JSON that is a list": (documenting(additionalInfo=[]), "input.card.additionalInfo"),
    "a $-key in free JSON": (documenting(additionalInfo={"a": [{"$set": 1}]}), "input.card.additionalInfo"),
    "a dotted key in free JSON": (documenting(additionalInfo={"a.b": 1}), "input.card.additionalInfo"),
    "an empty key in free JSON": (documenting(additionalInfo={"": 1}), "input.card.additionalInfo"),
    "NUL in a key of free JSON": (documenting(additionalInfo={"\0": 1}), "input.card.additionalInfo"),
    "NUL in free JSON": (documenting(additionalInfo={"a": "\0"}), "input.card.additionalInfo"),
    "free JSON 11 deep": (documenting(additionalInfo=deep(11)), "input.card.additionalInfo"),
    "2^53 in free JSON": (documenting(additionalInfo={"a": 2**53}), "input.card.additionalInfo"),
    "a metric twice": (documenting(metrics=[{"metricName": "f1", "value": 1}] * 2), "input.card.metrics"),
    "a group twice": (
        documenting(metrics=[{"metricName": "f1", "value": 1, "disaggregated": [{"group": "all", "value": 1}] * 2}]),
        "input.card.metrics.0.disaggregated",
    ),
    "an address without a host": (enrolling(email="x"), "input.email"),
    "an address in two lines": (enrolling(email="x@example.org\nbcc: y"), "input.email"),
    "a member without a role": (enrolling(roles=[]), "input.roles"),
    "an auditor with a role": (enrolling(platformRole="AUDITOR"), "input.roles"),
    "a person that is a program": (enrolling(platformRole="SERVICE"), "input.platformRole"),
    "a token that expires in the past": (issuing(expiresAt="2026-03-01T12:00:00Z"), "input.expiresAt"),
    "a holder who is two": (issuing(holder={"userId": "alice", "service": SERVICE}), None),
    "a holder who is none": (issuing(holder={}), None),
    "a holder who is null": (issuing(holder={"userId": None}), None),
    "a revision that is not there yet": (("linkDatasheet", ALICE, BOT | TICKETS | {"revision": 2**31}), "input.revision"),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "path"), INVALID.values(), ids=INVALID)
async def test_bad_input_is_refused_with_its_path(edge: Edge, sent: tuple[str, Person, dict[str, Any]], path: str | None) -> None:
    mutation, by, fields = sent
    refused = await edge.refuses(mutating(mutation, ""), {"input": fields}, by)
    assert (refused["code"], refused.get("path")) == ("INVALID_INPUT", path)


OTHERWISE: dict[str, tuple[tuple[str, Person, dict[str, Any]], dict[str, Any]]] = {
    "an unknown version": (
        ("submitForApproval", ALICE, BOT | {"version": "9.9.9"}),
        {"code": "NOT_FOUND", "kind": "ModelVersion", "key": "support-assistant/9.9.9"},
    ),
    "unknown evidence": (
        ("withdrawEvidence", ALICE, BOT | {"evidenceId": "EVD-0", "reason": "x"}),
        {"code": "INVALID_STATE", "action": "withdrawEvidence"},
    ),
    "a token for nobody": (issuing(holder={"userId": "nobody"}), {"code": "NOT_FOUND", "kind": "Stakeholder"}),
    "a model that is there": (registering(modelId=BOT["modelId"]), {"code": "CONFLICT", "kind": "Model", "key": BOT["modelId"]}),
    "a person who is there": (enrolling(userId="alice"), {"code": "CONFLICT", "kind": "Stakeholder", "key": "alice"}),
    "another revision": (
        ("saveModelCard", ALICE, BOT | {"card": {}, "expectedRevision": 9}),
        {"code": "CONFLICT", "revision": 9, "storedRevision": 1},
    ),
    "a decision about a draft": (
        ("submitApproval", ALICE, BOT | {"verdict": "APPROVED"}), {"code": "INVALID_STATE", "from": "DRAFT"},
    ),
    "a datasheet too large": (
        describing(preprocessingSteps=["x" * 20_000] * 14), {"code": "LIMIT_EXCEEDED", "limit": 256 * 1024},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "facts"), OTHERWISE.values(), ids=OTHERWISE)
async def test_what_cannot_be_done_is_refused_with_its_facts(
    edge: Edge, sent: tuple[str, Person, dict[str, Any]], facts: dict[str, Any]
) -> None:
    mutation, by, fields = sent
    assert (await edge.refuses(mutating(mutation, ""), {"input": fields}, by)).items() >= facts.items()


ASKED = b'{"query": "{ viewer { id } }"'
NAMED = json.dumps({"query": mutating("registerModel", ""), "variables": {"input": REGISTRATION | {"name": "NAME"}}}).encode()
BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "INVALID_INPUT"),
    "no JSON": (b"{ viewer { id } }", 400, "INVALID_INPUT"),
    "JSON cut short": (ASKED, 400, "INVALID_INPUT"),
    "null": (b"null", 400, "INVALID_INPUT"),
    "a number": (b"1", 400, "INVALID_INPUT"),
    "a text": (b'"{ viewer { id } }"', 400, "INVALID_INPUT"),
    "a list": (b"[" + ASKED + b"}]", 400, "INVALID_INPUT"),
    "lists in lists": (b"[" * 100_000, 413, "LIMIT_EXCEEDED"),
    "a number of 5,000 digits": (ASKED + b', "variables": {"a": ' + b"9" * 5_000 + b"}}", 400, "INVALID_INPUT"),
    "NaN": (ASKED + b', "variables": {"a": NaN}}', 400, "INVALID_INPUT"),
    "minus infinity": (ASKED + b', "variables": {"a": -Infinity}}', 400, "INVALID_INPUT"),
    "an unpaired surrogate in a name": (NAMED.replace(b"NAME", rb"\ud83d"), 400, "INVALID_INPUT"),
    "an unpaired surrogate as it is": (NAMED.replace(b"NAME", b"\xed\xa0\xbd"), 400, "INVALID_INPUT"),
    "what is no UTF-8": (NAMED.replace(b"NAME", b"\xff"), 400, "INVALID_INPUT"),
    "UTF-16": ((ASKED + b"}").decode().encode("utf-16"), 400, "INVALID_INPUT"),
    "an object without a query": (b"{}", 400, "INVALID_INPUT"),
    "a query that is no text": (b'{"query": {"a": 1}}', 400, "INVALID_INPUT"),
    "variables that are no object": (ASKED + b', "variables": [1]}', 400, "INVALID_INPUT"),
    "extensions that are no object": (ASKED + b', "extensions": "x"}', 400, "INVALID_INPUT"),
    "an operation that is not there": (ASKED + b', "operationName": "other"}', 200, "INVALID_INPUT"),
    "an operation named by an object": (ASKED + b', "operationName": {"a": []}}', 400, "INVALID_INPUT"),
    "a fragment alone": (b'{"query": "fragment f on Viewer { id }"}', 200, "INVALID_INPUT"),
    "a syntax error": (b'{"query": "{ viewer { id }"}', 200, "INVALID_INPUT"),
    "a query without end": (b'{"query": "' + b"{ a " * 20_000 + b'"}', 200, "INVALID_INPUT"),
    "an unknown field": (b'{"query": "{ viewer { secret } }"}', 200, "INVALID_INPUT"),
    "a number that overflows": (
        b'{"query": "query($n: Int) { models(first: $n) { totalCount } }", "variables": {"n": 1e999}}', 200, "INVALID_INPUT",
    ),
    "a body of a mebibyte and a byte": (ASKED + b"}" + b" " * (BODY - len(ASKED)), 413, "LIMIT_EXCEEDED"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code"), BODIES.values(), ids=BODIES)
async def test_a_body_that_cannot_be_read_is_refused(edge: Edge, body: bytes, status: int, code: str) -> None:
    assert (await edge.refused(body, status))["code"] == code


LISTED = """query($first: Int, $after: String, $last: Int, $before: String, $filter: ModelVersionFilter) {
    modelVersions(first: $first, after: $after, last: $last, before: $before, filter: $filter) { nodes { version } } }"""


def cursor(**said: Any) -> str:
    return urlsafe_b64encode(bson.encode({"by": ["registered_at", 1], "at": NOW, "id": OID} | said)).decode()


def nots(levels: int) -> dict[str, Any]:
    return {"not": nots(levels - 1)} if levels else {"version": {"eq": "x"}}


PAGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "two sizes": ({"first": 1, "last": 1}, {"path": "first"}),
    "a size below nothing": ({"first": -1}, {"path": "first"}),
    "a size from the end below nothing": ({"last": -1}, {"path": "last"}),
    "a size of 101": ({"first": 101}, {"code": "LIMIT_EXCEEDED", "limit": 100, "size": 101}),
    "a size from the end of 101": ({"last": 101}, {"code": "LIMIT_EXCEEDED", "limit": 100, "size": 101}),
    "a size beyond 32 bits": ({"first": 2**31}, {}),
    "before with first": ({"first": 1, "before": cursor()}, {"path": "after"}),
    "after with last": ({"last": 1, "after": cursor()}, {"path": "after"}),
    "a cursor that is none": ({"first": 1, "after": "x"}, {"path": "after"}),
    "a cursor beyond ASCII": ({"last": 1, "before": "é"}, {"path": "before"}),
    "a cursor of nothing": ({"first": 1, "after": urlsafe_b64encode(bson.encode({})).decode()}, {"path": "after"}),
    "a cursor cut short": ({"first": 1, "after": cursor()[:-8]}, {"path": "after"}),
    "a cursor of another list": ({"first": 1, "after": cursor(by=["seq", 1], at=1)}, {"path": "after"}),
    "a cursor of the other direction": ({"first": 1, "after": cursor(by=["registered_at", -1])}, {"path": "after"}),
    "a cursor at an operator": ({"first": 1, "after": cursor(at={"$gt": ""})}, {"path": "after"}),
    "a cursor at a pattern": ({"last": 1, "before": cursor(at=bson.Regex("(a+)+$"))}, {"path": "before"}),
    "a cursor of an operator": ({"first": 1, "after": cursor(id={"$ne": OID})}, {"path": "after"}),
    "a cursor of no id": ({"first": 1, "after": cursor(id="x")}, {"path": "after"}),
    "a cursor of great depth": ({"first": 1, "after": cursor(more=deep(90))[:-4]}, {"path": "after"}),
    "an operator for a field": ({"first": 1, "filter": {"$where": "sleep(1)"}}, {}),
    "an operator for a text": ({"first": 1, "filter": {"version": {"eq": {"$gt": ""}}}}, {}),
    "a number for a text": ({"first": 1, "filter": {"version": {"eq": 1}}}, {}),
    "NUL in a filter": ({"first": 1, "filter": {"version": {"contains": "\0"}}}, {"path": "filter.version.contains"}),
    "a long text in a filter": (
        {"first": 1, "filter": {"purpose": {"contains": "x" * 100_000}}}, {"path": "filter.purpose.contains"},
    ),
    "a long list in a filter": ({"first": 1, "filter": {"version": {"in": ["x"] * 201}}}, {"path": "filter.version.in"}),
    "a filter 60 deep": ({"first": 1, "filter": nots(60)}, {"code": "LIMIT_EXCEEDED", "limit": 16, "size": 17}),
    "a filter 900 deep": ({"first": 1, "filter": nots(900)}, {"code": "LIMIT_EXCEEDED", "limit": 16, "size": 17}),
    "a filter before the first year": (
        {"first": 1, "filter": {"registeredAt": {"gt": "0001-01-01T00:00:00+14:00"}}}, {"path": "filter.registeredAt.gt"},
    ),
    "a filter after the last year": (
        {"first": 1, "filter": {"registeredAt": {"lt": "9999-12-31T23:59:59-12:00"}}}, {"path": "filter.registeredAt.lt"},
    ),
    "a size beyond 2^53-1 in a filter": ({"first": 1, "filter": {"artifacts": {"some": {"size": {"lt": 2**53}}}}}, {}),
}  # fmt: skip


@pytest.mark.parametrize(("variables", "facts"), PAGES.values(), ids=PAGES)
async def test_a_page_that_cannot_be_is_refused(edge: Edge, variables: dict[str, Any], facts: dict[str, Any]) -> None:
    refused = await edge.refuses(LISTED, variables)
    assert refused.items() >= ({"code": "INVALID_INPUT"} | facts).items()


@pytest.mark.parametrize(
    "query",
    [
        "{ auditEvent(seq: 9007199254740992) { seq } }",
        '{ auditEvent(seq: "1") { seq } }',
        "{ auditEvent { seq } }",
        '{ auditEvent(seq: 1, eventId: "AUD-1") { seq } }',
        "{ auditVerification(from: -1) { faults { kind } } }",
        "{ auditVerification(from: 3, to: 2) { faults { kind } } }",
        "{ auditVerification(from: 9007199254740991) { faults { kind } } }",
        '{ modelVersions(first: 1, filter: {registeredAt: {lt: "2026-03-01"}}) { totalCount } }',
        "{ content(digest: 1) { canonical } }",
    ],
)
async def test_an_argument_that_cannot_be_is_refused(edge: Edge, query: str) -> None:
    assert (await edge.refuses(query, by=AUDREY))["code"] == "INVALID_INPUT"


BEYOND = {
    '{ auditReport(modelId: "a", until: "0502-01-01T00:00:00Z") { generatedAt } }': "until",
    '{ auditReport(modelId: "a", since: "9999-12-31T23:59:59-12:00") { generatedAt } }': "since",
    '{ auditReport(modelId: "a", until: "2026-W09-7T12:00:00Z") { generatedAt } }': "until",
    '{ auditReport(modelId: "a\\u0000") { generatedAt } }': "modelId",
    '{ auditReport(modelId: "a", outcomes: [%s]) { generatedAt } }' % ("DENIED " * 201): "outcomes",
    '{ model(modelId: "a b") { name } }': "modelId",
    '{ model(modelId: "") { name } }': "modelId",
    '{ viewer { stakeholder { models(first: 1, filter: {name: {eq: "\\u0000"}}) { totalCount } } } }': "filter.name.eq",
    '{ modelVersion(modelId: "support-assistant", version: "1.0.0") { changesSince(version: "a/b") { __typename } } }': "version",
    '{ models(first: 1, after: "%s") { totalCount } }' % ("x" * 20_001): "after",
    "{ modelVersions(first: 1, filter: {card: {metrics: {some: {value: {lt: 1e400}}}}}) { totalCount } }": (
        "filter.card.metrics.some.value.lt"
    ),
    '{ auditEvent(eventId: "\\u0007") { seq } }': "eventId",
}


@pytest.mark.parametrize(("query", "path"), BEYOND.items(), ids=[each[:60] for each in BEYOND])
async def test_an_argument_of_a_query_is_bounded_as_the_field_of_an_input(edge: Edge, query: str, path: str) -> None:
    refused = await edge.refuses(query, by=AUDREY)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", path)


@pytest.mark.parametrize("wide", [[None] * 10_000, [[0] * 100] * 11, {f"a{each}": 1 for each in range(1_001)}])
async def test_free_json_is_sent_with_a_thousand_values_at_most(edge: Edge, wide: Any) -> None:
    refused = await edge.refuses(mutating("saveModelCard", ""), {"input": BOT | {"card": {"additionalInfo": {"a": wide}}}})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.card.additionalInfo")


async def test_mutations_come_by_post(edge: Edge) -> None:
    asked = {"query": 'mutation { revokeApiToken(input: {tokenId: "alice"}) { receipt { seq } } }'}
    answer = await edge.service.http.get("/graphql", params=asked, headers={"authorization": f"Bearer {ALICE.token}"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (405, "INVALID_INPUT")
    assert await edge.service.state() == edge.stored


async def test_what_is_just_within_the_bounds_is_taken(service: Service) -> None:
    await register(service, name="x" * 200, purpose="y" * 20_000, tags=[f"tag {each}" for each in range(200)])
    free = {
        "wide": [None] * 900,
        "deep": deep(9),
        "large": 2**53 - 1,
        "small": 1e-300,
        "text": "\U0001f600 \u00e9\n",
        "nothing": None,
    }
    saved = await service.do(
        "saveModelCard", ALICE, "modelVersion { card { additionalInfo } }", **BOT, card={"additionalInfo": free}
    )
    assert saved["modelVersion"]["card"]["additionalInfo"] == free
    period = {"effectiveFrom": "1000-01-01T00:00:00Z", "validUntil": "9999-12-31T23:59:59.999Z"}
    attached = await service.do(
        "attachEvidence", ALICE, "evidence { effectiveFrom validUntil }", **BOT | ACCESS_VERIFIED | period
    )
    assert attached["evidence"] == {"effectiveFrom": "1000-01-01T00:00:00.000Z", "validUntil": "9999-12-31T23:59:59.999Z"}
    headers = {"authorization": f"Bearer {ALICE.token}", "content-type": "application/json"}
    body = ASKED + b"}" + b" " * (BODY - len(ASKED) - 1)
    assert (await service.http.post("/graphql", content=body, headers=headers)).json() == {"data": {"viewer": {"id": "alice"}}}


async def test_a_long_name_of_an_operation_is_recorded_cut(service: Service) -> None:
    assert await service.refusal(f'mutation {"x" * 100_000} {{ revokeApiToken(input: {{tokenId: "no"}}) {{ __typename }} }}')
    assert (await service.last())["request"]["operation"] == "x" * 200


WORDS: dict[str, tuple[tuple[str, Person, dict[str, Any]], str]] = {
    "a key": (registering(modelId="a b"), "must be letters, digits and . _ : @ + -, the first a letter or digit"),
    "an address": (enrolling(email="x"), "must be an e-mail address, such as ada@example.org"),
    "an empty name": (registering(name=""), "must have at least 1 character"),
    "a list": (registering(tags=["x"] * 201), "must have at most 200 items, not 201"),
    "a size": (registering(artifacts=[WEIGHTS | {"size": -1}]), "must be greater than or equal to 0"),
    "a metric twice": (documenting(metrics=[{"metricName": "f1", "value": 1}] * 2), "holds f1 2 times"),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "problem"), WORDS.values(), ids=WORDS)
async def test_what_a_value_must_be_is_said_in_words(edge: Edge, sent: tuple[str, Person, dict[str, Any]], problem: str) -> None:
    mutation, by, fields = sent
    refused = await edge.refuses(mutating(mutation, ""), {"input": fields}, by)
    assert [each["problem"] for each in refused["problems"]] == [problem]


def patterns(schema: Any) -> set[str]:
    """Every pattern in a JSON schema."""
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    own = {schema["pattern"]} if isinstance(schema, dict) and isinstance(schema.get("pattern"), str) else set()
    return own.union(*map(patterns, inside))


def test_there_are_words_for_every_pattern_that_an_input_holds() -> None:
    inputs = {
        argument.type.of_type.extensions["strawberry-definition"].origin
        for field in build_schema()._schema.mutation_type.fields.values()  # type: ignore[union-attr]
        for argument in field.args.values()
    }
    found = set[str]().union(*(patterns(each.model_json_schema()) for each in inputs))
    said = {problem_in(f"String should match pattern '{each}'") for each in found}
    assert len(found) == len(said) == 5 and not any("^" in each or "as it must" in each for each in said)
