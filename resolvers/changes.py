"""Change requests in the graph, from the plan through approvals, tests and the gate to the end or the rollback."""

from collections.abc import AsyncIterator
from types import NoneType
from typing import Annotated, Any, get_args

import strawberry
from pydantic import BaseModel, Field

from documents.access import GovernanceRole, Permission, may_read_events
from documents.audit.event import AuditEvent, AuditEventType
from documents.changes import commands
from documents.changes.loading import concerned
from documents.changes.parts import ChangeApproval, Comment, GatePass, Move, TestResult
from documents.changes.plan import ChangeImpact, ChangePlan, ChangeType, ChangeWindow
from documents.changes.request import ChangeRequest
from documents.contents import Content
from documents.deployments import Deployment
from documents.errors import InvalidInput
from documents.people import Stakeholder
from documents.values import LIST_LENGTH, Day, Digest, Environment, Key, Moment, Name, Statement, Text, Uri
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.aggregates import aggregates
from resolvers.graph.connections import connection
from resolvers.graph.context import Context, Info, asked_of
from resolvers.graph.edges import many, one, pages
from resolvers.graph.filters import filters
from resolvers.graph.inputs import graph_input, said
from resolvers.graph.live import live
from resolvers.graph.mutation import Payload, mutation, query, subscription
from resolvers.graph.types import Node, Part, field, node, shape


@shape(ChangePlan)
class ChangePlanShape:
    model = one(Model, "The model.", model_id="model_id")
    current = one(ModelVersion, "What ran there when the plan was made.", model_id="model_id", version="current_version")
    target = one(ModelVersion, "What is to run there.", model_id="model_id", version="target_version")


@shape(ChangeApproval)
class ChangeApprovalShape:
    reviewer = one(Stakeholder, "Whoever said it, as that person is today.", user_id="reviewer_id")
    plan_content = one(Content, "The exact text of the plan that it is about.", digest="plan")


@shape(TestResult)
class TestResultShape:
    recorder = one(Stakeholder, "Whoever recorded it, if a person did.", user_id="recorded_by")


@shape(Comment)
class CommentShape:
    author = one(Stakeholder, "Whoever said it, if a person did.", user_id="by")


@shape(Move)
class MoveShape:
    mover = one(Stakeholder, "Whoever made it, if a person did.", user_id="by")


@shape(GatePass)
class GatePassShape:
    starter = one(Stakeholder, "Whoever started it, if a person did.", user_id="by")
    eligibility_content = one(Content, "The target's whole eligibility then, as exact text.", digest="eligibility")


def _reads_trail(change: ChangeRequest, context: Context) -> None:
    may_read_events(context.actor)


@node(ChangeRequest)
class ChangeRequestNode(Node):
    requested_by = one(Stakeholder, "Whoever asked for it, if a person did.", user_id="requester")
    rolls_back = one(ChangeRequest, "The change that it takes back.", change_id="rolls_back_id")
    rolled_back_by = one(ChangeRequest, "The latest change that is to take it back.", change_id="rolled_back_by_id")
    deployments = many(Deployment, "The deployment that it brought, if it was completed.", change_id="change_id")
    audit_events = pages(
        AuditEvent,
        "Its events in the audit trail; for those who may read the trail.",
        ("seq", 1),
        own={"resource.id": "change_id"},
        may=_reads_trail,
    )


@filters(
    ChangeRequest, "change_id", "plan", "risk_level", "status", "requester", "department", "created_at", "approvals",
    "test_results", "scheduled_time", "gate", "completed_time", "moves", "rolls_back_id", "rolled_back_by_id",
)  # fmt: skip
class ChangeRequestFilter: ...


@query()
async def change_request(info: Info, change_id: Key) -> ChangeRequest | None:
    """The change of that id."""
    return await ChangeRequest.seek({"change_id": change_id}, asked_of(info, ChangeRequest))


change_requests = connection(ChangeRequest, "change_requests", "Changes, the latest first.", ("created_at", -1))


change_request_aggregates = aggregates(
    ChangeRequest, "change_request_aggregates", "How many changes there are, and what their numbers come to, group by group."
)


@graph_input("What a change touches.")
class ChangeImpactInput(ChangeImpact): ...


@graph_input("When a change may start.")
class ChangeWindowInput(ChangeWindow): ...


@graph_input("A change to ask for.")
class CreateChangeRequestInput(ChangePlan):
    impact: ChangeImpactInput | None = Field(default=None, description="What it touches; needed before it is submitted.")
    preferred_window: ChangeWindowInput | None = Field(default=None, description="When it may start; left out: at any time.")

    @property
    def plan(self) -> ChangePlan:
        return ChangePlan.model_validate(self.model_dump())


@strawberry.type
class OfChange(Payload):
    """The fields that payloads about a change have in common."""

    change_request: ChangeRequest = strawberry.field(description="The change.")


class _ChangeInput(BaseModel):
    change_id: Key = Field(description="Which change.")
    expected_revision: int | None = Field(
        default=None, description="The change's `revision` as the client read it; CONFLICT if somebody has stored it since."
    )

    async def load(self) -> ChangeRequest:
        """The change that the input names; CONFLICT if it is not at the expected revision."""
        return await ChangeRequest.require(self.change_id, revision=self.expected_revision)


@strawberry.type(description="The change as asked for.")
class CreateChangeRequestPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_REQUESTED, permit=Permission.CREATE_CHANGE_REQUEST, resource=ChangeRequest)
async def create_change_request(info: Info, input: CreateChangeRequestInput) -> CreateChangeRequestPayload:
    """Asks for a change of what runs somewhere; its risk follows from its type and from what it touches."""
    context = info.context
    change = await commands.ask_for(input.plan, by=context.actor, person=context.person, at=context.now)
    return CreateChangeRequestPayload(change_request=change)


@graph_input("What to change of a plan; what is left out stays as it is.")
class UpdateChangeRequestInput(_ChangeInput):
    change_type: ChangeType | None = Field(default=None, description="What kind of change it is.")
    title: Name | None = Field(default=None, description="What is to be done, in a line.")
    description: Statement | None = Field(default=None, description="What is to be done.")
    justification: Statement | None = Field(default=None, description="Why.")
    environment: Environment | None = Field(default=None, description="Where it is carried out.")
    target_version: Key | None = Field(default=None, description="What is to run there.")
    impact: ChangeImpactInput | None = Field(default=None, description="What it touches.")
    rollback_plan: Statement | None = Field(default=None, description="How it is undone.")
    rollback_trigger: Statement | None = Field(default=None, description="What would make it be undone.")
    preferred_window: ChangeWindowInput | None = Field(default=None, description="When it may start; null: at any time.")
    blackout_dates: Annotated[tuple[Day, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="UTC days on which it may not start."
    )

    def revised(self, plan: ChangePlan) -> ChangePlan:
        given: dict[str, Any] = {name: value for name, value in said(self).items() if name in ChangePlan.model_fields}
        for name, value in given.items():
            if value is None and NoneType not in get_args(ChangePlan.model_fields[name].annotation):
                raise InvalidInput(name, "must not be null")
        return ChangePlan.model_validate((plan.model_copy(update=given)).model_dump() | {"current_version": None})


@strawberry.type(description="The change as planned now.")
class UpdateChangeRequestPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_UPDATED, permit=Permission.UPDATE_CHANGE_REQUEST, resource=ChangeRequest)
async def update_change_request(info: Info, input: UpdateChangeRequestInput) -> UpdateChangeRequestPayload:
    """Changes the plan of a draft, by whoever asked for it."""
    change = await input.load()
    await commands.replan(change, input.revised(change.plan), by=info.context.actor, at=info.context.now)
    return UpdateChangeRequestPayload(change_request=change)


@graph_input("A change to submit.")
class SubmitChangeForReviewInput(_ChangeInput): ...


@strawberry.type(description="The change as submitted.")
class SubmitChangeForReviewPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_REQUESTED, permit=Permission.SUBMIT_CHANGE_FOR_REVIEW, resource=ChangeRequest)
async def submit_change_for_review(info: Info, input: SubmitChangeForReviewInput) -> SubmitChangeForReviewPayload:
    """Freezes the plan, which needs an impact and a rollback plan: the approvals to come bind to its digest."""
    change = await input.load()
    await commands.submit(change, by=info.context.actor, at=info.context.now)
    return SubmitChangeForReviewPayload(change_request=change)


@graph_input("A change to reopen.")
class ReopenChangeInput(_ChangeInput):
    reason: Statement = Field(description="Why.")


@strawberry.type(description="The change as a draft again.")
class ReopenChangePayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_UPDATED, permit=Permission.REOPEN_CHANGE, resource=ChangeRequest)
async def reopen_change(info: Info, input: ReopenChangeInput) -> ReopenChangePayload:
    """Takes a change back to a draft, so that its plan can be changed; its approvals and test results no longer count."""
    change = await input.load()
    change.reopen(input.reason, by=info.context.actor, at=info.context.now)
    await change.store()
    return ReopenChangePayload(change_request=change)


@graph_input("What a reviewer says of a change.")
class AddChangeApprovalInput(_ChangeInput):
    role: GovernanceRole | None = Field(
        default=None, description="For which required role; may be left out by whoever holds only one of them."
    )
    approved: bool = Field(description="Whether the change may go on; a refusal rejects it.")
    comments: Text = Field(default="", description="What there is to say.")


@strawberry.type(description="The change with what was said of it.")
class AddChangeApprovalPayload(OfChange):
    @field("How many of the required approvals were given.")
    def received(self) -> int:
        return sum(each.approved for each in self.change_request.counting.values())

    @field("How many its risk demands.")
    def required(self) -> int:
        return len(self.change_request.required_roles)


@mutation(event=AuditEventType.CHANGE_APPROVED, permit=Permission.ADD_CHANGE_APPROVAL, resource=ChangeRequest)
async def add_change_approval(info: Info, input: AddChangeApprovalInput) -> AddChangeApprovalPayload:
    """Approves or refuses the frozen plan for a role that its risk demands; never by whoever asked for the change."""
    by, at = info.context.actor, info.context.now
    change = await input.load()
    version, reviewer = await concerned(change.plan), await Stakeholder.require(by.id)
    change.approve(input.role, input.approved, input.comments, version and version.tier, reviewer, by=by, at=at)
    await change.store()
    return AddChangeApprovalPayload(change_request=change)


@graph_input("How a required test ended.")
class RecordTestResultInput(_ChangeInput):
    name: Name = Field(description="Which of the tests that the plan requires.")
    passed: bool = Field(description="Whether it passed.")
    uri: Uri | None = Field(default=None, description="Where its evidence is.")
    sha256: Digest | None = Field(default=None, description="The digest of that evidence.")
    notes: Text = Field(default="", description="What there is to say.")


@strawberry.type(description="The change with the result.")
class RecordTestResultPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_UPDATED, permit=Permission.RECORD_TEST_RESULT, resource=ChangeRequest)
async def record_test_result(info: Info, input: RecordTestResultInput) -> RecordTestResultPayload:
    """Records how a required test of the frozen plan ended; the latest result of a test counts."""
    change = await input.load()
    change.record_test(input.name, input.passed, input.uri, input.sha256, input.notes, by=info.context.actor, at=info.context.now)
    await change.store()
    return RecordTestResultPayload(change_request=change)


@graph_input("When a change is to start.")
class ScheduleDeploymentInput(_ChangeInput):
    scheduled_time: Moment = Field(description="In the future, in the preferred window, on no blackout date.")


@strawberry.type(description="The change as scheduled.")
class ScheduleDeploymentPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_UPDATED, permit=Permission.SCHEDULE_DEPLOYMENT, resource=ChangeRequest)
async def schedule_deployment(info: Info, input: ScheduleDeploymentInput) -> ScheduleDeploymentPayload:
    """Sets when an approved change starts, or another time for one that is scheduled."""
    change = await input.load()
    change.schedule(input.scheduled_time, by=info.context.actor, at=info.context.now)
    await change.store()
    return ScheduleDeploymentPayload(change_request=change)


@graph_input("A change to start.")
class StartDeploymentInput(_ChangeInput): ...


@strawberry.type(description="The change as started.")
class StartDeploymentPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_DEPLOYED, permit=Permission.START_DEPLOYMENT, resource=ChangeRequest)
async def start_deployment(info: Info, input: StartDeploymentInput) -> StartDeploymentPayload:
    """Starts an approved change; where another version is to run, that must be eligible at this moment, else POLICY_BLOCKED.

    A rollback to what ran there before needs no eligibility. What let a change through stands in its `gate`.
    """
    change = await input.load()
    await commands.start(change, by=info.context.actor, at=info.context.now)
    return StartDeploymentPayload(change_request=change)


@graph_input("How a started change ended.")
class CompleteDeploymentInput(_ChangeInput):
    success: bool = Field(description="Whether it was carried out.")
    notes: Text = Field(default="", description="How it went.")


@strawberry.type(description="The change as ended.")
class CompleteDeploymentPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_DEPLOYED, permit=Permission.COMPLETE_DEPLOYMENT, resource=ChangeRequest)
async def complete_deployment(info: Info, input: CompleteDeploymentInput) -> CompleteDeploymentPayload:
    """Ends a change: carried out, its target runs from now on; failed, what ran before still does."""
    change = await input.load()
    await commands.complete(change, input.success, input.notes, by=info.context.actor, at=info.context.now)
    return CompleteDeploymentPayload(change_request=change)


@graph_input("A change to take back.")
class RollbackChangeInput(_ChangeInput):
    reason: Statement = Field(description="Why.")


@strawberry.type(description="The change that is to be taken back, and the one that will do it.")
class RollbackChangePayload(OfChange):
    rollback: ChangeRequest = strawberry.field(description="The change that takes it back: a draft, ready to be submitted.")


@mutation(event=AuditEventType.CHANGE_REQUESTED, permit=Permission.ROLLBACK_CHANGE, resource=ChangeRequest)
async def rollback_change(info: Info, input: RollbackChangeInput) -> RollbackChangePayload:
    """Asks for the change that takes a completed or failed one back; when that is completed, this one is ROLLED_BACK."""
    context = info.context
    change = await input.load()
    rollback = await commands.roll_back(change, input.reason, by=context.actor, person=context.person, at=context.now)
    return RollbackChangePayload(change_request=change, rollback=rollback)


@graph_input("Something to say about a change.")
class CommentOnChangeInput(_ChangeInput):
    text: Statement = Field(description="What there is to say.")


@strawberry.type(description="The change with the comment.")
class CommentOnChangePayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_UPDATED, permit=Permission.COMMENT_ON_CHANGE, resource=ChangeRequest)
async def comment_on_change(info: Info, input: CommentOnChangeInput) -> CommentOnChangePayload:
    """Says something about a change, whatever its status."""
    change = await input.load()
    change.comment(input.text, by=info.context.actor, at=info.context.now)
    await change.store()
    return CommentOnChangePayload(change_request=change)


@subscription(name="changeRequestChanged")
async def change_request_changed(info: Info, change_id: Key) -> AsyncIterator[ChangeRequest]:
    """A change, whenever something about it changed, as it is when that is told."""
    return live(info, ChangeRequest, lambda stored: bool(stored["change_id"] == change_id))


PART = Part(
    types=[ChangePlanShape, ChangeApprovalShape, TestResultShape, CommentShape, MoveShape, GatePassShape, ChangeRequestNode],
    queries=[change_request, change_requests, change_request_aggregates],
    mutations=[
        create_change_request, update_change_request, submit_change_for_review, reopen_change, add_change_approval,
        record_test_result, schedule_deployment, start_deployment, complete_deployment, rollback_change, comment_on_change,
    ],
    subscriptions=[change_request_changed],
)  # fmt: skip
