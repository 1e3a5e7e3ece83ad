"""Long work pauses, so that the event loop answers others: a page of records, each judged, is no exception."""

import asyncio
import gc
import json
from collections.abc import Iterator
from math import inf
from typing import Any

import pytest
from bson import ObjectId

from documents.store import pauses
from documents.store.pauses import pausing
from tests.acting import ACTIONS
from tests.examples import BOT, eligible
from tests.operations import DORA, TOM, approved_change
from tests.service import CAROL, RITA, Service
from tests.turns import HELD, TRIES, held

MANY = 100
PAGES = {
    "actions of versions": (RITA, f"{{ modelVersions(first: {MANY}) {{ nodes {{ {ACTIONS} }} }} }}"),
    "actions of changes": (DORA, f"{{ changeRequests(first: {MANY}) {{ nodes {{ {ACTIONS} }} }} }}"),
    "eligibility": (RITA, f"{{ modelVersions(first: {MANY}) {{ nodes {{ eligibility {{ eligible }} }} }} }}"),
}  # fmt: skip


async def test_others_go_on_between_two_items_that_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    for often, expected in ((-1.0, [1, 2, 3]), (inf, [0, 0, 0])):
        monkeypatch.setattr(pauses, "HELD", often)
        turns = 0

        async def other() -> None:
            nonlocal turns
            for _ in range(9):
                turns += 1
                await asyncio.sleep(0)

        going = asyncio.create_task(other())
        had = [turns async for _ in pausing(range(4))]
        await going
        assert had == [0, *expected]


@pytest.fixture
async def crowded(service: Service) -> Service:
    """A hundred versions that are held to everything, each with an approved change."""
    await service.enrol(DORA, TOM)
    await eligible(service)
    for _ in range(5):
        await service.do("placeHold", CAROL, **BOT, reason="Look at it first.")
    await approved_change(service)
    for collection, key in (("model_versions", "version"), ("change_requests", "change_id")):
        documents = service.database.collection(collection)
        (first,) = await documents.find().to_list(None)
        await documents.insert_many([_another(first, key, number) for number in range(1, MANY)])
    return service


def _another(first: dict[str, Any], key: str, number: int) -> dict[str, Any]:
    other = first | {"_id": ObjectId(), key: f"1.{number}.0" if key == "version" else f"{first[key]}-{number}"}
    if key == "version":
        return other | {"version_key": f"{first['version_key']}{number:04d}"}
    return other | {"plan": first["plan"] | {"target_version": f"1.{number}.0"}}


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Garbage is not collected meanwhile: how long that takes depends on everything else that the tests hold."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.exhaustive
@pytest.mark.tampers
@pytest.mark.usefixtures("uncollected")
async def test_a_page_of_judged_records_does_not_hold_the_loop(crowded: Service) -> None:
    for name, (by, text) in PAGES.items():
        body = json.dumps({"query": text}).encode()
        taken = []
        for _ in range(TRIES):
            taken.append(await held(crowded, body, by))
            if taken[-1] < HELD:
                break
        assert min(taken) < HELD, f"{name}: it was held for {min(taken) * 1_000:.0f} ms"
