"""Waivers: how a version is excepted from a requirement for a time."""

from collections.abc import Collection
from datetime import datetime, timedelta

from documents.access import Actor, GovernanceRole, Permission, refuse_involved
from documents.errors import InvalidInput
from documents.versions.entries import changed, longer, refuse_full
from documents.versions.version import ModelVersion
from documents.versions.waivers import Waiver

_WAIVERS = "the waivers of a version"


def may_grant(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of every waiver by the caller."""
    _separate(version, by, Permission.GRANT_WAIVER)
    refuse_full(_WAIVERS, version.waivers)


def refuse_none(version: ModelVersion, blocking: Collection[str]) -> None:
    """NotReady if the version is held to no `blocking` requirement, so that there is none to waive."""
    if not blocking:
        raise version.not_ready(Permission.GRANT_WAIVER, "it is held to no blocking requirement")


def may_revoke(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of revoking, whichever waiver: NotReady if none was ever granted."""
    _separate(version, by, Permission.REVOKE_WAIVER)
    if not version.waivers:
        raise version.not_ready(Permission.REVOKE_WAIVER, "no waiver was granted")


def grant(
    version: ModelVersion, requirement_id: str, blocking: Collection[str], rationale: str, expires_at: datetime,
    longest: timedelta, by: Actor, at: datetime,
) -> Waiver:  # fmt: skip
    """Excepts the version from a `blocking` requirement for a time, `longest` at most: by somebody who neither owns nor
    submitted it.
    """
    may_grant(version, by)
    refuse_none(version, blocking)
    waiver = Waiver.grant(requirement_id, rationale, expires_at, longest, by, at)
    if requirement_id not in blocking:
        raise InvalidInput("requirement_id", f"must be one of: {', '.join(sorted(blocking))}")
    version.waivers = longer(_WAIVERS, version.waivers, waiver)
    return waiver


def revoke(version: ModelVersion, waiver_id: str, reason: str, by: Actor, at: datetime) -> None:
    may_revoke(version, by)
    version.waivers = changed(version.waivers, "waiver_id", waiver_id, lambda each: each.revoke(reason, by, at))


def _separate(version: ModelVersion, by: Actor, permission: Permission) -> None:
    version.permits(by, permission)
    owners = {each.user_id for each in version.accountability if each.role is GovernanceRole.MODEL_OWNER}
    refuse_involved(by.id, {version.owner_id, *owners, *version.submitters}, "owns, owned or submitted this version")
