"""Change requests in the graph, from the plan through approvals, tests and the gate to the end or the rollback."""

from collections.abc import AsyncIterator
from types import NoneType
from typing import Annotated, Any, get_args

import strawberry
from pydantic import BaseModel, Field
from strawberry import Parent

from documents.access import GovernanceRole, Permission, reads_events
from documents.actions.changes import OF_CHANGE, of_changes
from documents.audit.event import AuditEvent, AuditEventType
from documents.changes import commands
from documents.changes.life import REVIEWED, ChangeStatus
from documents.changes.loading import concerned
from documents.changes.parts import ApprovalsDue, ChangeApproval, Comment, GatePass, Move, TestResult
from documents.changes.plan import ChangeImpact, ChangePlan, ChangeType, ChangeWindow, Mitigated
from documents.changes.request import ChangeRequest
from documents.contents import Content
from documents.deployments import Deployment
from documents.errors import InvalidInput
from documents.people import Stakeholder
from documents.store.fields import both, fields_at
from documents.values import LIST_LENGTH, Day, Digest, Environment, Key, Moment, Name, Statement, Text, Uri
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.actions import actions_of
from resolvers.graph.aggregates import aggregates
from resolvers.graph.asked import ACROSS, Across, Days, days_between
from resolvers.graph.connections import connection
from resolvers.graph.context import Context, Info, asked_of
from resolvers.graph.edges import many, one, pages
from resolvers.graph.filters import filters
from resolvers.graph.inputs import graph_input, said
from resolvers.graph.live import live
from resolvers.graph.mutation import Payload, mutation, query, subscription
from resolvers.graph.types import READS, Node, Part, field, node, shape


@shape(ChangePlan)
class ChangePlanShape:
    model = one(Model, "The model that changes.", model_id="model_id")
    current = one(
        ModelVersion, "The version that ran there when the plan was made.", model_id="model_id", version="current_version"
    )
    target = one(ModelVersion, "The version that is to run there.", model_id="model_id", version="target_version")


@shape(ChangeApproval)
class ChangeApprovalShape:
    reviewer = one(Stakeholder, "The person who reviewed it.", user_id="reviewer_id")
    plan_content = one(Content, "The exact text of the plan that was reviewed.", digest="plan")


@shape(ApprovalsDue)
class ApprovalsDueShape:
    @field("Whether the time has come by which they are due.", reads=["until"])
    @staticmethod
    def overdue(due: Parent[ApprovalsDue], info: Info) -> bool:
        return due.until <= info.context.now


@shape(TestResult)
class TestResultShape:
    recorder = one(Stakeholder, "The person who recorded it; null for a service.", user_id="recorded_by")


@shape(Comment)
class CommentShape:
    author = one(Stakeholder, "The person who made it; null for a service.", user_id="by")


@shape(Move)
class MoveShape:
    mover = one(Stakeholder, "The person who made it; null for a service.", user_id="by")


@shape(GatePass)
class GatePassShape:
    starter = one(Stakeholder, "The person who started it; null for a service.", user_id="by")
    eligibility_content = one(Content, "The exact text that the eligibility had.", digest="eligibility")


def _reads_events(change: ChangeRequest, context: Context) -> bool:
    return reads_events(context.actor)


async def _took_back(change: ChangeRequest, info: Info) -> ChangeRequest | None:
    """The rollback of a change that completed. It is looked up, because release 0.2.0 stored the latest that was requested."""
    asked = asked_of(info, ChangeRequest)

    async def load(ids: list[str]) -> list[ChangeRequest | None]:
        completed = {"rolls_back_id": {"$in": ids}, "moves.to_status": ChangeStatus.COMPLETED}
        found = await ChangeRequest.read(completed, fields=both(asked, fields_at("change_id", "rolls_back_id")))
        of = {each.rolls_back_id: each for each in found}
        return [of.get(each) for each in ids]

    rollback: ChangeRequest | None = await info.context.loader((_took_back, id(asked)), load).load(change.change_id)
    return rollback


def _rolled_back_by() -> Any:
    async def resolve(root: Parent[ChangeRequest], info: Info) -> Any:
        return await _took_back(root, info)

    across = Across(ChangeRequest, ("change_id",), ("rolled_back_by_id",))
    said = {READS: frozenset({"change_id"}), ACROSS: across}
    described = "The change that took it back; null while none has."
    return strawberry.field(resolver=resolve, description=described, graphql_type=ChangeRequest | None, metadata=said)


@node(ChangeRequest, hidden=["target_version_key"])
class ChangeRequestNode(Node):
    @field("The id of the change that took it back; null while none has.", reads=["change_id"])
    @staticmethod
    async def rolled_back_by_id(change: Parent[ChangeRequest], info: Info) -> str | None:
        rollback = await _took_back(change, info)
        return rollback and rollback.change_id

    @field(
        "The days that it has waited for approvals, since its last submission or, if it started without them, its start; null if "
        "it does not wait. They grow with time, so no aggregate sums them up.",
        reads=["status", "moves", "gate.at", "approvals_due"],
    )
    @staticmethod
    def days_waiting(change: Parent[ChangeRequest], info: Info) -> float | None:
        if change.status not in REVIEWED and change.approvals_due is None:
            return None
        submitted = (each.at for each in change.moves if each.to_status is ChangeStatus.SUBMITTED)
        return days_between(change.gate.at if change.gate else max(submitted), info.context.now)

    actions = actions_of(ChangeRequest, OF_CHANGE, of_changes, "change")
    requested_by = one(Stakeholder, "The person who requested it; null for a service.", user_id="requester")
    rolls_back = one(ChangeRequest, "The change that it takes back.", change_id="rolls_back_id")
    rolled_back_by = _rolled_back_by()
    deployments = many(Deployment, "The deployment that it brought, if completed.", change_id="change_id")
    audit_events = pages(
        AuditEvent,
        "The events that are about it, for readers of the trail; null for others.",
        ("seq", 1),
        own={"resource.id": "change_id"},
        may=_reads_events,
    )


@filters(
    ChangeRequest, "change_id", "plan", "risk_level", "status", "requester", "department", "created_at", "approvals",
    "test_results", "scheduled_time", "gate", "approvals_due", "completed_time", "moves", "rolls_back_id", "rolled_back_by_id",
)  # fmt: skip
class ChangeRequestFilter:
    days_waiting = Days(
        ChangeRequest.waits,
        ChangeRequest.waits_since,
        "The days that it has waited for approvals, as `daysWaiting` has them, must match.",
        by="moves.at",
    )


@query()
async def change_request(info: Info, change_id: Key) -> ChangeRequest | None:
    """The change that has the id; null if none."""
    return await ChangeRequest.seek({"change_id": change_id}, asked_of(info, ChangeRequest))


change_requests = connection(ChangeRequest, "change_requests", "The changes are listed latest first.", ("created_at", -1))


change_request_aggregates = aggregates(
    ChangeRequest,
    "change_request_aggregates",
    "Groups changes, counts each group and computes its figures.",
)


@graph_input("A change's impact says what it touches.")
class ChangeImpactInput(ChangeImpact): ...


@graph_input("A change may start within its window.")
class ChangeWindowInput(ChangeWindow): ...


@graph_input("A hold or an incident is to be mitigated.", one_of=True)
class MitigatedInput(BaseModel):
    hold_id: Key | None = Field(default=None, description="The id of the hold, which must stand.")
    incident_id: Key | None = Field(default=None, description="The id of the incident, which must be open.")


Mitigates = Annotated[tuple[MitigatedInput, ...], Field(max_length=LIST_LENGTH)]
MITIGATES = "The holds and incidents of the running version that the change mitigates; it then needs the approvals of CRITICAL."


@graph_input("A change is to be requested.")
class CreateChangeRequestInput(ChangePlan):
    impact: ChangeImpactInput | None = Field(default=None, description="The impact is needed when it is submitted.")
    preferred_window: ChangeWindowInput | None = Field(default=None, description="The change may start only within this window.")
    mitigates: Mitigates = Field(default=(), description=MITIGATES)  # type: ignore[assignment]  # the plan adds the roles

    @property
    def plan(self) -> ChangePlan:
        return ChangePlan.model_validate(self.model_dump())


@strawberry.type
class OfChange(Payload):
    """The fields that payloads about a change have in common."""

    change_request: ChangeRequest = strawberry.field(description="The change as it is now.")


class _ChangeInput(BaseModel):
    change_id: Key = Field(description="The id that the change has.")
    expected_revision: int | None = Field(default=None, description="Another `revision` is CONFLICT.")

    async def load(self) -> ChangeRequest:
        """The change that the input names; CONFLICT if it is not at the expected revision."""
        return await ChangeRequest.require(self.change_id, revision=self.expected_revision)


@strawberry.type(description="The change is requested.")
class CreateChangeRequestPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_REQUESTED, permit=Permission.CREATE_CHANGE_REQUEST, resource=ChangeRequest)
async def create_change_request(info: Info, input: CreateChangeRequestInput) -> CreateChangeRequestPayload:
    """Requests a change of what runs somewhere; its risk follows from its type and its impact."""
    context = info.context
    change = await commands.ask_for(input.plan, by=context.actor, person=context.person, at=context.now)
    return CreateChangeRequestPayload(change_request=change)


@graph_input("A plan is to change; what is left out stays.")
class UpdateChangeRequestInput(_ChangeInput):
    change_type: ChangeType | None = Field(default=None, description="The type of change that is planned.")
    title: Name | None = Field(default=None, description="The title says in a line what is to be done.")
    description: Statement | None = Field(default=None, description="The text says what is to be done.")
    justification: Statement | None = Field(default=None, description="The text says why the change is needed.")
    environment: Environment | None = Field(default=None, description="The declared environment where the change is carried out.")
    target_version: Key | None = Field(default=None, description="The version that is to run there.")
    impact: ChangeImpactInput | None = Field(default=None, description="The impact says what the change touches.")
    rollback_plan: Statement | None = Field(default=None, description="The text says how the change is undone.")
    rollback_trigger: Statement | None = Field(default=None, description="The text says what would make it be undone.")
    preferred_window: ChangeWindowInput | None = Field(default=None, description="The change may start only within this window.")
    blackout_dates: Annotated[tuple[Day, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The UTC days on which it may not start."
    )
    mitigates: Mitigates = Field(default=(), description=MITIGATES)

    def revised(self, plan: ChangePlan) -> ChangePlan:
        given: dict[str, Any] = {name: value for name, value in said(self).items() if name in ChangePlan.model_fields}
        if given.get("mitigates"):
            given["mitigates"] = tuple(Mitigated(**dict(each)) for each in self.mitigates)
        for name, value in given.items():
            if value is None and NoneType not in get_args(ChangePlan.model_fields[name].annotation):
                raise InvalidInput(name, "must not be null")
        return ChangePlan.model_validate((plan.model_copy(update=given)).model_dump() | {"current_version": None})


@strawberry.type(description="The plan is edited.")
class UpdateChangeRequestPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_UPDATED, permit=Permission.UPDATE_CHANGE_REQUEST, resource=ChangeRequest)
async def update_change_request(info: Info, input: UpdateChangeRequestInput) -> UpdateChangeRequestPayload:
    """Edits the plan of a draft, by whoever requested it; once that person has left, by the owner or a tech lead."""
    change = await input.load()
    await commands.replan(change, input.revised(change.plan), by=info.context.actor, at=info.context.now)
    return UpdateChangeRequestPayload(change_request=change)


@graph_input("A change is to be submitted.")
class SubmitChangeForReviewInput(_ChangeInput): ...


@strawberry.type(description="The change is submitted.")
class SubmitChangeForReviewPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_REQUESTED, permit=Permission.SUBMIT_CHANGE_FOR_REVIEW, resource=ChangeRequest)
async def submit_change_for_review(info: Info, input: SubmitChangeForReviewInput) -> SubmitChangeForReviewPayload:
    """Freezes the plan, which needs an impact and a rollback plan: approvals bind to its digest."""
    change = await input.load()
    await commands.submit(change, by=info.context.actor, at=info.context.now)
    return SubmitChangeForReviewPayload(change_request=change)


@graph_input("A change is to be reopened.")
class ReopenChangeInput(_ChangeInput):
    reason: Statement = Field(description="The reason why it is reopened.")


@strawberry.type(description="The change is reopened.")
class ReopenChangePayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_UPDATED, permit=Permission.REOPEN_CHANGE, resource=ChangeRequest)
async def reopen_change(info: Info, input: ReopenChangeInput) -> ReopenChangePayload:
    """Turns a change back into a draft, so that its plan can be edited; its approvals and test results no longer count."""
    change = await input.load()
    await commands.reopen(change, input.reason, by=info.context.actor, at=info.context.now)
    return ReopenChangePayload(change_request=change)


@graph_input("A change is to be cancelled.")
class CancelChangeInput(_ChangeInput):
    reason: Statement = Field(description="The reason why it is given up.")


@strawberry.type(description="The change is cancelled.")
class CancelChangePayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_UPDATED, permit=Permission.CANCEL_CHANGE, resource=ChangeRequest)
async def cancel_change(info: Info, input: CancelChangeInput) -> CancelChangePayload:
    """Ends a change before it starts, by its requester, the owner of its version or a tech lead."""
    change = await input.load()
    await commands.cancel(change, input.reason, by=info.context.actor, at=info.context.now)
    return CancelChangePayload(change_request=change)


@graph_input("A change is to be reviewed.")
class AddChangeApprovalInput(_ChangeInput):
    role: GovernanceRole | None = Field(
        default=None, description="The required role that reviews; may be left out if only one is held."
    )
    approved: bool = Field(description="Whether the change may go on; a refusal rejects it, unless it has started.")
    comments: Text = Field(default="", description="The comments that the reviewer makes.")


@strawberry.type(description="The change is reviewed.")
class AddChangeApprovalPayload(OfChange):
    @field("The number of required approvals that were given.")
    def received(self) -> int:
        return sum(each.approved for each in self.change_request.counting.values())

    @field("The number of approvals that its risk demands.")
    def required(self) -> int:
        return len(self.change_request.required_roles)


@mutation(event=AuditEventType.CHANGE_APPROVED, permit=Permission.ADD_CHANGE_APPROVAL, resource=ChangeRequest)
async def add_change_approval(info: Info, input: AddChangeApprovalInput) -> AddChangeApprovalPayload:
    """Approves or refuses the frozen plan for a role that its risk demands; never by whoever requested the change.

    What an emergency decommission started without is given after the start. A refusal is then kept, and undoes nothing.
    """
    by, at = info.context.actor, info.context.now
    change = await input.load()
    version = await concerned(change.plan)
    change.approve(
        input.role, input.approved, input.comments, version and version.tier, info.context.acting, by=by, at=at
    )  # fmt: skip
    await change.store()
    return AddChangeApprovalPayload(change_request=change)


@graph_input("A result is to be recorded.")
class RecordTestResultInput(_ChangeInput):
    name: Name = Field(description="The name of the required test that was run.")
    passed: bool = Field(description="Whether the test has passed.")
    uri: Uri | None = Field(default=None, description="The URI where the evidence is.")
    sha256: Digest | None = Field(default=None, description="The SHA-256 that the evidence has.")
    notes: Text = Field(default="", description="The notes that the caller makes.")


@strawberry.type(description="The result is recorded.")
class RecordTestResultPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_UPDATED, permit=Permission.RECORD_TEST_RESULT, resource=ChangeRequest)
async def record_test_result(info: Info, input: RecordTestResultInput) -> RecordTestResultPayload:
    """Records how a required test of the frozen plan ended; the latest result of a test counts."""
    change = await input.load()
    change.record_test(input.name, input.passed, input.uri, input.sha256, input.notes, by=info.context.actor, at=info.context.now)
    await change.store()
    return RecordTestResultPayload(change_request=change)


@graph_input("A change is to be scheduled.")
class ScheduleDeploymentInput(_ChangeInput):
    scheduled_time: Moment = Field(description="The time must be in the future and in the plan's window.")


@strawberry.type(description="The change is scheduled.")
class ScheduleDeploymentPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_UPDATED, permit=Permission.SCHEDULE_DEPLOYMENT, resource=ChangeRequest)
async def schedule_deployment(info: Info, input: ScheduleDeploymentInput) -> ScheduleDeploymentPayload:
    """Sets when an approved change starts, or another time for a scheduled one."""
    change = await input.load()
    change.schedule(input.scheduled_time, by=info.context.actor, at=info.context.now)
    await change.store()
    return ScheduleDeploymentPayload(change_request=change)


@graph_input("A change is to be started.")
class StartDeploymentInput(_ChangeInput): ...


@strawberry.type(description="The change is started.")
class StartDeploymentPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_DEPLOYED, permit=Permission.START_DEPLOYMENT, resource=ChangeRequest)
async def start_deployment(info: Info, input: StartDeploymentInput) -> StartDeploymentPayload:
    """Starts an approved change, if its target is eligible at this moment; else it is POLICY_BLOCKED.

    Taking a version out always passes. An EMERGENCY that takes one out starts with one approval: `approvalsDue` says which
    others follow within 24 hours. A rollback to what ran there, and a change that mitigates what stands in the way, can
    pass without eligibility. The change's `gate` says why it could start, and what was lacking.
    """
    change = await input.load()
    await commands.start(change, by=info.context.actor, at=info.context.now)
    return StartDeploymentPayload(change_request=change)


@graph_input("A started change is to end.")
class CompleteDeploymentInput(_ChangeInput):
    success: bool = Field(description="Whether the change was carried out.")
    notes: Text = Field(default="", description="The notes say how it went.")


@strawberry.type(description="The change has ended now.")
class CompleteDeploymentPayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_DEPLOYED, permit=Permission.COMPLETE_DEPLOYMENT, resource=ChangeRequest)
async def complete_deployment(info: Info, input: CompleteDeploymentInput) -> CompleteDeploymentPayload:
    """Ends a change: if it succeeded its target runs from now on, else what ran before still does."""
    change = await input.load()
    await commands.complete(change, input.success, input.notes, by=info.context.actor, at=info.context.now)
    return CompleteDeploymentPayload(change_request=change)


@graph_input("A rollback is to be requested.")
class RollbackChangeInput(_ChangeInput):
    reason: Statement = Field(description="The reason why it is taken back.")


@strawberry.type(description="The rollback is requested.")
class RollbackChangePayload(OfChange):
    rollback: ChangeRequest = strawberry.field(description="The rollback is a draft change, ready to be submitted.")


@mutation(event=AuditEventType.CHANGE_REQUESTED, permit=Permission.ROLLBACK_CHANGE, resource=ChangeRequest)
async def rollback_change(info: Info, input: RollbackChangeInput) -> RollbackChangePayload:
    """Requests the change that takes a completed or failed one back, which is ROLLED_BACK once that completes.

    It is INVALID_STATE while another rollback of the change is under way; a draft is not.
    """
    context = info.context
    change = await input.load()
    rollback = await commands.roll_back(change, input.reason, by=context.actor, person=context.person, at=context.now)
    return RollbackChangePayload(change_request=change, rollback=rollback)


@graph_input("A comment is to be made.")
class CommentOnChangeInput(_ChangeInput):
    text: Statement = Field(description="The text that the comment has.")


@strawberry.type(description="The comment is made.")
class CommentOnChangePayload(OfChange): ...


@mutation(event=AuditEventType.CHANGE_UPDATED, permit=Permission.COMMENT_ON_CHANGE, resource=ChangeRequest)
async def comment_on_change(info: Info, input: CommentOnChangeInput) -> CommentOnChangePayload:
    """Comments on a change, whatever its status is."""
    change = await input.load()
    change.comment(input.text, by=info.context.actor, at=info.context.now)
    await change.store()
    return CommentOnChangePayload(change_request=change)


@subscription(name="changeRequestChanged")
async def change_request_changed(info: Info, change_id: Key) -> AsyncIterator[ChangeRequest]:
    """The change is told whenever it changes."""
    return live(info, ChangeRequest, lambda stored: bool(stored["change_id"] == change_id))


PART = Part(
    types=[
        ChangePlanShape, ChangeApprovalShape, ApprovalsDueShape, TestResultShape, CommentShape, MoveShape, GatePassShape,
        ChangeRequestNode, ChangeRequestFilter,
    ],
    queries=[change_request, change_requests, change_request_aggregates],
    mutations=[
        create_change_request, update_change_request, submit_change_for_review, reopen_change, cancel_change,
        add_change_approval, record_test_result, schedule_deployment, start_deployment, complete_deployment, rollback_change,
        comment_on_change,
    ],
    subscriptions=[change_request_changed],
)  # fmt: skip
