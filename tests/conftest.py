"""One embedded server for the run, one database and one app a test."""

import gc
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from gql.embedded import Engine

if TYPE_CHECKING:
    from tests.service import Service

settings.register_profile("long", max_examples=10_000)
settings.register_profile("brief", max_examples=30)  # in the place of 100: what `make test` draws

LONGEST = (
    "test_faults", "test_processes", "test_migrations", "test_hostile_runs", "test_audit_commands", "test_tampering", "test_demo",
    "test_arguments", "test_executor", "test_idempotency", "test_restorations", "test_hostile_trail", "test_fuzz", "test_reports",
    "test_actions", "test_dashboard", "test_environments", "test_issued", "test_recovery", "test_records", "test_standings",
)  # fmt: skip
"""Modules that take long, above all in a whole run: they come first, so that no process is alone with one at the end."""


def pytest_collection(session: pytest.Session) -> None:
    """What collecting makes stays to the end: looking through it for garbage, again and again, took a fifth of the time."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda each: LONGEST.index(name) if (name := each.path.stem) in LONGEST else len(LONGEST))


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()
    gc.enable()


# The process that hands out tests to others knows nothing of the product: importing it takes seconds.


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from tests.service import close_spares  # noqa: PLC0415

    # A full cache stops secantusd-py for good: the thread that waits for room holds the lock of the one that would make room.
    # What was written since the last checkpoint may fill a fifth of it, and a run of all tests fills that of 1 GB.
    with Volatile(tmp_path_factory.mktemp("data"), cache="4G") as engine:
        yield engine.uri
        close_spares(engine.uri)


class Volatile(Engine):
    """The engine without a sync to disk at each commit: nobody misses these data. What a kill leaves is tested elsewhere.

    It asks for no password either, which tests of the engine that is served show, and which would cost each client some time.
    """

    asks = False

    def _command(self) -> list[str]:
        return [each for each in super()._command() if each != "--sync-on-commit"]


@pytest.fixture
async def service(server: str, request: pytest.FixtureRequest) -> "AsyncIterator[Service]":
    from documents.kinds import RECORDS  # noqa: PLC0415
    from documents.store.counts import missing  # noqa: PLC0415
    from tests.service import Service  # noqa: PLC0415
    from tests.standings import misjudged  # noqa: PLC0415

    service = await Service.started(server)
    service.patched = "monkeypatch" in request.fixturenames
    honest = request.node.get_closest_marker("tampers") is None
    try:
        with service.database.bound():
            yield service
            if honest:
                assert await misjudged() == []
                if not service.written_elsewhere:  # by another process, whose clock says which moments have passed
                    assert (await missing(RECORDS, service.now)).differences == []
    finally:
        await service.close(spare=honest)
