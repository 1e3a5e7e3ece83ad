"""The commands on change requests that load or store other records too: plan, submit, start, complete and roll back."""

from datetime import datetime

from documents.access import Actor, Permission
from documents.changes.judgement import obstacle
from documents.changes.loading import (
    concerned,
    in_progress_to,
    in_progress_with,
    ran_before,
    relations_to,
    rollback_under_way,
    site,
    standing_to,
)
from documents.changes.parts import GateBasis, GatePass
from documents.changes.plan import ChangePlan, ChangeType
from documents.changes.request import ChangeRequest
from documents.contents import ContentKind, keep
from documents.deployments import Deployment
from documents.eligibility.checks import as_input
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.errors import InvalidInput, PolicyBlocked
from documents.people import Stakeholder
from documents.versions.model import Running
from documents.versions.rules import operation
from documents.versions.version import ModelVersion


async def _fitted(plan: ChangePlan) -> ChangePlan:
    """`plan` with the version that runs in its environment now as `current_version`.

    Raises InvalidInput if the plan names another current version, and if its target does not fit, does not exist or is retired.
    """
    running = (await site(plan)).running
    if plan.current_version not in (None, running):
        raise InvalidInput("current_version", f"is not what runs in {plan.environment}: {running or 'nothing'} does")
    plan = plan.model_copy(update={"current_version": running})
    plan.refuse_misfit(running, await ran_before(plan))
    if plan.target_version:
        target = await ModelVersion.wanted(plan.model_id, plan.target_version)
        if target is None or target.retired:
            problem = "was retired" if target else "does not exist"
            raise InvalidInput("target_version", f"{problem}: {plan.model_id}/{plan.target_version}")
    return plan


async def _may_be_asked_for(plan: ChangePlan, by: Actor) -> None:
    """Raises Forbidden unless the caller may request a change of the plan's version, InvalidInput if the plan names none."""
    version = await concerned(plan)
    if version is None:
        raise InvalidInput("target_version", "must say what is to run")
    version.permits(by, Permission.CREATE_CHANGE_REQUEST)


async def ask_for(plan: ChangePlan, by: Actor, person: Stakeholder | None, at: datetime) -> ChangeRequest:
    """Makes and stores a change request. Raises InvalidInput if the plan does not fit what runs, Forbidden if not permitted."""
    plan = await _fitted(plan)
    await _may_be_asked_for(plan, by)
    change = await ChangeRequest.ask(plan, by, person.department if person else None, at)
    await change.store()
    return change


async def replan(change: ChangeRequest, plan: ChangePlan, by: Actor, at: datetime) -> None:
    """Replaces the plan of a draft, and stores the change. The caller must be permitted to request the new plan too."""
    change.may_replan(plan, by, await standing_to(change, by))
    plan = await _fitted(plan)
    if not change.rolls_back_id:  # a rollback was permitted when it was requested, and its target cannot be replaced
        await _may_be_asked_for(plan, by)
    await change.replan(plan, by, at)
    await change.store()


async def submit(change: ChangeRequest, by: Actor, at: datetime) -> None:
    """Submits a change: freezes its plan, with the version that runs now as `current_version`, and stores the change."""
    change.may_submit(by, await standing_to(change, by))
    plan = await _fitted(change.plan.model_copy(update={"current_version": None}))
    await _refuse_overtaken(change, plan.current_version, Permission.SUBMIT_CHANGE_FOR_REVIEW)
    await change.submit(plan, by, at)
    await change.store()


async def reopen(change: ChangeRequest, reason: str, by: Actor, at: datetime) -> None:
    """Makes a change a draft again, and stores it."""
    change.reopen(reason, by, await standing_to(change, by), at)
    await change.store()


async def cancel(change: ChangeRequest, reason: str, by: Actor, at: datetime) -> None:
    """Ends a change before it starts, and stores it."""
    change.cancel(reason, by, await relations_to(change, by), at)
    await change.store()


async def _refuse_overtaken(change: ChangeRequest, running: str | None, permission: Permission) -> None:
    """Raises NotReady if `change` is a rollback of a change that was rolled back already, or whose target no longer runs."""
    if change.rolls_back_id:
        original = await ChangeRequest.require(change.rolls_back_id)
        if problem := original.overtaken(running):
            raise change.not_ready(permission, problem)


async def start(change: ChangeRequest, by: Actor, at: datetime) -> None:
    """Starts a change and stores it.

    Raises NotReady while another change of the model is in progress in the environment, and if another version runs there than
    when the plan was frozen. Raises PolicyBlocked if the target must be eligible and is not.
    """
    change.may_start(by, at)
    if other := await in_progress_with(change.plan):
        raise change.not_ready(Permission.START_DEPLOYMENT, f"{other} is in progress there")
    running = (await site(change.plan)).running
    if running != change.plan.current_version:
        now, then = running or "nothing", change.plan.current_version or "nothing"
        raise change.not_ready(Permission.START_DEPLOYMENT, f"it was planned while {then} ran there, and {now} does")
    await _refuse_overtaken(change, running, Permission.START_DEPLOYMENT)
    change.start(await _gate(change, by, at), by, at)
    await change.store()


async def _gate(change: ChangeRequest, by: Actor, at: datetime) -> GatePass:
    """The ground on which the change may start: it keeps the version, is a rollback, or its target is eligible now.

    Raises PolicyBlocked on no ground, and NotReady for a rollback to a retired version.
    """
    plan = change.plan
    if not plan.moves_version:
        return GatePass(at=at, by=by.id, basis=GateBasis.SAME_VERSION)
    if plan.target_version is None:  # a first deployment is rolled back, after which no version runs
        return GatePass(at=at, by=by.id, basis=GateBasis.FORMERLY_DEPLOYED)
    version = await ModelVersion.require(plan.model_id, plan.target_version)
    if plan.change_type is ChangeType.ROLLBACK:
        if version.retired:
            raise change.not_ready(Permission.START_DEPLOYMENT, f"{version.key} was retired")
        return GatePass(at=at, by=by.id, basis=GateBasis.FORMERLY_DEPLOYED)
    (case,) = await case_files([version], at)
    eligibility = Judgement(case).eligibility
    if problem := obstacle(eligibility, plan.environment):
        raise PolicyBlocked(version.key, plan.environment, problem, as_input(eligibility))
    return GatePass(at=at, by=by.id, basis=GateBasis.ELIGIBLE, eligibility=await keep(ContentKind.ELIGIBILITY, eligibility))


async def complete(change: ChangeRequest, success: bool, notes: str, by: Actor, at: datetime) -> None:
    """Ends a change and stores it. On success its target runs, and the change that it takes back becomes ROLLED_BACK."""
    change.complete(success, notes, by, at)
    if success:
        if change.plan.moves_version:
            await _move(change, by, at)
        if change.rolls_back_id:
            original = await ChangeRequest.require(change.rolls_back_id)
            original.rolled_back(change, by, at)
            await original.store()
    await change.store()


async def _move(change: ChangeRequest, by: Actor, at: datetime) -> None:
    """Ends the deployment of the version that ran and begins the target's; stores the deployments, the versions and the model."""
    there = await site(change.plan)
    if ended := there.model.runs_in(there.environment):
        deployment = await Deployment.require(ended.deployment_id)
        deployment.end(change.change_id, at)
        await deployment.store()
        version = await ModelVersion.require(there.model.model_id, ended.version)
        operation.stop_in(version, there.environment)
        await version.store()
    there.model.run(there.environment, await _begun(change, by, at))
    await there.model.store()


async def _begun(change: ChangeRequest, by: Actor, at: datetime) -> Running | None:
    """Begins and stores the deployment of the target; None if no version is to run."""
    plan = change.plan
    if plan.target_version is None:
        return None
    rollback = plan.change_type is ChangeType.ROLLBACK
    number = 1 + await Deployment.tally({"model_id": plan.model_id, "environment": plan.environment})
    deployment = Deployment.begin(
        plan.model_id, plan.target_version, plan.environment, number, change.change_id, rollback, by, at
    )  # fmt: skip
    await deployment.store()
    version = await ModelVersion.require(plan.model_id, plan.target_version)
    operation.run_in(version, plan.environment)
    await version.store()
    return Running(environment=plan.environment, version=plan.target_version, since=at, deployment_id=deployment.deployment_id)


async def roll_back(change: ChangeRequest, reason: str, by: Actor, person: Stakeholder | None, at: datetime) -> ChangeRequest:
    """Requests the rollback of `change`, and stores it. Raises NotReady while another rollback of it is under way."""
    plan = change.roll_back(reason, (await site(change.plan)).running, by)
    if other := await rollback_under_way(change):
        raise change.not_ready(Permission.ROLLBACK_CHANGE, f"{other} is under way and takes it back")
    rollback = await ChangeRequest.ask(plan, by, person.department if person else None, at, rolls_back=change)
    await rollback.store()
    return rollback


async def retire(version: ModelVersion, reason: str, by: Actor, at: datetime) -> None:
    """Retires a version and stores it. Raises NotReady while a change that deploys it is in progress."""
    if change := await in_progress_to(version):
        raise version.not_ready(Permission.RETIRE_MODEL_VERSION, f"{change} is in progress and brings it")
    operation.retire(version, reason, by, at)
    await version.store()
