"""The background task in which a server verifies the trail."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from documents.audit.findings import Fault
from documents.audit.notes import VerifierKey
from documents.audit.runs import VerificationRun, tell, verify_in_turn
from documents.books import BOOKS
from gql.unrecorded import logged_if_unsound

log = logging.getLogger(__name__)


async def verify_in_turns(key: VerifierKey | None, clock: Callable[[], datetime], seconds: float) -> None:
    """Verifies the events since the last run, now and every `seconds` seconds; any number of processes can do so at once."""
    while True:
        try:
            await verification(key, clock, seconds)
        except Exception:
            log.exception("the audit trail was not verified")
        await asyncio.sleep(seconds)


async def verification(key: VerifierKey | None, clock: Callable[[], datetime], seconds: float) -> VerificationRun | None:
    """The run of a turn, None if no turn was due; a new finding goes to the log and the trail."""
    run = await verify_in_turn(key, clock, timedelta(seconds=seconds), BOOKS)
    if run and run.is_news:
        faults = ", ".join(map(_said, run.found.faults))
        log.error("the audit trail has faults: %d in run %d: %s", run.found.fault_count, run.number, faults)
        with logged_if_unsound():
            await tell(run)
    return run


def _said(fault: Fault) -> str:
    of = fault.resource
    record = f" in {of.type} {of.id!r}{f' {fault.path!r}' if fault.path else ''}" if of else ""
    return f"{fault.kind}{record}" + ("" if fault.seq is None else f" at {fault.seq}")


async def standing(now: datetime) -> str:
    """The result of the last run in one line, which /readyz shows to everybody."""
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
