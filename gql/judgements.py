"""The background task in which a server computes standings anew."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from documents.eligibility.turns import judge_in_turn

log = logging.getLogger(__name__)


async def judge_in_turns(clock: Callable[[], datetime], seconds: float) -> None:
    """Computes the standings that are due, now and every `seconds` seconds; any number of processes can do so at once."""
    while True:
        try:
            if judged := await judge_in_turn(clock, timedelta(seconds=seconds)):
                log.info("the standing of %d model versions was computed anew", judged)
        except Exception:
            log.exception("standings were not computed anew")
        await asyncio.sleep(seconds)
