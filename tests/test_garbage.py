"""Garbage is collected in quiet moments, and not in the middle of a request."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from gql import garbage


class Ring:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.around = self


@pytest.fixture
def put_off() -> Iterator[None]:
    thresholds = gc.get_threshold()
    gc.collect()
    garbage.put_off()
    yield
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("put_off")
async def test_what_became_old_is_collected_once_it_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "QUIET", 0.01)
    ring = Ring()
    seen = weakref.ref(ring)
    for _ in range(garbage.DUE + 1):
        gc.collect(1)
    del ring
    gc.collect(1)
    assert seen() is not None  # it is old, and the interpreter would leave it there for long
    going = asyncio.create_task(garbage.collect_in_turns())
    async with asyncio.timeout(10):
        while seen() is not None:  # noqa: ASYNC110  no event tells of it
            await asyncio.sleep(0.01)
    going.cancel()


@pytest.mark.usefixtures("put_off")
def test_what_a_request_holds_is_not_looked_through_again_and_again() -> None:
    full: list[int] = []

    def told(phase: str, said: dict[str, int]) -> None:
        if phase == "start" and said["generation"] == 2:
            full.append(1)

    gc.callbacks.append(told)
    held = [[each] for each in range(400_000)]
    gc.callbacks.remove(told)
    assert held and not full
