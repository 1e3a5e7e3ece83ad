"""Holds: how ethics, security or compliance stop the deployment of a version."""

from datetime import datetime

from documents.access import HOLDING, Actor, GovernanceRole, Permission, acting_role, needed_as
from documents.errors import Forbidden
from documents.versions.entries import changed, longer, refuse_full
from documents.versions.holds import Hold
from documents.versions.version import ModelVersion

_HOLDS = "the holds of a version"


def holds_none(by: Actor) -> str:
    """The problem of somebody who holds none of the roles that place holds."""
    return f"{by.id} holds no role that may place a hold"


def may_place(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of a hold in every role."""
    version.permits(by, Permission.PLACE_HOLD)
    refuse_full(_HOLDS, version.holds)


def may_place_as(role: GovernanceRole, by: Actor) -> None:
    """Forbidden unless holds are placed in that role, and the caller holds it."""
    if role not in HOLDING or role not in by.roles:
        needs = needed_as(role, HOLDING, by.roles.__contains__)
        raise Forbidden(f"{by.id} cannot place a hold as {role.name}", needs)


def may_lift(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of lifting, whichever hold: NotReady if none was ever placed."""
    version.permits(by, Permission.LIFT_HOLD)
    if not version.holds:
        raise version.not_ready(Permission.LIFT_HOLD, "no hold was placed")


def place(version: ModelVersion, role: GovernanceRole | None, reason: str, by: Actor, at: datetime) -> Hold:
    """Stops the deployment of the version until the same role lifts the hold."""
    may_place(version, by)
    role = role or acting_role(HOLDING, by.roles.__contains__, "role", holds_none(by))
    may_place_as(role, by)
    hold = Hold.place(role, reason, by, at)
    version.holds = longer(_HOLDS, version.holds, hold)
    return hold


def lift(version: ModelVersion, hold_id: str, reason: str, by: Actor, at: datetime) -> None:
    may_lift(version, by)
    version.holds = changed(version.holds, "hold_id", hold_id, lambda each: each.lift(reason, by, at))
