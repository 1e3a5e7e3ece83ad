"""Random walks: whatever people do, in whatever order, a version reads what its documents say, and the trail tells it all.

Each run walks other ways; `python -m pytest tests/test_walk.py --hypothesis-profile long` walks a hundred times as far.
"""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.balanced import unbalanced
from tests.examples import (
    BOT,
    eligible,
    on_record,
    register,
)
from tests.journey import CONDITIONS
from tests.service import ALICE, CAROL, Service
from tests.standings import misjudged
from tests.stored import Stored
from tests.walking import BEA, CLEO, EVE, OLGA, SECOND, TIM, Walk, let_the_program_in, trail_tells_everything


@pytest.fixture(scope="module")
async def begun(server: str) -> AsyncIterator[tuple[Service, Stored]]:
    """A service, and where its walks begin: one version that lacks a confirmation, and a draft of Olga's."""
    service = await Service.started(server)
    with service.database.bound():
        await service.enrol(OLGA, EVE, TIM, CLEO, BEA)
        await on_record(service, let_the_program_in)
        await eligible(service)
        demanded = await service.do("submitApproval", CAROL, CONDITIONS, **BOT, verdict="CONDITIONAL", conditions=["Watch it."])
        await service.do("satisfyCondition", ALICE, **BOT, **demanded["approval"]["conditions"][0], note="Watched.")
        await register(service, **SECOND, ownerId=OLGA.id)
        yield service, await service.stored()
    await service.close()


walks = settings(
    max_examples=settings().max_examples // 20, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.exhaustive
@walks
@given(data=st.data())
async def test_wherever_a_walk_leads_versions_read_what_is_stored_and_the_trail_tells_it(
    begun: tuple[Service, Stored], data: st.DataObject
) -> None:
    service, stored = begun
    await service.restore(stored)
    walk = Walk(service, data.draw)
    await walk.go(steps=20)
    await trail_tells_everything(service)
    with service.database.bound():
        assert await misjudged() == []
        assert await unbalanced(service) == []
