"""Approvals in the graph: submission, decisions, and the conditions that they set."""

import strawberry
from pydantic import Field
from strawberry import Parent

from documents.access import GovernanceRole, Permission
from documents.audit.event import AuditEventType
from documents.contents import Content
from documents.eligibility.answer import NextRound, RequiredApproval, UpcomingPolicy
from documents.eligibility.standings import bring_up
from documents.eligibility.submitting import submit
from documents.people import Stakeholder
from documents.policies import Policy
from documents.store.standins import whole
from documents.values import Hash, Key, Moment, Statement, Statements, Text
from documents.versions.approvals import Approval, ApprovalRound, ClosedRound, Decision, Verdict, told
from documents.versions.conditions import Confirmation, Satisfaction
from documents.versions.dossier import Dossier, DossierPart, pinned
from documents.versions.parts import Ending
from documents.versions.rules import decisions
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one
from resolvers.graph.inputs import OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, field, shape


@shape(Ending)
class EndingShape:
    ended_by = one(Stakeholder, "The person who ended it.", user_id="by")


@shape(Satisfaction)
class SatisfactionShape:
    satisfied_by = one(Stakeholder, "The person who said so.", user_id="by")


@shape(Confirmation)
class ConfirmationShape:
    confirmed_by = one(Stakeholder, "The person who confirmed it.", user_id="by")


@strawberry.type(description="A dossier content is a part as it was decided on.")
class DossierContent:
    part: DossierPart = strawberry.field(description="The part that it is; each linked datasheet is one.")
    digest: Hash = strawberry.field(description="The digest that the part has.")
    content = one(Content, "The exact text; null before somebody has decided.", digest="digest")


@shape(Dossier)
class DossierShape:
    @field("The parts that were decided on, each with its text.", loads=[Content])
    @staticmethod
    async def contents(dossier: Parent[Dossier], info: Info) -> list[DossierContent]:
        digests = dossier.digests()
        pins: Content | None = await info.context.one(Content).load((digests[DossierPart.DATASHEETS],))
        sheets = [DossierContent(part=DossierPart.DATASHEETS, digest=each) for each in pinned(pins.canonical)] if pins else []
        return [*(DossierContent(part=part, digest=digest) for part, digest in digests.items()), *sheets]


@shape(Approval)
class ApprovalShape:
    reviewer = one(Stakeholder, "The person who decided.", user_id="reviewer_id")


@shape(ApprovalRound)
class ApprovalRoundShape:
    @field("The decisions that were made, oldest first.", reads=["decisions"])
    @staticmethod
    def decisions(round: Parent[ApprovalRound]) -> list[Decision]:
        return list(told([whole(each) for each in round.decisions]))


@shape(ClosedRound, hidden=["withheld"])
class ClosedRoundShape:
    content = one(Content, "The exact text that the round has.", digest="digest")

    @field("The whole round as it was closed.", reads=["digest", "withheld"], loads=[Content])
    @staticmethod
    async def round(closed: Parent[ClosedRound], info: Info) -> ApprovalRound:
        kept: Content = await info.context.one(Content).load((closed.digest,))
        return ClosedRound.round(closed, kept.canonical)  # a stand-in has the fields that it reads


@shape(RequiredApproval, hidden=["candidate_ids"])
class RequiredApprovalShape:
    @field("The people who could give it by role, tier and separation of duties.")
    @staticmethod
    async def candidates(approval: Parent[RequiredApproval], info: Info) -> list[Stakeholder]:
        people = await info.context.one(Stakeholder, asked_of(info, Stakeholder)).load_many(
            [(each,) for each in approval.candidate_ids]
        )
        return [each for each in people if each]


async def _judged(input: OfVersion, info: Info) -> ModelVersion:
    """The version that the input names, judged as of now: a policy may bind it since its standing was stored."""
    version = await input.load()
    await bring_up(version, info.context.now)
    return version


@graph_input("A version is to be submitted.")
class SubmitForApprovalInput(OfVersion): ...


@strawberry.type(description="The version is submitted.")
class SubmitForApprovalPayload(Payload):
    model_version: ModelVersion = strawberry.field(description="The version that was submitted.")


@mutation(event=AuditEventType.APPROVAL_REQUESTED, permit=Permission.SUBMIT_FOR_APPROVAL, resource=ModelVersion)
async def submit_for_approval(info: Info, input: SubmitForApprovalInput) -> SubmitForApprovalPayload:
    """Opens a round of approvals, bound to the policies in force, for a draft, a rejected or an approved version.

    The next round of an approved version keeps the decisions that still answer what is asked. The previous round counts until the
    next one is complete or rejected, or until its own approvals no longer suffice.
    """
    version = await _judged(input, info)
    await submit(version, by=info.context.actor, at=info.context.now)
    return SubmitForApprovalPayload(model_version=version)


@shape(NextRound)
class NextRoundShape:
    submitter = one(Stakeholder, "The person who submitted; null for a service.", user_id="submitted_by")


@shape(UpcomingPolicy)
class UpcomingPolicyShape:
    policy = one(Policy, "The policy as its newest revision reads.", policy_id="policy_id")


@graph_input("A decision is to be recorded.")
class SubmitApprovalInput(OfVersion):
    role: GovernanceRole | None = Field(
        default=None, description="The required role that decides; may be left out if only one is held."
    )
    verdict: Verdict = Field(description="The verdict says what is decided.")
    comments: Text = Field(default="", description="The comments that the reviewer makes; a rejection needs some.")
    conditions: Statements = Field(
        default=(), description="The conditions to meet: before it counts if CONDITIONAL, else after deployment."
    )
    expires_at: Moment | None = Field(default=None, description="The time it expires; default is never.")


@strawberry.type
class OfApproval(Payload):
    """The fields that payloads about an approval have in common."""

    decision_id: strawberry.Private[str]
    model_version: ModelVersion = strawberry.field(description="The version that was decided on.")

    @field("The decision as it reads now; null once another round began.")
    def approval(self, info: Info) -> Approval | None:
        return decisions.approval(self.model_version, self.decision_id, info.context.now)


@strawberry.type(description="The decision is recorded.")
class SubmitApprovalPayload(OfApproval): ...


@mutation(event=AuditEventType.APPROVAL_GRANTED, permit=Permission.SUBMIT_APPROVAL, resource=ModelVersion)
async def submit_approval(info: Info, input: SubmitApprovalInput) -> SubmitApprovalPayload:
    """Decides for a required role about exactly what the version is now; a rejection closes the round."""
    by, at = info.context.actor, info.context.now
    version = await _judged(input, info)
    reviewer = info.context.acting
    decision = await decisions.decide(
        version, input.role, input.verdict, input.comments, input.conditions, input.expires_at, reviewer, by=by, at=at
    )
    await version.store()
    return SubmitApprovalPayload(decision_id=decision.decision_id, model_version=version)


@graph_input("An approval is to be withdrawn.")
class WithdrawApprovalInput(OfVersion):
    role: GovernanceRole | None = Field(
        default=None, description="The required role that decided; may be left out if only one is held."
    )
    reason: Statement = Field(description="The reason why it is withdrawn.")


@strawberry.type(description="The approval is withdrawn.")
class WithdrawApprovalPayload(OfApproval): ...


@mutation(event=AuditEventType.APPROVAL_DENIED, permit=Permission.WITHDRAW_APPROVAL, resource=ModelVersion)
async def withdraw_approval(info: Info, input: WithdrawApprovalInput) -> WithdrawApprovalPayload:
    """Withdraws the approval that stands for a role, which must decide again before the version is approved."""
    by, at = info.context.actor, info.context.now
    version = await _judged(input, info)
    decision = decisions.withdraw(version, input.role, input.reason, info.context.acting, by=by, at=at)
    await version.store()
    return WithdrawApprovalPayload(decision_id=decision.decision_id, model_version=version)


@graph_input("A condition is to be satisfied.")
class SatisfyConditionInput(OfVersion):
    condition_id: Key = Field(description="The id of the condition that is met.")
    note: Statement | None = Field(default=None, description="The note says how it is met.")
    evidence_id: Key | None = Field(default=None, description="The id of the version's evidence that shows it.")


@strawberry.type(description="The condition is satisfied.")
class SatisfyConditionPayload(OfApproval): ...


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.SATISFY_CONDITION, resource=ModelVersion)
async def satisfy_condition(info: Info, input: SatisfyConditionInput) -> SatisfyConditionPayload:
    """Says by a note or by evidence how a condition is met; it counts once the role that set it confirms it."""
    by, at = info.context.actor, info.context.now
    version = await _judged(input, info)
    decision = decisions.satisfy_condition(version, input.condition_id, input.note, input.evidence_id, by=by, at=at)
    await version.store()
    return SatisfyConditionPayload(decision_id=decision.decision_id, model_version=version)


@graph_input("A condition is to be confirmed.")
class ConfirmConditionInput(OfVersion):
    condition_id: Key = Field(description="The id of the condition that is met.")
    comments: Text = Field(default="", description="The comments that the caller makes.")


@strawberry.type(description="The condition is confirmed.")
class ConfirmConditionPayload(OfApproval): ...


@mutation(event=AuditEventType.APPROVAL_GRANTED, permit=Permission.CONFIRM_CONDITION, resource=ModelVersion)
async def confirm_condition(info: Info, input: ConfirmConditionInput) -> ConfirmConditionPayload:
    """Confirms a condition, by whoever could decide for its role; a conditional approval counts once all are."""
    by, at = info.context.actor, info.context.now
    version = await _judged(input, info)
    reviewer = info.context.acting
    decision = decisions.confirm_condition(version, input.condition_id, input.comments, reviewer, by=by, at=at)
    await version.store()
    return ConfirmConditionPayload(decision_id=decision.decision_id, model_version=version)


PART = Part(
    types=[
        EndingShape,
        SatisfactionShape,
        ConfirmationShape,
        DossierShape,
        ApprovalShape,
        ApprovalRoundShape,
        Decision,
        ClosedRoundShape,
        RequiredApprovalShape,
        NextRoundShape,
        UpcomingPolicyShape,
    ],
    mutations=[submit_for_approval, submit_approval, withdraw_approval, satisfy_condition, confirm_condition],
)
