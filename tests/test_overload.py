"""What becomes of mutations when more come than can be made: they are refused at once, and the others go on in turn."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from documents.errors import Overloaded
from documents.store.neighbours import Neighbours
from documents.store.transaction import LAST
from documents.store.units import Unit
from tests.examples import BOT, register
from tests.service import ADA, ALICE, AUDREY, Service, mutating

RENAME = {"userId": "bob"}


@pytest.fixture
async def busy(service: Service) -> AsyncIterator[Service]:
    """A service whose last transactions took a quarter of an hour each, and whose turn is taken."""
    await register(service)
    turns = service.database.transactions
    await service.ask("{ viewer { id } }", ADA)  # the use of the token is noted
    turns.took.extend([1000.0] * LAST)
    await turns.turn.acquire()
    yield service
    if turns.turn.locked():
        turns.turn.release()
    turns.took.clear()


def free(service: Service) -> None:
    service.database.transactions.turn.release()


async def test_a_mutation_that_cannot_be_made_in_time_is_refused_before_it_waits(busy: Service) -> None:
    begun, size = monotonic(), await busy.size()
    refused = [await busy.refused("updateStakeholder", ADA, **RENAME, department=f"D{each}") for each in range(2)]
    assert refused == [{"code": "UNAVAILABLE", "retryAfter": 30}] * 2
    assert monotonic() - begun < busy.settings.limit_seconds
    turns = busy.database.transactions
    assert (turns._waiting, turns.turn.locked()) == (0, True)
    free(busy)
    # Nothing of it was begun, and nothing waits behind it to be recorded.
    assert await busy.size() == size
    assert (await busy.do("updateStakeholder", ADA, **RENAME, department="D"))["receipt"]["seq"] == size


async def test_the_same_mutation_succeeds_under_its_key_once_there_is_time(busy: Service) -> None:
    asked = {"query": mutating("updateStakeholder", ""), "variables": {"input": RENAME | {"department": "Sales"}}}
    headers = {"authorization": f"Bearer {ADA.token}", "idempotency-key": "once"}
    first = (await busy.http.post("/graphql", json=asked, headers=headers)).json()
    assert first["errors"][0]["extensions"]["code"] == "UNAVAILABLE" and first["data"] == {"updateStakeholder": None}
    free(busy)
    second, third = [(await busy.http.post("/graphql", json=asked, headers=headers)).json()["data"] for _ in range(2)]
    assert second == third and second["updateStakeholder"]["receipt"]


async def test_reads_and_what_the_trail_must_tell_are_not_refused(busy: Service) -> None:
    assert (await busy.ask("{ viewer { id } }"))["viewer"]["id"] == "alice"
    denied = asyncio.create_task(busy.refused("updateStakeholder", ALICE, **RENAME, department="D"))
    await asyncio.sleep(0)
    free(busy)
    assert (await denied)["code"] == "FORBIDDEN"
    assert (await busy.last())["outcome"] == "denied"


async def test_one_that_waits_in_vain_is_refused_when_its_time_is_over(service: Service) -> None:
    turns, size = service.database.transactions, await service.size()

    async def work(unit: Unit) -> None:
        raise AssertionError("it had no turn")

    async with turns.turn:
        with service.database.bound(), pytest.raises(Overloaded):
            await service.database.transact(work, service.now, within=0.01)
        assert turns._waiting == 0
    assert await service.size() == size


async def test_those_who_wait_are_served_in_order_though_one_leaves_and_one_is_refused(service: Service) -> None:
    turns, served = service.database.transactions, list[int]()

    def mutation(number: int, within: float) -> Any:
        async def work(unit: Unit) -> None:
            served.append(number)

        return asyncio.create_task(service.database.transact(work, service.now, within))

    async with turns.turn:
        with service.database.bound():
            first, leaves, refused, last = (mutation(*each) for each in ((1, 60), (2, 60), (3, 0.01), (4, 60)))
        with pytest.raises(Overloaded):
            await refused
        leaves.cancel()
        assert turns._waiting == 3  # who leaves is cancelled, and not the transaction
    await asyncio.gather(first, last)
    assert served == [1, 2, 4] and turns._waiting == 0 and not turns.turn.locked()


async def test_one_slow_transaction_among_quick_ones_refuses_nobody(service: Service) -> None:
    turns = service.database.transactions
    turns.took.extend([0.01] * (LAST - 1) + [3600.0])
    async with turns.turn:
        assert turns.wait == 0.01
    await service.do("updateStakeholder", ADA, **RENAME, department="Sales")


async def test_processes_of_one_machine_take_turns(
    server: str, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(service)
    other = Service(server, service.database.name)
    await other.database.prepare(())
    places = [Neighbours(tmp_path), Neighbours(tmp_path)]
    order = list[int]()
    for number, (each, place) in enumerate(zip((service, other), places, strict=True)):
        turn = place.in_turn

        def counted(turn: Any = turn, number: int = number) -> Any:
            return _Counted(turn(), number, order)

        monkeypatch.setattr(each.database.transactions, "neighbours", counted)
    await asyncio.gather(
        *(
            each.do("updateModelVersion", ALICE, **BOT, purpose=f"Answers question {which} of {number}.")
            for number, each in enumerate((service, other))
            for which in range(6)
        )
    )
    assert sorted(order) == [0] * 6 + [1] * 6
    # Whoever comes back at once waits behind the other one: neither has two turns in a row while the other waits.
    assert order[:2] in ([0, 1], [1, 0]) and all(one != next_ for one, next_ in pairwise(order[1:11]))
    assert (await service.ask("{ auditVerification { valid } }", AUDREY))["auditVerification"]["valid"]
    for place in places:
        place.close()
    await other.close()


class _Counted:
    def __init__(self, turn: Any, number: int, order: list[int]) -> None:
        self.turn, self.number, self.order = turn, number, order

    async def __aenter__(self) -> None:
        await self.turn.__aenter__()
        self.order.append(self.number)

    async def __aexit__(self, *raised: object) -> None:
        await self.turn.__aexit__(*raised)


async def test_a_neighbour_that_hangs_is_passed_by_and_one_that_ends_gives_up_its_turn(tmp_path: Path) -> None:
    other = Neighbours(tmp_path, patience=0.05)
    program = "import sys, asyncio; from pathlib import Path; from documents.store.neighbours import Neighbours\n"
    program += "async def hold():\n async with Neighbours(Path(sys.argv[1])).in_turn():\n  print('in', flush=True); input()\n"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program + "asyncio.run(hold())", str(tmp_path), stdin=PIPE, stdout=PIPE
    )
    assert process.stdout and await process.stdout.readline() == b"in\n"
    async with other.in_turn():
        passed_by = other.held
    process.kill()
    await process.wait()
    async with other.in_turn():
        assert (passed_by, other.held) == (False, True)
    other.close()
