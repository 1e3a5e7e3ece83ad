"""Starts a service over the store of a release, as an upgrade does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from documents.eligibility.turns import judge_batch
from gql.firststart import prepare
from tests.service import Service
from tests.stores.store import Store, index, load


@dataclass(frozen=True)
class Opened:
    """A service that started over the store of a release at the moment at which that was taken, and what the start left.

    The start migrated it; afterwards what was judged by older rules was judged anew.
    """

    service: Service
    store: Store
    left: Mapping[str, Mapping[bytes, Any]]


async def open_store(service: Service, release: str) -> Opened:
    """Loads the store into the service's empty database, starts, and judges what older rules judged; call it once."""
    store = await load(service.database.collections, release)
    await index(service.database.collections, release)
    service.now = store.moment
    settings = service.settings.model_copy(update={"review_days": tuple(store.review_days), "migrate": True})
    await prepare(settings, service.database, clock=lambda: store.moment)
    with service.database.bound():
        started = (await service.stored()).documents
        while await judge_batch(store.moment):
            pass
    return Opened(service, store, started)
