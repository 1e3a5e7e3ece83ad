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

from documents.audit.trail import AuditHead
from documents.errors import Overloaded
from documents.store.neighbours import Neighbours
from documents.store.precedence import BESIDE, REST, SHORTLY, Precedence
from documents.store.transaction import LAST, SERVED
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


async def test_a_mutation_is_refused_while_many_wait_for_longer_than_the_bound_and_never_while_few_do(service: Service) -> None:
    await service.ask("{ viewer { id } }", ADA)
    turns, served = service.database.transactions, list[int]()
    turns.took.extend([service.settings.limit_wait] * LAST)

    async def work(unit: Unit) -> None:
        served.append(len(served))

    def came() -> Any:
        return asyncio.create_task(service.database.transact(work, service.now, 60, service.settings.limit_wait))

    await turns.turn.acquire()
    with service.database.bound():
        waiting = [came() for _ in range(SERVED)]
    await asyncio.sleep(0)
    refused = await service.refused("updateStakeholder", ADA, **RENAME, department="Sales")
    assert refused == {"code": "UNAVAILABLE", "retryAfter": 24}  # 17 of 1.5 seconds each
    free(service)
    await asyncio.gather(*waiting)
    # What took long before is forgotten as others are made.
    assert len(served) == SERVED and turns.wait == 0.0
    await service.do("updateStakeholder", ADA, **RENAME, department="Sales")


async def test_a_process_that_made_no_transaction_yet_refuses_a_burst_beyond_its_bound(service: Service) -> None:
    turns = service.database.transactions
    turns.took.clear()

    async def work(unit: Unit) -> None: ...

    async with turns.turn:
        with service.database.bound():
            tasks = [asyncio.create_task(service.database.transact(work, service.now, 60, 1.5)) for _ in range(500)]
        await asyncio.sleep(0)
        refused = [each for each in tasks if each.done()]
        assert SERVED < len(tasks) - len(refused) < 100
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(each, Overloaded) for each in done) == len(refused)


async def test_a_refused_request_says_in_its_header_when_to_come_again_unless_a_part_of_it_was_done(busy: Service) -> None:
    asked = {"query": mutating("updateStakeholder", ""), "variables": {"input": RENAME | {"department": "Sales"}}}
    headers = {"authorization": f"Bearer {ADA.token}"}
    answer = await busy.http.post("/graphql", json=asked, headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (200, "30")
    answer = await busy.http.post("/graphql", json=asked, headers=headers | {"accept": "application/graphql-response+json"})
    assert (answer.status_code, answer.headers["retry-after"]) == (294, "30")
    free(busy)
    busy.database.transactions.took.clear()
    stale = {"query": mutating("updateStakeholder", ""), "variables": {"input": RENAME | {"department": ""}}}
    for each in (asked, stale):
        assert "retry-after" not in (await busy.http.post("/graphql", json=each, headers=headers)).headers


async def test_questions_give_way_to_a_mutation_in_order_and_go_on_at_once_without_one(service: Service) -> None:
    busy, order, last = True, list[int](), BESIDE + 2
    precedence, leave = Precedence(lambda: busy), [asyncio.Event() for _ in range(last + 3)]

    async def question(number: int) -> None:
        async with precedence.question():
            order.append(number)
            await leave[number].wait()

    tasks = [asyncio.create_task(question(number)) for number in range(last + 1)]
    await asyncio.sleep(0)
    assert order == [*range(BESIDE)]
    leave[0].set()
    await tasks[0]
    await asyncio.sleep(SHORTLY / 5)
    assert order == [*range(BESIDE + 1)]
    # One whose caller leaves while it waits makes no room and takes none.
    tasks[BESIDE + 1].cancel()
    busy = False
    leave[BESIDE].set()
    await tasks[BESIDE]
    tasks += [asyncio.create_task(question(number)) for number in (last + 1, last + 2)]
    await asyncio.sleep(0)
    assert order == [each for each in range(last + 3) if each != BESIDE + 1]
    for event in leave:
        event.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [number for number, each in enumerate(done) if each is not None] == [BESIDE + 1]
    await asyncio.sleep(2 * SHORTLY)
    assert (precedence._begun, len(precedence._waiting)) == (0, 0)


async def test_the_place_of_a_question_stays_empty_for_a_while_if_a_mutation_is_under_way(service: Service) -> None:
    busy, begun, took = True, list[float](), 0.05
    precedence, loop = Precedence(lambda: busy), asyncio.get_running_loop()

    async def question() -> None:
        async with precedence.question():
            begun.append(loop.time())
            await asyncio.sleep(took)

    await asyncio.gather(*(question() for _ in range(2 * BESIDE)))
    assert begun[BESIDE] - begun[0] >= (1 + REST) * took
    busy = False
    begun.clear()
    await asyncio.gather(*(question() for _ in range(2 * BESIDE)))
    assert begun == sorted(begun) and len(begun) == 2 * BESIDE
    await asyncio.sleep(2 * SHORTLY)
    assert (precedence._begun, len(precedence._waiting)) == (0, 0)


async def test_questions_that_take_long_let_others_by(service: Service) -> None:
    precedence, end = Precedence(lambda: True), asyncio.Event()

    async def slow() -> None:
        async with precedence.question():
            await end.wait()

    async def quick() -> None:
        async with precedence.question():
            return

    tasks = [asyncio.create_task(slow()) for _ in range(BESIDE)]
    await asyncio.sleep(0)
    async with asyncio.timeout(100 * SHORTLY):
        await asyncio.gather(quick(), quick())
    end.set()
    await asyncio.gather(*tasks)
    await asyncio.sleep(2 * SHORTLY)
    assert (precedence._begun, len(precedence._waiting)) == (0, 0)


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
    turns.took.extend([0.25] * (LAST - 1) + [3600.0])
    async with turns.turn:
        assert turns.wait == 0.25
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


async def test_a_process_that_meets_another_ones_transaction_has_no_turn_of_the_machine_while_it_pauses(
    server: str, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, begun, end = Service(server, service.database.name), asyncio.Event(), asyncio.Event()
    await other.database.prepare(())
    here, beside = Neighbours(tmp_path), Neighbours(tmp_path, patience=60)
    monkeypatch.setattr(service.database.transactions, "neighbours", here.in_turn)

    async def slow(unit: Unit) -> None:
        await AuditHead.touch()
        begun.set()
        await end.wait()

    with other.database.bound():
        held = asyncio.create_task(other.database.transact(slow, service.now))
    await begun.wait()
    meets = asyncio.create_task(service.do("updateStakeholder", ADA, **RENAME, department="Sales"))
    while not here.held:  # noqa: ASYNC110  the turn is a lock of a file, which tells nobody
        await asyncio.sleep(0)
    async with beside.in_turn():
        assert beside.held and not meets.done()
    end.set()
    await held
    assert (await meets)["receipt"]
    for place in (here, beside):
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
