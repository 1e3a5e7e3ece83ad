"""What kills leave: everything acknowledged, nothing by halves, one unbroken trail. `make test-faults` is the long form."""

import random
from pathlib import Path

import pytest

from tests.faults.plan import Victim, plan
from tests.faults.run import run
from tests.faults.stand import Stand

KILLS = {Victim.WORKER: 3, Victim.ENGINE: 1, Victim.SUPERVISOR: 1}


@pytest.mark.exhaustive
async def test_kills_under_load_lose_nothing_and_leave_the_books_in_balance(tmp_path: Path) -> None:
    seed, stand = random.randrange(10**6), Stand(tmp_path, workers=2)
    outcome = await run(plan(seed, KILLS), seed, stand, clients=4, seconds=120)
    assert len(outcome.kills) == sum(KILLS.values())
    assert stand.ends[0] == 1  # the last of its servers ended when it was told to
