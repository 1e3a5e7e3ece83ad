"""Carrying changes out: what runs where, the gate that a start goes through, and what completing one brings about."""

from dataclasses import dataclass
from datetime import datetime

from documents.access import Actor, Permission
from documents.changes.change import ChangeRequest
from documents.changes.life import UNDER_WAY, ChangeStatus
from documents.changes.parts import GateBasis, GatePass
from documents.changes.plan import PRODUCTION, ChangePlan, ChangeType
from documents.contents import ContentKind, keep
from documents.deployments import Deployment
from documents.eligibility.answer import Eligibility
from documents.eligibility.checks import as_input
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.errors import AlreadyExists, InvalidInput, PolicyBlocked
from documents.people import Stakeholder
from documents.risk.scales import RiskTier
from documents.store.fields import fields_at
from documents.versions.model import Model, Running
from documents.versions.rules import operation
from documents.versions.version import ModelVersion


@dataclass(frozen=True, slots=True)
class Site:
    """A model and an environment, and what runs there."""

    model: Model
    environment: str

    @property
    def running(self) -> str | None:
        found = self.model.runs_in(self.environment)
        return found.version if found else None


async def site(plan: ChangePlan) -> Site:
    return Site(await Model.require(plan.model_id), plan.environment)


async def fitted(plan: ChangePlan) -> ChangePlan:
    """`plan` with what runs there now; InvalidInput if its target does not fit, or is not what it says that runs."""
    running = (await site(plan)).running
    if plan.current_version not in (None, running):
        raise InvalidInput("current_version", f"is not what runs in {plan.environment}: {running or 'nothing'} does")
    plan = plan.model_copy(update={"current_version": running})
    plan.refuse_misfit(running, await _ran_before(plan))
    if plan.target_version:
        target = await ModelVersion.wanted(plan.model_id, plan.target_version)
        if target is None or target.retired:
            problem = "was retired" if target else "does not exist"
            raise InvalidInput("target_version", f"{problem}: {plan.model_id}/{plan.target_version}")
    return plan


async def _ran_before(plan: ChangePlan) -> bool:
    """Whether the target of a rollback ran there before; nothing did, before the first."""
    if plan.change_type is not ChangeType.ROLLBACK or plan.target_version is None:
        return True
    there = {"model_id": plan.model_id, "environment": plan.environment, "version": plan.target_version}
    return await Deployment.seek(there) is not None


async def concerned(plan: ChangePlan) -> ModelVersion | None:
    """The version that a plan is about: its target, else what it takes away; neither is there after a failed first deployment."""
    version = plan.target_version or plan.current_version
    return await ModelVersion.require(plan.model_id, version) if version else None


async def _may_be_asked_for(plan: ChangePlan, by: Actor) -> None:
    version = await concerned(plan)
    if version is None:
        raise InvalidInput("target_version", "must say what is to run")
    version.permits(by, Permission.CREATE_CHANGE_REQUEST)


async def ask_for(plan: ChangePlan, by: Actor, person: Stakeholder | None, at: datetime) -> ChangeRequest:
    """A change as planned, by somebody who may ask for it."""
    plan = await fitted(plan)
    await _may_be_asked_for(plan, by)
    return await ChangeRequest.ask(plan, by, person.department if person else None, at)


async def replan(change: ChangeRequest, plan: ChangePlan, by: Actor, at: datetime) -> None:
    """Plans a draft anew, by whoever asked for it and may ask for what it is to be."""
    change.may_replan(plan, by)
    plan = await fitted(plan)
    if not change.rolls_back_id:
        await _may_be_asked_for(plan, by)
    await change.replan(plan, by, at)


async def submit(change: ChangeRequest, by: Actor, at: datetime) -> None:
    """Freezes a change's plan, with what runs now."""
    change.may_submit(by)
    plan = await fitted(change.plan.model_copy(update={"current_version": None}))
    await _refuse_overtaken(change, plan.current_version, Permission.SUBMIT_CHANGE_FOR_REVIEW)
    await change.submit(plan, by, at)


async def _refuse_overtaken(change: ChangeRequest, running: str | None, permission: Permission) -> None:
    """NotReady where what a rollback takes back was taken back, or replaced, since."""
    if change.rolls_back_id:
        original = await ChangeRequest.require(change.rolls_back_id)
        if problem := original.overtaken(running):
            raise change.not_ready(permission, problem)


async def start(change: ChangeRequest, by: Actor, at: datetime) -> None:
    """Starts a change: nobody else is changing the place, what runs there is what it was planned for, and the gate opens."""
    change.may_start(by, at)
    await _alone(change)
    place = await site(change.plan)
    if place.running != change.plan.current_version:
        now, then = place.running or "nothing", change.plan.current_version or "nothing"
        raise change.not_ready(Permission.START_DEPLOYMENT, f"it was planned while {then} ran there, and {now} does")
    await _refuse_overtaken(change, place.running, Permission.START_DEPLOYMENT)
    change.start(await _gate(change, by, at), by, at)


async def _alone(change: ChangeRequest) -> None:
    """NotReady while another change of the same model and environment is in progress."""
    there = {"plan.model_id": change.plan.model_id, "plan.environment": change.plan.environment}
    if other := await ChangeRequest.seek(there | {"status": ChangeStatus.IN_PROGRESS}, fields_at("change_id")):
        raise change.not_ready(Permission.START_DEPLOYMENT, f"{other.change_id} is in progress there")


async def _gate(change: ChangeRequest, by: Actor, at: datetime) -> GatePass:
    """Lets through what moves no version, what goes back, and what is eligible at this moment; PolicyBlocked for all else."""
    plan = change.plan
    if not plan.moves_version:
        return GatePass(at=at, by=by.id, basis=GateBasis.SAME_VERSION)
    if plan.target_version is None:
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


def obstacle(eligibility: Eligibility, environment: str) -> str | None:
    """Why what is judged so may not be deployed there; nothing where it may."""
    if eligibility.tier is RiskTier.TIER_4_EXPERIMENTAL and environment == PRODUCTION:
        return "it is in TIER_4_EXPERIMENTAL"
    return None if eligibility.eligible else "it is not eligible"


async def complete(change: ChangeRequest, success: bool, notes: str, by: Actor, at: datetime) -> None:
    """Ends a change and stores it; carried out, its target runs, and a change that it takes back is rolled back."""
    change.complete(success, notes, by, at)
    if success:
        if change.plan.moves_version:
            await _move(change, by, at)
        if change.rolls_back_id:
            original = await ChangeRequest.require(change.rolls_back_id)
            original.rolled_back(by, at)
            await original.store()
    await change.store()


async def _move(change: ChangeRequest, by: Actor, at: datetime) -> None:
    """What ran there ends, and the target runs: two versions, two deployments and the model say so."""
    place = await site(change.plan)
    if ended := place.model.runs_in(place.environment):
        deployment = await Deployment.require(ended.deployment_id)
        deployment.end(change.change_id, at)
        await deployment.store()
        version = await ModelVersion.require(place.model.model_id, ended.version)
        operation.stop_in(version, place.environment)
        await version.store()
    place.model.run(place.environment, await _begun(change, by, at))
    await place.model.store()


async def _begun(change: ChangeRequest, by: Actor, at: datetime) -> Running | None:
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
    """The change that takes `change` back, and that on record with it."""
    plan = change.roll_back(reason, (await site(change.plan)).running, by)
    await _refuse_second_rollback(change)
    rollback = await ChangeRequest.ask(plan, by, person.department if person else None, at, rolls_back=change.change_id)
    change.rolled_back_by_id = rollback.change_id
    await rollback.store()
    await change.store()
    return rollback


async def _refuse_second_rollback(change: ChangeRequest) -> None:
    """AlreadyExists where one is under way; a draft stands in nobody's way, for only whoever asked for it can go on with it."""
    under_way = {"rolls_back_id": change.change_id, "status": {"$in": UNDER_WAY}}
    if other := await ChangeRequest.seek(under_way, fields_at("change_id")):
        raise AlreadyExists("the rollback", other.change_id)


async def refuse_while_changing(version: ModelVersion) -> None:
    """NotReady while a change that is to bring the version is in progress: it could not be retired then."""
    bringing = {"plan.model_id": version.model_id, "plan.target_version": version.version, "status": ChangeStatus.IN_PROGRESS}
    if change := await ChangeRequest.seek(bringing, fields_at("change_id")):
        raise version.not_ready(Permission.RETIRE_MODEL_VERSION, f"{change.change_id} is in progress and brings it")
