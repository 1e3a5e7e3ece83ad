"""Carries out a plan of kills under load, and balances the books."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

import httpx

from documents.kinds import RECORDS
from gql.firststart import utc_now
from tests.faults.accounts import answers_again, balance, verifies
from tests.faults.load import Acknowledged, Load
from tests.faults.plan import Kill
from tests.faults.stand import Stand, until
from tests.faults.wire import Trap
from tests.journey import sign_in
from tests.service import STAFF, Service

RECOVERY = 120.0  # seconds after a kill within which a mutation must be acknowledged


@dataclass
class Outcome:
    """What was carried out, and how it went."""

    kills: list[Kill] = field(default_factory=list)
    recoveries: list[tuple[Kill, float]] = field(default_factory=list)
    acknowledged: Sequence[Acknowledged] = ()
    events: int = 0
    checkpoints: int = 0


async def run(plan: Sequence[Kill], seed: int, stand: Stand, clients: int, seconds: float) -> Outcome:
    """Carries out what `seconds` allow of a plan; AssertionError where the books do not balance afterwards."""
    try:
        return await _run(plan, seed, stand, clients, seconds)
    except BaseException as error:
        error.add_note(f"seed {seed}; the end of what the server said:\n{stand.log.read_text()[-5_000:]}")
        raise


async def _run(plan: Sequence[Kill], seed: int, stand: Stand, clients: int, seconds: float) -> Outcome:
    outcome = Outcome()
    async with stand.up(), httpx.AsyncClient(timeout=RECOVERY) as http, enrolled(stand) as service:
        load = Load(http, stand.url, seed)
        await under(load, clients, carry_out(plan, outcome, load, stand, monotonic() + seconds))
        await balance(service, load.acknowledged)
        await answers_again(load, service)
        outcome.acknowledged, outcome.checkpoints = load.acknowledged, await verifies(load, stand)
        outcome.events = len(await service.trail())
    return outcome


@asynccontextmanager
async def enrolled(stand: Stand) -> AsyncIterator[Service]:
    """A look into the database past the wire, once everybody is known there."""
    service = Service(stand.uri, "magistrate")
    service.now = utc_now()
    await service.database.prepare(RECORDS)
    with service.database.bound():
        await service.enrol(*STAFF)
        await sign_in(service)
        yield service
    await service.close()


async def under(load: Load, clients: int, work: Coroutine[Any, Any, None]) -> None:
    """Does `work` while clients send mutations, and lets these finish what they have sent."""
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(load.client(f"client{number}"))
        await work
        load.over = True


async def carry_out(plan: Sequence[Kill], outcome: Outcome, load: Load, stand: Stand, give_up: float) -> None:
    for kill in plan:
        await asyncio.sleep(kill.delay)
        async with asyncio.timeout(RECOVERY):
            at = await struck(kill, stand)
            outcome.kills.append(kill)
            if not kill.hasty:
                await until(partial(load.answers, at))
                outcome.recoveries.append((kill, monotonic() - at))
        if monotonic() > give_up:
            return


async def struck(kill: Kill, stand: Stand) -> float:
    """When it was carried out."""
    if kill.point:
        stand.wire.trap = trap = Trap(kill.point, lambda port: stand.kill(kill.victim, port))
        await trap.sprung.wait()
    else:
        await until(lambda: stand.kill(kill.victim))
    return monotonic()
