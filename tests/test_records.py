"""Stored records against the trail: an honest one agrees field by field, and whatever was altered past the product is found."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId

from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.audit.findings import AuditCaveat, Report
from documents.audit.verify import verify
from documents.books import BOOKS
from tests.journey import every_mutation, sign_in
from tests.service import Service
from tests.stored import Stored

Raw = dict[str, Any]
Found = set[tuple[str, str | None, str | None, str | None]]


def faults(report: Report) -> Found:
    """The faults of a report: kind, and the record's kind, key and path."""
    return {
        (each.kind.name, each.resource and each.resource.type, each.resource and each.resource.id, each.path)
        for each in report.faults
    }


async def found(service: Service, folder: Path) -> Report:
    """What a verification finds, in the database and in an export alike."""
    online = await verify(books=BOOKS)
    written = await export(folder, books=BOOKS)
    offline = verify_export(folder)
    assert [*map(str, online.faults)] == [*map(str, written.faults)] == [*map(str, offline.faults)]
    for each in (written, offline):
        assert (each.records_compared, each.records_unproven) == (online.records_compared, online.records_unproven)
    assert AuditCaveat.RECORDS_NOT_COMPARED not in {*online.caveats, *written.caveats, *offline.caveats}
    return online


@pytest.fixture(scope="module")
async def travelled(server: str) -> AsyncIterator[tuple[Service, Stored]]:
    """A service on which every mutation was done, and all that it stores."""
    service = await Service.started(server)
    with service.database.bound():
        await sign_in(service)
        async for _ in every_mutation(service):
            pass
        yield service, await service.stored()
    await service.close()


async def test_the_whole_journey_is_stored_as_the_trail_tells_it(
    travelled: tuple[Service, Stored], tmp_path: Path
) -> None:
    service, stored = travelled
    await service.restore(stored)
    report = await found(service, tmp_path)
    assert report.faults == ()
    assert report.records_compared > 30 and report.records_unproven == 0


@dataclass(frozen=True)
class Attack:
    """A write past the product, and what is found of it: the record's kind and key, the kind of fault, and its path."""

    collection: str
    kind: str
    key: str
    query: Raw
    write: Callable[[Raw], Raw]
    path: str | None
    fault: str = "RECORD_DIFFERS"


def setting(**fields: Any) -> Callable[[Raw], Raw]:
    """Sets fields, by their dotted paths with two underscores for a dot."""
    return lambda stored: {"$set": {name.replace("__", "."): each for name, each in fields.items()}}


def at(path: str, change: Callable[[Any], Any]) -> Callable[[Raw], Raw]:
    """Sets what is at a path to what `change` makes of it."""

    def write(stored: Raw) -> Raw:
        value: Any = stored
        for step in path.split("."):
            value = value[int(step) if isinstance(value, list) else step]
        return {"$set": {path: change(value)}}

    return write


def unsetting(path: str) -> Callable[[Raw], Raw]:
    return lambda stored: {"$unset": {path: ""}}


BOT = {"model_id": "refund-bot", "version": "1.0.0"}
