"""Periodic reviews: how often, by the operator's choice."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from gql.firststart import prepare
from gql.settings import Settings
from tests.examples import BOT, EXPERIMENT, REVIEW, read, register
from tests.service import NOW, RITA, Service

DUE = "standing { nextReview }"


async def started_again(service: Service, *days: int) -> None:
    settings = service.settings.model_copy(update={"review_days": days})
    await prepare(settings, service.database, clock=lambda: service.now)


async def due(service: Service, **of: Any) -> str | None:
    found = (await read(service, DUE, **of))["standing"]["nextReview"]
    return found and str(found)[:10]


async def test_other_intervals_hold_for_what_is_there_and_for_what_comes(service: Service) -> None:
    await register(service)
    await register(service, **EXPERIMENT, modelId="toy")
    assert (await due(service), await due(service, modelId="toy")) == ("2026-08-28", None)
    await started_again(service, 30, 60, 90)
    assert (await due(service), await due(service, modelId="toy")) == ("2026-04-30", None)
    last = await service.last()
    assert (last["event_type"], last["actor"]["id"]) == ("policy_changed", "system")
    assert {each["path"]: each.get("to") for each in last["details"]["changes"]}["tier_2_important"] == 60
    service.later(days=1)
    await service.do("completeReview", RITA, **BOT | REVIEW)
    assert await due(service) == "2026-05-01"
    held = await service.size()
    await started_again(service, 30, 60, 90)
    assert await service.trail(held) == []


async def test_a_review_is_overdue_by_the_intervals_that_hold(service: Service) -> None:
    await register(service)
    overdue = "{ modelVersions(first: 9, filter: {reviewOverdue: true}) { nodes { version } } }"
    service.now = NOW + timedelta(days=60)
    assert (await service.ask(overdue))["modelVersions"]["nodes"] == []
    await started_again(service, 30, 60, 90)
    assert len((await service.ask(overdue))["modelVersions"]["nodes"]) == 1


@pytest.mark.parametrize("given", ["90,180", "0,1,2", "90,180,365,400", "soon"])
def test_intervals_are_three_numbers_of_days(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGISTRATE_REVIEW_DAYS", given)
    with pytest.raises(ValidationError):
        Settings()
    monkeypatch.setenv("MAGISTRATE_REVIEW_DAYS", "30, 60, 90")
    assert Settings().review_days == (30, 60, 90)
