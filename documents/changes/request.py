"""Change requests: planned, approved by role, tested, scheduled, started through the gate, completed or failed, rolled back."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Self
from uuid import uuid4

from pydantic import Field, computed_field

from documents.access import Actor, GovernanceRole, Permission, Relation, acting_role, authorship, refuse_involved
from documents.audit.event import AuditEventType
from documents.bindings import ERASED
from documents.changes.counting import COUNTED_BY, counts_for
from documents.changes.life import POSSIBLE, REVIEWED, ChangeStatus, moves_from, possible
from documents.changes.parts import (
    ApprovalsDue,
    ChangeApproval,
    Comment,
    GatePass,
    Move,
    RequiredChangeApproval,
    TestResult,
)
from documents.changes.plan import ChangePlan, ChangeRisk, ChangeType
from documents.contents import ContentKind, Revision, revised
from documents.errors import InvalidInput, InvalidState, NotReady
from documents.numbers import version_key
from documents.people import Stakeholder
from documents.risk.scales import RiskTier
from documents.search import BY_TOKENS, Searchable
from documents.store.filters import Filter
from documents.store.indexes import index
from documents.store.units import Counts, Raw
from documents.values import LIST_LENGTH, Digest, Key, Moment, Name, Text
from documents.versions.entries import longer, refuse_full

_TESTS, _COMMENTS = "the test results of a change", "the comments on a change"

FOLLOW_UP = timedelta(hours=24)
"""Within this time after its start, an emergency decommission gets the approvals that it started without."""


class ChangeRequest(Searchable):
    """A change request changes what runs in an environment."""

    keys: ClassVar = ("change_id",)
    event: ClassVar = AuditEventType.CHANGE_UPDATED
    private: ClassVar = frozenset(
        {
            "approvals.*.comments",
            "approvals.*.reviewer_name",
            "test_results.*.notes",
            "comments.*.text",
            "moves.*.reason",
            "deployment_notes",
        }
    )
    reviewed: ClassVar = frozenset({"plan"})
    cites: ClassVar = frozenset({"revisions.*.digest", "frozen_plan", "approvals.*.plan", "gate.eligibility"})
    derived: ClassVar = frozenset({"risk_level", "target_version_key"})
    keyed: ClassVar = {"plan.target_version": "target_version_key"}
    searched: ClassVar = ("change_id", "plan.model_id", "plan.title", "plan.description")
    ordered: ClassVar = frozenset({
        "change_id", "risk_level", "status", "requester", "department", "created_at", "scheduled_time", "completed_time",
        "rolls_back_id",
    })  # fmt: skip
    grouped: ClassVar = frozenset({"risk_level", "status", "requester", "department"})
    bounded: ClassVar = frozenset({"created_at", "scheduled_time", "completed_time"})

    change_id: str = Field(description="The id is CR- and 32 hexadecimal digits.")
    plan: ChangePlan = Field(description="The plan as it was last saved.")
    revisions: tuple[Revision, ...] = Field(default=(), description="Every plan that was saved or submitted, oldest first.")
    target_version_key: str | None = Field(
        default=None, description="The key that the version which the plan names is ordered by; null if it names none."
    )
    frozen_plan: Digest | None = Field(default=None, description="The digest that approvals bind to; null in a draft.")
    submissions: int = Field(default=0, description="The number of times that it was submitted.")
    risk_level: ChangeRisk = Field(description="The risk level says how much can go wrong.")
    status: ChangeStatus = Field(default=ChangeStatus.DRAFT, description="The status says how far the change is.")
    requester: Key = Field(description="The user id or service that requested the change.")
    department: Name | None = Field(default=None, description="The department that the requester then was in.")
    created_at: Moment = Field(description="The time the change was requested.")
    approvals: tuple[ChangeApproval, ...] = Field(default=(), description="Everything that reviewers said, oldest first.")
    test_results: Annotated[tuple[TestResult, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The test results, of which the latest counts, oldest first."
    )
    scheduled_time: Moment | None = Field(default=None, description="The time it is to start; null if none was set.")
    gate: GatePass | None = Field(default=None, description="The pass says why it could start; null before that.")
    approvals_due: ApprovalsDue | None = Field(
        default=None,
        description="The approvals that an emergency decommission started without; null before the start and once all are given.",
    )
    completed_time: Moment | None = Field(default=None, description="The time the change was completed or failed.")
    deployment_notes: Text = Field(default="", description="The notes say how the deployment went.")
    comments: Annotated[tuple[Comment, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The comments that people made, oldest first."
    )
    moves: tuple[Move, ...] = Field(default=(), description="The steps of its life are listed oldest first.")
    rolls_back_id: Key | None = Field(default=None, description="The id of the change that a rollback takes back.")
    rolled_back_by_id: Key | None = Field(
        default=None, description="The id of the change that took it back; null while none has."
    )
    about_version: Key | None = Field(
        default=None, description="The version that it is about where its plan names none; null otherwise."
    )

    collection: ClassVar = "change_requests"
    counted_by: ClassVar = COUNTED_BY
    indexes: ClassVar = [
        index("created_at", "_id"),
        index("plan.model_id", "plan.environment", "created_at", "_id"),
        index("plan.environment", "created_at", "_id"),
        *(index(each, "created_at", "_id") for each in ("plan.model_id", "status", "risk_level", "requester", "rolls_back_id")),
        index("completed_time", "created_at", "_id"),
        index("approvals.reviewer_id", "created_at", "_id"),
        index("approvals_due.roles", "created_at", "_id"),
        index("gate.basis", "created_at", "_id"),
        BY_TOKENS,
    ]

    @classmethod
    async def ask(cls, plan: ChangePlan, by: Actor, department: str | None, at: datetime, rolls_back: Self | None = None) -> Self:
        """Makes a change request in DRAFT, not stored yet; `rolls_back` is the change that it takes back."""
        plan.refuse_impossible_times()
        if rolls_back is None:
            plan.refuse_no_return()
        revisions = await revised((), ContentKind.CHANGE_PLAN, plan, by.id, at)
        names_one = plan.target_version or plan.current_version
        return cls(
            change_id=f"CR-{uuid4().hex}", plan=plan, revisions=revisions, risk_level=plan.risk_level, requester=by.id,
            target_version_key=_key_of(plan),
            department=department, created_at=at, rolls_back_id=rolls_back and rolls_back.change_id,
            about_version=rolls_back.about if rolls_back and not names_one else None,
        )  # fmt: skip

    @classmethod
    def counts_for(cls, raw: Raw) -> Iterator[Counts]:
        return counts_for(raw)

    @classmethod
    def recomputed(cls, raw: Raw) -> Raw:
        plan = ChangePlan.model_validate(raw["plan"])
        return super().recomputed(raw) | {"risk_level": plan.risk_level.value, "target_version_key": _key_of(plan)}

    @property
    def about(self) -> str | None:
        """The version that it is about: its target, else what ran there, else what the change that it takes back is about.

        It is None for the rollback of a failed first deployment that an earlier release stored.
        """
        return self.plan.target_version or self.plan.current_version or self.about_version

    @property
    def carried_out_in(self) -> str:
        return self.plan.environment

    @property
    def filed_under(self) -> dict[str, str]:
        return {"model_id": self.plan.model_id, "version": self.about or ""}

    @computed_field(description="The statuses that can follow the present one.")  # type: ignore[prop-decorator]
    @property
    def allowed_transitions(self) -> tuple[ChangeStatus, ...]:
        return moves_from(self.status, self.plan.starts_at_once)

    @computed_field(description="The roles whose approval it needs, with what each said.")  # type: ignore[prop-decorator]
    @property
    def required_approvals(self) -> tuple[RequiredChangeApproval, ...]:
        said = self.counting
        return tuple(RequiredChangeApproval(role=each, approval=said.get(each)) for each in self.required_roles)

    @property
    def required_roles(self) -> tuple[GovernanceRole, ...]:
        return self.plan.required_roles

    @property
    def counting(self) -> dict[GovernanceRole, ChangeApproval]:
        """The approval that counts for each role: its latest in this submission, about the frozen plan."""
        ours = (each for each in self.approvals if each.submission == self.submissions and each.plan == self.frozen_plan)
        return {each.role: each for each in ours}

    @property
    def awaited_roles(self) -> tuple[GovernanceRole, ...]:
        """The roles whose approval it waits for: before the start, or after it if it started without them."""
        if self.approvals_due:
            return self.approvals_due.roles
        return self._missing_roles if self.status in REVIEWED else ()

    @property
    def awaited_since(self) -> datetime:
        """The time since which it waits for approvals: its start if it has started, else its latest submission."""
        if self.gate:
            return self.gate.at
        return max(each.at for each in self.moves if each.to_status is ChangeStatus.SUBMITTED)

    @staticmethod
    def waits(at: datetime) -> Filter:
        """The stored changes that wait for approvals, as `awaited_roles` has it; at any moment, for time alone ends no wait."""
        return {"or": [{"status": {"in": [*REVIEWED]}}, {"approvals_due": {"until": {"is_null": False}}}]}

    @staticmethod
    def waits_since(operator: str, moment: datetime) -> Filter:
        """The stored changes that wait for approvals since a moment that compares so with this one, as `awaited_since` has it."""
        submitted = {"to_status": {"eq": ChangeStatus.SUBMITTED}}
        later = {"lt": "gte", "lte": "gt"}  # the latest submission is before a moment if none is after it
        latest = (
            {"none": submitted | {"at": {later[operator]: moment}}}
            if operator in later
            else {"some": submitted | {"at": {operator: moment}}}
        )
        started = {"gate": {"at": {operator: moment}}}
        return {"or": [started, {"gate": {"at": {"is_null": True}}, "moves": latest}]}

    @property
    def _missing_roles(self) -> tuple[GovernanceRole, ...]:
        """The required roles that have not approved, or that refused."""
        approved = {role for role, each in self.counting.items() if each.approved}
        return tuple(each for each in self.required_roles if each not in approved)

    @computed_field(description="The required tests that have not passed; an emergency needs none.")  # type: ignore[prop-decorator]
    @property
    def missing_tests(self) -> tuple[str, ...]:
        if self.plan.change_type is ChangeType.EMERGENCY or self.plan.impact is None:
            return ()
        ours = (each for each in self.test_results if self.frozen_plan and each.submission == self.submissions)
        latest = {each.name: each.passed for each in ours}
        return tuple(each for each in self.plan.impact.testing_required if not latest.get(each))

    def can(self, permission: Permission) -> None:
        """Raises InvalidState unless the change's status allows the mutation."""
        if self.status not in self._possible(permission):
            raise InvalidState(permission.value, self.status, self._possible(permission))

    def not_ready(self, permission: Permission, problem: str) -> NotReady:
        """The refusal of a mutation that the status allows, and `problem` does not."""
        return NotReady(permission.value, self.status, self._possible(permission), problem)

    def _possible(self, permission: Permission) -> tuple[ChangeStatus, ...]:
        return possible(permission, self.plan.starts_at_once)

    def permits(self, by: Actor, permission: Permission, relations: frozenset[Relation] | None = None) -> None:
        """Forbidden unless `by` may do it here, InvalidState unless the change's status allows it.

        `relations` are those of `by` to the change; None leaves it at whether `by` requested the change.
        """
        by.needs(permission, authorship(by.id == self.requester) if relations is None else relations)
        self.can(permission)

    def refuse_other_rollback(self, plan: ChangePlan) -> None:
        """Raises InvalidInput if the change is a rollback, and the new plan would no longer roll back the same change."""
        for name in ("change_type", "environment", "target_version") if self.rolls_back_id else ():
            if getattr(plan, name) != getattr(self.plan, name):
                raise InvalidInput(name, f"is what takes {self.rolls_back_id} back: ask for another change")

    def refuse_odd(self, plan: ChangePlan) -> None:
        """Raises InvalidInput for a plan with an impossible window, and for one that returns to what runs."""
        plan.refuse_impossible_times()
        if self.rolls_back_id is None:
            plan.refuse_no_return()

    async def replan(self, plan: ChangePlan, by: Actor, at: datetime) -> None:
        """Replaces the plan, as a further revision, unless it is equal. Raises InvalidInput for an impossible window."""
        self.refuse_odd(plan)
        if plan != self.plan:
            self.revisions = await revised(self.revisions, ContentKind.CHANGE_PLAN, plan, by.id, at)
            self.plan, self.risk_level, self.target_version_key = plan, plan.risk_level, _key_of(plan)

    def may_submit(self, by: Actor, relations: frozenset[Relation]) -> None:
        """Raises Forbidden or InvalidState unless the caller may submit the change, InvalidInput if the plan is incomplete."""
        self.permits(by, Permission.SUBMIT_CHANGE_FOR_REVIEW, relations)
        for name in ("impact", "rollback_plan"):
            if getattr(self.plan, name) is None:
                raise InvalidInput(name, "must be part of the plan before it is submitted: updateChangeRequest")

    async def submit(self, plan: ChangePlan, by: Actor, at: datetime) -> None:
        """Freezes `plan`, which is the change's own with the version that runs now. Approvals bind to its digest."""
        await self.replan(plan, by, at)
        self.frozen_plan, self.submissions = self.revisions[-1].digest, self.submissions + 1
        self._move(ChangeStatus.SUBMITTED, by, at)

    def reopen(self, reason: str, by: Actor, at: datetime) -> None:
        """Makes the change a draft again. Its approvals and test results no longer count."""
        self.frozen_plan, self.scheduled_time = None, None
        self._move(ChangeStatus.DRAFT, by, at, reason)

    def cancel(self, reason: str, by: Actor, at: datetime) -> None:
        """Ends the change before it starts."""
        self.scheduled_time = None
        self._move(ChangeStatus.CANCELLED, by, at, reason)

    def hand_over(self, to: Stakeholder) -> None:
        """Makes another person the requester of a draft."""
        self.requester, self.department = to.user_id, to.department

    def approve(
        self,
        role: GovernanceRole | None,
        approved: bool,
        comments: str,
        tier: RiskTier | None,
        reviewer: Stakeholder,
        by: Actor,
        at: datetime,
    ) -> ChangeApproval:
        """Records the approval or refusal of a required role, bound to the frozen plan.

        A refusal rejects the change, and the last required approval approves it. After the start neither changes its status, and
        only what it started without is still to be said: NotReady for anything else. If `role` is None, it is the only required
        role that the reviewer holds. `tier` is the tier of the change's version. Raises Forbidden for the requester, and for
        somebody who has approved in another role.
        """
        self.permits(by, Permission.ADD_CHANGE_APPROVAL)
        role = role or acting_role(self.required_roles, reviewer.holds, "role", holds_none(reviewer))
        self.may_approve_as(role, tier, reviewer)
        approval = ChangeApproval(
            role=role, approved=approved, reviewer_id=reviewer.user_id, reviewer_name=reviewer.name,
            reviewer_department=reviewer.department, at=at, comments=comments, plan=self.frozen_plan or "",
            submission=self.submissions, identity=by.identity,
        )  # fmt: skip
        self.approvals = (*self.approvals, approval)
        if self.gate:
            self._note_due(self.gate.at)
        elif not approved:
            self._move(ChangeStatus.REJECTED, by, at)
        elif self.counting.keys() >= set(self.required_roles):
            self._move(ChangeStatus.APPROVED, by, at)
        elif self.status is not ChangeStatus.UNDER_REVIEW:
            self._move(ChangeStatus.UNDER_REVIEW, by, at)
        return approval

    def erase_name(self, user_id: str) -> None:
        """Puts a placeholder in the place of the name of a person who reviewed the change."""
        self.approvals = tuple(
            each.model_copy(update={"reviewer_name": ERASED}) if each.reviewer_id == user_id else each for each in self.approvals
        )

    def _note_due(self, started_at: datetime) -> None:
        """Notes the approvals that are due after the start, if any is."""
        missing = self._missing_roles
        self.approvals_due = ApprovalsDue(roles=missing, until=started_at + FOLLOW_UP) if missing else None

    def may_approve_as(self, role: GovernanceRole, tier: RiskTier | None, reviewer: Stakeholder) -> None:
        """Raises what stands in the way of an approval or refusal by the reviewer for the role."""
        who = reviewer.user_id
        reviewer.must_act_as(role, self.required_roles, tier, self._acted_as(who))
        refuse_involved(who, {self.requester}, "asked for this change")
        refuse_involved(who, self._planners, "planned or submitted this change")
        if self.gate and role not in self.awaited_roles:
            raise self.not_ready(Permission.ADD_CHANGE_APPROVAL, f"{role.name} has approved it")

    def asks(self, person: Stakeholder, role: GovernanceRole, tier: RiskTier | None) -> bool:
        """Whether it waits for the approval of `role`, and that person could give it and has not refused."""
        who, said = person.user_id, self.counting.get(role)
        able = person.holds(role) if tier is None else person.may_decide(role, tier)
        involved = who in {self.requester, *self._planners} or not self._acted_as(who) <= {role}
        return role in self.awaited_roles and able and not involved and not (said and said.reviewer_id == who)

    def _acted_as(self, who: str) -> frozenset[GovernanceRole]:
        """The roles that the person speaks for in this submission."""
        return frozenset(role for role, each in self.counting.items() if each.reviewer_id == who)

    @property
    def _planners(self) -> frozenset[str]:
        """The user ids of everybody who saved a plan of it, or submitted it."""
        submitted = (each.by for each in self.moves if each.to_status is ChangeStatus.SUBMITTED)
        return frozenset({*(each.author for each in self.revisions), *submitted})

    def record_test(
        self, name: str, passed: bool, uri: str | None, sha256: str | None, notes: str, by: Actor, at: datetime
    ) -> None:
        """Records how a required test ended; the latest result of a test counts."""
        self.may_record_test(by)
        if name not in self.required_tests:
            raise InvalidInput("name", f"must be one of the tests that the plan requires: {', '.join(self.required_tests)}")
        result = TestResult(
            name=name, passed=passed, uri=uri, sha256=sha256, notes=notes, recorded_by=by.id, recorded_at=at,
            submission=self.submissions,
        )  # fmt: skip
        self.test_results = longer(_TESTS, self.test_results, result)

    def may_record_test(self, by: Actor) -> None:
        """Raises what stands in the way of every result: NotReady if the plan requires no test."""
        self.permits(by, Permission.RECORD_TEST_RESULT)
        if not self.required_tests:
            raise self.not_ready(Permission.RECORD_TEST_RESULT, "the plan requires no test")
        refuse_full(_TESTS, self.test_results)

    @property
    def required_tests(self) -> tuple[str, ...]:
        return self.plan.impact.testing_required if self.plan.impact else ()

    def schedule(self, start: datetime, by: Actor, at: datetime) -> None:
        """Sets or replaces the moment when the change is to start.

        Raises InvalidInput unless it is in the future and in the preferred window, and not on a blackout date.
        """
        self.may_schedule(by, at)
        if start <= at:
            raise InvalidInput("scheduled_time", "must be in the future")
        if problem := self.plan.bars(start):
            raise InvalidInput("scheduled_time", problem)
        self.scheduled_time = start
        if self.status is not ChangeStatus.SCHEDULED:
            self._move(ChangeStatus.SCHEDULED, by, at)

    def may_schedule(self, by: Actor, at: datetime) -> None:
        """Raises what stands in the way of every moment: NotReady once none of the preferred window is left."""
        self.permits(by, Permission.SCHEDULE_DEPLOYMENT)
        if self.plan.is_past(at):
            raise self.not_ready(Permission.SCHEDULE_DEPLOYMENT, "no day of its preferred window is left")

    def may_start(self, by: Actor, at: datetime) -> None:
        """Raises NotReady before the scheduled time, outside the window, on a blackout date, and before the tests passed.

        Raises Forbidden or InvalidState if the caller may not start the change. An emergency is bound by its scheduled time only.
        """
        self.permits(by, Permission.START_DEPLOYMENT)
        if self.scheduled_time and at < self.scheduled_time:
            raise self.not_ready(Permission.START_DEPLOYMENT, f"it starts at {self.scheduled_time:%FT%TZ}")
        if self.plan.change_type is not ChangeType.EMERGENCY and (problem := self.plan.bars(at)):
            raise self.not_ready(Permission.START_DEPLOYMENT, f"a start {problem}")
        if missing := self.missing_tests:
            raise self.not_ready(Permission.START_DEPLOYMENT, f"no pass of these tests is recorded: {', '.join(missing)}")

    def start(self, gate: GatePass, by: Actor, at: datetime) -> None:
        """Starts the change on the ground that `gate` states; what it starts without is due within 24 hours."""
        self.gate = gate
        self._note_due(at)
        self._move(ChangeStatus.IN_PROGRESS, by, at)

    def complete(self, success: bool, notes: str, by: Actor, at: datetime) -> None:
        """Ends the change as completed or failed."""
        self.permits(by, Permission.COMPLETE_DEPLOYMENT)
        self.completed_time, self.deployment_notes = at, notes
        self._move(ChangeStatus.COMPLETED if success else ChangeStatus.FAILED, by, at)

    def may_roll_back(self, running: str | None, by: Actor) -> None:
        """Raises what stands in the way of a rollback while `running` runs: NotReady if it would take back something else."""
        self.permits(by, Permission.ROLLBACK_CHANGE)
        if problem := self.overtaken(running):
            raise self.not_ready(Permission.ROLLBACK_CHANGE, problem)

    def overtaken(self, running: str | None) -> str | None:
        """The reason why the change can no longer be rolled back while `running` runs; None if it can."""
        if self.status not in POSSIBLE[Permission.ROLLBACK_CHANGE]:
            return f"{self.change_id} is {self.status.name}"
        # A failed change left the former version in place, so that is what must still run.
        left = self.plan.target_version if self.status is ChangeStatus.COMPLETED else self.plan.current_version
        return None if running == left else f"{running or 'nothing'} runs there since"

    def rolled_back(self, rollback: Self, by: Actor, at: datetime) -> None:
        """Records that `rollback` completed, after which the former version runs again."""
        self.names_event(AuditEventType.CHANGE_ROLLED_BACK)
        self.rolled_back_by_id = rollback.change_id
        self._move(ChangeStatus.ROLLED_BACK, by, at)

    def comment(self, text: str, by: Actor, at: datetime) -> None:
        """Adds a comment. Raises LimitExceeded beyond 200."""
        self.may_comment(by)
        self.comments = longer(_COMMENTS, self.comments, Comment(at=at, by=by.id, text=text))

    def may_comment(self, by: Actor) -> None:
        """Raises what stands in the way of every comment."""
        self.permits(by, Permission.COMMENT_ON_CHANGE)
        refuse_full(_COMMENTS, self.comments)

    def _move(self, to: ChangeStatus, by: Actor, at: datetime, reason: str | None = None) -> None:
        if to not in self.allowed_transitions:
            raise InvalidState(f"a move to {to.name}", self.status, self.allowed_transitions)
        self.moves = (*self.moves, Move(at=at, by=by.id, from_status=self.status, to_status=to, reason=reason))
        self.status = to


def _key_of(plan: ChangePlan) -> str | None:
    return None if plan.target_version is None else version_key(plan.target_version)


def holds_none(reviewer: Stakeholder) -> str:
    """The problem of somebody who holds none of the roles that approve a change."""
    return f"{reviewer.user_id} holds no role that must approve this change"
