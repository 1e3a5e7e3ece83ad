"""Risk in the graph: the questionnaire and the assessments made from it."""

from typing import Annotated

import strawberry
from pydantic import Field

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.eligibility.load import keep_standing
from documents.fields import both, fields_at, within
from documents.people import Stakeholder
from documents.risk.assessment import RiskAssessment
from documents.risk.factors import Answer, Response, RiskFactor, Template
from documents.risk.templates import TEMPLATES
from documents.values import LIST_LENGTH, Key
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one
from resolvers.graph.inputs import OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation, query
from resolvers.graph.types import Part, field, shape


@shape(RiskAssessment)
class RiskAssessmentShape:
    model_version = one(ModelVersion, "The version that it is of.", model_id="model_id", version="version")
    assessed_by = one(Stakeholder, "Whoever made it, if a person did.", user_id="assessor")


@shape(RiskFactor)
class RiskFactorShape:
    owned_by = one(Stakeholder, "Whoever looks after it.", user_id="owner")


@shape(Template, name="RiskTemplate")
class TemplateShape: ...


@query()
async def risk_templates() -> list[Template]:
    """The questionnaire: the risks that every assessment looks at, and what to ask about them."""
    return list(TEMPLATES)


@query()
async def risk_assessment(info: Info, assessment_id: Key) -> RiskAssessment | None:
    """The assessment of that id, the latest of its version or an earlier one."""
    asked = both(asked_of(info, RiskAssessment), fields_at("assessment_id"))
    places = ("latest_assessment", "earlier_assessments")
    either = {"$or": [{f"{place}.assessment_id": assessment_id} for place in places]}
    found = await ModelVersion.seek(either, both(*(within(place, asked) for place in places)))
    if found is None:
        return None
    latest = [found.latest_assessment] if found.latest_assessment else []
    return next((each for each in [*latest, *found.earlier_assessments] if each.assessment_id == assessment_id), None)


@graph_input("What was said to one question of a template.")
class AnswerInput(Answer): ...


@graph_input("What an assessor says of one risk.")
class RiskResponseInput(Response):
    answers: Annotated[tuple[AnswerInput, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="Answers to the template's questions, each answered once."
    )


@graph_input("A questionnaire as answered.")
class CreateRiskAssessmentInput(OfVersion):
    responses: Annotated[tuple[RiskResponseInput, ...], Field(max_length=LIST_LENGTH)] = Field(
        description="What is said of each risk; a template that nobody responds to takes the defaults and counts as not assessed."
    )
    carry_over: bool = Field(
        default=False, description="Whether what the latest assessment rated, and nobody responds to now, stands as it was."
    )


@strawberry.type(description="The assessment as made.")
class CreateRiskAssessmentPayload(Payload):
    assessment_id: strawberry.Private[str]
    model_version: ModelVersion = strawberry.field(description="The version that it is of.")

    @field("The assessment.")
    def risk_assessment(self) -> RiskAssessment:
        return next(each for each in self.model_version.assessments if each.assessment_id == self.assessment_id)


@mutation(event=AuditEventType.RISK_ASSESSED, permit=Permission.CREATE_RISK_ASSESSMENT, resource=ModelVersion)
async def create_risk_assessment(info: Info, input: CreateRiskAssessmentInput) -> CreateRiskAssessmentPayload:
    """Assesses a version's risks from answers to the questionnaire; approvals given on another assessment go stale."""
    version = await input.load()
    made = await version.assess(input.responses, input.carry_over, by=info.context.actor, at=info.context.now)
    await keep_standing(version, info.context.now)
    return CreateRiskAssessmentPayload(assessment_id=made.assessment_id, model_version=version)


PART = Part(queries=[risk_templates, risk_assessment], mutations=[create_risk_assessment])
