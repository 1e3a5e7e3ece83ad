"""Accountability: how somebody comes to answer for a version in a role."""

from datetime import datetime

from documents.access import Actor, GovernanceRole, Permission
from documents.versions.accountability import ASSIGNMENTS, assigned
from documents.versions.entries import refuse_full
from documents.versions.version import ModelVersion


def may_assign(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of every assignment by the caller."""
    version.permits(by, Permission.ASSIGN_ACCOUNTABILITY)
    refuse_full(ASSIGNMENTS, version.accountability)


def assign(version: ModelVersion, role: GovernanceRole, user_id: str, by: Actor, at: datetime) -> None:
    """Makes a person accountable in a role, in the place of the person who was."""
    may_assign(version, by)
    version.accountability = assigned(version.accountability, role, user_id, by, at)
    match role:
        case GovernanceRole.MODEL_OWNER:
            version.owner_id = user_id
        case GovernanceRole.DATA_STEWARD:
            version.data_steward_id = user_id
