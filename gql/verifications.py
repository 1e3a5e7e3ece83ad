"""The turns in which a server verifies the trail by itself."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import ValidationError

from documents.audit.notes import VerifierKey
from documents.audit.runs import VerificationRun, tell, verify_in_turn

log = logging.getLogger(__name__)


async def verify_in_turns(key: VerifierKey | None, clock: Callable[[], datetime], seconds: float) -> None:
    """Verifies what came since the last time, at once and again whenever `seconds` have passed; any number of processes may."""
    while True:
        try:
            await verification(key, clock, seconds)
        except Exception:
            log.exception("the audit trail was not verified")
        await asyncio.sleep(seconds)


async def verification(key: VerifierKey | None, clock: Callable[[], datetime], seconds: float) -> VerificationRun | None:
    """What was found in a turn, if it was due; the log and the trail are told what nobody knew before."""
    run = await verify_in_turn(key, clock, timedelta(seconds=seconds))
    if run and run.is_news:
        faults = ", ".join(str(each.kind) if each.seq is None else f"{each.kind} at {each.seq}" for each in run.found.faults)
        log.error("the audit trail is not what it says; faults: %d in run %d: %s", run.found.fault_count, run.number, faults)
        await tell(run)
    return run


async def standing() -> str:
    """What anybody may know of the last run, in a line."""
    try:
        last = await VerificationRun.last()
    except ValidationError:
        return "audit trail: NOT SOUND, what the last verification left was altered"
    if last is None:
        return "audit trail: not verified yet"
    at = last.ended_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    if last.found.valid:
        return f"audit trail: no fault in {last.found.tree_size} events at {at}"
    return f"audit trail: NOT SOUND, faults: {last.found.fault_count} in {last.found.tree_size} events at {at}"
