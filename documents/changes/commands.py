"""The commands on change requests that load or store other records too: plan, submit, start, complete and roll back."""

from datetime import datetime

from documents.access import Actor, Permission
from documents.changes.gate import Blocked, Former, Start, gate
from documents.changes.judgement import eligibility_at, obstacle
from documents.changes.loading import (
    concerned,
    former,
    in_progress_in,
    in_progress_to,
    in_progress_with,
    obstacles,
    ran_before,
    refusing,
    relations_to,
    rollback_under_way,
    running_in,
    site,
    standing_to,
)
from documents.changes.parts import GateBasis, GatePass
from documents.changes.plan import ChangePlan, ChangeType
from documents.changes.request import ChangeRequest
from documents.contents import ContentKind, keep
from documents.deployments import Deployment
from documents.eligibility.answer import Eligibility
from documents.eligibility.case import CaseFile
from documents.eligibility.checks import as_input
from documents.eligibility.loading import case_files
from documents.environments import DeploymentEnvironment, declared, in_use
from documents.errors import InvalidInput, PolicyBlocked
from documents.people import Stakeholder
from documents.stages import Stage
from documents.versions.model import Running
from documents.versions.rules import operation
from documents.versions.version import ModelVersion


async def _fitted(plan: ChangePlan) -> ChangePlan:
    """`plan` with the version that runs in its environment now as `current_version`.

    Raises InvalidInput if the plan's environment is not declared, if the plan names another current version, and if its target
    does not fit, does not exist or is retired.
    """
    await declared(plan.environment)
    running = (await site(plan)).running
    if plan.current_version not in (None, running):
        raise InvalidInput("current_version", f"is not what runs in {plan.environment}: {running or 'nothing'} does")
    keeps = plan.change_type.may_keep_version and plan.target_version is None
    plan = plan.model_copy(update={"current_version": running} | ({"target_version": running} if keeps else {}))
    target = await ModelVersion.wanted(plan.model_id, plan.target_version) if plan.target_version else None
    listed = {each.kind for each in target.artifacts} if target and plan.target_version == running else set()
    plan.refuse_misfit(running, await ran_before(plan), listed)
    if plan.target_version is None:
        return plan
    if target is None or target.retired:
        problem = "was retired" if target else "does not exist"
        raise InvalidInput("target_version", f"{problem}: {plan.model_id}/{plan.target_version}")
    return plan.model_copy(update={"mitigates": await obstacles(plan, target)}) if plan.mitigates else plan


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
    when the plan was frozen. Raises PolicyBlocked if the gate lets it start on no ground.
    """
    change.may_start(by, at)
    environment = await _still_in_use(change, Permission.START_DEPLOYMENT)
    if other := await in_progress_with(change.plan):
        raise change.not_ready(Permission.START_DEPLOYMENT, f"{other} is in progress there")
    running = (await site(change.plan)).running
    if running != change.plan.current_version:
        now, then = running or "nothing", change.plan.current_version or "nothing"
        raise change.not_ready(Permission.START_DEPLOYMENT, f"it was planned while {then} ran there, and {now} does")
    await _refuse_overtaken(change, running, Permission.START_DEPLOYMENT)
    change.start(await _gate(change, environment.stage, by, at), by, at)
    await change.store()


async def _still_in_use(change: ChangeRequest, permission: Permission) -> DeploymentEnvironment:
    """The change's environment. Raises NotReady if it was retired since the change was planned."""
    if environment := await in_use(change.plan.environment):
        return environment
    raise change.not_ready(permission, f"the environment {change.plan.environment} was retired")


async def _gate(change: ChangeRequest, stage: Stage, by: Actor, at: datetime) -> GatePass:
    """The ground on which the change may start in an environment of `stage`, with what the gate judged.

    Raises PolicyBlocked on no ground.
    """
    plan = change.plan
    judged = await concerned(plan)
    if judged is None:  # the rollback of a first deployment that failed: no version ran there, and none is to run
        return GatePass(at=at, by=by.id, basis=GateBasis.OUT)
    (case,) = await case_files([judged], at)
    eligibility = eligibility_at(case, stage)
    answer = gate(await _start_of(plan, stage, case, eligibility))
    if isinstance(answer, Blocked):
        raise PolicyBlocked(judged.key, plan.environment, answer.problem, as_input(eligibility))
    kept = await keep(ContentKind.ELIGIBILITY, eligibility)
    return GatePass(at=at, by=by.id, basis=answer.basis, eligibility=kept, lacks=answer.lacks)


async def _start_of(plan: ChangePlan, stage: Stage, case: CaseFile, eligibility: Eligibility) -> Start:
    """What the gate asks about: how the target is judged, and how it relates to what runs there and ran there."""
    if plan.target_version is None:
        return Start(plan.change_type, stage, None)
    before = await former(plan) if plan.change_type is ChangeType.ROLLBACK else None
    return Start(
        change_type=plan.change_type,
        stage=stage,
        target=eligibility,
        keeps=not plan.moves_version,
        former=Former(unchanged=before.brought(case.version)) if before else None,
        refused=await refusing(case.version) if before else (),
        mitigates=frozenset(each.id for each in plan.mitigates),
    )


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
    version = await ModelVersion.require(plan.model_id, plan.target_version)
    deployment = Deployment.begin(version, plan.environment, number, change.change_id, rollback, by, at)
    await deployment.store()
    operation.run_in(version, plan.environment)
    await version.store()
    return Running(environment=plan.environment, version=plan.target_version, since=at, deployment_id=deployment.deployment_id)


async def roll_back(change: ChangeRequest, reason: str, by: Actor, person: Stakeholder | None, at: datetime) -> ChangeRequest:
    """Requests the rollback of `change`, and stores it. Raises NotReady while another rollback of it is under way."""
    plan = change.roll_back(reason, (await site(change.plan)).running, by)
    await _still_in_use(change, Permission.ROLLBACK_CHANGE)
    if other := await rollback_under_way(change):
        raise change.not_ready(Permission.ROLLBACK_CHANGE, f"{other} is under way and takes it back")
    rollback = await ChangeRequest.ask(plan, by, person.department if person else None, at, rolls_back=change)
    await rollback.store()
    return rollback


async def retire(version: ModelVersion, reason: str, by: Actor, at: datetime) -> None:
    """Retires a version and stores it. Raises NotReady while a change that deploys it is in progress."""
    brought = await in_progress_to([version])
    operation.retire(version, brought.get(version.key), reason, by, at)
    await version.store()


async def update_environment(
    environment: DeploymentEnvironment, stage: Stage | None, description: str | None, by: Actor, at: datetime
) -> None:
    """Sets an environment's stage and description, where they are not None, and stores it.

    Another stage is refused with NotReady while a change is in progress there, which was judged by the stage before, and a higher
    one while something runs there that could not be started in that stage.
    """
    before = environment.stage
    environment.revise(stage, description, by)
    if environment.stage is not before and (change := await in_progress_in(environment.name)):
        raise environment.not_ready(Permission.UPDATE_ENVIRONMENT, f"{change} is in progress there")
    if environment.stage.order > before.order:
        await _refuse_barred(environment, at)
    await environment.store()


async def _refuse_barred(environment: DeploymentEnvironment, at: datetime) -> None:
    """Raises NotReady if a version that runs in the environment may not run in one of its stage."""
    for case in await case_files(await running_in(environment.name), at):
        if problem := obstacle(eligibility_at(case, environment.stage), environment.stage):
            problem = f"{case.version.key} runs there and may not run in {environment.stage.name}: {problem}"
            raise environment.not_ready(Permission.UPDATE_ENVIRONMENT, problem)


async def retire_environment(environment: DeploymentEnvironment, reason: str, by: Actor, at: datetime) -> None:
    """Retires an environment and stores it. Raises NotReady while something runs or a change is in progress there."""
    running, change = await running_in(environment.name, limit=1), await in_progress_in(environment.name)
    environment.retire(running[0].key if running else None, change, reason, by, at)
    await environment.store()
