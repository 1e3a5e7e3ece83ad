"""Change plans: what is to be done, why, what it touches, when, and how it is undone."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import Field

from documents.access import GovernanceRole
from documents.errors import InvalidInput
from documents.values import LIST_LENGTH, Choice, Day, Key, Moment, Name, Names, Place, Statement, Text, Value

PRODUCTION = "production"
LONGEST_WINDOW = timedelta(days=366)


class ChangeType(Choice):
    """What kind of change it is."""

    MODEL_UPDATE = "model_update", "Another version is to run."
    CONFIG_CHANGE = "config_change", "The version that runs is configured in another way."
    PROMPT_UPDATE = "prompt_update", "The version that runs gets another system prompt."
    INFRASTRUCTURE = "infrastructure", "What the version runs on changes."
    ROLLBACK = "rollback", "A version that ran before is to run again, or nothing is."
    EMERGENCY = "emergency", "Something must be done at once; it is critical whatever it touches."

    @property
    def keeps_version(self) -> bool:
        return self in {ChangeType.CONFIG_CHANGE, ChangeType.PROMPT_UPDATE, ChangeType.INFRASTRUCTURE}


class ChangeRisk(Choice):
    """How much can go wrong with a change; it decides whose approval it takes."""

    LOW = "low", "It touches little and is undone easily."
    MEDIUM = "medium", "It touches something and can be undone."
    HIGH = "high", "It touches much, and undoing it takes effort."
    CRITICAL = "critical", "It touches what everything depends on."


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
}


class AffectedUsers(Choice):
    """Whom a change reaches."""

    NONE = "none", "Nobody."
    INTERNAL_ONLY = "internal_only", "Only people inside."
    SPECIFIC_TEAMS = "specific_teams", "Only those who are named."
    ALL_USERS = "all_users", "Everybody."


class ChangeImpact(Value):
    """What a change touches."""

    affected_systems: Names = Field(default=(), description="The systems that it touches; one of production makes it HIGH.")
    affected_users: AffectedUsers = Field(description="Whom it reaches; everybody makes it MEDIUM at least.")
    affected_users_note: Text = Field(default="", description="Who that is, in words.")
    estimated_downtime: Annotated[int, Field(ge=0, le=60 * 24 * 30, strict=True)] = Field(
        description="How long something is away, in whole minutes; any at all makes it HIGH."
    )
    rollback_time: Annotated[int, Field(ge=0, le=60 * 24 * 30, strict=True)] = Field(
        description="How long it takes to undo, in whole minutes."
    )
    testing_required: Names = Field(default=(), description="The tests that must have passed before it starts, by name.")
    dependencies: Names = Field(default=(), description="What else must be there, or must be done first.")

    def indicators(self) -> Iterator[ChangeRisk]:
        if self.estimated_downtime or any(PRODUCTION in each.casefold() for each in self.affected_systems):
            yield ChangeRisk.HIGH
        if self.affected_users is AffectedUsers.ALL_USERS:
            yield ChangeRisk.MEDIUM


class ChangeWindow(Value):
    """When a change may start."""

    begins: Moment = Field(description="From when on.")
    ends: Moment = Field(description="Until when; 366 days later at most.")


class ChangePlan(Value):
    """What a change is about; submitting freezes it, and approvals bind to its digest."""

    change_type: ChangeType = Field(description="What kind of change it is.")
    title: Name = Field(description="What is to be done, in a line.")
    description: Statement = Field(description="What is to be done.")
    justification: Statement = Field(description="Why.")
    model_id: Key = Field(description="The model that it is about.")
    environment: Place = Field(default=PRODUCTION, description="Where it is carried out.")
    current_version: Key | None = Field(
        default=None, description="What ran there when the plan was last saved or submitted; nothing if nothing did."
    )
    target_version: Key | None = Field(
        default=None, description="What is to run there; nothing where a first deployment is rolled back."
    )
    impact: ChangeImpact | None = Field(default=None, description="What it touches; needed before it is submitted.")
    rollback_plan: Statement | None = Field(default=None, description="How it is undone; needed before it is submitted.")
    rollback_trigger: Statement | None = Field(default=None, description="What would make it be undone.")
    preferred_window: ChangeWindow | None = Field(default=None, description="When it may start; nothing: at any time.")
    blackout_dates: Annotated[tuple[Day, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="UTC days on which it may not start."
    )

    @property
    def risk_level(self) -> ChangeRisk:
        """The highest of what the type and the impact call for; an emergency is critical, a rollback medium."""
        match self.change_type:
            case ChangeType.EMERGENCY:
                return ChangeRisk.CRITICAL
            case ChangeType.ROLLBACK:
                return ChangeRisk.MEDIUM
        called_for = {_OF_TYPE[self.change_type], *(self.impact.indicators() if self.impact else ())}
        return next(each for each in reversed(ChangeRisk) if each in called_for)

    @property
    def moves_version(self) -> bool:
        """Whether something else runs afterwards."""
        return self.target_version != self.current_version

    def refuse_impossible_times(self) -> None:
        """InvalidInput for a window that ends before it begins or is too long, and where no day of it is left."""
        if (window := self.preferred_window) is None:
            return
        if window.ends <= window.begins:
            raise InvalidInput("preferred_window.ends", "must be after it begins")
        if window.ends - window.begins > LONGEST_WINDOW:
            raise InvalidInput("preferred_window.ends", f"must be {LONGEST_WINDOW.days} days later at most")
        if set(_days(window)) <= set(self.blackout_dates):
            raise InvalidInput("blackout_dates", "leave no day of the preferred window")

    def bars(self, at: datetime) -> str | None:
        """Why the change may not start at `at`; nothing where it may."""
        window = self.preferred_window
        if window and not window.begins <= at < window.ends:
            return f"must be in the preferred window, from {window.begins:%FT%RZ} to {window.ends:%FT%RZ}"
        return f"must not be on {at:%F}, a blackout date" if at.date() in self.blackout_dates else None

    def refuse_misfit(self, running: str | None, ran_before: bool) -> None:
        """InvalidInput unless the target fits the type, where `running` runs now; `ran_before` is of the target."""
        kind, target, path = self.change_type, self.target_version, "target_version"
        if kind.keeps_version and (running is None or target != running):
            now = f"{running} runs" if running else "nothing runs"
            raise InvalidInput(
                path, f"must be the version that runs in {self.environment}, for {kind.name} keeps it: {now} there"
            )
        if kind is ChangeType.MODEL_UPDATE and target == running:
            raise InvalidInput(path, f"runs in {self.environment} already")
        if kind is ChangeType.ROLLBACK and not ran_before:
            raise InvalidInput(path, f"never ran in {self.environment}, so nothing rolls back to it")
        if target is None and kind is not ChangeType.ROLLBACK:
            raise InvalidInput(path, "must say what is to run")


def _days(window: ChangeWindow) -> Iterator[date]:
    day = window.begins.date()
    last = (window.ends - timedelta(milliseconds=1)).date()
    while day <= last:
        yield day
        day += timedelta(days=1)
