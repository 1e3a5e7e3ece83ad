"""What a change counts for in the figures that are kept. Pure: the same figures as the filters of the dashboard count."""

from collections.abc import Iterator

from documents.changes.life import OPEN, ChangeStatus
from documents.changes.plan import ChangeType
from documents.store.periods import month_after
from documents.store.totals import ALL
from documents.store.units import Counts, Raw

COUNTED_BY = ("status", "completed_time", "moves.to_status", "plan.change_type", "plan.target_version")
PENDING = (ChangeStatus.SUBMITTED, ChangeStatus.UNDER_REVIEW)
CARRIED_OUT = (ChangeStatus.COMPLETED, ChangeStatus.ROLLED_BACK)


def counts_for(change: Raw) -> Iterator[Counts]:
    """All that a stored change counts for; what counts in a UTC month counts until the next one begins."""
    yield Counts(ALL)
    status, plan = change["status"], change["plan"]
    if status in OPEN:
        yield Counts("open")
    if status in PENDING:
        yield Counts("pending_approval")
    completed = change.get("completed_time")
    moved = any(each["to_status"] == ChangeStatus.COMPLETED for each in change.get("moves") or ())
    if not completed or status not in CARRIED_OUT or not moved:
        return
    out = plan.get("target_version") is None
    if out or plan["change_type"] == ChangeType.ROLLBACK:
        for figure in ("rollbacks", "decommissions" if out else "returns"):
            yield Counts(figure)
            yield Counts(figure, -1, month_after(completed))
