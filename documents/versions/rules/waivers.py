"""Waivers: how a version is excepted from a requirement for a time."""

from collections.abc import Collection
from datetime import datetime, timedelta

from documents.access import Actor, GovernanceRole, Permission, refuse_involved
from documents.errors import InvalidInput
from documents.versions.entries import changed, longer
from documents.versions.version import ModelVersion
from documents.versions.waivers import Waiver


def grant(
    version: ModelVersion, requirement_id: str, blocking: Collection[str], rationale: str, expires_at: datetime,
    longest: timedelta, by: Actor, at: datetime,
) -> Waiver:  # fmt: skip
    """Excepts the version from a `blocking` requirement for a time, `longest` at most: by somebody who neither owns nor
    submitted it.
    """
    _separate(version, by, Permission.GRANT_WAIVER)
    waiver = Waiver.grant(requirement_id, rationale, expires_at, longest, by, at)
    if requirement_id not in blocking:
        known = f"one of: {', '.join(sorted(blocking))}" if blocking else "a blocking one, and the version is held to none"
        raise InvalidInput("requirement_id", f"must be {known}")
    version.waivers = longer("the waivers of a version", version.waivers, waiver)
    return waiver


def revoke(version: ModelVersion, waiver_id: str, reason: str, by: Actor, at: datetime) -> None:
    _separate(version, by, Permission.REVOKE_WAIVER)
    version.waivers = changed(version.waivers, "waiver_id", waiver_id, lambda each: each.revoke(reason, by, at))


def _separate(version: ModelVersion, by: Actor, permission: Permission) -> None:
    version.permits(by, permission)
    owners = {each.user_id for each in version.accountability if each.role is GovernanceRole.MODEL_OWNER}
    refuse_involved(by.id, {version.owner_id, *owners, *version.submitters}, "owns, owned or submitted this version")
