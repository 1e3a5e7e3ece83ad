"""The commands on change requests that load or store other records too: plan, submit, start, complete and roll back."""

from datetime import datetime

from documents.access import Actor, Permission
from documents.changes import ready
from documents.changes.loading import (
    concerned,
    in_progress_in,
    in_progress_to,
    running_in,
    site,
)
from documents.changes.parts import GatePass
from documents.changes.plan import ChangePlan, ChangeType
from documents.changes.request import ChangeRequest
from documents.changes.situations import situations
from documents.changes.starting import starting
from documents.changes.surroundings import Surroundings, surroundings
from documents.contents import ContentKind, keep
from documents.deployments import Deployment
from documents.eligibility.loading import case_files
from documents.eligibility.running import eligibility_at, obstacle
from documents.environments import DeploymentEnvironment
from documents.errors import InvalidInput
from documents.people import Stakeholder
from documents.stages import Stage
from documents.versions.model import Running
from documents.versions.rules import operation
from documents.versions.version import ModelVersion


async def _fitted(plan: ChangePlan) -> ChangePlan:
    """`plan` with the version that runs in its environment now as `current_version`; raises what `Situation.fit` does."""
    (situation,) = await situations([plan])
    return situation.fit(plan)


async def _may_be_asked_for(plan: ChangePlan, by: Actor) -> None:
    """Raises Forbidden unless the caller may request a change of the plan's version, InvalidInput if the plan names none."""
    version = await concerned(plan)
    if version is None:
        raise InvalidInput("target_version", "must say what is to run")
    version.permits(by, Permission.CREATE_CHANGE_REQUEST)


async def ask_for(plan: ChangePlan, by: Actor, person: Stakeholder | None, at: datetime) -> ChangeRequest:
    """Makes and stores a change request. Raises Forbidden if not permitted, InvalidInput if the plan does not fit what runs."""
    (situation,) = await situations([plan])
    if situation.target:
        situation.target.needs(by, Permission.CREATE_CHANGE_REQUEST)
    plan = situation.fit(plan)
    await _may_be_asked_for(plan, by)
    change = await ChangeRequest.ask(plan, by, person.department if person else None, at)
    await change.store()
    return change


async def _around(change: ChangeRequest, permission: Permission, by: Actor) -> Surroundings:
    (found,) = await surroundings([change], {permission}, by)
    return found


async def replan(change: ChangeRequest, plan: ChangePlan, by: Actor, at: datetime) -> None:
    """Replaces the plan of a draft, and stores the change. The caller must be permitted to request the new plan too."""
    ready.may_edit(await _around(change, Permission.UPDATE_CHANGE_REQUEST, by), by)
    change.refuse_other_rollback(plan)
    plan = await _fitted(plan)
    if not change.rolls_back_id:  # a rollback was permitted when it was requested, and its target cannot be replaced
        await _may_be_asked_for(plan, by)
    await change.replan(plan, by, at)
    await change.store()


async def submit(change: ChangeRequest, by: Actor, at: datetime) -> None:
    """Submits a change: freezes its plan, with the version that runs now as `current_version`, and stores the change."""
    plan = ready.may_submit(await _around(change, Permission.SUBMIT_CHANGE_FOR_REVIEW, by), by)
    await change.submit(plan, by, at)
    await change.store()


async def reopen(change: ChangeRequest, reason: str, by: Actor, at: datetime) -> None:
    """Makes a change a draft again, and stores it."""
    ready.may_reopen(await _around(change, Permission.REOPEN_CHANGE, by), by)
    change.reopen(reason, by, at)
    await change.store()


async def cancel(change: ChangeRequest, reason: str, by: Actor, at: datetime) -> None:
    """Ends a change before it starts, and stores it."""
    ready.may_cancel(await _around(change, Permission.CANCEL_CHANGE, by), by)
    change.cancel(reason, by, at)
    await change.store()


async def start(change: ChangeRequest, by: Actor, at: datetime) -> None:
    """Starts a change and stores it.

    Raises what `ready.may_start` does, and PolicyBlocked if the gate lets it start on no ground.
    """
    change.may_start(by, at)  # before other records are loaded for it
    environment = ready.may_start(await _around(change, Permission.START_DEPLOYMENT, by), by, at)
    (about,) = await starting([(change, environment.stage)], at)
    passed, eligibility = about.let_through()
    kept = await keep(ContentKind.ELIGIBILITY, eligibility) if eligibility else None
    change.start(GatePass(at=at, by=by.id, basis=passed.basis, eligibility=kept, lacks=passed.lacks), by, at)
    await change.store()


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
    for part in version.dossier_parts.values():  # where no approval was needed, nobody kept them yet
        await keep(ContentKind.DOSSIER_PART, part)
    operation.run_in(version, plan.environment)
    await version.store()
    return Running(environment=plan.environment, version=plan.target_version, since=at, deployment_id=deployment.deployment_id)


async def roll_back(change: ChangeRequest, reason: str, by: Actor, person: Stakeholder | None, at: datetime) -> ChangeRequest:
    """Requests the rollback of `change`, and stores it; raises what `ready.may_roll_back` does."""
    change.permits(by, Permission.ROLLBACK_CHANGE)  # before other records are loaded for it
    around = await _around(change, Permission.ROLLBACK_CHANGE, by)
    ready.may_roll_back(around, by)
    plan = change.plan.taken_back(change.change_id, reason, around.met.running)
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
