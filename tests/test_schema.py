"""The schema as clients meet it: described, committed, under the names that were agreed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLScalarType,
    is_required_input_field,
    is_specified_directive,
    parse,
    specified_scalar_types,
    validate,
)
from pydantic import BaseModel, Field

import gql
from documents.values import Name
from documents.versions.model import Model
from documents.versions.waivers import Waiver
from gql.schema import PARTS, build_schema
from resolvers import waivers
from resolvers.graph.filters import filters
from resolvers.graph.inputs import graph_input, said
from resolvers.graph.mutation import query
from resolvers.graph.types import Part, shape
from tests.schema import TYPES

ROOT = Path(__file__).parents[1]
SCHEMA = build_schema()
QUERIES = """
    viewer node nodes model models modelVersion modelVersions modelVersionAggregates artifact eligibility stakeholder stakeholders
    policy policies roleDefinitions escalationPath riskTemplates riskAssessment changeRequest changeRequests
    changeRequestAggregates deployment deployments datasheet datasheets incident incidents incidentAggregates content
    auditEvent auditEvents auditEventAggregates auditVerification auditCheckpoint auditInclusionProof auditConsistencyProof
    auditVerifications auditVerificationRun auditKeys auditReport governanceReport riskReport dashboard search
    environment environments
    modelAggregates stakeholderAggregates policyAggregates datasheetAggregates deploymentAggregates environmentAggregates
    auditVerificationAggregates
    apiToken apiTokens apiTokenAggregates
"""
MUTATIONS = """
    registerStakeholder updateStakeholder deactivateStakeholder createPolicy revisePolicy retirePolicy registerModel
    registerModelVersion updateModelVersion setRiskTier judgeClassification retireModelVersion attachEvidence withdrawEvidence
    submitForApproval submitApproval withdrawApproval satisfyCondition confirmCondition
    placeHold liftHold grantWaiver revokeWaiver completeReview
    assignAccountability saveModelCard generateModelCard importModelCard saveDatasheet linkDatasheet unlinkDatasheet
    importDatasheet createRiskTemplate createRiskAssessment mitigateRisk acceptRisk approveRiskAssessment createChangeRequest
    updateChangeRequest submitChangeForReview reopenChange cancelChange addChangeApproval commentOnChange recordTestResult
    scheduleDeployment startDeployment completeDeployment rollbackChange openIncident resolveIncident importModels
    createApiToken revokeApiToken declareEnvironment updateEnvironment retireEnvironment updateModel retireRiskTemplate
    escalateIncident resetEnrolment endBinding confirmIdentity erasePersonalData
"""


def parts() -> Iterator[tuple[str, Any]]:
    """Everything that can be described: types, fields, arguments, values."""
    for name, kind in TYPES.items():
        yield name, kind
        for each, part in [*getattr(kind, "fields", {}).items(), *getattr(kind, "values", {}).items()]:
            yield f"{name}.{each}", part
            yield from ((f"{name}.{each}({argument})", said) for argument, said in getattr(part, "args", {}).items())


def roots(of: str) -> dict[str, GraphQLField]:
    return dict(TYPES[of].fields)


# What a description begins with that leaves its subject out, and the words by which it has a verb as far as a test can tell:
# the beginning of a clause or a verb. Whoever writes another verb adds it.
WITHOUT_SUBJECT = """
    it its they their them those these this that he she his her what which who whom whose when where why how there
    from until of in to by at on for with without as after before under beside else also only and or but if because
"""
CLAUSES = "that who whom whose which what when where whether while if how why whoever whatever once until"
VERBS = """
    adds affects answers applies approves are arises arose asks assesses attaches be bears been began begins belongs binds
    blocks breaks brings came can carries ceases cites come comes comments compares confirms contains costs could counts
    covers creates decides declares demands depends describes did differs do does edits ends equals excepts exists expires
    fails fare fill fills finds follow follows forbids freezes gets gives go goes got governs groups had happens has have hold
    holds identifies is joins judges keeps lapses let lets lies lifts lists looks lost makes manages matches may means
    measures meet meets mends must names needs numbers opens orders pins places precede precedes proves puts ran rates reaches
    read reads records refers registers removes replaces reports represents requests requires resolves rests revokes runs
    satisfies said say says selects sends sets share shares should shows signs speaks spoke stands starts states stops suggests
    takes tells tests touches verifies waits waives was were will withdraws would writes
"""


def wrong_with(description: str | None) -> str | None:
    """Why a description does not stand alone as a sentence, as far as a test can tell; None if it does."""
    said = " ".join((description or "").split())
    words = [each.strip("`'(),.:;[]").lower() for each in said.split()]
    subject = words[1:2] if words[:1] == ["whether"] else words[:1]
    if len(words) < 4:
        return "has less than four words"
    if not (said[0].isupper() or said[0] == "`"):
        return "begins with neither a capital letter nor a name in backticks"
    if not said.endswith("."):
        return "does not end with a period"
    if not subject or subject[0] in WITHOUT_SUBJECT.split():
        return "does not name its subject"
    if not any(each in f"{CLAUSES} {VERBS}".split() or each.endswith("ed") for each in words):
        return "has no verb that the test knows"
    return None


def test_every_description_is_a_sentence_that_stands_alone() -> None:
    """But for those of the scalars and directives that every GraphQL schema has."""
    described = {name: part.description for name, part in parts() if name not in specified_scalar_types}
    ours = [each for each in SCHEMA._schema.directives if not is_specified_directive(each)]
    described |= {f"@{each.name}": each.description for each in ours}
    wrong = {name: (why, said) for name, said in described.items() if (why := wrong_with(said))}
    assert wrong == {}


@pytest.mark.parametrize(
    "description",
    [
        None, "", "When.", "Its band.", "They, the latest first.", "It is being planned now.", "What the decisions say of it.",
        "Which revision of the policy it is.", "Whether it counts as it is now.", "the model of a version is this",
        "A risk tier of its own.", "The model that it is a version of", "From when on it is in force.",
    ],
)  # fmt: skip
def test_a_description_without_a_subject_or_a_verb_is_noticed(description: str | None) -> None:
    assert wrong_with(description)


FAMILIES = ("FilterList", "Filter", "Order", "Connection", "Edge", "Aggregate", "Keys", "Bounds", "Numbers")


def test_what_is_generated_for_a_noun_names_it() -> None:
    """Of the families of types that are read off the documents."""
    families = (
        "EdgeGroupBy",
        "ElementGroupBy",
        "InnerGroupBy",
        "GroupBy",
        "GroupOrder",
        "Having",
        "Distinct",
        "FilterList",
        "Filter",
        "Order",
        "Connection",
        "Edge",
        "Aggregate",
        "Keys",
        "Bounds",
        "Numbers",
    )
    unnamed = []
    for name, kind in TYPES.items():
        if family := next((each for each in families if name.endswith(each)), None):
            noun = name.removesuffix(family)
            unnamed += [name] if f"`{noun}`" not in kind.description else []
    assert unnamed == []


def test_no_description_has_the_indentation_of_its_source() -> None:
    assert [name for name, part in parts() if any(line.startswith(" ") for line in part.description.split("\n"))] == []


def test_the_committed_schema_is_the_served_one() -> None:
    """`magistrate schema > schema.graphql` renews it."""
    assert (ROOT / "schema.graphql").read_text() == SCHEMA.as_str() + "\n"


def test_two_schemas_of_different_parts_share_a_process() -> None:
    fewer = shape(Waiver, hidden=["rationale"])
    parts = [replace(each, types=[fewer]) if each is waivers.PART else each for each in PARTS]
    other, again = build_schema(tuple(parts)), build_schema(introspection=False)
    shown = [set(each._schema.type_map["Waiver"].fields) for each in (SCHEMA, other, again)]  # type: ignore[attr-defined]
    assert shown[0] == shown[2] and shown[0] - shown[1] == {"grantor", "stands", "rationale"}
    assert SCHEMA.as_str() == again.as_str() == (ROOT / "schema.graphql").read_text().rstrip("\n")


def test_a_record_is_declared_once() -> None:
    with pytest.raises(TypeError, match="Waiver has a shape already"):
        build_schema((*PARTS, Part(types=[Waiver])))
    with pytest.raises(TypeError, match="Model has filters already"):
        build_schema((*PARTS, Part(types=[filters(Model, "name")])))


def test_every_scalar_of_our_own_says_which_standard_specifies_it() -> None:
    ours = {
        name: kind for name, kind in TYPES.items() if isinstance(kind, GraphQLScalarType) and name not in specified_scalar_types
    }
    assert ours.keys() == {"BigInt", "Date", "DateTime", "Hash", "JSON"}
    standard = "https://datatracker.ietf.org/doc/html/rfc"
    assert [name for name, kind in ours.items() if not (kind.specified_by_url or "").startswith(standard)] == []


MOMENTS = {
    "2026-03-01T12:00:00Z": True, "2026-03-01t12:00:00.123456789z": True, "2026-03-01T12:00:00-00:00": True,
    "2026-03-01T12:00Z": False, "2026-03-01 12:00:00Z": False, "20260301T120000Z": False, "2026-W09-7T12:00:00Z": False,
    "2026-03-01T12:00:00": False, "2026-03-01T12:00:00+0100": False, "2026-03-01T12:00:00,5Z": False,
}  # fmt: skip
DAYS = {"2026-03-01": True, "20260301": False, "2026-W09-7": False, "2026-060": False, "2026-3-1": False}


@pytest.mark.parametrize(("scalar", "text", "taken"), [
    *(("DateTime", text, taken) for text, taken in MOMENTS.items()), *(("Date", text, taken) for text, taken in DAYS.items()),
])  # fmt: skip
def test_a_time_and_a_day_are_what_rfc_3339_says_and_nothing_else(scalar: str, text: str, taken: bool) -> None:
    kind = TYPES[scalar]
    if taken:
        assert kind.parse_value(text)
    else:
        with pytest.raises(ValueError, match="RFC 3339"):
            kind.parse_value(text)


def test_a_field_of_an_input_that_is_deprecated_says_so_and_is_read_without_a_warning() -> None:
    """No release has renamed one yet: a model that is made here has one."""

    @graph_input("A thing is named.")
    class NamedInput(BaseModel):
        name: Name | None = Field(default=None, description="The name that it has.")
        title: Name | None = Field(default=None, description="The name that it had.", deprecated="It is `name` now.")

    async def named(input: NamedInput) -> str:
        return str(said(input))

    part = Part(queries=[query(name="named")(named)])
    schema = build_schema((*PARTS, part))
    assert 'title: String @deprecated(reason: "It is `name` now.")' in schema.as_str()
    kind: Any = schema._schema.type_map["NamedInput"]
    assert [name for name, field in kind.fields.items() if field.deprecation_reason] == ["title"]
    assert said(NamedInput(title="Ada")) == {"title": "Ada"}


def test_a_deprecated_field_of_an_input_can_be_left_out() -> None:
    """So that a client can follow the advice."""
    inputs = [kind for kind in TYPES.values() if isinstance(kind, GraphQLInputObjectType)]
    deprecated = [each for kind in inputs for each in kind.fields.values() if each.deprecation_reason]
    assert [each for each in deprecated if is_required_input_field(each)] == []


def test_root_fields_bear_the_names_that_were_agreed() -> None:
    assert roots("Query").keys() - QUERIES.split() == set()
    assert roots("Mutation").keys() - MUTATIONS.split() == set()


def test_a_mutation_takes_one_input_and_answers_with_a_payload_of_its_own_and_a_receipt() -> None:
    for name, field in roots("Mutation").items():
        kind = name[0].upper() + name[1:]
        payload, dry = TYPES[f"{kind}Payload"], "dryRun" in TYPES[f"{kind}Input"].fields
        answers = ["Receipt"] if dry else ["Receipt!"]  # a dry run has no event that a receipt could prove
        assert {each: str(argument.type) for each, argument in field.args.items()} == {"input": f"{kind}Input!"}
        assert str(field.type) == str(payload) and str(payload.fields["receipt"].type) in answers


def test_the_package_called_gql_is_ours() -> None:
    """There is another on the package index, a client library."""
    assert gql.__file__ == str(ROOT / "gql" / "__init__.py")
    assert "\ngql==" not in (ROOT / "requirements.lock").read_text()


@pytest.mark.parametrize(
    "question",
    [
        """{ modelVersions(first: 100, filter: {
            tier: {eq: TIER_1_CRITICAL}, deployedIn: {some: {eq: "production"}}, missingApproval: {eq: ETHICS_REVIEWER}
        }) { nodes { modelId version owner { name } eligibility { openConditions { role condition { text } } } } } }""",
        """{ modelVersionAggregates(
            filter: {card: {metrics: {none: {disaggregated: {some: {}}}}}}, groupBy: [{owner: {department: ASC}}, {tier: ASC}]
        ) { keys { ownerDepartment tier } avg { standingRiskScore } latestAssessmentFactors { avg { residualScore } } } }""",
    ],
)
def test_the_questions_that_the_design_promises_are_one_request_each(question: str) -> None:
    """What runs without a standing ethics approval; residual risk by department and tier where no metric is broken down."""
    assert validate(SCHEMA._schema, parse(question)) == []
