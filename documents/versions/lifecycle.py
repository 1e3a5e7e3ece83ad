"""The life of a version: what the decisions say of it, and what may be done with it then."""

from collections.abc import Mapping

from documents.access import Permission
from documents.values import Choice


class VersionStatus(Choice):
    """A version's status says what the decisions come to."""

    DRAFT = "draft", "The version was never submitted."
    PENDING_APPROVAL = "pending_approval", "The version waits for approvals that are required."
    APPROVED = "approved", "Every required approval counts."
    REJECTED = "rejected", "A required role has rejected it."
    RETIRED = "retired", "The version was taken out of use, for good."


LIVE = (VersionStatus.DRAFT, VersionStatus.PENDING_APPROVAL, VersionStatus.APPROVED, VersionStatus.REJECTED)
SUBMITTABLE = (VersionStatus.DRAFT, VersionStatus.REJECTED)
DECIDABLE = (VersionStatus.PENDING_APPROVAL, VersionStatus.APPROVED)

_POSSIBLE: Mapping[Permission, tuple[VersionStatus, ...]] = {
    Permission.SUBMIT_FOR_APPROVAL: (*SUBMITTABLE, VersionStatus.APPROVED),
    Permission.SUBMIT_APPROVAL: DECIDABLE,
    Permission.WITHDRAW_APPROVAL: DECIDABLE,
    Permission.SATISFY_CONDITION: DECIDABLE,
    Permission.CONFIRM_CONDITION: DECIDABLE,
}


def possible(mutation: Permission) -> tuple[VersionStatus, ...]:
    """The statuses from which a mutation on a version is possible: all but the last, unless the table says otherwise."""
    return _POSSIBLE.get(mutation, LIVE)
