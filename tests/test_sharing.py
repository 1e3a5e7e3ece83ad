"""Verifications that are asked for: what they cost, that one runs at a time, and who gets its answer."""

import asyncio
from copy import deepcopy
from threading import get_ident
from typing import Any

import pytest

from documents.audit.findings import Report
from documents.audit.verification import Verifier
from documents.audit.verify import WINDOW
from documents.turnstile import Turnstile
from tests.examples import BOT, register
from tests.service import ALICE, AUDREY, RITA, Service
from tests.trails import Stored, forged

ONCE = "{ auditVerification { treeSize valid } }"
EVENTS = 3 * WINDOW


class Works:
    """Work that ends when it is told to, and remembers how it went."""

    def __init__(self) -> None:
        self.begun = self.at_once = self.most = self.cancelled = 0
        self.goes = asyncio.Event()

    async def __call__(self) -> Report:
        self.begun += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        number = self.begun
        try:
            await self.goes.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1
        report = Verifier().report()
        return report.model_copy(update={"tree_size": number})


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def asked(turnstile: Turnstile[Report], works: Works, *what: Any) -> list[asyncio.Task[Report]]:
    """Callers, each with what it asks for, who all wait by now."""
    callers = [asyncio.create_task(turnstile.through(each, works)) for each in what]
    await settled()
    return callers


async def test_callers_who_come_while_one_runs_share_the_next_run() -> None:
    """It began after each of them asked, so it knows of all that they know of."""
    turnstile, works = Turnstile[Report](), Works()
    (first,) = await asked(turnstile, works, "all")
    later = await asked(turnstile, works, "all", "all", "all")
    assert works.begun == 1
    works.goes.set()
    assert (await first).tree_size == 1
    assert {(await each).tree_size for each in later} == {2} and works.begun == 2


async def test_runs_of_different_work_take_turns() -> None:
    turnstile, works = Turnstile[Report](), Works()
    callers = await asked(turnstile, works, "a", "b", "c", "b")
    works.goes.set()
    assert [(await each).tree_size for each in callers] == [1, 2, 3, 2]
    assert (works.begun, works.most) == (3, 1)


async def test_a_caller_who_hangs_up_ends_the_run_for_nobody_else() -> None:
    turnstile, works = Turnstile[Report](), Works()
    one, other = await asked(turnstile, works, "all", "all")
    one.cancel()
    await settled()
    works.goes.set()
    assert (await other).tree_size == 1 and works.cancelled == 0


async def test_a_run_that_nobody_waits_for_ends_and_lets_the_next_begin() -> None:
    turnstile, works = Turnstile[Report](), Works()
    running, waiting = await asked(turnstile, works, "a", "b")
    waiting.cancel()
    running.cancel()
    await settled()
    assert (works.begun, works.cancelled) == (1, 1)
    works.goes.set()
    (again,) = await asked(turnstile, works, "b")
    assert (await again).tree_size == 2


async def test_what_goes_wrong_is_told_to_all_who_wait_and_stops_nobody_after_them() -> None:
    async def fails() -> Report:
        await asyncio.sleep(0)
        raise ValueError("once")

    turnstile, works = Turnstile[Report](), Works()
    callers = [asyncio.create_task(turnstile.through("all", fails)) for _ in range(2)]
    for each in callers:
        with pytest.raises(ValueError, match="once"):
            await each
    works.goes.set()
    (fine,) = await asked(turnstile, works, "all")
    assert (await fine).tree_size == 1


@pytest.fixture
async def long(service: Service) -> Service:
    """A trail of several windows, with links and hashes as they should be."""
    await register(service)
    trail = await Stored.of(service)
    while len(trail.events) < EVENTS:
        trail.events.append(forged(deepcopy(trail.events[-1]), event_id=f"AUD-{len(trail.events):032x}"))
    trail.numbered()
    trail.headed()
    await trail.written(service)
    return service


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads in which windows were verified, one for each window."""
    fed, seen = Verifier.feed_read, list[int]()

    def noted(self: Verifier, *window: Any) -> None:
        seen.append(get_ident())
        fed(self, *window)

    monkeypatch.setattr(Verifier, "feed_read", noted)
    return seen


@pytest.mark.exhaustive
@pytest.mark.tampers
async def test_a_verification_leaves_the_event_loop_to_others(long: Service, threads: list[int]) -> None:
    assert await long.ask(ONCE, AUDREY) == {"auditVerification": {"treeSize": EVENTS, "valid": True}}
    assert len(threads) == EVENTS / WINDOW and get_ident() not in threads


@pytest.mark.exhaustive
@pytest.mark.tampers
async def test_ten_callers_at_once_get_one_answer_of_at_most_two_runs(long: Service, threads: list[int]) -> None:
    """The first begins at once, and the others may come while it runs."""
    answers = await asyncio.gather(*(long.ask(ONCE, by) for by in [AUDREY, RITA] * 5))
    assert all(each == {"auditVerification": {"treeSize": EVENTS, "valid": True}} for each in answers)
    assert len(threads) <= 2 * EVENTS / WINDOW


async def test_a_caller_who_comes_while_one_runs_hears_of_what_came_before_the_question(service: Service) -> None:
    await register(service)
    earlier = asyncio.create_task(service.ask(ONCE, AUDREY))
    await asyncio.sleep(0)
    await service.do("updateModelVersion", **BOT, restrictions=["Not for complaints"])
    size = await service.size()
    assert (await service.ask(ONCE, RITA))["auditVerification"] == {"treeSize": size, "valid": True}
    await earlier


RANGE = "query($from: BigInt! = 0, $to: BigInt) { auditVerification(from: $from, to: $to) { valid } }"
COSTS: list[tuple[str, dict[str, Any], int]] = [
    (ONCE, {}, 5_000),
    (RANGE, {}, 5_000),
    (RANGE, {"to": 99}, 10),
    (RANGE, {"from": 7, "to": 7}, 1),
    (RANGE, {"from": 1, "to": None}, 5_000),
    (RANGE, {"from": 0, "to": 10**12}, 5_000),
    (
        "{ a: auditVerification(from: 0, to: 9) { valid } ...F } fragment F on Query { b: auditVerification(from: 0) { valid } }",
        {},
        5_001,
    ),
    ("{ a: auditVerification { valid } b: auditVerification { valid } }", {}, 10_000),
]


@pytest.mark.parametrize(("query", "variables", "cost"), COSTS)
async def test_a_verification_costs_a_record_for_ten_events_that_it_may_read(
    service: Service, query: str, variables: dict[str, Any], cost: int
) -> None:
    headers = {"authorization": f"Bearer {AUDREY.token}", "x-magistrate-cost": "true"}
    answer = await service.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    assert answer.json()["extensions"] == {"cost": {"requested": cost, "limit": 10_000}}


async def test_three_whole_verifications_are_too_many_for_one_operation(service: Service) -> None:
    three = " ".join(f"a{each}: auditVerification {{ valid }}" for each in range(3))
    refused = await service.refusal(f"{{ {three} }}", AUDREY)
    assert (refused["code"], refused["size"], refused["limit"]) == ("LIMIT_EXCEEDED", 15_000, 10_000)
    assert (await service.refusal(f"{{ {three} }}", ALICE))["code"] == "LIMIT_EXCEEDED"  # before anybody asks who may
