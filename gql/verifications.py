"""The background task in which a server verifies the trail."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from documents.audit.findings import AuditFaultKind, Fault
from documents.audit.notes import VerifierKey
from documents.audit.runs import Keeping, VerificationRun, tell, verify_in_turn
from documents.books import BOOKS
from gql.unrecorded import logged_if_unsound

log = logging.getLogger(__name__)


async def verify_in_turns(
    key: VerifierKey | None, clock: Callable[[], datetime], seconds: float, keeping: Keeping | None, alarm: asyncio.Event
) -> None:
    """Verifies the events since the last run, now and every `seconds` seconds, and at once when `alarm` is set.

    Any number of processes can do so at once. `keeping` reads the file of checkpoints, if the server keeps one.
    """
    while True:
        at_once = alarm.is_set()
        alarm.clear()
        try:
            await verification(key, clock, seconds, keeping, at_once=at_once)
        except Exception:
            log.exception("the audit trail was not verified")
        with suppress(TimeoutError):
            await asyncio.wait_for(alarm.wait(), seconds)


async def verification(
    key: VerifierKey | None,
    clock: Callable[[], datetime],
    seconds: float,
    keeping: Keeping | None = None,
    *,
    at_once: bool = False,
) -> VerificationRun | None:
    """The run of a turn, None if no turn was due; a new finding goes to the log and the trail."""
    run = await verify_in_turn(key, clock, timedelta(seconds=seconds), keeping, BOOKS, at_once=at_once)
    if run and run.is_news:
        faults = ", ".join(map(_said, run.found.faults))
        log.error("the audit trail has faults: %d in run %d: %s", run.found.fault_count, run.number, faults)
        # A trail that is shorter than the file says may be a backup that was put back. An event more would make it another trail.
        if keeping and any(each.kind is AuditFaultKind.TAIL_CUT for each in run.found.faults):
            return run
        with logged_if_unsound():
            await tell(run)
    return run


def _said(fault: Fault) -> str:
    of = fault.resource
    record = f" in {of.type} {of.id!r}{f' {fault.path!r}' if fault.path else ''}" if of else ""
    return f"{fault.kind}{record}" + ("" if fault.seq is None else f" at {fault.seq}")


async def standing(now: datetime, refused: str | None = None) -> str:
    """The result of the last run in one line, which /readyz shows to everybody; `refused` says why the trail is not signed."""
    if refused:
        return "audit trail: NOT SOUND, it is not signed; the log says why"
    if await VerificationRun.altered(now):
        return "audit trail: NOT SOUND, what the last verification left was altered"
    last = await VerificationRun.last(now)
    if last is None:
        return "audit trail: not verified yet"
    at = last.ended_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    overdue = last.unverified_since(now) is not None
    if not last.found.valid:
        since = ", and not verified since" if overdue else ""
        return f"audit trail: NOT SOUND, faults: {last.found.fault_count} in {last.found.tree_size} events at {at}{since}"
    if overdue:
        return f"audit trail: NOT VERIFIED since {at}, when {last.found.tree_size} events had no fault"
    return f"audit trail: no fault in {last.found.tree_size} events at {at}"
