"""Accountability: who answers for a version in which role, since when, and whom it still lacks."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import Field

from documents.access import RELATED, Actor, GovernanceRole, Relation
from documents.people import Stakeholder
from documents.risk.scales import RiskTier
from documents.roles import ACCOUNTABLE_ROLES
from documents.values import Key, Moment, Value
from documents.versions.entries import longer

ASSIGNMENTS = "the accountability of a version"


class Assignment(Value):
    """An assignment makes a person accountable in a role."""

    role: GovernanceRole = Field(description="The role that was assigned.")
    user_id: Key = Field(description="The user id of whoever is accountable.")
    assigned_by: Key = Field(description="The user id or service that assigned it.")
    assigned_at: Moment = Field(description="The time it began.")
    ended_at: Moment | None = Field(default=None, description="The time it ended; null while it lasts.")


History = tuple[Assignment, ...]
"""Every assignment, first one first; for each role the last one at most has not ended."""


def current(history: Iterable[Assignment]) -> dict[GovernanceRole, Assignment]:
    return {each.role: each for each in history if each.ended_at is None}


def roles_of(history: Iterable[Assignment], user_id: str) -> list[GovernanceRole]:
    """The roles in which somebody is accountable."""
    return [role for role, each in current(history).items() if each.user_id == user_id]


def assigned(history: History, role: GovernanceRole, user_id: str, by: Actor, at: datetime) -> History:
    """The history with a person accountable in a role from now on, in the place of the person who was."""
    before = current(history).get(role)
    if before and before.user_id == user_id:
        return history
    ended = tuple(Assignment(**{**dict(each), "ended_at": at}) if each is before else each for each in history)
    follows = Assignment(role=role, user_id=user_id, assigned_by=by.id, assigned_at=at)
    return longer(ASSIGNMENTS, ended, follows)


def relations(history: Iterable[Assignment], by: Actor) -> frozenset[Relation]:
    """The relations of an actor to the version, by the roles that are assigned to the actor and that the actor holds today."""
    roles = {role for role, each in current(history).items() if each.user_id == by.id and role in by.roles}
    found = {RELATED[role] for role in roles & RELATED.keys()}
    return frozenset(found | {Relation.ACCOUNTABLE} if roles else found)


class Cover(Value):
    """A cover is the person accountable in a required role."""

    role: GovernanceRole = Field(description="The role that is covered.")
    user_id: Key = Field(description="The user id of whoever covers it.")
    active: bool = Field(description="Whether the person may still act.")
    holds_role: bool = Field(description="Whether the person is active and still holds the role.")


class Coverage(Value):
    """Coverage says whether each required role is filled."""

    complete: bool = Field(description="Whether every required role has an active holder.")
    required: tuple[GovernanceRole, ...] = Field(description="The roles that the tier requires.")
    assigned: tuple[Cover, ...] = Field(description="The required roles that are assigned, and to whom.")
    missing: tuple[GovernanceRole, ...] = Field(description="The required roles that nobody is assigned to.")

    @classmethod
    def of(cls, tier: RiskTier, history: Iterable[Assignment], people: Mapping[str, Stakeholder]) -> "Coverage":
        required, held = ACCOUNTABLE_ROLES[tier], current(history)
        covers = tuple(_cover(role, people[held[role].user_id]) for role in required if role in held)
        missing = tuple(role for role in required if role not in held)
        complete = not missing and all(each.holds_role for each in covers)
        return cls(complete=complete, required=required, assigned=covers, missing=missing)


def _cover(role: GovernanceRole, person: Stakeholder) -> Cover:
    return Cover(role=role, user_id=person.user_id, active=person.active, holds_role=person.holds(role))


def turned_to(
    role: GovernanceRole, tier: RiskTier, history: Iterable[Assignment], holders: Iterable[Stakeholder]
) -> list[Stakeholder]:
    """Who answers for a version in `role`: the person accountable in it, else the `holders` who are authorised for the tier."""
    held = current(history).get(role)
    accountable = [each for each in holders if held and each.user_id == held.user_id and each.holds(role)]
    return accountable or [each for each in holders if each.may_decide(role, tier)]
