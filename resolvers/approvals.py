"""Submission, decisions, evidence and reviews in the graph."""

import strawberry
from pydantic import Field

from documents.access import GovernanceRole, Permission
from documents.audit.event import AuditEventType
from documents.eligibility.load import attach, keep_standing, submit
from documents.people import Stakeholder
from documents.values import Digest, Key, Moment, Name, Statement, Statements, Text, Uri
from documents.versions.approvals import Approval, Verdict
from documents.versions.evidence import Evidence
from documents.versions.version import ModelVersion, approvals
from resolvers.graph.context import Info
from resolvers.graph.edges import one
from resolvers.graph.inputs import OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, field, shape


@shape(Evidence)
class EvidenceShape:
    author = one(Stakeholder, "Whoever attached it, if a person did.", user_id="attached_by")


@graph_input("A version to submit.")
class SubmitForApprovalInput(OfVersion): ...


@strawberry.type(description="The version as submitted.")
class SubmitForApprovalPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version.")


@mutation(event=AuditEventType.APPROVAL_REQUESTED, permit=Permission.SUBMIT_FOR_APPROVAL, resource=ModelVersion)
async def submit_for_approval(info: Info, input: SubmitForApprovalInput) -> SubmitForApprovalPayload:
    """Opens a round of approvals, bound to the policies in force; a draft may be submitted, and a rejected version again."""
    version = await input.load()
    await submit(version, by=info.context.actor, at=info.context.now)
    return SubmitForApprovalPayload(model_version=version)


@graph_input("A decision for a required role.")
class SubmitApprovalInput(OfVersion):
    role: GovernanceRole | None = Field(
        default=None, description="For which required role; may be left out by whoever holds only one of them."
    )
    verdict: Verdict = Field(description="What is decided.")
    comments: Text = Field(default="", description="What the reviewer has to say.")
    conditions: Statements = Field(default=(), description="What must be done after deployment.")
    expires_at: Moment | None = Field(default=None, description="From when on it no longer counts; left out: never.")


@strawberry.type(description="The decision as recorded.")
class SubmitApprovalPayload(Payload):
    decision_id: strawberry.Private[str]
    model_version: ModelVersion = strawberry.field(description="The version that it is about.")

    @field("The decision as it reads now; null where an idempotency key comes again after another round began.")
    def approval(self, info: Info) -> Approval | None:
        read = approvals(self.model_version, info.context.now)
        return next((each for each in read if each.decision_id == self.decision_id), None)


@mutation(event=AuditEventType.APPROVAL_GRANTED, permit=Permission.SUBMIT_APPROVAL, resource=ModelVersion)
async def submit_approval(info: Info, input: SubmitApprovalInput) -> SubmitApprovalPayload:
    """Decides for a required role, about exactly what the version is now; a rejection closes the round."""
    by, at = info.context.actor, info.context.now
    version = await input.load()
    reviewer = await Stakeholder.require(by.id)
    decision = version.decide(
        input.role, input.verdict, input.comments, input.conditions, input.expires_at, reviewer, by=by, at=at
    )
    await keep_standing(version, at)
    return SubmitApprovalPayload(decision_id=decision.decision_id, model_version=version)


@graph_input("Evidence to attach.")
class AttachEvidenceInput(OfVersion):
    requirement_id: Key = Field(description="The requirement that it is for: `POL-003.access-control`.")
    title: Name = Field(description="What it is.")
    uri: Uri = Field(description="Where it is.")
    sha256: Digest | None = Field(default=None, description="The digest of what stands there.")
    note: Statement | None = Field(default=None, description="What to know about it.")
    effective_from: Moment | None = Field(default=None, description="From when on it counts; left out: now.")
    valid_until: Moment | None = Field(default=None, description="Until when it counts; left out: without end.")


@strawberry.type
class OfEvidence(Payload):
    """What a mutation on evidence answers with."""

    evidence_id: strawberry.Private[str]
    model_version: ModelVersion = strawberry.field(description="The version that it is about.")

    @field("The evidence.")
    def evidence(self) -> Evidence:
        return next(each for each in self.model_version.evidence if each.evidence_id == self.evidence_id)


@strawberry.type(description="The evidence as attached.")
class AttachEvidencePayload(OfEvidence): ...


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.ATTACH_EVIDENCE, resource=ModelVersion)
async def attach_evidence(info: Info, input: AttachEvidenceInput) -> AttachEvidencePayload:
    """Attaches evidence for a requirement that no check can decide; new evidence makes no approval stale."""
    by, at = info.context.actor, info.context.now
    version = await input.load()
    evidence = Evidence.attach(
        input.requirement_id, input.title, input.uri, input.sha256, input.note, input.effective_from, input.valid_until, by, at
    )
    await attach(version, evidence, by=by, at=at)
    return AttachEvidencePayload(evidence_id=evidence.evidence_id, model_version=version)


@graph_input("Evidence to withdraw.")
class WithdrawEvidenceInput(OfVersion):
    evidence_id: Key = Field(description="Which evidence.")
    reason: Statement = Field(description="Why.")


@strawberry.type(description="The evidence as withdrawn.")
class WithdrawEvidencePayload(OfEvidence): ...


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.WITHDRAW_EVIDENCE, resource=ModelVersion)
async def withdraw_evidence(info: Info, input: WithdrawEvidenceInput) -> WithdrawEvidencePayload:
    """Says that evidence no longer stands; approvals that it stood for go stale."""
    by, at = info.context.actor, info.context.now
    version = await input.load()
    version.withdraw_evidence(input.evidence_id, input.reason, by=by, at=at)
    await keep_standing(version, at)
    return WithdrawEvidencePayload(evidence_id=input.evidence_id, model_version=version)


@graph_input("A periodic review and its four findings.")
class CompleteReviewInput(OfVersion):
    metrics: Statement = Field(description="What the review of the performance metrics found.")
    drift: Statement = Field(description="What the analysis of drift found.")
    incidents: Statement = Field(description="What the review of incidents found.")
    compliance: Statement = Field(description="What the check of compliance found.")


@strawberry.type(description="The version as reviewed.")
class CompleteReviewPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version; its standing says when the next review is due.")


@mutation(event=AuditEventType.COMPLIANCE_CHECK, permit=Permission.COMPLETE_REVIEW, resource=ModelVersion)
async def complete_review(info: Info, input: CompleteReviewInput) -> CompleteReviewPayload:
    """Records a periodic review; the next one is due 90, 180 or 365 days later in tier 1, 2 or 3."""
    by, at = info.context.actor, info.context.now
    version = await input.load()
    version.complete_review(input.metrics, input.drift, input.incidents, input.compliance, by=by, at=at)
    await keep_standing(version, at)
    return CompleteReviewPayload(model_version=version)


PART = Part(
    mutations=[
        submit_for_approval, submit_approval, attach_evidence, withdraw_evidence, complete_review
    ]
)  # fmt: skip
