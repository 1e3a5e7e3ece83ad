"""Stored records against the trail: an honest one agrees field by field, and whatever was altered past the product is found."""

from typing import Any

import pytest

from documents.audit.verify import verify
from documents.books import BOOKS
from tests.journey import every_mutation, sign_in
from tests.service import Service


async def test_the_whole_journey_is_stored_as_the_trail_tells_it(service: Service) -> None:
    await sign_in(service)
    async for _ in every_mutation(service):
        pass
    report = await verify(books=BOOKS)
    assert report.faults == ()
    assert report.records_compared > 30 and report.records_unproven == 0
