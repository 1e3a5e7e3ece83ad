"""Change plans: what is to be done, why, what it touches, when it may start, and how it is undone."""

from collections.abc import Container, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar, Self

from pydantic import Field

from documents.access import GovernanceRole
from documents.errors import InvalidInput
from documents.values import LIST_LENGTH, Choice, Day, Environment, Key, Moment, Name, Names, Statement, Text, Value
from documents.versions.parts import ArtifactKind

PRODUCTION = "production"  # the environment that is meant where none is named, and the word by which an impact is HIGH
LONGEST_WINDOW = timedelta(days=366)


class ChangeType(Choice):
    """A change is of one of these types."""

    MODEL_UPDATE = "model_update", "The change makes another version run."
    CONFIG_CHANGE = "config_change", "The version that runs is configured in another way."
    PROMPT_UPDATE = "prompt_update", "The version that runs gets another system prompt."
    INFRASTRUCTURE = "infrastructure", "The systems that the version runs on change."
    DECOMMISSION = "decommission", "The version that runs is taken out, and none runs in its place."
    ROLLBACK = "rollback", "A version that ran before runs again, or none does."
    EMERGENCY = "emergency", "Something must be done at once; its risk is CRITICAL."

    @property
    def may_keep_version(self) -> bool:
        """Whether a change of this type leaves the same version running, unless its plan names another."""
        return self in {ChangeType.CONFIG_CHANGE, ChangeType.PROMPT_UPDATE, ChangeType.INFRASTRUCTURE}

    @property
    def may_take_out(self) -> bool:
        """Whether a change of this type may leave no version running."""
        return self in {ChangeType.DECOMMISSION, ChangeType.EMERGENCY, ChangeType.ROLLBACK}


class ChangeRisk(Choice):
    """A change's risk decides whose approval it needs."""

    LOW = "low", "The change touches little and is undone easily."
    MEDIUM = "medium", "The change touches something and can be undone."
    HIGH = "high", "The change touches much, and undoing it takes effort."
    CRITICAL = "critical", "The change touches what everything depends on."


_R = GovernanceRole
REQUIRED_ROLES: Mapping[ChangeRisk, tuple[GovernanceRole, ...]] = {
    ChangeRisk.LOW: (_R.MODEL_OWNER,),
    ChangeRisk.MEDIUM: (_R.MODEL_OWNER, _R.TECH_LEAD),
    ChangeRisk.HIGH: (_R.MODEL_OWNER, _R.TECH_LEAD, _R.SECURITY_REVIEWER),
    ChangeRisk.CRITICAL: (_R.MODEL_OWNER, _R.TECH_LEAD, _R.SECURITY_REVIEWER, _R.BUSINESS_OWNER, _R.RISK_MANAGER),
}
"""The roles that must approve a change of each level."""

_OF_TYPE: Mapping[ChangeType, ChangeRisk] = {
    ChangeType.MODEL_UPDATE: ChangeRisk.HIGH,
    ChangeType.CONFIG_CHANGE: ChangeRisk.MEDIUM,
    ChangeType.PROMPT_UPDATE: ChangeRisk.MEDIUM,
    ChangeType.INFRASTRUCTURE: ChangeRisk.HIGH,
    ChangeType.DECOMMISSION: ChangeRisk.MEDIUM,
}

CHANGED_BY: Mapping[ChangeType, ArtifactKind] = {
    ChangeType.PROMPT_UPDATE: ArtifactKind.PROMPT,
    ChangeType.CONFIG_CHANGE: ArtifactKind.CONFIG,
}
"""The kind of artefact that a change of a type replaces. A version that lists such an artefact is replaced by another version."""


class AffectedUsers(Choice):
    """A change affects these users."""

    NONE = "none", "The change affects no users."
    INTERNAL_ONLY = "internal_only", "The change affects only people inside."
    SPECIFIC_TEAMS = "specific_teams", "The change affects only the teams that are named."
    ALL_USERS = "all_users", "The change affects all users."


class ChangeImpact(Value):
    """A change's impact says what it touches."""

    ordered: ClassVar = frozenset({"affected_users", "estimated_downtime", "rollback_time"})
    grouped: ClassVar = frozenset({"affected_users"})
    summed: ClassVar = frozenset({"estimated_downtime", "rollback_time"})

    affected_systems: Names = Field(default=(), description="The systems that it touches; production is HIGH.")
    affected_users: AffectedUsers = Field(description="The users that it affects; ALL_USERS is at least MEDIUM.")
    affected_users_note: Text = Field(default="", description="The note says in words who is affected.")
    estimated_downtime: Annotated[int, Field(ge=0, le=60 * 24 * 30, strict=True)] = Field(
        description="The downtime is in whole minutes, up to 43,200; any is HIGH."
    )
    rollback_time: Annotated[int, Field(ge=0, le=60 * 24 * 30, strict=True)] = Field(
        description="The time that undoing takes, in minutes, up to 43,200."
    )
    testing_required: Names = Field(default=(), description="The tests that must pass before it starts, by name.")
    dependencies: Names = Field(default=(), description="The things that must be there or done first.")

    def indicators(self) -> Iterator[ChangeRisk]:
        """The risk levels that parts of the impact call for."""
        if self.estimated_downtime or any(PRODUCTION in each.casefold() for each in self.affected_systems):
            yield ChangeRisk.HIGH
        if self.affected_users is AffectedUsers.ALL_USERS:
            yield ChangeRisk.MEDIUM


class ChangeWindow(Value):
    """A change may start within its window."""

    begins: Moment = Field(description="The time the window begins.")
    ends: Moment = Field(description="The time it ends, within 366 days.")


class Mitigated(Value):
    """A mitigated obstacle is a hold or an incident of the version that runs."""

    hold_id: Key | None = Field(default=None, description="The id of the hold; null for an incident.")
    incident_id: Key | None = Field(default=None, description="The id of the incident; null for a hold.")
    role: GovernanceRole | None = Field(default=None, description="The role that placed the hold; null for an incident.")

    @property
    def id(self) -> str:
        return self.hold_id or self.incident_id or ""


class ChangePlan(Value):
    """A plan says what a change does; approvals bind to its digest."""

    ordered: ClassVar = frozenset({"change_type", "model_id", "environment", "target_version"})
    grouped: ClassVar = frozenset({"change_type", "model_id", "environment", "target_version"})

    change_type: ChangeType = Field(description="The type of change that is planned.")
    title: Name = Field(description="The title says in a line what is to be done.")
    description: Statement = Field(description="The text says what is to be done.")
    justification: Statement = Field(description="The text says why the change is needed.")
    model_id: Key = Field(description="The id of the model that changes.")
    environment: Environment = Field(default=PRODUCTION, description="The declared environment where the change is carried out.")
    current_version: Key | None = Field(default=None, description="The version that ran there when it was saved; null if none.")
    target_version: Key | None = Field(default=None, description="The version that is to run there; null for nothing.")
    impact: ChangeImpact | None = Field(default=None, description="The impact is needed when it is submitted.")
    rollback_plan: Statement | None = Field(default=None, description="The text says how it is undone; submitting needs it.")
    rollback_trigger: Statement | None = Field(default=None, description="The text says what would make it be undone.")
    preferred_window: ChangeWindow | None = Field(default=None, description="The change may start only within this window.")
    blackout_dates: Annotated[tuple[Day, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The UTC days on which it may not start."
    )
    mitigates: Annotated[tuple[Mitigated, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The holds and incidents that a change which keeps the running version mitigates."
    )

    @property
    def risk_level(self) -> ChangeRisk:
        """The highest level that type and impact call for; CRITICAL for an emergency or a mitigation, MEDIUM for a rollback."""
        match self.change_type:
            case ChangeType.EMERGENCY:
                return ChangeRisk.CRITICAL
            case _ if self.mitigates:
                return ChangeRisk.CRITICAL
            case ChangeType.ROLLBACK:
                return ChangeRisk.MEDIUM
        called_for = {_OF_TYPE[self.change_type], *(self.impact.indicators() if self.impact else ())}
        return next(each for each in reversed(ChangeRisk) if each in called_for)

    @property
    def required_roles(self) -> tuple[GovernanceRole, ...]:
        """The roles that must approve: those of the risk level, and those that placed the holds which it mitigates."""
        return tuple(dict.fromkeys((*REQUIRED_ROLES[self.risk_level], *(each.role for each in self.mitigates if each.role))))

    @property
    def starts_at_once(self) -> bool:
        """Whether one approval is enough to start it: an emergency that takes a version out. The other approvals follow."""
        return self.change_type is ChangeType.EMERGENCY and self.target_version is None

    @property
    def moves_version(self) -> bool:
        """Whether the change replaces or removes the version that runs."""
        return self.target_version != self.current_version

    def refuse_impossible_times(self) -> None:
        """Raises InvalidInput for a window that ends before it begins, is too long, or has no day but blackout dates."""
        if (window := self.preferred_window) is None:
            return
        if window.ends <= window.begins:
            raise InvalidInput("preferred_window.ends", "must be after it begins")
        if window.ends - window.begins > LONGEST_WINDOW:
            raise InvalidInput("preferred_window.ends", f"must be {LONGEST_WINDOW.days} days later at most")
        if set(_days(window)) <= set(self.blackout_dates):
            raise InvalidInput("blackout_dates", "leave no day of the preferred window")

    def bars(self, at: datetime) -> str | None:
        """The reason why the change may not start at `at`, as a clause that begins with "must"; None if it may."""
        window = self.preferred_window
        if window and not window.begins <= at < window.ends:
            return f"must be in the preferred window, from {window.begins:%FT%RZ} to {window.ends:%FT%RZ}"
        return f"must not be on {at:%F}, a blackout date" if at.date() in self.blackout_dates else None

    def is_past(self, at: datetime) -> bool:
        """Whether no moment of the preferred window is left in which the change may start."""
        if (window := self.preferred_window) is None:
            return False
        begins = max(window.begins, at)
        return window.ends <= begins or set(_days(ChangeWindow(begins=begins, ends=window.ends))) <= set(self.blackout_dates)

    def taken_back(self, change_id: str, reason: str, running: str | None) -> Self:
        """The plan of the change that rolls the change of this plan back: the version that ran before is its target.

        `running` is the version that runs now.
        """
        before, brought, impact = self.current_version or "nothing", self.target_version or "nothing", self.impact
        return type(self)(
            change_type=ChangeType.ROLLBACK,
            title=f"Rollback of {change_id}",
            description=f"{before} runs in {self.environment} again, in the place of {brought}.",
            justification=reason,
            model_id=self.model_id,
            environment=self.environment,
            current_version=running,
            target_version=self.current_version,
            impact=impact
            and impact.model_copy(
                update={"estimated_downtime": impact.rollback_time, "testing_required": (), "dependencies": ()}
            ),
            rollback_plan=f"Deploy {brought} again by another change; it ran in {self.environment} until this one.",
        )

    def refuse_no_return(self) -> None:
        """Raises InvalidInput for a rollback to what runs already, which would pass the gate as a return to what ran before.

        The rollback of a change that failed is one, as the former version was left in place.
        """
        if self.change_type is ChangeType.ROLLBACK and self.target_version is not None and not self.moves_version:
            raise InvalidInput("target_version", f"runs in {self.environment} already, so nothing rolls back to it")

    def refuse_misfit(self, running: str | None, ran_before: bool, listed: Container[ArtifactKind]) -> None:
        """Raises InvalidInput unless the target fits the type of change and the `running` version.

        `running` is None if no version runs, and `listed` are the kinds of artefacts that it lists. `ran_before` says whether the
        target of a rollback ever ran in the environment.
        """
        kind, target, path = self.change_type, self.target_version, "target_version"
        if kind is ChangeType.DECOMMISSION and target is not None:
            raise InvalidInput(path, "must be left out, because DECOMMISSION takes out what runs and brings nothing")
        if target is None and running is None and kind is not ChangeType.ROLLBACK:
            raise InvalidInput(path, f"must say what is to run: nothing runs in {self.environment}")
        if target is None and not kind.may_take_out:
            raise InvalidInput(path, "must say what is to run")
        if kind is ChangeType.MODEL_UPDATE and target == running:
            raise InvalidInput(path, f"runs in {self.environment} already")
        if kind is ChangeType.ROLLBACK and not ran_before:
            raise InvalidInput(path, f"never ran in {self.environment}, so nothing rolls back to it")
        if target is not None and target == running and (part := CHANGED_BY.get(kind)) and part in listed:
            raise InvalidInput(path, f"must be another version, for {running} lists a {part.name} artefact: registerModelVersion")
        if self.mitigates and (target is None or target != running):
            raise InvalidInput("mitigates", "is for a change that keeps the version that runs")


def _days(window: ChangeWindow) -> Iterator[date]:
    """The UTC days of the window; its end does not belong to it."""
    day = window.begins.date()
    last = (window.ends - timedelta(milliseconds=1)).date()  # moments have milliseconds, so this is the last one inside
    while day <= last:
        yield day
        day += timedelta(days=1)
