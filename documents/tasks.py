"""Tasks: what waits for a person to submit, decide, satisfy, confirm, review or approve.

They are computed from versions and changes, not stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from pydantic import Field

from documents.access import GovernanceRole, Permission, needs, separated
from documents.changes.life import REVIEWED
from documents.changes.plan import REQUIRED_ROLES
from documents.changes.request import ChangeRequest
from documents.eligibility.answer import Remedy
from documents.people import Stakeholder
from documents.risk.scales import RiskTier
from documents.store.fields import fields_at
from documents.store.filters import among, to_query
from documents.store.standins import whole
from documents.store.units import Raw
from documents.values import Choice, Key, Moment, Value
from documents.versions.approvals import (
    OBLIGING,
    Approval,
    ApprovalStatus,
    Decider,
    Verdict,
    acted_as,
    deciders_of,
    submitters_of,
    those_open,
)
from documents.versions.lifecycle import DECIDABLE, LIVE, SUBMITTABLE, VersionStatus
from documents.versions.parts import Ending
from documents.versions.rules import decisions
from documents.versions.standing import Standing
from documents.versions.version import ModelVersion

LOOKED_AT = 500  # versions, and changes, that one request for tasks reads, whatever the number of people
NOTICE = timedelta(days=30)
"""A review becomes a task this long before it is due."""
FOR_ONE_ROLE = (Permission.SUBMIT_APPROVAL, Permission.CONFIRM_CONDITION, Permission.ADD_CHANGE_APPROVAL)
FINDINGS = ("metrics", "drift", "incidents", "compliance")

_READ = fields_at(
    "model_id", "version", "tier", "owner_id", "round", "previous_round", "closed_rounds", "evidence", "registered_at", "standing"
)  # fmt: skip


class TaskKind(Choice):
    """A task is of one of these kinds."""

    SUBMIT = "submit", "The owner submits a version that is a draft or was rejected."
    APPROVE = "approve", "The person decides for a required role."
    REAPPROVE = "reapprove", "The person decides again, after an approval went stale, expired, or lacks a confirmed identity."
    SATISFY_CONDITION = "satisfy_condition", "The owner says how a condition of an approval is met."
    CONFIRM_CONDITION = "confirm_condition", "The person confirms a condition that is met."
    REVIEW = "review", "The person completes a review that is due within 30 days."
    APPROVE_CHANGE = "approve_change", "The person approves or refuses a change that was submitted."
    FOLLOW_UP_CHANGE = (
        "follow_up_change",
        "The person approves or refuses an emergency decommission that started with fewer approvals than it needs.",
    )


class Task(Value):
    """A task is something that waits for a person."""

    kind: TaskKind = Field(description="The kind says what is to be done.")
    model_id: Key = Field(description="The id of the model that it is about.")
    version: Key = Field(description="The version that it is about.")
    role: GovernanceRole = Field(description="The role in which the person is asked.")
    since: Moment = Field(description="The time since which it has waited.")
    due: Moment | None = Field(default=None, description="The time it should be done; null where none is set.")
    overdue: bool = Field(default=False, description="Whether the task is overdue now; false where no time is set.")
    change_id: Key | None = Field(default=None, description="The id of the change that it is about; null for any other task.")
    remedy: Remedy = Field(description="The remedy is the mutation that does it.")


class TaskList(Value):
    """A task list holds what waits for a person, or in a model, the longest waiting first."""

    items: tuple[Task, ...] = Field(description="The tasks that wait.")
    complete: bool = Field(
        description="Whether all tasks are listed. False if `first` is less, or if tasks wait in more than 500 versions or 500 "
        "changes for the people or models that the request asks about: then only the oldest 500 were looked at."
    )

    def first(self, size: int) -> "TaskList":
        """The list of the first `size` tasks."""
        return TaskList(items=self.items[:size], complete=self.complete and size >= len(self.items))


@dataclass(frozen=True)
class Docket:
    """A version with the fields that tasks depend on, and the tasks in it at one moment."""

    version: ModelVersion
    standing: Standing
    at: datetime

    @cached_property
    def status(self) -> VersionStatus:
        return self.standing.status_at(self.at)

    @cached_property
    def approvals(self) -> dict[GovernanceRole, Approval]:
        """The decision that stands for each role that decided."""
        return {each.role: each for each in decisions.approvals(self.version, self.at)}

    def tasks_of(self, person: Stakeholder) -> Iterator[Task]:
        """The tasks that wait in this version for one person, by the same rules as the mutations apply."""
        owner = GovernanceRole.MODEL_OWNER
        owns = person.holds(owner) and person.user_id == self.version.owner_id
        if owns and self.status in SUBMITTABLE:
            yield self._submission()
        if self.status in DECIDABLE and (submitted := self.version.round):
            for role in self.standing.deciding_roles:
                submitters, deciders = self._acted
                separate = separated(role, person.user_id, submitters, acted_as(deciders, person.user_id))
                known = person.identity.confirmed or role not in self.standing.terms_at(self.at).confirming
                could_decide = separate and known and person.may_decide(role, self.version.tier)
                yield from self._decision(role, submitted.submitted_at) if could_decide else ()
                yield from self._conditions(role, owns, could_decide)
        if self.status in LIVE and (owns or person.holds(GovernanceRole.RISK_MANAGER)):
            yield from self._review(owner if owns else GovernanceRole.RISK_MANAGER)

    @cached_property
    def _acted(self) -> tuple[frozenset[str], tuple[Decider, ...]]:
        """The user ids of all who submitted the version, and all who decided about it, in any round."""
        rounds = those_open(self.version.previous_round, self.version.round), self.version.closed_rounds
        return submitters_of(*rounds), deciders_of(*rounds)

    def tasks(self) -> Iterator[Task]:
        """Everything that waits in this version, each for the role that it waits for, whoever holds that."""
        if self.status in SUBMITTABLE:
            yield self._submission()
        if self.status in DECIDABLE and (submitted := self.version.round):
            for role in self.standing.deciding_roles:
                yield from self._decision(role, submitted.submitted_at)
                yield from self._conditions(role, owns=True, could_decide=True)
        if self.status in LIVE:
            yield from self._review(GovernanceRole.MODEL_OWNER)

    def _submission(self) -> Task:
        rejected = (each.decided_at for each in self.approvals.values() if each.verdict is Verdict.REJECTED)
        since = max(rejected, default=self.version.registered_at)
        return self._task(TaskKind.SUBMIT, GovernanceRole.MODEL_OWNER, since, Permission.SUBMIT_FOR_APPROVAL, {})

    def _decision(self, role: GovernanceRole, submitted: datetime) -> Iterator[Task]:
        """The task to decide for a role, if its decision is missing, withdrawn, expired or stale."""
        match self.approvals.get(role):
            case None:
                kind, since = TaskKind.APPROVE, submitted
            case Approval(withdrawn=Ending(at=since)):
                kind = TaskKind.APPROVE
            case Approval(status=ApprovalStatus.EXPIRED, expires_at=datetime() as since):
                kind = TaskKind.REAPPROVE
            case Approval(status=ApprovalStatus.STALE | ApprovalStatus.UNCONFIRMED, decided_at=since):
                kind = TaskKind.REAPPROVE
            case _:
                return
        yield self._task(kind, role, since, Permission.SUBMIT_APPROVAL, {"role": role.name}, "verdict")

    def _conditions(self, role: GovernanceRole, owns: bool, could_decide: bool) -> Iterator[Task]:
        approval = self.approvals.get(role)
        for each in approval.open_conditions if approval and approval.status in OBLIGING else ():
            known = {"conditionId": each.condition_id}
            if each.satisfied and could_decide:
                yield self._task(TaskKind.CONFIRM_CONDITION, role, each.satisfied.at, Permission.CONFIRM_CONDITION, known)
            if approval and not each.satisfied and owns:
                since, owner = approval.decided_at, GovernanceRole.MODEL_OWNER
                yield self._task(TaskKind.SATISFY_CONDITION, owner, since, Permission.SATISFY_CONDITION, known, "note")

    def _review(self, role: GovernanceRole) -> Iterator[Task]:
        due = self.standing.next_review
        if due is not None and due <= self.at + NOTICE:
            task = self._task(TaskKind.REVIEW, role, due - NOTICE, Permission.COMPLETE_REVIEW, {}, *FINDINGS)
            yield task.model_copy(update={"due": due, "overdue": due <= self.at})

    def _task(
        self, kind: TaskKind, role: GovernanceRole, since: datetime, mutation: Permission, known: Mapping[str, str], *fill: str
    ) -> Task:
        model_id, version = self.version.model_id, self.version.version
        permitted = [role.name] if mutation in FOR_ONE_ROLE else needs(mutation)
        arguments = {"modelId": model_id, "version": version, **known}
        does = Remedy(mutation=mutation, arguments=arguments, fill=fill, permitted=tuple(permitted))
        return Task(kind=kind, model_id=model_id, version=version, role=role, since=since, remedy=does)


@dataclass(frozen=True)
class ChangeDocket:
    """A change that waits for approvals, with the version that it is about, and the tasks in it at one moment."""

    change: ChangeRequest
    version: str
    tier: RiskTier | None
    """The tier that an approval needs authority for; None if the plan of the change names no version."""
    at: datetime

    def tasks_of(self, person: Stakeholder) -> Iterator[Task]:
        """The approvals that wait for one person, by the same rules as the mutation applies."""
        for role in self.change.awaited_roles:
            if self.change.asks(person, role, self.tier):
                yield self._approval(role)

    def tasks(self) -> Iterator[Task]:
        """The approvals that wait, whoever may give them."""
        for role in self.change.awaited_roles:
            yield self._approval(role)

    def _approval(self, role: GovernanceRole) -> Task:
        change, due = self.change, self.change.approvals_due
        does = Remedy(
            mutation=Permission.ADD_CHANGE_APPROVAL, arguments={"changeId": change.change_id, "role": role.name},
            fill=("approved",), permitted=(role.name,),
        )  # fmt: skip
        return Task(
            kind=TaskKind.FOLLOW_UP_CHANGE if due else TaskKind.APPROVE_CHANGE, model_id=change.plan.model_id,
            version=self.version, role=role, since=change.awaited_since, due=due.until if due else None,
            overdue=due is not None and due.until <= self.at, change_id=change.change_id, remedy=does,
        )  # fmt: skip


async def tasks_of(people: Sequence[Stakeholder], at: datetime) -> list[TaskList]:
    """The tasks of each of the people, in the order of `people`; takes three database commands. An inactive person has none."""
    acting = [each for each in people if each.active]
    oldest_first = [("registered_at", 1), ("_id", 1)]
    # One version more than is looked at tells whether the lists are complete, and one change more.
    found = await ModelVersion.read(_candidates(acting, at), oldest_first, LOOKED_AT + 1, _READ) if acting else []
    changes = await ChangeRequest.every(_awaiting(acting), [("created_at", 1), ("_id", 1)], LOOKED_AT + 1) if acting else []
    dockets: list[Docket | ChangeDocket] = [
        *(Docket(each, whole(each.standing), at) for each in found[:LOOKED_AT] if each.standing),
        *await _change_dockets(changes[:LOOKED_AT], at),
    ]
    complete = max(len(found), len(changes)) <= LOOKED_AT

    def waiting_for(person: Stakeholder) -> TaskList:
        tasks = (task for docket in dockets for task in docket.tasks_of(person))
        return TaskList(items=tuple(sorted(tasks, key=lambda each: each.since)), complete=complete)

    return [waiting_for(each) for each in people]


async def tasks_in(models: Sequence[str], at: datetime) -> list[TaskList]:
    """What waits in each of the models, in the order of `models`; takes three database commands."""
    ids = {"$in": sorted(models)}
    live = {"model_id": ids, "standing.status": {"$in": LIVE}}
    found = await ModelVersion.read(live, [("registered_at", 1), ("_id", 1)], LOOKED_AT + 1, _READ)
    awaiting = {"plan.model_id": ids, **to_query(ChangeRequest.waits(at))}
    changes = await ChangeRequest.every(awaiting, [("created_at", 1), ("_id", 1)], LOOKED_AT + 1)
    tasks: dict[str, list[Task]] = {each: [] for each in models}
    for version in found[:LOOKED_AT]:
        if version.standing:
            tasks[version.model_id] += Docket(version, whole(version.standing), at).tasks()
    for docket in await _change_dockets(changes[:LOOKED_AT], at):
        tasks[docket.change.plan.model_id] += docket.tasks()
    complete = max(len(found), len(changes)) <= LOOKED_AT
    return [TaskList(items=tuple(sorted(tasks[each], key=lambda task: task.since)), complete=complete) for each in models]


async def _change_dockets(changes: Sequence[ChangeRequest], at: datetime) -> list[ChangeDocket]:
    """The dockets of the changes, with the tiers of their versions now.

    The rollback of a failed first deployment that release 0.2.0 stored has none: it is not known which version it is about.
    """
    keys = {(each.plan.model_id, each.about) for each in changes if each.about}
    named = to_query(among(("model_id", "version"), sorted(keys)))
    versions = await ModelVersion.read(named, fields=fields_at("model_id", "version", "tier")) if keys else []
    tiers = {(each.model_id, each.version): each.tier for each in versions}

    def tier_of(change: ChangeRequest) -> RiskTier | None:
        plan = change.plan
        return tiers.get((plan.model_id, plan.target_version or plan.current_version or ""))

    return [ChangeDocket(each, each.about, tier_of(each), at) for each in changes if each.about]


def _awaiting(people: Sequence[Stakeholder]) -> Raw:
    """The query for the changes that may wait for the approval of one of the people; `ChangeDocket` decides whether they do."""
    roles = {role for each in people for role in each.roles}
    levels = [level for level, required in REQUIRED_ROLES.items() if not roles.isdisjoint(required)]
    return {
        "$and": [
            {"$or": [{"status": {"$in": REVIEWED}}, {"approvals_due.roles": {"$in": sorted(roles)}}]},
            {"$or": [{"risk_level": {"$in": levels}}, {"plan.mitigates.role": {"$in": sorted(roles)}}]},
        ]
    }


def _candidates(people: Sequence[Stakeholder], at: datetime) -> Raw:
    """The query for the versions that may hold a task for one of the people; `Docket` decides whether they do."""
    roles, tiers = {role for each in people for role in each.roles}, {tier for each in people for tier in each.authorized_tiers}
    answers = {"standing.accountable_ids": {"$in": [each.user_id for each in people]}}
    of_tier = {"tier": {"$in": sorted(tiers)}}
    decides = {"standing.required_roles": {"$in": sorted(roles)}, **of_tier}
    open_ = {"standing.status": {"$in": DECIDABLE}}
    falls_due = {"standing.next_review": {"$lte": at + NOTICE}, "standing.status": {"$in": LIVE}}
    return {
        "$or": [
            {"standing.missing_roles": {"$in": sorted(roles)}, **decides, **open_},
            {"standing.next_missing_roles": {"$in": sorted(roles)}, **of_tier, **open_},
            {"standing.approved_until": {"$lte": at}, **decides, **open_},
            {"standing.open_conditions": {"$gt": 0}, **open_, "$or": [decides, answers]},
            {**answers, "standing.status": {"$in": SUBMITTABLE}},
            falls_due if GovernanceRole.RISK_MANAGER in roles else {**answers, **falls_due},
        ]
    }
