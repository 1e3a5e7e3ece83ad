"""Holds: how ethics, security or compliance stop the deployment of a version."""

from datetime import datetime

from documents.access import HOLDING, Actor, GovernanceRole, Permission, acting_role, needed_as
from documents.errors import Forbidden
from documents.versions.entries import changed, longer
from documents.versions.holds import Hold
from documents.versions.version import ModelVersion


def place(version: ModelVersion, role: GovernanceRole | None, reason: str, by: Actor, at: datetime) -> Hold:
    """Stops the deployment of the version until the same role lifts the hold."""
    version.permits(by, Permission.PLACE_HOLD)
    role = role or acting_role(HOLDING, by.roles.__contains__, "role", f"{by.id} holds no role that may place a hold")
    if role not in HOLDING or role not in by.roles:
        needs = needed_as(role, HOLDING, by.roles.__contains__)
        raise Forbidden(f"{by.id} cannot place a hold as {role.name}", needs)
    hold = Hold.place(role, reason, by, at)
    version.holds = longer("the holds of a version", version.holds, hold)
    return hold


def lift(version: ModelVersion, hold_id: str, reason: str, by: Actor, at: datetime) -> None:
    version.permits(by, Permission.LIFT_HOLD)
    version.holds = changed(version.holds, "hold_id", hold_id, lambda each: each.lift(reason, by, at))
