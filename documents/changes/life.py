"""The life of a change: a table of the moves between its statuses, and a table of the mutations that each status allows."""

from collections.abc import Mapping

from documents.access import Permission
from documents.values import Choice


class ChangeStatus(Choice):
    """A change's status says how far it is."""

    DRAFT = "draft", "The change is being planned."
    SUBMITTED = "submitted", "The plan is frozen and waits for approvals."
    UNDER_REVIEW = "under_review", "Some of the required approvals were given."
    APPROVED = "approved", "Every required approval was given."
    REJECTED = "rejected", "A required role refused the change."
    SCHEDULED = "scheduled", "The change starts at a time that was set."
    IN_PROGRESS = "in_progress", "The change is being carried out."
    COMPLETED = "completed", "The change was carried out; its target runs."
    FAILED = "failed", "The change failed; what ran before still runs."
    ROLLED_BACK = "rolled_back", "The change was taken back by another one."
    CANCELLED = "cancelled", "The change was given up before it started."


_S, _P = ChangeStatus, Permission

MOVES: Mapping[ChangeStatus, tuple[ChangeStatus, ...]] = {
    _S.DRAFT: (_S.SUBMITTED, _S.CANCELLED),
    _S.SUBMITTED: (_S.DRAFT, _S.UNDER_REVIEW, _S.APPROVED, _S.REJECTED, _S.CANCELLED),
    _S.UNDER_REVIEW: (_S.DRAFT, _S.APPROVED, _S.REJECTED, _S.CANCELLED),
    _S.APPROVED: (_S.DRAFT, _S.SCHEDULED, _S.IN_PROGRESS, _S.CANCELLED),
    _S.REJECTED: (_S.DRAFT, _S.CANCELLED),
    _S.SCHEDULED: (_S.DRAFT, _S.IN_PROGRESS, _S.CANCELLED),
    _S.IN_PROGRESS: (_S.COMPLETED, _S.FAILED),
    _S.COMPLETED: (_S.ROLLED_BACK,),
    _S.FAILED: (_S.ROLLED_BACK,),
    _S.ROLLED_BACK: (),
    _S.CANCELLED: (),
}
"""For each status, the statuses that can follow it."""

POSSIBLE: Mapping[Permission, tuple[ChangeStatus, ...]] = {
    _P.UPDATE_CHANGE_REQUEST: (_S.DRAFT,),
    _P.SUBMIT_CHANGE_FOR_REVIEW: (_S.DRAFT,),
    _P.REOPEN_CHANGE: (_S.SUBMITTED, _S.UNDER_REVIEW, _S.APPROVED, _S.REJECTED, _S.SCHEDULED),
    _P.CANCEL_CHANGE: (_S.DRAFT, _S.SUBMITTED, _S.UNDER_REVIEW, _S.APPROVED, _S.REJECTED, _S.SCHEDULED),
    _P.ADD_CHANGE_APPROVAL: (_S.SUBMITTED, _S.UNDER_REVIEW),
    _P.RECORD_TEST_RESULT: (_S.SUBMITTED, _S.UNDER_REVIEW, _S.APPROVED, _S.SCHEDULED),
    _P.SCHEDULE_DEPLOYMENT: (_S.APPROVED, _S.SCHEDULED),
    _P.START_DEPLOYMENT: (_S.APPROVED, _S.SCHEDULED),
    _P.COMPLETE_DEPLOYMENT: (_S.IN_PROGRESS,),
    _P.ROLLBACK_CHANGE: (_S.COMPLETED, _S.FAILED),
    _P.COMMENT_ON_CHANGE: tuple(_S),
}
"""The statuses from which each mutation on a change is possible."""

STARTED = (_S.IN_PROGRESS, _S.COMPLETED, _S.FAILED, _S.ROLLED_BACK)
"""The statuses of a change that has started."""

AT_ONCE: Mapping[Permission, tuple[ChangeStatus, ...]] = {
    _P.ADD_CHANGE_APPROVAL: (*POSSIBLE[_P.ADD_CHANGE_APPROVAL], *STARTED),
    _P.START_DEPLOYMENT: (_S.UNDER_REVIEW, *POSSIBLE[_P.START_DEPLOYMENT]),
}
"""What `POSSIBLE` says of a change that may start with one approval, where it differs: the others may follow the start."""

UNDER_WAY = (_S.SUBMITTED, _S.UNDER_REVIEW, _S.APPROVED, _S.SCHEDULED, _S.IN_PROGRESS)
"""The statuses of a change that was submitted and is not over."""

OPEN = (_S.DRAFT, *UNDER_WAY)
"""The statuses of a change that is not over."""

REVIEWED = POSSIBLE[_P.ADD_CHANGE_APPROVAL]
"""The statuses of a change that waits for approvals before it can start."""


def moves_from(status: ChangeStatus, at_once: bool) -> tuple[ChangeStatus, ...]:
    """The statuses that can follow; `at_once` says whether the change may start with one approval."""
    starts = at_once and status is ChangeStatus.UNDER_REVIEW
    return (*MOVES[status], *((ChangeStatus.IN_PROGRESS,) if starts else ()))


def possible(permission: Permission, at_once: bool) -> tuple[ChangeStatus, ...]:
    """The statuses from which a mutation is possible; `at_once` says whether the change may start with one approval."""
    return AT_ONCE.get(permission, POSSIBLE[permission]) if at_once else POSSIBLE[permission]
