"""The schema as clients meet it: described, committed, under the names that were agreed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLField

import gql
from documents.versions.model import Model
from documents.versions.waivers import Waiver
from gql.schema import PARTS, build_schema
from resolvers import waivers
from resolvers.graph.filters import filters
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
"""
MUTATIONS = """
    registerStakeholder updateStakeholder deactivateStakeholder createPolicy revisePolicy retirePolicy registerModel
    registerModelVersion updateModelVersion setRiskTier retireModelVersion attachEvidence withdrawEvidence submitForApproval
    submitApproval withdrawApproval satisfyCondition confirmCondition placeHold liftHold grantWaiver revokeWaiver completeReview
    assignAccountability saveModelCard generateModelCard importModelCard saveDatasheet linkDatasheet unlinkDatasheet
    importDatasheet createRiskTemplate createRiskAssessment mitigateRisk acceptRisk approveRiskAssessment createChangeRequest
    updateChangeRequest submitChangeForReview reopenChange addChangeApproval commentOnChange recordTestResult
    scheduleDeployment startDeployment completeDeployment rollbackChange openIncident resolveIncident importModels
    createApiToken revokeApiToken
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


def test_everything_says_what_it_is() -> None:
    assert [name for name, part in parts() if not (part.description or "").strip()] == []


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


def test_root_fields_bear_the_names_that_were_agreed() -> None:
    assert roots("Query").keys() - QUERIES.split() == set()
    assert roots("Mutation").keys() - MUTATIONS.split() == set()


def test_a_mutation_takes_one_input_and_answers_with_a_payload_of_its_own_and_a_receipt() -> None:
    for name, field in roots("Mutation").items():
        kind = name[0].upper() + name[1:]
        payload = TYPES[f"{kind}Payload"]
        assert {each: str(argument.type) for each, argument in field.args.items()} == {"input": f"{kind}Input!"}
        assert str(field.type) == str(payload) and str(payload.fields["receipt"].type) == "Receipt!"


def test_the_package_called_gql_is_ours() -> None:
    """There is another on the package index, a client library."""
    assert gql.__file__ == str(ROOT / "gql" / "__init__.py")
    assert "\ngql==" not in (ROOT / "requirements.lock").read_text()
