"""Environments: where versions run. Each is declared with a stage, and the rules of what may run there go by that stage."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from pydantic import Field, TypeAdapter, ValidationError

from documents.access import SYSTEM, Actor, Permission, may_set_stage
from documents.audit.event import AuditEventType
from documents.errors import InvalidInput, InvalidState, NotReady
from documents.stages import Stage
from documents.store.indexes import index
from documents.store.record import Record
from documents.values import Choice, Environment, Key, Moment, Text, problem_in
from documents.versions.parts import Ending

NAMED = 10  # declared environments that a refusal names
_ENVIRONMENT: TypeAdapter[str] = TypeAdapter(Environment)


class EnvironmentStatus(Choice):
    """An environment's status says whether changes can name it."""

    DECLARED = "declared", "The environment is in use: changes can name it."
    RETIRED = "retired", "The environment is no longer used, for good."


class DeploymentEnvironment(Record):
    """An environment is a place where versions run."""

    keys: ClassVar = ("name",)
    event: ClassVar = AuditEventType.ENVIRONMENT_CHANGED
    ordered: ClassVar = frozenset({"name", "stage", "status", "declared_at"})
    grouped: ClassVar = frozenset({"stage", "status", "declared_by"})
    bounded: ClassVar = frozenset({"declared_at"})

    name: Environment = Field(description="The name by which changes and deployments tell the environment.")
    stage: Stage = Field(description="The stage says what the environment is for; rules go by it.")
    description: Text = Field(default="", description="The text says what the environment is.")
    status: EnvironmentStatus = Field(
        default=EnvironmentStatus.DECLARED, description="The status says whether changes can name it."
    )
    declared_by: Key = Field(description="The user id of whoever declared it; `system` if Magistrate did.")
    declared_at: Moment = Field(description="The time it was declared.")
    retirement: Ending | None = Field(default=None, description="The retirement, once it is retired.")

    collection: ClassVar = "environments"
    indexes: ClassVar = [index("status", "name")]

    @classmethod
    def declare(cls, name: str, stage: Stage, description: str, by: Actor, at: datetime) -> Self:
        """A new environment. Raises Forbidden unless the caller may declare one of that stage."""
        may_declare(by, stage)
        return cls(name=name, stage=stage, description=description, declared_by=by.id, declared_at=at)

    def revise(self, stage: Stage | None, description: str | None, by: Actor) -> None:
        """Sets what is not None. Raises Forbidden unless the caller decides about environments of the stage that it then has."""
        stage = stage or self.stage
        description = self.description if description is None else description
        self._permits(by, Permission.UPDATE_ENVIRONMENT, stage)
        if (stage, description) == (self.stage, self.description):
            raise InvalidInput("", "changes nothing")
        self.stage, self.description = stage, description

    def retire(self, running: str | None, change: str | None, reason: str, by: Actor, at: datetime) -> None:
        """Takes the environment out of use, for good.

        `running` names a version that runs there, and `change` is the id of a change in progress there. Either raises NotReady.
        """
        self._permits(by, Permission.RETIRE_ENVIRONMENT, self.stage)
        if running:
            raise self.not_ready(Permission.RETIRE_ENVIRONMENT, f"{running} runs there")
        if change:
            raise self.not_ready(Permission.RETIRE_ENVIRONMENT, f"{change} is in progress there")
        self.status, self.retirement = EnvironmentStatus.RETIRED, Ending(at=at, by=by.id, reason=reason)

    def _permits(self, by: Actor, permission: Permission, stage: Stage) -> None:
        _may(by, permission, stage)
        if self.status is not EnvironmentStatus.DECLARED:
            raise InvalidState(permission.value, self.status, [EnvironmentStatus.DECLARED])

    def not_ready(self, permission: Permission, problem: str) -> NotReady:
        """The refusal of a mutation that the status allows, and `problem` does not."""
        return NotReady(permission.value, self.status, [EnvironmentStatus.DECLARED], problem)


def may_declare(by: Actor, stage: Stage) -> None:
    """Forbidden unless the caller may declare an environment of that stage."""
    _may(by, Permission.DECLARE_ENVIRONMENT, stage)


def _may(by: Actor, permission: Permission, stage: Stage) -> None:
    by.needs(permission)
    may_set_stage(by, stage, f"{by.id} may not {permission} for the stage {stage.name}")


def defaults(at: datetime) -> Iterable[DeploymentEnvironment]:
    """The environments that a new database begins with."""
    for name, stage in (("production", Stage.PRODUCTION), ("staging", Stage.STAGING)):
        yield DeploymentEnvironment(name=name, stage=stage, declared_by=SYSTEM.id, declared_at=at)


async def in_use(name: str) -> DeploymentEnvironment | None:
    """The declared environment of that name; None if there is none, or if it is retired."""
    return await DeploymentEnvironment.first({"name": name, "status": EnvironmentStatus.DECLARED})


@dataclass(frozen=True, slots=True)
class Environments:
    """The environments of some names, and why others cannot be named."""

    in_use: Mapping[str, DeploymentEnvironment]
    lacking: Mapping[str, str]
    """What is wrong with each name of no environment in use, and which names there are."""

    def declared(self, name: str) -> DeploymentEnvironment:
        """The declared environment of that name; InvalidInput, which says how one is declared, for a retired or unknown name."""
        if found := self.in_use.get(name):
            return found
        raise InvalidInput("environment", self.lacking[name])


async def environments_of(names: Collection[str]) -> Environments:
    """The environments of those names; the number of database commands does not grow with the number of names."""
    found = {each.name: each for each in await DeploymentEnvironment.every({"name": {"$in": sorted(names)}})}
    used = {name: each for name, each in found.items() if each.status is EnvironmentStatus.DECLARED}
    choice = await _choice() if len(used) < len(names) else ""
    lacks = {name: f"was retired: {name}" if name in found else f"is not declared: {name}" for name in names if name not in used}
    return Environments(used, {name: f"{each}; {choice}. declareEnvironment declares another" for name, each in lacks.items()})


async def declared(name: str) -> DeploymentEnvironment:
    """The declared environment of that name; InvalidInput as by `Environments.declared`."""
    return (await environments_of({name})).declared(name)


async def named(text: str) -> DeploymentEnvironment:
    """The declared environment that a text names; InvalidInput, which lists those that there are, for any other text."""
    try:
        return await declared(_ENVIRONMENT.validate_python(text))
    except ValidationError as error:
        problem = problem_in(error.errors(include_url=False)[0]["msg"])
        raise InvalidInput("environment", f"{problem}; {await _choice()}") from error


async def _choice() -> str:
    query = {"status": EnvironmentStatus.DECLARED}
    names = [each.name for each in await DeploymentEnvironment.read(query, (("name", 1),), NAMED)]
    more = await DeploymentEnvironment.tally(query) - len(names)
    listed = ", ".join([*names, *([f"{more} more"] if more > 0 else [])])
    return f"declared are {listed}" if names else "none is declared"
