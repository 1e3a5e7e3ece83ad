"""What a change is ready for: the rules that ask of other records too, which its mutations run before anything else. Pure."""

from datetime import datetime

from documents.access import Actor, Permission
from documents.changes.plan import ChangePlan
from documents.changes.surroundings import Surroundings
from documents.environments import DeploymentEnvironment


def may_submit(around: Surroundings, by: Actor) -> ChangePlan:
    """The plan as it is frozen, with the version that runs now; raises what stands in the way of the submission."""
    change = around.change
    change.may_submit(by, around.author)
    plan = around.met.fit(change.plan.model_copy(update={"current_version": None}))
    _refuse_overtaken(around, plan.current_version, Permission.SUBMIT_CHANGE_FOR_REVIEW)
    change.refuse_odd(plan)
    return plan


def may_start(around: Surroundings, by: Actor, at: datetime) -> DeploymentEnvironment:
    """The environment where it starts; raises all that stands in the way but the gate.

    NotReady while another change of the model is in progress in the environment, and if another version runs there than when the
    plan was frozen.
    """
    change, running = around.change, around.met.running
    change.may_start(by, at)
    environment = _still_in_use(around, Permission.START_DEPLOYMENT)
    if around.in_progress:
        raise change.not_ready(Permission.START_DEPLOYMENT, f"{around.in_progress} is in progress there")
    if running != change.plan.current_version:
        now, then = running or "nothing", change.plan.current_version or "nothing"
        raise change.not_ready(Permission.START_DEPLOYMENT, f"it was planned while {then} ran there, and {now} does")
    _refuse_overtaken(around, running, Permission.START_DEPLOYMENT)
    return environment


def may_roll_back(around: Surroundings, by: Actor) -> None:
    """Raises what stands in the way of a rollback: NotReady while another rollback of it is under way."""
    around.change.may_roll_back(around.met.running, by)
    _still_in_use(around, Permission.ROLLBACK_CHANGE)
    if around.rollback:
        raise around.change.not_ready(Permission.ROLLBACK_CHANGE, f"{around.rollback} is under way and takes it back")


def may_reopen(around: Surroundings, by: Actor) -> None:
    around.change.permits(by, Permission.REOPEN_CHANGE, around.author)


def may_cancel(around: Surroundings, by: Actor) -> None:
    around.change.permits(by, Permission.CANCEL_CHANGE, around.author | around.to_version)


def may_edit(around: Surroundings, by: Actor) -> None:
    around.change.permits(by, Permission.UPDATE_CHANGE_REQUEST, around.author)


def _still_in_use(around: Surroundings, permission: Permission) -> DeploymentEnvironment:
    """The change's environment. Raises NotReady if it was retired since the change was planned."""
    if environment := around.met.environment:
        return environment
    raise around.change.not_ready(permission, f"the environment {around.change.plan.environment} was retired")


def _refuse_overtaken(around: Surroundings, running: str | None, permission: Permission) -> None:
    """Raises NotReady if it is a rollback of a change that was rolled back already, or whose target no longer runs."""
    if around.original and (problem := around.original.overtaken(running)):
        raise around.change.not_ready(permission, problem)
