"""Risk in the graph: the questionnaire, assessments, and the decisions about them."""

from typing import Annotated

import strawberry
from pydantic import BaseModel, Field
from strawberry import Parent

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.people import Stakeholder
from documents.policies import all_policies
from documents.questionnaire import KnownTemplate, Questions, RiskTemplate, known_templates, questionnaire
from documents.risk.assessment import RiskAssessment
from documents.risk.factors import Answer, ClosedRisk, OwnRisk, Response, RiskFactor, Template
from documents.risk.scales import Effectiveness
from documents.store.fields import both, fields_at, within
from documents.values import LIST_LENGTH, Day, Key, Moment, Names, Statement
from documents.versions.risks import AssessmentApproval, RiskAcceptance
from documents.versions.rules import assessments
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one
from resolvers.graph.inputs import OfVersion, graph_input, said
from resolvers.graph.mutation import Payload, mutation, query
from resolvers.graph.types import Part, field, shape

APPROVALS = fields_at("assessment_approvals")
TREATMENT = ("controls", "control_effectiveness", "owner", "review_date")


@shape(RiskAssessment)
class RiskAssessmentShape:
    model_version = one(ModelVersion, "The version that it is about.", model_id="model_id", version="version")
    assessed_by = one(Stakeholder, "The person who made it; null for a service.", user_id="assessor")

    @field("The approval that it got; null if none.", reads=["assessment_id", "model_id", "version"])
    @staticmethod
    async def approval(assessment: Parent[RiskAssessment], info: Info) -> AssessmentApproval | None:
        of = await info.context.one(ModelVersion, APPROVALS).load((assessment.model_id, assessment.version))
        return next((each for each in of.assessment_approvals if each.assessment_id == assessment.assessment_id), None)


@shape(RiskFactor)
class RiskFactorShape:
    owned_by = one(Stakeholder, "The person who looks after it.", user_id="owner")


@shape(RiskAcceptance)
class RiskAcceptanceShape:
    acceptor = one(Stakeholder, "The person who accepted it.", user_id="accepted_by")

    @field("Whether the acceptance counts now.", reads=["expires_at", "ended"])
    @staticmethod
    def stands(acceptance: Parent[RiskAcceptance], info: Info) -> bool:
        return acceptance.ended is None and info.context.now < acceptance.expires_at


@shape(AssessmentApproval)
class AssessmentApprovalShape:
    approver = one(Stakeholder, "The person who approved it.", user_id="approved_by")


@query()
async def risk_templates(
    include_retired: Annotated[
        bool, strawberry.argument(description="Whether the templates that were retired are listed too.")
    ] = False,
) -> list[KnownTemplate]:
    """The questionnaire lists the risks that every assessment looks at; those that were added come last."""
    return [each for each in await known_templates() if include_retired or each.retired is None]


@query()
async def risk_assessment(info: Info, assessment_id: Key) -> RiskAssessment | None:
    """The assessment that has the id, latest or earlier; null if none."""
    asked = both(asked_of(info, RiskAssessment), fields_at("assessment_id"))
    places = ("latest_assessment", "earlier_assessments")
    either = {"$or": [{f"{place}.assessment_id": assessment_id} for place in places]}
    found = await ModelVersion.seek(either, both(*(within(place, asked) for place in places)))
    if found is None:
        return None
    latest = [found.latest_assessment] if found.latest_assessment else []
    return next((each for each in [*latest, *found.earlier_assessments] if each.assessment_id == assessment_id), None)


@graph_input("A template is to be added.")
class CreateRiskTemplateInput(Template):
    questions: Questions = Field(description="The questions that are asked before rating, each once.")


@strawberry.type(description="The template is added.")
class CreateRiskTemplatePayload(Payload):
    risk_id: strawberry.Private[str]

    @field("The template that was added.")
    async def risk_template(self) -> KnownTemplate:
        return (await RiskTemplate.require(self.risk_id)).template


@mutation(event=AuditEventType.RISK_TEMPLATE_CREATED, permit=Permission.CREATE_RISK_TEMPLATE, resource=RiskTemplate)
async def create_risk_template(info: Info, input: CreateRiskTemplateInput) -> CreateRiskTemplatePayload:
    """Adds a risk to the questionnaire of every later assessment, until it is retired; it is not edited, as answers cite it."""
    template = await RiskTemplate.added(input, by=info.context.actor.id, at=info.context.now)
    await template.store()
    return CreateRiskTemplatePayload(risk_id=template.risk_id)


@graph_input("A template is to be retired.")
class RetireRiskTemplateInput(BaseModel):
    risk_id: Key = Field(description="The id of a template that the questionnaire has.")
    reason: Statement = Field(description="The reason why the risk is asked about no more.")


@strawberry.type(description="The template is retired.")
class RetireRiskTemplatePayload(Payload):
    risk_id: strawberry.Private[str]

    @field("The template that was retired.")
    async def risk_template(self) -> KnownTemplate:
        return (await RiskTemplate.require(self.risk_id)).template


@mutation(event=AuditEventType.RISK_TEMPLATE_RETIRED, permit=Permission.RETIRE_RISK_TEMPLATE, resource=RiskTemplate)
async def retire_risk_template(info: Info, input: RetireRiskTemplateInput) -> RetireRiskTemplatePayload:
    """Takes a risk off the questionnaire of every later assessment, for good; assessments that rate it keep it.

    Its id stays taken. A risk that a check of policies looks for, such as SEC-001, is not retired.
    """
    template = await RiskTemplate.to_retire(input.risk_id, info.context.now)
    template.retire(input.reason, await all_policies(), by=info.context.actor, at=info.context.now)
    await template.store()
    return RetireRiskTemplatePayload(risk_id=template.risk_id)


@graph_input("An answer is given to one question.")
class AnswerInput(Answer): ...


@graph_input("A response is what an assessor says of one risk.")
class RiskResponseInput(Response):
    answers: Annotated[tuple[AnswerInput, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The answers that the template's questions got, each once."
    )


@graph_input("An own risk is one that no template asks about.")
class OwnRiskInput(OwnRisk): ...


@graph_input("An own risk is to end.")
class ClosedRiskInput(ClosedRisk): ...


@graph_input("Risks are to be assessed.")
class CreateRiskAssessmentInput(OfVersion):
    responses: Annotated[tuple[RiskResponseInput, ...], Field(max_length=LIST_LENGTH)] = Field(
        description="The responses to templates; others have defaults and are not assessed."
    )
    own_risks: Annotated[tuple[OwnRiskInput, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The risks that no template asks about."
    )
    closed_risks: Annotated[tuple[ClosedRiskInput, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The own risks of the latest assessment that end; the others stay, rated anew or not."
    )
    carry_over: bool = Field(
        default=False,
        description="Whether ratings of the latest assessment stand that are not given anew.",
    )


@strawberry.type
class OfAssessment(Payload):
    """The fields that payloads about an assessment have in common."""

    assessment_id: strawberry.Private[str]
    model_version: ModelVersion = strawberry.field(description="The version that it is about.")

    @field("The assessment that was made or approved.")
    def risk_assessment(self) -> RiskAssessment:
        return next(each for each in self.model_version.assessments if each.assessment_id == self.assessment_id)


@strawberry.type(description="The risks are assessed.")
class CreateRiskAssessmentPayload(OfAssessment): ...


@mutation(event=AuditEventType.RISK_ASSESSED, permit=Permission.CREATE_RISK_ASSESSMENT, resource=ModelVersion)
async def create_risk_assessment(info: Info, input: CreateRiskAssessmentInput) -> CreateRiskAssessmentPayload:
    """Assesses the risks of a version, those of the questionnaire and its own; approvals given on another assessment go stale."""
    version, templates = await input.load(), await questionnaire(each.risk_id for each in input.responses)
    made = await assessments.assess(
        version, input.responses, input.own_risks, input.closed_risks, input.carry_over, templates,
        by=info.context.actor, at=info.context.now,
    )  # fmt: skip
    await version.store()
    return CreateRiskAssessmentPayload(assessment_id=made.assessment_id, model_version=version)


@graph_input("A treatment is to change: what is left out stays, null or [] empties.")
class MitigateRiskInput(OfVersion):
    risk_id: Key = Field(description="The id of a risk that the latest assessment has.")
    controls: Names = Field(default=(), description="The controls that act against it.")
    control_effectiveness: Effectiveness = Field(default=0, description="The share that controls take away, from 0 to 1.")
    owner: Key | None = Field(default=None, description="The user id of whoever looks after it.")
    review_date: Day | None = Field(default=None, description="The day it is looked at again.")


@strawberry.type(description="The treatment is changed.")
class MitigateRiskPayload(OfAssessment): ...


@mutation(event=AuditEventType.RISK_MITIGATED, permit=Permission.MITIGATE_RISK, resource=ModelVersion)
async def mitigate_risk(info: Info, input: MitigateRiskInput) -> MitigateRiskPayload:
    """Changes what is done against one risk, by a new assessment; approvals given on the latest go stale."""
    version = await input.load()
    treatment = {name: value for name, value in said(input).items() if name in TREATMENT}
    made = await assessments.mitigate(version, input.risk_id, treatment, by=info.context.actor, at=info.context.now)
    await version.store()
    return MitigateRiskPayload(assessment_id=made.assessment_id, model_version=version)


@graph_input("A risk is to be accepted.")
class AcceptRiskInput(OfVersion):
    risk_id: Key = Field(description="The id of a risk that the latest assessment has.")
    rationale: Statement = Field(description="The text says why what is left of it can be borne.")
    expires_at: Moment = Field(description="The time it expires must be in the future.")


@strawberry.type(description="The risk is accepted.")
class AcceptRiskPayload(Payload):
    acceptance_id: strawberry.Private[str]
    model_version: ModelVersion = strawberry.field(description="The version that it is about.")

    @field("The acceptance that was made.")
    def acceptance(self) -> RiskAcceptance:
        return next(each for each in self.model_version.acceptances if each.acceptance_id == self.acceptance_id)


@mutation(event=AuditEventType.RISK_ACCEPTED, permit=Permission.ACCEPT_RISK, resource=ModelVersion)
async def accept_risk(info: Info, input: AcceptRiskInput) -> AcceptRiskPayload:
    """Takes on what is left of a risk, for a time; approvals stay as they are.

    An acceptance is not revoked: it ends when it expires, the risk is accepted anew, or an assessment finds more of it left.
    """
    version = await input.load()
    by, at = info.context.actor, info.context.now
    acceptance = assessments.accept_risk(version, input.risk_id, input.rationale, input.expires_at, by=by, at=at)
    await version.store()
    return AcceptRiskPayload(acceptance_id=acceptance.acceptance_id, model_version=version)


@graph_input("An assessment is to be approved.")
class ApproveRiskAssessmentInput(OfVersion):
    assessment_id: Key = Field(description="The id must be that of the latest assessment.")


@strawberry.type(description="The assessment is approved.")
class ApproveRiskAssessmentPayload(OfAssessment): ...


@mutation(event=AuditEventType.COMPLIANCE_CHECK, permit=Permission.APPROVE_RISK_ASSESSMENT, resource=ModelVersion)
async def approve_risk_assessment(info: Info, input: ApproveRiskAssessmentInput) -> ApproveRiskAssessmentPayload:
    """Approves the latest assessment, which somebody else made; approvals of the version stay as they are."""
    version = await input.load()
    assessments.approve(version, input.assessment_id, by=info.context.actor, at=info.context.now)
    await version.store()
    return ApproveRiskAssessmentPayload(assessment_id=input.assessment_id, model_version=version)


PART = Part(
    types=[
        RiskAssessmentShape,
        RiskFactorShape,
        shape(KnownTemplate, name="RiskTemplate"),
        RiskAcceptanceShape,
        AssessmentApprovalShape,
    ],
    queries=[risk_templates, risk_assessment],
    mutations=[
        create_risk_template,
        retire_risk_template,
        create_risk_assessment,
        mitigate_risk,
        accept_risk,
        approve_risk_assessment,
    ],
)
