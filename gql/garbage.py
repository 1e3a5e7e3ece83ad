"""Collects garbage in quiet moments.

A full collection looks at every object that requests in work hold. For a page of a hundred versions that takes 100 ms and more,
and nobody is answered meanwhile. Young objects are collected as ever, which is fast.
"""

import asyncio
import gc

SELDOM = 150  # collections of young objects between two full ones that do not wait for a quiet moment; by default 10
DUE = 10  # such collections after which a quiet moment is used
QUIET = 0.5  # seconds in which hardly any object is made


def put_off() -> None:
    """Lets the interpreter collect everything by itself less often: at about a million objects that stay."""
    gc.set_threshold(*gc.get_threshold()[:2], SELDOM)


async def collect_in_turns() -> None:
    """Collects everything when the process has nothing else to do."""
    before = None
    while True:
        await asyncio.sleep(QUIET)
        counted = gc.get_count()[1:]
        if counted == before and counted[1] >= DUE:
            gc.collect()
        before = counted
