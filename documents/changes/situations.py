"""What plans meet: the environment, what runs and ran there, and the version that is to run. Loaded for many plans at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from documents.changes.plan import ChangePlan, ChangeType, Mitigated
from documents.deployments import Deployment
from documents.environments import DeploymentEnvironment, Environments, environments_of
from documents.errors import InvalidInput, NotFound
from documents.incidents import Incident, IncidentStatus
from documents.store.fields import fields_at
from documents.store.filters import among, to_query
from documents.versions.model import Model
from documents.versions.version import ModelVersion

RAN = ("model_id", "environment", "version")


@dataclass(frozen=True, slots=True)
class Situation:
    """What one plan meets."""

    environments: Environments
    environment: DeploymentEnvironment | None
    """The plan's environment; None if it is not in use."""
    model: Model | None
    running: str | None
    """The version of the model that runs in the environment; None if none does."""
    ran_before: bool
    """Whether the target of a rollback ran there before; True for a rollback to no version, and for other types."""
    target: ModelVersion | None
    """The version that is to run: the plan's target, or what runs there where the plan may keep it and names none."""
    open_incidents: frozenset[str]
    """The incidents that the plan mitigates, of those that are open and the target's."""

    def fit(self, plan: ChangePlan) -> ChangePlan:
        """`plan` with the version that runs in its environment now as `current_version`.

        Raises InvalidInput if the plan's environment is not declared, if the plan names another current version, and if its
        target does not fit, does not exist or is retired. Raises NotFound for an unknown model.
        """
        self.environments.declared(plan.environment)
        if self.model is None:
            raise NotFound(Model.__name__, plan.model_id)
        running, target = self.running, self.target
        if plan.current_version not in (None, running):
            raise InvalidInput("current_version", f"is not what runs in {plan.environment}: {running or 'nothing'} does")
        plan = plan.model_copy(update={"current_version": running, "target_version": _meant(plan, running)})
        listed = {each.kind for each in target.artifacts} if target and plan.target_version == running else set()
        plan.refuse_misfit(running, self.ran_before, listed)
        if plan.target_version is None:
            return plan
        if target is None or target.retired:
            problem = "was retired" if target else "does not exist"
            raise InvalidInput("target_version", f"{problem}: {plan.model_id}/{plan.target_version}")
        return plan.model_copy(update={"mitigates": self._obstacles(plan, target)}) if plan.mitigates else plan

    def _obstacles(self, plan: ChangePlan, target: ModelVersion) -> tuple[Mitigated, ...]:
        """What the plan mitigates, each hold with the role that placed it.

        Raises InvalidInput for a hold or an incident that is not one of the target's, or that is over.
        """
        holds = {each.hold_id: each.role for each in target.holds if each.stands}
        for index, each in enumerate(plan.mitigates):
            if each.id not in holds.keys() | self.open_incidents:
                raise InvalidInput(f"mitigates.{index}", f"must be a hold that stands, or an open incident, of {target.key}")
        return tuple(each.model_copy(update={"role": holds.get(each.id)}) for each in plan.mitigates)


async def situations(plans: Sequence[ChangePlan]) -> list[Situation]:
    """What each plan meets; the number of database commands does not grow with the number of plans."""
    environments = await environments_of({each.environment for each in plans})
    models = {each.model_id: each for each in await Model.every({"model_id": {"$in": sorted({each.model_id for each in plans})}})}
    running = [_running(plan, models.get(plan.model_id)) for plan in plans]
    meant = [(plan.model_id, _meant(plan, runs) or "") for plan, runs in zip(plans, running, strict=True)]
    named = sorted({each for each in meant if each[1]})
    found = await ModelVersion.every(to_query(among(ModelVersion.keys, named))) if named else []
    targets = {(each.model_id, each.version): each for each in found}
    returning = [each for each in plans if returns(each)]
    ran = await Deployment.tallies({}, RAN, sorted({place(each) for each in returning})) if returning else {}
    incidents = await _open_incidents(plans)
    return [
        Situation(
            environments=environments,
            environment=environments.in_use.get(plan.environment),
            model=models.get(plan.model_id),
            running=runs,
            ran_before=not returns(plan) or place(plan) in ran,
            target=targets.get(name),
            open_incidents=frozenset(each.incident_id for each in incidents if (each.model_id, each.version) == name),
        )
        for plan, runs, name in zip(plans, running, meant, strict=True)
    ]


def _running(plan: ChangePlan, model: Model | None) -> str | None:
    there = model.runs_in(plan.environment) if model else None
    return there.version if there else None


def _meant(plan: ChangePlan, running: str | None) -> str | None:
    """The version that is to run; None for none."""
    return running if plan.target_version is None and plan.change_type.may_keep_version else plan.target_version


def returns(plan: ChangePlan) -> bool:
    """Whether it is a rollback to a version."""
    return plan.change_type is ChangeType.ROLLBACK and plan.target_version is not None


def place(plan: ChangePlan) -> tuple[str, str, str]:
    """The values of `RAN` in the deployments of its target there."""
    return plan.model_id, plan.environment, plan.target_version or ""


async def _open_incidents(plans: Sequence[ChangePlan]) -> Sequence[Incident]:
    ids = sorted({each.incident_id for plan in plans for each in plan.mitigates if each.incident_id})
    query = {"incident_id": {"$in": ids}, "status": IncidentStatus.OPEN}
    return await Incident.read(query, fields=fields_at("incident_id", "model_id", "version")) if ids else []
